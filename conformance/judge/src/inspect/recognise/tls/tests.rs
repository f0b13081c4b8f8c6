use proptest::prelude::*;

use crate::inspect::recognise::talk::{alone, noise, tcp, told};

use super::*;

fn record(kind: u8, version: u16, fragment: &[u8]) -> Vec<u8> {
    let length = (fragment.len() as u16).to_be_bytes();
    [&[kind], &version.to_be_bytes()[..], &length, fragment].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

fn client_hello(version: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend(noise(1, 32));
    body.extend([0, 0, 4, 0x13, 0x01, 0xc0, 0x2f, 1, 0]);
    body.extend([0, 4, 0, 23, 0, 0]);
    record(22, 0x0301, &message(1, &body))
}

fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let legacy = version.min(0x0303);
    let mut body = legacy.to_be_bytes().to_vec();
    body.extend(noise(2, 32));
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    if version > legacy {
        body.extend([0, 6, 0, 43, 0, 2]);
        body.extend(version.to_be_bytes());
    }
    record(22, legacy, &message(2, &body))
}

fn data(version: u16, lengths: &[usize]) -> Vec<u8> {
    let record = |l: &usize| record(23, version, &noise(*l as u32, *l));
    lengths.iter().flat_map(record).collect()
}

fn session(version: u16, suite: u16) -> Flow {
    let legacy = version.min(0x0303);
    tcp(&[
        (true, client_hello(0x0303)),
        (false, server_hello(version, suite)),
        (true, data(legacy, &[300, 40])),
        (false, data(legacy, &[1400, 99, 17])),
    ])
}

fn kind(flow: &Flow) -> Option<(&'static str, String)> {
    told(recognise, flow)
}

fn weak_of(flow: &Flow) -> Option<String> {
    match alone(recognise, flow).pop()?.standing {
        crate::inspect::Standing::Sealed { weak } => weak,
        _ => None,
    }
}

#[test]
fn a_handshake_is_sealed_by_its_version_and_weak_by_its_suite() {
    for (version, suite, name, why) in [
        (0x0304, 0x1301, "tls1.3", None),
        (0x0303, 0xc02f, "tls1.2", None),
        (0x0303, 0x009c, "tls1.2", Some("static RSA")),
        (0x0302, 0xc013, "tls1.1", Some("TLS 1.1")),
        (0x0301, 0x0005, "tls1.0", Some("RC4")),
        (0x0300, 0x0003, "ssl3", Some("export")),
        (0x0303, 0xc018, "tls1.2", Some("anonymous")),
    ] {
        let flow = session(version, suite);
        assert_eq!(kind(&flow), Some(("sealed", name.to_owned())));
        let weak = weak_of(&flow);
        assert_eq!(weak.is_some(), why.is_some(), "{weak:?}");
        assert!(weak.unwrap_or_default().contains(why.unwrap_or_default()));
        // Either side alone, and with the ends the other way round.
        for side in [true, false] {
            let mut one = flow.clone();
            let (other, state) = match side {
                true => (&mut one.from_b, crate::dissect::FlowState::Open),
                false => (&mut one.from_a, crate::dissect::FlowState::Joined),
            };
            *other = Stream::default();
            one.state = state;
            assert_eq!(kind(&one).map(|(label, _)| label), Some("sealed"));
            std::mem::swap(&mut one.from_a, &mut one.from_b);
            assert_eq!(kind(&one).map(|(label, _)| label), Some("sealed"));
        }
    }
}

#[test]
fn tls_behind_starttls_says_where_it_begins() {
    let flow = tcp(&[
        (false, b"220 mail ESMTP\r\n".to_vec()),
        (true, b"STARTTLS\r\n".to_vec()),
        (false, b"220 go\r\n".to_vec()),
        (true, client_hello(0x0303)),
        (false, server_hello(0x0303, 0xc02f)),
        (true, data(0x0303, &[300])),
    ]);
    let claims = alone(recognise, &flow);
    assert_eq!(claims[0].kind, "tls1.2");
    assert!(
        claims[0].reason.starts_with("10 octets in clear"),
        "{}",
        claims[0].reason
    );
    assert_eq!(claims[0].place.unwrap().packet, 4);
}

#[test]
fn a_handshake_amid_a_download_is_none() {
    let mut file = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    file.extend(client_hello(0x0303));
    file.extend(noise(9, 900));
    let flow = tcp(&[(true, b"GET / HTTP/1.1\r\n\r\n".to_vec()), (false, file)]);
    assert_eq!(kind(&flow), None);
}

#[test]
fn suites_that_do_not_encrypt_seal_nothing() {
    let flow = session(0x0303, 0x003b);
    assert_eq!(kind(&flow), Some(("undetermined", "tls-null".into())));
    let text = record(23, 0x0303, &[b'x'; 60]);
    let flow = tcp(&[
        (true, client_hello(0x0303)),
        (false, server_hello(0x0303, 0x0002)),
        (true, text),
    ]);
    assert_eq!(kind(&flow), Some(("other", "tls-null".into())));
}

#[test]
fn what_is_said_inside_is_recognised() {
    let request = b"OPTIONS rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let answer = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n";
    let sealed = |content: &[u8]| record(23, 0x0303, &[content, &noise(1, 32)].concat());
    let flow = tcp(&[
        (true, client_hello(0x0303)),
        (false, server_hello(0x0303, 0x003b)),
        (true, sealed(request)),
        (false, sealed(answer)),
    ]);
    let traffic = crate::dissect::Traffic {
        flows: vec![flow, session(0x0303, 0xc02f)],
        ..Default::default()
    };
    let told = inside(&Scene::new(&traffic));
    assert!(told.iter().all(|(index, _)| *index == 0));
    assert!(told.iter().any(|(_, claim)| claim.kind == "tls-null/rtsp"));
}

/// RFC 9150: records of TLS 1.3 with their type inside, and an HMAC behind.
#[test]
fn what_is_said_under_integrity_alone_is_recognised() {
    let request = b"DESCRIBE rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    for (suite, mac) in [(0xc0b4, 32), (0xc0b5, 48)] {
        let sealed = |content: &[u8], inner: u8| {
            record(23, 0x0303, &[content, &[inner], &noise(1, mac)].concat())
        };
        let flow = tcp(&[
            (true, client_hello(0x0303)),
            (false, server_hello(0x0304, suite)),
            (false, sealed(&[8, 0, 0, 2, 0, 0], 22)),
            (true, sealed(request, 23)),
        ]);
        let traffic = crate::dissect::Traffic {
            flows: vec![flow],
            ..Default::default()
        };
        let told = inside(&Scene::new(&traffic));
        let is_leak = |claim: &Claim| claim.label() == crate::inspect::Label::Leak;
        let found = told.iter().find(|(_, claim)| claim.kind == "tls-null/rtsp");
        assert!(found.is_some_and(|(_, claim)| is_leak(claim)), "{told:?}");
    }
}

#[test]
fn a_flow_that_was_joined_is_sealed_by_its_records() {
    let flow = tcp(&[
        (true, [noise(3, 500), data(0x0303, &[30, 900, 80])].concat()),
        (false, data(0x0303, &[1000, 32])),
    ]);
    assert_eq!(kind(&flow), Some(("sealed", "tls".into())));
    let flow = tcp(&[(true, data(0x0301, &[32, 48]))]);
    assert_eq!(kind(&flow), Some(("sealed", "tls1.0".into())));
    assert!(weak_of(&flow).unwrap().contains("TLS 1.0"));
    // One record alone, of all that was sent.
    let flow = tcp(&[(true, record(21, 0x0303, &noise(4, 26)))]);
    assert_eq!(kind(&flow), Some(("sealed", "tls".into())));
}

#[test]
fn packets_that_were_cut_still_tell() {
    let mut flow = tcp(&[(true, client_hello(0x0303)[..40].to_vec())]);
    flow.from_a.gaps.push(40);
    assert_eq!(kind(&flow), Some(("sealed", "tls".into())));
    // Each packet has a header and little of its record.
    let heads: Vec<_> = (0..4)
        .map(|i| (true, data(0x0303, &[900 + i])[..60].to_vec()))
        .collect();
    let mut flow = tcp(&heads);
    flow.from_a.gaps = vec![60, 120, 180, 240];
    assert_eq!(kind(&flow), Some(("sealed", "tls".into())));
    flow.from_a.bytes[121] = 9;
    flow.from_a.bytes[181] = 9;
    assert_eq!(kind(&flow), None);
}

#[test]
fn a_hello_in_records_of_few_octets_is_one() {
    let hello = client_hello(0x0303);
    let parts = hello[5..].chunks(7).map(|part| record(22, 0x0301, part));
    let flow = tcp(&[(true, parts.flatten().collect())]);
    assert_eq!(kind(&flow), Some(("sealed", "tls".into())));
}

#[test]
fn what_only_begins_like_tls_is_none() {
    let flow = tcp(&[(true, [&[23, 3, 3, 0, 40][..], &noise(5, 300)].concat())]);
    assert_eq!(kind(&flow), None);
    let flow = tcp(&[(
        true,
        [&[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3][..], &noise(6, 400)].concat(),
    )]);
    assert_eq!(kind(&flow), None);
    let mut odd = client_hello(0x0303);
    odd[45] = 3;
    assert_eq!(kind(&tcp(&[(true, [odd, noise(8, 40)].concat())])), None);
    for seed in 0..200 {
        let flow = tcp(&[
            (true, noise(seed, 2000)),
            (false, noise(seed + 500, 30_000)),
        ]);
        assert_eq!(kind(&flow), None);
    }
    let mut two = data(0x0303, &[30, 40]);
    two.extend(noise(7, 40_000));
    let flow = tcp(&[(true, two)]);
    assert_eq!(kind(&flow), None);
}

#[test]
fn a_hello_that_something_else_answers_sealed_nothing() {
    let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    let flow = tcp(&[(true, client_hello(0x0303)), (false, answer)]);
    assert_eq!(kind(&flow), Some(("other", "tls-refused".into())));
    let alert = record(21, 0x0303, &[2, 40]);
    let flow = tcp(&[(true, client_hello(0x0303)), (false, alert)]);
    assert_eq!(kind(&flow), Some(("sealed", "tls".into())));
}

#[test]
fn ssl_2_is_weak() {
    let mut hello = vec![0x80, 9 + 3 + 16, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80];
    hello.extend(noise(1, 16));
    let mut answer = vec![
        0x80,
        11 + 3 + 16,
        4,
        0,
        1,
        0,
        2,
        0,
        0,
        0,
        3,
        0,
        16,
        1,
        0,
        0x80,
    ];
    answer.extend(noise(2, 16));
    let flow = tcp(&[(true, hello), (false, answer), (true, noise(3, 100))]);
    assert_eq!(kind(&flow), Some(("sealed", "ssl2".into())));
    assert!(weak_of(&flow).unwrap().contains("SSL 2"));
}

proptest! {
    #[test]
    fn hostile_octets_never_panic(
        at in 0..400_usize,
        flips in prop::collection::vec((0..400_usize, any::<u8>()), 0..8),
        tail in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let mut octets = [client_hello(0x0303), data(0x0303, &[50, 60])].concat();
        octets.truncate(at);
        octets.extend(tail);
        for (at, octet) in flips {
            if let Some(there) = octets.get_mut(at) {
                *there = octet;
            }
        }
        let mut flow = tcp(&[(true, octets.clone()), (false, octets)]);
        flow.from_b.gaps = vec![0, at / 2];
        let _ = alone(recognise, &flow);
    }
}
