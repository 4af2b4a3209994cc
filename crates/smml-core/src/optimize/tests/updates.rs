//! SGD, momentum, Adam, AdamW against torch, a literal reference, and themselves on other paths.

use super::*;
use crate::simd::{Path, with_path};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

/// The gradient that the torch script used: linear in the parameters, with a periodic disturbance.
fn gradient(step: usize, x: &[f64]) -> Vec<f64> {
    x.iter()
        .enumerate()
        .map(|(i, x)| {
            let i1 = (1 + i) as f64;
            (x - 0.25 * i as f64) * i1 + 0.5 * (((step * (i + 1)) % 5) as f64 - 2.0)
        })
        .collect()
}

fn twenty_steps(mut rule: impl Update<f64>, rate: f64) -> Vec<f64> {
    let mut x = vec![1.0, -2.0, 0.5, 3.0];
    for step in 1..=20 {
        let g = gradient(step, &x);
        rule.update(&mut x, &g, rate).unwrap();
    }
    x
}

/// torch 2.15.0 (CPU, f64), parameters after 20 steps.
#[test]
fn twenty_steps_agree_with_torch() {
    let close = |found: Vec<f64>, torch: [f64; 4]| {
        assert!(found.iter().zip(&torch).all(|(a, b)| (a - b).abs() < 1e-13), "{found:?} {torch:?}");
    };
    close(
        twenty_steps(Sgd, 0.02),
        [0.6676760614844554, -0.7386988076054455, 0.5075401685039811, 1.1914212631575087],
    );
    close(
        twenty_steps(Momentum::heavy_ball(0.9).unwrap(), 0.02),
        [-0.28490575916590155, 0.885026441574384, 0.5154276354846185, 1.4246116633265602],
    );
    close(
        twenty_steps(Momentum::nesterov(0.9).unwrap(), 0.02),
        [-0.22697162280072963, 0.6782898457600602, 0.5194833949370885, 1.0794668649468289],
    );
    close(
        twenty_steps(Adam::default(), 0.1),
        [-0.13822751343271078, -0.2006057010307536, 0.5147287480987393, 1.2041991642153065],
    );
    close(
        twenty_steps(Adam::new(0.8, 0.95, 1e-3).unwrap(), 0.05),
        [0.2933850698290769, -1.0542990181606104, 0.5091973775681679, 2.0563304065735486],
    );
    close(
        twenty_steps(AdamW::new(Adam::default(), 0.2).unwrap(), 0.1),
        [-0.14871536746531228, 0.06710751511547568, 0.4906653906944719, 0.6756097374461125],
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Adam and AdamW as printed in their papers, one number at a time in f64; f32 follows within its rounding.
    #[test]
    fn adam_is_what_the_papers_say(
        n in 1usize..70,
        n_steps in 1i32..40,
        beta1 in 0.0..0.99f64,
        beta2 in 0.5..0.9999f64,
        weight_decay in prop_oneof![Just(0.0), 0.0..0.5f64],
        rate in 1e-4..0.1f64,
        seed in 0u64..1000,
    ) {
        let g = |t: i32, i: usize| ((seed as f64 + 1.0) * (f64::from(t) + 0.37 * i as f64)).sin();
        let (mut m, mut v) = (vec![0.0; n], vec![0.0; n]);
        let mut theta: Vec<f64> = (0..n).map(|i| (i as f64).cos()).collect();
        let mut x = theta.clone();
        let mut x32: Vec<f32> = theta.iter().map(|v| *v as f32).collect();
        let mut rule = AdamW::new(Adam::new(beta1, beta2, 1e-6).unwrap(), weight_decay).unwrap();
        let mut rule32 = AdamW::new(Adam::new(beta1, beta2, 1e-6).unwrap(), weight_decay).unwrap();
        for t in 1..=n_steps {
            let gradient: Vec<f64> = (0..n).map(|i| g(t, i)).collect();
            for i in 0..n {
                m[i] = beta1 * m[i] + (1.0 - beta1) * gradient[i];
                v[i] = beta2 * v[i] + (1.0 - beta2) * gradient[i] * gradient[i];
                let m_hat = m[i] / (1.0 - beta1.powi(t));
                let v_hat = v[i] / (1.0 - beta2.powi(t));
                theta[i] -= rate * weight_decay * theta[i];
                theta[i] -= rate * m_hat / (v_hat.sqrt() + 1e-6);
            }
            rule.update(&mut x, &gradient, rate).unwrap();
            let gradient32: Vec<f32> = gradient.iter().map(|g| *g as f32).collect();
            rule32.update(&mut x32, &gradient32, rate).unwrap();
        }
        for i in 0..n {
            prop_assert!((x[i] - theta[i]).abs() < 1e-11, "{} {}", x[i], theta[i]);
            prop_assert!((f64::from(x32[i]) - theta[i]).abs() < 2e-4, "{} {}", x32[i], theta[i]);
        }
    }
}

/// Some steps of every rule over a length that is no multiple of a vector.
fn walk<T: Scalar + PartialEq + std::fmt::Debug>(
    rule: &mut impl Update<T>,
    x: &mut [T],
    steps: std::ops::Range<usize>,
) {
    for t in steps {
        let g: Vec<T> = (0..x.len()).map(|i| T::from_f64(((t * 31 + i * 7) as f64).sin())).collect();
        rule.update(x, &g, 0.01 / (1.0 + t as f64)).unwrap();
    }
}

fn paths_and_resume<T, U>(make: impl Fn() -> U)
where
    T: Scalar + PartialEq + std::fmt::Debug,
    U: Update<T> + Serialize + DeserializeOwned,
{
    let start = || (0..131).map(|i| T::from_f64((i as f64).cos())).collect::<Vec<T>>();
    let mut expected = start();
    walk(&mut make(), &mut expected, 0..20);
    for path in Path::available() {
        let mut x = start();
        with_path(path, || walk(&mut make(), &mut x, 0..20));
        assert_eq!(x, expected, "{path:?}");
    }
    let (mut x, mut rule) = (start(), make());
    walk(&mut rule, &mut x, 0..9);
    let bytes = bincode::serde::encode_to_vec(&rule, bincode::config::standard()).unwrap();
    let (mut resumed, used): (U, usize) =
        bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).unwrap();
    assert_eq!(used, bytes.len());
    walk(&mut resumed, &mut x, 9..20);
    assert_eq!(x, expected);
}

#[test]
fn every_path_and_a_resumed_run_give_the_same_bits() {
    fn both<T: Scalar + PartialEq + std::fmt::Debug + Serialize + DeserializeOwned>() {
        paths_and_resume::<T, _>(|| Sgd);
        paths_and_resume::<T, _>(|| Momentum::<T>::heavy_ball(0.9).unwrap());
        paths_and_resume::<T, _>(|| Momentum::<T>::nesterov(0.5).unwrap());
        paths_and_resume::<T, _>(Adam::<T>::default);
        paths_and_resume::<T, _>(|| AdamW::new(Adam::<T>::default(), 0.1).unwrap());
    }
    both::<f32>();
    both::<f64>();
}

#[test]
fn hostile_memory_is_not_read() {
    use crate::store::{decode, encode};
    fn refused<U: DeserializeOwned>(fields: impl Serialize) -> String {
        decode::<U>(&encode(&fields, 0).unwrap(), 0).err().unwrap().to_string()
    }
    let none: Vec<f64> = vec![];
    assert!(refused::<Momentum<f64>>((1.0, true, &none)).contains("momentum = 1"));
    assert!(refused::<Momentum<f64>>((0.5, true, [1.0, f64::NAN].to_vec())).contains("velocity 1 = NaN"));
    let adam = |betas: [f64; 3], n: u64, m: &[f64], v: &[f64]| (betas, n, m.to_vec(), v.to_vec());
    let good = [0.9, 0.999, 1e-8];
    for (fields, problem) in [
        (adam([1.0, 0.9, 1e-8], 1, &[1.0], &[1.0]), "beta1 = 1"),
        (adam([0.9, f64::NAN, 1e-8], 1, &[1.0], &[1.0]), "beta2 = NaN"),
        (adam([0.9, 0.9, 0.0], 1, &[1.0], &[1.0]), "epsilon = 0"),
        (adam(good, 1, &[1.0], &[1.0, 2.0]), "second moments has length 2, expected 1"),
        (adam(good, 1, &[f64::INFINITY], &[1.0]), "first moment 0 = inf"),
        (adam(good, 1, &[1.0], &[-1e-9]), "second moment 0 = -0.000000001"),
        (adam(good, 1, &[1.0], &[f64::NAN]), "second moment 0 = NaN"),
        (adam(good, 0, &[1.0], &[1.0]), "before the first step"),
    ] {
        let message = refused::<Adam<f64>>(&fields);
        assert!(message.contains(problem), "{message}");
        assert!(refused::<AdamW<f64>>((fields, 0.1)).contains(problem));
    }
    assert!(refused::<AdamW<f64>>((adam(good, 1, &[1.0], &[1.0]), -0.1)).contains("weight_decay = -0.1"));
    assert!(decode::<AdamW<f64>>(&encode(&(adam(good, 1, &[1.0], &[1.0]), 0.1), 0).unwrap(), 0).is_ok());
}

#[test]
fn bad_hyper_parameters_and_lengths_are_refused() {
    let message = |e: Error| e.to_string();
    assert!(message(Momentum::<f32>::heavy_ball(1.0).unwrap_err()).starts_with("momentum = 1"));
    assert!(message(Adam::<f32>::new(1.0, 0.9, 1e-8).unwrap_err()).starts_with("beta1"));
    assert!(message(Adam::<f32>::new(0.9, -0.1, 1e-8).unwrap_err()).starts_with("beta2"));
    assert!(message(Adam::<f32>::new(0.9, f64::NAN, 1e-8).unwrap_err()).starts_with("beta2"));
    assert!(message(Adam::<f32>::new(0.9, 0.9, 1e-50).unwrap_err()).starts_with("epsilon"));
    assert!(Adam::<f64>::new(0.9, 0.9, 1e-50).is_ok());
    assert!(message(AdamW::new(Adam::<f64>::default(), -1.0).unwrap_err()).starts_with("weight_decay"));

    let mut adam = Adam::<f64>::default();
    let mut x = [1.0, 2.0];
    assert!(adam.update(&mut x, &[1.0], 0.1).is_err());
    assert!(adam.update(&mut x, &[1.0, 1.0], f64::NAN).is_err());
    assert!(adam.update(&mut x, &[1.0, 1.0], -0.1).is_err());
    assert_eq!((x, adam.n_steps()), ([1.0, 2.0], 0));
    adam.update(&mut x, &[1.0, 1.0], 0.1).unwrap();
    assert!(adam.update(&mut [1.0; 3], &[1.0; 3], 0.1).is_err());
    assert_eq!(adam.n_steps(), 1);
    // A parameter without a gradient stays where it is.
    let mut still = [5.0_f32];
    Adam::default().update(&mut still, &[0.0], 0.1).unwrap();
    assert_eq!(still, [5.0]);
}

#[test]
fn a_first_step_of_no_parameters_fixes_nothing() {
    let mut rules: Vec<Box<dyn Update<f64>>> = vec![
        Box::new(Sgd),
        Box::new(Momentum::heavy_ball(0.9).unwrap()),
        Box::new(Momentum::nesterov(0.9).unwrap()),
        Box::new(Adam::default()),
        Box::new(AdamW::new(Adam::default(), 0.1).unwrap()),
    ];
    for rule in &mut rules {
        rule.update(&mut [], &[], 0.1).unwrap();
        let mut x = [1.0];
        rule.update(&mut x, &[0.5], 0.1).unwrap();
        assert!(x[0] < 1.0);
    }
    // And the bias correction of Adam starts with the first step that has parameters.
    let (mut late, mut adam, mut x, mut y) = (Adam::default(), Adam::default(), [1.0], [1.0]);
    late.update(&mut [], &[], 0.1).unwrap();
    late.update(&mut x, &[0.5], 0.1).unwrap();
    adam.update(&mut y, &[0.5], 0.1).unwrap();
    assert_eq!((x, late), (y, adam));
}
