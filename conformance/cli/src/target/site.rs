//! Where one session takes place: a network with a tap on it, a clock, a memory card, and
//! what is written down.

use std::{net::IpAddr, sync::Arc};

use lightleak_case::{Declaration, SessionRecord, Vantage};
use lightleak_sim::world::{Clock, Entropy, World};

use super::{
    CAMERA,
    notes::{Notes, lock},
    plan::Recorded,
    seeded::Seeded,
};
use crate::{
    disk::MemoryDisk,
    net::{
        memory::{Network, VirtualClock},
        record::Tap,
    },
};

pub(super) struct Site {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) notes: Arc<Notes>,
    pub(super) card: Arc<MemoryDisk>,
    tap: Tap,
    network: Network,
    entropy: Arc<dyn Entropy>,
}

impl Site {
    /// In a runtime with simulated time. On a rough network segments overtake one another.
    pub(super) fn new(
        seed: u64,
        session: usize,
        (notes, card): (Arc<Notes>, Arc<MemoryDisk>),
        rough: bool,
    ) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock::new());
        let tap = Tap::start(clock.clone(), rough);
        Self {
            clock,
            notes,
            card,
            network: Network::new(tap.clone()),
            tap,
            entropy: Arc::new(Seeded::new(seed, session as u64)),
        }
    }

    /// What a host can touch; the camera has the card.
    pub(super) fn host(&self, address: IpAddr) -> World {
        World {
            net: self.network.host(address),
            disk: match address {
                CAMERA => self.card.clone(),
                _ => Arc::new(MemoryDisk::default()),
            },
            log: self.notes.clone(),
            witness: self.notes.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }

    /// What was recorded there, beside what was held between two protections.
    pub(super) fn close(
        self,
        declaration: Declaration,
        record: SessionRecord,
        held: Vec<(Vantage, Vec<u8>)>,
    ) -> Recorded {
        let (ledger, keys) = self.notes.take();
        let mut captures = vec![(Vantage::Wire, self.tap.finish())];
        captures.extend(held);
        Recorded {
            declaration,
            record,
            captures,
            keys,
            ledger,
            played: std::mem::take(&mut lock(&self.notes.played).tracks),
            log: std::mem::take(&mut *lock(&self.notes.log)),
            rest: self.card.files(),
        }
    }
}
