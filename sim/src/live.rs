//! The live video inside a camera: from its encoder to whoever may watch.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{broadcast, watch};

use crate::h264::AccessUnit;

/// How many access units a slow viewer may lag behind.
const BACKLOG: usize = 64;

/// Access units to any number of receivers.
#[derive(Debug)]
pub struct Live {
    units: broadcast::Sender<Arc<AccessUnit>>,
    key_frame: watch::Sender<Option<Arc<AccessUnit>>>,
    wants_key_frame: AtomicBool,
}

impl Live {
    /// Without pictures yet.
    pub fn new() -> Self {
        Self {
            units: broadcast::Sender::new(BACKLOG),
            key_frame: watch::Sender::new(None),
            wants_key_frame: AtomicBool::new(false),
        }
    }

    /// Hands an access unit to all who watch.
    pub fn publish(&self, unit: Arc<AccessUnit>) {
        if unit.key_frame {
            self.key_frame.send_replace(Some(unit.clone()));
        }
        // Nobody watching is no error.
        let _ = self.units.send(unit);
    }

    /// All access units from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<AccessUnit>> {
        self.units.subscribe()
    }

    /// The latest key frame; waits for the first.
    pub async fn key_frame(&self) -> Arc<AccessUnit> {
        let mut frames = self.key_frame.subscribe();
        let frame = frames
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|f| f.clone());
        match frame {
            Some(frame) => frame,
            // `self` holds the sender, so the channel is never closed.
            None => std::future::pending().await,
        }
    }

    /// Asks the encoder to make the next picture a key frame.
    pub fn request_key_frame(&self) {
        self.wants_key_frame.store(true, Ordering::Relaxed);
    }

    /// Whether that was asked since the last call.
    pub fn wants_key_frame(&self) -> bool {
        self.wants_key_frame.swap(false, Ordering::Relaxed)
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}
