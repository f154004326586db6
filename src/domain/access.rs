//! Who may do what: one table of role × action. Whose conversation it is, is asked besides.
//!
//! Pure. The screens show by this table and the pipeline decides by it.

use super::event::Role;

/// What a member of staff may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take conversations: be given some, answer and close those held.
    Converse,
    /// See and close conversations that others hold.
    Supervise,
    /// Read the ledger's head and proofs.
    ReadLedger,
}

/// Every action with the roles that may do it.
pub const TABLE: [(Action, &[Role]); 3] = [
    (Action::Converse, &[Role::Agent, Role::Supervisor]),
    (Action::Supervise, &[Role::Supervisor]),
    (Action::ReadLedger, &[Role::Auditor, Role::Compliance, Role::Admin]),
];

/// Whether `role` may do `action`.
pub fn allows(role: Role, action: Action) -> bool {
    TABLE.iter().any(|(known, roles)| *known == action && roles.contains(&role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_matrix_is_as_written_down() {
        let expected = |role| match role {
            Role::Agent => [true, false, false],
            Role::Supervisor => [true, true, false],
            Role::Auditor | Role::Compliance | Role::Admin => [false, false, true],
            Role::Customer | Role::Operator | Role::Server => [false, false, false],
        };
        for (role, _, _) in Role::ALL {
            let got = [Action::Converse, Action::Supervise, Action::ReadLedger].map(|action| allows(role, action));
            assert_eq!(got, expected(role), "{role:?}");
        }
    }
}
