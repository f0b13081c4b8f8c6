//! `nvr.srtp`: a network video recorder pulls RTSP over TLS that delivers keys
//! by MIKEY; media are SRTP, over UDP or interleaved (ONVIF Streaming 5.1.1.4
//! and 8.2).
//!
//! `/main` and `/sub` are AES_CM_128_HMAC_SHA1_80 with MKIs, as a device shall
//! have it that lists no algorithms; the name of another suite before them
//! (`/AEAD_AES_128_GCM/main`) is that suite in ONVIF's form. `/no-mki/` before
//! all of it is for clients that know no MKI, and not ONVIF's form: keys are
//! TEKs with the salt right behind the key in every suite, as GStreamer reads
//! them, and a key that SETUP brings is that of the client's own RTCP.

use super::{Listen, Served, TransportPath, nvr_rtsps};
use crate::{
    claim::{Carriage, EndToEnd, Hop},
    rtsp::{PRESENTATION, server::Service},
};

/// The path.
pub const PATH: TransportPath = TransportPath {
    id: "nvr.srtp",
    title: "SRTP over UDP or interleaved to a video recorder, keys by MIKEY in RTSP over TLS",
    served: Served::Device(Listen {
        port: 8322,
        scheme: "rtsps",
        resource: PRESENTATION,
        serve: |device, stream, local, peer| {
            Box::pin(nvr_rtsps::serve(device, stream, local, peer, Service::SAVP))
        },
    }),
    carriage: Carriage::Rtp,
    hop: Hop::Srtp,
    end_to_end: EndToEnd::None,
};
