//! Information planes of neural networks: the mutual information of every layer with the input and the label, during training.
//!
//! The information plane shows, for every layer T and epoch, how much the layer knows about the input, I(X;T),
//! and about the label, I(T;Y). This library trains small dense networks or takes activations from another
//! program, measures both values, and draws the figures.
//!
//! The main types, in the order in which data flow:
//!
//! - [`Dataset`]: inputs with labels, [generated](dataset::generate) or [read](dataset::read) from files.
//! - [`Network`]: dense layers; [`Network::activations`] computes the output of each layer.
//! - [`Trainer`](train::Trainer): deterministic mini-batch training, epoch by epoch; [`Snapshots`] provides the network
//!   of any epoch.
//! - [`Estimator`]: a method that estimates the information between a layer and [`Labels`].
//! - [`calibrate`](calibrate::calibrate): the error of each method, on samples whose information is known.
//! - [`measure_activations`](measure::measure_activations): measures all layers with all methods, as [`PlaneRow`]s.
//! - [`bottleneck_curve`](bottleneck::bottleneck_curve): the information-bottleneck curve of a known p(x, y), which no layer
//!   can exceed.
//! - [`measure_pool`](pool::measure_pool): pools several networks as samples of one random function of the input.
//! - [`Experiment`](experiment::Experiment): everything that a TOML file describes, written to a
//!   [run directory](run::RunDir); [`report`] draws it; [`reproduce`] makes the published figures.
//!
//! Each stage accepts data of your own. With your own activations:
//!
//! ```
//! use infoplane::estimator::{AnyEstimator, Kde, LayerRange};
//! use infoplane::measure::{LayerEstimators, measure_activations};
//! use infoplane::{Activations, Labels};
//! use ndarray::array;
//!
//! // One layer of two units, four samples of two classes, which it separates well.
//! let t = array![[0.0f32, 0.1], [0.9, 1.0], [0.1, 0.0], [1.0, 0.9]];
//! let y = Labels::from_symbols(&["cat", "dog", "cat", "dog"]);
//! let kde = AnyEstimator::Kde(Kde { noise_variances: vec![1e-3] });
//! let estimators = [LayerEstimators::new(&[kde], &LayerRange::default())];
//! let activations = Activations { layers: vec![t] };
//! let rows = measure_activations(0, 120, &activations, &Labels::distinct(4), &y, &estimators);
//! assert!((rows[0].i_ty_bits.unwrap() - 1.0).abs() < 1e-3);
//! ```
//!
//! # Which estimator
//!
//! | the question | estimator | what the number is |
//! |---|---|---|
//! | the planes of Shwartz-Ziv & Tishby (2017) | [`Binned`](estimator::Binned), `edges` on [−1, 1] | information at that bin width; values outside are clipped and counted |
//! | ReLU or other unbounded layers, in bins | [`Binned`](estimator::Binned), `floor`, or `equal` on the range of the layer | information at that bin width |
//! | the planes of Saxe et al. (2018) | [`Kde`](estimator::Kde) | two bounds on the information of T plus Gaussian noise |
//! | a layer of any width with noise of known variance | [`Noise`](estimator::Noise) | exact for that noise, with a standard error |
//! | published work with kernel matrices | [`Renyi`](estimator::Renyi) | Rényi information of a kernel matrix; not comparable with the others |
//! | the entropy of a network's float activations | [`Binned`](estimator::Binned), `exact` | exact for the samples at hand |
//! | a label and a few continuous columns | [`Ross`](estimator::Ross); [`MixedKsg`](estimator::MixedKsg) where samples coincide | consistent |
//! | continuous variables, at most four columns | [`ExtrapolatedKsg`](estimator::ExtrapolatedKsg), [`Ksg`](estimator::Ksg) | consistent, biased downwards where the dependence is strong |
//! | continuous variables, more columns | [`CvKsg`](estimator::CvKsg) | accurate as far as the copula is close to Gaussian |
//! | continuous variables, unknown dependence | [`Combined`](estimator::Combined), of [`ResidualKsg`](estimator::ResidualKsg) and [`MixtureKsg`](estimator::MixtureKsg) | consistent |
//! | a label and many continuous columns | [`Classifier`](estimator::Classifier) | a lower bound |
//! | thousands of samples of a dependence that the others do not resolve | [`Critic`](estimator::Critic) | a lower bound |
//! | discrete variables | [`MillerMadow`](estimator::MillerMadow); [`ChaoWangJost`](estimator::ChaoWangJost) where cells outnumber samples | consistent |
//! | not sure | [`Auto`](estimator::Auto), which gives its choice and the reason | – |
//!
//! # Which schedule
//!
//! | the question | schedule |
//! |---|---|
//! | the whole of training on one figure | [`LogSpaced`](schedule::ScheduleConfig::LogSpaced) |
//! | one part of training in detail | [`Every`](schedule::ScheduleConfig::Every) |
//! | the epochs that a paper shows | [`List`](schedule::ScheduleConfig::List) |
//! | the whole curve from few epochs, with neighbours at most δ apart | [`DeltaExact`](schedule::ScheduleConfig::DeltaExact) |
//! | the same, where no network can be kept or retrained | [`DeltaApproximate`](schedule::ScheduleConfig::DeltaApproximate) |

// Tests may compare with the platform's functions.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

pub mod bottleneck;
pub mod dataset;
mod directory;
mod draw;
pub mod experiment;
pub mod figure;
pub mod measure;
pub mod memory;
pub mod page;
pub mod plane;
pub mod pool;
pub mod printable;
pub mod quantity;
pub mod record;
pub mod report;
pub mod reproduce;
pub mod run;
pub mod schedule;
pub mod sweep;
pub mod table;

pub use infoplane_estimators as estimator;
pub use infoplane_estimators::{calibrate, information, neighbors, variable};
#[doc(hidden)]
pub use infoplane_estimators::{math, simd};
pub use infoplane_train::{network, snapshot, train};

pub use dataset::Dataset;
pub use infoplane_estimators::{
    Bound, Estimate, EstimateError, Estimator, Information, Labels, Measure, OwnedVariable, Variable,
};
pub use infoplane_train::{Activations, Inputs, Layer, Network, Nonlinearity, Observe, Snapshot, Snapshots};
pub use plane::{InformationPlane, LayerDescription, PlaneRow};

pub(crate) use infoplane_estimators::{known, random};

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
