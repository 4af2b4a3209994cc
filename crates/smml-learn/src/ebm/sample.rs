//! Bulk sampling: many block Gibbs chains at once on the fast engine, with clamped units.

use super::{
    engine::{self, LabelUnits, Lists, States, Weights, Work},
    likelihood::check_width,
    rbm::Rbm,
};
use crate::{
    data::BinaryData,
    error::{Error, Result},
};
use smml_core::{
    error::positive,
    parallel::{self, Par},
    rng::Streams,
};
use std::ops::Range;

const GROUP: usize = 32;

/// Block Gibbs chains, one for each row to start from.
#[derive(Clone, Debug, PartialEq)]
pub struct GibbsChains {
    /// Steps; each redraws all hidden and then all free visible units.
    pub n_steps: usize,
    /// Inverse temperature.
    pub beta: f64,
    /// Visible units that keep the value they start with.
    pub clamped: Vec<usize>,
    /// The last visible units that are labels, and how they are drawn.
    pub labels: Option<(usize, LabelUnits)>,
}

/// Where chains ended.
#[derive(Clone, Debug, PartialEq)]
pub struct GibbsSamples {
    /// Visible states.
    pub states: BinaryData,
    /// Probabilities of the visible units in the last step, rows × units: smoother pictures than the states. Clamped
    /// units have their value.
    pub probabilities: Vec<f32>,
}

impl GibbsChains {
    /// Free chains at β = 1.
    pub fn new(n_steps: usize) -> Self {
        GibbsChains { n_steps, beta: 1.0, clamped: Vec::new(), labels: None }
    }

    /// Runs the chains. Random numbers belong to (streams, group of 32 rows, step).
    ///
    /// Errors: no step, rows of another width, a clamped unit or labels that do not exist, fields too large for f32.
    pub fn run(&self, rbm: &Rbm, start: &BinaryData, streams: &Streams, par: Par) -> Result<GibbsSamples> {
        self.advance(rbm, start, 0..self.n_steps, streams, par)
    }

    /// Some steps of a run: `rows` is where its chains are after step `steps.start`. A run in pieces ends where
    /// [`GibbsChains::run`] does, bit for bit, so it can be saved in between.
    ///
    /// Errors: as [`GibbsChains::run`].
    pub fn advance(
        &self,
        rbm: &Rbm,
        rows: &BinaryData,
        steps: Range<usize>,
        streams: &Streams,
        par: Par,
    ) -> Result<GibbsSamples> {
        check_width(rbm, rows)?;
        positive("beta", self.beta)?;
        rbm.check_f32(self.beta)?;
        if steps.is_empty() {
            return Err(Error::out_of_range("n-steps", 0, "at least 1"));
        }
        let (n_labels, kind) = self.labels.unwrap_or((0, LabelUnits::Bernoulli));
        if n_labels >= rbm.n_visible() {
            return Err(Error::out_of_range("label units", n_labels, format!("below {}", rbm.n_visible())));
        }
        let weights = Weights::from_rbm(rbm, n_labels);
        let layer = &weights.visible;
        let mut mask = vec![0u64; layer.n_words()];
        for &unit in &self.clamped {
            if unit >= layer.n_units() {
                let allowed = format!("below {}", layer.n_units());
                return Err(Error::out_of_range("clamped unit", unit, allowed));
            }
            mask[layer.place(unit) / 64] |= 1 << (layer.place(unit) % 64);
        }
        let beta = self.beta as f32;
        let times =
            |layer: &engine::Layer, x: &[f64]| layer.lines(|i| (self.beta * x[i]) as f32, engine::NEVER);
        let (a, b) = (times(layer, rbm.visible_bias()), times(&weights.hidden, rbm.hidden_bias()));
        let groups = parallel::map(par, rows.len().div_ceil(GROUP), |g| {
            let n = GROUP.min(rows.len() - g * GROUP);
            let mut v = States::zeros(layer, n);
            v.words.clear();
            (g * GROUP..g * GROUP + n).for_each(|m| layer.pack(rows.row(m), &mut v.words));
            let first = v.clone();
            let mut h = States::zeros(&weights.hidden, n);
            let (mut hidden, mut visible) = (Work::new(&weights.hidden, n), Work::new(layer, n));
            let mut lists = Lists::default();
            let rng = streams.child("gibbs", g as u64);
            for k in steps.clone() {
                let rng = rng.child("step", k as u64);
                v.lists(&mut lists);
                engine::sample_layer(
                    &weights.hidden,
                    &weights.w,
                    &b,
                    beta,
                    &lists,
                    LabelUnits::Bernoulli,
                    &rng.child("hidden", 0),
                    Par::Serial,
                    &mut hidden,
                    &mut h,
                );
                h.lists(&mut lists);
                engine::sample_layer(
                    layer,
                    &weights.transposed,
                    &a,
                    beta,
                    &lists,
                    kind,
                    &rng.child("visible", 0),
                    Par::Serial,
                    &mut visible,
                    &mut v,
                );
                for (row, start) in
                    v.words.chunks_exact_mut(mask.len()).zip(first.words.chunks_exact(mask.len()))
                {
                    for k in 0..mask.len() {
                        row[k] = row[k] & !mask[k] | start[k] & mask[k];
                    }
                }
            }
            let mut p = Vec::new();
            engine::visible_probabilities(layer, &a, beta, kind, &visible, &mut p, n);
            let (mut bits, mut probabilities) = (Vec::new(), Vec::new());
            for m in 0..n {
                bits.extend(layer.unpack(v.row(m)));
                let clamped = |at: usize| mask[at / 64] >> (at % 64) & 1 == 1;
                for (unit, bit) in layer.unpack(v.row(m)).enumerate() {
                    let at = layer.place(unit);
                    let free = p[m * layer.n_lines + at / 16].0[at % 16];
                    probabilities.push(if clamped(at) { f32::from(bit) } else { free });
                }
            }
            (bits, probabilities)
        });
        let (mut bits, mut probabilities) = (Vec::new(), Vec::new());
        for (b, p) in groups {
            bits.extend(b);
            probabilities.extend(p);
        }
        Ok(GibbsSamples { states: BinaryData::new(rbm.n_visible(), bits)?, probabilities })
    }

    /// Runs chains on condition of labels: the last `n_classes` visible units are clamped to one-hot labels, the
    /// others start at random.
    pub fn run_with_labels(
        &self,
        rbm: &Rbm,
        n_classes: usize,
        labels: &[u8],
        streams: &Streams,
        par: Par,
    ) -> Result<GibbsSamples> {
        let (chains, start) = self.given_labels(rbm, n_classes, labels, streams)?;
        chains.run(rbm, &start, streams, par)
    }

    /// The chains of [`GibbsChains::run_with_labels`], and where they start.
    ///
    /// Errors: no classes or more than there are visible units, a label that is no class.
    pub fn given_labels(
        &self,
        rbm: &Rbm,
        n_classes: usize,
        labels: &[u8],
        streams: &Streams,
    ) -> Result<(Self, BinaryData)> {
        use smml_core::rng::Draw;
        if n_classes >= rbm.n_visible() || n_classes == 0 {
            return Err(Error::out_of_range(
                "number of classes",
                n_classes,
                format!("in 1..{}", rbm.n_visible()),
            ));
        }
        if let Some(m) = labels.iter().position(|l| usize::from(*l) >= n_classes) {
            return Err(Error::out_of_range(format!("label {m}"), labels[m], format!("below {n_classes}")));
        }
        let n_main = rbm.n_visible() - n_classes;
        let mut rng = streams.stream("start", 0);
        let mut bits = Vec::new();
        for label in labels {
            bits.extend((0..n_main).map(|_| u8::from(rng.chance(0.5))));
            bits.extend((0..n_classes).map(|c| u8::from(c == usize::from(*label))));
        }
        let mut chains = self.clone();
        chains.clamped.extend(n_main..rbm.n_visible());
        chains.labels = Some((n_classes, self.labels.map_or(LabelUnits::Softmax, |l| l.1)));
        Ok((chains, BinaryData::new(rbm.n_visible(), bits)?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::rbm::tests::random;
    use super::*;
    use smml_core::energy::mean_exact;

    #[test]
    fn chains_follow_the_exact_distribution_free_and_clamped() {
        // 5 + 4 units; 20,000 independent chains of 60 steps, far longer than the correlation time.
        let (rbm, beta, n) = (random(5, 4, 0.8, 4), 0.9, 20_000);
        for clamped in [vec![], vec![0, 3]] {
            let start = BinaryData::new(5, [1, 0, 0, 0, 1].repeat(n)).unwrap();
            let chains = GibbsChains { n_steps: 60, beta, clamped: clamped.clone(), labels: None };
            let samples = chains.run(&rbm, &start, &Streams::new(7), Par::Rayon).unwrap();
            let fits = |s: &super::super::RbmState| clamped.is_empty() || (s.visible[0] && !s.visible[3]);
            let norm = mean_exact(&rbm, beta, |s| f64::from(fits(s))).unwrap();
            for i in 0..5 {
                let p = mean_exact(&rbm, beta, |s| f64::from(fits(s) && s.visible[i])).unwrap() / norm;
                let got = samples.states.column_means()[i];
                let error = (p * (1.0 - p) / n as f64).sqrt() + 1e-12;
                assert!((got - p).abs() < 5.0 * error, "unit {i}: {got} {p}");
                let mean_p =
                    (0..n).map(|m| f64::from(samples.probabilities[5 * m + i])).sum::<f64>() / n as f64;
                assert!((mean_p - p).abs() < 5.0 * error);
            }
        }
    }

    #[test]
    fn a_run_in_pieces_is_the_run() {
        let (rbm, streams) = (random(30, 20, 0.5, 9), Streams::new(2));
        let chains = GibbsChains { beta: 0.8, ..GibbsChains::new(11) };
        let (chains, start) = chains.given_labels(&rbm, 4, &[0, 3].repeat(35), &streams).unwrap();
        let whole = chains.run(&rbm, &start, &streams, Par::Serial).unwrap();
        let mut rows = start;
        for steps in [0..1, 1..7, 7..11] {
            let now = chains.advance(&rbm, &rows, steps.clone(), &streams, Par::Rayon).unwrap();
            assert_eq!(now == whole, steps.end == 11);
            rows = now.states;
        }
        assert!(chains.advance(&rbm, &rows, 3..3, &streams, Par::Serial).is_err());
    }

    #[test]
    fn fields_beyond_f32_are_refused() {
        let start = BinaryData::new(3, vec![1; 6]).unwrap();
        let run = |rbm: &Rbm, beta: f64| {
            GibbsChains { beta, ..GibbsChains::new(2) }.run(rbm, &start, &Streams::new(1), Par::Serial)
        };
        let small = random(3, 2, 0.5, 4);
        let text = run(&small, 1e40).unwrap_err().to_string();
        assert!(text.contains("beta = ") && text.contains("f32"), "{text}");
        let huge =
            Rbm::new(vec![0.0; 3], vec![0.0; 2], [[1e39, 0.0], [0.0, 0.0], [-1e39, 0.0]].concat()).unwrap();
        let text = run(&huge, 1.0).unwrap_err().to_string();
        assert!(text.contains("visible unit 0") && text.contains("f32"), "{text}");
        // Sums that overflow, of terms that do not.
        let sums = Rbm::new(vec![0.0; 3], vec![0.0; 2], [[5e37, 0.0]; 3].concat()).unwrap();
        assert!(run(&sums, 1.0).unwrap_err().to_string().contains("hidden unit 0"));
        let large = Rbm::new(vec![0.0; 3], vec![0.0; 2], vec![1e36; 6]).unwrap();
        assert!(run(&large, 1.0).unwrap().probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
        let path = crate::ebm::ais::BaseRatePath::new(vec![0.0; 3], 10).unwrap();
        let text = crate::ebm::ais::forward(&huge, 1.0, &path, 10, &Streams::new(1), Par::Serial)
            .unwrap_err()
            .to_string();
        assert!(text.contains("visible unit 0"), "{text}");
    }

    #[test]
    fn softmax_labels_have_one_unit_on() {
        let rbm = random(30, 20, 0.5, 8);
        let start = BinaryData::new(30, vec![0; 30 * 40]).unwrap();
        let chains = GibbsChains { labels: Some((19, LabelUnits::Softmax)), ..GibbsChains::new(3) };
        let samples = chains.run(&rbm, &start, &Streams::new(1), Par::Serial).unwrap();
        assert!(samples.states.rows().all(|r| r[11..].iter().sum::<u8>() == 1));
        for p in samples.probabilities.chunks_exact(30) {
            assert!((p[11..].iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
        let given = chains.run_with_labels(&rbm, 19, &[3, 18, 0], &Streams::new(1), Par::Serial).unwrap();
        assert!(given.states.row(1)[11 + 18] == 1 && given.states.row(0)[11 + 3] == 1);
        assert!(chains.run_with_labels(&rbm, 19, &[19], &Streams::new(1), Par::Serial).is_err());
        assert!(
            chains
                .run(&rbm, &BinaryData::new(29, vec![0; 29]).unwrap(), &Streams::new(1), Par::Serial)
                .is_err()
        );
    }
}
