//! TCP (RFC 9293) and UDP (RFC 768) headers.

use std::{cmp::Ordering, net::SocketAddr};

use etherparse::{TcpHeaderSlice, UdpHeaderSlice};

use super::datagram::{Chunk, Datagram};

/// IP protocol of TCP.
pub const TCP: u8 = 6;
/// IP protocol of UDP.
pub const UDP: u8 = 17;

/// Octets of the longest TCP header.
const LONGEST_TCP_HEADER: usize = 60;
/// Octets of the UDP header.
const UDP_HEADER: usize = 8;

/// A TCP segment or a UDP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport<'a> {
    /// Its sender.
    pub from: SocketAddr,
    /// Its receiver.
    pub to: SocketAddr,
    /// Its payload, as far as it was captured.
    pub payload: Vec<Chunk<'a>>,
    /// Octets of payload that the headers state and that were not captured.
    pub missing: usize,
    /// Why its length contradicts that of the IP packet, if so.
    pub odd: Option<String>,
    /// Number of the first packet that brought a part of it.
    pub packet: u64,
    /// How many packets brought it.
    pub packets: u64,
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

impl Transport<'_> {
    /// How many octets of payload were captured.
    pub fn len(&self) -> usize {
        self.payload.iter().map(|c| c.data.len()).sum()
    }

    /// Whether no payload was captured.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads a TCP segment. An error is why that could not be done.
pub fn tcp(mut datagram: Datagram<'_>) -> Result<(Transport<'_>, Segment), String> {
    let head = datagram.head(LONGEST_TCP_HEADER);
    let header = TcpHeaderSlice::from_slice(&head).map_err(|e| format!("TCP: {e}"))?;
    let ports = (header.source_port(), header.destination_port());
    let segment = Segment {
        sequence: header.sequence_number(),
        acknowledgment: header.ack().then(|| header.acknowledgment_number()),
        syn: header.syn(),
        fin: header.fin(),
        rst: header.rst(),
    };
    let length = header.slice().len();
    datagram.skip(length);
    Ok((transport(datagram, ports), segment))
}

/// Reads a UDP datagram. The shorter of the lengths of UDP and IP counts. An error is why that could not be done.
pub fn udp(mut datagram: Datagram<'_>) -> Result<Transport<'_>, String> {
    let head = datagram.head(UDP_HEADER);
    let header = UdpHeaderSlice::from_slice(&head).map_err(|e| format!("UDP: {e}"))?;
    let ports = (header.source_port(), header.destination_port());
    let stated = usize::from(header.length());
    datagram.skip(UDP_HEADER);
    // Zero in a jumbogram, and where the network card cuts segments later on.
    let payload = match stated {
        0 => datagram.len() + datagram.missing,
        stated => stated
            .checked_sub(UDP_HEADER)
            .ok_or(format!("UDP datagram of {stated} octets"))?,
    };
    let mut whole = datagram.len() + datagram.missing;
    if datagram.open {
        whole = whole.max(payload);
    }
    let odd = match payload.cmp(&whole) {
        Ordering::Equal => None,
        Ordering::Less => Some(format!(
            "{} octets behind the UDP datagram",
            whole - payload
        )),
        Ordering::Greater => Some(format!(
            "a UDP datagram {} octets longer than its IP packet",
            payload - whole
        )),
    };
    datagram.truncate(payload);
    datagram.missing = payload.min(whole) - datagram.len();
    Ok(Transport {
        odd,
        ..transport(datagram, ports)
    })
}

fn transport(datagram: Datagram<'_>, ports: (u16, u16)) -> Transport<'_> {
    Transport {
        from: SocketAddr::new(datagram.source, ports.0),
        to: SocketAddr::new(datagram.destination, ports.1),
        payload: datagram.chunks,
        missing: datagram.missing,
        odd: None,
        packet: datagram.packet,
        packets: datagram.packets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram<'a>(chunks: &[&'a [u8]], missing: usize) -> Datagram<'a> {
        let chunk = |(data, packet): (&&'a [u8], u64)| Chunk {
            data,
            packet,
            offset: 20,
            time_ns: 0,
        };
        Datagram {
            source: [10, 0, 0, 1].into(),
            destination: [10, 0, 0, 2].into(),
            protocol: UDP,
            chunks: chunks.iter().zip(1..).map(chunk).collect(),
            missing,
            open: false,
            identification: 0,
            packet: 1,
            packets: 1,
        }
    }

    /// Payload, octets that are missing, and what is odd.
    fn read(octets: &[u8], missing: usize) -> (Vec<u8>, usize, Option<String>) {
        let packet = udp(datagram(&[octets], missing)).unwrap();
        let payload = packet.payload.iter().flat_map(|c| c.data).copied();
        (payload.collect(), packet.missing, packet.odd)
    }

    #[test]
    fn the_shorter_length_counts_and_the_difference_is_named() {
        let with = |length: u8| [&[0, 1, 0, 2, 0, length, 0, 0], &b"hello"[..]].concat();
        assert_eq!(read(&with(13), 0), (b"hello".into(), 0, None));
        assert_eq!(read(&with(0), 0), (b"hello".into(), 0, None));
        let behind = "2 octets behind the UDP datagram".to_owned();
        assert_eq!(read(&with(11), 0), (b"hel".into(), 0, Some(behind)));
        let longer = "a UDP datagram 3 octets longer than its IP packet".to_owned();
        assert_eq!(read(&with(16), 0), (b"hello".into(), 0, Some(longer)));
        // The packet was cut.
        assert_eq!(read(&with(16), 3), (b"hello".into(), 3, None));
        let behind = "2 octets behind the UDP datagram".to_owned();
        assert_eq!(read(&with(14), 3), (b"hello".into(), 1, Some(behind)));
    }

    #[test]
    fn what_has_no_whole_header_is_named() {
        assert!(
            udp(datagram(&[&[0; 7]], 0))
                .unwrap_err()
                .starts_with("UDP: ")
        );
        let short = udp(datagram(&[&[0, 1, 0, 2, 0, 7, 0, 0]], 0));
        assert_eq!(short.unwrap_err(), "UDP datagram of 7 octets");
        assert!(
            tcp(datagram(&[&[0; 19]], 0))
                .unwrap_err()
                .starts_with("TCP: ")
        );
    }

    #[test]
    fn the_fields_of_a_segment_are_read() {
        let header = [
            0x9c, 0x40, 2, 0x2a, 0, 0, 0, 7, 0, 0, 0, 9, 0x60, 0b1_0001, 1, 0, 0, 0, 0, 0, 1, 1, 1,
            0,
        ];
        let (packet, segment) = tcp(datagram(&[&header[..10], &header[10..], b"x"], 0)).unwrap();
        let expected = Segment {
            sequence: 7,
            acknowledgment: Some(9),
            fin: true,
            ..Segment::default()
        };
        assert_eq!(segment, expected);
        assert_eq!(packet.to, "10.0.0.2:554".parse().unwrap());
        assert_eq!((packet.len(), packet.payload[0].packet), (1, 3));
    }
}
