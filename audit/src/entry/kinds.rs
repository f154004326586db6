//! The kinds of entries that the server writes, one line each.
//!
//! The verifier prints these lines; it accepts kinds that are not listed. A change of a kind's detail gets a new
//! version and a new line; lines are never removed, because the entries stay. `FORMAT.md` repeats the table and a test
//! compares the two.

/// A kind and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindInfo {
    /// Name and version.
    pub kind: &'static str,
    /// What an entry of this kind records, for people.
    pub about: &'static str,
}

const fn kind(kind: &'static str, about: &'static str) -> KindInfo {
    KindInfo { kind, about }
}

/// All known kinds, grouped by what they are about.
pub const KINDS: &[KindInfo] = &[
    kind("message.received/1", "a message of a customer came in, masked and sealed"),
    kind("message.remasked/1", "an earlier message was masked again under another policy or for a later find"),
    kind("message.sent/1", "an answer was accepted for sending, masked and sealed"),
    kind(
        "attachment.kept/1",
        "a file came with the message of the entry behind this one: format, size, what became of it, and the commitment to it as it is \
         kept sealed, or none where it is not kept",
    ),
    kind("leaving.held/1", "a message of staff was held before it left, for these entities; nothing of it was sent"),
    kind("leaving.released/1", "whoever wrote a held message sent it, masked or as it is, with the reason"),
    kind("leaving.withdrawn/1", "whoever wrote a held message took it back"),
    kind("report.made/1", "somebody at the desk reported a place in a message that is masked wrongly, or isn't"),
    kind("report.drafted/1", "an officer took a report up: a change of the policy is being written for it"),
    kind("report.proposed/1", "a change of the policy was proposed for a report"),
    kind("report.declined/1", "an officer decided that nothing is to change for a report, with the reason"),
    kind("report.closed/1", "the change of the policy that was proposed for a report is in force"),
    kind("report.reopened/1", "the change of the policy that was proposed for a report will not come into force"),
    kind("message.delivery/1", "the customer's side has got or read the conversation up to these entries"),
    kind("message.refused/1", "a message was refused after it had been recognised, with the reason"),
    kind("conversation.opened/1", "a conversation began"),
    kind("conversation.opened/2", "a conversation began: table, row, what was known and what was decided"),
    kind("conversation.assigned/1", "a conversation was given to an agent, with the reason"),
    kind("conversation.assigned/2", "a conversation was given to an agent: table, reason and who was considered"),
    kind("conversation.reopened/2", "a solved conversation waits again: table, row, what was known and decided"),
    kind("conversation.requeued/1", "a conversation went back to its queue: from whom, and why"),
    kind("conversation.wished/1", "a customer who waits wishes to leave a message or to be called back instead"),
    kind("conversation.transferred/1", "a conversation went to another agent or queue"),
    kind("conversation.taken/1", "somebody who leads agents took a conversation over: from whom"),
    kind("conversation.noted/1", "somebody of the staff wrote an internal note, masked and sealed"),
    kind("conversation.closed/1", "a conversation ended"),
    kind("conversation.closed/2", "a conversation ended for good, with the reason"),
    kind("conversation.solved/1", "a conversation is over unless the customer writes again in time, with the reason"),
    kind("reply.saved/1", "a canned reply was written or written anew, masked and sealed, with its version"),
    kind("reply.removed/1", "a canned reply was taken away"),
    kind("person.linked/1", "a person is known by one more identity, with what proves it"),
    kind("person.proven/1", "a person has proven to be one already known by another pseudonym"),
    kind("transcript.viewed/1", "someone was shown a transcript, up to this entry"),
    kind(
        "transcript.followed/1",
        "someone opened a transcript, up to this entry, and is shown what follows until they leave it",
    ),
    kind("login.succeeded/1", "someone logged in"),
    kind("login.failed/1", "failed logins of one account or address, counted over a time"),
    kind("logout/1", "someone logged out or was logged out"),
    kind("account.created/1", "an account was created"),
    kind("account.changed/1", "the role, state or password of an account was changed"),
    kind("agent.skills_set/1", "what an agent can do was set: skills and groups of the routing table"),
    kind("account.reset/1", "an account was given a new one-time password by an operator"),
    kind("password.changed/1", "somebody changed their own password"),
    kind("login.federated/1", "someone logged in by way of the bank's own identity provider"),
    kind("account.locked/1", "an account was locked after failed logins that followed one another, with their number"),
    kind("account.unlocked/1", "a locked account was unlocked"),
    kind("accounts.imported/1", "accounts were created together out of one file, listed under their roles"),
    kind(
        "session.revoked/1",
        "sessions of an account were ended other than by its logging out here, with their number: by somebody, or by the server \
         because the bank's own identity provider ended the login that they came from",
    ),
    kind("second_factor.enrolled/1", "somebody set up their second factor"),
    kind("second_factor.passed/1", "somebody showed their second factor: a code of the moment or a recovery code"),
    kind("second_factor.removed/1", "the second factor of an account was taken away"),
    kind("identity.linked/1", "an identity of the bank's own provider became an account's"),
    kind("identity.unlinked/1", "an account has no identity of the bank's own provider any more"),
    kind("unmask.requested/1", "someone asked to see unmasked text: which value, why and for how long"),
    kind("unmask.granted/1", "someone was allowed to see unmasked text, by whom, why and until when"),
    kind("unmask.used/1", "unmasked text was shown under a grant"),
    kind("unmask.expired/1", "a grant ended"),
    kind("unmask.denied/1", "someone was not allowed to see unmasked text, by whom"),
    kind("unmask.matched/1", "a masked value was compared with what somebody said, and shown to nobody"),
    kind("policy.proposed/1", "a policy was proposed"),
    kind("policy.approved/1", "a proposed policy was approved by a second person"),
    kind("policy.activated/1", "a policy came into force"),
    kind("policy.activated/2", "a policy came into force: by which text and which engine"),
    kind("policy.rejected/1", "a proposed policy was turned down, taken back or overtaken by another"),
    kind("policy.scheduled/1", "enough people consented to a policy, which comes into force later"),
    kind("policy.reviewed/1", "a policy that one person brought into force was looked at by another"),
    kind(
        "policy.previewed/1",
        "a draft was run over what was said before, as far as its scope says; its counts are kept nowhere",
    ),
    kind("policy.remasking_begun/1", "what was said before is masked again by the policy in force"),
    kind("policy.remasking_ended/1", "masking again ended, after so many messages and notes"),
    kind("policy.shadow_begun/1", "a policy runs beside the one in force, until an instant"),
    kind(
        "policy.shadow_ended/1",
        "it ended: how many messages and notes it looked at, and how many it would have masked otherwise",
    ),
    kind("policy.draft_saved/1", "a draft of a policy was written, or written anew"),
    kind("policy.draft_removed/1", "a draft of a policy was taken away"),
    kind("routing.activated/1", "a routing table came into force"),
    kind("routing.activated/2", "a routing table came into force: by which text and which engine"),
    kind("policy.drift/1", "the policy file differs from the policy in force"),
    kind("playbook.intent/1", "a step of a playbook is about to be done"),
    kind("playbook.outcome/1", "a step of a playbook was done or failed"),
    kind("config.changed/1", "the configuration was changed"),
    kind("key.created/1", "a key was created"),
    kind("key.rotated/1", "a key was replaced; of the log's key with the statement that old and new have signed"),
    kind("key.destroyed/1", "a key was destroyed"),
    kind("erasure.proposed/1", "somebody proposed to make a customer's data unreadable, with the reason"),
    kind("erasure.rejected/1", "a proposal to make a customer's data unreadable was turned down"),
    kind("subject.erased/1", "a customer's data was made unreadable for good"),
    kind("hold.placed/1", "a legal hold was placed"),
    kind("hold.released/1", "a legal hold was released"),
    kind("export.made/1", "data was exported, by whom and of which range"),
    kind("anchor.receipt/1", "an outside party confirmed a checkpoint"),
    kind("chains.sealed/1", "the ends of all chains were committed to under one root"),
    kind("audit.found/1", "the server found that something it keeps is not what was recorded: what, and where"),
    kind("clock.stepped_back/1", "the clock went back by more than a second"),
    kind("server.started/1", "the server started, with version, binary digest and configuration digest"),
    kind("server.stopped/1", "the server stopped in order"),
    kind("log.taken/1", "a server took over writing the log, with the epoch of its lease"),
    kind("guard.adopted/1", "an operator accepted the database's head where the rollback guard had none"),
    kind(
        "log.recovered/1",
        "entries that the database had lost were put back out of what was published: which, why, by whose word, and how much of \
         what they committed to is lost",
    ),
    kind(
        "backup.made/1",
        "every row was copied into a backup, with the digest of its list and whether keys were copied, too",
    ),
    kind("entry.lost/1", "the entry that stood here in the generation before was lost"),
    kind(
        "generation.opened/2",
        "a generation was opened after entries were lost for good: what survived, what is lost, why, by whose word",
    ),
    kind("generation.opened/1", "the first entry of a generation; after a gap it names the last signed checkpoint"),
];

/// Returns what a kind means, if it is listed.
pub fn about(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|info| info.kind == kind).map(|info| info.about)
}
