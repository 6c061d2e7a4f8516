//! Relative frequencies shrunk towards the uniform distribution.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::{Discrete, discrete_estimator};
use crate::math;
use crate::{Correction, EstimatorInfo, Family, LabelSides, Quantity, Uncertainty};

/// James–Stein shrinkage: relative frequencies are moved towards the uniform distribution by an amount estimated from
/// the data.
///
/// ```text
/// p = λ/M + (1 − λ) c/n,    λ = min(1, (1 − Σ (c/n)²) / ((n − 1) Σ (1/M − c/n)²)),    H = −Σ p ln p
/// ```
///
/// with M cells that can occur. The target is the uniform distribution: accurate near it, and wrong for a table with
/// structure, where λ spreads samples over cells that cannot occur. On banded tables of 64 × 64 the information
/// comes out a whole nat too low.
///
/// Takes labels, or matrices whose distinct rows are the symbols (−0 equals 0; constant columns make no
/// difference).
///
/// In nats; the standard error is that of the jackknife. Time O(n · width).
///
/// ```
/// use infoplane_estimators::{Labels, Measure, Shrinkage, Variable};
///
/// let x = Labels::from_symbols(&[0, 0, 1, 2]);
/// let estimate = Shrinkage { cells: Some(3) }.entropy(Variable::Labels(&x))?;
/// // λ would be (5/8) / (3 · 1/24) = 5, so is 1: equal probabilities.
/// assert!((estimate.information.nats() - 3f64.ln()).abs() < 1e-15);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Hausser & Strimmer (2009), *Entropy inference and the James–Stein estimator*, JMLR 10:1469–1484.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shrinkage {
    /// Number of possible cells in the largest table of the quantity: symbols for H(X), pairs for I(X;Y). By
    /// default the cells that occurred, and for tables of several variables the product of those of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<usize>,
}

impl Shrinkage {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "shrinkage",
        title: "shrinkage",
        family: Family::Counts,
        estimates: "H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols",
        when: "cells known in number and nearly equally likely",
        cost: "O(n d)",
        offers: &[
            Quantity::Information,
            Quantity::Entropy,
            Quantity::ConditionalInformation,
            Quantity::TotalCorrelation,
        ],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::OwnError,
        with_noise: None,
        reference: "Hausser & Strimmer (2009), JMLR 10:1469",
    };

    fn discrete(&self) -> Discrete {
        Discrete { name: Self::INFO.name, correction: Correction::Shrinkage, cells: self.cells }
    }
}

discrete_estimator!(Shrinkage);

pub(super) fn entropy(counts: &Histogram) -> f64 {
    let (n, cells) = (counts.n() as f64, counts.cells());
    let empty = cells - counts.occupied();
    let uniform = 1.0 / cells;
    let squares: f64 = counts.iter().map(|(count, cells)| cells * (count / n) * (count / n)).sum();
    let distance: f64 =
        counts.iter().map(|(count, cells)| cells * math::powi(uniform - count / n, 2)).sum::<f64>()
            + empty * uniform * uniform;
    // With one sample, or with equal shares already, nothing speaks against the target.
    let lambda = (1.0 - squares) / ((n - 1.0) * distance);
    let lambda = if lambda.is_finite() { lambda.clamp(0.0, 1.0) } else { 1.0 };
    let term = |p: f64| if p > 0.0 { -p * math::ln(p) } else { 0.0 };
    let occupied: f64 =
        counts.iter().map(|(count, cells)| cells * term(lambda * uniform + (1.0 - lambda) * count / n)).sum();
    occupied + empty * term(lambda * uniform)
}
