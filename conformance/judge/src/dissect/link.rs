//! Ethernet, IPv4 and IPv6 down to TCP and UDP.

use std::net::{IpAddr, SocketAddr};

use etherparse::{LaxNetSlice, LaxSlicedPacket, TcpSlice, TransportSlice, UdpSlice};

/// LINKTYPE_ETHERNET.
const ETHERNET: u16 = 1;
/// Local Experimental EtherType 1 (IEEE Std 802): heartbeats of our tap.
const HEARTBEAT_TYPE: u16 = 0x88b5;
/// EtherType of ARP (RFC 826).
const ARP: u16 = 0x0806;
/// Octets of payload of the shortest frame of Ethernet (IEEE Std 802.3).
const SHORTEST: usize = 46;
/// How the payload of a heartbeat begins.
const HEARTBEAT: &[u8] = b"lightleak tap ";

/// What one captured packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A TCP segment or a UDP datagram.
    Transport(Transport<'a>),
    /// The tap says that it is alive.
    Heartbeat,
    /// ARP of IPv4 over Ethernet (RFC 826), with nothing behind it.
    AddressResolution,
    /// Something else.
    Undissected {
        /// What it is.
        reason: String,
        /// Who sent it, if it is an IP packet.
        from: Option<IpAddr>,
        /// Its IP protocol, if that is known.
        protocol: Option<u8>,
    },
}

impl Frame<'_> {
    fn undissected(reason: String) -> Self {
        Self::Undissected {
            reason,
            from: None,
            protocol: None,
        }
    }
}

/// A TCP segment or a UDP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport<'a> {
    /// Its sender.
    pub from: SocketAddr,
    /// Its receiver.
    pub to: SocketAddr,
    /// The fields of the TCP header; of UDP there are none.
    pub segment: Option<Segment>,
    /// Its payload, as far as it was captured.
    pub payload: &'a [u8],
    /// Offset of the payload in the captured data.
    pub offset: usize,
    /// Octets of payload that the IP header states and that were not captured.
    pub missing: usize,
    /// Octets between the end of the UDP datagram and that of the IP packet.
    pub surplus: usize,
}

/// Fields of a TCP header (RFC 9293 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sequence Number.
    pub sequence: u32,
    /// Acknowledgment Number, if ACK is set.
    pub acknowledgment: Option<u32>,
    /// SYN.
    pub syn: bool,
    /// FIN.
    pub fin: bool,
    /// RST.
    pub rst: bool,
}

/// Dissects one packet of an interface with that LINKTYPE. Lengths are those
/// of the IP header, so padding of the link is left out.
pub fn read(data: &[u8], link_type: u16) -> Frame<'_> {
    if link_type != ETHERNET {
        return Frame::undissected(format!("link type {link_type}"));
    }
    let Ok(packet) = LaxSlicedPacket::from_ethernet(data) else {
        return Frame::undissected("no whole Ethernet header".to_owned());
    };
    let undissected = |reason: String| Frame::Undissected {
        reason,
        from: sender(&packet),
        protocol: packet.ip_payload().map(|ip| ip.ip_number.0),
    };
    if let Some((error, layer)) = &packet.stop_err {
        return undissected(format!("{layer}: {error}"));
    }
    let (source, destination, stated) = match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => {
            let header = ip.header();
            let payload_at = offset(header.slice(), ip.payload().payload);
            (
                IpAddr::V4(header.source_addr()),
                IpAddr::V4(header.destination_addr()),
                usize::from(header.total_len()).saturating_sub(payload_at),
            )
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let header = ip.header();
            let payload_at = offset(header.slice(), ip.payload().payload);
            let total = header.slice().len() + usize::from(header.payload_length());
            (
                IpAddr::V6(header.source_addr()),
                IpAddr::V6(header.destination_addr()),
                total.saturating_sub(payload_at),
            )
        }
        Some(LaxNetSlice::Arp(_)) | None => return other(&packet),
    };
    let Some(ip) = packet.ip_payload() else {
        return other(&packet);
    };
    if ip.fragmented {
        return undissected("IP fragment".to_owned());
    }
    let missing = match ip.incomplete {
        true => stated.saturating_sub(ip.payload.len()),
        false => 0,
    };
    let (ports, segment, payload, surplus) = match &packet.transport {
        Some(TransportSlice::Tcp(tcp)) => (
            (tcp.source_port(), tcp.destination_port()),
            Some(segment(tcp)),
            tcp.payload(),
            0,
        ),
        Some(TransportSlice::Udp(udp)) => (
            (udp.source_port(), udp.destination_port()),
            None,
            udp.payload(),
            surplus(udp, ip.payload),
        ),
        _ => return undissected(format!("IP protocol {}", ip.ip_number.0)),
    };
    Frame::Transport(Transport {
        from: SocketAddr::new(source, ports.0),
        to: SocketAddr::new(destination, ports.1),
        segment,
        payload,
        offset: offset(data, payload),
        missing,
        surplus,
    })
}

fn sender(packet: &LaxSlicedPacket<'_>) -> Option<IpAddr> {
    match &packet.net {
        Some(LaxNetSlice::Ipv4(ip)) => Some(ip.header().source_addr().into()),
        Some(LaxNetSlice::Ipv6(ip)) => Some(ip.header().source_addr().into()),
        Some(LaxNetSlice::Arp(_)) | None => None,
    }
}

/// A frame that does not carry IP.
fn other<'a>(packet: &LaxSlicedPacket<'a>) -> Frame<'a> {
    let Some(payload) = packet.ether_payload() else {
        return Frame::undissected("MACsec".to_owned());
    };
    match payload.ether_type.0 {
        HEARTBEAT_TYPE if is_heartbeat(payload.payload) => Frame::Heartbeat,
        ARP if is_address_resolution(payload.payload) => Frame::AddressResolution,
        // IEEE Std 802.3: up to 1500 the field is a length.
        length @ 0..0x0600 => Frame::undissected(format!("IEEE 802.3 frame of length {length}")),
        ethertype => Frame::undissected(format!("ethertype 0x{ethertype:04x}")),
    }
}

/// The words, a name in ASCII, and the padding of a shortest frame.
fn is_heartbeat(payload: &[u8]) -> bool {
    let Some(rest) = payload.strip_prefix(HEARTBEAT) else {
        return false;
    };
    let name = rest.iter().take_while(|&&o| o != 0).count();
    let is_name = |o: &u8| o.is_ascii_graphic() || *o == b' ';
    payload.len() <= SHORTEST && rest[..name].iter().all(is_name) && is_padding(&rest[name..])
}

/// RFC 826 with addresses of Ethernet and IPv4, and padding behind it.
fn is_address_resolution(payload: &[u8]) -> bool {
    const LENGTH: usize = 28;
    let known = payload.starts_with(&[0, 1, 0x08, 0x00, 6, 4, 0]);
    let operation = payload.get(7).is_some_and(|o| matches!(o, 1 | 2));
    let padding = payload.get(LENGTH..);
    known && operation && payload.len() <= SHORTEST && padding.is_some_and(is_padding)
}

fn is_padding(octets: &[u8]) -> bool {
    octets.iter().all(|&octet| octet == 0)
}

fn segment(tcp: &TcpSlice<'_>) -> Segment {
    Segment {
        sequence: tcp.sequence_number(),
        acknowledgment: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
    }
}

fn surplus(udp: &UdpSlice<'_>, ip_payload: &[u8]) -> usize {
    ip_payload.len().saturating_sub(udp.slice().len())
}

/// Where `inner`, a part of the same packet, begins in `outer`.
fn offset(outer: &[u8], inner: &[u8]) -> usize {
    inner.as_ptr().addr().saturating_sub(outer.as_ptr().addr())
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;
    use proptest::prelude::*;

    use super::*;

    fn udp4(payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .udp(5000, 6000);
        let mut data = Vec::new();
        builder.write(&mut data, payload).unwrap();
        data
    }

    fn transport(data: &[u8]) -> Transport<'_> {
        match read(data, ETHERNET) {
            Frame::Transport(transport) => transport,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_datagram_is_found_and_the_padding_of_the_link_left_out() {
        let mut data = udp4(b"hello");
        let end = data.len();
        data.resize(60, 0);
        let packet = transport(&data);
        assert_eq!(packet.from, "10.0.0.1:5000".parse().unwrap());
        assert_eq!(packet.to, "10.0.0.2:6000".parse().unwrap());
        assert_eq!(packet.segment, None);
        assert_eq!(packet.payload, b"hello");
        assert_eq!(packet.offset, end - 5);
        assert_eq!((packet.missing, packet.surplus), (0, 0));
    }

    #[test]
    fn vlan_tags_and_ipv6_are_passed_through() {
        let mut data = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .double_vlan(1.try_into().unwrap(), 2.try_into().unwrap())
            .ipv6([1; 16], [2; 16], 64)
            .tcp(5000, 554, 7, 100)
            .fin()
            .ack(9)
            .write(&mut data, b"OPTIONS")
            .unwrap();
        let packet = transport(&data);
        assert_eq!(
            packet.from,
            "[101:101:101:101:101:101:101:101]:5000".parse().unwrap()
        );
        assert_eq!(packet.payload, b"OPTIONS");
        assert_eq!(packet.offset, data.len() - 7);
        let expected = Segment {
            sequence: 7,
            acknowledgment: Some(9),
            fin: true,
            ..Segment::default()
        };
        assert_eq!(packet.segment, Some(expected));
    }

    #[test]
    fn what_the_snap_length_cut_off_is_counted_as_missing() {
        let data = udp4(&[7; 100]);
        let packet = transport(&data[..data.len() - 30]);
        assert_eq!(packet.payload, [7; 70]);
        assert_eq!(packet.missing, 30);
    }

    #[test]
    fn octets_behind_a_datagram_are_counted() {
        let mut data = udp4(&[7; 100]);
        data[39] -= 8; // UDP length
        let packet = transport(&data);
        assert_eq!((packet.payload.len(), packet.surplus), (92, 8));
    }

    #[test]
    fn a_heartbeat_is_known_by_type_and_words() {
        let frame = |ethertype: u16, payload: &[u8]| {
            let mut data = vec![2; 12];
            data.extend(ethertype.to_be_bytes());
            data.extend(payload);
            data
        };
        let alive = frame(0x88b5, b"lightleak tap wire start");
        assert_eq!(read(&alive, ETHERNET), Frame::Heartbeat);
        for (data, reason) in [
            (frame(0x88b5, b"lightleak tape"), "ethertype 0x88b5"),
            (
                frame(0x88b5, b"lightleak tap w\0hidden"),
                "ethertype 0x88b5",
            ),
            (
                frame(
                    0x88b5,
                    b"lightleak tap and more than a shortest frame could hold",
                ),
                "ethertype 0x88b5",
            ),
            (frame(0x88b6, b"lightleak tap wire"), "ethertype 0x88b6"),
            (frame(0x0026, b"BBC"), "IEEE 802.3 frame of length 38"),
        ] {
            assert_eq!(read(&data, ETHERNET), Frame::undissected(reason.into()));
        }
    }

    #[test]
    fn address_resolution_is_known_whole() {
        let frame = |behind: &[u8]| {
            let fixed = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
            [&[2; 12][..], &fixed, &[7; 20], behind].concat()
        };
        let padded = frame(&[0; 18]);
        assert_eq!(read(&padded, ETHERNET), Frame::AddressResolution);
        let arp = Frame::undissected("ethertype 0x0806".into());
        assert_eq!(read(&frame(b"hidden"), ETHERNET), arp);
        assert_ne!(read(&padded[..41], ETHERNET), Frame::AddressResolution);
        let mut reverse = padded;
        reverse[21] = 3;
        assert_eq!(read(&reverse, ETHERNET), arp);
    }

    #[test]
    fn fragments_other_protocols_and_other_links_are_named() {
        let mut fragment = udp4(b"first part");
        fragment[20] = 0x20; // more fragments
        let mut tunnel = udp4(b"something");
        tunnel[23] = 47;
        let from = Some(IpAddr::from([10, 0, 0, 1]));
        for (data, link_type, reason, from, protocol) in [
            (&fragment, 1, "IP fragment", from, Some(17)),
            (&tunnel, 1, "IP protocol 47", from, Some(47)),
            (&tunnel, 101, "link type 101", None, None),
        ] {
            let expected = Frame::Undissected {
                reason: reason.into(),
                from,
                protocol,
            };
            assert_eq!(read(data, link_type), expected);
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_offsets_point_at_the_payload(
            mut data in prop::collection::vec(any::<u8>(), 0..120),
            ethertype in prop::sample::select(vec![0x0800u16, 0x86dd, 0x8100, 0x88e5, 0x0806]),
            first in prop::sample::select(vec![0x45u8, 0x46, 0x60]),
            protocol in prop::sample::select(vec![6u8, 17, 51, 0, 44]),
        ) {
            if data.len() > 34 {
                data[12..14].copy_from_slice(&ethertype.to_be_bytes());
                data[14] = first;
                data[if first == 0x60 { 20 } else { 23 }] = protocol;
            }
            if let Frame::Transport(packet) = read(&data, ETHERNET) {
                let at = packet.offset..packet.offset + packet.payload.len();
                prop_assert_eq!(&data[at], packet.payload);
            }
        }
    }
}
