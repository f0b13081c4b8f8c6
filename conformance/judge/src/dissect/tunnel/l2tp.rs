//! L2TP: version 2 in UDP (RFC 2661), version 3 in IP (RFC 3931).

use super::{Inside, inside, sound::Rest};
use crate::dissect::link::{ETHERNET, Layer};

const CONTROL: u8 = 0x80;
const LENGTH: u8 = 0x40;
const SEQUENCE: u8 = 0x08;
const OFFSET: u8 = 0x02;
/// Bits of the first octet that are zero.
const RESERVED: u8 = 0x34;

/// A data message with PPP in it.
pub(super) fn version_2(rest: Rest<'_>) -> Option<Inside> {
    let octets = rest.octets;
    let &[flags, 2] = octets.first_chunk()? else {
        return None;
    };
    if flags & (CONTROL | RESERVED) != 0 {
        return None;
    }
    let mut at = 2;
    if flags & LENGTH != 0 {
        let stated = u16::from_be_bytes(*octets.get(at..)?.first_chunk()?);
        if usize::from(stated) != octets.len() + rest.missing {
            return None;
        }
        at += 2;
    }
    at += 4;
    if flags & SEQUENCE != 0 {
        at += 4;
    }
    if flags & OFFSET != 0 {
        let padding = u16::from_be_bytes(*octets.get(at..)?.first_chunk()?);
        at += 2 + usize::from(padding);
    }
    inside("l2tp", rest, at, Layer::Ppp)
}

/// A session with Ethernet in it; how long the cookie is, and whether there is a
/// sublayer, was agreed on before.
pub(super) fn version_3(rest: Rest<'_>) -> Option<Inside> {
    let session = u32::from_be_bytes(*rest.octets.first_chunk()?);
    let places = [4, 8, 12, 16].into_iter().filter(|_| session != 0);
    let mut all = places.map(|at| inside("l2tpv3", rest, at, Layer::Link(ETHERNET)));
    all.find_map(|found| found)
}
