//! The masking core: finds sensitive values in a message however they are disguised, and says what each view may show.
//!
//! ```text
//! text -> screen (one walk, no allocation; most messages end here)
//!      -> fold (one symbol a character, with the way back to the bytes)
//!      -> addresses of machines and coins; blot (masked text, UUIDs, addresses)
//!      -> propose (numbers, codes, ids, plates, mail, names of accounts, secrets, people, officers' patterns) and weigh (keywords, policy)
//!      -> resolve overlaps -> spans -> apply -> MaskedText -> render(view)
//! ```
//!
//! It is pure: text, policy, conversation tail and time come in, spans go out. It deliberately does not know channels,
//! storage, keys ([`Tokens`] is a port) or who may see which view; and it never keeps or prints a value that it found.
//! Sources: JR/T 0171-2020, PCI DSS 4.0.1 requirement 3.4.1, GB 11643, GB 32100, ISO 13616, ISO/IEC 7812.

mod amounts;
mod automaton;
mod births;
mod calendar;
mod codec;
mod codes;
mod detect;
mod digits;
mod earlier;
mod email;
mod entity;
mod files;
mod fold;
mod fold_table;
mod fpe;
mod handles;
mod hidden;
mod ids;
mod keywords;
mod lexicon;
mod machines;
mod masked;
mod operate;
mod passwords;
mod patterns;
mod people;
mod plates;
mod policy;
mod sample;
mod scene;
mod secrets;
mod shown;
mod span;
mod stricter;
mod structured;
mod symbol;
mod tail;
mod traps;
mod validate;
mod view;

pub use codec::DecodeError;
pub use detect::{Heard, detect, hear};
pub use earlier::{Again, mask_again, mask_rest, without_named};
pub use entity::Entity;
pub use files::Layout;
pub(super) use files::hear_file;
pub use hidden::{Hidden, comparable};
pub use masked::{MaskedText, ShownSpan, Tokens, apply, apply_releasing, masking, token_letters, without_c3};
pub use operate::decrypt;
pub use policy::{
    Allowed, Approvals, Aspect, Decided, Difference, ENGINE_VERSION, Effective, Layer, Leaving, Level, Lost, Occasion,
    Opening, Operator, Pattern, Policy, PolicyError, Remark, Rule, RuleName, Stance, Trap, Unreachable, Way, compare,
    lint, only_masks_more,
};
pub use sample::{Draw, SampleTest, guess, sample, sample_test};
pub use shown::{FoundSpan, found_spans};
pub use span::Span;
pub use stricter::{Change, Masking, Shift, Words, changes, shows_the_same, stricter};
pub use structured::{DEPTH_MAX, VALUES_MAX, detect_field, detect_form, detect_json};
pub use tail::{TAIL_REACH_US, TAIL_US, Tail};
pub use view::{Class, UnknownView, View};
