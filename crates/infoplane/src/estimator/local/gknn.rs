//! Entropy by ellipsoids that follow the neighbours of every point.

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::matrix::orthogonalize;
use super::{check_ties, differences, finite, nothing, prepare, standardized, tied};
use crate::estimator::{
    About, Bound, Estimate, EstimateError, Estimator, Kind, LayerRange, Method, Scaling, Warning,
};
use crate::neighbors::{Metric, Neighbors};
use crate::special::ln_unit_ball;
use crate::{Information, Variable};

/// The settings of [`Gknn`], as a configuration file gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GknnConfig {
    /// How many neighbours shape an ellipsoid, at least the columns of all variables together + 2.
    pub k: usize,
    /// What is done to each column first. Entropies are always measured on standardized columns, and the scale
    /// put back.
    pub scaling: Scaling,
}

impl Default for GknnConfig {
    fn default() -> Self {
        GknnConfig { k: 20, scaling: Scaling::Standardized }
    }
}

impl GknnConfig {
    pub(in crate::estimator) const ABOUT: &About = &About {
        name: "gknn",
        title: "g-kNN",
        estimates: "I(X;Y), H(X), without proof of consistency",
        when: "strong dependence, up to 4 columns together; a second opinion beside LNC",
        cost: "O(n log n + n k d²)",
        reference: "Lord, Sun & Bollt (2018), Chaos 28:033114",
    };

    fn setting(&self) -> String {
        format!("k={}, scaling={}", self.k, self.scaling.name())
    }
}

impl Method for GknnConfig {
    fn about(&self) -> &'static About {
        Self::ABOUT
    }

    fn settings(&self) -> Vec<(String, Option<Bound>)> {
        vec![(self.setting(), None)]
    }

    /// [`EstimateError::Setting`] if `k` is below 3.
    fn check(&self) -> Result<(), EstimateError> {
        if !(3..=10_000).contains(&self.k) {
            let (given, allowed) = (self.k.to_string(), "3 to 10000, and at least the columns + 2");
            return Err(EstimateError::Setting { key: "k", given, allowed });
        }
        Ok(())
    }

    fn estimator(&self, _: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError> {
        Ok(Box::new(Gknn::new(self)?))
    }
}

/// DOC
#[derive(Debug, Clone, PartialEq)]
pub struct Gknn {
    config: GknnConfig,
}

impl Gknn {
    /// The method with these settings.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] as [`GknnConfig`] says.
    pub fn new(config: &GknnConfig) -> Result<Self, EstimateError> {
        config.check()?;
        Ok(Gknn { config: config.clone() })
    }

    const NAME: &'static str = GknnConfig::ABOUT.name;

    fn check(&self, dims: usize, n_samples: usize) -> Result<(), EstimateError> {
        let k = self.config.k;
        if k < dims + 2 {
            let (given, allowed) = (k.to_string(), "at least the columns of all variables together + 2");
            return Err(EstimateError::Setting { key: "k", given, allowed });
        }
        if n_samples <= k {
            let (estimator, reason, needed) = (Self::NAME, format!("k = {k}"), k + 1);
            return Err(EstimateError::TooFewSamples { estimator, reason, needed, n_samples });
        }
        Ok(())
    }

    /// The entropy of the points.
    fn space(&self, points: ArrayView2<'_, f64>) -> Result<Space, EstimateError> {
        let (n, d) = points.dim();
        let k = self.config.k;
        let nearest = Neighbors::new(points, Metric::Euclidean).nearest(k);
        let tied = tied(&nearest, n);
        check_ties(Self::NAME, tied, n)?;
        let terms: Vec<f64> = (0..n)
            .into_par_iter()
            .map_init(
                || Ellipsoid::new(d),
                |ellipsoid, i| {
                    differences(points, i, nearest.indices(i), &mut ellipsoid.rows);
                    ellipsoid.ln_volume_per_point(nearest.distances(i)[k - 1])
                },
            )
            .flatten_iter()
            .collect();
        let used = terms.len();
        let mean = terms.iter().sum::<f64>() / used as f64;
        Ok(Space { entropy: (n as f64).ln() + ln_unit_ball(d) + mean, tied, dropped: n - used })
    }
}

struct Space {
    entropy: f64,
    tied: usize,
    dropped: usize,
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
    /// inside. Nothing if the neighbours lie on a line or plane, whose ellipsoid has no volume.
    fn ln_volume_per_point(&mut self, radius: f64) -> Option<f64> {
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
        if !(self.lengths.iter().all(|&length| length > 1e-14 * longest)) {
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
        let shape: f64 = self.lengths.iter().map(|length| (length / longest).ln()).sum();
        Some(shape + d as f64 * radius.ln() - (inside as f64).ln())
    }
}

impl Estimator for Gknn {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn setting(&self) -> String {
        self.config.setting()
    }

    fn pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let Some(prepared) = prepare(self.name(), &variables, self.config.scaling)? else {
            return Ok(nothing(&variables));
        };
        let joint = prepared.joint.view();
        self.check(joint.ncols(), joint.nrows())?;
        let joint = self.space(joint)?;
        let (x, y) = (self.space(prepared.blocks[0].view())?, self.space(prepared.blocks[1].view())?);
        let nats = x.entropy + y.entropy - joint.entropy;
        let mut estimate = Estimate::new(finite(nats)?, Kind::Consistent, &variables);
        estimate.ties = joint.tied;
        estimate.dropped = joint.dropped;
        Ok(estimate)
    }

    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        let (points, ln_scale) = standardized(self.name(), &x)?;
        self.check(points.ncols(), points.nrows())?;
        let space = self.space(points.view())?;
        finite(space.entropy + ln_scale).map(|information| Estimate::new(information, Kind::Consistent, &[x]))
    }
}
