//! The engine of the simulated cameras.

use std::ops::Range;

use lightleak_peer::{Side, Units};
use lightleak_sim::{
    rtp::Packets,
    seal::{
        keys::SrtpMasterKey,
        srtp::{Receiver, ReceiverOptions, Sender, SenderOptions},
    },
};

use crate::{
    contender::{Contender, Engine, Kind},
    scenario::{Protocol, Scenario},
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
        Protocol::Srtp => {
            let suite = scenario.suite.parse().ok()?;
            let key = SrtpMasterKey::new(suite, &scenario.key, &scenario.salt).ok()?;
            Some(match side {
                Side::Seal => Box::new(Srtp::new(key, |key| {
                    Sender::new(key, SenderOptions::default())
                })),
                Side::Open => Box::new(Srtp::new(key, |key| {
                    Receiver::new(key, ReceiverOptions::default())
                })),
            })
        }
    }
}

/// A session of SRTP.
struct Srtp<S, F> {
    key: SrtpMasterKey,
    make: F,
    session: Option<S>,
    frames: Vec<Packets>,
}

impl<S, E, F: Fn(&SrtpMasterKey) -> Result<S, E>> Srtp<S, F> {
    fn new(key: SrtpMasterKey, make: F) -> Self {
        Self {
            key,
            make,
            session: None,
            frames: Vec::new(),
        }
    }
}

/// Either side of a session.
trait Session {
    fn process(&mut self, packets: &mut Packets) -> bool;
}

impl Session for Sender {
    fn process(&mut self, packets: &mut Packets) -> bool {
        self.seal(packets).is_ok()
    }
}

impl Session for Receiver {
    fn process(&mut self, packets: &mut Packets) -> bool {
        self.open(packets).iter().all(Result::is_ok)
    }
}

impl<S: Session, E, F: Fn(&SrtpMasterKey) -> Result<S, E>> Engine for Srtp<S, F> {
    fn renew(&mut self, frames: &[Units], _keep: bool) {
        self.session = (self.make)(&self.key).ok();
        // Packets fill the room exactly that sealing needs.
        self.frames
            .resize_with(frames.len(), || Packets::with_room(16));
        for (packets, frame) in self.frames.iter_mut().zip(frames) {
            packets.clear();
            frame.iter().for_each(|packet| packets.push(packet));
        }
    }

    fn process(&mut self, range: Range<usize>) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        let frames = &mut self.frames[range];
        frames.iter_mut().all(|packets| session.process(packets))
    }

    fn results(&self) -> Vec<Units> {
        let units = |packets: &Packets| {
            let mut units = Units::default();
            packets.iter().for_each(|packet| units.push(packet, 0));
            units
        };
        self.frames.iter().map(units).collect()
    }
}
