//! Chapter learn, design by annealing: a family whose true energy is known is learned from its sequences alone, and new
//! members are judged by the true energy.

use super::check::{Check, Context, Outcome};
use crate::{
    catalogue::Chapter,
    error::Failure,
    report::{
        figure::{Axis, Figure, Series, Style},
        histogram::density,
    },
};
use smml_core::{
    Estimate,
    energy::Energy,
    optimize::Stop,
    parallel::{self, Par},
    rng::Streams,
    sample::{Anneal, Metropolis},
    schedule::Schedule,
};
use smml_learn::ebm::potts::{
    Alignment, Alphabet, Constraints, ContactScores, Design, FoldedChain, LatticeFamily, PottsMachine,
    PseudoLikelihood, coupling_correlation,
};
use std::ops::ControlFlow;

/// The check of this file.
pub(super) fn checks() -> Vec<&'static Check> {
    vec![&CHECK]
}

static CHECK: Check = Check {
    id: "sequence-design",
    chapter: Chapter::Learn,
    equations: &["60", "61"],
    title: "Designs by annealing of a learned Potts model, judged by the true energy",
    run: design,
};

/// Mutations that a design may have.
const MUTATIONS: usize = 5;
/// Penalty on the squares of fields and couplings.
const PENALTY: f64 = 2e-3;
/// Separation of pairs along the sequence: contacts on a cubic lattice are no nearer.
const SEPARATION: usize = 3;

/// A family, what was learned of it, and sequences that were not learned from.
struct Learned {
    family: LatticeFamily,
    model: PottsMachine,
    profile: PottsMachine,
    held_out: Alignment,
}

impl Learned {
    fn new(alphabet: Alphabet, n: usize, n_held_out: usize, streams: &Streams) -> Result<Self, Failure> {
        let fold = FoldedChain::new([3, 3, 3], &mut streams.stream("fold", 0))?;
        let family = LatticeFamily::new(fold, alphabet, [0.5, 1.0], -1.0, &mut streams.stream("family", 0))?;
        let draw = |n, what: &str| family.machine().sample(n, 60, what, &streams.child(what, 0), Par::Rayon);
        let (train, held_out) = (draw(n, "train")?, draw(n_held_out, "held out")?);
        let weights = train.weights(0.8, Par::Rayon)?;
        let target = PseudoLikelihood::new(&train, &weights, PENALTY, PENALTY, Par::Rayon)?;
        let stop = Stop { gradient: 1e-4, max_iterations: 100, ..Stop::default() };
        let model = target.fit(None, &stop, |_| ControlFlow::Continue(()))?.machine.zero_sum();
        let single = train.frequencies(&weights, 0.01, Par::Rayon)?.single;
        let profile = PottsMachine::profile(alphabet, train.n_sites(), &single)?;
        Ok(Learned { family, model, profile, held_out })
    }
    /// Of each held-out sequence the best with a few mutations, by the model and by the profile.
    fn designs(&self, streams: &Streams) -> Result<Vec<[Vec<u8>; 2]>, Failure> {
        let anneal = Anneal::new(Schedule::geometric(0.5, 20.0)?, 300)?;
        let kernel = Metropolis::new(self.held_out.n_sites())?;
        parallel::map(Par::Rayon, self.held_out.len(), |k| {
            let start = self.held_out.row(k).to_vec();
            let constraints = Constraints {
                start: Some(start.clone()),
                max_mutations: Some(MUTATIONS),
                keep_gaps: true,
                ..Constraints::default()
            };
            let design = Design::new(&self.model, &constraints)?;
            let mut rng = streams.stream("design", k as u64);
            let best = anneal.run(&design, &mut kernel.clone(), start, &mut rng);
            Ok([best.state, Design::new(&self.profile, &constraints)?.independent_optimum()])
        })
        .into_iter()
        .collect()
    }
}

fn design(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n_held_out = ctx.level.pick(60, 200, 400);
    let families: &[(&str, Alphabet, usize)] = ctx.level.pick(
        &[("DNA", Alphabet::Dna, 2000)][..],
        &[("DNA", Alphabet::Dna, 4000), ("proteins", Alphabet::Protein, 8000)],
        &[("DNA", Alphabet::Dna, 10_000), ("proteins", Alphabet::Protein, 40_000)],
    );
    for (k, (name, alphabet, n)) in families.iter().enumerate() {
        let streams = ctx.streams.child("family", k as u64);
        let learned = Learned::new(*alphabet, *n, n_held_out, &streams)?;
        recovered(&mut o, name, &learned)?;
        judged(&mut o, name, &learned, &streams)?;
    }
    o.note("A chain folded in a box of 3 × 3 × 3, a Potts model with random fields and couplings on its 28 contacts, and sequences drawn from it: all that is learned from. Pseudo-likelihood with a penalty; annealing of the learned energy with at most 5 mutations of a sequence that was held out.");
    o.note("The profile of independent sites needs no search: of each site the likeliest letter. It is what a model must beat to have learned more than conservation.");
    o.note("The antibody model that the section mentions, a VQ-VAE, is not reproduced; what is shown is the idea of annealing in a learned energy.");
    Ok(o)
}

/// What the model knows of the truth.
fn recovered(o: &mut Outcome, name: &str, learned: &Learned) -> Result<(), Failure> {
    let (truth, contacts) = (learned.family.machine(), learned.family.fold().contacts());
    let correlation = coupling_correlation(&learned.model, truth, contacts)?;
    let bound = if truth.n_letters() == 5 { 0.9 } else { 0.5 };
    o.at_least(format!("correlation of couplings at contacts, {name}"), correlation, bound);
    let precision = ContactScores::of(&learned.model).precision(contacts, contacts.len(), SEPARATION)?;
    o.at_least(format!("true contacts among the first {}, {name}", contacts.len()), precision, 0.9);
    Ok(())
}

/// What designs are worth.
fn judged(o: &mut Outcome, name: &str, learned: &Learned, streams: &Streams) -> Result<(), Failure> {
    let truth = learned.family.machine();
    let natural: Vec<f64> = learned.held_out.rows().map(|s| truth.energy(&s.to_vec())).collect();
    let designs = learned.designs(streams)?;
    let of = |which: usize| -> Vec<f64> { designs.iter().map(|d| truth.energy(&d[which])).collect() };
    let (ours, theirs) = (of(0), of(1));
    // Paired: each with the sequence that it started from.
    let less = |a: &[f64], b: &[f64]| -> Result<Estimate, Failure> {
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        Ok(Estimate::from_independent(&differences)?)
    };
    let (gain, against) = (less(&ours, &natural)?, less(&ours, &theirs)?);
    o.at_most(format!("true energy of a design less that of its start, {name}"), gain, 0.0);
    o.reported(format!("the same of the profile, {name}"), less(&theirs, &natural)?);
    o.at_most(format!("true energy of a design less that of the profile's, {name}"), against, 0.0);
    o.holds(
        format!("designs beat those of the profile by more than five standard errors, {name}"),
        against.value < -5.0 * against.std_error,
    );
    for (who, energies) in [("design", &ours), ("design of the profile", &theirs)] {
        // Where a design stands among natural sequences: 0.5 is typical, 0 better than all.
        let quantile = |e: &f64| natural.iter().filter(|n| *n < e).count() as f64 / natural.len() as f64;
        let quantiles: Vec<f64> = energies.iter().map(quantile).collect();
        o.reported(
            format!("natural sequences of lower true energy than a {who}, {name}"),
            Estimate::from_independent(&quantiles)?,
        );
    }
    let drawn = |m: &PottsMachine, what: &str| -> Result<Vec<f64>, Failure> {
        let sequences = m.sample(natural.len(), 60, "", &streams.child(what, 0), Par::Rayon)?;
        Ok(sequences.rows().map(|s| truth.energy(&s.to_vec())).collect())
    };
    let (of_model, of_profile) = (drawn(&learned.model, "of model")?, drawn(&learned.profile, "of profile")?);
    for (who, energies) in
        [("natural", &natural), ("drawn from the model", &of_model), ("drawn from the profile", &of_profile)]
    {
        o.reported(
            format!("true energy of a sequence, {who}, {name}"),
            Estimate::from_independent(energies)?,
        );
    }
    let line = |name: &str, style, values: &[f64]| Series::new(name, style, density(values, 30));
    o.figure(Figure::plot(
        &format!("sequence-design-{}", name.to_lowercase()),
        &format!("Designed sequences ({name})"),
        &format!("True energies of {} natural sequences, of sequences drawn from the profile of independent sites, and of designs with at most {MUTATIONS} mutations by the learned model and by the profile.", natural.len()),
        Axis::linear("true energy"),
        Axis::linear("density"),
        vec![
            line("natural", Style::Bars, &natural),
            line("drawn from the profile", Style::Dashed, &of_profile),
            line("designs of the profile", Style::Line, &theirs),
            line("designs of the model", Style::LinePoints, &ours),
        ],
    ));
    Ok(())
}
