//! The owner's app: it logs in, offers, gets keys, watches and talks, each as
//! a step of its own.

mod call;
mod depacketizer;
mod opening;
mod poll;
mod signalling;

pub use call::{Call, Received};
pub(crate) use depacketizer::Depacketizer;
pub use opening::GRACE;
pub(crate) use poll::LongPoll;
pub use signalling::{App, Reply, SessionAddress};

use crate::{
    http::HttpError,
    rtp::RtpError,
    seal::{envelope::EpochError, keys::KeyError, sframe::SFrameError},
    viewer::rtsp::ViewerError,
    webrtc::PeerError,
};

/// The app gave up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// TCP or TLS.
    #[error(transparent)]
    Connect(#[from] ViewerError),
    /// HTTP.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The camera answers with this status to that step.
    #[error("{0}: status {1}")]
    Status(&'static str, u16),
    /// An answer that says something else than it should.
    #[error("read the answer to {0}")]
    Answer(&'static str),
    /// The connection for media.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Keys.
    #[error("receive a key: {0}")]
    Epoch(#[from] EpochError),
    /// Keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// SFrame.
    #[error("SFrame: {0}")]
    SFrame(#[from] SFrameError),
    /// RTP.
    #[error("packetize: {0}")]
    Rtp(#[from] RtpError),
}
