//! Teredo (RFC 4380): IPv6 in UDP, of addresses that are Teredo's.

use super::{Inside, inside, sound::Rest};
use crate::dissect::link::Layer;

/// Prefix of Teredo's addresses (2.6).
const PREFIX: [u8; 4] = [0x20, 0x01, 0, 0];
const LINK_LOCAL: [u8; 2] = [0xfe, 0x80];

/// An IPv6 packet, perhaps behind an authentication and an origin indication.
pub(super) fn read(rest: Rest<'_>) -> Option<Inside> {
    let mut at = 0;
    if let Some(&[0, 1, client, value]) = rest.octets.first_chunk() {
        at += 4 + usize::from(client) + usize::from(value) + 9;
    }
    if rest.octets.get(at..)?.starts_with(&[0, 0]) {
        at += 8;
    }
    let packet = rest.octets.get(at..)?;
    let (source, destination) = (packet.get(8..24)?, packet.get(24..40)?);
    let ours = |address: &[u8]| address.starts_with(&PREFIX);
    let local = source.starts_with(&LINK_LOCAL);
    if packet.first()? >> 4 != 6 || !(ours(source) || ours(destination) || local) {
        return None;
    }
    inside("teredo", rest, at, Layer::EtherType(0x86dd))
}
