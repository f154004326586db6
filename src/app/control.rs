//! Orders of an operator at the machine, by a socket in the data directory that only the server's account can open.
//!
//! One line of JSON in, one out. What is ordered is recorded with the role `operator`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};

use super::tenants::Served;
use crate::domain::event::{Event, Role};
use crate::limits::{CONTROL_CONNECTIONS_MAX, CONTROL_LINE_BYTES_MAX};
use crate::pipeline::Refusal;

/// How long a connection may take.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(60);

/// What an operator may order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Make a masking policy the active one.
    ActivatePolicy {
        /// The tenant's name.
        tenant: String,
        /// The file's text.
        source: String,
    },
    /// Give the log a new key beside the one in use.
    RotateKey {
        /// The tenant's name, or `system`.
        tenant: String,
    },
    /// Destroy the log's older keys.
    RetireKeys {
        /// The tenant's name, or `system`.
        tenant: String,
    },
    /// Tell every change of the log's key.
    ShowRotations {
        /// The tenant's name, or `system`.
        tenant: String,
    },
    /// Make a staff account with a one-time password.
    CreateAccount {
        /// The tenant's name.
        tenant: String,
        /// The login.
        login: String,
        /// The name on screens.
        name: String,
        /// The role's word.
        role: String,
        /// Most conversations at a time; the tenant's default when not given.
        capacity: Option<i32>,
        /// Skills and groups of an agent.
        #[serde(default)]
        skills: Vec<String>,
    },
    /// Set what an agent can do.
    SetSkills {
        /// The tenant's name.
        tenant: String,
        /// The login.
        login: String,
        /// Skills and groups.
        skills: Vec<String>,
    },
    /// Make a routing table the active one.
    ActivateTable {
        /// The tenant's name.
        tenant: String,
        /// The file's text.
        source: String,
    },
    /// Give the text of a routing table that was active once.
    ShowTable {
        /// The tenant's name.
        tenant: String,
        /// Its digest; the active one when not given.
        digest: Option<String>,
    },
    /// Tell the public key of every log, in vkey form, one a line.
    ShowKeys,
    /// Record where all chains of a tenant's log ended.
    SealChains {
        /// The tenant's name.
        tenant: String,
    },
    /// Record that a backup was made.
    RecordBackup {
        /// SHA-256 of its list of pieces.
        list: String,
        /// Whether wrapped keys were copied as well.
        keys: bool,
    },
    /// Begin an epoch: every data key is wrapped anew.
    RotateKeys,
    /// Tell how far that is.
    KeyState,
    /// Set a one-time password.
    ResetAccount {
        /// The tenant's name.
        tenant: String,
        /// The login.
        login: String,
    },
    /// Unlock an account.
    UnlockAccount {
        /// The tenant's name.
        tenant: String,
        /// The login.
        login: String,
    },
    /// Take an account's second factor away.
    RemoveFactor {
        /// The tenant's name.
        tenant: String,
        /// The login.
        login: String,
    },
    /// Make the accounts of a CSV file.
    ImportAccounts {
        /// The tenant's name.
        tenant: String,
        /// The file's text.
        file: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(String),
    Refused(String),
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No server listens.
    #[error("no server answers at {path}: start it with `lww run`, or name its data directory with --data-dir")]
    NoServer {
        /// The socket.
        path: PathBuf,
    },
    /// The conversation broke off.
    #[error("the server broke off: {0}")]
    Broken(#[from] std::io::Error),
    /// The answer can't be read.
    #[error("the server's answer can't be read")]
    BadAnswer,
    /// The server said no.
    #[error("{0}")]
    Refused(String),
}

/// Where the socket is.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Gives an order to the server of a data directory and returns what it says.
///
/// # Errors
/// [`ControlError`].
pub async fn ask(data_dir: &Path, order: &Order) -> Result<String, ControlError> {
    let path = socket_path(data_dir);
    let stream = UnixStream::connect(&path).await.map_err(|_| ControlError::NoServer { path })?;
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_string(order).map_err(|_| ControlError::BadAnswer)?;
    line.push('\n');
    write.write_all(line.as_bytes()).await?;
    let mut answer = String::new();
    BufReader::new(read.take(CONTROL_LINE_BYTES_MAX)).read_line(&mut answer).await?;
    match serde_json::from_str(&answer).map_err(|_| ControlError::BadAnswer)? {
        Answer::Done(said) => Ok(said),
        Answer::Refused(why) => Err(ControlError::Refused(why)),
    }
}

/// Takes orders until `stop` turns true.
///
/// # Errors
/// The system's, when the socket can't be made.
pub async fn serve(
    data_dir: PathBuf,
    tenants: Vec<Arc<Served>>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), std::io::Error> {
    use std::os::unix::fs::PermissionsExt;
    let path = socket_path(&data_dir);
    // The data directory's lock is held: a socket that is there is a dead server's.
    if let Err(error) = std::fs::remove_file(&path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let tenants = Arc::new(tenants);
    let free = Arc::new(Semaphore::new(CONTROL_CONNECTIONS_MAX));
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = stop.changed() => break,
        };
        let Ok(permit) = Arc::clone(&free).try_acquire_owned() else { continue };
        let tenants = Arc::clone(&tenants);
        tokio::spawn(async move {
            let _permit = permit;
            // Whoever is too slow or breaks off is simply let go.
            let _done = tokio::time::timeout(CONTROL_TIMEOUT, answer(stream, &tenants)).await;
        });
    }
    std::fs::remove_file(&path)
}

async fn answer(stream: UnixStream, tenants: &[Arc<Served>]) -> Result<(), std::io::Error> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(CONTROL_LINE_BYTES_MAX)).read_line(&mut line).await?;
    let answer = match serde_json::from_str::<Order>(&line) {
        Ok(order) => carry_out(tenants, order).await.map_or_else(Answer::Refused, Answer::Done),
        Err(_) => Answer::Refused("the order can't be read: use the `lww` of the server's own version".to_owned()),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    write.write_all(text.as_bytes()).await
}

async fn carry_out(tenants: &[Arc<Served>], order: Order) -> Result<String, String> {
    match order {
        Order::ActivatePolicy { tenant, source } => {
            let activated = find(tenants, &tenant)?.tenant.activate_policy(&source).await;
            activated.map(|digest| digest.to_string()).map_err(|error| error.to_string())
        }
        Order::ActivateTable { tenant, source } => {
            let activated = find(tenants, &tenant)?.tenant.activate_table(&source).await;
            activated.map(|digest| digest.to_string()).map_err(|error| error.to_string())
        }
        Order::SetSkills { tenant, login, skills } => {
            let told = skills.join(", ");
            let set = find(tenants, &tenant)?.set_skills(login, skills).await;
            set.map(|()| told).map_err(|refusal| refusal.to_string())
        }
        Order::ShowTable { tenant, digest } => show_table(find(tenants, &tenant)?, digest).await,
        Order::CreateAccount { tenant, login, name, role, capacity, skills } => {
            create_account(find(tenants, &tenant)?, login, (&name, &role), (capacity, skills)).await
        }
        Order::RotateKey { tenant } => {
            log_of(tenants, &tenant)?.tenant.rotate_key().await.map_err(|error| error.to_string())
        }
        Order::RetireKeys { tenant } => {
            let retired = log_of(tenants, &tenant)?.tenant.retire_keys().await;
            retired.map(|number| number.to_string()).map_err(|error| error.to_string())
        }
        Order::ShowRotations { tenant } => {
            let found = log_of(tenants, &tenant)?.tenant.key_changes().await.map_err(|error| error.to_string())?;
            let told: Vec<_> = found.into_iter().map(|one| (one.index.0, one.statement)).collect();
            serde_json::to_string(&told).map_err(|error| error.to_string())
        }
        Order::ShowKeys => Ok(tenants.iter().flat_map(|served| served.vkeys()).collect::<Vec<_>>().join("\n")),
        Order::SealChains { tenant } => {
            let sealed = find(tenants, &tenant)?.tenant.seal_now().await;
            sealed.map(|index| index.to_string()).map_err(|refusal| refusal.to_string())
        }
        Order::RecordBackup { list, keys } => {
            let list = list.parse().map_err(|_| "the digest can't be read".to_owned())?;
            let system = tenants.iter().find(|served| served.is_system()).ok_or("there is no system log")?;
            let recorded = system.record(Event::BackupMade { list, keys }).await;
            recorded.map(|()| "recorded".to_owned()).map_err(|error| error.to_string())
        }
        Order::RotateKeys => Ok(rotate_keys(tenants)),
        Order::KeyState => key_state(tenants).await,
        Order::ResetAccount { tenant, login } => {
            let reset = find(tenants, &tenant)?.reset(&login).await;
            reset.map(|password| password.shown().to_owned()).map_err(|refusal| refusal.to_string())
        }
        Order::UnlockAccount { tenant, login } => {
            let unlocked = find(tenants, &tenant)?.unlock(login).await;
            unlocked.map(|()| String::new()).map_err(|refusal| refusal.to_string())
        }
        Order::RemoveFactor { tenant, login } => {
            let removed = find(tenants, &tenant)?.remove_factor(login).await;
            removed.map(|()| String::new()).map_err(|refusal| refusal.to_string())
        }
        Order::ImportAccounts { tenant, file } => {
            let made = find(tenants, &tenant)?.import(file).await.map_err(|refusal| refusal.to_string())?;
            let lines = made.iter().map(|one| vec![one.login.as_str(), one.shown()]);
            csv_of(["login", "one-time password"], lines).ok_or_else(|| "the passwords can't be written".to_owned())
        }
    }
}

/// Wishes that an epoch begins: one wish for all tenants.
fn rotate_keys(tenants: &[Arc<Served>]) -> String {
    for served in tenants {
        served.rotation.wish();
    }
    String::new()
}

/// Whether an epoch is still to begin (1 or 0), how many data keys hang on an earlier one than the newest, and the newest.
async fn key_state(tenants: &[Arc<Served>]) -> Result<String, String> {
    let (mut waits, mut left, mut newest) = (false, 0, 0);
    for served in tenants {
        waits |= served.rotation.is_open();
        left += served.tenant.keys_to_rewrap().await.map_err(|refusal| refusal.to_string())?;
        newest = newest.max(served.tenant.newest_epoch());
    }
    Ok(format!("{} {left} {newest}", u8::from(waits)))
}

/// The text of a routing table: the active one, or one that was activated once.
async fn show_table(served: &Served, digest: Option<String>) -> Result<String, String> {
    let tenant = &served.tenant;
    let digest = match digest {
        Some(digest) => digest.parse().map_err(|_| "a digest has 64 hexadecimal digits")?,
        None => tenant.table().ok_or("no routing table is active")?.digest(),
    };
    tenant.table_source(digest).await.map_err(|refusal| refusal.to_string())
}

async fn create_account(
    served: &Served,
    login: String,
    (name, role): (&str, &str),
    desk: (Option<i32>, Vec<String>),
) -> Result<String, String> {
    let role = Role::from_word(role).filter(|role| role.is_staff());
    let role = role.ok_or("the role must be agent, supervisor, compliance, auditor or admin")?;
    let made = served.create(login, name, role, desk).await;
    made.map(|password| password.shown().to_owned()).map_err(|refusal| {
        if refusal == Refusal::Conflict {
            "an account with this login exists: `lww admin reset` sets a new password".to_owned()
        } else {
            refusal.to_string()
        }
    })
}

/// Lines as CSV.
fn csv_of<'a>(header: [&'a str; 2], lines: impl Iterator<Item = Vec<&'a str>>) -> Option<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).ok()?;
    for line in lines {
        writer.write_record(line).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

/// Any log: a tenant's or the system's.
fn log_of<'a>(tenants: &'a [Arc<Served>], name: &str) -> Result<&'a Served, String> {
    let found = tenants.iter().find(|served| served.tenant.name.name == name);
    found.map(|served| &**served).ok_or_else(|| format!("there is no tenant {name:?}"))
}

fn find<'a>(tenants: &'a [Arc<Served>], name: &str) -> Result<&'a Served, String> {
    let found = tenants.iter().find(|served| !served.is_system() && served.tenant.name.name == name);
    found.map(|served| &**served).ok_or_else(|| format!("there is no tenant {name:?}"))
}
