//! Recovered pictures as PNG.

use crate::decoder::Picture;

/// The picture in RGB (ITU-R BT.601, limited range) as a PNG file.
pub fn png(picture: &Picture) -> Vec<u8> {
    let (width, height) = (picture.width, picture.height);
    let mut rgb = Vec::with_capacity(width * height * 3);
    for row in 0..height {
        for column in 0..width {
            let chroma = (row / 2) * (width / 2) + column / 2;
            let sample = |plane: &[u8], at: usize| f32::from(plane.get(at).copied().unwrap_or(128));
            let y = 1.164 * (sample(&picture.y, row * width + column) - 16.0);
            let u = sample(&picture.u, chroma) - 128.0;
            let v = sample(&picture.v, chroma) - 128.0;
            // Casts saturate.
            rgb.push((y + 1.596 * v).round() as u8);
            rgb.push((y - 0.391 * u - 0.813 * v).round() as u8);
            rgb.push((y + 2.018 * u).round() as u8);
        }
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder
        .write_header()
        .and_then(|mut w| w.write_image_data(&rgb));
    // Writing to memory fails only for a picture without pixels: it has no file.
    if written.is_err() {
        file.clear();
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_bt_601() {
        // Two rows and two columns of one colour each: white, black, red, blue.
        for (y, u, v, rgb) in [
            (235, 128, 128, [255, 255, 255]),
            (16, 128, 128, [0, 0, 0]),
            (81, 90, 240, [254, 0, 0]),
            (41, 240, 110, [0, 0, 255]),
        ] {
            let picture = Picture {
                width: 2,
                height: 2,
                y: vec![y; 4],
                u: vec![u],
                v: vec![v],
                damaged: false,
            };
            let file = png(&picture);
            let mut reader = png::Decoder::new(std::io::Cursor::new(file))
                .read_info()
                .unwrap();
            let mut octets = vec![0; reader.output_buffer_size().unwrap()];
            let info = reader.next_frame(&mut octets).unwrap();
            assert_eq!((info.width, info.height), (2, 2));
            assert_eq!(octets, rgb.repeat(4));
        }
    }

    #[test]
    fn a_picture_without_pixels_has_no_file() {
        let picture = Picture {
            width: 0,
            height: 0,
            y: Vec::new(),
            u: Vec::new(),
            v: Vec::new(),
            damaged: false,
        };
        assert!(png(&picture).is_empty());
    }
}
