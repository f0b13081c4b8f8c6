//! SRTP as its viewers receive it, compared with what was encoded.

use std::time::Duration;

use lightleak_sim::{
    seal::srtp::SrtpError,
    viewer::{
        rtsp::Address,
        srtp::{Carriage, SrtpViewer},
    },
};

use crate::{
    media::assert_in_ledger,
    site::{LARGE, SMALL, Site, access_units, header, status},
};

/// Every form of the path.
const FORMS: [&str; 6] = [
    "",
    "AEAD_AES_128_GCM/",
    "AEAD_AES_256_GCM/",
    "no-mki/AES_CM_128_HMAC_SHA1_80/",
    "no-mki/AEAD_AES_128_GCM/",
    "no-mki/AEAD_AES_256_GCM/",
];

/// Where the presentation is in that form.
pub fn address(site: &Site, form: &str) -> Address {
    let address = site.address();
    let host = address.url.strip_suffix("main").unwrap();
    Address {
        url: format!("{host}{form}main"),
        ..address
    }
}

/// A viewer of that form who has set nothing up.
pub async fn viewer(site: &Site, form: &str) -> SrtpViewer {
    let credentials = site.credentials.clone();
    SrtpViewer::connect(&address(site, form), credentials, &site.world())
        .await
        .unwrap()
}

/// A viewer who plays.
pub async fn playing(site: &Site, form: &str, carriage: Carriage) -> SrtpViewer {
    let mut viewer = viewer(site, form).await;
    viewer.describe().await.unwrap();
    viewer.setup(carriage).await.unwrap();
    viewer.play().await.unwrap();
    viewer
}

/// RTP packets of a track, in clear.
pub fn packets(viewer: &SrtpViewer, at: usize) -> impl Iterator<Item = &[u8]> {
    viewer.tracks[at].packets.iter().map(Vec::as_slice)
}

#[tokio::test(start_paused = true)]
async fn every_form_and_carriage_brings_video_and_sound_whole() {
    let site = Site::start_srtp(SMALL).await;
    for form in FORMS {
        for carriage in [Carriage::Udp, Carriage::Interleaved] {
            let begun = site.notes.units().len();
            let mut viewer = playing(&site, form, carriage).await;
            assert!(viewer.watch(Duration::from_secs(2)).await.unwrap());
            let case = format!("{form} {carriage:?}");
            let ledger = site.notes.units();
            let units = assert_in_ledger(&access_units(packets(&viewer, 0)), &ledger);
            assert!(units.len() + 4 > ledger.len() - begun, "{case}");
            let sound = site.notes.sound();
            let heard: Vec<_> = packets(&viewer, 1).map(|p| &p[12..]).collect();
            assert!(heard.len() > 90, "{case}: {}", heard.len());
            let first = sound.iter().position(|p| p.octets == heard[0]).unwrap();
            let expected = sound[first..].iter().map(|packet| packet.octets.as_slice());
            assert!(
                expected.zip(&heard).all(|(sent, got)| sent == *got),
                "{case}"
            );
            for track in &viewer.tracks {
                assert_eq!(track.refused, [], "{case}");
                assert_eq!(track.reports, 1, "{case}");
                let sequence = u16::from_be_bytes([track.packets[0][2], track.packets[0][3]]);
                assert!(sequence < 1 << 15, "{case}: {sequence}");
            }
            viewer.teardown().await.unwrap();
            viewer.rtsp.close().await;
        }
    }
    assert!(!site.notes.has_line("discarded"));
}

#[tokio::test(start_paused = true)]
async fn packets_of_key_frames_fit_and_the_sub_stream_is_sealed_too() {
    let site = Site::start_srtp(LARGE).await;
    let mut viewer = playing(&site, "", Carriage::Udp).await;
    assert!(viewer.watch(Duration::from_secs(1)).await.unwrap());
    let longest = packets(&viewer, 0).map(<[u8]>::len).max().unwrap();
    // RFC 3711: MKI and tag come on top.
    assert_eq!(longest + 4 + 10, 1400);
    let mut sub = SrtpViewer::connect(
        &Address {
            url: site.url.replace("/main", "/sub"),
            ..site.address()
        },
        site.credentials.clone(),
        &site.world(),
    )
    .await
    .unwrap();
    sub.describe().await.unwrap();
    sub.setup(Carriage::Udp).await.unwrap();
    sub.play().await.unwrap();
    assert!(sub.watch(Duration::from_secs(1)).await.unwrap());
    assert_eq!(sub.tracks.len(), 1);
    assert_in_ledger(&access_units(packets(&sub, 0)), &site.notes.sub_units());
}

#[tokio::test(start_paused = true)]
async fn a_viewer_with_another_key_opens_nothing() {
    let site = Site::start_srtp(SMALL).await;
    let mut viewer = viewer(&site, "").await;
    viewer.describe().await.unwrap();
    let stale = viewer.keys.clone();
    // Another description, another key.
    viewer.describe().await.unwrap();
    let [(name, _), _] = &stale[..] else {
        panic!("video and sound");
    };
    let key = &stale[0].1;
    viewer
        .setup_track(name, Carriage::Udp, key, false)
        .await
        .unwrap();
    viewer.play().await.unwrap();
    assert!(viewer.watch(Duration::from_secs(1)).await.unwrap());
    let track = &viewer.tracks[0];
    assert_eq!(track.packets.len(), 0);
    assert!(track.refused.len() > 10);
    let unknown = |error: &SrtpError| *error == SrtpError::UnknownMki;
    assert!(track.refused.iter().all(unknown), "{:?}", track.refused);
}

#[tokio::test(start_paused = true)]
async fn neither_path_takes_the_profile_of_the_other() {
    let site = Site::start_srtp(SMALL).await;
    let mut client = site.client().await;
    let describe = client.ask("DESCRIBE", "", &[]).await;
    let description = String::from_utf8_lossy(describe.body()).into_owned();
    assert_eq!(description.matches("RTP/SAVP ").count(), 2, "{description}");
    assert_eq!(description.matches("\r\na=key-mgmt:mikey AQAF").count(), 2);
    for refused in [
        "RTP/AVP/TCP;unicast;interleaved=0-1",
        "RTP/AVP;unicast;client_port=5000-5001",
        "RTP/SAVP;multicast",
        "RTP/SAVPF;unicast;client_port=5000-5001",
        "RTP/SAVP;unicast",
    ] {
        let setup = client
            .ask("SETUP", "/video", &[("Transport", refused)])
            .await;
        assert_eq!(status(&setup), 461, "{refused}");
    }
    let wanted = "RTP/SAVP/UDP;unicast;client_port=5000-5001";
    let setup = client
        .ask("SETUP", "/video", &[("Transport", wanted)])
        .await;
    assert_eq!(status(&setup), 200);
    let transport = header(&setup, "Transport").unwrap();
    assert!(transport.starts_with(wanted), "{transport}");
    assert!(transport.contains(";ssrc="), "{transport}");

    let other = Site::start(SMALL).await;
    let mut client = other.client().await;
    let describe = client.ask("DESCRIBE", "", &[]).await;
    let description = String::from_utf8_lossy(describe.body()).into_owned();
    assert!(!description.contains("SAVP"), "{description}");
    assert!(!description.contains("key-mgmt"), "{description}");
    for refused in [
        "RTP/SAVP/TCP;unicast;interleaved=0-1",
        "RTP/SAVP;unicast;client_port=5000-5001",
    ] {
        let setup = client
            .ask("SETUP", "/video", &[("Transport", refused)])
            .await;
        assert_eq!(status(&setup), 461, "{refused}");
    }
}
