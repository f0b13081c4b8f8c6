//! SMB 3 with encryption (MS-SMB2 2.2.41): messages behind a TRANSFORM_HEADER,
//! whose lengths lead from one to the next.

use lightleak_case::TransportProtocol;

use crate::{
    dissect::{Flow, Place, Stream},
    inspect::{Claim, Scene},
};

/// Octets of the TRANSFORM_HEADER.
const TRANSFORM: usize = 52;
/// Messages of a direction that are followed.
const MOST: usize = 1 << 16;

pub(super) fn recognise(_: &Scene<'_>, flow: &Flow) -> Vec<Claim> {
    if flow.transport != TransportProtocol::Tcp {
        return Vec::new();
    }
    let sides = [Side::read(&flow.from_a), Side::read(&flow.from_b)];
    let sealed: usize = sides.iter().map(|s| s.sealed).sum();
    let clear: usize = sides.iter().map(|s| s.clear).sum();
    let after: usize = sides.iter().map(|s| s.clear_after).sum();
    let place = sides
        .iter()
        .filter_map(|s| s.first)
        .min_by_key(|p| p.packet);
    // In clear: negotiation and sign-in, and what shares are not encrypted.
    if sealed < 2 || after > 0 {
        return Vec::new();
    }
    let packet = place.map_or(0, |place| place.packet);
    let reason = format!(
        "{sealed} encrypted messages of SMB 3, from packet {packet} on, behind {clear} in clear; their lengths lead to the next"
    );
    vec![Claim::sealed("smb3", reason).at(place)]
}

/// What one end sent.
#[derive(Default)]
struct Side {
    clear: usize,
    sealed: usize,
    /// Messages in clear behind encrypted ones.
    clear_after: usize,
    first: Option<Place>,
}

impl Side {
    fn read(stream: &Stream) -> Self {
        let mut side = Self::default();
        let bytes = stream.beginning();
        let end = bytes.len();
        let mut at = 0;
        for _ in 0..MOST {
            // Direct TCP transport: a zero, and the length of the message (2.1).
            let Some(&[0, high, middle, low, magic, b'S', b'M', b'B']) =
                bytes.get(at..).and_then(|rest| rest.first_chunk())
            else {
                break;
            };
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            let message = bytes
                .get(at + 4..(at + 4 + length).min(end))
                .unwrap_or_default();
            match magic {
                0xfd if is_transform(message, length) => {
                    side.sealed += 1;
                    side.first = side.first.or(stream.place(at));
                }
                0xfe | 0xff | 0xfc => {
                    side.clear += 1;
                    side.clear_after += usize::from(side.sealed > 0);
                }
                _ => break,
            }
            at += 4 + length;
        }
        side
    }
}

/// Whether a message of that length begins with a TRANSFORM_HEADER whose fields fit.
fn is_transform(message: &[u8], length: usize) -> bool {
    let Some(head) = message.first_chunk::<TRANSFORM>() else {
        return false;
    };
    let size = u32::from_le_bytes([head[36], head[37], head[38], head[39]]) as usize;
    let flags = u16::from_le_bytes([head[42], head[43]]);
    size + TRANSFORM == length && flags == 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::inspect::recognise::talk::{alone, noise, tcp, told};

    use super::*;

    fn message(magic: u8, length: usize) -> Vec<u8> {
        let mut octets = vec![magic, b'S', b'M', b'B'];
        octets.extend(noise(1, 32));
        octets.extend((length as u32).to_le_bytes());
        octets.extend([0, 0, 1, 0]);
        octets.extend(noise(2, 8 + length));
        [&(octets.len() as u32).to_be_bytes()[..], &octets].concat()
    }

    #[test]
    fn encrypted_messages_seal_what_follows_the_negotiation() {
        let client = [message(0xfe, 60), message(0xfd, 100)].concat();
        let server = [message(0xfe, 80), message(0xfd, 300)].concat();
        let flow = tcp(&[(true, client.clone()), (false, server)]);
        assert_eq!(told(recognise, &flow), Some(("sealed", "smb3".into())));
        let mixed = [message(0xfd, 60), message(0xfe, 100)].concat();
        let flow = tcp(&[(true, client), (false, mixed)]);
        assert_eq!(told(recognise, &flow), None);
        let mut wrong = message(0xfd, 60);
        wrong[40] ^= 1;
        let flow = tcp(&[(true, wrong.clone()), (false, wrong)]);
        assert_eq!(told(recognise, &flow), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..80), cut in 0..120_usize) {
            let mut cut_ = message(0xfd, 60);
            cut_.truncate(cut);
            cut_.extend(&octets);
            let _ = alone(recognise, &tcp(&[(true, cut_), (false, octets)]));
        }
    }
}
