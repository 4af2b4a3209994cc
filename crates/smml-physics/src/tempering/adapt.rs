//! Where the rungs of a ladder should be, from what was measured on another one.

use serde::{Deserialize, Serialize};

/// How temperatures are adapted while burning in. The ends never move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Adaptation {
    /// The ladder stays as given.
    None,
    /// Equal acceptance of all swaps, see [`equal_acceptance`].
    EqualAcceptance,
    /// As many round trips as possible, see [`round_trips`].
    RoundTrips,
}

/// A ladder on which all swaps are rejected equally often, from acceptances `accepted[r]` measured between rungs r
/// and r + 1: rejections add up along the ladder as a function of β, Λ(β), linear in β between rungs, and the new
/// rungs cut Λ in equal parts (S. Syed, A. Bouchard-Côté, G. Deligiannidis and A. Doucet, J. R. Stat. Soc. B 84, 321
/// (2022)).
///
/// `betas` in order, either way; `accepted` has one entry less. Rejections below 10⁻³ count as 10⁻³, so that rungs
/// never fall together.
pub fn equal_acceptance(betas: &[f64], accepted: &[f64]) -> Vec<f64> {
    let parts: Vec<f64> = accepted.iter().map(|a| (1.0 - a).clamp(1e-3, 1.0)).collect();
    cut(betas, &parts)
}

/// A ladder with the most round trips, by feedback (H. G. Katzgraber, S. Trebst, D. A. Huse and M. Troyer, J. Stat.
/// Mech. P03018 (2006)): with f the fraction of replicas that were last at the first rung, the best density of rungs
/// is proportional to √(Δf / Δβ) / √Δβ, so the new rungs cut Σ √Δf in equal parts.
///
/// f must fall along the ladder; measured values that do not are averaged with their neighbours (isotonic
/// regression), and drops below 1 % of an equal share count as that. Rungs without a fraction take one from the
/// straight line between their neighbours.
pub fn round_trips(betas: &[f64], fractions: &[Option<f64>]) -> Vec<f64> {
    let n = betas.len();
    if n < 2 {
        return betas.to_vec();
    }
    // The ends are what they are by definition.
    let mut known: Vec<(usize, f64)> = vec![(0, 1.0)];
    known.extend((1..n - 1).filter_map(|r| Some((r, (*fractions.get(r)?)?))));
    known.push((n - 1, 0.0));
    let mut f = vec![0.0; n];
    for pair in known.windows(2) {
        let ((a, from), (b, to)) = (pair[0], pair[1]);
        for (r, f) in f.iter_mut().enumerate().take(b + 1).skip(a) {
            *f = from + (to - from) * (r - a) as f64 / (b - a) as f64;
        }
    }
    // Pool adjacent violators: blocks of (sum, length) whose means fall.
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for value in &f {
        blocks.push((*value, 1));
        while let [.., (s, m), (t, k)] = blocks[..] {
            if t / k as f64 <= s / m as f64 {
                break;
            }
            blocks.truncate(blocks.len() - 2);
            blocks.push((s + t, m + k));
        }
    }
    let falling: Vec<f64> = blocks.iter().flat_map(|(s, m)| std::iter::repeat_n(s / *m as f64, *m)).collect();
    let floor = 0.01 / (n - 1) as f64;
    let parts: Vec<f64> = falling.windows(2).map(|f| (f[0] - f[1]).max(floor).sqrt()).collect();
    cut(betas, &parts)
}

/// Rungs that cut Σ parts in equal shares, each part spread evenly over its interval.
fn cut(betas: &[f64], parts: &[f64]) -> Vec<f64> {
    let n = betas.len();
    let total: f64 = parts.iter().sum();
    let (mut interval, mut below) = (0, 0.0);
    let mut new = betas.to_vec();
    for (r, beta) in new.iter_mut().enumerate().take(n.saturating_sub(1)).skip(1) {
        let goal = total * r as f64 / (n - 1) as f64;
        while interval + 1 < parts.len() && below + parts[interval] < goal {
            below += parts[interval];
            interval += 1;
        }
        let inside = ((goal - below) / parts[interval]).clamp(0.0, 1.0);
        *beta = betas[interval] + inside * (betas[interval + 1] - betas[interval]);
    }
    new
}
