//! A progress bar on standard error, when that is a terminal. No verdict depends on whether it can be drawn.

use std::io::{IsTerminal as _, Write as _, stderr};

/// Columns of the bar.
const COLUMNS: u64 = 40;

/// One bar, drawn anew as work goes on.
pub struct Bar {
    shown: Option<(&'static str, u64)>,
    is_terminal: bool,
}

impl Bar {
    /// Draws nothing yet.
    pub fn new() -> Self {
        Self { shown: None, is_terminal: stderr().is_terminal() }
    }

    /// Shows how much of something is done, in some unit.
    pub fn show(&mut self, name: &'static str, done: u64, total: u64, unit: &str) {
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100).min(100);
        if !self.is_terminal || self.shown == Some((name, percent)) {
            return;
        }
        self.shown = Some((name, percent));
        let filled = percent * COLUMNS / 100;
        let bar: String = (0..COLUMNS).map(|column| if column < filled { '#' } else { '.' }).collect();
        let _ = write!(stderr(), "\r{name:<8} [{bar}] {percent:3}% of {total} {unit}");
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
