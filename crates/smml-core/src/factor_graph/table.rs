//! Tables over a few variables, and the walk through several of them at once that all semirings share.
//!
//! The walk fixes the order of the result's axes so that the inner loop is long and contiguous: every input either has
//! the innermost run of the result (then it is read with a fixed stride, mostly 1) or lacks it altogether (then it is one
//! number for the whole run). Strides are merged and updated as an odometer; no index is ever decoded.

use crate::parallel::{self, Par};
use std::borrow::Cow;

/// Which numbers a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Domain {
    /// value = `values[i] * unit * exp(scale)`.
    Linear,
    /// ln value = `values[i] + scale`.
    Ln,
}

/// A function of the variables in `scope`; the last one runs fastest.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub scope: Vec<usize>,
    pub values: Vec<f64>,
    pub domain: Domain,
    /// A common factor, as a logarithm.
    pub scale: f64,
    /// A power of two that brings the largest value of a linear table into (1/2, 1].
    pub unit: f64,
    /// ln(largest / smallest value), zeros left out.
    pub range: f64,
    /// How many configurations reach each value (only when maxima are counted), times exp(-`count_scale`).
    pub counts: Vec<f64>,
    pub count_scale: f64,
}

/// What all tables of one computation have in common.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub arities: &'a [usize],
    /// The step at which each variable is eliminated; variables that stay have `usize::MAX`.
    pub rank: &'a [usize],
    pub par: Par,
}

/// Result entries that one task computes (a multiple of the run, see [`fill`]).
const TASK: usize = 1 << 14;
/// Results below this size are not worth an optimised layout.
const SMALL: usize = 1 << 10;
/// Runs below this length are worth a copy of the inputs in a better order, when the result is not small.
const SHORT_RUN: usize = 32;

struct Axis {
    len: usize,
    strides: Vec<usize>,
}

/// How to walk through inputs so that the result is written from front to back.
pub(super) struct Layout {
    pub scope: Vec<usize>,
    pub len: usize,
    outer: Vec<Axis>,
    /// Length of the innermost loop.
    pub run: usize,
    /// Stride of each input in the innermost loop; 0 where it is constant.
    pub inner: Vec<usize>,
    /// Number of values of the variable summed out; 1 for none.
    pub sum_len: usize,
    /// Stride of each input along that variable.
    pub sum_stride: Vec<usize>,
}

/// The stride of each variable of a scope.
pub(super) struct Strides(Vec<(usize, usize)>);

impl Strides {
    pub(super) fn new(scope: &[usize], arities: &[usize]) -> Self {
        let mut next = 1;
        let pair = |&v: &usize| {
            let stride = next;
            next *= arities[v];
            (v, stride)
        };
        Strides(scope.iter().rev().map(pair).collect())
    }
    /// 0 for a variable that is not in the scope.
    pub(super) fn of(&self, v: usize) -> usize {
        self.0.iter().find(|s| s.0 == v).map_or(0, |s| s.1)
    }
}

impl Layout {
    fn new(inputs: &[&Table], scope: Vec<usize>, sum: Option<usize>, arities: &[usize]) -> Layout {
        let strides: Vec<Strides> = inputs.iter().map(|t| Strides::new(&t.scope, arities)).collect();
        let mut axes: Vec<Axis> = Vec::new(); // fastest first
        let mut len = 1;
        for &v in scope.iter().rev() {
            let arity = arities[v];
            len *= arity;
            if arity == 1 {
                continue;
            }
            let strides: Vec<usize> = strides.iter().map(|s| s.of(v)).collect();
            match axes.last_mut() {
                Some(last) if last.strides.iter().zip(&strides).all(|(a, b)| a * last.len == *b) => {
                    last.len *= arity
                }
                _ => axes.push(Axis { len: arity, strides }),
            }
        }
        let (run, inner) = match axes.first() {
            Some(first) => (first.len, first.strides.clone()),
            None => (1, vec![0; inputs.len()]),
        };
        let outer = axes.into_iter().skip(1).rev().collect();
        let sum_len = sum.map_or(1, |v| arities[v]);
        let sum_stride = strides.iter().map(|s| sum.map_or(0, |v| s.of(v))).collect();
        Layout { scope, len, outer, run, inner, sum_len, sum_stride }
    }

    /// Calls `visit(offsets)` for `n` runs of the result from run `first` on.
    pub(super) fn walk(&self, first: usize, n: usize, mut visit: impl FnMut(usize, &[usize])) {
        let mut at = vec![0usize; self.outer.len()];
        let mut offsets = vec![0usize; self.inner.len()];
        let mut left = first;
        for (axis, at) in self.outer.iter().zip(&mut at).rev() {
            *at = left % axis.len;
            left /= axis.len;
            offsets.iter_mut().zip(&axis.strides).for_each(|(o, s)| *o += *at * s);
        }
        for k in 0..n {
            visit(k, &offsets);
            for (axis, at) in self.outer.iter().zip(&mut at).rev() {
                *at += 1;
                if *at < axis.len {
                    offsets.iter_mut().zip(&axis.strides).for_each(|(o, s)| *o += s);
                    break;
                }
                *at = 0;
                offsets.iter_mut().zip(&axis.strides).for_each(|(o, s)| *o -= (axis.len - 1) * s);
            }
        }
    }
}

/// Inputs (copied into a better order where that pays) and how to walk through them.
pub(super) fn lay_out<'t>(
    inputs: &[&'t Table],
    sum: Option<usize>,
    context: Context<'_>,
) -> (Vec<Cow<'t, Table>>, Layout) {
    let arities = context.arities;
    let borrowed = || inputs.iter().map(|t| Cow::Borrowed(*t)).collect::<Vec<_>>();
    // The largest input's own order, and what it lacks in front.
    let largest =
        inputs.iter().enumerate().max_by_key(|(k, t)| (t.values.len(), usize::MAX - k)).map(|(_, t)| *t);
    let mut scope: Vec<usize> = Vec::new();
    for t in inputs {
        scope.extend(
            t.scope.iter().filter(|&&v| Some(v) != sum && largest.is_none_or(|l| !l.scope.contains(&v))),
        );
    }
    scope.sort_unstable_by_key(|&v| (context.rank[v], v));
    scope.dedup();
    scope.extend(largest.iter().flat_map(|l| &l.scope).filter(|&&v| Some(v) != sum));
    let layout = Layout::new(inputs, scope, sum, arities);
    if layout.len < SMALL || layout.run >= SHORT_RUN {
        return (borrowed(), layout);
    }
    // Variables that occur in the same inputs form a group; the largest group runs fastest. Inside a group the next to
    // be eliminated are slowest, so that the layout stays good for the following steps.
    let mut groups: Vec<(Vec<bool>, Vec<usize>, usize)> = Vec::new();
    for &v in &layout.scope {
        let signature: Vec<bool> = inputs.iter().map(|t| t.scope.contains(&v)).collect();
        match groups.iter_mut().find(|g| g.0 == signature) {
            Some(g) => {
                g.1.push(v);
                g.2 *= arities[v];
            }
            None => groups.push((signature, vec![v], arities[v])),
        }
    }
    groups.sort_by_key(|g| g.2);
    if groups.last().is_none_or(|g| g.2 <= layout.run) {
        return (borrowed(), layout);
    }
    for g in &mut groups {
        g.1.sort_unstable_by_key(|&v| (context.rank[v], v));
    }
    let scope: Vec<usize> = groups.into_iter().flat_map(|g| g.1).collect();
    let ordered: Vec<Cow<'t, Table>> = inputs
        .iter()
        .map(|t| {
            let wanted: Vec<usize> =
                sum.iter().chain(&scope).copied().filter(|v| t.scope.contains(v)).collect();
            if wanted == t.scope || t.values.len() < SMALL / 16 {
                Cow::Borrowed(*t)
            } else {
                Cow::Owned(t.reordered(wanted, context))
            }
        })
        .collect();
    let references: Vec<&Table> = ordered.iter().map(AsRef::as_ref).collect();
    let layout = Layout::new(&references, scope, sum, arities);
    (ordered, layout)
}

/// What a task says about the part of the result it wrote: largest value, smallest value that is not zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extremes {
    pub max: f64,
    pub min: f64,
}

/// Fills the result part by part: `task(first run, part)`. Parts have a fixed size, so the number of threads changes
/// nothing. Returns what the tasks returned, in order.
pub(super) fn fill<R: Send>(
    layout: &Layout,
    par: Par,
    out: &mut [f64],
    task: impl Fn(usize, &mut [f64]) -> R + Sync + Send,
) -> Vec<R> {
    let runs = (TASK / layout.run).max(1);
    let mut parts: Vec<(&mut [f64], Option<R>)> =
        out.chunks_mut(runs * layout.run).map(|c| (c, None)).collect();
    let par = if parts.len() < 4 { Par::Serial } else { par };
    parallel::each(par, &mut parts, |k, (part, result)| *result = Some(task(k * runs, part)));
    parts.into_iter().filter_map(|p| p.1).collect()
}

/// As [`fill`], for two results at once.
pub(super) fn fill_two(
    layout: &Layout,
    par: Par,
    a: &mut [f64],
    b: &mut [f64],
    task: impl Fn(usize, &mut [f64], &mut [f64]) + Sync + Send,
) {
    let runs = (TASK / layout.run).max(1);
    let size = runs * layout.run;
    let mut parts: Vec<(&mut [f64], &mut [f64])> = a.chunks_mut(size).zip(b.chunks_mut(size)).collect();
    let par = if parts.len() < 4 { Par::Serial } else { par };
    parallel::each(par, &mut parts, |k, (a, b)| task(k * runs, a, b));
}

impl Table {
    /// The same function with its axes in another order.
    pub(super) fn reordered(&self, scope: Vec<usize>, context: Context<'_>) -> Table {
        let layout = Layout::new(&[self], scope, None, context.arities);
        let copy = |from: &[f64]| {
            let mut to = vec![0.0; from.len()];
            fill(&layout, context.par, &mut to, |first, part| {
                let n = part.len() / layout.run;
                layout.walk(first, n, |k, at| {
                    gather(&mut part[k * layout.run..][..layout.run], &from[at[0]..], layout.inner[0]);
                });
            });
            to
        };
        let values = copy(&self.values);
        let counts = if self.counts.is_empty() { Vec::new() } else { copy(&self.counts) };
        Table { scope: layout.scope.clone(), values, counts, ..*self }
    }

    /// Position of an assignment, given as the value of every variable of the graph.
    pub(super) fn position(&self, assignment: &[usize], arities: &[usize]) -> usize {
        self.scope.iter().fold(0, |at, &v| at * arities[v] + assignment[v])
    }

    /// ln of one entry.
    pub(super) fn ln_at(&self, position: usize) -> f64 {
        match self.domain {
            Domain::Linear => libm::log(self.values[position] * self.unit) + self.scale,
            Domain::Ln => self.values[position] + self.scale,
        }
    }

    /// Entries relative to their sum, and ln of the sum; `None` when all are zero.
    pub(super) fn normalised(&self) -> Option<(Vec<f64>, f64)> {
        let ln: Vec<f64> = (0..self.values.len()).map(|i| self.ln_at(i)).collect();
        let sum = crate::energy::ln_sum_exp(&ln);
        (sum > f64::NEG_INFINITY).then(|| (ln.iter().map(|l| libm::exp(l - sum)).collect(), sum))
    }

    /// Bytes of a table over `scope`, as a real number because it may be astronomical.
    pub(super) fn bytes(scope: &[usize], arities: &[usize]) -> f64 {
        scope.iter().fold(8.0, |n, &v| n * arities[v] as f64)
    }
}

/// `to[i] = from[i * stride]`.
pub(super) fn gather(to: &mut [f64], from: &[f64], stride: usize) {
    match stride {
        0 => to.fill(from[0]),
        1 => to.copy_from_slice(&from[..to.len()]),
        2 => to.iter_mut().zip(from.chunks(2)).for_each(|(t, f)| *t = f[0]),
        _ => to.iter_mut().zip(from.iter().step_by(stride)).for_each(|(t, f)| *t = *f),
    }
}
