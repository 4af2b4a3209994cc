//! Exact inference: variable elimination, junction trees and sum-product on graphs whose answer is known.

use super::{exact, largest_difference};
use crate::{
    catalogue::Chapter,
    error::Failure,
    reproduce::check::{Check, Context, Outcome},
};
use smml_core::{factor_graph::*, prelude::*};
use smml_physics::ising::onsager;

pub(crate) const CHECKS: &[Check] = &[
    Check {
        id: "elimination-ising",
        chapter: Chapter::Core,
        equations: &[],
        title: "ln Z of Ising tori by variable elimination",
        run: tori,
    },
    Check {
        id: "elimination-colourings",
        chapter: Chapter::Core,
        equations: &[],
        title: "Colourings of the Petersen graph, counted",
        run: colourings,
    },
    Check {
        id: "sum-product",
        chapter: Chapter::Core,
        equations: &[],
        title: "Belief propagation is exact on trees",
        run: trees,
    },
];

/// An L x L Ising torus at coupling K = βJ.
pub(super) fn torus(l: usize, k: f64) -> Result<FactorGraph, Error> {
    let mut g = FactorGraph::new(&vec![2; l * l])?;
    for i in 0..l * l {
        let (row, column) = (i / l, i % l);
        g.add(&[i, row * l + (column + 1) % l], &[k, -k, -k, k])?;
        g.add(&[i, (row + 1) % l * l + column], &[k, -k, -k, k])?;
    }
    Ok(g)
}

fn tori(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let small = torus(4, 0.5)?;
    let (ln_z, mean, _) = super::ising_4x4(0.5);
    let plan = small.eliminate()?;
    o.computed("4 × 4 torus at T = 2: ln Z", plan.ln_z(), ln_z, 1e-13);
    let pair = plan.marginal(&[0, 1])?;
    // Two bonds a site: ⟨E⟩ = -32 ⟨s s'⟩
    o.computed(
        "4 × 4 torus at T = 2: ⟨E⟩ from a marginal",
        -32.0 * (pair[0] + pair[3] - pair[1] - pair[2]),
        mean,
        1e-12,
    );
    for k in [0.2, onsager::CRITICAL_K, 0.7] {
        let g = torus(8, k)?;
        let plan = g.eliminate()?;
        o.computed(
            format!("8 × 8 torus at K = {k:.4}: ln Z against Kaufman's formula"),
            plan.ln_z(),
            onsager::torus(8, 8, k)?.ln_z,
            1e-13,
        );
    }
    // Lenz and Ising: the ring, with the field in the transfer matrix
    let (n, k, h) = (200, 0.3f64, 0.4f64);
    let mut ring = FactorGraph::new(&vec![2; n])?;
    for i in 0..n {
        ring.add(&[i, (i + 1) % n], &[k, -k, -k, k])?;
        ring.add(&[i], &[-h, h])?;
    }
    let root = ((2.0 * k).exp() * h.sinh().powi(2) + (-2.0 * k).exp()).sqrt();
    let (a, b) = (k.exp() * h.cosh() + root, k.exp() * h.cosh() - root);
    o.computed(
        "ring of 200 spins in a field: ln Z",
        ring.eliminate()?.ln_z(),
        n as f64 * a.ln() + (b / a).powi(n as i32).ln_1p(),
        1e-13,
    );
    let tree = JunctionTree::new(&small, &ExactOptions::default())?;
    let calibrated = tree.calibrate(&[])?;
    o.computed("4 × 4 torus by a junction tree: ln Z", calibrated.ln_z(), ln_z, 1e-13);
    let given = tree.calibrate(&[(0, 1)])?;
    o.computed("the same given one spin up: ln Z - ln 2", given.ln_z(), ln_z - std::f64::consts::LN_2, 1e-13);
    let maxima = small.eliminate()?.maxima(1e-9)?;
    o.computed("number of ground states", maxima.count, 2.0, 0.0).computed(
        "ground state energy",
        -maxima.ln_weight / 0.5,
        -32.0,
        1e-13,
    );
    let n = ctx.level.pick(20_000, 200_000, 2_000_000);
    let samples = plan_samples(&small, n, ctx)?;
    let energies: Vec<f64> = samples.iter().map(|s| energy(s)).collect();
    o.sampled("⟨E⟩ of exact samples by backward sampling", Estimate::from_independent(&energies)?, mean).note(
        "4 × 4: the published density of states. 8 × 8: Kaufman's solution of 1949 as evaluated by the physics crate, whose own \
         checks are in chapter physics. Ring: eigenvalues of the transfer matrix.",
    );
    Ok(o)
}

fn plan_samples(g: &FactorGraph, n: usize, ctx: &Context<'_>) -> Result<Vec<Vec<usize>>, Failure> {
    Ok(g.eliminate()?.sample(n, &mut ctx.streams.stream("backward", 0))?)
}

/// Energy of a 4 x 4 configuration with J = 1.
fn energy(s: &[usize]) -> f64 {
    let spin = |i: usize| if s[i] == 1 { 1 } else { -1 };
    let bonds: i32 =
        (0..16).map(|i| spin(i) * (spin(i / 4 * 4 + (i % 4 + 1) % 4) + spin((i + 4) % 16))).sum();
    -f64::from(bonds)
}

fn colourings(_: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let edges: Vec<(usize, usize)> =
        (0..5).flat_map(|i| [(i, (i + 1) % 5), (i, i + 5), (5 + i, 5 + (i + 2) % 5)]).collect();
    for (q, count) in [(3usize, 120.0), (4, 12_960.0)] {
        let table: Vec<f64> =
            (0..q * q).map(|i| if i / q == i % q { f64::NEG_INFINITY } else { 0.0 }).collect();
        let mut g = FactorGraph::new(&[q; 10])?;
        for (a, b) in &edges {
            g.add(&[*a, *b], &table)?;
        }
        let plan = g.eliminate()?;
        o.computed(
            format!("colourings of the Petersen graph with {q} colours"),
            plan.maxima(0.0)?.count,
            count,
            0.0,
        )
        .computed(format!("the same from ln Z, {q} colours"), plan.ln_z().exp(), count, 1e-12);
    }
    let table = [f64::NEG_INFINITY, 0.0, 0.0, f64::NEG_INFINITY];
    let mut g = FactorGraph::new(&[2; 10])?;
    for (a, b) in &edges {
        g.add(&[*a, *b], &table)?;
    }
    o.holds("with two colours there is none: ln Z = -∞", g.eliminate()?.ln_z() == f64::NEG_INFINITY)
        .note("Values of the chromatic polynomial of the Petersen graph at 2, 3 and 4 (Biggs, Algebraic Graph Theory).");
    Ok(o)
}

/// ln Z and marginals of a graph by adding up all configurations: the definition.
fn enumerate(g: &FactorGraph) -> Result<(f64, Vec<Vec<f64>>), Error> {
    let arities = g.arities().to_vec();
    let total: usize = arities.iter().product();
    let mut weights = Vec::with_capacity(total);
    let mut states = Vec::with_capacity(total);
    for mut index in 0..total {
        let mut s = Vec::with_capacity(arities.len());
        for a in &arities {
            s.push(index % a);
            index /= a;
        }
        weights.push(g.ln_weight(&s)?);
        states.push(s);
    }
    let ln_z = smml_core::energy::ln_sum_exp(&weights);
    let mut marginals: Vec<Vec<f64>> = arities.iter().map(|a| vec![0.0; *a]).collect();
    for (s, w) in states.iter().zip(&weights) {
        for (m, x) in marginals.iter_mut().zip(s) {
            m[*x] += libm::exp(w - ln_z);
        }
    }
    Ok((ln_z, marginals))
}

fn trees(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let mut rng = ctx.streams.stream("tree", 0);
    // A random tree of ten variables with 2 or 3 values, its Bethe free energy exact
    let arities: Vec<usize> = (0..10).map(|_| 2 + rng.below(2)).collect();
    let mut g = FactorGraph::new(&arities)?;
    for v in 0..10 {
        let field: Vec<f64> = (0..arities[v]).map(|_| rng.normal()).collect();
        g.add(&[v], &field)?;
        if v > 0 {
            let parent = rng.below(v);
            let table: Vec<f64> = (0..arities[v] * arities[parent]).map(|_| 1.5 * rng.normal()).collect();
            g.add(&[parent, v], &table)?;
        }
    }
    let (ln_z, marginals) = enumerate(&g)?;
    let beliefs = BeliefPropagation::default().run(&g)?.converged()?;
    o.computed("tree of 10 variables: Bethe's ln Z", beliefs.ln_z, ln_z, 1e-10);
    let worst =
        beliefs.variables.iter().zip(&marginals).map(|(a, b)| largest_difference(a, b)).fold(0.0, f64::max);
    o.computed("largest error of a marginal", worst, 0.0, 1e-10);
    let best =
        BeliefPropagation { goal: Goal::Maximum, ..BeliefPropagation::default() }.run(&g)?.converged()?;
    let top = g.eliminate()?.maximum()?.ln_weight;
    o.computed(
        "largest ln weight by max-product against elimination",
        best.maximum.map_or(f64::NAN, |m| m.ln_weight),
        top,
        1e-10,
    );
    // With loops it is an approximation: known how far off on the 4 x 4 torus
    let loopy = BeliefPropagation::default().run(&torus(4, 0.2)?)?.converged()?;
    let (exact_ln_z, ..) = super::ising_4x4(0.2);
    // Symmetric messages are the fixed point above T_c of Bethe: ln Z = 16 ln 2 + 32 ln cosh K
    o.computed("4 × 4 torus at K = 0.2: Bethe's value 16 ln 2 + 32 ln cosh K", loopy.ln_z, 16.0 * std::f64::consts::LN_2 + 32.0 * 0.2f64.cosh().ln(), 1e-8)
        .at_least("what Bethe misses of ln Z there", exact(exact_ln_z - loopy.ln_z), 1e-3)
        .note(
            "Tree: all configurations added up. Torus: the Bethe approximation in its paramagnetic phase, in closed form; the \
             missing part is that of loops.",
        );
    Ok(o)
}
