//! Names in Latin letters: words of the lists, and what is said before them.
//!
//! A word that is also an everyday one counts half; written small, only what is announced counts.

use core::ops::Range;

use super::latin::{self, Before, Shape, Word};

/// Given names, by spaces.
pub const GIVEN: &str = include_str!("given.txt");
/// Family names, by spaces.
pub const FAMILY: &str = include_str!("family.txt");
/// Percent from which on words are a name.
const NAME_MIN: u8 = 60;
/// Most words of a name.
const WORDS_MAX: usize = 4;

/// Everyday words among the names, and words that begin sentences or follow a greeting.
pub const EVERYDAY: &str = "will may april june august mark grant rose hope joy grace faith summer autumn dawn bill frank art drew chase rich sky angel star jordan chelsea \
    paris london austin dallas madison virginia georgia carolina washington lincoln price banks bank cook baker young long king white black brown green day best \
    love wise small little good page case cash charge church hill wood stone park street card check he she so you an do can in on at to is it we my no yes all any \
    ok the and but for not are was his her our may sun song wan he long ma fan she you wei ren gong han tan shi chang bay west north south east lane rice fields \
    english french holland ireland israel china chin booth bush fox wolf bird fish bell ball bond brook carpenter carter chambers cross dean duke farmer fisher forest \
    frost gates gentry glass golden hand hardy hunt hunter hall house knight lamb law light lord major marsh mason may miles mills moon moore noble oak olive pace \
    parker pearl piper pitts poole pope porter powers price quick ray reed rich ring rivers rock rush sharp shepherd short skinner snow sparks spears steel stokes \
    strong stone summers swift taylor temple terry travis turner union vance wall walls ward waters webb west wheeler wilder wise woods worth yang yin van der";

/// Words that are never a part of a name, however they are written.
pub const NEVER: &str = "dear hello hi hey thanks thank regards sincerely please sorry the this that these those there here what when where why how who which customer \
    service support team bank card account order visa mastercard unionpay amex paypal apple google microsoft amazon android iphone samsung monday tuesday wednesday \
    thursday friday saturday sunday january february march july september october november december street road avenue lane drive boulevard court square \
    mr mrs ms miss dr prof sir madam mister and or but if so because very really still not yes no ok okay good bad best new old great happy angry sure afraid \
    calling writing trying waiting looking unable still just again also been have has had was were am is are do does did can could would should will my your our \
    their his her its from to for with by at on in of a an it we you they he she i me us them";

/// Titles: what follows is a name.
const TITLES: &[&str] = &["mr", "mrs", "ms", "miss", "dr", "prof", "professor", "sir", "madam", "mister", "mx"];
/// Words of roles and forms whose value is a name.
const ROLES: &[&str] = &[
    "name",
    "cardholder",
    "holder",
    "payee",
    "beneficiary",
    "recipient",
    "attn",
    "attention",
    "signed",
    "called",
    "named",
    "dear",
    "regards",
    "sincerely",
    "payer",
    "sender",
    "consignee",
    "faithfully",
    "fullname",
    "surname",
];
/// Words that a name follows now and then.
const HINTS: &[&str] = &[
    "hi",
    "hello",
    "hey",
    "from",
    "by",
    "with",
    "to",
    "for",
    "contact",
    "manager",
    "agent",
    "customer",
    "client",
    "thanks",
    "and",
    "ask",
    "told",
    "cheers",
    "husband",
    "wife",
    "son",
    "daughter",
    "mother",
    "father",
    "brother",
    "sister",
    "friend",
    "colleague",
    "boss",
    "ceo",
];

/// A name: its bytes, and how sure it is, in percent.
pub struct Western {
    /// Bytes of the text.
    pub bytes: Range<usize>,
    /// Percent.
    pub confidence: u8,
}

/// The lists, each in order.
pub struct Names {
    given: Vec<&'static str>,
    family: Vec<&'static str>,
    everyday: Vec<&'static str>,
    never: Vec<&'static str>,
}

impl Names {
    /// Reads the lists.
    pub fn new() -> Self {
        let list = |text: &'static str| {
            let lines = text.lines().filter(|line| !line.starts_with('#'));
            let mut words: Vec<&'static str> = lines.flat_map(str::split_whitespace).collect();
            words.sort_unstable();
            words.dedup();
            words
        };
        Self { given: list(GIVEN), family: list(FAMILY), everyday: list(EVERYDAY), never: list(NEVER) }
    }

    fn has(list: &[&'static str], word: &Word) -> bool {
        list.binary_search(&word.text()).is_ok()
    }

    fn is_never(&self, word: &Word) -> bool {
        Self::has(&self.never, word)
    }

    /// How much a word says for a name, as its first or its last.
    fn weight(&self, word: &Word, last: bool) -> u8 {
        let full = match (Self::has(&self.given, word), Self::has(&self.family, word), last) {
            (true, _, false) => 40,
            (_, true, true) => 35,
            (true, false, true) | (false, true, false) => 25,
            (false, false, _) => return if word.shape == Shape::Lower { 0 } else { 8 },
        };
        if Self::has(&self.everyday, word) { full / 2 } else { full }
    }
}

/// Finds the names among the words of a stretch.
pub fn find(names: &Names, words: &[Word], mut found: impl FnMut(Western)) {
    let mut at = 0;
    while at < words.len() {
        let Some((end, confidence)) = name_at(names, words, at) else {
            at += 1;
            continue;
        };
        found(Western { bytes: latin::bytes(words, at, end), confidence });
        at = end;
    }
}

/// Returns where the name that begins at a word ends, and how sure it is.
fn name_at(names: &Names, words: &[Word], at: usize) -> Option<(usize, u8)> {
    let first = words.get(at)?;
    let announced = announced(words, at);
    let written = |word: &Word| match word.shape {
        Shape::Capital | Shape::Caps => true,
        Shape::Lower => announced >= 45 && names.weight(word, false).max(names.weight(word, true)) >= 25,
        Shape::Initial | Shape::Number | Shape::Other => false,
    };
    if !written(first) || names.is_never(first) {
        return None;
    }
    let mut end = at + 1;
    while let Some(word) = words.get(end).filter(|_| end - at < WORDS_MAX) {
        let joined = match word.before {
            Before::Space => true,
            Before::Dot => words.get(end - 1).is_some_and(|before| before.shape == Shape::Initial),
            Before::Comma | Before::Colon | Before::Start | Before::Break => false,
        };
        let initial = word.shape == Shape::Initial && words.get(end + 1).is_some_and(&written);
        if !joined
            || names.is_never(word)
            || !(initial || written(word))
            || (first.shape == Shape::Lower) != (word.shape == Shape::Lower)
        {
            break;
        }
        end += 1;
    }
    let all = words.get(at..end)?;
    let own = match all {
        [one] => names.weight(one, false).max(names.weight(one, true)),
        [one, two] if is_pinyin_name(names, one, two) => 62,
        [one, .., last] => names.weight(one, false) + names.weight(last, true),
        [] => 0,
    };
    let caps = all.iter().all(|word| word.shape == Shape::Caps) && announced == 0;
    let confidence = (own + announced).min(95).saturating_sub(if caps { 20 } else { 0 });
    (confidence >= NAME_MIN).then_some((end, confidence))
}

/// How much what is before a word announces a name.
fn announced(words: &[Word], at: usize) -> u8 {
    let Some(word) = words.get(at) else { return 0 };
    let back = |distance: usize| at.checked_sub(distance).and_then(|place| words.get(place));
    let Some(before) = back(1) else { return 0 };
    let is = |word: Option<&Word>, text: &str| word.is_some_and(|word| word.text() == text);
    match word.before {
        Before::Space | Before::Colon | Before::Dot if before.is_one_of(TITLES) => 60,
        Before::Space | Before::Colon | Before::Comma if before.is_one_of(ROLES) => 50,
        Before::Break if before.is_one_of(&["regards", "sincerely", "faithfully", "cheers", "thanks"]) => 45,
        Before::Space
            if is(Some(before), "is") && (is(back(2), "this") || back(2).is_some_and(|word| word.is_one_of(ROLES))) =>
        {
            50
        }
        Before::Space if is(Some(before), "am") && is(back(2), "i") => 45,
        Before::Space if is(Some(before), "im") || is(Some(before), "names") => 45,
        Before::Space | Before::Comma if before.is_one_of(HINTS) => 25,
        Before::Space | Before::Dot | Before::Comma | Before::Colon | Before::Start | Before::Break => 0,
    }
}

/// `Zhang San`, `Li Xiaoming`, and the other way round.
fn is_pinyin_name(names: &Names, one: &Word, two: &Word) -> bool {
    let family = |word: &Word| Names::has(&names.family, word) && syllables(word.text()) == Some(1);
    let given = |word: &Word| matches!(syllables(word.text()), Some(1 | 2));
    let everyday = |word: &Word| Names::has(&names.everyday, word);
    (family(one) && given(two) || given(one) && family(two)) && !everyday(one) && !everyday(two)
}

/// Counts the syllables of Hanyu Pinyin that a word is made of.
fn syllables(word: &str) -> Option<usize> {
    const INITIALS: [&str; 23] = [
        "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "r", "z", "c", "s",
        "y", "w",
    ];
    const FINALS: [&str; 33] = [
        "iang", "iong", "uang", "ang", "eng", "ing", "ong", "ian", "iao", "uai", "uan", "ai", "an", "ao", "ei", "en",
        "er", "ia", "ie", "in", "iu", "ou", "ua", "ui", "un", "uo", "ue", "a", "e", "i", "o", "u", "v",
    ];
    let (mut rest, mut count) = (word, 0);
    while !rest.is_empty() {
        let after = INITIALS.iter().find_map(|initial| rest.strip_prefix(initial))?;
        rest = FINALS.iter().find_map(|end| after.strip_prefix(end))?;
        count += 1;
    }
    (count > 0).then_some(count)
}
