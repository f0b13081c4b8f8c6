//! From the link to the network layer: what a packet carries, and where it
//! begins.

use super::datagram::Chunk;

/// LINKTYPE_NULL: the address family in 4 octets of the host's order.
const NULL: u16 = 0;
/// LINKTYPE_ETHERNET.
const ETHERNET: u16 = 1;
/// DLT_RAW of some systems, which files hold too.
const RAW_BSD: [u16; 2] = [12, 14];
/// LINKTYPE_RAW: IPv4 or IPv6.
const RAW: u16 = 101;
/// LINKTYPE_LOOP: the address family in 4 octets of network order.
const LOOP: u16 = 108;
/// LINKTYPE_LINUX_SLL.
const LINUX_SLL: u16 = 113;
/// LINKTYPE_IPV4 and LINKTYPE_IPV6.
const IP_ONLY: [u16; 2] = [228, 229];
/// LINKTYPE_LINUX_SLL2.
const LINUX_SLL2: u16 = 276;

/// AF_INET; the same everywhere.
const AF_INET: u32 = 2;
/// AF_INET6 of Linux, of NetBSD and OpenBSD, of FreeBSD, and of macOS.
const AF_INET6: [u32; 4] = [10, 24, 28, 30];

/// EtherType of IPv4.
const IPV4: u16 = 0x0800;
/// EtherType of IPv6.
const IPV6: u16 = 0x86dd;
/// EtherType of ARP.
const ARP: u16 = 0x0806;
/// EtherTypes of a tag: IEEE Std 802.1Q customer and service tags, and what
/// was used for the latter before.
const TAGS: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Octets of a tag after its EtherType, and the next EtherType.
const TAG: usize = 4;
/// Local Experimental EtherType 1 (IEEE Std 802): heartbeats of our tap.
const HEARTBEAT_TYPE: u16 = 0x88b5;
/// Octets of payload of the shortest frame of Ethernet (IEEE Std 802.3).
const SHORTEST: usize = 46;
/// How the payload of a heartbeat begins.
const HEARTBEAT: &[u8] = b"lightleak tap ";
/// ARPHRD types whose "protocol" in SLL is no EtherType: FRAD, 802.11 with
/// radiotap, and netlink.
const OTHER_PROTOCOLS: [u16; 3] = [770, 803, 824];

/// What one captured packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// An IPv4 or IPv6 packet, and perhaps padding of the link behind it.
    Ip(Chunk<'a>),
    /// An ARP message, and perhaps padding of the link behind it.
    Arp(Chunk<'a>),
    /// The tap says that it is alive, or somebody does in its words.
    Heartbeat,
    /// Something else, and what.
    Undissected(String),
}

/// Dissects one packet, captured whole or in part, of an interface with that
/// LINKTYPE.
pub fn read(packet: Chunk<'_>, link_type: u16) -> Frame<'_> {
    let octets = packet.data;
    let u16_at = |at: usize| Some(u16::from_be_bytes(*octets.get(at..)?.first_chunk()?));
    let short = |link: &str| Frame::Undissected(format!("no whole {link} header"));
    match link_type {
        ETHERNET => match u16_at(12) {
            // IEEE Std 802.3: up to 1500 the field is a length.
            Some(length @ 0..0x0600) => {
                Frame::Undissected(format!("IEEE 802.3 frame of length {length}"))
            }
            Some(ether_type) => network(ether_type, packet.after(14)),
            None => short("Ethernet"),
        },
        LINUX_SLL if octets.len() >= 16 => cooked(u16_at(2), u16_at(14), packet.after(16)),
        LINUX_SLL => short("Linux SLL"),
        LINUX_SLL2 if octets.len() >= 20 => cooked(u16_at(8), u16_at(0), packet.after(20)),
        LINUX_SLL2 => short("Linux SLL2"),
        NULL | LOOP => match octets.first_chunk() {
            Some(&family) => loopback(family, packet.after(4)),
            None => short("loopback"),
        },
        RAW => Frame::Ip(packet),
        other if RAW_BSD.contains(&other) || IP_ONLY.contains(&other) => Frame::Ip(packet),
        other => Frame::Undissected(format!("link type {other}")),
    }
}

/// A cooked capture: ARPHRD type and protocol are told beside the packet.
fn cooked(hardware: Option<u16>, protocol: Option<u16>, payload: Chunk<'_>) -> Frame<'_> {
    match (hardware, protocol) {
        (Some(hardware), _) if OTHER_PROTOCOLS.contains(&hardware) => {
            Frame::Undissected(format!("Linux SLL of ARPHRD type {hardware}"))
        }
        (_, Some(ether_type)) => network(ether_type, payload),
        (_, None) => Frame::Undissected("no whole Linux SLL header".to_owned()),
    }
}

fn loopback(family: [u8; 4], payload: Chunk<'_>) -> Frame<'_> {
    // Whose order the host's was is not told; no family is above 65535.
    let family = u32::from_be_bytes(family).min(u32::from_le_bytes(family));
    if family == AF_INET || AF_INET6.contains(&family) {
        Frame::Ip(payload)
    } else {
        Frame::Undissected(format!("address family {family}"))
    }
}

/// What follows an EtherType; tags are passed over, however many.
fn network(mut ether_type: u16, mut payload: Chunk<'_>) -> Frame<'_> {
    while TAGS.contains(&ether_type) {
        let Some(&[_, _, high, low]) = payload.data.first_chunk::<TAG>() else {
            return Frame::Undissected("no whole IEEE 802.1Q tag".to_owned());
        };
        ether_type = u16::from_be_bytes([high, low]);
        payload = payload.after(TAG);
    }
    match ether_type {
        IPV4 | IPV6 => Frame::Ip(payload),
        ARP => Frame::Arp(payload),
        HEARTBEAT_TYPE if is_heartbeat(payload.data) => Frame::Heartbeat,
        other => Frame::Undissected(format!("ethertype 0x{other:04x}")),
    }
}

/// The words, a name in ASCII, and the padding of a shortest frame.
fn is_heartbeat(payload: &[u8]) -> bool {
    let Some(rest) = payload.strip_prefix(HEARTBEAT) else {
        return false;
    };
    let name = rest.iter().take_while(|&&octet| octet != 0).count();
    let is_name = |octet: &u8| octet.is_ascii_graphic() || *octet == b' ';
    let padded = rest[name..].iter().all(|&octet| octet == 0);
    payload.len() <= SHORTEST && rest[..name].iter().all(is_name) && padded
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
            (&netlink, 105, "link type 105"),
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
            ethertype in prop::sample::select(vec![0x0800u16, 0x86dd, 0x8100, 0x88a8, 0x0806]),
            at in prop::sample::select(vec![0usize, 12, 14]),
            link_type in prop::sample::select(vec![0u16, 1, 12, 101, 108, 113, 228, 276]),
        ) {
            if let Some(there) = data.get_mut(at..at + 2) {
                there.copy_from_slice(&ethertype.to_be_bytes());
            }
            if let Frame::Ip(packet) | Frame::Arp(packet) = read(chunk(&data), link_type) {
                prop_assert_eq!(&data[packet.offset..], packet.data);
            }
        }
    }
}
