use std::net::Ipv4Addr;

use proptest::prelude::*;

use crate::dissect::{FlowState, datagram::Chunk};

use super::*;

const CAMERA: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// A conversation of the camera, which sends from that port first.
fn flow(from: u16, to: u16, from_a: &[&[u8]], from_b: &[&[u8]]) -> Flow {
    let stream = |datagrams: &[&[u8]]| {
        let mut stream = Stream::default();
        for (octets, number) in datagrams.iter().zip(1..) {
            stream.push(octets, number, 42, number);
        }
        stream
    };
    Flow {
        transport: TransportProtocol::Udp,
        a: (CAMERA, from).into(),
        b: (OTHER, to).into(),
        state: FlowState::Open,
        from_a: stream(from_a),
        from_b: stream(from_b),
        first_packet: 1,
        packets: 1,
    }
}

fn is(from: u16, to: u16, octets: &[u8]) -> Option<Kind> {
    read(&flow(from, to, &[octets], &[])).map(|found| found.kind)
}

/// The octets that `a` chose freely.
fn free(from: u16, to: u16, octets: &[u8]) -> Vec<Vec<u8>> {
    let flow = flow(from, to, &[octets], &[]);
    let ranges = read(&flow).unwrap().free_a;
    let octets = |range: Range<usize>| flow.from_a.bytes[range].to_vec();
    ranges.into_iter().map(octets).collect()
}

/// DNS: header with flags and counts, then the sections.
fn dns(flags: u16, counts: [u16; 4], sections: &[&[u8]]) -> Vec<u8> {
    let mut message = vec![0xab, 0xcd];
    message.extend(flags.to_be_bytes());
    message.extend(counts.iter().flat_map(|c| c.to_be_bytes()));
    message.extend(sections.concat());
    message
}

const QUESTION: &[u8] = b"\x04time\x07example\0\0\x01\0\x01";
/// OPT with a padding option of 3 octets.
const EDNS: &[u8] = b"\0\0\x29\x04\xd0\0\0\x80\0\0\x07\0\x0c\0\x03\0\0\0";

fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let mut record = vec![0xc0, 12];
    record.extend(kind.to_be_bytes());
    record.extend([0, 1, 0, 0, 0, 60]);
    record.extend(length.to_be_bytes());
    record.extend(data);
    record
}

#[test]
fn a_query_and_its_response_are_dns_and_the_port_says_who_serves() {
    let query = dns(0x0100, [1, 0, 0, 1], &[QUESTION, EDNS]);
    let response = dns(
        0x8180,
        [1, 2, 0, 1],
        &[
            QUESTION,
            &record(5, b"\x01a\xc0\x11"),
            &record(1, &[10, 0, 0, 7]),
            EDNS,
        ],
    );
    let found = read(&flow(40000, 53, &[&query], &[&response])).unwrap();
    assert_eq!((found.kind, found.server), (Kind::Dns, Some(End::B)));
    let expected: [&[u8]; 3] = [b"\xab\xcd", b"time", b"example"];
    assert_eq!(free(40000, 53, &query), expected);
    assert_eq!(found.free_b.last().unwrap().len(), 4);
    // The camera answers, and whoever asked was captured later or not at all.
    let serves = read(&flow(53, 40000, &[&response], &[])).unwrap();
    assert_eq!(serves.server, Some(End::A));
    // Both ask, or one both asks and answers.
    assert_eq!(read(&flow(53, 53, &[&query], &[&query])), None);
    assert_eq!(read(&flow(53, 53, &[&query, &response], &[])), None);
    // A port alone makes nothing, nor does a form on any port.
    assert_eq!(is(40000, 5300, &query), None);
    assert_eq!(is(40000, 53, b"\x80\x60\0\x01media"), None);
}

#[test]
fn every_record_that_is_known_is_read_to_its_end() {
    let response = |record: &[u8]| dns(0x8180, [1, 1, 0, 0], &[QUESTION, record]);
    let signature = [&[0; 18][..], b"\x07example\0", &[7; 20]].concat();
    for (kind, data) in [
        (1, &[1; 4][..]),
        (28, &[1; 16]),
        (2, b"\x02ns\xc0\x11"),
        (12, b"\xc0\x0c"),
        (6, &[&b"\xc0\x0c\xc0\x11"[..], &[0; 20]].concat()),
        (15, b"\0\x05\x02mx\0"),
        (16, b"\x03a=b\0"),
        (33, b"\0\0\0\0\x01\xbb\xc0\x0c"),
        (13, b"\x03arm\x05linux"),
        (35, b"\0\x01\0\x01\x01u\x03sip\0\xc0\x0c"),
        (46, &signature),
        (47, b"\xc0\x0c\0\x01\x40"),
        (48, &[7; 40]),
        (65, b"\0\x01\0\0\x01\0\x03\x02h2\0\x04\0\x04\x0a\0\0\x01"),
        (257, b"\0\x05issueca"),
    ] {
        let whole = record(kind, data);
        assert_eq!(is(53, 9, &response(&whole)), Some(Kind::Dns), "{kind}");
        let behind = [&response(&whole)[..], b"x"].concat();
        assert_eq!(is(53, 9, &behind), None, "{kind} and an octet more");
        let mut longer = record(kind, &[data, b"xyz"].concat());
        // Where the rest is free anyway, more of it is no contradiction.
        let open = matches!(kind, 16 | 46 | 47 | 48 | 257);
        assert!(
            open || is(53, 9, &response(&longer)).is_none(),
            "{kind} longer"
        );
        longer.truncate(12 + data.len() / 2);
        assert_eq!(is(53, 9, &response(&longer)), None, "{kind} cut");
    }
    for (kind, data) in [
        (10, &b"anything"[..]),
        (65_280, b"anything"),
        (65, b"\0\x01\0\0\x04\0\0\0\x03\0\0"),
        (12, b"\xc0\x30"),
    ] {
        assert_eq!(is(53, 9, &response(&record(kind, data))), None, "{kind}");
    }
}

#[test]
fn what_a_tunnel_needs_is_no_dns_or_is_handed_out() {
    let query = |question: &[u8]| dns(0x0100, [1, 0, 0, 0], &[question]);
    let named = |label: &[u8], kind: u8| {
        let length = u8::try_from(label.len()).unwrap();
        query(&[&[length], label, b"\x01t\0\0", &[kind], b"\0\x01"].concat())
    };
    // Octets in the name, and a type of nobody knows what.
    assert_eq!(is(40000, 53, &named(b"\x00\xfe\x80", 1)), None);
    assert_eq!(is(40000, 53, &named(b"abc", 10)), None);
    assert_eq!(is(40000, 53, &named(b"abc", 1)), Some(Kind::Dns));
    let label = b"mzxw6ytboi4dgmbrgiztinjwg44dsmzxw6ytboi4dgmbrgiztinjwg44ds";
    assert!(free(40000, 53, &named(label, 1)).contains(&label.to_vec()));
    // Records in a query, octets between records that only a pointer skips.
    let answer = record(1, &[1; 4]);
    assert_eq!(
        is(9, 53, &dns(0x0100, [1, 1, 0, 0], &[QUESTION, &answer])),
        None
    );
    assert_eq!(
        is(9, 53, &dns(0x0100, [1, 0, 0, 1], &[QUESTION, &answer])),
        None
    );
    assert_eq!(
        is(9, 53, &dns(0x0100, [2, 0, 0, 0], &[QUESTION, QUESTION])),
        None
    );
    // Reserved bits, another opcode, padding that pads nothing.
    assert_eq!(is(9, 53, &dns(0x0140, [1, 0, 0, 0], &[QUESTION])), None);
    assert_eq!(is(9, 53, &dns(0x2900, [1, 0, 0, 0], &[QUESTION])), None);
    let padded = [&EDNS[..EDNS.len() - 1], b"x"].concat();
    assert_eq!(
        is(9, 53, &dns(0x0100, [1, 0, 0, 1], &[QUESTION, &padded])),
        None
    );
}

#[test]
fn names_end_and_point_backwards() {
    let query = |name: &[u8]| dns(0x0100, [1, 0, 0, 0], &[name, b"\0\x01\0\x01"]);
    let label = [&[63][..], &[b'a'; 63]].concat();
    let long = |labels: usize, last: usize| {
        let last = [&[u8::try_from(last).unwrap()][..], &vec![b'a'; last], &[0]].concat();
        [label.repeat(labels), last].concat()
    };
    assert_eq!(is(9, 53, &query(&long(3, 61))), Some(Kind::Dns));
    assert_eq!(is(9, 53, &query(&long(3, 62))), None);
    for name in [
        &b"\xc0\x0c"[..],
        b"\x01a\xc0\x0c",
        b"\xc0\x0e\0",
        b"\x40a\0",
        b"\x05abc",
    ] {
        assert_eq!(is(9, 53, &query(name)), None, "{name:?}");
    }
}

#[test]
fn multicast_dns_has_names_of_any_text_and_no_server() {
    let name = "\u{7}K\u{fc}che \u{0}".as_bytes();
    let question = [name, b"\0\x0c\x80\x01"].concat();
    let probe = dns(
        0,
        [1, 0, 1, 0],
        &[&question, &{
            let mut record = record(16, b"\x05a=b;c");
            record[4] |= 0x80;
            record
        }],
    );
    let found = read(&flow(5353, 5353, &[&probe], &[])).unwrap();
    assert_eq!((found.kind, found.server), (Kind::Mdns, None));
    assert!(free(5353, 5353, &probe).contains(&b"a=b;c".to_vec()));
    let control = dns(0, [1, 0, 0, 0], &[b"\x02a\x07\0\0\x0c\0\x01"]);
    assert_eq!(is(5353, 5353, &control), None);
}

fn ntp(mode: u8) -> Vec<u8> {
    let mut packet = vec![4 << 3 | mode, 2, 6, 0xec];
    packet.extend([0; 36]);
    packet.extend([1, 2, 3, 4, 5, 6, 7, 8]);
    packet
}

#[test]
fn ntp_is_read_with_what_may_follow() {
    let found = read(&flow(40000, 123, &[&ntp(3)], &[&ntp(4)])).unwrap();
    assert_eq!((found.kind, found.server), (Kind::Ntp, Some(End::B)));
    assert_eq!(free(40000, 123, &ntp(3)), [[1, 2, 3, 4, 5, 6, 7, 8]]);
    let with = |more: &[u8]| is(123, 123, &[&ntp(3), more].concat());
    assert_eq!(with(&[9; 20]), Some(Kind::Ntp));
    let field = [&[1, 4, 0, 28][..], &[9; 24]].concat();
    assert_eq!(with(&field), Some(Kind::Ntp));
    assert_eq!(with(&[&field[..], &[9; 24]].concat()), Some(Kind::Ntp));
    assert_eq!(with(&[9; 21]), None);
    assert_eq!(with(&field[..27]), None);
    // Symmetric, control and private modes; a client that answers.
    for mode in [0, 1, 2, 6, 7] {
        assert_eq!(is(123, 123, &ntp(mode)), None, "{mode}");
    }
    assert_eq!(is(40000, 123, &ntp(4)), None);
    assert_eq!(is(40000, 123, &ntp(3)[..47]), None);
}

fn dhcp(operation: u8, options: &[u8]) -> Vec<u8> {
    let mut message = vec![operation, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0];
    message.extend([0; 16]);
    message.extend([2; 6]);
    message.extend([0; 10 + 64 + 128]);
    message.extend([99, 130, 83, 99]);
    message.extend(options);
    message
}

#[test]
fn dhcp_is_read_to_its_end() {
    let discover = dhcp(1, b"\x35\x01\x01\x0c\x03cam\xff\0\0\0");
    let offer = dhcp(2, b"\x35\x01\x02\x33\x04\0\0\x0e\x10\xff");
    let found = read(&flow(68, 67, &[&discover], &[&offer])).unwrap();
    assert_eq!((found.kind, found.server), (Kind::Dhcp, Some(End::B)));
    assert!(free(68, 67, &discover).contains(&b"cam".to_vec()));
    for options in [
        &b"\x35\x01\x01"[..],
        b"\x0c\x03cam\xff",
        b"\x35\x01\x09\xff",
        b"\x35\x01\x01\xffmore",
        b"\x35\x01\x01\x0c\x09cam\xff",
    ] {
        assert_eq!(is(68, 67, &dhcp(1, options)), None, "{options:?}");
    }
    assert_eq!(is(67, 68, &discover), None);
    // Hardware type and length, hops, flags, padding after the address, cookie.
    for (at, octet) in [(1, 2), (2, 5), (3, 17), (10, 1), (34, 1), (43, 1), (236, 0)] {
        let mut other = discover.clone();
        other[at] = octet;
        assert_eq!(is(68, 67, &other), None, "octet {at}");
    }

    let solicit = b"\x01abc\0\x08\0\x02\0\0\0\x01\0\x04\0\x01\0\x02";
    assert_eq!(is(546, 547, solicit), Some(Kind::Dhcpv6));
    assert_eq!(is(546, 547, &solicit[..17]), None);
    assert_eq!(is(547, 546, solicit), None);
}

#[test]
fn one_datagram_that_is_another_or_not_whole_makes_the_flow_another() {
    let query = dns(0x0100, [1, 0, 0, 0], &[QUESTION]);
    assert!(read(&flow(9, 53, &[&query, &query], &[])).is_some());
    assert!(read(&flow(9, 53, &[&query, b"\x80media"], &[])).is_none());
    assert!(read(&flow(9, 53, &[&query], &[b"\x80media"])).is_none());
    assert!(read(&flow(9, 53, &[], &[])).is_none());
    let mut cut = flow(9, 53, &[&query], &[]);
    cut.from_a.gaps.push(query.len());
    assert!(read(&cut).is_none());
    let mut tcp = flow(9, 53, &[&query], &[]);
    tcp.transport = TransportProtocol::Tcp;
    assert!(read(&tcp).is_none());
}

#[test]
fn arp_is_read_with_its_padding() {
    let request = [
        &[0, 1, 8, 0, 6, 4, 0, 1][..],
        &[2; 6],
        &CAMERA.octets(),
        &[0; 6],
        &OTHER.octets(),
    ]
    .concat();
    let padded = |padding: &[u8]| arp(&[&request[..], padding].concat());
    let message = padded(&[0; 18]).unwrap();
    assert_eq!((message.kind, message.from), (Kind::Arp, CAMERA.into()));
    assert_eq!(message.free, [OTHER.octets()]);
    assert_eq!(padded(b"memory").unwrap().free[1], b"memory");
    assert_eq!(padded(&[0; 19]), None);
    assert_eq!(arp(&request[..27]), None);
    for (at, octet) in [(1, 6), (2, 9), (5, 16), (7, 3)] {
        let mut other = request.clone();
        other[at] = octet;
        assert_eq!(arp(&other), None, "{at}");
    }
}

/// What a control protocol says that the camera sends.
fn control(protocol: u8, octets: &[u8]) -> Option<Message> {
    said(
        &mut Control::default(),
        protocol,
        (CAMERA.into(), OTHER.into()),
        octets,
    )
}

fn said(
    control: &mut Control,
    protocol: u8,
    (source, destination): (IpAddr, IpAddr),
    octets: &[u8],
) -> Option<Message> {
    control.read(&Datagram {
        source,
        destination,
        protocol,
        chunks: vec![Chunk {
            data: octets,
            packet: 1,
            offset: 34,
            time_ns: 0,
        }],
        missing: 0,
        open: false,
        identification: 0,
        packet: 1,
        packets: 1,
    })
}

#[test]
fn an_echo_says_what_its_sender_chose_and_a_reply_nothing_new() {
    let request = |data: &[u8]| [&[8, 0, 0, 0, 0, 1, 0, 2][..], data].concat();
    let counting: Vec<u8> = (16..56).collect();
    let linux = [&b"\x99\x88\x77\x66"[..], &counting].concat();
    let free = |octets: &[u8]| control(1, octets).unwrap().free;
    assert_eq!(free(&request(&linux)), [b"\0\x01\0\x02\x99\x88\x77\x66"]);
    assert_eq!(free(&request(&[0; 56])), [b"\0\x01\0\x02"]);
    let picture = b"\0\0\0\x01\x67\x42";
    assert_eq!(free(&request(picture)), [&request(picture)[4..]]);

    let mut reply = request(picture);
    reply[0] = 0;
    assert_eq!(free(&reply), [&reply[4..]]);
    let mut state = Control::default();
    let (camera, other) = (CAMERA.into(), OTHER.into());
    said(&mut state, 1, (other, camera), &request(picture)).unwrap();
    let answered = said(&mut state, 1, (camera, other), &reply).unwrap();
    assert_eq!(answered.free, Vec::<Vec<u8>>::new());
    reply[8] ^= 1;
    let changed = said(&mut state, 1, (camera, other), &reply).unwrap();
    assert_eq!(changed.free.len(), 1);
}

#[test]
fn an_error_quotes_what_its_receiver_sent() {
    let mut quote = Vec::new();
    etherparse::PacketBuilder::ipv4(OTHER.octets(), CAMERA.octets(), 64)
        .udp(5000, 6000)
        .write(&mut quote, b"probe")
        .unwrap();
    let error = |quote: &[u8]| [&[3, 3, 0, 0, 0, 0, 0, 0][..], quote].concat();
    let message = control(1, &error(&quote)).unwrap();
    assert_eq!(message.free.concat(), quote[20..]);
    assert!(control(1, &error(&quote[..28])).is_some());
    assert!(control(1, &error(&quote[..27])).is_none());
    assert!(control(1, &error(&[&quote[..], b"more"].concat())).is_none());
    let mut foreign = quote.clone();
    foreign[15] ^= 1;
    assert!(control(1, &error(&foreign)).is_none());
    assert!(control(1, &[3, 16, 0, 0, 0, 0, 0, 0]).is_none());
}

#[test]
fn group_membership_and_neighbours_are_read() {
    let group = [224, 0, 0, 251];
    let v2 = [&[0x16, 0, 0, 0][..], &group].concat();
    let v3 = [&[0x22, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0][..], &group].concat();
    for octets in [&v2, &v3] {
        assert_eq!(control(2, octets).unwrap().kind, Kind::Igmp);
        assert!(control(2, &octets[..octets.len() - 1]).is_none());
        assert!(control(2, &[&octets[..], b"x"].concat()).is_none());
        let mut unicast = octets.clone();
        let at = octets.len() - 4;
        unicast[at] = 10;
        assert!(control(2, &unicast).is_none());
    }
    let (a, b): (IpAddr, IpAddr) = ("fe80::1".parse().unwrap(), "ff02::1".parse().unwrap());
    let v6 = |octets: &[u8]| said(&mut Control::default(), 58, (a, b), octets);
    let solicitation = [
        &[135, 0, 0, 0, 0, 0, 0, 0][..],
        &[1; 16],
        &[1, 1, 2, 2, 2, 2, 2, 2],
    ]
    .concat();
    let address = [&[0xff, 2][..], &[1; 14]].concat();
    let report = [&[143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0][..], &address].concat();
    let advertisement = [&[134, 0, 0, 0][..], &[0; 12], &[5, 1, 0, 0, 0, 0, 5, 0]].concat();
    for octets in [&solicitation, &report, &advertisement] {
        assert_eq!(v6(octets).unwrap().kind, Kind::Icmpv6);
        assert!(v6(&octets[..octets.len() - 1]).is_none());
        assert!(v6(&[&octets[..], b"x"].concat()).is_none());
    }
    let mut endless = solicitation;
    endless[25] = 0;
    assert!(v6(&endless).is_none());
}

proptest! {
    #[test]
    fn any_octets_on_any_port_are_survived(
        octets in prop::collection::vec(any::<u8>(), 0..200),
        port in prop::sample::select(vec![53u16, 5353, 123, 67, 547]),
        protocol in prop::sample::select(vec![1u8, 2, 58]),
        kind in prop::sample::select(vec![0u8, 3, 8, 0x11, 0x22]),
    ) {
        let mut octets = octets;
        read(&flow(9, port, &[&octets], &[]));
        if let Some(first) = octets.first_mut() {
            *first = kind;
        }
        control(protocol, &octets);
        arp(&octets);
    }

    #[test]
    fn what_is_free_lies_in_the_message(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut response = dns(
            0x8180,
            [1, 2, 0, 1],
            &[QUESTION, &record(16, b"\x03a=b"), &record(1, &[10, 0, 0, 7]), EDNS],
        );
        for (at, octet) in changes {
            let at = at.index(response.len());
            response[at] = octet;
        }
        for port in [53, 5353] {
            if let Some(found) = read(&flow(port, port, &[&response], &[])) {
                for range in found.free_a {
                    prop_assert!(range.start < range.end && range.end <= response.len());
                }
            }
        }
    }
}
