//! Feeds the masking engine, under the shipped policy, what it made itself.
//!
//! Masking a masked text changes nothing, in any view: a mask never looks like another value.
#![no_main]

use liaowaiwai::domain::masking::{Tail, View, apply, detect};
use liaowaiwai_fuzz::{Letters, shipped_policy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for view in View::ALL {
        let once = mask(text, view);
        assert_eq!(mask(&once, view), once, "masked twice for {view}");
    }
});

fn mask(text: &str, view: View) -> String {
    let policy = shipped_policy();
    let spans = detect(policy, text, &mut Tail::empty(), 0);
    apply(policy, text, &spans, &Letters).render(view)
}
