//! Pseudo-random numbers that are the same everywhere (SplitMix64).

/// A generator.
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next 64 bits.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// Returns a number below `limit`, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from((u128::from(self.next()) * limit as u128) >> 64).unwrap_or_default()
    }

    /// Says yes in so many of a hundred cases.
    pub fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// Picks one.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}

/// Things to be drawn by their weights.
pub struct Weighted<T> {
    items: Vec<(u64, T)>,
    total: u64,
}

impl<T> Weighted<T> {
    /// Gathers things with their weights.
    pub fn new(items: impl IntoIterator<Item = (u64, T)>) -> Self {
        let mut total = 0;
        let items = items.into_iter().filter(|(weight, _)| *weight > 0).map(|(weight, item)| {
            total += weight;
            (total, item)
        });
        let items: Vec<_> = items.collect();
        Self { items, total }
    }

    /// Draws one.
    pub fn draw(&self, random: &mut Random) -> &T {
        let at = random.below(usize::try_from(self.total).unwrap_or(usize::MAX)) as u64;
        let place = self.items.partition_point(|(upto, _)| *upto <= at);
        &self.items[place].1
    }
}
