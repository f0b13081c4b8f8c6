//! SFR-16: what a server sends again, too late or in clear is not played.

use std::collections::BTreeMap;

use lightleak_case::{Track, Vantage};

use super::super::{evidence_at, unless};
use crate::{
    dissect::{
        Span,
        h264::{self, START_CODE},
    },
    open::sframe::Header,
    seen::{SOUND_TRACK, Seen},
    sframed::{Frame, Sframed},
    verdict::{Assurance, Evidence, Outcome},
};

/// How long frames of an epoch may be opened still after the first of the next,
/// in nanoseconds: what was on its way arrives.
const GRACE: u64 = 2_000_000_000;
/// Pieces of evidence that are kept.
const MOST: usize = 16;

pub(super) fn each_once(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let arrivals = Arrivals::of(seen);
    if let Err(lacks) = arrivals.tempts() {
        return Outcome::Inconclusive(lacks);
    }
    let tracks = &seen.session.played.tracks;
    if tracks.values().all(|track| track.units.is_empty()) {
        return Outcome::Inconclusive("nobody recorded what viewers played".into());
    }
    let (mut found, mut units, mut disordered) = (Vec::new(), 0, None);
    for (name, played) in tracks {
        let kind = ledger_name(name);
        let Some(produced) = seen.session.ledger.tracks.get(kind) else {
            return Outcome::Inconclusive(format!("the ledger has no track {kind}"));
        };
        let screen = Screen {
            seen,
            arrivals: &arrivals,
            name,
            is_sound: kind == SOUND_TRACK,
        };
        units += played.units.len();
        disordered = disordered.or(screen.look(played, produced, &mut found));
    }
    unless(found, || match disordered {
        Some(why) => Outcome::Inconclusive(why),
        None => Outcome::Pass(
            Assurance::Opened,
            format!(
                "{} frames came again, {} after the end of their epoch and {} access units in clear; {units} units were played, each of the ledger and once",
                arrivals.again,
                arrivals.late,
                arrivals.clear.len()
            ),
        ),
    })
}

/// The track of the ledger that a viewer's is one of: a hyphen and a number tell
/// viewers apart.
fn ledger_name(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((kind, number)) if number.bytes().all(|b| b.is_ascii_digit()) => kind,
        _ => name,
    }
}

/// Access units as we write them; packets of sound as they are.
fn normal(octets: &[u8], is_sound: bool) -> Vec<u8> {
    if is_sound {
        return octets.to_vec();
    }
    let nals = h264::nal_units(octets);
    let nals = nals.map(|nal| [&START_CODE[..], nal.octets(octets)].concat());
    nals.flatten().collect()
}

/// What came to viewers from a server, where the protection of the hop is off.
struct Arrivals<'a> {
    vantage: Vantage,
    /// Frames that were opened, by what is in them, in the order in which they came;
    /// with whether their epoch had ended then.
    opened: BTreeMap<Vec<u8>, Vec<(&'a Frame, bool)>>,
    /// Access units in clear.
    clear: Vec<(Span, Vec<u8>)>,
    /// How many frames came again as something new.
    again: usize,
    /// How many came for the first time after their epoch.
    late: usize,
}

impl<'a> Arrivals<'a> {
    /// As a viewer holds it, or what of the wire was opened.
    fn of(seen: &'a Seen<'_>) -> Self {
        let at = |vantage| {
            let all = seen
                .sframed
                .iter()
                .filter(move |s| s.sender.vantage == vantage);
            all.filter(|sframed| from_server(seen, sframed))
        };
        let vantage = match at(Vantage::Peer).next() {
            Some(_) => Vantage::Peer,
            None => Vantage::Wire,
        };
        let mut arrivals = Self {
            vantage,
            opened: BTreeMap::new(),
            clear: Vec::new(),
            again: 0,
            late: 0,
        };
        for sframed in at(vantage) {
            arrivals.take(seen, sframed);
        }
        arrivals
    }

    fn take(&mut self, seen: &Seen<'_>, sframed: &'a Sframed) {
        self.clear.extend(
            sframed
                .clear
                .iter()
                .map(|(span, octets)| (*span, normal(octets, false))),
        );
        let time = |frame: &Frame| seen.time_at(self.vantage, frame.span.packet);
        let headers = sframed.frames.iter();
        let headers = headers.filter_map(|frame| Some((frame, Header::read(&frame.octets)?)));
        // When the epoch after that of a KID began.
        let (mut ends, mut last): (BTreeMap<u64, u64>, Option<u64>) = (BTreeMap::new(), None);
        let mut here: BTreeMap<(u64, u64), &Frame> = BTreeMap::new();
        let (mut again, mut late) = (0, 0);
        for (frame, header) in headers {
            let now = time(frame).unwrap_or_default();
            if last != Some(header.kid) && !here.keys().any(|(kid, _)| *kid == header.kid) {
                if let Some(before) = last {
                    ends.entry(before).or_insert(now.saturating_add(GRACE));
                }
                last = Some(header.kid);
            }
            let is_late = ends.get(&header.kid).is_some_and(|end| now > *end);
            match here.get(&(header.kid, header.ctr)) {
                // What is sent again as it was has the same time stamp.
                Some(first) => {
                    let is_new = frame.rtp_time != first.rtp_time;
                    again += usize::from(is_new && frame.octets == first.octets);
                }
                None => {
                    late += usize::from(is_late);
                    here.insert((header.kid, header.ctr), frame);
                }
            }
            if let Ok(opened) = &frame.opened {
                let plaintext = normal(&opened.plaintext, sframed.sound);
                let frames = self.opened.entry(plaintext).or_default();
                frames.push((frame, is_late));
            }
        }
        self.again += again;
        self.late += late;
    }

    /// Whether a viewer could do wrong at all, or what there was none of.
    fn tempts(&self) -> Result<(), String> {
        let none = |what: &str| Err(format!("{what} came to a viewer"));
        match (self.again, self.late, self.clear.len()) {
            _ if self.opened.is_empty() => none("no frame of SFrame that opens"),
            (0, ..) => none("no frame that was there before"),
            (_, 0, _) => none("no frame of an epoch that had ended"),
            (.., 0) => none("no access unit in clear"),
            _ => Ok(()),
        }
    }
}

/// What one viewer played of one track.
struct Screen<'a, 'b> {
    seen: &'a Seen<'b>,
    arrivals: &'a Arrivals<'a>,
    name: &'a str,
    is_sound: bool,
}

impl Screen<'_, '_> {
    /// Compares it with what the device produced. Why it is not known whether it is
    /// right, if something came later than it should and nothing else is wrong.
    fn look(&self, played: &Track, produced: &Track, found: &mut Vec<Evidence>) -> Option<String> {
        let mut places: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (index, octets) in units(produced).enumerate() {
            let octets = normal(octets, self.is_sound);
            places.entry(octets).or_default().push(index);
        }
        let mut times: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        let (mut latest, mut disordered) = (None, None);
        for (number, octets) in units(played).enumerate() {
            let octets = normal(octets, self.is_sound);
            let Some(places) = places.get(&octets) else {
                let at = self
                    .arrivals
                    .clear
                    .iter()
                    .find(|(_, clear)| *clear == octets);
                let why = match at {
                    Some(_) => "is in clear, and is none of the device",
                    None => "is none of the device",
                };
                self.note(found, (played, number), at.map(|(span, _)| *span), why);
                continue;
            };
            let time = times.entry(octets.clone()).or_default();
            *time += 1;
            let arrived = self.arrivals.opened.get(&octets);
            if *time > places.len() {
                let again = arrived.and_then(|frames| frames.get(*time - 1).or(frames.last()));
                let at = again.map(|(frame, _)| frame.span);
                self.note(found, (played, number), at, "was played before");
                continue;
            }
            if self.is_sound {
                continue;
            }
            let next = places.iter().find(|place| Some(**place) > latest);
            if let Some(next) = next {
                latest = Some(*next);
                continue;
            }
            let mut frames = arrived.into_iter().flatten();
            match frames.find(|(_, is_late)| *is_late) {
                Some((frame, _)) => {
                    let why = "is of an epoch that had ended";
                    self.note(found, (played, number), Some(frame.span), why);
                }
                None => {
                    disordered = disordered.or(Some(format!(
                        "unit {number} of {} was played after one that the device produced later",
                        self.name
                    )));
                }
            }
        }
        disordered
    }

    /// Notes a unit of a track by its number, and where it came, or lies.
    fn note(
        &self,
        found: &mut Vec<Evidence>,
        (played, number): (&Track, usize),
        at: Option<Span>,
        why: &str,
    ) {
        if found.len() >= MOST {
            return;
        }
        let name = self.name;
        found.push(match at {
            Some(span) => {
                let why = format!(
                    "what came in packet {} and was played as unit {number} of {name} {why}",
                    span.packet
                );
                evidence_at(self.seen, (self.arrivals.vantage, None, span), why)
            }
            None => {
                let unit = played.units.get(number);
                Evidence {
                    capture: format!("{}/played/{name}.bin", self.seen.session.folder),
                    offset: unit.map_or(0, |unit| unit.offset),
                    length: unit.map_or(0, |unit| unit.length),
                    why: format!("what was played as unit {number} of {name} {why}"),
                    ..Evidence::default()
                }
            }
        });
    }
}

/// The octets of the units of a track.
fn units(track: &Track) -> impl Iterator<Item = &[u8]> {
    track.units.iter().map(|unit| {
        let octets = track.bytes.get(unit.offset..).unwrap_or_default();
        octets.get(..unit.length).unwrap_or_default()
    })
}

/// Whether it was sent by a server, not by the device itself nor by a viewer.
fn from_server(seen: &Seen<'_>, sframed: &Sframed) -> bool {
    let traffic = match sframed.sender.vantage {
        Vantage::Wire => Some(&seen.traffic),
        held => seen.held.get(&held),
    };
    let flow = traffic.and_then(|traffic| traffic.flows.get(sframed.sender.flow));
    flow.is_some_and(|flow| {
        let from = match sframed.sender.from_a {
            true => flow.a.ip(),
            false => flow.b.ip(),
        };
        seen.declaration.serves_at(from) && !seen.is_itself(from)
    })
}
