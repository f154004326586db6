//! `[national]`: which national algorithms (国密) are used; none unless the file says so.

use super::Lines;
use super::check::Checked;
use super::read::{Field, Section};
use crate::crypto::Suite;

/// The words of `national.sealing`.
pub(super) const SEALING: &[&str] = &[AES, SM4];
/// The words of `national.cosignature`.
pub(super) const COSIGNATURE: &[&str] = &[NONE, SM2];

const AES: &str = "aes-256-gcm";
const SM4: &str = "sm4-gcm";
const NONE: &str = "none";
const SM2: &str = "sm2";

/// `[national]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NationalConfig {
    /// What is sealed from here on is sealed by these algorithms.
    pub sealing: Suite,
    /// Whether published checkpoints have a second signature, by SM2 over the SM3 root of the same entries.
    pub cosigned: bool,
}

impl NationalConfig {
    pub(super) fn read(section: &Section<'_>) -> Checked<Self> {
        let sealing = word(&section.required("sealing")?)?;
        let cosignature = word(&section.required("cosignature")?)?;
        let sealing = if sealing == SM4 { Suite::Sm4Gcm } else { Suite::Aes256Gcm };
        Ok(Self { sealing, cosigned: cosignature == SM2 })
    }

    pub(super) fn write(self, lines: &mut Lines) {
        let sealing = match self.sealing {
            Suite::Aes256Gcm => AES,
            Suite::Sm4Gcm => SM4,
        };
        lines.put("national.sealing", sealing);
        lines.put("national.cosignature", if self.cosigned { SM2 } else { NONE });
    }
}

fn word(field: &Field<'_, &str>) -> Checked<&'static str> {
    let known = field.words();
    let found = known.iter().copied().find(|word| *word == field.value);
    found.ok_or_else(|| field.expected(format!("one of: {}", known.join(", "))))
}
