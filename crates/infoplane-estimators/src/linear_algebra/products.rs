//! Sums of products, products of matrices and squared distances, in double precision.
//!
//! Every sum has one order, whatever the vectors of the processor; the products of `ndarray` take others on other processors.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};
use ndarray::{Array2, ArrayView2, s};

use crate::interrupt::poll;
use crate::simd::{DOUBLES, array, level, sum_doubles};

/// Σ a b.
pub(crate) fn dot(level: Level, a: &[f64], b: &[f64]) -> f64 {
    dispatch!(level, simd => dot_lanes(simd, a, b))
}

#[inline(always)]
fn dot_lanes<S: Simd>(simd: S, a: &[f64], b: &[f64]) -> f64 {
    match S::f64s::LEN {
        8 => dot_parts::<S, 1>(simd, a, b),
        4 => dot_parts::<S, 2>(simd, a, b),
        _ => dot_parts::<S, 4>(simd, a, b),
    }
}

/// Four sums of eight lanes, each in P vectors.
#[inline(always)]
fn dot_parts<S: Simd, const P: usize>(simd: S, a: &[f64], b: &[f64]) -> f64 {
    let lanes = S::f64s::LEN;
    let mut sums = [[S::f64s::splat(simd, 0.0); P]; 4];
    let (a_blocks, b_blocks) = (a.chunks_exact(4 * DOUBLES), b.chunks_exact(4 * DOUBLES));
    let rest: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_blocks.zip(b_blocks) {
        for (v, sum) in sums.as_flattened_mut().iter_mut().enumerate() {
            let place = v * lanes..(v + 1) * lanes;
            let (a, b) = (S::f64s::from_slice(simd, &a[place.clone()]), S::f64s::from_slice(simd, &b[place]));
            *sum = a.mul_add_precise(b, *sum);
        }
    }
    let [first, second, third, fourth] = sums;
    let all: [S::f64s; P] = array(|p| (first[p] + second[p]) + (third[p] + fourth[p]));
    sum_doubles::<S>(&all) + rest
}

/// y += factor x.
pub(crate) fn add_multiple(level: Level, factor: f64, x: &[f64], y: &mut [f64]) {
    dispatch!(level, simd => add_multiple_lanes(simd, factor, x, y));
}

#[inline(always)]
fn add_multiple_lanes<S: Simd>(simd: S, factor: f64, x: &[f64], y: &mut [f64]) {
    let lanes = S::f64s::LEN;
    let factors = S::f64s::splat(simd, factor);
    // The rest is rounded twice: where it begins must not depend on the processor.
    let whole = x.len() / DOUBLES * DOUBLES;
    for (x, y) in x[..whole].chunks_exact(lanes).zip(y[..whole].chunks_exact_mut(lanes)) {
        factors.mul_add_precise(S::f64s::from_slice(simd, x), S::f64s::from_slice(simd, y)).store_slice(y);
    }
    for (x, y) in x[whole..].iter().zip(&mut y[whole..]) {
        *y += factor * x;
    }
}

/// A B, in double precision. Every entry is one chain of fused multiply-adds in ascending depth.
///
/// That of `ndarray` takes other orders, and roundings, on other processors.
pub(crate) fn matrix_product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    /// Depth of a block: 256 rows of 32 columns are 64 KiB.
    const DEPTH: usize = 256;
    let ((rows, depth), columns) = (a.dim(), b.ncols());
    assert_eq!(depth, b.nrows(), "columns of the left matrix, rows of the right");
    let stride = columns.next_multiple_of(DOUBLES);
    let mut sums = vec![0.0; rows * stride];
    let mut right = vec![0.0; DEPTH.min(depth) * stride];
    let mut left = vec![0.0; DEPTH.min(depth) * rows];
    let level = level();
    for first in (0..depth).step_by(DEPTH) {
        poll();
        let here = DEPTH.min(depth - first);
        for k in 0..here {
            // Eight columns lie together: in rows of a power of two, their depth would share a few places of the cache.
            for (column, value) in b.row(first + k).iter().enumerate() {
                right[(column / DOUBLES * here + k) * DOUBLES + column % DOUBLES] = *value;
            }
        }
        for (i, left) in left[..rows * here].chunks_exact_mut(here).enumerate() {
            left.iter_mut().zip(a.row(i).slice(s![first..])).for_each(|(place, value)| *place = *value);
        }
        let left = &left[..rows * here];
        dispatch!(level, simd => add_products(simd, left, &right, here, stride, &mut sums));
    }
    Array2::from_shape_fn((rows, columns), |(i, j)| sums[i * stride + j])
}

/// `left`: row by row; `right`: eight columns after the other, each of these row by row.
#[inline(always)]
fn add_products<S: Simd>(
    simd: S,
    left: &[f64],
    right: &[f64],
    depth: usize,
    stride: usize,
    sums: &mut [f64],
) {
    match S::f64s::LEN {
        8 => add_products_by::<S, 8, 1>(simd, left, right, depth, stride, sums),
        4 => add_products_by::<S, 4, 2>(simd, left, right, depth, stride, sums),
        _ => add_products_by::<S, 2, 4>(simd, left, right, depth, stride, sums),
    }
}

/// R rows and eight columns, in P vectors, share the registers.
#[inline(always)]
fn add_products_by<S: Simd, const R: usize, const P: usize>(
    simd: S,
    left: &[f64],
    right: &[f64],
    depth: usize,
    stride: usize,
    sums: &mut [f64],
) {
    if stride == 0 {
        return;
    }
    for (left, sums) in left.chunks(R * depth).zip(sums.chunks_mut(R * stride)) {
        for column in (0..stride).step_by(DOUBLES) {
            if sums.len() == R * stride {
                product_tile::<S, R, P>(
                    simd,
                    left,
                    &right[column * depth..],
                    depth,
                    stride,
                    &mut sums[column..],
                );
            } else {
                for (left, sums) in left.chunks(depth).zip(sums.chunks_mut(stride)) {
                    product_tile::<S, 1, P>(
                        simd,
                        left,
                        &right[column * depth..],
                        depth,
                        stride,
                        &mut sums[column..],
                    );
                }
            }
        }
    }
}

#[inline(always)]
fn product_tile<S: Simd, const R: usize, const P: usize>(
    simd: S,
    left: &[f64],
    right: &[f64],
    depth: usize,
    stride: usize,
    sums: &mut [f64],
) {
    let lanes = S::f64s::LEN;
    let mut tile = [[S::f64s::splat(simd, 0.0); P]; R];
    for r in 0..R {
        for p in 0..P {
            tile[r][p] = S::f64s::from_slice(simd, &sums[r * stride + p * lanes..][..lanes]);
        }
    }
    for k in 0..depth {
        let row = &right[k * DOUBLES..][..DOUBLES];
        let mut vectors = [S::f64s::splat(simd, 0.0); P];
        for p in 0..P {
            vectors[p] = S::f64s::from_slice(simd, &row[p * lanes..][..lanes]);
        }
        for r in 0..R {
            let factor = S::f64s::splat(simd, left[r * depth + k]);
            for p in 0..P {
                tile[r][p] = factor.mul_add_precise(vectors[p], tile[r][p]);
            }
        }
    }
    for r in 0..R {
        for p in 0..P {
            tile[r][p].store_slice(&mut sums[r * stride + p * lanes..][..lanes]);
        }
    }
}

/// Squared distances of one point to others: `out[j]` = Σ_k (columns[k][first + j] − columns[k][point])².
pub(crate) fn squared_distances(
    level: Level,
    columns: &[Vec<f64>],
    point: usize,
    first: usize,
    out: &mut [f64],
) {
    dispatch!(level, simd => squared_distances_lanes(simd, columns, point, first, out));
}

#[inline(always)]
fn squared_distances_lanes<S: Simd>(
    simd: S,
    columns: &[Vec<f64>],
    point: usize,
    first: usize,
    out: &mut [f64],
) {
    const ACROSS: usize = 4;
    let lanes = S::f64s::LEN;
    let step = ACROSS * lanes;
    // The rest is rounded twice: where it begins must not depend on the processor.
    let whole = out.len() / (ACROSS * DOUBLES) * (ACROSS * DOUBLES);
    for (start, out) in (0..whole).step_by(step).zip(out[..whole].chunks_exact_mut(step)) {
        let start = first + start;
        let mut sums = [S::f64s::splat(simd, 0.0); ACROSS];
        for column in columns {
            let others = &column[start..start + step];
            let at = S::f64s::splat(simd, column[point]);
            for (v, sum) in sums.iter_mut().enumerate() {
                let difference = S::f64s::from_slice(simd, &others[v * lanes..(v + 1) * lanes]) - at;
                *sum = difference.mul_add_precise(difference, *sum);
            }
        }
        for (sum, out) in sums.iter().zip(out.chunks_exact_mut(lanes)) {
            sum.store_slice(out);
        }
    }
    for (j, out) in out.iter_mut().enumerate().skip(whole) {
        let square = |difference: f64| difference * difference;
        *out = columns.iter().map(|column| square(column[first + j] - column[point])).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::super::numbers;
    use super::*;
    use crate::simd::same_at_every_level;

    #[test]
    fn a_product_of_matrices_is_its_sums_of_products() {
        for (rows, depth, columns) in [(0, 3, 2), (2, 0, 3), (1, 1, 1), (3, 5, 7), (8, 300, 8), (13, 517, 30)]
        {
            let a = Array2::from_shape_vec((rows, depth), numbers(rows * depth, 1)).unwrap();
            let b = Array2::from_shape_vec((columns, depth), numbers(columns * depth, 2)).unwrap();
            let product = matrix_product(a.view(), b.t());
            assert_eq!(product.dim(), (rows, columns));
            for ((i, j), &value) in product.indexed_iter() {
                let chain = (0..depth).fold(0.0, |sum, k| a[(i, k)].mul_add(b[(j, k)], sum));
                assert_eq!(value, chain, "{i} {j} of {rows} {depth} {columns}");
            }
        }
    }

    #[test]
    fn tiles_of_a_product_have_the_same_bits_at_every_level() {
        let (rows, depth, stride) = (13, 40, 24);
        let (left, right) = (numbers(rows * depth, 1), numbers(depth * stride, 2));
        same_at_every_level(|level| {
            let mut sums = numbers(rows * stride, 3);
            dispatch!(level, simd => add_products(simd, &left, &right, depth, stride, &mut sums));
            sums
        });
    }

    #[test]
    fn sums_and_distances_have_the_same_bits_at_every_level() {
        for n in [0, 1, 7, 8, 31, 32, 33, 100, 163] {
            let (a, b) = (numbers(n, 1), numbers(n, 2));
            let dot = same_at_every_level(|level| dot(level, &a, &b));
            let exact: f64 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert!((dot - exact).abs() < 1e-13, "{n}");
            same_at_every_level(|level| {
                let mut sum = b.clone();
                add_multiple(level, 0.3, &a, &mut sum);
                sum
            });
            let columns = [numbers(n + 1, 3), numbers(n + 1, 4), numbers(n + 1, 5)];
            same_at_every_level(|level| {
                let mut distances = vec![0.0; n];
                squared_distances(level, &columns, n, 0, &mut distances);
                distances
            });
        }
    }
}
