//! Who may ask for what, and what is refused.

use std::time::Duration;

use lightleak_sim::{
    seal::keys::{BearerToken, OwnerKey, Password},
    signalling::{MOST_FAILURES, PAUSE, TOKEN_LIFETIME},
    viewer::webrtc::{App, AppError, Call},
    webrtc::DtlsVersions,
};

use crate::site::Site;

const SDP: &str = "application/sdp";
const JSON: &str = "application/json";

/// An offer of an app.
async fn offer(site: &Site) -> String {
    let call = Call::prepare(&site.world(), DtlsVersions::Either).await;
    call.unwrap().1
}

async fn post(app: &mut App, path: &str, media_type: &str, body: &str) -> u16 {
    let reply = app.post(path, media_type, body.into()).await;
    reply.unwrap().status
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_is_to_be_had() {
    let site = Site::start().await;
    let offer = offer(&site).await;
    let mut app = site.stranger().await;
    for token in [None, Some(BearerToken::shown(&"0".repeat(64)))] {
        let is_shown = token.is_some();
        app.token = token;
        let reply = app
            .post("/webrtc", SDP, offer.clone().into())
            .await
            .unwrap();
        assert_eq!(reply.status, 401);
        let challenge = reply.challenge.unwrap();
        assert_eq!(challenge.contains("invalid_token"), is_shown, "{challenge}");
        assert_eq!(post(&mut app, "/webrtc/0/key", JSON, "{}").await, 401);
        let deleted = app.ask("DELETE", "/webrtc/0", None, Vec::new()).await;
        assert_eq!(deleted.unwrap().status, 401);
    }
    app.log_in(&site.credentials).await.unwrap();
    assert_eq!(post(&mut app, "/webrtc", SDP, &offer).await, 201);
    let token = app.token.unwrap();
    let escrowed = format!("BEARER_TOKEN viewer {}", token.expose());
    assert_eq!(site.notes.secrets("BEARER_TOKEN"), [escrowed]);
    assert!(!site.notes.lines().join("").contains(token.expose()));
}

#[tokio::test(start_paused = true)]
async fn a_token_expires() {
    let site = Site::start().await;
    let mut app = site.app().await;
    let token = app.token.clone();
    for (wait, status) in [(1, 400), (TOKEN_LIFETIME.as_secs() - 1, 401)] {
        site.sleep(Duration::from_secs(wait)).await;
        app = site.stranger().await;
        app.token = token.clone();
        assert_eq!(post(&mut app, "/webrtc", SDP, "").await, status);
    }
}

#[tokio::test(start_paused = true)]
async fn guessing_is_slow() {
    let site = Site::start().await;
    let mut wrong = site.credentials.clone();
    wrong.password = Password::new("guess");
    let mut app = site.stranger().await;
    let status = |result: Result<(), AppError>| match result {
        Err(AppError::Status(_, status)) => status,
        other => panic!("{other:?}"),
    };
    for _ in 0..MOST_FAILURES {
        assert_eq!(status(app.log_in(&wrong).await), 401);
    }
    // Whoever knows the password waits too, since nobody looks at it.
    assert_eq!(status(app.log_in(&site.credentials).await), 429);
    let body = r#"{"user": "viewer", "password": "guess"}"#;
    let reply = app.post("/login", JSON, body.into()).await.unwrap();
    assert_eq!(reply.retry_after.unwrap(), PAUSE.as_secs().to_string());
    site.sleep(PAUSE).await;
    let mut app = site.stranger().await;
    assert_eq!(status(app.log_in(&wrong).await), 401);
    app.log_in(&site.credentials).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_gets_its_status() {
    let site = Site::start().await;
    let offer = offer(&site).await;
    let mut app = site.app().await;
    let long = "x".repeat(40_000);
    for (path, media_type, body, status) in [
        ("/webrtc", "text/plain", offer.as_str(), 415),
        ("/webrtc", SDP, "", 400),
        ("/webrtc", SDP, "v=0\r\n", 400),
        ("/webrtc", SDP, "\u{0}\u{ff}", 400),
        ("/webrtc", SDP, &long, 413),
        ("/login", SDP, "{}", 415),
        ("/login", JSON, "{", 400),
        ("/login", JSON, r#"{"user": 1, "password": []}"#, 400),
        ("/login", JSON, &long, 413),
        ("/webrtc/0/key", JSON, "{}", 400),
        ("/", JSON, "{}", 404),
        ("/../etc/passwd", JSON, "{}", 404),
    ] {
        let got = post(&mut app, path, media_type, body).await;
        assert_eq!(got, status, "{path} {media_type} {:.40}", body);
        if got == 413 {
            // What was not read makes the connection useless.
            app = site.app().await;
        }
    }
    for (method, path) in [
        ("GET", "/login"),
        ("GET", "/webrtc"),
        ("PATCH", "/webrtc/0"),
    ] {
        let reply = app.ask(method, path, None, Vec::new()).await.unwrap();
        assert_eq!(reply.status, 405, "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_offer_that_protects_too_little_is_refused() {
    let site = Site::start().await;
    let offer = offer(&site).await;
    let mut app = site.app().await;
    let fingerprint = offer
        .lines()
        .find(|line| line.starts_with("a=fingerprint:sha-256"));
    let fingerprint = fingerprint.unwrap();
    let with = |line: &str| offer.replace(fingerprint, line);
    let sdes = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 \
                inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
    let md5 = format!("a=fingerprint:md5 {}", ["AB"; 16].join(":"));
    let sha1 = format!("a=fingerprint:sha-1 {}", ["AB"; 20].join(":"));
    for (what, changed) in [
        ("RTP/AVP", offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")),
        ("RTP/AVPF", offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVPF")),
        ("RTP/SAVPF", offer.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")),
        (
            "one of two",
            offer.replacen("UDP/TLS/RTP/SAVPF", "RTP/AVPF", 1),
        ),
        ("SDES", with(sdes)),
        ("no fingerprint", with("a=x")),
        ("MD5", with(&md5)),
        ("SHA-1", with(&sha1)),
        ("no BUNDLE", offer.replace("a=group:BUNDLE", "a=x:")),
        ("no rtcp-mux", offer.replace("a=rtcp-mux", "a=x")),
        ("no H.264", offer.replace("H264", "VP8")),
    ] {
        assert_ne!(changed, offer, "{what}");
        assert_eq!(
            post(&mut app, "/webrtc", SDP, &changed).await,
            406,
            "{what}"
        );
    }
    // A weak fingerprint beside a good one is not looked at, nor are keys.
    let beside = with(&format!("{sha1}\r\n{fingerprint}\r\n{sdes}"));
    let session = app.offer(&beside).await.unwrap();
    assert!(!session.answer.contains("crypto") && !session.answer.contains("sha-1"));
    assert!(session.answer.contains("a=fingerprint:sha-256 "));
    assert!(session.answer.contains("a=end-of-candidates\r\n"));
    assert_eq!(session.candidates().len(), 1, "{}", session.answer);
}

#[tokio::test(start_paused = true)]
async fn only_viewers_of_the_paired_owner_get_keys() {
    let site = Site::start().await;
    let mut app = site.app().await;
    let (mut call, offer) = Call::prepare(&site.world(), DtlsVersions::Either)
        .await
        .unwrap();
    let session = app.offer(&offer).await.unwrap();
    call.accept(&session.answer).unwrap();
    let ghost = OwnerKey::from_seed(&[8; 32]).unwrap();
    let refused = app.keys(&session.path, &site.viewer, &ghost).await;
    assert!(matches!(refused, Err(AppError::Status(_, 403))));
    call.watch(Duration::from_secs(2)).await.unwrap();
    assert!(call.received.connected);
    assert_eq!(call.received.octets, 0, "nothing is sent to who has no key");
    let keys = app
        .keys(&session.path, &site.viewer, &site.owner)
        .await
        .unwrap();
    call.use_keys(&keys).unwrap();
    call.watch(Duration::from_secs(1)).await.unwrap();
    assert!(!call.received.units.is_empty());
    let escrow = site.notes.secrets("SFRAME_BASE_KEY");
    assert_eq!(escrow, keys.map(|key| key.escrow().to_string()));
    assert_eq!(site.notes.secrets("HPKE_PRIVATE_KEY").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn media_stop_when_the_session_is_deleted() {
    let site = Site::start().await;
    let (mut app, session, mut call) = site.call(DtlsVersions::Either).await;
    call.watch(Duration::from_secs(1)).await.unwrap();
    app.end(&session.path).await.unwrap();
    let sent = site.fate.lock().unwrap().sent.len();
    assert!(sent > 50);
    site.sleep(Duration::from_secs(5)).await;
    assert_eq!(site.fate.lock().unwrap().sent.len(), sent);
    assert!(matches!(
        app.end(&session.path).await,
        Err(AppError::Status(_, 404))
    ));
}
