//! An earlier message that is masked once more.

use lww_audit::entry::{Content, PolicyRef};
use zeroize::Zeroizing;

use super::super::masking::{self, Again, Class, MaskedText, Policy, Tokens};
use super::{MaskError, OpenedPart, Part, Salts, Sealed, Sealer, policy_ref, sealed_parts};
use crate::units::MessageId;

/// What takes the place of an earlier message's parts: masked again, sealed again, committed to again.
#[derive(Clone)]
pub struct MaskedAgain {
    /// The sealed original, without C3 spans of then and now.
    pub original: Sealed,
    /// The sealed masked text.
    pub masked: Sealed,
    /// Commitments and span counts for the ledger entry.
    pub content: Content,
    /// The policy that masked it again.
    pub policy: PolicyRef,
}

impl MaskedAgain {
    /// Masks once more what is sealed of the message `id`, for what a later one told of it. The text is opened, and wiped.
    ///
    /// # Errors
    /// [`MaskError`] when a part can't be opened, read or sealed.
    pub fn of(
        id: MessageId,
        (original, masked): (&Sealed, &Sealed),
        again: &[&Again],
        policy: &Policy,
        salts: &Salts,
        (sealer, tokens): (&dyn Sealer, &dyn Tokens),
    ) -> Result<Self, MaskError> {
        let opened = |part: Part, sealed: &Sealed| OpenedPart::split(part, &sealer.open(part, id, sealed)?);
        let unreadable = |part| MaskError::Unreadable { part };
        let keep = opened(Part::Original, original)?.plaintext;
        let keep = std::str::from_utf8(&keep).map_err(|_| unreadable(Part::Original))?;
        let text = MaskedText::from_bytes(&opened(Part::Masked, masked)?.plaintext);
        let (mut keep, mut text) = (Zeroizing::new(keep.to_owned()), text.map_err(|_| unreadable(Part::Masked))?);
        for again in again {
            text = masking::mask_again(policy, &text, again, tokens);
            if again.class == Class::C3 {
                keep = Zeroizing::new(masking::without_named(policy, &keep, again));
            }
        }
        let (original, masked, content) = sealed_parts(id, (&text, &keep), salts, sealer)?;
        Ok(Self { original, masked, content, policy: policy_ref(policy) })
    }
}
