//! What people mistake for encryption and what can be undone without a key. Each
//! veil has its file, its line in [`VEILS`] and its name in [`Disguise`].

pub(in crate::adversary) mod base64;
mod chunked;
mod deflate;
pub(in crate::adversary) mod hex;
mod swap;
mod text;

use std::ops::Range;

use super::{Disguise, Found, Index, Run};

/// Looks for places in the haystack where its veil may lie, and shows each of
/// them, lifted, to the search.
type Veil = fn(haystack: &[u8], search: &mut Search<'_>);

/// In the order in which they get what is left.
const VEILS: &[Veil] = &[
    base64::lift,
    hex::lift,
    chunked::lift,
    deflate::lift,
    swap::lift,
];

/// Adds what is behind any veil to `found`, in places that are free.
pub(super) fn search(index: &Index, haystack: &[u8], found: &mut Found) {
    for lift in VEILS {
        let mut search = Search {
            index,
            length: haystack.len(),
            found,
            candidates: Vec::new(),
            nested: false,
        };
        lift(haystack, &mut search);
        search.settle();
    }
}

/// The search behind one veil.
struct Search<'a> {
    index: &'a Index,
    /// Of the haystack.
    length: usize,
    found: &'a mut Found,
    candidates: Vec<Candidate>,
    /// Whether the haystack itself was behind a veil.
    nested: bool,
}

struct Candidate {
    run: Run,
    place: Range<usize>,
    disguise: Disguise,
}

impl Search<'_> {
    /// Searches `octets`, which `disguise` hid. `place` says where in the haystack
    /// a run of them is.
    fn show(
        &mut self,
        octets: &[u8],
        disguise: Disguise,
        place: impl Fn(Range<usize>) -> Range<usize>,
    ) {
        let room = self.found.room();
        for run in self.index.raw_runs(octets, room) {
            self.candidates.push(Candidate {
                run,
                place: place(run.at..run.at + run.length),
                disguise: disguise.clone(),
            });
        }
    }

    /// The same, and looks for one more veil in `octets`.
    fn show_deep(
        &mut self,
        octets: &[u8],
        disguise: Disguise,
        place: impl Fn(Range<usize>) -> Range<usize>,
    ) {
        self.show(octets, disguise.clone(), &place);
        if self.nested || self.found.room() == 0 {
            return;
        }
        let mut found = Found::new(self.found.room());
        for lift in VEILS {
            let mut search = Search {
                index: self.index,
                length: octets.len(),
                found: &mut found,
                candidates: Vec::new(),
                nested: true,
            };
            lift(octets, &mut search);
            search.settle();
        }
        for (run, hit) in found.into_parts() {
            self.candidates.push(Candidate {
                run,
                place: place(hit.at..hit.at + hit.length),
                disguise: Disguise::Nested {
                    outer: Box::new(disguise.clone()),
                    inner: Box::new(hit.disguise),
                },
            });
        }
    }

    /// Keeps of what was shown what lies in free places; where two overlap, the
    /// longer. Whether there is room for more.
    fn settle(&mut self) -> bool {
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.sort_by_key(|one| (std::cmp::Reverse(one.run.length), one.place.start));
        for Candidate {
            run,
            place,
            disguise,
        } in candidates
        {
            let free = self.found.free(place.start, self.length);
            if self.found.room() > 0 && free.is_some_and(|free| place.end <= free.end) {
                self.found.add(run, self.index.hit(run, place, disguise));
            }
        }
        self.found.room() > 0
    }
}

/// Pieces of the haystack that were put together.
#[derive(Default)]
struct Pieces {
    /// For each its first index in the whole, and its place in the haystack.
    starts: Vec<(usize, usize)>,
}

impl Pieces {
    fn push(&mut self, index: usize, place: usize) {
        self.starts.push((index, place));
    }

    /// Where in the haystack `index` of the whole is.
    fn place(&self, index: usize) -> usize {
        let piece = self.starts.partition_point(|piece| piece.0 <= index);
        piece.checked_sub(1).map_or(0, |piece| {
            let (first, place) = self.starts[piece];
            place + index - first
        })
    }

    /// From the first to the last of `range`, which is not empty.
    fn range(&self, range: Range<usize>) -> Range<usize> {
        self.place(range.start)..self.place(range.end - 1) + 1
    }
}
