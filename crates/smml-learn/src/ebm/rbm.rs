//! The Bernoulli restricted Boltzmann machine: the model itself, in f64, exactly as defined.
//!
//! Its partition function and likelihood are in [`super::likelihood`]; training and bulk sampling run on the fast
//! engine in f32.

use super::numeric::softplus_sum;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::all_finite,
    kernel::{Kernel, Step},
    numeric::{sigmoid, softplus},
    rng::Draw,
};
use std::f64::consts::LN_2;

/// A restricted Boltzmann machine of binary units,
/// E(v, h) = - Σ aᵢ vᵢ - Σ bⱼ hⱼ - Σ vᵢ Wᵢⱼ hⱼ (Eq. (43)), with P(v, h) = exp(-β E) / Z(β) (Eq. (44) at β = 1).
///
/// The paper calls Eq. (43) the Boltzmann machine; it has no couplings inside a layer, so it is the restricted one.
/// Sites are numbered visible units first.
///
/// ```
/// use smml_learn::ebm::Rbm;
/// use smml_core::energy::ln_z_exact;
/// let rbm = Rbm::new(vec![0.5, -1.0], vec![0.2], vec![1.0, -0.3])?;
/// // Z by Σ over all states, and by Σ over visible states of exp(-F)
/// let from_f: f64 = [[0, 0], [0, 1], [1, 0], [1, 1]].iter().map(|v| (-rbm.free_energy(v, 1.0)).exp()).sum();
/// assert!((ln_z_exact(&rbm, 1.0)? - from_f.ln()).abs() < 1e-12);
/// # Ok::<(), smml_learn::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Rbm {
    visible_bias: Vec<f64>,
    hidden_bias: Vec<f64>,
    weights: Vec<f64>,
}

/// What is saved of an [`Rbm`].
#[derive(Serialize, Deserialize)]
struct Parts {
    visible_bias: Vec<f64>,
    hidden_bias: Vec<f64>,
    weights: Vec<f64>,
}

impl TryFrom<Parts> for Rbm {
    type Error = Error;
    fn try_from(p: Parts) -> Result<Self> {
        Rbm::new(p.visible_bias, p.hidden_bias, p.weights)
    }
}

impl From<Rbm> for Parts {
    fn from(r: Rbm) -> Parts {
        Parts { visible_bias: r.visible_bias, hidden_bias: r.hidden_bias, weights: r.weights }
    }
}

/// A configuration of both layers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RbmState {
    /// Visible units.
    pub visible: Vec<bool>,
    /// Hidden units.
    pub hidden: Vec<bool>,
}

impl Rbm {
    /// Biases aᵢ of the visible units, bⱼ of the hidden ones, and weights Wᵢⱼ row by row (visible × hidden).
    ///
    /// Errors: an empty layer, weights of another length, a number that is not finite.
    pub fn new(visible_bias: Vec<f64>, hidden_bias: Vec<f64>, weights: Vec<f64>) -> Result<Self> {
        for (name, bias) in [("visible units", &visible_bias), ("hidden units", &hidden_bias)] {
            if bias.is_empty() {
                return Err(Error::out_of_range(name, 0, "at least 1"));
            }
        }
        let expected = visible_bias.len().saturating_mul(hidden_bias.len());
        if weights.len() != expected {
            return Err(Error::length("weights", weights.len(), expected));
        }
        for (name, values) in
            [("visible bias", &visible_bias), ("hidden bias", &hidden_bias), ("weight", &weights)]
        {
            all_finite(name, values)?;
        }
        Ok(Rbm { visible_bias, hidden_bias, weights })
    }
    /// Number of visible units.
    pub fn n_visible(&self) -> usize {
        self.visible_bias.len()
    }
    /// Number of hidden units.
    pub fn n_hidden(&self) -> usize {
        self.hidden_bias.len()
    }
    /// Visible biases aᵢ.
    pub fn visible_bias(&self) -> &[f64] {
        &self.visible_bias
    }
    /// Hidden biases bⱼ.
    pub fn hidden_bias(&self) -> &[f64] {
        &self.hidden_bias
    }
    /// Weights Wᵢⱼ, visible × hidden.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }
    /// Weights from one visible unit to all hidden ones.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.weights[i * self.n_hidden()..(i + 1) * self.n_hidden()]
    }
    /// The same machine with the layers exchanged.
    pub fn transposed(&self) -> Rbm {
        let (n, m) = (self.n_visible(), self.n_hidden());
        let weights = (0..m).flat_map(|j| (0..n).map(move |i| self.weights[i * m + j])).collect();
        Rbm { visible_bias: self.hidden_bias.clone(), hidden_bias: self.visible_bias.clone(), weights }
    }

    /// Fields of the hidden units, bⱼ + Σ vᵢ Wᵢⱼ, into `fields`. `visible` holds 0 and 1; missing units count as 0.
    pub fn hidden_fields(&self, visible: &[u8], fields: &mut Vec<f64>) {
        fields.clear();
        fields.extend_from_slice(&self.hidden_bias);
        for (v, row) in visible.iter().zip(self.weights.chunks_exact(self.n_hidden())) {
            if *v != 0 {
                fields.iter_mut().zip(row).for_each(|(f, w)| *f += w);
            }
        }
    }
    /// P(hⱼ = 1 | v) = σ(β (bⱼ + Σ vᵢ Wᵢⱼ)) for every hidden unit.
    pub fn p_hidden(&self, visible: &[u8], beta: f64) -> Vec<f64> {
        let mut fields = Vec::new();
        self.hidden_fields(visible, &mut fields);
        fields.iter().map(|x| sigmoid(beta * x)).collect()
    }
    /// P(vᵢ = 1 | h) = σ(β (aᵢ + Σ Wᵢⱼ hⱼ)) for every visible unit.
    pub fn p_visible(&self, hidden: &[u8], beta: f64) -> Vec<f64> {
        (0..self.n_visible())
            .map(|i| {
                let field: f64 =
                    self.row(i).iter().zip(hidden).map(|(w, h)| if *h != 0 { *w } else { 0.0 }).sum();
                sigmoid(beta * (self.visible_bias[i] + field))
            })
            .collect()
    }
    /// The free energy of a visible configuration, F(v) = - Σ aᵢ vᵢ - 1/β Σⱼ ln(1 + exp(β (bⱼ + Σ vᵢ Wᵢⱼ))):
    /// P(v) = exp(-β F(v)) / Z(β). `beta` must be positive. A row that is not as long as the visible layer has no free
    /// energy: NaN.
    pub fn free_energy(&self, visible: &[u8], beta: f64) -> f64 {
        if visible.len() != self.n_visible() {
            return f64::NAN;
        }
        let mut fields = Vec::new();
        self.hidden_fields(visible, &mut fields);
        -self.visible_term(visible) - softplus_sum(&fields, beta) / beta
    }
    /// Σ aᵢ vᵢ.
    pub(crate) fn visible_term(&self, visible: &[u8]) -> f64 {
        visible.iter().zip(&self.visible_bias).map(|(v, a)| if *v != 0 { *a } else { 0.0 }).sum()
    }
    /// Σᵢ ln P(vᵢ | the other visible units), hidden units summed out: the pseudo-log-likelihood of one row; NaN for a
    /// row that is not as long as the visible layer.
    pub fn pseudo_log_likelihood(&self, visible: &[u8], beta: f64) -> f64 {
        if visible.len() != self.n_visible() {
            return f64::NAN;
        }
        let mut fields = Vec::new();
        self.hidden_fields(visible, &mut fields);
        let here = softplus_sum(&fields, beta);
        let mut flipped = fields.clone();
        let mut total = 0.0;
        for (i, v) in visible.iter().enumerate().take(self.n_visible()) {
            let sign = if *v != 0 { -1.0 } else { 1.0 };
            for ((f, x), w) in flipped.iter_mut().zip(&fields).zip(self.row(i)) {
                *f = x + sign * w;
            }
            // ln P(vᵢ | rest) = -ln(1 + exp(β F(v) - β F(v with i flipped)))
            let gain = sign * beta * self.visible_bias[i] + softplus_sum(&flipped, beta) - here;
            total -= softplus(gain);
        }
        total
    }

    /// Checks that no field of this machine times β overflows on the f32 engine.
    ///
    /// The sum of |bias| and |weights| of a unit bounds its field on any state, and every partial sum.
    pub(crate) fn check_f32(&self, beta: f64) -> Result<()> {
        let limit = f64::from(f32::MAX) / 4.0;
        let allowed = || format!("finite and at most {:e} in f32", limit);
        if !(beta.abs() <= limit) {
            return Err(Error::out_of_range("beta", beta, allowed()));
        }
        let mut hidden: Vec<f64> = self.hidden_bias.iter().map(|b| b.abs()).collect();
        let beta = beta.abs();
        for (i, (a, row)) in
            self.visible_bias.iter().zip(self.weights.chunks_exact(self.n_hidden())).enumerate()
        {
            let mut sum = a.abs();
            for (h, w) in hidden.iter_mut().zip(row) {
                *h += w.abs();
                sum += w.abs();
            }
            if !(sum <= limit && beta * sum <= limit) {
                let name = format!("|bias| + sum of |weights| of visible unit {i}, times beta = {beta}");
                return Err(Error::out_of_range(name, sum, allowed()));
            }
        }
        match hidden.iter().position(|h| !(*h <= limit && beta * h <= limit)) {
            None => Ok(()),
            Some(j) => {
                let name = format!("|bias| + sum of |weights| of hidden unit {j}, times beta = {beta}");
                Err(Error::out_of_range(name, hidden[j], allowed()))
            }
        }
    }

    /// The field on one site: minus the energy of switching it on.
    fn field(&self, state: &RbmState, site: usize) -> f64 {
        let n = self.n_visible();
        if site < n {
            let on = state.hidden.iter().zip(self.row(site)).filter(|(h, _)| **h);
            self.visible_bias[site] + on.map(|(_, w)| w).sum::<f64>()
        } else {
            let j = site - n;
            let on = state.visible.iter().enumerate().filter(|(_, v)| **v);
            self.hidden_bias[j] + on.map(|(i, _)| self.weights[i * self.n_hidden() + j]).sum::<f64>()
        }
    }
}

impl RbmState {
    /// All units off.
    pub fn zeros(rbm: &Rbm) -> Self {
        RbmState { visible: vec![false; rbm.n_visible()], hidden: vec![false; rbm.n_hidden()] }
    }
    /// Visible units from a row of data; hidden units off.
    pub fn from_visible(rbm: &Rbm, row: &[u8]) -> Result<Self> {
        if row.len() != rbm.n_visible() {
            return Err(Error::length("visible row", row.len(), rbm.n_visible()));
        }
        Ok(RbmState { visible: row.iter().map(|v| *v != 0).collect(), hidden: vec![false; rbm.n_hidden()] })
    }
    fn site(&mut self, site: usize) -> &mut bool {
        let n = self.visible.len();
        if site < n { &mut self.visible[site] } else { &mut self.hidden[site - n] }
    }
}

impl Energy for Rbm {
    type State = RbmState;
    fn energy(&self, state: &RbmState) -> f64 {
        let mut e = 0.0;
        for (j, _) in state.hidden.iter().enumerate().filter(|(_, h)| **h) {
            e -= self.hidden_bias[j];
        }
        for (i, _) in state.visible.iter().enumerate().filter(|(_, v)| **v) {
            e -= self.field(state, i);
        }
        e
    }
}

impl LocalEnergy for Rbm {
    /// The site to flip.
    type Move = usize;
    fn propose<R: Draw>(&self, _: &RbmState, rng: &mut R) -> usize {
        rng.below(self.n_visible() + self.n_hidden())
    }
    fn apply(&self, state: &mut RbmState, site: &usize) {
        let unit = state.site(*site);
        *unit = !*unit;
    }
    fn delta(&self, state: &RbmState, site: &usize) -> f64 {
        let n = self.n_visible();
        let on = if *site < n { state.visible[*site] } else { state.hidden[*site - n] };
        if on { self.field(state, *site) } else { -self.field(state, *site) }
    }
}

impl Conditional for Rbm {
    fn n_sites(&self) -> usize {
        self.n_visible() + self.n_hidden()
    }
    fn resample<R: Draw>(&self, state: &mut RbmState, site: usize, beta: f64, rng: &mut R) -> bool {
        let on = rng.chance(sigmoid(beta * self.field(state, site)));
        std::mem::replace(state.site(site), on) != on
    }
}

impl Reference for Rbm {
    fn draw<R: Draw>(&self, rng: &mut R) -> RbmState {
        let mut layer = |n: usize| (0..n).map(|_| rng.chance(0.5)).collect();
        RbmState { visible: layer(self.n_visible()), hidden: layer(self.n_hidden()) }
    }
    fn ln_z_reference(&self) -> f64 {
        (self.n_visible() + self.n_hidden()) as f64 * LN_2
    }
}

impl Finite for Rbm {
    fn n_states(&self) -> Option<usize> {
        2usize.checked_pow(u32::try_from(self.n_visible() + self.n_hidden()).ok()?)
    }
    fn state(&self, mut index: usize) -> RbmState {
        let mut layer = |n: usize| {
            let mut bit = || {
                let on = index & 1 == 1;
                index >>= 1;
                on
            };
            (0..n).map(|_| bit()).collect()
        };
        RbmState { visible: layer(self.n_visible()), hidden: layer(self.n_hidden()) }
    }
    fn index(&self, state: &RbmState) -> usize {
        state.visible.iter().chain(&state.hidden).rev().fold(0, |index, b| index << 1 | usize::from(*b))
    }
}

/// Block Gibbs sampling: all hidden units given the visible ones, then all visible units given the hidden ones.
///
/// Stationary, not reversible. Visible units marked in `clamped` keep their value: the rest is then drawn from its
/// distribution given them. Units without a mark are free, so the default clamps nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockGibbs {
    /// True for visible units that stay as they are.
    pub clamped: Vec<bool>,
}

impl Kernel<Rbm> for BlockGibbs {
    fn step<R: Draw>(&mut self, rbm: &Rbm, state: &mut RbmState, beta: f64, rng: &mut R) -> Step {
        let (n, m) = (rbm.n_visible(), rbm.n_hidden());
        let mut fields = rbm.hidden_bias.clone();
        for (i, _) in state.visible.iter().enumerate().filter(|(_, v)| **v) {
            fields.iter_mut().zip(rbm.row(i)).for_each(|(f, w)| *f += w);
        }
        let mut done = Step::default();
        let mut set = |unit: &mut bool, field: f64, rng: &mut R| {
            let on = rng.chance(sigmoid(beta * field));
            done.proposed += 1;
            done.accepted += u64::from(std::mem::replace(unit, on) != on);
        };
        for j in 0..m {
            set(&mut state.hidden[j], fields[j], rng);
        }
        for i in 0..n {
            if !self.clamped.get(i).copied().unwrap_or(false) {
                let field = rbm.field(state, i);
                set(&mut state.visible[i], field, rng);
            }
        }
        done
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use smml_core::{
        energy::{ln_sum_exp, ln_z_exact, mean_exact, states},
        rng::Streams,
    };

    /// Parameters of a size where every term matters.
    pub(crate) fn random(n_visible: usize, n_hidden: usize, scale: f64, seed: u64) -> Rbm {
        let mut rng = Streams::new(seed).stream("random rbm", 0);
        let mut draw = |n: usize| (0..n).map(|_| scale * rng.normal()).collect();
        Rbm::new(draw(n_visible), draw(n_hidden), draw(n_visible * n_hidden)).unwrap()
    }
    pub(crate) fn bits(index: usize, n: usize) -> Vec<u8> {
        (0..n).map(|i| (index >> i & 1) as u8).collect()
    }

    #[test]
    fn energy_is_the_printed_sum() {
        let rbm = Rbm::new(vec![1.0, 2.0], vec![4.0, 8.0, 16.0], vec![0.1, 0.2, 0.4, 0.8, 1.6, 3.2]).unwrap();
        let state = RbmState { visible: vec![false, true], hidden: vec![true, false, true] };
        // -(a₁) - (b₀ + b₂) - (W₁₀ + W₁₂)
        assert!((rbm.energy(&state) + 2.0 + 20.0 + 0.8 + 3.2).abs() < 1e-14);
        assert_eq!(rbm.transposed().transposed(), rbm);
        let t = RbmState { visible: state.hidden.clone(), hidden: state.visible.clone() };
        assert!((rbm.transposed().energy(&t) - rbm.energy(&state)).abs() < 1e-14);
    }

    #[test]
    fn delta_and_index_laws() {
        let rbm = random(3, 4, 1.0, 1);
        for index in states(&rbm).unwrap() {
            let state = rbm.state(index);
            assert_eq!(rbm.index(&state), index);
            for site in 0..7 {
                let mut after = state.clone();
                rbm.apply(&mut after, &site);
                let direct = rbm.energy(&after) - rbm.energy(&state);
                assert!((rbm.delta(&state, &site) - direct).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn kernels_obey_their_laws() {
        use smml_core::{
            sample::{HeatBath, Metropolis},
            testing::{delta_error, law},
        };
        let rbm = random(3, 3, 1.0, 14);
        for beta in [0.4, 1.7] {
            let block = law(&rbm, &BlockGibbs::default(), beta);
            assert!(block.holds() && !block.holds_reversibly(), "{block:?}");
            assert!(law(&rbm, &HeatBath, beta).holds());
            assert!(law(&rbm, &Metropolis::new(1).unwrap(), beta).holds_reversibly());
        }
        let mut rng = Streams::new(1).stream("walk", 0);
        let large = random(30, 20, 1.0, 15);
        let start = large.draw(&mut rng);
        assert!(delta_error(&large, start, 300, &mut rng) < 1e-12);
    }

    #[test]
    fn large_machines_are_not_enumerated() {
        let large = random(40, 24, 1.0, 15);
        assert_eq!((large.n_states(), random(40, 23, 1.0, 15).n_states()), (None, Some(1 << 63)));
        assert_eq!(large.index(&large.state(usize::MAX)), usize::MAX);
        let wider = random(50, 30, 1.0, 15);
        assert!(wider.state(usize::MAX).hidden.iter().enumerate().all(|(j, on)| *on == (j < 14)));
        assert!(ln_z_exact(&wider, 1.0).is_err() && mean_exact(&large, 1.0, |_| 1.0).is_err());
    }

    #[test]
    fn free_energy_and_conditionals_against_enumeration_8_8() {
        let rbm = random(8, 8, 0.7, 2);
        for beta in [0.3, 1.0, 2.0] {
            let ln_z = ln_z_exact(&rbm, beta).unwrap();
            let mut terms = Vec::new();
            for v in 0..256 {
                let visible = bits(v, 8);
                let rows: Vec<(Vec<u8>, f64)> =
                    (0..256).map(|h| (bits(h, 8), -beta * rbm.energy(&rbm.state(v | h << 8)))).collect();
                let sum = ln_sum_exp(&rows.iter().map(|r| r.1).collect::<Vec<_>>());
                let free = rbm.free_energy(&visible, beta);
                assert!((-beta * free - sum).abs() < 1e-12 * (1.0 + sum.abs()));
                terms.push(-beta * free);
                if v % 37 == 0 {
                    for (j, p) in rbm.p_hidden(&visible, beta).iter().enumerate() {
                        let on: f64 = rows.iter().filter(|r| r.0[j] == 1).map(|r| (r.1 - sum).exp()).sum();
                        assert!((p - on).abs() < 1e-13);
                    }
                }
            }
            assert!((ln_sum_exp(&terms) - ln_z).abs() < 1e-11);
            let hidden = bits(0b1011_0010, 8);
            let p = rbm.p_visible(&hidden, beta);
            let is_h = |s: &RbmState| s.hidden.iter().zip(&hidden).all(|(a, b)| *a == (*b == 1));
            let p_h = mean_exact(&rbm, beta, |s| f64::from(is_h(s))).unwrap();
            for i in 0..8 {
                let both = mean_exact(&rbm, beta, |s| f64::from(is_h(s) && s.visible[i])).unwrap();
                assert!((p[i] - both / p_h).abs() < 1e-11);
            }
        }
    }

    #[test]
    fn pseudo_likelihood_is_the_sum_of_conditionals() {
        let (rbm, beta) = (random(6, 5, 1.0, 3), 0.8);
        for v in [0, 5, 33, 63] {
            let visible = bits(v, 6);
            let expected: f64 = (0..6)
                .map(|i| {
                    let other = bits(v ^ (1 << i), 6);
                    let (f, g) = (rbm.free_energy(&visible, beta), rbm.free_energy(&other, beta));
                    -(1.0 + (beta * (f - g)).exp()).ln()
                })
                .sum();
            assert!((rbm.pseudo_log_likelihood(&visible, beta) - expected).abs() < 1e-11);
        }
    }

    #[test]
    fn gibbs_sampling_reproduces_exact_means() {
        let (rbm, beta) = (random(5, 4, 0.8, 4), 1.3);
        for clamp in [false, true] {
            let mut rng = Streams::new(9).stream("gibbs", u64::from(clamp));
            let mut kernel = BlockGibbs { clamped: vec![clamp, false, clamp] };
            let mut state = RbmState::zeros(&rbm);
            state.visible[2] = true;
            let fits = |s: &RbmState| !clamp || (!s.visible[0] && s.visible[2]);
            let mean = |f: &dyn Fn(&RbmState) -> bool| mean_exact(&rbm, beta, |s| f64::from(f(s))).unwrap();
            let p_fits = mean(&fits);
            let exact = |i: usize| mean(&|s| fits(s) && s.visible[i]) / p_fits;
            let mut series = vec![Vec::new(); 5];
            for _ in 0..40_000 {
                kernel.step(&rbm, &mut state, beta, &mut rng);
                assert!(fits(&state));
                series.iter_mut().zip(&state.visible).for_each(|(s, v)| s.push(f64::from(*v)));
            }
            for i in (0..5).filter(|i| !clamp || ![0, 2].contains(i)) {
                let z = smml_core::Estimate::from_chain(&series[i]).unwrap().z(exact(i));
                assert!(z.abs() < 5.0, "unit {i}: z = {z}");
            }
        }
    }

    #[test]
    fn rows_of_another_length_have_no_free_energy() {
        let rbm = random(4, 3, 1.0, 5);
        for row in [&[1u8, 0, 1][..], &[1, 0, 1, 0, 1], &[]] {
            assert!(rbm.free_energy(row, 1.0).is_nan() && rbm.pseudo_log_likelihood(row, 1.0).is_nan());
        }
        assert!(rbm.free_energy(&[1, 0, 1, 0], 1.0).is_finite());
    }

    #[test]
    fn bad_parameters_are_named() {
        for (a, b, w, part) in [
            (vec![], vec![0.0], vec![], "visible units = 0"),
            (vec![0.0], vec![], vec![], "hidden units = 0"),
            (vec![0.0], vec![0.0], vec![0.0; 2], "weights has length 2, expected 1"),
            (vec![0.0], vec![f64::NAN], vec![0.0], "hidden bias 0"),
            (vec![0.0], vec![0.0], vec![f64::INFINITY], "weight 0"),
        ] {
            let text = Rbm::new(a, b, w).unwrap_err().to_string();
            assert!(text.contains(part), "{text}");
        }
    }
}
