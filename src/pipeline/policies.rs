//! Which masking policy is active: the one whose digest the ledger names, never what happens to lie in a file.
//!
//! The first start activates the file by an entry. Later a different file is drift: reported, not activated, until somebody
//! activates it. A policy whose own tests fail is not loaded, and what is active stays. What the database says is active is
//! held against the log first: a row that somebody changed activates nothing.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::on_record::Untold;
use super::{Altered, Refusal, Tenant};
use crate::domain::event::{self, Event, Role};
use crate::domain::masking::{Difference, Policy, PolicyError, Way};
use crate::domain::record::{Actor, Draft, Effect, PolicyChange, PolicyKind, Step};
use crate::units::{Hash, SERVER_ACTOR};

/// A file that differs from what is active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Digest that the ledger names.
    pub active: Hash,
    /// Digest of the file.
    pub file: Hash,
}

/// Why a policy was not activated.
#[derive(Debug, thiserror::Error)]
pub enum Activation {
    /// The file is not a policy that passes its own tests.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The database does not hold what the log says.
    #[error(transparent)]
    Altered(#[from] Altered),
    /// It would show more than the policy in force, which one person alone can't decide.
    #[error(
        "it does not only mask more than the policy in force ({differences} such differences, the first: {first}): propose it, \
         so that others can consent (`lww policy propose`)"
    )]
    ShowsMore {
        /// How many differences don't mask more.
        differences: usize,
        /// The first of them.
        first: String,
    },
    /// It could not be recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Activation {
    /// Of the differences to what is in force those that don't mask more.
    pub(super) fn shows_more(differences: &[Difference]) -> Self {
        let mut more = differences.iter().filter(|difference| difference.way != Way::Stricter);
        let first = more.next().map_or_else(String::new, ToString::to_string);
        Self::ShowsMore { differences: more.count() + 1, first }
    }
}

impl From<Untold> for Activation {
    fn from(untold: Untold) -> Self {
        match untold {
            Untold::Altered(altered) => Self::Altered(altered),
            Untold::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl Tenant {
    /// Brings the active policy into memory, activating `source` when there has never been one. When the database does not
    /// hold what the log says is active, none is, and no message is taken in.
    ///
    /// # Errors
    /// [`Activation`]; without an active policy no message is taken in.
    pub async fn load_policy(&self, source: &str) -> Result<Option<Drift>, Activation> {
        let loaded = self.bring_policy(source).await;
        // A file that is no policy leaves in force what is.
        if matches!(loaded, Err(Activation::Altered(_))) {
            *self.policy.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
        // A database that didn't answer says nothing of whether there is a policy.
        if !matches!(loaded, Err(Activation::Refused(_))) {
            self.has_looked.store(true, Ordering::Release);
        }
        loaded
    }

    async fn bring_policy(&self, source: &str) -> Result<Option<Drift>, Activation> {
        let read = Policy::load(source).map(|policy| Hash(policy.digest()));
        self.policy_file.put(source, read.map_err(|error| error.to_string()));
        let settings = self.ports.store.settings().await.map_err(Refusal::from)?;
        let Some((record, stored)) = self.text_in_force(PolicyKind::Masking, &settings).await? else {
            self.activate_as(source, Role::Server).await?;
            return Ok(None);
        };
        let policy = Policy::load(&stored)?;
        let resolved = Hash(policy.digest());
        if record.judge(resolved, Hash(policy.engine()), policy.is_named_by(&record.digest.0))? {
            // The same text resolves differently under this version of the engine: that is a change of policy too.
            self.activate_as(&stored, Role::Server).await?;
        } else {
            self.put_policy(policy);
        }
        let file = Hash(Policy::load(source)?.digest());
        Ok((file != resolved).then_some(Drift { active: resolved, file }))
    }

    /// Activates a policy by an entry, by the operator's word; from then on each message names its digest. In place of one
    /// that is in force it must only mask more, and somebody has to look at it within a day.
    ///
    /// # Errors
    /// [`Activation`]; what was active stays active then.
    pub async fn activate_policy(&self, source: &str) -> Result<Hash, Activation> {
        let operator = Actor { id: SERVER_ACTOR, role: Role::Operator };
        let digest = Hash(Policy::load(source)?.digest());
        match self.policy() {
            Some(active) if active.digest() == digest.0 => {}
            Some(_) => {
                self.propose_as(operator, source, (None, true)).await?;
            }
            // The first one, or the way out of a database that somebody changed: there is nothing to compare it with.
            None => {
                self.activate_as(source, Role::Operator).await?;
            }
        }
        Ok(digest)
    }

    async fn activate_as(&self, source: &str, by: Role) -> Result<Hash, Activation> {
        let policy = Policy::load(source)?;
        let digest = Hash(policy.digest());
        let source = self.kept(digest, source).await?;
        let step = self.coming_into_force(&policy, source, Actor { id: SERVER_ACTOR, role: by }).await?;
        self.carry_out(vec![step], Some(policy)).await?;
        Ok(digest)
    }

    /// The text to keep under a digest: layout and comments may differ, and then what is kept already stays.
    pub(super) async fn kept(&self, digest: Hash, source: &str) -> Result<String, Activation> {
        match self.ports.store.policy_source(digest).await.map_err(Refusal::from)? {
            None => Ok(source.to_owned()),
            Some(kept) if Policy::load(&kept).is_ok_and(|kept| Hash(kept.digest()) == digest) => Ok(kept),
            Some(_) => Err(Altered::Taken { digest }.into()),
        }
    }

    /// The step that brings a policy into force.
    pub(super) async fn coming_into_force(
        &self,
        policy: &Policy,
        source: String,
        actor: Actor,
    ) -> Result<Step, Activation> {
        let settings = self.ports.store.settings().await.map_err(Refusal::from)?;
        let (kind, digest) = (PolicyKind::Masking, Hash(policy.digest()));
        let event = Event::PolicyActivated(event::Activation {
            id: policy.id().to_owned(),
            version: policy.version(),
            digest,
            source: event::Activation::text_digest(&source),
            engine: Hash(policy.engine()),
            previous: self.on_record(kind).await?.map(|record| record.digest),
        });
        let change = PolicyChange { kind, expected: settings.version, digest, source };
        Ok(Step { draft: Draft::of(event, actor), effects: vec![Effect::Policy(change)] })
    }

    pub(super) fn put_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(policy));
    }
}
