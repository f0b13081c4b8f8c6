//! TLS connections, read and opened with a key log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::{flow, packets, parts, stream};
use lightleak_judge::{
    dissect::tls,
    open::{self, keylog::KeyLog},
};

fuzz_target!(|input: &[u8]| {
    let [keys, from_a, from_b] = parts(input);
    let text = String::from_utf8_lossy(keys);
    let keys = KeyLog::parse(text.lines());
    let flow = flow(stream(packets(from_a)), stream(packets(from_b)));
    let Some(reading) = tls::read(&flow) else {
        return;
    };
    let Ok(opened) = open::open(&flow, &reading, &keys) else {
        return;
    };
    assert!(opened.from_a.bytes.len() <= flow.from_a.bytes.len());
    assert!(opened.from_b.bytes.len() <= flow.from_b.bytes.len());
    let sealed = flow.from_a.bytes.len() + flow.from_b.bytes.len();
    assert!(opened.ciphertext_bytes <= sealed as u64);
});
