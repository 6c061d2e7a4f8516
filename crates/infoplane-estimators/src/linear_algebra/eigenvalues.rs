//! Eigenvalues of symmetric matrices.
//!
//! Householder's tridiagonal form, by panels of 32 reflections, then the QL iteration without square roots. Half of
//! the multiply-adds of the first stage are a product of the matrix and a vector, which memory bounds, so that the
//! panels read the matrix once for a reflection and write it once for 32. All sums are cut at fixed places, so that
//! the bits do not depend on the number of threads, nor on the vectors of the processor.

use fearless_simd::{Level, Simd, SimdBase, SimdFloat, dispatch};
use rayon::prelude::*;

use super::{add_multiple, dot};
use crate::interrupt::poll;
use crate::math;
use crate::simd::{DOUBLES, array, sum_doubles};

/// Reflections that are collected before the rest of the matrix is updated.
const PANEL: usize = 32;

/// Rows of a matrix that are updated as one task.
const TASK_ROWS: usize = 32;

/// Rows and columns of a matrix that are updated together.
const DOWN: usize = 4;
const ACROSS: usize = 24;

/// Sweeps of the QL iteration for one eigenvalue, at most.
const SWEEPS: usize = 100;

/// From so many rows on a product is worth sharing between threads.
const SHARED_ROWS: usize = 192;

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
            poll();
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
            let factors: [S::f64s; AT_ONCE] = array(|r| S::f64s::splat(simd, x[start + r]));
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
    let width = vectors.len();
    for (rows, factors) in rows.chunks_mut(DOWN * n).zip(factors.chunks(DOWN * width)) {
        // The rest is rounded otherwise: where it begins must not depend on the processor.
        let blocks = (last + 1 - first).div_ceil(ACROSS).min((n - first) / ACROSS);
        let end = if rows.len() == DOWN * n { first + blocks * ACROSS } else { first };
        // As many sums as the registers hold, with what they are made of.
        match S::f64s::LEN {
            8 => update_blocks::<S, DOWN, 3>(simd, rows, n, first..end, factors, vectors),
            _ => update_blocks::<S, 2, 6>(simd, rows, n, first..end, factors, vectors),
        }
        for (row, factors) in rows.chunks_mut(n).zip(factors.chunks(width)) {
            for c in end..=last {
                row[c] += vectors.iter().zip(factors).map(|(vector, factor)| vector[c] * factor).sum::<f64>();
            }
        }
    }
}

/// Blocks of R rows and C vectors of columns.
#[inline(always)]
fn update_blocks<S: Simd, const R: usize, const C: usize>(
    simd: S,
    rows: &mut [f64],
    n: usize,
    columns: std::ops::Range<usize>,
    factors: &[f64],
    vectors: &[&[f64]],
) {
    let lanes = S::f64s::LEN;
    let width = vectors.len();
    for (rows, factors) in rows.chunks_exact_mut(R * n).zip(factors.chunks_exact(R * width)) {
        let factors: [&[f64]; R] = array(|r| &factors[r * width..(r + 1) * width]);
        for column in columns.clone().step_by(C * lanes) {
            let mut sums = [[S::f64s::splat(simd, 0.0); C]; R];
            for (p, vector) in vectors.iter().enumerate() {
                let vector = &vector[column..column + C * lanes];
                let factors: [S::f64s; R] = array(|r| S::f64s::splat(simd, factors[r][p]));
                for c in 0..C {
                    let part = S::f64s::from_slice(simd, &vector[c * lanes..(c + 1) * lanes]);
                    for r in 0..R {
                        sums[r][c] = part.mul_add_precise(factors[r], sums[r][c]);
                    }
                }
            }
            for (row, sums) in rows.chunks_exact_mut(n).zip(&sums) {
                let places = row[column..column + C * lanes].chunks_exact_mut(lanes);
                for (place, sum) in places.zip(sums) {
                    (S::f64s::from_slice(simd, place) + *sum).store_slice(place);
                }
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
    use super::super::numbers;
    use super::*;
    use crate::simd::{level, same_at_every_level};

    fn sorted(mut values: Vec<f64>) -> Vec<f64> {
        values.sort_unstable_by(f64::total_cmp);
        values
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
