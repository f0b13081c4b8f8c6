//! Tokens, the page, and requests that are none.

use std::net::{IpAddr, Ipv4Addr};

use lightleak_sim::{
    path::nvr_rtsps::HANDSHAKE_TIMEOUT,
    seal::{keys::BearerToken, tls},
    signalling::{MOST_FAILURES, TOKEN_LIFETIME},
    viewer::webrtc::{App, Call},
    webrtc::DtlsVersions,
};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::site::{SECOND, Site};

/// Somebody else's address.
const CROWD: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 66));

const SDP: &str = "application/sdp";
const JSON: &str = "application/json";

async fn offer(site: &Site) -> String {
    let call = Call::prepare_to_watch(&site.world(), DtlsVersions::Either).await;
    call.unwrap().1
}

/// The status of every request that needs a token.
async fn refused(app: &mut App, site: &Site) -> Vec<u16> {
    let (whep, offer) = (format!("/whep/{}", site.serial), offer(site).await);
    let (session, key) = (format!("{whep}/0"), format!("{whep}/0/key"));
    let mut statuses = Vec::new();
    for (method, path, media_type, body) in [
        ("GET", "/cameras", None, ""),
        ("POST", "/logout", None, ""),
        ("POST", whep.as_str(), Some(SDP), offer.as_str()),
        ("DELETE", &session, None, ""),
        ("PATCH", &session, None, ""),
        ("POST", &key, Some(JSON), "{}"),
        ("GET", &key, None, ""),
    ] {
        let reply = app.ask(method, path, media_type, body.into()).await;
        statuses.push(reply.unwrap().status);
    }
    statuses
}

#[tokio::test(start_paused = true)]
async fn without_a_token_that_is_good_nothing_is_to_be_had() {
    let site = Site::start().await;
    let mut app = site.stranger().await.app;
    assert_eq!(refused(&mut app, &site).await, [401; 7]);
    app.token = Some(BearerToken::shown(&"0".repeat(64)));
    assert_eq!(refused(&mut app, &site).await, [401; 7]);
    let token = site.user(0).await.app.token;
    site.sleep(TOKEN_LIFETIME).await;
    let mut app = site.stranger().await.app;
    app.token = token;
    assert_eq!(refused(&mut app, &site).await, [401; 7]);
}

#[tokio::test(start_paused = true)]
async fn log_out_ends_what_is_watched_by_that_token() {
    let site = Site::start().await;
    let (mut a, mut first) = site.watch(0).await;
    let (_b, mut second) = site.watch(1).await;
    let _ = tokio::join!(first.watch(SECOND), second.watch(SECOND));
    assert_eq!(a.log_out().await.unwrap().status, 204);
    assert!(!first.watch(SECOND).await.unwrap());
    let octets = first.received().octets;
    assert!(second.watch(SECOND * 2).await.unwrap());
    assert_eq!(first.received().octets, octets);
    assert_eq!(refused(&mut a.app, &site).await, [401; 7]);
}

/// Whoever guesses one user's password keeps no other user out.
#[tokio::test(start_paused = true)]
async fn guessing_is_slow() {
    let site = Site::start().await;
    let mut app = site.stranger().await.app;
    let body = r#"{"user": "anna", "password": "guess"}"#;
    for _ in 0..MOST_FAILURES {
        let reply = app.post("/login", JSON, body.into()).await.unwrap();
        assert_eq!(reply.status, 401);
    }
    let reply = app.post("/login", JSON, body.into()).await.unwrap();
    assert_eq!(
        (reply.status, reply.retry_after.as_deref()),
        (429, Some("60"))
    );
    site.user(1).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_request_gets_its_status() {
    let site = Site::start().await;
    let good = offer(&site).await;
    let whep = format!("/whep/{}", site.serial);
    let mut app = site.user(0).await.app;
    let long = "x".repeat(40_000);
    for (media_type, body, status) in [
        ("text/plain", good.clone(), 415),
        (SDP, String::new(), 400),
        (SDP, "v=0\r\n".into(), 400),
        (SDP, "\u{0}\u{ff}".into(), 400),
        (SDP, good.replace("a=recvonly", "a=sendonly"), 406),
        (SDP, good.replace("a=recvonly", "a=sendrecv"), 406),
        (SDP, good.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), 406),
        (SDP, good.replace("a=fingerprint:", "a=x:"), 406),
        (SDP, good, 201),
        (SDP, long, 413),
    ] {
        let reply = app.post(&whep, media_type, body.clone().into()).await;
        assert_eq!(reply.unwrap().status, status, "{body:.60}");
    }
    let mut app = site.user(0).await.app;
    for (method, path, status) in [
        ("OPTIONS", whep.as_str(), 204),
        ("GET", &whep, 405),
        ("PATCH", &format!("{whep}/0"), 405),
        ("GET", "/login", 405),
        ("POST", "/", 405),
        ("GET", "/../portal.js", 404),
        ("GET", "/whep", 404),
    ] {
        let reply = app.ask(method, path, None, Vec::new()).await.unwrap();
        assert_eq!(reply.status, status, "{method} {path}");
    }
}

/// Who says half a request is waited for no longer than that, and holds nobody
/// up.
#[tokio::test(start_paused = true)]
async fn a_slow_client_is_left() {
    let site = Site::start().await;
    let (_a, mut watching) = site.watch(0).await;
    let world = site.world();
    let authority = site.address.authority.clone().unwrap();
    let config = tls::client(authority, site.address.versions, &world).unwrap();
    let stream = world.net.connect(site.address.endpoint).await.unwrap();
    let name = ServerName::IpAddress(site.address.endpoint.ip().into());
    let connector = tokio_rustls::TlsConnector::from(config);
    let mut stream = connector.connect(name, stream).await.unwrap();
    let half = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{";
    stream.write_all(half).await.unwrap();
    assert!(watching.watch(SECOND * 15).await.unwrap());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 408"));
    assert!(watching.received().units.len() > 50);
}

/// Connections that say nothing, or half a TLS record, hold nobody up; those of one
/// address are so many at most, and leave when their time is up.
#[tokio::test(start_paused = true)]
async fn who_says_nothing_takes_nobodys_place() {
    const SILENT: usize = 3_000;
    let site = Site::start().await;
    let (_a, mut watching) = site.watch(0).await;
    let before = watching.received().units.len();
    let crowd = site.world_of(CROWD);
    let mut silent = Vec::new();
    for number in 0..SILENT {
        let mut stream = crowd.net.connect(site.address.endpoint).await.unwrap();
        if number % 2 == 0 {
            stream.write_all(&[0x16, 3, 1, 2]).await.unwrap();
        }
        silent.push(stream);
    }
    let (_b, mut other) = site.watch(1).await;
    assert!(watching.watch(SECOND * 2).await.unwrap());
    assert!(watching.received().units.len() > before);
    assert!(other.watch(SECOND * 2).await.unwrap());
    assert!(!other.received().units.is_empty());
    let turned_away = site.notes.lines();
    let too_many = |line: &&String| line.contains("one connection too many");
    let turned_away = turned_away.iter().filter(too_many).count();
    assert!((1..SILENT).contains(&turned_away), "{turned_away}");
    site.sleep(HANDSHAKE_TIMEOUT).await;
    for mut stream in silent {
        assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0);
    }
}
