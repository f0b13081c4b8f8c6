//! `udp-setup`: a viewer with the right credentials asks for media over UDP,
//! which would leave the TLS connection.

use std::time::Duration;

use lightleak_sim::rtsp::transport::Transport;

use super::{Diary, Stimulus};

/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(2);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "udp-setup",
    title: "a viewer with the right credentials asks for RTP over UDP, unicast and multicast",
    network: Some(|visit| {
        Box::pin(async move {
            let mut diary = Diary::default();
            let socket = match visit.world.net.bind(0).await {
                Ok(socket) => socket,
                Err(error) => {
                    diary.note(format!("failed to bind a UDP port: {error}"));
                    return diary.0;
                }
            };
            let credentials = Some(visit.credentials.clone());
            let Some(mut viewer) = diary
                .connect(&visit.address, credentials, &visit.world)
                .await
            else {
                return diary.0;
            };
            diary.response("DESCRIBE", viewer.describe().await);
            let unicast = Transport::udp(socket.local().port());
            let multicast = Transport {
                multicast: true,
                client_port: None,
                ..unicast.clone()
            };
            diary.response("SETUP UDP multicast", viewer.setup(&multicast).await);
            if diary.response("SETUP UDP", viewer.setup(&unicast).await) == Some(200) {
                diary.response("PLAY", viewer.play().await);
            }
            let mut datagram = [0; 2048];
            let (mut datagrams, mut octets) = (0_u64, 0_u64);
            let end = visit.world.clock.unix() + WAIT;
            loop {
                tokio::select! {
                    received = socket.recv(&mut datagram) => match received {
                        Ok((length, _)) => {
                            datagrams += 1;
                            octets += length as u64;
                        }
                        Err(_) => break,
                    },
                    () = visit.world.clock.sleep_until(end) => break,
                }
            }
            diary.note(format!("received {datagrams} datagrams over UDP"));
            diary.0.media_bytes += octets;
            diary.close(viewer).await
        })
    }),
    card: None,
};
