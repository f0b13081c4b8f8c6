//! Packets, and both ends under one key.

use lightleak_sim::{
    rtp::Packets,
    seal::{
        keys::SrtpMasterKey,
        srtp::{Mki, Receiver, ReceiverOptions, Sender, SenderOptions, SrtpError, Suite},
    },
};
use proptest::{prelude::*, sample::select};

pub fn any_suite() -> impl Strategy<Value = Suite> {
    select(&Suite::ALL[..])
}

/// No MKI, or one of up to 128 octets.
pub fn any_mki() -> impl Strategy<Value = Option<Mki>> {
    let length = prop_oneof![Just(1), Just(4), 1..=128_usize];
    let mki = (length, any::<u8>()).prop_map(|(length, octet)| mki(&vec![octet; length]));
    proptest::option::of(mki)
}

pub fn mki(octets: &[u8]) -> Mki {
    Mki::new(octets).expect("1 to 128 octets")
}

/// A key; `number` tells it from others.
pub fn key(suite: Suite, number: u8) -> SrtpMasterKey {
    let key = vec![number; suite.key_length()];
    let salt = vec![!number; suite.salt_length()];
    SrtpMasterKey::new(suite, &key, &salt).expect("the right lengths")
}

/// Both ends under key 1.
pub fn ends(suite: Suite, mki: Option<Mki>, cryptex: bool) -> (Sender, Receiver) {
    let options = SenderOptions {
        mki: mki.clone(),
        cryptex,
        ..SenderOptions::default()
    };
    let sender = Sender::new(&key(suite, 1), options).expect("a sender");
    let options = ReceiverOptions {
        mki,
        cryptex,
        ..ReceiverOptions::default()
    };
    let receiver = Receiver::new(&key(suite, 1), options).expect("a receiver");
    (sender, receiver)
}

/// An RTP packet.
pub fn packet(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let [a, b] = sequence.to_be_bytes();
    let mut packet = vec![0x80, 96, a, b, 1, 2, 3, 4];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(payload);
    packet
}

/// An RTCP packet: a receiver report, or as much of it as that is long.
pub fn report(ssrc: u32, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend_from_slice(&ssrc.to_be_bytes());
    packet.extend_from_slice(body);
    packet
}

/// One packet sealed.
pub fn seal(sender: &mut Sender, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packets = Packets::with_room(sender.overhead() + 4);
    packets.push(packet);
    sender.seal(&mut packets)?;
    Ok(packets.iter().flatten().copied().collect())
}

/// One packet opened: its index and what was in it.
pub fn open(receiver: &mut Receiver, sealed: &[u8]) -> Result<(u64, Vec<u8>), SrtpError> {
    let mut packets = Packets::new();
    packets.push(sealed);
    let index = receiver.open(&mut packets)[0];
    let opened: Vec<u8> = packets.iter().flatten().copied().collect();
    assert_eq!(
        index.is_err(),
        opened.is_empty(),
        "what is refused is empty"
    );
    Ok((index?, opened))
}
