//! FIRE 2 step by step against an independent program (numpy, from the published statement of the algorithm), on the
//! two-dimensional Rosenbrock function with dt = 0.01 and steps up to 0.05.

use super::*;

fn trace(abc: bool) -> Vec<f64> {
    let fire = Fire { dt: Some(0.01), max_step: 0.05, abc, ..Fire::default() };
    let stop = Stop { max_iterations: 600, ..Stop::default() };
    let mut values = vec![];
    let found = minimise_observed(&problems::Rosenbrock, &[-1.2, 1.0], &Method::Fire(fire), &stop, |p| {
        values.push(p.value);
        ControlFlow::Continue(())
    });
    assert_eq!(found.unwrap().evaluations, 601);
    values
}

fn compare(values: &[f64], expected: [(usize, f64); 6]) {
    for (step, value) in expected {
        let found = values[step - 1];
        // Rounding differs between the two programs and grows slowly along the path.
        assert!((found / value - 1.0).abs() < 1e-9, "step {step}: {found} {value}");
    }
}

#[test]
fn fire_2_follows_the_published_algorithm() {
    compare(
        &trace(false),
        [
            (1, 19.179584813931886),
            (10, 4.122553274077075),
            (30, 4.044442953416036),
            (100, 0.4256300587760803),
            (300, 0.02202237306717484),
            (600, 0.0036403692191189804),
        ],
    );
}

#[test]
fn abc_fire_follows_the_published_algorithm() {
    compare(
        &trace(true),
        [
            (1, 12.876628999999994),
            (10, 4.2173288814528345),
            (30, 3.740114325441973),
            (100, 0.21484171783915237),
            (300, 0.026525337510411844),
            (600, 0.004584285231068924),
        ],
    );
}

#[test]
fn no_coordinate_moves_further_than_the_limit() {
    let steep = Function(|x: &[f64], g: &mut [f64]| {
        g[0] = 1e12 * x[0];
        g[1] = x[1];
        0.5e12 * x[0] * x[0] + 0.5 * x[1] * x[1]
    });
    for abc in [false, true] {
        let last = std::sync::Mutex::new(vec![1.0, 1.0]);
        let watched = Function(|x: &[f64], g: &mut [f64]| {
            let mut last = last.lock().unwrap();
            let moved = x.iter().zip(last.iter()).fold(0.0_f64, |m, (a, b)| m.max((a - b).abs()));
            // A step uphill adds half of the step before, backwards.
            assert!(moved <= 1.5 * 0.1 + 1e-12, "{moved}");
            last.copy_from_slice(x);
            (steep.0)(x, g)
        });
        let fire = Fire { dt: Some(1e-5), abc, ..Fire::default() };
        let stop = Stop { max_evaluations: 500, ..Stop::default() };
        let found = minimise(&watched, &[1.0, 1.0], &Method::Fire(fire), &stop).unwrap();
        assert!(found.value < 1e3);
    }
}
