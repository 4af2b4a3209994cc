use super::{super::*, *};
use crate::{
    energy::{ln_z_exact, states},
    estimate::Source,
    parallel::Par,
    schedule::Schedule,
};

fn line(beta: f64) -> Schedule {
    Schedule::linear(0.0, beta).unwrap()
}

/// Exact samples of a small model.
fn exact_samples<E: Finite>(model: &E, beta: f64, n: usize, rng: &mut Stream) -> Vec<E::State> {
    let weights: Vec<f64> =
        states(model).unwrap().map(|i| (-beta * model.energy(&model.state(i))).exp()).collect();
    (0..n).map(|_| model.state(rng.choose(&weights))).collect()
}

#[test]
fn error_bars_cover_forwards_and_backwards() {
    let (model, beta) = (Ising { l: 3, field: 0.2 }, 0.3);
    let expected = ln_z_exact(&model, beta).unwrap();
    let (mut forward, mut backward, mut mean, mut low, mut high) = (vec![], vec![], vec![], vec![], vec![]);
    let exact_energy = crate::energy::mean_exact(&model, beta, |s| model.energy(s)).unwrap();
    for i in 0..500 {
        let streams = Streams::new(1000 + i);
        let there = ais(&model, &Glauber(9), &line(beta), 12, 200, &streams, Par::Serial).unwrap();
        forward.push(there.ln_z().unwrap());
        mean.push(there.mean(|s| model.energy(s)).unwrap());
        low.push(there.ln_z_lower_bound().unwrap().value);
        let targets = exact_samples(&model, beta, 200, &mut streams.stream("exact", 0));
        let back =
            ais_reverse(&model, &Glauber(9), &line(beta), 12, &targets, &streams, Par::Serial).unwrap();
        backward.push(back.ln_z().unwrap());
        high.push(back.ln_z_upper_bound().unwrap().value);
    }
    check_coverage("forward", expected, 0.05, &forward);
    check_coverage("backward", expected, 0.05, &backward);
    check_coverage("mean energy", exact_energy, 0.05, &mean);
    let (low, high) = (Estimate::from_independent(&low).unwrap(), Estimate::from_independent(&high).unwrap());
    assert!(low.z(expected) < -5.0 && high.z(expected) > 5.0, "{low} < {expected} < {high}");
    assert!(forward[0].source == Source::Population && forward[0].n_eff > 50.0);
}

#[test]
fn two_levels_by_a_curved_ladder() {
    let model = TwoLevel { gap: 2.0 };
    let schedule = Schedule::table(vec![0.0, 0.1, 0.5, 1.5]).unwrap();
    let results: Vec<Estimate> = (0..500)
        .map(|i| {
            ais(&model, &Glauber(1), &schedule, 7, 300, &Streams::new(i), Par::Serial)
                .unwrap()
                .ln_z()
                .unwrap()
        })
        .collect();
    check_coverage("two levels", (-3f64).exp().ln_1p(), 0.05, &results);
}

/// From a normal of variance 4 to k x²/2 around 1, geometrically: a path that is not β.
#[derive(Clone)]
struct Geometric {
    spring: f64,
}

impl Geometric {
    fn ln_f(&self, x: f64, t: f64) -> f64 {
        -(1.0 - t) * x * x / 8.0 - t * 0.5 * self.spring * (x - 1.0) * (x - 1.0)
    }
}

impl AnnealingPath for Geometric {
    type State = f64;
    fn draw<R: Draw>(&mut self, rng: &mut R) -> f64 {
        2.0 * rng.normal()
    }
    fn ln_z_start(&self) -> f64 {
        0.5 * (8.0 * std::f64::consts::PI).ln()
    }
    fn ln_ratio(&mut self, x: &f64, from: f64, to: f64) -> f64 {
        self.ln_f(*x, to) - self.ln_f(*x, from)
    }
    fn step<R: Draw>(&mut self, x: &mut f64, t: f64, rng: &mut R) {
        let next = *x + rng.normal();
        if rng.accept(self.ln_f(*x, t) - self.ln_f(next, t)) {
            *x = next;
        }
    }
}

#[test]
fn any_path_will_do_and_works_feed_bar() {
    let path = Geometric { spring: 5.0 };
    let ladder: Vec<f64> = (0..=10).map(|i| (f64::from(i) / 10.0).powi(2)).collect();
    let expected = 0.5 * (2.0 * std::f64::consts::PI / 5.0).ln();
    let (mut forward, mut both) = (Vec::new(), Vec::new());
    for i in 0..500 {
        let streams = Streams::new(5000 + i);
        let there = ais_path(&path, &ladder, 200, &streams, Par::Serial).unwrap();
        forward.push(there.ln_z().unwrap());
        let targets = normals(&mut streams.stream("targets", 0), 200, 1.0, 5f64.powf(-0.5));
        let back = ais_path_reverse(&path, &ladder, &targets, &streams, Par::Serial).unwrap();
        let work = |w: &[f64]| w.iter().map(|w| -w).collect::<Vec<_>>();
        let b = bar(&work(there.ln_weights()), &work(back.ln_weights())).unwrap();
        both.push(b.delta_f.affine(path.ln_z_start(), -1.0));
    }
    check_coverage("path", expected, 0.05, &forward);
    check_coverage("path, both ways", expected, 0.05, &both);
    let spread = |e: &[Estimate]| e.iter().map(|e| e.std_error).sum::<f64>();
    assert!(spread(&both) < spread(&forward));
}

#[test]
fn same_bits_for_any_number_of_threads() {
    let model = Ising { l: 4, field: 0.0 };
    let run = |par| ais(&model, &Glauber(16), &line(0.44), 20, 61, &Streams::new(7), par).unwrap();
    let serial = run(Par::Serial);
    let back = |par| {
        ais_reverse(&model, &Glauber(16), &line(0.44), 20, serial.states(), &Streams::new(7), par).unwrap()
    };
    let serial_back = back(Par::Serial);
    for threads in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool.install(|| run(Par::Rayon));
        assert_eq!(other.ln_weights(), serial.ln_weights());
        assert_eq!(other.states(), serial.states());
        assert_eq!(pool.install(|| back(Par::Rayon)).ln_weights(), serial_back.ln_weights());
    }
    let (ln_z, _, _) = ising_4x4(0.44);
    assert!(serial.ln_z().unwrap().z(ln_z).abs() < 5.0);
}

#[test]
fn bad_ladders_and_dominated_weights_are_typed() {
    let model = Ising { l: 4, field: 0.0 };
    let run = |schedule: &Schedule, n_rungs, n_runs| {
        ais(&model, &Glauber(1), schedule, n_rungs, n_runs, &Streams::new(1), Par::Serial)
    };
    for schedule in [Schedule::geometric(0.01, 1.0), Schedule::constant(1.0), Schedule::linear(0.5, 0.0)] {
        assert!(matches!(run(&schedule.unwrap(), 10, 20), Err(Error::OutOfRange { .. })));
    }
    assert!(run(&line(1.0), 1, 20).is_err());
    assert!(matches!(run(&line(1.0), 10, 5).unwrap().ln_z(), Err(Error::TooShort { have: 5, needed: 10 })));
    assert!(matches!(run(&line(1.0), 10, 0).unwrap().ln_z(), Err(Error::TooShort { .. })));
    // One jump to a low temperature: a few runs carry all the weight, which is said; the bound still stands.
    let jump = run(&line(2.0), 2, 300).unwrap();
    assert!(matches!(jump.ln_z(), Err(Error::TooShort { .. })));
    assert!(jump.mean(|s| model.energy(s)).is_err());
    assert!(jump.ln_z_lower_bound().unwrap().value < ising_4x4(2.0).0);
    assert!(Annealed::new(0.0, vec![0.0, f64::NAN], vec![(), ()]).is_err());
    assert!(Annealed::new(0.0, vec![0.0], vec![(), ()]).is_err());
    assert!(Annealed::new(f64::NAN, vec![0.0], vec![()]).is_err());
    assert!(ReverseAnnealed::new(0.0, vec![f64::INFINITY]).is_err());
    let impossible = Annealed::new(0.0, vec![f64::NEG_INFINITY; 20], vec![(); 20]).unwrap();
    assert!(matches!(impossible.ln_z(), Err(Error::Undefined { .. })));
    let certain = Annealed::new(1.0, vec![0.5; 20], vec![(); 20]).unwrap().ln_z().unwrap();
    assert_eq!((certain.value, certain.std_error, certain.source), (1.5, 0.0, Source::Constant));
}

/// Half of all states are forbidden.
struct Wall;
impl Energy for Wall {
    type State = f64;
    fn energy(&self, x: &f64) -> f64 {
        if *x < 0.5 { 0.0 } else { f64::INFINITY }
    }
}
impl Reference for Wall {
    fn draw<R: Draw>(&self, rng: &mut R) -> f64 {
        rng.uniform()
    }
    fn ln_z_reference(&self) -> f64 {
        0.0
    }
}
#[derive(Clone)]
struct Stay;
impl Kernel<Wall> for Stay {
    fn step<R: Draw>(&mut self, _: &Wall, _: &mut f64, _: f64, _: &mut R) -> Step {
        Step::default()
    }
}

#[test]
fn infinite_energies_are_weights_of_zero() {
    let runs = ais(
        &Wall,
        &Stay,
        &Schedule::table(vec![0.0, 0.0, 1.0]).unwrap(),
        5,
        4000,
        &Streams::new(2),
        Par::Serial,
    )
    .unwrap();
    assert!(runs.ln_z().unwrap().z(-2f64.ln()).abs() < 5.0);
    assert!(runs.mean(|x| *x).unwrap().z(0.25).abs() < 5.0);
}
