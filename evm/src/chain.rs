//! What a node is asked of a chain, each question with the type of its answer.

use lww_audit::evm::{Address, Word};
use serde_json::{Value, json};

use crate::abi::{self, Newest, Refusal};
use crate::rpc::{Data, Node, NodeBlock, NodeLog, NodeReceipt, Quantity, RpcError, ask, hex};

/// A chain by one node's word.
#[derive(Clone, Copy)]
pub struct Chain<'a>(pub &'a dyn Node);

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called<T> {
    /// It would be done.
    Done(T),
    /// The contract would refuse.
    Refused(Refusal),
}

/// What one gas costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fees {
    /// Most wei for whoever makes the block.
    pub tip: u128,
    /// Most wei altogether.
    pub fee: u128,
}

impl Chain<'_> {
    async fn needed<T: serde::de::DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, RpcError> {
        ask(self.0, method, params).await?.ok_or(RpcError::Malformed(method))
    }

    /// The chain's number.
    ///
    /// # Errors
    /// [`RpcError`], as for all of these.
    pub async fn id(&self) -> Result<u64, RpcError> {
        Ok(self.needed::<Quantity>("eth_chainId", json!([])).await?.u64())
    }

    /// The newest block.
    pub async fn newest_block(&self) -> Result<NodeBlock, RpcError> {
        self.needed("eth_getBlockByNumber", json!(["latest", false])).await
    }

    /// A block of the chain by its number; `None` beyond its end.
    pub async fn block(&self, number: u64) -> Result<Option<NodeBlock>, RpcError> {
        ask(self.0, "eth_getBlockByNumber", json!([Quantity(number.into()).to_string(), false])).await
    }

    /// How many transactions of an account are in blocks, or are with those that wait.
    pub async fn nonce(&self, account: Address, waiting: bool) -> Result<u64, RpcError> {
        let state = if waiting { "pending" } else { "latest" };
        let params = json!([account.to_string(), state]);
        Ok(self.needed::<Quantity>("eth_getTransactionCount", params).await?.u64())
    }

    /// What an account has, in wei.
    pub async fn balance(&self, account: Address) -> Result<u128, RpcError> {
        Ok(self.needed::<Quantity>("eth_getBalance", json!([account.to_string(), "latest"])).await?.0)
    }

    /// The code at an address.
    pub async fn code(&self, contract: Address) -> Result<Vec<u8>, RpcError> {
        Ok(self.needed::<Data>("eth_getCode", json!([contract.to_string(), "latest"])).await?.0)
    }

    /// Asks a contract.
    pub async fn call(&self, contract: Address, data: &[u8]) -> Result<Vec<u8>, RpcError> {
        let params = json!([{"to": contract.to_string(), "data": hex(data)}, "latest"]);
        Ok(self.needed::<Data>("eth_call", params).await?.0)
    }

    /// What the contract keeps of a log.
    pub async fn newest(&self, contract: Address, origin: &str) -> Result<Newest, RpcError> {
        let answer = self.call(contract, &abi::newest(origin)).await?;
        abi::read_newest(&answer).ok_or(RpcError::Malformed("eth_call of newest"))
    }

    /// How much gas a transaction takes, or why the contract would refuse it.
    pub async fn gas(&self, from: Address, to: Option<Address>, data: &[u8]) -> Result<Called<u64>, RpcError> {
        let mut transaction = json!({"from": from.to_string(), "data": hex(data)});
        if let (Some(to), Some(members)) = (to, transaction.as_object_mut()) {
            members.insert("to".to_owned(), to.to_string().into());
        }
        match self.needed::<Quantity>("eth_estimateGas", json!([transaction])).await {
            Ok(gas) => Ok(Called::Done(gas.u64())),
            Err(RpcError::Refused { code, message, data, .. })
                if !data.is_empty() || code == 3 || message.contains("revert") =>
            {
                Ok(Called::Refused(abi::read_refusal(&data)))
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a signed transaction.
    pub async fn send(&self, raw: &[u8]) -> Result<Word, RpcError> {
        self.needed("eth_sendRawTransaction", json!([hex(raw)])).await
    }

    /// What became of a transaction; `None` while it is in no block of the chain.
    pub async fn receipt(&self, transaction: Word) -> Result<Option<NodeReceipt>, RpcError> {
        ask(self.0, "eth_getTransactionReceipt", json!([transaction.to_string()])).await
    }

    /// What a contract told in one block.
    pub async fn told(&self, contract: Address, topics: &[Word], block: u64) -> Result<Vec<NodeLog>, RpcError> {
        let block = Quantity(block.into()).to_string();
        let topics: Vec<String> = topics.iter().map(Word::to_string).collect();
        let filter = json!({"address": contract.to_string(), "topics": topics, "fromBlock": block, "toBlock": block});
        self.needed("eth_getLogs", json!([filter])).await
    }
}
