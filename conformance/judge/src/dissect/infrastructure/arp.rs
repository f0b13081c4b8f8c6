//! ARP (RFC 826) for IPv4 over Ethernet.

use std::net::{IpAddr, Ipv4Addr};

use super::Reader;

/// Hardware type of Ethernet, its address length, and that of IPv4.
const ETHERNET: u16 = 1;
const IPV4: u16 = 0x0800;
const LENGTHS: [u8; 2] = [6, 4];

/// Octets that fill up the shortest Ethernet frame.
const PADDING: usize = 18;

/// Reads a request or a reply and the padding behind it; gives its sender.
pub fn read(reader: &mut Reader<'_>) -> Option<IpAddr> {
    let ours = reader.u16()? == ETHERNET && reader.u16()? == IPV4 && reader.take(2)? == LENGTHS;
    let operation = reader.u16()?;
    let _hardware_address = reader.take(6)?;
    let sender: [u8; 4] = *reader.take(4)?.first_chunk()?;
    let _target_hardware_address = reader.take(6)?;
    let _target = reader.take_free(4)?;
    // Some senders pad with what their memory holds.
    let padding = reader.left();
    reader.take_free(padding)?;
    (ours && matches!(operation, 1 | 2) && padding <= PADDING)
        .then(|| Ipv4Addr::from(sender).into())
}
