use lightleak_case::TransportProtocol;
use proptest::prelude::*;

use super::{track::testing::*, *};
use crate::dissect::{FlowState, Traffic};
use crate::inspect::scene::Description;

type Payloads = Vec<(u32, bool, Vec<u8>)>;

fn flow(transport: TransportProtocol, parts: &[Vec<u8>]) -> Flow {
    let mut stream = Stream::default();
    for (part, n) in parts.iter().zip(1..) {
        stream.push(part, n, 42, n * 20_000_000);
    }
    Flow {
        transport,
        a: ([10, 0, 0, 1], 6000).into(),
        b: ([10, 0, 0, 2], 7000).into(),
        state: FlowState::Open,
        from_a: Stream::default(),
        from_b: stream,
        first_packet: 1,
        packets: 1,
    }
}

fn claims_with(sdp: Option<&str>, flow: &Flow) -> Vec<(String, &'static str)> {
    let traffic = Traffic::default();
    let mut scene = Scene::new(&traffic);
    scene.descriptions.extend(sdp.map(|sdp| Description {
        flow: 0,
        ends: [flow.a, flow.b],
        opened: false,
        sdp: crate::dissect::sdp::Sdp::parse(sdp.as_bytes()).unwrap(),
    }));
    let claims = recognise(&scene, flow);
    claims
        .into_iter()
        .map(|c| (c.kind.clone(), c.label().name()))
        .collect()
}

fn claims(transport: TransportProtocol, parts: &[Vec<u8>]) -> Vec<(String, &'static str)> {
    claims_with(None, &flow(transport, parts))
}

/// Sound of 20 ms packets, with so many octets more.
fn sound(more: usize) -> Payloads {
    (0..40)
        .map(|n| (n * 160, n == 0, noise(n.into(), 160 + more)))
        .collect()
}

use TransportProtocol::{Tcp, Udp};

#[test]
fn every_carriage_is_seen_through() {
    let packets = datagrams(0, 65_520, &sound(0));
    let each = |head: &dyn Fn(&[u8]) -> Vec<u8>| -> Vec<Vec<u8>> {
        packets.iter().map(|p| [&head(p)[..], p].concat()).collect()
    };
    let length = |p: &[u8]| (p.len() as u16).to_be_bytes();
    let channel = |p: &[u8]| [&[0x40, 1], &length(p)[..]].concat();
    let dollar = |p: &[u8]| [&[b'$', 0], &length(p)[..]].concat();
    let indication = |p: &[u8]| {
        let mut head = vec![0, 0x17];
        head.extend((p.len() as u16 + 16).to_be_bytes());
        head.extend([
            0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
        ]);
        head.extend([0, 0x12, 0, 8, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0x13]);
        head.extend(length(p));
        head
    };
    for (transport, parts, kind) in [
        (Udp, packets.clone(), "rtp/pcmu"),
        (Udp, each(&|_| vec![7; 5]), "rtp/pcmu"),
        (Udp, each(&channel), "rtp/pcmu"),
        (Udp, each(&indication), "rtp/pcmu"),
        (Tcp, each(&channel), "rtp/pcmu"),
        (Tcp, each(&dollar), "rtsp/pcmu"),
        (Tcp, each(&|p| length(p).to_vec()), "rtp-tcp/pcmu"),
    ] {
        assert_eq!(
            claims(transport, &parts),
            [(kind.to_owned(), "leak")],
            "{transport:?}"
        );
    }
    // Joined in the middle of a frame.
    let mut joined = each(&dollar);
    joined[0].drain(..50);
    assert_eq!(claims(Tcp, &joined), [("rtsp/pcmu".to_owned(), "leak")]);
}

#[test]
fn what_is_as_long_as_srtp_is_undetermined() {
    for tag in TAGS {
        let packets = datagrams(0, 1, &sound(tag));
        assert_eq!(
            claims(Udp, &packets),
            [("srtp?".to_owned(), "undetermined")]
        );
    }
    // Of a type that nobody explains, too.
    let packets = datagrams(111, 1, &sound(0));
    assert_eq!(
        claims(Udp, &packets),
        [("srtp?".to_owned(), "undetermined")]
    );
}

#[test]
fn a_description_names_the_codec() {
    let sdp = "v=0\r\nc=IN IP4 10.0.0.2\r\nm=audio 7000 RTP/AVP 97\r\na=rtpmap:97 PCMA/8000\r\n";
    let flow = flow(Udp, &datagrams(97, 1, &sound(0)));
    assert_eq!(
        claims_with(Some(sdp), &flow),
        [("rtp/pcma".to_owned(), "leak")]
    );
}

#[test]
fn parameter_sets_of_a_description_go_before_a_stream_without() {
    let slice = |n: u32| [&[0x5c, 0x81, 0b1001_1010][..], &noise(n.into(), 300)].concat();
    let end = |n: u32| [&[0x5c, 0x41][..], &noise(n.into(), 90)].concat();
    let frames = (0..24).flat_map(|n| [(n * 3000, false, slice(n)), (n * 3000, true, end(n + 50))]);
    let flow = flow(Udp, &datagrams(96, 1, &frames.collect::<Vec<_>>()));
    let sdp = "v=0\r\nc=IN IP4 10.9.9.9\r\nm=video 40 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n\
        a=fmtp:97 sprop-parameter-sets=Z0LAHtkA,aM48gA==\r\n";
    let media = |sdp: &str| {
        let traffic = Traffic::default();
        let mut scene = Scene::new(&traffic);
        let far = ([10, 9, 9, 9], 40).into();
        scene.descriptions.push(Description {
            opened: false,
            flow: 0,
            ends: [far, far],
            sdp: crate::dissect::sdp::Sdp::parse(sdp.as_bytes()).unwrap(),
        });
        match recognise(&scene, &flow).remove(0).standing {
            crate::inspect::Standing::Clear { media, .. } => media,
            other => panic!("{other:?}"),
        }
    };
    let [file] = &media(sdp)[..] else { panic!() };
    assert!(file.octets.starts_with(&[0, 0, 0, 1, 0x67, 0x42, 0xc0]));
    assert!(memchr::memmem::find(&file.octets, &[0, 0, 0, 1, 0x5c | 0x40]).is_none());
    assert_eq!(media(&sdp.replace("H264", "H265")).len(), 0);
}

#[test]
fn redundant_packets_are_seen_through() {
    let payload = |n: u64| {
        let head = [0x80, 160 >> 6, (160_u16 << 2) as u8, 160, 0];
        [&head[..], &noise(n, 160), &noise(n + 1, 160)].concat()
    };
    let packets: Payloads = (0..20)
        .map(|n| (n * 160, false, payload(n.into())))
        .collect();
    assert_eq!(
        claims(Udp, &datagrams(121, 1, &packets)),
        [("rtp/pcmu".to_owned(), "leak")]
    );
}

#[test]
fn three_packets_are_enough_for_what_is_sure_of_them() {
    let mut payload = (16_u16 * 16).to_be_bytes().to_vec();
    payload.extend((0..16_u16).flat_map(|unit| ((60 + unit) << 3).to_be_bytes()));
    payload.extend(noise(3, (0..16).map(|unit| 60 + unit).sum()));
    let packets: Payloads = (0..3)
        .map(|n| (n * 16_384, true, payload.clone()))
        .collect();
    assert_eq!(
        claims(Udp, &datagrams(97, 1, &packets)),
        [("rtp/aac".to_owned(), "leak")]
    );
    assert_eq!(claims(Udp, &datagrams(0, 1, &sound(0)[..3])), []);
}

#[test]
fn what_only_looks_like_rtp_is_nothing() {
    let mut packets = datagrams(0, 1, &sound(0));
    for (packet, n) in packets.iter_mut().zip(0_u64..) {
        packet[2..4].copy_from_slice(&noise(n, 2));
    }
    assert!(claims(Udp, &packets).is_empty());
    let noise: Vec<_> = (0..60).map(|n| noise(n, 180)).collect();
    assert!(claims(Udp, &noise).is_empty() && claims(Tcp, &noise).is_empty());
    let dns: Vec<_> = (0..60_u64)
        .map(|n| {
            [
                &testing_noise(n, 2)[..],
                &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 3, b'w', b'w', b'w'],
            ]
            .concat()
        })
        .collect();
    assert!(claims(Udp, &dns).is_empty());
}

#[test]
fn a_key_told_in_clear_opens_it() {
    use webrtc_like::*;
    let packets = sealed(&datagrams(0, 1, &sound(0)));
    let told = format!(
        "v=0\r\nm=audio 7000 RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"
    );
    let flow = flow(Udp, &packets);
    assert_eq!(
        claims_with(Some(&told), &flow),
        [("srtp/sdes".to_owned(), "leak")]
    );
    let other = told.replace("inline:WVN", "inline:XVN");
    assert_eq!(
        claims_with(Some(&other), &flow),
        [("srtp?".to_owned(), "undetermined")]
    );
}

#[test]
fn what_is_only_authenticated_leaks_without_its_tags() {
    let packets = webrtc_like::authenticated(&datagrams(0, 1, &sound(0)));
    let told = format!(
        "v=0\r\nm=audio 7000 RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\n\
        a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{} UNENCRYPTED_SRTP\r\n",
        webrtc_like::KEY
    );
    let flow = flow(Udp, &packets);
    let traffic = Traffic::default();
    let mut scene = Scene::new(&traffic);
    scene.descriptions.push(Description {
        flow: 0,
        ends: [flow.a, flow.b],
        opened: false,
        sdp: crate::dissect::sdp::Sdp::parse(told.as_bytes()).unwrap(),
    });
    let [claim] = &recognise(&scene, &flow)[..] else {
        panic!();
    };
    assert_eq!(
        (claim.kind.as_str(), claim.label().name()),
        ("srtp/sdes", "leak")
    );
    let crate::inspect::Standing::Clear { media, .. } = &claim.standing else {
        panic!();
    };
    assert_eq!(media[0].octets, played(&datagrams(0, 1, &sound(0))));
}

/// The file that packets in clear give.
fn played(packets: &[Vec<u8>]) -> Vec<u8> {
    let traffic = Traffic::default();
    let claims = recognise(&Scene::new(&traffic), &flow(Udp, packets));
    match &claims[0].standing {
        crate::inspect::Standing::Clear { media, .. } => media[0].octets.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_that_mikey_tells_in_clear_opens_it() {
    use crate::dissect::mikey::{KeyData, Mikey, Policy};
    let octets = crate::dissect::sdp::base64(webrtc_like::KEY).unwrap();
    let mikey = |is_traffic_key, key: &[u8], encryption: &[u8]| Mikey {
        keys: vec![KeyData {
            is_traffic_key,
            key: key.to_vec(),
            salt: Vec::new(),
            spi: vec![0, 0, 0, 1],
        }],
        policies: vec![Policy {
            number: 0,
            protocol: 0,
            parameters: vec![(0, encryption.to_vec()), (2, vec![1]), (11, vec![10])],
        }],
        ..Mikey::default()
    };
    let told = |mikey: Mikey, packets: &[Vec<u8>]| {
        let traffic = Traffic::default();
        let mut scene = Scene::new(&traffic);
        scene.mikeys.push(crate::inspect::scene::Keying {
            flow: 0,
            opened: false,
            mikey,
        });
        let claims = recognise(&scene, &flow(Udp, packets));
        let told = claims.iter().map(|c| (c.kind.clone(), c.label().name()));
        told.collect::<Vec<_>>()
    };
    let packets = datagrams(0, 1, &sound(0));
    let sealed = webrtc_like::sealed(&packets);
    let leak = [("srtp/mikey".to_owned(), "leak")];
    assert_eq!(told(mikey(true, &octets, &[1]), &sealed), leak);
    let clear = webrtc_like::authenticated(&packets);
    assert_eq!(told(mikey(true, &octets, &[0]), &clear), leak);
    // Another key, and one that keys are made of.
    let unknown = [("srtp?".to_owned(), "undetermined")];
    assert_eq!(told(mikey(true, &[7; 30], &[1]), &sealed), unknown);
    assert_eq!(told(mikey(false, &octets, &[1]), &sealed), unknown);
}

#[test]
fn a_profile_that_does_not_encrypt_leaks_without_its_tags() {
    let hello = |profile: u8| {
        let extensions = [0, 14, 0, 5, 0, 2, 0, profile, 0];
        let mut body = vec![0xfe, 0xfd];
        body.extend([9; 32]);
        body.extend([0, 0xc0, 0x2b, 0, 0, extensions.len() as u8]);
        body.extend(extensions);
        let length = body.len() as u8;
        let message = [&[2, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
        let head = [
            22,
            0xfe,
            0xfd,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            message.len() as u8,
        ];
        [&head[..], &message].concat()
    };
    let told = |profile, tag| {
        let mut parts = vec![hello(profile)];
        parts.extend(datagrams(0, 1, &sound(tag)));
        claims(Udp, &parts)
    };
    let leak = [("dtls-srtp-null/rtp/pcmu".to_owned(), "leak")];
    assert_eq!(told(5, 10), leak);
    assert_eq!(told(6, 4), leak);
    for (profile, tag) in [(1, 10), (2, 4)] {
        let unknown = [("srtp?".to_owned(), "undetermined")];
        assert_eq!(told(profile, tag), unknown);
    }
}

/// SRTP as a sender makes it.
mod webrtc_like {
    use aes::cipher::{KeyIvInit, StreamCipher};
    use hmac::{Hmac, KeyInit, Mac};

    use crate::dissect::sdp::base64;
    use crate::open::srtp::{MasterKey, Suite};

    /// The key of RFC 4568's example.
    pub const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    pub fn sealed(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
        protected(packets, true)
    }

    /// The same without encryption (RFC 4568 6.3.2).
    pub fn authenticated(packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
        protected(packets, false)
    }

    fn protected(packets: &[Vec<u8>], encrypts: bool) -> Vec<Vec<u8>> {
        let octets = base64(KEY).unwrap();
        let suite = Suite::find("AES_CM_128_HMAC_SHA1_80").unwrap();
        let master = MasterKey::new(suite, &[], &octets[..16], &octets[16..]).unwrap();
        let [key, authentication, salt] =
            [(0, 16), (1, 20), (2, 14)].map(|(label, length)| master.derive(label, length));
        let seal = |packet: &Vec<u8>| {
            let mut iv = [0; 16];
            iv[..14].copy_from_slice(&salt);
            for (at, octet) in (4..).zip(&packet[8..12]) {
                iv[at] ^= octet;
            }
            for (at, octet) in (12..).zip(&packet[2..4]) {
                iv[at] ^= octet;
            }
            let mut packet = packet.clone();
            let key: &[u8] = &key;
            let mut cipher = ctr::Ctr128BE::<aes::Aes128>::new_from_slices(key, &iv).unwrap();
            if encrypts {
                cipher.apply_keystream(&mut packet[12..]);
            }
            let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&authentication).unwrap();
            mac.update(&packet);
            mac.update(&[0; 4]);
            packet.extend(&mac.finalize().into_bytes()[..10]);
            packet
        };
        packets.iter().map(seal).collect()
    }
}

proptest! {
    #[test]
    fn hostile_octets_never_panic(
        payloads in prop::collection::vec(prop::collection::vec(
            prop_oneof![Just(0), Just(0xff), Just(0x47), any::<u8>()], 0..40), 4..12),
        payload_type in 0..127_u8,
        head in prop::collection::vec(any::<u8>(), 0..6),
    ) {
        let payloads: Payloads = payloads.into_iter().zip(0..).map(|(p, n)| (n / 2, n % 2 == 1, p)).collect();
        let packets = datagrams(payload_type, 1, &payloads);
        let _ = claims(Udp, &packets);
        let packets: Vec<_> = packets.iter().map(|p| [&head[..], p].concat()).collect();
        let _ = (claims(Udp, &packets), claims(Tcp, &packets));
        for codec in CODECS {
            let _ = found(*codec, payload_type, &payloads);
        }
    }
}
