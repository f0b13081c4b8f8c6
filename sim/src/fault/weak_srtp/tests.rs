use super::{packet::RETRANSMISSION, *};
use crate::seal::srtp::{Receiver, ReceiverOptions, Sender};

fn key(suite: Suite) -> SrtpMasterKey {
    let (key, salt) = (suite.key_length(), suite.salt_length());
    SrtpMasterKey::new(suite, &vec![3; key], &vec![5; salt]).expect("the right lengths")
}

fn options() -> SenderOptions {
    SenderOptions {
        mki: Some(Mki::new(&[9, 9]).expect("two octets")),
        ..SenderOptions::default()
    }
}

fn faulty(flaw: SrtpFlaw, suite: Suite) -> FaultySrtp {
    FaultySrtp::new(flaw, &key(suite), &options()).expect("a sender")
}

/// 150 packets across a wrap.
fn packets() -> Packets {
    let mut packets = Packets::with_room(18);
    for sequence in (0xffc0..=0xffff_u16).chain(0..86) {
        let [a, b] = sequence.to_be_bytes();
        let header = [0x80, 96, a, b, 0, 0, 0, 0, 0, 0, 0, 7];
        packets.push(&[&header[..], b"a payload"].concat());
    }
    packets
}

fn report() -> Vec<u8> {
    vec![0x81, 201, 0, 2, 0, 0, 0, 7, 1, 2, 3, 4]
}

/// How many of 150 packets an honest receiver opens, whether what it
/// opened is what was sealed, and what it says of a report.
fn received(flaw: SrtpFlaw, suite: Suite) -> (usize, bool, Result<u32, SrtpError>) {
    let mut sender = faulty(flaw, suite);
    let receiver = ReceiverOptions {
        mki: options().mki,
        ..ReceiverOptions::default()
    };
    let mut receiver = Receiver::new(&key(suite), receiver).expect("a receiver");
    let (mut sealed, clear, mut rtcp) = (packets(), packets(), report());
    sender.seal(&mut sealed).expect("sealed");
    sender.seal_rtcp(&mut rtcp).expect("sealed");
    let results = receiver.open(&mut sealed);
    let count = results.iter().filter(|result| result.is_ok()).count();
    let mut both = sealed.iter().zip(clear.iter());
    let same = both.all(|(opened, clear)| opened.is_empty() || opened == clear);
    (count, same, receiver.open_rtcp(&mut rtcp))
}

#[test]
fn everything_but_the_flaw_is_right() {
    for suite in Suite::ALL {
        let mut honest = Sender::new(&key(suite), options()).expect("a sender");
        let mut faulty = faulty(SrtpFlaw::NeverRekeys, suite);
        let (mut one, mut other) = (packets(), packets());
        honest.seal(&mut one).expect("sealed");
        faulty.seal(&mut other).expect("sealed");
        assert!(one.iter().eq(other.iter()), "{suite}");
        let (mut one, mut other) = (report(), report());
        honest.seal_rtcp(&mut one).expect("sealed");
        faulty.seal_rtcp(&mut other).expect("sealed");
        assert_eq!(one, other, "{suite}");
        assert_eq!(Sender::counters(&honest, 7), faulty.counters(7));
    }
}

#[test]
fn an_honest_receiver_sees_the_flaw() {
    let failed = Err(SrtpError::Authentication);
    for suite in [Suite::AesCm128HmacSha1_80, Suite::AeadAes256Gcm] {
        let received = |flaw| received(flaw, suite);
        assert_eq!(received(SrtpFlaw::StuckRoc), (64, true, Ok(0)));
        assert_eq!(received(SrtpFlaw::Restarts), (40, true, Ok(0)));
        assert_eq!(received(SrtpFlaw::NeverRekeys), (150, true, Ok(0)));
        assert_eq!(received(SrtpFlaw::NeverExpires), (150, true, Ok(0)));
        assert_eq!(received(SrtpFlaw::ClearRetransmission), (150, true, Ok(0)));
        assert_eq!(received(SrtpFlaw::NoKdf), (0, true, failed));
        assert_eq!(received(SrtpFlaw::ShortTag).0, 0);
        assert_eq!(received(SrtpFlaw::NoMki).0, 0);
        let (count, _, rtcp) = received(SrtpFlaw::ClearEFlag);
        assert_eq!((count, rtcp), (150, Err(SrtpError::Unencrypted)));
        for flaw in [SrtpFlaw::ClearRtcp, SrtpFlaw::ShortRtcpTag] {
            let (count, _, rtcp) = received(flaw);
            assert!(count == 150 && rtcp.is_err(), "{flaw:?}");
        }
    }
    let counter = Suite::AesCm128HmacSha1_80;
    let galois = Suite::AeadAes256Gcm;
    // A tag that does not cover the salt is right; the content is not.
    assert_eq!(received(SrtpFlaw::ZeroSalt, counter), (150, false, Ok(0)));
    assert_eq!(received(SrtpFlaw::ZeroSalt, galois), (0, true, failed));
    assert_eq!(
        received(SrtpFlaw::ClearPayload, counter),
        (150, false, Ok(0))
    );
    assert_eq!(received(SrtpFlaw::ClearPayload, galois), (0, true, Ok(0)));
    assert_eq!(
        received(SrtpFlaw::SaltPaddedLeft, galois),
        (0, true, failed)
    );
}

#[test]
fn what_is_clear_is_seen() {
    for suite in Suite::ALL {
        let mut sender = faulty(SrtpFlaw::ClearPayload, suite);
        let mut packets = packets();
        sender.seal(&mut packets).expect("sealed");
        assert!(packets.iter().all(|packet| packet[12..21] == *b"a payload"));
        let mut packets = self::packets();
        let mut sender = faulty(SrtpFlaw::ClearFuHeader, suite);
        sender.seal(&mut packets).expect("sealed");
        let is_clear =
            |packet: &[u8], octets: usize| packet[12..].starts_with(&b"a payload"[..octets]);
        assert!(packets.iter().all(|packet| is_clear(packet, 2)));
        // One in 2^24 happens to be.
        assert!(packets.iter().any(|packet| !is_clear(packet, 5)));
        for flaw in [SrtpFlaw::ClearRtcp, SrtpFlaw::ClearEFlag] {
            let mut rtcp = report();
            faulty(flaw, suite).seal_rtcp(&mut rtcp).expect("sealed");
            assert!(rtcp.starts_with(&report()));
        }
    }
}

#[test]
fn a_key_that_is_used_up_ends_or_goes_on_for_ever() {
    let options = SenderOptions {
        lifetime: Lifetime {
            srtp: 100,
            srtcp: 1,
        },
        counters: Counters {
            roc: u32::MAX,
            rtcp_index: 0x7fff_ffff,
        },
        ..options()
    };
    let suite = Suite::AesCm128HmacSha1_80;
    let sender = |flaw| FaultySrtp::new(flaw, &key(suite), &options).expect("a sender");
    let mut ends = sender(SrtpFlaw::RekeyResets);
    assert!(matches!(
        ends.seal(&mut packets()),
        Err(SrtpError::KeyExpired { field: "srtp", .. })
    ));
    ends.seal_rtcp(&mut report()).expect("the last one");
    assert!(matches!(
        ends.seal_rtcp(&mut report()),
        Err(SrtpError::KeyExpired { field: "srtcp", .. })
    ));
    let mut goes_on = sender(SrtpFlaw::NeverExpires);
    goes_on.seal(&mut packets()).expect("sealed");
    for next in [0, 1] {
        goes_on.seal_rtcp(&mut report()).expect("sealed");
        let counters = goes_on.counters(7).expect("it has begun");
        assert_eq!((counters.roc, counters.rtcp_index), (0, next));
    }
}

#[test]
fn another_key_resets_the_counters_or_is_ignored() {
    let suite = Suite::AeadAes128Gcm;
    let after = |flaw| {
        let mut sender = faulty(flaw, suite);
        sender.seal(&mut packets()).expect("sealed");
        sender.seal_rtcp(&mut report()).expect("sealed");
        let mki = Mki::new(&[8, 8]).expect("two octets");
        sender.rekey(&key(suite), Some(&mki)).expect("re-keyed");
        let counters = sender.counters(7).expect("it has begun");
        (counters.roc, counters.rtcp_index, sender.mki)
    };
    assert_eq!(after(SrtpFlaw::RekeyResets), (0, 0, vec![8, 8]));
    assert_eq!(after(SrtpFlaw::NeverExpires), (1, 1, vec![8, 8]));
    assert_eq!(after(SrtpFlaw::NeverRekeys), (1, 1, vec![9, 9]));
}

#[test]
fn what_is_sent_again_is_clear_and_names_what_it_repeats() {
    let mut sender = faulty(SrtpFlaw::ClearRetransmission, Suite::AesCm128HmacSha1_80);
    let mut packets = packets();
    sender.seal(&mut packets).expect("sealed");
    let again: Vec<_> = packets.iter().skip(150).collect();
    assert_eq!(again.len(), 15);
    for packet in again {
        assert_eq!(packet[1], RETRANSMISSION);
        assert_ne!(packet[11], 7);
        assert_eq!(packet[2..4], packet[12..14]);
        assert_eq!(packet[14..], *b"a payload");
    }
}
