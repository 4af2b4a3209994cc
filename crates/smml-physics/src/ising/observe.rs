//! What is measured on spins: energy, magnetisation, and what follows from their moments.

use smml_core::{
    Estimate,
    chain::Record,
    error::{Error, Result},
    estimate::jackknife,
};

/// Σ sᵢ
pub fn magnetisation(spins: &[i8]) -> i64 {
    spins.iter().map(|&s| i64::from(s)).sum()
}

/// Thermal averages per spin with errors, from a series of total energies and magnetisations.
#[derive(Clone, Debug, PartialEq)]
pub struct Observables {
    /// ⟨E⟩ / N
    pub energy: Estimate,
    /// Specific heat β² (⟨E²⟩ - ⟨E⟩²) / N
    pub specific_heat: Estimate,
    /// ⟨M⟩ / N; without fields 0, by symmetry and not from the samples: a chain that stays in one phase below T_c would
    /// say something else.
    pub magnetisation: Estimate,
    /// ⟨|M|⟩ / N
    pub absolute_magnetisation: Estimate,
    /// ⟨M²⟩ / N²
    pub magnetisation_squared: Estimate,
    /// Susceptibility ∂m/∂h = β (⟨M²⟩ - ⟨M⟩²) / N. Without fields ⟨M⟩ = 0.
    pub susceptibility: Estimate,
    /// β (⟨M²⟩ - ⟨|M|⟩²) / N: the susceptibility of one phase well below T_c, and of no use in a field; above T_c it
    /// is smaller than ∂m/∂h by the factor 1 - 2/π.
    pub phase_susceptibility: Estimate,
    /// Binder cumulant 1 - ⟨M⁴⟩ / (3 ⟨M²⟩²); none where M was (nearly) always 0, as in the ground states of an
    /// antiferromagnet.
    pub binder: Option<Estimate>,
}

/// Averages from a record whose columns 0 and 1 are total energy E and total magnetisation M of `n_spins` spins. Derived
/// quantities by the jackknife. `is_symmetric` says that there is no field ([`Ising::is_symmetric`](super::Ising::is_symmetric)).
///
/// Errors: other records, and whatever the series are too short for.
pub fn observables(record: &Record, n_spins: usize, is_symmetric: bool, beta: f64) -> Result<Observables> {
    if record.width() < 2 {
        return Err(Error::out_of_range(
            "width of the record",
            record.width(),
            "at least 2 (energy, magnetisation)",
        ));
    }
    let n = n_spins as f64;
    let e: Vec<f64> = record.column(0).iter().map(|e| e / n).collect();
    let m: Vec<f64> = record.column(1).iter().map(|m| m / n).collect();
    let shift = e.iter().sum::<f64>() / e.len().max(1) as f64;
    // Moments about the mean, so that the variance does not cancel; |m| <= 1 needs no such care.
    let e1: Vec<f64> = e.iter().map(|e| e - shift).collect();
    let e2: Vec<f64> = e1.iter().map(|e| e * e).collect();
    let m1: Vec<f64> = m.iter().map(|m| m.abs()).collect();
    let m2: Vec<f64> = m.iter().map(|m| m * m).collect();
    let m4: Vec<f64> = m2.iter().map(|m| m * m).collect();
    let magnetisation_squared = Estimate::from_chain(&m2)?;
    let variance = |m: &[f64]| jackknife(&[m, &m2], |x| beta * n * (x[1] - x[0] * x[0]));
    Ok(Observables {
        energy: Estimate::from_chain(&e)?,
        specific_heat: jackknife(&[&e1, &e2], |x| beta * beta * n * (x[1] - x[0] * x[0]))?,
        magnetisation: if is_symmetric { Estimate::exact(0.0) } else { Estimate::from_chain(&m)? },
        absolute_magnetisation: Estimate::from_chain(&m1)?,
        magnetisation_squared,
        susceptibility: if is_symmetric {
            magnetisation_squared.affine(0.0, beta * n)
        } else {
            variance(&m)?
        },
        phase_susceptibility: variance(&m1)?,
        binder: match jackknife(&[&m2, &m4], |x| 1.0 - x[1] / (3.0 * x[0] * x[0])) {
            Ok(binder) => Some(binder),
            Err(Error::Undefined { .. }) => None,
            Err(e) => return Err(e),
        },
    })
}
