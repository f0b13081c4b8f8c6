//! Captures of any size, in bounded memory.
//!
//! Of every flow the octets are kept until all flows together have too many. Then the
//! longest ones are looked at, and of them only the beginning and the end stay, as if
//! what lies between had not been captured.

use std::sync::{Mutex, PoisonError};

use lightleak_case::{Capture, Octets, SecretsType};

use crate::{
    decoder::{Decoder, DecoderError},
    dissect::Dissector,
    parallel::as_made,
};

use super::{
    Claim, Inspected, Inspection, Limits, Scene,
    conclusion::{Conclusion, conclude},
    others, recognise, show,
};

/// Octets of payload that are kept of all flows together.
const KEPT: usize = 64 << 20;
/// Octets of secrets that are kept.
const MOST_SECRETS: usize = 16 << 20;
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
    known: Vec<Known>,
    packets: u64,
    bytes: u64,
    failures: Vec<DecoderError>,
}

/// What is known of a flow.
#[derive(Default)]
struct Known {
    conclusion: Option<Conclusion>,
    /// How many of its octets were looked at.
    octets: u64,
    /// Pictures that were shown.
    pictures: usize,
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
            known: Vec::new(),
            packets: 0,
            bytes: 0,
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
        for (kind, octets) in &part.secrets {
            let known: usize = self.secrets.iter().map(|(_, octets)| octets.len()).sum();
            if known + octets.len() <= MOST_SECRETS {
                // The whole part would stay with them.
                self.secrets.push((*kind, octets.to_vec().into()));
            }
        }
        self.dissector.add(part, last);
        let flows = self.dissector.traffic().flows.len();
        self.known.resize_with(flows, Known::default);
        if last {
            let is_new = |index: &usize| {
                let known = &self.known[*index];
                known.conclusion.is_none() || self.octets(*index) > known.octets
            };
            let chosen: Vec<_> = (0..flows).filter(is_new).collect();
            self.look(&chosen);
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

    fn octets(&self, flow: usize) -> u64 {
        let flow = self.dissector.traffic().flows.get(flow);
        flow.map_or(0, |flow| flow.octets())
    }

    /// Looks at the longest flows if all have too many octets, and leaves most out.
    fn make_room(&mut self) {
        let flows = &self.dissector.traffic().flows;
        let mut kept: usize = flows.iter().map(|flow| flow.kept()).sum();
        if kept <= self.most {
            return;
        }
        let mut longest: Vec<_> = flows.iter().map(|flow| flow.kept()).enumerate().collect();
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
        news.retain(|index| self.octets(*index) > self.known[*index].octets);
        self.look(&news);
        for index in chosen {
            if let Some(flow) = self.dissector.flows_mut().get_mut(index) {
                flow.from_a.leave_out(stays);
                flow.from_b.leave_out(stays);
            }
        }
    }

    /// Has recognisers look at flows, and plays what they claim.
    fn look(&mut self, chosen: &[usize]) {
        let traffic = self.dissector.traffic();
        let scene = Scene::new(traffic).with_secrets(&self.secrets);
        let mut failures = Vec::new();
        let footage = recognise::footage(&scene, chosen, self.decoder, &mut failures);
        let mut claims: Vec<[Vec<Claim>; 2]> = Vec::new();
        claims.resize_with(traffic.flows.len(), Default::default);
        for (flow, claim) in footage {
            if let Some([first, _]) = claims.get_mut(flow) {
                first.push(claim);
            }
        }
        for recognise in recognise::ACROSS_FLOWS {
            for (flow, claim) in recognise(&scene) {
                if let Some([_, across]) = claims.get_mut(flow) {
                    across.push(claim);
                }
            }
        }
        let claims: Vec<_> = claims.into_iter().map(Mutex::new).collect();
        let (limits, decoder) = (self.limits, self.decoder);
        let shown: Vec<_> = self.known.iter().map(|known| known.pictures).collect();
        let (known, keep) = (&mut self.known, &mut self.keep);
        let mut failed = Vec::new();
        let look = |number: usize| {
            let index = chosen[number];
            let flow = &traffic.flows[index];
            let mut claims = claims[index].lock().unwrap_or_else(PoisonError::into_inner);
            let [mut claims, across] = std::mem::take(&mut *claims);
            for recognise in recognise::IN_A_FLOW {
                claims.extend(recognise(&scene, flow));
            }
            claims.extend(across);
            let limits = Limits {
                pictures_per_flow: limits.pictures_per_flow.saturating_sub(shown[index]),
            };
            let mut failures = Vec::new();
            let shown = show::show(claims, decoder, limits, &mut failures);
            (conclude(flow, shown), failures)
        };
        as_made(chosen.len(), look, |number, (mut conclusion, failures)| {
            let index = chosen[number];
            failed.extend(failures.into_iter().map(|failure| (index, failure)));
            let Some(known) = known.get_mut(index) else {
                return;
            };
            known.octets = conclusion.inspected.bytes;
            known.pictures += conclusion.inspected.pictures.len();
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
        });
        failed.sort_by_key(|(index, _)| *index);
        failures.extend(failed.into_iter().map(|(_, failure)| failure));
        self.failures.extend(failures);
    }
}
