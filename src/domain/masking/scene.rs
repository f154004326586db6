//! What is around a candidate: keywords that speak for or against it, and whether the policy wants it.
//!
//! Recognisers propose; the scene weighs. It knows nothing of how values look.

use std::ops::Range;

use super::{
    entity::Entity,
    fold::Folded,
    lexicon::{Cues, Hit},
    policy::Policy,
    span::Canonical,
    symbol,
    validate::Confidence,
};

/// Symbols between a word that speaks against a value and the value.
const AGAINST_WINDOW: usize = 10;
/// Symbols between a value and a word after it that speaks for it.
const AFTER_WINDOW: usize = 12;
/// Symbols from a message's beginning within which a keyword of an earlier message still counts.
const CARRIED_WINDOW: usize = 12;
/// Percent that a word against a value costs.
const AGAINST_COST: u8 = 30;
/// Percent that being part of a link costs.
const LINK_COST: u8 = 30;

/// A value that may be masked, in symbols of the folded message.
pub(super) struct Candidate {
    /// Symbols covered.
    pub(super) range: Range<usize>,
    /// What it would be.
    pub(super) entity: Entity,
    /// How surely, in percent.
    pub(super) confidence: u8,
    /// Put together from several groups of digits without a check digit: weaker than any number around it.
    pub(super) loose: bool,
    /// Position of the rule.
    pub(super) rule: u16,
    /// The value without disguise.
    pub(super) canonical: Canonical,
    /// Characters of the value that are in earlier messages.
    pub(super) earlier: usize,
    /// Symbols of a word that speaks for it.
    pub(super) word: Option<Range<usize>>,
}

/// What the surroundings say of a candidate.
#[derive(Clone, PartialEq, Eq)]
enum Support {
    /// A word speaks for it; one of an earlier message has no place in this.
    For(Option<Range<usize>>),
    Neutral,
    Against,
}

/// A folded message with its keywords, and the candidates found so far.
pub(super) struct Scene<'m> {
    /// The policy that decides.
    pub(super) policy: &'m Policy,
    /// The message.
    pub(super) message: &'m Folded,
    /// The message as it was written.
    pub(super) text: &'m str,
    /// Its keywords, ordered by their ends.
    pub(super) hits: &'m [Hit],
    /// Keywords that an earlier message ended with.
    pub(super) carried: Cues,
    /// What any keyword of the message, or of an earlier one, says.
    pub(super) said: Cues,
    /// Links, in order.
    pub(super) links: &'m [Range<usize>],
    /// Whether a bank card was found.
    pub(super) has_card: bool,
    /// What was found.
    pub(super) candidates: Vec<Candidate>,
}

/// A value that a recogniser proposes.
pub(super) struct Proposal<'c> {
    /// Symbols covered.
    pub(super) range: Range<usize>,
    /// What it would be.
    pub(super) entity: Entity,
    /// How surely the validator takes it for one.
    pub(super) confidence: Confidence,
    /// Percent that its form costs.
    pub(super) cost: u8,
    /// Put together from several groups of digits.
    pub(super) joined: bool,
    /// The value without disguise, in UTF-8.
    pub(super) canonical: &'c [u8],
    /// Characters of the value that are in earlier messages.
    pub(super) earlier: usize,
}

impl<'m> Scene<'m> {
    /// Returns what stands at symbols as it was written.
    pub(super) fn original(&self, range: Range<usize>) -> &'m str {
        self.text.get(self.message.bytes(range)).unwrap_or_default()
    }

    /// Weighs a proposal; it becomes a candidate when the policy wants it.
    pub(super) fn propose(&mut self, proposal: Proposal<'_>) {
        let Proposal { range, entity, confidence, cost, joined, canonical, earlier } = proposal;
        let loose = joined && !confidence.checked;
        let Some((position, rule)) = self.policy.rule_for(entity) else { return };
        // Most of what could be a number of some state is none, and nothing in the message speaks for it.
        if confidence.alone < rule.min_confidence && !self.said.meets(Cues::of(entity)) {
            return;
        }
        let support = self.support(entity, &range, rule.context_window);
        let weighed = match support {
            Support::For(_) => confidence.supported,
            Support::Neutral if self.in_link(range.start) => confidence.alone.saturating_sub(LINK_COST),
            Support::Neutral => confidence.alone,
            Support::Against => confidence.alone.saturating_sub(AGAINST_COST),
        };
        let confidence = weighed.saturating_sub(cost);
        if confidence < rule.min_confidence {
            return;
        }
        let canonical = Canonical::new(canonical);
        // A password is one whatever else its digits are known for.
        let may_be_public = entity != Entity::Password;
        if may_be_public && self.policy.allowed.iter().any(|allowed| allowed == canonical.expose()) {
            return;
        }
        self.has_card |= entity == Entity::BankCard;
        let word = match support {
            Support::For(word) => word,
            Support::Neutral | Support::Against => None,
        };
        self.candidates.push(Candidate { range, entity, confidence, loose, rule: position, canonical, earlier, word });
    }

    /// Returns the keywords that begin at or after a position, in order of their ends.
    pub(super) fn hits_from(&self, position: usize) -> impl Iterator<Item = &Hit> {
        let first = self.hits.partition_point(|hit| hit.end <= position);
        self.hits.get(first..).unwrap_or_default().iter().filter(move |hit| hit.start >= position)
    }

    /// Says whether a keyword ends exactly at a position.
    pub(super) fn hit_ends_at(&self, position: usize) -> bool {
        let first = self.hits.partition_point(|hit| hit.end < position);
        self.hits.get(first).is_some_and(|hit| hit.end == position)
    }

    /// Says whether a word for any of `cues` stands within reach on either side.
    pub(super) fn is_near(&self, cues: Cues, range: &Range<usize>, window: usize) -> bool {
        matches!(self.nearest(cues, range, window), Support::For(_))
    }

    /// Says whether a word for a card, other than one that itself needs a card's company, is within `window` symbols.
    pub(super) fn is_beside_card(&self, range: &Range<usize>, window: usize) -> bool {
        let card = Cues::of(Entity::BankCard).and(Cues::of(Entity::Cvv));
        let first = self.hits.partition_point(|hit| hit.end + window < range.start);
        let near = self.hits.get(first..).unwrap_or_default().iter().take_while(|hit| hit.end <= range.end + window);
        near.into_iter().any(|hit| hit.cues.meets(card) && !hit.cues.meets(Cues::BESIDE_CARD))
    }

    fn support(&self, entity: Entity, range: &Range<usize>, window: usize) -> Support {
        self.nearest(Cues::of(entity), range, window)
    }

    /// The nearest word before the value decides; without one, a word after it or in an earlier message may speak for it.
    fn nearest(&self, cues: Cues, range: &Range<usize>, window: usize) -> Support {
        let before = self.hits.partition_point(|hit| hit.end <= range.start);
        for hit in self.hits.get(..before).unwrap_or_default().iter().rev() {
            let distance = range.start - hit.end;
            if distance > window.max(AGAINST_WINDOW) || self.is_masked(hit.end..range.start) {
                break;
            }
            if hit.cues.meets(cues) && distance <= window {
                return Support::For(Some(hit.start..hit.end));
            }
            if hit.cues.meets(Cues::AGAINST) && distance <= AGAINST_WINDOW {
                return Support::Against;
            }
        }
        let after = self
            .hits_from(range.end)
            .take_while(|hit| hit.start - range.end <= AFTER_WINDOW)
            .find(|hit| hit.cues.meets(cues) && !self.is_masked(range.end..hit.start));
        match after {
            Some(hit) => Support::For(Some(hit.start..hit.end)),
            None if range.start <= CARRIED_WINDOW && self.carried.meets(cues) => Support::For(None),
            None => Support::Neutral,
        }
    }

    fn is_masked(&self, range: Range<usize>) -> bool {
        self.message.slice(range).contains(&symbol::MASKED)
    }

    fn in_link(&self, position: usize) -> bool {
        let following = self.links.partition_point(|link| link.end <= position);
        self.links.get(following).is_some_and(|link| link.contains(&position))
    }
}
