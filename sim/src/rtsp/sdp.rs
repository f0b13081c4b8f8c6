//! The session description (RFC 8866) of a live stream: H.264 in RTP with
//! `packetization-mode=1` (RFC 6184 8.2.1).

use std::net::IpAddr;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use sdp_types::{Attribute, Connection, Media, MediaType, Origin, Session, TransportProto};

use super::{key_management, resource::Track};
use crate::hex::Hex;

/// Dynamic payload type of the video (RFC 3551 3).
pub const PAYLOAD_TYPE: u8 = 96;

/// Name of the video's control attribute, relative to the presentation.
pub const VIDEO_CONTROL: &str = "video";

/// Static payload type of the sound: PCMU (RFC 3551 6).
pub const SOUND_PAYLOAD_TYPE: u8 = 0;

/// Name of the sound's control attribute.
pub const SOUND_CONTROL: &str = "audio";

/// What is described.
pub struct Description<'a> {
    /// Address of the camera.
    pub address: IpAddr,
    /// Name of the session.
    pub name: &'a str,
    /// NAL units of a key frame: its parameter sets are announced.
    pub nal_units: &'a [Bytes],
    /// The tracks.
    pub tracks: &'a [Track],
    /// The value of `key-mgmt` for each track, in the same order; none where
    /// the profile is RTP/AVP.
    pub keys: &'a [String],
}

/// Writes the description.
pub fn describe(description: &Description) -> Vec<u8> {
    let Description {
        address,
        name,
        nal_units,
        tracks,
        keys,
    } = *description;
    let mut session = Session::new(Origin::with_ip_addr("1", 1, address), name);
    session.connection = Some(Connection::from_ip_addr(address));
    session.attributes = vec![Attribute::with_value("control", "*")];
    for (at, track) in tracks.iter().enumerate() {
        let mut media = match track {
            Track::Video => video(nal_units),
            Track::Sound => sound(),
        };
        if let Some(key) = keys.get(at) {
            media.proto = TransportProto::RtpSavp.to_string();
            let attribute = Attribute::with_value(key_management::ATTRIBUTE, key.as_str());
            media.attributes.push(attribute);
        }
        session.medias.push(media);
    }
    let mut text = Vec::new();
    session
        .write(&mut text)
        .expect("writing to memory does not fail");
    text
}

fn video(nal_units: &[Bytes]) -> Media {
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
    media
}

fn sound() -> Media {
    let payload_type = SOUND_PAYLOAD_TYPE;
    let mut media = Media::new(MediaType::Audio, 0, TransportProto::RtpAvp, payload_type);
    media.attributes = vec![
        Attribute::with_value("rtpmap", format!("{payload_type} PCMU/8000")),
        Attribute::with_value("ptime", "20"),
        Attribute::with_value("control", SOUND_CONTROL),
    ];
    media
}
