//! The fast engine: parameters in f32, states as bits, every product of a matrix with states a sum of rows.
//!
//! States of binary units are sparse, so adding the rows of active units beats a dense product. Padding to whole lines
//! and the order of storage stay inside this module. Parallel work is over panels (disjoint columns), so the number of
//! threads changes nothing; random numbers belong to (purpose, step, panel).

mod kernels;

use super::rbm::Rbm;
pub(crate) use kernels::{Active, Line, Lists, PANEL, Rule, SAFE_TERMS, Short, n_shorts};
use kernels::{Bits16, ZERO};
use smml_core::{
    parallel::{self, Par},
    rng::{Draw, Streams, WideStream},
};

/// Field of a unit that is only padding: it never fires.
pub(crate) const NEVER: f32 = -100.0;

/// A range of lines that are stored together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    pub(crate) first: usize,
    pub(crate) n_lines: usize,
}

/// Where the units of a layer are: `n_main` units, then `n_labels` label units on lines of their own.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) n_main: usize,
    pub(crate) n_labels: usize,
    pub(crate) n_lines: usize,
    pub(crate) panels: Vec<Panel>,
}

impl Layer {
    pub(crate) fn new(n_main: usize, n_labels: usize) -> Self {
        let main = n_main.div_ceil(16);
        let n_lines = main + n_labels.div_ceil(16);
        let mut panels = Vec::new();
        let mut first = 0;
        while first < n_lines {
            let n_lines = if first + PANEL <= main { PANEL } else { 1 };
            panels.push(Panel { first, n_lines });
            first += n_lines;
        }
        Layer { n_main, n_labels, n_lines, panels }
    }
    /// Place of a unit among the padded ones.
    pub(crate) fn place(&self, unit: usize) -> usize {
        if unit < self.n_main { unit } else { self.first_label() + unit - self.n_main }
    }
    pub(crate) fn n_units(&self) -> usize {
        self.n_main + self.n_labels
    }
    pub(crate) fn n_padded(&self) -> usize {
        16 * self.n_lines
    }
    pub(crate) fn n_words(&self) -> usize {
        self.n_lines.div_ceil(4)
    }
    fn first_label(&self) -> usize {
        16 * self.n_main.div_ceil(16)
    }
    /// Numbers of the units as padded lines.
    pub(crate) fn lines(&self, values: impl Fn(usize) -> f32, padding: f32) -> Vec<Line> {
        let mut lines = vec![Line([padding; 16]); self.n_lines];
        for unit in 0..self.n_units() {
            let at = self.place(unit);
            lines[at / 16].0[at % 16] = values(unit);
        }
        lines
    }
    /// A row of 0 and 1 as padded bits.
    pub(crate) fn pack(&self, row: &[u8], words: &mut Vec<u64>) {
        let start = words.len();
        words.resize(start + self.n_words(), 0);
        for (unit, _) in row.iter().enumerate().filter(|(_, v)| **v != 0) {
            let at = self.place(unit);
            words[start + at / 64] |= 1 << (at % 64);
        }
    }
    pub(crate) fn unpack(&self, words: &[u64]) -> impl Iterator<Item = u8> {
        (0..self.n_units()).map(move |unit| {
            let at = self.place(unit);
            (words[at / 64] >> (at % 64) & 1) as u8
        })
    }
}

/// Weights and biases in the engine's layout.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    pub(crate) visible: Layer,
    pub(crate) hidden: Layer,
    /// One entry for each panel of hidden units: rows of visible units.
    pub(crate) w: Vec<Vec<Line>>,
    /// One entry for each panel of visible units: rows of hidden units.
    pub(crate) transposed: Vec<Vec<Line>>,
    pub(crate) a: Vec<Line>,
    pub(crate) b: Vec<Line>,
}

impl Weights {
    pub(crate) fn new(
        visible: Layer,
        hidden: Layer,
        a: impl Fn(usize) -> f32,
        b: impl Fn(usize) -> f32,
        w: impl Fn(usize, usize) -> f32,
    ) -> Self {
        let (a, b) = (visible.lines(a, NEVER), hidden.lines(b, NEVER));
        let panels = matrix(&visible, &hidden, w);
        let transposed = visible.panels.iter().map(|p| vec![ZERO; hidden.n_padded() * p.n_lines]).collect();
        let mut weights = Weights { visible, hidden, w: panels, transposed, a, b };
        weights.refresh(Par::Serial);
        weights
    }
    /// The parameters of a model, rounded to f32; its last `n_labels` visible units are labels.
    pub(crate) fn from_rbm(rbm: &Rbm, n_labels: usize) -> Self {
        Weights::new(
            Layer::new(rbm.n_visible() - n_labels, n_labels),
            Layer::new(rbm.n_hidden(), 0),
            |i| rbm.visible_bias()[i] as f32,
            |j| rbm.hidden_bias()[j] as f32,
            |i, j| rbm.row(i)[j] as f32,
        )
    }
    /// Copies the weights into their transposed form.
    pub(crate) fn refresh(&mut self, par: Par) {
        let (w, hidden, visible) = (&self.w, &self.hidden, &self.visible);
        parallel::each(par, &mut self.transposed, |p, out| {
            let panel = visible.panels[p];
            for (from, rows) in hidden.panels.iter().zip(w) {
                for line in 0..panel.n_lines {
                    for q in 0..from.n_lines {
                        let source = &rows[16 * (panel.first + line) * from.n_lines + q..];
                        let target = &mut out[16 * (from.first + q) * panel.n_lines + line..];
                        kernels::transpose_block(source, from.n_lines, target, panel.n_lines);
                    }
                }
            }
        });
    }
}

/// A matrix in panels of hidden units.
pub(crate) fn matrix(visible: &Layer, hidden: &Layer, w: impl Fn(usize, usize) -> f32) -> Vec<Vec<Line>> {
    let mut panels: Vec<Vec<Line>> =
        hidden.panels.iter().map(|p| vec![ZERO; visible.n_padded() * p.n_lines]).collect();
    for (panel, rows) in hidden.panels.iter().zip(&mut panels) {
        let end = (16 * (panel.first + panel.n_lines)).min(hidden.n_units());
        for i in 0..visible.n_units() {
            let at = visible.place(i) * panel.n_lines;
            for j in 16 * panel.first..end {
                let k = j - 16 * panel.first;
                rows[at + k / 16].0[k % 16] = w(i, j);
            }
        }
    }
    panels
}

/// The entries of [`matrix`], visible × hidden.
pub(crate) fn entries(visible: &Layer, hidden: &Layer, panels: &[Vec<Line>]) -> Vec<f32> {
    let mut out = vec![0.0; visible.n_units() * hidden.n_units()];
    for (panel, rows) in hidden.panels.iter().zip(panels) {
        let end = (16 * (panel.first + panel.n_lines)).min(hidden.n_units());
        for i in 0..visible.n_units() {
            let at = visible.place(i) * panel.n_lines;
            for j in 16 * panel.first..end {
                let k = j - 16 * panel.first;
                out[i * hidden.n_units() + j] = rows[at + k / 16].0[k % 16];
            }
        }
    }
    out
}

/// The numbers of [`Layer::lines`].
pub(crate) fn unit_values(layer: &Layer, lines: &[Line]) -> Vec<f32> {
    (0..layer.n_units())
        .map(|unit| {
            let at = layer.place(unit);
            lines[at / 16].0[at % 16]
        })
        .collect()
}

/// Binary states of one layer for several samples, one word for 64 units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct States {
    pub(crate) n_words: usize,
    pub(crate) words: Vec<u64>,
}

impl States {
    pub(crate) fn zeros(layer: &Layer, n: usize) -> Self {
        States { n_words: layer.n_words(), words: vec![0; n * layer.n_words()] }
    }
    pub(crate) fn n(&self) -> usize {
        self.words.len() / self.n_words
    }
    pub(crate) fn row(&self, m: usize) -> &[u64] {
        &self.words[m * self.n_words..(m + 1) * self.n_words]
    }
    pub(crate) fn lists(&self, out: &mut Lists) {
        out.clear();
        for row in self.words.chunks_exact(self.n_words) {
            out.push_bits(row.iter().copied());
        }
    }
    /// The lists of a(row of self, row of other).
    pub(crate) fn combined_lists(&self, other: &States, out: &mut Lists, f: impl Fn(u64, u64) -> u64) {
        out.clear();
        for (a, b) in self.words.chunks_exact(self.n_words).zip(other.words.chunks_exact(self.n_words)) {
            out.push_bits(a.iter().zip(b).map(|(a, b)| f(*a, *b)));
        }
    }
    /// Takes the units of a panel from bytes.
    pub(crate) fn set(&mut self, panel: Panel, bits: &[Bits16]) {
        for (m, bits) in bits.chunks_exact(panel.n_lines).enumerate() {
            for (q, bits) in bits.iter().enumerate() {
                let line = panel.first + q;
                self.set_line(m, line, pack16(bits));
            }
        }
    }
    fn set_line(&mut self, m: usize, line: usize, bits: u16) {
        let word = &mut self.words[m * self.n_words + line / 4];
        let shift = 16 * (line % 4);
        *word = *word & !(0xffff << shift) | u64::from(bits) << shift;
    }
}

/// 16 bytes of 0 or 1 as 16 bits.
fn pack16(bytes: &Bits16) -> u16 {
    let [low, high] = [0, 8].map(|at| {
        // The product moves bit 0 of byte k to bit 56 + k.
        let word = u64::from_le_bytes(std::array::from_fn(|k| bytes[at + k]));
        word.wrapping_mul(0x0102_0408_1020_4080) >> 56
    });
    (low | high << 8) as u16
}

/// What one panel of a layer needs while a batch is processed.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) panel: Panel,
    /// Σ of active rows, without bias.
    pub(crate) fields: Vec<Line>,
    pub(crate) bits: Vec<Bits16>,
}

impl Work {
    pub(crate) fn new(layer: &Layer, n: usize) -> Vec<Work> {
        layer
            .panels
            .iter()
            .map(|&panel| Work {
                panel,
                fields: vec![ZERO; n * panel.n_lines],
                bits: vec![[0; 16]; n * panel.n_lines],
            })
            .collect()
    }
    pub(crate) fn bias<'a>(&self, bias: &'a [Line]) -> &'a [Line] {
        &bias[self.panel.first..self.panel.first + self.panel.n_lines]
    }
}

/// How label units are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelUnits {
    /// Exactly one is on (a softmax group).
    #[default]
    Softmax,
    /// Each on its own, as other visible units.
    Bernoulli,
}

/// Draws every unit of a layer given lists of the active units of the other one.
///
/// P(unit = 1) = σ(scale Σ rows + bias). `rows` is the matrix in panels of this layer.
#[allow(clippy::too_many_arguments)]
pub(crate) fn sample_layer(
    layer: &Layer,
    rows: &[Vec<Line>],
    bias: &[Line],
    scale: f32,
    active: &Lists,
    labels: LabelUnits,
    rng: &Streams,
    par: Par,
    work: &mut [Work],
    out: &mut States,
) {
    let softmax_from = match labels {
        LabelUnits::Softmax if layer.n_labels > 0 => layer.first_label() / 16,
        _ => usize::MAX,
    };
    parallel::each(par, work, |p, work| {
        kernels::sum_rows(work.panel.n_lines, &rows[p], active, &mut work.fields);
        if work.panel.first < softmax_from {
            let mut wide = WideStream::new(&mut rng.stream("panel", p as u64));
            kernels::sample_units(&work.fields, work.bias(bias), scale, &mut wide, &mut work.bits);
        }
    });
    for work in work.iter().filter(|w| w.panel.first < softmax_from) {
        out.set(work.panel, &work.bits[..work.fields.len()]);
    }
    if softmax_from < usize::MAX {
        sample_softmax(layer, bias, scale, rng, work, out);
    }
}

fn sample_softmax(layer: &Layer, bias: &[Line], scale: f32, rng: &Streams, work: &[Work], out: &mut States) {
    let first = layer.first_label() / 16;
    let lines: Vec<&Work> = work.iter().filter(|w| w.panel.first >= first).collect();
    let mut rng = rng.stream("labels", 0);
    let mut weights = vec![0.0; layer.n_labels];
    for m in 0..out.n() {
        for (k, weight) in weights.iter_mut().enumerate() {
            let field = scale * lines[k / 16].fields[m].0[k % 16] + bias[first + k / 16].0[k % 16];
            *weight = f64::from(field);
        }
        exponentials(&mut weights);
        let chosen = rng.choose(&weights);
        for k in 0..lines.len() {
            out.set_line(m, first + k, if chosen / 16 == k { 1 << (chosen % 16) } else { 0 });
        }
    }
}

fn exponentials(x: &mut [f64]) {
    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    x.iter_mut().for_each(|x| *x = libm::exp(*x - top));
}

/// Probabilities of the visible units of `n` samples, from the fields that [`sample_layer`] left in `work`: rows of
/// padded lines.
pub(crate) fn visible_probabilities(
    layer: &Layer,
    bias: &[Line],
    scale: f32,
    labels: LabelUnits,
    work: &[Work],
    out: &mut Vec<Line>,
    n: usize,
) {
    out.clear();
    out.resize(n * layer.n_lines, ZERO);
    for work in work {
        let mut p = vec![ZERO; work.fields.len()];
        probabilities(&work.fields, work.bias(bias), scale, &mut p);
        for (m, p) in p.chunks_exact(work.panel.n_lines).enumerate() {
            let at = m * layer.n_lines + work.panel.first;
            out[at..at + p.len()].copy_from_slice(p);
        }
    }
    if layer.n_labels > 0 && labels == LabelUnits::Softmax {
        softmax_probabilities(layer, bias, scale, work, out);
    }
}

fn softmax_probabilities(layer: &Layer, bias: &[Line], scale: f32, work: &[Work], out: &mut [Line]) {
    let first = layer.first_label() / 16;
    let lines: Vec<&Work> = work.iter().filter(|w| w.panel.first >= first).collect();
    let mut weights = vec![0.0; layer.n_labels];
    for (m, row) in out.chunks_exact_mut(layer.n_lines).enumerate() {
        for (k, weight) in weights.iter_mut().enumerate() {
            *weight = f64::from(scale * lines[k / 16].fields[m].0[k % 16] + bias[first + k / 16].0[k % 16]);
        }
        exponentials(&mut weights);
        let total: f64 = weights.iter().sum();
        for (k, weight) in weights.iter().enumerate() {
            row[first + k / 16].0[k % 16] = (weight / total) as f32;
        }
    }
}

pub(crate) use kernels::{
    column_sums, keep, probabilities, sample_and_keep, subtract, sum_changed_rows, sum_rows,
    sum_weighted_rows, update, update_dense, update_small,
};
