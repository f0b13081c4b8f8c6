//! DHCP (RFC 2131, RFC 2132) and DHCP for IPv6 (RFC 8415).

use super::{Reader, Role, Route};

/// Port of servers.
pub const SERVER_PORT: u16 = 67;
/// Port of servers, IPv6.
pub const SERVER_PORT_V6: u16 = 547;

const REQUEST: u8 = 1;
const REPLY: u8 = 2;
/// htype and hlen of Ethernet.
const ETHERNET: [u8; 2] = [1, 6];
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];
const PAD: u8 = 0;
const END: u8 = 255;
const MESSAGE_TYPE: u8 = 53;

/// Reads a message.
pub(super) fn read(reader: &mut Reader<'_>, route: Route) -> Option<Option<Role>> {
    let operation = reader.u8()?;
    let of_ethernet = reader.take(2)? == ETHERNET;
    let hops = reader.u8()?;
    let _xid = reader.take_free(4)?;
    let _secs = reader.u16()?;
    let flags = reader.u16()?;
    let _addresses = reader.take_free(16)?;
    let _hardware_address = reader.take(6)?;
    let padding = reader.take(10)?.iter().all(|&octet| octet == 0);
    let _sname = reader.take_free(64)?;
    let _file = reader.take_free(128)?;
    let cookie = reader.take(4)? == MAGIC_COOKIE;
    let typed = options(reader)?;
    if !of_ethernet || hops > 16 || flags & 0x7fff != 0 || !padding || !cookie || !typed {
        return None;
    }
    match operation {
        REQUEST if route.to == SERVER_PORT => Some(Some(Role::ReceiverServes)),
        REPLY if route.from == SERVER_PORT => Some(Some(Role::SenderServes)),
        _ => None,
    }
}

/// Reads a message; relays are none of what a device talks to.
pub(super) fn read_v6(reader: &mut Reader<'_>, route: Route) -> Option<Option<Role>> {
    let kind = reader.u8()?;
    let _transaction = reader.take_free(3)?;
    while !reader.is_at_end() {
        let _code = reader.u16()?;
        let length = usize::from(reader.u16()?);
        reader.take_free(length)?;
    }
    match kind {
        // Advertise, Reply, Reconfigure.
        2 | 7 | 10 if route.from == SERVER_PORT_V6 => Some(Some(Role::SenderServes)),
        // Solicit, Request, Confirm, Renew, Rebind, Release, Decline,
        // Information-Request.
        1 | 3..=6 | 8 | 9 | 11 if route.to == SERVER_PORT_V6 => Some(Some(Role::ReceiverServes)),
        _ => None,
    }
}

/// Options up to the end option, and padding; whether one of them says what
/// the message is.
fn options(reader: &mut Reader<'_>) -> Option<bool> {
    let mut typed = false;
    loop {
        match reader.u8()? {
            PAD => {}
            END => {
                reader.zeros()?;
                return Some(typed);
            }
            MESSAGE_TYPE => {
                typed = reader.u8()? == 1 && matches!(reader.u8()?, 1..=8);
            }
            _ => {
                let length = usize::from(reader.u8()?);
                reader.take_free(length)?;
            }
        }
    }
}
