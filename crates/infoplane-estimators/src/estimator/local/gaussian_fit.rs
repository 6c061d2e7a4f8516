//! A Gaussian of mass one, fitted by local likelihood to the sums over the neighbours of a point.

use std::f64::consts::TAU;

use crate::linear_algebra::small::{cholesky, invert, ln_determinant, solve, symmetric_eigen};
use crate::math;

/// Maximises p₀ [ −½ ln det Σ − ½ tr Σ⁻¹ (C + (μ₀ − μ)(μ₀ − μ)ᵀ) ] − N(0; μ, Σ + I) over μ and Σ.
///
/// In the axes of C and in units of the start, where all second derivatives are of the size of one: a cloud
/// of relative thickness 1e-4 is as easy as a round one.
pub(super) struct GaussianFit {
    d: usize,
    axes: Vec<f64>,
    values: Vec<f64>,
    /// Start variances along the axes.
    start: Vec<f64>,
    /// μ₀ along the axes, in units of the start.
    center: Vec<f64>,
    ln_p0: f64,
    /// μ in units of the start, then the rows of L: logarithms on the diagonal. Σ = D L Lᵀ D.
    parameters: Vec<f64>,
    gradient: Vec<f64>,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    direction: Vec<f64>,
    hessian: Vec<f64>,
    damped: Vec<f64>,
    lower: Vec<f64>,
    sigma: Vec<f64>,
    precision: Vec<f64>,
    smoothed: Vec<f64>,
    smoothed_precision: Vec<f64>,
    spread: Vec<f64>,
    work: Vec<f64>,
}

impl GaussianFit {
    pub(super) fn new(d: usize) -> Self {
        let p = d + d * (d + 1) / 2;
        let square = vec![0.0; d * d];
        GaussianFit {
            d,
            axes: square.clone(),
            values: square.clone(),
            start: vec![0.0; d],
            center: vec![0.0; d],
            ln_p0: 0.0,
            parameters: vec![0.0; p],
            gradient: vec![0.0; p],
            trial: vec![0.0; p],
            trial_gradient: vec![0.0; p],
            direction: vec![0.0; p],
            hessian: vec![0.0; p * p],
            damped: vec![0.0; p * p],
            lower: square.clone(),
            sigma: square.clone(),
            precision: square.clone(),
            smoothed: square.clone(),
            smoothed_precision: square.clone(),
            spread: square.clone(),
            work: square,
        }
    }

    /// `None` if the covariance is singular to working accuracy.
    pub(super) fn solve(&mut self, ln_p0: f64, mean: &[f64], covariance: &[f64]) -> Option<()> {
        let d = self.d;
        let p = self.parameters.len();
        self.ln_p0 = ln_p0;
        self.values.copy_from_slice(covariance);
        symmetric_eigen(&mut self.values, d, &mut self.axes);
        let trace: f64 = (0..d).map(|a| self.values[a * d + a]).sum();
        self.parameters.fill(0.0);
        for a in 0..d {
            let c = self.values[a * d + a];
            if !(c > 1e-12 * trace / d as f64) {
                return None;
            }
            // Without the constraint of mass one, Σ = (C⁻¹ − I)⁻¹ and μ = Σ C⁻¹ μ₀.
            let c = c.min(0.95);
            self.start[a] = c / (1.0 - c);
            let along: f64 = (0..d).map(|b| self.axes[b * d + a] * mean[b]).sum();
            self.center[a] = along / self.start[a].sqrt();
            self.parameters[a] = self.center[a] / (1.0 - c);
        }
        let mut parameters = std::mem::take(&mut self.parameters);
        let mut gradient = std::mem::take(&mut self.gradient);
        let mut trial = std::mem::take(&mut self.trial);
        let mut trial_gradient = std::mem::take(&mut self.trial_gradient);
        let mut direction = std::mem::take(&mut self.direction);
        let mut value = self.objective(&parameters, &mut gradient);
        // From this start a handful of steps; where the surface is not convex, more.
        for _ in 0..200 {
            if gradient.iter().all(|g| g.abs() < 1e-9) {
                break;
            }
            const STEP: f64 = 1e-6;
            trial.copy_from_slice(&parameters);
            for j in 0..p {
                trial[j] = parameters[j] + STEP;
                self.objective(&trial, &mut trial_gradient);
                for i in 0..p {
                    self.hessian[i * p + j] = (trial_gradient[i] - gradient[i]) / STEP;
                }
                trial[j] = parameters[j];
            }
            for i in 0..p {
                for j in 0..p {
                    self.damped[i * p + j] = (self.hessian[i * p + j] + self.hessian[j * p + i]) / 2.0;
                }
            }
            let largest = (0..p).map(|i| self.damped[i * p + i].abs()).fold(1e-6, f64::max);
            self.hessian.copy_from_slice(&self.damped);
            direction.copy_from_slice(&gradient);
            let mut convex = cholesky(&mut self.damped, p, 1e-9 * largest);
            if convex {
                solve(&self.damped, p, &mut direction);
                convex = direction.iter().map(|t| t * t).sum::<f64>() <= 4.0;
            }
            if !convex {
                // Far away, or where the surface is not convex: with the magnitudes of the curvatures every
                // direction leads down, and a flat one must not take the whole step.
                symmetric_eigen(&mut self.hessian, p, &mut self.damped);
                direction.fill(0.0);
                for e in 0..p {
                    let curvature = self.hessian[e * p + e].abs().max(1e-9 * largest);
                    let along: f64 = (0..p).map(|i| self.damped[i * p + e] * gradient[i]).sum();
                    let step = (along / curvature).clamp(-2.0, 2.0);
                    for (i, direction) in direction.iter_mut().enumerate() {
                        *direction += step * self.damped[i * p + e];
                    }
                }
            }
            let mut factor = 1.0;
            let mut moved = false;
            for _ in 0..30 {
                for ((trial, parameter), direction) in trial.iter_mut().zip(&parameters).zip(&direction) {
                    *trial = parameter - factor * direction;
                }
                let next = self.objective(&trial, &mut trial_gradient);
                // At the solution the value no longer shows the last digits of the parameters, the gradient does.
                let steepest = |g: &[f64]| g.iter().fold(0f64, |m, g| m.max(g.abs()));
                if next < value
                    || (next <= value + 1e-14 * value.abs()
                        && steepest(&trial_gradient) < steepest(&gradient))
                {
                    moved = true;
                    value = next;
                    std::mem::swap(&mut parameters, &mut trial);
                    std::mem::swap(&mut gradient, &mut trial_gradient);
                    break;
                }
                factor /= 4.0;
            }
            if !moved {
                break;
            }
        }
        self.parameters = parameters;
        self.gradient = gradient;
        self.trial = trial;
        self.trial_gradient = trial_gradient;
        self.direction = direction;
        // Leaves the matrices of the solution behind.
        let (parameters, mut room) = (self.parameters.clone(), vec![0.0; p]);
        self.objective(&parameters, &mut room);
        Some(())
    }

    /// Returns the negative of what is maximised, divided by p₀, and its derivatives.
    fn objective(&mut self, parameters: &[f64], gradient: &mut [f64]) -> f64 {
        let d = self.d;
        let (nu, entries) = parameters.split_at(d);
        let mut entry = entries.iter();
        for a in 0..d {
            for b in 0..d {
                self.lower[a * d + b] = match b.cmp(&a) {
                    std::cmp::Ordering::Less => *entry.next().unwrap(),
                    std::cmp::Ordering::Equal => math::exp(*entry.next().unwrap()),
                    std::cmp::Ordering::Greater => 0.0,
                };
            }
        }
        for a in 0..d {
            for b in 0..d {
                let sum: f64 = (0..=a.min(b)).map(|k| self.lower[a * d + k] * self.lower[b * d + k]).sum();
                self.sigma[a * d + b] = sum;
                self.smoothed[a * d + b] = sum + if a == b { 1.0 / self.start[a] } else { 0.0 };
                let (ea, eb) = (self.center[a] - nu[a], self.center[b] - nu[b]);
                let own = if a == b { self.values[a * d + a] / self.start[a] } else { 0.0 };
                self.spread[a * d + b] = own + ea * eb;
            }
        }
        let ln_start: f64 = self.start.iter().map(|s| math::ln(*s)).sum();
        if !cholesky(&mut self.smoothed, d, 0.0) {
            return f64::INFINITY;
        }
        invert(&self.lower, d, &mut self.precision);
        invert(&self.smoothed, d, &mut self.smoothed_precision);
        let times = |matrix: &[f64], a: usize, v: &dyn Fn(usize) -> f64| -> f64 {
            (0..d).map(|b| matrix[a * d + b] * v(b)).sum()
        };
        let center = &self.center;
        let off = |b: usize| center[b] - nu[b];
        let at = |b: usize| nu[b];
        // Z/p₀, near one at the solution.
        let quadratic: f64 = (0..d).map(|a| nu[a] * times(&self.smoothed_precision, a, &at)).sum();
        let ln_z =
            -0.5 * (d as f64 * math::ln(TAU) + ln_start + ln_determinant(&self.smoothed, d) + quadratic);
        let z = math::exp(ln_z - self.ln_p0);
        let mut trace = 0.0;
        for i in 0..d * d {
            trace += self.precision[i] * self.spread[i];
        }
        let value = 0.5 * (ln_start + ln_determinant(&self.lower, d) + trace) + z;
        // ∂/∂(L Lᵀ) = ½ [P − P M P] + ½ z [Q ν νᵀ Q − Q], into `sigma`, whose content is no longer needed.
        for a in 0..d {
            for b in 0..d {
                self.work[a * d + b] =
                    (0..d).map(|k| self.precision[a * d + k] * self.spread[k * d + b]).sum();
            }
        }
        for a in 0..d {
            let qa = times(&self.smoothed_precision, a, &at);
            gradient[a] = -times(&self.precision, a, &off) - z * qa;
            for b in 0..d {
                let qb = times(&self.smoothed_precision, b, &at);
                let pmp: f64 = (0..d).map(|k| self.work[a * d + k] * self.precision[k * d + b]).sum();
                self.sigma[a * d + b] = 0.5 * (self.precision[a * d + b] - pmp)
                    + 0.5 * z * (qa * qb - self.smoothed_precision[a * d + b]);
            }
        }
        let mut slot = d;
        for a in 0..d {
            for b in 0..=a {
                let slope: f64 = (b..d).map(|k| self.sigma[a * d + k] * self.lower[k * d + b]).sum();
                gradient[slot] = 2.0 * slope * if a == b { self.lower[a * d + a] } else { 1.0 };
                slot += 1;
            }
        }
        if value.is_nan() { f64::INFINITY } else { value }
    }

    /// ln N(0; μ, Σ) of the solution.
    pub(super) fn ln_density(&self) -> f64 {
        let d = self.d;
        let nu = &self.parameters[..d];
        let ln_start: f64 = self.start.iter().map(|s| math::ln(*s)).sum();
        let mut distance = 0.0;
        for a in 0..d {
            for b in 0..d {
                distance += nu[a] * self.precision[a * d + b] * nu[b];
            }
        }
        -0.5 * (d as f64 * math::ln(TAU) + ln_start + ln_determinant(&self.lower, d) + distance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, normal, uniform};

    /// Returns a covariance with eigenvalues from `least` to 0.9, and a mean within the kernel.
    fn case(d: usize, least: f64, index: u64) -> (Vec<f64>, Vec<f64>) {
        let mut generator = generator(8, Purpose::Local, index);
        let mut rows: Vec<f64> = (0..3 * d * d).map(|_| normal(&mut generator)).collect();
        let mut axes = vec![0.0; d * d];
        crate::linear_algebra::small::orthogonalize(&mut rows, d, &mut axes);
        let values: Vec<f64> = (0..d).map(|_| least * (0.9 / least).powf(uniform(&mut generator))).collect();
        // Some neighbours fill the kernel in one direction at least; it is measured by them.
        let values: Vec<f64> = std::iter::once(0.9).chain(values).take(d).collect();
        let mut covariance = vec![0.0; d * d];
        for i in 0..d {
            for j in 0..d {
                covariance[i * d + j] = (0..d).map(|a| axes[i * d + a] * values[a] * axes[j * d + a]).sum();
            }
        }
        (covariance, (0..d).map(|_| 0.3 * normal(&mut generator) / d as f64).collect())
    }

    /// Both conditions of a maximum, written in the axes of the fit: with Z = N(0; μ, Σ + I), C* = (I + Σ⁻¹)⁻¹
    /// and m* = C* Σ⁻¹ μ, the means and second moments about μ of data and model agree, p₀ (μ₀ − μ) = Z (m* − μ).
    #[test]
    fn solutions_balance_data_and_model() {
        for d in 1..=6 {
            for (index, least) in [(0, 0.3), (1, 1e-2), (2, 1e-6)] {
                // Down to kernels that hold one sample in fifty; beyond, the surface is a valley, see below.
                for offset in [-0.5, -2.0, -4.0] {
                    let (covariance, mean) = case(d, least, 10 * d as u64 + index);
                    let ln_p0 = offset - d as f64 / 2.0 * TAU.ln();
                    let mut fit = GaussianFit::new(d);
                    fit.solve(ln_p0, &mean, &covariance).unwrap();
                    let scaled = |i: usize| fit.start[i].sqrt();
                    let mu: Vec<f64> = (0..d).map(|a| fit.parameters[a] * scaled(a)).collect();
                    let mut sigma = vec![0.0; d * d];
                    for a in 0..d {
                        for b in 0..d {
                            let sum: f64 = (0..d).map(|k| fit.lower[a * d + k] * fit.lower[b * d + k]).sum();
                            sigma[a * d + b] = sum * scaled(a) * scaled(b);
                        }
                    }
                    // Z and C* = Σ (Σ + I)⁻¹ = I − (Σ + I)⁻¹, m* = (Σ + I)⁻¹ μ.
                    let mut widened = sigma.clone();
                    for a in 0..d {
                        widened[a * d + a] += 1.0;
                    }
                    assert!(cholesky(&mut widened, d, 0.0));
                    let mut inverse = vec![0.0; d * d];
                    invert(&widened, d, &mut inverse);
                    let m_star: Vec<f64> =
                        (0..d).map(|a| (0..d).map(|b| inverse[a * d + b] * mu[b]).sum()).collect();
                    let distance: f64 = (0..d).map(|a| mu[a] * m_star[a]).sum();
                    let ln_z = -0.5 * (d as f64 * TAU.ln() + ln_determinant(&widened, d) + distance);
                    let z = (ln_z - ln_p0).exp();
                    for a in 0..d {
                        let mu0 = fit.center[a] * scaled(a);
                        let unit = scaled(a);
                        let (data, model) = ((mu0 - mu[a]) / unit, z * (m_star[a] - mu[a]) / unit);
                        assert!(
                            (data - model).abs() < 1e-6 * (1.0 + data.abs()),
                            "{d} {index} {offset}: {data} {model}"
                        );
                        for b in 0..d {
                            let unit = scaled(a) * scaled(b);
                            let own = if a == b { fit.values[a * d + a] } else { 0.0 };
                            let mu0_b = fit.center[b] * scaled(b);
                            let data = own + (mu0 - mu[a]) * (mu0_b - mu[b]) - sigma[a * d + b];
                            let c_star = if a == b { 1.0 } else { 0.0 } - inverse[a * d + b];
                            let model = c_star + (m_star[a] - mu[a]) * (m_star[b] - mu[b]) - sigma[a * d + b];
                            let (data, model) = (data / unit, z * model / unit);
                            let off = ((mu0 - mu[a]) * (mu0_b - mu[b])).abs();
                            let size = 1.0 + (sigma[a * d + b].abs() + off) / unit;
                            assert!(
                                (data - model).abs() < 1e-5 * size,
                                "{d} {index} {offset}: {data} {model}"
                            );
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_kernel_wider_than_the_data_gives_their_gaussian() {
        // All weights 1: p₀ = (2π)^(−d/2), and the covariance is that of the data in units of the bandwidth.
        let e = 1e-6f64;
        let covariance = [e, 0.75 * e, 0.75 * e, e];
        let mean = [0.3 * e.sqrt(), -0.2 * e.sqrt()];
        let mut fit = GaussianFit::new(2);
        fit.solve(-TAU.ln(), &mean, &covariance).unwrap();
        let determinant = 1.0 - 0.75f64.powi(2);
        let distance = (0.09 + 0.04 + 2.0 * 0.75 * 0.06) / determinant;
        let expected = -TAU.ln() - 0.5 * (e * e * determinant).ln() - 0.5 * distance;
        assert!((fit.ln_density() - expected).abs() < 1e-5, "{} {expected}", fit.ln_density());
    }

    #[test]
    fn a_kernel_narrower_than_the_structure_gives_the_kernel_density() {
        // Few of many samples within the kernel, and they spread as the kernel does. Any wide Gaussian of that
        // height will do, before the point or beside it: f = p₀ (1 + O(1/Σ)), and Σ is 50 or more.
        let mut fit = GaussianFit::new(2);
        fit.solve(-14.0, &[0.0, 0.0], &[0.97, 0.0, 0.0, 0.96]).unwrap();
        assert!((fit.ln_density() + 14.0).abs() < 0.05, "{}", fit.ln_density());
    }

    #[test]
    fn a_covariance_without_volume_is_not_fitted() {
        assert!(GaussianFit::new(2).solve(-5.0, &[0.0, 0.0], &[0.5, 0.5, 0.5, 0.5]).is_none());
    }
}
