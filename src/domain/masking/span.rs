//! A detected value: where it is, what it is, how sure the engine is, and its canonical form.
//!
//! It knows nothing of views. The canonical form is the value itself, so it has no `Debug`, is wiped on drop, and only
//! this module's neighbours can read it.

use std::{fmt, ops::Range};

use zeroize::Zeroizing;

use super::{entity::Entity, view::Class};

/// A value found in a message.
#[derive(Clone)]
pub struct Span {
    /// Bytes of the original that are covered, disguise included.
    pub bytes: Range<usize>,
    /// What it is.
    pub entity: Entity,
    /// How strictly it is held, by the policy's rule.
    pub class: Class,
    /// Position of the rule in [`super::Policy::rules`].
    pub rule: u16,
    /// How sure the engine is, in percent.
    pub confidence: u8,
    /// Bytes of a word in the message that speaks for it.
    pub word: Option<Range<usize>>,
    pub(super) canonical: Canonical,
    pub(super) earlier: usize,
    /// Masks of it need quotes: it is a number of a document.
    pub(super) is_quoted: bool,
}

impl Span {
    /// Says whether the value began in earlier messages of the conversation, which then need masking again.
    pub fn completes_earlier(&self) -> bool {
        self.earlier > 0
    }

    /// Returns how many of the value's characters are in earlier messages.
    pub fn earlier_characters(&self) -> usize {
        self.earlier
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("bytes", &self.bytes)
            .field("entity", &self.entity)
            .field("class", &self.class)
            .field("rule", &self.rule)
            .field("confidence", &self.confidence)
            .field("word", &self.word)
            .field("earlier", &self.earlier)
            .finish_non_exhaustive()
    }
}

/// A value without its disguise: plain digits and letters, of a licence plate its ideographs, or the text of a name.
#[derive(Clone)]
pub(super) struct Canonical(Zeroizing<String>);

impl Canonical {
    /// Takes characters in UTF-8; almost always they are ASCII.
    pub(super) fn new(characters: &[u8]) -> Self {
        Self(Zeroizing::new(String::from_utf8_lossy(characters).into_owned()))
    }

    /// Shows the value; for masks, tokens and comparison with the allow list only.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}
