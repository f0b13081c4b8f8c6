//! Where each octet of NAL units lies in the packets that carry them (RFC 6184
//! 5.6, 5.7.1, 5.8).

use super::Header;

/// FU-A.
const FRAGMENT: u8 = 28;
/// STAP-A.
const AGGREGATE: u8 = 24;

/// A NAL unit with the place of each of its octets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlacedNal {
    /// The NAL unit.
    pub octets: Vec<u8>,
    /// Of each octet, the packet by its index and the offset in it. The first
    /// octet of a fragmented NAL unit is where its indicator is.
    pub places: Vec<(usize, usize)>,
}

impl PlacedNal {
    fn put(&mut self, packet: usize, at: usize, octets: &[u8]) {
        self.octets.extend_from_slice(octets);
        self.places
            .extend((at..at + octets.len()).map(|at| (packet, at)));
    }
}

/// The NAL units of packets of one access unit, in their order and without a
/// gap.
pub fn placed(packets: &[&[u8]]) -> Vec<PlacedNal> {
    let mut found = Vec::new();
    let mut open: Option<PlacedNal> = None;
    for (index, packet) in packets.iter().enumerate() {
        let Some(header) = Header::parse(packet) else {
            continue;
        };
        let (start, payload) = (header.payload.start, &packet[header.payload]);
        let Some(&first) = payload.first() else {
            continue;
        };
        match first & 0x1f {
            FRAGMENT => {
                let Some(&second) = payload.get(1) else {
                    continue;
                };
                if second & 0x80 != 0 {
                    let nal = open.insert(PlacedNal::default());
                    nal.put(index, start, &[first & 0xe0 | second & 0x1f]);
                }
                if let Some(nal) = &mut open {
                    nal.put(index, start + 2, &payload[2..]);
                }
                if second & 0x40 != 0 {
                    found.extend(open.take());
                }
            }
            AGGREGATE => {
                let mut at = 1;
                while let Some(&[high, low]) = payload.get(at..).and_then(<[u8]>::first_chunk) {
                    let size = usize::from(u16::from_be_bytes([high, low]));
                    let Some(octets) = payload.get(at + 2..at + 2 + size) else {
                        break;
                    };
                    let mut nal = PlacedNal::default();
                    nal.put(index, start + at + 2, octets);
                    found.push(nal);
                    at += 2 + size;
                }
            }
            _ => {
                let mut nal = PlacedNal::default();
                nal.put(index, start, payload);
                found.push(nal);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let header = [0x80, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4];
        [&header[..], payload].concat()
    }

    #[test]
    fn every_form_leads_to_its_octets() {
        let packets = [
            packet(&[24, 0, 2, 0x67, 1, 0, 1, 0x68]),
            packet(&[0x41, 7]),
            packet(&[0x7c, 0x85, 1, 2]),
            packet(&[0x7c, 0x45, 3]),
        ];
        let packets: Vec<&[u8]> = packets.iter().map(|p| &p[..]).collect();
        let found = placed(&packets);
        let octets: Vec<_> = found.iter().map(|nal| &nal.octets[..]).collect();
        assert_eq!(
            octets,
            [&[0x67, 1][..], &[0x68], &[0x41, 7], &[0x65, 1, 2, 3]]
        );
        for nal in &found {
            for (octet, (packet, at)) in nal.octets.iter().zip(&nal.places).skip(1) {
                assert_eq!(octet, &packets[*packet][*at]);
            }
        }
        assert_eq!(found[3].places, [(2, 12), (2, 14), (2, 15), (3, 14)]);
    }

    proptest! {
        #[test]
        fn hostile_packets_never_panic(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5),
            kind in 24..29_u8,
        ) {
            let packets: Vec<_> = payloads.iter().flat_map(|payload| {
                [packet(payload), packet(&[&[kind][..], payload].concat())]
            }).collect();
            let packets: Vec<&[u8]> = packets.iter().map(|p| &p[..]).collect();
            for nal in placed(&packets) {
                prop_assert_eq!(nal.octets.len(), nal.places.len());
            }
        }
    }
}
