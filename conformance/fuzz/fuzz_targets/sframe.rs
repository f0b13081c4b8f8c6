//! SFrame frames under base keys of a key log: lines, metadata, then a frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::parts;
use lightleak_judge::open::sframe::{self, Header, Keys, SframeError};

fuzz_target!(|input: &[u8]| {
    let [lines, metadata, frame] = parts(input);
    let lines = String::from_utf8_lossy(lines);
    // Every one of the frame's KID is tried.
    let keys = Keys::parse(lines.lines().take(5));
    let header = Header::read(frame);
    if let Some(header) = header {
        assert!((1..=17.min(frame.len())).contains(&header.length));
        assert_eq!(Header::read(&frame[..header.length - 1]), None);
    }
    match sframe::open(frame, metadata, &keys) {
        Ok(opened) => {
            assert_eq!(header, Some(opened.header));
            assert_eq!(opened.sealed.start, opened.header.length);
            assert_eq!(opened.sealed.end, opened.tag.start);
            assert_eq!(opened.tag.end, frame.len());
            assert_eq!(opened.plaintext.len(), opened.sealed.len());
            assert!((1..=5).contains(&opened.suite));
        }
        Err(SframeError::Header) => assert_eq!(header, None),
        Err(SframeError::UnknownKid(kid) | SframeError::NoMatch { kid, .. }) => {
            assert_eq!(header.map(|header| header.kid), Some(kid));
        }
        Err(error) => panic!("{error}"),
    }
});
