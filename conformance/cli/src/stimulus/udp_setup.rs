//! `udp-setup`: a viewer with the right credentials asks for media over UDP,
//! which would leave the TLS connection: to a group, then to the viewer, video
//! and sound.

use std::time::Duration;

use lightleak_case::Experience;
use lightleak_sim::{rtsp::transport::Transport, world::Datagrams};

use super::{Diary, Stimulus, Visit};

/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(2);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "udp-setup",
    title: "a viewer with the right credentials asks for RTP over UDP, unicast and multicast",
    network: Some(|visit| Box::pin(ask(visit))),
    srtp: None,
    card: None,
};

async fn ask(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let (video, sound) = match (visit.world.net.bind(0).await, visit.world.net.bind(0).await) {
        (Ok(video), Ok(sound)) => (video, sound),
        (Err(error), _) | (_, Err(error)) => {
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
    let group = Transport::multicast(None);
    if diary.response("SETUP UDP multicast", viewer.setup(&group).await) == Some(200) {
        diary.response("PLAY", viewer.play().await);
        wait(&visit, &*video, &mut diary).await;
        diary.response("TEARDOWN", viewer.teardown().await);
    }
    let ours = |socket: &dyn Datagrams| Transport::udp(socket.local().port());
    let shown = viewer.setup(&ours(&*video)).await;
    let shown = diary.response("SETUP UDP", shown);
    let heard = viewer.setup_sound(&ours(&*sound)).await;
    let heard = diary.response("SETUP UDP of sound", heard);
    if [shown, heard].contains(&Some(200)) {
        diary.response("PLAY", viewer.play().await);
    }
    let socket = if shown == Some(200) { video } else { sound };
    wait(&visit, &*socket, &mut diary).await;
    diary.close(viewer).await
}

/// Takes what comes.
async fn wait(visit: &Visit, socket: &dyn Datagrams, diary: &mut Diary) {
    let mut datagram = [0; 2048];
    let mut datagrams = 0_u64;
    let end = visit.world.clock.unix() + WAIT;
    loop {
        tokio::select! {
            received = socket.recv(&mut datagram) => match received {
                Ok((length, _)) => {
                    datagrams += 1;
                    diary.0.media_bytes += length as u64;
                }
                Err(_) => break,
            },
            () = visit.world.clock.sleep_until(end) => break,
        }
    }
    diary.note(format!("received {datagrams} datagrams over UDP"));
}
