//! H.264 decoding in a child process: this program, started again as a
//! decoder, in a sandbox. Whatever a hostile stream does to it, it does not do
//! to us.
//!
//! On the child's standard input: an Annex B byte stream, to its end. On its
//! standard output, per picture: width and height (32 bits each, big-endian),
//! one octet that is 1 if a part was missing, then the planes Y, U and V.

mod child;
mod sandbox;

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use lightleak_judge::decoder::{Decoder, DecoderError, Picture};

pub use child::run as child;

/// First argument that makes this program a decoder.
pub const CHILD_ARGUMENT: &str = "decode-h264-from-standard-input";

/// How long a decoder may take.
const TIME_LIMIT: Duration = Duration::from_secs(60);

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
        let mut child = Command::new(&self.program)
            .arg(CHILD_ARGUMENT)
            .arg(limit.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| DecoderError(format!("could not be started: {e}")))?;
        let result = self.talk(&mut child, annex_b, limit);
        // After an error or a time-out the child may still run.
        let _ = child.kill();
        let status = child
            .wait()
            .map_err(|e| DecoderError(format!("could not be ended: {e}")))?;
        match result {
            Ok(pictures) if status.success() => Ok(pictures),
            Ok(_) => Err(DecoderError(format!("crashed: {status}"))),
            Err(error) => Err(error),
        }
    }
}

impl ChildDecoder {
    fn talk(
        &self,
        child: &mut Child,
        annex_b: &[u8],
        limit: usize,
    ) -> Result<Vec<Picture>, DecoderError> {
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (mut input, mut output) = pipes.ok_or(DecoderError("has no pipes".into()))?;
        std::thread::scope(|scope| {
            // A child that crashed reads no more: its status tells.
            scope.spawn(move || input.write_all(annex_b));
            let (sender, receiver) = mpsc::channel();
            scope.spawn(move || {
                let _ = sender.send(read_pictures(&mut output, limit));
            });
            match receiver.recv_timeout(self.time_limit) {
                Ok(Ok(pictures)) => {
                    // Its output has ended, so it is about to end as well.
                    let _ = child.wait();
                    Ok(pictures)
                }
                Ok(Err(error)) => {
                    let _ = child.kill();
                    Err(DecoderError(format!("crashed: {error}")))
                }
                Err(_) => {
                    let _ = child.kill();
                    Err(DecoderError(format!(
                        "took more than {:?}",
                        self.time_limit
                    )))
                }
            }
        })
    }
}

fn read_pictures(output: &mut impl Read, limit: usize) -> io::Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    let mut header = [0; 9];
    loop {
        match output.read(&mut header[..1])? {
            0 => return Ok(pictures),
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
        if !sound || pictures.len() >= limit {
            return Err(io::Error::other(format!("a picture of {width} x {height}")));
        }
        let mut plane = |samples: usize| {
            let mut plane = vec![0; samples];
            output.read_exact(&mut plane).map(|()| plane)
        };
        let chroma = (width / 2) * (height / 2);
        pictures.push(Picture {
            width,
            height,
            y: plane(width * height)?,
            u: plane(chroma)?,
            v: plane(chroma)?,
            damaged: header[8] != 0,
        });
    }
}
