//! Reads what the user points at: keys and their changes, a trust policy, files within a bound, ages.
//!
//! It judges form only.

use crate::Common;
use lww_audit::error::Format;
use lww_audit::generation::DECLARATION_BYTES_MAX;
use lww_audit::national::{demand, unverified_roots};
use lww_audit::note::NOTE_BYTES_MAX;
use lww_audit::rotation::follow;
use lww_audit::sample::NONCE_BYTES_MAX;
use lww_audit::trust::POLICY_BYTES_MAX;
use lww_audit::{
    Error, Generations, SignedCheckpoint, SignedDeclaration, SignedRotation, Sm2Key, Timestamp, TrustPolicy,
    VerifierKey,
};
use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::Path;
use std::time::SystemTime;

/// Longest file of keys in bytes.
const KEY_FILE_BYTES_MAX: usize = 64 * 1024;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// Whom the user trusts: keys of logs, and who must have cosigned.
pub struct Trust {
    keys: Vec<VerifierKey>,
    national: Vec<Sm2Key>,
    policy: Option<TrustPolicy>,
    generations: Generations,
}

impl Trust {
    /// Reads keys given as text or as files, a policy, whose logs are trusted like the keys, changes of these keys, and generations
    /// that were opened after a gap.
    pub fn read(common: &Common) -> Result<Self, Error> {
        let (mut keys, national) = read_keys(&common.keys)?;
        let policy = common.policy.as_deref().map(read_policy).transpose()?;
        keys.extend(policy.iter().flat_map(|policy| policy.logs().iter().map(|log| log.key.clone())));
        let mut changes = common.rotations.iter().peekable();
        let mut declared = Vec::new();
        for path in &common.generations {
            // A key may have changed within a generation: its changes come before the next.
            while let Some(change) = changes.peek().map(|path| read_rotation(path)).transpose()? {
                if follow(&mut keys, [&change]).is_err() {
                    break;
                }
                changes.next();
            }
            let signed = SignedDeclaration::parse(&read(path, DECLARATION_BYTES_MAX, Format::Generation)?);
            let followed = signed.and_then(|signed| {
                let known = Generations::follow(&mut keys, [signed.clone()]);
                known.map(|_| declared.push(signed))
            });
            followed.map_err(|error| error.in_file(path))?;
        }
        for path in changes {
            follow(&mut keys, [&read_rotation(path)?]).map_err(|error| error.in_file(path))?;
        }
        let generations = Generations::follow(&mut keys.clone(), declared)?;
        Ok(Self { keys, national, policy, generations })
    }

    /// Borrows the generations that the user was told of.
    pub const fn generations(&self) -> &Generations {
        &self.generations
    }

    /// The trusted keys, and those that declarations of a log vouch for besides.
    pub fn keys_with(&self, generations: &Generations) -> Vec<VerifierKey> {
        self.keys.iter().cloned().chain(generations.iter().filter_map(|declared| declared.old.clone())).collect()
    }

    /// Borrows the trusted keys of logs.
    pub fn keys(&self) -> &[VerifierKey] {
        &self.keys
    }

    /// Borrows the trusted SM2 keys of logs.
    pub fn national(&self) -> &[Sm2Key] {
        &self.national
    }

    /// Demands the SM2 signature of each trusted SM2 key of the checkpoint's log, and says the SM3 root that they state. A line of that
    /// kind for which no key was given is told of, and vouches for nothing.
    pub fn shadow(&self, signed: &SignedCheckpoint) -> Result<Option<String>, Error> {
        if let Some(root) = demand(signed, &self.national)? {
            return Ok(Some(format!("verified, states {root}")));
        }
        let is_there = unverified_roots(signed).next().is_some();
        Ok(is_there.then(|| "present, not checked: no SM2 key of this log was given".to_owned()))
    }

    /// Demands the policy's quorum, if there is a policy, and says which of its witnesses have cosigned, and when.
    pub fn witnesses(&self, signed: &SignedCheckpoint) -> Result<Option<Vec<String>>, Error> {
        let Some(policy) = &self.policy else { return Ok(None) };
        let found = policy.verify(signed, &self.keys)?.witnesses;
        Ok(Some(found.into_iter().map(|(witness, time_s)| format!("{} at {}", witness.name, at(time_s))).collect()))
    }
}

fn read_rotation(path: &Path) -> Result<SignedRotation, Error> {
    SignedRotation::parse(&read(path, NOTE_BYTES_MAX, Format::Rotation)?).map_err(|error| error.in_file(path))
}

fn at(time_s: u64) -> Timestamp {
    let time_s = i64::try_from(time_s).unwrap_or(i64::MAX);
    Timestamp::from_micros(time_s.saturating_mul(MICROS_PER_SECOND))
}

fn read_policy(path: &Path) -> Result<TrustPolicy, Error> {
    TrustPolicy::parse(&read(path, POLICY_BYTES_MAX, Format::TrustPolicy)?).map_err(|error| error.in_file(path))
}

/// Files of keys have one a line; empty lines and lines with `#` are skipped.
fn read_keys(arguments: &[String]) -> Result<(Vec<VerifierKey>, Vec<Sm2Key>), Error> {
    let (mut keys, mut national) = (Vec::new(), Vec::new());
    let mut take = |text: &str| {
        if Sm2Key::is_one(text) {
            text.parse().map(|key| national.push(key))
        } else {
            text.parse().map(|key| keys.push(key))
        }
    };
    for argument in arguments {
        let path = Path::new(argument);
        // A key's own base64 may hold slashes, so what is a file is a file. What is none is a key only with a key's plus signs:
        // a mistyped file's name is not told of as a bad key.
        if !path.is_file() && argument.contains('+') {
            take(argument)?;
            continue;
        }
        let text = String::from_utf8(read(path, KEY_FILE_BYTES_MAX, Format::VerifierKey)?);
        let text = text.map_err(|error| {
            let offset = error.utf8_error().valid_up_to() as u64;
            Error::Malformed { what: Format::VerifierKey, offset, reason: "not UTF-8" }.in_file(path)
        })?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            take(line).map_err(|error: Error| error.in_file(path))?;
        }
    }
    Ok((keys, national))
}

/// Reads a file of at most `bytes_max` bytes.
pub fn read(path: &Path, bytes_max: usize, what: Format) -> Result<Vec<u8>, Error> {
    let io = |source| Error::Io { path: path.to_owned(), action: "read", source };
    let mut bytes = Vec::new();
    let file = OpenOptions::new().read(true).open(path).map_err(io)?;
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() > bytes_max {
        return Err(Error::TooLong { what, max: bytes_max as u64, got: bytes.len() as u64 }.in_file(path));
    }
    Ok(bytes)
}

/// How old something may be, in seconds.
#[derive(Clone, Copy)]
pub struct Age {
    seconds: i64,
}

impl Age {
    /// Returns the time that is this long ago.
    #[expect(clippy::disallowed_methods, reason = "this program is where time comes from; the library takes it")]
    pub fn ago(self) -> Timestamp {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(now.saturating_sub(self.seconds.saturating_mul(MICROS_PER_SECOND)))
    }
}

/// Parses an age such as `90m` or `24h`.
pub fn parse_age(text: &str) -> Result<Age, String> {
    let wrong = || "expected a number with s, m, h or d, for instance 24h".to_owned();
    let unit_at = text.len().checked_sub(1).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(wrong)?;
    let seconds_each = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Age { seconds: i64::from(number) * seconds_each })
}

/// Parses a nonce: something, and not too much of it.
pub fn parse_nonce(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > NONCE_BYTES_MAX {
        return Err(format!("expected 1 to {NONCE_BYTES_MAX} bytes"));
    }
    Ok(text.to_owned())
}
