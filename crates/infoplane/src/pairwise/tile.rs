//! Squared distances of 8 points to 48, in registers.
//!
//! A *panel* holds up to 48 points, column by column: `panel[k * 48 + l]` is coordinate k of point l. A *strip*
//! is the same for 8 points. A tile takes a strip against a panel: at width 128 these are 4 and 24 KB, so that
//! the panel stays in the first-level cache while the strips of a block pass by.

use fearless_simd::{Simd, SimdBase, SimdFloat};

/// Points in a panel.
pub(super) const PANEL: usize = 48;
/// Points in a strip.
pub(super) const ROWS: usize = 8;
/// Squared distances; `tile[r][l]` is that of left point r to right point l.
pub(super) type Tile = [[f32; PANEL]; ROWS];

/// Vectors of a register tile across the right panel. With 8 rows they fill 24 of the 32 registers of
/// AVX-512: 8 broadcasts and 3 loads feed 24 multiply-adds.
const ACROSS: usize = 3;

/// Products are summed in runs of at most so many coordinates, and the runs then added: rounding grows
/// with the length of a run and not with the width of a layer.
pub(super) const PRODUCT_RUN: usize = 128;

/// The same for squared differences, which do not cancel: their sum grows throughout, and where the data lie
/// on a grid it is always rounded the same way. 128 were off by 7e-7 bits on such data, 32 by 1e-7.
const DIFFERENCE_RUN: usize = 32;

/// Left points at a time against three vectors of right ones where noise is added: two broadcasts each, and
/// registers to spare for what stands between them.
const SHIFTED_ROWS: usize = 4;

/// The two things that can be summed over coordinates.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Summand {
    /// a b
    Product,
    /// (a − b)²
    SquaredDifference,
}

/// Adds up a part of a tile: `M` left points against three vectors of right points.
#[inline(always)]
fn register_tile<S: Simd, const M: usize, const SQUARED_DIFFERENCE: bool>(
    simd: S,
    left: &[f32],
    right: &[f32],
    first_row: usize,
    first_column: usize,
) -> [[S::f32s; ACROSS]; M] {
    let lanes = S::f32s::LEN;
    let mut sums = [[S::f32s::splat(simd, 0.0); ACROSS]; M];
    for (left, right) in left.chunks_exact(ROWS).zip(right.chunks_exact(PANEL)) {
        let left = &left[first_row..first_row + M];
        let right = &right[first_column..first_column + ACROSS * lanes];
        let right: [S::f32s; ACROSS] =
            std::array::from_fn(|v| S::f32s::from_slice(simd, &right[v * lanes..(v + 1) * lanes]));
        for row in 0..M {
            let coordinate = S::f32s::splat(simd, left[row]);
            for v in 0..ACROSS {
                if SQUARED_DIFFERENCE {
                    let difference = coordinate - right[v];
                    sums[row][v] = difference.mul_add(difference, sums[row][v]);
                } else {
                    sums[row][v] = coordinate.mul_add(right[v], sums[row][v]);
                }
            }
        }
    }
    sums
}

/// Sums over all coordinates for a whole tile.
#[inline(always)]
fn sum<S: Simd, const M: usize, const SQUARED_DIFFERENCE: bool>(
    simd: S,
    left: &[f32],
    right: &[f32],
    tile: &mut Tile,
) {
    let lanes = S::f32s::LEN;
    let length = if SQUARED_DIFFERENCE { DIFFERENCE_RUN } else { PRODUCT_RUN };
    for (run, (left, right)) in left.chunks(length * ROWS).zip(right.chunks(length * PANEL)).enumerate() {
        for row in (0..ROWS).step_by(M) {
            for column in (0..PANEL).step_by(ACROSS * lanes) {
                let sums = register_tile::<S, M, SQUARED_DIFFERENCE>(simd, left, right, row, column);
                for m in 0..M {
                    for v in 0..ACROSS {
                        let place = &mut tile[row + m][column + v * lanes..column + (v + 1) * lanes];
                        let mut total = sums[m][v];
                        if run > 0 {
                            total += S::f32s::from_slice(simd, place);
                        }
                        total.store_slice(place);
                    }
                }
            }
        }
    }
}

/// As many rows at once as the registers hold.
#[inline(always)]
fn sum_by_width<S: Simd>(simd: S, what: Summand, left: &[f32], right: &[f32], tile: &mut Tile) {
    match (S::f32s::LEN, what) {
        (16, Summand::Product) => sum::<S, 8, false>(simd, left, right, tile),
        (16, Summand::SquaredDifference) => sum::<S, 8, true>(simd, left, right, tile),
        (_, Summand::Product) => sum::<S, 4, false>(simd, left, right, tile),
        (_, Summand::SquaredDifference) => sum::<S, 4, true>(simd, left, right, tile),
    }
}

/// Cuts a panel into its strips, one after the other.
pub(super) fn cut_into_strips<E: Copy>(panel: &[E], strips: &mut [E]) {
    let length = panel.len() / PANEL * ROWS;
    for (number, strip) in strips.chunks_exact_mut(length).enumerate() {
        for (strip, panel) in strip.chunks_exact_mut(ROWS).zip(panel.chunks_exact(PANEL)) {
            strip.copy_from_slice(&panel[number * ROWS..(number + 1) * ROWS]);
        }
    }
}

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
    sum_by_width(simd, Summand::Product, left, right, tile);
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
            let squared = product.mul_add(minus_two, coarse) + rest;
            smallest = smallest.min(squared);
            squared.store_slice(place);
        }
    }
    smallest.reduce_min()
}

/// A precision in which points are kept exactly, and their distances taken by differences.
pub(super) trait Exact: Copy + Default + Send + Sync + 'static {
    fn from_double(value: f64) -> Self;

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
    fn squared_distances<S: Simd>(simd: S, left: &[f32], right: &[f32], tile: &mut Tile) {
        sum_by_width(simd, Summand::SquaredDifference, left, right, tile);
    }

    #[inline(always)]
    fn shifted_distances<S: Simd>(
        simd: S,
        left: &[f32],
        twice_noise: &[f32],
        right: &[f32],
        tile: &mut Tile,
    ) {
        let lanes = S::f32s::LEN;
        let runs = left
            .chunks(DIFFERENCE_RUN * ROWS)
            .zip(twice_noise.chunks(DIFFERENCE_RUN * ROWS))
            .zip(right.chunks(DIFFERENCE_RUN * PANEL));
        for (run, ((left, twice_noise), right)) in runs.enumerate() {
            for row in (0..ROWS).step_by(SHIFTED_ROWS) {
                for column in (0..PANEL).step_by(ACROSS * lanes) {
                    let mut sums = [[S::f32s::splat(simd, 0.0); ACROSS]; SHIFTED_ROWS];
                    let coordinates = left.chunks_exact(ROWS).zip(twice_noise.chunks_exact(ROWS));
                    for ((left, twice_noise), right) in coordinates.zip(right.chunks_exact(PANEL)) {
                        let left = &left[row..row + SHIFTED_ROWS];
                        let twice_noise = &twice_noise[row..row + SHIFTED_ROWS];
                        let right = &right[column..column + ACROSS * lanes];
                        let right: [S::f32s; ACROSS] = std::array::from_fn(|v| {
                            S::f32s::from_slice(simd, &right[v * lanes..(v + 1) * lanes])
                        });
                        for m in 0..SHIFTED_ROWS {
                            let coordinate = S::f32s::splat(simd, left[m]);
                            let noise = S::f32s::splat(simd, twice_noise[m]);
                            for v in 0..ACROSS {
                                let difference = coordinate - right[v];
                                sums[m][v] = difference.mul_add(difference + noise, sums[m][v]);
                            }
                        }
                    }
                    for m in 0..SHIFTED_ROWS {
                        for v in 0..ACROSS {
                            let place = &mut tile[row + m][column + v * lanes..column + (v + 1) * lanes];
                            let mut total = sums[m][v];
                            if run > 0 {
                                total += S::f32s::from_slice(simd, place);
                            }
                            total.store_slice(place);
                        }
                    }
                }
            }
        }
    }
}

impl Exact for f64 {
    #[inline(always)]
    fn from_double(value: f64) -> f64 {
        value
    }

    #[inline(always)]
    fn squared_distances<S: Simd>(simd: S, left: &[f64], right: &[f64], tile: &mut Tile) {
        match S::f64s::LEN {
            8 => sum_double::<S, 8>(simd, left, right, tile),
            _ => sum_double::<S, 4>(simd, left, right, tile),
        }
    }

    #[inline(always)]
    fn shifted_distances<S: Simd>(
        simd: S,
        left: &[f64],
        twice_noise: &[f64],
        right: &[f64],
        tile: &mut Tile,
    ) {
        let lanes = S::f64s::LEN;
        for row in (0..ROWS).step_by(SHIFTED_ROWS) {
            for column in (0..PANEL).step_by(ACROSS * lanes) {
                let mut sums = [[S::f64s::splat(simd, 0.0); ACROSS]; SHIFTED_ROWS];
                let coordinates = left.chunks_exact(ROWS).zip(twice_noise.chunks_exact(ROWS));
                for ((left, twice_noise), right) in coordinates.zip(right.chunks_exact(PANEL)) {
                    let left = &left[row..row + SHIFTED_ROWS];
                    let twice_noise = &twice_noise[row..row + SHIFTED_ROWS];
                    let right = &right[column..column + ACROSS * lanes];
                    let right: [S::f64s; ACROSS] = std::array::from_fn(|v| {
                        S::f64s::from_slice(simd, &right[v * lanes..(v + 1) * lanes])
                    });
                    for m in 0..SHIFTED_ROWS {
                        let coordinate = S::f64s::splat(simd, left[m]);
                        let noise = S::f64s::splat(simd, twice_noise[m]);
                        for v in 0..ACROSS {
                            let difference = coordinate - right[v];
                            sums[m][v] = difference.mul_add(difference + noise, sums[m][v]);
                        }
                    }
                }
                for m in 0..SHIFTED_ROWS {
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
}

/// Differences, squares and sums in double precision; only the result is rounded.
#[inline(always)]
fn sum_double<S: Simd, const M: usize>(simd: S, left: &[f64], right: &[f64], tile: &mut Tile) {
    let lanes = S::f64s::LEN;
    for row in (0..ROWS).step_by(M) {
        for column in (0..PANEL).step_by(ACROSS * lanes) {
            let mut sums = [[S::f64s::splat(simd, 0.0); ACROSS]; M];
            for (left, right) in left.chunks_exact(ROWS).zip(right.chunks_exact(PANEL)) {
                let left = &left[row..row + M];
                let right = &right[column..column + ACROSS * lanes];
                let right: [S::f64s; ACROSS] =
                    std::array::from_fn(|v| S::f64s::from_slice(simd, &right[v * lanes..(v + 1) * lanes]));
                for m in 0..M {
                    let coordinate = S::f64s::splat(simd, left[m]);
                    for v in 0..ACROSS {
                        let difference = coordinate - right[v];
                        sums[m][v] = difference.mul_add(difference, sums[m][v]);
                    }
                }
            }
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
