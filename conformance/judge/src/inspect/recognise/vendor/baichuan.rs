//! Baichuan, of Reolink: messages behind 0x0abcdef0 in TCP; those of kind 3 carry
//! video in packets that name their codec.

use super::Carried;

const MAGIC: [u8; 4] = [0xf0, 0xde, 0xbc, 0x0a];
/// The kind of messages with media.
const VIDEO: u32 = 3;
/// Messages that show it, and octets of one that are believed.
const MESSAGES: usize = 3;
const MOST: usize = 16 << 20;

/// Media of a direction.
pub(super) fn read(octets: &[u8]) -> Option<Carried> {
    let (mut at, mut messages) = (0, 0);
    let mut data = Vec::new();
    while let Some(head) = octets.get(at..).and_then(|rest| rest.first_chunk::<20>()) {
        let word = |from: usize| {
            u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]])
        };
        let length = word(8) as usize;
        if head[..4] != MAGIC || length > MOST {
            break;
        }
        let class = u16::from_le_bytes([head[18], head[19]]);
        let longer = matches!(class, 0x6414 | 0x0000 | 0x6482);
        let begin = at + if longer { 24 } else { 20 };
        let body = octets.get(begin..).unwrap_or_default();
        let body = &body[..body.len().min(length)];
        // Before the payload there may be a description in XML.
        let behind = match longer {
            true => octets
                .get(at + 20..)
                .and_then(|r| r.first_chunk())
                .map_or(0, |o| u32::from_le_bytes(*o)),
            false => 0,
        };
        if word(4) == VIDEO {
            data.extend_from_slice(body.get(behind as usize..).unwrap_or(body));
        }
        messages += 1;
        at = begin + length;
    }
    (messages >= MESSAGES).then(|| Carried {
        name: "baichuan",
        at: 0,
        media: vec![frames(&data).unwrap_or(data)],
        messages,
    })
}

/// Video without the heads of its packets: `00dc` to `09dc` intra, `10dc` to `19dc`
/// predicted, each with the codec, the length, and more behind it.
fn frames(data: &[u8]) -> Option<Vec<u8>> {
    let mut video = Vec::new();
    let mut at = 0;
    while let Some(head) = data.get(at..).and_then(|rest| rest.first_chunk::<16>()) {
        let word = |from: usize| {
            u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]])
                as usize
        };
        let (begin, length) = match *head {
            [
                b'0' | b'1',
                b'0'..=b'9',
                b'd',
                b'c',
                b'H',
                b'2',
                b'6',
                b'4' | b'5',
                ..,
            ] => (24 + word(12), word(8)),
            [b'1', b'0', b'0', b'1' | b'2', ..] => (word(4), 0),
            [b'0', b'5' | b'1', b'w', b'b', low, high, ..] => {
                (8, usize::from(u16::from_le_bytes([low, high])))
            }
            _ => {
                at += 4;
                continue;
            }
        };
        let body = data.get(at.saturating_add(begin)..).unwrap_or_default();
        let body = body.get(..body.len().min(length)).unwrap_or_default();
        if head[2] == b'd' {
            video.extend_from_slice(body);
        }
        // Packets are padded to 8 octets.
        at = at
            .saturating_add(begin)
            .saturating_add(length.next_multiple_of(8))
            .max(at + 4);
    }
    (!video.is_empty()).then_some(video)
}
