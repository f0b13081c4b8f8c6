//! RTMP (Adobe's specification, 1.0) in a TCP flow: no more than that it is.

use super::{Flow, Span};

/// The version (5.2.2), and octets of what either side says of itself (5.2.3).
const VERSION: u8 = 3;
const HANDSHAKE: usize = 1536;
/// Octets of that which the other side repeats (5.2.4): behind two times.
const REPEATED: usize = 8;

/// How a client begins, in AMF 0: the name of its first command.
const CONNECT: &[u8] = b"\x02\x00\x07connect";

/// Whether whoever opened the flow said what a client of RTMP says first.
pub fn is_asked(flow: &Flow) -> bool {
    hello(&flow.from_a.bytes).is_some()
}

/// Where the answer to a client of RTMP lies, if it is one: both said version and
/// hello, and the other repeated that of the first, or was told a command then.
pub fn answer(flow: &Flow) -> Option<Span> {
    let (theirs, said) = hello(&flow.from_a.bytes)?;
    let (_, rest) = hello(&flow.from_b.bytes)?;
    let repeats = rest.get(REPEATED..HANDSHAKE) == theirs.get(REPEATED..);
    let commands = said.windows(CONNECT.len()).any(|w| w == CONNECT);
    match repeats || commands {
        true => flow.from_b.span(0, 1 + HANDSHAKE),
        false => None,
    }
}

/// What a side says of itself, and what comes then.
fn hello(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    octets.strip_prefix(&[VERSION])?.split_at_checked(HANDSHAKE)
}
