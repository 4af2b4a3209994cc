//! Grey images as PNG.

use super::figure::{Content, Figure};
use crate::error::Failure;

/// The PNG file of an image figure.
pub(super) fn png(figure: &Figure) -> Result<Vec<u8>, Failure> {
    let failed = |why: &str| Failure::Check(format!("figure {}: {why}", figure.id));
    let Content::Image { width, height, pixels } = &figure.content else {
        return Err(failed("not an image"));
    };
    if width.checked_mul(*height) != Some(pixels.len()) || pixels.is_empty() {
        return Err(failed(&format!("{} pixels do not fill {width} x {height}", pixels.len())));
    }
    let side = |n: usize| u32::try_from(n).map_err(|_| failed("too large for PNG"));
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, side(*width)?, side(*height)?);
    encoder.set_color(::png::ColorType::Grayscale);
    encoder.set_depth(::png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut w| {
        w.write_image_data(pixels)?;
        w.finish()
    });
    written.map_err(|e| failed(&e.to_string()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_come_back() {
        let pixels: Vec<u8> = (0..=255).chain(0..44).collect();
        let file = png(&Figure::image("i", "", "", 20, 15, pixels.clone())).expect("png");
        let mut reader = ::png::Decoder::new(std::io::Cursor::new(file)).read_info().expect("info");
        let mut read = vec![0; reader.output_buffer_size().expect("size")];
        let info = reader.next_frame(&mut read).expect("frame");
        assert_eq!((info.width, info.height, &read[..]), (20, 15, &pixels[..]));
    }

    #[test]
    fn wrong_sizes_are_refused() {
        for (width, height, n) in [(2, 2, 3), (0, 0, 0), (usize::MAX, 2, 4)] {
            assert!(png(&Figure::image("i", "", "", width, height, vec![0; n])).is_err());
        }
    }
}
