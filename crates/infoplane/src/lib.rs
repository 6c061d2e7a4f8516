//! What a neural network's layers know while it learns.
//!
//! The information plane draws, for every layer T and epoch, how much the layer knows about the input, I(X;T),
//! against how much it knows about the label, I(T;Y). This library trains small dense networks or takes
//! activations from elsewhere, measures both numbers, and draws the figures.
//!
//! The main types, in the order in which data flow:
//!
//! - [`Dataset`]: inputs with labels, [generated](dataset::generate) or [read](dataset::read) from files.
//! - [`Network`]: dense layers; [`Network::activations`] is what each layer puts out.
//! - [`Trainer`](train::Trainer): deterministic mini-batch training, epoch by epoch; [`Snapshots`] gives networks
//!   by epoch.
//! - [`Estimator`]: a method that measures what a layer knows of [`Labels`].
//! - [`calibrate`](calibrate::calibrate): how right methods are, on samples whose information is known.
//! - [`measure_activations`](measure::measure_activations): all layers by all methods, as [`PlaneRow`]s.
//! - [`bottleneck_curve`](bottleneck::bottleneck_curve): the limit that no layer is above, where p(x, y) is known.
//! - [`measure_pool`](pool::measure_pool): several networks pooled, as draws of one random function of the input.
//! - [`Experiment`](experiment::Experiment): all of it as a TOML file describes it, into a
//!   [run directory](run::RunDir); [`report`] draws that; [`reproduce`] makes the published figures.
//!
//! Every stage can be entered with data made by hand. Bring your own activations:
//!
//! ```
//! use infoplane::estimator::{EstimatorConfig, KdeConfig, LayerRange};
//! use infoplane::measure::{LayerEstimators, measure_activations};
//! use infoplane::{Activations, Labels};
//! use ndarray::array;
//!
//! // One layer of two units, four samples of two classes, which it keeps well apart.
//! let t = array![[0.0f32, 0.1], [0.9, 1.0], [0.1, 0.0], [1.0, 0.9]];
//! let y = Labels::from_symbols(&["cat", "dog", "cat", "dog"]);
//! let kde = EstimatorConfig::Kde(KdeConfig { noise_variances: vec![1e-3] });
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
//! | the planes of Shwartz-Ziv & Tishby (2017) | [`Binned`](estimator::Binned), `edges` on [−1, 1] | information at that bin width; clips what lies outside, and counts it |
//! | ReLU or other unbounded layers, by bins | [`Binned`](estimator::Binned), `floor`, or `equal` on the range of the layer | information at that bin width |
//! | the planes of Saxe et al. (2018) | [`Kde`](estimator::Kde) | two bounds on the information of T plus Gaussian noise |
//! | a layer of any width with noise of known variance | [`Noise`](estimator::Noise) | the information itself, with a standard error |
//! | published work with kernel matrices | [`Renyi`](estimator::Renyi) | Rényi's, of a kernel matrix; comparable with nothing else |
//! | the entropy of a network's float activations | [`Binned`](estimator::Binned), `exact` | exact for the samples at hand |
//! | a layer with Gaussian noise, of any width | [`Noise`](estimator::Noise) | exact for that noise, with its standard error |
//! | a label against a few columns of numbers | [`Ross`](estimator::Ross); [`MixedKsg`](estimator::MixedKsg) where samples coincide | consistent |
//! | numbers against numbers, at most four columns | [`ExtrapolatedKsg`](estimator::ExtrapolatedKsg), [`Ksg`](estimator::Ksg) | consistent, biased down where dependence is strong |
//! | numbers against numbers, more columns | [`CvKsg`](estimator::CvKsg) | as far as the copula is like a Gaussian one |
//! | symbols against symbols | [`MillerMadow`](estimator::MillerMadow); [`ChaoWangJost`](estimator::ChaoWangJost) where cells outnumber samples | consistent |
//! | not sure | [`Auto`](estimator::Auto), which says what it took and why | – |
//!
//! # Which schedule
//!
//! | the question | schedule |
//! |---|---|
//! | a whole training on one figure | [`LogSpaced`](schedule::ScheduleConfig::LogSpaced) |
//! | a stretch of training in detail | [`Every`](schedule::ScheduleConfig::Every) |
//! | the epochs that a paper shows | [`List`](schedule::ScheduleConfig::List) |
//! | the whole curve from few epochs, neighbours at most δ apart | [`DeltaExact`](schedule::ScheduleConfig::DeltaExact) |
//! | the same where no network can be kept or trained again | [`DeltaApproximate`](schedule::ScheduleConfig::DeltaApproximate) |

pub mod bottleneck;
pub mod calibrate;
pub mod dataset;
pub mod estimator;
pub mod experiment;
pub mod information;
pub mod measure;
pub mod neighbors;
pub mod network;
mod pairwise;
pub mod plane;
pub mod pool;
mod random;
pub mod report;
pub mod reproduce;
pub mod run;
pub mod schedule;
pub mod snapshot;
mod special;
mod symmetric;
mod tile;
pub mod train;
pub mod variable;
mod vector_math;

pub use dataset::Dataset;
pub use estimator::{Bound, Estimate, EstimateError, Estimator};
pub use information::Information;
pub use network::{Activations, Layer, Network, Nonlinearity};
pub use plane::{InformationPlane, LayerDescription, PlaneRow};
pub use snapshot::{Snapshot, Snapshots};
pub use variable::{Labels, OwnedVariable, Variable};

/// The example of the README, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
