//! PPPP, also called iLnkP2P: packets behind 0xf1, a type and a length in UDP; data
//! in numbered packets (DRW), by channel.

use std::collections::BTreeMap;

use crate::dissect::Stream;

use super::Carried;

/// What every packet begins with, and the type of those with data.
const MAGIC: u8 = 0xf1;
const DRW: u8 = 0xd0;
/// What begins data, and channels.
const DATA: u8 = 0xd1;
const CHANNELS: u8 = 8;
/// Packets that show it.
const PACKETS: usize = 4;
/// Octets that are kept.
const MOST: usize = 64 << 20;

/// The data of a direction, by channel and in order of their numbers.
pub(super) fn read(stream: &Stream) -> Option<Carried> {
    let (mut packets, mut others, mut octets) = (0, 0, 0);
    // Numbers wrap at 65536.
    let mut channels: BTreeMap<u8, (i64, BTreeMap<i64, &[u8]>)> = BTreeMap::new();
    for (_, datagram) in stream.parts() {
        let Some((kind, body)) = body(datagram) else {
            others += 1;
            continue;
        };
        packets += 1;
        if let (DRW, [DATA, channel, high, low, data @ ..]) = (kind, body)
            && *channel < CHANNELS
            && octets < MOST
        {
            let number = u16::from_be_bytes([*high, *low]);
            let (last, known) = channels
                .entry(*channel)
                .or_insert((i64::from(number), BTreeMap::new()));
            let step = number.wrapping_sub(*last as u16) as i16;
            let at = *last + i64::from(step);
            *last = at.max(*last);
            octets += data.len();
            known.entry(at).or_insert(data);
        }
        if packets + others == PACKETS && packets < PACKETS / 2 {
            return None;
        }
    }
    (packets >= PACKETS && packets > 3 * others).then(|| Carried {
        name: "pppp",
        at: 0,
        media: channels
            .into_values()
            .map(|(_, data)| data.into_values().flatten().copied().collect())
            .collect(),
        messages: packets,
    })
}

fn body(datagram: &[u8]) -> Option<(u8, &[u8])> {
    let [MAGIC, kind, high, low, body @ ..] = datagram else {
        return None;
    };
    (usize::from(u16::from_be_bytes([*high, *low])) == body.len()).then_some((*kind, body))
}
