//! Commands of `lww`: what an operator types. Each prints for people, says what went wrong and the way out.
//!
//! It wires nothing itself; `app` does.

mod backup;
pub mod client;
mod config;
mod db;
pub mod demo;
mod doctor;
pub mod evidence;
mod explain;
mod ledger;
pub mod mask;
mod operator;
pub mod person;
mod policy;
mod policy_runs;
mod reader;
pub mod reconcile;
mod recover;
mod reports;
pub mod route;
mod run;
mod screen;
mod sheet;
mod stories;
mod subject;
mod unmask;
mod welcome;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::AppError;
use crate::app::config::{Config, ConfigError};

/// Liaowaiwai (聊歪歪): a compliance-grade customer-service server.
///
/// Every customer message is masked by policy, recorded in a ledger that nobody can rewrite unseen, and only then routed
/// and answered.
#[derive(Parser)]
#[command(name = "lww", version, about, long_about, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  lww run                                   start with a private PostgreSQL and a demo tenant
  lww demo --keep /tmp/lww-demo             a scripted conversation, its proof, and tampering caught
  echo '卡号6222 0212 3456 7890 128' | lww mask --policy policies/masking/cn-retail.yaml --view agent
  lww ledger verify --against-db            compare the database with what was published, row by row";

/// Exit code of a comparison that found differences.
const DIFFERS: u8 = 3;

#[derive(Subcommand)]
enum Command {
    /// Start the server.
    Run(run::RunArgs),
    /// Play a scripted conversation on a server of its own, verify its proofs, and catch tampering.
    Demo(demo::DemoArgs),
    /// Mask messages from standard input by a policy file, or measure a policy.
    Mask(mask::MaskCommand),
    /// Try, check and activate routing tables, and make recorded decisions again.
    Route(route::RouteArgs),
    /// Masking policies.
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// The ledger: its head, its key, and whether the database still agrees with what was published.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// Evidence packages: proofs and masked texts for whoever asks for them.
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
    /// Comparisons of the ledger with what others say.
    #[command(subcommand)]
    Audit(reconcile::AuditCommand),
    /// Customers: erase them by two people's word, hold them, certify it.
    #[command(subcommand)]
    Subject(subject::SubjectCommand),
    /// Values behind masks: who asked to open them, and the second person's word.
    #[command(subcommand)]
    Unmask(unmask::UnmaskCommand),
    /// Keys, for the operator at the machine.
    #[command(subcommand)]
    Keys(subject::KeysCommand),
    /// Accounts, for the operator at the machine.
    #[command(subcommand)]
    Admin(operator::AdminCommand),
    /// The database's schema.
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Write a backup of the database, and apart from it one of the keys.
    Backup(backup::BackupArgs),
    /// Put a backup into an empty place and verify it.
    Restore(backup::RestoreArgs),
    /// The configuration file: every key explained, an example, and whether a file is good.
    Config(config::ConfigArgs),
    /// A witness of its own, which sees that logs only grow and cosigns that.
    #[command(subcommand)]
    Witness(witness::WitnessCommand),
    /// Read files for the server; it starts this by itself.
    #[command(hide = true)]
    FileReader(reader::ReaderArgs),
    /// Look at configuration, PostgreSQL, disk, clock, certificates and permissions, and say what to change.
    Doctor(doctor::DoctorArgs),
}

/// Where the configuration is; the same for every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Place {
    /// Configuration file (TOML). Without it: a private PostgreSQL and one demo tenant.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data directory, overriding the configuration's.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl Place {
    /// Reads the configuration.
    ///
    /// # Errors
    /// [`ConfigError`], naming file, line and key.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(data_dir) = &self.data_dir {
            config.move_to(data_dir);
        }
        Ok(config)
    }
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The server could not start or stop.
    #[error(transparent)]
    App(#[from] AppError),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Standard output or a file failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A message could not be masked.
    #[error(transparent)]
    Mask(#[from] mask::MaskCommandError),
    /// A policy was not measured, or finds less than was asked for.
    #[error(transparent)]
    Eval(#[from] mask::eval::EvalError),
    /// The server refused an order.
    #[error(transparent)]
    Control(#[from] crate::app::ControlError),
    /// A table, a case or a recorded decision is not as it should be.
    #[error(transparent)]
    Route(#[from] route::RouteError),
    /// The ledger does not verify.
    #[error(transparent)]
    Ledger(#[from] ledger::LedgerError),
    /// Nothing was recovered.
    #[error("nothing was recovered: {0}")]
    Recovery(#[from] crate::app::recover::RecoveryError),
    /// There is no evidence package.
    #[error(transparent)]
    Evidence(#[from] evidence::EvidenceError),
    /// Nobody is logged in.
    #[error(transparent)]
    Person(#[from] person::PersonError),
    /// Two lists were not compared, or differ.
    #[error(transparent)]
    Reconcile(#[from] reconcile::ReconcileError),
    /// A policy would show more than another.
    #[error("it does not only mask more")]
    ShowsMore,
    /// The demo did not go as it should.
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
    /// There is no backup.
    #[error(transparent)]
    Backup(#[from] crate::app::backup::BackupError),
    /// Nothing was restored.
    #[error("nothing was restored: {0}")]
    Restore(#[from] crate::app::backup::RestoreError),
    /// The listeners failed.
    #[error(transparent)]
    Http(#[from] crate::http::HttpError),
    /// The demo tenant's accounts could not be made.
    #[error("the demo accounts could not be made: {0}")]
    Seed(String),
    /// The SM2 key of a log could not be made or named by an entry.
    #[error("the SM2 key could not be named: {0}")]
    Naming(#[from] crate::app::NamingError),
    /// Checks of `lww doctor` failed.
    #[error(transparent)]
    Doctor(#[from] doctor::Failed),
    /// Logging could not begin.
    #[error("logging: {0}")]
    Logging(String),
}

impl Cli {
    /// Runs the command; 0 is success, 1 a failure that was told, 2 a wrong call, 3 a comparison that found differences.
    pub fn run(self) -> ExitCode {
        match self.command.run() {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads the output has seen enough.
            Err(CommandError::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => {
                screen::error(&error.to_string());
                let differs = matches!(
                    error,
                    CommandError::ShowsMore
                        | CommandError::Reconcile(reconcile::ReconcileError::Differs(_))
                        | CommandError::Eval(mask::eval::EvalError::Missed { .. })
                );
                if differs { ExitCode::from(DIFFERS) } else { ExitCode::FAILURE }
            }
        }
    }
}

impl Command {
    fn run(self) -> Result<(), CommandError> {
        match self {
            Self::Mask(command) => command.run(),
            Self::Run(args) => run::run(args),
            Self::Demo(args) => runtime()?.block_on(demo::run(args)),
            Self::Route(args) => runtime()?.block_on(route::run(args)),
            Self::Policy(command) => runtime()?.block_on(policy::run(command)),
            Self::Admin(command) => runtime()?.block_on(operator::admin(command)),
            Self::Subject(command) => runtime()?.block_on(subject::subject(command)),
            Self::Unmask(command) => runtime()?.block_on(unmask::run(command)),
            Self::Keys(command) => runtime()?.block_on(subject::keys(command)),
            Self::Ledger(command) => runtime()?.block_on(ledger::run(command)),
            Self::Evidence(command) => runtime()?.block_on(evidence::run(command)),
            Self::Audit(command) => runtime()?.block_on(reconcile::run(command)),
            Self::Config(args) => config::run(&args),
            Self::FileReader(args) => reader::run(&args),
            Self::Doctor(args) => runtime()?.block_on(doctor::run(args)),
            Self::Db(command) => runtime()?.block_on(db::run(command)),
            Self::Backup(args) => runtime()?.block_on(backup::backup(args)),
            Self::Witness(command) => runtime()?.block_on(witness::run(command)),
            Self::Restore(args) => runtime()?.block_on(backup::restore(args)),
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
