//! IPv4 (RFC 791) and IPv6 (RFC 8200), down to what they carry.

mod fragments;

use std::net::IpAddr;

use etherparse::{Ipv4HeaderSlice, Ipv6HeaderSlice};

use super::datagram::{Chunk, Datagram};

pub use fragments::Fragments;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HOST_IDENTITY: u8 = 139;
const SHIM6: u8 = 140;

/// Octets of a Fragment header.
const FRAGMENT_HEADER: usize = 8;
/// Octets in which extension headers have to end.
const MOST_EXTENSIONS: usize = 2048;

/// An IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A whole datagram.
    Whole(Datagram<'a>),
    /// A part of a datagram.
    Fragment(Fragment<'a>),
}

/// A part of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Identification.
    pub identification: u32,
    /// Where its payload belongs in that of the datagram, in octets.
    pub at: usize,
    /// Whether more follow.
    pub more: bool,
    /// The fragment by itself. In IPv6 its protocol counts in the first
    /// fragment alone.
    pub content: Datagram<'a>,
}

/// Reads the IP packet that those octets begin with. Its lengths count, so
/// padding of the link is left out. An error is why that could not be done.
pub fn read(packet: Chunk<'_>) -> Result<Packet<'_>, String> {
    let header = Header::read(packet.data)?;
    let total = header.total.unwrap_or(packet.data.len());
    let content = Datagram {
        source: header.source,
        destination: header.destination,
        protocol: header.protocol,
        chunks: vec![packet.part(header.length, total)],
        missing: total.saturating_sub(packet.data.len()),
        open: false,
        identification: header.identification,
        packet: packet.packet,
        packets: 1,
    };
    header.packet(content)
}

/// Source Address of the IP packet that those octets begin with, if it is there.
pub fn source(packet: Chunk<'_>) -> Option<IpAddr> {
    let octets = packet.data;
    match octets.first()? >> 4 {
        4 => octets.get(12..)?.first_chunk::<4>().map(|&a| a.into()),
        6 => octets.get(8..)?.first_chunk::<16>().map(|&a| a.into()),
        _ => None,
    }
}

/// Passes over extension headers (RFC 8200 4, RFC 4302) that a datagram begins
/// with. An error is why that could not be done.
pub fn pass_extensions(datagram: &mut Datagram<'_>) -> Result<(), String> {
    let of_v6 = datagram.source.is_ipv6();
    if !is_extension(datagram.protocol, of_v6) {
        return Ok(());
    }
    let head = datagram.head(MOST_EXTENSIONS);
    let mut at = 0;
    while is_extension(datagram.protocol, of_v6) {
        let (next, length) = extension(datagram.protocol, &head[at..])?;
        datagram.protocol = next;
        at += length;
    }
    datagram.skip(at);
    Ok(())
}

/// Reads the IP packet that a datagram has inside, which several packets may have
/// brought: `outer` without what lies before it.
pub(super) fn read_inside(outer: Datagram<'_>) -> Result<Packet<'_>, String> {
    let header = Header::read(&outer.head(LONGEST_HEADER))?;
    let captured = outer.len();
    let total = header.total.unwrap_or(captured + outer.missing);
    let mut content = Datagram {
        source: header.source,
        destination: header.destination,
        protocol: header.protocol,
        missing: total.saturating_sub(captured),
        open: false,
        identification: header.identification,
        ..outer
    };
    content.truncate(total);
    content.skip(header.length);
    header.packet(content)
}

/// Octets of the longest header, without extensions.
const LONGEST_HEADER: usize = 60;

/// What a header says.
struct Header {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    /// Its octets.
    length: usize,
    /// Octets of the packet, if it says so.
    total: Option<usize>,
    /// Identification of IPv4.
    identification: u16,
    /// Of IPv4: Identification, offset in octets, and whether more follow.
    fragment: Option<(u32, usize, bool)>,
}

impl Header {
    fn read(octets: &[u8]) -> Result<Self, String> {
        match octets.first().map(|octet| octet >> 4) {
            Some(4) => Self::v4(octets),
            Some(6) => Self::v6(octets),
            Some(version) => Err(format!("IP version {version}")),
            None => Err("no IP header".to_owned()),
        }
    }

    fn v4(octets: &[u8]) -> Result<Self, String> {
        let header = Ipv4HeaderSlice::from_slice(octets).map_err(|e| format!("IPv4: {e}"))?;
        let length = header.slice().len();
        let fragment = header.is_fragmenting_payload().then(|| {
            (
                header.identification().into(),
                usize::from(header.fragments_offset().value()) * 8,
                header.more_fragments(),
            )
        });
        // Zero where the network card cuts segments later on.
        let total = match usize::from(header.total_len()) {
            0 => None,
            total if total < length => return Err(format!("IPv4 packet of {total} octets")),
            total => Some(total),
        };
        Ok(Self {
            source: header.source_addr().into(),
            destination: header.destination_addr().into(),
            protocol: header.protocol().0,
            length,
            total,
            identification: header.identification(),
            fragment,
        })
    }

    fn v6(octets: &[u8]) -> Result<Self, String> {
        let header = Ipv6HeaderSlice::from_slice(octets).map_err(|e| format!("IPv6: {e}"))?;
        let length = header.slice().len();
        // Zero in a jumbogram, and where the network card cuts segments later on.
        let payload = Some(usize::from(header.payload_length())).filter(|payload| *payload > 0);
        Ok(Self {
            source: header.source_addr().into(),
            destination: header.destination_addr().into(),
            protocol: header.next_header().0,
            length,
            total: payload.map(|payload| length + payload),
            identification: 0,
            fragment: None,
        })
    }

    /// The packet, whose payload `content` has.
    fn packet(self, mut content: Datagram<'_>) -> Result<Packet<'_>, String> {
        if let Some((identification, at, more)) = self.fragment {
            return Ok(Packet::Fragment(Fragment {
                identification,
                at,
                more,
                content,
            }));
        }
        if !self.source.is_ipv6() {
            return Ok(Packet::Whole(content));
        }
        match fragment_header(content.protocol, &content.head(MOST_EXTENSIONS))? {
            None => Ok(Packet::Whole(content)),
            Some((at, header)) => {
                content.skip(at + FRAGMENT_HEADER);
                content.protocol = header[0];
                let offset = u16::from_be_bytes([header[2], header[3]]);
                Ok(Packet::Fragment(Fragment {
                    identification: u32::from_be_bytes([
                        header[4], header[5], header[6], header[7],
                    ]),
                    at: usize::from(offset & !7),
                    more: offset & 1 == 1,
                    content,
                }))
            }
        }
    }
}

/// The first Fragment header that says that there are other fragments
/// (RFC 6946: one by itself is whole), and where it is.
fn fragment_header(
    mut protocol: u8,
    octets: &[u8],
) -> Result<Option<(usize, &[u8; FRAGMENT_HEADER])>, String> {
    let mut at = 0;
    while is_extension(protocol, true) {
        let rest = &octets[at..];
        let (next, length) = extension(protocol, rest)?;
        if protocol == FRAGMENT
            && let Some(header) = rest.first_chunk::<FRAGMENT_HEADER>()
            && u16::from_be_bytes([header[2], header[3]]) & !6 != 0
        {
            return Ok(Some((at, header)));
        }
        protocol = next;
        at += length;
    }
    Ok(None)
}

fn is_extension(protocol: u8, of_v6: bool) -> bool {
    match protocol {
        AUTHENTICATION => true,
        HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS | MOBILITY | HOST_IDENTITY
        | SHIM6 => of_v6,
        _ => false,
    }
}

/// Next Header and length of the extension header that the octets begin with.
fn extension(protocol: u8, octets: &[u8]) -> Result<(u8, usize), String> {
    let cut = || format!("no whole extension header {protocol}");
    let &[next, stated, ..] = octets else {
        return Err(cut());
    };
    let length = match protocol {
        FRAGMENT => FRAGMENT_HEADER,
        AUTHENTICATION => (usize::from(stated) + 2) * 4,
        _ => (usize::from(stated) + 1) * 8,
    };
    match octets.len() >= length {
        true => Ok((next, length)),
        false => Err(cut()),
    }
}

#[cfg(test)]
mod tests;
