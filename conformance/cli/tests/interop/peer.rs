//! The program beside this file, which is one end of SRTP by libsrtp.

use std::{
    env,
    io::{Read, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use lightleak_sim::seal::{keys::SrtpMasterKey, srtp::Suite};
use tempfile::TempDir;

use crate::plan::{Peer, SSRC};

const SOURCE: &str = include_str!("libsrtp_peer.c");

/// The running program, and the session that it has begun.
pub struct Libsrtp {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    /// The number of the key that it seals with.
    key: u8,
    _folder: TempDir,
}

/// What a program says, if it is there and succeeds.
fn answer(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// What a session begins with.
pub struct Session<'a> {
    /// Of one suite.
    pub keys: &'a [(SrtpMasterKey, Vec<u8>)],
    /// The number of the key to seal with.
    pub key: u8,
    /// The roll-over counter.
    pub roc: u32,
}

impl Libsrtp {
    /// Compiles and starts it. Where there is no compiler or no libsrtp the test
    /// is skipped, and says so; under `CI=true` it fails.
    pub fn start() -> Option<Self> {
        let flags = answer("pkg-config", &["--cflags", "--libs", "libsrtp2"]);
        let (Some(flags), Some(_)) = (flags, answer("cc", &["--version"])) else {
            let missing = "cc, pkg-config or libsrtp2-dev is not installed";
            let ci = env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!ci, "{missing}; ci/setup installs them");
            println!("skipped: {missing}");
            return None;
        };
        let folder = tempfile::tempdir().expect("make a temporary folder");
        let program = folder.path().join("peer");
        let mut compiler = Command::new("cc")
            .args(["-O2", "-x", "c", "-", "-x", "none", "-o"])
            .arg(&program)
            .args(String::from_utf8_lossy(&flags).split_whitespace())
            .stdin(Stdio::piped())
            .spawn()
            .expect("start cc");
        let mut source = compiler.stdin.take().expect("a pipe");
        source.write_all(SOURCE.as_bytes()).expect("write to cc");
        drop(source);
        assert!(compiler.wait().expect("wait for cc").success());

        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start the peer");
        Some(Self {
            to: child.stdin.take().expect("a pipe"),
            from: child.stdout.take().expect("a pipe"),
            child,
            key: 0,
            _folder: folder,
        })
    }

    /// What libsrtp says it is.
    pub fn version(&mut self) -> String {
        let version = self.ask(b'v', &[]).expect("its version");
        String::from_utf8_lossy(&version).into_owned()
    }

    /// Forgets the session before, and begins one.
    pub fn begin(&mut self, session: &Session) {
        let (first, mki) = &session.keys[0];
        let suite = Suite::ALL.iter().position(|s| *s == first.suite());
        let length = first.expose_key().len() + first.expose_salt().len();
        let mut operands = vec![suite.expect("one of all") as u8];
        operands.extend(SSRC.to_be_bytes());
        operands.extend(session.roc.to_be_bytes());
        operands.extend([mki.len() as u8, session.keys.len() as u8, length as u8]);
        for (key, mki) in session.keys {
            operands.extend([key.expose_key(), key.expose_salt(), mki].concat());
        }
        self.key = session.key;
        self.ask(b'b', &operands).expect("begin a session");
    }

    fn ask(&mut self, operation: u8, operands: &[u8]) -> Result<Vec<u8>, String> {
        let length = u32::try_from(operands.len() + 1).expect("a short request");
        let head = [&[operation][..], &length.to_be_bytes(), &[self.key]].concat();
        self.to.write_all(&head).expect("ask the peer");
        self.to.write_all(operands).expect("ask the peer");
        self.to.flush().expect("ask the peer");

        let mut head = [0; 5];
        self.from.read_exact(&mut head).expect("the peer answers");
        let [status, length @ ..] = head;
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.from.read_exact(&mut answer).expect("the peer answers");
        match status {
            0 => Ok(answer),
            status => Err(format!("status {status} of libsrtp")),
        }
    }
}

impl Peer for Libsrtp {
    fn seal(&mut self, packet: &[u8]) -> Result<Vec<u8>, String> {
        self.ask(b's', packet)
    }

    fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        self.ask(b'o', sealed)
    }

    fn seal_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, String> {
        self.ask(b'S', packet)
    }

    fn open_rtcp(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        self.ask(b'O', sealed)
    }
}

impl Drop for Libsrtp {
    fn drop(&mut self) {
        // It ends by itself when nobody asks any more; this is sooner.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
