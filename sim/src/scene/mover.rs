//! What moves: boats, a balloon, gulls, a buoy and the lighthouse's lamp.

use super::backdrop::Layout;
use super::picture::{Colour, Picture};
use crate::seeded::Seeded;

/// Everything that moves, with its seeded course.
#[derive(Debug)]
pub(super) struct Movers {
    boats: [Boat; 3],
    balloon: Course,
    stripes: [Colour; 2],
    gulls: [Course; 3],
    lamp: u64,
}

impl Movers {
    pub(super) fn new(numbers: &mut Seeded, layout: &Layout) -> Self {
        let boats = [(50, 6), (80, 16), (150, 34)].map(|(size, below)| Boat {
            size: layout.size(size),
            waterline: layout.horizon + (layout.height - layout.horizon) * below / 100,
            course: Course::new(numbers, layout, size / 2),
            hull: HULLS[numbers.below(HULLS.len() as u32) as usize],
        });
        let first = numbers.below(HULLS.len() as u32) as usize;
        Self {
            boats,
            balloon: Course::new(numbers, layout, 24),
            stripes: [HULLS[first], HULLS[(first + 1) % HULLS.len()]],
            gulls: [90, 120, 150].map(|speed| Course::new(numbers, layout, speed)),
            lamp: u64::from(numbers.below(LAMP_PERIOD as u32)),
        }
    }

    /// Paints everything as it is `time` milliseconds after frame 0.
    pub(super) fn draw(&self, picture: &mut Picture, layout: &Layout, time: u64) {
        self.draw_lamp(picture, layout, time);
        self.draw_balloon(picture, layout, time);
        for (course, height) in self.gulls.iter().zip([36, 50, 42]) {
            let y = layout.height * height / 100 + wave(time + course.start, 5200, layout.size(40));
            draw_gull(picture, layout, course.x(layout, time), y, time);
        }
        for boat in &self.boats {
            boat.draw(picture, layout, time);
        }
        draw_buoy(picture, layout, time);
    }

    fn draw_lamp(&self, picture: &mut Picture, layout: &Layout, time: u64) {
        if (time + self.lamp) % LAMP_PERIOD < LAMP_PERIOD / 3 {
            let (x, y) = (layout.lighthouse, layout.lamp());
            picture.disc(x, y, layout.size(15), Colour::new(228, 72, 146));
            picture.disc(x, y, layout.size(8), Colour::grey(235));
        }
    }

    fn draw_balloon(&self, picture: &mut Picture, layout: &Layout, time: u64) {
        let radius = layout.size(62);
        let x = self.balloon.x(layout, time);
        let y = layout.height * 24 / 100 + wave(time, 9000, layout.size(30));
        for row in -radius..radius * 3 / 2 {
            // Round above, tapering below.
            let half = if row < radius / 3 {
                (radius * radius - row * row).isqrt()
            } else {
                (radius * 15 / 10 - row) * 8 / 10
            };
            picture.span(y + row, x - half, x + half + 1, self.stripes[0]);
            picture.span(y + row, x - half / 2, x + half / 2 + 1, self.stripes[1]);
        }
        let basket = (radius / 3).max(2);
        picture.rectangle(
            x - basket / 2,
            y + radius * 17 / 10,
            basket,
            basket,
            Colour::new(70, 112, 146),
        );
    }
}

/// Milliseconds from one flash of the lamp to the next.
const LAMP_PERIOD: u64 = 2400;

const HULLS: [Colour; 5] = [
    Colour::new(84, 110, 192),
    Colour::new(70, 160, 96),
    Colour::new(180, 62, 150),
    Colour::new(98, 96, 98),
    Colour::new(52, 134, 122),
];

/// Across the picture and in again on the other side.
#[derive(Clone, Copy, Debug)]
struct Course {
    /// Samples in a thousand seconds.
    speed: u64,
    start: u64,
    leftwards: bool,
}

impl Course {
    /// A course of about `speed` thousandths of the picture's size a second.
    fn new(numbers: &mut Seeded, layout: &Layout, speed: i32) -> Self {
        let speed = numbers.between(speed * 3 / 4, speed * 5 / 4).max(1);
        Self {
            speed: (layout.size(1000) * speed).unsigned_abs().into(),
            start: numbers.below(layout.width.unsigned_abs() * 2).into(),
            leftwards: numbers.below(2) == 1,
        }
    }

    fn x(self, layout: &Layout, time: u64) -> i32 {
        let margin = layout.size(160);
        let whole = layout.width + 2 * margin;
        // `time` is below 2^42 and the speed below 2^18.
        let travelled = self.start + time * self.speed / 1_000_000;
        let x = (travelled % u64::from(whole.unsigned_abs())) as i32;
        if self.leftwards {
            layout.width + margin - x
        } else {
            x - margin
        }
    }
}

#[derive(Debug)]
struct Boat {
    size: i32,
    waterline: i32,
    course: Course,
    hull: Colour,
}

impl Boat {
    fn draw(&self, picture: &mut Picture, layout: &Layout, time: u64) {
        let (size, x) = (self.size, self.course.x(layout, time));
        let y = self.waterline + wave(time + self.course.start, 3100, (size / 24).max(1));
        // The reflection: what the ripples leave of it.
        let shadow = self.hull.towards(Colour::new(60, 136, 118), 2, 3);
        for row in (0..size / 2).step_by(2) {
            let sway = wave(
                time + row.unsigned_abs() as u64 * 90,
                700,
                (size / 16).max(1),
            );
            let half = size * 4 / 10 - row / 2;
            picture.span(y + row, x + sway - half, x + sway + half, shadow);
        }

        let canvas = Colour::new(222, 124, 130);
        let (boom, mast) = (y - size / 4, (size / 32).max(1));
        // The main sail is behind the mast, the jib before it.
        let astern = if self.course.leftwards { 1 } else { -1 };
        self.sail(
            picture,
            (y - size * 12 / 10, boom),
            x,
            astern * size * 42 / 100,
            canvas,
        );
        let jib = canvas.towards(self.hull, 1, 3);
        self.sail(picture, (y - size, boom), x, -astern * size * 34 / 100, jib);
        picture.rectangle(
            x - mast / 2,
            y - size * 5 / 4,
            mast,
            size * 5 / 4,
            Colour::grey(60),
        );
        picture.trapezoid(
            (y - size / 5, y),
            (x - size / 2, x - size * 36 / 100),
            (x + size / 2, x + size * 36 / 100),
            self.hull,
        );
        let rail = (size / 24).max(1);
        picture.rectangle(x - size / 2, y - size / 5, size, rail, Colour::grey(210));
    }

    /// A triangle from the mast at `x` to `reach` samples away at its foot.
    fn sail(&self, picture: &mut Picture, rows: (i32, i32), x: i32, reach: i32, colour: Colour) {
        let gap = (self.size / 24).max(1) * reach.signum();
        let (mast, foot) = ((x + gap, x + gap), (x + gap, x + gap + reach));
        let (left, right) = if reach < 0 {
            (foot, mast)
        } else {
            (mast, foot)
        };
        picture.trapezoid(rows, left, right, colour);
    }
}

fn draw_gull(picture: &mut Picture, layout: &Layout, x: i32, y: i32, time: u64) {
    let (span, thick) = (layout.size(26), layout.size(6));
    let beat = wave(time + x.unsigned_abs() as u64 * 31, 640, layout.size(12));
    for step in 0..span {
        let tip = y + beat * step / span;
        for side in [-1, 1] {
            let column = x + side * step;
            picture.rectangle(column, tip, 1, thick, Colour::grey(226));
        }
    }
}

fn draw_buoy(picture: &mut Picture, layout: &Layout, time: u64) {
    let size = layout.size(64);
    let x = layout.width * 22 / 100;
    let y = layout.horizon
        + (layout.height - layout.horizon) * 58 / 100
        + wave(time, 2700, layout.size(10));
    let tilt = wave(time + 600, 3400, layout.size(8));
    let red = Colour::new(96, 100, 206);
    picture.trapezoid(
        (y - size, y - size / 4),
        (x + tilt - size / 8, x - size / 4),
        (x + tilt + size / 8, x + size / 4),
        red,
    );
    picture.disc(
        x + tilt,
        y - size,
        (size / 8).max(1),
        Colour::new(220, 70, 146),
    );
    picture.trapezoid(
        (y - size / 4, y),
        (x - size / 2, x - size * 3 / 8),
        (x + size / 2, x + size * 3 / 8),
        red.towards(Colour::grey(30), 1, 3),
    );
}

/// From 0 up to `height`, down to -`height` and back within `period`
/// milliseconds, along two parabolas.
fn wave(time: u64, period: u64, height: i32) -> i32 {
    // Below 1024.
    let phase = (time % period * 1024 / period) as i32;
    let half = phase % 512;
    let rise = height * (half * (512 - half) / 256) / 256;
    if phase < 512 { rise } else { -rise }
}

#[cfg(test)]
mod tests {
    use super::{Course, Layout, Movers, Picture, wave};
    use crate::seeded::Seeded;

    #[test]
    fn a_wave_reaches_its_height_both_ways_without_a_jump() {
        let heights: Vec<i32> = (0..1000).map(|time| wave(time, 1000, 50)).collect();
        assert_eq!(heights.iter().max(), Some(&50));
        assert_eq!(heights.iter().min(), Some(&-50));
        assert!(heights.windows(2).all(|w| w[0].abs_diff(w[1]) <= 2));
    }

    #[test]
    fn a_course_comes_back_and_the_last_frame_can_be_painted() {
        let numbers = &mut Seeded::new(3, 3);
        let layout = Layout::new(numbers, 176, 144);
        let course = Course::new(numbers, &layout, 100);
        let positions: Vec<i32> = (0..600).map(|s| course.x(&layout, s * 100)).collect();
        assert!(positions.iter().any(|&x| x < 0) && positions.iter().any(|&x| x > 176));

        let movers = Movers::new(numbers, &layout);
        let mut picture = Picture::new(176, 144);
        movers.draw(&mut picture, &layout, u64::from(u32::MAX) * 1000);
    }
}
