//! The camera's name and its clock, burnt into the lower edge.

use std::{str, time::Duration};

use super::font;
use super::picture::{Colour, Picture};

/// Paints a dark strip at the lower edge with `name` and, below it, UTC.
pub(super) fn draw(picture: &mut Picture, name: &str, taken: Duration) {
    // Pictures are at most 1920 by 1080.
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let scale = (width / 320).min(height / 180).max(1);
    let (line, margin) = ((font::HEIGHT + 3) * scale, 4 * scale);
    let top = (height - 2 * line - 2 * scale) & !1;
    darken(picture, top);
    let (name_row, clock_row) = (top + 2 * scale, top + 2 * scale + line);
    font::draw(picture, (margin, name_row), scale, name, Colour::grey(220));
    let clock = clock(taken);
    let clock = str::from_utf8(&clock).unwrap_or_default();
    font::draw(
        picture,
        (margin, clock_row),
        scale,
        clock,
        Colour::grey(235),
    );
}

/// Leaves of everything from `row` down a third of its light and no colour.
fn darken(picture: &mut Picture, row: i32) {
    let (width, row) = (picture.width(), row as usize);
    for sample in &mut picture.y[row * width..] {
        *sample = (16 + ((u16::from(*sample) * 86) >> 8)) as u8;
    }
    let chroma = row / 2 * (width / 2);
    picture.u[chroma..].fill(128);
    picture.v[chroma..].fill(128);
}

/// `2026-11-24 22:17:37.123 UTC`, the year modulo 10000.
fn clock(taken: Duration) -> [u8; 27] {
    let seconds = taken.as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let mut text = *b"0000-00-00 00:00:00.000 UTC";
    for (end, digits, number) in [
        (4, 4, year),
        (7, 2, month),
        (10, 2, day),
        (13, 2, seconds / 3600 % 24),
        (16, 2, seconds / 60 % 60),
        (19, 2, seconds % 60),
        (23, 3, taken.subsec_millis().into()),
    ] {
        let mut rest = number;
        for octet in text[end - digits..end].iter_mut().rev() {
            *octet = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
    text
}

/// The Gregorian year, month and day, `days` after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that a leap day ends its year and every
    // 400 years (146,097 days) are alike.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = era * 400 + year;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(test)]
mod tests {
    use super::{clock, date};
    use std::time::Duration;

    fn show(seconds: u64, millis: u64) -> String {
        let taken = Duration::from_secs(seconds) + Duration::from_millis(millis);
        String::from_utf8(clock(taken).to_vec()).expect("ASCII")
    }

    #[test]
    fn the_clock_shows_known_moments() {
        assert_eq!(show(0, 0), "1970-01-01 00:00:00.000 UTC");
        assert_eq!(show(951_827_696, 7), "2000-02-29 12:34:56.007 UTC");
        assert_eq!(show(4_107_542_399, 999), "2100-02-28 23:59:59.999 UTC");
        assert_eq!(show(4_107_542_400, 0), "2100-03-01 00:00:00.000 UTC");
        assert_eq!(clock(Duration::MAX).len(), 27);
    }

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let mut expected = (1970, 1, 1);
        for days in 0..146_097 {
            assert_eq!(date(days), expected);
            let (year, month, day) = expected;
            let length = match month {
                2 => 28 + u64::from(leap(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, day) {
                (12, 31) => (year + 1, 1, 1),
                _ if day == length => (year, month + 1, 1),
                _ => (year, month, day + 1),
            };
        }
    }
}
