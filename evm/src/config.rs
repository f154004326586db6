//! The configuration file of `lww-evm`: which chain, which account, which logs, and how much may be spent.
//!
//! An error names the field and never repeats a value.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lww_audit::evm::Address;
use lww_audit::{Origin, VerifierKey};
use serde::Deserialize;

use crate::engine::Rules;
use crate::ledger::Ledger;

const FILE_BYTES_MAX: u64 = 256 * 1024;
const LOGS_MAX: usize = 1024;
const GWEI: u128 = 1_000_000_000;

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {what}")]
pub struct ConfigError {
    path: PathBuf,
    what: String,
}

/// What the file says.
#[derive(Debug)]
pub struct Config {
    /// Where the server asks, a loopback address.
    pub listen: SocketAddr,
    /// The node's address.
    pub rpc: String,
    /// The authority of the node's certificate.
    pub ca: Option<PathBuf>,
    /// A file with what the node wants in `Authorization`.
    pub authorization_file: Option<PathBuf>,
    /// The account's key.
    pub key_file: PathBuf,
    /// Where it is kept what is on its way.
    pub state_dir: PathBuf,
    /// The chain.
    pub chain_id: u64,
    /// The contract; `None` until there is one.
    pub contract: Option<Address>,
    /// How much may be spent, and when a transaction is settled or stuck.
    pub rules: Rules,
    /// The logs.
    pub ledgers: Vec<Ledger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default = "listen")]
    listen: SocketAddr,
    rpc: String,
    ca: Option<PathBuf>,
    authorization_file: Option<PathBuf>,
    key_file: PathBuf,
    state_dir: PathBuf,
    chain_id: u64,
    contract: Option<String>,
    #[serde(default = "confirmations")]
    confirmations: u64,
    #[serde(default = "gas_max")]
    gas_max: u64,
    #[serde(default = "fee_gwei_max")]
    fee_gwei_max: u32,
    #[serde(default = "tip_gwei")]
    tip_gwei: u32,
    #[serde(default = "stuck_s")]
    stuck_s: u32,
    #[serde(default)]
    log: Vec<Log>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    origin: String,
    vkey: String,
    tiles: PathBuf,
}

fn listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7180))
}

const fn confirmations() -> u64 {
    12
}

const fn gas_max() -> u64 {
    300_000
}

const fn fee_gwei_max() -> u32 {
    100
}

const fn tip_gwei() -> u32 {
    1
}

const fn stuck_s() -> u32 {
    180
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ConfigError`], naming the field.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let wrong = |what: String| ConfigError { path: path.into(), what };
        let length = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
        if length > FILE_BYTES_MAX {
            return Err(wrong(format!("it has {length} bytes, at most {FILE_BYTES_MAX} are allowed")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        Self::parse(&text).map_err(wrong)
    }

    /// Parses the file's text.
    ///
    /// # Errors
    /// What is wrong, by its field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(0, |span| text.get(..span.start).unwrap_or_default().lines().count());
            format!("line {line}: {}", without_values(error.message()))
        })?;
        if !file.listen.ip().is_loopback() {
            return Err("listen is no loopback address: the server stands on the same machine".to_owned());
        }
        let contract = file.contract.as_deref().map(str::parse::<Address>).transpose();
        let contract = contract.map_err(|error| format!("contract: {error}"))?;
        if file.confirmations == 0 || file.confirmations > 10_000 {
            return Err("confirmations: 1 to 10000".to_owned());
        }
        if file.fee_gwei_max == 0 || file.tip_gwei > file.fee_gwei_max {
            return Err("fee_gwei_max: at least 1 and tip_gwei".to_owned());
        }
        if file.gas_max < 21_000 || file.stuck_s == 0 {
            return Err("gas_max is less than any transaction takes, or stuck_s is nothing".to_owned());
        }
        if file.log.len() > LOGS_MAX {
            return Err(format!("more than {LOGS_MAX} logs"));
        }
        let rules = Rules {
            confirmations: file.confirmations,
            gas_max: file.gas_max,
            fee_max: u128::from(file.fee_gwei_max) * GWEI,
            tip: u128::from(file.tip_gwei) * GWEI,
            stuck_s: u64::from(file.stuck_s),
        };
        let mut ledgers = Vec::new();
        for (at, log) in file.log.into_iter().enumerate() {
            ledgers.push(ledger(log).map_err(|what| format!("log {}: {what}", at + 1))?);
        }
        Ok(Self {
            listen: file.listen,
            rpc: file.rpc,
            ca: file.ca,
            authorization_file: file.authorization_file,
            key_file: file.key_file,
            state_dir: file.state_dir,
            chain_id: file.chain_id,
            contract,
            rules,
            ledgers,
        })
    }
}

fn ledger(log: Log) -> Result<Ledger, String> {
    let origin: Origin = log.origin.parse().map_err(|error| format!("origin: {error}"))?;
    let keys = log.vkey.split_whitespace().map(str::parse::<VerifierKey>).collect::<Result<Vec<_>, _>>();
    let keys = keys.map_err(|error| format!("vkey: {error}"))?;
    if keys.is_empty() {
        return Err("vkey: none".to_owned());
    }
    Ok(Ledger { origin, keys, tiles: log.tiles })
}

/// The parser quotes what it met between backticks or quotes: what comes after its own words is left out.
fn without_values(message: &str) -> &str {
    if message.starts_with("unknown field") || message.starts_with("missing field") {
        return message;
    }
    message.split(['`', '"', ':']).next().unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "rpc = \"http://127.0.0.1:8545\"\nkey_file = \"key\"\nstate_dir = \"state\"\nchain_id = 31337\n";

    #[test]
    fn what_is_not_said_has_a_default_and_each_mistake_names_its_field() {
        let config = Config::parse(GOOD).unwrap();
        assert_eq!((config.rules.confirmations, config.rules.fee_max), (12, 100_000_000_000));
        for (more, field) in [
            ("contract = \"0x1111\"", "contract"),
            ("contract = \"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\"", "EIP-55"),
            ("confirmations = 0", "confirmations"),
            ("fee_gwei_max = 0", "fee_gwei_max"),
            ("gas_max = 1", "gas_max"),
            ("listen = \"0.0.0.0:7180\"", "listen"),
            ("tip = 1", "unknown field `tip`"),
            ("[[log]]\norigin = \"x\"\nvkey = \"y\"\ntiles = \"z\"", "log 1: origin"),
            ("[[log]]\norigin = \"a.example/b/1\"\nvkey = \"\"\ntiles = \"z\"", "log 1: vkey"),
        ] {
            let error = Config::parse(&format!("{GOOD}{more}\n")).unwrap_err();
            assert!(error.contains(field), "{error}");
        }
        let error = Config::parse(&GOOD.replace("31337", "\"my secret\"")).unwrap_err();
        assert!(error.starts_with("line 4") && !error.contains("secret"), "{error}");
    }
}
