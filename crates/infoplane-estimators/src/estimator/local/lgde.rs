//! A Gaussian of mass one fitted to the surroundings of every point.

use std::f64::consts::TAU;

use ndarray::ArrayView2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gaussian_fit::GaussianFit;
use super::moments::Moments;
use super::{MOST, PointCounts, check_ties, on_a_plane, prepare, report, tied, tied_in_column};
use crate::math;
use crate::neighbors::{Metric, Neighbors};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable,
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
/// Time O(n log n + n m d² + n d⁶), m neighbours used; memory O(n d), and O(n) for each thread.
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
    fn space(&self, points: ArrayView2<'_, f64>) -> Result<MeanLogDensity, EstimateError> {
        let (n, d) = points.dim();
        let k = self.k(n, d).min(n - 1);
        // exp(−3.7²/2) = 0.001.
        let reach = (k as f64 * math::powi(3.7f64, d as i32)).min(1e9) as usize;
        let m = self.neighbors.unwrap_or(reach).max(k).min(n - 1);
        let search = Neighbors::new(points, Metric::Euclidean);
        let tied = tied(&search.nearest(1), n);
        check_ties(Lgde::INFO.name, tied, n)?;
        let columns: Vec<Vec<f64>> = points.columns().into_iter().map(|column| column.to_vec()).collect();
        // The neighbours of one sample after the other: all lists together would be of the order of n².
        let fits = search.map_nearest(m, k, &|| {
            let (mut moments, mut fit) = (Moments::new(d), GaussianFit::new(d));
            let columns = &columns;
            Box::new(move |i, neighbors| {
                let (in_order, others) = neighbors.split_at(k);
                let h = match in_order[k - 1].0 {
                    // So many samples at one place: the nearest at another.
                    0.0 => others.iter().map(|other| other.0).filter(|&h| h > 0.0).min_by(f64::total_cmp)?,
                    h => h,
                };
                moments.set(columns, i, neighbors, h);
                moments.finish();
                let scale = d as f64 * math::ln(h);
                // The kernel density estimate, times h^d.
                let ln_p0 = math::ln(moments.sum) - math::ln((n - 1) as f64) - d as f64 / 2.0 * math::ln(TAU);
                Some(match fit.solve(ln_p0, &moments.mean, &moments.covariance) {
                    Some(()) => (fit.ln_density() - scale, true),
                    None => (ln_p0 - scale, false),
                })
            })
        });
        let fits: Vec<(f64, bool)> = fits.into_iter().flatten().collect();
        let simpler = fits.iter().filter(|fit| !fit.1).count();
        if 2 * simpler >= fits.len() {
            return Err(on_a_plane(n - fits.len() + simpler));
        }
        let mean = fits.iter().map(|fit| fit.0).sum::<f64>() / fits.len() as f64;
        Ok(MeanLogDensity { mean, counts: PointCounts { tied, dropped: n - fits.len(), simpler } })
    }
}

/// The mean log density of a set of points.
struct MeanLogDensity {
    mean: f64,
    counts: PointCounts,
}

impl MeanLogDensity {
    /// Normal scores of one column are normal by construction: nothing to fit.
    fn of_normal_scores(points: ArrayView2<'_, f64>) -> Result<Self, EstimateError> {
        let n = points.nrows();
        let tied = tied_in_column(points.column(0));
        check_ties(Lgde::INFO.name, tied, n)?;
        let squares: f64 = points.iter().map(|z| z * z).sum();
        let mean = -0.5 * (math::ln(TAU) + squares / n as f64);
        Ok(MeanLogDensity { mean, counts: PointCounts { tied, ..PointCounts::default() } })
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
                (Scaling::NormalScores, 1) => MeanLogDensity::of_normal_scores(block),
                _ => self.space(block),
            }
        };
        let (x, y) = (marginal(0)?, marginal(1)?);
        let nats = joint.mean - x.mean - y.mean;
        let mut estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, &variables);
        let counts = [&joint.counts, &x.counts, &y.counts];
        report(
            &mut estimate,
            prepared.constant,
            counts,
            "have neighbours on a line or plane: kernel density",
        );
        Ok(estimate)
    }
}
