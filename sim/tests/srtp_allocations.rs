//! Nothing is allocated once streams have begun and buffers have their size.

use std::time::Duration;

use allocation_counter::measure;
use lightleak_sim::{
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets},
    seal::{
        keys::SrtpMasterKey,
        srtp::{Mki, Receiver, ReceiverOptions, Sender, SenderOptions, Suite, seal_all},
    },
};

const CAMERAS: usize = 3;

/// A camera and the one who watches it.
struct Pair {
    packetizer: Packetizer,
    packets: Packets,
    sender: Sender,
    receiver: Receiver,
    report: Vec<u8>,
}

impl Pair {
    fn new(suite: Suite, number: u8) -> Self {
        let key = vec![number; suite.key_length()];
        let salt = vec![number; suite.salt_length()];
        let key = SrtpMasterKey::new(suite, &key, &salt).expect("the right lengths");
        let mki = Some(Mki::new(&[0, number]).expect("two octets"));
        let options = SenderOptions {
            mki: mki.clone(),
            cryptex: true,
            ..SenderOptions::default()
        };
        let sender = Sender::new(&key, options).expect("a sender");
        let options = ReceiverOptions {
            mki,
            cryptex: true,
            ..ReceiverOptions::default()
        };
        let receiver = Receiver::new(&key, options).expect("a receiver");
        let config = PacketizerConfig {
            payload_type: 96,
            ssrc: number.into(),
            first_sequence: 0xfff0,
            clock_rate: 90_000,
            time_offset: 0,
            max_packet: 1200,
        };
        Self {
            packetizer: Packetizer::new(config).expect("a valid configuration"),
            packets: Packets::with_room(sender.overhead()),
            sender,
            receiver,
            report: Vec::with_capacity(200),
        }
    }
}

#[test]
fn access_units_of_several_cameras_are_sealed_and_opened_without_allocation() {
    let unit = AccessUnit {
        nal_units: vec![vec![0x65; 64 * 1024].into(), vec![0x61; 300].into()],
        number: 1,
        taken: Duration::from_secs(1),
        rtp_time: 0,
        key_frame: true,
    };
    for suite in Suite::ALL {
        let mut pairs: Vec<_> = (1..=CAMERAS as u8)
            .map(|number| Pair::new(suite, number))
            .collect();
        let mut round = |opened: &mut usize| {
            for pair in &mut pairs {
                pair.packetizer.packetize(&unit, &mut pair.packets);
                pair.report.clear();
                pair.report
                    .extend_from_slice(&[0x80, 201, 0, 1, 0, 0, 0, 7]);
            }
            let batch = pairs.iter_mut().map(|p| (&mut p.sender, &mut p.packets));
            seal_all(batch).expect("sealed");
            for pair in &mut pairs {
                pair.sender.seal_rtcp(&mut pair.report).expect("sealed");
                pair.receiver.open_rtcp(&mut pair.report).expect("opened");
                let results = pair.receiver.open(&mut pair.packets);
                *opened += results.iter().filter(|result| result.is_ok()).count();
            }
        };
        let mut opened = 0;
        round(&mut opened);
        let first = opened;
        assert_eq!(first, CAMERAS * 57);
        let info = measure(|| (0..10).for_each(|_| round(&mut opened)));
        assert_eq!(opened, first * 11);
        assert_eq!(info.count_total, 0, "{suite}: {info:?}");
    }
}

#[test]
fn the_counter_counts() {
    let info = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!(info.count_total, 1);
}
