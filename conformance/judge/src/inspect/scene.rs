//! What recognisers know besides the flow they look at.

use std::net::{IpAddr, SocketAddr};

use lightleak_case::{Octets, SecretsType};

use crate::{
    dissect::{
        Flow, Stream, Traffic, key_attribute,
        mikey::Mikey,
        rtsp,
        sdp::{self, Sdp},
        tls,
    },
    open::{self, keylog::KeyLog},
    parallel::in_parallel,
};

/// Descriptions that are read of a direction, and of all.
const MOST_IN_A_STREAM: usize = 64;
const MOST: usize = 4096;
/// Octets of a description.
const LONGEST: usize = 64 * 1024;
/// Keys that are read of a flow.
const MOST_KEYS: usize = 64;

/// Everything that was captured, and what was said in it about other flows.
#[derive(Debug)]
pub struct Scene<'a> {
    /// All flows.
    pub traffic: &'a Traffic,
    /// Session descriptions that somebody gave in clear.
    pub descriptions: Vec<Description>,
    /// Messages of MIKEY that somebody gave in clear, in a description (RFC 4567 3.1) or
    /// beside one (RFC 4567 3.2, ONVIF Streaming 8.2.1).
    pub mikeys: Vec<Keying>,
    /// Secrets of TLS that came with the capture.
    pub keys: KeyLog,
}

/// A session description in clear.
#[derive(Clone, Debug)]
pub struct Description {
    /// Index of the flow that it was given in.
    pub flow: usize,
    /// The ends of that flow.
    pub ends: [SocketAddr; 2],
    /// Whether it was not in clear: secrets that came with the capture open it.
    pub opened: bool,
    /// What it says.
    pub sdp: Sdp,
}

/// A message of MIKEY that keys were read of.
#[derive(Clone, Debug)]
pub struct Keying {
    /// Index of the flow that it was given in.
    pub flow: usize,
    /// As in [`Description::opened`].
    pub opened: bool,
    /// What it says.
    pub mikey: Mikey,
}

impl<'a> Scene<'a> {
    /// Reads what flows say about others.
    pub fn new(traffic: &'a Traffic) -> Self {
        Self::heard(traffic, |_| true)
    }

    /// The same, of those flows that may say something.
    pub(super) fn heard(traffic: &'a Traffic, may_tell: impl Fn(usize) -> bool + Sync) -> Self {
        let flows = &traffic.flows;
        let told = in_parallel(flows.len(), |flow| match may_tell(flow) {
            true => Told::read(&flows[flow]),
            false => Told::default(),
        });
        let (mut descriptions, mut mikeys) = (Vec::new(), Vec::new());
        for (flow, (told, of)) in told.into_iter().zip(flows).enumerate() {
            told.add(flow, of, false, &mut descriptions, &mut mikeys);
            if descriptions.len() > MOST {
                break;
            }
        }
        Self {
            traffic,
            descriptions,
            mikeys,
            keys: KeyLog::default(),
        }
    }

    /// The same, with the secrets that a file of pcapng brought (Decryption Secrets
    /// Blocks): what they open is in clear for whoever has the file.
    #[must_use]
    pub fn with_secrets(self, secrets: &[(SecretsType, Octets)]) -> Self {
        let logs = secrets
            .iter()
            .filter(|(kind, _)| *kind == SecretsType::TLS_KEY_LOG);
        let lines = logs.filter_map(|(_, octets)| std::str::from_utf8(octets).ok());
        let keys = KeyLog::parse(lines.flat_map(str::lines));
        if keys.is_empty() {
            return self;
        }
        let mut all = self;
        for (flow, of) in all.traffic.flows.iter().enumerate() {
            let inner = tls::read(of).and_then(|reading| {
                let opened = open::open(of, &reading, &keys).ok()?;
                Some(of.carrying(opened.from_a, opened.from_b))
            });
            if let Some(told) = inner.map(|inner| Told::read(&inner))
                && all.descriptions.len() <= MOST
            {
                told.add(flow, of, true, &mut all.descriptions, &mut all.mikeys);
            }
        }
        Self { keys, ..all }
    }

    /// What descriptions say of a payload type in a flow: one that names an end of it
    /// by address and port, else one of a host that has part in both.
    pub fn format(&self, flow: &Flow, payload_type: u8) -> Option<sdp::Format> {
        let formats = |strict: bool| {
            self.descriptions.iter().find_map(|description| {
                let media = description.sdp.media.iter();
                let mut media = media.filter(|media| match strict {
                    true => description.names(media, flow),
                    false => description.shares(flow),
                });
                media.find_map(|media| {
                    let mut formats = media.formats.iter();
                    formats.find(|f| f.payload_type == payload_type && !f.encoding.is_empty())
                })
            })
        };
        formats(true).or_else(|| formats(false)).cloned()
    }

    /// What any description says of a payload type.
    pub fn format_of(&self, payload_type: u8) -> Option<sdp::Format> {
        let media = self.descriptions.iter().flat_map(|d| &d.sdp.media);
        let mut formats = media.flat_map(|media| &media.formats);
        let found = formats.find(|f| f.payload_type == payload_type && !f.encoding.is_empty());
        found.cloned()
    }

    /// Whether a description of the flow says that it is SRTP.
    pub fn secured(&self, flow: &Flow) -> bool {
        let of_flow = self.descriptions.iter().flat_map(|description| {
            let media = description.sdp.media.iter();
            media.filter(|media| description.names(media, flow))
        });
        let mut of_flow = of_flow.filter(|media| media.protocol.contains("SAVP"));
        of_flow.next().is_some()
    }
}

impl Description {
    /// Whether a section names an end of the flow: its port, and its address if it has
    /// one that is nobody's placeholder.
    pub fn names(&self, media: &sdp::Media, flow: &Flow) -> bool {
        if media.port == 0 {
            return false;
        }
        let address = media.address.or(self.sdp.address);
        let address = address.filter(|address| !address.is_unspecified());
        [flow.a, flow.b].iter().any(|end| {
            end.port() == media.port
                && match address {
                    Some(address) => address == end.ip(),
                    None => self.ends.iter().any(|e| e.ip() == end.ip()),
                }
        })
    }

    /// Whether both hosts of the one that it was given in have part in the flow, or one
    /// of them sends to many: of two cameras of a recorder each has its own.
    fn shares(&self, flow: &Flow) -> bool {
        let ends = [flow.a.ip(), flow.b.ip()];
        let has_part = |end: &SocketAddr| ends.contains(&end.ip());
        let to_many = ends.iter().any(IpAddr::is_multicast);
        self.ends.iter().all(has_part) || to_many && self.ends.iter().any(has_part)
    }
}

/// What a flow tells about others.
#[derive(Default)]
struct Told {
    descriptions: Vec<Sdp>,
    mikeys: Vec<Mikey>,
}

impl Told {
    /// Adds what was told in a flow.
    fn add(
        self,
        flow: usize,
        of: &Flow,
        opened: bool,
        descriptions: &mut Vec<Description>,
        mikeys: &mut Vec<Keying>,
    ) {
        descriptions.extend(self.descriptions.into_iter().map(|sdp| Description {
            flow,
            ends: [of.a, of.b],
            opened,
            sdp,
        }));
        mikeys.extend(self.mikeys.into_iter().map(|mikey| Keying {
            flow,
            opened,
            mikey,
        }));
    }

    /// Whatever carries it: a body of RTSP, SIP or HTTP, a packet of SAP, a string of
    /// JSON.
    fn read(flow: &Flow) -> Self {
        let streams = [&flow.from_a, &flow.from_b];
        let speaks = |stream: &&Stream| memchr::memmem::find(&stream.bytes, b"RTSP/1.0").is_some();
        if streams.iter().any(speaks)
            && let Some(dialogue) = rtsp::read(&flow.from_a, &flow.from_b)
        {
            let described = dialogue.messages().filter_map(rtsp::Message::sdp);
            let keyed = dialogue.messages().flat_map(key_attribute::mikeys);
            return Self {
                descriptions: described.take(MOST_IN_A_STREAM).collect(),
                mikeys: keyed.take(MOST_KEYS).collect(),
            };
        }
        let descriptions: Vec<_> = streams.into_iter().flat_map(in_a_stream).collect();
        let told = descriptions.iter().flat_map(|sdp| {
            let media = sdp.media.iter().flat_map(|media| &media.key_mgmt);
            sdp.key_mgmt.iter().chain(media)
        });
        let octets = told.filter_map(|text| sdp::base64(text));
        let mikeys = octets.filter_map(|octets| Mikey::parse(&octets).ok());
        Self {
            mikeys: mikeys.take(MOST_KEYS).collect(),
            descriptions,
        }
    }
}

fn in_a_stream(stream: &Stream) -> Vec<Sdp> {
    let bytes = &stream.bytes;
    let starts = memchr::memmem::find_iter(bytes, b"v=0");
    let found = starts.filter_map(|at| {
        let text = bytes.get(at..bytes.len().min(at + LONGEST))?;
        match text.get(3..)? {
            [b'\r', b'\n', b'o', b'=', ..] | [b'\n', b'o', b'=', ..] => {
                // Up to the end of what has the form of its lines.
                let mut end = 0;
                for line in text.split_inclusive(|octet| *octet == b'\n') {
                    let is_line = matches!(line, [b'a'..=b'z', b'=', ..]);
                    let is_text = line.iter().all(|o| *o >= b' ' || b"\r\n\t".contains(o));
                    if !is_line || !is_text {
                        break;
                    }
                    end += line.len();
                }
                Sdp::parse(text.get(..end)?)
            }
            [b'\\', b'r', b'\\', b'n', b'o', b'=', ..] | [b'\\', b'n', b'o', b'=', ..] => {
                let end = memchr::memchr(b'"', text)?;
                let text = String::from_utf8_lossy(text.get(..end)?);
                let text = text.replace("\\r", "").replace("\\n", "\n");
                Sdp::parse(text.replace("\\/", "/").as_bytes())
            }
            _ => None,
        }
    });
    found.take(MOST_IN_A_STREAM).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\n\
        m=audio 6000 RTP/SAVP 96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n";

    fn stream(octets: &[u8]) -> Stream {
        let mut stream = Stream::default();
        stream.push(octets, 1, 0, 0);
        stream
    }

    #[test]
    fn descriptions_are_found_in_any_body() {
        let escaped = SDP.replace("\r\n", "\\r\\n");
        for text in [
            format!("INVITE sip:a SIP/2.0\r\n\r\n{SDP}INVITE sip:b SIP/2.0\r\n"),
            format!("\x20\0application/sdp\0{SDP}"),
            format!("{{\"sdp\":\"{escaped}\"}}"),
        ] {
            let found = in_a_stream(&stream(text.as_bytes()));
            assert_eq!(found.len(), 1, "{text}");
            let format = &found[0].media[0].formats[0];
            assert_eq!(
                (format.encoding.as_str(), format.clock_rate),
                ("OPUS", 48_000)
            );
            assert_eq!(format.parameter("useinbandfec"), Some("1"));
            assert_eq!(found[0].address, Some([10, 0, 0, 9].into()));
        }
    }
}
