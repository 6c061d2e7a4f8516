//! Eigenvalues of symmetric matrices, and products of matrices.
//!
//! Householder's tridiagonal form, by panels of 32 reflections, then the QL iteration without square roots. Half of
//! the multiply-adds of the first stage are a product of the matrix and a vector, which memory bounds, so that the
//! panels read the matrix once for a reflection and write it once for 32. All sums are cut at fixed places, so that
//! the bits do not depend on the number of threads, nor on the vectors of the processor.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use crate::math;
use crate::simd::{DOUBLES, level, sum_doubles};

/// Reflections that are collected before the rest of the matrix is updated.
const PANEL: usize = 32;

/// Rows of a matrix that are updated as one task.
const TASK_ROWS: usize = 32;

/// Sweeps of the QL iteration for one eigenvalue, at most.
const SWEEPS: usize = 100;

/// From so many rows on a product is worth sharing between threads.
const SHARED_ROWS: usize = 192;

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
    let all: [S::f64s; P] = std::array::from_fn(|p| (first[p] + second[p]) + (third[p] + fourth[p]));
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
        let here = DEPTH.min(depth - first);
        for (k, right) in right.chunks_exact_mut(stride.max(1)).take(here).enumerate() {
            right.iter_mut().zip(b.row(first + k)).for_each(|(place, value)| *place = *value);
        }
        for (i, left) in left[..rows * here].chunks_exact_mut(here).enumerate() {
            left.iter_mut().zip(a.row(i).slice(s![first..])).for_each(|(place, value)| *place = *value);
        }
        let left = &left[..rows * here];
        dispatch!(level, simd => add_products(simd, left, &right, here, stride, &mut sums));
    }
    Array2::from_shape_fn((rows, columns), |(i, j)| sums[i * stride + j])
}

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
                product_tile::<S, R, P>(simd, left, &right[column..], depth, stride, &mut sums[column..]);
            } else {
                for (left, sums) in left.chunks(depth).zip(sums.chunks_mut(stride)) {
                    product_tile::<S, 1, P>(simd, left, &right[column..], depth, stride, &mut sums[column..]);
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
        let row = &right[k * stride..][..DOUBLES];
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

/// Returns the eigenvalues of a symmetric matrix, in no particular order.
///
/// `matrix`: n × n, row by row; only the lower triangle is read, and everything is overwritten. Absolute errors are a
/// few roundings of the largest eigenvalue. 4/3 n³ floating-point operations and about n² steps of the iteration.
pub(crate) fn eigenvalues(level: Level, matrix: &mut [f64], n: usize) -> Vec<f64> {
    assert_eq!(matrix.len(), n * n);
    if n == 0 {
        return Vec::new();
    }
    let (diagonal, beside) = tridiagonal(level, matrix, n);
    tridiagonal_eigenvalues(diagonal, beside)
}

/// Returns the diagonal, and the n − 1 numbers beside it, of the tridiagonal matrix with the same eigenvalues.
fn tridiagonal(level: Level, matrix: &mut [f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut diagonal = vec![0.0; n];
    let mut beside = vec![0.0; n - 1];
    // Reflections v and their partners w of a panel: the matrix less Σ (v wᵀ + w vᵀ) is what it stands for.
    let mut v = vec![vec![0.0; n]; PANEL];
    let mut w = vec![vec![0.0; n]; PANEL];
    let mut first = 0;
    while first + 1 < n {
        let reflections = PANEL.min(n - 1 - first);
        for k in 0..reflections {
            let j = first + k;
            let mut column: Vec<f64> = (j..n).map(|i| matrix[i * n + j]).collect();
            for p in 0..k {
                add_multiple(level, -w[p][j], &v[p][j..], &mut column);
                add_multiple(level, -v[p][j], &w[p][j..], &mut column);
            }
            diagonal[j] = column[0];
            let x = &mut column[1..];
            let beyond = dot(level, &x[1..], &x[1..]);
            if beyond == 0.0 {
                beside[j] = x[0];
                v[k].fill(0.0);
                w[k].fill(0.0);
                continue;
            }
            // The sign that does not cancel.
            let reflected = -(x[0] * x[0] + beyond).sqrt().copysign(x[0]);
            let factor = (reflected - x[0]) / reflected;
            let scale = 1.0 / (x[0] - reflected);
            x.iter_mut().for_each(|x| *x *= scale);
            x[0] = 1.0;
            beside[j] = reflected;
            let mut y = product(level, matrix, n, j + 1, x);
            for p in 0..k {
                let along_w = dot(level, &w[p][j + 1..], x);
                let along_v = dot(level, &v[p][j + 1..], x);
                add_multiple(level, -along_w, &v[p][j + 1..], &mut y);
                add_multiple(level, -along_v, &w[p][j + 1..], &mut y);
            }
            y.iter_mut().for_each(|y| *y *= factor);
            let half = -0.5 * factor * dot(level, &y, x);
            add_multiple(level, half, x, &mut y);
            v[k][..=j].fill(0.0);
            w[k][..=j].fill(0.0);
            v[k][j + 1..].copy_from_slice(x);
            w[k][j + 1..].copy_from_slice(&y);
        }
        first += reflections;
        update(level, matrix, n, first, &v[..reflections], &w[..reflections]);
    }
    diagonal[n - 1] = matrix[n * n - 1];
    (diagonal, beside)
}

/// Returns the part of the matrix from row and column `first` on times x.
fn product(level: Level, matrix: &[f64], n: usize, first: usize, x: &[f64]) -> Vec<f64> {
    let size = n - first;
    let part = |rows: std::ops::Range<usize>| {
        let mut y = vec![0.0; rows.end];
        dispatch!(level, simd => product_rows(simd, matrix, n, first, rows, x, &mut y));
        y
    };
    if size < SHARED_ROWS {
        return part(0..size);
    }
    // Two parts of equal work: the triangle up to row s has s²/2 elements.
    let half = (size as f64 * std::f64::consts::FRAC_1_SQRT_2) as usize / 4 * 4;
    let (upper, mut y) = rayon::join(|| part(0..half), || part(half..size));
    add_multiple(level, 1.0, &upper, &mut y[..half]);
    y
}

/// Adds what the lower triangle has in some rows: every element counts for its row and for its column.
#[inline(always)]
fn product_rows<S: Simd>(
    simd: S,
    matrix: &[f64],
    n: usize,
    first: usize,
    rows: std::ops::Range<usize>,
    x: &[f64],
    y: &mut [f64],
) {
    match S::f64s::LEN {
        8 => product_rows_by::<S, 1>(simd, matrix, n, first, rows, x, y),
        4 => product_rows_by::<S, 2>(simd, matrix, n, first, rows, x, y),
        _ => product_rows_by::<S, 4>(simd, matrix, n, first, rows, x, y),
    }
}

/// The sum of a row in eight lanes, in P vectors.
#[inline(always)]
fn product_rows_by<S: Simd, const P: usize>(
    simd: S,
    matrix: &[f64],
    n: usize,
    first: usize,
    rows: std::ops::Range<usize>,
    x: &[f64],
    y: &mut [f64],
) {
    const AT_ONCE: usize = 4;
    let lanes = S::f64s::LEN;
    let row = |i: usize| &matrix[(first + i) * n + first..(first + i) * n + first + i + 1];
    for start in rows.clone().step_by(AT_ONCE) {
        let end = rows.end.min(start + AT_ONCE);
        let mut whole = 0;
        if end == start + AT_ONCE {
            whole = start / DOUBLES * DOUBLES;
            let rows: [&[f64]; AT_ONCE] = [row(start), row(start + 1), row(start + 2), row(start + 3)];
            let rows = rows.map(|row| &row[..whole]);
            let mut sums = [[S::f64s::splat(simd, 0.0); P]; AT_ONCE];
            let factors: [S::f64s; AT_ONCE] = std::array::from_fn(|r| S::f64s::splat(simd, x[start + r]));
            for (block, y) in (0..whole).step_by(DOUBLES).zip(y.chunks_exact_mut(DOUBLES)) {
                for (p, y) in y.chunks_exact_mut(lanes).enumerate() {
                    let place = block + p * lanes;
                    let x = S::f64s::from_slice(simd, &x[place..place + lanes]);
                    let mut total = S::f64s::from_slice(simd, y);
                    for r in 0..AT_ONCE {
                        let a = S::f64s::from_slice(simd, &rows[r][place..place + lanes]);
                        sums[r][p] = a.mul_add_precise(x, sums[r][p]);
                        total = a.mul_add_precise(factors[r], total);
                    }
                    total.store_slice(y);
                }
            }
            for (r, sum) in sums.iter().enumerate() {
                y[start + r] += sum_doubles::<S>(sum);
            }
        }
        for i in start..end {
            let row = row(i);
            let mut sum = row[i] * x[i];
            for c in whole..i {
                sum += row[c] * x[c];
                y[c] += row[c] * x[i];
            }
            y[i] += sum;
        }
    }
}

/// Takes Σ (v wᵀ + w vᵀ) off the part of the matrix from row and column `first` on.
fn update(level: Level, matrix: &mut [f64], n: usize, first: usize, v: &[Vec<f64>], w: &[Vec<f64>]) {
    // What a row multiplies the vectors by, side by side.
    let factors: Vec<f64> =
        (first..n).flat_map(|i| v.iter().zip(w).flat_map(move |(v, w)| [-v[i], -w[i]])).collect();
    let vectors: Vec<&[f64]> = v.iter().zip(w).flat_map(|(v, w)| [&w[..], &v[..]]).collect();
    let width = vectors.len();
    matrix[first * n..]
        .par_chunks_mut(TASK_ROWS * n)
        .zip(factors.par_chunks((TASK_ROWS * width).max(1)))
        .enumerate()
        .for_each(|(task, (rows, factors))| {
            let last = first + task * TASK_ROWS + rows.len() / n - 1;
            dispatch!(level, simd => update_rows(simd, rows, n, first, last, factors, &vectors));
        });
}

/// Up to column `last`; what lies above the diagonal is no matter.
#[inline(always)]
fn update_rows<S: Simd>(
    simd: S,
    rows: &mut [f64],
    n: usize,
    first: usize,
    last: usize,
    factors: &[f64],
    vectors: &[&[f64]],
) {
    const DOWN: usize = 4;
    const ACROSS: usize = 3;
    let lanes = S::f64s::LEN;
    let width = vectors.len();
    let (step, block) = (ACROSS * lanes, ACROSS * DOUBLES);
    for (rows, factors) in rows.chunks_mut(DOWN * n).zip(factors.chunks(DOWN * width)) {
        let mut column = first;
        // The rest is rounded otherwise: where it begins must not depend on the processor.
        let blocks = (last + 1 - first).div_ceil(block).min((n - first) / block);
        let end = if rows.len() == DOWN * n { first + blocks * block } else { first };
        while column < end {
            let mut sums = [[S::f64s::splat(simd, 0.0); ACROSS]; DOWN];
            for (p, vector) in vectors.iter().enumerate() {
                let vector = &vector[column..column + step];
                let parts: [S::f64s; ACROSS] =
                    std::array::from_fn(|c| S::f64s::from_slice(simd, &vector[c * lanes..(c + 1) * lanes]));
                for r in 0..DOWN {
                    let factor = S::f64s::splat(simd, factors[r * width + p]);
                    for c in 0..ACROSS {
                        sums[r][c] = parts[c].mul_add_precise(factor, sums[r][c]);
                    }
                }
            }
            for (row, sums) in rows.chunks_exact_mut(n).zip(&sums) {
                for (place, sum) in row[column..column + step].chunks_exact_mut(lanes).zip(sums) {
                    (S::f64s::from_slice(simd, place) + *sum).store_slice(place);
                }
            }
            column += step;
        }
        for (row, factors) in rows.chunks_mut(n).zip(factors.chunks(width)) {
            for c in column..=last {
                row[c] += vectors.iter().zip(factors).map(|(vector, factor)| vector[c] * factor).sum::<f64>();
            }
        }
    }
}

/// Returns the eigenvalues of a tridiagonal matrix: QL iteration with Wilkinson's shift in its rational form, which
/// works with the squares of the elements beside the diagonal and needs one square root per sweep.
fn tridiagonal_eigenvalues(mut diagonal: Vec<f64>, beside: Vec<f64>) -> Vec<f64> {
    let n = diagonal.len();
    let mut squares: Vec<f64> = beside.iter().map(|b| b * b).collect();
    let size = diagonal
        .iter()
        .map(|d| d.abs())
        .chain(beside.iter().map(|b| b.abs()))
        .fold(f64::MIN_POSITIVE, f64::max);
    let negligible = size * f64::EPSILON;
    // The diagonal holds the eigenvalues less what shifts have taken off.
    let mut shifted = 0.0;
    for low in 0..n {
        // Two or three sweeps are usual.
        for _ in 0..SWEEPS {
            let high = (low..n - 1).find(|&i| squares[i] <= negligible * negligible).unwrap_or(n - 1);
            if high == low {
                break;
            }
            // The eigenvalue of the first two by two elements that is nearer to the first.
            let side = squares[low].sqrt();
            let half = (diagonal[low + 1] - diagonal[low]) / (2.0 * side);
            let shift = diagonal[low] - side / (half + math::hypot(half, 1.0).copysign(half));
            diagonal[low..].iter_mut().for_each(|d| *d -= shift);
            shifted += shift;
            let or_tiny = |value: f64| if value == 0.0 { negligible } else { value };
            let mut previous = or_tiny(diagonal[high]);
            let mut pivot = previous;
            let mut ratio = 0.0;
            for i in (low..high).rev() {
                let squared_pivot = previous * pivot;
                let sum = squared_pivot + squares[i];
                if i + 1 < high {
                    squares[i + 1] = ratio * sum;
                }
                let next_ratio = squares[i] / sum;
                diagonal[i + 1] = pivot + next_ratio * (pivot + diagonal[i]);
                previous = or_tiny(diagonal[i] - squares[i] / previous);
                pivot = previous * squared_pivot / sum;
                ratio = next_ratio;
            }
            squares[low] = ratio * previous * pivot;
            diagonal[low] = pivot;
        }
        diagonal[low] += shifted;
    }
    diagonal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::same_at_every_level;

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_unstable_by(f64::total_cmp);
        values
    }

    /// Deterministic numbers in (−1, 1).
    fn numbers(count: usize, seed: u64) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn second_differences_have_the_eigenvalues_of_a_string() {
        // 2 on the diagonal and −1 beside it: 4 sin²(k π / 2(n + 1)), k = 1 … n.
        for n in [1usize, 2, 3, 50, 300] {
            let mut matrix = vec![0.0; n * n];
            for i in 0..n {
                matrix[i * n + i] = 2.0;
                if i > 0 {
                    matrix[i * n + i - 1] = -1.0;
                }
            }
            let values = sorted(eigenvalues(level(), &mut matrix, n));
            for (k, value) in values.iter().enumerate() {
                let angle = (k + 1) as f64 * std::f64::consts::PI / (2 * (n + 1)) as f64;
                assert!((value - 4.0 * angle.sin().powi(2)).abs() < 1e-13, "{n} {k}");
            }
        }
    }

    /// Known eigenvalues behind reflections in random directions; all sizes around panels and vectors.
    #[test]
    fn eigenvalues_survive_reflections() {
        for n in [1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 34, 47, 65, 100, 193, 260] {
            for kind in 0..4 {
                let known: Vec<f64> = match kind {
                    0 => numbers(n, 7),
                    1 => (0..n).map(|i| 0.5f64.powi(i as i32)).collect(),
                    2 => (0..n).map(|i| f64::from(u8::from(i % 3 == 0))).collect(),
                    _ => vec![0.25; n],
                };
                let mut matrix = vec![0.0; n * n];
                for (i, value) in known.iter().enumerate() {
                    matrix[i * n + i] = *value;
                }
                for seed in 0..3 {
                    // (1 − 2uuᵀ) A (1 − 2uuᵀ) = A − u yᵀ − y uᵀ with y = 2Au − 2(uᵀAu)u.
                    let mut u = numbers(n, seed + 100);
                    let norm = u.iter().map(|v| v * v).sum::<f64>().sqrt();
                    u.iter_mut().for_each(|v| *v /= norm);
                    let along: Vec<f64> =
                        matrix.chunks(n).map(|row| row.iter().zip(&u).map(|(a, u)| a * u).sum()).collect();
                    let twice: f64 = along.iter().zip(&u).map(|(a, u)| a * u).sum();
                    let y: Vec<f64> = along.iter().zip(&u).map(|(a, u)| 2.0 * a - 2.0 * twice * u).collect();
                    for i in 0..n {
                        for j in 0..n {
                            matrix[i * n + j] -= u[i] * y[j] + y[i] * u[j];
                        }
                    }
                }
                let values = if kind == 0 && n <= 100 {
                    same_at_every_level(|level| eigenvalues(level, &mut matrix.clone(), n))
                } else {
                    eigenvalues(level(), &mut matrix, n)
                };
                for (value, known) in sorted(values).into_iter().zip(sorted(known)) {
                    assert!((value - known).abs() < 3e-14, "n={n} kind={kind}: {value} for {known}");
                }
            }
        }
    }

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

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let n = 300;
        let matrix = numbers(n * n, 3);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| eigenvalues(level(), &mut matrix.clone(), n))
        };
        assert_eq!(run(1), run(8));
    }
}
