//! Parallel work whose result does not depend on the number of threads: order is kept, and sums are folded in fixed
//! chunks.

use rayon::prelude::*;

/// Whether to use rayon's current pool. Never changes a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Par {
    /// On the calling thread.
    Serial,
    /// On rayon's current pool.
    #[default]
    Rayon,
}

/// `f(0), f(1), ...` in order.
pub fn map<T: Send>(par: Par, n: usize, f: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    match par {
        Par::Serial => (0..n).map(f).collect(),
        Par::Rayon => (0..n).into_par_iter().map(f).collect(),
    }
}

/// `f(i, &mut items[i])` for every `i`.
pub fn each<T: Send>(par: Par, items: &mut [T], f: impl Fn(usize, &mut T) + Sync + Send) {
    match par {
        Par::Serial => items.iter_mut().enumerate().for_each(|(i, x)| f(i, x)),
        Par::Rayon => items.par_iter_mut().enumerate().for_each(|(i, x)| f(i, x)),
    }
}

/// Folds `items` in chunks of a fixed size and joins the partial results in order:
/// `join(... join(fold(chunk 0), fold(chunk 1)) ..., fold(last chunk))`. `None` for no items.
///
/// The chunk size belongs to the result (it fixes the order of rounding): give a constant.
pub fn fold_chunks<T: Sync, A: Send>(
    par: Par,
    items: &[T],
    chunk: usize,
    fold: impl Fn(usize, &[T]) -> A + Sync + Send,
    join: impl FnMut(A, A) -> A,
) -> Option<A> {
    let chunk = chunk.max(1);
    let part = |k: usize| fold(k * chunk, &items[k * chunk..items.len().min((k + 1) * chunk)]);
    map(par, items.len().div_ceil(chunk), part).into_iter().reduce(join)
}

/// Σ xᵢ in chunks of 4,096: the same bits for any number of threads.
pub fn sum(par: Par, x: &[f64]) -> f64 {
    fold_chunks(par, x, 4096, |_, c| c.iter().sum::<f64>(), |a, b| a + b).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_bits_for_any_number_of_threads() {
        let x: Vec<f64> = (0..100_003).map(|i| (f64::from(i) * 0.37).sin() * 1e3).collect();
        let serial = sum(Par::Serial, &x);
        for n in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            for _ in 0..20 {
                assert_eq!(pool.install(|| sum(Par::Rayon, &x)).to_bits(), serial.to_bits());
            }
        }
        assert_eq!(sum(Par::Rayon, &[]), 0.0);
        let offsets =
            fold_chunks(Par::Rayon, &x, 1000, |at, c| vec![(at, c.len())], |a, b| [a, b].concat()).unwrap();
        assert_eq!(offsets.last(), Some(&(100_000, 3)));
    }
}
