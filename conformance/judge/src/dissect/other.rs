//! IP packets of neither TCP, UDP nor SCTP, by pairs of hosts: IPsec (RFC 4302,
//! RFC 4303), tunnels, and whatever else has a number.

use std::{collections::BTreeMap, net::IpAddr};

use super::datagram::Datagram;

/// IP protocol of ESP.
pub const ESP: u8 = 50;
/// IP protocol of AH.
pub const AH: u8 = 51;

/// Security associations of one pair of hosts that are kept.
const MOST_ASSOCIATIONS: usize = 64;
/// Pairs of hosts that are kept; more is a flood.
const MOST_PAIRS: usize = 1 << 16;

/// What two hosts send each other in one IP protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherProtocol {
    /// The IP protocol.
    pub protocol: u8,
    /// The sender of the first packet.
    pub a: IpAddr,
    /// The other host.
    pub b: IpAddr,
    /// Number of the first packet.
    pub first_packet: u64,
    /// How many packets.
    pub packets: u64,
    /// Octets behind the IP headers that were captured.
    pub bytes: u64,
    /// Of them, packets that had another inside, which was dissected.
    pub opened: u64,
    /// The tunnel that it is, if packets were opened.
    pub tunnel: Option<&'static str>,
    /// Security associations of ESP and AH.
    pub associations: Vec<Association>,
}

/// A security association: what has one SPI and goes one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    /// Its sender.
    pub from: IpAddr,
    /// Security Parameters Index.
    pub spi: u32,
    /// Packets that have it.
    pub packets: u64,
    /// How many of them, but for the first, have a Sequence Number that goes on:
    /// a little more than the highest before.
    pub goes_on: u64,
    /// The highest Sequence Number.
    pub highest: u32,
}

/// Of a capture.
#[derive(Debug, Default)]
pub struct Others {
    by_pair: BTreeMap<(u8, IpAddr, IpAddr), OtherProtocol>,
}

impl Others {
    /// Adds an IP packet of that protocol, and the tunnel that it was if what was
    /// inside was dissected.
    pub fn add(&mut self, protocol: u8, packet: &Datagram<'_>, tunnel: Option<&'static str>) {
        let (from, to) = (packet.source, packet.destination);
        let key = (protocol, from.min(to), from.max(to));
        if self.by_pair.len() >= MOST_PAIRS && !self.by_pair.contains_key(&key) {
            return;
        }
        let other = self.by_pair.entry(key).or_insert_with(|| OtherProtocol {
            protocol,
            a: from,
            b: to,
            first_packet: packet.packet,
            packets: 0,
            bytes: 0,
            opened: 0,
            tunnel: None,
            associations: Vec::new(),
        });
        other.packets += packet.packets;
        other.bytes += packet.len() as u64;
        if tunnel.is_some() {
            other.opened += packet.packets;
            other.tunnel = tunnel;
        }
        let head = packet.head(12);
        let fields = match protocol {
            ESP => head.get(..8),
            AH => head.get(4..12),
            _ => None,
        };
        if let Some(&[a, b, c, d, e, f, g, h]) = fields.and_then(|fields| fields.first_chunk()) {
            let (spi, sequence) = ([a, b, c, d], [e, f, g, h]);
            other.secured(from, u32::from_be_bytes(spi), u32::from_be_bytes(sequence));
        }
    }

    /// In order of their first packet.
    pub fn finish(self) -> Vec<OtherProtocol> {
        let mut all: Vec<_> = self.by_pair.into_values().collect();
        all.sort_by_key(|other| other.first_packet);
        all
    }
}

impl OtherProtocol {
    fn secured(&mut self, from: IpAddr, spi: u32, sequence: u32) {
        /// Lost and reordered packets between two.
        const NEAR: u32 = 1 << 12;
        let known = |one: &Association| one.from == from && one.spi == spi;
        let at = self.associations.iter().position(known);
        let room = self.associations.len() < MOST_ASSOCIATIONS;
        match at.and_then(|at| self.associations.get_mut(at)) {
            Some(one) => {
                one.packets += 1;
                let ahead = sequence.wrapping_sub(one.highest);
                if (1..=NEAR).contains(&ahead) {
                    one.goes_on += 1;
                }
                if ahead < 1 << 31 {
                    one.highest = sequence;
                }
            }
            None if room => self.associations.push(Association {
                from,
                spi,
                packets: 1,
                goes_on: 0,
                highest: sequence,
            }),
            None => {}
        }
    }
}
