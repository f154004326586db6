//! JSON-RPC 2.0 with a node: what is asked, and what of an answer is taken.
//!
//! Nothing that a node says is believed by this; it is only read, in bounds.

use std::fmt;

use async_trait::async_trait;
use lww_audit::evm::{Address, Word};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// Longest answer in bytes.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// Most of a node's own words that are passed on.
const MESSAGE_CHARS_MAX: usize = 160;
const ID: u64 = 1;

/// Why there is no answer that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// Nobody answered.
    #[error("the node can't be reached: {0}")]
    Unreachable(&'static str),
    /// It answered with a status of HTTP.
    #[error("the node answered with status {0}: is rpc its address, and does it want an authorization?")]
    Status(u16),
    /// The answer is over its bound.
    #[error("the node's answer is too long")]
    TooLong,
    /// The answer hasn't the form that it should have.
    #[error("the node's answer to {0} is none of JSON-RPC, or of another form")]
    Malformed(&'static str),
    /// The node refused.
    #[error("the node refused {method} with code {code}: {message}")]
    Refused {
        /// What it was asked.
        method: &'static str,
        /// The error's code.
        code: i64,
        /// Its own words, shortened, without control characters.
        message: String,
        /// What a contract that refused gave.
        data: Vec<u8>,
    },
}

/// Posts a request to a node and gives the body of its answer; bounded in time and length.
#[async_trait]
pub trait Node: Send + Sync {
    /// Posts it.
    ///
    /// # Errors
    /// [`RpcError`]; the node may have done what it was asked nevertheless.
    async fn post(&self, body: Vec<u8>) -> Result<Vec<u8>, RpcError>;
}

/// Asks a node; `None` when it answers with null.
///
/// # Errors
/// [`RpcError`].
pub async fn ask<T: DeserializeOwned>(
    node: &dyn Node,
    method: &'static str,
    params: Value,
) -> Result<Option<T>, RpcError> {
    let request = json!({"jsonrpc": "2.0", "id": ID, "method": method, "params": params});
    read(&node.post(request.to_string().into_bytes()).await?, method)
}

#[derive(Deserialize)]
struct Answer<'a> {
    jsonrpc: String,
    id: u64,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    error: Option<NodeError>,
}

#[derive(Deserialize)]
struct NodeError {
    code: i64,
    #[serde(default)]
    message: String,
    data: Option<Value>,
}

/// Reads an answer; `None` when its result is null.
///
/// # Errors
/// [`RpcError::Malformed`] or [`RpcError::Refused`].
pub fn read<T: DeserializeOwned>(body: &[u8], method: &'static str) -> Result<Option<T>, RpcError> {
    let malformed = || RpcError::Malformed(method);
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|_| malformed())?;
    if answer.jsonrpc != "2.0" || answer.id != ID {
        return Err(malformed());
    }
    if let Some(NodeError { code, message, data }) = answer.error {
        let message = message.chars().filter(|character| !character.is_control()).take(MESSAGE_CHARS_MAX).collect();
        let data = data.as_ref().and_then(Value::as_str).and_then(unhex).unwrap_or_default();
        return Err(RpcError::Refused { method, code, message, data });
    }
    let result = answer.result.map(|result| serde_json::from_str(result.get())).transpose();
    result.map_err(|_| malformed())
}

/// A number as nodes write it: `0x` and hexadecimal digits, below 2^128.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(pub u128);

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl Quantity {
    /// The number, or the largest that there is: what is over it is refused where it is used.
    pub fn u64(self) -> u64 {
        u64::try_from(self.0).unwrap_or(u64::MAX)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").filter(|digits| !digits.is_empty() && !digits.starts_with('+'));
        let number = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        number.map(Self).ok_or_else(|| serde::de::Error::custom("no quantity"))
    }
}

/// Bytes as nodes write them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data(pub Vec<u8>);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        unhex(&text).map(Self).ok_or_else(|| serde::de::Error::custom("no data"))
    }
}

/// Reads pairs of hexadecimal digits, with or without `0x`.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

/// Writes bytes as nodes read them.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    "0x".chars().chain(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])).collect()
}

/// A block, as far as it is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeBlock {
    /// Its number.
    pub number: Quantity,
    /// Its hash.
    pub hash: Word,
    /// Its time in seconds since 1970.
    pub timestamp: Quantity,
    /// What a gas costs at least; a chain without EIP-1559 has none.
    pub base_fee_per_gas: Option<Quantity>,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeReceipt {
    /// Its hash.
    pub transaction_hash: Word,
    /// The block that holds it.
    pub block_hash: Word,
    /// That block's number.
    pub block_number: Quantity,
    /// Whether it did what it was to do: 1.
    pub status: Quantity,
    /// What it took.
    pub gas_used: Quantity,
    /// The contract that it made.
    pub contract_address: Option<Data>,
    /// What contracts told.
    pub logs: Vec<NodeLog>,
}

/// What a contract told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeLog {
    /// The contract.
    pub address: Data,
    /// Its event and what is looked for by.
    pub topics: Vec<Word>,
    /// What else it told.
    pub data: Data,
    /// The transaction.
    pub transaction_hash: Word,
}

impl NodeLog {
    /// Whether this contract told this.
    pub fn is(&self, contract: Address, topics: &[Word]) -> bool {
        self.address.0 == contract.0 && self.topics == topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_what_is_none_is_refused() {
        let read = |body: &str| read::<Quantity>(body.as_bytes(), "eth_chainId");
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":"0x7a69"}"#), Ok(Some(Quantity(31_337))));
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":null}"#), Ok(None));
        let malformed = Err(RpcError::Malformed("eth_chainId"));
        for body in [
            "",
            "<html>",
            "[]",
            r#"{"jsonrpc":"2.0","id":2,"result":"0x1"}"#,
            r#"{"jsonrpc":"1.0","id":1,"result":"0x1"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":"0x"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":"0x+1"}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":"0x100000000000000000000000000000000"}"#,
        ] {
            assert_eq!(read(body), malformed, "{body}");
        }
    }

    #[test]
    fn a_node_s_own_words_are_shortened_and_its_data_kept() {
        let words = format!("reverted\\n{}", "x".repeat(500));
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":3,"message":"{words}","data":"0x0102"}}}}"#);
        let error = read::<Data>(body.as_bytes(), "eth_call").unwrap_err();
        let RpcError::Refused { method: "eth_call", code: 3, message, data } = error else { panic!("{error}") };
        assert!(message.starts_with("revertedx") && message.chars().count() == MESSAGE_CHARS_MAX);
        assert_eq!(data, [1, 2]);
    }
}
