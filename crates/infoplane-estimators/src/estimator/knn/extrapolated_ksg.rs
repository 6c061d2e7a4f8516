//! KSG-1 for several numbers of neighbours, extrapolated to zero.

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::math;
use crate::neighbors::Boundary;
use crate::special::digammas;

use super::{PreparedParts, chebyshev, check_ties_at, finished, joined, strictly_nearer};
use crate::{
    Estimate, EstimateError, Estimator, EstimatorInfo, Family, LabelSides, Quantity, Scaling, Uncertainty,
    Variable,
};

/// The values of k, about evenly spaced in their square roots.
const LADDER: [usize; 12] = [2, 3, 4, 5, 7, 10, 14, 20, 28, 40, 56, 80];

/// Smaller k are excluded from the mean: at k = 2 the variance is half again that of k = 5.
const LEAST_OF_MEAN: usize = 3;

/// A slope of two standard errors is half believed, one of one standard error not at all.
///
/// Of 1, 2, 4 and 9 this gave the smallest errors over normal, uniform-noise, Student and rolled-up pairs.
const DOUBT: f64 = 4.0;

/// The same for the curvature, which is followed only where it is plain: at three standard errors half.
const DOUBT_OF_CURVATURE: f64 = 9.0;

/// Mutual information by KSG-1 at several k, without the bias that grows with the radius.
///
/// Where a density ends sharply, as with uniform noise or a nearly deterministic relation, the box around a
/// sample at the edge is half empty, and KSG-1 is too low in proportion to the radius, that is to k^(1/d)
/// for d columns in all. Smooth densities hardly have this bias. So the terms of
///
/// ```text
/// Iₖ = ψ(k) + ψ(N) − mean_i [ ψ(n_x,i + 1) + ψ(n_y,i + 1) ],   k = 2, 3, 4, 5, 7, 10, 14, 20
/// ```
///
/// are fitted by a straight line a + b k^(1/d) (least squares, weights k), and the estimate lies between the mean
/// over all k and a, the value at k = 0:
///
/// ```text
/// I = (1 − λ) mean_k Iₖ + λ a,   λ = max(0, 1 − 4 s²/b²) where b < 0, else 0
/// ```
///
/// with s the standard error of b over the samples. A fall that becomes steeper, as near the ceiling, is fitted by a
/// parabola in the same way (9 in place of 4). Without a trend the estimate is KSG-1 with less variance than at k =
/// 3; with a clear trend it is the extrapolation. At n = 1000, for uniform noise of ±0.1 on a uniform variable, its
/// mean absolute error is 0.02 nats where KSG-1 has 0.05; see the table of `infoplane calibrate`.
///
/// Columns are replaced by normal scores first, which leaves the information unchanged and removes heavy tails. Not
/// for more than four columns, where the radius hardly depends on k, nor for dependence near the ceiling ψ(N) − ψ(2),
/// where the bias is no longer a line: see [`Lnc`](super::super::Lnc).
///
/// Inputs: `(n_samples, width)` each. Nats. Time O(n log n), memory O(n k). The combination of the ladder is
/// this library's own; each rung is the published estimator.
///
/// # Errors
/// As [`Ksg`](super::Ksg); [`EstimateError::TooManyDimensions`] beyond four columns.
///
/// ```
/// use infoplane_estimators::{ExtrapolatedKsg, Measure};
/// use infoplane_estimators::known::Task;
/// // x uniform on [0, 1] and y = x + uniform noise on [−0.1, 0.1].
/// let sample = Task::named("uniform-noise").expect("a task of that name").draw(2000, 1);
/// let method = ExtrapolatedKsg::default();
/// let estimate = method.pair(sample.x.variable(), sample.y.variable())?;
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.05);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kraskov, Stögbauer & Grassberger (2004), *Physical Review E* 69:066138, equation 8, for each rung; Holmes &
/// Nemenman (2019), *Physical Review E* 100:022404, on choosing k by the absence of a trend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExtrapolatedKsg {
    /// The largest number of neighbours of each point, 5 to 80; the numbers 2, 3, 4, 5, 7, 10, 14, 20, … up to it are
    /// used.
    pub k: usize,
    /// Scaling applied to each column first.
    pub scaling: Scaling,
}

impl Default for ExtrapolatedKsg {
    fn default() -> Self {
        ExtrapolatedKsg { k: 20, scaling: Scaling::NormalScores }
    }
}

impl ExtrapolatedKsg {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "extrapolated-ksg",
        title: "extrapolated KSG",
        family: Family::Neighbors,
        estimates: "I(X;Y) of numbers",
        when: "continuous data of 2 to 4 columns in all, and sharp edges among them",
        cost: "8 times the counting of `ksg`, one search",
        offers: &[Quantity::Information],
        labels: LabelSides::None,
        uncertainty: Uncertainty::Subsampling,
        with_noise: None,
        reference: "after Kraskov, Stögbauer & Grassberger (2004), Phys. Rev. E 69:066138",
    };
}

/// Columns in all beyond which the radius hardly depends on k.
const MOST_COLUMNS: usize = 4;

impl Estimator for ExtrapolatedKsg {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        match self.scaling {
            Scaling::NormalScores => format!("k to {}", self.k),
            other => format!("k to {}, scaling={}", self.k, other.name()),
        }
    }

    fn check(&self) -> Result<(), EstimateError> {
        if !(5..=80).contains(&self.k) {
            return Err(EstimateError::Setting { key: "k", given: self.k.to_string(), allowed: "5 to 80" });
        }
        Ok(())
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let prepared = PreparedParts::new(self.name(), self.k, self.scaling, &variables)?;
        let [x, y] = &prepared.parts[..] else { unreachable!("two variables") };
        let width = x.ncols() + y.ncols();
        if width > MOST_COLUMNS {
            return Err(EstimateError::TooManyDimensions {
                estimator: self.name(),
                dims: width,
                most: MOST_COLUMNS,
                reason: "the radius hardly depends on k there; use ksg or cv-ksg",
            });
        }
        let n = x.nrows();
        let nearest = chebyshev(&joined(&[x, y])).nearest(self.k);
        let ladder: Vec<usize> = LADDER.into_iter().filter(|&k| k <= self.k).collect();
        let tied = check_ties_at(self.name(), &nearest, ladder[0], n)?;
        let psi = digammas(n);
        let terms: Vec<Vec<f64>> = ladder
            .iter()
            .map(|&k| {
                let radii: Vec<f64> = (0..n).map(|i| nearest.distances(i)[k - 1]).collect();
                let counts =
                    |part: &Array2<f64>| chebyshev(part).count_within(&radii, Boundary::Open).into_iter();
                let term = |(n_x, n_y): (usize, usize)| psi[k] + psi[n] - psi[n_x + 1] - psi[n_y + 1];
                counts(x).zip(counts(y)).map(term).collect()
            })
            .collect();
        // No count is below that of the strictly nearer in all columns together.
        let least =
            strictly_nearer(&nearest, ladder[0], n).map(|count| psi[count + 1]).sum::<f64>() / n as f64;
        let ceiling = psi[ladder[0]] + psi[n] - 2.0 * least;
        // What no rung of the ladder can show, no line through them does.
        let nats = followed_to_zero(&ladder, &terms, 1.0 / width as f64).min(ceiling);
        Ok(finished(nats, &variables, prepared.warnings, tied, Some(ceiling)))
    }
}

/// From the terms of every sample at every k to one value; see [`ExtrapolatedKsg`].
fn followed_to_zero(ladder: &[usize], terms: &[Vec<f64>], power: f64) -> f64 {
    let rungs: Vec<f64> = ladder.iter().map(|&k| k as f64).collect();
    let radii: Vec<f64> = rungs.iter().map(|k| math::powf(*k, power)).collect();
    let line = Fit::new(&rungs, &radii, terms, 1);
    let parabola = Fit::new(&rungs, &radii, terms, 2);
    let n = terms[0].len() as f64;
    let kept = || ladder.iter().zip(terms).filter(|(k, _)| **k >= LEAST_OF_MEAN);
    let flat = kept().map(|(_, terms)| terms.iter().sum::<f64>() / n).sum::<f64>() / kept().count() as f64;
    // Only a fall with the radius is that of edges; a rise is left alone, and so is a fall that slows down.
    let falls = line.leading < 0.0;
    let believed = if falls { line.believed(DOUBT) } else { 0.0 };
    let curved = if falls && parabola.leading < 0.0 { parabola.believed(DOUBT_OF_CURVATURE) } else { 0.0 };
    let straight = (1.0 - believed) * flat + believed * line.at_zero;
    (1.0 - curved) * straight + curved * parabola.at_zero
}

/// A polynomial in the radius through the rungs of the ladder, least squares with weights k.
struct Fit {
    at_zero: f64,
    /// The coefficient of the highest power.
    leading: f64,
    /// Its squared standard error over the samples.
    squared_error: f64,
}

impl Fit {
    /// Fits the mean terms; of the terms of every sample only the leading coefficient, for its spread.
    fn new(weights: &[f64], radii: &[f64], terms: &[Vec<f64>], degree: usize) -> Fit {
        let (at_zero, leading) = combinations(weights, radii, degree);
        let n = terms[0].len() as f64;
        let of = |combination: &[f64]| -> f64 {
            combination.iter().zip(terms).map(|(c, terms)| c * terms.iter().sum::<f64>() / n).sum()
        };
        let mean = of(&leading);
        let squares: f64 = (0..terms[0].len())
            .map(|i| {
                let own: f64 = leading.iter().zip(terms).map(|(c, terms)| c * terms[i]).sum();
                (own - mean) * (own - mean)
            })
            .sum();
        Fit { at_zero: of(&at_zero), leading: mean, squared_error: squares / (n * n) }
    }

    /// How far the leading coefficient is believed to be other than 0, between 0 and 1.
    fn believed(&self, doubt: f64) -> f64 {
        (1.0 - doubt * self.squared_error / (self.leading * self.leading)).max(0.0)
    }
}

/// Returns the value at radius 0 and the leading coefficient of a fitted polynomial, each as a combination of the
/// values fitted: polynomials that are orthogonal under the weights, built one after the other.
fn combinations(weights: &[f64], radii: &[f64], degree: usize) -> (Vec<f64>, Vec<f64>) {
    let product = |a: &[f64], b: &[f64]| -> f64 {
        weights.iter().zip(a.iter().zip(b)).map(|(w, (a, b))| w * a * b).sum()
    };
    // Each polynomial by its values on the rungs and at 0; all have leading coefficient 1.
    let mut basis: Vec<(Vec<f64>, f64)> = vec![(vec![1.0; radii.len()], 1.0)];
    for _ in 0..degree {
        let (last, _) = &basis[basis.len() - 1];
        let mut next: Vec<f64> = last.iter().zip(radii).map(|(value, radius)| value * radius).collect();
        // Times a radius of 0.
        let mut next_at_zero = 0.0;
        for (values, at_zero) in &basis {
            let share = product(&next, values) / product(values, values);
            next.iter_mut().zip(values).for_each(|(next, value)| *next -= share * value);
            next_at_zero -= share * at_zero;
        }
        basis.push((next, next_at_zero));
    }
    let coefficient = |values: &[f64]| -> Vec<f64> {
        let norm = product(values, values);
        weights.iter().zip(values).map(|(w, value)| w * value / norm).collect()
    };
    let mut at_zero = vec![0.0; radii.len()];
    for (values, value_at_zero) in &basis {
        for (sum, c) in at_zero.iter_mut().zip(coefficient(values)) {
            *sum += value_at_zero * c;
        }
    }
    (at_zero, coefficient(&basis[degree].0))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{correlated, double, gaussian_information, uniform_column};
    use super::*;
    use crate::Measure;
    use crate::estimator::Ksg;

    fn method() -> ExtrapolatedKsg {
        ExtrapolatedKsg::default()
    }

    #[test]
    fn a_line_without_noise_is_followed_to_zero_and_a_rising_one_is_not() {
        let ladder = [2, 3, 5, 10, 20];
        let line = |slope: f64| -> Vec<Vec<f64>> {
            ladder.iter().map(|&k| vec![1.5 + slope * (k as f64).sqrt(); 40]).collect()
        };
        assert!((followed_to_zero(&ladder, &line(-0.1), 0.5) - 1.5).abs() < 1e-12);
        let rising = followed_to_zero(&ladder, &line(0.1), 0.5);
        let mean = [3f64, 5.0, 10.0, 20.0].iter().map(|k| 1.5 + 0.1 * k.sqrt()).sum::<f64>() / 4.0;
        assert!((rising - mean).abs() < 1e-12);
    }

    #[test]
    fn a_steepening_parabola_is_followed_to_zero() {
        let ladder = [2, 3, 5, 10, 20];
        let parabola: Vec<Vec<f64>> =
            ladder.iter().map(|&k| vec![4.0 - 0.1 * (k as f64).sqrt() - 0.02 * k as f64; 30]).collect();
        assert!((followed_to_zero(&ladder, &parabola, 0.5) - 4.0).abs() < 1e-10);
    }

    /// The bias, as the mean error over twenty samples: its own error is below 0.01, that of KSG-1 here about −0.07.
    #[test]
    fn sharp_edges_cost_less_than_half_of_what_they_cost_ksg() {
        let n = 500;
        // I = ε − ln 2ε for x uniform on [0, 1] and noise uniform on [−ε, ε].
        let truth = 0.1 - 0.2f64.ln();
        let ksg = Ksg::default();
        let (mut own, mut plain) = (0.0, 0.0);
        for seed in 0..20 {
            let x = uniform_column(n, seed);
            let y = &x + &uniform_column(n, 100 + seed).mapv(|u| 0.2 * u - 0.1);
            let error = |e: &dyn Estimator| {
                (e.pair(double(&x), double(&y)).unwrap().information.nats() - truth) / 20.0
            };
            own += error(&method());
            plain += error(&ksg);
        }
        assert!(plain < -0.04 && own.abs() < -plain / 2.0, "{own} against {plain}");
    }

    /// Six standard deviations of the information of a normal sample, about ρ/√n.
    #[test]
    fn normal_columns_have_no_edges_to_follow() {
        let n = 4000;
        for correlation in [0.0, 0.75] {
            let (x, y) = correlated(n, 1, correlation, 3);
            let nats = method().pair(double(&x), double(&y)).unwrap().information.nats();
            let truth = gaussian_information(correlation);
            assert!((nats - truth).abs() < 6.0 / (n as f64).sqrt(), "{nats} for {truth}");
        }
    }

    #[test]
    fn units_signs_and_monotone_maps_change_nothing() {
        let (x, y) = correlated(300, 1, 0.6, 5);
        let nats = |x: &Array2<f64>, y: &Array2<f64>| {
            method().pair(double(x), double(y)).unwrap().information.nats()
        };
        let plain = nats(&x, &y);
        assert_eq!(nats(&x.mapv(|v| v * v * v * 1e6), &y.mapv(f64::exp)), plain);
        assert!((nats(&x.mapv(|v| -v), &y) - plain).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_measured_is_said() {
        let (x, y) = correlated(50, 3, 0.0, 1);
        let error = |e: Result<Estimate, EstimateError>| e.unwrap_err();
        let method = method();
        assert!(matches!(
            error(method.pair(double(&x), double(&y))),
            EstimateError::TooManyDimensions { dims: 6, most: 4, .. }
        ));
        let (few, other) = correlated(20, 1, 0.0, 1);
        assert!(matches!(
            error(method.pair(double(&few), double(&other))),
            EstimateError::TooFewSamples { needed: 21, n_samples: 20, .. }
        ));
        let constant = Array2::from_elem((50, 1), 3.0);
        let y = y.select(ndarray::Axis(1), &[0]);
        assert_eq!(method.pair(double(&constant), double(&y)).unwrap().information.nats(), 0.0);
        for k in [0, 4, 81] {
            let config = ExtrapolatedKsg { k, ..ExtrapolatedKsg::default() };
            assert!(matches!(config.check(), Err(EstimateError::Setting { key: "k", .. })));
        }
    }
}
