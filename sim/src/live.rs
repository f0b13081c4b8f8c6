//! The live video inside a camera: from its encoder to whoever may watch.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{Notify, broadcast, watch};

use crate::h264::AccessUnit;

/// How many access units a slow viewer may lag behind.
const BACKLOG: usize = 64;

/// Access units to any number of receivers.
#[derive(Debug)]
pub struct Live {
    units: broadcast::Sender<Arc<AccessUnit>>,
    key_frame: watch::Sender<Option<Arc<AccessUnit>>>,
    wants_key_frame: AtomicBool,
    arrival: Notify,
}

impl Live {
    /// Without pictures yet.
    pub fn new() -> Self {
        Self {
            units: broadcast::Sender::new(BACKLOG),
            key_frame: watch::Sender::new(None),
            wants_key_frame: AtomicBool::new(false),
            arrival: Notify::new(),
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
        let units = self.units.subscribe();
        self.arrival.notify_one();
        units
    }

    /// The latest key frame; waits for the first.
    pub async fn key_frame(&self) -> Arc<AccessUnit> {
        let mut frames = self.key_frame.subscribe();
        self.arrival.notify_one();
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

    /// Returns as soon as somebody receives access units or waits for a key
    /// frame.
    pub async fn watched(&self) {
        while self.units.receiver_count() + self.key_frame.receiver_count() == 0 {
            self.arrival.notified().await;
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

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use super::*;

    /// Whether `watched` returns at once.
    fn is_watched(live: &Live) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(live.watched()).poll(&mut context).is_ready()
    }

    #[test]
    fn it_is_watched_by_receivers_and_by_who_awaits_a_key_frame() {
        let live = Live::new();
        assert!(!is_watched(&live));
        let units = live.subscribe();
        assert!(is_watched(&live));
        drop(units);
        assert!(!is_watched(&live));
        let mut waiting = Box::pin(live.key_frame());
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert!(is_watched(&live));
        drop(waiting);
        assert!(!is_watched(&live));
    }
}
