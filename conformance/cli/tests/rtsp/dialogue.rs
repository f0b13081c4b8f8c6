//! Requests, and how they are answered (RFC 2326).

use std::time::Duration;

use lightleak_sim::seal::tls::TlsVersion;

use crate::site::{Client, INTERLEAVED, SMALL, Site, VISITOR, header, status};

const PUBLIC: &str =
    "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

#[tokio::test(start_paused = true)]
async fn options_need_no_credentials_and_everything_else_does() {
    let site = Site::start(SMALL).await;
    let mut stranger = site.stranger().await;
    let options = stranger.ask("OPTIONS", "", &[]).await;
    assert_eq!(status(&options), 200);
    assert_eq!(header(&options, "Public").as_deref(), Some(PUBLIC));
    for (method, track) in [
        ("DESCRIBE", ""),
        ("DESCRIBE", "/no/such/track"),
        ("SETUP", "/video"),
        ("PLAY", ""),
        ("TEARDOWN", ""),
        ("PAUSE", ""),
        ("GET_PARAMETER", ""),
        ("SET_PARAMETER", ""),
        ("DESCRIBE", "/../sub"),
        ("MOON", ""),
    ] {
        let headers = [("Transport", INTERLEAVED), ("Session", "0123456789abcdef")];
        let response = stranger.ask(method, track, &headers).await;
        assert_eq!(status(&response), 401, "{method} {track}");
        let challenge = header(&response, "WWW-Authenticate").unwrap();
        // Two headers, which the reader joins: the stronger one first.
        let (sha, md5) = challenge.split_once(", Digest ").unwrap();
        assert!(sha.starts_with("Digest realm=\"lightleak\", nonce=\""));
        assert!(sha.contains("algorithm=SHA-256"), "{sha}");
        assert!(md5.contains("algorithm=MD5"), "{md5}");
        assert!(response.body().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_opens_nothing() {
    let site = Site::start(SMALL).await;
    let mut other = Site::start(SMALL).await;
    // The same user with another password, at this camera.
    other.credentials.password = lightleak_sim::seal::keys::Password::new("guess");
    let mut client = Client::new(&other, site.tls(TlsVersion::Tls13).await, true);
    assert_eq!(status(&client.ask("DESCRIBE", "", &[]).await), 401);
    let transport = [("Transport", INTERLEAVED)];
    assert_eq!(
        status(&client.ask("SETUP", "/video", &transport).await),
        401
    );
}

#[tokio::test(start_paused = true)]
async fn the_description_leads_to_the_track_whatever_url_it_was_asked_for() {
    let site = Site::start(SMALL).await;
    for asked in ["", "/", "/video", "?stream=1"] {
        let mut client = site.client().await;
        let description = client.ask("DESCRIBE", asked, &[]).await;
        assert_eq!(status(&description), 200, "{asked}");
        let base = header(&description, "Content-Base").unwrap();
        assert_eq!(base, format!("{}/", site.url));
        let text = String::from_utf8(description.body().clone()).unwrap();
        assert!(text.contains("a=control:video\r\n"), "{text}");
        assert!(text.contains("sprop-parameter-sets=Z"), "{text}");
        let transport = [("Transport", INTERLEAVED)];
        let track = format!("{base}video");
        let setup = client.ask_url("SETUP", &track, &transport).await;
        assert_eq!(status(&setup), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_resource_exists() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    let host = site.url.strip_suffix("/main").unwrap().to_owned();
    for path in [
        "",
        "/",
        "/other",
        "/main/sound",
        "/mainvideo",
        "/main/video/video",
        "/main/sub",
        "/sub/audio",
    ] {
        for method in [
            "DESCRIBE",
            "SETUP",
            "PLAY",
            "PAUSE",
            "TEARDOWN",
            "GET_PARAMETER",
        ] {
            let transport = [("Transport", INTERLEAVED)];
            let url = format!("{host}{path}");
            let response = client.ask_url(method, &url, &transport).await;
            assert_eq!(status(&response), 404, "{method} {path}");
        }
    }
    assert_eq!(status(&client.ask_url("DESCRIBE", "*", &[]).await), 404);
    assert_eq!(status(&client.ask_url("OPTIONS", "*", &[]).await), 200);
}

/// RFC 2326 11.3.10.
#[tokio::test(start_paused = true)]
async fn a_presentation_cannot_be_set_up() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    let setup = client.ask("SETUP", "", &[("Transport", INTERLEAVED)]).await;
    assert_eq!(status(&setup), 459);
}

/// RFC 2326 10: a method that is not supported is "Not Implemented".
#[tokio::test(start_paused = true)]
async fn methods_that_are_not_implemented_are_refused_with_those_that_are() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    for method in ["ANNOUNCE", "RECORD", "REDIRECT", "MOON"] {
        let response = client.ask(method, "", &[]).await;
        assert_eq!(status(&response), 501, "{method}");
        assert_eq!(header(&response, "Allow").as_deref(), Some(PUBLIC));
    }
}

/// RFC 2326 12.32.
#[tokio::test(start_paused = true)]
async fn an_option_that_is_required_is_named_as_unsupported() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    let response = client
        .ask("DESCRIBE", "", &[("Require", "onvif-replay")])
        .await;
    assert_eq!(status(&response), 551);
    let unsupported = header(&response, "Unsupported");
    assert_eq!(unsupported.as_deref(), Some("onvif-replay"));
}

#[tokio::test(start_paused = true)]
async fn media_over_udp_or_multicast_is_refused_and_none_comes() {
    let site = Site::start(SMALL).await;
    let socket = site.world().net.bind(5000).await.unwrap();
    let mut client = site.client().await;
    for transport in [
        "RTP/AVP;unicast;client_port=5000-5001",
        "RTP/AVP/UDP;unicast;client_port=5000-5001",
        "RTP/AVP;multicast",
        "RTP/AVP/TCP;multicast;interleaved=0-1",
        "RTP/SAVP;unicast;client_port=5000-5001",
        "RTP/AVP/TCP;unicast;interleaved=7-7",
        "",
    ] {
        let response = client
            .ask("SETUP", "/video", &[("Transport", transport)])
            .await;
        assert_eq!(status(&response), 461, "{transport}");
        assert_eq!(header(&response, "Session"), None);
        let play = client.ask("PLAY", "", &[("Session", "0")]).await;
        assert_eq!(status(&play), 454);
    }
    let mut datagram = [0; 2048];
    tokio::select! {
        received = socket.recv(&mut datagram) => panic!("{received:?} at {VISITOR}"),
        connected = client.watch(Duration::from_secs(5)) => assert!(connected),
    }
    assert!(client.frames.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_first_transport_that_is_sealed_is_taken_on_the_channels_asked_for() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    let offers = "RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast;interleaved=8-11";
    let setup = client
        .ask("SETUP", "/video", &[("Transport", offers)])
        .await;
    let chosen = header(&setup, "Transport");
    assert_eq!(
        chosen.as_deref(),
        Some("RTP/AVP/TCP;unicast;interleaved=8-11")
    );
    let session = header(&setup, "Session").unwrap();
    assert!(session.ends_with(";timeout=60"), "{session}");
    client.session = session.split(';').next().map(str::to_owned);
    assert_eq!(status(&client.ask("PLAY", "", &[]).await), 200);
    assert!(client.watch(Duration::from_secs(1)).await);
    assert!(client.packets(8).count() > 0 && client.packets(11).count() > 0);
    assert!(client.frames.iter().all(|(c, ..)| [8, 11].contains(c)));
}

/// RFC 2326 11.3.5: an identifier that is missing or invalid.
#[tokio::test(start_paused = true)]
async fn a_session_is_needed_and_it_is_this_one() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    for method in ["PLAY", "PAUSE", "TEARDOWN"] {
        assert_eq!(status(&client.ask(method, "", &[]).await), 454, "{method}");
    }
    let other = site.playing().await;
    let transport = ("Transport", INTERLEAVED);
    let setup = client.ask("SETUP", "/video", &[transport]).await;
    let own = header(&setup, "Session").unwrap();
    let others = other.session.clone().unwrap();
    assert_ne!(own.split(';').next(), Some(others.as_str()));
    for wrong in ["", "0123456789abcdef", &others] {
        for method in [
            "PLAY",
            "PAUSE",
            "TEARDOWN",
            "GET_PARAMETER",
            "SET_PARAMETER",
        ] {
            let response = client.ask(method, "", &[("Session", wrong)]).await;
            assert_eq!(status(&response), 454, "{method} of {wrong}");
        }
        let headers = [transport, ("Session", wrong)];
        let response = client.ask("SETUP", "/video", &headers);
        assert_eq!(status(&response.await), 454, "SETUP of {wrong}");
    }
    assert_eq!(
        status(&client.ask("PLAY", "", &[("Session", &own)]).await),
        200
    );
}

/// RFC 2326 11.3.6.
#[tokio::test(start_paused = true)]
async fn what_plays_is_not_set_up_again() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    let response = client
        .ask("SETUP", "/video", &[("Transport", INTERLEAVED)])
        .await;
    assert_eq!(status(&response), 455);
    assert!(header(&response, "Allow").unwrap().contains("TEARDOWN"));
    assert_eq!(status(&client.ask("PLAY", "", &[]).await), 200);
}

/// RFC 2326 A.2: a server may be asked for SETUP when nothing is set up.
#[tokio::test(start_paused = true)]
async fn after_teardown_the_connection_plays_another_session() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    let first = client.session.clone();
    assert!(client.watch(Duration::from_secs(2)).await);
    assert_eq!(status(&client.ask("TEARDOWN", "", &[]).await), 200);
    client.frames.clear();
    assert!(client.watch(Duration::from_secs(2)).await);
    assert!(client.frames.is_empty(), "media after TEARDOWN");
    assert_eq!(status(&client.ask("PLAY", "", &[]).await), 454);
    client.session = None;
    client.play().await;
    assert_ne!(client.session, first);
    assert!(client.watch(Duration::from_secs(2)).await);
    assert!(client.packets(0).count() > 0);
}
