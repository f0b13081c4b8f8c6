//! Octets of anybody's making.

use lightleak_sim::{rtp::Packets, seal::srtp::SrtpError};
use proptest::{collection::vec, prelude::*};

use crate::support::{any_mki, any_suite, ends, open, packet, report, seal};

/// Arbitrary octets, often behind what looks like the start of a header.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let start = prop_oneof![
        Just(Vec::new()),
        (0x80..=0xbf_u8).prop_map(|first| vec![first]),
        any::<u8>().prop_map(|count| {
            let first = 0x90 | count & 0x0f;
            [
                &[first, 96, 0, 1][..],
                &[0; 8],
                &[count; 2],
                &[0, count >> 4],
            ]
            .concat()
        }),
    ];
    (start, vec(any::<u8>(), 0..200)).prop_map(|(start, rest)| [start, rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn arbitrary_octets_are_refused_by_the_receiver(
        suite in any_suite(),
        mki in any_mki(),
        cryptex in any::<bool>(),
        packets in vec(octets(), 1..4),
    ) {
        let (_, mut receiver) = ends(suite, mki, cryptex);
        let mut batch = Packets::new();
        packets.iter().for_each(|packet| batch.push(packet));
        prop_assert!(receiver.open(&mut batch).iter().all(Result::is_err));
        prop_assert!(batch.iter().all(<[u8]>::is_empty));
        for mut packet in packets {
            prop_assert!(receiver.open_rtcp(&mut packet).is_err());
            prop_assert!(packet.is_empty());
        }
        let shown = format!("{receiver:?}");
        prop_assert!(shown.ends_with("0 streams)"), "{}", shown);
    }

    #[test]
    fn what_the_sender_takes_is_opened_and_what_not_is_empty(
        suite in any_suite(),
        mki in any_mki(),
        cryptex in any::<bool>(),
        octets in octets(),
    ) {
        let (mut sender, mut receiver) = ends(suite, mki, cryptex);
        let mut batch = Packets::with_room(sender.overhead() + 4);
        batch.push(&octets);
        let result = sender.seal(&mut batch);
        let sealed = batch.iter().next().expect("a packet").to_vec();
        prop_assert_eq!(result.is_err(), sealed.is_empty());
        if result.is_ok() {
            let opened = open(&mut receiver, &sealed).map(drop);
            prop_assert_eq!(opened, Ok(()));
        }
        let mut rtcp = octets.clone();
        match sender.seal_rtcp(&mut rtcp) {
            Ok(()) => {
                prop_assert_eq!(receiver.open_rtcp(&mut rtcp), Ok(0));
                prop_assert_eq!(rtcp, octets);
            }
            Err(_) => prop_assert!(rtcp.is_empty()),
        }
    }

    #[test]
    fn what_is_cut_short_is_refused(
        suite in any_suite(),
        mki in any_mki(),
        size in 0..40_usize,
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut sender, mut receiver) = ends(suite, mki, false);
        let sealed = seal(&mut sender, &packet(7, 1, &vec![1; size])).expect("sealed");
        prop_assert!(open(&mut receiver, &sealed[..cut.index(sealed.len())]).is_err());
        let mut rtcp = report(7, &vec![1; size]);
        sender.seal_rtcp(&mut rtcp).expect("sealed");
        rtcp.truncate(cut.index(rtcp.len()));
        prop_assert!(receiver.open_rtcp(&mut rtcp).is_err());
    }
}

#[test]
fn errors_say_which_field_and_limit() {
    let suite = lightleak_sim::seal::srtp::Suite::AeadAes128Gcm;
    let (mut sender, mut receiver) = ends(suite, None, false);
    let short = |length, least| SrtpError::Short { length, least };
    for (octets, error) in [
        (vec![], short(0, 12)),
        (vec![0x80; 11], short(11, 12)),
        (vec![0; 40], SrtpError::Version(0)),
        (vec![0x8f; 40], short(40, 72)),
        (vec![0x90; 15], short(15, 16)),
        ([vec![0x90; 14], vec![0, 2]].concat(), short(16, 24)),
    ] {
        assert_eq!(seal(&mut sender, &octets), Err(error));
        assert_eq!(open(&mut receiver, &octets), Err(error));
    }
    assert_eq!(open(&mut receiver, &[0x80; 27]), Err(short(27, 28)));
    assert_eq!(receiver.open_rtcp(&mut vec![0x80; 27]), Err(short(27, 28)));
    assert_eq!(sender.seal_rtcp(&mut vec![0x80; 7]), Err(short(7, 8)));
    let long = packet(7, 1, &vec![0; 1 << 20]);
    let error = SrtpError::Long {
        length: long.len(),
        most: 1 << 20,
    };
    assert_eq!(seal(&mut sender, &long), Err(error));
    assert_eq!(
        error.to_string(),
        "packet is 1048588 octets long, not at most 1048576"
    );
}
