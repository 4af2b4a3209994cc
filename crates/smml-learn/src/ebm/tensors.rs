//! Machines as safetensors files: named arrays that other programs read.
//!
//! All numbers are written in f64, so that reading gives the same machine to the last bit; f32 is read too. Names and shapes:
//!
//! | machine | arrays |
//! |---|---|
//! | [`Rbm`] | `visible_bias` \[n\], `hidden_bias` \[m\], `weights` \[n, m\] |
//! | [`DeepMachine`] | for each layer l `biases.l` \[nₗ\], and `weights.l` \[nₗ, nₗ₊₁\] to the next |
//! | [`BoltzmannMachine`] | `biases` \[n\], `edges` \[k, 2\] and `visible` \[v\] in u32, `weights` \[k\] |
//!
//! One entry of the metadata, `smml`, holds as JSON the kind (`rbm`, `deep`, `boltzmann`) and what arrays do not say: the units.

use super::{
    deep::{DeepMachine, LayerUnits},
    machine::{BoltzmannMachine, Units},
    rbm::Rbm,
};
use crate::error::{Error, Result};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use smml_core::{graph::SparseGraph, store::write_atomically};
use std::{collections::HashMap, path::Path};

/// A machine that can be written as safetensors and read back.
pub trait Tensors: Sized {
    /// The bytes of a safetensors file.
    fn to_safetensors(&self) -> Result<Vec<u8>>;
    /// The machine in these bytes. Errors: bytes that are no safetensors file, arrays that are missing or of another type or
    /// shape, and what the constructor of the machine refuses. `path` is only named in messages.
    fn from_safetensors(bytes: &[u8], path: &Path) -> Result<Self>;
    /// Writes a file, whole or not at all.
    fn write_safetensors(&self, path: &Path) -> Result<()> {
        Ok(write_atomically(path, &self.to_safetensors()?)?)
    }
    /// Reads a file of at most 4 GiB.
    ///
    /// ```
    /// use smml_learn::ebm::{Rbm, Tensors};
    /// let rbm = Rbm::new(vec![0.5, -1.0], vec![0.2], vec![1.0, -0.3])?;
    /// let path = std::env::temp_dir().join("smml-doc.safetensors");
    /// rbm.write_safetensors(&path)?;
    /// assert_eq!(Rbm::read_safetensors(&path)?, rbm);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), smml_learn::Error>(())
    /// ```
    fn read_safetensors(path: &Path) -> Result<Self> {
        let io = |e| smml_core::Error::io(path, e);
        let length = std::fs::metadata(path).map_err(io)?.len();
        if length > MOST_BYTES {
            let problem = format!("{length} bytes, at most {MOST_BYTES} are read");
            return Err(smml_core::Error::corrupt(path, "length", problem).into());
        }
        Self::from_safetensors(&std::fs::read(path).map_err(io)?, path)
    }
}

/// Largest file that is read.
const MOST_BYTES: u64 = 1 << 32;
/// The entry of the metadata.
const ENTRY: &str = "smml";

/// What arrays do not say.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Kind {
    Rbm,
    Deep { layers: Vec<LayerUnits> },
    Boltzmann { units: Units },
}

/// An array to be written.
struct Array {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    fn reals(name: impl Into<String>, shape: Vec<usize>, values: impl IntoIterator<Item = f64>) -> Self {
        let bytes = values.into_iter().flat_map(f64::to_le_bytes).collect();
        Array { name: name.into(), dtype: Dtype::F64, shape, bytes }
    }
    fn numbers(name: &str, shape: Vec<usize>, values: impl IntoIterator<Item = u32>) -> Self {
        let bytes = values.into_iter().flat_map(u32::to_le_bytes).collect();
        Array { name: name.into(), dtype: Dtype::U32, shape, bytes }
    }
}

fn undefined(what: &str, why: impl ToString) -> Error {
    smml_core::Error::Undefined { what: what.into(), why: why.to_string() }.into()
}

fn write(kind: &Kind, arrays: &[Array]) -> Result<Vec<u8>> {
    let what = "the safetensors form of this machine";
    let kind = serde_json::to_string(kind).map_err(|e| undefined(what, e))?;
    let views = arrays
        .iter()
        .map(|a| Ok((&a.name[..], TensorView::new(a.dtype, a.shape.clone(), &a.bytes)?)))
        .collect::<std::result::Result<Vec<_>, safetensors::SafeTensorError>>()
        .map_err(|e| undefined(what, e))?;
    // One entry only: a map of several has no fixed order.
    let metadata = HashMap::from([(ENTRY.to_owned(), kind)]);
    safetensors::serialize(views, Some(metadata)).map_err(|e| undefined(what, e))
}

/// A file that was read.
struct File<'a> {
    tensors: SafeTensors<'a>,
    path: &'a Path,
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8], path: &'a Path) -> Result<(Self, Option<Kind>)> {
        let corrupt =
            |place: &str, problem: String| Error::from(smml_core::Error::corrupt(path, place, problem));
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|e| corrupt("header", format!("no safetensors file: {e}")))?;
        let kind = match metadata.metadata().as_ref().and_then(|m| m.get(ENTRY)) {
            Some(text) => Some(
                serde_json::from_str(text)
                    .map_err(|e| corrupt("metadata `smml`", format!("{text:?}: {e}")))?,
            ),
            None => None,
        };
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|e| corrupt("header", format!("no safetensors file: {e}")))?;
        Ok((File { tensors, path }, kind))
    }
    fn corrupt(&self, name: &str, problem: impl ToString) -> Error {
        smml_core::Error::corrupt(self.path, format!("array `{name}`"), problem.to_string()).into()
    }
    fn array(&self, name: &str, n_axes: usize) -> Result<TensorView<'a>> {
        let view = self.tensors.tensor(name).map_err(|e| self.corrupt(name, e))?;
        if view.shape().len() != n_axes {
            return Err(self.corrupt(name, format!("shape {:?}, expected {n_axes} axes", view.shape())));
        }
        Ok(view)
    }
    fn reals(&self, name: &str, n_axes: usize) -> Result<(Vec<usize>, Vec<f64>)> {
        let view = self.array(name, n_axes)?;
        let values = match view.dtype() {
            Dtype::F64 => view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            Dtype::F32 => {
                view.data().as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect()
            }
            other => return Err(self.corrupt(name, format!("type {other:?}, expected F64 or F32"))),
        };
        Ok((view.shape().to_vec(), values))
    }
    fn numbers(&self, name: &str, n_axes: usize) -> Result<(Vec<usize>, Vec<u32>)> {
        let view = self.array(name, n_axes)?;
        if view.dtype() != Dtype::U32 {
            return Err(self.corrupt(name, format!("type {:?}, expected U32", view.dtype())));
        }
        let values = view.data().as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect();
        Ok((view.shape().to_vec(), values))
    }
    /// Weights between layers of these sizes.
    fn weights(&self, name: &str, n: usize, m: usize) -> Result<Vec<f64>> {
        let (shape, values) = self.reals(name, 2)?;
        if shape != [n, m] {
            return Err(self.corrupt(name, format!("shape {shape:?}, expected [{n}, {m}]")));
        }
        Ok(values)
    }
    fn other_kind(&self, expected: &str) -> Error {
        let problem = format!("not of a machine of kind `{expected}`");
        smml_core::Error::corrupt(self.path, "metadata `smml`", problem).into()
    }
    /// Arrays that the machine does not have are a mistake too.
    fn only(&self, n_arrays: usize) -> Result<()> {
        let found = self.tensors.len();
        if found == n_arrays {
            return Ok(());
        }
        let problem = format!("{found} arrays, expected {n_arrays}");
        Err(smml_core::Error::corrupt(self.path, "header", problem).into())
    }
}

impl Tensors for Rbm {
    fn to_safetensors(&self) -> Result<Vec<u8>> {
        let (n, m) = (self.n_visible(), self.n_hidden());
        write(
            &Kind::Rbm,
            &[
                Array::reals("visible_bias", vec![n], self.visible_bias().iter().copied()),
                Array::reals("hidden_bias", vec![m], self.hidden_bias().iter().copied()),
                Array::reals("weights", vec![n, m], self.weights().iter().copied()),
            ],
        )
    }
    /// Files without the entry `smml` are read too, if they have these three arrays.
    fn from_safetensors(bytes: &[u8], path: &Path) -> Result<Self> {
        let (file, kind) = File::open(bytes, path)?;
        if !matches!(kind, None | Some(Kind::Rbm)) {
            return Err(file.other_kind("rbm"));
        }
        file.only(3)?;
        let (_, a) = file.reals("visible_bias", 1)?;
        let (_, b) = file.reals("hidden_bias", 1)?;
        let w = file.weights("weights", a.len(), b.len())?;
        Rbm::new(a, b, w)
    }
}

impl Tensors for DeepMachine {
    fn to_safetensors(&self) -> Result<Vec<u8>> {
        let mut arrays = Vec::new();
        for (l, b) in self.biases().iter().enumerate() {
            arrays.push(Array::reals(format!("biases.{l}"), vec![b.len()], b.iter().copied()));
        }
        for (l, w) in self.weights().iter().enumerate() {
            let shape = vec![self.n_units(l), self.n_units(l + 1)];
            arrays.push(Array::reals(format!("weights.{l}"), shape, w.iter().copied()));
        }
        write(&Kind::Deep { layers: self.layers().to_vec() }, &arrays)
    }
    fn from_safetensors(bytes: &[u8], path: &Path) -> Result<Self> {
        let (file, kind) = File::open(bytes, path)?;
        let Some(Kind::Deep { layers }) = kind else {
            return Err(file.other_kind("deep"));
        };
        file.only((2 * layers.len()).saturating_sub(1))?;
        let biases = (0..layers.len())
            .map(|l| Ok(file.reals(&format!("biases.{l}"), 1)?.1))
            .collect::<Result<Vec<Vec<f64>>>>()?;
        let weights = layers
            .windows(2)
            .enumerate()
            .map(|(l, pair)| file.weights(&format!("weights.{l}"), pair[0].n_units(), pair[1].n_units()))
            .collect::<Result<Vec<Vec<f64>>>>()?;
        DeepMachine::new(layers, biases, weights)
    }
}

impl Tensors for BoltzmannMachine {
    fn to_safetensors(&self) -> Result<Vec<u8>> {
        let k = self.weights().n_edges();
        write(
            &Kind::Boltzmann { units: self.units() },
            &[
                Array::reals("biases", vec![self.n_units()], self.biases().iter().copied()),
                Array::numbers("edges", vec![k, 2], self.weights().edges().flat_map(|(i, j, _)| [i, j])),
                Array::numbers("visible", vec![self.visible().len()], self.visible().iter().copied()),
                Array::reals("weights", vec![k], self.weights().edges().map(|e| e.2)),
            ],
        )
    }
    fn from_safetensors(bytes: &[u8], path: &Path) -> Result<Self> {
        let (file, kind) = File::open(bytes, path)?;
        let Some(Kind::Boltzmann { units }) = kind else {
            return Err(file.other_kind("boltzmann"));
        };
        file.only(4)?;
        let (_, biases) = file.reals("biases", 1)?;
        let (shape, edges) = file.numbers("edges", 2)?;
        let (_, weights) = file.reals("weights", 1)?;
        if shape != [weights.len(), 2] {
            return Err(file.corrupt("edges", format!("shape {shape:?}, expected [{}, 2]", weights.len())));
        }
        let (_, visible) = file.numbers("visible", 1)?;
        let edges: Vec<(u32, u32, f64)> =
            edges.as_chunks::<2>().0.iter().zip(&weights).map(|([i, j], w)| (*i, *j, *w)).collect();
        BoltzmannMachine::new(units, SparseGraph::new(biases.len(), &edges)?, biases, visible)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use smml_core::rng::{Draw, Streams};

    fn rbm() -> Rbm {
        super::super::rbm::tests::random(4, 3, 1.0, 5)
    }
    fn deep() -> DeepMachine {
        let layers = vec![
            LayerUnits::Gaussian { n: 3, sigma: 0.1 },
            LayerUnits::Spins { n: 2 },
            LayerUnits::Softmax { groups: 1, q: 3 },
        ];
        let mut rng = Streams::new(1).stream("deep", 0);
        let mut draw = |n: usize| (0..n).map(|_| rng.normal()).collect::<Vec<f64>>();
        DeepMachine::new(layers, vec![draw(3), draw(2), draw(3)], vec![draw(6), draw(6)]).unwrap()
    }
    fn boltzmann() -> BoltzmannMachine {
        let graph = SparseGraph::new(5, &[(0, 4, 0.1), (2, 1, -1.0 / 3.0), (3, 4, 1e-300)]).unwrap();
        BoltzmannMachine::new(Units::Binary, graph, vec![0.1, -0.2, 0.3, 0.0, 7.0], vec![4, 0]).unwrap()
    }
    fn read<T: Tensors>(bytes: &[u8]) -> Result<T> {
        T::from_safetensors(bytes, Path::new("some.safetensors"))
    }

    #[test]
    fn machines_come_back_to_the_last_bit_and_bytes_are_the_same_each_time() {
        fn check<T: Tensors + PartialEq + std::fmt::Debug>(machine: &T) {
            let bytes = machine.to_safetensors().unwrap();
            assert_eq!(&read::<T>(&bytes).unwrap(), machine);
            assert!((0..5).all(|_| machine.to_safetensors().unwrap() == bytes));
        }
        check(&rbm());
        check(&deep());
        check(&boltzmann());
    }

    #[test]
    fn the_layout_is_the_published_one() {
        // Written by hand: 8 bytes of length, a header of JSON, numbers in f32.
        let header = br#"{"hidden_bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"visible_bias":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"weights":{"dtype":"F32","shape":[2,1],"data_offsets":[12,20]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        for x in [0.5f32, 1.0, -2.0, 0.25, 3.0] {
            bytes.extend(x.to_le_bytes());
        }
        let expected = Rbm::new(vec![1.0, -2.0], vec![0.5], vec![0.25, 3.0]).unwrap();
        assert_eq!(read::<Rbm>(&bytes).unwrap(), expected);
        // What is written starts likewise.
        let own = rbm().to_safetensors().unwrap();
        let length = u64::from_le_bytes(std::array::from_fn(|k| own[k])) as usize;
        let header: serde_json::Value = serde_json::from_slice(&own[8..8 + length]).unwrap();
        assert_eq!(header["weights"]["dtype"], "F64");
        assert_eq!(header["weights"]["shape"], serde_json::json!([4, 3]));
        let from = header["weights"]["data_offsets"][0].as_u64().unwrap() as usize;
        let first = f64::from_le_bytes(std::array::from_fn(|k| own[8 + length + from + k]));
        assert_eq!(first, rbm().weights()[0]);
    }

    #[test]
    fn hostile_files_are_refused_with_the_place() {
        let text = |r: Result<Rbm>| r.unwrap_err().to_string();
        assert!(text(read(b"")).contains("some.safetensors: header"));
        assert!(text(read(&u64::MAX.to_le_bytes())).contains("header"));
        assert!(text(read(&[7; 100])).contains("header"));
        // Another kind, either way.
        assert!(text(read(&deep().to_safetensors().unwrap())).contains("not of a machine of kind `rbm`"));
        assert!(read::<DeepMachine>(&boltzmann().to_safetensors().unwrap()).is_err());
        assert!(read::<BoltzmannMachine>(&rbm().to_safetensors().unwrap()).is_err());
        let swap = |bytes: &[u8], from: &str, to: &str| {
            assert_eq!(from.len(), to.len());
            let at = bytes.windows(from.len()).position(|w| w == from.as_bytes()).unwrap();
            let mut bad = bytes.to_vec();
            bad[at..at + from.len()].copy_from_slice(to.as_bytes());
            bad
        };
        let good = rbm().to_safetensors().unwrap();
        assert!(
            text(read(&swap(&good, "[4,3]", "[3,4]")))
                .contains("array `weights`: shape [3, 4], expected [4, 3]")
        );
        assert!(text(read(&swap(&good, "weights", "weighed"))).contains("array `weights`"));
        assert!(text(read(&swap(&good, "F64", "I64"))).contains("type I64"));
        assert!(text(read(&swap(&good, "\\\"rbm\\\"", "\\\"rbX\\\""))).contains("metadata `smml`"));
        let nan = good.len() - 8;
        let mut bad = good.clone();
        bad[nan..].copy_from_slice(&f64::NAN.to_le_bytes());
        assert!(text(read(&bad)).contains("finite"));
        assert!(text(read(&good[..good.len() - 1])).contains("header"));
        let machine = boltzmann().to_safetensors().unwrap();
        let bad = |bytes: Vec<u8>| read::<BoltzmannMachine>(&bytes).unwrap_err().to_string();
        assert!(bad(swap(&machine, "[3,2]", "[2,3]")).contains("array `edges`"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none.safetensors");
        assert!(Rbm::read_safetensors(&path).unwrap_err().to_string().contains("none.safetensors"));
        boltzmann().write_safetensors(&path).unwrap();
        assert_eq!(BoltzmannMachine::read_safetensors(&path).unwrap(), boltzmann());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(change in proptest::collection::vec((0usize..1200, any::<u8>()), 1..6), cut in 0usize..1200) {
            for good in [rbm().to_safetensors().unwrap(), deep().to_safetensors().unwrap(), boltzmann().to_safetensors().unwrap()] {
                let mut bytes = good.clone();
                for (at, value) in &change {
                    if let Some(byte) = bytes.get_mut(*at) {
                        *byte = *value;
                    }
                }
                bytes.truncate(bytes.len().min(cut.max(8)));
                let _ = (read::<Rbm>(&bytes), read::<DeepMachine>(&bytes), read::<BoltzmannMachine>(&bytes));
                let _ = read::<Rbm>(&good[..cut.min(good.len())]);
            }
        }
    }
}
