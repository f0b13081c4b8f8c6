//! A shim as a child process, which is spoken to in lines: one event, then everything
//! that it does until it says `done`.

use std::{
    io::{BufRead, BufReader, Read, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use lightleak_sim::world::Log;
use rustix::process::{Pid, Signal, kill_process_group};

use super::{
    NOT_IMPLEMENTED, ShimError,
    line::{Action, Event},
};
use crate::target::notes::{Notes, lock};

/// How long a shim may take for one event.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How long it may take to end.
const LAST_ORDERS: Duration = Duration::from_secs(5);

/// Octets that a shim may say in a session.
const MOST: u64 = 512 << 20;

/// A running shim. Dropping it kills it, and what it started.
pub(super) struct Process {
    child: Child,
    patience: Duration,
    /// To the thread that writes, so that a shim that does not read is noticed.
    events: mpsc::Sender<String>,
    lines: mpsc::Receiver<Vec<u8>>,
    errors: Option<JoinHandle<()>>,
    /// The last line that it wrote to standard error.
    complaint: Arc<Mutex<String>>,
}

impl Process {
    /// Starts a command of the shell. What it writes to standard error is its log.
    pub(super) fn start(
        command: &str,
        log: Arc<Notes>,
        patience: Duration,
    ) -> Result<Self, ShimError> {
        let failed = |error| ShimError::Start(command.to_owned(), error);
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(failed)?;
        let (events, to_write) = mpsc::channel();
        let (read, lines) = mpsc::channel();
        let complaint = Arc::new(Mutex::new(String::new()));
        if let Some(input) = child.stdin.take() {
            std::thread::spawn(move || write(input, &to_write));
        }
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || read_lines(output, &read));
        }
        let errors = child.stderr.take().map(|output| {
            let last = complaint.clone();
            std::thread::spawn(move || {
                let lines = BufReader::new(output.take(MOST)).split(b'\n');
                for line in lines.map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    log.line(&line);
                    *lock(&last) = line;
                }
            })
        });
        Ok(Self {
            child,
            patience,
            events,
            lines,
            errors,
            complaint,
        })
    }

    /// Says what happens, and waits until the shim has done what follows from that.
    /// Meanwhile nothing else goes on in the caller's thread: simulated time stands.
    pub(super) fn say(&mut self, event: &Event<'_>) -> Result<Vec<Action>, ShimError> {
        let end = Instant::now() + self.patience;
        // A shim that has gone is noticed below.
        let _ = self.events.send(event.to_string());
        let mut actions = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = match self.lines.recv_timeout(left) {
                Ok(line) => line,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    return Err(ShimError::Silent(event.name(), self.patience));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return Err(self.ended(event)),
            };
            let text = String::from_utf8_lossy(&line);
            match Action::parse(text.trim_end_matches('\r')) {
                Ok(Action::Done) => return Ok(actions),
                Ok(action) => actions.push(action),
                Err(why) => {
                    let shown = text.chars().take(80).collect();
                    return Err(ShimError::Malformed(event.name(), shown, why));
                }
            }
        }
    }

    /// Switches it off: the last actions, when it has ended.
    pub(super) fn stop(mut self) -> Result<Vec<Action>, ShimError> {
        let actions = self.say(&Event::Stop)?;
        match self.wait() {
            Some(status) if status.success() => Ok(actions),
            Some(status) => Err(self.gone(&Event::Stop, status)),
            None => Err(ShimError::Silent(Event::Stop.name(), LAST_ORDERS)),
        }
    }

    fn ended(&mut self, event: &Event<'_>) -> ShimError {
        match self.wait() {
            Some(status) => self.gone(event, status),
            None => ShimError::Silent(event.name(), LAST_ORDERS),
        }
    }

    fn gone(&mut self, event: &Event<'_>, status: ExitStatus) -> ShimError {
        let may = matches!(event, Event::Start(..) | Event::Stimulus(_));
        if may && status.code() == Some(NOT_IMPLEMENTED) {
            return ShimError::NotImplemented;
        }
        if let Some(errors) = self.errors.take() {
            let _ = errors.join();
        }
        let complaint = lock(&self.complaint).clone();
        ShimError::Ended(event.name(), status, complaint)
    }

    fn wait(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + LAST_ORDERS;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.kill();
                return Some(status);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        None
    }

    /// Kills what is left of it.
    fn kill(&self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Nothing may be left.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
        if let Some(errors) = self.errors.take() {
            let _ = errors.join();
        }
    }
}

fn write(mut input: ChildStdin, events: &mpsc::Receiver<String>) {
    for mut line in events {
        line.push('\n');
        if input.write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

fn read_lines(output: ChildStdout, lines: &mpsc::Sender<Vec<u8>>) {
    let said = BufReader::new(output.take(MOST)).split(b'\n');
    for line in said.map_while(Result::ok) {
        if lines.send(line).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(script: &str) -> (Process, Arc<Notes>) {
        let notes = Arc::new(Notes::default());
        let patience = Duration::from_millis(500);
        (
            Process::start(script, notes.clone(), patience).unwrap(),
            notes,
        )
    }

    #[test]
    fn it_does_until_it_is_done() {
        let (mut shim, notes) = process(
            "read a; echo log one; echo url $a; echo done; echo two >&2; read b; echo done",
        );
        let actions = shim.say(&Event::Stimulus("honest")).unwrap();
        let url = Action::Url("stimulus honest".into());
        assert_eq!(actions, [Action::Log("one".into()), url]);
        assert_eq!(shim.stop().unwrap(), []);
        assert_eq!(*lock(&notes.log), "two\n");
    }

    #[test]
    fn how_it_goes_wrong_is_said() {
        for (script, told) in [
            ("exit 89", "the shim does not implement it"),
            (
                "echo oh no >&2; exit 3",
                "talk to the shim: at \"stimulus honest\" it ended, exit status: 3; \
                 the last that it wrote to standard error is \"oh no\"",
            ),
            (
                "echo nonsense",
                "read what the shim says at \"stimulus honest\": \"nonsense\"",
            ),
            (
                "sleep 100 & sleep 100",
                "talk to the shim: at \"stimulus honest\" it did not say `done` for 0.5 s",
            ),
        ] {
            let (mut shim, _) = process(script);
            let error = shim.say(&Event::Stimulus("honest")).unwrap_err();
            assert!(error.to_string().starts_with(told), "{script}: {error}");
        }
        // When it has begun it can't say that it does not know how.
        let (mut shim, _) = process("read a; echo done; read b; exit 89");
        shim.say(&Event::Stimulus("honest")).unwrap();
        let error = shim.say(&Event::End(1)).unwrap_err();
        assert!(matches!(error, ShimError::Ended(..)), "{error}");
        let (shim, _) = process("read a; echo done; exit 1");
        assert!(matches!(shim.stop(), Err(ShimError::Ended(..))));
    }
}
