//! Pictures of images and filters as tiles of grey values. Writing a PNG file belongs to the program.

use super::rbm::Rbm;
use crate::error::{Error, Result};

/// An 8-bit greyscale picture, row-major; 0 is black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrayImage {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Grey values.
    pub pixels: Vec<u8>,
}

/// The shape of a grid of tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Rows of a tile.
    pub rows: usize,
    /// Columns of a tile.
    pub columns: usize,
    /// Tiles side by side.
    pub across: usize,
    /// Pixels between tiles and around them.
    pub gap: usize,
    /// Grey value of the gaps.
    pub background: u8,
}

impl Grid {
    /// Tiles of this size in a nearly square arrangement of `n`, with a gap of one pixel.
    pub fn square(rows: usize, columns: usize, n: usize) -> Self {
        let across = (1..=n).find(|k| k * k >= n).unwrap_or(1);
        Grid { rows, columns, across, gap: 1, background: 128 }
    }
    /// Tiles from values in [0, 1], one tile after the other (0 black, 1 white; values outside are cut).
    ///
    /// Errors: an empty tile or row, values that do not fill whole tiles, a picture of more than 2²⁸ pixels.
    pub fn tile(&self, values: &[f32]) -> Result<GrayImage> {
        let size = self.rows.saturating_mul(self.columns);
        if size == 0 || self.across == 0 {
            let given = format!("{} x {} pixels, {} across", self.rows, self.columns, self.across);
            return Err(Error::out_of_range("grid", given, "at least 1 x 1 pixels, 1 across"));
        }
        if values.is_empty() || !values.len().is_multiple_of(size) {
            return Err(Error::length("pixels of tiles", values.len(), (values.len() / size).max(1) * size));
        }
        let down = (values.len() / size).div_ceil(self.across);
        let side =
            |n: usize, tile: usize| n.saturating_mul(tile.saturating_add(self.gap)).saturating_add(self.gap);
        let (width, height) = (side(self.across, self.columns), side(down, self.rows));
        if width.saturating_mul(height) > 1 << 28 {
            return Err(Error::out_of_range("picture", format!("{width} x {height}"), "at most 2^28 pixels"));
        }
        let mut pixels = vec![self.background; width * height];
        for (k, tile) in values.chunks_exact(size).enumerate() {
            let top = self.gap + k / self.across * (self.rows + self.gap);
            let left = self.gap + k % self.across * (self.columns + self.gap);
            for (r, row) in tile.chunks_exact(self.columns).enumerate() {
                let at = (top + r) * width + left;
                for (pixel, value) in pixels[at..at + self.columns].iter_mut().zip(row) {
                    *pixel = (255.0 * value).round() as u8; // saturates; a NaN is black
                }
            }
        }
        Ok(GrayImage { width, height, pixels })
    }
    /// The weights of the first `n` hidden units as tiles: mid-grey is 0, and the largest |W| of each filter is black
    /// or white. Label units after the pixels are left out.
    pub fn filters(&self, rbm: &Rbm, n: usize) -> Result<GrayImage> {
        let size = self.rows.saturating_mul(self.columns);
        if size > rbm.n_visible() {
            return Err(Error::length("visible units", rbm.n_visible(), size));
        }
        let mut values = Vec::new();
        for j in 0..n.min(rbm.n_hidden()) {
            let filter = || (0..size).map(|i| rbm.row(i)[j]);
            let largest = filter().fold(0.0, |m: f64, w| m.max(w.abs()));
            let scale = if largest > 0.0 { 0.5 / largest } else { 0.0 };
            values.extend(filter().map(|w| (0.5 + scale * w) as f32));
        }
        self.tile(&values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_where_they_should() {
        let grid = Grid { rows: 1, columns: 2, across: 2, gap: 1, background: 9 };
        let image = grid.tile(&[0.0, 1.0, 0.5, 2.0, -1.0, f32::NAN]).unwrap();
        assert_eq!((image.width, image.height), (7, 5));
        #[rustfmt::skip]
        assert_eq!(image.pixels, [
            9, 9, 9, 9, 9, 9, 9,
            9, 0, 255, 9, 128, 255, 9,
            9, 9, 9, 9, 9, 9, 9,
            9, 0, 0, 9, 9, 9, 9,
            9, 9, 9, 9, 9, 9, 9,
        ]);
        assert!(grid.tile(&[0.0; 3]).is_err() && grid.tile(&[]).is_err());
        assert!(Grid { across: 0, ..grid }.tile(&[0.0; 2]).is_err());
        assert!(Grid { gap: usize::MAX, ..grid }.tile(&[0.0; 2]).is_err());
        assert_eq!(Grid::square(2, 2, 10).across, 4);
    }

    #[test]
    fn filters_are_symmetric_about_grey() {
        let rbm = Rbm::new(vec![0.0; 3], vec![0.0; 2], vec![1.0, 0.0, -2.0, 0.0, 0.5, 0.0]).unwrap();
        let grid = Grid { rows: 1, columns: 3, across: 2, gap: 0, background: 0 };
        assert_eq!(grid.filters(&rbm, 5).unwrap().pixels, [191, 0, 159, 128, 128, 128]);
    }
}
