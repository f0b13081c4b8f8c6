//! Roll-over counter, SRTCP index, and how long a key lives.

use lightleak_sim::seal::srtp::{
    Begin, Counters, Lifetime, Receiver, ReceiverOptions, Sender, SenderOptions, SrtpError, Suite,
};
use proptest::prelude::*;

use crate::support::{any_suite, ends, key, open, packet, report, seal};

/// Sends packets that are `step` apart, and returns the indices.
fn pass(
    sender: &mut Sender,
    receiver: &mut Receiver,
    from: u16,
    step: u16,
    count: u64,
) -> Vec<u64> {
    let sequences = (0..count).map(|n| (u64::from(from) + n * u64::from(step)) as u16);
    sequences
        .map(|sequence| {
            let sealed = seal(sender, &packet(7, sequence, b"payload")).expect("sealed");
            open(receiver, &sealed).expect("opened").0
        })
        .collect()
}

#[test]
fn the_roll_over_counter_goes_up_at_every_wrap() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = ends(suite, None, false);
        let indices = pass(&mut sender, &mut receiver, 0xfff0, 0x3001, 40);
        let expected: Vec<u64> = (0..40).map(|n| 0xfff0 + n * 0x3001).collect();
        assert_eq!(indices, expected, "{suite}");
        assert_eq!(sender.counters(7).map(|c| c.roc), Some(8));
    }
}

#[test]
fn two_full_wraps_of_every_number_are_opened() {
    let (mut sender, mut receiver) = ends(Suite::AeadAes128Gcm, None, false);
    let indices = pass(&mut sender, &mut receiver, 1, 1, 0x2_0010);
    assert!(indices.into_iter().eq(1..0x2_0011));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn who_joins_late_needs_the_roll_over_counter(
        suite in any_suite(),
        roc in 1..=u32::MAX,
        sequence in any::<u16>(),
    ) {
        let (mut sender, mut lost) = ends(suite, None, false);
        let begin = Counters { roc, rtcp_index: 5 };
        prop_assert_eq!(sender.begin(7, begin), Ok(()));
        prop_assert_eq!(sender.counters(7), Some(begin));
        let clear = packet(7, sequence, b"payload");
        let sealed = seal(&mut sender, &clear).expect("sealed");
        prop_assert_eq!(open(&mut lost, &sealed), Err(SrtpError::Authentication));

        let (_, mut receiver) = ends(suite, None, false);
        prop_assert_eq!(receiver.join(7, roc, None), Ok(()));
        prop_assert_eq!(receiver.join(7, roc, None), Err(SrtpError::Begun(7)));
        let index = u64::from(roc) << 16 | u64::from(sequence);
        prop_assert_eq!(open(&mut receiver, &sealed), Ok((index, clear)));

        let mut rtcp = report(7, b"body");
        prop_assert_eq!(sender.seal_rtcp(&mut rtcp), Ok(()));
        prop_assert_eq!(receiver.open_rtcp(&mut rtcp), Ok(5));
    }
}

#[test]
fn who_joins_at_a_wrap_needs_the_sequence_number_too() {
    let (mut sender, mut without) = ends(Suite::AesCm256HmacSha1_80, None, false);
    sender
        .begin(
            7,
            Counters {
                roc: 3,
                rtcp_index: 0,
            },
        )
        .expect("a new stream");
    let before = seal(&mut sender, &packet(7, 0xffff, b"x")).expect("sealed");
    let after = seal(&mut sender, &packet(7, 0, b"x")).expect("sealed");

    // Told of 4 after the wrap, when the packet before it is still on its way.
    without.join(7, 4, None).expect("a new stream");
    assert_eq!(open(&mut without, &before), Err(SrtpError::Authentication));
    let (_, mut with) = ends(Suite::AesCm256HmacSha1_80, None, false);
    with.join(7, 4, Some(0)).expect("a new stream");
    assert_eq!(
        open(&mut with, &before).map(|(index, _)| index),
        Ok(0x3_ffff)
    );
    assert_eq!(
        open(&mut with, &after).map(|(index, _)| index),
        Ok(0x4_0000)
    );
    assert_eq!(open(&mut with, &after), Err(SrtpError::Replayed(0x4_0000)));
}

#[test]
fn counters_are_set_before_a_stream_begins_and_not_later() {
    let (mut sender, mut receiver) = ends(Suite::AeadAes128Gcm, None, false);
    let counters = Counters {
        roc: 0,
        rtcp_index: 1 << 31,
    };
    let error = Err(SrtpError::RtcpIndex(1 << 31));
    assert_eq!(sender.begin(7, counters), error);
    let sealed = seal(&mut sender, &packet(7, 1, b"x")).expect("sealed");
    let begun = Err(SrtpError::Begun(7));
    assert_eq!(sender.begin(7, Counters::default()), begun);
    open(&mut receiver, &sealed).expect("opened");
    assert_eq!(receiver.join(7, 1, None), begun);
}

#[test]
fn the_rtcp_index_wraps_after_31_bits_and_e_stays_1() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = ends(suite, None, false);
        let rtcp_index = 0x7fff_ffff;
        sender
            .begin(7, Counters { roc: 0, rtcp_index })
            .expect("a new stream");
        for index in [0x7fff_ffff_u32, 0, 1] {
            let mut packet = report(7, b"body");
            sender.seal_rtcp(&mut packet).expect("sealed");
            let at = if suite.is_aead() {
                packet.len() - 4
            } else {
                packet.len() - 14
            };
            assert_eq!(packet[at..at + 4], (index | 1 << 31).to_be_bytes());
            assert_eq!(receiver.open_rtcp(&mut packet), Ok(index));
        }
    }
}

#[test]
fn a_report_in_clear_is_refused() {
    for suite in Suite::ALL {
        let (mut sender, mut receiver) = ends(suite, None, false);
        let mut packet = report(7, b"body");
        sender.seal_rtcp(&mut packet).expect("sealed");
        let at = packet.len() - if suite.is_aead() { 4 } else { 14 };
        packet[at] &= 0x7f;
        let refused = receiver.open_rtcp(&mut packet);
        assert_eq!(refused, Err(SrtpError::Unencrypted));
    }
}

/// What a stream would be after so many packets: under a key of the longest
/// lifetime, nothing more than what the indices leave.
#[test]
fn a_stream_that_begins_near_the_end_ends_there() {
    let begin = Begin {
        sequence: 0xfffe,
        counters: Counters {
            roc: u32::MAX,
            rtcp_index: 0x7fff_ffff,
        },
    };
    let lifetime = Lifetime { srtp: 2, srtcp: 1 };
    assert_eq!(begin.left(), lifetime);
    let options = SenderOptions {
        lifetime: begin.left(),
        counters: begin.counters,
        ..SenderOptions::default()
    };
    for suite in Suite::ALL {
        let mut sender = Sender::new(&key(suite, 1), options.clone()).expect("a sender");
        for sequence in [0xfffe, 0xffff] {
            let sealed = seal(&mut sender, &packet(7, sequence, b"x"));
            assert!(sealed.is_ok(), "{suite}");
            assert_eq!(sender.counters(7), Some(begin.counters), "{suite}");
        }
        let more = seal(&mut sender, &packet(7, 0, b"x"));
        assert_eq!(more, Err(expired("srtp", 2)), "{suite}");
        assert_eq!(sender.seal_rtcp(&mut report(7, b"body")), Ok(()));
        let more = sender.seal_rtcp(&mut report(7, b"body"));
        assert_eq!(more, Err(expired("srtcp", 1)), "{suite}");
    }
}

fn limited(lifetime: Lifetime) -> (Sender, Receiver) {
    let key = key(Suite::AeadAes128Gcm, 1);
    let sender = SenderOptions {
        lifetime,
        ..SenderOptions::default()
    };
    let receiver = ReceiverOptions {
        lifetime,
        ..ReceiverOptions::default()
    };
    (
        Sender::new(&key, sender).expect("a sender"),
        Receiver::new(&key, receiver).expect("a receiver"),
    )
}

fn expired(field: &'static str, limit: u64) -> SrtpError {
    SrtpError::KeyExpired { field, limit }
}

#[test]
fn a_key_ends_with_its_lifetime_and_another_goes_on() {
    let (mut sender, _) = limited(Lifetime { srtp: 3, srtcp: 2 });
    let (_, mut receiver) = limited(Lifetime::default());
    pass(&mut sender, &mut receiver, 0xfffe, 1, 3);
    let mut next = packet(7, 1, b"x");
    assert_eq!(seal(&mut sender, &next), Err(expired("srtp", 3)));
    // Other streams have packets of their own.
    assert!(seal(&mut sender, &packet(8, 1, b"x")).is_ok());
    for _ in 0..2 {
        assert_eq!(sender.seal_rtcp(&mut report(7, b"body")), Ok(()));
    }
    let mut rtcp = report(7, b"body");
    assert_eq!(sender.seal_rtcp(&mut rtcp), Err(expired("srtcp", 2)));
    assert!(rtcp.is_empty());

    let second = key(Suite::AeadAes128Gcm, 2);
    sender.rekey(&second, None).expect("the same form");
    receiver.rekey(&second, None).expect("the same form");
    next[3] = 2;
    let sealed = seal(&mut sender, &next).expect("sealed");
    assert_eq!(open(&mut receiver, &sealed), Ok((0x1_0002, next)));
    let mut rtcp = report(7, b"body");
    sender.seal_rtcp(&mut rtcp).expect("sealed");
    assert_eq!(receiver.open_rtcp(&mut rtcp), Ok(2));
}

#[test]
fn a_receiver_opens_no_more_than_a_key_lives() {
    let (mut sender, _) = limited(Lifetime::default());
    let (_, mut receiver) = limited(Lifetime { srtp: 3, srtcp: 1 });
    pass(&mut sender, &mut receiver, 10, 1, 2);
    let skipping = seal(&mut sender, &packet(7, 20, b"x")).expect("sealed");
    assert_eq!(open(&mut receiver, &skipping), Err(expired("srtp", 3)));
    let mut reports = [report(7, b"1"), report(7, b"2")];
    for report in &mut reports {
        sender.seal_rtcp(report).expect("sealed");
    }
    let opened = reports.each_mut().map(|r| receiver.open_rtcp(r));
    assert_eq!(opened, [Ok(0), Err(expired("srtcp", 1))]);

    // Two keys: the second counts from its first packet.
    let second = key(Suite::AeadAes128Gcm, 2);
    sender.rekey(&second, None).expect("the same form");
    receiver.rekey(&second, None).expect("the same form");
    assert_eq!(pass(&mut sender, &mut receiver, 21, 1, 3), [21, 22, 23]);
    let more = seal(&mut sender, &packet(7, 24, b"x")).expect("sealed");
    assert_eq!(open(&mut receiver, &more), Err(expired("srtp", 3)));
}

#[test]
fn no_lifetime_exceeds_that_of_the_standard() {
    let (mut sender, _) = limited(Lifetime {
        srtp: u64::MAX,
        srtcp: u64::MAX,
    });
    // All 2^48 indices but one are skipped, 2^15 - 1 at a time at most; so the
    // counters are set near the end instead, where the wrap is no end.
    let counters = Counters {
        roc: u32::MAX,
        rtcp_index: 0x7fff_ffff,
    };
    sender.begin(7, counters).expect("a new stream");
    let (_, mut receiver) = limited(Lifetime::default());
    receiver.join(7, u32::MAX, None).expect("a new stream");
    assert_eq!(
        pass(&mut sender, &mut receiver, 0xffff, 1, 2),
        [0xffff_ffff_ffff, 0]
    );
    assert_eq!(Lifetime::MOST.srtp, 0x1_0000_0000_0000);
    assert_eq!(Lifetime::MOST.srtcp, 0x8000_0000);
}
