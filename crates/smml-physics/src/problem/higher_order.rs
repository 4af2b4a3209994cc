//! A problem of any degree as a model: products are kept as they are, and the state carries what is known of each.

use super::{Form, Problem, Sense, schedule};
use crate::ising::Ising;
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Conditional, Energy, Finite, LocalEnergy, Reference},
    error::{Error, Result, all_finite, finite, same_length},
    rng::Draw,
};

/// Spins with pairs, fields and products of three or more: E = the value of a [`Problem`] (its negative, when that is
/// maximised) without the constant.
///
/// The state keeps, for each product, the number of its literals that are down (-1 or 0), and for each spin the energy of
/// flipping it: a proposal costs O(1), a flip one pass over the neighbours and the products of the spin, and over the
/// spins of those products whose worth to them changes. With coefficients that are multiples of a power of two this is
/// exact; else it gathers rounding errors, which [`HigherOrder::refresh`] removes.
#[derive(Clone, Debug, PartialEq)]
pub struct HigherOrder {
    base: Ising,
    form: Form,
    sense: Sense,
    offset: f64,
    /// Literals of product t: `literals[starts[t]..starts[t + 1]]`, each 2 × variable + complemented.
    starts: Vec<usize>,
    literals: Vec<u64>,
    coefficients: Vec<f64>,
    /// Products of spin i: `(product, complemented)` in `products[rows[i]..rows[i + 1]]`.
    rows: Vec<usize>,
    products: Vec<(u32, bool)>,
}

/// Spins with the products and energies of a [`HigherOrder`] model.
///
/// What is read back must be ±1 and finite; whether the rest is that of the spins only the model can say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawProducts")]
pub struct Products {
    spins: Vec<i8>,
    /// Literals of each product that are down.
    down: Vec<u8>,
    /// Energy of flipping each spin.
    flip: Vec<f64>,
    energy: f64,
}

#[derive(Deserialize)]
struct RawProducts {
    spins: Vec<i8>,
    down: Vec<u8>,
    flip: Vec<f64>,
    energy: f64,
}

impl TryFrom<RawProducts> for Products {
    type Error = Error;
    fn try_from(raw: RawProducts) -> Result<Self> {
        check_spins(&raw.spins)?;
        same_length("flip energies", raw.flip.len(), raw.spins.len())?;
        all_finite("flip energy", &raw.flip)?;
        let energy = finite("energy", raw.energy)?;
        Ok(Products { spins: raw.spins, down: raw.down, flip: raw.flip, energy })
    }
}

fn check_spins(spins: &[i8]) -> Result<()> {
    match spins.iter().position(|s| !matches!(s, -1 | 1)) {
        Some(i) => Err(Error::out_of_range(format!("spin {i}"), spins[i], "-1 or 1")),
        None => Ok(()),
    }
}

impl Products {
    /// The spins.
    pub fn spins(&self) -> &[i8] {
        &self.spins
    }
}

impl Problem {
    /// The problem as a model of any degree. Errors: more than 2³² - 1 products; fields that overflow.
    pub fn higher_order(&self) -> Result<HigherOrder> {
        HigherOrder::new(self)
    }
}

impl HigherOrder {
    fn new(problem: &Problem) -> Result<Self> {
        let low = problem.quadratic_part()?;
        let n_products = problem.terms().len();
        if n_products > u32::MAX as usize {
            let allowed = format!("at most {}", u32::MAX);
            return Err(Error::out_of_range("number of products", n_products, allowed));
        }
        let n = problem.n_variables();
        let mut starts = vec![0];
        let (mut literals, mut rows) = (Vec::new(), vec![0; n + 1]);
        for t in problem.terms() {
            for (v, complemented) in t.literals() {
                literals.push(2 * u64::from(v) + u64::from(complemented));
                rows[v as usize + 1] += 1;
            }
            starts.push(literals.len());
        }
        for i in 0..n {
            rows[i + 1] += rows[i];
        }
        let mut next = rows.clone();
        let mut products = vec![(0, false); literals.len()];
        for (t, term) in problem.terms().iter().enumerate() {
            for (v, complemented) in term.literals() {
                products[next[v as usize]] = (t as u32, complemented);
                next[v as usize] += 1;
            }
        }
        let sign = problem.sense().sign();
        Ok(HigherOrder {
            base: low.ising,
            form: problem.form(),
            sense: problem.sense(),
            offset: low.offset,
            starts,
            literals,
            coefficients: problem.terms().iter().map(|t| sign * t.coefficient).collect(),
            rows,
            products,
        })
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        self.base.n_spins()
    }
    /// Number of products of three or more.
    pub fn n_products(&self) -> usize {
        self.coefficients.len()
    }
    /// What the user quotes, from an energy of the model.
    pub fn value(&self, energy: f64) -> f64 {
        self.sense.sign() * (energy + self.offset)
    }
    /// The energy that belongs to a value, such as a best known one.
    pub fn energy_of_value(&self, value: f64) -> f64 {
        self.sense.sign() * value - self.offset
    }
    /// The hottest and coldest β, as [`super::default_betas`]: a product of spins counts like a coupling of its size, one
    /// of binary literals like half of that (the energy of a flip that makes or breaks it is |c|, not 2 |c|).
    pub fn default_betas(&self) -> (f64, f64) {
        let scale = if self.form == Form::Spin { 1.0 } else { 0.5 };
        let field = |i: usize| {
            let pairs: f64 = self.base.couplings().neighbours(i).1.iter().map(|w| w.abs()).sum();
            let row = &self.products[self.rows[i]..self.rows[i + 1]];
            let products: f64 = row.iter().map(|p| self.coefficients[p.0 as usize].abs()).sum();
            self.base.fields()[i].abs() + pairs + scale * products
        };
        let pairs = self.base.couplings().edges().map(|e| e.2.abs());
        let fields = self.base.fields().iter().map(|h| h.abs());
        let products = self.coefficients.iter().map(|c| scale * c.abs());
        schedule::betas((0..self.n_spins()).map(field), pairs.chain(fields).chain(products))
    }
    /// The state of given spins. Errors: a wrong number of spins, or values other than ±1.
    pub fn at(&self, spins: Vec<i8>) -> Result<Products> {
        same_length("spins", spins.len(), self.n_spins())?;
        check_spins(&spins)?;
        Ok(self.fresh(spins))
    }
    /// Computes everything afresh from the spins.
    pub fn refresh(&self, state: &mut Products) {
        let spins = std::mem::take(&mut state.spins);
        *state = self.fresh(spins);
    }
    fn fresh(&self, spins: Vec<i8>) -> Products {
        let is_down = |l: u64| (spins[(l >> 1) as usize] < 0) != (l & 1 == 1);
        let count = |t: usize| {
            self.literals[self.starts[t]..self.starts[t + 1]].iter().filter(|&&l| is_down(l)).count()
        };
        let down: Vec<u8> = (0..self.n_products()).map(|t| count(t) as u8).collect();
        let mut flip: Vec<f64> =
            (0..spins.len()).map(|i| 2.0 * f64::from(spins[i]) * self.base.local_field(&spins, i)).collect();
        for (i, flip) in flip.iter_mut().enumerate() {
            for &(t, complemented) in &self.products[self.rows[i]..self.rows[i + 1]] {
                let is_down = (spins[i] < 0) != complemented;
                *flip += self.change(t as usize, down[t as usize], is_down);
            }
        }
        let products: f64 = (0..self.n_products()).map(|t| self.worth(t, down[t])).sum();
        let energy = self.base.energy(&spins) + products;
        Products { spins, down, flip, energy }
    }
    /// The energy of product t when `down` of its literals are down.
    fn worth(&self, t: usize, down: u8) -> f64 {
        let c = self.coefficients[t];
        match self.form {
            Form::Spin if down % 2 == 1 => -c,
            Form::Binary if down > 0 => 0.0,
            _ => c,
        }
    }
    /// How the energy of product t changes when one of its literals, which is down or not, is flipped.
    fn change(&self, t: usize, down: u8, is_down: bool) -> f64 {
        let after = if is_down { down - 1 } else { down + 1 };
        self.worth(t, after) - self.worth(t, down)
    }
    fn turn(&self, s: &mut Products, i: usize) {
        s.energy += s.flip[i];
        s.spins[i] = -s.spins[i];
        s.flip[i] = -s.flip[i];
        let (neighbours, couplings) = self.base.couplings().neighbours(i);
        let twice = 4.0 * f64::from(s.spins[i]);
        for (&j, coupling) in neighbours.iter().zip(couplings) {
            s.flip[j as usize] += twice * f64::from(s.spins[j as usize]) * coupling;
        }
        for &(t, complemented) in &self.products[self.rows[i]..self.rows[i + 1]] {
            let t = t as usize;
            let before = s.down[t];
            let after = if (s.spins[i] < 0) != complemented { before + 1 } else { before - 1 };
            s.down[t] = after;
            // A binary product with two or more literals down, before and after, is worth 0 whatever one spin does.
            if self.form == Form::Binary && before.min(after) >= 2 {
                continue;
            }
            for &l in &self.literals[self.starts[t]..self.starts[t + 1]] {
                let j = (l >> 1) as usize;
                if j != i {
                    let is_down = (s.spins[j] < 0) != (l & 1 == 1);
                    // A literal that is down now was down before: `before` >= 1 there.
                    s.flip[j] += self.change(t, after, is_down) - self.change(t, before, is_down);
                }
            }
        }
    }
}

impl Energy for HigherOrder {
    type State = Products;
    fn energy(&self, s: &Products) -> f64 {
        s.energy
    }
}

/// A move flips one spin.
impl LocalEnergy for HigherOrder {
    type Move = usize;
    fn propose<R: Draw>(&self, s: &Products, rng: &mut R) -> usize {
        rng.below(s.spins.len())
    }
    fn delta(&self, s: &Products, &i: &usize) -> f64 {
        s.flip[i]
    }
    fn apply(&self, s: &mut Products, &i: &usize) {
        self.turn(s, i);
    }
}

impl Conditional for HigherOrder {
    fn n_sites(&self) -> usize {
        self.n_spins()
    }
    fn resample<R: Draw>(&self, s: &mut Products, i: usize, beta: f64, rng: &mut R) -> bool {
        // Energy of up minus energy of down.
        let up_costs = if s.spins[i] < 0 { s.flip[i] } else { -s.flip[i] };
        let up = rng.chance(1.0 / (1.0 + libm::exp(beta * up_costs)));
        let changed = up != (s.spins[i] > 0);
        if changed {
            self.turn(s, i);
        }
        changed
    }
}

impl Reference for HigherOrder {
    fn draw<R: Draw>(&self, rng: &mut R) -> Products {
        self.fresh(self.base.draw(rng))
    }
    fn ln_z_reference(&self) -> f64 {
        self.base.ln_z_reference()
    }
}

/// Bit i of a state's number is 1 when spin i is up.
impl Finite for HigherOrder {
    fn n_states(&self) -> Option<usize> {
        self.base.n_states()
    }
    fn state(&self, index: usize) -> Products {
        self.fresh(self.base.state(index))
    }
    fn index(&self, s: &Products) -> usize {
        self.base.index(&s.spins)
    }
}
