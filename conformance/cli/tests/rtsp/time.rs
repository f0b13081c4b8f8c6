//! How long the camera waits for whom.

use std::time::Duration;

use lightleak_sim::{
    h264::STREAMS, rtsp::SESSION_TIMEOUT, seal::tls::TlsVersion, viewer::rtsp::RtspViewer,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::site::{SMALL, Site, status};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_viewer_that_goes_silent_is_disconnected() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    let begun = site.clock.unix();
    assert!(client.watch(SESSION_TIMEOUT - SECOND).await, "too early");
    assert!(!client.watch(2 * SECOND).await, "still there");
    assert!(site.clock.unix() - begun <= SESSION_TIMEOUT + SECOND);
    assert!(site.notes.has_line("timed out"));
}

#[tokio::test(start_paused = true)]
async fn receiver_reports_or_requests_keep_a_session_alive() {
    let site = Site::start(SMALL).await;
    let (mut reporting, mut asking) = (site.playing().await, site.playing().await);
    let mut report = b"$\x01\x00\x08".to_vec();
    // An empty receiver report (RFC 3550 6.4.2).
    report.extend_from_slice(&[0x80, 201, 0, 1, 0, 0, 0, 7]);
    for _ in 0..4 {
        reporting.connection.send(&report).await.unwrap();
        assert_eq!(status(&asking.ask("OPTIONS", "", &[]).await), 200);
        let wait = SESSION_TIMEOUT - SECOND;
        let (a, b) = tokio::join!(reporting.watch(wait), asking.watch(wait));
        assert!(a && b);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_drop_by_drop_is_cut() {
    let site = Site::start(SMALL).await;
    let mut stream = site.tls(TlsVersion::Tls13).await;
    let begun = site.clock.unix();
    for octet in b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: "
        .iter()
        .chain([b'x'; 200].iter())
    {
        site.sleep(SECOND).await;
        if stream.write_all(&[*octet]).await.is_err() || stream.flush().await.is_err() {
            break;
        }
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    assert!(site.clock.unix() - begun < SESSION_TIMEOUT + 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_is_not_awaited() {
    let site = Site::start(SMALL).await;
    let mut stream = site.tcp().await;
    stream.write_all(&[22, 3, 1]).await.unwrap();
    let begun = site.clock.unix();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(site.clock.unix() - begun < 20 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_takes_nothing_is_disconnected() {
    let site = Site::start(STREAMS[2]).await;
    let client = site.playing().await;
    site.sleep(2 * SESSION_TIMEOUT).await;
    assert!(site.notes.has_line("took too long"));
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn our_viewer_gives_up_on_a_camera_that_says_nothing() {
    let site = Site::start(SMALL).await;
    let mut listener = site.world().net.listen(322).await.unwrap();
    let mut address = site.address();
    address.endpoint = listener.local();
    let world = site.world();
    let connecting = RtspViewer::connect(&address, None, &world);
    let silence = async {
        let connection = listener.accept().await;
        site.sleep(600 * SECOND).await;
        drop(connection);
    };
    tokio::select! {
        result = connecting => assert!(result.is_err()),
        () = silence => panic!("it waited for ten minutes"),
    }
}
