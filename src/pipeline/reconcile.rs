//! Messages looked up by the ids that their channel gave them: what a reconciliation with a platform's own list asks.
//!
//! The ledger keeps no such id, only a keyed hash of it, so that nobody can read them out; who has one learns its entry. It
//! opens nothing, and is therefore no entry itself, as any other reading of the ledger.

use std::collections::BTreeMap;

use super::{Refusal, Staff, Tenant};
use crate::domain::access::Action;
use crate::limits::RECONCILE_IDS_MAX;
use crate::units::EntryIndex;
use crate::wire;

const IDS_EXPECTED: &str = "1 to 256 message ids of 1 to 128 visible ASCII characters";
const CHANNEL_EXPECTED: &str = "channel and account, such as http:app";

impl Tenant {
    /// The entries of messages of a channel account (`http:app`), by the ids under which its sender sent them: one for each id,
    /// in their order.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when the account or an id can't be one; [`Refusal::Forbidden`].
    pub async fn recorded_messages(
        &self,
        staff: &Staff,
        channel: &str,
        ids: &[String],
    ) -> Result<Vec<Option<EntryIndex>>, Refusal> {
        staff.may(Action::ReadLedger)?;
        if !is_account(channel) {
            return Err(Refusal::Invalid { field: "channel", expected: CHANNEL_EXPECTED });
        }
        if !(1..=RECONCILE_IDS_MAX).contains(&ids.len()) || !ids.iter().all(|id| wire::is_key(id)) {
            return Err(Refusal::Invalid { field: "ids", expected: IDS_EXPECTED });
        }
        let scope = format!("in/{channel}");
        let key = |id: &String| self.ports.vault.dedup(&scope, id.as_bytes(), &[]).key;
        let keys: Vec<[u8; 16]> = ids.iter().map(key).collect();
        let known: BTreeMap<_, _> = self.ports.store.recorded(&keys).await?.into_iter().collect();
        Ok(keys.iter().map(|key| known.get(key).copied()).collect())
    }
}

/// Whether a text names a channel account as entries do.
fn is_account(text: &str) -> bool {
    let is_word = |word: &str, max: usize| {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=max).contains(&word.len()) && word.bytes().all(is_letter)
    };
    text.split_once(':').is_some_and(|(channel, account)| is_word(channel, 32) && is_word(account, 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_account_is_named_as_in_entries() {
        for good in ["http:app", "web:widget-2"] {
            assert!(is_account(good), "{good}");
        }
        for bad in ["http", "http:", ":app", "http:app/x", "HTTP:app", "http:a:b"] {
            assert!(!is_account(bad), "{bad}");
        }
    }
}
