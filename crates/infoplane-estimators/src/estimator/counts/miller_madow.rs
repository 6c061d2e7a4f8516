//! The first term of the bias of the plug-in entropy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::{Discrete, discrete_estimator};
use crate::{Correction, EstimatorInfo, Family, LabelSides, Quantity, Uncertainty};

/// Miller–Madow: the plug-in entropy minus the first term of its bias.
///
/// ```text
/// H = H_plug-in + (m − 1) / 2n
/// ```
///
/// with m occupied cells, so that I = I_plug-in + (m_x + m_y − m_xy − 1) / 2n. The term ignores cells
/// without samples: where cells outnumber samples, it is only a fraction of the bias.
///
/// Takes labels, or matrices whose distinct rows are the symbols (−0 equals 0; constant columns make no
/// difference).
///
/// In nats; the standard error is that of the jackknife. Time O(n · width).
///
/// ```
/// use infoplane_estimators::{Labels, Measure, MillerMadow, Variable};
///
/// let x = Labels::from_symbols(&[0, 0, 1, 1]);
/// let estimate = MillerMadow::default().entropy(Variable::Labels(&x))?;
/// assert!((estimate.information.nats() - (2f64.ln() + 1.0 / 8.0)).abs() < 1e-15);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Miller (1955), *Note on the bias of information estimates*.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MillerMadow {}

impl MillerMadow {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "miller-madow",
        title: "Miller–Madow",
        family: Family::Counts,
        estimates: "H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols",
        when: "a few samples in every cell, and a correction that anyone can follow",
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
        reference: "Miller (1955)",
    };

    fn discrete(&self) -> Discrete {
        Discrete { name: Self::INFO.name, correction: Correction::MillerMadow, cells: None }
    }
}

discrete_estimator!(MillerMadow);

pub(super) fn entropy(counts: &Histogram) -> f64 {
    counts.plug_in() + (counts.occupied() - 1.0) / (2.0 * counts.n() as f64)
}
