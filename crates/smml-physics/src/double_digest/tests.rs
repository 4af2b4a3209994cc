use super::*;
use proptest::prelude::*;
use smml_core::{
    energy::{Energy, Finite, LocalEnergy, Reference, ln_z_exact, mean_exact},
    error::Error,
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Draw, Streams},
    sample::Metropolis,
    schedule::Schedule,
    testing::{delta_error, law},
};

#[test]
fn enumeration_gives_the_counts_of_the_four_instances() {
    // Counts and the next lowest energies: exhaustion by another program (itertools in Python).
    for instance in instances::ALL {
        let found = enumerate(&instance.problem().unwrap()).unwrap();
        assert_eq!(found.energy, 0.0, "{}", instance.name);
        assert_eq!((found.n_orderings, found.n_optima), (instance.n_orderings, instance.n_optima));
        assert_eq!(found.orderings.len(), instance.n_optima);
        if instance.name != "phage-lambda" {
            assert_eq!(found.next, Some(1.0), "{}", instance.name);
        }
    }
    let lambda = enumerate(&instances::PHAGE_LAMBDA.problem().unwrap()).unwrap();
    assert!((lambda.next.unwrap() - 20.559_161_001_963).abs() < 1e-11);
    assert_eq!(lambda.n_up_to_mirror, 1);
    assert_eq!(lambda.orderings[0], lambda.orderings[1].mirrored());
    // The restriction map: cuts from the left end.
    let problem = instances::PHAGE_LAMBDA.problem().unwrap();
    let is_map = |o: &Ordering| {
        let state = problem.at(&o.a, &o.b).unwrap();
        state.cuts_a() == [5505.0, 22346.0, 27972.0, 34499.0, 41732.0]
            && state.cuts_b() == [21226.0, 26104.0, 31747.0, 39168.0, 44972.0]
    };
    assert!(lambda.orderings.iter().any(is_map));
}

#[test]
fn annealing_finds_all_optima_of_the_four_instances() {
    for instance in instances::ALL {
        let problem = instance.problem().unwrap();
        let streams = Streams::new(1);
        let search = Search::for_model(&problem, 400, &streams).unwrap();
        let found = search.run(&problem, 50, &streams, Par::Rayon).unwrap();
        let exact = enumerate(&problem).unwrap();
        assert_eq!(found.energy, 0.0, "{}", instance.name);
        let sorted = |all: &[Ordering]| {
            let mut text: Vec<String> = all.iter().map(|o| format!("{o:?}")).collect();
            text.sort();
            text
        };
        assert_eq!(sorted(&found.orderings), sorted(&exact.orderings), "{}", instance.name);
        assert_eq!(found.up_to_mirror.len(), exact.n_up_to_mirror, "{}", instance.name);
        assert!(found.success.value > 0.3, "{}: {}", instance.name, found.success);
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let problem = instances::PHAGE_LAMBDA.problem().unwrap();
    let search = Search::new(Schedule::geometric(3000.0, 3.0).unwrap(), 20).unwrap();
    let one = search.run(&problem, 7, &Streams::new(3), Par::Serial).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let three = pool.install(|| search.run(&problem, 7, &Streams::new(3), Par::Rayon)).unwrap();
    assert_eq!(one, three);
    assert_eq!(one.n_moves, 7 * 20 * 12);
}

/// A wrong copy of Metropolis: it samples the state only after moves that were accepted.
#[derive(Clone)]
struct Impatient;
impl Kernel<DoubleDigest> for Impatient {
    fn step<R: Draw>(&mut self, model: &DoubleDigest, state: &mut Maps, beta: f64, rng: &mut R) -> Step {
        for _ in 0..2 {
            let change = model.propose(state, rng);
            if rng.accept(beta * model.delta(state, &change)) {
                model.apply(state, &change);
                break;
            }
        }
        Step { proposed: 1, accepted: 1 }
    }
}

#[test]
fn states_moves_and_kernels_obey_the_laws() {
    for instance in [instances::SMALL, instances::FOUR_BY_FOUR, instances::REPEATED] {
        let problem = instance.problem().unwrap();
        assert_eq!(problem.n_states(), Some(instance.n_orderings));
        assert!((problem.ln_z_reference() - (instance.n_orderings as f64).ln()).abs() < 1e-12);
        for index in 0..instance.n_orderings {
            assert_eq!(problem.index(&problem.state(index)), index);
        }
        for beta in [0.0, 0.7, 3.0] {
            assert!(law(&problem, &Metropolis::new(1).unwrap(), beta).holds_reversibly());
        }
        assert!(law(&problem, &Impatient, 0.7).stationary > 1e-4);
    }
    let lambda = instances::PHAGE_LAMBDA.problem().unwrap();
    let mut rng = Streams::new(1).stream("digest", 0);
    assert_eq!(delta_error(&lambda, lambda.draw(&mut rng), 2000, &mut rng), 0.0);
    let mut seen = [0u32; 12];
    let small = instances::SMALL.problem().unwrap();
    for _ in 0..12_000 {
        seen[small.index(&small.draw(&mut rng))] += 1;
    }
    // 11 degrees of freedom: P(chi² > 58) = 2e-8
    let chi2: f64 = seen.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
    assert!(chi2 < 58.0, "{chi2}");
}

#[test]
fn the_zero_temperature_limit_is_uniform_on_the_optima() {
    // Eqs (60) and (61): P -> 1/g on each of the g optima, 0 elsewhere; g from the published counts.
    for instance in [instances::SMALL, instances::FOUR_BY_FOUR, instances::REPEATED] {
        let problem = instance.problem().unwrap();
        let g = instance.n_optima as f64;
        assert!((ln_z_exact(&problem, 200.0).unwrap() - g.ln()).abs() < 1e-12);
        let excited = mean_exact(&problem, 200.0, |s| f64::from(s.energy > 0.0)).unwrap();
        assert!(excited < 1e-12);
    }
}

#[test]
fn sums_that_do_not_close_are_refused_or_stretched() {
    let refused = |a: &[f64], b: &[f64], c: &[f64], tolerance: f64| {
        DoubleDigest::with_sums(a, b, c, Sums::Stretched(tolerance)).unwrap_err().to_string()
    };
    let text = refused(&[1.0, 2.0, 3.5], &[2.0, 4.0], &[1.0, 1.0, 2.0, 2.0], 0.0);
    assert!(text.starts_with("sum of the fragments of A = 6.5 is not allowed"), "{text}");
    assert!(refused(&[6.0], &[6.0], &[3.0, 3.0], 0.0).contains("number of fragments of C = 2"));
    assert!(refused(&[], &[6.0], &[6.0], 0.0).contains("number of fragments of A = 0"));
    assert!(refused(&[6.0], &[6.0, -1.0], &[6.0], 0.0).contains("fragment 2 of B = -1"));
    assert!(refused(&[6.0], &[f64::NAN], &[6.0], 0.0).contains("fragment 1 of B = NaN"));
    assert!(refused(&[6.0], &[6.0], &[6.0], -1.0).contains("tolerance"));
    assert!(refused(&[1e308, 1e308], &[6.0], &[1e308, 1e308], 0.0).contains("sum of the fragments of C"));
    // Lists that are each in their own unit: the map of A is stretched by 2, that of B by 1/2.
    let stretched =
        DoubleDigest::with_sums(&[0.5, 1.0, 1.5], &[4.0, 8.0], &[1.0, 1.0, 2.0, 2.0], Sums::Stretched(1.0))
            .unwrap();
    let plain = instances::SMALL.problem().unwrap();
    for k in 0..12 {
        assert_eq!(stretched.energy(&stretched.state(k)), plain.energy(&plain.state(k)));
    }
    assert_eq!(stretched.ordering(&stretched.state(0)).b, [4.0, 8.0]);
    // From the left, B runs on to 6 or beyond it: cuts at 1, 3 and at 1; at 3, 5 and at 9, which is the end.
    let left = |b: &[f64]| {
        DoubleDigest::with_sums(&[1.0, 2.0, 3.0], b, &[1.0, 1.0, 2.0, 2.0], Sums::FromLeft(2.0)).unwrap()
    };
    let (short, long) = (left(&[1.0, 3.0]), left(&[2.0, 9.0]));
    let fragments = |m: &DoubleDigest, a: &[f64], b: &[f64]| m.double_fragments(&m.at(a, b).unwrap());
    assert_eq!(fragments(&short, &[1.0, 2.0, 3.0], &[1.0, 3.0]), [0.0, 1.0, 2.0, 3.0]);
    assert_eq!(fragments(&long, &[3.0, 2.0, 1.0], &[9.0, 2.0]), [0.0, 1.0, 2.0, 3.0]);
    // One fragment each: nothing to move.
    let one = DoubleDigest::new(&[6.0], &[6.0], &[6.0]).unwrap();
    let found = Search::for_model(&one, 2, &Streams::new(1)).unwrap();
    let found = found.run(&one, 2, &Streams::new(1), Par::Serial).unwrap();
    assert_eq!((found.energy, found.orderings.len(), found.up_to_mirror.len()), (0.0, 1, 1));
    assert!(Search::new(Schedule::linear(1.0, 0.0).unwrap(), 1).is_err());
    assert!(Search::for_model(&one, 0, &Streams::new(1)).is_err());
}

#[test]
fn cuts_that_coincide_make_c_shorter() {
    // A cuts at 2 and 5, B at 2 and 7, of 10: fragments 2, 3, 2, 3, and one of length 0 that nobody sees.
    let problem = DoubleDigest::new(&[2.0, 3.0, 5.0], &[2.0, 5.0, 3.0], &[2.0, 3.0, 2.0, 3.0]).unwrap();
    let state = problem.at(&[2.0, 3.0, 5.0], &[2.0, 5.0, 3.0]).unwrap();
    assert_eq!(problem.double_fragments(&state), [0.0, 2.0, 2.0, 3.0, 3.0]);
    assert_eq!(problem.energy(&state), 0.0);
    // Cuts at 3, 5 and at 2, 7: 2, 1, 2, 2, 3, hence 1²/2 for the one too many, 0 + 0 + 1²/3 + 0 for the others.
    let other = problem.at(&[3.0, 2.0, 5.0], &[2.0, 5.0, 3.0]).unwrap();
    assert!((problem.energy(&other) - (0.5 + 1.0 / 3.0)).abs() < 1e-15);
    assert!(problem.at(&[3.0, 3.0, 5.0], &[2.0, 5.0, 3.0]).is_err());
    assert!(problem.at(&[3.0, 2.0], &[2.0, 5.0, 3.0]).is_err());
}

#[test]
fn files_are_read_or_refused_with_their_line() {
    let lambda = "# lambda, base pairs\nA: 5505 16841 5626 6527 7233 6_770\nB = [21226, 4878, 5643, # EcoRI\n  \
                  7421, 5804, 3530]\n\nC: 5505 15721 1120 3758 1868 3775\n 2752,4669,2564,3240,3530\n";
    assert_eq!(from_text(lambda, "l.txt".as_ref()).unwrap(), instances::PHAGE_LAMBDA.problem().unwrap());
    let stretched = "stretch = 0.1\na: 1 2 3.1\nb: 2 4\nc: 1 1 2 2\n";
    assert_eq!(from_text(stretched, "s.txt".as_ref()).unwrap().total(), 6.0);
    for (text, expected) in [
        ("A: 1 2 3\nB: 2 4\n", "line 2: the file ends here, expected the list `C:`"),
        ("", "line 1: the file ends here, expected the list `A:`"),
        ("A: 1 2\nA: 3\n", "line 2: A was given before, in line 1"),
        ("1 2 3\n", "line 1: `1` stands before any key"),
        ("A: 1 -2\n", "line 1: fragment `-2` of A: must be a finite number greater than 0"),
        ("A: 1 1e999\n", "line 1: fragment `1e999` of A"),
        ("A: 1\nD: 2\n", "line 2: key `D`: must be one of A, B, C, stretch, from-left"),
        ("A: [1, 2\nB: 2", "line 2: `B` begins inside the bracket of line 1"),
        ("A: [1, 2\n", "line 1: the file ends inside the bracket of line 1"),
        ("A: [1] 2\n", "line 1: stray `2` in the list of A"),
        ("A: 1 [2]\n", "line 1: stray `[` in the list of A"),
        ("A: 1]\n", "line 1: stray `]` in the list of A"),
        ("A:\nB: 1\nC: 1\n", "line 1: A has no numbers"),
        ("stretch: -1\n", "line 1: stretch `-1`: must be finite and not negative"),
        ("stretch: 0.1 0.2\nA: 1\nB: 1\nC: 1\n", "line 1: stretch has 2 numbers"),
        ("stretch: 0\nfrom-left: 0\nA: 1\nB: 1\nC: 1\n", "line 5: stretch and from-left exclude one another"),
        ("A: 1 2\nB: 3\nC: 1 3\n", "line 3: sum of the fragments of A = 3 is not allowed"),
    ] {
        let error = from_text(text, "f.txt".as_ref()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }));
        assert!(error.to_string().contains(expected), "{text:?}: {error}");
    }
    assert!(matches!(read("/no/such/file".as_ref()), Err(Error::Io { .. })));
}

#[test]
fn models_survive_a_file_and_broken_ones_do_not() {
    let problem = instances::FOUR_BY_FOUR.problem().unwrap();
    let text = serde_json::to_string(&problem).unwrap();
    assert_eq!(serde_json::from_str::<DoubleDigest>(&text).unwrap(), problem);
    let broken = r#"{"a":[1.0],"b":[2.0],"c":[1.0],"sums":"equal"}"#;
    assert!(serde_json::from_str::<DoubleDigest>(broken).is_err());
    let search = Search::new(Schedule::geometric(2.0, 1.0).unwrap(), 3).unwrap();
    let text = serde_json::to_string(&search).unwrap();
    assert_eq!(serde_json::from_str::<Search>(&text).unwrap(), search);
    assert!(serde_json::from_str::<Search>(&text.replace('3', "0")).is_err());
}

/// Fragment lengths of two enzymes at random sites of a piece of length `total`, with those of both.
fn cut(total: u32, sites_a: &[u32], sites_b: &[u32]) -> [Vec<f64>; 3] {
    let fragments = |sites: Vec<u32>| -> Vec<f64> {
        let mut ends = sites;
        ends.extend([0, total]);
        ends.sort_unstable();
        ends.windows(2).filter(|w| w[0] < w[1]).map(|w| f64::from(w[1] - w[0])).collect()
    };
    [fragments(sites_a.to_vec()), fragments(sites_b.to_vec()), fragments([sites_a, sites_b].concat())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn true_maps_and_their_mirror_images_have_no_energy(
        a in proptest::collection::vec(1u32..1000, 0..40),
        b in proptest::collection::vec(1u32..1000, 0..40),
        seed: u64,
    ) {
        let [a, b, c] = cut(1000, &a, &b);
        let problem = DoubleDigest::new(&a, &b, &c).unwrap();
        let map = Ordering { a, b };
        let state = problem.at(&map.a, &map.b).unwrap();
        prop_assert_eq!(problem.energy(&state), 0.0);
        let mirrored = map.mirrored();
        prop_assert_eq!(problem.energy(&problem.at(&mirrored.a, &mirrored.b).unwrap()), 0.0);
        let mut rng = Streams::new(seed).stream("walk", 0);
        prop_assert_eq!(delta_error(&problem, state, 50, &mut rng), 0.0);
        let mut state = problem.draw(&mut rng);
        prop_assert!(problem.energy(&state) >= 0.0);
        // Every move undoes itself.
        let before = problem.ordering(&state);
        let change = problem.propose(&state, &mut rng);
        problem.apply(&mut state, &change);
        problem.apply(&mut state, &change);
        prop_assert_eq!(problem.ordering(&state), before);
        // The fragments of both enzymes fill the map.
        let sum: f64 = problem.double_fragments(&state).iter().sum();
        prop_assert!((sum - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "([ABCd:=\\[\\], 0-9.#\n-]|stretch){0,60}") {
        let _ = from_text(&text, "t".as_ref());
    }
}
