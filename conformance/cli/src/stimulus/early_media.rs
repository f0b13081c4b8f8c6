//! `early-media`: a viewer is done with ICE and keeps silent on DTLS, and asks for
//! media meanwhile as far as it can without keys: by a request for a key frame
//! and by talking, both in clear. First it never makes the handshake, then late.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{
    viewer::webrtc::{AppError, Call, SessionAddress},
    webrtc::DtlsVersions,
};

use super::{Diary, Stimulus, Visit, webrtc::call_otherwise};

/// How long it keeps silent, and how often it asks meanwhile.
const SILENCE: Duration = Duration::from_secs(4);
const STEP: Duration = Duration::from_millis(500);
/// How long it watches after that.
const WATCH: Duration = Duration::from_secs(4);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "early-media",
    title: "a viewer asks for media in clear while it keeps the handshake waiting, once for good",
    webrtc: Some(|visit| Box::pin(ask_early(visit))),
    portal: Some(|visit| Box::pin(ask_early(visit.first))),
    ..Stimulus::NOTHING
};

async fn ask_early(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    for (name, watch) in [("no handshake", None), ("a late handshake", Some(WATCH))] {
        if let Err(error) = keep_waiting(&visit, name, watch, &mut diary).await {
            diary.note(format!("{name}: failed to {error}"));
        }
    }
    diary.0
}

/// A session with keys, whose handshake waits.
async fn keep_waiting(
    visit: &Visit,
    name: &str,
    watch: Option<Duration>,
    diary: &mut Diary,
) -> Result<(), AppError> {
    let silent = |call: &mut Call, _: &mut String| call.withhold_dtls();
    let called = call_otherwise(visit, name, DtlsVersions::Either, silent, diary);
    let (mut app, session, mut call) = called.await?;
    let asked = ask(visit, &session, &mut call).await?;
    diary.note(format!("{name}: asked {asked} times in {SILENCE:?}"));
    if watch.is_some() {
        call.release_dtls();
    }
    let wait = watch.unwrap_or_default();
    let session = (&mut app, &*session.path);
    diary.await_media(name, wait, call, session).await;
    Ok(())
}

/// Asks for media in clear, and how often that was.
async fn ask(visit: &Visit, session: &SessionAddress, call: &mut Call) -> Result<u32, AppError> {
    let mut own = [0; 4];
    visit.world.entropy.fill(&mut own);
    let mut asked = 0;
    for number in 0..(SILENCE.as_millis() / STEP.as_millis()) as u8 {
        call.watch(STEP).await?;
        for datagram in [
            key_frame_request(own, video_source(&session.answer)),
            spoken(own, number),
        ] {
            asked += u32::from(call.send_beside(datagram).await);
        }
    }
    Ok(asked)
}

/// The SSRC of video that an answer names (RFC 5576 4.1), else none that is.
fn video_source(answer: &str) -> [u8; 4] {
    let lines = answer
        .lines()
        .skip_while(|line| !line.starts_with("m=video "));
    let mut sources = lines.filter_map(|line| line.strip_prefix("a=ssrc:"));
    let source = sources.next().and_then(|line| line.split(' ').next());
    let source: Option<u32> = source.and_then(|source| source.parse().ok());
    source.unwrap_or_default().to_be_bytes()
}

/// An empty receiver report, and a picture loss indication (RFC 3550 6.4.2, RFC
/// 4585 6.3.1).
fn key_frame_request(own: [u8; 4], media: [u8; 4]) -> Vec<u8> {
    [
        &[0x80, 201, 0, 1][..],
        &own,
        &[0x81, 206, 0, 2],
        &own,
        &media,
    ]
    .concat()
}

/// An RTP packet of PCMU: 20 ms of nothing (RFC 3551 4.5.14).
fn spoken(own: [u8; 4], number: u8) -> Vec<u8> {
    let time = (u32::from(number) * 160).to_be_bytes();
    [&[0x80, 0, 0, number][..], &time, &own, &[0xff; 160]].concat()
}
