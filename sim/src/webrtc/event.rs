//! What happens on a connection, what is dropped, and what goes wrong.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use str0m::RtcError;

use crate::seal::srtp::SrtpError;

/// Which versions of DTLS an end speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DtlsVersions {
    /// RFC 6347 alone.
    Dtls12,
    /// RFC 9147 alone.
    Dtls13,
    /// Whichever the other end prefers.
    #[default]
    Either,
}

/// What was dropped, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams of no protocol that is spoken (RFC 7983 7).
    pub unknown: u64,
    /// From where ICE found no way, or not for this connection.
    pub strangers: u64,
    /// SRTP and SRTCP before the handshake ended.
    pub early: u64,
    /// SRTP and SRTCP that is not authentic, or was there before.
    pub refused: u64,
    /// STUN and DTLS that can't be read.
    pub unreadable: u64,
    /// RTP and RTCP that was opened.
    pub opened: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            unknown,
            strangers,
            early,
            refused,
            unreadable,
            opened,
        } = self;
        write!(
            f,
            "opened {opened}, dropped: {unknown} unknown, {strangers} of strangers, {early} early, \
             {refused} not authentic, {unreadable} unreadable"
        )
    }
}

/// What travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Track {
    /// H.264.
    Video,
    /// PCMU.
    Sound,
}

/// What happens on a connection.
#[derive(Debug)]
pub(crate) enum Media {
    /// ICE and DTLS are done, and the certificate is that of the fingerprint.
    Connected,
    /// A packet that was opened.
    Packet(Packet),
    /// The other end needs a key frame.
    WantsKeyFrame,
    /// The other end agrees no more to be sent anything (RFC 7675 5.1), or went
    /// away.
    Over,
}

/// An RTP packet.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) track: Track,
    /// Extended by how often it wrapped.
    pub(crate) sequence: u64,
    /// The RTP time stamp.
    pub(crate) time: u32,
    pub(crate) marker: bool,
    pub(crate) payload: Arc<[u8]>,
}

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeerError {
    /// No socket.
    #[error("bind a UDP socket: {0}")]
    Socket(#[from] io::Error),
    /// The TURN server gives no address.
    #[error("TURN: {0} gives no address")]
    Turn(SocketAddr),
    /// ICE, DTLS or SDP.
    #[error("WebRTC: {0}")]
    Rtc(String),
    /// The engine.
    #[error("SRTP: {0}")]
    Srtp(#[from] SrtpError),
}

impl From<RtcError> for PeerError {
    fn from(error: RtcError) -> Self {
        Self::Rtc(error.to_string())
    }
}
