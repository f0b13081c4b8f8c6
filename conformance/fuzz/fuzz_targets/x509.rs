//! Certificates.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_judge::dissect::x509::Certificate;

fuzz_target!(|der: &[u8]| {
    let _ = Certificate::parse(der);
});
