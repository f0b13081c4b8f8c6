//! RTSP without TLS that answers what must not be said there, and no more.

use std::net::SocketAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rtsp_types::{
    Method, Request, Response, StatusCode, Version,
    headers::{AUTHORIZATION, CONTENT_TYPE, CSEQ, WWW_AUTHENTICATE},
};

use crate::{
    camera::Device,
    path::Listen,
    rtsp::{
        PRESENTATION,
        connection::{Connection, ConnectionError, Incoming},
        digest::Guard,
    },
    world::ByteStream,
};

/// Asks for name and password in Basic (RFC 7617), and takes them.
pub const FAULTY_BASIC: Listen = Listen {
    serve: |device, stream, local, _| {
        Box::pin(async move { answer(&device, stream, local, basic).await })
    },
    ..CLEAR
};

/// Describes a presentation with SRTP, and hands out its key (RFC 4567).
pub const FAULTY_MIKEY: Listen = Listen {
    serve: |device, stream, local, _| {
        Box::pin(async move { answer(&device, stream, local, mikey).await })
    },
    ..CLEAR
};

/// Describes a presentation with SRTP, and hands out its key as `a=crypto`
/// (RFC 4568).
pub const FAULTY_SDES: Listen = Listen {
    serve: |device, stream, local, _| {
        Box::pin(async move { answer(&device, stream, local, sdes).await })
    },
    ..CLEAR
};

/// Where they are.
const CLEAR: Listen = Listen {
    port: 554,
    scheme: "rtsp",
    resource: PRESENTATION,
    serve: |_, _, _, _| Box::pin(async { Ok(()) }),
};

/// Status, and a header or a session description.
enum Answer {
    Status(StatusCode),
    Challenge(String),
    Description(String),
}

async fn answer(
    device: &Device,
    stream: Box<dyn ByteStream>,
    local: SocketAddr,
    answer: fn(&Device, SocketAddr, &Request<Vec<u8>>) -> Answer,
) -> Result<(), ConnectionError> {
    let mut connection = Connection::new(stream);
    while let Some(incoming) = connection.next().await? {
        let Incoming::Request(request) = incoming else {
            continue;
        };
        let respond = |status| {
            let sequence = request.header(&CSEQ).map_or("0", |h| h.as_str());
            Response::builder(Version::V1_0, status).header(CSEQ, sequence)
        };
        let response = match answer(device, local, &request) {
            Answer::Status(status) => respond(status).build(Vec::new()),
            Answer::Challenge(challenge) => respond(StatusCode::Unauthorized)
                .header(WWW_AUTHENTICATE, challenge)
                .build(Vec::new()),
            Answer::Description(text) => respond(StatusCode::Ok)
                .header(CONTENT_TYPE, "application/sdp")
                .build(text.into_bytes()),
        };
        connection.respond(&response).await?;
    }
    Ok(())
}

fn basic(device: &Device, local: SocketAddr, request: &Request<Vec<u8>>) -> Answer {
    let known = &device.settings.credentials;
    let pair = format!("{}:{}", known.user, known.password.expose());
    let right = format!("Basic {}", BASE64_STANDARD.encode(pair));
    match request.header(&AUTHORIZATION) {
        Some(shown) if shown.as_str() == right => match request.method() {
            Method::Describe => Answer::Description(describe(local, "m=video 0 RTP/AVP 96\r\n")),
            _ => Answer::Status(StatusCode::UnsupportedTransport),
        },
        _ => Answer::Challenge(format!("Basic realm=\"{}\"", Guard::REALM)),
    }
}

fn mikey(device: &Device, local: SocketAddr, request: &Request<Vec<u8>>) -> Answer {
    if *request.method() != Method::Describe {
        return Answer::Status(StatusCode::SessionNotFound);
    }
    // As long as a message with one KEMAC is; nobody can use it anyway.
    let mut message = [0; 48];
    device.world.entropy.fill(&mut message);
    message[..2].copy_from_slice(&[1, 0]);
    let message = BASE64_STANDARD.encode(message);
    let media = format!("m=video 0 RTP/SAVP 96\r\na=key-mgmt:mikey {message}\r\n");
    Answer::Description(describe(local, &media))
}

fn sdes(device: &Device, local: SocketAddr, request: &Request<Vec<u8>>) -> Answer {
    if *request.method() != Method::Describe {
        return Answer::Status(StatusCode::SessionNotFound);
    }
    // Key and salt of 128 and 112 bits.
    let mut key = [0; 30];
    device.world.entropy.fill(&mut key);
    let key = BASE64_STANDARD.encode(key);
    let crypto = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n");
    let media = format!("m=video 0 RTP/SAVP 96\r\n{crypto}");
    Answer::Description(describe(local, &media))
}

fn describe(local: SocketAddr, media: &str) -> String {
    let address = local.ip();
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    format!(
        "v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nt=0 0\r\n{media}a=rtpmap:96 H264/90000\r\na=control:video\r\n"
    )
}
