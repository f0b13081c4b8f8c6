//! From the link to the network layer: what a packet carries, and where it
//! begins.

mod ether_type;
mod point_to_point;
mod wireless;

use std::ops::Range;

use super::datagram::Chunk;

/// LINKTYPE_NULL: the address family in 4 octets of the host's order.
const NULL: u16 = 0;
/// LINKTYPE_ETHERNET.
pub(super) const ETHERNET: u16 = 1;
/// LINKTYPE_PPP, LINKTYPE_PPP_HDLC.
const PPP: [u16; 2] = [9, 50];
/// LINKTYPE_FDDI.
const FDDI: u16 = 10;
/// DLT_RAW of some systems, which files hold too.
const RAW_BSD: [u16; 2] = [12, 14];
/// LINKTYPE_PPP_ETHER: PPPoE without its Ethernet.
const PPP_ETHER: u16 = 51;
/// LINKTYPE_ATM_RFC1483: LLC.
const ATM_RFC1483: u16 = 100;
/// LINKTYPE_RAW: IPv4 or IPv6.
const RAW: u16 = 101;
/// LINKTYPE_C_HDLC.
const C_HDLC: u16 = 104;
/// LINKTYPE_IEEE802_11 and what goes before it.
pub(super) const IEEE802_11: u16 = 105;
const PRISM: u16 = 119;
const RADIOTAP: u16 = 127;
const AVS: u16 = 163;
const PPI: u16 = 192;
/// LINKTYPE_FRELAY.
const FRELAY: u16 = 107;
/// LINKTYPE_LOOP: the address family in 4 octets of network order.
const LOOP: u16 = 108;
/// LINKTYPE_ENC: what OpenBSD takes out of IPsec; family, SPI and flags.
const ENC: u16 = 109;
/// LINKTYPE_LINUX_SLL.
const LINUX_SLL: u16 = 113;
/// LINKTYPE_APPLE_IP_OVER_IEEE1394.
const IEEE1394: u16 = 138;
/// LINKTYPE_DOCSIS.
const DOCSIS: u16 = 143;
/// LINKTYPE_PPP_PPPD, LINKTYPE_PPP_WITH_DIR: the direction goes before.
const PPP_DIRECTED: [u16; 2] = [166, 204];
/// LINKTYPE_ERF.
const ERF: u16 = 197;
/// LINKTYPE_C_HDLC_WITH_DIR.
const C_HDLC_DIRECTED: u16 = 205;
/// LINKTYPE_IPV4 and LINKTYPE_IPV6.
const IP_ONLY: [u16; 2] = [228, 229];
/// LINKTYPE_NFLOG.
const NFLOG: u16 = 239;
/// LINKTYPE_NETANALYZER, and the one with a preamble.
const NETANALYZER: [u16; 2] = [240, 241];
/// LINKTYPE_PKTAP.
const PKTAP: u16 = 258;
/// LINKTYPE_ETHERNET_MPACKET.
const MPACKET: u16 = 274;
/// LINKTYPE_LINUX_SLL2.
const LINUX_SLL2: u16 = 276;

/// AF_INET; the same everywhere.
const AF_INET: u32 = 2;
/// AF_INET6 of Linux, of NetBSD and OpenBSD, of FreeBSD, and of macOS.
const AF_INET6: [u32; 4] = [10, 24, 28, 30];

/// ARPHRD types whose "protocol" in SLL is no EtherType: FRAD and netlink.
const OTHER_PROTOCOLS: [u16; 2] = [770, 824];
/// ARPHRD types of 802.11, bare, with Prism and with radiotap, and their LINKTYPE.
const WIRELESS: [(u16, u16); 3] = [(801, IEEE802_11), (802, PRISM), (803, RADIOTAP)];
/// "Protocols" of SLL that are no EtherTypes: IEEE 802.3 and 802.2.
const SLL_LLC: [u16; 2] = [1, 4];

/// How many headers of links may lie one in another.
const DEEPEST: usize = 32;

/// What one captured packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An IPv4 or IPv6 packet, and perhaps padding of the link behind it.
    Ip(Chunk<'a>),
    /// An ARP message, and perhaps padding of the link behind it.
    Arp(Chunk<'a>),
    /// The tap says that it is alive, or somebody does in its words.
    Heartbeat,
    /// Several in one (A-MSDU).
    Several(Vec<Frame<'a>>),
    /// Something else, and what.
    Undissected(String),
}

/// Dissects one packet, captured whole or in part, of an interface with that
/// LINKTYPE.
pub fn read(packet: Chunk<'_>, link_type: u16) -> Frame<'_> {
    let all = 0..packet.data.len();
    frame(packet, content(packet.data, all, Layer::Link(link_type)))
}

fn frame<'a>(packet: Chunk<'a>, content: Content) -> Frame<'a> {
    match content {
        Content::Ip(at) => Frame::Ip(packet.part(at.start, at.end)),
        Content::Arp(at) => Frame::Arp(packet.part(at.start, at.end)),
        Content::Heartbeat => Frame::Heartbeat,
        Content::Several(several) => {
            let frames = several.into_iter().map(|content| frame(packet, content));
            Frame::Several(frames.collect())
        }
        Content::Undissected(why) => Frame::Undissected(why),
    }
}

/// What lies behind headers of links, and where in the octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Ip(Range<usize>),
    Arp(Range<usize>),
    Heartbeat,
    Several(Vec<Content>),
    Undissected(String),
}

/// What octets begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// A frame of a LINKTYPE.
    Link(u16),
    /// What an EtherType says.
    EtherType(u16),
    /// The Protocol field of PPP, perhaps behind Address and Control (RFC 1661,
    /// RFC 1662).
    Ppp,
    /// LLC (IEEE Std 802.2).
    Llc,
}

/// What a header leads to.
#[derive(Debug)]
enum Step {
    /// So many octets later, this.
    Next(usize, Layer),
    /// The same, and nothing behind that end.
    Until(usize, Layer, usize),
    /// The end of headers.
    Done(Content),
}

/// Follows the headers in a range of octets.
pub(super) fn content(octets: &[u8], range: Range<usize>, mut layer: Layer) -> Content {
    let (mut at, mut end) = (range.start, range.end.min(octets.len()));
    for _ in 0..DEEPEST {
        let rest = octets.get(at..end).unwrap_or_default();
        let step = match layer {
            Layer::Link(link_type) => link(rest, link_type),
            Layer::EtherType(ether_type) => ether_type::read(rest, ether_type),
            Layer::Ppp => point_to_point::ppp(rest),
            Layer::Llc => ether_type::llc(rest),
        };
        match step {
            Step::Next(octets, next) => (at, layer) = (at.saturating_add(octets), next),
            Step::Until(octets, next, until) => {
                end = end.min(at.saturating_add(until));
                (at, layer) = (at.saturating_add(octets), next);
            }
            Step::Done(content) => return shifted(content, at, end),
        }
    }
    Content::Undissected("too many headers of links".to_owned())
}

/// Content of a part, in terms of the whole.
fn shifted(content: Content, by: usize, end: usize) -> Content {
    let shift = |at: Range<usize>| {
        let start = (at.start + by).min(end);
        start..at.end.saturating_add(by).clamp(start, end.max(start))
    };
    match content {
        Content::Ip(at) => Content::Ip(shift(at)),
        Content::Arp(at) => Content::Arp(shift(at)),
        Content::Several(several) => {
            let several = several.into_iter().map(|one| shifted(one, by, end));
            Content::Several(several.collect())
        }
        other => other,
    }
}

fn undissected(why: impl Into<String>) -> Step {
    Step::Done(Content::Undissected(why.into()))
}

fn short(link: &str) -> Step {
    undissected(format!("no whole {link} header"))
}

/// An IP packet that begins so many octets later.
fn ip(after: usize) -> Step {
    Step::Done(Content::Ip(after..usize::MAX))
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*octets.get(at..)?.first_chunk()?))
}

fn u32_le(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*octets.get(at..)?.first_chunk()?))
}

fn link(octets: &[u8], link_type: u16) -> Step {
    let ether_type = |at: usize, name: &str| match u16_at(octets, at) {
        Some(ether_type) => Step::Next(at + 2, Layer::EtherType(ether_type)),
        None => short(name),
    };
    match link_type {
        ETHERNET => ether_type::ethernet(octets),
        LINUX_SLL if octets.len() >= 16 => cooked(u16_at(octets, 2), u16_at(octets, 14), 16),
        LINUX_SLL => short("Linux SLL"),
        LINUX_SLL2 if octets.len() >= 20 => cooked(u16_at(octets, 8), u16_at(octets, 0), 20),
        LINUX_SLL2 => short("Linux SLL2"),
        NULL | LOOP => loopback(octets, 4),
        ENC => loopback(octets, 12),
        RAW => ip(0),
        IEEE802_11 => wireless::frame(octets),
        RADIOTAP => wireless::radiotap(octets),
        PRISM | AVS => wireless::prism_or_avs(octets),
        PPI => wireless::ppi(octets),
        FDDI => Step::Next(13, Layer::Llc),
        ATM_RFC1483 => Step::Next(0, Layer::Llc),
        PPP_ETHER => point_to_point::pppoe(octets),
        C_HDLC => point_to_point::cisco(octets, 0),
        C_HDLC_DIRECTED => point_to_point::cisco(octets, 1),
        FRELAY => point_to_point::frame_relay(octets),
        IEEE1394 => ether_type(16, "IEEE 1394"),
        DOCSIS => docsis(octets),
        ERF => erf(octets),
        NFLOG => nflog(octets),
        PKTAP => match (u32_le(octets, 0), u32_le(octets, 8)) {
            (Some(length), Some(next)) => captured(length, next, "PKTAP"),
            _ => short("PKTAP"),
        },
        MPACKET => Step::Next(8, Layer::Link(ETHERNET)),
        other if NETANALYZER.contains(&other) => {
            let preamble = usize::from(other - NETANALYZER[0]) * 8;
            Step::Next(4 + preamble, Layer::Link(ETHERNET))
        }
        other if PPP.contains(&other) => Step::Next(0, Layer::Ppp),
        other if PPP_DIRECTED.contains(&other) => Step::Next(1, Layer::Ppp),
        other if RAW_BSD.contains(&other) || IP_ONLY.contains(&other) => ip(0),
        other => undissected(format!("link type {other}")),
    }
}

/// A packet of another LINKTYPE behind a header of that length.
fn captured(length: u32, link_type: u32, name: &str) -> Step {
    match (usize::try_from(length), u16::try_from(link_type)) {
        (Ok(length @ 1..), Ok(link_type)) => Step::Next(length, Layer::Link(link_type)),
        _ => undissected(format!("{name} of link type {link_type}")),
    }
}

/// A cooked capture: ARPHRD type and protocol are told beside the packet.
fn cooked(hardware: Option<u16>, protocol: Option<u16>, length: usize) -> Step {
    let (Some(hardware), Some(protocol)) = (hardware, protocol) else {
        return short("Linux SLL");
    };
    if OTHER_PROTOCOLS.contains(&hardware) {
        return undissected(format!("Linux SLL of ARPHRD type {hardware}"));
    }
    if let Some((_, link_type)) = WIRELESS.iter().find(|(known, _)| *known == hardware) {
        return Step::Next(length, Layer::Link(*link_type));
    }
    match SLL_LLC.contains(&protocol) {
        true => Step::Next(length, Layer::Llc),
        false => Step::Next(length, Layer::EtherType(protocol)),
    }
}

fn loopback(octets: &[u8], length: usize) -> Step {
    let Some(&family) = octets.first_chunk() else {
        return short("loopback");
    };
    // Whose order the host's was is not told; no family is above 65535.
    let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
    if family == AF_INET || AF_INET6.contains(&family) {
        ip(length)
    } else {
        undissected(format!("address family {family}"))
    }
}

/// The MAC header of DOCSIS (CM-SP-MULPI 6.2): only packets, no management.
fn docsis(octets: &[u8]) -> Step {
    let &[control, parameter, ..] = octets else {
        return short("DOCSIS");
    };
    match control >> 6 {
        0 => {
            let extended = usize::from(control & 1) * usize::from(parameter);
            Step::Next(6 + extended, Layer::Link(ETHERNET))
        }
        kind => undissected(format!("DOCSIS frame of type {kind}")),
    }
}

/// Endace's Extensible Record Format: a type, and perhaps extension headers.
fn erf(octets: &[u8]) -> Step {
    let Some(&kind) = octets.get(8) else {
        return short("ERF");
    };
    let (mut more, mut at) = (kind & 0x80 != 0, 16);
    while more {
        let Some(next) = octets.get(at) else {
            return short("ERF");
        };
        more = next & 0x80 != 0;
        at += 8;
    }
    match kind & 0x7f {
        2 | 11 | 16 => Step::Next(at + 2, Layer::Link(ETHERNET)),
        22 | 23 => ip(at),
        1 => Step::Next(at, Layer::Ppp),
        other => undissected(format!("ERF record of type {other}")),
    }
}

/// Netfilter's log: attributes in the host's order, one of them the packet.
fn nflog(octets: &[u8]) -> Step {
    const PAYLOAD: u16 = 9;
    let families = [AF_INET, AF_INET6[0]];
    match octets.first() {
        Some(&family) if families.contains(&u32::from(family)) => {}
        Some(family) => return undissected(format!("NFLOG of family {family}")),
        None => return short("NFLOG"),
    }
    for order in [u16::from_le_bytes, u16::from_be_bytes] {
        let mut at = 4;
        while let Some(&[a, b, c, d]) = octets.get(at..).and_then(|rest| rest.first_chunk()) {
            let length = usize::from(order([a, b]));
            if length < 4 {
                break;
            }
            if order([c, d]) == PAYLOAD {
                return Step::Done(Content::Ip(at + 4..at + length));
            }
            at += length.next_multiple_of(4);
        }
    }
    undissected("NFLOG without a packet")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chunk(data: &[u8]) -> Chunk<'_> {
        Chunk {
            data,
            packet: 1,
            offset: 0,
            time_ns: 0,
        }
    }

    /// Where the IP packet begins in those octets.
    fn ip_at(data: &[u8], link_type: u16) -> Result<usize, String> {
        match read(chunk(data), link_type) {
            Frame::Ip(packet) => {
                assert_eq!(packet.data, &data[packet.offset..]);
                Ok(packet.offset)
            }
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn the_ip_packet_of_every_link_is_found() {
        let frame = |before: &[u8]| [before, &[0x45, 0, 0, 20]].concat();
        let ethernet = |types: &[u8]| frame(&[&[2; 12], types].concat());
        let sll = |hardware: u8, protocol: &[u8]| {
            frame(&[&[0, 0, 0, hardware], &[0; 10][..], protocol].concat())
        };
        let sll2 =
            |protocol: &[u8]| frame(&[protocol, &[0; 6][..], &[0, 1, 0, 6], &[0; 8]].concat());
        for (data, link_type, at) in [
            (ethernet(&[0x08, 0x00]), 1, 14),
            (ethernet(&[0x86, 0xdd]), 1, 14),
            (ethernet(&[0x81, 0, 0, 1, 0x08, 0]), 1, 18),
            (ethernet(&[0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x08, 0]), 1, 22),
            (ethernet(&[0x81, 0, 0, 1].repeat(5)), 1, 0),
            (sll(1, &[0x08, 0]), 113, 16),
            (sll(1, &[0x81, 0, 0, 1, 0x86, 0xdd]), 113, 20),
            (sll2(&[0x08, 0]), 276, 20),
            (frame(&[2, 0, 0, 0]), 0, 4),
            (frame(&[0, 0, 0, 2]), 0, 4),
            (frame(&[30, 0, 0, 0]), 0, 4),
            (frame(&[0, 0, 0, 24]), 108, 4),
            (frame(&[]), 101, 0),
            (frame(&[]), 12, 0),
            (frame(&[]), 14, 0),
            (frame(&[]), 228, 0),
            (frame(&[]), 229, 0),
        ] {
            match at {
                0 if link_type == 1 => assert!(ip_at(&data, 1).is_err()),
                at => assert_eq!(ip_at(&data, link_type), Ok(at), "{link_type}"),
            }
        }
    }

    /// A frame of 802.11 with data, with those first octets of its header.
    fn wlan(control: &[u8], more: &[u8]) -> Vec<u8> {
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        let addresses = &[2; 22][..20];
        [
            control,
            addresses,
            &[0x10, 0],
            more,
            &snap,
            &[0x45, 0, 0, 20],
        ]
        .concat()
    }

    #[test]
    fn the_ip_packet_of_rarer_links_is_found() {
        let ip = [0x45, 0, 0, 20];
        let frame = |before: &[u8]| [before, &ip].concat();
        let ethernet = |rest: &[u8]| frame(&[&[2; 12], rest].concat());
        let data = wlan(&[8, 1], &[]);
        let qos = wlan(&[0x88, 1], &[0, 0]);
        let padded = wlan(&[0x88, 1], &[0, 0, 0, 0]);
        let tap = |flags: u8, frame: &[u8]| [&[0, 0, 9, 0, 2, 0, 0, 0, flags], frame].concat();
        let prism = [&[0x44, 0, 0, 0, 144, 0, 0, 0], &[0; 136][..], &data].concat();
        let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56][..], &data].concat();
        let ppi = [&[0, 0, 8, 0, 105, 0, 0, 0], &data[..]].concat();
        let pktap = [&[108, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &[0; 96][..]].concat();
        let mut erf = [0; 18];
        erf[8] = 2;
        for (data, link_type, at) in [
            (ethernet(&[0, 40, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]), 1, 22),
            (ethernet(&[0x88, 0x64, 0x11, 0, 0, 1, 0, 6, 0, 0x21]), 1, 22),
            (ethernet(&[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]), 1, 22),
            (
                ethernet(&[0x81, 0, 0, 1, 0, 12, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
                1,
                26,
            ),
            (data.clone(), 105, 32),
            (qos.clone(), 105, 34),
            (wlan(&[8, 3], &[2; 6]), 105, 38),
            (padded.clone(), 105, 36),
            (tap(0, &data), 127, 41),
            (tap(0x20, &padded), 127, 45),
            (prism, 119, 176),
            (avs.clone(), 119, 96),
            (avs, 163, 96),
            (ppi, 192, 40),
            (frame(&[0xff, 3, 0, 0x21]), 9, 4),
            (frame(&[0x21]), 9, 1),
            (frame(&[0x0f, 0, 8, 0]), 50, 4),
            (frame(&[0x0f, 0, 8, 0]), 104, 4),
            (frame(&[0x11, 0, 0, 1, 0, 6, 0, 0x21]), 51, 8),
            (frame(&[0x18, 0x41, 3, 0xcc]), 107, 4),
            (frame(&[2, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0]), 109, 12),
            (frame(&[2, 0, 0, 0, 8, 0, 9, 0]), 239, 8),
            ([&[0; 4], &ethernet(&[8, 0])[..]].concat(), 240, 18),
            ([&[0; 12], &ethernet(&[8, 0])[..]].concat(), 241, 26),
            ([&[0; 6], &ethernet(&[8, 0])[..]].concat(), 143, 20),
            ([&erf, &ethernet(&[8, 0])[..]].concat(), 197, 32),
            ([pktap, ethernet(&[8, 0])].concat(), 258, 122),
            (
                frame(&[&[0, 0, 3, 0x23], &[0; 12][..], &tap(0, &data)[..41]].concat()),
                113,
                57,
            ),
        ] {
            assert_eq!(ip_at(&data, link_type), Ok(at), "{link_type}");
        }
    }

    #[test]
    fn ethernet_behind_labels_is_found_with_and_without_a_control_word() {
        let mut packet = vec![2; 12];
        packet.extend([8, 0]);
        let step = etherparse::PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64);
        step.udp(1, 2).write(&mut packet, b"x").unwrap();
        for (word, at) in [(&[][..], 32), (&[0; 4], 36)] {
            let label = [&[2; 12][..], &[0x88, 0x47, 0, 1, 1, 64]].concat();
            let data = [&label[..], word, &packet].concat();
            assert_eq!(ip_at(&data, ETHERNET), Ok(at));
        }
    }

    #[test]
    fn an_aggregate_is_several_packets() {
        let one = |length: u8, rest: &[u8]| {
            let header = [&[2; 12][..], &[0, length], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]];
            [&header.concat()[..], rest].concat()
        };
        let header = [&[0x88, 1][..], &[2; 20], &[0, 0, 0x80, 0]].concat();
        let first = one(12, &[0x45, 0, 0, 20, 0, 0]);
        let data = [header, first, one(9, &[0x46])].concat();
        let Frame::Several(frames) = read(chunk(&data), IEEE802_11) else {
            panic!("no aggregate")
        };
        let at = |frame: &Frame<'_>| match frame {
            Frame::Ip(packet) => (packet.offset, packet.data[0]),
            other => panic!("{other:?}"),
        };
        let places: Vec<_> = frames.iter().map(at).collect();
        assert_eq!(places, [(48, 0x45), (76, 0x46)]);
    }

    #[test]
    fn wireless_frames_that_nobody_can_read_are_named() {
        for (control, reason) in [
            ([0x08, 0x41], "802.11 protected"),
            ([0x80, 0], "802.11 management"),
            ([0xb4, 0], "802.11 control"),
            ([0x48, 1], "802.11 without data"),
            ([0x08, 5], "802.11 fragment"),
        ] {
            let data = wlan(&control, &[]);
            let undissected = Frame::Undissected(reason.into());
            assert_eq!(read(chunk(&data), IEEE802_11), undissected);
        }
        let wrong = [&[0, 0, 9, 0, 2, 0, 0, 0, 0x40], &wlan(&[8, 1], &[])[..]].concat();
        let reason = "802.11 with a wrong check sequence";
        assert_eq!(
            read(chunk(&wrong), RADIOTAP),
            Frame::Undissected(reason.into())
        );
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
        assert_eq!(read(chunk(&alive), ETHERNET), Frame::Heartbeat);
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
            (frame(0x8100, b"one"), "no whole IEEE 802.1Q tag"),
        ] {
            assert_eq!(
                read(chunk(&data), ETHERNET),
                Frame::Undissected(reason.into())
            );
        }
    }

    #[test]
    fn other_links_and_short_headers_are_named() {
        let netlink = [&[0, 0, 3, 0x38], &[0; 10][..], &[0x08, 0, 0x45]].concat();
        for (data, link_type, reason) in [
            (&netlink[..], 113, "Linux SLL of ARPHRD type 824"),
            (&netlink[..15], 113, "no whole Linux SLL header"),
            (&netlink[..15], 276, "no whole Linux SLL2 header"),
            (&netlink[..13], 1, "no whole Ethernet header"),
            (&netlink[..3], 0, "no whole loopback header"),
            (&[7, 0, 0, 0], 0, "address family 7"),
            (&netlink, 147, "link type 147"),
        ] {
            assert_eq!(
                read(chunk(data), link_type),
                Frame::Undissected(reason.into())
            );
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_offsets_point_at_the_payload(
            mut data in prop::collection::vec(any::<u8>(), 0..60),
            ethertype in prop::sample::select(vec![0x0800u16, 0x86dd, 0x8100, 0x88a8, 0x0806, 0x8847, 0x8864]),
            at in prop::sample::select(vec![0usize, 12, 14]),
            link_type in prop::sample::select(vec![0u16, 1, 9, 12, 51, 101, 105, 107, 108, 109, 113, 119, 127, 143, 192, 197, 228, 239, 258, 276]),
        ) {
            if let Some(there) = data.get_mut(at..at + 2) {
                there.copy_from_slice(&ethertype.to_be_bytes());
            }
            if let Frame::Ip(packet) | Frame::Arp(packet) = read(chunk(&data), link_type) {
                prop_assert!(data[packet.offset..].starts_with(packet.data));
            }
        }
    }
}
