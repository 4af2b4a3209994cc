use super::*;
use smml_core::{energy::Energy, optimize::Stop, parallel::Par, testing::gradient_error};
use std::ops::ControlFlow;

fn go(_: &smml_core::optimize::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn slopes_are_those_of_the_pseudo_likelihood() {
    let truth = random(Alphabet::Dna, 5, 0.8, 1);
    let rows = truth.sample(30, 10, "", &Streams::new(1), Par::Serial).unwrap();
    let mut rng = Streams::new(2).stream("weights", 0);
    let weights: Vec<f64> = (0..30).map(|_| rng.uniform()).collect();
    for lambda in [0.0, 0.3] {
        let f = PseudoLikelihood::new(&rows, &weights, lambda, 2.0 * lambda, Par::Rayon).unwrap();
        let x: Vec<f64> = (0..f.n_parameters()).map(|_| 0.5 * rng.normal()).collect();
        assert!(gradient_error(&f, &x) < 1e-7);
        // Written out: every site given the others.
        let machine = f.machine(&x).unwrap();
        let sum: f64 = weights.iter().sum();
        let mut value = 0.0;
        for (row, w) in rows.rows().zip(&weights) {
            for i in 0..5 {
                let energies = (0..5u8).map(|a| {
                    let mut s = row.to_vec();
                    s[i] = a;
                    (-machine.energy(&s)).exp()
                });
                value -= w / sum * ((-machine.energy(&row.to_vec())).exp() / energies.sum::<f64>()).ln();
            }
        }
        let (h, j) = x.split_at(25);
        let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
        value += lambda * squares(h) + 2.0 * lambda * squares(j);
        assert!((f.energy(&x) - value).abs() < 1e-11);
        if lambda == 0.0 {
            let each =
                rows.rows().zip(&weights).map(|(r, w)| w / sum * machine.pseudo_log_likelihood(r).unwrap());
            assert!((value + each.sum::<f64>()).abs() < 1e-11);
            assert!(machine.pseudo_log_likelihood(&[0; 4]).is_err());
        }
    }
}

#[test]
fn all_sequences_with_their_probabilities_give_the_model_back() {
    // Pseudo-likelihood is consistent: with exact weights of all 625 sequences the minimum is the model itself.
    let truth = random(Alphabet::Dna, 4, 0.6, 3);
    let (all, p) = enumerated(&truth);
    let f = PseudoLikelihood::new(&all, &p, 1e-12, 1e-12, Par::Rayon).unwrap();
    let fit = f.fit(None, &Stop { gradient: 1e-11, ..Stop::default() }, go).unwrap();
    let (found, want) = (fit.machine.zero_sum(), truth.zero_sum());
    let worst = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst(&found.couplings(), &want.couplings()) < 1e-5, "{:?}", fit.outcome.reason);
    assert!(worst(found.fields(), want.fields()) < 1e-5);
}

#[test]
fn couplings_and_contacts_of_a_family_are_recovered() {
    let streams = Streams::new(4);
    let fold = FoldedChain::new([3, 3, 1], &mut streams.stream("fold", 0)).unwrap();
    let family =
        LatticeFamily::new(fold, Alphabet::Dna, [0.3, 1.0], -1.0, &mut streams.stream("family", 0)).unwrap();
    let members = family.machine().sample(4000, 60, "", &streams, Par::Rayon).unwrap();
    let f = PseudoLikelihood::new(&members, &vec![1.0; 4000], 1e-3, 1e-3, Par::Rayon).unwrap();
    let stop = Stop { gradient: 1e-5, ..Stop::default() };
    let fit = f.fit(None, &stop, go).unwrap();
    let (found, want) = (fit.machine.zero_sum(), family.machine().zero_sum());
    let r = correlation(&found.couplings(), &want.couplings());
    assert!(r > 0.85, "{r}");
    let contacts = family.fold().contacts();
    let all: Vec<(usize, usize)> = (0..9).flat_map(|i| (i + 1..9).map(move |j| (i, j))).collect();
    let estimate = coupling_correlation(&fit.machine, family.machine(), &all).unwrap();
    // Gaps are left out here, and the jackknife takes the bias off.
    assert!(
        (estimate.value - r).abs() < 0.1 && estimate.std_error > 0.0 && estimate.std_error < 0.1,
        "{estimate}"
    );
    assert_eq!(coupling_correlation(&want, family.machine(), &all).unwrap().value, 1.0);
    assert!(coupling_correlation(&fit.machine, family.machine(), &all[..9]).is_err());
    assert!(coupling_correlation(&fit.machine, &random(Alphabet::Dna, 8, 1.0, 1), &all).is_err());
    let scores = ContactScores::of(&fit.machine);
    let precision = scores.precision(contacts, contacts.len(), 1).unwrap();
    assert_eq!(precision.value, 1.0, "{contacts:?} {:?}", scores.ranked(1));
    assert_eq!(scores.score(2, 5), scores.score(5, 2));
    assert!(scores.ranked(2).iter().all(|(i, j, _)| j - i >= 2));
    assert_eq!(scores.ranked(1).len(), 36);
    // The same bits for any number of threads.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| f.fit(None, &stop, go)).unwrap(), fit);
}

#[test]
fn scores_are_corrected_norms() {
    let machine = random(Alphabet::Dna, 5, 1.0, 5);
    let scores = ContactScores::of(&machine);
    let zero = machine.zero_sum();
    let norm = |i: usize, j: usize| {
        let mut sum = 0.0;
        for a in 0..4u8 {
            for b in 0..4u8 {
                sum += zero.coupling((i, a), (j, b)).powi(2);
            }
        }
        sum.sqrt()
    };
    let mean = |i: usize| (0..5).filter(|j| *j != i).map(|j| norm(i, j)).sum::<f64>() / 4.0;
    let all = (0..5).map(mean).sum::<f64>() / 5.0;
    for (i, j) in [(0, 1), (3, 1), (2, 4)] {
        assert!((scores.norm(i, j) - norm(i, j)).abs() < 1e-12);
        assert!((scores.score(i, j) - (norm(i, j) - mean(i) * mean(j) / all)).abs() < 1e-12);
    }
    let flat = PottsMachine::new(Alphabet::Dna, 5, vec![0.3; 25], &[0.7; 250]).unwrap();
    assert!(ContactScores::of(&flat).ranked(1).iter().all(|p| p.2.abs() < 1e-12));
    assert!(scores.precision(&[], 0, 1).is_err() && scores.precision(&[], 3, 9).is_err());
    let hits = scores.precision(&[(1, 0), (2, 1)], 10, 1).unwrap();
    assert_eq!(hits.value, 0.2);
}

#[test]
fn refinement_brings_the_means_of_the_model_to_those_of_the_family() {
    // From a model without couplings, so that all of them must be learned from the chains.
    let truth = random(Alphabet::Dna, 4, 0.5, 6);
    let (all, p) = enumerated(&truth);
    let family = all.frequencies(&p, 0.0, Par::Serial).unwrap();
    let start = PottsMachine::profile(Alphabet::Dna, 4, &family.single).unwrap();
    let settings = Refinement {
        n_chains: 2000,
        sweeps: 2,
        learning_rate: 2.0,
        n_steps: 300,
        lambda_fields: 0.0,
        lambda_couplings: 0.0,
    };
    let streams = Streams::new(7);
    let mut state = settings.start(&start, &all, &streams).unwrap();
    let mut saved = None;
    while let Some(step) = state.step(&settings, &family, &streams, Par::Rayon).unwrap() {
        assert!(step.largest_single < 0.5 && step.rms_pairs < 0.2);
        if state.step_number() == 200 {
            saved = Some(serde_json::to_string(&state).unwrap());
        }
    }
    let exact = |m: &PottsMachine| {
        let (all, p) = enumerated(m);
        all.frequencies(&p, 0.0, Par::Serial).unwrap().pairs
    };
    let off = |m: &PottsMachine| {
        exact(m).iter().zip(&family.pairs).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    };
    let (before, after) = (off(&start), off(state.machine()));
    assert!(after < 0.1 * before, "{before} {after}");
    let r = correlation(&state.machine().zero_sum().couplings(), &truth.zero_sum().couplings());
    assert!(r > 0.97, "{r}");
    // From what was saved on the way, on one thread: the same bits.
    let mut again: RefinementState = serde_json::from_str(&saved.unwrap()).unwrap();
    while again.step(&settings, &family, &streams, Par::Serial).unwrap().is_some() {}
    assert_eq!(again, state);
    // With a penalty the fixed point is where f - p = 2 λ x.
    let penalised = Refinement { lambda_fields: 0.02, lambda_couplings: 0.05, ..settings };
    let mut state = penalised.start(&start, &all, &streams).unwrap();
    while state.step(&penalised, &family, &streams, Par::Rayon).unwrap().is_some() {}
    let machine = state.machine();
    let (rows, p) = enumerated(machine);
    let means = rows.frequencies(&p, 0.0, Par::Serial).unwrap();
    for (f, p, x, lambda) in [
        (&family.single, &means.single, machine.fields(), 0.02),
        (&family.pairs, &means.pairs, &machine.couplings()[..], 0.05),
    ] {
        let pull: Vec<f64> = x.iter().map(|x| 2.0 * lambda * x).collect();
        let force: Vec<f64> = f.iter().zip(p).map(|(f, p)| f - p).collect();
        let left = force.iter().zip(&pull).map(|(f, p)| (f - p).abs()).fold(0.0, f64::max);
        assert!(left < 0.01 && pull.iter().any(|p| p.abs() > 0.02), "{left}");
    }
    let bad = Refinement { learning_rate: 1e308, ..settings };
    let mut state = bad.start(&start, &all, &streams).unwrap();
    let mut ended = Ok(None);
    for _ in 0..20 {
        ended = state.step(&bad, &family, &streams, Par::Serial);
        if ended.is_err() {
            break;
        }
    }
    assert!(ended.unwrap_err().to_string().contains("lower the learning rate"));
    for bad in [
        Refinement { n_chains: 0, ..settings },
        Refinement { sweeps: 0, ..settings },
        Refinement { learning_rate: 0.0, ..settings },
        Refinement { lambda_couplings: -1.0, ..settings },
    ] {
        assert!(bad.start(&start, &all, &streams).is_err());
    }
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let (all, p) = enumerated(&random(Alphabet::Dna, 2, 0.5, 8));
    assert!(PseudoLikelihood::new(&all, &p, -1.0, 0.0, Par::Serial).is_err());
    assert!(PseudoLikelihood::new(&all, &p, 0.0, f64::NAN, Par::Serial).is_err());
    assert!(PseudoLikelihood::new(&all, &p[1..], 0.0, 0.0, Par::Serial).is_err());
    let f = PseudoLikelihood::new(&all, &p, 0.1, 0.1, Par::Serial).unwrap();
    assert_eq!(f.n_parameters(), 35);
    assert!(f.fit(Some(&[0.0; 34]), &Stop::default(), go).is_err());
    assert!(f.energy(&vec![0.0; 34]).is_nan() && f.machine(&[0.0; 3]).is_err());
}
