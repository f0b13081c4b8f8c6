//! Records of crate `tracing`, and of crate `log`, go into a camera's log.

use std::{
    io,
    sync::{Arc, Once},
};

use lightleak_sim::world::Log;
use tracing::{Level, subscriber::DefaultGuard};

/// Sends what this thread records into `log`, until the guard is dropped.
/// Nothing else is shared between threads than the bridge from crate `log`,
/// which keeps nothing.
pub fn capture(log: Arc<dyn Log>) -> DefaultGuard {
    static BRIDGE: Once = Once::new();
    // It fails if somebody else listens already: then records of crate `log`
    // are theirs.
    BRIDGE.call_once(|| drop(tracing_log::LogTracer::init()));
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::TRACE)
        .with_ansi(false)
        .without_time()
        .with_writer(move || Lines(log.clone()))
        .finish();
    tracing::subscriber::set_default(subscriber)
}

/// Takes one record per call; one that has several lines becomes one.
struct Lines(Arc<dyn Log>);

impl io::Write for Lines {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let lines = text.lines().map(str::trim).collect::<Vec<_>>();
        self.0.line(&lines.join(" "));
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Log for Notes {
        fn line(&self, line: &str) {
            self.0.lock().unwrap().push(line.into());
        }
    }

    /// Two threads at the same time, records of both crates.
    #[test]
    fn every_thread_has_its_own_log() {
        let record = |name: &'static str| {
            let notes = Arc::new(Notes::default());
            let guard = capture(notes.clone());
            for _ in 0..100 {
                tracing::debug!("{name} by\n    tracing");
                log::trace!("{name} by log");
                std::thread::yield_now();
            }
            drop(guard);
            tracing::error!(name, "too late");
            std::mem::take(&mut *notes.0.lock().unwrap())
        };
        std::thread::scope(|scope| {
            let threads = ["one", "two"].map(|name| (name, scope.spawn(move || record(name))));
            for (name, thread) in threads {
                let lines = thread.join().unwrap();
                assert_eq!(lines.len(), 200, "{lines:?}");
                assert!(lines.iter().all(|line| line.contains(name)), "{lines:?}");
                let all = lines.join("\n");
                assert!(
                    all.contains("by tracing") && all.contains("by log"),
                    "{all}"
                );
            }
        });
    }
}
