//! What a faulty relay has beside: pictures of a camera that it asks to publish
//! in clear.

use std::{collections::VecDeque, io, sync::Arc};

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    task::JoinSet,
};

use super::{
    Shared,
    channel::{Batch, Channel, Keys},
};
use crate::{
    access::Grant,
    h264::byte_stream,
    http::Answer,
    server::{self, Room},
    viewer::webrtc::Depacketizer,
    webrtc::Track,
    world::{BoxFuture, ByteStream, World},
};

/// What stands in place of a viewer's key where media are asked for in clear.
const IN_CLEAR: &str = "none";
/// Access units of a clip: a second's worth.
const CLIP: usize = 15;

/// Whether a viewer of the roster asks for media in clear.
pub(crate) fn asks_in_clear(viewer: &Value) -> bool {
    viewer.get("viewer_key").and_then(Value::as_str) == Some(IN_CLEAR)
}

/// A port on which anybody is given pictures.
#[derive(Clone, Copy, Debug)]
pub struct FaultyPort {
    /// Its number.
    pub port: u16,
    /// Scheme of its address.
    pub scheme: &'static str,
    /// What is before the serial number in it.
    pub path: &'static str,
    /// Serves one connection.
    pub serve: fn(FaultyRelay, Box<dyn ByteStream>) -> BoxFuture<'static, io::Result<()>>,
}

impl Shared {
    pub(super) async fn faulty_listen(
        self: &Arc<Self>,
        beside: FaultyPort,
        tasks: &mut JoinSet<()>,
    ) -> io::Result<()> {
        const ROOM: Room = Room {
            connections: 64,
            of_one_address: 16,
        };
        let relay = FaultyRelay::of(self);
        let serve = move |stream, _, _| (beside.serve)(relay.clone(), stream);
        let local = server::listen(&self.world, beside.port, ROOM, tasks, serve).await?;
        let address = format!("{}://{local}{}", beside.scheme, beside.path);
        // There is one.
        let _ = self.beside.set(address);
        Ok(())
    }
}

/// A relay, for whoever does something with it that an honest one does not.
#[derive(Clone)]
pub struct FaultyRelay(Arc<Shared>);

impl FaultyRelay {
    pub(super) fn of(relay: &Arc<Shared>) -> Self {
        Self(relay.clone())
    }

    /// What it can touch.
    pub fn world(&self) -> &World {
        &self.0.world
    }

    /// Has a camera publish in clear until what this gives is dropped.
    pub(crate) fn watch(&self, serial: &str) -> Option<FaultyWatch> {
        let channel = self.0.channels.get(serial)?.clone();
        let session = self.0.session_id();
        channel.watch(&session, Grant::faulty("legacy"))?;
        let packets = channel.packets.subscribe();
        channel.faulty_ask_in_clear(&session);
        Some(FaultyWatch {
            channel,
            session,
            packets,
            depacketizer: Depacketizer::default(),
            units: VecDeque::new(),
        })
    }

    /// A second of a camera, as a byte stream (ITU-T H.264 Annex B).
    pub(super) async fn clip(&self, serial: &str) -> Result<Answer, Answer> {
        let not_found = Answer::of(StatusCode::NOT_FOUND);
        let mut watch = self.watch(serial).ok_or(not_found)?;
        let mut clip = Vec::new();
        for _ in 0..CLIP {
            let Some(unit) = watch.next().await else {
                break;
            };
            clip.extend(byte_stream(&unit));
        }
        Ok(Answer::of(StatusCode::OK).body("video/h264", clip))
    }
}

/// A camera that publishes in clear.
pub struct FaultyWatch {
    channel: Arc<Channel>,
    session: String,
    packets: Receiver<Arc<Batch>>,
    depacketizer: Depacketizer,
    units: VecDeque<Vec<Vec<u8>>>,
}

impl FaultyWatch {
    /// The NAL units of the next access unit, from a key frame on.
    pub(crate) async fn next(&mut self) -> Option<Vec<Vec<u8>>> {
        loop {
            if let Some(unit) = self.units.pop_front() {
                return Some(unit);
            }
            let batch = match self.packets.recv().await {
                Ok(batch) => batch,
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return None,
            };
            for packet in batch.packets.iter().filter(|p| p.track == Track::Video) {
                let (units, payload) = (&mut self.units, packet.payload.clone());
                let take = |unit| units.push_back(unit);
                self.depacketizer
                    .take(packet.sequence, packet.marker, payload, take);
            }
        }
    }
}

impl Drop for FaultyWatch {
    fn drop(&mut self) {
        self.channel.unwatch(&self.session);
    }
}

impl Channel {
    /// Says to the camera that a viewer can open nothing, and to the viewer that it
    /// has what it needs.
    pub(super) fn faulty_ask_in_clear(&self, session: &str) {
        self.show(session, IN_CLEAR, "");
        let keys = Arc::new(json!([]));
        self.say(session, Keys::Given { epoch: 0, keys });
    }
}
