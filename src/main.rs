//! Parses the command line and dispatches; it knows nothing else.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    liaowaiwai::cli::Cli::parse().run()
}
