//! Batches: what is sealed is opened, whatever gets lost or overtaken.

use lightleak_sim::{
    rtp::Packets,
    seal::srtp::{Sender, SenderOptions, SrtpError, Suite, seal_all},
};
use proptest::{collection::vec, prelude::*};

use crate::support::{any_mki, any_suite, ends, key, open, packet, report, seal};

/// How much later than its turn a packet arrives, less than the replay window.
const LATEST: usize = 100;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_arrives_is_opened_in_any_order(
        suite in any_suite(),
        mki in any_mki(),
        cryptex in any::<bool>(),
        first in prop_oneof![any::<u16>(), 0xff80..=0xffff_u16],
        payloads in vec(vec(any::<u8>(), 0..64), 1..300),
        delays in vec(0..LATEST, 64),
        losses in vec(any::<bool>(), 61),
        split in 1_usize..50,
    ) {
        let (mut sender, mut receiver) = ends(suite, mki, cryptex);
        let numbered = (u64::from(first)..).zip(&payloads);
        let clear: Vec<(u64, Vec<u8>)> = numbered
            .map(|(index, payload)| (index, packet(7, index as u16, payload)))
            .collect();
        let mut sealed = Vec::new();
        for batch in clear.chunks(split) {
            let mut packets = Packets::with_room(sender.overhead());
            batch.iter().for_each(|(_, packet)| packets.push(packet));
            prop_assert_eq!(sender.seal(&mut packets), Ok(()));
            sealed.extend(packets.iter().map(<[u8]>::to_vec));
        }
        for ((_, clear), sealed) in clear.iter().zip(&sealed) {
            prop_assert_eq!(sealed.len(), clear.len() + sender.overhead());
            prop_assert_eq!(&sealed[..12], &clear[..12]);
        }

        let mut order: Vec<usize> = (0..clear.len()).collect();
        order.sort_by_key(|&at| at + delays[at % delays.len()]);
        // The first one tells the receiver where the stream begins.
        order.retain(|&at| at > 0 && losses[at % losses.len()]);
        order.insert(0, 0);
        for arrived in order.chunks(split) {
            let mut packets = Packets::new();
            arrived.iter().for_each(|&at| packets.push(&sealed[at]));
            let expected: Vec<_> = arrived.iter().map(|&at| Ok(clear[at].0)).collect();
            prop_assert_eq!(receiver.open(&mut packets), &expected[..]);
            prop_assert!(packets.iter().eq(arrived.iter().map(|&at| &clear[at].1[..])));
        }
    }

    #[test]
    fn payloads_of_any_size_are_sealed(
        suite in any_suite(),
        mki in any_mki(),
        size in prop_oneof![0..48_usize, 1_190..1_210_usize, 0..=256 * 1024_usize],
    ) {
        let (mut sender, mut receiver) = ends(suite, mki, false);
        let clear = packet(7, 9, &vec![0xa5; size]);
        let sealed = seal(&mut sender, &clear).expect("sealed");
        if size >= 32 {
            prop_assert!(!sealed[12..12 + size].windows(8).any(|w| w == [0xa5; 8]));
        }
        prop_assert_eq!(open(&mut receiver, &sealed), Ok((9, clear)));
    }

    #[test]
    fn reports_are_opened(
        suite in any_suite(),
        mki in any_mki(),
        bodies in vec(vec(any::<u8>(), 0..200), 1..20),
    ) {
        let (mut sender, mut receiver) = ends(suite, mki, false);
        for (index, body) in (0..).zip(&bodies) {
            let clear = report(7, body);
            let mut packet = clear.clone();
            prop_assert_eq!(sender.seal_rtcp(&mut packet), Ok(()));
            prop_assert_eq!(packet.len(), clear.len() + sender.rtcp_overhead());
            let replay = packet.clone();
            prop_assert_eq!(receiver.open_rtcp(&mut packet), Ok(index));
            prop_assert_eq!(packet, clear);
            let again = receiver.open_rtcp(&mut replay.clone());
            prop_assert_eq!(again, Err(SrtpError::Replayed(index.into())));
        }
    }

    #[test]
    fn a_flipped_bit_is_refused_and_the_packet_is_not(
        suite in any_suite(),
        mki in any_mki(),
        size in 0..100_usize,
        at in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let (mut sender, mut receiver) = ends(suite, mki, false);
        let flip = |sealed: &[u8]| {
            let mut flipped = sealed.to_vec();
            flipped[at.index(sealed.len())] ^= 1_u8 << bit;
            flipped
        };
        let clear = packet(7, 9, &vec![0xa5; size]);
        let sealed = seal(&mut sender, &clear).expect("sealed");
        prop_assert!(open(&mut receiver, &flip(&sealed)).is_err());
        prop_assert_eq!(open(&mut receiver, &sealed), Ok((9, clear)));

        let clear = report(7, &vec![0xa5; size]);
        let mut sealed = clear.clone();
        sender.seal_rtcp(&mut sealed).expect("sealed");
        let mut flipped = flip(&sealed);
        prop_assert!(receiver.open_rtcp(&mut flipped).is_err());
        prop_assert!(flipped.is_empty());
        prop_assert_eq!(receiver.open_rtcp(&mut sealed), Ok(0));
        prop_assert_eq!(sealed, clear);
    }
}

#[test]
fn replayed_and_old_packets_are_refused() {
    let (mut sender, mut receiver) = ends(Suite::AeadAes128Gcm, None, false);
    let sealed: Vec<_> = (0..200)
        .map(|sequence| seal(&mut sender, &packet(7, sequence, b"x")).expect("sealed"))
        .collect();
    for (at, result) in [
        (0, Ok(0)),
        (0, Err(SrtpError::Replayed(0))),
        (150, Ok(150)),
        (150, Err(SrtpError::Replayed(150))),
        (23, Ok(23)),
        (22, Err(SrtpError::Replayed(22))),
        (23, Err(SrtpError::Replayed(23))),
    ] {
        let opened = open(&mut receiver, &sealed[at]);
        assert_eq!(opened.map(|(index, _)| index), result);
    }
}

#[test]
fn streams_share_a_batch_and_nothing_else() {
    let (mut sender, mut receiver) = ends(Suite::AesCm128HmacSha1_80, None, false);
    let mut packets = Packets::with_room(sender.overhead());
    for (ssrc, sequence) in [(9, 0xffff), (2, 40), (9, 0), (2, 41), (u32::MAX, 0)] {
        packets.push(&packet(ssrc, sequence, b"same"));
    }
    sender.seal(&mut packets).expect("sealed");
    let all: Vec<_> = packets
        .iter()
        .map(|packet| packet[12..16].to_vec())
        .collect();
    assert!(
        all.iter()
            .enumerate()
            .all(|(at, text)| !all[..at].contains(text))
    );
    assert_eq!(
        receiver.open(&mut packets),
        [Ok(0xffff), Ok(40), Ok(0x1_0000), Ok(41), Ok(0)]
    );
    let rocs = [9, 2, 5].map(|ssrc| sender.counters(ssrc).map(|c| c.roc));
    assert_eq!(rocs, [Some(1), Some(0), None]);
}

#[test]
fn several_senders_seal_in_one_call_and_none_for_another() {
    let mut senders: Vec<Sender> = (1..=3)
        .map(|number| {
            let key = key(Suite::AeadAes256Gcm, number);
            Sender::new(&key, SenderOptions::default()).expect("a sender")
        })
        .collect();
    let mut packets = vec![Packets::with_room(16); 3];
    for (packets, sequences) in packets.iter_mut().zip([[1, 2], [2, 1], [1, 2]]) {
        for sequence in sequences {
            packets.push(&packet(7, sequence, b"same"));
        }
    }
    let error = seal_all(senders.iter_mut().zip(&mut packets));
    assert!(matches!(error, Err(SrtpError::Sequence { last: 2, .. })));
    let lengths: Vec<Vec<usize>> = packets
        .iter()
        .map(|packets| packets.iter().map(<[u8]>::len).collect())
        .collect();
    assert_eq!(lengths, [[32, 32], [32, 0], [32, 32]]);
}

#[test]
fn packets_that_fill_their_room_go_out_together() {
    let (mut sender, _) = ends(Suite::AesCm128HmacSha1_80, None, false);
    let sizes = [100, 100, 60, 60, 70, 100];
    let mut packets = Packets::with_room(sender.overhead());
    for (sequence, size) in (0..).zip(sizes) {
        packets.push(&packet(7, sequence, &vec![0; size]));
    }
    sender.seal(&mut packets).expect("sealed");
    let all: Vec<u8> = packets.iter().flatten().copied().collect();
    let runs: Vec<_> = packets.runs().collect();
    assert!(runs.iter().flat_map(|(run, _)| *run).eq(&all));
    // Header and tag are 22 octets more.
    let lengths: Vec<_> = runs.iter().map(|(run, size)| (run.len(), *size)).collect();
    assert_eq!(
        lengths,
        [(122 * 2 + 82, 122), (82, 82), (92, 92), (122, 122)]
    );

    let mut apart = Packets::with_room(sender.overhead() + 1);
    (10..12).for_each(|sequence| apart.push(&packet(7, sequence, &[0; 20])));
    sender.seal(&mut apart).expect("sealed");
    assert_eq!(apart.runs().count(), 2);
}

#[test]
fn a_packet_without_room_or_order_is_refused() {
    let (mut sender, _) = ends(Suite::AesCm128HmacSha1_32, None, false);
    let mut packets = Packets::with_room(3);
    packets.push(&packet(7, 1, b"x"));
    let error = SrtpError::Room { room: 3, needed: 4 };
    assert_eq!(sender.seal(&mut packets), Err(error));
    assert!(packets.iter().all(<[u8]>::is_empty));

    let mut next = |sequence| seal(&mut sender, &packet(7, sequence, b"x")).map(drop);
    let back = |sequence, last| {
        Err(SrtpError::Sequence {
            ssrc: 7,
            sequence,
            last,
        })
    };
    assert_eq!(next(0xfff0), Ok(()));
    assert_eq!(next(0xfff0), back(0xfff0, 0xfff0));
    assert_eq!(next(0xffef), back(0xffef, 0xfff0));
    assert_eq!(next(0x7fef), Ok(()));
    assert_eq!(next(0xffef), back(0xffef, 0x7fef));
}
