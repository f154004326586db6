//! `lww witness`: a witness of its own (C2SP tlog-witness), for whoever is to see that a log only grows and doesn't run it.
//!
//! It shares nothing with the server that it watches but this program: its own folder, key, state and machine.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use lww_audit::VerifierKey;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{CommandError, screen};
use crate::app::{OpenWitness, WitnessPlace, add_log, make_witness, open_witness, start_logging};
use crate::http::Server;
use crate::storage::witness::Known;
use crate::units::{MICROS_PER_SECOND, Timestamp};

/// A witness.
#[derive(Subcommand)]
pub enum WitnessCommand {
    /// Make a witness: its folder and its key. Prints the public key, which trust policies name it by.
    Init {
        #[command(flatten)]
        home: Home,
        /// What signature lines call it: a name of your own domain, such as audit.bank.example/w1.
        #[arg(long)]
        name: String,
    },
    /// Tell the witness of a log that it shall cosign, or of one more key of a log that it knows. It must not run meanwhile.
    AddLog {
        #[command(flatten)]
        home: Home,
        /// The log's public key, as `lww ledger vkey` prints it; taken from whoever answers for the log, not from the network.
        vkey: String,
    },
    /// Cosign, until SIGTERM or Ctrl-C.
    Run(RunArgs),
    /// Print the public key, and where each log stands. It must not run meanwhile.
    Show {
        #[command(flatten)]
        home: Home,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// Where a witness keeps key and state.
#[derive(Args)]
pub struct Home {
    /// The witness's folder, mode 0700. Never restore it from a backup: make a new witness instead.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
}

/// Cosign.
#[derive(Args)]
pub struct RunArgs {
    #[command(flatten)]
    home: Home,
    /// Address and port to listen on: HTTPS with --certificate, else plain HTTP on loopback.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7100")]
    listen: SocketAddr,
    /// Certificate chain in PEM. A new one is taken while the witness runs.
    #[arg(long, value_name = "FILE", requires = "private_key")]
    certificate: Option<PathBuf>,
    /// The certificate's private key in PEM, mode 0600.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    private_key: Option<PathBuf>,
    /// Address and port on loopback where Prometheus reads /metrics.
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
    /// The folder was moved to this place, and nothing has run in the old one since.
    #[arg(long)]
    moved: bool,
    /// The least severe events that are logged, into `logs` in the folder.
    #[arg(long, default_value = "info", value_parser = ["error", "warn", "info", "debug", "trace"])]
    log_level: String,
    /// Print address and key as one line of JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(command: WitnessCommand) -> Result<(), CommandError> {
    match command {
        WitnessCommand::Init { home, name } => screen::line(&make_witness(&home.dir, &name)?),
        WitnessCommand::AddLog { home, vkey } => {
            let key: VerifierKey = vkey.trim().parse().map_err(|error| wrong_key(&error))?;
            add_log(&home.dir, &key)?;
            screen::line(&format!("{} is cosigned from its first entry on", key.name()));
        }
        WitnessCommand::Run(args) => serve(args).await?,
        WitnessCommand::Show { home, json } => show(&open_witness(&home.dir, false)?, json),
    }
    Ok(())
}

fn wrong_key(error: &lww_audit::Error) -> std::io::Error {
    std::io::Error::other(format!("the log's key: {error}"))
}

async fn serve(args: RunArgs) -> Result<(), CommandError> {
    let _log = start_logging(&args.home.dir.join("logs"), &args.log_level).map_err(CommandError::Logging)?;
    let witness = open_witness(&args.home.dir, args.moved)?;
    let (stop, stopping) = watch::channel(false);
    let tls = args.certificate.zip(args.private_key);
    let place = WitnessPlace { listen: args.listen, tls, metrics: args.metrics };
    let (service, addresses) = witness.served(&place, stopping)?;
    let server = Server::bind(service, addresses)?;
    let url = match (server.https, server.http) {
        (Some(at), _) => format!("https://{at}"),
        (None, Some(at)) => format!("http://{at}"),
        (None, None) => String::new(),
    };
    let (key, logs) = (witness.key(), witness.known().len());
    if args.json {
        screen::line(&serde_json::json!({"url": url, "key": key, "logs": logs}).to_string());
    } else {
        screen::line(&format!("witness {key}\nlistens on {url} and knows {logs} logs"));
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let ended = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.send_replace(true);
    };
    Ok(server.run(ended).await?)
}

fn show(witness: &OpenWitness, json: bool) {
    let time = |known: &Known| {
        let seconds = i64::try_from(known.time_s).unwrap_or(i64::MAX);
        (known.time_s > 0).then(|| Timestamp::from_micros(seconds.saturating_mul(MICROS_PER_SECOND)).to_string())
    };
    let known = witness.known();
    if json {
        let one =
            |known: &Known| serde_json::json!({"log": known.origin.as_str(), "size": known.size.0, "at": time(known)});
        let logs: Vec<_> = known.iter().map(one).collect();
        return screen::line(&serde_json::json!({"key": witness.key(), "logs": logs}).to_string());
    }
    screen::line(&witness.key());
    for known in &known {
        let at =
            time(known).map_or_else(|| "nothing cosigned yet".to_owned(), |at| format!("size {} at {at}", known.size));
        screen::line(&format!("{}  {at}", known.origin));
    }
}
