//! Mutual information, entropy and total correlation of samples.
//!
//! ```
//! use infoplane_estimators::{Ksg, Measure};
//! let x: Vec<f64> = (0..500).map(|i| (i as f64 * 0.618).fract()).collect();
//! let y: Vec<f64> = x.iter().map(|x| x + 0.1 * (1000.0 * x).sin()).collect();
//! let estimate = Ksg::default().pair(&x, &y)?;
//! println!("I(X;Y) = {:.3} nats, {}", estimate.information.nats(), estimate.kind);
//! # Ok::<(), infoplane_estimators::EstimateError>(())
//! ```
//!
//! An estimator is a value that holds its settings: `Ksg { k: 5, ..Ksg::default() }`. All of them have the functions of
//! [`Measure`]: [`pair`](Measure::pair) for I(X;Y), [`entropy`](Measure::entropy), [`conditional`](Measure::conditional)
//! for I(X;Y|Z), [`total_correlation`](Measure::total_correlation) and [`layer`](Measure::layer), which shares the work
//! of one variable against several labellings. [`mutual_information`] chooses the estimator that fits the data and
//! gives the reason.
//!
//! A [`Variable`] is a matrix of one row per sample, a vector of numbers, or [`Labels`]. An [`Estimate`] is more than a
//! number: it says [what it estimates](EstimateKind), how large it can become with so many samples, how many samples
//! coincide, and what a reader should know before quoting it. Where the information may be infinite, or the
//! samples cannot tell it, there is a [bound](EstimateKind::Bound) in place of a value, or, from [`Auto`], an
//! [error](EstimateError) that names the choices.
//!
//! # Which estimator
//!
//! | the variables | estimator | what the number is |
//! |---|---|---|
//! | not sure | [`Auto`], or [`mutual_information`] | that of the estimator chosen, which it names |
//! | discrete, cells well filled | [`PlugIn`], [`MillerMadow`], [`Grassberger`], [`PanzeriTreves`], [`Shrinkage`] | plug-in: exact for the samples; the others consistent |
//! | discrete, more cells than samples | [`ChaoWangJost`], [`ChaoShen`], [`Nsb`] | consistent, with an interval or a standard error |
//! | numbers, at most four columns in all | [`ExtrapolatedKsg`], [`Ksg`], [`Ksg2`], [`BiKsg`] | consistent, biased downwards where the dependence is strong |
//! | numbers, very strong dependence | [`Lnc`] | consistent |
//! | numbers, one side nearly a function of the other | [`ResidualKsg`] | consistent |
//! | numbers, more columns | [`CvKsg`], [`Gcmi`] | accurate as far as the copula is close to Gaussian |
//! | the same, with several modes or heavy tails | [`MixtureKsg`] | accurate as far as a mixture fits |
//! | numbers of unknown dependence | [`Combined`] | that of the method which leaves least to neighbours |
//! | a label and a few columns | [`Ross`] | consistent |
//! | a label and many columns | [`Classifier`] | a lower bound |
//! | numbers, thousands of samples of a dependence that the others do not resolve | [`Critic`] | a lower bound |
//! | numbers that repeat, mixed columns | [`MixedKsg`]; [`UntiedKsg`] | consistent |
//! | differential entropies | [`Kl`], [`Klnn`], [`Gknn`] | consistent |
//! | smooth densities of few columns | [`Klnn`], [`Lgde`] | consistent |
//! | a layer with Gaussian noise | [`Noise`]; [`Kde`] | exact for that noise; two bounds on it |
//! | numbers in bins | [`Binned`] | information at that bin width |
//! | three variables, I(X;Y\|Z), of symbols and numbers in any mixture | [`FrenzelPompe`] | consistent |
//! | very many samples | [`Edge`] | information at the width of its buckets |
//! | many columns, compared with each other | [`Sliced`] | the mean over projections, at most the information |
//! | published work with kernel matrices | [`Renyi`] | Rényi's, not Shannon's |
//!
//! # Errors and significance
//!
//! [`Measure::pair_with_error`] adds a standard error and an interval in the way that suits the estimator, and
//! [`Measure::permutation_test`] a p-value; [`conditional_permutation_test`] one for independence given a third variable. They
//! take rows for independent draws, and an estimate of rows that are not gets a warning ([`serial_dependence`]): for time
//! series there are a [block length](Options::block_length) and a [`restricted_permutation_test`], and lagged and transfer
//! information in [`series`]. [`calibrate`](calibrate::calibrate) measures the error of any estimator on
//! [samples whose information is known](known).
//!
//! [`rank::rank`] measures every column of a table against a target, with p-values corrected for their number; [`units`] what the
//! single units of a layer tell.
//!
//! # Guarantees
//!
//! - Equal input gives equal bits, for any number of threads.
//! - No input makes a panic or a NaN: numbers that are not finite, rows that coincide, constant columns and too few
//!   samples have documented answers, which one table of tests holds all estimators to.
//! - Every estimator is tested against closed forms, a slow reference and the values of another program.
//!
//! Amounts are in nats and convert to bits: [`Information`]. An estimator of your own implements [`Estimator`] and then
//! has the functions of [`Measure`], the errors and the tests too.

// Tests may compare with the platform's functions.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod estimator;
mod linear_algebra;
#[doc(hidden)]
pub mod math;
mod pairwise;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod simd;
mod special;
mod tile;

pub mod calibrate;
pub mod information;
pub mod interrupt;
pub mod known;
pub mod neighbors;
pub mod series;
pub mod steps;
pub mod variable;

pub use estimator::*;
pub use information::Information;
/// Matrices and vectors: what variables are made of.
pub use ndarray;
pub use pairwise::{KernelMeans, MeanLogarithms};
pub use variable::kind::VariableKind;
pub use variable::{Labels, OwnedVariable, Variable};

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
