//! The constants of a training: those of a recipe, with the user's in their place.

use crate::{
    args::{
        Ramp,
        dbm::{ChainKind, DbmTrainArgs, PhaseText, Recipe},
    },
    error::Failure,
    values::Spelled,
};
use smml_core::schedule::Schedule;
use smml_hw::{
    dbm::{DbmTraining, Negative, Phase, Rule, Unrolled},
    machine::Format,
};

/// Seed of the places of pixels and labels, and copies of the labels, where the user says nothing.
pub(super) const LAYOUT_SEED: u64 = 12_345;
/// Copies of the label bits of the published machine.
const COPIES: u16 = 5;
/// Most copies of ours, which have a quarter of the nodes: a class is heard by as many p-bits as its bits have neighbours.
const MOST_COPIES: usize = 100;

/// Copies of the label bits where the user says nothing.
pub(super) fn copies(recipe: Recipe, n_nodes: usize, n_classes: usize) -> u16 {
    match recipe {
        Recipe::Published => COPIES,
        Recipe::Ours => (n_nodes / 4 / n_classes.max(1)).clamp(1, MOST_COPIES) as u16,
    }
}

/// The gradient through the sweeps alone: it classifies, and gives no picture of the images; `--generative` adds their
/// gradient. Units of a layer have a hundred times the neighbours of sparse graphs: their couplings start smaller and take
/// smaller steps, else all units end at one side, and nothing is learned any more.
fn ours(layers: bool, format: Format, seed: u64) -> DbmTraining {
    let (scale, from, to) = if layers { (0.03, 0.001, 0.0001) } else { (0.15, 0.01, 0.0003) };
    DbmTraining {
        n_epochs: 50,
        batch_size: 256,
        format,
        learning_rate: Schedule::Geometric { from, to },
        rule: Rule::Adam,
        weight_decay: 0.0,
        generative: 0.0,
        discriminative: 0.0,
        unrolled: Unrolled { weight: 1.0, ..Unrolled::NONE },
        positive: Phase::new(0, 40, 1),
        settle: 60,
        negative: Phase::new(0, 10, 2),
        chains: Negative::Labelled { n_chains: 128 },
        centred: true,
        mean_rate: 0.02,
        average_rate: 0.02,
        weight_scale: scale,
        random_fields: false,
        seed,
    }
}

/// The settings of a training. A node of layers has hundreds of neighbours, whose couplings must fit in 16 bits together:
/// there are fewer bits behind the point.
pub(super) fn settings(args: &DbmTrainArgs, layers: bool, seed: u64) -> Result<DbmTraining, Failure> {
    let mut t = match args.recipe {
        Recipe::Published => DbmTraining::published(100, seed),
        Recipe::Ours => ours(layers, Format::new(3, if layers { 7 } else { 9 })?, seed),
    };
    let set = |own: &mut usize, given: Option<u32>| *own = given.map_or(*own, |n| n as usize);
    let put = |own: &mut f64, given: Option<f64>| *own = given.unwrap_or(*own);
    set(&mut t.n_epochs, args.epochs);
    set(&mut t.batch_size, args.batch);
    set(&mut t.settle, args.settle);
    put(&mut t.weight_decay, args.weight_decay);
    put(&mut t.generative, args.generative);
    put(&mut t.discriminative, args.discriminative);
    put(&mut t.unrolled.weight, args.unrolled);
    set(&mut t.unrolled.sweeps, args.unrolled_sweeps);
    set(&mut t.unrolled.reads, args.unrolled_reads);
    put(&mut t.unrolled.sharpness, args.sharpness);
    t.unrolled.mean_field |= args.mean_field;
    put(&mut t.mean_rate, args.mean_rate);
    put(&mut t.average_rate, args.average_rate);
    put(&mut t.weight_scale, args.weight_scale);
    t.format = args.format.map_or(t.format, |f| f.0);
    t.positive = args.positive.map_or(t.positive, |p| p.0.0);
    t.negative = args.negative.map_or(t.negative, |p| p.0.0);
    t.centred = args.centred.unwrap_or(t.centred);
    t.random_fields = args.random_fields.unwrap_or(t.random_fields);
    if let Some(rate) = &args.learning_rate {
        t.learning_rate = rate.schedule.clone();
    }
    match args.momentum {
        _ if args.adam => t.rule = Rule::Adam,
        Some(momentum) => t.rule = Rule::Momentum(momentum),
        None => {}
    }
    let mut n_chains = t.chains.n_chains();
    set(&mut n_chains, args.chains);
    t.chains = match args.negative_chains.unwrap_or(kind(t.chains)) {
        ChainKind::Carried => Negative::Carried { n_chains },
        ChainKind::Persistent => Negative::Persistent { n_chains },
        ChainKind::Labelled => Negative::Labelled { n_chains },
    };
    t.check()?;
    Ok(t)
}

fn kind(chains: Negative) -> ChainKind {
    match chains {
        Negative::Carried { .. } => ChainKind::Carried,
        Negative::Persistent { .. } => ChainKind::Persistent,
        Negative::Labelled { .. } => ChainKind::Labelled,
    }
}

/// The arguments with everything settled but the copies of labels on a graph, for a machine of layers or not. Defaults are
/// written out: a later version may have others.
pub(super) fn settle(args: &DbmTrainArgs, layers: bool, t: &DbmTraining) -> Result<DbmTrainArgs, Failure> {
    let mut settled = args.clone();
    settled.run.seed = Some(t.seed);
    if layers && (args.in_order || args.layout_seed.is_some()) {
        let flag = if args.in_order { "--in-order" } else { "--layout-seed" };
        return Err(Failure::Usage(format!("{flag}: pixels and labels of layers have their own places")));
    }
    if !layers && !args.in_order {
        settled.layout_seed = Some(args.layout_seed.unwrap_or(LAYOUT_SEED));
    }
    settled.copies = args.copies.or(layers.then_some(1));
    // All of them came from numbers of 32 bits, or are built in.
    let whole = |n: usize| u32::try_from(n).ok();
    settled.epochs = whole(t.n_epochs);
    settled.batch = whole(t.batch_size);
    settled.settle = whole(t.settle);
    settled.chains = whole(t.chains.n_chains());
    settled.negative_chains = Some(kind(t.chains));
    settled.learning_rate = Some(Ramp::of(&t.learning_rate));
    (settled.momentum, settled.adam) = match t.rule {
        Rule::Momentum(m) => (Some(m), false),
        Rule::Adam => (None, true),
    };
    settled.weight_decay = Some(t.weight_decay);
    settled.generative = Some(t.generative);
    settled.discriminative = Some(t.discriminative);
    settled.unrolled = Some(t.unrolled.weight);
    settled.unrolled_sweeps = whole(t.unrolled.sweeps);
    settled.unrolled_reads = whole(t.unrolled.reads);
    settled.sharpness = Some(t.unrolled.sharpness);
    settled.positive = Some(Spelled(PhaseText(t.positive)));
    settled.negative = Some(Spelled(PhaseText(t.negative)));
    settled.centred = Some(t.centred);
    settled.mean_rate = Some(t.mean_rate);
    settled.average_rate = Some(t.average_rate);
    settled.weight_scale = Some(t.weight_scale);
    settled.random_fields = Some(t.random_fields);
    settled.format = Some(Spelled(t.format));
    Ok(settled)
}
