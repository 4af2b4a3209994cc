//! Examples on the book's pages about sections of the paper. `cargo xtask codegen` copies them into the pages, so what
//! the pages show compiles and passes.

use smml_core::prelude::*;

#[test]
fn section_2() -> Result<()> {
    // ANCHOR: importance
    use smml_core::{
        distribution::{Continuous, Normal},
        importance::ImportanceSample,
    };
    // The mean of x² under p = N(0, 1), from samples of two proposals.
    let p = Normal::STANDARD;
    let mut rng = Streams::new(1).stream("draws", 0);
    for (std_dev, trusted) in [(2.0, true), (0.5, false)] {
        let q = Normal::new(0.0, std_dev)?;
        let (x, sample) = ImportanceSample::draw(|x| p.ln_pdf(x), &q, 10_000, &mut rng)?;
        let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
        // An estimate with its error, or the reason why there is none: for σ = ½ its variance is infinite.
        let mean = sample.self_normalised(&squares);
        assert_eq!(mean.is_ok(), trusted, "k-hat {:?}", sample.k_hat());
    }
    // ANCHOR_END: importance
    Ok(())
}

#[test]
fn section_2_1() -> Result<()> {
    // ANCHOR: work
    use smml_core::free_energy::{crooks, jarzynski};
    // Work of stretching a spring: Gaussian, with mean ΔF + σ²/2 forward and -ΔF + σ²/2 back (β = 1).
    let (delta_f, sigma) = (1.5, 1.0);
    let mut rng = Streams::new(1).stream("work", 0);
    let mut works = |mean: f64| -> Vec<f64> { (0..5_000).map(|_| mean + sigma * rng.normal()).collect() };
    let (forward, back) = (works(delta_f + 0.5), works(-delta_f + 0.5));
    let from_one_side = jarzynski(&forward, 1.0)?;
    let from_both = crooks(&forward, &back, 1.0)?.delta_f;
    assert!(from_one_side.z(delta_f).abs() < 5.0 && from_both.z(delta_f).abs() < 5.0);
    assert!(from_both.std_error < from_one_side.std_error);
    // ANCHOR_END: work
    Ok(())
}

#[test]
fn section_3_1() -> Result<()> {
    // ANCHOR: entropy
    use smml_core::information::{CountTable, EntropyEstimator, entropy_from_counts};
    // Rain (rows) by forecast (columns), counted on 100 days: what the forecast says about the rain.
    let table = CountTable::new(&[24, 6, 9, 61], 2, 2)?;
    let gain = table.information_gain_bits();
    let with_error = table.mutual_information(EntropyEstimator::MillerMadow)?;
    let entropy = entropy_from_counts(&[30, 70], EntropyEstimator::PlugIn)?;
    assert!((gain - 0.311).abs() < 0.001 && entropy.value < std::f64::consts::LN_2);
    println!("gain {gain:.3} bits; mutual information {with_error} nats; entropy of the rain {entropy} nats");
    // ANCHOR_END: entropy
    Ok(())
}

#[test]
fn section_3_5() -> Result<()> {
    // ANCHOR: dice
    use smml_core::convolve::lattice::{LatticeDistribution, Tails};
    let die = LatticeDistribution::on_integers(1, vec![1.0 / 6.0; 6])?;
    let ten = die.n_fold(10, Tails::Relative)?.distribution;
    // 6⁻¹⁰ to the last digit: a transform would have lost it below its rounding.
    assert!((ten.probability(60.0) * 6f64.powi(10) - 1.0).abs() < 1e-14);
    assert!((ten.upper_tail(51.0) - 0.001_480_464_053).abs() < 1e-12);
    // ANCHOR_END: dice
    Ok(())
}

#[test]
fn section_3_9() -> Result<()> {
    // ANCHOR: metropolis
    use smml_core::{
        certificate::{SampledBeta, probe, sampled_beta},
        chain::{Chain, Record},
        sample::Metropolis,
    };
    use smml_physics::ising::{Boundary, SquareLattice, onsager};
    let ising = SquareLattice::uniform(8, 8, Boundary::Periodic, 1.0, 0.0)?.ising()?;
    let (beta, mut rng) = (0.35, Streams::new(1).stream("probe", 0));
    let mut chain = Chain::new(Metropolis::new(64)?, vec![1; 64], Streams::new(1).stream("chain", 0));
    chain.advance(&ising, beta, 500);
    let mut record = Record::new(2)?;
    chain.record(&ising, beta, 2, 5_000, &mut record, |s| {
        [ising.energy(s) / 64.0, probe(&ising, s, &mut rng)]
    })?;
    let energy = record.estimate(0)?; // a value, its error, its autocorrelation time
    assert!(energy.z(onsager::torus(8, 8, beta)?.energy).abs() < 5.0);
    // The inverse temperature that was really sampled, from the samples alone.
    if let SampledBeta::Finite(found) = sampled_beta(&record.column(1))? {
        assert!(found.z(beta).abs() < 5.0);
    }
    // ANCHOR_END: metropolis
    Ok(())
}

#[test]
fn section_3_8() -> Result<()> {
    // ANCHOR: elimination
    use smml_core::factor_graph::FactorGraph;
    // Three spins in a ring that want to differ: ln Z = ln(2 e^(-3β) + 6 e^β) at β = 1.
    let mut graph = FactorGraph::new(&[2; 3])?;
    for pair in [[0, 1], [1, 2], [2, 0]] {
        graph.add(&pair, &[-1.0, 1.0, 1.0, -1.0])?; // ln of the weight at 00, 01, 10, 11
    }
    let exact = (2.0 * (-3f64).exp() + 6.0 * 1f64.exp()).ln();
    let elimination = graph.eliminate()?;
    assert!((elimination.ln_z() - exact).abs() < 1e-12);
    let [equal, _, _, _] = elimination.marginal(&[0, 1])?[..] else { unreachable!() };
    assert!((equal - (-3f64 - exact).exp() - (1f64 - exact).exp()).abs() < 1e-12);
    // ANCHOR_END: elimination
    Ok(())
}
