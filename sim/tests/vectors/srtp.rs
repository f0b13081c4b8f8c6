//! SRTP: RFC 3711, RFC 6188 and RFC 9335, and libsrtp. Packets of RFC 7714 are
//! under session keys, which only the engine itself can set; they are beside
//! it.

use lightleak_sim::{
    rtp::Packets,
    seal::{
        keys::SrtpMasterKey,
        srtp::{
            CounterMode, Counters, GaloisCounterMode, Kdf, Label, Receiver, ReceiverOptions,
            Sender, SenderOptions, SrtpError, Suite,
        },
    },
};
use lightleak_vectors::srtp::{
    Derivation, Keystream, Packet, Protocol, libsrtp, rfc3711, rfc6188, rfc9335,
};

use crate::number;

fn keystream(vector: &Keystream, iv: u128) -> Vec<u8> {
    let cipher = CounterMode::new(&vector.key).expect("a length of AES");
    let mut octets = vec![0; 16 * vector.block + vector.octets.len()];
    cipher.apply(iv, &mut octets).expect("done");
    octets.split_off(16 * vector.block)
}

#[test]
fn keystreams_are_those_of_the_standards_and_of_no_other_counter() {
    let vectors = [rfc3711().keystreams, rfc6188().keystreams].concat();
    assert_eq!(vectors.len(), 5);
    for vector in vectors {
        let iv = number(&vector.iv);
        assert_eq!(keystream(&vector, iv), vector.octets, "{}", vector.clause);
        for other in [iv + 1, iv ^ 1 << 127] {
            assert_ne!(keystream(&vector, other), vector.octets);
        }
    }
}

fn session_keys(vector: &Derivation, salt: &[u8]) -> [Vec<u8>; 3] {
    let suite = vector.suite.parse().expect("a suite");
    let master = SrtpMasterKey::new(suite, &vector.master_key, salt).expect("the right lengths");
    let kdf = Kdf::new(&master).expect("a derivation");
    let lengths = [
        (Label::RtpEncryption, vector.cipher_key.len()),
        (Label::RtpSalt, vector.salt.len()),
        (Label::RtpAuthentication, vector.authentication_key.len()),
    ];
    lengths.map(|(label, length)| {
        let mut out = vec![0xff; length];
        kdf.derive(label, &mut out).expect("done");
        out
    })
}

#[test]
fn session_keys_are_those_of_the_standards_and_of_no_other_salt() {
    let vectors = [rfc3711().derivations, rfc6188().derivations].concat();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let expected = [&vector.cipher_key, &vector.salt, &vector.authentication_key];
        let derived = session_keys(&vector, &vector.master_salt);
        assert_eq!(derived.each_ref(), expected, "{}", vector.clause);

        let mut rotated = vector.master_salt.clone();
        rotated.rotate_right(2);
        for (derived, expected) in session_keys(&vector, &rotated).iter().zip(expected) {
            assert_ne!(derived, expected, "{}", vector.clause);
        }
    }
}

fn packets() -> Vec<Packet> {
    [rfc9335().packets, libsrtp().packets].concat()
}

fn master(vector: &Packet) -> SrtpMasterKey {
    let suite = vector.suite.parse().expect("a suite");
    SrtpMasterKey::new(suite, &vector.master_key, &vector.master_salt).expect("the right lengths")
}

fn ssrc(vector: &Packet) -> u32 {
    let at = match vector.protocol {
        Protocol::Rtp => 8,
        Protocol::Rtcp => 4,
    };
    number(&vector.clear[at..at + 4]) as u32
}

fn seal(vector: &Packet, master: &SrtpMasterKey, counters: Counters) -> Vec<u8> {
    let options = SenderOptions {
        cryptex: vector.cryptex,
        ..SenderOptions::default()
    };
    let mut sender = Sender::new(master, options).expect("a sender");
    sender.begin(ssrc(vector), counters).expect("a new stream");
    match vector.protocol {
        Protocol::Rtp => {
            let mut packets = Packets::with_room(sender.overhead() + 4);
            packets.push(&vector.clear);
            sender.seal(&mut packets).expect("sealed");
            packets.iter().flatten().copied().collect()
        }
        Protocol::Rtcp => {
            let mut packet = vector.clear.clone();
            sender.seal_rtcp(&mut packet).expect("sealed");
            packet
        }
    }
}

/// The index and what is opened of `sealed`, in a stream whose roll-over
/// counter is `roc`.
fn open(
    vector: &Packet,
    master: &SrtpMasterKey,
    roc: u32,
    sealed: &[u8],
) -> Result<(u64, Vec<u8>), SrtpError> {
    let options = ReceiverOptions {
        cryptex: vector.cryptex,
        ..ReceiverOptions::default()
    };
    let mut receiver = Receiver::new(master, options).expect("a receiver");
    receiver
        .join(ssrc(vector), roc, None)
        .expect("a new stream");
    match vector.protocol {
        Protocol::Rtp => {
            let mut packets = Packets::new();
            packets.push(sealed);
            let index = receiver.open(&mut packets)[0];
            let opened = packets.iter().flatten().copied().collect::<Vec<u8>>();
            assert_eq!(index.is_err(), opened.is_empty());
            Ok((index?, opened))
        }
        Protocol::Rtcp => {
            let mut packet = sealed.to_vec();
            let index = receiver.open_rtcp(&mut packet);
            assert_eq!(index.is_err(), packet.is_empty());
            Ok((index?.into(), packet))
        }
    }
}

#[test]
fn packets_are_sealed_as_published_and_opened() {
    let vectors = packets();
    assert_eq!(vectors.len(), 18);
    for vector in vectors {
        let counters = Counters {
            roc: 0,
            rtcp_index: vector.index as u32,
        };
        let sealed = seal(&vector, &master(&vector), counters);
        assert_eq!(sealed, vector.sealed, "{}", vector.clause);
        let opened = open(&vector, &master(&vector), 0, &vector.sealed);
        let expected = (vector.index, vector.clear.clone());
        assert_eq!(opened, Ok(expected), "{}", vector.clause);
    }
}

#[test]
fn no_packet_is_opened_with_a_bit_flipped() {
    for vector in packets() {
        for at in 0..8 * vector.sealed.len() {
            let mut flipped = vector.sealed.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            let opened = open(&vector, &master(&vector), 0, &flipped);
            assert!(opened.is_err(), "{}, bit {at}", vector.clause);
        }
    }
}

#[test]
fn no_packet_is_opened_under_another_roll_over_counter_key_or_salt() {
    for vector in packets() {
        let refused = Err(SrtpError::Authentication);
        if vector.protocol == Protocol::Rtp {
            let opened = open(&vector, &master(&vector), 1, &vector.sealed);
            assert_eq!(opened, refused, "{}", vector.clause);
        }
        for at in [0, vector.master_key.len() - 1] {
            let mut other = vector.clone();
            other.master_key[at] ^= 1;
            let opened = open(&other, &master(&other), 0, &vector.sealed);
            assert_eq!(opened, refused, "{}", vector.clause);
        }
        for at in [0, vector.master_salt.len() - 1] {
            let mut other = vector.clone();
            other.master_salt[at] ^= 1;
            let opened = open(&other, &master(&other), 0, &vector.sealed);
            assert_eq!(opened, refused, "{}", vector.clause);
        }
    }
}

/// Opens an RTP packet of Galois/counter mode from the parts of the engine,
/// with this master salt of 112 bits.
fn open_by_parts(vector: &Packet, salt: &[u8]) -> Result<Vec<u8>, SrtpError> {
    // The same derivation, with a salt that is not padded.
    let master = SrtpMasterKey::new(Suite::AesCm128HmacSha1_80, &vector.master_key, salt)
        .expect("the right lengths");
    let kdf = Kdf::new(&master)?;
    let (mut key, mut salt) = ([0; 16], [0; 12]);
    kdf.derive(Label::RtpEncryption, &mut key)?;
    kdf.derive(Label::RtpSalt, &mut salt)?;
    let iv = number(&salt) ^ u128::from(ssrc(vector)) << 48 ^ u128::from(vector.index);

    let (content, tag) = vector.sealed.split_at(vector.sealed.len() - 16);
    let (header, text) = content.split_at(12);
    let mut text = text.to_vec();
    GaloisCounterMode::new(&key)?.open(iv, header, &mut text, tag)?;
    Ok([header, &text].concat())
}

#[test]
fn a_salt_of_96_bits_is_padded_behind_and_not_before() {
    let vectors = libsrtp().packets;
    let galois = |p: &&Packet| p.suite == "AEAD_AES_128_GCM" && p.protocol == Protocol::Rtp;
    let vector = vectors.iter().find(galois).expect("a packet");
    let behind = [&vector.master_salt[..], &[0, 0]].concat();
    assert_eq!(open_by_parts(vector, &behind), Ok(vector.clear.clone()));
    let before = [&[0, 0], &vector.master_salt[..]].concat();
    assert_eq!(
        open_by_parts(vector, &before),
        Err(SrtpError::Authentication)
    );
}
