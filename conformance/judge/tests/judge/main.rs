//! The judge, asked about cases that are made here octet by octet, without the
//! simulator: what it must say of a device that does right, of one that does
//! wrong, and when nothing can be known.

mod card;
mod case;
mod rtc;
mod sealed;
mod video;
mod wire;

mod clear;
mod early;
mod fail_closed;
mod hostile;
mod iot;
mod overheard;
mod played;
mod relayed;
mod report;
mod rtsp;
mod srtp;
mod sto;
mod sto_clips;
mod sto_documents;
mod sto_keys;
mod tls;
mod tls_escrow;
mod tls_handshake;
mod tls_portal;
mod tracks;
mod webrtc;
mod webrtc_offers;
mod xc;
