//! Drawings of graphs: vertices at given places, an edge as a straight line, colours of a colouring.

use super::{
    palette::{COLOURS, HUES},
    text::escape,
};
use std::fmt::Write as _;

/// Units of length for a vertex: each has about this square to itself.
const CELL: f64 = 10.0;
const RADIUS: f64 = 2.4;

/// The graph as an SVG document; `colours` gives a hue for each vertex, beyond [`HUES`] from the first again.
pub(crate) fn svg(
    title: &str,
    positions: &[(f64, f64)],
    edges: impl Iterator<Item = (usize, usize)>,
    colours: Option<&[u32]>,
) -> String {
    let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
    for &(x, y) in positions {
        (low, high) = ((low.0.min(x), low.1.min(y)), (high.0.max(x), high.1.max(y)));
    }
    let (width, height) = ((high.0 - low.0).max(0.0), (high.1 - low.1).max(0.0));
    // One row has no height, but its vertices want room as well.
    let (n, longest) = (positions.len().max(1) as f64, width.max(height));
    let area = width.max(longest / n) * height.max(longest / n);
    let scale = if area > 0.0 { CELL * (n / area).sqrt() } else { 1.0 };
    let at = |v: usize| ((positions[v].0 - low.0) * scale + CELL, (positions[v].1 - low.1) * scale + CELL);
    let (across, down) = (width * scale + 2.0 * CELL, height * scale + 2.0 * CELL);
    let (line, page) = (COLOURS[HUES + 1].1, COLOURS[HUES + 3].1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {across:.1} {down:.1}\" role=\"img\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" fill=\"{page}\"/>\n\
         <path fill=\"none\" stroke=\"{line}\" stroke-width=\"0.4\" stroke-opacity=\"0.6\" d=\"",
        escape(title)
    );
    // Writing to a String cannot fail.
    for (i, j) in edges {
        let ((x, y), (to_x, to_y)) = (at(i), at(j));
        let _ = write!(out, "M{x:.1} {y:.1}L{to_x:.1} {to_y:.1}");
    }
    out += "\"/>\n";
    for hue in 0..HUES {
        let mut of_hue =
            (0..positions.len()).filter(|&v| colours.map_or(0, |c| c[v] as usize % HUES) == hue).peekable();
        if of_hue.peek().is_some() {
            let _ = writeln!(out, "<g fill=\"{}\">", COLOURS[hue].1);
            for (x, y) in of_hue.map(at) {
                let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{RADIUS}\"/>");
            }
            out += "</g>\n";
        }
    }
    out + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vertex_and_edge_is_drawn_where_it_belongs() {
        let square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        let text = svg("a < b", &square, [(0, 1), (1, 2)].into_iter(), Some(&[0, 1, 0, 1]));
        assert!(text.contains("<title>a &lt; b</title>"));
        // A square of four vertices: 20 units for each side, and a margin.
        assert!(text.contains("viewBox=\"0 0 40.0 40.0\""));
        assert!(text.contains("d=\"M10.0 10.0L30.0 10.0M30.0 10.0L30.0 30.0\""));
        let groups: Vec<&str> = text.split("<g fill=").skip(1).collect();
        assert_eq!(groups.len(), 2);
        assert!(groups[0].contains(COLOURS[0].1) && groups[0].contains("cx=\"30.0\" cy=\"30.0\""));
        assert!(groups[1].contains(COLOURS[1].1) && groups[1].contains("cx=\"10.0\" cy=\"30.0\""));
        assert_eq!(text.matches("<circle").count(), 4);
        assert_eq!(svg("", &square, [].into_iter(), None).matches("<g fill=").count(), 1);
    }

    #[test]
    fn rows_and_single_vertices_have_a_size() {
        let row: Vec<(f64, f64)> = (0..5).map(|i| (f64::from(i), 2.5)).collect();
        for positions in [&row[..], &row[..1]] {
            let text = svg("", positions, [].into_iter(), None);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            assert_eq!(text.matches("<circle").count(), positions.len());
        }
    }
}
