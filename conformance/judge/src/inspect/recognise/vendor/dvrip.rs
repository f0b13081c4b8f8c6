//! DVRIP, of XMEye and Sofia: headers of 20 octets in TCP, and in the data frames
//! behind 00 00 01 and a type.

use super::Carried;

/// Octets of a header; where in it the kind of message and the length stand.
const HEAD: usize = 20;
/// Messages with media: of monitors, of playback, of talk.
const MEDIA: [u16; 4] = [1412, 1426, 1432, 1433];
/// Messages that show it.
const MESSAGES: usize = 3;
/// Octets of a message that are believed.
const MOST: usize = 1 << 20;

/// The data of a direction.
pub(super) fn read(octets: &[u8]) -> Option<Carried> {
    let (mut at, mut messages) = (0, 0);
    let mut data = Vec::new();
    while let Some(head) = octets.get(at..).and_then(|rest| rest.first_chunk::<HEAD>()) {
        let length = u32::from_le_bytes([head[16], head[17], head[18], head[19]]) as usize;
        let fits =
            head[0] == 0xff && head[1] <= 1 && head[2] == 0 && head[3] == 0 && length <= MOST;
        if !fits {
            break;
        }
        let body = octets.get(at + HEAD..).unwrap_or_default();
        let kind = u16::from_le_bytes([head[14], head[15]]);
        if MEDIA.contains(&kind) {
            data.extend_from_slice(&body[..body.len().min(length)]);
        }
        messages += 1;
        at += HEAD + length;
    }
    (messages >= MESSAGES && at >= octets.len()).then(|| Carried {
        name: "dvrip",
        at: 0,
        media: vec![frames(&data).unwrap_or(data)],
        messages,
    })
}

/// Video of frames, without their headers; `None` if there are none.
fn frames(data: &[u8]) -> Option<Vec<u8>> {
    let mut video = Vec::new();
    let mut at = 0;
    while let Some(&[0, 0, 1, kind]) = data.get(at..at + 4) {
        let word = |from: usize| -> Option<usize> {
            let octets = data.get(at + from..)?.first_chunk()?;
            Some(u32::from_le_bytes(*octets) as usize)
        };
        let (head, length) = match kind {
            0xfc | 0xfe => (16, word(12)?),
            0xfd => (8, word(4)?),
            0xf9 | 0xfa => (8, word(4)? >> 16),
            _ => break,
        };
        let body = data.get(at + head..).unwrap_or_default();
        if matches!(kind, 0xfc..=0xfe) {
            video.extend_from_slice(&body[..body.len().min(length)]);
        }
        at += head + length;
    }
    (!video.is_empty()).then_some(video)
}
