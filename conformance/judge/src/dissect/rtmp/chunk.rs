//! The chunk stream of RTMP (5.3): messages of one direction.

use std::collections::BTreeMap;

use crate::dissect::{Stream, flv};

/// Octets of what a side says before its first chunk (5.2): version, hello, echo.
pub const HANDSHAKE: usize = 1 + 1536 + 1536;
/// Octets of a chunk before anybody says otherwise (5.4.1).
const CHUNK: usize = 128;
/// Sizes that are tried where nobody could be heard to say one.
const SIZES: [usize; 8] = [128, 4096, 60_000, 65_536, 1024, 8192, 512, 1 << 22];
/// Octets of a message that are believed.
const MOST: usize = 8 << 20;
/// Chunk streams, and messages of a direction.
const MOST_STREAMS: usize = 64;
const MOST_MESSAGES: usize = 1 << 18;
/// Messages in a row that show where a stream can be joined.
const CHAIN: usize = 4;
/// Octets that are searched for such a place behind a gap.
const SEARCHED: usize = 1 << 20;

/// Types of messages (5.4, 7.1).
pub mod kind {
    /// Set Chunk Size.
    pub const CHUNK_SIZE: u8 = 1;
    /// User Control.
    pub const CONTROL: u8 = 4;
    /// Audio.
    pub const AUDIO: u8 = 8;
    /// Video.
    pub const VIDEO: u8 = 9;
    /// Data in AMF 0.
    pub const DATA: u8 = 18;
    /// A command in AMF 0.
    pub const COMMAND: u8 = 20;
    /// Several messages as tags of Flash video.
    pub const AGGREGATE: u8 = 22;
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its type.
    pub kind: u8,
    /// Its time, milliseconds.
    pub time: u32,
    /// Its message stream.
    pub stream: u32,
    /// What it says.
    pub body: Vec<u8>,
    /// Where its first chunk begins.
    pub at: usize,
}

impl Message {
    /// The name of a command in AMF 0.
    pub fn command(&self) -> Option<&str> {
        let [2, high, low, rest @ ..] = &self.body[..] else {
            return None;
        };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let name = std::str::from_utf8(rest.get(..length)?).ok()?;
        let fits = matches!(self.kind, kind::COMMAND | kind::DATA)
            && !name.is_empty()
            && name.bytes().all(|octet| octet.is_ascii_graphic());
        fits.then_some(name)
    }

    /// Whether it is as its type demands.
    fn is_plausible(&self) -> bool {
        let length = self.body.len();
        match self.kind {
            kind::CHUNK_SIZE | 2 | 3 | 5 => length == 4,
            6 => length == 5,
            kind::CONTROL => (4..=16).contains(&length),
            // Sound and pictures of no octets are sent when there are none.
            kind::AUDIO => length == 0 || flv::audio(&self.body).is_some(),
            kind::VIDEO => length == 0 || flv::video(&self.body).is_some(),
            kind::DATA | kind::COMMAND => self.command().is_some(),
            15..=17 | 19 => true,
            kind::AGGREGATE => length > 11,
            _ => false,
        }
    }
}

/// The messages of a direction: behind its handshake, or from where it can be joined.
pub fn messages(stream: &Stream) -> Vec<Message> {
    let octets = &stream.bytes[..];
    let mut messages = Vec::new();
    let mut gaps = stream
        .gaps
        .iter()
        .copied()
        .filter(|gap| *gap > 0)
        .peekable();
    let mut size = None;
    let mut at = 0;
    if octets.first() == Some(&3) && stream.gaps.first().is_none_or(|gap| *gap >= HANDSHAKE) {
        at = HANDSHAKE;
        size = Some(CHUNK);
    }
    while at < octets.len() && messages.len() < MOST_MESSAGES {
        while gaps.next_if(|gap| *gap <= at).is_some() {}
        let end = gaps.peek().copied().unwrap_or(octets.len());
        let part = octets.get(..end).unwrap_or(octets);
        let begins = match size {
            Some(CHUNK) if at == HANDSHAKE => Some((at, CHUNK)),
            _ => join(part, at, size),
        };
        if let Some((start, chunk)) = begins {
            let mut reader = Reader::new(part, start, chunk);
            for message in reader.by_ref() {
                messages.push(message);
                if messages.len() == MOST_MESSAGES {
                    break;
                }
            }
            size = Some(reader.size);
        }
        at = end;
    }
    messages
}

/// Where the chunk stream can be joined, and the size of its chunks.
fn join(octets: &[u8], from: usize, size: Option<usize>) -> Option<(usize, usize)> {
    let window = octets.get(from..octets.len().min(from + SEARCHED))?;
    let mut tries = 1 << 14;
    for at in 0..window.len().saturating_sub(12) {
        // A message header of type 0, of media in a stream of low number.
        let header: &[u8; 12] = window.get(at..)?.first_chunk()?;
        let [basic, _, _, _, l2, _, _, media, stream, 0, 0, 0] = *header else {
            continue;
        };
        let fits = (2..64).contains(&basic) && l2 < 64 && matches!(media, 8 | 9) && stream < 16;
        if !fits {
            continue;
        }
        let sizes = size.as_slice().iter().chain(&SIZES);
        for size in sizes {
            tries -= 1;
            if Reader::new(octets, from + at, *size).take(CHAIN).count() == CHAIN {
                return Some((from + at, *size));
            }
        }
        if tries <= 0 {
            break;
        }
    }
    None
}

#[derive(Clone, Default)]
struct Chunks {
    time: u32,
    delta: u32,
    length: usize,
    kind: u8,
    stream: u32,
    extended: bool,
    body: Vec<u8>,
    at: usize,
}

/// Reads messages up to the first that can't be.
struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
    size: usize,
    streams: BTreeMap<u32, Chunks>,
}

impl<'a> Reader<'a> {
    fn new(octets: &'a [u8], at: usize, size: usize) -> Self {
        Self {
            octets,
            at,
            size: size.max(1),
            streams: BTreeMap::new(),
        }
    }

    fn octets<const N: usize>(&mut self) -> Option<[u8; N]> {
        let octets = *self.octets.get(self.at..)?.first_chunk()?;
        self.at += N;
        Some(octets)
    }

    /// 5.3.1; the message, if this chunk is its last.
    fn chunk(&mut self) -> Option<Option<Message>> {
        let begin = self.at;
        let [basic] = self.octets()?;
        let id = match basic & 63 {
            0 => 64 + u32::from(self.octets::<1>()?[0]),
            1 => 64 + u32::from(u16::from_le_bytes(self.octets()?)),
            id => u32::from(id),
        };
        let format = basic >> 6;
        let mut chunks = match self.streams.remove(&id) {
            Some(known) => known,
            None if format == 0 && self.streams.len() < MOST_STREAMS => Chunks::default(),
            None => return None,
        };
        // Headers amid a message are of type 3.
        if format != 3 && !chunks.body.is_empty() {
            return None;
        }
        let is_new = chunks.body.is_empty();
        let mut time = None;
        if format < 3 {
            let [t2, t1, t0] = self.octets()?;
            time = Some(u32::from_be_bytes([0, t2, t1, t0]));
            chunks.extended = time == Some(0xff_ffff);
        }
        if format < 2 {
            let [l2, l1, l0, kind] = self.octets()?;
            chunks.length = u32::from_be_bytes([0, l2, l1, l0]) as usize;
            chunks.kind = kind;
        }
        if format == 0 {
            chunks.stream = u32::from_le_bytes(self.octets()?);
        }
        if chunks.extended {
            let long = u32::from_be_bytes(self.octets()?);
            if time.is_some() {
                time = Some(long);
            }
        }
        match (format, time) {
            (0, Some(time)) => (chunks.time, chunks.delta) = (time, 0),
            (_, Some(delta)) => {
                chunks.delta = delta;
                chunks.time = chunks.time.wrapping_add(delta);
            }
            _ if is_new => chunks.time = chunks.time.wrapping_add(chunks.delta),
            _ => {}
        }
        (chunks.length <= MOST).then_some(())?;
        if is_new {
            chunks.at = begin;
        }
        let wanted = (chunks.length - chunks.body.len()).min(self.size);
        let body = self.octets.get(self.at..self.at + wanted)?;
        self.at += wanted;
        chunks.body.extend_from_slice(body);
        let message = (chunks.body.len() == chunks.length).then(|| Message {
            kind: chunks.kind,
            time: chunks.time,
            stream: chunks.stream,
            body: std::mem::take(&mut chunks.body),
            at: chunks.at,
        });
        self.streams.insert(id, chunks);
        Some(message)
    }
}

impl Iterator for Reader<'_> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        loop {
            // A chunk without a body ends a message of no length.
            if let Some(message) = self.chunk()? {
                if !message.is_plausible() {
                    return None;
                }
                if message.kind == kind::CHUNK_SIZE {
                    let size = u32::from_be_bytes(*message.body.first_chunk()?);
                    self.size = usize::try_from(size & 0x7fff_ffff).ok()?.clamp(1, MOST);
                }
                return Some(message);
            }
        }
    }
}

/// Media of some messages as a file of Flash video.
pub fn flash_video(messages: &[Message], most: usize) -> Vec<u8> {
    let mut file = flv::HEADER.to_vec();
    for message in messages {
        if file.len() + message.body.len() > most {
            break;
        }
        match message.kind {
            kind::AUDIO | kind::VIDEO if !message.body.is_empty() => {
                flv::push(&mut file, message.kind, message.time, &message.body);
            }
            kind::AGGREGATE => {
                let mut at = 0;
                while let Some((tag, next)) = flv::tag(&message.body, at) {
                    flv::push(&mut file, tag.kind, tag.time, tag.body);
                    at = next;
                }
            }
            _ => {}
        }
    }
    file
}

/// A chunk stream as senders make it, for tests.
#[cfg(test)]
pub mod made {
    /// A message in chunks of that size.
    pub fn message(id: u8, kind: u8, time: u32, body: &[u8], size: usize) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        let time = time.to_be_bytes();
        let mut octets = vec![id, time[1], time[2], time[3]];
        octets.extend([length[1], length[2], length[3], kind, 1, 0, 0, 0]);
        for (number, part) in body.chunks(size).enumerate() {
            if number > 0 {
                octets.push(0xc0 | id);
            }
            octets.extend(part);
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stream(octets: &[u8]) -> Stream {
        let mut stream = Stream::default();
        stream.push(octets, 1, 0, 0);
        stream
    }

    fn published(size: usize) -> Vec<u8> {
        let mut octets = made::message(3, kind::COMMAND, 0, b"\x02\x00\x07connect\x00", 128);
        octets.extend(made::message(
            2,
            kind::CHUNK_SIZE,
            0,
            &(size as u32).to_be_bytes(),
            128,
        ));
        for time in 0..6 {
            let mut body = vec![0x17, 1, 0, 0, 0];
            body.extend([7; 9000]);
            octets.extend(made::message(6, kind::VIDEO, time * 40, &body, size));
            octets.extend(made::message(
                4,
                kind::AUDIO,
                time * 40,
                &[0xaf, 1, 9, 9],
                size,
            ));
        }
        octets
    }

    #[test]
    fn messages_are_put_together() {
        let octets = [&[3][..], &[9; HANDSHAKE - 1], &published(4096)].concat();
        let found = messages(&stream(&octets));
        let kinds: Vec<_> = found.iter().map(|m| m.kind).take(5).collect();
        assert_eq!(kinds, [20, 1, 9, 8, 9]);
        assert_eq!((found.len(), found[0].command()), (14, Some("connect")));
        assert_eq!((found[4].time, found[4].body.len()), (40, 9005));
        let file = flash_video(&found, 1 << 20);
        assert!(flv::tag(&file, flv::first(&file).unwrap()).is_some());
    }

    #[test]
    fn a_stream_is_joined_anywhere_and_behind_a_gap() {
        let whole = published(4096);
        let found = messages(&stream(&whole[5000..]));
        assert!(found.len() >= 8, "{}", found.len());
        let octets = [&[3][..], &[9; HANDSHAKE - 1], &whole].concat();
        let mut torn = stream(&[&octets[..20_000], &octets[23_000..]].concat());
        torn.gaps = vec![20_000];
        let kinds = messages(&torn);
        assert!(kinds.len() >= 10, "{}", kinds.len());
    }

    proptest! {
        #[test]
        fn hostile_octets_never_panic(
            octets in prop::collection::vec(prop_oneof![Just(0), Just(9), Just(4), any::<u8>()], 0..300),
        ) {
            let _ = messages(&stream(&octets));
            let behind = [&[3][..], &[9; HANDSHAKE - 1], &octets].concat();
            let _ = flash_video(&messages(&stream(&behind)), 1000);
        }
    }
}
