//! Images from noise, by a chain of sparse machines: [`Denoiser`] has the mathematics.
//!
//! The machine of a level is an ordinary one with one wire more to every pixel, from an input that holds the noisier image. Its
//! chains start at that image, which is near, and mix in a few sweeps, where one machine of clean images has to cross from mode
//! to mode.

mod chain;
#[cfg(test)]
mod tests;
mod trainer;

pub use chain::{DenoisedImages, Denoiser, Drawing};
pub use trainer::{DenoiserState, DenoiserStep, DenoiserTrainer, Denoising};

use super::layout::Layout;
use crate::{
    error::{Error, Result},
    machine::{FixedNetwork, Format, Wiring},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    graph::{Colouring, SparseGraph},
    rng::Draw,
};
use std::sync::Arc;

/// Most levels of noise.
pub const MOST_LEVELS: usize = 64;

/// How much of an image is left at each level: the mean of xᵗᵢ x⁰ᵢ, c₀ = 1 > c₁ > … > c_T = 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct NoiseLevels {
    kept: Vec<f64>,
}

impl TryFrom<Vec<f64>> for NoiseLevels {
    type Error = Error;
    fn try_from(kept: Vec<f64>) -> Result<Self> {
        NoiseLevels::new(kept)
    }
}

impl From<NoiseLevels> for Vec<f64> {
    fn from(levels: NoiseLevels) -> Vec<f64> {
        levels.kept
    }
}

impl NoiseLevels {
    /// From c₀ = 1, c₁, …, c_T = 0.
    ///
    /// Errors: no level or more than [`MOST_LEVELS`]; values that do not fall from 1 to 0.
    pub fn new(kept: Vec<f64>) -> Result<Self> {
        if kept.len() < 2 || kept.len() > MOST_LEVELS + 1 {
            let n = kept.len().saturating_sub(1);
            return Err(Error::out_of_range("levels of noise", n, format!("1 to {MOST_LEVELS}")));
        }
        let falls = kept.windows(2).all(|w| w[0] > w[1]) && kept[0] == 1.0 && kept[kept.len() - 1] == 0.0;
        if !falls {
            return Err(Error::out_of_range(
                "what is left of an image",
                format!("{kept:?}"),
                "falling from 1 to 0",
            ));
        }
        Ok(NoiseLevels { kept })
    }
    /// cₜ = cos(π t / 2 T): little noise where details are lost, much where little is left.
    ///
    /// Errors: no level or more than [`MOST_LEVELS`].
    pub fn cosine(n: usize) -> Result<Self> {
        let angle = |t: usize| std::f64::consts::FRAC_PI_2 * t as f64 / n.max(1) as f64;
        let mut kept: Vec<f64> = (0..=n.min(MOST_LEVELS + 1)).map(|t| libm::cos(angle(t))).collect();
        if let Some(last) = kept.last_mut().filter(|_| n > 0) {
            *last = 0.0;
        }
        NoiseLevels::new(kept)
    }
    /// Number of levels T.
    pub fn n(&self) -> usize {
        self.kept.len() - 1
    }
    /// c₀, …, c_T.
    pub fn kept(&self) -> &[f64] {
        &self.kept
    }
    /// εₜ, t from 1: the probability that a level turns a pixel.
    ///
    /// # Panics
    /// When there is no such level.
    pub fn turned(&self, t: usize) -> f64 {
        0.5 * (1.0 - self.kept[t] / self.kept[t - 1])
    }
    /// Whether a machine in these numbers has wires of strength Γₜ.
    ///
    /// Errors: numbers that end below one of them.
    fn fit(&self, format: Format) -> Result<()> {
        let largest = format.largest();
        match (1..=self.n()).find(|t| self.coupling(*t) > largest) {
            Some(t) => {
                let name = format!("coupling to the inputs of level {t} of {}", self.n());
                Err(Error::out_of_range(
                    name,
                    self.coupling(t),
                    format!("at most {largest}, the largest of {format}"),
                ))
            }
            None => Ok(()),
        }
    }
    /// Γₜ, t from 1: the coupling of a pixel to its input.
    ///
    /// # Panics
    /// When there is no such level.
    pub fn coupling(&self, t: usize) -> f64 {
        let turned = self.turned(t);
        0.5 * libm::log((1.0 - turned) / turned)
    }
}

/// A graph with an input wired to every pixel.
#[derive(Clone, Debug)]
struct Wires {
    wiring: Arc<Wiring>,
    n_nodes: usize,
    n_edges: usize,
    /// Of every edge whose it is: an edge of the graph, or one that leads to an input.
    own: Vec<Option<u32>>,
    /// Hidden nodes; hidden nodes and pixels.
    hidden: Vec<u32>,
    unlabelled: Vec<u32>,
}

impl Wires {
    fn new(wiring: &Wiring, layout: &Layout) -> Result<Self> {
        let (n, pixels) = (wiring.n_nodes(), layout.pixels());
        let mut edges: Vec<(u32, u32)> = wiring.pairs().iter().map(|[i, j]| (*i, *j)).collect();
        edges.extend(pixels.iter().zip(n as u32..).map(|(i, input)| (*i, input)));
        let graph = SparseGraph::unweighted(n + pixels.len(), &edges)?;
        // Inputs are never drawn: any colour that is not their pixel's.
        let n_colours = (wiring.colouring().n_colours() as u32).max(2);
        let mut colours: Vec<u32> = vec![0; n];
        for colour in 0..wiring.colouring().n_colours() {
            wiring.colouring().class(colour).iter().for_each(|i| colours[*i as usize] = colour as u32);
        }
        colours.extend(pixels.iter().map(|i| (colours[*i as usize] + 1) % n_colours).collect::<Vec<_>>());
        let wiring_with = Wiring::new(&graph, &Colouring::new(colours)?)?;
        let mut next = 0..;
        let own = wiring_with.pairs().iter().map(|[_, j]| (*j < n as u32).then(|| next.next().unwrap_or(0)));
        let own: Vec<Option<u32>> = own.collect();
        let free = |pixels_clamped| {
            let mut free = layout.free(pixels_clamped, true);
            free.resize(n + pixels.len(), false);
            wiring_with.free(&free)
        };
        let (hidden, unlabelled) = (free(true), free(false));
        Ok(Wires {
            wiring: Arc::new(wiring_with),
            n_nodes: n,
            n_edges: wiring.n_edges(),
            own,
            hidden,
            unlabelled,
        })
    }
    /// Couplings and fields of the graph, and one coupling to all inputs.
    fn program(
        &self,
        network: &mut FixedNetwork,
        couplings: &[f32],
        fields: &[f32],
        input: f64,
    ) -> Result<()> {
        let of = |own: &Option<u32>| own.map_or(input, |e| f64::from(couplings[e as usize]));
        let couplings: Vec<f64> = self.own.iter().map(of).collect();
        let mut fields: Vec<f64> = fields.iter().map(|x| f64::from(*x)).collect();
        fields.resize(self.wiring.n_nodes(), 0.0);
        network.program(&couplings, &fields)
    }
    fn network(&self, format: Format) -> Result<FixedNetwork> {
        let zero = [vec![0.0; self.wiring.n_edges()], vec![0.0; self.wiring.n_nodes()]];
        FixedNetwork::new(self.wiring.clone(), format, &zero[0], &zero[1])
    }
    /// Values by edge without those of the inputs.
    fn of_graph(&self, values: Vec<f64>) -> Vec<f64> {
        values.into_iter().zip(&self.own).filter(|(_, own)| own.is_some()).map(|(x, _)| x).collect()
    }
}

/// A word of which every bit is set with probability `p`, to 2⁻³²: bits of p from the lowest, each with one word.
fn chance_word<R: Draw>(p: f64, rng: &mut R) -> u64 {
    let threshold = libm::rint(libm::ldexp(p.clamp(0.0, 1.0), 32)) as u64;
    if threshold >> 32 != 0 {
        return u64::MAX;
    }
    if threshold == 0 {
        return 0;
    }
    (threshold.trailing_zeros()..32).fold(0, |set, k| {
        let word = rng.word();
        if threshold >> k & 1 == 1 { set | word } else { set & word }
    })
}

fn finite(name: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|x| !x.is_finite()) {
        Some(k) => Err(Error::out_of_range(format!("{name} {k}"), values[k], "finite")),
        None => Ok(()),
    }
}
