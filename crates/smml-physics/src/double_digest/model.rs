//! The model, and its states with their cuts.

use super::Rearrangement;
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::{Energy, Finite, LocalEnergy, Reference},
    error::{Error, Result, not_negative, positive},
    rng::Draw,
};

/// Most fragments of one digest.
pub(super) const MAX_FRAGMENTS: usize = 1 << 16;
/// Sums this close, relative to the larger, differ by rounding only.
const CLOSED: f64 = 1e-12;

/// What becomes of digests of A or B whose fragments do not add up to Σ cⱼ. Tolerances are relative to that sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sums {
    /// They are refused, unless rounding explains the difference.
    #[default]
    Equal,
    /// Measured lengths with errors: within this tolerance, the map is stretched to the length Σ cⱼ.
    Stretched(f64),
    /// Within this tolerance, fragments are laid from the left end at their own lengths, and the last one runs on to (or
    /// is cut off at) the right end Σ cⱼ. A map and its mirror image then differ in energy.
    FromLeft(f64),
}

/// The fragments of one enzyme: their different lengths, and how often each occurs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fragments {
    pub(super) lengths: Vec<f64>,
    pub(super) counts: Vec<usize>,
    /// What a length is multiplied by on the map.
    scale: f64,
}

impl Fragments {
    fn new(mut all: Vec<f64>, scale: f64) -> Self {
        all.sort_by(f64::total_cmp);
        let mut found = Fragments { lengths: Vec::new(), counts: Vec::new(), scale };
        for x in all {
            match found.lengths.last() {
                Some(&last) if last == x => *found.counts.last_mut().unwrap_or(&mut 0) += 1,
                _ => {
                    found.lengths.push(x);
                    found.counts.push(1);
                }
            }
        }
        found
    }
    pub(super) fn n(&self) -> usize {
        self.counts.iter().sum()
    }
    /// n! / Π countₖ!
    fn n_orders(&self) -> Option<usize> {
        let (mut total, mut placed) = (1u128, 0u128);
        for &count in &self.counts {
            for k in 1..=count as u128 {
                placed += 1;
                // A product of binomials: divisible at every step.
                total = total.checked_mul(placed)? / k;
            }
        }
        usize::try_from(total).ok()
    }
    fn ln_n_orders(&self) -> f64 {
        let ln_factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
        ln_factorial(self.n()) - self.counts.iter().map(|&c| ln_factorial(c)).sum::<f64>()
    }
    /// All fragments, shortest first.
    fn sorted(&self) -> Vec<u32> {
        (0u32..).zip(&self.counts).flat_map(|(k, &count)| std::iter::repeat_n(k, count)).collect()
    }
    /// The order with a number, in lexicographic order.
    fn order(&self, mut index: usize, n_orders: usize) -> Vec<u32> {
        let (mut left, mut total) = (self.counts.clone(), n_orders as u128);
        let mut order = Vec::with_capacity(self.n());
        for remaining in (1..=self.n()).rev() {
            for k in 0..left.len() {
                let here = total * left[k] as u128 / remaining as u128;
                if (index as u128) < here {
                    order.push(k as u32);
                    left[k] -= 1;
                    total = here;
                    break;
                }
                index -= here as usize;
            }
        }
        order
    }
    fn index(&self, order: &[u32], n_orders: usize) -> usize {
        let (mut left, mut total, mut index) = (self.counts.clone(), n_orders as u128, 0u128);
        for (at, &kind) in order.iter().enumerate() {
            let remaining = (order.len() - at) as u128;
            let before: usize = left[..kind as usize].iter().sum();
            index += total * before as u128 / remaining;
            total = total * left[kind as usize] as u128 / remaining;
            left[kind as usize] -= 1;
        }
        index as usize
    }
    fn length(&self, kind: u32) -> f64 {
        self.lengths[kind as usize] * self.scale
    }
    /// Where the fragments end, but for the last.
    fn cuts(&self, order: &[u32]) -> Vec<f64> {
        self.ends(order.iter().copied()).collect()
    }
    pub(super) fn ends(&self, order: impl ExactSizeIterator<Item = u32>) -> impl Iterator<Item = f64> {
        let interior = order.len().saturating_sub(1);
        order.take(interior).scan(0.0, |end, kind| {
            *end += self.length(kind);
            Some(*end)
        })
    }
}

/// The double digest problem: E(σ, μ) = Σⱼ (cⱼ - ĉⱼ(σ, μ))² / cⱼ, both lists sorted (Eq. (62)).
///
/// ĉ are the distances between neighbouring cuts when the fragments of A lie in the order σ and those of B in the order
/// μ. With n fragments of A and m of B there are n + m - 1 of them; two cuts in one place leave a fragment of length 0.
/// Where C has fewer fragments than that (cuts that coincide, fragments too short to be seen), the surplus shortest ĉⱼ
/// should be 0, and each adds ĉⱼ² / c₁. E = 0 where and only where the two lists agree.
///
/// States are the different orders: exchanging two fragments of equal length gives the same state. The distribution at
/// β = 0 is uniform on them. There is no unit of length: energies are in the unit of the lengths.
///
/// ```
/// use smml_core::energy::{Energy, Finite};
/// use smml_physics::double_digest::DoubleDigest;
/// let problem = DoubleDigest::new(&[1.0, 2.0, 3.0], &[2.0, 4.0], &[1.0, 1.0, 2.0, 2.0])?;
/// assert_eq!(problem.n_states(), Some(12));
/// // 1 2 3 and 2 4: cuts at 1, 3 and at 2, hence fragments 1 1 1 3.
/// assert_eq!(problem.energy(&problem.at(&[1.0, 2.0, 3.0], &[2.0, 4.0])?), 0.5 + 0.5);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Raw", into = "Raw")]
pub struct DoubleDigest {
    pub(super) a: Fragments,
    pub(super) b: Fragments,
    /// Sorted.
    c: Vec<f64>,
    total: f64,
    sums: Sums,
}

#[derive(Serialize, Deserialize)]
struct Raw {
    a: Vec<f64>,
    b: Vec<f64>,
    c: Vec<f64>,
    sums: Sums,
}

impl TryFrom<Raw> for DoubleDigest {
    type Error = Error;
    fn try_from(raw: Raw) -> Result<Self> {
        DoubleDigest::with_sums(&raw.a, &raw.b, &raw.c, raw.sums)
    }
}

impl From<DoubleDigest> for Raw {
    fn from(model: DoubleDigest) -> Raw {
        let all = |f: &Fragments| f.sorted().iter().map(|&k| f.lengths[k as usize]).collect();
        Raw { a: all(&model.a), b: all(&model.b), c: model.c, sums: model.sums }
    }
}

/// Fragments in the order in which they lie on the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ordering {
    /// Lengths of the fragments of A.
    pub a: Vec<f64>,
    /// Lengths of the fragments of B.
    pub b: Vec<f64>,
}

impl Ordering {
    /// The same map read from its other end. The energy is the same unless the sums are [`Sums::FromLeft`].
    pub fn mirrored(&self) -> Ordering {
        let turned = |x: &[f64]| x.iter().rev().copied().collect();
        Ordering { a: turned(&self.a), b: turned(&self.b) }
    }
}

/// A state: both orders with the places of their cuts, and the energy.
#[derive(Clone, Debug, PartialEq)]
pub struct Maps {
    pub(super) a: Vec<u32>,
    pub(super) b: Vec<u32>,
    pub(super) cuts_a: Vec<f64>,
    pub(super) cuts_b: Vec<f64>,
    pub(super) energy: f64,
}

impl Maps {
    /// Places of the cuts of A, from the left end.
    pub fn cuts_a(&self) -> &[f64] {
        &self.cuts_a
    }
    /// Places of the cuts of B, from the left end.
    pub fn cuts_b(&self) -> &[f64] {
        &self.cuts_b
    }
}

impl DoubleDigest {
    /// Lengths of the fragments of A, of B, and of both together, in any order. All three must have the same sum, but for
    /// rounding.
    ///
    /// Errors: an empty list or one of more than 2¹⁶ fragments, lengths that are not greater than 0 and finite, more
    /// fragments in C than there can be (n + m - 1), sums that differ.
    pub fn new(a: &[f64], b: &[f64], c: &[f64]) -> Result<Self> {
        Self::with_sums(a, b, c, Sums::Equal)
    }

    /// The same where sums may differ.
    ///
    /// Errors: as [`DoubleDigest::new`], and a tolerance that is negative or not finite.
    pub fn with_sums(a: &[f64], b: &[f64], c: &[f64], sums: Sums) -> Result<Self> {
        let tolerance = match sums {
            Sums::Equal => 0.0,
            Sums::Stretched(t) | Sums::FromLeft(t) => not_negative("tolerance of the sums", t)?,
        };
        for (name, list) in [("A", a), ("B", b), ("C", c)] {
            let most = if name == "C" { 2 * MAX_FRAGMENTS } else { MAX_FRAGMENTS };
            if !(1..=most).contains(&list.len()) {
                return Err(Error::out_of_range(
                    format!("number of fragments of {name}"),
                    list.len(),
                    format!("from 1 to {most}"),
                ));
            }
            for (k, &x) in list.iter().enumerate() {
                positive(&format!("fragment {} of {name}", k + 1), x)?;
            }
        }
        let most = a.len() + b.len() - 1;
        if c.len() > most {
            let allowed = format!("at most {most}: fragments of A and of B, less 1");
            return Err(Error::out_of_range("number of fragments of C", c.len(), allowed));
        }
        let mut c = c.to_vec();
        c.sort_by(f64::total_cmp);
        let total = positive("sum of the fragments of C", c.iter().sum())?;
        let lay = |name: &str, list: &[f64]| -> Result<Fragments> {
            let sum: f64 = list.iter().sum();
            let apart = (sum - total).abs();
            if !(apart <= tolerance.max(CLOSED) * total) {
                let allowed = format!("the sum of C, {total}, within {}", tolerance.max(CLOSED) * total);
                return Err(Error::out_of_range(format!("sum of the fragments of {name}"), sum, allowed));
            }
            let stretch = matches!(sums, Sums::Stretched(_)) && apart > CLOSED * total;
            Ok(Fragments::new(list.to_vec(), if stretch { total / sum } else { 1.0 }))
        };
        let (a, b) = (lay("A", a)?, lay("B", b)?);
        Ok(DoubleDigest { a, b, c, total, sums })
    }

    /// Length of the map, Σ cⱼ.
    pub fn total(&self) -> f64 {
        self.total
    }
    /// Fragments of A, of B and of C.
    pub fn n_fragments(&self) -> [usize; 3] {
        [self.a.n(), self.b.n(), self.c.len()]
    }

    /// The state with given orders. Errors: lists that are not those of the problem in another order.
    pub fn at(&self, a: &[f64], b: &[f64]) -> Result<Maps> {
        let kinds = |name: &str, list: &[f64], fragments: &Fragments| -> Result<Vec<u32>> {
            let mut left = fragments.counts.clone();
            let mut order = Vec::with_capacity(list.len());
            for (k, x) in list.iter().enumerate() {
                match fragments.lengths.iter().position(|l| l == x).filter(|&kind| left[kind] > 0) {
                    Some(kind) => {
                        left[kind] -= 1;
                        order.push(kind as u32);
                    }
                    None => {
                        let allowed = format!("a fragment of {name} that is not yet placed");
                        return Err(Error::out_of_range(format!("place {} of {name}", k + 1), x, allowed));
                    }
                }
            }
            smml_core::error::same_length(&format!("order of {name}"), order.len(), fragments.n())?;
            Ok(order)
        };
        Ok(self.maps(kinds("A", a, &self.a)?, kinds("B", b, &self.b)?))
    }

    /// The lengths of the fragments in the order of a state.
    pub fn ordering(&self, state: &Maps) -> Ordering {
        self.lengths(&state.a, &state.b)
    }
    /// The state read from its other end.
    pub(super) fn mirrored(&self, state: &Maps) -> Maps {
        let turned = |x: &[u32]| x.iter().rev().copied().collect();
        self.maps(turned(&state.a), turned(&state.b))
    }
    pub(super) fn lengths(&self, a: &[u32], b: &[u32]) -> Ordering {
        let list = |f: &Fragments, order: &[u32]| order.iter().map(|&k| f.lengths[k as usize]).collect();
        Ordering { a: list(&self.a, a), b: list(&self.b, b) }
    }

    /// The sorted lengths ĉ of the fragments of both enzymes together.
    pub fn double_fragments(&self, state: &Maps) -> Vec<f64> {
        let mut found = vec![0.0; state.a.len() + state.b.len() - 1];
        self.cut(state.cuts_a.iter().copied(), state.cuts_b.iter().copied(), &mut found);
        found
    }

    pub(super) fn maps(&self, a: Vec<u32>, b: Vec<u32>) -> Maps {
        let (cuts_a, cuts_b) = (self.a.cuts(&a), self.b.cuts(&b));
        let energy = self.energy_of(cuts_a.iter().copied(), cuts_b.iter().copied());
        Maps { a, b, cuts_a, cuts_b, energy }
    }

    /// Fills `found` with the sorted distances between cuts.
    fn cut(&self, a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>, found: &mut [f64]) {
        let (mut a, mut b) = (a.peekable(), b.peekable());
        let mut last = 0.0;
        for fragment in found.iter_mut() {
            let next = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) if x <= y => a.next(),
                (Some(_), None) => a.next(),
                _ => b.next(),
            };
            // A cut may lie beyond the end: by a hair of rounding, or where sums differ.
            let next = next.unwrap_or(self.total).min(self.total);
            *fragment = next - last;
            last = next;
        }
        found.sort_unstable_by(f64::total_cmp);
    }

    /// The energy of given cuts, which must be in order. Time: one pass over the cuts and a sort of the fragments.
    pub(super) fn energy_of(&self, a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> f64 {
        const SHORT: usize = 64;
        let n = self.a.n() + self.b.n() - 1;
        let (mut short, mut long) = ([0.0; SHORT], Vec::new());
        let found = if n <= SHORT {
            &mut short[..n]
        } else {
            long.resize(n, 0.0);
            &mut long[..]
        };
        self.cut(a, b, found);
        let (surplus, rest) = found.split_at(n - self.c.len());
        let square = |found: f64, wanted: f64| (wanted - found) * (wanted - found);
        let unseen: f64 = surplus.iter().map(|&x| square(x, 0.0) / self.c[0]).sum();
        unseen + rest.iter().zip(&self.c).map(|(&x, &c)| square(x, c) / c).sum::<f64>()
    }
}

impl Energy for DoubleDigest {
    type State = Maps;
    fn energy(&self, state: &Maps) -> f64 {
        state.energy
    }
}

/// A move exchanges two fragments of one enzyme, or turns a run of them around: see [`Rearrangement`].
impl LocalEnergy for DoubleDigest {
    type Move = Rearrangement;
    fn propose<R: Draw>(&self, state: &Maps, rng: &mut R) -> Rearrangement {
        Rearrangement::draw(state.a.len(), state.b.len(), rng)
    }
    fn delta(&self, state: &Maps, change: &Rearrangement) -> f64 {
        change.energy_after(self, state) - state.energy
    }
    fn apply(&self, state: &mut Maps, change: &Rearrangement) {
        change.apply(self, state);
    }
}

/// All different orders are equally likely.
impl Reference for DoubleDigest {
    fn draw<R: Draw>(&self, rng: &mut R) -> Maps {
        let (mut a, mut b) = (self.a.sorted(), self.b.sorted());
        rng.shuffle(&mut a);
        rng.shuffle(&mut b);
        self.maps(a, b)
    }
    fn ln_z_reference(&self) -> f64 {
        self.a.ln_n_orders() + self.b.ln_n_orders()
    }
}

/// States are numbered by the order of A, then that of B, each lexicographically.
impl Finite for DoubleDigest {
    fn n_states(&self) -> Option<usize> {
        self.a.n_orders()?.checked_mul(self.b.n_orders()?)
    }
    fn state(&self, index: usize) -> Maps {
        let (n_a, n_b) = (self.a.n_orders().unwrap_or(1), self.b.n_orders().unwrap_or(1));
        self.maps(self.a.order(index / n_b % n_a, n_a), self.b.order(index % n_b, n_b))
    }
    fn index(&self, state: &Maps) -> usize {
        let (n_a, n_b) = (self.a.n_orders().unwrap_or(1), self.b.n_orders().unwrap_or(1));
        self.a.index(&state.a, n_a) * n_b + self.b.index(&state.b, n_b)
    }
}
