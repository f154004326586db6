//! What the commands do.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lww_audit::evm::{Address, EVM_RECEIPT_BYTES_MAX, EvmReceipt, Word};
use lww_audit::{Checkpoint, Hash, Origin, TreeSize};
use lww_evm::abi;
use lww_evm::artifact::LedgerAnchor;
use lww_evm::chain::{Called, Chain};
use lww_evm::config::Config;
use lww_evm::engine::{Engine, Told, Wanted, first_fees};
use lww_evm::http::HttpNode;
use lww_evm::key::AccountKey;
use lww_evm::ledger::Ledger;
use lww_evm::rpc::{NodeReceipt, hex};
use lww_evm::serve::Serving;
use lww_evm::state::State;
use lww_evm::transaction::Transaction;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::say;

/// Most gas of putting the contract onto the chain.
const DEPLOYMENT_GAS_MAX: u64 = 2_000_000;
const TURN_EVERY: Duration = Duration::from_secs(2);
const DEPLOYMENT_WAIT: Duration = Duration::from_secs(600);

type Done = Result<(), String>;

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

pub fn key(file: &Path) -> Done {
    say(&AccountKey::create(file).map_err(told)?.address().to_string());
    Ok(())
}

fn node(config: &Config) -> Result<HttpNode, String> {
    let secret = config.authorization_file.as_deref().map(std::fs::read_to_string).transpose();
    let secret = secret.map_err(|error| format!("authorization_file: {error}"))?;
    let secret = secret.map(|text| Zeroizing::new(text.trim_end().to_owned()));
    HttpNode::new(&config.rpc, config.ca.as_deref(), secret)
}

fn contract(config: &Config) -> Result<Address, String> {
    config.contract.ok_or_else(|| "contract is missing: lww-evm deploy makes one and prints its address".to_owned())
}

async fn same_chain(chain: Chain<'_>, config: &Config) -> Done {
    let (got, expected) = (chain.id().await.map_err(told)?, config.chain_id);
    if got == expected {
        return Ok(());
    }
    Err(format!("rpc answers for chain {got}, chain_id says {expected}: nothing was signed"))
}

pub async fn deploy(path: &Path) -> Done {
    let config = Config::read(path).map_err(told)?;
    let key = AccountKey::open(&config.key_file).map_err(told)?;
    // One program at a time uses the account.
    let _state = State::open(&config.state_dir).map_err(told)?;
    let node = node(&config)?;
    let chain = Chain(&node);
    same_chain(chain, &config).await?;
    let code = LedgerAnchor::committed().ok_or("this program holds no contract")?.code;
    let data = abi::deployment(&code, key.address());
    let gas = match chain.gas(key.address(), None, &data).await.map_err(told)? {
        Called::Done(gas) => gas.saturating_add(gas / 4),
        Called::Refused(refusal) => return Err(told(refusal)),
    };
    if gas > DEPLOYMENT_GAS_MAX {
        return Err(format!("it would take {gas} gas, {DEPLOYMENT_GAS_MAX} are allowed"));
    }
    let fees = first_fees(&chain.newest_block().await.map_err(told)?, &config.rules).map_err(told)?;
    let nonce = chain.nonce(key.address(), true).await.map_err(told)?;
    let (chain_id, tip, fee) = (config.chain_id, fees.tip, fees.fee);
    let raw = Transaction { chain_id, nonce, tip, fee, gas, to: None, data }.sign(&key);
    chain.send(&raw.bytes).await.map_err(told)?;
    let receipt = settled(chain, raw.hash, config.rules.confirmations).await?;
    let made = receipt.contract_address.and_then(|address| address.0.try_into().ok()).map(Address);
    let address =
        made.filter(|_| receipt.status.0 == 1).ok_or("the chain took the transaction and made no contract")?;
    say(&format!("contract = \"{address}\"  # block {}, {} gas", receipt.block_number.u64(), receipt.gas_used.u64()));
    Ok(())
}

async fn settled(chain: Chain<'_>, hash: Word, confirmations: u64) -> Result<NodeReceipt, String> {
    let until = Instant::now() + DEPLOYMENT_WAIT;
    loop {
        let newest = chain.newest_block().await.map_err(told)?.number.u64();
        if let Some(receipt) = chain.receipt(hash).await.map_err(told)?
            && (newest + 1).saturating_sub(receipt.block_number.u64()) >= confirmations
        {
            return Ok(receipt);
        }
        if Instant::now() > until {
            return Err(format!("transaction {hash} was sent and is not settled: look for it before you try again"));
        }
        tokio::time::sleep(TURN_EVERY).await;
    }
}

fn engine(config: Config) -> Result<Engine, String> {
    let contract = contract(&config)?;
    let node = Arc::new(node(&config)?);
    let key = AccountKey::open(&config.key_file).map_err(told)?;
    let state = State::open(&config.state_dir).map_err(told)?;
    let flights = state.flights().map_err(told)?;
    let wanted = Arc::new(Wanted::default());
    for ledger in &config.ledgers {
        if let Some(bytes) = state.receipt(ledger.origin.as_str())
            && let Ok(receipt) = EvmReceipt::parse(&bytes)
        {
            let (size, root) = (TreeSize(receipt.size), Hash(receipt.root.0));
            wanted.remember(&Checkpoint { origin: ledger.origin.clone(), size, root }, &bytes);
        }
    }
    flights.iter().filter_map(lww_evm::state::Flight::checkpoint).for_each(|checkpoint| wanted.resume(&checkpoint));
    let (chain_id, rules) = (config.chain_id, config.rules);
    let ledgers: Arc<[Ledger]> = config.ledgers.into();
    Ok(Engine { node, key, chain_id, contract, rules, ledgers, wanted, state, flights, is_known: false })
}

/// Takes a turn, and tells what is wrong once, until it is otherwise.
async fn turn(engine: &mut Engine, start: Instant, before: &mut Option<String>) {
    let now_s = start.elapsed().as_secs();
    let trouble = engine.turn(now_s).await.err().map(told);
    if let Some(trouble) = trouble.as_ref().filter(|trouble| before.as_ref() != Some(*trouble)) {
        drop(writeln!(std::io::stderr(), "lww-evm: {trouble}"));
    }
    before.clone_from(&trouble);
    engine.wanted.tell_trouble_of_all(trouble);
}

pub async fn anchor(path: &Path, wait_s: u64) -> Done {
    let mut engine = engine(Config::read(path).map_err(told)?)?;
    let mut open = Vec::new();
    for ledger in engine.ledgers.iter() {
        open.push(ledger.published().map_err(|error| format!("{}: {error}", ledger.origin))?);
    }
    let (start, wanted) = (Instant::now(), Arc::clone(&engine.wanted));
    let (mut before, mut failed) = (None, Vec::new());
    loop {
        let mut left = Vec::new();
        let mut why = None;
        for checkpoint in open {
            match wanted.ask(&checkpoint) {
                Told::Receipt(bytes) => say(&String::from_utf8_lossy(&bytes)),
                Told::Refused(reason) => failed.push(format!("{}: {reason}", checkpoint.origin)),
                Told::Pending(reason) => {
                    why = why.or(reason);
                    left.push(checkpoint);
                }
            }
        }
        open = left;
        if open.is_empty() {
            break;
        }
        if start.elapsed().as_secs() >= wait_s {
            let why = why.unwrap_or_else(|| "blocks are waited for".to_owned());
            return Err(format!("{} logs are not anchored yet: {why}; the next run goes on", open.len()));
        }
        turn(&mut engine, start, &mut before).await;
        tokio::time::sleep(TURN_EVERY / 4).await;
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

pub async fn serve(path: &Path) -> Done {
    let config = Config::read(path).map_err(told)?;
    let listen = config.listen;
    let mut engine = engine(config)?;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("listen: {error}"))?;
    let at = listener.local_addr().map_err(told)?;
    say(&format!("lww-evm: account {}, asked at http://{at}/confirm", engine.key.address()));
    let serving = Serving { wanted: Arc::clone(&engine.wanted), ledgers: Arc::clone(&engine.ledgers) };
    let serving = tokio::spawn(Arc::new(serving).run(listener));
    let mut terminate = signal(SignalKind::terminate()).map_err(told)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(told)?;
    let (start, mut before) = (Instant::now(), None);
    loop {
        turn(&mut engine, start, &mut before).await;
        tokio::select! {
            () = tokio::time::sleep(TURN_EVERY) => {}
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    serving.abort();
    Ok(())
}

fn receipt(path: &Path) -> Result<EvmReceipt, String> {
    let length = std::fs::metadata(path).map_err(told)?.len();
    if length > EVM_RECEIPT_BYTES_MAX as u64 {
        return Err(format!("{}: too long for a receipt", path.display()));
    }
    EvmReceipt::parse(&std::fs::read(path).map_err(told)?).map_err(|error| format!("{}: {error}", path.display()))
}

fn ledger<'a>(config: &'a Config, log: &str) -> Result<&'a Ledger, String> {
    let ledger = config.ledgers.iter().find(|ledger| ledger.origin.as_str() == log);
    ledger.ok_or_else(|| format!("no [[log]] of the configuration has the origin {log}"))
}

pub async fn prove(path: &Path, file: &Path, index: u64) -> Done {
    let config = Config::read(path).map_err(told)?;
    let receipt = receipt(file)?;
    let tree = ledger(&config, receipt.log())?.batch(receipt.batch.first, receipt.size).map_err(told)?;
    if tree.root() != receipt.batch.root {
        return Err("the log's leaves are not those of the receipt's batch".to_owned());
    }
    let (leaf, proof) = tree.proof(index).ok_or("the entry is not in the receipt's batch")?;
    let call = abi::verify(receipt.log(), receipt.size, index, leaf, &proof);
    say(&serde_json::json!({"index": index, "leaf": leaf, "proof": proof, "call": hex(&call)}).to_string());
    let node = node(&config)?;
    let chain = Chain(&node);
    same_chain(chain, &config).await?;
    let answer = chain.call(receipt.contract, &call).await.map_err(told)?;
    match abi::read_bool(&answer) {
        Some(true) => say("the contract says: it is in the batch"),
        Some(false) => return Err("the contract says: it is not in the batch".to_owned()),
        None => return Err("the contract gives no answer: is it of this version?".to_owned()),
    }
    let gas = chain.gas(receipt.contract, Some(receipt.contract), &call).await.map_err(told)?;
    if let Called::Done(gas) = gas {
        say(&format!("as a transaction it would take {gas} gas; asked like this it takes none"));
    }
    Ok(())
}

pub async fn check(path: &Path, file: &Path) -> Done {
    let config = Config::read(path).map_err(told)?;
    let receipt = receipt(file)?;
    let node = node(&config)?;
    let chain = Chain(&node);
    same_chain(chain, &config).await?;
    if receipt.chain_id != config.chain_id || Some(receipt.contract) != config.contract {
        return Err("the receipt is of another chain or contract than the configuration's".to_owned());
    }
    let found = chain.receipt(receipt.transaction).await.map_err(told)?.ok_or("the chain has no such transaction")?;
    let block = chain.block(found.block_number.u64()).await.map_err(told)?.ok_or("the chain has no such block")?;
    let is_there = found.status.0 == 1
        && block.hash == receipt.block.hash
        && found.block_hash == block.hash
        && block.number.u64() == receipt.block.number
        && block.timestamp.u64() == receipt.block.time;
    if !is_there {
        return Err("the chain has the transaction in another block, or refused it".to_owned());
    }
    let topics = abi::topics(receipt.log(), receipt.size);
    let (root, first, batch) = (receipt.root, receipt.batch.first, receipt.batch.root);
    let expected = Some(abi::Anchored { root, first, batch });
    let mut logs = found.logs.iter().filter(|log| log.is(receipt.contract, &topics));
    if !logs.any(|log| abi::read_anchored(&log.data.0) == expected) {
        return Err("the contract told something else in that transaction".to_owned());
    }
    let newest = chain.newest_block().await.map_err(told)?.number.u64();
    let deep = (newest + 1).saturating_sub(receipt.block.number);
    say(&format!("the chain says so: block {}, {deep} deep, {} gas", receipt.block.number, found.gas_used.u64()));
    Ok(())
}

pub fn batch(path: &Path, log: &Origin, first: u64) -> Done {
    let config = Config::read(path).map_err(told)?;
    let ledger = ledger(&config, log.as_str())?;
    let size = ledger.published().map_err(told)?.size.0;
    let batch = ledger.batch(first, size).map_err(told)?.batch().ok_or("there is nothing to batch")?;
    say(&serde_json::json!({"size": size, "batch": batch}).to_string());
    Ok(())
}
