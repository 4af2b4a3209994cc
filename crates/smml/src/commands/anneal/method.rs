//! The methods of `smml anneal` behind one type: batches of runs, each with the energy and the spins it found.

use crate::{
    args::{AnnealArgs, problem::Method},
    error::Failure,
    output::counted,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    energy::Reference,
    parallel::Par,
    rng::Streams,
    sample::{Anneal, HeatBath, Metropolis},
    schedule::Schedule,
};
use smml_physics::{
    ising::{CachedIsing, Ising},
    lanes::{LANES, LaneModel},
    problem::{HigherOrder, IsingForm, Problem, default_betas},
    search::{
        AnnealModel, Annealing, BreakoutSearch, LaneTempering, Peeling, PopulationAnnealing,
        QuantumAnnealing, SimulatedBifurcation, TabuSearch, Variant,
    },
};
use std::sync::Arc;

/// Sweeps of one step of tempering in lanes, and steps from quench to quench.
const TEMPERING_STEP: u64 = 4;
const QUENCH: u64 = 8;
/// Populations of one batch: an error needs two.
const POPULATIONS: usize = 2;

/// What one run found: energy and spins of the model that is searched.
pub(super) struct Found {
    pub(super) energy: f64,
    pub(super) spins: Vec<i8>,
    /// What is known about the population, of population annealing.
    pub(super) population: Option<Population>,
}

/// One population at the last temperature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Population {
    pub(super) ln_z: f64,
    /// Entropy of the families.
    pub(super) entropy: f64,
    /// Mean square family size.
    pub(super) rho_t: f64,
}

/// A problem, and how its best state is searched.
pub(super) struct Search {
    target: Target,
    engine: Engine,
    /// Variables of the problem: those behind them are auxiliary.
    n_variables: usize,
}

/// What has an energy.
enum Target {
    /// Pairs and fields, of the problem or of its reduction to pairs, and what is searched: its spins with more than a few
    /// neighbours.
    Pairs(Box<IsingForm>, Box<Peeling>),
    /// Products of any degree.
    Products(Box<HigherOrder>),
}

enum Engine {
    Anneal(Annealing, Box<AnnealModel>),
    Products(Anneal),
    Population(PopulationAnnealing, Box<CachedIsing>),
    Quantum(QuantumAnnealing),
    Tabu(TabuSearch),
    Breakout(BreakoutSearch),
    Bifurcation(SimulatedBifurcation),
    /// Steps of one run.
    Tempering(u64, Box<LaneModel>),
    /// It has no runs: see `rounds`.
    Renormalise(Arc<(Ising, LaneModel)>),
}

/// The method that is asked for; else rounds of growing length where there is a time limit and nothing that only annealing
/// has is asked for, else annealing.
pub(super) fn choose(args: &AnnealArgs, problem: &Problem) -> Result<Method, Failure> {
    if let Some(method) = args.method {
        return Ok(method);
    }
    let only_time = args.time.is_some()
        && args.runs.is_none()
        && args.sweeps.is_none()
        && args.hot.is_none()
        && args.cold.is_none();
    let fits = only_time && problem.degree() <= 2 && LaneModel::new(&problem.ising()?.ising).is_ok();
    Ok(if fits { Method::Renormalise } else { Method::Sa })
}

/// Sweeps of one run of a method, where nobody says it; none for one that has no runs.
pub(super) fn default_sweeps(method: Method) -> Option<u32> {
    match method {
        // Population annealing finds its own temperatures; these are the sweeps at each.
        Method::Pa => Some(10),
        Method::Renormalise => None,
        _ => Some(1000),
    }
}

/// Runs where nobody says it: fewer of those that are long.
pub(super) fn default_runs(method: Method) -> u64 {
    match method {
        Method::Sa => LANES as u64,
        Method::Pa => 8,
        Method::Pt => 2,
        // Pieces of some tenths of a second.
        Method::Renormalise => 100,
        _ => 32,
    }
}

/// Replicas of one run of a method, where nobody says it; none for methods without.
pub(super) fn default_replicas(method: Method) -> Option<u32> {
    match method {
        Method::Pa => Some(200),
        Method::Sqa => Some(32),
        _ => None,
    }
}

/// Refuses what a method has no use for.
pub(super) fn check(settled: &AnnealArgs, args: &AnnealArgs) -> Result<(), Failure> {
    let method = settled.method.unwrap_or(Method::Sa);
    let name = method.name();
    let refuse = |flag: &str, of: &str| Err(Failure::Usage(format!("{flag}: for {of}, not {name}")));
    if args.hot.is_some() && method != Method::Sa {
        return refuse("--hot", "--method sa");
    }
    if args.cold.is_some() && !matches!(method, Method::Sa | Method::Pa) {
        return refuse("--cold", "--method sa and pa");
    }
    if args.replicas.is_some() && default_replicas(method).is_none() {
        return refuse("--replicas", "--method pa and sqa");
    }
    if args.sweeps.is_some() && default_sweeps(method).is_none() {
        return refuse("--sweeps", "methods that have runs");
    }
    if let (Some(hot), Some(cold)) = (args.hot, args.cold)
        && cold > hot
    {
        return Err(Failure::Usage(format!("--cold {cold}: must be at most --hot {hot}")));
    }
    Ok(())
}

impl Search {
    pub(super) fn new(problem: &Problem, args: &AnnealArgs, method: Method) -> Result<Self, Failure> {
        let sweeps = args.sweeps.unwrap_or(1);
        let n_variables = problem.n_variables();
        if problem.degree() > 2 && method == Method::Sa {
            let model = problem.higher_order()?;
            let (hot, cold) = model.default_betas();
            let hot = args.hot.map_or(hot, |t| 1.0 / t);
            let cold = args.cold.map_or(cold, |t| 1.0 / t);
            let anneal = Anneal::new(Schedule::geometric(hot, cold)?, sweeps as usize)?;
            let target = Target::Products(Box::new(model));
            return Ok(Search { target, engine: Engine::Products(anneal), n_variables });
        }
        let form =
            if problem.degree() > 2 { problem.reduced()?.problem.ising()? } else { problem.ising()? };
        let peeling = peel(&form.ising, method)?;
        let engine = Engine::new(peeling.model(), args, method, sweeps)?;
        Ok(Search { target: Target::Pairs(Box::new(form), Box::new(peeling)), engine, n_variables })
    }

    /// Runs of one batch.
    pub(super) fn batch_size(&self) -> usize {
        match &self.engine {
            Engine::Anneal(_, model) => model.batch_size(),
            Engine::Population(..) => POPULATIONS,
            _ => 1,
        }
    }

    /// Batch `index`.
    pub(super) fn batch(&self, streams: &Streams, index: u64) -> Result<Vec<Found>, Failure> {
        let plain = |(energy, spins): (f64, Vec<i8>)| Found { energy, spins, population: None };
        let own = || streams.child("batch", index);
        Ok(match (&self.target, &self.engine) {
            (Target::Pairs(_, peeling), engine) => {
                let ising = peeling.model();
                let singly = |r: smml_core::Result<smml_core::estimate::SearchResults<Vec<i8>>>| {
                    r.map(|r| r.into_runs().into_iter().map(plain).collect::<Vec<_>>())
                };
                match engine {
                    Engine::Anneal(annealing, model) => {
                        annealing.batch(model, streams, index)?.into_iter().map(plain).collect()
                    }
                    Engine::Population(annealing, model) => population(annealing, model, ising, &own())?,
                    Engine::Quantum(quantum) => singly(quantum.search(ising, 1, &own(), Par::Serial))?,
                    Engine::Tabu(tabu) => singly(tabu.search(ising, 1, &own(), Par::Serial))?,
                    Engine::Breakout(breakout) => singly(breakout.search(ising, 1, &own(), Par::Serial))?,
                    Engine::Bifurcation(b) => singly(b.search(ising, 1, &own(), Par::Serial))?,
                    Engine::Tempering(steps, lanes) => {
                        let rng = streams.stream("tempering", index);
                        let mut run = LaneTempering::for_model(ising, lanes, rng)?;
                        run.advance(ising, lanes, steps.next_multiple_of(QUENCH))?;
                        run.best()
                            .map(|(energy, spins)| plain((energy, spins.to_vec())))
                            .into_iter()
                            .collect()
                    }
                    Engine::Products(_) | Engine::Renormalise(_) => Vec::new(),
                }
            }
            (Target::Products(model), Engine::Products(anneal)) => {
                let mut rng = streams.stream("anneal", index);
                let start = model.draw(&mut rng);
                let mut kernel = Metropolis::new(model.n_spins())?;
                let best = anneal.run(model.as_ref(), &mut kernel, start, &mut rng);
                vec![plain((best.energy, best.state.spins().to_vec()))]
            }
            (Target::Products(_), _) => Vec::new(),
        })
    }

    /// The value that belongs to an energy of the model that is searched.
    pub(super) fn value(&self, energy: f64) -> f64 {
        match &self.target {
            Target::Pairs(form, peeling) => form.value(energy + peeling.constant()),
            Target::Products(model) => model.value(energy),
        }
    }

    /// The model of pairs whose lowest energy is that of the problem.
    pub(super) fn form(&self) -> Option<&IsingForm> {
        match &self.target {
            Target::Pairs(form, _) => Some(form),
            Target::Products(_) => None,
        }
    }

    /// Spins of the model that is searched.
    pub(super) fn n_spins(&self) -> usize {
        match &self.target {
            Target::Pairs(_, peeling) => peeling.model().n_spins(),
            Target::Products(model) => model.n_spins(),
        }
    }

    /// The variables of the problem, as spins, that belong to spins of the model that is searched.
    pub(super) fn variables(&self, spins: &[i8]) -> Result<Vec<i8>, Failure> {
        let mut all = match &self.target {
            Target::Pairs(_, peeling) => peeling.widen(spins)?,
            Target::Products(_) => spins.to_vec(),
        };
        all.truncate(self.n_variables);
        Ok(all)
    }

    /// An energy that is as good as a value, up to rounding: values are linear in energies.
    pub(super) fn energy_that_reaches(&self, value: f64) -> f64 {
        let (at_0, at_1) = (self.value(0.0), self.value(1.0));
        (value - at_0) / (at_1 - at_0) + 1e-9 * value.abs().max(1.0)
    }

    /// The model in lanes, for rounds.
    pub(super) fn lanes(&self) -> Option<Arc<(Ising, LaneModel)>> {
        match &self.engine {
            Engine::Renormalise(model) => Some(model.clone()),
            _ => None,
        }
    }

    /// The last β of population annealing.
    pub(super) fn last_beta(&self) -> Option<f64> {
        match &self.engine {
            Engine::Population(annealing, _) => annealing.betas().last().copied(),
            _ => None,
        }
    }

    /// What runs, in words.
    pub(super) fn engine(&self) -> String {
        let engine = self.engine_name();
        match &self.target {
            Target::Pairs(_, peeling) if peeling.model().n_spins() < peeling.n_spins() => {
                let (rest, all) = (peeling.model().n_spins(), peeling.n_spins());
                let rest = counted(rest as u64, "spin");
                format!("{engine}, on {rest} of {all} (the others have few neighbours, and follow)")
            }
            _ => engine.into(),
        }
    }
    fn engine_name(&self) -> &'static str {
        match &self.engine {
            Engine::Anneal(_, model) => match model.engine() {
                smml_physics::search::Engine::Lanes => "annealing, 512 runs side by side",
                smml_physics::search::Engine::RealLanes => "annealing, 64 runs side by side",
                smml_physics::search::Engine::Single => "annealing, single runs",
            },
            Engine::Products(_) => "annealing, single runs, products of any degree",
            Engine::Population(..) => "population annealing",
            Engine::Quantum(_) => "simulated quantum annealing",
            Engine::Tabu(_) => "tabu search",
            Engine::Breakout(_) => "breakout local search",
            Engine::Bifurcation(_) => "discrete simulated bifurcation",
            Engine::Tempering(..) => "parallel tempering of 512 replicas side by side",
            Engine::Renormalise(_) => "population annealing of 512 replicas, whose good solutions are joined",
        }
    }
}

/// What of a model is searched: for its lowest energy spins with few neighbours need no search. Population annealing, whose
/// result is also a free energy, has all spins; so have models that fit in lanes only as a whole.
fn peel(ising: &Ising, method: Method) -> Result<Peeling, Failure> {
    let whole = || Peeling::none(ising);
    if method == Method::Pa {
        return Ok(whole());
    }
    let peeling = Peeling::new(ising)?;
    let in_lanes = matches!(method, Method::Sa | Method::Pt | Method::Renormalise);
    let fits = |ising: &Ising| LaneModel::new(ising).is_ok();
    let lost = in_lanes && !fits(peeling.model()) && fits(ising);
    Ok(if lost { whole() } else { peeling })
}

impl Engine {
    fn new(ising: &Ising, args: &AnnealArgs, method: Method, sweeps: u32) -> Result<Self, Failure> {
        let moves = u64::from(sweeps) * ising.n_spins() as u64;
        let replicas = args.replicas.unwrap_or(0) as usize;
        let lanes = || {
            LaneModel::new(ising).map_err(|e| {
                Failure::Usage(format!("--method {}: needs whole couplings: {e}", method.name()))
            })
        };
        Ok(match method {
            Method::Sa => {
                let default = Annealing::for_model(ising, sweeps as usize)?;
                let hot = args.hot.unwrap_or(default.temperature().at(0.0));
                let cold = args.cold.unwrap_or(default.temperature().at(1.0).min(hot));
                if cold > hot {
                    let message =
                        format!("--cold {cold}: must be at most the first temperature, {hot:.4} by default");
                    return Err(Failure::Usage(message));
                }
                let annealing = Annealing::new(Schedule::linear(hot, cold)?, sweeps as usize)?;
                Engine::Anneal(annealing, Box::new(AnnealModel::new(ising)))
            }
            Method::Pa => {
                let cold = args.cold.map_or(default_betas(ising).1, |t| 1.0 / t);
                let annealing = PopulationAnnealing::new(vec![cold], replicas, POPULATIONS)?
                    .with_steps(sweeps as usize)?;
                Engine::Population(annealing, Box::new(CachedIsing(ising.clone())))
            }
            Method::Sqa => {
                let default = QuantumAnnealing::for_model(ising, sweeps as usize)?;
                // A slice stays at the temperature it has by default.
                let beta = default.beta() / default.n_slices() as f64 * replicas as f64;
                let fall = default.transverse().clone();
                Engine::Quantum(QuantumAnnealing::new(beta, fall, replicas, sweeps as usize)?)
            }
            Method::Pt => Engine::Tempering(u64::from(sweeps).div_ceil(TEMPERING_STEP), Box::new(lanes()?)),
            Method::Renormalise => Engine::Renormalise(Arc::new((ising.clone(), lanes()?))),
            Method::Tabu => Engine::Tabu(TabuSearch::for_model(ising, moves)?),
            Method::Breakout => Engine::Breakout(BreakoutSearch::new(moves)?),
            Method::Bifurcation => {
                Engine::Bifurcation(SimulatedBifurcation::new(Variant::Discrete, u64::from(sweeps))?)
            }
        })
    }
}

/// One batch of populations.
fn population(
    annealing: &PopulationAnnealing,
    model: &CachedIsing,
    ising: &Ising,
    streams: &Streams,
) -> Result<Vec<Found>, Failure> {
    let all = annealing.run(model, &HeatBath, streams, Par::Serial, |_| [])?;
    let last = all.points.last();
    let populations = last.map(|p| p.ln_z_each.iter().zip(&p.families)).into_iter().flatten();
    let found = all.found.into_runs().into_iter().zip(populations).map(|((_, state), (ln_z, f))| {
        // As every other method: energies without what incremental sums left of rounding.
        let spins = state.spins().to_vec();
        let population = Some(Population { ln_z: *ln_z, entropy: f.entropy, rho_t: f.rho_t });
        Found { energy: smml_core::energy::Energy::energy(ising, &spins), spins, population }
    });
    Ok(found.collect())
}
