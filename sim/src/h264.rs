//! openh264 in, access units out: ITU-T H.264, Constrained Baseline.

use std::time::Duration;

use bytes::Bytes;

/// One access unit (ITU-T H.264 7.4.1.2.3): everything of one picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessUnit {
    /// Its NAL units in order, without start codes.
    pub nal_units: Vec<Bytes>,
    /// The frame number that the mark in the picture carries.
    pub number: u32,
    /// When the picture was taken, since 1970.
    pub taken: Duration,
    /// RTP time stamp, 90 kHz (RFC 6184 5.1); starts at 0 with frame 0.
    pub rtp_time: u32,
    /// Whether decoding can start here: an IDR picture with its parameter sets.
    pub key_frame: bool,
}
