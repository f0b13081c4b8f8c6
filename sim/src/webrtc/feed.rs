//! What a camera produces, for whoever sends it.

use std::sync::Arc;

use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{camera::Device, h264::AccessUnit, sound::SoundPacket};

/// Its video and its sound from now on.
pub(crate) struct Feed {
    units: Receiver<Arc<AccessUnit>>,
    sound: Receiver<Arc<SoundPacket>>,
}

/// What comes next.
pub(crate) enum Produced {
    Unit(Arc<AccessUnit>),
    Sound(Arc<SoundPacket>),
    /// Access units were missed.
    Gap,
    /// The camera is off.
    End,
}

impl Feed {
    pub(crate) fn of(device: &Device) -> Self {
        Self {
            units: device.live.subscribe(),
            sound: device.sound.subscribe(),
        }
    }

    /// What is produced next, video first. It may be dropped and called again at
    /// any time.
    pub(crate) async fn next(&mut self) -> Produced {
        loop {
            return tokio::select! {
                biased;
                unit = self.units.recv() => match unit {
                    Ok(unit) => Produced::Unit(unit),
                    Err(RecvError::Lagged(_)) => Produced::Gap,
                    Err(RecvError::Closed) => Produced::End,
                },
                packet = self.sound.recv() => match packet {
                    Ok(packet) => Produced::Sound(packet),
                    // Sound that was missed was not heard.
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => Produced::End,
                },
            };
        }
    }
}
