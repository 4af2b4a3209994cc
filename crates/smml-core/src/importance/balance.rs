//! Importance weights for training data whose classes do not come in the proportions of the target:
//! w_c = p_target(c) / p_sample(c), and the risk they estimate.

use crate::{
    distribution::{PROBABILITY_TOLERANCE, check_probabilities},
    error::{Error, Result, all_finite, same_length},
    estimate::{Estimate, Source, combined, mean_and_variance},
};

/// w_c = target(c) / sample(c). A class in neither has weight 0.
///
/// Errors: vectors of different length or not probabilities, and a class of the target that the sample lacks, for
/// which no weight can make up.
///
/// ```
/// use smml_core::importance::balance::class_weights;
/// assert_eq!(class_weights(&[0.9, 0.1], &[0.5, 0.5])?, [0.5 / 0.9, 5.0]);
/// assert!(class_weights(&[1.0, 0.0], &[0.5, 0.5]).is_err());
/// # Ok::<(), smml_core::Error>(())
/// ```
pub fn class_weights(sample: &[f64], target: &[f64]) -> Result<Vec<f64>> {
    same_length("target", target.len(), sample.len())?;
    check_probabilities(sample, PROBABILITY_TOLERANCE)?;
    check_probabilities(target, PROBABILITY_TOLERANCE)?;
    let weight = |(c, (s, t)): (usize, (&f64, &f64))| {
        if *t == 0.0 {
            Ok(0.0)
        } else if *s > 0.0 && (t / s).is_finite() {
            Ok(t / s)
        } else {
            let allowed = format!("greater than 0, since its share in the target is {t}");
            Err(Error::out_of_range(format!("share of class {c} in the sample"), s, allowed))
        }
    };
    sample.iter().zip(target).enumerate().map(weight).collect()
}

/// How often each class occurs. Errors: a label that is not below `n_classes`.
pub fn class_counts(labels: &[usize], n_classes: usize) -> Result<Vec<u64>> {
    let mut counts = vec![0; n_classes];
    for (i, &label) in labels.iter().enumerate() {
        match counts.get_mut(label) {
            Some(count) => *count += 1,
            None => {
                return Err(Error::out_of_range(
                    format!("label {i}"),
                    label,
                    format!("less than {n_classes}"),
                ));
            }
        }
    }
    Ok(counts)
}

/// [`class_weights`] with the shares found in the labels.
pub fn class_weights_of_labels(labels: &[usize], target: &[f64]) -> Result<Vec<f64>> {
    if labels.is_empty() {
        return Err(Error::TooShort { have: 0, needed: 1 });
    }
    let n = labels.len() as f64;
    let shares: Vec<f64> = class_counts(labels, target.len())?.iter().map(|c| *c as f64 / n).collect();
    class_weights(&shares, target)
}

/// Weights that give every class of the labels the same total, n / (classes x count). Errors: a class without samples.
pub fn balanced_weights(labels: &[usize], n_classes: usize) -> Result<Vec<f64>> {
    if n_classes == 0 || n_classes > labels.len() {
        return Err(Error::out_of_range(
            "n_classes",
            n_classes,
            format!("from 1 to the {} labels", labels.len()),
        ));
    }
    class_weights_of_labels(labels, &vec![1.0 / n_classes as f64; n_classes])
}

/// The effective sample size per sample that class weights leave, 1 / Σ target² / sample: what re-weighting costs.
pub fn effective_fraction(sample: &[f64], target: &[f64]) -> Result<f64> {
    let weights = class_weights(sample, target)?;
    let cost: f64 = weights.iter().zip(target).map(|(w, t)| w * t).sum();
    Ok(1.0 / cost)
}

/// The weighted empirical risk Σ w ℓ / Σ w with weights per sample that do not depend on the sample's make-up: error
/// bar by the delta method, `n_eff` the effective sample size.
///
/// Errors: lengths that differ, weights negative or not finite, a loss that is not finite, and [`Error::TooShort`] when
/// fewer than ten samples carry the weight.
pub fn weighted_risk(losses: &[f64], weights: &[f64]) -> Result<Estimate> {
    same_length("weights", weights.len(), losses.len())?;
    all_finite("loss", losses)?;
    if let Some(i) = weights.iter().position(|w| !(*w >= 0.0 && w.is_finite())) {
        return Err(Error::out_of_range(format!("weight {i}"), weights[i], "finite and at least 0"));
    }
    let ln: Vec<f64> = weights.iter().map(|w| libm::log(*w)).collect();
    Estimate::from_population(losses, &ln)
}

/// The risk under the target's class shares when classes were counted in the sample: Σ_c target(c) mean_c(ℓ), with
/// variance Σ_c target(c)² s_c²/n_c. The value is that of [`weighted_risk`] with [`class_weights_of_labels`]; the error
/// is smaller, since with the shares known the spread between classes adds nothing.
///
/// `n_eff` is the effective sample size (Σ w)²/Σ w². Errors as above, and [`Error::TooShort`] for a class of the target
/// with fewer than two samples.
pub fn stratified_risk(losses: &[f64], labels: &[usize], target: &[f64]) -> Result<Estimate> {
    same_length("labels", labels.len(), losses.len())?;
    all_finite("loss", losses)?;
    check_probabilities(target, PROBABILITY_TOLERANCE)?;
    let mut classes = vec![Vec::new(); target.len()];
    class_counts(labels, target.len())?;
    for (label, loss) in labels.iter().zip(losses) {
        classes[*label].push(*loss);
    }
    let (mut value, mut square, mut parts) = (0.0, 0.0, Vec::new());
    for (share, class) in target.iter().zip(&classes).filter(|(t, _)| **t > 0.0) {
        let n = class.len() as f64;
        if class.len() < 2 {
            return Err(Error::TooShort { have: class.len(), needed: 2 });
        }
        let (mean, spread) = mean_and_variance(class)?;
        value += share * mean;
        parts.push((share * (spread / n).sqrt(), n - 1.0));
        square += share * share / n;
    }
    let n_eff = 1.0 / square;
    let (raw_error, dof) = combined(parts.into_iter());
    let source = if raw_error > 0.0 { Source::Population } else { Source::Constant };
    Ok(Estimate::with_dof(value, raw_error, dof, n_eff, source))
}
