//! Format-preserving encryption: digits become as many other digits, and back with the key.
//!
//! FF1 with AES-256; FF3-1 is broken and not offered. Numbers of fewer than six digits are refused: their domain is so small
//! that trying all of it is no work. It knows no policy. Source: NIST SP 800-38G, section 5 and appendix A.

use aes::{
    Block,
    cipher::{BlockCipherEncrypt, KeyInit},
};

/// Rounds of the Feistel network.
const ROUNDS: u8 = 10;
/// Fewest digits: a domain of at least 10^6.
pub(super) const DIGITS_MIN: usize = 6;
/// Most digits: each half is a number below 10^18.
pub(super) const DIGITS_MAX: usize = 36;

/// FF1 over digits of a radix, under one key.
pub(super) struct Ff1<C> {
    cipher: C,
    radix: u32,
}

/// What an application of the network needs of its input.
struct Shape {
    total: usize,
    left: usize,
    right: usize,
    /// Bytes of the longer half as a number, and of each round's output.
    half_bytes: usize,
    round_bytes: usize,
}

impl<C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16> + KeyInit> Ff1<C> {
    /// Takes a key of the cipher's length.
    pub(super) fn new(key: &[u8], radix: u32) -> Option<Self> {
        Some(Self { cipher: C::new_from_slice(key).ok()?, radix })
    }

    /// Encrypts digits below the radix; none when they are too few or too many.
    pub(super) fn encrypt(&self, tweak: &[u8], digits: &[u8]) -> Option<Vec<u8>> {
        let shape = self.shape(digits)?;
        let (mut left, mut right) = self.halves(digits, &shape);
        for round in 0..ROUNDS {
            let (modulus, value) = self.round(tweak, &shape, round, right)?;
            (left, right) = (right, (left + value % modulus) % modulus);
        }
        Some(self.join(left, right, &shape))
    }

    /// Decrypts what [`Ff1::encrypt`] made under the same key and tweak.
    pub(super) fn decrypt(&self, tweak: &[u8], digits: &[u8]) -> Option<Vec<u8>> {
        let shape = self.shape(digits)?;
        let (mut left, mut right) = self.halves(digits, &shape);
        for round in (0..ROUNDS).rev() {
            let (modulus, value) = self.round(tweak, &shape, round, left)?;
            (right, left) = (left, (right + modulus - value % modulus) % modulus);
        }
        Some(self.join(left, right, &shape))
    }

    fn shape(&self, digits: &[u8]) -> Option<Shape> {
        let total = digits.len();
        let fits =
            (DIGITS_MIN..=DIGITS_MAX).contains(&total) && digits.iter().all(|&digit| u32::from(digit) < self.radix);
        let (left, right) = (total / 2, total - total / 2);
        let largest = u128::from(self.radix).checked_pow(u32::try_from(right).ok()?)?;
        let bits = usize::try_from(u128::BITS - (largest - 1).leading_zeros()).ok()?;
        let half_bytes = bits.div_ceil(8);
        let round_bytes = 4 * half_bytes.div_ceil(4) + 4;
        (fits && round_bytes <= 16).then_some(Shape { total, left, right, half_bytes, round_bytes })
    }

    fn halves(&self, digits: &[u8], shape: &Shape) -> (u128, u128) {
        let (left, right) = digits.split_at(shape.left);
        let number =
            |half: &[u8]| half.iter().fold(0, |value, &digit| value * u128::from(self.radix) + u128::from(digit));
        (number(left), number(right))
    }

    /// The modulus of a round and the number that its half is moved by.
    fn round(&self, tweak: &[u8], shape: &Shape, round: u8, half: u128) -> Option<(u128, u128)> {
        let [_, radix @ ..] = self.radix.to_be_bytes();
        let (total, tweak_len) = (u32::try_from(shape.total).ok()?, u32::try_from(tweak.len()).ok()?);
        let mut input = vec![1, 2, 1];
        input.extend(radix);
        input.extend([ROUNDS, u8::try_from(shape.left).ok()?]);
        input.extend(total.to_be_bytes());
        input.extend(tweak_len.to_be_bytes());
        input.extend(tweak);
        let padding = (16 - (tweak.len() + shape.half_bytes + 1) % 16) % 16;
        input.extend(std::iter::repeat_n(0, padding));
        input.push(round);
        input.extend(half.to_be_bytes().get(16 - shape.half_bytes..)?);
        let mut state = [0; 16];
        for block in input.chunks_exact(16) {
            state.iter_mut().zip(block).for_each(|(byte, other)| *byte ^= other);
            let mut block = Block::from(state);
            self.cipher.encrypt_block(&mut block);
            state = block.into();
        }
        let value = state.get(..shape.round_bytes)?.iter().fold(0, |value, &byte| value << 8 | u128::from(byte));
        let length = if round.is_multiple_of(2) { shape.left } else { shape.right };
        Some((u128::from(self.radix).checked_pow(u32::try_from(length).ok()?)?, value))
    }

    fn join(&self, left: u128, right: u128, shape: &Shape) -> Vec<u8> {
        let mut digits = vec![0; shape.total];
        let radix = u128::from(self.radix);
        let (first, second) = digits.split_at_mut(shape.left);
        for (half, mut value) in [(first, left), (second, right)] {
            for digit in half.iter_mut().rev() {
                *digit = u8::try_from(value % radix).unwrap_or_default();
                value /= radix;
            }
        }
        digits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::{Aes128, Aes192, Aes256};
    use proptest::prelude::*;

    const KEY: &str = "2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94";
    const DIGITS_TWEAK: &[u8] = b"9876543210";
    const LETTERS_TWEAK: &[u8] = b"7777pqrs777";

    fn key(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| u8::from_str_radix(&KEY[2 * at..2 * at + 2], 16).unwrap()).collect()
    }

    fn values(text: &str) -> Vec<u8> {
        text.chars().map(|c| u8::try_from(c.to_digit(36).unwrap()).unwrap()).collect()
    }

    fn check<C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16> + KeyInit>(bytes: usize, expected: [&str; 3]) {
        let letters = "0123456789abcdefghi";
        let samples = [(10, &b""[..], "0123456789"), (10, DIGITS_TWEAK, "0123456789"), (36, LETTERS_TWEAK, letters)];
        for ((radix, tweak, plain), expected) in samples.into_iter().zip(expected) {
            let ff1 = Ff1::<C>::new(&key(bytes), radix).unwrap();
            let made = ff1.encrypt(tweak, &values(plain)).unwrap();
            assert_eq!(made, values(expected));
            assert_eq!(ff1.decrypt(tweak, &made).unwrap(), values(plain));
        }
    }

    #[test]
    fn nist_s_samples_come_out() {
        check::<Aes128>(16, ["2433477484", "6124200773", "a9tv40mll9kdu509eum"]);
        check::<Aes192>(24, ["2830668132", "2496655549", "xbj3kv35jrawxv32ysr"]);
        check::<Aes256>(32, ["6657667009", "1001623463", "xs8a0azh2avyalyzuwd"]);
    }

    #[test]
    fn domains_that_are_too_small_or_too_large_are_refused() {
        let ff1 = Ff1::<Aes256>::new(&key(32), 10).unwrap();
        assert!(ff1.encrypt(b"", &[1; DIGITS_MIN - 1]).is_none());
        assert!(ff1.encrypt(b"", &[1; DIGITS_MIN]).is_some());
        assert!(ff1.encrypt(b"", &[1; DIGITS_MAX]).is_some());
        assert!(ff1.encrypt(b"", &[1; DIGITS_MAX + 1]).is_none());
        assert!(ff1.encrypt(b"", &[10; DIGITS_MIN]).is_none());
        assert!(Ff1::<Aes256>::new(&key(16), 10).is_none());
    }

    proptest! {
        #[test]
        fn what_is_encrypted_comes_back_with_the_key_and_tweak_alone(
            digits in proptest::collection::vec(0_u8..10, DIGITS_MIN..=DIGITS_MAX),
            tweak in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let ff1 = Ff1::<Aes256>::new(&key(32), 10).unwrap();
            let made = ff1.encrypt(&tweak, &digits).unwrap();
            prop_assert_eq!(made.len(), digits.len());
            prop_assert_eq!(ff1.decrypt(&tweak, &made).unwrap(), digits.clone());
            prop_assert_eq!(ff1.encrypt(&tweak, &digits).unwrap(), made.clone());
        }
    }
}
