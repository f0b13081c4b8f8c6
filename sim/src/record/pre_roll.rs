//! What was seen and heard just now, in memory only.

use std::sync::Arc;

use super::MOST_PRE_ROLL;
use crate::{h264::AccessUnit, sound::SoundPacket};

/// Access units since the last key frame, and the sound since then.
#[derive(Debug, Default)]
pub(super) struct PreRoll {
    /// The first is a key frame.
    pub(super) units: Vec<Arc<AccessUnit>>,
    /// Some packets may be from before the key frame.
    pub(super) sound: Vec<Arc<SoundPacket>>,
    octets: usize,
}

impl PreRoll {
    pub(super) fn see(&mut self, unit: Arc<AccessUnit>) {
        if unit.key_frame {
            *self = Self::default();
        } else if self.units.is_empty() {
            return;
        }
        let octets = unit.nal_units.iter().map(|nal| nal.len()).sum();
        self.units.push(unit);
        self.count(octets);
    }

    pub(super) fn hear(&mut self, packet: Arc<SoundPacket>) {
        if !self.units.is_empty() {
            let octets = packet.octets.len();
            self.sound.push(packet);
            self.count(octets);
        }
    }

    fn count(&mut self, octets: usize) {
        self.octets += octets;
        if self.octets > MOST_PRE_ROLL {
            *self = Self::default();
        }
    }
}
