//! TLS-03, TLS-05, TLS-06, TLS-07 and TLS-11: what is offered, chosen and
//! signed in a handshake.

use lightleak_case::Session;
use lightleak_judge::verdict::{
    Assurance,
    Verdict::{Fail, Inconclusive, NotApplicable, Pass},
};

use crate::{
    case::*,
    sealed::{
        ALERT, Handshake, Sealed, message, offer, record, server_hello, server_hello_without_share,
    },
    wire::{Tcp, Wire},
};

type Answer<'a> = &'a dyn Fn(&mut Wire, &mut Tcp);

const TLS12: u16 = 0x0303;
const TLS13: u16 = 0x0304;

/// The offers of `weak-suites`, each with a name.
const OFFERS: [(&str, u16, &[u16]); 6] = [
    ("null", TLS12, &[0x003b, 0xc010]),
    ("integrity", TLS13, &[0xc0b4, 0xc0b5]),
    ("rsa", TLS12, &[0x009c, 0x002f]),
    ("dhe", TLS12, &[0x009e, 0x0033]),
    ("mixed", TLS12, &[0x009c, 0xc02b, 0xc02f]),
    ("ecdhe rsa", TLS12, &[0xc02f]),
];

const P256: &[u8] = include_bytes!("../../src/dissect/x509/p256-sha256.der");
const P256_SHA1: &[u8] = include_bytes!("../../src/dissect/x509/p256-sha1.der");
const RSA1024: &[u8] = include_bytes!("../../src/dissect/x509/rsa1024-sha1.der");
const P192: &[u8] = include_bytes!("../../src/dissect/x509/p192-md5.der");

/// A sound handshake, then every offer: that of this name is answered in this
/// way, the others are refused.
fn offered(name: &str, answer: Answer) -> Session {
    offered_except("", name, answer)
}

/// The same, and the offer of the first name is not made.
fn offered_except(left_out: &str, name: &str, answer: Answer) -> Session {
    let mut wire = Wire::new();
    let certificate = certificate(TLS13, &[P256]);
    let handshake = Handshake {
        flight: &certificate,
        ..Handshake::default()
    };
    let mut sealed = Sealed::shake(&mut wire, client(50_001), camera(), 1, &handshake);
    ask(&mut wire, &mut sealed, 1, "OPTIONS", "", 200, "");
    for (index, (offered, version, suites)) in (2u8..).zip(OFFERS) {
        if offered == left_out {
            continue;
        }
        let mut tcp = wire.connect(client(50_000 + u16::from(index)), camera());
        let hello = offer([index; 32], &[version], suites, &[]);
        tcp.say(&mut wire, false, &hello);
        if offered == name {
            answer(&mut wire, &mut tcp);
        } else {
            refuse(&mut wire, &mut tcp);
        }
    }
    session("weak-suites", wire, sealed.keys)
}

fn refuse(wire: &mut Wire, tcp: &mut Tcp) {
    tcp.say(wire, true, &ALERT);
    tcp.close(wire);
}

/// Says these octets.
fn say(octets: Vec<u8>) -> impl Fn(&mut Wire, &mut Tcp) {
    move |wire, tcp| tcp.say(wire, true, &octets)
}

/// A Certificate message.
fn certificate(version: u16, chain: &[&[u8]]) -> Vec<u8> {
    let vector24 = |octets: &[u8]| [&(octets.len() as u32).to_be_bytes()[1..], octets].concat();
    let mut list = Vec::new();
    for der in chain {
        list.extend(vector24(der));
        if version == TLS13 {
            list.extend([0, 0]);
        }
    }
    let mut body = Vec::new();
    if version == TLS13 {
        body.push(0);
    }
    body.extend(vector24(&list));
    message(11, &body)
}

/// A flight of TLS 1.2 with that chain, in one record.
fn flight(chain: &[&[u8]], more: &[u8]) -> Vec<u8> {
    let hello = &server_hello(TLS12, 0xc02f)[5..];
    record(&[hello, &certificate(TLS12, chain), more].concat())
}

/// A ServerKeyExchange of ECDHE on that curve, with that scheme.
fn key_exchange(curve: u8, scheme: u16) -> Vec<u8> {
    let [hash, signature] = scheme.to_be_bytes();
    message(12, &[3, 0, curve, 1, 9, hash, signature, 0, 1, 9])
}

#[test]
fn a_device_that_refuses_and_prefers_well_passes() {
    let session = || offered("mixed", &say(server_hello(TLS12, 0xc02b)));
    for (id, words) in [
        (
            "TLS-03",
            "2 handshakes chose a sound suite, 2 offers of others were refused",
        ),
        ("TLS-05", "2 offers of others were refused"),
        ("TLS-06", "2 handshakes chose a sound suite, 0 offers"),
        ("TLS-07", "1 certificates"),
    ] {
        expect(&finding(session(), id), Pass, words);
    }
    // Nor is TLS 1.2 at all a duty here.
    let session = offered("none", &refuse);
    expect(
        &finding(session, "TLS-06"),
        Pass,
        "1 offers of others were refused",
    );
}

#[test]
fn what_must_not_be_chosen_is_named() {
    for (id, name, version, suite, words) in [
        (
            "TLS-03",
            "null",
            TLS12,
            0x003b,
            "suite 0x003b: it does not encrypt",
        ),
        ("TLS-03", "integrity", TLS13, 0xc0b4, "suite 0xc0b4"),
        (
            "TLS-05",
            "rsa",
            TLS12,
            0x009c,
            "its key exchange is static RSA",
        ),
        (
            "TLS-05",
            "dhe",
            TLS12,
            0x0033,
            "Diffie-Hellman over a finite field",
        ),
        ("TLS-05", "mixed", TLS12, 0x009c, "static RSA"),
        (
            "TLS-06",
            "mixed",
            TLS12,
            0x009c,
            "suite 0x009c: it has no forward secrecy",
        ),
    ] {
        let answer = server_hello(version, suite);
        let case = case(vec![offered(name, &say(answer.clone()))]);
        let found = of(&judge(&case), id);
        expect(&found, Fail, words);
        assert_eq!(octets(&case, &found), &answer[..11], "{id} {name}");
    }
}

#[test]
fn who_has_nothing_better_to_choose_prefers_nothing() {
    let session = offered("rsa", &say(server_hello(TLS12, 0x009c)));
    expect(&finding(session, "TLS-06"), Pass, "");
}

#[test]
fn tls_1_3_without_a_share_of_a_key_has_no_forward_secrecy() {
    let session = watched(|wire, _| {
        let mut tcp = wire.connect(client(9), camera());
        tcp.say(wire, false, &offer([9; 32], &[TLS13], &[0x1301], &[]));
        tcp.say(wire, true, &server_hello_without_share(0x1301));
    });
    expect(&finding(session, "TLS-06"), Fail, "no forward secrecy");
}

#[test]
fn offers_that_were_not_made_or_not_answered_say_nothing() {
    for (id, name) in [
        ("TLS-03", "null"),
        ("TLS-03", "integrity"),
        ("TLS-05", "rsa"),
        ("TLS-05", "dhe"),
        ("TLS-06", "mixed"),
    ] {
        let session = offered(name, &|_, _| {});
        let words = "neither ServerHello nor alert, or not at all";
        expect(&finding(session, id), Inconclusive, words);
        let session = offered_except(name, "none", &refuse);
        expect(&finding(session, id), Inconclusive, "no offer of");
    }
    let unasked = offered_except("ecdhe rsa", "none", &refuse);
    expect(
        &finding(unasked, "TLS-07"),
        Inconclusive,
        "no offer of suites with RSA",
    );
    for id in ["TLS-03", "TLS-05", "TLS-06", "TLS-07"] {
        let nothing = session("honest", Wire::new(), Vec::new());
        expect(&finding(nothing, id), Inconclusive, "was seen");
    }
}

#[test]
fn weak_certificates_are_found_in_clear_and_inside_tls_1_3() {
    let rsa = "a certificate has an RSA key of 1024 bits";
    let session = || offered("ecdhe rsa", &say(flight(&[RSA1024], &[])));
    expect(&finding(session(), "TLS-07"), Fail, rsa);
    let case = case(vec![session()]);
    let found = octets(&case, &of(&judge(&case), "TLS-07")).to_vec();
    assert_eq!(found[..], flight(&[RSA1024], &[])[..found.len()]);

    for (chain, words) in [
        (&[RSA1024][..], rsa),
        (&[P192], "a key on P-192, of 192 bits"),
        (&[P256, RSA1024], rsa),
    ] {
        let flight = certificate(TLS13, chain);
        expect(&finding(authenticated(&flight), "TLS-07"), Fail, words);
    }
    let found = finding(authenticated(&certificate(TLS13, &[P256])), "TLS-07");
    expect(&found, Pass, "1 certificates");
    assert_eq!(found.assurance, Some(Assurance::Opened));
}

#[test]
fn who_signs_himself_with_sha_1_is_trusted_as_an_anchor_alone() {
    let own = authenticated(&certificate(TLS13, &[P256_SHA1]));
    expect(
        &finding(own, "TLS-07"),
        Fail,
        "a certificate is signed with SHA-1",
    );
    let anchor = authenticated(&certificate(TLS13, &[P256, P256_SHA1]));
    expect(&finding(anchor, "TLS-07"), Pass, "2 certificates");
    // Its key counts all the same, and so does a signature by another.
    let other = authenticated(&certificate(TLS13, &[P256, P192]));
    expect(&finding(other, "TLS-07"), Fail, "P-192");
}

#[test]
fn weak_signatures_and_curves_of_a_handshake_are_found() {
    for (more, words) in [
        (key_exchange(23, 0x0403), None),
        (key_exchange(29, 0x0804), None),
        (
            key_exchange(23, 0x0201),
            Some("a handshake is signed with SHA-1"),
        ),
        (key_exchange(23, 0x0101), Some("signed with MD5")),
        (
            key_exchange(19, 0x0403),
            Some("on curve 19, of less than 224 bits"),
        ),
    ] {
        let session = offered("ecdhe rsa", &say(flight(&[P256], &more)));
        let found = finding(session, "TLS-07");
        expect(
            &found,
            words.map_or(Pass, |_| Fail),
            words.unwrap_or("2 certificates"),
        );
    }
    let verify = message(15, &[2, 3, 0, 1, 9]);
    let flight = [certificate(TLS13, &[P256]), verify].concat();
    expect(
        &finding(authenticated(&flight), "TLS-07"),
        Fail,
        "signed with SHA-1",
    );
}

#[test]
fn what_cannot_be_read_of_a_certificate_is_not_known_to_be_strong() {
    let broken = certificate(TLS13, &[&P256[1..]]);
    for (flight, words) in [
        (broken, "does not parse"),
        (message(25, &[0, 1, 0, 0, 9]), "compressed"),
        (message(8, &[0, 0]), "no certificate of the device was seen"),
    ] {
        expect(
            &finding(authenticated(&flight), "TLS-07"),
            Inconclusive,
            words,
        );
    }
    let mut session = authenticated(&certificate(TLS13, &[P256]));
    session.keys.clear();
    expect(
        &finding(session, "TLS-07"),
        Inconclusive,
        "the key log has no",
    );
}

/// Somebody watches, after a handshake with these messages.
fn authenticated(flight: &[u8]) -> Session {
    let mut wire = Wire::new();
    let handshake = Handshake {
        flight,
        ..Handshake::default()
    };
    let mut sealed = Sealed::shake(&mut wire, client(50_001), camera(), 1, &handshake);
    watch(&mut wire, &mut sealed);
    sealed.tcp.close(&mut wire);
    session("honest", wire, sealed.keys)
}

/// EncryptedExtensions, with early_data or without.
fn extensions(early_data: bool) -> Vec<u8> {
    let body: &[u8] = match early_data {
        true => &[0, 4, 0, 42, 0, 0],
        false => &[0, 0],
    };
    message(8, body)
}

/// A NewSessionTicket that allows 0-RTT data, or not.
fn ticket(early_data: bool) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 9, 1, 2, 3, 4, 1, 7, 0, 2, 5, 5];
    body.extend(match early_data {
        true => &[0, 8, 0, 42, 0, 4, 0, 0, 64, 0][..],
        false => &[0, 0],
    });
    message(4, &body)
}

const PRE_SHARED_KEY: &[u8] = &[0, 41, 0, 1, 0];
const EARLY_DATA: &[u8] = &[0, 42, 0, 0, 0, 41, 0, 1, 0];

/// A viewer comes twice: with these tickets after the first handshake, these
/// extensions in the second offer, and 0-RTT data accepted or not.
fn came_back(tickets: &[u8], offer: &[u8], accepted: bool) -> Session {
    let mut wire = Wire::new();
    let mut keys = Vec::new();
    for (salt, offer, early_data, after) in
        [(1, &[][..], false, tickets), (2, offer, accepted, &[][..])]
    {
        let flight = extensions(early_data);
        let handshake = Handshake {
            offer,
            flight: &flight,
            after,
        };
        let from = client(50_000 + u16::from(salt));
        let mut sealed = Sealed::shake(&mut wire, from, camera(), salt, &handshake);
        ask(&mut wire, &mut sealed, 1, "DESCRIBE", "", 401, CHALLENGE);
        sealed.tcp.close(&mut wire);
        keys.extend(sealed.keys);
    }
    session("early-data", wire, keys)
}

#[test]
fn early_data_are_refused_taken_or_impossible() {
    let rows = [
        (
            came_back(&ticket(false), PRE_SHARED_KEY, false),
            Pass,
            "1 session tickets",
        ),
        (
            came_back(&ticket(false), EARLY_DATA, false),
            Pass,
            "1 attempts to resume",
        ),
        (
            came_back(&ticket(false), EARLY_DATA, true),
            Fail,
            "0-RTT data were accepted",
        ),
        (
            came_back(&ticket(true), EARLY_DATA, false),
            Fail,
            "a session ticket allows",
        ),
        (
            came_back(&[], &[], false),
            NotApplicable,
            "no session ticket in 2 handshakes",
        ),
        (
            came_back(&ticket(false), &[], false),
            Inconclusive,
            "nobody used one",
        ),
        (
            came_back(&message(4, &[0]), PRE_SHARED_KEY, false),
            Inconclusive,
            "does not parse",
        ),
    ];
    for (session, verdict, words) in rows {
        expect(&finding(session, "TLS-11"), verdict, words);
    }
}

#[test]
fn without_the_keys_nothing_is_known_of_early_data() {
    let mut unopened = came_back(&ticket(false), PRE_SHARED_KEY, false);
    unopened
        .keys
        .retain(|line| !line.contains(&"02".repeat(32)));
    expect(
        &finding(unopened, "TLS-11"),
        Inconclusive,
        "the key log has no",
    );
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    ask(&mut wire, &mut sealed, 1, "DESCRIBE", "", 401, CHALLENGE);
    let untold = session("early-data", wire, sealed.keys);
    let words = "EncryptedExtensions of a handshake were not opened";
    expect(&finding(untold, "TLS-11"), Inconclusive, words);
    let nothing = session("early-data", Wire::new(), Vec::new());
    expect(
        &finding(nothing, "TLS-11"),
        Inconclusive,
        "no RTSP response",
    );
}
