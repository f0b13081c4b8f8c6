//! Which declared interface and protection a flow belongs to, if to any.

use std::collections::BTreeSet;

use lightleak_case::{Endpoint, Hop, TransportProtocol};

use crate::{
    dissect::{
        Flow, FlowState, Undissected,
        tls::{self, APPLICATION_DATA, TlsReading, suite},
    },
    open::OpenError,
    secured::Setup,
    seen::{Connection, Seen},
    webrtc::Datagram,
};

use super::tls as rows;

/// Something that belongs to no declared interface, or not to its protection;
/// in words.
pub(super) enum Stray {
    /// It is seen to be so.
    Known(String),
    /// It cannot be told.
    Perhaps(String),
}

impl Stray {
    /// The same, with what it is of.
    fn of(self, name: &str) -> Self {
        match self {
            Stray::Known(why) => Stray::Known(format!("{name}: {why}")),
            Stray::Perhaps(why) => Stray::Perhaps(format!("{name}: {why}")),
        }
    }
}

/// Whether a flow is none of the device, or one that was declared and is
/// protected as declared.
pub(super) fn of_flow(
    seen: &Seen<'_>,
    index: usize,
    flow: &Flow,
    connection: &Connection,
) -> Result<(), Stray> {
    let name = || format!("{} {} to {}", flow.transport, flow.a, flow.b);
    let stray = |why: &str| Err(Stray::Known(format!("{}: {why}", name())));
    let opens = seen.is_device(flow.a.ip());
    let serves = seen.is_device(flow.b.ip());
    let said = !flow.from_b.bytes.is_empty();
    if !opens && !serves {
        return match seen.carries_own(index) {
            true => stray("it carries what the device produced, and none of its addresses"),
            false => Ok(()),
        };
    }
    match (flow.transport, flow.state) {
        // Who opened it is not known, nor what protects it.
        (TransportProtocol::Tcp, FlowState::Joined) => {
            let silent = flow.from_a.bytes.is_empty() && !said;
            if silent || endpoint(seen, flow, true).is_some() {
                return Ok(());
            }
            return stray("no such interface is declared");
        }
        (TransportProtocol::Tcp, _) if opens && endpoint(seen, flow, false).is_none() => {
            return stray("the device dials, and no such interface is declared");
        }
        (TransportProtocol::Tcp, FlowState::Unanswered | FlowState::Refused) => return Ok(()),
        (TransportProtocol::Udp, _) if !opens && !said => return Ok(()),
        _ => {}
    }
    let either = flow.transport == TransportProtocol::Udp;
    if either && let Some(setup) = seen.secured.setup(flow.a, flow.b) {
        return of_media(seen, index, setup).map_err(|stray| stray.of(&name()));
    }
    if seen.is_webrtc(flow, connection) {
        return of_webrtc(seen, index, flow).map_err(|stray| stray.of(&name()));
    }
    let Some(endpoint) = endpoint(seen, flow, either) else {
        return stray("no such interface is declared");
    };
    let Some(path) = seen.declaration.path(&endpoint.path) else {
        return stray(&format!("its path {} is not declared", endpoint.path));
    };
    if !path.hop.begins_with_tls() {
        return Err(Stray::Perhaps(format!(
            "{}: nobody looks into {:?} yet",
            name(),
            path.hop
        )));
    }
    is_tls(flow, connection).map_err(|stray| match stray {
        Stray::Known(why) => Stray::Known(format!("{}: declared as TLS, and {why}", name())),
        stray => stray.of(&name()),
    })
}

/// Whether datagrams that were set up over RTSP are what the path of that RTSP
/// says.
fn of_media(seen: &Seen<'_>, flow: usize, setup: &Setup) -> Result<(), Stray> {
    let known = |why: String| Err(Stray::Known(why));
    let declared = seen
        .declaration
        .path_at(TransportProtocol::Tcp, setup.device);
    let Some(path) = declared else {
        return known(format!("set up at {}, which is not declared", setup.device));
    };
    if path.hop != Hop::Srtp {
        return known(format!(
            "set up at {}, whose path is not one of SRTP",
            setup.device
        ));
    }
    let carriers = seen.secured.carriers.iter();
    let ours = carriers.filter(|c| c.flow == flow && seen.is_device(c.from.ip()));
    let sealed = ours.clone().flat_map(|c| c.opened()).count();
    let refused = ours.flat_map(|c| &c.packets).find(|p| p.found.is_none());
    match refused {
        Some(packet) if seen.secured.ring.is_empty() => Err(Stray::Perhaps(format!(
            "declared as SRTP, and no key is known that packet {} may be under",
            packet.span.packet
        ))),
        Some(packet) => known(format!(
            "declared as SRTP, and no key opens packet {}, while {sealed} were opened",
            packet.span.packet
        )),
        None => Ok(()),
    }
}

/// Whether datagrams that were signalled for WebRTC are what the path of that
/// signalling says: STUN, DTLS, and SRTP that opens.
fn of_webrtc(seen: &Seen<'_>, index: usize, flow: &Flow) -> Result<(), Stray> {
    let known = |why: String| Err(Stray::Known(why));
    let Some(negotiation) = seen.negotiation(flow) else {
        // What nobody could read may have told of it.
        let sealed = seen
            .served()
            .any(|(_, c)| c.tls.is_some() && c.opened().is_none());
        return match sealed {
            true => Err(Stray::Perhaps(
                "no signalling that could be read told of it".into(),
            )),
            false => known("no such interface is declared, and no signalling told of it".into()),
        };
    };
    let server = negotiation.server;
    let Some(path) = seen.declaration.path_at(TransportProtocol::Tcp, server) else {
        return known(format!("signalled at {server}, which is not declared"));
    };
    if path.hop != Hop::DtlsSrtp {
        return known(format!(
            "signalled at {server}, whose path is not one of DTLS-SRTP"
        ));
    }
    for (from_a, from, stream) in [(true, flow.a, &flow.from_a), (false, flow.b, &flow.from_b)] {
        if !seen.is_device(from.ip()) {
            continue;
        }
        let carrier = seen.secured.datagrams(index, from_a);
        let opened: BTreeSet<usize> = carrier
            .into_iter()
            .flat_map(|c| c.opened())
            .map(|(packet, _)| packet.range.start)
            .collect();
        for (piece, octets) in stream.parts() {
            match Datagram::read(octets) {
                Datagram::Stun(_) | Datagram::Dtls => {}
                Datagram::Rtp if opened.contains(&piece.at) => {}
                Datagram::Rtp if seen.secured.ring.is_empty() => {
                    return Err(Stray::Perhaps(format!(
                        "declared as DTLS-SRTP, and no key is known that packet {} may be under",
                        piece.packet
                    )));
                }
                Datagram::Rtp => {
                    return known(format!(
                        "declared as DTLS-SRTP, and no key opens packet {}, while {} were opened",
                        piece.packet,
                        opened.len()
                    ));
                }
                Datagram::Other => {
                    return known(format!(
                        "declared as DTLS-SRTP, and packet {} is none of STUN, DTLS and SRTP",
                        piece.packet
                    ));
                }
            }
        }
    }
    Ok(())
}

/// A packet of no flow, or with octets that have no place in it.
pub(super) fn of_packet(packet: &Undissected) -> Stray {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    let why = format!("packet {}: {}", packet.packet, packet.reason);
    match (packet.from, packet.protocol) {
        // Octets that may belong to a flow that was declared.
        (_, None | Some(TCP | UDP)) | (None, _) => Stray::Perhaps(why),
        (Some(from), Some(_)) => {
            Stray::Known(format!("{why} from {from}: no such interface is declared"))
        }
    }
}

/// The declared endpoint at which the device serves; at either end of the flow
/// if who opened it means nothing.
fn endpoint<'a>(seen: &Seen<'a>, flow: &Flow, either: bool) -> Option<&'a Endpoint> {
    let ends = [Some(flow.b), Some(flow.a).filter(|_| either)];
    ends.into_iter().flatten().find_map(|end| {
        seen.declaration
            .endpoint(flow.transport, end.ip(), end.port())
    })
}

/// Whether what the device said is TLS 1.2 or later, and encrypted.
fn is_tls(flow: &Flow, connection: &Connection) -> Result<(), Stray> {
    let known = |why: String| Err(Stray::Known(why));
    // Who is spoken to in something else says so.
    if flow.from_b.bytes.is_empty() || tls::is_refusal(&flow.from_b) {
        return Ok(());
    }
    let Some(tls) = &connection.tls else {
        return known("is none".into());
    };
    if let Some(at) = tls.residue_b {
        let octets = flow.from_b.bytes.len() - at;
        return known(format!(
            "{octets} octets of the device are in no TLS record"
        ));
    }
    is_sealed(tls)?;
    let stopped = connection.opened().and_then(|o| o.stopped.as_ref());
    match stopped {
        Some(error @ OpenError::BadRecord { side: "server", .. }) => {
            Err(Stray::Perhaps(error.to_string()))
        }
        _ => Ok(()),
    }
}

/// Whether application data come after a hello that chose protection.
fn is_sealed(tls: &TlsReading) -> Result<(), Stray> {
    let known = |why: String| Err(Stray::Known(why));
    match tls.server_hello {
        None if tls
            .from_b
            .iter()
            .any(|r| r.content_type == APPLICATION_DATA) =>
        {
            known("data come without a ServerHello".into())
        }
        Some(hello) if hello.version < tls::TLS12 => {
            known(format!("the device chose {}", rows::version(hello.version)))
        }
        Some(hello) if suite::is_null(hello.cipher_suite) => known(format!(
            "the device chose suite 0x{:04x}, which does not encrypt",
            hello.cipher_suite
        )),
        _ => Ok(()),
    }
}
