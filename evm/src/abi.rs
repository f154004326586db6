//! Calls of the contract, and what it answers: encoded and decoded as Solidity's ABI has it.

use lww_audit::evm::{Address, Batch, Word, keccak256, origin_id};

/// The newest checkpoint that the contract keeps of a log; a size of 0 when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Number of entries.
    pub size: u64,
    /// RFC 6962 root.
    pub root: Word,
    /// Batch root.
    pub batch: Word,
    /// The block that anchored it.
    pub block: u64,
}

/// What the event of an anchored checkpoint says beside its log and size, which are its topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchored {
    /// RFC 6962 root.
    pub root: Word,
    /// Index of the batch's first entry.
    pub first: u64,
    /// Batch root.
    pub batch: Word,
}

/// Why the contract refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Another address writes.
    #[error("the contract takes nothing from this account: its owner must name it with changeSubmitter")]
    NotSubmitter,
    /// It keeps a larger size.
    #[error("the contract keeps size {newest}, which is larger: the log was set back, or another log has its name")]
    SmallerSize {
        /// The size.
        newest: u64,
    },
    /// It keeps another root or batch of this size.
    #[error(
        "the contract keeps another root of this size: two histories have this log's name, ask who wrote the other"
    )]
    OtherRoot,
    /// It was asked for something that is no batch.
    #[error("the contract calls the batch empty")]
    NoBatch,
    /// It refused in a way that is not known here.
    #[error("the contract refuses, and gives no reason that is known here: is it this version's?")]
    Unknown,
}

fn word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    if let Some(low) = word.last_chunk_mut::<8>() {
        *low = number.to_be_bytes();
    }
    word
}

/// Selector, words, and the text that the first word points to.
fn call(signature: &str, origin: &str, words: &[[u8; 32]]) -> Vec<u8> {
    let mut data = keccak256(&[signature.as_bytes()]).first_chunk::<4>().copied().unwrap_or_default().to_vec();
    data.extend(word(32 * (words.len() as u64 + 1)));
    data.extend(words.as_flattened());
    data.extend(text(origin));
    data
}

fn text(text: &str) -> Vec<u8> {
    let mut data = word(text.len() as u64).to_vec();
    data.extend(text.bytes());
    data.resize(data.len().next_multiple_of(32), 0);
    data
}

/// `anchor`: keeps a checkpoint and its batch root.
pub fn anchor(origin: &str, size: u64, root: Word, batch: &Batch) -> Vec<u8> {
    let words = [word(size), root.0, word(batch.first), batch.root.0];
    call("anchor(string,uint64,bytes32,uint64,bytes32)", origin, &words)
}

/// `newest`: what it keeps of a log.
pub fn newest(origin: &str) -> Vec<u8> {
    call("newest(string)", origin, &[])
}

/// `verify`: whether a leaf is in the batch of a size.
pub fn verify(origin: &str, size: u64, index: u64, leaf: Word, proof: &[Word]) -> Vec<u8> {
    let origin_bytes = text(origin).len() as u64;
    let words = [word(size), word(index), leaf.0, word(5 * 32 + origin_bytes)];
    let mut data = call("verify(string,uint64,uint64,bytes32,bytes32[])", origin, &words);
    data.extend(word(proof.len() as u64));
    for step in proof {
        data.extend(step.0);
    }
    data
}

/// The code that makes a contract whose submitter is `submitter`.
pub fn deployment(code: &[u8], submitter: Address) -> Vec<u8> {
    [code, &[0; 12], &submitter.0].concat()
}

/// The topics of the event of an anchored checkpoint.
pub fn topics(origin: &str, size: u64) -> [Word; 3] {
    let event = keccak256(&[b"Anchored(bytes32,uint64,bytes32,uint64,bytes32,string)"]);
    [Word(event), Word(origin_id(origin)), Word(word(size))]
}

/// Reads what `newest` answers.
pub fn read_newest(answer: &[u8]) -> Option<Newest> {
    let [size, root, batch, block, _time] = answer.as_chunks::<32>().0 else { return None };
    let is_whole = answer.len() == 160;
    is_whole.then_some(())?;
    Some(Newest { size: number(size)?, root: Word(*root), batch: Word(*batch), block: number(block)? })
}

/// Reads what `verify` answers.
pub fn read_bool(answer: &[u8]) -> Option<bool> {
    let word: &[u8; 32] = answer.try_into().ok()?;
    match number(word)? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// Reads the data of the event.
pub fn read_anchored(data: &[u8]) -> Option<Anchored> {
    let [root, first, batch, ..] = data.as_chunks::<32>().0 else { return None };
    Some(Anchored { root: Word(*root), first: number(first)?, batch: Word(*batch) })
}

/// Reads why the contract refused, out of what a node gives with the error.
pub fn read_refusal(data: &[u8]) -> Refusal {
    let is = |signature: &str| data.first_chunk::<4>() == keccak256(&[signature.as_bytes()]).first_chunk::<4>();
    if is("NotSubmitter()") {
        Refusal::NotSubmitter
    } else if is("SmallerSize(uint64,uint64)") {
        let newest = data.get(4..36).and_then(|word| number(word.try_into().ok()?)).unwrap_or(0);
        Refusal::SmallerSize { newest }
    } else if is("OtherRoot(uint64,bytes32)") {
        Refusal::OtherRoot
    } else if is("NoBatch(uint64,uint64)") {
        Refusal::NoBatch
    } else {
        Refusal::Unknown
    }
}

fn number(word: &[u8; 32]) -> Option<u64> {
    let (high, low) = word.split_last_chunk::<8>()?;
    high.iter().all(|byte| *byte == 0).then_some(u64::from_be_bytes(*low))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_and_offsets_are_those_of_the_contract_s_interface() {
        let interface = crate::artifact::LedgerAnchor::committed().unwrap().abi;
        for name in ["anchor", "newest", "verify", "batchRoot", "SmallerSize", "OtherRoot", "NotSubmitter", "NoBatch"] {
            assert!(interface.contains(&format!("\"name\":\"{name}\"")), "{name}");
        }
        let data = verify("o", 1, 2, Word([3; 32]), &[Word([4; 32])]);
        let at = |place: usize| number(data[4 + 32 * place..][..32].try_into().unwrap()).unwrap();
        assert_eq!((at(0), at(1), at(2), at(4)), (160, 1, 2, 224));
        assert_eq!((at(5), at(7), data.len()), (1, 1, 4 + 32 * 9));
    }

    #[test]
    fn answers_of_another_form_are_none() {
        let mut answer = [word(7), [1; 32], [2; 32], word(9), word(11)].concat();
        let newest = Newest { size: 7, root: Word([1; 32]), batch: Word([2; 32]), block: 9 };
        assert_eq!(read_newest(&answer), Some(newest));
        assert_eq!(read_newest(&answer[..159]), None);
        answer[0] = 1;
        assert_eq!(read_newest(&answer), None);
        assert_eq!(read_bool(&word(1)), Some(true));
        assert_eq!(read_bool(&word(2)), None);
        assert_eq!(read_bool(&[]), None);
    }

    #[test]
    fn a_refusal_is_told_by_its_name() {
        let error = |signature: &str, words: &[[u8; 32]]| {
            [keccak256(&[signature.as_bytes()])[..4].to_vec(), words.concat()].concat()
        };
        let smaller = error("SmallerSize(uint64,uint64)", &[word(9), word(3)]);
        assert_eq!(read_refusal(&smaller), Refusal::SmallerSize { newest: 9 });
        assert_eq!(read_refusal(&error("OtherRoot(uint64,bytes32)", &[])), Refusal::OtherRoot);
        assert_eq!(read_refusal(&error("NotSubmitter()", &[])), Refusal::NotSubmitter);
        assert_eq!(read_refusal(b""), Refusal::Unknown);
    }
}
