//! The first term of the bias, with an estimated number of possible cells in each row of a table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::{Discrete, discrete_estimator};
use crate::math;
use crate::{Correction, EstimatorInfo, Family, LabelSides, Quantity, Uncertainty};

/// Panzeri–Treves: the first term of the bias with a Bayesian count of the cells that can occur in each row.
///
/// ```text
/// I(X;Y) = I_plug-in − 1/2n [ Σ_y (R_y − 1) − (R − 1) ]
/// ```
///
/// with R symbols of X in all and R_y of them possible together with y. R_y is at least the number seen: it is the
/// number of cells for which, with the probabilities that a Bayesian would hold after the samples, as many are
/// expected to be occupied as were. The correction belongs to H(X) − Σ p(y) H(X|y) and is made row by row, so it is
/// **not symmetric**: y is what is given, as stimuli are, or the labels of a layer. For one variable alone it is
/// [`MillerMadow`](super::MillerMadow)'s; conditional information is H(X|Z) − H(X|Y,Z), and total correlation
/// follows the chain rule in the order of the parts.
///
/// The published search for R_y tries one cell after another while that brings the expected number nearer to the
/// observed one; here the same place is found by bisection.
///
/// Takes labels, or matrices whose distinct rows are the symbols (−0 equals 0; constant columns make no
/// difference).
///
/// In nats; the standard error is that of the jackknife. Time O(n · width) and O(log R) for each row.
///
/// ```
/// use infoplane_estimators::{Labels, Measure, PanzeriTreves, Variable};
///
/// // Every cell of the table well filled: R_y = R = 2, and the correction is that of Miller and Madow.
/// let x = Labels::from_symbols(&(0..400).map(|i| i % 2).collect::<Vec<_>>());
/// let y = Labels::from_symbols(&(0..400).map(|i| i / 2 % 2).collect::<Vec<_>>());
/// let estimate = PanzeriTreves::default().pair(Variable::Labels(&x), Variable::Labels(&y))?;
/// assert!((estimate.information.nats() + 1.0 / 800.0).abs() < 1e-12);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Panzeri & Treves (1996), *Analytical estimates of limited sampling biases in different information measures*,
/// Network 7:87–107.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PanzeriTreves {}

impl PanzeriTreves {
    pub(in crate::estimator) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "panzeri-treves",
        title: "Panzeri–Treves",
        family: Family::Counts,
        estimates: "H(X), I(X;Y), I(X;Y|Z), total correlation of discrete symbols",
        when: "responses to stimuli, several samples for each",
        cost: "O(n d + cells²)",
        offers: &[
            Quantity::Information,
            Quantity::Entropy,
            Quantity::ConditionalInformation,
            Quantity::TotalCorrelation,
        ],
        labels: LabelSides::Any,
        uncertainty: Uncertainty::OwnError,
        with_noise: None,
        reference: "Panzeri & Treves (1996), Network 7:87",
    };

    fn discrete(&self) -> Discrete {
        Discrete { name: Self::INFO.name, correction: Correction::PanzeriTreves, cells: None }
    }
}

discrete_estimator!(PanzeriTreves);

pub(super) fn entropy(counts: &Histogram) -> f64 {
    counts.plug_in() + (possible_cells(counts) - 1.0) / (2.0 * counts.n() as f64)
}

/// Estimates how many of `counts.cells()` cells can occur, from the number that did.
fn possible_cells(counts: &Histogram) -> f64 {
    let occupied = counts.occupied();
    // The expected number rises with what is possible, and falls again when little is left for the cells that did
    // occur. The search ends where it has reached the number seen, or its peak.
    let ended = |more: f64| {
        let here = expected(counts, more);
        here >= occupied || expected(counts, more + 1.0) <= here
    };
    let (mut low, mut high) = (0.0, most_unseen(counts));
    while low < high {
        let middle = ((low + high) / 2.0f64).floor();
        if ended(middle) { high = middle } else { low = middle + 1.0 }
    }
    let off = |more| (expected(counts, more) - occupied).abs();
    let before = (low - 1.0).max(0.0);
    occupied + if off(before) <= off(low) { before } else { low }
}

/// Returns the probability given to each cell that can occur and has not.
fn each_unseen(counts: &Histogram) -> f64 {
    let n = counts.n() as f64;
    1.0 - math::powf(n / (n + counts.occupied()), 1.0 / n)
}

/// As many more cells as there are, but not so many that nothing is left for those that did occur.
fn most_unseen(counts: &Histogram) -> f64 {
    (counts.cells() - counts.occupied()).min((1.0 / each_unseen(counts)).floor()).max(0.0)
}

/// Expected number of occupied cells if `more` can occur beside those that did.
fn expected(counts: &Histogram, more: f64) -> f64 {
    let (n, each) = (counts.n() as f64, each_unseen(counts));
    let seen_of = |p: f64| -math::exp_m1(n * math::ln_1p(-p));
    let weight = (1.0 - more * each).max(0.0) / (n + counts.occupied());
    let known: f64 = counts.iter().map(|(count, cells)| cells * seen_of(weight * (count + 1.0))).sum();
    if more > 0.0 { known + more * seen_of(each) } else { known }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bisection_finds_what_trying_one_after_another_finds() {
        for seed in 1..200usize {
            let counts = (0..1 + seed % 9).map(|i| 1 + (seed * 31 + i * i * 7) % (1 + seed % 6));
            let histogram = Histogram::new(counts, (8 + seed % 60) as f64);
            let occupied = histogram.occupied();
            let off = |more: f64| (expected(&histogram, more) - occupied).abs();
            // The published iteration: one cell more as long as that brings the expected number nearer.
            let mut tried = 0.0;
            while tried < most_unseen(&histogram) && off(tried + 1.0) < off(tried) {
                tried += 1.0;
            }
            assert_eq!(possible_cells(&histogram), occupied + tried, "{histogram:?}");
        }
    }

    #[test]
    fn no_fewer_cells_are_possible_than_occurred_and_no_more_than_there_are() {
        let filled = Histogram::new([100, 120, 90], 3.0);
        assert_eq!(possible_cells(&filled), 3.0);
        assert_eq!(possible_cells(&Histogram::new([100, 120, 90], 50.0)), 3.0);
        let single = Histogram::new([1; 10], 64.0);
        // Ten are never expected: the expected number has its peak, 7.85, at ten more cells.
        assert_eq!(possible_cells(&single), 20.0);
        assert_eq!(possible_cells(&Histogram::new([1; 10], 12.0)), 12.0);
        for counts in [vec![1], vec![2], vec![1, 1], vec![7]] {
            let possible = possible_cells(&Histogram::new(counts.clone(), 9.0));
            assert!((counts.len() as f64..=9.0).contains(&possible), "{counts:?}: {possible}");
        }
    }
}
