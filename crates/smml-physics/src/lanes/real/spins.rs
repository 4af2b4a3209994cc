//! The spins of 64 replicas, with the local fields that the last model swept had.

use super::{
    super::decide::{Block, WIDTH},
    model::{RealLaneModel, Rows},
};
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, same_length},
    lanes_paths, read_through,
    rng::Draw,
};

/// Replicas side by side.
pub const REAL_LANES: usize = 64;
/// Blocks of one spin.
pub(super) const BLOCKS: usize = REAL_LANES / WIDTH;

/// The spins of 64 replicas.
///
/// Local fields are kept with them once a model was swept; they are a function of the spins, so only spins are saved and
/// compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawReal", into = "SavedReal")]
pub struct RealLaneSpins {
    pub(super) body: Body,
}

/// Of every spin the word whose bit r is set where it is up in replica r.
#[derive(Serialize)]
struct SavedReal {
    words: Vec<u64>,
}

impl From<RealLaneSpins> for SavedReal {
    fn from(spins: RealLaneSpins) -> Self {
        SavedReal { words: spins.words() }
    }
}

read_through!(RealLaneSpins: RawReal { words: Vec<u64> } => RealLaneSpins::new(words));

#[derive(Clone, Debug)]
pub(super) enum Body {
    /// As saved.
    Words(Vec<u64>),
    /// Spins ±1 and local fields, all replicas of a spin side by side, as sparse models want them.
    BySpin(Cache),
    /// The same, all spins of a replica side by side (filled up to whole blocks), as dense models want them.
    ByReplica(Cache),
}

#[derive(Clone, Debug)]
pub(super) struct Cache {
    pub(super) n_spins: usize,
    /// The model whose fields these are.
    key: u64,
    pub(super) spins: Vec<Block>,
    pub(super) fields: Vec<Block>,
}

impl PartialEq for RealLaneSpins {
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words()
    }
}
impl Eq for RealLaneSpins {}

impl RealLaneSpins {
    /// All spins up. Errors: no spins.
    pub fn up(n_spins: usize) -> Result<Self> {
        RealLaneSpins::new(vec![u64::MAX; n_spins])
    }
    /// From one word for each spin, whose bit r is set where the spin is up in replica r. Errors: no spins.
    pub fn new(words: Vec<u64>) -> Result<Self> {
        if words.is_empty() {
            return Err(Error::out_of_range("number of spins", 0, "at least 1"));
        }
        Ok(RealLaneSpins::from_words(words))
    }
    pub(super) fn from_words(words: Vec<u64>) -> Self {
        RealLaneSpins { body: Body::Words(words) }
    }
    /// Number of spins of one replica.
    pub fn n_spins(&self) -> usize {
        match &self.body {
            Body::Words(words) => words.len(),
            Body::BySpin(cache) | Body::ByReplica(cache) => cache.n_spins,
        }
    }
    fn is_up(&self, spin: usize, replica: usize) -> bool {
        match &self.body {
            Body::Words(words) => words[spin] >> replica & 1 == 1,
            Body::BySpin(c) => c.spins[spin * BLOCKS + replica / WIDTH].0[replica % WIDTH] > 0.0,
            Body::ByReplica(c) => {
                let row = replica * c.n_spins.div_ceil(WIDTH);
                c.spins[row + spin / WIDTH].0[spin % WIDTH] > 0.0
            }
        }
    }
    /// Gives spins that are coupled to nothing random values; returns how many are as they were.
    pub(super) fn draw_free<R: Draw>(&mut self, free: &[u32], rng: &mut R) -> u64 {
        let mut same = 0;
        for i in free.iter().map(|i| *i as usize) {
            let word = rng.word();
            for r in 0..REAL_LANES {
                let up = word >> r & 1 == 1;
                same += u64::from(up == self.is_up(i, r));
                let value = if up { 1.0 } else { -1.0 };
                match &mut self.body {
                    Body::Words(words) => words[i] = word,
                    Body::BySpin(c) => c.spins[i * BLOCKS + r / WIDTH].0[r % WIDTH] = value,
                    Body::ByReplica(c) => {
                        let row = r * c.n_spins.div_ceil(WIDTH);
                        c.spins[row + i / WIDTH].0[i % WIDTH] = value;
                    }
                }
            }
        }
        same
    }
    /// One word for each spin, whose bit r is set where the spin is up in replica r.
    pub fn words(&self) -> Vec<u64> {
        let word = |i| (0..REAL_LANES).fold(0, |word, r| word | u64::from(self.is_up(i, r)) << r);
        match &self.body {
            Body::Words(words) => words.clone(),
            _ => (0..self.n_spins()).map(word).collect(),
        }
    }
    /// The spins of one replica. `replica` is below [`REAL_LANES`].
    pub fn replica(&self, replica: usize) -> Vec<i8> {
        let r = replica % REAL_LANES;
        (0..self.n_spins()).map(|i| if self.is_up(i, r) { 1 } else { -1 }).collect()
    }
    /// Gives one replica its spins. Errors: another number of them, values other than ±1, a replica that does not exist.
    pub fn set_replica(&mut self, replica: usize, spins: &[i8]) -> Result<()> {
        same_length("spins", spins.len(), self.n_spins())?;
        if replica >= REAL_LANES {
            return Err(Error::out_of_range("replica", replica, format!("below {REAL_LANES}")));
        }
        if let Some(i) = spins.iter().position(|s| !matches!(s, -1 | 1)) {
            return Err(Error::out_of_range(format!("spin {i}"), spins[i], "-1 or 1"));
        }
        let mut words = self.words();
        for (word, s) in words.iter_mut().zip(spins) {
            *word = *word & !(1 << replica) | u64::from(*s > 0) << replica;
        }
        self.body = Body::Words(words);
        Ok(())
    }
    /// Brings spins and local fields into the form that a model wants, where they are not. The number of spins is the
    /// model's.
    pub(super) fn prepare(&mut self, model: &RealLaneModel) {
        let fits = match (&self.body, &model.rows) {
            (Body::BySpin(c), Rows::Sparse { .. }) | (Body::ByReplica(c), Rows::Dense { .. }) => {
                c.key == model.key
            }
            _ => false,
        };
        if fits {
            return;
        }
        let (words, n_spins, key) = (self.words(), model.n_spins(), model.key);
        let sign = |i: usize, r: usize| if words[i] >> r & 1 == 1 { 1.0 } else { -1.0 };
        self.body = match &model.rows {
            Rows::Sparse { offsets, entries } => {
                let block = |b: usize| std::array::from_fn(|k| sign(b / BLOCKS, WIDTH * (b % BLOCKS) + k));
                let spins: Vec<Block> = (0..n_spins * BLOCKS).map(|b| Block(block(b))).collect();
                let mut fields = Vec::with_capacity(spins.len());
                for (i, h) in model.fields.iter().enumerate() {
                    let row = &entries[offsets[i]..offsets[i + 1]];
                    let own: [Block; BLOCKS] = std::array::from_fn(|b| {
                        let mut sum = Block([*h; WIDTH]);
                        row.iter().for_each(|(j, w)| add(&mut sum, &spins[*j as usize * BLOCKS + b], *w));
                        sum
                    });
                    fields.extend(own);
                }
                Body::BySpin(Cache { n_spins, key, spins, fields })
            }
            Rows::Dense { blocks, n_blocks } => {
                let mut spins = vec![Block([1.0; WIDTH]); REAL_LANES * n_blocks];
                let mut fields = vec![Block::ZERO; REAL_LANES * n_blocks];
                for r in 0..REAL_LANES {
                    let here = r * n_blocks..(r + 1) * n_blocks;
                    let (spins, fields) = (&mut spins[here.clone()], &mut fields[here]);
                    for (i, h) in model.fields.iter().enumerate() {
                        spins[i / WIDTH].0[i % WIDTH] = sign(i, r);
                        fields[i / WIDTH].0[i % WIDTH] = *h;
                    }
                    for i in 0..n_spins {
                        add_row(fields, &blocks[i * n_blocks..(i + 1) * n_blocks], sign(i, r));
                    }
                }
                Body::ByReplica(Cache { n_spins, key, spins, fields })
            }
        };
    }
}

/// sum += w x
fn add(sum: &mut Block, x: &Block, w: f32) {
    sum.0.iter_mut().zip(x.0).for_each(|(sum, x)| *sum += w * x);
}

lanes_paths! {
    fn add_row<W: Lanes>(fields: &mut [Block], row: &[Block], sign: f32) {
        let sign = W::splat_f32(sign);
        for (sum, x) in fields.iter_mut().zip(row) {
            W::load_f32(&sum.0).add_f32(sign.mul_f32(W::load_f32(&x.0))).store_f32(&mut sum.0);
        }
    }
}
