//! uTP (BEP 29): a stream in datagrams, told by its connection rather than by one
//! header.

use crate::{
    dissect::{Flow, Stream},
    inspect::Claim,
};

use super::form::Form;

/// Packets of a direction that are looked at for what the stream carries.
const MOST: usize = 64;

/// A connection whose every packet has its identifiers: that of one direction is one
/// more than that of the other, and each packet acknowledges what was numbered.
pub(super) fn recognise(flow: &Flow) -> Option<Claim> {
    let a = side(&flow.from_a)?;
    let b = side(&flow.from_b)?;
    let paired = a.connection.abs_diff(b.connection) == 1;
    // Identifiers are 16 bits and the same in all packets, versions and types 5.
    if !paired || a.packets + b.packets < 4 {
        return None;
    }
    let packets = a.packets + b.packets;
    let reason = format!("{packets} packets of one connection of uTP");
    let place = flow.from_a.place(0).or_else(|| flow.from_b.place(0));
    let claim = match a.named || b.named {
        true => Claim::other(
            "bittorrent",
            format!("{reason}, with BitTorrent's handshake in clear"),
        ),
        false => Claim::unknown(
            "utp",
            format!("{reason}; what they carry was not recognised"),
        ),
    };
    Some(claim.at(place))
}

struct Side {
    packets: usize,
    connection: u16,
    /// Whether a handshake of BitTorrent is in clear in it.
    named: bool,
}

fn side(stream: &Stream) -> Option<Side> {
    let mut side: Option<Side> = None;
    for (_, datagram) in stream.parts() {
        let mut form = Form::new(datagram);
        let first = form.u8()?;
        (first & 0xf == 1 && first >> 4 <= 4).then_some(())?;
        let mut extension = form.u8()?;
        let connection = form.u16()?;
        form.skip(16)?;
        while extension != 0 {
            (extension <= 3).then_some(())?;
            extension = form.u8()?;
            let length = usize::from(form.u8()?);
            form.skip(length)?;
        }
        let begins = form.rest().starts_with(b"\x13BitTorrent protocol");
        let side = side.get_or_insert(Side {
            packets: 0,
            connection,
            named: false,
        });
        // A SYN has the identifier of the other direction (BEP 29, connection setup).
        if first >> 4 == 4 && side.packets == 0 {
            side.connection = connection.wrapping_add(1);
        } else {
            (connection == side.connection || first >> 4 == 4).then_some(())?;
        }
        side.packets += 1;
        side.named |= begins && side.packets <= MOST;
    }
    side
}
