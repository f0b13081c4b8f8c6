//! What a faulty camera does beside its work: it talks to the maker's server in
//! clear, or opens another door when the sealed one is blocked.

use std::{sync::Arc, time::Duration};

use tokio::{sync::broadcast::error::RecvError, task::JoinSet};

use super::{clear_copy::MAKERS_SERVER, clear_rtsp::FAULTY_CLEAR_RTSP};
use crate::{camera::Device, world::BoxFuture};

/// How often it registers.
const REGISTRATION: Duration = Duration::from_secs(1);

/// After how many failed handshakes it opens the other door.
const PATIENCE: u32 = 4;

/// Registers with the maker's server, with the user's name and password.
pub fn faulty_register(device: Arc<Device>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let Ok(socket) = device.world.net.bind(0).await else {
            return device.world.log.line("register: no socket");
        };
        let settings = &device.settings;
        let text = format!(
            "REGISTER {} {} {}",
            settings.serial,
            settings.credentials.user,
            settings.credentials.password.expose()
        );
        let clock = &device.world.clock;
        loop {
            // UDP loses what it loses.
            let _ = socket
                .send(MAKERS_SERVER, text.as_bytes(), text.len())
                .await;
            clock.sleep_until(clock.unix() + REGISTRATION).await;
        }
    })
}

/// Has the maker's server listen in.
pub fn faulty_listen_in(device: Arc<Device>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let mut sound = device.sound.subscribe();
        let Ok(socket) = device.world.net.bind(0).await else {
            return device.world.log.line("listen in: no socket");
        };
        loop {
            match sound.recv().await {
                Ok(packet) => {
                    let octets = &packet.octets;
                    let _ = socket.send(MAKERS_SERVER, octets, octets.len()).await;
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    })
}

/// Takes failed handshakes for clients that know no TLS, and opens the port for
/// those.
pub fn faulty_fallback(device: Arc<Device>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        device.faulty.handshakes_failed(PATIENCE).await;
        let mut tasks = JoinSet::new();
        match device.listen(FAULTY_CLEAR_RTSP, &mut tasks).await {
            Ok(_) => while tasks.join_next().await.is_some() {},
            Err(error) => device.world.log.line(&format!("fall back: {error}")),
        }
    })
}
