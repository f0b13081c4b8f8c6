//! Makes the corpus from recorded cases: seeds CORPUS CASE..
//!
//! One small input per target and stimulus, cut from the beginning of what was
//! captured and, for RTSP and RTP, opened. A seed that is there already stays.

#![forbid(unsafe_code)]

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use lightleak_case::{Case, PcapngWriter, Session, Vantage};
use lightleak_fuzz::{SEPARATOR, packed};
use lightleak_judge::{
    dissect::{
        self, Flow, Stream,
        demux::Kind,
        dtls, rtp, rtsp,
        tls::{self, Message, TlsReading, flight},
    },
    open::{
        self,
        age::{self, Identities},
        hpke,
        keylog::KeyLog,
    },
};

/// How many packets of a capture a seed has at most.
const PACKETS: usize = 40;
/// How many octets of a stream a seed has at most.
const OCTETS: usize = 3000;

/// A connection as the target `tcp` writes it: opened, some data each way, a
/// part sent again, one segment that overtook another, closed; across the end
/// of sequence space.
const SEGMENTS: [[u8; 8]; 10] = [
    [0, SYN, 0, 255, 255, 200, 0, 0],
    [1, SYN | ACK, 0, 255, 255, 100, 255, 201],
    [0, ACK, 40, 255, 255, 201, 255, 101],
    [1, ACK, 100, 255, 255, 101, 255, 241],
    [1, ACK, 50, 255, 255, 151, 255, 241],
    [0, ACK, 30, 0, 0, 10, 0, 0],
    [0, ACK, 25, 255, 255, 241, 255, 201],
    [0, ACK, 20, 0, 0, 40, 0, 0],
    [0, ACK | FIN, 0, 0, 0, 60, 0, 0],
    [1, ACK | FIN, 0, 255, 255, 201, 0, 61],
];
const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = env::args_os().skip(1).map(PathBuf::from);
    let corpus = folders.next().ok_or("usage: seeds CORPUS CASE..")?;
    Seeds::new(&corpus, "connection").write("tcp", SEGMENTS.as_flattened())?;
    for root in folders {
        let case = Case::read(&root)?;
        for session in &case.sessions {
            let record = &session.record;
            let seeds = Seeds::new(&corpus, &format!("{}-{}", record.path, record.stimulus));
            seeds.case(&root, session)?;
            seeds.capture(session)?;
            seeds.clip(session)?;
            seeds.envelope(session)?;
            seeds.clip_list(session, case.declaration.device.clip_list_key.as_deref())?;
        }
    }
    Ok(())
}

struct Seeds<'a> {
    corpus: &'a Path,
    name: String,
}

impl<'a> Seeds<'a> {
    fn new(corpus: &'a Path, name: &str) -> Self {
        Self {
            corpus,
            name: name.to_owned(),
        }
    }

    fn write(&self, target: &str, octets: &[u8]) -> io::Result<()> {
        let folder = self.corpus.join(target);
        fs::create_dir_all(&folder)?;
        let file = folder.join(&self.name);
        match file.exists() {
            true => Ok(()),
            false => fs::write(file, octets),
        }
    }

    /// The texts whole but for long ones, of which the first lines.
    fn case(&self, root: &Path, session: &Session) -> Result<(), Box<dyn Error>> {
        let folder = root.join(&session.folder);
        let lines = |path: PathBuf| -> io::Result<Vec<u8>> {
            let text = fs::read_to_string(path).or_else(|e| match e.kind() {
                io::ErrorKind::NotFound => Ok(String::new()),
                _ => Err(e),
            })?;
            let lines: String = text.split_inclusive('\n').take(8).collect();
            Ok(lines.into_bytes())
        };
        let units = session.ledger.tracks.get("video").map_or(0, |track| {
            let ends = track.units.iter().take(8).map(|u| u.offset + u.length);
            ends.max().unwrap_or(0)
        });
        let parts = [
            fs::read(root.join("declaration.toml"))?,
            fs::read(folder.join("session.toml"))?,
            lines(folder.join("keys.log"))?,
            lines(folder.join("ledger/video.idx"))?,
            vec![0; units.min(OCTETS)],
            lines(folder.join("log.txt"))?,
        ];
        self.write("case", &parts.join(SEPARATOR))?;
        Ok(())
    }

    /// What the owner would store, and the beginning of what the camera stored.
    fn clip(&self, session: &Session) -> Result<(), Box<dyn Error>> {
        let owner = session
            .keys
            .iter()
            .find_map(|line| Some((line, line.strip_prefix("AGE_IDENTITY ")?)));
        let mut clips = session.rest.iter().flatten();
        let clip = clips.find(|(name, _)| name.ends_with(".age"));
        let (Some((line, owner)), Some((_, clip))) = (owner, clip) else {
            return Ok(());
        };
        let recipient = owner.split(' ').next().unwrap_or_default();
        let sealed = Command::new("age")
            .args(["--recipient", recipient, "Cargo.toml"])
            .output()?;
        let identity = line.as_bytes();
        let whole = [identity, &sealed.stdout].join(SEPARATOR);
        self.write("age", &whole)?;
        let identities = Identities::parse([line.as_str()]);
        let movie = age::open(clip, &identities)?.plaintext;
        self.write("mp4", &movie[..movie.len().min(OCTETS)])?;
        let cut = Seeds::new(self.corpus, &format!("{}-cut", self.name));
        let start = &clip[..clip.len().min(OCTETS)];
        cut.write("age", &[identity, start].join(SEPARATOR))?;
        Ok(())
    }

    /// The smallest file that is sealed to the owner, and the beginning of the
    /// largest.
    fn envelope(&self, session: &Session) -> io::Result<()> {
        let mut keys = session.keys.iter();
        let key = keys.find(|line| line.starts_with("HPKE_PRIVATE_KEY "));
        let files = session.rest.iter().flatten().map(|(_, file)| file);
        let mut sealed: Vec<_> = files.filter(|file| hpke::looks_like(file)).collect();
        sealed.sort_by_key(|file| file.len());
        let (Some(key), [smallest, .., largest]) = (key, &sealed[..]) else {
            return Ok(());
        };
        self.write("hpke", &[key.as_bytes(), smallest].join(SEPARATOR))?;
        let cut = Seeds::new(self.corpus, &format!("{}-cut", self.name));
        let start = &largest[..largest.len().min(400)];
        cut.write("hpke", &[key.as_bytes(), start].join(SEPARATOR))
    }

    fn clip_list(&self, session: &Session, key: Option<&str>) -> io::Result<()> {
        let mut lists = session.rest.iter().flatten();
        let list = lists.find(|(name, _)| name.ends_with(".txt"));
        match (key, list) {
            (Some(key), Some((_, list))) => {
                self.write("clip_list", &[key.as_bytes(), list].join(SEPARATOR))
            }
            _ => Ok(()),
        }
    }

    fn capture(&self, session: &Session) -> Result<(), Box<dyn Error>> {
        let Some(capture) = session.captures.get(&Vantage::Wire) else {
            return Ok(());
        };
        let first = capture.packets.iter().take(PACKETS);
        let mut writer = PcapngWriter::new(Vec::new(), "tap", "cut")?;
        for packet in first.clone() {
            writer.packet(packet.time_ns, &packet.data)?;
        }
        self.write("pcapng", &writer.finish(0, 0)?)?;

        let mut frames = vec![0, 1];
        frames.extend(packed(first.map(|packet| &packet.data[..])));
        self.write("frames", &frames)?;

        let traffic = dissect::dissect(capture);
        let keys = KeyLog::parse(session.keys.iter().map(String::as_str));
        for flow in &traffic.flows {
            self.datagrams(session, flow)?;
            let Some(reading) = tls::read(flow).filter(|r| r.server_hello.is_some()) else {
                continue;
            };
            self.tls(session, flow)?;
            if let Ok(opened) = open::open(flow, &reading, &keys) {
                self.certificate(&opened.handshake_b, &reading)?;
                self.dialogue(&opened.from_a, &opened.from_b)?;
            }
        }
        Ok(())
    }

    fn tls(&self, session: &Session, flow: &Flow) -> io::Result<()> {
        let sides = [&flow.from_a, &flow.from_b].map(|side| {
            let pieces = side.parts().map(|(_, data)| data);
            let mut left = OCTETS;
            packed(pieces.take_while(|data| {
                let fits = data.len() <= left;
                left = left.saturating_sub(data.len());
                fits
            }))
        });
        let keys = session.keys.join("\n").into_bytes();
        let [from_a, from_b] = sides;
        self.write("tls", &[keys, from_a, from_b].join(SEPARATOR))
    }

    /// STUN and DTLS of a flow of WebRTC.
    fn datagrams(&self, session: &Session, flow: &Flow) -> io::Result<()> {
        if dtls::read(flow).is_none() {
            return Ok(());
        }
        let of = |stream: &Stream, kind: Kind, most: usize| {
            let datagrams = stream.parts().map(|(_, octets)| octets);
            let datagrams = datagrams.filter(|octets| Kind::of(octets) == kind);
            packed(datagrams.take(most))
        };
        let stun = [&flow.from_a, &flow.from_b].map(|side| of(side, Kind::Stun, 6));
        self.write("stun", &stun.concat())?;
        let keys = session.keys.join("\n").into_bytes();
        let [from_a, from_b] = [&flow.from_a, &flow.from_b].map(|side| of(side, Kind::Dtls, 20));
        self.write("dtls", &[keys, from_a, from_b].join(SEPARATOR))
    }

    fn certificate(&self, handshake: &[Message], reading: &TlsReading) -> io::Result<()> {
        let version = reading.server_hello.map_or(0, |hello| hello.version);
        let mut lists = handshake
            .iter()
            .filter_map(|m| flight::certificates(m, version));
        match lists.next().as_deref() {
            Some([der, ..]) => self.write("x509", der),
            _ => Ok(()),
        }
    }

    /// The dialogue up to the first media, and the media.
    fn dialogue(&self, from_a: &Stream, from_b: &Stream) -> io::Result<()> {
        let start = |stream: &Stream| stream.bytes[..stream.bytes.len().min(OCTETS)].to_vec();
        self.write("rtsp", &[start(from_a), start(from_b)].join(SEPARATOR))?;
        let frames = rtsp::frames(from_b);
        let payloads = frames
            .iter()
            .map(|frame| &from_b.bytes[frame.payload.clone()]);
        let media: Vec<_> = payloads.filter(|p| rtp::is_rtp(p)).take(6).collect();
        match media.is_empty() {
            true => Ok(()),
            false => self.write("rtp", &packed(media)),
        }
    }
}
