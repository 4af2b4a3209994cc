//! Tests of the parent module.

use super::*;

fn die() -> LatticeDistribution {
    LatticeDistribution::on_integers(1, vec![1.0 / 6.0; 6]).unwrap()
}

/// Ways to throw each sum with n dice, in integers.
fn ways(n: usize) -> Vec<u128> {
    (0..n).fold(vec![1], |ways, _| {
        let mut next = vec![0; ways.len() + 5];
        for (i, w) in ways.iter().enumerate() {
            next[i..i + 6].iter_mut().for_each(|v| *v += w);
        }
        next
    })
}

#[test]
fn dice_exactly() {
    let two = die().plus(&die(), Tails::Relative).unwrap().distribution;
    assert!((two.probability(7.0) * 6.0 - 1.0).abs() < 1e-15);
    assert_eq!(two.probability(13.0), 0.0);
    assert_eq!(two.probability(2.5), 0.0);
    for n in [1usize, 7, 10, 24] {
        let sum = die().n_fold(n as u32, Tails::Relative).unwrap();
        let ErrorBound::Relative(bound) = sum.error else { panic!() };
        assert_eq!(sum.clamped, Clamped::default());
        assert!(bound < 1e-13);
        let all = 6f64.powi(n as i32);
        for (p, w) in sum.distribution.probabilities().iter().zip(ways(n)) {
            // n roundings of 1/6 besides the bound
            assert!((p * all / w as f64 - 1.0).abs() < bound + (n as f64 + 3.0) * ROUNDING, "{n}");
        }
    }
    let ten = die().n_fold(10, Tails::Relative).unwrap().distribution;
    assert!((ten.probability(10.0) * 6f64.powi(10) - 1.0).abs() < 1e-13);
    assert_eq!(ten.origin(), 10.0);
    assert!((ten.mean() - 35.0).abs() < 1e-12 && (ten.variance() - 350.0 / 12.0).abs() < 1e-11);
    assert!((ten.upper_tail(59.0) - 11.0 * 6f64.powi(-10)).abs() < 1e-12 * 6f64.powi(-10));
    assert!((ten.lower_tail(11.0) - 11.0 * 6f64.powi(-10)).abs() < 1e-12 * 6f64.powi(-10));
    assert!((ten.upper_tail(-5.0) - 1.0).abs() < 1e-14 && ten.upper_tail(60.5) == 0.0);
}

#[test]
fn quick_sums_state_their_absolute_error_and_clamp() {
    let n = 600;
    let quick = die().n_fold(n, Tails::Absolute).unwrap();
    let exact = die().n_fold(n, Tails::Relative).unwrap();
    let ErrorBound::Absolute(bound) = quick.error else { panic!() };
    assert!(bound < 1e-12, "{bound}");
    // The tails are below the rounding of an FFT: some come out negative, and that is said.
    assert!(quick.clamped.count > 0 && quick.clamped.total > 0.0);
    for (q, e) in quick.distribution.probabilities().iter().zip(exact.distribution.probabilities()) {
        assert!(*q >= 0.0 && (q - e).abs() <= bound);
    }
}

#[test]
fn tilting_finds_every_tail() {
    for x in [10.0, 11.0, 12.0, 17.0, 35.0, 52.0, 58.0, 60.0] {
        let near = die().n_fold_near(10, x).unwrap();
        let exact = ways(10)[x as usize - 10] as f64 * 6f64.powi(-10);
        let found = near.ln_probability(x).unwrap();
        assert!((found - exact.ln()).abs() < 1e-11, "{x}: {}", found - exact.ln());
        assert!(near.relative_error() < 2e-9);
    }
    // 40 dice, against integers; the whole window
    for x in [45.0, 80.0, 140.0, 230.0] {
        let near = die().n_fold_near(40, x).unwrap();
        for (i, l) in near.ln_probabilities().iter().enumerate() {
            let w = ways(40)[near.value(i) as usize - 40] as f64;
            assert!((l - (w.ln() - 40.0 * 6f64.ln())).abs() < 1e-10 + near.relative_error(), "{x} {i}");
        }
    }
    // Far below the smallest f64: all but three of 1000 coins heads, ln C(1000, 3) - 1000 ln 2 (times 2 for bias)
    let coin = LatticeDistribution::on_integers(0, vec![0.75, 0.25]).unwrap();
    let near = coin.n_fold_near(1000, 997.0).unwrap();
    let exact = (1000.0f64 * 999.0 * 998.0 / 6.0).ln() + 997.0 * 0.25f64.ln() + 3.0 * 0.75f64.ln();
    assert!((near.ln_probability(997.0).unwrap() - exact).abs() < 1e-9, "{exact}");
    assert!(exact < -1300.0);
}

#[test]
fn tails_in_logarithms() {
    let total = 6f64.powi(10);
    let count = |x: usize| ways(10)[x - 10..].iter().sum::<u128>() as f64;
    for x in [12, 20, 34, 35, 36, 50, 57, 60] {
        let found = die().ln_upper_tail(10, x as f64).unwrap();
        assert!((found - (count(x) / total).ln()).abs() < 1e-9, "{x}");
    }
    for x in [10, 13, 34, 35, 36, 50, 59] {
        let below = total - count(x + 1);
        let found = die().ln_lower_tail(10, x as f64).unwrap();
        assert!((found - (below / total).ln()).abs() < 1e-9, "{x}");
    }
    assert_eq!(die().ln_upper_tail(10, 10.0).unwrap(), 0.0);
    assert_eq!(die().ln_upper_tail(10, 61.0).unwrap(), f64::NEG_INFINITY);
    assert_eq!(die().ln_lower_tail(10, 9.5).unwrap(), f64::NEG_INFINITY);
    assert!(die().ln_lower_tail(10, f64::NAN).is_err());
    // Between lattice points; padded with zeros
    let padded =
        LatticeDistribution::on_integers(0, [vec![0.0], vec![1.0 / 6.0; 6], vec![0.0]].concat()).unwrap();
    assert!((padded.ln_upper_tail(10, 57.5).unwrap() - (66.0 / total).ln()).abs() < 1e-9);
}

#[test]
fn bad_input_is_refused() {
    assert!(LatticeDistribution::on_integers(0, vec![]).is_err());
    assert!(LatticeDistribution::on_integers(0, vec![0.5, 0.6]).is_err());
    assert!(LatticeDistribution::on_integers(0, vec![1.5, -0.5]).is_err());
    assert!(LatticeDistribution::on_integers(0, vec![f64::NAN]).is_err());
    assert!(LatticeDistribution::new(0.0, 0.0, vec![1.0]).is_err());
    let half = LatticeDistribution::new(0.0, 0.5, vec![0.5, 0.5]).unwrap();
    assert!(half.plus(&die(), Tails::Relative).is_err());
    assert!(die().n_fold(u32::MAX, Tails::Absolute).is_err());
    assert!(die().n_fold_near(10, 9.0).is_err());
    assert!(die().n_fold_near(10, f64::NAN).is_err());
    assert!(die().n_fold_near(0, 0.0).is_err());
    assert_eq!(die().n_fold(0, Tails::Relative).unwrap().distribution.probabilities(), [1.0]);
}
