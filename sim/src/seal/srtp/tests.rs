//! Known answers, and what nobody sees from outside.

use lightleak_vectors::srtp::{Protocol, SessionPacket, rfc7714};
use zeroize::Zeroizing;

use super::{
    header::Header,
    primitive::{AEAD_TAG_LENGTH, number},
    protection::{Place, Protection},
    *,
};
use crate::{rtp::Packets, seal::keys::SrtpMasterKey};

#[test]
fn a_salt_of_96_bits_has_16_zero_bits_behind_it() {
    let derive = |suite, salt: &[u8]| {
        let master = SrtpMasterKey::new(suite, &[7; 16], salt).expect("a key");
        let kdf = Kdf::new(&master).expect("a derivation");
        let key = kdf.key::<16>(Label::RtpEncryption).expect("done");
        *key
    };
    let short = [9; 12];
    let behind = [&short[..], &[0, 0]].concat();
    let before = [&[0, 0], &short[..]].concat();
    let galois = derive(Suite::AeadAes128Gcm, &short);
    assert_eq!(galois, derive(Suite::AesCm128HmacSha1_80, &behind));
    assert_ne!(galois, derive(Suite::AesCm128HmacSha1_80, &before));
}

/// Session keys that are given and not derived.
fn galois(vector: &SessionPacket) -> Protection {
    Protection::Galois {
        cipher: GaloisCounterMode::new(&vector.key).expect("a key"),
        salt: Zeroizing::new(number(&vector.salt)),
    }
}

fn place(vector: &SessionPacket) -> Place {
    let at = match vector.protocol {
        Protocol::Rtp => 8,
        Protocol::Rtcp => 4,
    };
    Place {
        ssrc: number(&vector.clear[at..at + 4]) as u32,
        index: vector.index,
    }
}

fn sealed(vector: &SessionPacket) -> Vec<u8> {
    let end = vector.clear.len();
    let mut packet = vector.clear.clone();
    packet.resize(vector.sealed.len(), 0);
    let done = match vector.protocol {
        Protocol::Rtp => {
            let header = Header::read(&vector.clear).expect("a header");
            galois(vector).seal(&mut packet, end, header.payload(), place(vector), &[])
        }
        Protocol::Rtcp => galois(vector).seal_rtcp(&mut packet, end, place(vector), &[]),
    };
    done.map(|()| packet).expect("sealed")
}

fn opened(vector: &SessionPacket, place: Place, sealed: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let end = vector.clear.len();
    let mut packet = sealed.to_vec();
    match vector.protocol {
        Protocol::Rtp => {
            let header = Header::read(&vector.clear).expect("a header");
            galois(vector).open(&mut packet, end, |_| header.payload(), place, 0)?;
        }
        Protocol::Rtcp => galois(vector).open_rtcp(&mut packet, end, place, 0)?,
    }
    packet.truncate(end);
    Ok(packet)
}

#[test]
fn packets_are_sealed_as_in_rfc_7714_and_opened() {
    let vectors = rfc7714().session_packets;
    let mut checked = 0;
    for vector in vectors.iter().filter(|vector| vector.encrypted) {
        let clause = &vector.clause;
        assert_eq!(sealed(vector), vector.sealed, "{clause}");
        let place = place(vector);
        let open = |place, sealed: &[u8]| opened(vector, place, sealed);
        assert_eq!(
            open(place, &vector.sealed),
            Ok(vector.clear.clone()),
            "{clause}"
        );

        let refused = Err(SrtpError::Authentication);
        // Behind an SRTCP packet is the index, which `place` says again.
        for at in 8 * 12..8 * (vector.clear.len() + AEAD_TAG_LENGTH) {
            let mut flipped = vector.sealed.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert_eq!(open(place, &flipped), refused, "{clause}, bit {at}");
        }
        for other in [place.index ^ 1, place.index ^ 1 << 16] {
            let other = Place {
                index: other,
                ..place
            };
            assert_eq!(open(other, &vector.sealed), refused, "{clause}");
        }
        checked += 1;
    }
    assert_eq!(checked, 4);
}

/// What RFC 7714 16 and 17 only authenticate, the primitive tags alike, and the
/// engine refuses.
#[test]
fn packets_in_clear_are_tagged_as_in_rfc_7714_and_refused() {
    let vectors = rfc7714().session_packets;
    let mut checked = 0;
    for vector in vectors.iter().filter(|vector| !vector.encrypted) {
        let clause = &vector.clause;
        let tag_end = vector.clear.len() + AEAD_TAG_LENGTH;
        let (tag, word) = vector.sealed[vector.clear.len()..].split_at(AEAD_TAG_LENGTH);
        let cipher = GaloisCounterMode::new(&vector.key).expect("a key");
        let associated = [&vector.clear, word].concat();
        let Place { ssrc, index } = place(vector);
        let iv = number(&vector.salt) ^ u128::from(ssrc) << 48 ^ u128::from(index);
        assert_eq!(
            &cipher.seal(iv, &associated, &mut []).expect("a tag"),
            tag,
            "{clause}"
        );

        let result = opened(vector, place(vector), &vector.sealed);
        assert_eq!(result, Err(SrtpError::Authentication), "{clause}");
        if vector.protocol == Protocol::Rtcp {
            assert_eq!(vector.sealed[tag_end] & 0x80, 0, "the E flag");
            let master = key(vector.suite.parse().expect("a suite"));
            let mut receiver =
                Receiver::new(&master, ReceiverOptions::default()).expect("a receiver");
            let result = receiver.open_rtcp(&mut vector.sealed.clone());
            assert_eq!(result, Err(SrtpError::Unencrypted), "{clause}");
        }
        checked += 1;
    }
    assert_eq!(checked, 4);
}

fn key(suite: Suite) -> SrtpMasterKey {
    let (key, salt) = (suite.key_length(), suite.salt_length());
    SrtpMasterKey::new(suite, &vec![3; key], &vec![5; salt]).expect("the right lengths")
}

#[test]
fn nothing_of_a_refused_packet_stays_in_the_buffer() {
    for suite in Suite::ALL {
        let mut sender = Sender::new(&key(suite), SenderOptions::default()).expect("a sender");
        let mut receiver =
            Receiver::new(&key(suite), ReceiverOptions::default()).expect("a receiver");
        let mut packets = Packets::with_room(sender.overhead());
        packets.push(&[&[0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7][..], &[0xee; 100]].concat());
        sender.seal(&mut packets).expect("sealed");
        packets.parts_mut().0[40] ^= 1;
        let results = receiver.open(&mut packets);
        assert_eq!(results, [Err(SrtpError::Authentication)]);
        assert!(packets.iter().all(<[u8]>::is_empty));
        assert!(packets.parts_mut().0.iter().all(|&octet| octet == 0));
    }
}

#[test]
fn nothing_of_what_could_not_be_sealed_stays_in_the_buffer() {
    let mut sender =
        Sender::new(&key(Suite::AeadAes128Gcm), SenderOptions::default()).expect("a sender");
    let mut packets = Packets::with_room(sender.overhead());
    let packet = |sequence: u8| {
        let header = [0x80, 96, 0, sequence, 0, 0, 0, 0, 0, 0, 0, 7];
        [&header[..], &[0xee; 100]].concat()
    };
    for sequence in [1, 2, 2, 3] {
        packets.push(&packet(sequence));
    }
    let error = SrtpError::Sequence {
        ssrc: 7,
        sequence: 2,
        last: 2,
    };
    assert_eq!(sender.seal(&mut packets), Err(error));
    let lengths: Vec<usize> = packets.iter().map(<[u8]>::len).collect();
    assert_eq!(lengths, [128, 128, 0, 0]);
    let (bytes, _) = packets.parts_mut();
    assert!(bytes[256..].iter().all(|&octet| octet == 0));
    assert!(bytes.windows(8).all(|window| window != [0xee; 8]));
}

#[test]
fn debug_shows_no_key() {
    let master = key(Suite::AesCm128HmacSha1_80);
    let sender = Sender::new(&master, SenderOptions::default());
    let receiver = Receiver::new(&master, ReceiverOptions::default());
    let kdf = Kdf::new(&master);
    assert_eq!(
        format!("{sender:?} {receiver:?} {kdf:?}"),
        "Ok(Sender(AES_CM_128_HMAC_SHA1_80, 0 streams)) \
         Ok(Receiver(AES_CM_128_HMAC_SHA1_80, 1 keys, 0 streams)) Ok(Kdf(redacted))"
    );
}

#[test]
fn a_key_of_no_mode_is_refused() {
    let refused = |length| Some(SrtpError::KeyLength(length));
    for length in [0, 15, 17, 33] {
        let key = vec![1; length];
        assert_eq!(CounterMode::new(&key).err(), refused(length));
        assert_eq!(GaloisCounterMode::new(&key).err(), refused(length));
    }
    assert_eq!(GaloisCounterMode::new(&[1; 24]).err(), refused(24));
}

#[test]
fn an_empty_tag_is_refused_as_is_one_that_is_too_long() {
    let key = AuthenticationKey::new(&[1; 20]);
    let tag = key.tag(b"octets").expect("a tag");
    let verify = |tag: &[u8]| key.verify(b"octets", tag);
    for length in [1, 4, 10, 20] {
        assert_eq!(verify(&tag[..length]), Ok(()));
    }
    let refused = Err(SrtpError::Authentication);
    assert_eq!(verify(&[]), refused);
    assert_eq!(verify(&[&tag[..], &[0]].concat()), refused);
}
