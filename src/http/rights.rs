//! Which right each address asks for. A test drives every address with every role, from another tenant and without a
//! session against this list and the table of roles; one that is missing here fails it.

use crate::domain::access::Action;

/// What an address asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Nothing: anybody may ask.
    Open,
    /// The signature of a customers' app.
    Signature,
    /// A visitor's token.
    Visitor,
    /// The signed token of the tenant's identity provider.
    Provider,
    /// A session, even one that still waits for its second factor.
    AnySession,
    /// A session whose role may do this.
    Staff(Action),
}

/// One address and method with its right.
#[derive(Clone, Copy, Debug)]
pub struct Need {
    /// Lower-case method.
    pub method: &'static str,
    /// The path's template.
    pub path: &'static str,
    /// The right.
    pub right: Right,
}

const fn need(method: &'static str, path: &'static str, right: Right) -> Need {
    Need { method, path, right }
}

const OWN: Right = Right::Staff(Action::OwnAccount);
const DESK: Right = Right::Staff(Action::Converse);
const LEDGER: Right = Right::Staff(Action::ReadLedger);
const OFFICERS: Right = Right::Staff(Action::ProposePolicies);
const POLICIES: Right = Right::Staff(Action::ReadPolicies);
const EVIDENCE: Right = Right::Staff(Action::ExportEvidence);
const MANAGE: Right = Right::Staff(Action::ManageAccounts);
const ERASE: Right = Right::Staff(Action::EraseSubjects);
const HOLD: Right = Right::Staff(Action::HoldSubjects);
const UNMASKINGS: Right = Right::Staff(Action::ReadUnmaskings);

/// Every address with its right.
pub const RIGHTS: &[Need] = &[
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/messages", Right::Signature),
    need("post", "/api/v1/channels/{channel}/{tenant}/{account}/messages", Right::Signature),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/attachments", Right::Signature),
    need("post", "/api/v1/channels/{channel}/{tenant}/{account}/attachments", Right::Signature),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/files", Right::Visitor),
    need("post", "/api/v1/channels/{channel}/{tenant}/{account}/files", Right::Visitor),
    need("post", "/api/v1/agent/conversations/{id}/attachments", DESK),
    need("post", "/api/v1/channels/{channel}/{tenant}/{account}/visits", Right::Open),
    need("options", "/api/v1/channels/{channel}/{tenant}/{account}/{part}", Right::Open),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/socket", Right::Visitor),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/events", Right::Visitor),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/updates", Right::Visitor),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/earlier", Right::Visitor),
    need("post", "/api/v1/channels/{channel}/{tenant}/{account}/frames", Right::Visitor),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/receipts/{index}", Right::Visitor),
    need("options", "/api/v1/channels/{channel}/{tenant}/{account}/receipts/{index}", Right::Open),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/vkey", Right::Open),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/rotations", Right::Open),
    need("get", "/api/v1/channels/{channel}/{tenant}/{account}/generations", Right::Open),
    need("post", "/api/v1/session", Right::Open),
    need("get", "/api/v1/session", Right::AnySession),
    need("delete", "/api/v1/session", Right::AnySession),
    need("post", "/api/v1/session/password", OWN),
    need("get", "/api/v1/session/methods", Right::Open),
    need("get", "/api/v1/session/oidc/{tenant}", Right::Open),
    need("get", "/api/v1/session/oidc/{tenant}/callback", Right::Open),
    need("post", "/api/v1/session/oidc/{tenant}/backchannel-logout", Right::Provider),
    need("post", "/api/v1/session/second-factor", Right::AnySession),
    need("post", "/api/v1/session/second-factor/enrolment", OWN),
    need("put", "/api/v1/session/second-factor/enrolment", OWN),
    need("get", "/api/v1/sessions", OWN),
    need("delete", "/api/v1/sessions", OWN),
    need("delete", "/api/v1/sessions/{id}", OWN),
    need("get", "/api/v1/admin/accounts", Right::Staff(Action::ReadAccounts)),
    need("post", "/api/v1/admin/accounts", MANAGE),
    need("post", "/api/v1/admin/accounts/import", MANAGE),
    need("patch", "/api/v1/admin/accounts/{id}", MANAGE),
    need("post", "/api/v1/admin/accounts/{id}/unlock", MANAGE),
    need("post", "/api/v1/admin/accounts/{id}/reset", MANAGE),
    need("delete", "/api/v1/admin/accounts/{id}/second-factor", MANAGE),
    need("delete", "/api/v1/admin/accounts/{id}/sessions", MANAGE),
    need("get", "/api/v1/agent/presence", DESK),
    need("put", "/api/v1/agent/presence", DESK),
    need("get", "/api/v1/agent/colleagues", DESK),
    need("get", "/api/v1/agent/conversations", DESK),
    need("get", "/api/v1/agent/conversations/count", DESK),
    need("get", "/api/v1/agent/conversations/{id}", DESK),
    need("post", "/api/v1/agent/conversations/{id}/messages", DESK),
    need("post", "/api/v1/agent/conversations/{id}/held/withdraw", DESK),
    need("get", "/api/v1/agent/held", Right::Staff(Action::Supervise)),
    need("post", "/api/v1/agent/conversations/{id}/notes", DESK),
    need("post", "/api/v1/agent/conversations/{id}/transfer", DESK),
    need("post", "/api/v1/agent/conversations/{id}/take", Right::Staff(Action::Supervise)),
    need("post", "/api/v1/agent/conversations/{id}/close", DESK),
    need("post", "/api/v1/agent/conversations/{id}/solve", DESK),
    need("get", "/api/v1/agent/queues", Right::Staff(Action::Supervise)),
    need("get", "/api/v1/agent/queues/targets", DESK),
    need("get", "/api/v1/agent/replies", DESK),
    need("post", "/api/v1/agent/replies", Right::Staff(Action::Supervise)),
    need("put", "/api/v1/agent/replies/{id}", Right::Staff(Action::Supervise)),
    need("delete", "/api/v1/agent/replies/{id}", Right::Staff(Action::Supervise)),
    need("get", "/api/v1/agent/reports", DESK),
    need("post", "/api/v1/agent/reports", DESK),
    need("get", "/api/v1/policies/masking/reports", POLICIES),
    need("get", "/api/v1/policies/masking/reports/{id}", Right::Staff(Action::ProposePolicies)),
    need("post", "/api/v1/policies/masking/reports/{id}/draft", Right::Staff(Action::ProposePolicies)),
    need("post", "/api/v1/policies/masking/reports/{id}/decline", Right::Staff(Action::ProposePolicies)),
    need("get", "/api/v1/agent/socket", DESK),
    need("get", "/api/v1/agent/events", DESK),
    need("post", "/api/v1/evidence", EVIDENCE),
    need("get", "/api/v1/evidence", EVIDENCE),
    need("get", "/api/v1/evidence/{id}", EVIDENCE),
    need("get", "/api/v1/evidence/{id}/package", EVIDENCE),
    need("delete", "/api/v1/evidence/{id}", EVIDENCE),
    need("post", "/api/v1/ledger/messages", LEDGER),
    need("post", "/api/v1/policies/masking/assess", POLICIES),
    need("get", "/api/v1/policies/masking/amendments", POLICIES),
    need("post", "/api/v1/policies/masking/amendments", Right::Staff(Action::ProposePolicies)),
    need("get", "/api/v1/policies/masking/amendments/{id}", POLICIES),
    need("post", "/api/v1/policies/masking/amendments/{id}/approve", Right::Staff(Action::Approve)),
    need("post", "/api/v1/policies/masking/amendments/{id}/reject", Right::Staff(Action::Approve)),
    need("post", "/api/v1/policies/masking/amendments/{id}/withdraw", Right::Staff(Action::ProposePolicies)),
    need("post", "/api/v1/policies/masking/amendments/{id}/review", Right::Staff(Action::Approve)),
    need("post", "/api/v1/agent/conversations/{id}/unmaskings", DESK),
    need("post", "/api/v1/agent/conversations/{id}/matches", DESK),
    need("get", "/api/v1/unmaskings", UNMASKINGS),
    need("get", "/api/v1/unmaskings/{id}", UNMASKINGS),
    need("post", "/api/v1/unmaskings/{id}/approve", Right::Staff(Action::Approve)),
    need("post", "/api/v1/unmaskings/{id}/reject", Right::Staff(Action::Approve)),
    need("post", "/api/v1/unmaskings/{id}/open", Right::Staff(Action::Unmask)),
    need("get", "/api/v1/policies/masking/previews", OFFICERS),
    need("post", "/api/v1/policies/masking/previews", OFFICERS),
    need("get", "/api/v1/policies/masking/previews/{id}", OFFICERS),
    need("delete", "/api/v1/policies/masking/previews/{id}", OFFICERS),
    need("get", "/api/v1/policies/masking/remasking", POLICIES),
    need("post", "/api/v1/policies/masking/remasking", OFFICERS),
    need("delete", "/api/v1/policies/masking/remasking", OFFICERS),
    need("get", "/api/v1/policies/masking/shadow", OFFICERS),
    need("post", "/api/v1/policies/masking/shadow", OFFICERS),
    need("delete", "/api/v1/policies/masking/shadow", OFFICERS),
    need("get", "/api/v1/policies/masking/drafts", OFFICERS),
    need("post", "/api/v1/policies/masking/drafts", OFFICERS),
    need("get", "/api/v1/policies/masking/drafts/{id}", OFFICERS),
    need("put", "/api/v1/policies/masking/drafts/{id}", OFFICERS),
    need("delete", "/api/v1/policies/masking/drafts/{id}", OFFICERS),
    need("get", "/api/v1/erasures", ERASE),
    need("post", "/api/v1/erasures", ERASE),
    need("post", "/api/v1/erasures/{id}/approve", Right::Staff(Action::Approve)),
    need("post", "/api/v1/erasures/{id}/reject", Right::Staff(Action::Approve)),
    need("get", "/api/v1/erasures/{id}/certificate", LEDGER),
    need("get", "/api/v1/holds", HOLD),
    need("post", "/api/v1/holds", HOLD),
    need("delete", "/api/v1/holds/{id}", HOLD),
    need("get", "/api/v1/ledger/head", LEDGER),
    need("get", "/api/v1/ledger/keys", LEDGER),
    need("get", "/api/v1/ledger/entries", LEDGER),
    need("get", "/api/v1/ledger/entries/{index}", LEDGER),
    need("get", "/api/v1/ledger/entries/{index}/proof", LEDGER),
    need("get", "/api/v1/ledger/consistency", LEDGER),
    need("get", "/api/v1/ledger/custody", LEDGER),
    need("get", "/api/v1/ledger/tlog/checkpoint", LEDGER),
    need("get", "/api/v1/ledger/tlog/tile/{tile}", LEDGER),
    need("get", "/api/v1/ledger/tlog/sm3/tile/{tile}", LEDGER),
    need("get", "/api/v1/policies/masking", POLICIES),
    need("post", "/api/v1/policies/masking/try", POLICIES),
    need("get", "/api/v1/policies/routing", POLICIES),
    need("get", "/api/v1/system/health", Right::Staff(Action::ReadHealth)),
    need("get", "/api/v1/openapi.json", Right::Open),
    need("get", "/healthz", Right::Open),
    need("get", "/readyz", Right::Open),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::routes::ADDRESSES;
    use super::*;

    #[test]
    fn every_route_names_its_right_and_every_right_is_a_route_s() {
        let routed: BTreeSet<(&str, &str)> =
            ADDRESSES.iter().flat_map(|at| at.methods.iter().map(|(method, _)| (at.path, *method))).collect();
        let named: BTreeSet<(&str, &str)> = RIGHTS.iter().map(|need| (need.path, need.method)).collect();
        assert_eq!(routed, named);
        assert_eq!(named.len(), RIGHTS.len(), "a route stands twice");
    }
}
