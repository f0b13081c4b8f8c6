//! The decoder in its child process: what goes wrong there is reported, never
//! ours, and never taken for "no picture".

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use lightleak::decoder::ChildDecoder;
use lightleak_judge::decoder::Decoder;
use proptest::prelude::*;

fn ours() -> ChildDecoder {
    ChildDecoder::new(PathBuf::from(env!("CARGO_BIN_EXE_lightleak")))
}

/// A program in place of the decoder.
fn script(text: &str) -> (tempfile::TempDir, ChildDecoder) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("decoder");
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, ChildDecoder::new(file))
}

#[test]
fn what_is_no_video_gives_no_picture_and_no_error() {
    for input in [&b""[..], b"no video at all", &[0, 0, 0, 1, 0x67, 1, 2, 3]] {
        assert_eq!(ours().decode(input, 10).unwrap(), []);
    }
}

#[test]
fn a_decoder_that_is_not_there_is_an_error() {
    let error = ChildDecoder::new("/nowhere/decoder".into())
        .decode(b"", 1)
        .unwrap_err();
    assert!(
        error.to_string().contains("could not be started"),
        "{error}"
    );
}

#[test]
fn a_decoder_that_crashes_is_an_error() {
    let (_folder, decoder) = script("kill -ABRT $$");
    let error = decoder.decode(&[0; 100_000], 1).unwrap_err();
    assert!(error.to_string().contains("crashed"), "{error}");
}

#[test]
fn an_input_that_makes_the_real_decoder_abort_is_an_error() {
    // More than its memory limit lets it read: the allocator aborts.
    let error = ours().decode(&vec![0xff; 1100 << 20], 1).unwrap_err();
    assert!(error.to_string().contains("crashed"), "{error}");
}

#[test]
fn a_decoder_that_fails_after_some_output_is_an_error() {
    let (_folder, decoder) = script("printf '\\0\\0\\0\\2'; exit 0");
    decoder.decode(b"", 1).unwrap_err();
    let (_folder, decoder) = script("printf '\\377\\377\\377\\377\\377\\377\\377\\377\\0'; exit 0");
    let error = decoder.decode(b"", 1).unwrap_err();
    assert!(error.to_string().contains("4294967295"), "{error}");
}

#[test]
fn a_decoder_that_hangs_is_ended() {
    let (_folder, decoder) = script("exec sleep 600");
    let decoder = decoder.with_time_limit(Duration::from_millis(300));
    let error = decoder.decode(b"", 1).unwrap_err();
    assert!(error.to_string().contains("took more than"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn hostile_streams_give_pictures_or_none(
        octets in proptest::collection::vec(any::<u8>(), 0..3000),
        header in prop::sample::select(vec![0x65_u8, 0x41, 0x67, 0x68]),
    ) {
        let stream = [&[0, 0, 0, 1, header][..], &octets].concat();
        // A crash of the child would be an error, and a finding about the codec.
        prop_assert!(ours().decode(&stream, 10).is_ok());
    }
}
