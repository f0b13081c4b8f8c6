//! RTMP without TLS (Adobe's specification, 1.0), by which a relay gives anybody
//! a camera's pictures.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    relay::{FaultyPort, FaultyRelay},
    rtmp::{
        self, CHUNK, COMMAND, COMMANDS, HANDSHAKE, Header, STREAM, VERSION,
        amf::{self, NULL},
    },
    world::ByteStream,
};

/// Gives whoever connects the camera whose serial number it asks for.
pub const FAULTY_RTMP: FaultyPort = FaultyPort {
    port: rtmp::PORT,
    scheme: "rtmp",
    path: "/live/",
    serve: |relay, stream| {
        Box::pin(async move { Connection::accept(stream).await?.serve(&relay).await })
    },
};

/// Octets of our chunks.
const OUR_CHUNK: usize = 1 << 16;
/// The longest message of a client that is read.
const LONGEST: usize = 1 << 16;

// Types of messages (5.4, 7.1).
const SET_CHUNK_SIZE: u8 = 1;
const USER_CONTROL: u8 = 4;
const WINDOW_SIZE: u8 = 5;
const PEER_BANDWIDTH: u8 = 6;
const VIDEO: u8 = 9;

/// Chunk streams of what is about the connection, and of video.
const CONTROL: u8 = 2;
const MEDIA: u8 = 6;

struct Connection {
    stream: Box<dyn ByteStream>,
    chunk: usize,
    /// What the last chunk of each chunk stream said: length, type.
    headers: [(usize, u8); 64],
}

impl Connection {
    async fn accept(mut stream: Box<dyn ByteStream>) -> io::Result<Self> {
        let mut hello = [0; 1 + HANDSHAKE];
        stream.read_exact(&mut hello).await?;
        let [VERSION, theirs @ ..] = hello else {
            return Err(io::Error::other("another version of RTMP"));
        };
        // Time and zero come first, and then what nobody looks at.
        let answer = [&[VERSION][..], &[0; HANDSHAKE], &theirs].concat();
        stream.write_all(&answer).await?;
        let mut echo = [0; HANDSHAKE];
        stream.read_exact(&mut echo).await?;
        Ok(Self {
            stream,
            chunk: CHUNK,
            headers: [(0, 0); 64],
        })
    }

    async fn serve(mut self, relay: &FaultyRelay) -> io::Result<()> {
        loop {
            let (kind, message) = self.message().await?;
            match kind {
                SET_CHUNK_SIZE => {
                    let size = message.first_chunk().map(|s| u32::from_be_bytes(*s));
                    self.chunk = size.map_or(CHUNK, |size| size.clamp(1, 1 << 24) as usize);
                }
                COMMAND => {
                    let (name, number) = command(&message);
                    match name {
                        "connect" => self.connected(number).await?,
                        "createStream" => {
                            let made = reply("_result", number, amf::number(STREAM.into()));
                            self.send(COMMANDS, COMMAND, 0, &made).await?;
                        }
                        "play" => {
                            let name = last_text(&message).unwrap_or_default();
                            return self.play(relay, name).await;
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }

    async fn connected(&mut self, number: f64) -> io::Result<()> {
        const WINDOW: u32 = 2_500_000;
        let window = WINDOW.to_be_bytes();
        self.send(CONTROL, WINDOW_SIZE, 0, &window).await?;
        // Dynamic.
        let bandwidth = [&window[..], &[2]].concat();
        self.send(CONTROL, PEER_BANDWIDTH, 0, &bandwidth).await?;
        let size = (OUR_CHUNK as u32).to_be_bytes();
        self.send(CONTROL, SET_CHUNK_SIZE, 0, &size).await?;
        let result = [
            amf::text("_result"),
            amf::number(number),
            amf::object(&[("fmsVer", "FMS/3,0,1,123")]),
            status("status", "NetConnection.Connect.Success"),
        ]
        .concat();
        self.send(COMMANDS, COMMAND, 0, &result).await
    }

    async fn play(&mut self, relay: &FaultyRelay, serial: &str) -> io::Result<()> {
        let Some(mut watch) = relay.watch(serial) else {
            let none = status("error", "NetStream.Play.StreamNotFound");
            let none = reply("onStatus", 0.0, none);
            return self.send(COMMANDS, COMMAND, STREAM, &none).await;
        };
        let begin = [&[0, 0][..], &STREAM.to_be_bytes()].concat();
        self.send(CONTROL, USER_CONTROL, 0, &begin).await?;
        let start = reply("onStatus", 0.0, status("status", "NetStream.Play.Start"));
        self.send(COMMANDS, COMMAND, STREAM, &start).await?;
        let clock = relay.world().clock.clone();
        let begin = clock.unix();
        let mut is_described = false;
        while let Some(unit) = watch.next().await {
            let time = clock.unix().saturating_sub(begin).as_millis() as u32;
            if let (false, [Some(sps), Some(pps)]) =
                (is_described, [7, 8].map(|k| of_kind(&unit, k)))
            {
                is_described = true;
                let description = [&[0x17, 0, 0, 0, 0][..], &configuration(sps, pps)].concat();
                self.send_at(time, MEDIA, VIDEO, STREAM, &description)
                    .await?;
            }
            let key = of_kind(&unit, 5).map_or(0x27, |_| 0x17);
            let mut message = vec![key, 1, 0, 0, 0];
            for nal in &unit {
                message.extend((nal.len() as u32).to_be_bytes());
                message.extend(nal);
            }
            self.send_at(time, MEDIA, VIDEO, STREAM, &message).await?;
        }
        Ok(())
    }

    /// The next message: its type, and what it says. Chunks of one message follow
    /// one another, as clients that say little send them.
    async fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut message = Vec::new();
        loop {
            let head = self.stream.read_u8().await?;
            let (format, chunks) = (head >> 6, usize::from(head & 0x3f));
            let mut header = [0; 11];
            let length = [11, 7, 3, 0][usize::from(format)];
            let header = &mut header[..length];
            self.stream.read_exact(header).await?;
            if let [0xff, 0xff, 0xff, ..] = header {
                self.stream.read_u32().await?;
            }
            if let [_, _, _, a, b, c, kind, ..] = *header {
                self.headers[chunks] = (u32::from_be_bytes([0, a, b, c]) as usize, kind);
            }
            let (length, kind) = self.headers[chunks];
            if length > LONGEST {
                return Err(io::Error::other("a message is too long"));
            }
            let missing = length.saturating_sub(message.len());
            let mut chunk = vec![0; missing.min(self.chunk)];
            self.stream.read_exact(&mut chunk).await?;
            message.extend(chunk);
            if message.len() >= length {
                return Ok((kind, message));
            }
        }
    }

    async fn send(&mut self, chunks: u8, kind: u8, stream: u32, octets: &[u8]) -> io::Result<()> {
        self.send_at(0, chunks, kind, stream, octets).await
    }

    async fn send_at(
        &mut self,
        time: u32,
        chunks: u8,
        kind: u8,
        stream: u32,
        octets: &[u8],
    ) -> io::Result<()> {
        let header = Header {
            chunks,
            kind,
            stream,
            time,
        };
        let message = rtmp::message(header, octets, OUR_CHUNK);
        self.stream.write_all(&message).await
    }
}

fn of_kind(unit: &[Vec<u8>], kind: u8) -> Option<&Vec<u8>> {
    let mut nals = unit.iter();
    nals.find(|nal| nal.first().is_some_and(|head| head & 0x1f == kind))
}

/// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1), lengths of 4 octets.
fn configuration(sps: &[u8], pps: &[u8]) -> Vec<u8> {
    let mut record = vec![1];
    record.extend(sps.iter().skip(1).take(3));
    record.extend([0xff, 0xe1]);
    record.extend((sps.len() as u16).to_be_bytes());
    record.extend(sps);
    record.push(1);
    record.extend((pps.len() as u16).to_be_bytes());
    record.extend(pps);
    record
}

/// A command without an object.
fn reply(name: &str, number: f64, says: Vec<u8>) -> Vec<u8> {
    [amf::text(name), amf::number(number), vec![NULL], says].concat()
}

fn status(level: &str, code: &str) -> Vec<u8> {
    amf::object(&[("level", level), ("code", code)])
}

/// Name and number of a command.
fn command(message: &[u8]) -> (&str, f64) {
    let Some((name, rest)) = text(message) else {
        return ("", 0.0);
    };
    let number = match rest {
        [0, number @ ..] => number.first_chunk().map(|n| f64::from_be_bytes(*n)),
        _ => None,
    };
    (name, number.unwrap_or_default())
}

fn text(octets: &[u8]) -> Option<(&str, &[u8])> {
    let rest = octets.strip_prefix(&[2])?;
    let (length, rest) = rest.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

/// What `play` asks for: behind name, number and null.
fn last_text(message: &[u8]) -> Option<&str> {
    let (_, rest) = text(message)?;
    let rest = rest.get(9..)?.strip_prefix(&[NULL])?;
    text(rest).map(|(name, _)| name)
}
