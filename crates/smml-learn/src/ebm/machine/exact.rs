//! What is exact: ln Z, likelihoods of rows with hidden units summed out, means and the gradient.
//!
//! By variable elimination: any machine of some twenty units, and larger ones whose graph is narrow. The cost grows as 2 to
//! the width of the graph (of the graph of hidden units for what is conditioned on a row); nothing is allocated before the
//! width is known to fit [`ExactOptions::max_bytes`].

use super::{
    model::BoltzmannMachine,
    statistics::{Rows, Statistics},
};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use smml_core::{
    error::finite,
    factor_graph::ExactOptions,
    graph::SparseGraph,
    parallel::{self, Par},
};
use smml_physics::ising::{Ising, elimination};

/// ln Z(β) of the machine, the sum over all units.
///
/// Errors: β that is not finite, a graph too wide for the options.
pub fn ln_z(machine: &BoltzmannMachine, beta: f64, options: &ExactOptions) -> Result<f64> {
    Ok(elimination::ln_z(machine.ising(), beta, options)? - beta * machine.constant())
}

/// ln P(v) of every row: hidden units summed out.
///
/// Errors: rows of another width, β that is not finite, a graph too wide for the options.
///
/// ```
/// use smml_core::{factor_graph::ExactOptions, graph::SparseGraph, parallel::Par};
/// use smml_learn::{data::BinaryData, ebm::machine::{BoltzmannMachine, Units, exact}};
/// let graph = SparseGraph::new(3, &[(0, 1, 0.9), (1, 2, -0.4)])?;
/// let machine = BoltzmannMachine::new(Units::Spins, graph, vec![0.1, 0.0, 0.3], vec![0, 2])?;
/// let all = BinaryData::new(2, vec![0, 0, 0, 1, 1, 0, 1, 1])?;
/// let p = exact::ln_probabilities(&machine, &all, 1.0, &ExactOptions::default(), Par::Serial)?;
/// assert!((p.iter().map(|p| p.exp()).sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), smml_learn::Error>(())
/// ```
pub fn ln_probabilities(
    machine: &BoltzmannMachine,
    rows: &BinaryData,
    beta: f64,
    options: &ExactOptions,
    par: Par,
) -> Result<Vec<f64>> {
    machine.check_width(rows.width())?;
    let ln_z = ln_z(machine, beta, options)?;
    let given = Given::new(machine);
    let serial = ExactOptions { par: Par::Serial, ..options.clone() };
    parallel::map(par, rows.len(), |k| Ok(given.ln_z(rows.row(k), beta, &serial)? - ln_z))
        .into_iter()
        .collect()
}

/// The weighted mean Σ w ln P(v) of rows. Errors: as [`ln_probabilities`].
pub fn log_likelihood(
    machine: &BoltzmannMachine,
    rows: &Rows<'_>,
    beta: f64,
    options: &ExactOptions,
    par: Par,
) -> Result<f64> {
    let terms = ln_probabilities(machine, rows.data(), beta, options, par)?;
    Ok(terms.iter().zip(rows.weights()).filter(|(_, w)| **w > 0.0).map(|(t, w)| w * t).sum())
}

/// Means ⟨xᵢ⟩ and ⟨xᵢ xⱼ⟩ of coupled pairs in the distribution of the machine.
///
/// Errors: as [`ln_z`].
pub fn means(machine: &BoltzmannMachine, beta: f64, options: &ExactOptions) -> Result<Statistics> {
    Ok(spin_means(machine, beta, options)?.means_of_units(machine))
}

/// The same of rows: visible units as given, hidden ones averaged over their distribution on condition of each row.
///
/// Errors: as [`ln_probabilities`].
pub fn means_of_data(
    machine: &BoltzmannMachine,
    rows: &Rows<'_>,
    beta: f64,
    options: &ExactOptions,
    par: Par,
) -> Result<Statistics> {
    Ok(spin_means_of_data(machine, rows, beta, options, par)?.means_of_units(machine))
}

/// The gradient of [`log_likelihood`] with respect to biases and weights: β times the means of the data less those of the
/// machine.
///
/// Errors: as [`ln_probabilities`].
pub fn gradient(
    machine: &BoltzmannMachine,
    rows: &Rows<'_>,
    beta: f64,
    options: &ExactOptions,
    par: Par,
) -> Result<Statistics> {
    let data = spin_means_of_data(machine, rows, beta, options, par)?;
    let difference = data.plus(-1.0, &spin_means(machine, beta, options)?).gradient_of_units(machine);
    Ok(Statistics::zeros(machine).plus(beta, &difference))
}

pub(super) fn spin_means(
    machine: &BoltzmannMachine,
    beta: f64,
    options: &ExactOptions,
) -> Result<Statistics> {
    let found = elimination::marginals(machine.ising(), beta, options)?;
    Ok(Statistics { units: found.magnetisation, pairs: found.correlation })
}

/// Rows of one piece of work.
const CHUNK: usize = 64;

pub(super) fn spin_means_of_data(
    machine: &BoltzmannMachine,
    rows: &Rows<'_>,
    beta: f64,
    options: &ExactOptions,
    par: Par,
) -> Result<Statistics> {
    machine.check_width(rows.data().width())?;
    finite("beta", beta)?;
    let given = Given::new(machine);
    let serial = ExactOptions { par: Par::Serial, ..options.clone() };
    let sums = parallel::fold_chunks(
        par,
        rows.weights(),
        CHUNK,
        |first, weights| {
            let mut sum = Statistics::zeros(machine);
            for (k, w) in weights.iter().enumerate().filter(|(_, w)| **w > 0.0) {
                given.add_means(rows.data().row(first + k), *w, beta, &serial, &mut sum)?;
            }
            Ok(sum)
        },
        |a: Result<Statistics>, b| Ok(a?.plus(1.0, &b?)),
    );
    sums.unwrap_or_else(|| Err(Error::out_of_range("number of rows of data", 0, "at least 1")))
}

/// The machine on condition of its visible units: an Ising model of the hidden ones, whose fields depend on the row.
struct Given<'a> {
    machine: &'a BoltzmannMachine,
    /// Place of every hidden unit among the hidden ones.
    place: Vec<Option<u32>>,
    among_hidden: Option<SparseGraph>,
}

impl<'a> Given<'a> {
    fn new(machine: &'a BoltzmannMachine) -> Self {
        let mut place = vec![None; machine.n_units()];
        for (k, i) in machine.hidden().iter().enumerate() {
            place[*i as usize] = Some(k as u32);
        }
        let edges: Vec<(u32, u32, f64)> = machine
            .ising()
            .couplings()
            .edges()
            .filter_map(|(i, j, w)| Some((place[i as usize]?, place[j as usize]?, w)))
            .collect();
        // A part of a graph that exists; without hidden units there is none.
        let among_hidden =
            SparseGraph::new(machine.hidden().len(), &edges).ok().filter(|g| g.n_vertices() > 0);
        Given { machine, place, among_hidden }
    }
    /// Spins with hidden units at 0, the model of the hidden units, and -E of the visible ones among themselves.
    fn condition(&self, row: &[u8]) -> Result<(Vec<i8>, Option<Ising>, f64)> {
        let ising = self.machine.ising();
        let mut spins = self.machine.state_of(row)?;
        self.machine.hidden().iter().for_each(|i| spins[*i as usize] = 0);
        let hidden = match &self.among_hidden {
            Some(graph) => {
                let fields =
                    self.machine.hidden().iter().map(|i| ising.local_field(&spins, *i as usize)).collect();
                Some(Ising::on_graph(graph.clone(), fields)?)
            }
            None => None,
        };
        let visible = -smml_core::energy::Energy::energy(self.machine, &spins);
        Ok((spins, hidden, visible))
    }
    /// ln Σ over hidden units of exp(-β E).
    fn ln_z(&self, row: &[u8], beta: f64, options: &ExactOptions) -> Result<f64> {
        let (_, hidden, visible) = self.condition(row)?;
        let rest = match hidden {
            Some(hidden) => elimination::ln_z(&hidden, beta, options)?,
            None => 0.0,
        };
        Ok(beta * visible + rest)
    }
    /// Adds `weight` times the means on condition of a row.
    fn add_means(
        &self,
        row: &[u8],
        weight: f64,
        beta: f64,
        options: &ExactOptions,
        sum: &mut Statistics,
    ) -> Result<()> {
        let graph = self.machine.ising().couplings();
        let (spins, hidden, _) = self.condition(row)?;
        let Some(hidden) = hidden else {
            sum.add_state(graph, weight, &spins);
            return Ok(());
        };
        let found = elimination::marginals(&hidden, beta, options)?;
        let mut means: Vec<f64> = spins.iter().map(|s| f64::from(*s)).collect();
        for (i, m) in self.machine.hidden().iter().zip(&found.magnetisation) {
            means[*i as usize] = *m;
        }
        sum.units.iter_mut().zip(&means).for_each(|(sum, m)| *sum += weight * m);
        // Pairs of hidden units come in the same order in both graphs.
        let mut correlations = found.correlation.iter();
        for (sum, (i, j, _)) in sum.pairs.iter_mut().zip(graph.edges()) {
            let both = self.place[i as usize].is_some() && self.place[j as usize].is_some();
            let mean = match if both { correlations.next() } else { None } {
                Some(c) => *c,
                None => means[i as usize] * means[j as usize],
            };
            *sum += weight * mean;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::model::{Units, tests::random},
        *,
    };
    use smml_core::energy::{Energy, Finite, LnSum, mean_exact, states};

    pub(super) fn all_rows(width: usize) -> BinaryData {
        let bits = (0..1usize << width).flat_map(|k| (0..width).map(move |i| (k >> i & 1) as u8)).collect();
        BinaryData::new(width, bits).unwrap()
    }

    fn options() -> ExactOptions {
        ExactOptions::default()
    }

    #[test]
    fn likelihoods_agree_with_sums_over_all_states() {
        for units in [Units::Spins, Units::Binary] {
            for (n, n_visible, index) in [(8, 5, 1), (6, 6, 2), (7, 1, 3)] {
                let machine = random(units, n, n_visible, 0.7, index);
                for beta in [0.5, 1.0, 1.7] {
                    let rows = all_rows(n_visible);
                    let mut sums = vec![LnSum::default(); rows.len()];
                    let mut whole = LnSum::default();
                    for s in states(&machine).unwrap().map(|k| machine.state(k)) {
                        let row = machine.row_of(&s);
                        let k = row.iter().rev().fold(0, |k, b| k << 1 | usize::from(*b));
                        sums[k].add(-beta * machine.energy(&s));
                        whole.add(-beta * machine.energy(&s));
                    }
                    assert!((ln_z(&machine, beta, &options()).unwrap() - whole.ln()).abs() < 1e-11);
                    let p = ln_probabilities(&machine, &rows, beta, &options(), Par::Rayon).unwrap();
                    for (p, sum) in p.iter().zip(&sums) {
                        assert!((p - (sum.ln() - whole.ln())).abs() < 1e-11, "{units:?} {n} {beta}");
                    }
                }
            }
        }
    }

    #[test]
    fn means_agree_with_sums_over_all_states() {
        for units in [Units::Spins, Units::Binary] {
            let (machine, beta) = (random(units, 7, 4, 0.8, 4), 1.2);
            let of = |s: &[i8], i: u32| units.value(f64::from(s[i as usize]));
            let found = means(&machine, beta, &options()).unwrap();
            for i in 0..7 {
                let mean = mean_exact(&machine, beta, |s| of(s, i)).unwrap();
                assert!((found.units[i as usize] - mean).abs() < 1e-12);
            }
            for ((i, j, _), pair) in machine.weights().edges().zip(&found.pairs) {
                let mean = mean_exact(&machine, beta, |s| of(s, i) * of(s, j)).unwrap();
                assert!((pair - mean).abs() < 1e-12);
            }
            let data = BinaryData::new(4, vec![1, 0, 0, 1, 0, 1, 1, 1]).unwrap();
            let rows = Rows::weighted(&data, &[3.0, 1.0]).unwrap();
            let found = means_of_data(&machine, &rows, beta, &options(), Par::Rayon).unwrap();
            let on_data = |f: &dyn Fn(&[i8]) -> f64| {
                let of_row = |k: usize| {
                    let fits = |s: &Vec<i8>| machine.row_of(s) == data.row(k);
                    let p = mean_exact(&machine, beta, |s| f64::from(u8::from(fits(s)))).unwrap();
                    mean_exact(&machine, beta, |s| if fits(s) { f(s) } else { 0.0 }).unwrap() / p
                };
                0.75 * of_row(0) + 0.25 * of_row(1)
            };
            for i in 0..7 {
                assert!((found.units[i as usize] - on_data(&|s| of(s, i))).abs() < 1e-11);
            }
            for ((i, j, _), pair) in machine.weights().edges().zip(&found.pairs) {
                assert!((pair - on_data(&|s| of(s, i) * of(s, j))).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_likelihood() {
        let data = BinaryData::new(5, [[1, 0, 0, 1, 1], [0, 1, 1, 1, 0], [0, 0, 1, 1, 0]].concat()).unwrap();
        let rows = Rows::weighted(&data, &[1.0, 2.0, 0.5]).unwrap();
        for units in [Units::Spins, Units::Binary] {
            let machine = random(units, 8, 5, 0.6, 5);
            let beta = 0.9;
            let found = gradient(&machine, &rows, beta, &options(), Par::Serial).unwrap();
            let weights: Vec<f64> = machine.weights().edges().map(|e| e.2).collect();
            let value = |which: usize, i: usize, step: f64| {
                let mut p = [machine.biases().to_vec(), weights.clone()];
                p[which][i] += step;
                let moved = machine.with_parameters(&p[1], &p[0]).unwrap();
                log_likelihood(&moved, &rows, beta, &options(), Par::Serial).unwrap()
            };
            for (which, slopes) in [&found.units, &found.pairs].into_iter().enumerate() {
                for (i, slope) in slopes.iter().enumerate() {
                    let difference = (value(which, i, 1e-5) - value(which, i, -1e-5)) / 2e-5;
                    assert!((slope - difference).abs() < 1e-8, "{units:?} {which} {i}");
                }
            }
        }
    }

    #[test]
    fn narrow_graphs_may_be_large_and_wide_ones_are_refused() {
        // A chain of 300 units, every other one visible: Z = 2 (2 cosh β J)²⁹⁹.
        let chain: Vec<(u32, u32, f64)> = (0..299u32).map(|i| (i, i + 1, 0.7)).collect();
        let graph = SparseGraph::new(300, &chain).unwrap();
        let visible: Vec<u32> = (0..300).step_by(2).collect();
        let machine = BoltzmannMachine::new(Units::Spins, graph, vec![0.0; 300], visible).unwrap();
        let expected = 2f64.ln() + 299.0 * (2.0 * 0.7f64.cosh()).ln();
        assert!((ln_z(&machine, 1.0, &options()).unwrap() - expected).abs() < 1e-10);
        // Given v, every hidden unit between equal neighbours gives 2 cosh 2J, between unlike ones 2; the last one 2 cosh J.
        let row: Vec<u8> = (0..150).map(|i| u8::from(i % 3 == 0)).collect();
        let data = BinaryData::new(150, row.clone()).unwrap();
        let p = ln_probabilities(&machine, &data, 1.0, &options(), Par::Serial).unwrap()[0];
        let same = row.windows(2).filter(|w| w[0] == w[1]).count() as f64;
        let terms =
            same * (2.0 * 1.4f64.cosh()).ln() + (149.0 - same) * 2f64.ln() + (2.0 * 0.7f64.cosh()).ln();
        assert!((p - (terms - expected)).abs() < 1e-10);
        let wide = random(Units::Spins, 40, 20, 0.1, 6);
        let little = ExactOptions { max_bytes: 1 << 20, ..options() };
        assert!(ln_z(&wide, 1.0, &little).is_err());
        assert!(
            ln_probabilities(&wide, &data, 1.0, &little, Par::Serial)
                .unwrap_err()
                .to_string()
                .contains("row of data")
        );
    }

    #[test]
    fn bad_weights_are_named() {
        let data = all_rows(2);
        let ask = |w: &[f64]| Rows::weighted(&data, w).unwrap_err().to_string();
        assert!(ask(&[1.0; 3]).contains("weights of rows has length 3"));
        assert!(ask(&[1.0, -1.0, 0.0, 0.0]).contains("weight of row 1 = -1"));
        assert!(ask(&[0.0; 4]).contains("sum of the weights"));
        let rows = Rows::weighted(&data, &[0.0, 1.0, 1.0, 2.0]).unwrap();
        assert_eq!((rows.weights(), rows.means()), (&[0.0, 0.25, 0.25, 0.5][..], vec![0.75, 0.75]));
    }
}
