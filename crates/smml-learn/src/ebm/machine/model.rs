//! The machine itself, and the same machine in the other kind of units.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::all_finite,
    graph::SparseGraph,
    rng::Draw,
};
use smml_physics::ising::Ising;

/// The two values of a unit, down and up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Units {
    /// -1 and 1.
    Spins,
    /// 0 and 1.
    Binary,
}

impl Units {
    /// The value of a unit whose spin is -1 or 1, or the mean of a unit whose spin has this mean.
    pub fn value(self, spin: f64) -> f64 {
        match self {
            Units::Spins => spin,
            Units::Binary => 0.5 * (1.0 + spin),
        }
    }
}

/// A Boltzmann machine E(x) = -Σ_{i<j} Wᵢⱼ xᵢ xⱼ - Σᵢ bᵢ xᵢ, P(x) = exp(-β E(x)) / Z(β). Every pair counts once (Eq. (41) as
/// printed counts it twice). `visible` names the unit of every column of data; all other units are hidden.
///
/// Whatever the units are, a state holds spins: 1 for a unit that is up, -1 for one that is down, and a bit of data is 1 where
/// its unit is up. With xᵢ = (1 + sᵢ)/2 a machine of 0 and 1 is an Ising model with Jᵢⱼ = Wᵢⱼ/4, hᵢ = bᵢ/2 + Σⱼ Wᵢⱼ/4 and a
/// constant, [`BoltzmannMachine::constant`].
///
/// ```
/// use smml_core::{energy::Energy, graph::SparseGraph};
/// use smml_learn::ebm::machine::{BoltzmannMachine, Units};
/// let graph = SparseGraph::new(3, &[(0, 1, 1.5), (1, 2, -0.5)])?;
/// let machine = BoltzmannMachine::new(Units::Binary, graph, vec![0.2, 0.0, -1.0], vec![0, 2])?;
/// assert!((machine.energy(&vec![1, 1, -1]) + 1.7).abs() < 1e-15);
/// let (spins, constant) = machine.to_units(Units::Spins)?;
/// assert!((spins.energy(&vec![1, 1, -1]) + constant + 1.7).abs() < 1e-14);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct BoltzmannMachine {
    units: Units,
    weights: SparseGraph,
    biases: Vec<f64>,
    visible: Vec<u32>,
    hidden: Vec<u32>,
    ising: Ising,
    constant: f64,
}

/// What is saved.
#[derive(Serialize, Deserialize)]
struct Parts {
    units: Units,
    weights: SparseGraph,
    biases: Vec<f64>,
    visible: Vec<u32>,
}

impl TryFrom<Parts> for BoltzmannMachine {
    type Error = Error;
    fn try_from(p: Parts) -> Result<Self> {
        BoltzmannMachine::new(p.units, p.weights, p.biases, p.visible)
    }
}

impl From<BoltzmannMachine> for Parts {
    fn from(m: BoltzmannMachine) -> Parts {
        Parts { units: m.units, weights: m.weights, biases: m.biases, visible: m.visible }
    }
}

impl BoltzmannMachine {
    /// A machine with these weights, a bias for every unit, and the units that data show, in the order of their columns.
    ///
    /// Errors: no units, biases of another number or not finite, no visible unit, one that does not exist or is named
    /// twice, parameters whose sums exceed the largest f64.
    pub fn new(units: Units, weights: SparseGraph, biases: Vec<f64>, visible: Vec<u32>) -> Result<Self> {
        let n = weights.n_vertices();
        if n == 0 {
            return Err(Error::out_of_range("number of units", 0, "at least 1"));
        }
        if biases.len() != n {
            return Err(Error::length("biases", biases.len(), n));
        }
        all_finite("bias", &biases)?;
        if visible.is_empty() {
            return Err(Error::out_of_range("number of visible units", 0, "at least 1"));
        }
        let mut is_visible = vec![false; n];
        for (column, &unit) in visible.iter().enumerate() {
            let name = || format!("visible unit of column {column}");
            match is_visible.get_mut(unit as usize) {
                None => return Err(Error::out_of_range(name(), unit, format!("below {n}"))),
                Some(true) => return Err(Error::out_of_range(name(), unit, "named once")),
                Some(free) => *free = true,
            }
        }
        let hidden = (0..n as u32).filter(|i| !is_visible[*i as usize]).collect();
        let (ising, constant) = match units {
            Units::Spins => (Ising::on_graph(weights.clone(), biases.clone())?, 0.0),
            Units::Binary => {
                let couplings = weights.map_weights(|_, _, w| 0.25 * w)?;
                let fields =
                    (0..n).map(|i| 0.5 * biases[i] + couplings.neighbours(i).1.iter().sum::<f64>()).collect();
                let constant =
                    -couplings.edges().map(|e| e.2).sum::<f64>() - 0.5 * biases.iter().sum::<f64>();
                (
                    Ising::on_graph(couplings, fields)?,
                    smml_core::error::finite("sum of parameters", constant)?,
                )
            }
        };
        Ok(BoltzmannMachine { units, weights, biases, visible, hidden, ising, constant })
    }
    /// A machine whose parameters are 0 on a graph, whose weights do not matter.
    pub fn zeros(units: Units, graph: &SparseGraph, visible: Vec<u32>) -> Result<Self> {
        let weights = graph.map_weights(|_, _, _| 0.0)?;
        let n = weights.n_vertices();
        BoltzmannMachine::new(units, weights, vec![0.0; n], visible)
    }
    /// The same machine with other parameters: a weight for every edge of [`SparseGraph::edges`], a bias for every unit.
    ///
    /// Errors: another number of either, numbers that are not finite.
    pub fn with_parameters(&self, weights: &[f64], biases: &[f64]) -> Result<Self> {
        if weights.len() != self.weights.n_edges() {
            return Err(Error::length("weights", weights.len(), self.weights.n_edges()));
        }
        let mut next = weights.iter();
        let weights = self.weights.map_weights(|_, _, w| next.next().copied().unwrap_or(w))?;
        BoltzmannMachine::new(self.units, weights, biases.to_vec(), self.visible.clone())
    }
    /// The same distribution in other units, and the constant c with E(x) = E'(x') + c.
    ///
    /// Weights are multiplied by 4 or ¼, which is exact; biases are sums and round.
    pub fn to_units(&self, units: Units) -> Result<(Self, f64)> {
        let other = match (self.units, units) {
            (Units::Binary, Units::Spins) => BoltzmannMachine::new(
                units,
                self.ising.couplings().clone(),
                self.ising.fields().to_vec(),
                self.visible.clone(),
            )?,
            (Units::Spins, Units::Binary) => {
                // s = 2x - 1: W = 4J, bᵢ = 2hᵢ - 2 Σⱼ Jᵢⱼ.
                let row = |i: usize| self.weights.neighbours(i).1.iter().sum::<f64>();
                let biases = (0..self.n_units()).map(|i| 2.0 * (self.biases[i] - row(i))).collect();
                let weights = self.weights.map_weights(|_, _, w| 4.0 * w)?;
                BoltzmannMachine::new(units, weights, biases, self.visible.clone())?
            }
            _ => return Ok((self.clone(), 0.0)),
        };
        // Both energies are equal on the state of all units down: there a machine of 0 and 1 has energy 0.
        let down = vec![-1; self.n_units()];
        let constant = match self.units {
            Units::Binary => -other.ising.energy(&down),
            Units::Spins => self.ising.energy(&down),
        };
        Ok((other, constant))
    }
    /// Number of units.
    pub fn n_units(&self) -> usize {
        self.biases.len()
    }
    /// What values the units have.
    pub fn units(&self) -> Units {
        self.units
    }
    /// The weights Wᵢⱼ.
    pub fn weights(&self) -> &SparseGraph {
        &self.weights
    }
    /// The biases bᵢ.
    pub fn biases(&self) -> &[f64] {
        &self.biases
    }
    /// The unit of every column of data.
    pub fn visible(&self) -> &[u32] {
        &self.visible
    }
    /// All other units, in order.
    pub fn hidden(&self) -> &[u32] {
        &self.hidden
    }
    /// The machine as an Ising model: the same distribution, energies less by [`BoltzmannMachine::constant`].
    pub fn ising(&self) -> &Ising {
        &self.ising
    }
    /// E(x) - E(s) of the Ising model; 0 for spins.
    pub fn constant(&self) -> f64 {
        self.constant
    }
    /// The spins of the visible units of `row`, in a state whose hidden units are down.
    ///
    /// Errors: a row of another width.
    pub fn state_of(&self, row: &[u8]) -> Result<Vec<i8>> {
        self.check_width(row.len())?;
        let mut spins = vec![-1; self.n_units()];
        for (unit, bit) in self.visible.iter().zip(row) {
            spins[*unit as usize] = if *bit != 0 { 1 } else { -1 };
        }
        Ok(spins)
    }
    /// The bits of the visible units of a state, a row of data.
    pub fn row_of(&self, spins: &[i8]) -> Vec<u8> {
        self.visible.iter().map(|i| u8::from(spins.get(*i as usize).is_some_and(|s| *s > 0))).collect()
    }
    /// Marks of the visible units.
    pub(super) fn marks(&self) -> Vec<bool> {
        let mut marks = vec![true; self.n_units()];
        self.hidden.iter().for_each(|i| marks[*i as usize] = false);
        marks
    }
    pub(super) fn check_width(&self, width: usize) -> Result<()> {
        if width == self.visible.len() {
            Ok(())
        } else {
            Err(Error::length("row of data", width, self.visible.len()))
        }
    }
}

impl Energy for BoltzmannMachine {
    type State = Vec<i8>;
    fn energy(&self, s: &Vec<i8>) -> f64 {
        self.ising.energy(s) + self.constant
    }
}

/// A move turns one unit.
impl LocalEnergy for BoltzmannMachine {
    type Move = usize;
    fn propose<R: Draw>(&self, s: &Vec<i8>, rng: &mut R) -> usize {
        self.ising.propose(s, rng)
    }
    fn apply(&self, s: &mut Vec<i8>, i: &usize) {
        self.ising.apply(s, i);
    }
    fn delta(&self, s: &Vec<i8>, i: &usize) -> f64 {
        self.ising.delta(s, i)
    }
}

impl Conditional for BoltzmannMachine {
    fn n_sites(&self) -> usize {
        self.n_units()
    }
    fn resample<R: Draw>(&self, s: &mut Vec<i8>, i: usize, beta: f64, rng: &mut R) -> bool {
        self.ising.resample(s, i, beta, rng)
    }
}

impl Reference for BoltzmannMachine {
    fn draw<R: Draw>(&self, rng: &mut R) -> Vec<i8> {
        self.ising.draw(rng)
    }
    fn ln_z_reference(&self) -> f64 {
        self.ising.ln_z_reference()
    }
}

impl Finite for BoltzmannMachine {
    fn n_states(&self) -> Option<usize> {
        self.ising.n_states()
    }
    fn state(&self, index: usize) -> Vec<i8> {
        self.ising.state(index)
    }
    fn index(&self, s: &Vec<i8>) -> usize {
        self.ising.index(s)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use smml_core::{
        energy::{ln_z_exact, states},
        rng::Streams,
    };

    /// Every pair coupled with weights of order `scale`; the first `n_visible` units of a shuffled order are visible.
    pub(in super::super) fn random(
        units: Units,
        n: usize,
        n_visible: usize,
        scale: f64,
        index: u64,
    ) -> BoltzmannMachine {
        let mut rng = Streams::new(17).stream("machine", index);
        let edges: Vec<(u32, u32, f64)> = (0..n as u32)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| (i, j, scale * rng.normal()))
            .collect();
        let biases = (0..n).map(|_| scale * rng.normal()).collect();
        let mut order: Vec<u32> = (0..n as u32).collect();
        rng.shuffle(&mut order);
        order.truncate(n_visible);
        BoltzmannMachine::new(units, SparseGraph::new(n, &edges).unwrap(), biases, order).unwrap()
    }

    #[test]
    fn energies_are_the_printed_sums_in_both_units() {
        for units in [Units::Spins, Units::Binary] {
            let machine = random(units, 6, 4, 1.0, 1);
            for index in states(&machine).unwrap() {
                let s = machine.state(index);
                let x: Vec<f64> = s.iter().map(|s| units.value(f64::from(*s))).collect();
                let mut energy = 0.0;
                for i in 0..6 {
                    energy -= machine.biases()[i] * x[i];
                    for j in i + 1..6 {
                        energy -= machine.weights().weight(i, j).unwrap() * x[i] * x[j];
                    }
                }
                assert!((machine.energy(&s) - energy).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn conversions_keep_probabilities_and_say_the_constant() {
        for (from, to) in [(Units::Spins, Units::Binary), (Units::Binary, Units::Spins)] {
            let machine = random(from, 7, 5, 0.8, 2);
            let (other, constant) = machine.to_units(to).unwrap();
            assert_eq!(
                (other.units(), other.visible(), other.hidden()),
                (to, machine.visible(), machine.hidden())
            );
            for index in states(&machine).unwrap() {
                let s = machine.state(index);
                assert!((machine.energy(&s) - other.energy(&s) - constant).abs() < 1e-12);
            }
            let (a, b) = (ln_z_exact(&machine, 1.3).unwrap(), ln_z_exact(&other, 1.3).unwrap());
            assert!((a - b + 1.3 * constant).abs() < 1e-11);
            // There and back: weights exactly, biases to rounding.
            let (back, _) = other.to_units(from).unwrap();
            assert_eq!(back.weights(), machine.weights());
            assert!(back.biases().iter().zip(machine.biases()).all(|(a, b)| (a - b).abs() < 1e-13));
            assert_eq!(machine.to_units(from).unwrap(), (machine, 0.0));
        }
    }

    #[test]
    fn rows_and_states() {
        let machine = random(Units::Binary, 6, 4, 1.0, 3);
        let row = [1, 0, 0, 1];
        let state = machine.state_of(&row).unwrap();
        assert_eq!(machine.row_of(&state), row);
        assert!(machine.hidden().iter().all(|i| state[*i as usize] == -1));
        assert_eq!((machine.hidden().len(), machine.hidden().is_sorted()), (2, true));
        assert!(machine.state_of(&[1; 5]).is_err());
        let other = machine.with_parameters(&[0.5; 15], &[0.1; 6]).unwrap();
        assert!(other.weights().edges().all(|e| e.2 == 0.5) && other.visible() == machine.visible());
        assert!(machine.with_parameters(&[0.5; 14], &[0.1; 6]).is_err());
        assert!(machine.with_parameters(&[0.5; 15], &[0.1; 5]).is_err());
        let zero = BoltzmannMachine::zeros(Units::Spins, machine.weights(), vec![2]).unwrap();
        assert!(zero.energy(&vec![1; 6]) == 0.0 && zero.hidden().len() == 5);
    }

    #[test]
    fn saved_machines_and_bad_ones() {
        let machine = random(Units::Spins, 5, 3, 1.0, 4);
        let text = serde_json::to_string(&machine).unwrap();
        assert_eq!(serde_json::from_str::<BoltzmannMachine>(&text).unwrap(), machine);
        let graph = || SparseGraph::new(3, &[(0, 1, 1.0)]).unwrap();
        let new = |biases: Vec<f64>, visible: Vec<u32>| {
            BoltzmannMachine::new(Units::Binary, graph(), biases, visible).unwrap_err().to_string()
        };
        assert!(new(vec![0.0; 2], vec![0]).contains("biases has length 2, expected 3"));
        assert!(new(vec![0.0, f64::NAN, 0.0], vec![0]).contains("bias 1"));
        assert!(new(vec![0.0; 3], vec![]).contains("number of visible units = 0"));
        assert!(new(vec![0.0; 3], vec![0, 3]).contains("visible unit of column 1 = 3"));
        assert!(new(vec![0.0; 3], vec![1, 2, 1]).contains("visible unit of column 2 = 1"));
        assert!(new(vec![f64::MAX; 3], vec![0]).contains("sum of parameters"));
        let bad = text.replacen("[", "[[[0,1.0]],", 1);
        assert!(serde_json::from_str::<BoltzmannMachine>(&bad).is_err());
    }
}
