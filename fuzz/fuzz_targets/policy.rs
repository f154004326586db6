//! Feeds the loader of masking policies any text, and masks messages with every policy that loads.
//!
//! Loading is a function of the text; spans lie inside the message; a C3 value is shown in no view; what is stored reads back; so it
//! is on every occasion that the policy's layers ask for, all of which have its digest.
#![no_main]

use liaowaiwai::domain::masking::{Class, MaskedText, Occasion, Policy, Tail, View, apply, compare, detect};
use liaowaiwai_fuzz::{Letters, check_spans};
use libfuzzer_sys::fuzz_target;

const MESSAGES: [&str; 5] = [
    "我的身份证是11010519491231002X，手机13812345678，卡号6222021234567890125",
    "cvv 123, password: hunter2!, 验证码 384921",
    "GB82WEST12345698765432 zhangsan@qq.com 010-62345678 有效期12/28",
    "91350100M000100Y43 <CARD_1> [cvv] 622202*********0128",
    "工号：１０２９３８ LN2024001234 ab*** 一二三四五六七",
];

fuzz_target!(|yaml: &str| {
    let policy = match Policy::load(yaml) {
        Ok(policy) => policy,
        Err(error) => {
            // The error may quote the policy, which is no customer's data; it only has to be printable.
            let _shown = error.to_string();
            return;
        }
    };
    let again = Policy::load(yaml).ok().expect("a policy that loads, loads again");
    assert_eq!(policy.digest(), again.digest());
    assert!(compare(&policy, &again).is_empty(), "a policy differs from itself");
    for there in policy.occasions().cloned().chain([Occasion::ANY]).collect::<Vec<_>>() {
        let form = policy.on(&there);
        assert_eq!((form.digest(), form.rules().len()), (policy.digest(), policy.rules().len()));
        mask(form);
    }
});

fn mask(policy: &Policy) {
    let mut tail = Tail::empty();
    for text in MESSAGES {
        let spans = detect(policy, text, &mut tail, 0);
        check_spans(policy, text, &spans);
        let masked = apply(policy, text, &spans, &Letters);
        assert!(MaskedText::from_bytes(&masked.to_bytes()).is_ok_and(|read| read == masked));
        for span in spans.iter().filter(|span| span.class == Class::C3) {
            let secret = &text[span.bytes.clone()];
            let alone = apply(policy, text, std::slice::from_ref(span), &Letters);
            for view in View::ALL {
                let shown = alone.render(view);
                assert_eq!(shown.matches(secret).count() + 1, text.matches(secret).count(), "a secret shows in {view}");
            }
        }
    }
}
