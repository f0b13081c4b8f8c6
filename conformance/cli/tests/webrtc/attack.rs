//! Datagrams that nobody sound sends, or does not send any more.

use std::time::Duration;

use lightleak_sim::{viewer::webrtc::Call, webrtc::DtlsVersions};
use proptest::{collection::vec, prelude::*, strategy::ValueTree, test_runner::TestRunner};

use crate::site::Site;

const SECOND: Duration = Duration::from_secs(1);

/// The same SDP with another fingerprint.
fn with_other_fingerprint(sdp: &str) -> String {
    let at = sdp.find("a=fingerprint:sha-256 ").unwrap() + 22;
    let other = if &sdp[at..at + 2] == "00" { "01" } else { "00" };
    format!("{}{other}{}", &sdp[..at], &sdp[at + 2..])
}

#[tokio::test(start_paused = true)]
async fn the_app_takes_nothing_from_a_camera_with_another_certificate() {
    for versions in [DtlsVersions::Dtls12, DtlsVersions::Dtls13] {
        let site = Site::start().await;
        let mut app = site.app().await;
        let (mut call, offer) = Call::prepare(&site.world(), versions).await.unwrap();
        let session = app.offer(&offer).await.unwrap();
        call.accept(&with_other_fingerprint(&session.answer))
            .unwrap();
        let keys = app
            .keys(&session.path, &site.viewer, &site.owner)
            .await
            .unwrap();
        call.use_keys(&keys).unwrap();
        let error = call.watch(3 * SECOND).await.unwrap_err();
        assert!(error.to_string().contains("fingerprint"), "{error}");
        assert!(!call.received.connected && call.received.octets == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_camera_sends_nothing_to_an_app_with_another_certificate() {
    for versions in [DtlsVersions::Dtls12, DtlsVersions::Dtls13] {
        let site = Site::start().await;
        let mut app = site.app().await;
        let (mut call, offer) = Call::prepare(&site.world(), versions).await.unwrap();
        let session = app.offer(&with_other_fingerprint(&offer)).await.unwrap();
        call.accept(&session.answer).unwrap();
        let keys = app
            .keys(&session.path, &site.viewer, &site.owner)
            .await
            .unwrap();
        call.use_keys(&keys).unwrap();
        let _ = call.watch(10 * SECOND).await;
        assert_eq!(call.received.octets, 0);
        let fate = site.fate.lock().unwrap();
        assert!(fate.sent.len() > 2, "they have met");
        assert_eq!(fate.srtp().count(), 0);
        assert!(
            site.notes
                .lines()
                .iter()
                .any(|line| line.contains("fingerprint"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_packet_with_a_bit_turned_is_dropped_and_the_others_go_on() {
    let site = Site::start().await;
    let (_app, _session, mut call) = site.call(DtlsVersions::Either).await;
    call.watch(SECOND).await.unwrap();
    let before = (call.counts().refused, call.received.sound.len());
    assert_eq!(before.0, 0);
    site.fate.lock().unwrap().turns = Some(3);
    call.watch(2 * SECOND).await.unwrap();
    let turned = site.fate.lock().unwrap().turned as u64;
    assert!(turned > 20);
    assert_eq!(call.counts().refused, turned);
    assert!(call.received.sound.len() > before.1 + 20);
    // Video that was hit comes again.
    assert_eq!((call.received.refused, call.received.clear), (0, 0));
    let ledger = site.notes.units();
    let ledger = ledger.iter().map(|unit| unit.annex_b()).collect::<Vec<_>>();
    assert!(call.received.units.len() > 6);
    assert!(call.received.units.iter().all(|unit| ledger.contains(unit)));
    site.fate.lock().unwrap().turns = None;
    let before = call.received.units.len();
    call.watch(SECOND).await.unwrap();
    assert!(call.received.units.len() > before);
}

/// RFC 5763 5: there is nothing to open it with.
#[tokio::test(start_paused = true)]
async fn media_before_the_handshake_are_dropped() {
    let site = Site::start().await;
    let (_app, session, mut call) = site.call(DtlsVersions::Either).await;
    let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.resize(60, 7);
    for _ in 0..10 {
        let to = session.candidates()[0];
        call.send_datagram(to, &packet).await.unwrap();
        call.watch(Duration::from_millis(1)).await.unwrap();
    }
    call.watch(SECOND).await.unwrap();
    assert!(!call.received.units.is_empty());
    assert!(site.notes.packets("talk-back").is_empty());
    drop(call);
    site.sleep(60 * SECOND).await;
    let lines = site.notes.lines();
    let line = lines
        .iter()
        .find(|line| line.starts_with("webrtc:"))
        .unwrap();
    // Before ICE has found the app, it is a stranger.
    let numbers = line
        .split(&[' ', ','][..])
        .filter_map(|word| word.parse::<u64>().ok());
    assert_eq!(numbers.skip(2).take(3).sum::<u64>(), 10, "{line}");
}

/// RFC 5764 5.1, RFC 8827 6.5.
#[tokio::test(start_paused = true)]
async fn who_keeps_the_handshake_waiting_is_sent_nothing() {
    let site = Site::start().await;
    let (_app, _session, mut call) = site.call(DtlsVersions::Either).await;
    call.withhold_dtls();
    let key_frame_request = vec![0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
    for _ in 0..5 {
        call.watch(SECOND).await.unwrap();
        assert!(call.send_beside(key_frame_request.clone()).await);
    }
    assert_eq!(site.fate.lock().unwrap().srtp().count(), 0);
    assert!(!call.received.connected);
    call.release_dtls();
    call.watch(2 * SECOND).await.unwrap();
    assert!(site.fate.lock().unwrap().srtp().count() > 0);
    assert!(!call.received.units.is_empty());
}

/// RFC 7675 5.1.
#[tokio::test(start_paused = true)]
async fn sending_ends_when_the_app_is_silent_for_30_seconds() {
    let site = Site::start().await;
    let (_app, _session, mut call) = site.call(DtlsVersions::Either).await;
    call.watch(2 * SECOND).await.unwrap();
    let silent = site.clock.unix();
    site.fate.lock().unwrap().deaf = true;
    site.sleep(120 * SECOND).await;
    let fate = site.fate.lock().unwrap();
    let (last, ..) = fate.srtp().last().unwrap();
    let went_on = last.saturating_sub(silent);
    assert!(went_on <= 30 * SECOND, "{went_on:?}");
    assert!(went_on >= SECOND, "{went_on:?}");
    assert!(
        site.notes
            .lines()
            .iter()
            .any(|line| line.contains("is gone"))
    );
}

/// Binding requests (RFC 8489 5) that are well made but for who knows the password,
/// from strangers and from whom the camera knows.
#[tokio::test(start_paused = true)]
async fn a_flood_of_stun_is_dropped_and_no_viewer_notices() {
    const FLOOD: u32 = 20_000;
    let site = Site::start().await;
    let (_app, session, mut call) = site.call(DtlsVersions::Either).await;
    call.watch(SECOND).await.unwrap();
    let to = session.candidates()[0];
    let user = session.answer.split("a=ice-ufrag:").nth(1).unwrap();
    let user = format!("{}:them", user.split("\r\n").next().unwrap());
    let stranger = site.world().net.bind(0).await.unwrap();
    let filmed = || site.notes.units().len();
    let before = (filmed(), call.received.units.len());
    for number in 0..FLOOD {
        let request = binding_request(number, user.as_bytes());
        match number % 2 {
            0 => stranger.send(to, &request, request.len()).await.unwrap(),
            _ => call.send_datagram(to, &request).await.unwrap(),
        }
        if number % 200 == 0 {
            call.watch(Duration::from_millis(20)).await.unwrap();
        }
    }
    assert!(call.watch(SECOND).await.unwrap());
    let (filmed, seen) = (filmed() - before.0, call.received.units.len() - before.1);
    assert!(filmed > 10, "{filmed}");
    // The last may be on its way.
    assert!(seen + 1 >= filmed, "{seen} of {filmed} pictures");
    assert_eq!(call.received.refused, 0);
    // Nobody is answered, and so nobody is a way for floods to somebody else.
    let sent = site.fate.lock().unwrap().sent.clone();
    let from = stranger.local();
    assert!(sent.iter().all(|(_, to, _)| *to != from));
}

/// With a USERNAME and a MESSAGE-INTEGRITY of nobody (RFC 8489 14.3, 14.5).
fn binding_request(number: u32, user: &[u8]) -> Vec<u8> {
    let padded = user.len().next_multiple_of(4);
    let length = (4 + padded + 24) as u16;
    let mut request = [
        &[0, 1][..],
        &length.to_be_bytes(),
        &[0x21, 0x12, 0xa4, 0x42],
    ]
    .concat();
    request.extend([[0; 4], [7; 4], number.to_be_bytes()].concat());
    request.extend([&[0, 6][..], &(user.len() as u16).to_be_bytes(), user].concat());
    request.resize(20 + 4 + padded, 0);
    request.extend([&[0, 8, 0, 20][..], &[0xa5; 20]].concat());
    request
}

#[tokio::test(start_paused = true)]
async fn octets_of_any_kind_disturb_nobody() {
    let site = Site::start().await;
    let (_app, session, mut call) = site.call(DtlsVersions::Either).await;
    let (_other, early, mut late) = site.call(DtlsVersions::Either).await;
    call.watch(SECOND).await.unwrap();
    let real = site.fate.lock().unwrap().sent.clone();
    let any = prop_oneof![
        vec(any::<u8>(), 0..1500),
        (
            prop_oneof![0..4_u8, 20..64_u8, 128..192_u8],
            vec(any::<u8>(), 0..200)
        )
            .prop_map(|(first, rest)| [&[first][..], &rest].concat()),
        (
            any::<prop::sample::Index>(),
            any::<prop::sample::Index>(),
            any::<u8>(),
            any::<bool>()
        )
            .prop_map(move |(which, at, octet, cut)| {
                let mut octets = which.get(&real).2.clone();
                let at = at.index(octets.len());
                octets[at] = octet;
                if cut {
                    octets.truncate(at);
                }
                octets
            }),
    ];
    let stranger = site.world().net.bind(0).await.unwrap();
    let mut runner = TestRunner::deterministic();
    for round in 0..3_000 {
        let octets = any.new_tree(&mut runner).unwrap().current();
        let to = [&session, &early][round % 2].candidates()[0];
        if octets.is_empty() {
            continue;
        }
        // Of two that are not connected yet, one is a stranger.
        match round % 3 {
            0 => stranger.send(to, &octets, octets.len()).await.unwrap(),
            1 => call.send_datagram(to, &octets).await.unwrap(),
            _ => late.send_datagram(to, &octets).await.unwrap(),
        }
        if round % 100 == 0 {
            call.watch(Duration::from_millis(20)).await.unwrap();
        }
    }
    for call in [&mut call, &mut late] {
        let before = call.received.units.len();
        assert!(call.watch(2 * SECOND).await.unwrap());
        assert!(call.received.units.len() > before);
        assert_eq!(call.received.refused, 0);
    }
    assert!(
        !site
            .notes
            .lines()
            .iter()
            .any(|line| line.contains("panicked"))
    );
}
