//! Fragmented MP4 (ISO/IEC 14496-12 8.8) with a track of H.264 (ISO/IEC
//! 14496-15 5, sample entry `avc3`: parameter sets stay in the samples, so that
//! every NAL unit is stored as it was produced) and a track of G.711 mu-law
//! (sample entry `ulaw` of the MP4 registration authority, a packet a sample).

use std::sync::Arc;

use bytes::Bytes;
use mp4_atom::{
    Any, Atom, Audio, Avc3, Avcc, Codec, DecodeMaybe, Dinf, Dref, DrefEntry, Encode, Error, FourCC,
    Free, Ftyp, Hdlr, Mdat, Mdhd, Mdia, Mfhd, Minf, Moof, Moov, Mvex, Mvhd, Smhd, Stbl, Stsd, Tfdt,
    Tfhd, Tkhd, Traf, Trak, Trex, Trun, TrunEntry, TrunSamples, Twos, Url, Visual, Vmhd, Zeroed,
};

use crate::{
    h264::{AccessUnit, EncoderConfig},
    sound::{PACKET_SAMPLES, SAMPLE_RATE, SoundPacket},
};

/// Ticks per second of the video, as in RTP (RFC 6184 5.1).
pub const TIMESCALE: u32 = 90_000;

/// Octets of the head of a box.
const BOX_HEAD: usize = 8;

const VIDEO_TRACK: u32 = 1;
const SOUND_TRACK: u32 = 2;

/// Sample flags (ISO/IEC 14496-12 8.8.3.1): depends on no other sample.
const SYNC: u32 = 0x0200_0000;
/// Depends on others, and is no sync sample.
const NON_SYNC: u32 = 0x0101_0000;

/// `ftyp` and `moov` for video that begins with that key frame, and sound.
pub fn head(video: &EncoderConfig, first: &AccessUnit) -> Result<Vec<u8>, Error> {
    let moov = Moov {
        mvhd: Mvhd {
            timescale: TIMESCALE,
            next_track_id: SOUND_TRACK + 1,
            rate: 1.into(),
            volume: 1.into(),
            ..Mvhd::default()
        },
        mvex: Some(Mvex {
            mehd: None,
            trex: [VIDEO_TRACK, SOUND_TRACK].map(extends).to_vec(),
        }),
        trak: vec![video_track(video, first)?, sound_track()],
        ..Moov::default()
    };
    let mut out = Vec::new();
    Ftyp {
        major_brand: FourCC::new(b"iso6"),
        minor_version: 0,
        compatible_brands: vec![FourCC::new(b"iso6"), FourCC::new(b"mp41")],
    }
    .encode(&mut out)?;
    moov.encode(&mut out)?;
    // The crate knows no `ulaw`, whose sample entry is that of `twos`.
    let twos = out.windows(4).rposition(|name| name == b"twos");
    let at = twos.ok_or(Error::MissingBox(Twos::KIND))?;
    out[at..at + 4].copy_from_slice(b"ulaw");
    Ok(out)
}

/// What a fragment holds.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// When its first access unit is shown, in ticks of [`TIMESCALE`] since the
    /// start of the clip.
    pub video_start: u64,
    /// Access units, with their durations in the same ticks.
    pub video: Vec<(Arc<AccessUnit>, u32)>,
    /// When its first packet of sound is heard, in samples since the start of
    /// the clip.
    pub sound_start: u64,
    /// Packets of sound.
    pub sound: Vec<Arc<SoundPacket>>,
}

/// `moof` and `mdat`. A track without samples is left out.
pub fn fragment(sequence: u32, contents: &Contents) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    let mut runs = Vec::new();
    if !contents.video.is_empty() {
        let entries = write_video(&contents.video, &mut data)?;
        runs.push((run(VIDEO_TRACK, contents.video_start, entries), 0));
    }
    if !contents.sound.is_empty() {
        let before = data.len();
        let entries = write_sound(&contents.sound, &mut data)?;
        runs.push((run(SOUND_TRACK, contents.sound_start, entries), before));
    }
    let (traf, offsets): (Vec<_>, Vec<_>) = runs.into_iter().unzip();
    let mut moof = Moof {
        mfhd: Mfhd {
            sequence_number: sequence,
        },
        traf,
    };
    let mut out = Vec::new();
    moof.encode(&mut out)?;
    // The offsets are known only now, and have a fixed size.
    let head = out.len() + BOX_HEAD;
    for (traf, offset) in moof.traf.iter_mut().zip(offsets) {
        let offset = i32::try_from(head + offset).map_err(|_| Error::InvalidSize)?;
        traf.trun[0].data_offset = Some(offset);
    }
    out.clear();
    moof.encode(&mut out)?;
    Mdat { data }.encode(&mut out)?;
    Ok(out)
}

/// A `free` box of at least so many octets.
pub fn padding(length: usize) -> Result<Vec<u8>, Error> {
    let zeroed = Zeroed {
        size: length.saturating_sub(BOX_HEAD),
    };
    let mut out = Vec::new();
    Free { zeroed }.encode(&mut out)?;
    Ok(out)
}

/// What a player finds in a file that may end anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footage {
    /// Samples of the video in whole fragments: each the NAL units of an access
    /// unit.
    pub samples: Vec<Vec<Bytes>>,
    /// Samples of the sound in whole fragments: each a packet.
    pub sound: Vec<Bytes>,
    /// Octets of whole boxes from the start.
    pub whole: usize,
}

/// Reads whole boxes to the first that is cut.
pub fn read(file: &[u8]) -> Result<Footage, Error> {
    let mut rest = file;
    let mut footage = Footage::default();
    let mut sizes = Vec::new();
    while let Some(atom) = Any::decode_maybe(&mut rest)? {
        footage.whole = file.len() - rest.len();
        match atom {
            Any::Moof(moof) => sizes = moof.traf.iter().flat_map(sample_sizes).collect(),
            Any::Mdat(mdat) => {
                let mut data = Bytes::from(mdat.data);
                for (track, size) in sizes.drain(..) {
                    let sample = split(&mut data, size)?;
                    match track {
                        SOUND_TRACK => footage.sound.push(sample),
                        _ => footage.samples.push(nal_units(sample)?),
                    }
                }
            }
            _ => {}
        }
    }
    Ok(footage)
}

fn video_track(video: &EncoderConfig, first: &AccessUnit) -> Result<Trak, Error> {
    let parameter_set = |kind: u8| {
        let is_kind = |nal: &&Bytes| nal.first().is_some_and(|head| head & 0x1f == kind);
        let found = first.nal_units.iter().find(is_kind);
        found.ok_or(Error::MissingBox(Avcc::KIND))
    };
    // Validated: at most 1920 by 1080.
    let (width, height) = (video.width as u16, video.height as u16);
    let entry = Avc3 {
        visual: Visual {
            data_reference_index: 1,
            width,
            height,
            ..Visual::default()
        },
        avcc: Avcc::new(parameter_set(7)?, parameter_set(8)?)?,
        ..Avc3::default()
    };
    let minf = Minf {
        vmhd: Some(Vmhd::default()),
        ..minf(entry.into())
    };
    let mut track = track(VIDEO_TRACK, b"vide", "video", TIMESCALE, minf);
    (track.tkhd.width, track.tkhd.height) = (width.into(), height.into());
    Ok(track)
}

fn sound_track() -> Trak {
    let entry = Twos {
        audio: Audio {
            data_reference_index: 1,
            channel_count: 1,
            // Of what the octets stand for.
            sample_size: 16,
            // 8000: fits.
            sample_rate: (SAMPLE_RATE as u16).into(),
        },
        pcmc: None,
        chnl: None,
        btrt: None,
    };
    let minf = Minf {
        smhd: Some(Smhd::default()),
        ..minf(entry.into())
    };
    let mut track = track(SOUND_TRACK, b"soun", "sound", SAMPLE_RATE, minf);
    track.tkhd.volume = 1.into();
    track
}

fn track(track_id: u32, handler: &[u8; 4], name: &str, timescale: u32, minf: Minf) -> Trak {
    Trak {
        tkhd: Tkhd {
            track_id,
            enabled: true,
            in_movie: true,
            ..Tkhd::default()
        },
        mdia: Mdia {
            mdhd: Mdhd {
                timescale,
                language: "und".into(),
                ..Mdhd::default()
            },
            hdlr: Hdlr {
                handler: FourCC::new(handler),
                name: name.into(),
            },
            minf,
        },
        ..Trak::default()
    }
}

fn minf(codec: Codec) -> Minf {
    Minf {
        dinf: Dinf {
            dref: Dref {
                entries: vec![DrefEntry::Url(Url::default())],
            },
        },
        stbl: Stbl {
            stsd: Stsd {
                codecs: vec![codec],
            },
            ..Stbl::default()
        },
        ..Minf::default()
    }
}

fn extends(track_id: u32) -> Trex {
    Trex {
        track_id,
        default_sample_description_index: 1,
        ..Trex::default()
    }
}

fn run(track_id: u32, start: u64, entries: Vec<TrunEntry>) -> Traf {
    Traf {
        tfhd: Tfhd {
            track_id,
            default_base_is_moof: true,
            ..Tfhd::default()
        },
        tfdt: Some(Tfdt {
            base_media_decode_time: start,
        }),
        trun: vec![Trun {
            data_offset: Some(0),
            samples: TrunSamples::Explicit(entries),
        }],
        ..Traf::default()
    }
}

fn write_video(
    units: &[(Arc<AccessUnit>, u32)],
    data: &mut Vec<u8>,
) -> Result<Vec<TrunEntry>, Error> {
    let mut entries = Vec::with_capacity(units.len());
    for (unit, duration) in units {
        let from = data.len();
        for nal in &unit.nal_units {
            let length = u32::try_from(nal.len()).map_err(|_| Error::InvalidSize)?;
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(nal);
        }
        let flags = if unit.key_frame { SYNC } else { NON_SYNC };
        entries.push(entry(*duration, data.len() - from, flags)?);
    }
    Ok(entries)
}

/// Every packet lasts to the next one, also where packets are missing.
fn write_sound(packets: &[Arc<SoundPacket>], data: &mut Vec<u8>) -> Result<Vec<TrunEntry>, Error> {
    let mut entries = Vec::with_capacity(packets.len());
    for (index, packet) in packets.iter().enumerate() {
        data.extend_from_slice(&packet.octets);
        let duration = packets
            .get(index + 1)
            .map_or(PACKET_SAMPLES as u32, |next| {
                next.rtp_time().wrapping_sub(packet.rtp_time())
            });
        entries.push(entry(duration, packet.octets.len(), SYNC)?);
    }
    Ok(entries)
}

fn entry(duration: u32, size: usize, flags: u32) -> Result<TrunEntry, Error> {
    Ok(TrunEntry {
        duration: Some(duration),
        size: Some(u32::try_from(size).map_err(|_| Error::InvalidSize)?),
        flags: Some(flags),
        cts: None,
    })
}

/// Track and size of every sample. Only runs that say the sizes are read: a
/// mere count can be of any size.
fn sample_sizes(traf: &Traf) -> Vec<(u32, u32)> {
    let entries = traf.trun.iter().filter_map(|trun| match &trun.samples {
        TrunSamples::Explicit(entries) => Some(entries),
        TrunSamples::Inherited { .. } => None,
    });
    let sizes = entries.flatten().filter_map(|entry| entry.size);
    sizes.map(|size| (traf.tfhd.track_id, size)).collect()
}

fn nal_units(mut sample: Bytes) -> Result<Vec<Bytes>, Error> {
    let mut nal_units = Vec::new();
    while !sample.is_empty() {
        let length = split(&mut sample, 4)?;
        let length = length.iter().fold(0, |l, octet| l << 8 | u32::from(*octet));
        nal_units.push(split(&mut sample, length)?);
    }
    Ok(nal_units)
}

fn split(data: &mut Bytes, length: u32) -> Result<Bytes, Error> {
    let length = length as usize;
    if length > data.len() {
        return Err(Error::OutOfBounds);
    }
    Ok(data.split_to(length))
}

#[cfg(test)]
mod tests {
    use std::{sync::LazyLock, time::Duration};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        h264::{Encoder, STREAMS},
        scene,
    };

    /// A picture and, with the third missing, three packets of sound.
    static CLIP: LazyLock<(Contents, Vec<u8>)> = LazyLock::new(|| {
        let video = STREAMS[0];
        let picture = scene::logo(video.width as usize, video.height as usize);
        let mut encoder = Encoder::new(video, 1).unwrap();
        let unit = encoder.encode(&picture, 0, Duration::ZERO).unwrap();
        let packet = |number: u32| SoundPacket {
            octets: vec![number as u8; PACKET_SAMPLES],
            number,
            taken: Duration::ZERO,
        };
        let contents = Contents {
            video: vec![(unit.into(), 9000)],
            sound: [5, 6, 8].map(|number| packet(number).into()).to_vec(),
            sound_start: 800,
            ..Contents::default()
        };
        let mut file = head(&video, &contents.video[0].0).unwrap();
        file.extend(fragment(1, &contents).unwrap());
        (contents, file)
    });

    #[test]
    fn both_tracks_are_read_as_they_were_written() {
        let (contents, file) = &*CLIP;
        let footage = read(file).unwrap();
        assert_eq!(footage.whole, file.len());
        assert_eq!(footage.samples, [contents.video[0].0.nal_units.clone()]);
        let sound: Vec<_> = contents.sound.iter().map(|p| &p.octets[..]).collect();
        assert_eq!(footage.sound, sound);
        for cut in 0..file.len() {
            assert!(read(&file[..cut]).is_ok_and(|f| f.samples.is_empty() && f.whole <= cut));
        }
    }

    #[test]
    fn a_packet_lasts_to_the_next_where_one_is_missing() {
        let (contents, _) = &*CLIP;
        let entries = write_sound(&contents.sound, &mut Vec::new()).unwrap();
        let durations: Vec<_> = entries.iter().filter_map(|entry| entry.duration).collect();
        assert_eq!(durations, [160, 320, 160]);
    }

    proptest! {
        #[test]
        fn a_file_of_anything_never_panics(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9),
        ) {
            let mut file = CLIP.1.clone();
            let heads = 1500.min(file.len());
            for (at, octet) in changes {
                file[at.index(heads)] = octet;
            }
            if let Ok(footage) = read(&file) {
                prop_assert!(footage.whole <= file.len());
            }
        }
    }
}
