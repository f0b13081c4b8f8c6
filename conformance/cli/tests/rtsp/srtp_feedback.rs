//! RTCP of the viewer: what is authentic is done, and nothing else.

use std::time::Duration;

use lightleak_sim::viewer::srtp::{Carriage, SrtpViewer};

use crate::{
    site::{SMALL, Site},
    srtp::playing,
};

/// BYE, and PLI with a media source of 0.
fn bye(ssrc: u32) -> Vec<u8> {
    [&[0x81, 203, 0, 1][..], &ssrc.to_be_bytes()].concat()
}

fn picture_loss(ssrc: u32) -> Vec<u8> {
    [&[0x81, 206, 0, 2][..], &ssrc.to_be_bytes(), &[0; 4]].concat()
}

/// Receiver report and BYE, in clear.
fn clear(ssrc: u32) -> Vec<u8> {
    let report = [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes()].concat();
    [report, bye(ssrc)].concat()
}

/// Packets of the first track in the next second.
async fn next_second(viewer: &mut SrtpViewer) -> usize {
    let before = viewer.tracks[0].packets.len();
    assert!(viewer.watch(Duration::from_secs(1)).await.unwrap());
    viewer.tracks[0].packets.len() - before
}

#[tokio::test(start_paused = true)]
async fn an_authentic_goodbye_ends_the_stream_and_no_other_does() {
    for (form, carriage) in [
        ("", Carriage::Udp),
        ("", Carriage::Interleaved),
        ("AEAD_AES_128_GCM/", Carriage::Udp),
        ("no-mki/AES_CM_128_HMAC_SHA1_80/", Carriage::Udp),
    ] {
        let site = Site::start_srtp(SMALL).await;
        let mut viewer = playing(&site, form, carriage).await;
        assert!(next_second(&mut viewer).await > 5, "{form} {carriage:?}");
        let (ssrc, own) = (viewer.tracks[0].ssrc, viewer.tracks[0].own_ssrc);
        for forged in [clear(own), clear(ssrc), Vec::new(), vec![0x80; 60]] {
            viewer.send_rtcp(0, &forged).await.unwrap();
        }
        // Sealed, with one bit changed on the way: flag, content, tag.
        for at in [8, 15, 30, 40] {
            let mut packet = clear(own);
            viewer.tracks[0].sender.seal_rtcp(&mut packet).unwrap();
            let at = at.min(packet.len() - 1);
            packet[at] ^= 0x80;
            viewer.send_rtcp(0, &packet).await.unwrap();
        }
        // As if it were the camera's own.
        let mut packet = clear(ssrc);
        viewer.tracks[0].sender.seal_rtcp(&mut packet).unwrap();
        viewer.send_rtcp(0, &packet).await.unwrap();
        assert!(next_second(&mut viewer).await > 5, "{form} {carriage:?}");
        assert!(site.notes.has_line("RTCP discarded"));

        viewer.report(0, &bye(own)).await.unwrap();
        next_second(&mut viewer).await;
        assert_eq!(next_second(&mut viewer).await, 0, "{form} {carriage:?}");
        assert_eq!(viewer.tracks[0].refused, []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_frame_is_made_for_an_authentic_request_and_not_for_its_replay() {
    let site = Site::start_srtp(SMALL).await;
    let mut viewer = playing(&site, "", Carriage::Udp).await;
    assert!(viewer.watch(Duration::from_millis(1100)).await.unwrap());
    let key_frames = || site.notes.units().iter().filter(|u| u.key_frame).count();
    let own = viewer.tracks[0].own_ssrc;
    let before = key_frames();
    let request = viewer.report(0, &picture_loss(own)).await.unwrap();
    assert!(viewer.watch(Duration::from_millis(300)).await.unwrap());
    assert_eq!(key_frames(), before + 1);
    for _ in 0..3 {
        viewer.send_rtcp(0, &request).await.unwrap();
        assert!(viewer.watch(Duration::from_millis(300)).await.unwrap());
    }
    assert_eq!(key_frames(), before + 1);
    viewer.report(0, &picture_loss(own)).await.unwrap();
    assert!(viewer.watch(Duration::from_millis(300)).await.unwrap());
    assert_eq!(key_frames(), before + 2);
}

/// RFC 2326 12.37, and what is authentic is a sign of life.
#[tokio::test(start_paused = true)]
async fn only_authentic_rtcp_keeps_a_session_alive() {
    let site = Site::start_srtp(SMALL).await;
    let mut viewer = playing(&site, "", Carriage::Udp).await;
    // A report each second.
    assert!(viewer.watch(Duration::from_secs(70)).await.unwrap());
    let own = viewer.tracks[0].own_ssrc;
    let mut alive = true;
    for _ in 0..70 {
        viewer.send_rtcp(0, &clear(own)).await.unwrap();
        alive = viewer.listen(Duration::from_secs(1)).await.unwrap();
        if !alive {
            break;
        }
    }
    assert!(!alive, "clear RTCP passed for a sign of life");
}
