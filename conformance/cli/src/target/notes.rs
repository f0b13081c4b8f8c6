//! What is written down of one session.

use std::{
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lightleak_case::Ledger;
use lightleak_sim::{
    h264::AccessUnit,
    record::beside::Document,
    sound::SoundPacket,
    world::{Held, Log, Witness},
};

use crate::net::record::Tap;

/// Ledger, escrow and log of one session.
#[derive(Default)]
pub struct Notes {
    pub(super) ledger: Mutex<Ledger>,
    pub(super) keys: Mutex<Vec<String>>,
    pub(super) log: Mutex<String>,
    /// Records what a relay or a viewer holds.
    pub(super) held: Mutex<Vec<(Held, Tap)>>,
    pub(super) played: Mutex<Played>,
}

/// What viewers play.
#[derive(Default)]
pub(super) struct Played {
    /// Viewers as they came.
    viewers: Vec<SocketAddr>,
    pub(super) tracks: Ledger,
}

impl Notes {
    /// Ledger and escrow, which it has no more after this.
    pub fn take(&self) -> (Ledger, Vec<String>) {
        let ledger = std::mem::take(&mut *lock(&self.ledger));
        (ledger, std::mem::take(&mut *lock(&self.keys)))
    }
}

impl Witness for Notes {
    fn access_unit(&self, track: &str, unit: &AccessUnit) {
        let time = u64::try_from(unit.taken.as_nanos()).unwrap_or(u64::MAX);
        lock(&self.ledger)
            .tracks
            .entry(track.to_owned())
            .or_default()
            .push(&unit.nal_units, unit.number, time, unit.key_frame);
    }

    fn sound(&self, track: &str, packet: &SoundPacket) {
        let time = u64::try_from(packet.taken.as_nanos()).unwrap_or(u64::MAX);
        lock(&self.ledger)
            .tracks
            .entry(track.to_owned())
            .or_default()
            .push_octets(&packet.octets, packet.number, time);
    }

    fn document(&self, track: &str, document: &Document) {
        let time = u64::try_from(document.taken.as_nanos()).unwrap_or(u64::MAX);
        lock(&self.ledger)
            .tracks
            .entry(track.to_owned())
            .or_default()
            .push_octets(&document.octets, document.number, time);
    }

    /// Both ends of a connection escrow the same secret: it is kept once.
    fn secret(&self, line: &str) {
        let mut keys = lock(&self.keys);
        if !keys.iter().any(|k| k == line) {
            keys.push(line.to_owned());
        }
    }

    fn held(&self, vantage: Held, from: SocketAddr, to: SocketAddr, packet: &[u8]) {
        let held = lock(&self.held);
        if let Some((_, tap)) = held.iter().find(|(holder, _)| *holder == vantage) {
            tap.udp(from, to, packet);
        }
    }

    fn played(&self, viewer: SocketAddr, track: &str, unit: &[u8], now: Duration) {
        let mut played = lock(&self.played);
        let known = played.viewers.iter().position(|v| *v == viewer);
        let index = known.unwrap_or_else(|| {
            played.viewers.push(viewer);
            played.viewers.len() - 1
        });
        let name = match index {
            0 => track.to_owned(),
            _ => format!("{track}-{}", index + 1),
        };
        let track = played.tracks.tracks.entry(name).or_default();
        let number = u32::try_from(track.units.len()).unwrap_or(u32::MAX);
        let time = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        track.push_octets(unit, number, time);
    }
}

impl Log for Notes {
    fn line(&self, line: &str) {
        let mut log = lock(&self.log);
        log.push_str(line);
        log.push('\n');
    }
}

/// What a mutex holds; whoever panicked with it left it whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
