//! From a message to its spans: runs the recognisers, settles overlaps, and keeps the conversation's tail.

use std::{cmp::Reverse, collections::BTreeMap, ops::Range};

use zeroize::Zeroizing;

use super::{
    amounts, births, codes,
    digits::{self, Run},
    earlier::{self, Again},
    email,
    entity::Entity,
    fold::{Folded, Screening, TRAILING_MAX, screen},
    handles, ids,
    lexicon::{Cues, Hit},
    machines::{self, Address},
    patterns::{self, Patterns},
    people, plates,
    policy::Policy,
    scene::{Candidate, Scene},
    secrets,
    span::Span,
    structured, symbol,
    tail::Tail,
    traps,
    view::Class,
};
use crate::units::MessageId;

/// Symbols from a message's beginning within which its digits may continue those of earlier messages.
const CONTINUATION_START_MAX: usize = 6;
/// Symbols from a message's end within which a keyword asks for the next message.
const QUESTION_WINDOW: usize = 16;
/// Most looks at one message.
const ROUNDS_MAX: usize = 4;
/// The same where a policy has patterns, which match again beside what is masked.
const PATTERN_ROUNDS_MAX: usize = 16;
/// Fewest digits left over for which a message is looked at again.
const REST_DIGITS_MIN: usize = 3;
/// What a password gains over what is inside it: showing a part of it is never right.
const PASSWORD_BONUS: usize = 20;
/// What a number with a check digit gains when it began in earlier messages, over one that its last part could be by itself.
const CONTINUED_BONUS: usize = 15;

/// Finds the sensitive values of a message, in order and without overlaps.
///
/// `tail` is the conversation's; it is brought up to date. `now_us` is the message's time in UTC microseconds. A value
/// that began in earlier messages is reported where this message completes it ([`Span::completes_earlier`]).
pub fn detect(policy: &Policy, text: &str, tail: &mut Tail, now_us: i64) -> Vec<Span> {
    hear(policy, text, tail, MessageId::from_random([0; 16]), now_us).spans
}

/// What a message holds, and what it tells of earlier ones.
#[derive(Default)]
pub struct Heard {
    /// Its sensitive values, in order and without overlaps.
    pub spans: Vec<Span>,
    /// What must be masked in earlier messages, by those that their tail knows.
    pub again: Vec<Again>,
}

/// As [`detect`], and also finds what earlier messages hold of a value that this one completes or names. `message` is what
/// the tail will know this one by.
pub fn hear(policy: &Policy, text: &str, tail: &mut Tail, message: MessageId, now_us: i64) -> Heard {
    let id = message;
    tail.expire(now_us);
    let screening = screen(&policy.lexicon, text);
    let may_match = |patterns: &Patterns| patterns.may_match(&policy.lexicon, text);
    match screening {
        Screening::Plain | Screening::Digits if policy.patterns.as_ref().is_some_and(may_match) => {}
        Screening::Plain => {
            remember_question(policy, text, tail, now_us);
            return Heard { spans: people::spans(policy, text), again: Vec::new() };
        }
        Screening::Digits if !tail.is_live() && !policy.minds_every_number() => {
            remember_question(policy, text, tail, now_us);
            return Heard { spans: people::spans(policy, text), again: Vec::new() };
        }
        Screening::Digits | Screening::Suspicious => {}
    }
    let mut message = Folded::new(&policy.lexicon, text);
    let seen = Seen::of(policy, &mut message, text);
    let mut run = Run::default();
    let mut chosen = look(policy, (&message, text), &seen, &mut run, Some(tail));
    let again = tell_earlier(policy, (&message, text), &seen.hits, tail, &chosen);
    update(policy, tail, (&message, id), (&seen.hits, &chosen), &mut run, now_us);
    if again.iter().any(|again| again.class == Class::C3) {
        tail.answered();
    }

    let mut round = 1;
    let rounds = if policy.patterns.is_some() { PATTERN_ROUNDS_MAX } else { ROUNDS_MAX };
    while !chosen.is_empty() && round < rounds && deserves_another_look(policy, &mut message, &seen.hits, &chosen) {
        let seen = Seen::of(policy, &mut message, text);
        let more = look(policy, (&message, text), &seen, &mut run, None);
        if more.is_empty() {
            break;
        }
        chosen.extend(more);
        chosen.sort_unstable_by_key(|candidate| candidate.range.start);
        round += 1;
    }
    let spans = chosen.into_iter().filter_map(|candidate| span(policy, &message, candidate)).collect();
    Heard { spans: structured::settle(policy, text, spans), again }
}

/// What the chosen values, or the keyword of a message without one, tell of earlier messages.
fn tell_earlier(
    policy: &Policy,
    (message, text): (&Folded, &str),
    hits: &[Hit],
    tail: &Tail,
    chosen: &[Candidate],
) -> Vec<Again> {
    if chosen.is_empty() {
        let named = secrets::names_earlier(message, text, hits);
        return named.map_or_else(Vec::new, |named| earlier::named(policy, tail, &named));
    }
    chosen.iter().flat_map(|candidate| earlier::begun(policy, tail, candidate)).collect()
}

/// What stands in a message before numbers are looked for in it.
struct Seen {
    /// Addresses of machines and coins.
    addresses: Vec<Address>,
    /// Links, in order.
    links: Vec<Range<usize>>,
    /// Keywords, by their ends.
    hits: Vec<Hit>,
}

impl Seen {
    /// Looks for addresses, then blots what cannot hold a value, then finds the keywords.
    fn of(policy: &Policy, message: &mut Folded, text: &str) -> Self {
        let addresses = machines::find(message, text);
        let links = traps::blot(message, &policy.replacements);
        Self { addresses, links, hits: policy.lexicon.find(message) }
    }
}

/// Runs every recogniser once; with a tail, also over what earlier messages began.
fn look(
    policy: &Policy,
    (message, text): (&Folded, &str),
    seen: &Seen,
    run: &mut Run,
    tail: Option<&Tail>,
) -> Vec<Candidate> {
    let carried = tail.map_or(Cues::NONE, Tail::cues);
    let Seen { addresses, links, hits } = seen;
    let said = hits.iter().fold(carried, |said, hit| said.and(hit.cues));
    let mut scene =
        Scene { policy, message, text, hits, carried, said, links, has_card: false, candidates: Vec::new() };
    machines::propose(&mut scene, addresses);
    digits::find(&mut scene, run);
    if let Some(tail) = tail {
        continue_earlier(&mut scene, run, tail);
    }
    codes::find(&mut scene);
    ids::find(&mut scene);
    plates::find(&mut scene);
    email::find(&mut scene);
    secrets::find(&mut scene, run);
    handles::find(&mut scene, run);
    births::find(&mut scene);
    amounts::find(&mut scene);
    people::propose(&mut scene, text);
    patterns::find(&mut scene);
    resolve(scene.candidates)
}

/// Blots what was found, and says whether the rest could hold more: a value may hide in the shadow of its neighbour.
///
/// Masking a masked text changes nothing only because what a second masking would find is found at once.
fn deserves_another_look(policy: &Policy, message: &mut Folded, hits: &[Hit], chosen: &[Candidate]) -> bool {
    for candidate in chosen {
        message.blot(candidate.range.clone());
    }
    let digit_like = |&&symbol: &&u8| symbol::is_digit(symbol) || symbol::is_numeral(symbol);
    let words = Cues::of(Entity::Password).and(Cues::NAMED).and(Cues::WAKE);
    let has_word = || hits.iter().any(|hit| hit.cues.meets(words));
    policy.patterns.is_some()
        || message.symbols().iter().filter(digit_like).take(REST_DIGITS_MIN).count() == REST_DIGITS_MIN
        || message.symbols().contains(&b'@')
        || has_word()
}

/// Remembers the keywords that a message without values ended with; it is not folded, so that nothing is allocated.
fn remember_question(policy: &Policy, text: &str, tail: &mut Tail, now_us: i64) {
    let from = text.char_indices().rev().nth(QUESTION_WINDOW - 1).map_or(0, |(start, _)| start);
    let cues = policy.lexicon.question(text.get(from..).unwrap_or_default());
    if cues != Cues::NONE {
        tail.remember_cues(cues, now_us);
    }
}

fn span(policy: &Policy, message: &Folded, candidate: Candidate) -> Option<Span> {
    let rule = policy.rules().get(usize::from(candidate.rule))?;
    Some(Span {
        bytes: message.bytes(candidate.range),
        entity: candidate.entity,
        class: rule.class,
        rule: candidate.rule,
        confidence: candidate.confidence,
        word: candidate.word.map(|word| message.bytes(word)),
        canonical: candidate.canonical,
        earlier: candidate.earlier,
        is_quoted: false,
    })
}

/// Joins the digits that a message begins with to those that earlier ones ended with.
fn continue_earlier(scene: &mut Scene<'_>, run: &mut Run, tail: &Tail) {
    if tail.fragments().next().is_none() {
        return;
    }
    for start in 0..CONTINUATION_START_MAX.min(scene.message.len()) {
        run.begin_with(tail.fragments());
        if run.extend(scene.message, start) > start {
            digits::propose_all(scene, run);
            return;
        }
    }
}

/// Keeps the best candidates that do not overlap: the surer and longer one first.
fn resolve(candidates: Vec<Candidate>) -> Vec<Candidate> {
    if candidates.len() <= 1 {
        return candidates;
    }
    let mut candidates = without_loose(candidates);
    let score = |candidate: &Candidate| {
        let password = if candidate.entity == Entity::Password { PASSWORD_BONUS } else { 0 };
        let continued = if candidate.earlier > 0 && !candidate.loose { CONTINUED_BONUS } else { 0 };
        let bonus = password + continued;
        usize::from(candidate.confidence) + candidate.canonical.expose().len() + bonus
    };
    candidates
        .sort_by(|left, right| score(right).cmp(&score(left)).then_with(|| left.range.start.cmp(&right.range.start)));
    let mut chosen: BTreeMap<usize, Candidate> = BTreeMap::new();
    for candidate in candidates {
        let before = chosen.range(..candidate.range.end).next_back();
        if before.is_none_or(|(_, other)| other.range.end <= candidate.range.start) {
            chosen.insert(candidate.range.start, candidate);
        }
    }
    chosen.into_values().collect()
}

/// Drops what only looks like a number because a longer one happens to be grouped so: `6222 0213 8123 4567` holds no phone.
fn without_loose(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by_key(|candidate| (candidate.range.start, Reverse(candidate.range.end)));
    let mut around = 0..0;
    candidates.retain(|candidate| {
        let inside = candidate.range.end <= around.end && candidate.range != around;
        if candidate.range.end > around.end {
            around = candidate.range.clone();
        }
        !(inside && candidate.loose)
    });
    candidates
}

/// Remembers what the next message may complete, answer or name.
fn update(
    policy: &Policy,
    tail: &mut Tail,
    (message, id): (&Folded, MessageId),
    (hits, chosen): (&[Hit], &[Candidate]),
    run: &mut Run,
    now_us: i64,
) {
    match fragment(policy, message, hits, run, chosen) {
        Ending::Digits { goes_on, digits, bare } => {
            if !goes_on {
                tail.forget_digits();
            }
            tail.remember_digits(id, &digits, bare, now_us);
        }
        Ending::Other => tail.forget_digits(),
        Ending::Nothing => {}
    }
    let asked = message.len().saturating_sub(QUESTION_WINDOW);
    let answered = chosen.last().map_or(0, |last| last.range.end);
    let recent = hits.iter().filter(|hit| hit.end >= asked && hit.start >= answered);
    let cues = recent.fold(Cues::NONE, |cues, hit| cues.then(hit.cues));
    let has_digits = message.symbols().iter().any(|&symbol| symbol::is_digit(symbol));
    if cues != Cues::NONE || has_digits {
        tail.remember_cues(cues, now_us);
    }
}

/// How a message ends, as far as the next one may go on from it.
enum Ending {
    /// With digits; they may go on from those of earlier messages, and may be almost all of the message.
    Digits { goes_on: bool, digits: Zeroizing<Vec<u8>>, bare: bool },
    /// With something that no number goes on from.
    Other,
    /// With neither.
    Nothing,
}

fn fragment(policy: &Policy, message: &Folded, hits: &[Hit], run: &mut Run, chosen: &[Candidate]) -> Ending {
    let Some(last) = digits::last_at(message, TRAILING_MAX + 1) else {
        let has_digits = message.symbols().iter().any(|&symbol| symbol::is_digit(symbol));
        return if has_digits { Ending::Other } else { Ending::Nothing };
    };
    // `买138个` is a quantity, which nothing continues.
    if matches!(message.at(last + 1), symbol::UNIT | symbol::MONEY) {
        return Ending::Other;
    }
    let after = chosen.last().map_or(0, |span| span.range.end);
    if after <= last {
        let Some(place) = digits::ending_at(message, run, last, after) else { return Ending::Nothing };
        let digits = Zeroizing::new(run.values().to_vec());
        let bare = chosen.is_empty() && secrets::is_bare(message, hits, &place);
        return Ending::Digits { goes_on: place.start <= CONTINUATION_START_MAX, digits, bare };
    }
    // A whole number may be the beginning of a longer one. What is stored nowhere is not remembered either.
    match chosen.last() {
        Some(whole) if goes_on(policy, whole) => {
            // As they are written: a prefix that is no part of the value may be a part of the longer one.
            let place = digits::ending_at(message, run, last, whole.range.start);
            let goes_on = place.is_some_and(|place| place.start <= CONTINUATION_START_MAX);
            Ending::Digits { goes_on, digits: Zeroizing::new(run.values().to_vec()), bare: false }
        }
        Some(_) | None => Ending::Other,
    }
}

/// Whether a value could turn out to be a part of another: a number that needs no keyword, and is nothing but digits.
fn goes_on(policy: &Policy, value: &Candidate) -> bool {
    let is_number = matches!(
        value.entity,
        Entity::BankCard | Entity::IdCard | Entity::Mobile | Entity::Landline | Entity::CreditCode
    );
    let class = policy.rules().get(usize::from(value.rule)).map(|rule| rule.class);
    is_number && class != Some(Class::C3) && value.canonical.expose().bytes().all(|byte| byte.is_ascii_digit())
}
