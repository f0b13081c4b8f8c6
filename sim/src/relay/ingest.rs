//! The session of a camera that publishes.

use std::{sync::Arc, time::Duration};

use super::{
    Shared,
    channel::{Batch, Channel, Command, Commands},
};
use crate::webrtc::{CONNECT_TIMEOUT, Media, Packet, Peer, PeerError, Track};

/// How long the camera is not asked for another key frame: whatever viewers
/// ask for, the others' picture does not suffer.
const KEY_FRAME_PAUSE: Duration = Duration::from_millis(500);
/// Packets of one batch at most: those of a usual key frame.
const MOST_PACKETS: usize = 64;

/// Takes what a camera publishes, until one of the two ends it.
pub(super) async fn run(
    relay: Arc<Shared>,
    channel: Arc<Channel>,
    session: String,
    mut peer: Peer,
    commands: Commands,
) {
    let mut batches = Batches {
        channel: channel.clone(),
        source: relay.next_publication(),
        keeps_first: relay.fault.portal.clear_start,
        waiting: Vec::new(),
        next: None,
    };
    let served = serve(&relay, &session, &mut peer, commands, &mut batches);
    let why = match served.await {
        Ok(why) => why.to_owned(),
        Err(error) => error.to_string(),
    };
    channel.unpublish(&session);
    let (serial, counts) = (&channel.account.serial, peer.counts);
    let line = format!("relay: {serial} publishes no more: {why}; {counts}");
    relay.world.log.line(&line);
}

async fn serve(
    relay: &Shared,
    session: &str,
    peer: &mut Peer,
    mut commands: Commands,
    batches: &mut Batches,
) -> Result<&'static str, PeerError> {
    let (clock, channel) = (&relay.world.clock, batches.channel.clone());
    let deadline = clock.unix() + CONNECT_TIMEOUT;
    let (mut is_connected, mut wants_key_frame) = (false, false);
    let mut not_before = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            command = commands.recv() => {
                peer.close().await;
                return Ok(match command {
                    Some(Command::End(done)) => {
                        let _ = done.send(());
                        "ended by the camera"
                    }
                    None => "another took its place",
                });
            }
            media = peer.next() => match media? {
                Media::Connected => {
                    is_connected = true;
                    channel.set_live(session);
                    // Those who watch already have seen another's.
                    wants_key_frame = true;
                }
                Media::Packet(packet) => batches.take(packet),
                Media::WantsKeyFrame => {}
                Media::Over => return Ok("the camera is gone"),
            },
            () = channel.key_frame.notified() => wants_key_frame = true,
            () = clock.sleep_until(not_before), if wants_key_frame && is_connected => {
                wants_key_frame = false;
                not_before = clock.unix() + KEY_FRAME_PAUSE;
                peer.request_key_frame()?;
            }
            () = clock.sleep_until(deadline), if !is_connected => {
                return Ok("it did not connect");
            }
        }
    }
}

/// Puts packets together that belong together.
struct Batches {
    channel: Arc<Channel>,
    source: u64,
    /// Whether the relay is a faulty one that does.
    keeps_first: bool,
    waiting: Vec<Packet>,
    /// The sequence number of video that comes next.
    next: Option<u64>,
}

impl Batches {
    fn take(&mut self, packet: Packet) {
        if packet.track == Track::Sound {
            return self.send(vec![packet]);
        }
        // What was sent again is awaited by somebody.
        if self.next.is_some_and(|next| packet.sequence < next) {
            return self.send(vec![packet]);
        }
        if self.waiting.first().is_some_and(|w| w.time != packet.time) {
            self.flush();
        }
        self.next = Some(packet.sequence + 1);
        let is_last = packet.marker;
        self.waiting.push(packet);
        if is_last || self.waiting.len() >= MOST_PACKETS {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let packets = std::mem::take(&mut self.waiting);
        self.send(packets);
    }

    fn send(&self, packets: Vec<Packet>) {
        let source = self.source;
        let is_video = packets.iter().any(|p| p.track == Track::Video);
        let batch = Arc::new(Batch { source, packets });
        if self.keeps_first && is_video {
            self.channel.faulty_keep(&batch);
        }
        // Nobody watching is no error.
        let _ = self.channel.packets.send(batch);
    }
}
