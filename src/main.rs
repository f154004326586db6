//! Parses the command line and dispatches; it knows nothing else.
fn main() {}
