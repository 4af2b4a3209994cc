//! Rust peers: argmin's L-BFGS on Rosenbrock-1000, and overlap-add written with realfft.
//!
//! One JSON object a line: {"name": .., "value": .., "unit": .., "peer": ..}, or "error" in place of the value. CPU time of
//! one thread, median of 7 after one run to warm up.

use argmin::{
    core::{CostFunction, Error, Executor, Gradient, IterState, LineSearch, Solver, State},
    solver::{
        linesearch::{
            BacktrackingLineSearch, HagerZhangLineSearch, MoreThuenteLineSearch, condition::ArmijoCondition,
        },
        quasinewton::LBFGS,
    },
};
use cpu_time::ThreadTime;
use std::{cell::Cell, hint::black_box, rc::Rc};

const ARGMIN: &str = "argmin 0.11.0";

fn main() {
    lbfgs("more-thuente", MoreThuenteLineSearch::new());
    lbfgs("hager-zhang", HagerZhangLineSearch::new());
    lbfgs("backtracking", BacktrackingLineSearch::new(ArmijoCondition::new(1e-4).expect("a valid constant")));
    convolutions();
}

fn report(name: &str, peer: &str, value: Result<f64, String>, unit: &str) {
    match value {
        Ok(value) => println!(r#"{{"name":"{name}","peer":"{peer}","value":{value},"unit":"{unit}"}}"#),
        Err(e) => println!(r#"{{"name":"{name}","peer":"{peer}","error":{:?}}}"#, e),
    }
}

fn median_ms<T>(mut work: impl FnMut() -> T) -> f64 {
    black_box(work());
    let mut times = [0.0; 7];
    for time in &mut times {
        let start = ThreadTime::now();
        black_box(work());
        *time = 1e3 * start.elapsed().as_secs_f64();
    }
    times.sort_by(f64::total_cmp);
    times[3]
}

/// Counts calls, so that nothing depends on what argmin counts.
#[derive(Clone, Default)]
struct Rosenbrock {
    costs: Rc<Cell<u64>>,
    gradients: Rc<Cell<u64>>,
}

impl CostFunction for Rosenbrock {
    type Param = Vec<f64>;
    type Output = f64;
    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        self.costs.set(self.costs.get() + 1);
        Ok(x.windows(2).map(|w| 100.0 * (w[1] - w[0] * w[0]).powi(2) + (1.0 - w[0]).powi(2)).sum())
    }
}

impl Gradient for Rosenbrock {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;
    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.gradients.set(self.gradients.get() + 1);
        let mut g = vec![0.0; x.len()];
        for i in 0..x.len() - 1 {
            let d = x[i + 1] - x[i] * x[i];
            g[i] -= 400.0 * x[i] * d + 2.0 * (1.0 - x[i]);
            g[i + 1] += 200.0 * d;
        }
        Ok(g)
    }
}

/// Evaluations and time from (-1.2, 1, ...) to f <= 1e-10. argmin asks for values and gradients apart; the larger of the
/// two counts is reported, which is the fewest pairs it can have needed.
fn lbfgs<L>(variant: &str, search: L)
where
    L: Clone + LineSearch<Vec<f64>, f64>,
    LBFGS<L, Vec<f64>, Vec<f64>, f64>: Solver<Rosenbrock, IterState<Vec<f64>, Vec<f64>, (), (), (), f64>>,
{
    let run = || -> Result<u64, String> {
        let problem = Rosenbrock::default();
        let (costs, gradients) = (problem.costs.clone(), problem.gradients.clone());
        let start: Vec<f64> = (0..1000).map(|i| if i % 2 == 0 { -1.2 } else { 1.0 }).collect();
        let solver = LBFGS::new(search.clone(), 10)
            .with_tolerance_grad(0.0)
            .and_then(|s| s.with_tolerance_cost(0.0))
            .map_err(|e| e.to_string())?;
        let done = Executor::new(problem, solver)
            .configure(|state| state.param(start).max_iters(20_000).target_cost(1e-10))
            .run()
            .map_err(|e| {
                format!(
                    "after {} evaluations: {}",
                    costs.get().max(gradients.get()),
                    e.to_string().replace('"', "'")
                )
            })?;
        let best = done.state().get_best_cost();
        match best <= 1e-10 {
            true => Ok(costs.get().max(gradients.get())),
            false => {
                Err(format!("stopped at {best:e}: {:?}", done.state().get_termination_status().to_string())
                    .replace('"', "'"))
            }
        }
    };
    let count = run();
    let time = count.clone().map(|_| median_ms(run));
    report(&format!("rosenbrock 1000 evaluations/{variant}"), ARGMIN, count.map(|c| c as f64), "evaluations");
    report(&format!("rosenbrock 1000/{variant}"), ARGMIN, time, "ms");
}

fn convolutions() {
    // Any numbers will do: a linear congruential generator.
    let mut seed = 1u64;
    let mut noise = |n: usize| -> Vec<f64> {
        (0..n)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 11) as f64 / (1u64 << 53) as f64 - 0.5
            })
            .collect()
    };
    let (a, b) = (noise(1_000_000), noise(10_000));
    let name = "convolve 1e6*1e4";
    let reason =
        "does not build since Rust 1.78: its dependency anymap 1.0.0-beta.2 casts trait objects unsoundly";
    report(&format!("{name}/fftconvolve"), "fftconvolve 0.1.1", Err(reason.into()), "ms");
    report(
        &format!("{name}/overlap-add"),
        "realfft 3.5.0",
        Ok(median_ms(|| overlap_add(&a, &b, 1 << 16))),
        "ms",
    );
}

/// What one writes with realfft in ten minutes: blocks of `size`, transformed, multiplied, added.
fn overlap_add(a: &[f64], b: &[f64], size: usize) -> Vec<f64> {
    let mut planner = realfft::RealFftPlanner::<f64>::new();
    let (forward, inverse) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let (mut block, mut kernel, mut spectrum) =
        (forward.make_input_vec(), forward.make_output_vec(), forward.make_output_vec());
    let mut scratch = forward.make_scratch_vec();
    let mut back = inverse.make_scratch_vec();
    block[..b.len()].copy_from_slice(b);
    forward.process_with_scratch(&mut block, &mut kernel, &mut scratch).expect("the lengths are the plan's");
    let mut out = vec![0.0; a.len() + b.len() - 1];
    for (k, part) in a.chunks(size - b.len() + 1).enumerate() {
        block.fill(0.0);
        block[..part.len()].copy_from_slice(part);
        forward
            .process_with_scratch(&mut block, &mut spectrum, &mut scratch)
            .expect("the lengths are the plan's");
        for (s, k) in spectrum.iter_mut().zip(&kernel) {
            *s *= k / size as f64;
        }
        inverse
            .process_with_scratch(&mut spectrum, &mut block, &mut back)
            .expect("the lengths are the plan's");
        let at = k * (size - b.len() + 1);
        for (o, x) in out[at..].iter_mut().zip(&block[..part.len() + b.len() - 1]) {
            *o += x;
        }
    }
    out
}
