//! Weighted sums over the neighbours of a point, and the log-polynomial density that fits them.

use std::f64::consts::TAU;

use crate::linear_algebra::small::{cholesky, ln_determinant, solve_lower};
use crate::math;

/// A covariance with a pivot below this share of its mean variance is singular to working accuracy.
const SINGULAR: f64 = 1e-12;

/// Sums over neighbours at u = (xⱼ − x)/h with weights w = exp(−|u|²/2): Σ w, the mean of u and its covariance.
pub(super) struct Moments {
    d: usize,
    points: Vec<f64>,
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
            points: Vec::new(),
            weights: Vec::new(),
            sum: 0.0,
            mean: vec![0.0; d],
            covariance: vec![0.0; d * d],
            factor: vec![0.0; d * d],
            solved: vec![0.0; d],
        }
    }

    pub(super) fn clear(&mut self) {
        self.points.clear();
        self.weights.clear();
    }

    /// Adds the neighbour at `u`; its weight.
    pub(super) fn push(&mut self, u: &[f64]) -> f64 {
        let w = math::exp(-0.5 * u.iter().map(|c| c * c).sum::<f64>());
        self.points.extend_from_slice(u);
        self.weights.push(w);
        w
    }

    /// The sums of all neighbours added since the last `clear`.
    ///
    /// Second moments about the mean by a second pass: a thin cloud off centre would lose them to rounding.
    pub(super) fn finish(&mut self) {
        let d = self.d;
        self.sum = self.weights.iter().sum();
        self.mean.fill(0.0);
        self.covariance.fill(0.0);
        if self.sum == 0.0 {
            return;
        }
        for (u, w) in self.points.chunks_exact(d).zip(&self.weights) {
            for (mean, u) in self.mean.iter_mut().zip(u) {
                *mean += w * u;
            }
        }
        self.mean.iter_mut().for_each(|mean| *mean /= self.sum);
        for (u, w) in self.points.chunks_exact(d).zip(&self.weights) {
            for a in 0..d {
                let wa = w * (u[a] - self.mean[a]);
                for b in 0..=a {
                    self.covariance[a * d + b] += wa * (u[b] - self.mean[b]);
                }
            }
        }
        for a in 0..d {
            for b in 0..=a {
                self.covariance[a * d + b] /= self.sum;
                self.covariance[b * d + a] = self.covariance[a * d + b];
            }
        }
    }
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
