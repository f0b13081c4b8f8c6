//! Known answers, and what nobody sees from outside.

use zeroize::Zeroizing;

use super::{
    header::Header,
    primitive::number,
    protection::{Place, Protection},
    *,
};
use crate::{rtp::Packets, seal::keys::SrtpMasterKey};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let octet = |pair: &[char]| {
        let text: String = pair.iter().collect();
        u8::from_str_radix(&text, 16).expect("two digits")
    };
    digits.chunks(2).map(octet).collect()
}

#[test]
fn the_keystream_is_that_of_rfc_3711_b_2() {
    let cipher = CounterMode::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C")).expect("a key");
    let mut octets = vec![0; 48];
    let iv = number(&hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"));
    cipher.apply(iv, &mut octets).expect("done");
    assert_eq!(
        octets,
        hex(
            "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
             41E95B3BB0A2E8DD477901E4FCA894C0"
        )
    );
}

#[test]
fn session_keys_are_those_of_rfc_3711_b_3() {
    let master = SrtpMasterKey::new(
        Suite::AesCm128HmacSha1_80,
        &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        &hex("0EC675AD498AFEEBB6960B3AABE6"),
    )
    .expect("a key");
    let kdf = Kdf::new(&master).expect("a derivation");
    let derive = |label, length| {
        let mut out = vec![0xff; length];
        kdf.derive(label, &mut out).expect("done");
        out
    };
    assert_eq!(
        derive(Label::RtpEncryption, 16),
        hex("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(
        derive(Label::RtpSalt, 14),
        hex("30CBBC08863D8C85D49DB34A9AE1")
    );
    assert_eq!(
        derive(Label::RtpAuthentication, 94),
        hex(
            "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2"
        )
    );
}

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

/// The session keys of RFC 7714 16 and 17, which are given and not derived.
fn rfc_7714() -> Protection {
    Protection::Galois {
        cipher: GaloisCounterMode::new(&hex("000102030405060708090a0b0c0d0e0f")).expect("a key"),
        salt: Zeroizing::new(number(&hex("517569642070726f2071756f"))),
    }
}

#[test]
fn an_rtp_packet_is_sealed_as_in_rfc_7714_16_1_1() {
    let clear = hex(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
                     69736120 696e2070 61727465 73207472 6573",
    );
    let end = clear.len();
    let mut packet = clear.clone();
    packet.resize(end + 16, 0);
    let header = Header::read(&clear).expect("a header");
    let place = Place {
        ssrc: header.ssrc,
        index: header.sequence.into(),
    };
    rfc_7714()
        .seal(&mut packet, end, header.payload(), place, &[])
        .expect("sealed");
    assert_eq!(
        packet,
        hex(
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
             0d294e6f 42a5f47a 51c7d19b 36de3adf 8833 899d7f27 beb16a91 52cf765e e4390cce"
        )
    );

    let payload = |_: &mut [u8]| header.payload();
    let mut flipped = packet.clone();
    flipped[end + 15] ^= 1;
    let open = |packet: &mut Vec<u8>| rfc_7714().open(packet, end, payload, place, 0);
    assert_eq!(open(&mut flipped), Err(SrtpError::Authentication));
    assert_eq!(open(&mut packet), Ok(()));
    assert_eq!(packet[..end], clear);
}

#[test]
fn an_rtcp_packet_is_sealed_as_in_rfc_7714_17_1() {
    let clear = hex(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                     deadbeef deadbeef deadbeef deadbeef deadbeef",
    );
    let end = clear.len();
    let mut packet = clear.clone();
    packet.resize(end + 20, 0);
    let place = Place {
        ssrc: 0x4d61_7273,
        index: 0x5d4,
    };
    let keys = rfc_7714();
    keys.seal_rtcp(&mut packet, end, place, &[])
        .expect("sealed");
    assert_eq!(
        packet,
        hex(
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
             c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
             45d9eade 800005d4"
        )
    );
    assert_eq!(keys.open_rtcp(&mut packet, end, place, 0), Ok(()));
    assert_eq!(packet[..end], clear);
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
