//! What leads through a proxy: SOCKS 4 and 5 (RFC 1928), the PROXY protocol; and
//! what is said behind it.

use crate::{
    dissect::{Flow, Piece, Stream},
    inspect::{Claim, Standing},
};

use super::form::Form;

/// Tunnels within each other that are followed.
const DEEPEST: usize = 3;

/// A handshake with a proxy, and what follows.
pub(super) fn recognise(flow: &Flow, depth: usize) -> Option<Claim> {
    if depth >= DEEPEST {
        return None;
    }
    let sides = [
        (&flow.from_a.bytes, &flow.from_b.bytes, false),
        (&flow.from_b.bytes, &flow.from_a.bytes, true),
    ];
    sides.into_iter().find_map(|(client, server, turned)| {
        let (kind, name, asked, answered) = socks5(client, server)
            .map(|(a, b)| ("socks5", "SOCKS 5", a, b))
            .or_else(|| socks4(client, server).map(|(a, b)| ("socks4", "SOCKS 4", a, b)))
            .or_else(|| proxy(client).map(|a| ("proxy", "the PROXY protocol", a, 0)))?;
        let (a, b) = if turned {
            (answered, asked)
        } else {
            (asked, answered)
        };
        Some(behind(flow, depth, kind, name, (a, b)))
    })
}

/// What a flow is behind so many octets of each direction that a proxy had.
pub(super) fn behind(
    flow: &Flow,
    depth: usize,
    kind: &str,
    name: &str,
    passed: (usize, usize),
) -> Claim {
    let inner = Flow {
        transport: flow.transport,
        a: flow.a,
        b: flow.b,
        state: flow.state,
        from_a: after(&flow.from_a, passed.0),
        from_b: after(&flow.from_b, passed.1),
        first_packet: flow.first_packet,
        packets: flow.packets,
    };
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    let empty = inner.from_a.bytes.is_empty() && inner.from_b.bytes.is_empty();
    if empty {
        return Claim::other(
            kind,
            format!("a handshake of {name} in clear, and nothing behind it"),
        )
        .at(place);
    }
    match super::recognise_within(&inner, depth + 1) {
        Some(claim) => Claim {
            reason: format!("behind a handshake of {name} in clear: {}", claim.reason),
            place,
            ..claim.whole(false)
        },
        None => Claim {
            standing: Standing::Unknown,
            ..Claim::other(
                kind,
                format!("a handshake of {name} in clear; what is behind it was not recognised"),
            )
        }
        .at(place),
    }
}

/// A direction without its first octets.
pub(super) fn after(stream: &Stream, octets: usize) -> Stream {
    let octets = octets.min(stream.bytes.len());
    let first = stream
        .pieces
        .partition_point(|piece| piece.at + piece.length <= octets);
    let pieces = stream.pieces.iter().skip(first).map(|piece| {
        let taken = octets.saturating_sub(piece.at);
        Piece {
            at: piece.at + taken - octets,
            length: piece.length - taken,
            offset: piece.offset + taken,
            ..*piece
        }
    });
    Stream {
        bytes: stream.bytes.get(octets..).unwrap_or_default().to_vec(),
        pieces: pieces.collect(),
        gaps: stream
            .gaps
            .iter()
            .filter(|gap| **gap >= octets)
            .map(|gap| gap - octets)
            .collect(),
        ended: stream.ended,
        ..Stream::default()
    }
}

/// Octets of the handshake of either side, if both spoke it (RFC 1928 3 to 6).
fn socks5(client: &[u8], server: &[u8]) -> Option<(usize, usize)> {
    let (mut asks, mut says) = (Form::new(client), Form::new(server));
    asks.exact(&[5])?;
    let methods = usize::from(asks.u8_in(1..=16)?);
    let offered = asks.take(methods)?;
    says.exact(&[5])?;
    let chosen = says.u8()?;
    if chosen == 0xff {
        return (says.is_at_end() && asks.is_at_end()).then_some((client.len(), server.len()));
    }
    offered.contains(&chosen).then_some(())?;
    if chosen == 2 && !asks.is_at_end() {
        // User and password, in clear (RFC 1929).
        asks.exact(&[1])?;
        for _ in 0..2 {
            let length = usize::from(asks.u8()?);
            asks.skip(length)?;
        }
        says.exact(&[1])?;
        says.skip(1)?;
    }
    if asks.is_at_end() {
        return says.is_at_end().then_some((client.len(), server.len()));
    }
    asks.exact(&[5])?;
    asks.u8_in(1..=3)?;
    asks.exact(&[0])?;
    address(&mut asks)?;
    if says.is_at_end() {
        return Some((asks.at(), says.at()));
    }
    says.exact(&[5])?;
    says.u8_in(0..=8)?;
    says.exact(&[0])?;
    address(&mut says)?;
    Some((asks.at(), says.at()))
}

fn address(form: &mut Form<'_>) -> Option<()> {
    match form.u8()? {
        1 => form.skip(4)?,
        3 => {
            let length = usize::from(form.u8()?);
            form.printable(length)?;
        }
        4 => form.skip(16)?,
        _ => return None,
    }
    form.skip(2)
}

/// Version 4, command, port, address, user; 4A has a name behind it. The answer has
/// eight octets.
fn socks4(client: &[u8], server: &[u8]) -> Option<(usize, usize)> {
    let (mut asks, mut says) = (Form::new(client), Form::new(server));
    asks.exact(&[4])?;
    asks.u8_in(1..=2)?;
    asks.skip(2)?;
    let address: [u8; 4] = asks.array()?;
    asks.c_string(255)?;
    if matches!(address, [0, 0, 0, last] if last > 0) {
        asks.c_string(255)?;
    }
    says.exact(&[0])?;
    says.u8_in(90..=93)?;
    says.skip(6)?;
    Some((asks.at(), says.at()))
}

/// HAProxy's PROXY protocol, versions 1 and 2.
fn proxy(client: &[u8]) -> Option<usize> {
    if client.starts_with(b"PROXY TCP") || client.starts_with(b"PROXY UNKNOWN") {
        let head = client.get(..client.len().min(107))?;
        return Some(head.windows(2).position(|w| w == b"\r\n")? + 2);
    }
    let mut form = Form::new(client);
    form.exact(b"\r\n\r\n\0\r\nQUIT\n")?;
    form.u8_of(&[0x20, 0x21])?;
    form.skip(1)?;
    let length = usize::from(form.u16()?);
    (length <= form.left()).then_some(16 + length)
}
