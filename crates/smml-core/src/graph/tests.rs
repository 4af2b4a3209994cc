use super::*;
use crate::rng::{Draw, Streams};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn petersen() -> SparseGraph {
    let mut edges = Vec::new();
    for i in 0..5 {
        edges.extend([(i, (i + 1) % 5), (i, i + 5), (5 + i, 5 + (i + 2) % 5)]);
    }
    SparseGraph::unweighted(10, &edges).unwrap()
}

/// Smallest number of colours by trying every assignment.
fn chromatic_number(graph: &SparseGraph) -> usize {
    let n = graph.n_vertices();
    let edges: Vec<_> = graph.edges().collect();
    (1..=n)
        .find(|&q| {
            (0..q.pow(n as u32)).any(|code| {
                let colour = |i: u32| code / q.pow(i) % q;
                edges.iter().all(|&(i, j, _)| colour(i) != colour(j))
            })
        })
        .unwrap_or(0)
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let message = |r: Result<SparseGraph>| r.unwrap_err().to_string();
    let two = |edge| SparseGraph::new(2, &[(0, 1, 1.0), edge]);
    assert_eq!(
        message(two((0, 2, 1.0))),
        "edges[1] = (0, 2) is not allowed: it must be two different vertices below 2"
    );
    assert!(message(two((1, 1, 1.0))).contains("edges[1] = (1, 1)"));
    assert!(message(two((0, 1, f64::NAN))).contains("weight of edges[1] = (0, 1) = NaN"));
    assert!(message(two((0, 1, f64::INFINITY))).contains("finite"));
    let huge = SparseGraph::new(2, &[(0, 1, 1.7e308), (1, 0, 1.7e308)]);
    assert!(message(huge).contains("sum of the weights of edge (0, 1) = inf"));
    assert!(message(SparseGraph::new(usize::MAX, &[])).contains("n_vertices"));
    assert!(petersen().distances(10).is_err());
    assert_eq!((petersen().weight(0, 10), petersen().weight(10, 0)), (None, None));
    assert!(petersen().multiply(&[0.0; 9], &mut [0.0; 10]).is_err());
    assert!(petersen().map_weights(|_, _, _| f64::NAN).is_err());
    assert!(Colouring::greedy(&petersen(), &[0; 10]).is_err());
    assert!(Colouring::greedy(&petersen(), &[0, 1]).is_err());
    assert!(Colouring::greedy(&petersen(), &[10, 1, 2, 3, 4, 5, 6, 7, 8, 9]).is_err());
    assert!(Colouring::new(vec![0, 2, 0]).unwrap_err().to_string().contains("1 is unused"));
    assert!(Colouring::new(vec![u32::MAX]).is_err());
    let flat = Colouring::new(vec![0; 10]).unwrap().check(&petersen()).unwrap_err().to_string();
    assert!(flat.contains("colour of 0 and 1"), "{flat}");
    assert!(Colouring::new(vec![0; 9]).unwrap().check(&petersen()).is_err());
}

#[test]
fn a_saved_graph_is_validated_when_read() {
    let config = bincode::config::standard();
    let bytes = bincode::serde::encode_to_vec(petersen(), config).unwrap();
    let (back, _): (SparseGraph, usize) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
    assert_eq!(back, petersen());
    type Rows = Vec<Vec<(u32, f64)>>;
    let hostile: [(Rows, &str); 4] = [
        (vec![vec![(5, 1.0)], vec![]], "(0, 5)"),
        (vec![vec![], vec![(1, 1.0)]], "(1, 1)"),
        (vec![vec![(1, f64::NAN)], vec![]], "NaN"),
        (vec![vec![(1, 1e308), (1, 1e308)], vec![]], "inf"),
    ];
    for (rows, problem) in hostile {
        let bytes = bincode::serde::encode_to_vec(rows, config).unwrap();
        let read = bincode::serde::decode_from_slice::<SparseGraph, _>(&bytes, config);
        assert!(read.unwrap_err().to_string().contains(problem));
    }
}

#[test]
fn known_graphs() {
    let empty = SparseGraph::new(0, &[]).unwrap();
    assert_eq!((empty.n_vertices(), empty.n_edges(), empty.max_degree()), (0, 0, 0));
    assert_eq!(empty.components().n(), 0);
    assert_eq!(Colouring::dsatur(&empty).n_colours(), 0);
    assert_eq!(Colouring::new(vec![]).unwrap().n_colours(), 0);

    let g = petersen();
    assert_eq!((g.n_edges(), g.max_degree(), g.components().n()), (15, 3, 1));
    assert_eq!(g.bipartition(), None);
    assert_eq!(Colouring::bipartite(&g), None);
    // Diameter 2: one vertex, three at distance 1, six at distance 2.
    let d = g.distances(0).unwrap();
    assert_eq!([0, 1, 2].map(|k| d.iter().filter(|&&x| x == Some(k)).count()), [1, 3, 6]);
    for colouring in [Colouring::dsatur(&g), Colouring::welsh_powell(&g)] {
        colouring.check(&g).unwrap();
        assert_eq!(colouring.n_colours(), 3);
        assert_eq!(colouring.classes().map(<[u32]>::len).sum::<usize>(), 10);
    }
    // The crown graph: greedy in the order of pairs needs n colours, DSATUR finds the two sides.
    let crown: Vec<(u32, u32)> =
        (0..6).flat_map(|i| (0..6).filter(move |&j| j != i).map(move |j| (2 * i, 2 * j + 1))).collect();
    let crown = SparseGraph::unweighted(12, &crown).unwrap();
    let order: Vec<u32> = (0..12).collect();
    assert_eq!(Colouring::greedy(&crown, &order).unwrap().n_colours(), 6);
    assert_eq!(Colouring::dsatur(&crown).n_colours(), 2);
    assert_eq!(Colouring::bipartite(&crown).unwrap().n_colours(), 2);
    // A triangle and an edge apart.
    let two = SparseGraph::unweighted(6, &[(4, 5), (0, 3), (3, 1), (1, 0)]).unwrap();
    let parts = two.components();
    assert_eq!(parts.of_vertex, [0, 0, 1, 0, 2, 2]);
    assert_eq!(parts.sizes, [3, 1, 2]);
    assert_eq!(two.distances(0).unwrap()[4], None);
    // A complete graph needs a colour for each vertex.
    let complete: Vec<(u32, u32)> = (0..40).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
    assert_eq!(Colouring::dsatur(&SparseGraph::unweighted(40, &complete).unwrap()).n_colours(), 40);
}

proptest! {
    #[test]
    fn rows_agree_with_a_map(n in 2u32..12, raw in prop::collection::vec((0u32..12, 0u32..12, -4i32..5), 0..60)) {
        let given: Vec<(u32, u32, f64)> = raw
            .into_iter()
            .map(|(i, j, w)| (i % n, j % n, 0.1 * f64::from(w)))
            .filter(|e| e.0 != e.1)
            .collect();
        let graph = SparseGraph::new(n as usize, &given).unwrap();
        let mut map: BTreeMap<(u32, u32), f64> = BTreeMap::new();
        for &(i, j, w) in &given {
            map.entry((i.min(j), i.max(j))).and_modify(|x| *x += w).or_insert(w);
        }
        let expected: Vec<_> = map.iter().map(|(&(i, j), &w)| (i, j, w)).collect();
        prop_assert_eq!(graph.edges().collect::<Vec<_>>(), expected);
        prop_assert_eq!(graph.n_edges(), map.len());
        let x: Vec<f64> = (0..n).map(|i| f64::from(i).sqrt()).collect();
        let mut y = vec![0.0; n as usize];
        graph.multiply(&x, &mut y).unwrap();
        for i in 0..n {
            let mut sum = 0.0;
            let mut degree = 0;
            for j in 0..n {
                let w = map.get(&(i.min(j), i.max(j))).copied().filter(|_| i != j);
                prop_assert_eq!(graph.weight(i as usize, j as usize), w);
                sum += w.unwrap_or(0.0) * x[j as usize];
                degree += usize::from(w.is_some());
            }
            prop_assert_eq!(graph.degree(i as usize), degree);
            prop_assert!((sum - y[i as usize]).abs() < 1e-12);
        }
        let doubled = graph.map_weights(|i, j, w| 2.0 * w + f64::from(100 * i + j)).unwrap();
        let expected: Vec<_> = map.iter().map(|(&(i, j), &w)| (i, j, 2.0 * w + f64::from(100 * i + j))).collect();
        prop_assert_eq!(doubled.edges().collect::<Vec<_>>(), expected);
        for (i, j, w) in doubled.edges() {
            prop_assert_eq!(doubled.weight(j as usize, i as usize), Some(w));
        }
    }

    #[test]
    fn searches_and_colourings_agree_with_brute_force(n in 1usize..8, mask in any::<u32>()) {
        let pairs: Vec<(u32, u32)> = (0..n as u32).flat_map(|i| (0..i).map(move |j| (i, j))).collect();
        let edges: Vec<_> = pairs.into_iter().enumerate().filter(|(k, _)| mask >> k & 1 == 1).map(|(_, e)| e).collect();
        let g = SparseGraph::unweighted(n, &edges).unwrap();
        // Floyd and Warshall.
        let mut d = vec![vec![u32::MAX / 2; n]; n];
        for i in 0..n { d[i][i] = 0; }
        for &(i, j) in &edges { d[i as usize][j as usize] = 1; d[j as usize][i as usize] = 1; }
        for k in 0..n { for i in 0..n { for j in 0..n { d[i][j] = d[i][j].min(d[i][k] + d[k][j]); } } }
        let parts = g.components();
        for i in 0..n {
            let found = g.distances(i).unwrap();
            for j in 0..n {
                prop_assert_eq!(found[j], (d[i][j] <= n as u32).then_some(d[i][j]));
                prop_assert_eq!(parts.of_vertex[i] == parts.of_vertex[j], found[j].is_some());
            }
        }
        prop_assert_eq!(parts.sizes.iter().sum::<usize>(), n);
        let chi = chromatic_number(&g);
        prop_assert_eq!(g.bipartition().is_some(), chi <= 2);
        let order: Vec<u32> = (0..n as u32).rev().collect();
        for colouring in [
            Colouring::dsatur(&g),
            Colouring::welsh_powell(&g),
            Colouring::greedy(&g, &order).unwrap(),
        ] {
            colouring.check(&g).unwrap();
            prop_assert!(colouring.n_colours() >= chi && colouring.n_colours() <= g.max_degree() + 1);
            if chi <= 2 && colouring == Colouring::dsatur(&g) {
                prop_assert_eq!(colouring.n_colours(), chi); // Brélaz: exact on bipartite graphs
            }
            prop_assert_eq!(&Colouring::new(colouring.colours().to_vec()).unwrap(), &colouring);
        }
    }
}

#[test]
fn regular_graphs_are_regular_simple_and_cover_all() {
    let streams = Streams::new(5);
    for (n, d) in [(0, 0), (1, 0), (2, 1), (10, 3), (9, 4), (8, 7), (50, 49), (30, 20), (1000, 6)] {
        let g = random_regular(n, d, &mut streams.stream("regular", n as u64)).unwrap();
        assert_eq!(g.n_edges(), n * d / 2);
        assert!((0..n).all(|i| g.degree(i) == d) && g.edges().all(|e| e.2 == 1.0));
    }
    // Nearly complete graphs are drawn by the few edges that they lack.
    for (n, d) in [(2000, 1999), (2000, 1998), (1001, 900)] {
        let g = random_regular(n, d, &mut streams.stream("dense", n as u64)).unwrap();
        assert!((0..n).all(|i| g.degree(i) == d));
    }
    for (n, d) in [(0, 1), (4, 4), (5, 3), (usize::MAX / 2, 2)] {
        assert!(random_regular(n, d, &mut streams.stream("bad", 0)).is_err(), "{n} {d}");
    }
    // Six vertices have 70 labelled 3-regular graphs: 60 prisms and 10 K(3,3). All must appear.
    let mut rng = streams.stream("six", 0);
    let graphs: BTreeSet<Vec<(u32, u32)>> = (0..5000)
        .map(|_| random_regular(6, 3, &mut rng).unwrap().edges().map(|e| (e.0, e.1)).collect())
        .collect();
    assert_eq!(graphs.len(), 70);
}

#[test]
fn each_pair_is_an_edge_with_probability_p() {
    let mut rng = Streams::new(6).stream("er", 0);
    assert_eq!(erdos_renyi(20, 0.0, &mut rng).unwrap().n_edges(), 0);
    assert_eq!(erdos_renyi(20, 1.0, &mut rng).unwrap().n_edges(), 190);
    assert_eq!(erdos_renyi(0, 0.5, &mut rng).unwrap().n_vertices(), 0);
    assert_eq!(erdos_renyi(1, 1.0, &mut rng).unwrap().n_edges(), 0);
    assert_eq!(erdos_renyi(1_000_000, 1e-300, &mut rng).unwrap().n_edges(), 0);
    assert!(erdos_renyi(5, f64::NAN, &mut rng).is_err());
    assert!(erdos_renyi(10_000_000, 0.9, &mut rng).is_err());
    assert!(erdos_renyi(1 << 33, 1e-24, &mut rng).unwrap_err().to_string().contains("n_vertices"));
    let runs = 20_000;
    for p in [0.05, 0.3, 0.8] {
        let mut counts = vec![0.0; 15];
        let mut both = 0.0; // first and last pair together: independence
        for _ in 0..runs {
            let g = erdos_renyi(6, p, &mut rng).unwrap();
            let mut k = 0;
            for i in 0..6 {
                for j in 0..i {
                    counts[k] += f64::from(g.weight(i, j).is_some());
                    k += 1;
                }
            }
            both += f64::from(g.weight(0, 1).is_some() && g.weight(4, 5).is_some());
        }
        let z = |count: f64, q: f64| (count - runs as f64 * q) / (runs as f64 * q * (1.0 - q)).sqrt();
        assert!(counts.iter().all(|&c| z(c, p).abs() < 5.5), "p = {p}: {counts:?}"); // 48 gates: 2e-6
        assert!(z(both, p * p).abs() < 5.5);
    }
}

#[test]
fn large_graphs_are_quick_and_the_order_of_edges_does_not_matter() {
    let mut rng = Streams::new(7).stream("large", 0);
    let n = 100_000;
    let mut edges: Vec<(u32, u32, f64)> = (0..1_000_000)
        .map(|_| (rng.below(n) as u32, rng.below(n) as u32, 1.0))
        .filter(|e| e.0 != e.1)
        .collect();
    let g = SparseGraph::new(n, &edges).unwrap();
    let colouring = Colouring::dsatur(&g);
    colouring.check(&g).unwrap();
    assert!(colouring.n_colours() < Colouring::welsh_powell(&g).n_colours());
    rng.shuffle(&mut edges);
    assert_eq!(SparseGraph::new(n, &edges).unwrap(), g);
}
