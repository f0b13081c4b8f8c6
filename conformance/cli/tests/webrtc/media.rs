//! What is seen, heard and said.

use std::time::Duration;

use lightleak_sim::{g711::mu_law, sound::Sound, webrtc::DtlsVersions};

use super::site::Site;

const WATCH: Duration = Duration::from_secs(3);

#[tokio::test(start_paused = true)]
async fn an_app_gets_all_that_is_seen_and_heard_over_dtls_1_2() {
    watch(DtlsVersions::Dtls12).await;
}

#[tokio::test(start_paused = true)]
async fn an_app_gets_all_that_is_seen_and_heard_over_dtls_1_3() {
    watch(DtlsVersions::Dtls13).await;
}

async fn watch(versions: DtlsVersions) {
    let site = Site::start().await;
    let (mut app, session, mut call) = site.call(versions).await;
    assert!(call.watch(WATCH).await.unwrap());
    let said = Sound {
        seed: 3,
        unit: 4,
        nonce: 5,
    };
    assert!(call.talk(WATCH, &said).await.unwrap());
    let (units, sound) = (site.notes.units(), site.notes.sound("audio"));
    app.end(&session.path).await.unwrap();
    assert!(!call.watch(WATCH).await.unwrap(), "it hears of the end");
    assert_eq!((call.counts().refused, call.counts().early), (0, 0));

    let received = call.close().await;
    assert_eq!((received.refused, received.clear), (0, 0));
    let units = after(units, |unit| {
        Some(&unit.annex_b()) == received.units.first()
    });
    assert!(units[0].key_frame);
    let units = units.iter().map(|unit| unit.annex_b());
    assert!(
        units.eq(received.units),
        "from then on every access unit comes"
    );
    let sound = after(sound, |octets| Some(octets) == received.sound.first());
    // The last one was on its way when the session ended.
    assert!(sound.len().abs_diff(received.sound.len()) <= 1);
    let both = sound.iter().zip(&received.sound);
    assert!(both.clone().count() > 250 && both.clone().all(|(a, b)| a == b));

    let spoken = (0..).map(|number| said.samples(number).map(mu_law).to_vec());
    let heard = site.notes.sound("talk-back");
    assert!(heard.len() >= 149, "{}", heard.len());
    assert!(heard.iter().cloned().eq(spoken.take(heard.len())));
}

/// What comes from the first that `is_it` on, which is within a second.
fn after<T>(mut ledger: Vec<T>, is_it: impl FnMut(&T) -> bool) -> Vec<T> {
    let at = ledger.iter().position(is_it).expect("it is in the ledger");
    assert!(at < ledger.len() / 4);
    ledger.split_off(at)
}

/// RTP and RTCP, still sealed from end to end.
#[tokio::test(start_paused = true)]
async fn what_the_app_holds_is_sealed_still() {
    let site = Site::start().await;
    let (_app, _session, mut call) = site.call(DtlsVersions::Either).await;
    call.watch(WATCH).await.unwrap();
    let held = site.notes.held();
    assert!(held.len() > 150);
    assert!(held.iter().all(|(.., packet)| packet[0] >> 6 == 2));
    let (from, to, _) = &held[held.len() - 1];
    assert_ne!(from, to);
    let octets = held.into_iter().flat_map(|(.., packet)| packet);
    let octets = octets.collect::<Vec<_>>();
    let holds = |needle: &[u8]| octets.windows(needle.len()).any(|window| window == needle);
    assert!(
        holds(&[0x67, 0x42, 0xc0, 0x0a]),
        "the cover of the parameter sets"
    );
    for unit in site.notes.units() {
        for nal in unit.nal_units.iter().filter(|nal| nal.len() > 40) {
            assert!(!holds(&nal[8..32]));
        }
    }
}

/// RFC 4585 6.3.1.
#[tokio::test(start_paused = true)]
async fn a_key_frame_comes_when_it_is_asked_for() {
    let site = Site::start().await;
    let (_app, _session, mut call) = site.call(DtlsVersions::Either).await;
    call.watch(Duration::from_secs(1)).await.unwrap();
    let key_frames = || {
        site.notes
            .units()
            .iter()
            .filter(|unit| unit.key_frame)
            .count()
    };
    let before = key_frames();
    call.request_key_frame().unwrap();
    call.watch(Duration::from_millis(450)).await.unwrap();
    assert_eq!(key_frames(), before + 1);
}
