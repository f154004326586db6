//! Keccak-256 and hex.

use sha3::{Digest as _, Keccak256};

pub mod hex;

/// Keccak-256 of some bytes, 32 bytes.
pub fn keccak256(bytes: impl AsRef<[u8]>) -> [u8; 32] {
    Keccak256::digest(bytes.as_ref()).into()
}

#[cfg(test)]
mod tests {
    use super::keccak256;

    #[test]
    fn keccak_is_ethereum_s_and_not_sha_3() {
        let empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
        assert_eq!(super::hex::encode(keccak256([])), empty);
    }
}
