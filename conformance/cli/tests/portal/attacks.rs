//! A relay that works against those who watch: what they refuse of what it
//! sends, and that they go on.

use lightleak_sim::{
    fault::PlayerFault,
    relay::attack::FaultyForwarding,
    viewer::{
        portal::Watching,
        webrtc::{AppError, Received},
    },
    webrtc::DtlsVersions,
};

use super::site::{SECOND, Site};

const NOTHING: FaultyForwarding = FaultyForwarding {
    replays: false,
    withholds: false,
    drops: false,
    reorders: false,
    sends_clear: false,
    swaps_keys: false,
};
/// Pictures in which a key frame comes after one was asked for.
const SOON: usize = 6;

/// What somebody saw who watched through such a relay.
async fn watched(forwarding: FaultyForwarding) -> (Site, Received) {
    let site = Site::attacked(forwarding).await;
    let (_portal, mut watching) = site.watch(0).await;
    assert!(watching.watch(SECOND * 15).await.unwrap());
    let received = watching.received().clone();
    (site, received)
}

/// Where in the ledger each access unit is that was played.
fn places(site: &Site, received: &Received) -> Vec<usize> {
    let ledger = site.ledger();
    let place = |unit: &Vec<u8>| ledger.iter().position(|produced| produced == unit);
    let places = received
        .units
        .iter()
        .map(|unit| place(unit).expect("the camera produced it"));
    places.collect()
}

/// The places of those that were left out.
fn left_out(places: &[usize]) -> Vec<usize> {
    let pairs = places.windows(2);
    pairs.flat_map(|pair| pair[0] + 1..pair[1]).collect()
}

#[track_caller]
fn assert_once_in_order(places: &[usize]) {
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_is_refused_and_nothing_is_missed_for_it() {
    let replays = FaultyForwarding {
        replays: true,
        ..NOTHING
    };
    let (site, received) = watched(replays).await;
    let places = places(&site, &received);
    assert_once_in_order(&places);
    assert_eq!(left_out(&places), [0; 0]);
    assert!(places.len() > 50, "{}", places.len());
    // Two of twelve pictures, and of sound one of sixteen.
    let sounds = received.sound.len() / 16;
    let least = places.len() / 12 * 2 - 2 + sounds - 2;
    assert!(
        received.refused as usize >= least,
        "{} of {least}",
        received.refused
    );
    assert_eq!((received.clear, received.without_key), (0, 0));
    let sound = site.notes.sound("audio");
    let at = sound.iter().position(|heard| *heard == received.sound[0]);
    assert!(sound[at.unwrap()..].starts_with(&received.sound));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_clear_is_never_played() {
    let clear = FaultyForwarding {
        sends_clear: true,
        ..NOTHING
    };
    let (site, received) = watched(clear).await;
    let places = places(&site, &received);
    assert_once_in_order(&places);
    assert_eq!(left_out(&places), [0; 0]);
    assert!(received.clear >= 4, "{}", received.clear);
    assert_eq!((received.refused, received.without_key), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_misses_something_asks_for_a_key_frame_and_goes_on() {
    let drops = FaultyForwarding {
        drops: true,
        ..NOTHING
    };
    let (site, received) = watched(drops).await;
    let places = places(&site, &received);
    assert_once_in_order(&places);
    let missed = left_out(&places);
    assert!(missed.len() >= 4, "{missed:?}");
    assert_eq!((received.refused, received.clear), (0, 0));
    let units = site.notes.units();
    for at in missed.into_iter().filter(|at| at + SOON < units.len()) {
        let mut next = units[at + 1..=at + SOON].iter();
        assert!(next.any(|unit| unit.key_frame), "none soon after {at}");
    }
}

/// Without being asked the camera makes one every twenty pictures.
#[tokio::test(start_paused = true)]
async fn nobody_who_misses_nothing_asks_for_key_frames() {
    let (site, received) = watched(NOTHING).await;
    let places = places(&site, &received);
    assert_eq!(left_out(&places), [0; 0]);
    let units = site.notes.units();
    let seen = &units[places[0] + 1..];
    let keys = seen.iter().filter(|unit| unit.key_frame).count();
    assert!(keys <= seen.len() / 20 + 1, "{keys} of {}", seen.len());
}

#[tokio::test(start_paused = true)]
async fn what_was_overtaken_is_refused() {
    let reorders = FaultyForwarding {
        reorders: true,
        ..NOTHING
    };
    let (site, received) = watched(reorders).await;
    let places = places(&site, &received);
    assert_once_in_order(&places);
    let missed = left_out(&places);
    assert!(missed.len() >= 4, "{missed:?}");
    assert_eq!(received.refused as usize, missed.len());
    assert_eq!(received.clear, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_of_an_ended_epoch_is_refused() {
    let withholds = FaultyForwarding {
        withholds: true,
        ..NOTHING
    };
    let site = Site::attacked(withholds).await;
    let (_a, mut first) = site.watch(0).await;
    first.watch(SECOND * 3).await.unwrap();
    let before = first.received().units.len();
    let (_b, mut second) = site.watch(1).await;
    let _ = tokio::join!(first.watch(SECOND * 8), second.watch(SECOND * 8));
    assert_eq!(first.epochs, 2);
    for watching in [&first, &second] {
        let received = watching.received();
        let places = places(&site, received);
        assert_once_in_order(&places);
        assert!(received.refused >= 1 && !left_out(&places).is_empty());
        assert_eq!(received.clear, 0);
    }
    assert!(first.received().units.len() > before + 20);
}

#[tokio::test(start_paused = true)]
async fn keys_of_somebody_else_open_nothing_and_both_are_told() {
    let swaps = FaultyForwarding {
        swaps_keys: true,
        ..NOTHING
    };
    let site = Site::attacked(swaps).await;
    let (_a, mut first) = site.watch(0).await;
    assert!(first.watch(SECOND * 3).await.unwrap());
    let before = first.received().units.len();
    assert!(before > 5, "alone nobody's are there to be swapped");
    let mut portal = site.user(0).await;
    let either = DtlsVersions::Either;
    let mut second = portal.join(&site.serial, either).await.unwrap();
    let enrolled = portal.enrol(&mut second, &site.viewers[1], &site.owner);
    let (told, enrolled) = tokio::join!(first.watch(SECOND * 3), enrolled);
    for error in [told.map(|_| ()).unwrap_err(), enrolled.unwrap_err()] {
        assert!(matches!(error, AppError::Epoch(_)), "{error}");
        assert!(error.to_string().starts_with("receive a key: "), "{error}");
    }
    let before = first.received().units.len();
    let _ = tokio::join!(first.watch(SECOND * 3), second.watch(SECOND * 3));
    assert_eq!(second.received().units.len(), 0);
    assert!(first.received().without_key + second.received().without_key > 5);
    let after = first.received().units.len();
    // Until the epoch that it has keys of is over.
    assert!(after <= before + 10, "{before}, {after}");
}

#[tokio::test(start_paused = true)]
async fn two_watch_through_all_of_it() {
    let site = Site::attacked(FaultyForwarding::ALL_OF_MEDIA).await;
    let (_a, mut first) = site.watch(0).await;
    first.watch(SECOND * 3).await.unwrap();
    let (_b, mut second) = site.watch(1).await;
    let (a, b) = tokio::join!(first.watch(SECOND * 12), second.watch(SECOND * 12));
    assert!(a.unwrap() && b.unwrap());
    for watching in [&first, &second] {
        let received = watching.received();
        assert_once_in_order(&places(&site, received));
        assert!(received.units.len() > 35, "{}", received.units.len());
        assert!(received.refused > 5 && received.clear >= 3, "{received:?}");
        assert_eq!(watching.counts().refused, 0, "SRTP is the relay's own");
    }
}

/// What a viewer with that fault plays through the same relay.
async fn faulty(player: PlayerFault) -> (Site, Watching) {
    let site = Site::attacked(FaultyForwarding::ALL_OF_MEDIA).await;
    let mut portal = site.user(0).await;
    portal.player = Some(player);
    let either = DtlsVersions::Either;
    let (viewer, owner) = (&site.viewers[0], &site.owner);
    let watching = portal.watch(&site.serial, either, viewer, owner);
    let mut watching = watching.await.unwrap();
    watching.watch(SECOND * 15).await.unwrap();
    (site, watching)
}

#[tokio::test(start_paused = true)]
async fn without_a_window_it_would_be_played_again() {
    let (site, watching) = faulty(PlayerFault::Repeats).await;
    let mut places = places(&site, watching.received());
    let played = places.len();
    places.sort_unstable();
    places.dedup();
    assert!(played > places.len() + 5, "{played}, {}", places.len());
}

#[tokio::test(start_paused = true)]
async fn without_a_refusal_what_is_in_clear_would_be_played() {
    let (site, watching) = faulty(PlayerFault::Clear).await;
    let ledger = site.ledger();
    let played = watching.received().units.iter();
    let foreign = played.filter(|unit| !ledger.contains(unit)).count();
    assert!(foreign >= 4, "{foreign}");
}
