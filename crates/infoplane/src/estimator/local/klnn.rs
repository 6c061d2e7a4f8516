//! Local likelihood with a bandwidth from nearest neighbours, less its universal bias.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use ndarray::ArrayView2;

use super::bias::{ORDERS, bias};
use super::moments::{Moments, log_height};
use super::{MOST, check_ties, finite, nothing, prepare, standardized, tied};
use crate::estimator::{
    About, Bound, Estimate, EstimateError, Estimator, Kind, LayerRange, Method, Scaling, Warning,
};
use crate::neighbors::{Metric, Neighbors};
use crate::special::digamma;
use crate::{Information, Variable};

/// Where the bandwidth of the marginal densities comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bandwidth {
    /// Each of X, Y and (X, Y) takes the distance to the k-th neighbour in its own space.
    #[default]
    Own,
    /// All three take the distance to the k-th neighbour in (X, Y).
    Joint,
}

impl Bandwidth {
    const fn name(self) -> &'static str {
        match self {
            Bandwidth::Own => "own",
            Bandwidth::Joint => "joint",
        }
    }
}

/// The settings of [`Klnn`], as a configuration file gives them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KlnnConfig {
    /// The neighbour whose distance is the bandwidth, at least 5.
    pub k: usize,
    /// The order of the local polynomial of ln f: 0, 1 or 2.
    pub order: usize,
    /// How many neighbours take part in a fit, at least 30 and three times the columns; by default all that
    /// have a weight worth counting, see [`Klnn`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<usize>,
    /// Where the bandwidth of the marginal densities comes from.
    pub bandwidth: Bandwidth,
    /// What is done to each column first. Entropies are always measured on standardized columns, and the scale
    /// put back.
    pub scaling: Scaling,
}

impl Default for KlnnConfig {
    fn default() -> Self {
        KlnnConfig {
            k: 5,
            order: 2,
            neighbors: None,
            bandwidth: Bandwidth::Own,
            scaling: Scaling::Standardized,
        }
    }
}

impl KlnnConfig {
    pub(in crate::estimator) const ABOUT: &About = &About {
        name: "klnn",
        title: "KLNN",
        estimates: "I(X;Y), H(X), consistent",
        when: "strong dependence, up to 4 columns together",
        cost: "O(n log n + n m d²), m neighbours",
        reference: "Gao, Oh & Viswanath (2016), NIPS",
    };

    fn setting(&self) -> String {
        let mut text = format!("k={}, order={}", self.k, self.order);
        if let Some(m) = self.neighbors {
            text += &format!(", neighbors={m}");
        }
        text + &format!(", bandwidth={}, scaling={}", self.bandwidth.name(), self.scaling.name())
    }

    /// Neighbours that take part in a fit in `d` dimensions, were there enough samples.
    fn wanted(&self, d: usize) -> usize {
        // Up to three columns, until the weights vanish: k (√d + 3)^d. Beyond that would be thousands, and the
        // ball of so many is most of the data.
        let reach = |d: usize| (self.k as f64 * ((d as f64).sqrt() + 3.0).powi(d as i32)).ceil() as usize;
        self.neighbors.unwrap_or(if d <= 3 { reach(d).max(100) } else { 20 * self.k })
    }
}

impl Method for KlnnConfig {
    fn about(&self) -> &'static About {
        Self::ABOUT
    }

    fn settings(&self) -> Vec<(String, Option<Bound>)> {
        vec![(self.setting(), None)]
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

    fn estimator(&self, _: &LayerRange) -> Result<Box<dyn Estimator>, EstimateError> {
        Ok(Box::new(Klnn::new(self)?))
    }
}

/// DOC
#[derive(Debug, Clone, PartialEq)]
pub struct Klnn {
    config: KlnnConfig,
}

impl Klnn {
    /// The method with these settings.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] as [`KlnnConfig`] says.
    pub fn new(config: &KlnnConfig) -> Result<Self, EstimateError> {
        config.check()?;
        Ok(Klnn { config: config.clone() })
    }

    fn check(&self, dims: usize, n_samples: usize) -> Result<(), EstimateError> {
        if dims > MOST {
            return Err(EstimateError::TooManyDimensions {
                estimator: self.name(),
                dims,
                most: MOST,
                reason: "the neighbours that a fit needs are most of the data, which are not flat there; \
                         reduce the columns, or take `gaussian-copula` or `control-variate-ksg`",
            });
        }
        let least = (3 * dims).max(30).max(self.config.k);
        if n_samples <= least {
            return Err(EstimateError::TooFewSamples {
                estimator: self.name(),
                reason: format!("k = {} and {least} neighbours to a fit", self.config.k),
                needed: least + 1,
                n_samples,
            });
        }
        Ok(())
    }

    /// The entropy of the points, each by its own bandwidth.
    fn space(&self, points: ArrayView2<'_, f64>) -> Result<Space, EstimateError> {
        let (n, d) = points.dim();
        let wanted = self.config.wanted(d);
        let m = wanted.min(n - 1);
        let nearest = Neighbors::new(points, Metric::Euclidean).nearest(m);
        let tied = tied(&nearest, n);
        check_ties(self.name(), tied, n)?;
        let fits: Vec<Fit> = (0..n)
            .into_par_iter()
            .map_init(
                || Moments::new(d),
                |moments, i| {
                    let distances = nearest.distances(i);
                    // Where k points and more share a place, the first at another gives the bandwidth.
                    let rank = (self.config.k - 1..m).find(|&rank| distances[rank] > 0.0)?;
                    let h = distances[rank];
                    moments.clear();
                    add(moments, points, i, nearest.indices(i), h);
                    let (value, order) = self.fit(moments)?;
                    Some(Fit { value: value - d as f64 * h.ln(), order, k: rank + 1, h })
                },
            )
            .flatten_iter()
            .collect();
        // All samples in every fit leave nothing out, however few they are.
        Space::new(fits, n, tied, |k| bias(d, k, wanted.max(k)))
    }

    /// ln of the fitted height and the order that gave it.
    fn fit(&self, moments: &mut Moments) -> Option<(f64, usize)> {
        moments.finish();
        let heights = log_height(moments);
        (0..=self.config.order).rev().find_map(|order| heights[order].map(|height| (height, order)))
    }

    /// The entropy of a marginal with the bandwidths of the joint space.
    fn marginal(&self, points: ArrayView2<'_, f64>, joint: &Space) -> Result<Space, EstimateError> {
        let (n, d) = points.dim();
        let wanted = self.config.wanted(d);
        let rows: Vec<u32> = (0..n as u32).collect();
        let fits: Vec<Fit> = joint
            .fits
            .par_iter()
            .enumerate()
            .map_init(
                || Moments::new(d),
                |moments, (i, at)| {
                    moments.clear();
                    let inside = add(moments, points, i, &rows, at.h);
                    let (value, order) = self.fit(moments)?;
                    Some(Fit { value: value - d as f64 * at.h.ln(), order, k: inside, h: at.h })
                },
            )
            .flatten_iter()
            .collect();
        // So many neighbours lie within the bandwidth that the bias, which falls with their number, is that of
        // k divided by it.
        let k = self.config.k;
        let at_k = bias(d, k, wanted);
        Space::new(fits, n, 0, |inside| {
            let mut bias = at_k;
            bias.value.iter_mut().for_each(|value| *value *= k as f64 / inside.max(k) as f64);
            bias
        })
    }
}

/// Adds the neighbours in units of `h`, but for those whose weight is nothing; how many are nearer than `h`.
fn add(moments: &mut Moments, points: ArrayView2<'_, f64>, i: usize, neighbors: &[u32], h: f64) -> usize {
    let d = points.ncols();
    let mut u = [0.0; MOST];
    let mut inside = 0;
    let center = points.row(i);
    for &j in neighbors {
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
struct Fit {
    /// ln f, but for the number of samples and the bias.
    value: f64,
    order: usize,
    k: usize,
    h: f64,
}

/// An estimated entropy.
struct Space {
    entropy: f64,
    fits: Vec<Fit>,
    tied: usize,
    dropped: usize,
    /// Points whose fit was of a lower order than asked for.
    lower: usize,
    /// Standard error of the bias alone.
    error: f64,
}

impl Space {
    fn new(
        fits: Vec<Fit>,
        n: usize,
        tied: usize,
        bias: impl Fn(usize) -> super::bias::Bias,
    ) -> Result<Self, EstimateError> {
        let highest = fits.iter().map(|fit| fit.order).max().unwrap_or(0);
        let lower = fits.iter().filter(|fit| fit.order < highest).count();
        let used = fits.len() as f64;
        let (mut sum, mut error) = (0.0, 0.0);
        let mut last: Option<(usize, super::bias::Bias)> = None;
        for fit in &fits {
            let bias = match last {
                Some((k, bias)) if k == fit.k => bias,
                _ => bias(fit.k),
            };
            last = Some((fit.k, bias));
            sum -= fit.value + bias.value[fit.order];
            error += bias.error[fit.order];
        }
        Ok(Space {
            entropy: sum / used + digamma(n as f64),
            tied,
            dropped: n - fits.len(),
            lower,
            error: error / used,
            fits,
        })
    }

    fn warn(&self, what: &str, warnings: &mut Vec<Warning>) {
        if self.tied > 0 {
            warnings.push(Warning::Ties { tied: self.tied, n_samples: self.fits.len() + self.dropped });
        }
        if self.dropped > 0 {
            let reason = "all their neighbours are at the same place";
            warnings.push(Warning::Dropped { dropped: self.dropped, reason });
        }
        if self.lower > 0 {
            warnings.push(Warning::Note(format!(
                "{} samples of {what} have neighbours on a line or plane, and a fit of lower order",
                self.lower
            )));
        }
    }
}

impl Estimator for Klnn {
    fn name(&self) -> &'static str {
        KlnnConfig::ABOUT.name
    }

    fn setting(&self) -> String {
        self.config.setting()
    }

    fn pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let Some(prepared) = prepare(self.name(), &variables, self.config.scaling)? else {
            return Ok(nothing(&variables));
        };
        self.check(prepared.joint.ncols(), prepared.joint.nrows())?;
        let joint = self.space(prepared.joint.view())?;
        let marginal = |i: usize| match self.config.bandwidth {
            Bandwidth::Own => self.space(prepared.blocks[i].view()),
            Bandwidth::Joint => self.marginal(prepared.blocks[i].view(), &joint),
        };
        let (x, y) = (marginal(0)?, marginal(1)?);
        let nats = x.entropy + y.entropy - joint.entropy;
        let mut estimate = Estimate::new(finite(nats)?, Kind::Consistent, &variables);
        if prepared.constant > 0 {
            estimate.warnings.push(Warning::ConstantColumns { columns: prepared.constant });
        }
        estimate.ties = joint.tied;
        estimate.dropped = joint.dropped + x.dropped + y.dropped;
        for (space, what) in [(&joint, "(x, y)"), (&x, "x"), (&y, "y")] {
            space.warn(what, &mut estimate.warnings);
        }
        Ok(estimate)
    }

    fn entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        let (points, ln_scale) = standardized(self.name(), &x)?;
        self.check(points.ncols(), points.nrows())?;
        let space = self.space(points.view())?;
        let mut estimate = Estimate::new(finite(space.entropy + ln_scale)?, Kind::Consistent, &[x]);
        estimate.ties = space.tied;
        estimate.dropped = space.dropped;
        space.warn("x", &mut estimate.warnings);
        Ok(estimate)
    }
}
