//! Forward and backward passes over rows of examples, in blocks.
//!
//! A block of 48 rows goes through all layers on one thread. Weight gradients are then summed over the blocks in
//! order, each thread working on rows of a weight matrix of its own: no sum depends on the number of threads.

use super::{
    architecture::Architecture,
    product::{Left, Right, View, multiply_add, pack_left, pack_right},
};
use smml_core::parallel::{self, Par};

/// Rows of a block: eight register tiles.
const BLOCK: usize = 48;
/// Blocks in memory at once.
const BLOCKS: usize = 16;
/// Rows of a weight matrix whose gradient is one piece of work.
const BAND: usize = 48;

/// The loss of a row by its logits and its label; the logits are overwritten with its derivatives.
pub(super) type Head<'a> = &'a (dyn Fn(&mut [f64], usize) -> f64 + Sync);

/// Rows of examples: all of them, or some by number.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) features: &'a [f32],
    /// Empty when only outputs are wanted.
    pub(super) labels: &'a [u8],
    /// Of mean 1; empty when all weigh the same.
    pub(super) weights: &'a [f64],
    pub(super) picked: Option<&'a [u32]>,
    pub(super) n: usize,
    /// What becomes of the logits; cross-entropy when there is none.
    pub(super) head: Option<Head<'a>>,
}

impl Rows<'_> {
    fn place(&self, i: usize) -> usize {
        self.picked.map_or(i, |p| p[i] as usize)
    }
}

/// Working memory of evaluations: activations of some rows, and packed weights. It never changes a result.
#[derive(Clone, Debug, Default)]
pub struct Workspace {
    blocks: Vec<Block>,
    forward: Vec<Right>,
    backward: Vec<Right>,
    bands: Vec<Left>,
}

#[derive(Clone, Debug, Default)]
struct Block {
    n: usize,
    /// Values of each layer, rows × units; the last are logits.
    values: Vec<Vec<f64>>,
    /// ∂E/∂z of a layer, rows × units, and memory for the layer before it.
    delta: Vec<f64>,
    delta_before: Vec<f64>,
    /// ∂E/∂z of the layer after each map, packed.
    packed_delta: Vec<Right>,
    /// Σ over rows of ∂E/∂z: the gradient of the biases after each map.
    bias: Vec<Vec<f64>>,
    left: Left,
    loss: f64,
}

impl Workspace {
    fn pack(&mut self, a: &Architecture, x: &[f64], backward: bool) {
        self.forward.resize(a.n_maps(), Right::new());
        self.backward.resize(a.n_maps(), Right::new());
        for m in 0..a.n_maps() {
            let (n_in, n_out) = (a.layers()[m], a.layers()[m + 1]);
            let w = View::rows(&x[a.map(m).0], n_out);
            pack_right(w, n_in, n_out, &mut self.forward[m]);
            if backward && m > 0 {
                pack_right(w.transposed(), n_out, n_in, &mut self.backward[m]);
            }
        }
    }

    /// Runs blocks of rows from `first` on; returns how many blocks and rows there were.
    fn run(
        &mut self,
        a: &Architecture,
        x: &[f64],
        rows: &Rows<'_>,
        first: usize,
        scale: Option<f64>,
        par: Par,
    ) -> (usize, usize) {
        let n = (rows.n - first).min(BLOCK * BLOCKS);
        let n_blocks = n.div_ceil(BLOCK);
        if self.blocks.len() < n_blocks {
            self.blocks.resize(n_blocks, Block::default());
        }
        let (forward, backward) = (&self.forward, &self.backward);
        parallel::each(par, &mut self.blocks[..n_blocks], |k, block| {
            let from = first + k * BLOCK;
            block.load(a, rows, from, BLOCK.min(rows.n - from));
            block.forward(a, x, forward);
            if !rows.labels.is_empty() {
                block.losses(a, rows, from);
            }
            if let Some(scale) = scale {
                block.backward(a, backward, scale);
            }
        });
        (n_blocks, n)
    }

    /// The values of a layer (the last one has the logits) for all rows, handed to `visit` in order.
    pub(super) fn values(
        &mut self,
        a: &Architecture,
        x: &[f64],
        rows: &Rows<'_>,
        par: Par,
        layer: usize,
        mut visit: impl FnMut(&[f64]),
    ) {
        self.pack(a, x, false);
        let mut first = 0;
        while first < rows.n {
            let (n_blocks, n) = self.run(a, x, rows, first, None, par);
            for block in &self.blocks[..n_blocks] {
                block.values[layer].chunks_exact(a.layers()[layer]).for_each(&mut visit);
            }
            first += n;
        }
    }

    /// The weighted mean over rows of -ln P(label | features).
    pub(super) fn loss(&mut self, a: &Architecture, x: &[f64], rows: &Rows<'_>, par: Par) -> f64 {
        self.pack(a, x, false);
        let (mut total, mut first) = (0.0, 0);
        while first < rows.n {
            let (n_blocks, n) = self.run(a, x, rows, first, None, par);
            self.blocks[..n_blocks].iter().for_each(|b| total += b.loss);
            first += n;
        }
        total / rows.n as f64
    }

    /// [`Self::loss`], with its gradient written into `gradient`.
    pub(super) fn gradient(
        &mut self,
        a: &Architecture,
        x: &[f64],
        rows: &Rows<'_>,
        par: Par,
        gradient: &mut [f64],
    ) -> f64 {
        self.pack(a, x, true);
        gradient.fill(0.0);
        let (mut total, mut first) = (0.0, 0);
        while first < rows.n {
            let (n_blocks, n) = self.run(a, x, rows, first, Some(1.0 / rows.n as f64), par);
            let blocks = &self.blocks[..n_blocks];
            blocks.iter().for_each(|b| total += b.loss);
            for m in 0..a.n_maps() {
                let (n_in, n_out) = (a.layers()[m], a.layers()[m + 1]);
                let (weights, biases) = a.map(m);
                let n_bands = n_in.div_ceil(BAND);
                if self.bands.len() < n_bands {
                    self.bands.resize(n_bands, Left::new());
                }
                let mut bands: Vec<(&mut [f64], &mut Left)> =
                    gradient[weights].chunks_mut(BAND * n_out).zip(&mut self.bands).collect();
                parallel::each(par, &mut bands, |k, (band, left)| {
                    for block in blocks {
                        let inputs = View::rows(&block.values[m], n_in).transposed().starting_at(k * BAND);
                        pack_left(inputs, band.len() / n_out, block.n, left);
                        multiply_add(left, &block.packed_delta[m], block.n, n_out, band);
                    }
                });
                for block in blocks {
                    gradient[biases.clone()].iter_mut().zip(&block.bias[m]).for_each(|(g, d)| *g += d);
                }
            }
            first += n;
        }
        total / rows.n as f64
    }
}

impl Block {
    fn load(&mut self, a: &Architecture, rows: &Rows<'_>, from: usize, n: usize) {
        let width = a.n_inputs();
        self.n = n;
        self.values.resize(a.n_maps() + 1, Vec::new());
        self.values[0].clear();
        for i in from..from + n {
            let at = rows.place(i) * width;
            self.values[0].extend(rows.features[at..at + width].iter().map(|v| f64::from(*v)));
        }
    }

    fn forward(&mut self, a: &Architecture, x: &[f64], weights: &[Right]) {
        for m in 0..a.n_maps() {
            let (n_in, n_out) = (a.layers()[m], a.layers()[m + 1]);
            let (before, after) = self.values.split_at_mut(m + 1);
            let out = &mut after[0];
            pack_left(View::rows(&before[m], n_in), self.n, n_in, &mut self.left);
            out.clear();
            (0..self.n).for_each(|_| out.extend_from_slice(&x[a.map(m).1]));
            multiply_add(&self.left, &weights[m], n_in, n_out, out);
            if m + 1 < a.n_maps() {
                let f = a.activation();
                out.iter_mut().for_each(|z| *z = f.value(*z));
            }
        }
    }

    /// Σ w ℓ over the rows, and w ∂ℓ/∂z into `delta`; ℓ = -ln P(label) unless there is a head.
    fn losses(&mut self, a: &Architecture, rows: &Rows<'_>, from: usize) {
        let width = a.n_classes();
        self.loss = 0.0;
        self.delta.clear();
        for (i, logits) in self.values[a.n_maps()].chunks_exact(width).enumerate() {
            let place = rows.place(from + i);
            let label = usize::from(rows.labels[place]);
            let at = self.delta.len();
            self.delta.extend_from_slice(logits);
            let loss = match rows.head {
                Some(head) => head(&mut self.delta[at..], label),
                None => {
                    let loss = softmax(&mut self.delta[at..], label);
                    self.delta[at + label] -= 1.0;
                    loss
                }
            };
            match rows.weights.get(place) {
                None => self.loss += loss,
                Some(w) => {
                    // A row of weight 0 is not there, however unlikely its label.
                    self.loss += if *w > 0.0 { w * loss } else { 0.0 };
                    self.delta[at..].iter_mut().for_each(|d| *d *= w);
                }
            }
        }
    }

    fn backward(&mut self, a: &Architecture, weights: &[Right], scale: f64) {
        self.packed_delta.resize(a.n_maps(), Right::new());
        self.bias.resize(a.n_maps(), Vec::new());
        self.delta.iter_mut().for_each(|d| *d *= scale);
        for m in (0..a.n_maps()).rev() {
            let (n_in, n_out) = (a.layers()[m], a.layers()[m + 1]);
            pack_right(View::rows(&self.delta, n_out), self.n, n_out, &mut self.packed_delta[m]);
            let bias = &mut self.bias[m];
            bias.clear();
            bias.resize(n_out, 0.0);
            for row in self.delta.chunks_exact(n_out) {
                bias.iter_mut().zip(row).for_each(|(b, d)| *b += d);
            }
            if m > 0 {
                pack_left(View::rows(&self.delta, n_out), self.n, n_out, &mut self.left);
                self.delta_before.clear();
                self.delta_before.resize(self.n * n_in, 0.0);
                multiply_add(&self.left, &weights[m], n_out, n_in, &mut self.delta_before);
                let f = a.activation();
                self.delta_before.iter_mut().zip(&self.values[m]).for_each(|(d, v)| *d *= f.slope(*v));
                std::mem::swap(&mut self.delta, &mut self.delta_before);
            }
        }
    }
}

/// Turns logits into probabilities in place, and returns -ln P(label).
pub(super) fn softmax(z: &mut [f64], label: usize) -> f64 {
    let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let below = top - z[label];
    let mut sum = 0.0;
    for v in z.iter_mut() {
        *v = libm::exp(*v - top);
        sum += *v;
    }
    z.iter_mut().for_each(|v| *v /= sum);
    libm::log(sum) + below
}
