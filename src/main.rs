//! Parses the command line and dispatches; it knows nothing else.

use std::process::ExitCode;

use clap::Parser;

/// A message makes hundreds of small short-lived values on one thread; glibc's allocator spent a tenth of the server on them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    liaowaiwai::cli::Cli::parse().run()
}
