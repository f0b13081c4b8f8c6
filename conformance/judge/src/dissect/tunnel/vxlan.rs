//! VXLAN (RFC 7348), its Generic Protocol Extension, and Geneve (RFC 8926).

use super::{Inside, inside, sound::Rest};
use crate::dissect::link::{ETHERNET, Layer};

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const BRIDGED: u16 = 0x6558;

/// VXLAN with its flag I alone, with a group policy (G), or with a next protocol
/// (P); what is reserved is zero.
pub(super) fn read(rest: Rest<'_>) -> Option<Inside> {
    match rest.octets.first_chunk()? {
        [0x08, 0, 0, 0, _, _, _, 0] => inside("vxlan", rest, 8, Layer::Link(ETHERNET)),
        [0x88, 0 | 0x08 | 0x40 | 0x48, _, _, _, _, _, 0] => {
            inside("vxlan", rest, 8, Layer::Link(ETHERNET))
        }
        [0x0c, 0, 0, next, _, _, _, 0] => {
            let layer = match next {
                1 => Layer::EtherType(IPV4),
                2 => Layer::EtherType(IPV6),
                3 => Layer::Link(ETHERNET),
                4 => Layer::EtherType(0x894f),
                5 => Layer::EtherType(0x8847),
                _ => return None,
            };
            inside("vxlan-gpe", rest, 8, layer)
        }
        _ => None,
    }
}

/// Geneve: version 0, a length of options, reserved bits that are zero, and the
/// EtherType of what is inside.
pub(super) fn geneve(rest: Rest<'_>) -> Option<Inside> {
    let &[first, flags, high, low, _, _, _, 0] = rest.octets.first_chunk()? else {
        return None;
    };
    let layer = match u16::from_be_bytes([high, low]) {
        BRIDGED => Layer::Link(ETHERNET),
        ip @ (IPV4 | IPV6) => Layer::EtherType(ip),
        _ => return None,
    };
    if first >> 6 != 0 || flags & 0x3f != 0 {
        return None;
    }
    let options = usize::from(first & 0x3f) * 4;
    inside("geneve", rest, 8 + options, layer)
}
