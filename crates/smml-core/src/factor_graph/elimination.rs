//! Variable elimination: ln Z, maxima and their number, marginals, exact samples.
//!
//! The order, the width and the memory are known before the first table is made. What needs the tables again on the way
//! back (maximising configuration, samples, marginals) stores them all when they fit into the memory limit, and
//! otherwise only at some steps, from where the tables in between are computed a second time.

use super::{
    FactorGraph, Order,
    order::Plan,
    semiring::{CountMax, MaxSum, Semiring, SumProduct},
    spread::spread,
    table::{Context, Domain, Table},
};
use crate::{
    error::{Error, Result, not_negative},
    parallel::{self, Par},
    rng::Draw,
};
use std::{f64::consts::LN_2, sync::Arc};

/// How exact inference is done, and how much memory it may take. Neither the order nor the threads change a result
/// beyond rounding; threads change no bit.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactOptions {
    /// How to choose the elimination order.
    pub order: Order,
    /// Bytes that all tables together may take at any time. Default 2 GiB.
    pub max_bytes: u64,
    /// Threads for large tables.
    pub par: Par,
}

impl Default for ExactOptions {
    fn default() -> Self {
        ExactOptions { order: Order::Best, max_bytes: 2 << 30, par: Par::Rayon }
    }
}

/// A configuration of largest weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Maximum {
    /// ln of its weight: the largest of Σ_f ln ψ_f.
    pub ln_weight: f64,
    /// The value of each variable.
    pub configuration: Vec<usize>,
}

/// How many configurations have the largest weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maxima {
    /// ln of the largest weight.
    pub ln_weight: f64,
    /// Their number: exact up to 2⁵³, rounded beyond, infinite beyond 1.8e308.
    pub count: f64,
    /// ln of their number (for a ground state: its entropy).
    pub ln_count: f64,
}

/// Marginal distributions, given the evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Marginals {
    /// For each variable the probability of each value.
    pub variables: Vec<Vec<f64>>,
    /// For each factor the joint distribution of its scope, laid out like its table.
    pub factors: Vec<Vec<f64>>,
}

/// An elimination that has been planned for one [`FactorGraph`] (with its evidence).
///
/// ```
/// use smml_core::factor_graph::FactorGraph;
/// // A frustrated triangle: six of the eight configurations have energy -1.
/// let mut triangle = FactorGraph::new(&[2; 3])?;
/// for (i, j) in [(0, 1), (1, 2), (2, 0)] {
///     triangle.add(&[i, j], &[-1.0, 1.0, 1.0, -1.0])?;
/// }
/// let maxima = triangle.eliminate()?.maxima(1e-9)?;
/// assert_eq!((maxima.ln_weight, maxima.count), (1.0, 6.0));
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Elimination<'g> {
    graph: &'g FactorGraph,
    options: ExactOptions,
    plan: Plan,
    /// Step at which each variable goes; `usize::MAX` for variables that stay or are observed.
    rank: Vec<usize>,
    /// Scope and table of each factor, observed variables fixed.
    factors: Vec<(Vec<usize>, Vec<f64>)>,
    /// Factors first used in each step.
    bucket: Vec<Vec<usize>>,
    /// Earlier steps whose results are used in each step.
    children: Vec<Vec<usize>>,
    /// Factors and steps whose scope lies in what is kept.
    left_factors: Vec<usize>,
    left_steps: Vec<usize>,
}

impl FactorGraph {
    /// Plans an elimination with default [`ExactOptions`].
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the tables would not fit into 2 GiB.
    pub fn eliminate(&self) -> Result<Elimination<'_>> {
        Elimination::new(self, &ExactOptions::default())
    }
}

impl<'g> Elimination<'g> {
    /// Finds an order and checks what it needs.
    ///
    /// # Errors
    /// [`Error::TooLarge`], naming width and bytes, when the tables exceed `options.max_bytes`;
    /// [`Error::OutOfRange`] or [`Error::Length`] when a given order is none.
    pub fn new(graph: &'g FactorGraph, options: &ExactOptions) -> Result<Self> {
        Self::keeping(graph, options, &[])
    }

    fn keeping(graph: &'g FactorGraph, options: &ExactOptions, keep: &[usize]) -> Result<Self> {
        const WHAT: &str = "exact elimination";
        let plan = Plan::new(graph, &options.order, keep, WHAT)?;
        let mut rank = vec![usize::MAX; graph.n_variables()];
        for (t, &v) in plan.order.iter().enumerate() {
            rank[v] = t;
        }
        let n = plan.order.len();
        let mut this = Elimination {
            graph,
            options: options.clone(),
            rank,
            factors: graph.factors().iter().map(|f| graph.reduced(f)).collect(),
            bucket: vec![Vec::new(); n],
            children: vec![Vec::new(); n],
            left_factors: Vec::new(),
            left_steps: Vec::new(),
            plan,
        };
        let first_use =
            |scope: &[usize], rank: &[usize]| scope.iter().map(|&v| rank[v]).min().filter(|&t| t < n);
        for (f, (scope, _)) in this.factors.iter().enumerate() {
            match first_use(scope, &this.rank) {
                Some(t) => this.bucket[t].push(f),
                None => this.left_factors.push(f),
            }
        }
        for t in 0..n {
            match first_use(&this.plan.scopes[t], &this.rank) {
                Some(parent) => this.children[parent].push(t),
                None => this.left_steps.push(t),
            }
        }
        let kept = Table::bytes(keep, graph.arities());
        this.within(WHAT, this.peak_bytes().max(kept))?;
        Ok(this)
    }

    fn within(&self, what: &str, bytes: f64) -> Result<()> {
        if bytes <= self.options.max_bytes as f64 {
            return Ok(());
        }
        Err(Error::TooLarge {
            what: format!("{what} at width {}", self.plan.width),
            needed: format!("{bytes:.3e} bytes"),
            limit: format!("max_bytes = {}", self.options.max_bytes),
        })
    }

    /// The number of variables in the largest table that a step leaves behind: an upper bound of the treewidth.
    pub fn width(&self) -> usize {
        self.plan.width
    }

    /// The free variables in the order of their elimination.
    pub fn order(&self) -> &[usize] {
        &self.plan.order
    }

    /// Number of table entries combined: what one pass costs.
    pub fn cost(&self) -> f64 {
        self.plan.cost
    }

    /// Bytes of the tables alive at the worst moment of a forward pass; those of the factors themselves come on top.
    pub fn peak_bytes(&self) -> f64 {
        let (mut live, mut peak) = (0.0, 0.0f64);
        for t in 0..self.plan.order.len() {
            // Inputs may be copied, into a better order or from logarithms to numbers.
            let inputs = self.input_bytes(t);
            live += self.step_bytes(t);
            peak = peak.max(live + inputs);
            live -= inputs;
        }
        peak
    }

    /// Bytes of a table over all variables of a step.
    fn joint_bytes(&self, t: usize) -> f64 {
        self.graph.arities()[self.plan.order[t]] as f64 * self.step_bytes(t)
    }

    /// Bytes of the earlier tables that a step uses.
    fn input_bytes(&self, t: usize) -> f64 {
        self.children[t].iter().map(|&c| self.step_bytes(c)).sum()
    }

    fn step_bytes(&self, t: usize) -> f64 {
        Table::bytes(&self.plan.scopes[t], self.graph.arities())
    }

    fn context(&self) -> Context<'_> {
        Context { arities: self.graph.arities(), rank: &self.rank, par: self.options.par }
    }

    fn leaves(&self, semiring: &impl Semiring, factors: &[usize]) -> Vec<Table> {
        let leaf = |&f: &usize| {
            let (scope, table) = &self.factors[f];
            semiring.leaf(scope.clone(), table.clone())
        };
        factors.iter().map(leaf).collect()
    }

    fn step(&self, semiring: &impl Semiring, t: usize, results: &[Option<Arc<Table>>]) -> Table {
        let leaves = self.leaves(semiring, &self.bucket[t]);
        let inputs: Vec<&Table> =
            leaves.iter().chain(self.children[t].iter().filter_map(|&c| results[c].as_deref())).collect();
        semiring.combine(&inputs, Some(self.plan.order[t]), self.context())
    }

    /// Runs all steps, freeing what was used; returns what is left: tables over kept variables and constants.
    fn forward(&self, semiring: &impl Semiring) -> Vec<Table> {
        let n = self.plan.order.len();
        let mut results: Vec<Option<Arc<Table>>> = vec![None; n];
        for t in 0..n {
            let table = self.step(semiring, t, &results);
            self.children[t].iter().for_each(|&c| results[c] = None);
            results[t] = Some(Arc::new(table));
        }
        let mut left = self.leaves(semiring, &self.left_factors);
        left.extend(self.left_steps.iter().filter_map(|&t| results[t].take().map(Arc::unwrap_or_clone)));
        left
    }

    /// Visits all steps from the last to the first with the tables that went into each. `outside`: the visitor keeps
    /// a table for each one still in use.
    fn backward(
        &self,
        what: &str,
        outside: bool,
        semiring: &impl Semiring,
        mut visit: impl FnMut(usize, &[&Table]),
    ) -> Result<()> {
        let n = self.plan.order.len();
        let starts = self.segments(what, outside)?;
        // Forward once, remembering at each start of a segment the tables still to be used.
        let mut results: Vec<Option<Arc<Table>>> = vec![None; n];
        let mut saved: Vec<Vec<(usize, Arc<Table>)>> = Vec::new();
        for (s, &start) in starts.iter().enumerate() {
            saved.push(results.iter().enumerate().filter_map(|(t, r)| r.clone().map(|r| (t, r))).collect());
            let Some(&end) = starts.get(s + 1) else { break };
            for t in start..end {
                let table = self.step(semiring, t, &results);
                self.children[t].iter().for_each(|&c| results[c] = None);
                results[t] = Some(Arc::new(table));
            }
        }
        results.fill(None);
        let mut end = n;
        for &start in starts.iter().rev() {
            saved.pop().into_iter().flatten().for_each(|(t, table)| results[t] = Some(table));
            for t in start..end.saturating_sub(1) {
                results[t] = Some(Arc::new(self.step(semiring, t, &results)));
            }
            for t in (start..end).rev() {
                let leaves = self.leaves(semiring, &self.bucket[t]);
                let inputs: Vec<&Table> = leaves
                    .iter()
                    .chain(self.children[t].iter().filter_map(|&c| results[c].as_deref()))
                    .collect();
                visit(t, &inputs);
                self.children[t].iter().for_each(|&c| results[c] = None);
            }
            results.fill(None);
            end = start;
        }
        Ok(())
    }

    /// First steps of the segments of a backward pass: one segment when all tables fit into the limit, else the first
    /// number of segments of about equal bytes that does.
    fn segments(&self, what: &str, outside: bool) -> Result<Vec<usize>> {
        let n = self.plan.order.len();
        let bytes: Vec<f64> = (0..n).map(|t| self.step_bytes(t)).collect();
        let total: f64 = bytes.iter().sum();
        // A step's result and copies of what goes in; then the same for a part of it that the visitor wants.
        let working = (0..n).map(|t| bytes[t] + self.input_bytes(t)).fold(0.0, f64::max);
        let joint = |t: usize| self.joint_bytes(t) * tables_without_each(self.children[t].len()) as f64;
        let outside = if outside { (0..n).map(joint).fold(working, f64::max) } else { 0.0 };
        let mut least = f64::INFINITY;
        let mut pieces = 1.0;
        while pieces <= 2.0 * n as f64 + 1.0 {
            let mut starts = vec![0];
            let (mut live, mut kept, mut most_live) = (0.0, 0.0, 0.0f64);
            let (mut inside, mut largest) = (0.0, 0.0f64);
            for t in 0..n {
                if inside >= total / pieces {
                    starts.push(t);
                    kept += live;
                    inside = 0.0;
                }
                inside += bytes[t];
                largest = largest.max(inside);
                live += bytes[t] - self.input_bytes(t);
                most_live = most_live.max(live);
            }
            let need = kept + largest + working + outside + if outside > 0.0 { most_live } else { 0.0 };
            if need <= self.options.max_bytes as f64 {
                return Ok(starts);
            }
            least = least.min(need);
            pieces *= 2.0;
        }
        self.within(what, least).map(|()| vec![0])
    }

    /// ln Z = ln Σ_x Π_f ψ_f(x), over the configurations that agree with the evidence; -∞ when none is allowed.
    pub fn ln_z(&self) -> f64 {
        let tables = self.forward(&SumProduct);
        tables.iter().map(|t| t.ln_at(0)).sum()
    }

    /// A configuration of largest weight (the ground state of -ln ψ). Of several the same one is always chosen.
    ///
    /// # Errors
    /// [`Error::Undefined`] when no configuration is allowed, [`Error::TooLarge`] as for [`Elimination::sample`].
    pub fn maximum(&self) -> Result<Maximum> {
        let arities = self.graph.arities();
        let mut configuration = self.observed();
        self.backward("finding a maximum", false, &MaxSum, |t, inputs| {
            let v = self.plan.order[t];
            let (mut best, mut best_value) = (0, f64::NEG_INFINITY);
            for x in 0..arities[v] {
                configuration[v] = x;
                let value: f64 = inputs.iter().map(|i| i.ln_at(i.position(&configuration, arities))).sum();
                if value > best_value {
                    (best, best_value) = (x, value);
                }
            }
            configuration[v] = best;
        })?;
        let ln_weight = self.graph.ln_weight(&configuration)?;
        if ln_weight == f64::NEG_INFINITY {
            return Err(nothing_allowed("a maximum"));
        }
        Ok(Maximum { ln_weight, configuration })
    }

    /// The largest weight and the number of configurations that have it. Sums of ln ψ within `tolerance` of each other
    /// count as equal at every step: choose it well above rounding and well below the gap to the next value (0 is right
    /// for integers).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `tolerance` is finite and not negative; [`Error::Undefined`] when no configuration is
    /// allowed; [`Error::TooLarge`] when counts in one table differ by more than a factor 2⁹⁰⁰ or the tables (twice
    /// the size here) do not fit.
    pub fn maxima(&self, tolerance: f64) -> Result<Maxima> {
        not_negative("tolerance", tolerance)?;
        // Products in parts make two tables over all variables of a step.
        let in_parts = (0..self.plan.order.len())
            .filter(|&t| CountMax::in_parts(self.bucket[t].len() + self.children[t].len()))
            .map(|t| 2.0 * self.joint_bytes(t))
            .fold(0.0, f64::max);
        self.within("counting maxima", 2.0 * (self.peak_bytes() + in_parts))?;
        let tables = self.forward(&CountMax { tolerance });
        let ln_weight: f64 = tables.iter().map(|t| t.values[0]).sum();
        if ln_weight == f64::NEG_INFINITY {
            return Err(nothing_allowed("a maximum"));
        }
        // Counts below 2²⁰⁰ carry no scale, so the product is exact as long as it is below 2⁵³.
        let mut count = 1.0;
        let mut ln_count = 0.0;
        for t in &tables {
            count *= t.counts[0] * libm::exp2((t.count_scale / LN_2).round());
            ln_count += libm::log(t.counts[0]) + t.count_scale;
        }
        if ln_count.is_nan() {
            return Err(Error::TooLarge {
                what: "counting maxima".into(),
                needed: "counts in one table that differ by more than 2^900".into(),
                limit: "2^900".into(),
            });
        }
        Ok(Maxima { ln_weight, count, ln_count })
    }

    /// `n` independent configurations drawn exactly from p(x) = Π ψ / Z, by backward sampling. Each sample has its
    /// own fork of `rng`, taken in order.
    ///
    /// # Errors
    /// [`Error::Undefined`] when no configuration is allowed; [`Error::TooLarge`] when even with recomputation the
    /// tables do not fit into the limit.
    pub fn sample(&self, n: usize, rng: &mut impl Draw) -> Result<Vec<Vec<usize>>> {
        self.check_constants("the distribution")?;
        let arities = self.graph.arities();
        struct Sample<R> {
            x: Vec<usize>,
            rng: R,
            possible: bool,
        }
        let mut samples: Vec<_> =
            (0..n).map(|_| Sample { x: self.observed(), rng: rng.fork(), possible: true }).collect();
        let par = if n < 64 { Par::Serial } else { self.options.par };
        self.backward("exact sampling", false, &SumProduct, |t, inputs| {
            let v = self.plan.order[t];
            let linear = inputs.iter().all(|i| i.domain == Domain::Linear) && SumProduct::is_safe(inputs);
            parallel::each(par, &mut samples, |_, Sample { x, rng, possible }| {
                let mut weights = vec![0.0; arities[v]];
                for (value, w) in weights.iter_mut().enumerate() {
                    x[v] = value;
                    let at = |i: &&Table| i.position(x, arities);
                    *w = if linear {
                        inputs.iter().map(|i| i.values[at(i)] * i.unit).product()
                    } else {
                        inputs.iter().map(|i| i.ln_at(at(i))).sum()
                    };
                }
                if !linear {
                    let top = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    weights
                        .iter_mut()
                        .for_each(|w| *w = if *w > f64::NEG_INFINITY { libm::exp(*w - top) } else { 0.0 });
                }
                *possible &= weights.iter().any(|&w| w > 0.0);
                x[v] = rng.choose(&weights);
            });
        })?;
        if samples.iter().any(|s| !s.possible) {
            return Err(nothing_allowed("the distribution"));
        }
        Ok(samples.into_iter().map(|s| s.x).collect())
    }

    /// The joint distribution of the variables in `scope`, the last one running fastest. Runs an elimination of its own
    /// that keeps these variables to the end.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for an unknown or repeated variable; [`Error::Undefined`] when no configuration is allowed;
    /// [`Error::TooLarge`] as for [`Elimination::new`].
    pub fn marginal(&self, scope: &[usize]) -> Result<Vec<f64>> {
        self.graph.check_scope("scope", scope)?;
        let bytes = Table::bytes(scope, self.graph.arities());
        self.within("a joint marginal", bytes)?;
        let free: Vec<usize> =
            scope.iter().copied().filter(|&v| self.graph.evidence()[v].is_none()).collect();
        let kept = Elimination::keeping(self.graph, &self.options, &free)?;
        let left = kept.forward(&SumProduct);
        let joint = SumProduct.combine(&left.iter().collect::<Vec<_>>(), None, kept.context());
        spread(self.graph, scope, &joint)
    }

    /// The marginals of all variables and of all factor scopes, by one pass forward and one back. Costs a few times
    /// [`Elimination::ln_z`]; for repeated use with changing evidence see [`JunctionTree`](super::JunctionTree).
    ///
    /// # Errors
    /// [`Error::Undefined`] when no configuration is allowed; [`Error::TooLarge`] as for [`Elimination::sample`].
    pub fn marginals(&self) -> Result<Marginals> {
        self.check_constants("a marginal")?;
        let n = self.plan.order.len();
        let arities = self.graph.arities();
        let mut variables: Vec<Vec<f64>> = Vec::with_capacity(arities.len());
        for (&arity, e) in arities.iter().zip(self.graph.evidence()) {
            variables.push((0..arity).map(|x| if *e == Some(x) { 1.0 } else { 0.0 }).collect());
        }
        let mut factors = vec![Vec::new(); self.factors.len()];
        for &f in &self.left_factors {
            let constant = SumProduct.leaf(Vec::new(), vec![0.0]);
            factors[f] = spread(self.graph, self.graph.factors()[f].scope(), &constant)?;
        }
        // The product of everything outside each step's own part of the tree, summed to the step's scope.
        let mut outside: Vec<Option<Table>> = vec![None; n];
        let mut failure = None;
        self.backward("marginals", true, &SumProduct, |t, inputs| {
            let mut all = inputs.to_vec();
            let above = outside[t].take();
            all.extend(&above);
            let (own, n_leaves) = (&self.bucket[t], self.bucket[t].len());
            let mut near = vec![self.plan.order[t]];
            near.extend(own.iter().flat_map(|&f| &self.factors[f].0));
            let belief = sum_to(&all, &near, self.context());
            let mut record = || -> Result<()> {
                let v = self.plan.order[t];
                variables[v] = spread(self.graph, &[v], &sum_to(&[&belief], &[v], self.context()))?;
                for &f in own {
                    let scope = self.graph.factors()[f].scope();
                    factors[f] = spread(self.graph, scope, &sum_to(&[&belief], scope, self.context()))?;
                }
                Ok(())
            };
            if let Err(e) = record() {
                failure.get_or_insert(e);
            }
            let (leaves, children) = inputs.split_at(n_leaves);
            let fixed: Vec<&Table> = leaves.iter().copied().chain(&above).collect();
            let separator = |k: usize| self.plan.scopes[self.children[t][k]].as_slice();
            let tables = without_each(&fixed, children, &separator, self.context());
            for (&c, table) in self.children[t].iter().zip(tables) {
                outside[c] = Some(table);
            }
        })?;
        failure.map_or(Ok(Marginals { variables, factors }), Err)
    }

    fn check_constants(&self, what: &str) -> Result<()> {
        if self.left_factors.iter().any(|&f| self.factors[f].1[0] == f64::NEG_INFINITY) {
            return Err(nothing_allowed(what));
        }
        Ok(())
    }

    fn observed(&self) -> Vec<usize> {
        self.graph.evidence().iter().map(|e| e.unwrap_or(0)).collect()
    }
}

pub(super) fn nothing_allowed(what: &str) -> Error {
    Error::Undefined { what: what.into(), why: "every configuration has weight 0".into() }
}

/// The product of `inputs`, summed over every variable that is not in `keep`.
pub(super) fn sum_to(inputs: &[&Table], keep: &[usize], context: Context<'_>) -> Table {
    let mut out: Vec<usize> =
        inputs.iter().flat_map(|t| &t.scope).copied().filter(|v| !keep.contains(v)).collect();
    out.sort_unstable_by_key(|&v| (context.rank[v], v));
    out.dedup();
    let mut table = SumProduct.combine(inputs, out.first().copied(), context);
    for &v in out.iter().skip(1) {
        table = SumProduct.combine(&[&table], Some(v), context);
    }
    table
}

/// Up to this many messages, each product without one of them is made by itself.
const DIRECT: usize = 3;

/// For each k the product of `fixed` and of all `messages` but the k-th, summed to `separator(k)`. Of many messages one
/// half is multiplied into what the other half gets, and so on: n log n products, log n of them in memory.
pub(super) fn without_each<'s>(
    fixed: &[&Table],
    messages: &[&Table],
    separator: &dyn Fn(usize) -> &'s [usize],
    context: Context<'_>,
) -> Vec<Table> {
    if messages.len() <= DIRECT {
        let one = |k: usize| {
            let others = messages.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, m)| *m);
            sum_to(&fixed.iter().copied().chain(others).collect::<Vec<_>>(), separator(k), context)
        };
        return (0..messages.len()).map(one).collect();
    }
    let (left, right) = messages.split_at(messages.len() / 2);
    let rest = |half: &[&Table]| {
        let product = product(half, context);
        let inputs: Vec<&Table> = fixed.iter().copied().chain([&product]).collect();
        SumProduct.combine(&inputs, None, context)
    };
    let mut tables = without_each(&[&rest(right)], left, separator, context);
    tables.extend(without_each(&[&rest(left)], right, &|k| separator(left.len() + k), context));
    tables
}

/// How many tables [`without_each`] of `n` messages holds at a time, all over no more than the joint scope.
pub(super) fn tables_without_each(n: usize) -> usize {
    if n <= DIRECT { 2 } else { 2 + n.ilog2() as usize }
}

/// The product of many tables, a few at a time: with more than that their ranges would rule out linear numbers.
fn product(tables: &[&Table], context: Context<'_>) -> Table {
    const AT_ONCE: usize = 8;
    let (first, rest) = tables.split_at(tables.len().min(AT_ONCE));
    rest.chunks(AT_ONCE - 1).fold(SumProduct.combine(first, None, context), |so_far, next| {
        let inputs: Vec<&Table> = std::iter::once(&so_far).chain(next.iter().copied()).collect();
        SumProduct.combine(&inputs, None, context)
    })
}
