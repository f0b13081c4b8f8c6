//! Debugging that nobody switched off: secrets go into the log.

use std::sync::Arc;

use crate::{
    h264::AccessUnit,
    record::beside::Document,
    sound::SoundPacket,
    world::{Log, Witness, World},
};

/// Tells the log every secret that the witness is told.
pub fn faulty_talk(world: &World) -> Arc<dyn Witness> {
    Arc::new(FaultyTalkative {
        witness: world.witness.clone(),
        log: world.log.clone(),
    })
}

struct FaultyTalkative {
    witness: Arc<dyn Witness>,
    log: Arc<dyn Log>,
}

impl Witness for FaultyTalkative {
    fn access_unit(&self, track: &str, unit: &AccessUnit) {
        self.witness.access_unit(track, unit);
    }

    fn sound(&self, track: &str, packet: &SoundPacket) {
        self.witness.sound(track, packet);
    }

    fn document(&self, track: &str, document: &Document) {
        self.witness.document(track, document);
    }

    fn secret(&self, line: &str) {
        self.log.line(&format!("debug: {line}"));
        self.witness.secret(line);
    }
}
