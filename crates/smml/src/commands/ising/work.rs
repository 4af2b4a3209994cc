//! What runs and is saved: a chain for every size and temperature, or a ladder of exchanging temperatures for every size.

use super::system::{Mover, Spins, System};
use crate::{
    args::{IsingArgs, spins::Ladder},
    error::Failure,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    chain::{Chain, Record},
    parallel::{self, Par},
    rng::Streams,
};
use smml_physics::tempering::{Adaptation, ParallelTempering, TemperingPlan};

/// Sweeps of one step of tempering: forth and back through the rungs.
pub(super) const STEP: u64 = 2;
/// Rounds of adaptation of a ladder, each twice as long as the one before.
const ROUNDS: u32 = 4;
/// Sweeps of burn-in that a moved ladder needs: one step for the first round, and as many again behind the last.
pub(super) const LEAST_BURN_IN: u64 = 2 * STEP * ((1 << ROUNDS) - 1);

/// The numbers that say how long, in sweeps.
pub(super) struct Plan {
    pub(super) burn_in: Option<u64>,
    pub(super) thin: u64,
    pub(super) n_samples: u64,
}

/// One size at one temperature.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Point {
    chain: Chain<Mover, Spins>,
    record: Record,
}

/// One size at all temperatures, which exchange their states.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Exchange {
    pub(super) run: ParallelTempering<Mover, Spins>,
    /// What is measured at each temperature.
    records: Vec<Record>,
}

/// All of it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Work {
    /// Size after size, all temperatures of one after the other.
    Chains(Vec<Point>),
    /// Size after size.
    Ladders(Vec<Exchange>),
}

/// One size at one temperature, when all is done.
pub(super) struct Measured<'a> {
    pub(super) system: &'a System,
    pub(super) beta: f64,
    pub(super) record: &'a Record,
    pub(super) state: &'a Spins,
    pub(super) acceptance: Option<f64>,
}

impl Point {
    /// The step at which the burn-in ends or the next sample is due; none when all samples are taken.
    fn next_stop(&self, plan: &Plan) -> Option<u64> {
        // A plan without burn-in burns in until a time limit ends it.
        let burn_in = plan.burn_in.unwrap_or(u64::MAX);
        let n = self.record.len() as u64;
        if self.chain.n_steps() < burn_in {
            Some(burn_in)
        } else {
            (n < plan.n_samples).then(|| burn_in.saturating_add((n + 1).saturating_mul(plan.thin)))
        }
    }

    /// Advances by at most `sweeps`, through the burn-in and up to the last sample.
    fn advance(&mut self, system: &System, beta: f64, plan: &Plan, sweeps: u64) -> Result<(), Failure> {
        let end = self.chain.n_steps().saturating_add(sweeps);
        while let Some(stop) = self.next_stop(plan)
            && self.chain.n_steps() < end
        {
            let burning_in = plan.burn_in.is_none_or(|b| self.chain.n_steps() < b);
            self.chain.advance(system, beta, stop.min(end) - self.chain.n_steps());
            if self.chain.n_steps() == stop && !burning_in {
                self.record.push(&system.sample(&self.chain.state, self.record.len())?)?;
            }
        }
        Ok(())
    }

    /// Whether the chain stands at a sample, or has taken none.
    fn is_at_sample(&self, plan: &Plan) -> bool {
        let done = plan.burn_in.map(|b| b.saturating_add(plan.thin.saturating_mul(self.record.len() as u64)));
        done == Some(self.chain.n_steps())
    }
}

impl Exchange {
    fn new(
        args: &IsingArgs,
        system: &System,
        betas: &[f64],
        plan: &Plan,
        streams: &Streams,
    ) -> Result<Self, Failure> {
        let burn_in = plan.burn_in.unwrap_or(0) / STEP;
        // Half of the burn-in for the ladder: all rounds together are 2^ROUNDS - 1 times the first.
        let first = burn_in / 2 / ((1 << ROUNDS) - 1);
        let adaptation = match args.tempering {
            None | Some(Ladder::Fixed) => Adaptation::None,
            Some(Ladder::Acceptance) => Adaptation::EqualAcceptance,
            Some(Ladder::RoundTrips) => Adaptation::RoundTrips,
        };
        let adapting = if adaptation == Adaptation::None { 0 } else { first * ((1 << ROUNDS) - 1) };
        let tempering = TemperingPlan::new(burn_in - adapting, plan.thin / STEP, plan.n_samples)?;
        let tempering = match adaptation {
            Adaptation::None => tempering,
            moved => tempering.adapted(moved, ROUNDS, first)?,
        };
        let mut run = ParallelTempering::new(
            system,
            Mover::new(args.kernel, system)?,
            betas.to_vec(),
            tempering,
            streams,
        )?;
        run.set_par(Par::Rayon);
        let records = betas.iter().map(|_| Record::new(system.n_columns())).collect::<Result<_, _>>()?;
        Ok(Exchange { run, records })
    }

    /// Advances by at most `steps`, up to the last sample.
    fn advance(&mut self, system: &System, steps: u64) -> Result<(), Failure> {
        let end = self.run.n_steps().saturating_add(steps);
        while !self.run.is_done() && self.run.n_steps() < end {
            let to_sample = self.next_sample() - self.run.n_steps();
            self.run.advance(system, to_sample.min(end - self.run.n_steps()))?;
            let taken = self.records[0].len();
            if self.run.energies().len() > taken {
                for (record, state) in self.records.iter_mut().zip(self.run.states()) {
                    record.push(&system.sample(state, taken)?)?;
                }
            }
        }
        Ok(())
    }

    /// The step at which the next sample is due.
    fn next_sample(&self) -> u64 {
        let plan = self.run.plan();
        plan.before_samples() + plan.thin() * (self.records[0].len() as u64 + 1)
    }
}

impl Work {
    /// Everything at its start.
    pub(super) fn start(
        args: &IsingArgs,
        systems: &[System],
        betas: &[f64],
        plan: &Plan,
        seed: u64,
    ) -> Result<Self, Failure> {
        let streams = Streams::new(seed);
        if args.tempering.is_some() {
            let ladder = |(k, system): (usize, &System)| {
                Exchange::new(args, system, betas, plan, &streams.child("ladder", k as u64))
            };
            return Ok(Work::Ladders(systems.iter().enumerate().map(ladder).collect::<Result<_, _>>()?));
        }
        let mut points = Vec::with_capacity(systems.len() * betas.len());
        for system in systems {
            for _ in betas {
                let mut rng = streams.stream("ising", points.len() as u64);
                let state = system.start(args.start, &mut rng);
                let chain = Chain::new(Mover::new(args.kernel, system)?, state, rng);
                points.push(Point { chain, record: Record::new(system.n_columns())? });
            }
        }
        Ok(Work::Chains(points))
    }

    /// Whether what was read belongs to this run.
    pub(super) fn fits(&self, args: &IsingArgs, systems: &[System], n_betas: usize) -> bool {
        match self {
            Work::Chains(points) => {
                args.tempering.is_none()
                    && points.len() == systems.len() * n_betas
                    && points.iter().zip(systems.iter().flat_map(|s| std::iter::repeat_n(s, n_betas))).all(
                        |(p, system)| system.owns(&p.chain.state) && p.record.width() == system.n_columns(),
                    )
            }
            Work::Ladders(ladders) => {
                args.tempering.is_some()
                    && ladders.len() == systems.len()
                    && ladders.iter().zip(systems).all(|(ladder, system)| {
                        ladder.records.len() == n_betas
                            && ladder.run.betas().len() == n_betas
                            && ladder.run.states().iter().all(|s| system.owns(s))
                            && ladder.records.iter().all(|r| {
                                r.width() == system.n_columns() && r.len() == ladder.run.energies().len()
                            })
                    })
            }
        }
    }

    /// Sweeps done.
    pub(super) fn n_sweeps(&self) -> u64 {
        match self {
            Work::Chains(points) => points[0].chain.n_steps(),
            Work::Ladders(ladders) => STEP * ladders[0].run.n_steps(),
        }
    }

    /// Samples taken: the most, and the fewest.
    pub(super) fn n_samples(&self) -> (u64, u64) {
        let of: Vec<usize> = match self {
            Work::Chains(points) => points.iter().map(|p| p.record.len()).collect(),
            Work::Ladders(ladders) => ladders.iter().map(|l| l.records[0].len()).collect(),
        };
        let (most, fewest) = (of.iter().max(), of.iter().min());
        (most.map_or(0, |n| *n as u64), fewest.map_or(0, |n| *n as u64))
    }

    /// Plans that many samples in place of what was planned before.
    pub(super) fn set_samples(&mut self, n_samples: u64) -> Result<(), Failure> {
        if let Work::Ladders(ladders) = self {
            for ladder in ladders {
                ladder.run.set_samples(n_samples)?;
                ladder.run.set_par(Par::Rayon);
            }
        }
        Ok(())
    }

    /// Whether all samples are taken, or, out of time, each has some and stands at one.
    pub(super) fn is_done(&self, plan: &Plan, out_of_time: bool) -> bool {
        match self {
            Work::Chains(points) => points.iter().all(|p| {
                p.record.len() as u64 >= plan.n_samples
                    || (out_of_time && !p.record.is_empty() && p.is_at_sample(plan))
            }),
            Work::Ladders(ladders) => ladders.iter().all(|l| {
                let thin = l.run.plan().thin();
                l.run.is_done()
                    || (out_of_time && !l.records[0].is_empty() && l.next_sample() - l.run.n_steps() == thin)
            }),
        }
    }

    /// Sweeps from here to the next sample.
    pub(super) fn ahead(&self, plan: &Plan) -> u64 {
        match self {
            Work::Chains(points) => points[0].next_stop(plan).map_or(0, |s| s - points[0].chain.n_steps()),
            Work::Ladders(ladders) => {
                STEP.saturating_mul(ladders[0].next_sample() - ladders[0].run.n_steps())
            }
        }
    }

    /// Advances everything by at most `sweeps`.
    pub(super) fn advance(
        &mut self,
        systems: &[System],
        betas: &[f64],
        plan: &Plan,
        sweeps: u64,
    ) -> Result<(), Failure> {
        match self {
            Work::Chains(points) => {
                let mut results: Vec<Result<(), Failure>> = points.iter().map(|_| Ok(())).collect();
                let mut jobs: Vec<(&mut Point, &mut Result<(), Failure>)> =
                    points.iter_mut().zip(&mut results).collect();
                parallel::each(Par::Rayon, &mut jobs, |p, (point, result)| {
                    let (system, beta) = (&systems[p / betas.len()], betas[p % betas.len()]);
                    **result = point.advance(system, beta, plan, sweeps);
                });
                results.into_iter().collect()
            }
            Work::Ladders(ladders) => {
                for (ladder, system) in ladders.iter_mut().zip(systems) {
                    ladder.advance(system, sweeps.div_ceil(STEP))?;
                }
                Ok(())
            }
        }
    }

    /// What was measured, size after size, temperature after temperature.
    pub(super) fn measured<'a>(&'a self, systems: &'a [System], betas: &[f64]) -> Vec<Measured<'a>> {
        match self {
            Work::Chains(points) => points
                .iter()
                .enumerate()
                .map(|(p, point)| Measured {
                    system: &systems[p / betas.len()],
                    beta: betas[p % betas.len()],
                    record: &point.record,
                    state: &point.chain.state,
                    acceptance: point.chain.tally().acceptance(),
                })
                .collect(),
            Work::Ladders(ladders) => ladders
                .iter()
                .zip(systems)
                .flat_map(|(ladder, system)| {
                    let run = &ladder.run;
                    run.betas().iter().zip(&ladder.records).zip(run.states()).map(
                        move |((beta, record), state)| Measured {
                            system,
                            beta: *beta,
                            record,
                            state,
                            acceptance: None,
                        },
                    )
                })
                .collect(),
        }
    }

    /// The ladders, size after size; none for chains.
    pub(super) fn ladders(&self) -> &[Exchange] {
        match self {
            Work::Chains(_) => &[],
            Work::Ladders(ladders) => ladders,
        }
    }
}
