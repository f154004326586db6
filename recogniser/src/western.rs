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
    strong stone summers swift taylor temple terry travis turner union vance wall walls ward waters webb west wheeler wilder wise woods worth yang yin van der german roman florence lourdes sandy ruby amber jade daisy poppy holly ivy violet lily crystal penny \
    dale glen heath clay cliff pat sue gene basil ginger jasmine opal melody destiny harmony mercedes dolores milagros esperanza guadalupe domingo kai max ole iris erica";

/// Words that are never a part of a name, however they are written.
pub const NEVER: &str = "dear hello hi hey thanks thank regards sincerely please sorry the this that these those there here what when where why how who which customer \
    service support team bank card account order visa mastercard unionpay amex paypal apple google microsoft amazon android iphone samsung monday tuesday wednesday \
    thursday friday saturday sunday january february march july september october november december street road avenue lane drive boulevard court square \
    mr mrs ms miss dr prof sir madam mister and or but if so because very really still not yes no ok okay good bad best new old great happy angry sure afraid \
    calling writing trying waiting looking unable still just again also been have has had was were am is are do does did can could would should will my your our \
    their his her its from to for with by at on in of a an it we you they he she i me us them";

/// Words written small between the parts of a name.
const PARTICLES: &[&str] =
    &["van", "von", "de", "der", "den", "del", "della", "di", "da", "dos", "du", "la", "le", "bin", "al", "zu"];
/// How many family names end, in languages whose names no list holds.
const FAMILY_ENDS: &[&str] = &[
    "mann", "berg", "stein", "bach", "feld", "bauer", "meier", "meyer", "mayer", "schmidt", "hofer", "dorf", "wald",
    "hardt", "wicz", "wski", "wska", "nski", "nska", "ski", "sky", "czyk", "sson", "nson", "lson", "dson", "strom",
    "qvist", "gaard", "rez", "guez", "dez", "nez", "mez", "elli", "etti", "ucci", "acci", "ardi", "ovic", "evic",
    "enko", "chuk", "opoulos", "idis", "akis", "oglu", "yan", "ova", "eva", "kov", "nov", "rov", "lov", "chev", "adze",
    "eaux", "oux", "inho", "eira",
];
/// Fewest letters of such a name.
const FAMILY_ENDING_LEN_MIN: usize = 6;
/// Chinese words whose value is a name, and words that a name follows now and then.
const CHINESE_ROLES: &[&str] = &[
    "我叫",
    "名叫",
    "叫做",
    "姓名",
    "名字",
    "户名",
    "英文名",
    "全名",
    "收件人",
    "收货人",
    "收款人",
    "付款人",
    "寄件人",
    "联系人",
    "持卡人",
    "申请人",
    "投保人",
    "被保险人",
    "受益人",
    "乘客",
    "旅客",
    "乘机人",
    "入住人",
    "经办人",
    "署名",
    "抬头",
    "尊敬的",
    "亲爱的",
    "我是",
    "本人",
];
/// The latter.
const CHINESE_HINTS: &[&str] = &[
    "叫", "找", "转给", "寄给", "交给", "联系", "客服", "经理", "同事", "朋友", "老板", "老公", "老婆", "先生", "太太",
    "儿子", "女儿", "老师", "导演", "主演", "演员", "歌手", "作者", "记者", "球员", "总监", "总裁", "顾问", "专员",
    "感谢", "谢谢", "让", "请", "跟", "和",
];
/// Chinese titles after a name.
const CHINESE_TITLES: &[&str] = &["先生", "女士", "小姐", "太太", "老师", "经理", "教授", "医生", "律师", "同学"];
/// Most bytes before a word that are looked at.
const CHINESE_REACH: usize = 24;

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
        let (full, everyday) = match (Self::has(&self.given, word), Self::has(&self.family, word), last) {
            (true, _, false) => (40, 25),
            (_, true, true) => (35, 20),
            (true, false, true) | (false, true, false) => (25, 12),
            (false, false, _) if word.shape == Shape::Lower => (0, 0),
            (false, false, _) => (if ends_as_family(word) { 30 } else { 8 }, 8),
        };
        if Self::has(&self.everyday, word) { everyday } else { full }
    }

    /// How much the words of a name say for it.
    fn weigh(&self, words: &[Word]) -> u8 {
        match words {
            [one] if !Self::has(&self.given, one) && !Self::has(&self.family, one) => {
                if one.shape == Shape::Lower {
                    0
                } else {
                    8
                }
            }
            [one] => self.weight(one, false).max(self.weight(one, true)),
            [one, two] if is_pinyin_name(self, one, two) => 62,
            [one, .., last] => {
                let (first, end) = (self.weight(one, false), self.weight(last, true));
                // After a given name, what is written as a name is one.
                let follows = first >= 40 && last.shape != Shape::Lower && last.text().len() > 1;
                first + if follows { end.max(20) } else { end }
            }
            [] => 0,
        }
    }
}

/// Says whether a word ends as family names do.
fn ends_as_family(word: &Word) -> bool {
    let text = word.text();
    text.len() >= FAMILY_ENDING_LEN_MIN && FAMILY_ENDS.iter().any(|end| text.ends_with(end))
}

/// Finds the names among the words of a stretch.
pub fn find(names: &Names, text: &str, words: &[Word], mut found: impl FnMut(Western)) {
    let mut at = 0;
    while at < words.len() {
        let chinese = if at == 0 { chinese_before(text, words) } else { 0 };
        let Some((end, confidence)) = name_at(names, text, words, at, chinese) else {
            at += 1;
            continue;
        };
        found(Western { bytes: latin::bytes(words, at, end), confidence });
        at = end;
    }
}

/// Returns where the name that begins at a word ends, and how sure it is.
fn name_at(names: &Names, text: &str, words: &[Word], at: usize, chinese: u8) -> Option<(usize, u8)> {
    let first = words.get(at)?;
    let announced = announced(words, at).max(chinese);
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
        let spaced = |at: usize| words.get(at).filter(|word| matches!(word.before, Before::Space | Before::Dot));
        let particle = |word: &Word| word.shape == Shape::Lower && word.is_one_of(PARTICLES);
        // `van der Zanden`, `J. Smith`.
        let two = particle(word) && spaced(end + 1).is_some_and(particle);
        let inner = 1 + usize::from(two);
        let is_inner = (word.shape == Shape::Initial || particle(word))
            && spaced(end + inner).is_some_and(|next| next.is_capital() && !names.is_never(next));
        let even = (first.shape == Shape::Lower) == (word.shape == Shape::Lower);
        if !joined || !is_inner && (names.is_never(word) || !written(word) || !even) {
            break;
        }
        end += if is_inner { 1 + inner } else { 1 };
    }
    // What follows a given and a family name is no third one: `Maria Garcia Premium`.
    while let [_, .., before, last] = words.get(at..end)?
        && end - at > 2
        && names.weight(last, true) <= 8
        && names.weight(before, true) >= 30
    {
        end -= 1;
    }
    let all = words.get(at..end)?;
    let titled = if end == words.len() && is_titled(text, all) { 45 } else { 0 };
    let caps = all.iter().all(|word| word.shape == Shape::Caps) && announced == 0;
    let confidence = (names.weigh(all) + announced.max(titled)).min(95).saturating_sub(if caps { 20 } else { 0 });
    (confidence >= NAME_MIN).then_some((end, confidence))
}

/// How much the Chinese before a stretch announces a name.
fn chinese_before(text: &str, words: &[Word]) -> u8 {
    let Some(first) = words.first() else { return 0 };
    let from = text.floor_char_boundary(first.start.saturating_sub(CHINESE_REACH));
    let before = text.get(from..first.start).unwrap_or_default();
    let before = before.trim_end_matches([' ', ':', '：', '“', '"', '「', '是']);
    let ends = |words: &[&str]| words.iter().any(|word| before.ends_with(word));
    match (ends(CHINESE_ROLES), ends(CHINESE_HINTS)) {
        (true, _) => 55,
        (false, true) => 25,
        (false, false) => 0,
    }
}

/// Says whether a Chinese title follows the last of the words.
fn is_titled(text: &str, words: &[Word]) -> bool {
    let after = words.last().and_then(|last| text.get(last.end..)).unwrap_or_default().trim_start_matches(' ');
    CHINESE_TITLES.iter().any(|title| after.starts_with(title))
}

/// How much what is before a word announces a name.
fn announced(words: &[Word], at: usize) -> u8 {
    let Some(word) = words.get(at) else { return 0 };
    let back = |distance: usize| at.checked_sub(distance).and_then(|place| words.get(place));
    let Some(before) = back(1) else { return 0 };
    let is = |word: Option<&Word>, text: &str| word.is_some_and(|word| word.text() == text);
    match word.before {
        Before::Space | Before::Colon | Before::Dot if before.is_one_of(TITLES) => 60,
        Before::Colon if before.is_one_of(ROLES) => 55,
        Before::Space | Before::Comma if before.is_one_of(ROLES) => 50,
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
