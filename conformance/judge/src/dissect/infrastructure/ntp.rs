//! NTP (RFC 5905) between a client and its server.

use super::{Reader, Role, Route};

/// Port of NTP.
pub const PORT: u16 = 123;

const CLIENT: u8 = 3;
const SERVER: u8 = 4;
const BROADCAST: u8 = 5;
/// Octets of a MAC: key identifier, and digest of MD5 or SHA-1.
const MACS: [usize; 2] = [20, 24];
/// Octets of an extension field at least (RFC 7822 7.5).
const SHORTEST_EXTENSION: usize = 16;

/// Reads a packet.
pub(super) fn read(reader: &mut Reader<'_>, route: Route) -> Option<Option<Role>> {
    let first = reader.u8()?;
    let (version, mode) = (first >> 3 & 7, first & 7);
    let stratum = reader.u8()?;
    let poll = reader.u8()?.cast_signed();
    let _precision = reader.u8()?;
    // Root delay and dispersion, reference identifier; then the reference,
    // origin, receive and transmit timestamps.
    for field in [4, 4, 4, 8, 8, 8, 8] {
        reader.take_free(field)?;
    }
    while !reader.is_at_end() && !MACS.contains(&reader.left()) {
        let _kind = reader.u16()?;
        let length = usize::from(reader.u16()?);
        if length < SHORTEST_EXTENSION || !length.is_multiple_of(4) {
            return None;
        }
        reader.take_free(length - 4)?;
    }
    reader.take_free(reader.left())?;
    if !matches!(version, 1..=4) || stratum > 16 || !(-6..=17).contains(&poll) {
        return None;
    }
    match mode {
        CLIENT if route.to == PORT => Some(Some(Role::ReceiverServes)),
        SERVER | BROADCAST if route.from == PORT => Some(Some(Role::SenderServes)),
        _ => None,
    }
}
