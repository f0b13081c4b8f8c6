//! Janus in the place of our relay: it ends the hop on both sides, knows nothing of
//! SFrame, and what it hands on is opened by Chromium.

use std::{
    fs,
    net::{TcpListener, TcpStream, UdpSocket},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use lightleak::{net::os::OsEntropy, target::sim::VIDEO};
use lightleak_judge::mark;
use lightleak_sim::{
    h264::{AccessUnit, Encoder},
    rtp::{Packetizer, PacketizerConfig, Packets},
    scene::{Scene, SceneConfig},
    seal::{
        keys::{Authority, SFrameBaseKey, SrtpMasterKey},
        sframe::{self, Frames, KeyId, VolatileCounters, nal},
        srtp,
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    browser::{FRAMES, number, part_of},
    chromium::Chromium,
    support::{UNIT, started},
};

const WINDOW: (u32, u32) = (1280, 900);
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the camera is on before somebody comes.
const HEAD_START: Duration = Duration::from_millis(1500);
const KEY: [u8; 16] = [7; 16];
const KID: u64 = 5;

#[test]
fn hands_sframe_on_and_a_browser_opens_it() {
    let Some(viewer) = Viewer::start(KEY) else {
        return;
    };
    let outcome = viewer.wait(|outcome| number(&outcome["frames_decoded"]) >= FRAMES);
    assert_eq!(outcome["width"], VIDEO.width, "{outcome}");
    assert_eq!(outcome["video"]["refused"], 0, "{outcome}");
    assert_eq!(viewer.mark().expect("a mark").unit, UNIT);
}

#[test]
fn with_another_key_nothing_that_it_hands_on_is_decoded() {
    let mut key = KEY;
    key[0] ^= 1;
    let Some(viewer) = Viewer::start(key) else {
        return;
    };
    let outcome = viewer.wait(|outcome| number(&outcome["video"]["refused"]) >= FRAMES);
    assert_eq!(outcome["video"]["opened"], 0, "{outcome}");
    assert_eq!(outcome["frames_decoded"], 0, "{outcome}");
    assert_eq!(viewer.mark(), None);
}

/// A browser that watches a camera by way of Janus.
struct Viewer {
    browser: Chromium,
    _camera: Camera,
    _janus: Janus,
}

impl Viewer {
    fn start(key: [u8; 16]) -> Option<Self> {
        let hop = SrtpMasterKey::random(srtp::Suite::AesCm128HmacSha1_80, &OsEntropy);
        let janus = Janus::start(&hop)?;
        let camera = Camera::start(janus.rtp_port, &hop);
        thread::sleep(HEAD_START);
        // It speaks HTTP here, and is to trust nobody.
        let authority = janus.folder.path().join("ca.pem");
        let pem = Authority::new().expect("make an authority");
        fs::write(&authority, pem.certificate_pem()).expect("write a certificate");
        let browser = Chromium::start(&authority, WINDOW)?;
        browser.go(&format!("{}/info", janus.url));
        let viewer = Self {
            browser,
            _camera: camera,
            _janus: janus,
        };
        let base: String = key.iter().map(|octet| format!("{octet:02x}")).collect();
        viewer.step(json!({
            "step": "watch", "kid": format!("{KID:016x}"), "base": base,
            "script": include_str!("../../src/page/worker.js"),
        }));
        Some(viewer)
    }

    fn wait(&self, done: impl Fn(&Value) -> bool) -> Value {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let outcome = self.step(json!({ "step": "look" }));
            if done(&outcome) {
                return outcome;
            }
            assert!(Instant::now() < give_up, "{outcome}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    fn mark(&self) -> Option<mark::Mark> {
        let size = (VIDEO.width, VIDEO.height);
        mark::read(&part_of(&self.browser.screenshot(), (0, 0), size))
    }

    fn step(&self, what: Value) -> Value {
        self.browser.step_of(include_str!("janus.js"), what)
    }
}

/// Sends SFrame in SRTP, in real time; it ends with this.
struct Camera {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Camera {
    fn start(port: u16, hop: &SrtpMasterKey) -> Self {
        let hop = srtp::Sender::new(hop, srtp::SenderOptions::default()).expect("a sender");
        let is_over = Arc::<AtomicBool>::default();
        let over = is_over.clone();
        let thread = thread::spawn(move || film(port, hop, &over));
        Self {
            is_over,
            thread: Some(thread),
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been seen on standard error.
            let _ = thread.join();
        }
    }
}

fn film(port: u16, mut hop: srtp::Sender, is_over: &AtomicBool) {
    let mut scene = Scene::new(SceneConfig {
        seed: 1,
        width: VIDEO.width,
        height: VIDEO.height,
        frames_per_second: VIDEO.frames_per_second,
        name: "JANUS".to_owned(),
        unit: UNIT,
        nonce: 1,
    })
    .expect("a scene");
    let mut encoder = Encoder::new(VIDEO, 1).expect("an encoder");
    let key = SFrameBaseKey::new(sframe::Suite::Aes128Gcm, KeyId::new(KID), &KEY);
    let counters = VolatileCounters::default();
    let mut sender = sframe::Sender::new(key.expect("a key"), counters).expect("a sender");
    let mut packetizer = Packetizer::new(PacketizerConfig {
        payload_type: 96,
        ssrc: 1,
        first_sequence: 1,
        clock_rate: 90_000,
        time_offset: 0,
        max_packet: 1184,
    })
    .expect("a packetizer");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bind a socket");
    let mut packets = Packets::with_room(hop.overhead());
    let start = Instant::now();
    for number in 0.. {
        let taken = Duration::from_secs(1) * number / VIDEO.frames_per_second;
        thread::sleep((start + taken).saturating_duration_since(Instant::now()));
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let picture = scene.draw(number, taken);
        let unit = encoder.encode(picture, number, taken).expect("a frame");
        let unit = sealed(&unit, &mut sender);
        packetizer.packetize(&unit, &mut packets);
        hop.seal(&mut packets).expect("it is sealed");
        for packet in packets.iter() {
            // Nobody has to listen.
            let _ = socket.send_to(packet, ("127.0.0.1", port));
        }
    }
}

fn sealed(unit: &AccessUnit, sender: &mut sframe::Sender) -> AccessUnit {
    let mut frames = Frames::new();
    nal::push(unit, &mut frames);
    sender.seal(&mut frames).expect("it is sealed");
    let sealed = frames.iter().next().expect("a frame");
    AccessUnit {
        nal_units: nal::wrap(sealed, unit.key_frame),
        ..unit.clone()
    }
}

/// Janus with one mountpoint; it ends with this.
struct Janus {
    child: Child,
    url: String,
    rtp_port: u16,
    folder: TempDir,
}

impl Janus {
    fn start(hop: &SrtpMasterKey) -> Option<Self> {
        let folder = tempfile::tempdir().expect("make a temporary folder");
        let port = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("bind a socket");
            listener.local_addr().expect("it has an address").port()
        };
        let rtp_port = {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("bind a socket");
            socket.local_addr().expect("it has an address").port()
        };
        let path = folder.path().display();
        let key = BASE64_STANDARD.encode([hop.expose_key(), hop.expose_salt()].concat());
        let files = [
            (
                "janus.jcfg",
                format!(
                    "general: {{ configs_folder = \"{path}\"; interface = \"127.0.0.1\"; }}
                     nat: {{ ice_enforce_list = \"lo\"; }}"
                ),
            ),
            (
                "janus.transport.http.jcfg",
                format!("general: {{ http = true; port = {port}; ip = \"127.0.0.1\"; }}"),
            ),
            (
                "janus.plugin.streaming.jcfg",
                format!(
                    "camera: {{
                       type = \"rtp\"; id = 1; description = \"camera\";
                       audio = false; video = true; videobufferkf = true;
                       videoport = {rtp_port}; videoiface = \"127.0.0.1\"; videopt = 96;
                       videocodec = \"h264\";
                       videofmtp = \"profile-level-id=42e01f;packetization-mode=1\";
                       srtpsuite = 80; srtpcrypto = \"{key}\";
                     }}"
                ),
            ),
        ];
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("write a configuration");
        }
        let child = started(
            Command::new("janus")
                .arg("-F")
                .arg(folder.path())
                .args(["--log-stdout", "--disable-colors"])
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        )?;
        let give_up = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < give_up, "janus does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Some(Self {
            child,
            url: format!("http://127.0.0.1:{port}/janus"),
            rtp_port,
            folder,
        })
    }
}

impl Drop for Janus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
