//! The ledger: the plaintext that the device produced, which must never be
//! seen. `<track>.bin` is the access units one after the other, each NAL unit
//! with a start code (Annex B), or for sound the packets one after the other;
//! `<track>.idx` is a text line per access unit or packet.

mod index;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::{Error, file};

/// All tracks by name (`video`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Track name to track; a name has only `a-z`, `0-9` and `-`.
    pub tracks: BTreeMap<String, Track>,
}

/// One track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Track {
    /// Annex B byte stream of all units.
    pub bytes: Vec<u8>,
    /// The access units in order; they cover `bytes` without gap or overlap.
    pub units: Vec<Unit>,
}

/// One access unit of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Where it begins in the track's bytes.
    pub offset: usize,
    /// Its length in octets, start codes included.
    pub length: usize,
    /// Frame number.
    pub number: u32,
    /// When it was produced, nanoseconds since 1970.
    pub time_ns: u64,
    /// Whether it is a key frame.
    pub key_frame: bool,
}

impl Track {
    /// Appends one access unit of these NAL units (without start codes), each
    /// with a start code of 4 octets (ITU-T H.264 B.1.1).
    pub fn push(
        &mut self,
        nal_units: &[impl AsRef<[u8]>],
        number: u32,
        time_ns: u64,
        key_frame: bool,
    ) {
        let offset = self.bytes.len();
        for nal_unit in nal_units {
            self.bytes.extend([0, 0, 0, 1]);
            self.bytes.extend(nal_unit.as_ref());
        }
        self.units.push(Unit {
            offset,
            length: self.bytes.len() - offset,
            number,
            time_ns,
            key_frame,
        });
    }

    /// Appends octets that are no H.264 (a packet of sound) as they are.
    pub fn push_octets(&mut self, octets: &[u8], number: u32, time_ns: u64) {
        self.units.push(Unit {
            offset: self.bytes.len(),
            length: octets.len(),
            number,
            time_ns,
            key_frame: false,
        });
        self.bytes.extend_from_slice(octets);
    }

    /// Sequence and picture parameter sets (`nal_unit_type` 7 and 8, ITU-T
    /// H.264 table 7-1) of the first key frame, as Annex B; empty if there is
    /// no key frame or it has none.
    pub fn parameter_sets(&self) -> Vec<u8> {
        let mut sets = Vec::new();
        let unit = self.units.iter().find(|u| u.key_frame);
        let bytes = unit.and_then(|u| self.bytes.get(u.offset..)?.get(..u.length));
        for nal_unit in nal_units(bytes.unwrap_or_default()) {
            if matches!(nal_unit[0] & 31, 7 | 8) {
                sets.extend([0, 0, 0, 1]);
                sets.extend(nal_unit);
            }
        }
        sets
    }
}

impl Ledger {
    /// Reads every track of the folder; a folder that is not there is an empty
    /// ledger.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let mut names = BTreeSet::new();
        for entry in file::list(folder)?.unwrap_or_default() {
            match entry.rsplit_once('.') {
                Some((name, "bin" | "idx")) if is_track_name(name) => names.insert(name.to_owned()),
                _ => {
                    return Err(file::damaged(
                        &folder.join(entry),
                        "does not belong into a ledger, which has <track>.bin and <track>.idx, \
                         <track> of a-z, 0-9 and -; remove it"
                            .into(),
                    ));
                }
            };
        }
        let mut tracks = BTreeMap::new();
        for name in names {
            let track = read_track(folder, &name)?;
            tracks.insert(name, track);
        }
        Ok(Self { tracks })
    }

    /// Writes every track into the folder, which is made if need be.
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Error> {
        file::create_dir(folder)?;
        for (name, track) in &self.tracks {
            if !is_track_name(name) {
                return Err(file::damaged(
                    folder,
                    format!("track name {name:?} has something else than a-z, 0-9 and -"),
                ));
            }
            let path = folder.join(format!("{name}.idx"));
            let text = index::write(track).map_err(|what| file::damaged(&path, what))?;
            file::write(&folder.join(format!("{name}.bin")), &track.bytes)?;
            file::write(&path, text.as_bytes())?;
        }
        Ok(())
    }
}

/// Octets of a track, and of its index.
const BYTES_LIMIT: u64 = 4 << 30;
const INDEX_LIMIT: u64 = 256 << 20;

fn is_track_name(name: &str) -> bool {
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    !name.is_empty() && name.bytes().all(allowed)
}

fn read_track(folder: &Path, name: &str) -> Result<Track, Error> {
    let missing = |path: &Path| {
        file::damaged(
            path,
            "is missing; a track has both <track>.bin and <track>.idx".into(),
        )
    };
    let path = folder.join(format!("{name}.bin"));
    let bytes = file::read(&path, BYTES_LIMIT)?.ok_or_else(|| missing(&path))?;
    let path = folder.join(format!("{name}.idx"));
    let text = file::read_text(&path, INDEX_LIMIT)?.ok_or_else(|| missing(&path))?;
    let units = index::read(&text, bytes.len()).map_err(|what| file::damaged(&path, what))?;
    Ok(Track { bytes, units })
}

/// The NAL units of an Annex B byte stream, none of them empty, after start
/// codes of 3 or 4 octets and without trailing zeros.
fn nal_units(mut bytes: &[u8]) -> Vec<&[u8]> {
    let next = |bytes: &[u8]| bytes.windows(3).position(|w| w == [0, 0, 1]);
    let mut units = Vec::new();
    while let Some(start) = next(bytes) {
        bytes = &bytes[start + 3..];
        let end = next(bytes).unwrap_or(bytes.len());
        let zeros = bytes[..end].iter().rev().take_while(|b| **b == 0).count();
        if zeros < end {
            units.push(&bytes[..end - zeros]);
        }
        bytes = &bytes[end..];
    }
    units
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn track() -> impl Strategy<Value = Track> {
        let nal_units = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..4);
        let unit = (nal_units, any::<u32>(), any::<u64>(), any::<bool>());
        prop::collection::vec(unit, 0..6).prop_map(|units| {
            let mut track = Track::default();
            for (nal_units, number, time_ns, key_frame) in units {
                track.push(&nal_units, number, time_ns, key_frame);
            }
            track
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read(tracks in prop::collection::btree_map("[a-z0-9-]{1,8}", track(), 0..4)) {
            let folder = tempfile::tempdir().unwrap();
            let ledger = Ledger { tracks };
            ledger.write(folder.path()).unwrap();
            prop_assert_eq!(Ledger::read(folder.path()).unwrap(), ledger);
        }
    }

    #[test]
    fn octets_of_sound_are_kept_as_they_are() {
        let mut track = Track::default();
        track.push_octets(b"\xff\x7f", 0, 5);
        track.push_octets(b"\0\0\x01\x67", 1, 6);
        assert_eq!(track.bytes, b"\xff\x7f\0\0\x01\x67");
        assert_eq!((track.units[1].offset, track.units[1].length), (2, 4));
        assert!(track.parameter_sets().is_empty());
    }

    fn small() -> Track {
        let mut track = Track::default();
        track.push(&[&b"\x41x"[..]], 0, 5, false);
        track.push(&[&b"\x67sps"[..], b"\x68pps", b"\x65idr"], 1, 6, true);
        track
    }

    #[test]
    fn units_are_annex_b_with_start_codes_of_four_octets() {
        let track = small();
        assert_eq!(
            track.bytes,
            b"\0\0\0\x01\x41x\0\0\0\x01\x67sps\0\0\0\x01\x68pps\0\0\0\x01\x65idr"
        );
        assert_eq!((track.units[1].offset, track.units[1].length), (6, 24));
    }

    #[test]
    fn parameter_sets_are_those_of_the_first_key_frame() {
        assert_eq!(
            small().parameter_sets(),
            b"\0\0\0\x01\x67sps\0\0\0\x01\x68pps"
        );
        assert!(Track::default().parameter_sets().is_empty());
    }

    #[test]
    fn parameter_sets_after_start_codes_of_three_octets_are_found() {
        let bytes = b"\0\0\x01\x67sps\0\0\x01\x68pps\0\0\x01\x65idr".to_vec();
        let unit = Unit {
            offset: 0,
            length: bytes.len(),
            number: 0,
            time_ns: 0,
            key_frame: true,
        };
        let track = Track {
            bytes,
            units: vec![unit],
        };
        assert_eq!(track.parameter_sets(), small().parameter_sets());
    }

    /// Message for an index of these lines after the header and a track of 10
    /// octets, without the folder.
    fn message(lines: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let index = format!("{}\n{lines}", index::HEADER);
        std::fs::write(folder.path().join("video.bin"), [0; 10]).unwrap();
        std::fs::write(folder.path().join("video.idx"), index).unwrap();
        let message = Ledger::read(folder.path()).unwrap_err().to_string();
        message.replace(&folder.path().display().to_string(), "LEDGER")
    }

    #[test]
    fn damaged_index_is_named_with_file_and_line() {
        assert_eq!(
            message("0\t4\t0\t0\t1\n5\t5\t1\t0\t0\n"),
            "LEDGER/video.idx: line 3: offset 5, where the unit before ends at 4"
        );
        assert_eq!(
            message("0\t11\t0\t0\t1\n"),
            "LEDGER/video.idx: line 2: 11 octets at offset 0 are beyond the 10 of the track"
        );
        assert_eq!(
            message("0\t4\t0\t0\t1\n4\t18446744073709551615\t1\t0\t0\n"),
            "LEDGER/video.idx: line 3: 18446744073709551615 octets at offset 4 are beyond the 10 of the track"
        );
        assert_eq!(
            message("0\t4\t0\t0\t1\n"),
            "LEDGER/video.idx: the units end at 4, and the track has 10 octets"
        );
        assert_eq!(
            message("0\t10\t-1\t0\t1\n"),
            "LEDGER/video.idx: line 2: number \"-1\" is no number of its range"
        );
        assert_eq!(
            message("0\t10\t0\t0\tyes\n"),
            "LEDGER/video.idx: line 2: key_frame \"yes\" is neither 0 nor 1"
        );
        assert_eq!(
            message("0 10 0 0 1\n"),
            "LEDGER/video.idx: line 2: expected 5 fields with tabs between, found 1"
        );
    }

    #[test]
    fn strange_file_and_lone_half_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let message = || {
            let message = Ledger::read(folder.path()).unwrap_err().to_string();
            message.replace(&folder.path().display().to_string(), "LEDGER")
        };
        file::write(&folder.path().join("video.bin"), b"").unwrap();
        assert_eq!(
            message(),
            "LEDGER/video.idx: is missing; a track has both <track>.bin and <track>.idx"
        );
        file::write(&folder.path().join("Video.bin"), b"").unwrap();
        assert_eq!(
            message(),
            "LEDGER/Video.bin: does not belong into a ledger, which has <track>.bin and \
             <track>.idx, <track> of a-z, 0-9 and -; remove it"
        );
    }

    #[test]
    fn track_that_could_not_be_read_again_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, track: Track| {
            let tracks = BTreeMap::from([(name.to_owned(), track)]);
            let error = Ledger { tracks }.write(folder.path()).unwrap_err();
            error
                .to_string()
                .replace(&folder.path().display().to_string(), "LEDGER")
        };
        assert_eq!(
            write("../video", small()),
            "LEDGER: track name \"../video\" has something else than a-z, 0-9 and -"
        );
        let mut gap = small();
        gap.units.remove(0);
        assert_eq!(
            write("video", gap),
            "LEDGER/video.idx: line 2: offset 6, where the unit before ends at 0"
        );
    }
}
