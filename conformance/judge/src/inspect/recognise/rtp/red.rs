//! Redundant sound (RFC 2198): each packet brings, before its own, what packets before
//! it brought. What it brings first is taken; the rest comes again.

use super::track::{Packet, is_fixed};
use crate::dissect::sdp;

/// Packets that have to bring again, without a description, what one before brought,
/// and how many octets of it at least.
const MIN_AGAIN: usize = 8;
const MIN_OCTETS: usize = 4;
/// Blocks of a packet.
const MOST_BLOCKS: usize = 16;

/// The blocks of a payload: payload type and data of each, its own last (RFC 2198 3).
fn blocks(payload: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut headers = Vec::new();
    let mut rest = payload;
    let own = loop {
        let (&first, after) = rest.split_first()?;
        if first & 0x80 == 0 {
            rest = after;
            break first;
        }
        let (&[_, length, low], after) = after.split_first_chunk()?;
        let length = usize::from(length & 3) << 8 | usize::from(low);
        headers.push((first & 0x7f, length));
        rest = after;
        if headers.len() == MOST_BLOCKS {
            return None;
        }
    };
    let mut blocks = Vec::new();
    for (payload_type, length) in headers {
        let (data, after) = rest.split_at_checked(length)?;
        blocks.push((payload_type, data));
        rest = after;
    }
    blocks.push((own, rest));
    (!rest.is_empty()).then_some(blocks)
}

/// The packets that lie in these, if these are such: a description says so, or they
/// bring the same again and again.
pub(super) fn unwrapped<'a>(
    packets: &[Packet<'a>],
    described: Option<&sdp::Format>,
) -> Option<Vec<Packet<'a>>> {
    let encoding = described.map_or("", |format| format.encoding.as_str());
    let is_told = encoding == "RED";
    let payload_type = packets.first()?.payload_type;
    if !is_told && (!encoding.is_empty() || is_fixed(payload_type)) {
        return None;
    }
    let mut found: Vec<Packet<'a>> = Vec::new();
    let (mut pairs, mut again) = (0, 0);
    for (seen, packet) in (1..).zip(packets) {
        let Some(mut blocks) = blocks(packet.payload) else {
            if !is_told && seen > found.len() + 1 {
                return None;
            }
            continue;
        };
        let (own, data) = blocks.pop()?;
        if let Some(before) = found.last()
            && before.sequence + 1 == packet.sequence
            && before.payload.len() >= MIN_OCTETS
        {
            pairs += 1;
            again += usize::from(blocks.last() == Some(&(before.payload_type, before.payload)));
        }
        found.push(Packet {
            payload_type: own,
            payload: data,
            ..*packet
        });
    }
    let is_shown = again >= MIN_AGAIN && again * 5 >= pairs * 4;
    let most = found.len() * 10 >= packets.len() * 9;
    (most && (is_told || is_shown)).then_some(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::track::testing::{noise, packets};
    use super::*;

    fn sound(n: u32) -> Vec<u8> {
        noise(n.into(), 160)
    }

    /// Packets of PCMU, each with the one before.
    fn redundant(before: impl Fn(u32) -> u32) -> Vec<(u32, bool, Vec<u8>)> {
        let payload = |n: u32| {
            let head = [0x80, 160 >> 6, (160_u16 << 2) as u8, 160, 0];
            [&head[..], &sound(before(n)), &sound(n)].concat()
        };
        (1..20).map(|n| (n * 160, false, payload(n))).collect()
    }

    #[test]
    fn what_comes_again_is_taken_once() {
        let payloads = redundant(|n| n - 1);
        let wrapped = packets(96, &payloads);
        let found = unwrapped(&wrapped, None).unwrap();
        assert_eq!(found.len(), 19);
        assert_eq!(
            (found[3].payload_type, found[3].payload),
            (0, &sound(4)[..])
        );
        // Others are none, unless somebody says so.
        let payloads = redundant(|n| n + 100);
        let wrapped = packets(96, &payloads);
        assert!(unwrapped(&wrapped, None).is_none());
        let described = |encoding: &str| sdp::Format {
            encoding: encoding.into(),
            ..sdp::Format::default()
        };
        assert!(unwrapped(&wrapped, Some(&described("RED"))).is_some());
        assert!(unwrapped(&wrapped, Some(&described("OPUS"))).is_none());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Some(blocks) = blocks(&octets) {
                let data: usize = blocks.iter().map(|(_, data)| data.len()).sum();
                prop_assert_eq!(data + 4 * (blocks.len() - 1) + 1, octets.len());
            }
        }
    }
}
