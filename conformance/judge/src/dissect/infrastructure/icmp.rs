//! ICMP (RFC 792) and ICMPv6 (RFC 4443), Neighbor Discovery (RFC 4861), MLD
//! (RFC 2710, RFC 3810).

use std::net::{IpAddr, Ipv6Addr};

use super::Reader;
use crate::dissect::{
    datagram::Chunk,
    ip::{self, Packet},
};

/// Octets of type, code and checksum.
pub const HEADER: usize = 4;
/// Octets of a quoted datagram's payload that an error holds at least (RFC 792).
const QUOTED: usize = 8;

/// Whether a message asks for an echo, or is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// Echo Request.
    Request,
    /// Echo Reply.
    Reply,
    /// Another message.
    Neither,
}

/// Reads an ICMP message to `to`.
pub fn read(reader: &mut Reader<'_>, to: IpAddr) -> Option<Echo> {
    let (kind, code) = (reader.u8()?, reader.u8()?);
    let _checksum = reader.u16()?;
    match (kind, code) {
        (0, 0) => echo(reader, Echo::Reply),
        (8, 0) => echo(reader, Echo::Request),
        // Destination Unreachable (with its MTU, RFC 1191), Source Quench,
        // Redirect, Time Exceeded, Parameter Problem.
        (3, 0..=15) | (4, 0) | (5, 0..=3) | (11, 0..=1) | (12, 0..=2) => {
            reader.take_free(4)?;
            quoted(reader, to)
        }
        // Router Solicitation (RFC 1256).
        (10, 0) => (reader.u32()? == 0).then_some(Echo::Neither),
        // Timestamp and Timestamp Reply.
        (13 | 14, 0) => reader.take_free(16).map(|_| Echo::Neither),
        _ => None,
    }
}

/// Reads an ICMPv6 message to `to`.
pub fn read_v6(reader: &mut Reader<'_>, to: IpAddr) -> Option<Echo> {
    let (kind, code) = (reader.u8()?, reader.u8()?);
    let _checksum = reader.u16()?;
    match (kind, code) {
        (128, 0) => return echo(reader, Echo::Request),
        (129, 0) => return echo(reader, Echo::Reply),
        // Destination Unreachable, Packet Too Big, Time Exceeded, Parameter
        // Problem.
        (1, 0..=8) | (2, 0) | (3, 0..=1) | (4, 0..=10) => {
            reader.take_free(4)?;
            return quoted(reader, to);
        }
        // Multicast Listener Query, Report and Done: delay and group.
        (130..=132, 0) => {
            reader.take(4)?;
            let group = address(reader)?;
            if kind == 130 && !reader.is_at_end() {
                // S, QRV and QQIC.
                reader.take(2)?;
                sources(reader)?;
            }
            let listened = group.is_multicast() || kind == 130 && group.is_unspecified();
            listened.then_some(())?;
        }
        (143, 0) => listener_report(reader)?,
        // Router Solicitation and Advertisement, Neighbor Solicitation and
        // Advertisement, Redirect.
        (133, 0) => options(reader.take(4).map(|_| reader)?)?,
        (134, 0) => options(reader.take(12).map(|_| reader)?)?,
        (135 | 136, 0) => {
            reader.take(4)?;
            reader.take_free(16)?;
            options(reader)?;
        }
        (137, 0) => {
            reader.take(4)?;
            reader.take_free(32)?;
            options(reader)?;
        }
        _ => return None,
    }
    Some(Echo::Neither)
}

/// Identifier, Sequence Number and data. What common senders fill up with is
/// no choice: octets that count up, or are all the same.
fn echo(reader: &mut Reader<'_>, echo: Echo) -> Option<Echo> {
    let octets = reader.left();
    let mut ahead = Reader::new(reader.take(octets)?);
    ahead.take(4)?;
    let data = ahead.take(ahead.left())?;
    let steps = |by: u8| {
        let pairs = data.windows(2).rev();
        let goes_on = |pair: &&[u8]| pair[0].wrapping_add(by) == pair[1];
        pairs.take_while(goes_on).count()
    };
    let filling = match steps(0).max(steps(1)) {
        0 => 0,
        steps => steps + 1,
    };
    reader.mark_free(octets, octets - filling);
    Some(echo)
}

/// The beginning of a datagram that the receiver of the error sent.
fn quoted(reader: &mut Reader<'_>, to: IpAddr) -> Option<Echo> {
    let octets = reader.left();
    let data = reader.take(octets)?;
    let chunk = Chunk {
        data,
        packet: 0,
        offset: 0,
        time_ns: 0,
    };
    let datagram = match ip::read(chunk).ok()? {
        Packet::Whole(datagram) => datagram,
        Packet::Fragment(fragment) => fragment.content,
    };
    let payload = datagram.len();
    if datagram.source != to || payload < QUOTED && datagram.missing > 0 {
        return None;
    }
    let header = datagram.chunks.first().map_or(0, |chunk| chunk.offset);
    // Nothing may lie behind the datagram that is quoted.
    if header + payload != octets {
        return None;
    }
    reader.mark_free(payload, payload);
    Some(Echo::Neither)
}

/// MLDv2 (RFC 3810 5.2).
fn listener_report(reader: &mut Reader<'_>) -> Option<()> {
    let reserved = reader.u16()?;
    for _ in 0..reader.u16()? {
        let record_type = reader.u8()?;
        let auxiliary = reader.u8()?;
        let count = reader.u16()?;
        let known = matches!(record_type, 1..=6) && auxiliary == 0;
        if !known || !address(reader)?.is_multicast() {
            return None;
        }
        reader.take_free(usize::from(count) * 16)?;
    }
    (reserved == 0).then_some(())
}

/// A count of sources and the sources.
fn sources(reader: &mut Reader<'_>) -> Option<()> {
    let count = usize::from(reader.u16()?);
    reader.take_free(count * 16).map(|_| ())
}

/// Options of Neighbor Discovery (RFC 4861 4.6, RFC 8106, RFC 4191, RFC 3971,
/// RFC 8781).
fn options(reader: &mut Reader<'_>) -> Option<()> {
    while !reader.is_at_end() {
        let (kind, units) = (reader.u8()?, reader.u8()?);
        let octets = (usize::from(units) * 8).checked_sub(2)?;
        let fits = match kind {
            // Source and Target Link-Layer Address of Ethernet, MTU.
            1 | 2 | 5 => units == 1,
            // Prefix Information.
            3 => units == 4,
            // Redirected Header, Nonce, Route Information, RDNSS, DNSSL, PREF64.
            4 | 14 | 24 | 25 | 31 | 38 => true,
            _ => false,
        };
        match (fits, kind) {
            (false, _) => return None,
            (true, 4 | 14 | 31) => reader.take_free(octets)?,
            (true, _) => reader.take(octets)?,
        };
    }
    Some(())
}

fn address(reader: &mut Reader<'_>) -> Option<Ipv6Addr> {
    let octets: [u8; 16] = *reader.take(16)?.first_chunk()?;
    Some(octets.into())
}
