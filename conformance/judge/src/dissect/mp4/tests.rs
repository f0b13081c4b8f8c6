//! Movies built box by box.

use proptest::{prelude::*, sample::Index};

use super::*;

fn boxed(kind: &[u8; 4], payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let size = u32::try_from(payload.len() + 8).unwrap();
    [&size.to_be_bytes(), &kind[..], payload].concat()
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A sample of NAL units, each with a length of 4 octets.
fn sample(units: &[&[u8]]) -> Vec<u8> {
    let unit = |unit: &&[u8]| [&(unit.len() as u32).to_be_bytes(), *unit].concat();
    units.iter().flat_map(unit).collect()
}

const SPS: &[u8] = &[0x67, 1, 2, 3];
const PPS: &[u8] = &[0x68, 4];

fn avcc(length_size: u8) -> Vec<u8> {
    let mut avcc = vec![1, 66, 0, 30, 0xfc | (length_size - 1), 0xe1, 0, 4];
    avcc.extend(SPS);
    avcc.extend([1, 0, 2]);
    avcc.extend(PPS);
    boxed(b"avcC", avcc)
}

fn video_entry(kind: &[u8; 4], inner: &[u8]) -> Vec<u8> {
    boxed(kind, [&[0; 78], inner].concat())
}

fn sound_entry() -> Vec<u8> {
    let mut entry = vec![0; 28];
    entry[17] = 1;
    entry[24..28].copy_from_slice(&(8000_u32 << 16).to_be_bytes());
    boxed(b"ulaw", entry)
}

fn trak(id: u32, handler: &[u8; 4], timescale: u32, entry: &[u8], tables: &[u8]) -> Vec<u8> {
    let stsd = boxed(b"stsd", [words(&[0, 1]), entry.to_vec()].concat());
    let stbl = boxed(b"stbl", [&stsd, tables].concat());
    let minf = boxed(b"minf", [boxed(b"vmhd", words(&[1, 0, 0])), stbl].concat());
    let hdlr = boxed(b"hdlr", [&words(&[0, 0]), &handler[..], &[0; 13]].concat());
    let mdhd = boxed(b"mdhd", words(&[0, 0, 0, timescale, 0, 0]));
    let mdia = boxed(b"mdia", [mdhd, hdlr, minf].concat());
    let tkhd = boxed(b"tkhd", words(&[0, 0, 0, id, 0]));
    boxed(b"trak", [tkhd, mdia].concat())
}

/// `ftyp` and `moov` of a movie in fragments: track 1 of H.264, 2 of sound.
fn head() -> Vec<u8> {
    let entry = video_entry(b"avc3", &[boxed(b"colr", b"nclx"), avcc(4)].concat());
    let trex = |id| boxed(b"trex", words(&[0, id, 1, 0, 0, 0]));
    let moov = [
        boxed(b"mvhd", words(&[0; 25])),
        trak(1, b"vide", 90_000, &entry, &[]),
        trak(2, b"soun", 8000, &sound_entry(), &[]),
        boxed(b"mvex", [trex(1), trex(2)].concat()),
    ];
    [
        boxed(b"ftyp", b"iso6\0\0\0\0iso6"),
        boxed(b"moov", moov.concat()),
    ]
    .concat()
}

/// A fragment of video and sound, one packet a sample.
fn fragment(time: u32, video: &[Vec<u8>], sound: &[&[u8]]) -> Vec<u8> {
    let moof = |offsets: [u32; 2]| {
        let tfhd = |id| boxed(b"tfhd", words(&[0x02_0000, id]));
        let tfdt = |time| boxed(b"tfdt", words(&[0, time]));
        let mut run = words(&[0x301, video.len() as u32, offsets[0]]);
        run.extend(video.iter().flat_map(|s| words(&[6000, s.len() as u32])));
        let first = [tfhd(1), tfdt(time), boxed(b"trun", run)].concat();
        let mut run = words(&[0x301, sound.len() as u32, offsets[1]]);
        run.extend(sound.iter().flat_map(|s| words(&[160, s.len() as u32])));
        let second = [tfhd(2), tfdt(0), boxed(b"trun", run)].concat();
        let inside = [
            boxed(b"mfhd", words(&[0, 1])),
            boxed(b"traf", first),
            boxed(b"traf", second),
        ];
        boxed(b"moof", inside.concat())
    };
    let data = (moof([0, 0]).len() + 8) as u32;
    let (video, sound) = (video.concat(), sound.concat());
    let moof = moof([data, data + video.len() as u32]);
    [moof, boxed(b"mdat", [video, sound].concat())].concat()
}

fn fragmented() -> Vec<u8> {
    let key_frame = sample(&[SPS, PPS, &[0x65; 40]]);
    let frames = [
        key_frame,
        sample(&[&[0x41; 30]]),
        sample(&[&[0x41; 20], &[0x41; 9]]),
    ];
    [
        head(),
        fragment(500, &frames[..2], &[&[1; 160], &[2; 160]]),
        boxed(b"free", [0; 100]),
        fragment(12_500, &frames[2..], &[&[3; 160]]),
    ]
    .concat()
}

fn check(movie: &Movie, file: &[u8]) {
    let end = movie.pieces.iter().fold(0, |end, piece| {
        assert_eq!(piece.range.start, end);
        assert!(piece.range.end > end);
        piece.range.end
    });
    assert_eq!(end, file.len());
    assert!(movie.whole <= file.len() && movie.faults.len() <= MOST_FAULTS);
    for track in &movie.tracks {
        for sample in track.samples.iter().chain(&track.cut) {
            assert!(sample.range.end <= file.len());
            for unit in track.nal_units(sample) {
                assert!(sample.range.start < unit.start && unit.end <= sample.range.end);
            }
        }
        assert!(track.annex_b(file).len() <= 5 * file.len());
    }
}

fn flaws(file: &[u8]) -> Vec<Flaw> {
    let movie = dissect(file);
    check(&movie, file);
    movie.faults.iter().map(|fault| fault.flaw).collect()
}

#[test]
fn samples_of_fragments_are_found_with_their_nal_units() {
    let file = fragmented();
    let movie = dissect(&file);
    check(&movie, &file);
    assert_eq!((&movie.faults[..], movie.absent), (&[][..], 0));
    assert_eq!(movie.whole, file.len());
    let [video, sound] = &movie.tracks[..] else {
        panic!("{:?}", movie.tracks);
    };
    assert_eq!(
        (video.id, video.codec.0, video.timescale),
        (1, *b"avc3", 90_000)
    );
    assert_eq!((video.handler.0, video.length_size), (*b"vide", Some(4)));
    let sets: Vec<_> = video
        .parameter_sets
        .iter()
        .map(|s| &file[s.clone()])
        .collect();
    assert_eq!(sets, [SPS, PPS]);
    let units = |sample: &Sample| -> Vec<Vec<u8>> {
        let units = video.nal_units(sample).iter();
        units.map(|unit| file[unit.clone()].to_vec()).collect()
    };
    let samples: Vec<_> = video.samples.iter().map(units).collect();
    assert_eq!(samples[0], [SPS.to_vec(), PPS.to_vec(), vec![0x65; 40]]);
    assert_eq!(
        samples[1..],
        [vec![vec![0x41; 30]], vec![vec![0x41; 20], vec![0x41; 9]]]
    );
    let times: Vec<_> = video.samples.iter().map(|s| (s.time, s.duration)).collect();
    assert_eq!(times, [(500, 6000), (6500, 6000), (12_500, 6000)]);

    assert_eq!((sound.codec.0, sound.sound), (*b"ulaw", Some((1, 8000))));
    assert_eq!(sound.octets(&file), [[1; 160], [2; 160], [3; 160]].concat());
    assert_eq!(sound.annex_b(&file), [0; 0]);
    let stream = video.annex_b(&file);
    assert_eq!(stream[..8], [0, 0, 0, 1, 0x67, 1, 2, 3]);
    // Parameter sets twice: of the entry, and of the first sample.
    assert_eq!(super::super::h264::nal_units(&stream).count(), 8);
}

#[test]
fn every_octet_has_its_class() {
    let file = fragmented();
    let movie = dissect(&file);
    assert_eq!(
        movie.octets(|class| class == Class::Sample(0)),
        6 + 40 + 30 + 29
    );
    assert_eq!(movie.octets(|class| class == Class::Sample(1)), 480);
    assert_eq!(movie.octets(|class| class == Class::Padding), 100);
    // `colr` is no box that we know, in a sample entry that we do.
    assert_eq!(movie.octets(|class| class == Class::Unknown), 0);

    let hidden = [
        boxed(b"ftyp", b"iso6\0\0\0\0"),
        boxed(b"free", b"video"),
        boxed(b"uuid", [b'x'; 36]),
        boxed(b"mdat", [5; 10]),
    ];
    let movie = dissect(&hidden.concat());
    assert_eq!(movie.octets(|class| class == Class::Unknown), 5 + 20 + 10);
    assert_eq!(movie.faults, []);
    let kinds: Vec<_> = movie
        .boxes
        .iter()
        .map(|b| (b.kind.0, b.at, b.depth))
        .collect();
    assert_eq!(
        kinds,
        [
            (*b"ftyp", 0, 0),
            (*b"free", 16, 0),
            (*b"uuid", 29, 0),
            (*b"mdat", 73, 0)
        ]
    );
}

/// Tables of a plain movie, whose `moov` may come last.
#[test]
fn samples_of_a_plain_movie_are_found() {
    let frames = [
        sample(&[&[0x65; 50]]),
        sample(&[&[0x41; 20]]),
        sample(&[&[0x41; 10]]),
    ];
    let sizes: Vec<u32> = frames.iter().map(|f| f.len() as u32).collect();
    let ftyp = boxed(b"ftyp", b"isom\0\0\0\0");
    let start = ftyp.len() as u32 + 8;
    // Two frames, 100 of sound, one frame, 60 of sound.
    let second = start + sizes[0] + sizes[1];
    let third = second + 100;
    let fourth = third + sizes[2];
    let data = [&frames[..2].concat(), &[1; 100][..], &frames[2], &[2; 60]].concat();
    let video = [
        boxed(b"stts", words(&[0, 2, 1, 3000, 2, 3600])),
        boxed(b"stsc", words(&[0, 2, 1, 2, 1, 2, 1, 1])),
        boxed(b"stsz", [words(&[0, 0, 3]), words(&sizes)].concat()),
        boxed(b"stco", words(&[0, 2, start, third])),
    ];
    let sound = [
        boxed(b"stts", words(&[0, 1, 160, 1])),
        boxed(b"stsc", words(&[0, 2, 1, 100, 1, 2, 60, 1])),
        boxed(b"stsz", words(&[0, 1, 160])),
        boxed(b"co64", words(&[0, 2, 0, second, 0, fourth])),
    ];
    let moov = [
        trak(
            1,
            b"vide",
            90_000,
            &video_entry(b"avc1", &avcc(4)),
            &video.concat(),
        ),
        trak(2, b"soun", 8000, &sound_entry(), &sound.concat()),
    ];
    let moov = boxed(b"moov", moov.concat());
    let file = [ftyp, boxed(b"mdat", data), moov].concat();
    let movie = dissect(&file);
    check(&movie, &file);
    assert_eq!(movie.faults, []);
    let [video, sound] = &movie.tracks[..] else {
        panic!("{:?}", movie.tracks);
    };
    let found: Vec<_> = video
        .samples
        .iter()
        .map(|s| file[s.range.clone()].to_vec())
        .collect();
    assert_eq!(found, frames);
    let times: Vec<_> = video.samples.iter().map(|s| (s.time, s.duration)).collect();
    assert_eq!(times, [(0, 3000), (3000, 3600), (6600, 3600)]);
    assert_eq!(sound.octets(&file), [&[1; 100][..], &[2; 60]].concat());
    let times: Vec<_> = sound.samples.iter().map(|s| (s.time, s.duration)).collect();
    assert_eq!(times, [(0, 100), (100, 60)]);
}

#[test]
fn lengths_of_nal_units_may_have_one_or_two_octets() {
    for (length_size, units) in [(1, vec![2, 0x41, 7]), (2, vec![0, 2, 0x41, 7])] {
        let entry = video_entry(b"avc1", &avcc(length_size));
        let ftyp = boxed(b"ftyp", b"isom\0\0\0\0");
        let size = units.len() as u32;
        let tables = [
            boxed(b"stsc", words(&[0, 1, 1, 1, 1])),
            boxed(b"stsz", words(&[0, size, 1])),
            boxed(b"stco", words(&[0, 1, ftyp.len() as u32 + 8])),
        ];
        let moov = boxed(b"moov", trak(1, b"vide", 1, &entry, &tables.concat()));
        let file = [ftyp, boxed(b"mdat", units), moov].concat();
        let movie = dissect(&file);
        check(&movie, &file);
        let track = &movie.tracks[0];
        let unit = &track.nal_units(&track.samples[0])[0];
        assert_eq!(file[unit.clone()], [0x41, 7]);
    }
}

#[test]
fn what_is_malformed_is_named() {
    assert_eq!(flaws(&fragmented()), []);
    let replaced = |what: &[u8], by: &[u8]| {
        let mut file = fragmented();
        let at = file.windows(what.len()).position(|w| w == what).unwrap();
        file[at..at + by.len()].copy_from_slice(by);
        file
    };
    let avcc = avcc(4);
    let mut three = avcc.clone();
    three[12] = 0xfe;
    assert_eq!(flaws(&replaced(&avcc, &three)), [Flaw::Configuration]);
    let mut none = avcc.clone();
    none[4] = b'x';
    assert_eq!(flaws(&replaced(&avcc, &none)), [Flaw::Configuration]);
    let track = words(&[0x02_0000, 2]);
    assert_eq!(
        flaws(&replaced(&track, &words(&[0x02_0000, 9]))),
        [Flaw::NoTrack]
    );
    let unit = sample(&[&[0x41; 30]]);
    assert_eq!(flaws(&replaced(&unit, &[0, 0, 0, 0])), [Flaw::NalUnit]);
    assert_eq!(flaws(&replaced(&unit, &[0, 0, 0, 31])), [Flaw::NalUnit]);
    assert_eq!(flaws(&replaced(&unit, &[0, 0, 0, 29])), [Flaw::NalUnit]);
    let count = words(&[0x301, 2]);
    assert_eq!(
        flaws(&replaced(&count, &words(&[0x301, 3]))),
        [Flaw::Short],
        "more samples than entries"
    );
    let size = words(&[6000, unit.len() as u32]);
    let larger = words(&[6000, unit.len() as u32 + 5]);
    assert_eq!(
        flaws(&replaced(&size, &larger)),
        [Flaw::Overlap, Flaw::NalUnit]
    );
    let outside = words(&[6000, 5000]);
    assert_eq!(flaws(&replaced(&size, &outside)), [Flaw::Outside]);
    let trex = boxed(b"trex", []);
    assert_eq!(
        flaws(&replaced(
            &boxed(b"trex", words(&[0, 1, 1, 0, 0, 0])),
            &trex
        )),
        [Flaw::Size, Flaw::Short]
    );
}

/// A count of samples that take no room in the table.
#[test]
fn samples_are_not_counted_without_end() {
    let run = words(&[0x1, u32::MAX, 0]);
    let traf = |id| {
        let tfhd = boxed(b"tfhd", words(&[0x02_0010, id, 0]));
        boxed(b"traf", [tfhd, boxed(b"trun", run.clone())].concat())
    };
    let sized = |id| {
        let tfhd = boxed(b"tfhd", words(&[0x02_0010, id, 1]));
        boxed(b"traf", [tfhd, boxed(b"trun", run.clone())].concat())
    };
    for traf in [traf(1), sized(1)] {
        let file = [head(), boxed(b"moof", traf)].concat();
        assert!(flaws(&file).contains(&Flaw::Many));
    }
    let file = [head(), boxed(b"moof", [sized(2), sized(2)].concat())].concat();
    assert_eq!(flaws(&file), [Flaw::Outside, Flaw::Outside]);
}

#[test]
fn a_file_cut_anywhere_gives_what_is_whole() {
    let file = fragmented();
    let whole = dissect(&file);
    for cut in 0..file.len() {
        let movie = dissect(&file[..cut]);
        check(&movie, &file[..cut]);
        assert_eq!(movie.faults, [], "cut at {cut}");
        for (track, all) in movie.tracks.iter().zip(&whole.tracks) {
            // Samples of a fragment whose description is whole.
            let described = file[..cut].windows(4).filter(|w| w == b"mdat").count();
            let expected = all.samples.iter().filter(|s| s.range.end <= cut);
            let expected: Vec<_> = expected.cloned().collect();
            assert!(all.samples.starts_with(&track.samples));
            if described > 0 {
                assert_eq!(track.samples, expected, "cut at {cut}");
            }
            if let Some(sample) = &track.cut {
                assert_eq!(sample.range.end, cut);
                let begun = &all.samples[track.samples.len()];
                assert_eq!(sample.range.start, begun.range.start);
                let units = track.nal_units(sample);
                for (unit, whole) in units.iter().zip(all.nal_units(begun)) {
                    assert_eq!(unit.start, whole.start);
                    assert_eq!(unit.end, whole.end.min(cut));
                }
            }
        }
        assert_eq!(movie.octets(|class| class == Class::Unknown), 0);
    }
}

proptest! {
    #[test]
    fn flipped_bits_do_not_panic(flips in prop::collection::vec((any::<Index>(), 0..8_u8), 1..6)) {
        let mut file = fragmented();
        for (at, bit) in flips {
            let at = at.index(file.len());
            file[at] ^= 1_u8 << bit;
        }
        check(&dissect(&file), &file);
    }

    #[test]
    fn anything_does_not_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&dissect(&octets), &octets);
        let file = [head(), boxed(b"moof", &octets), boxed(b"mdat", &octets)].concat();
        check(&dissect(&file), &file);
        let file = [head(), octets].concat();
        check(&dissect(&file), &file);
    }
}
