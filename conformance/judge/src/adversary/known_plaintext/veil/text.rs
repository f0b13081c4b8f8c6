//! Octets written with the characters of an alphabet, perhaps in lines.

use std::ops::Range;

use super::Pieces;

/// The value of each character.
pub(super) type Alphabet = [u8; 256];

/// In an alphabet: no character of it.
pub(super) const OTHER: u8 = 255;
/// In an alphabet: may stand between two characters.
pub(super) const BREAK: u8 = 254;

/// A stretch without its line breaks.
pub(super) struct Text {
    /// The values of its characters.
    pub(super) values: Vec<u8>,
    /// Where in the haystack they are.
    pub(super) places: Pieces,
}

/// Calls `found` for all stretches of `shortest` characters or more that are of
/// the alphabet and line breaks only, until it says no.
pub(super) fn stretches(
    haystack: &[u8],
    alphabet: &Alphabet,
    shortest: usize,
    mut found: impl FnMut(Text) -> bool,
) {
    // Every stretch has a probe.
    let mut at = 0;
    while at < haystack.len() {
        if alphabet[usize::from(haystack[at])] == OTHER {
            at += shortest;
            continue;
        }
        let stretch = stretch(haystack, alphabet, at);
        at = stretch.end.next_multiple_of(shortest);
        if stretch.len() >= shortest {
            let text = Text::new(haystack, alphabet, stretch);
            if text.values.len() >= shortest && !found(text) {
                return;
            }
        }
    }
}

fn stretch(haystack: &[u8], alphabet: &Alphabet, at: usize) -> Range<usize> {
    let is_other = |octet: &u8| alphabet[usize::from(*octet)] == OTHER;
    let start = haystack[..at]
        .iter()
        .rposition(is_other)
        .map_or(0, |before| before + 1);
    let end = haystack[at..]
        .iter()
        .position(is_other)
        .map_or(haystack.len(), |length| at + length);
    start..end
}

impl Text {
    fn new(haystack: &[u8], alphabet: &Alphabet, stretch: Range<usize>) -> Self {
        let mut text = Self {
            values: Vec::with_capacity(stretch.len()),
            places: Pieces::default(),
        };
        let mut place = stretch.start;
        for line in haystack[stretch].split(|octet| alphabet[usize::from(*octet)] == BREAK) {
            if !line.is_empty() {
                text.places.push(text.values.len(), place);
                text.values
                    .extend(line.iter().map(|octet| alphabet[usize::from(*octet)]));
            }
            place += line.len() + 1;
        }
        text
    }
}
