//! PAUSE, and PLAY after it (RFC 2326 10.6).

use std::time::Duration;

use crate::{
    media::assert_in_ledger,
    site::{SMALL, Site, access_units, header, status},
};

const PAUSE: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn nothing_comes_until_play_goes_on_at_a_key_frame_of_the_present() {
    let site = Site::start(SMALL).await;
    let mut client = site.playing().await;
    assert!(client.watch(Duration::from_secs(3)).await);
    let paused = client.ask("PAUSE", "", &[]).await;
    assert_eq!(status(&paused), 200);
    assert_eq!(header(&paused, "Session"), client.session);
    let first = std::mem::take(&mut client.frames);

    assert!(client.watch(PAUSE).await);
    assert!(client.frames.is_empty(), "media in the pause");
    let produced = site.notes.units().len();
    let play = client.ask("PLAY", "", &[]).await;
    assert_eq!(status(&play), 200);
    assert!(client.watch(Duration::from_secs(3)).await);

    let ledger = site.notes.units();
    let packets = |frames: &[(u8, Vec<u8>, Duration)]| {
        let video = frames.iter().filter(|(channel, ..)| *channel == 0);
        video
            .map(|(_, octets, _)| octets.clone())
            .collect::<Vec<_>>()
    };
    let (first, second) = (packets(&first), packets(&client.frames));
    let received = access_units(first.iter().map(Vec::as_slice));
    let before = assert_in_ledger(&received, &ledger);
    let time = received[0].0.wrapping_sub(before[0].rtp_time);
    let received = access_units(second.iter().map(Vec::as_slice));
    let after = assert_in_ledger(&received, &ledger);
    assert_eq!(after[0].number, ledger[produced].number);
    assert!(after[0].key_frame);

    // One stream of packets, in which the clock went on.
    let number = |packet: &[u8]| u16::from_be_bytes([packet[2], packet[3]]);
    assert_eq!(
        number(&second[0]),
        number(&first[first.len() - 1]).wrapping_add(1)
    );
    assert_eq!(second[0][8..12], first[0][8..12], "the same source");
    assert_eq!(received[0].0.wrapping_sub(time), after[0].rtp_time);
    let announced = format!("seq={}", number(&second[0]));
    assert!(header(&play, "RTP-Info").unwrap().ends_with(&announced));
}

/// RFC 2326 A.2 and 11.3.6.
#[tokio::test(start_paused = true)]
async fn only_what_plays_can_be_paused() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    client.set_up().await;
    for _ in 0..2 {
        let response = client.ask("PAUSE", "", &[]).await;
        assert_eq!(status(&response), 455);
        assert!(header(&response, "Allow").unwrap().contains("SETUP, PLAY"));
    }
    assert_eq!(status(&client.ask("PLAY", "", &[]).await), 200);
    assert_eq!(status(&client.ask("PAUSE", "/video", &[]).await), 200);
    assert_eq!(status(&client.ask("PAUSE", "", &[]).await), 455);
    // What is paused may be set up anew, and torn down.
    client.set_up().await;
    assert_eq!(status(&client.ask("TEARDOWN", "", &[]).await), 200);
}
