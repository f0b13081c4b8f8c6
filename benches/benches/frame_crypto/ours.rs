//! The engines of the simulated cameras.

use std::ops::Range;

use lightleak_peer::{Side, Units};
use lightleak_sim::{
    rtp::Packets,
    seal::{
        keys::{SFrameBaseKey, SFrameOpeningKey, SrtpMasterKey},
        sframe::{self, Frames, KeyId, VolatileCounters},
        srtp::{self, ReceiverOptions, SenderOptions},
    },
};

use crate::{
    contender::{Contender, Engine, Kind},
    scenario::{KEY_ID, Protocol, SFRAME, Scenario},
};

/// Ours.
pub fn contender() -> Contender {
    Contender {
        name: "lightleak".to_owned(),
        kind: Kind::Ours,
        engine: Box::new(engine),
    }
}

/// Our engine for a suite.
pub fn engine(scenario: &Scenario, side: Side) -> Option<Box<dyn Engine>> {
    match scenario.protocol {
        Protocol::Srtp => srtp_engine(scenario, side),
        Protocol::SFrame => sframe_engine(scenario, side),
    }
}

fn srtp_engine(scenario: &Scenario, side: Side) -> Option<Box<dyn Engine>> {
    let suite = scenario.suite.parse().ok()?;
    let key = SrtpMasterKey::new(suite, &scenario.key, &scenario.salt).ok()?;
    Some(match side {
        Side::Seal => {
            Running::boxed(move || srtp::Sender::new(&key, SenderOptions::default()).ok())
        }
        Side::Open => {
            Running::boxed(move || srtp::Receiver::new(&key, ReceiverOptions::default()).ok())
        }
    })
}

fn sframe_engine(scenario: &Scenario, side: Side) -> Option<Box<dyn Engine>> {
    let mut suites = SFRAME.into_iter();
    let (_, suite) = suites.find(|(name, _)| *name == scenario.suite)?;
    let (id, key) = (KeyId::new(KEY_ID), scenario.key.clone());
    Some(match side {
        Side::Seal => Running::boxed(move || {
            let key = SFrameBaseKey::new(suite, id, &key).ok()?;
            sframe::Sender::new(key, VolatileCounters::default()).ok()
        }),
        Side::Open => Running::boxed(move || {
            let key = SFrameOpeningKey::new(suite, id, &key).ok()?;
            sframe::Receiver::new(&key).ok()
        }),
    })
}

/// Either side of a session.
trait Session {
    /// The units of a frame, as it takes them.
    type Batch: Batch;

    /// Whether all of them were sealed or opened.
    fn process(&mut self, batch: &mut Self::Batch) -> bool;
}

/// The units of a frame.
trait Batch: Default {
    /// Takes the units of another frame.
    fn renew(&mut self, frame: &Units);

    /// The units.
    fn units(&self) -> Units;
}

/// A session with its frames.
struct Running<S: Session, F> {
    make: F,
    session: Option<S>,
    frames: Vec<S::Batch>,
}

impl<S: Session + 'static, F: Fn() -> Option<S> + 'static> Running<S, F> {
    fn boxed(make: F) -> Box<dyn Engine> {
        Box::new(Self {
            make,
            session: None,
            frames: Vec::new(),
        })
    }
}

impl<S: Session, F: Fn() -> Option<S>> Engine for Running<S, F> {
    fn renew(&mut self, frames: &[Units], _keep: bool) {
        self.session = None;
        self.session = (self.make)();
        self.frames.resize_with(frames.len(), S::Batch::default);
        for (batch, frame) in self.frames.iter_mut().zip(frames) {
            batch.renew(frame);
        }
    }

    fn process(&mut self, range: Range<usize>) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        let frames = &mut self.frames[range];
        frames.iter_mut().all(|batch| session.process(batch))
    }

    fn results(&self) -> Vec<Units> {
        self.frames.iter().map(Batch::units).collect()
    }
}

impl Session for srtp::Sender {
    type Batch = Room;

    fn process(&mut self, packets: &mut Room) -> bool {
        self.seal(&mut packets.0).is_ok()
    }
}

impl Session for srtp::Receiver {
    type Batch = Room;

    fn process(&mut self, packets: &mut Room) -> bool {
        self.open(&mut packets.0).iter().all(Result::is_ok)
    }
}

impl Session for sframe::Sender {
    type Batch = Frames;

    fn process(&mut self, frames: &mut Frames) -> bool {
        self.seal(frames).is_ok()
    }
}

impl Session for sframe::Receiver {
    type Batch = Frames;

    fn process(&mut self, frames: &mut Frames) -> bool {
        self.open(frames).iter().all(Result::is_ok)
    }
}

/// Packets with room for the longest tag.
struct Room(Packets);

impl Default for Room {
    fn default() -> Self {
        Self(Packets::with_room(16))
    }
}

impl Batch for Room {
    fn renew(&mut self, frame: &Units) {
        self.0.clear();
        frame.iter().for_each(|packet| self.0.push(packet));
    }

    fn units(&self) -> Units {
        collect(self.0.iter())
    }
}

impl Batch for Frames {
    fn renew(&mut self, frame: &Units) {
        self.clear();
        frame.iter().for_each(|unit| self.push(unit, &[]));
    }

    fn units(&self) -> Units {
        collect(self.iter())
    }
}

fn collect<'a>(octets: impl Iterator<Item = &'a [u8]>) -> Units {
    let mut units = Units::default();
    octets.for_each(|octets| units.push(octets, 0));
    units
}
