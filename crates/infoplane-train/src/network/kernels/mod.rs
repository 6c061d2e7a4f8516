//! The arithmetic of a dense layer on SIMD vectors: what the forward pass, training and measuring share.
//!
//! A batch is kept *unit-major*: one row per unit, one column per sample, so that a layer of three units
//! still fills whole vectors. Every stride is a multiple of [`LANES`], rows start on cache lines, and there
//! are no remainders. A layer's bias is one more column of its weights, against a row of ones below the
//! activations: products and gradients then need no special case for it.

// Tiles of registers are indexed by their coordinates; iterators over them hide which register is meant.
#![allow(clippy::needless_range_loop)]

mod aligned;
mod finite;
mod inner_products;
mod multiply;
mod nonlinearity;
mod transpose;

pub(crate) use aligned::Aligned;
pub(crate) use finite::all_finite;
pub(crate) use inner_products::{Units, inner_products};
pub(crate) use multiply::{Left, Right, multiply};
pub(crate) use nonlinearity::{activate, multiply_slope, multiply_slope_from, slope_needs_input};
pub(crate) use transpose::{Chosen, Consecutive, Unpadded, transpose, transpose_unpadded};

/// All strides are multiples of this many floats: the widest vector there is, and a cache line.
pub(crate) const LANES: usize = infoplane_estimators::simd::LANES;

/// Returns the next multiple of [`LANES`].
pub(crate) const fn padded(n: usize) -> usize {
    n.next_multiple_of(LANES)
}
