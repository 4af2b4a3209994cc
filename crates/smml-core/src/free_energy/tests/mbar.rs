use super::{super::*, bar::data_set, *};
use crate::parallel::Par;

#[test]
fn agrees_with_pymbar() {
    // pymbar 4.0.3 (solver tolerance 1e-14, uncertainty_method "svd") on the data set of the BAR test: 75 samples of
    // four states, the third of which has none.
    let (x, u, n) = data_set();
    let mbar = Mbar::new(&u, &n, Par::Serial).unwrap();
    let f = [0.0, 0.5630433635250811, 0.9858790191166715, 1.3610641632365428];
    let df = [0.0, 0.12340751214132624, 0.17022185446417412, 0.24898421372052743];
    let x2 = [1.1257872382350802, 1.3426230060687228, 1.7189543984342401, 3.1169209766145576];
    let dx2 = [0.16393451240253373, 0.20031978258158975, 0.22505717847181952, 0.28966478496252435];
    let n_eff = [49.3529612739599, 63.59239733387699, 58.04875809275096, 41.62615855989575];
    let overlap = [
        [0.6078662602122096, 0.25814248701868525, 0.0, 0.13399125276910567],
        [0.3872137305280279, 0.31450300410903975, 0.0, 0.29828326536293276],
        [0.29420696929801204, 0.31109212790648477, 0.0, 0.3947009027955036],
        [0.16078950332292682, 0.2386266122903462, 0.0, 0.600583884386727],
    ];
    let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
    for k in 0..4 {
        let d = mbar.difference(0, k).unwrap();
        close(d.value, f[k], 1e-12);
        close(d.raw_error(), df[k], 1e-9);
        close(mbar.covariance()[k][k].sqrt(), df[k], 1e-9);
        let e = mbar.expectation(k, &squares).unwrap();
        close(e.value, x2[k], 1e-12);
        close(e.raw_error(), dx2[k], 1e-9);
        close(mbar.n_eff(k).unwrap(), n_eff[k], 1e-10);
        for j in 0..4 {
            close(mbar.overlap()[k][j], overlap[k][j], 1e-12);
        }
        close(mbar.weights(k).unwrap().iter().sum::<f64>(), 1.0, 1e-12);
    }
    close(mbar.difference(1, 3).unwrap().raw_error(), 0.16161323011301165, 1e-9);
    close(mbar.reduced_free_energies()[3], f[3], 1e-12);
    // A state that was not given: compute_perturbed_free_energies and compute_expectations with u = 2.5 (x - 0.9)²/2.
    let new: Vec<f64> = x.iter().map(|x| 1.25 * (x - 0.9) * (x - 0.9)).collect();
    let f_new = mbar.free_energy_at(&new).unwrap();
    close(f_new.value, 0.5259562779804572, 1e-12);
    close(f_new.raw_error(), 0.16466602042022768, 1e-9);
    let mean = mbar.expectation_at(&new, &x).unwrap();
    close(mean.value, 0.9735348087210258, 1e-12);
    close(mean.raw_error(), 0.08585904577425872, 1e-9);
    // A given state as a new one is the same thing.
    let again = mbar.free_energy_at(&u[3]).unwrap();
    close(again.value, f[3], 1e-12);
    close(again.raw_error(), df[3], 1e-9);
}

#[test]
fn two_states_are_bar() {
    let (_, u, _) = data_set();
    let u: Vec<&[f64]> = u[..2].iter().map(|u| &u[..50]).collect();
    let difference =
        |a: usize, b: usize, n: std::ops::Range<usize>| n.map(|n| u[a][n] - u[b][n]).collect::<Vec<f64>>();
    let (forward, reverse) = (difference(1, 0, 0..30), difference(0, 1, 30..50));
    for g in [[1.0, 1.0], [1.7, 1.0], [1.0, 1.9]] {
        let mbar = Mbar::with_inefficiency(&u, &[30, 20], &g, Par::Serial).unwrap();
        let b = bar_correlated(&forward, &reverse, g).unwrap();
        close(mbar.difference(0, 1).unwrap().value, b.delta_f.value, 1e-11);
    }
    // pymbar 4.0.3
    let mbar = Mbar::new(&u, &[30, 20], Par::Serial).unwrap();
    close(mbar.difference(0, 1).unwrap().value, 0.5341989534117855, 1e-12);
    close(mbar.difference(0, 1).unwrap().raw_error(), 0.12764274918388596, 1e-10);
}

/// A chain of oscillators; samples of some, energies in all.
fn oscillators(rng: &mut Stream, n: &[usize]) -> (Vec<f64>, Vec<Vec<f64>>, Vec<f64>) {
    let k = |s: usize| 1.0 + 0.5 * s as f64;
    let c = |s: usize| 0.6 * s as f64;
    let x: Vec<f64> =
        n.iter().enumerate().flat_map(|(s, n)| normals(rng, *n, c(s), k(s).powf(-0.5))).collect();
    let u = (0..n.len()).map(|s| x.iter().map(|x| 0.5 * k(s) * (x - c(s)).powi(2)).collect()).collect();
    let f = (0..n.len()).map(|s| 0.5 * k(s).ln() - 0.5 * k(0).ln()).collect();
    (x, u, f)
}

#[test]
fn error_bars_cover() {
    let n = [120, 80, 0, 150, 100];
    let (mut far, mut unsampled, mut mean) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..800 {
        let (x, u, f) = oscillators(&mut stream("mbar", i), &n);
        let mbar = Mbar::new(&u, &n, Par::Serial).unwrap();
        far.push(mbar.difference(0, 4).unwrap().affine(-f[4], 1.0));
        unsampled.push(mbar.difference(2, 3).unwrap().affine(f[2] - f[3], 1.0));
        mean.push(mbar.expectation(2, &x).unwrap().affine(-1.2, 1.0));
    }
    check_coverage("ends", 0.0, 0.03, &far);
    check_coverage("unsampled state", 0.0, 0.03, &unsampled);
    check_coverage("average in an unsampled state", 0.0, 0.03, &mean);
}

#[test]
fn the_order_of_states_and_their_zeros_of_energy_do_not_matter() {
    let n = [50, 60, 70];
    let (x, u, _) = oscillators(&mut stream("order", 0), &n);
    let mbar = Mbar::new(&u, &n, Par::Serial).unwrap();
    // States 2, 0, 1 with energies shifted by up to thousands.
    let shift = [-4000.0, 0.0, 2500.0];
    let sample_order: Vec<usize> = (110..180).chain(0..50).chain(50..110).collect();
    let moved: Vec<Vec<f64>> =
        [2, 0, 1].iter().map(|&s| sample_order.iter().map(|&i| u[s][i] + shift[s]).collect()).collect();
    let other = Mbar::new(&moved, &[70, 50, 60], Par::Serial).unwrap();
    let d = |m: &Mbar, a, b| m.difference(a, b).unwrap();
    close(d(&other, 1, 0).value, d(&mbar, 0, 2).value + 6500.0, 1e-10);
    close(d(&other, 1, 0).raw_error(), d(&mbar, 0, 2).raw_error(), 1e-8);
    let values: Vec<f64> = sample_order.iter().map(|&i| x[i]).collect();
    close(other.expectation(2, &values).unwrap().value, mbar.expectation(1, &x).unwrap().value, 1e-9);
    // A sample counted k times at 1/k is the sample.
    let twice: Vec<Vec<f64>> = u.iter().map(|u| u.iter().flat_map(|u| [*u; 2]).collect()).collect();
    let doubled = Mbar::with_inefficiency(&twice, &[100, 120, 140], &[2.0; 3], Par::Serial).unwrap();
    close(d(&doubled, 0, 2).value, d(&mbar, 0, 2).value, 1e-11);
    close(d(&doubled, 0, 2).raw_error(), d(&mbar, 0, 2).raw_error(), 1e-10);
}

#[test]
fn many_states_quickly_and_with_the_same_bits() {
    // 20,000 samples of 30 states in a line; the ends share nothing directly.
    let n = [667; 30];
    let (_, u, f) = oscillators(&mut stream("many", 0), &n);
    let serial = Mbar::new(&u, &n, Par::Serial).unwrap();
    assert!(serial.iterations() < 20, "{}", serial.iterations());
    assert!(serial.overlap()[0][29] < 1e-12);
    for k in 1..30 {
        let z = serial.difference(0, k).unwrap().z(f[k]);
        assert!(z.abs() < 5.0, "state {k}: {z}");
    }
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let other = pool.install(|| Mbar::new(&u, &n, Par::Rayon)).unwrap();
        assert_eq!(other.reduced_free_energies(), serial.reduced_free_energies());
        assert_eq!(other.covariance(), serial.covariance());
    }
}

#[test]
fn hard_walls_are_infinite_energies() {
    // Uniform on [0, 1] and on [0, 1/2], of which only the first was sampled: Δf = ln 2.
    let mut rng = stream("walls", 0);
    let x: Vec<f64> = (0..4000).map(|_| rng.uniform()).collect();
    let u = vec![vec![0.0; 4000], x.iter().map(|x| if *x < 0.5 { 0.0 } else { f64::INFINITY }).collect()];
    let mbar = Mbar::new(&u, &[4000, 0], Par::Serial).unwrap();
    let inside = x.iter().filter(|x| **x < 0.5).count() as f64 / 4000.0;
    let d = mbar.difference(0, 1).unwrap();
    close(d.value, -inside.ln(), 1e-12);
    close(d.raw_error(), ((1.0 - inside) / inside / 4000.0).sqrt(), 1e-9);
    assert!(mbar.expectation(1, &x).unwrap().z(0.25).abs() < 5.0);
    // A value that is not finite where there is no weight is no harm.
    let wild: Vec<f64> = x.iter().map(|x| if *x < 0.5 { *x } else { f64::NAN }).collect();
    close(mbar.expectation(1, &wild).unwrap().value, mbar.expectation(1, &x).unwrap().value, 1e-14);
    assert!(mbar.expectation(0, &wild).is_err());
    assert!(mbar.free_energy_at(&[f64::INFINITY; 4000]).is_err());
}

#[test]
fn no_overlap_and_bad_input_are_typed() {
    let mut rng = stream("apart", 0);
    for distance in [15.0, 40.0, 1e4] {
        // Two pairs of states far from each other.
        let centres = [0.0, 0.5, distance, distance + 0.5];
        let x: Vec<f64> = centres.iter().flat_map(|c| normals(&mut rng, 100, *c, 1.0)).collect();
        let u: Vec<Vec<f64>> =
            centres.iter().map(|c| x.iter().map(|x| 0.5 * (x - c).powi(2)).collect()).collect();
        assert!(matches!(Mbar::new(&u, &[100; 4], Par::Serial), Err(Error::Undefined { .. })), "{distance}");
        // An unsampled state far away is refused when asked for.
        let far: Vec<f64> = x[..200].iter().map(|x| 0.5 * (x - distance).powi(2)).collect();
        let near = Mbar::new(&[&u[0][..200], &u[1][..200], &far], &[100, 100, 0], Par::Serial).unwrap();
        assert!(matches!(near.difference(0, 2), Err(Error::TooShort { .. })), "{distance}");
        assert!(matches!(near.expectation(2, &x[..200]), Err(Error::TooShort { .. })));
        assert!(near.difference(0, 1).is_ok());
    }
    let none: [Vec<f64>; 0] = [];
    assert!(Mbar::new(&none, &[], Par::Serial).is_err());
    assert!(Mbar::new(&[vec![], vec![]], &[0, 0], Par::Serial).is_err());
    let row = vec![0.0; 20];
    assert!(Mbar::new(&[row.clone(), row.clone()], &[10, 11], Par::Serial).is_err());
    assert!(Mbar::new(&[row.clone(), row.clone()], &[usize::MAX, 21], Par::Serial).is_err());
    assert!(Mbar::new(&[row.clone(), row.clone()], &[20], Par::Serial).is_err());
    assert!(Mbar::with_inefficiency(std::slice::from_ref(&row), &[20], &[f64::NAN], Par::Serial).is_err());
    for bad in [f64::NAN, f64::NEG_INFINITY, f64::INFINITY] {
        let mut wrong = row.clone();
        wrong[3] = bad;
        assert!(Mbar::new(&[wrong, row.clone()], &[10, 10], Par::Serial).is_err(), "{bad}");
    }
    // Numbers near overflow end in an error, not in a panic or an endless loop.
    let huge: Vec<f64> = (0..20).map(|i| if i % 2 == 0 { 1.7e308 } else { -1.7e308 }).collect();
    assert!(Mbar::new(&[huge.clone(), row.clone()], &[10, 10], Par::Serial).is_err());
    let one = Mbar::new(std::slice::from_ref(&row), &[20], Par::Serial).unwrap();
    let e = one.expectation(0, &(0..20).map(f64::from).collect::<Vec<_>>()).unwrap();
    close(e.value, 9.5, 1e-12);
    close(e.raw_error(), (33.25f64 / 20.0).sqrt(), 1e-9); // population variance (n² - 1)/12 over n
    assert!(
        one.expectation(1, &row).is_err()
            && one.expectation(0, &row[1..]).is_err()
            && one.difference(0, 7).is_err()
    );
}

#[test]
fn a_state_in_which_no_sample_is_possible_leaves_the_others_alone() {
    let mut rng = stream("impossible", 0);
    let centres = [0.0, 1.0];
    let x: Vec<f64> = centres.iter().flat_map(|c| normals(&mut rng, 100, *c, 1.0)).collect();
    let mut u: Vec<Vec<f64>> =
        centres.iter().map(|c| x.iter().map(|x| 0.5 * (x - c).powi(2)).collect()).collect();
    let plain = Mbar::new(&u, &[100, 100], Par::Serial).unwrap();
    u.push(vec![f64::INFINITY; 200]);
    let mbar = Mbar::new(&u, &[100, 100, 0], Par::Serial).unwrap();
    let (a, b) = (plain.difference(0, 1).unwrap(), mbar.difference(0, 1).unwrap());
    assert!(a.std_error > 0.05 && a.value == b.value);
    close(b.std_error, a.std_error, 1e-14);
    close(mbar.expectation(1, &x).unwrap().std_error, plain.expectation(1, &x).unwrap().std_error, 1e-14);
    close(mbar.free_energy_at(&u[1]).unwrap().std_error, a.std_error, 1e-12);
    assert_eq!(mbar.reduced_free_energies()[2], f64::INFINITY);
    assert!(mbar.n_eff(2).unwrap() == 0.0 && mbar.overlap()[2] == [0.0; 3]);
    close(mbar.overlap()[0].iter().sum(), 1.0, 1e-12);
    let covariance = mbar.covariance();
    close(covariance[1][1], a.raw_error().powi(2), 1e-14);
    assert!(covariance[2].iter().all(|c| c.is_nan()) && covariance[0][2].is_nan());
    for e in [mbar.difference(0, 2), mbar.difference(2, 1), mbar.expectation(2, &x)] {
        let text = e.unwrap_err().to_string();
        assert!(text.contains("state 2") && text.contains("no sample is possible"), "{text}");
    }
    assert!(mbar.weights(2).is_err());
    // State 0 is what the others are counted from.
    u.swap(0, 2);
    let text = Mbar::new(&u, &[0, 200, 0], Par::Serial).unwrap_err().to_string();
    assert!(text.contains("state 0"), "{text}");
}
