//! Junction tree: cliques of an elimination order joined into a tree, calibrated by one pass of messages up and one
//! down. Made once for a graph, it answers for any evidence.

use super::{
    FactorGraph,
    elimination::{ExactOptions, nothing_allowed, sum_to, tables_without_each, without_each},
    order::Plan,
    semiring::{Semiring, SumProduct},
    spread::spread,
    table::{Context, Table},
};
use crate::{
    error::{Error, Result},
    parallel::Par,
};

/// A tree of cliques. Every factor lies inside a clique, and the cliques that hold a variable are connected (the
/// running intersection property).
///
/// ```
/// use smml_core::factor_graph::{FactorGraph, JunctionTree};
/// // Rain wets the grass, so does the sprinkler, which is off when it rains.
/// let mut g = FactorGraph::new(&[2, 2, 2])?; // rain, sprinkler, wet
/// let ln = |p: &[f64]| p.iter().map(|x: &f64| x.ln()).collect::<Vec<_>>();
/// g.add(&[0], &ln(&[0.8, 0.2]))?;
/// g.add(&[0, 1], &ln(&[0.6, 0.4, 1.0, 0.0]))?;
/// g.add(&[0, 1, 2], &ln(&[1.0, 0.0, 0.1, 0.9, 0.2, 0.8, 0.01, 0.99]))?;
/// let tree = JunctionTree::new(&g, &Default::default())?;
/// let given_wet = tree.calibrate(&[(2, 1)])?;
/// assert!((given_wet.variable(0)?[1] - 0.16 / 0.448).abs() < 1e-15);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct JunctionTree<'g> {
    graph: &'g FactorGraph,
    par: Par,
    rank: Vec<usize>,
    width: usize,
    cliques: Vec<Vec<usize>>,
    /// Parent and separator of each clique; `None` for the root of a component.
    parent: Vec<Option<(usize, Vec<usize>)>>,
    children: Vec<Vec<usize>>,
    /// Cliques, parents before children.
    downward: Vec<usize>,
    /// The product of each clique's factors comes from these tables.
    local: Vec<Vec<Table>>,
    /// The smallest clique that holds each free variable.
    home: Vec<Option<usize>>,
    /// The clique that holds each factor's free variables; `None` when it has none.
    factor_home: Vec<Option<usize>>,
    /// Σ ln ψ of factors without free variables.
    constant: f64,
}

impl<'g> JunctionTree<'g> {
    /// Builds the tree for `graph`; evidence that the graph holds already is fixed for good.
    ///
    /// # Errors
    /// [`Error::TooLarge`], naming width and bytes, when the clique tables and messages of a calibration exceed
    /// `options.max_bytes`; as [`Elimination::new`](super::Elimination::new) for a bad order.
    pub fn new(graph: &'g FactorGraph, options: &ExactOptions) -> Result<Self> {
        const WHAT: &str = "the junction tree";
        let plan = Plan::new(graph, &options.order, &[], WHAT)?;
        let arities = graph.arities();
        let n = plan.order.len();
        let mut rank = vec![usize::MAX; graph.n_variables()];
        for (t, &v) in plan.order.iter().enumerate() {
            rank[v] = t;
        }
        let parent_step = |scope: &[usize]| scope.iter().map(|&v| rank[v]).min();
        let mut step_children = vec![Vec::new(); n];
        for (t, scope) in plan.scopes.iter().enumerate() {
            if let Some(p) = parent_step(scope) {
                step_children[p].push(t);
            }
        }
        // The clique of step t is {its variable} and its scope. It is not maximal exactly when a child step passes all
        // of it on; then the child's clique stands for it.
        let mut clique_of_step = vec![0; n];
        let mut cliques: Vec<Vec<usize>> = Vec::new();
        let mut top_step: Vec<usize> = Vec::new();
        for t in 0..n {
            let larger =
                step_children[t].iter().find(|&&c: &&usize| plan.scopes[c].len() == plan.scopes[t].len() + 1);
            clique_of_step[t] = match larger {
                Some(&c) => clique_of_step[c],
                None => {
                    let mut clique = plan.scopes[t].clone();
                    clique.push(plan.order[t]);
                    clique.sort_unstable();
                    cliques.push(clique);
                    top_step.push(t);
                    cliques.len() - 1
                }
            };
            top_step[clique_of_step[t]] = t;
        }
        let mut children = vec![Vec::new(); cliques.len()];
        let mut parent = Vec::with_capacity(cliques.len());
        for (c, &t) in top_step.iter().enumerate() {
            parent.push(parent_step(&plan.scopes[t]).map(|p| {
                children[clique_of_step[p]].push(c);
                (clique_of_step[p], plan.scopes[t].clone())
            }));
        }
        let mut downward: Vec<usize> = (0..cliques.len()).filter(|&c| parent[c].is_none()).collect();
        let mut at = 0;
        while at < downward.len() {
            downward.extend_from_slice(&children[downward[at]]);
            at += 1;
        }
        let bytes: f64 = cliques.iter().map(|c| Table::bytes(c, arities)).sum::<f64>()
            + 2.0 * parent.iter().flatten().map(|p| Table::bytes(&p.1, arities)).sum::<f64>()
            // What one clique with many neighbours holds for a moment.
            + children
                .iter()
                .zip(&cliques)
                .map(|(k, c)| tables_without_each(k.len()) as f64 * Table::bytes(c, arities))
                .fold(0.0, f64::max);
        if bytes > options.max_bytes as f64 {
            return Err(Error::TooLarge {
                what: format!("{WHAT} at width {}", plan.width),
                needed: format!("{bytes:.3e} bytes"),
                limit: format!("max_bytes = {}", options.max_bytes),
            });
        }
        let mut home: Vec<Option<usize>> = vec![None; graph.n_variables()];
        for (t, &v) in plan.order.iter().enumerate() {
            home[v] = Some(clique_of_step[t]);
        }
        let mut local = vec![Vec::new(); cliques.len()];
        let mut factor_home = Vec::with_capacity(graph.factors().len());
        let mut constant = 0.0;
        for f in graph.factors() {
            let (scope, table) = graph.reduced(f);
            let clique = parent_step(&scope).map(|t| clique_of_step[t]);
            factor_home.push(clique);
            match clique {
                Some(c) => local[c].push(SumProduct.leaf(scope, table)),
                None => constant += table[0],
            }
        }
        Ok(JunctionTree {
            graph,
            par: options.par,
            width: plan.width,
            rank,
            cliques,
            parent,
            children,
            downward,
            local,
            home,
            factor_home,
            constant,
        })
    }

    /// The variables of each clique, sorted.
    pub fn cliques(&self) -> &[Vec<usize>] {
        &self.cliques
    }

    /// The edges of the tree: two cliques and the separator, the variables they share. One tree for each component.
    pub fn edges(&self) -> impl Iterator<Item = (usize, usize, &[usize])> {
        self.parent.iter().enumerate().filter_map(|(c, p)| p.as_ref().map(|(p, s)| (c, *p, s.as_slice())))
    }

    /// The size of the largest clique, less one.
    pub fn width(&self) -> usize {
        self.width
    }

    fn context(&self) -> Context<'_> {
        Context { arities: self.graph.arities(), rank: &self.rank, par: self.par }
    }

    /// Passes messages up and down, given further `(variable, value)` observations.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for bad evidence, as [`FactorGraph::condition`]; [`Error::Undefined`] when no configuration
    /// agrees with it.
    pub fn calibrate(&self, evidence: &[(usize, usize)]) -> Result<Calibrated<'_>> {
        let given = self.graph.condition(evidence)?;
        let arities = self.graph.arities();
        // Observations enter as one more factor in a clique that holds the variable.
        let mut seen: Vec<Vec<Table>> = vec![Vec::new(); self.cliques.len()];
        for (v, home) in self.home.iter().enumerate() {
            if let (Some(c), Some(x)) = (home, given.evidence()[v]) {
                let ln = (0..arities[v]).map(|y| if x == y { 0.0 } else { f64::NEG_INFINITY }).collect();
                seen[*c].push(SumProduct.leaf(vec![v], ln));
            }
        }
        let context = self.context();
        let own = |c: usize| self.local[c].iter().chain(&seen[c]).collect::<Vec<&Table>>();
        let n = self.cliques.len();
        let mut up: Vec<Option<Table>> = vec![None; n];
        for &c in self.downward.iter().rev() {
            if let Some((_, separator)) = &self.parent[c] {
                let mut inputs = own(c);
                inputs.extend(self.children[c].iter().filter_map(|&k| up[k].as_ref()));
                up[c] = Some(sum_to(&inputs, separator, context));
            }
        }
        let mut down: Vec<Option<Table>> = vec![None; n];
        let mut beliefs: Vec<Option<Table>> = vec![None; n];
        let mut ln_z = self.constant;
        let mut component_ln_z = vec![0.0; n];
        for &c in &self.downward {
            let mut inputs = own(c);
            inputs.extend(&down[c]);
            let messages: Vec<&Table> = self.children[c].iter().filter_map(|&k| up[k].as_ref()).collect();
            let separator = |i: usize| {
                self.parent[self.children[c][i]].as_ref().map_or(&[][..], |(_, separator)| separator)
            };
            let new = without_each(&inputs, &messages, &separator, context);
            inputs.extend(&messages);
            let belief = SumProduct.combine(&inputs, None, context);
            let sum = belief.normalised().map_or(f64::NEG_INFINITY, |b| b.1)
                + self.missing(c, &belief.scope).map(|v| libm::log(arities[v] as f64)).sum::<f64>();
            component_ln_z[c] = sum;
            if self.parent[c].is_none() {
                ln_z += sum;
            }
            beliefs[c] = Some(belief);
            self.children[c].iter().zip(new).for_each(|(&k, table)| down[k] = Some(table));
        }
        if ln_z == f64::NEG_INFINITY {
            return Err(nothing_allowed("a calibrated tree"));
        }
        // What the components of the other cliques add.
        let mut root_ln_z = component_ln_z.clone();
        for &c in &self.downward {
            if let Some((p, _)) = self.parent[c] {
                root_ln_z[c] = root_ln_z[p];
            }
        }
        let clique_ln_z =
            component_ln_z.iter().zip(&root_ln_z).map(|(own, root)| ln_z - root + own).collect();
        Ok(Calibrated {
            tree: self,
            given,
            beliefs: beliefs.into_iter().flatten().collect(),
            ln_z,
            clique_ln_z,
        })
    }

    /// Variables of a clique that a belief lacks, because no factor mentions them.
    fn missing<'a>(&'a self, c: usize, scope: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
        self.cliques[c].iter().copied().filter(|v| !scope.contains(v))
    }
}

/// A junction tree after its two passes: all marginals for one set of evidence.
#[derive(Clone, Debug)]
pub struct Calibrated<'t> {
    tree: &'t JunctionTree<'t>,
    given: FactorGraph,
    beliefs: Vec<Table>,
    ln_z: f64,
    clique_ln_z: Vec<f64>,
}

impl Calibrated<'_> {
    /// ln Z of the graph with the evidence; less ln Z without it, the ln probability of the evidence.
    pub fn ln_z(&self) -> f64 {
        self.ln_z
    }

    /// ln Z as each clique sees it; all agree up to rounding.
    pub fn clique_ln_z(&self) -> &[f64] {
        &self.clique_ln_z
    }

    /// The joint distribution of a clique's variables, in the order of [`JunctionTree::cliques`], last one fastest.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when there is no such clique.
    pub fn clique(&self, clique: usize) -> Result<Vec<f64>> {
        match self.tree.cliques.get(clique) {
            Some(scope) => self.joint(clique, scope),
            None => Err(Error::out_of_range("clique", clique, format!("below {}", self.beliefs.len()))),
        }
    }

    /// The probability of each value of a variable.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when there is no such variable.
    pub fn variable(&self, variable: usize) -> Result<Vec<f64>> {
        self.given.check_variable("variable", variable)?;
        match self.tree.home[variable] {
            Some(c) => self.joint(c, &[variable]),
            None => self.certain(&[variable]),
        }
    }

    /// The joint distribution of a factor's scope, laid out like its table.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when there is no such factor.
    pub fn factor(&self, factor: usize) -> Result<Vec<f64>> {
        let Some(f) = self.given.factors().get(factor) else {
            return Err(Error::out_of_range(
                "factor",
                factor,
                format!("below {}", self.given.factors().len()),
            ));
        };
        match self.tree.factor_home[factor] {
            Some(c) => self.joint(c, f.scope()),
            None => self.certain(f.scope()),
        }
    }

    fn joint(&self, clique: usize, scope: &[usize]) -> Result<Vec<f64>> {
        spread(self.tree.graph, scope, &sum_to(&[&self.beliefs[clique]], scope, self.tree.context()))
    }

    fn certain(&self, scope: &[usize]) -> Result<Vec<f64>> {
        spread(self.tree.graph, scope, &SumProduct.leaf(Vec::new(), vec![0.0]))
    }
}
