//! The compiled contract, as `contracts/build.mjs` wrote it: its code and its interface.

use serde::Deserialize;
use serde_json::value::RawValue;

/// What is committed of the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerAnchor {
    /// The code that makes it, without the argument.
    pub code: Vec<u8>,
    /// The code that lies at its address.
    pub deployed: Vec<u8>,
    /// Its interface in JSON, without spaces.
    pub abi: String,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    abi: &'a RawValue,
    bytecode: &'a str,
    deployed: &'a str,
}

impl LedgerAnchor {
    /// Reads it out of this program; `None` only if the program was built from a broken file, which a test would say.
    pub fn committed() -> Option<Self> {
        let file: File<'_> = serde_json::from_str(include_str!("../contracts/LedgerAnchor.json")).ok()?;
        let (code, deployed) = (crate::rpc::unhex(file.bytecode)?, crate::rpc::unhex(file.deployed)?);
        let abi = file.abi.get().chars().filter(|character| !character.is_whitespace()).collect();
        Some(Self { code, deployed, abi })
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_committed_is_a_contract_with_its_code() {
        let contract = super::LedgerAnchor::committed().unwrap();
        assert!(contract.deployed.len() > 1000 && contract.code.ends_with(&contract.deployed));
        // A push of nothing came after the fork that the contract is compiled for.
        assert!(contract.abi.starts_with("[{"));
    }
}
