//! How this crate is compiled, and with it whatever it is part of.

use std::env;

fn main() {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-env=PEER_OPT_LEVEL={}", variable("OPT_LEVEL"));
    println!(
        "cargo:rustc-env=PEER_CPU_FEATURES={}",
        variable("CARGO_CFG_TARGET_FEATURE")
    );
}
