use super::*;
use smml_core::{
    energy::{Energy, Finite},
    kernel::Kernel,
    sample::{Ladder, Replicas},
    store::{decode, encode},
    testing::law,
};

/// A frustrated ring with a chord, with or without fields.
fn small(fields: bool) -> Ising {
    let bonds = [(0, 1, 1.0), (1, 2, 2.0), (2, 3, -1.0), (3, 0, 1.0), (0, 2, -1.0)];
    Ising::new(4, &bonds, if fields { vec![1.0, 0.0, -1.0, 0.0] } else { vec![0.0; 4] }).unwrap()
}

/// The replicas of a ladder in the first lanes.
fn in_lanes(model: &LaneModel, replicas: &Replicas<Vec<i8>>) -> LaneSpins {
    let mut spins = model.all_up();
    for (lane, state) in replicas.states().iter().enumerate() {
        spins.set_replica(lane, state).unwrap();
    }
    spins
}

/// The exchange as a kernel of a ladder: replica r in lane r, and back by the rungs. `slip` makes it wrong.
#[derive(Clone)]
struct Exchange {
    slip: bool,
}

impl Kernel<Ladder<Ising>> for Exchange {
    fn step<R: Draw>(
        &mut self,
        ladder: &Ladder<Ising>,
        replicas: &mut Replicas<Vec<i8>>,
        beta: f64,
        rng: &mut R,
    ) -> Step {
        let model = LaneModel::new(&ladder.energy).unwrap();
        let n = ladder.factors().len();
        let mut energies = model.energies(&in_lanes(&model, replicas))[..n].to_vec();
        if self.slip {
            // Energies before the last change of the replicas: what a forgotten update would use.
            energies[0] += 1.0;
        }
        let betas: Vec<f64> = ladder.factors().iter().map(|f| beta * f).collect();
        let mut rungs: Vec<usize> = (0..n).collect();
        let mut swaps = vec![Step::default(); n - 1];
        for parity in 0..2 {
            exchange(&betas, &mut rungs, &energies, parity, &mut swaps, rng);
        }
        let states = replicas.states().to_vec();
        for (state, rung) in states.into_iter().zip(rungs) {
            replicas.states_mut()[rung] = state;
        }
        Step::default()
    }
}

/// The cluster move of the first two lanes as a kernel of a ladder of two equal rungs. `slip`: it turns one spin more.
#[derive(Clone)]
struct Isoenergetic {
    slip: bool,
}

impl Kernel<Ladder<Ising>> for Isoenergetic {
    fn step<R: Draw>(
        &mut self,
        ladder: &Ladder<Ising>,
        replicas: &mut Replicas<Vec<i8>>,
        _: f64,
        rng: &mut R,
    ) -> Step {
        let ising = &ladder.energy;
        let model = LaneModel::new(ising).unwrap();
        let mut spins = in_lanes(&model, replicas);
        let size = Clusters::default().step(ising, ising.is_symmetric(), &mut spins, [0, 1], rng);
        if self.slip && size > 0 {
            spins.turn(&[0], [0, 1]);
        }
        for (lane, state) in replicas.states_mut().iter_mut().enumerate() {
            *state = spins.replica(lane);
        }
        Step::default()
    }
}

#[test]
fn exchange_and_clusters_leave_the_distribution() {
    for fields in [false, true] {
        // Two rungs of 16 states each; three rungs of a pair of spins.
        let ladder = Ladder::new(small(fields), vec![0.5, 0.9]).unwrap();
        for beta in [0.0, 0.6, 1.5] {
            let found = law(&ladder, &Exchange { slip: false }, beta);
            assert!(found.stationary < 1e-12 && found.normalised < 1e-12, "{found:?}");
        }
        assert!(law(&ladder, &Exchange { slip: true }, 0.6).stationary > 1e-4);
        let pair = Ising::new(2, &[(0, 1, 1.0)], vec![0.5 * f64::from(u8::from(fields)), 0.0]).unwrap();
        let ladder = Ladder::new(pair, vec![0.3, 0.7, 1.0]).unwrap();
        assert!(law(&ladder, &Exchange { slip: false }, 1.1).stationary < 1e-12);
        // Pairs at one temperature.
        let ladder = Ladder::new(small(fields), vec![1.0, 1.0]).unwrap();
        for beta in [0.0, 0.6, 1.5] {
            let found = law(&ladder, &Isoenergetic { slip: false }, beta);
            assert!(found.stationary < 1e-12 && found.normalised < 1e-12, "{found:?}");
        }
        assert!(law(&ladder, &Isoenergetic { slip: true }, 0.6).stationary > 1e-4);
    }
}

#[test]
fn clusters_keep_the_sum_of_energies_and_are_connected() {
    let ising = crate::instances::torus(10, 2).unwrap().ising().unwrap();
    let model = LaneModel::new(&ising).unwrap();
    let mut rng = Streams::new(1).stream("clusters", 0);
    let mut spins = model.random(&mut rng);
    let mut clusters = Clusters::default();
    let mut largest = 0;
    for k in 0..200 {
        let (a, b) = (k % 512, (7 * k + 300) % 512);
        let before = model.energies(&spins);
        let size = clusters.step(&ising, true, &mut spins, [a, b], &mut rng);
        let after = model.energies(&spins);
        assert_eq!(before[a] + before[b], after[a] + after[b]);
        assert!((0..LANES).all(|l| l == a || l == b || before[l] == after[l]));
        assert!(size <= 50, "half of the spins at most: {size}");
        largest = largest.max(size);
    }
    assert!(largest > 1);
}

#[test]
fn replicas_are_at_their_temperatures() {
    // Means at every rung against enumeration, exchanges and clusters included (all clusters of so small a model are
    // large: make the move on the coldest rung anyway, as `advance` does when it measures).
    let ising = small(true);
    let model = LaneModel::new(&ising).unwrap();
    let betas = vec![0.2, 0.4, 0.7, 1.1];
    let mut run = LaneTempering::new(&model, betas.clone(), Streams::new(2).stream("tempering", 0)).unwrap();
    run.advance(&ising, &model, 50).unwrap();
    let n = 3_000;
    let mut series = vec![Vec::with_capacity(n); betas.len()];
    for _ in 0..n {
        run.advance(&ising, &model, 1).unwrap();
        let energies = model.energies(&run.spins);
        let mut sums = vec![0.0; betas.len()];
        for (rung, energy) in run.rungs.iter().zip(&energies) {
            sums[*rung] += energy / (LANES / betas.len()) as f64;
        }
        series.iter_mut().zip(sums).for_each(|(series, sum)| series.push(sum));
    }
    for (beta, series) in betas.iter().zip(&series) {
        let want = smml_core::energy::mean_exact(&ising, *beta, |s| ising.energy(s)).unwrap();
        let found = smml_core::Estimate::from_chain(series).unwrap();
        assert!(found.p_value(want) > 1e-8, "beta {beta}: {found} against {want}");
    }
    assert!(run.swaps().iter().all(|s| s.acceptance().is_some_and(|a| a > 0.2)));
}

#[test]
fn ground_states_are_found_and_runs_continued() {
    // Known by enumeration, and by minimum-weight matching on an open square.
    let ising = crate::instances::open_square(16, 16, 3).unwrap().ising().unwrap();
    let embedding = crate::planar::Embedding::square(16, 16).unwrap();
    let want = crate::planar::ground_state(&ising, &embedding).unwrap().energy;
    let model = LaneModel::new(&ising).unwrap();
    let start = || LaneTempering::for_model(&ising, &model, Streams::new(1).stream("run", 0)).unwrap();
    let mut whole = start();
    assert!(whole.best().is_none());
    whole.advance(&ising, &model, 64).unwrap();
    assert_eq!(whole.best().unwrap().0, want);
    assert_eq!(ising.energy(&whole.best().unwrap().1.to_vec()), want);
    let mut cut = start();
    for n in [3, 10, 51] {
        cut.advance(&ising, &model, n).unwrap();
        cut = decode(&encode(&cut, 0).unwrap(), 0).unwrap();
    }
    assert!(cut == whole);
    let glass = small(true);
    let ground = (0..16).map(|k| glass.energy(&glass.state(k))).fold(f64::INFINITY, f64::min);
    let found = LaneTempering::search(&glass, 2, 8, &Streams::new(1), Par::Serial).unwrap();
    assert_eq!((found.best().0, found.n_runs()), (ground, 2));
}

#[test]
fn what_cannot_be_is_refused() {
    let ising = small(false);
    let model = LaneModel::new(&ising).unwrap();
    let rng = || Streams::new(1).stream("x", 0);
    for betas in [vec![], vec![1.0, 2.0, 3.0], vec![2.0, 1.0], vec![0.0, 1.0], vec![1.0, f64::NAN]] {
        assert!(LaneTempering::new(&model, betas, rng()).is_err());
    }
    let mut run = LaneTempering::new(&model, vec![0.5, 1.0], rng()).unwrap();
    let other = Ising::new(3, &[(0, 1, 1.0)], vec![0.0; 3]).unwrap();
    assert!(run.advance(&other, &LaneModel::new(&other).unwrap(), 1).is_err());
    run.rungs[0] = 1;
    assert!(decode::<LaneTempering>(&encode(&run, 0).unwrap(), 0).is_err());
    assert!(LaneTempering::search(&ising, 1, 7, &Streams::new(1), Par::Serial).is_err());
    assert!(LaneTempering::search(&ising, 0, 8, &Streams::new(1), Par::Serial).is_err());
}
