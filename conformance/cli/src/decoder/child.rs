//! The child: reads, shuts itself in, decodes, writes.

use std::{
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::ExitCode,
};

use lightleak_judge::decoder::{Format, Picture};
use openh264::{decoder::Decoder as OpenH264, formats::YUVSource};

use super::{ffmpeg, sandbox, still};

/// What the child does with its other arguments: what to decode, how many pictures of
/// it at most, and for ffmpeg the format.
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<_> = arguments.collect();
    let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
    let (what, limit) = (argument(0), argument(1).parse().unwrap_or(0));
    if what.starts_with("ffmpeg-") {
        return become_ffmpeg(what, argument(2), limit);
    }
    match decode_all(
        what,
        &mut io::stdin().lock(),
        &mut io::stdout().lock(),
        limit,
    ) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn become_ffmpeg(kind: &str, format: &str, limit: usize) -> ExitCode {
    let mut command = ffmpeg::command(kind, format, limit);
    if sandbox::enter_for_a_program().is_err() {
        return ExitCode::FAILURE;
    }
    match command.exec().kind() {
        io::ErrorKind::NotFound => ExitCode::from(ffmpeg::MISSING),
        _ => ExitCode::FAILURE,
    }
}

fn decode_all(
    what: &str,
    input: &mut impl Read,
    output: &mut impl Write,
    limit: usize,
) -> io::Result<()> {
    sandbox::enter()?;
    let mut file = Vec::new();
    input.read_to_end(&mut file)?;
    let still = match what {
        _ if what == Format::H264.extension() => return h264(&file, output, limit),
        _ if what == Format::Jpeg.extension() => still::jpeg(&file),
        _ if what == Format::Png.extension() => still::png(&file),
        _ if what == Format::WebP.extension() => still::webp(&file),
        _ => return Err(io::Error::other("a format that is not decoded here")),
    };
    if let Some(picture) = still.filter(|_| limit > 0) {
        write_still(output, &picture)?;
    }
    output.flush()
}

fn h264(stream: &[u8], output: &mut impl Write, limit: usize) -> io::Result<()> {
    let mut decoder = OpenH264::new().map_err(io::Error::other)?;
    let mut written = 0;
    let mut failed = false;
    for unit in openh264::nal_units(stream) {
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
    write_header(output, width, height, damaged)?;
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

fn write_still(output: &mut impl Write, picture: &Picture) -> io::Result<()> {
    write_header(output, picture.width, picture.height, picture.damaged)?;
    for plane in [&picture.y, &picture.u, &picture.v] {
        output.write_all(plane)?;
    }
    Ok(())
}

fn write_header(
    output: &mut impl Write,
    width: usize,
    height: usize,
    damaged: bool,
) -> io::Result<()> {
    output.write_all(&(width as u32).to_be_bytes())?;
    output.write_all(&(height as u32).to_be_bytes())?;
    output.write_all(&[u8::from(damaged)])
}
