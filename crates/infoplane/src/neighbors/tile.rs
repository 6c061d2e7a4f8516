//! Distances of 8 points to 48 in single precision, in registers.
//!
//! A *panel* holds up to 48 points, coordinate by coordinate: `panel[c * 48 + l]` is coordinate c of point l. Its
//! six *strips* hold the same points by eight. A tile takes a strip against a panel.

use fearless_simd::{Simd, SimdBase, SimdFloat};

/// Points in a panel.
pub(super) const PANEL: usize = 48;
/// Points in a strip.
pub(super) const ROWS: usize = 8;
/// `tile[r][l]` is of left point r and right point l.
pub(super) type Tile = [[f32; PANEL]; ROWS];

/// Vectors across the right panel: with 8 rows 24 sums, of the 32 registers of AVX-512.
const ACROSS: usize = 3;

/// Coordinates summed in one run; runs are then added, so that rounding grows with their length only.
pub(super) const RUN: usize = 128;

/// Σ a b.
pub(super) const PRODUCT: u8 = 0;
/// Σ (a − b)².
pub(super) const SQUARED_DIFFERENCE: u8 = 1;
/// max |a − b|.
pub(super) const LARGEST_DIFFERENCE: u8 = 2;

#[inline(always)]
fn register_tile<S: Simd, const M: usize, const WHAT: u8>(
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
                let sum = &mut sums[row][v];
                *sum = match WHAT {
                    PRODUCT => coordinate.mul_add(right[v], *sum),
                    SQUARED_DIFFERENCE => {
                        let difference = coordinate - right[v];
                        difference.mul_add(difference, *sum)
                    }
                    _ => sum.max((coordinate - right[v]).abs()),
                };
            }
        }
    }
    sums
}

#[inline(always)]
fn fill_by<S: Simd, const M: usize, const WHAT: u8>(simd: S, left: &[f32], right: &[f32], tile: &mut Tile) {
    let lanes = S::f32s::LEN;
    for (run, (left, right)) in left.chunks(RUN * ROWS).zip(right.chunks(RUN * PANEL)).enumerate() {
        for row in (0..ROWS).step_by(M) {
            for column in (0..PANEL).step_by(ACROSS * lanes) {
                let sums = register_tile::<S, M, WHAT>(simd, left, right, row, column);
                for m in 0..M {
                    for v in 0..ACROSS {
                        let place = &mut tile[row + m][column + v * lanes..column + (v + 1) * lanes];
                        let mut total = sums[m][v];
                        if run > 0 {
                            let before = S::f32s::from_slice(simd, place);
                            total =
                                if WHAT == LARGEST_DIFFERENCE { total.max(before) } else { total + before };
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
pub(super) fn fill<S: Simd, const WHAT: u8>(simd: S, left: &[f32], right: &[f32], tile: &mut Tile) {
    match S::f32s::LEN {
        16 => fill_by::<S, 8, WHAT>(simd, left, right, tile),
        _ => fill_by::<S, 4, WHAT>(simd, left, right, tile),
    }
}

/// ‖a‖² + ‖b‖² − 2ab in place of the products.
#[inline(always)]
pub(super) fn squared_from_products<S: Simd>(
    simd: S,
    left_norms: &[f32],
    right_norms: &[f32],
    tile: &mut Tile,
) {
    let lanes = S::f32s::LEN;
    let minus_two = S::f32s::splat(simd, -2.0);
    for (row, &norm) in tile.iter_mut().zip(&left_norms[..ROWS]) {
        let norm = S::f32s::splat(simd, norm);
        for column in (0..PANEL).step_by(lanes) {
            let place = &mut row[column..column + lanes];
            let norms = norm + S::f32s::from_slice(simd, &right_norms[column..column + lanes]);
            S::f32s::from_slice(simd, place).mul_add(minus_two, norms).store_slice(place);
        }
    }
}
