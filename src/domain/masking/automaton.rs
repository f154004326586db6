//! A dense Aho-Corasick automaton over the codes of the fold table.
//!
//! Libraries search bytes or characters of a finished string; here a keyword must be found in the folded form while it
//! is being folded, one table look-up a character, whatever disguise it wears. It knows nothing but numbers.
//! Source: Aho and Corasick, "Efficient string matching" (1975).

use std::collections::{BTreeMap, VecDeque};

/// Most states of one automaton; with the widest alphabet its table takes 64 MiB.
const STATES_MAX: usize = 16_384;

/// Where a search stands; the default is the beginning.
#[derive(Clone, Copy, Default)]
pub(super) struct State(u16);

/// The patterns need more states than an automaton may have.
#[derive(Debug)]
pub(super) struct TooLarge;

/// A compiled set of patterns.
pub(super) struct Automaton {
    width: usize,
    next: Vec<u16>,
    /// For each state the patterns that end there, longest first.
    ends: Vec<Vec<usize>>,
    accepts: Vec<bool>,
}

#[derive(Default)]
struct Node {
    children: BTreeMap<u16, u16>,
    ends: Vec<usize>,
}

impl Automaton {
    /// Compiles patterns over an alphabet of `width` codes.
    pub(super) fn new<'p>(width: usize, patterns: impl Iterator<Item = &'p [u16]>) -> Result<Self, TooLarge> {
        let mut nodes = vec![Node::default()];
        for (pattern, word) in patterns.enumerate() {
            let mut at = 0;
            for &code in word {
                at = child(&mut nodes, at, code)?;
            }
            if let Some(node) = nodes.get_mut(at) {
                node.ends.push(pattern);
            }
        }
        Ok(Self::link(width, nodes))
    }

    /// Completes the trie: every missing transition is that of the longest proper suffix.
    fn link(width: usize, mut nodes: Vec<Node>) -> Self {
        let mut next = vec![0_u16; nodes.len() * width];
        let mut queue = VecDeque::from([(0_usize, 0_usize)]);
        while let Some((at, suffix)) = queue.pop_front() {
            if at != 0 {
                let inherited = nodes[suffix].ends.clone();
                nodes[at].ends.extend(inherited);
                next.copy_within(suffix * width..(suffix + 1) * width, at * width);
            }
            for (code, child) in nodes[at].children.clone() {
                let slot = at * width + usize::from(code);
                queue.push_back((usize::from(child), if at == 0 { 0 } else { usize::from(next[slot]) }));
                next[slot] = child;
            }
        }
        let ends: Vec<Vec<usize>> = nodes.into_iter().map(|node| node.ends).collect();
        Self { width, next, accepts: ends.iter().map(|ends| !ends.is_empty()).collect(), ends }
    }

    /// Advances by one code.
    #[inline]
    pub(super) fn step(&self, state: State, code: u16) -> State {
        State(self.next.get(usize::from(state.0) * self.width + usize::from(code)).copied().unwrap_or(0))
    }

    /// Says whether a pattern ends in the state.
    #[inline]
    pub(super) fn accepts(&self, state: State) -> bool {
        self.accepts.get(usize::from(state.0)).copied().unwrap_or(false)
    }

    /// Yields the patterns that end in the state, by their positions in the list that was compiled.
    pub(super) fn matches(&self, state: State) -> impl Iterator<Item = usize> {
        self.ends.get(usize::from(state.0)).into_iter().flatten().copied()
    }
}

fn child(nodes: &mut Vec<Node>, at: usize, code: u16) -> Result<usize, TooLarge> {
    let fresh = nodes.len();
    let Some(node) = nodes.get_mut(at) else { return Err(TooLarge) };
    if let Some(&found) = node.children.get(&code) {
        return Ok(usize::from(found));
    }
    if fresh >= STATES_MAX {
        return Err(TooLarge);
    }
    node.children.insert(code, u16::try_from(fresh).map_err(|_too_large| TooLarge)?);
    nodes.push(Node::default());
    Ok(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &[&[u16]], text: &[u16]) -> Vec<(usize, usize)> {
        let automaton = Automaton::new(8, patterns.iter().copied()).unwrap();
        let mut state = State::default();
        let mut found = Vec::new();
        for (end, &code) in (1..).zip(text) {
            state = automaton.step(state, code);
            assert_eq!(automaton.accepts(state), automaton.matches(state).next().is_some());
            found.extend(automaton.matches(state).map(|pattern| (pattern, end)));
        }
        found
    }

    #[test]
    fn overlapping_patterns_are_all_found() {
        assert_eq!(
            found(&[&[1, 2, 3], &[2, 3], &[3, 1]], &[1, 2, 3, 1, 2, 3]),
            [(0, 3), (1, 3), (2, 4), (0, 6), (1, 6)]
        );
        assert_eq!(found(&[&[1, 1]], &[1, 1, 1]), [(0, 2), (0, 3)]);
        assert_eq!(found(&[&[1, 2, 1, 3]], &[1, 2, 1, 2, 1, 3]), [(0, 6)]);
        assert_eq!(found(&[&[1, 2]], &[2, 1, 7]), []);
    }

    #[test]
    fn agrees_with_a_search_pattern_by_pattern() {
        let patterns: Vec<Vec<u16>> =
            (0..81).map(|n| vec![n % 3, n / 3 % 3, n / 9 % 3, n / 27][..(2 + usize::from(n % 2))].to_vec()).collect();
        let text: Vec<u16> = (0..200_u16).map(|n| (n * n / 7) % 3).collect();
        let slices: Vec<&[u16]> = patterns.iter().map(Vec::as_slice).collect();
        let mut expect: Vec<(usize, usize)> = Vec::new();
        for end in 1..=text.len() {
            expect.extend((0..slices.len()).filter(|&p| text[..end].ends_with(slices[p])).map(|p| (p, end)));
        }
        let mut got = found(&slices, &text);
        got.sort_unstable_by_key(|&(pattern, end)| (end, pattern));
        assert_eq!(got, expect);
    }

    #[test]
    fn too_many_states_are_refused() {
        let long = vec![1; STATES_MAX + 1];
        assert!(Automaton::new(8, [long.as_slice()].into_iter()).is_err());
    }
}
