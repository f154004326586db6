//! `lww-evm`: anchors the checkpoints of ledgers on an EVM chain, for the server or by itself.

mod commands;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lww_audit::Origin;

/// Anchors checkpoints of ledgers on an EVM chain.
#[derive(Parser)]
#[command(name = "lww-evm", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Args)]
struct Configured {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// Make an account's key in a new file of mode 0600. Prints the account.
    Key {
        /// The file.
        file: PathBuf,
    },
    /// Put the contract onto the chain; the account owns it and writes to it. Prints its address for `contract`.
    Deploy {
        #[command(flatten)]
        of: Configured,
    },
    /// Anchor what each log has published, once. Prints a receipt a line, and the gas that it took.
    Anchor {
        #[command(flatten)]
        of: Configured,
        /// Longest that it waits, in seconds; what is on its way then is taken up by the next run.
        #[arg(long, default_value_t = 600)]
        wait_s: u64,
    },
    /// Wait for the server's questions and anchor what it asks for, until SIGTERM or Ctrl-C.
    Run {
        #[command(flatten)]
        of: Configured,
    },
    /// Print the way from an entry's leaf to a receipt's batch root, and ask the contract whether it holds.
    Prove {
        #[command(flatten)]
        of: Configured,
        /// A receipt.
        #[arg(long, value_name = "FILE")]
        receipt: PathBuf,
        /// The entry's index.
        #[arg(long)]
        index: u64,
    },
    /// Ask the node whether the chain says what a receipt says.
    Check {
        #[command(flatten)]
        of: Configured,
        /// A receipt.
        #[arg(long, value_name = "FILE")]
        receipt: PathBuf,
    },
    /// Print the batch over a log's entries as JSON, without a node.
    Batch {
        #[command(flatten)]
        of: Configured,
        /// The log.
        #[arg(long)]
        log: Origin,
        /// Index of the first entry.
        #[arg(long, default_value_t = 0)]
        first: u64,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command)),
        Err(error) => Err(error.to_string()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(std::io::stderr(), "lww-evm: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Key { file } => commands::key(&file),
        Command::Deploy { of } => commands::deploy(&of.config).await,
        Command::Anchor { of, wait_s } => commands::anchor(&of.config, wait_s).await,
        Command::Run { of } => commands::serve(&of.config).await,
        Command::Prove { of, receipt, index } => commands::prove(&of.config, &receipt, index).await,
        Command::Check { of, receipt } => commands::check(&of.config, &receipt).await,
        Command::Batch { of, log, first } => commands::batch(&of.config, &log, first),
    }
}

fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
