//! One session at all vantages: dissected, opened with the escrowed keys, and
//! attacked without them. Requirements look at this and at nothing else.

mod connection;
mod search;
mod source;

use std::{collections::BTreeMap, net::IpAddr, ops::Range};

use lightleak_case::{Carriage, Case, Declaration, EndToEnd, Session, TransportProtocol, Vantage};

use crate::{
    adversary::{
        cryptanalyst::coverage::Coverage,
        eavesdropper::{self, Overheard},
        known_plaintext::{Hit, Index, Indexes},
        media_player::{self, Footage, Heard, Origin, Unplayed},
    },
    attribution::Attribution,
    decoder::{Decoder, DecoderError},
    dissect::{
        self, Flow, FlowState, Span, Stream, Traffic, Undissected,
        h264::START_CODE,
        pcmu,
        rtp::{self, FoundUnit},
        rtsp::{Dialogue, Message},
    },
    logins::Logins,
    mark::{self, Mark},
    open::{escrow::Escrow, keylog::KeyLog, sframe, srtp::Found},
    presence::Presence,
    proof::{Comparison, Proof},
    secured::{self, Carrier, Secured},
    sframed::{Sframed, senders},
    stored::{self, Clip, Content, Stored},
    upkeep::Upkeep,
    webrtc::{self, Negotiation, Signalled},
};

pub use connection::{Connection, Served};
use search::Haystacks;
use source::Source;
pub(crate) use source::is_sound;

/// The ledger's track of sound.
pub const SOUND_TRACK: &str = "audio";
/// The ledger's track of sound that a client sends to the device.
pub const TALK_BACK_TRACK: &str = "talk-back";
/// The ledger's tracks of what is no video and no sound: thumbnails, and events.
pub const DOCUMENT_TRACKS: [&str; 2] = ["pictures", "events"];

/// Where RTP lies in clear between two protections.
pub const HELD: [Vantage; 2] = [Vantage::Relay, Vantage::Peer];

/// The stimulus in which a server works against those who watch.
const ACTIVE_RELAY: &str = "active-relay";

/// How many pictures of an opened stream are decoded to find the mark.
const MOST_PICTURES: usize = 300;

/// A session, looked at.
#[derive(Debug)]
pub struct Seen<'a> {
    /// What the device claims.
    pub declaration: &'a Declaration,
    /// The session.
    pub session: &'a Session,
    /// All sessions of the case.
    sessions: &'a [Session],
    /// Everything that was captured on the wire.
    pub traffic: Traffic,
    /// What a relay or a viewer holds between two protections, in synthesised
    /// flows, by vantage, as far as somebody kept it.
    pub held: BTreeMap<Vantage, Traffic>,
    /// What was stored.
    pub stored: Vec<Stored<'a>>,
    /// What each flow is, in the order of `traffic.flows`.
    pub connections: Vec<Connection>,
    /// What of it is SRTP.
    pub secured: Secured,
    /// Sessions of WebRTC that were signalled inside TLS.
    pub negotiations: Vec<Negotiation>,
    /// The base keys of SFrame that were escrowed.
    pub base_keys: sframe::Keys,
    /// What is SFrame in RTP, sender by sender; empty where nobody promises any
    /// and no base key was escrowed.
    pub sframed: Vec<Sframed>,
    /// Whether there was something to be seen, and whether all of it was.
    pub presence: Presence,
    /// Plaintext that was found.
    pub sightings: Vec<Sighting>,
    /// How much of the most exposed track is clear, at vantages where plaintext
    /// was found.
    pub coverage: BTreeMap<Vantage, Coverage>,
    /// Octets of plaintext in the ledger.
    pub ledger_bytes: u64,
    /// Plaintext of another camera that was "found": our own error.
    pub decoy_sightings: Vec<Sighting>,
    /// What a media player could play.
    pub footage: Vec<Footage>,
    /// What could be listened to.
    pub heard: Vec<Heard>,
    /// Media in clear on the wire beside those, whatever the codec.
    pub overheard: Vec<Overheard>,
    /// Plaintext that was handed out in answers over HTTP inside TLS which could
    /// be opened, and where the answer lies.
    pub handed_out: Vec<(Span, Hit)>,
    /// Why it could not try everything, if so.
    pub unplayed: Option<DecoderError>,
    /// What of it keeps the network running.
    pub(crate) upkeep: Upkeep,
    /// What the octets at each vantage are.
    pub accounts: BTreeMap<Vantage, Account>,
}

/// What the octets at a vantage are, and what they prove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Every octet.
    pub attribution: Attribution,
    /// What was opened, compared with the ledger.
    pub proof: Proof,
}

/// Plaintext, seen.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// What was found.
    pub hit: Hit,
    /// Where it was seen.
    pub vantage: Vantage,
    /// Name of the stored file, at vantage `rest`.
    pub file: Option<String>,
    /// Where it begins, and how much of it is in that packet; in a file the
    /// packet is 0.
    pub span: Span,
    /// Index into [`Traffic::flows`], if the octets are in a flow.
    pub flow: Option<usize>,
    /// Between whom, or in what, in words.
    pub between: String,
}

impl<'a> Seen<'a> {
    /// Looks at `session` of `case`.
    pub fn look(
        case: &'a Case,
        session: &'a Session,
        decoder: &dyn Decoder,
        indexes: &Indexes,
    ) -> Self {
        let declaration = &case.declaration;
        let capture = session.captures.get(&Vantage::Wire);
        let traffic = capture.map(dissect::dissect).unwrap_or_default();
        let keys = KeyLog::parse(session.keys.iter().map(String::as_str));
        let connections: Vec<_> = traffic
            .flows
            .iter()
            .map(|f| Connection::read(f, &keys))
            .collect();
        let escrow = Escrow::parse(session.keys.iter().map(String::as_str));
        let is_device = |address| is_device(declaration, session, address);
        // Whoever serves, media of theirs are opened.
        let speaks = |address| is_device(address) || declaration.serves_at(address);
        let secured = Secured::of(&traffic, &connections, &escrow, &speaks);
        let negotiations = webrtc::negotiations(&traffic, &connections);
        let base_keys = sframe::Keys::parse(session.keys.iter().map(String::as_str));
        let path = declaration.path(&session.record.path);
        let promised = path.is_some_and(|path| path.end_to_end == EndToEnd::Sframe);
        let captured = session.captures.iter();
        let held: BTreeMap<_, _> = captured
            .filter(|(vantage, _)| HELD.contains(vantage))
            .map(|(vantage, capture)| (*vantage, dissect::dissect(capture)))
            .collect();
        let mut sframed = Vec::new();
        if promised || !base_keys.is_empty() {
            let repair = webrtc::repair(&negotiations);
            sframed = senders::on_wire(&secured, &repair, &base_keys, &is_device);
            let held = held.iter();
            sframed.extend(held.flat_map(|(vantage, traffic)| {
                senders::held(*vantage, traffic, &repair, &base_keys, &is_device)
            }));
        }

        let stored = Stored::all(case, session);
        let haystacks = Haystacks {
            traffic: &traffic,
            capture,
            stored: &stored,
            log: &session.log,
        };
        let ledger = indexes.index(&session.ledger, &case.decoy);
        let mut sightings = haystacks.search(&ledger);
        let search_held = |index: &Index| {
            let found = held.iter().flat_map(|(vantage, traffic)| {
                let haystacks = Haystacks {
                    traffic,
                    capture: session.captures.get(vantage),
                    stored: &[],
                    log: "",
                };
                let found = haystacks.search(index).into_iter();
                found.map(|sighting| Sighting {
                    vantage: *vantage,
                    flow: None,
                    ..sighting
                })
            });
            found.collect::<Vec<_>>()
        };
        sightings.extend(search_held(&ledger));
        let coverage = haystacks.coverage(&ledger, &session.ledger, &sightings);
        let foreign = indexes.index(&case.decoy, &session.ledger);
        let mut decoy_sightings = haystacks.search(&foreign);
        decoy_sightings.extend(search_held(&foreign));
        let answers = webrtc::signalled(&traffic, &connections, |_| true);
        let handed_out = answers.filter_map(|asked| {
            let hit = ledger.search(&asked.response.body, 1).into_iter().next()?;
            Some((asked.span, hit))
        });
        let handed_out = handed_out.collect();
        let guesses = parameter_sets(session);
        let mut played = vec![media_player::play(&traffic, &guesses, decoder)];
        let mut heard = media_player::listen(&traffic);
        for (vantage, traffic) in &held {
            let at_vantage = |footage: Footage| Footage {
                origin: footage.origin.held(*vantage),
                ..footage
            };
            let found = media_player::play(traffic, &guesses, decoder);
            let found = found.map(|footage| footage.into_iter().map(at_vantage).collect());
            played.push(found.map_err(|unplayed| Unplayed {
                footage: unplayed.footage.into_iter().map(at_vantage).collect(),
                ..unplayed
            }));
            let found = media_player::listen(traffic).into_iter();
            heard.extend(found.map(|heard| Heard {
                origin: heard.origin.held(*vantage),
                ..heard
            }));
        }
        for (index, file) in stored.iter().enumerate() {
            // What authenticates as ciphertext does not play.
            let opened = file.clip().is_some() || file.document().is_some();
            if !matches!(file.content, Content::Factory) && !opened {
                played.push(media_player::play_file(
                    index,
                    file.octets,
                    &guesses,
                    decoder,
                ));
                heard.extend(media_player::listen_to_file(index, file.octets));
            }
        }
        let (mut footage, mut unplayed) = (Vec::new(), None);
        for result in played {
            let (found, error) = match result {
                Ok(footage) => (footage, None),
                Err(Unplayed { error, footage }) => (footage, Some(error)),
            };
            footage.extend(found);
            unplayed = unplayed.or(error);
        }
        let (overheard, failure) = eavesdropper::overhear(&traffic, &footage, &heard, decoder);
        let unplayed = unplayed.or(failure);

        let mut seen = Self {
            declaration,
            session,
            sessions: &case.sessions,
            presence: Presence::default(),
            sightings,
            coverage,
            ledger_bytes: session
                .ledger
                .tracks
                .values()
                .map(|t| t.bytes.len() as u64)
                .sum(),
            decoy_sightings,
            footage,
            heard,
            overheard,
            stored,
            handed_out,
            unplayed,
            connections,
            secured,
            negotiations,
            base_keys,
            sframed,
            traffic,
            held,
            upkeep: Upkeep::default(),
            accounts: BTreeMap::new(),
        };
        seen.upkeep = Upkeep::of(&seen);
        let account = Account {
            attribution: Attribution::of_wire(&seen),
            proof: seen.prove_wire(),
        };
        seen.accounts.insert(Vantage::Wire, account);
        for (vantage, traffic) in &seen.held {
            let Some(capture) = session.captures.get(vantage) else {
                continue;
            };
            let account = Account {
                attribution: Attribution::of_held(&seen, *vantage, traffic, capture),
                proof: seen.prove_held(*vantage),
            };
            seen.accounts.insert(*vantage, account);
        }
        if session.rest.is_some() {
            let account = Account {
                attribution: Attribution::of_rest(&seen.stored),
                proof: seen.prove_rest(),
            };
            seen.accounts.insert(Vantage::Rest, account);
        }
        seen.presence = Presence::of(&seen, capture, &ledger, decoder);
        seen
    }

    /// Whether there was a tap at that vantage.
    pub fn was_at(&self, vantage: Vantage) -> bool {
        match vantage {
            Vantage::Rest => match self.is_recording() {
                true => self.session.rest.is_some(),
                false => !self.stored.is_empty(),
            },
            Vantage::Log => !self.session.log.is_empty(),
            // Where nobody watched, nothing was held.
            Vantage::Peer | Vantage::Relay => {
                let held = self.held.get(&vantage);
                held.is_some_and(|traffic| !traffic.flows.is_empty())
            }
            _ => true,
        }
    }

    /// Whether the session's path is a memory card.
    pub fn is_recording(&self) -> bool {
        let path = self.declaration.path(&self.session.record.path);
        path.is_some_and(|path| path.carriage == Carriage::Recording)
    }

    /// The other sessions of the case.
    pub fn others(&self) -> impl Iterator<Item = &'a Session> {
        let sessions = self.sessions.iter();
        sessions.filter(|other| !std::ptr::eq(*other, self.session))
    }

    /// What was escrowed: passwords and other secrets.
    pub fn escrow(&self) -> Escrow {
        Escrow::parse(self.session.keys.iter().map(String::as_str))
    }

    /// Flows and what they are.
    pub fn flows(&self) -> impl Iterator<Item = (&Flow, &Connection)> {
        self.traffic.flows.iter().zip(&self.connections)
    }

    /// Whether the address is the device's, or that of a server which serves a path
    /// for it: what the one has to keep to, the other has, too.
    pub fn is_device(&self, address: IpAddr) -> bool {
        is_device(self.declaration, self.session, address)
    }

    /// Whether a flow, by its index, carries what only the device can have
    /// produced, whatever the addresses say.
    pub fn carries_own(&self, flow: usize) -> bool {
        let unit = self.declaration.device.unit;
        let here = |origin: Origin| matches!(origin, Origin::Flow { flow: f, .. } if f == flow);
        let marked = |f: &Footage| here(f.origin) && f.mark.is_some_and(|(m, _)| m.unit == unit);
        let heard = |h: &Heard| here(h.origin) && h.mark.unit == unit;
        self.sightings.iter().any(|s| s.flow == Some(flow))
            || self.footage.iter().any(marked)
            || self.heard.iter().any(heard)
            || self
                .overheard
                .iter()
                .any(|o| here(o.origin) && o.is_of(unit))
    }

    /// What the device sent and could not be dissected.
    pub fn undissected(&self) -> impl Iterator<Item = &Undissected> {
        let ours = |u: &&Undissected| u.from.is_some_and(|from| self.is_device(from));
        self.traffic.undissected.iter().filter(ours)
    }

    /// TCP flows in which the device is the server and that came to be.
    pub fn served(&self) -> impl Iterator<Item = (&Flow, &Connection)> {
        self.flows().filter(|(flow, _)| self.serves(flow))
    }

    /// RTSP dialogues with the device as the server.
    pub fn dialogues(&self) -> impl Iterator<Item = Served<'_>> {
        let served = self.served();
        served.filter_map(|(flow, connection)| self.served_by(flow, connection))
    }

    /// Requests to the device inside TLS, the answers, and where those lie.
    pub fn answered_inside(&self) -> impl Iterator<Item = (&Message, &Message, Span)> {
        let opened = self.dialogues().filter(|dialogue| dialogue.opened);
        opened.flat_map(Served::answered)
    }

    /// What the device sends as SRTP, or was to.
    pub fn srtp_sent(&self) -> impl Iterator<Item = &Carrier> + Clone {
        let carriers = self.secured.carriers.iter();
        carriers.filter(|c| c.is_srtp() && self.is_device(c.from.ip()))
    }

    fn serves(&self, flow: &Flow) -> bool {
        flow.transport == TransportProtocol::Tcp
            && flow.state == FlowState::Open
            && self.is_device(flow.b.ip())
    }

    /// The RTSP dialogue of a flow with the device as the server.
    fn served_by<'b>(&self, flow: &'b Flow, connection: &'b Connection) -> Option<Served<'b>> {
        let dialogue = connection.dialogue.as_ref()?;
        self.serves(flow).then_some(Served {
            dialogue,
            stream: connection.said(flow, false),
            opened: connection.opened().is_some(),
        })
    }

    /// What the device sent as media and the escrowed keys open: the access
    /// units of each source.
    pub fn opened_media(&self) -> Vec<Vec<FoundUnit>> {
        let sources = self.sources();
        let media: Vec<_> = sources.iter().map(Source::units).collect();
        if media.iter().any(|units| !units.is_empty()) {
            return media;
        }
        // Where nobody could open the hop, what is held behind it.
        let held = self.sframed.iter();
        let held = held.filter(|s| s.sender.is_device && s.sender.vantage != Vantage::Wire);
        held.map(|sframed| sframed.units.clone()).collect()
    }

    /// What the device sent as sound (PCMU) and the escrowed keys open: the
    /// samples of each source.
    pub fn opened_sound(&self) -> Vec<Vec<i16>> {
        let sources = self.sources();
        let samples = sources
            .iter()
            .map(|source| source.sound().into_iter().flat_map(pcmu::linear).collect());
        samples.collect()
    }

    /// What the device sent as media, compared with the ledger.
    fn prove_wire(&self) -> Proof {
        let mut comparison = Comparison::new(&self.session.ledger);
        let sources = self.sources().into_iter();
        for source in sources.chain(self.talk_back()) {
            let (units, sound) = (source.units(), source.sound());
            let (unit_runs, sound_runs) = match source.sframed {
                Some(sframed) => (sframed.runs(&units), sframed.runs(&sound)),
                None => (vec![&units[..]], vec![&sound[..]]),
            };
            let broken = source.paused || source.lost;
            for run in unit_runs {
                // What was cut by a loss is not what the device made.
                let units = run.iter().filter(|unit| unit.whole || !source.lost);
                comparison.delivered(units.map(|u| &u.annex_b[..]), broken);
            }
            for run in sound_runs {
                comparison.delivered(run.iter().copied(), broken);
            }
        }
        comparison.finish()
    }

    /// What is held at that vantage, opened from end to end and compared with the
    /// ledger.
    fn prove_held(&self, vantage: Vantage) -> Proof {
        let mut comparison = Comparison::new(&self.session.ledger);
        let talks = self.session.ledger.tracks.contains_key(TALK_BACK_TRACK);
        let held = self.sframed.iter().filter(|s| s.sender.vantage == vantage);
        for sframed in held.filter(|s| s.sender.is_device || talks && s.sound) {
            for run in sframed.runs(&sframed.units) {
                let units = run.iter().filter(|u| u.whole || !sframed.lost);
                comparison.delivered(units.map(|u| &u.annex_b[..]), sframed.lost);
            }
            for run in sframed.runs(&sframed.samples) {
                let samples = run.iter().map(Vec::as_slice);
                comparison.delivered(samples, sframed.lost);
            }
        }
        comparison.finish()
    }

    /// The octets that a carrier's packets lie in.
    pub fn carried(&self, carrier: &Carrier) -> Option<&Stream> {
        let (flow, connection) = self.flows().nth(carrier.flow)?;
        Some(connection.said(flow, carrier.from_a))
    }

    /// RTP of the device, source by source, as the escrowed keys open it: what
    /// is interleaved inside TLS, channel by channel, and SRTP.
    fn sources(&self) -> Vec<Source<'_>> {
        let mut sources = Vec::new();
        for (index, (flow, connection)) in self.flows().enumerate() {
            let served = self.served_by(flow, connection).filter(|d| d.opened);
            let Some(served) = served else {
                continue;
            };
            for channel in channels(served.dialogue) {
                if self.secured.channel(index, channel).is_none() {
                    sources.push(Source {
                        packets: frames(served.stream, served.dialogue, channel),
                        paused: served.paused(),
                        sframed: None,
                        // On a connection nothing is lost or out of order.
                        lost: false,
                    });
                }
            }
        }
        sources.extend(self.srtp_sent().flat_map(|c| self.sources_of(c)));
        sources
    }

    /// Sound that a client sends to the device inside SRTP, if the ledger has
    /// some that was sent so.
    fn talk_back(&self) -> Vec<Source<'_>> {
        if !self.session.ledger.tracks.contains_key(TALK_BACK_TRACK) {
            return Vec::new();
        }
        let carriers = self.secured.carriers.iter();
        let received = carriers.filter(|c| c.is_srtp() && self.is_device(c.to.ip()));
        let sources = received.flat_map(|c| self.sources_of(c));
        let is_sound = |source: &Source<'_>| source.packets.first().is_some_and(|p| is_sound(p));
        sources.filter(is_sound).collect()
    }

    /// What a carrier of SRTP brings, SSRC by SSRC.
    fn sources_of<'b>(&'b self, carrier: &'b Carrier) -> Vec<Source<'b>> {
        let paused = self.dialogues().any(Served::paused);
        let source = |packets: Vec<(&'b secured::Packet, &'b Found)>| {
            let first = packets.first();
            Source {
                paused,
                lost: packets
                    .windows(2)
                    .any(|pair| pair[1].1.index != pair[0].1.index + 1),
                sframed: first.and_then(|(packet, _)| self.sframed_of(carrier, packet.ssrc)),
                packets: packets.iter().map(|(_, f)| &f.opened.packet[..]).collect(),
            }
        };
        carrier.sources().into_iter().map(source).collect()
    }

    /// What is SFrame of a source on a carrier.
    fn sframed_of(&self, carrier: &Carrier, ssrc: u32) -> Option<&Sframed> {
        self.sframed.iter().find(|sframed| {
            let sender = &sframed.sender;
            sender.vantage == Vantage::Wire
                && carrier.channel.is_none()
                && (sender.flow, sender.from_a, sender.ssrc) == (carrier.flow, carrier.from_a, ssrc)
        })
    }

    /// Whether a flow belongs to a session of WebRTC that was signalled inside TLS,
    /// or has DTLS in it.
    pub fn is_webrtc(&self, flow: &Flow, connection: &Connection) -> bool {
        let udp = flow.transport == TransportProtocol::Udp;
        udp && (connection.dtls.is_some() || self.negotiation(flow).is_some())
    }

    /// The session of WebRTC that a flow belongs to, if it was signalled inside
    /// TLS.
    pub fn negotiation(&self, flow: &Flow) -> Option<&Negotiation> {
        let mut negotiations = self.negotiations.iter();
        negotiations.find(|negotiation| negotiation.is_between(flow.a, flow.b))
    }

    /// What others asked of the device over HTTP inside TLS, or of a server that
    /// serves a path for it, and the answers.
    pub fn signalled(&self) -> impl Iterator<Item = Signalled<'_>> {
        webrtc::signalled(&self.traffic, &self.connections, |flow| {
            self.is_device(flow.b.ip()) && !self.is_itself(flow.a.ip())
        })
    }

    /// What the device itself asked of a server that serves a path for it, and the
    /// answers.
    pub fn published(&self) -> impl Iterator<Item = Signalled<'_>> {
        webrtc::signalled(&self.traffic, &self.connections, |flow| {
            self.is_device(flow.b.ip()) && self.is_itself(flow.a.ip())
        })
    }

    /// Whether the address is one of the device's own.
    pub fn is_itself(&self, address: IpAddr) -> bool {
        self.declaration.device.addresses.contains(&address)
    }

    /// Who of those who asked was logged in.
    pub fn logins(&self) -> Logins {
        Logins::of(self.signalled(), |packet| self.time(packet))
    }

    /// When a packet of the wire was captured, in nanoseconds since 1970.
    pub fn time(&self, packet: u64) -> Option<u64> {
        self.time_at(Vantage::Wire, packet)
    }

    /// The same of a packet at that vantage.
    pub fn time_at(&self, vantage: Vantage, packet: u64) -> Option<u64> {
        let capture = self.session.captures.get(&vantage)?;
        let index = usize::try_from(packet.checked_sub(1)?).ok()?;
        capture.packets.get(index).map(|packet| packet.time_ns)
    }

    /// Clips that the device vouches for and the escrowed identities open.
    pub fn clips(&self) -> impl Iterator<Item = (&Stored<'a>, &Clip)> {
        let listed = |file: &&Stored<'_>| stored::vouched(&self.stored, file.name).is_some();
        let stored = self.stored.iter().filter(listed);
        stored.filter_map(|file| Some((file, file.clip()?)))
    }

    /// What the device recorded as sound: the samples of each clip.
    pub fn recorded_sound(&self) -> Vec<Vec<i16>> {
        let tracks = self.clips().flat_map(|(_, clip)| {
            let tracks = clip.movie.tracks.iter();
            tracks.map(move |track| (clip, track))
        });
        let sound = tracks.filter(|(_, track)| track.codec.0 == *b"ulaw");
        sound
            .map(|(clip, track)| pcmu::linear(&track.octets(&clip.file.plaintext)).collect())
            .collect()
    }

    /// What the device stored, compared with the ledger.
    fn prove_rest(&self) -> Proof {
        let mut comparison = Comparison::new(&self.session.ledger);
        self.compare_clips(&mut comparison, self.clips().map(|(_, clip)| clip));
        // By their names, and so in the order of their times.
        let documents = self.stored.iter().filter_map(Stored::document);
        comparison.delivered(documents.map(|document| &document.plaintext[..]), false);
        comparison.finish()
    }

    /// What is in these clips, compared with the ledger.
    pub fn prove_clips<'b>(&self, clips: impl Iterator<Item = &'b Clip>) -> Proof {
        let mut comparison = Comparison::new(&self.session.ledger);
        self.compare_clips(&mut comparison, clips);
        comparison.finish()
    }

    fn compare_clips<'b>(
        &self,
        comparison: &mut Comparison<'_>,
        clips: impl Iterator<Item = &'b Clip>,
    ) {
        let sound = self.session.ledger.tracks.get(SOUND_TRACK);
        let packet = sound.and_then(|t| t.units.first()).map_or(0, |u| u.length);
        for clip in clips {
            let plaintext = &clip.file.plaintext;
            for track in &clip.movie.tracks {
                if track.is_h264() {
                    let samples = track.samples.iter();
                    let units: Vec<Vec<u8>> = samples
                        .map(|s| byte_stream(plaintext, track.nal_units(s)))
                        .collect();
                    comparison.delivered(units.iter().map(Vec::as_slice), false);
                } else if packet > 0 {
                    let octets = track.octets(plaintext);
                    comparison.delivered(octets.chunks(packet), false);
                }
            }
        }
    }

    /// Marks in media of these channels, read from decoded pictures.
    pub fn marks(
        media: &[Vec<FoundUnit>],
        decoder: &dyn Decoder,
    ) -> Result<Vec<Mark>, DecoderError> {
        let mut marks = Vec::new();
        for units in media {
            let video: Vec<u8> = units.iter().flat_map(|u| &u.annex_b).copied().collect();
            if !video.is_empty() {
                let pictures = decoder.decode(&video, MOST_PICTURES)?;
                marks.extend(pictures.iter().filter_map(mark::read));
            }
        }
        Ok(marks)
    }
}

fn is_device(declaration: &Declaration, session: &Session, address: IpAddr) -> bool {
    // There the server is whoever did it, and the device answers for nothing that it
    // says.
    let is_ours = session.record.stimulus != ACTIVE_RELAY;
    declaration.device.addresses.contains(&address) || is_ours && declaration.serves_at(address)
}

/// The parameter sets that an adversary could guess: the device's own, of
/// every stream.
fn parameter_sets(session: &Session) -> Vec<u8> {
    let tracks = session.ledger.tracks.values();
    tracks.flat_map(|track| track.parameter_sets()).collect()
}

/// NAL units as a byte stream (ITU-T H.264 Annex B).
fn byte_stream(file: &[u8], nal_units: &[Range<usize>]) -> Vec<u8> {
    let octets = nal_units.iter().filter_map(|unit| file.get(unit.clone()));
    octets
        .flat_map(|unit| [&START_CODE[..], unit].concat())
        .collect()
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
