//! Media of which only a part is enciphered: what is left in clear shows it by its
//! structure.

use crate::{dissect::Place, inspect::Claim};

/// Escaped 0xff that a scan has at least, and octets of one.
const ESCAPED: usize = 32;
const SHORTEST: usize = 8 << 10;
/// Octets of scans together that show them: one long scan, or several.
const SHOWN: usize = 32 << 10;

/// Entropy-coded data of JPEG (ITU-T T.81 B.1.1.5) without the headers before them:
/// every 0xff is escaped or a restart in its order, and the last one ends the picture.
pub(super) fn scans(octets: &[u8], place: impl Fn(usize) -> Option<Place>) -> Option<Claim> {
    let (mut begin, mut escaped, mut restart) = (0, 0, None);
    let (mut count, mut total, mut first) = (0, 0, None);
    let mut known = 0;
    for at in memchr::memchr_iter(0xff, octets) {
        match octets.get(at + 1) {
            Some(0) => escaped += 1,
            Some(marker @ 0xd0..=0xd7)
                if restart.is_none_or(|last: u8| (last + 1) & 7 == marker & 7) =>
            {
                restart = Some(marker & 7);
                known += 1;
            }
            Some(0xd9) => {
                let length = at.saturating_sub(begin);
                // As many as chance makes of 0xff in coded data.
                let usual = length / 1024..=length / 32;
                if escaped >= ESCAPED && length >= SHORTEST && usual.contains(&escaped) {
                    count += 1;
                    total += length;
                    first.get_or_insert((begin, escaped + known));
                }
                (begin, escaped, restart, known) = (at + 2, 0, None, 0);
            }
            _ => (begin, escaped, restart, known) = (at + 2, 0, None, 0),
        }
    }
    let (at, codes) = first?;
    (total >= SHOWN || count > 1).then(|| {
        let reason = format!(
            "{count} scans of JPEG in clear, {total} octets, without the headers before them: in the first all of {codes} octets 0xff are escaped or restarts in order, and EOI ends it"
        );
        Claim::clear("partly/jpeg", Vec::new(), reason).at(place(at))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{adversary::media_player::fixture::random, inspect::Label};

    fn scan(seed: u64, length: usize) -> Vec<u8> {
        let mut octets = Vec::new();
        for octet in random(seed, length) {
            octets.push(octet);
            if octet == 0xff {
                octets.push(0);
            }
        }
        octets.extend([0xff, 0xd9]);
        octets
    }

    #[test]
    fn scans_behind_enciphered_headers_are_shown() {
        let octets = [
            random(1, 600),
            scan(2, 20_000),
            random(3, 600),
            scan(4, 20_000),
        ]
        .concat();
        let claim = scans(&octets, |_| None).unwrap();
        assert_eq!(
            (claim.kind.as_str(), claim.label()),
            ("partly/jpeg", Label::Leak)
        );
    }

    #[test]
    fn what_is_no_scan_is_not() {
        assert!(scans(&random(1, 500_000), |_| None).is_none());
        assert!(scans(&vec![0xff; 100_000], |_| None).is_none());
        assert!(scans(&[0xff, 0].repeat(100_000), |_| None).is_none());
        assert!(scans(&scan(5, 4000), |_| None).is_none());
        // Sound of 16 bits per sample.
        let sound: Vec<u8> = random(6, 100_000)
            .iter()
            .flat_map(|o| (i16::from(*o as i8)).to_le_bytes())
            .collect();
        assert!(scans(&sound, |_| None).is_none());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(prop_oneof![Just(0xff), Just(0), any::<u8>()], 0..300)) {
            let _ = scans(&octets, |_| None);
        }
    }
}
