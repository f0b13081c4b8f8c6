//! `forged-rtcp`: while a viewer watches SRTP over UDP, somebody at its host
//! sends RTCP of its own to the camera's SRTCP port: goodbyes in clear, goodbyes
//! under another key, goodbyes that were changed on the way, and requests for a
//! key frame that were recorded. Whoever minds them ends the stream, or makes
//! key frames that nobody asked for.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    seal::srtp::{Sender, SenderOptions, Suite},
    viewer::srtp::{Carriage, SrtpViewer, SrtpViewerError, master},
};

use super::{Diary, Stimulus, Visit, srtp};

/// How long the viewer watches between.
const WATCH: Duration = Duration::from_millis(800);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "forged-rtcp",
    title: "forged, replayed and clear RTCP goes to the camera's SRTCP port while a viewer watches",
    srtp: Some(|visit| Box::pin(forge(visit))),
    ..Stimulus::NOTHING
};

async fn forge(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let Some(mut viewer) = srtp::connect(&visit, &visit.address, &mut diary).await else {
        return diary.0;
    };
    let watched = watch(&visit, &mut viewer, &mut diary).await;
    srtp::end(watched, viewer, &mut diary).await;
    diary.0
}

async fn watch(
    visit: &Visit,
    viewer: &mut SrtpViewer,
    diary: &mut Diary,
) -> Result<(), SrtpViewerError> {
    srtp::play(viewer, Carriage::Udp).await?;
    viewer.watch(WATCH).await?;
    let Some(track) = viewer.tracks.first() else {
        return Ok(());
    };
    let (ssrc, own) = (track.ssrc, track.own_ssrc);

    for from in [own, ssrc] {
        viewer.send_rtcp(0, &goodbye(from)).await?;
    }
    after("clear goodbyes", viewer, diary).await?;

    let (key, mki) = master(&srtp::key(&visit.world, Suite::AesCm128HmacSha1_80, 1))?;
    // The right MKI, where there is one, and the wrong key.
    let right = viewer.keys.first().and_then(|(_, key)| key.key.mki());
    let options = SenderOptions {
        mki: right.cloned().or(mki),
        ..SenderOptions::default()
    };
    let mut forger = Sender::new(&key, options)?;
    let mut packet = goodbye(own);
    forger.seal_rtcp(&mut packet)?;
    viewer.send_rtcp(0, &packet).await?;
    after("a goodbye under another key", viewer, diary).await?;

    let mut packet = goodbye(own);
    viewer.tracks[0].sender.seal_rtcp(&mut packet)?;
    for at in [8, packet.len() - 1] {
        let mut changed = packet.clone();
        changed[at] ^= 1;
        viewer.send_rtcp(0, &changed).await?;
    }
    let untagged = &packet[..packet.len().saturating_sub(10)];
    viewer.send_rtcp(0, untagged).await?;
    after("changed goodbyes", viewer, diary).await?;

    let request = viewer.report(0, &picture_loss(own, ssrc)).await?;
    after("a request for a key frame", viewer, diary).await?;
    for _ in 0..3 {
        viewer.send_rtcp(0, &request).await?;
        after("the same request again", viewer, diary).await?;
    }
    viewer.teardown().await.map(drop)
}

/// Watches, and notes how much still comes.
async fn after(
    what: &str,
    viewer: &mut SrtpViewer,
    diary: &mut Diary,
) -> Result<(), SrtpViewerError> {
    let before = viewer.tracks[0].packets.len();
    viewer.watch(WATCH).await?;
    let came = viewer.tracks[0].packets.len() - before;
    let goes_on = if came > 0 { "goes on" } else { "has ended" };
    diary.note(format!("after {what} the stream {goes_on}"));
    Ok(())
}

/// Receiver report and BYE (RFC 3550 6.4.2, 6.6).
fn goodbye(ssrc: u32) -> Vec<u8> {
    let ssrc = ssrc.to_be_bytes();
    [&[0x80, 201, 0, 1][..], &ssrc, &[0x81, 203, 0, 1], &ssrc].concat()
}

/// Picture loss indication (RFC 4585 6.3.1).
fn picture_loss(own: u32, media: u32) -> Vec<u8> {
    let (own, media) = (own.to_be_bytes(), media.to_be_bytes());
    [&[0x81, 206, 0, 2][..], &own, &media].concat()
}
