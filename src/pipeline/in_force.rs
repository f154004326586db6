//! What is in force, for those who may read it: the masking policy and the routing table, their files' drift, and texts tried.

use std::sync::{Arc, PoisonError, RwLock};

use lww_audit::entry::{Detail, Tag, commitment};
use lww_audit::{Entry, Timestamp};

use super::transcript::explained;
use super::{Activation, Refusal, Staff, Tenant, TextSpan};
use crate::domain::access::Action;
use crate::domain::masking::{FoundSpan, Occasion, Policy, ShownSpan, View, token_letters};
use crate::domain::message::{RawText, SALT_BYTES};
use crate::domain::routing::Table;
use crate::domain::trial::rehearse;
use crate::ports::{Tokens, random_bytes};
use crate::units::{EntryIndex, Hash};

/// What a masking policy or a routing table is in force by.
#[derive(Clone, Debug)]
pub struct InForce<P> {
    /// The policy or table.
    pub policy: Arc<P>,
    /// Its digest.
    pub digest: Hash,
    /// Its text.
    pub source: String,
    /// The entry that activated it, with its time; `None` when that was recorded by a version that didn't note it and the
    /// migration did not find it.
    pub activated: Option<(EntryIndex, Timestamp)>,
    /// How the configured file differs.
    pub drift: Option<FileDrift>,
}

/// A configured file that is not what is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDrift {
    /// Its digest; `None` when it is none that could be activated.
    pub digest: Option<Hash>,
    /// Why not.
    pub error: Option<String>,
    /// Its text.
    pub source: String,
}

/// What the policy in force makes of a text.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The policy's digest.
    pub policy: Hash,
    /// Its version.
    pub version: u64,
    /// What was found in the text as it was typed.
    pub found: Vec<TriedSpan>,
    /// What each view shows, and where its masks are.
    pub views: Vec<(View, String, Vec<TextSpan>)>,
}

/// A value that was found in a tried text, and why.
#[derive(Clone, Debug)]
pub struct TriedSpan {
    /// Where it is, and by which rule.
    pub span: TextSpan,
    /// The word in the text that speaks for it.
    pub word: Option<String>,
    /// What it was judged by, in words of a closed list.
    pub checks: &'static [&'static str],
    /// The layers that speak of it, the more general first; none of a policy without layers.
    pub layers: Vec<String>,
}

/// A configured file as the server read it at its start.
#[derive(Clone)]
pub(super) struct Configured {
    pub(super) source: String,
    pub(super) digest: Result<Hash, String>,
}

/// The last one that was read.
#[derive(Default)]
pub(super) struct ConfiguredFile(RwLock<Option<Configured>>);

impl ConfiguredFile {
    pub(super) fn put(&self, source: &str, digest: Result<Hash, String>) {
        let configured = Configured { source: source.to_owned(), digest };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(configured);
    }

    /// How it differs from what is in force.
    fn drift(&self, active: Hash) -> Option<FileDrift> {
        let Configured { source, digest } = self.0.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        match digest {
            Ok(digest) if digest == active => None,
            Ok(digest) => Some(FileDrift { digest: Some(digest), error: None, source }),
            Err(error) => Some(FileDrift { digest: None, error: Some(error), source }),
        }
    }
}

/// Tokens of a key that is thrown away: alike for like values within one trial, and for nothing else.
pub(super) struct TrialTokens(pub(super) [u8; SALT_BYTES]);

impl Tokens for TrialTokens {
    fn token(&self, key: &str, entity: &str, canonical: &str) -> String {
        let tag = commitment(&self.0, Tag::Masked, format!("{key}\n{entity}\n{canonical}").as_bytes());
        let half: [u8; 16] = std::array::from_fn(|at| tag.as_bytes()[at]);
        "tok".to_owned() + &token_letters(&half)
    }
}

impl Tenant {
    /// The masking policy in force.
    ///
    /// # Errors
    /// [`Refusal::NoPolicy`] when none is; [`Refusal::Forbidden`].
    pub async fn masking_in_force(&self, staff: &Staff) -> Result<InForce<Policy>, Refusal> {
        staff.may(Action::ReadPolicies)?;
        let policy = self.policy().ok_or(Refusal::NoPolicy)?;
        let digest = Hash(policy.digest());
        let settings = self.ports.store.settings().await?;
        let source =
            self.ports.store.policy_source(digest).await?.ok_or(Refusal::NotFound { what: "active policy" })?;
        let noted = settings.policy_entry.filter(|_| settings.policy == Some(digest));
        let activated = self.activation(noted, "policy.activated", digest).await?;
        Ok(InForce { drift: self.policy_file.drift(digest), policy, digest, source, activated })
    }

    /// The routing table in force.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when none is; [`Refusal::Forbidden`].
    pub async fn routing_in_force(&self, staff: &Staff) -> Result<InForce<Table>, Refusal> {
        staff.may(Action::ReadPolicies)?;
        let policy = self.active_table()?;
        let digest = policy.digest();
        let settings = self.ports.store.settings().await?;
        let source = self.table_source(digest).await?;
        let noted = settings.routing_entry.filter(|_| settings.routing == Some(digest));
        let activated = self.activation(noted, "routing.activated", digest).await?;
        Ok(InForce { drift: self.table_file.drift(digest), policy, digest, source, activated })
    }

    /// What a policy file, or else the policy in force, makes of a text that is said on an occasion. Nothing of the text is kept.
    ///
    /// # Errors
    /// [`Refusal::NoPolicy`] when none is in force; [`Activation::Policy`] when the file is none; [`Refusal::Forbidden`].
    pub fn try_masking(
        &self,
        staff: &Staff,
        (text, there): (&RawText, Occasion),
        source: Option<&str>,
    ) -> Result<Tried, Activation> {
        staff.may(Action::ReadPolicies)?;
        let policy = match source {
            Some(source) => Arc::new(Policy::draft(source)?.0),
            None => self.policy().ok_or(Refusal::NoPolicy)?,
        };
        let there = Occasion { tenant: Some(self.name.name.clone()), ..there };
        let policy = policy.on(&there);
        let tokens = TrialTokens(random_bytes(&*self.ports.random));
        let trial = rehearse(text, policy, &tokens, self.ports.clock.now());
        let digest = Hash(policy.digest());
        let explain = |spans: Vec<ShownSpan>| explained(spans, Some(digest), Some(policy));
        let found = trial.found.into_iter().filter_map(|found| tried_span(policy, digest, found)).collect();
        let views = trial.views.into_iter().map(|(view, text, spans)| (view, text, explain(spans))).collect();
        Ok(Tried { policy: digest, version: policy.version(), found, views })
    }

    /// The entry that activated a digest, as it was noted; it must say so itself.
    async fn activation(
        &self,
        noted: Option<EntryIndex>,
        kind: &str,
        digest: Hash,
    ) -> Result<Option<(EntryIndex, Timestamp)>, Refusal> {
        let Some(index) = noted else { return Ok(None) };
        let bytes = self.ports.store.entry(index).await?.ok_or_else(|| self.differs(index))?;
        let entry = Entry::parse(&bytes).map_err(|_| self.differs(index))?;
        let named = match &entry.detail {
            Detail::Object(fields) => fields.get("digest"),
            Detail::Null | Detail::Bool(_) | Detail::Int(_) | Detail::String(_) | Detail::Array(_) => None,
        };
        let says_so = entry.seq == index
            && entry.kind.as_str().split('/').next() == Some(kind)
            && named == Some(&Detail::String(digest.to_string()));
        if says_so { Ok(Some((index, entry.time))) } else { Err(self.differs(index)) }
    }
}

fn tried_span(policy: &Policy, digest: Hash, found: FoundSpan) -> Option<TriedSpan> {
    let FoundSpan { span, word } = found;
    let rule = policy.rules().get(usize::from(span.rule))?;
    let is_layered = !policy.is_plain();
    let layers = rule.said().iter().filter(|_| is_layered).map(|stance| stance.layer.clone()).collect();
    let span = explained(vec![span], Some(digest), Some(policy)).pop()?;
    Some(TriedSpan { span, word, checks: rule.checks(), layers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_s_tokens_are_alike_within_it_only() {
        let (one, other) = (TrialTokens([1; SALT_BYTES]), TrialTokens([2; SALT_BYTES]));
        let token = one.token("k", "email", "a@b.c");
        assert_eq!(token, one.token("k", "email", "a@b.c"));
        assert_eq!(token.len(), 35);
        for different in
            [one.token("l", "email", "a@b.c"), one.token("k", "iban", "a@b.c"), other.token("k", "email", "a@b.c")]
        {
            assert_ne!(token, different);
        }
    }
}
