//! From a camera's claims to `declaration.toml`.

use std::net::IpAddr;

use lightleak_case::{
    Carriage, Declaration, Device, EndToEnd, Endpoint, Hop, TransportPath, TransportProtocol,
};
use lightleak_sim::claim::{self, Claim};

/// The declaration of a simulated device.
pub fn declaration(serial: &str, unit: u16, addresses: &[IpAddr], claims: &[Claim]) -> Declaration {
    Declaration {
        schema: Declaration::SCHEMA.into(),
        device: Device {
            vendor: "lightleak".into(),
            model: "simulated camera".into(),
            serial: serial.into(),
            firmware: env!("CARGO_PKG_VERSION").into(),
            unit,
            addresses: addresses.to_vec(),
        },
        endpoints: claims
            .iter()
            .map(|claim| Endpoint {
                transport: TransportProtocol::Tcp,
                address: claim.endpoint.ip(),
                port: claim.endpoint.port(),
                path: claim.path.into(),
            })
            .collect(),
        paths: claims
            .iter()
            .map(|claim| TransportPath {
                id: claim.path.into(),
                url: claim.url.clone(),
                carriage: match claim.carriage {
                    claim::Carriage::RtspInterleaved => Carriage::RtspInterleaved,
                },
                hop: match claim.hop {
                    claim::Hop::Tls => Hop::Tls,
                },
                end_to_end: match claim.end_to_end {
                    claim::EndToEnd::None => EndToEnd::None,
                },
            })
            .collect(),
    }
}
