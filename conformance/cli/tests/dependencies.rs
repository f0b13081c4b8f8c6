//! What the simulator and the judge are built of, as `cargo tree` resolves
//! each of them alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

/// Crates that both may contain. None of them works on one format on both
/// sides: what one side seals, the other opens with another implementation.
/// RustCrypto seals age in sim, and opens TLS in the judge; aws-lc-rs seals TLS
/// in sim, and opens age in the judge.
const SHARED: &[(&str, &str)] = &[
    ("aead", "RustCrypto: traits, no algorithm"),
    (
        "aws-lc-rs",
        "TLS and signatures of clip lists in sim, opens age in the judge",
    ),
    ("aws-lc-sys", "the same"),
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
    ("const-oid", "RustCrypto: names of algorithms, no algorithm"),
    ("cpufeatures", "asks the processor what it can do"),
    ("crypto-common", "RustCrypto: traits, no algorithm"),
    (
        "curve25519-dalek",
        "for age in sim (4), for signatures of clip lists in the judge (5)",
    ),
    ("curve25519-dalek-derive", "runs in the compiler"),
    ("digest", "RustCrypto: traits of hashes, no algorithm"),
    (
        "getrandom",
        "under age in sim; under crate rtp in the judge, which draws nothing",
    ),
    ("hkdf", "for age in sim (0.12), for TLS in the judge (0.13)"),
    ("hmac", "for age in sim (0.12), for TLS in the judge (0.13)"),
    (
        "hybrid-array",
        "RustCrypto: arrays with a length in the type",
    ),
    ("inout", "RustCrypto: buffers, no algorithm"),
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
        "parser combinators: version 7 under rtsp-types in sim, 8 under pcap-parser in the judge",
    ),
    ("num-traits", "traits of numbers"),
    ("parking_lot", "locks"),
    ("parking_lot_core", "locks"),
    ("pin-project-lite", "a macro for pinned fields"),
    (
        "poly1305",
        "seals age in sim (0.8), opens TLS in the judge (0.9)",
    ),
    ("ppv-lite86", "vectors of the processor for rand_chacha"),
    ("proc-macro2", "runs in the compiler"),
    ("quote", "runs in the compiler"),
    (
        "rand",
        "under age in sim; under crate rtp in the judge, which draws nothing",
    ),
    ("rand_chacha", "under rand"),
    ("rand_core", "traits of random numbers"),
    ("scopeguard", "runs code at the end of a scope"),
    ("serde", "traits of serialisation; in sim it reads nothing"),
    ("serde_core", "the same"),
    ("serde_derive", "runs in the compiler"),
    ("sha2", "for age in sim (0.10), for TLS in the judge (0.11)"),
    ("smallvec", "short vectors"),
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
    ("zerocopy", "octets as numbers, for ppv-lite86"),
    ("zeroize", "clears memory that held keys"),
];

/// Crates that encrypt, authenticate or derive keys.
const ALGORITHMS: &[&str] = &[
    "aes",
    "aes_gcm",
    "age",
    "aws_lc_rs",
    "chacha20poly1305",
    "ctr",
    "hkdf",
    "hmac",
    "hpke",
    "ring",
    "rustls",
    "sframe",
    "sha1",
    "sha2",
];

/// Per format, the sources that seal it in sim, and those that open it in the
/// judge; none of the algorithms is named in both.
const FORMATS: &[(&str, &[&str], &[&str])] = &[
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

/// Crates whose business is sockets, processes or the system's randomness.
const SYSTEM: &[&str] = &[
    "async-io",
    "getrandom",
    "hyper",
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

/// Of these the ones that age asks for file keys and ephemeral keys, as the TLS
/// stack asks its own; no source of ours can.
const UNDER_AGE: &[&str] = &["getrandom", "rand"];

/// Features of tokio that open a way out.
const WAYS_OUT: &[&str] = &["full", "fs", "io-std", "net", "process", "signal"];

#[test]
fn the_simulator_contains_no_crate_for_sockets_or_processes() {
    let found = |tree: &BTreeMap<String, _>| -> Vec<&str> {
        let names = SYSTEM.iter().copied();
        names.filter(|name| tree.contains_key(*name)).collect()
    };
    assert_eq!(found(&tree("lightleak-sim")), UNDER_AGE);
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
fn no_format_is_sealed_and_opened_with_one_implementation() {
    for (format, sealed, opened) in FORMATS {
        let [sealed, opened] = [sealed, opened].map(|places| {
            let named: BTreeSet<_> = places.iter().flat_map(|place| named(place)).collect();
            assert!(!named.is_empty(), "{format}: nothing in {places:?}");
            named
        });
        let both: Vec<_> = sealed.intersection(&opened).collect();
        assert!(
            both.is_empty(),
            "{format} is sealed and opened with {both:?}"
        );
    }
}

/// The algorithms that sources name, those of tests left out.
fn named(place: &str) -> BTreeSet<&'static str> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(place);
    let mut files = vec![place];
    let mut found = BTreeSet::new();
    while let Some(file) = files.pop() {
        if file.is_dir() {
            let entries = fs::read_dir(&file).expect("a folder can be read");
            files.extend(entries.map(|entry| entry.expect("an entry can be read").path()));
            continue;
        }
        if file.file_name().is_some_and(|name| name == "tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source can be read");
        let text = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let uses = text
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("use "));
        let crates = uses
            .filter_map(|path| path.split_once("::"))
            .map(|(first, _)| first);
        let crates: BTreeSet<_> = crates.collect();
        found.extend(ALGORITHMS.iter().filter(|name| crates.contains(*name)));
    }
    found
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
