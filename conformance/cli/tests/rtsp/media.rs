//! What viewers receive, compared with what was encoded.

use std::time::Duration;

use bytes::Bytes;
use lightleak_sim::{h264::AccessUnit, rtp::ntp_time, seal::tls::TlsVersion};

use crate::site::{Client, LARGE, SMALL, Site, access_units, header};

/// Asserts that these are the ledger's access units, whole and in order, from
/// a key frame on; gives that part of the ledger.
pub fn assert_in_ledger(received: &[(u32, Vec<Bytes>)], ledger: &[AccessUnit]) -> Vec<AccessUnit> {
    assert!(!received.is_empty());
    let first = ledger
        .iter()
        .position(|unit| unit.nal_units == received[0].1)
        .expect("the first access unit is in the ledger");
    let expected = &ledger[first..][..received.len()];
    assert!(expected[0].key_frame);
    for (unit, (time, nal_units)) in expected.iter().zip(received) {
        assert_eq!(&unit.nal_units, nal_units, "frame {}", unit.number);
        let since = unit.rtp_time.wrapping_sub(expected[0].rtp_time);
        assert_eq!(time.wrapping_sub(received[0].0), since);
    }
    expected.to_vec()
}

#[tokio::test(start_paused = true)]
async fn two_viewers_at_once_get_every_access_unit_whole() {
    let site = Site::start(LARGE).await;
    let mut viewers = [
        Client::new(&site, site.tls(TlsVersion::Tls13).await, true),
        Client::new(&site, site.tls(TlsVersion::Tls12).await, true),
    ];
    let [first, second] = &mut viewers;
    first.play().await;
    let begun = site.notes.units().len();
    first.watch(Duration::from_millis(700)).await;
    second.play().await;
    let joined = site.notes.units().len();
    let watch = Duration::from_secs(4);
    tokio::join!(first.watch(watch), second.watch(watch));
    let ledger = site.notes.units();
    for (viewer, since) in viewers.iter().zip([begun, joined]) {
        let received = access_units(viewer.packets(0));
        let units = assert_in_ledger(&received, &ledger);
        // From the next picture on: it is a key frame because somebody plays.
        assert_eq!(units[0].number, ledger[since].number);
        assert_eq!(units.last().unwrap().number, ledger.last().unwrap().number);
        assert!(
            units
                .iter()
                .any(|u| u.nal_units.iter().any(|n| n.len() > 1400))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_viewers_at_once_get_every_access_unit_whole() {
    let site = Site::start(SMALL).await;
    let mut viewers = Vec::new();
    for _ in 0..20 {
        viewers.push(site.playing().await);
    }
    // One after the other, again and again: what waits in between is not lost.
    for _ in 0..5 {
        for viewer in &mut viewers {
            assert!(viewer.watch(Duration::from_millis(50)).await);
        }
    }
    let ledger = site.notes.units();
    for viewer in &viewers {
        let received = access_units(viewer.packets(0));
        let units = assert_in_ledger(&received, &ledger);
        assert!(units.last().unwrap().number + 6 > ledger.last().unwrap().number);
        assert!(units.len() > 15, "{}", units.len());
    }
    assert!(!site.notes.has_line("missed"));
}

#[tokio::test(start_paused = true)]
async fn play_says_which_packet_comes_first() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    assert!(client.watch(Duration::from_secs(1)).await);
    let play = client.ask("PLAY", "", &[]).await;
    let next = client
        .packets(0)
        .last()
        .map(|p| u16::from_be_bytes([p[2], p[3]]));
    let next = next.unwrap().wrapping_add(1);
    let expected = format!("url={}/video;seq={next}", site.url);
    assert_eq!(
        header(&play, "RTP-Info").as_deref(),
        Some(expected.as_str())
    );
    assert_eq!(header(&play, "Range").as_deref(), Some("npt=now-"));
}

/// RFC 3550 6.4.1.
#[tokio::test(start_paused = true)]
async fn sender_reports_tell_the_time_of_the_packets() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    assert!(client.watch(Duration::from_secs(21)).await);
    let ledger = site.notes.units();
    let received = access_units(client.packets(0));
    let sent = assert_in_ledger(&received, &ledger);
    let offset = received[0].0.wrapping_sub(sent[0].rtp_time);
    let ssrc = &client.packets(0).next().unwrap()[8..12];

    let word = |octets: &[u8], at: usize| u32::from_be_bytes(octets[at..][..4].try_into().unwrap());
    let (mut packets, mut octets, mut times) = (0, 0, Vec::new());
    for (channel, frame, when) in &client.frames {
        if *channel == 0 {
            packets += 1;
            octets += frame.len() as u32 - 12;
            continue;
        }
        assert_eq!((*channel, &frame[..4]), (1, &[0x80, 200, 0, 6][..]));
        assert_eq!(&frame[4..8], ssrc);
        let ntp = u64::from(word(frame, 8)) << 32 | u64::from(word(frame, 12));
        assert_eq!(ntp, ntp_time(*when), "no time passes on this network");
        // The RTP clock runs from frame 0 at 90 kHz.
        let since = *when - ledger[0].taken;
        let ticks = (since.as_nanos() * 90_000 / 1_000_000_000) as u32;
        let difference = word(frame, 16).wrapping_sub(offset).wrapping_sub(ticks) as i32;
        assert!(difference.abs() <= 1, "{difference} ticks off");
        assert_eq!((word(frame, 20), word(frame, 24)), (packets, octets));
        assert_eq!(&frame[28..30], [0x81, 202], "a source description follows");
        times.push(*when);
    }
    assert_eq!(
        times.len(),
        5,
        "one at once, then every 5 seconds: {times:?}"
    );
    let apart = times.windows(2).map(|t| t[1] - t[0]);
    let interval = Duration::from_secs(5);
    assert!(apart.into_iter().all(|a| a >= interval && a < interval * 2));
}

#[tokio::test(start_paused = true)]
async fn a_viewer_that_does_not_read_harms_no_other_and_goes_on_at_a_key_frame() {
    let site = Site::start(LARGE).await;
    let (mut slow, mut quick) = (site.playing().await, site.playing().await);
    // The window fills, then the backlog; the slow one keeps its patience.
    assert!(quick.watch(Duration::from_secs(30)).await);
    assert!(slow.watch(Duration::from_secs(3)).await);
    assert!(quick.watch(Duration::from_secs(1)).await);
    assert!(site.notes.has_line("missed"), "nothing was missed");

    let ledger = site.notes.units();
    assert_in_ledger(&access_units(quick.packets(0)), &ledger);
    // Packets are numbered as they are sent, so nothing is missing on the way.
    let received = access_units(slow.packets(0));
    let mut at = 0;
    let mut gaps = 0;
    for (_, nal_units) in &received {
        let found = ledger[at..].iter().position(|u| &u.nal_units == nal_units);
        let found = at + found.expect("whole, in order, and not twice");
        if at > 0 && found > at {
            gaps += 1;
            assert!(ledger[found].key_frame, "goes on at frame {found}");
        }
        at = found + 1;
    }
    assert!(gaps > 0);
    assert!(at + 20 > ledger.len(), "it is up to date again");
}
