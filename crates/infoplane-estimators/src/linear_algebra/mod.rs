//! Linear algebra in double precision, with the same bits on every processor.
//!
//! `small` has matrices of a few rows, one for each sample, as plain loops; the others have matrices of any size.

mod covariance;
mod eigenvalues;
mod products;
mod single;
pub(crate) mod small;

pub(crate) use covariance::{cholesky, covariance, independent, ln_determinant, solve_lower};
pub(crate) use eigenvalues::eigenvalues;
pub(crate) use products::{add_multiple, dot, matrix_product, squared_distances};
pub(crate) use single::{Left, add_product};

/// Deterministic numbers in (−1, 1).
#[cfg(test)]
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}
