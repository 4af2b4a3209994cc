//! Every public item that the catalogue names must exist: else this file does not compile.
//! Generated from docs/equations.toml by `cargo xtask codegen`: edit that file instead.

#![allow(unused_imports)]

use smml_core::central_limit::berry_esseen_bound as _;
use smml_core::central_limit::cauchy_counterexample as _;
use smml_core::central_limit::coverage as _;
use smml_core::central_limit::exact_sup_distance as _;
use smml_core::central_limit::standardise as _;
use smml_core::central_limit::standardised_sums as _;
use smml_core::chain::Chain as _;
use smml_core::constants::BOLTZMANN as _;
use smml_core::convolve::convolve as _;
use smml_core::convolve::polynomial::Polynomial as _;
use smml_core::convolve::polynomial::multiply_integers as _;
use smml_core::convolve::reference::algorithm_1 as _;
use smml_core::convolve::smoothing::SmoothingKernel as _;
use smml_core::convolve::smoothing::smooth as _;
use smml_core::distribution::Categorical as _;
use smml_core::distribution::Continuous as _;
use smml_core::distribution::Discrete as _;
use smml_core::distribution::check_density as _;
use smml_core::distribution::check_probabilities as _;
use smml_core::distribution::total_density as _;
use smml_core::distribution::total_probability as _;
use smml_core::energy::ln_sum_exp as _;
use smml_core::energy::ln_z_exact as _;
use smml_core::energy::mean_exact as _;
use smml_core::importance::balance::class_weights as _;
use smml_core::importance::psis::pareto_smooth as _;
use smml_core::information::BlockDecomposition as _;
use smml_core::information::boltzmann_entropy as _;
use smml_core::information::ensemble_complexity as _;
use smml_core::information::entropy_bits as _;
use smml_core::information::entropy_from_counts as _;
use smml_core::information::entropy_nats as _;
use smml_core::information::gibbs_entropy as _;
use smml_core::information::lz76_code_length_bits as _;
use smml_core::sample::Metropolis as _;
use smml_core::sample::attempt as _;
use smml_learn::ebm::BlockGibbs as _;
use smml_learn::ebm::Classifier as _;
use smml_learn::ebm::Rbm as _;
use smml_learn::ebm::RbmTrainer as _;
use smml_learn::ebm::ais as _;
use smml_learn::ebm::likelihood::ln_z_exact as _;
use smml_learn::ebm::likelihood::log_likelihood as _;
use smml_learn::ebm::loss::Answers as _;
use smml_learn::ebm::loss::DataLoss as _;
use smml_learn::ebm::loss::Levels as _;
use smml_learn::ebm::loss::Loss::Hinge as _;
use smml_learn::ebm::loss::Loss::Nll as _;
use smml_learn::ebm::loss::Loss::Perceptron as _;
use smml_learn::ebm::loss::Posterior as _;
use smml_learn::ebm::loss::contrastive_gradient as _;
use smml_learn::ebm::loss::infer as _;
use smml_learn::ebm::loss::infer_exact as _;
use smml_learn::ebm::potts::Design as _;
use smml_learn::network::EnergyLoss as _;
use smml_physics::double_digest::DoubleDigest as _;
use smml_physics::double_digest::Search as _;
use smml_physics::double_digest::enumerate as _;
use smml_physics::ising::CachedIsing as _;
use smml_physics::ising::Ising as _;
use smml_physics::ising::SquareLattice as _;
use smml_physics::ising::exact::averages as _;
use smml_physics::ising::exact::spectrum as _;
use smml_physics::ising::exact::thermal as _;
use smml_physics::ising::transfer::ln_z as _;
use smml_physics::lanes::LaneModel as _;
use smml_physics::mean_field::linearised_energy as _;
use smml_physics::mean_field::solve as _;
use smml_physics::packed::PackedLattice as _;
use smml_physics::planar::ground_state as _;
use smml_physics::search::Annealing as _;

#[test]
fn methods_exist() {
    let _ = smml_core::convolve::grid::GridDensity::plus;
    let _ = smml_core::convolve::lattice::LatticeDistribution::n_fold;
    let _ = smml_core::convolve::lattice::LatticeDistribution::plus;
    let _ = smml_core::convolve::polynomial::Polynomial::at;
    let _ = smml_core::convolve::polynomial::Polynomial::times;
    let _ = smml_core::convolve::states::DensityOfStates::combine;
    let _ = smml_core::distribution::Categorical::from_ln_weights;
    let _ = smml_core::importance::ImportanceSample::plain;
    let _ = smml_core::importance::ImportanceSample::self_normalised;
    let _ = smml_core::importance::ImportanceSample::smoothed;
    let _ = smml_core::information::CountTable::information_gain;
    let _ = smml_learn::ebm::Rbm::free_energy;
    let _ = smml_learn::ebm::loss::LabelChain::labels;
    let _ = smml_learn::ebm::loss::LabelChain::ln_z;
    let _ = smml_learn::ebm::loss::LabelChain::marginals;
    let _ = smml_learn::ebm::loss::Posterior::ln_z;
}
