//! MIKEY messages, `a=crypto`, and what carries them in RTSP.

#![no_main]

use libfuzzer_sys::fuzz_target;
use lightleak_fuzz::parts;
use lightleak_judge::{
    dissect::{
        key_attribute::{self, Crypto},
        mikey::Mikey,
        rtsp::{Message, transport::Transport},
    },
    open::srtp,
};

fuzz_target!(|input: &[u8]| {
    let [octets, header, body] = parts(input);
    let header = String::from_utf8_lossy(header).into_owned();
    read(octets);
    if let Some(crypto) = Crypto::parse(&header) {
        srtp::of_crypto(&crypto);
    }
    Transport::parse(&header);
    let message = Message {
        status: 200,
        headers: vec![("keymgmt".into(), header)],
        body: body.to_vec(),
        ..Message::default()
    };
    for octets in key_attribute::mikey(&message) {
        read(&octets);
    }
});

fn read(octets: &[u8]) {
    let Ok(mikey) = Mikey::parse(octets) else {
        return;
    };
    let held: usize = mikey
        .keys
        .iter()
        .map(|key| key.key.len() + key.salt.len())
        .sum();
    assert!(held <= octets.len(), "{held} out of {}", octets.len());
    for key in srtp::of_mikey(&mikey) {
        assert_eq!(key.octets().len(), key.suite.key);
    }
}
