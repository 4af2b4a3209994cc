//! The spins of one chain, with the local fields that the last model swept had.

use super::model::{OrderedIsing, Rows, TILE, Tile};
use crate::lanes::decide::WIDTH;
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result},
    read_through,
};
use std::sync::Arc;

/// The spins of one chain.
///
/// Local fields are kept with them once a model was swept; they are a function of the spins, so only spins are saved and
/// compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawOrdered", into = "SavedOrdered")]
pub struct OrderedSpins {
    pub(super) body: Body,
}

#[derive(Serialize)]
struct SavedOrdered {
    spins: Vec<i8>,
}

impl From<OrderedSpins> for SavedOrdered {
    fn from(state: OrderedSpins) -> Self {
        SavedOrdered { spins: state.spins() }
    }
}

read_through!(OrderedSpins: RawOrdered { spins: Vec<i8> } => OrderedSpins::new(spins));

#[derive(Clone, Debug)]
pub(super) enum Body {
    /// As saved.
    Plain(Vec<i8>),
    Swept(Cache),
}

/// Spins ±1 (1 where there is none) and local fields by place.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    key: u64,
    places: Arc<[u32]>,
    pub(super) spins: Vec<[f32; WIDTH]>,
    pub(super) fields: Fields,
}

/// Local fields in units, as the rows want them.
#[derive(Clone, Debug)]
pub(super) enum Fields {
    Groups(Vec<[f32; WIDTH]>),
    Reals(Vec<Tile<f32>>),
    Words(Vec<Tile<i16>>),
    /// Of every vector of 512 places the planes of the number of neighbours that vote for up.
    Votes(Vec<[u64; 8]>),
}

impl PartialEq for OrderedSpins {
    fn eq(&self, other: &Self) -> bool {
        self.spins() == other.spins()
    }
}
impl Eq for OrderedSpins {}

impl OrderedSpins {
    /// Errors: no spins, values other than ±1.
    pub(super) fn new(spins: Vec<i8>) -> Result<Self> {
        if spins.is_empty() {
            return Err(Error::out_of_range("number of spins", 0, "at least 1"));
        }
        if let Some(i) = spins.iter().position(|s| !matches!(s, -1 | 1)) {
            return Err(Error::out_of_range(format!("spin {i}"), spins[i], "-1 or 1"));
        }
        Ok(OrderedSpins::of(spins))
    }
    /// Of spins that are ±1.
    pub(super) fn of(spins: Vec<i8>) -> Self {
        OrderedSpins { body: Body::Plain(spins) }
    }
    /// Number of spins.
    pub fn n_spins(&self) -> usize {
        match &self.body {
            Body::Plain(spins) => spins.len(),
            Body::Swept(cache) => cache.places.len(),
        }
    }
    /// The spins.
    pub fn spins(&self) -> Vec<i8> {
        match &self.body {
            Body::Plain(spins) => spins.clone(),
            Body::Swept(cache) => {
                let spins = cache.spins.as_flattened();
                cache.places.iter().map(|p| if spins[*p as usize] > 0.0 { 1 } else { -1 }).collect()
            }
        }
    }
    /// Spins and local fields by the places of a model, made where they are not there. The number of spins is the
    /// model's.
    pub(super) fn prepare(&mut self, model: &OrderedIsing) -> &mut Cache {
        if !matches!(&self.body, Body::Swept(cache) if cache.key == model.key) {
            self.body = Body::Swept(Cache::new(model, &self.spins()));
        }
        match &mut self.body {
            Body::Swept(cache) => cache,
            Body::Plain(_) => unreachable!("made above"),
        }
    }
}

impl Cache {
    fn new(model: &OrderedIsing, plain: &[i8]) -> Self {
        let n = model.fields.len();
        let mut spins = vec![1.0f32; n];
        for (place, s) in model.places.iter().zip(plain) {
            spins[*place as usize] = f32::from(*s);
        }
        // Rows hold 2 J: half of a sum over them, which is exact in f64.
        fn tiles<T: Copy + Default>(sum: impl Fn(usize) -> T, n: usize) -> Vec<Tile<T>> {
            let of = |i: usize| if i < n { sum(i) } else { T::default() };
            (0..n.div_ceil(TILE)).map(|t| Tile(std::array::from_fn(|k| of(TILE * t + k)))).collect()
        }
        fn dense<T: Copy>(rows: &[Tile<T>], i: usize, spins: &[f32], real: fn(T) -> f64) -> f64 {
            let n_tiles = spins.len().div_ceil(TILE);
            let row = rows[i * n_tiles..(i + 1) * n_tiles].iter().flat_map(|t| t.0);
            0.5 * row.zip(spins).map(|(w, s)| real(w) * f64::from(*s)).sum::<f64>()
        }
        let own = |i: usize| f64::from(model.fields[i]);
        let fields = match &model.rows {
            Rows::Sparse { .. } | Rows::Few { .. } => {
                let sum = |i: usize| {
                    let row = match &model.rows {
                        Rows::Sparse { offsets, entries } => &entries[offsets[i]..offsets[i + 1]],
                        Rows::Few { entries, width } => &entries[i * width..(i + 1) * width],
                        _ => &[],
                    };
                    let row = row.iter();
                    own(i) + 0.5 * row.map(|(j, w)| f64::from(w * spins[*j as usize])).sum::<f64>()
                };
                let sums: Vec<f32> = (0..n).map(|i| sum(i) as f32).collect();
                Fields::Groups(sums.as_chunks().0.to_vec())
            }
            Rows::Words(rows) => {
                Fields::Words(tiles(|i| (own(i) + dense(rows, i, &spins, f64::from)) as i16, n))
            }
            Rows::Reals(rows) => {
                Fields::Reals(tiles(|i| (own(i) + dense(rows, i, &spins, f64::from)) as f32, n))
            }
            Rows::Bits(bits) => {
                let up: Vec<[u64; 8]> = (0..bits.n_vectors)
                    .map(|v| {
                        let is_up = |j: usize| j < n && spins[j] > 0.0;
                        std::array::from_fn(|w| {
                            (0..64).fold(0, |word, k| word | u64::from(is_up(512 * v + 64 * w + k)) << k)
                        })
                    })
                    .collect();
                let mut planes = vec![[0; 8]; bits.n_vectors * bits.planes];
                for i in 0..n {
                    // Positive couplings to spins that are up, negative ones to those that are down.
                    let votes = [false, true].map(|negative| {
                        let Some(start) = bits.row(i, negative) else { return 0 };
                        let row = bits.rows[start..start + bits.n_vectors].iter().zip(&up);
                        let flip = if negative { u64::MAX } else { 0 };
                        row.flat_map(|(row, up)| (0..8).map(move |w| (row[w] & (up[w] ^ flip)).count_ones()))
                            .sum::<u32>()
                    });
                    let votes = votes[0] + votes[1];
                    for k in 0..bits.planes {
                        let plane = &mut planes[i / 512 * bits.planes + k];
                        plane[i / 64 % 8] |= u64::from(votes >> k & 1) << (i % 64);
                    }
                }
                Fields::Votes(planes)
            }
        };
        let spins = spins.as_chunks().0.to_vec();
        Cache { key: model.key, places: model.places.clone(), spins, fields }
    }
}
