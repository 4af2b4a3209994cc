//! How long a search must go on to succeed.

use smml_core::{
    Estimate,
    distribution::{Binomial, Distribution},
    error::{Error, Result, positive},
    rng::Streams,
};

/// The time in which independent runs, one after the other, find what is looked for with a given probability:
/// TTS = t ln(1 - p) / ln(1 - p₁) for runs of time t that succeed with probability p₁, and t where p₁ >= p.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeToSolution {
    /// Success probability of one run.
    pub success: Estimate,
    /// The time, in the unit of a run's; infinite where no run succeeded.
    pub time: f64,
    /// 95 % interval of the time by the bootstrap over runs; its upper end is infinite where resampled runs may all
    /// fail. Where all runs succeeded, or none did, resampling says nothing: one end is then that of the interval of the
    /// success probability (Wilson's).
    pub interval: (f64, f64),
}

/// Probability of the interval.
const INTERVAL: f64 = 0.95;
/// Resamplings of the bootstrap.
const RESAMPLED: usize = 2_000;

fn tts(p1: f64, time: f64, confidence: f64) -> f64 {
    if p1 >= confidence {
        return time;
    }
    time * libm::log1p(-confidence) / libm::log1p(-p1)
}

impl TimeToSolution {
    /// From `successes` of `runs` independent runs of `time` each, for `confidence` (0.99 is customary: TTS99).
    ///
    /// Errors: no runs, more successes than runs, a time that is not positive, a confidence outside (0, 1).
    ///
    /// ```
    /// use smml_core::rng::Streams;
    /// use smml_physics::search::TimeToSolution;
    /// let tts = TimeToSolution::new(50, 100, 2.0, 0.99, &Streams::new(1))?;
    /// assert!((tts.time - 2.0 * 0.01f64.ln() / 0.5f64.ln()).abs() < 1e-12);
    /// assert!(tts.interval.0 < tts.time && tts.time < tts.interval.1);
    /// # Ok::<(), smml_core::Error>(())
    /// ```
    pub fn new(successes: u64, runs: u64, time: f64, confidence: f64, streams: &Streams) -> Result<Self> {
        let success = Estimate::from_counts(successes, runs)?;
        positive("time of a run", time)?;
        if !(confidence > 0.0 && confidence < 1.0) {
            return Err(Error::out_of_range("confidence", confidence, "between 0 and 1"));
        }
        let at = |p: f64| if p > 0.0 { tts(p, time, confidence) } else { f64::INFINITY };
        // Resampling runs with replacement draws the number of successes from a binomial law.
        let law = Binomial::new(runs, success.value)?;
        let mut rng = streams.stream("bootstrap", 0);
        let mut times: Vec<f64> =
            (0..RESAMPLED).map(|_| at(law.draw(&mut rng) as f64 / runs as f64)).collect();
        times.sort_by(f64::total_cmp);
        let quantile = |q: f64| times[(q * (RESAMPLED - 1) as f64).round() as usize];
        let (low, high) = success.interval(INTERVAL)?;
        let interval = match successes {
            0 => (at(high), f64::INFINITY),
            _ if successes == runs => (at(1.0), at(low)),
            _ => (quantile(0.5 - 0.5 * INTERVAL), quantile(0.5 + 0.5 * INTERVAL)),
        };
        Ok(TimeToSolution { success, time: at(success.value), interval })
    }
}
