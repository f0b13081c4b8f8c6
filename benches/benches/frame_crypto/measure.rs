//! How time is taken: a contender and ours by turns, pass by pass, so that whatever
//! else the machine does hits both alike. A pass is all frames but the first, and
//! only the work on them is timed, not the copies and keys that are made before.

use std::time::{Duration, Instant};

use lightleak_peer::{Side, Units};

use crate::{
    contender::{Contender, Engine},
    proof::Proven,
    report::Row,
};

/// A contender that was proven, with what it works on.
pub struct Timed {
    engine: Box<dyn Engine>,
    frames: Vec<Units>,
    /// What its passes took.
    passes: Vec<Duration>,
}

impl Timed {
    /// With no pass so far.
    pub fn new(proven: Proven) -> Self {
        Self {
            engine: proven.engine,
            frames: proven.frames,
            passes: Vec::new(),
        }
    }

    /// How many frames there are in a pass.
    fn count(&self) -> usize {
        self.frames.len() - 1
    }

    /// Makes a pass; what it took.
    fn pass(&mut self) -> Duration {
        self.engine.renew(&self.frames, false);
        assert!(self.engine.process(0..1), "it was proven");
        let all = 1..self.frames.len();
        let began = Instant::now();
        let done = self.engine.process(all);
        let took = began.elapsed();
        assert!(done, "it was proven");
        self.passes.push(took);
        took
    }
}

/// Ours and, unless it is ours alone that is measured, another contender.
pub struct Pair<'a> {
    ours: &'a mut Timed,
    theirs: Option<Timed>,
    /// Passes of ours before.
    before: usize,
}

impl<'a> Pair<'a> {
    /// With nothing measured.
    pub fn new(ours: &'a mut Timed, theirs: Option<Timed>) -> Self {
        let before = ours.passes.len();
        Self {
            ours,
            theirs,
            before,
        }
    }

    /// Measures passes of at least so many frames; what so many take.
    pub fn run(&mut self, frames: u64) -> Duration {
        let count = self.ours.count() as u64;
        let passes = frames.div_ceil(count);
        let mut sum = Duration::ZERO;
        for pass in 0..passes {
            let Some(theirs) = &mut self.theirs else {
                sum += self.ours.pass();
                continue;
            };
            if pass % 2 == 0 {
                self.ours.pass();
                sum += theirs.pass();
            } else {
                sum += theirs.pass();
                self.ours.pass();
            }
        }
        sum.mul_f64(frames as f64 / (passes * count) as f64)
    }

    /// What was measured, if anything was.
    pub fn row(
        self,
        suite: &'static str,
        frame_bytes: usize,
        side: Side,
        contender: &Contender,
    ) -> Option<Row> {
        let count = self.ours.count() as f64;
        let ours = median(&self.ours.passes[self.before..])?;
        let theirs = match &self.theirs {
            Some(theirs) => median(&theirs.passes)?,
            None => ours,
        };
        Some(Row {
            suite,
            frame_bytes,
            side,
            contender: contender.name.clone(),
            kind: contender.kind,
            seconds: theirs / count,
            ours_per_theirs: theirs / ours,
        })
    }
}

/// The median in seconds.
fn median(passes: &[Duration]) -> Option<f64> {
    let mut sorted = passes.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map(Duration::as_secs_f64)
}
