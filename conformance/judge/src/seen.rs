//! One session at one vantage: dissected, opened with the escrowed keys, and
//! attacked without them. Requirements look at this and at nothing else.

use lightleak_case::{Case, Declaration, Session, TransportProtocol, Vantage};

use crate::{
    adversary::{
        known_plaintext::{Hit, Index},
        media_player::{self, Footage},
    },
    decoder::{Decoder, DecoderError},
    dissect::{
        self, Flow, FlowState, Place, Stream, Traffic, rtp,
        rtsp::{self, Dialogue, Exchange},
        tls::{self, TlsReading},
    },
    mark::{self, Mark},
    open::{self, OpenError, Opened, keylog::KeyLog},
    presence::Presence,
};

/// How many hits and pictures of a session are kept as evidence.
const MOST_HITS: usize = 16;

/// How many pictures of an opened stream are decoded to find the mark.
const MOST_PICTURES: usize = 300;

/// A session, looked at from one vantage.
#[derive(Debug)]
pub struct Seen<'a> {
    /// What the device claims.
    pub declaration: &'a Declaration,
    /// The session.
    pub session: &'a Session,
    /// Where was looked.
    pub vantage: Vantage,
    /// Everything that was captured.
    pub traffic: Traffic,
    /// What each flow is, in the order of `traffic.flows`.
    pub connections: Vec<Connection>,
    /// Whether there was something to be seen, and whether all of it was.
    pub presence: Presence,
    /// Plaintext that was found.
    pub sightings: Vec<Sighting>,
    /// Octets that were searched for plaintext.
    pub searched: u64,
    /// Octets of plaintext in the ledger.
    pub ledger_bytes: u64,
    /// Plaintext of another camera that was "found": our own error.
    pub decoy_sightings: Vec<Sighting>,
    /// What a media player could play, or why it could not try.
    pub footage: Result<Vec<Footage>, DecoderError>,
}

/// What one flow is.
#[derive(Debug, Default)]
pub struct Connection {
    /// It is TLS.
    pub tls: Option<TlsReading>,
    /// Its TLS, opened with the escrowed keys.
    pub opened: Option<Result<Opened, OpenError>>,
    /// It speaks RTSP: inside TLS if that was opened, else in clear.
    pub dialogue: Option<Dialogue>,
}

/// Plaintext, seen.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// What was found.
    pub hit: Hit,
    /// Where, if the octets belong to a flow or packet that can be named.
    pub place: Place,
    /// Between whom, in words.
    pub between: String,
}

impl<'a> Seen<'a> {
    /// Looks at `session` of `case` from `vantage`.
    pub fn look(
        case: &'a Case,
        session: &'a Session,
        vantage: Vantage,
        decoder: &dyn Decoder,
    ) -> Self {
        let declaration = &case.declaration;
        let capture = session.captures.get(&vantage);
        let traffic = capture.map(dissect::dissect).unwrap_or_default();
        let keys = KeyLog::parse(session.keys.iter().map(String::as_str));
        let connections: Vec<_> = traffic
            .flows
            .iter()
            .map(|f| Connection::read(f, &keys))
            .collect();

        let haystacks = Haystacks {
            traffic: &traffic,
            capture,
        };
        let ledger = Index::new(&session.ledger, &case.decoy);
        let sightings = haystacks.search(&ledger);
        let decoy_sightings = haystacks.search(&Index::new(&case.decoy, &session.ledger));
        let footage = media_player::play(&traffic, &parameter_sets(session), decoder);

        let mut seen = Self {
            declaration,
            session,
            vantage,
            presence: Presence::default(),
            sightings,
            searched: haystacks.octets(),
            ledger_bytes: session
                .ledger
                .tracks
                .values()
                .map(|t| t.bytes.len() as u64)
                .sum(),
            decoy_sightings,
            footage,
            connections,
            traffic,
        };
        seen.presence = Presence::of(&seen, capture, decoder);
        seen
    }

    /// Flows and what they are.
    pub fn flows(&self) -> impl Iterator<Item = (&Flow, &Connection)> {
        self.traffic.flows.iter().zip(&self.connections)
    }

    /// Whether the address is the device's.
    pub fn is_device(&self, address: std::net::IpAddr) -> bool {
        self.declaration.device.addresses.contains(&address)
    }

    /// TCP flows in which the device is the server and that came to be.
    pub fn served(&self) -> impl Iterator<Item = (&Flow, &Connection)> {
        self.flows().filter(|(flow, _)| {
            flow.transport == TransportProtocol::Tcp
                && flow.state == FlowState::Open
                && self.is_device(flow.b.ip())
        })
    }

    /// RTSP requests to the device with their responses, that were read inside
    /// TLS with the escrowed keys; where the response begins.
    pub fn opened_exchanges(&self) -> impl Iterator<Item = (&Exchange, Option<Place>)> {
        self.served().flat_map(|(_, connection)| {
            let opened = connection.opened.as_ref().and_then(|o| o.as_ref().ok());
            let dialogue = connection.dialogue.as_ref().filter(|_| opened.is_some());
            dialogue
                .into_iter()
                .flat_map(|d| &d.exchanges)
                .map(move |exchange| {
                    let at = exchange.response.as_ref().map(|r| r.range.start);
                    (
                        exchange,
                        at.and_then(|at| opened.and_then(|o| o.from_b.place(at))),
                    )
                })
        })
    }

    /// Marks in what the device sent inside TLS, read from decoded pictures.
    pub fn opened_marks(&self, decoder: &dyn Decoder) -> Result<Vec<Mark>, DecoderError> {
        let mut marks = Vec::new();
        for (_, connection) in self.served() {
            let Some(Ok(opened)) = &connection.opened else {
                continue;
            };
            let Some(dialogue) = &connection.dialogue else {
                continue;
            };
            for channel in channels(dialogue) {
                let packets = frames(&opened.from_b, dialogue, channel);
                let video: Vec<u8> = rtp::depacketize(&packets)
                    .into_iter()
                    .flat_map(|u| u.annex_b)
                    .collect();
                if !video.is_empty() {
                    let pictures = decoder.decode(&video, MOST_PICTURES)?;
                    marks.extend(pictures.iter().filter_map(mark::read));
                }
            }
        }
        Ok(marks)
    }
}

impl Connection {
    fn read(flow: &Flow, keys: &KeyLog) -> Self {
        if flow.transport != TransportProtocol::Tcp {
            return Self::default();
        }
        let tls = tls::read(flow);
        let opened = tls.as_ref().map(|reading| open::open(flow, reading, keys));
        let dialogue = match (&tls, &opened) {
            (None, _) => rtsp::read(&flow.from_a, &flow.from_b),
            (_, Some(Ok(opened))) => rtsp::read(&opened.from_a, &opened.from_b),
            _ => None,
        };
        Self {
            tls,
            opened,
            dialogue,
        }
    }
}

/// Everything in which plaintext could be.
struct Haystacks<'a> {
    traffic: &'a Traffic,
    capture: Option<&'a lightleak_case::Capture>,
}

impl Haystacks<'_> {
    fn octets(&self) -> u64 {
        self.traffic
            .flows
            .iter()
            .map(|f| (f.from_a.bytes.len() + f.from_b.bytes.len()) as u64)
            .sum()
    }

    /// Reassembled streams first; then packet by packet, for what reassembly
    /// leaves out (link layers that nobody knows, overlapping segments).
    fn search(&self, index: &Index) -> Vec<Sighting> {
        let mut found = Vec::new();
        for flow in &self.traffic.flows {
            for (from, to, stream) in [
                (flow.a, flow.b, &flow.from_a),
                (flow.b, flow.a, &flow.from_b),
            ] {
                let between = format!("{} {from} to {to}", flow.transport);
                for hit in index.search(&stream.bytes, MOST_HITS - found.len().min(MOST_HITS)) {
                    if let Some(place) = stream.place(hit.at) {
                        found.push(Sighting {
                            hit,
                            place,
                            between: between.clone(),
                        });
                    }
                }
            }
        }
        if found.is_empty() {
            for packet in self.capture.iter().flat_map(|c| &c.packets) {
                for hit in index.search(&packet.data, 1) {
                    let place = Place {
                        packet: packet.number,
                        offset: hit.at,
                    };
                    found.push(Sighting {
                        hit,
                        place,
                        between: "a packet by itself".into(),
                    });
                }
            }
        }
        found.truncate(MOST_HITS);
        found
    }
}

/// The parameter sets that an adversary could guess: the device's own.
fn parameter_sets(session: &Session) -> Vec<u8> {
    session
        .ledger
        .tracks
        .get("video")
        .map(|t| t.parameter_sets())
        .unwrap_or_default()
}

fn channels(dialogue: &Dialogue) -> Vec<u8> {
    let mut channels: Vec<_> = dialogue.frames_b.iter().map(|f| f.channel).collect();
    channels.sort_unstable();
    channels.dedup();
    channels
}

fn frames<'a>(stream: &'a Stream, dialogue: &Dialogue, channel: u8) -> Vec<&'a [u8]> {
    dialogue
        .frames_b
        .iter()
        .filter(|f| f.channel == channel)
        .map(|f| &stream.bytes[f.payload.clone()])
        .filter(|packet| rtp::is_rtp(packet))
        .collect()
}
