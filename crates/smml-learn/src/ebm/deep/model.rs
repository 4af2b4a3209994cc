//! The machine itself: parameters, energy, fields.

use super::units::LayerUnits;
use crate::{
    ebm::rbm::Rbm,
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use smml_core::error::all_finite;

/// A Boltzmann machine of layers, each coupled to the next and to itself not:
///
/// E(x) = -Σ_l b_l·x_l - Σ_l x_l·W_l·x_{l+1} + Σ v²/(2σ²) over real numbers, P(x) = exp(-β E(x)) / Z(β).
///
/// Two layers are a restricted Boltzmann machine (Eq. (43)), more a deep one. The first layer shows data; the last one may
/// show labels, as a layer of softmax units. So a machine [images, hidden, labels] is the restricted machine with label
/// units, and [images, hidden, hidden, labels] a deep one.
///
/// ```
/// use smml_learn::ebm::deep::{DeepMachine, LayerUnits};
/// let layers = vec![LayerUnits::Binary { n: 2 }, LayerUnits::Spins { n: 1 }];
/// let machine = DeepMachine::new(layers, vec![vec![0.5, -1.0], vec![0.2]], vec![vec![1.0, -0.3]])?;
/// let energy = machine.energy(&[vec![1.0, 1.0], vec![-1.0]])?;
/// assert!((energy - (0.5 + 0.2 + 1.0 - 0.3)).abs() < 1e-15);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct DeepMachine {
    layers: Vec<LayerUnits>,
    biases: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
}

/// What is saved of it.
#[derive(Serialize, Deserialize)]
struct Parts {
    layers: Vec<LayerUnits>,
    biases: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
}

impl TryFrom<Parts> for DeepMachine {
    type Error = Error;
    fn try_from(p: Parts) -> Result<Self> {
        DeepMachine::new(p.layers, p.biases, p.weights)
    }
}

impl From<DeepMachine> for Parts {
    fn from(m: DeepMachine) -> Parts {
        Parts { layers: m.layers, biases: m.biases, weights: m.weights }
    }
}

/// Most layers, and most weights of all together.
const MAX_LAYERS: usize = 64;
pub(super) const MAX_WEIGHTS: usize = 1 << 28;

/// Checks layers, and that their weights are not too many.
pub(super) fn check_layers(layers: &[LayerUnits]) -> Result<()> {
    if !(2..=MAX_LAYERS).contains(&layers.len()) {
        return Err(Error::out_of_range("number of layers", layers.len(), format!("in 2..={MAX_LAYERS}")));
    }
    for (l, units) in layers.iter().enumerate() {
        units.check(l)?;
        if l > 0 && !units.is_discrete() {
            return Err(Error::out_of_range(
                format!("units of layer {l}"),
                "gaussian",
                "discrete: only the first layer may hold real numbers",
            ));
        }
    }
    let n_weights: usize = layers.windows(2).map(|w| w[0].n_units() * w[1].n_units()).sum();
    if n_weights > MAX_WEIGHTS {
        return Err(smml_core::Error::TooLarge {
            what: "a machine of these layers".into(),
            needed: format!("{n_weights} weights"),
            limit: format!("{MAX_WEIGHTS}"),
        }
        .into());
    }
    Ok(())
}

impl DeepMachine {
    /// Biases for every unit of every layer, and weights W_l row by row (units of layer l × units of layer l + 1).
    ///
    /// Errors: fewer than two layers, layers that are empty, too large, or of real numbers and not the first; parameters of
    /// another number, or not finite.
    pub fn new(layers: Vec<LayerUnits>, biases: Vec<Vec<f64>>, weights: Vec<Vec<f64>>) -> Result<Self> {
        check_layers(&layers)?;
        if biases.len() != layers.len() {
            return Err(Error::length("layers of biases", biases.len(), layers.len()));
        }
        if weights.len() != layers.len() - 1 {
            return Err(Error::length("layers of weights", weights.len(), layers.len() - 1));
        }
        for (l, (b, units)) in biases.iter().zip(&layers).enumerate() {
            if b.len() != units.n_units() {
                return Err(Error::length(format!("biases of layer {l}"), b.len(), units.n_units()));
            }
            all_finite(&format!("bias of layer {l}, unit"), b)?;
        }
        for (l, w) in weights.iter().enumerate() {
            let expected = layers[l].n_units() * layers[l + 1].n_units();
            if w.len() != expected {
                return Err(Error::length(format!("weights of layer {l}"), w.len(), expected));
            }
            all_finite(&format!("weight of layer {l}, number"), w)?;
        }
        Ok(DeepMachine { layers, biases, weights })
    }
    /// All parameters 0.
    pub fn zeros(layers: Vec<LayerUnits>) -> Result<Self> {
        check_layers(&layers)?;
        let biases = layers.iter().map(|u| vec![0.0; u.n_units()]).collect();
        let weights = layers.windows(2).map(|w| vec![0.0; w[0].n_units() * w[1].n_units()]).collect();
        DeepMachine::new(layers, biases, weights)
    }
    /// What each layer is.
    pub fn layers(&self) -> &[LayerUnits] {
        &self.layers
    }
    /// Number of layers.
    pub fn n_layers(&self) -> usize {
        self.layers.len()
    }
    /// Units of layer `l`.
    pub fn n_units(&self, l: usize) -> usize {
        self.biases[l].len()
    }
    /// Biases, layer by layer.
    pub fn biases(&self) -> &[Vec<f64>] {
        &self.biases
    }
    /// Weights between each layer and the next, row by row.
    pub fn weights(&self) -> &[Vec<f64>] {
        &self.weights
    }
    pub(super) fn parts_mut(&mut self) -> (&mut [Vec<f64>], &mut [Vec<f64>]) {
        (&mut self.biases, &mut self.weights)
    }
    /// E of a state, layer by layer. Errors: another number of layers or units.
    pub fn energy(&self, state: &[Vec<f64>]) -> Result<f64> {
        if state.len() != self.n_layers() {
            return Err(Error::length("layers of the state", state.len(), self.n_layers()));
        }
        let mut energy = 0.0;
        for (l, x) in state.iter().enumerate() {
            if x.len() != self.n_units(l) {
                return Err(Error::length(format!("state of layer {l}"), x.len(), self.n_units(l)));
            }
            energy += self.layers[l].own_energy(x);
            energy -= x.iter().zip(&self.biases[l]).map(|(x, b)| x * b).sum::<f64>();
            if let Some(above) = state.get(l + 1) {
                for (x, row) in
                    x.iter().zip(self.weights[l].chunks_exact(above.len())).filter(|(x, _)| **x != 0.0)
                {
                    energy -= x * row.iter().zip(above).map(|(w, y)| w * y).sum::<f64>();
                }
            }
        }
        Ok(energy)
    }
    /// A restricted machine of binary units as one of two layers.
    pub fn from_rbm(rbm: &Rbm) -> Result<Self> {
        DeepMachine::new(
            vec![LayerUnits::Binary { n: rbm.n_visible() }, LayerUnits::Binary { n: rbm.n_hidden() }],
            vec![rbm.visible_bias().to_vec(), rbm.hidden_bias().to_vec()],
            vec![rbm.weights().to_vec()],
        )
    }
    /// A machine of two layers of binary units or spins as a restricted machine of binary units, with the constant c of E(x) =
    /// E'(x') + c: s = 2x - 1 for spins.
    ///
    /// Errors: more layers, or other units.
    pub fn to_rbm(&self) -> Result<(Rbm, f64)> {
        if self.n_layers() != 2 {
            return Err(Error::out_of_range("number of layers", self.n_layers(), "2"));
        }
        // x = scale x' + shift.
        let mut maps = [(1.0, 0.0); 2];
        for (l, map) in maps.iter_mut().enumerate() {
            *map = match self.layers[l] {
                LayerUnits::Binary { .. } => (1.0, 0.0),
                LayerUnits::Spins { .. } => (2.0, -1.0),
                other => {
                    let allowed = "binary units or spins";
                    return Err(Error::out_of_range(format!("layer {l}"), format!("{other:?}"), allowed));
                }
            };
        }
        let [(s, a), (t, b)] = maps;
        let m = self.n_units(1);
        let w = &self.weights[0];
        let row = |i: usize| w[i * m..(i + 1) * m].iter().sum::<f64>();
        let column = |j: usize| w.iter().skip(j).step_by(m).sum::<f64>();
        let visible = (0..self.n_units(0)).map(|i| s * (self.biases[0][i] + b * row(i))).collect();
        let hidden = (0..m).map(|j| t * (self.biases[1][j] + a * column(j))).collect();
        let sum = |x: &[f64]| x.iter().sum::<f64>();
        let constant = -(a * sum(&self.biases[0]) + b * sum(&self.biases[1]) + a * b * sum(w));
        Ok((Rbm::new(visible, hidden, w.iter().map(|w| s * t * w).collect())?, constant))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use smml_core::{
        energy::Energy,
        rng::{Draw, Streams},
    };

    /// Parameters of order `scale`.
    pub(in super::super) fn random(layers: Vec<LayerUnits>, scale: f64, index: u64) -> DeepMachine {
        let mut rng = Streams::new(23).stream("deep", index);
        let mut draw = |n: usize| (0..n).map(|_| scale * rng.normal()).collect::<Vec<f64>>();
        let biases = layers.iter().map(|u| draw(u.n_units())).collect();
        let weights = layers.windows(2).map(|w| draw(w[0].n_units() * w[1].n_units())).collect();
        DeepMachine::new(layers, biases, weights).unwrap()
    }

    /// All states of all layers of a machine of discrete units.
    pub(in super::super) fn all_states(machine: &DeepMachine) -> Vec<Vec<Vec<f64>>> {
        let mut states = vec![vec![]];
        for units in machine.layers() {
            let n_states = units.ln_states().exp().round() as usize;
            let mut longer = Vec::new();
            for state in &states {
                for index in 0..n_states {
                    let mut x = vec![0.0; units.n_units()];
                    units.state(index, &mut x);
                    let mut with: Vec<Vec<f64>> = state.clone();
                    with.push(x);
                    longer.push(with);
                }
            }
            states = longer;
        }
        states
    }

    #[test]
    fn two_layers_are_the_restricted_machine_in_any_units() {
        let rbm = crate::ebm::rbm::tests::random(4, 3, 1.0, 5);
        let machine = DeepMachine::from_rbm(&rbm).unwrap();
        assert_eq!(machine.to_rbm().unwrap(), (rbm.clone(), 0.0));
        let on = |x: &[f64]| x.iter().map(|v| *v > 0.0).collect::<Vec<bool>>();
        for state in all_states(&machine) {
            let same = crate::ebm::RbmState { visible: on(&state[0]), hidden: on(&state[1]) };
            assert!((machine.energy(&state).unwrap() - rbm.energy(&same)).abs() < 1e-12);
        }
        for layers in [
            vec![LayerUnits::Spins { n: 4 }, LayerUnits::Spins { n: 3 }],
            vec![LayerUnits::Binary { n: 4 }, LayerUnits::Spins { n: 3 }],
            vec![LayerUnits::Spins { n: 4 }, LayerUnits::Binary { n: 3 }],
        ] {
            let machine = random(layers, 0.8, 1);
            let (rbm, constant) = machine.to_rbm().unwrap();
            for state in all_states(&machine) {
                let same = crate::ebm::RbmState { visible: on(&state[0]), hidden: on(&state[1]) };
                let energy = rbm.energy(&same) + constant;
                assert!((machine.energy(&state).unwrap() - energy).abs() < 1e-12);
            }
        }
        let potts = random(vec![LayerUnits::Softmax { groups: 1, q: 3 }, LayerUnits::Spins { n: 3 }], 0.8, 2);
        assert!(potts.to_rbm().unwrap_err().to_string().contains("layer 0"));
    }

    #[test]
    fn bad_parameters_are_named() {
        let layers = || vec![LayerUnits::Binary { n: 2 }, LayerUnits::Spins { n: 1 }];
        let new = |l, b, w| DeepMachine::new(l, b, w).unwrap_err().to_string();
        let b = || vec![vec![0.0; 2], vec![0.0]];
        assert!(new(vec![LayerUnits::Binary { n: 2 }], b(), vec![]).contains("number of layers = 1"));
        assert!(new(layers(), vec![vec![0.0; 2]], vec![vec![0.0; 2]]).contains("layers of biases"));
        assert!(new(layers(), vec![vec![0.0; 2], vec![]], vec![vec![0.0; 2]]).contains("biases of layer 1"));
        assert!(new(layers(), b(), vec![]).contains("layers of weights"));
        assert!(new(layers(), b(), vec![vec![0.0; 3]]).contains("weights of layer 0"));
        assert!(new(layers(), b(), vec![vec![0.0, f64::NAN]]).contains("weight of layer 0, number 1"));
        let real = vec![LayerUnits::Binary { n: 2 }, LayerUnits::Gaussian { n: 1, sigma: 1.0 }];
        assert!(new(real, b(), vec![vec![0.0; 2]]).contains("only the first layer"));
        let huge = vec![LayerUnits::Binary { n: 1 << 20 }; 2];
        assert!(DeepMachine::zeros(huge).unwrap_err().to_string().contains("weights"));
        let machine = random(layers(), 1.0, 3);
        assert!(machine.energy(&[vec![0.0; 2]]).is_err() && machine.energy(&[vec![0.0], vec![0.0]]).is_err());
        let text = serde_json::to_string(&machine).unwrap();
        assert_eq!(serde_json::from_str::<DeepMachine>(&text).unwrap(), machine);
        assert!(serde_json::from_str::<DeepMachine>(&text.replacen("\"n\":2", "\"n\":3", 1)).is_err());
    }
}
