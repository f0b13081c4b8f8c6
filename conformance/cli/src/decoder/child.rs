//! The child: reads, shuts itself in, decodes, writes.

use std::{
    io::{self, Read, Write},
    process::ExitCode,
};

use openh264::{decoder::Decoder as OpenH264, formats::YUVSource};

use super::sandbox;

/// What the child does; `limit` is its second argument.
pub fn run(limit: Option<&str>) -> ExitCode {
    let limit = limit.and_then(|l| l.parse().ok()).unwrap_or(0);
    match decode_all(&mut io::stdin().lock(), &mut io::stdout().lock(), limit) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn decode_all(input: &mut impl Read, output: &mut impl Write, limit: usize) -> io::Result<()> {
    sandbox::enter()?;
    let mut stream = Vec::new();
    input.read_to_end(&mut stream)?;
    let mut decoder = OpenH264::new().map_err(io::Error::other)?;
    let mut written = 0;
    let mut failed = false;
    for unit in openh264::nal_units(&stream) {
        if written >= limit {
            return output.flush();
        }
        // Input that is no video is no error; the next picture shows damage.
        match decoder.decode(unit) {
            Ok(Some(picture)) => {
                write_picture(output, &picture, std::mem::take(&mut failed))?;
                written += 1;
            }
            Ok(None) => {}
            Err(_) => failed = true,
        }
    }
    for picture in decoder.flush_remaining().unwrap_or_default() {
        if written < limit {
            write_picture(output, &picture, failed)?;
            written += 1;
        }
    }
    output.flush()
}

fn write_picture(
    output: &mut impl Write,
    picture: &impl YUVSource,
    damaged: bool,
) -> io::Result<()> {
    let (width, height) = picture.dimensions();
    output.write_all(&(width as u32).to_be_bytes())?;
    output.write_all(&(height as u32).to_be_bytes())?;
    output.write_all(&[u8::from(damaged)])?;
    let (y_stride, u_stride, v_stride) = picture.strides();
    let planes = [
        (picture.y(), y_stride, width, height),
        (picture.u(), u_stride, width / 2, height / 2),
        (picture.v(), v_stride, width / 2, height / 2),
    ];
    for (samples, stride, width, height) in planes {
        for row in samples.chunks(stride).take(height) {
            output.write_all(&row[..width])?;
        }
    }
    Ok(())
}
