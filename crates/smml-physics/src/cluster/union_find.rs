//! Disjoint sets.

/// A forest of sets of `0..n`; the root of a set is its smallest member, so results do not depend on the order of joins.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnionFind {
    parent: Vec<u32>,
}

impl UnionFind {
    /// Every element on its own.
    pub(crate) fn reset(&mut self, n: usize) {
        self.parent.clear();
        self.parent.extend(0..n as u32);
    }
    /// The smallest member of the set of `i`.
    pub(crate) fn root(&mut self, i: u32) -> u32 {
        let mut i = i as usize;
        // Path halving.
        while self.parent[i] as usize != i {
            let up = self.parent[self.parent[i] as usize];
            self.parent[i] = up;
            i = up as usize;
        }
        i as u32
    }
    /// Joins the sets of `i` and `j`.
    pub(crate) fn join(&mut self, i: u32, j: u32) {
        let (a, b) = (self.root(i), self.root(j));
        let (low, high) = (a.min(b), a.max(b));
        self.parent[high as usize] = low;
    }
}
