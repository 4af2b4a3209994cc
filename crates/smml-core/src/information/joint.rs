//! Joint distributions of several discrete variables: marginals, mutual, conditional and interaction information.
//!
//! Estimates from counts, with errors, live in [`super::counts`].

use super::{check_probabilities, divergence::kl_of, entropy::entropy_of};
use crate::error::{Error, Result, same_length};

/// The probabilities of every combination of values of some variables, the last variable running fastest (row-major).
///
/// Sets of variables are given by their positions, `&[0, 2]` being the first and the third.
///
/// ```
/// use smml_core::information::Joint;
/// // x and y are fair coins, z = x xor y: each pair is independent, and any two fix the third.
/// let p = |x, y, z| if x ^ y == z { 0.25 } else { 0.0 };
/// let table: Vec<f64> = (0..8).map(|i| p(i >> 2 & 1, i >> 1 & 1, i & 1)).collect();
/// let joint = Joint::new(table, &[2, 2, 2])?;
/// assert!(joint.mutual_information(&[0], &[1])?.abs() < 1e-15);
/// assert!((joint.conditional_mutual_information(&[0], &[1], &[2])? - 2f64.ln()).abs() < 1e-15);
/// assert!((joint.interaction_information(&[0], &[1], &[2])? - 2f64.ln()).abs() < 1e-15);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    p: Vec<f64>,
    shape: Vec<usize>,
}

impl Joint {
    /// A table of probabilities; `shape` holds the number of values of each variable.
    ///
    /// Errors: no variable, a length that is not the product of `shape`, and lists that are not probabilities.
    pub fn new(mut p: Vec<f64>, shape: &[usize]) -> Result<Self> {
        check_shape(shape, p.len())?;
        let sum = check_probabilities("p", &p)?;
        p.iter_mut().for_each(|x| *x /= sum);
        Ok(Joint { p, shape: shape.to_vec() })
    }

    /// The observed frequencies of a table of counts (the plug-in distribution).
    pub fn from_counts(counts: &[u64], shape: &[usize]) -> Result<Self> {
        check_shape(shape, counts.len())?;
        let total: f64 = counts.iter().map(|&n| n as f64).sum();
        if total == 0.0 {
            return Err(Error::TooShort { have: 0, needed: 1 });
        }
        Joint::new(counts.iter().map(|&n| n as f64 / total).collect(), shape)
    }

    /// The distribution of independent variables: the product of their distributions.
    ///
    /// Errors: no variable, lists that are not probabilities, and [`Error::TooLarge`] for more than 2²⁸ combinations.
    pub fn independent(marginals: &[&[f64]]) -> Result<Self> {
        let cells = marginals.iter().try_fold(1usize, |cells, m| cells.checked_mul(m.len()));
        if cells.is_none_or(|n| n > MAX_CELLS) {
            return Err(Error::TooLarge {
                what: "the joint distribution of independent variables".into(),
                needed: cells.map_or("more cells than memory has".into(), |n| format!("{n} cells")),
                limit: format!("{MAX_CELLS} cells"),
            });
        }
        let mut p = vec![1.0];
        for (k, m) in marginals.iter().enumerate() {
            check_probabilities(&format!("marginal {k}"), m)?;
            p = p.iter().flat_map(|a| m.iter().map(move |b| a * b)).collect();
        }
        let shape: Vec<usize> = marginals.iter().map(|m| m.len()).collect();
        check_shape(&shape, p.len())?;
        let sum: f64 = p.iter().sum();
        p.iter_mut().for_each(|x| *x /= sum);
        Ok(Joint { p, shape })
    }

    /// Number of values of each variable.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The table, row-major.
    pub fn probabilities(&self) -> &[f64] {
        &self.p
    }

    /// The distribution of some of the variables, in the order given.
    pub fn marginal(&self, variables: &[usize]) -> Result<Self> {
        self.check(&[variables])?;
        let shape: Vec<usize> = variables.iter().map(|&v| self.shape[v]).collect();
        let mut p = vec![0.0; shape.iter().product()];
        let place = self.project(variables);
        self.p.iter().enumerate().for_each(|(i, x)| p[place(i)] += x);
        Ok(Joint { p, shape })
    }

    /// H of all variables together, nats.
    pub fn entropy(&self) -> f64 {
        entropy_of(&self.p, 1.0)
    }

    /// H(A) of some variables, nats.
    pub fn marginal_entropy(&self, variables: &[usize]) -> Result<f64> {
        Ok(self.marginal(variables)?.entropy())
    }

    /// H(A|B) = -Σ p(a,b) ln p(a|b), nats.
    pub fn conditional_entropy(&self, of: &[usize], given: &[usize]) -> Result<f64> {
        let both = self.marginal(&[of, given].concat())?;
        let n: usize = of.iter().map(|&v| self.shape[v]).product();
        let m = both.p.len() / n;
        let condition: Vec<f64> = (0..m).map(|b| (0..n).map(|a| both.p[a * m + b]).sum()).collect();
        let terms = both.p.iter().enumerate().filter(|(_, x)| **x > 0.0);
        Ok(-terms.map(|(i, x)| x * libm::log(x / condition[i % m])).sum::<f64>() + 0.0)
    }

    /// The mutual information I(A;B) = Σ p(a,b) ln(p(a,b) / (p(a) p(b))), nats: what one set of variables tells about the
    /// other. Never negative, 0 only for independence; equal to the information gain H(B) - H(B|A).
    pub fn mutual_information(&self, a: &[usize], b: &[usize]) -> Result<f64> {
        self.conditional_mutual_information(a, b, &[])
    }

    /// I(A;B|C) = Σ p(a,b,c) ln(p(a,b,c) p(c) / (p(a,c) p(b,c))), nats: what A and B tell about each other when C is
    /// known. Never negative.
    pub fn conditional_mutual_information(&self, a: &[usize], b: &[usize], c: &[usize]) -> Result<f64> {
        let all = self.marginal(&[a, b, c].concat())?;
        let size = |s: &[usize]| s.iter().map(|&v| self.shape[v]).product::<usize>();
        let (nb, nc) = (size(b), size(c));
        let na = size(a);
        let (mut pc, mut pac, mut pbc) = (vec![0.0; nc], vec![0.0; na * nc], vec![0.0; nb * nc]);
        for (i, x) in all.p.iter().enumerate() {
            let (ia, ib, ic) = (i / (nb * nc), i / nc % nb, i % nc);
            pc[ic] += x;
            pac[ia * nc + ic] += x;
            pbc[ib * nc + ic] += x;
        }
        Ok(kl_of(all.p.iter().enumerate().map(|(i, &x)| {
            let (ia, ib, ic) = (i / (nb * nc), i / nc % nb, i % nc);
            let product = pac[ia * nc + ic] * pbc[ib * nc + ic];
            (x, if product > 0.0 { product / pc[ic] } else { x })
        })))
    }

    /// The interaction information I(A;B;C) = I(A;B|C) - I(A;B), nats, symmetric in the three.
    ///
    /// With this sign it is positive for synergy (ln 2 for an exclusive or) and negative for redundancy (-ln 2 for three
    /// copies of a coin). Other authors use the opposite sign, and call it co-information.
    pub fn interaction_information(&self, a: &[usize], b: &[usize], c: &[usize]) -> Result<f64> {
        Ok(self.conditional_mutual_information(a, b, c)? - self.mutual_information(a, b)?)
    }

    /// The total correlation Σ H(Xᵢ) - H(X₁, X₂, ...), nats: the divergence from independence.
    pub fn total_correlation(&self) -> f64 {
        let single: Vec<(Vec<f64>, _)> = (0..self.shape.len())
            .map(|v| {
                let place = self.project(&[v]);
                let mut p = vec![0.0; self.shape[v]];
                self.p.iter().enumerate().for_each(|(i, x)| p[place(i)] += x);
                (p, place)
            })
            .collect();
        kl_of(self.p.iter().enumerate().map(|(i, &x)| {
            let product: f64 = single.iter().map(|(p, place)| p[place(i)]).product();
            // A product that underflows belongs to a cell that has no weight to speak of.
            (x, if product > 0.0 { product } else { x })
        }))
    }

    /// Checks that all variables exist and that none comes twice.
    fn check(&self, sets: &[&[usize]]) -> Result<()> {
        let mut used = vec![false; self.shape.len()];
        for &v in sets.iter().copied().flatten() {
            match used.get_mut(v) {
                None => {
                    let allowed = format!("less than the number of variables, {}", self.shape.len());
                    return Err(Error::out_of_range("variable", v, allowed));
                }
                Some(seen) if *seen => {
                    return Err(Error::out_of_range("variable", v, "named once: sets must not overlap"));
                }
                Some(seen) => *seen = true,
            }
        }
        Ok(())
    }

    /// The cell of a set's marginal that a cell of the table falls into.
    fn project(&self, set: &[usize]) -> impl Fn(usize) -> usize + use<> {
        // (stride in the table, number of values) of the set's variables, the first slowest.
        let axes: Vec<(usize, usize)> =
            set.iter().map(|&v| (self.shape[v + 1..].iter().product(), self.shape[v])).collect();
        move |cell| axes.iter().fold(0, |at, (stride, n)| at * n + cell / stride % n)
    }
}

/// Tables that are built here, not given, may have at most this many cells.
const MAX_CELLS: usize = 1 << 28;

fn check_shape(shape: &[usize], cells: usize) -> Result<()> {
    if shape.is_empty() || shape.contains(&0) {
        return Err(Error::out_of_range(
            "shape",
            format!("{shape:?}"),
            "one number above 0 for each variable",
        ));
    }
    let product = shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n));
    match product {
        Some(expected) => same_length("the table", cells, expected),
        None => Err(Error::out_of_range("shape", format!("{shape:?}"), "of a table that fits in memory")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_by_two() {
        // A binary symmetric channel with error 0.1 and a uniform input: I = ln 2 - H(0.1).
        let joint = Joint::new(vec![0.45, 0.05, 0.05, 0.45], &[2, 2]).unwrap();
        let noise = crate::information::entropy_nats(&[0.1, 0.9]).unwrap();
        assert!((joint.mutual_information(&[0], &[1]).unwrap() - (2f64.ln() - noise)).abs() < 1e-15);
        assert!((joint.conditional_entropy(&[1], &[0]).unwrap() - noise).abs() < 1e-15);
        assert!((joint.total_correlation() - (2f64.ln() - noise)).abs() < 1e-15);
        assert!((joint.entropy() - (2f64.ln() + noise)).abs() < 1e-15);
        let copies = Joint::new(vec![0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5], &[2, 2, 2]).unwrap();
        assert!((copies.interaction_information(&[0], &[1], &[2]).unwrap() + 2f64.ln()).abs() < 1e-15);
        assert!((copies.total_correlation() - 2.0 * 2f64.ln()).abs() < 1e-15);
    }

    #[test]
    fn marginals_follow_the_order_asked_for() {
        let p: Vec<f64> = (0..24).map(|i| f64::from(i) / 276.0).collect();
        let joint = Joint::new(p.clone(), &[2, 3, 4]).unwrap();
        let m = joint.marginal(&[2, 0]).unwrap();
        assert_eq!(m.shape(), [4, 2]);
        for z in 0..4 {
            for x in 0..2 {
                let direct: f64 = (0..3).map(|y| p[x * 12 + y * 4 + z]).sum();
                assert!((m.probabilities()[z * 2 + x] - direct).abs() < 1e-15);
            }
        }
        assert!((joint.marginal(&[]).unwrap().probabilities()[0] - 1.0).abs() < 1e-15);
    }

    #[test]
    fn bad_input() {
        assert!(Joint::new(vec![1.0], &[]).is_err() && Joint::new(vec![], &[0]).is_err());
        assert!(matches!(
            Joint::new(vec![0.5, 0.5], &[2, 2]),
            Err(Error::Length { found: 2, expected: 4, .. })
        ));
        assert!(Joint::new(vec![1.0], &[usize::MAX, 2]).is_err());
        assert!(Joint::from_counts(&[0, 0], &[2]).is_err());
        assert!(Joint::independent(&[]).is_err());
        assert!(matches!(Joint::independent(&[&[0.1; 10][..]; 30]), Err(Error::TooLarge { .. })));
        let joint = Joint::from_counts(&[1, 2, 3, 4], &[2, 2]).unwrap();
        assert!(joint.mutual_information(&[0], &[2]).is_err());
        assert!(joint.mutual_information(&[0], &[0]).is_err());
        assert!(joint.conditional_entropy(&[0], &[0]).is_err());
    }

    fn table() -> impl Strategy<Value = Joint> {
        (1usize..4, 1usize..4, 1usize..4).prop_flat_map(|(a, b, c)| {
            prop::collection::vec(0u64..6, a * b * c)
                .prop_filter_map("empty", move |n| Joint::from_counts(&n, &[a, b, c]).ok())
        })
    }

    proptest! {
        #[test]
        fn identities(j in table()) {
            let h = |v: &[usize]| j.marginal_entropy(v).unwrap();
            let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
            let i = |a: &[usize], b: &[usize]| j.mutual_information(a, b).unwrap();
            let i01 = i(&[0], &[1]);
            prop_assert!(i01 >= 0.0 && close(i01, h(&[0]) + h(&[1]) - h(&[0, 1])));
            prop_assert!(close(i01, i(&[1], &[0])));
            prop_assert!(close(j.conditional_entropy(&[0, 2], &[1]).unwrap(), j.entropy() - h(&[1])));
            let given = j.conditional_mutual_information(&[0], &[1], &[2]).unwrap();
            prop_assert!(given >= 0.0 && close(given, h(&[0, 2]) + h(&[1, 2]) - h(&[2]) - j.entropy()));
            // Chain rule, and symmetry of the interaction information.
            prop_assert!(close(i(&[0], &[1, 2]), i(&[0], &[2]) + given));
            let triple = |a: usize, b: usize, c: usize| j.interaction_information(&[a], &[b], &[c]).unwrap();
            prop_assert!(close(triple(0, 1, 2), triple(2, 0, 1)) && close(triple(0, 1, 2), triple(1, 2, 0)));
            prop_assert!(close(j.total_correlation(), h(&[0]) + h(&[1]) + h(&[2]) - j.entropy()));
        }

        #[test]
        fn independence_is_seen(a in prop::collection::vec(0.01..1.0f64, 1..6), b in prop::collection::vec(0.01..1.0f64, 1..6)) {
            let normal = |v: &[f64]| { let s: f64 = v.iter().sum(); v.iter().map(|x| x / s).collect::<Vec<_>>() };
            let joint = Joint::independent(&[&normal(&a), &normal(&b)]).unwrap();
            // Second order in rounding, because no part is negative.
            let i = joint.mutual_information(&[0], &[1]).unwrap();
            prop_assert!((0.0..1e-28).contains(&i), "{i}");
        }
    }
}
