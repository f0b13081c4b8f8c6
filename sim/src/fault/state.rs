//! What a faulty camera remembers from one connection to the next. An honest
//! one counts what nobody reads, and no more.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::{io::DuplexStream, sync::watch};

use crate::seal::keys::SFrameOpeningKey;

/// The memory.
#[derive(Default)]
pub struct State {
    failed_handshakes: watch::Sender<u32>,
    /// By cookie, where the client's side of an HTTP tunnel is to come out.
    tunnels: Mutex<BTreeMap<String, DuplexStream>>,
    /// The base keys of the first viewer.
    base_keys: Mutex<Option<[SFrameOpeningKey; 3]>>,
    /// How many sessions there were.
    sessions: AtomicU32,
}

impl State {
    /// Counts a TLS handshake that failed.
    pub fn handshake_failed(&self) {
        self.failed_handshakes
            .send_modify(|failed| *failed = failed.saturating_add(1));
    }

    /// Waits until so many have failed.
    pub(super) async fn handshakes_failed(&self, number: u32) {
        let mut failed = self.failed_handshakes.subscribe();
        // The sender is there as long as this is.
        let _ = failed.wait_for(|failed| *failed >= number).await;
    }

    /// Leaves the end of a tunnel to whoever comes with that cookie.
    pub(super) fn faulty_leave(&self, cookie: String, end: DuplexStream) {
        let mut tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        tunnels.insert(cookie, end);
    }

    /// Takes it.
    pub(super) fn faulty_take(&self, cookie: &str) -> Option<DuplexStream> {
        let mut tunnels = self.tunnels.lock().unwrap_or_else(PoisonError::into_inner);
        tunnels.remove(cookie)
    }

    /// The number of the next session.
    pub(super) fn faulty_session_number(&self) -> u32 {
        self.sessions.fetch_add(1, Ordering::Relaxed)
    }

    /// The base keys that were given first: these, if none were.
    pub(super) fn faulty_first(&self, keys: [SFrameOpeningKey; 3]) -> [SFrameOpeningKey; 3] {
        let mut first = self
            .base_keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(keys).clone()
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}
