//! Protocols whose messages follow each other in a stream.

use crate::{
    dissect::{Flow, FlowState, Stream},
    inspect::Claim,
};

use super::form::Frame;

/// Bits over a flow that random octets do not hit.
const PROOF: u32 = 32;
/// How often reading starts again at a segment in one direction.
const MOST_STARTS: usize = 48;
/// Octets of the rest of a message.
const MOST_REST: usize = 3000;

/// A protocol whose messages follow each other in a stream.
pub(super) struct Frames {
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    /// Reads the message that octets begin with, of which the end may not have been
    /// captured.
    pub(super) read: fn(&[u8]) -> Option<Frame>,
}

/// What was read of a direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    pub(super) messages: usize,
    pub(super) bits: u32,
    /// Octets of messages, and those of no message that are not beside a gap.
    pub(super) read: usize,
    pub(super) unread: usize,
}

/// What nine of ten octets of both directions are.
pub(super) fn recognise(flow: &Flow) -> Option<Claim> {
    let lists = super::FRAMES.iter().copied().flatten();
    lists.into_iter().find_map(|frames| claim(flow, frames))
}

fn claim(flow: &Flow, frames: &Frames) -> Option<Claim> {
    let chains = [
        chain(&flow.from_a, frames.read),
        chain(&flow.from_b, frames.read),
    ];
    let (a, b, amid) = match chains {
        [Some(a), Some(b)] => (a, b, 0),
        // Who asks and who answers speak one protocol: of the one of them that was
        // joined amid a message, its rest is all that was captured.
        [Some(a), None] if is_rest(flow, &flow.from_b) && a.bits >= PROOF + 8 => {
            (a, Chain::default(), flow.from_b.bytes.len())
        }
        [None, Some(b)] if is_rest(flow, &flow.from_a) && b.bits >= PROOF + 8 => {
            (Chain::default(), b, flow.from_a.bytes.len())
        }
        _ => return None,
    };
    let bits = a.bits.saturating_add(b.bits);
    if bits < PROOF {
        return None;
    }
    let mut reason = format!(
        "{} messages of {} in clear follow each other, {} from the one side and {} from the other; octets at random read so with 2^-{bits}",
        a.messages + b.messages,
        frames.name,
        a.messages,
        b.messages,
    );
    if amid > 0 {
        reason += &format!("; {amid} octets of one side are the rest of a message");
    }
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    Some(Claim::other(frames.kind, reason).at(place))
}

/// Whether a direction may be the rest of one message: the flow was joined, and it is
/// two segments or less.
fn is_rest(flow: &Flow, stream: &Stream) -> bool {
    let joined = flow.state == FlowState::Joined;
    joined && stream.pieces.len() <= 2 && stream.bytes.len() <= MOST_REST
}

/// The first gap behind `at` and before `end`.
pub(super) fn gap(stream: &Stream, at: usize, end: usize) -> Option<usize> {
    let next = stream.gaps.partition_point(|gap| *gap <= at);
    stream.gaps.get(next).copied().filter(|gap| *gap < end)
}

/// Reads a direction, message by message. After a gap, and where the capture began
/// amid a message, reading starts again with a segment. `None` if a tenth of it or
/// more is no message.
pub(super) fn chain(stream: &Stream, read: fn(&[u8]) -> Option<Frame>) -> Option<Chain> {
    let octets = &stream.bytes;
    let mut chain = Chain::default();
    let mut starts = 0;
    let mut at = 0;
    // Whether octets may be missing before `at`: then one cannot tell where a
    // message begins.
    let mut adrift = false;
    while at < octets.len() {
        let rest = octets.get(at..).unwrap_or_default();
        if let Some(frame) = read(rest).filter(|frame| frame.octets > 0) {
            let end = at.saturating_add(frame.octets);
            let gap = gap(stream, at, end);
            adrift = gap.is_some();
            let end = gap.unwrap_or(end).min(octets.len());
            chain.messages += 1;
            chain.bits = chain.bits.saturating_add(frame.bits);
            chain.read += end - at;
            at = end;
            continue;
        }
        starts += 1;
        if starts > MOST_STARTS {
            chain.unread += octets.len() - at;
            break;
        }
        adrift |= stream.gaps.binary_search(&at).is_ok();
        let next = stream.pieces.partition_point(|piece| piece.at <= at);
        let next = stream.pieces.get(next).map_or(octets.len(), |p| p.at);
        match adrift && chain.messages > 0 {
            true => {}
            false => chain.unread += next - at,
        }
        if chain.unread * 10 > octets.len() {
            return None;
        }
        at = next;
    }
    (octets.is_empty() || chain.messages > 0 && chain.unread * 10 <= chain.read).then_some(chain)
}
