//! Keywords compiled over the folded alphabet, and where they stand in a message.
//!
//! A keyword speaks *for* entities (`卡号` for a bank card) or *against* all of them (`订单号`). It deliberately does
//! not know what a value looks like, nor how much a word weighs.

use std::collections::BTreeMap;

use super::{
    automaton::{Automaton, State, TooLarge},
    entity::Entity,
    fold::Folded,
    fold_table::{Entry, FoldTable, TooManyIdeographs},
    keywords::{self, KEYWORDS},
    symbol,
};

/// What a keyword says: a set of entities that it speaks for, and marks.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cues(u64);

impl Cues {
    /// Says nothing.
    pub(super) const NONE: Self = Self(0);
    /// Speaks against a sensitive value: an order number, an amount, a postcode.
    pub(super) const AGAINST: Self = Self(1 << 63);
    /// Only wakes the engine: spells out part of an e-mail address.
    pub(super) const WAKE: Self = Self(1 << 62);
    /// So common that only the plainest value counts.
    pub(super) const WEAK: Self = Self(1 << 61);
    /// Counts only in the company of a card.
    pub(super) const BESIDE_CARD: Self = Self(1 << 60);
    /// The entities that mean nothing without a keyword.
    pub(super) const SECRETS: Self = Self::of(Entity::Cvv)
        .and(Self::of(Entity::Pin))
        .and(Self::of(Entity::Expiry))
        .and(Self::of(Entity::Password))
        .and(Self::of(Entity::OneTimeCode));
    /// The entities whose values no screening could know, but by the word beside them.
    pub(super) const NAMED: Self = Self::of(Entity::Swift)
        .and(Self::of(Entity::Ip))
        .and(Self::of(Entity::Mac))
        .and(Self::of(Entity::WeChat))
        .and(Self::of(Entity::Qq))
        .and(Self::of(Entity::InPan))
        .and(Self::of(Entity::BirthDate));

    /// Speaks for one entity.
    pub(super) const fn of(entity: Entity) -> Self {
        Self(1 << entity as u32)
    }

    /// Speaks for several entities.
    pub(super) const fn all(entities: &[Entity]) -> Self {
        let (mut cues, mut at) = (Self::NONE, 0);
        while at < entities.len() {
            cues = cues.and(Self::of(entities[at]));
            at += 1;
        }
        cues
    }

    /// Joins two sets.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns what still counts after a later keyword: a word against other values ends every question before it.
    pub(super) fn then(self, later: Self) -> Self {
        if later.meets(Self::AGAINST) { Self(later.0 & !Self::AGAINST.0) } else { self.and(later) }
    }

    /// Says whether the two sets share a member.
    pub(super) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A keyword found in a folded message.
#[derive(Clone, Copy)]
pub(super) struct Hit {
    /// First symbol.
    pub(super) start: usize,
    /// One past the last symbol.
    pub(super) end: usize,
    /// What it says.
    pub(super) cues: Cues,
}

/// The keywords are too many, or use too many different characters.
#[derive(Debug)]
pub(super) struct TooManyKeywords;

impl From<TooManyIdeographs> for TooManyKeywords {
    fn from(_cause: TooManyIdeographs) -> Self {
        Self
    }
}

impl From<TooLarge> for TooManyKeywords {
    fn from(_cause: TooLarge) -> Self {
        Self
    }
}

/// The compiled keywords of a policy.
pub(super) struct Lexicon {
    /// Folds characters.
    pub(super) table: FoldTable,
    screen: Automaton,
    full: Automaton,
    patterns: Vec<(Vec<u16>, Cues)>,
}

impl Lexicon {
    /// Compiles the engine's keywords together with a policy's own context words.
    pub(super) fn new(context: &[(Entity, Vec<String>)]) -> Result<Self, TooManyKeywords> {
        let mut words: Vec<(Cues, &str)> = Vec::new();
        for &(cues, chinese, english) in KEYWORDS {
            words.extend(keywords::words(chinese, english).map(|word| (cues, word)));
        }
        for (entity, own) in context {
            words.extend(own.iter().map(|word| (Cues::of(*entity), word.as_str())));
        }
        let table = FoldTable::new(words.iter().map(|&(_, word)| word))?;
        let mut patterns: BTreeMap<Vec<u16>, Cues> = BTreeMap::new();
        for (cues, word) in words {
            let slot = patterns.entry(table.fold(word)).or_default();
            *slot = slot.and(cues);
        }
        patterns.remove([].as_slice());
        let patterns: Vec<(Vec<u16>, Cues)> = patterns.into_iter().collect();

        let waking = Cues::SECRETS.and(Cues::NAMED).and(Cues::WAKE);
        let is_waking = |cues: &Cues| cues.meets(waking) && !cues.meets(Cues::WEAK);
        let all = patterns.iter().map(|(word, _)| word.as_slice());
        let wakers = patterns.iter().filter(|(_, cues)| is_waking(cues)).map(|(word, _)| word.as_slice());
        let screen = Automaton::new(table.code_count(), wakers)?;
        let full = Automaton::new(table.code_count(), all)?;
        Ok(Self { table, screen, full, patterns })
    }

    /// Advances the screening by one code; true when a waking keyword ends there.
    #[inline]
    pub(super) fn wakes(&self, state: &mut State, code: u16) -> bool {
        *state = self.screen.step(*state, code);
        self.screen.accepts(*state)
    }

    /// Returns what a message asks for whose end is given: the keywords in it, without a look at words around Latin ones.
    pub(super) fn question(&self, end_of_message: &str) -> Cues {
        let mut state = State::default();
        let mut cues = Cues::NONE;
        for Entry { code, symbol } in end_of_message.chars().map(|character| self.table.entry(character)) {
            if symbol == symbol::IGNORE {
                continue;
            }
            state = self.full.step(state, code);
            if self.full.accepts(state) {
                // The first pattern is the longest, which knows best.
                let longest = self.full.matches(state).next().and_then(|pattern| self.patterns.get(pattern));
                cues = longest.map_or(cues, |(_, said)| cues.then(*said));
            }
        }
        cues
    }

    /// Finds the keywords of a folded message, ordered by their ends; a word inside a longer one is not reported.
    pub(super) fn find(&self, message: &Folded) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut state = State::default();
        for (end, &code) in (1..).zip(message.codes()) {
            state = self.full.step(state, code);
            if !self.full.accepts(state) {
                continue;
            }
            for (word, cues) in self.full.matches(state).filter_map(|pattern| self.patterns.get(pattern)) {
                let start = end - word.len();
                if stands_alone(message, start, end) {
                    hits.push(Hit { start, end, cues: *cues });
                }
            }
        }
        drop_shadowed(&mut hits);
        hits
    }
}

/// A Latin keyword counts only as a whole word; digits may touch it (`cvv123`).
fn stands_alone(message: &Folded, start: usize, end: usize) -> bool {
    let joined = |at: usize| symbol::is_letter(message.before(at)) && symbol::is_letter(message.at(at));
    !joined(start) && !joined(end)
}

/// `卡密码` hides `密码` and `卡`, `error code` hides `code`: the longer word knows better.
fn drop_shadowed(hits: &mut Vec<Hit>) {
    hits.sort_unstable_by_key(|hit| (hit.end, hit.end - hit.start));
    let mut leftmost = usize::MAX;
    for hit in hits.iter_mut().rev() {
        if leftmost <= hit.start {
            hit.cues = Cues::NONE;
        }
        leftmost = leftmost.min(hit.start);
    }
    hits.retain(|hit| hit.cues != Cues::NONE);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[(&str, Cues)]) {
        let lexicon = Lexicon::new(&[]).unwrap();
        let characters: Vec<char> = text.chars().collect();
        let found: Vec<_> =
            lexicon.find(&Folded::new(&lexicon, text)).into_iter().map(|h| (h.start..h.end, h.cues)).collect();
        assert_eq!(found.len(), expect.len(), "{text}");
        for ((range, cues), (word, expected)) in found.into_iter().zip(expect) {
            assert_eq!(&characters[range].iter().collect::<String>(), word);
            assert!(cues.meets(*expected), "{text}: {word}");
        }
    }

    #[test]
    fn the_longer_keyword_wins() {
        check("银行卡密码", &[("银行卡密码", Cues::of(Entity::Pin))]);
        check("動態密碼", &[("動態密碼", Cues::of(Entity::OneTimeCode))]);
        check("error code", &[("error code", Cues::AGAINST)]);
    }

    #[test]
    fn latin_keywords_are_whole_words() {
        check("shopping pinned", &[]);
        check("ＰＩＮ4321", &[("ＰＩＮ", Cues::of(Entity::Pin))]);
        check("cvv123", &[("cvv", Cues::of(Entity::Cvv))]);
    }

    #[test]
    fn context_words_of_a_policy_join_the_engine_s() {
        let lexicon = Lexicon::new(&[(Entity::BankCard, vec!["折子".to_owned()])]).unwrap();
        let hits = lexicon.find(&Folded::new(&lexicon, "我的折子"));
        assert!(hits.len() == 1 && hits.iter().all(|hit| hit.cues.meets(Cues::of(Entity::BankCard))));
    }
}
