//! RTSP inside HTTP and inside WebSocket, without TLS: who asks there may have
//! the right password, but everybody on the way sees the picture.

use std::{net::SocketAddr, sync::Arc};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::io::{AsyncWriteExt, duplex, join, split};

use super::clear_rtsp::FaultyClear;
use crate::{
    camera::Device,
    path::Listen,
    rtsp::{
        PRESENTATION,
        carry::{self, BUFFER, Coding, Head},
        connection::ConnectionError,
        server::{self, Service},
    },
    world::ByteStream,
};

/// The HTTP tunnel (RTSP over HTTP, as ONVIF Streaming 5.1.1.5 names it).
pub const FAULTY_TUNNEL: Listen = Listen {
    port: 80,
    scheme: "http",
    resource: PRESENTATION,
    serve: |device, stream, local, peer| {
        Box::pin(async move { tunnel(device, stream, local, peer).await })
    },
};

/// WebSocket (RFC 6455, ONVIF Streaming 7).
pub const FAULTY_WEBSOCKET: Listen = Listen {
    port: 80,
    scheme: "ws",
    resource: PRESENTATION,
    serve: |device, stream, local, peer| {
        Box::pin(async move { websocket(device, stream, local, peer).await })
    },
};

async fn tunnel(
    device: Arc<Device>,
    mut stream: Box<dyn ByteStream>,
    local: SocketAddr,
    peer: SocketAddr,
) -> Result<(), ConnectionError> {
    let head = carry::head(&mut stream).await?;
    let cookie = head
        .header("x-sessioncookie")
        .unwrap_or_default()
        .to_owned();
    match head.method() {
        "GET" if !cookie.is_empty() => {
            let answer = format!(
                "HTTP/1.0 200 OK\r\nContent-Type: {}\r\n\r\n",
                carry::TUNNELLED
            );
            stream.write_all(answer.as_bytes()).await?;
            let (near, far) = duplex(BUFFER);
            device.faulty.faulty_leave(cookie, far);
            faulty_serve(device, Box::new(join(near, stream)), local, peer).await
        }
        "POST" => match device.faulty.faulty_take(&cookie) {
            Some(end) => Ok(carry::pump(stream, end, Coding::base64(), carry::Way::In).await?),
            None => refuse(stream, "404 Not Found").await,
        },
        _ => refuse(stream, "404 Not Found").await,
    }
}

async fn websocket(
    device: Arc<Device>,
    mut stream: Box<dyn ByteStream>,
    local: SocketAddr,
    peer: SocketAddr,
) -> Result<(), ConnectionError> {
    let head = carry::head(&mut stream).await?;
    let Some(key) = head.header("sec-websocket-key").filter(|_| asks(&head)) else {
        return refuse(stream, "404 Not Found").await;
    };
    // RFC 6455 4.2.2.
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
        BASE64_STANDARD.encode(accept),
        carry::SUBPROTOCOL
    );
    stream.write_all(answer.as_bytes()).await?;
    let (near, far) = duplex(BUFFER);
    let ((from, to), (inner, outer)) = (split(stream), split(far));
    let incoming = carry::pump(from, outer, Coding::frames(None), carry::Way::In);
    let outgoing = carry::pump(inner, to, Coding::frames(None), carry::Way::Out);
    let serve = faulty_serve(device, Box::new(near), local, peer);
    let (served, ..) = tokio::join!(serve, incoming, outgoing);
    served
}

fn asks(head: &Head) -> bool {
    let protocols = head.header("sec-websocket-protocol").unwrap_or_default();
    head.method() == "GET" && protocols.split(',').any(|p| p.trim() == carry::SUBPROTOCOL)
}

async fn refuse(mut stream: Box<dyn ByteStream>, why: &str) -> Result<(), ConnectionError> {
    let answer = format!("HTTP/1.1 {why}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}

/// As over TLS, with the same credentials.
async fn faulty_serve(
    device: Arc<Device>,
    stream: Box<dyn ByteStream>,
    local: SocketAddr,
    peer: SocketAddr,
) -> Result<(), ConnectionError> {
    let stream = FaultyClear(stream);
    let mut stream = server::serve(device, stream, local, peer, Service::AVP).await?;
    Ok(stream.shutdown().await?)
}
