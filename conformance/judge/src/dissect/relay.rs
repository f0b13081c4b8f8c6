//! Datagrams inside what relays them: TURN's channels and indications (RFC 8656
//! 12.4, 11), over UDP or TCP (RFC 8656 3.1), and the framing of datagrams in TCP
//! (RFC 4571).

use std::ops::Range;

use lightleak_case::TransportProtocol;

use super::{Flow, Stream, stun};

/// The magic cookie of STUN (RFC 8489 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
/// Octets of the header of STUN.
const STUN: usize = 20;
/// DATA, an attribute (RFC 8656 18.4).
const DATA: u16 = 0x0013;
/// Send and Data, methods of indications (RFC 8656 17).
const METHODS: [u16; 2] = [6, 7];
/// Octets of the header of ChannelData.
const CHANNEL: usize = 4;

/// A datagram, and how it was carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relayed<'a> {
    /// Where it begins in the stream.
    pub at: usize,
    /// The datagram.
    pub octets: &'a [u8],
    /// What carries it.
    pub by: By,
    /// Whether only its beginning was captured.
    pub cut: bool,
}

/// What carries a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Nothing but UDP.
    Udp,
    /// A channel of TURN.
    Channel,
    /// An indication of TURN.
    Indication,
    /// TCP, behind its length.
    Length,
    /// TCP, as it is: STUN.
    Tcp,
}

/// The datagrams of a direction, in order. Of TCP there are none unless it begins
/// with STUN or with a datagram behind its length, and those up to the first gap.
pub fn datagrams<'a>(flow: &Flow, stream: &'a Stream) -> Vec<Relayed<'a>> {
    match flow.transport {
        TransportProtocol::Udp | TransportProtocol::Sctp => {
            let parts = stream.parts();
            let outer = parts.map(|(piece, octets)| Relayed {
                at: piece.at,
                octets,
                by: By::Udp,
                cut: stream
                    .gaps
                    .binary_search(&(piece.at + octets.len()))
                    .is_ok(),
            });
            outer.map(unwrap).collect()
        }
        TransportProtocol::Tcp => {
            let bytes = stream.beginning();
            match (is_stun(bytes) || channel(bytes).is_some(), frame(bytes)) {
                (true, _) => self_delimiting(bytes),
                (false, Some(_)) => behind_lengths(bytes),
                (false, None) => Vec::new(),
            }
        }
    }
}

/// What is inside, if it is a channel's or an indication's; else itself.
fn unwrap(outer: Relayed<'_>) -> Relayed<'_> {
    let channel = channel_data(outer.octets).map(|range| (range, By::Channel));
    let inner = channel.or_else(|| Some((indication(outer.octets)?, By::Indication)));
    let inner = inner.and_then(|(range, by)| {
        Some(Relayed {
            at: outer.at + range.start,
            octets: outer.octets.get(range)?,
            by,
            cut: outer.cut,
        })
    });
    inner.unwrap_or(outer)
}

/// Where the application data of a channel lie in a datagram that is ChannelData
/// (RFC 8656 12.4). Padding may follow them over UDP as well (12.5).
pub fn channel_data(octets: &[u8]) -> Option<Range<usize>> {
    let end = CHANNEL + channel(octets)?;
    let behind = octets.len().checked_sub(end)?;
    (behind < 4).then_some(CHANNEL..end)
}

/// Where DATA of a Send or Data indication lies in it (RFC 8656 11).
pub fn indication(octets: &[u8]) -> Option<Range<usize>> {
    if !is_stun(octets) {
        return None;
    }
    let message = stun::Message::read(octets)?;
    let is_one = message.class == stun::Class::Indication && METHODS.contains(&message.method);
    let (_, range) = message.attributes.iter().find(|(kind, _)| *kind == DATA)?;
    is_one.then(|| range.clone())
}

/// STUN and ChannelData one behind the other.
fn self_delimiting(bytes: &[u8]) -> Vec<Relayed<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let length = match rest {
            [0x40..=0x4f, ..] => channel(rest).map(|l| CHANNEL + l.next_multiple_of(4)),
            [_, _, l0, l1, ..] if is_stun(rest) => {
                Some(STUN + usize::from(u16::from_be_bytes([*l0, *l1])))
            }
            _ => None,
        };
        let Some(octets) = length.and_then(|length| rest.get(..length)) else {
            return found;
        };
        let by = By::Tcp;
        found.push(unwrap(Relayed {
            at,
            octets,
            by,
            cut: false,
        }));
        at += octets.len();
    }
    found
}

/// Datagrams behind their lengths (RFC 4571 2).
fn behind_lengths(bytes: &[u8]) -> Vec<Relayed<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((length, rest)) = bytes.get(at..).and_then(|b| b.split_first_chunk::<2>()) {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some(octets) = rest.get(..length) else {
            return found;
        };
        let inner = Relayed {
            at: at + 2,
            octets,
            by: By::Length,
            cut: false,
        };
        found.push(unwrap(inner));
        at += 2 + length;
    }
    found
}

/// Whether octets begin with a length and behind it STUN or a handshake of DTLS.
fn frame(bytes: &[u8]) -> Option<()> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let datagram = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    let whole = |at: usize| datagram.get(at..at + 2).and_then(|l| l.first_chunk::<2>());
    let stun = is_stun(datagram)
        && whole(2).is_some_and(|l| STUN + usize::from(u16::from_be_bytes(*l)) == datagram.len());
    let dtls = matches!(datagram, [22, 0xfe, 0xfd | 0xff, 0, 0, ..])
        && whole(11).is_some_and(|l| 13 + usize::from(u16::from_be_bytes(*l)) <= datagram.len());
    (stun || dtls).then_some(())
}

/// Whether octets begin with the header of STUN.
pub fn is_stun(octets: &[u8]) -> bool {
    octets.first().is_some_and(|first| *first < 0x40) && octets.get(4..8) == Some(&COOKIE)
}

/// The length in the header of ChannelData.
fn channel(octets: &[u8]) -> Option<usize> {
    let &[0x40..=0x4f, _, l0, l1] = octets.first_chunk()? else {
        return None;
    };
    Some(usize::from(u16::from_be_bytes([l0, l1])))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dissect::FlowState;

    fn flow(transport: TransportProtocol, datagrams: &[&[u8]]) -> Flow {
        let mut from_a = Stream::default();
        for octets in datagrams {
            from_a.push(octets, 1, 0, 0);
        }
        Flow {
            transport,
            a: "192.0.2.1:1".parse().unwrap(),
            b: "192.0.2.2:2".parse().unwrap(),
            state: FlowState::Open,
            from_a,
            from_b: Stream::default(),
            first_packet: 1,
            packets: 1,
        }
    }

    fn indication(inner: &[u8]) -> Vec<u8> {
        let padded = inner.len().next_multiple_of(4);
        let mut octets = vec![0, 0x16, 0, (4 + padded) as u8];
        octets.extend(COOKIE);
        octets.extend([7; 12]);
        octets.extend([0, 0x13, 0, inner.len() as u8]);
        octets.extend(inner);
        octets.resize(STUN + 4 + padded, 0);
        octets
    }

    #[test]
    fn channels_and_indications_are_opened() {
        let sent = [
            &[0x40, 1, 0, 5, 1, 2, 3, 4, 5, 0, 0, 0][..],
            &indication(b"inner"),
            b"plain",
        ];
        for transport in [TransportProtocol::Udp, TransportProtocol::Tcp] {
            let flow = flow(transport, &sent);
            let found = datagrams(&flow, &flow.from_a);
            let found: Vec<_> = found.iter().map(|d| (d.octets, d.by)).collect();
            assert_eq!(found[0], (&[1, 2, 3, 4, 5][..], By::Channel));
            assert_eq!(found[1], (&b"inner"[..], By::Indication));
            let udp = transport == TransportProtocol::Udp;
            assert_eq!(found.get(2), udp.then_some(&(&b"plain"[..], By::Udp)));
        }
    }

    #[test]
    fn lengths_in_tcp_are_followed() {
        let mut stun = indication(b"x");
        stun[0..2].copy_from_slice(&[0, 1]);
        let length = [0, stun.len() as u8];
        let sent = [&length[..], &stun, &[0, 3], b"abc", &[0, 9, 1]];
        let flow = flow(TransportProtocol::Tcp, &sent);
        let found = datagrams(&flow, &flow.from_a);
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].octets, found[1].by), (&b"abc"[..], By::Length));
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(any::<u8>(), 0..80),
            first in prop_oneof![Just(0_u8), Just(0x40), any::<u8>()],
            cookie in any::<bool>(),
        ) {
            let mut sent = octets;
            if let Some(there) = sent.first_mut() {
                *there = first;
            }
            if let Some(there) = sent.get_mut(4..8).filter(|_| cookie) {
                there.copy_from_slice(&COOKIE);
            }
            for transport in [TransportProtocol::Udp, TransportProtocol::Tcp] {
                let flow = flow(transport, &[&sent, &sent]);
                let _ = datagrams(&flow, &flow.from_a);
            }
        }
    }
}
