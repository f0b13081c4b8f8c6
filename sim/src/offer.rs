//! What is wrong with an offer (RFC 8829 5.8, RFC 8827 6.5), before anything of
//! it is taken.

use hyper::StatusCode;
use sdp_types::{Media, Session};
use str0m::change::SdpOffer;

/// Octets of an offer that are read: one of a browser with some dozen
/// candidates.
pub(crate) const LONGEST: usize = 32 * 1024;

/// The only profile that media may have (RFC 8834 4.2, RFC 5764 8).
const PROFILE: &str = "UDP/TLS/RTP/SAVPF";
/// Hashes of certificates that are good enough: MD5 and SHA-1 are not (RFC
/// 8122 5), and of the others browsers send this one.
const HASH: &str = "sha-256";

/// Why an offer is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OfferError {
    /// No SDP, or without what every offer has.
    #[error("no offer: {0}")]
    Malformed(String),
    /// Media over another profile, such as RTP without protection.
    #[error("media over {0:?}, not {PROFILE}")]
    Profile(String),
    /// No fingerprint of the certificate, so that DTLS proves nothing; keys in
    /// the SDP (SDES) are none.
    #[error("no fingerprint by {HASH}")]
    Fingerprint,
    /// Media that do not share one transport.
    #[error("media without BUNDLE or rtcp-mux")]
    Transport,
    /// Neither video nor sound that we have.
    #[error("no H.264 of packetization-mode 1 and no PCMU")]
    Codec,
    /// Media that go the wrong way.
    #[error("media that are not {0}")]
    Direction(&'static str),
}

impl OfferError {
    /// What to answer.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::NOT_ACCEPTABLE,
        }
    }
}

/// The offer in a body, in which all media have that direction (RFC 8866 6.7)
/// if it matters.
pub(crate) fn read(body: &[u8], direction: Option<&'static str>) -> Result<SdpOffer, OfferError> {
    let malformed = |error: &dyn std::fmt::Display| OfferError::Malformed(error.to_string());
    let text = std::str::from_utf8(body).map_err(|error| malformed(&error))?;
    let session = Session::parse(body).map_err(|error| malformed(&error))?;
    check(&session)?;
    if let Some(direction) = direction {
        let mut media = session.medias.iter();
        if !media.all(|media| has(media, |(name, _)| name == direction)) {
            return Err(OfferError::Direction(direction));
        }
    }
    SdpOffer::from_sdp_string(text).map_err(|error| malformed(&error))
}

fn check(session: &Session) -> Result<(), OfferError> {
    if session.medias.is_empty() {
        return Err(OfferError::Malformed("no media".into()));
    }
    for media in &session.medias {
        if media.proto != PROFILE {
            return Err(OfferError::Profile(media.proto.chars().take(64).collect()));
        }
    }
    let of_session = session.attributes.iter();
    let of_session = of_session.map(|a| (a.attribute.as_str(), a.value.as_deref()));
    let all = of_session.clone().any(is_fingerprint);
    if !session
        .medias
        .iter()
        .all(|media| all || has(media, is_fingerprint))
    {
        return Err(OfferError::Fingerprint);
    }
    let bundled = of_session.clone().find_map(|attribute| match attribute {
        ("group", Some(group)) => group.strip_prefix("BUNDLE "),
        _ => None,
    });
    let bundled = bundled.unwrap_or_default().split(' ').collect::<Vec<_>>();
    let is_bundled = |(name, value): Attribute<'_>| {
        name == "mid" && value.is_some_and(|mid| bundled.contains(&mid))
    };
    for media in &session.medias {
        if !has(media, is_bundled) || !has(media, |(name, _)| name == "rtcp-mux") {
            return Err(OfferError::Transport);
        }
    }
    let is_ours = |media: &Media| match media.media.as_str() {
        "video" => has_h264(media),
        "audio" => media.fmt.split(' ').any(|format| format == "0"),
        _ => false,
    };
    match session.medias.iter().all(is_ours) {
        true => Ok(()),
        false => Err(OfferError::Codec),
    }
}

/// Name and value.
type Attribute<'a> = (&'a str, Option<&'a str>);

fn is_fingerprint((name, value): Attribute<'_>) -> bool {
    let hash = value.and_then(|value| value.split(' ').next());
    name == "fingerprint" && hash.is_some_and(|hash| hash.eq_ignore_ascii_case(HASH))
}

fn has(media: &Media, is_it: impl Fn(Attribute<'_>) -> bool) -> bool {
    let mut attributes = media.attributes.iter();
    attributes.any(|a| is_it((&a.attribute, a.value.as_deref())))
}

/// H.264 in packetization-mode 1 (RFC 6184 8.1).
fn has_h264(media: &Media) -> bool {
    let of = |name: &'static str| {
        let attributes = media.attributes.iter().filter(move |a| a.attribute == name);
        attributes.filter_map(|a| a.value.as_deref()?.split_once(' '))
    };
    of("rtpmap").any(|(number, codec)| {
        let is_h264 = codec.to_ascii_uppercase().starts_with("H264/90000");
        let mut parameters = of("fmtp").filter(|(other, _)| *other == number);
        is_h264
            && parameters
                .any(|(_, list)| list.split(';').any(|p| p.trim() == "packetization-mode=1"))
    })
}
