//! The operating system's randomness behind the port. It knows no purpose that the bytes are drawn for.

use ring::rand::SecureRandom;

use crate::ports::Random;

/// The operating system's random source (`getrandom`), by way of ring.
#[derive(Clone, Debug)]
pub struct SystemRandom(ring::rand::SystemRandom);

impl SystemRandom {
    /// Opens the source.
    pub fn new() -> Self {
        Self(ring::rand::SystemRandom::new())
    }
}

impl Default for SystemRandom {
    fn default() -> Self {
        Self::new()
    }
}

impl Random for SystemRandom {
    /// Fills `out`. The kernel's source fails only where it can't be called at all; going on with bytes that are not
    /// random would make every later key worthless, so the process ends instead.
    fn fill(&self, out: &mut [u8]) {
        if self.0.fill(out).is_err() {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::random_bytes;

    #[test]
    fn two_draws_differ_and_are_not_zero() {
        let random = SystemRandom::new();
        let (first, second): ([u8; 32], [u8; 32]) = (random_bytes(&random), random_bytes(&random));
        assert_ne!(first, second);
        assert_ne!(first, [0; 32]);
    }
}
