//! Receipts and batches: what holds, and each way in which one does not.

use super::*;
use crate::merkle::empty_root;
use std::collections::BTreeMap;

const ORIGIN: &str = "lww.example/acme/1";

struct Leaves(BTreeMap<u64, Hash>);

impl NodeReader for Leaves {
    fn node(&self, level: u32, index: u64) -> Result<Hash, crate::Error> {
        assert_eq!(level, 0);
        Ok(self.0[&index])
    }
}

fn leaves(first: u64, size: u64) -> Leaves {
    Leaves((first..size).map(|index| (index, leaf_hash(&index.to_be_bytes()))).collect())
}

fn hashed(leaves: &Leaves) -> Vec<[u8; 32]> {
    leaves.0.iter().map(|(index, leaf)| batch_leaf(*index, *leaf)).collect()
}

/// The path of a leaf, from the same heap by another way: level by level from the root down would not do for a heap.
fn path(leaves: &Leaves, of: u64) -> Vec<Word> {
    let mut sorted = hashed(leaves);
    sorted.sort_unstable();
    let length = 2 * sorted.len() - 1;
    let mut heap = vec![[0; 32]; length];
    for (at, leaf) in sorted.iter().enumerate() {
        heap[length - 1 - at] = *leaf;
    }
    for at in (0..sorted.len() - 1).rev() {
        heap[at] = folded(heap[2 * at + 1], [heap[2 * at + 2]]);
    }
    let wanted = batch_leaf(of, leaves.0[&of]);
    let mut at = heap.iter().rposition(|leaf| *leaf == wanted).unwrap();
    let mut path = Vec::new();
    while at > 0 {
        path.push(Word(heap[if at % 2 == 1 { at + 1 } else { at - 1 }]));
        at = (at - 1) / 2;
    }
    path
}

fn receipt(first: u64, size: u64) -> (Checkpoint, EvmReceipt) {
    let leaves = leaves(first, size);
    let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(size), root: empty_root() };
    let root = Word(batch_root(hashed(&leaves)).unwrap());
    let batch = Batch { first, root, leaf: Word(leaves.0[&(size - 1)].0), proof: path(&leaves, size - 1) };
    let block = Block { number: 7, hash: Word([3; 32]), time: 1_790_000_000 };
    let (contract, transaction) = (Address([0x11; 20]), Word([2; 32]));
    let place = OnChain { chain_id: 31_337, contract, transaction, block, confirmations: 2 };
    (checkpoint.clone(), EvmReceipt::new(&checkpoint, batch, place))
}

#[test]
fn a_receipt_holds_for_its_checkpoint_and_its_leaves_alone() {
    for (first, size) in [(0, 1), (0, 2), (3, 8), (5, 262), (0, 1000)] {
        let (checkpoint, receipt) = receipt(first, size);
        assert_eq!(receipt.check(&checkpoint), Ok(()));
        assert_eq!(receipt.check_batch(&leaves(first, size)).unwrap(), Ok(()));
        assert_eq!(EvmReceipt::parse(&receipt.to_bytes().unwrap()), Ok(receipt.clone()));
        let mut changed = leaves(first, size);
        changed.0.insert(first, leaf_hash(b"changed"));
        assert_eq!(receipt.check_batch(&changed).unwrap(), Err(EvmFault::Batch("the log's leaves")));
    }
}

#[test]
fn another_log_size_root_leaf_or_path_is_refused() {
    let (checkpoint, receipt) = receipt(3, 8);
    let other = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = checkpoint.clone();
        change(&mut checkpoint);
        receipt.check(&checkpoint)
    };
    assert_eq!(other(&|one| one.origin = "lww.example/acme/2".parse().unwrap()), Err(EvmFault::Other("log")));
    assert_eq!(other(&|one| one.size = TreeSize(9)), Err(EvmFault::Other("size")));
    assert_eq!(other(&|one| one.root = Hash([9; 32])), Err(EvmFault::Other("root")));
    let changes: [fn(&mut Batch); 5] = [
        |batch| batch.leaf.0[31] ^= 1,
        |batch| batch.root.0[0] ^= 1,
        |batch| batch.proof[0].0[5] ^= 1,
        |batch| batch.proof.truncate(batch.proof.len() - 1),
        |batch| batch.proof.push(Word([0; 32])),
    ];
    for change in changes {
        let mut receipt = receipt.clone();
        change(&mut receipt.batch);
        assert_eq!(receipt.check(&checkpoint), Err(EvmFault::Batch("the leaf that it names")));
    }
    // A path from an inner node would lead to the root as well: its hash is no leaf's.
    let mut higher = receipt.clone();
    higher.batch.leaf = higher.batch.proof[0];
    higher.batch.proof.remove(0);
    assert!(higher.check(&checkpoint).is_err());
}

#[test]
fn what_is_no_receipt_is_refused_by_its_member() {
    let (_, receipt) = receipt(3, 8);
    let text = String::from_utf8(receipt.to_bytes().unwrap()).unwrap();
    let cases = [
        ("{\"v\":1,", "{\"v\":2,", "its version is not known here"),
        (ORIGIN, "no origin", "log is no origin"),
        ("\"first\":3", "\"first\":8", "batch.first is not before size, or too far"),
        ("\"size\":8", "\"size\":9000000000", "batch.first is not before size, or too far"),
        ("\"confirmations\":2", "\"confirmations\":0", "confirmations is none, or beyond any block"),
        ("\"number\":7", "\"number\":18446744073709551615", "confirmations is none, or beyond any block"),
        ("{\"v\":1,", "{\"v\":1,\"more\":1,", "it is no JSON object of a receipt's members"),
        ("0x0202", "0x02", "it is no JSON object of a receipt's members"),
        ("}", "", "it is no JSON object of a receipt's members"),
    ];
    for (from, to, reason) in cases {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        assert_eq!(EvmReceipt::parse(changed.as_bytes()), Err(EvmFault::Malformed(reason)), "{to}");
    }
    let long = format!("{text}{}", " ".repeat(EVM_RECEIPT_BYTES_MAX));
    assert_eq!(EvmReceipt::parse(long.as_bytes()), Err(EvmFault::Malformed("the receipt is too long")));
}

#[test]
fn addresses_bear_the_checksum_of_eip_55() {
    for text in [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        assert!(text.to_lowercase().parse::<Address>().is_err());
        assert!(text.replace("0x", "").parse::<Address>().is_err());
    }
}

#[test]
fn the_question_is_the_contract_s_own_call() {
    let (_, receipt) = receipt(3, 8);
    let data = receipt.question().data();
    assert_eq!(data.len(), 2 + 2 * (4 + 4 * 32));
    assert_eq!((data.len() - 10) % 64, 0);
    let shown = receipt.question().to_string();
    for part in ["eth_call", &data, &receipt.batch.root.to_string(), "chain 31337", "cast call"] {
        assert!(shown.contains(part), "{part}");
    }
}
