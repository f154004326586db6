//! ABI encoding of arguments, as `abi.encode` of Solidity has it.

use crate::types::{Address, U256};

/// An argument, of the types that a batch tree knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// `address`.
    Address(Address),
    /// `uint256`; a `bytes32` has the same encoding.
    Uint(U256),
    /// `string`.
    String(String),
}

/// Encodes arguments: a word each, then the texts that words point to.
pub fn encode(tokens: &[Token]) -> Vec<u8> {
    let mut head = Vec::new();
    let mut tail = Vec::new();
    for token in tokens {
        match token {
            Token::Address(Address(bytes)) => {
                head.extend([0; 12]);
                head.extend(bytes);
            }
            Token::Uint(U256(bytes)) => head.extend(bytes),
            Token::String(text) => {
                head.extend(word(tokens.len() * 32 + tail.len()));
                tail.extend(word(text.len()));
                tail.extend(text.bytes());
                tail.resize(tail.len().next_multiple_of(32), 0);
            }
        }
    }
    head.extend(tail);
    head
}

fn word(number: usize) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&(number as u64).to_be_bytes());
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::utils::hex;

    #[test]
    fn words_stand_in_order_and_texts_after_them() {
        let tokens = [Token::String("abc".to_owned()), Token::Uint(U256::from_dec_str("7").unwrap())];
        let expect = [
            "0000000000000000000000000000000000000000000000000000000000000040",
            "0000000000000000000000000000000000000000000000000000000000000007",
            "0000000000000000000000000000000000000000000000000000000000000003",
            "6162630000000000000000000000000000000000000000000000000000000000",
        ];
        assert_eq!(hex::encode(encode(&tokens)), expect.concat());
    }
}
