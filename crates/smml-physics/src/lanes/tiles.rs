//! Dense models: the votes of some spins are counted together, tile by tile of their neighbours, so that the lines of a
//! tile are in the nearest cache and a byte is enough to name one (lists of words would be more to fetch than the lines);
//! the spins' own lines, which change meanwhile, are added last.
//!
//! The counts are those that every spin would make for itself.

use super::{
    model::LaneModel,
    update::{add_lines, line_list},
};
use smml_core::lanes_paths;

/// Planes of votes that tiled models have.
pub(super) const TILED: usize = 10;
/// Fewest votes of a spin, on average, and fewest spins.
const FEWEST: usize = 256;
/// Spins counted together, and most sites (some of which may hold no spin).
const TOGETHER: usize = 16;
const MOST_SITES: usize = 64;
/// Neighbours of one tile: with their complements, and a line of zeros, what a byte can name.
const TILE: usize = 127;
const ZEROS: u8 = u8::MAX;

/// The lines of a model in tiles.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tiles {
    pub(super) batches: Vec<Batch>,
    /// Lines of other batches, by their places in the tile.
    far: Vec<u8>,
    /// Lines of the same batch.
    near: Vec<u32>,
}

/// Spins that are counted together: some colours.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    /// The colours.
    pub(super) classes: [usize; 2],
    /// Their sites.
    pub(super) sites: [usize; 2],
    /// Tile by tile, and in it site by site, where lines of other batches begin and end.
    far: Vec<[u32; 2]>,
    /// Site by site, where lines of this batch begin and end.
    near: Vec<[u32; 2]>,
}

/// Votes of one site.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct Votes {
    /// From other batches.
    pub(super) far: [[u64; 8]; TILED],
    /// Lines of its own batch, in their list.
    pub(super) near: [u32; 2],
}

impl Votes {
    pub(super) const NONE: Votes = Votes { far: [[0; 8]; TILED], near: [0; 2] };
}

impl Tiles {
    /// `None` for models that gain nothing.
    pub(super) fn new(model: &LaneModel) -> Option<Self> {
        let n = model.n_spins();
        let fits = model.is_unit && (7..=TILED as u32).contains(&model.planes);
        if !fits || n < FEWEST || model.lines.len() < FEWEST * n {
            return None;
        }
        let far = Vec::with_capacity(model.lines.len());
        let mut tiles = Tiles { batches: Vec::new(), far, near: Vec::new() };
        let mut first = 0;
        while first < model.classes.len() {
            let start = model.classes[first][0];
            let spins = |end: usize| model.sites[start..end].iter().filter(|s| s.spin != u32::MAX).count();
            let more = |class: &[usize; 2]| spins(class[1]) <= TOGETHER && class[1] - start <= MOST_SITES;
            let last = first + model.classes[first..].iter().take_while(|c| more(c)).count().max(1);
            let sites = [start, model.classes[last - 1][1]];
            let batch = tiles.batch(model, [first, last], sites);
            tiles.batches.push(batch);
            first = last;
        }
        Some(tiles)
    }
    fn batch(&mut self, model: &LaneModel, classes: [usize; 2], sites: [usize; 2]) -> Batch {
        let zeros = 2 * model.n_spins() as u32 + 1;
        let here: Vec<u32> = model.sites[sites[0]..sites[1]].iter().map(|s| s.spin).collect();
        let mut is_near = vec![false; model.n_spins() + 1];
        here.iter().filter(|s| **s != u32::MAX).for_each(|s| is_near[*s as usize] = true);
        let lists: Vec<Vec<u32>> = model.sites[sites[0]..sites[1]]
            .iter()
            .map(|site| {
                let list = &model.lines[site.lines[0] as usize..site.lines[1] as usize];
                list.iter().copied().filter(|line| *line != zeros).collect()
            })
            .collect();
        let spin = |line: &u32| (line / 2) as usize;
        let mut far = Vec::new();
        for tile in 0..=model.n_spins() / TILE {
            for list in &lists {
                let of = |line: &&u32| !is_near[spin(line)] && spin(line) / TILE == tile;
                let start = self.far.len();
                self.far.extend(list.iter().filter(of).map(|line| (*line as usize - 2 * TILE * tile) as u8));
                self.far.resize(start + (self.far.len() - start).next_multiple_of(4), ZEROS);
                far.push([start as u32, self.far.len() as u32]);
            }
        }
        let near = lists.iter().map(|list| {
            let start = self.near.len();
            self.near.extend(list.iter().filter(|line| is_near[spin(line)]));
            self.near.resize(start + (self.near.len() - start).next_multiple_of(4), zeros);
            [start as u32, self.near.len() as u32]
        });
        let near = near.collect();
        Batch { classes, sites, far, near }
    }
    /// Counts the votes of a batch. `votes` is as long as its sites are many.
    pub(super) fn count(&self, batch: &Batch, lines: &[[u64; 8]], votes: &mut [Votes]) {
        for (votes, near) in votes.iter_mut().zip(&batch.near) {
            *votes = Votes { near: *near, ..Votes::NONE };
        }
        let mut tile = Tile([[0; 8]; 256]);
        for (t, lists) in batch.far.chunks_exact(votes.len()).enumerate() {
            let from = &lines[2 * TILE * t..];
            let n = from.len().min(2 * TILE);
            tile.0[..n].copy_from_slice(&from[..n]);
            count(&self.far, lists, &tile, votes);
        }
    }
    /// A list of lines of the same batch.
    #[inline(always)]
    pub(super) fn list(&self, part: [u32; 2]) -> &[u32] {
        line_list(&self.near, part)
    }
    /// Most sites of a batch.
    pub(super) fn most_sites(&self) -> usize {
        self.batches.iter().map(|b| b.near.len()).max().unwrap_or(0)
    }
}

/// Lines of a tile; the last is zeros.
#[repr(align(64))]
struct Tile([[u64; 8]; 256]);

lanes_paths! {
    /// Adds one tile to the votes of all sites.
    fn count<W: Lanes>(far: &[u8], lists: &[[u32; 2]], tile: &Tile, votes: &mut [Votes]) {
        for (votes, list) in votes.iter_mut().zip(lists) {
            let list = line_list(far, *list);
            if list.is_empty() {
                continue;
            }
            let mut planes = [W::zero(); TILED];
            for k in 0..TILED {
                planes[k] = W::load(&votes.far[k]);
            }
            add_lines(&mut planes, 0, &tile.0, list);
            for k in 0..TILED {
                planes[k].store(&mut votes.far[k]);
            }
        }
    }
}
