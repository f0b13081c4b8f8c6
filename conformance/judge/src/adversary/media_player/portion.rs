//! Cuts a stream into portions that are worth decoding.
//!
//! Ciphertext has the form of an H.264 unit once in about twenty times, so what
//! counts is a run of units one after the other. Where that is found, portions
//! begin at key frames.

use std::{collections::BTreeMap, ops::Range};

use crate::dissect::h264::{
    IDR_SLICE, PPS, SLICE, SPS, START_CODE, Sps, is_plausible, nal_unit_type, nal_units, parse_pps,
    parse_slice_header, parse_sps,
};

/// Packets or NAL units that a run needs to be more than chance.
const MIN_EVIDENCE: usize = 3;
/// Octets of a portion.
const MAX_OCTETS: usize = 8 * 1024 * 1024;

/// An access unit, or a part of one.
pub(super) struct Unit {
    /// Annex B.
    pub annex_b: Vec<u8>,
    /// Where it begins in its stream.
    pub at: usize,
    form: Form,
}

enum Form {
    /// Every NAL unit of it is plausible.
    Plausible {
        /// Packets or NAL units that speak for it.
        evidence: usize,
        /// Slices.
        slices: usize,
        /// Slices that begin a picture.
        pictures: usize,
        /// Whether a slice of it begins an IDR picture.
        key: bool,
    },
    /// It was not captured completely, which says nothing.
    Missing,
    /// It is something else.
    Foreign,
}

/// What a decoder is given at once.
pub(super) struct Portion {
    /// Annex B.
    pub annex_b: Vec<u8>,
    /// Where it begins in its stream.
    pub at: usize,
    /// Parameter sets of the stream itself that go before, Annex B. Empty if
    /// the portion brings its own; `None` if the stream has none.
    pub own_sets: Option<Vec<u8>>,
}

impl Unit {
    /// A unit that `packets` packets carried.
    pub fn new(annex_b: Vec<u8>, at: usize, packets: usize) -> Self {
        let (mut nals, mut slices, mut pictures, mut key) = (0, 0, 0, false);
        let mut plausible = true;
        for nal in nal_units(&annex_b) {
            let octets = nal.octets(&annex_b);
            plausible &= is_plausible(octets);
            nals += usize::from(matches!(
                nal_unit_type(octets),
                SLICE | IDR_SLICE | SPS | PPS
            ));
            if let Some(header) = parse_slice_header(octets) {
                slices += 1;
                pictures += usize::from(header.first_mb == 0);
                key |= nal_unit_type(octets) == IDR_SLICE && header.first_mb == 0;
            }
        }
        if !plausible || annex_b.is_empty() {
            return Self::foreign(at);
        }
        let evidence = if nals == 0 { 0 } else { packets.max(nals) };
        let form = Form::Plausible {
            evidence,
            slices,
            pictures,
            key,
        };
        Self { annex_b, at, form }
    }

    /// A unit of which too little was captured.
    pub fn missing(at: usize) -> Self {
        let form = Form::Missing;
        Self {
            annex_b: Vec::new(),
            at,
            form,
        }
    }

    /// Something that is no H.264.
    pub fn foreign(at: usize) -> Self {
        let form = Form::Foreign;
        Self {
            annex_b: Vec::new(),
            at,
            form,
        }
    }

    /// How many packets or NAL units speak for it.
    pub fn evidence(&self) -> usize {
        match self.form {
            Form::Plausible { evidence, .. } => evidence,
            _ => 0,
        }
    }

    /// Whether it is no H.264.
    pub fn is_foreign(&self) -> bool {
        matches!(self.form, Form::Foreign)
    }

    fn slices(&self) -> usize {
        match self.form {
            Form::Plausible { slices, .. } => slices,
            _ => 0,
        }
    }

    fn pictures(&self) -> usize {
        match self.form {
            Form::Plausible { pictures, .. } => pictures,
            _ => 0,
        }
    }

    fn is_key(&self) -> bool {
        matches!(self.form, Form::Plausible { key: true, .. })
    }

    fn parameter_sets(&self) -> impl Iterator<Item = &[u8]> {
        nal_units(&self.annex_b)
            .map(|nal| nal.octets(&self.annex_b))
            .filter(|nal| matches!(nal_unit_type(nal), SPS | PPS))
    }
}

/// Whether a run of units looks like H.264.
pub(super) fn is_worth_decoding(units: &[Unit]) -> bool {
    !runs(units).is_empty()
}

/// The largest picture, in luma samples, that parameter sets of the stream
/// announce.
pub(super) fn largest_picture(units: &[Unit]) -> Option<usize> {
    runs(units)
        .into_iter()
        .flat_map(|run| &units[run])
        .flat_map(Unit::parameter_sets)
        .filter_map(parse_sps)
        .map(|sps: Sps| sps.width * sps.height)
        .max()
}

/// Portions of at most `pictures` pictures each, in order, and no more than
/// `limit`. Each begins at a key frame, or where the stream was joined if a run
/// has none. Of a group of pictures that is too large, the beginning is taken.
pub(super) fn portions(units: &[Unit], pictures: usize, limit: usize) -> Vec<Portion> {
    let runs = runs(units);
    let mut known = ParameterSets::default();
    // What comes too late for the first portion still belongs to the stream.
    let mut all = ParameterSets::default();
    for unit in runs.iter().flat_map(|run| &units[run.clone()]) {
        all.learn(unit);
    }
    let mut portions = Vec::new();
    for run in runs {
        let run = &units[run];
        let groups = groups(run);
        for unit in &run[..groups.first().map_or(run.len(), |group| group.start)] {
            known.learn(unit);
        }
        let mut groups = groups.into_iter().peekable();
        while let Some(mut range) = groups.next() {
            let mut bounds = Bounds::default();
            bounds.add(&run[range.clone()]);
            while let Some(next) = groups.peek() {
                let mut with_next = bounds;
                with_next.add(&run[next.clone()]);
                if !with_next.within(pictures) {
                    break;
                }
                bounds = with_next;
                range.end = next.end;
                groups.next();
            }
            if portions.len() == limit {
                return portions;
            }
            portions.extend(portion(&run[range.clone()], pictures, &known, &all));
            for unit in &run[range] {
                known.learn(unit);
            }
        }
    }
    portions
}

/// Parameter sets as an Annex B byte stream, one for each SPS with the PPSs
/// that follow it, and the largest picture that they announce.
pub(super) fn split_parameter_sets(annex_b: &[u8]) -> Vec<(Vec<u8>, usize)> {
    let mut sets: Vec<(Vec<u8>, usize)> = Vec::new();
    for nal in nal_units(annex_b) {
        let octets = nal.octets(annex_b);
        match (nal_unit_type(octets), parse_sps(octets)) {
            (SPS, Some(sps)) => sets.push((Vec::new(), sps.width * sps.height)),
            (PPS, _) => {}
            _ => continue,
        }
        if let Some((set, _)) = sets.last_mut() {
            set.extend(START_CODE);
            set.extend_from_slice(octets);
        }
    }
    sets
}

/// Ranges of units without anything foreign between them that have a slice and
/// enough evidence.
fn runs(units: &[Unit]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for part in units.split_inclusive(Unit::is_foreign) {
        let run = start..start + part.len();
        start = run.end;
        let evidence: usize = part.iter().map(Unit::evidence).sum();
        if evidence >= MIN_EVIDENCE && part.iter().any(|unit| unit.slices() > 0) {
            runs.push(run);
        }
    }
    runs
}

/// Groups of pictures of a run, each with what precedes its key frame (its
/// parameter sets, say). Without a key frame the run is one group; else what
/// precedes the first one cannot be decoded.
fn groups(run: &[Unit]) -> Vec<Range<usize>> {
    let mut starts = Vec::new();
    let mut lead = 0;
    for (index, unit) in run.iter().enumerate() {
        if unit.is_key() {
            starts.push(lead.min(index));
        }
        if unit.slices() > 0 {
            lead = index + 1;
        }
    }
    if starts.is_empty() {
        starts.push(0);
    }
    let ends = starts.iter().copied().skip(1).chain([run.len()]);
    starts
        .iter()
        .copied()
        .zip(ends)
        .map(|(s, e)| s..e)
        .collect()
}

#[derive(Clone, Copy, Default)]
struct Bounds {
    octets: usize,
    pictures: usize,
}

impl Bounds {
    fn add(&mut self, units: &[Unit]) {
        self.octets += units.iter().map(|u| u.annex_b.len()).sum::<usize>();
        self.pictures += units.iter().map(Unit::pictures).sum::<usize>();
    }

    fn within(&self, pictures: usize) -> bool {
        self.octets <= MAX_OCTETS && self.pictures <= pictures
    }
}

fn portion(
    units: &[Unit],
    pictures: usize,
    known: &ParameterSets,
    all: &ParameterSets,
) -> Option<Portion> {
    let mut annex_b = Vec::new();
    let mut bounds = Bounds::default();
    let mut within = ParameterSets::default();
    let mut complete_at_first_slice = None;
    for unit in units {
        bounds.add(std::slice::from_ref(unit));
        if !bounds.within(pictures) {
            break;
        }
        within.learn(unit);
        if unit.slices() > 0 && complete_at_first_slice.is_none() {
            complete_at_first_slice = Some(within.is_complete());
        }
        annex_b.extend_from_slice(&unit.annex_b);
    }
    let own_sets = if complete_at_first_slice? {
        Some(Vec::new())
    } else {
        let sets = [known, all].into_iter().find(|sets| sets.is_complete());
        sets.map(ParameterSets::annex_b)
    };
    let at = units.iter().find(|unit| !unit.annex_b.is_empty())?.at;
    Some(Portion {
        annex_b,
        at,
        own_sets,
    })
}

/// The latest parameter sets by their id.
#[derive(Default)]
struct ParameterSets {
    sps: BTreeMap<u32, Vec<u8>>,
    pps: BTreeMap<u32, (u32, Vec<u8>)>,
}

impl ParameterSets {
    fn learn(&mut self, unit: &Unit) {
        for nal in unit.parameter_sets() {
            if let Some(sps) = parse_sps(nal) {
                self.sps.insert(sps.id, nal.to_vec());
            } else if let Some(pps) = parse_pps(nal) {
                self.pps.insert(pps.id, (pps.sps_id, nal.to_vec()));
            }
        }
    }

    /// Whether some picture parameter set has its sequence parameter set.
    fn is_complete(&self) -> bool {
        self.pps.values().any(|(sps, _)| self.sps.contains_key(sps))
    }

    fn annex_b(&self) -> Vec<u8> {
        self.sps
            .values()
            .chain(self.pps.values().map(|(_, nal)| nal))
            .flat_map(|nal| START_CODE.iter().chain(nal))
            .copied()
            .collect()
    }
}
