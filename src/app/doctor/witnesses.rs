//! Whether the witnesses of the configuration can be reached. They are asked about a log that nobody knows: it leaves no trace
//! with them, and needs no key of this server.

use futures_util::future::join_all;
use lww_audit::merkle::empty_root;
use lww_audit::witness::AddCheckpoint;
use lww_audit::{Checkpoint, NoteSigner, SignedCheckpoint};

use super::{Check, said};
use crate::app::config::WitnessConfig;
use crate::app::witnesses;
use crate::crypto::SystemRandom;
use crate::ports::{Unwitnessed, Witness, Witnesses, random_bytes};
use crate::units::TreeSize;

const CODE: &str = "witness.reach";
/// The log that no witness knows.
const NOBODYS_LOG: &str = "doctor.invalid/nobody/1";

/// Whether those who are to cosign answer.
pub(super) async fn examine(config: &WitnessConfig) -> Check {
    let unusable = |reason: String| {
        let mend = said("mend `[witness]` in the configuration", "修改配置中的 `[witness]`");
        Check::fail(CODE, said(reason.clone(), format!("见证节点配置不可用：{reason}")), mend)
    };
    let witnesses = match witnesses::asked(config) {
        Ok(witnesses) => witnesses,
        Err(error) => return unusable(error.to_string()),
    };
    let Some(question) = question() else { return unusable("no question could be made".to_owned()) };
    let reasons: Vec<Option<String>> = join_all(witnesses.asked.iter().map(|witness| async {
        match witness {
            None => Some("the policy tells no address".to_owned()),
            Some(witness) => silent(&**witness, &question).await,
        }
    }))
    .await;
    judged(&witnesses, &reasons)
}

fn question() -> Option<AddCheckpoint> {
    let signer = NoteSigner::from_seed(NOBODYS_LOG, &random_bytes(&SystemRandom::new())).ok()?;
    let checkpoint = Checkpoint { origin: NOBODYS_LOG.parse().ok()?, size: TreeSize(0), root: empty_root() };
    let checkpoint = SignedCheckpoint::sign(checkpoint, &[&signer]).ok()?;
    Some(AddCheckpoint { old: TreeSize(0), path: Vec::new(), checkpoint })
}

/// Why a witness can't be reached; whatever it answers otherwise, it lives.
async fn silent(witness: &dyn Witness, question: &AddCheckpoint) -> Option<String> {
    match witness.add_checkpoint(question).await {
        Err(Unwitnessed::Unreachable { reason }) => Some(reason.to_owned()),
        Ok(_) | Err(Unwitnessed::Conflict { .. } | Unwitnessed::Inconsistent | Unwitnessed::Refused { .. }) => None,
    }
}

fn judged(witnesses: &Witnesses, reasons: &[Option<String>]) -> Check {
    let named = witnesses.policy.witnesses().iter().zip(reasons);
    let missing: Vec<String> =
        named.filter_map(|(witness, reason)| Some(format!("{}: {}", witness.name, reason.as_ref()?))).collect();
    if missing.is_empty() {
        let count = reasons.len();
        return Check::ok(CODE, said(format!("{count} answer"), format!("{count} 个见证节点均有应答")));
    }
    let list = missing.join("; ");
    let found = said(format!("not reached: {list}"), format!("无法连接的见证节点：{list}"));
    let is_enough = witnesses.policy.is_content_with(|at| reasons.get(at).is_some_and(Option::is_none));
    let change = said(
        "see that it runs, its address in the policy, and the way there; until enough answer nothing new is published",
        "检查其运行状态、策略文件中的地址和网络；达到法定数量之前不会发布新的检查点",
    );
    if is_enough { Check::warn(CODE, found, change) } else { Check::fail(CODE, found, change) }
}

#[cfg(test)]
mod tests {
    use lww_audit::{Cosigner, TrustPolicy};

    use super::super::State;
    use super::*;

    #[test]
    fn a_witness_that_is_not_reached_is_told_and_fails_the_check_when_the_quorum_does() {
        let key = |seed: u8| Cosigner::from_seed("w", &[seed; 32]).unwrap().key().to_string();
        let text = format!("witness w1 {}\nwitness w2 {}\ngroup g 1 w1 w2\nquorum g\n", key(1), key(2));
        let policy = TrustPolicy::parse(text.as_bytes()).unwrap();
        let witnesses = Witnesses { policy, asked: vec![None, None] };
        let silent = || Some("it doesn't answer".to_owned());
        for (reasons, expect) in
            [([None, None], State::Ok), ([silent(), None], State::Warn), ([silent(), silent()], State::Fail)]
        {
            let check = judged(&witnesses, &reasons);
            assert_eq!((check.code, check.state), (CODE, expect));
            assert_eq!(check.found.en.contains("w1: it doesn't answer"), reasons[0].is_some());
        }
    }
}
