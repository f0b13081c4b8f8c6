//! Starting the real binary, and programs that may be missing.

use std::{
    env, fs,
    io::ErrorKind,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use lightleak_judge::{
    decoder::Picture,
    mark::{self, Mark},
};
use lightleak_sim::{
    h264::EncoderConfig,
    seal::keys::{HpkePublicKey, OwnerKey},
};
use serde_json::Value;
use tempfile::TempDir;

/// How long cameras may take to start, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that is not ours. Where it is not installed the test is skipped,
/// and says so; under `CI=true` it fails.
pub fn client(name: &str) -> Option<Command> {
    let mut command = Command::new(name);
    started(
        command
            .arg("-h")
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?
    .wait()
    .unwrap_or_else(|error| panic!("wait for {name}: {error}"));
    Some(Command::new(name))
}

/// The same, started.
pub fn started(command: &mut Command) -> Option<Child> {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.spawn() {
        Ok(child) => Some(child),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            assert!(
                env::var_os("CI").is_none_or(|ci| ci != "true"),
                "{name} is not installed; ci/setup installs it"
            );
            println!("skipped: {name} is not installed");
            None
        }
        Err(error) => panic!("start {name}: {error}"),
    }
}

/// The binary under test.
pub fn lightleak() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lightleak"))
}

/// Cameras that `lightleak serve` runs; they end with this.
pub struct Served {
    child: Child,
    folder: TempDir,
    /// The ready file.
    pub ready: Value,
}

impl Served {
    /// Starts `serve` and waits for its ready file.
    pub fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("make a temporary folder");
        let file = folder.path().join("ready.json");
        let child = lightleak()
            .arg("serve")
            .arg("--ready-file")
            .arg(&file)
            .args(options)
            // Its own temporary files go when this folder goes.
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("start lightleak");
        let mut served = Self {
            child,
            folder,
            ready: Value::Null,
        };
        let text = wait_until("write the ready file", || {
            assert_eq!(served.ended(), None, "the cameras ended");
            fs::read(&file).ok()
        });
        served.ready = serde_json::from_slice(&text).expect("parse the ready file");
        served
    }

    /// Address of the first camera's path, without credentials.
    pub fn url(&self) -> &str {
        self.text("/cameras/0/paths/0/url")
    }

    /// The same address with these credentials in it.
    pub fn url_with(&self, user: &str, password: &str) -> String {
        self.url()
            .replacen("://", &format!("://{user}:{password}@"), 1)
    }

    /// The same address with the credentials that the ready file gives.
    pub fn url_with_credentials(&self) -> String {
        let user = self.text("/cameras/0/paths/0/user");
        self.url_with(user, self.text("/cameras/0/paths/0/password"))
    }

    /// The address of the sub stream, with the credentials in it.
    pub fn sub_url_with_credentials(&self) -> String {
        let main = self.url_with_credentials();
        let host = main.strip_suffix("/main").expect("the path leads to main");
        format!("{host}/sub")
    }

    /// The owner's signature for a viewer's key, both in hexadecimal, with the key
    /// that the ready file names.
    pub fn enrol(&self, viewer: &str) -> String {
        let seed = fs::read_to_string(self.text("/owner_key_file"));
        let seed = octets(seed.expect("read the owner's key").trim_end());
        let owner = OwnerKey::from_seed(&seed).expect("it is a key");
        signed(&owner, viewer)
    }

    /// A string of the ready file, by JSON pointer.
    pub fn text(&self, pointer: &str) -> &str {
        let value = self.ready.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_else(|| panic!("the ready file has no text at {pointer}: {}", self.ready))
    }

    /// What is left of the cameras' temporary files.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path()).expect("list the temporary folder");
        entries
            .map(|entry| entry.expect("list the temporary folder").path())
            .filter(|path| !path.ends_with("ready.json"))
            .collect()
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        // `kill` is a command of the shell itself: nothing else need be installed.
        let kill = format!("kill -TERM {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("start a shell").success(), "send SIGTERM");
        wait_until("end", || self.ended())
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("look after lightleak")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_until<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = done() {
            return value;
        }
        assert!(Instant::now() < give_up, "the cameras did not {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The owner's signature for a viewer's key, both in hexadecimal.
pub fn signed(owner: &OwnerKey, viewer: &str) -> String {
    let signature = owner.enrol(&HpkePublicKey(octets(viewer)));
    let octets = signature.iter();
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// 32 octets in hexadecimal.
fn octets(text: &str) -> [u8; 32] {
    assert_eq!(text.len(), 64, "{text}");
    std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..][..2], 16).expect("hexadecimal"))
}

/// The marks of raw pictures as ffmpeg writes them: YCbCr 4:2:0, planes one
/// after the other, pictures one after the other.
pub fn marks(raw: &[u8], video: EncoderConfig) -> Vec<Option<Mark>> {
    let (width, height) = (video.width as usize, video.height as usize);
    let (luma, chroma) = (width * height, width * height / 4);
    let pictures = raw.chunks_exact(luma + 2 * chroma);
    assert!(pictures.remainder().is_empty(), "half a picture at the end");
    let read = |planes: &[u8]| {
        mark::read(&Picture {
            width,
            height,
            y: planes[..luma].to_vec(),
            u: planes[luma..luma + chroma].to_vec(),
            v: planes[luma + chroma..].to_vec(),
            damaged: false,
        })
    };
    pictures.map(read).collect()
}

/// The unit number of the first camera that `serve` starts.
pub const UNIT: u16 = 1;

/// So many raw pictures, each with the mark of another frame of that camera.
pub fn assert_marked(raw: &[u8], video: EncoderConfig, pictures: usize) {
    let marks = marks(raw, video);
    assert_eq!(marks.len(), pictures);
    let marks: Vec<_> = marks
        .into_iter()
        .map(|mark| mark.expect("every picture has a mark"))
        .collect();
    assert!(marks.iter().all(|mark| mark.unit == UNIT), "{marks:?}");
    assert!(
        marks.windows(2).all(|pair| pair[0].frame < pair[1].frame),
        "every picture is another: {marks:?}"
    );
}
