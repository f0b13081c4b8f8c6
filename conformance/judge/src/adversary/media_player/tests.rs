//! Real H.264 in every carriage plays; nothing else does.

use proptest::prelude::*;

use super::{fixture::*, *};
use crate::dissect::h264::is_plausible;

fn only(footage: Vec<Footage>) -> Footage {
    assert_eq!(footage.len(), 1, "{:?}", carriages(&footage));
    footage.into_iter().next().unwrap()
}

fn carriages(footage: &[Footage]) -> Vec<&str> {
    footage.iter().map(|f| f.carriage).collect()
}

fn assert_complete(footage: &Footage, carriage: &str) {
    assert_eq!(footage.carriage, carriage);
    assert_eq!((footage.frames, footage.pictures.len()), (FRAMES, FRAMES));
    let picture = &footage.pictures[0];
    assert_eq!((picture.width, picture.height), (WIDTH, HEIGHT));
    assert!(footage.pictures.iter().all(|p| !p.damaged));
}

fn is_from_b(origin: Origin) -> bool {
    matches!(origin, Origin::Flow { from_a: false, .. })
}

fn flow_of(origin: Origin) -> Option<usize> {
    match origin {
        Origin::Flow { flow, .. } => Some(flow),
        Origin::Held { .. } | Origin::File(_) => None,
    }
}

#[test]
fn the_encoder_writes_what_counts_as_plausible() {
    assert!(video().iter().flat_map(|unit| nals(unit)).all(is_plausible));
}

#[test]
fn rtp_interleaved_in_rtsp_plays() {
    let traffic = traffic([dialogue("", &rtp(&video()))]);
    let footage = only(play(&traffic, &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP in RTSP");
    assert!(is_from_b(footage.origin) && footage.own_parameter_sets);
}

#[test]
fn interleaved_rtp_that_was_joined_in_the_middle_plays() {
    let mut flow = dialogue("", &rtp(&video()));
    let cut = flow.from_b.bytes.split_off(70);
    flow.from_b = stream([cut]);
    flow.from_a = Stream::default();
    let footage = only(play(&traffic([flow]), &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP in RTSP");
}

#[test]
fn parameter_sets_of_the_session_description_are_the_streams_own() {
    let (sets, rest) = without_sets(&video());
    let interleaved = dialogue(&description(&sets), &rtp(&rest));
    let footage = only(play(&traffic([interleaved]), &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP in RTSP");
    assert!(footage.own_parameter_sets);

    // Media in a flow of its own.
    let control = dialogue(&description(&sets), &[]);
    let media = flow(
        TransportProtocol::Udp,
        Stream::default(),
        stream(rtp(&rest)),
    );
    let footage = only(play(&traffic([control, media]), &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP");
    assert!(footage.own_parameter_sets && flow_of(footage.origin) == Some(1));
}

#[test]
fn rtp_in_datagrams_plays_and_its_place_is_its_first_octet_of_media() {
    let footage = only(play(&udp(rtp(&video())), &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP");
    let place = Place {
        packet: 1,
        offset: 42 + 12,
    };
    assert_eq!((footage.place, is_from_b(footage.origin)), (place, false));
}

#[test]
fn rtp_behind_an_unknown_header_plays_among_other_datagrams() {
    let mut datagrams: Vec<Vec<u8>> = Vec::new();
    for (number, packet) in rtp(&video()).iter().enumerate() {
        datagrams.push([&[0x40, 0, 0, 9], &packet[..]].concat());
        datagrams.push(random(number as u64, 300));
    }
    let footage = only(play(&udp(datagrams), &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP");
    assert_eq!(footage.place.offset, 42 + 4 + 12);
}

#[test]
fn length_framed_rtp_plays() {
    let mut bytes = b"\x16\x03hello".to_vec();
    for packet in rtp(&video()) {
        bytes.extend((packet.len() as u16).to_be_bytes());
        bytes.extend(packet);
    }
    let footage = only(play(&tcp(bytes.chunks(1000)), &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP in TCP");
}

#[test]
fn annex_b_plays_anywhere_in_tcp_and_udp() {
    let mut bytes = random(1, 5000);
    bytes.extend(video().concat());
    bytes.extend([0, 0, 0]);
    bytes.extend(random(2, 5000));
    for traffic in [tcp(bytes.chunks(1400)), udp(bytes.chunks(1000))] {
        let footage = only(play(&traffic, &[], &OpenH264).unwrap());
        assert_complete(&footage, "Annex B");
        assert!(footage.place.packet > 1);
    }
}

#[test]
fn video_without_parameter_sets_plays_with_guessed_ones_only() {
    let (sets, rest) = without_sets(&video());
    let wrong: &[u8] = &[
        0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00, 0xa0, 0x47, 0xfe, 0xc8,
    ];
    let guesses = [wrong, &sets].concat();
    // The stream is joined in the middle: two pictures before a key frame are lost.
    for traffic in [udp(rtp(&rest[3..])), tcp([rest[3..].concat()])] {
        assert!(play(&traffic, &[], &OpenH264).unwrap().is_empty());
        let footage = only(play(&traffic, &guesses, &OpenH264).unwrap());
        assert_eq!(footage.frames, FRAMES - 5);
        assert!(!footage.own_parameter_sets);
    }
}

#[test]
fn damaged_pictures_without_a_mark_are_no_footage() {
    let (sets, rest) = without_sets(&video());
    let seen = |traffic: &Traffic| {
        let decoder = Fake::new(true);
        assert!(play(traffic, &sets, &decoder).unwrap().is_empty());
        decoder.seen()
    };
    assert!(!seen(&udp(rtp(&rest))).is_empty());
    assert!(!seen(&udp(rtp(&video()))).is_empty());
}

#[test]
fn parameter_sets_that_were_sent_once_go_before_every_portion() {
    let (sets, rest) = without_sets(&video());
    let mut long = vec![sets.clone()];
    for _ in 0..60 {
        long.extend_from_slice(&rest);
    }
    let decoder = Fake::new(false);
    let footage = only(play(&tcp([long.concat()]), &[], &decoder).unwrap());
    assert_eq!(footage.frames, FRAMES * 60);
    assert_eq!(footage.pictures.len(), KEPT_PICTURES);
    let seen = decoder.seen();
    assert!(seen.len() > 1);
    for (annex_b, limit) in &seen {
        assert!(annex_b.starts_with(&sets) && *limit == MAX_PICTURES);
        let slices = nals(annex_b).into_iter().filter(|n| !is_set(n)).count();
        assert!(slices <= MAX_PICTURES);
    }
}

#[test]
fn what_is_clear_amid_ciphertext_plays() {
    let mut packets = rtp(&video());
    for (number, packet) in packets.iter_mut().enumerate() {
        let secret = random(number as u64, packet.len());
        // The second group of pictures stays in clear.
        if !(5..10).contains(&(u32::from_be_bytes(packet[4..8].try_into().unwrap()) / 3000)) {
            packet[12..].copy_from_slice(&secret[12..]);
        }
    }
    let footage = only(play(&udp(packets), &[], &OpenH264).unwrap());
    assert_eq!(footage.frames, 5);
}

#[test]
fn lost_packets_do_not_stop_the_show() {
    let mut packets = rtp(&video());
    packets.remove(packets.len() / 3);
    packets.swap(7, 8);
    let footage = only(play(&udp(packets), &[], &OpenH264).unwrap());
    assert!((5..FRAMES + 1).contains(&footage.frames));
}

#[test]
fn random_octets_in_the_form_of_media_are_no_footage() {
    let (sets, _) = without_sets(&video());
    for seed in 0..4 {
        let mut packets = rtp(&vec![video().concat(); 20]);
        for (number, packet) in packets.iter_mut().enumerate() {
            let secret = random(seed << 20 | number as u64, packet.len());
            packet[12..].copy_from_slice(&secret[12..]);
        }
        let framed: Vec<u8> = packets
            .iter()
            .flat_map(|p| [&(p.len() as u16).to_be_bytes(), &p[..]].concat())
            .collect();
        let noise = random(seed, 400_000);
        // Units with plausible headers, since the cipher left these alone.
        let mut headers: Vec<u8> = sets.clone();
        for chunk in noise.chunks(700) {
            headers.extend([0, 0, 1, 0x65, 0x88, 0x84]);
            headers.extend(chunk);
        }
        let flows = [
            udp(&packets).flows,
            udp(noise.chunks(500)).flows,
            tcp([&framed]).flows,
            tcp([&noise]).flows,
            tcp([&headers]).flows,
            vec![dialogue(&description(&sets), &packets)],
        ]
        .concat();
        let footage = play(&traffic(flows), &sets, &OpenH264).unwrap();
        assert!(footage.is_empty(), "{:?}", carriages(&footage));
    }
}

#[test]
fn ciphertext_does_not_reach_the_decoder() {
    let (sets, _) = without_sets(&video());
    let mut packets = rtp(&vec![video().concat(); 20]);
    for (number, packet) in packets.iter_mut().enumerate() {
        // Audio: every packet has a time stamp of its own.
        packet[4..8].copy_from_slice(&(number as u32 * 160).to_be_bytes());
        let secret = random(number as u64, packet.len());
        packet[12..].copy_from_slice(&secret[12..]);
    }
    let noise = random(9, 1 << 20);
    let flows = [
        udp(packets).flows,
        udp(noise.chunks(160)).flows,
        tcp([&noise]).flows,
    ];
    let decoder = Fake::new(false);
    let footage = play(&traffic(flows.concat()), &sets, &decoder).unwrap();
    assert!(footage.is_empty(), "{:?}", carriages(&footage));
    assert!(decoder.seen().is_empty());
}

#[test]
fn a_decoder_that_fails_is_no_absence() {
    struct Broken;
    impl Decoder for Broken {
        fn decode(&self, _: &[u8], _: usize) -> Result<Vec<Picture>, DecoderError> {
            Err(DecoderError("crashed".into()))
        }
    }
    assert!(play(&udp(rtp(&video())), &[], &Broken).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn mutated_traffic_is_played_without_panic(
        carriage in 0..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
        gaps in prop::collection::btree_set(0usize..20_000, 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let packets = rtp(&video());
        let mut flow = match carriage {
            0 => dialogue("v=0\r\n", &packets),
            1 => udp(&packets).flows.remove(0),
            2 => tcp([video().concat()]).flows.remove(0),
            _ => tcp(packets.iter().map(|p| [&(p.len() as u16).to_be_bytes(), &p[..]].concat()))
                .flows
                .remove(0),
        };
        for stream in [&mut flow.from_a, &mut flow.from_b] {
            if stream.bytes.is_empty() {
                continue;
            }
            for (at, octet) in &changes {
                let at = at.index(stream.bytes.len());
                stream.bytes[at] = *octet;
            }
            stream.gaps = gaps.iter().copied().collect();
            let cut = cut.index(stream.bytes.len());
            stream.bytes.truncate(cut);
            stream.pieces.retain(|p| p.at + p.length <= cut);
        }
        let decoder = Fake::new(false);
        for footage in play(&traffic([flow]), &[], &decoder).unwrap() {
            prop_assert!(footage.pictures.len() <= KEPT_PICTURES);
        }
    }
}
