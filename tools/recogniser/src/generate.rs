//! Writes sentences with known names: templates of many registers, filled with names that nobody bears and words of the
//! dictionary, and sentences that only look as if a name were in them.

use std::ops::Range;

use crate::dictionary::{Counts, Dictionary};
use crate::random::{Random, Weighted};

const TEMPLATES: &str = include_str!("../data/templates.txt");
const CLEAN: &str = include_str!("../data/clean.txt");
const TITLES: &str = include_str!("../data/titles.txt");
const AFTER: &str = include_str!("../data/after.txt");
/// Words of one character that hold sentences together.
const FUNCTION: &str = "的的的的的的了了了在在是是是和和也就都不不有对把被从到与为以将而但还又很更最要会能可让给向用等着过地得之其该此这那我你他她它们个\
    两几多上下中中里前后后内外大小新老请没去来说看做买用打时时玩开出入进回住吃喝走跑发收送拿放听写读卖换交付点查办找帮问答想爱怕忘记带穿戴生死长高低好坏多少早晚快慢每各某另再曾正只才刚便即却竟未无非已均共同跟随由于因如若虽或及并且则所者间处种类件条张台部场次位名家";
/// What follows the name of something that is no person.
const THINGS: &str = "公司 集团 银行 大学 医院 路 街 村 县 镇 乡 市 区 湖 山 河 江 桥 庙 寺 庄 店 氏 楼 府 饭店 酒店 小学 中学 牌 家具 酒 茶 股份 科技 证券 \
    基金 保险 地产 广场 大厦 花园 小区 站 机场 码头 大道 胡同 村民 人 队 家堡 家沟 家湾 家庄 家村 家屯 家桥 家店 家坡 家峪 沟 堡 湾 屯 坡 洼 坪 营 山庄 水库 岛 乡镇 派出所 法院 药业 食品 电器 汽车 手机 餐厅 超市 影院";
/// What follows a foreign word that is no person.
const FOREIGN_THINGS: &str = "州 市 港 岛 河 湾 队 俱乐部 公司 大学 国 省 人 语 系列 手机 型 战役 地区 海峡 半岛 大区 联赛 电器 汽车 酒店 集团 银行 牌 球场 机场 \
    王朝 帝国 群岛 山脉 湖 广场 大街 教堂 品牌 香水 手表 包 比赛 主场 客场 联队 球迷 总部 股价";

/// What follows a family name by itself, which is no name of anybody then.
const TITLED: &str = "先生 先生 先生 女士 女士 女士 小姐 小姐 太太 夫人 老师 经理 总 主任 医生 大夫 师傅 阿姨 叔叔 大哥 大姐 哥 姐 律师 教授 局长 队 工 导 董 \
    同学 某 某某 氏 家 姓 书记 教练 行长 院长 校长 警官 爷爷 奶奶 大妈 大爷 老板 总经理 董事长";

/// Names in which a character has to be that it is common there.
const GIVEN_COMMON: u64 = 60;

/// A sentence and the names in it, as bytes.
#[derive(Default)]
pub struct Sentence {
    /// The text.
    pub text: String,
    /// The names.
    pub names: Vec<Range<usize>>,
}

/// What sentences are made of.
pub struct Generator<'d> {
    templates: Vec<&'static str>,
    clean: Vec<&'static str>,
    titles: Vec<&'static str>,
    after: Vec<&'static str>,
    function: Vec<char>,
    things: Vec<&'static str>,
    foreign_things: Vec<&'static str>,
    words: Weighted<&'static str>,
    nouns: Weighted<&'static str>,
    verbs: Weighted<&'static str>,
    adjectives: Weighted<&'static str>,
    places: Weighted<&'static str>,
    singles: Weighted<char>,
    surnames: Weighted<char>,
    compound: &'d [&'static str],
    japanese: &'d [&'static str],
    titled: Vec<&'static str>,
    given: [Weighted<char>; 3],
    /// Words that are given names, too: 建国, 文学.
    given_words: Vec<&'static str>,
    sounds: [Weighted<char>; 3],
}

fn lines(text: &'static str) -> Vec<&'static str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

fn words(text: &'static str) -> Vec<&'static str> {
    lines(text).into_iter().flat_map(str::split_whitespace).collect()
}

/// Returns the words of two characters that are both common in names.
fn given_words(dictionary: &Dictionary) -> Vec<&'static str> {
    let common = |character: Option<char>, place: usize| {
        character
            .and_then(|character| dictionary.characters.get(&character))
            .is_some_and(|is| is.given[place] >= GIVEN_COMMON)
    };
    let words = dictionary.words.iter().map(|word| word.text).filter(|text| {
        let mut characters = text.chars();
        common(characters.next(), 1) && common(characters.next(), 2) && characters.next().is_none()
    });
    words.collect()
}

impl<'d> Generator<'d> {
    /// Prepares what is drawn from.
    pub fn new(dictionary: &'d Dictionary) -> Self {
        let drawn = |parts: &[&str]| {
            let wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| part.starts_with(wanted));
            let words = dictionary.words.iter().filter(|word| wanted(word.part));
            Weighted::new(words.map(|word| (word.count.isqrt(), word.text)))
        };
        let characters = |weight: &dyn Fn(&Counts) -> u64| {
            Weighted::new(dictionary.characters.iter().map(|(&character, is)| (weight(is), character)))
        };
        let given = |place: usize| {
            characters(&|is| if is.given.iter().sum::<u64>() > 2 { is.given[place] * 2 + 1 } else { is.given[place] })
        };
        let sound = |place: usize| characters(&|is| is.sound[place] * 2);
        Self {
            templates: lines(TEMPLATES),
            clean: lines(CLEAN),
            titles: words(TITLES),
            after: words(AFTER),
            function: FUNCTION.chars().collect(),
            things: THINGS.split_whitespace().collect(),
            foreign_things: FOREIGN_THINGS.split_whitespace().collect(),
            words: drawn(&[]),
            nouns: drawn(&["n"]),
            verbs: drawn(&["v"]),
            adjectives: drawn(&["a"]),
            places: drawn(&["ns"]),
            singles: characters(&|is| is.alone.isqrt()),
            surnames: Weighted::new(dictionary.surnames.iter().copied()),
            compound: &dictionary.compound,
            japanese: &dictionary.japanese,
            titled: TITLED.split_whitespace().collect(),
            given_words: given_words(dictionary),
            given: [given(0), given(1), given(2)],
            sounds: [sound(0), sound(1), sound(2)],
        }
    }

    /// Writes a sentence.
    pub fn sentence(&self, random: &mut Random) -> Sentence {
        let mut sentence = Sentence::default();
        let parts = 1 + random.below(2);
        for part in 0..parts {
            if part > 0 {
                sentence.text.push(random.pick(&['，', '。', '，', '；', ' ']));
            }
            match random.below(100) {
                0..60 => self.fill(random.pick(&self.templates), true, &mut sentence, random),
                60..76 => self.fill(random.pick(&self.templates), false, &mut sentence, random),
                76..88 => self.clause(&mut sentence.text, random),
                _ => self.fill(random.pick(&self.clean), false, &mut sentence, random),
            }
        }
        sentence
    }

    /// Fills a template; without `named`, what looks like a name is the name of a thing, or a word.
    fn fill(&self, template: &str, named: bool, sentence: &mut Sentence, random: &mut Random) {
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            sentence.text.push_str(before);
            let (slot, after) = after.split_once('}').unwrap_or(("", after));
            self.slot(slot, named, sentence, random);
            rest = after;
        }
        sentence.text.push_str(rest);
    }

    fn slot(&self, slot: &str, named: bool, sentence: &mut Sentence, random: &mut Random) {
        let text = &mut sentence.text;
        match slot {
            "P" | "F" | "N" if named => {
                let start = text.len();
                let foreign = slot == "F" || slot == "N" && random.percent(40);
                if foreign {
                    self.foreign(text, random);
                } else {
                    self.name(text, random);
                }
                sentence.names.push(start..sentence.text.len());
            }
            "P" | "F" | "N" => self.no_name(text, random),
            "x" => self.thing(text, random),
            "t" => text.push_str(random.pick(&self.titles)),
            "v" => text.push_str(random.pick(&self.after)),
            "s" => self.clause(text, random),
            "n" => text.push_str(self.nouns.draw(random)),
            "b" => text.push_str(self.verbs.draw(random)),
            "a" => text.push_str(self.adjectives.draw(random)),
            "l" => self.place(text, random),
            "o" => self.organisation(text, random),
            _ => text.push_str(&random.below(5000).to_string()),
        }
    }

    /// Some words.
    fn clause(&self, text: &mut String, random: &mut Random) {
        for _ in 0..=random.below(5) {
            match random.below(100) {
                0..62 => text.push_str(self.words.draw(random)),
                62..88 => text.push(random.pick(&self.function)),
                88..96 => text.push(*self.singles.draw(random)),
                96..98 => self.place(text, random),
                _ => self.organisation(text, random),
            }
        }
    }

    fn name(&self, text: &mut String, random: &mut Random) {
        let mut name = String::new();
        if random.percent(2) {
            name.push_str(random.pick(self.compound));
        } else {
            name.push(*self.surnames.draw(random));
        }
        if random.percent(22) {
            name.push(*self.given[0].draw(random));
        } else {
            match self.given_words.as_slice() {
                words if random.percent(12) => name.push_str(random.pick(words)),
                _ => name.extend([*self.given[1].draw(random), *self.given[2].draw(random)]),
            }
        }
        let between = if random.percent(2) { random.pick(&[" ", ".", "·"]) } else { "" };
        for (place, character) in name.chars().enumerate() {
            text.push_str(if place > 0 { between } else { "" });
            text.push(character);
        }
    }

    fn foreign(&self, text: &mut String, random: &mut Random) {
        if random.percent(15) {
            text.push_str(random.pick(self.japanese));
            text.push(*self.given[1].draw(random));
            if random.percent(70) {
                text.push_str(random.pick(&["", "", "", "一", "太", "次"]));
                text.push(if random.percent(50) {
                    *self.given[2].draw(random)
                } else {
                    random.pick(&['郎', '子', '美', '介', '夫', '雄', '树', '之', '助'])
                });
            }
            return;
        }
        let length = random.pick(&[2, 2, 3, 3, 3, 3, 4, 4, 4, 5, 5, 6]);
        self.sounds(length, text, random);
        if random.percent(12) {
            text.push('·');
            self.sounds(2 + random.below(4), text, random);
        }
    }

    fn sounds(&self, length: usize, text: &mut String, random: &mut Random) {
        text.push(*self.sounds[0].draw(random));
        for _ in 2..length {
            text.push(*self.sounds[1].draw(random));
        }
        text.push(*self.sounds[2].draw(random));
    }

    fn no_name(&self, text: &mut String, random: &mut Random) {
        match random.below(10) {
            0..2 => self.place(text, random),
            2..4 => self.organisation(text, random),
            4 => {
                text.push_str(random.pick(&["", "", "小", "老"]));
                text.push(*self.surnames.draw(random));
                text.push_str(random.pick(&self.titled));
            }
            5..7 => text.push_str(self.nouns.draw(random)),
            _ => text.push_str(self.words.draw(random)),
        }
    }

    /// What stands between marks of a title: the name of a work, which may look like anything.
    fn thing(&self, text: &mut String, random: &mut Random) {
        match random.below(6) {
            0 => self.sounds(2 + random.below(4), text, random),
            1 => self.name(text, random),
            2 => self.clause(text, random),
            _ => self.no_name(text, random),
        }
        text.push_str(random.pick(&[
            "",
            "",
            "",
            "传",
            "传奇",
            "之战",
            "2",
            "3",
            "物语",
            "演义",
            "的故事",
            "世界",
            "日记",
            "列传",
            "OL",
        ]));
    }

    fn place(&self, text: &mut String, random: &mut Random) {
        match random.below(20) {
            0..16 => text.push_str(self.places.draw(random)),
            16 => {
                self.sounds(2 + random.below(3), text, random);
                text.push_str(random.pick(&self.foreign_things));
            }
            _ => {
                self.name(text, random);
                text.push_str(random.pick(&self.things));
            }
        }
    }

    fn organisation(&self, text: &mut String, random: &mut Random) {
        match random.below(20) {
            0..8 => {
                self.place(text, random);
                text.push_str(self.nouns.draw(random));
            }
            8 => {
                self.sounds(2 + random.below(3), text, random);
                text.push_str(random.pick(&self.foreign_things));
            }
            9..12 => {
                self.name(text, random);
                text.push_str(random.pick(&self.things));
            }
            _ => text.push_str(self.nouns.draw(random)),
        }
        if random.percent(50) {
            text.push_str(random.pick(&self.things));
        }
    }
}
