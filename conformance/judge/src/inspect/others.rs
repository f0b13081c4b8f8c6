//! What is no flow: IP packets of other protocols, by pairs of hosts.

use std::net::IpAddr;

use crate::dissect::{
    OtherProtocol,
    other::{AH, ESP},
};

use super::Label;

/// What was learned of what two hosts send each other in an IP protocol that has no
/// flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedOther {
    /// The IP protocol (IANA "Protocol Numbers").
    pub protocol: u8,
    /// The sender of the first packet.
    pub a: IpAddr,
    /// The other host.
    pub b: IpAddr,
    /// How many packets.
    pub packets: u64,
    /// Octets behind the IP headers that were captured.
    pub bytes: u64,
    /// What it is.
    pub label: Label,
    /// The protocol: `esp`, `gre`.
    pub kind: String,
    /// How that is known.
    pub reason: String,
    /// Number of the first packet.
    pub first_packet: u64,
}

/// Packets of ESP that a claim takes.
const FEWEST: u64 = 3;

/// IP protocols that keep a network running, by their names.
const CONTROL: &[(u8, &str)] = &[
    (2, "igmp"),
    (46, "rsvp"),
    (88, "eigrp"),
    (89, "ospf"),
    (103, "pim"),
    (112, "vrrp"),
    (124, "isis"),
];

/// What it is.
pub(super) fn inspect(other: &OtherProtocol) -> InspectedOther {
    let (label, kind, reason) = match (other.protocol, other.tunnel) {
        (_, Some(tunnel)) => opened(other, tunnel),
        (ESP, None) => esp(other),
        (AH, None) => (
            Label::Other,
            "ah".to_owned(),
            format!(
                "{} packets of the Authentication Header: who sent them can be proved, and anybody can read them",
                other.packets
            ),
        ),
        (protocol, None) => by_number(other, protocol),
    };
    InspectedOther {
        protocol: other.protocol,
        a: other.a,
        b: other.b,
        packets: other.packets,
        bytes: other.bytes,
        label,
        kind,
        reason,
        first_packet: other.first_packet,
    }
}

fn opened(other: &OtherProtocol, tunnel: &str) -> (Label, String, String) {
    // What could not be opened of it may be anything.
    let label = match other.opened * 2 > other.packets {
        true => Label::Other,
        false => Label::Undetermined,
    };
    let reason = format!(
        "{} of {} packets have whole packets inside, and those are flows of their own",
        other.opened, other.packets
    );
    (label, tunnel.to_owned(), reason)
}

/// Sealed if the Sequence Numbers of its security associations go on, one by one or
/// nearly, and no packet is readable as the NULL cipher leaves it.
fn esp(other: &OtherProtocol) -> (Label, String, String) {
    let long = other
        .associations
        .iter()
        .filter(|one| one.packets >= FEWEST);
    let (mut packets, mut goes_on, mut count) = (0, 0, 0);
    for one in long {
        packets += one.packets - 1;
        goes_on += one.goes_on;
        count += 1;
    }
    // Doubled and reordered packets do not go on.
    let is_esp = count > 0 && goes_on * 10 >= packets * 9;
    let (label, kind) = match is_esp {
        true => (Label::Sealed, "esp"),
        false => (Label::Undetermined, "esp?"),
    };
    let reason = format!(
        "{} packets of IP protocol 50; in {count} security associations the Sequence Number goes on in {goes_on} of {packets} packets",
        other.packets
    );
    (label, kind.to_owned(), reason)
}

fn by_number(other: &OtherProtocol, protocol: u8) -> (Label, String, String) {
    let packets = other.packets;
    let known = CONTROL.iter().find(|(number, _)| *number == protocol);
    match known {
        Some((_, name)) => (
            Label::Other,
            (*name).to_owned(),
            format!(
                "{packets} packets of IP protocol {protocol}, which routers and groups are kept with"
            ),
        ),
        None => (
            Label::Undetermined,
            format!("ip-{protocol}"),
            format!("{packets} packets of IP protocol {protocol}, which nobody looks into"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::other::Association;

    fn other(protocol: u8, associations: &[(u64, u64)]) -> OtherProtocol {
        let from = IpAddr::from([10, 0, 0, 1]);
        let one = |(&(packets, goes_on), spi): (&(u64, u64), u32)| Association {
            from,
            spi,
            packets,
            goes_on,
            highest: 9,
        };
        OtherProtocol {
            protocol,
            a: from,
            b: from,
            first_packet: 1,
            packets: associations.iter().map(|(packets, _)| packets).sum(),
            bytes: 0,
            opened: 0,
            tunnel: None,
            associations: associations.iter().zip(1..).map(one).collect(),
        }
    }

    #[test]
    fn esp_is_sealed_if_its_numbers_go_on() {
        let label = |associations: &[(u64, u64)]| inspect(&other(ESP, associations)).label;
        assert_eq!(label(&[(100, 99)]), Label::Sealed);
        assert_eq!(label(&[(100, 92), (2, 0)]), Label::Sealed);
        assert_eq!(label(&[(100, 50)]), Label::Undetermined);
        assert_eq!(label(&[(2, 1), (1, 0)]), Label::Undetermined);
        assert_eq!(label(&[]), Label::Undetermined);
    }

    #[test]
    fn what_was_opened_and_what_is_in_clear_is_not_sealed() {
        let null = OtherProtocol {
            opened: 100,
            tunnel: Some("esp-null"),
            ..other(ESP, &[(100, 99)])
        };
        let of = |other: &OtherProtocol| {
            let found = inspect(other);
            (found.label, found.kind)
        };
        assert_eq!(of(&null), (Label::Other, "esp-null".into()));
        assert_eq!(of(&other(AH, &[(9, 8)])), (Label::Other, "ah".into()));
        assert_eq!(of(&other(89, &[])), (Label::Other, "ospf".into()));
        assert_eq!(of(&other(99, &[])), (Label::Undetermined, "ip-99".into()));
    }
}
