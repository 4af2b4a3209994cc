//! `smml design family`.

use super::{Ending, SavedPotts, contact_figure, contacts_csv, energies, energy_figure, same_sweeps};
use crate::{
    args::design::DesignFamilyArgs,
    error::Failure,
    reproduce::check::Outcome,
    run::{self, config, folder::Folder, input::Hashes, keeper, progress, series},
};
use serde::{Deserialize, Serialize};
use smml_core::{Estimate, parallel::Par, rng::Streams};
use smml_learn::ebm::potts::{
    Alignment, ContactScores, FoldedChain, LatticeFamily, PottsMachine, write_fasta,
};

/// Sequences that are drawn between two looks at the clock.
const CHUNK: usize = 500;
/// A count added to each frequency of a profile, as a part of all of them.
pub(super) const PSEUDOCOUNT: f64 = 0.01;

/// What is saved on the way.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    sweeps: Option<u32>,
    codes: Vec<u8>,
}

pub(super) fn family(args: &DesignFamilyArgs) -> Result<(), Failure> {
    let mut settled = args.clone();
    let seed = *settled.run.seed.get_or_insert_with(run::drawn_seed);
    let streams = Streams::new(seed);
    let fold = FoldedChain::new(args.sides.0.map(usize::from), &mut streams.stream("fold", 0))?;
    let scales = [args.fields, args.couplings];
    let mut rng = streams.stream("family", 0);
    let family = LatticeFamily::new(fold, args.alphabet.into(), scales, args.gaps, &mut rng)?;
    let (n, l) = (args.sequences as usize, family.fold().n_sites());
    if n.saturating_mul(l) > 1 << 32 {
        return Err(Failure::Usage(format!("--sequences {n}: at most 2^32 letters, here {l} each")));
    }
    let config = config::to_toml("design family", &settled)?;
    let folder = Folder::of_run(&args.run, "design-family", seed, &config, &Hashes::new())?;
    let mut keeper = keeper::Keeper::<Progress>::new(&folder, &args.run, config::hash(&config)?)?;
    same_sweeps(&mut keeper.progress.sweeps, args.sweeps)?;
    let machine = family.machine();
    let bar = progress::bar(n as u64, keeper.quiet);
    let mut codes = std::mem::take(&mut keeper.progress.codes);
    codes.truncate(n * l);
    loop {
        let done = codes.len() / l;
        bar.set_position(done as u64);
        if done >= n {
            break;
        }
        let rngs = streams.child("members", (done / CHUNK) as u64);
        let drawn = machine.sample(CHUNK.min(n - done), args.sweeps as usize, "", &rngs, Par::Rayon)?;
        drawn.rows().for_each(|row| codes.extend_from_slice(row));
        keeper.pause(|p| {
            p.codes.clone_from(&codes);
            Ok(())
        })?;
    }
    bar.finish_and_clear();
    let names = (0..n).map(|k| format!("m{k}")).collect();
    let members = Alignment::new(machine.alphabet(), l, codes, names)?;
    let contacts = family.fold().contacts().to_vec();
    let weights = vec![1.0; n];
    let single = members.frequencies(&weights, PSEUDOCOUNT, Par::Rayon)?.single;
    let saved = SavedPotts {
        machine: machine.clone(),
        profile: PottsMachine::profile(machine.alphabet(), l, &single)?,
        family: members,
        contacts: Some(contacts.clone()),
    };

    let mut o = Outcome::default();
    let values = energies(machine, &saved.family);
    o.reported("sites", Estimate::exact(l as f64));
    o.reported("contacts", Estimate::exact(contacts.len() as f64));
    o.reported("energy of a sequence", Estimate::from_independent(&values)?);
    let half = n / 2;
    let distances: Vec<f64> = (0..half)
        .map(|k| {
            let (a, b) = (saved.family.row(k), saved.family.row(k + half));
            a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / l as f64
        })
        .collect();
    if let Ok(identity) = Estimate::from_independent(&distances) {
        o.reported("fraction of sites in which two sequences agree", identity);
    }
    o.note(format!(
        "The chain fills a box of {} places; E(s) = -Σ h(s) - Σ J(s, s') over its {} contacts, probabilities ∝ exp(-E).",
        String::from(args.sides),
        contacts.len()
    ));
    o.figure(energy_figure(
        "energies",
        "Energies",
        "True energies of the sequences that were drawn.",
        &[("family", &values)],
        &[],
    ));
    let scores = ContactScores::of(machine);
    o.figure(contact_figure(&scores, l, Some(&contacts), 1));
    folder.write("family.fasta", write_fasta(&saved.family).as_bytes())?;
    saved.save(&folder.file("truth.potts"))?;
    folder.write("contacts.csv", contacts_csv(&scores, Some(&contacts)).as_bytes())?;
    let mut outputs: Vec<_> =
        ["family.fasta", "truth.potts", "contacts.csv"].into_iter().map(|f| folder.file(f)).collect();
    if let Some(file) = &args.run.series {
        series::write(file, &[series::Column { name: "energy".into(), values }])?;
        outputs.push(file.clone());
    }
    // It is all in the files.
    folder.remove("checkpoint")?;
    folder.remove("checkpoint.previous")?;
    let more = format!("sequences: {}\n", folder.file("family.fasta").display());
    let ending = Ending {
        command: "design family",
        config: &config,
        settled: &settled,
        seed,
        outputs,
        details: serde_json::Value::Null,
        json: args.run.json,
    };
    ending.finish(&folder, &o, &more)
}
