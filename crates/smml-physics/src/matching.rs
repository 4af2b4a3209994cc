//! Minimum-weight perfect matching of a sparse graph, with the dual solution that proves it.
//!
//! Edmonds' algorithm (J. Res. Natl. Bur. Stand. 69B, 125 (1965)): alternating trees grow from all vertices without partner
//! at once, with a heap of events and duals that are brought up to date only when a vertex is looked at. What a matching is good for does not
//! live here.
//!
//! Duals belong to odd sets S of vertices: y_S >= 0, and the sum of y_S over the sets that an edge leaves is at most its
//! weight. Weights are lengths of paths, so a single vertex never needs a negative dual: where one would go below 0, the
//! edge around it, from its one neighbour in the tree to the other, is added with the sum of the two weights.

#[cfg(test)]
mod tests;

use std::{cmp::Reverse, collections::BinaryHeap};

const NONE: u32 = u32::MAX;

/// A perfect matching and its proof.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Matching {
    /// The partner of every vertex.
    pub(crate) mate: Vec<u32>,
    /// Sets of vertices, each with its dual in units of half a weight; single vertices first, smaller sets before the
    /// sets around them. All duals are greater than 0.
    pub(crate) duals: Vec<(Vec<u32>, u64)>,
}

/// The minimum-weight perfect matching of `n` vertices with `edges` (u, v, weight), u != v, weights below 2⁵⁵ together;
/// `None` when there is none.
pub(crate) fn minimum_perfect_matching(n: usize, edges: &[(u32, u32, u64)]) -> Option<Matching> {
    let mut search = Search::new(n, edges)?;
    search.grow().then(|| search.finish())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Free,
    /// At even distance from the root: its dual grows.
    Plus,
    /// At odd distance: its dual shrinks.
    Minus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The dual of a minus node has come to 0.
    Empty(u32),
    /// An edge has become tight.
    Tight(u32),
}

/// A vertex, or a blossom: an odd cycle of nodes.
#[derive(Clone, Debug)]
struct Node {
    /// When it was last brought up to date.
    dual: i64,
    since: i64,
    label: Label,
    /// The blossom around it.
    parent: u32,
    /// The vertex that is matched to the outside.
    base: u32,
    /// For a minus node the edge it was reached by: (vertex of the plus node, own vertex).
    entry: (u32, u32),
    /// The root of its tree, while it has a label.
    root: u32,
    /// The cycle, the one with the base first.
    children: Vec<u32>,
    /// Edges of the cycle: from child k to child k + 1.
    links: Vec<(u32, u32)>,
}

struct Search {
    n: usize,
    /// Weights are doubled, so that all duals are whole.
    edges: Vec<(u32, u32, i64)>,
    adjacent: Vec<Vec<u32>>,
    mate: Vec<u32>,
    /// Sum of the duals of all sets around each vertex, as of its outer node's `since`.
    reach: Vec<i64>,
    /// The outermost node of each vertex.
    outer: Vec<u32>,
    nodes: Vec<Node>,
    /// Nodes that may be used again.
    unused: Vec<u32>,
    /// Nodes that were labelled in the tree of each root; some are inside of others by now, or gone.
    trees: Vec<Vec<u32>>,
    heap: BinaryHeap<Reverse<(i64, Event)>>,
    /// How much the duals of plus nodes have grown.
    time: i64,
    marks: Vec<u64>,
    mark: u64,
}

impl Search {
    fn new(n: usize, edges: &[(u32, u32, u64)]) -> Option<Self> {
        let edges: Vec<(u32, u32, i64)> = edges.iter().map(|&(u, v, w)| (u, v, 2 * w as i64)).collect();
        let mut adjacent = vec![Vec::new(); n];
        for (e, &(u, v, _)) in edges.iter().enumerate() {
            adjacent[u as usize].push(e as u32);
            adjacent[v as usize].push(e as u32);
        }
        // Half of the smallest weight, down to an even number, is a feasible start; where it makes an edge tight, its ends
        // may be matched. All start even, so that all plus vertices are even or odd together, and so is the slack between.
        let mut nodes = Vec::with_capacity(n);
        for v in 0..n {
            let dual = adjacent[v].iter().map(|&e| edges[e as usize].2 / 4 * 2).min()?;
            nodes.push(Node {
                dual,
                since: 0,
                label: Label::Free,
                parent: NONE,
                base: v as u32,
                entry: (NONE, NONE),
                root: NONE,
                children: Vec::new(),
                links: Vec::new(),
            });
        }
        let mut mate = vec![NONE; n];
        for &(u, v, w) in &edges {
            let (u, v) = (u as usize, v as usize);
            if mate[u] == NONE && mate[v] == NONE && nodes[u].dual + nodes[v].dual == w {
                (mate[u], mate[v]) = (v as u32, u as u32);
            }
        }
        Some(Search {
            n,
            edges,
            adjacent,
            mate,
            reach: nodes.iter().map(|node| node.dual).collect(),
            outer: (0..n as u32).collect(),
            marks: vec![0; n],
            nodes,
            unused: Vec::new(),
            trees: vec![Vec::new(); n],
            heap: BinaryHeap::new(),
            time: 0,
            mark: 0,
        })
    }

    fn finish(mut self) -> Matching {
        let mut duals: Vec<(Vec<u32>, u64)> = Vec::new();
        for node in 0..self.nodes.len() as u32 {
            if self.nodes[node as usize].dual > 0 {
                let mut members = self.leaves(node);
                members.sort_unstable();
                duals.push((members, self.nodes[node as usize].dual as u64));
            }
        }
        duals.sort_by_key(|(members, _)| members.len());
        Matching { mate: std::mem::take(&mut self.mate), duals }
    }

    /// The vertices of a node.
    fn leaves(&self, node: u32) -> Vec<u32> {
        let (mut stack, mut out) = (vec![node], Vec::new());
        while let Some(k) = stack.pop() {
            if (k as usize) < self.n {
                out.push(k);
            } else {
                stack.extend(&self.nodes[k as usize].children);
            }
        }
        out
    }

    fn label(&self, v: u32) -> Label {
        self.nodes[self.outer[v as usize] as usize].label
    }

    /// The change of an outer node's dual since it was brought up to date.
    fn pending(&self, node: u32) -> i64 {
        let node = &self.nodes[node as usize];
        match node.label {
            Label::Free => 0,
            Label::Plus => self.time - node.since,
            Label::Minus => node.since - self.time,
        }
    }

    fn reach_of(&self, v: u32) -> i64 {
        self.reach[v as usize] + self.pending(self.outer[v as usize])
    }

    fn settle(&mut self, node: u32) {
        let change = self.pending(node);
        if change != 0 {
            self.nodes[node as usize].dual += change;
            for v in self.leaves(node) {
                self.reach[v as usize] += change;
            }
        }
        self.nodes[node as usize].since = self.time;
    }

    /// When an edge becomes tight, if nothing else happens.
    fn tight_at(&self, e: u32) -> Option<i64> {
        let (u, v, w) = self.edges[e as usize];
        if self.outer[u as usize] == self.outer[v as usize] {
            return None;
        }
        let slack = w - self.reach_of(u) - self.reach_of(v);
        match (self.label(u), self.label(v)) {
            (Label::Plus, Label::Plus) => Some(self.time + slack / 2),
            (Label::Plus, Label::Free) | (Label::Free, Label::Plus) => Some(self.time + slack),
            _ => None,
        }
    }

    fn push_edge(&mut self, e: u32) {
        if let Some(at) = self.tight_at(e) {
            self.heap.push(Reverse((at, Event::Tight(e))));
        }
    }

    fn push_edges_of(&mut self, node: u32) {
        for v in self.leaves(node) {
            for k in 0..self.adjacent[v as usize].len() {
                self.push_edge(self.adjacent[v as usize][k]);
            }
        }
    }

    /// Labels a node; events are pushed by [`Search::announce`], once the labels around it are right.
    fn set_label(&mut self, node: u32, label: Label, root: u32) {
        let time = self.time;
        let it = &mut self.nodes[node as usize];
        (it.label, it.since, it.root) = (label, time, root);
        self.trees[root as usize].push(node);
    }

    fn announce(&mut self, node: u32) {
        match self.nodes[node as usize].label {
            Label::Minus => {
                let at = self.time + self.nodes[node as usize].dual;
                self.heap.push(Reverse((at, Event::Empty(node))));
            }
            Label::Plus | Label::Free => self.push_edges_of(node),
        }
    }

    /// Grows trees from all vertices without partner until there is none; false when some are left that nothing leads to.
    fn grow(&mut self) -> bool {
        let roots: Vec<u32> = (0..self.n as u32).filter(|&v| self.mate[v as usize] == NONE).collect();
        let mut n_left = roots.len();
        for &v in &roots {
            self.set_label(v, Label::Plus, v);
        }
        for &v in &roots {
            self.announce(v);
        }
        while n_left > 0 {
            let Some(Reverse((at, event))) = self.heap.pop() else { return false };
            match event {
                Event::Tight(e) => {
                    // Stale events come again at their right time, or not at all.
                    let Some(now) = self.tight_at(e) else { continue };
                    if now > at {
                        self.heap.push(Reverse((now, event)));
                        continue;
                    }
                    self.time = self.time.max(now);
                    if self.tight(e) {
                        n_left -= 2;
                    }
                }
                Event::Empty(node) => {
                    let it = &self.nodes[node as usize];
                    if it.label != Label::Minus || it.parent != NONE || it.since + it.dual != at {
                        continue;
                    }
                    self.time = self.time.max(at);
                    if (node as usize) < self.n {
                        self.go_around(node);
                    } else {
                        self.expand(node);
                    }
                }
            }
        }
        true
    }

    /// Takes the labels of a tree away. The nodes can then be reached from other trees.
    fn dissolve(&mut self, root: u32) {
        let mut freed = std::mem::take(&mut self.trees[root as usize]);
        freed.retain(|&node| {
            let it = &self.nodes[node as usize];
            it.label != Label::Free && it.parent == NONE && it.root == root
        });
        freed.sort_unstable();
        freed.dedup();
        for &node in &freed {
            self.settle(node);
            self.nodes[node as usize].label = Label::Free;
        }
        for node in freed {
            self.push_edges_of(node);
        }
    }

    /// True when the tight edge joined two trees, whose roots are matched now.
    fn tight(&mut self, e: u32) -> bool {
        let (mut u, mut v, _) = self.edges[e as usize];
        if self.label(u) != Label::Plus {
            std::mem::swap(&mut u, &mut v);
        }
        let root = self.nodes[self.outer[u as usize] as usize].root;
        let node = self.outer[v as usize];
        if self.label(v) == Label::Plus {
            let other = self.nodes[node as usize].root;
            if root == other {
                self.shrink(u, v);
                return false;
            }
            self.augment(u, v);
            self.augment(v, u);
            self.dissolve(root);
            self.dissolve(other);
            return true;
        }
        self.nodes[node as usize].entry = (u, v);
        self.set_label(node, Label::Minus, root);
        let partner = self.mate[self.nodes[node as usize].base as usize];
        let next = self.outer[partner as usize];
        self.set_label(next, Label::Plus, root);
        self.announce(node);
        self.announce(next);
        false
    }

    /// A minus vertex of dual 0: the edge around it is tight, and makes a blossom.
    fn go_around(&mut self, vertex: u32) {
        let (p, _) = self.nodes[vertex as usize].entry;
        let c = self.mate[vertex as usize];
        let e = self.edges.len() as u32;
        self.edges.push((p, c, self.reach_of(p) + self.reach_of(c)));
        self.adjacent[p as usize].push(e);
        self.adjacent[c as usize].push(e);
        self.push_edge(e);
    }

    /// The node above another in the tree, and the edge to it.
    fn above(&self, node: u32) -> Option<(u32, (u32, u32))> {
        let it = &self.nodes[node as usize];
        let link = match it.label {
            Label::Minus => (it.entry.1, it.entry.0),
            _ => (it.base, self.mate[it.base as usize]),
        };
        (link.1 != NONE).then(|| (self.outer[link.1 as usize], link))
    }

    /// The nodes from one up to below another, and the edges that lead up from each.
    fn climb(&self, from: u32, to: u32) -> (Vec<u32>, Vec<(u32, u32)>) {
        let (mut nodes, mut links) = (Vec::new(), Vec::new());
        let mut at = from;
        while at != to {
            let Some((next, link)) = self.above(at) else { break };
            nodes.push(at);
            links.push(link);
            at = next;
        }
        (nodes, links)
    }

    /// The node where the paths from two plus nodes to the root meet.
    fn meeting(&mut self, a: u32, b: u32) -> u32 {
        self.mark += 1;
        let mut ends = [Some(a), Some(b)];
        for turn in (0..2).cycle() {
            let Some(node) = ends[turn] else { continue };
            if self.marks[node as usize] == self.mark {
                return node;
            }
            self.marks[node as usize] = self.mark;
            ends[turn] = self.above(node).map(|(next, _)| next);
        }
        a
    }

    fn new_node(&mut self) -> u32 {
        let node = Node {
            dual: 0,
            since: self.time,
            label: Label::Plus,
            parent: NONE,
            base: NONE,
            entry: (NONE, NONE),
            root: NONE,
            children: Vec::new(),
            links: Vec::new(),
        };
        if let Some(k) = self.unused.pop() {
            self.nodes[k as usize] = node;
            return k;
        }
        self.nodes.push(node);
        self.marks.push(0);
        self.nodes.len() as u32 - 1
    }

    /// Makes a blossom of the cycle that a tight edge between two plus nodes closes.
    fn shrink(&mut self, u: u32, v: u32) {
        let (a, b) = (self.outer[u as usize], self.outer[v as usize]);
        let top = self.meeting(a, b);
        let (left, left_links) = self.climb(a, top);
        let (right, right_links) = self.climb(b, top);
        let children: Vec<u32> = std::iter::once(top).chain(left.into_iter().rev()).chain(right).collect();
        let down = left_links.into_iter().rev().map(|(x, y)| (y, x));
        let links = down.chain(std::iter::once((u, v))).chain(right_links).collect();
        let blossom = self.new_node();
        let mut changed = Vec::new();
        for &child in &children {
            self.settle(child);
            if self.nodes[child as usize].label == Label::Minus {
                changed.push(child);
            }
            let it = &mut self.nodes[child as usize];
            (it.label, it.parent) = (Label::Free, blossom);
        }
        let base = self.nodes[top as usize].base;
        let it = &mut self.nodes[blossom as usize];
        (it.base, it.children, it.links) = (base, children, links);
        for x in self.leaves(blossom) {
            self.outer[x as usize] = blossom;
        }
        let root = self.nodes[top as usize].root;
        self.set_label(blossom, Label::Plus, root);
        for child in changed {
            self.push_edges_of(child);
        }
    }

    /// Takes a minus blossom of dual 0 apart: the even way round from its entry to its base stays in the tree.
    fn expand(&mut self, blossom: u32) {
        self.settle(blossom);
        let it = &mut self.nodes[blossom as usize];
        it.label = Label::Free;
        let (entry, root) = (it.entry, it.root);
        let (children, links) = (std::mem::take(&mut it.children), std::mem::take(&mut it.links));
        for &child in &children {
            self.nodes[child as usize].parent = NONE;
            for x in self.leaves(child) {
                self.outer[x as usize] = child;
            }
        }
        let first = self.outer[entry.1 as usize];
        let n = children.len();
        let start = children.iter().position(|&c| c == first).unwrap_or(0);
        let steps = if start.is_multiple_of(2) { start } else { n - start };
        let backwards = start.is_multiple_of(2);
        let mut at = start;
        self.nodes[first as usize].entry = entry;
        self.set_label(first, Label::Minus, root);
        for step in 1..=steps {
            let (next, link) = if backwards {
                (at - 1, (links[at - 1].1, links[at - 1].0))
            } else {
                ((at + 1) % n, links[at])
            };
            at = next;
            let child = children[at];
            if step % 2 == 1 {
                self.set_label(child, Label::Plus, root);
            } else {
                self.nodes[child as usize].entry = link;
                self.set_label(child, Label::Minus, root);
            }
        }
        for child in children {
            self.announce(child);
        }
        self.unused.push(blossom);
    }

    /// Swaps matched and unmatched edges on the way from u, whose partner v is to be, to the root.
    fn augment(&mut self, u: u32, v: u32) {
        let (mut x, mut y) = (u, v);
        loop {
            let node = self.outer[x as usize];
            let old = self.mate[self.nodes[node as usize].base as usize];
            self.rebase(node, x);
            self.mate[x as usize] = y;
            if old == NONE {
                return;
            }
            let minus = self.outer[old as usize];
            let (above, own) = self.nodes[minus as usize].entry;
            self.rebase(minus, own);
            self.mate[own as usize] = above;
            (x, y) = (above, own);
        }
    }

    /// Makes `v` the base of a node: the one vertex that is not matched inside.
    fn rebase(&mut self, node: u32, v: u32) {
        if (node as usize) < self.n {
            return;
        }
        let mut child = v;
        while self.nodes[child as usize].parent != node {
            child = self.nodes[child as usize].parent;
        }
        self.rebase(child, v);
        let children = std::mem::take(&mut self.nodes[node as usize].children);
        let links = std::mem::take(&mut self.nodes[node as usize].links);
        let n = children.len();
        let start = children.iter().position(|&c| c == child).unwrap_or(0);
        // Links that join pairs from now on, on the even way round to the old base.
        let matched: Vec<usize> = if start.is_multiple_of(2) {
            (0..start).step_by(2).collect()
        } else {
            (start + 1..n).step_by(2).collect()
        };
        for k in matched {
            let (x, y) = links[k];
            self.rebase(children[k], x);
            self.rebase(children[(k + 1) % n], y);
            (self.mate[x as usize], self.mate[y as usize]) = (y, x);
        }
        let it = &mut self.nodes[node as usize];
        (it.children, it.links, it.base) = (children, links, v);
        it.children.rotate_left(start);
        it.links.rotate_left(start);
    }
}
