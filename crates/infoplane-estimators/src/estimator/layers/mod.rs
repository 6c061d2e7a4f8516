//! Layers of one network against each other, and a layer against the parts of the inputs.
//!
//! Every layer is a variable with a row for each of the same samples, in the same order.
//!
//! | | formula | of | by |
//! |---|---|---|---|
//! | information of two layers | I(Tᵢ;Tⱼ), with H(Tᵢ) or what noise leaves of it on the diagonal | any estimator of a pair | [`Measure::layer_pairs`](crate::Measure::layer_pairs) |
//! | information of a part of the inputs | I(X_p;T) of a feature, a pixel or a position p | estimators of cells | [`Measure::input_parts`](crate::Measure::input_parts) |
//! | linear centred kernel alignment | ‖XᵀY‖² / (‖XᵀX‖ ‖YᵀY‖), and the unbiased form | numbers | [`linear_cka`] |
//! | effective rank, participation ratio | exp H(σ / Σσ), (Σσ²)² / Σσ⁴ | numbers | [`effective_rank`] |
//!
//! # References
//! Kornblith, Norouzi, Lee & Hinton (2019), *ICML*, arXiv:1905.00414 (centred kernel alignment); Song, Smola, Gretton, Bedo &
//! Borgwardt (2012), *J. Mach. Learn. Res.* 13:1393 (its unbiased form); Roy & Vetterli (2007), *EUSIPCO* (effective rank).

mod centred;
mod inputs;
mod noisy;
mod pairs;
mod rank;
mod similarity;
#[cfg(test)]
mod similarity_tests;
#[cfg(test)]
mod tests;

pub use inputs::{InputInformation, InputParts, PartInformation, input_information};
pub use pairs::{LayerCells, LayerPairs, PairInformation};
pub use rank::{LayerRank, effective_rank};
pub use similarity::{LayerSimilarity, linear_cka};

pub(super) use noisy::bounds_of_pairs;
pub(super) use pairs::pairs_of_any;
