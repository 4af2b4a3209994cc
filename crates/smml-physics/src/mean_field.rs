//! Mean-field theory of the Ising model (Eq. (53)).
//!
//! The paper prints σᵢ ⟨Σⱼ Jᵢⱼ σⱼ⟩; here with its sign, with the constant without which the energy counts every pair
//! twice, and with the self-consistent means without which the average is not defined. Clamped spins, the
//! reaction term (TAP) and matrices of couplings are in [`crate::glass`]; where the answer is exact, see
//! [`crate::curie_weiss`], and [`crate::bethe`] for trees.

use crate::{
    glass::{self, FixedPoint, Magnetisations, Passes},
    ising::Ising,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, same_length},
    numeric::softplus,
};

/// How the equations are iterated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The part of the old value that each update keeps, in [0, 1). Updates go from spin to spin and each lowers the
    /// free energy, so they do not oscillate with a damping of 0 either.
    pub damping: f64,
    /// Largest change of any mᵢ that an undamped update would still make.
    pub tolerance: f64,
    /// Most passes over all spins.
    pub max_passes: usize,
}

impl Default for Options {
    /// No damping, 10⁻¹², at most 10⁵ passes.
    fn default() -> Self {
        Options { damping: 0.0, tolerance: 1e-12, max_passes: 100_000 }
    }
}

/// A solution of mᵢ = tanh β (Σⱼ Jᵢⱼ mⱼ + hᵢ), and whether it is one.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanField {
    /// mᵢ, the mean of each spin.
    pub magnetisation: Vec<f64>,
    /// ⟨E⟩ = -Σ_{i<j} Jᵢⱼ mᵢ mⱼ - Σᵢ hᵢ mᵢ, of the whole system.
    pub energy: f64,
    /// Σᵢ S(mᵢ), the entropy of independent spins with these means.
    pub entropy: f64,
    /// S - β ⟨E⟩: a lower bound of ln Z, for any couplings and even where the iteration did not end (Gibbs, Bogoliubov,
    /// Feynman).
    pub ln_z_bound: f64,
    /// Largest |tanh β (Σⱼ Jᵢⱼ mⱼ + hᵢ) - mᵢ| at the end.
    pub residual: f64,
    /// Passes made.
    pub passes: usize,
    /// The residual asked for.
    pub tolerance: f64,
}

impl MeanField {
    /// Whether the residual is within the tolerance. Near a critical point many passes are needed.
    pub fn converged(&self) -> bool {
        self.residual <= self.tolerance
    }
    /// The solution. Errors: [`Error::NotConverged`] where it is none.
    pub fn checked(self) -> Result<Self> {
        if self.converged() {
            return Ok(self);
        }
        Err(Error::NotConverged {
            what: "the mean field".into(),
            residual: self.residual,
            iterations: self.passes,
            tolerance: self.tolerance,
        })
    }
}

/// Iterates the mean-field equations from `start`, spin by spin. Below the transition there are several solutions; which
/// one is found depends on the start, and from mᵢ = 0 without fields nothing moves.
///
/// ```
/// use smml_physics::{lattice::{Boundary, Lattice}, ising::Ising, mean_field};
/// let ising = Ising::in_field(Lattice::square(4, 4, Boundary::Periodic)?.graph(1.0)?, 0.0)?;
/// let found = mean_field::solve(&ising, 0.3, &[0.5; 16], &Default::default())?.checked()?;
/// let m = found.magnetisation[0];
/// assert!((m - (1.2 * m).tanh()).abs() < 1e-11);
/// # Ok::<(), smml_core::Error>(())
/// ```
///
/// # Errors
/// β that is not finite, a start of another length or outside [-1, 1], damping outside [0, 1), a tolerance that is not
/// positive. A solution that was not reached is no error here: ask [`MeanField::converged`].
pub fn solve(ising: &Ising, beta: f64, start: &[f64], options: &Options) -> Result<MeanField> {
    let Options { damping, tolerance, max_passes } = *options;
    let way = FixedPoint { passes: Passes::Sequential, damping, tolerance, max_passes };
    let Magnetisations { magnetisation: m, residual, passes, .. } =
        glass::mean_field(ising, beta, start, &[], &way)?;
    let energy = mean_energy(ising, &m);
    let entropy = m.iter().map(|&m| spin_entropy(m)).sum::<f64>();
    Ok(MeanField {
        energy,
        entropy,
        ln_z_bound: entropy - beta * energy,
        residual,
        passes,
        tolerance,
        magnetisation: m,
    })
}

fn check(ising: &Ising, m: &[f64]) -> Result<()> {
    same_length("magnetisations", m.len(), ising.n_spins())?;
    match m.iter().position(|m| !(-1.0..=1.0).contains(m)) {
        Some(i) => Err(Error::out_of_range(format!("magnetisation {i}"), m[i], "in [-1, 1]")),
        None => Ok(()),
    }
}

/// hᵢ + Σⱼ Jᵢⱼ mⱼ
fn field(ising: &Ising, m: &[f64], i: usize) -> f64 {
    let (neighbours, couplings) = ising.couplings().neighbours(i);
    ising.fields()[i] + neighbours.iter().zip(couplings).map(|(&j, w)| w * m[j as usize]).sum::<f64>()
}

/// -Σ_{i<j} Jᵢⱼ mᵢ mⱼ - Σᵢ hᵢ mᵢ
fn mean_energy(ising: &Ising, m: &[f64]) -> f64 {
    let pairs: f64 = ising.couplings().edges().map(|(i, j, w)| w * m[i as usize] * m[j as usize]).sum();
    -pairs - ising.fields().iter().zip(m).map(|(h, m)| h * m).sum::<f64>()
}

/// The entropy of a spin of mean m: -Σ p ln p over p = (1 ± m) / 2.
pub fn spin_entropy(m: f64) -> f64 {
    // With x = 2 atanh m it is softplus(x) - x p(+); at the ends the limit is 0.
    if m.abs() >= 1.0 {
        return 0.0;
    }
    let x = 2.0 * libm::atanh(m.abs());
    softplus(-x) + x * 0.5 * (1.0 - m.abs())
}

/// The energy of a configuration in the mean field of the others, Eq. (53) with its constant:
/// -Σᵢ sᵢ (Σⱼ Jᵢⱼ mⱼ + hᵢ) + Σ_{i<j} Jᵢⱼ mᵢ mⱼ. It differs from E(s) by -Σ_{i<j} Jᵢⱼ (sᵢ - mᵢ)(sⱼ - mⱼ), what mean-field
/// theory leaves out.
///
/// # Errors
/// Spins or means of another number, means outside [-1, 1].
pub fn linearised_energy(ising: &Ising, m: &[f64], spins: &[i8]) -> Result<f64> {
    check(ising, m)?;
    same_length("spins", spins.len(), ising.n_spins())?;
    let pairs: f64 = ising.couplings().edges().map(|(i, j, w)| w * m[i as usize] * m[j as usize]).sum();
    Ok(pairs - spins.iter().enumerate().map(|(i, &s)| f64::from(s) * field(ising, m, i)).sum::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lattice::{Boundary, Lattice};
    use smml_core::energy::{Energy, Finite, ln_z_exact, states};

    fn glass() -> Ising {
        let bonds = [(0, 1, 1.0), (1, 2, -0.7), (2, 0, 0.9), (2, 3, 1.3), (3, 4, -0.4), (4, 2, 0.8)];
        Ising::new(6, &bonds, vec![0.3, -0.2, 0.0, 0.7, -0.5, 0.1]).unwrap()
    }
    fn uniform(lattice: Lattice, coupling: f64) -> Ising {
        Ising::in_field(lattice.graph(coupling).unwrap(), 0.0).unwrap()
    }

    #[test]
    fn it_is_the_best_bound_by_independent_spins() {
        let model = glass();
        for beta in [-0.8, 0.1, 0.6, 2.0] {
            for start in [[0.1; 6], [-0.9; 6]] {
                let found = solve(&model, beta, &start, &Options::default()).unwrap().checked().unwrap();
                let m = &found.magnetisation;
                // ⟨E⟩ and the entropy of the product distribution, state by state.
                let (mut energy, mut linearised, mut entropy) = (0.0, 0.0, 0.0);
                for s in states(&model).unwrap().map(|i| model.state(i)) {
                    let p: f64 = s.iter().zip(m).map(|(&s, m)| 0.5 * (1.0 + f64::from(s) * m)).product();
                    energy += p * model.energy(&s);
                    linearised += p * linearised_energy(&model, m, &s).unwrap();
                    entropy -= p * p.ln();
                    // What the linear form leaves out.
                    let rest: f64 = model
                        .couplings()
                        .edges()
                        .map(|(i, j, w)| {
                            let d = |i: u32| f64::from(s[i as usize]) - m[i as usize];
                            w * d(i) * d(j)
                        })
                        .sum();
                    let whole = linearised_energy(&model, m, &s).unwrap() - rest;
                    assert!((whole - model.energy(&s)).abs() < 1e-13);
                }
                assert!((found.energy - energy).abs() < 1e-12 && (found.energy - linearised).abs() < 1e-12);
                assert!((found.entropy - entropy).abs() < 1e-11);
                // A bound, and a stationary point of it.
                assert!(found.ln_z_bound <= ln_z_exact(&model, beta).unwrap());
                for i in 0..6 {
                    for step in [-1e-4, 1e-4] {
                        let mut other = m.clone();
                        other[i] = (other[i] + step).clamp(-1.0, 1.0);
                        let entropy: f64 = other.iter().map(|&m| spin_entropy(m)).sum();
                        let bound = entropy - beta * mean_energy(&model, &other);
                        assert!(bound < found.ln_z_bound + 1e-12, "{beta} {i}");
                    }
                }
            }
        }
        // Independent spins: exact.
        let free = Ising::new(3, &[], vec![0.3, -2.0, 0.0]).unwrap();
        let found = solve(&free, 1.3, &[0.0; 3], &Options::default()).unwrap();
        assert!((found.ln_z_bound - ln_z_exact(&free, 1.3).unwrap()).abs() < 1e-14 && found.passes == 1);
    }

    #[test]
    fn uniform_lattices() {
        let square = || uniform(Lattice::square(6, 6, Boundary::Periodic).unwrap(), 1.0);
        // β z = 1.2: m = tanh 1.2 m (mpmath). Damping changes the way, not the place.
        for damping in [0.0, 0.5, 0.9] {
            let options = Options { damping, ..Options::default() };
            let found = solve(&square(), 0.3, &[0.3; 36], &options).unwrap();
            assert!(found.converged());
            assert!(found.magnetisation.iter().all(|m| (m - 0.658_569_660_405_754).abs() < 1e-11));
            let energy = -72.0 * 0.658_569_660_405_754f64.powi(2);
            assert!((found.energy - energy).abs() < 1e-9);
        }
        // Above T_c = z nothing is left; at T_c the approach is too slow, and it says so.
        let hot = solve(&square(), 0.2, &[0.9; 36], &Options::default()).unwrap();
        assert!(hot.converged() && hot.magnetisation.iter().all(|m| m.abs() < 1e-10));
        let critical = 1.0 / crate::critical::ising_mean_field(4);
        let options = Options { max_passes: 100, ..Options::default() };
        let slow = solve(&square(), critical, &[0.9; 36], &options).unwrap();
        assert!(!slow.converged() && slow.passes == 100);
        assert!(matches!(slow.checked(), Err(Error::NotConverged { iterations: 100, .. })));
        // An antiferromagnet does not oscillate: sublattices of opposite sign.
        let anti = uniform(Lattice::square(6, 6, Boundary::Periodic).unwrap(), -1.0);
        let start: Vec<f64> = (0..36).map(|i| if i == 1 { -0.1 } else { 0.0 }).collect();
        let found = solve(&anti, 0.3, &start, &Options::default()).unwrap();
        assert!(found.converged());
        for (i, m) in found.magnetisation.iter().enumerate() {
            let sign = if (i / 6 + i) % 2 == 0 { 1.0 } else { -1.0 };
            assert!((sign * m - 0.658_569_660_405_754).abs() < 1e-10, "{i} {m}");
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let model = glass();
        let ask = |beta, start: &[f64], options| solve(&model, beta, start, &options);
        assert!(ask(f64::NAN, &[0.0; 6], Options::default()).is_err());
        assert!(ask(1.0, &[0.0; 5], Options::default()).is_err());
        assert!(ask(1.0, &[1.5; 6], Options::default()).is_err());
        assert!(ask(1.0, &[0.0; 6], Options { damping: 1.0, ..Options::default() }).is_err());
        assert!(ask(1.0, &[0.0; 6], Options { tolerance: 0.0, ..Options::default() }).is_err());
        assert!(linearised_energy(&model, &[0.0; 6], &[1; 5]).is_err());
        assert_eq!((spin_entropy(1.0), spin_entropy(-1.0)), (0.0, 0.0));
        assert!((spin_entropy(0.0) - 2f64.ln()).abs() < 1e-16);
        let m = 1.0 - 1e-12;
        let q = 0.5 * (1.0 - m);
        assert!((spin_entropy(m) / -((1.0 - q) * (-q).ln_1p() + q * q.ln()) - 1.0).abs() < 1e-14);
    }
}
