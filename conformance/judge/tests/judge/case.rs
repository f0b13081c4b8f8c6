//! Cases in memory: a device, sessions of it, and what the judge says.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::LazyLock};

use lightleak_case::{
    Carriage, Case, Declaration, Device, EndToEnd, Endpoint, Experience, Hop, Session,
    SessionRecord, TransportPath, TransportProtocol, Vantage,
};
use lightleak_judge::{
    decoder::Decoder,
    report::{Finding, Options, Report},
    requirement::Profile,
    verdict::Verdict,
};

use crate::{
    sealed::Sealed,
    video::{self, OpenH264},
    wire::Wire,
};

/// The device's number, in its mark.
pub const UNIT: u16 = 21;
pub const PATH: &str = "nvr.rtsps";

/// What the device produces.
pub static VIDEO: LazyLock<Vec<Vec<Vec<u8>>>> = LazyLock::new(|| video::video(UNIT, 1));
/// What a device of the neighbourhood produces.
pub static OTHER: LazyLock<Vec<Vec<Vec<u8>>>> = LazyLock::new(|| video::video(98, 3));
/// What a device produces that is nowhere near: the decoy.
pub static FOREIGN: LazyLock<Vec<Vec<Vec<u8>>>> = LazyLock::new(|| video::video(99, 2));

pub fn camera() -> SocketAddr {
    "192.0.2.20:322".parse().unwrap()
}

/// Another port of the device.
pub fn camera_at(port: u16) -> SocketAddr {
    SocketAddr::new(camera().ip(), port)
}

/// The client; its port makes connections differ.
pub fn client(port: u16) -> SocketAddr {
    SocketAddr::new("192.0.2.10".parse().unwrap(), port)
}

/// A host that has nothing to do with the device.
pub fn neighbour(port: u16) -> SocketAddr {
    SocketAddr::new("192.0.2.99".parse().unwrap(), port)
}

pub fn declaration() -> Declaration {
    Declaration {
        schema: Declaration::SCHEMA.into(),
        device: Device {
            vendor: "vendor".into(),
            model: "model".into(),
            serial: "serial".into(),
            firmware: "1".into(),
            unit: UNIT,
            addresses: vec![camera().ip()],
            clip_list_key: None,
            owner_key: None,
        },
        endpoints: vec![Endpoint {
            transport: TransportProtocol::Tcp,
            address: camera().ip(),
            port: camera().port(),
            path: PATH.into(),
        }],
        paths: vec![TransportPath {
            id: PATH.into(),
            url: "rtsps://192.0.2.20:322/main".into(),
            carriage: Carriage::RtspInterleaved,
            hop: Hop::Tls,
            end_to_end: EndToEnd::None,
            pages: Vec::new(),
        }],
    }
}

pub fn case(sessions: Vec<Session>) -> Case {
    Case {
        root: PathBuf::from("case"),
        declaration: declaration(),
        decoy: video::ledger(&FOREIGN),
        factory: BTreeMap::new(),
        sessions,
    }
}

pub fn session(stimulus: &str, wire: Wire, keys: Vec<String>) -> Session {
    Session {
        folder: format!("sessions/01-{PATH}-{stimulus}-default"),
        record: SessionRecord {
            schema: SessionRecord::SCHEMA.into(),
            path: PATH.into(),
            stimulus: stimulus.into(),
            condition: "default".into(),
            target: "device".into(),
            seed: 1,
            experience: Experience::default(),
        },
        captures: [(Vantage::Wire, wire.capture())].into(),
        keys,
        ledger: video::ledger(&VIDEO),
        played: Default::default(),
        log: String::new(),
        rest: Default::default(),
    }
}

/// Somebody who may watch does so, and is seen to; `more` happens as well.
pub fn watched(more: impl FnOnce(&mut Wire, &mut Sealed)) -> Session {
    let mut wire = Wire::new();
    let mut sealed = Sealed::connect(&mut wire, client(50_001), camera(), 1);
    watch(&mut wire, &mut sealed);
    more(&mut wire, &mut sealed);
    sealed.tcp.close(&mut wire);
    session("honest", wire, sealed.keys)
}

/// A whole dialogue, with media.
pub fn watch(wire: &mut Wire, sealed: &mut Sealed) {
    let authorization = "Authorization: Digest username=\"u\"\r\n";
    ask(wire, sealed, 1, "DESCRIBE", "", 401, CHALLENGE);
    ask(wire, sealed, 2, "DESCRIBE", authorization, 200, "");
    let interleaved = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
    let setup = format!("{authorization}{interleaved}");
    ask(wire, sealed, 3, "SETUP", &setup, 200, interleaved);
    ask(wire, sealed, 4, "PLAY", authorization, 200, "");
    sealed.say(wire, true, &interleave(&video::rtp(&VIDEO)));
}

pub const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";

/// A request and its answer.
pub fn ask(
    wire: &mut Wire,
    sealed: &mut Sealed,
    sequence: u32,
    method: &str,
    headers: &str,
    status: u16,
    answer: &str,
) {
    let request =
        format!("{method} rtsps://192.0.2.20/ RTSP/1.0\r\nCSeq: {sequence}\r\n{headers}\r\n");
    sealed.say(wire, false, request.as_bytes());
    let response = format!("RTSP/1.0 {status} -\r\nCSeq: {sequence}\r\n{answer}\r\n");
    sealed.say(wire, true, response.as_bytes());
}

/// RFC 2326 10.12, on channel 0.
pub fn interleave(packets: &[Vec<u8>]) -> Vec<u8> {
    let frame = |p: &Vec<u8>| [&[b'$', 0], &(p.len() as u16).to_be_bytes()[..], p].concat();
    packets.iter().flat_map(frame).collect()
}

/// Every TCP port of the device is dialled; the declared one accepts.
pub fn swept(more: impl FnOnce(&mut Wire)) -> Session {
    let mut wire = Wire::new();
    for port in 1..=u16::MAX {
        if port == camera().port() {
            wire.connect(client(40_000), camera()).close(&mut wire);
        } else {
            wire.refuse(client(40_000), camera_at(port));
        }
    }
    more(&mut wire);
    session("port-sweep", wire, Vec::new())
}

pub fn judge(case: &Case) -> Report {
    judge_with(case, &OpenH264)
}

pub fn judge_with(case: &Case, decoder: &dyn Decoder) -> Report {
    let options = Options {
        profile: Profile::Secure,
        strict: false,
        selected: &|_| true,
    };
    Report::judge(case, decoder, options)
}

/// The finding on one requirement in the only session.
pub fn finding(session: Session, id: &str) -> Finding {
    of(&judge(&case(vec![session])), id)
}

/// The first finding on one requirement.
pub fn of(report: &Report, id: &str) -> Finding {
    let found = report.findings.iter().find(|f| f.requirement == id);
    found.unwrap_or_else(|| panic!("no {id}")).clone()
}

/// Fails unless the verdict is that, and the reason holds these words.
#[track_caller]
pub fn expect(finding: &Finding, verdict: Verdict, words: &str) {
    assert!(
        finding.verdict == verdict && finding.reason.contains(words),
        "{} {:?}: {}",
        finding.requirement,
        finding.verdict,
        finding.reason
    );
}

/// The octets that a piece of evidence points at.
pub fn octets<'a>(case: &'a Case, finding: &Finding) -> &'a [u8] {
    let evidence = &finding.evidence[0];
    let capture = &case.sessions[0].captures[&Vantage::Wire];
    let packet = capture.packets.iter().find(|p| p.number == evidence.packet);
    let data = &packet.expect("the packet is there").data;
    &data[evidence.offset..evidence.offset + evidence.length]
}
