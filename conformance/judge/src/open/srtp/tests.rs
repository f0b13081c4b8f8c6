//! The known answers of RFC 3711, RFC 6188, RFC 7714 and RFC 9335, each with a
//! twin that is wrong in one thing and has to be refused.

use lightleak_vectors::srtp::{self, Protocol};
use proptest::prelude::*;

use super::{key::counter_mode, *};

fn suite(name: &str) -> &'static Suite {
    Suite::find(name).unwrap()
}

fn tail(suite: &Suite, protocol: Protocol) -> Tail {
    let tag = match protocol {
        Protocol::Rtp => suite.tag,
        Protocol::Rtcp => suite.rtcp_tag,
    };
    Tail { tag, mki: 0 }
}

fn open(
    session: &Session,
    protocol: Protocol,
    sealed: &[u8],
    index: u64,
    tail: Tail,
) -> Option<Opened> {
    match protocol {
        Protocol::Rtp => session.open_rtp(sealed, index, tail),
        Protocol::Rtcp => session.open_rtcp(sealed, tail),
    }
}

#[test]
fn keystreams_are_those_of_the_standards() {
    let sets = [srtp::rfc3711(), srtp::rfc6188()];
    for known in sets.into_iter().flat_map(|set| set.keystreams) {
        let iv = u128::from_be_bytes(known.iv[..].try_into().unwrap());
        let stream = |iv: u128| {
            let mut text = vec![0; known.octets.len()];
            counter_mode(&known.key, &iv.to_be_bytes(), &mut text);
            text
        };
        let block = known.block as u128;
        assert_eq!(stream(iv + block), known.octets, "{}", known.clause);
        assert_ne!(stream(iv + block + 1), known.octets, "{}", known.clause);
    }
}

#[test]
fn session_keys_are_those_of_the_standards() {
    let sets = [srtp::rfc3711(), srtp::rfc6188()];
    for known in sets.into_iter().flat_map(|set| set.derivations) {
        let suite = suite(&known.suite);
        let master = MasterKey::new(suite, &[], &known.master_key, &known.master_salt).unwrap();
        for (label, key) in [
            (0, &known.cipher_key),
            (1, &known.authentication_key),
            (2, &known.salt),
        ] {
            assert_eq!(
                *master.derive(label, key.len()),
                **key,
                "{} {label}",
                known.clause
            );
            // Of SRTCP they are others.
            assert_ne!(
                *master.derive(label + 3, key.len()),
                **key,
                "{}",
                known.clause
            );
        }
        let mut salt = known.master_salt.clone();
        salt.rotate_right(2);
        let turned = MasterKey::new(suite, &[], &known.master_key, &salt).unwrap();
        assert_ne!(*turned.derive(0, known.cipher_key.len()), known.cipher_key);
    }
}

#[test]
fn packets_under_session_keys_open() {
    for known in srtp::rfc7714().session_packets {
        let suite = suite(&known.suite);
        let session = Session::given(suite, &known.key, &known.salt);
        let tail = tail(suite, known.protocol);
        let open = |sealed: &[u8], index| open(&session, known.protocol, sealed, index, tail);
        let opened = open(&known.sealed, known.index);
        if known.protocol == Protocol::Rtp && !known.encrypted {
            // A payload that is only authenticated is none of SRTP as we take it.
            assert_eq!(opened, None, "{}", known.clause);
            continue;
        }
        let opened = opened.expect(&known.clause);
        assert_eq!(opened.packet, known.clear, "{}", known.clause);
        if known.protocol == Protocol::Rtcp {
            let word = u32::from(known.encrypted) << 31 | known.index as u32;
            assert_eq!(opened.layout.word, word, "{}", known.clause);
        } else {
            let next_roc = known.index + (1 << 16);
            assert_eq!(open(&known.sealed, next_roc), None, "{}", known.clause);
        }
        for (at, sealed) in flipped(&known.sealed) {
            assert_eq!(open(&sealed, known.index), None, "{} {at}", known.clause);
        }
    }
}

/// The erratum 4938 of RFC 7714 is in the packets of libsrtp alone: no RFC has
/// one under a master key and in Galois/counter mode without Cryptex.
#[test]
fn packets_under_master_keys_open() {
    let sets = [srtp::rfc9335(), srtp::libsrtp()];
    for known in sets.into_iter().flat_map(|set| set.packets) {
        let suite = suite(&known.suite);
        let master = |salt: &[u8]| {
            let key = MasterKey::new(suite, &[], &known.master_key, salt);
            Session::new(&key.unwrap())
        };
        let session = master(&known.master_salt);
        let tail = tail(suite, known.protocol);
        let open = |session: &Session, sealed: &[u8], index| {
            open(session, known.protocol, sealed, index, tail)
        };
        let opened = open(&session, &known.sealed, known.index).expect(&known.clause);
        assert_eq!(opened.packet, known.clear, "{}", known.clause);
        assert_eq!(
            opened.layout.cryptex.is_some(),
            known.cryptex,
            "{}",
            known.clause
        );
        let whole = 0..known.sealed.len();
        let parts = opened.layout.parts.iter().map(|(range, _)| range.clone());
        let end = parts.fold(0, |at, range| {
            assert_eq!(range.start, at, "{}", known.clause);
            range.end
        });
        assert_eq!(end, whole.end, "{}", known.clause);

        for (at, sealed) in flipped(&known.sealed) {
            assert_eq!(
                open(&session, &sealed, known.index),
                None,
                "{} {at}",
                known.clause
            );
        }
        let mut turned = known.master_salt.clone();
        turned.rotate_right(2);
        assert_eq!(open(&master(&turned), &known.sealed, known.index), None);
        if known.protocol == Protocol::Rtp {
            let next_roc = known.index + (1 << 16);
            assert_eq!(
                open(&session, &known.sealed, next_roc),
                None,
                "{}",
                known.clause
            );
        }
    }
}

/// The same with one bit of an octet flipped, at each.
fn flipped(octets: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..octets.len()).map(|at| {
        let mut octets = octets.to_vec();
        octets[at] ^= 1 << (at % 8);
        (at, octets)
    })
}

proptest! {
    #[test]
    fn anything_is_refused_without_panic(
        octets in prop::collection::vec(any::<u8>(), 0..80),
        number in 0..SUITES.len(),
        (tag, mki) in (0_usize..40, 0_usize..200),
        index: u64,
    ) {
        let suite = &SUITES[number];
        let key = MasterKey::new(suite, &vec![1; mki], &vec![2; suite.key], &vec![3; suite.salt]);
        let key = key.unwrap();
        let session = Session::new(&key);
        for tail in [Tail { tag, mki }, Tail { tag: suite.tag, mki: 0 }] {
            let _ = session.open_rtp(&octets, index, tail);
            let _ = session.open_rtcp(&octets, tail);
        }
        let ring = KeyRing::new([key]);
        let mut streams = Streams::new(&ring);
        prop_assert_eq!(streams.rtp(&octets), None);
        prop_assert_eq!(streams.rtcp(&octets), None);
    }
}
