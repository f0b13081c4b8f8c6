//! As much of session descriptions (RFC 8866) as tells what a media stream
//! carries, and the parameter sets that H.264 puts there (RFC 6184 8.2.1).

use std::net::{IpAddr, SocketAddr};

use super::base64;

/// Lines that are looked at.
const MAX_LINES: usize = 4096;
/// Sections that are kept, and formats of one.
const MAX_MEDIA: usize = 64;
const MAX_FORMATS: usize = 48;
/// Parameter sets that are kept per format.
const MAX_SETS: usize = 64;
/// Parameters of `a=fmtp` that have some.
const PARAMETER_SETS: [&str; 4] = [
    "sprop-parameter-sets",
    "sprop-vps",
    "sprop-sps",
    "sprop-pps",
];
/// Parameters that are kept per format.
const MAX_PARAMETERS: usize = 64;

/// A session description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sdp {
    /// `a=key-mgmt:mikey` before the first section (RFC 4567 3.1): what is
    /// behind the name, in base64.
    pub key_mgmt: Vec<String>,
    /// `a=fingerprint` before the first section, as in [`Media::fingerprints`].
    pub fingerprints: Vec<Fingerprint>,
    /// The address of `c=` before the first section (RFC 8866 5.7), if it is one.
    pub address: Option<IpAddr>,
    /// Its `m=` sections in order.
    pub media: Vec<Media>,
}

/// An `m=` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// `video`, `audio` ...
    pub kind: String,
    /// Such as `RTP/AVP`.
    pub protocol: String,
    /// Port; 0 if the section is refused (RFC 3264 6).
    pub port: u16,
    /// The address of `c=` of the section itself, if it is one.
    pub address: Option<IpAddr>,
    /// `a=fingerprint` (RFC 8122 5) of the section itself.
    pub fingerprints: Vec<Fingerprint>,
    /// Addresses of `a=candidate` for UDP (RFC 8839 5.1); names are left out.
    pub candidates: Vec<SocketAddr>,
    /// `a=control` (RFC 2326 C.1.1).
    pub control: Option<String>,
    /// `a=key-mgmt:mikey`, as in [`Sdp::key_mgmt`].
    pub key_mgmt: Vec<String>,
    /// Values of `a=crypto` (RFC 4568 9.1).
    pub crypto: Vec<String>,
    /// `a=extmap`: identifiers of header extensions and what they are (RFC 8285
    /// 8).
    pub extensions: Vec<(u8, String)>,
    /// Its payload types.
    pub formats: Vec<Format>,
}

/// What a certificate has to hash to (RFC 8122 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Name of the hash in lower case, such as `sha-256`.
    pub hash: String,
    /// Its octets.
    pub octets: Vec<u8>,
}

/// A payload type of a media stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// RTP payload type.
    pub payload_type: u8,
    /// Encoding name of `a=rtpmap` in upper case, such as `H264`; empty without.
    pub encoding: String,
    /// Clock rate of `a=rtpmap`; 0 without.
    pub clock_rate: u32,
    /// Channels of `a=rtpmap`; 0 without.
    pub channels: u16,
    /// Parameters of `a=fmtp` with a name, these in lower case.
    pub parameters: Vec<(String, String)>,
    /// NAL units of `sprop-parameter-sets` (RFC 6184 8.1), or of `sprop-vps`,
    /// `sprop-sps` and `sprop-pps` (RFC 7798 7.1).
    pub parameter_sets: Vec<Vec<u8>>,
}

impl Format {
    /// The parameter of that name (lower case).
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let (_, value) = parameters.find(|(n, _)| n == name)?;
        Some(value)
    }
}

impl Sdp {
    /// Reads a description; lines that are not understood are left out. `None`
    /// if it does not begin with `v=`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(text);
        if !text.starts_with("v=") {
            return None;
        }
        let mut sdp = Self::default();
        for line in text.lines().take(MAX_LINES) {
            if let Some(value) = line.strip_prefix("m=") {
                if sdp.media.len() == MAX_MEDIA {
                    break;
                }
                sdp.media.push(media(value));
            } else if let Some(value) = line.strip_prefix("c=") {
                match sdp.media.last_mut() {
                    Some(media) => media.address = connection(value),
                    None => sdp.address = connection(value),
                }
            } else if let Some(value) = line.strip_prefix("a=") {
                match (sdp.media.last_mut(), value.split_once(':')) {
                    (Some(media), Some((name, value))) => attribute(media, name, value),
                    (None, Some(("key-mgmt", value))) => sdp.key_mgmt.extend(key_mgmt(value)),
                    (None, Some(("fingerprint", value))) => {
                        sdp.fingerprints.extend(fingerprint(value));
                    }
                    _ => {}
                }
            }
        }
        Some(sdp)
    }

    /// Fingerprints that hold for a section: its own, else those before the first
    /// one (RFC 8122 5).
    pub fn fingerprints<'a>(&'a self, media: &'a Media) -> &'a [Fingerprint] {
        match media.fingerprints.is_empty() {
            true => &self.fingerprints,
            false => &media.fingerprints,
        }
    }

    /// The parameter sets of each H.264 format that has some.
    pub fn parameter_sets(&self) -> impl Iterator<Item = &[Vec<u8>]> {
        self.media
            .iter()
            .flat_map(|m| &m.formats)
            .filter(|f| !["H265", "HEVC"].contains(&f.encoding.as_str()))
            .map(|f| f.parameter_sets.as_slice())
            .filter(|sets| !sets.is_empty())
    }
}

/// `IN IP4 <address>[/ttl]`
fn connection(value: &str) -> Option<IpAddr> {
    let address = value.split_whitespace().nth(2)?;
    address.split('/').next()?.parse().ok()
}

/// `<media> <port> <proto> <fmt> ...`
fn media(value: &str) -> Media {
    let mut words = value.split_whitespace();
    let kind = words.next().unwrap_or_default().to_owned();
    let port = words.next().unwrap_or_default();
    let port = port.split('/').next().and_then(|port| port.parse().ok());
    let protocol = words.next().unwrap_or_default().to_owned();
    let formats = words
        .filter_map(|word| word.parse().ok())
        .filter(|payload_type| *payload_type < 128)
        .take(MAX_FORMATS)
        .map(|payload_type| Format {
            payload_type,
            ..Format::default()
        })
        .collect();
    Media {
        kind,
        protocol,
        port: port.unwrap_or_default(),
        formats,
        ..Media::default()
    }
}

fn attribute(media: &mut Media, name: &str, value: &str) {
    match name {
        "control" => media.control = Some(value.trim().to_owned()),
        "crypto" => media.crypto.push(value.trim().to_owned()),
        "fingerprint" => media.fingerprints.extend(fingerprint(value)),
        "candidate" => media.candidates.extend(candidate(value)),
        "extmap" => media.extensions.extend(extension(value)),
        "key-mgmt" => media.key_mgmt.extend(key_mgmt(value)),
        _ => format_attribute(media, name, value),
    }
}

/// `<id>["/" direction] <URI> ...`
fn extension(value: &str) -> Option<(u8, String)> {
    let mut words = value.split_whitespace();
    let id = words.next()?.split('/').next()?.parse().ok()?;
    Some((id, words.next()?.to_owned()))
}

/// `<hash> <octets with colons>`
fn fingerprint(value: &str) -> Option<Fingerprint> {
    let (hash, octets) = value.trim().split_once(char::is_whitespace)?;
    let octets = octets.trim().split(':');
    let octets = octets.map(|octet| u8::from_str_radix(octet, 16).ok());
    Some(Fingerprint {
        hash: hash.to_ascii_lowercase(),
        octets: octets.collect::<Option<_>>()?,
    })
}

/// `<foundation> <component> <transport> <priority> <address> <port> typ ...`
fn candidate(value: &str) -> Option<SocketAddr> {
    let words: Vec<&str> = value.split_whitespace().take(6).collect();
    let &[_, _, transport, _, address, port] = &words[..] else {
        return None;
    };
    let udp = transport.eq_ignore_ascii_case("udp");
    let at = SocketAddr::new(address.parse().ok()?, port.parse().ok()?);
    udp.then_some(at)
}

/// What is behind the name of the protocol, if that is MIKEY.
fn key_mgmt(value: &str) -> Option<String> {
    let (protocol, data) = value.trim().split_once(char::is_whitespace)?;
    let is_mikey = protocol.eq_ignore_ascii_case("mikey");
    is_mikey.then(|| data.trim().to_owned())
}

/// An attribute of a payload type.
fn format_attribute(media: &mut Media, name: &str, value: &str) {
    let Some((payload_type, value)) = value.trim_start().split_once(char::is_whitespace) else {
        return;
    };
    let Some(format) = payload_type
        .parse()
        .ok()
        .and_then(|pt: u8| media.formats.iter_mut().find(|f| f.payload_type == pt))
    else {
        return;
    };
    match name {
        "rtpmap" => {
            let mut fields = value.trim().split('/');
            let encoding = fields.next().unwrap_or_default();
            format.encoding = encoding.trim().to_ascii_uppercase();
            let rate = fields.next().and_then(|rate| rate.trim().parse().ok());
            format.clock_rate = rate.unwrap_or_default();
            let channels = fields.next().and_then(|n| n.trim().parse().ok());
            format.channels = channels.unwrap_or_default();
        }
        "fmtp" => {
            let parameters = value.split(';').filter_map(|p| p.trim().split_once('='));
            let parameters = parameters.map(|(name, value)| {
                let name = name.trim().to_ascii_lowercase();
                (name, value.trim().to_owned())
            });
            let room = MAX_PARAMETERS.saturating_sub(format.parameters.len());
            format.parameters.extend(parameters.take(room));
            let sets = value
                .split(';')
                .filter_map(|parameter| parameter.trim().split_once('='))
                .filter(|(name, _)| {
                    let is_it = |set: &&str| name.trim().eq_ignore_ascii_case(set);
                    PARAMETER_SETS.iter().any(is_it)
                })
                .flat_map(|(_, sets)| sets.split(','))
                .filter_map(base64)
                .filter(|set| !set.is_empty());
            let room = MAX_SETS.saturating_sub(format.parameter_sets.len());
            format.parameter_sets.extend(sets.take(room));
        }
        _ => {}
    }
}

/// RFC 4648 4; padding may be missing.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let (octets, ..) = base64::decode(text.trim().trim_end_matches('=').as_bytes())?;
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n\
        m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0LAHtkA,aM48gA==;profile-level-id=42C01E\r\n\
        a=control:trackID=0\r\n\
        m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n";

    #[test]
    fn formats_and_parameter_sets_are_read() {
        let sdp = Sdp::parse(TEXT).unwrap();
        let [video, audio] = &sdp.media[..] else {
            panic!("{sdp:?}");
        };
        assert_eq!(
            (video.kind.as_str(), audio.kind.as_str()),
            ("video", "audio")
        );
        assert_eq!(video.protocol, "RTP/AVP");
        assert_eq!(video.control.as_deref(), Some("trackID=0"));
        assert_eq!(video.formats[0].payload_type, 96);
        assert_eq!(video.formats[0].encoding, "H264");
        let sets: Vec<_> = sdp.parameter_sets().collect();
        let sps = vec![0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x00];
        assert_eq!(sets, [[sps, vec![0x68, 0xce, 0x3c, 0x80]]]);
    }

    #[test]
    fn parameter_sets_of_h265_are_not_those_of_h264() {
        let text = b"v=0\r\nm=video 0 RTP/AVP 96\r\n\
            a=fmtp:96 sprop-vps=QAE=; sprop-sps=QgE=;sprop-pps=RAE=\r\na=rtpmap:96 H265/90000\r\n";
        let sdp = Sdp::parse(text).unwrap();
        let sets = &sdp.media[0].formats[0].parameter_sets;
        assert_eq!(sets[..], [[0x40, 1], [0x42, 1], [0x44, 1]]);
        assert_eq!(sdp.parameter_sets().count(), 0);
    }

    #[test]
    fn candidates_and_fingerprints_are_read() {
        let text = b"v=0\na=fingerprint:SHA-256 0a:FF\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\n\
            a=candidate:1 1 UDP 2130706431 192.0.2.1 5000 typ host\n\
            a=candidate:2 1 tcp 2130706431 192.0.2.1 9 typ host tcptype active\n\
            a=candidate:3 1 udp 1 0f3c.local 5000 typ host\n\
            m=audio 0 UDP/TLS/RTP/SAVPF 0\na=fingerprint:sha-1 01\n";
        let sdp = Sdp::parse(text).unwrap();
        let [video, audio] = &sdp.media[..] else {
            panic!("{sdp:?}");
        };
        assert_eq!((video.port, audio.port), (9, 0));
        assert_eq!(video.candidates, ["192.0.2.1:5000".parse().unwrap()]);
        let of = |media| {
            let [one] = sdp.fingerprints(media) else {
                panic!("{sdp:?}");
            };
            (one.hash.as_str(), one.octets.clone())
        };
        assert_eq!(of(video), ("sha-256", vec![0x0a, 0xff]));
        assert_eq!(of(audio), ("sha-1", vec![1]));
    }

    #[test]
    fn what_is_no_description_is_none() {
        assert_eq!(Sdp::parse(b"<html>"), None);
        assert_eq!(Sdp::parse(b""), None);
    }

    #[test]
    fn a_set_that_is_not_base64_is_left_out() {
        let text = b"v=0\nm=video 0 RTP/AVP 96\na=fmtp:96 sprop-parameter-sets=Z0*,aM48gA";
        let sdp = Sdp::parse(text).unwrap();
        assert_eq!(
            sdp.media[0].formats[0].parameter_sets,
            [[0x68, 0xce, 0x3c, 0x80]]
        );
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(at in 0..TEXT.len(), octets in prop::collection::vec(any::<u8>(), 0..8)) {
            let mut text = TEXT.to_vec();
            text.splice(at..(at + octets.len()).min(TEXT.len()), octets);
            Sdp::parse(&text);
        }
    }
}
