//! Transactions of EIP-1559, encoded and signed here: no node is given a key.
//!
//! Sources: EIP-1559, EIP-2718; RLP.

use alloy_rlp::{BufMut, Encodable, Header};
use lww_audit::evm::{Address, Word, keccak256};

use crate::key::{AccountKey, Signed};

/// The type's byte (EIP-2718).
const TYPE: u8 = 2;

/// What a transaction says; it carries no value and no access list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// Place among the account's transactions.
    pub nonce: u64,
    /// Most wei a gas for whoever makes the block.
    pub tip: u128,
    /// Most wei a gas altogether.
    pub fee: u128,
    /// Most gas.
    pub gas: u64,
    /// Whom it calls; `None` makes a contract.
    pub to: Option<Address>,
    /// The call's data, or the contract's code.
    pub data: Vec<u8>,
}

/// A signed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw {
    /// What is sent.
    pub bytes: Vec<u8>,
    /// Its hash.
    pub hash: Word,
}

impl Transaction {
    /// Signs it.
    pub fn sign(&self, key: &AccountKey) -> Raw {
        let signed = key.sign(&keccak256(&[&self.encoded(None)]));
        let bytes = self.encoded(Some(signed));
        Raw { hash: Word(keccak256(&[&bytes])), bytes }
    }

    fn encoded(&self, signed: Option<Signed>) -> Vec<u8> {
        let mut fields = Vec::new();
        self.chain_id.encode(&mut fields);
        self.nonce.encode(&mut fields);
        self.tip.encode(&mut fields);
        self.fee.encode(&mut fields);
        self.gas.encode(&mut fields);
        self.to.as_ref().map_or(&[][..], |to| &to.0).encode(&mut fields);
        0_u64.encode(&mut fields);
        self.data.as_slice().encode(&mut fields);
        Header { list: true, payload_length: 0 }.encode(&mut fields);
        if let Some(Signed { r, s, odd }) = signed {
            u64::from(odd).encode(&mut fields);
            number(&r).encode(&mut fields);
            number(&s).encode(&mut fields);
        }
        let mut bytes = vec![TYPE];
        Header { list: true, payload_length: fields.len() }.encode(&mut bytes);
        bytes.put_slice(&fields);
        bytes
    }
}

/// A number without the zeros before it, as RLP wants it.
fn number(bytes: &[u8; 32]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// Made with an independent program (cast of Foundry 1.7.1): `cast mktx`.
    #[test]
    fn a_signed_transaction_is_the_one_that_others_make() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80").unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let key = AccountKey::open(&path).unwrap();
        let cases = include_str!("../tests/transactions.txt").lines().collect::<Vec<_>>();
        let call = Transaction {
            chain_id: 31_337,
            nonce: 0,
            tip: 1_000_000_000,
            fee: 30_000_000_000,
            gas: 21_000,
            to: Some(Address([0x11; 20])),
            data: Vec::new(),
        };
        let more = Transaction { nonce: 300, tip: 0, gas: 300_000, data: vec![7; 100], ..call.clone() };
        let create = Transaction { to: None, chain_id: 1, data: vec![0x60, 0x80], ..call.clone() };
        assert_eq!(cases.len(), 3);
        for (transaction, expect) in [call, more, create].iter().zip(cases) {
            assert_eq!(hex(&transaction.sign(&key).bytes), expect.trim_start_matches("0x"));
        }
    }

    #[test]
    fn numbers_lose_the_zeros_before_them() {
        let mut bytes = [0; 32];
        assert_eq!(number(&bytes), b"");
        bytes[30..].copy_from_slice(&[1, 0]);
        assert_eq!(number(&bytes), [1, 0]);
    }
}
