use proptest::prelude::*;

use crate::dissect::FlowState;

use super::*;

/// A handshake message.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn record(content_type: u8, version: u16, fragment: &[u8]) -> Vec<u8> {
    let length = u16::try_from(fragment.len()).unwrap().to_be_bytes();
    [
        &[content_type],
        &version.to_be_bytes()[..],
        &length,
        fragment,
    ]
    .concat()
}

fn vector16(octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
    [&length[..], octets].concat()
}

fn client_hello(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([1, 0xaa]); // session_id
    body.extend(vector16(&[0x13, 0x01, 0xc0, 0x2f]));
    body.extend([1, 0]); // compression_methods
    body.extend(vector16(extensions));
    message(CLIENT_HELLO, &body)
}

fn server_hello(version: u16, random: [u8; 32], extensions: Option<&[u8]>) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend(random);
    body.extend([0, 0x13, 0x02, 0]);
    body.extend(extensions.map(vector16).unwrap_or_default());
    message(SERVER_HELLO, &body)
}

const SUPPORTED_13: &[u8] = &[0, 43, 0, 2, 3, 4];

fn flow(from_a: &[u8], from_b: &[u8]) -> Flow {
    let mut flow = Flow {
        transport: TransportProtocol::Tcp,
        a: "10.0.0.1:40000".parse().unwrap(),
        b: "10.0.0.2:322".parse().unwrap(),
        state: FlowState::Open,
        from_a: Stream::default(),
        from_b: Stream::default(),
        first_packet: 1,
        packets: 2,
    };
    flow.from_a.push(from_a, 1, 54, 0);
    flow.from_b.push(from_b, 2, 54, 0);
    flow
}

#[test]
fn a_client_hello_is_read_with_its_extensions() {
    let name = b"camera.example";
    let mut list = vec![0];
    list.extend(vector16(name));
    let mut extensions = vec![0x0a, 0x0a, 0, 0, 0, 0];
    extensions.extend(vector16(&vector16(&list)));
    extensions.extend([0, 43, 0, 7, 6, 0xfa, 0xfa, 3, 4, 3, 3]);
    let hello = client_hello(&extensions);
    let reading = read(&flow(&record(HANDSHAKE, 0x0301, &hello), &[])).unwrap();
    let hello = reading.client_hello.unwrap();
    assert_eq!(hello.at, 0);
    assert_eq!(hello.legacy_version, 0x0303);
    assert_eq!(hello.random, [7; 32]);
    assert_eq!(hello.cipher_suites, [0x1301, 0xc02f]);
    assert_eq!(hello.server_name.as_deref(), Some("camera.example"));
    assert_eq!(hello.supported_versions, [0xfafa, 0x0304, 0x0303]);
    assert_eq!(hello.highest_version(), TLS13);
}

#[test]
fn messages_may_span_and_share_records() {
    let hello = client_hello(&[]);
    let (first, second) = hello.split_at(20);
    let a = [
        record(HANDSHAKE, 0x0301, first),
        record(HANDSHAKE, 0x0303, second),
    ]
    .concat();
    let mut both = message(0, &[]);
    both.extend(server_hello(0x0303, [9; 32], Some(&[])));
    let reading = read(&flow(&a, &record(HANDSHAKE, 0x0303, &both))).unwrap();
    assert_eq!(reading.client_hello.unwrap().random, [7; 32]);
    assert_eq!(reading.server_hello.unwrap().random, [9; 32]);
    assert_eq!((reading.from_a.len(), reading.from_b.len()), (2, 1));
}

#[test]
fn every_version_of_a_server_hello_is_told() {
    for (version, extensions, expected) in [
        (0x0002, None, 0x0002),
        (0x0300, None, 0x0300),
        (0x0301, None, 0x0301),
        (0x0302, Some(&[][..]), 0x0302),
        (0x0303, Some(&[][..]), 0x0303),
        (0x0303, Some(SUPPORTED_13), 0x0304),
    ] {
        let hello = server_hello(version, [9; 32], extensions);
        let a = record(HANDSHAKE, 0x0301, &client_hello(&[]));
        let reading = read(&flow(&a, &record(HANDSHAKE, 0x0300, &hello))).unwrap();
        let hello = reading.server_hello.unwrap();
        assert_eq!((hello.version, hello.cipher_suite), (expected, 0x1302));
    }
}

#[test]
fn a_hello_retry_request_is_not_the_server_hello() {
    let retry = record(
        HANDSHAKE,
        0x0303,
        &server_hello(0x0303, HELLO_RETRY_REQUEST, Some(SUPPORTED_13)),
    );
    let hello = record(
        HANDSHAKE,
        0x0303,
        &server_hello(0x0303, [9; 32], Some(SUPPORTED_13)),
    );
    let ccs = record(CHANGE_CIPHER_SPEC, 0x0303, &[1]);
    let a = record(HANDSHAKE, 0x0301, &client_hello(&[]));

    let reading = read(&flow(&a, &retry)).unwrap();
    assert_eq!(reading.server_hello, None);

    let b = [&retry[..], &ccs, &hello].concat();
    let found = read(&flow(&a, &b)).unwrap().server_hello.unwrap();
    assert_eq!((found.at, found.random), (retry.len() + ccs.len(), [9; 32]));

    // Without a retry what follows change_cipher_spec is protected.
    let b = [ccs, hello].concat();
    assert_eq!(read(&flow(&a, &b)).unwrap().server_hello, None);
}

#[test]
fn octets_that_are_no_record_are_residue_and_a_cut_record_is_none() {
    let a = record(HANDSHAKE, 0x0301, &client_hello(&[]));
    let data = record(APPLICATION_DATA, 0x0303, &[5; 40]);
    for (tail, residue) in [
        (&b"OPTIONS rtsp://"[..], true),
        (b"\x17\x02", true),
        (b"\x17\x03\x05", true),
        (b"\x17\x03\x03\x48\x01", true),
        (b"\x19", true),
        (b"\x17\x03\x03\x48\x00", false),
        (b"\x17\x03\x03", false),
        (b"\x17\x03\x03\x00\x05abcd", false),
        (b"", false),
    ] {
        let b = [&data[..], tail].concat();
        let reading = read(&flow(&a, &b)).unwrap();
        assert_eq!(reading.from_b.len(), 1, "{tail:?}");
        assert_eq!(reading.residue_b, residue.then_some(data.len()), "{tail:?}");
        assert_eq!(reading.residue_a, None);
    }
}

#[test]
fn tls_13_has_a_shorter_longest_record() {
    let a = record(HANDSHAKE, 0x0301, &client_hello(&[]));
    for (extensions, length, residue) in [
        (Some(SUPPORTED_13), 0x4100, false),
        (Some(SUPPORTED_13), 0x4101, true),
        (None, 0x4800, false),
    ] {
        let hello = record(
            HANDSHAKE,
            0x0303,
            &server_hello(0x0303, [9; 32], extensions),
        );
        let long = record(APPLICATION_DATA, 0x0303, &vec![5; length]);
        let reading = read(&flow(&a, &[&hello[..], &long].concat())).unwrap();
        assert_eq!(
            reading.residue_b,
            residue.then_some(hello.len()),
            "{length}"
        );
        assert_eq!(reading.from_b.len(), if residue { 1 } else { 2 });
    }
}

#[test]
fn reading_ends_before_a_gap() {
    let a = record(HANDSHAKE, 0x0301, &client_hello(&[]));
    let data = record(APPLICATION_DATA, 0x0303, &[5; 40]);
    let mut flow = flow(&a, &data.repeat(3));
    flow.from_b.gaps.push(data.len() + 7);
    let reading = read(&flow).unwrap();
    assert_eq!((reading.from_b.len(), reading.residue_b), (1, None));
    flow.from_a.gaps.push(0);
    assert!(read(&flow).is_none());
}

#[test]
fn only_a_client_that_begins_with_a_handshake_record_is_tls() {
    let hello = record(HANDSHAKE, 0x0301, &client_hello(&[]));
    assert!(read(&flow(b"OPTIONS rtsp://10.0.0.2/ RTSP/1.0\r\n", &hello)).is_none());
    assert!(read(&flow(&record(APPLICATION_DATA, 0x0303, &hello), &[])).is_none());
    assert!(read(&flow(&[], &hello)).is_none());
    let mut udp = flow(&hello, &[]);
    udp.transport = TransportProtocol::Udp;
    assert!(read(&udp).is_none());
    // Of a hello that is cut short at least that is known.
    let reading = read(&flow(&hello[..30], &[])).unwrap();
    assert_eq!(reading.client_hello, None);
}

#[test]
fn lengths_of_a_hello_that_do_not_fit_are_refused() {
    let whole = client_hello(SUPPORTED_13);
    let parse = |hello: &[u8]| {
        let reading = read(&flow(&record(HANDSHAKE, 0x0301, hello), &[]));
        reading.unwrap().client_hello
    };
    assert!(parse(&client_hello(&[0, 43, 0, 3, 2, 3, 4])).is_some());
    for length in 42..whole.len() {
        let short = message(CLIENT_HELLO, &whole[4..length]);
        // A hello may end before its extensions.
        let end = whole.len() - SUPPORTED_13.len() - 2;
        assert_eq!(parse(&short).is_some(), length == end, "{length}");
    }
    let longer = message(CLIENT_HELLO, &[&whole[4..], &[0]].concat());
    assert!(parse(&longer).is_none());
}

#[test]
fn a_million_empty_records_are_read_in_one_pass() {
    let a = record(HANDSHAKE, 0x0301, &client_hello(&[]));
    let b = [HANDSHAKE, 3, 3, 0, 0].repeat(1 << 20);
    let reading = read(&flow(&a, &b)).unwrap();
    assert_eq!(reading.from_b.len(), 1 << 20);
    // One message that never ends, an octet per record.
    let first = record(HANDSHAKE, 3 << 8, &[11, 0xff, 0xff, 0xff]);
    let b = [first, [HANDSHAKE, 3, 3, 0, 1, 0].repeat(1 << 20)].concat();
    assert_eq!(read(&flow(&a, &b)).unwrap().server_hello, None);
}

proptest! {
    #[test]
    fn never_panics_on_anything(
        a in prop::collection::vec(any::<u8>(), 0..200),
        b in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let a = record(HANDSHAKE, 0x0301, &message(CLIENT_HELLO, &a));
        let b = record(HANDSHAKE, 0x0301, &message(SERVER_HELLO, &b));
        read(&flow(&a, &b));
    }

    #[test]
    fn never_panics_on_a_mutated_trace_and_records_stay_in_order(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let trace = lightleak_vectors::tls13::simple_1rtt();
        let mut sides = [Vec::new(), Vec::new()];
        for record in &trace.records {
            let side = usize::from(record.sender == lightleak_vectors::tls13::Sender::Server);
            sides[side].extend_from_slice(&record.octets);
        }
        for (index, octet) in &changes {
            for side in &mut sides {
                let at = index.index(side.len());
                side[at] ^= octet;
            }
        }
        let [a, b] = sides;
        let cut = cut.index(b.len());
        if let Some(reading) = read(&flow(&a, &b[..cut])) {
            let mut end = 0;
            for record in &reading.from_b {
                prop_assert_eq!(record.at, end);
                end += HEADER + record.length;
            }
            prop_assert!(reading.residue_b.is_none_or(|at| at == end));
            prop_assert!(end <= cut);
        }
    }
}
