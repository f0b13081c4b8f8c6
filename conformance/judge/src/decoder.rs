//! What the judge asks of a video decoder. Codecs are attacked code, so the
//! implementation runs them in a child process and hands them in as a trait.

use crate::inspect::mux::wav;

/// Decodes what was found somewhere.
pub trait Decoder: Sync {
    /// Decodes an Annex B byte stream (ITU-T H.264 Annex B) as far as it goes
    /// and returns its pictures in output order, at most `limit`. Input that
    /// is no video gives no pictures and is no error.
    fn decode(&self, annex_b: &[u8], limit: usize) -> Result<Vec<Picture>, DecoderError>;

    /// Plays a file of any format, as far as it goes and for at most `limit`
    /// pictures; `None` if there is no player for it.
    fn play(&self, file: &Elementary, limit: usize) -> Result<Option<Playing>, DecoderError> {
        match file.format {
            Format::H264 => self.decode(&file.octets, limit).map(Playing::of).map(Some),
            _ => Ok(None),
        }
    }
}

/// Media as a file that players know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elementary {
    /// What it is a file of.
    pub format: Format,
    /// The file.
    pub octets: Vec<u8>,
}

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// H.264 as a byte stream (ITU-T H.264 Annex B).
    H264,
    /// H.265 as a byte stream (ITU-T H.265 Annex B).
    H265,
    /// H.266 as a byte stream (ITU-T H.266 Annex B).
    H266,
    /// MPEG-4 Visual (ISO/IEC 14496-2).
    Mpeg4,
    /// MPEG-1 or MPEG-2 video.
    MpegVideo,
    /// H.263.
    H263,
    /// A picture (ITU-T T.81).
    Jpeg,
    /// A picture (W3C PNG).
    Png,
    /// A picture (RFC 9649).
    WebP,
    /// Frames of VP8, VP9 or AV1 in IVF.
    Ivf,
    /// AV1 as a low-overhead stream of OBUs.
    Obu,
    /// A transport stream (ISO/IEC 13818-1).
    MpegTs,
    /// A program stream (ISO/IEC 13818-1).
    MpegPs,
    /// Flash video (Adobe FLV 10.1).
    Flv,
    /// ISO base media (ISO/IEC 14496-12), fragmented or not.
    Mp4,
    /// WebM or Matroska (RFC 9559).
    Matroska,
    /// Sound in frames of ADTS (ISO/IEC 14496-3).
    Adts,
    /// Sound of MPEG-1 or MPEG-2, layers I to III.
    MpegAudio,
    /// Opus or another codec in Ogg (RFC 3533, RFC 7845).
    Ogg,
    /// WAVE, with whatever codec its format tag names.
    Wav,
    /// Whatever a player makes of it.
    Other,
}

impl Format {
    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::H266 => "h266",
            Self::Mpeg4 => "m4v",
            Self::MpegVideo => "m2v",
            Self::H263 => "h263",
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Ivf => "ivf",
            Self::Obu => "obu",
            Self::MpegTs => "ts",
            Self::MpegPs => "mpg",
            Self::Flv => "flv",
            Self::Mp4 => "mp4",
            Self::Matroska => "mkv",
            Self::Adts => "aac",
            Self::MpegAudio => "mp3",
            Self::Ogg => "ogg",
            Self::Wav => "wav",
            Self::Other => "bin",
        }
    }
}

/// What a player made of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Playing {
    /// Pictures that were decoded and that nothing was missing of.
    pub frames: usize,
    /// The first of them.
    pub pictures: Vec<Picture>,
    /// Sound that was decoded.
    pub sound: Option<Sound>,
}

impl Playing {
    /// Those pictures, without the damaged ones.
    pub fn of(pictures: Vec<Picture>) -> Self {
        let whole = pictures.into_iter().filter(|picture| !picture.damaged);
        let pictures: Vec<_> = whole.collect();
        Self {
            frames: pictures.len(),
            pictures,
            sound: None,
        }
    }
}

/// Sound, one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sound {
    /// Samples per second.
    pub rate: u32,
    /// The samples.
    pub samples: Vec<i16>,
}

impl Sound {
    /// As a WAVE file of 16 bits per sample (RIFF MCI, IBM and Microsoft, 1991).
    pub fn wav(&self) -> Vec<u8> {
        const PCM: u16 = 1;
        let octets = self.samples.iter().flat_map(|sample| sample.to_le_bytes());
        let codec = wav::Codec::of_samples(PCM, self.rate, 16);
        wav::file(codec, &octets.collect::<Vec<_>>())
    }
}

/// The decoder crashed, hung, or could not be started: the harness could not look.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the decoder {0}")]
pub struct DecoderError(pub String);

/// A picture in YCbCr 4:2:0, planes without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Luma columns.
    pub width: usize,
    /// Luma rows.
    pub height: usize,
    /// `width * height` luma samples.
    pub y: Vec<u8>,
    /// `(width / 2) * (height / 2)` samples.
    pub u: Vec<u8>,
    /// `(width / 2) * (height / 2)` samples.
    pub v: Vec<u8>,
    /// Whether the decoder reported a missing or broken part (it conceals them).
    pub damaged: bool,
}
