//! Cameras on the machine's own sockets, as `lightleak serve` starts them.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use lightleak::{net::os::world, target::sim::settings};
use lightleak_sim::{
    camera::{Camera, StartError},
    fault::Fault,
    h264::STREAMS,
    rtsp::transport::Transport,
    seal::{keys::Authority, tls::TlsVersion},
    viewer::rtsp::{Address, RtspViewer},
};

/// Starts a camera there and watches it.
async fn watch(address: IpAddr) -> String {
    let authority = Authority::new().unwrap();
    let mut settings = settings(1, &authority).unwrap();
    settings.identity = authority.issue("LL-1", &[address]).unwrap();
    settings.video = STREAMS[1];
    let credentials = settings.credentials.clone();
    let camera = Camera::start(settings, Fault::NONE, world(address))
        .await
        .unwrap();
    let claim = camera.claims[0].clone();
    let place = Address {
        endpoint: claim.endpoint.unwrap(),
        url: claim.url.clone(),
        authority: Some(authority.certificate()),
        versions: &[TlsVersion::Tls13],
    };
    let mut viewer = RtspViewer::connect(&place, Some(credentials), &world(address))
        .await
        .unwrap();
    let described = viewer.describe().await.unwrap();
    let text = String::from_utf8_lossy(described.body()).into_owned();
    let kind = if address.is_ipv6() { "IP6" } else { "IP4" };
    assert!(text.contains(&format!("c=IN {kind} {address}")), "{text}");
    viewer.setup(&Transport::interleaved(0)).await.unwrap();
    assert_eq!(u16::from(viewer.play().await.unwrap().status()), 200);
    assert!(viewer.watch(Duration::from_secs(1)).await.unwrap());
    assert!(viewer.media.access_units > 5, "{:?}", viewer.media);
    claim.url
}

#[tokio::test]
async fn a_camera_is_watched_over_ipv4() {
    let url = watch(Ipv4Addr::LOCALHOST.into()).await;
    assert!(url.starts_with("rtsps://127.0.0.1:"), "{url}");
}

#[tokio::test]
async fn a_camera_is_watched_over_ipv6() {
    if std::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return eprintln!("skipped: this machine has no address ::1");
    }
    let url = watch(Ipv6Addr::LOCALHOST.into()).await;
    assert!(url.starts_with("rtsps://[::1]:"), "{url}");
}

#[tokio::test]
async fn an_address_that_the_machine_does_not_have_is_named() {
    // TEST-NET-3 (RFC 5737) is on no machine.
    let elsewhere = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
    let authority = Authority::new().unwrap();
    let settings = settings(1, &authority).unwrap();
    let error = Camera::start(settings, Fault::NONE, world(elsewhere))
        .await
        .unwrap_err();
    assert!(matches!(error, StartError::Net(_)));
    assert!(
        error.to_string().starts_with("listen: 203.0.113.1: "),
        "{error}"
    );
}
