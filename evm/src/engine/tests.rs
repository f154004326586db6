//! The engine against a chain that is made up: blocks come when a test says so, and vanish when it says so.

use std::collections::BTreeMap;
use std::sync::Mutex;

use alloy_rlp::Header;
use async_trait::async_trait;
use lww_audit::evm::{EvmReceipt, Word, keccak256};
use lww_audit::merkle::empty_root;
use lww_audit::{Hash, NoteSigner, SignedCheckpoint, TileWriter, TreeSize};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::rpc::unhex;

const CONTRACT: Address = Address([0x22; 20]);
const ORIGIN: &str = "lww.example/acme/1";
const GWEI: u128 = 1_000_000_000;

#[derive(Default)]
struct Made {
    chain_id: u64,
    is_down: bool,
    height: u64,
    /// Changes the hashes of all blocks from here on: a branch of its own.
    branch: BTreeMap<u64, u8>,
    base_gwei: u128,
    gas: u64,
    /// What was sent, in order.
    sent: Vec<Vec<u8>>,
    /// Block of each transaction that one holds.
    held: BTreeMap<[u8; 32], u64>,
    /// What the contract refuses with.
    refuses: Option<&'static str>,
    /// Size and root that the contract kept before.
    kept: (u64, [u8; 32]),
}

impl Made {
    fn hash_of(&self, number: u64) -> Word {
        let branch = self.branch.range(..=number).next_back().map_or(0, |(_, branch)| *branch);
        Word(keccak256(&[&number.to_be_bytes(), &[branch]]))
    }

    fn block(&self, number: u64) -> Value {
        if number > self.height {
            return Value::Null;
        }
        json!({"number": format!("{number:#x}"), "hash": self.hash_of(number), "timestamp": format!("{:#x}", 1000 + number),
            "baseFeePerGas": format!("{:#x}", self.base_gwei * GWEI)})
    }

    fn receipt(&self, hash: &str) -> Value {
        let raw = self.sent.iter().find(|raw| hex(&keccak256(&[raw])) == hash);
        let Some((raw, number)) = raw.and_then(|raw| Some((raw, *self.held.get(&keccak256(&[raw]))?))) else {
            return Value::Null;
        };
        let data = &fields(raw)[7];
        let size = u64::from_be_bytes(data[4 + 56..4 + 64].try_into().unwrap());
        let told = data[4 + 64..4 + 160].to_vec();
        json!({"transactionHash": hash, "blockHash": self.hash_of(number), "blockNumber": format!("{number:#x}"),
            "status": "0x1", "gasUsed": "0x1", "contractAddress": null, "logs": [{"address": CONTRACT.to_string(),
            "topics": abi::topics(ORIGIN, size), "data": hex(&told), "transactionHash": hash}]})
    }

    fn answer(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        let number = |at: usize| u64::from_str_radix(params[at].as_str().unwrap().trim_start_matches("0x"), 16);
        Ok(match method {
            "eth_chainId" => json!(format!("{:#x}", self.chain_id)),
            "eth_getCode" => json!(hex(&LedgerAnchor::committed().unwrap().deployed)),
            "eth_getBlockByNumber" => self.block(number(0).unwrap_or(self.height)),
            "eth_getTransactionCount" => json!(format!("{:#x}", self.held.len())),
            "eth_call" => {
                let mut words = [[0; 32]; 5];
                words[0][24..].copy_from_slice(&self.kept.0.to_be_bytes());
                words[1] = self.kept.1;
                json!(hex(words.as_flattened()))
            }
            "eth_estimateGas" => match self.refuses {
                None => json!(format!("{:#x}", self.gas)),
                Some(error) => {
                    let data = hex(&keccak256(&[error.as_bytes()])[..4]);
                    return Err(json!({"code": 3, "message": "execution reverted", "data": data}));
                }
            },
            "eth_sendRawTransaction" => {
                let raw = unhex(params[0].as_str().unwrap()).unwrap();
                let hash = hex(&keccak256(&[&raw]));
                self.sent.push(raw);
                json!(hash)
            }
            "eth_getTransactionReceipt" => self.receipt(params[0].as_str().unwrap()),
            _ => return Err(json!({"code": -32601, "message": "no such method"})),
        })
    }
}

/// The fields of a signed transaction.
fn fields(raw: &[u8]) -> Vec<Vec<u8>> {
    let mut list = &raw[1..];
    Header::decode(&mut list).unwrap();
    (0..8).map(|_| Header::decode_bytes(&mut list, false).unwrap().to_vec()).collect()
}

fn number(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

struct MadeNode(Mutex<Made>);

impl MadeNode {
    fn with<T>(&self, change: impl FnOnce(&mut Made) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    /// A new block takes the transaction that was sent last.
    fn mine(&self) {
        self.with(|made| {
            made.height += 1;
            let newest = made.sent.last().map(|raw| keccak256(&[raw])).filter(|hash| !made.held.contains_key(hash));
            newest.map(|hash| made.held.insert(hash, made.height));
        });
    }

    fn grow(&self, blocks: u64) {
        self.with(|made| made.height += blocks);
    }
}

#[async_trait]
impl Node for MadeNode {
    async fn post(&self, body: Vec<u8>) -> Result<Vec<u8>, RpcError> {
        let mut made = self.0.lock().unwrap();
        if made.is_down {
            return Err(RpcError::Unreachable("nobody listens there"));
        }
        let request: Value = serde_json::from_str(std::str::from_utf8(&body).unwrap()).unwrap();
        let answer = match made.answer(request["method"].as_str().unwrap(), &request["params"]) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": 1, "result": result}),
            Err(error) => json!({"jsonrpc": "2.0", "id": 1, "error": error}),
        };
        Ok(answer.to_string().into_bytes())
    }
}

struct Case {
    node: Arc<MadeNode>,
    dir: TempDir,
    checkpoint: Checkpoint,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let signer = NoteSigner::from_seed(ORIGIN, &[7; 32]).unwrap();
        let mut writer = TileWriter::open(dir.path().join("tiles")).unwrap();
        for index in 0..300_u32 {
            writer.append(format!("entry {index}").as_bytes()).unwrap();
        }
        let checkpoint = Checkpoint { origin: ORIGIN.parse().unwrap(), size: TreeSize(300), root: writer.root() };
        let signed = SignedCheckpoint::sign(checkpoint.clone(), &[&signer]).unwrap();
        writer.prepare(&signed).unwrap();
        writer.publish(&signed).unwrap();
        let made = Made { chain_id: 31_337, height: 10, base_gwei: 5, gas: 80_000, ..Made::default() };
        Self { node: Arc::new(MadeNode(Mutex::new(made))), dir, checkpoint }
    }

    fn engine(&self) -> Engine {
        let signer = NoteSigner::from_seed(ORIGIN, &[7; 32]).unwrap();
        let path = self.dir.path().join("key");
        let key = AccountKey::create(&path).or_else(|_| AccountKey::open(&path)).unwrap();
        let (tiles, keys) = (self.dir.path().join("tiles"), vec![signer.verifier_key().clone()]);
        let ledgers = Arc::from([Ledger { origin: ORIGIN.parse().unwrap(), keys, tiles }]);
        let state = State::open(&self.dir.path().join("state")).unwrap();
        let flights = state.flights().unwrap();
        let wanted = Arc::new(Wanted::default());
        flights.iter().filter_map(Flight::checkpoint).for_each(|checkpoint| wanted.resume(&checkpoint));
        let rules = Rules { confirmations: 3, gas_max: 300_000, fee_max: 100 * GWEI, tip: GWEI, stuck_s: 60 };
        let node: Arc<dyn Node> = Arc::<MadeNode>::clone(&self.node);
        Engine {
            node,
            key,
            chain_id: 31_337,
            contract: CONTRACT,
            rules,
            ledgers,
            wanted,
            state,
            flights,
            is_known: false,
        }
    }

    fn sent(&self) -> Vec<Vec<Vec<u8>>> {
        self.node.with(|made| made.sent.iter().map(|raw| fields(raw)).collect())
    }

    fn receipt(&self, engine: &Engine) -> Option<EvmReceipt> {
        match engine.wanted.ask(&self.checkpoint) {
            Told::Receipt(bytes) => {
                let receipt = EvmReceipt::parse(&bytes).unwrap();
                receipt.check(&self.checkpoint).unwrap();
                Some(receipt)
            }
            Told::Pending(_) | Told::Refused(_) => None,
        }
    }
}

fn pending(why: &str) -> Told {
    Told::Pending(Some(why.to_owned()))
}

#[tokio::test]
async fn a_checkpoint_has_its_receipt_when_enough_blocks_build_on_it_and_not_before() {
    let case = Case::new();
    let mut engine = case.engine();
    assert_eq!(engine.wanted.ask(&case.checkpoint), Told::Pending(None));
    engine.turn(0).await.unwrap();
    case.node.mine();
    for _ in 0..2 {
        engine.turn(1).await.unwrap();
        assert!(case.receipt(&engine).is_none(), "too early");
        case.node.grow(1);
    }
    engine.turn(2).await.unwrap();
    let receipt = case.receipt(&engine).unwrap();
    assert_eq!((receipt.block.number, receipt.confirmations, receipt.batch.first), (11, 3, 0));
    let tree = lww_audit::TileDir::open(case.dir.path().join("tiles"));
    assert_eq!(receipt.check_batch(&tree.tree(TreeSize(300))).unwrap(), Ok(()));
    assert_eq!(case.sent().len(), 1);
    assert_eq!(number(&case.sent()[0][3]), 11 * GWEI);
}

#[tokio::test]
async fn a_stuck_transaction_is_replaced_under_its_number_with_a_higher_fee() {
    let case = Case::new();
    let mut engine = case.engine();
    engine.wanted.ask(&case.checkpoint);
    engine.turn(0).await.unwrap();
    engine.turn(59).await.unwrap();
    assert_eq!(case.sent().len(), 1, "replaced too early");
    engine.turn(60).await.unwrap();
    let sent = case.sent();
    assert_eq!((sent.len(), &sent[0][1], &sent[0][7]), (2, &sent[1][1], &sent[1][7]));
    assert!(number(&sent[1][3]) * 10 > number(&sent[0][3]) * 11 && number(&sent[1][2]) * 10 > number(&sent[0][2]) * 11);
    // Whichever of the two a block takes counts.
    case.node.with(|made| {
        made.height += 1;
        let first = keccak256(&[&made.sent[0]]);
        made.held.insert(first, made.height);
    });
    case.node.grow(5);
    engine.turn(61).await.unwrap();
    assert!(case.receipt(&engine).is_some());
}

#[tokio::test]
async fn no_replacement_offers_more_than_is_allowed_and_it_is_said() {
    let case = Case::new();
    let mut engine = case.engine();
    engine.wanted.ask(&case.checkpoint);
    for turn in 0..60 {
        engine.turn(turn * 60).await.unwrap();
    }
    let most = case.sent().iter().map(|fields| number(&fields[3])).max().unwrap();
    assert!(most <= 100 * GWEI && most > 80 * GWEI);
    let Told::Pending(Some(why)) = engine.wanted.ask(&case.checkpoint) else { panic!("nothing is said") };
    assert!(why.contains("fee_gwei_max"), "{why}");
}

#[tokio::test]
async fn a_block_that_vanishes_takes_the_receipt_with_it_and_the_transaction_is_sent_again() {
    let case = Case::new();
    let mut engine = case.engine();
    engine.wanted.ask(&case.checkpoint);
    engine.turn(0).await.unwrap();
    case.node.mine();
    engine.turn(1).await.unwrap();
    // Another branch without it takes the place of block 11.
    case.node.with(|made| {
        made.branch.insert(11, 1);
        made.held.clear();
        made.height += 4;
    });
    engine.turn(2).await.unwrap();
    assert!(case.receipt(&engine).is_none(), "a receipt of a block that is gone");
    let sent = case.sent();
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]), "it was not sent again, or another was");
    case.node.mine();
    case.node.grow(2);
    engine.turn(3).await.unwrap();
    assert_eq!(case.receipt(&engine).unwrap().block.number, 16);
}

#[tokio::test]
async fn a_node_that_is_down_loses_nothing_and_a_restart_sends_nothing_twice() {
    let case = Case::new();
    let mut engine = case.engine();
    engine.wanted.ask(&case.checkpoint);
    case.node.with(|made| made.is_down = true);
    let trouble = engine.turn(0).await.unwrap_err();
    assert_eq!(trouble.to_string(), "the node can't be reached: nobody listens there");
    case.node.with(|made| made.is_down = false);
    engine.turn(1).await.unwrap();
    drop(engine);
    // Another process: its clock begins anew, and it sends the same transaction again, which has one place only.
    let mut engine = case.engine();
    engine.turn(0).await.unwrap();
    let sent = case.sent();
    assert_eq!((sent.len(), &sent[0]), (2, &sent[1]));
    case.node.mine();
    case.node.grow(3);
    engine.turn(1).await.unwrap();
    assert!(case.receipt(&engine).is_some());
}

#[tokio::test]
async fn another_chain_or_another_contract_gets_nothing_signed() {
    let case = Case::new();
    let mut engine = case.engine();
    engine.wanted.ask(&case.checkpoint);
    case.node.with(|made| made.chain_id = 1);
    assert!(matches!(engine.turn(0).await, Err(Trouble::OtherChain { expected: 31_337, got: 1 })));
    assert_eq!(case.sent().len(), 0);
}

#[tokio::test]
async fn what_the_contract_refuses_is_said_and_not_sent() {
    let case = Case::new();
    let root = case.checkpoint.root.0;
    let cases: [(u64, [u8; 32], Option<&str>, &str); 4] = [
        (301, root, None, "size 301"),
        (300, empty_root().0, None, "another root"),
        (0, root, Some("NotSubmitter()"), "changeSubmitter"),
        (0, root, Some("Strange()"), "no reason"),
    ];
    for (size, root, refuses, said) in cases {
        let mut engine = case.engine();
        case.node.with(|made| (made.kept, made.refuses) = ((size, root), refuses));
        engine.wanted.ask(&case.checkpoint);
        engine.turn(0).await.unwrap();
        let Told::Refused(why) = engine.wanted.ask(&case.checkpoint) else { panic!("not refused: {said}") };
        assert!(why.contains(said), "{why}");
        assert_eq!(case.sent().len(), 0);
    }
}

#[tokio::test]
async fn more_gas_or_a_higher_fee_than_is_allowed_waits_and_is_said() {
    let case = Case::new();
    let mut engine = case.engine();
    engine.wanted.ask(&case.checkpoint);
    case.node.with(|made| made.gas = 240_001);
    engine.turn(0).await.unwrap();
    assert_eq!(engine.wanted.ask(&case.checkpoint), pending("it would take 300001 gas, gas_max is 300000"));
    case.node.with(|made| (made.gas, made.base_gwei) = (80_000, 101));
    engine.turn(1).await.unwrap();
    let why = "a gas costs 101 gwei at least, fee_gwei_max is 100: wait, or allow more";
    assert_eq!(engine.wanted.ask(&case.checkpoint), pending(why));
    assert_eq!(case.sent().len(), 0);
    case.node.with(|made| made.base_gwei = 5);
    engine.turn(2).await.unwrap();
    assert_eq!(case.sent().len(), 1);
}

#[tokio::test]
async fn only_what_the_log_has_published_is_taken() {
    let case = Case::new();
    let engine = case.engine();
    let serving = crate::serve::Serving { wanted: Arc::clone(&engine.wanted), ledgers: Arc::clone(&engine.ledgers) };
    let ask = async |checkpoint: &Checkpoint| serving.confirm(checkpoint.to_string().as_bytes()).await.status.as_u16();
    let other = |change: &dyn Fn(&mut Checkpoint)| {
        let mut checkpoint = case.checkpoint.clone();
        change(&mut checkpoint);
        checkpoint
    };
    assert_eq!(ask(&case.checkpoint).await, 202);
    assert_eq!(ask(&other(&|one| one.root = Hash([1; 32]))).await, 403);
    assert_eq!(ask(&other(&|one| one.size = TreeSize(301))).await, 403);
    assert_eq!(ask(&other(&|one| one.origin = "lww.example/other/1".parse().unwrap())).await, 404);
    assert_eq!(serving.confirm(b"nonsense").await.status.as_u16(), 400);
    assert_eq!(engine.wanted.waiting(), std::slice::from_ref(&case.checkpoint));
}
