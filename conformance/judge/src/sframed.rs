//! SFrame in RTP, as it is when the protection of the hop is taken off: in
//! video a NAL unit of each access unit carries a frame, in sound each payload
//! is one. What opens takes the place of what carried it.

pub(crate) mod senders;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use lightleak_case::Vantage;

use crate::{
    attribution::Class,
    dissect::{
        Span,
        h264::{self, START_CODE},
        rtp::{self, FoundUnit, placed::placed},
    },
    open::sframe::{self, Carried, Keys, OpenedFrame, SframeError},
    seen::is_sound,
};

/// A packet of RTP in clear.
#[derive(Clone, Copy, Debug)]
pub struct ClearPacket<'a> {
    /// Its octets.
    pub octets: &'a [u8],
    /// Where it begins in its stream.
    pub at: usize,
    /// Where it begins in the capture.
    pub span: Span,
}

/// Who sends RTP, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// Where it was seen.
    pub vantage: Vantage,
    /// Index of the flow in the capture of that vantage.
    pub flow: usize,
    /// Whether `a` of the flow sends.
    pub from_a: bool,
    /// Whether that is the device.
    pub is_device: bool,
    /// SSRC.
    pub ssrc: u32,
}

/// What of one sender's RTP is SFrame.
#[derive(Clone, Debug)]
pub struct Sframed {
    /// Who sends.
    pub sender: Sender,
    /// Whether it is sound.
    pub sound: bool,
    /// Whether packets are missing in between, by their sequence numbers.
    pub lost: bool,
    /// Frames in the order of their packets.
    pub frames: Vec<Frame>,
    /// Access units and payloads that are no frame, though nothing of them is
    /// missing.
    pub others: Vec<Span>,
    /// Those of them that are video, as byte streams.
    pub clear: Vec<(Span, Vec<u8>)>,
    /// Access units of video; what was opened in place of what carried it.
    pub units: Vec<FoundUnit>,
    /// Payloads of sound; what was opened in place of what carried it.
    pub samples: Vec<Vec<u8>>,
    /// Which of them are the first under another key than what came before.
    pub keyed: Vec<usize>,
    /// The KID of the last frame that was opened.
    kid: Option<u64>,
    /// What the octets of packets are that carry a frame that was opened: by
    /// where the packet begins in its stream, ranges within the packet.
    pub parts: BTreeMap<usize, Vec<(Range<usize>, Class)>>,
}

/// A frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Where the first packet of it lies.
    pub span: Span,
    /// RTP time stamp of that.
    pub rtp_time: u32,
    /// The frame as it was sent.
    pub octets: Vec<u8>,
    /// What it authenticates beside itself.
    pub metadata: Vec<u8>,
    /// What is in it, or why that is not known.
    pub opened: Result<OpenedFrame, SframeError>,
}

impl Sframed {
    /// Reads the senders of one direction, each with its packets in their order
    /// and once. Those of one of the `repair` payload types (RFC 4588) are to
    /// bring what another sender of the direction sent before; what they bring
    /// beside is none of SFrame.
    pub fn read_all(
        senders: Vec<(Sender, Vec<ClearPacket<'_>>)>,
        repair: &BTreeSet<u8>,
        keys: &Keys,
    ) -> Vec<Self> {
        let is_repair = |packets: &[ClearPacket<'_>]| {
            let header = packets.first().and_then(|p| rtp::Header::parse(p.octets));
            header.is_some_and(|header| repair.contains(&header.payload_type))
        };
        let (repairs, originals): (Vec<_>, Vec<_>) =
            senders.into_iter().partition(|(_, p)| is_repair(p));
        let sent = originals.iter().flat_map(|(_, packets)| packets);
        let sent: BTreeSet<(u16, &[u8])> = sent.filter_map(|p| payload(p)).collect();
        let mut all: Vec<_> = originals
            .iter()
            .map(|(sender, packets)| Self::read(*sender, packets, keys))
            .collect();
        for (sender, packets) in repairs {
            let mut sframed = Self::of(sender, false);
            let other = packets.iter().filter(|packet| {
                let payload = payload(packet).map(|(_, octets)| octets);
                let again = payload.and_then(|octets| {
                    let (sequence, octets) = octets.split_first_chunk::<2>()?;
                    Some((u16::from_be_bytes(*sequence), octets))
                });
                again.is_some_and(|again| !sent.contains(&again))
            });
            sframed.others.extend(other.map(|packet| packet.span));
            all.push(sframed);
        }
        all
    }

    fn of(sender: Sender, sound: bool) -> Self {
        Self {
            sender,
            sound,
            lost: false,
            frames: Vec::new(),
            others: Vec::new(),
            clear: Vec::new(),
            units: Vec::new(),
            samples: Vec::new(),
            keyed: Vec::new(),
            kid: None,
            parts: BTreeMap::new(),
        }
    }

    /// Reads the packets of one sender, which are in their order and each there
    /// once.
    pub fn read(sender: Sender, packets: &[ClearPacket<'_>], keys: &Keys) -> Self {
        let sound = packets.first().is_some_and(|p| is_sound(p.octets));
        let sequence = |packet: &ClearPacket<'_>| {
            let header = rtp::Header::parse(packet.octets);
            header.map_or(0, |header| header.sequence)
        };
        let follows =
            |pair: &[ClearPacket<'_>]| sequence(&pair[0]).wrapping_add(1) == sequence(&pair[1]);
        let mut sframed = Self::of(sender, sound);
        sframed.lost = !packets.windows(2).all(follows);
        match sound {
            true => packets.iter().for_each(|p| sframed.sound(p, keys)),
            false => sframed.video(packets, keys),
        }
        sframed
    }

    fn sound(&mut self, packet: &ClearPacket<'_>, keys: &Keys) {
        let header = rtp::Header::parse(packet.octets);
        let header = header.filter(|header| !header.payload.is_empty());
        let Some((start, rtp_time, octets)) = header.and_then(|header| {
            let octets = packet.octets.get(header.payload.clone())?;
            Some((header.payload.start, header.timestamp, octets))
        }) else {
            return;
        };
        let opened = sframe::open(octets, &[], keys);
        if opened == Err(SframeError::Header) {
            self.others.push(packet.span);
        }
        let sample = match &opened {
            Ok(opened) => {
                let parts = [
                    (0..opened.sealed.start, Class::Header),
                    (opened.sealed.clone(), Class::Opened),
                    (opened.tag.clone(), Class::Tag),
                ];
                let parts = parts.map(|(r, class)| (start + r.start..start + r.end, class));
                self.parts.insert(packet.at, parts.into());
                &opened.plaintext[..]
            }
            Err(_) => octets,
        };
        let sample = sample.to_vec();
        self.key(&opened, self.samples.len());
        self.samples.push(sample);
        self.frames.push(Frame {
            span: packet.span,
            rtp_time,
            octets: octets.to_vec(),
            metadata: Vec::new(),
            opened,
        });
    }

    fn video(&mut self, packets: &[ClearPacket<'_>], keys: &Keys) {
        let octets: Vec<&[u8]> = packets.iter().map(|p| p.octets).collect();
        for mut unit in rtp::depacketize(&octets) {
            let of_unit = packets.get(unit.first..unit.first + unit.packets);
            let of_unit = of_unit.unwrap_or_default();
            let nals = h264::nal_units(&unit.annex_b);
            let carried: Vec<_> = nals
                .filter_map(|nal| Carried::read(nal.octets(&unit.annex_b)))
                .collect();
            if let (Some(first), true) = (of_unit.first(), carried.is_empty() && unit.whole) {
                self.others.push(first.span);
                self.clear.push((first.span, unit.annex_b.clone()));
            }
            let mut plain: Vec<u8> = Vec::new();
            for carried in carried {
                let opened = sframe::open(&carried.frame, &carried.metadata, keys);
                self.key(&opened, self.units.len());
                if let Ok(opened) = &opened {
                    plain.extend(annex_b(&opened.plaintext));
                    self.place(of_unit, &carried, opened);
                }
                if let Some(first) = of_unit.first() {
                    self.frames.push(Frame {
                        span: first.span,
                        rtp_time: unit.rtp_time,
                        octets: carried.frame,
                        metadata: carried.metadata,
                        opened,
                    });
                }
            }
            if !plain.is_empty() {
                unit.annex_b = plain;
            }
            self.units.push(unit);
        }
    }

    /// Access units or payloads that are all under one key: whoever stops to send
    /// for a while goes on under another.
    pub fn runs<'b, T>(&self, all: &'b [T]) -> Vec<&'b [T]> {
        let mut starts = vec![0];
        starts.extend(
            self.keyed
                .iter()
                .copied()
                .filter(|at| (1..all.len()).contains(at)),
        );
        starts.push(all.len());
        let pairs = starts.windows(2);
        pairs.filter_map(|pair| all.get(pair[0]..pair[1])).collect()
    }

    /// Notes whether that is under another key than what came before.
    fn key(&mut self, opened: &Result<OpenedFrame, SframeError>, index: usize) {
        if let Ok(opened) = opened
            && self.kid.replace(opened.header.kid) != Some(opened.header.kid)
        {
            self.keyed.push(index);
        }
    }

    /// Keeps what the octets of the packets are that carry a frame.
    fn place(&mut self, packets: &[ClearPacket<'_>], carried: &Carried, opened: &OpenedFrame) {
        let octets: Vec<&[u8]> = packets.iter().map(|p| p.octets).collect();
        let same = |nal: &rtp::placed::PlacedNal| {
            Carried::read(&nal.octets).is_some_and(|other| other == *carried)
        };
        let Some(nal) = placed(&octets).into_iter().find(same) else {
            return;
        };
        // Cover parameter sets, headers, stub, stop bit: clear by design.
        let mut classes: Vec<Vec<Class>> = octets
            .iter()
            .map(|octets| vec![Class::Header; octets.len()])
            .collect();
        for (index, at) in carried.places.iter().enumerate() {
            let class = match index {
                _ if opened.sealed.contains(&index) => Class::Opened,
                _ if opened.tag.contains(&index) => Class::Tag,
                _ => continue,
            };
            if let Some(&(packet, at)) = nal.places.get(*at)
                && let Some(octet) = classes.get_mut(packet).and_then(|c| c.get_mut(at))
            {
                *octet = class;
            }
        }
        for (packet, classes) in packets.iter().zip(classes) {
            let mut parts: Vec<(Range<usize>, Class)> = Vec::new();
            for (at, class) in classes.into_iter().enumerate() {
                match parts.last_mut() {
                    Some((range, last)) if *last == class => range.end = at + 1,
                    _ => parts.push((at..at + 1, class)),
                }
            }
            self.parts.insert(packet.at, parts);
        }
    }
}

/// Sequence number and payload of a packet; none if that is empty.
fn payload<'a>(packet: &ClearPacket<'a>) -> Option<(u16, &'a [u8])> {
    let header = rtp::Header::parse(packet.octets)?;
    let octets = packet.octets.get(header.payload)?;
    (!octets.is_empty()).then_some((header.sequence, octets))
}

/// An access unit with start codes as we write them.
fn annex_b(plaintext: &[u8]) -> Vec<u8> {
    let nals: Vec<_> = h264::nal_units(plaintext).collect();
    if nals.is_empty() {
        return plaintext.to_vec();
    }
    let octets = nals.iter().map(|nal| nal.octets(plaintext));
    octets
        .flat_map(|nal| [&START_CODE[..], nal].concat())
        .collect()
}
