//! GET_PARAMETER and SET_PARAMETER, and what keeps a session alive.

use std::time::Duration;

use lightleak_sim::{
    rtsp::{SESSION_TIMEOUT, transport::Transport},
    viewer::rtsp::RtspViewer,
};

use crate::site::{SMALL, Site, header, status};

/// RFC 2326 10.8: without a body it tests whether the server is alive.
#[tokio::test(start_paused = true)]
async fn a_request_without_a_body_is_answered_with_and_without_a_session() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    for method in ["GET_PARAMETER", "SET_PARAMETER"] {
        let response = client.ask(method, "", &[]).await;
        assert_eq!(status(&response), 200, "{method}");
        assert!(response.body().is_empty());
    }
    client.play().await;
    for track in ["", "/video"] {
        let response = client.ask("GET_PARAMETER", track, &[]).await;
        assert_eq!(status(&response), 200);
        assert_eq!(header(&response, "Session"), client.session);
    }
}

/// RFC 2326 10.9, 11.3.2.
#[tokio::test(start_paused = true)]
async fn parameters_that_nobody_knows_are_named_as_such() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    client.body = "packets_received\r\njitter: 3\r\n".into();
    for method in ["GET_PARAMETER", "SET_PARAMETER"] {
        let response = client.ask(method, "", &[]).await;
        assert_eq!(status(&response), 451, "{method}");
        let kind = header(&response, "Content-Type");
        assert_eq!(kind.as_deref(), Some("text/parameters"));
        assert_eq!(response.body(), b"packets_received\r\njitter\r\n");
    }
    client.body.clear();
    assert!(client.watch(Duration::from_secs(1)).await, "it goes on");
}

#[tokio::test(start_paused = true)]
async fn get_parameter_keeps_a_session_alive() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    for _ in 0..4 {
        assert!(client.watch(SESSION_TIMEOUT - Duration::from_secs(1)).await);
        let response = client.ask("GET_PARAMETER", "", &[]).await;
        assert_eq!(status(&response), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn our_viewer_keeps_its_session_alive() {
    let site = Site::start(SMALL).await;
    let credentials = Some(site.credentials.clone());
    let (address, world) = (site.address(), site.world());
    let connected = RtspViewer::connect(&address, credentials, &world);
    let mut viewer = connected.await.unwrap();
    viewer.setup(&Transport::interleaved(0)).await.unwrap();
    viewer.play().await.unwrap();
    assert!(viewer.watch(4 * SESSION_TIMEOUT).await.unwrap());
    let before = viewer.media.access_units;
    assert!(before > 1000, "{before}");
    assert_eq!(status(&viewer.pause().await.unwrap()), 200);
    assert_eq!(status(&viewer.teardown().await.unwrap()), 200);
}
