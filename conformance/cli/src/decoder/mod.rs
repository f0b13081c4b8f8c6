//! Decoding in a child process: this program, started again as a decoder, in a
//! sandbox. Whatever a hostile stream does to it, it does not do to us.
//!
//! The child's first argument names what it decodes. On its standard input: an Annex B
//! byte stream or a file, to its end. On its standard output, per picture: width and
//! height (32 bits each, big-endian), one octet that is 1 if a part was missing, then
//! the planes Y, U and V. As ffmpeg it writes what ffmpeg writes.

mod child;
mod exact;
mod ffmpeg;
mod sandbox;
mod scan;
mod still;
mod wave;

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

use lightleak_judge::decoder::{Decoder, DecoderError, Elementary, Format, Picture, Playing};
use rustix::fs::{MemfdFlags, memfd_create};

pub use child::run as child;

/// First argument that makes this program a decoder.
pub const CHILD_ARGUMENT: &str = "decode-standard-input";

/// How long a decoder may take.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How long ffmpeg may take for a file.
const PLAYER_TIME_LIMIT: Duration = Duration::from_secs(20);

/// Pictures that are kept of a file that is played; the others are counted.
const MOST_KEPT: usize = 32;

/// Octets that are taken of what ffmpeg writes: a minute of sound in many channels, or
/// 300 pictures of 1920 x 1080.
const MOST_WRITTEN: u64 = 1 << 30;

/// Octets that are taken of what it says.
const MOST_SAID: u64 = 1 << 16;

/// The largest picture that is taken from a child, in luma samples.
const LARGEST_PICTURE: usize = 8192 * 8192;

/// Starts `program` as a decoder.
#[derive(Clone, Debug)]
pub struct ChildDecoder {
    program: PathBuf,
    time_limit: Duration,
}

impl ChildDecoder {
    /// `program` is lightleak itself.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            time_limit: TIME_LIMIT,
        }
    }

    /// The same, with another limit than a minute.
    pub fn with_time_limit(self, time_limit: Duration) -> Self {
        Self { time_limit, ..self }
    }

    /// The running program.
    pub fn this_program() -> io::Result<Self> {
        // Still this program when its file was replaced in the meantime.
        let this = PathBuf::from("/proc/self/exe");
        if this.exists() {
            Ok(Self::new(this))
        } else {
            std::env::current_exe().map(Self::new)
        }
    }
}

impl Decoder for ChildDecoder {
    fn decode(&self, annex_b: &[u8], limit: usize) -> Result<Vec<Picture>, DecoderError> {
        let decoded = self.decode_keeping(Format::H264, annex_b, limit, limit)?;
        Ok(decoded.kept)
    }

    fn play(&self, file: &Elementary, limit: usize) -> Result<Option<Playing>, DecoderError> {
        match file.format {
            Format::H264 | Format::Jpeg | Format::Png | Format::WebP => {
                let kept = limit.min(MOST_KEPT);
                let decoded = self.decode_keeping(file.format, &file.octets, limit, kept)?;
                if file.format == Format::H264 && decoded.whole == 0 {
                    // Interlaced, or of a profile that openh264 does not have.
                    let played = self.play_with_ffmpeg(file, limit)?;
                    return Ok(Some(played.unwrap_or_default()));
                }
                Ok(Some(Playing {
                    frames: decoded.whole,
                    ..Playing::of(decoded.kept)
                }))
            }
            Format::Wav => match wave::sound(&file.octets) {
                Some(sound) => Ok(Some(Playing {
                    sound: Some(sound),
                    ..Playing::default()
                })),
                None => self.play_with_ffmpeg(file, limit),
            },
            _ => self.play_with_ffmpeg(file, limit),
        }
    }
}

/// What came of a child.
struct Decoded {
    /// Pictures without damage.
    whole: usize,
    kept: Vec<Picture>,
}

impl ChildDecoder {
    fn decode_keeping(
        &self,
        format: Format,
        file: &[u8],
        limit: usize,
        kept: usize,
    ) -> Result<Decoded, DecoderError> {
        let mut child = Command::new(&self.program)
            .args([CHILD_ARGUMENT, format.extension(), &limit.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| DecoderError(format!("could not be started: {e}")))?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (mut input, mut output) = pipes.ok_or(DecoderError("has no pipes".into()))?;
        let (result, status) = std::thread::scope(|scope| {
            // A child that crashed reads no more: its status tells.
            scope.spawn(move || input.write_all(file));
            let read = move || read_pictures(&mut output, limit, kept);
            watch(&mut child, self.time_limit, read)
        })?;
        match result {
            Ok(decoded) if status.success() => Ok(decoded),
            Ok(_) => Err(DecoderError(format!("crashed: {status}"))),
            Err(error) => Err(DecoderError(format!("crashed: {error}"))),
        }
    }

    fn play_with_ffmpeg(
        &self,
        file: &Elementary,
        limit: usize,
    ) -> Result<Option<Playing>, DecoderError> {
        let mut playing = None;
        for kind in ffmpeg::kinds(file.format) {
            let Some((written, said)) = self.run_ffmpeg(*kind, file, limit)? else {
                continue;
            };
            let playing = playing.get_or_insert_with(Playing::default);
            match kind {
                ffmpeg::Kind::Pictures => {
                    let pictures = ffmpeg::pictures(&written, limit.min(MOST_KEPT));
                    *playing = ffmpeg::without_errors(pictures, &said);
                    if playing.frames > 0 && !self.is_exact(file)? {
                        *playing = Playing::default();
                    }
                }
                ffmpeg::Kind::Sound => playing.sound = wave::sound(&written),
            }
        }
        Ok(playing)
    }

    /// Whether most of the pictures that are asked end where their octets end.
    fn is_exact(&self, file: &Elementary) -> Result<bool, DecoderError> {
        let format = file.format;
        if !exact::is_asked(format, &file.octets) {
            return Ok(true);
        }
        let last = |octets: Vec<u8>| {
            let file = Elementary { format, octets };
            let written = self.run_ffmpeg(ffmpeg::Kind::Pictures, &file, MOST_KEPT)?;
            let mut playing = ffmpeg::pictures(&written.unwrap_or_default().0, MOST_KEPT);
            Ok::<_, DecoderError>(playing.pictures.pop())
        };
        let (mut asked, mut ended) = (0, 0);
        for probe in exact::probes(format, &file.octets) {
            let Some(original) = last(probe.original)? else {
                continue;
            };
            asked += 1;
            let changes = last(probe.changed)?.as_ref() != Some(&original);
            if changes && last(probe.extended)?.as_ref() == Some(&original) {
                ended += 1;
            }
        }
        Ok(2 * ended > asked)
    }

    /// What it wrote and said; nothing if it is not there or does not know such files.
    fn run_ffmpeg(
        &self,
        kind: ffmpeg::Kind,
        file: &Elementary,
        limit: usize,
    ) -> Result<Option<(Vec<u8>, String)>, DecoderError> {
        let failed = |what: &str, e: io::Error| DecoderError(format!("{what}: {e}"));
        let input = in_memory(&file.octets).map_err(|e| failed("has no input", e))?;
        let extension = file.format.extension();
        let mut child = Command::new(&self.program)
            .args([CHILD_ARGUMENT, kind.name(), &limit.to_string(), extension])
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| failed("could not be started", e))?;
        let pipes = child.stdout.take().zip(child.stderr.take());
        let (output, said) = pipes.ok_or(DecoderError("has no pipes".into()))?;
        let limit = self.time_limit.min(PLAYER_TIME_LIMIT);
        let (result, status, said) = std::thread::scope(|scope| {
            let said = scope.spawn(move || {
                let mut text = Vec::new();
                let mut said = said;
                // What is not kept is read all the same: a full pipe would stop it.
                let read = said.by_ref().take(MOST_SAID).read_to_end(&mut text);
                let _ = read.and_then(|_| io::copy(&mut said, &mut io::sink()));
                text
            });
            let read = move || {
                let mut written = Vec::new();
                output.take(MOST_WRITTEN).read_to_end(&mut written)?;
                Ok(written)
            };
            let (result, status) = watch(&mut child, limit, read)?;
            Ok::<_, DecoderError>((result, status, said.join().unwrap_or_default()))
        })?;
        let written = result.map_err(|e| failed("could not be read", e))?;
        let said = String::from_utf8_lossy(&said).into_owned();
        match status.code() {
            None => Err(DecoderError(format!("crashed: {status}"))),
            Some(code) if code == i32::from(ffmpeg::MISSING) => Ok(None),
            // With an error at the end of what could be played.
            Some(_) if ffmpeg::is_unknown(&said) => Ok(None),
            Some(_) => Ok(Some((written, said))),
        }
    }
}

/// A file that has no name and is nowhere but in memory.
fn in_memory(octets: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("media", MemfdFlags::CLOEXEC)?);
    file.write_all(octets)?;
    file.rewind()?;
    Ok(file)
}

/// Has a thread read what the child writes, and ends the child when it takes too long.
fn watch<T: Send + 'static>(
    child: &mut Child,
    time_limit: Duration,
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<(io::Result<T>, ExitStatus), DecoderError> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        // Nobody waits any more for one that took too long.
        let _ = sender.send(read());
    });
    let result = receiver.recv_timeout(time_limit);
    if !matches!(result, Ok(Ok(_))) {
        let _ = child.kill();
    }
    // After its output has ended, it is about to end as well.
    let status = child
        .wait()
        .map_err(|e| DecoderError(format!("could not be ended: {e}")))?;
    match result {
        Ok(result) => Ok((result, status)),
        Err(_) => Err(DecoderError(format!("took more than {time_limit:?}"))),
    }
}

fn read_pictures(output: &mut impl Read, limit: usize, kept: usize) -> io::Result<Decoded> {
    let mut decoded = Decoded {
        whole: 0,
        kept: Vec::new(),
    };
    let mut pictures = 0;
    let mut header = [0; 9];
    loop {
        match output.read(&mut header[..1])? {
            0 => return Ok(decoded),
            _ => output.read_exact(&mut header[1..])?,
        }
        let number = |at: usize| {
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
                as usize
        };
        let (width, height) = (number(0), number(4));
        let sound = width
            .checked_mul(height)
            .is_some_and(|n| n <= LARGEST_PICTURE);
        if !sound || pictures >= limit {
            return Err(io::Error::other(format!("a picture of {width} x {height}")));
        }
        let mut plane = |samples: usize| {
            let mut plane = vec![0; samples];
            output.read_exact(&mut plane).map(|()| plane)
        };
        let chroma = (width / 2) * (height / 2);
        let picture = Picture {
            width,
            height,
            y: plane(width * height)?,
            u: plane(chroma)?,
            v: plane(chroma)?,
            damaged: header[8] != 0,
        };
        pictures += 1;
        decoded.whole += usize::from(!picture.damaged);
        if decoded.kept.len() < kept {
            decoded.kept.push(picture);
        }
    }
}
