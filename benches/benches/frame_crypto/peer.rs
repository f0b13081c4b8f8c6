//! Other implementations, each in a library of its own.

use std::{env, ops::Range, path::Path};

use lightleak_peer::{
    Side, Units,
    load::{Compiled, Library, Loaded, version},
};

use crate::{
    contender::{Contender, Copies, Engine, Kind},
    scenario::Scenario,
};

/// The peers: the folder, the crate, and what there is to say.
const PEERS: &[(&str, &str, &str)] = &[
    ("libsrtp", "", "the system's; Debian's links NSS"),
    ("rtc-srtp-aws-lc-rs", "rtc-srtp", ""),
    ("rtc-srtp-ring", "rtc-srtp", ""),
    ("sframe-ring", "sframe", ""),
    ("sframe-rustcrypto", "sframe", ""),
    (
        "str0m",
        "str0m",
        "aws-lc-rs; seals only, with a copy more than in a session",
    ),
    ("webrtc-srtp", "webrtc-srtp", "RustCrypto"),
];

/// Builds and loads the peers; and says of each how it was built, or why it is
/// missing, which is printed too.
///
/// None if the environment variable `FRAME_CRYPTO_PEERS` is `none`.
pub fn contenders(target: &Path) -> (Vec<Contender>, Vec<String>) {
    let mut contenders = Vec::new();
    let mut built = Vec::new();
    let mut say = |text: String| {
        println!("{text}");
        built.push(text);
    };
    if env::var_os("FRAME_CRYPTO_PEERS").is_some_and(|peers| peers == "none") {
        say("no peers: FRAME_CRYPTO_PEERS is none".to_owned());
        return (contenders, built);
    }
    let ours = Compiled::OURS;
    for &(folder, name, remark) in PEERS {
        let version = version(name).unwrap_or_default();
        let library = match Library::build(folder, target) {
            Ok(library) => library,
            Err(error) => {
                say(format!("{folder}: MISSING: {error}"));
                continue;
            }
        };
        let compiled = library.compiled();
        assert_eq!(compiled, ours, "{folder} is not built as we are");
        let remark = if remark.is_empty() {
            ""
        } else {
            &format!("; {remark}")
        };
        say(format!(
            "{folder} {version}: optimisation {}, compiled for {}{remark}",
            compiled.opt_level, compiled.cpu_features
        ));
        contenders.push(Contender {
            name: folder.to_owned(),
            kind: Kind::Peer,
            engine: Box::new(move |scenario, side| Foreign::boxed(library, scenario, side)),
        });
    }
    (contenders, built)
}

/// A session of a peer.
struct Foreign {
    make: Box<dyn Fn() -> Option<Loaded>>,
    session: Option<Loaded>,
    frames: Copies,
    keep: bool,
}

impl Foreign {
    fn boxed(library: Library, scenario: &Scenario, side: Side) -> Option<Box<dyn Engine>> {
        let (suite, key, salt) = (scenario.suite, scenario.key.clone(), scenario.salt.clone());
        let make = move || library.peer(suite, side, &key, &salt);
        let session = Some(make()?);
        Some(Box::new(Self {
            make: Box::new(make),
            session,
            frames: Copies::default(),
            keep: false,
        }))
    }
}

impl Engine for Foreign {
    fn renew(&mut self, frames: &[Units], keep: bool) {
        // The old one first, so that the new one comes to lie where it was.
        self.session = None;
        self.session = (self.make)();
        self.frames.renew(frames);
        self.keep = keep;
    }

    fn process(&mut self, range: Range<usize>) -> bool {
        let Some(session) = &mut self.session else {
            return false;
        };
        let frames = &mut self.frames.0[range];
        frames
            .iter_mut()
            .all(|units| session.process(units, self.keep))
    }

    fn results(&self) -> Vec<Units> {
        self.frames.0.clone()
    }
}
