//! Files of age, opened with escrowed identities.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::parts;
use lightleak_judge::open::age::{self, Identities};

fuzz_target!(|input: &[u8]| {
    let [keys, file] = parts(input);
    let text = String::from_utf8_lossy(keys);
    let identities = Identities::parse(text.lines());
    age::looks_like(file);
    let Ok(opened) = age::open(file, &identities) else {
        return;
    };
    assert_eq!(opened.header.end, opened.nonce.start);
    let (mut at, mut held) = (opened.nonce.end, 0);
    for chunk in &opened.chunks {
        assert_eq!(chunk.sealed.start, at, "nothing is between chunks");
        assert_eq!(chunk.sealed.end, chunk.tag.start);
        assert_eq!(chunk.plaintext.start, held);
        assert_eq!(chunk.plaintext.len(), chunk.sealed.len());
        (at, held) = (chunk.tag.end, chunk.plaintext.end);
    }
    assert!(at <= file.len());
    assert_eq!(held, opened.plaintext.len());
    assert!(opened.valid <= held);
    if opened.complete {
        assert_eq!((at, opened.valid), (file.len(), held));
    }
});
