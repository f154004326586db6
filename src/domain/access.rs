//! Who may do what: one table of role × action × whose. A test drives every address with every role against it.
//!
//! Pure. The screens show by this table and the pipeline decides by it. No rule reaches beyond the tenant: another
//! tenant's things are not there for anybody.

use super::event::Role;

/// What a member of staff may ask for. Its name in answers is in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Take conversations: be given some, answer and close those held.
    Converse,
    /// See and close conversations that others hold.
    Supervise,
    /// Read the ledger's head, entries and proofs.
    ReadLedger,
    /// Read the policies in force and try texts on them.
    ReadPolicies,
    /// Read what runs, since when, and what is wrong with the machine.
    ReadHealth,
    /// Care for one's own password, second factor and sessions.
    OwnAccount,
    /// List accounts.
    ReadAccounts,
    /// Make, change, unlock and reset accounts, and end their sessions.
    ManageAccounts,
    /// Consent, as a second person, to what somebody else proposed.
    Approve,
    /// Take evidence out: entries with their proofs and the masked texts.
    ExportEvidence,
    /// Propose that a customer's data is erased, and see what was proposed.
    EraseSubjects,
    /// Place and release legal holds, and see them.
    HoldSubjects,
    /// Propose masking policies; those that only mask more may be brought into force at once.
    ProposePolicies,
    /// Open a masked value that the rule lets one open.
    Unmask,
    /// See who opened masked values, or asked to.
    ReadUnmaskings,
}

/// Whose things an action reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// One's own.
    Own,
    /// Those of the agents whom one leads; every agent, as long as a tenant has one team.
    Team,
    /// Everybody's of the tenant.
    Tenant,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The action.
    pub action: Action,
    /// Who may do it, and to whose things.
    pub roles: &'static [(Role, Whose)],
    /// How fresh the second factor must be, in seconds; `None`: the session is enough.
    pub factor_s_max: Option<i64>,
}

/// How fresh the second factor must be for an approval, in seconds.
pub const APPROVAL_FACTOR_S_MAX: i64 = 300;

const EVERYBODY: &[(Role, Whose)] = &[
    (Role::Agent, Whose::Own),
    (Role::Supervisor, Whose::Own),
    (Role::Compliance, Whose::Own),
    (Role::Auditor, Whose::Own),
    (Role::Admin, Whose::Own),
];

const LOOKING_ON: &[(Role, Whose)] = &[
    (Role::Supervisor, Whose::Tenant),
    (Role::Compliance, Whose::Tenant),
    (Role::Auditor, Whose::Tenant),
    (Role::Admin, Whose::Tenant),
];

/// Every action with who may do it.
pub const TABLE: &[Rule] = &[
    rule(Action::Converse, &[(Role::Agent, Whose::Own), (Role::Supervisor, Whose::Team)]),
    rule(Action::Supervise, &[(Role::Supervisor, Whose::Team)]),
    rule(
        Action::ReadLedger,
        &[(Role::Auditor, Whose::Tenant), (Role::Compliance, Whose::Tenant), (Role::Admin, Whose::Tenant)],
    ),
    rule(Action::ReadPolicies, LOOKING_ON),
    rule(Action::ReadHealth, LOOKING_ON),
    rule(Action::OwnAccount, EVERYBODY),
    rule(Action::ReadAccounts, &[(Role::Auditor, Whose::Tenant), (Role::Admin, Whose::Tenant)]),
    rule(Action::ManageAccounts, &[(Role::Admin, Whose::Tenant)]),
    Rule {
        factor_s_max: Some(APPROVAL_FACTOR_S_MAX),
        ..rule(Action::Approve, &[(Role::Supervisor, Whose::Team), (Role::Compliance, Whose::Tenant)])
    },
    rule(Action::ExportEvidence, &[(Role::Auditor, Whose::Tenant), (Role::Compliance, Whose::Tenant)]),
    rule(Action::EraseSubjects, &[(Role::Supervisor, Whose::Tenant), (Role::Compliance, Whose::Tenant)]),
    rule(Action::HoldSubjects, &[(Role::Compliance, Whose::Tenant)]),
    rule(Action::ProposePolicies, &[(Role::Compliance, Whose::Tenant)]),
    Rule {
        factor_s_max: Some(APPROVAL_FACTOR_S_MAX),
        ..rule(Action::Unmask, &[(Role::Agent, Whose::Own), (Role::Supervisor, Whose::Team)])
    },
    rule(
        Action::ReadUnmaskings,
        &[
            (Role::Agent, Whose::Own),
            (Role::Supervisor, Whose::Team),
            (Role::Compliance, Whose::Tenant),
            (Role::Auditor, Whose::Tenant),
        ],
    ),
];

const fn rule(action: Action, roles: &'static [(Role, Whose)]) -> Rule {
    Rule { action, roles, factor_s_max: None }
}

/// Whose things `role` may do `action` to; `None`: nobody's.
pub fn reach(role: Role, action: Action) -> Option<Whose> {
    let rule = TABLE.iter().find(|rule| rule.action == action)?;
    rule.roles.iter().find(|(known, _)| *known == role).map(|(_, whose)| *whose)
}

/// Whether `role` may do `action`.
pub fn allows(role: Role, action: Action) -> bool {
    reach(role, action).is_some()
}

/// Everything that `role` may do, in the order of the table.
pub fn rights(role: Role) -> Vec<Action> {
    TABLE.iter().map(|rule| rule.action).filter(|action| allows(role, *action)).collect()
}

/// How fresh the second factor must be for `action`, in seconds.
pub fn factor_s_max(action: Action) -> Option<i64> {
    TABLE.iter().find(|rule| rule.action == action).and_then(|rule| rule.factor_s_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_matrix_is_as_written_down() {
        use Whose::{Own, Team, Tenant};
        let actions = [
            Action::Converse,
            Action::Supervise,
            Action::ReadLedger,
            Action::ReadPolicies,
            Action::ReadHealth,
            Action::OwnAccount,
            Action::ReadAccounts,
            Action::ManageAccounts,
            Action::Approve,
            Action::ExportEvidence,
            Action::EraseSubjects,
            Action::HoldSubjects,
            Action::ProposePolicies,
            Action::Unmask,
            Action::ReadUnmaskings,
        ];
        assert_eq!(TABLE.iter().map(|rule| rule.action).collect::<Vec<_>>(), actions, "each action has one row");
        // In the order of the actions: own, team's, tenant's, nobody's.
        let whose = |letter| match letter {
            'o' => Some(Own),
            'm' => Some(Team),
            't' => Some(Tenant),
            '-' => None,
            other => panic!("{other:?}"),
        };
        let expected = |role| {
            let row = match role {
                Role::Agent => "o----o-------oo",
                Role::Supervisor => "mm-tto--m-t--mm",
                Role::Compliance => "--ttto--ttttt-t",
                Role::Auditor => "--tttot--t----t",
                Role::Admin => "--tttott-------",
                Role::Customer | Role::Operator | Role::Server => "---------------",
            };
            let mut letters = row.chars().map(whose);
            actions.map(|_| letters.next().unwrap())
        };
        for (role, _, _) in Role::ALL {
            assert_eq!(actions.map(|action| reach(role, action)), expected(role), "{role:?}");
            assert_eq!(actions.map(|action| allows(role, action)), expected(role).map(|whose| whose.is_some()));
        }
    }

    #[test]
    fn approvals_and_what_opens_values_ask_for_a_fresh_second_factor() {
        for rule in TABLE {
            let asks = matches!(rule.action, Action::Approve | Action::Unmask);
            let expected = asks.then_some(APPROVAL_FACTOR_S_MAX);
            assert_eq!(factor_s_max(rule.action), expected, "{:?}", rule.action);
        }
    }
}
