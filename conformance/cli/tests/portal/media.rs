//! What is seen and heard, and what the relay holds.

use std::collections::BTreeSet;

use lightleak_sim::{webrtc::DtlsVersions, world::Held};

use super::site::{SECOND, Site};

#[tokio::test(start_paused = true)]
async fn two_viewers_see_and_hear_what_the_camera_does() {
    for versions in [DtlsVersions::Dtls12, DtlsVersions::Dtls13] {
        let site = Site::start().await;
        let (_a, mut first) = site.watch_by(0, versions).await;
        first.watch(SECOND).await.unwrap();
        let (_b, mut second) = site.watch_by(1, versions).await;
        let (a, b) = tokio::join!(first.watch(SECOND * 3), second.watch(SECOND * 3));
        assert!(a.unwrap() && b.unwrap());
        let (ledger, sound) = (site.ledger(), site.notes.sound("audio"));
        for (watching, units) in [(&first, 14), (&second, 10)] {
            let received = watching.received();
            assert_eq!((received.refused, received.clear), (0, 0));
            assert_eq!(watching.counts().refused, 0);
            // From the first on every access unit comes.
            let at = ledger.iter().position(|unit| *unit == received.units[0]);
            assert!(ledger[at.unwrap()..].starts_with(&received.units));
            assert!(received.units.len() >= units, "{}", received.units.len());
            let at = sound.iter().position(|heard| *heard == received.sound[0]);
            assert!(sound[at.unwrap()..].starts_with(&received.sound));
            assert!(received.sound.len() > 90, "{}", received.sound.len());
        }
        assert_eq!((first.epochs, second.epochs), (2, 1));
    }
}

/// RFC 5764 4.2: each hop has keys of its own; of them the relay seals anew.
#[tokio::test(start_paused = true)]
async fn no_two_hops_share_a_key() {
    let site = Site::start().await;
    let (_a, mut first) = site.watch(0).await;
    let (_b, mut second) = site.watch(1).await;
    let _ = tokio::join!(first.watch(SECOND), second.watch(SECOND));
    let lines = site.notes.secrets("SRTP_MASTER_KEY ");
    let keys: BTreeSet<_> = lines.iter().map(|line| line.split(' ').nth(3)).collect();
    assert_eq!((lines.len(), keys.len()), (6, 6), "two ways of three hops");
}

/// RFC 9605 4.4.1.
#[tokio::test(start_paused = true)]
async fn every_sender_has_a_kid_and_a_key_of_its_own() {
    let site = Site::start().await;
    let (_a, mut first) = site.watch(0).await;
    first.watch(SECOND).await.unwrap();
    let (_b, _second) = site.watch(1).await;
    let lines = site.notes.secrets("SFRAME_BASE_KEY ");
    for field in [2, 3] {
        let fields: BTreeSet<_> = lines.iter().map(|l| l.split(' ').nth(field)).collect();
        assert_eq!((lines.len(), fields.len()), (4, 4), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_relay_holds_is_sealed_still() {
    let site = Site::start().await;
    let (_portal, mut watching) = site.watch(0).await;
    watching.watch(SECOND * 2).await.unwrap();
    assert!(!watching.received().units.is_empty());
    let held = site.notes.held_by(Held::Relay);
    let relay = site.relay.as_ref().unwrap().endpoint.ip();
    let goes = |out: bool| {
        held.iter()
            .filter(move |(from, ..)| (from.ip() == relay) == out)
    };
    assert!(goes(true).count() > 50 && goes(false).count() > 50);
    assert!(held.iter().all(|(.., packet)| packet[0] >> 6 == 2));
    let octets = held.iter().flat_map(|(.., packet)| packet.clone());
    let octets = octets.collect::<Vec<_>>();
    let holds = |needle: &[u8]| octets.windows(needle.len()).any(|window| window == needle);
    assert!(
        holds(&[0x67, 0x42, 0xc0, 0x0a]),
        "the cover of parameter sets"
    );
    for unit in site.notes.units() {
        for nal in unit.nal_units.iter().filter(|nal| nal.len() > 40) {
            assert!(!holds(&nal[8..32]));
        }
    }
    for packet in site.notes.packets("audio") {
        assert!(!holds(&packet.octets[..32]));
    }
}
