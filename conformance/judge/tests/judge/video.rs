//! Small pictures with a mark (`conformance/schema/mark.md`), in H.264 and in
//! RTP; and decoders.

use lightleak_case::{Ledger, Track};
use lightleak_judge::{
    decoder::{Decoder, DecoderError, Picture},
    dissect::h264::nal_units,
};
use openh264::{
    OpenH264API,
    encoder::{Encoder, EncoderConfig, IntraFramePeriod, RateControlMode},
    formats::{YUVBuffer, YUVSource},
};

const WIDTH: usize = 176;
const HEIGHT: usize = 144;
const FRAMES: u32 = 6;

/// Access units as lists of NAL units, of device `unit`; `seed` makes what is
/// in the pictures.
pub fn video(unit: u16, seed: u64) -> Vec<Vec<Vec<u8>>> {
    let config = EncoderConfig::new()
        .rate_control_mode(RateControlMode::Off)
        .skip_frames(false)
        .intra_frame_period(IntraFramePeriod::from_num_frames(3));
    let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).unwrap();
    let texture = random(seed, WIDTH * HEIGHT);
    (0..FRAMES)
        .map(|frame| {
            let mut samples: Vec<u8> = texture
                .iter()
                .enumerate()
                .map(|(i, t)| ((i % WIDTH + i / WIDTH) as u8).wrapping_add(t / 8 + frame as u8))
                .collect();
            draw(&mut samples, unit, frame);
            samples.resize(WIDTH * HEIGHT * 3 / 2, 128);
            let picture = YUVBuffer::from_vec(samples, WIDTH, HEIGHT);
            nals(&encoder.encode(&picture).unwrap().to_vec())
        })
        .collect()
}

/// What the device produced.
pub fn ledger(video: &[Vec<Vec<u8>>]) -> Ledger {
    let mut track = Track::default();
    for (number, unit) in video.iter().enumerate() {
        track.push(unit, number as u32, number as u64, number % 3 == 0);
    }
    Ledger {
        tracks: [("video".to_owned(), track)].into(),
    }
}

/// RFC 6184: single NAL units and FU-A in packets of at most 900 octets.
pub fn rtp(video: &[Vec<Vec<u8>>]) -> Vec<Vec<u8>> {
    let mut packets: Vec<Vec<u8>> = Vec::new();
    for (frame, unit) in video.iter().enumerate() {
        for nal in unit {
            let parts: Vec<_> = nal[1..].chunks(880).collect();
            for (number, part) in parts.iter().enumerate() {
                let start = if number == 0 { 0x80 } else { 0 };
                let end = if number + 1 == parts.len() { 0x40 } else { 0 };
                let payload = match parts.len() {
                    1 => nal.clone(),
                    _ => [&[nal[0] & 0xe0 | 28, nal[0] & 0x1f | start | end], *part].concat(),
                };
                let mut packet = vec![0x80, 96];
                packet.extend((packets.len() as u16).to_be_bytes());
                packet.extend((frame as u32 * 3000).to_be_bytes());
                packet.extend([0xca, 0xfe, 0xba, 0xbe]);
                packet.extend(payload);
                packets.push(packet);
            }
        }
        packets.last_mut().unwrap()[1] |= 0x80;
    }
    packets
}

/// Octets of chance, always the same for a seed.
pub fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// openh264, NAL unit by NAL unit; what follows an error is damaged.
pub struct OpenH264;

impl Decoder for OpenH264 {
    fn decode(&self, annex_b: &[u8], limit: usize) -> Result<Vec<Picture>, DecoderError> {
        let mut decoder = openh264::decoder::Decoder::new().unwrap();
        let (mut pictures, mut damaged) = (Vec::new(), false);
        for nal in nals(annex_b) {
            match decoder.decode(&[&[0, 0, 0, 1], &nal[..]].concat()) {
                Ok(Some(yuv)) if pictures.len() < limit => {
                    let (width, height) = yuv.dimensions();
                    let plane = |samples: &[u8], stride: usize, width: usize| -> Vec<u8> {
                        let rows = samples.chunks(stride);
                        rows.flat_map(|row| &row[..width]).copied().collect()
                    };
                    let (y, uv, _) = yuv.strides();
                    pictures.push(Picture {
                        width,
                        height,
                        y: plane(yuv.y(), y, width),
                        u: plane(yuv.u(), uv, width / 2),
                        v: plane(yuv.v(), uv, width / 2),
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

/// Finds no picture in anything.
pub struct Blind;

impl Decoder for Blind {
    fn decode(&self, _: &[u8], _: usize) -> Result<Vec<Picture>, DecoderError> {
        Ok(Vec::new())
    }
}

fn nals(annex_b: &[u8]) -> Vec<Vec<u8>> {
    let units = nal_units(annex_b);
    units.map(|nal| nal.octets(annex_b).to_vec()).collect()
}

/// Cells of 8 by 8 samples.
fn draw(luma: &mut [u8], unit: u16, frame: u32) {
    let mut payload = unit.to_be_bytes().to_vec();
    payload.extend(frame.to_be_bytes());
    payload.extend(7u32.to_be_bytes());
    payload.extend(crc(&payload).to_be_bytes());
    for row in 0..8 {
        for column in 0..18 {
            let white = match (row, column) {
                (0, _) => column % 2 == 0,
                (7, _) => column % 2 == 1,
                (_, 0) => true,
                (_, 17) => false,
                _ => {
                    let bit = (row - 1) * 16 + column - 1;
                    payload[bit / 8] >> (7 - bit % 8) & 1 == 1
                }
            };
            for y in 8 * (row + 1)..8 * (row + 2) {
                let x = y * WIDTH + 8 * (column + 1);
                luma[x..x + 8].fill(if white { 208 } else { 48 });
            }
        }
    }
}

/// CRC-16/IBM-3740.
fn crc(octets: &[u8]) -> u16 {
    let step = |crc: u16, _| match crc & 0x8000 {
        0 => crc << 1,
        _ => crc << 1 ^ 0x1021,
    };
    let octet = |crc: u16, octet: &u8| (0..8).fold(crc ^ u16::from(*octet) << 8, step);
    octets.iter().fold(0xffff, octet)
}
