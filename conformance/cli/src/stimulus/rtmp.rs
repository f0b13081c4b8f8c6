//! Asking a port for RTMP without TLS (Adobe's specification, 1.0), as a media
//! player would.

use std::{io, net::SocketAddr, time::Duration};

use lightleak_sim::world::{World, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long the answer to the handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long media may take to come.
const WAIT: Duration = Duration::from_secs(3);
/// How long the answer to a command may take.
const PAUSE: Duration = Duration::from_millis(200);

/// The version, in front of what either side says of itself (5.2.2), and octets
/// of that (5.2.3).
const VERSION: u8 = 3;
const HANDSHAKE: usize = 1536;
/// Octets of a chunk (5.4.1), as long as nobody says otherwise.
const CHUNK: usize = 128;
/// The chunk stream of commands, and their type (7.1.1).
const COMMANDS: u8 = 3;
const COMMAND: u8 = 20;
/// The message stream that servers make first.
const STREAM: u32 = 1;

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
        vec![3],
        property("app", application),
        property("tcUrl", &url),
        vec![0, 0, 9],
    ];
    let create = [text("createStream"), number(2.0), vec![NULL]];
    let play = [text("play"), number(3.0), vec![NULL], text(name)];
    let mut octets = 0;
    for (on, command, wait) in [
        (0, connect.concat(), PAUSE),
        (0, create.concat(), PAUSE),
        (STREAM, play.concat(), WAIT),
    ] {
        stream.write_all(&message(on, &command)).await?;
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

/// A command in chunks.
fn message(stream: u32, command: &[u8]) -> Vec<u8> {
    let mut message = vec![COMMANDS, 0, 0, 0];
    message.extend(&(command.len() as u32).to_be_bytes()[1..]);
    message.push(COMMAND);
    message.extend(stream.to_le_bytes());
    for (index, chunk) in command.chunks(CHUNK).enumerate() {
        if index > 0 {
            message.push(0xc0 | COMMANDS);
        }
        message.extend(chunk);
    }
    message
}

// AMF 0.

const NULL: u8 = 5;

fn number(number: f64) -> Vec<u8> {
    [&[0][..], &number.to_be_bytes()].concat()
}

fn bare(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}

fn text(text: &str) -> Vec<u8> {
    [&[2][..], &bare(text)].concat()
}

fn property(name: &str, value: &str) -> Vec<u8> {
    [bare(name), text(value)].concat()
}
