//! Writes a capture of many flows of SRTP and TLS, to time programs on that read
//! captures: `traffic FILE MEGABYTES`.

use std::{env, fs};

use lightleak_benches::traffic;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [file, megabytes] = &arguments[..] else {
        panic!("traffic FILE MEGABYTES");
    };
    let megabytes: usize = megabytes.parse().expect("a number");
    fs::write(file, traffic::capture(megabytes * 1_000_000, 400)).expect("write the capture");
}
