//! Entropy by ellipsoids that follow the neighbours of every point.

use ndarray::ArrayView2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PointCounts, check_ties, differences, for_entropy, on_a_plane, prepare, report, tied};
use crate::interrupt::poll;
use crate::linear_algebra::small::orthogonalize;
use crate::math;
use crate::neighbors::{Metric, Neighbors};
use crate::special::ln_unit_ball;
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// Information and entropy by ellipsoids that take the shape of the neighbours of every sample.
///
/// Around each sample: the principal axes of its k nearest neighbours (Euclidean) and itself about their mean,
/// with singular values s₁ ≥ s₂ ≥ …; an ellipsoid centred at the sample, along those axes, with radii
/// ε s_l/s₁, ε the distance to the k-th neighbour; and kᵢ, the number of the neighbours inside it, at least 1.
/// In d dimensions, with c the volume of the unit ball:
///
/// ```text
/// H(X) = ln n + ln c − mean ln kᵢ + mean [ d ln ε + Σ_l ln (s_l/s₁) ]       I(X;Y) = H(X) + H(Y) − H(X,Y)
/// ```
///
/// Unlike [`Klnn`](super::Klnn) and [`Lnc`](super::Lnc) it is not known to be consistent for fixed k: ln kᵢ
/// stands where nearest-neighbour methods have ψ, and the ellipsoid is made from the points it counts. It does
/// well on smooth strong dependence (0.01 off for y = x² + 0.01 · normal at n = 10,000, LNC 0.03) and loses at
/// sharp edges (0.14 to 0.19 there for uniform noise, LNC 0.05 to 0.08).
///
/// **Beyond four columns together** kᵢ falls to 1 and the entropies are too high, by unlike amounts: there is a
/// warning. `k` (default 20): at least the columns + 2; more sees no bends.
///
/// The singular values come from rotations of the points themselves, not of their covariance, so that a neighbourhood
/// of relative thickness 1e-10 keeps its volume. Samples whose neighbours are flatter than 1e-14 of the
/// largest value are excluded and counted.
///
/// Time O(n log n + n k d²), memory O(n k).
///
/// # Errors
/// [`EstimateError::Setting`] if `k` is below the columns + 2; [`EstimateError::TooFewSamples`] up to k samples;
/// [`EstimateError::Ties`] if in X, Y or (X,Y) more than one sample in a hundred coincides with another;
/// [`EstimateError::NeedsMatrix`] for labels; [`EstimateError::Undetermined`] if more than half of the samples
/// lie on lines or planes, or for the entropy of a constant column.
///
/// ```
/// use infoplane_estimators::{Gknn, Measure, Variable};
/// // Even points in [0, 8): H = ln 8.
/// let x = ndarray::Array2::from_shape_fn((1000, 1), |(i, _)| 8.0 * (i as f64 * 0.6180339887498949).fract());
/// let entropy = Gknn::default().entropy(Variable::Double(x.view()))?;
/// assert!((entropy.information.nats() - 8f64.ln()).abs() < 0.05);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Lord, Sun & Bollt (2018), *Geometric k-nearest neighbor estimation of entropy and mutual information*, Chaos
/// 28:033114.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Gknn {
    /// Number of neighbours that determine an ellipsoid, at least the columns of all variables together + 2.
    pub k: usize,
    /// Scaling applied to each column first. Entropies are always measured on standardized columns, and the scale
    /// put back.
    pub scaling: Scaling,
}

impl Default for Gknn {
    fn default() -> Self {
        Gknn { k: 20, scaling: Scaling::Standardized }
    }
}

impl Gknn {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "gknn",
        title: "g-kNN",
        family: Family::LocalFits,
        estimates: "I(X;Y), H(X), without proof of consistency",
        when: "strong dependence, up to 4 columns together; a second opinion beside LNC",
        cost: "O(n log n + n k d²)",
        offers: &[Quantity::Information, Quantity::Entropy],
        labels: LabelSides::None,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "Lord, Sun & Bollt (2018), Chaos 28:033114",
    };
}

impl Gknn {
    fn check(&self, dims: usize, n_samples: usize) -> Result<(), EstimateError> {
        let k = self.k;
        if k < dims + 2 {
            let (given, allowed) = (k.to_string(), "at least the columns of all variables together + 2");
            return Err(EstimateError::Setting { key: "k", given, allowed });
        }
        if n_samples <= k {
            let (estimator, reason, needed) = (Self::INFO.name, format!("k = {k}"), k + 1);
            return Err(EstimateError::TooFewSamples { estimator, reason, needed, n_samples });
        }
        Ok(())
    }

    /// Returns the entropy of the points.
    fn space(&self, points: ArrayView2<'_, f64>) -> Result<EntropyOfPoints, EstimateError> {
        let (n, d) = points.dim();
        let k = self.k;
        let nearest = Neighbors::new(points, Metric::Euclidean).nearest(k);
        let tied = tied(&nearest, n);
        check_ties(Self::INFO.name, tied, n)?;
        // Differences of so little are rounding.
        let smallest = 1e-14 * points.iter().fold(0f64, |m, v| m.max(v.abs()));
        let terms: Vec<f64> = (0..n)
            .into_par_iter()
            .map_init(
                || Ellipsoid::new(d),
                |ellipsoid, i| {
                    poll();
                    differences(points, i, nearest.indices(i), &mut ellipsoid.rows);
                    ellipsoid.ln_volume_per_point(nearest.distances(i)[k - 1], smallest)
                },
            )
            .flatten_iter()
            .collect();
        let used = terms.len();
        if 2 * used < n {
            return Err(on_a_plane(n - used));
        }
        let mean = terms.iter().sum::<f64>() / used as f64;
        let counts = PointCounts { tied, dropped: n - used, simpler: 0 };
        Ok(EntropyOfPoints { entropy: math::ln(n as f64) + ln_unit_ball(d) + mean, counts })
    }
}

struct EntropyOfPoints {
    entropy: f64,
    counts: PointCounts,
}

/// A warning where ellipsoids hold hardly a neighbour.
fn warn_of_dimensions(dims: usize, warnings: &mut Vec<Warning>) {
    if dims > 4 {
        warnings.push(Warning::Note(format!(
            "{dims} columns: ellipsoids hold hardly a neighbour beyond 4, and their entropy is too high"
        )));
    }
}

/// Room for the neighbours of one point.
struct Ellipsoid {
    d: usize,
    rows: Vec<f64>,
    centered: Vec<f64>,
    mean: Vec<f64>,
    axes: Vec<f64>,
    lengths: Vec<f64>,
}

impl Ellipsoid {
    fn new(d: usize) -> Self {
        Ellipsoid {
            d,
            rows: Vec::new(),
            centered: Vec::new(),
            mean: vec![0.0; d],
            axes: vec![0.0; d * d],
            lengths: vec![0.0; d],
        }
    }

    /// ln of the volume of the ellipsoid around the point, but for that of the unit ball, over the neighbours
    /// inside. `None` if the neighbours lie on a line or plane, whose ellipsoid has no volume.
    fn ln_volume_per_point(&mut self, radius: f64, smallest: f64) -> Option<f64> {
        let d = self.d;
        // In units of the radius; the point itself is the origin, and belongs to the cloud.
        self.rows.iter_mut().for_each(|v| *v /= radius);
        let n_points = (self.rows.len() / d + 1) as f64;
        self.mean.fill(0.0);
        for row in self.rows.chunks_exact(d) {
            self.mean.iter_mut().zip(row).for_each(|(mean, v)| *mean += v / n_points);
        }
        self.centered.clear();
        for row in self.rows.chunks_exact(d) {
            self.centered.extend(row.iter().zip(&self.mean).map(|(v, mean)| v - mean));
        }
        self.centered.extend(self.mean.iter().map(|mean| -mean));
        orthogonalize(&mut self.centered, d, &mut self.axes);
        for (a, length) in self.lengths.iter_mut().enumerate() {
            *length = self.centered.chunks_exact(d).map(|row| row[a] * row[a]).sum::<f64>().sqrt();
        }
        let longest = self.lengths.iter().copied().fold(0.0, f64::max);
        if !(self.lengths.iter().all(|&length| length * radius > smallest)) {
            return None;
        }
        let inside = self
            .rows
            .chunks_exact(d)
            .filter(|row| {
                let squared: f64 = (0..d)
                    .map(|a| {
                        let along: f64 = (0..d).map(|b| row[b] * self.axes[b * d + a]).sum();
                        let relative = along * longest / self.lengths[a];
                        relative * relative
                    })
                    .sum();
                squared <= 1.0
            })
            .count()
            .max(1);
        let shape: f64 = self.lengths.iter().map(|length| math::ln(length / longest)).sum();
        Some(shape + d as f64 * math::ln(radius) - math::ln(inside as f64))
    }
}

impl Estimator for Gknn {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        format!("k={}, scaling={}", self.k, self.scaling.name())
    }

    /// [`EstimateError::Setting`] if `k` is below 3.
    fn check(&self) -> Result<(), EstimateError> {
        if !(3..=10_000).contains(&self.k) {
            let (given, allowed) = (self.k.to_string(), "3 to 10000, and at least the columns + 2");
            return Err(EstimateError::Setting { key: "k", given, allowed });
        }
        Ok(())
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let Some(prepared) = prepare(self.name(), &variables, self.scaling)? else {
            // One sample, which never changes.
            return Ok(Estimate::of_constant(&variables));
        };
        let dims = prepared.joint.ncols();
        self.check(dims, prepared.joint.nrows())?;
        // Equal values on one side make planes in the joint space; they are the better reason.
        let (x, y) = (self.space(prepared.blocks[0].view())?, self.space(prepared.blocks[1].view())?);
        let joint = self.space(prepared.joint.view())?;
        let nats = x.entropy + y.entropy - joint.entropy;
        let mut estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, &variables);
        report(&mut estimate, prepared.constant, [&joint.counts, &x.counts, &y.counts], "");
        warn_of_dimensions(dims, &mut estimate.warnings);
        Ok(estimate)
    }

    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        let (points, ln_scale) = for_entropy(self.name(), &x, self.scaling)?;
        self.check(points.ncols(), points.nrows())?;
        let space = self.space(points.view())?;
        let mut estimate =
            Estimate::new(Information::from_nats(space.entropy + ln_scale), EstimateKind::Consistent, &[x]);
        let none = PointCounts::default();
        report(&mut estimate, 0, [&space.counts, &none, &none], "");
        warn_of_dimensions(points.ncols(), &mut estimate.warnings);
        Ok(estimate)
    }
}
