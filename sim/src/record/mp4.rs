//! Fragmented MP4 (ISO/IEC 14496-12 8.8) with one track of H.264 (ISO/IEC
//! 14496-15 5, sample entry `avc3`: parameter sets stay in the samples, so that
//! every NAL unit is stored as it was produced).

use std::sync::Arc;

use bytes::Bytes;
use mp4_atom::{
    Any, Atom, Avc3, Avcc, Codec, DecodeMaybe, Dinf, Dref, DrefEntry, Encode, Error, FourCC, Free,
    Ftyp, Hdlr, Mdat, Mdhd, Mdia, Mfhd, Minf, Moof, Moov, Mvex, Mvhd, Stbl, Stsd, Tfdt, Tfhd, Tkhd,
    Traf, Trak, Trex, Trun, TrunEntry, TrunSamples, Url, Visual, Vmhd, Zeroed,
};

use crate::h264::{AccessUnit, EncoderConfig};

/// Ticks per second, as in RTP (RFC 6184 5.1).
pub const TIMESCALE: u32 = 90_000;

/// Octets of the head of a box.
const BOX_HEAD: usize = 8;

const TRACK: u32 = 1;

/// Sample flags (ISO/IEC 14496-12 8.8.3.1): depends on no other sample.
const SYNC: u32 = 0x0200_0000;
/// Depends on others, and is no sync sample.
const NON_SYNC: u32 = 0x0101_0000;

/// `ftyp` and `moov` for video that begins with that key frame.
pub fn head(video: &EncoderConfig, first: &AccessUnit) -> Result<Vec<u8>, Error> {
    let parameter_set = |kind: u8| {
        let is_kind = |nal: &&Bytes| nal.first().is_some_and(|head| head & 0x1f == kind);
        let found = first.nal_units.iter().find(is_kind);
        found.ok_or(Error::MissingBox(Avcc::KIND))
    };
    let visual = Visual {
        data_reference_index: 1,
        // Validated: at most 1280 by 720.
        width: video.width as u16,
        height: video.height as u16,
        ..Visual::default()
    };
    let entry = Avc3 {
        visual,
        avcc: Avcc::new(parameter_set(7)?, parameter_set(8)?)?,
        ..Avc3::default()
    };
    let track = Trak {
        tkhd: Tkhd {
            track_id: TRACK,
            enabled: true,
            in_movie: true,
            width: (video.width as u16).into(),
            height: (video.height as u16).into(),
            ..Tkhd::default()
        },
        mdia: Mdia {
            mdhd: Mdhd {
                timescale: TIMESCALE,
                language: "und".into(),
                ..Mdhd::default()
            },
            hdlr: Hdlr {
                handler: FourCC::new(b"vide"),
                name: "video".into(),
            },
            minf: Minf {
                vmhd: Some(Vmhd::default()),
                dinf: Dinf {
                    dref: Dref {
                        entries: vec![DrefEntry::Url(Url::default())],
                    },
                },
                stbl: Stbl {
                    stsd: Stsd {
                        codecs: vec![Codec::Avc3(entry)],
                    },
                    ..Stbl::default()
                },
                ..Minf::default()
            },
        },
        ..Trak::default()
    };
    let moov = Moov {
        mvhd: Mvhd {
            timescale: TIMESCALE,
            next_track_id: TRACK + 1,
            rate: 1.into(),
            ..Mvhd::default()
        },
        mvex: Some(Mvex {
            mehd: None,
            trex: vec![Trex {
                track_id: TRACK,
                default_sample_description_index: 1,
                ..Trex::default()
            }],
        }),
        trak: vec![track],
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
    Ok(out)
}

/// `moof` and `mdat`: a run of access units with their durations, the first of
/// which is shown at `start`; ticks of [`TIMESCALE`].
pub fn fragment(
    sequence: u32,
    start: u64,
    units: &[(Arc<AccessUnit>, u32)],
) -> Result<Vec<u8>, Error> {
    let mut data = Vec::new();
    let mut entries = Vec::with_capacity(units.len());
    for (unit, duration) in units {
        let from = data.len();
        for nal in &unit.nal_units {
            let length = u32::try_from(nal.len()).map_err(|_| Error::InvalidSize)?;
            data.extend_from_slice(&length.to_be_bytes());
            data.extend_from_slice(nal);
        }
        entries.push(TrunEntry {
            duration: Some(*duration),
            size: Some(u32::try_from(data.len() - from).map_err(|_| Error::InvalidSize)?),
            flags: Some(if unit.key_frame { SYNC } else { NON_SYNC }),
            cts: None,
        });
    }
    let mut moof = Moof {
        mfhd: Mfhd {
            sequence_number: sequence,
        },
        traf: vec![Traf {
            tfhd: Tfhd {
                track_id: TRACK,
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
        }],
    };
    let mut out = Vec::new();
    moof.encode(&mut out)?;
    // The offset is known only now, and has a fixed size.
    moof.traf[0].trun[0].data_offset =
        Some(i32::try_from(out.len() + BOX_HEAD).map_err(|_| Error::InvalidSize)?);
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
    /// Samples in whole fragments: each the NAL units of an access unit.
    pub samples: Vec<Vec<Bytes>>,
    /// Octets of whole boxes from the start.
    pub whole: usize,
}

/// Reads whole boxes to the first that is cut.
pub fn read(file: &[u8]) -> Result<Footage, Error> {
    let mut rest = file;
    let mut footage = Footage::default();
    let mut run: Option<Vec<u32>> = None;
    while let Some(atom) = Any::decode_maybe(&mut rest)? {
        footage.whole = file.len() - rest.len();
        match atom {
            Any::Moof(moof) => {
                let runs = moof.traf.iter().flat_map(|traf| &traf.trun);
                let entries = runs.flat_map(|trun| trun.samples.iter());
                run = Some(entries.filter_map(|entry| entry.size).collect());
            }
            Any::Mdat(mdat) => {
                let mut data = Bytes::from(mdat.data);
                for size in run.take().unwrap_or_default() {
                    let mut sample = split(&mut data, size)?;
                    let mut nal_units = Vec::new();
                    while !sample.is_empty() {
                        let length = split(&mut sample, 4)?;
                        let length = length.iter().fold(0, |l, octet| l << 8 | u32::from(*octet));
                        nal_units.push(split(&mut sample, length)?);
                    }
                    footage.samples.push(nal_units);
                }
            }
            _ => {}
        }
    }
    Ok(footage)
}

fn split(data: &mut Bytes, length: u32) -> Result<Bytes, Error> {
    let length = length as usize;
    if length > data.len() {
        return Err(Error::OutOfBounds);
    }
    Ok(data.split_to(length))
}
