use proptest::prelude::*;

use super::*;
use crate::dissect::FlowState;

/// A record of that content type and epoch.
fn record(content_type: u8, epoch: u8, number: u8, fragment: &[u8]) -> Vec<u8> {
    let length = (fragment.len() as u16).to_be_bytes();
    let head = [content_type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, number];
    [&head[..], &length, fragment].concat()
}

/// A part of a handshake message.
fn fragment(kind: u8, number: u8, body: &[u8], part: Range<usize>) -> Vec<u8> {
    let length = |n: usize| [0, (n >> 8) as u8, n as u8];
    let [a, b, c] = length(body.len());
    let ([d, e, f], [g, h, i]) = (length(part.start), length(part.len()));
    [&[kind, a, b, c, 0, number, d, e, f, g, h, i], &body[part]].concat()
}

/// The body of a ClientHello with a cookie and use_srtp.
fn client_hello(random: u8) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([random; 32]);
    body.extend([1, 9, 3, 7, 7, 7]);
    body.extend([0, 2, 0xc0, 0x2b, 1, 0]);
    body.extend([0, 11, 0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0]);
    body
}

/// The body of a ServerHello of DTLS 1.2 with use_srtp.
fn server_hello(random: u8) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend([random; 32]);
    body.extend([0, 0xc0, 0x2b, 0]);
    body.extend([0, 9, 0, 14, 0, 5, 0, 2, 0, 7, 0]);
    body
}

fn flow(datagrams: &[(bool, Vec<u8>)]) -> Flow {
    let mut flow = Flow {
        transport: TransportProtocol::Udp,
        a: "192.0.2.1:5000".parse().unwrap(),
        b: "192.0.2.2:6000".parse().unwrap(),
        state: FlowState::Open,
        from_a: Stream::default(),
        from_b: Stream::default(),
        first_packet: 1,
        packets: datagrams.len() as u64,
    };
    for ((of_a, octets), number) in datagrams.iter().zip(1..) {
        let stream = match of_a {
            true => &mut flow.from_a,
            false => &mut flow.from_b,
        };
        stream.push(octets, number, 42, number);
    }
    flow
}

fn whole(kind: u8, number: u8, body: &[u8]) -> Vec<u8> {
    fragment(kind, number, body, 0..body.len())
}

#[test]
fn hellos_are_read_from_fragments_in_any_order_and_again() {
    let hello = client_hello(5);
    let part = |range| record(22, 0, 0, &fragment(1, 1, &hello, range));
    let (first, second) = (part(0..20), part(20..hello.len()));
    let flow = flow(&[
        (false, [&second[..], &first].concat()),
        (false, first),
        (true, record(22, 0, 0, &whole(2, 1, &server_hello(6)))),
        // Somebody tries again, with another random.
        (false, record(22, 0, 3, &whole(1, 1, &client_hello(7)))),
    ]);
    let reading = read(&flow).unwrap();
    assert!(!reading.client_is_a);
    let client = reading.client_hello.as_ref().unwrap();
    assert_eq!((client.random, client.at), ([5; 32], 0));
    assert_eq!(client.srtp.as_ref().unwrap().profiles, [7, 1]);
    let server = reading.server_hello.as_ref().unwrap();
    assert_eq!((server.version, server.random), (DTLS12, [6; 32]));
    assert_eq!(server.srtp.as_ref().unwrap().profiles, [7]);
    assert_eq!(reading.client.in_clear.len(), 2);
    assert_eq!(reading.from_server(&flow), &flow.from_a);
}

#[test]
fn records_of_both_forms_share_a_datagram() {
    let alert = record(21, 0, 1, &[2, 40]);
    let long = [&[0x2e, 1, 2, 0, 3][..], b"abc"].concat();
    let short = [&[0x21, 9][..], b"rest"].concat();
    let datagram = [alert, long, short].concat();
    let (records, residue) = records(&datagram, 100);
    assert_eq!(residue, None);
    let seen: Vec<_> = records
        .iter()
        .map(|r| {
            (
                r.at,
                r.form,
                r.content_type,
                r.epoch,
                r.sequence,
                r.header,
                r.length,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (100, Form::Explicit, 21, 0, 1, 13, 2),
            (115, Form::Unified, 0, 2, 0x0102, 5, 3),
            (123, Form::Unified, 0, 1, 9, 2, 4),
        ]
    );
}

#[test]
fn what_is_no_record_is_residue() {
    for datagram in [
        &b"\x16\xfe\xfd"[..],
        // TLS over UDP.
        &[22, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        // With a connection ID, of either kind.
        &[25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x3e, 1, 2, 0, 0],
        // Longer than the datagram.
        &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 1],
    ] {
        let (records, residue) = records(datagram, 7);
        assert!(records.is_empty(), "{datagram:?}");
        assert_eq!(residue, Some(7..7 + datagram.len()));
    }
    let datagram = [record(22, 0, 0, b"x"), b"rest".to_vec()].concat();
    let (records, residue) = records(&datagram, 0);
    assert_eq!((records.len(), residue), (1, Some(14..18)));
}

#[test]
fn a_flow_without_a_client_hello_is_none() {
    let server = record(22, 0, 0, &whole(2, 0, &server_hello(6)));
    assert!(read(&flow(&[(true, server)])).is_none());
    assert!(read(&flow(&[])).is_none());
}

proptest! {
    #[test]
    fn hostile_datagrams_never_panic(
        datagrams in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..60)), 0..6),
        first in 20..64_u8,
        cut in 0..90_usize,
    ) {
        let mut all = vec![(true, record(22, 0, 0, &whole(1, 0, &client_hello(1))))];
        let mut hello = record(22, 0, 0, &whole(2, 0, &server_hello(2)));
        hello.truncate(cut);
        all.push((false, hello));
        for (of_a, mut octets) in datagrams {
            if let Some(octet) = octets.first_mut() {
                *octet = first;
            }
            all.push((of_a, octets.clone()));
            all.push((of_a, record(22, 0, 9, &octets)));
            all.push((of_a, [&[22, 0xfe, 0xfd][..], &octets].concat()));
        }
        let flow = flow(&all);
        let reading = read(&flow).unwrap();
        for (side, stream) in [(&reading.client, &flow.from_a), (&reading.server, &flow.from_b)] {
            for record in &side.records {
                prop_assert!(record.end() <= stream.bytes.len());
                prop_assert_eq!(record.fragment(stream).len(), record.length);
            }
        }
    }
}
