//! Ways of asking a port for RTSP without TLS: as it is, in an HTTP tunnel, and
//! in WebSocket. Whoever asks has the right password, and shows it as players do.

use std::{io, net::SocketAddr, time::Duration};

use lightleak_sim::{
    rtsp::{
        carry::{self, BUFFER, Coding, Head, Way},
        transport::Transport,
    },
    viewer::rtsp::RtspViewer,
    world::{ByteStream, World, within},
};
use tokio::io::{AsyncWriteExt, duplex, join, split};

use super::{Diary, Visit};

/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(2);

/// How long the answer to an HTTP request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// As it is.
pub(super) async fn plain(visit: &Visit, endpoint: SocketAddr, diary: &mut Diary) {
    match visit.world.net.connect(endpoint).await {
        Ok(stream) => play(visit, endpoint, stream, "in clear", diary).await,
        Err(error) => diary.note(format!("{endpoint}: {error}")),
    }
}

/// In an HTTP tunnel: a GET for what the device says, a POST for the rest.
pub(super) async fn tunnel(visit: &Visit, endpoint: SocketAddr, diary: &mut Diary) {
    let cookie = format!("{:016x}", random(&visit.world));
    let path = path(visit);
    let request = |method: &str, more: &str| {
        format!(
            "{method} {path} HTTP/1.0\r\nHost: {endpoint}\r\nx-sessioncookie: {cookie}\r\n{more}\r\n"
        )
    };
    let get = request("GET", &format!("Accept: {}\r\n", carry::TUNNELLED));
    let Some((get, _)) = open(visit, endpoint, &get, diary, "HTTP tunnel", |head| {
        head.header("content-type") == Some(carry::TUNNELLED)
    })
    .await
    else {
        return;
    };
    let mut post = match visit.world.net.connect(endpoint).await {
        Ok(post) => post,
        Err(error) => return diary.note(format!("{endpoint}: POST of the tunnel: {error}")),
    };
    let head = request(
        "POST",
        &format!(
            "Content-Type: {}\r\nContent-Length: 32767\r\n",
            carry::TUNNELLED
        ),
    );
    if let Err(error) = post.write_all(head.as_bytes()).await {
        return diary.note(format!("{endpoint}: POST of the tunnel: {error}"));
    }
    let (near, far) = duplex(BUFFER);
    let outgoing = carry::pump(far, post, Coding::base64(), Way::Out);
    let stream = Box::new(join(get, near));
    // What is left of the pump is of no use to anybody.
    tokio::select! {
        () = play(visit, endpoint, stream, "in an HTTP tunnel", diary) => {}
        () = forever(outgoing) => {}
    }
}

/// In WebSocket.
pub(super) async fn websocket(visit: &Visit, endpoint: SocketAddr, diary: &mut Diary) {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {endpoint}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n",
        path(visit),
        carry::SUBPROTOCOL
    );
    let Some((stream, _)) = open(visit, endpoint, &request, diary, "WebSocket", |head| {
        head.status() == Some(101)
    })
    .await
    else {
        return;
    };
    let mask = (random(&visit.world) as u32).to_be_bytes();
    let (near, far) = duplex(BUFFER);
    let ((from, to), (inner, outer)) = (split(stream), split(far));
    let incoming = carry::pump(from, outer, Coding::frames(None), Way::In);
    let outgoing = carry::pump(inner, to, Coding::frames(Some(mask)), Way::Out);
    tokio::select! {
        () = play(visit, endpoint, Box::new(near), "in WebSocket", diary) => {}
        () = forever(incoming) => {}
        () = forever(outgoing) => {}
    }
}

/// Sends an HTTP request; gives the connection if the answer is as hoped.
async fn open(
    visit: &Visit,
    endpoint: SocketAddr,
    request: &str,
    diary: &mut Diary,
    what: &str,
    hoped: impl Fn(&Head) -> bool,
) -> Option<(Box<dyn ByteStream>, Head)> {
    let ask = async {
        let mut stream = visit.world.net.connect(endpoint).await?;
        stream.write_all(request.as_bytes()).await?;
        let head = carry::head(&mut stream).await?;
        io::Result::Ok((stream, head))
    };
    match within(&*visit.world.clock, PATIENCE, ask).await {
        Some(Ok((stream, head))) => {
            let status = head.status().unwrap_or_default();
            diary.note(format!("{endpoint}: {what}: {status}"));
            hoped(&head).then_some((stream, head))
        }
        Some(Err(error)) => {
            diary.note(format!("{endpoint}: {what}: {error}"));
            None
        }
        None => {
            diary.note(format!("{endpoint}: {what}: no answer"));
            None
        }
    }
}

/// Asks for everything there.
async fn play(
    visit: &Visit,
    endpoint: SocketAddr,
    stream: Box<dyn ByteStream>,
    how: &str,
    diary: &mut Diary,
) {
    let url = format!("rtsp://{endpoint}{}", path(visit));
    let credentials = Some(visit.credentials.clone());
    let mut viewer = RtspViewer::over(stream, &url, credentials, &visit.world);
    viewer.answer_basic();
    let what = |method: &str| format!("{endpoint}: {method} {how}");
    if diary.response(&what("DESCRIBE"), viewer.describe().await) == Some(200) {
        diary.response(
            &what("SETUP"),
            viewer.setup(&Transport::interleaved(0)).await,
        );
        diary.response(
            &what("SETUP of sound"),
            viewer.setup_sound(&Transport::interleaved(2)).await,
        );
        if diary.response(&what("PLAY"), viewer.play().await) == Some(200) {
            if let Err(error) = viewer.watch(WAIT).await {
                diary.note(format!("{endpoint}: watch: failed to {error}"));
            }
            diary.response(&what("TEARDOWN"), viewer.teardown().await);
        }
    }
    diary.end(viewer).await;
}

/// The path of the declared address.
fn path(visit: &Visit) -> String {
    let behind = visit.address.url.split("://").nth(1).unwrap_or_default();
    let path = behind.split_once('/').map_or("", |(_, path)| path);
    format!("/{path}")
}

fn random(world: &World) -> u64 {
    let mut octets = [0; 8];
    world.entropy.fill(&mut octets);
    u64::from_be_bytes(octets)
}

/// Does it, and never says that it is done.
async fn forever<T>(work: impl Future<Output = T>) {
    work.await;
    std::future::pending().await
}
