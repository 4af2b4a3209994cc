//! Elimination orders: which variable goes next, and what that costs, all before any table is made.

use super::FactorGraph;
use crate::{
    error::{Error, Result, permutation},
    graph::SparseGraph,
};
use std::{cmp::Reverse, collections::BinaryHeap};

/// How to choose the order in which variables are summed out. All are deterministic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Min-degree, min-fill, the order of the variables and a breadth-first order are tried; the one with the least
    /// work wins. Min-fill is left out where finding it would take too long.
    #[default]
    Best,
    /// Next is the variable whose elimination adds the fewest edges between its neighbours.
    MinFill,
    /// Next is the variable with the fewest neighbours.
    MinDegree,
    /// The given order: every variable once (observed ones are skipped).
    Given(Vec<usize>),
}

/// Elementary operations after which the search for one order is given up.
const WORK_LIMIT: u64 = 400_000_000;
/// The same for an order that [`Order::Best`] merely tries.
const TRIAL_WORK: u64 = 20_000_000;

/// A symbolic elimination.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Variables in the order of their elimination (free ones, without those to be kept).
    pub order: Vec<usize>,
    /// For each step, the other variables in the tables combined there: the scope of its result, sorted.
    pub scopes: Vec<Vec<usize>>,
    /// The size of the largest scope in `scopes`.
    pub width: usize,
    /// Σ over steps of the number of table entries combined.
    pub cost: f64,
}

enum Stop {
    Work { width: usize },
    Cost,
}

impl Plan {
    /// Plans the elimination of all free variables except `keep`. `what` names the computation in an error.
    pub(super) fn new(graph: &FactorGraph, order: &Order, keep: &[usize], what: &str) -> Result<Plan> {
        let primal = graph.interaction_graph()?;
        let mut skip: Vec<bool> = graph.evidence().iter().map(Option::is_some).collect();
        for &v in keep {
            skip[v] = true;
        }
        let problem = Problem { primal: &primal, arities: graph.arities(), skip: &skip };
        let found = match order {
            Order::MinDegree => problem.solve(&mut MinDegree::default(), WORK_LIMIT, f64::INFINITY),
            Order::MinFill => problem.solve(&mut MinFill::default(), WORK_LIMIT, f64::INFINITY),
            Order::Given(order) => {
                permutation("order", order.iter().copied(), graph.n_variables())?;
                problem.solve(&mut InOrder(order.iter()), WORK_LIMIT, f64::INFINITY)
            }
            Order::Best => problem.best(),
        };
        found.map_err(|stop| {
            let width = if let Stop::Work { width } = stop { width } else { 0 };
            Error::TooLarge {
                what: what.into(),
                needed: format!("a width of at least {width} (the order itself was too long to find)"),
                limit: format!("{WORK_LIMIT} operations on the graph"),
            }
        })
    }
}

struct Problem<'a> {
    primal: &'a SparseGraph,
    arities: &'a [usize],
    skip: &'a [bool],
}

/// The graph as it is while variables leave it.
struct Remaining {
    /// Sorted. A variable that has gone may stay in the rows of others for a while.
    rows: Vec<Vec<u32>>,
    /// How many entries of each row are of variables that have gone.
    n_gone: Vec<u32>,
    gone: Vec<bool>,
    mark: Vec<u32>,
    stamp: u32,
    work: u64,
}

impl Remaining {
    fn new(graph: &SparseGraph) -> Self {
        let n = graph.n_vertices();
        Remaining {
            rows: (0..n).map(|i| graph.neighbours(i).0.to_vec()).collect(),
            n_gone: vec![0; n],
            gone: vec![false; n],
            mark: vec![0; n],
            stamp: 0,
            work: 0,
        }
    }

    fn degree(&self, v: usize) -> usize {
        self.rows[v].len() - self.n_gone[v] as usize
    }

    fn neighbours(&self, v: usize) -> impl Iterator<Item = u32> + '_ {
        self.rows[v].iter().copied().filter(|&u| !self.gone[u as usize])
    }

    /// Number of edges that eliminating `v` would add.
    fn fill(&mut self, v: usize) -> u64 {
        self.stamp += 1;
        let around: Vec<u32> = self.neighbours(v).collect();
        for &u in &around {
            self.mark[u as usize] = self.stamp;
        }
        let d = around.len() as u64;
        let mut present = 0;
        for &u in &around {
            let row = &self.rows[u as usize];
            let by_search = d * u64::from(row.len().ilog2() + 1);
            self.work += by_search.min(row.len() as u64) + 1;
            present += if by_search < row.len() as u64 {
                around.iter().filter(|w| row.binary_search(w).is_ok()).count() as u64
            } else {
                row.iter().filter(|&&w| self.mark[w as usize] == self.stamp).count() as u64
            };
        }
        (d * d.saturating_sub(1) - present) / 2
    }

    /// Takes `v` out and joins its neighbours; returns them and whether edges were added.
    fn eliminate(&mut self, v: usize) -> (Vec<u32>, bool) {
        let around: Vec<u32> = self.neighbours(v).collect();
        self.rows[v] = Vec::new();
        self.gone[v] = true;
        let mut added = false;
        for &u in &around {
            let u = u as usize;
            let row = &self.rows[u];
            self.work += around.len() as u64;
            // A neighbour of very many variables must not be copied each time that one of them goes.
            if around.iter().all(|w| *w as usize == u || row.binary_search(w).is_ok()) {
                self.n_gone[u] += 1;
                if 2 * self.n_gone[u] as usize > row.len() {
                    let gone = &self.gone;
                    self.work += row.len() as u64;
                    self.rows[u].retain(|&w| !gone[w as usize]);
                    self.n_gone[u] = 0;
                }
                continue;
            }
            let mut merged = Vec::with_capacity(row.len() + around.len());
            let mut a = row.iter().filter(|&&w| !self.gone[w as usize]).peekable();
            let mut b = around.iter().peekable();
            loop {
                let next = match (a.peek(), b.peek()) {
                    (Some(&&x), Some(&&y)) => x.min(y),
                    (Some(&&x), None) => x,
                    (None, Some(&&y)) => y,
                    (None, None) => break,
                };
                a.next_if(|x| **x == next);
                b.next_if(|x| **x == next);
                if next as usize != u {
                    merged.push(next);
                }
            }
            added = true;
            self.work += row.len() as u64;
            self.rows[u] = merged;
            self.n_gone[u] = 0;
        }
        (around, added)
    }
}

/// A rule for the next variable.
trait Rule {
    fn start(&mut self, remaining: &mut Remaining, free: &[usize]);
    fn next(&mut self, remaining: &mut Remaining, skip: &[bool]) -> Option<usize>;
    fn eliminated(&mut self, remaining: &mut Remaining, around: &[u32], edges_added: bool, skip: &[bool]);
}

struct InOrder<'a>(std::slice::Iter<'a, usize>);

impl Rule for InOrder<'_> {
    fn start(&mut self, _: &mut Remaining, _: &[usize]) {}
    fn next(&mut self, _: &mut Remaining, skip: &[bool]) -> Option<usize> {
        self.0.by_ref().copied().find(|&v| !skip[v])
    }
    fn eliminated(&mut self, _: &mut Remaining, _: &[u32], _: bool, _: &[bool]) {}
}

/// A heap of (key, variable); entries whose key is no longer the variable's are stale.
#[derive(Default)]
struct Queue {
    heap: BinaryHeap<Reverse<((u64, u64), usize)>>,
    key: Vec<Option<(u64, u64)>>,
}

impl Queue {
    fn set(&mut self, v: usize, key: (u64, u64)) {
        if self.key.len() <= v {
            self.key.resize(v + 1, None);
        }
        if self.key[v] != Some(key) {
            self.key[v] = Some(key);
            self.heap.push(Reverse((key, v)));
        }
    }
    fn pop(&mut self) -> Option<usize> {
        while let Some(Reverse((key, v))) = self.heap.pop() {
            if self.key[v] == Some(key) {
                self.key[v] = None;
                return Some(v);
            }
        }
        None
    }
}

#[derive(Default)]
struct MinDegree(Queue);

impl Rule for MinDegree {
    fn start(&mut self, remaining: &mut Remaining, free: &[usize]) {
        free.iter().for_each(|&v| self.0.set(v, (remaining.degree(v) as u64, 0)));
    }
    fn next(&mut self, _: &mut Remaining, _: &[bool]) -> Option<usize> {
        self.0.pop()
    }
    fn eliminated(&mut self, remaining: &mut Remaining, around: &[u32], _: bool, skip: &[bool]) {
        for &u in around.iter().filter(|&&u| !skip[u as usize]) {
            self.0.set(u as usize, (remaining.degree(u as usize) as u64, 0));
        }
    }
}

#[derive(Default)]
struct MinFill {
    queue: Queue,
    touched: Vec<u32>,
}

impl Rule for MinFill {
    fn start(&mut self, remaining: &mut Remaining, free: &[usize]) {
        for &v in free {
            let key = (remaining.fill(v), remaining.degree(v) as u64);
            self.queue.set(v, key);
        }
    }
    fn next(&mut self, _: &mut Remaining, _: &[bool]) -> Option<usize> {
        self.queue.pop()
    }
    fn eliminated(&mut self, remaining: &mut Remaining, around: &[u32], edges_added: bool, skip: &[bool]) {
        if !edges_added {
            // The neighbours v had are joined already. Each loses the pairs of v with those of its own neighbours that
            // were no neighbours of v.
            for u in around.iter().map(|&u| u as usize).filter(|&u| !skip[u]) {
                if let Some((fill, degree)) = self.queue.key[u] {
                    self.queue.set(u, (fill - (degree - around.len() as u64), degree - 1));
                }
            }
            return;
        }
        self.touched.clear();
        self.touched.extend_from_slice(around);
        for &u in around {
            self.touched.extend(remaining.neighbours(u as usize));
            remaining.work += remaining.rows[u as usize].len() as u64;
        }
        self.touched.sort_unstable();
        self.touched.dedup();
        for u in self.touched.iter().map(|&u| u as usize).filter(|&u| !skip[u]) {
            let key = (remaining.fill(u), remaining.degree(u) as u64);
            self.queue.set(u, key);
        }
    }
}

impl Problem<'_> {
    fn solve(&self, rule: &mut dyn Rule, max_work: u64, max_cost: f64) -> std::result::Result<Plan, Stop> {
        let n = self.arities.len();
        let mut remaining = Remaining::new(self.primal);
        let free: Vec<usize> = (0..n).filter(|&v| !self.skip[v]).collect();
        rule.start(&mut remaining, &free);
        let mut plan = Plan { order: Vec::new(), scopes: Vec::new(), width: 0, cost: 0.0 };
        while let Some(v) = rule.next(&mut remaining, self.skip) {
            let (around, added) = remaining.eliminate(v);
            rule.eliminated(&mut remaining, &around, added, self.skip);
            plan.width = plan.width.max(around.len());
            plan.cost +=
                around.iter().fold(self.arities[v] as f64, |n, &u| n * self.arities[u as usize] as f64);
            plan.order.push(v);
            plan.scopes.push(around.into_iter().map(|u| u as usize).collect());
            if remaining.work > max_work {
                return Err(Stop::Work { width: plan.width });
            }
            if plan.cost > max_cost {
                return Err(Stop::Cost);
            }
        }
        Ok(plan)
    }

    fn best(&self) -> std::result::Result<Plan, Stop> {
        let mut best = self.solve(&mut MinDegree::default(), WORK_LIMIT, f64::INFINITY);
        // On a tree the first try cannot be beaten.
        if matches!(&best, Ok(plan) if plan.width <= 1) {
            return best;
        }
        let n = self.arities.len();
        let natural: Vec<usize> = (0..n).collect();
        let breadth_first = self.breadth_first();
        let trials: [&mut dyn Rule; 3] =
            [&mut InOrder(natural.iter()), &mut InOrder(breadth_first.iter()), &mut MinFill::default()];
        for rule in trials {
            let bound = best.as_ref().map_or(f64::INFINITY, |plan| plan.cost);
            match self.solve(rule, TRIAL_WORK, bound) {
                Ok(plan) if best.is_err() || plan.cost < bound => best = Ok(plan),
                _ => {}
            }
        }
        best
    }

    /// Cuthill and McKee: breadth-first from a vertex at the rim, neighbours by rising degree.
    fn breadth_first(&self) -> Vec<usize> {
        let n = self.arities.len();
        let mut seen = vec![false; n];
        let mut order = Vec::with_capacity(n);
        let search = |from: usize, seen: &mut [bool]| {
            let mut found = vec![from];
            seen[from] = true;
            let mut at = 0;
            while at < found.len() {
                let first = found.len();
                for &u in self.primal.neighbours(found[at]).0 {
                    if !std::mem::replace(&mut seen[u as usize], true) {
                        found.push(u as usize);
                    }
                }
                found[first..].sort_by_key(|&u| (self.primal.degree(u), u));
                at += 1;
            }
            found
        };
        for start in 0..n {
            if seen[start] {
                continue;
            }
            let component = search(start, &mut seen);
            let rim = component[component.len() - 1];
            component.iter().for_each(|&v| seen[v] = false);
            order.extend(search(rim, &mut seen));
        }
        order
    }
}
