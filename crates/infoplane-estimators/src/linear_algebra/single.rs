//! Products of matrices in single precision, for networks.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};

use crate::simd::LANES;

/// Depth of a block: 256 rows of [`LANES`] columns are 16 KiB.
const DEPTH: usize = 256;

/// A, `(rows, depth)`: entry (i, k) is `values[i * stride + k]`, or `values[k * stride + i]` if A is transposed.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) transposed: bool,
}

/// C += A B, where B is `(depth, columns)` and C `(rows, columns)`; columns a multiple of [`LANES`].
///
/// Every entry of C is one chain of fused multiply-adds in ascending depth, on every processor.
pub(crate) fn add_product(level: Level, a: Left<'_>, b: &[f32], columns: usize, c: &mut [f32]) {
    assert!(
        columns.is_multiple_of(LANES) && b.len().is_multiple_of(columns) && c.len().is_multiple_of(columns)
    );
    dispatch!(level, simd => add_blocks(simd, a, b, columns, c));
}

#[inline(always)]
fn add_blocks<S: Simd>(simd: S, a: Left<'_>, b: &[f32], columns: usize, c: &mut [f32]) {
    for (block, b) in b.chunks(DEPTH * columns).enumerate() {
        for column in (0..columns).step_by(LANES) {
            // Eight chains or more hide the latency of an addition; sixteen registers hold no more.
            match S::f32s::LEN {
                16 => column_of_tiles::<S, 8, 1>(
                    simd,
                    a,
                    block * DEPTH,
                    &b[column..],
                    columns,
                    &mut c[column..],
                ),
                8 => column_of_tiles::<S, 4, 2>(
                    simd,
                    a,
                    block * DEPTH,
                    &b[column..],
                    columns,
                    &mut c[column..],
                ),
                _ => column_of_tiles::<S, 2, 4>(
                    simd,
                    a,
                    block * DEPTH,
                    &b[column..],
                    columns,
                    &mut c[column..],
                ),
            }
        }
    }
}

/// All rows of C in [`LANES`] columns: R at a time, then one at a time. P vectors make [`LANES`].
#[inline(always)]
fn column_of_tiles<S: Simd, const R: usize, const P: usize>(
    simd: S,
    a: Left<'_>,
    depth: usize,
    b: &[f32],
    columns: usize,
    c: &mut [f32],
) {
    let rows = c.len().div_ceil(columns);
    let mut row = 0;
    while row < rows {
        let (over, along) = if a.transposed { (depth, row) } else { (row, depth) };
        let a = Left { values: &a.values[over * a.stride + along..], ..a };
        let c = &mut c[row * columns..];
        if rows - row >= R {
            tile::<S, R, P>(simd, a, b, columns, c);
            row += R;
        } else {
            tile::<S, 1, P>(simd, a, b, columns, c);
            row += 1;
        }
    }
}

#[inline(always)]
fn tile<S: Simd, const R: usize, const P: usize>(
    simd: S,
    a: Left<'_>,
    b: &[f32],
    columns: usize,
    c: &mut [f32],
) {
    let length = S::f32s::LEN;
    let depth = b.len().div_ceil(columns);
    let mut sums = [[S::f32s::splat(simd, 0.0); P]; R];
    for r in 0..R {
        for p in 0..P {
            sums[r][p] = S::f32s::from_slice(simd, &c[r * columns + p * length..][..length]);
        }
    }
    // Loops over places, not iterators or closures: the compiler leaves some of those as calls.
    if a.transposed {
        for k in 0..depth {
            let factors = &a.values[k * a.stride..][..R];
            let row = &b[k * columns..][..LANES];
            let mut vectors = [S::f32s::splat(simd, 0.0); P];
            for p in 0..P {
                vectors[p] = S::f32s::from_slice(simd, &row[p * length..][..length]);
            }
            for r in 0..R {
                let factor = S::f32s::splat(simd, factors[r]);
                for p in 0..P {
                    sums[r][p] = factor.mul_add_precise(vectors[p], sums[r][p]);
                }
            }
        }
    } else {
        let mut rows = [&a.values[..depth]; R];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = &a.values[r * a.stride..][..depth];
        }
        for k in 0..depth {
            let row = &b[k * columns..][..LANES];
            let mut vectors = [S::f32s::splat(simd, 0.0); P];
            for p in 0..P {
                vectors[p] = S::f32s::from_slice(simd, &row[p * length..][..length]);
            }
            for r in 0..R {
                let factor = S::f32s::splat(simd, rows[r][k]);
                for p in 0..P {
                    sums[r][p] = factor.mul_add_precise(vectors[p], sums[r][p]);
                }
            }
        }
    }
    for r in 0..R {
        for p in 0..P {
            sums[r][p].store_slice(&mut c[r * columns + p * length..][..length]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::numbers;
    use super::*;
    use crate::simd::same_at_every_level;

    #[test]
    fn a_product_is_its_chains_of_multiply_adds_at_every_level() {
        let single = |count, seed| numbers(count, seed).iter().map(|v| *v as f32).collect::<Vec<f32>>();
        for (rows, depth, columns) in [(1, 1, 16), (3, 5, 32), (9, 300, 16), (13, 513, 48)] {
            let (a, b) = (single(rows * depth, 1), single(depth * columns, 2));
            let start = single(rows * columns, 3);
            let product = |left: Left<'_>| {
                same_at_every_level(|level| {
                    let mut c = start.clone();
                    add_product(level, left, &b, columns, &mut c);
                    c
                })
            };
            let c = product(Left { values: &a, stride: depth, transposed: false });
            for (place, &value) in c.iter().enumerate() {
                let (i, j) = (place / columns, place % columns);
                let chain =
                    (0..depth).fold(start[place], |sum, k| a[i * depth + k].mul_add(b[k * columns + j], sum));
                assert_eq!(value, chain, "{i} {j} of {rows} {depth} {columns}");
            }
            let turned: Vec<f32> = (0..depth * rows).map(|i| a[i % rows * depth + i / rows]).collect();
            assert_eq!(c, product(Left { values: &turned, stride: rows, transposed: true }));
        }
    }
}
