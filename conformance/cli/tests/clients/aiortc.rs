//! aiortc as the app: another ICE, another DTLS and another SRTP than ours. It
//! knows nothing of SFrame; what it hands out is opened with the judge's.

use std::{
    path::Path,
    process::{Command, Output},
};

use lightleak::{decoder::ChildDecoder, net::os::OsEntropy};
use lightleak_judge::{
    decoder::{Decoder, Picture},
    dissect::h264::nal_units,
    mark,
    open::sframe::{self, Carried, Keys},
};
use lightleak_sim::seal::{envelope::Epoch, keys::HpkeKey};
use serde_json::Value;

use crate::{
    browser::path,
    support::{Served, UNIT},
};

const PICTURES: usize = 60;

#[test]
fn gets_pictures_that_only_sframe_opens() {
    let camera = Served::start(&[]);
    let viewer = HpkeKey::random(&OsEntropy).expect("make a key");
    let signature = camera.enrol(&viewer.public().to_string());
    let output = watch(&camera, &viewer, &signature);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let (answer, units) = parts(&output.stdout);
    assert_eq!(units.len(), PICTURES);
    let keys = Keys::parse([video_key(&answer, &viewer).as_str()]);
    let opened = |unit: &&[u8]| {
        let nals = nal_units(unit).map(|nal| nal.octets(unit));
        let carried = nals.filter_map(Carried::read).collect::<Vec<_>>();
        let [carried] = &carried[..] else {
            panic!("{} frames in an access unit", carried.len());
        };
        let opened = sframe::open(&carried.frame, &carried.metadata, &keys);
        opened.expect("it opens").plaintext
    };
    let stream: Vec<u8> = units.iter().flat_map(opened).collect();
    let marks: Vec<_> = decoded(&stream).iter().map(mark::read).collect();
    assert_eq!(marks.len(), PICTURES);
    for mark in marks {
        assert_eq!(mark.expect("every picture has a mark").unit, UNIT);
    }

    // As they come, they are no picture.
    let sealed = decoded(&units.concat());
    assert_eq!(sealed.iter().filter_map(mark::read).count(), 0);
}

#[test]
fn gets_no_keys_without_the_owners_signature() {
    let camera = Served::start(&[]);
    let [viewer, other] = [(); 2].map(|()| HpkeKey::random(&OsEntropy).expect("make a key"));
    let signature = camera.enrol(&other.public().to_string());
    let output = watch(&camera, &viewer, &signature);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("HTTP Error 403"), "{said}");
    assert!(!output.status.success());
    assert_eq!(output.stdout, b"");
}

fn watch(camera: &Served, viewer: &HpkeKey, signature: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/aiortc_app.py");
    Command::new("/usr/bin/python3")
        .arg(script)
        .args([path(camera, "url"), camera.text("/ca_file")])
        .args([path(camera, "user"), path(camera, "password")])
        .args([&viewer.public().to_string(), signature])
        .arg(PICTURES.to_string())
        .output()
        .expect("start python3; ci/setup installs it")
}

/// The line with the keys, and the access units behind it.
fn parts(output: &[u8]) -> (Value, Vec<&[u8]>) {
    let end = output.iter().position(|octet| *octet == b'\n');
    let (line, mut rest) = output.split_at(end.expect("a line with the keys"));
    rest = &rest[1..];
    let mut units = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (unit, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
        units.push(unit);
        rest = behind;
    }
    (serde_json::from_slice(line).expect("it is JSON"), units)
}

/// The escrow's line for the key of the video.
fn video_key(answer: &Value, viewer: &HpkeKey) -> String {
    let keys = answer["keys"].as_array().expect("keys");
    let key = keys.iter().find(|key| key["sender"] == "video");
    let key = key.expect("a key for the video");
    assert_eq!(key["suite"], "AES_128_GCM_SHA256_128");
    let octets = |name: &str| {
        let digits = key[name].as_str().expect("hexadecimal").as_bytes();
        let pairs = digits
            .chunks(2)
            .map(|pair| str::from_utf8(pair).expect("ASCII"));
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal"))
            .collect::<Vec<_>>()
    };
    // The suite's value and the KID; no bits for ratchet steps.
    let [kid, enc, sealed] = ["kid", "enc", "sealed"].map(octets);
    let delivery = [&[0, 4][..], &kid, &[0], &enc, &sealed].concat();
    let session = answer["session"].as_str().expect("a session");
    let id = session.rsplit('/').next().expect("it has an id");
    let key = Epoch::receive(&delivery, &format!("{id}/video"), viewer);
    key.expect("it is for this viewer").escrow().to_string()
}

fn decoded(stream: &[u8]) -> Vec<Picture> {
    let decoder = ChildDecoder::new(env!("CARGO_BIN_EXE_lightleak").into());
    let pictures = decoder.decode(stream, 2 * PICTURES);
    pictures.expect("the decoder works")
}
