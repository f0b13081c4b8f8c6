//! The known answers of RFC 9605, each with one that must be refused.

use lightleak_vectors::sframe::rfc9605;
use proptest::{collection::vec, prelude::*};

use super::*;

fn line(suite: &str, kid: u64, key: &[u8]) -> String {
    let digits: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
    format!("SFRAME_BASE_KEY {suite} {kid:016x} {digits}")
}

#[test]
fn headers_are_those_of_rfc_9605_c_1() {
    let headers = rfc9605().headers;
    assert_eq!(headers.len(), 289);
    for header in headers {
        let read = Header::read(&header.encoded).expect("whole");
        assert_eq!((read.kid, read.ctr), (header.kid, header.ctr));
        assert_eq!((read.length, read.minimal), (header.encoded.len(), true));
        let cut = &header.encoded[..read.length - 1];
        assert_eq!(Header::read(cut), None);
    }
}

#[test]
fn frames_of_rfc_9605_c_3_open_and_what_is_changed_does_not() {
    let frames = rfc9605().frames;
    assert_eq!(frames.len(), SUITES.len());
    for frame in frames {
        let suite = SUITES[usize::from(frame.cipher_suite) - 1].1;
        let keys = Keys::parse([
            &*line(suite, frame.kid, &[7; 16]),
            &*line(suite, frame.kid, &frame.base_key),
        ]);
        let opened = open(&frame.ct, &frame.metadata, &keys).expect(suite);
        assert_eq!(opened.plaintext, frame.pt);
        assert_eq!(
            (opened.header.kid, opened.header.ctr),
            (frame.kid, frame.ctr)
        );
        assert_eq!(opened.tag.end, frame.ct.len());
        assert_eq!(opened.suite, frame.cipher_suite);

        let refused = |sealed: &[u8], metadata: &[u8], keys: &Keys| {
            let error = open(sealed, metadata, keys).map(|_| ());
            let no_match = Err(SframeError::NoMatch {
                kid: frame.kid,
                keys: keys.0.len(),
            });
            assert_eq!(error, no_match, "{suite}");
        };
        let mut flipped = frame.ct.clone();
        *flipped.last_mut().expect("a tag") ^= 1;
        refused(&flipped, &frame.metadata, &keys);
        let mut counter = frame.ct.clone();
        counter[opened.header.length - 1] ^= 1;
        refused(&counter, &frame.metadata, &keys);
        refused(&frame.ct, &frame.metadata[1..], &keys);
        for (_, other, _) in SUITES.iter().filter(|(_, other, _)| *other != suite) {
            let key = line(other, frame.kid, &frame.base_key);
            refused(&frame.ct, &frame.metadata, &Keys::parse([&*key]));
        }
        let elsewhere = Keys::parse([&*line(suite, frame.kid + 1, &frame.base_key)]);
        let unknown = open(&frame.ct, &frame.metadata, &elsewhere).map(|_| ());
        assert_eq!(unknown, Err(SframeError::UnknownKid(frame.kid)));
    }
}

#[test]
fn a_header_with_octets_to_spare_is_read_and_said() {
    for (octets, minimal) in [
        (&[0x07][..], true),
        (&[0x08, 7], false),
        (&[0x08, 8], true),
        (&[0x90, 0, 9], false),
        (&[0x90, 1, 0], true),
    ] {
        let read = Header::read(octets).expect("whole");
        assert_eq!((read.minimal, read.length), (minimal, octets.len()));
    }
}

#[test]
fn lines_that_are_malformed_are_left_out() {
    let good = line(SUITES[3].1, 1, &[1; 16]);
    let keys = Keys::parse([
        "CLIENT_RANDOM 00 01",
        "SFRAME_BASE_KEY AES_128_GCM 0000000000000001 00",
        "SFRAME_BASE_KEY AES_128_GCM_SHA256_128 01 00",
        "SFRAME_BASE_KEY AES_128_GCM_SHA256_128 0000000000000001",
        &*format!("{good} x"),
        &good,
    ]);
    assert_eq!(format!("{keys:?}"), "Keys(1 redacted)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn arbitrary_octets_do_not_open(
        octets in vec(any::<u8>(), 0..60),
        metadata in vec(any::<u8>(), 0..4),
    ) {
        let kid = octets.first().map_or(0, |config| u64::from(config >> 4 & 7));
        let lines: Vec<_> = SUITES.iter().map(|(_, suite, _)| line(suite, kid, &[1; 16])).collect();
        let keys = Keys::parse(lines.iter().map(String::as_str));
        prop_assert!(open(&octets, &metadata, &keys).is_err());
    }
}
