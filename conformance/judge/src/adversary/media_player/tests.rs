//! Real H.264 of small synthetic pictures in every carriage.

use std::{net::SocketAddr, sync::Mutex};

use openh264::{
    OpenH264API,
    encoder::{Encoder, EncoderConfig, IntraFramePeriod, RateControlMode},
    formats::{YUVBuffer, YUVSource},
};
use proptest::prelude::*;

use super::*;
use crate::dissect::{
    FlowState,
    h264::{PPS, SPS, is_plausible, nal_unit_type, nal_units},
};

const WIDTH: usize = 176;
const HEIGHT: usize = 144;
const FRAMES: usize = 12;

/// Access units with a key frame every five.
fn video() -> Vec<Vec<u8>> {
    let config = EncoderConfig::new()
        .rate_control_mode(RateControlMode::Off)
        .skip_frames(false)
        .intra_frame_period(IntraFramePeriod::from_num_frames(5));
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).unwrap();
    (0..FRAMES)
        .map(|frame| {
            let mut samples: Vec<u8> = (0..WIDTH * HEIGHT)
                .map(|i| ((i % WIDTH) * 3 + (i / WIDTH) * (1 + frame) + (i * i) % 13) as u8)
                .collect();
            samples.resize(WIDTH * HEIGHT * 3 / 2, 128);
            let picture = YUVBuffer::from_vec(samples, WIDTH, HEIGHT);
            encoder.encode(&picture).unwrap().to_vec()
        })
        .collect()
}

fn nals(annex_b: &[u8]) -> Vec<&[u8]> {
    nal_units(annex_b).map(|nal| nal.octets(annex_b)).collect()
}

fn is_set(nal: &[u8]) -> bool {
    matches!(nal_unit_type(nal), SPS | PPS)
}

/// The parameter sets of the video, and the video without them.
fn without_sets(video: &[Vec<u8>]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let join = |unit: &[u8], sets: bool| -> Vec<u8> {
        let kept = nals(unit).into_iter().filter(|nal| is_set(nal) == sets);
        kept.flat_map(|nal| [&START_CODE, nal].concat()).collect()
    };
    let rest = video.iter().map(|unit| join(unit, false)).collect();
    (join(&video[0], true), rest)
}

/// RFC 6184: single NAL units and FU-A in packets of at most 200 octets.
fn rtp(video: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    for (index, unit) in video.iter().enumerate() {
        for nal in nals(unit) {
            if nal.len() <= 200 {
                payloads.push((index, nal.to_vec()));
                continue;
            }
            let count = nal[1..].chunks(198).count();
            for (number, chunk) in nal[1..].chunks(198).enumerate() {
                let start = if number == 0 { 0x80 } else { 0 };
                let end = if number + 1 == count { 0x40 } else { 0 };
                let head = [nal[0] & 0xe0 | 28, nal[0] & 0x1f | start | end];
                payloads.push((index, [&head, chunk].concat()));
            }
        }
    }
    let last = |at: usize| {
        payloads
            .get(at + 1)
            .is_none_or(|next| next.0 != payloads[at].0)
    };
    (0..payloads.len())
        .map(|at| {
            let mut packet = vec![0x80, 96 | u8::from(last(at)) << 7];
            packet.extend((65_530u16.wrapping_add(at as u16)).to_be_bytes());
            packet.extend((payloads[at].0 as u32 * 3000).to_be_bytes());
            packet.extend([0xca, 0xfe, 0xba, 0xbe]);
            packet.extend(&payloads[at].1);
            packet
        })
        .collect()
}

fn stream<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Stream {
    let mut stream = Stream::default();
    for (number, piece) in pieces.into_iter().enumerate() {
        stream.push(piece.as_ref(), number as u64 + 1, 42, 0);
    }
    stream
}

/// A flow between unremarkable ports.
fn flow(transport: TransportProtocol, from_a: Stream, from_b: Stream) -> Flow {
    Flow {
        transport,
        a: SocketAddr::from(([192, 0, 2, 1], 40_001)),
        b: SocketAddr::from(([192, 0, 2, 2], 9)),
        state: FlowState::Open,
        from_a,
        from_b,
        first_packet: 1,
        packets: 1,
    }
}

fn tcp<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Traffic {
    traffic([flow(
        TransportProtocol::Tcp,
        Stream::default(),
        stream(pieces),
    )])
}

fn udp<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Traffic {
    traffic([flow(
        TransportProtocol::Udp,
        stream(pieces),
        Stream::default(),
    )])
}

fn traffic(flows: impl Into<Vec<Flow>>) -> Traffic {
    Traffic {
        flows: flows.into(),
        ..Traffic::default()
    }
}

/// An RTSP dialogue in one flow; its media interleaved.
fn dialogue(description: &str, packets: &[Vec<u8>]) -> Flow {
    let request = "DESCRIBE rtsp://192.0.2.2/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    let mut answers = format!(
        "RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: {}\r\n\r\n{description}",
        description.len()
    )
    .into_bytes();
    for packet in packets {
        answers.extend([b'$', 0, (packet.len() >> 8) as u8, packet.len() as u8]);
        answers.extend(packet);
    }
    flow(
        TransportProtocol::Tcp,
        stream([request]),
        stream(answers.chunks(1400)),
    )
}

fn description(sets: &[u8]) -> String {
    let sets: Vec<_> = nals(sets).into_iter().map(base64).collect();
    format!(
        "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 packetization-mode=1;sprop-parameter-sets={}\r\n",
        sets.join(",")
    )
}

fn base64(octets: &[u8]) -> String {
    const SYMBOLS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let bits = (0..3).fold(0u32, |bits, i| {
            bits << 8 | u32::from(*group.get(i).unwrap_or(&0))
        });
        for symbol in 0..=group.len() {
            text.push(SYMBOLS[(bits >> (18 - 6 * symbol) & 63) as usize] as char);
        }
    }
    text
}

fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Decodes NAL unit by NAL unit; what follows an error is damaged.
struct OpenH264;

impl Decoder for OpenH264 {
    fn decode(&self, annex_b: &[u8], limit: usize) -> Result<Vec<Picture>, DecoderError> {
        let mut decoder =
            openh264::decoder::Decoder::new().map_err(|e| DecoderError(e.to_string()))?;
        let mut pictures = Vec::new();
        let mut damaged = false;
        for nal in nals(annex_b) {
            match decoder.decode(&[&START_CODE, nal].concat()) {
                Ok(Some(yuv)) if pictures.len() < limit => {
                    let (width, height) = yuv.dimensions();
                    let plane = |samples: &[u8], stride: usize, width: usize, height: usize| {
                        let rows = samples.chunks(stride).take(height);
                        rows.flat_map(|row| &row[..width]).copied().collect()
                    };
                    let (y, uv, _) = yuv.strides();
                    pictures.push(Picture {
                        width,
                        height,
                        y: plane(yuv.y(), y, width, height),
                        u: plane(yuv.u(), uv, width / 2, height / 2),
                        v: plane(yuv.v(), uv, width / 2, height / 2),
                        damaged: std::mem::take(&mut damaged),
                    });
                }
                Ok(_) => {}
                Err(_) => damaged = true,
            }
        }
        Ok(pictures)
    }
}

/// Records what it is given and answers with pictures that are all damaged or
/// all sound.
struct Fake {
    damaged: bool,
    seen: Mutex<Vec<(Vec<u8>, usize)>>,
}

impl Fake {
    fn new(damaged: bool) -> Self {
        let seen = Mutex::default();
        Self { damaged, seen }
    }

    fn seen(self) -> Vec<(Vec<u8>, usize)> {
        self.seen.into_inner().unwrap()
    }
}

impl Decoder for Fake {
    fn decode(&self, annex_b: &[u8], limit: usize) -> Result<Vec<Picture>, DecoderError> {
        let slices = nals(annex_b).into_iter().filter(|nal| !is_set(nal)).count();
        self.seen.lock().unwrap().push((annex_b.to_vec(), limit));
        let picture = Picture {
            width: 2,
            height: 2,
            y: vec![0; 4],
            u: vec![0],
            v: vec![0],
            damaged: self.damaged,
        };
        Ok(vec![picture; slices.min(limit)])
    }
}

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

#[test]
fn the_encoder_writes_what_counts_as_plausible() {
    assert!(video().iter().flat_map(|unit| nals(unit)).all(is_plausible));
}

#[test]
fn rtp_interleaved_in_rtsp_plays() {
    let traffic = traffic([dialogue("", &rtp(&video()))]);
    let footage = only(play(&traffic, &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP in RTSP");
    assert!(!footage.from_a && footage.own_parameter_sets);
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
    assert!(footage.own_parameter_sets && footage.flow == 1);
}

#[test]
fn rtp_in_datagrams_plays_and_its_place_is_its_first_octet_of_media() {
    let footage = only(play(&udp(rtp(&video())), &[], &OpenH264).unwrap());
    assert_complete(&footage, "RTP");
    let place = Place {
        packet: 1,
        offset: 42 + 12,
    };
    assert_eq!((footage.place, footage.from_a), (place, true));
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
