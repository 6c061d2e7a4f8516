//! Unseen cells estimated from the rate at which new ones were found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::{Discrete, discrete_estimator};
use crate::math;
use crate::special::digamma;
use crate::{Correction, EstimatorInfo, Family, LabelSides, Quantity, Uncertainty};

/// Chao–Wang–Jost: entropy as a sum of the rates at which new cells are found, extrapolated beyond the sample.
///
/// ```text
/// H = Σ (c/n) [ψ(n) − ψ(c)] + (f₁/n) (1 − A)^(1−n) { −ln A − Σ_{r=1}^{n−1} (1 − A)^r / r }
///
/// A = 2 f₂ / ((n − 1) f₁ + 2 f₂),   with f₂ = 0:  2 / ((n − 1)(f₁ − 1) + 2)
/// ```
///
/// with f₁ cells of one sample and f₂ of two. The first sum is the part that the sample determines without bias; the
/// second estimates the rest. The second is summed here as (f₁/n) Σ_{s≥0} (1 − A)^(s+1) / (n + s), which is the same
/// and keeps its digits where the braces above lose them.
///
/// **Recommended whenever cells are not all well filled**: over 34 kinds of joint distributions of 64 × 64 cells, with
/// 1000 samples, the mean error of I(X;Y) was at most 0.2 nats, where the plug-in value is off by up to 1.5; the
/// worst of 1360 single values had an error of 0.34. It needs coincidences: with 300 samples noisy
/// permutations are overestimated by up to 0.7, and the interval does not cover this.
///
/// The standard error is the jackknife's, a sampling error. The interval adds to 1.96 of it the share of 0.3 of the
/// correction, for what the extrapolation may have got wrong. In those experiments it contained the true value in 93
/// to 100 % of the samples of each kind, and was ±0.03 to ±0.7 nats wide, the wider the more of the value is
/// correction.
///
/// Takes labels, or matrices whose distinct rows are the symbols (−0 equals 0; constant columns make no
/// difference).
///
/// In nats. Time O(n · width).
///
/// ```
/// use infoplane_estimators::{ChaoWangJost, Labels, Measure, Variable};
///
/// // 200 samples of 400 equally likely symbols: the plug-in entropy cannot be more than ln 200 = 5.30.
/// let x: Vec<u32> = (0..200u32).map(|i| i.wrapping_mul(2654435769) / 7919 % 400).collect();
/// let x = Labels::from_symbols(&x);
/// let estimate = ChaoWangJost::default().entropy(Variable::Labels(&x))?;
/// let interval = estimate.interval.expect("an interval");
/// let truth = 400f64.ln();
/// assert!(interval.lower.nats() < truth && truth < interval.upper.nats());
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Chao, Wang & Jost (2013), *Entropy and the species accumulation curve: a novel entropy estimator via discovery
/// rates of new species*, Methods in Ecology and Evolution 4:1091–1100, eq. 7.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChaoWangJost {}

impl ChaoWangJost {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "chao-wang-jost",
        title: "Chao–Wang–Jost",
        family: Family::Counts,
        estimates: "H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols",
        when: "discrete variables, with cells that samples do not reach",
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
        reference: "Chao, Wang & Jost (2013), Methods Ecol. Evol. 4:1091",
    };

    fn discrete(&self) -> Discrete {
        Discrete { name: Self::INFO.name, correction: Correction::ChaoWangJost, cells: None }
    }
}

discrete_estimator!(ChaoWangJost);

pub(super) fn entropy(counts: &Histogram) -> f64 {
    let n = counts.n() as f64;
    let of_n = digamma(n);
    let seen: f64 =
        counts.iter().map(|(count, cells)| cells * count / n * (of_n - digamma(count))).sum::<f64>().max(0.0);
    let (single, double) = (counts.with(1) as f64, counts.with(2) as f64);
    if single == 0.0 || n < 2.0 {
        return seen;
    }
    let a = if double > 0.0 {
        2.0 * double / ((n - 1.0) * single + 2.0 * double)
    } else {
        2.0 / ((n - 1.0) * (single - 1.0) + 2.0)
    };
    seen + single / n * tail(a, n)
}

/// Σ_{s≥0} (1 − a)^(s+1) / (n + s), 0 < a ≤ 1.
fn tail(a: f64, n: f64) -> f64 {
    if a >= 1.0 {
        return 0.0;
    }
    // Up to n² terms matter, so not term by term: 1/(n + s) = ∫ e^(−(n+s)u) du makes it a geometric series,
    // (1 − a) ∫ e^(−nu) / (a + (1 − a)(1 − e^(−u))) du, with all scales between a and 1/n. On the scale of ln u
    // the integrand is smooth (its poles are π/2 away) and the trapezoidal rule exact to rounding.
    const STEP: f64 = 0.2;
    let (from, to) = (math::ln(a.min(1.0 / n)) - 40.0, math::ln(45.0 / n));
    let steps = ((to - from) / STEP).ceil() as usize;
    let sum: f64 = (0..=steps)
        .map(|i| {
            let u = math::exp(to - STEP * i as f64);
            u * math::exp(-n * u) / (a - (1.0 - a) * math::exp_m1(-u))
        })
        .sum();
    STEP * (1.0 - a) * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_sum_term_by_term() {
        for (a, n) in [(0.5, 2.0), (0.01, 10.0), (0.001, 1000.0), (0.9, 50.0), (0.05, 2.0)] {
            let (mut sum, mut power): (f64, f64) = (0.0, 1.0);
            for s in 0..60_000 {
                power *= 1.0 - a;
                sum += power / (n + f64::from(s));
            }
            assert!((tail(a, n) / sum - 1.0).abs() < 1e-12, "{a} {n}: {} for {sum}", tail(a, n));
        }
    }

    #[test]
    fn the_tail_is_the_published_bracket() {
        let (a, n): (f64, f64) = (0.2, 12.0);
        let partial: f64 = (1..12).map(|r| (1.0 - a).powi(r) / f64::from(r)).sum();
        let published = (1.0 - a).powf(1.0 - n) * (-a.ln() - partial);
        assert!((tail(a, n) - published).abs() < 1e-12);
    }
}
