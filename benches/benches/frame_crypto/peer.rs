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

/// Builds and loads the peers, and says so of each, or why it is missing.
///
/// None if the environment variable `FRAME_CRYPTO_PEERS` is `none`.
pub fn contenders(target: &Path) -> Vec<Contender> {
    if env::var_os("FRAME_CRYPTO_PEERS").is_some_and(|peers| peers == "none") {
        println!("no peers: FRAME_CRYPTO_PEERS is none");
        return Vec::new();
    }
    let ours = Compiled::OURS;
    println!(
        "lightleak: optimisation {}, CPU features {}",
        ours.opt_level, ours.cpu_features
    );
    let mut contenders = Vec::new();
    for &(folder, name, remark) in PEERS {
        let version = version(name).unwrap_or_default();
        let library = match Library::build(folder, target) {
            Ok(library) => library,
            Err(error) => {
                println!("{folder}: MISSING: {error}");
                continue;
            }
        };
        let compiled = library.compiled();
        println!(
            "{folder} {version}: optimisation {}, CPU features {}; {remark}",
            compiled.opt_level, compiled.cpu_features
        );
        assert_eq!(compiled, ours, "{folder} is not built as we are");
        contenders.push(Contender {
            name: folder.to_owned(),
            kind: Kind::Peer,
            engine: Box::new(move |scenario, side| Foreign::boxed(library, scenario, side)),
        });
    }
    contenders
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
