//! Protocols whose messages each fill a datagram.

use crate::{
    dissect::{Flow, Stream},
    inspect::Claim,
};

/// Bits over a flow that random octets do not hit.
const PROOF: u32 = 32;
/// After how many datagrams it is seen that a flow is none of all this.
const ENOUGH: usize = 64;

/// A protocol whose messages each fill a datagram.
pub(super) struct Message {
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    /// Reads a datagram; how many bits of it could not be otherwise.
    pub(super) read: fn(&[u8]) -> Option<u32>,
}

/// How often a protocol was read.
#[derive(Clone, Copy, Default)]
struct Seen {
    datagrams: usize,
    bits: u32,
}

/// What nine of ten datagrams of a flow are.
pub(super) fn recognise(flow: &Flow) -> Option<Claim> {
    let messages: Vec<&Message> = super::MESSAGES.iter().copied().flatten().collect();
    let mut seen = vec![Seen::default(); messages.len()];
    let (mut whole, mut cut, mut idle, mut last) = (0_usize, 0_usize, 0_usize, 0);
    let mut read = 0_usize;
    for (datagram, is_cut) in each(&flow.from_a).chain(each(&flow.from_b)) {
        if is_idle(datagram) && !is_cut {
            idle += 1;
            continue;
        }
        let order = std::iter::once(last).chain(0..messages.len());
        let found = order
            .filter_map(|index| {
                let bits = messages.get(index).and_then(|m| (m.read)(datagram))?;
                Some((index, bits))
            })
            .next();
        match found {
            Some((index, bits)) => {
                last = index;
                read += 1;
                whole += 1;
                if let Some(seen) = seen.get_mut(index) {
                    seen.datagrams += 1;
                    seen.bits = seen.bits.saturating_add(bits);
                }
            }
            None if is_cut => cut += 1,
            None => whole += 1,
        }
        if whole + cut >= ENOUGH && read * 2 < whole + cut {
            return None;
        }
    }
    let proved = |seen: &&(usize, Seen)| seen.1.bits >= PROOF;
    let mut found: Vec<_> = seen.into_iter().enumerate().collect();
    found.retain(|seen| proved(&seen));
    found.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.datagrams));
    let proved: usize = found.iter().map(|(_, seen)| seen.datagrams).sum();
    if proved == 0 || proved * 10 < whole * 9 || proved < cut {
        return None;
    }
    let named = found.iter().filter_map(|(index, seen)| {
        let message = messages.get(*index)?;
        Some(format!("{} {}", seen.datagrams, message.name))
    });
    let named: Vec<_> = named.collect();
    let bits = found.iter().map(|(_, seen)| seen.bits).min().unwrap_or(0);
    let mut reason = format!(
        "of {} datagrams were read, whole and in clear: {}; octets at random read so with 2^-{bits}",
        whole + cut,
        named.join(", "),
    );
    if idle > 0 {
        reason += &format!("; besides, {idle} of zeros or line ends, which keep it open");
    }
    let kind = found
        .first()
        .and_then(|(index, _)| messages.get(*index))?
        .kind;
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    Some(Claim::other(kind, reason).at(place))
}

/// The datagrams of a direction, and whether a part of one was not captured.
fn each(stream: &Stream) -> impl Iterator<Item = (&[u8], bool)> {
    stream.parts().map(move |(piece, datagram)| {
        let end = piece.at + datagram.len();
        (datagram, stream.gaps.binary_search(&end).is_ok())
    })
}

/// Whether a datagram says nothing: it keeps an address translation alive.
fn is_idle(datagram: &[u8]) -> bool {
    datagram.len() <= 4
        && (datagram.iter().all(|&o| o == 0) || datagram.iter().all(|o| b"\r\n".contains(o)))
}
