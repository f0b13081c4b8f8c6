//! Evidence in hexadecimal, coloured by what each octet is, and how to find it in
//! Wireshark.

use std::{net::SocketAddr, ops::Range};

use lightleak_case::TransportProtocol;
use maud::{Markup, html};

use super::{scroll, text};
use crate::{attribution::Class, report::exhibits::Excerpt, verdict::Evidence};

/// Octets in a line.
const LINE: usize = 16;

/// What an octet is, and whether the finding means it.
type Kind = (Option<Class>, bool);

/// The dump, and in words what it shows.
pub(super) fn dump(evidence: &Evidence, excerpt: &Excerpt) -> Markup {
    let end = excerpt.start + excerpt.octets.len();
    let label = format!(
        "Octets {} to {} of {}, {}",
        excerpt.start,
        end.saturating_sub(1),
        excerpt.whole,
        text(&evidence.capture)
    );
    let meant = evidence.offset..evidence.offset + evidence.length;
    let lines = excerpt.octets.chunks(LINE).enumerate();
    let dump = html! {
        pre class="hex" {
            @for (index, octets) in lines {
                (line(excerpt, excerpt.start + index * LINE, octets, &meant))
                "\n"
            }
        }
    };
    html! {
        (scroll(&label, &dump))
        p class="runs" {
            "Octets " (excerpt.start) " to " (end.saturating_sub(1)) " of " (excerpt.whole) ". "
            @for (range, class) in runs(excerpt) {
                span class="run" {
                    span class={ "swatch " (name(class)) } {} " "
                    (range.start) "\u{2013}" (range.end - 1) " " (name(class))
                } " "
            }
            @if evidence.length > 0 {
                span class="run" {
                    mark { (evidence.offset) "\u{2013}" (meant.end - 1) } " meant by the finding"
                }
            }
        }
    }
}

fn line(excerpt: &Excerpt, at: usize, octets: &[u8], meant: &Range<usize>) -> Markup {
    let kind =
        |index: usize| -> Kind { (excerpt.class(at + index), meant.contains(&(at + index))) };
    let mut pieces: Vec<(Range<usize>, Kind)> = Vec::new();
    for index in 0..octets.len() {
        match pieces.last_mut() {
            Some((range, same)) if *same == kind(index) => range.end = index + 1,
            _ => pieces.push((index..index + 1, kind(index))),
        }
    }
    let missing = LINE - octets.len();
    let letters: String = octets.iter().map(|octet| letter(*octet)).collect();
    html! {
        span class="at" { (format!("{at:06x}")) } "  "
        @for (range, (class, is_meant)) in pieces {
            @let hex = hex(&octets[range.clone()]);
            @if is_meant {
                mark class={ "o " (name(class)) } { (hex) }
            } @else {
                span class={ "o " (name(class)) } { (hex) }
            }
            @if range.end < octets.len() { " " }
        }
        (" ".repeat(missing * 3)) "  " span class="letters" { (letters) }
    }
}

fn hex(octets: &[u8]) -> String {
    let octets: Vec<_> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    octets.join(" ")
}

fn letter(octet: u8) -> char {
    match octet {
        0x20..=0x7e => char::from(octet),
        _ => '\u{b7}',
    }
}

fn name(class: Option<Class>) -> &'static str {
    class.map_or("plain", Class::name)
}

/// Octets of the excerpt that are of one class each, in order.
fn runs(excerpt: &Excerpt) -> Vec<(Range<usize>, Option<Class>)> {
    let mut runs: Vec<(Range<usize>, Option<Class>)> = Vec::new();
    if excerpt.classes.is_empty() {
        return runs;
    }
    for at in excerpt.start..excerpt.start + excerpt.octets.len() {
        let class = excerpt.class(at);
        match runs.last_mut() {
            Some((range, same)) if *same == class => range.end = at + 1,
            _ => runs.push((at..at + 1, class)),
        }
    }
    runs
}

/// Display filters of Wireshark: the packet, and the conversation that it is in.
pub(super) fn filters(evidence: &Evidence, excerpt: Option<&Excerpt>) -> Markup {
    if evidence.packet == 0 {
        return html! {};
    }
    let flow = excerpt.and_then(|excerpt| excerpt.flow);
    html! {
        p class="filter" {
            "Wireshark: " code { "frame.number == " (evidence.packet) }
            @if let Some((transport, from, to)) = flow {
                " or the conversation " code { (conversation(transport, from, to)) }
            }
        }
    }
}

fn conversation(transport: TransportProtocol, from: SocketAddr, to: SocketAddr) -> String {
    let ip = if from.is_ipv4() { "ip" } else { "ipv6" };
    let port = match transport {
        TransportProtocol::Tcp => "tcp",
        TransportProtocol::Udp => "udp",
        TransportProtocol::Sctp => "sctp",
    };
    format!(
        "{ip}.addr == {} && {ip}.addr == {} && {port}.port == {} && {port}.port == {}",
        from.ip(),
        to.ip(),
        from.port(),
        to.port()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_shows_classes_and_what_is_meant() {
        let excerpt = Excerpt {
            start: 16,
            octets: b"<b>leak</b>and more of it".to_vec(),
            whole: 99,
            classes: vec![(0..20, Class::Header), (20..99, Class::Unexplained)],
            time_ns: None,
            flow: None,
        };
        let evidence = Evidence {
            capture: "a<b".into(),
            packet: 7,
            offset: 19,
            length: 4,
            ..Evidence::default()
        };
        let dump = dump(&evidence, &excerpt).into_string();
        let hex = concat!(
            r#"<span class="o header">3c 62 3e</span> <mark class="o header">6c</mark> "#,
            r#"<mark class="o unexplained">65 61 6b</mark> "#,
        );
        assert!(dump.contains(hex), "{dump}");
        assert!(
            dump.contains("&lt;b&gt;leak&lt;/b&gt;") && !dump.contains("<b>"),
            "{dump}"
        );
        assert!(dump.contains("16\u{2013}19 header"), "{dump}");
        assert!(dump.contains("<mark>19\u{2013}22</mark>"), "{dump}");
    }

    #[test]
    fn filters_are_those_of_wireshark() {
        let ends = ["[fd00::1]:554", "[fd00::2]:4001"].map(|end| end.parse().unwrap());
        assert_eq!(
            conversation(TransportProtocol::Tcp, ends[0], ends[1]),
            "ipv6.addr == fd00::1 && ipv6.addr == fd00::2 && tcp.port == 554 && tcp.port == 4001"
        );
    }
}
