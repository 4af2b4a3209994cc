//! The messages of belief propagation: how one factor answers its variables, in which order, and the beliefs that follow.

use super::{Beliefs, Convergence, Goal};
use crate::{
    energy::ln_sum_exp,
    error::{Error, Result},
    factor_graph::{Factor, FactorGraph, Maximum},
};
use std::collections::BinaryHeap;

/// Factors over free variables, the edges between both, and the messages.
pub(super) struct Net<'g> {
    goal: Goal,
    damping: f64,
    arities: &'g [usize],
    factors: Vec<Factor>,
    /// Edges of factor f: `first_edge[f]..first_edge[f + 1]`, in the order of its scope.
    first_edge: Vec<usize>,
    /// Where the message of each edge begins; one more entry at the end.
    at: Vec<usize>,
    variable: Vec<usize>,
    /// Edges of variable v: `edges_of[first_of[v]..first_of[v + 1]]`.
    first_of: Vec<usize>,
    edges_of: Vec<usize>,
    /// Messages from factors to variables.
    message: Vec<f64>,
}

/// Working memory of one factor update: messages in and out, one slot after the other.
#[derive(Default)]
struct Scratch {
    incoming: Vec<f64>,
    outgoing: Vec<f64>,
    scaled: Vec<f64>,
    digits: Vec<usize>,
    before: Vec<f64>,
}

fn join(goal: Goal, ln: &[f64]) -> f64 {
    match goal {
        Goal::Marginals => ln_sum_exp(ln),
        Goal::Maximum => ln.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// Moves the largest entry to 0.
fn centre(message: &mut [f64], variable: usize) -> Result<()> {
    let top = message.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        return Err(Error::Undefined {
            what: "a belief".into(),
            why: format!("the constraints and the evidence leave no value for variable {variable}"),
        });
    }
    message.iter_mut().for_each(|m| *m -= top);
    Ok(())
}

/// Largest |Δ| / (1 + |new|); infinite when an entry has become impossible.
fn residual(old: &[f64], new: &[f64]) -> f64 {
    old.iter().zip(new).filter(|(a, b)| a != b).fold(0.0, |r, (a, b)| {
        let d = if a.is_finite() && b.is_finite() { (a - b).abs() / (1.0 + b.abs()) } else { f64::INFINITY };
        r.max(d)
    })
}

impl<'g> Net<'g> {
    pub(super) fn new(graph: &'g FactorGraph, goal: Goal, damping: f64) -> Result<Self> {
        let arities = graph.arities();
        let mut net = Net {
            goal,
            damping,
            arities,
            factors: Vec::with_capacity(graph.factors().len()),
            first_edge: vec![0],
            at: vec![0],
            variable: Vec::new(),
            first_of: vec![0; graph.n_variables() + 1],
            edges_of: Vec::new(),
            message: Vec::new(),
        };
        let mut length = 0;
        for f in graph.factors() {
            let (scope, ln_table) = graph.reduced(f);
            for &v in &scope {
                net.variable.push(v);
                length += arities[v];
                net.at.push(length);
                net.first_of[v + 1] += 1;
            }
            net.first_edge.push(net.variable.len());
            net.factors.push(Factor { scope, ln_table });
        }
        for v in 0..graph.n_variables() {
            net.first_of[v + 1] += net.first_of[v];
        }
        let mut next = net.first_of.clone();
        net.edges_of = vec![0; net.variable.len()];
        for (e, &v) in net.variable.iter().enumerate() {
            net.edges_of[next[v]] = e;
            next[v] += 1;
        }
        net.message = vec![0.0; length];
        Ok(net)
    }

    fn edges(&self, v: usize) -> &[usize] {
        &self.edges_of[self.first_of[v]..self.first_of[v + 1]]
    }

    fn span(&self, e: usize) -> std::ops::Range<usize> {
        self.at[e]..self.at[e + 1]
    }

    /// The messages of factor `f`'s edges, as one range.
    fn factor_span(&self, f: usize) -> std::ops::Range<usize> {
        self.at[self.first_edge[f]]..self.at[self.first_edge[f + 1]]
    }

    /// The messages from variable `v` along all its edges, each the sum of what the other edges say. By partial sums
    /// from both sides: linear in the number of edges, and nothing is subtracted.
    fn speak(&self, v: usize, to_factor: &mut [f64], after: &mut Vec<f64>) -> Result<()> {
        let a = self.arities[v];
        let edges = self.edges(v);
        after.clear();
        after.resize((edges.len() + 1) * a, 0.0);
        for (i, &e) in edges.iter().enumerate().rev() {
            for x in 0..a {
                after[i * a + x] = after[(i + 1) * a + x] + self.message[self.at[e] + x];
            }
        }
        let mut before = vec![0.0; a];
        for (i, &e) in edges.iter().enumerate() {
            let to = &mut to_factor[self.at[e]..self.at[e + 1]];
            for x in 0..a {
                to[x] = before[x] + after[(i + 1) * a + x];
                before[x] += self.message[self.at[e] + x];
            }
            centre(to, v)?;
        }
        Ok(())
    }

    /// The messages from all variables to all factors.
    fn speak_all(&self, to_factor: &mut [f64], after: &mut Vec<f64>) -> Result<()> {
        (0..self.arities.len()).try_for_each(|v| self.speak(v, to_factor, after))
    }

    /// `outgoing` of factor `f` from `incoming`, centred, without damping.
    fn respond(&self, f: usize, s: &mut Scratch) -> Result<()> {
        let factor = &self.factors[f];
        let edges = self.first_edge[f]..self.first_edge[f + 1];
        let start = self.at[edges.start];
        let k = edges.len();
        s.outgoing.clear();
        s.outgoing.resize(s.incoming.len(), f64::NEG_INFINITY);
        s.scaled.clear();
        s.scaled.resize(s.incoming.len(), 0.0);
        s.digits.clear();
        s.digits.resize(k, 0);
        s.before.resize(k + 1, 0.0);
        let slot = |j: usize| self.at[edges.start + j] - start;
        for &ln_psi in &factor.ln_table {
            if ln_psi > f64::NEG_INFINITY {
                s.before[0] = ln_psi;
                for j in 0..k {
                    s.before[j + 1] = s.before[j] + s.incoming[slot(j) + s.digits[j]];
                }
                let mut after = 0.0;
                for j in (0..k).rev() {
                    let i = slot(j) + s.digits[j];
                    let term = s.before[j] + after;
                    after += s.incoming[i];
                    // ln Σ exp, one term at a time: outgoing is the largest so far, scaled the sum relative to it.
                    if term > s.outgoing[i] {
                        if self.goal == Goal::Marginals {
                            s.scaled[i] = s.scaled[i] * libm::exp(s.outgoing[i] - term) + 1.0;
                        }
                        s.outgoing[i] = term;
                    } else if self.goal == Goal::Marginals && term > f64::NEG_INFINITY {
                        s.scaled[i] += libm::exp(term - s.outgoing[i]);
                    }
                }
            }
            for j in (0..k).rev() {
                s.digits[j] += 1;
                if s.digits[j] < self.arities[factor.scope[j]] {
                    break;
                }
                s.digits[j] = 0;
            }
        }
        if self.goal == Goal::Marginals {
            for (o, sum) in s.outgoing.iter_mut().zip(&s.scaled) {
                if *o > f64::NEG_INFINITY {
                    *o += libm::log(*sum);
                }
            }
        }
        for e in edges {
            centre(&mut s.outgoing[self.at[e] - start..self.at[e + 1] - start], self.variable[e])?;
        }
        Ok(())
    }

    /// Puts the new messages of factor `f` in place, damped; returns by how much they differed.
    fn replace(&mut self, f: usize, new: &[f64]) -> f64 {
        let span = self.factor_span(f);
        let damping = self.damping;
        let old = &mut self.message[span];
        let r = residual(old, new);
        for (old, &new) in old.iter_mut().zip(new) {
            // 0 * -∞ would be NaN.
            *old = if damping > 0.0 { (1.0 - damping) * new + damping * *old } else { new };
        }
        r
    }

    pub(super) fn flood(&mut self, tolerance: f64, max_sweeps: usize) -> Result<(usize, f64)> {
        let mut s = Scratch::default();
        let mut to_factor = vec![0.0; self.message.len()];
        let mut after = Vec::new();
        let mut worst = 0.0;
        for sweep in 1..=max_sweeps {
            self.speak_all(&mut to_factor, &mut after)?;
            worst = 0.0;
            for f in 0..self.factors.len() {
                self.respond_to(f, &to_factor, &mut s)?;
                worst = self.replace(f, &s.outgoing).max(worst);
            }
            if worst <= tolerance {
                return Ok((sweep, worst));
            }
        }
        Ok((max_sweeps, worst))
    }

    pub(super) fn sweep(&mut self, tolerance: f64, max_sweeps: usize) -> Result<(usize, f64)> {
        let mut s = Scratch::default();
        let n = self.factors.len();
        // What a variable hears from the factors that had their turn in this sweep, and for each edge what its variable
        // hears from those whose turn comes after that edge's. So a sweep costs no more than its edges.
        let mut heard = vec![0.0; self.arities.iter().sum()];
        let mut ahead = vec![0.0; self.message.len()];
        let mut place = Vec::with_capacity(self.arities.len());
        let mut next = 0;
        for a in self.arities {
            place.push(next);
            next += a;
        }
        let mut worst = 0.0;
        for sweep in 1..=max_sweeps {
            let forth = sweep % 2 == 1;
            worst = 0.0;
            heard.fill(0.0);
            self.look_ahead(forth, &mut ahead);
            for k in 0..n {
                let f = if forth { k } else { n - 1 - k };
                let edges = self.first_edge[f]..self.first_edge[f + 1];
                s.incoming.clear();
                for e in edges.clone() {
                    let (v, from) = (self.variable[e], s.incoming.len());
                    let heard = &heard[place[v]..place[v] + self.arities[v]];
                    s.incoming.extend(heard.iter().zip(&ahead[self.span(e)]).map(|(a, b)| a + b));
                    centre(&mut s.incoming[from..], v)?;
                }
                self.respond(f, &mut s)?;
                worst = self.replace(f, &s.outgoing).max(worst);
                for e in edges {
                    let heard = &mut heard[place[self.variable[e]]..];
                    heard.iter_mut().zip(&self.message[self.span(e)]).for_each(|(h, m)| *h += m);
                }
            }
            if worst <= tolerance {
                return Ok((sweep, worst));
            }
        }
        Ok((max_sweeps, worst))
    }

    /// For each edge the sum of what the later edges of its variable say (the earlier ones, when not `forth`).
    fn look_ahead(&self, forth: bool, ahead: &mut [f64]) {
        let mut sum = Vec::new();
        for (v, &a) in self.arities.iter().enumerate() {
            sum.clear();
            sum.resize(a, 0.0);
            let edges = self.edges(v);
            for i in 0..edges.len() {
                let e = edges[if forth { edges.len() - 1 - i } else { i }];
                ahead[self.span(e)].copy_from_slice(&sum);
                sum.iter_mut().zip(&self.message[self.span(e)]).for_each(|(s, m)| *s += m);
            }
        }
    }

    pub(super) fn chase(&mut self, tolerance: f64, max_sweeps: usize) -> Result<(usize, f64)> {
        let n = self.factors.len();
        let mut s = Scratch::default();
        let (mut to_factor, mut after) = (vec![0.0; self.message.len()], Vec::new());
        self.speak_all(&mut to_factor, &mut after)?;
        // Residuals are not negative, so their bits are in their order.
        let mut current = vec![0u64; n];
        let mut heap = BinaryHeap::new();
        for f in 0..n {
            self.respond_to(f, &to_factor, &mut s)?;
            current[f] = residual(&self.message[self.factor_span(f)], &s.outgoing).to_bits();
            heap.push((current[f], std::cmp::Reverse(f)));
        }
        let mut updates = 0;
        let mut stale = vec![false; n];
        let mut around = Vec::new();
        while let Some((bits, std::cmp::Reverse(f))) = heap.pop() {
            let sweeps = usize::div_ceil(updates, n);
            if current[f] != bits {
                continue;
            }
            if f64::from_bits(bits) <= tolerance || updates >= max_sweeps.saturating_mul(n) {
                return Ok((sweeps, f64::from_bits(bits)));
            }
            self.respond_to(f, &to_factor, &mut s)?;
            self.replace(f, &s.outgoing);
            updates += 1;
            // The factors that now hear something else, and with damping this one too.
            around.clear();
            around.push(f);
            stale[f] = true;
            for e in self.first_edge[f]..self.first_edge[f + 1] {
                self.speak(self.variable[e], &mut to_factor, &mut after)?;
                for &other in self.edges(self.variable[e]) {
                    let g = self.first_edge.partition_point(|&first| first <= other) - 1;
                    if !std::mem::replace(&mut stale[g], true) {
                        around.push(g);
                    }
                }
            }
            for &g in &around {
                stale[g] = false;
                self.respond_to(g, &to_factor, &mut s)?;
                let r = residual(&self.message[self.factor_span(g)], &s.outgoing).to_bits();
                if r != current[g] || g == f {
                    current[g] = r;
                    heap.push((r, std::cmp::Reverse(g)));
                }
            }
        }
        Ok((0, 0.0)) // no factors
    }

    /// [`Net::respond`] to the messages that are in `to_factor`.
    fn respond_to(&self, f: usize, to_factor: &[f64], s: &mut Scratch) -> Result<()> {
        s.incoming.clear();
        s.incoming.extend_from_slice(&to_factor[self.factor_span(f)]);
        self.respond(f, s)
    }

    /// ln of factor `f` times all incoming messages, entry by entry.
    fn factor_belief(&self, f: usize, incoming: &[f64]) -> Vec<f64> {
        let factor = &self.factors[f];
        let first = self.first_edge[f];
        let start = self.at[first];
        let mut digits = vec![0; factor.scope.len()];
        let mut ln = factor.ln_table.clone();
        for b in &mut ln {
            for (j, &x) in digits.iter().enumerate() {
                *b += incoming[self.at[first + j] - start + x];
            }
            for j in (0..digits.len()).rev() {
                digits[j] += 1;
                if digits[j] < self.arities[factor.scope[j]] {
                    break;
                }
                digits[j] = 0;
            }
        }
        ln
    }

    pub(super) fn beliefs(
        &self,
        graph: &FactorGraph,
        convergence: Convergence,
        tolerance: f64,
    ) -> Result<Beliefs> {
        let goal = self.goal;
        let mut ln_z = 0.0;
        let mut variables = Vec::with_capacity(self.arities.len());
        let mut ln_variables = Vec::with_capacity(self.arities.len());
        for (v, &a) in self.arities.iter().enumerate() {
            if let Some(x) = graph.evidence()[v] {
                variables.push((0..a).map(|y| if x == y { 1.0 } else { 0.0 }).collect());
                ln_variables.push(Vec::new());
                continue;
            }
            let mut ln = vec![0.0; a];
            for &e in self.edges(v) {
                ln.iter_mut().zip(&self.message[self.span(e)]).for_each(|(b, m)| *b += m);
            }
            let total = join(goal, &ln);
            if total == f64::NEG_INFINITY {
                centre(&mut ln, v)?;
            }
            ln_z += total;
            variables.push(ln.iter().map(|b| libm::exp(b - total)).collect::<Vec<f64>>());
            ln_variables.push(ln);
        }
        let mut factors = Vec::with_capacity(self.factors.len());
        let mut ln_factors = Vec::with_capacity(self.factors.len());
        let mut to_factor = vec![0.0; self.message.len()];
        self.speak_all(&mut to_factor, &mut Vec::new())?;
        for (f, given) in graph.factors().iter().enumerate() {
            let ln = self.factor_belief(f, &to_factor[self.factor_span(f)]);
            let total = join(goal, &ln);
            if total == f64::NEG_INFINITY {
                return Err(Error::Undefined {
                    what: "a belief".into(),
                    why: format!("the constraints and the evidence leave nothing for factor {f}"),
                });
            }
            ln_z += total;
            for e in self.first_edge[f]..self.first_edge[f + 1] {
                let both: Vec<f64> = to_factor[self.span(e)]
                    .iter()
                    .zip(&self.message[self.span(e)])
                    .map(|(a, b)| a + b)
                    .collect();
                ln_z -= join(goal, &both);
            }
            let mut p = ln.iter().map(|b| libm::exp(b - total));
            factors.push(self.with_observed(graph, given.scope(), &mut p));
            ln_factors.push(ln);
        }
        let maximum = match goal {
            Goal::Marginals => None,
            Goal::Maximum => Some(self.read(graph, &ln_variables, &ln_factors)?),
        };
        Ok(Beliefs { variables, factors, ln_z, maximum, convergence, tolerance })
    }

    /// Entries over the free variables of `scope`, with zeros where an observed one has another value.
    fn with_observed(
        &self,
        graph: &FactorGraph,
        scope: &[usize],
        free: &mut impl Iterator<Item = f64>,
    ) -> Vec<f64> {
        let mut allowed = vec![true];
        for &v in scope {
            let observed = graph.evidence()[v];
            let axis = |ok: bool| (0..self.arities[v]).map(move |x| ok && observed.is_none_or(|o| o == x));
            allowed = allowed.into_iter().flat_map(axis).collect();
        }
        allowed.into_iter().map(|ok| if ok { free.next().unwrap_or(0.0) } else { 0.0 }).collect()
    }

    /// Reads a configuration from max-marginals: each component from one variable outwards, each factor completed in
    /// the best way that agrees with what is decided already.
    fn read(
        &self,
        graph: &FactorGraph,
        ln_variables: &[Vec<f64>],
        ln_factors: &[Vec<f64>],
    ) -> Result<Maximum> {
        let mut x: Vec<Option<usize>> = graph.evidence().to_vec();
        let mut done = vec![false; self.factors.len()];
        let mut queue = std::collections::VecDeque::new();
        for v in 0..x.len() {
            if x[v].is_some() {
                continue;
            }
            x[v] = Some(best_of(ln_variables[v].iter().copied()));
            queue.push_back(v);
            while let Some(u) = queue.pop_front() {
                for &e in self.edges(u) {
                    let f = self.first_edge.partition_point(|&first| first <= e) - 1;
                    if std::mem::replace(&mut done[f], true) {
                        continue;
                    }
                    let scope = &self.factors[f].scope;
                    let digit = |entry: usize, j: usize| {
                        let inner: usize = scope[j + 1..].iter().map(|&w| self.arities[w]).product();
                        entry / inner % self.arities[scope[j]]
                    };
                    let entry = best_of(ln_factors[f].iter().enumerate().map(|(entry, &b)| {
                        let agrees =
                            (0..scope.len()).all(|j| x[scope[j]].is_none_or(|d| d == digit(entry, j)));
                        if agrees { b } else { f64::NEG_INFINITY }
                    }));
                    for j in 0..scope.len() {
                        if x[scope[j]].is_none() {
                            x[scope[j]] = Some(digit(entry, j));
                            queue.push_back(scope[j]);
                        }
                    }
                }
            }
        }
        let configuration: Vec<usize> = x.into_iter().map(|x| x.unwrap_or(0)).collect();
        Ok(Maximum { ln_weight: graph.ln_weight(&configuration)?, configuration })
    }
}

/// Position of the first largest value.
fn best_of(values: impl Iterator<Item = f64>) -> usize {
    values.enumerate().fold((0, f64::NEG_INFINITY), |best, (i, v)| if v > best.1 { (i, v) } else { best }).0
}
