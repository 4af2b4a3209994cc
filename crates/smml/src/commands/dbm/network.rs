//! The networks of `smml dbm`: named on the command line, read from a file of edges, saved with what was learned.

use crate::{
    args::{Dataset, network::Named},
    commands::graph,
    error::Failure,
    output,
    run::input::{self, Hashes, Input},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use smml_core::{
    graph::{Colouring, SparseGraph},
    schedule::Schedule,
    store,
};
use smml_hw::{
    dbm::{Layout, SparseDbm, layered},
    machine::{FixedNetwork, Format, Wiring},
    topology::{self, Shape, Topology},
};
use smml_learn::data::Binarise;
use smml_physics::problem::formats;
use std::{path::Path, sync::Arc};

/// What tells a network file from other checkpoints.
const NETWORK: u64 = 0x5344_424d_3032;
/// Largest file of a network.
const NETWORK_BYTES: u64 = 1 << 30;
/// The network that comes with the program, made by the command in `docs/src/dbm.md`.
const SHIPPED: &[u8] = include_bytes!("../../../networks/mnist-p14.dbm");
/// Its name where files have theirs.
const SHIPPED_NAME: &str = "the network that comes with smml";

/// The graph of a machine, in few bytes where there is a rule for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Graph {
    Family(Shape),
    /// Units of the hidden layers.
    Layers(Vec<u32>),
    /// A user's, coloured by DSATUR.
    Edges {
        n_nodes: u32,
        edges: Vec<(u32, u32)>,
    },
}

impl Graph {
    /// The graph that is named; the hash of its file, where it has one.
    pub(super) fn open(named: &Named, quiet: bool) -> Result<(Self, Hashes), Failure> {
        Ok(match named {
            Named::Family(shape) => (Graph::Family(*shape), Hashes::new()),
            Named::Layers(units) => (Graph::Layers(units.clone()), Hashes::new()),
            Named::File(path) => {
                if !path.exists() {
                    return Err(Failure::File(format!(
                        "{}: no such file, and none of p14, z12, chimera16, king60, layers:500,500",
                        path.display()
                    )));
                }
                let input = Input::read(path, formats::MAX_BYTES)?;
                let (topology, _) = graph::of_problem(&input, path, None, quiet)?;
                let edges = topology.graph().edges().map(|(i, j, _)| (i, j)).collect();
                let n_nodes = topology.graph().n_vertices() as u32;
                (Graph::Edges { n_nodes, edges }, input.hashes())
            }
        })
    }
    /// As people call it.
    pub(super) fn name(&self) -> String {
        match self {
            Graph::Family(shape) => {
                topology::Layout::new(*shape).map_or_else(|_| format!("{shape:?}"), |l| l.to_string())
            }
            Graph::Layers(units) => {
                let units: Vec<String> = units.iter().map(u32::to_string).collect();
                format!("layers of {} hidden units", units.join(" and "))
            }
            Graph::Edges { n_nodes, edges } => {
                format!("a graph of {}, {}", counted(*n_nodes as usize, "node"), counted(edges.len(), "edge"))
            }
        }
    }
    /// Where its nodes are when it is drawn; of families.
    pub(super) fn positions(&self) -> Result<Option<Vec<(f64, f64)>>, Failure> {
        let Graph::Family(shape) = self else { return Ok(None) };
        let topology = Topology::new(topology::Layout::new(*shape)?)?;
        Ok((0..topology.graph().n_vertices()).map(|vertex| topology.position(vertex)).collect())
    }
    /// How many nodes and edges it has.
    pub(super) fn size(&self, n_pixels: usize, n_labels: usize) -> Result<(usize, usize), Failure> {
        Ok(match self {
            Graph::Family(shape) => {
                let layout = topology::Layout::new(*shape)?;
                (layout.n_nodes(), layout.n_edges())
            }
            Graph::Edges { n_nodes, edges } => (*n_nodes as usize, edges.len()),
            Graph::Layers(units) => {
                let hidden = units.iter().map(|n| *n as usize);
                let sizes: Vec<usize> = [n_pixels].into_iter().chain(hidden).chain([n_labels]).collect();
                let pairs = sizes.windows(2).map(|w| w[0].saturating_mul(w[1]));
                (sizes.iter().sum(), pairs.fold(0, usize::saturating_add))
            }
        })
    }
    /// The wires; of layers with their own places of visible units.
    fn wiring(
        &self,
        n_pixels: usize,
        n_classes: usize,
        n_copies: usize,
    ) -> Result<(Wiring, Option<Layout>), Failure> {
        let of = |t: &Topology| -> Result<Wiring, Failure> { Ok(Wiring::new(t.graph(), t.colouring())?) };
        Ok(match self {
            Graph::Family(shape) => (of(&Topology::new(topology::Layout::new(*shape)?)?)?, None),
            Graph::Edges { n_nodes, edges } => {
                let graph = SparseGraph::unweighted(*n_nodes as usize, edges)?;
                (Wiring::new(&graph, &Colouring::dsatur(&graph))?, None)
            }
            Graph::Layers(units) => {
                let units: Vec<usize> = units.iter().map(|n| *n as usize).collect();
                let (wiring, layout) = layered(n_pixels, n_classes, n_copies, &units)?;
                (wiring, Some(layout))
            }
        })
    }
    /// The wires, with pixels and labels where `place` puts them among so many nodes; of layers at their own places.
    pub(super) fn build(
        &self,
        (n_pixels, n_classes, n_copies): (usize, usize, usize),
        place: impl FnOnce(usize) -> Result<Layout, smml_hw::Error>,
    ) -> Result<(Arc<Wiring>, Layout), Failure> {
        let (wiring, layout) = self.wiring(n_pixels, n_classes, n_copies)?;
        let layout = match layout {
            Some(layout) => layout,
            None => place(wiring.n_nodes())?,
        };
        Ok((Arc::new(wiring), layout))
    }
}

fn counted(n: usize, thing: &str) -> String {
    output::counted(n as u64, thing)
}

/// A network file: a programmed machine in its own fixed-point numbers, and what it learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedNetwork {
    graph: Graph,
    layout: Layout,
    /// Shape of an image.
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) dataset: Dataset,
    pub(super) threshold: Binarise,
    pub(super) format: Format,
    /// β while images are drawn, unless another is asked for.
    pub(super) draw_betas: Schedule,
    /// Codes of the format: couplings in the order of the graph's edges, fields by node.
    couplings: Vec<i16>,
    fields: Vec<i16>,
}

impl SavedNetwork {
    /// A trained machine, rounded to `format`.
    pub(super) fn new(
        graph: Graph,
        model: &SparseDbm,
        format: Format,
        (rows, columns): (usize, usize),
        (dataset, threshold): (Dataset, Binarise),
        draw_betas: Schedule,
    ) -> Result<Self, Failure> {
        let network = model.network(format)?;
        Ok(SavedNetwork {
            graph,
            layout: model.layout().clone(),
            rows,
            columns,
            dataset,
            threshold,
            format,
            draw_betas,
            couplings: network.coupling_codes().to_vec(),
            fields: network.field_codes().to_vec(),
        })
    }
    /// As people call its graph.
    pub(super) fn name(&self) -> String {
        self.graph.name()
    }
    /// The bytes of its file.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Failure> {
        Ok(store::encode(self, NETWORK)?)
    }
    /// Couplings and fields, from codes of this network's numbers for its graph.
    ///
    /// Errors: other numbers of codes; a code that the format does not have.
    pub(super) fn values(&self, couplings: &[i16], fields: &[i16]) -> Result<[Vec<f32>; 2], Failure> {
        let (n_nodes, n_edges) = self.graph.size(self.layout.pixels().len(), self.layout.labels().len())?;
        for (what, found, expected) in
            [("couplings", couplings.len(), n_edges), ("fields", fields.len(), n_nodes)]
        {
            if found != expected {
                return Err(Failure::File(format!("{found} {what}, {} has {expected}", self.graph.name())));
            }
        }
        let largest = self.format.code(f64::INFINITY).0;
        let mut all = couplings.iter().chain(fields);
        if let Some(code) = all.find(|c| c.unsigned_abs() > largest.unsigned_abs()) {
            let format = self.format;
            return Err(Failure::File(format!(
                "code {code}, {format} has codes from -{largest} to {largest}"
            )));
        }
        let of = |codes: &[i16]| codes.iter().map(|c| self.format.value(*c) as f32).collect();
        Ok([of(couplings), of(fields)])
    }
    /// The machine.
    pub(super) fn model(&self) -> Result<SparseDbm, Failure> {
        let layout = &self.layout;
        let wrong = |why: String| Err(Failure::File(why));
        // Before a large graph is built that nobody has numbers for.
        let [couplings, fields] = self.values(&self.couplings, &self.fields)?;
        if self.rows.checked_mul(self.columns) != Some(layout.pixels().len()) {
            return wrong(format!(
                "{} x {} pixels do not fit the {} of the layout",
                self.rows,
                self.columns,
                layout.pixels().len()
            ));
        }
        let sizes = (layout.pixels().len(), layout.n_classes(), layout.n_copies());
        let (wiring, own) = self.graph.build(sizes, |_| Ok(layout.clone()))?;
        if own != *layout {
            return wrong("pixels and labels of layers are not where layers have them".into());
        }
        Ok(SparseDbm::new(wiring, own, couplings, fields)?)
    }
}

/// Reads what `kind` marks, from the bytes of a file.
pub(super) fn decode<T: DeserializeOwned>(
    bytes: &[u8],
    kind: u64,
    name: &str,
    wanted: &str,
) -> Result<T, Failure> {
    store::decode(bytes, kind).map_err(|e| match e {
        // Sound, but written by something else: the hash of the parameters says no more.
        smml_core::Error::Corrupt { place, .. } if place == "byte 12" => {
            Failure::File(format!("{name}: a checkpoint, not the {wanted}"))
        }
        smml_core::Error::Corrupt { place, problem, .. } => {
            Failure::File(format!("{name}: {place}: {problem}"))
        }
        e => Failure::File(format!("{name}: {e}")),
    })
}

/// A network that was read, ready to be asked.
pub(super) struct Network {
    pub(super) saved: SavedNetwork,
    pub(super) model: SparseDbm,
    /// Where it came from.
    pub(super) source: String,
    /// What the run says that it read.
    pub(super) hashes: Hashes,
}

impl Network {
    /// From a file, or the one that comes with the program.
    pub(super) fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let (bytes, hashes, name) = match path {
            Some(path) => {
                let input = Input::read(path, NETWORK_BYTES)?;
                let hashes = input.hashes();
                (input.bytes, hashes, path.display().to_string())
            }
            None => {
                let hashes = Hashes::from([(SHIPPED_NAME.to_string(), input::hex(SHIPPED))]);
                (SHIPPED.to_vec(), hashes, SHIPPED_NAME.to_string())
            }
        };
        let saved: SavedNetwork = decode(&bytes, NETWORK, &name, "network.dbm of smml dbm train")?;
        let model = saved.model().map_err(|e| Failure::File(format!("{name}: {e}")))?;
        Ok(Network { saved, model, source: name, hashes })
    }
    /// Number of classes.
    pub(super) fn n_classes(&self) -> usize {
        self.model.layout().n_classes()
    }
    /// As people call it.
    pub(super) fn name(&self) -> String {
        self.saved.graph.name()
    }
    /// The programmed machine.
    pub(super) fn programmed(&self, format: Option<Format>) -> Result<FixedNetwork, Failure> {
        Ok(self.model.network(format.unwrap_or(self.saved.format))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(graph: Graph) -> SavedNetwork {
        let (wiring, layout) = graph.build((4, 2, 1), |n| Layout::in_order(n, 4, 2, 1)).unwrap();
        let couplings = (0..wiring.n_edges()).map(|k| 0.1 * k as f32 - 0.3).collect();
        let model = SparseDbm::new(wiring.clone(), layout, couplings, vec![0.5; wiring.n_nodes()]).unwrap();
        let format = Format::S4_5;
        SavedNetwork::new(
            graph,
            &model,
            format,
            (2, 2),
            (Dataset::Mnist, Binarise::Above(127)),
            Schedule::Constant(1.0),
        )
        .unwrap()
    }

    #[test]
    fn a_machine_is_read_as_it_was_programmed() {
        for graph in [
            Graph::Family(Shape::King { rows: 3, columns: 3 }),
            Graph::Layers(vec![3, 2]),
            Graph::Edges { n_nodes: 7, edges: (0..6).map(|i| (i, 6)).collect() },
        ] {
            let saved = small(graph);
            let read: SavedNetwork = store::decode(&saved.bytes().unwrap(), NETWORK).unwrap();
            assert_eq!(read, saved);
            let network = read.model().unwrap().network(saved.format).unwrap();
            assert_eq!(
                (network.coupling_codes(), network.field_codes()),
                (&*saved.couplings, &*saved.fields)
            );
        }
    }

    #[test]
    fn files_that_contradict_themselves_are_refused() {
        let good = small(Graph::Family(Shape::King { rows: 3, columns: 3 }));
        let layers = small(Graph::Layers(vec![3]));
        for (bad, why) in [
            (SavedNetwork { rows: 3, ..good.clone() }, "3 x 2 pixels"),
            (SavedNetwork { couplings: vec![0; 3], ..good.clone() }, "3 couplings"),
            (SavedNetwork { couplings: vec![600; 20], ..good.clone() }, "code 600"),
            (SavedNetwork { fields: vec![0; 3], ..good.clone() }, "3 fields"),
            (SavedNetwork { graph: Graph::Layers(vec![u32::MAX; 2]), ..good.clone() }, "20 couplings"),
            (
                SavedNetwork { graph: Graph::Family(Shape::King { rows: 0, columns: 3 }), ..good.clone() },
                "rows",
            ),
            (
                SavedNetwork { graph: Graph::Edges { n_nodes: 9, edges: vec![(0, 9); 20] }, ..good.clone() },
                "9",
            ),
            (
                SavedNetwork { layout: Layout::new(9, vec![1, 0, 2, 3], 2, vec![4, 5]).unwrap(), ..layers },
                "layers",
            ),
        ] {
            let message = bad.model().unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }

    #[test]
    fn the_shipped_network_is_small_and_the_published_machine() {
        assert!(SHIPPED.len() < 200_000, "{} bytes", SHIPPED.len());
        let network = Network::open(None).unwrap();
        assert_eq!(network.saved.graph, Graph::Family(Shape::Pegasus { size: 14, fabric: true }));
        assert_eq!((network.saved.rows, network.saved.columns, network.n_classes()), (28, 28, 10));
        assert_eq!(network.model.couplings().len(), 30_404);
    }
}
