//! Squared distances of 8 points to 48, from the tiles of [`crate::tile`].

use fearless_simd::{Simd, SimdBase, SimdFloat};

use crate::simd;
use crate::tile::{
    PANEL, Product, ROWS, ShiftedDifference, SquaredDifference, Tile, fill, fill_from_doubles,
};

/// Products are summed in runs of at most so many coordinates, and the runs then added: rounding grows
/// with the length of a run and not with the width of a layer.
pub(super) const PRODUCT_RUN: usize = 128;

/// The same for squared differences, which do not cancel: their sum grows throughout, and where the data lie
/// on a grid it is always rounded the same way. 128 were off by 7e-7 bits on such data, 32 by 1e-7.
const DIFFERENCE_RUN: usize = 32;

/// Squared norms of some points, each as a coarse part and the rest.
///
/// All coarse parts are multiples of one power of two, so that the sum of two of them is exact; what is lost
/// in ‖a‖² + ‖b‖² − 2ab is then one rounding of the result instead of one of each norm.
pub(super) struct Norms<'a> {
    pub(super) coarse: &'a [f32],
    pub(super) rest: &'a [f32],
}

/// ‖a‖² + ‖b‖² − 2ab from centred points; returns the smallest.
#[inline(always)]
pub(super) fn gram<S: Simd>(
    simd: S,
    left: &[f32],
    left_norms: Norms<'_>,
    right: &[f32],
    right_norms: Norms<'_>,
    tile: &mut Tile,
) -> f32 {
    fill::<S, Product, 1, PRODUCT_RUN>(simd, [left], right, tile);
    let lanes = S::f32s::LEN;
    let minus_two = S::f32s::splat(simd, -2.0);
    let mut smallest = S::f32s::splat(simd, f32::INFINITY);
    let (left_coarse, left_rest) = (&left_norms.coarse[..ROWS], &left_norms.rest[..ROWS]);
    let (right_coarse, right_rest) = (&right_norms.coarse[..PANEL], &right_norms.rest[..PANEL]);
    for row in 0..ROWS {
        let coarse = S::f32s::splat(simd, left_coarse[row]);
        let rest = S::f32s::splat(simd, left_rest[row]);
        for column in (0..PANEL).step_by(lanes) {
            let place = &mut tile[row][column..column + lanes];
            let product = S::f32s::from_slice(simd, place);
            let coarse = coarse + S::f32s::from_slice(simd, &right_coarse[column..column + lanes]);
            let rest = rest + S::f32s::from_slice(simd, &right_rest[column..column + lanes]);
            let squared = product.mul_add_precise(minus_two, coarse) + rest;
            // A NaN is passed over: what comes after it must not depend on the width of the vectors.
            smallest = simd::min(squared, smallest);
            squared.store_slice(place);
        }
    }
    simd::smallest::<S>(smallest)
}

/// A precision in which points are kept exactly, and their distances taken by differences.
pub(super) trait Exact: Copy + Default + Send + Sync + 'static {
    fn from_double(value: f64) -> Self;

    fn to_double(self) -> f64;

    /// Σ (a − b)².
    fn squared_distances<S: Simd>(simd: S, left: &[Self], right: &[Self], tile: &mut Tile);

    /// Σ (a − b)(a − b + 2z), which is ‖a + z − b‖² − ‖z‖² without the cancellation: 0 where a = b, and as
    /// precise for near points as for far ones. `twice_noise` is a strip of 2z.
    fn shifted_distances<S: Simd>(
        simd: S,
        left: &[Self],
        twice_noise: &[Self],
        right: &[Self],
        tile: &mut Tile,
    );
}

impl Exact for f32 {
    #[inline(always)]
    fn from_double(value: f64) -> f32 {
        value as f32
    }

    #[inline(always)]
    fn to_double(self) -> f64 {
        self.into()
    }

    #[inline(always)]
    fn squared_distances<S: Simd>(simd: S, left: &[f32], right: &[f32], tile: &mut Tile) {
        fill::<S, SquaredDifference, 1, DIFFERENCE_RUN>(simd, [left], right, tile);
    }

    #[inline(always)]
    fn shifted_distances<S: Simd>(
        simd: S,
        left: &[f32],
        twice_noise: &[f32],
        right: &[f32],
        tile: &mut Tile,
    ) {
        fill::<S, ShiftedDifference, 2, DIFFERENCE_RUN>(simd, [left, twice_noise], right, tile);
    }
}

impl Exact for f64 {
    #[inline(always)]
    fn from_double(value: f64) -> f64 {
        value
    }

    #[inline(always)]
    fn to_double(self) -> f64 {
        self
    }

    #[inline(always)]
    fn squared_distances<S: Simd>(simd: S, left: &[f64], right: &[f64], tile: &mut Tile) {
        fill_from_doubles::<S, SquaredDifference, 1>(simd, [left], right, tile);
    }

    #[inline(always)]
    fn shifted_distances<S: Simd>(
        simd: S,
        left: &[f64],
        twice_noise: &[f64],
        right: &[f64],
        tile: &mut Tile,
    ) {
        fill_from_doubles::<S, ShiftedDifference, 2>(simd, [left, twice_noise], right, tile);
    }
}
