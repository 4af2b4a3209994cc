//! Dynamics by splitting. A model says how to drift, kick and refresh its momenta; every integrator is an order of
//! these. Thermostats beyond Langevin and barostats belong to the physics crate.

use crate::{
    energy::{Differentiable, Energy},
    error::{Error, Result, all_finite, positive, same_length},
    kernel::{Kernel, Step},
    rng::Draw,
    store::read_through,
};
use serde::{Deserialize, Serialize};

/// An energy on phase space, H = U(x) + Σ p²/2m, that knows the flows of its two parts.
pub trait Hamiltonian: Energy {
    /// x += dt p / m
    fn drift(&self, state: &mut Self::State, dt: f64);
    /// p += dt F(x)
    fn kick(&self, state: &mut Self::State, dt: f64);
    /// p = keep p + √((1 - keep²) m / β) ξ with ξ standard normal and `keep` in [-1, 1].
    ///
    /// Where momenta have no distribution ([`thermal_momenta`] is `None`) nothing is drawn and nothing changes.
    fn refresh<R: Draw>(&self, state: &mut Self::State, keep: f64, beta: f64, rng: &mut R);
    /// p = -p
    fn reverse(&self, state: &mut Self::State);
}

/// Gives momenta to any differentiable energy. All masses are 1 unless set.
#[derive(Clone, Debug)]
pub struct WithMomenta<U> {
    energy: U,
    /// Empty: all 1.
    mass: Vec<f64>,
}

/// The standard deviation 1/√β of a momentum of unit mass; `None` where momenta have no distribution, which is for a β
/// that is not positive, or so small that 1/β is no finite number. Kernels that refresh momenta leave the state as it is
/// there, and count the step as refused. At β = ∞ it is 0.
pub fn thermal_momenta(beta: f64) -> Option<f64> {
    let temperature = 1.0 / beta;
    (beta > 0.0 && temperature.is_finite()).then(|| temperature.sqrt())
}

/// Positions and momenta. The force at the positions is kept, and forgotten whenever they are touched.
///
/// Only positions and momenta are saved: the force follows from them, bit for bit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = "W: Default"), try_from = "RawPhase")]
pub struct Phase<W> {
    x: Vec<f64>,
    p: Vec<f64>,
    /// -∇U and U at `x`, unless stale.
    #[serde(skip)]
    force: Vec<f64>,
    #[serde(skip)]
    potential: f64,
    /// The positions may have moved since force and potential were computed.
    #[serde(skip)]
    stale: bool,
    /// Working memory of the model: never copied, saved or compared, since it decides nothing.
    #[serde(skip)]
    scratch: Scratch<W>,
}

#[derive(Debug, Default)]
struct Scratch<W>(W);

#[derive(Deserialize)]
struct RawPhase {
    x: Vec<f64>,
    p: Vec<f64>,
}

impl<W: Default> TryFrom<RawPhase> for Phase<W> {
    type Error = Error;
    fn try_from(raw: RawPhase) -> Result<Self> {
        same_length("momenta", raw.p.len(), raw.x.len())?;
        all_finite("position", &raw.x)?;
        all_finite("momentum", &raw.p)?;
        Ok(Phase::stale(raw.x, raw.p))
    }
}

impl<W: Default> Clone for Phase<W> {
    fn clone(&self) -> Self {
        Phase {
            x: self.x.clone(),
            p: self.p.clone(),
            force: self.force.clone(),
            potential: self.potential,
            stale: self.stale,
            scratch: Scratch::default(),
        }
    }
    fn clone_from(&mut self, other: &Self) {
        self.x.clone_from(&other.x);
        self.p.clone_from(&other.p);
        self.force.clone_from(&other.force);
        self.potential = other.potential;
        self.stale = other.stale;
    }
}

impl<W> PartialEq for Phase<W> {
    fn eq(&self, other: &Self) -> bool {
        self.x == other.x && self.p == other.p
    }
}

impl<W: Default> Phase<W> {
    fn stale(x: Vec<f64>, p: Vec<f64>) -> Self {
        let force = vec![0.0; x.len()];
        Phase { x, p, force, potential: f64::NAN, stale: true, scratch: Scratch::default() }
    }
}

impl<W> Phase<W> {
    /// Positions.
    pub fn x(&self) -> &[f64] {
        &self.x
    }
    /// Positions, to be changed; the force is computed afresh when it is wanted next.
    pub fn x_mut(&mut self) -> &mut [f64] {
        self.stale = true;
        &mut self.x
    }
    /// Momenta.
    pub fn p(&self) -> &[f64] {
        &self.p
    }
    /// Momenta, to be changed.
    pub fn p_mut(&mut self) -> &mut [f64] {
        &mut self.p
    }
}

impl<U: Differentiable> WithMomenta<U> {
    /// Unit masses.
    pub fn new(energy: U) -> Self {
        WithMomenta { energy, mass: Vec::new() }
    }
    /// A mass for each coordinate.
    pub fn with_masses(energy: U, mass: Vec<f64>) -> Result<Self> {
        if mass.is_empty() {
            return Err(Error::out_of_range("number of masses", 0, "at least 1"));
        }
        for (i, m) in mass.iter().enumerate() {
            positive(&format!("mass {i}"), *m)?;
        }
        Ok(WithMomenta { energy, mass })
    }
    /// The potential.
    pub fn potential_energy(&self) -> &U {
        &self.energy
    }
    /// At rest at `x`. Errors: a number of coordinates that the masses do not fit, one that is not finite.
    pub fn at(&self, x: Vec<f64>) -> Result<Phase<U::Scratch>> {
        if !self.mass.is_empty() {
            same_length("positions", x.len(), self.mass.len())?;
        }
        all_finite("position", &x)?;
        let p = vec![0.0; x.len()];
        let mut s = Phase::stale(x, p);
        self.freshen(&mut s);
        Ok(s)
    }
    /// U(x)
    pub fn potential(&self, s: &Phase<U::Scratch>) -> f64 {
        if s.stale {
            // By the same function as in a kick, so that a state that was saved goes on with the same bits.
            self.energy.value_and_gradient(&s.x, &mut vec![0.0; s.x.len()], &mut U::Scratch::default())
        } else {
            s.potential
        }
    }
    /// Σ p² / 2m
    pub fn kinetic(&self, s: &Phase<U::Scratch>) -> f64 {
        if self.mass.is_empty() {
            0.5 * s.p.iter().map(|p| p * p).sum::<f64>()
        } else {
            0.5 * s.p.iter().zip(&self.mass).map(|(p, m)| p * p / m).sum::<f64>()
        }
    }
    fn freshen(&self, s: &mut Phase<U::Scratch>) {
        if s.stale {
            s.potential = self.energy.value_and_gradient(&s.x, &mut s.force, &mut s.scratch.0);
            s.force.iter_mut().for_each(|f| *f = -*f);
            s.stale = false;
        }
    }
}

impl<U: Differentiable> Energy for WithMomenta<U> {
    type State = Phase<U::Scratch>;
    fn energy(&self, s: &Self::State) -> f64 {
        self.potential(s) + self.kinetic(s)
    }
}

impl<U: Differentiable> Hamiltonian for WithMomenta<U> {
    fn drift(&self, s: &mut Self::State, dt: f64) {
        if self.mass.is_empty() {
            s.x.iter_mut().zip(&s.p).for_each(|(x, p)| *x += dt * p);
        } else {
            s.x.iter_mut().zip(&s.p).zip(&self.mass).for_each(|((x, p), m)| *x += dt * p / m);
        }
        // The force is computed when somebody kicks: BAOAB pays for one evaluation a step, not two.
        s.stale = true;
    }
    fn kick(&self, s: &mut Self::State, dt: f64) {
        self.freshen(s);
        s.p.iter_mut().zip(&s.force).for_each(|(p, f)| *p += dt * f);
    }
    fn refresh<R: Draw>(&self, s: &mut Self::State, keep: f64, beta: f64, rng: &mut R) {
        if thermal_momenta(beta).is_none() {
            return;
        }
        let noise = ((1.0 - keep * keep) / beta).sqrt();
        let root_masses = self.mass.iter().map(|m| m.sqrt()).chain(std::iter::repeat(1.0));
        for (p, root_mass) in s.p.iter_mut().zip(root_masses) {
            *p = keep * *p + noise * root_mass * rng.normal();
        }
    }
    fn reverse(&self, s: &mut Self::State) {
        s.p.iter_mut().for_each(|p| *p = -*p);
    }
}

/// Velocity Verlet: kick, drift, kick. Symplectic and reversible; the energy oscillates by O(dt²) and does not drift.
/// It conserves the energy, so it samples no temperature by itself: combine it with a refreshment of the momenta.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawVerlet")]
pub struct VelocityVerlet {
    dt: f64,
}

read_through!(VelocityVerlet: RawVerlet { dt: f64 } => VelocityVerlet::new(dt));

impl VelocityVerlet {
    /// Time step `dt` > 0.
    pub fn new(dt: f64) -> Result<Self> {
        Ok(VelocityVerlet { dt: positive("time step dt", dt)? })
    }
    fn integrate<E: Hamiltonian>(&self, h: &E, s: &mut E::State) {
        h.kick(s, 0.5 * self.dt);
        h.drift(s, self.dt);
        h.kick(s, 0.5 * self.dt);
    }
}

impl<E: Hamiltonian> Kernel<E> for VelocityVerlet {
    fn step<R: Draw>(&mut self, h: &E, s: &mut E::State, _: f64, _: &mut R) -> Step {
        self.integrate(h, s);
        Step { proposed: 1, accepted: 1 }
    }
}

/// Langevin dynamics in the BAOAB order (Leimkuhler and Matthews 2013). Configurational averages err by O(dt²), and
/// for a harmonic potential not at all. Where momenta have no distribution ([`thermal_momenta`]) a step does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLangevin")]
pub struct Langevin {
    dt: f64,
    friction: f64,
}

read_through!(Langevin: RawLangevin { dt: f64, friction: f64 } => Langevin::new(dt, friction));

impl Langevin {
    /// Time step `dt` > 0 and friction γ > 0 (1 / time).
    pub fn new(dt: f64, friction: f64) -> Result<Self> {
        Ok(Langevin { dt: positive("time step dt", dt)?, friction: positive("friction", friction)? })
    }
}

impl<E: Hamiltonian> Kernel<E> for Langevin {
    fn step<R: Draw>(&mut self, h: &E, s: &mut E::State, beta: f64, rng: &mut R) -> Step {
        if thermal_momenta(beta).is_none() {
            return Step { proposed: 1, accepted: 0 };
        }
        h.kick(s, 0.5 * self.dt);
        h.drift(s, 0.5 * self.dt);
        h.refresh(s, libm::exp(-self.friction * self.dt), beta, rng);
        h.drift(s, 0.5 * self.dt);
        h.kick(s, 0.5 * self.dt);
        Step { proposed: 1, accepted: 1 }
    }
}

/// Hamiltonian Monte Carlo: fresh momenta, `n_leapfrog` steps of velocity Verlet, one Metropolis test. Exact for any
/// time step; with one leapfrog step it is the Metropolis-adjusted Langevin algorithm. Where momenta have no
/// distribution ([`thermal_momenta`]) every trajectory is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawHmc")]
pub struct Hmc {
    verlet: VelocityVerlet,
    n_leapfrog: usize,
}

read_through!(Hmc: RawHmc { verlet: VelocityVerlet, n_leapfrog: usize } => Hmc::new(verlet.dt, n_leapfrog));

impl Hmc {
    /// Time step `dt` > 0 and at least one leapfrog step.
    pub fn new(dt: f64, n_leapfrog: usize) -> Result<Self> {
        if n_leapfrog == 0 {
            return Err(Error::out_of_range("n_leapfrog", 0, "at least 1"));
        }
        Ok(Hmc { verlet: VelocityVerlet::new(dt)?, n_leapfrog })
    }
}

impl<E: Hamiltonian> Kernel<E> for Hmc {
    fn step<R: Draw>(&mut self, h: &E, s: &mut E::State, beta: f64, rng: &mut R) -> Step {
        if thermal_momenta(beta).is_none() {
            return Step { proposed: 1, accepted: 0 };
        }
        h.refresh(s, 0.0, beta, rng);
        let before = h.energy(s);
        let old = s.clone();
        for _ in 0..self.n_leapfrog {
            self.verlet.integrate(h, s);
        }
        // The momenta are drawn afresh before the next trajectory, so reversing them here would change nothing.
        let accepted = rng.accept(beta * (h.energy(s) - before));
        if !accepted {
            s.clone_from(&old);
        }
        Step { proposed: 1, accepted: u64::from(accepted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        chain::{Chain, Record},
        rng::Streams,
        sample::{Ladder, Tempering},
        store,
    };

    /// U = ½ Σ kᵢ xᵢ²
    #[derive(Clone)]
    struct Springs(Vec<f64>);
    impl Energy for Springs {
        type State = Vec<f64>;
        fn energy(&self, x: &Vec<f64>) -> f64 {
            self.0.iter().zip(x).map(|(k, x)| 0.5 * k * x * x).sum()
        }
    }
    impl Differentiable for Springs {
        type Scratch = ();
        fn value_and_gradient(&self, x: &[f64], g: &mut [f64], _: &mut ()) -> f64 {
            for i in 0..x.len() {
                g[i] = self.0[i] * x[i];
            }
            self.energy(&x.to_vec())
        }
    }

    /// U = Σ x⁴ / 4, for which ⟨x²⟩ = 2 Γ(3/4) / (Γ(1/4) √β).
    #[derive(Clone)]
    struct Quartic;
    impl Energy for Quartic {
        type State = Vec<f64>;
        fn energy(&self, x: &Vec<f64>) -> f64 {
            x.iter().map(|x| 0.25 * x.powi(4)).sum()
        }
    }
    impl Differentiable for Quartic {
        type Scratch = ();
        fn value_and_gradient(&self, x: &[f64], g: &mut [f64], _: &mut ()) -> f64 {
            for i in 0..x.len() {
                g[i] = x[i].powi(3);
            }
            self.energy(&x.to_vec())
        }
    }
    const QUARTIC_X2: f64 = 2.0 * 1.225_416_702_465_178 / 3.625_609_908_221_908;

    fn moments<U: Differentiable + Clone, K: Kernel<WithMomenta<U>>>(
        u: U,
        n: usize,
        kernel: K,
        beta: f64,
    ) -> Vec<Estimate> {
        let h = WithMomenta::with_masses(u, (0..n).map(|i| 1.0 + i as f64).collect()).unwrap();
        let start = h.at(vec![0.1; n]).unwrap();
        let mut chain = Chain::new(kernel, start, Streams::new(5).stream("md", 0));
        chain.advance(&h, beta, 500);
        let mut record = Record::new(3).unwrap();
        let observe = |s: &Phase<U::Scratch>| [s.x[0].powi(2), s.x[n - 1].powi(2), h.kinetic(s)];
        chain.record(&h, beta, 5, 20_000, &mut record, observe).unwrap();
        record.estimates().unwrap()
    }
    use crate::estimate::Estimate;

    #[test]
    fn hmc_is_exact_at_a_coarse_step() {
        let got = moments(Springs(vec![1.0, 4.0]), 2, Hmc::new(0.9, 3).unwrap(), 2.0);
        assert!(got[0].z(0.5).abs() < 5.0 && got[1].z(0.125).abs() < 5.0, "{got:?}");
        let got = moments(Quartic, 2, Hmc::new(0.8, 3).unwrap(), 4.0);
        assert!(got[0].z(QUARTIC_X2 / 2.0).abs() < 5.0, "{got:?}");
    }

    #[test]
    fn baoab_positions_of_springs_are_exact() {
        // BAOAB has no error in ⟨x²⟩ of a harmonic well, whatever dt; its kinetic energy has.
        let got = moments(Springs(vec![1.0, 4.0]), 2, Langevin::new(0.5, 1.0).unwrap(), 2.0);
        assert!(got[0].z(0.5).abs() < 5.0 && got[1].z(0.125).abs() < 5.0, "{got:?}");
        assert!(got[2].z(0.5) < -5.0, "a bias that theory predicts was not seen: {got:?}");
    }

    #[test]
    fn verlet_conserves_energy_to_second_order() {
        let h = WithMomenta::new(Quartic);
        let drift = |dt: f64| {
            let mut s = h.at(vec![1.0, 0.3]).unwrap();
            let e0 = h.energy(&s);
            let mut rng = Streams::new(1).stream("none", 0);
            let mut verlet = VelocityVerlet::new(dt).unwrap();
            (0..(20.0 / dt) as usize)
                .map(|_| {
                    verlet.step(&h, &mut s, 1.0, &mut rng);
                    (h.energy(&s) - e0).abs()
                })
                .fold(0.0, f64::max)
        };
        let slope = (drift(0.02) / drift(0.01)).log2();
        assert!((slope - 2.0).abs() < 0.05, "slope {slope}");
    }

    #[test]
    fn verlet_runs_backwards() {
        let h = WithMomenta::new(Quartic);
        let start = h.at(vec![1.0, -0.4]).unwrap();
        let mut s = start.clone();
        let mut rng = Streams::new(1).stream("none", 0);
        let mut verlet = VelocityVerlet::new(0.05).unwrap();
        for _ in 0..200 {
            verlet.step(&h, &mut s, 1.0, &mut rng);
        }
        h.reverse(&mut s);
        for _ in 0..200 {
            verlet.step(&h, &mut s, 1.0, &mut rng);
        }
        for (a, b) in s.x.iter().zip(&start.x) {
            assert!((a - b).abs() < 1e-12);
        }
    }

    #[test]
    fn tempering_takes_dynamics_as_it_is() {
        let ladder = Ladder::new(WithMomenta::new(Springs(vec![1.0])), vec![1.0, 0.5]).unwrap();
        let start = vec![ladder.energy.at(vec![0.0]).unwrap(); 2];
        let kernel = Tempering::new(Hmc::new(0.4, 4).unwrap());
        let mut chain = Chain::new(kernel, ladder.replicas(start).unwrap(), Streams::new(3).stream("pt", 0));
        let mut record = Record::new(2).unwrap();
        let square = |s: &Phase<()>| s.x[0] * s.x[0];
        chain
            .record(&ladder, 2.0, 1, 10_000, &mut record, |r| {
                [square(&r.states()[0]), square(&r.states()[1])]
            })
            .unwrap();
        assert!(record.estimate(0).unwrap().z(0.5).abs() < 5.0);
        assert!(record.estimate(1).unwrap().z(1.0).abs() < 5.0);
    }

    #[test]
    fn where_momenta_have_no_distribution_nothing_moves() {
        let h = WithMomenta::new(Quartic);
        let mut start = h.at(vec![1.0, -0.4]).unwrap();
        start.p_mut().copy_from_slice(&[0.3, 0.7]);
        let mut rng = Streams::new(1).stream("no heat", 0);
        for beta in [0.0, -0.0, -1.0, f64::NAN, f64::NEG_INFINITY, 1e-320] {
            let mut s = start.clone();
            let none = Step { proposed: 1, accepted: 0 };
            assert_eq!(Langevin::new(0.1, 1.0).unwrap().step(&h, &mut s, beta, &mut rng), none);
            assert_eq!(Hmc::new(0.1, 3).unwrap().step(&h, &mut s, beta, &mut rng), none);
            h.refresh(&mut s, 0.5, beta, &mut rng);
            assert_eq!(s, start, "beta = {beta}");
        }
        // At zero temperature Langevin dynamics is damped motion towards the minimum.
        let (mut s, mut cold) = (start, Langevin::new(0.1, 1.0).unwrap());
        for _ in 0..1000 {
            cold.step(&h, &mut s, f64::INFINITY, &mut rng);
        }
        assert!(h.energy(&s) < 1e-3, "{s:?}");
    }

    #[test]
    fn moved_positions_have_the_force_of_where_they_are() {
        let h = WithMomenta::new(Springs(vec![1.0, 4.0]));
        let mut s = h.at(vec![1.0, 1.0]).unwrap();
        s.x_mut()[0] = 3.0;
        assert_eq!((h.potential(&s), h.energy(&s)), (6.5, 6.5));
        h.kick(&mut s, 1.0);
        assert_eq!(s.p(), [-3.0, -4.0]);
        assert_eq!(h.potential(&s), 6.5);
    }

    #[test]
    fn a_saved_state_goes_on_bit_for_bit_and_a_hostile_one_is_refused() {
        let h = WithMomenta::with_masses(Quartic, vec![1.0, 3.0]).unwrap();
        let start = h.at(vec![1.0, -0.4]).unwrap();
        for saved_at in 0..4 {
            let mut chain =
                Chain::new(Hmc::new(0.4, 3).unwrap(), start.clone(), Streams::new(2).stream("a", 0));
            chain.advance(&h, 1.0, saved_at);
            let bytes = store::encode(&chain, 0).unwrap();
            let mut again: Chain<Hmc, Phase<()>> = store::decode(&bytes, 0).unwrap();
            chain.advance(&h, 1.0, 50);
            again.advance(&h, 1.0, 50);
            assert_eq!(chain, again);
        }
        let read = |x: Vec<f64>, p: Vec<f64>| {
            store::decode::<Phase<()>>(&store::encode(&(x, p), 0).unwrap(), 0).map_err(|e| e.to_string())
        };
        assert!(read(vec![1.0], vec![2.0]).is_ok());
        assert!(read(vec![1.0, 2.0], vec![2.0]).unwrap_err().contains("momenta has length 1, expected 2"));
        assert!(read(vec![f64::NAN], vec![2.0]).unwrap_err().contains("position 0 = NaN"));
        assert!(read(vec![1.0], vec![f64::INFINITY]).unwrap_err().contains("momentum 0 = inf"));
        let kernel = |bytes: Vec<u8>| {
            [
                store::decode::<VelocityVerlet>(&bytes, 0).is_err(),
                store::decode::<Langevin>(&bytes, 0).is_err(),
                store::decode::<Hmc>(&bytes, 0).is_err(),
            ]
        };
        for dt in [0.0, -1.0, f64::NAN] {
            assert_eq!(kernel(store::encode(&dt, 0).unwrap()), [true; 3]);
            assert_eq!(kernel(store::encode(&(dt, 1.0), 0).unwrap()), [true; 3]);
        }
        assert!(store::decode::<Langevin>(&store::encode(&(0.1, 0.0), 0).unwrap(), 0).is_err());
        assert!(store::decode::<Hmc>(&store::encode(&(0.1, 0u64), 0).unwrap(), 0).is_err());
        assert!(store::decode::<Hmc>(&store::encode(&(0.1, 2u64), 0).unwrap(), 0).is_ok());
    }

    #[test]
    fn bad_parameters_are_refused() {
        assert!(
            VelocityVerlet::new(0.0).is_err()
                && Langevin::new(0.1, -1.0).is_err()
                && Hmc::new(0.1, 0).is_err()
        );
        assert!(WithMomenta::with_masses(Quartic, vec![1.0, 0.0]).is_err());
        assert!(WithMomenta::with_masses(Quartic, vec![1.0]).unwrap().at(vec![0.0; 2]).is_err());
        assert!(WithMomenta::new(Quartic).at(vec![0.0, f64::NAN]).is_err());
    }
}
