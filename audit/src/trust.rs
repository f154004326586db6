//! Trust policies: whose signatures make a checkpoint believable.
//!
//! A policy names logs, witnesses, groups of them and the quorum. It says nothing of how anybody is reached: addresses are
//! carried for whoever asks witnesses. Names are opaque bytes. Source: C2SP `tlog-policy`.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::cosignature::CosignerKey;
use crate::error::{Error, Format, malformed};
use crate::note::VerifierKey;
use std::str::FromStr;

/// Longest policy in bytes.
pub const POLICY_BYTES_MAX: usize = 64 * 1024;
/// Most logs, most witnesses and most groups of a policy; the specification asks for 32.
pub const POLICY_ITEMS_MAX: usize = 64;

const NOBODY: &[u8] = b"none";

/// A log or a witness that is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trusted<Key> {
    /// How the policy calls it; a log is called by its origin.
    pub name: String,
    /// Its key.
    pub key: Key,
    /// Where it is reached, if the policy says so; not looked at by this crate.
    pub url: Option<String>,
}

/// So many of these members.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// Something that can witness: by its place in the policy's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Witness(usize),
    Group(usize),
}

/// Whom to believe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPolicy {
    logs: Vec<Trusted<VerifierKey>>,
    witnesses: Vec<Trusted<CosignerKey>>,
    groups: Vec<Group>,
    quorum: Option<Member>,
    quorum_name: String,
}

/// A checkpoint that a policy is content with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed<'a> {
    /// What was signed.
    pub checkpoint: &'a Checkpoint,
    /// The keys of the log that signed it.
    pub signers: Vec<&'a VerifierKey>,
    /// The witnesses that cosigned it, each with its time in POSIX seconds.
    pub witnesses: Vec<(&'a Trusted<CosignerKey>, u64)>,
}

impl TrustPolicy {
    /// Parses a policy.
    ///
    /// # Errors
    /// `Malformed` with the byte at which the line begins that is wrong, or `TooLong`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > POLICY_BYTES_MAX {
            let (max, got) = (POLICY_BYTES_MAX as u64, bytes.len() as u64);
            return Err(Error::TooLong { what: Format::TrustPolicy, max, got });
        }
        if let Some(at) = bytes.iter().position(|byte| matches!(byte, 0..=8 | 11..=31 | 127)) {
            return Err(malformed(Format::TrustPolicy, at, "control character"));
        }
        let mut reader = Reader::default();
        let mut offset = 0;
        for line in bytes.split(|byte| *byte == b'\n') {
            reader.line(line).map_err(|reason| malformed(Format::TrustPolicy, offset, reason))?;
            offset += line.len() + 1;
        }
        reader.finish().map_err(|reason| malformed(Format::TrustPolicy, bytes.len(), reason))
    }

    /// Borrows the logs.
    pub fn logs(&self) -> &[Trusted<VerifierKey>] {
        &self.logs
    }

    /// Borrows the witnesses.
    pub fn witnesses(&self) -> &[Trusted<CosignerKey>] {
        &self.witnesses
    }

    /// Says in words how many of whom are enough: `2 of (w1, w2, 1 of (w3, w4))`; `None` if nobody is asked for.
    pub fn quorum(&self) -> Option<String> {
        self.quorum.map(|member| self.worded(member))
    }

    fn worded(&self, member: Member) -> String {
        match member {
            Member::Witness(at) => self.witnesses.get(at).map(|witness| witness.name.clone()).unwrap_or_default(),
            Member::Group(at) => self.groups.get(at).map_or_else(String::new, |group| {
                let members: Vec<_> = group.members.iter().map(|member| self.worded(*member)).collect();
                format!("{} of ({})", group.threshold, members.join(", "))
            }),
        }
    }

    /// Says whether these witnesses are enough; `has` is asked for each by its place in [`TrustPolicy::witnesses`].
    pub fn is_content_with(&self, has: impl Fn(usize) -> bool) -> bool {
        // A group stands behind its members, so that one look from first to last knows them all.
        let mut groups = Vec::with_capacity(self.groups.len());
        let counts = |groups: &[bool], member: &Member| match *member {
            Member::Witness(at) => has(at),
            Member::Group(at) => groups.get(at).copied().unwrap_or(false),
        };
        for group in &self.groups {
            let witnessed = group.members.iter().filter(|member| counts(&groups, member)).count();
            groups.push(witnessed >= group.threshold);
        }
        self.quorum.is_none_or(|member| counts(&groups, &member))
    }

    /// Verifies that a trusted log has signed a checkpoint, and that enough trusted witnesses have cosigned it. A policy
    /// without logs leaves the log to `logs`, the keys that the caller trusts besides.
    ///
    /// # Errors
    /// `BadSignature`, `Unsigned` or `NoQuorum`.
    pub fn verify<'a>(&'a self, signed: &'a SignedCheckpoint, logs: &'a [VerifierKey]) -> Result<Witnessed<'a>, Error> {
        let own: Vec<VerifierKey> = self.logs.iter().map(|log| log.key.clone()).chain(logs.iter().cloned()).collect();
        let (checkpoint, signers) = signed.verify(&own)?;
        let known = self.logs.iter().map(|log| &log.key).chain(logs);
        let mut trusted: Vec<&VerifierKey> = known.filter(|key| signers.contains(key)).collect();
        trusted.dedup();
        let mut witnesses = Vec::new();
        for (at, witness) in self.witnesses.iter().enumerate() {
            witnesses.extend(witness.key.cosigned(signed)?.map(|time_s| (at, time_s)));
        }
        let named = |at: usize| self.witnesses.get(at).map(|witness| witness.name.as_str()).unwrap_or_default();
        if !self.is_content_with(|at| witnesses.iter().any(|(known, _)| *known == at)) {
            let got = witnesses.iter().map(|(at, _)| named(*at)).collect::<Vec<_>>().join(", ");
            return Err(Error::NoQuorum { quorum: self.quorum_name.clone(), got });
        }
        let found = witnesses.iter().filter_map(|(at, time_s)| Some((self.witnesses.get(*at)?, *time_s)));
        Ok(Witnessed { checkpoint, signers: trusted, witnesses: found.collect() })
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader<'t> {
    logs: Vec<Trusted<VerifierKey>>,
    witnesses: Vec<Trusted<CosignerKey>>,
    groups: Vec<Group>,
    /// Names of witnesses and groups, and whether each is a member of a group or the quorum already.
    names: Vec<(&'t [u8], Member, bool)>,
    quorum: Option<(Option<Member>, String)>,
}

impl<'t> Reader<'t> {
    fn line(&mut self, line: &'t [u8]) -> Result<(), &'static str> {
        let words: Vec<&[u8]> =
            line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key] => self.log(key, None),
            [b"log", key, url] => self.log(key, Some(url)),
            [b"witness", name, key] => self.witness(name, key, None),
            [b"witness", name, key, url] => self.witness(name, key, Some(url)),
            [b"group", name, threshold, members @ ..] => self.group(name, threshold, members),
            [b"quorum", name] => self.quorum(name),
            [b"log", ..] => Err("a log is: log <key> [<url>]"),
            [b"witness", ..] => Err("a witness is: witness <name> <key> [<url>]"),
            [b"group", ..] => Err("a group is: group <name> any|all|<number> <member>..."),
            [b"quorum", ..] => Err("a quorum is: quorum <name>"),
            _ => Err("neither log, witness, group nor quorum"),
        }
    }

    fn log(&mut self, key: &[u8], url: Option<&[u8]>) -> Result<(), &'static str> {
        let key: VerifierKey = self::key(key, "not the key of a log: <name>+<key id>+<key of type 0x01>")?;
        if self.logs.iter().any(|log| log.key.public() == key.public()) {
            return Err("this log's key was given before");
        }
        let name = key.name().to_owned();
        push(&mut self.logs, Trusted { name, key, url: self::url(url)? })
    }

    fn witness(&mut self, name: &'t [u8], key: &[u8], url: Option<&[u8]>) -> Result<(), &'static str> {
        let key: CosignerKey = self::key(key, "not the key of a witness: <name>+<key id>+<key of type 0x04>")?;
        if self.witnesses.iter().any(|witness| witness.key.public() == key.public()) {
            return Err("this witness's key was given before");
        }
        self.name(name, Member::Witness(self.witnesses.len()))?;
        let name = String::from_utf8_lossy(name).into_owned();
        push(&mut self.witnesses, Trusted { name, key, url: self::url(url)? })
    }

    fn group(&mut self, name: &'t [u8], threshold: &[u8], members: &[&[u8]]) -> Result<(), &'static str> {
        let threshold = match threshold {
            b"any" => 1,
            b"all" => members.len(),
            digits => number(digits).ok_or("a group is: group <name> any|all|<number> <member>...")?,
        };
        if threshold == 0 || threshold > members.len() {
            return Err("a group asks for at least one of its members, and for no more than it has");
        }
        let members = members.iter().map(|member| self.take(member)).collect::<Result<_, _>>()?;
        self.name(name, Member::Group(self.groups.len()))?;
        push(&mut self.groups, Group { threshold, members })
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), &'static str> {
        if self.quorum.is_some() {
            return Err("the quorum was given before");
        }
        // The quorum may name a member of a group: what counts twice is a member of two groups.
        let known = || self.names.iter().find(|(known, ..)| *known == name).map(|(_, member, _)| *member);
        let member = if name == NOBODY { None } else { Some(known().ok_or("no line before defines the quorum")?) };
        self.quorum = Some((member, String::from_utf8_lossy(name).into_owned()));
        Ok(())
    }

    /// Takes a name that was defined, once.
    fn take(&mut self, name: &[u8]) -> Result<Member, &'static str> {
        let (_, member, is_taken) =
            self.names.iter_mut().find(|(known, ..)| *known == name).ok_or("no line before defines this member")?;
        if std::mem::replace(is_taken, true) {
            return Err("this member counts elsewhere already");
        }
        Ok(*member)
    }

    fn name(&mut self, name: &'t [u8], member: Member) -> Result<(), &'static str> {
        if name == NOBODY || self.names.iter().any(|(known, ..)| *known == name) {
            return Err("this name was given before, or is the name none");
        }
        self.names.push((name, member, false));
        Ok(())
    }

    fn finish(self) -> Result<TrustPolicy, &'static str> {
        let (quorum, quorum_name) = self.quorum.ok_or("no quorum: the last line may be `quorum none`")?;
        let Self { logs, witnesses, groups, .. } = self;
        Ok(TrustPolicy { logs, witnesses, groups, quorum, quorum_name })
    }
}

fn key<Key: FromStr>(bytes: &[u8], expected: &'static str) -> Result<Key, &'static str> {
    std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).ok_or(expected)
}

fn url(bytes: Option<&[u8]>) -> Result<Option<String>, &'static str> {
    bytes.map(|url| String::from_utf8(url.to_vec()).map_err(|_| "the address is not UTF-8")).transpose()
}

/// A decimal number without sign or leading zeroes.
fn number(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    text.parse().ok().filter(|number: &usize| number.to_string() == text)
}

fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), &'static str> {
    if list.len() == POLICY_ITEMS_MAX {
        return Err("more than 64 of a kind");
    }
    list.push(item);
    Ok(())
}

#[cfg(test)]
mod tests;
