//! Who looks at a message ([`View`]) and how strictly a value is held ([`Class`]).
//!
//! Both lists are closed: a policy, a stored message and a caller can name nothing else. This module does not know
//! what a view shows; that is the policy's business.
//! Source: JR/T 0171-2020 section 4 (classes C1 to C3).

use std::{fmt, str::FromStr};

/// An audience for which a message is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// The customer who takes part in the conversation.
    Customer,
    /// The agent who answers.
    Agent,
    /// The agent's supervisor.
    Supervisor,
    /// An auditor reading the record.
    Auditor,
    /// The record itself: what is stored as the masked text.
    Record,
    /// Reports and statistics.
    Analytics,
    /// A language model or bot.
    Model,
    /// Files that leave the system.
    Export,
    /// Messages and calls to third parties.
    Outbound,
}

impl View {
    /// Every view, in the order in which stored messages number them.
    pub const ALL: [Self; 9] = [
        Self::Customer,
        Self::Agent,
        Self::Supervisor,
        Self::Auditor,
        Self::Record,
        Self::Analytics,
        Self::Model,
        Self::Export,
        Self::Outbound,
    ];

    /// Returns the lower-case name used in policies and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Auditor => "auditor",
            Self::Record => "record",
            Self::Analytics => "analytics",
            Self::Model => "model",
            Self::Export => "export",
            Self::Outbound => "outbound",
        }
    }

    /// Returns the view's position in [`View::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Returns the view's bit in a stored set of views.
    pub(super) const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that is not in the closed list of views.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown view: expected one of customer, agent, supervisor, auditor, record, analytics, model, export, outbound"
)]
pub struct UnknownView;

impl FromStr for View {
    type Err = UnknownView;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|view| view.as_str() == name).ok_or(UnknownView)
    }
}

/// A sensitivity class of JR/T 0171-2020, the strictest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
pub enum Class {
    /// Internal: may be shown where the policy says so.
    C1,
    /// Masked: shown in part or replaced.
    C2,
    /// Never shown and never stored.
    C3,
}

impl Class {
    /// Returns the class's name, `C1` to `C3`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::C1 => "C1",
            Self::C2 => "C2",
            Self::C3 => "C3",
        }
    }

    /// Returns the number that stored messages use, 1 to 3.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::C1 => 1,
            Self::C2 => 2,
            Self::C3 => 3,
        }
    }

    /// Finds the class of a stored number.
    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::C1),
            2 => Some(Self::C2),
            3 => Some(Self::C3),
            _ => None,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_round_trips_through_its_name() {
        for (position, view) in View::ALL.into_iter().enumerate() {
            assert_eq!(view.to_string().parse(), Ok(view));
            assert_eq!(view.index(), position);
        }
    }

    #[test]
    fn names_outside_the_list_are_refused() {
        for name in ["", "Agent", "agents", " agent", "*"] {
            assert_eq!(name.parse::<View>(), Err(UnknownView), "{name:?}");
        }
    }

    #[test]
    fn classes_round_trip_through_their_codes() {
        for class in [Class::C1, Class::C2, Class::C3] {
            assert_eq!(Class::from_code(class.code()), Some(class));
        }
        assert_eq!(Class::from_code(0), None);
        assert_eq!(Class::from_code(4), None);
    }
}
