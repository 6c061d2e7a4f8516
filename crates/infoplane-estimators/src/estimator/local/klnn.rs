//! Local likelihood with a bandwidth from nearest neighbours, minus its universal bias.

use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ndarray::{ArrayView1, ArrayView2};

use super::bias::{ORDERS, bias};
use super::moments::{Moments, log_height};
use super::{MOST, PointCounts, check_ties, for_entropy, on_a_plane, prepare, report, tied, tied_in_column};
use crate::estimator::input::Quartiles;
use crate::interrupt::poll;
use crate::math;
use crate::neighbors::{Metric, Neighbors};
use crate::special::digamma;
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// The source of the bandwidth of the marginal densities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KlnnBandwidth {
    /// Each of X, Y and (X, Y) takes the distance to the k-th neighbour in its own space.
    #[default]
    Own,
    /// All three take the distance to the k-th neighbour in (X, Y).
    Joint,
}

impl KlnnBandwidth {
    const fn name(self) -> &'static str {
        match self {
            KlnnBandwidth::Own => "own",
            KlnnBandwidth::Joint => "joint",
        }
    }
}

/// Information and entropy by local likelihood with the distance to a neighbour for bandwidth.
///
/// Around every sample the logarithm of the density is modelled as a polynomial of order p, which is fitted to
/// the other samples with weights wⱼ = exp(−|uⱼ|²/2), uⱼ = (xⱼ − xᵢ)/h, h the Euclidean distance to the k-th
/// neighbour. With S = Σ w, μ = Σ w u / S and Σ the weighted covariance of u about μ, in d dimensions:
///
/// ```text
/// −ln f(xᵢ) = −ln S + ψ(n) + d/2 ln 2π + d ln h + ½ ln det Σ + ½ μᵀ Σ⁻¹ μ        order 2
///                                               + ½ |μ|²                          order 1
///                                               (neither)                         order 0
/// H(X)   = mean −ln f − B        I(X;Y) = H(X) + H(Y) − H(X,Y)
/// ```
///
/// B depends on d, k, the order and the number m of neighbours used, and not on the density: it is what the
/// fit makes of a Poisson process, drawn at first use (a tenth of a second for each new setting, standard
/// error below 0.001) and remembered. At order 2 and k = 5 it is −0.02 in one dimension, −0.07 in two and −0.17
/// there with m = 30: **programs that fix m = 30 and leave B out are right in one dimension, 0.1 too high for a
/// pair of single columns, 0.7 for two and two, and no amount of data removes it.** Other differences to
/// published programs: the point itself is not among its neighbours; where neighbours lie on a line or plane to
/// working accuracy (a pivot of Σ below 1e-12 of its mean variance) the next lower order is taken *with its own
/// B*, and the number of such samples is reported; other programs drop them silently.
///
/// **Neighbours used** (`neighbors`): up to three columns, all whose weight is not negligible,
/// k (√d + 3)^d and at least 100. From four to six columns that would be most of the data: 20 k, with their own
/// B. The density is then assumed constant over a ball of that many, and the estimate **is too low**: 1.2
/// nats for three and three columns of 1000 samples. There is a warning below 10,000 samples, and no answer
/// beyond six columns.
///
/// **Scaling.** Of single columns in normal scores the entropy is known, and is not estimated: values at the
/// quantiles are no random sample, and neighbours in them are too evenly spaced.
/// **KlnnBandwidth** `joint` takes for H(X) and H(Y) the h of the same sample in (X,Y); errors of the three terms
/// then cancel better (mean error 0.025 in place of 0.035 for 1000 normal pairs at k = 10; the only choice that
/// is not nats away when x lies on a curve in the plane). It takes O(n²) time; the part of B that belongs to
/// the marginals is k/(neighbours within h) of that at k.
///
/// When to choose something else: LGDE and LNC are closer on nearly everything up to two columns, KSG is for
/// weak dependence. KLNN is for entropies, and for a second opinion where ln f bends.
///
/// Time O(n log n + n m d²), memory O(n d), and O(m) for each thread.
///
/// # Errors
/// [`EstimateError::TooManyDimensions`] beyond six columns together; [`EstimateError::TooFewSamples`] up to 30
/// samples, three times the columns or k; [`EstimateError::Ties`] if in X, Y or (X,Y) more than one sample in a
/// hundred coincides with another (of fewer, where k and more coincide, the first neighbour at another place
/// gives h); [`EstimateError::NeedsMatrix`] for labels; [`EstimateError::Undetermined`] for the entropy of a
/// constant column, and for values a thousand interquartile ranges from the others.
///
/// ```
/// use infoplane_estimators::{Klnn, Measure, Variable};
/// // A golden-ratio lattice fills the unit square evenly: the two coordinates share nothing.
/// let u = |i: usize, step: f64| (i as f64 * step).fract();
/// let x = ndarray::Array2::from_shape_fn((800, 1), |(i, _)| u(i + 1, 0.7548776662466927));
/// let y = ndarray::Array2::from_shape_fn((800, 1), |(i, _)| u(i + 1, 0.5698402909980532));
/// let klnn = Klnn::default();
/// let estimate = klnn.pair(Variable::Double(x.view()), Variable::Double(y.view()))?;
/// assert!(estimate.information.nats().abs() < 0.2);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Gao, Oh & Viswanath (2016), *Breaking the bandwidth barrier: geometrical adaptive entropy estimation*, NIPS;
/// Loader (1996), *Annals of Statistics* 24:1602, for local likelihood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Klnn {
    /// The neighbour whose distance is the bandwidth, at least 5.
    pub k: usize,
    /// The order of the local polynomial of ln f: 0, 1 or 2.
    pub order: usize,
    /// Number of neighbours in a fit, at least 30 and three times the number of columns; by default all with a weight
    /// that is not negligible, see [`Klnn`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<usize>,
    /// The source of the bandwidth of the marginal densities.
    pub bandwidth: KlnnBandwidth,
    /// Scaling applied to each column first. Entropies are always measured on standardized columns, and the scale
    /// put back.
    pub scaling: Scaling,
}

impl Default for Klnn {
    fn default() -> Self {
        Klnn {
            k: 10,
            order: 2,
            neighbors: None,
            bandwidth: KlnnBandwidth::Own,
            scaling: Scaling::Standardized,
        }
    }
}

impl Klnn {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "klnn",
        title: "KLNN",
        family: Family::LocalFits,
        estimates: "I(X;Y), H(X), consistent",
        when: "strong dependence, up to 4 columns together",
        cost: "O(n log n + n m d²), m neighbours",
        offers: &[Quantity::Information, Quantity::Entropy],
        labels: LabelSides::None,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "Gao, Oh & Viswanath (2016), NIPS",
    };

    /// Neighbours that take part in a fit in `d` dimensions, were there enough samples.
    fn wanted(&self, d: usize) -> usize {
        // Up to three columns, until the weights vanish: k (√d + 3)^d. Beyond that would be thousands, and the
        // ball of so many is most of the data.
        let reach =
            |d: usize| (self.k as f64 * math::powi((d as f64).sqrt() + 3.0, d as i32)).ceil() as usize;
        self.neighbors.unwrap_or(if d <= 3 { reach(d).max(100) } else { 20 * self.k })
    }
}

/// Refuses columns with values a thousand interquartile ranges from the median: the fit at such a place is an extrapolation,
/// of up to 1e13 nats.
fn check_near(points: ArrayView2<'_, f64>, choices: &'static str) -> Result<(), EstimateError> {
    match points.columns().into_iter().any(|column| Quartiles::of_far_tailed(column).is_some()) {
        true => Err(EstimateError::Undetermined {
            reason: "some values are a thousand interquartile ranges from the others, where local fits fail"
                .into(),
            choices,
        }),
        false => Ok(()),
    }
}

impl Klnn {
    fn check(&self, dims: usize, n_samples: usize) -> Result<(), EstimateError> {
        if dims > MOST {
            return Err(EstimateError::TooManyDimensions {
                estimator: self.name(),
                dims,
                most: MOST,
                reason: "the neighbours that a fit needs are most of the data, which are not flat there; \
                         reduce the columns, or take gcmi or cv-ksg",
            });
        }
        let least = (3 * dims).max(30).max(self.k);
        if n_samples <= least {
            return Err(EstimateError::TooFewSamples {
                estimator: self.name(),
                reason: format!("k = {} and {least} neighbours to a fit", self.k),
                needed: least + 1,
                n_samples,
            });
        }
        Ok(())
    }

    /// Returns the entropy of the points, each by its own bandwidth.
    fn space(&self, points: ArrayView2<'_, f64>) -> Result<EntropyOfPoints, EstimateError> {
        let (n, d) = points.dim();
        let wanted = self.wanted(d);
        let m = wanted.min(n - 1);
        let search = Neighbors::new(points, Metric::Euclidean);
        let tied = tied(&search.nearest(1), n);
        check_ties(self.name(), tied, n)?;
        // The neighbours of one sample after the other; their lists are not kept.
        let fits = search.map_nearest(m, self.k, &|| {
            let mut moments = Moments::new(d);
            Box::new(move |i, neighbors| {
                let (k, h) = match neighbors[self.k - 1].0 {
                    // Where k points and more share a place, the first at another gives the bandwidth.
                    0.0 => {
                        let elsewhere = neighbors.iter().map(|neighbor| neighbor.0).filter(|&h| h > 0.0);
                        (m - elsewhere.clone().count() + 1, elsewhere.min_by(f64::total_cmp)?)
                    }
                    h => (self.k, h),
                };
                moments.clear();
                add(&mut moments, points, i, neighbors.iter().map(|neighbor| neighbor.1), h);
                let (value, order) = self.fit(&mut moments)?;
                Some(KernelFit { value: value - d as f64 * math::ln(h), order, k, h, point: i })
            })
        });
        let fits: Vec<KernelFit> = fits.into_iter().flatten().collect();
        // All samples in every fit leave nothing out, however few they are.
        EntropyOfPoints::new(fits, n, tied, self.order, |k| bias(d, k, wanted.max(k)))
    }

    /// ln of the fitted height and the order that gave it.
    fn fit(&self, moments: &mut Moments) -> Option<(f64, usize)> {
        moments.finish();
        let heights = log_height(moments);
        (0..=self.order).rev().find_map(|order| heights[order].map(|height| (height, order)))
    }

    /// Returns the entropy of a marginal with the bandwidths of the joint space.
    fn marginal(
        &self,
        points: ArrayView2<'_, f64>,
        joint: &EntropyOfPoints,
    ) -> Result<EntropyOfPoints, EstimateError> {
        let (n, d) = points.dim();
        let wanted = self.wanted(d);
        let tied = if d == 1 { tied_in_column(points.column(0)) } else { 0 };
        check_ties(self.name(), tied, n)?;
        let fits: Vec<KernelFit> = joint
            .fits
            .par_iter()
            .map_init(
                || Moments::new(d),
                |moments, at| {
                    poll();
                    let i = at.point;
                    moments.clear();
                    let inside = add(moments, points, i, 0..n as u32, at.h);
                    let (value, order) = self.fit(moments)?;
                    Some(KernelFit {
                        value: value - d as f64 * math::ln(at.h),
                        order,
                        k: inside,
                        h: at.h,
                        point: i,
                    })
                },
            )
            .flatten_iter()
            .collect();
        // So many neighbours lie within the bandwidth that the bias, which falls with their number, is that of
        // k divided by it.
        let k = self.k;
        let at_k = bias(d, k, wanted);
        EntropyOfPoints::new(fits, n, tied, self.order, |inside| {
            let mut bias = at_k;
            bias.value.iter_mut().for_each(|value| *value *= k as f64 / inside.max(k) as f64);
            bias
        })
    }
}

/// Adds the neighbours in units of `h`, but for those whose weight is nothing; how many are nearer than `h`.
fn add(
    moments: &mut Moments,
    points: ArrayView2<'_, f64>,
    i: usize,
    neighbors: impl Iterator<Item = u32>,
    h: f64,
) -> usize {
    let d = points.ncols();
    let mut u = [0.0; MOST];
    let mut inside = 0;
    let center = points.row(i);
    for j in neighbors {
        if j as usize == i {
            continue;
        }
        let mut squared = 0.0;
        for ((u, p), c) in u.iter_mut().zip(points.row(j as usize)).zip(center) {
            *u = (p - c) / h;
            squared += *u * *u;
        }
        // exp(−75/2) is below the rounding of the weight 1.
        if squared < 75.0 {
            moments.push(&u[..d]);
        }
        inside += usize::from(squared <= 1.0);
    }
    inside
}

/// The fit at a point.
struct KernelFit {
    /// ln f, but for the number of samples and the bias.
    value: f64,
    order: usize,
    k: usize,
    h: f64,
    /// The row of the point.
    point: usize,
}

/// An estimated entropy.
struct EntropyOfPoints {
    entropy: f64,
    fits: Vec<KernelFit>,
    counts: PointCounts,
}

impl EntropyOfPoints {
    fn new(
        fits: Vec<KernelFit>,
        n: usize,
        tied: usize,
        order: usize,
        bias: impl Fn(usize) -> super::bias::Bias,
    ) -> Result<Self, EstimateError> {
        if fits.is_empty() {
            return Err(on_a_plane(n));
        }
        let simpler = fits.iter().filter(|fit| fit.order < order).count();
        let mut sum = 0.0;
        let mut last: Option<(usize, super::bias::Bias)> = None;
        for fit in &fits {
            let bias = match last {
                Some((k, bias)) if k == fit.k => bias,
                _ => bias(fit.k),
            };
            last = Some((fit.k, bias));
            sum -= fit.value + bias.value[fit.order];
        }
        Ok(EntropyOfPoints {
            entropy: sum / fits.len() as f64 + digamma(n as f64),
            counts: PointCounts { tied, dropped: n - fits.len(), simpler },
            fits,
        })
    }

    /// Returns the entropy of normal scores in one column, which are normal by construction.
    fn of_normal_scores(estimator: &'static str, points: ArrayView2<'_, f64>) -> Result<Self, EstimateError> {
        let n = points.nrows();
        let tied = tied_in_column(points.column(0));
        check_ties(estimator, tied, n)?;
        let squares: f64 = points.iter().map(|z| z * z).sum();
        let entropy = 0.5 * (math::ln(std::f64::consts::TAU) + squares / n as f64);
        Ok(EntropyOfPoints {
            entropy,
            fits: Vec::new(),
            counts: PointCounts { tied, ..PointCounts::default() },
        })
    }
}

const LOWER_ORDER: &str = "have neighbours on a line or plane, and a fit of lower order";

/// A warning where the ball of neighbours is most of the data.
fn warn_of_size(n_samples: usize, dims: usize, warnings: &mut Vec<Warning>) {
    if dims > 3 && n_samples < 10_000 {
        warnings.push(Warning::Note(format!(
            "{n_samples} samples in {dims} columns: the density is not flat over the neighbours of a fit, and \
             the estimate comes out too low; 10000 samples are the least for more than 3 columns"
        )));
    }
}

impl Estimator for Klnn {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        let mut text = format!("k={}, order={}", self.k, self.order);
        if let Some(m) = self.neighbors {
            text += &format!(", neighbors={m}");
        }
        text + &format!(", bandwidth={}, scaling={}", self.bandwidth.name(), self.scaling.name())
    }

    /// [`EstimateError::Setting`] if `k` is below 5, `order` above 2, or `neighbors` below 30 or not above `k`.
    fn check(&self) -> Result<(), EstimateError> {
        if self.k < 5 || self.k > 10_000 {
            let (given, allowed) = (self.k.to_string(), "5 to 10000: fewer determine no covariance");
            return Err(EstimateError::Setting { key: "k", given, allowed });
        }
        if self.order >= ORDERS {
            let given = self.order.to_string();
            return Err(EstimateError::Setting { key: "order", given, allowed: "0, 1 or 2" });
        }
        match self.neighbors {
            Some(m) if m < 30 || m < self.k => {
                let (given, allowed) = (m.to_string(), "at least 30, and not below k");
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
        check_near(prepared.joint.view(), "give scaling = \"normal-scores\", or leave out those samples")?;
        let joint = self.space(prepared.joint.view())?;
        let marginal = |i: usize| {
            let block = prepared.blocks[i].view();
            match (self.bandwidth, self.scaling, block.ncols()) {
                (KlnnBandwidth::Own, Scaling::NormalScores, 1) => {
                    EntropyOfPoints::of_normal_scores(self.name(), block)
                }
                (KlnnBandwidth::Own, ..) => self.space(block),
                (KlnnBandwidth::Joint, ..) => self.marginal(block, &joint),
            }
        };
        let (x, y) = (marginal(0)?, marginal(1)?);
        let nats = x.entropy + y.entropy - joint.entropy;
        let mut estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, &variables);
        let counts = [&joint.counts, &x.counts, &y.counts];
        report(&mut estimate, prepared.constant, counts, LOWER_ORDER);
        warn_of_size(prepared.joint.nrows(), prepared.joint.ncols(), &mut estimate.warnings);
        let heavy = |column: ArrayView1<'_, f64>| Quartiles::of_heavy_tailed(column).is_some();
        if self.scaling != Scaling::NormalScores && prepared.joint.columns().into_iter().any(heavy) {
            estimate.warnings.push(Warning::Note(
                "values lie far out, where the local fits fail and the value may be tens of nats too low: take \
                 scaling = normal-scores"
                    .into(),
            ));
        }
        Ok(estimate)
    }

    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        let (points, ln_scale) = for_entropy(self.name(), &x, self.scaling)?;
        self.check(points.ncols(), points.nrows())?;
        check_near(points.view(), "leave out those samples, or use kl")?;
        let space = self.space(points.view())?;
        let mut estimate =
            Estimate::new(Information::from_nats(space.entropy + ln_scale), EstimateKind::Consistent, &[x]);
        let none = PointCounts::default();
        report(&mut estimate, 0, [&space.counts, &none, &none], LOWER_ORDER);
        warn_of_size(points.nrows(), points.ncols(), &mut estimate.warnings);
        Ok(estimate)
    }
}
