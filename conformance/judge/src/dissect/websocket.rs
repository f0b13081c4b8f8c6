//! WebSocket (RFC 6455 5): the messages of a direction, unmasked.

/// Octets of a frame that are believed.
const MOST: usize = 64 << 20;
/// Frames that show a direction where no handshake was captured.
const CHAIN: usize = 4;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whether it is text.
    pub text: bool,
    /// What it says.
    pub body: Vec<u8>,
    /// Where its first frame begins.
    pub at: usize,
}

/// The messages from `at` on, as far as frames lead to one another, and how many
/// frames there are and where they end.
pub fn messages(octets: &[u8], at: usize) -> (Vec<Message>, usize, usize) {
    let (mut at, mut frames) = (at, 0);
    let mut messages: Vec<Message> = Vec::new();
    let mut open = false;
    while let Some((opcode, last, body, next)) = frame(octets, at) {
        match opcode {
            0 if open => {
                if let Some(message) = messages.last_mut() {
                    message.body.extend(body);
                }
                open = !last;
            }
            1 | 2 if !open => {
                messages.push(Message {
                    text: opcode == 1,
                    body,
                    at,
                });
                open = !last;
            }
            8..=10 if last => {}
            _ => break,
        }
        frames += 1;
        at = next;
    }
    (messages, frames, at)
}

/// The messages of a direction whose handshake was not captured: nothing but frames.
pub fn joined(octets: &[u8]) -> Option<Vec<Message>> {
    let (messages, frames, end) = messages(octets, 0);
    let rest = octets.get(end..).unwrap_or_default();
    // The last frame may be cut.
    let is_cut = rest.is_empty() || head(octets, end).is_some_and(|h| h.next > octets.len());
    (frames >= CHAIN && is_cut).then_some(messages)
}

struct Head {
    opcode: u8,
    last: bool,
    mask: Option<[u8; 4]>,
    body: usize,
    next: usize,
}

/// 5.2, without extensions but one that compresses, which is not read.
fn head(octets: &[u8], at: usize) -> Option<Head> {
    let [first, second] = *octets.get(at..)?.first_chunk()?;
    (first & 0x70 == 0).then_some(())?;
    let (length, from) = match second & 0x7f {
        126 => {
            let length = u16::from_be_bytes(*octets.get(at + 2..)?.first_chunk()?);
            (length > 125).then_some((usize::from(length), at + 4))?
        }
        127 => {
            let length = u64::from_be_bytes(*octets.get(at + 2..)?.first_chunk()?);
            let length = usize::try_from(length).ok()?;
            (length > 0xffff && length <= MOST).then_some((length, at + 10))?
        }
        length => (usize::from(length), at + 2),
    };
    let mask = match second & 0x80 {
        0 => None,
        _ => Some(*octets.get(from..)?.first_chunk()?),
    };
    let body = from + if mask.is_some() { 4 } else { 0 };
    Some(Head {
        opcode: first & 15,
        last: first & 0x80 != 0,
        mask,
        body,
        next: body + length,
    })
}

/// Opcode, FIN, body, and where the next frame begins.
fn frame(octets: &[u8], at: usize) -> Option<(u8, bool, Vec<u8>, usize)> {
    let head = head(octets, at)?;
    let body = octets.get(head.body..head.next)?;
    let body = match head.mask {
        None => body.to_vec(),
        Some(mask) => body
            .iter()
            .zip(mask.iter().cycle())
            .map(|(o, m)| o ^ m)
            .collect(),
    };
    Some((head.opcode, head.last, body, head.next))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_are_unmasked_and_put_together() {
        let mut octets = vec![0x02, 0x83, 1, 2, 3, 4, b'a' ^ 1, b'b' ^ 2, b'c' ^ 3];
        octets.extend([0x89, 0, 0x80, 1, b'd', 0x81, 2, b'h', b'i']);
        let messages = joined(&octets).unwrap();
        let told: Vec<_> = messages.iter().map(|m| (m.text, &m.body[..])).collect();
        assert_eq!(told, [(false, &b"abcd"[..]), (true, b"hi")]);
        assert_eq!(joined(b"\x16\x03\x01\x02\x00\x01\x00"), None);
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = joined(&octets);
        }
    }
}
