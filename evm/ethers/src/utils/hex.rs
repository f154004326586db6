//! Hexadecimal, lower case when written.

use std::fmt;

/// The text is not pairs of hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotHex;

impl fmt::Display for NotHex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not pairs of hexadecimal digits")
    }
}

impl std::error::Error for NotHex {}

/// Writes bytes in lower case, without a prefix.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Reads bytes, in either case, without a prefix.
///
/// # Errors
/// [`NotHex`].
pub fn decode(text: impl AsRef<[u8]>) -> Result<Vec<u8>, NotHex> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(NotHex);
    let (pairs, rest) = text.as_ref().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NotHex);
    }
    pairs.iter().map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_nothing_else_is_read() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decode(encode(&all)), Ok(all));
        assert_eq!(decode("0aFf"), Ok(vec![10, 255]));
        for bad in ["0", "0x", "0g", "é1", "+1", " 1"] {
            assert_eq!(decode(bad), Err(NotHex), "{bad}");
        }
    }
}
