//! Who is compared.

use std::ops::Range;

use lightleak_peer::{Side, Units};

use crate::scenario::Scenario;

/// Who seals and opens.
pub struct Contender {
    /// What it is called.
    pub name: String,
    /// What it is to us.
    pub kind: Kind,
    /// Makes its engine for a suite; `None` if it has none.
    pub engine: Box<Make>,
}

/// Makes an engine.
pub type Make = dyn Fn(&Scenario, Side) -> Option<Box<dyn Engine>>;

/// What a contender is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The engine of the simulated cameras.
    Ours,
    /// What is not to be surpassed: the library below does nothing else.
    Limit,
    /// Another implementation of the same.
    Peer,
}

/// A contender with a key, as either side.
pub trait Engine {
    /// Begins a new session with these frames; no time is taken. Only if `keep` is
    /// set, what comes of them will be looked at.
    fn renew(&mut self, frames: &[Units], keep: bool);

    /// Seals or opens the frames of that range, which follow those before; whether
    /// all of them.
    fn process(&mut self, range: Range<usize>) -> bool;

    /// What came of the frames.
    fn results(&self) -> Vec<Units>;
}

/// Frames that an engine works on in place.
#[derive(Default)]
pub struct Copies(pub Vec<Units>);

impl Copies {
    /// Takes copies; nothing is allocated if there were as many before.
    pub fn renew(&mut self, frames: &[Units]) {
        self.0.resize_with(frames.len(), Units::default);
        for (copy, frame) in self.0.iter_mut().zip(frames) {
            copy.bytes.clone_from(&frame.bytes);
            copy.slots.clone_from(&frame.slots);
        }
    }
}
