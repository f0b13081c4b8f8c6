//! The picture and its mark: a seeded harbour, in integer arithmetic only, so
//! that one seed gives the same picture on every machine.

mod backdrop;
mod caption;
mod font;
mod logo;
mod mark;
mod mover;
mod picture;
mod texture;

use std::{ops::RangeInclusive, time::Duration};

pub(crate) use mark::payload as mark_payload;
pub use picture::Picture;

use crate::seeded::Seeded;
use backdrop::{Layout, Palette};
use mover::Movers;
use texture::{Layer, Noise, Tile};

/// Widths that a scene can have, in luma samples; even ones only.
pub const WIDTHS: RangeInclusive<u32> = 176..=1920;
/// Heights that a scene can have, in luma samples; even ones only.
pub const HEIGHTS: RangeInclusive<u32> = 144..=1080;
/// Frames per second that a scene can have.
pub const FRAME_RATES: RangeInclusive<u32> = 1..=60;
/// How many characters a camera's name can have.
pub const NAME_LENGTHS: RangeInclusive<usize> = 1..=24;

/// What a scene is made from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SceneConfig {
    /// The one source of everything that looks random.
    pub seed: u64,
    /// Luma samples per row, one of [`WIDTHS`].
    pub width: u32,
    /// Rows of luma samples, one of [`HEIGHTS`].
    pub height: u32,
    /// Frames per second, one of [`FRAME_RATES`].
    pub frames_per_second: u32,
    /// The camera's name, shown in the picture: as many characters as
    /// [`NAME_LENGTHS`] has, from `A` to `Z`, `a` to `z`, `0` to `9`, space and
    /// `# ( ) + - . / : _`.
    pub name: String,
    /// The number of the device, carried by the mark.
    pub unit: u16,
    /// The number of the run, carried by the mark.
    pub nonce: u32,
}

/// Why there is no such scene.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SceneError {
    /// A number is outside its limits.
    #[error("{field} is {value}, not from {min} to {max}")]
    OutOfRange {
        /// The name of the field in its configuration.
        field: &'static str,
        /// Its value.
        value: u64,
        /// The smallest value allowed.
        min: u64,
        /// The largest value allowed.
        max: u64,
    },
    /// A width or a height is odd.
    #[error("{field} is {value}, not an even number")]
    Odd {
        /// The name of the field in its configuration.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// The name has a character that the font cannot show.
    #[error("name has {character:?}, which the font cannot show")]
    Character {
        /// The first such character.
        character: char,
    },
}

/// A picture that is no scene: a maker's logo. Both sizes must be even.
pub(crate) fn logo(width: usize, height: usize) -> Picture {
    logo::paint(width, height)
}

/// A harbour under a camera: draws one picture after the other.
#[derive(Debug)]
pub struct Scene {
    config: SceneConfig,
    layout: Layout,
    backdrop: Picture,
    clouds: Tile,
    ripples: Tile,
    noise: Noise,
    movers: Movers,
    picture: Picture,
}

impl Scene {
    /// Prepares everything that does not change from frame to frame.
    ///
    /// # Errors
    ///
    /// [`SceneError`] names the first field of `config` that is outside its
    /// limits.
    pub fn new(config: SceneConfig) -> Result<Self, SceneError> {
        validate_size(config.width, config.height)?;
        validate_number("frames_per_second", config.frames_per_second, &FRAME_RATES)?;
        validate_name(&config.name)?;

        // At most 1920.
        let (width, height) = (config.width as usize, config.height as usize);
        let numbers = &mut Seeded::new(config.seed, SCENE);
        let layout = Layout::new(numbers, width as i32, height as i32);
        let palette = Palette::pick(numbers);
        let mut backdrop = Picture::new(width, height);
        backdrop::paint(&mut backdrop, &layout, &palette, numbers);
        // Larger pictures have larger clouds and ripples: 1, 2 or 4 times.
        let zoom = (height / 180).clamp(1, 4).ilog2();
        let layers = |layers: &[(usize, usize, i32)]| -> Vec<Layer> {
            let zoomed = layers.iter().map(|&(width, height, amplitude)| Layer {
                cell_width: width << zoom,
                cell_height: height << zoom,
                amplitude,
            });
            zoomed.collect()
        };
        Ok(Self {
            clouds: Tile::new(numbers, width, &layers(&CLOUDS)),
            ripples: Tile::new(numbers, width, &layers(&RIPPLES)),
            noise: Noise::new(numbers, width, NOISE),
            movers: Movers::new(numbers, &layout),
            picture: backdrop.clone(),
            config,
            layout,
            backdrop,
        })
    }

    /// Draws frame `frame`, taken at `taken` since 1970, in the scene's own
    /// buffer. Frames may be drawn in any order and more than once.
    pub fn draw(&mut self, frame: u32, taken: Duration) -> &Picture {
        let time = u64::from(frame) * 1000 / u64::from(self.config.frames_per_second);
        self.draw_at(frame, time, frame, taken)
    }

    /// The same, when nothing moves but the clock and the mark.
    pub fn draw_still(&mut self, frame: u32, taken: Duration) -> &Picture {
        self.draw_at(0, 0, frame, taken)
    }

    /// The noise of one frame, everything else at a time in milliseconds, and
    /// the mark of a frame.
    fn draw_at(&mut self, noise: u32, time: u64, frame: u32, taken: Duration) -> &Picture {
        self.draw_sky(time);
        self.draw_water(time);
        self.movers.draw(&mut self.picture, &self.layout, time);
        let numbers = &mut Seeded::new(self.config.seed ^ (u64::from(noise) << 32), NOISE_STARTS);
        let width = self.picture.width();
        self.noise.add(&mut self.picture.y, width, numbers);
        caption::draw(&mut self.picture, &self.config.name, taken);
        mark::draw(
            &mut self.picture,
            self.config.unit,
            frame,
            self.config.nonce,
        );
        &self.picture
    }

    /// The sky with its clouds, which whiten what is behind them.
    fn draw_sky(&mut self, time: u64) {
        let width = self.picture.width();
        let drift = time * width as u64 / 64_000;
        // The horizon is inside the picture.
        let horizon = self.layout.horizon as usize;
        for row in 0..horizon {
            // Thinner towards the horizon, so that they do not hide the land.
            let gain = (128 - 104 * row / horizon) as i16;
            let clouds = self.clouds.row(drift, row as u64);
            let luma = row * width..(row + 1) * width;
            let behind = &self.backdrop.y[luma.clone()];
            for ((sample, back), cloud) in self.picture.y[luma].iter_mut().zip(behind).zip(clouds) {
                let cover = ((i16::from(*cloud) - 8).max(0) * gain) >> 7;
                let back = i16::from(*back);
                *sample = (back + (((232 - back) * cover) >> 7)).clamp(16, 235) as u8;
            }
            if row.is_multiple_of(2) {
                let chroma = row / 2 * (width / 2)..(row / 2 + 1) * (width / 2);
                for (plane, backdrop) in [
                    (&mut self.picture.u, &self.backdrop.u),
                    (&mut self.picture.v, &self.backdrop.v),
                ] {
                    let behind = &backdrop[chroma.clone()];
                    let out = plane[chroma.clone()].iter_mut().zip(behind);
                    for ((sample, back), cloud) in out.zip(clouds.iter().step_by(2)) {
                        let cover = ((i16::from(*cloud) - 8).max(0) * gain) >> 7;
                        let back = i16::from(*back);
                        *sample = (back + (((128 - back) * cover) >> 7)) as u8;
                    }
                }
            }
        }
    }

    /// The water: two sets of ripples that run against each other, the higher
    /// the nearer.
    fn draw_water(&mut self, time: u64) {
        let (width, height) = (self.picture.width(), self.picture.height());
        let horizon = self.layout.horizon as usize;
        for row in horizon..height {
            let depth = row - horizon;
            let (near, far) = ((depth as u64) + 16, (height as u64) + 16);
            let drift = time * width as u64 * near / (far * 6_000);
            let swell = time * height as u64 / 40_000;
            let one = self.ripples.row(drift, row as u64 + swell);
            // Far enough that it is never below 0.
            let two = self.ripples.row((1 << 50) - drift, row as u64 * 2 + 101);
            let gain = (48 + depth * 80 / (height - horizon)) as i16;
            let luma = row * width..(row + 1) * width;
            let behind = &self.backdrop.y[luma.clone()];
            let ripples = one.iter().zip(two);
            for ((sample, back), (one, two)) in
                self.picture.y[luma].iter_mut().zip(behind).zip(ripples)
            {
                let ripple = ((i16::from(*one) + i16::from(*two)) * gain) >> 8;
                *sample = (i16::from(*back) + ripple).clamp(16, 235) as u8;
            }
        }
        let chroma = horizon / 2 * (width / 2)..;
        self.picture.u[chroma.clone()].copy_from_slice(&self.backdrop.u[chroma.clone()]);
        self.picture.v[chroma.clone()].copy_from_slice(&self.backdrop.v[chroma]);
    }
}

/// Fails unless there are pictures of this size.
pub(crate) fn validate_size(width: u32, height: u32) -> Result<(), SceneError> {
    for (field, value, limits) in [("width", width, &WIDTHS), ("height", height, &HEIGHTS)] {
        validate_number(field, value, limits)?;
        if !value.is_multiple_of(2) {
            let value = value.into();
            return Err(SceneError::Odd { field, value });
        }
    }
    Ok(())
}

/// Fails unless `value` is within `limits`.
pub(crate) fn validate_number(
    field: &'static str,
    value: u32,
    limits: &RangeInclusive<u32>,
) -> Result<(), SceneError> {
    if limits.contains(&value) {
        return Ok(());
    }
    Err(SceneError::OutOfRange {
        field,
        value: value.into(),
        min: (*limits.start()).into(),
        max: (*limits.end()).into(),
    })
}

fn validate_name(name: &str) -> Result<(), SceneError> {
    if let Some(character) = name.chars().find(|&character| !font::shows(character)) {
        return Err(SceneError::Character { character });
    }
    // The font is ASCII, so octets are characters.
    if !NAME_LENGTHS.contains(&name.len()) {
        return Err(SceneError::OutOfRange {
            field: "length of name",
            value: name.len() as u64,
            min: *NAME_LENGTHS.start() as u64,
            max: *NAME_LENGTHS.end() as u64,
        });
    }
    Ok(())
}

// What numbers are drawn for.
const SCENE: u64 = 1;
const NOISE_STARTS: u64 = 2;

// Layers of texture: cell width, cell height, amplitude.
const CLOUDS: [(usize, usize, i32); 3] = [(64, 16, 70), (32, 8, 34), (8, 4, 12)];
const RIPPLES: [(usize, usize, i32); 3] = [(32, 4, 34), (16, 2, 30), (4, 1, 24)];
/// A quarter of the sensor's largest noise.
const NOISE: i32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> SceneConfig {
        SceneConfig {
            seed: 1,
            width: 320,
            height: 240,
            frames_per_second: 10,
            name: "Quay 3 (west)".to_owned(),
            unit: 1,
            nonce: 2,
        }
    }

    #[test]
    fn a_frame_does_not_depend_on_the_frames_before_it() {
        let moment = Duration::from_millis(1_795_559_857_123);
        let mut one = Scene::new(config()).expect("valid");
        let mut two = one_after_others(moment);
        assert!(one.draw(500, moment) == two.draw(500, moment));
    }

    fn one_after_others(moment: Duration) -> Scene {
        let mut scene = Scene::new(config()).expect("valid");
        for frame in [0, u32::MAX, 17] {
            scene.draw(frame, moment);
        }
        scene
    }

    #[test]
    fn when_all_is_still_only_mark_and_clock_change() {
        let mut scene = Scene::new(config()).expect("valid");
        let start = Duration::from_secs(1_795_559_857);
        let first = scene.draw(0, start).clone();
        assert!(scene.draw_still(0, start) == &first);
        let changed = |other: &Picture| {
            let rows = first.y().chunks(320).zip(other.y().chunks(320));
            rows.filter(|(one, two)| one != two).count()
        };
        let later = start + Duration::from_secs(50);
        let still = changed(scene.draw_still(500, later));
        assert!((1..80).contains(&still), "{still} rows");
        assert!(changed(scene.draw(500, later)) > 200);
    }

    #[test]
    fn seed_name_time_and_frame_all_change_the_picture() {
        let moment = Duration::from_millis(1_795_559_857_123);
        let draw = |change: fn(&mut SceneConfig), frame, taken| {
            let mut config = config();
            change(&mut config);
            let mut scene = Scene::new(config).expect("valid");
            scene.draw(frame, taken).clone()
        };
        let plain = draw(|_| {}, 5, moment);
        assert!(plain != draw(|c| c.seed = 2, 5, moment));
        assert!(plain != draw(|c| c.name = "Quay 3 (east)".to_owned(), 5, moment));
        assert!(plain != draw(|_| {}, 6, moment));
        assert!(plain != draw(|_| {}, 5, moment + Duration::from_millis(1)));
        assert!(plain == draw(|_| {}, 5, moment + Duration::from_micros(1)));
    }

    #[test]
    fn every_size_and_rate_at_the_limits_can_be_drawn() {
        for (width, height) in [
            (176, 144),
            (176, 1080),
            (1920, 144),
            (1920, 1080),
            (178, 146),
        ] {
            for frames_per_second in [1, 60] {
                let config = SceneConfig {
                    width,
                    height,
                    frames_per_second,
                    name: "W".repeat(24),
                    ..config()
                };
                let mut scene = Scene::new(config).expect("valid");
                scene.draw(u32::MAX, Duration::MAX);
            }
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused_with_its_reason() {
        let refused = |change: fn(&mut SceneConfig)| {
            let mut config = config();
            change(&mut config);
            Scene::new(config).expect_err("refused").to_string()
        };
        assert_eq!(
            refused(|c| c.width = 174),
            "width is 174, not from 176 to 1920"
        );
        assert_eq!(
            refused(|c| c.width = 177),
            "width is 177, not an even number"
        );
        assert_eq!(
            refused(|c| c.height = 1082),
            "height is 1082, not from 144 to 1080"
        );
        assert_eq!(
            refused(|c| c.frames_per_second = 61),
            "frames_per_second is 61, not from 1 to 60"
        );
        assert_eq!(
            refused(|c| c.name.clear()),
            "length of name is 0, not from 1 to 24"
        );
        assert_eq!(
            refused(|c| c.name = "Tür".to_owned()),
            "name has 'ü', which the font cannot show"
        );
    }
}
