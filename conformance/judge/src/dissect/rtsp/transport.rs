//! The `Transport` header of a SETUP (RFC 2326 12.39).

use std::net::IpAddr;

/// One transport of the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transport {
    /// Transport, profile and lower transport in upper case, such as
    /// `RTP/SAVP/UDP`.
    pub protocol: String,
    /// Whether it is multicast.
    pub multicast: bool,
    /// `client_port`: of RTP, and of RTCP.
    pub client_port: Option<(u16, u16)>,
    /// `server_port`: of RTP, and of RTCP.
    pub server_port: Option<(u16, u16)>,
    /// `interleaved`: channel of RTP, and of RTCP.
    pub interleaved: Option<(u8, u8)>,
    /// `destination`, if it is an address.
    pub destination: Option<IpAddr>,
    /// `source`, if it is an address.
    pub source: Option<IpAddr>,
    /// `ssrc`.
    pub ssrc: Option<u32>,
}

impl Transport {
    /// The transports of a header, in order.
    pub fn parse(header: &str) -> Vec<Self> {
        header.split(',').map(Self::parse_one).collect()
    }

    /// Whether its profile is one of SRTP (RFC 3711, RFC 5124).
    pub fn is_secure(&self) -> bool {
        let profile = self.protocol.split('/').nth(1).unwrap_or_default();
        ["SAVP", "SAVPF"].contains(&profile)
    }

    fn parse_one(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut transport = Self {
            protocol: parts.next().unwrap_or_default().to_ascii_uppercase(),
            ..Self::default()
        };
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "multicast" => transport.multicast = true,
                "client_port" => transport.client_port = pair(value),
                "server_port" => transport.server_port = pair(value),
                "interleaved" => transport.interleaved = pair(value),
                "destination" => transport.destination = value.parse().ok(),
                "source" => transport.source = value.parse().ok(),
                "ssrc" => transport.ssrc = u32::from_str_radix(value, 16).ok(),
                _ => {}
            }
        }
        transport
    }
}

/// `8000-8001`, or `8000` with the next one implied.
fn pair<T: TryFrom<u32>>(value: &str) -> Option<(T, T)> {
    let (first, second) = match value.split_once('-') {
        Some((first, second)) => (first.trim().parse().ok()?, second.trim().parse().ok()?),
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
    fn fields_are_read_in_any_case_and_order() {
        let header = "rtp/savp/udp;unicast;CLIENT_PORT=5000;server_port=6000-6001;\
            source=192.0.2.7;ssrc=0a0B0c0d, RTP/AVP/TCP;interleaved=2-3";
        let [udp, tcp] = &Transport::parse(header)[..] else {
            panic!();
        };
        assert!(udp.is_secure() && !udp.multicast && !tcp.is_secure());
        assert_eq!(udp.client_port, Some((5000, 5001)));
        assert_eq!(udp.server_port, Some((6000, 6001)));
        assert_eq!(
            (udp.ssrc, udp.source),
            (Some(0x0a0b_0c0d), "192.0.2.7".parse().ok())
        );
        assert_eq!(tcp.interleaved, Some((2, 3)));
    }

    proptest! {
        #[test]
        fn anything_is_read_without_panic(header in ".{0,120}") {
            Transport::parse(&header);
        }
    }
}
