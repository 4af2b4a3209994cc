//! Marginals of free variables as probabilities over all variables that were asked for.

use super::{
    FactorGraph,
    elimination::nothing_allowed,
    table::{Strides, Table},
};
use crate::error::Result;

/// A table over some of the free variables of `scope` as probabilities over all of `scope`: values that contradict the
/// evidence get 0, variables the table lacks are uniform.
pub(super) fn spread(graph: &FactorGraph, scope: &[usize], table: &Table) -> Result<Vec<f64>> {
    let arities = graph.arities();
    let (p, _) = table.normalised().ok_or_else(|| nothing_allowed("a marginal"))?;
    let strides: Vec<usize> = {
        let own = Strides::new(&table.scope, arities);
        scope.iter().map(|&v| own.of(v)).collect()
    };
    let copies: f64 = scope
        .iter()
        .filter(|v| !table.scope.contains(v) && graph.evidence()[**v].is_none())
        .map(|&v| arities[v] as f64)
        .product();
    // Offsets into `p`, or none where the evidence is contradicted; expanded axis by axis.
    let mut at = vec![Some(0usize)];
    for (&v, &stride) in scope.iter().zip(&strides) {
        let observed = graph.evidence()[v];
        let axis = |o: Option<usize>| {
            (0..arities[v]).map(move |x| match observed {
                Some(e) => o.filter(|_| e == x),
                None => o.map(|o| o + x * stride),
            })
        };
        at = at.into_iter().flat_map(axis).collect();
    }
    Ok(at.into_iter().map(|o| o.map_or(0.0, |o| p[o] / copies)).collect())
}
