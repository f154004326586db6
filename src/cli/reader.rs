//! `lww file-reader`: what the server starts to read files that strangers made; nobody types it.

use clap::Args;

use super::CommandError;
use crate::app::reach_no_file;
use crate::files::worker;

/// Read files from standard input, for the server.
#[derive(Args)]
pub struct ReaderArgs {
    /// Read one file, within limits, and end.
    #[arg(long)]
    one: bool,
}

pub(super) fn run(args: &ReaderArgs) -> Result<(), CommandError> {
    if !args.one {
        return Ok(worker::serve()?);
    }
    // Best effort, as for the server itself: where the kernel has no Landlock, the limits still hold.
    let _kernel = reach_no_file();
    Ok(worker::read_one()?)
}
