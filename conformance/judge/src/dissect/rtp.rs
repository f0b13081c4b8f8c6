//! RTP and H.264 in it (RFC 3550, RFC 6184), depacketized by crate `rtp`.

/// An access unit that was put together from RTP packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundUnit {
    /// Annex B byte stream: every NAL unit behind a 4-octet start code.
    pub annex_b: Vec<u8>,
    /// RTP time stamp.
    pub rtp_time: u32,
    /// Index of its first packet in what was handed in.
    pub first: usize,
    /// Whether no packet of it is missing.
    pub whole: bool,
}

/// Whether the octets are an RTP packet by form: version 2, no RTCP type
/// (RFC 5761 4), and its CSRCs, extension and padding fit.
pub fn is_rtp(packet: &[u8]) -> bool {
    let _ = packet;
    false
}

/// Puts access units together from the packets of one SSRC, which may be
/// doubled and out of order. Never mixes what is not contiguous.
pub fn depacketize(packets: &[&[u8]]) -> Vec<FoundUnit> {
    let _ = packets;
    Vec::new()
}
