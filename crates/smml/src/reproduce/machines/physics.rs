//! Mean fields of given couplings beside exact magnetisations, and what a learned machine is as a physical system.

use super::{Rows, complete, log_likelihood, trained};
use crate::{
    error::Failure,
    report::figure::{Axis, Figure, Series, Style},
    reproduce::check::{Context, Outcome},
};
use smml_core::{
    certificate::SampledBeta,
    energy::{Energy, Finite, states},
    estimate::Estimate,
    factor_graph::ExactOptions,
    free_energy::{Rule, gauss_legendre, integrate},
    parallel::{self, Par},
    rng::{Draw, Stream, Streams},
    schedule::Schedule,
};
use smml_learn::{
    data::BinaryData,
    ebm::machine::{
        BoltzmannMachine, MachineTraining, Units, exact,
        observe::{SamplingPlan, overlaps, thermal},
    },
};
use smml_physics::{
    glass::{self, FixedPoint, Magnetisations, Passes, PlefkaOrder, Verdict},
    ising::{self, Ising},
};

/// A glass in which all pairs are coupled, J of variance 1/n, with fields.
fn sherrington_kirkpatrick(n: usize, rng: &mut Stream) -> Result<Ising, Failure> {
    let scale = 1.0 / libm::sqrt(n as f64);
    let couplings: Vec<(u32, u32, f64)> = (0..n as u32)
        .flat_map(|i| (0..i).map(move |j| (j, i)))
        .map(|(i, j)| (i, j, scale * rng.normal()))
        .collect();
    let fields = (0..n).map(|_| 0.5 * rng.normal()).collect();
    Ok(Ising::new(n, &couplings, fields)?)
}

fn solved(ising: &Ising, beta: f64, order: PlefkaOrder) -> Result<Magnetisations, Failure> {
    let start = vec![0.0; ising.n_spins()];
    let options = FixedPoint::default();
    let found = match order {
        PlefkaOrder::First => glass::mean_field(ising, beta, &start, &[], &options),
        PlefkaOrder::Second => glass::tap(ising, beta, &start, &[], &options),
    };
    Ok(found?.checked()?)
}

pub(super) fn mean_field(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let n = 12;
    let samples = ctx.level.pick(24, 120, 1_000);
    let betas = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0];
    // Of every glass and β: ln Z exact less naive and less TAP, and both root mean square errors of mᵢ.
    let one = |k: usize| -> Result<Vec<[f64; 4]>, Failure> {
        let model = sherrington_kirkpatrick(n, &mut ctx.streams.stream("glass", k as u64))?;
        let options = ExactOptions { par: Par::Serial, ..ExactOptions::default() };
        let of_beta = |beta: &f64| {
            let exact = ising::elimination::marginals(&model, *beta, &options)?;
            let error = |found: &Magnetisations| {
                let squares =
                    found.magnetisation.iter().zip(&exact.magnetisation).map(|(a, b)| (a - b).powi(2));
                libm::sqrt(squares.sum::<f64>() / n as f64)
            };
            let naive = solved(&model, *beta, PlefkaOrder::First)?;
            let tap = solved(&model, *beta, PlefkaOrder::Second)?;
            Ok([exact.ln_z - naive.ln_z, exact.ln_z - tap.ln_z, error(&naive), error(&tap)])
        };
        betas.iter().map(of_beta).collect()
    };
    let found = parallel::map(Par::Rayon, samples, one).into_iter().collect::<Result<Vec<_>, _>>()?;
    let at = |b: usize, k: usize| -> Vec<f64> { found.iter().map(|f| f[b][k]).collect() };
    let rounding = 1e-10;
    let lowest = (0..betas.len()).flat_map(|b| at(b, 0)).fold(f64::INFINITY, f64::min);
    o.at_least(
        format!("exact ln Z less that of the mean field, {samples} glasses of {n} spins at {} temperatures: smallest", betas.len()),
        Estimate::exact(lowest),
        -rounding,
    );
    // Errors of ln Z grow as β² without and as β³ with the reaction term: over a factor of 2 near β = 0.
    let model = sherrington_kirkpatrick(n, &mut Streams::new(53).stream("reproduce", 0))?;
    let error = |beta: f64, order| -> Result<f64, Failure> {
        let exact = ising::exact::averages(&model, &[beta])?[0].ln_z;
        Ok(exact - solved(&model, beta, order)?.ln_z)
    };
    for (order, name, power) in [(PlefkaOrder::First, "mean field", 4.0), (PlefkaOrder::Second, "TAP", 8.0)] {
        o.computed(
            format!("{name}: error of ln Z at β = 0.02 over that at 0.01"),
            error(0.02, order)? / error(0.01, order)?,
            power,
            0.05,
        );
    }
    // Means over glasses, above their transition.
    for (b, beta) in betas.iter().enumerate().filter(|(_, beta)| [0.2, 0.6].contains(*beta)) {
        let (naive, tap) = (Estimate::from_independent(&at(b, 2))?, Estimate::from_independent(&at(b, 3))?);
        o.reported(format!("β = {beta}: error of m by the mean field, root mean square"), naive);
        let less: Vec<f64> = at(b, 2).iter().zip(at(b, 3)).map(|(a, b)| b - 0.5 * a).collect();
        o.reported(format!("β = {beta}: error of m by TAP"), tap);
        o.at_most(
            format!("β = {beta}: error by TAP less half of that by the mean field"),
            Estimate::from_independent(&less)?,
            0.0,
        );
    }
    let curve = |k: usize| -> Result<Vec<(f64, Estimate)>, Failure> {
        (0..betas.len()).map(|b| Ok((betas[b], Estimate::from_independent(&at(b, k))?))).collect()
    };
    o.figure(Figure::plot(
        "machine-mean-field",
        "Errors of mean-field magnetisations",
        &format!("Root mean square error of mᵢ over the spins of a glass in which all {n} spins are coupled, J of variance 1/{n}, fields of standard deviation ½: mean over {samples} glasses. Onsager's reaction term helps as long as the couplings are weak; in the glass, at large β, both expansions fail."),
        Axis::log("β"),
        Axis::log("error of mᵢ"),
        vec![
            Series { style: Style::LinePoints, ..Series::measured("mean field", &curve(2)?) },
            Series { style: Style::LinePoints, ..Series::measured("TAP", &curve(3)?) },
        ],
    ));
    verdicts(&mut o)?;
    o.note("Exact magnetisations by variable elimination. Both fixed points start at m = 0 and are iterated spin by spin to a residual of 10⁻¹². A glass has many solutions at large β, and one of them is compared.");
    Ok(o)
}

/// What an iteration says of itself, where the answer is known by hand.
fn verdicts(o: &mut Outcome) -> Result<(), Failure> {
    // m = tanh(-2 m'), both spins at once: from equal starts the pair jumps between two states.
    let pair = Ising::new(2, &[(0, 1, -2.0)], vec![0.0; 2])?;
    let at_once = FixedPoint { passes: Passes::Parallel, tolerance: 1e-10, ..FixedPoint::default() };
    let found = glass::mean_field(&pair, 1.0, &[0.3, 0.3], &[], &at_once)?;
    o.holds("two antiferromagnetic spins, updated at once, are found to oscillate", {
        matches!(found.verdict, Verdict::Oscillating { .. }) && found.clone().checked().is_err()
    });
    let damped = FixedPoint { damping: 0.5, ..at_once };
    let found = glass::mean_field(&pair, 1.0, &[0.3, 0.3], &[], &damped)?.checked()?;
    o.computed("damped, they come to rest at m = 0", found.magnetisation[0], 0.0, 1e-8);
    // Spin by spin they order: m = tanh(2 m) has the solution 0.9575040240772687.
    let found = glass::mean_field(&pair, 1.0, &[0.3, 0.3], &[], &FixedPoint::default())?.checked()?;
    let m = found.magnetisation[0].abs();
    o.computed("spin by spin they order: m - tanh 2m", m - libm::tanh(2.0 * m), 0.0, 1e-10);
    o.holds("with opposite signs", m > 0.9 && found.magnetisation[0] * found.magnetisation[1] < 0.0);
    Ok(())
}

/// Three patterns of ten bits, each bit wrong with probability 0.05.
fn three_patterns(n: usize, rng: &mut Stream) -> Result<BinaryData, Failure> {
    let patterns = [0b11111_00000u16, 0b00000_11111, 0b10101_01010];
    let mut bits = Vec::with_capacity(10 * n);
    for _ in 0..n {
        let pattern = patterns[rng.below(3)];
        bits.extend((0..10).map(|i| (pattern >> i & 1) as u8 ^ u8::from(rng.chance(0.05))));
    }
    Ok(BinaryData::new(10, bits)?)
}

pub(super) fn thermodynamics(ctx: &Context<'_>) -> Result<Outcome, Failure> {
    let mut o = Outcome::default();
    let mut rng = ctx.streams.stream("data", 0);
    let data = three_patterns(512, &mut rng)?;
    let start =
        BoltzmannMachine::for_data(Units::Binary, &complete(13)?, (0..10).collect(), &data, 0.1, &mut rng)?;
    let training = MachineTraining {
        learning_rate: Schedule::linear(0.2, 0.02)?,
        ..MachineTraining::new(ctx.level.pick(60, 100, 200), rng.word())
    };
    let machine = trained(training, &start, &data)?;
    let rows = Rows::equal(&data)?;
    let gain = log_likelihood(&machine, &rows)? - log_likelihood(&start, &rows)?;
    o.at_least("training raised the log-likelihood of the data by, nats", Estimate::exact(gain), 2.0);
    let (ising, n) = (machine.ising(), machine.n_units() as f64);
    // The nodes of a rule of integration from β = 0 to 1, then more on the cold side.
    let rule = Rule::GaussLegendre { from: 0.0, to: 1.0 };
    let (mut betas, _) = gauss_legendre(12, 0.0, 1.0)?;
    betas.extend([1.0, 1.25, 1.6, 2.0]);
    let exact_at = ising::exact::averages(ising, &betas)?;
    let plan =
        SamplingPlan { burn_in: 500, n_samples: ctx.level.pick(200, 2_000, 30_000), sweeps_between: 5 };
    let found = thermal(&machine, &betas, &plan, &ctx.streams, Par::Rayon)?;
    let energies: Vec<(Estimate, f64)> =
        found.iter().zip(&exact_at).map(|(f, e)| (f.energy, n * e.energy + machine.constant())).collect();
    let heats: Vec<(Estimate, f64)> =
        found.iter().zip(&exact_at).map(|(f, e)| (f.specific_heat, e.specific_heat)).collect();
    o.all_sampled("⟨E⟩ of 64 replicas, β from 0.009 to 2", &energies);
    o.all_sampled("specific heat from fluctuations", &heats);
    let sampled: Vec<(Estimate, f64)> = found
        .iter()
        .filter_map(|f| match f.sampled_beta {
            SampledBeta::Finite(beta) => Some((beta, f.beta)),
            _ => None,
        })
        .collect();
    o.holds("every temperature shows in the samples", sampled.len() == betas.len());
    o.all_sampled("β that the samples themselves show", &sampled);
    // ln Z(1) = n ln 2 - ∫ ⟨E⟩ dβ, and ⟨E⟩(1) - ⟨E⟩(0) = -∫ n c/β² dβ: fluctuations are the slope of the energy.
    let energy: Vec<Estimate> = energies[..12].iter().map(|(e, _)| e.affine(0.0, -1.0)).collect();
    let slope: Vec<Estimate> =
        heats[..12].iter().zip(&betas).map(|((c, _), beta)| c.affine(0.0, -n / (beta * beta))).collect();
    let free = integrate(&betas[..12], &energy, rule)?.value.affine(n * std::f64::consts::LN_2, 1.0);
    let ln_z = exact::ln_z(&machine, 1.0, &ExactOptions::default())?;
    o.sampled("ln Z by integration of ⟨E⟩ from β = 0", free, ln_z);
    let change = integrate(&betas[..12], &slope, rule)?.value;
    let hot = states(&machine)?.map(|k| machine.energy(&machine.state(k))).sum::<f64>() / 2f64.powi(n as i32);
    o.sampled(
        "⟨E⟩ at β = 1 less that at β = 0, by integration of the specific heat",
        change,
        energies[12].1 - hot,
    );
    // The rule itself is exact enough: the same with exact energies.
    let exactly: Vec<Estimate> = energies[..12].iter().map(|(_, e)| Estimate::exact(-e)).collect();
    o.computed(
        "the same rule on exact energies: ln Z",
        integrate(&betas[..12], &exactly, rule)?.value.affine(n * std::f64::consts::LN_2, 1.0).value,
        ln_z,
        1e-5,
    );
    let grid: Vec<f64> = (1..=110).map(|k| 0.02 * f64::from(k)).collect();
    let curve = ising::exact::averages(ising, &grid)?;
    let points: Vec<(f64, Estimate)> = found.iter().map(|f| (f.beta, f.specific_heat)).collect();
    o.figure(Figure::plot(
        "machine-specific-heat",
        "Specific heat of a machine that has learned three patterns",
        "From the fluctuations of the energy of 64 replicas, and exactly by enumeration of its 13 units. The machine was trained at β = 1, where it is in the middle of its transition from noise to patterns: its specific heat is near the maximum.",
        Axis::linear("β"),
        Axis::linear("specific heat for each unit"),
        vec![
            Series::new("exact", Style::Line, grid.iter().zip(&curve).map(|(b, c)| (*b, c.specific_heat)).collect())
                .in_colour(0),
            Series::measured("sampled", &points).in_colour(0),
        ],
    ));
    overlap(ctx, &mut o, &machine, &plan)?;
    o.note("The machine has ten visible and three hidden units of 0 and 1, all coupled, and is an Ising model with a constant. Errors come from the spread between replicas that share nothing.");
    Ok(o)
}

/// Overlaps of the visible units of two replicas, cold and hot.
fn overlap(
    ctx: &Context<'_>,
    o: &mut Outcome,
    machine: &BoltzmannMachine,
    plan: &SamplingPlan,
) -> Result<(), Failure> {
    let mut series = Vec::new();
    for (k, beta) in [0.3, 1.0].into_iter().enumerate() {
        let streams = ctx.streams.child("overlap", k as u64);
        let found = overlaps(machine, beta, machine.visible(), plan, &streams)?;
        // P(v) of every row, then the overlap of two independent ones.
        let all = super::all_rows(10)?;
        let options = ExactOptions::default();
        let p: Vec<f64> = exact::ln_probabilities(machine, &all, beta, &options, Par::Rayon)?
            .into_iter()
            .map(libm::exp)
            .collect();
        let mut expected = vec![0.0; 11];
        for (a, p_a) in p.iter().enumerate() {
            for (b, p_b) in p.iter().enumerate() {
                expected[10 - (a ^ b).count_ones() as usize] += p_a * p_b;
            }
        }
        let pairs: Vec<(Estimate, f64)> =
            found.probability.iter().copied().zip(expected.iter().copied()).collect();
        o.all_sampled(format!("distribution of the overlap of two replicas, β = {beta}"), &pairs);
        let points: Vec<(f64, Estimate)> = found.q.iter().copied().zip(found.probability).collect();
        let line = found.q.iter().copied().zip(expected).collect();
        series.push(Series::new(&format!("β = {beta}, exact"), Style::Line, line).in_colour(k));
        series.push(Series::measured(&format!("β = {beta}, sampled"), &points).in_colour(k));
    }
    o.figure(Figure::plot(
        "machine-overlap",
        "Overlap of two replicas",
        "Distribution of the overlap q of the visible units. Hot replicas know nothing of each other; at β = 1 two of them are near the same pattern (q = 1) or near two different ones.",
        Axis::linear("overlap q"),
        Axis::linear("probability"),
        series,
    ));
    Ok(())
}
