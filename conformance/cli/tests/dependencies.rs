//! What the simulator and the judge are built of, as `cargo tree` resolves
//! each of them alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

/// Crates that both may contain. None of them works on one format on both
/// sides: what one side seals, the other opens with another implementation.
/// RustCrypto seals age and HPKE in sim, and opens TLS and SFrame in the judge;
/// aws-lc-rs seals TLS in sim, and SFrame and SRTP beside ring; it opens age and
/// HPKE in the judge ([`FORMATS`]).
const SHARED: &[(&str, &str)] = &[
    ("aead", "RustCrypto: traits, no algorithm"),
    (
        "aes",
        "seals HPKE in sim, opens TLS, SRTP and SFrame in the judge",
    ),
    ("aes-gcm", "the same"),
    ("arrayvec", "lists of bounded length"),
    (
        "aws-lc-rs",
        "TLS, DTLS, SRTP, SFrame and signatures of clip lists in sim, opens age and HPKE in the judge",
    ),
    ("aws-lc-sys", "the same"),
    (
        "base64",
        "octets as text: in headers of age in sim, in the judge's HTML",
    ),
    (
        "block-buffer",
        "RustCrypto: blocks of octets for hashes, no algorithm",
    ),
    ("bytes", "octets with shared ownership"),
    ("cfg-if", "a macro for conditional compilation"),
    (
        "chacha20",
        "seals age in sim (0.9), opens TLS in the judge (0.10)",
    ),
    (
        "chacha20poly1305",
        "seals age in sim (0.10), opens TLS in the judge (0.11)",
    ),
    ("cipher", "RustCrypto: traits, no algorithm"),
    ("cmov", "RustCrypto: moves in constant time, no algorithm"),
    ("const-oid", "RustCrypto: names of algorithms, no algorithm"),
    ("cpubits", "asks the compiler for the width of numbers"),
    ("cpufeatures", "asks the processor what it can do"),
    ("crypto-common", "RustCrypto: traits, no algorithm"),
    ("ctr", "under aes-gcm; for SRTP and SFrame in the judge"),
    (
        "ctutils",
        "RustCrypto: comparisons in constant time, no algorithm",
    ),
    (
        "curve25519-dalek",
        "for age (4) and HPKE (5) in sim, for signatures of clip lists in the judge (5)",
    ),
    ("curve25519-dalek-derive", "runs in the compiler"),
    ("der", "reads DER under x509-cert; no algorithm"),
    ("der_derive", "runs in the compiler"),
    ("digest", "RustCrypto: traits of hashes, no algorithm"),
    ("flagset", "sets of flags, for x509-cert"),
    (
        "getrandom",
        "under age, dimpl, str0m and stun-proto in sim; under crates rtp and sframe in the judge, which draw nothing",
    ),
    ("ghash", "under aes-gcm"),
    ("hashbrown", "hash tables"),
    (
        "hkdf",
        "for age (0.12) and HPKE (0.13) in sim, for TLS, SRTP and SFrame in the judge (0.13)",
    ),
    (
        "hmac",
        "for age and STUN (0.12) and HPKE (0.13) in sim, for TLS, SRTP and SFrame in the judge (0.13)",
    ),
    (
        "hybrid-array",
        "RustCrypto: arrays with a length in the type",
    ),
    ("inout", "RustCrypto: buffers, no algorithm"),
    ("itoa", "numbers as text"),
    ("lazy_static", "values that are made once"),
    ("libc", "declarations of the C library"),
    ("lock_api", "traits of locks"),
    ("log", "the logging interface, to which nobody listens here"),
    (
        "md-5",
        "answers Digest challenges in sim; guesses keys made from identifiers in the judge",
    ),
    ("memchr", "search for octets"),
    (
        "nom",
        "parser combinators: version 7 under rtsp-types and 8 under dimpl in sim, 8 under pcap-parser in the judge",
    ),
    ("num-traits", "traits of numbers"),
    ("parking_lot", "locks"),
    ("parking_lot_core", "locks"),
    ("pin-project-lite", "a macro for pinned fields"),
    (
        "poly1305",
        "seals age in sim (0.8), opens TLS in the judge (0.9)",
    ),
    ("polyval", "under aes-gcm"),
    ("ppv-lite86", "vectors of the processor for rand_chacha"),
    ("proc-macro2", "runs in the compiler"),
    ("quote", "runs in the compiler"),
    (
        "rand",
        "under age, dimpl, str0m and stun-proto in sim; under crate rtp in the judge, which draws nothing",
    ),
    ("rand_chacha", "under rand"),
    ("rand_core", "traits of random numbers"),
    ("scopeguard", "runs code at the end of a scope"),
    (
        "serde",
        "traits of serialisation; in sim for the signalling's JSON",
    ),
    ("serde_core", "the same"),
    ("serde_derive", "runs in the compiler"),
    (
        "serde_json",
        "bodies of the signalling in sim, reports in the judge",
    ),
    (
        "sha1",
        "authenticates STUN to a TURN server in sim (0.10); opens SRTP in the judge (0.11)",
    ),
    (
        "sha2",
        "for age (0.10) and HPKE (0.11) in sim, for TLS and SFrame in the judge (0.11)",
    ),
    ("signature", "RustCrypto: traits, no algorithm"),
    ("smallvec", "short vectors"),
    (
        "spki",
        "names of keys in DER, under x509-cert; no algorithm",
    ),
    ("subtle", "comparisons in constant time"),
    ("syn", "runs in the compiler"),
    ("thiserror", "error types"),
    ("thiserror-impl", "runs in the compiler"),
    (
        "tokio",
        "runs the cameras; in the judge under crate rtp, which is used without a runtime",
    ),
    ("tokio-macros", "runs in the compiler"),
    (
        "toml",
        "under age in sim, where macros of its messages read settings when compiled (0.5); reads cases in the judge",
    ),
    ("typenum", "numbers in types"),
    ("unicode-ident", "runs in the compiler"),
    ("universal-hash", "RustCrypto: traits, no algorithm"),
    (
        "x509-cert",
        "reads certificates: of the other end under dimpl in sim, of captures in the judge; no algorithm",
    ),
    ("zerocopy", "octets as numbers, for ppv-lite86"),
    ("zeroize", "clears memory that held keys"),
    ("zeroize_derive", "runs in the compiler"),
    ("zmij", "numbers as text, for serde_json"),
];

/// A format, and where the simulator and the judge have its cryptography.
type Format = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// Formats that one side seals and the other opens.
const FORMATS: &[Format] = &[
    (
        "age",
        &["sim/src/seal/recording.rs"],
        &[
            "conformance/judge/src/open/age",
            "conformance/judge/src/open/age.rs",
        ],
    ),
    (
        "DTLS",
        &["sim/src/webrtc/dtls.rs"],
        &[
            "conformance/judge/src/open/aead.rs",
            "conformance/judge/src/open/dtls/dtls12.rs",
            "conformance/judge/src/open/dtls/dtls13.rs",
            "conformance/judge/src/open/tls12/protection.rs",
            "conformance/judge/src/open/tls13/protection.rs",
        ],
    ),
    (
        "HPKE",
        &["sim/src/seal/envelope", "sim/src/seal/keys/hpke.rs"],
        &["conformance/judge/src/open/hpke"],
    ),
    (
        "SFrame",
        &["sim/src/seal/sframe", "sim/src/seal/keys/sframe.rs"],
        &["conformance/judge/src/open/sframe"],
    ),
    (
        "SRTP",
        &["sim/src/seal/srtp"],
        &["conformance/judge/src/open/srtp"],
    ),
    (
        "TLS",
        &["sim/src/seal/tls.rs"],
        &[
            "conformance/judge/src/open/aead.rs",
            "conformance/judge/src/open/tls12",
            "conformance/judge/src/open/tls12.rs",
            "conformance/judge/src/open/tls13",
            "conformance/judge/src/open/tls13.rs",
        ],
    ),
];

/// Crates of cryptography, as sources name them, and whose algorithms they run.
const ALGORITHMS: &[(&str, &str)] = &[
    ("aes", "RustCrypto"),
    ("aes_gcm", "RustCrypto"),
    ("age", "RustCrypto"),
    ("aws_lc_rs", "AWS-LC"),
    ("chacha20", "RustCrypto"),
    ("chacha20poly1305", "RustCrypto"),
    ("ctr", "RustCrypto"),
    // On aws-lc-rs, as its features say.
    ("dimpl", "AWS-LC"),
    ("hkdf", "RustCrypto"),
    ("hmac", "RustCrypto"),
    ("hpke", "RustCrypto"),
    ("ring", "ring"),
    ("rustls", "AWS-LC"),
    ("sframe", "RustCrypto"),
    ("sha1", "RustCrypto"),
    ("sha2", "RustCrypto"),
];

/// Crates whose business is sockets, processes or the system's randomness. hyper
/// itself has had none of them since its version 1; hyper-util has.
const SYSTEM: &[&str] = &[
    "async-io",
    "getrandom",
    "hyper-util",
    "mio",
    "nix",
    "polling",
    "rand",
    "reqwest",
    "rustix",
    "signal-hook-registry",
    "socket2",
    "ureq",
];

/// Of these the ones that age asks for file keys and ephemeral keys, dimpl and
/// str0m for nonces, ICE credentials and SSRCs, and stun-proto for ids of
/// transactions, as the TLS stack asks its own; no source of ours can.
const UNDER_OTHERS: &[&str] = &["getrandom", "rand"];

/// Features of tokio that open a way out.
const WAYS_OUT: &[&str] = &["full", "fs", "io-std", "net", "process", "signal"];

#[test]
fn the_simulator_contains_no_crate_for_sockets_or_processes() {
    let found = |tree: &BTreeMap<String, _>| -> Vec<&str> {
        let names = SYSTEM.iter().copied();
        names.filter(|name| tree.contains_key(*name)).collect()
    };
    assert_eq!(found(&tree("lightleak-sim")), UNDER_OTHERS);
    let direct = tree_of("lightleak-sim", &["--depth", "1"]);
    assert_eq!(found(&direct), [""; 0], "asked for by our own source");
}

#[test]
fn the_simulator_asks_tokio_for_no_way_out() {
    let tree = tree("lightleak-sim");
    let features = &tree["tokio"];
    assert!(
        features.contains("rt"),
        "no features were read: {features:?}"
    );
    let found: Vec<_> = WAYS_OUT.iter().filter(|f| features.contains(**f)).collect();
    assert!(found.is_empty(), "lightleak-sim has tokio with {found:?}");
}

#[test]
fn the_judge_does_not_contain_the_simulator() {
    assert!(!tree("lightleak-judge").contains_key("lightleak-sim"));
    assert!(!tree("lightleak-sim").contains_key("lightleak-judge"));
    assert!(!tree("lightleak-sim").contains_key("lightleak-case"));
}

#[test]
fn the_simulator_and_the_judge_share_only_what_is_listed() {
    let names = |package| tree(package).into_keys().collect::<BTreeSet<_>>();
    let shared: Vec<_> = names("lightleak-sim")
        .intersection(&names("lightleak-judge"))
        .cloned()
        .collect();
    let listed: Vec<_> = SHARED.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(shared, listed, "shared, and listed with a reason");
    assert!(SHARED.iter().all(|(_, reason)| !reason.is_empty()));
}

#[test]
fn what_one_side_seals_the_other_opens_with_other_algorithms() {
    for (format, sim, judge) in FORMATS {
        let [sim, judge] = [sim, judge].map(|places| algorithms(places));
        assert!(
            !sim.is_empty() && !judge.is_empty(),
            "{format}: {sim:?} {judge:?}"
        );
        assert!(sim.is_disjoint(&judge), "{format}: {sim:?} {judge:?}");
    }
}

/// Whose algorithms the sources in these places use, tests left out.
fn algorithms(places: &[&str]) -> BTreeSet<&'static str> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut used = BTreeSet::new();
    for place in places {
        let path = root.join(place);
        let files = match path.is_dir() {
            true => std::fs::read_dir(path)
                .expect("a folder")
                .map(|entry| entry.expect("an entry").path())
                .collect(),
            false => vec![path],
        };
        for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
            let source = std::fs::read_to_string(file).expect("a source");
            let code = source.split("#[cfg(test)]\nmod tests {").next();
            // The digest of a clip list is no part of a format.
            let lines = code.unwrap_or_default().lines();
            for line in lines.filter(|line| !line.starts_with("use aws_lc_rs::digest")) {
                let path = line.trim_start_matches("pub ").strip_prefix("use ");
                let name = path.and_then(|path| path.split([':', ';', ' ']).next());
                let known = ALGORITHMS.iter().find(|(krate, _)| name == Some(*krate));
                used.extend(known.map(|(_, whose)| whose));
            }
        }
    }
    used
}

/// Normal dependencies of a package, with the features that it alone, and
/// nobody else in the workspace, asks for.
fn tree(package: &str) -> BTreeMap<String, BTreeSet<String>> {
    tree_of(package, &[])
}

fn tree_of(package: &str, more: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--offline", "--locked", "--package", package])
        .args(["--edges", "normal", "--prefix", "none", "--no-dedupe"])
        .args(["--format", "{p}|{f}"])
        .args(more)
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree failed: {errors}");
    let mut tree = BTreeMap::<_, BTreeSet<_>>::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let Some((name, features)) = line.split_once('|') else {
            continue;
        };
        let name = name.split(' ').next().unwrap_or_default().to_owned();
        let features = features.split([',', ' ']).filter(|f| !f.is_empty());
        tree.entry(name)
            .or_default()
            .extend(features.map(str::to_owned));
    }
    assert!(tree.contains_key(package) && tree.len() > 10, "{tree:?}");
    tree
}
