//! The decoder in its child process: what goes wrong there is reported, never
//! ours, and never taken for "no picture".

use std::{
    env, fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use lightleak::decoder::ChildDecoder;
use lightleak_judge::decoder::{Decoder, Elementary, Format, Playing};
use proptest::prelude::*;

fn ours() -> ChildDecoder {
    ChildDecoder::new(PathBuf::from(env!("CARGO_BIN_EXE_lightleak")))
}

/// A program in place of the decoder.
fn script(text: &str) -> (tempfile::TempDir, ChildDecoder) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("decoder");
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    (folder, ChildDecoder::new(file))
}

#[test]
fn what_is_no_video_gives_no_picture_and_no_error() {
    for input in [&b""[..], b"no video at all", &[0, 0, 0, 1, 0x67, 1, 2, 3]] {
        assert_eq!(ours().decode(input, 10).unwrap(), []);
    }
}

#[test]
fn a_decoder_that_is_not_there_is_an_error() {
    let error = ChildDecoder::new("/nowhere/decoder".into())
        .decode(b"", 1)
        .unwrap_err();
    assert!(
        error.to_string().contains("could not be started"),
        "{error}"
    );
}

#[test]
fn a_decoder_that_crashes_is_an_error() {
    let (_folder, decoder) = script("kill -ABRT $$");
    let error = decoder.decode(&[0; 100_000], 1).unwrap_err();
    assert!(error.to_string().contains("crashed"), "{error}");
}

#[test]
fn an_input_that_makes_the_real_decoder_abort_is_an_error() {
    // More than its memory limit lets it read: the allocator aborts.
    let error = ours().decode(&vec![0xff; 1100 << 20], 1).unwrap_err();
    assert!(error.to_string().contains("crashed"), "{error}");
}

#[test]
fn a_decoder_that_fails_after_some_output_is_an_error() {
    let (_folder, decoder) = script("printf '\\0\\0\\0\\2'; exit 0");
    decoder.decode(b"", 1).unwrap_err();
    let (_folder, decoder) = script("printf '\\377\\377\\377\\377\\377\\377\\377\\377\\0'; exit 0");
    let error = decoder.decode(b"", 1).unwrap_err();
    assert!(error.to_string().contains("4294967295"), "{error}");
}

#[test]
fn a_decoder_that_hangs_is_ended() {
    let (_folder, decoder) = script("exec sleep 600");
    let decoder = decoder.with_time_limit(Duration::from_millis(300));
    let error = decoder.decode(b"", 1).unwrap_err();
    assert!(error.to_string().contains("took more than"), "{error}");
}

/// A file that ffmpeg makes of a test picture and a tone with these options; nothing
/// where it is not installed.
fn made(format: Format, options: &[&str]) -> Option<Elementary> {
    let folder = tempfile::tempdir().expect("make a temporary folder");
    let file = folder.path().join("made");
    let started = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-loglevel", "error"])
        .args([
            "-f",
            "lavfi",
            "-i",
            "testsrc=size=176x144:rate=5:duration=2",
        ])
        .args(["-f", "lavfi", "-i", "sine=440:duration=2"])
        .args(options)
        .arg(&file)
        .stdin(Stdio::null())
        .status();
    match started {
        Ok(status) => assert!(status.success(), "ffmpeg {options:?}"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let ci = env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!ci, "ffmpeg is not installed; ci/setup installs it");
            println!("skipped: ffmpeg is not installed");
            return None;
        }
        Err(error) => panic!("start ffmpeg: {error}"),
    }
    let octets = fs::read(file).expect("read what ffmpeg made");
    Some(Elementary { format, octets })
}

fn played(format: Format, octets: &[u8]) -> Playing {
    let octets = octets.to_vec();
    let played = ours().play(&Elementary { format, octets }, 100);
    played.expect("it can look").expect("there is a player")
}

/// Octets that look random, none of them 0xff if so wished.
fn noise(length: usize, mut seed: u64, without_markers: bool) -> Vec<u8> {
    let octets = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 56) as u8
    });
    let octets = octets.filter(|octet| !without_markers || *octet != 0xff);
    octets.take(length).collect()
}

const STILL: [(Format, &[&str]); 3] = [
    (
        Format::Jpeg,
        &["-frames:v", "1", "-q:v", "2", "-f", "mjpeg"],
    ),
    (
        Format::Png,
        &["-frames:v", "1", "-c:v", "png", "-f", "image2pipe"],
    ),
    (Format::WebP, &["-frames:v", "1", "-f", "webp"]),
];

const MOVING: [(Format, &[&str]); 13] = [
    (
        Format::H264,
        &[
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-profile:v",
            "baseline",
            "-f",
            "h264",
        ],
    ),
    (
        Format::H265,
        &[
            "-c:v",
            "libx265",
            "-x265-params",
            "log-level=none",
            "-f",
            "hevc",
        ],
    ),
    (Format::Mpeg4, &["-c:v", "mpeg4", "-f", "m4v"]),
    (
        Format::MpegVideo,
        &["-c:v", "mpeg2video", "-r", "25", "-f", "mpeg2video"],
    ),
    (Format::H263, &["-c:v", "h263", "-f", "h263"]),
    (Format::Ivf, &["-c:v", "libvpx", "-f", "ivf"]),
    (
        Format::Ivf,
        &["-c:v", "libvpx-vp9", "-pix_fmt", "yuv420p", "-f", "ivf"],
    ),
    (
        Format::Ivf,
        &[
            "-c:v",
            "libaom-av1",
            "-usage",
            "realtime",
            "-cpu-used",
            "8",
            "-pix_fmt",
            "yuv420p",
            "-f",
            "ivf",
        ],
    ),
    (
        Format::MpegTs,
        &[
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mpegts",
        ],
    ),
    (
        Format::MpegPs,
        &[
            "-c:v",
            "mpeg2video",
            "-r",
            "25",
            "-c:a",
            "mp2",
            "-f",
            "mpeg",
        ],
    ),
    (
        Format::Flv,
        &[
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv",
        ],
    ),
    (
        Format::Mp4,
        &[
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mp4",
        ],
    ),
    (
        Format::Matroska,
        &["-c:v", "libvpx", "-c:a", "libopus", "-f", "matroska"],
    ),
];

const SOUND: [(Format, &[&str]); 6] = [
    (Format::Adts, &["-c:a", "aac", "-f", "adts"]),
    (Format::MpegAudio, &["-c:a", "libmp3lame", "-f", "mp3"]),
    (Format::Ogg, &["-c:a", "libopus", "-f", "ogg"]),
    (
        Format::Wav,
        &["-c:a", "pcm_mulaw", "-ar", "8000", "-f", "wav"],
    ),
    (
        Format::Wav,
        &["-c:a", "pcm_alaw", "-ar", "8000", "-f", "wav"],
    ),
    (Format::Wav, &["-c:a", "g722", "-ar", "16000", "-f", "wav"]),
];

#[test]
fn pictures_that_ffmpeg_made_are_played() {
    for (format, options) in STILL {
        let Some(file) = made(format, options) else {
            return;
        };
        let playing = played(format, &file.octets);
        assert_eq!(playing.frames, 1, "{format:?}");
        let picture = &playing.pictures[0];
        assert_eq!((picture.width, picture.height), (176, 144), "{format:?}");
        // The test picture has a white bar, and black ones.
        let luma = |bound: fn(&u8) -> bool| picture.y.iter().filter(|y| bound(y)).count();
        assert!(luma(|y| *y > 190) > 500, "{format:?}");
        assert!(luma(|y| *y < 40) > 500, "{format:?}");
    }
}

#[test]
fn pictures_of_odd_sizes_are_cropped() {
    for (format, options) in STILL {
        let options = [options, &["-vf", "scale=161:121"]].concat();
        let Some(file) = made(format, &options) else {
            return;
        };
        let picture = played(format, &file.octets).pictures.remove(0);
        assert_eq!((picture.width, picture.height), (160, 120), "{format:?}");
        assert_eq!(picture.u.len(), 80 * 60);
    }
}

#[test]
fn moving_pictures_that_ffmpeg_made_are_played() {
    for (format, options) in MOVING {
        let Some(file) = made(format, options) else {
            return;
        };
        let playing = played(format, &file.octets);
        assert!(playing.frames >= 9, "{format:?}: {}", playing.frames);
        let picture = &playing.pictures[0];
        assert_eq!((picture.width, picture.height), (176, 144), "{format:?}");
        let has_sound = options.contains(&"-c:a");
        assert_eq!(playing.sound.is_some(), has_sound, "{format:?}");
    }
}

#[test]
fn sound_that_ffmpeg_made_is_played() {
    for (format, options) in SOUND {
        let Some(file) = made(format, &[&["-vn"], options].concat()) else {
            return;
        };
        let sound = played(format, &file.octets).sound;
        let sound = sound.unwrap_or_else(|| panic!("no sound: {options:?}"));
        let seconds = sound.samples.len() as f64 / f64::from(sound.rate);
        assert!((1.9..2.2).contains(&seconds), "{options:?}: {seconds} s");
        let crossings = sound
            .samples
            .windows(2)
            .filter(|w| (w[0] < 0) != (w[1] < 0));
        let tone = crossings.count() as f64 / 2.0 / seconds;
        assert!((400.0..480.0).contains(&tone), "{options:?}: {tone} Hz");
    }
}

#[test]
fn of_a_picture_that_was_cut_off_there_are_the_rows_that_came() {
    for (format, options) in &STILL[..2] {
        // More than its own lines: noise does not compress.
        let options = [options, &["-vf", "noise=alls=60"][..]].concat();
        let Some(file) = made(*format, &options) else {
            return;
        };
        let playing = played(*format, &file.octets[..file.octets.len() / 2]);
        assert_eq!(playing.frames, 1, "{format:?}");
        let picture = &playing.pictures[0];
        assert_eq!(picture.width, 176);
        assert!(
            (32..120).contains(&picture.height),
            "{format:?}: {}",
            picture.height
        );
        let whole = &played(*format, &file.octets).pictures[0].y;
        assert_eq!(picture.y[..16 * 176], whole[..16 * 176], "{format:?}");
        // Its header alone is no picture.
        let header = &file.octets[..file.octets.len() / 50];
        assert_eq!(played(*format, header), Playing::default(), "{format:?}");
    }
}

#[test]
fn noise_behind_the_header_of_a_picture_is_none() {
    let [jpeg, png, _] = STILL;
    let (Some(jpeg), Some(png)) = (made(jpeg.0, jpeg.1), made(png.0, png.1)) else {
        return;
    };
    let scan = 14 + position(&jpeg.octets, &[0xff, 0xda]);
    let rows = 4 + position(&png.octets, b"IDAT");
    for seed in 0..30 {
        for without_markers in [false, true] {
            let noise = noise(9000, seed, without_markers);
            let file = [&jpeg.octets[..scan], &noise, &[0xff, 0xd9]].concat();
            assert_eq!(played(Format::Jpeg, &file), Playing::default());
            // With the two octets that zlib begins with.
            let file = [&png.octets[..rows + 2], &noise].concat();
            assert_eq!(played(Format::Png, &file), Playing::default());
        }
    }
}

fn position(octets: &[u8], wanted: &[u8]) -> usize {
    let mut windows = octets.windows(wanted.len());
    windows
        .position(|window| window == wanted)
        .expect("it is there")
}

#[test]
fn a_moving_picture_that_was_damaged_has_fewer_pictures_and_noise_has_none() {
    for (format, options) in MOVING {
        let Some(mut file) = made(format, options) else {
            return;
        };
        let all = played(format, &file.octets).frames;
        let cut = played(format, &file.octets[..file.octets.len() * 2 / 3]).frames;
        // The index of an MP4 lies at its end, and of the H.265 the first picture is cut.
        let fewest = usize::from(![Format::Mp4, Format::H265].contains(&format));
        assert!((fewest..all).contains(&cut), "{format:?}: {cut} of {all}");
        let length = file.octets.len();
        file.octets = noise(length, 1, false);
        assert_eq!(
            played(format, &file.octets),
            Playing::default(),
            "{format:?}"
        );
    }
}

#[test]
fn noise_behind_the_header_of_a_moving_picture_is_none() {
    for (format, options) in MOVING {
        // What is coded arithmetically decodes whatever it is.
        let is_arithmetic = [Format::H265, Format::Ivf, Format::Matroska].contains(&format);
        let Some(file) = made(format, options).filter(|_| !is_arithmetic) else {
            continue;
        };
        let noise = noise(file.octets.len(), 7, false);
        let octets = [&file.octets[..200], &noise].concat();
        assert_eq!(played(format, &octets).frames, 0, "{format:?}");
    }
}

#[test]
fn enciphered_pictures_behind_their_headers_are_none() {
    const CLEAR: usize = 24;
    for (format, options) in MOVING {
        let Some(file) = made(format, options) else {
            return;
        };
        // Their headers stay, as of media that are enciphered in part.
        let octets = match format {
            Format::Ivf => {
                let mut at = 32;
                let mut octets = file.octets.clone();
                while let Some(length) = octets.get(at..at + 4) {
                    let length = u32::from_le_bytes(length.try_into().unwrap()) as usize;
                    at += 12 + length;
                    let hidden = length.saturating_sub(CLEAR);
                    octets[at - hidden..at].copy_from_slice(&noise(hidden, at as u64, true));
                }
                octets
            }
            Format::H264 | Format::H265 => {
                let mut octets = Vec::new();
                for unit in openh264::nal_units(&file.octets) {
                    let kind = unit[unit.iter().position(|octet| *octet == 1).unwrap() + 1];
                    let is_slice = match format {
                        Format::H264 => kind & 31 <= 5,
                        _ => kind >> 1 & 63 < 32,
                    };
                    let clear = if is_slice {
                        CLEAR.min(unit.len())
                    } else {
                        unit.len()
                    };
                    octets.extend(&unit[..clear]);
                    let hidden = noise(unit.len() - clear, octets.len() as u64, true);
                    octets.extend(hidden.iter().map(|octet| *octet.max(&4)));
                }
                octets
            }
            _ => continue,
        };
        assert_ne!(octets, file.octets);
        assert_eq!(played(format, &octets), Playing::default(), "{format:?}");
    }
}

#[test]
fn h264_that_openh264_does_not_have_is_played_by_ffmpeg() {
    for options in [["-flags", "+ildct+ilme"], ["-pix_fmt", "yuv444p"]] {
        let options = [
            &["-c:v", "libx264", "-pix_fmt", "yuv420p"],
            &options[..],
            &["-f", "h264"],
        ];
        let Some(file) = made(Format::H264, &options.concat()) else {
            return;
        };
        assert_eq!(played(Format::H264, &file.octets).frames, 10, "{options:?}");
    }
}

#[test]
fn a_player_that_is_not_there_plays_nothing() {
    let (_folder, decoder) = script("exit 127");
    let octets = vec![1, 2, 3];
    let format = Format::MpegTs;
    let played = decoder.play(&Elementary { format, octets }, 1);
    assert_eq!(played.unwrap(), None);
}

#[test]
fn a_player_that_crashes_or_hangs_is_an_error() {
    for (what, says) in [
        ("kill -SEGV $$", "crashed"),
        ("exec sleep 600", "took more than"),
    ] {
        let (_folder, decoder) = script(what);
        let decoder = decoder.with_time_limit(Duration::from_millis(300));
        for format in [Format::Jpeg, Format::MpegTs] {
            let octets = vec![0; 200_000];
            let error = decoder.play(&Elementary { format, octets }, 1).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}

#[test]
fn a_file_that_names_other_files_opens_none() {
    let folder = tempfile::tempdir().unwrap();
    let Some(video) = made(
        Format::Flv,
        &["-c:v", "libx264", "-pix_fmt", "yuv420p", "-f", "flv"],
    ) else {
        return;
    };
    let path = folder.path().join("video.flv");
    fs::write(&path, video.octets).unwrap();
    let path = path.display();
    for list in [
        format!("ffconcat version 1.0\nfile file:{path}\n"),
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:2,\nfile:{path}\n#EXT-X-ENDLIST\n"),
    ] {
        for format in [Format::Other, Format::Mp4, Format::MpegTs] {
            assert_eq!(played(format, list.as_bytes()), Playing::default());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn hostile_streams_give_pictures_or_none(
        octets in proptest::collection::vec(any::<u8>(), 0..3000),
        header in prop::sample::select(vec![0x65_u8, 0x41, 0x67, 0x68]),
    ) {
        let stream = [&[0, 0, 0, 1, header][..], &octets].concat();
        // A crash of the child would be an error, and a finding about the codec.
        prop_assert!(ours().decode(&stream, 10).is_ok());
    }

    #[test]
    fn hostile_pictures_give_one_or_none(
        octets in proptest::collection::vec(any::<u8>(), 0..600),
        (format, header) in prop::sample::select(HEADERS.to_vec()),
    ) {
        let octets = [header, &octets].concat();
        let played = ours().play(&Elementary { format, octets }, 10);
        prop_assert!(played.is_ok());
    }
}

/// What some formats begin with.
const HEADERS: [(Format, &[u8]); 5] = [
    (Format::Jpeg, &[0xff, 0xd8, 0xff]),
    (
        Format::Jpeg,
        &[
            0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0xff, 0xff, 0xff, 0xff, 1, 0, 0x44, 0,
        ],
    ),
    (
        Format::Png,
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x06\0\0\0",
    ),
    (
        Format::WebP,
        b"RIFF\xff\xff\xff\xffWEBPVP8 \xff\xff\xff\x7f\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f",
    ),
    (
        Format::WebP,
        b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\x7f\x2f\xff\xff\xff\x0f",
    ),
];
