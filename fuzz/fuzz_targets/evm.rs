//! Answers of EVM nodes and receipts of EVM chains: whatever a node sends is read in bounds or refused, and a receipt that is taken
//! is written and read as itself and holds for no other checkpoint.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lww_audit::evm::{Address, EvmReceipt, Word};
use lww_audit::{Checkpoint, Hash, TreeSize};
use lww_evm::abi;
use lww_evm::rpc::{Data, NodeBlock, NodeLog, NodeReceipt, Quantity, RpcError, read};

fuzz_target!(|data: &[u8]| {
    if let Err(RpcError::Refused { message, .. }) = read::<Quantity>(data, "eth_chainId") {
        assert!(message.chars().count() <= 160 && !message.chars().any(char::is_control));
    }
    let _ = read::<NodeBlock>(data, "eth_getBlockByNumber");
    let _ = read::<Word>(data, "eth_sendRawTransaction");
    if let Ok(Some(receipt)) = read::<NodeReceipt>(data, "eth_getTransactionReceipt") {
        for log in &receipt.logs {
            let _ = (log.is(Address([1; 20]), &abi::topics("a.example/b/1", 7)), abi::read_anchored(&log.data.0));
        }
    }
    let _ = read::<Vec<NodeLog>>(data, "eth_getLogs");
    if let Ok(Some(Data(answer))) = read::<Data>(data, "eth_call") {
        let _ = (abi::read_newest(&answer), abi::read_bool(&answer));
    }
    let _ = (abi::read_newest(data), abi::read_anchored(data), abi::read_refusal(data));
    if let Ok(receipt) = EvmReceipt::parse(data) {
        assert_eq!(EvmReceipt::parse(&receipt.to_bytes().unwrap()).unwrap(), receipt);
        let checkpoint = Checkpoint {
            origin: receipt.log().parse().unwrap(),
            size: TreeSize(receipt.size),
            root: Hash(receipt.root.0),
        };
        let _ = receipt.check(&checkpoint);
        let other = Checkpoint { size: TreeSize(receipt.size ^ 1), ..checkpoint };
        assert!(receipt.check(&other).is_err());
        assert!(receipt.question().to_string().contains("eth_call"));
    }
});
