//! A finite-size-scaling study: chains of several sizes in, critical temperature and exponents out.

#[cfg(test)]
mod tests;

use super::{
    at_least,
    fit::{Normal, solve},
    reweight::{At, Curve, Reweighting, Series, newton},
};
use smml_core::{
    Estimate,
    chain::Chain,
    diagnose::{Equilibrated, Equilibration, equilibration},
    energy::Energy,
    error::{Error, Result, finite, positive},
    estimate::{LeftOut, autocorrelation, jackknife_groups},
    kernel::Kernel,
    parallel::{self, Par},
    rng::{Draw, Stream, Streams},
};

/// The chains of one linear size L.
#[derive(Clone, Debug, PartialEq)]
pub struct SizeData {
    /// L
    pub size: f64,
    /// Chains at one temperature or several, near the critical one.
    pub series: Vec<Series>,
}

/// Which chains [`simulate`] runs for one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Chains {
    /// L
    pub size: usize,
    /// A chain at each.
    pub temperatures: Vec<f64>,
    /// Samples of each chain.
    pub n_samples: usize,
    /// Steps of the kernel between two samples.
    pub thin: u64,
    /// Steps before the first sample.
    pub n_discarded: u64,
}

/// Runs the chains of a study, in parallel, each with a stream of its own. `model` makes the system of a given size,
/// `start` a state of it, `order` measures the order parameter per site.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{cluster::Wolff, ising::{Boundary, SquareLattice, observe}, scaling::{Chains, FiniteSizeScaling, simulate}};
/// let plan: Vec<Chains> = [4, 6, 8, 12]
///     .map(|size| Chains { size, temperatures: vec![2.27], n_samples: 3_000, thin: 2, n_discarded: 100 })
///     .into();
/// let chains = simulate(
///     &plan,
///     |l| SquareLattice::uniform(l, l, Boundary::Periodic, 1.0, 0.0)?.ising(),
///     Wolff::default(),
///     |_, ising| vec![1; ising.n_spins()],
///     |ising, s| observe::magnetisation(s) as f64 / ising.n_spins() as f64,
///     &Streams::new(1),
///     Par::Rayon,
/// )?;
/// let found = FiniteSizeScaling { pairs: vec![(4.0, 8.0), (6.0, 12.0)], ..Default::default() }.analyse(&chains)?;
/// assert!((found.t_c.value - 2.269).abs() < 0.2);
/// # Ok::<(), smml_core::Error>(())
/// ```
///
/// # Errors
/// No samples, temperatures of 0 or not finite, and whatever `model` says.
pub fn simulate<E, K>(
    plan: &[Chains],
    model: impl Fn(usize) -> Result<E> + Sync + Send,
    kernel: K,
    start: impl Fn(&mut Stream, &E) -> E::State + Sync + Send,
    order: impl Fn(&E, &E::State) -> f64 + Sync + Send,
    streams: &Streams,
    par: Par,
) -> Result<Vec<SizeData>>
where
    E: Energy,
    K: Kernel<E>,
{
    for chains in plan {
        if chains.n_samples == 0 || chains.thin == 0 {
            return Err(Error::out_of_range(
                format!("samples and thinning of size {}", chains.size),
                0,
                "at least 1",
            ));
        }
        if let Some(t) = chains.temperatures.iter().find(|t| !(**t != 0.0 && t.is_finite())) {
            return Err(Error::out_of_range("temperature", t, "finite and other than 0"));
        }
    }
    // All sizes at their first temperatures, then at their second: halves of the list are about as much work.
    let most = plan.iter().map(|c| c.temperatures.len()).max().unwrap_or(0);
    let jobs: Vec<(usize, usize, f64)> = (0..most)
        .flat_map(|k| plan.iter().enumerate().filter_map(move |(i, c)| Some((i, k, *c.temperatures.get(k)?))))
        .collect();
    let run = |job: usize| -> Result<Series> {
        let (i, k, temperature) = jobs[job];
        let chains = &plan[i];
        let model = model(chains.size)?;
        let mut rng = streams.child("scaling study", chains.size as u64).stream("chain", k as u64);
        let start = start(&mut rng, &model);
        let mut chain = Chain::new(kernel.clone(), start, rng.fork());
        let beta = 1.0 / temperature;
        chain.advance(&model, beta, chains.n_discarded);
        let mut series = Series { temperature, energy: Vec::new(), order: Vec::new() };
        for _ in 0..chains.n_samples {
            chain.advance(&model, beta, chains.thin);
            series.energy.push(model.energy(&chain.state));
            series.order.push(order(&model, &chain.state));
        }
        Ok(series)
    };
    let done = parallel::map(par, jobs.len(), run);
    let mut all: Vec<SizeData> =
        plan.iter().map(|c| SizeData { size: c.size as f64, series: Vec::new() }).collect();
    for ((i, ..), series) in jobs.into_iter().zip(done) {
        all[i].series.push(series?);
    }
    Ok(all)
}

/// How to read a study.
#[derive(Clone, Debug, PartialEq)]
pub struct FiniteSizeScaling {
    /// Pairs of sizes whose crossing is reported; empty for all pairs L, 2 L.
    pub pairs: Vec<(f64, f64)>,
    /// ω, the exponent of the leading correction: at T_c the cumulants are U* + d L^-ω, so that those of L and 2 L cross
    /// at T_c + a L^-(ω + 1/ν), and powers of L are multiplied by 1 + b L^-ω. Square Ising: 7/4, from the analytic
    /// background of the susceptibility. `None` for no correction.
    pub correction: Option<f64>,
    /// The value of the cumulant at which ⟨|m|⟩, ⟨m²⟩ and dU/dT of all sizes are compared; `None` for U of the largest
    /// size at T_c.
    pub binder: Option<f64>,
}

impl Default for FiniteSizeScaling {
    /// L and 2 L, ω = 7/4.
    fn default() -> Self {
        FiniteSizeScaling { pairs: Vec::new(), correction: Some(1.75), binder: None }
    }
}

/// Where the cumulants of two sizes are equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossingOfSizes {
    /// The two sizes.
    pub sizes: (f64, f64),
    /// T
    pub temperature: Estimate,
    /// U there
    pub binder: Estimate,
}

/// A size where its cumulant has the value at which sizes are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtBinder {
    /// L
    pub size: f64,
    /// T
    pub temperature: Estimate,
    /// ln |dU/dT|
    pub ln_slope: Estimate,
    /// ln ⟨|m|⟩
    pub ln_order: Estimate,
    /// ln ⟨m²⟩
    pub ln_square: Estimate,
    /// U at T_c
    pub critical_binder: Estimate,
}

/// What the start of a series does to its mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeriesVerdict {
    /// Where the transient ends, and whether what is left looks stationary.
    pub equilibration: Equilibration,
    /// By how many standard errors the samples before that move the mean; 0 where they do not differ from the others by
    /// more than chance.
    pub shift: f64,
}

impl SeriesVerdict {
    /// The first samples are off by more than [`SETTLED`] of their standard deviation, were they like the others.
    fn of(series: &[f64]) -> Result<Self> {
        let found = equilibration(series)?;
        let (start, rest) = series.split_at(found.discard);
        let mut shift = 0.0;
        if !start.is_empty() && found.verdict == Equilibrated::Yes {
            let later = autocorrelation(rest)?;
            let n = start.len() as f64;
            let difference = start.iter().sum::<f64>() / n - later.mean;
            let chance = (later.variance * (2.0 * later.tau_int / n).min(1.0)).sqrt();
            if difference.abs() > SETTLED * chance {
                shift = difference * n / series.len() as f64 / later.raw_error();
            }
        }
        Ok(SeriesVerdict { equilibration: found, shift })
    }
    /// Whether the series ran long enough, and its start does not move its mean by more than a fifth of the error.
    pub fn is_stationary(&self) -> bool {
        self.equilibration.verdict == Equilibrated::Yes && self.shift.abs() <= 0.2
    }
}

/// Whether a chain of a study had equilibrated before its first sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChainVerdict {
    /// L
    pub size: f64,
    /// T
    pub temperature: f64,
    /// Of the energy.
    pub energy: SeriesVerdict,
    /// Of the square of the order parameter.
    pub square: SeriesVerdict,
}

impl ChainVerdict {
    /// Whether both series are.
    pub fn is_stationary(&self) -> bool {
        self.energy.is_stationary() && self.square.is_stationary()
    }
}

/// What a study found. Errors by the jackknife over blocks of the chains of each size, carried through all fits; their
/// degrees of freedom by Welch and Satterthwaite.
#[derive(Clone, Debug, PartialEq)]
pub struct CriticalPoint {
    /// T_c, where the cumulants of all sizes cross.
    pub t_c: Estimate,
    /// U*, the cumulant at T_c for L = ∞.
    pub binder: Estimate,
    /// 1/ν
    pub inverse_nu: Estimate,
    /// β/ν
    pub beta_over_nu: Estimate,
    /// κ of ⟨m²⟩ ~ L^κ: γ/ν = d + κ in d dimensions.
    pub square_exponent: Estimate,
    /// The crossings of pairs.
    pub crossings: Vec<CrossingOfSizes>,
    /// All sizes at one value of the cumulant.
    pub sizes: Vec<AtBinder>,
    /// That value.
    pub compared_at: f64,
    /// χ² of the fits of U(T_c), slopes, ⟨|m|⟩ and ⟨m²⟩.
    pub chi_squared: [f64; 4],
    /// Degrees of freedom of each of them.
    pub dof: usize,
    /// Whether each chain had equilibrated: sizes in order, temperatures as they were given. Results are computed from all
    /// samples all the same.
    pub chains: Vec<ChainVerdict>,
}

impl CriticalPoint {
    /// Whether all chains look stationary from their first sample on. If not, the errors do not count what is wrong: run
    /// them again with more steps discarded, or longer.
    pub fn is_stationary(&self) -> bool {
        self.chains.iter().all(ChainVerdict::is_stationary)
    }
}

/// Numbers of one size: T, ln |dU/dT|, ln ⟨|m|⟩, ln ⟨m²⟩ at the value of the cumulant, U at a temperature near T_c and its
/// slope.
const PER_SIZE: usize = 6;
/// Steps of the joint crossing at most, and where it has settled, relative to T.
const MAX_STEPS: usize = 20;
const TOLERANCE: f64 = 1e-12;
/// Standard deviations by which the start of a chain must differ from the rest to be no chance. The cut is searched for, so
/// this is more than one would ask of a cut that was given.
const SETTLED: f64 = 6.0;

impl FiniteSizeScaling {
    /// T_c and exponents from chains of several sizes. Each size is reweighted to any temperature between and somewhat
    /// beyond those of its chains (A. M. Ferrenberg and R. H. Swendsen, Phys. Rev. Lett. 63, 1195 (1989)).
    ///
    /// T_c: the temperature at which the cumulants of all sizes are U* + d L^-ω, by weighted least squares over T, U*
    /// and d: the crossing of all sizes together. Exponents: where the cumulant has one and the same value, and so
    /// (T - T_c) L^(1/ν) has, |dU/dT| ~ L^(1/ν), ⟨|m|⟩ ~ L^(-β/ν), ⟨m²⟩ ~ L^(γ/ν - d), again with a correction; no error
    /// of T_c enters (H. G. Ballesteros et al., Phys. Lett. B 378, 207 (1996), and M. Hasenbusch, J. Phys. A 32, 4851
    /// (1999), compare sizes in the same way).
    ///
    /// # Errors
    /// Fewer sizes than the fits need (four with a correction, three without), sizes twice, series that are not finite or
    /// too short (50 blocks of ten autocorrelation times), temperatures between which there is no overlap,
    /// [`Error::Undefined`] where curves do not cross or do not come to the value within the range of the chains, or the
    /// chains of a size do not reach T_c; [`Error::NotConverged`] where the joint crossing does not settle.
    pub fn analyse(&self, data: &[SizeData]) -> Result<CriticalPoint> {
        let n_columns = 2 + usize::from(self.correction.is_some());
        at_least("sizes of a study", data.len(), n_columns + 1)?;
        if let Some(omega) = self.correction {
            positive("correction", omega)?;
        }
        let mut data: Vec<&SizeData> = data.iter().collect();
        data.sort_by(|a, b| a.size.total_cmp(&b.size));
        for d in &data {
            positive("size", d.size)?;
        }
        if let Some(w) = data.windows(2).find(|w| w[0].size == w[1].size) {
            return Err(Error::out_of_range("size", w[0].size, "given once"));
        }
        let sizes: Vec<f64> = data.iter().map(|d| d.size).collect();
        let samples: Vec<Reweighting> =
            data.iter().map(|d| Reweighting::new(&d.series)).collect::<Result<_>>()?;
        let mut chains = Vec::new();
        for d in &data {
            for series in &d.series {
                let squares: Vec<f64> = series.order.iter().map(|m| m * m).collect();
                chains.push(ChainVerdict {
                    size: d.size,
                    temperature: series.temperature,
                    energy: SeriesVerdict::of(&series.energy)?,
                    square: SeriesVerdict::of(&squares)?,
                });
            }
        }
        let curves: Vec<Vec<Curve<'_>>> = samples.iter().map(Reweighting::curves).collect::<Result<_>>()?;
        let whole: Vec<&Curve<'_>> = curves.iter().map(|c| &c[0]).collect();
        let analysis = Analysis { correction: self.correction, sizes: &sizes, samples: &samples };

        // A first T_c: the crossing of the smallest and the largest size, whose slopes differ most.
        let last = sizes.len() - 1;
        let (mut near, _) = analysis.cross(whole[0], whole[last], 0, last)?;
        analysis.reached(near)?;
        let compared_at = match self.binder {
            Some(u) => finite("binder", u)?,
            None => whole[last].at(near).binder,
        };
        let table = |near: f64| -> Result<Vec<Vec<[f64; PER_SIZE]>>> {
            (0..sizes.len())
                .map(|i| curves[i].iter().map(|c| analysis.numbers(c, i, compared_at, near)).collect())
                .collect()
        };
        let mut numbers = table(near)?;
        let errors = |numbers: &[Vec<[f64; PER_SIZE]>]| -> Vec<[f64; PER_SIZE]> {
            (0..sizes.len())
                .map(|i| {
                    std::array::from_fn(|k| {
                        let left_out: Vec<f64> = numbers[i][1..].iter().map(|n| n[k]).collect();
                        samples[i].error(&left_out)
                    })
                })
                .collect()
        };
        // Newton's steps of the joint crossing; the weights follow.
        let mut step = f64::INFINITY;
        for _ in 0..MAX_STEPS {
            let errors = errors(&numbers);
            let all: Vec<[f64; PER_SIZE]> = numbers.iter().map(|n| n[0]).collect();
            step = analysis.fit(&all, &errors, near)?[0] - near;
            near += step;
            analysis.reached(near)?;
            numbers = table(near)?;
            if step.abs() < TOLERANCE * near.abs() {
                break;
            }
        }
        if !(step.abs() < TOLERANCE * near.abs()) {
            return Err(Error::NotConverged {
                what: "the joint crossing of all sizes".into(),
                residual: step.abs() / near.abs(),
                iterations: MAX_STEPS,
                tolerance: TOLERANCE,
            });
        }
        let errors = errors(&numbers);
        let all: Vec<[f64; PER_SIZE]> = numbers.iter().map(|n| n[0]).collect();
        let fitted = analysis.fit(&all, &errors, near)?;
        // One size at a time: what its blocks do to each result.
        let mut left_out: Vec<Vec<[f64; 5]>> = Vec::new();
        for i in 0..sizes.len() {
            let mut of_size = Vec::new();
            for numbers in &numbers[i][1..] {
                let mut changed = all.clone();
                changed[i] = *numbers;
                of_size.push(analysis.fit(&changed, &errors, near)?);
            }
            left_out.push(of_size);
        }
        let group = |i: usize, values: Vec<f64>| -> LeftOut { samples[i].left_out(values) };
        let joint = |k: usize| {
            let parts: Vec<LeftOut> = left_out
                .iter()
                .enumerate()
                .map(|(i, l)| group(i, l.iter().map(|r| r[k]).collect()))
                .collect();
            jackknife_groups("a result of the study", fitted[k], &parts)
        };
        let of_size = |i: usize, k: usize| {
            let without = numbers[i][1..].iter().map(|n| n[k]).collect();
            jackknife_groups("a number of one size", numbers[i][0][k], &[group(i, without)])
        };
        let at_binder = |i: usize| -> Result<AtBinder> {
            Ok(AtBinder {
                size: sizes[i],
                temperature: of_size(i, 0)?,
                ln_slope: of_size(i, 1)?,
                ln_order: of_size(i, 2)?,
                ln_square: of_size(i, 3)?,
                critical_binder: of_size(i, 4)?,
            })
        };
        let mut crossings = Vec::new();
        for (i, j) in self.chosen(&sizes)? {
            let at = analysis.cross(whole[i], whole[j], i, j)?;
            let mut parts = [Vec::new(), Vec::new()];
            for (vary, k) in [(i, 0), (j, 1)] {
                let mut columns = [Vec::new(), Vec::new()];
                for curve in &curves[vary][1..] {
                    let (a, b) = if k == 0 { (curve, whole[j]) } else { (whole[i], curve) };
                    let (t, u) = analysis.cross(a, b, i, j)?;
                    columns[0].push(t);
                    columns[1].push(u);
                }
                let [t, u] = columns;
                parts[0].push(group(vary, t));
                parts[1].push(group(vary, u));
            }
            crossings.push(CrossingOfSizes {
                sizes: (sizes[i], sizes[j]),
                temperature: jackknife_groups("a crossing", at.0, &parts[0])?,
                binder: jackknife_groups("the cumulant at a crossing", at.1, &parts[1])?,
            });
        }
        let chi = |k: usize| analysis.chi_squared(&all, &errors, k);
        Ok(CriticalPoint {
            t_c: joint(0)?,
            binder: joint(1)?,
            inverse_nu: joint(2)?,
            beta_over_nu: joint(3)?.affine(0.0, -1.0),
            square_exponent: joint(4)?,
            crossings,
            sizes: (0..sizes.len()).map(at_binder).collect::<Result<_>>()?,
            compared_at,
            chi_squared: [chi(4)?, chi(1)?, chi(2)?, chi(3)?],
            dof: sizes.len() - n_columns,
            chains,
        })
    }

    /// Places of the pairs among the sizes.
    fn chosen(&self, sizes: &[f64]) -> Result<Vec<(usize, usize)>> {
        let place = |l: f64| sizes.iter().position(|s| *s == l);
        if self.pairs.is_empty() {
            let twice = |(i, l): (usize, &f64)| place(2.0 * l).map(|j| (i, j));
            return Ok(sizes.iter().enumerate().filter_map(twice).collect());
        }
        let find =
            |l: f64| place(l).ok_or_else(|| Error::out_of_range("size of a pair", l, "one of the study"));
        self.pairs.iter().map(|(a, b)| Ok((find(*a)?, find(*b)?))).collect()
    }
}

/// The Binder cumulant of one size at several temperatures, by reweighting, each with its error: for a figure.
///
/// # Errors
/// Series as [`FiniteSizeScaling::analyse`] refuses them, temperatures that the chains do not reach.
pub fn binder_curve(data: &SizeData, temperatures: &[f64]) -> Result<Vec<Estimate>> {
    let samples = Reweighting::new(&data.series)?;
    let (low, high) = samples.range();
    let curves = samples.curves()?;
    let at = |t: &f64| -> Result<Estimate> {
        if !(low..=high).contains(t) {
            return Err(Error::out_of_range(
                "temperature",
                t,
                format!("from {low} to {high}, which the chains reach"),
            ));
        }
        let all: Vec<f64> = curves.iter().map(|c| c.at(*t).binder).collect();
        jackknife_groups("the cumulant", all[0], &[samples.left_out(all[1..].to_vec())])
    };
    temperatures.iter().map(at).collect()
}

struct Analysis<'a> {
    correction: Option<f64>,
    sizes: &'a [f64],
    samples: &'a [Reweighting],
}

impl Analysis<'_> {
    fn range(&self, i: usize) -> (f64, f64) {
        self.samples[i].range()
    }

    /// Whether all sizes reach a temperature.
    fn reached(&self, t: f64) -> Result<()> {
        for (i, size) in self.sizes.iter().enumerate() {
            let (low, high) = self.range(i);
            // NaN is in no range.
            if !(low..=high).contains(&t) {
                return Err(Error::Undefined {
                    what: "the joint crossing of all sizes".into(),
                    why: format!("it lies at {t}, and the chains of size {size} reach from {low} to {high}"),
                });
            }
        }
        Ok(())
    }

    /// Where the curves of sizes `i` and `j` cross, and at what value.
    fn cross(&self, a: &Curve<'_>, b: &Curve<'_>, i: usize, j: usize) -> Result<(f64, f64)> {
        let (first, second) = (self.range(i), self.range(j));
        let range = (first.0.max(second.0), first.1.min(second.1));
        if !(range.0 < range.1) {
            return Err(Error::Undefined {
                what: format!("the crossing of sizes {} and {}", self.sizes[i], self.sizes[j]),
                why: format!(
                    "the temperatures they reach, {} to {} and {} to {}, do not meet",
                    first.0, first.1, second.0, second.1
                ),
            });
        }
        let difference = |t: f64| {
            let (a, b) = (a.at(t), b.at(t));
            (a.binder - b.binder, a.binder_slope - b.binder_slope)
        };
        let t = newton(0.5 * (range.0 + range.1), range, difference).ok_or_else(|| Error::Undefined {
            what: format!("the crossing of sizes {} and {}", self.sizes[i], self.sizes[j]),
            why: format!("their cumulants do not cross between {} and {}", range.0, range.1),
        })?;
        Ok((t, a.at(t).binder))
    }

    fn numbers(&self, curve: &Curve<'_>, i: usize, binder: f64, near: f64) -> Result<[f64; PER_SIZE]> {
        let range = self.range(i);
        let t = curve.temperature_of(binder, near, range).ok_or_else(|| Error::Undefined {
            what: format!("the temperature of size {}", self.sizes[i]),
            why: format!("its cumulant is not {binder} between {} and {}", range.0, range.1),
        })?;
        let (there, here): (At, At) = (curve.at(t), curve.at(near));
        let ln_slope = libm::log(there.binder_slope.abs());
        Ok([t, ln_slope, there.ln_order, there.ln_square, here.binder, here.binder_slope])
    }

    fn row(&self, size: f64, second: f64) -> Vec<f64> {
        let mut row = vec![1.0, second];
        row.extend(self.correction.map(|omega| libm::exp(-omega * libm::log(size / self.sizes[0]))));
        row
    }

    /// Weighted least squares of column `k`. U at T_c: U* + d L^-ω - slope (T_c - near); powers: ln A + κ ln L + b L^-ω.
    fn coefficients(
        &self,
        all: &[[f64; PER_SIZE]],
        errors: &[[f64; PER_SIZE]],
        k: usize,
    ) -> Result<Vec<f64>> {
        let rows = self.rows(all, k);
        let mut normal = Normal::new(rows[0].len());
        for ((row, numbers), error) in rows.iter().zip(all).zip(errors) {
            normal.add(row, numbers[k], 1.0 / positive("error of a size", error[k])?.powi(2));
        }
        solve(normal.matrix, normal.right).ok_or_else(|| Error::Undefined {
            what: "the fit over sizes".into(),
            why: "the sizes do not fix its coefficients".into(),
        })
    }

    fn rows(&self, all: &[[f64; PER_SIZE]], k: usize) -> Vec<Vec<f64>> {
        let second = |i: usize| if k == 4 { -all[i][5] } else { libm::log(self.sizes[i] / self.sizes[0]) };
        (0..all.len()).map(|i| self.row(self.sizes[i], second(i))).collect()
    }

    fn chi_squared(&self, all: &[[f64; PER_SIZE]], errors: &[[f64; PER_SIZE]], k: usize) -> Result<f64> {
        let fitted = self.coefficients(all, errors, k)?;
        let term = |(i, row): (usize, &Vec<f64>)| {
            let fit: f64 = row.iter().zip(&fitted).map(|(r, c)| r * c).sum();
            ((all[i][k] - fit) / errors[i][k]).powi(2)
        };
        Ok(self.rows(all, k).iter().enumerate().map(term).sum())
    }

    /// T_c, U*, 1/ν, -β/ν, κ.
    fn fit(&self, all: &[[f64; PER_SIZE]], errors: &[[f64; PER_SIZE]], near: f64) -> Result<[f64; 5]> {
        let crossing = self.coefficients(all, errors, 4)?;
        let power = |k: usize| self.coefficients(all, errors, k).map(|c| c[1]);
        Ok([near + crossing[1], crossing[0], power(1)?, power(2)?, power(3)?])
    }
}
