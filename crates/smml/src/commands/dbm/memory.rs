//! How long chains remember: autocorrelations of the energy and of the magnetisation of a free machine, and of one with its
//! labels clamped.

use crate::{
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::Outcome,
};
use smml_core::{
    Estimate, diagnose, estimate,
    parallel::{self, Par},
    rng::Streams,
};
use smml_hw::{
    dbm::Layout,
    machine::{CHAINS, Chains, FixedNetwork, Gains},
};

/// Largest lag of the curves, and points of each.
const MOST_LAG: usize = 1000;
const POINTS: usize = 60;

/// Of every chain its series.
struct Record {
    energy: Vec<Vec<f64>>,
    magnetisation: Vec<Vec<f64>>,
}

/// 64 chains at β = 1 from random states: as many sweeps as are measured go first.
fn record(
    network: &FixedNetwork,
    layout: &Layout,
    clamped: bool,
    sweeps: usize,
    seed: u64,
) -> Result<Record, Failure> {
    let mut rng = Streams::new(seed).stream("memory", u64::from(clamped));
    let mut chains = Chains::random(layout.n_nodes(), &mut rng);
    if clamped {
        // The classes in turn.
        for (node, class) in layout.label_bits() {
            let word =
                (0..CHAINS).filter(|c| c % layout.n_classes() == class).fold(0, |word, c| word | 1u64 << c);
            chains.set(node as usize, word);
        }
    }
    let order = network.wiring().free(&layout.free(false, clamped));
    let gains = Gains::new(network, &[1.0])?;
    chains.sweep(network, &gains, &order, sweeps, &mut rng)?;
    let n = layout.n_nodes() as f64;
    let mut found = Record { energy: vec![Vec::new(); CHAINS], magnetisation: vec![Vec::new(); CHAINS] };
    for _ in 0..sweeps {
        chains.sweep(network, &gains, &order, 1, &mut rng)?;
        for (c, energy) in chains.energies(network)?.into_iter().enumerate() {
            found.energy[c].push(energy / n);
        }
        let mut up = [0u32; CHAINS];
        for word in chains.words() {
            up.iter_mut().enumerate().for_each(|(c, up)| *up += (word >> c & 1) as u32);
        }
        for (c, up) in up.into_iter().enumerate() {
            found.magnetisation[c].push(2.0 * f64::from(up) / n - 1.0);
        }
    }
    Ok(found)
}

/// Autocorrelation times, whether chains agree, and the curves.
pub(super) fn memory(
    o: &mut Outcome,
    network: &FixedNetwork,
    layout: &Layout,
    sweeps: usize,
    seed: u64,
) -> Result<(), Failure> {
    let most = MOST_LAG.min(sweeps / 5).max(1);
    // Denser where curves are steep.
    let mut lags: Vec<usize> = (0..POINTS)
        .map(|k| libm::pow(most as f64 + 1.0, k as f64 / (POINTS - 1) as f64) as usize - 1)
        .collect();
    lags.dedup();
    let mut curves = Vec::new();
    let kinds: &[bool] = if layout.n_classes() > 0 { &[false, true] } else { &[false] };
    let records = parallel::map(Par::Rayon, kinds.len(), |k| record(network, layout, kinds[k], sweeps, seed));
    for (clamped, record) in kinds.iter().zip(records) {
        let record = record?;
        let who = if *clamped { "labels clamped" } else { "free" };
        for (what, series) in [("energy", &record.energy), ("magnetisation", &record.magnetisation)] {
            let chains: Vec<&[f64]> = series.iter().map(Vec::as_slice).collect();
            match Estimate::from_chains(&chains) {
                Ok(mean) => {
                    o.reported(format!("{what} a p-bit, {who}"), mean);
                    // Of each chain about its own mean; their spread gives the error.
                    let times: Result<Vec<f64>, _> =
                        chains.iter().map(|c| estimate::autocorrelation(c).map(|a| a.tau_int)).collect();
                    if let Ok(time) = times.and_then(|t| Estimate::from_independent(&t)) {
                        o.reported(format!("autocorrelation time of the {what}, {who}, sweeps"), time);
                    }
                }
                Err(e) => {
                    o.note(format!("{what}, {who}: {sweeps} sweeps are too short to know its memory: {e}."));
                }
            }
            // Of chains with different labels means differ; of free ones they should not.
            if !clamped && let Ok(r) = diagnose::split_r_hat(&chains) {
                o.reported(format!("split R-hat of the {what}, {who}"), Estimate::exact(r));
            }
            let functions: Vec<Vec<f64>> =
                chains.iter().filter_map(|c| estimate::autocorrelation_function(c, most).ok()).collect();
            let points: Vec<(f64, Estimate)> = lags
                .iter()
                .filter_map(|t| {
                    let at: Vec<f64> = functions.iter().map(|f| f[*t]).collect();
                    Estimate::from_independent(&at).ok().map(|e| (*t as f64, e))
                })
                .collect();
            if !points.is_empty() {
                curves.push(Series {
                    style: Style::Line,
                    ..Series::measured(&format!("{what}, {who}"), &points)
                });
            }
        }
    }
    if !curves.is_empty() {
        o.figure(Figure::plot(
            "memory",
            "Memory of the chains",
            &format!(
                "Autocorrelation of {CHAINS} chains at β = 1 over {sweeps} sweeps after as many that do not count: the mean over chains, each about its own mean, so that memory longer than the run does not show."
            ),
            Axis::linear("sweeps apart"),
            Axis::linear("autocorrelation"),
            curves,
        ));
    }
    Ok(())
}
