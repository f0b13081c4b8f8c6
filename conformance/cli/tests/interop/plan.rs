//! What both ends are to send each other, and what each must make of it.

use lightleak_sim::{
    rtp::Packets,
    seal::{
        keys::SrtpMasterKey,
        srtp::{Receiver, Sender, Suite},
    },
};
use proptest::{collection::vec, prelude::*};

pub const SSRC: u32 = 0x5eed_cafe;

/// How much later than its turn a packet may arrive: less than any replay
/// window.
const LATEST: u64 = 60;
/// The longest payload.
const LONGEST: usize = 256 * 1024;

/// The other implementation, at one end.
pub trait Peer {
    /// An RTP packet sealed.
    fn seal(&mut self, packet: &[u8]) -> Result<Vec<u8>, String>;
    /// An SRTP packet opened.
    fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String>;
    /// An RTCP packet sealed.
    fn seal_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, String>;
    /// An SRTCP packet opened.
    fn open_rtcp(&mut self, sealed: &[u8]) -> Result<Vec<u8>, String>;
}

/// A stream: packets, some of which get lost or overtaken.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The roll-over counter and sequence number of the first packet.
    pub first: u64,
    /// In the order in which they are sent.
    packets: Vec<Sent>,
    /// The bodies of the reports.
    reports: Vec<Vec<u8>>,
    /// Where a bit is flipped for the refusal.
    flip: prop::sample::Index,
}

#[derive(Clone, Debug)]
struct Sent {
    /// By how much the sequence number is higher than the one before.
    step: u16,
    payload: Vec<u8>,
    delay: u64,
    lost: bool,
}

/// Any plan whose first packet has one of these roll-over counters.
pub fn any_plan(rocs: impl Strategy<Value = u32>) -> impl Strategy<Value = Plan> {
    let sequence = prop_oneof![any::<u16>(), 0xffc0..=0xffff_u16];
    let packets = vec(any_sent(), 1..60);
    let reports = vec(vec(any::<u8>(), 0..300), 1..6);
    let flip = any::<prop::sample::Index>();
    (rocs, sequence, packets, reports, flip).prop_map(|(roc, sequence, packets, reports, flip)| {
        Plan {
            first: u64::from(roc) << 16 | u64::from(sequence),
            packets,
            reports,
            flip,
        }
    })
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let step = prop_oneof![8 => 1..4_u16, 1 => 1..0x3fff_u16];
    let size = prop_oneof![8 => 0..48_usize, 8 => 1_190..1_210_usize, 1 => 0..=LONGEST];
    let payload = (size, any::<u8>()).prop_map(|(size, seed)| {
        let octets = (0..size).map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed));
        octets.collect()
    });
    let delay = prop_oneof![3 => Just(0), 1 => 0..LATEST];
    let lost = prop::bool::weighted(0.1);
    (step, payload, delay, lost).prop_map(|(step, payload, delay, lost)| Sent {
        step,
        payload,
        delay,
        lost,
    })
}

impl Plan {
    /// Index and octets of every packet in clear.
    fn clear(&self) -> Vec<(u64, Vec<u8>)> {
        let mut index = self.first;
        let mut clear = Vec::new();
        for (number, sent) in self.packets.iter().enumerate() {
            if number > 0 {
                index += u64::from(sent.step);
            }
            clear.push((index, packet(index as u16, &sent.payload)));
        }
        clear
    }

    /// Which packets arrive, in their order. The first one does, at first, and
    /// tells where the stream begins.
    fn arrivals(&self, clear: &[(u64, Vec<u8>)]) -> Vec<usize> {
        let mut order: Vec<usize> = (1..clear.len()).collect();
        order.retain(|&at| !self.packets[at].lost);
        order.sort_by_key(|&at| clear[at].0 + self.packets[at].delay);
        order.insert(0, 0);
        order
    }

    fn reports(&self) -> Vec<Vec<u8>> {
        let reports = self.reports.iter().map(|body| report(body));
        reports.collect()
    }

    fn flipped(&self, sealed: &[u8]) -> Vec<u8> {
        let mut flipped = sealed.to_vec();
        flipped[self.flip.index(sealed.len())] ^= 0x10;
        flipped
    }

    /// What we seal the peer opens, and refuses with a bit flipped.
    pub fn seal_to(&self, sender: &mut Sender, peer: &mut impl Peer) -> Result<(), TestCaseError> {
        let clear = self.clear();
        let mut packets = Packets::with_room(sender.overhead());
        clear.iter().for_each(|(_, packet)| packets.push(packet));
        prop_assert_eq!(sender.seal(&mut packets), Ok(()));
        let sealed: Vec<&[u8]> = packets.iter().collect();
        for at in self.arrivals(&clear) {
            // Of the first packet alone the peer could learn another sequence
            // number, for that is what is flipped.
            if at > 0 {
                prop_assert!(peer.open(&self.flipped(sealed[at])).is_err());
            }
            let opened = peer.open(sealed[at]);
            prop_assert_eq!(opened.as_deref(), Ok(&clear[at].1[..]));
        }
        for clear in self.reports() {
            let mut packet = clear.clone();
            prop_assert_eq!(sender.seal_rtcp(&mut packet), Ok(()));
            prop_assert!(peer.open_rtcp(&self.flipped(&packet)).is_err());
            prop_assert_eq!(peer.open_rtcp(&packet), Ok(clear));
        }
        Ok(())
    }

    /// What the peer seals we open, and refuse with a bit flipped or twice.
    pub fn open_from(
        &self,
        receiver: &mut Receiver,
        peer: &mut impl Peer,
    ) -> Result<(), TestCaseError> {
        let clear = self.clear();
        let sealed: Result<Vec<_>, _> = clear.iter().map(|(_, p)| peer.seal(p)).collect();
        let sealed = sealed.map_err(TestCaseError::fail)?;
        let order = self.arrivals(&clear);
        for batch in order.chunks(7) {
            let mut flipped = Packets::new();
            let flips = batch.iter().map(|&at| self.flipped(&sealed[at]));
            flips.for_each(|packet| flipped.push(&packet));
            prop_assert!(receiver.open(&mut flipped).iter().all(Result::is_err));
            prop_assert!(flipped.iter().all(<[u8]>::is_empty));

            let mut packets = Packets::new();
            batch.iter().for_each(|&at| packets.push(&sealed[at]));
            let again = &mut packets.clone();
            let expected: Vec<_> = batch.iter().map(|&at| Ok(clear[at].0)).collect();
            prop_assert_eq!(receiver.open(&mut packets), &expected[..]);
            prop_assert!(packets.iter().eq(batch.iter().map(|&at| &clear[at].1[..])));
            prop_assert!(receiver.open(again).iter().all(Result::is_err));
        }
        for clear in self.reports() {
            let mut packet = peer.seal_rtcp(&clear).map_err(TestCaseError::fail)?;
            prop_assert!(receiver.open_rtcp(&mut self.flipped(&packet)).is_err());
            prop_assert!(receiver.open_rtcp(&mut packet).is_ok());
            prop_assert_eq!(packet, clear);
        }
        Ok(())
    }
}

/// An RTP packet.
pub fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let [a, b] = sequence.to_be_bytes();
    let header = [0x80, 96, a, b, 1, 2, 3, 4];
    [&header[..], &SSRC.to_be_bytes(), payload].concat()
}

/// An RTCP packet: a receiver report, or as much of it as that is long.
pub fn report(body: &[u8]) -> Vec<u8> {
    [&[0x80, 201, 0, 1][..], &SSRC.to_be_bytes(), body].concat()
}

/// A key; `number` tells it from others.
pub fn key(suite: Suite, number: u8) -> SrtpMasterKey {
    let key: Vec<u8> = (number..).take(suite.key_length()).collect();
    let salt: Vec<u8> = (number ^ 0x80..).take(suite.salt_length()).collect();
    SrtpMasterKey::new(suite, &key, &salt).expect("the right lengths")
}
