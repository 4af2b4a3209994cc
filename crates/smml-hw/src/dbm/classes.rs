//! Classes dealt evenly: to batches, and to chains.

use smml_core::rng::Draw;

/// All rows in a random order in which every stretch has the classes nearly as often as the whole: of a class with n rows one
/// lies in each n-th part. Without labels a random order.
pub(super) fn shuffled<R: Draw>(n_rows: usize, labels: &[u8], rng: &mut R) -> Vec<u32> {
    let mut rows: Vec<u32> = (0..n_rows as u32).collect();
    rng.shuffle(&mut rows);
    if labels.is_empty() {
        return rows;
    }
    let mut counts = [0u32; 256];
    labels.iter().for_each(|l| counts[usize::from(*l)] += 1);
    let mut seen = [0u32; 256];
    let mut placed: Vec<(f64, u32)> = rows
        .into_iter()
        .map(|row| {
            let class = usize::from(labels[row as usize]);
            seen[class] += 1;
            ((f64::from(seen[class]) - rng.uniform()) / f64::from(counts[class]), row)
        })
        .collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    placed.into_iter().map(|(_, row)| row).collect()
}

/// `n` in the proportions of the classes in `rows`, by largest remainders (of equal ones the first).
pub(super) fn shares(rows: impl Iterator<Item = usize>, n_classes: usize, n: usize) -> Vec<usize> {
    let mut counts = vec![0; n_classes];
    rows.for_each(|class| counts[class] += 1);
    let total: usize = counts.iter().sum::<usize>().max(1);
    let mut shares: Vec<usize> = counts.iter().map(|count| count * n / total).collect();
    let mut order: Vec<usize> = (0..n_classes).collect();
    order.sort_by_key(|k| std::cmp::Reverse(counts[*k] * n % total));
    let left = n - shares.iter().sum::<usize>().min(n);
    order.into_iter().take(left).for_each(|k| shares[k] += 1);
    shares
}

/// Which chains get which other class, so that class k is there `wanted[k]` times and as few as may be change.
pub(super) fn dealt(now: &[Option<usize>], wanted: &[usize]) -> Vec<(usize, usize)> {
    let mut missing = wanted.to_vec();
    let mut changed = Vec::new();
    for (k, class) in now.iter().enumerate() {
        match class {
            Some(class) if missing[*class] > 0 => missing[*class] -= 1,
            _ => changed.push(k),
        }
    }
    let classes = missing.iter().enumerate().flat_map(|(class, n)| std::iter::repeat_n(class, *n));
    changed.into_iter().zip(classes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use smml_core::rng::Streams;

    #[test]
    fn every_stretch_has_its_share() {
        let labels: Vec<u8> = (0..1000).map(|i| [0, 0, 0, 1, 1, 2, 0, 0, 0, 0][i % 10]).collect();
        let mut rng = Streams::new(1).stream("rows", 0);
        let rows = shuffled(1000, &labels, &mut rng);
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        for stretch in rows.chunks(100) {
            for (class, share) in [(0, 70.0), (1, 20.0), (2, 10.0)] {
                let n = stretch.iter().filter(|r| labels[**r as usize] == class).count() as f64;
                assert!((n - share).abs() <= 2.0, "{n} of class {class}");
            }
        }
        assert_ne!(rows, shuffled(1000, &labels, &mut rng));
        assert_eq!(shuffled(5, &[], &mut rng).len(), 5);
    }

    #[test]
    fn classes_are_dealt_with_few_changes() {
        assert_eq!(shares([0, 0, 1, 2].into_iter(), 3, 10), [5, 3, 2]);
        assert_eq!(shares([1].into_iter(), 3, 4), [0, 4, 0]);
        let now = [Some(0), Some(0), None, Some(2), Some(2)];
        assert_eq!(dealt(&now, &[1, 2, 2]), [(1, 1), (2, 1)]);
        assert_eq!(dealt(&now, &[2, 1, 2]), [(2, 1)]);
    }
}
