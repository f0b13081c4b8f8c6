//! What stands still: sky, hills, water, a lighthouse and a jetty.

use super::picture::{Colour, Picture};
use crate::seeded::Seeded;

/// Where things are in pictures of one size.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) width: i32,
    pub(super) height: i32,
    /// The first row of water.
    pub(super) horizon: i32,
    /// The x of the lighthouse's axis.
    pub(super) lighthouse: i32,
}

impl Layout {
    pub(super) fn new(numbers: &mut Seeded, width: i32, height: i32) -> Self {
        Self {
            width,
            height,
            horizon: height * numbers.between(46, 52) / 100,
            lighthouse: width * numbers.between(74, 86) / 100,
        }
    }

    /// So many thousandths of the picture's size, at least 1 sample.
    pub(super) fn size(&self, thousandths: i32) -> i32 {
        (self.height.min(self.width * 9 / 16) * thousandths / 1000).max(1)
    }

    /// The row of the lighthouse's lamp.
    pub(super) fn lamp(&self) -> i32 {
        self.horizon - self.size(235)
    }
}

/// The colours of one kind of day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    sky: [Colour; 2],
    sun: Colour,
    hills: [Colour; 2],
    water: [Colour; 2],
}

impl Palette {
    /// The palette of one seed.
    pub(super) fn pick(numbers: &mut Seeded) -> Self {
        // Below the length of the list.
        PALETTES[numbers.below(PALETTES.len() as u32) as usize]
    }
}

const PALETTES: [Palette; 3] = [
    // A clear noon.
    Palette {
        sky: [Colour::new(126, 158, 104), Colour::new(196, 136, 120)],
        sun: Colour::new(232, 104, 138),
        hills: [Colour::new(142, 138, 118), Colour::new(96, 116, 116)],
        water: [Colour::new(136, 142, 110), Colour::new(74, 146, 106)],
    },
    // An evening.
    Palette {
        sky: [Colour::new(92, 146, 126), Colour::new(190, 100, 156)],
        sun: Colour::new(224, 80, 152),
        hills: [Colour::new(112, 128, 134), Colour::new(62, 126, 128)],
        water: [Colour::new(142, 112, 144), Colour::new(60, 136, 122)],
    },
    // A grey morning.
    Palette {
        sky: [Colour::new(150, 134, 124), Colour::new(202, 129, 127)],
        sun: Colour::new(222, 124, 130),
        hills: [Colour::new(158, 132, 124), Colour::new(112, 126, 122)],
        water: [Colour::new(150, 131, 122), Colour::new(88, 132, 118)],
    },
];

/// Paints everything that stands still.
pub(super) fn paint(
    picture: &mut Picture,
    layout: &Layout,
    palette: &Palette,
    numbers: &mut Seeded,
) {
    gradient(picture, 0, layout.horizon, palette.sky);
    gradient(picture, layout.horizon, layout.height, palette.water);

    let sun = (
        layout.width * numbers.between(56, 70) / 100,
        layout.height * numbers.between(10, 20) / 100,
    );
    let halo = palette.sky[1].towards(palette.sun, 1, 3);
    picture.disc(sun.0, sun.1, layout.size(58), halo);
    picture.disc(sun.0, sun.1, layout.size(44), palette.sun);

    hills(picture, layout, layout.size(120), palette.hills[0], numbers);
    hills(picture, layout, layout.size(60), palette.hills[1], numbers);
    lighthouse(picture, layout, palette.hills[1]);
    jetty(picture, layout);
}

fn gradient(picture: &mut Picture, top: i32, bottom: i32, [from, to]: [Colour; 2]) {
    // Rows are counted from 0, so none of these is negative.
    let height = (bottom - top).max(1) as usize;
    for row in top..bottom {
        let colour = from.towards(to, (row - top) as usize, height);
        picture.span(row, 0, picture.width() as i32, colour);
    }
}

/// A line of hills up to `height` above the horizon.
fn hills(
    picture: &mut Picture,
    layout: &Layout,
    height: i32,
    colour: Colour,
    numbers: &mut Seeded,
) {
    let waves: [(i32, i32); 3] = [60, 27, 11].map(|per_cent| {
        let length = (layout.width * per_cent / 100).max(4);
        (length, numbers.between(0, length))
    });
    for x in 0..layout.width {
        let rise: i32 = (waves.iter().zip([4, 2, 1]))
            .map(|((length, phase), weight)| weight * arch((x + phase) % length, *length))
            .sum();
        let top = layout.horizon - height * rise / (7 * 256);
        for row in top..layout.horizon {
            picture.span(row, x, x + 1, colour);
        }
    }
}

/// A parabola from 0 over 256 to 0 again as `part` goes from 0 to `whole`.
fn arch(part: i32, whole: i32) -> i32 {
    let t = part * 256 / whole;
    4 * t * (256 - t) / 256
}

fn lighthouse(picture: &mut Picture, layout: &Layout, rock: Colour) {
    let (x, base) = (layout.lighthouse, layout.horizon + layout.size(12));
    let (foot, top) = (layout.size(34), layout.size(22));
    let lamp = layout.lamp();
    let tower = (lamp + layout.size(20), base - layout.size(14));
    picture.trapezoid(
        (base - layout.size(22), base),
        (x - foot * 2, x - foot * 4),
        (x + foot * 2, x + foot * 3),
        rock.towards(Colour::grey(40), 1, 2),
    );
    // Five bands, red and white.
    let edge = |row: i32| top + (foot - top) * (row - tower.0) / (tower.1 - tower.0).max(1);
    for band in 0..5 {
        let rows = [band, band + 1].map(|b| tower.0 + (tower.1 - tower.0) * b / 5);
        let halves = rows.map(edge);
        let colour = if band % 2 == 0 {
            Colour::new(92, 104, 196)
        } else {
            Colour::grey(214)
        };
        picture.trapezoid(
            (rows[0], rows[1]),
            (x - halves[0], x - halves[1]),
            (x + halves[0], x + halves[1]),
            colour,
        );
    }
    let dark = Colour::grey(44);
    let gallery = layout.size(8);
    picture.rectangle(x - top * 4 / 3, tower.0, top * 8 / 3, gallery, dark);
    picture.rectangle(
        x - top * 2 / 3,
        lamp - top,
        top * 4 / 3,
        tower.0 - lamp + top,
        Colour::grey(70),
    );
    picture.trapezoid(
        (lamp - top * 2, lamp - top),
        (x, x - top),
        (x, x + top),
        dark,
    );
}

fn jetty(picture: &mut Picture, layout: &Layout) {
    let deck = layout.horizon + (layout.height - layout.horizon) * 54 / 100;
    let left = layout.width * 66 / 100;
    let (post, step) = (layout.size(14), layout.size(92));
    let wood = Colour::new(88, 116, 138);
    let mut x = left + post;
    while x < layout.width {
        let length = layout.size(76);
        picture.rectangle(x, deck, post, length, wood.towards(Colour::grey(30), 1, 2));
        x += step;
    }
    picture.trapezoid(
        (deck - layout.size(18), deck),
        (left + layout.size(20), left),
        (layout.width, layout.width),
        wood.towards(Colour::grey(200), 1, 3),
    );
    picture.rectangle(left, deck, layout.width - left, layout.size(14), wood);
}

#[cfg(test)]
mod tests {
    use super::{Layout, Palette, Picture, paint};
    use crate::seeded::Seeded;

    #[test]
    fn the_smallest_and_the_flattest_picture_can_be_painted() {
        for (width, height) in [(176, 144), (1920, 144), (176, 1080)] {
            let numbers = &mut Seeded::new(7, 1);
            let layout = Layout::new(numbers, width, height);
            let palette = Palette::pick(numbers);
            let mut picture = Picture::new(width as usize, height as usize);
            paint(&mut picture, &layout, &palette, numbers);
            assert!(
                picture.y.iter().all(|&y| y > 16),
                "a hole at {width}x{height}"
            );
        }
    }
}
