//! Asking a port for RTMP without TLS (Adobe's specification, 1.0), as a media
//! player would.

use std::{io, net::SocketAddr, time::Duration};

use lightleak_sim::{
    rtmp::{
        CHUNK, COMMAND, COMMANDS, HANDSHAKE, Header, STREAM, VERSION,
        amf::{NULL, number, object, text},
        message,
    },
    world::{World, within},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long the answer to the handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(3);
/// How long the answer to a command may take.
const PAUSE: Duration = Duration::from_millis(200);

/// Asks `endpoint` to play the stream of that name in that application; in words,
/// what came of it.
pub(super) async fn play(
    world: &World,
    endpoint: SocketAddr,
    application: &str,
    name: &str,
) -> String {
    let asked = ask(world, endpoint, application, name);
    match within(&*world.clock, PATIENCE + WAIT, asked).await {
        Some(Ok(octets)) => format!("RTMP, play {application}/{name}: {octets} octets"),
        Some(Err(error)) => format!("RTMP: {error}"),
        None => "RTMP: no answer".into(),
    }
}

async fn ask(
    world: &World,
    endpoint: SocketAddr,
    application: &str,
    name: &str,
) -> io::Result<usize> {
    let mut stream = world.net.connect(endpoint).await?;
    let mut hello = vec![VERSION];
    hello.resize(1 + HANDSHAKE, 0);
    world.entropy.fill(&mut hello[9..]);
    stream.write_all(&hello).await?;
    let mut answer = [0; 1 + 2 * HANDSHAKE];
    stream.read_exact(&mut answer).await?;
    if answer[0] != VERSION {
        return Err(io::Error::other("the answer is none of RTMP"));
    }
    stream.write_all(&answer[1..=HANDSHAKE]).await?;
    let url = format!("rtmp://{endpoint}/{application}");
    let connect = [
        text("connect"),
        number(1.0),
        object(&[("app", application), ("tcUrl", &url)]),
    ];
    let create = [text("createStream"), number(2.0), vec![NULL]];
    let play = [text("play"), number(3.0), vec![NULL], text(name)];
    let mut octets = 0;
    for (on, command, wait) in [
        (0, connect.concat(), PAUSE),
        (0, create.concat(), PAUSE),
        (STREAM, play.concat(), WAIT),
    ] {
        let header = Header {
            chunks: COMMANDS,
            kind: COMMAND,
            stream: on,
            time: 0,
        };
        let command = message(header, &command, CHUNK);
        stream.write_all(&command).await?;
        let end = world.clock.unix() + wait;
        let mut heard = [0; 16 * 1024];
        loop {
            tokio::select! {
                read = stream.read(&mut heard) => match read? {
                    0 => return Ok(octets),
                    read => octets += read,
                },
                () = world.clock.sleep_until(end) => break,
            }
        }
    }
    Ok(octets)
}
