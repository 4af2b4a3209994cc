//! Which nodes of a machine are pixels, which are labels; all others are hidden.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::rng::Draw;

/// Most classes and copies of labels: a label is one byte.
const MOST: usize = 256;

/// The places of visible units on a machine's graph.
///
/// A label is one-hot in `n_classes` bits, and these bits are there `n_copies` times, so that a class is written in many places
/// of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawLayout")]
pub struct Layout {
    n_nodes: usize,
    n_classes: usize,
    pixels: Vec<u32>,
    /// Copy by copy, class by class.
    labels: Vec<u32>,
}

#[derive(Deserialize)]
struct RawLayout {
    n_nodes: usize,
    n_classes: usize,
    pixels: Vec<u32>,
    labels: Vec<u32>,
}

impl TryFrom<RawLayout> for Layout {
    type Error = Error;
    fn try_from(raw: RawLayout) -> Result<Self> {
        Layout::new(raw.n_nodes, raw.pixels, raw.n_classes, raw.labels)
    }
}

impl Layout {
    /// From the nodes of pixels, and of label bits (all classes of the first copy, then of the next one).
    ///
    /// Errors: 2³² nodes or more, no pixels, more than 256 classes or copies, label bits that are no whole number of copies, a node that is not
    /// there or is used twice.
    pub fn new(n_nodes: usize, pixels: Vec<u32>, n_classes: usize, labels: Vec<u32>) -> Result<Self> {
        if pixels.is_empty() {
            return Err(Error::out_of_range("number of pixels", 0, "at least 1"));
        }
        if n_classes > MOST || (n_classes == 0) != labels.is_empty() {
            return Err(Error::out_of_range(
                "number of classes",
                n_classes,
                "0 without label bits, else 1 to 256",
            ));
        }
        if n_classes > 0 && (!labels.len().is_multiple_of(n_classes) || labels.len() / n_classes > MOST) {
            let allowed = format!("1 to {MOST} times {n_classes}");
            return Err(Error::out_of_range("number of label bits", labels.len(), allowed));
        }
        if u32::try_from(n_nodes).is_err() {
            return Err(Error::out_of_range("number of nodes", n_nodes, "below 2^32"));
        }
        let mut used = vec![false; n_nodes];
        for &node in pixels.iter().chain(&labels) {
            let Some(used) = used.get_mut(node as usize) else {
                return Err(Error::out_of_range("node of a visible unit", node, format!("below {n_nodes}")));
            };
            if std::mem::replace(used, true) {
                return Err(Error::out_of_range("node of a visible unit", node, "used by one unit only"));
            }
        }
        Ok(Layout { n_nodes, n_classes, pixels, labels })
    }
    /// Visible units at random nodes: what is near in the image need not be near in the graph, nor far.
    ///
    /// Errors: more visible units than nodes; as [`Layout::new`].
    pub fn random<R: Draw>(
        n_nodes: usize,
        n_pixels: usize,
        n_classes: usize,
        n_copies: usize,
        rng: &mut R,
    ) -> Result<Self> {
        let mut nodes = Layout::nodes(n_nodes, n_pixels, n_classes, n_copies)?;
        rng.shuffle(&mut nodes);
        Layout::take(nodes, n_pixels, n_classes, n_copies)
    }
    /// Visible units at the first nodes, in order: what random places are compared with.
    ///
    /// Errors: as [`Layout::random`].
    pub fn in_order(n_nodes: usize, n_pixels: usize, n_classes: usize, n_copies: usize) -> Result<Self> {
        Layout::take(Layout::nodes(n_nodes, n_pixels, n_classes, n_copies)?, n_pixels, n_classes, n_copies)
    }
    /// Pixels of an image of `rows` × `columns` where they are in the graph's own picture: each at the free node next to its
    /// place when the image is stretched over the nodes' positions (x to the right, y downward), line by line. Labels at random
    /// nodes of those that are left. What is near in the image is near in the graph.
    ///
    /// Errors: positions that are not finite; as [`Layout::random`].
    pub fn near<R: Draw>(
        positions: &[(f64, f64)],
        (rows, columns): (usize, usize),
        n_classes: usize,
        n_copies: usize,
        rng: &mut R,
    ) -> Result<Self> {
        let n_pixels = rows.saturating_mul(columns);
        let mut free = Layout::nodes(positions.len(), n_pixels, n_classes, n_copies)?;
        if let Some(i) = positions.iter().position(|(x, y)| !(x.is_finite() && y.is_finite())) {
            return Err(Error::out_of_range(
                format!("position of node {i}"),
                format!("{:?}", positions[i]),
                "finite",
            ));
        }
        let range = |of: fn(&(f64, f64)) -> f64| {
            let all = positions.iter().map(of);
            let (least, most) =
                all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
            (least, if most > least { most - least } else { 1.0 })
        };
        let ((left, width), (top, height)) = (range(|p| p.0), range(|p| p.1));
        let mut nodes = Vec::with_capacity(n_pixels);
        for pixel in 0..n_pixels {
            let x = (((pixel % columns) as f64) + 0.5) / columns as f64;
            let y = (((pixel / columns) as f64) + 0.5) / rows as f64;
            let distance = |i: u32| {
                let (dx, dy) = (
                    (positions[i as usize].0 - left) / width - x,
                    (positions[i as usize].1 - top) / height - y,
                );
                dx * dx + dy * dy
            };
            let nearest = (0..free.len()).min_by(|a, b| distance(free[*a]).total_cmp(&distance(free[*b])));
            // There are as many nodes as visible units, or more.
            let Some(nearest) = nearest else { break };
            nodes.push(free.remove(nearest));
        }
        rng.shuffle(&mut free);
        nodes.extend(free);
        Layout::take(nodes, n_pixels, n_classes, n_copies)
    }
    fn nodes(n_nodes: usize, n_pixels: usize, n_classes: usize, n_copies: usize) -> Result<Vec<u32>> {
        if n_classes > MOST || n_copies > MOST {
            let value = format!("{n_classes} classes, {n_copies} copies");
            return Err(Error::out_of_range("labels", value, "at most 256 of each"));
        }
        let n_visible = n_pixels.saturating_add(n_classes * n_copies);
        if n_visible > n_nodes || u32::try_from(n_nodes).is_err() {
            return Err(Error::out_of_range(
                "visible units",
                n_visible,
                format!("at most the graph's {n_nodes} nodes"),
            ));
        }
        Ok((0..n_nodes as u32).collect())
    }
    fn take(nodes: Vec<u32>, n_pixels: usize, n_classes: usize, n_copies: usize) -> Result<Self> {
        let labels = nodes[n_pixels..n_pixels + n_classes * n_copies].to_vec();
        let n_classes = if labels.is_empty() { 0 } else { n_classes };
        Layout::new(nodes.len(), nodes[..n_pixels].to_vec(), n_classes, labels)
    }
    /// Nodes of the graph.
    pub fn n_nodes(&self) -> usize {
        self.n_nodes
    }
    /// Nodes of the pixels, in the order of the pixels.
    pub fn pixels(&self) -> &[u32] {
        &self.pixels
    }
    /// Number of classes; 0 for a machine without labels.
    pub fn n_classes(&self) -> usize {
        self.n_classes
    }
    /// Number of times that every label bit is there.
    pub fn n_copies(&self) -> usize {
        self.labels.len() / self.n_classes.max(1)
    }
    /// Nodes of all label bits: copy by copy, class by class.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
    /// Label bits with the class that each stands for.
    pub fn label_bits(&self) -> impl Iterator<Item = (u32, usize)> + '_ {
        let n = self.n_classes.max(1);
        self.labels.iter().enumerate().map(move |(k, node)| (*node, k % n))
    }
    /// Nodes that are neither pixel nor label.
    pub fn n_hidden(&self) -> usize {
        self.n_nodes - self.pixels.len() - self.labels.len()
    }
    /// Which nodes are free where pixels and labels are clamped or not.
    pub fn free(&self, pixels_clamped: bool, labels_clamped: bool) -> Vec<bool> {
        let mut free = vec![true; self.n_nodes];
        for (clamped, nodes) in [(pixels_clamped, &self.pixels), (labels_clamped, &self.labels)] {
            nodes.iter().filter(|_| clamped).for_each(|node| free[*node as usize] = false);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::rng::Streams;

    #[test]
    fn every_visible_unit_has_a_node_of_its_own() {
        let layout = Layout::random(4264, 784, 10, 5, &mut Streams::new(1).stream("layout", 0)).unwrap();
        assert_eq!((layout.n_hidden(), layout.n_copies(), layout.labels().len()), (3430, 5, 50));
        assert!(layout.pixels() != Layout::in_order(4264, 784, 10, 5).unwrap().pixels());
        let free = layout.free(true, true);
        assert_eq!(free.iter().filter(|f| **f).count(), 3430);
        assert_eq!(layout.free(false, false), vec![true; 4264]);
        assert_eq!(layout.label_bits().filter(|(_, class)| *class == 3).count(), 5);
        let text = serde_json::to_string(&layout).unwrap();
        assert_eq!(serde_json::from_str::<Layout>(&text).unwrap(), layout);
    }

    #[test]
    fn near_pixels_are_near_in_the_graph() {
        // A grid of 6 x 4 nodes, numbered by column, under an image of 3 x 2 pixels.
        let positions: Vec<(f64, f64)> = (0..24).map(|i| (f64::from(i / 6), f64::from(i % 6))).collect();
        let mut rng = Streams::new(1).stream("layout", 2);
        let layout = Layout::near(&positions, (3, 2), 2, 3, &mut rng).unwrap();
        let places: Vec<(f64, f64)> = layout.pixels().iter().map(|i| positions[*i as usize]).collect();
        for (pixel, (x, y)) in places.iter().enumerate() {
            let (wanted_x, wanted_y) =
                (0.75 + 1.5 * (pixel % 2) as f64, 5.0 * ((pixel / 2) as f64 + 0.5) / 3.0);
            assert!((x - wanted_x).abs() <= 1.0 && (y - wanted_y).abs() <= 1.0, "{pixel}: {x} {y}");
        }
        assert_eq!((layout.n_copies(), layout.n_hidden()), (3, 12));
        // All pixels on one spot take the nodes one after the other; a line has no height.
        let line: Vec<(f64, f64)> = (0..5).map(|i| (f64::from(i), 0.0)).collect();
        assert_eq!(Layout::near(&line, (1, 5), 0, 0, &mut rng).unwrap().pixels(), [0, 1, 2, 3, 4]);
        assert!(Layout::near(&line, (2, 3), 0, 0, &mut rng).is_err());
        assert!(Layout::near(&[(f64::NAN, 0.0)], (1, 1), 0, 0, &mut rng).is_err());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut rng = Streams::new(1).stream("layout", 1);
        for (n, pixels, classes, copies) in
            [(833, 784, 10, 5), (10, 0, 0, 0), (usize::MAX, 1, 0, 0), (4264, 784, 257, 1)]
        {
            assert!(Layout::random(n, pixels, classes, copies, &mut rng).is_err());
        }
        assert!(Layout::random(10, 10, 0, 5, &mut rng).is_ok());
        assert!(Layout::new(10, vec![1, 1], 0, vec![]).is_err());
        assert!(Layout::new(usize::MAX, vec![1], 0, vec![]).is_err());
        assert!(Layout::new(10, vec![10], 0, vec![]).is_err());
        assert!(Layout::new(10, vec![1], 2, vec![2, 3, 4]).is_err());
        assert!(Layout::new(10, vec![1], 0, vec![2]).is_err());
    }
}
