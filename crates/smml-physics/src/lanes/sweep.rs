//! Sweeps of all replicas.

use super::{
    acceptance::{DIRECT, Own, Row, Same, row},
    model::{LaneModel, Site},
    spins::{LANES, LaneSpins},
    tiles::Votes,
    update::{draw_own, draw_same},
};
use crate::ising::Rule;
use serde::{Deserialize, Serialize};
use smml_core::{
    error::{Error, Result, same_length},
    kernel::{Kernel, Step},
    parallel::{self, Par},
    rng::{Draw, WideStream},
    simd::AlignedWords,
};

/// Inverse temperatures of the replicas; not negative.
#[derive(Clone, Debug, PartialEq)]
pub enum LaneBetas {
    /// One for all.
    Same(f64),
    /// One for each of the replicas.
    Each(Vec<f64>),
}

/// Every spin once in a fixed order, by the Metropolis rule; spins without couplings and fields are drawn at random.
/// Stationary, not reversible.
///
/// As a [`Kernel`] it samples the joint distribution of all replicas, which is at β for each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneSweep;

/// Every spin once in a fixed order, drawn from its conditional distribution (the heat bath, for Ising spins the same as
/// Glauber's rule). Stationary, not reversible. One comparison where couplings are one unit and no spin has more than seven;
/// else some tests more than [`LaneSweep`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneHeatBath;

/// Every spin once, colour by colour, the spins of a colour in pieces of a fixed size that have generators of their own and may
/// go to several threads: for models of 10⁵ spins and more. Stationary, not reversible.
///
/// The same spins for any number of threads, and without threads.
///
/// ```
/// use smml_core::{chain::Chain, parallel::Par, rng::Streams};
/// use smml_physics::{ising::Rule, ising::{Boundary, SquareLattice}, lanes::{LaneColours, LaneModel}};
/// let model = LaneModel::new(&SquareLattice::uniform(300, 300, Boundary::Periodic, 1.0, 0.0)?.ising()?)?;
/// let mut rng = Streams::new(1).stream("start", 0);
/// let mut chain = Chain::new(LaneColours::new(Rule::HeatBath, Par::Rayon), model.random(&mut rng), rng);
/// chain.advance(&model, 0.3, 2);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LaneColours {
    rule: Rule,
    /// Whether pieces go to rayon's pool.
    #[serde(skip)]
    pub par: Par,
    /// Which replicas of the spins of a colour turn; memory alone.
    #[serde(skip)]
    turned: AlignedWords,
}

/// Sites whose turns are worked out before they are carried out, on one thread: they stay in the nearest cache.
const NEAR: usize = 256;
/// Sites of one piece of work for a thread, and spins of one piece when turns are carried out.
const PIECE: usize = 4096;

/// Acceptance probabilities of a model, made once for many sweeps at the same temperatures: making them costs as much as a sweep
/// of some hundred spins where temperatures are many.
#[derive(Clone, Debug)]
pub struct LaneThresholds {
    rule: Rule,
    /// Of the model that they are for.
    unit: f64,
    planes: u32,
    of: Of,
}

#[derive(Clone, Debug)]
enum Of {
    Same(Same),
    Own(Own),
}

/// Acceptance probabilities at the rungs of a ladder, from which those of replicas on any rungs are put together without
/// exponentials.
#[derive(Clone, Debug)]
pub struct LaneLadder {
    rule: Rule,
    unit: f64,
    planes: u32,
    rows: Vec<Row>,
}

/// Planes of votes for which thresholds are made. Planes that are fewer than the model's inner loop has make no thresholds
/// of their own.
fn planes_of(model: &LaneModel) -> u32 {
    if model.is_unit { model.planes } else { model.planes.max(DIRECT + 1) }
}

fn in_units(beta: f64, model: &LaneModel) -> Result<f64> {
    if beta >= 0.0 { Ok(beta * model.unit()) } else { Err(Error::out_of_range("beta", beta, "at least 0")) }
}

impl LaneLadder {
    /// The rungs have the inverse temperatures `betas`.
    ///
    /// Errors: no rungs, β that is negative or NaN.
    pub fn new(rule: Rule, model: &LaneModel, betas: &[f64]) -> Result<Self> {
        if betas.is_empty() {
            return Err(Error::out_of_range("rungs of the ladder", 0, "at least 1"));
        }
        let planes = planes_of(model);
        let rows = betas.iter().map(|beta| Ok(row(rule, in_units(*beta, model)?, planes)));
        Ok(LaneLadder { rule, unit: model.unit(), planes, rows: rows.collect::<Result<_>>()? })
    }
    /// The thresholds of replicas on these rungs.
    ///
    /// Errors: another number of them than replicas, a rung that the ladder does not have.
    pub fn thresholds(&self, rungs: &[usize]) -> Result<LaneThresholds> {
        same_length("rungs of the replicas", rungs.len(), LANES)?;
        if let Some(lane) = rungs.iter().position(|r| *r >= self.rows.len()) {
            let allowed = format!("below {}", self.rows.len());
            return Err(Error::out_of_range(format!("rung of replica {lane}"), rungs[lane], allowed));
        }
        let own = Own::new(self.rows[0].len(), |lane| &self.rows[rungs[lane]]);
        Ok(LaneThresholds { rule: self.rule, unit: self.unit, planes: self.planes, of: Of::Own(own) })
    }
}

impl LaneThresholds {
    /// Those of a rule at the temperatures of all replicas.
    ///
    /// Errors: β that is negative or NaN, another number of them than replicas.
    pub fn new(rule: Rule, model: &LaneModel, betas: &LaneBetas) -> Result<Self> {
        let planes = planes_of(model);
        match betas {
            LaneBetas::Same(beta) => {
                let of = Of::Same(Same::new(rule, in_units(*beta, model)?, planes));
                Ok(LaneThresholds { rule, unit: model.unit(), planes, of })
            }
            LaneBetas::Each(betas) => {
                same_length("inverse temperatures", betas.len(), LANES)?;
                LaneLadder::new(rule, model, betas)?.thresholds(&std::array::from_fn::<_, LANES, _>(|l| l))
            }
        }
    }
    /// One sweep by the rule.
    ///
    /// Errors: a state of another model, a model for which these are not (of another unit or size of votes).
    pub fn sweep<R: Draw>(&self, model: &LaneModel, spins: &mut LaneSpins, rng: &mut R) -> Result<Step> {
        if self.unit != model.unit() {
            let allowed = format!("the {} they were made for", self.unit);
            return Err(Error::out_of_range("unit of the model of these thresholds", model.unit(), allowed));
        }
        same_length(
            "bits of votes of the model of these thresholds",
            planes_of(model) as usize,
            self.planes as usize,
        )?;
        serial(self, model, spins, rng)
    }
    /// Works out which replicas of spins of one colour turn.
    fn draw(
        &self,
        m: &LaneModel,
        sites: &[Site],
        lines: &[[u64; 8]],
        votes: &[Votes],
        turned: &mut [[u64; 8]],
        g: &mut [WideStream; 2],
    ) -> u64 {
        match (&self.of, self.rule) {
            (Of::Same(t), Rule::Metropolis) => same::<false>(m, sites, lines, votes, turned, t, g),
            (Of::Same(t), Rule::HeatBath) => same::<true>(m, sites, lines, votes, turned, t, g),
            (Of::Own(t), Rule::Metropolis) => own::<false>(m, sites, lines, votes, turned, t, g),
            (Of::Own(t), Rule::HeatBath) => own::<true>(m, sites, lines, votes, turned, t, g),
        }
    }
}

/// Turns of some sites, in whole cache lines.
#[repr(align(64))]
struct Near([[u64; 8]; NEAR]);

/// Draws the spins without couplings and fields, all of which the Metropolis rule has turned; returns by how many of them fewer
/// have changed.
fn draw_free<R: Draw>(rule: Rule, model: &LaneModel, spins: &mut LaneSpins, rng: &mut R) -> u64 {
    if rule != Rule::Metropolis {
        return 0;
    }
    let lines = spins.lines_mut();
    let mut undone = 0;
    for &spin in &model.free {
        let [line, complement, ..] = &mut lines[2 * spin as usize..] else { continue };
        for k in 0..8 {
            let undo = rng.word();
            line[k] ^= undo;
            complement[k] = !line[k];
            undone += u64::from(undo.count_ones());
        }
    }
    undone
}

/// Calls the inner loop with the number of planes that the model needs.
macro_rules! by_planes {
    ($name:ident, $draw:ident, $thresholds:ty) => {
        fn $name<const HEAT: bool>(
            m: &LaneModel,
            sites: &[Site],
            lines: &[[u64; 8]],
            votes: &[Votes],
            turned: &mut [[u64; 8]],
            t: &$thresholds,
            g: &mut [WideStream; 2],
        ) -> u64 {
            // The heat bath has fewer of them, for the sake of the size of the program.
            match (m.planes, m.is_unit, HEAT) {
                (..=3, true, _) => $draw::<3, true, HEAT>(m, sites, lines, votes, turned, t, g),
                (4..=6, true, false) => $draw::<6, true, false>(m, sites, lines, votes, turned, t, g),
                (..=10, true, _) => $draw::<10, true, HEAT>(m, sites, lines, votes, turned, t, g),
                (..=8, _, false) => $draw::<8, false, false>(m, sites, lines, votes, turned, t, g),
                (..=12, _, _) => $draw::<12, false, HEAT>(m, sites, lines, votes, turned, t, g),
                (13..=16, _, false) => $draw::<16, false, false>(m, sites, lines, votes, turned, t, g),
                _ => $draw::<24, false, HEAT>(m, sites, lines, votes, turned, t, g),
            }
        }
    };
}
by_planes!(same, draw_same, Same);
by_planes!(own, draw_own, Own);

/// Carries turns out on the lines of spins from `first` on.
#[inline]
fn turn(lines: &mut [[u64; 8]], first: u32, site: &Site, turned: &[u64; 8]) {
    let [line, complement, ..] = &mut lines[2 * (site.spin - first) as usize..] else { return };
    for k in 0..8 {
        line[k] ^= turned[k];
        complement[k] = !line[k];
    }
}

/// One sweep on this thread, with one pair of generators.
fn serial<R: Draw>(
    thresholds: &LaneThresholds,
    model: &LaneModel,
    spins: &mut LaneSpins,
    rng: &mut R,
) -> Result<Step> {
    same_length("spins", spins.n_spins(), model.n_spins())?;
    let mut generators = [(); 2].map(|()| WideStream::from_words(rng.word(), rng.word()));
    let mut turned = Near([[0; 8]; NEAR]);
    let lines = spins.lines_mut();
    let mut accepted = 0;
    let mut class = |[first, end]: [usize; 2], lines: &mut [[u64; 8]], votes: &[Votes]| {
        for (k, sites) in model.sites[first..end].chunks(NEAR).enumerate() {
            let votes = votes.get(k * NEAR..).unwrap_or_default();
            let turned = &mut turned.0[..sites.len()];
            accepted += thresholds.draw(model, sites, lines, votes, turned, &mut generators);
            for (site, turned) in sites.iter().zip(&*turned) {
                if site.spin != u32::MAX {
                    turn(lines, 0, site, turned);
                }
            }
        }
    };
    match &model.tiles {
        None => model.classes.iter().for_each(|c| class(*c, lines, &[])),
        Some(tiles) => {
            let mut votes = vec![Votes::NONE; tiles.most_sites()];
            for batch in &tiles.batches {
                let votes = &mut votes[..batch.sites[1] - batch.sites[0]];
                tiles.count(batch, lines, votes);
                for [first, end] in &model.classes[batch.classes[0]..batch.classes[1]] {
                    class([*first, *end], lines, &votes[first - batch.sites[0]..end - batch.sites[0]]);
                }
            }
        }
    }
    accepted -= draw_free(thresholds.rule, model, spins, rng);
    Ok(Step { proposed: (LANES * model.n_spins()) as u64, accepted })
}

impl LaneSweep {
    /// One sweep.
    ///
    /// Errors: a state of another model, β that is negative or NaN, another number of them than replicas.
    pub fn sweep<R: Draw>(
        &self,
        model: &LaneModel,
        spins: &mut LaneSpins,
        betas: &LaneBetas,
        rng: &mut R,
    ) -> Result<Step> {
        serial(&LaneThresholds::new(Rule::Metropolis, model, betas)?, model, spins, rng)
    }
}

impl LaneHeatBath {
    /// One sweep. Errors as of [`LaneSweep::sweep`].
    pub fn sweep<R: Draw>(
        &self,
        model: &LaneModel,
        spins: &mut LaneSpins,
        betas: &LaneBetas,
        rng: &mut R,
    ) -> Result<Step> {
        serial(&LaneThresholds::new(Rule::HeatBath, model, betas)?, model, spins, rng)
    }
}

impl LaneColours {
    /// A sweep by a rule.
    pub fn new(rule: Rule, par: Par) -> Self {
        LaneColours { rule, par, turned: AlignedWords::default() }
    }
    /// One sweep. Errors as of [`LaneSweep::sweep`].
    pub fn sweep<R: Draw>(
        &mut self,
        model: &LaneModel,
        spins: &mut LaneSpins,
        betas: &LaneBetas,
        rng: &mut R,
    ) -> Result<Step> {
        same_length("spins", spins.n_spins(), model.n_spins())?;
        let (rule, par) = (self.rule, self.par);
        let thresholds = LaneThresholds::new(rule, model, betas)?;
        let most = model.classes.iter().map(|[first, end]| end - first).max().unwrap_or(0);
        if self.turned.len() < 8 * most {
            self.turned = AlignedWords::zeros(8 * most);
        }
        let mut accepted = 0;
        for [first, end] in &model.classes {
            let sites = &model.sites[*first..*end];
            let turned: &mut [[u64; 8]] = &mut self.turned.as_chunks_mut().0[..sites.len()];
            let lines = spins.lines();
            let mut pieces: Vec<_> = sites
                .chunks(PIECE)
                .zip(turned.chunks_mut(PIECE))
                .map(|(sites, turned)| {
                    let generators = [(); 2].map(|()| WideStream::from_words(rng.word(), rng.word()));
                    (sites, turned, generators, 0)
                })
                .collect();
            parallel::each(par, &mut pieces, |_, (sites, turned, generators, n)| {
                *n = thresholds.draw(model, sites, lines, &[], turned, generators);
            });
            accepted += pieces.iter().map(|p| p.3).sum::<u64>();
            // Turns are carried out in pieces of the lines, so that no two threads write to one.
            let by_spin = &model.by_spin[*first..*end];
            let mut pieces: Vec<_> = spins.lines_mut().chunks_mut(2 * PIECE).collect();
            let turned = &*turned;
            parallel::each(par, &mut pieces, |p, lines| {
                let from = (p * PIECE) as u32;
                let start = by_spin.partition_point(|i| sites[*i as usize].spin < from);
                for i in &by_spin[start..] {
                    let site = &sites[*i as usize];
                    if (site.spin - from) as usize >= lines.len() / 2 || site.spin == u32::MAX {
                        break;
                    }
                    turn(lines, from, site, &turned[*i as usize]);
                }
            });
        }
        accepted -= draw_free(rule, model, spins, rng);
        Ok(Step { proposed: (LANES * model.n_spins()) as u64, accepted })
    }
}

/// What a kernel does where its sweep gives an error.
const NOTHING: Step = Step { proposed: 0, accepted: 0 };

impl Kernel<LaneModel> for LaneSweep {
    /// Does nothing where [`LaneSweep::sweep`] gives an error.
    fn step<R: Draw>(&mut self, model: &LaneModel, s: &mut LaneSpins, beta: f64, rng: &mut R) -> Step {
        self.sweep(model, s, &LaneBetas::Same(beta), rng).unwrap_or(NOTHING)
    }
}

impl Kernel<LaneModel> for LaneHeatBath {
    /// Does nothing where [`LaneHeatBath::sweep`] gives an error.
    fn step<R: Draw>(&mut self, model: &LaneModel, s: &mut LaneSpins, beta: f64, rng: &mut R) -> Step {
        self.sweep(model, s, &LaneBetas::Same(beta), rng).unwrap_or(NOTHING)
    }
}

impl Kernel<LaneModel> for LaneColours {
    /// Does nothing where [`LaneColours::sweep`] gives an error.
    fn step<R: Draw>(&mut self, model: &LaneModel, s: &mut LaneSpins, beta: f64, rng: &mut R) -> Step {
        self.sweep(model, s, &LaneBetas::Same(beta), rng).unwrap_or(NOTHING)
    }
}
