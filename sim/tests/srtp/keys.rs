//! Several master keys, and what tells them apart.

use lightleak_sim::seal::srtp::{SrtpError, Suite};
use proptest::prelude::*;

use crate::support::{any_suite, ends, key, mki, open, packet, report, seal};

#[test]
fn the_identifier_is_before_the_tag_or_behind_it() {
    for suite in Suite::ALL {
        let (mut sender, _) = ends(suite, Some(mki(b"MKI!")), false);
        let clear = packet(7, 1, b"payload");
        let sealed = seal(&mut sender, &clear).expect("sealed");
        let behind = if suite.is_aead() {
            0
        } else {
            suite.tag_length()
        };
        let at = sealed.len() - behind - 4;
        assert_eq!(sealed[at..at + 4], *b"MKI!", "{suite}");

        let mut rtcp = report(7, b"body");
        sender.seal_rtcp(&mut rtcp).expect("sealed");
        let behind = if suite.is_aead() { 0 } else { 10 };
        let at = rtcp.len() - behind - 4;
        assert_eq!(rtcp[at..at + 4], *b"MKI!", "{suite}");
    }
}

#[test]
fn a_packet_without_the_identifier_or_with_another_is_refused() {
    let (mut without, mut receiver_without) = ends(Suite::AeadAes128Gcm, None, false);
    let (mut with, mut receiver) = ends(Suite::AeadAes128Gcm, Some(mki(&[0, 1])), false);
    let clear = packet(7, 1, b"payload");
    let plain = seal(&mut without, &clear).expect("sealed");
    assert_eq!(open(&mut receiver, &plain), Err(SrtpError::UnknownMki));
    let mut sealed = seal(&mut with, &clear).expect("sealed");
    let refused = open(&mut receiver_without, &sealed);
    assert_eq!(refused, Err(SrtpError::Authentication));
    *sealed.last_mut().expect("an octet") ^= 1;
    assert_eq!(open(&mut receiver, &sealed), Err(SrtpError::UnknownMki));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn keys_change_under_way_and_counters_go_on(
        suite in any_suite(),
        changes in prop::collection::vec(1..4_u8, 1..20),
        first in 0xfff0..=0xffff_u16,
    ) {
        let id = |number: u8| mki(&[0, number]);
        let (mut sender, mut receiver) = ends(suite, Some(id(1)), false);
        for number in 2..4 {
            prop_assert_eq!(receiver.add_key(&key(suite, number), &id(number)), Ok(()));
        }
        let mut now = 1;
        for (at, number) in (0..).zip(changes) {
            let rekeyed = sender.rekey(&key(suite, number), Some(&id(number)));
            prop_assert_eq!(rekeyed.is_ok(), number != now);
            now = number;
            let index = u64::from(first) + u64::from(at);
            let clear = packet(7, index as u16, b"payload");
            let sealed = seal(&mut sender, &clear).expect("sealed");
            prop_assert_eq!(open(&mut receiver, &sealed), Ok((index, clear)));
            let mut rtcp = report(7, b"body");
            prop_assert_eq!(sender.seal_rtcp(&mut rtcp), Ok(()));
            prop_assert_eq!(receiver.open_rtcp(&mut rtcp), Ok(at));
        }
    }
}

#[test]
fn a_key_that_was_removed_opens_nothing() {
    let (mut sender, mut receiver) = ends(Suite::AesCm128HmacSha1_80, Some(mki(&[1])), false);
    let sealed = seal(&mut sender, &packet(7, 1, b"x")).expect("sealed");
    assert!(receiver.remove_key(&mki(&[1])));
    assert!(!receiver.remove_key(&mki(&[1])));
    assert_eq!(open(&mut receiver, &sealed), Err(SrtpError::UnknownMki));
}

#[test]
fn a_key_of_another_form_is_refused() {
    let suite = Suite::AeadAes128Gcm;
    let (mut sender, mut receiver) = ends(suite, Some(mki(&[1])), false);
    let other = SrtpError::SuiteChanged {
        suite: Suite::AeadAes256Gcm,
        expected: suite,
    };
    let changed = |length| SrtpError::MkiChanged {
        length,
        expected: 1,
    };
    let wrong = key(Suite::AeadAes256Gcm, 2);
    assert_eq!(sender.rekey(&wrong, Some(&mki(&[2]))), Err(other));
    assert_eq!(receiver.add_key(&wrong, &mki(&[2])), Err(other));
    let right = key(suite, 2);
    assert_eq!(sender.rekey(&right, None), Err(changed(0)));
    assert_eq!(receiver.rekey(&right, None), Err(changed(0)));
    assert_eq!(receiver.add_key(&right, &mki(&[2, 2])), Err(changed(2)));
    let taken = Err(SrtpError::MkiTaken);
    assert_eq!(receiver.add_key(&right, &mki(&[1])), taken);
    assert_eq!(sender.rekey(&right, Some(&mki(&[1]))), taken);
    assert_eq!(receiver.add_key(&right, &mki(&[2])), Ok(()));
}
