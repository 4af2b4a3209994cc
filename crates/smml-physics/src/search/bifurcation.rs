//! Simulated bifurcation: classical oscillators whose signs are the spins.

use super::descend;
use crate::ising::{CachedIsing, Ising};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::Energy,
    error::{Error, Result, positive},
    estimate::SearchResults,
    graph::SparseGraph,
    parallel::{self, Par},
    read_through,
    rng::{Draw, Stream, Streams},
};

/// Which positions act on the other oscillators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// bSB: the positions themselves. Runs from different starts often end in the same few states.
    Ballistic,
    /// dSB: their signs.
    Discrete,
}

/// Simulated bifurcation (H. Goto, K. Endo, M. Suzuki, Y. Sakai, T. Kanao, Y. Hamakawa, R. Hidaka, M. Yamasaki and K.
/// Tatsumura, Sci. Adv. 7, eabe7953 (2021)). Oscillators with positions x and momenta y follow
///
/// ẏᵢ = -(a₀ - a(t)) xᵢ + c₀ Σⱼ Jᵢⱼ f(xⱼ), ẋᵢ = a₀ yᵢ, a₀ = 1,
///
/// by the symplectic Euler rule (momenta first) while a(t) rises on a straight line from 0 to a₀. Walls at ±1: a
/// position beyond is put there and its momentum set to 0. f(x) = x or sign x, see [`Variant`]; the spins are the
/// signs at the end, followed by a descent. c₀ = ½ √(n - 1) / √(Σᵢⱼ Jᵢⱼ²), the paper's ½ / (σ √n) with σ² the mean of
/// Jᵢⱼ² over all pairs.
///
/// Fields are couplings to one more oscillator (the ancilla), whose sign the others are multiplied by at the end.
///
/// Positions and momenta begin at random in ±0.1, the only random numbers. A step costs one product of the couplings
/// with a vector, sums in a fixed order: results are the same on any number of threads.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams};
/// use smml_physics::{ising::{Boundary, SquareLattice}, search::{SimulatedBifurcation, Variant}};
/// let ferromagnet = SquareLattice::uniform(4, 4, Boundary::Periodic, 1.0, 0.1)?.ising()?;
/// let bifurcation = SimulatedBifurcation::new(Variant::Ballistic, 500)?;
/// let found = bifurcation.search(&ferromagnet, 8, &Streams::new(1), Par::Serial)?;
/// assert!((found.best().0 + 33.6).abs() < 1e-12);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawBifurcation")]
pub struct SimulatedBifurcation {
    variant: Variant,
    n_steps: u64,
    longest: f64,
}

read_through!(SimulatedBifurcation: RawBifurcation { variant: Variant, n_steps: u64, longest: f64 } => SimulatedBifurcation::new(variant, n_steps)?.with_time_step(longest));

impl SimulatedBifurcation {
    /// `n_steps` steps of Δt = 1.25, or shorter ones where the model wants them ([`SimulatedBifurcation::time_step`]).
    ///
    /// Errors: no steps.
    pub fn new(variant: Variant, n_steps: u64) -> Result<Self> {
        if n_steps == 0 {
            return Err(Error::out_of_range("n_steps", 0, "at least 1"));
        }
        Ok(SimulatedBifurcation { variant, n_steps, longest: 1.25 })
    }
    /// Another longest time step. Errors: not in (0, 2): the rule is unstable at 2 and above, where a(t) = 0.
    pub fn with_time_step(mut self, time_step: f64) -> Result<Self> {
        positive("time step", time_step)?;
        if time_step >= 2.0 {
            return Err(Error::out_of_range("time step", time_step, "below 2"));
        }
        self.longest = time_step;
        Ok(self)
    }
    /// The variant.
    pub fn variant(&self) -> Variant {
        self.variant
    }
    /// Steps of one run.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }
    /// Δt for a model: the longest allowed, or less where the couplings are stiff. An oscillation of frequency ω under the
    /// symplectic Euler rule is stable for ω Δt < 2, and the stiffest has ω² = a₀ + c₀ ρ, ρ the largest |eigenvalue| of J
    /// (a graph of equal negative couplings and degree d has ρ = d): Δt = 1.5 / √(1 + c₀ ρ) keeps a distance from that.
    ///
    /// Errors: as [`SimulatedBifurcation::search`].
    pub fn time_step(&self, ising: &Ising) -> Result<f64> {
        self.step_for(&Oscillators::new(ising)?)
    }
    fn step_for(&self, oscillators: &Oscillators) -> Result<f64> {
        Ok(self.longest.min(1.5 / (1.0 + oscillators.radius()?).sqrt()))
    }
    /// `n_runs` runs, each with its energy and spins after descent; run r takes its start from stream r.
    ///
    /// Errors: no runs, couplings whose squares overflow, energies that overflow.
    pub fn search(
        &self,
        ising: &Ising,
        n_runs: usize,
        streams: &Streams,
        par: Par,
    ) -> Result<SearchResults<Vec<i8>>> {
        if n_runs == 0 {
            return Err(Error::out_of_range("n_runs", 0, "at least 1"));
        }
        let oscillators = Oscillators::new(ising)?;
        let cached = CachedIsing(ising.clone());
        let dt = self.step_for(&oscillators)?;
        let runs = parallel::map(par, n_runs, |run| -> Result<(f64, Vec<i8>)> {
            let mut rng = streams.stream("bifurcation", run as u64);
            let spins = oscillators.run(self, dt, ising.n_spins(), &mut rng)?;
            let mut state = cached.at(spins)?;
            descend(&cached, &mut state);
            let spins = state.spins().to_vec();
            Ok((ising.energy(&spins), spins))
        });
        SearchResults::new(runs.into_iter().collect::<Result<_>>()?)
    }
}

/// The couplings c₀ J, with those to the ancilla where there are fields.
struct Oscillators(SparseGraph);

impl Oscillators {
    fn new(ising: &Ising) -> Result<Self> {
        let n = ising.n_spins();
        let mut edges: Vec<(u32, u32, f64)> = ising.couplings().edges().collect();
        let fields = ising.fields().iter().enumerate().filter(|(_, h)| **h != 0.0);
        edges.extend(fields.map(|(i, h)| (i as u32, n as u32, *h)));
        let n = if ising.is_symmetric() { n } else { n + 1 };
        // By the largest first, so that no square overflows.
        let largest = edges.iter().fold(0.0f64, |m, e| m.max(e.2.abs()));
        if largest == 0.0 {
            return Ok(Oscillators(SparseGraph::new(n, &[])?));
        }
        edges.iter_mut().for_each(|e| e.2 /= largest);
        let squares: f64 = edges.iter().map(|e| 2.0 * e.2 * e.2).sum();
        let c0 = 0.5 * ((n - 1) as f64 / squares).sqrt();
        edges.iter_mut().for_each(|e| e.2 *= c0);
        Ok(Oscillators(SparseGraph::new(n, &edges)?))
    }

    /// The largest |eigenvalue|, from below, by the power method: more steps than it takes for two digits. The start is
    /// the same every time.
    fn radius(&self) -> Result<f64> {
        const STEPS: usize = 60;
        let n = self.0.n_vertices();
        let mut rng = Streams::new(0).stream("power method", 0);
        let mut x: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
        let mut y = vec![0.0; n];
        let mut radius = 0.0;
        for _ in 0..STEPS {
            let length = x.iter().map(|x| x * x).sum::<f64>().sqrt();
            if !(length > 0.0) {
                return Ok(0.0);
            }
            x.iter_mut().for_each(|x| *x /= length);
            self.0.multiply(&x, &mut y)?;
            radius = y.iter().map(|y| y * y).sum::<f64>().sqrt();
            std::mem::swap(&mut x, &mut y);
        }
        Ok(radius)
    }

    fn run(&self, rule: &SimulatedBifurcation, dt: f64, n_spins: usize, rng: &mut Stream) -> Result<Vec<i8>> {
        let n = self.0.n_vertices();
        let mut start = || -> Vec<f64> { (0..n).map(|_| 0.2 * rng.uniform() - 0.1).collect() };
        let (mut x, mut y) = (start(), start());
        self.evolve(rule, dt, &mut x, &mut y)?;
        let ancilla = if n > n_spins { sign(x[n_spins]) } else { 1.0 };
        Ok(x[..n_spins].iter().map(|x| (ancilla * sign(*x)) as i8).collect())
    }

    fn evolve(&self, rule: &SimulatedBifurcation, dt: f64, x: &mut [f64], y: &mut [f64]) -> Result<()> {
        let n = x.len();
        let (mut signs, mut force) = (vec![0.0; n], vec![0.0; n]);
        for step in 0..rule.n_steps {
            // a rises to 1 in the last step.
            let stiffness = 1.0 - (step + 1) as f64 / rule.n_steps as f64;
            match rule.variant {
                Variant::Ballistic => self.0.multiply(x, &mut force)?,
                Variant::Discrete => {
                    signs.iter_mut().zip(&*x).for_each(|(s, x)| *s = sign(*x));
                    self.0.multiply(&signs, &mut force)?;
                }
            }
            for i in 0..n {
                y[i] += dt * (force[i] - stiffness * x[i]);
                x[i] += dt * y[i];
                if x[i].abs() > 1.0 {
                    (x[i], y[i]) = (sign(x[i]), 0.0);
                }
            }
        }
        Ok(())
    }
}

fn sign(x: f64) -> f64 {
    if x < 0.0 { -1.0 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trajectories_are_those_of_an_independent_program() {
        // NumPy, with dense matrices, from x = (0.05, -0.03, 0.08, 0.01) and y = (0.02, 0.04, -0.06, 0.03); the last
        // oscillator is the ancilla.
        let ising = Ising::new(3, &[(0, 1, 1.0), (1, 2, -0.5), (0, 2, 0.8)], vec![0.3, 0.0, -0.2]).unwrap();
        let oscillators = Oscillators::new(&ising).unwrap();
        for (variant, expected_x, expected_y) in
            [(Variant::Ballistic, BALLISTIC[0], BALLISTIC[1]), (Variant::Discrete, DISCRETE[0], DISCRETE[1])]
        {
            let rule = SimulatedBifurcation::new(variant, STEPS).unwrap();
            let (mut x, mut y) = ([0.05, -0.03, 0.08, 0.01], [0.02, 0.04, -0.06, 0.03]);
            oscillators.evolve(&rule, 0.5, &mut x, &mut y).unwrap();
            for i in 0..4 {
                assert!(
                    (x[i] - expected_x[i]).abs() < 1e-12 && (y[i] - expected_y[i]).abs() < 1e-12,
                    "{x:?} {y:?}"
                );
            }
        }
    }

    /// Eigenvalues of a complete graph with couplings -1: -(n - 1) once and 1. With the longest step the oscillators would
    /// run away; with the chosen one they come to where annealing does.
    #[test]
    fn stiff_models_have_shorter_steps() {
        let n = 40u32;
        let pairs: Vec<(u32, u32, f64)> = (0..n).flat_map(|i| (0..i).map(move |j| (j, i, -1.0))).collect();
        let ising = Ising::new(n as usize, &pairs, vec![0.0; n as usize]).unwrap();
        let oscillators = Oscillators::new(&ising).unwrap();
        let c0 = 0.5 * 39f64.sqrt() / (39.0 * 40.0f64).sqrt();
        assert!((oscillators.radius().unwrap() - 39.0 * c0).abs() < 1e-6);
        let rule = SimulatedBifurcation::new(Variant::Discrete, 1000).unwrap();
        assert!((rule.time_step(&ising).unwrap() - 1.5 / (1.0 + 39.0 * c0).sqrt()).abs() < 1e-6);
        let graph = crate::instances::gnm(200, 1200, 4).unwrap().ising().unwrap();
        let annealing = crate::search::Annealing::for_model(&graph, 200).unwrap();
        let best = annealing.search(&graph, 512, &Streams::new(1), Par::Serial).unwrap().best().0;
        for variant in [Variant::Ballistic, Variant::Discrete] {
            let rule = SimulatedBifurcation::new(variant, 1000).unwrap();
            assert!(rule.time_step(&graph).unwrap() < 1.0);
            let found = rule.search(&graph, 16, &Streams::new(2), Par::Serial).unwrap();
            assert!(found.best().0 <= best + 0.02 * best.abs(), "{variant:?}: {} {best}", found.best().0);
        }
        let found = rule.search(&graph, 16, &Streams::new(2), Par::Serial).unwrap().sorted_energies();
        assert!(found[0] < found[15], "{found:?}");
    }

    const STEPS: u64 = 8;

    const BALLISTIC: [[f64; 4]; 2] = [
        [0.03161311962640193, 0.24690444954089927, -0.22070432843418106, 0.06365194098537616],
        [0.017459453946833875, 0.10005123893235528, -0.08514015440341381, 0.02037094287108871],
    ];

    const DISCRETE: [[f64; 4]; 2] = [
        [1.0, 1.0, 0.25543395704663024, 0.2580669894564834],
        [0.0, 0.0, 0.019389764510874517, 0.09146324801645259],
    ];
}
