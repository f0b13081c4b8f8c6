//! Media that are sealed from end to end, as RTP packets.

use crate::{
    fault::Fault,
    h264::AccessUnit,
    rtp::{Packetizer, PacketizerConfig, Packets, RtpError},
    seal::{
        keys::SFrameBaseKey,
        sframe::{FrameSealer, Frames, Receiver, SFrameError, Sender, VolatileCounters, nal},
    },
    sound::SAMPLE_RATE,
    world::Entropy,
};

use super::{MAX_PACKET, SOUND, VIDEO, first_sequence};

/// Ticks per second of the RTP clock of video (RFC 6184 8.2.1).
const VIDEO_CLOCK: u32 = 90_000;

/// What a camera seals video and sound with.
#[derive(Debug)]
pub(crate) struct Senders {
    pub(crate) video: Box<dyn FrameSealer>,
    pub(crate) sound: Box<dyn FrameSealer>,
}

impl Senders {
    /// With keys that are gone when this is, so that counters need not be kept.
    ///
    /// # Errors
    ///
    /// [`SFrameError::Library`] if the library refuses one.
    pub(crate) fn new(
        [video, sound]: [SFrameBaseKey; 2],
        fault: &Fault,
    ) -> Result<Self, SFrameError> {
        let sealer = |base| match fault.sframe {
            Some(make) => make(base),
            None => Ok(Box::new(Sender::new(base, VolatileCounters::default())?) as Box<_>),
        };
        Ok(Self {
            video: sealer(video)?,
            sound: sealer(sound)?,
        })
    }
}

/// What a camera seals with for one viewer, and opens with from it.
#[derive(Debug)]
pub(crate) struct Seals {
    pub(crate) senders: Senders,
    pub(crate) talk_back: Receiver,
}

impl Seals {
    /// With the keys of [`SENDERS`](super::SENDERS).
    ///
    /// # Errors
    ///
    /// [`SFrameError::Library`] if the library refuses one.
    pub(crate) fn new(
        [video, sound, talk_back]: [SFrameBaseKey; 3],
        fault: &Fault,
    ) -> Result<Self, SFrameError> {
        Ok(Self {
            senders: Senders::new([video, sound], fault)?,
            talk_back: Receiver::new(&talk_back.opening())?,
        })
    }
}

/// Makes RTP packets of sealed frames.
#[derive(Debug)]
pub(crate) struct Packetizers {
    video: Packetizer,
    sound: Packetizer,
    frames: Frames,
    packets: Packets,
}

impl Packetizers {
    /// # Errors
    ///
    /// None that is known: payload types and sizes are constants.
    pub(crate) fn new(entropy: &dyn Entropy) -> Result<Self, RtpError> {
        let packetizer = |payload_type, clock_rate| {
            let mut random = [0; 6];
            entropy.fill(&mut random);
            let [s0, s1, time @ ..] = random;
            Packetizer::new(PacketizerConfig {
                payload_type,
                // That of the connection takes its place.
                ssrc: 0,
                first_sequence: first_sequence(u16::from_be_bytes([s0, s1])),
                clock_rate,
                time_offset: u32::from_be_bytes(time),
                max_packet: MAX_PACKET,
            })
        };
        Ok(Self {
            video: packetizer(VIDEO, VIDEO_CLOCK)?,
            sound: packetizer(SOUND, SAMPLE_RATE)?,
            frames: Frames::new(),
            packets: Packets::new(),
        })
    }

    /// The packets of an access unit, which is one frame inside a NAL unit
    /// ([`nal`]).
    ///
    /// # Errors
    ///
    /// Why it is not sealed.
    pub(crate) fn video(
        &mut self,
        unit: &AccessUnit,
        sender: &mut dyn FrameSealer,
    ) -> Result<&Packets, SFrameError> {
        self.frames.clear();
        nal::push(unit, &mut self.frames);
        sender.seal(&mut self.frames)?;
        let sealed = self.frames.iter().next().unwrap_or_default();
        let covered = AccessUnit {
            nal_units: nal::wrap(sealed, unit.key_frame),
            ..unit.clone()
        };
        self.video.packetize(&covered, &mut self.packets);
        Ok(&self.packets)
    }

    /// The packets of an access unit as it is.
    pub(crate) fn faulty_clear_video(&mut self, unit: &AccessUnit) -> &Packets {
        self.video.packetize(unit, &mut self.packets);
        &self.packets
    }

    /// The packet of a packet's worth of sound as it is.
    pub(crate) fn faulty_clear_sound(&mut self, octets: &[u8], rtp_time: u32) -> &Packets {
        self.sound
            .packetize_octets(octets, rtp_time, &mut self.packets);
        &self.packets
    }

    /// The packet of a packet's worth of sound, which is one frame.
    ///
    /// # Errors
    ///
    /// Why it is not sealed.
    pub(crate) fn sound(
        &mut self,
        octets: &[u8],
        rtp_time: u32,
        sender: &mut dyn FrameSealer,
    ) -> Result<&Packets, SFrameError> {
        self.frames.clear();
        self.frames.push(octets, &[]);
        sender.seal(&mut self.frames)?;
        let sealed = self.frames.iter().next().unwrap_or_default();
        self.sound
            .packetize_octets(sealed, rtp_time, &mut self.packets);
        Ok(&self.packets)
    }
}
