//! `port-sweep`: dials every TCP port of the device, and talks to what answers
//! as a browser and a media player would: where nothing was declared it listens
//! first and asks for HTTP and RTMP, then everywhere for RTSP without TLS, as it
//! is, in an HTTP tunnel and in WebSocket.

use std::{io, net::SocketAddr, time::Duration};

use lightleak_case::Experience;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Diary, Stimulus, Visit, clear, rtmp};

/// How long an open port may take to say something.
const WAIT: Duration = Duration::from_secs(2);

/// The stimulus.
pub const STIMULUS: Stimulus = Stimulus {
    id: "port-sweep",
    title: "every TCP port is dialled; what answers is asked for HTTP, and for RTMP and RTSP without TLS, in HTTP and WebSocket too",
    network: Some(|visit| Box::pin(sweep(visit))),
    webrtc: Some(|visit| Box::pin(sweep(visit))),
    portal: Some(|visit| Box::pin(sweep(visit.first))),
    ..Stimulus::NOTHING
};

async fn sweep(visit: Visit) -> Experience {
    let mut diary = Diary::default();
    let mut open = Vec::new();
    for port in 1..=u16::MAX {
        let endpoint = SocketAddr::new(visit.device, port);
        if visit.world.net.connect(endpoint).await.is_ok() {
            open.push(endpoint);
        }
    }
    diary.note(format!("dialled 65535 ports, open: {open:?}"));
    for endpoint in open {
        if endpoint != visit.address.endpoint {
            listen(&visit, endpoint, &mut diary).await;
            browse(&visit, endpoint, &mut diary).await;
            let what = rtmp::play(&visit.world, endpoint, "live", &visit.serial).await;
            diary.note(format!("{endpoint}: {what}"));
        }
        clear::plain(&visit, endpoint, &mut diary).await;
        clear::tunnel(&visit, endpoint, &mut diary).await;
        clear::websocket(&visit, endpoint, &mut diary).await;
    }
    diary.0
}

/// Takes what the port says by itself.
async fn listen(visit: &Visit, endpoint: SocketAddr, diary: &mut Diary) {
    match hear(visit, endpoint, b"").await {
        Ok(total) => diary.note(format!("{endpoint}: said {total} octets unasked")),
        Err(error) => diary.note(format!("{endpoint}: {error}")),
    }
}

/// Asks for HTTP in clear (RFC 9112).
async fn browse(visit: &Visit, endpoint: SocketAddr, diary: &mut Diary) {
    let request = format!("GET / HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n\r\n");
    match hear(visit, endpoint, request.as_bytes()).await {
        Ok(total) => diary.note(format!("{endpoint}: GET in clear: {total} octets")),
        Err(error) => diary.note(format!("{endpoint}: GET in clear: {error}")),
    }
}

/// Says something and counts the octets that come for a while.
async fn hear(visit: &Visit, endpoint: SocketAddr, said: &[u8]) -> io::Result<usize> {
    let mut stream = visit.world.net.connect(endpoint).await?;
    stream.write_all(said).await?;
    let end = visit.world.clock.unix() + WAIT;
    let mut octets = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        tokio::select! {
            read = stream.read(&mut octets) => match read {
                Ok(0) | Err(_) => break,
                Ok(read) => total += read,
            },
            () = visit.world.clock.sleep_until(end) => break,
        }
    }
    Ok(total)
}
