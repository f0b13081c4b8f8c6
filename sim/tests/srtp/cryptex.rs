//! Cryptex (RFC 9335).

use lightleak_sim::seal::srtp::{SrtpError, Suite};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::support::{any_mki, any_suite, ends, open, packet, seal};

/// A packet with CSRCs, and header extensions of a profile.
fn extended(sequence: u16, csrcs: &[u32], extension: Option<(u16, Vec<u32>)>) -> Vec<u8> {
    let mut packet = packet(7, sequence, &[]);
    packet[0] |= csrcs.len() as u8;
    csrcs.iter().for_each(|c| packet.extend(c.to_be_bytes()));
    if let Some((profile, words)) = extension {
        packet[0] |= 0x10;
        packet.extend(profile.to_be_bytes());
        packet.extend((words.len() as u16).to_be_bytes());
        words.iter().for_each(|w| packet.extend(w.to_be_bytes()));
    }
    packet.extend(b"payload");
    packet
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn csrcs_and_extensions_are_sealed_and_come_back(
        suite in any_suite(),
        mki in any_mki(),
        csrcs in vec(any::<u32>(), 0..16),
        words in vec(any::<u32>(), 0..6),
        profile in select(&[0xbede_u16, 0x1000][..]),
    ) {
        let (mut sender, mut receiver) = ends(suite, mki, true);
        let clear = extended(1, &csrcs, Some((profile, words.clone())));
        let sealed = seal(&mut sender, &clear).expect("sealed");
        let at = 12 + 4 * csrcs.len();
        let word = if profile == 0xbede { 0xc0de_u16 } else { 0xc2de };
        prop_assert_eq!(&sealed[..12], &clear[..12]);
        prop_assert_eq!(&sealed[at..at + 2], &word.to_be_bytes());
        prop_assert_eq!(&sealed[at + 2..at + 4], &clear[at + 2..at + 4]);
        if csrcs.len() > 1 {
            prop_assert_ne!(&sealed[12..at], &clear[12..at]);
        }
        if words.len() > 1 {
            let end = at + 4 + 4 * words.len();
            prop_assert_ne!(&sealed[at + 4..end], &clear[at + 4..end]);
        }
        prop_assert_eq!(open(&mut receiver, &sealed), Ok((1, clear)));
    }
}

#[test]
fn csrcs_alone_get_an_empty_extension() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = ends(suite, None, true);
        let clear = extended(1, &[1, 2], None);
        let sealed = seal(&mut sender, &clear).expect("sealed");
        assert_eq!(sealed.len(), clear.len() + sender.overhead() + 4);
        assert_eq!(
            (sealed[0], &sealed[20..24]),
            (0x92, &[0xc0, 0xde, 0, 0][..])
        );
        let opened = open(&mut receiver, &sealed).expect("opened").1;
        assert_eq!(opened, extended(1, &[1, 2], Some((0xbede, Vec::new()))));
    }
}

#[test]
fn a_packet_with_neither_is_as_without() {
    for suite in Suite::ALL {
        let (mut with, mut receiver) = ends(suite, None, true);
        let (mut without, _) = ends(suite, None, false);
        let clear = packet(7, 1, b"payload");
        let sealed = seal(&mut with, &clear).expect("sealed");
        assert_eq!(Ok(&sealed), seal(&mut without, &clear).as_ref());
        assert_eq!(open(&mut receiver, &sealed), Ok((1, clear)));
    }
}

#[test]
fn who_demands_it_refuses_what_is_in_clear() {
    for suite in Suite::ALL {
        let (_, mut receiver) = ends(suite, None, true);
        let (mut sender, mut lenient) = ends(suite, None, false);
        let extension = Some((0xbede, vec![5]));
        for (sequence, clear) in [
            (1, extended(1, &[3], None)),
            (2, extended(2, &[], extension)),
        ] {
            let sealed = seal(&mut sender, &clear).expect("sealed");
            assert_eq!(open(&mut receiver, &sealed), Err(SrtpError::NotCryptex));
            assert_eq!(open(&mut lenient, &sealed), Ok((sequence, clear)));
        }
    }
}

#[test]
fn a_profile_that_there_is_no_word_for_is_not_sent() {
    for (cryptex, profile) in [
        (true, 0xabac),
        (true, 0xc0de),
        (false, 0xc0de),
        (false, 0xc2de),
    ] {
        let (mut sender, _) = ends(Suite::AeadAes128Gcm, None, cryptex);
        let clear = extended(1, &[], Some((profile, vec![1])));
        assert_eq!(seal(&mut sender, &clear), Err(SrtpError::Profile(profile)));
    }
}
