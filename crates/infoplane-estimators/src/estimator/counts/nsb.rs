//! Bayesian entropy under a prior that does not favour any entropy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::{Discrete, discrete_estimator};
use crate::interrupt::poll;
use crate::math;
use crate::special::{digamma, ln_gamma, trigamma};
use crate::{Correction, EstimatorInfo, Family, LabelSides, Quantity, Uncertainty};

/// Nemenman–Shafee–Bialek: the posterior mean of entropy under a mixture of Dirichlet priors, flat in entropy.
///
/// A symmetric Dirichlet prior of concentration β for K cells all but fixes the entropy before any sample is seen,
/// at ξ(β) = ψ(Kβ + 1) − ψ(β + 1). So β itself is uncertain, with the density dξ/dβ that makes the prior of the
/// expected entropy flat:
///
/// ```text
/// H = ∫ E[H | c, β] ρ(β) dβ / ∫ ρ(β) dβ
/// ρ(β) = dξ/dβ · Γ(Kβ)/Γ(Kβ + n) · Π Γ(c + β)/Γ(β)
/// E[H | c, β] = Σ (c + β)/(n + Kβ) [ψ(n + Kβ + 1) − ψ(c + β + 1)]
/// ```
///
/// The standard error is the standard deviation of the posterior, for information that of three entropies as if
/// independent. **It is only as good as the prior**: for tables that mix common cells with many very rare ones
/// (a noisy map, tails of Zipf's kind) the error was 0.2 to 0.4 nats where it said 0.05. On Dirichlet tables the
/// error was within it. [`ChaoWangJost`](super::ChaoWangJost) is steadier and has the interval.
///
/// The integral is over ln β, where the integrand falls at least as e^(−|ln β|) on either side: the part within
/// e⁻⁴⁰ of its largest value is found first, then summed by the trapezoidal rule at 400 points or more.
///
/// Takes labels, or matrices whose distinct rows are the symbols (−0 equals 0; constant columns make no
/// difference).
///
/// In nats. Time O(n · width) and 400 gamma functions for each different count, a few ms.
///
/// ```
/// use infoplane_estimators::{Labels, Measure, Nsb, Variable};
///
/// // 60 samples of 100 equally likely cells: the plug-in entropy cannot be more than ln 60 = 4.09.
/// let x: Vec<u32> = (0..60u32).map(|i| i.wrapping_mul(2654435769) / 7919 % 100).collect();
/// let nsb = Nsb { cells: Some(100) };
/// let estimate = nsb.entropy(Variable::Labels(&Labels::from_symbols(&x)))?;
/// let error = estimate.standard_error.expect("the deviation of the posterior").nats();
/// assert!((estimate.information.nats() - 100f64.ln()).abs() < 2.0 * error);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Nemenman, Shafee & Bialek (2002), *Entropy and inference, revisited*, NIPS 14; Wolpert & Wolf (1995), Phys. Rev.
/// E 52:6841 for the moments.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nsb {
    /// Number of possible cells in the largest table of the quantity: symbols for H(X), pairs for I(X;Y). By
    /// default the cells that occurred, and for tables of several variables the product of those of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<usize>,
}

impl Nsb {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "nsb",
        title: "NSB",
        family: Family::Counts,
        estimates: "H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols",
        when: "a known number of cells; tables that resemble Dirichlet ones",
        cost: "O(n d + counts)",
        offers: &[
            Quantity::Information,
            Quantity::Entropy,
            Quantity::ConditionalInformation,
            Quantity::TotalCorrelation,
        ],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::OwnError,
        with_noise: None,
        reference: "Nemenman, Shafee & Bialek (2002), NIPS 14",
    };

    fn discrete(&self) -> Discrete {
        Discrete { name: Self::INFO.name, correction: Correction::Nsb, cells: self.cells }
    }
}

discrete_estimator!(Nsb);

/// The range of ln(Kβ), and the smallest number of points of the integral.
const WIDEST: (f64, f64) = (-60.0, 90.0);
const POINTS: usize = 400;

/// Values of the integrand below its largest by this factor, in logarithms, are neglected.
const NEGLIGIBLE: f64 = 40.0;

/// Mean and variance of the posterior.
pub(super) fn entropy(counts: &Histogram) -> (f64, f64) {
    if counts.cells() <= 1.0 {
        return (0.0, 0.0);
    }
    // Narrow the range to where the integrand is not negligible, until that is a fair part of the points.
    let (mut from, mut to) = WIDEST;
    let (step, densities) = loop {
        let step = (to - from) / POINTS as f64;
        let densities: Vec<f64> = (0..=POINTS).map(|i| ln_density(counts, from + step * i as f64)).collect();
        let largest = densities.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let counts_at = |i: &usize| densities[*i] > largest - NEGLIGIBLE;
        let first = (0..=POINTS).find(counts_at).unwrap_or(0);
        let last = (0..=POINTS).rfind(counts_at).unwrap_or(POINTS);
        if 4 * (last - first) >= POINTS || step < 1e-9 {
            let densities: Vec<f64> = densities.iter().map(|density| math::exp(density - largest)).collect();
            break (step, densities);
        }
        (from, to) = (from + step * (first as f64 - 1.0), from + step * (last as f64 + 1.0));
    };
    let (mut weight, mut mean, mut square) = (0.0, 0.0, 0.0);
    for (i, density) in densities.into_iter().enumerate() {
        if density > 0.0 {
            let (first, second) = moments(counts, math::exp(from + step * i as f64));
            weight += density;
            mean += density * first;
            square += density * second;
        }
    }
    let mean = mean / weight;
    (mean, (square / weight - mean * mean).max(0.0))
}

/// ln of the integrand in ln κ, up to a constant, where κ = Kβ is the concentration of all cells together.
fn ln_density(counts: &Histogram, ln_kappa: f64) -> f64 {
    let (kappa, cells) = (math::exp(ln_kappa), counts.cells());
    poll();
    let beta = kappa / cells;
    let likelihood: f64 = counts.iter().map(|(count, cells)| cells * ln_rising(beta, count)).sum::<f64>()
        - ln_rising(kappa, counts.n() as f64);
    // dξ/dκ. For large β the two terms nearly cancel, and their series says what is left.
    let slope = if beta > 1e4 {
        (cells - 1.0) / (2.0 * kappa * kappa) - (cells * cells - 1.0) / (6.0 * math::powi(kappa, 3))
    } else {
        trigamma(kappa + 1.0) - trigamma(beta + 1.0) / cells
    };
    likelihood + math::ln(slope.max(f64::MIN_POSITIVE)) + ln_kappa
}

/// ln [Γ(x + count)/Γ(x)] = ln x(x + 1)…(x + count − 1).
fn ln_rising(x: f64, count: f64) -> f64 {
    if count <= 8.0 {
        return (0..count as u32).map(|j| math::ln(x + f64::from(j))).sum();
    }
    if x < 1e3 {
        return ln_gamma(x + count) - ln_gamma(x);
    }
    // Stirling's series, in the differences: the gamma functions themselves would lose digits to their size.
    let series = |x: f64| 1.0 / (12.0 * x) - 1.0 / (360.0 * math::powi(x, 3));
    (x - 0.5) * math::ln_1p(count / x) + count * math::ln(x + count) - count + series(x + count) - series(x)
}

/// E[H | counts, β] and E[H² | counts, β].
fn moments(counts: &Histogram, kappa: f64) -> (f64, f64) {
    poll();
    let beta = kappa / counts.cells();
    let total = counts.n() as f64 + kappa;
    let empty = counts.cells() - counts.occupied();
    let (of_one, of_two, trigamma_two) = (digamma(total + 1.0), digamma(total + 2.0), trigamma(total + 2.0));
    // Sums over cells; the sum over pairs of different cells is a product of sums less the diagonal.
    let (mut mean, mut product, mut products, mut weights, mut diagonal) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut add = |concentration: f64, cells: f64| {
        let of_cell = digamma(concentration + 1.0);
        mean += cells * concentration * (of_one - of_cell);
        let difference = of_cell - of_two;
        product += cells * concentration * difference;
        products += cells * math::powi(concentration * difference, 2);
        weights += cells * concentration * concentration;
        let difference = of_cell + 1.0 / (concentration + 1.0) - of_two;
        diagonal += cells
            * concentration
            * (concentration + 1.0)
            * (difference * difference + trigamma(concentration + 2.0) - trigamma_two);
    };
    counts.iter().for_each(|(count, cells)| add(count + beta, cells));
    if empty > 0.0 {
        add(beta, empty);
    }
    let pairs = product * product - products - trigamma_two * (total * total - weights);
    (mean / total, (pairs + diagonal) / (total * (total + 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rising_factorials_are_the_same_by_all_ways() {
        for x in [0.3, 5.0, 999.0, 1001.0, 1e6] {
            for count in [1.0, 8.0, 9.0, 40.0] {
                let product: f64 = (0..count as u32).map(|j| (x + f64::from(j)).ln()).sum();
                assert!(
                    (ln_rising(x, count) - product).abs() < 1e-11 * product.abs().max(1.0),
                    "{x} {count}"
                );
            }
        }
    }

    #[test]
    fn the_prior_is_the_slope_of_the_expected_entropy() {
        // Without samples the density in ln κ is dξ/d ln κ, whose integral is ξ at the ends, up to ln K.
        let counts = Histogram::new([], 50.0);
        let step = 0.01;
        let area: f64 = (-4000..6000).map(|i| (ln_density(&counts, f64::from(i) * step)).exp() * step).sum();
        assert!((area - 50f64.ln()).abs() < 1e-6, "{area}");
    }

    #[test]
    fn moments_given_the_concentration_are_those_of_two_cells() {
        // p ~ Beta(2, 1), by numerical integration of H(p) and H(p)² with density 2p.
        let counts = Histogram::new([1], 2.0);
        let n = 200_000;
        let (mut mean, mut square) = (0.0, 0.0);
        for i in 0..n {
            let p = (f64::from(i) + 0.5) / f64::from(n);
            let h = -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
            mean += 2.0 * p * h / f64::from(n);
            square += 2.0 * p * h * h / f64::from(n);
        }
        let (first, second) = moments(&counts, 2.0);
        assert!(
            (first - mean).abs() < 1e-9 && (second - square).abs() < 1e-9,
            "{first} {mean} {second} {square}"
        );
    }
}
