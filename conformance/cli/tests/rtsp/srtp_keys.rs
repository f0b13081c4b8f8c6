//! The keys of SRTP: how they are delivered, and that none is used twice.

use std::{collections::BTreeSet, time::Duration};

use lightleak_sim::{
    rtsp::{
        key_management,
        mikey::{Message, Policy},
    },
    seal::{
        keys::{KeyData, SrtpMasterKey},
        srtp::{Mki, Suite},
    },
    viewer::srtp::{Carriage, master},
};
use rtsp_types::Method;

use crate::{
    media::assert_in_ledger,
    site::{SMALL, Site, access_units, header, status},
    srtp::{packets, playing, viewer},
};

const UDP: &str = "RTP/SAVP;unicast;client_port=5000-5001";

#[tokio::test(start_paused = true)]
async fn no_two_tracks_viewers_or_descriptions_share_a_key_or_an_ssrc() {
    let site = Site::start_srtp(SMALL).await;
    let (mut keys, mut ssrcs, mut count) = (BTreeSet::new(), BTreeSet::new(), 0);
    for form in ["", "AEAD_AES_128_GCM/", ""] {
        let mut viewer = viewer(&site, form).await;
        for _ in 0..2 {
            viewer.describe().await.unwrap();
            for (_, message) in &viewer.keys {
                keys.insert(master(message).unwrap().0.expose_key().to_vec());
                ssrcs.insert(message.sessions[0].ssrc);
                count += 1;
            }
        }
    }
    assert_eq!((keys.len(), ssrcs.len()), (count, count));
    // What was delivered is in the escrow, as it was delivered.
    let escrow = site.notes.secrets("SRTP_MASTER_KEY ");
    assert_eq!(escrow.iter().collect::<BTreeSet<_>>().len(), count);
    let mut viewer = viewer(&site, "AEAD_AES_256_GCM/").await;
    viewer.describe().await.unwrap();
    let (key, mki) = master(&viewer.keys[1].1).unwrap();
    assert_eq!(key.suite(), Suite::AeadAes256Gcm);
    let line = key.escrow(mki.as_ref());
    assert!(site.notes.secrets(&line).len() == 1);
}

/// ONVIF Streaming 8.2: SPI/MKI in the key validity data; TEK for AES-CM, and
/// TEK+SALT for the other suites. Without MKIs: TEK for all.
#[tokio::test(start_paused = true)]
async fn keys_have_the_form_that_the_url_says() {
    let site = Site::start_srtp(SMALL).await;
    for (form, kind) in [
        ("", "KeyData(TEK, Some(Mki("),
        ("AEAD_AES_128_GCM/", "KeyData(TEK+SALT, Some(Mki("),
        ("no-mki/AES_CM_128_HMAC_SHA1_80/", "KeyData(TEK, None, "),
        ("no-mki/AEAD_AES_128_GCM/", "KeyData(TEK, None, "),
    ] {
        let mut viewer = viewer(&site, form).await;
        viewer.describe().await.unwrap();
        for (_, message) in &viewer.keys {
            let shown = format!("{:?}", message.key);
            assert!(shown.starts_with(kind), "{form}: {shown}");
            assert_eq!(message.sessions.len(), 1);
            assert_eq!(message.sessions[0].roc, 0);
            assert_eq!(message.rand.len(), 16);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_is_for_one_session_only() {
    let site = Site::start_srtp(SMALL).await;
    let mut client = site.client().await;
    let setup = client.ask("SETUP", "/video", &[("Transport", UDP)]).await;
    assert_eq!(status(&setup), 463, "nobody was described");
    assert_eq!(setup.reason_phrase(), "Key Management Failure");
    assert_eq!(status(&client.ask("DESCRIBE", "", &[]).await), 200);
    let setup = client.ask("SETUP", "/video", &[("Transport", UDP)]).await;
    assert_eq!(status(&setup), 200);
    let session = header(&setup, "Session").unwrap();
    client.session = session.split(';').next().map(str::to_owned);
    // The same track once more is carried elsewhere, under the key it has.
    let first = header(&setup, "Transport").unwrap();
    let again = [("Transport", "RTP/SAVP/TCP;unicast;interleaved=4-5")];
    let setup = client.ask("SETUP", "/video", &again).await;
    assert_eq!(status(&setup), 200);
    let second = header(&setup, "Transport").unwrap();
    let ssrc = |transport: &str| transport.split("ssrc=").nth(1).map(str::to_owned);
    assert_eq!(ssrc(&first), ssrc(&second));
    assert_eq!(status(&client.ask("TEARDOWN", "", &[]).await), 200);
    client.session = None;
    let setup = client.ask("SETUP", "/video", &[("Transport", UDP)]).await;
    assert_eq!(status(&setup), 463, "the key has been used");
}

/// A message with a key of the client's own.
fn brought(suite: Suite, octet: u8, mki: Option<&[u8]>) -> Message {
    let (key, salt) = (
        vec![octet; suite.key_length()],
        vec![octet + 1; suite.salt_length()],
    );
    let key = SrtpMasterKey::new(suite, &key, &salt).unwrap();
    let mki = mki.map(|octets| Mki::new(octets).unwrap());
    Message {
        csb_id: 7,
        sessions: Vec::new(),
        timestamp: 0,
        rand: Vec::new(),
        policy: Some(Policy::of(suite)),
        key: match suite.is_aead() {
            true => KeyData::with_salt(&key, mki.as_ref()),
            false => KeyData::joined(&key, mki.as_ref()),
        },
    }
}

/// ONVIF Streaming 8.2.1.1: the client provides the key.
#[tokio::test(start_paused = true)]
async fn a_client_may_bring_the_key() {
    let site = Site::start_srtp(SMALL).await;
    for suite in Policy::SUITES {
        let mut viewer = viewer(&site, "").await;
        let message = brought(suite, suite.key_length() as u8, Some(&[0, 0, 0, 9]));
        viewer
            .setup_track("video", Carriage::Udp, &message, true)
            .await
            .unwrap();
        viewer.play().await.unwrap();
        assert!(viewer.watch(Duration::from_secs(1)).await.unwrap());
        let track = &viewer.tracks[0];
        assert_eq!(track.refused, []);
        assert_in_ledger(&access_units(packets(&viewer, 0)), &site.notes.units());
        viewer.rtsp.close().await;
    }
    assert_eq!(
        site.notes
            .secrets("SRTP_MASTER_KEY AEAD_AES_256_GCM 00000009 ")
            .len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_weakens_protection_or_is_in_use_is_refused() {
    let site = Site::start_srtp(SMALL).await;
    let mut client = site.client().await;
    assert_eq!(status(&client.ask("DESCRIBE", "", &[]).await), 200);
    let good = brought(Suite::AesCm128HmacSha1_80, 1, Some(&[1]));
    let weak = |parameter: u8, value: u8| {
        let mut message = good.clone();
        let policy = message.policy.as_mut().unwrap();
        policy.parameters.retain(|(kind, _)| *kind != parameter);
        policy.parameters.push((parameter, vec![value]));
        key_management::header(&message, "")
    };
    let headers = [
        // No encryption, no authentication, neither for RTCP, a short tag.
        weak(0, 0),
        weak(2, 0),
        weak(7, 0),
        weak(8, 0),
        weak(10, 0),
        weak(11, 4),
        key_management::header(&brought(Suite::AesCm128HmacSha1_80, 1, None), ""),
        key_management::header(&brought(Suite::AesCm128HmacSha1_32, 1, Some(&[1])), ""),
        "prot=mikey;uri=\"\";data=\"AQAF\"".into(),
        "prot=sdes;data=\"AQAF\"".into(),
    ];
    for header in &headers {
        let headers = [("Transport", UDP), ("KeyMgmt", header)];
        let setup = client.ask("SETUP", "/video", &headers).await;
        assert_eq!(status(&setup), 463, "{header}");
    }
    let good = key_management::header(&good, "");
    let headers = [("Transport", UDP), ("KeyMgmt", &good)];
    let setup = client.ask("SETUP", "/video", &headers).await;
    assert_eq!(status(&setup), 200);
    client.session = header(&setup, "Session").and_then(|s| s.split(';').next().map(str::to_owned));
    let setup = client.ask("SETUP", "/audio", &headers).await;
    assert_eq!(status(&setup), 463, "video has that key");
    assert!(site.notes.has_line("key management: the key is in use"));
}

/// ONVIF Streaming 8.2.1.2: the roll-over counter goes on.
#[tokio::test(start_paused = true)]
async fn a_client_changes_the_key_while_it_plays() {
    let site = Site::start_srtp(SMALL).await;
    let mut viewer = playing(&site, "", Carriage::Udp).await;
    assert!(viewer.watch(Duration::from_secs(1)).await.unwrap());
    let before = viewer.tracks[0].packets.len();
    let message = brought(Suite::AesCm128HmacSha1_80, 5, Some(&[0, 0, 0, 2]));
    let body = key_management::parameter(&message);
    let method = Method::SetParameter;
    let response = viewer.rtsp.parameter(method.clone(), "video", &body).await;
    assert_eq!(status(&response.unwrap()), 200);
    viewer.rekey(0, &message).unwrap();
    assert!(viewer.watch(Duration::from_secs(2)).await.unwrap());
    let track = &viewer.tracks[0];
    assert_eq!(track.refused, []);
    assert!(track.packets.len() > before + 15);
    assert_in_ledger(&access_units(packets(&viewer, 0)), &site.notes.units());
    assert!(
        !site.notes.has_line("discarded"),
        "RTCP is under the new key"
    );

    // The same key again, that of no MKI, and one of another suite.
    for message in [
        message,
        brought(Suite::AesCm128HmacSha1_80, 6, None),
        brought(Suite::AeadAes128Gcm, 7, Some(&[0, 0, 0, 3])),
    ] {
        let body = key_management::parameter(&message);
        let response = viewer.rtsp.parameter(method.clone(), "video", &body).await;
        assert_eq!(status(&response.unwrap()), 463);
    }
    assert!(viewer.watch(Duration::from_secs(1)).await.unwrap());
    assert_eq!(viewer.tracks[0].refused, []);
}

/// ONVIF Streaming 8.2.1.3.
#[tokio::test(start_paused = true)]
async fn a_client_asks_for_the_current_key() {
    let site = Site::start_srtp(SMALL).await;
    let mut viewer = playing(&site, "", Carriage::Udp).await;
    let method = Method::GetParameter;
    let response = viewer
        .rtsp
        .parameter(method, "", "mikey\r\n")
        .await
        .unwrap();
    assert_eq!(status(&response), 200);
    let body = String::from_utf8(response.body().clone()).unwrap();
    let lines: Vec<_> = body.lines().collect();
    assert_eq!(lines.len(), 2, "{body}");
    for (line, (_, offered)) in lines.iter().zip(&viewer.keys) {
        let message = key_management::read(line.strip_prefix("mikey: ").unwrap()).unwrap();
        assert_eq!(message.key, offered.key);
        assert_eq!(message.sessions, offered.sessions);
    }
}
