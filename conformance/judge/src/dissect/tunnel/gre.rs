//! GRE (RFC 2784, RFC 2890), of PPTP (RFC 2637), with ERSPAN and WCCP inside, and in
//! UDP (RFC 8086, and Generic UDP Encapsulation).

use super::{Inside, inside, sound::Rest};
use crate::dissect::link::{ETHERNET, Layer};

const CHECKSUM: u8 = 0x80;
const ROUTING: u8 = 0x40;
const KEY: u8 = 0x20;
const SEQUENCE: u8 = 0x10;
/// Of PPTP, in the octet of the version.
const ACKNOWLEDGED: u8 = 0x80;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const BRIDGED: u16 = 0x6558;
const PPP: u16 = 0x880b;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const WCCP: u16 = 0x883e;
const MPLS: [u16; 2] = [0x8847, 0x8848];

/// GRE behind an IP header.
pub(super) fn read(rest: Rest<'_>) -> Option<Inside> {
    let &[flags, version, high, low] = rest.octets.first_chunk()?;
    let protocol = u16::from_be_bytes([high, low]);
    let mut at = 4;
    match version & 0x07 {
        0 if flags & ROUTING == 0 => {
            let fields = [flags & CHECKSUM, flags & KEY, flags & SEQUENCE];
            at += 4 * fields.iter().filter(|field| **field != 0).count();
        }
        // Payload length and call ID in place of a key.
        1 if flags & KEY != 0 && protocol == PPP => {
            at += 4;
            let fields = [flags & SEQUENCE, version & ACKNOWLEDGED];
            at += 4 * fields.iter().filter(|field| **field != 0).count();
            return inside("pptp", rest, at, Layer::Ppp);
        }
        _ => return None,
    }
    let keyed = flags & KEY != 0;
    match protocol {
        IPV4 | IPV6 => inside("gre", rest, at, Layer::EtherType(protocol)),
        BRIDGED if keyed => inside("nvgre", rest, at, Layer::Link(ETHERNET)),
        BRIDGED => inside("gre", rest, at, Layer::Link(ETHERNET)),
        PPP => inside("gre", rest, at, Layer::Ppp),
        ERSPAN if flags & SEQUENCE == 0 => inside("erspan", rest, at, Layer::Link(ETHERNET)),
        ERSPAN => version_of(rest, at, 1)
            .and_then(|()| inside("erspan", rest, at + 8, Layer::Link(ETHERNET))),
        ERSPAN_III => {
            version_of(rest, at, 2)?;
            let optional = usize::from(rest.octets.get(at + 11)? & 1) * 8;
            inside("erspan", rest, at + 12 + optional, Layer::Link(ETHERNET))
        }
        // The redirect header of version 2 lies before the packet.
        WCCP => inside("wccp", rest, at, Layer::EtherType(IPV4))
            .or_else(|| inside("wccp", rest, at + 4, Layer::EtherType(IPV4))),
        mpls if MPLS.contains(&mpls) => inside("gre", rest, at, Layer::EtherType(mpls)),
        _ => None,
    }
}

/// GRE in a datagram, whose unused bits are zero; or GUE of variant 0 with IP and
/// no flags.
pub(super) fn in_udp(rest: Rest<'_>) -> Option<Inside> {
    match rest.octets.first_chunk()? {
        [0 | 0x20 | 0x80 | 0xa0, 0, 0x08, 0] | [0 | 0x20 | 0x80 | 0xa0, 0, 0x86, 0xdd] => {
            let found = read(rest)?;
            Some(Inside {
                name: "gre-in-udp",
                ..found
            })
        }
        [0, 4 | 41, 0, 0] => inside("gue", rest, 4, Layer::EtherType(IPV4)),
        _ => None,
    }
}

/// Whether the header of ERSPAN there has that version.
fn version_of(rest: Rest<'_>, at: usize, version: u8) -> Option<()> {
    (rest.octets.get(at)? >> 4 == version).then_some(())
}
