//! Closed forms and transfer matrices from the highest to the lowest temperatures.

use smml_core::Result;
use smml_physics::ising::{self, Boundary, Ising, SquareLattice, exact, one_dimension, onsager, transfer};

#[test]
fn transfer_matrices_at_low_temperature() {
    // Frustrated: no state reaches the bound Σ |J| of the energy.
    for (rows, columns, coupling, field) in
        [(3, 3, -1.0, 0.0), (3, 4, -1.0, 0.0), (2, 3, -1.0, 0.0), (3, 3, -0.7, 0.3)]
    {
        for boundary in [Boundary::Open, Boundary::Periodic] {
            let lattice = SquareLattice::uniform(rows, columns, boundary, coupling, field).unwrap();
            for beta in [3.0, 40.0, 100.0, 400.0, 1e5] {
                let want = exact::averages(&lattice.ising().unwrap(), &[beta]).unwrap()[0].ln_z;
                let got = transfer::ln_z(&lattice, beta).unwrap();
                assert!((got - want).abs() < 1e-12 * want, "{rows} {columns} {beta}: {got} {want}");
            }
        }
    }
}

#[test]
fn onsager_at_both_ends_of_temperature() {
    // Where the series take over, they agree with the closed forms and with a large torus.
    for k in [0.0199, 0.0201, 2.199, 2.201] {
        let torus = onsager::torus(60, 60, k).unwrap();
        assert!((onsager::energy(k).unwrap() - torus.energy).abs() < 1e-13);
        assert!((onsager::specific_heat(k).unwrap() - torus.specific_heat).abs() < 1e-9);
    }
    // mpmath, 60 digits
    for (k, u, c) in [
        (1e-9, -2e-9, 2e-18),
        (0.01, -0.020_003_333_760_134_96, 2.001_000_213_427_814e-4),
        (5.0, -2.0, 6.797_366_871_513_42e-15),
        (7.0, -2.0, 1.499_288_008_391_148e-21),
    ] {
        let (got_u, got_c) = (onsager::energy(k).unwrap(), onsager::specific_heat(k).unwrap());
        assert!((got_u / u - 1.0).abs() < 1e-14 && (got_c / c - 1.0).abs() < 1e-13, "{k}: {got_u} {got_c}");
    }
}

#[test]
fn kaufman_at_both_ends_of_temperature() {
    for (rows, columns) in [(4, 4), (2, 2), (3, 5), (2, 5)] {
        let model =
            SquareLattice::uniform(rows, columns, Boundary::Periodic, 1.0, 0.0).unwrap().ising().unwrap();
        for k in [1e-12, 1e-7, 3e-6, 2e-5, 1e-3, 0.1, 0.44, 3.0, 20.0] {
            let want = exact::averages(&model, &[k]).unwrap()[0];
            let got = onsager::torus(rows, columns, k).unwrap();
            assert!((got.ln_z - want.ln_z).abs() < 1e-13 * want.ln_z);
            // Sums over 2ᴺ states have an absolute error of some 1e-14.
            let gate = 1e-10 + 2e-14 / k.min(1.0);
            assert!(
                (got.energy / want.energy - 1.0).abs() < gate,
                "{rows} {columns} {k}: {} {}",
                got.energy,
                want.energy
            );
            let (c, exact) = (got.specific_heat / (k * k), want.specific_heat / (k * k));
            assert!((c - exact).abs() < 1e-10 * (1.0 + exact), "{rows} {columns} {k}: {c} {exact}");
        }
    }
    // High temperature: u = -2 tanh K, c = 2 K² for sides above 4; each bond is a spin of its own.
    let hot = onsager::torus(64, 48, 1e-300).unwrap();
    assert!(
        (hot.energy / -2e-300 - 1.0).abs() < 1e-9 && (hot.ln_z / (3072.0 * 2f64.ln()) - 1.0).abs() < 1e-15
    );
    // Low temperature: two ground states.
    for k in [40.0, 100.0, 400.0, 1e5] {
        let cold = onsager::torus(8, 6, k).unwrap();
        assert!(
            (cold.ln_z / (96.0 * k + 2f64.ln()) - 1.0).abs() < 1e-15 && (cold.energy + 2.0).abs() < 1e-13
        );
        assert!(cold.specific_heat.abs() < 1e-8);
    }
    // Large lattices approach Onsager's.
    let large = onsager::torus(400, 300, 0.5).unwrap();
    assert!((large.energy - onsager::energy(0.5).unwrap()).abs() < 1e-11);
    assert!((large.specific_heat - onsager::specific_heat(0.5).unwrap()).abs() < 1e-9);
    assert!(onsager::specific_heat(400.0).unwrap().abs() < 1e-100);
}

#[test]
fn rings_and_chains() {
    for n in [3u32, 4, 7, 12] {
        let ring: Vec<_> = (0..n).map(|i| (i, (i + 1) % n, 1.0)).collect();
        for (bonds, solve) in [
            (&ring[..], one_dimension::ring as fn(usize, f64) -> Result<ising::Solution>),
            (&ring[1..], one_dimension::open_chain),
        ] {
            let model = Ising::new(n as usize, bonds, vec![0.0; n as usize]).unwrap();
            for k in [-9.0, -0.8, -0.3, -1e-3, 1e-3, 0.4, 0.6, 2.0, 9.0] {
                let want = exact::averages(&model, &[k]).unwrap()[0];
                let got = solve(n as usize, k).unwrap();
                assert!((got.ln_z - want.ln_z).abs() < 1e-13 * want.ln_z.abs(), "{n} {k}");
                assert!((got.energy - want.energy).abs() < 1e-13, "{n} {k}: {} {}", got.energy, want.energy);
                let c = want.specific_heat;
                assert!(
                    (got.specific_heat - c).abs() < 1e-12 * c + 1e-15,
                    "{n} {k}: {} {c}",
                    got.specific_heat
                );
            }
        }
    }
    // The infinite chain: u = -tanh K, c = K² / cosh² K.
    let long = one_dimension::ring(1_000_000, 0.8).unwrap();
    assert!((long.energy + 0.8f64.tanh()).abs() < 1e-13);
    assert!((long.specific_heat - (0.8 / 0.8f64.cosh()).powi(2)).abs() < 1e-12);
    assert!(one_dimension::ring(100, 1e4).unwrap().ln_z.is_finite());
    // An odd antiferromagnetic ring has 2 n ground states of energy -(n - 2): ln Z -> (n - 2) K + ln 2 n.
    for k in [25.0, 400.0] {
        let got = one_dimension::ring(7, -k).unwrap();
        let limit = 5.0 * k + 14f64.ln();
        assert!((got.ln_z - limit).abs() < 1e-12 * limit && (got.energy - 5.0 / 7.0).abs() < 1e-14);
    }
    assert!(one_dimension::ring(2, 0.3).is_err() && one_dimension::ring(5, f64::NAN).is_err());
    assert!(one_dimension::open_chain(0, 0.3).is_err());
}
