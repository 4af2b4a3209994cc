//! Multi-histogram reweighting (A. M. Ferrenberg and R. H. Swendsen, Phys. Rev. Lett. 63, 1195 (1989); WHAM): the
//! density of states, and thermal averages at any β, from energies of runs at several β.

use super::{inefficiency, self_consistent::Problem};
use crate::{
    energy::ln_sum_exp,
    error::{Error, Result, all_finite, positive, same_length},
    estimate::{Estimate, MIN_N_EFF, Source, block_start, edge_correction},
    parallel::{self, Par},
};
use serde::{Deserialize, Serialize};

/// Blocks of the jackknife at most.
const BLOCKS: usize = 50;
/// Blocks of the jackknife at least.
const MIN_BLOCKS: usize = 10;
/// Blocks are at least this many statistical inefficiencies long: ten autocorrelation times.
const BLOCK_INEFFICIENCIES: f64 = 5.0;

/// How energies are put together into levels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binning {
    /// Every energy that occurs is a level; those that differ by less than 10⁻⁹ of the largest are one (rounding).
    /// Exact for discrete energies; for continuous ones the limit without bins, with one level for each sample.
    Exact,
    /// Bins of this width, centred on its multiples; a bin stands for the mean energy of its samples. Bias O(width²).
    Binned(f64),
}

/// One level of [`MultiHistogram::density`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnergyLevel {
    /// Energy of the level.
    pub energy: f64,
    /// Samples in it.
    pub count: u64,
    /// ln g(E). Error by the jackknife, or that of counting where the level was seen in one block only.
    pub ln_g: Estimate,
}

/// The combined histograms. All errors by a block jackknife that leaves out the same part of every run.
///
/// Memory: levels times (runs while solving, 51 afterwards) f64. For long runs with continuous energies use bins.
///
/// ```
/// use smml_core::{free_energy::{Binning, MultiHistogram}, parallel::Par, rng::{Draw, Streams}};
/// // Ten independent spins in a field: E = -Σ s, ln Z = 10 ln(2 cosh β).
/// let mut rng = Streams::new(1).stream("doc", 0);
/// let betas = [0.0, 0.5, 1.0];
/// let mut run = |beta: f64| -> Vec<f64> {
///     let up = 1.0 / (1.0 + (-2.0 * beta).exp());
///     (0..2000).map(|_| -(0..10).map(|_| if rng.chance(up) { 1.0 } else { -1.0 }).sum::<f64>()).collect()
/// };
/// let runs: Vec<Vec<f64>> = betas.iter().map(|b| run(*b)).collect();
/// let h = MultiHistogram::new(&betas, &runs, Binning::Exact, Par::Serial)?;
/// assert!(h.ln_z_difference(0.0, 0.7)?.z(10.0 * 0.7f64.cosh().ln()).abs() < 4.0);
/// assert!(h.mean_energy(0.7)?.z(-10.0 * 0.7f64.tanh()).abs() < 4.0);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MultiHistogram {
    energies: Vec<f64>,
    counts: Vec<u64>,
    /// Independent samples at each level.
    effective: Vec<f64>,
    /// ln g with ln Z(first β) = 0.
    ln_g: Vec<f64>,
    /// The same with one block left out; -∞ for levels not seen.
    left_out: Vec<Vec<f64>>,
    /// What the variance between blocks is multiplied by, because they touch.
    edges: f64,
}

impl MultiHistogram {
    /// Solves for runs at `betas` with energies `runs`; inefficiencies are measured from the energies.
    ///
    /// Errors: lengths that differ, no runs, values that are not finite, a bin width not above 0,
    /// [`Error::TooShort`] when a run has fewer than 10 blocks of 10 autocorrelation times, [`Error::Undefined`] when
    /// runs hardly overlap.
    pub fn new(betas: &[f64], runs: &[impl AsRef<[f64]>], levels: Binning, par: Par) -> Result<Self> {
        let g: Vec<f64> = runs.iter().map(|r| inefficiency(r.as_ref())).collect::<Result<_>>()?;
        MultiHistogram::with_inefficiency(betas, runs, &g, levels, par)
    }

    /// [`MultiHistogram::new`] with given statistical inefficiencies g = 2 τ_int of the runs.
    pub fn with_inefficiency(
        betas: &[f64],
        runs: &[impl AsRef<[f64]>],
        g: &[f64],
        levels: Binning,
        par: Par,
    ) -> Result<Self> {
        let runs: Vec<&[f64]> = runs.iter().map(|r| r.as_ref()).collect();
        let k = runs.len();
        same_length("betas", betas.len(), k)?;
        same_length("inefficiencies", g.len(), k)?;
        if k == 0 {
            return Err(Error::TooShort { have: 0, needed: 1 });
        }
        all_finite("beta", betas)?;
        let mut n_blocks = BLOCKS;
        let largest_beta = betas.iter().fold(0.0f64, |b, x| b.max(x.abs()));
        for (r, run) in runs.iter().enumerate() {
            all_finite(&format!("run {r}, energy"), run)?;
            if let Some(e) = run.iter().find(|e| !(**e * largest_beta).is_finite()) {
                return Err(Error::out_of_range(
                    format!("run {r}, energy"),
                    e,
                    "finite when multiplied by every beta",
                ));
            }
            positive(&format!("inefficiency of run {r}"), g[r])?;
            let block = (BLOCK_INEFFICIENCIES * g[r]).max(1.0);
            let fit = (run.len() as f64 / block) as usize;
            if fit < MIN_BLOCKS {
                let needed = (MIN_BLOCKS as f64 * block).ceil() as usize;
                return Err(Error::TooShort { have: run.len(), needed });
            }
            n_blocks = n_blocks.min(fit);
        }
        let table = Table::new(&runs, g, levels, n_blocks)?;
        let guess = first_guess(betas, &runs);
        // ln g without block `skip`; from the solution of all data where there is one.
        let solve = |skip: Option<usize>, guess: &[f64], par: Par| -> Result<(Vec<f64>, Vec<f64>)> {
            let kept = |total: f64, part: f64| if skip.is_some() { total - part } else { total };
            let mut counts = vec![0.0; k];
            for r in 0..k {
                let part = skip.map_or(0, |b| {
                    block_start(b + 1, runs[r].len(), n_blocks) - block_start(b, runs[r].len(), n_blocks)
                });
                counts[r] = kept(runs[r].len() as f64, part as f64) / g[r];
            }
            let multiplicity = table.multiplicity(skip);
            // Levels that are empty without the block take no part.
            let present: Vec<usize> = (0..multiplicity.len()).filter(|&m| multiplicity[m] > 0.0).collect();
            let problem = Problem {
                counts,
                reduced: present
                    .iter()
                    .flat_map(|&m| betas.iter().map(move |b| (b, m)))
                    .map(|(b, m)| b * table.energies[m])
                    .collect(),
                multiplicity: present.iter().map(|&m| multiplicity[m]).collect(),
            };
            let solution = problem.solve(guess, par)?;
            let mut ln_g = vec![f64::NEG_INFINITY; multiplicity.len()];
            for (i, &m) in present.iter().enumerate() {
                ln_g[m] = libm::log(multiplicity[m]) - solution.ln_denominator[i];
            }
            Ok((ln_g, solution.f))
        };
        let (ln_g, f) = solve(None, &guess, par)?;
        let left_out = parallel::map(par, n_blocks, |b| solve(Some(b), &f, Par::Serial).map(|s| s.0))
            .into_iter()
            .collect::<Result<_>>()?;
        let effective = table.multiplicity(None);
        let edges = (0..k)
            .map(|r| edge_correction(0.5 * g[r], runs[r].len() as f64 / n_blocks as f64))
            .fold(1.0, f64::max);
        Ok(MultiHistogram {
            energies: table.energies,
            counts: table.counts,
            effective,
            ln_g,
            left_out,
            edges,
        })
    }

    /// Number of levels.
    pub fn n_levels(&self) -> usize {
        self.energies.len()
    }

    /// ln g(E), lowest energy first, normalised so that ln Z(`beta`) = `ln_z`: at β = 0, ln Z is the logarithm of the
    /// number of states.
    ///
    /// Errors: as [`MultiHistogram::mean`], `ln_z` not finite.
    pub fn density(&self, beta: f64, ln_z: f64) -> Result<Vec<EnergyLevel>> {
        crate::error::finite("ln_z", ln_z)?;
        self.n_eff(beta)?;
        let shift = |ln_g: &[f64]| ln_z - self.ln_z_of(ln_g, beta);
        let all = shift(&self.ln_g);
        let others: Vec<f64> = self.left_out.iter().map(|l| shift(l)).collect();
        let level = |m: usize| {
            let value = self.ln_g[m] + all;
            let n_eff = self.effective[m];
            let replicates: Vec<f64> = self.left_out.iter().zip(&others).map(|(l, s)| l[m] + s).collect();
            let ln_g = if replicates.iter().all(|r| r.is_finite()) {
                self.jackknifed(value, &replicates, n_eff)
            } else {
                // Seen in one block only: the error of a count follows from the count.
                let raw = n_eff.max(1e-300).sqrt().recip();
                Estimate::with_dof(value, raw, f64::MAX, n_eff, Source::Chain)
            };
            EnergyLevel { energy: self.energies[m], count: self.counts[m], ln_g }
        };
        Ok((0..self.n_levels()).map(level).collect())
    }

    /// ln Z(to) - ln Z(from). Errors: as [`MultiHistogram::mean`].
    pub fn ln_z_difference(&self, from: f64, to: f64) -> Result<Estimate> {
        let n_eff = self.n_eff(from)?.min(self.n_eff(to)?);
        self.jackknife(n_eff, |ln_g| self.ln_z_of(ln_g, to) - self.ln_z_of(ln_g, from))
    }

    /// ⟨E⟩ at `beta`. Errors: as [`MultiHistogram::mean`].
    pub fn mean_energy(&self, beta: f64) -> Result<Estimate> {
        self.mean(beta, |e| e)
    }

    /// C = β² (⟨E²⟩ - ⟨E⟩²) at `beta`, in units of k. Errors: as [`MultiHistogram::mean`].
    pub fn heat_capacity(&self, beta: f64) -> Result<Estimate> {
        let n_eff = self.n_eff(beta)?;
        self.jackknife(n_eff, |ln_g| {
            let mean = self.mean_of(ln_g, beta, |e| e);
            beta * beta * self.mean_of(ln_g, beta, |e| (e - mean) * (e - mean))
        })
    }

    /// ⟨f(E)⟩ at `beta`.
    ///
    /// Errors: `beta` not finite, [`Error::TooShort`] when fewer than ten independent samples stand for it (too far
    /// from the runs), [`Error::Undefined`] when the result is not finite.
    pub fn mean(&self, beta: f64, f: impl Fn(f64) -> f64) -> Result<Estimate> {
        let n_eff = self.n_eff(beta)?;
        self.jackknife(n_eff, |ln_g| self.mean_of(ln_g, beta, &f))
    }

    fn mean_of(&self, ln_g: &[f64], beta: f64, f: impl Fn(f64) -> f64) -> f64 {
        let ln_z = self.ln_z_of(ln_g, beta);
        let term = |(e, g): (&f64, &f64)| match libm::exp(g - beta * e - ln_z) {
            0.0 => 0.0,
            p => p * f(*e),
        };
        self.energies.iter().zip(ln_g).map(term).sum()
    }

    fn ln_z_of(&self, ln_g: &[f64], beta: f64) -> f64 {
        ln_sum_exp(&self.energies.iter().zip(ln_g).map(|(e, g)| g - beta * e).collect::<Vec<_>>())
    }

    /// Independent samples that stand for `beta`: (Σw)² / Σw².
    fn n_eff(&self, beta: f64) -> Result<f64> {
        crate::error::finite("beta", beta)?;
        let ln_z = self.ln_z_of(&self.ln_g, beta);
        let of_level =
            |m: usize| libm::exp(self.ln_g[m] - beta * self.energies[m] - ln_z).powi(2) / self.effective[m];
        let n_eff = 1.0 / (0..self.n_levels()).map(of_level).sum::<f64>();
        if n_eff >= MIN_N_EFF {
            return Ok(n_eff);
        }
        let n = self.counts.iter().sum::<u64>() as usize;
        Err(Error::TooShort { have: n, needed: (n as f64 * MIN_N_EFF / n_eff).ceil() as usize })
    }

    fn jackknife(&self, n_eff: f64, f: impl Fn(&[f64]) -> f64) -> Result<Estimate> {
        let value = f(&self.ln_g);
        let replicates: Vec<f64> = self.left_out.iter().map(|l| f(l)).collect();
        if !value.is_finite() || replicates.iter().any(|r| !r.is_finite()) {
            return Err(Error::Undefined {
                what: "the reweighted quantity".into(),
                why: format!("it comes out as {value}, or is not finite when a block is left out"),
            });
        }
        Ok(self.jackknifed(value, &replicates, n_eff))
    }

    /// The error of leaving out one block at a time.
    fn jackknifed(&self, value: f64, replicates: &[f64], n_eff: f64) -> Estimate {
        let b = replicates.len() as f64;
        let mean = replicates.iter().sum::<f64>() / b;
        let spread: f64 = replicates.iter().map(|r| (r - mean).powi(2)).sum();
        let raw_error = (self.edges * (b - 1.0) / b * spread).sqrt();
        Estimate::with_dof(value, raw_error, b - 1.0, n_eff, Source::Chain)
    }
}

/// ln Z along β by the trapezoid rule, as a first guess of f; runs may come in any order.
fn first_guess(betas: &[f64], runs: &[&[f64]]) -> Vec<f64> {
    let mean: Vec<f64> = runs.iter().map(|r| r.iter().map(|e| e / r.len() as f64).sum()).collect();
    let mut order: Vec<usize> = (0..betas.len()).collect();
    order.sort_by(|a, b| betas[*a].total_cmp(&betas[*b]));
    let mut f = vec![0.0; betas.len()];
    for pair in order.windows(2) {
        f[pair[1]] = f[pair[0]] + 0.5 * (mean[pair[0]] + mean[pair[1]]) * (betas[pair[1]] - betas[pair[0]]);
    }
    f
}

/// Counts by level and block.
struct Table {
    energies: Vec<f64>,
    counts: Vec<u64>,
    /// Independent samples of each level, run and block that has any: (level, block, run, count).
    entries: Vec<(usize, usize, usize, u64)>,
    inefficiency: Vec<f64>,
}

impl Table {
    fn new(runs: &[&[f64]], g: &[f64], levels: Binning, n_blocks: usize) -> Result<Self> {
        // (sort key, energy, block, run); blocks are those of `block_start`.
        let mut all: Vec<(f64, f64, usize, usize)> = Vec::with_capacity(runs.iter().map(|r| r.len()).sum());
        let width = match levels {
            Binning::Exact => None,
            Binning::Binned(width) => Some(positive("bin width", width)?),
        };
        for (r, run) in runs.iter().enumerate() {
            for b in 0..n_blocks {
                for &e in &run[block_start(b, run.len(), n_blocks)..block_start(b + 1, run.len(), n_blocks)] {
                    let key = width.map_or(e, |w| (e / w).round());
                    crate::error::finite("energy over bin width", key)?;
                    all.push((key, e, b, r));
                }
            }
        }
        all.sort_by(|x, y| {
            x.0.total_cmp(&y.0).then(x.2.cmp(&y.2)).then(x.3.cmp(&y.3)).then(x.1.total_cmp(&y.1))
        });
        let tolerance = match width {
            None => 1e-9 * all.iter().fold(0.0f64, |t, x| t.max(x.0.abs())),
            Some(_) => 0.0,
        };
        let mut table =
            Table { energies: Vec::new(), counts: Vec::new(), entries: Vec::new(), inefficiency: g.to_vec() };
        let mut start = 0;
        while start < all.len() {
            let length = all[start..].iter().take_while(|x| x.0 - all[start].0 <= tolerance).count();
            let group = &mut all[start..start + length];
            group.sort_by_key(|x| (x.2, x.3));
            let level = table.energies.len();
            let first = group[0].1;
            table.energies.push(first + group.iter().map(|x| x.1 - first).sum::<f64>() / length as f64);
            table.counts.push(length as u64);
            for part in group.chunk_by(|x, y| (x.2, x.3) == (y.2, y.3)) {
                table.entries.push((level, part[0].2, part[0].3, part.len() as u64));
            }
            start += length;
        }
        Ok(table)
    }

    /// Independent samples at each level, without block `skip`.
    fn multiplicity(&self, skip: Option<usize>) -> Vec<f64> {
        let mut v = vec![0.0; self.energies.len()];
        for &(level, block, run, count) in &self.entries {
            if Some(block) != skip {
                v[level] += count as f64 / self.inefficiency[run];
            }
        }
        v
    }
}
