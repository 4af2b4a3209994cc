//! What a trained machine says: classes, images, the missing part of an image.

use super::{bits, model::SparseDbm};
use crate::{
    error::{Error, Result},
    machine::{CHAINS, Chains, FixedNetwork, Format, Gains, PoissonClocks, UpdateOrder},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::same_length,
    parallel::{self, Par},
    rng::{Draw, Streams},
    schedule::Schedule,
};
use smml_learn::data::BinaryData;

/// How a machine is asked: it starts from random states, and β follows a schedule over the first sweeps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Inference {
    /// Sweeps over which β follows `betas`; none of them counts.
    pub anneal: usize,
    /// β over these sweeps; its last value goes on.
    pub betas: Schedule,
    /// Sweeps after them, all of which count.
    pub reads: usize,
    /// Numbers of the machine.
    pub format: Format,
    /// Colour after colour, or every node by a clock of its own (a sweep is then the time in which each rings once on average).
    #[serde(default)]
    pub order: UpdateOrder,
    /// Seed of all randomness.
    pub seed: u64,
}

impl Inference {
    /// Sweeps in all.
    pub fn sweeps(&self) -> usize {
        self.anneal.saturating_add(self.reads)
    }
    fn check(&self) -> Result<()> {
        let (least, most) = self.betas.bounds();
        if !(least >= 0.0 && most.is_finite()) {
            return Err(Error::out_of_range("beta", least, "at least 0 and finite"));
        }
        if self.reads == 0 || self.sweeps() > 1 << 30 {
            return Err(Error::out_of_range("sweeps that count", self.reads, "1 to 2^30 in all"));
        }
        Ok(())
    }
}

/// Part of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Clamped<'a> {
    /// Rows of pixels; free where `pixels` says so.
    pub rows: &'a BinaryData,
    /// Which pixels are clamped; all where `None`.
    pub pixels: Option<&'a [bool]>,
    /// A class for each row, clamped.
    pub labels: Option<&'a [u8]>,
}

/// Means over the sweeps that count.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// For each row and class how often its label bits were up, in [0, 1]: over sweeps and copies.
    pub classes: Vec<Vec<f64>>,
    /// For each row and pixel how often it was up.
    pub pixels: Vec<Vec<f64>>,
    /// For each row its last state of the pixels.
    pub last: BinaryData,
}

impl Answer {
    /// The class whose bits were up most often, of equals the first.
    pub fn best(&self) -> Vec<u8> {
        let best = |scores: &Vec<f64>| {
            scores.iter().enumerate().fold(0, |best, (k, s)| if *s > scores[best] { k } else { best }) as u8
        };
        self.classes.iter().map(best).collect()
    }
}

/// What all words of chains share.
struct Asked<'a> {
    clamped: &'a Clamped<'a>,
    how: &'a Inference,
    network: &'a FixedNetwork,
    free: &'a [bool],
    order: &'a [u32],
    gains: &'a [Gains],
}

/// What one word of chains answers: of every row the scores of its classes, the means and the last state of its pixels.
struct Part {
    classes: Vec<Vec<f64>>,
    pixels: Vec<Vec<f64>>,
    last: Vec<Vec<u8>>,
}

impl SparseDbm {
    /// Runs the machine with part of it clamped, 64 rows at a time.
    ///
    /// Errors: rows, masks or labels that do not fit; a setting out of its range; fields that 16 bits do not hold.
    pub fn infer(&self, clamped: &Clamped<'_>, how: &Inference, par: Par) -> Result<Answer> {
        how.check()?;
        let (layout, rows) = (self.layout(), clamped.rows);
        same_length("pixels of a row", rows.width(), layout.pixels().len())?;
        if let Some(mask) = clamped.pixels {
            same_length("mask of pixels", mask.len(), layout.pixels().len())?;
        }
        if let Some(labels) = clamped.labels {
            same_length("labels", labels.len(), rows.len())?;
            let n = layout.n_classes();
            if let Some(k) = labels.iter().position(|l| usize::from(*l) >= n) {
                return Err(Error::out_of_range(format!("label {k}"), labels[k], format!("below {n}")));
            }
        }
        let network = self.network(how.format)?;
        let mut free = layout.free(false, clamped.labels.is_some());
        for (k, node) in layout.pixels().iter().enumerate() {
            free[*node as usize] = clamped.pixels.is_some_and(|mask| !mask[k]);
        }
        let order = network.wiring().free(&free);
        let gains: Vec<Gains> = how
            .betas
            .values(how.anneal.max(1))
            .map(|beta| Gains::new(&network, &[beta]))
            .collect::<Result<_>>()?;
        let streams = Streams::new(how.seed);
        let n_blocks = rows.len().div_ceil(CHAINS);
        let asked = Asked { clamped, how, network: &network, free: &free, order: &order, gains: &gains };
        let block = |b: usize| self.block(b, &asked, &mut streams.stream("rows", b as u64));
        let mut answer = Answer { classes: Vec::new(), pixels: Vec::new(), last: rows.head(0) };
        let mut last = Vec::with_capacity(rows.len());
        for part in parallel::map(par, n_blocks, block) {
            let part = part?;
            answer.classes.extend(part.classes);
            answer.pixels.extend(part.pixels);
            last.extend(part.last);
        }
        if !last.is_empty() {
            answer.last = BinaryData::new(rows.width(), last.concat())?;
        }
        Ok(answer)
    }

    /// The rows of one word of chains.
    fn block<R: Draw>(&self, b: usize, asked: &Asked<'_>, rng: &mut R) -> Result<Part> {
        let Asked { clamped, how, network, free, order, gains } = *asked;
        let layout = self.layout();
        let rows: Vec<u32> =
            (b * CHAINS..((b + 1) * CHAINS).min(clamped.rows.len())).map(|r| r as u32).collect();
        let mut chains = Chains::random(free.len(), rng);
        for (node, word) in layout.pixels().iter().zip(bits::turn(clamped.rows, &rows)) {
            if !free[*node as usize] {
                chains.set(*node as usize, word);
            }
        }
        if let Some(labels) = clamped.labels {
            let classes = bits::classes(rows.iter().map(|r| labels[*r as usize]), layout.n_classes());
            layout.label_bits().for_each(|(node, class)| chains.set(node as usize, classes[class]));
        }
        let mut clocks = match how.order {
            UpdateOrder::Asynchronous if !order.is_empty() => Some(PoissonClocks::new(order, rng)?),
            _ => None,
        };
        let mut sweep = |chains: &mut Chains, gains: &Gains, rng: &mut R| match &mut clocks {
            Some(clocks) => chains.run(network, gains, clocks, 1.0, rng),
            None => chains.sweep(network, gains, order, 1, rng),
        };
        if how.anneal > 0 {
            for gains in gains {
                sweep(&mut chains, gains, rng)?;
            }
        }
        let settled = gains.last().expect("a schedule has at least one value");
        let (mut of_labels, mut of_pixels) = (Counts::new(layout.labels()), Counts::new(layout.pixels()));
        for _ in 0..how.reads {
            sweep(&mut chains, settled, rng)?;
            of_labels.add(chains.words());
            of_pixels.add(chains.words());
        }
        let (of_labels, of_pixels) = (of_labels.totals(), of_pixels.totals());
        let n = rows.len();
        let reads = how.reads as f64;
        let (n_classes, n_copies) = (layout.n_classes(), layout.n_copies());
        let class = |c: usize, class: usize| {
            (0..n_copies).map(|k| of_labels[k * n_classes + class][c] as f64).sum::<f64>()
                / (reads * n_copies as f64)
        };
        let classes = (0..n).map(|c| (0..n_classes).map(|k| class(c, k)).collect()).collect();
        let pixels =
            (0..n).map(|c| of_pixels.iter().map(|count| count[c] as f64 / reads).collect()).collect();
        let last = (0..n)
            .map(|c| layout.pixels().iter().map(|i| u8::from(chains.is_up(*i as usize, c))).collect())
            .collect();
        Ok(Part { classes, pixels, last })
    }
}

/// How often each of some nodes was up in each chain: counters of eight bits, turned, which overflow into numbers.
pub(super) struct Counts<'a> {
    nodes: &'a [u32],
    /// Bit k of all counters of a node.
    planes: Vec<[u64; 8]>,
    filled: usize,
    totals: Vec<[u64; CHAINS]>,
}

impl<'a> Counts<'a> {
    pub(super) fn new(nodes: &'a [u32]) -> Self {
        Counts { nodes, planes: vec![[0; 8]; nodes.len()], filled: 0, totals: vec![[0; CHAINS]; nodes.len()] }
    }
    pub(super) fn add(&mut self, words: &[u64]) {
        if self.filled == 255 {
            self.empty();
        }
        for (planes, node) in self.planes.iter_mut().zip(self.nodes) {
            let mut carry = words[*node as usize];
            for plane in planes {
                (*plane, carry) = (*plane ^ carry, *plane & carry);
                if carry == 0 {
                    break;
                }
            }
        }
        self.filled += 1;
    }
    fn empty(&mut self) {
        for (planes, totals) in self.planes.iter_mut().zip(&mut self.totals) {
            for (k, plane) in planes.iter_mut().enumerate() {
                for (c, total) in totals.iter_mut().enumerate() {
                    *total += (*plane >> c & 1) << k;
                }
                *plane = 0;
            }
        }
        self.filled = 0;
    }
    pub(super) fn totals(mut self) -> Vec<[u64; CHAINS]> {
        self.empty();
        self.totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_count() {
        let mut rng = Streams::new(1).stream("counts", 0);
        let nodes = [2, 0];
        let mut counts = Counts::new(&nodes);
        let mut want = [[0u64; 64]; 2];
        for t in 0..700 {
            let words = [rng.word(), rng.word(), if t % 3 == 0 { u64::MAX } else { rng.word() }];
            counts.add(&words);
            for (want, node) in want.iter_mut().zip(nodes) {
                (0..64).for_each(|c| want[c] += words[node as usize] >> c & 1);
            }
        }
        assert_eq!(counts.totals(), want);
    }
}
