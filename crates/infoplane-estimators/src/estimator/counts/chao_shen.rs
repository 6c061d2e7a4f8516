//! Unseen cells estimated from the coverage of the sample.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::{Discrete, discrete_estimator};
use crate::math;
use crate::{Correction, EstimatorInfo, Family, LabelSides, Quantity, Uncertainty};

/// Chao–Shen: relative frequencies scaled by the coverage of the sample, cells weighted by the chance of having been
/// seen.
///
/// ```text
/// C = 1 − f₁/n,    p = C c/n,    H = −Σ p ln p / (1 − (1 − p)ⁿ)
/// ```
///
/// with f₁ cells of a single sample. If all are single, n − 1 is taken for f₁. Good where the cells are of similar
/// size; information is up to 0.7 nats too high for noisy maps, which mix common and very rare cells.
/// [`ChaoWangJost`](super::ChaoWangJost) is accurate for both.
///
/// Takes labels, or matrices whose distinct rows are the symbols (−0 equals 0; constant columns make no
/// difference).
///
/// In nats; the standard error is that of the jackknife. Time O(n · width).
///
/// ```
/// use infoplane_estimators::{ChaoShen, Labels, Measure, Variable};
///
/// // No cell is single, so the coverage is 1 and only the weights remain: p = 1/2, seen with probability 15/16.
/// let x = Labels::from_symbols(&[0, 0, 1, 1]);
/// let estimate = ChaoShen::default().entropy(Variable::Labels(&x))?;
/// assert!((estimate.information.nats() - 2f64.ln() * 16.0 / 15.0).abs() < 1e-15);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Chao & Shen (2003), *Nonparametric estimation of Shannon's index of diversity when there are unseen species in
/// sample*, Environmental and Ecological Statistics 10:429–443.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChaoShen {}

impl ChaoShen {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "chao-shen",
        title: "Chao–Shen",
        family: Family::Counts,
        estimates: "H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols",
        when: "many cells unseen; cells of similar size",
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
        reference: "Chao & Shen (2003), Environ. Ecol. Stat. 10:429",
    };

    fn discrete(&self) -> Discrete {
        Discrete { name: Self::INFO.name, correction: Correction::ChaoShen, cells: None }
    }
}

discrete_estimator!(ChaoShen);

pub(super) fn entropy(counts: &Histogram) -> f64 {
    let n = counts.n() as f64;
    let single = counts.with(1).min(counts.n() - 1) as f64;
    let coverage = 1.0 - single / n;
    counts
        .iter()
        .map(|(count, cells)| {
            let p = coverage * count / n;
            // 1 − (1 − p)ⁿ without losing the digits of a small p; a cell that has all has p = 1 and ln p = 0.
            let seen = -math::exp_m1(n * math::ln_1p(-p));
            -cells * p * math::ln(p) / seen
        })
        .sum::<f64>()
        .max(0.0)
}
