//! Measures the masking core on one core, against what its work cannot be faster than and what a naive masker does.
//!
//! Messages of about 135 bytes, 10 % of them sensitive, disguised ones among them; three measurements in one run, so that
//! their ratios hold whatever the machine does: the plain walk over the characters with one table look-up each (the
//! limit), detection by the retail policy, and a `RegexSet` of the obvious patterns with a search on each hit.

#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]
#![expect(clippy::unwrap_used, reason = "a benchmark stops at the first fault")]

use std::hint::black_box;
use std::time::Instant;

use liaowaiwai::domain::masking::{Policy, Tail, Tokens, View, apply, detect};
use regex::{Regex, RegexSet};

const MESSAGES: u32 = 10_000;
const ROUNDS: usize = 40;
const SENSITIVE_EACH: usize = 10;

const CLEAN: &[&str] = &[
    "您好，我想咨询一下信用卡分期的手续费怎么算，三十六个月和二十四个月有什么区别，另外提前还款的话手续费会退吗？谢谢",
    "The refund for my last purchase has not arrived yet, could you please check what happened and tell me how long it usually takes to arrive?",
    "昨天在商场买的那件衣服想退货，可是店员说超过七天就不能退了，你们的规则到底是怎么样的？请给我一个明确的答复",
    "我的订单号是20241122130501234567，已经付款三天了还没有发货，请帮我查一下物流情况，麻烦尽快处理一下好吗，谢谢客服",
    "打了好几次客服热线95588都是忙音，等了20分钟才接通，金额是¥1288.50，到底什么时候可以到账？服务态度也太差了吧",
    "一心一意想办这个业务，第一次来就让我排了两个小时的队，网点的工作人员五点就下班了，请问周末还能不能办理呢？",
    "ok thanks, I will try it again tomorrow morning and let you know whether the app still shows the same error as it did",
    "好的，那我先把资料准备好，明天上午十点左右去网点办理，请问需要带什么证件吗？户口本和结婚证是不是也都要带上呢？",
    "登录的时候一直提示系统繁忙，换了手机也不行，卸载重装以后还是一样的问题，版本是最新的8.3.1，请技术人员看一下",
];
const SENSITIVE: &[&str] = &[
    "我的手机号是13812345678，麻烦您让工作人员下午三点以后给我回个电话，上午我要开会不太方便接听，谢谢您了，辛苦",
    "卡号6222 0212 3456 7890 128，昨天在超市刷了两次都没有成功，但是短信提示扣款了，请帮我查一下到底扣了几次钱呢",
    "身份证１１０１０５１９４９１２３１００２Ｘ，我要挂失这张卡，卡是昨天在地铁上丢的，请马上帮我冻结账户，谢谢你们",
    "收到的验证码是384921，但是输入以后一直提示错误，我已经试了三次了，再错是不是就要锁定了？请帮我看看怎么回事",
    "Please update my contact e-mail to zhang.san@example.com, the old one does not work any more since I changed my job last month, thank you",
    "幺三八 一二三四 五六七八这个号码能加微信吗？平台不让发数字，你直接打给我也行，价格好商量，东西保证是正品没有拆封过",
];

/// Stands for keys: a token's cost is the vault's, not the masker's.
struct NoTokens;

impl Tokens for NoTokens {
    fn token(&self, _key: &str, _entity: &str, _canonical: &str) -> String {
        String::from("abcdefgh")
    }
}

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/masking/cn-retail.yaml");
    let policy = Policy::load(&std::fs::read_to_string(path).unwrap()).unwrap();
    let nameless = Policy::load(&without_names(&std::fs::read_to_string(path).unwrap())).unwrap();
    let messages: Vec<String> = (0..MESSAGES as usize).map(message).collect();
    let bytes: usize = messages.iter().map(String::len).sum();
    println!("{MESSAGES} messages, {} bytes each on average, 1 in {SENSITIVE_EACH} sensitive", bytes / messages.len());

    let table = fold_table();
    let naive = Naive::new();
    let [limit, detection, without_names, masking, regexes] = measure(
        &messages,
        [
            &|text| fold_and_scan(&table, text),
            &|text| detect(&policy, text, &mut Tail::empty(), 0).len(),
            &|text| detect(&nameless, text, &mut Tail::empty(), 0).len(),
            &|text| {
                let spans = detect(&policy, text, &mut Tail::empty(), 0);
                let masked = (!spans.is_empty()).then(|| apply(&policy, text, &spans, &NoTokens).render(View::Agent));
                masked.map_or(text.len(), |masked| masked.len())
            },
            &|text| naive.count(text),
        ],
    );

    print("fold and scan (limit)", limit, limit);
    print("detect", detection, limit);
    print("detect without names and addresses", without_names, limit);
    print("detect, apply, render", masking, limit);
    print("RegexSet + regex (plain digits only)", regexes, limit);
    println!("masking / naive regex: {:.1}x; masking / limit: {:.0} %", masking / regexes, 100.0 * masking / limit);
    println!("with names and addresses / without: {:.0} %", 100.0 * detection / without_names);
    println!("masking_messages_per_second={masking:.0}");
    for (name, policy) in [("all", &policy), ("without names", &nameless)] {
        let [half, most] = percentiles(&messages, policy);
        println!("one message, {name:<14} half within {half:>5.1} µs, 99 % within {most:>5.1} µs");
    }
}

/// Microseconds that half of the messages and 99 % of them are detected, masked and rendered in; the best of all rounds.
fn percentiles(messages: &[String], policy: &Policy) -> [f64; 2] {
    let mut best = [f64::MAX; 2];
    for _ in 0..ROUNDS {
        let mut times: Vec<f64> = messages
            .iter()
            .map(|text| {
                let start = Instant::now();
                let spans = detect(policy, text, &mut Tail::empty(), 0);
                black_box(apply(policy, text, &spans, &NoTokens).render(View::Agent));
                start.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_unstable_by(f64::total_cmp);
        for (best, percent) in best.iter_mut().zip([50, 99]) {
            *best = best.min(times[times.len() * percent / 100]);
        }
    }
    best
}

/// The policy without its rules for names and addresses, and their tests.
fn without_names(policy: &str) -> String {
    let (rules, rest) = policy.split_once("\n  # ---- names and addresses").unwrap();
    let (_, rest) = rest.split_once("\nallow:").unwrap();
    let (others, tests) = rest.split_once("\n  # ---- names").unwrap();
    let (_, clean) = tests.split_once("\n  # ---- what must stay").unwrap();
    format!("{rules}\nallow:{others}\n  # ---- what must stay{clean}")
}

fn message(number: usize) -> String {
    let pick = |list: &[&str]| list[number / SENSITIVE_EACH % list.len()].to_owned();
    if number.is_multiple_of(SENSITIVE_EACH) { pick(SENSITIVE) } else { CLEAN[number % CLEAN.len()].to_owned() }
}

/// Messages a second of each work: the best of all rounds, since only disturbance makes one slower. The works take turns,
/// so that a disturbance meets them all.
fn measure<const N: usize>(messages: &[String], works: [&dyn Fn(&str) -> usize; N]) -> [f64; N] {
    let mut best = [f64::MAX; N];
    for _ in 0..ROUNDS {
        for (work, best) in works.iter().zip(&mut best) {
            let start = Instant::now();
            for text in messages {
                black_box(work(black_box(text)));
            }
            *best = best.min(start.elapsed().as_secs_f64());
        }
    }
    best.map(|seconds| f64::from(MESSAGES) / seconds)
}

fn print(name: &str, per_second: f64, limit: f64) {
    println!("{name:<40} {:>12.0} messages/s {:>6.0} %", per_second, 100.0 * per_second / limit);
}

/// The least that any masker of disguised text does: one look-up for each character, and a count of digits.
fn fold_and_scan(table: &[u8], text: &str) -> usize {
    let (mut run, mut longest) = (0, 0);
    for character in text.chars() {
        let is_digit = table.get(character as usize).is_some_and(|&class| class == 1);
        run = if is_digit { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

fn fold_table() -> Vec<u8> {
    (0..0x2_0000_u32).map(|code| u8::from(char::from_u32(code).is_some_and(char::is_numeric))).collect()
}

/// What a masker is often made of.
struct Naive {
    set: RegexSet,
    patterns: Vec<Regex>,
}

impl Naive {
    fn new() -> Self {
        let patterns = [
            r"1[3-9][0-9]{9}",
            r"[1-9][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]",
            r"[1-9][0-9]{12,18}",
            r"0[0-9]{2,3}-?[2-8][0-9]{6,7}",
            r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}",
            r"(?i)(cvv2?|cvc2?|安全码)[:：是 ]*[0-9]{3,4}",
            r"(?i)(验证码|校验码|动态码|otp|verification code)[:：是 ]*[0-9]{4,8}",
            r"(?i)(密码|password|pwd)[:：是= ]*[!-~]{4,}",
            r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}",
            r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}",
        ];
        Self {
            set: RegexSet::new(patterns).unwrap(),
            patterns: patterns.into_iter().map(|pattern| Regex::new(pattern).unwrap()).collect(),
        }
    }

    fn count(&self, text: &str) -> usize {
        self.set.matches(text).into_iter().map(|hit| self.patterns[hit].find_iter(text).count()).sum()
    }
}
