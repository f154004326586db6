//! The policy file as written: `mask/v1`, a closed vocabulary in YAML.
//!
//! It only parses; what the fields mean together is [`super::compile`]'s business. The JSON Schema beside the policies
//! (`policies/masking/schema.json`) says the same for editors.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, de};
use serde_saphyr::Spanned;

/// A whole policy file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Document {
    pub(super) api_version: ApiVersion,
    pub(super) id: Spanned<String>,
    pub(super) version: u64,
    #[serde(default)]
    pub(super) supersedes: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) effective: Option<Effective>,
    pub(super) mode: Spanned<Mode>,
    /// Names of layers, the more general first.
    #[serde(default)]
    pub(super) layers: Vec<Spanned<String>>,
    /// Layers of the policy's own, by their names.
    #[serde(default)]
    pub(super) define: BTreeMap<String, Spanned<LayerDoc>>,
    #[serde(default)]
    pub(super) approvals: Option<Approvals>,
    pub(super) rules: Vec<Spanned<RuleDoc>>,
    #[serde(default)]
    pub(super) allow: Vec<Spanned<AllowDoc>>,
    pub(super) tests: Vec<Spanned<TestDoc>>,
}

/// A layer that a policy defines.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LayerDoc {
    /// Layers that apply wherever it does.
    #[serde(default)]
    pub(super) layers: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) rules: Vec<Spanned<RuleDoc>>,
}

/// A layer that is built in: a file of its own, with tests of its rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct PackDoc {
    #[expect(dead_code, reason = "only the one format is read")]
    pub(super) api_version: ApiVersion,
    pub(super) layer: String,
    pub(super) version: u64,
    pub(super) title: String,
    pub(super) rules: Vec<Spanned<RuleDoc>>,
    #[cfg_attr(not(test), expect(dead_code, reason = "they run with the program's own tests"))]
    pub(super) tests: Vec<Spanned<TestDoc>>,
}

/// The only format there is.
#[derive(Deserialize)]
pub(super) enum ApiVersion {
    #[serde(rename = "mask/v1")]
    MaskV1,
}

/// Whether the policy acts or only watches.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    Enforce,
    Shadow,
}

/// From when on a policy is meant to act.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Effective {
    /// RFC 3339 instant, as written.
    pub from: String,
}

/// Whose approval a policy asks for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    /// How many people must approve.
    pub required: u32,
    /// Roles that may approve.
    pub roles: Vec<String>,
    /// Whether the author's own approval counts.
    #[serde(default)]
    pub author_may_approve: bool,
}

/// As a policy file writes it.
impl fmt::Display for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { required, roles, author_may_approve } = self;
        write!(f, "required: {required}, roles: [{}], author_may_approve: {author_may_approve}", roles.join(", "))
    }
}

/// A rule for one entity.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleDoc {
    pub(super) entity: String,
    /// What a value looks like, of an entity that the policy makes up.
    #[serde(default)]
    pub(super) pattern: Option<String>,
    pub(super) class: super::super::view::Class,
    #[serde(default)]
    pub(super) basis: Vec<String>,
    #[serde(default)]
    pub(super) detect: DetectDoc,
    pub(super) views: BTreeMap<String, OperatorDoc>,
    #[serde(default)]
    pub(super) reversible: Reversible,
    #[serde(default)]
    pub(super) leaving: Option<LeavingDoc>,
}

/// What happens when staff are about to send a value to a customer.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct LeavingDoc {
    pub(super) hold: bool,
    #[serde(default)]
    pub(super) release_roles: Vec<String>,
}

/// How surely, and beside which words, a value counts; what is not written is as in [`super::resolve`].
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DetectDoc {
    pub(super) min_confidence: Option<f64>,
    /// How sure a match of a pattern is by itself.
    pub(super) confidence: Option<f64>,
    pub(super) context: Vec<String>,
    pub(super) context_window: Option<u64>,
}

/// Whether a masked value can be opened again.
#[derive(Default)]
pub(super) enum Reversible {
    #[default]
    No,
    Vault(VaultDoc),
}

/// Who may open a masked value, and how.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VaultDoc {
    pub(super) vault: bool,
    pub(super) unmask_roles: Vec<String>,
    #[serde(rename = "reason")]
    _reason: ReasonDoc,
    pub(super) ttl: String,
    #[serde(default)]
    pub(super) second_person: Vec<String>,
}

/// Nobody opens anything without a reason.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReasonDoc {
    Required,
}

impl<'de> Deserialize<'de> for Reversible {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Reversible;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("false or {vault: true, unmask_roles: […], reason: required, ttl: 15m}")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Reversible, E> {
                if value { Err(E::invalid_value(de::Unexpected::Bool(value), &self)) } else { Ok(Reversible::No) }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Reversible, A::Error> {
                VaultDoc::deserialize(de::value::MapAccessDeserializer::new(map)).map(Reversible::Vault)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// What one view shows.
pub(super) enum OperatorDoc {
    Drop,
    Keep(KeepDoc),
    Replace(String),
    Token { key: String },
    Encrypt { key: String },
    ShiftDate { key: String, days_max: u64 },
    Generalise(String),
    Unavailable(&'static str),
}

/// How much of a value stays.
pub(super) enum KeepDoc {
    All,
    Ends { first: u64, last: u64 },
}

impl<'de> Deserialize<'de> for KeepDoc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Ends {
            #[serde(default)]
            first: u64,
            #[serde(default)]
            last: u64,
        }
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = KeepDoc;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("all or {first: N, last: N}")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<KeepDoc, E> {
                match value {
                    "all" => Ok(KeepDoc::All),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<KeepDoc, A::Error> {
                let ends = Ends::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(KeepDoc::Ends { first: ends.first, last: ends.last })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The one known keyed token.
#[derive(Deserialize)]
enum TokenKind {
    #[serde(rename = "hmac")]
    Hmac,
}

/// The one format-preserving encryption.
#[derive(Deserialize)]
enum EncryptionKind {
    #[serde(rename = "ff1")]
    Ff1,
}

/// Every operator's field; exactly one operator must be named.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct OperatorFields {
    keep: Option<KeepDoc>,
    replace: Option<String>,
    token: Option<TokenKind>,
    key: Option<String>,
    fpe: Option<EncryptionKind>,
    date_shift: Option<u64>,
    generalise: Option<String>,
    vault: Option<de::IgnoredAny>,
}

impl OperatorFields {
    fn one<E: de::Error>(self) -> Result<OperatorDoc, E> {
        if self.vault.is_some() {
            return Ok(OperatorDoc::Unavailable(
                "vault as what a view shows (write reversible: {vault: …} beside views)",
            ));
        }
        let Self { keep, replace, token, key, fpe, date_shift, generalise, vault: _ } = self;
        let named = [
            keep.is_some(),
            replace.is_some(),
            token.is_some(),
            fpe.is_some(),
            date_shift.is_some(),
            generalise.is_some(),
        ];
        let keyed = token.is_some() || fpe.is_some() || date_shift.is_some();
        let one = named.into_iter().filter(|named| *named).count() == 1;
        if !one || (key.is_some() && !keyed) {
            return Err(E::custom(
                "expected exactly one of drop, keep, replace, generalise, or token, fpe or date_shift with key",
            ));
        }
        let operator = match (keep, replace, generalise, key) {
            (Some(keep), _, _, _) => OperatorDoc::Keep(keep),
            (_, Some(template), _, _) => OperatorDoc::Replace(template),
            (_, _, Some(level), _) => OperatorDoc::Generalise(level),
            (None, None, None, None) => return Err(E::missing_field("key")),
            (None, None, None, Some(key)) => match (token, fpe, date_shift) {
                (Some(TokenKind::Hmac), _, _) => OperatorDoc::Token { key },
                (_, Some(EncryptionKind::Ff1), _) => OperatorDoc::Encrypt { key },
                (_, _, days_max) => OperatorDoc::ShiftDate { key, days_max: days_max.unwrap_or_default() },
            },
        };
        Ok(operator)
    }
}

impl<'de> Deserialize<'de> for OperatorDoc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = OperatorDoc;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("drop, {keep: …}, {replace: …}, {generalise: …}, {token: hmac, key: …}, {fpe: ff1, key: …} or {date_shift: DAYS, key: …}")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<OperatorDoc, E> {
                match value {
                    "drop" => Ok(OperatorDoc::Drop),
                    _ => Err(E::invalid_value(de::Unexpected::Str(value), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<OperatorDoc, A::Error> {
                OperatorFields::deserialize(de::value::MapAccessDeserializer::new(map))?.one()
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A value that is public and stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowDoc {
    pub(super) literal: String,
    pub(super) why: String,
}

/// A message and what views must show of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TestDoc {
    /// Earlier messages of the same conversation.
    #[serde(default)]
    pub(super) after: Vec<String>,
    /// What views show of those in the end, by the view's name.
    #[serde(default)]
    pub(super) earlier: BTreeMap<String, Vec<String>>,
    #[serde(rename = "in")]
    pub(super) input: String,
    /// Where the messages are said, for layers that ask for it.
    #[serde(default)]
    pub(super) tenant: Option<String>,
    #[serde(default)]
    pub(super) channel: Option<String>,
    #[serde(default)]
    pub(super) purpose: Option<String>,
    #[serde(default)]
    pub(super) customer: Option<String>,
    #[serde(default)]
    pub(super) agent: Option<String>,
    #[serde(default)]
    pub(super) supervisor: Option<String>,
    #[serde(default)]
    pub(super) auditor: Option<String>,
    #[serde(default)]
    pub(super) record: Option<String>,
    #[serde(default)]
    pub(super) analytics: Option<String>,
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) export: Option<String>,
    #[serde(default)]
    pub(super) outbound: Option<String>,
    /// States that every view shows the input unchanged.
    #[serde(default)]
    pub(super) unchanged: bool,
    /// Entities for which the input is held when staff are about to send it.
    #[serde(default)]
    pub(super) held: Option<Vec<String>>,
}
