//! `lww ledger`: the published head, the log's public keys and their changes, the comparison of database and tiles, and the
//! state made anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use lww_audit::{Generations, TileDir, VerifierKey};

use super::{CommandError, Place, recover, screen, sheet};
use crate::app::config::Config;
use crate::app::{AppError, Order, ask, at_hand};
use crate::crypto::{KeyDirectory, KeyError, TenantVault};
use crate::ports::LogKeys;
use crate::storage::database::Database;
use crate::storage::head::LogName;
use crate::storage::verify::{Comparison, Difference, Rebuilt, begin_snapshot};
use crate::units::TenantId;

/// The ledger.
#[derive(Subcommand)]
pub enum LedgerCommand {
    /// Print the published checkpoint: origin, size, root and signatures.
    Head(LogArgs),
    /// Print the log's public key in vkey form, for `lww-verify --vkey`; while a key is being changed, both, the newest first.
    Vkey(LogArgs),
    /// Print the sheet of the running server's key fingerprints, to be compared with the one that was signed by hand.
    Keys {
        /// Print the keys in vkey form alone, one a line.
        #[arg(long)]
        vkeys: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Give the log a new key: an entry names it, signed by both, and both sign until `retire-key`.
    RotateKey(LogArgs),
    /// Destroy the log's older key, once auditors and witnesses have the new one: it can't be undone.
    RetireKey {
        /// Say that auditors and witnesses have the new key.
        #[arg(long, required = true)]
        new_key_is_known: bool,
        #[command(flatten)]
        log: LogArgs,
    },
    /// Write each change of the log's key as a file for `lww-verify --rotation`: it leads from an old key to the newest.
    Rotations {
        /// Where to; made if it is missing.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        #[command(flatten)]
        log: LogArgs,
    },
    /// Write what the log declares of its gaps, a file for each, for `lww-verify --generation`: it leads to the generation after it.
    Generations {
        /// Where to; made if it is missing.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        #[command(flatten)]
        log: LogArgs,
    },
    /// Have the running server seal where every conversation's and customer's chain ends, and print the entry that says so.
    Seal(LogArgs),
    /// Verify the published tiles, and with --against-db every row of the database against them.
    Verify {
        /// Compare the database row by row.
        #[arg(long, required = true)]
        against_db: bool,
        #[command(flatten)]
        log: LogArgs,
    },
    /// Put entries back that the database lost, by two people's word.
    Recover(recover::RecoverArgs),
    /// Make accounts, conversations and what is in force anew from the entries, and print every row that differs.
    Rebuild {
        /// Compare and change nothing.
        #[arg(long, required = true)]
        check: bool,
        /// Print what was found as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        log: LogArgs,
    },
}

/// Which log.
#[derive(Args)]
pub struct LogArgs {
    /// The tenant; `system` for the log of events without one.
    #[arg(long, default_value = "demo")]
    pub(super) tenant: String,
    #[command(flatten)]
    pub(super) place: Place,
}

/// Why the ledger could not be shown, or does not verify.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Database and tiles differ.
    #[error("TAMPERED: {0}")]
    Differs(#[from] Difference),
    /// Rows are not what the entries leave.
    #[error("{rows} rows of {tenant} are not what its entries leave")]
    Rows {
        /// The tenant.
        tenant: String,
        /// How many; counting stops at [`ROW_DIFFERENCES_MAX`](crate::limits::ROW_DIFFERENCES_MAX).
        rows: usize,
    },
    /// A published file can't be read.
    #[error(transparent)]
    Files(#[from] lww_audit::Error),
    /// There is no such tenant in the database.
    #[error("the database knows no tenant {0:?}")]
    NoTenant(String),
}

pub(super) async fn run(command: LedgerCommand) -> Result<(), CommandError> {
    match command {
        LedgerCommand::Head(log) => {
            let config = log.place.load()?;
            let tiles = TileDir::open(config.tiles_dir(&name(&config, &log.tenant, TenantId(-1))));
            let signed = tiles.checkpoint().map_err(LedgerError::Files)?;
            let missing = || LedgerError::Differs(Difference::Nothing(tiles.path().display().to_string()));
            screen::line(signed.ok_or_else(missing)?.note().to_string().trim_end());
        }
        LedgerCommand::Vkey(log) => {
            let config = log.place.load()?;
            for vkey in vkeys(&keys(&config)?, &name(&config, &log.tenant, TenantId(-1)))? {
                screen::line(&vkey);
            }
        }
        LedgerCommand::Keys { vkeys, place } => {
            let told = ask(&place.load()?.data_dir, &Order::ShowKeys).await?;
            let text = sheet::text(&sheet::keys(told.lines()).map_err(LedgerError::Files)?);
            screen::line(if vkeys { &told } else { &text }.trim_end());
        }
        LedgerCommand::RotateKey(log) => {
            let order = Order::RotateKey { tenant: log.tenant.clone() };
            let vkey = ask(&log.place.load()?.data_dir, &order).await?;
            screen::line(&vkey);
            screen::progress(
                "Both keys sign from now on. Give the new one to auditors and witnesses, then: lww ledger retire-key --new-key-is-known",
            );
        }
        LedgerCommand::RetireKey { new_key_is_known: _, log } => {
            let order = Order::RetireKeys { tenant: log.tenant.clone() };
            let number = ask(&log.place.load()?.data_dir, &order).await?;
            screen::line(&format!("destroyed: {number}"));
        }
        LedgerCommand::Rotations { to, log } => rotations(&to, &log).await?,
        LedgerCommand::Generations { to, log } => generations(&to, &log)?,
        LedgerCommand::Seal(log) => {
            let config = log.place.load()?;
            let sealed = ask(&config.data_dir, &Order::SealChains { tenant: log.tenant }).await?;
            screen::line(&format!("sealed by entry {sealed}"));
        }
        LedgerCommand::Verify { against_db: _, log } => {
            let config = log.place.load()?;
            at_database(&config, &log.tenant, Comparing::Rows).await?;
        }
        LedgerCommand::Recover(args) => recover::run(args).await?,
        LedgerCommand::Rebuild { check: _, json, log } => {
            let config = log.place.load()?;
            at_database(&config, &log.tenant, Comparing::State { json }).await?;
        }
    }
    Ok(())
}

/// Writes the statements by the numbers of their entries, which is the order to give them in.
async fn rotations(to: &Path, log: &LogArgs) -> Result<(), CommandError> {
    let told = ask(&log.place.load()?.data_dir, &Order::ShowRotations { tenant: log.tenant.clone() }).await?;
    let told: Vec<(u64, String)> = serde_json::from_str(&told).map_err(std::io::Error::from)?;
    std::fs::create_dir_all(to)?;
    for (index, statement) in &told {
        let path = to.join(format!("{}-{index:012}.rotation", log.tenant));
        std::fs::write(&path, statement)?;
        screen::line(&path.display().to_string());
    }
    if told.is_empty() {
        screen::progress("This log's key never changed.");
    }
    Ok(())
}

/// Writes the declarations of the published log's gaps by the numbers of their generations.
fn generations(to: &Path, log: &LogArgs) -> Result<(), CommandError> {
    let config = log.place.load()?;
    let tiles = TileDir::open(config.tiles_dir(&name(&config, &log.tenant, TenantId(-1))));
    let signed = tiles.checkpoint().map_err(LedgerError::Files)?;
    let missing = || LedgerError::Differs(Difference::Nothing(tiles.path().display().to_string()));
    let signed = signed.ok_or_else(missing)?;
    let declared = Generations::in_tiles(&tiles, signed.unverified()).map_err(LedgerError::Files)?;
    std::fs::create_dir_all(to)?;
    for one in declared.signed() {
        let path = to.join(format!("{}-{}.generation", log.tenant, one.unverified().origin.generation()));
        std::fs::write(&path, one.note().to_string())?;
        screen::line(&path.display().to_string());
    }
    if declared.is_empty() {
        screen::progress("This log has lost nothing: it is of its first generation.");
    }
    Ok(())
}

/// What is compared.
#[derive(Clone, Copy)]
enum Comparing {
    /// Every row with the published tiles, up to the first that differs.
    Rows,
    /// Every row of the state with the one that the entries leave.
    State { json: bool },
}

async fn at_database(config: &Config, tenant: &str, comparing: Comparing) -> Result<(), CommandError> {
    let (embedded, database) = at_hand(config, &|line| screen::progress(line)).await?;
    let compared = compare(config, tenant, &database, comparing).await;
    if let Some(embedded) = embedded {
        embedded.stop().await.map_err(AppError::from)?;
    }
    compared
}

async fn compare(
    config: &Config,
    tenant: &str,
    database: &tokio_postgres::Config,
    comparing: Comparing,
) -> Result<(), CommandError> {
    let finder = Database::connect(database, None).await.map_err(AppError::from)?;
    let found = finder.client.query_opt("SELECT id FROM tenant WHERE name = $1", &[&tenant]).await;
    let found = found.map_err(|error| AppError::Database(error.into()))?;
    let id = found.map(|row| TenantId(row.get(0))).ok_or_else(|| LedgerError::NoTenant(tenant.to_owned()))?;
    let log = name(config, tenant, id);
    let keys = keys(config)?;
    let trusted = vkeys(&keys, &log)?.iter().map(|key| key.parse()).collect::<Result<Vec<VerifierKey>, _>>();
    let trusted = trusted.map_err(LedgerError::Files)?;
    let vault = TenantVault::new(&keys, id).map_err(AppError::from)?;
    let tiles = TileDir::open(config.tiles_dir(&log));
    let connection = Database::connect(database, Some(id)).await.map_err(AppError::from)?;
    let comparison = Comparison { client: &connection.client, log: &log, tiles: &tiles, keys: &trusted, vault: &vault };
    // The first read takes the picture: what was published is read before it, so that the picture is never older.
    begin_snapshot(&connection.client).await.map_err(AppError::from)?;
    match comparing {
        Comparing::Rows => verify(&comparison, tenant).await,
        Comparing::State { json } => rebuild(&comparison, tenant, json).await,
    }
}

async fn verify(comparison: &Comparison<'_>, tenant: &str) -> Result<(), CommandError> {
    let compared = comparison.run(&|done, all| screen::bar("compared", done, all)).await.map_err(LedgerError::from)?;
    screen::line(&format!(
        "{} {} entries and {} messages of {} are what was published",
        screen::good("VALID"),
        compared.entries,
        compared.messages,
        tenant
    ));
    if compared.lost > 0 {
        screen::line(&format!("  {} texts are lost, as an entry of the log declares (log.recovered)", compared.lost));
    }
    Ok(())
}

async fn rebuild(comparison: &Comparison<'_>, tenant: &str, json: bool) -> Result<(), CommandError> {
    let made = comparison.rebuild(&|done, all| screen::bar("made anew", done, all)).await.map_err(LedgerError::from)?;
    let Rebuilt { entries, accounts, conversations, policies, ref differences } = made;
    if json {
        let text = serde_json::to_string_pretty(&made).map_err(std::io::Error::from)?;
        screen::line(&text);
    } else {
        for difference in differences {
            screen::line(&difference.to_string());
        }
    }
    if !differences.is_empty() {
        return Err(LedgerError::Rows { tenant: tenant.to_owned(), rows: differences.len() }.into());
    }
    if !json {
        screen::line(&format!(
            "{} {accounts} accounts, {conversations} conversations and {policies} policies of {tenant} are what {entries} entries leave",
            screen::good("SAME"),
        ));
    }
    Ok(())
}

pub(super) fn name(config: &Config, tenant: &str, id: TenantId) -> LogName {
    LogName {
        tenant: id,
        name: config.name.clone(),
        tenant_name: tenant.to_owned(),
        generation: config.generation(tenant),
    }
}

pub(super) fn keys(config: &Config) -> Result<KeyDirectory, AppError> {
    Ok(config.open_keys(false)?)
}

fn vkeys(keys: &KeyDirectory, log: &LogName) -> Result<Vec<String>, AppError> {
    let fatal = |fatal| AppError::Log { tenant: log.tenant_name.clone(), fatal };
    let origin = log.origin().map_err(fatal)?;
    let signer = keys.log_signer(&origin, false).map_err(|error: KeyError| AppError::Keys(error))?;
    Ok(signer.vkeys())
}
