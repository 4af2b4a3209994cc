//! The recursions along a chain: two best paths, forward, backward.

use super::{LabelChain, Sequence};
use smml_core::{energy::LnSum, rng::Draw};

/// A path with its energy.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    pub(super) energy: f64,
    pub(super) labels: Vec<u8>,
}

/// The end of a partial path: its energy, and where it came from.
#[derive(Clone, Copy, Debug)]
struct End {
    energy: f64,
    /// Label of the place before, and which of the two paths that end there.
    from: u8,
    rank: u8,
}

const NO_PATH: End = End { energy: f64::INFINITY, from: 0, rank: 0 };

/// Working memory of [`LabelChain`].
#[derive(Clone, Debug, Default)]
pub struct ChainScratch {
    n_places: usize,
    /// Energies of places, places × labels.
    unary: Vec<f64>,
    /// The two best paths that end in each place with each label.
    ends: Vec<[End; 2]>,
    pub(super) best: Path,
    second: Path,
    /// ln Σ exp(-β E) over the places up to one, given its label, and over those after it.
    before: Vec<f64>,
    after: Vec<f64>,
    ln_z: f64,
}

impl ChainScratch {
    /// Takes up a sequence.
    pub(super) fn load(&mut self, model: &LabelChain, w: &[f64], sequence: &Sequence) {
        let k = model.n_labels();
        self.n_places = sequence.len();
        self.unary.clear();
        self.unary.resize(self.n_places * k, 0.0);
        for (t, row) in self.unary.chunks_exact_mut(k).enumerate() {
            for f in sequence.features(t) {
                let at = model.unary(*f as usize, 0);
                row.iter_mut().zip(&w[at..at + k]).for_each(|(e, u)| *e += u);
            }
        }
    }

    /// The path of least energy and the next one that differs from it. A NaN anywhere makes both energies NaN.
    ///
    /// The two best paths of the whole chain end in one of the two best of their last label: of three paths that end in
    /// one state two are better than the third, and stay so whatever follows.
    pub(super) fn two_best(&mut self, model: &LabelChain, w: &[f64]) {
        let k = model.n_labels();
        self.ends.clear();
        self.ends.resize(self.n_places * k, [NO_PATH; 2]);
        for y in 0..k {
            self.ends[y][0] = End { energy: self.unary[y], ..NO_PATH };
        }
        for t in 1..self.n_places {
            let (done, rest) = self.ends.split_at_mut(t * k);
            let before = &done[(t - 1) * k..];
            for y in 0..k {
                let mut two = [NO_PATH; 2];
                for (from, ends) in before.iter().enumerate() {
                    let step = w[model.pair(from, y)] + self.unary[t * k + y];
                    for (rank, end) in ends.iter().enumerate() {
                        // There are at most 256 labels.
                        let end = End { energy: end.energy + step, from: from as u8, rank: rank as u8 };
                        insert(&mut two, end);
                    }
                }
                rest[y] = two;
            }
        }
        let mut two = [NO_PATH; 2];
        for (y, ends) in self.ends[(self.n_places - 1) * k..].iter().enumerate() {
            for (rank, end) in ends.iter().enumerate() {
                insert(&mut two, End { energy: end.energy, from: y as u8, rank: rank as u8 });
            }
        }
        let broken = self.unary.iter().chain(&w[model.pair(0, 0)..]).any(|e| e.is_nan());
        for (end, which) in two.into_iter().zip([false, true]) {
            let path = if which { &mut self.second } else { &mut self.best };
            path.energy = if broken { f64::NAN } else { end.energy };
            path.labels.clear();
            let (mut label, mut rank) = (end.from, end.rank);
            for t in (0..self.n_places).rev() {
                path.labels.push(label);
                let end = self.ends[t * k + usize::from(label)][usize::from(rank)];
                (label, rank) = (end.from, end.rank);
            }
            path.labels.reverse();
        }
    }

    /// The lowest path that is not the right one.
    pub(super) fn offending(&self, right: &[u8]) -> &Path {
        if self.best.labels == right { &self.second } else { &self.best }
    }

    /// The free energy -(1/β) ln Z, with the sums of all places.
    pub(super) fn forward(&mut self, model: &LabelChain, w: &[f64], beta: f64) -> f64 {
        let k = model.n_labels();
        self.before.clear();
        self.before.extend(self.unary[..k].iter().map(|e| -beta * e));
        for t in 1..self.n_places {
            for y in 0..k {
                let mut sum = LnSum::default();
                for from in 0..k {
                    sum.add(self.before[(t - 1) * k + from] - beta * w[model.pair(from, y)]);
                }
                self.before.push(sum.ln() - beta * self.unary[t * k + y]);
            }
        }
        self.ln_z = sum_of(&self.before[(self.n_places - 1) * k..]);
        -self.ln_z / beta
    }

    fn backward(&mut self, model: &LabelChain, w: &[f64], beta: f64) {
        let k = model.n_labels();
        self.after.clear();
        self.after.resize(self.n_places * k, 0.0);
        for t in (1..self.n_places).rev() {
            for from in 0..k {
                let mut sum = LnSum::default();
                for y in 0..k {
                    sum.add(self.after[t * k + y] - beta * (self.unary[t * k + y] + w[model.pair(from, y)]));
                }
                self.after[(t - 1) * k + from] = sum.ln();
            }
        }
    }

    /// P(Yₜ = y), after [`Self::forward`].
    pub(super) fn marginals(&mut self, model: &LabelChain, w: &[f64], beta: f64) -> Vec<f64> {
        self.backward(model, w, beta);
        self.before.iter().zip(&self.after).map(|(b, a)| libm::exp(b + a - self.ln_z)).collect()
    }

    /// Adds scale ⟨∂E/∂W⟩, after [`Self::forward`].
    pub(super) fn add_mean_gradient(
        &mut self,
        model: &LabelChain,
        w: &[f64],
        sequence: &Sequence,
        beta: f64,
        scale: f64,
        gradient: &mut [f64],
    ) {
        let k = model.n_labels();
        self.backward(model, w, beta);
        for t in 0..self.n_places {
            for y in 0..k {
                let p = libm::exp(self.before[t * k + y] + self.after[t * k + y] - self.ln_z);
                for f in sequence.features(t) {
                    gradient[model.unary(*f as usize, y)] += scale * p;
                }
                if t + 1 == self.n_places {
                    continue;
                }
                for next in 0..k {
                    let at = (t + 1) * k + next;
                    let pair = model.pair(y, next);
                    let x = self.before[t * k + y] - beta * (w[pair] + self.unary[at]) + self.after[at];
                    gradient[pair] += scale * libm::exp(x - self.ln_z);
                }
            }
        }
    }

    /// Labels drawn from the last place to the first, after [`Self::forward`].
    pub(super) fn sample<R: Draw>(&self, model: &LabelChain, w: &[f64], beta: f64, rng: &mut R) -> Vec<u8> {
        let k = model.n_labels();
        let mut labels = vec![0; self.n_places];
        let mut weights = vec![0.0; k];
        for t in (0..self.n_places).rev() {
            let next = labels.get(t + 1).map(|y: &u8| usize::from(*y));
            for (y, weight) in weights.iter_mut().enumerate() {
                *weight = self.before[t * k + y] - next.map_or(0.0, |next| beta * w[model.pair(y, next)]);
            }
            let top = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            weights.iter_mut().for_each(|x| *x = libm::exp(*x - top));
            labels[t] = rng.choose(&weights) as u8;
        }
        labels
    }
}

/// Keeps the two lowest; of equal ones those that came first.
fn insert(two: &mut [End; 2], end: End) {
    if end.energy < two[0].energy {
        *two = [end, two[0]];
    } else if end.energy < two[1].energy {
        two[1] = end;
    }
}

fn sum_of(terms: &[f64]) -> f64 {
    let mut sum = LnSum::default();
    terms.iter().for_each(|t| sum.add(*t));
    sum.ln()
}
