//! Memory cards.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, ErrorKind},
    sync::{Mutex, MutexGuard, PoisonError},
};

use lightleak_sim::world::Disk;

/// A card in memory, whose power can be cut.
#[derive(Default)]
pub struct MemoryDisk(Mutex<State>);

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    /// How many octets are still written; without limit if none.
    power: Option<usize>,
}

impl MemoryDisk {
    /// A card that holds these files already.
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self(Mutex::new(State { files, power: None }))
    }

    /// Cuts power when so many more octets have been appended: what comes
    /// later is lost, and whoever writes it is not told, being without power
    /// too. If it is cut sooner already, it stays so.
    pub fn cut_power_after(&self, octets: usize) {
        let power = &mut self.state().power;
        *power = Some(power.map_or(octets, |sooner| sooner.min(octets)));
    }

    /// Everything on it.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().files.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryDisk({} files)", self.state().files.len())
    }
}

impl State {
    fn is_dead(&self) -> bool {
        self.power == Some(0)
    }
}

impl Disk for MemoryDisk {
    fn create(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.files.contains_key(name) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if !state.is_dead() {
            state.files.insert(name.to_owned(), Vec::new());
        }
        Ok(())
    }

    fn append(&self, name: &str, octets: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        if state.is_dead() {
            return Ok(());
        }
        let kept = state.power.map_or(octets.len(), |p| p.min(octets.len()));
        let file = state.files.get_mut(name).ok_or(ErrorKind::NotFound)?;
        file.extend_from_slice(&octets[..kept]);
        if let Some(power) = &mut state.power {
            *power -= kept;
        }
        Ok(())
    }

    fn sync(&self, _name: &str) -> io::Result<()> {
        Ok(())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.state();
        let file = state.files.get(name).ok_or(ErrorKind::NotFound)?;
        Ok(file.clone())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.state().files.keys().cloned().collect())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if !state.is_dead() {
            state.files.remove(name).ok_or(ErrorKind::NotFound)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_power_nothing_changes_and_nobody_is_told() {
        let disk = MemoryDisk::default();
        disk.create("a").unwrap();
        disk.append("a", b"123").unwrap();
        assert!(disk.create("a").is_err() && disk.append("b", b"1").is_err());
        disk.cut_power_after(2);
        disk.append("a", b"456").unwrap();
        disk.append("a", b"789").unwrap();
        disk.create("b").unwrap();
        disk.remove("a").unwrap();
        // Power that is gone does not come back.
        disk.cut_power_after(9);
        disk.append("a", b"0").unwrap();
        let expected = BTreeMap::from([("a".to_owned(), b"12345".to_vec())]);
        assert_eq!(disk.files(), expected);
    }
}
