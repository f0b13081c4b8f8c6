//! On what it was measured.

use std::{
    env, fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use lightleak_peer::load::Compiled;
use lightleak_sim::{
    h264::{Encoder, EncoderConfig},
    scene::{Scene, SceneConfig},
    seal::sframe::Library,
};

/// Facts of the machine, the compiler and what was compiled.
pub struct Machine(Vec<(&'static str, String)>);

/// What of a CPU makes ciphers fast.
const CPU_FEATURES: &[&str] = &[
    "aes",
    "pclmulqdq",
    "vaes",
    "vpclmulqdq",
    "avx2",
    "avx512f",
    "avx512bw",
    "avx512dq",
    "avx512vl",
    "sha_ni",
    "sha1",
    "pmull",
];

impl Machine {
    /// The facts as they are.
    pub fn now() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let mut lines = cpu.lines().filter_map(|line| line.split_once(':'));
            let found = lines.find(|(field, _)| field.trim() == name);
            found.map(|(_, value)| value.trim().to_owned())
        };
        let flags = field("flags").or(field("Features")).unwrap_or_default();
        let has = |name: &&&str| flags.split_whitespace().any(|flag| flag == **name);
        let features: Vec<&str> = CPU_FEATURES.iter().filter(has).copied().collect();
        let kind =
            ["model name", "cpu family", "model"].map(|name| field(name).unwrap_or_default());
        let cores = thread::available_parallelism().map_or(0, usize::from);
        Self(vec![
            ("cpu", kind.join(", ")),
            ("cpu_features", features.join(" ")),
            ("cores", cores.to_string()),
            ("kernel", content("/proc/sys/kernel/osrelease")),
            ("rustc", said("rustc", "--version")),
            ("opt_level", Compiled::OURS.opt_level.to_owned()),
            ("compiled_for", Compiled::OURS.cpu_features.to_owned()),
            ("sframe_gcm", format!("{:?}", Library::fastest())),
            ("openh264", openh264()),
            ("load", load()),
        ])
    }

    /// All facts, by their names.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.iter().cloned()
    }
}

/// How much else the machine has to do at the moment.
pub fn load() -> String {
    content("/proc/loadavg")
}

fn content(file: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.trim().to_owned()
}

/// Whether openh264 was built with nasm, by what the linker left of its assembly in
/// this program, and what a frame takes.
fn openh264() -> String {
    // In two parts, so that the name itself is not in this program.
    let functions = [
        ["WelsSampleSad16x16", "_sse2"],
        ["WelsSampleSad16x16", "_AArch64_neon"],
    ];
    let program = env::current_exe().and_then(fs::read).unwrap_or_default();
    let is_in = |parts: &[&str; 2]| memchr::memmem::find(&program, parts.concat().as_bytes());
    let assembly = match functions.iter().find_map(is_in) {
        Some(_) => "with its assembly (nasm)",
        None => "WITHOUT its assembly (nasm)",
    };
    format!(
        "{assembly}, {:.1} ms for a frame of 640x360",
        encode() * 1e3
    )
}

/// The seconds that a frame takes to encode.
fn encode() -> f64 {
    const FRAMES: u32 = 20;
    let mut scene = Scene::new(SceneConfig {
        seed: 1,
        width: 640,
        height: 360,
        frames_per_second: 15,
        name: "bench".to_owned(),
        unit: 1,
        nonce: 1,
    })
    .expect("a scene");
    let config = EncoderConfig {
        width: 640,
        height: 360,
        frames_per_second: 15,
        bits_per_second: 1_000_000,
        key_frame_interval: 30,
    };
    let mut encoder = Encoder::new(config, 1).expect("an encoder");
    let mut sum = Duration::ZERO;
    for number in 0..FRAMES {
        let taken = Duration::from_secs(1) * number / 15;
        let picture = scene.draw(number, taken);
        let began = Instant::now();
        encoder.encode(picture, number, taken).expect("a frame");
        sum += began.elapsed();
    }
    sum.as_secs_f64() / f64::from(FRAMES)
}

fn said(program: &str, argument: &str) -> String {
    let output = Command::new(program).arg(argument).output();
    output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}
