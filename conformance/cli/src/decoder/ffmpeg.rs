//! What no crate decodes well is played by ffmpeg, if it is installed: with limits, on
//! pipes, without network and without a file but its own libraries.

use std::process::Command;

use lightleak_judge::decoder::{Format, Picture, Playing};

/// What the child ends with where ffmpeg is not installed.
pub(super) const MISSING: u8 = 127;

/// What ffmpeg says of a format or a codec that it was built without.
const UNKNOWN: &[&str] = &[
    "Unknown input format",
    "no decoder found",
    "Decoder not found",
    "Decoding requested, but no decoder",
];

/// What a file of an unknown format may be; none of these opens other files.
const PROBED: &str = "aac,ac3,amr,asf,av1,avi,dv,flac,flv,gif,h263,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mp3,mpeg,mpegts,mpegvideo,nut,obu,ogg,rm,vc1,wav,yuv4mpegpipe";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Pictures,
    Sound,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pictures => "ffmpeg-pictures",
            Self::Sound => "ffmpeg-sound",
        }
    }
}

/// What a file of that format can hold.
pub(super) fn kinds(format: Format) -> &'static [Kind] {
    match format {
        Format::Adts | Format::MpegAudio | Format::Wav => &[Kind::Sound],
        Format::Flv
        | Format::Matroska
        | Format::Mp4
        | Format::MpegPs
        | Format::MpegTs
        | Format::Ogg
        | Format::Other => &[Kind::Pictures, Kind::Sound],
        _ => &[Kind::Pictures],
    }
}

/// ffmpeg's name of a format.
fn demuxer(format: &str) -> Option<&'static str> {
    Some(match format {
        "h264" => "h264",
        "h265" => "hevc",
        "h266" => "vvc",
        "m4v" => "m4v",
        "m2v" => "mpegvideo",
        "h263" => "h263",
        "ivf" => "ivf",
        "obu" => "obu",
        "ts" => "mpegts",
        "mpg" => "mpeg",
        "flv" => "flv",
        "mp4" => "mov",
        "mkv" => "matroska",
        "aac" => "aac",
        "mp3" => "mp3",
        "ogg" => "ogg",
        "wav" => "wav",
        _ => return None,
    })
}

/// ffmpeg as the child becomes it: standard input is the file, in memory.
pub(super) fn command(kind: &str, format: &str, limit: usize) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .args([
            "-hide_banner",
            "-nostdin",
            "-loglevel",
            "repeat+error",
            "-threads",
            "1",
        ])
        // A picture with an error in it is none.
        .args(["-err_detect", "explode", "-fflags", "+discardcorrupt"])
        .args(["-flags", "-output_corrupt"]);
    match demuxer(format) {
        Some(name) => command.args(["-f", name]),
        None => command.args(["-format_whitelist", PROBED]),
    };
    match format {
        // Its index may lie behind the media, and a pipe has no way back.
        "mp4" => command.args(["-protocol_whitelist", "file", "-i", "/proc/self/fd/0"]),
        _ => command.args(["-protocol_whitelist", "pipe", "-i", "pipe:0"]),
    };
    command.args(["-sn", "-dn"]);
    if kind == Kind::Sound.name() {
        command
            .args(["-vn", "-map", "0:a:0", "-ac", "1", "-t", "600"])
            .args(["-c:a", "pcm_s16le", "-f", "wav", "pipe:1"]);
    } else {
        command
            .args(["-an", "-map", "0:v:0", "-fps_mode", "passthrough"])
            .args(["-frames:v", &limit.to_string(), "-pix_fmt", "yuv420p"])
            .args(["-f", "yuv4mpegpipe", "pipe:1"]);
    }
    command
}

/// Whether what it said means that it can't play such files.
pub(super) fn is_unknown(said: &str) -> bool {
    UNKNOWN.iter().any(|words| said.contains(words))
}

/// The same without what errors spoiled: it conceals some of what it complains about,
/// and does not say in which picture.
pub(super) fn without_errors(playing: Playing, said: &str) -> Playing {
    let errors = said.lines().filter(|line| !line.trim().is_empty()).count();
    match playing.frames.saturating_sub(errors) {
        0 => Playing {
            sound: playing.sound,
            ..Playing::default()
        },
        frames => Playing { frames, ..playing },
    }
}

/// The pictures of a YUV4MPEG2 stream (MJPEG tools, yuv4mpeg(5)), of which so many are
/// kept.
pub(super) fn pictures(stream: &[u8], kept: usize) -> Playing {
    let mut playing = Playing::default();
    let Some((header, mut rest)) = line(stream) else {
        return playing;
    };
    let number = |prefix: char| {
        let word = header
            .split(' ')
            .skip(1)
            .find_map(|w| w.strip_prefix(prefix));
        word.and_then(|word| word.parse::<usize>().ok())
    };
    let (Some(width), Some(height)) = (number('W'), number('H')) else {
        return playing;
    };
    let chroma = (width.div_ceil(2), height.div_ceil(2));
    let length = width * height + 2 * chroma.0 * chroma.1;
    if !header.starts_with("YUV4MPEG2 ") || length > 2 * super::LARGEST_PICTURE || length == 0 {
        return playing;
    }
    while let Some((frame, planes)) = line(rest) {
        let Some(octets) = planes.get(..length).filter(|_| frame.starts_with("FRAME")) else {
            break;
        };
        playing.frames += 1;
        if playing.pictures.len() < kept {
            playing
                .pictures
                .extend(picture(octets, (width, height), chroma));
        }
        rest = &planes[length..];
    }
    playing
}

/// A picture without the half block of chroma that odd sizes have.
fn picture(octets: &[u8], luma: (usize, usize), chroma: (usize, usize)) -> Option<Picture> {
    let (width, height) = (luma.0 & !1, luma.1 & !1);
    let plane = |octets: &[u8], stride: usize, width: usize, height: usize| {
        let rows = octets.chunks_exact(stride).take(height);
        rows.flat_map(|row| &row[..width]).copied().collect()
    };
    let (y, octets) = octets.split_at_checked(luma.0 * luma.1)?;
    let (u, v) = octets.split_at_checked(chroma.0 * chroma.1)?;
    (width > 0 && height > 0).then(|| Picture {
        width,
        height,
        y: plane(y, luma.0, width, height),
        u: plane(u, chroma.0, width / 2, height / 2),
        v: plane(v, chroma.0, width / 2, height / 2),
        damaged: false,
    })
}

fn line(octets: &[u8]) -> Option<(&str, &[u8])> {
    const LONGEST: usize = 1000;
    let end = octets
        .iter()
        .take(LONGEST)
        .position(|octet| *octet == b'\n')?;
    let text = std::str::from_utf8(&octets[..end]).ok()?;
    Some((text, &octets[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_odd_sizes_lose_their_last_row_and_column() {
        let luma: Vec<u8> = (0..15).collect();
        let frame = [b"FRAME\n", &luma[..], &[20, 21, 22, 23, 24, 25], &[30; 6]].concat();
        let stream = [b"YUV4MPEG2 W5 H3 F5:1 C420jpeg\n", &frame[..], &frame[..9]].concat();
        let playing = pictures(&stream, 10);
        assert_eq!(playing.frames, 1);
        let expected = Picture {
            width: 4,
            height: 2,
            y: vec![0, 1, 2, 3, 5, 6, 7, 8],
            u: vec![20, 21],
            v: vec![30, 30],
            damaged: false,
        };
        assert_eq!(playing.pictures, [expected]);
    }

    #[test]
    fn what_is_no_such_stream_has_no_pictures() {
        for stream in [
            &b""[..],
            b"YUV4MPEG2",
            b"YUV4MPEG2 W0 H0\nFRAME\n",
            b"YUV4MPEG2 W99999999 H99999999\nFRAME\n",
            b"other W1 H1\nFRAME\n123",
        ] {
            assert_eq!(pictures(stream, 1), Playing::default());
        }
    }
}
