//! Drawings, by plotters as SVG in the page. Fills are the colours of light pages; the
//! style sheet has others for dark ones, by the fill.

use maud::{Markup, PreEscaped, html};
use plotters::{
    coord::Shift,
    element::{Polygon, Rectangle},
    prelude::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, RGBColor, SVGBackend},
    style::Color,
};

use super::view::number;
use crate::{
    attribution::{Class, Octets},
    report::exhibits::TimeLine,
};

/// Size of a bar, in units of its own.
const BAR: (u32, u32) = (600, 14);
/// Size of a time line.
const LINE: (u32, u32) = (600, 72);
/// The smallest part of a bar: what is there is seen.
const LEAST: u64 = 4;

/// What others than the device sent in a time line.
pub(super) const OTHERS: RGBColor = RGBColor(0x9a, 0xa1, 0xad);
/// What the device sent.
pub(super) const SENT: RGBColor = RGBColor(0x2f, 0x6f, 0xd0);
/// Where evidence lies.
pub(super) const EVIDENCE: RGBColor = RGBColor(0xcf, 0x22, 0x2e);
/// The line between what is sent and what comes.
pub(super) const AXIS: RGBColor = RGBColor(0x59, 0x63, 0x6e);

/// The colour of a class.
pub(super) fn colour(class: Class) -> RGBColor {
    match class {
        Class::Header => RGBColor(0x6e, 0x7b, 0x91),
        Class::Handshake => RGBColor(0x82, 0x50, 0xdf),
        Class::Infrastructure => RGBColor(0x1b, 0x7c, 0x83),
        Class::Opened => RGBColor(0x1a, 0x7f, 0x37),
        Class::Identified => RGBColor(0x9a, 0x67, 0x00),
        Class::Tag => RGBColor(0x09, 0x69, 0xda),
        Class::Padding => RGBColor(0xa0, 0x7a, 0x95),
        Class::Foreign => RGBColor(0xb5, 0xba, 0xc2),
        Class::Unexplained => EVIDENCE,
    }
}

/// The octets of each class as a bar. Where drawing fails there is none; the numbers
/// are beside it.
pub(super) fn bar(label: &str, octets: Octets) -> Markup {
    let total = octets.total();
    if total == 0 {
        return html! {};
    }
    let there = Class::ALL.map(|class| (class, octets.of(class)));
    let there: Vec<_> = there.into_iter().filter(|(_, n)| *n > 0).collect();
    // What every class has at the least is taken from the whole width.
    let free = u64::from(BAR.0).saturating_sub(LEAST * there.len() as u64);
    let mut x = 0;
    let mut ends = Vec::new();
    let mut sum = 0;
    for (index, (class, count)) in there.iter().enumerate() {
        sum += count;
        let share = u128::from(free) * u128::from(sum) / u128::from(total);
        let end = i32::try_from(share).unwrap_or(0) + (LEAST as i32) * (index as i32 + 1);
        ends.push((x, end, *class));
        x = end;
    }
    let shares = there.iter().map(|(class, count)| {
        let share = *count as f64 * 100.0 / total as f64;
        format!("{} {} ({share:.1} %)", class.name(), number(*count))
    });
    let shares: Vec<_> = shares.collect();
    let title = format!("{label}: {}", shares.join(", "));
    drawing("bar", &title, BAR, |area| {
        for (start, end, class) in &ends {
            let corners = [(*start, 0), (*end, BAR.1 as i32)];
            area.draw(&Rectangle::new(corners, colour(*class).filled()))?;
        }
        Ok(())
    })
}

/// A share of a whole as a bar.
pub(super) fn share(title: &str, share: f64) -> Markup {
    let end = (share.clamp(0.0, 1.0) * f64::from(BAR.0)) as i32;
    drawing("bar", title, BAR, |area| {
        let (whole, part) = ((BAR.0 as i32, BAR.1 as i32), (end, BAR.1 as i32));
        area.draw(&Rectangle::new([(0, 0), whole], OTHERS.filled()))?;
        area.draw(&Rectangle::new([(0, 0), part], SENT.filled()))
    })
}

/// What the device and others sent over time, and where evidence lies.
pub(super) fn time_line(title: &str, line: &TimeLine, evidence: &[usize]) -> Markup {
    let most = line.sent.iter().chain(&line.others).max().copied();
    let most = most.unwrap_or_default().max(1);
    let middle = LINE.1 as i32 / 2;
    let width = |part: usize| (part * LINE.0 as usize / line.sent.len().max(1)) as i32;
    // Heights by the square root, so that little is seen beside much.
    let height = |octets: u64| {
        let share = (octets as f64 / most as f64).sqrt();
        (share * f64::from(middle - 2)).ceil() as i32
    };
    let steps = |octets: &[u64], up: i32| {
        let mut points = vec![(0, middle)];
        for (part, octets) in octets.iter().enumerate() {
            let y = middle - up * height(*octets);
            points.extend([(width(part), y), (width(part + 1), y)]);
        }
        points.push((width(octets.len()), middle));
        points
    };
    drawing("time-line", title, LINE, |area| {
        area.draw(&Polygon::new(steps(&line.sent, 1), SENT.filled()))?;
        area.draw(&Polygon::new(steps(&line.others, -1), OTHERS.filled()))?;
        let axis = [(0, middle), (LINE.0 as i32, middle + 1)];
        area.draw(&Rectangle::new(axis, AXIS.filled()))?;
        for part in evidence {
            let at = width(*part);
            let corners = [(at, 0), (at + 2, LINE.1 as i32)];
            area.draw(&Rectangle::new(corners, EVIDENCE.filled()))?;
        }
        Ok(())
    })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// What was drawn, with a name for those who do not see it.
fn drawing(
    class: &str,
    title: &str,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Markup {
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area).and_then(|()| area.present())
    };
    // The outermost element is ours: it is named, and fills its place.
    let inside = svg
        .split_once('>')
        .and_then(|(_, rest)| rest.trim_end().strip_suffix("</svg>"));
    match (drawn, inside) {
        (Ok(()), Some(inside)) => html! {
            svg class=(class) role="img" aria-label=(title) preserveAspectRatio="none"
                viewBox={ "0 0 " (size.0) " " (size.1) } {
                title { (title) }
                (PreEscaped(inside))
            }
        },
        _ => html! { p { (title) } },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_that_is_there_is_seen() {
        let octets = Octets {
            opened: 1_000_000_000,
            unexplained: 1,
            ..Octets::default()
        };
        let svg = bar("x", octets).into_string();
        let red = r##"<rect x="595" y="0" width="5" height="14" opacity="1" fill="#CF222E""##;
        assert!(svg.contains(red), "{svg}");
        assert!(svg.contains(r#"<rect x="0" y="0" width="595""#), "{svg}");
        assert_eq!(bar("x", Octets::default()).into_string(), "");
    }

    #[test]
    fn dark_pages_have_a_colour_for_every_fill() {
        let style = include_str!("report.css");
        let ours = [OTHERS, SENT, EVIDENCE, AXIS];
        for colour in Class::ALL.map(colour).into_iter().chain(ours) {
            let fill = format!(
                "[fill=\"#{:02X}{:02X}{:02X}\"]",
                colour.0, colour.1, colour.2
            );
            assert!(style.contains(&fill), "{fill}");
        }
    }

    #[test]
    fn names_are_escaped() {
        let octets = Octets {
            opened: 1,
            ..Octets::default()
        };
        let svg = bar("<script>\"", octets).into_string();
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;&quot;"));
    }
}
