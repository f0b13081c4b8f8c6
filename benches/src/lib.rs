//! What the benchmarks share.

pub mod traffic;

/// Octets of xorshift64*, which nothing can be found in or compressed of.
pub fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut octets = Vec::with_capacity(length + 8);
    while octets.len() < length {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        octets.extend(state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_be_bytes());
    }
    octets.truncate(length);
    octets
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use toml::{Table, Value};

    /// Peers are built as well as we are.
    #[test]
    fn the_release_profile_of_the_peers_is_ours() {
        let profile = |manifest: &str| {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest);
            let text = fs::read_to_string(file).unwrap();
            let manifest: Table = text.parse().unwrap();
            let Some(Value::Table(mut release)) = manifest["profile"].get("release").cloned()
            else {
                panic!("no release profile");
            };
            // What is said of single packages is not about the benchmarks.
            release.remove("package");
            (release, manifest["profile"].get("bench").cloned())
        };
        assert_eq!(profile("../Cargo.toml"), profile("peers/Cargo.toml"));
    }
}
