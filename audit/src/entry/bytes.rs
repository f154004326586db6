//! Writes an entry as canonical JSON in one pass over one buffer.
//!
//! This is on the path of every message, so members are written in sorted order by hand instead of being sorted.
//! Labels, origins and kinds hold nothing that JSON escapes: their types guarantee it, or `label` checks it.
//! Source: RFC 8785.

use super::{Chain, ChainLink, Content, Detail, ENTRY_BYTES_MAX, Entry, PolicyRef};
use crate::canonical::{push_integer, push_object};
use crate::error::{Error, Format, malformed};
use crate::types::{Hash, check_label, push_hex};

/// Most entries of a message fit, so that the buffer is allocated once.
const BYTES_EXPECTED: usize = 1280;

pub(super) fn write(entry: &Entry) -> Result<Vec<u8>, Error> {
    check_chains(entry)?;
    let mut out = Vec::with_capacity(BYTES_EXPECTED);
    out.extend(b"{\"actor\":{\"id\":");
    quoted_hex(&mut out, entry.actor.id.as_bytes());
    plain(&mut out, b",\"role\":", entry.actor.role.as_str());
    out.push(b'}');
    chains(&mut out, &entry.chains)?;
    if let Some(channel) = &entry.channel {
        label(&mut out, b",\"channel\":", channel)?;
    }
    if let Some(content) = &entry.content {
        self::content(&mut out, content)?;
    }
    if let Some(conversation) = &entry.conversation {
        out.extend(b",\"conversation\":");
        quoted_hex(&mut out, conversation.as_bytes());
    }
    match &entry.detail {
        Detail::Null => {}
        Detail::Object(object) => {
            out.extend(b",\"detail\":");
            push_object(&mut out, object, 1)?;
        }
        Detail::Bool(_) | Detail::Int(_) | Detail::String(_) | Detail::Array(_) => {
            return Err(malformed(Format::Entry, out.len(), "detail is not an object"));
        }
    }
    plain(&mut out, b",\"kind\":", entry.kind.as_str());
    plain(&mut out, b",\"log\":", entry.log.as_str());
    if let Some(policy) = &entry.policy {
        self::policy(&mut out, policy)?;
    }
    hash(&mut out, b",\"prev\":", &entry.prev);
    out.extend(b",\"seq\":");
    push_integer(&mut out, entry.seq.0)?;
    if let Some(subject) = &entry.subject {
        out.extend(b",\"subject\":");
        quoted_hex(&mut out, subject.as_bytes());
    }
    label(&mut out, b",\"tenant\":", &entry.tenant)?;
    out.extend(b",\"time\":\"");
    entry.time.push_text(&mut out);
    out.extend(b"\",\"v\":1}");
    if out.len() > ENTRY_BYTES_MAX {
        let (max, got) = (ENTRY_BYTES_MAX as u64, out.len() as u64);
        return Err(Error::TooLong { what: Format::Entry, max, got });
    }
    Ok(out)
}

/// There is one chain for each of conversation and subject that the entry names, in this order; it starts without a link.
/// Without this rule an entry could hide from the completeness of its conversation.
fn check_chains(entry: &Entry) -> Result<(), Error> {
    let refuse = |reason| Err(malformed(Format::Entry, 0, reason));
    let named = [Chain::Conversation, Chain::Subject].into_iter().filter(|of| entry.chain_id(*of).is_some());
    if !entry.chains.iter().map(|link| link.of).eq(named) {
        return refuse("chains are not those of the conversation and subject named");
    }
    for chain in &entry.chains {
        match chain.prev {
            None if chain.n != 0 => return refuse("chain goes on without a link"),
            Some(_) if chain.n == 0 => return refuse("chain starts with a link"),
            Some(prev) if prev.seq >= entry.seq => return refuse("chain links forwards"),
            None | Some(_) => {}
        }
    }
    Ok(())
}

fn chains(out: &mut Vec<u8>, chains: &[ChainLink]) -> Result<(), Error> {
    for (at, chain) in chains.iter().enumerate() {
        out.extend(if at == 0 { b",\"chains\":[{\"n\":".as_slice() } else { b",{\"n\":" });
        push_integer(out, chain.n)?;
        out.extend(match chain.of {
            Chain::Conversation => b",\"of\":\"conversation\",\"prev\":".as_slice(),
            Chain::Subject => b",\"of\":\"subject\",\"prev\":",
        });
        if let Some(link) = &chain.prev {
            hash(out, b"{\"leaf\":", &link.leaf);
            out.extend(b",\"seq\":");
            push_integer(out, link.seq.0)?;
            out.extend(b"}}");
        } else {
            out.extend(b"null}");
        }
    }
    if !chains.is_empty() {
        out.push(b']');
    }
    Ok(())
}

fn content(out: &mut Vec<u8>, content: &Content) -> Result<(), Error> {
    hash(out, b",\"content\":{\"commit_masked\":", &content.commit_masked);
    hash(out, b",\"commit_sealed\":", &content.commit_sealed);
    out.extend(b",\"spans\":[");
    for (at, span) in content.spans.iter().enumerate() {
        let class = if at == 0 { b"{\"class\":".as_slice() } else { b",{\"class\":" };
        label(out, class, &span.class)?;
        out.extend(b",\"count\":");
        push_integer(out, span.count)?;
        label(out, b",\"entity\":", &span.entity)?;
        out.push(b'}');
    }
    out.extend(b"]}");
    Ok(())
}

fn policy(out: &mut Vec<u8>, policy: &PolicyRef) -> Result<(), Error> {
    hash(out, b",\"policy\":{\"digest\":", &policy.digest);
    label(out, b",\"id\":", &policy.id)?;
    out.extend(b",\"version\":");
    push_integer(out, policy.version)?;
    out.push(b'}');
    Ok(())
}

fn hash(out: &mut Vec<u8>, member: &[u8], hash: &Hash) {
    out.extend(member);
    quoted_hex(out, hash.as_bytes());
}

fn quoted_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    push_hex(out, bytes);
    out.push(b'"');
}

/// Writes a member whose value needs no escapes once it is known to be a label.
fn label(out: &mut Vec<u8>, member: &[u8], value: &str) -> Result<(), Error> {
    check_label(value)?;
    plain(out, member, value);
    Ok(())
}

/// Writes a member whose value needs no escapes by its type.
fn plain(out: &mut Vec<u8>, member: &[u8], value: &str) {
    out.extend(member);
    out.push(b'"');
    out.extend(value.as_bytes());
    out.push(b'"');
}
