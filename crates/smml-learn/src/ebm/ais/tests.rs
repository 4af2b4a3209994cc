use super::super::{likelihood::ln_z_exact, rbm::tests::random};
use super::*;
use smml_core::simd::{Path, with_path};

fn plan(n_runs: usize, n_gibbs: usize) -> SandwichPlan<'static> {
    SandwichPlan { n_runs, n_gibbs, data: None }
}

fn path(n_rungs: usize, n: usize) -> BaseRatePath {
    BaseRatePath::new((0..n).map(|i| 0.3 * (i % 3) as f64 - 0.2).collect(), n_rungs).unwrap()
}

#[test]
fn independent_units_are_exact_with_one_step() {
    // W = 0 and the base equal to a: every weight is Π (1 + e^b) / 2, whatever the states.
    let rbm = Rbm::new(vec![0.5, -1.0, 0.25], vec![1.0, -2.0], vec![0.0; 6]).unwrap();
    let path = BaseRatePath::new(vec![0.5, -1.0, 0.25], 2).unwrap();
    let run = forward(&rbm, 1.0, &path, 50, &Streams::new(1), Par::Serial).unwrap();
    let exact = ln_z_exact(&rbm, 1.0, Par::Serial).unwrap();
    let got = run.ln_z().unwrap();
    assert!((got.value - exact).abs() < 1e-12 && got.std_error < 1e-12);
}

#[test]
fn forward_and_backward_agree_with_enumeration_and_their_errors_cover() {
    let rbm = random(20, 17, 0.4, 3);
    for (beta, seed) in [(1.0, 0), (0.6, 1)] {
        let exact = ln_z_exact(&rbm, beta, Par::Rayon).unwrap();
        let (mut squares, mut inside) = (0.0, 0);
        let n = 100;
        for k in 0..n {
            let streams = Streams::new(seed).child("run", k);
            let run = forward(&rbm, beta, &path(61, 20), 64, &streams, Par::Serial).unwrap();
            let z = run.ln_z().unwrap().z(exact);
            squares += z * z;
            inside += u32::from(z.abs() < 1.0);
            // The forward run's weights are nearly equal here, so its ends are close to samples of the machine.
            let ends = BinaryData::from_rows(run.states()).unwrap();
            let back = backward(&rbm, beta, &path(61, 20), &ends, &streams, Par::Serial).unwrap();
            let z = back.ln_z().unwrap().z(exact);
            assert!(z.abs() < 6.0, "backward z = {z}");
        }
        // <z²> = 1 ± √(2/n) = 0.14 for normal z; skewed weights add a little: gate at 5 sigma. 68 ± 5 inside.
        assert!((squares / n as f64 - 1.0).abs() < 0.8, "<z²> = {}", squares / n as f64);
        assert!((45..=92).contains(&inside), "{inside} of {n} within one error");
    }
}

#[test]
fn the_bounds_are_on_their_sides() {
    // Few rungs, so that each bound is many errors away from the exact value, and exact samples by long Gibbs runs.
    let rbm = random(20, 17, 0.5, 4);
    let exact = ln_z_exact(&rbm, 1.0, Par::Rayon).unwrap();
    let sandwich =
        Sandwich::run(&rbm, 1.0, &path(6, 20), &plan(400, 1000), &Streams::new(2), Par::Rayon).unwrap();
    let (lower, upper) = (sandwich.lower().unwrap(), sandwich.upper().unwrap());
    assert!(lower.z(exact) < -10.0 && upper.z(exact) > 10.0, "{lower} {exact} {upper}");
    // Both together know better.
    let both =
        Sandwich::run(&rbm, 1.0, &path(61, 20), &plan(400, 1000), &Streams::new(3), Par::Rayon).unwrap();
    let ln_z = both.ln_z().unwrap();
    assert!(ln_z.z(exact).abs() < 5.0 && ln_z.std_error < 0.05, "{ln_z} {exact}");
}

/// The two sets of weights are independent when the starts of the backward runs are samples of the machine: then
/// Bennett's ratio is unbiased and its error covers.
#[test]
fn errors_of_both_directions_joined_cover() {
    // 12 + 9 units with ⟨ln w⟩ half a nat and more from ln Z on either side: exp(ln w) alone would be skewed.
    let rbm = random(12, 9, 0.9, 6);
    for (beta, seed) in [(1.0, 0), (0.7, 1)] {
        let exact = ln_z_exact(&rbm, beta, Par::Rayon).unwrap();
        let n = 400;
        let (mut z, mut gaps) = (Vec::new(), 0.0);
        for k in 0..n {
            let streams = Streams::new(seed).child("cover", k);
            let both = Sandwich::run(&rbm, beta, &path(9, 12), &plan(96, 200), &streams, Par::Rayon).unwrap();
            z.push(both.ln_z().unwrap().z(exact));
            gaps += (both.upper().unwrap().value - both.lower().unwrap().value) / n as f64;
        }
        assert!(gaps > 0.5, "too easy: {gaps}");
        // Gates at 5 sigma: 1/20 for the mean, √(2/400) = 0.07 for <z²>, 0.0233 for the fraction.
        let mean = z.iter().sum::<f64>() / n as f64;
        let squares = z.iter().map(|z| z * z).sum::<f64>() / n as f64;
        let inside = z.iter().filter(|z| z.abs() < 1.0).count() as f64 / n as f64;
        assert!(mean.abs() < 0.25, "beta {beta}: <z> = {mean}");
        assert!((squares - 1.0).abs() < 0.36, "beta {beta}: <z²> = {squares}");
        assert!((inside - 0.683).abs() < 0.117, "beta {beta}: {inside} within one error");
    }
}

#[test]
fn a_run_in_pieces_is_the_run() {
    let (rbm, path, streams) = (random(37, 70, 0.2, 5), path(12, 37), Streams::new(4));
    let data = BinaryData::new(37, [1, 0, 0].repeat(37)).unwrap();
    let plan = SandwichPlan { data: Some(&data), ..plan(70, 5) };
    let whole = Sandwich::run(&rbm, 0.9, &path, &plan, &streams, Par::Serial).unwrap();
    let mut run = SandwichRun::new(&rbm, 0.9, &path, &plan, &streams).unwrap();
    let mut k = 0;
    while !run.is_done() {
        run.advance(1 + k % 4, Par::Rayon);
        let bytes = smml_core::store::encode(run.state(), 1).unwrap();
        let state: SandwichState = smml_core::store::decode(&bytes, 1).unwrap();
        assert!(state == *run.state() && run.step_number() <= run.n_steps());
        run = SandwichRun::resume(state, &rbm, 0.9, &path, &plan, &streams).unwrap();
        k += 1;
    }
    assert_eq!(run.step_number(), 11 + 5 + 11);
    let pieces = run.clone().finish(Par::Serial).unwrap();
    assert_eq!(pieces.forward.ln_weights(), whole.forward.ln_weights());
    assert_eq!(pieces.forward.states(), whole.forward.states());
    assert_eq!(pieces.backward.ln_weights(), whole.backward.ln_weights());
    assert_eq!((pieces.samples, pieces.n_from_data), (whole.samples, 35));
    // A state that no such run can be in.
    let again = |s: &SandwichState, n_runs| {
        SandwichRun::resume(s.clone(), &rbm, 0.9, &path, &SandwichPlan { n_runs, ..plan }, &streams)
    };
    let good = run.state().clone();
    assert!(again(&good, 70).is_ok() && again(&good, 69).is_err());
    for damage in [
        |s: &mut SandwichState| s.done = 28,
        |s: &mut SandwichState| s.done = 12,
        |s: &mut SandwichState| s.samples = None,
        |s: &mut SandwichState| s.forward = None,
        |s: &mut SandwichState| s.now.ln_weights[3] = f64::NAN,
        |s: &mut SandwichState| s.now.rows = BinaryData::new(36, vec![0; 36 * 70]).unwrap(),
    ] {
        let mut bad = good.clone();
        damage(&mut bad);
        assert!(again(&bad, 70).is_err());
    }
}

/// Two valleys that no Gibbs step crosses: forward runs find the wide one, which has half the weight of the other.
#[test]
fn halves_that_contradict_each_other_are_not_joined() {
    // v all on is favoured by one strong hidden unit; v near zero is where annealing from the base model ends.
    let n = 24;
    let mut weights = vec![0.0; n * 2];
    weights.iter_mut().step_by(2).for_each(|w| *w = 12.0);
    let rbm = Rbm::new(vec![-6.0; n], vec![-12.0 * 12.0 + 1.0, 0.0], weights).unwrap();
    let exact = ln_z_exact(&rbm, 1.0, Par::Serial).unwrap();
    let path = BaseRatePath::new(vec![-6.0; n], 400).unwrap();
    let on = BinaryData::new(n, vec![1; n]).unwrap();
    let run = |data| {
        let plan = SandwichPlan { n_runs: 100, n_gibbs: 200, data };
        Sandwich::run(&rbm, 1.0, &path, &plan, &Streams::new(5), Par::Serial).unwrap()
    };
    let blind = run(None);
    // Both directions agree, and are wrong together.
    assert!(blind.ln_z().unwrap().z(exact) < -20.0 && blind.upper().unwrap().value < exact - 0.5);
    let seeing = run(Some(&on));
    let refused = seeing.ln_z().unwrap_err().to_string();
    assert!(refused.contains("do not mix"), "{refused}");
    assert!(seeing.lower().unwrap().value < exact && seeing.upper().unwrap().value > exact - 1e-9);
    // Where Gibbs steps do mix, the halves agree.
    let easy = random(20, 17, 0.4, 3);
    let exact = ln_z_exact(&easy, 1.0, Par::Serial).unwrap();
    let zeros = BinaryData::new(20, vec![0; 20]).unwrap();
    let plan = SandwichPlan { data: Some(&zeros), ..plan(200, 500) };
    let path = BaseRatePath::new(vec![0.0; 20], 61).unwrap();
    let both = Sandwich::run(&easy, 1.0, &path, &plan, &Streams::new(6), Par::Serial).unwrap();
    assert!(both.ln_z().unwrap().z(exact).abs() < 5.0 && both.n_from_data == 100);
}

#[test]
fn same_bits_for_any_threads_and_path() {
    let rbm = random(37, 70, 0.2, 5);
    let go = |par| {
        let s = Sandwich::run(&rbm, 1.0, &path(20, 37), &plan(70, 5), &Streams::new(4), par).unwrap();
        (s.forward.ln_weights().to_vec(), s.backward.ln_weights().to_vec(), s.samples)
    };
    let expected = go(Par::Serial);
    for path in Path::available() {
        assert_eq!(with_path(path, || go(Par::Serial)), expected);
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(pool.install(|| go(Par::Rayon)), expected);
}

#[test]
fn bad_arguments_are_refused() {
    let rbm = random(3, 2, 1.0, 1);
    let go = |p: &BaseRatePath, n| forward(&rbm, 1.0, p, n, &Streams::new(1), Par::Serial);
    assert!(go(&path(6, 3), 1).is_err() && go(&path(6, 4), 10).is_err());
    assert!(BaseRatePath::new(vec![0.0; 3], 1).is_err());
    assert!(BaseRatePath::new(vec![f64::NAN; 3], 5).is_err());
    assert!(go(&path(6, 3), 5).unwrap().ln_z().unwrap_err().to_string().contains("too short"));
}
