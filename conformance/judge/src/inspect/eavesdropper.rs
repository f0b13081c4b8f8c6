//! Captures of any size, in bounded memory.
//!
//! Of every flow the octets are kept until all flows together have too many. Then the
//! longest ones are looked at, and of them only the beginning and the end stay, as if
//! what lies between had not been captured.

use lightleak_case::{Capture, Octets, SecretsType};

use crate::{
    decoder::{Decoder, DecoderError},
    dissect::{Dissector, Flow},
    parallel::{as_made, in_parallel},
};

use super::{
    Inspected, Inspection, Limits, Scene,
    conclusion::{Conclusion, conclude},
    others,
    recognise::{self, ByFlow},
    show,
};

/// Octets of payload that are kept of all flows together.
const KEPT: usize = 40 << 20;
/// Octets of secrets that are kept.
const MOST_SECRETS: usize = 16 << 20;
/// Blocks of secrets that are kept.
const MOST_BLOCKS: usize = 1 << 16;
/// Files of sound, and of media that nobody plays, that are kept of a flow.
const MOST_FILES: usize = 64;
/// A flow that is known whole is looked at by all when it has so many times the octets
/// as the last time, and flows are compared when the capture has.
const ALL_AGAIN: u64 = 8;
const COMPARED_AGAIN: u64 = 2;
/// Octets that stay of the beginning and of the end of a direction, at most.
const MOST_STAYS: usize = 128 << 10;

/// Gets what was learned from a flow, with its index, before its media are dropped.
type Keep<'k> = dyn FnMut(usize, &Inspected) + Send + 'k;

/// Listens to a capture, part by part.
pub struct Eavesdropper<'d> {
    decoder: &'d dyn Decoder,
    limits: Limits,
    keep: Option<Box<Keep<'d>>>,
    /// Octets of payload that are kept.
    most: usize,
    dissector: Dissector,
    secrets: Vec<(SecretsType, Octets)>,
    secret_octets: usize,
    known: Vec<Known>,
    packets: u64,
    bytes: u64,
    /// Octets that had been captured when flows were compared.
    compared: u64,
    failures: Vec<DecoderError>,
}

/// What is known of a flow.
#[derive(Default)]
struct Known {
    conclusion: Option<Conclusion>,
    /// Octets that it had when all looked at it.
    octets: u64,
    /// Whether one claim was all that there is to say of it.
    is_whole: bool,
    /// Whether it was not compared with other flows when it was looked at.
    is_alone: bool,
    /// Pictures that were shown.
    pictures: usize,
    /// Other files that were kept.
    files: usize,
}

impl<'d> Eavesdropper<'d> {
    /// One that has heard nothing yet, and keeps the media that it finds.
    pub fn new(decoder: &'d dyn Decoder, limits: Limits) -> Self {
        Self {
            decoder,
            limits,
            keep: None,
            most: KEPT,
            dissector: Dissector::default(),
            secrets: Vec::new(),
            secret_octets: 0,
            known: Vec::new(),
            packets: 0,
            bytes: 0,
            compared: 0,
            failures: Vec::new(),
        }
    }

    /// The same, which gives away the media that it finds, and forgets them.
    #[must_use]
    pub fn giving(self, keep: impl FnMut(usize, &Inspected) + Send + 'd) -> Self {
        Self {
            keep: Some(Box::new(keep)),
            ..self
        }
    }

    /// Hears the next part of the capture; after the `last`, [`Self::finish`] follows.
    pub fn add(&mut self, part: &Capture, last: bool) {
        self.packets += part.packets.len() as u64;
        self.bytes += part
            .packets
            .iter()
            .map(|p| p.data.len() as u64)
            .sum::<u64>();
        for (kind, octets) in part.secrets.iter().filter(|(_, octets)| !octets.is_empty()) {
            self.secret_octets += octets.len();
            if self.secret_octets <= MOST_SECRETS && self.secrets.len() < MOST_BLOCKS {
                // The whole part would stay with them.
                self.secrets.push((*kind, octets.to_vec().into()));
            }
        }
        self.dissector.add(part, last);
        let flows = self.dissector.traffic().flows.len();
        self.known.resize_with(flows, Known::default);
        if last {
            let is_left = |flow: &usize| self.known[*flow].is_alone || self.is_news(*flow);
            let chosen: Vec<_> = (0..flows).filter(is_left).collect();
            self.look(&chosen, true);
        } else {
            self.dissector.forget_notes();
            self.make_room();
        }
    }

    /// What was learned.
    pub fn finish(self) -> Inspection {
        let traffic = self.dissector.traffic();
        let flows = self.known.into_iter().zip(&traffic.flows);
        let flows = flows.filter_map(|(known, flow)| {
            let mut inspected = known.conclusion?.inspected;
            (inspected.packets, inspected.bytes) = (flow.packets, flow.octets());
            Some(inspected)
        });
        Inspection {
            packets: self.packets,
            bytes: self.bytes,
            flows: flows.collect(),
            others: traffic
                .other_protocols
                .iter()
                .map(others::inspect)
                .collect(),
            failures: self.failures,
        }
    }

    /// Whether there are octets of a flow that were not looked at.
    fn is_news(&self, flow: usize) -> bool {
        let octets = self.dissector.traffic().flows[flow].octets();
        let known = &self.known[flow];
        let conclusion = known.conclusion.as_ref();
        conclusion.is_none_or(|conclusion| octets > conclusion.inspected.bytes)
    }

    /// Looks at the longest flows if all have too many octets, and leaves most out.
    fn make_room(&mut self) {
        let flows = &self.dissector.traffic().flows;
        let mut kept: usize = flows.iter().map(Flow::weight).sum();
        if kept <= self.most {
            return;
        }
        let mut longest: Vec<_> = flows.iter().map(Flow::weight).enumerate().collect();
        longest.sort_unstable_by_key(|(_, octets)| std::cmp::Reverse(*octets));
        // Two ends of two directions.
        let stays = (self.most / 4 / 4 / flows.len()).min(MOST_STAYS);
        let mut chosen = Vec::new();
        for (index, octets) in longest {
            if kept <= self.most / 2 {
                break;
            }
            kept -= octets.saturating_sub(4 * stays);
            chosen.push(index);
        }
        let mut news = chosen.clone();
        news.retain(|flow| self.is_news(*flow));
        self.look(&news, self.bytes >= self.compared * COMPARED_AGAIN);
        for index in chosen {
            if let Some(flow) = self.dissector.flows_mut().get_mut(index) {
                for stream in [&mut flow.from_a, &mut flow.from_b] {
                    // Short parts weigh more than their octets.
                    let share = stays.saturating_mul(stream.bytes.len());
                    stream.leave_out(share / stream.weight().max(1));
                }
            }
        }
    }

    /// Has recognisers look at flows, and plays what they claim.
    fn look(&mut self, chosen: &[usize], compare: bool) {
        let traffic = self.dissector.traffic();
        let scene = Scene::heard(traffic, |flow| !self.known[flow].is_whole);
        let scene = scene.with_secrets(&self.secrets);
        let again = in_parallel(chosen.len(), |number| {
            let index = chosen[number];
            let (flow, known) = (&traffic.flows[index], &self.known[index]);
            let is_known = known.is_whole && flow.octets() < known.octets * ALL_AGAIN;
            let claims = is_known.then(|| recognise::still_whole(&scene, flow));
            claims.flatten().unwrap_or_default()
        });
        let open = chosen.iter().zip(&again);
        let open = open.filter_map(|(index, again)| again.is_empty().then_some(*index));
        let open: Vec<_> = open.collect();
        let again = chosen.iter().copied().zip(again);
        let again = ByFlow::new(
            again.flat_map(|(index, claims)| claims.into_iter().map(move |claim| (index, claim))),
        );
        let mut failures = Vec::new();
        let footage = recognise::footage(&scene, &open, self.decoder, &mut failures);
        let across = match compare {
            true => recognise::across(&scene),
            false => ByFlow::default(),
        };
        let (limits, decoder) = (self.limits, self.decoder);
        let shown: Vec<_> = self.known.iter().map(|known| known.pictures).collect();
        let (known, keep) = (&mut self.known, &mut self.keep);
        let mut failed = Vec::new();
        let look = |number: usize| {
            let index = chosen[number];
            let flow = &traffic.flows[index];
            let mut claims = again.take(index);
            let by_all = claims.is_empty();
            if by_all {
                claims = footage.take(index);
                for recognise in recognise::IN_A_FLOW {
                    claims.extend(recognise(&scene, flow));
                }
            }
            claims.extend(across.take(index));
            let limits = Limits {
                pictures_per_flow: limits.pictures_per_flow.saturating_sub(shown[index]),
            };
            let mut failures = Vec::new();
            let shown = show::show(claims, decoder, limits, &mut failures);
            (conclude(flow, shown), by_all, failures)
        };
        as_made(
            chosen.len(),
            look,
            |number, (mut conclusion, by_all, failures)| {
                let index = chosen[number];
                failed.extend(failures.into_iter().map(|failure| (index, failure)));
                let Some(known) = known.get_mut(index) else {
                    return;
                };
                if by_all {
                    known.octets = conclusion.inspected.bytes;
                }
                known.is_whole = conclusion.is_whole;
                known.is_alone = !compare;
                known.pictures += conclusion.inspected.pictures.len();
                let more = &mut conclusion.inspected;
                more.sounds.truncate(MOST_FILES.saturating_sub(known.files));
                known.files += more.sounds.len();
                more.unplayed
                    .truncate(MOST_FILES.saturating_sub(known.files));
                known.files += more.unplayed.len();
                if let Some(keep) = keep {
                    keep(index, &conclusion.inspected);
                    conclusion.inspected.pictures.clear();
                    conclusion.inspected.unplayed.clear();
                    conclusion.inspected.sounds.clear();
                }
                known.conclusion = Some(match known.conclusion.take() {
                    Some(earlier) => earlier.and_then(conclusion),
                    None => conclusion,
                });
            },
        );
        failed.sort_by_key(|(index, _)| *index);
        failures.extend(failed.into_iter().map(|(_, failure)| failure));
        self.failures.extend(failures);
        if compare {
            self.compared = self.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use lightleak_case::{Interface, Packet};

    use super::*;
    use crate::{
        decoder::Picture,
        inspect::{Label, inspect},
    };

    struct Mute;

    impl Decoder for Mute {
        fn decode(&self, _: &[u8], _: usize) -> Result<Vec<Picture>, DecoderError> {
            Ok(Vec::new())
        }
    }

    const LIMITS: Limits = Limits {
        pictures_per_flow: 1,
    };

    /// A capture of raw IP in which one client sends each of the octets in a datagram.
    fn capture(datagrams: impl IntoIterator<Item = (u8, Vec<u8>)>) -> Capture {
        let packet = |((host, octets), number): ((u8, Vec<u8>), u64)| {
            let length = (8 + octets.len() as u16).to_be_bytes();
            let whole = (28 + octets.len() as u16).to_be_bytes();
            let ip = [
                &[0x45, 0][..],
                &whole,
                &[0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, host, 10, 0, 1, 1],
                &[0x9c, 0x40, 0x13, 0x88],
                &length,
                &[0, 0],
                &octets,
            ];
            let data = ip.concat();
            Packet {
                number,
                interface: 0,
                time_ns: number * 1_000_000,
                original_length: data.len() as u32,
                data: data.into(),
            }
        };
        Capture {
            interfaces: vec![Interface {
                link_type: 101,
                ..Interface::default()
            }],
            packets: datagrams.into_iter().zip(1..).map(packet).collect(),
            ..Capture::default()
        }
    }

    fn noise(seed: u64, length: usize) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let step = |state: &mut u64| {
            *state ^= *state << 13;
            *state ^= *state >> 7;
            *state ^= *state << 17;
            (*state >> 24) as u8
        };
        (0..length).map(|_| step(&mut state)).collect()
    }

    /// MPEG-TS of one stream: in each of seven packets the counter goes on.
    fn transport_stream(number: u64) -> Vec<u8> {
        let packets = (0..7).map(|index| {
            let counter = ((number * 7 + index) % 16) as u8;
            let start = if index == 0 { 0x41 } else { 0x01 };
            let head = [0x47, start, 0x11, 0x10 | counter];
            let begins = [0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1];
            let body = match index {
                0 => [&begins[..], &noise(number, 170)].concat(),
                _ => noise(number * 7 + index, 184),
            };
            [&head[..], &body].concat()
        });
        packets.flatten().collect()
    }

    fn listen(capture: &Capture, most: usize, packets: usize) -> (Inspection, usize) {
        let mut eavesdropper = Eavesdropper::new(&Mute, LIMITS);
        eavesdropper.most = most;
        let mut kept = 0;
        for (part, last) in capture.parts(packets) {
            eavesdropper.add(&part, last);
            let flows = &eavesdropper.dissector.traffic().flows;
            kept = kept.max(flows.iter().map(|flow| flow.kept()).sum());
        }
        (eavesdropper.finish(), kept)
    }

    #[test]
    fn what_leaks_in_the_middle_of_an_endless_flow_is_heard_in_little_memory() {
        let datagrams = (0..3000).map(|number| match number {
            1400..1600 => (1, transport_stream(number)),
            _ => (1, noise(number, 1000)),
        });
        let capture = capture(datagrams);
        let (found, kept) = listen(&capture, 400_000, 50);
        let [flow] = &found.flows[..] else {
            panic!("{:?}", found.flows);
        };
        assert_eq!((flow.label, flow.packets), (Label::Leak, 3000), "{flow:?}");
        assert!(flow.kind.contains("ts"), "{}", flow.kind);
        let octets: usize = capture.packets.iter().map(|p| p.data.len() - 28).sum();
        assert_eq!(flow.bytes, octets as u64);
        assert!(kept < 500_000, "{kept}");
    }

    /// RTP of one source, about which nothing else is known.
    fn rtp(number: u64) -> Vec<u8> {
        let mut packet = vec![0x80, 96];
        packet.extend((number as u16).to_be_bytes());
        packet.extend((number as u32 * 3000).to_be_bytes());
        packet.extend(7_u32.to_be_bytes());
        packet.extend(noise(number, 1000 + number as usize % 37));
        packet
    }

    #[test]
    fn a_flow_that_is_known_whole_is_looked_at_by_all_when_it_changes() {
        let datagrams = |leaks: bool| {
            (0..3000).map(move |number| match number {
                1550..1580 if leaks => (1, transport_stream(number)),
                _ => (1, rtp(number)),
            })
        };
        for (leaks, label, kind) in [
            (false, Label::Undetermined, "srtp?"),
            (true, Label::Leak, "ts"),
        ] {
            let (found, _) = listen(&capture(datagrams(leaks)), 400_000, 50);
            let flow = &found.flows[0];
            assert_eq!(flow.label, label, "{flow:?}");
            assert!(flow.kind.contains(kind), "{}", flow.kind);
        }
    }

    #[test]
    fn short_flows_stay_whole_beside_a_long_one() {
        let datagrams = (0..3000).map(|number| match number % 10 {
            0 => (2 + (number / 10 % 4) as u8, transport_stream(number / 40)),
            _ => (1, noise(number, 1200)),
        });
        let capture = capture(datagrams);
        let (found, _) = listen(&capture, 600_000, 100);
        let whole = inspect(&capture, &Mute, LIMITS);
        let labels = |found: &Inspection| {
            let flows = found.flows.iter();
            let told = flows.map(|flow| (flow.a, flow.label, flow.kind.clone(), flow.bytes));
            told.collect::<Vec<_>>()
        };
        assert_eq!(labels(&found), labels(&whole));
        assert_eq!(found.flows.len(), 5);
        assert_eq!(found.flows[0].label, Label::Leak);
    }

    #[test]
    fn more_flows_than_there_is_room_for_are_all_told() {
        let datagrams =
            (0..250).flat_map(|host| (0..8).map(move |number| (host, noise(number, 900))));
        let (found, kept) = listen(&capture(datagrams), 100_000, 20);
        assert_eq!(found.flows.len(), 250);
        assert!(
            found
                .flows
                .iter()
                .all(|flow| flow.packets == 8 && flow.bytes == 7200)
        );
        assert!(kept < 150_000, "{kept}");
    }
}
