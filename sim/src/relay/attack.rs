//! What a relay does that works against its viewers. Of what is sealed it can
//! open nothing and change nothing that would pass; but it is free in what it
//! sends on, how often, when, and what else. RTP and SRTP are its own, so every
//! packet has the sequence number that comes next: nothing below SFrame tells.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use serde_json::Value;

use super::channel::Batch;
use crate::{
    h264::{EncodeError, Encoder, EncoderConfig},
    rtp::{HEADER_LENGTH, Packetizer, PacketizerConfig, Packets, RtpError},
    scene::{Scene, SceneConfig, SceneError},
    webrtc::{MAX_PACKET, Packet, Track, VIDEO},
};

/// What such a relay does to everybody who watches; of several things each in
/// its turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultyForwarding {
    /// Sends again what it sent before, just now and long ago.
    pub replays: bool,
    /// Withholds access units until the epoch that they are of has ended.
    pub withholds: bool,
    /// Drops access units.
    pub drops: bool,
    /// Sends an access unit after the next one.
    pub reorders: bool,
    /// Sends access units of its own in clear.
    pub sends_clear: bool,
    /// Gives each viewer the keys that are wrapped for another.
    pub swaps_keys: bool,
}

impl FaultyForwarding {
    /// All that can be done to media.
    pub const ALL_OF_MEDIA: Self = Self {
        replays: true,
        withholds: true,
        drops: true,
        reorders: true,
        sends_clear: true,
        swaps_keys: false,
    };
}

/// The size of pictures of its own.
const VIDEO_OF_ITS_OWN: EncoderConfig = EncoderConfig {
    width: 640,
    height: 360,
    frames_per_second: 15,
    bits_per_second: 600_000,
    key_frame_interval: 30,
};
/// The number in the mark of its own pictures, which no camera here has.
pub const UNIT_OF_ITS_OWN: u16 = 0xbad;
/// What they are made from.
const SEED: u64 = 0x7265_6c61_7921;

/// Access units of one round of tricks, each of which has its turn.
const ROUND: u64 = 12;
/// Which of them it is that comes again, is dropped, and so on.
const REPLAY: u64 = 2;
const WITHHOLD: u64 = 4;
const DROP: u64 = 6;
const REORDER: u64 = 8;
const CLEAR: u64 = 10;
/// Packets of sound of which one comes again.
const SOUND_ROUND: u64 = 16;
/// How many access units it remembers.
const MEMORY: usize = 24;
/// How long it withholds some: longer than an epoch is opened still after the
/// next has begun, and as long as one takes to begin.
const LATE: Duration = Duration::from_secs(4);
/// Ticks of the RTP clock between what was due and what is sent beside it.
const BESIDE: u32 = 90;
/// All comes from one source, as viewers see it.
const SOURCE: u64 = 0;

/// What it needs for that, made once.
#[derive(Clone)]
pub(super) struct Attack {
    pub(super) forwarding: FaultyForwarding,
    /// Packets of an access unit in clear.
    clear: Arc<[Packet]>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttackError {
    /// No picture.
    #[error("draw a picture: {0}")]
    Scene(#[from] SceneError),
    /// No access unit.
    #[error("encode a picture: {0}")]
    Encode(#[from] EncodeError),
    /// No packets.
    #[error("packetize a picture: {0}")]
    Rtp(#[from] RtpError),
}

impl Attack {
    pub(super) fn new(forwarding: FaultyForwarding) -> Result<Self, AttackError> {
        let video = VIDEO_OF_ITS_OWN;
        let mut scene = Scene::new(SceneConfig {
            seed: SEED,
            width: video.width,
            height: video.height,
            frames_per_second: video.frames_per_second,
            name: "THE RELAYS OWN".into(),
            unit: UNIT_OF_ITS_OWN,
            nonce: UNIT_OF_ITS_OWN.into(),
        })?;
        let picture = scene.draw(0, Duration::ZERO);
        let unit = Encoder::new(video, SEED)?.encode(picture, 0, Duration::ZERO)?;
        let mut packetizer = Packetizer::new(PacketizerConfig {
            payload_type: VIDEO,
            ssrc: 0,
            first_sequence: 0,
            clock_rate: 90_000,
            time_offset: 0,
            max_packet: MAX_PACKET,
        })?;
        let mut packets = Packets::new();
        packetizer.packetize(&unit, &mut packets);
        let last = packets.len().saturating_sub(1);
        let clear = packets.iter().enumerate().map(|(at, packet)| Packet {
            track: Track::Video,
            sequence: 0,
            time: 0,
            marker: at == last,
            payload: packet.get(HEADER_LENGTH..).unwrap_or_default().into(),
        });
        Ok(Self {
            forwarding,
            clear: clear.collect(),
        })
    }
}

impl fmt::Debug for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attack({:?})", self.forwarding)
    }
}

impl FaultyForwarding {
    /// Keys of deliveries, each to the session after the one that they are for.
    pub(super) fn faulty_deliveries(self, deliveries: &mut [Value]) {
        if !self.swaps_keys {
            return;
        }
        let keys = deliveries
            .iter_mut()
            .map(|delivery| delivery["keys"].take());
        let mut keys: Vec<_> = keys.collect();
        if !keys.is_empty() {
            keys.rotate_right(1);
        }
        for (delivery, keys) in deliveries.iter_mut().zip(keys) {
            delivery["keys"] = keys;
        }
    }
}

/// An access unit, as it was received.
type Unit = Vec<Packet>;

/// What is done to one viewer.
#[derive(Debug)]
pub(super) struct FaultyLeg {
    attack: Attack,
    /// The publication that is watched.
    source: Option<u64>,
    /// Packets of the access unit that is not whole yet.
    partial: Unit,
    units: u64,
    sounds: u64,
    sent: VecDeque<Unit>,
    /// What the next one overtakes.
    overtaken: Option<Unit>,
    /// What comes when it is too late, and when that is.
    withheld: VecDeque<(Duration, Unit)>,
    sequences: [u64; 2],
    /// The time stamp of video that was last sent.
    time: u32,
    out: Vec<Packet>,
}

impl FaultyLeg {
    pub(super) fn new(attack: Attack) -> Self {
        Self {
            attack,
            source: None,
            partial: Vec::new(),
            units: 0,
            sounds: 0,
            sent: VecDeque::new(),
            overtaken: None,
            withheld: VecDeque::new(),
            sequences: [0; 2],
            time: 0,
            out: Vec::new(),
        }
    }

    /// What is sent in place of a batch, and the source that it seems to be of.
    pub(super) fn faulty_batch(&mut self, batch: &Batch, now: Duration) -> (u64, Vec<Packet>) {
        if self.source.replace(batch.source) != Some(batch.source) {
            self.partial.clear();
        }
        for packet in &batch.packets {
            match packet.track {
                Track::Sound => self.sound(packet),
                Track::Video => {
                    self.partial.push(packet.clone());
                    if packet.marker {
                        let unit = std::mem::take(&mut self.partial);
                        self.unit(unit, now);
                    }
                }
            }
        }
        (SOURCE, std::mem::take(&mut self.out))
    }

    /// The first is sent on as it is, so that everybody sees something.
    fn unit(&mut self, unit: Unit, now: Duration) {
        let does = self.attack.forwarding;
        let turn = self.units % ROUND;
        self.units += 1;
        match turn {
            WITHHOLD if does.withholds => return self.withheld.push_back((now + LATE, unit)),
            DROP if does.drops => return,
            REORDER if does.reorders => {
                self.overtaken = Some(unit);
                return;
            }
            _ => self.due(unit),
        }
        if let Some(overtaken) = self.overtaken.take() {
            self.beside(overtaken.clone());
            self.remember(overtaken);
        }
        if turn == REPLAY && does.replays {
            let again = [self.sent.back(), self.sent.front()];
            let again: Vec<_> = again.into_iter().flatten().cloned().collect();
            again.into_iter().for_each(|unit| self.beside(unit));
        }
        if turn == CLEAR && does.sends_clear {
            self.beside(self.attack.clear.to_vec());
        }
        while self.withheld.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, unit)) = self.withheld.pop_front() {
                self.beside(unit);
            }
        }
    }

    fn due(&mut self, unit: Unit) {
        let time = unit.first().map_or(self.time, |packet| packet.time);
        self.send(unit.clone(), time);
        self.remember(unit);
    }

    /// Sends what was not due.
    fn beside(&mut self, unit: Unit) {
        self.send(unit, self.time.wrapping_add(BESIDE));
    }

    fn send(&mut self, unit: Unit, time: u32) {
        self.time = time;
        for mut packet in unit {
            packet.time = time;
            self.push(packet);
        }
    }

    /// The first of all is kept until the end.
    fn remember(&mut self, unit: Unit) {
        if self.sent.len() >= MEMORY {
            self.sent.remove(1);
        }
        self.sent.push_back(unit);
    }

    fn sound(&mut self, packet: &Packet) {
        self.sounds += 1;
        self.push(packet.clone());
        if self.attack.forwarding.replays && self.sounds.is_multiple_of(SOUND_ROUND) {
            let mut again = packet.clone();
            again.time = again.time.wrapping_add(1);
            self.push(again);
        }
    }

    fn push(&mut self, mut packet: Packet) {
        let [video, sound] = &mut self.sequences;
        let sequence = match packet.track {
            Track::Video => video,
            Track::Sound => sound,
        };
        packet.sequence = *sequence;
        *sequence += 1;
        self.out.push(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(66);

    /// What a viewer is sent of so many access units: the first octet of each, and
    /// none of one that is not the camera's.
    fn sent(forwarding: FaultyForwarding, units: u8) -> Vec<Option<u8>> {
        let mut leg = FaultyLeg::new(Attack::new(forwarding).unwrap());
        let (mut sequence, mut last) = (0, None);
        let mut sent = Vec::new();
        for number in 0..units {
            let packet = Packet {
                track: Track::Video,
                sequence: number.into(),
                time: u32::from(number) * 6000,
                marker: true,
                payload: [number].into(),
            };
            let batch = Batch {
                source: 1,
                packets: vec![packet],
            };
            let (source, packets) = leg.faulty_batch(&batch, FRAME * number.into());
            assert_eq!(source, SOURCE);
            for packet in packets {
                assert_eq!(packet.sequence, sequence);
                sequence += 1;
                if last.replace(packet.time) != Some(packet.time) {
                    sent.push((packet.payload.len() == 1).then(|| packet.payload[0]));
                }
            }
        }
        sent
    }

    #[test]
    fn who_does_nothing_sends_all_on() {
        let honest = sent(FaultyForwarding::default(), 60);
        assert!(honest.into_iter().eq((0..60).map(Some)));
    }

    #[test]
    fn each_trick_is_what_it_says() {
        let none = FaultyForwarding::default();
        let replays = FaultyForwarding {
            replays: true,
            ..none
        };
        assert_eq!(sent(replays, 4), [0, 1, 2, 2, 0, 3].map(Some));
        let drops = FaultyForwarding {
            drops: true,
            ..none
        };
        assert_eq!(sent(drops, 8), [0, 1, 2, 3, 4, 5, 7].map(Some));
        let reorders = FaultyForwarding {
            reorders: true,
            ..none
        };
        assert_eq!(sent(reorders, 10), [0, 1, 2, 3, 4, 5, 6, 7, 9, 8].map(Some));
        let clear = FaultyForwarding {
            sends_clear: true,
            ..none
        };
        assert_eq!(sent(clear, 12)[10..], [Some(10), None, Some(11)]);
        let withholds = FaultyForwarding {
            withholds: true,
            ..none
        };
        let late = sent(withholds, 70);
        assert_eq!(late[4], Some(5));
        // 4 s later, which is 61 pictures.
        assert_eq!(late[59..62], [65, 4, 66].map(Some));
    }

    #[test]
    fn keys_go_to_the_wrong_session() {
        let swaps = FaultyForwarding {
            swaps_keys: true,
            ..FaultyForwarding::default()
        };
        let delivery =
            |session: u8, keys: u8| serde_json::json!({"session": session, "keys": keys});
        let mut deliveries = [delivery(1, 1), delivery(2, 2)];
        swaps.faulty_deliveries(&mut deliveries);
        assert_eq!(deliveries, [delivery(1, 2), delivery(2, 1)]);
        FaultyForwarding::default().faulty_deliveries(&mut deliveries);
        assert_eq!(deliveries, [delivery(1, 2), delivery(2, 1)]);
    }
}
