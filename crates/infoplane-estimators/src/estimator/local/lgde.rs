//! A Gaussian of mass one fitted to the surroundings of every point.

use std::f64::consts::TAU;

use ndarray::ArrayView2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::moments::Moments;
use super::{Found, MOST, check_ties, finite, on_a_plane, prepare, report, tied, tied_in_column};
use crate::linear_algebra::small::{cholesky, invert, ln_determinant, solve, symmetric_eigen};
use crate::math;
use crate::neighbors::{Metric, Neighbors};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, LabelSides, Quantity, Scaling,
    Uncertainty, Variable,
};

/// Information by a Gaussian fitted to the surroundings of every sample.
///
/// At every sample x a Gaussian N(·; μ, Σ) of mass one is fitted to the samples around it, by the local
/// likelihood with kernel K = N(0, h² I), h the Euclidean distance to the k-th neighbour:
///
/// ```text
/// maximise  1/(n−1) Σ_{j≠i} K(xⱼ − xᵢ) ln N(xⱼ; μ, Σ) − ∫ K(t − xᵢ) N(t; μ, Σ) dt
/// f(xᵢ)  = N(xᵢ; μ, Σ)            I(X;Y) = mean [ ln f(x,y) − ln f(x) − ln f(y) ]
/// ```
///
/// The integral is N(x; μ, Σ + h² I), and the data enter through their kernel density and the weighted mean and
/// covariance around x alone, so that a step of the fit costs the same for any number of neighbours: a damped
/// Newton iteration in the axes of that covariance, from the solution without the constraint of mass one. A
/// bandwidth beyond the data makes it the information of one Gaussian, −½ ln(1 − ρ²); a bandwidth towards 0 the
/// kernel density. In contrast to [`Klnn`](super::Klnn) the height is not free: less variance, and a bias that
/// falls with k, about 0.6/k nats for a pair of columns.
///
/// **k** (`k`): by default the larger of 15 + 5 × columns and n^(2/3)/5 in each of X, Y and (X,Y): 25 for 1000
/// pairs, 93 for 10,000. Tried: 8 to 320. Fewer leave the bias above (0.03 at n = 10,000 and k = 25), more see
/// no bends (0.1 off for a sine of period 1.6 at n = 1000 and k = 40).
/// **Neighbours used** (`neighbors`): all of a weight above a thousandth, 3.7^d k. A kernel cut off nearer finds
/// too small a covariance, and bends where there are none.
/// **Scaling**: normal scores by default. Of single columns the density is then known, and not estimated; skewed,
/// two-humped and heavy-tailed columns become a Gaussian pair, which has no bias at any bandwidth. **For
/// dependence so strong that the order of y is that of x (noise below 1/n of the range) take
/// `standardized`**: ranks have lost the noise, and 1 nat is missing at noise 1e-4 and n = 1000, where
/// standardized columns are 0.03 off.
///
/// When to choose something else: sharp edges (uniform noise: 0.2 nats too low at any k, a Gaussian being wider
/// than a box of the same spread) are for KSG or LNC; curves that bend within the neighbourhood for LNC.
///
/// Time O(n log n + n m d² + n d⁶), m neighbours used; memory O(n m).
///
/// # Errors
/// [`EstimateError::TooManyDimensions`] beyond six columns together; [`EstimateError::TooFewSamples`] up to
/// 15 + 5 × columns samples, or k; [`EstimateError::Ties`] if in X, Y or (X,Y) more than one sample in a hundred
/// coincides with another; [`EstimateError::NeedsMatrix`] for labels; [`EstimateError::Undetermined`] if most
/// samples have neighbours on a line or plane (of fewer, the kernel density is taken, and they are counted).
///
/// ```
/// use infoplane_estimators::{Lgde, Measure};
/// use infoplane_estimators::known::Task;
/// // Two normal variables of correlation 0.75, each put through a map that is one to one: 0.413 nats.
/// let sample = Task::named("wiggly").expect("a task of that name").draw(1000, 1);
/// let lgde = Lgde::default();
/// let estimate = lgde.pair(sample.x.variable(), sample.y.variable())?;
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.1);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Gao, Ver Steeg & Galstyan (2015), *Estimating mutual information by local Gaussian approximation*, UAI. Their
/// bandwidth rule differs; this one is ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lgde {
    /// The neighbour whose distance is the bandwidth, at least 5; by default the larger of 15 + 5 × columns and
    /// n^(2/3)/5 in each space.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k: Option<usize>,
    /// Number of neighbours in a fit; by default all of a weight above a thousandth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<usize>,
    /// Scaling applied to each column first.
    pub scaling: Scaling,
}

impl Default for Lgde {
    fn default() -> Self {
        Lgde { k: None, neighbors: None, scaling: Scaling::NormalScores }
    }
}

impl Lgde {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "lgde",
        title: "LGDE",
        family: Family::LocalFits,
        estimates: "I(X;Y), consistent",
        when: "smooth dependence, weak or strong, up to 4 columns together",
        cost: "O(n log n + n m d² + n d⁶), m neighbours",
        offers: &[Quantity::Information],
        labels: LabelSides::None,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "Gao, Ver Steeg & Galstyan (2015), UAI",
    };
}

impl Lgde {
    fn k(&self, n: usize, d: usize) -> usize {
        let growing = (math::powi(math::cbrt(n as f64), 2) / 5.0).round() as usize;
        self.k.unwrap_or(growing.max(15 + 5 * d))
    }

    fn check(&self, dims: usize, n_samples: usize) -> Result<(), EstimateError> {
        if dims > MOST {
            return Err(EstimateError::TooManyDimensions {
                estimator: Self::INFO.name,
                dims,
                most: MOST,
                reason: "the kernel around a sample is empty there; reduce the columns, or take gcmi or cv-ksg",
            });
        }
        let least = (15 + 5 * dims).max(self.k.unwrap_or(0));
        if n_samples <= least {
            let reason = match self.k {
                Some(k) => format!("k = {k} in {dims} columns"),
                None => format!("{dims} columns"),
            };
            let (estimator, needed) = (Self::INFO.name, least + 1);
            return Err(EstimateError::TooFewSamples { estimator, reason, needed, n_samples });
        }
        Ok(())
    }

    /// Returns the mean of ln f at the points.
    fn space(&self, points: ArrayView2<'_, f64>) -> Result<Space, EstimateError> {
        let (n, d) = points.dim();
        let k = self.k(n, d).min(n - 1);
        // exp(−3.7²/2) = 0.001.
        let reach = (k as f64 * math::powi(3.7f64, d as i32)).min(1e9) as usize;
        let m = self.neighbors.unwrap_or(reach).max(k).min(n - 1);
        let nearest = Neighbors::new(points, Metric::Euclidean).nearest(m);
        let tied = tied(&nearest, n);
        check_ties(Lgde::INFO.name, tied, n)?;
        let fits: Vec<(f64, bool)> = (0..n)
            .into_par_iter()
            .map_init(
                || (Moments::new(d), Fit::new(d)),
                |(moments, fit), i| {
                    let distances = nearest.distances(i);
                    let h = distances[k - 1..].iter().copied().find(|&h| h > 0.0)?;
                    moments.clear();
                    let mut u = [0.0; MOST];
                    for &j in nearest.indices(i) {
                        let center = points.row(i);
                        for ((u, p), c) in u.iter_mut().zip(points.row(j as usize)).zip(center) {
                            *u = (p - c) / h;
                        }
                        moments.push(&u[..d]);
                    }
                    moments.finish();
                    let scale = d as f64 * math::ln(h);
                    // The kernel density estimate, times h^d.
                    let ln_p0 =
                        math::ln(moments.sum) - math::ln((n - 1) as f64) - d as f64 / 2.0 * math::ln(TAU);
                    Some(match fit.solve(ln_p0, &moments.mean, &moments.covariance) {
                        Some(()) => (fit.ln_density() - scale, true),
                        None => (ln_p0 - scale, false),
                    })
                },
            )
            .flatten_iter()
            .collect();
        let simpler = fits.iter().filter(|fit| !fit.1).count();
        if 2 * simpler >= fits.len() {
            return Err(on_a_plane(n - fits.len() + simpler));
        }
        let mean = fits.iter().map(|fit| fit.0).sum::<f64>() / fits.len() as f64;
        Ok(Space { mean, found: Found { tied, dropped: n - fits.len(), simpler } })
    }
}

/// The mean log density of a set of points.
struct Space {
    mean: f64,
    found: Found,
}

impl Space {
    /// Normal scores of one column are normal by construction: nothing to fit.
    fn of_normal_scores(points: ArrayView2<'_, f64>) -> Result<Self, EstimateError> {
        let n = points.nrows();
        let tied = tied_in_column(points.column(0));
        check_ties(Lgde::INFO.name, tied, n)?;
        let squares: f64 = points.iter().map(|z| z * z).sum();
        let mean = -0.5 * (math::ln(TAU) + squares / n as f64);
        Ok(Space { mean, found: Found { tied, ..Found::default() } })
    }
}

/// Maximises p₀ [ −½ ln det Σ − ½ tr Σ⁻¹ (C + (μ₀ − μ)(μ₀ − μ)ᵀ) ] − N(0; μ, Σ + I) over μ and Σ.
///
/// In the axes of C and in units of the start, where all second derivatives are of the size of one: a cloud
/// of relative thickness 1e-4 is as easy as a round one.
struct Fit {
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

impl Fit {
    fn new(d: usize) -> Self {
        let p = d + d * (d + 1) / 2;
        let square = vec![0.0; d * d];
        Fit {
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
    fn solve(&mut self, ln_p0: f64, mean: &[f64], covariance: &[f64]) -> Option<()> {
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
    fn ln_density(&self) -> f64 {
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

impl Estimator for Lgde {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        let mut text = String::new();
        if let Some(k) = self.k {
            text += &format!("k={k}, ");
        }
        if let Some(m) = self.neighbors {
            text += &format!("neighbors={m}, ");
        }
        text + &format!("scaling={}", self.scaling.name())
    }

    /// [`EstimateError::Setting`] if `k` is below 5, or `neighbors` below 10 or below `k`.
    fn check(&self) -> Result<(), EstimateError> {
        if let Some(k) = self.k.filter(|k| !(5..=100_000).contains(k)) {
            let (given, allowed) = (k.to_string(), "5 to 100000: fewer determine no covariance");
            return Err(EstimateError::Setting { key: "k", given, allowed });
        }
        match self.neighbors {
            Some(m) if m < 10 || m < self.k.unwrap_or(0) => {
                let (given, allowed) = (m.to_string(), "at least 10, and not below k");
                Err(EstimateError::Setting { key: "neighbors", given, allowed })
            }
            _ => Ok(()),
        }
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let Some(prepared) = prepare(self.name(), &variables, self.scaling)? else {
            // One sample, which never changes.
            return Ok(Estimate::of_constant(&variables));
        };
        self.check(prepared.joint.ncols(), prepared.joint.nrows())?;
        let joint = self.space(prepared.joint.view())?;
        let marginal = |i: usize| {
            let block = prepared.blocks[i].view();
            match (self.scaling, block.ncols()) {
                (Scaling::NormalScores, 1) => Space::of_normal_scores(block),
                _ => self.space(block),
            }
        };
        let (x, y) = (marginal(0)?, marginal(1)?);
        let nats = joint.mean - x.mean - y.mean;
        let mut estimate = Estimate::new(finite(nats)?, EstimateKind::Consistent, &variables);
        let found = [&joint.found, &x.found, &y.found];
        report(&mut estimate, prepared.constant, found, "have neighbours on a line or plane: kernel density");
        Ok(estimate)
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
                    let mut fit = Fit::new(d);
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
        let mut fit = Fit::new(2);
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
        let mut fit = Fit::new(2);
        fit.solve(-14.0, &[0.0, 0.0], &[0.97, 0.0, 0.0, 0.96]).unwrap();
        assert!((fit.ln_density() + 14.0).abs() < 0.05, "{}", fit.ln_density());
    }

    #[test]
    fn a_covariance_without_volume_is_not_fitted() {
        assert!(Fit::new(2).solve(-5.0, &[0.0, 0.0], &[0.5, 0.5, 0.5, 0.5]).is_none());
    }
}
