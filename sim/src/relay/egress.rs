//! The session of a viewer.

use std::sync::Arc;

use tokio::sync::{broadcast::error::RecvError, watch};

use super::{
    Shared,
    attack::FaultyLeg,
    channel::{Channel, Command, Commands, Keys},
};
use crate::webrtc::{CONNECT_TIMEOUT, Media, Peer, PeerError};

/// Serves a viewer until one of the two ends it.
pub(super) async fn run(
    relay: Arc<Shared>,
    channel: Arc<Channel>,
    session: String,
    mut peer: Peer,
    commands: Commands,
    keys: watch::Receiver<Keys>,
) {
    let why = match serve(&relay, &channel, &mut peer, commands, keys).await {
        Ok(why) => why.to_owned(),
        Err(error) => error.to_string(),
    };
    channel.unwatch(&session);
    let (local, counts) = (peer.local(), peer.counts);
    relay
        .world
        .log
        .line(&format!("relay: {local}: {why}; {counts}"));
}

/// Nothing is sent to who has no keys, as nothing could be made of it.
async fn serve(
    relay: &Shared,
    channel: &Channel,
    peer: &mut Peer,
    mut commands: Commands,
    mut keys: watch::Receiver<Keys>,
) -> Result<&'static str, PeerError> {
    let clock = &relay.world.clock;
    let deadline = clock.unix() + CONNECT_TIMEOUT;
    let mut packets = channel.packets.subscribe();
    let (mut is_connected, mut has_keys) = (false, false);
    let mut faulty = relay.attack.clone().map(FaultyLeg::new);
    loop {
        let is_served = is_connected && has_keys;
        tokio::select! {
            biased;
            command = commands.recv() => {
                peer.close().await;
                if let Some(Command::End(done)) = command {
                    let _ = done.send(());
                }
                return Ok("ended by its viewer");
            }
            // Who is told no more has ended, as the command said.
            true = given(&mut keys), if !has_keys => has_keys = true,
            batch = packets.recv() => match batch {
                Ok(batch) if is_served => match &mut faulty {
                    Some(faulty) => {
                        let (source, packets) = faulty.faulty_batch(&batch, clock.unix());
                        peer.forward(source, &packets).await?;
                    }
                    None => peer.forward(batch.source, &batch.packets).await?,
                },
                Ok(_) => {}
                // What is lost here is lost as on the way: the viewer asks for a key
                // frame when it misses something.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Ok("the relay is off"),
            },
            media = peer.next() => match media? {
                Media::Connected => is_connected = true,
                Media::WantsKeyFrame => channel.key_frame.notify_one(),
                // Nobody listens to viewers here.
                Media::Packet(_) => {}
                Media::Over => return Ok("its viewer is gone"),
            },
            () = clock.sleep_until(deadline), if !is_connected => {
                return Ok("its viewer did not connect");
            }
        }
        if !is_served && is_connected && has_keys {
            if let Some(kept) = channel.faulty_kept() {
                peer.forward(kept.source, &kept.packets).await?;
            }
            channel.key_frame.notify_one();
        }
    }
}

/// Waits until the viewer has keys; false if it never will.
async fn given(keys: &mut watch::Receiver<Keys>) -> bool {
    let given = keys.wait_for(|keys| matches!(keys, Keys::Given { .. }));
    given.await.is_ok()
}
