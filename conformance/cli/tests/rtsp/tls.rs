//! What is outside RTSP: TLS and nothing else.

use std::{net::SocketAddr, time::Duration};

use lightleak_sim::seal::tls::TlsVersion;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::site::{Client, SMALL, Site, access_units};

#[tokio::test(start_paused = true)]
async fn right_credentials_play_over_tls_1_2_and_1_3() {
    let site = Site::start(SMALL).await;
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let mut client = Client::new(&site, site.tls(version).await, true);
        client.play().await;
        assert!(client.watch(Duration::from_secs(3)).await);
        assert!(access_units(client.packets(0)).len() >= 14, "{version:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rtsp_in_clear_gets_an_alert_and_no_response() {
    let site = Site::start(SMALL).await;
    for said in [
        &b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"[..],
        b"DESCRIBE rtsp://192.0.2.10/main RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"$\0\0\x04abcd",
        b"\x16",
    ] {
        let mut stream = site.tcp().await;
        stream.write_all(said).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        // Nothing, or TLS records of type alert (RFC 8446 5.1).
        assert!(matches!(answer[..], [] | [21, 3, ..]), "{answer:?}");
        assert!(answer.len() <= 7, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_declared_ports_listen() {
    let site = Site::start(SMALL).await;
    let world = site.world();
    let declared = site.declared();
    assert_eq!(declared.len(), 2, "{declared:?}");
    for port in 1..=65_535 {
        let to = SocketAddr::new(site.endpoint.ip(), port);
        let listens = world.net.connect(to).await.is_ok();
        assert_eq!(listens, declared.contains(&to), "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_takes_so_many_connections_and_then_no_more() {
    const MOST: usize = lightleak_sim::camera::MOST_CONNECTIONS;
    let site = Site::start(SMALL).await;
    let mut connections = Vec::new();
    for _ in 0..MOST + 5 {
        connections.push(site.tcp().await);
    }
    site.sleep(Duration::from_secs(1)).await;
    assert!(site.notes.has_line("one connection too many"));
    drop(connections);
    site.sleep(Duration::from_secs(1)).await;
    site.playing().await;
}
