use proptest::prelude::*;

use crate::{
    dissect::Traffic,
    inspect::recognise::talk::{alone, noise, tcp, told, udp},
};

use super::*;

fn record(kind: u8, version: u16, epoch: u16, sequence: u64, fragment: &[u8]) -> Vec<u8> {
    let mut octets = vec![kind];
    octets.extend(version.to_be_bytes());
    octets.extend(epoch.to_be_bytes());
    octets.extend(&sequence.to_be_bytes()[2..]);
    octets.extend((fragment.len() as u16).to_be_bytes());
    octets.extend(fragment);
    octets
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = &(body.len() as u32).to_be_bytes()[1..];
    [&[kind], length, &[0, 0, 0, 0, 0], length, body].concat()
}

fn srtp(profile: u16) -> Vec<u8> {
    [&[0, 14, 0, 5, 0, 2][..], &profile.to_be_bytes(), &[0]].concat()
}

fn client_hello(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![0xfe, 0xfd];
    body.extend(noise(1, 32));
    body.extend([0, 0, 0, 2, 0xc0, 0x2b, 1, 0, 0, extensions.len() as u8]);
    body.extend(extensions);
    record(22, 0xfeff, 0, 0, &message(1, &body))
}

fn server_hello(version: u16, suite: u16, extensions: &[u8]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend(noise(2, 32));
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.extend([0, 0, extensions.len() as u8]);
    body.extend(extensions);
    record(22, version, 0, 0, &message(2, &body))
}

fn media(sequence: u16) -> Vec<u8> {
    let mut octets = vec![0x80, 96];
    octets.extend(sequence.to_be_bytes());
    octets.extend([0, 0, 0, 1, 0xaa, 0xbb, 0xcc, 0xdd]);
    octets.extend(noise(sequence.into(), 90));
    octets
}

fn call(version: u16, suite: u16, profile: u16) -> Vec<(bool, Vec<u8>)> {
    vec![
        (true, client_hello(&srtp(profile))),
        (false, server_hello(version, suite, &srtp(profile))),
        (true, media(1)),
        (false, media(70)),
        (true, record(23, version, 1, 1, &noise(3, 60))),
    ]
}

#[test]
fn what_a_null_suite_carries_is_seen() {
    use crate::dissect::jpeg::scan::made;
    let jpeg = made::jpeg(160, 120);
    let suites = |suite| {
        let mut call = vec![
            (true, client_hello(&[])),
            (false, server_hello(0xfefd, suite, &[])),
        ];
        for (part, sequence) in jpeg.chunks(500).zip(1..) {
            let fragment = [part, &noise(sequence as u32, 20)].concat();
            call.push((true, record(23, 0xfefd, 1, sequence, &fragment)));
        }
        let traffic = Traffic {
            flows: vec![udp(&call)],
            ..Traffic::default()
        };
        let found = inside(&Scene::new(&traffic));
        let found: Vec<_> = found
            .iter()
            .filter(|(_, claim)| matches!(claim.standing, crate::inspect::Standing::Clear { .. }))
            .map(|(flow, claim)| (*flow, claim.kind.clone()))
            .collect();
        found
    };
    let found = suites(0x0002);
    assert!(
        found
            .iter()
            .any(|(flow, kind)| *flow == 0 && kind.starts_with("dtls-null/")),
        "{found:?}"
    );
    assert_eq!(suites(0xc02b), []);
}

#[test]
fn a_call_is_sealed_by_its_handshake() {
    let kind = |call: &[(bool, Vec<u8>)]| told(recognise, &udp(call));
    let sealed = Some(("sealed", "dtls-srtp".to_owned()));
    assert_eq!(kind(&call(0xfefd, 0xc02b, 1)), sealed);
    let null = Some(("undetermined", "dtls-srtp-null".to_owned()));
    assert_eq!(kind(&call(0xfefd, 0xc02b, 5)), null);
    let null = Some(("undetermined", "dtls-null".to_owned()));
    assert_eq!(kind(&call(0xfefd, 0xc006, 1)), null);
    // Each side alone.
    for side in [true, false] {
        let mut one = call(0xfefd, 0xc02b, 1);
        one.retain(|(from, _)| *from == side);
        assert_eq!(kind(&one), sealed);
    }
    let flow = udp(&call(0xfeff, 0xc009, 1));
    let claims = alone(recognise, &flow);
    let crate::inspect::Standing::Sealed { weak: Some(why) } = &claims[0].standing else {
        panic!("not weak");
    };
    assert!(why.contains("DTLS 1.0"));
}

#[test]
fn media_beside_a_handshake_that_made_no_keys_for_them_are_not_sealed_by_it() {
    let mut call = call(0xfefd, 0xc02b, 1);
    call[1] = (false, server_hello(0xfefd, 0xc02b, &[]));
    let unknown = Some(("undetermined", "srtp?".to_owned()));
    assert_eq!(told(recognise, &udp(&call)), unknown);
    call.retain(|(_, octets)| !(128..192).contains(&octets[0]));
    let sealed = Some(("sealed", "dtls1.2".to_owned()));
    assert_eq!(told(recognise, &udp(&call)), sealed);
}

#[test]
fn a_call_through_turn_is_sealed() {
    let wrap = |octets: &[u8]| {
        let mut wrapped = vec![0x40, 1];
        wrapped.extend((octets.len() as u16).to_be_bytes());
        wrapped.extend(octets);
        wrapped.resize(wrapped.len().next_multiple_of(4), 0);
        wrapped
    };
    let call = call(0xfefd, 0xc02b, 1);
    let relayed: Vec<_> = call.iter().map(|(from, o)| (*from, wrap(o))).collect();
    for flow in [udp(&relayed), tcp(&relayed)] {
        assert_eq!(told(recognise, &flow), Some(("sealed", "dtls-srtp".into())));
    }
    let framed = |(from, octets): &(bool, Vec<u8>)| {
        (
            *from,
            [&(octets.len() as u16).to_be_bytes()[..], octets].concat(),
        )
    };
    let framed: Vec<_> = call.iter().map(framed).collect();
    assert_eq!(
        told(recognise, &tcp(&framed)),
        Some(("sealed", "dtls-srtp".into()))
    );
}

#[test]
fn a_session_that_was_joined_is_sealed_by_its_records() {
    let data = |sequence| (true, record(23, 0xfefd, 1, sequence, &noise(4, 80)));
    let flow = udp(&[data(900), data(901), data(903)]);
    assert_eq!(told(recognise, &flow), Some(("sealed", "dtls1.2".into())));
    let old = |sequence| (true, record(23, 0x0100, 1, sequence, &noise(4, 80)));
    let flow = udp(&[old(5), old(6), old(7), old(8)]);
    assert_eq!(told(recognise, &flow), Some(("sealed", "dtls1.0".into())));
    assert_eq!(told(recognise, &udp(&[old(5)])), None);
    let mut cut = data(5).1;
    cut.pop();
    assert_eq!(told(recognise, &udp(&[(true, cut)])), None);
    let text = record(23, 0xfefd, 1, 9, &[b'x'; 60]);
    let flow = udp(&[data(8), (true, text)]);
    assert_eq!(
        told(recognise, &flow),
        Some(("undetermined", "dtls-null".into()))
    );
    // A hello says an older version than what is spoken.
    let flow = udp(&[(true, client_hello(&[])), data(1)]);
    assert_eq!(told(recognise, &flow), Some(("sealed", "dtls1.2".into())));
    // Numbers that do not go on are none of one session.
    let jump: Vec<_> = (0..8).map(|i| data(i * 1_000_000)).collect();
    assert_eq!(told(recognise, &udp(&jump)), None);
}

#[test]
fn media_that_change_their_path_stay_sealed() {
    let first = udp(&call(0xfefd, 0xc02b, 1));
    let mut second = udp(&[(true, media(2)), (true, media(3))]);
    second.b = "198.51.100.7:9".parse().unwrap();
    let mut traffic = Traffic {
        flows: vec![first, second],
        ..Default::default()
    };
    let told = moved(&Scene::new(&traffic));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, 1);
    // Another end.
    traffic.flows[1].a = "198.51.100.8:10".parse().unwrap();
    assert!(moved(&Scene::new(&traffic)).is_empty());
}

#[test]
fn what_only_begins_like_dtls_is_none() {
    let noisy = [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0][..], &noise(1, 90)].concat();
    assert_eq!(told(recognise, &udp(&[(true, noisy)])), None);
    for seed in 0..200 {
        let flow = udp(&[(true, noise(seed, 200)), (false, noise(seed + 999, 300))]);
        assert_eq!(told(recognise, &flow), None);
    }
}

proptest! {
    #[test]
    fn hostile_octets_never_panic(
        flips in prop::collection::vec((0..200_usize, any::<u8>()), 0..8),
        cut in 0..200_usize,
    ) {
        let mut said = call(0xfefd, 0xc02b, 1);
        for (_, octets) in &mut said {
            octets.truncate(cut);
            for (at, octet) in &flips {
                if let Some(there) = octets.get_mut(*at) {
                    *there = *octet;
                }
            }
        }
        let _ = alone(recognise, &udp(&said));
        let _ = alone(recognise, &tcp(&said));
    }
}
