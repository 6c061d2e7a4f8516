//! Sums over the coordinates of 8 points with 48, in registers; shared by all computations over pairs.
//!
//! A *panel* holds up to 48 points, coordinate by coordinate: `panel[c * 48 + l]` is coordinate c of point l. A
//! *strip* is the same for 8 points; a panel has six. A tile takes a strip against a panel: at width 128 these are 4
//! and 24 KB, so that the panel stays in the first-level cache while the strips of a block are processed.
//!
//! What is summed is a [`Summand`]; the caller chooses how many terms go into one sum, since this determines the
//! rounding error, and the required bounds differ.

use fearless_simd::{Simd, SimdBase, SimdFloat};

use crate::simd::{self, array};

/// Points in a panel.
pub(crate) const PANEL: usize = 48;
/// Points in a strip.
pub(crate) const ROWS: usize = 8;
/// `tile[r][l]` is of left point r and right point l.
pub(crate) type Tile = [[f32; PANEL]; ROWS];

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

/// Adds up a part of a tile, `M` left points against `A` vectors of right points, in registers.
///
/// Of the left and of the right, those that are fewer stay in registers while the others are loaded one by one. Of 16
/// registers, 2 × 6 sums leave four: two left points, a vector of the right and a difference. 4 × 3 sums leave one too
/// few; a sum then went to memory and back for every coordinate, at half the speed. The 32 of AVX-512 hold 8 × 3.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // two of the three arrays have another order
fn register_tile<S: Simd, V: SimdFloat<S>, T: Summand<N>, const N: usize, const M: usize, const A: usize>(
    simd: S,
    left: [&[V::Element]; N],
    right: &[V::Element],
    first_row: usize,
    first_column: usize,
) -> [[V; A]; M] {
    let mut sums = [[V::splat(simd, V::Element::default()); A]; M];
    for (coordinate, right) in right.chunks_exact(PANEL).enumerate() {
        let first = coordinate * ROWS + first_row;
        let left: [&[V::Element]; N] = array(|n| &left[n][first..first + M]);
        let right = &right[first_column..first_column + A * V::LEN];
        let of_left = |row: usize| -> [V; N] { array(|n| V::splat(simd, left[n][row])) };
        let of_right = |v: usize| V::from_slice(simd, &right[v * V::LEN..(v + 1) * V::LEN]);
        if M < A {
            let left: [[V; N]; M] = array(of_left);
            for v in 0..A {
                let right = of_right(v);
                for row in 0..M {
                    sums[row][v] = T::add(sums[row][v], left[row], right);
                }
            }
        } else {
            let right: [V; A] = array(of_right);
            for row in 0..M {
                let left = of_left(row);
                for v in 0..A {
                    sums[row][v] = T::add(sums[row][v], left, right[v]);
                }
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
    let columns = 0..PANEL;
    match (S::f32s::LEN, N) {
        (16, 1) => fill_by::<S, T, N, RUN, 8, 3>(simd, left, right, columns, tile),
        (16, _) => fill_by::<S, T, N, RUN, 4, 3>(simd, left, right, columns, tile),
        _ => fill_by::<S, T, N, RUN, 2, 6>(simd, left, right, columns, tile),
    }
}

/// Right points that [`fill_group`] takes at a time: a vector, or two narrow ones.
pub(crate) const fn group(lanes: usize) -> usize {
    if lanes > ROWS { lanes } else { ROWS }
}

/// Fills the columns of one [`group`], those from `column` on.
#[inline(always)]
pub(crate) fn fill_group<S: Simd, T: Summand<1>, const RUN: usize>(
    simd: S,
    left: &[f32],
    right: &[f32],
    column: usize,
    tile: &mut Tile,
) {
    let columns = column..column + group(S::f32s::LEN);
    match S::f32s::LEN {
        4 => fill_by::<S, T, 1, RUN, 4, 2>(simd, [left], right, columns, tile),
        _ => fill_by::<S, T, 1, RUN, 8, 1>(simd, [left], right, columns, tile),
    }
}

#[inline(always)]
fn fill_by<S: Simd, T: Summand<N>, const N: usize, const RUN: usize, const M: usize, const A: usize>(
    simd: S,
    left: [&[f32]; N],
    right: &[f32],
    columns: std::ops::Range<usize>,
    tile: &mut Tile,
) {
    let lanes = S::f32s::LEN;
    for (run, right) in right.chunks(RUN * PANEL).enumerate() {
        let first = run * RUN * ROWS;
        let left: [&[f32]; N] = array(|n| &left[n][first..first + right.len() / PANEL * ROWS]);
        for row in (0..ROWS).step_by(M) {
            for column in columns.clone().step_by(A * lanes) {
                let sums = register_tile::<S, S::f32s, T, N, M, A>(simd, left, right, row, column);
                for m in 0..M {
                    for v in 0..A {
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
        (8, 1) => fill_from_doubles_by::<S, T, N, 8, 3>(simd, left, right, tile),
        (8, _) => fill_from_doubles_by::<S, T, N, 4, 3>(simd, left, right, tile),
        _ => fill_from_doubles_by::<S, T, N, 2, 6>(simd, left, right, tile),
    }
}

#[inline(always)]
fn fill_from_doubles_by<S: Simd, T: Summand<N>, const N: usize, const M: usize, const A: usize>(
    simd: S,
    left: [&[f64]; N],
    right: &[f64],
    tile: &mut Tile,
) {
    let lanes = S::f64s::LEN;
    for row in (0..ROWS).step_by(M) {
        for column in (0..PANEL).step_by(A * lanes) {
            let sums = register_tile::<S, S::f64s, T, N, M, A>(simd, left, right, row, column);
            for m in 0..M {
                for v in 0..A {
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
