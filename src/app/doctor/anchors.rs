//! Whether the anchors of the configuration give receipts. They are asked about a log that nobody has, of no entries: what they
//! give is a receipt like any, and proves nothing.

use futures_util::future::join_all;
use lww_audit::Checkpoint;
use lww_audit::merkle::empty_root;

use super::{Check, said};
use crate::app::anchors;
use crate::app::config::AnchorConfig;
use crate::ports::Anchoring;
use crate::units::TreeSize;

const CODE: &str = "anchor.reach";
/// The log that nobody has.
const NOBODYS_LOG: &str = "doctor.invalid/nobody/1";

/// Whether those who are to confirm give receipts that hold.
pub(super) async fn examine(configured: &[AnchorConfig]) -> Check {
    let unusable = |reason: String| {
        let mend = said("mend `[[anchor]]` in the configuration", "修改配置中的 `[[anchor]]`");
        Check::fail(CODE, said(reason.clone(), format!("时间锚点配置不可用：{reason}")), mend)
    };
    let anchorings = match anchors::open(configured) {
        Ok(anchorings) => anchorings,
        Err(error) => return unusable(error.to_string()),
    };
    let Ok(origin) = NOBODYS_LOG.parse() else { return unusable("no question could be made".to_owned()) };
    let checkpoint = Checkpoint { origin, size: TreeSize(0), root: empty_root() };
    let asked = anchorings.iter().map(|one: &Anchoring| one.anchor.confirm(&checkpoint));
    let answers = join_all(asked).await;
    let named = anchorings.iter().zip(&answers);
    let failed = named.filter_map(|(one, answer)| Some((one.name.as_str(), answer.as_ref().err()?.to_string())));
    judged(anchorings.len(), &failed.collect::<Vec<_>>())
}

fn judged(count: usize, failed: &[(&str, String)]) -> Check {
    if failed.is_empty() {
        return Check::ok(CODE, said(format!("{count} give receipts"), format!("{count} 个时间锚点均可给出回执")));
    }
    let list = failed.iter().map(|(name, reason)| format!("{name}: {reason}")).collect::<Vec<_>>().join("; ");
    let found = said(format!("no receipt: {list}"), format!("未给出回执的时间锚点：{list}"));
    let change = said(
        "see its address, the way there, and its certificates in `authorities`; messages are taken as ever, and it is asked again by itself",
        "检查其地址、网络以及 `authorities` 中的证书；消息照常接收，服务器会自动重试",
    );
    Check::warn(CODE, found, change)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn an_anchor_that_gives_no_receipt_is_named_with_its_reason_and_is_no_failure() {
        assert_eq!(judged(2, &[]).state, State::Ok);
        let check = judged(2, &[("tsa-one", "it doesn't answer".to_owned())]);
        assert_eq!((check.code, check.state), (CODE, State::Warn));
        assert!(check.found.en.contains("tsa-one: it doesn't answer") && check.found.zh.contains("tsa-one"));
    }
}
