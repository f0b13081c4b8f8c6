//! What `lightleak serve` promises to whoever starts it.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::support::{Served, lightleak};

#[test]
fn two_cameras_have_addresses_and_names_of_their_own() {
    let served = Served::start(&["--cameras", "2"]);
    let cameras = served.ready["cameras"].as_array().expect("cameras");
    assert_eq!(cameras.len(), 2);
    for pointer in ["/id", "/paths/0/url", "/paths/0/password"] {
        let distinct: BTreeSet<_> = cameras
            .iter()
            .map(|camera| camera.pointer(pointer).and_then(Value::as_str))
            .collect();
        assert!(!distinct.contains(&None), "{pointer}: {cameras:?}");
        assert_eq!(distinct.len(), 2, "{pointer}: {cameras:?}");
    }
}

#[test]
fn the_ready_file_has_what_a_client_needs_and_nothing_else() {
    let served = Served::start(&["--mutant", "rtsp.open"]);
    let ready = &served.ready;
    assert_eq!(
        keys(ready),
        ["ca_file", "cameras", "owner_key_file", "schema"]
    );
    assert_eq!(ready["schema"], "lightleak.serve/1");
    let camera = &ready["cameras"][0];
    assert_eq!(keys(camera), ["id", "paths", "undeclared"]);
    let path = &camera["paths"][0];
    assert_eq!(keys(path), ["id", "password", "token", "url", "user"]);
    assert_eq!(path["id"], "nvr.rtsps");
    assert!(path["token"].is_null());
    assert!(served.url().starts_with("rtsps://127.0.0.1:"));
    assert_eq!(keys(&camera["undeclared"][0]), ["url"]);

    let authority = fs::read_to_string(served.text("/ca_file")).expect("read the ca_file");
    assert!(authority.starts_with("-----BEGIN CERTIFICATE-----"));
}

#[test]
fn sigterm_ends_it_with_exit_code_0_and_nothing_left() {
    let mut served = Served::start(&[]);
    assert_eq!(served.leftovers().len(), 1, "the folder of the ca_file");
    assert_eq!(served.terminate().code(), Some(0));
    assert!(served.leftovers().is_empty(), "{:?}", served.leftovers());
}

#[test]
fn an_unknown_mutant_is_a_usage_error() {
    let output = lightleak()
        .args(["serve", "--mutant", "no.such"])
        .output()
        .expect("start lightleak");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no.such"), "{said}");
}

fn keys(object: &Value) -> Vec<&str> {
    let object = object.as_object().expect("an object");
    object.keys().map(String::as_str).collect()
}
