//! The user plane of GTP (3GPP TS 29.281): what a phone sends through its network.

use super::{Inside, inside, sound::Rest};
use crate::dissect::link::Layer;

/// Message type of a G-PDU.
const G_PDU: u8 = 255;
const MANDATORY: usize = 8;
const OPTIONAL: usize = 4;
/// Extension headers of one packet.
const MOST_EXTENSIONS: usize = 8;

/// A G-PDU of version 1 whose length is that of the datagram.
pub(super) fn read(rest: Rest<'_>) -> Option<Inside> {
    let octets = rest.octets;
    let &[flags, G_PDU, high, low, ..] = octets.first_chunk::<8>()? else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let is_version_1 = flags & 0xf8 == 0x30;
    if !is_version_1 || MANDATORY + length != octets.len() + rest.missing {
        return None;
    }
    let mut at = MANDATORY;
    if flags & 0x07 != 0 {
        let mut next = match flags & 0x04 {
            0 => 0,
            _ => *octets.get(at + 3)?,
        };
        at += OPTIONAL;
        for _ in 0..MOST_EXTENSIONS {
            if next == 0 {
                break;
            }
            let units = usize::from(*octets.get(at)?);
            if units == 0 {
                return None;
            }
            at += units * 4;
            next = *octets.get(at - 1)?;
        }
    }
    inside("gtp-u", rest, at, Layer::EtherType(0x0800))
}
