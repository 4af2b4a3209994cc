use super::*;
use proptest::prelude::*;
use smml_core::{
    Error,
    energy::{Energy, Finite, LocalEnergy, Reference},
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Draw, Streams},
    sample::Metropolis,
    schedule::Schedule,
    testing::{delta_error, law},
};

/// The TSPLIB problems burma14 (towns of Burma) and ulysses16 (the travels of Odysseus), latitude and longitude.
#[rustfmt::skip]
const BURMA14: [[f64; 2]; 14] = [
    [16.47, 96.10], [16.47, 94.44], [20.09, 92.54], [22.39, 93.37], [25.23, 97.24], [22.00, 96.05], [20.47, 97.02],
    [17.20, 96.29], [16.30, 97.38], [14.05, 98.12], [16.53, 97.38], [21.52, 95.59], [19.41, 97.13], [20.09, 94.55],
];
#[rustfmt::skip]
const ULYSSES16: [[f64; 2]; 16] = [
    [38.24, 20.42], [39.57, 26.15], [40.56, 25.32], [36.26, 23.12], [33.48, 10.54], [37.56, 12.19], [38.42, 13.11],
    [37.52, 20.44], [41.23, 9.10], [41.17, 13.05], [36.08, -5.21], [38.47, 15.13], [38.15, 15.35], [37.51, 15.17],
    [35.49, 14.32], [39.36, 19.56],
];
/// berlin52 (EUC_2D) and att48 (ATT), pairs of x and y.
#[rustfmt::skip]
const BERLIN52: [u16; 104] = [
    565, 575, 25, 185, 345, 750, 945, 685, 845, 655, 880, 660, 25, 230, 525, 1000, 580, 1175, 650, 1130, 1605, 620,
    1220, 580, 1465, 200, 1530, 5, 845, 680, 725, 370, 145, 665, 415, 635, 510, 875, 560, 365, 300, 465, 520, 585,
    480, 415, 835, 625, 975, 580, 1215, 245, 1320, 315, 1250, 400, 660, 180, 410, 250, 420, 555, 575, 665, 1150, 1160,
    700, 580, 685, 595, 685, 610, 770, 610, 795, 645, 720, 635, 760, 650, 475, 960, 95, 260, 875, 920, 700, 500, 555,
    815, 830, 485, 1170, 65, 830, 610, 605, 625, 595, 360, 1340, 725, 1740, 245,
];
#[rustfmt::skip]
const ATT48: [u16; 96] = [
    6734, 1453, 2233, 10, 5530, 1424, 401, 841, 3082, 1644, 7608, 4458, 7573, 3716, 7265, 1268, 6898, 1885, 1112, 2049,
    5468, 2606, 5989, 2873, 4706, 2674, 4612, 2035, 6347, 2683, 6107, 669, 7611, 5184, 7462, 3590, 7732, 4723, 5900,
    3561, 4483, 3369, 6101, 1110, 5199, 2182, 1633, 2809, 4307, 2322, 675, 1006, 7555, 4819, 7541, 3981, 3177, 756,
    7352, 4506, 7545, 2801, 3245, 3305, 6426, 3173, 4608, 1198, 23, 2216, 7248, 3779, 7762, 4595, 7392, 2244, 3484,
    2829, 6271, 2135, 4985, 140, 1916, 1569, 7280, 4899, 7509, 3239, 10, 2676, 6807, 2993, 5185, 3258, 3023, 1942,
];

fn pairs(flat: &[u16]) -> Vec<[f64; 2]> {
    flat.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect()
}

/// The shortest of all tours, one by one.
fn exhaustive(tsp: &Tsp) -> f64 {
    (0..tsp.n_states().unwrap()).map(|k| tsp.energy(&tsp.state(k))).fold(f64::INFINITY, f64::min)
}

#[test]
fn published_optima_are_found() {
    // Optimal lengths as published with TSPLIB.
    for (points, metric, optimum) in [
        (BURMA14.to_vec(), Metric::Geographic, 3323.0),
        (ULYSSES16.to_vec(), Metric::Geographic, 6859.0),
        (pairs(&BERLIN52), Metric::Rounded, 7542.0),
        (pairs(&ATT48), Metric::PseudoEuclidean, 10628.0),
    ] {
        let tsp = Tsp::from_points(&points, metric).unwrap();
        let search = Search::for_model(&tsp, 300).unwrap();
        let found = search.run(&tsp, 20, &Streams::new(1), Par::Rayon).unwrap();
        assert_eq!(found.best().0, optimum);
        assert_eq!(tsp.energy(&tsp.tour(found.best().1.clone()).unwrap()), optimum);
        if tsp.n_cities() <= MAX_EXACT {
            assert_eq!(tsp.energy(&held_karp(&tsp).unwrap()), optimum);
        }
    }
}

#[test]
fn bounds_are_below_the_shortest_tour_and_close() {
    // The bound of Held and Karp for berlin52 is its optimum, 7542.
    let berlin = Tsp::from_points(&pairs(&BERLIN52), Metric::Rounded).unwrap();
    let bound = OneTree::ascend(&berlin, 7542.0, 2_000).unwrap().certify(&berlin).unwrap();
    assert!(bound <= 7542.0 && bound > 7535.0, "{bound}");
    let att = Tsp::from_points(&pairs(&ATT48), Metric::PseudoEuclidean).unwrap();
    let bound = OneTree::ascend(&att, 10628.0, 2_000).unwrap().certify(&att).unwrap();
    assert!(bound <= 10628.0 && bound > 0.99 * 10628.0, "{bound}");
    // Whatever the prices, no tour is shorter; the ascent never ends below the bound without prices.
    for seed in 0..20 {
        let mut rng = Streams::new(seed).stream("cities", 0);
        let tsp = uniform(3 + seed as usize % 8, &mut rng).unwrap();
        let shortest = tsp.energy(&held_karp(&tsp).unwrap());
        let n = tsp.n_cities();
        let flat = OneTree { prices: vec![0.0; n] }.certify(&tsp).unwrap();
        for _ in 0..20 {
            let prices = (0..n).map(|_| 2.0 * rng.uniform() - 1.0).collect();
            assert!(OneTree { prices }.certify(&tsp).unwrap() <= shortest);
        }
        let best = OneTree::ascend(&tsp, shortest, 300).unwrap().certify(&tsp).unwrap();
        assert!(
            best <= shortest && best >= flat && best > 0.9 * shortest,
            "{seed}: {flat} {best} {shortest}"
        );
    }
    assert!(OneTree::ascend(&berlin, 7542.0, 0).is_err() && OneTree::ascend(&berlin, 0.0, 5).is_err());
    assert!(OneTree { prices: vec![0.0; 3] }.certify(&berlin).is_err());
    assert!(OneTree { prices: vec![f64::NAN; 52] }.certify(&berlin).is_err());
}

#[test]
fn held_karp_is_the_shortest_of_all_tours() {
    for n in 3..9 {
        let tsp = uniform(n, &mut Streams::new(n as u64).stream("cities", 0)).unwrap();
        let exact = held_karp(&tsp).unwrap();
        assert!((exact.length - exhaustive(&tsp)).abs() < 1e-12, "n = {n}");
    }
    let many = uniform(17, &mut Streams::new(1).stream("cities", 0)).unwrap();
    assert!(matches!(held_karp(&many), Err(Error::TooLarge { .. })));
}

#[test]
fn states_and_moves_obey_the_laws() {
    for n in 3..7 {
        let mut rng = Streams::new(5).stream("cities", n as u64);
        let tsp = clusters(n, 2, 0.5, &mut rng).unwrap();
        assert_eq!(tsp.n_states().unwrap(), (3..n).product::<usize>());
        assert!((tsp.ln_z_reference() - (tsp.n_states().unwrap() as f64).ln()).abs() < 1e-13);
        for index in 0..tsp.n_states().unwrap() {
            assert_eq!(tsp.index(&tsp.state(index)), index);
        }
        for beta in [0.0, 1.0, 6.0] {
            assert!(law(&tsp, &Metropolis::new(1).unwrap(), beta).holds_reversibly(), "n = {n}");
        }
        if n > 4 {
            assert!(law(&tsp, &Nearest, 3.0).stationary > 1e-4);
        }
    }
    let tsp = Tsp::from_points(&pairs(&BERLIN52), Metric::Rounded).unwrap();
    let mut rng = Streams::new(1).stream("walk", 0);
    assert_eq!(delta_error(&tsp, tsp.draw(&mut rng), 5000, &mut rng), 0.0);
}

/// A wrong copy of Metropolis: proposals that prefer near cities, as the search makes them, without a correction.
#[derive(Clone)]
struct Nearest;
impl Kernel<Tsp> for Nearest {
    fn step<R: Draw>(&mut self, tsp: &Tsp, tour: &mut Tour, beta: f64, rng: &mut R) -> Step {
        let near = Neighbours::new(tsp, 2);
        let a = rng.below(tsp.n_cities()) as u32;
        let change = descent::joining(tour, a, near.of(a)[rng.below(2)], rng.chance(0.5));
        let accepted = smml_core::sample::attempt(tsp, tour, &change, beta, rng);
        Step { proposed: 1, accepted: accepted.into() }
    }
}

#[test]
fn descent_leaves_no_better_move_in_reach() {
    let tsp = uniform(60, &mut Streams::new(2).stream("cities", 0)).unwrap();
    let near = Neighbours::new(&tsp, 59);
    let mut tour = tsp.draw(&mut Streams::new(2).stream("start", 0));
    let before = tour.length;
    assert!(descend(&tsp, &mut tour, &near) > 0 && tour.length < before);
    let cached = tour.length;
    tsp.refresh(&mut tour);
    assert!((tour.length - cached).abs() < 1e-9);
    // With all cities as neighbours, the floor is a local minimum of both kinds of moves, tried one by one.
    let better = |change: &TourMove| tsp.delta(&tour, change) < -1e-9;
    for i in 0..60 {
        assert!((i + 1..60).all(|j| !better(&TourMove::Reverse { i, j })));
        for length in 1..=3 {
            for gap in 0..60 - length {
                for reversed in [true, false] {
                    assert!(!better(&TourMove::Transport { start: i, length, gap, reversed }));
                }
            }
        }
    }
    // Neighbours are the nearest.
    let few = Neighbours::new(&tsp, 5);
    for city in 0..60 {
        let farthest = tsp.distance(city, few.of(city)[4]);
        let nearer = (0..60).filter(|&c| c != city && tsp.distance(city, c) < farthest).count();
        assert_eq!((few.k(), nearer), (5, 4));
    }
}

/// Near cities from cells are those that a search through all finds, ties and lines of cities too.
#[test]
fn near_cities_are_the_nearest() {
    let mut rng = Streams::new(8).stream("cities", 0);
    let scattered: Vec<[f64; 2]> =
        (0..300).map(|_| [1000.0 * rng.uniform(), 100.0 * rng.uniform()]).collect();
    let grid: Vec<[f64; 2]> = (0..144).map(|i| [f64::from(i % 12), f64::from(i / 12)]).collect();
    let line: Vec<[f64; 2]> = (0..50).map(|i| [f64::from(i * i), 7.0]).collect();
    let heaps: Vec<[f64; 2]> = (0..200).map(|i| [1e3 * f64::from(i % 2), rng.uniform()]).collect();
    let same = vec![[1.0, 2.0]; 20];
    let metrics = [
        Metric::Euclidean,
        Metric::Rounded,
        Metric::Ceiling,
        Metric::Manhattan,
        Metric::Maximum,
        Metric::PseudoEuclidean,
    ];
    for points in [scattered, grid, line, heaps, same] {
        for metric in metrics {
            let tsp = Tsp::from_points(&points, metric).unwrap();
            let near = Neighbours::new(&tsp, 10);
            for city in 0..points.len() as u32 {
                let mut all: Vec<(f64, u32)> = (0..points.len() as u32)
                    .filter(|c| *c != city)
                    .map(|c| (tsp.distance(city, c), c))
                    .collect();
                all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let want: Vec<u32> = all[..10].iter().map(|a| a.1).collect();
                assert_eq!(near.of(city), want, "{metric:?}, city {city} of {}", points.len());
            }
        }
    }
}

#[test]
fn random_cities_have_tours_of_the_known_length() {
    // The shortest tours tend to 0.7124 √(n A) (Johnson and McGeoch; Percus and Martin), from above by the boundary.
    let streams = Streams::new(3);
    let tsp = uniform(400, &mut streams.stream("cities", 0)).unwrap();
    let search = Search::for_model(&tsp, 200).unwrap();
    let found = search.run(&tsp, 1, &streams, Par::Serial).unwrap();
    let alpha = found.best().0 / 20.0;
    assert!((0.70..0.80).contains(&alpha), "{alpha}");
    // Nine clusters leave the streets empty.
    let nine = clusters(400, 3, 0.5, &mut streams.stream("cities", 1)).unwrap();
    let in_block = |x: f64| (x * 4.0) % 1.5 <= 1.0;
    assert!(nine.points().iter().all(|p| p.iter().all(|&x| (0.0..=1.0).contains(&x) && in_block(x))));
    let mut counts = [0u32; 9];
    for p in nine.points() {
        let block = |x: f64| (x * 4.0 / 1.5) as usize;
        counts[3 * block(p[0]) + block(p[1])] += 1;
    }
    // 8 degrees of freedom: P(chi² > 50) = 4e-8
    let chi2: f64 = counts.iter().map(|&c| (f64::from(c) - 400.0 / 9.0).powi(2) / (400.0 / 9.0)).sum();
    assert!(chi2 < 50.0, "{chi2}");
}

#[test]
fn results_do_not_depend_on_threads() {
    let tsp = uniform(40, &mut Streams::new(4).stream("cities", 0)).unwrap();
    let search = Search::new(Schedule::geometric(0.1, 0.001).unwrap(), 20).unwrap();
    let one = search.run(&tsp, 5, &Streams::new(1), Par::Serial).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(pool.install(|| search.run(&tsp, 5, &Streams::new(1), Par::Rayon)).unwrap(), one);
    assert!(search.run(&tsp, 0, &Streams::new(1), Par::Serial).is_err());
    assert!(Search::new(Schedule::linear(1.0, 0.0).unwrap(), 5).is_err());
    assert!(Search::for_model(&tsp, 0).is_err());
}

#[test]
fn distances_beyond_the_table_are_the_same() {
    // 2,049 cities are beyond it.
    let tsp = uniform(2049, &mut Streams::new(6).stream("cities", 0)).unwrap();
    let few = Tsp::from_points(&tsp.points()[..100], Metric::Euclidean).unwrap();
    for a in 0..100 {
        assert!((0..100).all(|b| tsp.distance(a, b) == few.distance(a, b)));
    }
}

#[test]
fn models_that_cannot_be_are_refused() {
    let refused = |r: smml_core::Result<Tsp>| r.unwrap_err().to_string();
    let points = [[0.0, 0.0], [1.0, 0.0], [f64::NAN, 1.0]];
    assert!(refused(Tsp::from_points(&points, Metric::Euclidean)).contains("city 2 coordinate 0"));
    assert!(refused(Tsp::from_points(&points[..2], Metric::Euclidean)).contains("number of cities = 2"));
    let far = [[-1e308, 0.0], [1e308, 0.0], [0.0, 0.0]];
    assert!(refused(Tsp::from_points(&far, Metric::Euclidean)).contains("extent of the cities"));
    let mut matrix = vec![1.0; 9];
    assert!(Tsp::from_matrix(3, &matrix).is_ok());
    matrix[5] = 2.0;
    assert!(refused(Tsp::from_matrix(3, &matrix)).contains("distance from city 2 to city 1"));
    assert!(Tsp::from_matrix(3, &matrix[..8]).is_err());
    let tsp = Tsp::from_matrix(3, &[1.0; 9]).unwrap();
    assert!(tsp.tour(vec![0, 1, 1]).is_err() && tsp.tour(vec![0, 1]).is_err());
    let mut rng = Streams::new(1).stream("cities", 0);
    assert!(clusters(10, 0, 0.5, &mut rng).is_err() && clusters(10, 2, -1.0, &mut rng).is_err());
    assert!(uniform(2, &mut rng).is_err());
}

#[test]
fn tsplib_files_of_every_kind_are_read() {
    let read = |text: &str| tsplib::from_text(text, "f.tsp".as_ref()).unwrap();
    // One matrix in all formats.
    let d = [[0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 4.0, 5.0], [2.0, 4.0, 0.0, 6.0], [3.0, 5.0, 6.0, 0.0]];
    for (format, numbers) in [
        ("FULL_MATRIX", "0 1 2 3\n1 0 4 5\n2 4 0 6\n3 5 6 0"),
        ("UPPER_ROW", "1 2 3\n4 5\n6"),
        ("LOWER_COL", "1 2 3 4 5 6"),
        ("LOWER_ROW", "1\n2 4\n3 5 6"),
        ("UPPER_COL", "1\n2 4\n3 5 6"),
        ("UPPER_DIAG_ROW", "0 1 2 3 0 4 5\n0 6 0"),
        ("LOWER_DIAG_COL", "0 1 2 3 0 4 5 0 6 0"),
        ("LOWER_DIAG_ROW", "0 1 0 2 4 0 3 5 6 0"),
        ("UPPER_DIAG_COL", "0 1 0 2 4 0 3 5 6 0"),
    ] {
        let text = format!(
            "NAME : four\nCOMMENT : a test\nTYPE : TSP\nDIMENSION : 4\nEDGE_WEIGHT_TYPE : EXPLICIT\n\
             EDGE_WEIGHT_FORMAT : {format}\nDISPLAY_DATA_TYPE : TWOD_DISPLAY\nEDGE_WEIGHT_SECTION\n{numbers}\n\
             DISPLAY_DATA_SECTION\n1 0 0\n2 0 0\n3 0 0\n4 1e1 0\nEOF\n"
        );
        let instance = read(&text);
        assert_eq!((instance.name.as_str(), instance.comments.len()), ("four", 1));
        for a in 0..4 {
            assert!((0..4).all(|b| instance.tsp.distance(a, b) == d[a as usize][b as usize]), "{format}");
        }
    }
    // One distance by each rule: from (0, 0) to (3.3, 4.9), whose length is 5.9076, and √(length²/10) = 1.868.
    for (kind, expected) in
        [("EUC_2D", 6.0), ("CEIL_2D", 6.0), ("MAN_2D", 8.0), ("MAX_2D", 5.0), ("ATT", 2.0)]
    {
        let text = format!(
            "DIMENSION: 3\nEDGE_WEIGHT_TYPE: {kind}\nNODE_COORD_SECTION\n3 1e2 0\n1 0 0\n2 3.3 4.9\nEOF"
        );
        assert_eq!(read(&text).tsp.distance(0, 1), expected, "{kind}");
    }
    // Whole files in the layout of TSPLIB.
    let rows: String =
        BURMA14.iter().enumerate().map(|(i, p)| format!("{:4} {:5} {:5}\n", i + 1, p[0], p[1])).collect();
    let text = format!(
        "NAME: burma14\nTYPE: TSP\nCOMMENT: 14-Staedte in Burma (Zaw Win)\nDIMENSION: 14\nEDGE_WEIGHT_TYPE: GEO\n\
         EDGE_WEIGHT_FORMAT: FUNCTION\nDISPLAY_DATA_TYPE: COORD_DISPLAY\nNODE_COORD_SECTION\n{rows}EOF\n"
    );
    let burma = read(&text).tsp;
    assert_eq!(burma, Tsp::from_points(&BURMA14, Metric::Geographic).unwrap());
    let best = held_karp(&burma).unwrap();
    let saved = tsplib::tour_to_text("burma14.opt", best.order());
    assert_eq!(tsplib::tour_from_text(&saved, 14, "t".as_ref()).unwrap(), best.order());
}

#[test]
fn broken_tsplib_files_are_refused_with_their_line() {
    let head = "DIMENSION: 3\nEDGE_WEIGHT_TYPE: EUC_2D\nNODE_COORD_SECTION\n";
    let explicit = "DIMENSION: 3\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_FORMAT: FULL_MATRIX\n";
    for (text, expected) in [
        ("", "line 1: the file ends here, expected EDGE_WEIGHT_TYPE"),
        ("TYPE: ATSP\n", "line 1: TYPE `ATSP`: must be TSP"),
        ("DIMENSION: 1000000000\n", "line 1: DIMENSION `1000000000`: must be a whole number from 3"),
        ("DIMENSION: x\n", "line 1: DIMENSION `x`"),
        ("EDGE_WEIGHT_TYPE: XRAY1\n", "line 1: EDGE_WEIGHT_TYPE `XRAY1`"),
        ("EDGE_WEIGHT_FORMAT: ROWS\n", "line 1: EDGE_WEIGHT_FORMAT `ROWS`"),
        ("NODE_COORD_SECTION\n", "line 1: a section before DIMENSION"),
        ("FIXED_EDGES_SECTION\n", "line 1: keyword `FIXED_EDGES_SECTION` is not supported"),
        ("NODE_COORD_TYPE: THREED_COORDS\n", "line 1: NODE_COORD_TYPE `THREED_COORDS` is not supported"),
        (&format!("{head}1 0 0\n2 0 zero\n"), "line 5: coordinate `zero`: must be a finite number"),
        (&format!("{head}1 0 0\n1 0 1\n"), "line 5: city `1`: must be one of 1 to 3 not yet given"),
        (&format!("{head}1 0 0\n2 0 1\n"), "line 5: the file ends here, expected the number of a city"),
        (&format!("{head}1 0 0\n2 0 1\n3 1 1 7\n"), "line 6: keyword `7`"),
        (&format!("{explicit}EDGE_WEIGHT_SECTION\n0 1 2\n1 0 3\n2 4 0\n"), "distance from city 2 to city 1"),
        (&format!("{explicit}EDGE_WEIGHT_SECTION\n0 1 2\n1 0 inf\n"), "line 6: distance `inf`"),
        (
            "DIMENSION: 3\nEDGE_WEIGHT_TYPE: EXPLICIT\nEDGE_WEIGHT_SECTION\n",
            "line 3: EDGE_WEIGHT_SECTION before",
        ),
        (&format!("{explicit}EOF\n"), "line 4: the file ends here, expected EDGE_WEIGHT_SECTION"),
    ] {
        let error = tsplib::from_text(text, "f.tsp".as_ref()).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }));
        assert!(error.to_string().contains(expected), "{text:?}: {error}");
    }
    for (text, expected) in [
        ("TOUR_SECTION\n1 2 2 -1", "line 2: city `2`"),
        ("TOUR_SECTION\n1 2 3 4", "line 2: `4`: must be -1"),
        ("DIMENSION: 4\nTOUR_SECTION\n", "line 1: DIMENSION 4: must be 3"),
        ("TYPE: TSP\n", "line 1: TYPE `TSP`: must be TOUR"),
        ("NAME: x\n", "line 1: the file ends here, expected TOUR_SECTION"),
    ] {
        let error = tsplib::tour_from_text(text, 3, "t.tour".as_ref()).unwrap_err();
        assert!(error.to_string().contains(expected), "{text:?}: {error}");
    }
    assert!(matches!(tsplib::read("/no/such/file".as_ref()), Err(Error::Io { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn moves_keep_tours_whole(seed: u64, n in 3usize..40) {
        let mut rng = Streams::new(seed).stream("tour", 0);
        let tsp = uniform(n, &mut rng).unwrap();
        let mut tour = tsp.draw(&mut rng);
        for _ in 0..100 {
            let change = tsp.propose(&tour, &mut rng);
            let (before, delta) = (tsp.length(&tour.order), tsp.delta(&tour, &change));
            tsp.apply(&mut tour, &change);
            prop_assert!((tsp.length(&tour.order) - before - delta).abs() < 1e-12);
            prop_assert!((0..n).all(|k| tour.place[tour.order[k] as usize] as usize == k));
        }
        prop_assert!(tsp.tour(tour.order().to_vec()).is_ok());
        let again = tsp.tour(tour.canonical()).unwrap();
        prop_assert!((again.length - tour.length).abs() < 1e-11);
        prop_assert_eq!(again.canonical(), tour.canonical());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "([A-Z_]{0,3}|DIMENSION|NODE_COORD_SECTION|EDGE_WEIGHT_TYPE|EUC_2D|[0-9:. \n-]){0,40}") {
        let _ = tsplib::from_text(&text, "t".as_ref());
        let _ = tsplib::tour_from_text(&text, 3, "t".as_ref());
    }
}
