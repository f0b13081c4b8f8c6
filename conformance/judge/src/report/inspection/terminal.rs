//! For people at a terminal: a line per flow, leaks first.

use std::fmt::Write as _;

use super::{Capture, transport};
use crate::{
    inspect::{Inspected, Label},
    report::terminal::{Style, plain},
};

/// The findings.
pub fn write(captures: &[Capture<'_>], style: Style) -> String {
    let mut out = String::new();
    for capture in captures {
        one(&mut out, capture, style);
    }
    out
}

fn one(out: &mut String, capture: &Capture<'_>, style: Style) {
    let inspection = capture.inspection;
    let mut flows: Vec<_> = inspection.flows.iter().enumerate().collect();
    flows.sort_by_key(|(_, flow)| flow.label);
    let count = |label: Label| {
        let of = inspection.flows.iter().filter(|flow| flow.label == label);
        of.count()
    };
    let labels = [
        Label::Leak,
        Label::Sealed,
        Label::Undetermined,
        Label::Other,
    ];
    let counts = labels.map(|label| format!("{} {}", count(label), label.name()));
    let _ = writeln!(
        out,
        "{}: {} packets, {} flows: {}",
        plain(&capture.file),
        inspection.packets,
        inspection.flows.len(),
        counts.join(", ")
    );
    let ends = |flow: &Inspected| format!("{} > {}", flow.a, flow.b);
    let width = |of: &dyn Fn(&Inspected) -> usize| flows.iter().map(|(_, flow)| of(flow)).max();
    let kinds = width(&|flow| flow.kind.len()).unwrap_or_default();
    let columns = width(&|flow| ends(flow).len()).unwrap_or_default();
    for (index, flow) in flows {
        let weak = match &flow.weak {
            Some(why) => format!("weak, {}; ", plain(why)),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "{}  {}  {:<columns$}  {:<kinds$}  {:>9} octets  {weak}{}",
            style.label(flow.label),
            transport(flow),
            ends(flow),
            plain(&flow.kind),
            flow.bytes,
            plain(&flow.reason),
        );
        for saved in capture.saved(index) {
            let size = saved
                .size
                .map(|(width, height)| format!(", {width}x{height}"));
            let mark = saved.mark.map(|mark| {
                format!(
                    ", mark: unit {}, frame {}, nonce {:08x}",
                    mark.unit, mark.frame, mark.nonce
                )
            });
            let _ = writeln!(
                out,
                "              {}{}{}",
                plain(&saved.file),
                size.unwrap_or_default(),
                mark.unwrap_or_default()
            );
        }
    }
    for other in &inspection.others {
        let _ = writeln!(
            out,
            "{}  ip   {} > {}  {}  {:>9} octets  {}",
            style.label(other.label),
            other.a,
            other.b,
            plain(&other.kind),
            other.bytes,
            plain(&other.reason),
        );
    }
    if let Some(damage) = &capture.damage {
        let _ = writeln!(out, "not read to its end: {}", plain(damage));
    }
    for failure in &inspection.failures {
        let _ = writeln!(out, "{}: {}", style.error(), plain(&failure.to_string()));
    }
}
