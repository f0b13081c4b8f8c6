//! The `Transport` header (RFC 2326 12.39), as far as we use it. Crate
//! `rtsp-types` panics on some malformed values of this header.

use std::{fmt, net::SocketAddr};

/// An RTP profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// RTP/AVP (RFC 3551).
    Avp,
    /// RTP/SAVP (RFC 3711): SRTP.
    Savp,
}

/// One transport that a client offers or a server accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transport {
    /// Transport, profile and lower transport: `RTP/AVP/TCP`, `RTP/AVP`,
    /// `RTP/SAVP/UDP`.
    pub protocol: String,
    /// `interleaved`: channel of RTP and of RTCP.
    pub interleaved: Option<(u8, u8)>,
    /// `client_port`: port of RTP and of RTCP.
    pub client_port: Option<(u16, u16)>,
    /// `server_port`: port of RTP and of RTCP.
    pub server_port: Option<(u16, u16)>,
    /// Whether it asks for multicast.
    pub multicast: bool,
    /// `destination` and `port` of multicast, as a server writes them; those
    /// that a client asks for are not read.
    pub group: Option<SocketAddr>,
    /// `ssrc`: synchronization source of what the server sends, which it has
    /// to say with SRTP (ONVIF Streaming 8.2.1.1).
    pub ssrc: Option<u32>,
}

impl Transport {
    /// RTP over that channel of the RTSP connection, RTCP over the next.
    pub fn interleaved(channel: u8) -> Self {
        Self {
            interleaved: Some((channel, channel.wrapping_add(1))),
            ..Self::of("RTP/AVP/TCP")
        }
    }

    /// RTP over UDP to that port of the client, RTCP to the next.
    pub fn udp(client_port: u16) -> Self {
        Self {
            client_port: Some((client_port, client_port.saturating_add(1))),
            ..Self::of("RTP/AVP")
        }
    }

    /// RTP to a group of the server's choice, or to that one.
    pub fn multicast(group: Option<SocketAddr>) -> Self {
        Self {
            multicast: true,
            group,
            ..Self::of("RTP/AVP")
        }
    }

    /// The same with SRTP.
    pub fn secured(self) -> Self {
        Self {
            protocol: self.protocol.replacen("RTP/AVP", "RTP/SAVP", 1),
            ..self
        }
    }

    /// The transports of a header, in the client's order; what cannot be read
    /// is left out.
    pub fn parse(header: &str) -> Vec<Self> {
        header.split(',').filter_map(Self::parse_one).collect()
    }

    /// Whether RTP would travel inside the RTSP connection, and RTCP on
    /// another channel.
    pub fn is_interleaved(&self) -> bool {
        ["RTP/AVP/TCP", "RTP/SAVP/TCP"].contains(&&*self.protocol)
            && !self.multicast
            && self.interleaved.is_none_or(|(rtp, rtcp)| rtp != rtcp)
    }

    /// Whether RTP would travel over UDP to ports of the client.
    pub fn is_unicast_udp(&self) -> bool {
        ["RTP/AVP", "RTP/AVP/UDP", "RTP/SAVP", "RTP/SAVP/UDP"].contains(&&*self.protocol)
            && !self.multicast
            && self.client_port.is_some_and(|(rtp, rtcp)| rtp != rtcp)
    }

    /// The RTP profile, if it is one of ours.
    pub fn profile(&self) -> Option<Profile> {
        match self.protocol.split('/').nth(1) {
            Some("AVP") => Some(Profile::Avp),
            Some("SAVP") => Some(Profile::Savp),
            _ => None,
        }
    }

    /// That protocol and nothing else.
    fn of(protocol: &str) -> Self {
        Self {
            protocol: protocol.to_owned(),
            interleaved: None,
            client_port: None,
            server_port: None,
            multicast: false,
            group: None,
            ssrc: None,
        }
    }

    fn parse_one(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let mut transport = Self::of(parts.next().filter(|p| p.starts_with("RTP/"))?);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match name {
                "interleaved" => transport.interleaved = Some(pair(value)?),
                "client_port" => transport.client_port = Some(pair(value)?),
                "server_port" => transport.server_port = Some(pair(value)?),
                "multicast" => transport.multicast = true,
                "ssrc" => transport.ssrc = u32::from_str_radix(value, 16).ok(),
                _ => {}
            }
        }
        Some(transport)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cast = if self.multicast {
            "multicast"
        } else {
            "unicast"
        };
        write!(f, "{};{cast}", self.protocol)?;
        if let Some((rtp, rtcp)) = self.interleaved {
            write!(f, ";interleaved={rtp}-{rtcp}")?;
        }
        if let Some((rtp, rtcp)) = self.client_port {
            write!(f, ";client_port={rtp}-{rtcp}")?;
        }
        if let Some((rtp, rtcp)) = self.server_port {
            write!(f, ";server_port={rtp}-{rtcp}")?;
        }
        if let Some(group) = self.group {
            let (rtp, rtcp) = (group.port(), group.port().saturating_add(1));
            write!(f, ";destination={};port={rtp}-{rtcp}", group.ip())?;
        }
        if let Some(ssrc) = self.ssrc {
            write!(f, ";ssrc={ssrc:08X}")?;
        }
        Ok(())
    }
}

/// `8000-8001`, or `8000` with the next one implied.
fn pair<T: TryFrom<u32>>(value: &str) -> Option<(T, T)> {
    let (first, second) = match value.split_once('-') {
        Some((first, second)) => (first.parse().ok()?, second.parse().ok()?),
        None => {
            let first: u32 = value.parse().ok()?;
            (first, first.checked_add(1)?)
        }
    };
    Some((T::try_from(first).ok()?, T::try_from(second).ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn offers_are_read_in_order() {
        let offers = Transport::parse(
            "RTP/AVP;unicast;client_port=5000-5001, RTP/AVP/TCP;unicast;interleaved=2-3",
        );
        assert_eq!(offers.len(), 2);
        assert_eq!(offers[0], Transport::udp(5000));
        assert_eq!(offers[1], Transport::interleaved(2));
        assert!(offers[1].is_interleaved() && !offers[0].is_interleaved());
    }

    #[test]
    fn a_single_port_implies_the_next() {
        assert_eq!(
            Transport::parse("RTP/AVP;client_port=7")[0].client_port,
            Some((7, 8))
        );
    }

    #[test]
    fn one_channel_for_both_is_no_offer_to_accept() {
        let offers = Transport::parse("RTP/AVP/TCP;interleaved=5-5,RTP/AVP/TCP;interleaved=255");
        assert_eq!(offers.len(), 1);
        assert!(!offers[0].is_interleaved());
    }

    proptest! {
        #[test]
        fn hostile_headers_never_panic(header in ".{0,200}") {
            let _ = Transport::parse(&header);
        }

        #[test]
        fn what_is_written_is_read_back(port in 1_u16..65_535, channel: u8) {
            for transport in [Transport::udp(port), Transport::interleaved(channel)] {
                let secured = Transport { ssrc: Some(port.into()), ..transport.clone().secured() };
                prop_assert_eq!(transport.profile(), Some(Profile::Avp));
                prop_assert_eq!(secured.profile(), Some(Profile::Savp));
                for transport in [transport, secured] {
                    prop_assert_eq!(Transport::parse(&transport.to_string()), vec![transport]);
                }
            }
        }
    }
}
