//! Matrices of a few rows, as lists of numbers in row order: factors, solutions, axes.
//!
//! Local methods handle one matrix per sample, of as many rows as there are columns in the data, at most about
//! twenty. At that size plain loops are as fast as a library of linear algebra, which would be compiled for
//! these four functions alone.

// Rows and columns of one slice are indexed together; a comparison is written so that NaN fails it.
#![allow(clippy::needless_range_loop, clippy::neg_cmp_op_on_partial_ord)]

use crate::math;

/// Replaces the lower half of a symmetric matrix by its Cholesky factor L, A = L Lᵀ; the upper half is not read.
///
/// `false` if a pivot is not above `least`: then the matrix is not positive definite, or not to working accuracy.
pub(crate) fn cholesky(a: &mut [f64], d: usize, least: f64) -> bool {
    for j in 0..d {
        for k in 0..j {
            a[j * d + j] -= a[j * d + k] * a[j * d + k];
        }
        // Written so that NaN fails.
        if !(a[j * d + j] > least) {
            return false;
        }
        let pivot = a[j * d + j].sqrt();
        a[j * d + j] = pivot;
        for i in j + 1..d {
            for k in 0..j {
                a[i * d + j] -= a[i * d + k] * a[j * d + k];
            }
            a[i * d + j] /= pivot;
        }
    }
    true
}

/// Solves L y = b in place.
pub(crate) fn solve_lower(l: &[f64], d: usize, b: &mut [f64]) {
    for i in 0..d {
        for k in 0..i {
            b[i] -= l[i * d + k] * b[k];
        }
        b[i] /= l[i * d + i];
    }
}

/// Solves L Lᵀ x = b in place.
pub(crate) fn solve(l: &[f64], d: usize, b: &mut [f64]) {
    solve_lower(l, d, b);
    for i in (0..d).rev() {
        for k in i + 1..d {
            b[i] -= l[k * d + i] * b[k];
        }
        b[i] /= l[i * d + i];
    }
}

/// ln det L Lᵀ.
pub(crate) fn ln_determinant(l: &[f64], d: usize) -> f64 {
    2.0 * (0..d).map(|i| math::ln(l[i * d + i])).sum::<f64>()
}

/// The inverse of L Lᵀ into `inverse`, both halves.
pub(crate) fn invert(l: &[f64], d: usize, inverse: &mut [f64]) {
    // Column after column of L⁻¹, kept in the rows of `inverse`; then (L⁻¹)ᵀ L⁻¹ from the last entry back to
    // the first, so that no entry is overwritten before its last use.
    for column in 0..d {
        for i in 0..d {
            let mut value = if i == column { 1.0 } else { 0.0 };
            for k in column..i {
                value -= l[i * d + k] * inverse[column * d + k];
            }
            inverse[column * d + i] = if i < column { 0.0 } else { value / l[i * d + i] };
        }
    }
    // Row a of `inverse` is column a of L⁻¹, with zeros before entry a.
    for a in 0..d {
        for b in a..d {
            let mut sum = 0.0;
            for k in b..d {
                sum += inverse[a * d + k] * inverse[b * d + k];
            }
            // Entry (a, b) of row a is needed again only as (a, k) with k > b, or by rows below through (b, k).
            inverse[a * d + b] = sum;
        }
    }
    for a in 0..d {
        for b in 0..a {
            inverse[a * d + b] = inverse[b * d + a];
        }
    }
}

/// Turns the columns of a matrix so that they become orthogonal to each other, and the same for `turned`.
///
/// `a`: `(rows, d)` in row order; `basis`: `(d, d)`, holds the identity at first and the right singular vectors,
/// one per column, afterwards. The lengths of the columns of `a` are then the singular values. By one-sided
/// rotations (Hestenes), which find small singular values to full relative accuracy where the squared matrix
/// would lose half of the digits.
pub(crate) fn orthogonalize(a: &mut [f64], d: usize, basis: &mut [f64]) {
    basis.fill(0.0);
    for i in 0..d {
        basis[i * d + i] = 1.0;
    }
    // Converges quadratically; random matrices of 20 columns need 8 rounds.
    for _ in 0..40 {
        let mut turned = false;
        for p in 0..d {
            for q in p + 1..d {
                let (mut alpha, mut beta, mut gamma) = (0.0, 0.0, 0.0);
                for row in a.chunks_exact(d) {
                    alpha += row[p] * row[p];
                    beta += row[q] * row[q];
                    gamma += row[p] * row[q];
                }
                if gamma == 0.0 || gamma.abs() <= 1e-15 * (alpha * beta).sqrt() {
                    continue;
                }
                turned = true;
                let (c, s) = rotation(alpha, beta, gamma);
                for row in a.chunks_exact_mut(d).chain(basis.chunks_exact_mut(d)) {
                    let (x, y) = (row[p], row[q]);
                    row[p] = c * x - s * y;
                    row[q] = s * x + c * y;
                }
            }
        }
        if !turned {
            break;
        }
    }
}

/// Returns the rotation (cosine, sine) that makes [[a, g], [g, b]] diagonal.
fn rotation(a: f64, b: f64, g: f64) -> (f64, f64) {
    let zeta = (b - a) / (2.0 * g);
    let t = if zeta.abs() > 1e150 {
        0.5 / zeta
    } else {
        zeta.signum() / (zeta.abs() + (1.0 + zeta * zeta).sqrt())
    };
    let c = 1.0 / (1.0 + t * t).sqrt();
    (c, c * t)
}

/// Eigenvalues of a symmetric matrix, left on its diagonal, and eigenvectors, one per column of `basis`.
///
/// Cyclic Jacobi rotations.
pub(crate) fn symmetric_eigen(a: &mut [f64], d: usize, basis: &mut [f64]) {
    basis.fill(0.0);
    for i in 0..d {
        basis[i * d + i] = 1.0;
    }
    for _ in 0..40 {
        let mut turned = false;
        for p in 0..d {
            for q in p + 1..d {
                let g = a[p * d + q];
                let (app, aqq) = (a[p * d + p], a[q * d + q]);
                if g == 0.0 || g.abs() <= 1e-17 * (app.abs() + aqq.abs()) {
                    a[p * d + q] = 0.0;
                    a[q * d + p] = 0.0;
                    continue;
                }
                turned = true;
                let (c, s) = rotation(app, aqq, g);
                for k in 0..d {
                    let (x, y) = (a[k * d + p], a[k * d + q]);
                    a[k * d + p] = c * x - s * y;
                    a[k * d + q] = s * x + c * y;
                }
                for k in 0..d {
                    let (x, y) = (a[p * d + k], a[q * d + k]);
                    a[p * d + k] = c * x - s * y;
                    a[q * d + k] = s * x + c * y;
                    let (x, y) = (basis[k * d + p], basis[k * d + q]);
                    basis[k * d + p] = c * x - s * y;
                    basis[k * d + q] = s * x + c * y;
                }
                a[p * d + q] = 0.0;
                a[q * d + p] = 0.0;
            }
        }
        if !turned {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, normal};

    fn random(rows: usize, d: usize, index: u64) -> Vec<f64> {
        let mut generator = generator(5, Purpose::Local, index);
        (0..rows * d).map(|_| normal(&mut generator)).collect()
    }

    /// aᵀ b of matrices of d columns.
    fn product(a: &[f64], b: &[f64], d: usize) -> Vec<f64> {
        let mut c = vec![0.0; d * d];
        for (a, b) in a.chunks_exact(d).zip(b.chunks_exact(d)) {
            for i in 0..d {
                for j in 0..d {
                    c[i * d + j] += a[i] * b[j];
                }
            }
        }
        c
    }

    #[test]
    fn factor_solution_and_inverse_undo_the_matrix() {
        for d in [1, 2, 3, 6, 20] {
            let rows = random(d + 10, d, d as u64);
            let a = product(&rows, &rows, d);
            let mut l = a.clone();
            assert!(cholesky(&mut l, d, 0.0));
            let x = random(1, d, 100);
            let mut b: Vec<f64> = (0..d).map(|i| (0..d).map(|j| a[i * d + j] * x[j]).sum()).collect();
            solve(&l, d, &mut b);
            for (x, b) in x.iter().zip(&b) {
                assert!((x - b).abs() < 1e-10, "{d}");
            }
            let mut inverse = vec![0.0; d * d];
            invert(&l, d, &mut inverse);
            for i in 0..d {
                for j in 0..d {
                    let entry: f64 = (0..d).map(|k| a[i * d + k] * inverse[k * d + j]).sum();
                    assert!((entry - if i == j { 1.0 } else { 0.0 }).abs() < 1e-10, "{d}");
                }
            }
            let (mut diagonal, mut basis) = (a.clone(), vec![0.0; d * d]);
            symmetric_eigen(&mut diagonal, d, &mut basis);
            let by_eigenvalues: f64 = (0..d).map(|i| diagonal[i * d + i].ln()).sum();
            assert!((by_eigenvalues - ln_determinant(&l, d)).abs() < 1e-10);
        }
        assert!(!cholesky(&mut [1.0, 0.0, 1.0, 1.0], 2, 1e-12), "singular");
    }

    #[test]
    fn eigenvectors_and_singular_vectors_are_orthonormal_and_reproduce_the_matrix() {
        for d in [1, 2, 5, 20] {
            let rows = random(30, d, d as u64);
            let a = product(&rows, &rows, d);
            let (mut values, mut basis) = (a.clone(), vec![0.0; d * d]);
            symmetric_eigen(&mut values, d, &mut basis);
            let (mut turned, mut right) = (rows.clone(), vec![0.0; d * d]);
            orthogonalize(&mut turned, d, &mut right);
            for vectors in [&basis, &right] {
                let identity = product(vectors, vectors, d);
                for i in 0..d * d {
                    assert!((identity[i] - if i % (d + 1) == 0 { 1.0 } else { 0.0 }).abs() < 1e-12);
                }
            }
            for i in 0..d {
                for j in 0..d {
                    let entry: f64 =
                        (0..d).map(|k| basis[i * d + k] * values[k * d + k] * basis[j * d + k]).sum();
                    assert!((entry - a[i * d + j]).abs() < 1e-10);
                }
            }
            let squares = product(&turned, &turned, d);
            let mut singular: Vec<f64> = (0..d).map(|i| squares[i * d + i]).collect();
            let mut eigen: Vec<f64> = (0..d).map(|i| values[i * d + i]).collect();
            singular.sort_unstable_by(f64::total_cmp);
            eigen.sort_unstable_by(f64::total_cmp);
            for (s, e) in singular.iter().zip(&eigen) {
                assert!((s - e).abs() < 1e-10 * eigen[d - 1], "{s} {e}");
            }
        }
    }

    #[test]
    fn a_singular_value_of_1e_12_keeps_its_digits() {
        // Columns (1, 1, 1, …) and (1, 1, …) + 1e-12 (1, −1, 1, −1): singular values 2√2 and √2 · 1e-12.
        let mut a = Vec::new();
        for i in 0..4 {
            a.extend([1.0, 1.0 + if i % 2 == 0 { 1e-12 } else { -1e-12 }]);
        }
        let spread = (a[1] - a[3]) / 2.0;
        let mut basis = [0.0; 4];
        orthogonalize(&mut a, 2, &mut basis);
        let mut lengths: Vec<f64> =
            (0..2).map(|c| a.chunks_exact(2).map(|r| r[c] * r[c]).sum::<f64>().sqrt()).collect();
        lengths.sort_unstable_by(f64::total_cmp);
        assert!((lengths[0] / (2f64.sqrt() * spread) - 1.0).abs() < 1e-3, "{lengths:?}");
    }
}
