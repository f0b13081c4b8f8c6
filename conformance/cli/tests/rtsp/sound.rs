//! The track with sound beside the video (RFC 2326 5.5, aggregate control).

use std::time::Duration;

use crate::{
    media::assert_in_ledger,
    site::{Client, SMALL, Site, access_units, header, status},
};

async fn set_up_sound(client: &mut Client) {
    let transport = [("Transport", "RTP/AVP/TCP;unicast;interleaved=2-3")];
    let setup = client.ask("SETUP", "/audio", &transport).await;
    assert_eq!(status(&setup), 200);
    let session = header(&setup, "Session").unwrap();
    client.session = session.split(';').next().map(str::to_owned);
}

/// Payloads of the packets on that channel, which are in sequence.
fn payloads(client: &Client, channel: u8) -> Vec<Vec<u8>> {
    let packets: Vec<_> = client.packets(channel).collect();
    for pair in packets.windows(2) {
        let number = |p: &[u8]| u16::from_be_bytes([p[2], p[3]]);
        let time = |p: &[u8]| u32::from_be_bytes([p[4], p[5], p[6], p[7]]);
        assert_eq!(number(pair[1]), number(pair[0]).wrapping_add(1));
        assert_eq!(time(pair[1]), time(pair[0]).wrapping_add(160));
        assert_eq!(pair[1][1], 0, "payload type and marker");
    }
    packets.iter().map(|p| p[12..].to_vec()).collect()
}

#[tokio::test(start_paused = true)]
async fn video_and_sound_play_in_one_session_on_channels_of_their_own() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    let description = client.ask("DESCRIBE", "", &[]).await;
    let text = String::from_utf8(description.body().clone()).unwrap();
    assert!(
        text.contains("m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"),
        "{text}"
    );
    client.set_up().await;
    let session = client.session.clone();
    set_up_sound(&mut client).await;
    assert_eq!(client.session, session, "one session");
    let play = client.ask("PLAY", "", &[]).await;
    let info = header(&play, "RTP-Info").unwrap();
    assert!(
        info.contains("/main/video;seq=") && info.contains("/main/audio;seq="),
        "{info}"
    );
    assert!(client.watch(Duration::from_secs(6)).await);

    assert_in_ledger(&access_units(client.packets(0)), &site.notes.units());
    let received = payloads(&client, 2);
    let ledger: Vec<_> = site.notes.sound().into_iter().map(|p| p.octets).collect();
    assert!(received.len() >= 299, "{}", received.len());
    let first = ledger
        .iter()
        .position(|octets| *octets == received[0])
        .unwrap();
    assert_eq!(received, ledger[first..][..received.len()]);
    // A sender report of each track at once and after 5 seconds.
    assert_eq!(
        (client.packets(1).count(), client.packets(3).count()),
        (2, 2)
    );
    let source = |channel| client.packets(channel).next().unwrap()[8..12].to_vec();
    assert_ne!(source(0), source(2));
}

/// RFC 2326 11.3.11.
#[tokio::test(start_paused = true)]
async fn one_of_two_tracks_is_not_played_alone() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    client.set_up().await;
    set_up_sound(&mut client).await;
    for track in ["/video", "/audio"] {
        assert_eq!(status(&client.ask("PLAY", track, &[]).await), 460);
        assert_eq!(status(&client.ask("PAUSE", track, &[]).await), 460);
    }
    assert_eq!(status(&client.ask("PLAY", "", &[]).await), 200);
    assert_eq!(status(&client.ask("PAUSE", "", &[]).await), 200);
}

#[tokio::test(start_paused = true)]
async fn sound_plays_without_video_and_never_on_the_videos_channels() {
    let site = Site::start(SMALL).await;
    let mut client = site.client().await;
    set_up_sound(&mut client).await;
    assert_eq!(status(&client.ask("PLAY", "/audio", &[]).await), 200);
    assert!(client.watch(Duration::from_secs(1)).await);
    assert!(payloads(&client, 2).len() >= 49);
    assert_eq!(client.packets(0).count(), 0);

    let mut client = site.client().await;
    client.set_up().await;
    let transport = [("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1")];
    let setup = client.ask("SETUP", "/audio", &transport).await;
    let chosen = header(&setup, "Transport").unwrap();
    assert_eq!(chosen, "RTP/AVP/TCP;unicast;interleaved=2-3");
    client.turn_to_sub();
    client.session = None;
    assert_eq!(
        status(&client.ask("SETUP", "/audio", &transport).await),
        404
    );
}
