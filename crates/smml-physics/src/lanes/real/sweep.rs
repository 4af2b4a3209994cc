//! Sweeps of all replicas.

use super::{
    super::decide::{Block, Drawn, HOPELESS, Scale, WIDTH},
    model::{RealLaneModel, Rows},
    spins::{BLOCKS, Body, REAL_LANES, RealLaneSpins},
};
use crate::{ising::Rule, lanes::LaneBetas};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, same_length},
    kernel::{Kernel, Step},
    lanes_paths,
    rng::{Draw, WideStream},
    simd::lanes::{Lanes, LanesStream},
};

/// Every spin once in the order of their numbers, by the Metropolis rule or the heat bath (for Ising spins the same as
/// Glauber's rule). Stationary, not reversible. Spins without couplings and fields are drawn at random by both rules.
///
/// As a [`Kernel`] it samples the joint distribution of all replicas, which is at β for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RealLaneSweep {
    rule: Rule,
}

impl RealLaneSweep {
    /// Flips with probability min(1, exp(-β ΔE)).
    pub fn metropolis() -> Self {
        RealLaneSweep { rule: Rule::Metropolis }
    }
    /// Draws every spin from its conditional distribution.
    pub fn heat_bath() -> Self {
        RealLaneSweep { rule: Rule::HeatBath }
    }
    /// One sweep. `betas` has one β for all replicas or one for each of the [`REAL_LANES`].
    ///
    /// Errors: a state of another model, β that is negative or NaN, another number of them than replicas.
    pub fn sweep<R: Draw>(
        &self,
        model: &RealLaneModel,
        spins: &mut RealLaneSpins,
        betas: &LaneBetas,
        rng: &mut R,
    ) -> Result<Step> {
        self.sweep_holding(model, spins, betas, &[], rng)
    }
    /// The same with spins marked in `held` left as they are, in each replica its own: the others are drawn on condition
    /// of them. Spins without a mark are free.
    ///
    /// Errors: those of [`RealLaneSweep::sweep`], more marks than spins.
    pub fn sweep_holding<R: Draw>(
        &self,
        model: &RealLaneModel,
        spins: &mut RealLaneSpins,
        betas: &LaneBetas,
        held: &[bool],
        rng: &mut R,
    ) -> Result<Step> {
        same_length("spins", spins.n_spins(), model.n_spins())?;
        if held.len() > model.n_spins() {
            return Err(Error::Length {
                what: "marks of held spins".into(),
                found: held.len(),
                expected: model.n_spins(),
            });
        }
        let is_held = |i: usize| held.get(i).copied().unwrap_or(false);
        let mut scales = [Scale::new(0.0, 1.0); REAL_LANES];
        if let LaneBetas::Each(betas) = betas {
            same_length("inverse temperatures", betas.len(), REAL_LANES)?;
        }
        for (r, scale) in scales.iter_mut().enumerate() {
            let beta = match betas {
                LaneBetas::Same(beta) => *beta,
                LaneBetas::Each(betas) => betas[r],
            };
            if !(beta >= 0.0) {
                return Err(Error::out_of_range("beta", beta, "at least 0"));
            }
            *scale = Scale::new(beta, model.unit());
        }
        let mut words = [(); 2].map(|()| WideStream::from_words(rng.word(), rng.word()));
        spins.prepare(model);
        let mut accepted = match (&mut spins.body, &model.rows, self.rule) {
            (Body::BySpin(c), Rows::Sparse { offsets, entries }, rule) => {
                let sweep = if rule == Rule::HeatBath { sparse::<true> } else { sparse::<false> };
                sweep(offsets, entries, held, &mut c.spins, &mut c.fields, &scales, &mut words)
            }
            (Body::ByReplica(c), Rows::Dense { blocks, n_blocks }, rule) => {
                let sweep = if rule == Rule::HeatBath { dense::<true> } else { dense::<false> };
                let free: Vec<u16> = (0..*n_blocks)
                    .map(|b| {
                        let of = WIDTH.min(c.n_spins - b * WIDTH);
                        (0..of).fold(0, |mask, k| mask | u16::from(!is_held(b * WIDTH + k)) << k)
                    })
                    .collect();
                sweep(&free, blocks, &mut c.spins, &mut c.fields, &scales, &mut words)
            }
            // `prepare` has made the form that belongs to the rows.
            _ => 0,
        };
        if self.rule == Rule::Metropolis && !model.free.is_empty() {
            let uncoupled: Vec<u32> = model.free.iter().copied().filter(|i| !is_held(*i as usize)).collect();
            // The sweep has flipped all of them; those that stay so have changed.
            accepted = accepted.saturating_sub((REAL_LANES * uncoupled.len()) as u64);
            accepted += spins.draw_free(&uncoupled, rng);
        }
        let n_free = model.n_spins() - held.iter().filter(|h| **h).count();
        Ok(Step { proposed: (REAL_LANES * n_free) as u64, accepted })
    }
}

impl Kernel<RealLaneModel> for RealLaneSweep {
    /// Does nothing where [`RealLaneSweep::sweep`] gives an error.
    fn step<R: Draw>(&mut self, m: &RealLaneModel, s: &mut RealLaneSpins, beta: f64, rng: &mut R) -> Step {
        self.sweep(m, s, &LaneBetas::Same(beta), rng).unwrap_or(Step { proposed: 0, accepted: 0 })
    }
}

lanes_paths! {
    /// One sweep of a sparse model; returns how many spins flipped. Words of the first generator decide, those of the second
    /// are for what 32 bits leave open.
    fn sparse<W: Lanes, const HEAT: bool>(
        offsets: &[usize],
        entries: &[(u32, f32)],
        held: &[bool],
        spins: &mut [Block],
        fields: &mut [Block],
        scales: &[Scale; REAL_LANES],
        words: &mut [WideStream; 2]
    ) -> u64 {
        let fast: [W; BLOCKS] = std::array::from_fn(|b| {
            W::load_f32(&std::array::from_fn(|k| scales[b * WIDTH + k].fast))
        });
        let mut decide = LanesStream::<W>::load(&words[0]);
        let mut more = LanesStream::<W>::load(&words[1]);
        let mut flipped = 0;
        for (i, own) in spins.chunks_exact_mut(BLOCKS).enumerate() {
            if held.get(i).copied().unwrap_or(false) {
                continue;
            }
            for b in 0..BLOCKS {
                let spin = W::load_f32(&own[b].0);
                let cost = spin.mul_f32(W::load_f32(&fields[i * BLOCKS + b].0));
                let x = cost.mul_f32(fast[b]);
                if x.at_most_f32(W::splat_f32(HOPELESS)) == 0 {
                    continue;
                }
                let drawn = Drawn::new::<HEAT>(decide.next());
                let [may, mut flips] = drawn.may(x);
                let mut open = may & !flips;
                if open != 0 {
                    let mut costs = [0.0; WIDTH];
                    cost.store_f32(&mut costs);
                    while open != 0 {
                        let k = open.trailing_zeros() as usize;
                        open &= open - 1;
                        let flip = drawn.exactly::<HEAT>(k, costs[k], scales[b * WIDTH + k], more.next());
                        flips |= u16::from(flip) << k;
                    }
                }
                if flips != 0 {
                    flipped += u64::from(flips.count_ones());
                    let change = spin.mul_f32(W::splat_f32(-2.0)).only(flips);
                    spin.add_f32(change).store_f32(&mut own[b].0);
                    for (j, w) in &entries[offsets[i]..offsets[i + 1]] {
                        add(&mut fields[*j as usize * BLOCKS + b], change, *w);
                    }
                }
            }
        }
        decide.store(&mut words[0]);
        more.store(&mut words[1]);
        flipped
    }
    /// One sweep of a dense model: sixteen spins of one replica at a time, in order. A flip changes the costs of those
    /// behind it, which keep their random numbers. `free` marks in each block the spins that may flip.
    fn dense<W: Lanes, const HEAT: bool>(
        free: &[u16],
        rows: &[Block],
        spins: &mut [Block],
        fields: &mut [Block],
        scales: &[Scale; REAL_LANES],
        words: &mut [WideStream; 2]
    ) -> u64 {
        let mut decide = LanesStream::<W>::load(&words[0]);
        let mut more = LanesStream::<W>::load(&words[1]);
        let mut flipped = 0;
        let n_blocks = free.len();
        // Rows of some spins stay near while all replicas use them.
        for first in (0..n_blocks).step_by(NEAR) {
            for (r, scale) in scales.iter().enumerate() {
                let here = r * n_blocks..(r + 1) * n_blocks;
                let (spins, fields) = (&mut spins[here.clone()], &mut fields[here]);
                let fast = W::splat_f32(scale.fast);
                for b in first..n_blocks.min(first + NEAR) {
                    if free[b] == 0 {
                        continue;
                    }
                    let mut spin = W::load_f32(&spins[b].0);
                    let mut cost = spin.mul_f32(W::load_f32(&fields[b].0));
                    if cost.mul_f32(fast).at_most_f32(W::splat_f32(HOPELESS)) == 0 {
                        continue;
                    }
                    let drawn = Drawn::new::<HEAT>(decide.next());
                    // Attempts that are not made yet.
                    let mut left = free[b];
                    loop {
                        let [may, sure] = drawn.may(cost.mul_f32(fast));
                        let may = may & left;
                        if may == 0 {
                            break;
                        }
                        let k = may.trailing_zeros() as usize;
                        let (this, i) = (1 << k, b * WIDTH + k);
                        left &= !(this | (this - 1));
                        if sure & this == 0 {
                            let mut costs = [0.0; WIDTH];
                            cost.store_f32(&mut costs);
                            if !drawn.exactly::<HEAT>(k, costs[k], *scale, more.next()) {
                                continue;
                            }
                        }
                        flipped += 1;
                        let change = W::splat_f32(-2.0 * spins[b].0[k]);
                        for (h, w) in fields.iter_mut().zip(&rows[i * n_blocks..][..n_blocks]) {
                            W::load_f32(&h.0).add_f32(change.mul_f32(W::load_f32(&w.0))).store_f32(&mut h.0);
                        }
                        spin = spin.add_f32(change.only(this));
                        spin.store_f32(&mut spins[b].0);
                        cost = spin.mul_f32(W::load_f32(&fields[b].0));
                    }
                }
            }
        }
        decide.store(&mut words[0]);
        more.store(&mut words[1]);
        flipped
    }
}

/// sum += w x
#[inline(always)]
fn add<W: Lanes>(sum: &mut Block, x: W, w: f32) {
    W::load_f32(&sum.0).add_f32(x.mul_f32(W::splat_f32(w))).store_f32(&mut sum.0);
}

/// Blocks of spins whose rows are used by one replica after the other.
const NEAR: usize = 4;
