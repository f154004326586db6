//! Where a message is said, as far as layers ask for it, and where a layer applies.
//!
//! The channel and the purpose of a message stand in the log: the entry names its channel, and the purpose is the queue that
//! the conversation's entries sent it to. So who has the policy's resolved text can tell which of its rules masked a message.

use std::{collections::BTreeMap, fmt};

/// Tenant, channel and purpose; of a message what it is, of a layer what it asks for, where nothing means any.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Occasion {
    /// The tenant's name.
    pub tenant: Option<String>,
    /// The channel's registered name, such as `web`.
    pub channel: Option<String>,
    /// The conversation's purpose: the queue that it was sent to.
    pub purpose: Option<String>,
}

impl Occasion {
    /// Any message.
    pub const ANY: Self = Self { tenant: None, channel: None, purpose: None };

    /// Whether what asks for this applies at `there`.
    pub fn holds_at(&self, there: &Self) -> bool {
        let holds = |asked: &Option<String>, is: &Option<String>| asked.is_none() || asked == is;
        holds(&self.tenant, &there.tenant)
            && holds(&self.channel, &there.channel)
            && holds(&self.purpose, &there.purpose)
    }

    /// Both together; `None` when no message is at both.
    pub(super) fn and(&self, other: &Self) -> Option<Self> {
        let both = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) if one != other => None,
            (Some(one), _) => Some(Some(one.clone())),
            (None, other) => Some(other.clone()),
        };
        Some(Self {
            tenant: both(&self.tenant, &other.tenant)?,
            channel: both(&self.channel, &other.channel)?,
            purpose: both(&self.purpose, &other.purpose)?,
        })
    }

    /// What a layer of this name asks for: `channel/wechat`. `None` when its name says nothing of it.
    pub(super) fn of_layer(name: &str) -> Option<Self> {
        let (kind, value) = name.split_once('/')?;
        let value = Some(value.to_owned());
        match kind {
            "tenant" => Some(Self { tenant: value, ..Self::ANY }),
            "channel" => Some(Self { channel: value, ..Self::ANY }),
            "purpose" => Some(Self { purpose: value, ..Self::ANY }),
            _ => None,
        }
    }

    /// What it names, by the words that layers have for it.
    pub fn named(&self) -> BTreeMap<&'static str, &str> {
        let all = [("tenant", &self.tenant), ("channel", &self.channel), ("purpose", &self.purpose)];
        all.into_iter().filter_map(|(word, value)| Some((word, value.as_deref()?))).collect()
    }
}

/// As layers are named: `channel/wechat and purpose/loans`; nothing for any message.
impl fmt::Display for Occasion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named: Vec<String> = self.named().into_iter().map(|(word, value)| format!("{word}/{value}")).collect();
        f.write_str(&named.join(" and "))
    }
}

/// Where the layers of a policy apply: each combination of what they ask for, the one of any message first.
pub(super) fn combinations<'o>(asked: &(impl Iterator<Item = &'o Occasion> + Clone)) -> Vec<Occasion> {
    let values = |of: fn(&Occasion) -> &Option<String>| {
        let mut values: Vec<Option<String>> = asked.clone().map(|occasion| of(occasion).clone()).collect();
        values.push(None);
        values.sort_unstable();
        values.dedup();
        values
    };
    let tenants = values(|occasion| &occasion.tenant);
    let (channels, purposes) = (values(|occasion| &occasion.channel), values(|occasion| &occasion.purpose));
    let mut all = Vec::new();
    for tenant in &tenants {
        for channel in &channels {
            for purpose in &purposes {
                let (tenant, channel, purpose) = (tenant.clone(), channel.clone(), purpose.clone());
                all.push(Occasion { tenant, channel, purpose });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Occasion {
        Occasion::of_layer(name).unwrap()
    }

    #[test]
    fn what_a_layer_asks_for_holds_where_it_is_so_and_nothing_asked_holds_anywhere() {
        let message = of("channel/web").and(&of("purpose/loans")).unwrap();
        for (asked, holds) in
            [("channel/web", true), ("purpose/loans", true), ("channel/http", false), ("tenant/one", false)]
        {
            assert_eq!(of(asked).holds_at(&message), holds, "{asked}");
        }
        assert!(Occasion::ANY.holds_at(&message) && !message.holds_at(&Occasion::ANY));
        assert_eq!(message.to_string(), "channel/web and purpose/loans");
        assert_eq!(of("channel/web").and(&of("channel/http")), None);
        assert_eq!(Occasion::of_layer("base/pci"), None);
    }

    #[test]
    fn every_combination_is_there_once_and_that_of_any_message_first() {
        let asked = [of("channel/web"), of("channel/http"), of("purpose/loans"), of("channel/web")];
        let all = combinations(&asked.iter());
        assert_eq!((all.len(), &all[0]), (6, &Occasion::ANY));
        assert_eq!(combinations(&[Occasion::ANY].iter()), [Occasion::ANY]);
    }
}
