//! What the judge asks of a video decoder. Codecs are attacked code, so the
//! implementation runs them in a child process and hands them in as a trait.

/// Decodes H.264 that was found somewhere.
pub trait Decoder: Sync {
    /// Decodes an Annex B byte stream (ITU-T H.264 Annex B) as far as it goes
    /// and returns its pictures in output order, at most `limit`. Input that
    /// is no video gives no pictures and is no error.
    fn decode(&self, annex_b: &[u8], limit: usize) -> Result<Vec<Picture>, DecoderError>;
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
