use proptest::prelude::*;

use super::*;
use crate::dissect::sdp::base64;

/// The answer to a GET_PARAMETER in the example of ONVIF Streaming 26.06 8.2.1.3.
const ONVIF: &str = "AQAFAGrVolgBAADdBcAoAAAAAAsA2/K83QArhBIKEGrVolg1GZvp7DPyFCdYmXABAAAAGwABAQEBEAIBAQMBFAQBDgcBAQgBAQoBAQsBCgAAACcAIQAe7OzS5umZMXHqaegZC3UkDwbC5NNpj4b8+fB6MROeBAAAAA0A";

fn onvif() -> Vec<u8> {
    base64(ONVIF).unwrap()
}

#[test]
fn the_example_of_onvif_is_read() {
    let mikey = Mikey::parse(&onvif()).unwrap();
    assert_eq!((mikey.data_type, mikey.csb_id), (0, 0x6ad5_a258));
    let [session] = mikey.sessions[..] else {
        panic!("{mikey:?}");
    };
    assert_eq!(session.roll_over, 0);
    let [policy] = &mikey.policies[..] else {
        panic!("{mikey:?}");
    };
    let value = |p| policy.value(p);
    assert_eq!(value(parameter::ENCRYPTION), Some(parameter::AES_CM));
    assert_eq!(value(parameter::ENCRYPTION_KEY), Some(16));
    assert_eq!(value(parameter::AUTHENTICATION), Some(parameter::HMAC_SHA1));
    assert_eq!(value(parameter::SRTCP_ENCRYPTION), Some(1));
    assert_eq!(value(parameter::TAG), Some(10));
    assert_eq!(value(parameter::AEAD_TAG), None);
    let [key] = &mikey.keys[..] else {
        panic!("{mikey:?}");
    };
    assert!(key.is_traffic_key && key.salt.is_empty());
    assert_eq!((key.key.len(), &key.spi[..]), (30, &[0, 0, 0, 13][..]));
    assert!(!format!("{mikey:?}").contains("236, 236, 210"), "{mikey:?}");
}

#[test]
fn what_ends_too_early_or_is_of_another_version_is_refused() {
    let whole = onvif();
    for end in 0..whole.len() {
        let error = Mikey::parse(&whole[..end]).unwrap_err();
        assert!(matches!(error, MikeyError::Short { .. }), "{end}: {error}");
    }
    let mut other = whole.clone();
    other[0] = 2;
    assert_eq!(Mikey::parse(&other), Err(MikeyError::Version(2)));
    other[0] = 1;
    other[2] = 99;
    assert_eq!(Mikey::parse(&other), Err(MikeyError::Payload(99)));
}

#[test]
fn payloads_without_end_are_refused() {
    let mut octets = vec![1, 0, 11, 0, 0, 0, 0, 0, 0, 0];
    // RAND of no octets, again and again.
    octets.extend([11, 0].repeat(1000));
    assert_eq!(Mikey::parse(&octets), Err(MikeyError::Payloads));
}

#[test]
fn salt_and_interval_are_read_and_other_payloads_passed_over() {
    let key = [
        // KEMAC, no encryption, 18 octets.
        &[0, 0, 0, 18][..],
        // TEK+SALT, an interval of 1 and 2 octets.
        &[0, 0x32, 0, 3, 1, 2, 3, 0, 2, 4, 5, 1, 9, 2, 8, 7],
    ]
    .concat();
    let mut octets = vec![1, 0, 5, 0, 0, 0, 0, 7, 0, 1];
    octets.extend([6, 2, 0, 0, 0, 1]); // time stamp: a counter
    octets.extend([1, 0, 0, 2, b'i', b'd']); // identity
    octets.extend(&key);
    octets.extend([0, 0, 0]); // two octets short of the 18, and the MAC
    let mikey = Mikey::parse(&octets).unwrap();
    let expected = KeyData {
        is_traffic_key: true,
        key: vec![1, 2, 3],
        salt: vec![4, 5],
        spi: Vec::new(),
    };
    assert_eq!(mikey.keys, [expected]);
    assert!(mikey.sessions.is_empty() && !mikey.encrypted);
}

proptest! {
    #[test]
    fn anything_is_read_without_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Mikey::parse(&octets);
    }

    #[test]
    fn changed_octets_are_read_without_panic(at in 0..ONVIF.len(), octet: u8) {
        let mut octets = onvif();
        let at = at % octets.len();
        octets[at] = octet;
        let _ = Mikey::parse(&octets);
    }
}
