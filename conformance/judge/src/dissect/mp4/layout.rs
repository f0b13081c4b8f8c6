//! Which samples are where they are said to be, and what every octet is for.

use std::ops::Range;

use super::{Class, Dissection, Flaw, Found, Movie, Piece, Sample};

impl Dissection<'_> {
    /// Settles what the samples are, and every octet.
    pub fn finish(mut self) -> Movie {
        let found = std::mem::take(&mut self.found);
        let mut order: Vec<usize> = (0..found.len()).collect();
        order.sort_by_key(|index| found[*index].at);
        let mut end = 0;
        let mut settled: Vec<Option<Range<usize>>> = vec![None; found.len()];
        for index in order {
            let sample = &found[index];
            if let Some(range) = self.settle(sample, end) {
                end = sample.at.saturating_add(sample.size);
                settled[index] = Some(range);
            }
        }
        for (sample, range) in found.iter().zip(settled) {
            if let Some(range) = range {
                self.sample(sample, range);
            }
        }
        self.movie.boxes.sort_by_key(|span| (span.at, span.depth));
        self.movie.pieces = pieces(self.claims, self.file.len());
        self.movie
    }

    /// Where a sample lies in the file, as far as it does; `end` is where those
    /// before it end.
    fn settle(&mut self, found: &Found, end: u64) -> Option<Range<usize>> {
        let start = usize::try_from(found.at)
            .ok()
            .filter(|at| *at < self.file.len());
        let Some(start) = start else {
            self.movie.absent += 1;
            return None;
        };
        let after = self
            .data
            .partition_point(|(payload, _)| payload.start <= start);
        let data = after.checked_sub(1).and_then(|index| self.data.get(index));
        let fits = data.filter(|(payload, data_end)| {
            start < payload.end && found.at.saturating_add(found.size) <= *data_end
        });
        let Some((payload, _)) = fits else {
            self.fault(start, Flaw::Outside);
            return None;
        };
        if found.at < end {
            self.fault(start, Flaw::Overlap);
            return None;
        }
        let size = usize::try_from(found.size).unwrap_or(usize::MAX);
        Some(start..start.saturating_add(size).min(payload.end))
    }

    /// Adds a sample to its track.
    fn sample(&mut self, found: &Found, range: Range<usize>) {
        let index = found.track;
        let end = found.at.saturating_add(found.size);
        let first = self.movie.tracks[index].nal_units.len();
        match self.movie.tracks[index].length_size {
            Some(length_size) => self.nal_units(index, range.clone(), length_size, end),
            None => self.claim(range.clone(), Class::Sample(index)),
        }
        let track = &mut self.movie.tracks[index];
        let whole = range.end as u64 == end;
        let sample = Sample {
            range,
            time: found.time,
            duration: found.duration,
            nal_units: first..track.nal_units.len(),
        };
        match whole {
            true => track.samples.push(sample),
            false => track.cut = Some(sample),
        }
    }

    /// The NAL units of a sample, which ends at `end` by its own account.
    fn nal_units(&mut self, track: usize, sample: Range<usize>, length_size: usize, end: u64) {
        let mut at = sample.start;
        while at < sample.end {
            let start = at.saturating_add(length_size);
            let Some(length) = self.file[..sample.end].get(at..start) else {
                if (sample.end as u64) < end {
                    self.claim(at..sample.end, Class::Structure);
                } else {
                    self.fault(at, Flaw::NalUnit);
                }
                return;
            };
            let length = length.iter().fold(0, |n, octet| n << 8 | u64::from(*octet));
            let unit_end = start as u64 + length;
            if length == 0 || unit_end > end {
                return self.fault(at, Flaw::NalUnit);
            }
            if !self.afford(at) {
                return;
            }
            // Less than the end of the sample, or cut where that is.
            let unit = start..usize::try_from(unit_end).map_or(sample.end, |e| e.min(sample.end));
            self.claim(at..start, Class::Structure);
            self.claim(unit.clone(), Class::Sample(track));
            at = unit.end;
            if !unit.is_empty() {
                self.movie.tracks[track].nal_units.push(unit);
            }
        }
    }
}

/// The claims in order, and what nobody claims between them.
fn pieces(mut claims: Vec<Piece>, length: usize) -> Vec<Piece> {
    claims.sort_by_key(|piece| piece.range.start);
    let mut pieces = Vec::<Piece>::new();
    let mut push = |range: Range<usize>, class| match pieces.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.class == class => last.range.end = range.end,
        _ => pieces.push(Piece { range, class }),
    };
    let mut end = 0;
    for claim in claims {
        push(end..claim.range.start, Class::Unknown);
        end = claim.range.end;
        push(claim.range, claim.class);
    }
    push(end..length, Class::Unknown);
    pieces
}
