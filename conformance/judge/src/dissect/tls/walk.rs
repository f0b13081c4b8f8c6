//! Records over a whole direction, also of one that was joined amid a record or
//! that has gaps (RFC 8446 5.1).

use super::{ALERT, APPLICATION_DATA, HEADER, LONGEST, Record, Stream, is_header};

/// Octets at the beginning of a record that are looked at for text.
const TEXT: usize = 24;

/// How a direction divides into records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// The first record that was found.
    pub first: Option<Record>,
    /// How many records were found.
    pub records: usize,
    /// How many of them carry application data.
    pub application: usize,
    /// How many of them are alerts.
    pub alerts: usize,
    /// How often a record ended where the next begins, or where the direction
    /// ends: its length was right.
    pub held: usize,
    /// How often a record begins at once behind the beginning or a gap, and goes on
    /// beyond what was captured.
    pub headed: usize,
    /// Octets of whole records.
    pub octets: usize,
    /// The low octets of the versions that records carry, a bit each.
    pub versions: u8,
    /// The version of the first record with application data.
    pub version: Option<u16>,
    /// Octets behind records that are no record.
    pub stray: usize,
    /// Where the first of them is.
    pub stray_at: Option<usize>,
    /// Octets behind the beginning or a gap, where no record was found.
    pub unread: usize,
    /// The most of them in one piece.
    pub longest_unread: usize,
    /// Records of application data that begin with text.
    pub text: usize,
}

impl Walk {
    /// Walks a direction from there on; `aligned`: a record begins there.
    pub fn of(stream: &Stream, from: usize, aligned: bool) -> Self {
        let mut walk = Self::default();
        let end = stream.bytes.len();
        let gaps = stream.gaps.iter().copied();
        let gaps = gaps.filter(|gap| *gap > from && *gap < end);
        let ends = gaps.chain([end]);
        let (mut start, mut aligned) = (from, aligned);
        for end in ends {
            if start < end {
                walk.run(stream, start, end, aligned);
            }
            (start, aligned) = (end, false);
        }
        walk
    }

    /// Octets without a gap.
    fn run(&mut self, stream: &Stream, start: usize, end: usize, aligned: bool) {
        let bytes = stream.bytes.get(..end).unwrap_or_default();
        let begin = match aligned {
            true => Some(start),
            false => sync(bytes, start),
        };
        let Some(mut at) = begin else {
            return self.skip(end - start);
        };
        self.skip(at - start);
        while at < end {
            let Some(record) = record(bytes, at) else {
                let rest = bytes.get(at..).unwrap_or_default();
                if rest.len() >= HEADER || !is_header(rest, LONGEST) {
                    self.stray += rest.len();
                    self.stray_at.get_or_insert(at);
                }
                return;
            };
            self.take(record, stream);
            let next = at + HEADER + record.length;
            if next > end {
                self.headed += usize::from(at == start && !aligned);
                return;
            }
            self.octets += next - at;
            let follows = bytes.get(next..).unwrap_or_default();
            let follows = follows.get(..HEADER).unwrap_or(follows);
            self.held += usize::from(is_header(follows, LONGEST));
            at = next;
        }
    }

    fn skip(&mut self, octets: usize) {
        self.unread += octets;
        self.longest_unread = self.longest_unread.max(octets);
    }

    fn take(&mut self, record: Record, stream: &Stream) {
        self.first.get_or_insert(record);
        self.records += 1;
        self.versions |= 1 << (record.version & 7);
        self.alerts += usize::from(record.content_type == ALERT);
        if record.content_type == APPLICATION_DATA {
            self.application += 1;
            self.version.get_or_insert(record.version);
            let begins = record.fragment(stream).get(..TEXT);
            let text = |octets: &[u8]| octets.iter().all(|o| matches!(o, 9 | 10 | 13 | 32..=126));
            self.text += usize::from(begins.is_some_and(text));
        }
    }
}

/// The record whose header is there, be it whole or not.
fn record(bytes: &[u8], at: usize) -> Option<Record> {
    let header = bytes.get(at..)?.first_chunk::<HEADER>()?;
    let &[content_type, major, minor, high, low] = header;
    is_header(header, LONGEST).then_some(Record {
        at,
        content_type,
        version: u16::from_be_bytes([major, minor]),
        length: usize::from(u16::from_be_bytes([high, low])),
    })
}

/// Where a record begins behind a gap: one that another follows, or that ends
/// with the octets; or at once, be it cut.
fn sync(bytes: &[u8], start: usize) -> Option<usize> {
    let last = bytes.len().min(start + LONGEST + HEADER + 1);
    (start..last).find(|at| {
        let Some(found) = record(bytes, *at).filter(|r| r.version & 0xff <= 3 && r.length > 0)
        else {
            return false;
        };
        let next = at + HEADER + found.length;
        let same = |next: Record| next.version == found.version;
        *at == start || next == bytes.len() || record(bytes, next).is_some_and(same)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn records(lengths: &[usize]) -> Vec<u8> {
        let record = |length: &usize| {
            let head = [23, 3, 3, (length >> 8) as u8, *length as u8];
            [&head[..], &vec![0xa5; *length]].concat()
        };
        lengths.iter().flat_map(record).collect()
    }

    fn stream(bytes: &[u8], gaps: &[usize]) -> Stream {
        let mut stream = Stream::default();
        stream.push(bytes, 1, 0, 0);
        stream.gaps = gaps.to_vec();
        stream
    }

    #[test]
    fn a_direction_that_was_joined_amid_a_record_is_walked() {
        let bytes = [&[0x55; 300][..], &records(&[100, 400, 33])].concat();
        let walk = Walk::of(&stream(&bytes, &[]), 0, false);
        assert_eq!((walk.records, walk.held, walk.unread), (3, 3, 300));
        assert_eq!((walk.stray, walk.version), (0, Some(0x0303)));
    }

    #[test]
    fn behind_a_gap_records_are_found_again() {
        let mut bytes = records(&[100, 400, 33]);
        bytes.truncate(300);
        let gap = bytes.len();
        bytes.extend([0x55; 20]);
        bytes.extend(records(&[50, 60, 300]));
        let walk = Walk::of(&stream(&bytes, &[gap]), 0, true);
        assert_eq!((walk.records, walk.held, walk.unread), (5, 4, 20));
        // Without the gap the same octets contradict themselves.
        let walk = Walk::of(&stream(&bytes, &[]), 0, true);
        assert_eq!(walk.stray_at, Some(105 + 405));
    }

    #[test]
    fn a_length_that_leads_nowhere_does_not_hold() {
        let bytes = [&records(&[10, 20])[..], &[0x55; 9]].concat();
        let walk = Walk::of(&stream(&bytes, &[]), 0, true);
        assert_eq!((walk.records, walk.held, walk.stray), (2, 1, 9));
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            bytes in prop::collection::vec(prop_oneof![Just(3_u8), Just(23), any::<u8>()], 0..300),
            gaps in prop::collection::vec(0..320_usize, 0..5),
            from in 0..320_usize,
            aligned in any::<bool>(),
        ) {
            let walk = Walk::of(&stream(&bytes, &gaps), from, aligned);
            prop_assert!(walk.octets <= bytes.len());
        }
    }
}
