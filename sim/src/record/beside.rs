//! What lies beside each clip, sealed to the owner as it does: a thumbnail of its
//! first picture (JPEG), and the events in it (JSON).

use std::{fmt, io, time::Duration};

use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};

use super::milliseconds;
use crate::{
    camera::{Device, Settings},
    h264::{AccessUnit, EncoderConfig},
    scene::{Picture, Scene},
    seal::{envelope::file, keys::HpkePublicKey},
    seeded::Seeded,
};

/// What the names of thumbnails begin with.
pub const THUMBNAIL_PREFIX: &str = "thumb-";
/// What the names of files of events begin with.
pub const EVENTS_PREFIX: &str = "events-";

/// Samples per row of a thumbnail, and rows.
pub const THUMBNAIL: (u32, u32) = (320, 180);
/// How good a thumbnail is, of 100.
const QUALITY: u8 = 75;
/// How many movements a clip has at most.
const MOST_MOVEMENTS: u32 = 4;

/// A picture or a text that is not part of a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Name of its file, as long as it is not sealed.
    pub name: String,
    /// JPEG, or JSON.
    pub octets: Vec<u8>,
    /// Number in its track, counted from 0.
    pub number: u32,
    /// When what it shows began, since 1970.
    pub taken: Duration,
}

/// A picture as JPEG (ITU-T T.81, JFIF).
///
/// # Errors
///
/// None that is known: that of the encoder.
pub fn jpeg(picture: &Picture) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    let mut encoder = Encoder::new(&mut octets, QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let encoded = encoder.encode_image(Samples(picture));
    encoded.map_err(io::Error::other)?;
    Ok(octets)
}

/// The movements that a camera saw in a clip, by chance of its seed: JSON. Times
/// are in milliseconds, `start` since 1970.
pub fn events(seed: u64, serial: &str, video: EncoderConfig, start: u64, duration: u64) -> String {
    let mut numbers = Seeded::new(seed ^ start, EVENTS);
    let count = 1 + numbers.below(MOST_MOVEMENTS);
    let movements = (0..count).map(|_| {
        let at = start + u64::from(numbers.below(u32::try_from(duration).unwrap_or(u32::MAX)));
        let mut part = |of: u32| numbers.below(of.max(1));
        let (x, y) = (part(video.width), part(video.height));
        let (width, height) = (1 + part(video.width - x), 1 + part(video.height - y));
        let likelihood = part(1000);
        format!(
            r#"{{"time":{at},"kind":"motion","x":{x},"y":{y},"width":{width},"height":{height},"likelihood":0.{likelihood:03}}}"#
        )
    });
    let movements: Vec<_> = movements.collect();
    format!(
        r#"{{"device":"{serial}","start":{start},"duration":{duration},"events":[{}]}}"#,
        movements.join(",")
    )
}

/// Makes thumbnails and events, and puts them on the card.
pub(super) struct Beside {
    scene: Scene,
    thumbnails: u32,
    events: u32,
}

impl Beside {
    /// Of the scene in front of the camera.
    pub(super) fn new(settings: &Settings) -> io::Result<Self> {
        let (width, height) = THUMBNAIL;
        let scene = settings.scene(width, height, settings.video.frames_per_second);
        Ok(Self {
            scene: scene.map_err(io::Error::other)?,
            thumbnails: 0,
            events: 0,
        })
    }

    /// Puts a thumbnail of that picture on the card.
    pub(super) fn see(
        &mut self,
        device: &Device,
        owner: &HpkePublicKey,
        unit: &AccessUnit,
    ) -> io::Result<()> {
        let picture = match device.settings.quiet {
            true => self.scene.draw_still(unit.number, unit.taken),
            false => self.scene.draw(unit.number, unit.taken),
        };
        let document = Document {
            name: format!("{THUMBNAIL_PREFIX}{}.jpg", milliseconds(unit.taken)),
            octets: jpeg(picture)?,
            number: self.thumbnails,
            taken: unit.taken,
        };
        self.thumbnails += 1;
        put(device, owner, "pictures", &document)
    }

    /// Puts the events of a clip on the card that began with that picture and
    /// is so long.
    pub(super) fn close(
        &mut self,
        device: &Device,
        owner: &HpkePublicKey,
        (taken, duration): (Duration, Duration),
    ) -> io::Result<()> {
        let start = milliseconds(taken);
        let Settings {
            seed,
            serial,
            video,
            ..
        } = &device.settings;
        let document = Document {
            name: format!("{EVENTS_PREFIX}{start}.json"),
            octets: events(*seed, serial, *video, start, milliseconds(duration)).into_bytes(),
            number: self.events,
            taken,
        };
        self.events += 1;
        put(device, owner, "events", &document)
    }
}

/// Seals a document and writes it, after the ledger has it.
fn put(device: &Device, owner: &HpkePublicKey, track: &str, document: &Document) -> io::Result<()> {
    device.world.witness.document(track, document);
    let (name, octets) = match device.fault.document {
        Some(write) => write(device, owner, document)?,
        None => seal(device, owner, document)?,
    };
    let disk = &device.world.disk;
    disk.create(&name)?;
    disk.append(&name, &octets)?;
    disk.sync(&name)
}

/// Name and content of the file of a document, sealed to the owner.
pub(crate) fn seal(
    device: &Device,
    owner: &HpkePublicKey,
    document: &Document,
) -> io::Result<(String, Vec<u8>)> {
    let name = format!("{}.hpke", document.name);
    let (serial, entropy) = (&device.settings.serial, &*device.world.entropy);
    let sealed = file::seal(owner, serial, &name, &document.octets, entropy);
    Ok((name, sealed.map_err(io::Error::other)?))
}

/// A picture as the encoder takes it: all samples of a row, in full range.
struct Samples<'a>(&'a Picture);

impl ImageBuffer for Samples<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    // A thumbnail has no more than 16 bits count.
    fn width(&self) -> u16 {
        self.0.width() as u16
    }

    fn height(&self) -> u16 {
        self.0.height() as u16
    }

    fn fill_buffers(&self, row: u16, buffers: &mut [Vec<u8>; 4]) {
        let Self(picture) = self;
        let (row, width) = (usize::from(row), picture.width());
        let luma = &picture.y()[row * width..][..width];
        buffers[0].extend(luma.iter().map(|&y| full_range(y, 16, 219)));
        for (plane, buffer) in [picture.u(), picture.v()]
            .into_iter()
            .zip(&mut buffers[1..])
        {
            let chroma = &plane[row / 2 * (width / 2)..][..width / 2];
            let full = chroma.iter().map(|&c| full_range(c, 16, 224));
            buffer.extend(full.flat_map(|c| [c, c]));
        }
    }
}

/// A sample of ITU-R BT.601 as JFIF has it.
fn full_range(sample: u8, lowest: i32, range: i32) -> u8 {
    let full = (i32::from(sample) - lowest) * 255 / range;
    full.clamp(0, 255) as u8
}

/// The purpose of the numbers that events are made of.
const EVENTS: u64 = 0x6576_656e_7473;

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Beside({} thumbnails)", self.thumbnails)
    }
}
