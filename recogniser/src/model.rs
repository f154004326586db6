//! What training leaves: characters with what they can be, a table of words, and the weights of features; read from one file.
//!
//! It deliberately does not know text or names. Everything is an integer, so that training and recognising give the same
//! result on every machine. The layout is: magic, then characters, words and weights, each behind its length as four bytes,
//! big-endian. Costs are eighths of a bit: what is likely is cheap.

/// Marks the file and its layout.
pub const MAGIC: &[u8; 4] = b"LWN1";
/// First ideograph that has an entry.
pub const IDEOGRAPHS_FIRST: u16 = 0x4E00;
/// Last ideograph that has an entry.
pub const IDEOGRAPHS_LAST: u16 = 0x9FFF;
/// Slots for words; a power of two.
pub const WORD_SLOTS: usize = 1 << 17;
/// Slots for weights; a power of two.
pub const WEIGHT_SLOTS: usize = 1 << 18;
/// Bytes of one character in the file.
pub const CHARACTER_BYTES: usize = 10;
/// Cost of an ideograph that nothing is known of.
pub const COST_UNKNOWN: u8 = 190;
/// Longest word in ideographs.
pub const WORD_LEN_MAX: usize = 6;
/// Longest word that does not sound foreign.
pub const WORD_LEN_USUAL: usize = 4;
/// Cost of the most common word; costs of words are kept in steps from there.
pub const WORD_COST_MIN: i32 = 40;
/// Eighths of a bit in a step.
pub const WORD_COST_STEP: i32 = 5;
/// Bits of a slot that hold the step.
pub const STEP_BITS: u32 = 5;

const IDEOGRAPHS: usize = (IDEOGRAPHS_LAST - IDEOGRAPHS_FIRST) as usize + 1;

/// Chinese family names of two ideographs.
pub const COMPOUND: [&str; 24] = [
    "欧阳", "司马", "上官", "诸葛", "慕容", "司徒", "夏侯", "皇甫", "尉迟", "公孙", "令狐", "宇文", "长孙", "南宫",
    "独孤", "端木", "轩辕", "申屠", "赫连", "西门", "呼延", "拓跋", "澹台", "东方",
];
/// Japanese ones, as they are written in Chinese.
pub const JAPANESE: [&str; 126] = [
    "三岛", "三浦", "上杉", "上田", "上野", "东条", "东野", "中岛", "中曾", "中村", "中森", "中田", "丰臣", "二宫",
    "井上", "仓木", "伊藤", "伊达", "佐藤", "佐野", "内田", "冈村", "冈田", "前田", "加山", "加藤", "北野", "原田",
    "反町", "吉田", "后藤", "和田", "土肥", "坂本", "夏目", "大冢", "大塚", "大江", "大野", "太宰", "宇野", "安倍",
    "宫崎", "宫本", "小岛", "小林", "小泉", "小泽", "小渊", "小野", "山下", "山口", "山本", "山田", "岛田", "岩崎",
    "川端", "市川", "德川", "斋藤", "新垣", "木下", "木村", "本田", "村上", "村山", "松下", "松井", "松岛", "松本",
    "柴田", "桥本", "森田", "樱井", "武田", "水谷", "河野", "浅田", "海部", "深田", "渡边", "渡部", "滨崎", "犬养",
    "田中", "相叶", "真田", "石原", "石川", "石田", "福原", "福山", "福田", "竹下", "竹内", "织田", "绫濑", "羽生",
    "芥川", "苍井", "菅原", "菊地", "藤原", "藤田", "西村", "谷崎", "赤西", "近藤", "远藤", "酒井", "野口", "野村",
    "金城", "金子", "铃木", "长泽", "青木", "饭岛", "香川", "高桥", "鸠山", "鹿野", "麻生", "黑泽", "齐藤", "龟梨",
];

/// What an ideograph can be. A cost of zero says that it can't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Character {
    /// Itself, or the simplified form of a traditional one.
    pub simplified: u16,
    /// As a family name.
    pub surname: u8,
    /// As the first of two given ones.
    pub given_first: u8,
    /// As the last of two given ones.
    pub given_last: u8,
    /// As the only given one.
    pub given_only: u8,
    /// In a foreign name that is written by its sound.
    pub sound: u8,
    /// As a word by itself.
    pub alone: u8,
    /// Whether a family name of two ideographs may begin with it; this is not in the file.
    pub leads: bool,
}

impl Character {
    const UNKNOWN: Self = Self {
        simplified: 0,
        surname: 0,
        given_first: 0,
        given_last: 0,
        given_only: 0,
        sound: 0,
        alone: COST_UNKNOWN,
        leads: false,
    };
}

/// The file is not one that this program can use.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

/// The trained model.
pub struct Model {
    /// Family names of two ideographs, ordered, each with whether it is a Japanese one.
    pairs: Vec<([u16; 2], bool)>,
    characters: Box<[Character]>,
    words: Box<[u16]>,
    weights: Box<[i8]>,
}

impl Model {
    /// Reads a model.
    ///
    /// # Errors
    /// Refuses what is cut off, too long or of another layout.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Malformed)?;
        let mut section = || {
            let (length, after) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_too_long| Malformed)?;
            let (content, after) = after.split_at_checked(length).ok_or(Malformed)?;
            rest = after;
            Ok(content)
        };
        let (characters, words, weights) = (section()?, section()?, section()?);
        if !rest.is_empty() || words.len() != WORD_SLOTS * 2 || weights.len() != WEIGHT_SLOTS {
            return Err(Malformed);
        }
        Ok(Self {
            pairs: pairs(),
            characters: table(characters)?,
            words: words.as_chunks().0.iter().copied().map(u16::from_be_bytes).collect(),
            weights: weights.iter().map(|byte| byte.cast_signed()).collect(),
        })
    }

    /// Returns what an ideograph can be.
    #[inline]
    pub fn character(&self, ideograph: u16) -> &Character {
        const UNKNOWN: Character = Character::UNKNOWN;
        let place = usize::from(ideograph.wrapping_sub(IDEOGRAPHS_FIRST));
        self.characters.get(place).unwrap_or(&UNKNOWN)
    }

    /// Returns the cost of a word of two to four ideographs by its hash; `None` when it is none.
    #[inline]
    pub fn word(&self, hash: u32) -> Option<i32> {
        let (mut slot, mark) = place_of(hash);
        loop {
            let entry = *self.words.get(slot)?;
            if entry == 0 {
                return None;
            }
            if entry >> STEP_BITS == mark {
                return Some(WORD_COST_MIN + i32::from(entry & ((1 << STEP_BITS) - 1)) * WORD_COST_STEP);
            }
            slot = (slot + 1) & (WORD_SLOTS - 1);
        }
    }

    /// Says whether two ideographs are a family name, and then whether it is a Japanese one.
    pub fn pair(&self, ideographs: [u16; 2]) -> Option<bool> {
        let place = self.pairs.binary_search_by_key(&ideographs, |(pair, _)| *pair).ok()?;
        self.pairs.get(place).map(|(_, japanese)| *japanese)
    }

    /// Returns the weight of a feature.
    #[inline]
    pub fn weight(&self, slot: u32) -> i32 {
        i32::from(self.weights.get(slot as usize).copied().unwrap_or_default())
    }
}

fn pairs() -> Vec<([u16; 2], bool)> {
    let code = |character: Option<char>| character.and_then(|character| u16::try_from(u32::from(character)).ok());
    let pair = |name: &str| {
        let mut characters = name.chars();
        Some([code(characters.next())?, code(characters.next())?])
    };
    let all = COMPOUND.iter().map(|name| (name, false)).chain(JAPANESE.iter().map(|name| (name, true)));
    let mut pairs: Vec<([u16; 2], bool)> = all.filter_map(|(name, japanese)| Some((pair(name)?, japanese))).collect();
    pairs.sort_unstable();
    pairs.dedup_by_key(|(pair, _)| *pair);
    pairs
}

/// Adds an ideograph to the hash of a word, which begins as zero.
#[inline]
pub const fn hash_on(hash: u32, ideograph: u16) -> u32 {
    (hash ^ ideograph as u32).wrapping_add(0x9E37_79B9).wrapping_mul(0x85EB_CA6B).rotate_left(13)
}

/// Returns the first slot of a word and what marks it there. A mark is never zero, so that no entry is.
pub const fn place_of(hash: u32) -> (usize, u16) {
    let mixed = hash.wrapping_mul(0xC2B2_AE35);
    ((mixed >> 15) as usize & (WORD_SLOTS - 1), ((mixed & 0x7FF) as u16) | 1)
}

fn table(bytes: &[u8]) -> Result<Box<[Character]>, Malformed> {
    let mut characters = vec![Character::UNKNOWN; IDEOGRAPHS].into_boxed_slice();
    for (place, ideograph) in (IDEOGRAPHS_FIRST..=IDEOGRAPHS_LAST).enumerate() {
        if let Some(character) = characters.get_mut(place) {
            character.simplified = ideograph;
        }
    }
    let (entries, rest) = bytes.as_chunks::<CHARACTER_BYTES>();
    for &[high, low, simple_high, simple_low, surname, given_first, given_last, given_only, sound, alone] in entries {
        let place = u16::from_be_bytes([high, low]).checked_sub(IDEOGRAPHS_FIRST).ok_or(Malformed)?;
        let simplified = u16::from_be_bytes([simple_high, simple_low]);
        let slot = characters.get_mut(usize::from(place)).ok_or(Malformed)?;
        let leads = COMPOUND
            .iter()
            .chain(&JAPANESE)
            .any(|name| name.starts_with(|first| u32::from(first) == u32::from(simplified)));
        *slot = Character { simplified, surname, given_first, given_last, given_only, sound, alone, leads };
    }
    if rest.is_empty() { Ok(characters) } else { Err(Malformed) }
}
