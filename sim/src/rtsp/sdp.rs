//! The session description (RFC 8866) of a live stream: H.264 in RTP with
//! `packetization-mode=1` (RFC 6184 8.2.1).

use std::net::IpAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use sdp_types::{Attribute, Connection, Media, MediaType, Origin, Session, TransportProto};

use crate::hex::Hex;

/// Dynamic payload type of the video (RFC 3551 3).
pub const PAYLOAD_TYPE: u8 = 96;

/// Name of the video's control attribute, relative to the presentation.
pub const VIDEO_CONTROL: &str = "video";

/// Static payload type of the sound: PCMU (RFC 3551 6).
pub const SOUND_PAYLOAD_TYPE: u8 = 0;

/// Name of the sound's control attribute.
pub const SOUND_CONTROL: &str = "audio";

/// Writes the description of a stream, with sound or without, that starts with
/// these NAL units (a key frame's: its parameter sets are announced).
pub fn describe(address: IpAddr, name: &str, nal_units: &[Bytes], sound: bool) -> Vec<u8> {
    let parameter_sets = nal_units
        .iter()
        .filter(|n| matches!(n.first().map(|h| h & 31), Some(7 | 8)));
    let sprop = parameter_sets
        .clone()
        .map(|n| BASE64_STANDARD.encode(n))
        .collect::<Vec<_>>()
        .join(",");
    let profile = parameter_sets
        .filter_map(|n| n.get(1..4))
        .next()
        .map(|p| Hex(p).to_string())
        .unwrap_or_default();

    let mut media = Media::new(MediaType::Video, 0, TransportProto::RtpAvp, PAYLOAD_TYPE);
    media.attributes = vec![
        Attribute::with_value("rtpmap", format!("{PAYLOAD_TYPE} H264/90000")),
        Attribute::with_value(
            "fmtp",
            format!(
                "{PAYLOAD_TYPE} packetization-mode=1;profile-level-id={profile};sprop-parameter-sets={sprop}"
            ),
        ),
        Attribute::with_value("control", VIDEO_CONTROL),
    ];
    let mut session = Session::new(Origin::with_ip_addr("1", 1, address), name);
    session.connection = Some(Connection::from_ip_addr(address));
    session.attributes = vec![Attribute::with_value("control", "*")];
    session.medias = vec![media];
    if sound {
        let payload_type = SOUND_PAYLOAD_TYPE;
        let mut media = Media::new(MediaType::Audio, 0, TransportProto::RtpAvp, payload_type);
        media.attributes = vec![
            Attribute::with_value("rtpmap", format!("{payload_type} PCMU/8000")),
            Attribute::with_value("ptime", "20"),
            Attribute::with_value("control", SOUND_CONTROL),
        ];
        session.medias.push(media);
    }
    let mut text = Vec::new();
    session
        .write(&mut text)
        .expect("writing to memory does not fail");
    text
}
