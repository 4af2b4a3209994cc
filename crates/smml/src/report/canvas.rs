//! What plots are drawn on: plotters' SVG backend in tenths of a unit, with clipping, thinning of long curves, dashes
//! and markers. It knows nothing of axes or series.
//!
//! The backend has whole coordinates, so everything is drawn ten times as large as it is shown.

use super::{palette::Ink, text::printable};
use crate::error::Failure;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Backend units for one unit of length.
const TENTHS: f64 = 10.0;

/// A point in units of length, from the top left corner.
pub(super) type Point = (f64, f64);

/// A rectangle by its corners: left, top, right, bottom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

/// Where a text stands from its point.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    /// Begins there, vertically centred.
    Left,
    /// Ends there, vertically centred.
    Right,
    /// Centred below.
    Below,
}

/// Forms of markers, so that series differ by more than colour.
pub(super) const MARKERS: usize = 5;

/// A drawing in the making.
pub(super) struct Canvas<'a> {
    backend: SVGBackend<'a>,
    failed: Option<String>,
}

impl<'a> Canvas<'a> {
    pub(super) fn new(buffer: &'a mut String, width: f64, height: f64) -> Self {
        let size = ((width * TENTHS).round() as u32, (height * TENTHS).round() as u32);
        Canvas { backend: SVGBackend::with_string(buffer, size), failed: None }
    }

    /// Closes the document.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let done = self.backend.present();
        self.keep(done);
        match self.failed {
            Some(e) => Err(Failure::File(format!("drawing a figure: {e}"))),
            None => Ok(()),
        }
    }

    pub(super) fn text(&mut self, text: &str, at: Point, size: f64, ink: Ink, anchor: Anchor) {
        let (h, v) = match anchor {
            Anchor::Left => (HPos::Left, VPos::Center),
            Anchor::Right => (HPos::Right, VPos::Center),
            Anchor::Below => (HPos::Center, VPos::Top),
        };
        // The backend divides sizes by 1.24.
        let style = ("inherit", size * TENTHS * 1.24).into_font().color(&colour(ink)).pos(Pos::new(h, v));
        let text: String = text.chars().map(printable).collect();
        let done = self.backend.draw_text(&text, &style, whole(at));
        self.keep(done);
    }

    pub(super) fn line(&mut self, from: Point, to: Point, ink: Ink, thickness: f64) {
        let style = stroke(ink, thickness);
        let done = self.backend.draw_line(whole(from), whole(to), &style);
        self.keep(done);
    }

    /// An area within a frame, filled with this opacity.
    pub(super) fn area(&mut self, corners: &[Point], ink: Ink, opacity: f64) {
        let style = ShapeStyle { color: colour(ink).mix(opacity), filled: true, stroke_width: 0 };
        let done = self.backend.fill_polygon(corners.iter().map(|p| whole(*p)), &style);
        self.keep(done);
    }

    /// A curve through points, clipped to a frame; `None` is a gap.
    pub(super) fn curve(&mut self, points: &[Option<Point>], frame: Frame, ink: Ink, thickness: f64) {
        for piece in points.split(Option::is_none) {
            let piece: Vec<Point> = thin(piece.iter().flatten().copied());
            let mut path: Vec<Point> = Vec::new();
            for pair in piece.windows(2) {
                match clip(pair[0], pair[1], frame) {
                    Some((a, b)) => {
                        if path.last() != Some(&a) {
                            self.path(&path, ink, thickness);
                            path = vec![a];
                        }
                        path.push(b);
                    }
                    None => {
                        self.path(&path, ink, thickness);
                        path.clear();
                    }
                }
            }
            self.path(&path, ink, thickness);
        }
    }

    fn path(&mut self, path: &[Point], ink: Ink, thickness: f64) {
        if path.len() > 1 {
            let style = stroke(ink, thickness);
            let done = self.backend.draw_path(path.iter().map(|p| whole(*p)), &style);
            self.keep(done);
        }
    }

    /// A marker of one of [`MARKERS`] forms with about the area of a circle of this radius.
    pub(super) fn marker(&mut self, (x, y): Point, form: usize, radius: f64, ink: Ink) {
        let style = ShapeStyle { color: colour(ink).to_rgba(), filled: true, stroke_width: 0 };
        let r = radius;
        let corners: &[Point] = match form % MARKERS {
            0 => {
                let done = self.backend.draw_circle(whole((x, y)), (r * TENTHS).round() as u32, &style, true);
                return self.keep(done);
            }
            1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
            2 => &[(0.0, -1.3), (1.2, 0.85), (-1.2, 0.85)],
            3 => &[(0.0, -1.35), (1.35, 0.0), (0.0, 1.35), (-1.35, 0.0)],
            _ => &[(0.0, 1.3), (1.2, -0.85), (-1.2, -0.85)],
        };
        let path: Vec<(i32, i32)> = corners.iter().map(|c| whole((x + r * c.0, y + r * c.1))).collect();
        let done = self.backend.fill_polygon(path, &style);
        self.keep(done);
    }

    fn keep<E: std::fmt::Display>(&mut self, done: Result<(), E>) {
        if let Err(e) = done {
            self.failed.get_or_insert_with(|| e.to_string());
        }
    }
}

impl Frame {
    /// Whether a point lies inside, its edges included.
    pub(super) fn holds(&self, (x, y): Point) -> bool {
        let slack = 1e-6;
        x >= self.left - slack && x <= self.right + slack && y >= self.top - slack && y <= self.bottom + slack
    }
}

fn colour(ink: Ink) -> RGBColor {
    let (r, g, b) = ink.sentinel();
    RGBColor(r, g, b)
}

fn stroke(ink: Ink, thickness: f64) -> ShapeStyle {
    colour(ink).stroke_width((thickness * TENTHS).round() as u32)
}

/// Backend coordinates; the cast saturates.
fn whole((x, y): Point) -> (i32, i32) {
    ((x * TENTHS).round() as i32, (y * TENTHS).round() as i32)
}

/// At most four points (first, lowest, highest, last) for each unit of width that a curve stays in: it looks the same,
/// and histories of a million points stay small.
fn thin(points: impl Iterator<Item = Point>) -> Vec<Point> {
    let mut out: Vec<Point> = Vec::new();
    let mut column: Vec<Point> = Vec::new();
    for p in points {
        if column.first().is_some_and(|q| q.0.floor() != p.0.floor()) {
            out.append(&mut column);
        }
        column.push(p);
        if column.len() > 4 {
            // Of the three in the middle the one that is neither lowest nor highest goes.
            let middle = [column[1].1, column[2].1, column[3].1];
            let lowest = middle.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = middle.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let spare = (1..4).find(|&i| column[i].1 > lowest && column[i].1 < highest).unwrap_or(2);
            column.remove(spare);
        }
    }
    out.append(&mut column);
    out
}

/// The part of a segment inside a frame (Liang and Barsky).
fn clip(a: Point, b: Point, frame: Frame) -> Option<(Point, Point)> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    if !(dx.is_finite() && dy.is_finite()) {
        return None;
    }
    let (mut from, mut to) = (0.0f64, 1.0f64);
    for (step, room) in
        [(-dx, a.0 - frame.left), (dx, frame.right - a.0), (-dy, a.1 - frame.top), (dy, frame.bottom - a.1)]
    {
        if step == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            from = from.max(room / step);
        } else {
            to = to.min(room / step);
        }
    }
    if !(from <= to) {
        return None;
    }
    let at = |t: f64| {
        if t == 0.0 {
            a
        } else if t == 1.0 {
            b
        } else {
            (a.0 + t * dx, a.1 + t * dy)
        }
    };
    Some((at(from), at(to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Frame = Frame { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 };

    #[test]
    fn segments_are_clipped() {
        assert_eq!(clip((0.2, 0.2), (0.8, 0.4), UNIT), Some(((0.2, 0.2), (0.8, 0.4))));
        assert_eq!(clip((-1.0, 0.5), (2.0, 0.5), UNIT), Some(((0.0, 0.5), (1.0, 0.5))));
        assert_eq!(clip((0.5, -1.0), (0.5, 0.5), UNIT), Some(((0.5, 0.0), (0.5, 0.5))));
        assert_eq!(clip((-1.0, 0.5), (0.5, 2.5), UNIT), None);
        assert_eq!(clip((2.0, 0.5), (3.0, 0.5), UNIT), None);
        assert_eq!(clip((f64::NAN, 0.5), (3.0, 0.5), UNIT), None);
    }

    #[test]
    fn long_curves_keep_their_extremes() {
        let curve = (0..100_000).map(|i| {
            let x = f64::from(i) * 1e-3;
            (x, if i == 50_123 { 9.0 } else { (x * 700.0).sin() })
        });
        let thinned = thin(curve);
        assert!(thinned.len() <= 400, "{}", thinned.len());
        assert!(thinned.iter().any(|p| p.1 == 9.0));
        assert!(thinned.windows(2).all(|w| w[0].0 <= w[1].0));
        for column in 0..100 {
            let column = thinned.iter().filter(|p| p.0.floor() == f64::from(column));
            let (lo, hi) = column.fold((1.0f64, -1.0f64), |(l, h), p| (l.min(p.1), h.max(p.1)));
            assert!(lo < -0.999 && hi > 0.999);
        }
    }
}
