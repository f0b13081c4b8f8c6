//! A maker's logo: a lighthouse in a ring, and a name.

use super::font;
use super::picture::{Colour, Picture};

/// Paints it. Both sizes must be even.
pub(super) fn paint(width: usize, height: usize) -> Picture {
    let mut picture = Picture::new(width, height);
    // Pictures are at most 1920 by 1080.
    let (width, height) = (width as i32, height as i32);
    let (ground, light) = (Colour::new(40, 150, 110), Colour::new(210, 60, 150));
    picture.rectangle(0, 0, width, height, ground);
    let (x, y, radius) = (width / 2, height * 2 / 5, height * 3 / 10);
    picture.disc(x, y, radius, light);
    picture.disc(x, y, radius * 9 / 10, ground);
    let (top, bottom) = (y - radius / 2, y + radius / 2);
    let edge = radius / 8;
    picture.trapezoid(
        (top, bottom),
        (x - edge, x - 2 * edge),
        (x + edge, x + 2 * edge),
        Colour::grey(225),
    );
    picture.disc(x, top, 2 * edge, light);
    let name_row = height * 4 / 5;
    font::draw(
        &mut picture,
        (width / 4, name_row),
        2,
        "LIGHTHOUSE CAMERAS",
        Colour::grey(235),
    );
    picture
}
