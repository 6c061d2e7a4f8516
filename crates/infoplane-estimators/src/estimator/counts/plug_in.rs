//! Relative frequencies as probabilities.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Discrete, discrete_estimator};
use crate::{Correction, EstimatorInfo, Family, LabelSides, Quantity, Uncertainty};

/// Plug-in entropy of discrete variables, with relative frequencies as probabilities.
///
/// ```text
/// H(X) = −Σ (c/n) ln (c/n)        I(X;Y) = H(X) + H(Y) − H(X,Y)
/// ```
///
/// with c of the n samples in a cell. Exact for the given samples: if they are the whole population, as when every
/// input of a task is passed through a deterministic network, this is the true value. As an estimate for the
/// population, the entropy is too low by about (cells − 1)/2n, and information too high; 1 to 1.5 nats too high for
/// 1000 samples of a table of 64 × 64. Choose [`ChaoWangJost`](super::ChaoWangJost) then.
///
/// Takes labels, or matrices whose distinct rows are the symbols (−0 equals 0; constant columns make no
/// difference).
///
/// 0 ≤ I ≤ min(H(X), H(Y)) ≤ ln n, in nats. Time O(n · width), memory O(n · width).
///
/// ```
/// use infoplane_estimators::{Labels, Measure, PlugIn, Variable};
/// use ndarray::array;
///
/// let plug_in = PlugIn::default();
/// let t = array![[0.5f32, 1.0], [0.5, 1.0], [0.5, 2.0], [0.5, 2.0]];
/// let y = Labels::from_symbols(&["cat", "cat", "dog", "dog"]);
/// let estimate = plug_in.pair(Variable::Single(t.view()), Variable::Labels(&y))?;
/// assert_eq!(estimate.information.bits(), 1.0);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Shannon (1948), *A mathematical theory of communication*; Miller (1955) for the bias.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlugIn {}

impl PlugIn {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "plug-in",
        title: "plug-in",
        family: Family::Counts,
        estimates: "H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols",
        when: "counts of all there is; many samples in every cell",
        cost: "O(n d)",
        offers: &[
            Quantity::Information,
            Quantity::Entropy,
            Quantity::ConditionalInformation,
            Quantity::TotalCorrelation,
        ],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::Bootstrap,
        with_noise: None,
        reference: "Shannon (1948)",
    };

    fn discrete(&self) -> Discrete {
        Discrete { name: Self::INFO.name, correction: Correction::PlugIn, cells: None }
    }
}

discrete_estimator!(PlugIn);
