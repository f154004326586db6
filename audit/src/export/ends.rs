//! `ends.json`: the newest seal, and for each chain asked for its end in it, or that it had not begun.
//!
//! That the seal is an entry of the log is for [`super::context`] to find. Source: `FORMAT.md`, "Evidence packages".

use super::line::{push_path, read_path};
use super::refuse;
use crate::canonical::{demand_canonical, json_error, push_integer};
use crate::entry::{Chain, ChainPrev};
use crate::error::{Error, Format};
use crate::seal::{ChainEnd, EndProof, ProvenEnd, Seal};
use crate::types::{EntryIndex, Hash, Id128, TreeSize, push_hex};
use serde::Deserialize;

/// The seal that proofs lead to, and which entry it is. Without one, every entry of the log is context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// The newest seal and its entry.
    pub seal: Option<(EntryIndex, Seal)>,
    /// One for each chain among the scopes, in their order; none without a seal.
    pub proofs: Vec<EndProof>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    proofs: Vec<Vec<EndFields>>,
    seal: Option<SealFields>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SealFields {
    chains: u64,
    root: Hash,
    seq: EntryIndex,
    upto: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndFields {
    id: Id128,
    index: u64,
    leaf: Hash,
    n: u64,
    of: Chain,
    path: Vec<String>,
    seq: EntryIndex,
}

impl Ends {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let fields: Fields = serde_json::from_slice(bytes).map_err(|error| json_error(Format::Package, &error))?;
        let proofs = fields.proofs.into_iter().map(|ends| {
            let ends = ends.into_iter().map(ProvenEnd::try_from).collect::<Result<_, _>>();
            ends.map(EndProof)
        });
        let seal = fields
            .seal
            .map(|SealFields { chains, root, seq, upto }| (seq, Seal { chains, root, upto: TreeSize(upto) }));
        let ends = Self { seal, proofs: proofs.collect::<Result<_, _>>()? };
        demand_canonical(Format::Package, bytes, &ends.to_bytes()?)?;
        if ends.seal.is_none() && !ends.proofs.is_empty() {
            return Err(refuse("proofs without a seal"));
        }
        Ok(ends)
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let mut out = b"{\"proofs\":[".to_vec();
        for (at, proof) in self.proofs.iter().enumerate() {
            out.extend(if at == 0 { b"[".as_slice() } else { b",[" });
            for (at, end) in proof.0.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                push_end(&mut out, end)?;
            }
            out.push(b']');
        }
        out.extend(b"],\"seal\":");
        if let Some((seq, seal)) = &self.seal {
            out.extend(b"{\"chains\":");
            push_integer(&mut out, seal.chains)?;
            quoted(&mut out, b",\"root\":", seal.root.as_bytes());
            out.extend(b",\"seq\":");
            push_integer(&mut out, seq.0)?;
            out.extend(b",\"upto\":");
            push_integer(&mut out, seal.upto.0)?;
            out.extend(b"}}");
        } else {
            out.extend(b"null}");
        }
        Ok(out)
    }
}

fn push_end(out: &mut Vec<u8>, ProvenEnd { end, index, path }: &ProvenEnd) -> Result<(), Error> {
    quoted(out, b"{\"id\":", end.id.as_bytes());
    out.extend(b",\"index\":");
    push_integer(out, *index)?;
    quoted(out, b",\"leaf\":", end.last.leaf.as_bytes());
    out.extend(b",\"n\":");
    push_integer(out, end.n)?;
    out.extend(b",\"of\":\"");
    out.extend(end.of.name().as_bytes());
    out.extend(b"\",\"path\":");
    push_path(out, path);
    out.extend(b",\"seq\":");
    push_integer(out, end.last.seq.0)?;
    out.push(b'}');
    Ok(())
}

fn quoted(out: &mut Vec<u8>, member: &[u8], bytes: &[u8]) {
    out.extend(member);
    out.push(b'"');
    push_hex(out, bytes);
    out.push(b'"');
}

impl TryFrom<EndFields> for ProvenEnd {
    type Error = Error;
    fn try_from(fields: EndFields) -> Result<Self, Error> {
        let EndFields { id, index, leaf, n, of, path, seq } = fields;
        let end = ChainEnd { of, id, n, last: ChainPrev { leaf, seq } };
        Ok(Self { end, index, path: read_path(&path)? })
    }
}
