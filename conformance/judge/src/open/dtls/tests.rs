//! Handshakes of crate `dimpl`, an implementation that is not ours, with its
//! secrets written down by a provider around its own.

use dimpl::SrtpProfile;

use super::{
    peer::{Spoken, Version, speak},
    *,
};
use crate::{
    dissect::{dtls, tls},
    open::keylog::KeyLog,
};

fn opened(spoken: &Spoken) -> OpenedDtls {
    let reading = dtls::read(&spoken.flow).unwrap();
    let keys = KeyLog::parse(spoken.keys.iter().map(String::as_str));
    open(&spoken.flow, &reading, &keys).unwrap()
}

#[track_caller]
fn assert_all_open(spoken: &Spoken, version: u16) {
    let reading = dtls::read(&spoken.flow).unwrap();
    assert!(reading.client_is_a);
    let hello = reading.server_hello.as_ref();
    assert_eq!(hello.map(|hello| hello.version), Some(version));
    assert!(reading.client.residue.is_empty() && reading.server.residue.is_empty());
    let opened = opened(spoken);
    for (end, said) in [(&opened.client, "of client"), (&opened.server, "of server")] {
        assert!(end.refused.is_empty(), "{said}");
        let data = end
            .records
            .iter()
            .filter(|r| r.content_type == tls::APPLICATION_DATA);
        assert_eq!(data.map(|r| r.content).sum::<usize>(), said.len());
        assert_eq!(end.data.bytes, said.as_bytes());
    }
    let (material, profile) = &spoken.exported;
    let exported = opened.exported.expect("keys for SRTP");
    let name = match profile {
        SrtpProfile::AES128_CM_SHA1_80 => "AES_CM_128_HMAC_SHA1_80",
        SrtpProfile::AEAD_AES_128_GCM => "AEAD_AES_128_GCM",
        SrtpProfile::AEAD_AES_256_GCM => "AEAD_AES_256_GCM",
        other => panic!("{other:?}"),
    };
    assert_eq!(exported.client.suite.name, name);
    let ends = [&exported.client, &exported.server];
    let own = [
        ends.map(MasterKey::octets).concat(),
        ends.map(MasterKey::salt).concat(),
    ];
    assert_eq!(own.concat(), *material);
}

#[test]
fn dtls_12_opens_whole_and_exports_the_same_keys() {
    for suite in [0xc02b, 0xc02c, 0xcca9] {
        let spoken = speak(Version::Dtls12, suite);
        assert_all_open(&spoken, dtls::DTLS12);
    }
}

#[test]
fn dtls_13_opens_whole_and_exports_the_same_keys() {
    for suite in [0x1301, 0x1302, 0x1303] {
        let spoken = speak(Version::Dtls13, suite);
        assert_all_open(&spoken, dtls::DTLS13);
    }
}

#[test]
fn a_record_that_was_touched_is_refused_and_the_others_open() {
    for (version, suite) in [(Version::Dtls12, 0xc02b), (Version::Dtls13, 0x1301)] {
        let mut spoken = speak(version, suite);
        let last = spoken.flow.from_b.bytes.len() - 1;
        spoken.flow.from_b.bytes[last] ^= 1;
        let opened = opened(&spoken);
        assert_eq!(opened.server.refused.len(), 1);
        assert!(opened.client.refused.is_empty());
        assert!(!opened.server.records.is_empty());
    }
}

#[test]
fn without_its_secret_nothing_opens_and_the_secret_is_named() {
    for (version, suite, label) in [
        (Version::Dtls12, 0xc02b, "CLIENT_RANDOM"),
        (Version::Dtls13, 0x1301, "SERVER_TRAFFIC_SECRET_0"),
    ] {
        let mut spoken = speak(version, suite);
        spoken.keys.retain(|line| !line.starts_with(label));
        let reading = dtls::read(&spoken.flow).unwrap();
        let keys = KeyLog::parse(spoken.keys.iter().map(String::as_str));
        let error = open(&spoken.flow, &reading, &keys).unwrap_err();
        assert_eq!(error, OpenError::MissingSecret(label));
    }
}

#[test]
fn without_the_exporters_secret_there_are_no_keys_for_srtp() {
    let mut spoken = speak(Version::Dtls13, 0x1301);
    spoken
        .keys
        .retain(|line| !line.starts_with("EXPORTER_SECRET"));
    let opened = opened(&spoken);
    assert!(opened.srtp.is_some() && opened.exported.is_none());
}
