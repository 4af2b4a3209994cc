//! `smml design`: families of sequences, models learned from them, and new members by annealing (section 3.10).

use crate::{
    args::design::DesignCommand,
    error::Failure,
    report::{
        figure::{Axis, Figure, Series, Style},
        histogram::fractions,
    },
    reproduce::check::Outcome,
    run::{
        self,
        folder::Folder,
        results::{Document, Finished},
    },
};
use serde::{Deserialize, Serialize};
use smml_core::{energy::Energy, store};
use smml_learn::ebm::potts::{Alignment, ContactScores, PottsMachine};
use std::path::{Path, PathBuf};

mod family;
mod learn;
mod propose;

use super::ebm::{part, text_of};

/// Runs a command.
pub(crate) fn run(command: &DesignCommand) -> Result<(), Failure> {
    let threads = match command {
        DesignCommand::Family(a) => a.run.threads,
        DesignCommand::Learn(a) => a.run.threads,
        DesignCommand::Propose(a) => a.run.threads,
    };
    run::with_threads(threads, || match command {
        DesignCommand::Family(args) => family::family(args),
        DesignCommand::Learn(args) => learn::learn(args),
        DesignCommand::Propose(args) => propose::propose(args),
    })
}

/// Bars of a histogram.
const BARS: usize = 40;
/// Side of a pair in a picture of contacts, in pixels; and the largest picture.
const PIXELS: usize = 12;
const LARGEST_MAP: usize = 1200;

/// A model with the sequences that it is about: truth.potts and model.potts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedPotts {
    machine: PottsMachine,
    /// The model of independent sites.
    profile: PottsMachine,
    /// The natural sequences.
    family: Alignment,
    /// Pairs that touch, where they are known.
    contacts: Option<Vec<(usize, usize)>>,
}

/// What tells the file of a model from checkpoints.
const MODEL: u64 = 0x504f_5454_5331;

impl SavedPotts {
    fn save(&self, path: &Path) -> Result<(), Failure> {
        Ok(store::write_atomically(path, &store::encode(self, MODEL)?)?)
    }
    fn load(path: &Path) -> Result<Self, Failure> {
        let loaded = store::load::<SavedPotts>(path, MODEL).map_err(|e| match e {
            // Sound, but written by something else: the hash of the parameters says no more.
            smml_core::Error::Corrupt { path, place, .. } if place == "byte 12" => Failure::File(format!(
                "{}: a checkpoint, not the file of a model that smml design writes",
                path.display()
            )),
            e => e.into(),
        })?;
        let found = loaded.ok_or_else(|| Failure::File(format!("{}: no such file", path.display())))?.value;
        let shape = |n: usize, a| (n, a) == (found.machine.n_sites(), found.machine.alphabet());
        let n = found.machine.n_sites();
        let touch = found.contacts.iter().flatten().all(|(i, j)| i < j && *j < n);
        if !shape(found.profile.n_sites(), found.profile.alphabet())
            || !shape(found.family.n_sites(), found.family.alphabet())
            || !touch
        {
            return Err(Failure::File(format!("{}: its parts do not fit each other", path.display())));
        }
        Ok(found)
    }
    /// The true model of the same kind of sequences.
    fn truth(
        path: Option<&Path>,
        machine: (usize, smml_learn::ebm::potts::Alphabet),
    ) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        let truth = SavedPotts::load(path)?;
        if (truth.machine.n_sites(), truth.machine.alphabet()) != machine {
            return Err(Failure::Usage(format!(
                "--truth {}: sequences of {} sites and {} letters, here {} and {}",
                path.display(),
                truth.machine.n_sites(),
                truth.machine.n_letters(),
                machine.0,
                machine.1.n_letters()
            )));
        }
        Ok(Some(truth))
    }
}

/// Energies of all sequences under a model.
fn energies(machine: &PottsMachine, sequences: &Alignment) -> Vec<f64> {
    sequences.rows().map(|row| machine.energy(&row.to_vec())).collect()
}

/// Histograms of energies, each with a name.
fn energy_figure(
    id: &str,
    title: &str,
    caption: &str,
    sets: &[(&str, &[f64])],
    marks: &[(&str, f64)],
) -> Figure {
    let styles = [Style::Bars, Style::Line, Style::LinePoints];
    let mut top = 0.0f64;
    let mut series: Vec<Series> = Vec::new();
    let values: Vec<&[f64]> = sets.iter().map(|set| set.1).collect();
    for (((name, values), points), style) in sets.iter().zip(fractions(&values, BARS)).zip(styles) {
        top = points.iter().map(|p| p.1).fold(top, f64::max);
        if !points.is_empty() && !values.is_empty() {
            series.push(Series::new(name, style, points));
        }
    }
    for (name, at) in marks {
        series.push(Series::new(name, Style::Dashed, vec![(*at, 0.0), (*at, top.max(1e-6))]));
    }
    Figure::plot(id, title, caption, Axis::linear("energy"), Axis::linear("fraction"), series)
}

/// Scores of pairs above the diagonal, and true contacts below it where they are known.
fn contact_figure(
    scores: &ContactScores,
    n: usize,
    contacts: Option<&[(usize, usize)]>,
    separation: usize,
) -> Figure {
    let side = PIXELS.min(LARGEST_MAP / n.max(1)).max(1);
    let top = scores.ranked(separation).first().map_or(0.0, |p| p.2).max(f64::MIN_POSITIVE);
    let mut pixels = vec![255u8; (n * side).pow(2)];
    for i in 0..n {
        for j in 0..n {
            let dark = if i == j {
                0.15
            } else if i < j {
                // Pairs along the chain are not ranked; what they score is shown all the same.
                (scores.score(i, j) / top).clamp(0.0, 1.0)
            } else {
                f64::from(u8::from(contacts.is_some_and(|c| c.contains(&(j, i)))))
            };
            let grey = (255.0 * (1.0 - dark)).round() as u8;
            for y in 0..side {
                let start = (i * side + y) * n * side + j * side;
                pixels[start..start + side].fill(grey);
            }
        }
    }
    let below = if contacts.is_some() { "; below it the true contacts" } else { "" };
    Figure::image(
        "contacts",
        "Contact map",
        &format!(
            "Pairs of sites, from the upper left. Above the diagonal the scores of the learned couplings, dark for high ones{below}."
        ),
        n * side,
        n * side,
        pixels,
    )
}

/// The end of a run of these commands.
struct Ending<'a, A> {
    command: &'a str,
    config: &'a str,
    settled: &'a A,
    seed: u64,
    outputs: Vec<PathBuf>,
    details: serde_json::Value,
    json: bool,
}

impl<A: Serialize> Ending<'_, A> {
    /// Writes the files of a run and prints what it found.
    fn finish(self, folder: &Folder, o: &Outcome, more: &str) -> Result<(), Failure> {
        let part = part("design", "results", o, self.details);
        Finished {
            document: Document::new(self.command, self.settled, vec![part])?,
            config: self.config,
            seed: self.seed,
            text: format!("{}{more}", text_of(self.command, o)),
            tables: &[("results", &o.rows)],
            figures: &o.figures,
            outputs: self.outputs,
            json: self.json,
        }
        .conclude(folder)
    }
}

/// Refuses to go on with sweeps of another number: those of a run cannot be mixed.
fn same_sweeps(saved: &mut Option<u32>, asked: u32) -> Result<(), Failure> {
    match *saved.get_or_insert(asked) {
        there if there == asked => Ok(()),
        there => Err(Failure::Usage(format!("--sweeps {asked}: the run in the folder has {there}"))),
    }
}

/// A table of pairs as CSV, sites counted from 1.
fn contacts_csv(scores: &ContactScores, contacts: Option<&[(usize, usize)]>) -> String {
    let mut text = String::from("i,j,score,norm");
    text += if contacts.is_some() { ",contact\n" } else { "\n" };
    for (i, j, score) in scores.ranked(1) {
        text += &format!("{},{},{score},{}", i + 1, j + 1, scores.norm(i, j));
        text += &contacts.map_or(String::new(), |c| format!(",{}", u8::from(c.contains(&(i, j)))));
        text.push('\n');
    }
    text
}
