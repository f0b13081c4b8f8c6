//! What reports for people show beside the findings: the octets that evidence points
//! to, what was done in a session, and when it sent how much. None of it is in
//! `report.json`, and no verdict looks at it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    ops::Range,
};

use lightleak_case::{Case, TransportProtocol, Vantage};

use super::Finding;
use crate::{
    attribution::{Attribution, Class, Painting, paint_file},
    dissect::Traffic,
    seen::Seen,
    verdict::Evidence,
};

/// How much of the evidence of a finding is shown with its octets.
pub const SHOWN: usize = 3;

/// Octets of an excerpt at the most.
pub const LONGEST: usize = 192;

/// Octets before the evidence.
const BEFORE: usize = 32;

/// Octets in a line of a dump.
const LINE: usize = 16;

/// Parts into which the time of a session is cut.
pub const PARTS: usize = 120;

/// What there is to show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exhibits {
    /// Octets that evidence points to.
    pub excerpts: BTreeMap<Place, Excerpt>,
    /// When which session sent how much, by session and vantage.
    pub time_lines: BTreeMap<(usize, Vantage), TimeLine>,
    /// What the client says that it did, by session, a line each.
    pub steps: BTreeMap<usize, Vec<String>>,
}

/// Where evidence points to: capture, frame, offset and length.
pub type Place = (String, u64, usize, usize);

/// Octets of a frame or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Offset of the first in the frame or the file.
    pub start: usize,
    /// The octets.
    pub octets: Vec<u8>,
    /// How many the frame or the file has.
    pub whole: usize,
    /// What they are, by ranges of the frame or the file, as far as that is known.
    pub classes: Vec<(Range<usize>, Class)>,
    /// When it was captured, nanoseconds since 1970.
    pub time_ns: Option<u64>,
    /// Who sent it to whom.
    pub flow: Option<(TransportProtocol, SocketAddr, SocketAddr)>,
}

impl Excerpt {
    /// What the octet at that offset of the frame or the file is.
    pub fn class(&self, at: usize) -> Option<Class> {
        let mut classes = self.classes.iter();
        let (_, class) = classes.find(|(range, _)| range.contains(&at))?;
        Some(*class)
    }
}

/// Octets on the wire over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeLine {
    /// When the first packet was captured, nanoseconds since 1970.
    pub start_ns: u64,
    /// When the last one was.
    pub end_ns: u64,
    /// Octets that the device, or who serves for it, sent in each part of the time.
    pub sent: Vec<u64>,
    /// Octets that anybody else sent.
    pub others: Vec<u64>,
}

impl TimeLine {
    /// In which part of the time that was.
    pub fn part(&self, time_ns: u64) -> usize {
        let span = u128::from(self.end_ns.saturating_sub(self.start_ns)).max(1);
        let into = u128::from(time_ns.saturating_sub(self.start_ns));
        usize::try_from(into * PARTS as u128 / span).map_or(PARTS - 1, |part| part.min(PARTS - 1))
    }
}

impl Exhibits {
    pub(super) fn of(session: usize, case: &Case, seen: &Seen<'_>, findings: &[Finding]) -> Self {
        let mut exhibits = Self::default();
        let steps = &seen.session.record.experience.steps;
        exhibits.steps.insert(session, steps.clone());
        for vantage in Vantage::CAPTURED {
            if let Some(line) = time_line(seen, *vantage) {
                exhibits.time_lines.insert((session, *vantage), line);
            }
        }
        let evidence = findings.iter().flat_map(|f| f.evidence.iter().take(SHOWN));
        let evidence: BTreeMap<Place, &Evidence> = evidence
            .map(|evidence| (place(evidence), evidence))
            .collect();
        let paintings: BTreeMap<Vantage, Painting> = Vantage::CAPTURED
            .iter()
            .map(|vantage| {
                let capture = format!("{}/{}", seen.session.folder, vantage.file());
                let here = evidence.keys().filter(|(file, ..)| *file == capture);
                (*vantage, here.map(|(_, packet, ..)| *packet).collect())
            })
            .filter(|(_, packets): &(_, BTreeSet<u64>)| !packets.is_empty())
            .map(|(vantage, packets)| (vantage, Attribution::paint(seen, vantage, packets)))
            .collect();
        for (place, evidence) in evidence {
            if let Some(excerpt) = excerpt(case, seen, evidence, &paintings) {
                exhibits.excerpts.insert(place, excerpt);
            }
        }
        exhibits
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.excerpts.extend(other.excerpts);
        self.time_lines.extend(other.time_lines);
        self.steps.extend(other.steps);
    }

    /// The octets that this evidence points to, if they were kept.
    pub fn excerpt(&self, evidence: &Evidence) -> Option<&Excerpt> {
        self.excerpts.get(&place(evidence))
    }
}

fn place(evidence: &Evidence) -> Place {
    let Evidence {
        capture,
        packet,
        offset,
        length,
        ..
    } = evidence;
    (capture.clone(), *packet, *offset, *length)
}

/// Evidence may lie in another session than the one that is judged.
fn excerpt(
    case: &Case,
    seen: &Seen<'_>,
    evidence: &Evidence,
    paintings: &BTreeMap<Vantage, Painting>,
) -> Option<Excerpt> {
    let mut sessions = case.sessions.iter();
    let (session, file) = sessions.find_map(|session| {
        let file = evidence.capture.strip_prefix(session.folder.as_str())?;
        Some((session, file.strip_prefix('/')?))
    })?;
    let own = session.folder == seen.session.folder;
    let captured = Vantage::CAPTURED.iter().find(|v| v.file() == file);
    if let Some(vantage) = captured {
        let packets = &session.captures.get(vantage)?.packets;
        let index = packets
            .binary_search_by_key(&evidence.packet, |packet| packet.number)
            .ok()?;
        let packet = &packets[index];
        let traffic = match vantage {
            Vantage::Wire => Some(&seen.traffic),
            vantage => seen.held.get(vantage),
        };
        let painting = paintings.get(vantage).filter(|_| own);
        let classes = painting.and_then(|painting| painting.get(&packet.number));
        return Some(Excerpt {
            classes: classes.cloned().unwrap_or_default(),
            time_ns: Some(packet.time_ns),
            flow: traffic.filter(|_| own).and_then(|t| flow(t, index)),
            ..cut(&packet.data, evidence)
        });
    }
    if file == Vantage::Log.file() {
        return Some(cut(session.log.as_bytes(), evidence));
    }
    let name = file.strip_prefix(Vantage::Rest.file())?.strip_prefix('/')?;
    let octets = session.rest.as_ref()?.get(name)?;
    let stored = seen.stored.iter().find(|stored| own && stored.name == name);
    Some(Excerpt {
        classes: stored.map(paint_file).unwrap_or_default(),
        ..cut(octets, evidence)
    })
}

/// Who sent the packet with that index to whom.
fn flow(traffic: &Traffic, index: usize) -> Option<(TransportProtocol, SocketAddr, SocketAddr)> {
    let carried = traffic.carried.get(index).copied().flatten()?;
    let ends = [(carried.from, carried.to), (carried.to, carried.from)];
    let mut flows = traffic.flows.iter();
    let flow = flows.find(|flow| ends.contains(&(flow.a, flow.b)))?;
    Some((flow.transport, carried.from, carried.to))
}

/// The evidence and what is around it, in whole lines of a dump.
fn cut(octets: &[u8], evidence: &Evidence) -> Excerpt {
    let offset = evidence.offset.min(octets.len());
    let start = offset.saturating_sub(BEFORE) / LINE * LINE;
    let end = octets.len().min(start + LONGEST);
    Excerpt {
        start,
        octets: octets[start..end].to_vec(),
        whole: octets.len(),
        classes: Vec::new(),
        time_ns: None,
        flow: None,
    }
}

fn time_line(seen: &Seen<'_>, vantage: Vantage) -> Option<TimeLine> {
    let packets = &seen.session.captures.get(&vantage)?.packets;
    let times = packets.iter().map(|packet| packet.time_ns);
    let mut line = TimeLine {
        start_ns: times.clone().min()?,
        end_ns: times.max()?,
        sent: vec![0; PARTS],
        others: vec![0; PARTS],
    };
    let traffic = match vantage {
        Vantage::Wire => &seen.traffic,
        vantage => seen.held.get(&vantage)?,
    };
    for (index, packet) in packets.iter().enumerate() {
        let carried = traffic.carried.get(index).copied().flatten();
        let sent = carried.is_some_and(|carried| seen.is_device(carried.from.ip()));
        let part = line.part(packet.time_ns);
        let octets = packet.data.len() as u64;
        match sent {
            true => line.sent[part] += octets,
            false => line.others[part] += octets,
        }
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_begin_with_a_line_and_stay_within() {
        let octets: Vec<u8> = (0..=255).collect();
        let at = |offset| Evidence {
            offset,
            ..Evidence::default()
        };
        let excerpt = cut(&octets, &at(0));
        assert_eq!((excerpt.start, excerpt.octets.len()), (0, LONGEST));
        let excerpt = cut(&octets, &at(250));
        assert_eq!((excerpt.start, excerpt.octets.len()), (208, 48));
        let excerpt = cut(&octets, &at(9_999));
        assert_eq!((excerpt.start, excerpt.octets.len()), (224, 32));
        assert!(cut(&[], &at(7)).octets.is_empty());
    }

    #[test]
    fn every_time_has_its_part() {
        let line = TimeLine {
            start_ns: 1_000,
            end_ns: 3_000,
            sent: Vec::new(),
            others: Vec::new(),
        };
        let parts = [0, 1_000, 2_000, 3_000, u64::MAX].map(|time| line.part(time));
        assert_eq!(parts, [0, 0, PARTS / 2, PARTS - 1, PARTS - 1]);
        let moment = TimeLine {
            end_ns: 1_000,
            ..line
        };
        assert_eq!(moment.part(1_000), 0);
    }
}
