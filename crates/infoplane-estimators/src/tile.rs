//! Sums over the coordinates of 8 points with 48, in registers; shared by all computations over pairs.
//!
//! A *panel* holds up to 48 points, coordinate by coordinate: `panel[c * 48 + l]` is coordinate c of point l. A
//! *strip* is the same for 8 points; a panel has six. A tile takes a strip against a panel: at width 128 these are 4
//! and 24 KB, so that the panel stays in the first-level cache while the strips of a block are processed.
//!
//! What is summed is a [`Summand`]; the caller chooses how many terms go into one sum, since this determines the
//! rounding error, and the required bounds differ.

use fearless_simd::{Simd, SimdBase, SimdFloat};

use crate::simd;

/// Points in a panel.
pub(crate) const PANEL: usize = 48;
/// Points in a strip.
pub(crate) const ROWS: usize = 8;
/// `tile[r][l]` is of left point r and right point l.
pub(crate) type Tile = [[f32; PANEL]; ROWS];

/// Vectors of a register tile across the right panel. With 8 rows they fill 24 of the 32 registers of
/// AVX-512: 8 broadcasts and 3 loads feed 24 multiply-adds.
const ACROSS: usize = 3;

/// What is summed over coordinates, from `N` numbers of the left point and one of the right.
pub(crate) trait Summand<const N: usize> {
    /// Returns the sum with one coordinate more.
    fn add<S: Simd, V: SimdFloat<S>>(sum: V, left: [V; N], right: V) -> V;

    /// Returns the sum of two runs of coordinates.
    #[inline(always)]
    fn join<S: Simd, V: SimdFloat<S>>(run: V, before: V) -> V {
        run + before
    }
}

/// a b
pub(crate) struct Product;

impl Summand<1> for Product {
    #[inline(always)]
    fn add<S: Simd, V: SimdFloat<S>>(sum: V, [left]: [V; 1], right: V) -> V {
        left.mul_add_precise(right, sum)
    }
}

/// (a − b)²
pub(crate) struct SquaredDifference;

impl Summand<1> for SquaredDifference {
    #[inline(always)]
    fn add<S: Simd, V: SimdFloat<S>>(sum: V, [left]: [V; 1], right: V) -> V {
        let difference = left - right;
        difference.mul_add_precise(difference, sum)
    }
}

/// |a − b|, of which not the sum is taken but the largest.
pub(crate) struct LargestDifference;

impl Summand<1> for LargestDifference {
    #[inline(always)]
    fn add<S: Simd, V: SimdFloat<S>>(sum: V, [left]: [V; 1], right: V) -> V {
        simd::max(sum, (left - right).abs())
    }

    #[inline(always)]
    fn join<S: Simd, V: SimdFloat<S>>(run: V, before: V) -> V {
        simd::max(run, before)
    }
}

/// (a − b)(a − b + z), from a and z.
pub(crate) struct ShiftedDifference;

impl Summand<2> for ShiftedDifference {
    #[inline(always)]
    fn add<S: Simd, V: SimdFloat<S>>(sum: V, [left, shift]: [V; 2], right: V) -> V {
        let difference = left - right;
        difference.mul_add_precise(difference + shift, sum)
    }
}

/// Adds up a part of a tile: `M` left points against three vectors of right points.
#[inline(always)]
fn register_tile<S: Simd, V: SimdFloat<S>, T: Summand<N>, const N: usize, const M: usize>(
    simd: S,
    left: [&[V::Element]; N],
    right: &[V::Element],
    first_row: usize,
    first_column: usize,
) -> [[V; ACROSS]; M] {
    let zero = V::splat(simd, V::Element::default());
    let mut sums = [[zero; ACROSS]; M];
    for (coordinate, right) in right.chunks_exact(PANEL).enumerate() {
        let first = coordinate * ROWS + first_row;
        // Not by `std::array::from_fn`, which the compiler may leave as a call without vector instructions: eight times
        // slower.
        let mut left_rows: [&[V::Element]; N] = [&[]; N];
        for (rows, left) in left_rows.iter_mut().zip(left) {
            *rows = &left[first..first + M];
        }
        let right = &right[first_column..first_column + ACROSS * V::LEN];
        let mut right_vectors = [zero; ACROSS];
        for (v, vector) in right_vectors.iter_mut().enumerate() {
            *vector = V::from_slice(simd, &right[v * V::LEN..(v + 1) * V::LEN]);
        }
        for row in 0..M {
            let mut left_vectors = [zero; N];
            for (vector, rows) in left_vectors.iter_mut().zip(left_rows) {
                *vector = V::splat(simd, rows[row]);
            }
            for v in 0..ACROSS {
                sums[row][v] = T::add(sums[row][v], left_vectors, right_vectors[v]);
            }
        }
    }
    sums
}

/// Fills a tile from strips of the left and a panel of the right; single precision sums `RUN` coordinates at a time.
#[inline(always)]
pub(crate) fn fill<S: Simd, T: Summand<N>, const N: usize, const RUN: usize>(
    simd: S,
    left: [&[f32]; N],
    right: &[f32],
    tile: &mut Tile,
) {
    // As many rows at once as the registers hold; with two broadcasts each, half of them.
    match (S::f32s::LEN, N) {
        (16, 1) => fill_by::<S, T, N, RUN, 8>(simd, left, right, tile),
        _ => fill_by::<S, T, N, RUN, 4>(simd, left, right, tile),
    }
}

#[inline(always)]
fn fill_by<S: Simd, T: Summand<N>, const N: usize, const RUN: usize, const M: usize>(
    simd: S,
    left: [&[f32]; N],
    right: &[f32],
    tile: &mut Tile,
) {
    let lanes = S::f32s::LEN;
    for (run, right) in right.chunks(RUN * PANEL).enumerate() {
        let first = run * RUN * ROWS;
        let left: [&[f32]; N] = std::array::from_fn(|n| &left[n][first..first + right.len() / PANEL * ROWS]);
        for row in (0..ROWS).step_by(M) {
            for column in (0..PANEL).step_by(ACROSS * lanes) {
                let sums = register_tile::<S, S::f32s, T, N, M>(simd, left, right, row, column);
                for m in 0..M {
                    for v in 0..ACROSS {
                        let place = &mut tile[row + m][column + v * lanes..column + (v + 1) * lanes];
                        let mut total = sums[m][v];
                        if run > 0 {
                            total = T::join(total, S::f32s::from_slice(simd, place));
                        }
                        total.store_slice(place);
                    }
                }
            }
        }
    }
}

/// The same in double precision, of which only the result is rounded.
#[inline(always)]
pub(crate) fn fill_from_doubles<S: Simd, T: Summand<N>, const N: usize>(
    simd: S,
    left: [&[f64]; N],
    right: &[f64],
    tile: &mut Tile,
) {
    match (S::f64s::LEN, N) {
        (8, 1) => fill_from_doubles_by::<S, T, N, 8>(simd, left, right, tile),
        _ => fill_from_doubles_by::<S, T, N, 4>(simd, left, right, tile),
    }
}

#[inline(always)]
fn fill_from_doubles_by<S: Simd, T: Summand<N>, const N: usize, const M: usize>(
    simd: S,
    left: [&[f64]; N],
    right: &[f64],
    tile: &mut Tile,
) {
    let lanes = S::f64s::LEN;
    for row in (0..ROWS).step_by(M) {
        for column in (0..PANEL).step_by(ACROSS * lanes) {
            let sums = register_tile::<S, S::f64s, T, N, M>(simd, left, right, row, column);
            for m in 0..M {
                for v in 0..ACROSS {
                    let place = &mut tile[row + m][column + v * lanes..column + (v + 1) * lanes];
                    for (single, double) in place.iter_mut().zip(sums[m][v].as_slice()) {
                        *single = *double as f32;
                    }
                }
            }
        }
    }
}

/// Cuts a panel into its strips, one after the other.
pub(crate) fn cut_into_strips<E: Copy>(panel: &[E], strips: &mut [E]) {
    let length = panel.len() / PANEL * ROWS;
    for (number, strip) in strips.chunks_exact_mut(length).enumerate() {
        for (strip, panel) in strip.chunks_exact_mut(ROWS).zip(panel.chunks_exact(PANEL)) {
            strip.copy_from_slice(&panel[number * ROWS..(number + 1) * ROWS]);
        }
    }
}
