//! Files sealed with HPKE, under keys of a key log: lines, then a file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::parts;
use lightleak_judge::open::hpke::{self, ENCAPSULATED, HpkeError, Keys, TAG};

fuzz_target!(|input: &[u8]| {
    let [lines, file] = parts(input);
    let lines = String::from_utf8_lossy(lines);
    // Every one is tried.
    let keys = Keys::parse(lines.lines().take(3));
    let looks_like = hpke::looks_like(file);
    match hpke::open(file, &keys) {
        Ok(opened) => {
            assert!(looks_like);
            assert_eq!(opened.header.start, 0);
            assert!(opened.header.len() > ENCAPSULATED);
            assert_eq!(opened.header.end, opened.sealed.start);
            assert_eq!(opened.sealed.end, opened.tag.start);
            assert_eq!(opened.tag.len(), TAG);
            assert_eq!(opened.tag.end, file.len());
            assert_eq!(opened.plaintext.len(), opened.sealed.len());
        }
        // It has a whole first line.
        Err(HpkeError::Cut { offset, octets, .. }) => {
            assert!(looks_like);
            assert_eq!(offset + octets, file.len());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
