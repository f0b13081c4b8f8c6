use proptest::prelude::*;

use super::*;
use crate::{
    adversary::media_player::fixture::{nals, random, video},
    dissect::{flv, jpeg::scan::made},
};

fn png() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 64, 64);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&random(3, 64 * 64 * 3)).unwrap();
    writer.finish().unwrap();
    file
}

fn flash_video() -> Vec<u8> {
    let mut file = flv::HEADER.to_vec();
    for time in 0..4 {
        flv::push(&mut file, flv::VIDEO, time * 40, &[0x17, 1, 0, 0, 0, 9]);
    }
    file
}

fn transport_stream() -> Vec<u8> {
    let mut stream = Vec::new();
    for packet in 0..20_u8 {
        let begins = if packet % 5 == 0 { 0x40 } else { 0 };
        stream.extend([
            0x47,
            begins,
            if packet % 5 == 0 { 0 } else { 64 },
            0x10 | packet & 15,
        ]);
        let mut payload = [packet; 184];
        if packet % 5 == 0 {
            payload[..4].copy_from_slice(&[0, 0, 0xb0, 13]);
        }
        stream.extend(payload);
    }
    stream
}

fn sound() -> Vec<u8> {
    let frame = |number: u8| [&[0xff, 0xfb, 0x90, 0x00][..], &[number; 413]].concat();
    (0..30).flat_map(frame).collect()
}

fn webp() -> Vec<u8> {
    let mut frame = vec![0x50, 2, 0, 0x9d, 0x01, 0x2a, 64, 0, 48, 0];
    frame.extend(random(4, 200));
    let mut file = b"RIFF".to_vec();
    file.extend((frame.len() as u32 + 12).to_le_bytes());
    file.extend(b"WEBPVP8 ");
    file.extend((frame.len() as u32).to_le_bytes());
    file.extend(frame);
    file
}

fn fragment() -> Vec<u8> {
    let one =
        |kind: &[u8], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes(), kind, body].concat();
    let mut run = vec![0, 0, 2, 0, 0, 0, 0, 2];
    run.extend([0, 0, 0, 100, 0, 0, 0, 50]);
    let run = one(b"trun", &run);
    let header = one(b"tfhd", &[0, 0, 0, 0, 0, 0, 0, 1]);
    let fragment = one(b"traf", &[header, run].concat());
    [
        one(b"styp", b"msdh\0\0\0\0"),
        one(b"moof", &fragment),
        one(b"mdat", &[7; 150]),
    ]
    .concat()
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("jpeg", made::jpeg(160, 120)),
        ("png", png()),
        ("webp", webp()),
        ("flv", flash_video()),
        ("mpeg-ts", transport_stream()),
        ("mp3", sound()),
        ("mp4", fragment()),
    ]
}

#[test]
fn files_are_told_by_their_structure() {
    for (name, file) in files() {
        let found = at_start(&file).unwrap_or_else(|| panic!("{name}"));
        // Of fragments nobody need say that they are encrypted: a player tells.
        let surety = match name {
            "mp4" => Surety::Possible,
            _ => Surety::Shown,
        };
        assert_eq!((found.name, found.surety), (name, surety));
        let among = [&random(1, 999)[..], &file, &random(2, 999)].concat();
        let found = within(&among, 9);
        assert_eq!(found.first().map(|file| file.name), Some(name));
    }
}

#[test]
fn what_is_damaged_where_it_counts_is_none() {
    for (name, file) in files() {
        let mut broken = file.clone();
        match name {
            // A checksum, a length, a size behind a tag, what follows the headers.
            "png" => broken[17] ^= 1,
            "webp" => broken[16] = 0xff,
            "flv" => broken[25..].fill(0xaa),
            "mp4" => {
                let size = broken.len() - 155;
                broken[size] ^= 0x80;
            }
            "mpeg-ts" => broken[188] = 0,
            "mp3" => broken[417] = 0,
            _ => {
                let noise = random(5, broken.len() - 330);
                broken.splice(330.., noise);
            }
        }
        let found = at_start(&broken);
        assert!(found.is_none_or(|f| f.surety != Surety::Shown), "{name}");
    }
}

#[test]
fn what_says_that_it_is_encrypted_is_believed() {
    let mut file = fragment();
    let at = memchr::memmem::find(&file, b"tfhd").unwrap();
    file[at..at + 4].copy_from_slice(b"senc");
    assert_eq!(at_start(&file).map(|f| f.surety), Some(Surety::Encrypted));
}

#[test]
fn video_is_found_as_a_byte_stream_and_behind_lengths() {
    let stream = video().concat();
    let units = nals(&stream).into_iter();
    let lengths = units.map(|nal| [&(nal.len() as u32).to_be_bytes(), nal].concat());
    for octets in [stream.clone(), lengths.flatten().collect()] {
        let among = [&random(1, 999)[..], &octets, &random(2, 999)].concat();
        let found = within(&among, 9);
        assert_eq!(found.first().map(|file| file.name), Some("h264"));
        assert!(found[0].elementary(&among).octets.len() * 10 > stream.len() * 9);
    }
}

#[test]
fn flash_video_that_was_joined_is_found_by_its_tags() {
    let whole = flash_video();
    let joined = &[&[9, 8, 18, 0, 0][..], &whole[flv::HEADER.len()..]].concat();
    let found = within(joined, 9);
    let [file] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((file.format, file.surety), (Format::Flv, Surety::Shown));
    assert_eq!(file.elementary(joined).octets, whole);
    // One tag less, or a size that is not there twice.
    let cut = &joined[..joined.len() - 1];
    assert_eq!(within(cut, 9), []);
    let mut torn = joined.clone();
    torn[5 + 2 * 21 + 20] ^= 1;
    assert_eq!(within(&torn, 9), []);
}

#[test]
fn a_picture_without_tables_of_codes_is_played_with_the_typical_ones() {
    let whole = made::jpeg(160, 120);
    let bare = made::without_tables(&whole);
    let among = [&random(1, 999)[..], &bare, &random(2, 999)].concat();
    for octets in [&bare, &among] {
        let [file] = &within(octets, 9)[..] else {
            panic!();
        };
        assert_eq!((file.name, file.surety), ("jpeg", Surety::Shown));
        assert!(file.what.contains("without tables"), "{}", file.what);
        assert_eq!(octets[file.range.clone()], bare);
        assert_eq!(file.elementary(octets).octets, whole);
    }
    let mut noise = made::without_tables(&made::headers(640, 480));
    noise.extend(random(7, 20_000));
    assert_eq!(within(&noise, 9), []);
}

#[test]
fn sound_with_titles_between_is_one() {
    let sound = sound();
    // Twelve frames, a title, and so on: none alone is enough.
    let part = [&sound[..12 * 417], b"\x01StreamTitle='a';"].concat();
    let radio = [&random(8, 300)[..], &part.repeat(4)].concat();
    let [file] = &within(&radio, 9)[..] else {
        panic!();
    };
    assert_eq!((file.name, file.range.start), ("mp3", 300));
    assert!(file.what.contains("48 frames"), "{}", file.what);
    assert_eq!(within(&part, 9), []);
    let apart = [&part[..], &random(9, 20_000)].concat().repeat(4);
    assert_eq!(within(&apart, 9), []);
}

#[test]
fn pages_of_ogg_that_were_joined_are_found_by_their_checksums() {
    let packets: Vec<_> = (0..200).map(|n| (960, random(n, 300))).collect();
    let whole = crate::inspect::mux::ogg::opus(1, &packets);
    let joined = &whole[whole.len() / 3..];
    let [file] = &within(joined, 9)[..] else {
        panic!();
    };
    assert_eq!((file.name, file.surety), ("ogg", Surety::Shown));
    assert!(joined[file.range.clone()].starts_with(b"OggS"));
    assert!(file.range.end == joined.len(), "{}", file.what);
    // Each page with an octet that is another one.
    let mut torn = joined.to_vec();
    let pages: Vec<usize> = memchr::memmem::find_iter(joined, b"OggS").collect();
    assert!(pages.len() >= 3);
    pages.iter().for_each(|at| torn[at + 40] ^= 1);
    assert_eq!(within(&torn, 9), []);
}

#[test]
fn noise_holds_nothing() {
    for seed in 0..6 {
        let noise = random(seed, 300_000);
        assert_eq!(at_start(&noise), None);
        assert_eq!(within(&noise, 9), []);
    }
    for octets in [vec![0; 100_000], vec![0xff; 100_000], vec![0x47; 100_000]] {
        let shown = within(&octets, 9)
            .into_iter()
            .filter(|f| f.surety == Surety::Shown);
        assert_eq!(shown.count(), 0);
    }
}

proptest! {
    #[test]
    fn hostile_octets_never_panic(
        octets in prop::collection::vec(any::<u8>(), 0..120),
        which in 0..7_usize,
        cut in 0..600_usize,
    ) {
        let (_, file) = files().swap_remove(which);
        let octets = [&file[..cut.min(file.len())], &octets].concat();
        for file in at_start(&octets).into_iter().chain(within(&octets, 4)) {
            let _ = file.elementary(&octets);
        }
    }
}
