//! The escrow opens what is on the wire, by another implementation.

use std::{collections::BTreeSet, time::Duration};

use lightleak_sim::webrtc::DtlsVersions;
use webrtc_srtp::{context::Context, protection_profile::ProtectionProfile};

use crate::site::Site;

#[tokio::test(start_paused = true)]
async fn the_escrow_opens_dtls_1_2() {
    opens(DtlsVersions::Dtls12, "CLIENT_RANDOM ", 1).await;
}

#[tokio::test(start_paused = true)]
async fn the_escrow_opens_dtls_1_3() {
    opens(DtlsVersions::Dtls13, "EXPORTER_SECRET ", 2).await;
}

/// With so many lines of a label in the escrow: those of the signalling's TLS
/// are among them.
async fn opens(versions: DtlsVersions, label: &str, lines: usize) {
    let site = Site::start().await;
    let (_app, _session, mut call) = site.call(versions).await;
    call.watch(Duration::from_secs(1)).await.unwrap();
    assert_eq!(
        site.notes.secrets(label).len(),
        lines,
        "{:?}",
        site.notes.secrets("")
    );

    let keys = site.notes.secrets("SRTP_MASTER_KEY ");
    assert_eq!(keys.len(), 2, "one each way");
    let held = site.notes.held();
    let to = call.local();
    let held = held
        .iter()
        .filter(|(_, at, _)| *at == to)
        .map(|(.., packet)| packet.clone());
    let held = held.collect::<Vec<_>>();
    let fate = site.fate.lock().unwrap();
    let sent = fate.srtp().map(|(.., octets)| octets).collect::<Vec<_>>();
    assert!(sent.len() > 50 && sent.len() == held.len());
    let opened = keys.iter().filter_map(|line| {
        let mut context = context(line);
        let open = |packet: &&Vec<u8>| match (192..224).contains(&packet[1]) {
            true => context.decrypt_rtcp(packet).ok(),
            false => context.decrypt_rtp(packet).ok(),
        };
        let opened = sent
            .iter()
            .map(open)
            .map(|packet| packet.map(|p| p.to_vec()));
        opened.collect::<Option<Vec<_>>>()
    });
    let opened = opened.collect::<Vec<_>>();
    assert_eq!(opened, [held], "by one of the two keys");
}

/// RFC 9605 4.4.1, RFC 5764 4.2.
#[tokio::test(start_paused = true)]
async fn no_two_sessions_share_a_key_a_kid_or_a_certificate() {
    let site = Site::start().await;
    let mut calls = Vec::new();
    for _ in 0..2 {
        calls.push(site.call(DtlsVersions::Either).await);
    }
    for (_, _, call) in &mut calls {
        call.watch(Duration::from_secs(1)).await.unwrap();
        assert!(!call.received.units.is_empty() && call.received.refused == 0);
    }
    let fingerprint = |answer: &str| {
        let mut lines = answer.lines().map(str::to_owned);
        lines.find(|line| line.starts_with("a=fingerprint:"))
    };
    let fingerprints = calls
        .iter()
        .map(|(_, session, _)| fingerprint(&session.answer));
    assert_eq!(fingerprints.collect::<BTreeSet<_>>().len(), 2);
    for (label, field, count) in [
        ("SRTP_MASTER_KEY ", 3, 4),
        ("SRTP_MASTER_KEY ", 4, 4),
        ("SFRAME_BASE_KEY ", 2, 6),
        ("SFRAME_BASE_KEY ", 3, 6),
    ] {
        let lines = site.notes.secrets(label);
        let fields = lines.iter().map(|line| line.split(' ').nth(field));
        assert_eq!(fields.collect::<BTreeSet<_>>().len(), count, "{lines:?}");
    }
}

fn context(line: &str) -> Context {
    let parts = line.split(' ').collect::<Vec<_>>();
    let profile = match parts[1] {
        "AEAD_AES_256_GCM" => ProtectionProfile::AeadAes256Gcm,
        "AEAD_AES_128_GCM" => ProtectionProfile::AeadAes128Gcm,
        "AES_CM_128_HMAC_SHA1_80" => ProtectionProfile::Aes128CmHmacSha1_80,
        other => panic!("{other}"),
    };
    let octets = |hex: &str| {
        let digits = hex.as_bytes().chunks(2);
        let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.map(octet).collect::<Vec<_>>()
    };
    Context::new(&octets(parts[3]), &octets(parts[4]), profile, None, None).unwrap()
}
