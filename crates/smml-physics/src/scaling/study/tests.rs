//! Studies of small tori whose samples are drawn from all states, and one of the square lattice.

use super::*;
use crate::{
    cluster::Wolff,
    ising::{Boundary, Ising, SquareLattice, exact, observe, onsager},
    scaling::{Point, power_law},
};
use smml_core::energy::{Energy, Finite};

fn torus(l: usize) -> Ising {
    SquareLattice::uniform(l, l, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap()
}

/// All states of a torus: energy and magnetisation per site.
fn states(l: usize) -> Vec<(f64, f64)> {
    let ising = torus(l);
    let of = |s: Vec<i8>| (ising.energy(&s), observe::magnetisation(&s) as f64 / (l * l) as f64);
    (0..1 << (l * l)).map(|k| of(ising.state(k))).collect()
}

/// Independent samples at a temperature.
fn drawn(states: &[(f64, f64)], temperature: f64, n: usize, rng: &mut Stream) -> Series {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = states
        .iter()
        .map(|s| {
            sum += libm::exp(-s.0 / temperature);
            sum
        })
        .collect();
    let mut series = Series { temperature, energy: Vec::new(), order: Vec::new() };
    for _ in 0..n {
        let u = rng.uniform() * sum;
        let (e, m) = states[cumulative.partition_point(|c| *c <= u).min(states.len() - 1)];
        series.energy.push(e);
        series.order.push(m);
    }
    series
}

fn covers(z: &[f64]) {
    let n = z.len() as f64;
    let chi2: f64 = z.iter().map(|z| z * z).sum();
    // Wilson and Hilferty; 5.3 standard deviations are left with probability 1e-7.
    let deviation = ((chi2 / n).cbrt() - (1.0 - 2.0 / (9.0 * n))) / (2.0 / (9.0 * n)).sqrt();
    assert!(deviation.abs() < 5.3, "chi² = {chi2} of {n}: {z:?}");
    assert!((z.iter().sum::<f64>() / n.sqrt()).abs() < 5.3, "{z:?}");
}

/// Exact U, ⟨|m|⟩, ⟨m²⟩ at a temperature.
fn exactly(states: &[(f64, f64)], t: f64) -> [f64; 3] {
    let mut s = [0.0; 4];
    for (e, m) in states {
        let w = libm::exp(-e / t);
        let row = [1.0, m.abs(), m * m, m.powi(4)];
        (0..4).for_each(|k| s[k] += w * row[k]);
    }
    [1.0 - s[3] * s[0] / (3.0 * s[2] * s[2]), s[1] / s[0], s[2] / s[0]]
}

#[test]
fn reweighted_numbers_of_enumerated_tori_have_honest_errors() {
    let all: Vec<Vec<(f64, f64)>> = [2, 3, 4].into_iter().map(states).collect();
    let u = 0.6;
    // T where U = u, by bisection, and what is there.
    let want: Vec<[f64; 4]> = all
        .iter()
        .map(|s| {
            let (mut low, mut high) = (1.5, 4.0);
            for _ in 0..80 {
                let t = 0.5 * (low + high);
                if exactly(s, t)[0] > u { low = t } else { high = t }
            }
            let [_, m, m2] = exactly(s, low);
            let slope = (exactly(s, low + 1e-4)[0] - exactly(s, low - 1e-4)[0]) / 2e-4;
            [low, slope.abs().ln(), m.ln(), m2.ln()]
        })
        .collect();
    let mut z = vec![Vec::new(); 14];
    for seed in 0..12 {
        let mut rng = Streams::new(seed).stream("drawn", 0);
        let data: Vec<SizeData> = all
            .iter()
            .zip([2.0, 3.0, 4.0])
            .map(|(s, size)| SizeData {
                size,
                series: [2.2, 2.5, 2.9].iter().map(|t| drawn(s, *t, 4000, &mut rng)).collect(),
            })
            .collect();
        let study = FiniteSizeScaling { pairs: vec![(3.0, 4.0)], correction: None, binder: Some(u) };
        let found = study.analyse(&data).unwrap();
        for (i, (at, want)) in found.sizes.iter().zip(&want).enumerate() {
            let got = [at.temperature, at.ln_slope, at.ln_order, at.ln_square];
            (0..4).for_each(|k| z[4 * i + k].push((got[k].value - want[k]) / got[k].raw_error()));
        }
        // U of the 3 × 3 and 4 × 4 tori by enumeration in numpy, bisection in T.
        let t = found.crossings[0].temperature;
        z[12].push((t.value - 2.169_267_846_991_767) / t.raw_error());
        let curve = binder_curve(&data[2], &[2.35]).unwrap();
        z[13].push((curve[0].value - exactly(&all[2], 2.35)[0]) / curve[0].raw_error());
        // The same exponents as by a fit of the numbers of the sizes.
        let points = |f: fn(&AtBinder) -> Estimate| -> Vec<Point> {
            let point = |s: &AtBinder| {
                let (e, size) = (f(s), s.size);
                let value = libm::exp(e.value);
                Point { size, x: 0.0, value, error: value * e.raw_error() }
            };
            found.sizes.iter().map(point).collect()
        };
        for (got, fit) in [
            (found.inverse_nu, power_law(&points(|s| s.ln_slope)).unwrap()),
            (found.beta_over_nu.affine(0.0, -1.0), power_law(&points(|s| s.ln_order)).unwrap()),
            (found.square_exponent, power_law(&points(|s| s.ln_square)).unwrap()),
        ] {
            assert!((got.value - fit.exponent.value).abs() < 0.2 * got.raw_error(), "{got} {}", fit.exponent);
            assert!((got.raw_error() / fit.exponent.raw_error() - 1.0).abs() < 0.05);
        }
        assert_eq!(found.dof, 1);
    }
    z.iter().for_each(|z| covers(z));
}

#[test]
fn the_square_lattice_is_critical_where_onsager_says() {
    let plan: Vec<Chains> = [(6, 60_000), (8, 50_000), (12, 40_000), (16, 30_000), (24, 15_000)]
        .map(|(size, n_samples)| Chains {
            size,
            temperatures: vec![2.27],
            n_samples,
            thin: 2,
            n_discarded: 200,
        })
        .into();
    let run = |par| {
        simulate(
            &plan,
            |l| crate::ising::Ferromagnet::new(torus(l).couplings()),
            Wolff::default(),
            |_, model| vec![1; model.n_spins()],
            |model, s| observe::magnetisation(s) as f64 / model.n_spins() as f64,
            &Streams::new(3),
            par,
        )
        .unwrap()
    };
    let data = run(Par::Rayon);
    assert_eq!(data, run(Par::Serial));
    let found = FiniteSizeScaling::default().analyse(&data).unwrap();
    for (what, e, want) in [
        ("T_c", found.t_c, onsager::CRITICAL_TEMPERATURE),
        ("1/ν", found.inverse_nu, 1.0),
        ("β/ν", found.beta_over_nu, 0.125),
        ("γ/ν - 2", found.square_exponent, -0.25),
    ] {
        assert!(e.p_value(want) > 1e-8, "{what}: {e} {want}");
    }
    assert!(found.t_c.std_error < 0.01 && found.crossings.len() == 3, "{found:?}");
    assert!(found.binder.p_value(crate::critical::BINDER_SQUARE) > 1e-8, "{}", found.binder);
    let exact = exact::averages(&torus(4), &[0.44]).unwrap()[0].binder;
    assert!((exactly(&states(4), 1.0 / 0.44)[0] - exact).abs() < 1e-12);
}

#[test]
fn a_study_says_which_chains_began_far_from_equilibrium() {
    let all: Vec<Vec<(f64, f64)>> = [2, 3, 4].into_iter().map(states).collect();
    let mut rng = Streams::new(4).stream("drawn", 0);
    let mut data: Vec<SizeData> = all
        .iter()
        .zip([2.0, 3.0, 4.0])
        .map(|(s, size)| SizeData { size, series: vec![drawn(s, 2.4, 4000, &mut rng)] })
        .collect();
    let study = FiniteSizeScaling { pairs: vec![(3.0, 4.0)], correction: None, binder: Some(0.6) };
    let found = study.analyse(&data).unwrap();
    assert!(found.is_stationary() && found.chains.len() == 3, "{:?}", found.chains);
    // Independent samples: τ is ½, and each of them counts.
    assert!((found.t_c.tau_int - 0.5).abs() < 0.1 && (found.t_c.n_eff - 12_000.0).abs() < 2_000.0);
    assert!((found.sizes[0].temperature.n_eff - 4000.0).abs() < 800.0);
    // An ordered start, of which nothing was discarded, in one of them.
    let series = &mut data[2].series[0];
    series.energy[..80].fill(-32.0);
    series.order[..80].fill(1.0);
    let found = study.analyse(&data).unwrap();
    let settled: Vec<bool> = found.chains.iter().map(ChainVerdict::is_stationary).collect();
    assert_eq!((settled.as_slice(), found.is_stationary()), (&[true, true, false][..], false));
    let verdict = found.chains[2];
    assert!((verdict.size, verdict.temperature) == (4.0, 2.4) && verdict.energy.shift < -0.2, "{verdict:?}");
    assert!((60..=100).contains(&verdict.energy.equilibration.discard) && verdict.square.shift > 0.2);
}

#[test]
fn chains_reach_temperatures_of_their_own_sign_only() {
    let all = states(2);
    let mut rng = Streams::new(5).stream("hot", 0);
    let hot = Reweighting::new(&[drawn(&all, 10.0, 1000, &mut rng)]).unwrap().range();
    // A linear continuation in T would be below 0 here.
    assert!(hot.0 > 0.0 && hot.0 < 10.0 && hot.1 <= 100.0 + 1e-9 && hot.1 > 10.0, "{hot:?}");
    let mut negative = drawn(&all, 10.0, 1000, &mut rng);
    negative.temperature = -10.0;
    let mirrored = Reweighting::new(&[negative.clone()]).unwrap().range();
    assert!(mirrored.1 < 0.0 && mirrored.0 < -10.0 && mirrored.1 > -10.0, "{mirrored:?}");
    let mixed = Reweighting::new(&[drawn(&all, 2.0, 1000, &mut rng), negative]);
    assert!(mixed.err().unwrap().to_string().contains("one sign"));
    // A size whose chain is far from where the others cross.
    let mut data: Vec<SizeData> = [(3usize, 2.2), (4, 2.2)]
        .iter()
        .map(|&(l, t)| SizeData { size: l as f64, series: vec![drawn(&states(l), t, 4000, &mut rng)] })
        .collect();
    data.push(SizeData { size: 3.5, series: vec![drawn(&states(3), 30.0, 4000, &mut rng)] });
    let study = FiniteSizeScaling { pairs: vec![(3.0, 4.0)], correction: None, binder: None };
    let error = study.analyse(&data).unwrap_err().to_string();
    assert!(error.contains("size 3.5 reach from"), "{error}");
}

#[test]
fn continuous_energies_are_binned_and_reweighted_as_the_closed_form_says() {
    // E of normal distribution with variance 4 at β = 0.5, m = 10 + E: at β' its mean is moved by -4 (β' - β).
    let mut rng = Streams::new(6).stream("normal", 0);
    let n = 60_000;
    let energy: Vec<f64> = (0..n).map(|_| 2.0 * rng.normal() - 100.0).collect();
    let order = energy.iter().map(|e| e + 110.0).collect();
    let samples = Reweighting::new(&[Series { temperature: 2.0, energy, order }]).unwrap();
    assert!(samples.n_levels() <= 1 << 13);
    let curves = samples.curves().unwrap();
    for beta in [0.4f64, 0.5, 0.7] {
        let mean = 10.0 - 4.0 * (beta - 0.5);
        let got: Vec<At> = curves.iter().map(|c| c.at(1.0 / beta)).collect();
        for (want, of) in [
            (mean.ln(), (|a: &At| a.ln_order) as fn(&At) -> f64),
            ((mean * mean + 4.0).ln(), |a| a.ln_square),
        ] {
            let without: Vec<f64> = got[1..].iter().map(of).collect();
            let z = (of(&got[0]) - want) / samples.error(&without);
            assert!(z.abs() < 6.5, "{beta} {z}");
        }
    }
}

#[test]
fn what_makes_no_study_is_refused() {
    let all = states(3);
    let mut rng = Streams::new(1).stream("few", 0);
    let mut make = |size: f64, n| SizeData { size, series: vec![drawn(&all, 2.3, n, &mut rng)] };
    let good: Vec<SizeData> = [3.0, 4.0, 5.0].iter().map(|l| make(*l, 1000)).collect();
    let study = FiniteSizeScaling { correction: None, ..FiniteSizeScaling::default() };
    assert!(study.analyse(&good[..2]).unwrap_err().to_string().contains("sizes of a study"));
    assert!(FiniteSizeScaling::default().analyse(&good).is_err());
    let text = |data: &[SizeData]| study.analyse(data).unwrap_err().to_string();
    let mut bad = good.clone();
    bad[1].size = 3.0;
    assert!(text(&bad).contains("given once"));
    bad[1] = make(4.0, 100);
    assert!(matches!(study.analyse(&bad), Err(Error::TooShort { have: 100, .. })));
    bad[1] = good[1].clone();
    bad[1].series[0].order.pop();
    assert!(text(&bad).contains("order parameter"));
    bad[1].series.clear();
    assert!(text(&bad).contains("temperatures of a size"));
    for t in [0.0, f64::NAN] {
        bad[1] = good[1].clone();
        bad[1].series[0].temperature = t;
        assert!(text(&bad).contains("temperature of series 0"));
    }
    assert!(FiniteSizeScaling { correction: Some(-1.0), ..study.clone() }.analyse(&good).is_err());
    let far = FiniteSizeScaling { pairs: vec![(3.0, 7.0)], ..study.clone() };
    assert!(far.analyse(&good).is_err());
    // Copies of one size never cross at one point of the fit, or do everywhere: either way there is a typed answer.
    let _ = study.analyse(&good);
    let plan =
        |t: f64, n_samples, thin| Chains { size: 4, temperatures: vec![t], n_samples, thin, n_discarded: 0 };
    for wrong in [plan(0.0, 10, 1), plan(2.0, 0, 1), plan(2.0, 10, 0)] {
        let run = simulate(
            &[wrong],
            |l| Ok(torus(l)),
            Wolff::default(),
            |_, m: &Ising| vec![1; m.n_spins()],
            |_, s| f64::from(s[0]),
            &Streams::new(1),
            Par::Serial,
        );
        assert!(run.is_err());
    }
    assert!(binder_curve(&good[0], &[f64::NAN]).is_err());
}
