//! A trained chain, and images drawn by it.

use super::{
    super::{bits, infer::Counts, layout::Layout, model::SparseDbm},
    NoiseLevels, Wires, finite,
};
use crate::{
    error::{Error, Result},
    machine::{CHAINS, Chains, FixedNetwork, Format, Gains, Wiring},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::same_length,
    parallel::{self, Par},
    rng::{Stream, Streams},
};
use smml_learn::data::BinaryData;
use std::{ops::Range, sync::Arc};

/// A trained chain of machines, which makes images of noise (after the denoising thermodynamic models of arXiv:2510.23972).
///
/// Noise is put into an image x⁰ (spins ±1) in T levels: xᵗ is xᵗ⁻¹ with every pixel turned with probability εₜ, and nothing is
/// left of the image in xᵀ ([`NoiseLevels`]). One level back is, by Bayes' rule,
///
/// p(xᵗ⁻¹, hidden | xᵗ, class) ∝ exp(-Eₜ(xᵗ⁻¹, hidden, class) + Γₜ xᵗ · xᵗ⁻¹), Γₜ = ½ ln((1 - εₜ)/εₜ),
///
/// with Eₜ the energy of a machine ([`Denoiser::machine`]) whose images are xᵗ⁻¹. [`DenoiserTrainer`](super::DenoiserTrainer) learns
/// them; [`Denoiser::draw`] goes from random bits through all levels.
#[derive(Clone, Debug)]
pub struct Denoiser {
    graph: Arc<Wiring>,
    wires: Wires,
    layout: Layout,
    levels: NoiseLevels,
    /// Of every level from the first: couplings by edge, then fields by node.
    machines: Vec<Vec<f32>>,
}

/// How images are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Drawing {
    /// Sweeps of every level.
    pub sweeps: usize,
    /// Last sweeps of the last level, whose mean is the image.
    pub reads: usize,
    /// Of every `followed`-th image from the first the states at the end of all levels are kept; of none where it is 0.
    pub followed: usize,
    /// Numbers of the machines.
    pub format: Format,
    /// Seed of all randomness.
    pub seed: u64,
}

/// Images of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct DenoisedImages {
    /// Of every image and pixel how often it was up in the sweeps that count.
    pub means: Vec<Vec<f64>>,
    /// The last states.
    pub last: BinaryData,
    /// Of the images that were followed the states at the end of every level: noise first, the last states last.
    pub path: Vec<BinaryData>,
}

/// Images of one word of chains.
struct Part {
    means: Vec<Vec<f64>>,
    last: Vec<u8>,
    path: Vec<Vec<u8>>,
}

impl Denoiser {
    /// From the parameters of all levels, couplings by edge and then fields by node.
    ///
    /// Errors: other numbers of machines or parameters; parameters that are not finite.
    pub fn new(
        graph: Arc<Wiring>,
        layout: Layout,
        levels: NoiseLevels,
        machines: Vec<Vec<f32>>,
    ) -> Result<Self> {
        same_length("machines", machines.len(), levels.n())?;
        same_length("nodes of the layout", layout.n_nodes(), graph.n_nodes())?;
        for machine in &machines {
            same_length("parameters of a machine", machine.len(), graph.n_nodes() + graph.n_edges())?;
            finite("parameter of a machine", machine)?;
        }
        let wires = Wires::new(&graph, &layout)?;
        Ok(Denoiser { graph, wires, layout, levels, machines })
    }
    /// Where pixels and labels are.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }
    /// The levels of noise.
    pub fn levels(&self) -> &NoiseLevels {
        &self.levels
    }
    /// The machine of a level, from 1, without its inputs: its images have the noise of the level before.
    ///
    /// Errors: no such level.
    pub fn machine(&self, level: usize) -> Result<SparseDbm> {
        let Some(machine) = level.checked_sub(1).and_then(|k| self.machines.get(k)) else {
            return Err(Error::out_of_range("level", level, format!("1 to {}", self.machines.len())));
        };
        let (couplings, fields) = machine.split_at(self.wires.n_edges);
        SparseDbm::new(self.graph.clone(), self.layout.clone(), couplings.to_vec(), fields.to_vec())
    }
    /// `n` images from noise; with labels one of each given class, in turn, 64 at a time.
    ///
    /// Errors: classes for a machine without labels or beyond them, no classes for one with labels; sweeps out of range;
    /// numbers that do not hold the couplings to the inputs; fields that 16 bits do not hold.
    pub fn draw(&self, n: usize, classes: &[u8], how: &Drawing, par: Par) -> Result<DenoisedImages> {
        let n_classes = self.layout.n_classes();
        same_length("classes", classes.len(), if n_classes == 0 { 0 } else { n })?;
        if let Some(k) = classes.iter().position(|c| usize::from(*c) >= n_classes) {
            return Err(Error::out_of_range(format!("class {k}"), classes[k], format!("below {n_classes}")));
        }
        if how.reads == 0 || how.reads > how.sweeps || how.sweeps > 1 << 30 {
            let value = format!("{} of {}", how.reads, how.sweeps);
            return Err(Error::out_of_range("sweeps that count", value, "1 to all of at most 2^30"));
        }
        self.levels.fit(how.format)?;
        let mut networks = Vec::with_capacity(self.machines.len());
        for (machine, level) in self.machines.iter().zip(1..) {
            let mut network = self.wires.network(how.format)?;
            let (couplings, fields) = machine.split_at(self.wires.n_edges);
            self.wires.program(&mut network, couplings, fields, self.levels.coupling(level))?;
            networks.push(network);
        }
        let streams = Streams::new(how.seed);
        let block = |b: usize| {
            let rows = b * CHAINS..((b + 1) * CHAINS).min(n);
            let classes = classes.get(rows.clone()).unwrap_or_default();
            self.block(&networks, rows, classes, how, &mut streams.stream("images", b as u64))
        };
        let (mut means, mut last) = (Vec::with_capacity(n), Vec::new());
        let mut path: Vec<Vec<u8>> = vec![Vec::new(); networks.len() + 1];
        for part in parallel::map(par, n.div_ceil(CHAINS), block) {
            let part = part?;
            means.extend(part.means);
            last.extend(part.last);
            path.iter_mut().zip(part.path).for_each(|(all, states)| all.extend(states));
        }
        let rows = |bits: Vec<u8>| Ok(BinaryData::new(self.layout.pixels().len(), bits)?);
        let path = path.into_iter().map(rows).collect::<Result<_>>()?;
        Ok(DenoisedImages { means, last: rows(last)?, path })
    }
    /// The images `images` of all, in one word of chains.
    fn block(
        &self,
        networks: &[FixedNetwork],
        images: Range<usize>,
        classes: &[u8],
        how: &Drawing,
        rng: &mut Stream,
    ) -> Result<Part> {
        let pixels = self.layout.pixels();
        let mut chains = Chains::random(self.wires.wiring.n_nodes(), rng);
        let words = bits::classes(classes.iter().copied(), self.layout.n_classes().max(1));
        self.layout.label_bits().for_each(|(node, class)| chains.set(node as usize, words[class]));
        let mut counts = Counts::new(pixels);
        let n = images.len();
        let is_followed = |c: &usize| how.followed > 0 && (images.start + c).is_multiple_of(how.followed);
        let followed: Vec<usize> = (0..n).filter(is_followed).collect();
        let row = |chains: &Chains, c: usize| -> Vec<u8> {
            pixels.iter().map(|i| u8::from(chains.is_up(*i as usize, c))).collect()
        };
        let rows = |chains: &Chains, which: &[usize]| -> Vec<u8> {
            which.iter().flat_map(|c| row(chains, *c)).collect()
        };
        let mut path = vec![rows(&chains, &followed)];
        for (k, network) in networks.iter().enumerate().rev() {
            for (input, node) in (self.wires.n_nodes..).zip(pixels) {
                let word = chains.words()[*node as usize];
                chains.set(input, word);
            }
            let gains = Gains::new(network, &[1.0])?;
            let counted = if k == 0 { how.reads } else { 0 };
            chains.sweep(network, &gains, &self.wires.unlabelled, how.sweeps - counted, rng)?;
            for _ in 0..counted {
                chains.sweep(network, &gains, &self.wires.unlabelled, 1, rng)?;
                counts.add(chains.words());
            }
            path.push(rows(&chains, &followed));
        }
        let counts = counts.totals();
        let mean = |c: usize| counts.iter().map(|count| count[c] as f64 / how.reads as f64).collect();
        let all: Vec<usize> = (0..n).collect();
        Ok(Part { means: all.iter().map(|c| mean(*c)).collect(), last: rows(&chains, &all), path })
    }
}
