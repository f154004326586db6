//! Measures the retail policy on generated messages: recall for every entity and disguise, and masks where none belong.
//!
//! The corpus is seeded, so a failure is the same everywhere. The floors are the project's goals for masking.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement stops at the first fault and prints")]

mod clean;
mod disguise;
mod random;
mod values;

use disguise::{DISGUISES, Disguise};
use liaowaiwai::domain::masking::{Entity, Policy, Tail, detect};
use random::Random;

const SAMPLES: usize = 400;
const CLEAN_MESSAGES: usize = 100_000;
/// Misses of which an example is shown.
const SHOWN: usize = 12;

/// Messages around a value that needs no keyword.
const NEUTRAL: &[&str] = &[
    "{}",
    "{}，谢谢",
    "您好，{}",
    "麻烦看一下{}是不是对的",
    "是{}，记一下",
    "it is {}",
    "here you go: {}",
    "{} thanks",
    "（{}）",
    "发给你了\n{}",
    "我的{}呢",
];

fn policy() -> Policy {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml");
    Policy::load(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn frames(entity: Entity) -> &'static [&'static str] {
    match entity {
        Entity::Cvv => {
            &["cvv是{}", "CVV2：{}", "安全码 {}", "卡背面三位数是{}", "my cvv is {}", "the security number: {}"]
        }
        Entity::Pin => &["取款密码是{}", "支付密码：{}", "my pin is {}", "ATM PIN: {}", "交易密码 {}"],
        Entity::Expiry => &["卡的有效期是{}", "信用卡有效期{}", "card valid thru {}", "visa, exp {}"],
        Entity::Password => {
            &["密码是{}", "登录密码：{}", "password: {}", "my password is {}", "pwd={}", "密码 {}，帮我登一下"]
        }
        Entity::OneTimeCode => &[
            "验证码是{}",
            "验证码：{}",
            "短信验证码 {}",
            "your verification code is {}",
            "OTP: {}",
            "动态码{}，五分钟内有效",
            "{}是我的验证码",
            "收到的验证码是{}，对吗",
            "the one-time password is {}",
        ],
        Entity::HkMacauPermit => &["回乡证{}", "港澳通行证号码是{}", "my home return permit is {}", "通行证：{}，谢谢"],
        Entity::TaiwanPermit => &["台胞证{}", "台胞证号码：{}", "往来台湾通行证 {}"],
        Entity::Passport => &["护照号{}", "我的护照是{}，有效", "passport number {}", "Passport: {}"],
        Entity::Swift => &["SWIFT code: {}", "swift代码是{}", "BIC {}", "银行代码：{}"],
        Entity::Mac => &["mac地址{}", "MAC address {}", "{}"],
        Entity::Imei => &["IMEI {}", "手机串号是{}", "imei: {}"],
        Entity::WeChat => &["微信号{}", "加我微信：{}", "my wechat id is {}", "vx {}", "微信是{}"],
        Entity::Qq => &["QQ{}", "我的qq号是{}", "扣扣：{}", "{}是我的QQ"],
        Entity::MacauId => &["澳门身份证{}", "macau id {}"],
        Entity::MyNric => &["ic number {}", "{}"],
        Entity::VnId => &["CCCD {}", "vietnamese id: {}"],
        Entity::JpMyNumber => &["my number is {}", "マイナンバー{}"],
        Entity::InAadhaar => &["aadhaar {}", "my Aadhaar number is {}"],
        Entity::InPan => &["PAN card {}", "pan number: {}"],
        Entity::UsSsn => &["SSN {}", "my social security number is {}", "{}"],
        Entity::CaSin => &["SIN {}", "social insurance number {}"],
        Entity::UkNhs => &["NHS number {}", "nhs no: {}"],
        Entity::FrNir => &["NIR {}", "insee {}"],
        Entity::DeTaxId => &["steuer-id {}", "tax id {}"],
        Entity::NlBsn => &["BSN {}", "my bsn is {}"],
        Entity::PlPesel => &["PESEL {}", "pesel: {}"],
        Entity::AuTfn => &["TFN {}", "tax file number {}"],
        _ => NEUTRAL,
    }
}

/// Says whether the corpus shows a value only beside its word: alone it could be anything.
fn has_frames(entity: Entity) -> bool {
    frames(entity) != NEUTRAL
}

/// Entities that the retail policy has a rule for.
fn entities() -> impl Iterator<Item = Entity> {
    Entity::ALL
        .into_iter()
        .filter(|entity| *entity != Entity::Custom && !Entity::ON_DEMAND.contains(entity) && !entity.is_recognised())
}

#[derive(Default)]
struct Score {
    found: usize,
    all: usize,
    strange: usize,
    misses: Vec<String>,
}

impl Score {
    /// Found values in 10,000.
    fn recall(&self) -> usize {
        self.found * 10_000 / self.all
    }

    fn add(&mut self, policy: &Policy, entity: Entity, frame: &str, value: &str) {
        let text = frame.replace("{}", value);
        let start = frame.find("{}").unwrap();
        let truth = start..start + value.len();
        let spans = detect(policy, &text, &mut Tail::empty(), 0);
        let covers = |bytes: &std::ops::Range<usize>| bytes.start <= truth.start && bytes.end >= truth.end;
        let found = spans.iter().any(|span| span.entity == entity && covers(&span.bytes));
        self.all += 1;
        self.found += usize::from(found);
        self.strange +=
            spans.iter().filter(|span| span.bytes.end <= truth.start || span.bytes.start >= truth.end).count();
        if !found {
            self.misses.push(text);
        }
    }

    fn assert(&self, name: &str, floor: usize) {
        let misses: Vec<_> = self.misses.iter().take(SHOWN).collect();
        println!(
            "{name}: recall {} in 10,000, {} of {}, {} strange",
            self.recall(),
            self.found,
            self.all,
            self.strange
        );
        println!("  {misses:?}");
        assert!(self.recall() >= floor, "{name}: {} < {floor}: {misses:#?}", self.recall());
        assert!(self.strange * 200 <= self.all, "{name}: {} masks outside the value", self.strange);
    }
}

#[test]
fn plain_values_that_need_no_keyword_are_found() {
    let (policy, mut random) = (policy(), Random::seeded(1));
    let mut total = Score::default();
    for entity in entities().filter(|&entity| !has_frames(entity)) {
        for _ in 0..SAMPLES {
            let value = values::value(entity, &mut random);
            total.add(&policy, entity, random.pick(NEUTRAL), &value);
        }
    }
    total.assert("plain", 9990);
}

#[test]
fn disguised_values_are_found() {
    let (policy, mut random) = (policy(), Random::seeded(2));
    for &disguise in DISGUISES {
        let mut score = Score::default();
        for entity in
            [Entity::IdCard, Entity::BankCard, Entity::Mobile, Entity::Landline, Entity::CreditCode, Entity::Iban]
        {
            let lettered = matches!(entity, Entity::CreditCode | Entity::Iban);
            let separated =
                matches!(disguise, Disguise::Groups(_) | Disguise::Each(_) | Disguise::Homoglyphs | Disguise::Mixed);
            if separated && (lettered || entity == Entity::Landline) {
                continue;
            }
            for _ in 0..SAMPLES / 4 {
                let value = disguise.write(&values::value(entity, &mut random), &mut random);
                score.add(&policy, entity, random.pick(NEUTRAL), &value);
            }
        }
        score.assert(&format!("{disguise:?}"), 9800);
    }
}

#[test]
fn values_beside_their_keyword_are_found() {
    let (policy, mut random) = (policy(), Random::seeded(3));
    for entity in entities().filter(|&entity| has_frames(entity)) {
        let mut score = Score::default();
        for _ in 0..SAMPLES {
            let value = values::value(entity, &mut random);
            score.add(&policy, entity, random.pick(frames(entity)), &value);
        }
        score.assert(entity.as_str(), 9700);
    }
}

#[test]
fn disguised_secrets_are_found() {
    let (policy, mut random) = (policy(), Random::seeded(4));
    for &disguise in DISGUISES.iter().filter(|disguise| !matches!(disguise, Disguise::Homoglyphs | Disguise::Groups(_)))
    {
        let mut score = Score::default();
        for entity in [Entity::Cvv, Entity::Pin, Entity::OneTimeCode] {
            for _ in 0..SAMPLES / 8 {
                let value = disguise.write(&values::value(entity, &mut random), &mut random);
                score.add(&policy, entity, random.pick(frames(entity)), &value);
            }
        }
        score.assert(&format!("secrets in {disguise:?}"), 9700);
    }
}

#[test]
fn cards_that_fail_luhn_are_found_beside_a_keyword() {
    let (policy, mut random) = (policy(), Random::seeded(5));
    let mut score = Score::default();
    for _ in 0..SAMPLES {
        let value = format!("6222{}", random.digits(15));
        score.add(&policy, Entity::BankCard, random.pick(&["卡号{}", "我的银行卡是{}", "card number {}"]), &value);
    }
    score.assert("cards without Luhn", 9900);
}

#[test]
fn numbers_told_over_two_messages_are_found() {
    let (policy, mut random) = (policy(), Random::seeded(6));
    let (mut found, mut all) = (0, 0);
    for entity in [Entity::Mobile, Entity::IdCard, Entity::BankCard] {
        for _ in 0..SAMPLES {
            let value = values::value(entity, &mut random);
            if value.len() == 15 {
                continue;
            }
            let cut = random.between(3, value.len() - 3);
            let mut tail = Tail::empty();
            detect(&policy, &format!("是{}", &value[..cut]), &mut tail, 0);
            let spans = detect(&policy, &value[cut..], &mut tail, 1_000_000);
            all += 1;
            found += usize::from(spans.iter().any(|span| span.entity == entity && span.completes_earlier()));
        }
    }
    assert!(found * 100 >= all * 98, "{found} of {all}");
}

mod slow {
    use super::*;

    #[test]
    fn clean_messages_stay_clean() {
        let (policy, mut random) = (policy(), Random::seeded(7));
        let mut masked = Vec::new();
        for _ in 0..CLEAN_MESSAGES {
            let text = clean::message(&mut random);
            let spans = detect(&policy, &text, &mut Tail::empty(), 0);
            if let Some(span) = spans.first() {
                masked.push(format!("{} in {text}", span.entity));
            }
        }
        println!("clean: {} of {CLEAN_MESSAGES} masked", masked.len());
        assert!(
            masked.len() * 10_000 <= CLEAN_MESSAGES,
            "{} masked: {:#?}",
            masked.len(),
            &masked[..masked.len().min(40)]
        );
    }
}
