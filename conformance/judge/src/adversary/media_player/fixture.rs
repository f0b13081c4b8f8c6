//! What the tests of the media player play: real H.264 of small synthetic
//! pictures, packed in every carriage, and decoders.

use std::{net::SocketAddr, sync::Mutex};

use lightleak_case::TransportProtocol;
use openh264::{
    OpenH264API,
    encoder::{Encoder, EncoderConfig, IntraFramePeriod, RateControlMode},
    formats::{YUVBuffer, YUVSource},
};

use crate::{
    decoder::{Decoder, DecoderError, Picture},
    dissect::{
        Flow, FlowState, Stream, Traffic,
        h264::{PPS, SPS, START_CODE, nal_unit_type, nal_units},
    },
};

pub(super) const WIDTH: usize = 176;
pub(super) const HEIGHT: usize = 144;
pub(super) const FRAMES: usize = 12;

/// Access units with a key frame every five.
pub(crate) fn video() -> Vec<Vec<u8>> {
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

pub(crate) fn nals(annex_b: &[u8]) -> Vec<&[u8]> {
    nal_units(annex_b).map(|nal| nal.octets(annex_b)).collect()
}

pub(super) fn is_set(nal: &[u8]) -> bool {
    matches!(nal_unit_type(nal), SPS | PPS)
}

/// The parameter sets of the video, and the video without them.
pub(super) fn without_sets(video: &[Vec<u8>]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let join = |unit: &[u8], sets: bool| -> Vec<u8> {
        let kept = nals(unit).into_iter().filter(|nal| is_set(nal) == sets);
        kept.flat_map(|nal| [&START_CODE, nal].concat()).collect()
    };
    let rest = video.iter().map(|unit| join(unit, false)).collect();
    (join(&video[0], true), rest)
}

/// RFC 6184: single NAL units and FU-A in packets of at most 200 octets.
pub(super) fn rtp(video: &[Vec<u8>]) -> Vec<Vec<u8>> {
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

pub(super) fn stream<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Stream {
    let mut stream = Stream::default();
    for (number, piece) in pieces.into_iter().enumerate() {
        stream.push(piece.as_ref(), number as u64 + 1, 42, 0);
    }
    stream
}

/// A flow between unremarkable ports.
pub(super) fn flow(transport: TransportProtocol, from_a: Stream, from_b: Stream) -> Flow {
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

pub(super) fn tcp<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Traffic {
    traffic([flow(
        TransportProtocol::Tcp,
        Stream::default(),
        stream(pieces),
    )])
}

pub(super) fn udp<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Traffic {
    traffic([flow(
        TransportProtocol::Udp,
        stream(pieces),
        Stream::default(),
    )])
}

pub(super) fn traffic(flows: impl Into<Vec<Flow>>) -> Traffic {
    Traffic {
        flows: flows.into(),
        ..Traffic::default()
    }
}

/// An RTSP dialogue in one flow; its media interleaved.
pub(super) fn dialogue(description: &str, packets: &[Vec<u8>]) -> Flow {
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

pub(super) fn description(sets: &[u8]) -> String {
    let sets: Vec<_> = nals(sets).into_iter().map(base64).collect();
    format!(
        "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
         a=fmtp:96 packetization-mode=1;sprop-parameter-sets={}\r\n",
        sets.join(",")
    )
}

pub(super) fn base64(octets: &[u8]) -> String {
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

pub(crate) fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// One that tests elsewhere may have.
pub(crate) fn openh264_decoder() -> impl Decoder {
    OpenH264
}

/// Decodes NAL unit by NAL unit; what follows an error is damaged.
pub(super) struct OpenH264;

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
pub(super) struct Fake {
    damaged: bool,
    seen: Mutex<Vec<(Vec<u8>, usize)>>,
}

impl Fake {
    pub(super) fn new(damaged: bool) -> Self {
        let seen = Mutex::default();
        Self { damaged, seen }
    }

    pub(super) fn seen(self) -> Vec<(Vec<u8>, usize)> {
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
