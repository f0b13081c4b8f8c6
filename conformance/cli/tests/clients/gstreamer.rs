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
    let said = refused(&output);
    let (flaws, _) = said.split_once('\n').expect("a line of flaws");
    assert!(flaws.starts_with("certificate: "), "{said}");
    assert!(flaws.ends_with(" unknown-ca"), "{said}");
}

#[test]
fn gets_401_and_no_media_with_the_right_authority_and_no_credentials() {
    let camera = Served::start(&[]);
    let output = pull(camera.url(), camera.text("/ca_file"));
    let said = refused(&output);
    assert!(said.starts_with("Unauthorized"), "{said}");
}

/// In the form for clients that know no MKI: GStreamer drops what carries one.
#[test]
fn plays_srtp_over_udp_and_interleaved_with_the_suites_that_it_has() {
    let camera = Served::start(&[]);
    for suite in ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"] {
        for protocols in ["udp", "tcp"] {
            let url = srtp_url(&camera, &format!("no-mki/{suite}/main"));
            let output = pull_with(&url, camera.text("/ca_file"), &[protocols]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{suite} {protocols}: {said}");
            assert_marked(&output.stdout, VIDEO, PICTURES);
        }
    }
}

#[test]
fn drops_every_packet_of_srtp_under_a_key_with_one_bit_turned() {
    let camera = Served::start(&[]);
    for suite in ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"] {
        let url = srtp_url(&camera, &format!("no-mki/{suite}/main"));
        for protocols in ["udp", "tcp"] {
            let output = pull_with(&url, camera.text("/ca_file"), &[protocols, "1"]);
            let said = refused(&output);
            let counts = said.strip_prefix("srtp: dropped ").and_then(|rest| {
                let (counts, _) = rest.split_once(" packets")?;
                counts.split_once(" of ")
            });
            let (dropped, received) =
                counts.unwrap_or_else(|| panic!("{suite} {protocols}: {said}"));
            assert_eq!(dropped, received, "{suite} {protocols}");
            let dropped: usize = dropped.parse().expect("a number");
            assert!(dropped >= PICTURES, "{suite} {protocols}: {said}");
        }
        // It is not the detour of the key: with no bit turned it plays.
        let output = pull_with(&url, camera.text("/ca_file"), &["udp", "0"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{suite}: {said}");
        assert_marked(&output.stdout, VIDEO, PICTURES);
    }
}

/// ONVIF's form is not for it: the key that it brings for its RTCP has no MKI.
#[test]
fn is_refused_where_keys_must_have_an_mki() {
    let camera = Served::start(&[]);
    let url = srtp_url(&camera, "main");
    for protocols in ["udp", "tcp"] {
        let output = pull_with(&url, camera.text("/ca_file"), &[protocols]);
        let said = refused(&output);
        assert!(said.contains("Error (463)"), "{said}");
    }
}

#[test]
fn refuses_srtp_of_the_camera_with_the_authority_of_another() {
    let camera = Served::start(&[]);
    let other = Served::start(&[]);
    let url = srtp_url(&camera, "no-mki/AEAD_AES_128_GCM/main");
    let output = pull_with(&url, other.text("/ca_file"), &["udp"]);
    let said = refused(&output);
    assert!(said.contains(" unknown-ca"), "{said}");
}

/// Asserts that it ended in an error and got no picture; what it said.
fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{}: {said}", output.status);
    assert_eq!(output.stdout.len(), 0, "media came all the same");
    said
}

/// The address of the path of SRTP in that form, with the credentials in it.
fn srtp_url(camera: &Served, form: &str) -> String {
    let paths = camera.ready["cameras"][0]["paths"].as_array();
    let mut paths = paths.expect("paths").iter();
    let path = paths
        .find(|path| path["id"] == "nvr.srtp")
        .expect("nvr.srtp");
    let text = |name: &str| path[name].as_str().expect("a text");
    let host = text("url").strip_prefix("rtsps://").expect("rtsps");
    let host = host.strip_suffix("main").expect("the path leads to main");
    format!("rtsps://{}:{}@{host}{form}", text("user"), text("password"))
}

/// Raw pictures on standard output, what went wrong on standard error.
fn pull(url: &str, authority: &str) -> Output {
    pull_with(url, authority, &[])
}

/// The same, with how media travel and what is XORed on their keys. Once in some
/// hundred runs on a busy machine GStreamer or its bindings crash, which says nothing
/// about the camera: then it is asked again.
fn pull_with(url: &str, authority: &str, how: &[&str]) -> Output {
    let mut runs = (0..3).map(|_| run(url, authority, how));
    let answered = runs.find(|output| output.status.code().is_some());
    answered.expect("GStreamer crashed three times")
}

fn run(url: &str, authority: &str, how: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/gstreamer.py");
    // The system's Python: Debian's bindings of GStreamer are for no other.
    Command::new("/usr/bin/python3")
        .arg(script)
        .args([url, authority, &PICTURES.to_string()])
        .args(how)
        .env("LC_ALL", "C")
        .output()
        .expect("start python3; ci/setup installs it")
}
