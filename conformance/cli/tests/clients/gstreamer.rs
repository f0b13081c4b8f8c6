//! GStreamer's rtspsrc pulls from a served camera and verifies its certificate.
//! Unlike the other clients', a missing GStreamer fails these tests everywhere:
//! nothing else here verifies what ffmpeg takes unseen.

use std::{
    path::Path,
    process::{Command, Output},
};

use lightleak::target::sim::VIDEO;

use crate::support::{Served, assert_marked};

const PICTURES: usize = 60;

#[test]
fn decodes_sixty_pictures_of_the_camera_whose_authority_it_trusts() {
    let camera = Served::start(&[]);
    let output = pull(&camera.url_with_credentials(), camera.text("/ca_file"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    assert_marked(&output.stdout, VIDEO, PICTURES);
}

#[test]
fn refuses_the_camera_with_the_authority_of_another() {
    let camera = Served::start(&[]);
    let other = Served::start(&[]);
    let output = pull(&camera.url_with_credentials(), other.text("/ca_file"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    let (flaws, _) = said.split_once('\n').expect("a line of flaws");
    assert!(flaws.starts_with("certificate: "), "{said}");
    assert!(flaws.ends_with(" unknown-ca"), "{said}");
    assert_eq!(output.stdout.len(), 0, "media came all the same");
}

#[test]
fn gets_401_and_no_media_with_the_right_authority_and_no_credentials() {
    let camera = Served::start(&[]);
    let output = pull(camera.url(), camera.text("/ca_file"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.starts_with("Unauthorized"), "{said}");
    assert_eq!(output.stdout.len(), 0, "media came all the same");
}

/// Raw pictures on standard output, what went wrong on standard error.
fn pull(url: &str, authority: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/gstreamer.py");
    // The system's Python: Debian's bindings of GStreamer are for no other.
    Command::new("/usr/bin/python3")
        .arg(script)
        .args([url, authority, &PICTURES.to_string()])
        .env("LC_ALL", "C")
        .output()
        .expect("start python3; ci/setup installs it")
}
