//! The run: adaptation, burn-in, samples.

use super::{
    adapt::{Adaptation, equal_acceptance, round_trips},
    flow::Flow,
};
use serde::{Deserialize, Serialize};
use smml_core::{
    chain::Record,
    energy::Reference,
    error::{Error, Result, all_finite, finite, same_length},
    kernel::{Kernel, Step},
    parallel::Par,
    rng::{Stream, Streams},
    sample::{Ladder, Replicas, Tempering},
};

/// How long each part of a run takes, in steps of tempering (two kernel steps and two rounds of swaps on every rung).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawPlan")]
pub struct TemperingPlan {
    adaptation: Adaptation,
    n_rounds: u32,
    round: u64,
    burn_in: u64,
    thin: u64,
    n_samples: u64,
}

#[derive(Deserialize)]
struct RawPlan {
    adaptation: Adaptation,
    n_rounds: u32,
    round: u64,
    burn_in: u64,
    thin: u64,
    n_samples: u64,
}

impl TryFrom<RawPlan> for TemperingPlan {
    type Error = Error;
    fn try_from(raw: RawPlan) -> Result<Self> {
        TemperingPlan::new(raw.burn_in, raw.thin, raw.n_samples)?.adapted(
            raw.adaptation,
            raw.n_rounds,
            raw.round,
        )
    }
}

/// Most rounds of adaptation: each is twice as long as the one before.
const MOST_ROUNDS: u32 = 32;

impl TemperingPlan {
    /// A fixed ladder: `burn_in` steps, then `n_samples` samples, one every `thin` steps.
    ///
    /// Errors: no samples, `thin` = 0, more steps than 2⁶³.
    pub fn new(burn_in: u64, thin: u64, n_samples: u64) -> Result<Self> {
        if thin == 0 {
            return Err(Error::out_of_range("thin", 0, "at least 1"));
        }
        if n_samples == 0 {
            return Err(Error::out_of_range("n_samples", 0, "at least 1"));
        }
        let plan =
            TemperingPlan { adaptation: Adaptation::None, n_rounds: 0, round: 0, burn_in, thin, n_samples };
        plan.checked()
    }
    /// The same with `n_rounds` rounds of adaptation before the burn-in, the first of `round` steps, every other
    /// twice as long as the one before: what a round measures moves the ladder of the next.
    ///
    /// Errors: more than 32 rounds, rounds without steps, more steps than 2⁶³. For [`Adaptation::None`] both must be
    /// 0.
    pub fn adapted(mut self, adaptation: Adaptation, n_rounds: u32, round: u64) -> Result<Self> {
        let none = adaptation == Adaptation::None;
        if n_rounds > MOST_ROUNDS || none != (n_rounds == 0) {
            let allowed = if none { "0".into() } else { format!("in 1..={MOST_ROUNDS}") };
            return Err(Error::out_of_range("rounds of adaptation", n_rounds, allowed));
        }
        if none != (round == 0) {
            let allowed = if none { "0 without adaptation" } else { "at least 1" };
            return Err(Error::out_of_range("steps of the first round", round, allowed));
        }
        (self.adaptation, self.n_rounds, self.round) = (adaptation, n_rounds, round);
        self.checked()
    }
    /// The same with another number of samples.
    ///
    /// Errors: no samples, more steps than 2⁶³.
    pub fn with_samples(mut self, n_samples: u64) -> Result<Self> {
        if n_samples == 0 {
            return Err(Error::out_of_range("n_samples", 0, "at least 1"));
        }
        self.n_samples = n_samples;
        self.checked()
    }
    fn checked(self) -> Result<Self> {
        let adapting = u128::from(self.round) * ((1 << self.n_rounds) - 1);
        let sampling = u128::from(self.thin) * u128::from(self.n_samples);
        if adapting + u128::from(self.burn_in) + sampling > 1 << 63 {
            let allowed = "at most 2^63";
            return Err(Error::out_of_range(
                "steps of the plan",
                adapting + u128::from(self.burn_in) + sampling,
                allowed,
            ));
        }
        Ok(self)
    }
    /// Steps of all rounds of adaptation up to the end of round `k`.
    fn end_of_round(&self, k: u32) -> u64 {
        self.round * ((1u64 << (k + 1)) - 1)
    }
    /// Steps of adaptation.
    pub fn adapting(&self) -> u64 {
        if self.n_rounds == 0 { 0 } else { self.end_of_round(self.n_rounds - 1) }
    }
    /// Steps before the first sample.
    pub fn before_samples(&self) -> u64 {
        self.adapting() + self.burn_in
    }
    /// Steps in all.
    pub fn n_steps(&self) -> u64 {
        self.before_samples() + self.thin * self.n_samples
    }
    /// Steps from sample to sample.
    pub fn thin(&self) -> u64 {
        self.thin
    }
    /// Samples of every rung.
    pub fn n_samples(&self) -> u64 {
        self.n_samples
    }
}

/// Parallel tempering (K. Hukushima and K. Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996)) that follows a
/// [`TemperingPlan`]: the ladder is adapted, then fixed; burn-in; then the energies of all rungs are recorded. It can
/// be saved between any two steps and goes on bit for bit.
///
/// A step costs two kernel steps and two energies for every rung: use a model that keeps its energy in the state.
///
/// ```
/// use smml_core::{parallel::Par, rng::Streams, sample::HeatBath};
/// use smml_physics::{ising::{Boundary, CachedIsing, SquareLattice}, tempering::*};
/// let model = CachedIsing(SquareLattice::uniform(4, 4, Boundary::Periodic, 1.0, 0.0)?.ising()?);
/// let plan = TemperingPlan::new(200, 1, 2_000)?.adapted(Adaptation::EqualAcceptance, 3, 100)?;
/// let mut run = ParallelTempering::new(&model, HeatBath, vec![0.0, 0.2, 0.4, 0.6], plan, &Streams::new(1))?;
/// run.advance(&model, u64::MAX)?;
/// let report = run.report()?;
/// assert!(report.round_trips > 10);
/// let thermodynamics = run.thermodynamics(16.0 * 2f64.ln(), Par::Serial)?;
/// assert!(thermodynamics[3].entropy.value < thermodynamics[0].entropy.value);
/// # Ok::<(), smml_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawRun<K, S>")]
pub struct ParallelTempering<K, S> {
    kernel: Tempering<K>,
    plan: TemperingPlan,
    betas: Vec<f64>,
    replicas: Replicas<S>,
    rng: Stream,
    n_steps: u64,
    /// Swaps counted when the present part of the run began.
    before: Vec<Step>,
    flow: Flow,
    record: Record,
}

#[derive(Deserialize)]
struct RawRun<K, S> {
    kernel: Tempering<K>,
    plan: TemperingPlan,
    betas: Vec<f64>,
    replicas: Replicas<S>,
    rng: Stream,
    n_steps: u64,
    before: Vec<Step>,
    flow: Flow,
    record: Record,
}

impl<K, S> TryFrom<RawRun<K, S>> for ParallelTempering<K, S> {
    type Error = Error;
    fn try_from(raw: RawRun<K, S>) -> Result<Self> {
        check_betas(&raw.betas)?;
        let n = raw.betas.len();
        same_length("states on the ladder", raw.replicas.states().len(), n)?;
        same_length("swap counts", raw.before.len(), n - 1)?;
        same_length("rungs of the flow", raw.flow.n_rungs(), n)?;
        same_length("energies of a sample", raw.record.width(), n)?;
        for (was, is) in raw.before.iter().zip(raw.replicas.swaps()) {
            let counted = was.proposed <= is.proposed && was.accepted <= is.accepted;
            if !counted || is.proposed - was.proposed < is.accepted - was.accepted {
                return Err(Error::out_of_range(
                    "swaps before",
                    was.proposed,
                    format!("at most {}", is.proposed),
                ));
            }
        }
        if raw.n_steps > raw.plan.n_steps() {
            let allowed = format!("at most {}", raw.plan.n_steps());
            return Err(Error::out_of_range("steps done", raw.n_steps, allowed));
        }
        let samples = raw.n_steps.saturating_sub(raw.plan.before_samples()) / raw.plan.thin;
        same_length("samples", raw.record.len(), samples as usize)?;
        Ok(ParallelTempering {
            kernel: raw.kernel,
            plan: raw.plan,
            betas: raw.betas,
            replicas: raw.replicas,
            rng: raw.rng,
            n_steps: raw.n_steps,
            before: raw.before,
            flow: raw.flow,
            record: raw.record,
        })
    }
}

fn check_betas(betas: &[f64]) -> Result<()> {
    if betas.len() < 2 {
        return Err(Error::out_of_range("rungs of the ladder", betas.len(), "at least 2"));
    }
    all_finite("beta of rung", betas)?;
    let pairs = || betas.windows(2);
    if !pairs().all(|p| p[0] < p[1]) && !pairs().all(|p| p[0] > p[1]) {
        return Err(Error::out_of_range(
            "betas of the ladder",
            format!("{betas:?}"),
            "in order, all different",
        ));
    }
    Ok(())
}

impl<K, S> ParallelTempering<K, S> {
    /// A run at its start, with states drawn at β = 0, on a ladder of inverse temperatures.
    ///
    /// Errors: fewer than two rungs, betas that are not finite or not in order.
    pub fn new<E>(
        energy: &E,
        kernel: K,
        betas: Vec<f64>,
        plan: TemperingPlan,
        streams: &Streams,
    ) -> Result<Self>
    where
        E: Reference<State = S> + Clone,
        K: Kernel<E>,
    {
        check_betas(&betas)?;
        let mut rng = streams.stream("tempering", 0);
        let states = betas.iter().map(|_| energy.draw(&mut rng)).collect();
        let n = betas.len();
        let replicas = Ladder::new(energy.clone(), betas.clone())?.replicas(states)?;
        Ok(ParallelTempering {
            kernel: Tempering::new(kernel),
            plan,
            betas,
            replicas,
            rng,
            n_steps: 0,
            before: vec![Step::default(); n - 1],
            flow: Flow::new(n),
            record: Record::new(n)?,
        })
    }
    /// The inverse temperatures now.
    pub fn betas(&self) -> &[f64] {
        &self.betas
    }
    /// The plan.
    pub fn plan(&self) -> &TemperingPlan {
        &self.plan
    }
    /// Plans another number of samples: what is done stays as it is, and a longer run is the same as if it had been
    /// planned at the start.
    ///
    /// Errors: fewer samples than are taken already, more steps than 2⁶³.
    pub fn set_samples(&mut self, n_samples: u64) -> Result<()> {
        let taken = self.record.len() as u64;
        if n_samples < taken {
            return Err(Error::out_of_range(
                "n_samples",
                n_samples,
                format!("at least {taken}, those taken"),
            ));
        }
        self.plan = self.plan.clone().with_samples(n_samples)?;
        Ok(())
    }
    /// Steps done.
    pub fn n_steps(&self) -> u64 {
        self.n_steps
    }
    /// Whether the plan is carried out.
    pub fn is_done(&self) -> bool {
        self.n_steps == self.plan.n_steps()
    }
    /// The states on the rungs.
    pub fn states(&self) -> &[S] {
        self.replicas.states()
    }
    /// The energies of all rungs, sample by sample.
    pub fn energies(&self) -> &Record {
        &self.record
    }
    /// Whether replicas run in parallel; never changes a result, and is not saved.
    pub fn set_par(&mut self, par: Par) {
        self.kernel.par = par;
    }
    /// Accepted over proposed swaps between rungs r and r + 1 since the ladder last changed or sampling began.
    pub fn acceptances(&self) -> Vec<Option<f64>> {
        let since = |(is, was): (&Step, &Step)| {
            Step { proposed: is.proposed - was.proposed, accepted: is.accepted - was.accepted }.acceptance()
        };
        self.replicas.swaps().iter().zip(&self.before).map(since).collect()
    }
    /// Round trips (first rung, last, first) of each replica since the ladder last changed or sampling began.
    pub fn round_trips(&self) -> &[u64] {
        self.flow.trips()
    }
    /// At each rung the fraction of replicas that were last at the first rung, of those that come from an end: 1 at
    /// the first, 0 at the last; a straight line in the number of the rung on the best ladder.
    pub fn flow(&self) -> Vec<Option<f64>> {
        self.flow.fractions()
    }

    /// Goes on for `n` steps, or to the end of the plan; returns whether that is reached.
    ///
    /// Errors: an energy that is not finite.
    pub fn advance<E>(&mut self, energy: &E, n: u64) -> Result<bool>
    where
        E: Reference<State = S> + Clone,
        K: Kernel<E>,
    {
        let mut ladder = Ladder::new(energy.clone(), self.betas.clone())?;
        let end = self.plan.n_steps().min(self.n_steps.saturating_add(n));
        while self.n_steps < end {
            self.kernel.step(&ladder, &mut self.replicas, 1.0, &mut self.rng);
            self.n_steps += 1;
            self.flow.count(self.replicas.labels());
            let (now, adapting, before) = (self.n_steps, self.plan.adapting(), self.plan.before_samples());
            if now <= adapting && (0..self.plan.n_rounds).any(|k| self.plan.end_of_round(k) == now) {
                self.adapt();
                ladder = Ladder::new(energy.clone(), self.betas.clone())?;
            } else if now == before {
                self.restart();
            } else if now > before && (now - before).is_multiple_of(self.plan.thin) {
                let row: Vec<f64> = self.replicas.states().iter().map(|s| energy.energy(s)).collect();
                row.iter().try_for_each(|e| finite("energy", *e).map(drop))?;
                self.record.push(&row)?;
            }
        }
        Ok(self.is_done())
    }

    fn adapt(&mut self) {
        self.betas = match self.plan.adaptation {
            Adaptation::None => return,
            Adaptation::EqualAcceptance => {
                let accepted: Vec<f64> = self.acceptances().iter().map(|a| a.unwrap_or(1.0)).collect();
                equal_acceptance(&self.betas, &accepted)
            }
            Adaptation::RoundTrips => round_trips(&self.betas, &self.flow.fractions()),
        };
        self.restart();
    }
    /// Counts begin anew.
    fn restart(&mut self) {
        self.before = self.replicas.swaps().to_vec();
        self.flow = Flow::new(self.betas.len());
    }
}
