//! Weighted sums over the neighbours of a point, and the log-polynomial density that fits them.

use std::f64::consts::TAU;

use fearless_simd::{Simd, dispatch};

use crate::linear_algebra::small::{cholesky, ln_determinant, solve_lower};
use crate::math;
use crate::simd::{self, DOUBLES};

/// A covariance with a pivot below this share of its mean variance is singular to working accuracy.
const SINGULAR: f64 = 1e-12;

/// Neighbours that one step of the sums takes: their coordinates stay in the nearest cache.
const BLOCK: usize = 256;

/// Sums over neighbours at u = (xⱼ − x)/h with weights w = exp(−|u|²/2): Σ w, the mean of u and its covariance.
///
/// Each is summed in [`DOUBLES`] lanes, whatever the vectors of the processor.
pub(super) struct Moments {
    d: usize,
    /// u, coordinate by coordinate.
    coordinates: Vec<Vec<f64>>,
    weights: Vec<f64>,
    /// Σ w.
    pub(super) sum: f64,
    /// Σ w u / Σ w.
    pub(super) mean: Vec<f64>,
    /// Σ w (u − mean)(u − mean)ᵀ / Σ w, all of it.
    pub(super) covariance: Vec<f64>,
    factor: Vec<f64>,
    solved: Vec<f64>,
}

impl Moments {
    pub(super) fn new(d: usize) -> Self {
        Moments {
            d,
            coordinates: vec![Vec::new(); d],
            weights: Vec::new(),
            sum: 0.0,
            mean: vec![0.0; d],
            covariance: vec![0.0; d * d],
            factor: vec![0.0; d * d],
            solved: vec![0.0; d],
        }
    }

    pub(super) fn clear(&mut self) {
        self.coordinates.iter_mut().for_each(Vec::clear);
    }

    /// Adds the neighbour at `u`.
    pub(super) fn push(&mut self, u: &[f64]) {
        for (coordinates, &u) in self.coordinates.iter_mut().zip(u) {
            coordinates.push(u);
        }
    }

    /// Takes these neighbours, at (xⱼ − x)/h, in place of all before.
    pub(super) fn set(&mut self, columns: &[Vec<f64>], own: usize, neighbors: &[(f64, u32)], h: f64) {
        let level = simd::level();
        for (coordinates, column) in self.coordinates.iter_mut().zip(columns) {
            coordinates.clear();
            coordinates.extend(neighbors.iter().map(|&(_, row)| column[row as usize]));
            dispatch!(level, simd => in_units(simd, coordinates, column[own], h));
        }
    }

    /// The sums of all neighbours added since the last `clear`.
    ///
    /// Second moments about the mean by a second pass: a thin cloud off centre would lose them to rounding.
    pub(super) fn finish(&mut self) {
        dispatch!(simd::level(), simd => self.finish_by(simd));
    }

    #[inline(always)]
    fn finish_by<S: Simd>(&mut self, simd: S) {
        let d = self.d;
        let n = self.coordinates.first().map_or(0, Vec::len);
        self.weights.clear();
        self.weights.resize(n, 0.0);
        for coordinates in &self.coordinates {
            add_squares(simd, coordinates, &mut self.weights);
        }
        self.weights.iter_mut().for_each(|squared| *squared *= -0.5);
        math::exp_of_negative(&mut self.weights);
        self.sum = total(simd, &self.weights);
        self.mean.fill(0.0);
        self.covariance.fill(0.0);
        if self.sum == 0.0 {
            return;
        }
        for (mean, coordinates) in self.mean.iter_mut().zip(&self.coordinates) {
            *mean = total_of_products(simd, &self.weights, coordinates) / self.sum;
        }
        // All pairs of coordinates of one block after the other, in registers and the nearest cache.
        let mut sums = vec![[0.0; DOUBLES]; d * (d + 1) / 2];
        let mut weighted = [0.0; BLOCK];
        for first in (0..n).step_by(BLOCK) {
            let block = first..n.min(first + BLOCK);
            let weights = &self.weights[block.clone()];
            let mut sums = sums.iter_mut();
            for a in 0..d {
                let weighted = &mut weighted[..weights.len()];
                centre(simd, weights, &self.coordinates[a][block.clone()], self.mean[a], weighted);
                for (b, sum) in (0..=a).zip(&mut sums) {
                    add_products(simd, weighted, &self.coordinates[b][block.clone()], self.mean[b], sum);
                }
            }
        }
        let mut sums = sums.iter();
        for a in 0..d {
            for (b, lanes) in (0..=a).zip(&mut sums) {
                let covariance = lanes.iter().sum::<f64>() / self.sum;
                self.covariance[a * d + b] = covariance;
                self.covariance[b * d + a] = covariance;
            }
        }
    }
}

/// (xⱼ − x)/h in place of xⱼ.
#[inline(always)]
fn in_units<S: Simd>(simd: S, values: &mut [f64], center: f64, h: f64) {
    simd.vectorize(
        #[inline(always)]
        || {
            for value in values {
                *value = (*value - center) / h;
            }
        },
    );
}

#[inline(always)]
fn add_squares<S: Simd>(simd: S, values: &[f64], sums: &mut [f64]) {
    simd.vectorize(
        #[inline(always)]
        || {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value * value;
            }
        },
    );
}

/// w (u − mean) into `weighted`.
#[inline(always)]
fn centre<S: Simd>(simd: S, weights: &[f64], values: &[f64], mean: f64, weighted: &mut [f64]) {
    simd.vectorize(
        #[inline(always)]
        || {
            for ((weighted, weight), value) in weighted.iter_mut().zip(weights).zip(values) {
                *weighted = weight * (value - mean);
            }
        },
    );
}

#[inline(always)]
fn total<S: Simd>(simd: S, values: &[f64]) -> f64 {
    simd.vectorize(
        #[inline(always)]
        || {
            let mut lanes = [0.0; DOUBLES];
            let (values, last) = values.as_chunks::<DOUBLES>();
            for values in values {
                for lane in 0..DOUBLES {
                    lanes[lane] += values[lane];
                }
            }
            for (lane, value) in lanes.iter_mut().zip(last) {
                *lane += value;
            }
            lanes.iter().sum()
        },
    )
}

#[inline(always)]
fn total_of_products<S: Simd>(simd: S, weights: &[f64], values: &[f64]) -> f64 {
    let mut lanes = [0.0; DOUBLES];
    add_products(simd, weights, values, 0.0, &mut lanes);
    lanes.iter().sum()
}

/// Adds w (u − mean) to the sums of the lanes.
#[inline(always)]
fn add_products<S: Simd>(simd: S, weights: &[f64], values: &[f64], mean: f64, sums: &mut [f64; DOUBLES]) {
    simd.vectorize(
        #[inline(always)]
        || {
            let mut lanes = *sums;
            let (weights, last_weights) = weights.as_chunks::<DOUBLES>();
            let (values, last_values) = values.as_chunks::<DOUBLES>();
            for (weights, values) in weights.iter().zip(values) {
                for lane in 0..DOUBLES {
                    lanes[lane] += weights[lane] * (values[lane] - mean);
                }
            }
            for ((lane, weight), value) in lanes.iter_mut().zip(last_weights).zip(last_values) {
                *lane += weight * (value - mean);
            }
            *sums = lanes;
        },
    );
}

/// ln of the fitted density at the point, less ln of (h^d × the number of other points), for local polynomials
/// of ln f of order 0, 1 and 2; `None` where the neighbours do not determine that fit.
///
/// With S = Σ w, mean μ and covariance Σ, in closed form: ln S − d/2 ln 2π, from order 1 on less |μ|²/2, at
/// order 2 instead less ½ ln det Σ + ½ μᵀ Σ⁻¹ μ.
pub(super) fn log_height(moments: &mut Moments) -> [Option<f64>; 3] {
    if moments.sum == 0.0 {
        return [None; 3];
    }
    let d = moments.d;
    let constant = math::ln(moments.sum) - d as f64 / 2.0 * math::ln(TAU);
    let linear = constant - 0.5 * moments.mean.iter().map(|m| m * m).sum::<f64>();
    moments.factor.copy_from_slice(&moments.covariance);
    let trace: f64 = (0..d).map(|i| moments.covariance[i * d + i]).sum();
    let quadratic = cholesky(&mut moments.factor, d, SINGULAR * trace / d as f64).then(|| {
        moments.solved.copy_from_slice(&moments.mean);
        solve_lower(&moments.factor, d, &mut moments.solved);
        let distance: f64 = moments.solved.iter().map(|m| m * m).sum();
        constant - 0.5 * ln_determinant(&moments.factor, d) - 0.5 * distance
    });
    [Some(constant), Some(linear), quadratic]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At order 2 weights times density are a Gaussian with the mass, mean and covariance of the neighbours;
    /// at order 1 with the covariance of the kernel, at order 0 with its mean too.
    #[test]
    fn fits_have_the_moments_of_the_neighbours() {
        let mut moments = Moments::new(1);
        let points = [-0.5f64, 0.2, 0.9, 1.4];
        for u in points {
            moments.push(&[u]);
        }
        moments.finish();
        let weights = points.map(|u| (-u * u / 2.0).exp());
        let mass: f64 = weights.iter().sum();
        let mean = points.iter().zip(weights).map(|(u, w)| u * w).sum::<f64>() / mass;
        let variance =
            points.iter().zip(weights).map(|(u, w)| w * (u - mean) * (u - mean)).sum::<f64>() / mass;
        let at_zero =
            |mean: f64, variance: f64| mass * (-mean * mean / 2.0 / variance).exp() / (TAU * variance).sqrt();
        let expected = [at_zero(0.0, 1.0), at_zero(mean, 1.0), at_zero(mean, variance)];
        for (height, expected) in log_height(&mut moments).into_iter().zip(expected) {
            assert!((height.unwrap() - expected.ln()).abs() < 1e-12);
        }
        moments.clear();
        moments.push(&[0.5]);
        moments.finish();
        assert!(matches!(log_height(&mut moments), [Some(_), Some(_), None]));
        moments.clear();
        moments.finish();
        assert_eq!(log_height(&mut moments), [None; 3]);
    }
}
