//! A picture in I420 and the few shapes that are painted into it.

/// A picture: luma, and chroma at half the width and height (4:2:0, 8 bits).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    pub(super) y: Vec<u8>,
    pub(super) u: Vec<u8>,
    pub(super) v: Vec<u8>,
}

impl Picture {
    /// Its width in luma samples; even.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Its height in luma samples; even.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Luma: `height` rows of `width` samples.
    pub fn y(&self) -> &[u8] {
        &self.y
    }

    /// Cb: `height / 2` rows of `width / 2` samples.
    pub fn u(&self) -> &[u8] {
        &self.u
    }

    /// Cr: `height / 2` rows of `width / 2` samples.
    pub fn v(&self) -> &[u8] {
        &self.v
    }

    /// A black picture. Both sizes must be even.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let chroma = width / 2 * (height / 2);
        Self {
            width,
            height,
            y: vec![16; width * height],
            u: vec![128; chroma],
            v: vec![128; chroma],
        }
    }

    /// Paints one row from `from` up to, not including, `to`; what lies
    /// outside the picture is cut off.
    pub(super) fn span(&mut self, row: i32, from: i32, to: i32, colour: Colour) {
        let Ok(row) = usize::try_from(row) else {
            return;
        };
        let from = usize::try_from(from).unwrap_or(0);
        let to = usize::try_from(to).unwrap_or(0).min(self.width);
        if row >= self.height || from >= to {
            return;
        }
        let start = row * self.width;
        self.y[start + from..start + to].fill(colour.y);
        if row.is_multiple_of(2) {
            let start = row / 2 * (self.width / 2);
            self.u[start + from / 2..start + to.div_ceil(2)].fill(colour.u);
            self.v[start + from / 2..start + to.div_ceil(2)].fill(colour.v);
        }
    }

    /// Paints a rectangle.
    pub(super) fn rectangle(&mut self, x: i32, y: i32, width: i32, height: i32, colour: Colour) {
        for row in y..y + height {
            self.span(row, x, x + width, colour);
        }
    }

    /// Paints what lies between two slanting edges, each given as its x at
    /// row `top` and at row `bottom` (which is not painted).
    pub(super) fn trapezoid(
        &mut self,
        (top, bottom): (i32, i32),
        left: (i32, i32),
        right: (i32, i32),
        colour: Colour,
    ) {
        let height = (bottom - top).max(1);
        for row in top..bottom {
            let at = |edge: (i32, i32)| edge.0 + (edge.1 - edge.0) * (row - top) / height;
            self.span(row, at(left), at(right), colour);
        }
    }

    /// Paints a disc.
    pub(super) fn disc(&mut self, x: i32, y: i32, radius: i32, colour: Colour) {
        for row in -radius..=radius {
            let half = (radius * radius - row * row).isqrt();
            self.span(y + row, x - half, x + half + 1, colour);
        }
    }
}

/// A colour in luma and chroma, limited range (16 to 235, 16 to 240).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    pub(super) y: u8,
    pub(super) u: u8,
    pub(super) v: u8,
}

impl Colour {
    pub(super) const fn new(y: u8, u: u8, v: u8) -> Self {
        Self { y, u, v }
    }

    /// A grey of this luma.
    pub(super) const fn grey(y: u8) -> Self {
        Self::new(y, 128, 128)
    }

    /// `part` of `whole` of the way from this colour to `other`.
    pub(super) fn towards(self, other: Self, part: usize, whole: usize) -> Self {
        // A mean of two octets is an octet.
        let mix = |a: u8, b: u8| {
            ((usize::from(a) * (whole - part) + usize::from(b) * part) / whole) as u8
        };
        Self::new(
            mix(self.y, other.y),
            mix(self.u, other.u),
            mix(self.v, other.v),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Colour, Picture};

    #[test]
    fn shapes_beyond_every_edge_are_cut_off() {
        let mut picture = Picture::new(16, 16);
        let white = Colour::grey(235);
        picture.disc(0, 0, 40, white);
        assert!(picture.y.iter().all(|&y| y == 235));
        for (x, y) in [(-90, 8), (90, 8), (8, -90), (8, 90)] {
            let before = picture.clone();
            picture.disc(x, y, 9, Colour::grey(16));
            picture.rectangle(x, y, 3, 3, Colour::grey(16));
            assert_eq!(picture, before);
        }
    }

    #[test]
    fn a_trapezoid_follows_its_edges() {
        let mut picture = Picture::new(16, 4);
        picture.trapezoid((0, 4), (8, 0), (8, 16), Colour::new(200, 90, 90));
        let widths: Vec<usize> = picture
            .y
            .chunks(16)
            .map(|row| row.iter().filter(|&&y| y == 200).count())
            .collect();
        assert_eq!(widths, [0, 4, 8, 12]);
    }
}
