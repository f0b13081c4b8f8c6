//! Listens to what may be sound: PCMU in RTP, in any carriage. Octets of any
//! kind are sound, so it counts only if it carries a tone mark.

use std::{collections::BTreeMap, ops::Range};

use lightleak_case::TransportProtocol;

use super::{Dialogue, Origin, carriage};
use crate::{
    dissect::{Place, Stream, Traffic, mp4, pcmu, rtp::Header},
    tone::{self, ToneMark},
};

/// Samples of one source that are listened to: ten minutes.
const MAX_SAMPLES: usize = 10 * 60 * 8000;

/// Sound that was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Where it was.
    pub origin: Origin,
    /// What it was carried in, as with [`super::Footage`].
    pub carriage: &'static str,
    /// Where its first sample lies in the capture.
    pub place: Place,
    /// The first mark that was read.
    pub mark: ToneMark,
    /// How many marks there are.
    pub marks: usize,
}

/// Listens to every flow.
pub fn listen(traffic: &Traffic) -> Vec<Heard> {
    let mut heard = Vec::new();
    for (index, flow) in traffic.flows.iter().enumerate() {
        let dialogue = Dialogue::read(flow);
        for (from_a, stream, frames) in [
            (true, &flow.from_a, &dialogue.frames_a),
            (false, &flow.from_b, &dialogue.frames_b),
        ] {
            let sources = match flow.transport {
                TransportProtocol::Udp | TransportProtocol::Sctp => {
                    carriage::datagram_sources(stream)
                }
                _ => {
                    let mut sources = carriage::interleaved_sources(stream, frames);
                    sources.extend(carriage::length_framed_sources(stream));
                    sources
                }
            };
            for (carriage, source) in sources {
                let (at, samples) = sound(stream, &source);
                let marks: Vec<_> = tone::read(&samples).collect();
                if let (Some(mark), Some(place)) = (marks.first(), stream.place(at)) {
                    heard.push(Heard {
                        origin: Origin::Flow {
                            flow: index,
                            from_a,
                        },
                        carriage,
                        place,
                        mark: *mark,
                        marks: marks.len(),
                    });
                }
            }
        }
    }
    heard
}

/// Listens to a stored file: to its tracks of sound, and to all of it as it is.
pub fn listen_to_file(file: usize, octets: &[u8]) -> Vec<Heard> {
    let movie = mp4::dissect(octets);
    let tracks = movie.tracks.iter().filter(|t| t.codec.0 == *b"ulaw");
    let tracks = tracks.filter_map(|track| {
        let at = track.samples.first()?.range.start;
        Some(("MP4", at, track.octets(octets)))
    });
    let whole = [("raw", 0, octets.to_vec())];
    let heard = |(carriage, at, octets): (&'static str, usize, Vec<u8>)| {
        let samples: Vec<_> = pcmu::linear(&octets).take(MAX_SAMPLES).collect();
        let marks: Vec<_> = tone::read(&samples).collect();
        Some(Heard {
            origin: Origin::File(file),
            carriage,
            place: Place {
                packet: 0,
                offset: at,
            },
            mark: *marks.first()?,
            marks: marks.len(),
        })
    };
    tracks.chain(whole).filter_map(heard).collect()
}

/// Where the first sample lies, and the samples in order, without doubles.
fn sound(stream: &Stream, source: &[(Range<usize>, Header)]) -> (usize, Vec<i16>) {
    let mut ordered: BTreeMap<i64, Range<usize>> = BTreeMap::new();
    let mut last = 0;
    for (range, header) in source {
        if header.payload_type == pcmu::PAYLOAD_TYPE {
            // The number nearest to the one before.
            last += i64::from(header.sequence.wrapping_sub(last as u16) as i16);
            let payload = &header.payload;
            let payload = range.start + payload.start..range.start + payload.end;
            ordered.entry(last).or_insert(payload);
        }
    }
    let at = ordered.values().next().map_or(0, |payload| payload.start);
    let octets = ordered.into_values().map(|payload| &stream.bytes[payload]);
    let samples = octets.flat_map(pcmu::linear).take(MAX_SAMPLES);
    (at, samples.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::media_player::fixture::{dialogue, random, tcp, traffic, udp};

    const MARK: ToneMark = ToneMark {
        unit: 9,
        second: 3,
        nonce: 5,
    };

    /// G.711 by search: the code whose value is nearest.
    fn mu_law(sample: i16) -> u8 {
        let distance = |code: &u8| {
            let value = pcmu::linear(&[*code]).next().unwrap_or(0);
            i32::from(value).abs_diff(i32::from(sample))
        };
        (0..=u8::MAX).min_by_key(distance).unwrap_or(0)
    }

    /// Two seconds of marked sound as RTP.
    fn rtp() -> Vec<Vec<u8>> {
        let mut samples = tone::second(MARK);
        samples.extend(tone::second(ToneMark { second: 4, ..MARK }));
        let numbers = (0_u16..).map(|number| number.wrapping_add(65_500));
        let packets = samples.chunks(160).zip(numbers);
        let packet = |(samples, number): (&[i16], u16)| {
            let mut packet = vec![0x80, 0];
            packet.extend(number.to_be_bytes());
            packet.extend((u32::from(number) * 160).to_be_bytes());
            packet.extend([1, 2, 3, 4]);
            packet.extend(samples.iter().map(|s| mu_law(*s)));
            packet
        };
        packets.map(packet).collect()
    }

    #[test]
    fn marked_sound_is_heard_in_every_carriage() {
        let mut packets = rtp();
        let framed = packets.iter().flat_map(|p| {
            let length = (p.len() as u16).to_be_bytes();
            [&length, &p[..]].concat()
        });
        let framed: Vec<u8> = framed.collect();
        let interleaved = traffic([dialogue("v=0\r\nm=audio 0 RTP/AVP 0\r\n", &packets)]);
        // Doubles and another order do no harm.
        packets.swap(3, 5);
        packets.insert(9, packets[8].clone());
        for (traffic, carriage) in [
            (udp(&packets), "RTP"),
            (tcp(framed.chunks(1000)), "RTP in TCP"),
            (interleaved, "RTP in RTSP"),
        ] {
            let heard = listen(&traffic);
            assert_eq!(heard.len(), 1, "{carriage}");
            assert_eq!((heard[0].mark, heard[0].marks), (MARK, 2));
            assert_eq!(heard[0].carriage, carriage);
        }
    }

    #[test]
    fn sound_without_a_mark_proves_nothing() {
        let mut packets = rtp();
        for (packet, seed) in packets.iter_mut().zip(1..) {
            packet.truncate(12);
            packet.extend(random(seed, 160));
        }
        assert!(listen(&udp(&packets)).is_empty());
    }
}
