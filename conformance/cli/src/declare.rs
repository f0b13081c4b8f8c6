//! From a camera's claims to `declaration.toml`.

use std::net::IpAddr;

use lightleak_case::{
    Carriage, Declaration, Device, EndToEnd, Endpoint, Hop, Page, TransportPath, TransportProtocol,
};
use lightleak_sim::{
    claim::{self, Claim},
    path::portal_webrtc,
    relay::page::Pin,
};

use crate::page::PAGE;

/// The declaration of a simulated device, without its paths.
pub fn device(serial: &str, unit: u16, addresses: &[IpAddr]) -> Declaration {
    Declaration {
        schema: Declaration::SCHEMA.into(),
        device: Device {
            vendor: "lightleak".into(),
            model: "simulated camera".into(),
            serial: serial.into(),
            firmware: env!("CARGO_PKG_VERSION").into(),
            unit,
            addresses: addresses.to_vec(),
            clip_list_key: None,
            owner_key: None,
        },
        endpoints: Vec::new(),
        paths: Vec::new(),
    }
}

/// Adds what a camera claims of its paths.
pub fn claims<'a>(declaration: &mut Declaration, claims: impl Iterator<Item = &'a Claim>) {
    for claim in claims {
        declaration
            .endpoints
            .extend(claim.endpoint.map(|endpoint| Endpoint {
                transport: TransportProtocol::Tcp,
                address: endpoint.ip(),
                port: endpoint.port(),
                path: claim.path.into(),
            }));
        declaration.paths.push(TransportPath {
            id: claim.path.into(),
            url: claim.url.clone(),
            carriage: match claim.carriage {
                claim::Carriage::RtspInterleaved => Carriage::RtspInterleaved,
                claim::Carriage::Rtp => Carriage::Rtp,
                claim::Carriage::Webrtc => Carriage::Webrtc,
                claim::Carriage::Recording => Carriage::Recording,
            },
            hop: match claim.hop {
                claim::Hop::None => Hop::None,
                claim::Hop::Tls => Hop::Tls,
                claim::Hop::Srtp => Hop::Srtp,
                claim::Hop::DtlsSrtp => Hop::DtlsSrtp,
            },
            end_to_end: match claim.end_to_end {
                claim::EndToEnd::None => EndToEnd::None,
                claim::EndToEnd::Age => EndToEnd::Age,
                claim::EndToEnd::Sframe => EndToEnd::Sframe,
            },
            pages: match claim.path == portal_webrtc::PATH.id {
                true => PAGE.pins().into_iter().map(pinned).collect(),
                false => Vec::new(),
            },
        });
    }
}

fn pinned(Pin { path, sha256 }: Pin) -> Page {
    let path = path.to_owned();
    Page { path, sha256 }
}
