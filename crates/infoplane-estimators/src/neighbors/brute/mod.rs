//! All pairs, in single precision first: a tile of distances says which few pairs need double precision.
//!
//! Points are centred and scaled, so that the error of a distance in single precision has a small bound. A pair
//! whose distance is certainly on one side of a radius needs no more work; the others are decided by
//! [`Metric::distance`], so that the answer is that of a linear scan in double precision, for any data: where single
//! precision is too coarse there are more doubtful pairs, and it takes longer. Each pair is computed once, for
//! both of its points.

mod count;
mod error_bound;
mod nearest;
mod packed;

pub(super) use count::count_within;
pub(super) use nearest::nearest;
