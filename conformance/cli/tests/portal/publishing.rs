//! Cameras that come and go, and who may publish.

use lightleak_sim::{
    seal::keys::BearerToken,
    viewer::webrtc::{App, Call},
    webrtc::DtlsVersions,
};

use super::site::{OTHER, SECOND, Site};

const SDP: &str = "application/sdp";

#[tokio::test(start_paused = true)]
async fn the_camera_comes_back_when_the_relay_does() {
    let mut site = Site::start().await;
    let (_a, mut first) = site.watch(0).await;
    first.watch(SECOND * 2).await.unwrap();
    assert!(!first.received().units.is_empty());
    site.restart_relay().await;
    site.sleep(SECOND * 5).await;
    let (_a, mut again) = site.watch(0).await;
    again.watch(SECOND * 2).await.unwrap();
    let received = again.received();
    assert!(received.units.len() > 5 && received.refused == 0);
    let lines = site.notes.secrets("SFRAME_BASE_KEY ");
    let mut kids: Vec<_> = lines.iter().map(|line| line.split(' ').nth(2)).collect();
    kids.sort();
    kids.dedup();
    assert_eq!(kids.len(), lines.len(), "no KID comes twice");
}

/// A publication takes the place of the one before; who watches stays.
#[tokio::test(start_paused = true)]
async fn a_camera_that_publishes_again_is_watched_on() {
    let site = Site::start().await;
    let (_a, mut watching) = site.watch(0).await;
    watching.watch(SECOND).await.unwrap();
    let before = watching.received().units.len();
    // Somebody with the camera's token takes its place, and goes.
    let mut app = App::connect(&site.address, &site.world()).await.unwrap();
    app.token = Some(site.settings.cameras[0].token.clone());
    let (_call, offer) = Call::prepare_to_watch(&site.world(), DtlsVersions::Either)
        .await
        .unwrap();
    let offer = offer.replace("a=recvonly", "a=sendonly");
    let path = format!("/whip/{}", site.serial);
    let session = app.offer_to(&path, &offer).await.unwrap();
    app.end(&session.path).await.unwrap();
    assert!(watching.watch(SECOND * 10).await.unwrap());
    let received = watching.received();
    assert!(
        received.units.len() > before + 20,
        "{}",
        received.units.len()
    );
    assert_eq!((received.refused, received.clear), (0, 0));
}

/// RFC 9725 4.7.
#[tokio::test(start_paused = true)]
async fn only_the_camera_publishes_there() {
    let site = Site::start().await;
    let mut portal = site.user(0).await;
    let user = portal.app.token.clone();
    let path = format!("/whip/{}", site.serial);
    let session = format!("{path}/0");
    let viewers = format!("{session}/viewers?after=0");
    let keys = format!("{session}/keys");
    let another = site.settings.cameras[1].token.clone();
    for (token, status) in [
        (None, 401),
        (user, 401),
        (Some(BearerToken::shown("nobody's")), 401),
        (Some(another), 403),
    ] {
        portal.app.token = token;
        for (method, path) in [
            ("POST", path.as_str()),
            ("DELETE", &session),
            ("GET", &viewers),
            ("POST", &keys),
        ] {
            let reply = portal.app.ask(method, path, Some(SDP), Vec::new()).await;
            assert_eq!(reply.unwrap().status, status, "{method} {path}");
        }
    }
    portal.app.token = Some(site.settings.cameras[1].token.clone());
    let path = format!("/whip/{OTHER}");
    let reply = portal.app.post(&path, SDP, Vec::new());
    assert_eq!(reply.await.unwrap().status, 400);
    // What a camera shows is no user's.
    assert!(portal.cameras().await.is_err());
}
