//! Exact densities of states of square tori, counted with big integers.
//!
//! The tables in `density/` are written by `cargo xtask density` from Kaufman's partition function (P. D. Beale, Phys.
//! Rev. Lett. 76, 78 (1996)). Estimates of a density of states are in [`crate::flat`].

use smml_core::error::{Error, Result};

const TABLES: [(usize, &str); 4] = [
    (4, include_str!("density/square_4.txt")),
    (8, include_str!("density/square_8.txt")),
    (16, include_str!("density/square_16.txt")),
    (32, include_str!("density/square_32.txt")),
];

/// An energy, and how many states have it.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// Energy -2 N + 4 k of the whole torus, J = 1.
    pub energy: f64,
    /// The number of states in decimal digits.
    pub states: String,
    /// Its natural logarithm.
    pub ln_g: f64,
}

/// The states of the torus of `side` x `side` spins, J = 1, from the lowest energy up: all levels that have states for
/// sides 4, 8 and 16, those with k <= 64 for side 32.
///
/// ```
/// let levels = smml_physics::ising::density::square(32)?;
/// assert_eq!((levels[0].states.as_str(), levels[3].states.as_str()), ("2", "1057792"));
/// # Ok::<(), smml_core::Error>(())
/// ```
///
/// # Errors
/// Another side.
pub fn square(side: usize) -> Result<Vec<Count>> {
    let Some((_, table)) = TABLES.iter().find(|(s, _)| *s == side) else {
        return Err(Error::out_of_range("side", side, "4, 8, 16 or 32, of which there are tables"));
    };
    let n = side * side;
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let mut levels = Vec::new();
    for (k, row) in rows.enumerate() {
        let states = row.split_once(' ').map_or("0", |(_, digits)| digits);
        if states != "0" {
            let energy = 4.0 * k as f64 - 2.0 * n as f64;
            levels.push(Count { energy, states: states.to_string(), ln_g: ln_decimal(states) });
        }
    }
    if side < 32 {
        let mirrored: Vec<Count> = levels.iter().rev().skip(1).cloned().collect();
        levels.extend(mirrored.into_iter().map(|c| Count { energy: -c.energy, ..c }));
    }
    Ok(levels)
}

/// ln of a decimal number of any length.
fn ln_decimal(digits: &str) -> f64 {
    let (lead, rest) = digits.split_at(digits.len().min(18));
    libm::log(lead.parse().unwrap_or(f64::NAN)) + rest.len() as f64 * std::f64::consts::LN_10
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ising::{Boundary, SquareLattice, exact, onsager};
    use smml_core::energy::ln_sum_exp;

    #[test]
    fn four_by_four_is_enumerated() {
        let ising = SquareLattice::uniform(4, 4, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap();
        let counted = square(4).unwrap();
        let all = exact::spectrum(&ising).unwrap();
        for level in &counted {
            let n: u64 = all.iter().filter(|l| l.energy == level.energy).map(|l| l.count).sum();
            assert_eq!(level.states, n.to_string());
            assert!((level.ln_g - (n as f64).ln()).abs() < 1e-14);
        }
        assert_eq!(counted.len(), 15);
    }

    #[test]
    fn sums_symmetry_and_partition_functions() {
        for side in [4usize, 8, 16] {
            let levels = square(side).unwrap();
            let n = (side * side) as f64;
            let ln_g: Vec<f64> = levels.iter().map(|l| l.ln_g).collect();
            assert!((ln_sum_exp(&ln_g) - n * std::f64::consts::LN_2).abs() < 1e-12 * n);
            assert!(
                levels
                    .iter()
                    .zip(levels.iter().rev())
                    .all(|(a, b)| a.energy == -b.energy && a.ln_g == b.ln_g)
            );
            assert_eq!(levels.len(), side * side - 1);
            // Kaufman's formula evaluated as a number.
            for k in [0.2, onsager::CRITICAL_K, 0.7] {
                let terms: Vec<f64> = levels.iter().map(|l| l.ln_g - k * l.energy).collect();
                let want = onsager::torus(side, side, k).unwrap().ln_z;
                assert!((ln_sum_exp(&terms) - want).abs() < 1e-11 * want, "{side} {k}");
            }
        }
    }

    #[test]
    fn low_orders() {
        for side in [8usize, 16, 32] {
            let n = side * side;
            // Two ground states; one spin turned; two neighbours; a row of three, a square of four, two apart.
            let orders = [2, 2 * n, 4 * n, n * n + 9 * n, 4 * n * n + 24 * n];
            let levels = square(side).unwrap();
            // Strips around the torus come in at k = side only.
            for (level, want) in levels.iter().zip(&orders) {
                assert_eq!(level.states, want.to_string(), "side {side}, E = {}", level.energy);
            }
        }
        assert_eq!(square(32).unwrap().len(), 64);
        assert!(square(10).is_err());
    }
}
