//! What hellos agree on: DTLS-01, DTLS-02, DTLS-07, WRTC-05.

use lightleak_case::Vantage;

use super::{
    super::{evidence, unless},
    first_media,
};
use crate::{
    dissect::{
        Flow, Span,
        dtls::{ClientHello, DTLS12, DTLS13, Reading, UseSrtp},
    },
    seen::{Connection, Seen},
    verdict::{Assurance, Evidence, Outcome},
};

/// SRTP_NULL_HMAC_SHA1_80 and SRTP_NULL_HMAC_SHA1_32 (RFC 5764 4.1.2).
const NULL: [u16; 2] = [5, 6];

/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, secp256r1 and
/// SRTP_AES128_CM_HMAC_SHA1_80, which every implementation has (RFC 8827 6.5).
const MANDATORY_SUITE: u16 = 0xc02b;
const MANDATORY_GROUP: u16 = 23;
const MANDATORY_PROFILE: u16 = 1;

/// A handshake in which the device took part.
struct Handshake<'a> {
    flow: &'a Flow,
    connection: &'a Connection,
    reading: &'a Reading,
    /// Whether the device is the server.
    serves: bool,
}

impl<'a> Handshake<'a> {
    fn all(seen: &'a Seen<'_>) -> impl Iterator<Item = Self> {
        seen.flows().filter_map(|(flow, connection)| {
            let reading = connection.dtls.as_ref()?;
            let (client, server) = match reading.client_is_a {
                true => (flow.a, flow.b),
                false => (flow.b, flow.a),
            };
            let serves = seen.is_device(server.ip());
            (serves || seen.is_device(client.ip())).then_some(Self {
                flow,
                connection,
                reading,
                serves,
            })
        })
    }

    fn offered(&self) -> Option<&'a ClientHello> {
        self.reading.client_hello.as_ref()
    }

    /// What the server chose for SRTP, as far as that can be read.
    fn chosen(&self) -> Option<&'a UseSrtp> {
        let hello = self.reading.server_hello.as_ref();
        let opened = self.connection.opened_dtls();
        hello
            .and_then(|hello| hello.srtp.as_ref())
            .or_else(|| opened.and_then(|opened| opened.srtp.as_ref()))
    }

    /// Where its ServerHello lies, else its ClientHello.
    fn span(&self) -> Option<Span> {
        let server = self.reading.server_hello.as_ref();
        let place = match server {
            Some(hello) => self.reading.from_server(self.flow).place(hello.at),
            None => {
                let hello = self.offered()?;
                self.reading.from_client(self.flow).place(hello.at)
            }
        };
        let place = place?;
        Some(Span {
            packet: place.packet,
            offset: place.offset,
            length: 1,
        })
    }

    fn note(&self, seen: &Seen<'_>, found: &mut Vec<Evidence>, why: String) {
        found.extend(self.span().map(|span| evidence(seen, span, why)));
    }
}

/// Hellos in which profiles without encryption are chosen or, by the device,
/// offered.
pub(in crate::requirement) fn agrees_on_null(seen: &Seen<'_>) -> Vec<Evidence> {
    let mut found = Vec::new();
    for handshake in Handshake::all(seen) {
        let null = |srtp: &UseSrtp| srtp.profiles.iter().any(|p| NULL.contains(p));
        let offers = handshake.offered().and_then(|hello| hello.srtp.as_ref());
        if handshake.chosen().is_some_and(null) {
            let why = "an SRTP profile that does not encrypt is chosen".into();
            handshake.note(seen, &mut found, why);
        } else if !handshake.serves && offers.is_some_and(null) {
            let why = "the device offers an SRTP profile that does not encrypt".into();
            handshake.note(seen, &mut found, why);
        }
    }
    found
}

pub(super) fn no_null_profile(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let only_null = |handshake: &Handshake<'_>| {
        let srtp = handshake.offered().and_then(|hello| hello.srtp.as_ref());
        srtp.is_some_and(|srtp| srtp.profiles.iter().all(|p| NULL.contains(p)))
    };
    unless(agrees_on_null(seen), || {
        let served = Handshake::all(seen).filter(|h| h.serves);
        match served.filter(only_null).count() {
            0 => Outcome::Inconclusive("nobody offered NULL profiles alone to the device".into()),
            all => Outcome::Pass(
                Assurance::Identified,
                format!("NULL profiles alone were offered {all} times, and none was chosen"),
            ),
        }
    })
}

pub(super) fn one_of_the_offered(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut chosen, mut none) = (0, 0);
    for handshake in Handshake::all(seen).filter(|h| h.serves) {
        let Some(hello) = handshake.offered() else {
            continue;
        };
        let nothing = UseSrtp::default();
        let offers = hello.srtp.as_ref().unwrap_or(&nothing);
        match handshake.chosen() {
            Some(srtp) => {
                let is_offered = |p: &u16| offers.profiles.contains(p);
                let why = match &srtp.profiles[..] {
                    [profile] if !is_offered(profile) => {
                        format!("SRTP profile {profile:#06x} is chosen, which was not offered")
                    }
                    [_] if !srtp.mki.is_empty() && srtp.mki != offers.mki => {
                        "an MKI is chosen that was not offered".into()
                    }
                    [_] => {
                        chosen += 1;
                        continue;
                    }
                    profiles => format!("{} SRTP profiles are chosen", profiles.len()),
                };
                handshake.note(seen, &mut found, why);
            }
            None => match first_media(seen, handshake.flow) {
                // Where it can't be read, it may be there.
                Some(_) if handshake.connection.opened_dtls().is_none() => {}
                Some(span) => {
                    let why = "RTP after a handshake without an SRTP profile".into();
                    found.push(evidence(seen, span, why));
                }
                None => none += 1,
            },
        }
    }
    unless(found, || match (chosen, none) {
        (0, 0) => Outcome::Inconclusive("nobody offered SRTP profiles to the device".into()),
        (_, 0) => Outcome::Inconclusive("every offer had a profile that the device has".into()),
        (chosen, none) => Outcome::Pass(
            Assurance::Identified,
            format!(
                "in {chosen} handshakes one of the offered profiles is chosen; {none} without one came to no media"
            ),
        ),
    })
}

/// What everybody has is offered alone, and taken.
pub(in crate::requirement) fn takes_what_everybody_has(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let mut taken = 0;
    for handshake in Handshake::all(seen).filter(|h| h.serves) {
        let is_it = |hello: &&ClientHello| {
            let profiles = hello.srtp.as_ref().map(|srtp| &srtp.profiles[..]);
            hello.version == DTLS12
                && hello.cipher_suites == [MANDATORY_SUITE]
                && hello.groups == [MANDATORY_GROUP]
                && profiles == Some(&[MANDATORY_PROFILE])
        };
        if handshake.offered().filter(is_it).is_none() {
            continue;
        }
        let chosen = handshake.reading.server_hello.as_ref();
        let why = match chosen {
            Some(hello) if hello.version != DTLS12 => {
                format!("version {:#06x} is chosen", hello.version)
            }
            Some(_) if handshake.chosen().is_some() => {
                taken += 1;
                continue;
            }
            Some(_) => "no SRTP profile is chosen".into(),
            None => "the device takes no offer of what everybody has to have".into(),
        };
        handshake.note(seen, &mut found, why);
    }
    unless(found, || match taken {
        0 => Outcome::Inconclusive("nobody offered that alone to the device".into()),
        taken => Outcome::Pass(
            Assurance::Identified,
            format!("it was offered alone {taken} times, and taken"),
        ),
    })
}

pub(super) fn no_old_version(seen: &Seen<'_>, _: Vantage) -> Outcome {
    let mut found = Vec::new();
    let (mut old, mut agreed) = (0, 0);
    for handshake in Handshake::all(seen) {
        // Versions of DTLS count down.
        old += usize::from(
            handshake.serves && handshake.offered().is_some_and(|h| h.version > DTLS12),
        );
        match handshake.reading.server_hello.as_ref().map(|h| h.version) {
            Some(DTLS12 | DTLS13) => agreed += 1,
            Some(version) => {
                let why = format!("version {version:#06x} is agreed on");
                handshake.note(seen, &mut found, why);
            }
            None => {}
        }
    }
    unless(found, || match old {
        0 => Outcome::Inconclusive("nobody offered DTLS 1.0 alone to the device".into()),
        old => Outcome::Pass(
            Assurance::Identified,
            format!(
                "DTLS 1.0 was offered {old} times and never agreed on; {agreed} handshakes are of later versions"
            ),
        ),
    })
}
