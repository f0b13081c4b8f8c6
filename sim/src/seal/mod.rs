//! The encryption pipeline. There is no off switch in here: a camera that
//! sends in clear does so through a [`crate::fault::Fault`].

pub mod envelope;
pub mod keys;
pub mod recording;
mod replay;
pub mod sframe;
pub mod srtp;
pub mod tls;

use tokio_rustls::server::TlsStream;

use crate::world::ByteStream;

/// What media may be served over. Outside this module only types with `Faulty`
/// in their names are.
pub(crate) trait Sealed {
    /// The stream itself.
    type Stream: ByteStream;

    /// Ready for use.
    fn into_stream(self) -> Self::Stream;
}

impl<S: ByteStream> Sealed for TlsStream<S> {
    type Stream = Self;

    fn into_stream(self) -> Self {
        self
    }
}
