//! SRTP that is sealed here by hand: which key and roll-over counter packets are
//! under is found, and what is opened counts as what it is.

use aes::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use lightleak_case::{Carriage, Case, Hop, Session, Vantage};
use lightleak_judge::{
    open::srtp::{KeyRing, MasterKey, Streams, Suite},
    report::Finding,
    verdict::{
        Assurance,
        Verdict::{Fail, Pass},
    },
};
use proptest::prelude::*;
use sha1::Sha1;

use crate::{card::hex, case::*, sealed::Sealed, video, wire::Wire};

const SSRC: u32 = 0x1122_3344;
const MKI: [u8; 2] = [0, 7];

/// A master key of AES_CM_128_HMAC_SHA1_80, at work.
pub struct Sealer {
    pub key: [u8; 16],
    pub salt: [u8; 14],
    pub mki: Vec<u8>,
}

impl Sealer {
    pub fn new(number: u8) -> Self {
        // Neither constant nor counted up.
        let octet = |at: usize| (at as u8).wrapping_mul(37) ^ number.wrapping_mul(91) ^ 0x5a;
        Self {
            key: std::array::from_fn(octet),
            salt: std::array::from_fn(|at| octet(at + 40)),
            mki: MKI.to_vec(),
        }
    }

    fn master(&self) -> MasterKey {
        let suite = Suite::find("AES_CM_128_HMAC_SHA1_80").unwrap();
        MasterKey::new(suite, &self.mki, &self.key, &self.salt).unwrap()
    }

    pub fn escrow(&self) -> String {
        let (key, salt) = (hex(&self.key), hex(&self.salt));
        let mki = match self.mki.is_empty() {
            true => "-".to_owned(),
            false => hex(&self.mki),
        };
        format!("SRTP_MASTER_KEY AES_CM_128_HMAC_SHA1_80 {mki} {key} {salt}")
    }

    pub fn rtp(&self, packet: &[u8], roc: u32) -> Vec<u8> {
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let index = u64::from(roc) << 16 | u64::from(sequence);
        let ssrc = u32::from_be_bytes(packet[8..12].try_into().unwrap());
        let mut sealed = packet.to_vec();
        self.encrypt(0, ssrc, index, &mut sealed[12..]);
        let tag = self.tag(1, &[&sealed, &roc.to_be_bytes()]);
        [&sealed[..], &self.mki, &tag].concat()
    }

    pub fn rtcp(&self, packet: &[u8], index: u32) -> Vec<u8> {
        let ssrc = u32::from_be_bytes(packet[4..8].try_into().unwrap());
        let mut sealed = packet.to_vec();
        self.encrypt(3, ssrc, index.into(), &mut sealed[8..]);
        let word = (index | 1 << 31).to_be_bytes();
        let tag = self.tag(4, &[&sealed, &word]);
        [&sealed[..], &word, &self.mki, &tag].concat()
    }

    fn encrypt(&self, label: u8, ssrc: u32, index: u64, text: &mut [u8]) {
        let (key, salt) = (self.derive::<16>(label), self.derive::<14>(label + 2));
        let salt = salt.iter().fold(0, |n, o| n << 8 | u128::from(*o));
        let iv = (salt ^ u128::from(ssrc) << 48 ^ u128::from(index)) << 16;
        keystream(&key, iv, text);
    }

    fn tag(&self, label: u8, parts: &[&[u8]]) -> Vec<u8> {
        let key = self.derive::<20>(label);
        let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(&key).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()[..10].to_vec()
    }

    fn derive<const N: usize>(&self, label: u8) -> [u8; N] {
        let salt = self.salt.iter().fold(0, |n, o| n << 8 | u128::from(*o));
        let mut out = [0; N];
        keystream(&self.key, (salt ^ u128::from(label) << 48) << 16, &mut out);
        out
    }
}

fn keystream(key: &[u8; 16], iv: u128, text: &mut [u8]) {
    ctr::Ctr128BE::<aes::Aes128>::new(key.into(), &iv.to_be_bytes().into()).apply_keystream(text);
}

fn packet(sequence: u16) -> Vec<u8> {
    let header = [0x80, 96, (sequence >> 8) as u8, sequence as u8, 0, 0, 0, 0];
    [
        &header[..],
        &SSRC.to_be_bytes(),
        b"payload of ",
        &sequence.to_be_bytes(),
    ]
    .concat()
}

fn report() -> Vec<u8> {
    [&[0x80, 200, 0, 6][..], &SSRC.to_be_bytes(), &[7; 20]].concat()
}

/// The indices under which packets are found, if they are.
fn indices(ring: &KeyRing, sealed: &[Vec<u8>]) -> Vec<Option<u64>> {
    let mut streams = Streams::new(ring);
    sealed
        .iter()
        .map(|packet| Some(streams.rtp(packet)?.index))
        .collect()
}

proptest! {
    #[test]
    fn the_index_is_found_whatever_is_lost_late_or_wrapped(
        begin in 0_u64..3 << 16,
        steps in prop::collection::vec(1_u64..2000, 1..120),
        swaps in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let sealer = Sealer::new(1);
        let mut at = begin;
        let mut order: Vec<u64> = steps.iter().map(|step| { at += step; at }).collect();
        for swap in swaps {
            let first = swap.index(order.len());
            let second = (first + 1).min(order.len() - 1);
            order.swap(first, second);
        }
        let sealed: Vec<_> = order
            .iter()
            .map(|index| sealer.rtp(&packet(*index as u16), (index >> 16) as u32))
            .collect();
        let ring = KeyRing::new([Sealer::new(2).master(), sealer.master()]);
        let expected: Vec<_> = order.into_iter().map(Some).collect();
        prop_assert_eq!(indices(&ring, &sealed), expected);
    }
}

#[test]
fn a_stream_is_joined_late_where_its_counter_was_told_or_is_low() {
    let sealer = Sealer::new(1);
    let sealed = [
        sealer.rtp(&packet(5), 70_000),
        sealer.rtp(&packet(6), 70_000),
    ];
    let mut ring = KeyRing::new([sealer.master()]);
    assert_eq!(indices(&ring, &sealed), [None, None]);
    ring.expect(SSRC, 69_999);
    let index = 70_000 << 16;
    assert_eq!(indices(&ring, &sealed), [Some(index | 5), Some(index | 6)]);
    let low = [sealer.rtp(&packet(9), 20)];
    assert_eq!(indices(&ring, &low), [Some(20 << 16 | 9)]);
}

#[test]
fn another_key_goes_on_where_the_first_one_was() {
    let (first, second) = (Sealer::new(1), Sealer::new(2));
    let ring = KeyRing::new([first.master(), second.master()]);
    let mut streams = Streams::new(&ring);
    let before = streams.rtp(&first.rtp(&packet(65_535), 3)).unwrap();
    let after = streams.rtp(&second.rtp(&packet(0), 4)).unwrap();
    assert_eq!((before.key, after.key), (0, 1));
    assert_eq!(after.index, before.index + 1);
    assert_eq!(after.opened.packet, packet(0));
    assert_eq!(after.tail.mki, MKI.len());
    let report_ = streams.rtcp(&second.rtcp(&report(), 17)).unwrap();
    assert_eq!((report_.key, report_.index), (1, 17));
    assert_eq!(report_.opened.packet, report());
}

#[test]
fn another_key_that_begins_again_is_found_too() {
    let (first, second) = (Sealer::new(1), Sealer::new(2));
    let sealed = [
        first.rtp(&packet(7), 9),
        second.rtp(&packet(8), 0),
        // What was overtaken, and what comes after.
        first.rtp(&packet(6), 9),
        second.rtp(&packet(9), 0),
    ];
    let ring = KeyRing::new([first.master(), second.master()]);
    let expected = [9 << 16 | 7, 8, 9 << 16 | 6, 9].map(Some);
    assert_eq!(indices(&ring, &sealed), expected);
}

/// Somebody watches over UDP, and this happens to each packet on the way.
fn watched_over_udp(change: impl Fn(usize, Vec<u8>) -> Vec<u8>) -> Case {
    of_srtp(watched(change, |_, _| {}))
}

/// As [`watched_over_udp`], and then there is `more`.
fn watched(
    change: impl Fn(usize, Vec<u8>) -> Vec<u8>,
    more: impl FnOnce(&mut Wire, &Sealer),
) -> Session {
    let sealer = Sealer::new(1);
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    let authorization = "Authorization: Digest username=\"u\"\r\n";
    ask(
        &mut wire,
        &mut sealed,
        1,
        "DESCRIBE",
        authorization,
        200,
        "",
    );
    let udp = "Transport: RTP/SAVP/UDP;unicast;client_port=5000-5001;server_port=6000-6001\r\n";
    let setup = format!("{authorization}{udp}");
    ask(&mut wire, &mut sealed, 2, "SETUP", &setup, 200, udp);
    ask(&mut wire, &mut sealed, 3, "PLAY", authorization, 200, "");
    for (number, packet) in video::rtp(&VIDEO).iter().enumerate() {
        let octets = change(number, sealer.rtp(packet, 0));
        wire.udp(camera_at(6000), client(5000), &octets);
        if number == 0 {
            let octets = sealer.rtcp(&report(), 0);
            wire.udp(camera_at(6001), client(5001), &octets);
        }
    }
    more(&mut wire, &sealer);
    sealed.tcp.close(&mut wire);
    let mut keys = sealed.keys;
    keys.push(sealer.escrow());
    session("honest", wire, keys)
}

fn of_srtp(session: Session) -> Case {
    let mut case = case(vec![session]);
    let path = &mut case.declaration.paths[0];
    (path.carriage, path.hop) = (Carriage::Rtp, Hop::Srtp);
    case
}

#[test]
fn what_is_opened_is_attributed_and_proven() {
    let report = judge(&watched_over_udp(|_, packet| packet));
    let proven = of(&report, "XC-03");
    expect(&proven, Pass, "nothing unexplained");
    assert_eq!(proven.assurance, Some(Assurance::Opened));
    for id in [
        "XC-02", "XC-04", "XC-05", "SRTP-01", "SRTP-02", "SRTP-03", "SRTP-05", "SRTP-14",
    ] {
        expect(&of(&report, id), Pass, "");
    }
    let row = &report.attribution[0];
    let sealed: usize = video::rtp(&VIDEO)
        .iter()
        .map(|packet| packet.len() - 12)
        .sum();
    assert!(row.bytes.opened as usize > sealed, "{row:?}");
    assert_eq!(
        (row.bytes.unexplained, row.bytes.identified),
        (0, 0),
        "{row:?}"
    );
    assert!(
        row.ledger_bytes > 0 && row.ledger_bytes == row.ledger_bytes_matched,
        "{row:?}"
    );
}

#[test]
fn one_packet_that_does_not_open_is_seen() {
    let report = judge(&watched_over_udp(|number, mut packet| {
        if number == 3 {
            packet[20] ^= 1;
        }
        packet
    }));
    for id in ["XC-02", "XC-03", "SRTP-01"] {
        expect(&of(&report, id), Fail, "");
    }
}

/// Somebody watches over UDP, asks for a key frame, and asks the same again three
/// times, so much later; then the device sends one packet more. Packets before
/// are 200 ms apart.
fn answered_with(last: &[u8], later_ms: u64) -> Finding {
    let mut session = watched(
        |_, packet| packet,
        |wire, sealer| {
            let request = sealer.rtcp(&report(), 9);
            for _ in 0..4 {
                wire.udp(client(5001), camera_at(6001), &request);
            }
            wire.udp(camera_at(6000), client(5000), &sealer.rtp(last, 0));
        },
    );
    session.record.stimulus = "forged-rtcp".into();
    let capture = session.captures.get_mut(&Vantage::Wire).unwrap();
    // Behind them the connection is closed, and the tap's heartbeat is sent.
    let asked = capture.packets.len() - 10;
    for (number, packet) in (0..).zip(&mut capture.packets) {
        let before = number.min(asked as u64 - 1) * 200_000_000;
        let after = (number >= asked as u64).then_some(later_ms * 1_000_000 + number);
        packet.time_ns += before + after.unwrap_or_default();
    }
    of(&judge(&of_srtp(session)), "SRTP-07")
}

#[test]
fn an_early_key_frame_for_what_was_sent_before_is_an_answer() {
    let mut last = video::rtp(&VIDEO).pop().unwrap();
    // Behind all that came before, at a time of its own.
    last[2..8].copy_from_slice(&[0x0f, 0xff, 0x7f, 0, 0, 0]);
    last.truncate(12);
    last.extend([0x65; 40]);
    let answered = "answered with a key frame each time";
    expect(&answered_with(&last, 0), Fail, answered);
    // One that was due then.
    expect(&answered_with(&last, 800), Pass, "sent again 3 times");
    // Sound with the same octet in front.
    last[1] = 0;
    expect(&answered_with(&last, 0), Pass, "sent again 3 times");
}
