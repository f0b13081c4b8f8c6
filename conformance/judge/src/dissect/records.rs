//! Records of a protocol that nobody described: a header of constant length with
//! the length of what follows somewhere in it, one after the other.

use std::ops::Range;

/// Records that show such a protocol.
const CHAIN: usize = 6;
/// Octets of a header, and where in it a length may be.
const HEADER: usize = 64;
const OFFSETS: usize = 32;
/// Octets of a record that are believed.
const MOST: usize = 4 << 20;
/// Records that are read.
const MOST_RECORDS: usize = 1 << 20;

/// How lengths are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    /// Where the length stands in a header.
    at: usize,
    /// Its octets: 2 or 4.
    wide: bool,
    /// Whether the lowest comes first.
    little: bool,
    /// Octets of the header.
    header: usize,
    /// Whether the length counts the header, too.
    inclusive: bool,
}

impl Form {
    /// The body of the record that begins at `at`.
    fn body(&self, octets: &[u8], at: usize) -> Option<Range<usize>> {
        let field = octets.get(at + self.at..)?;
        let length = match (self.wide, self.little) {
            (true, true) => u32::from_le_bytes(*field.first_chunk()?) as usize,
            (true, false) => u32::from_be_bytes(*field.first_chunk()?) as usize,
            (false, true) => usize::from(u16::from_le_bytes(*field.first_chunk()?)),
            (false, false) => usize::from(u16::from_be_bytes(*field.first_chunk()?)),
        };
        let length = match self.inclusive {
            true => length.checked_sub(self.header)?,
            false => length,
        };
        let begin = at + self.header;
        (length <= MOST && begin <= octets.len()).then(|| begin..begin + length)
    }

    /// How many records lead from `from` on to one another, all beginning with the
    /// same two octets; whether they cover everything.
    fn chain(&self, octets: &[u8], from: usize, most: usize) -> usize {
        let Some(magic) = octets.get(from..from + 2) else {
            return 0;
        };
        let (mut at, mut count, mut carried) = (from, 0, 0);
        while count < most && octets.get(at..at + 2) == Some(magic) {
            let Some(body) = self.body(octets, at) else {
                break;
            };
            if body.end > octets.len() {
                break;
            }
            carried += body.len();
            (at, count) = (body.end, count + 1);
        }
        // Records without bodies are a row of zeros.
        match carried > count * 8 {
            true => count,
            false => 0,
        }
    }
}

/// The bodies of records from `from` on, if it is where one begins; of several ways
/// to read them the one that gets furthest.
pub fn bodies(octets: &[u8], from: usize) -> Option<Vec<Range<usize>>> {
    let mut best: Option<(usize, Form)> = None;
    for at in 0..OFFSETS {
        for (wide, little) in [(true, true), (true, false), (false, true), (false, false)] {
            let width = if wide { 4 } else { 2 };
            for header in (at + width)..=HEADER {
                for inclusive in [false, true] {
                    let form = Form {
                        at,
                        wide,
                        little,
                        header,
                        inclusive,
                    };
                    let chained = form.chain(octets, from, CHAIN * 4);
                    if chained >= CHAIN && best.is_none_or(|(most, _)| chained > most) {
                        best = Some((chained, form));
                    }
                }
            }
        }
    }
    let (_, form) = best?;
    let mut bodies = Vec::new();
    let mut at = from;
    while let Some(body) = form.body(octets, at)
        && bodies.len() < MOST_RECORDS
        && !body.is_empty() | (body.start < octets.len())
    {
        let end = body.end.min(octets.len());
        bodies.push(body.start.min(end)..end);
        if body.end >= octets.len() {
            break;
        }
        at = body.end;
    }
    Some(bodies)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_of_any_form_are_found() {
        for (header, at, little) in [(20, 16, true), (8, 4, false), (32, 12, true)] {
            let mut octets = Vec::new();
            let mut plain = Vec::new();
            for number in 0..20_usize {
                let body = vec![number as u8 ^ 0x55; 100 + number * 37 % 90];
                let mut head = vec![number as u8; header];
                head[..2].copy_from_slice(&[0xff, 1]);
                let length = body.len() as u32;
                let length = if little {
                    length.to_le_bytes()
                } else {
                    length.to_be_bytes()
                };
                head[at..at + 4].copy_from_slice(&length);
                octets.extend(head);
                octets.extend(&body);
                plain.extend(body);
            }
            let bodies = bodies(&octets, 0).unwrap();
            let joined: Vec<u8> = bodies
                .into_iter()
                .flat_map(|b| octets[b].to_vec())
                .collect();
            assert_eq!(joined, plain, "{header} {at}");
        }
        assert_eq!(bodies(&[0; 4000], 0), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..200)) {
            let _ = bodies(&octets, 0);
        }
    }
}
