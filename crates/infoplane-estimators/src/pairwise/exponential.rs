//! exp(−d²/8σ²) and exp(−d²/2σ²) of a tile, summed along its rows and columns.

use fearless_simd::prelude::*;
use fearless_simd::{Simd, SimdBase, SimdFloat, SimdWiden};

use crate::simd;
use crate::tile::{PANEL, ROWS, Tile};

/// Places kept for the partial sums of one row: the lanes of the widest vector of doubles.
pub(super) const LANES: usize = simd::DOUBLES;

/// Kernels per noise variance: Bhattacharyya, then Kullback–Leibler.
pub(super) const KERNELS: usize = 2;

/// 2ʳ − 1 = r (c₁ + c₂ r + … + c₆ r⁵) on |r| ≤ ½, relative error of 2ʳ below 2e-9 (least squares reweighted
/// to the minimax fit, with the value at 0 exact: a point's kernel with itself is 1, not nearly 1).
const POLYNOMIAL: [f32; 6] =
    [std::f32::consts::LN_2, 0.240_226_48, 0.055_503_324, 0.009_618_437, 0.001_339_887_4, 0.000_153_533_62];

/// 1.5 · 2²³: adding it rounds a small number to an integer, which then stands in the lowest bits.
const ROUND: f32 = 12_582_912.0;

/// −log₂e / 8σ², in units of the scaled points: what turns d² into the exponent of the Bhattacharyya kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exponent {
    /// The factor in two parts; with one part alone, an exponent of 16 would be off by 1e-6.
    factor: f32,
    factor_rest: f32,
    /// Distances are cut here: the kernel is 2⁻¹²⁰ beyond, and the numbers stay normal.
    furthest: f32,
    /// And here, where noise makes them negative: the kernel is 2¹⁰⁰.
    nearest: f32,
}

impl Exponent {
    pub(super) fn new(noise_variance: f64) -> Self {
        let exact = -std::f64::consts::LOG2_E / (8.0 * noise_variance);
        let factor = exact as f32;
        Exponent {
            factor,
            factor_rest: (exact - f64::from(factor)) as f32,
            furthest: (-120.0 / exact) as f32,
            nearest: (100.0 / exact) as f32,
        }
    }

    /// For the one kernel of shifted points, exp(−(‖a + z − b‖² − ‖z‖²)/2σ²).
    pub(super) fn shifted(noise_variance: f64) -> Self {
        Exponent::new(noise_variance / 4.0)
    }
}

/// Adds both kernels of a tile to the sums of its rows and of its columns.
///
/// `rows[kernel][r]` are 8 partial sums of left point r, `columns[kernel]` the sums of the right points. Only
/// the first `n_rows` left points count; distances to right points that do not exist are infinite.
///
/// If `WEIGHTED`, a right point counts as many times in a row as `right_weights` says, and a left point in a column
/// as `left_weights` says; otherwise these are not read.
///
/// The sums of a row are those of sixteen lanes, whatever the vectors of the processor: places 16 apart share a lane.
/// Single precision adds only three numbers along a row and eight down a column: where all points are equally
/// far apart, all roundings are equal, and they accumulate in a longer sum of equal numbers.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "the hot loop's whole state")]
pub(super) fn add_kernels<S: Simd, const WEIGHTED: bool>(
    simd: S,
    exponent: Exponent,
    tile: &Tile,
    n_rows: usize,
    rows: [&mut [[f64; LANES]]; KERNELS],
    columns: &mut [[f32; PANEL]; KERNELS],
    left_weights: &[f32],
    right_weights: &[f32],
) {
    const ACROSS: usize = 3;
    let lanes = S::f32s::LEN;
    let vector = |value: f32| S::f32s::splat(simd, value);
    let [bhattacharyya_rows, kullback_leibler_rows] = rows;
    let (factor, factor_rest) = (vector(exponent.factor), vector(exponent.factor_rest));
    let (furthest, round) = (vector(exponent.furthest), vector(ROUND));
    let one = vector(1.0);
    // Not by `map`, which the compiler leaves as a call (and spills all vectors around it).
    let [c1, c2, c3, c4, c5, c6] = POLYNOMIAL;
    let (c1, c2, c3) = (vector(c1), vector(c2), vector(c3));
    let (c4, c5, c6) = (vector(c4), vector(c5), vector(c6));
    // Below 2⁻³¹ the fourth power leaves the normal numbers, and the processor its fast path.
    let smallest = vector(ROUND - 31.0);
    let mut all_row_sums = [[[0.0; simd::LANES]; ROWS]; KERNELS];
    for column in (0..simd::LANES).step_by(lanes) {
        let mut column_sums = [[vector(0.0); ACROSS]; KERNELS];
        for row in 0..n_rows.min(ROWS) {
            let mut row_sums = [vector(0.0); KERNELS];
            #[allow(clippy::needless_range_loop, reason = "v also counts vectors along the tile")]
            for v in 0..ACROSS {
                let place = column + v * simd::LANES;
                let squared =
                    simd::min(S::f32s::from_slice(simd, &tile[row][place..place + lanes]), furthest);
                let rounded = squared.mul_add_precise(factor, round);
                let integer = rounded - round;
                let fraction =
                    squared.mul_add_precise(factor_rest, squared.mul_add_precise(factor, -integer));
                let series = c6
                    .mul_add_precise(fraction, c5)
                    .mul_add_precise(fraction, c4)
                    .mul_add_precise(fraction, c3);
                let excess = series.mul_add_precise(fraction, c2).mul_add_precise(fraction, c1) * fraction;
                let shift: S::i32s = rounded.bitcast();
                let shift = shift << 23;
                let mantissa: S::i32s = (one + excess).bitcast();
                let bhattacharyya: S::f32s = (mantissa + shift).bitcast();
                // exp(−d²/2σ²) is the fourth power. Its square root is built from 2ʳ − 1 rather than from
                // 2ʳ, whose rounding the fourth power would enlarge fourfold.
                let square: S::i32s = (one + excess.mul_add_precise(excess, excess + excess)).bitcast();
                let square: S::f32s = (square + (shift + shift)).bitcast();
                let square = rounded.simd_ge(smallest).select(square, vector(0.0));
                let kullback_leibler = square * square;
                if WEIGHTED {
                    let left = vector(left_weights[row]);
                    let right = S::f32s::from_slice(simd, &right_weights[place..place + lanes]);
                    row_sums[0] = bhattacharyya.mul_add_precise(right, row_sums[0]);
                    row_sums[1] = kullback_leibler.mul_add_precise(right, row_sums[1]);
                    column_sums[0][v] = bhattacharyya.mul_add_precise(left, column_sums[0][v]);
                    column_sums[1][v] = kullback_leibler.mul_add_precise(left, column_sums[1][v]);
                } else {
                    row_sums[0] += bhattacharyya;
                    row_sums[1] += kullback_leibler;
                    column_sums[0][v] += bhattacharyya;
                    column_sums[1][v] += kullback_leibler;
                }
            }
            if lanes == simd::LANES {
                for (sum, rows) in
                    row_sums.into_iter().zip([&mut *bhattacharyya_rows, &mut *kullback_leibler_rows])
                {
                    add_vector(simd, sum, &mut rows[row]);
                }
            } else {
                for (sum, rows) in row_sums.into_iter().zip(&mut all_row_sums) {
                    sum.store_slice(&mut rows[row][column..column + lanes]);
                }
            }
        }
        for (sums, columns) in column_sums.iter().zip(columns.iter_mut()) {
            for (v, sum) in sums.iter().enumerate() {
                let place = &mut columns[column + v * simd::LANES..][..lanes];
                (S::f32s::from_slice(simd, place) + *sum).store_slice(place);
            }
        }
    }
    if lanes < simd::LANES {
        for (sums, rows) in all_row_sums.iter().zip([bhattacharyya_rows, kullback_leibler_rows]) {
            for (sums, row) in sums.iter().zip(rows).take(n_rows) {
                add_lanes(sums, row);
            }
        }
    }
}

/// Adds sixteen lanes to the eight partial sums of a row: lanes l and l + 8 to place l.
#[inline(always)]
fn add_lanes(lanes: &[f32; simd::LANES], row: &mut [f64; LANES]) {
    let (low, high) = lanes.split_at(LANES);
    for ((place, low), high) in row.iter_mut().zip(low).zip(high) {
        *place += f64::from(*low) + f64::from(*high);
    }
}

/// The same of a vector of sixteen lanes.
#[inline(always)]
fn add_vector<S: Simd>(simd: S, lanes: S::f32s, row: &mut [f64; LANES]) {
    let (low, high) = lanes.widen();
    (S::f64s::from_slice(simd, row) + (low + high)).store_slice(row);
}

/// Adds the kernel of a tile of shifted distances to the sums of its rows.
///
/// `rows[r]` are 8 partial sums of left point r. If `WEIGHTED`, a right point counts as many times as `right_weights`
/// says. Shifted distances may be negative and kernels above 1; a kernel
/// above 2¹⁰⁰ counts as 2¹⁰⁰. Its mean over the noise is 1, so that even among 2⁶⁴ pairs one of that size has
/// a probability of 10⁻¹¹.
#[inline(always)]
pub(super) fn add_shifted_kernels<S: Simd, const WEIGHTED: bool>(
    simd: S,
    exponent: Exponent,
    tile: &Tile,
    n_rows: usize,
    rows: &mut [[f64; LANES]],
    right_weights: &[f32],
) {
    const ACROSS: usize = 3;
    let lanes = S::f32s::LEN;
    let vector = |value: f32| S::f32s::splat(simd, value);
    let (factor, factor_rest) = (vector(exponent.factor), vector(exponent.factor_rest));
    let (furthest, nearest) = (vector(exponent.furthest), vector(exponent.nearest));
    let (round, one) = (vector(ROUND), vector(1.0));
    let [c1, c2, c3, c4, c5, c6] = POLYNOMIAL;
    let (c1, c2, c3) = (vector(c1), vector(c2), vector(c3));
    let (c4, c5, c6) = (vector(c4), vector(c5), vector(c6));
    for (tile, rows) in tile.iter().zip(rows).take(n_rows) {
        let mut sums = [0.0; simd::LANES];
        for column in (0..simd::LANES).step_by(lanes) {
            let mut sum = vector(0.0);
            for v in 0..ACROSS {
                let place = column + v * simd::LANES;
                let distance = S::f32s::from_slice(simd, &tile[place..place + lanes]);
                let distance = simd::max(simd::min(distance, furthest), nearest);
                let rounded = distance.mul_add_precise(factor, round);
                let integer = rounded - round;
                let fraction =
                    distance.mul_add_precise(factor_rest, distance.mul_add_precise(factor, -integer));
                let series = c6
                    .mul_add_precise(fraction, c5)
                    .mul_add_precise(fraction, c4)
                    .mul_add_precise(fraction, c3);
                let excess = series.mul_add_precise(fraction, c2).mul_add_precise(fraction, c1) * fraction;
                let shift: S::i32s = rounded.bitcast();
                let mantissa: S::i32s = (one + excess).bitcast();
                let kernel: S::f32s = (mantissa + (shift << 23)).bitcast();
                sum = if WEIGHTED {
                    kernel
                        .mul_add_precise(S::f32s::from_slice(simd, &right_weights[place..place + lanes]), sum)
                } else {
                    sum + kernel
                };
            }
            if lanes == simd::LANES {
                add_vector(simd, sum, rows);
            } else {
                sum.store_slice(&mut sums[column..column + lanes]);
            }
        }
        if lanes < simd::LANES {
            add_lanes(&sums, rows);
        }
    }
}
