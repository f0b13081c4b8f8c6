//! The sub stream, and IPv6.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use lightleak::target::sim::SUB_VIDEO;
use lightleak_case::Capture;
use lightleak_judge::dissect;

use crate::{
    media::assert_in_ledger,
    site::{INTERLEAVED, SMALL, Site, access_units, status},
};

#[tokio::test(start_paused = true)]
async fn the_sub_stream_is_encoded_while_somebody_watches_and_not_otherwise() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    client.turn_to_sub();
    assert!(client.watch(Duration::from_secs(2)).await);
    assert!(site.notes.sub_units().is_empty(), "nobody asked");

    let description = client.ask("DESCRIBE", "", &[]).await;
    let text = String::from_utf8(description.body().clone()).unwrap();
    assert!(text.contains("a=control:video\r\n"), "{text}");
    let described = site.notes.sub_units().len();
    assert_eq!(described, 1, "a key frame for its parameter sets");
    client.play().await;
    assert!(client.watch(Duration::from_secs(4)).await);
    let ledger = site.notes.sub_units();
    let sent = assert_in_ledger(&access_units(client.packets(0)), &ledger);
    let expected = 4 * SUB_VIDEO.frames_per_second;
    assert!((expected - 2..=expected).contains(&(sent.len() as u32)));
    // It shows the same moments as the main stream: frames of one clock.
    let main = site.notes.units();
    assert!(sent.iter().all(|u| u.taken
        == main[0].taken + Duration::from_secs(u.number.into()) / SUB_VIDEO.frames_per_second));

    assert_eq!(status(&client.ask("TEARDOWN", "", &[]).await), 200);
    let encoded = site.notes.sub_units().len();
    assert!(client.watch(Duration::from_secs(10)).await);
    assert!(
        site.notes.sub_units().len() <= encoded + 1,
        "nobody watches"
    );
    client.session = None;
    client.frames.clear();
    client.play().await;
    assert!(client.watch(Duration::from_secs(2)).await);
    let ledger = site.notes.sub_units();
    assert_in_ledger(&access_units(client.packets(0)), &ledger);
}

#[tokio::test(start_paused = true)]
async fn main_and_sub_play_side_by_side_and_are_not_mixed() {
    let site = Site::start(SMALL).await;
    let mut main = site.playing().await;
    let mut sub = site.client().await;
    sub.turn_to_sub();
    sub.play().await;
    let watch = Duration::from_secs(3);
    tokio::join!(main.watch(watch), sub.watch(watch));
    assert_in_ledger(&access_units(main.packets(0)), &site.notes.units());
    assert_in_ledger(&access_units(sub.packets(0)), &site.notes.sub_units());
    for (one, other) in site.notes.units().iter().zip(site.notes.sub_units()) {
        let canary = |unit: &[bytes::Bytes]| unit.iter().find(|n| n[0] == 6).cloned();
        assert_ne!(canary(&one.nal_units), canary(&other.nal_units));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_of_one_stream() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    client.turn_to_sub();
    for method in ["PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER"] {
        assert_eq!(status(&client.ask(method, "", &[]).await), 454, "{method}");
    }
    let transport = [("Transport", INTERLEAVED)];
    let setup = client.ask("SETUP", "/video", &transport).await;
    assert_eq!(status(&setup), 454);
}

#[tokio::test(start_paused = true)]
async fn a_camera_is_watched_over_ipv6_and_the_judge_sees_the_flow() {
    let address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10));
    let site = Site::start_at(address, SMALL).await;
    assert_eq!(site.url, "rtsps://[2001:db8::10]:322/main");
    let mut client = site.client().await;
    let description = client.ask("DESCRIBE", "", &[]).await;
    let text = String::from_utf8(description.body().clone()).unwrap();
    assert!(text.contains("c=IN IP6 2001:db8::10\r\n"), "{text}");
    client.play().await;
    assert!(client.watch(Duration::from_secs(3)).await);
    assert_in_ledger(&access_units(client.packets(0)), &site.notes.units());
    drop(client);
    site.sleep(Duration::from_secs(1)).await;

    let capture = Capture::read(&site.tap.finish()).unwrap();
    let traffic = dissect::dissect(&capture);
    let flow = traffic.flows.iter().find(|f| f.b == site.endpoint).unwrap();
    assert!(flow.from_b.bytes.len() > 10_000 && flow.from_b.gaps.is_empty());
    assert!(traffic.undissected.is_empty());
}
