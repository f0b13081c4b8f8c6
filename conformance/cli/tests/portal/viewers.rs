//! Who comes, who goes, and who is not let in.

use lightleak_sim::{
    seal::keys::OwnerKey,
    viewer::{portal::Watching, webrtc::AppError},
    webrtc::DtlsVersions,
};

use super::site::{SECOND, Site};

fn status<T>(result: Result<T, AppError>) -> u16 {
    match result {
        Err(AppError::Status(_, status)) => status,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it is not refused"),
    }
}

/// Where in the ledger a viewer begins.
fn first_of(site: &Site, watching: &Watching) -> usize {
    let first = &watching.received().units[0];
    let ledger = site.ledger();
    ledger.iter().position(|unit| unit == first).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_comes_later_opens_nothing_older() {
    let site = Site::start().await;
    let (_a, mut first) = site.watch(0).await;
    first.watch(SECOND * 2).await.unwrap();
    let before = site.ledger().len();
    let (_b, mut late) = site.watch(1).await;
    let _ = tokio::join!(first.watch(SECOND * 2), late.watch(SECOND * 2));
    assert!(first_of(&site, &late) >= before);
    assert_eq!(first.received().without_key, 0);
    assert_eq!((late.epochs, late.received().refused), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_sent_nothing_more_and_the_others_go_on() {
    let site = Site::start().await;
    let (mut a, mut first) = site.watch(0).await;
    let (_b, mut second) = site.watch(1).await;
    let _ = tokio::join!(first.watch(SECOND), second.watch(SECOND));
    a.end(&first.session).await.unwrap();
    assert!(!first.watch(SECOND).await.unwrap(), "it hears of the end");
    let (octets, units) = (first.received().octets, second.received().units.len());
    second.watch(SECOND * 2).await.unwrap();
    let _ = first.watch(SECOND).await;
    assert_eq!(first.received().octets, octets);
    assert!(second.received().units.len() > units + 5);
    assert_eq!((second.received().refused, second.epochs), (0, 2));
    assert_eq!(status(a.end(&first.session).await), 404);
}

/// Its packets still come; nothing of them opens.
#[tokio::test(start_paused = true)]
async fn who_is_revoked_opens_nothing_of_the_next_epoch() {
    let site = Site::start().await;
    let (_a, mut stays) = site.watch(0).await;
    let (mut b, mut goes) = site.watch(1).await;
    let _ = tokio::join!(stays.watch(SECOND), goes.watch(SECOND));
    assert_eq!(site.revoke(1).await, 204);
    let _ = tokio::join!(stays.watch(SECOND), goes.watch(SECOND));
    let (units, octets) = (goes.received().units.len(), goes.received().octets);
    let stayed = stays.received().units.len();
    let _ = tokio::join!(stays.watch(SECOND * 2), goes.watch(SECOND * 2));
    assert!(units > 0 && !goes.is_wrapped_for);
    assert_eq!(goes.received().units.len(), units);
    assert!(goes.received().octets > octets + 1000);
    assert!(stays.received().units.len() > stayed + 5);
    // Nor is anything wrapped when it comes again.
    let again = b.watch(
        &site.serial,
        DtlsVersions::Either,
        &site.viewers[1],
        &site.owner,
    );
    assert_eq!(status(again.await), 403);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_owner_did_not_sign_gets_nothing() {
    let site = Site::start().await;
    let (_a, mut first) = site.watch(0).await;
    let mut portal = site.user(0).await;
    let mut intruder = portal
        .join(&site.serial, DtlsVersions::Either)
        .await
        .unwrap();
    let nobody = OwnerKey::from_seed(&[8; 32]).unwrap();
    for _ in 0..2 {
        let refused = portal.enrol(&mut intruder, &site.viewers[1], &nobody);
        assert_eq!(status(refused.await), 403);
    }
    let _ = tokio::join!(first.watch(SECOND), intruder.watch(SECOND));
    assert_eq!(intruder.received().octets, 0);
    assert!(!first.received().units.is_empty());
    assert_eq!(first.epochs, 1, "nobody came whom the camera knows");
    // It may still show one that is.
    let shown = portal.enrol(&mut intruder, &site.viewers[1], &site.owner);
    shown.await.unwrap();
    intruder.watch(SECOND).await.unwrap();
    assert!(!intruder.received().units.is_empty());
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_camera_is_not_there() {
    let site = Site::start().await;
    let (_a, mut first) = site.watch(0).await;
    let mut bert = site.user(1).await;
    let cameras = bert.cameras().await.unwrap();
    assert_eq!(cameras.len(), 1);
    assert!(cameras[0].id == super::site::OTHER && !cameras[0].live);
    assert_eq!(
        status(bert.join(&site.serial, DtlsVersions::Either).await),
        404
    );
    assert_eq!(status(bert.end(&first.session).await), 404);
    let key = format!("{}/key", first.session.path);
    let reply = bert.app.post(&key, "application/json", b"{}".to_vec());
    assert_eq!(reply.await.unwrap().status, 404);
    assert!(first.watch(SECOND).await.unwrap());
    let mut anna = site.user(0).await;
    let cameras = anna.cameras().await.unwrap();
    assert!(cameras.len() == 1 && cameras[0].live && cameras[0].id == site.serial);
    // Nobody publishes there, so that nobody answers for its keys.
    let nobody = bert.watch(
        super::site::OTHER,
        DtlsVersions::Either,
        &site.viewers[2],
        &site.owner,
    );
    assert_eq!(status(nobody.await), 504);
}
