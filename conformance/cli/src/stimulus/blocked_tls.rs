//! `blocked-tls`: handshakes fail, as they do where somebody on the way blocks
//! them. Then somebody looks whether media are to be had without TLS.

use std::{net::SocketAddr, time::Duration};

use lightleak_case::Experience;
use lightleak_judge::probe::{CLEAR_PORTS, FAILED_HANDSHAKES};
use lightleak_sim::{seal::keys::Authority, viewer::rtsp::RtspViewer};
use tokio::io::AsyncWriteExt;

use super::{Diary, Stimulus, Visit, clear};

/// How long media may take to come unasked.
const WAIT: Duration = Duration::from_secs(2);

/// What is sent in place of a handshake: nothing, garbage, the beginning of a
/// ClientHello, and a fatal alert (handshake_failure).
const INSTEAD: [&[u8]; 4] = [
    b"",
    b"GET / HTTP/1.0\r\n\r\n",
    &[22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3],
    &[21, 3, 3, 0, 2, 2, 40],
];

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "blocked-tls",
    title: "TLS handshakes that fail, then the usual ports are asked for media without TLS",
    network: Some(|visit| Box::pin(block(visit))),
    webrtc: Some(|visit| Box::pin(block(visit))),
    portal: Some(|visit| Box::pin(block(visit.first))),
    ..Stimulus::NOTHING
};

async fn block(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    for instead in INSTEAD.iter().cycle().take(FAILED_HANDSHAKES) {
        match visit.world.net.connect(visit.address.endpoint).await {
            Ok(mut stream) => {
                let sent = stream.write_all(instead).await;
                diary.note(format!("{} octets, then nothing: {sent:?}", instead.len()));
                // The device has time to read them.
                tokio::task::yield_now().await;
                let _ = stream.shutdown().await;
                let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            }
            Err(error) => diary.note(format!("connect: {error}")),
        }
    }
    distrust(&visit, &mut diary).await;
    let clock = &visit.world.clock;
    clock.sleep_until(clock.unix() + WAIT).await;
    for port in CLEAR_PORTS {
        let endpoint = SocketAddr::new(visit.device, port);
        clear::plain(&visit, endpoint, &mut diary).await;
    }
    diary.0
}

/// A handshake with somebody who trusts another authority.
async fn distrust(visit: &Visit, diary: &mut Diary) {
    let mut address = visit.address.clone();
    match Authority::new() {
        Ok(other) => address.authority = Some(other.certificate()),
        Err(error) => return diary.note(format!("distrust: failed to {error}")),
    }
    match RtspViewer::connect(&address, None, &visit.world).await {
        Ok(viewer) => {
            diary.note("distrust: the certificate was taken all the same");
            viewer.close().await;
        }
        Err(error) => diary.note(format!("distrust: failed to {error}")),
    }
}
