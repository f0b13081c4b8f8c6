//! Searches, for the plaintext of one camera, what other cameras, other programs
//! and chance make: what is found is a false alarm.
//!
//! `decoys [GIGABYTES] [MINUTES]`: so many gigabytes are searched for raw plaintext
//! (100 if not given) in at most two thirds of so many minutes (15), and then more
//! for all disguises until they are over. To make the videos comes before.
//!
//! Two cameras of one maker draw captions, clocks and marks alike, so their videos
//! do have short runs of octets in common. Those are counted apart: of them, only
//! one of 128 octets or more is a false alarm. Prints what was searched and found;
//! fails if there was a false alarm or too little was searched.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use lightleak_case::{Ledger, Track};
use lightleak_judge::adversary::known_plaintext::{Hit, Index};
use lightleak_sim::h264::{Encoder, EncoderConfig};
use lightleak_sim::scene::{Scene, SceneConfig};

/// Octets that are searched at once.
const BUFFER: usize = 16 << 20;

/// Octets of video of each camera.
const VIDEO: usize = 4 << 20;

/// Other cameras.
const CAMERAS: u64 = 24;

const STREAM: EncoderConfig = EncoderConfig {
    width: 640,
    height: 360,
    frames_per_second: 15,
    bits_per_second: 3_000_000,
    key_frame_interval: 60,
};

/// Octets of a run that two videos never have in common.
const ALARM: usize = 128;

/// What is searched, whether it is video of other cameras, and how it is made.
const KINDS: &[(&str, bool, Make)] = &[
    ("random octets", false, random),
    ("video of other cameras", true, video),
    ("the same in RTP packets", true, packets),
    ("the same under repeating XOR", true, hidden),
    ("the same in base64", true, base64),
    ("RTSP, HTTP, SDP, JSON", false, text),
    ("records like those of TLS", false, records),
    ("runs, counters, tables", false, tables),
];

/// Fills the buffer.
type Make = fn(&mut Random, &Pool, &mut Vec<u8>);

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |otherwise: u64| arguments.next().map_or(Ok(otherwise), |a| a.parse());
    let (gigabytes, minutes) = (number(100)?, number(15)?);
    let began = Instant::now();

    let tracks: Vec<Track> = parallel(0..CAMERAS + 2, camera)?;
    let ledgers: Vec<Ledger> = tracks[..2].iter().map(ledger).collect();
    let index = Index::new(&ledgers[0], &ledgers[1]);
    let pool = Pool {
        tracks: &tracks[2..],
    };
    println!(
        "looking for {} octets of one camera; {CAMERAS} others made in {} s",
        ledgers[0].tracks["video"].bytes.len(),
        began.elapsed().as_secs()
    );

    let began = Instant::now();
    let goal = gigabytes * 1_000_000_000;
    let time = Duration::from_secs(60 * minutes);
    let raw = Tally::new("raw");
    raw.search(&pool, goal, began + time * 2 / 3, |octets| {
        index.search_raw(octets, 4)
    })?;
    let all = Tally::new("all disguises");
    all.search(&pool, u64::MAX, began + time, |octets| {
        index.search(octets, 4)
    })?;

    let alarms = raw.print()? + all.print()?;
    let searched = raw.octets() as f64 / 1e9;
    println!("\n{} s of searching", began.elapsed().as_secs());
    if raw.octets() < goal {
        println!("only {searched:.1} of {gigabytes} GB: the time was over");
    }
    Ok(if alarms == 0 && raw.octets() >= goal {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The video of other cameras.
struct Pool<'a> {
    tracks: &'a [Track],
}

impl Pool<'_> {
    /// Octets of a camera from anywhere in its video.
    fn piece(&self, random: &mut Random, length: usize) -> &[u8] {
        let octets = &self.tracks[random.below(self.tracks.len())].bytes;
        let start = random.below(octets.len());
        &octets[start..octets.len().min(start + length)]
    }
}

/// What was searched in one way.
struct Tally {
    name: &'static str,
    octets: Vec<AtomicU64>,
    /// False alarms.
    alarms: Vec<AtomicU64>,
    /// For each kind the runs in common: where in the ledger, and how long.
    common: Mutex<Vec<BTreeMap<usize, usize>>>,
    next: AtomicU64,
    time: Mutex<Duration>,
}

impl Tally {
    fn new(name: &'static str) -> Self {
        let zeros = || KINDS.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            name,
            octets: zeros(),
            alarms: zeros(),
            common: Mutex::new(vec![BTreeMap::new(); KINDS.len()]),
            next: AtomicU64::new(0),
            time: Mutex::default(),
        }
    }

    /// Searches buffers of each kind in turn up to the goal or the deadline.
    fn search(
        &self,
        pool: &Pool<'_>,
        goal: u64,
        deadline: Instant,
        search: impl Fn(&[u8]) -> Vec<Hit> + Sync,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let threads = std::thread::available_parallelism()?.get() as u64;
        parallel(0..threads, |_| {
            let mut buffer = Vec::with_capacity(BUFFER + (1 << 16));
            while self.octets() < goal && Instant::now() < deadline {
                let turn = self.next.fetch_add(1, Ordering::Relaxed);
                let kind = turn as usize % KINDS.len();
                let mut random = Random::new(turn ^ (self.name.len() as u64) << 48);
                buffer.clear();
                (KINDS[kind].2)(&mut random, pool, &mut buffer);
                for hit in search(&buffer) {
                    self.judge(kind, hit)?;
                }
                self.octets[kind].fetch_add(buffer.len() as u64, Ordering::Relaxed);
            }
            Ok(())
        })?;
        *self.time.lock().map_err(|_| "a thread failed")? = began.elapsed();
        Ok(())
    }

    fn judge(&self, kind: usize, hit: Hit) -> Result<(), Failure> {
        let (name, is_video, _) = KINDS[kind];
        if is_video && hit.matched < ALARM {
            let mut common = self.common.lock().map_err(|_| "a thread failed")?;
            common[kind].insert(hit.ledger_offset, hit.matched);
        } else {
            println!("false alarm in {name}: {hit:?}");
            self.alarms[kind].fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn octets(&self) -> u64 {
        self.octets.iter().map(|n| n.load(Ordering::Relaxed)).sum()
    }

    /// Prints a table; how many false alarms there were.
    fn print(&self) -> Result<u64, Failure> {
        let time = *self.time.lock().map_err(|_| "a thread failed")?;
        let common = self.common.lock().map_err(|_| "a thread failed")?;
        println!(
            "\n| {} | GB | false alarms | runs in common | longest |",
            self.name
        );
        println!("|---|---:|---:|---:|---:|");
        let mut total = 0;
        for (number, (name, ..)) in KINDS.iter().enumerate() {
            let alarms = self.alarms[number].load(Ordering::Relaxed);
            let gigabytes = self.octets[number].load(Ordering::Relaxed) as f64 / 1e9;
            let longest = common[number].values().max().unwrap_or(&0);
            let runs = common[number].len();
            println!("| {name} | {gigabytes:.2} | {alarms} | {runs} | {longest} |");
            total += alarms;
        }
        let gigabytes = self.octets() as f64 / 1e9;
        println!(
            "| all, in {} s | {gigabytes:.2} | {total} | | |",
            time.as_secs()
        );
        Ok(total)
    }
}

/// The results of `work`, done by as many threads as there are processors.
fn parallel<T: Send>(
    range: std::ops::Range<u64>,
    work: impl Fn(u64) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let next = AtomicU64::new(range.start);
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism()?.get();
    std::thread::scope(|scope| {
        let run = || -> Result<(), Failure> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= range.end {
                    return Ok(());
                }
                let result = work(number)?;
                done.lock()
                    .map_err(|_| "a thread failed")?
                    .push((number, result));
            }
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| "a thread failed")?)
    })?;
    let mut done = done.into_inner().map_err(|_| "a thread failed")?;
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, result)| result).collect())
}

/// The video of the camera with that seed; name, date and mark are its own.
fn camera(seed: u64) -> Result<Track, Failure> {
    let mut scene = Scene::new(SceneConfig {
        seed,
        width: STREAM.width,
        height: STREAM.height,
        frames_per_second: STREAM.frames_per_second,
        name: name(seed),
        unit: Random::new(seed).next() as u16,
        nonce: Random::new(!seed).next() as u32,
    })?;
    let mut encoder = Encoder::new(STREAM, seed)?;
    let mut track = Track::default();
    for frame in 0.. {
        let taken = Duration::from_secs(1_000_000_000 + 40_000_123 * seed)
            + Duration::from_secs(1) * frame / STREAM.frames_per_second;
        let unit = encoder.encode(scene.draw(frame, taken), frame, taken)?;
        let nanoseconds = u64::try_from(taken.as_nanos())?;
        track.push(&unit.nal_units, frame, nanoseconds, unit.key_frame);
        if track.bytes.len() >= VIDEO {
            break;
        }
    }
    Ok(track)
}

/// Ten letters.
fn name(seed: u64) -> String {
    (0..10)
        .map(|place| char::from(b'A' + ((5 * seed + 7 * place + seed * place) % 26) as u8))
        .collect()
}

fn ledger(track: &Track) -> Ledger {
    Ledger {
        tracks: [("video".to_string(), track.clone())].into(),
    }
}

fn random(random: &mut Random, _: &Pool<'_>, buffer: &mut Vec<u8>) {
    random.fill(buffer, BUFFER);
}

fn video(random: &mut Random, pool: &Pool<'_>, buffer: &mut Vec<u8>) {
    while buffer.len() < BUFFER {
        buffer.extend_from_slice(pool.piece(random, VIDEO));
    }
}

fn packets(random: &mut Random, pool: &Pool<'_>, buffer: &mut Vec<u8>) {
    let mut sequence = random.next() as u16;
    while buffer.len() < BUFFER {
        for payload in pool.piece(random, VIDEO).chunks(1186) {
            sequence = sequence.wrapping_add(1);
            buffer.extend_from_slice(&[0x80, 96]);
            buffer.extend_from_slice(&sequence.to_be_bytes());
            buffer.extend_from_slice(&[0, 1, sequence.to_be_bytes()[0], 0, 1, 2, 3, 4, 0x7C, 0x41]);
            buffer.extend_from_slice(payload);
        }
    }
}

fn hidden(random: &mut Random, pool: &Pool<'_>, buffer: &mut Vec<u8>) {
    while buffer.len() < BUFFER {
        let mut key = Vec::new();
        let period = 1 + random.below(64);
        random.fill(&mut key, period);
        let plain = pool.piece(random, VIDEO);
        buffer.extend(plain.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
    }
}

fn base64(random: &mut Random, pool: &Pool<'_>, buffer: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while buffer.len() < BUFFER {
        for [a, b, c] in pool.piece(random, VIDEO).as_chunks().0 {
            let bits = u32::from_be_bytes([0, *a, *b, *c]);
            buffer.extend([18, 12, 6, 0].map(|shift| ALPHABET[(bits >> shift & 63) as usize]));
        }
        buffer.extend_from_slice(b"\"}\r\n{\"picture\":\"");
    }
}

fn text(random: &mut Random, _: &Pool<'_>, buffer: &mut Vec<u8>) {
    while buffer.len() < BUFFER {
        let (id, time) = (random.next(), 1_700_000_000 + random.below(100_000_000));
        let (a, b) = (random.below(256), random.below(256));
        let line = match random.below(5) {
            0 => format!(
                "RTSP/1.0 200 OK\r\nCSeq: {a}\r\nSession: {id:016X};timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n"
            ),
            1 => format!(
                "GET /cgi-bin/snapshot?ch={a}&t={time} HTTP/1.1\r\nHost: 192.0.2.{b}\r\nAuthorization: Digest nonce=\"{id:032x}\"\r\n\r\n"
            ),
            2 => format!(
                "v=0\r\no=- {id} 1 IN IP4 192.0.2.{b}\r\ns=Camera {a}\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track{b}\r\n"
            ),
            3 => format!(
                "{{\"event\":\"motion\",\"zone\":{a},\"score\":0.{b},\"time\":{time},\"id\":\"{id:x}\"}}\n"
            ),
            _ => format!(
                "{time} kernel: eth0: link up, {a} Mbps, address 02:00:00:{a:02x}:{b:02x}:01\n"
            ),
        };
        buffer.extend_from_slice(line.as_bytes());
    }
}

fn records(random: &mut Random, _: &Pool<'_>, buffer: &mut Vec<u8>) {
    while buffer.len() < BUFFER {
        let length = 24 + random.below(16_000);
        let sizes = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
        buffer.extend_from_slice(&[0x17, 3, 3, sizes[0], sizes[1]]);
        let end = buffer.len() + length;
        random.fill(buffer, end);
    }
}

fn tables(random: &mut Random, _: &Pool<'_>, buffer: &mut Vec<u8>) {
    while buffer.len() < BUFFER {
        let length = 1000 + random.below(50_000);
        let (first, step) = (random.next(), random.below(5) as u64);
        match random.below(5) {
            0 => buffer.resize(buffer.len() + length, first as u8),
            1 => buffer.extend((0..length).map(|i| (i / (1 + first as usize % 9)) as u8)),
            2 => {
                (0..length as u64 / 8).for_each(|i| buffer.extend((first + i * step).to_be_bytes()))
            }
            3 => (0..length as u32 / 4)
                .for_each(|i| buffer.extend((first as u32).wrapping_add(i).to_le_bytes())),
            _ => {
                let mut pattern = Vec::new();
                random.fill(&mut pattern, 2 + random.clone().below(300));
                buffer.extend(pattern.iter().cycle().take(length));
            }
        }
    }
}

/// Octets of splitmix64.
#[derive(Clone)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Up to `length` octets in all.
    fn fill(&mut self, octets: &mut Vec<u8>, length: usize) {
        while octets.len() < length {
            octets.extend_from_slice(&self.next().to_le_bytes());
        }
        octets.truncate(length);
    }
}
