//! Graphs of every family: counts by formula, degrees, numbers and coordinates, colourings, missing qubits, graphs from
//! files, bad input.

use smml_core::graph::SparseGraph;
use smml_hw::{
    Error,
    topology::{Layout, MAX_EDGES, MAX_SIZE, Method, Shape, Topology},
};
use smml_physics::problem::{Problem, formats};
use std::collections::{BTreeSet, HashSet};

fn topology(shape: Shape) -> Topology {
    Topology::new(Layout::new(shape).unwrap()).unwrap()
}

/// Many sizes of each family, the smallest among them.
fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for rows in 1..8 {
        for columns in 1..8 {
            shapes.push(Shape::King { rows, columns });
            shapes.extend((1..6).map(|tile| Shape::Chimera { rows, columns, tile }));
        }
    }
    for size in 2..15 {
        shapes.extend([true, false].map(|fabric| Shape::Pegasus { size, fabric }));
    }
    for size in 1..13 {
        shapes.extend((1..7).map(|tile| Shape::Zephyr { size, tile }));
    }
    shapes
}

fn degrees(graph: &SparseGraph) -> (usize, usize) {
    let degrees = || (0..graph.n_vertices()).map(|v| graph.degree(v));
    (degrees().min().unwrap(), degrees().max().unwrap())
}

#[test]
fn counts_are_those_of_the_formulas() {
    for shape in shapes() {
        let t = topology(shape);
        let layout = t.layout().unwrap();
        assert_eq!(t.graph().n_vertices(), layout.n_nodes(), "{layout}");
        assert_eq!(t.graph().n_edges(), layout.n_edges(), "{layout}");
        // Written out once more, as the module has them.
        let (nodes, edges) = match shape {
            Shape::King { rows: r, columns: c } => {
                (i64::from(r * c), 4 * i64::from(r * c) - 3 * i64::from(r + c) + 2)
            }
            Shape::Chimera { rows, columns, tile } => {
                let [m, n, t] = [rows, columns, tile].map(i64::from);
                (2 * t * m * n, t * t * m * n + t * (m - 1) * n + t * m * (n - 1))
            }
            Shape::Pegasus { size, fabric } => {
                let m = i64::from(size);
                let full = 12 * (15 * (m - 1).pow(2) + m - 3);
                if fabric {
                    (8 * (3 * m - 1) * (m - 1), full - (12 * m - 20))
                } else {
                    (24 * m * (m - 1), full)
                }
            }
            Shape::Zephyr { size, tile } => {
                let (m, t) = (i64::from(size), i64::from(tile));
                (4 * t * m * (2 * m + 1), 2 * t * ((8 * t + 8) * m * m - 2 * m - 3))
            }
        };
        assert_eq!((layout.n_nodes() as i64, layout.n_edges() as i64), (nodes, edges), "{layout}");
        // Each coupler was given once: twice would have weight 2.
        assert!(t.graph().edges().all(|e| e.2 == 1.0), "{layout}");
    }
}

/// Counts and degrees that dwave-networkx 0.8.19 has: nodes, edges, smallest and largest degree, nodes and edges of the
/// full lattice.
#[test]
fn counts_and_degrees_are_the_published_ones() {
    for (m, nodes, edges, least, most, full_nodes, full_edges) in [
        (2, 40, 164, 5, 13, 48, 168),
        (3, 128, 704, 6, 14, 144, 720),
        (4, 264, 1604, 6, 15, 288, 1632),
        (6, 680, 4484, 6, 15, 720, 4536),
        (8, 1288, 8804, 6, 15, 1344, 8880),
        (12, 3080, 21764, 6, 15, 3168, 21888),
        (14, 4264, 30404, 6, 15, 4368, 30552),
        (15, 4928, 35264, 6, 15, 5040, 35424),
        (16, 5640, 40484, 6, 15, 5760, 40656),
    ] {
        let (fabric, full) =
            (Topology::pegasus(m).unwrap(), topology(Shape::Pegasus { size: m, fabric: false }));
        assert_eq!((fabric.graph().n_vertices(), fabric.graph().n_edges()), (nodes, edges));
        assert_eq!(degrees(fabric.graph()), (least, most), "P{m}");
        assert_eq!((full.graph().n_vertices(), full.graph().n_edges()), (full_nodes, full_edges));
    }
    for (m, t, nodes, edges, least, most) in [
        (1, 4, 48, 280, 9, 17),
        (2, 4, 160, 1224, 10, 19),
        (3, 4, 336, 2808, 10, 20),
        (4, 4, 576, 5032, 10, 20),
        (6, 4, 1248, 11400, 10, 20),
        (8, 4, 2176, 20328, 10, 20),
        (12, 4, 4800, 45864, 10, 20),
        (15, 4, 7440, 71736, 10, 20),
        (2, 2, 80, 356, 6, 11),
    ] {
        let z = Topology::zephyr(m, t).unwrap();
        assert_eq!((z.graph().n_vertices(), z.graph().n_edges()), (nodes, edges), "Z{m},{t}");
        assert_eq!(degrees(z.graph()), (least, most), "Z{m},{t}");
    }
    for (m, nodes, edges, least, most) in [
        (1, 8, 16, 4, 4),
        (2, 32, 80, 5, 5),
        (4, 128, 352, 5, 6),
        (8, 512, 1472, 5, 6),
        (16, 2048, 6016, 5, 6),
    ] {
        let c = Topology::chimera(m, m, 4).unwrap();
        assert_eq!((c.graph().n_vertices(), c.graph().n_edges()), (nodes, edges), "C{m}");
        assert_eq!(degrees(c.graph()), (least, most), "C{m}");
    }
    let king = Topology::king(8, 8).unwrap();
    assert_eq!((king.graph().n_vertices(), king.graph().n_edges()), (64, 210)); // 420 moves of a king on a chess board
    assert_eq!(degrees(king.graph()), (3, 8));
}

#[test]
fn graphs_are_connected_but_for_the_borders_of_pegasus() {
    for shape in shapes() {
        let n_parts = topology(shape).graph().components().n();
        let expected = match shape {
            // The fabric, and a ladder of two lines at each of four borders.
            Shape::Pegasus { fabric: false, .. } => 5,
            _ => 1,
        };
        assert_eq!(n_parts, expected, "{shape:?}");
    }
}

#[test]
fn numbers_and_coordinates_belong_together() {
    for shape in shapes() {
        let layout = Layout::new(shape).unwrap();
        let mut seen = HashSet::new();
        for q in layout.numbers() {
            let at = layout.coordinate(q as usize).unwrap();
            assert_eq!(at.len(), layout.axes().len());
            assert_eq!(layout.number(&at).unwrap(), q as usize, "{layout}");
            assert!(seen.insert(at), "{layout}: {at} twice");
        }
        assert_eq!(seen.len(), layout.n_nodes());
    }
    // As the formulas of the vendor have them: Pegasus ((u m + w) 12 + k)(m - 1) + z, Zephyr
    // (((u (2m + 1) + w) t + k) 2 + j) m + z, Chimera ((y n + x) 2 + u) t + k.
    let number = |shape, at: &[u32]| Layout::new(shape).unwrap().number(at).unwrap();
    let p = Shape::Pegasus { size: 5, fabric: true };
    assert_eq!(number(p, &[1, 3, 7, 2]), ((5 + 3) * 12 + 7) * 4 + 2);
    let z = Shape::Zephyr { size: 3, tile: 2 };
    assert_eq!(number(z, &[1, 6, 1, 0, 2]), (((7 + 6) * 2 + 1) * 2) * 3 + 2);
    let c = Shape::Chimera { rows: 3, columns: 5, tile: 4 };
    assert_eq!(number(c, &[2, 3, 1, 2]), ((2 * 5 + 3) * 2 + 1) * 4 + 2);
    assert_eq!(number(Shape::King { rows: 3, columns: 5 }, &[2, 3]), 13);
}

#[test]
fn places_outside_are_refused() {
    let p4 = Layout::new(Shape::Pegasus { size: 4, fabric: true }).unwrap();
    let said = |e: Error| e.to_string();
    assert!(said(p4.coordinate(288).unwrap_err()).contains("below 288 in Pegasus P4"));
    // u = 0, w = 0, k = 1 lies on line 1, the first that is crossed is 2.
    let e = said(p4.coordinate(3).unwrap_err());
    assert!(e.contains("qubit number = 3") && e.contains("fabric") && e.contains("(0, 0, 1, 0)"), "{e}");
    let e = said(p4.number(&[1, 3, 10, 2]).unwrap_err());
    assert!(e.contains("(1, 3, 10, 2)") && e.contains("2 to 45"), "{e}");
    assert!(said(p4.number(&[0, 4, 0, 0]).unwrap_err()).contains("w = 4"));
    assert!(said(p4.number(&[0, 1, 12, 0]).unwrap_err()).contains("k = 12"));
    assert!(said(p4.number(&[0, 1, 0]).unwrap_err()).contains("length 3, expected 4"));
    assert!(p4.colour(0).is_err() && p4.position(0).is_err() && p4.coordinate(usize::MAX).is_err());
    let full = Layout::new(Shape::Pegasus { size: 4, fabric: false }).unwrap();
    assert!(full.coordinate(0).is_ok() && full.coordinate(287).is_ok());
}

/// `colouring()` was checked edge by edge when the graph was made; here also that no class could be spared.
#[test]
fn closed_form_colourings_have_the_fewest_colours() {
    for shape in shapes() {
        let t = topology(shape);
        let (graph, colouring) = (t.graph(), t.colouring());
        assert_eq!(t.method(), Method::ClosedForm);
        colouring.check(graph).unwrap();
        let complete = |v: [u32; 4]| {
            (0..4).all(|i| (0..i).all(|j| graph.weight(v[i] as usize, v[j] as usize).is_some()))
        };
        let has_four = graph.edges().any(|(a, b, _)| {
            let around = |v: u32| graph.neighbours(v as usize).0.iter().copied();
            let both: Vec<u32> =
                around(a).filter(|&c| graph.weight(b as usize, c as usize).is_some()).collect();
            both.iter().any(|&c| both.iter().any(|&d| c < d && complete([a, b, c, d])))
        });
        let fewest = match () {
            () if graph.n_edges() == 0 => 1,
            () if graph.bipartition().is_some() => 2,
            () if has_four => 4,
            () => 3,
        };
        assert_eq!(colouring.n_colours(), fewest, "{shape:?}");
        let expected = match shape {
            Shape::King { rows: 1, columns: 1 } => 1,
            Shape::King { rows: 1, .. } | Shape::King { columns: 1, .. } | Shape::Chimera { .. } => 2,
            _ => 4,
        };
        assert_eq!(fewest, expected, "{shape:?}");
    }
}

#[test]
fn classes_have_the_sizes_that_follow_from_the_formulas() {
    let classes = |t: &Topology| t.colouring().classes().map(<[u32]>::len).collect::<Vec<_>>();
    // Odd couplers pair the qubits of one orientation over its two colours.
    for m in 2..17 {
        let quarter = 2 * (3 * m as usize - 1) * (m as usize - 1);
        assert_eq!(classes(&Topology::pegasus(m).unwrap()), [quarter; 4]);
    }
    assert_eq!(classes(&Topology::pegasus(14).unwrap()), [1066; 4]);
    // Of the 2m places in a column p mod 4 is even: m even gives all residues m / 2 times, and then every column has
    // its four colours equally often.
    for m in [2, 4, 6, 12] {
        let z = Topology::zephyr(m, 4).unwrap();
        assert_eq!(classes(&z), [z.graph().n_vertices() / 4; 4]);
    }
    assert_eq!(classes(&Topology::chimera(3, 5, 4).unwrap()), [60; 2]);
    assert_eq!(classes(&Topology::king(3, 5).unwrap()), [6, 4, 3, 2]);
}

#[test]
fn drawings_have_a_place_for_each() {
    for shape in shapes() {
        let t = topology(shape);
        let mut places = HashSet::new();
        for v in 0..t.graph().n_vertices() {
            let (x, y) = t.position(v).unwrap();
            assert!(x > 0.0 && y > 0.0 && x.is_finite() && y.is_finite());
            assert!(places.insert((x.to_bits(), y.to_bits())), "{shape:?}: two at ({x}, {y})");
        }
    }
}

#[test]
fn qubits_can_be_missing() {
    let full = Topology::pegasus(3).unwrap();
    let missing = [30usize, 31, 100, 139];
    let t = full.without(&missing).unwrap();
    let gone: BTreeSet<usize> = missing.into();
    let left: Vec<u32> = full.numbers().iter().copied().filter(|q| !gone.contains(&(*q as usize))).collect();
    assert_eq!(t.numbers(), left);
    let named = |t: &Topology| -> BTreeSet<(usize, usize)> {
        let pair = |i: u32, j: u32| (t.number(i as usize).unwrap(), t.number(j as usize).unwrap());
        t.graph().edges().map(|(i, j, _)| pair(i, j)).collect()
    };
    let expected: BTreeSet<_> =
        named(&full).into_iter().filter(|(a, b)| !gone.contains(a) && !gone.contains(b)).collect();
    assert!(expected.len() < full.graph().n_edges());
    assert_eq!(named(&t), expected);
    t.colouring().check(t.graph()).unwrap();
    for (v, &q) in t.numbers().iter().enumerate() {
        assert_eq!((t.vertex(q as usize), t.number(v)), (Some(v), Some(q as usize)));
        let old = full.vertex(q as usize).unwrap();
        assert_eq!(t.coordinate(v), full.coordinate(old));
        assert_eq!(t.colouring().colours()[v], full.colouring().colours()[old]);
    }
    assert_eq!((t.vertex(30), t.number(t.numbers().len()), t.vertex(usize::MAX)), (None, None, None));
    // One after the other is the same as all at once.
    let twice = full.without(&missing[..1]).unwrap().without(&missing[1..]).unwrap();
    assert_eq!(twice, t);
    // A colour that nobody has any more is closed up.
    let king = Topology::king(2, 2).unwrap();
    let three = king.without(&[1]).unwrap();
    assert_eq!((three.colouring().n_colours(), three.colouring().colours()), (3, &[0, 1, 2][..]));
}

#[test]
fn couplers_can_be_missing() {
    let full = Topology::zephyr(1, 2).unwrap();
    let (i, j, _) = full.graph().edges().nth(17).unwrap();
    let pair = (full.number(j as usize).unwrap(), full.number(i as usize).unwrap());
    let t = full.without_couplers(&[pair]).unwrap();
    assert_eq!(t.graph().n_edges() + 1, full.graph().n_edges());
    assert_eq!(t.graph().weight(i as usize, j as usize), None);
    assert_eq!(t.numbers(), full.numbers());
    let said = |pairs: &[(usize, usize)]| full.without_couplers(pairs).unwrap_err().to_string();
    assert!(said(&[pair, (pair.1, pair.0)]).contains("missing couplers[1]"));
    assert!(said(&[(0, 24)]).contains("missing couplers[0] = 24"));
    assert!(said(&[(0, 0)]).contains("two qubits with a coupler"));
    assert!(said(&[(0, 2)]).contains("two qubits with a coupler")); // same column, other k
}

#[test]
fn wrong_lists_of_missing_qubits_are_refused() {
    let p2 = Topology::pegasus(2).unwrap();
    let said = |t: &Topology, missing: &[usize]| t.without(missing).unwrap_err().to_string();
    assert!(said(&p2, &[5, 6, 5]).contains("missing[2] = 5"));
    assert!(said(&p2, &[48]).contains("missing[0] = 48 is not allowed: it must be below 48 in Pegasus P2"));
    assert!(said(&p2, &[0]).contains("fabric"));
    let less = p2.without(&[5]).unwrap();
    assert!(said(&less, &[5]).contains("a qubit that this Pegasus P2 still has"));
    let all: Vec<usize> = p2.numbers().iter().map(|&q| q as usize).collect();
    assert!(said(&p2, &all).contains("below the 40 qubits"));
    let path = Topology::from_graph(&SparseGraph::unweighted(3, &[(0, 1), (1, 2)]).unwrap()).unwrap();
    assert!(said(&path, &[3]).contains("0 to 2"));
}

#[test]
fn graphs_of_users_are_coloured() {
    // The wheel with an odd ring needs four colours, with an even one three.
    for (ring, colours) in [(5u32, 4), (6, 3)] {
        let edges: Vec<(u32, u32, f64)> =
            (0..ring).flat_map(|i| [(i, (i + 1) % ring, -2.5), (i, ring, 0.0)]).collect();
        let graph = SparseGraph::new(ring as usize + 1, &edges).unwrap();
        let t = Topology::from_graph(&graph).unwrap();
        assert_eq!((t.method(), t.colouring().n_colours()), (Method::Dsatur, colours));
        assert_eq!((t.layout(), t.coordinate(0), t.position(0)), (None, None, None));
        assert!(t.graph().edges().all(|e| e.2 == 1.0));
        // Without the hub a ring is left, which is coloured anew.
        let ring_only = t.without(&[ring as usize]).unwrap();
        assert_eq!(ring_only.colouring().n_colours(), colours - 1);
        assert_eq!(ring_only.graph().n_edges(), ring as usize);
    }
    let none = SparseGraph::unweighted(0, &[]).unwrap();
    assert!(Topology::from_graph(&none).unwrap_err().to_string().contains("n_vertices = 0"));
}

#[test]
fn graphs_come_from_files() {
    let read = |text: &str, name: &str| -> Problem {
        formats::from_bytes(text.as_bytes(), name.as_ref(), &formats::Options::default()).unwrap().problem
    };
    // A square with one diagonal; fields and coefficients do not matter.
    let edges = vec![(0, 1, 1.0), (0, 2, 1.0), (0, 3, 1.0), (1, 2, 1.0), (2, 3, 1.0)];
    let rudy = read("4 5\n1 2 3\n2 3 -1\n3 4 0\n4 1\n1 3 2\n", "square.rudy");
    let coo = read("# vartype=SPIN\n0 1 -1\n1 2 1\n2 2 7\n2 3 0.5\n0 3 1\n0 2 1\n", "square.coo");
    for problem in [rudy, coo] {
        let t = Topology::from_problem(&problem).unwrap();
        assert_eq!(t.graph().edges().collect::<Vec<_>>(), edges);
        assert_eq!(t.colouring().n_colours(), 3);
    }
    let clauses = read("p cnf 3 1\n1 2 3 0\n", "clauses.cnf");
    assert!(Topology::from_problem(&clauses).unwrap_err().to_string().contains("degree of the problem = 3"));
}

#[test]
fn sizes_without_sense_or_bound_are_refused() {
    let said = |shape| Layout::new(shape).unwrap_err().to_string();
    for (shape, name) in [
        (Shape::King { rows: 0, columns: 3 }, "rows = 0"),
        (Shape::King { rows: 3, columns: MAX_SIZE + 1 }, "columns = 1048577"),
        (Shape::Chimera { rows: 1, columns: 0, tile: 4 }, "columns n = 0"),
        (Shape::Chimera { rows: 1, columns: 1, tile: 0 }, "tile t = 0"),
        (Shape::Pegasus { size: 1, fabric: true }, "size m = 1"),
        (Shape::Pegasus { size: 0, fabric: false }, "from 2 to"),
        (Shape::Pegasus { size: u32::MAX, fabric: false }, "size m = 4294967295"),
        (Shape::Zephyr { size: 0, tile: 4 }, "size m = 0"),
        (Shape::Zephyr { size: 4, tile: 0 }, "tile t = 0"),
    ] {
        assert!(said(shape).contains(name), "{}", said(shape));
    }
    // The largest sizes: their numbers of couplers need up to 81 bits.
    let (rows, columns, size, tile) = (MAX_SIZE, MAX_SIZE, MAX_SIZE, MAX_SIZE);
    for shape in [
        Shape::King { rows, columns },
        Shape::Chimera { rows, columns, tile },
        Shape::Pegasus { size, fabric: true },
        Shape::Zephyr { size, tile },
    ] {
        assert!(said(shape).contains(&format!("the limit is {MAX_EDGES}")), "{}", said(shape));
    }
    // 12 (15 (m - 1)² + m - 3) - (12 m - 20) couplers: 16,744,484 and 16,854,464.
    assert!(Layout::new(Shape::Pegasus { size: 306, fabric: true }).is_ok());
    assert!(Layout::new(Shape::Pegasus { size: 307, fabric: true }).is_err());
}

#[test]
fn layouts_are_saved_and_read_through_their_constructor() {
    let config = bincode::config::standard();
    for shape in shapes() {
        let layout = Layout::new(shape).unwrap();
        let bytes = bincode::serde::encode_to_vec(layout, config).unwrap();
        let (back, _): (Layout, _) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
        assert_eq!((back, back.shape()), (layout, shape));
    }
    let bytes = bincode::serde::encode_to_vec(Shape::Pegasus { size: 0, fabric: true }, config).unwrap();
    let back: Result<(Layout, usize), _> = bincode::serde::decode_from_slice(&bytes, config);
    assert!(back.unwrap_err().to_string().contains("size m = 0"));
}
