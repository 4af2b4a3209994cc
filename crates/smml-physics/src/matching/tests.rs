//! Matchings against enumeration, and their duals against the weights.

use super::*;
use proptest::prelude::*;

/// The smallest weight over all perfect matchings, by recursion over subsets.
fn by_enumeration(n: usize, edges: &[(u32, u32, u64)]) -> Option<u64> {
    let mut best = vec![None; 1 << n];
    best[0] = Some(0);
    for set in 1usize..1 << n {
        let low = set.trailing_zeros();
        for &(u, v, w) in edges {
            let (u, v) = (u.min(v), u.max(v));
            if u == low && set >> v & 1 == 1 {
                let rest: Option<u64> = best[set & !(1 << u) & !(1 << v)];
                let total = rest.map(|r| r + w);
                best[set] = [best[set], total].into_iter().flatten().min();
            }
        }
    }
    best[(1 << n) - 1]
}

/// Checks partners and weight, and returns twice the weight of the duals' sum.
fn check(n: usize, edges: &[(u32, u32, u64)], m: &Matching, closed: bool) -> (u64, u64) {
    let mut weight = 0;
    for v in 0..n as u32 {
        let w = m.mate[v as usize];
        assert_eq!(m.mate[w as usize], v);
        if v < w {
            let between = |e: &&(u32, u32, u64)| (e.0, e.1) == (v, w) || (e.1, e.0) == (v, w);
            let shortest = edges.iter().filter(between).map(|e| e.2).min();
            // Where the graph is not closed under paths, a pair may be joined by a path.
            match shortest {
                Some(w) => weight += w,
                None => assert!(!closed),
            }
        }
    }
    for (members, dual) in &m.duals {
        assert!(members.len() % 2 == 1 && *dual > 0);
    }
    for &(u, v, w) in edges {
        let leaves = |s: &&(Vec<u32>, u64)| s.0.contains(&u) != s.0.contains(&v);
        assert!(m.duals.iter().filter(leaves).map(|s| s.1).sum::<u64>() <= 2 * w);
    }
    (weight, m.duals.iter().map(|s| s.1).sum())
}

/// Shortest paths between all pairs.
fn closure(n: usize, edges: &[(u32, u32, u64)]) -> Vec<(u32, u32, u64)> {
    let mut d = vec![vec![u64::MAX / 4; n]; n];
    for &(u, v, w) in edges {
        let best = d[u as usize][v as usize].min(w);
        (d[u as usize][v as usize], d[v as usize][u as usize]) = (best, best);
    }
    for k in 0..n {
        for i in 0..n {
            for j in 0..n {
                d[i][j] = d[i][j].min(d[i][k] + d[k][j]);
            }
        }
    }
    let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
    let near = pairs.filter(|&(i, j)| d[i][j] < u64::MAX / 4);
    near.map(|(i, j)| (i as u32, j as u32, d[i][j])).collect()
}

fn graphs() -> impl Strategy<Value = (usize, Vec<(u32, u32, u64)>)> {
    (1usize..=6, 1u64..40).prop_flat_map(|(half, most)| {
        let n = 2 * half as u32;
        let edge = (0..n, 0..n, 0..=most).prop_filter("a loop", |e| e.0 != e.1);
        (Just(2 * half), prop::collection::vec(edge, 0..40))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn metric_graphs_are_matched_and_proved((n, edges) in graphs()) {
        let edges = closure(n, &edges);
        let expected = by_enumeration(n, &edges);
        let found = minimum_perfect_matching(n, &edges);
        prop_assert_eq!(found.is_some(), expected.is_some());
        if let (Some(found), Some(expected)) = (found, expected) {
            let (weight, duals) = check(n, &edges, &found, true);
            prop_assert_eq!((weight, duals), (expected, 2 * expected));
        }
    }

    #[test]
    fn sparse_graphs_are_matched_along_paths((n, edges) in graphs()) {
        // Of a graph that is not closed, the duals hold for the edges, and their sum is at least the optimum of
        // the closed graph, at most that of the graph itself.
        if let Some(found) = minimum_perfect_matching(n, &edges) {
            let (_, duals) = check(n, &edges, &found, false);
            let metric = by_enumeration(n, &closure(n, &edges)).unwrap();
            prop_assert!(duals >= 2 * metric);
            if let Some(own) = by_enumeration(n, &edges) {
                prop_assert!(duals <= 2 * own);
            }
        }
    }
}
