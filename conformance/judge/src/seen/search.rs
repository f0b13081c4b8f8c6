//! Known plaintext, searched in everything in which it could be.

use std::{collections::BTreeMap, ops::Range};

use lightleak_case::{Ledger, Vantage};

use super::Sighting;
use crate::{
    adversary::{
        cryptanalyst::coverage::{self, Coverage},
        known_plaintext::Index,
    },
    dissect::{Span, Traffic},
    stored::{Content, Stored},
};

/// How many hits and pictures of a session are kept as evidence.
const MOST_HITS: usize = 16;

/// Octets of the headers of Ethernet, IPv4 and TCP with few options.
const LARGEST_HEADERS: usize = 66;

/// Everything in which plaintext could be.
pub(super) struct Haystacks<'a> {
    pub traffic: &'a Traffic,
    pub capture: Option<&'a lightleak_case::Capture>,
    pub stored: &'a [Stored<'a>],
    pub log: &'a str,
}

impl Haystacks<'_> {
    /// Reassembled streams first; then packet by packet, for what reassembly
    /// leaves out (link layers that nobody knows, overlapping segments).
    pub fn search(&self, index: &Index) -> Vec<Sighting> {
        let mut found = Vec::new();
        for (index_of_flow, flow) in self.traffic.flows.iter().enumerate() {
            for (from, to, stream) in [
                (flow.a, flow.b, &flow.from_a),
                (flow.b, flow.a, &flow.from_b),
            ] {
                if stream.bytes.is_empty() {
                    continue;
                }
                for hit in index.search(&stream.bytes, MOST_HITS - found.len().min(MOST_HITS)) {
                    if let Some(span) = stream.span(hit.at, hit.length) {
                        found.push(Sighting {
                            hit,
                            vantage: Vantage::Wire,
                            file: None,
                            span,
                            flow: Some(index_of_flow),
                            between: format!("{} {from} to {to}", flow.transport),
                        });
                    }
                }
            }
        }
        if found.is_empty() {
            let packets = self.capture.iter().flat_map(|c| &c.packets);
            for (packet, carried) in packets.zip(&self.traffic.carried) {
                // No disguise fits into the headers of an empty segment.
                let empty = carried.is_some_and(|c| c.payload == 0);
                let hits = match empty && packet.data.len() <= LARGEST_HEADERS {
                    true => index.search_raw(&packet.data, 1),
                    false => index.search(&packet.data, 1),
                };
                for hit in hits {
                    let span = Span {
                        packet: packet.number,
                        offset: hit.at,
                        length: hit.length,
                    };
                    found.push(Sighting {
                        hit,
                        vantage: Vantage::Wire,
                        file: None,
                        span,
                        flow: None,
                        between: "in a packet by itself".into(),
                    });
                }
            }
        }
        found.truncate(MOST_HITS);
        for file in self.stored {
            if !matches!(file.content, Content::Factory) {
                let name = Some(file.name.to_owned());
                found.extend(self.octets(index, Vantage::Rest, name, file.octets));
            }
        }
        found.extend(self.octets(index, Vantage::Log, None, self.log.as_bytes()));
        found
    }

    /// What is clear of the track that is most so, at each vantage at which
    /// something was seen.
    pub fn coverage(
        &self,
        index: &Index,
        ledger: &Ledger,
        sightings: &[Sighting],
    ) -> BTreeMap<Vantage, Coverage> {
        let mut found = BTreeMap::new();
        for vantage in [Vantage::Wire, Vantage::Rest] {
            if !sightings.iter().any(|s| s.vantage == vantage) {
                continue;
            }
            let octets: Vec<&[u8]> = match vantage {
                Vantage::Wire => {
                    let flows = self.traffic.flows.iter();
                    let streams = flows.flat_map(|f| [&f.from_a, &f.from_b]);
                    streams.map(|s| &s.bytes[..]).collect()
                }
                _ => self.stored.iter().map(|file| file.octets).collect(),
            };
            let mut clear: BTreeMap<String, Vec<Range<usize>>> = BTreeMap::new();
            for octets in octets {
                for hit in index.search_raw(octets, usize::MAX) {
                    let range = hit.ledger_offset..hit.ledger_offset + hit.matched;
                    clear.entry(hit.track).or_default().push(range);
                }
            }
            let covered = clear.iter().filter_map(|(name, ranges)| {
                Some(coverage::coverage(ledger.tracks.get(name)?, ranges))
            });
            found.extend(covered.max_by_key(|c| c.clear).map(|c| (vantage, c)));
        }
        found
    }

    /// Hits in a stored file or the log.
    fn octets(
        &self,
        index: &Index,
        vantage: Vantage,
        file: Option<String>,
        octets: &[u8],
    ) -> impl Iterator<Item = Sighting> {
        let between = match &file {
            Some(name) => format!("in {name}"),
            None => "in the log".into(),
        };
        let hits = index.search(octets, MOST_HITS).into_iter();
        hits.map(move |hit| Sighting {
            vantage,
            file: file.clone(),
            span: Span {
                packet: 0,
                offset: hit.at,
                length: hit.length,
            },
            hit,
            flow: None,
            between: between.clone(),
        })
    }
}
