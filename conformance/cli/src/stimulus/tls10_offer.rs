//! `tls10-offer`: a hand-made ClientHello that offers TLS 1.0 at most, and one
//! that offers 1.1. A sound handshake comes first: whoever refuses old versions
//! must speak a new one.

use std::{io, time::Duration};

use lightleak_sim::{viewer::rtsp::RtspViewer, world::Entropy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Diary, Stimulus, Visit};

/// How long the answer may take.
const WAIT: Duration = Duration::from_secs(5);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "tls10-offer",
    title: "a sound TLS handshake, then ClientHellos that offer TLS 1.0 and 1.1 at most",
    network: Some(|visit| {
        Box::pin(async move {
            let mut diary = Diary::default();
            match RtspViewer::connect(&visit.address, None, &visit.world).await {
                Ok(mut viewer) => {
                    diary.response("OPTIONS over TLS", viewer.options().await);
                    viewer.close().await;
                }
                Err(error) => diary.note(format!("sound handshake: failed to {error}")),
            }
            for (name, version) in [("TLS 1.0", [3, 1]), ("TLS 1.1", [3, 2])] {
                match offer(&visit, version).await {
                    Ok(answer) => diary.note(format!("{name}: {}", describe(&answer))),
                    Err(error) => diary.note(format!("{name}: {error}")),
                }
            }
            diary.0
        })
    }),
    card: None,
};

/// Sends the hello and reads what comes back.
async fn offer(visit: &Visit, version: [u8; 2]) -> io::Result<Vec<u8>> {
    let mut stream = visit.world.net.connect(visit.address.endpoint).await?;
    stream
        .write_all(&client_hello(version, &*visit.world.entropy))
        .await?;
    let mut answer = Vec::new();
    let end = visit.world.clock.unix() + WAIT;
    let mut limited = (&mut stream).take(4096);
    tokio::select! {
        read = limited.read_to_end(&mut answer) => {
            read?;
        }
        () = visit.world.clock.sleep_until(end) => {}
    }
    Ok(answer)
}

/// RFC 2246 7.4.1.2, with suites of that time and no extensions.
fn client_hello(version: [u8; 2], entropy: &dyn Entropy) -> Vec<u8> {
    const SUITES: [u8; 8] = [0xc0, 0x13, 0xc0, 0x09, 0x00, 0x2f, 0x00, 0x0a];
    let mut random = [0; 32];
    entropy.fill(&mut random);
    let mut body = version.to_vec();
    body.extend_from_slice(&random);
    body.push(0);
    body.extend_from_slice(&(SUITES.len() as u16).to_be_bytes());
    body.extend_from_slice(&SUITES);
    body.extend_from_slice(&[1, 0]);
    let length = body.len() as u8;
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend_from_slice(&body);
    record
}

fn describe(answer: &[u8]) -> String {
    match answer {
        [] => "closed without a word".into(),
        [21, _, _, _, _, level, description, ..] => format!("alert {level}/{description}"),
        [22, major, minor, ..] => format!("handshake record of version {major}.{minor}"),
        [first, ..] => format!("{} octets, the first {first}", answer.len()),
    }
}
