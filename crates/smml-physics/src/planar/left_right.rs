//! Whether a graph is planar, and how it lies in the plane: the left-right algorithm of H. de Fraysseix and P. Rosenstiehl
//! in the form of U. Brandes, "The left-right planarity test" (2009).
//!
//! A depth-first search turns edges into tree edges and back edges. A graph is planar if and only if its back edges can be
//! put on the left or the right so that no two that must differ agree. Pairs of intervals of back edges that must lie on
//! different sides wait on a stack; each tree edge adds the constraints of its return edges, and drops those that end. Time
//! goes as the number of edges (sorting aside), and nothing recurs, so large graphs need no deep stack.
//!
//! What comes out is checked by [`Embedding::check`](super::Embedding::check), which knows nothing of this.

use smml_core::graph::SparseGraph;

/// No edge, no vertex, no half-edge.
const NONE: u32 = u32::MAX;

/// Consecutive back edges on one side, by their lowest and highest; NONE for none.
#[derive(Clone, Copy)]
struct Interval {
    low: u32,
    high: u32,
}

impl Interval {
    const EMPTY: Interval = Interval { low: NONE, high: NONE };
    fn is_empty(self) -> bool {
        self.low == NONE && self.high == NONE
    }
}

/// Two intervals that must lie on different sides.
#[derive(Clone, Copy)]
struct Conflict {
    left: Interval,
    right: Interval,
}

impl Conflict {
    fn swapped(self) -> Self {
        Conflict { left: self.right, right: self.left }
    }
}

/// Edges with their direction in the depth-first search, and what is known about each.
struct Search {
    /// Edges at each vertex, those of vertex v from `first[v]`.
    first: Vec<usize>,
    incident: Vec<u32>,
    from: Vec<u32>,
    to: Vec<u32>,
    height: Vec<u32>,
    /// The tree edge into each vertex.
    parent: Vec<u32>,
    roots: Vec<u32>,
    /// Heights of the lowest and second lowest return point.
    lowest: Vec<u32>,
    second: Vec<u32>,
    /// Order in which edges leave a vertex.
    nesting: Vec<i64>,
    /// The edge whose side this one's side is relative to.
    relative_to: Vec<u32>,
    side: Vec<i8>,
}

/// The neighbours of every vertex in the order of a planar drawing; `None` for a graph that is not planar.
pub(super) fn rotations(graph: &SparseGraph) -> Option<Vec<Vec<u32>>> {
    let (n, m) = (graph.n_vertices(), graph.n_edges());
    // More edges than a planar graph can have.
    if n > 2 && m > 3 * n - 6 {
        return None;
    }
    let mut search = Search::new(graph);
    search.orient();
    let mut leaving = search.leaving();
    search.test(&leaving)?;
    search.resolve_sides();
    leaving.sort(&search.nesting);
    Some(search.embed(&leaving))
}

/// The edges that leave each vertex, in an order.
struct Leaving {
    first: Vec<usize>,
    edges: Vec<u32>,
}

impl Leaving {
    fn of(&self, v: u32) -> &[u32] {
        &self.edges[self.first[v as usize]..self.first[v as usize + 1]]
    }
    fn sort(&mut self, key: &[i64]) {
        for v in 0..self.first.len() - 1 {
            self.edges[self.first[v]..self.first[v + 1]].sort_by_key(|e| key[*e as usize]);
        }
    }
}

impl Search {
    fn new(graph: &SparseGraph) -> Self {
        let (n, m) = (graph.n_vertices(), graph.n_edges());
        let mut first = vec![0usize; n + 1];
        for v in 0..n {
            first[v + 1] = first[v] + graph.degree(v);
        }
        let mut next = first.clone();
        let mut incident = vec![0; 2 * m];
        let (mut from, mut to) = (Vec::with_capacity(m), Vec::with_capacity(m));
        for (e, (i, j, _)) in (0u32..).zip(graph.edges()) {
            for v in [i, j] {
                incident[next[v as usize]] = e;
                next[v as usize] += 1;
            }
            from.push(i);
            to.push(j);
        }
        Search {
            first,
            incident,
            from,
            to,
            height: vec![NONE; n],
            parent: vec![NONE; n],
            roots: Vec::new(),
            lowest: vec![0; m],
            second: vec![0; m],
            nesting: vec![0; m],
            relative_to: vec![NONE; m],
            side: vec![1; m],
        }
    }

    /// First search: directions, heights, return points, and from them the order of nesting.
    fn orient(&mut self) {
        let n = self.height.len();
        let mut directed = vec![false; self.from.len()];
        let mut next = self.first.clone();
        for root in 0..n as u32 {
            if self.height[root as usize] != NONE {
                continue;
            }
            self.height[root as usize] = 0;
            self.roots.push(root);
            let mut path = vec![root];
            while let Some(&v) = path.last() {
                let at = next[v as usize];
                if at == self.first[v as usize + 1] {
                    path.pop();
                    let p = self.parent[v as usize];
                    if p != NONE {
                        self.finish(p);
                    }
                    continue;
                }
                next[v as usize] += 1;
                let e = self.incident[at] as usize;
                if std::mem::replace(&mut directed[e], true) {
                    continue;
                }
                if self.from[e] != v {
                    (self.from[e], self.to[e]) = (self.to[e], self.from[e]);
                }
                let (w, here) = (self.to[e], self.height[v as usize]);
                (self.lowest[e], self.second[e]) = (here, here);
                if self.height[w as usize] == NONE {
                    self.parent[w as usize] = e as u32;
                    self.height[w as usize] = here + 1;
                    path.push(w);
                } else {
                    self.lowest[e] = self.height[w as usize];
                    self.finish(e as u32);
                }
            }
        }
    }

    /// An edge whose return points are known: its nesting, and what it says about the edge before it.
    fn finish(&mut self, e: u32) {
        let (e, v) = (e as usize, self.from[e as usize] as usize);
        let chordal = self.second[e] < self.height[v];
        self.nesting[e] = 2 * i64::from(self.lowest[e]) + i64::from(chordal);
        let p = self.parent[v] as usize;
        if self.parent[v] == NONE {
            return;
        }
        let (low, second) = (self.lowest[e], self.second[e]);
        if low < self.lowest[p] {
            self.second[p] = self.lowest[p].min(second);
            self.lowest[p] = low;
        } else if low > self.lowest[p] {
            self.second[p] = self.second[p].min(low);
        } else {
            self.second[p] = self.second[p].min(second);
        }
    }

    fn leaving(&self) -> Leaving {
        let n = self.height.len();
        let mut first = vec![0usize; n + 1];
        for v in &self.from {
            first[*v as usize + 1] += 1;
        }
        for v in 0..n {
            first[v + 1] += first[v];
        }
        let mut next = first.clone();
        let mut edges = vec![0; self.from.len()];
        for (e, v) in self.from.iter().enumerate() {
            edges[next[*v as usize]] = e as u32;
            next[*v as usize] += 1;
        }
        let mut leaving = Leaving { first, edges };
        leaving.sort(&self.nesting);
        leaving
    }

    fn is_tree(&self, e: u32) -> bool {
        self.parent[self.to[e as usize] as usize] == e
    }

    /// Second search: collects constraints; `None` when they contradict one another.
    fn test(&mut self, leaving: &Leaving) -> Option<()> {
        let n = self.height.len();
        let mut stack: Vec<Conflict> = Vec::new();
        // Of each edge: height of the stack when it was begun, and its lowest return edge.
        let mut bottom = vec![0usize; self.from.len()];
        let mut lowest_edge = vec![NONE; self.from.len()];
        let mut next = vec![0usize; n];
        for root in self.roots.clone() {
            let mut path = vec![root];
            while let Some(&v) = path.last() {
                let out = leaving.of(v);
                if let Some(&e) = out.get(next[v as usize]) {
                    next[v as usize] += 1;
                    bottom[e as usize] = stack.len();
                    if self.is_tree(e) {
                        path.push(self.to[e as usize]);
                        continue;
                    }
                    lowest_edge[e as usize] = e;
                    stack.push(Conflict { left: Interval::EMPTY, right: Interval { low: e, high: e } });
                    self.integrate(out, e, &mut stack, bottom[e as usize], &mut lowest_edge)?;
                    continue;
                }
                path.pop();
                let p = self.parent[v as usize];
                if p == NONE {
                    continue;
                }
                self.drop_ending(p, &mut stack);
                let before = leaving.of(self.from[p as usize]);
                self.integrate(before, p, &mut stack, bottom[p as usize], &mut lowest_edge)?;
            }
        }
        Some(())
    }

    /// Takes the return edges of `e`, which leaves a vertex among `out`, together with those of the edges before it.
    fn integrate(
        &mut self,
        out: &[u32],
        e: u32,
        stack: &mut Vec<Conflict>,
        bottom: usize,
        lowest_edge: &mut [u32],
    ) -> Option<()> {
        let v = self.from[e as usize] as usize;
        if self.lowest[e as usize] >= self.height[v] {
            return Some(());
        }
        let p = self.parent[v];
        if p == NONE {
            return Some(());
        }
        if out[0] == e {
            lowest_edge[p as usize] = lowest_edge[e as usize];
            return Some(());
        }
        self.constrain(e, p, stack, bottom, lowest_edge[p as usize])
    }

    fn conflicts(&self, interval: Interval, e: u32) -> bool {
        interval.high != NONE && self.lowest[interval.high as usize] > self.lowest[e as usize]
    }

    /// The return edges of `e` that end above the lowest point of its parent edge `p` lie on one side, and against those
    /// of earlier edges that end above the lowest point of `e`.
    fn constrain(
        &mut self,
        e: u32,
        p: u32,
        stack: &mut Vec<Conflict>,
        bottom: usize,
        lowest_edge: u32,
    ) -> Option<()> {
        let mut all = Conflict { left: Interval::EMPTY, right: Interval::EMPTY };
        while stack.len() > bottom {
            let mut q = stack.pop()?;
            if !q.left.is_empty() {
                q = q.swapped();
            }
            if !q.left.is_empty() {
                return None;
            }
            if self.lowest[q.right.low as usize] > self.lowest[p as usize] {
                if all.right.is_empty() {
                    all.right.high = q.right.high;
                } else {
                    self.relative_to[all.right.low as usize] = q.right.high;
                }
                all.right.low = q.right.low;
            } else {
                self.relative_to[q.right.low as usize] = lowest_edge;
            }
        }
        while let Some(&top) = stack.last()
            && (self.conflicts(top.left, e) || self.conflicts(top.right, e))
        {
            stack.pop();
            let q = if self.conflicts(top.right, e) { top.swapped() } else { top };
            if self.conflicts(q.right, e) {
                return None;
            }
            if all.right.low != NONE {
                self.relative_to[all.right.low as usize] = q.right.high;
            }
            if q.right.low != NONE {
                all.right.low = q.right.low;
            }
            if all.left.is_empty() {
                all.left.high = q.left.high;
            } else {
                self.relative_to[all.left.low as usize] = q.left.high;
            }
            all.left.low = q.left.low;
        }
        if !(all.left.is_empty() && all.right.is_empty()) {
            stack.push(all);
        }
        Some(())
    }

    /// Back edges that end where the tree edge `e` begins lie below it no more.
    fn drop_ending(&mut self, e: u32, stack: &mut Vec<Conflict>) {
        let u = self.from[e as usize];
        let height = self.height[u as usize];
        let lowest = |s: &Self, c: Conflict| {
            let of = |i: Interval| if i.low == NONE { NONE } else { s.lowest[i.low as usize] };
            of(c.left).min(of(c.right))
        };
        while let Some(&top) = stack.last()
            && lowest(self, top) == height
        {
            stack.pop();
            if top.left.low != NONE {
                self.side[top.left.low as usize] = -1;
            }
        }
        if let Some(mut top) = stack.pop() {
            top.left = self.trim(top.left, top.right.low, u);
            top.right = self.trim(top.right, top.left.low, u);
            stack.push(top);
        }
        if self.lowest[e as usize] < height
            && let Some(top) = stack.last()
        {
            let (left, right) = (top.left.high, top.right.high);
            let take_left =
                left != NONE && (right == NONE || self.lowest[left as usize] > self.lowest[right as usize]);
            self.relative_to[e as usize] = if take_left { left } else { right };
        }
    }

    /// An interval without its edges that end at `u`; emptied by that, its lowest edge goes against `other`.
    fn trim(&mut self, mut interval: Interval, other: u32, u: u32) -> Interval {
        while interval.high != NONE && self.to[interval.high as usize] == u {
            interval.high = self.relative_to[interval.high as usize];
        }
        if interval.high == NONE && interval.low != NONE {
            self.relative_to[interval.low as usize] = other;
            self.side[interval.low as usize] = -1;
            interval.low = NONE;
        }
        interval
    }

    /// Sides relative to other edges become sides, and turn the order of nesting around on the left.
    fn resolve_sides(&mut self) {
        let mut chain = Vec::new();
        for e in 0..self.from.len() {
            let mut at = e;
            while self.relative_to[at] != NONE {
                chain.push(at);
                at = self.relative_to[at] as usize;
            }
            while let Some(k) = chain.pop() {
                self.side[k] *= self.side[self.relative_to[k] as usize];
                self.relative_to[k] = NONE;
            }
            self.nesting[e] *= i64::from(self.side[e]);
        }
    }

    /// Third search: the edges around each vertex. Half-edge 2 e begins edge e, half-edge 2 e + 1 ends it.
    fn embed(&self, leaving: &Leaving) -> Vec<Vec<u32>> {
        let n = self.height.len();
        let mut rings = Rings {
            first: vec![NONE; n],
            next: vec![NONE; 2 * self.from.len()],
            before: vec![NONE; 2 * self.from.len()],
        };
        for v in 0..n as u32 {
            let mut last = NONE;
            for e in leaving.of(v) {
                rings.insert_after(v, last, 2 * e);
                last = 2 * e;
            }
        }
        let (mut left, mut right) = (vec![NONE; n], vec![NONE; n]);
        let mut next = vec![0usize; n];
        for &root in &self.roots {
            let mut path = vec![root];
            while let Some(&v) = path.last() {
                let Some(&e) = leaving.of(v).get(next[v as usize]) else {
                    path.pop();
                    continue;
                };
                next[v as usize] += 1;
                let w = self.to[e as usize];
                let end = 2 * e + 1;
                if self.is_tree(e) {
                    rings.insert_first(w, end);
                    left[v as usize] = 2 * e;
                    right[v as usize] = 2 * e;
                    path.push(w);
                } else if self.side[e as usize] > 0 {
                    rings.insert_after(w, right[w as usize], end);
                } else {
                    rings.insert_before(w, left[w as usize], end);
                    left[w as usize] = end;
                }
            }
        }
        let head = |half: u32| {
            let e = half as usize / 2;
            if half.is_multiple_of(2) { self.to[e] } else { self.from[e] }
        };
        (0..n).map(|v| rings.around(v).map(head).collect()).collect()
    }
}

/// The half-edges around each vertex, as rings of links.
struct Rings {
    first: Vec<u32>,
    next: Vec<u32>,
    before: Vec<u32>,
}

impl Rings {
    fn insert_after(&mut self, v: u32, at: u32, half: u32) {
        if at == NONE {
            self.insert_first(v, half);
            return;
        }
        let then = self.next[at as usize];
        self.next[at as usize] = half;
        self.before[half as usize] = at;
        self.next[half as usize] = then;
        self.before[then as usize] = half;
    }
    fn insert_before(&mut self, v: u32, at: u32, half: u32) {
        if at == NONE {
            self.insert_first(v, half);
            return;
        }
        self.insert_after(v, self.before[at as usize], half);
        if self.first[v as usize] == at {
            self.first[v as usize] = half;
        }
    }
    fn insert_first(&mut self, v: u32, half: u32) {
        let first = self.first[v as usize];
        if first == NONE {
            (self.next[half as usize], self.before[half as usize]) = (half, half);
        } else {
            self.insert_after(v, self.before[first as usize], half);
        }
        self.first[v as usize] = half;
    }
    fn around(&self, v: usize) -> impl Iterator<Item = u32> + '_ {
        let first = self.first[v];
        let mut at = first;
        std::iter::from_fn(move || {
            if at == NONE {
                return None;
            }
            let now = at;
            at = if self.next[at as usize] == first { NONE } else { self.next[at as usize] };
            Some(now)
        })
    }
}
