//! Information by what a prediction leaves: for strong dependence in few columns.

mod smoother;

use std::cell::OnceCell;

use ndarray::{Array2, ArrayView1, Axis};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interrupt;
use crate::math;
use crate::random::{Purpose, generator};
use crate::special::digammas;

use super::super::input::{columns, normal_scores};
use super::combined::choose;
use super::cv_ksg::Controlled;
use super::missed::Missed;
use super::{
    Candidate, CvKsg, FreeColumns, K, Ksg, Measured, atoms, chebyshev, check_k, check_rows, check_samples,
    standard_error, told_by,
};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};
use smoother::{Smoothed, leave_one_out};

/// Samples below which no fit leaves enough of them to judge it by.
const LEAST_SAMPLES: usize = 32;

/// Neighbours for entropies of one column: more than for information, since one column has no bias to speak of, and
/// the variance falls with them.
const ENTROPY_K: usize = 8;

/// Columns in all up to which the remainder is plain KSG.
const FEW_COLUMNS: usize = 4;

/// The ways in which it measures.
pub(super) const NAMES: [&str; 4] = [
    "residuals of y from x",
    "residuals of y from x, normal scores",
    "residuals of x from y",
    "residuals of x from y, normal scores",
];

/// Standard deviation of residuals, of that of the column, below which they are rounding errors.
const ROUNDING: f64 = 1e-9;

/// Mutual information by the residuals of a prediction.
///
/// For any function f the map (x, y) → (x, y − f(x)) has Jacobian 1, so that with R = Y − f(X)
///
/// ```text
/// I(X;Y) = h(Y) − h(R) + I(X;R)
/// ```
///
/// exactly. The better f predicts, the less is left to I(X;R), which neighbours measure well while it is small; the
/// entropies of one column at a time are measured well at any strength of the dependence. So f follows the data: a
/// polynomial of the nearest samples or of all of them, without the sample itself, with the smallest leave-one-out
/// residuals. Every prediction is a combination of values of other samples, whose noise with squared weights of
/// sum w widens a residual by √(1 + w): the mean of ½ ln(1 + w) is given back.
///
/// The entropy of one column is Kozachenko and Leonenko's with 8 neighbours (of normal scores it is known; of values as even as
/// ranks or a grid, ln 8 takes the place of ψ(8)). For more
/// columns in Y, h(Y) − h(R) is the sum over the columns less the difference of the total correlations, by
/// [`CvKsg`](super::CvKsg). I(X;R) is KSG-1 of normal scores; in more than four columns in all
/// [`CvKsg`](super::CvKsg), and what that misses as in [`Combined`](super::Combined).
///
/// Four candidates are tried: Y from X and X from Y, in units of the data and as normal scores. As I(X;R) is not negative,
/// h(Y) − h(R) is a lower bound: the estimate is the mean of the candidates whose h(Y) − h(R) is within 1/√n of the largest. (Where Y
/// has several columns, what neighbours seem to miss of their total correlation is taken from it.)
/// A note gives the direction and the remainder I(X;R): the closer it is to 0, the less is left to the method that is
/// biased at strong dependence.
///
/// The standard error e is 1.25 √(Var/n) of the terms of the samples, which share neighbours, and √(e² + (d² − e²)/4) where the
/// largest distance d between the estimate and the candidates within 3/√n is above e.
///
/// For dependence near or above the ceiling of [`Ksg`](super::Ksg), on one or several branches (y = x² for x of both
/// signs). Not for relations without a function in either direction, such as a circle.
///
/// Values that repeat have normal scores in random order, which leaves the information as it is.
///
/// Inputs: `(n_samples, width)` each. Nats. Time O(n log n) in few columns, with about 1000 neighbours of each of 2000 samples in
/// the fits; memory O(n (k + 60 d)). A constant variable gives 0 with a warning.
///
/// # Errors
/// [`EstimateError::Undetermined`] if one variable is predicted to rounding, so that the information is infinite;
/// [`EstimateError::TooFewSamples`] below 32 samples; [`EstimateError::TooManyDimensions`] if there are too many columns
/// for any fit; otherwise as [`Ksg`](super::Ksg).
///
/// ```
/// use infoplane_estimators::{Ksg, Measure, ResidualKsg};
/// use infoplane_estimators::known::Task;
/// // y = x² + uniform noise of width 0.01: more than thousand samples show to KSG.
/// let sample = Task::named("quadratic-0.01").expect("a task of that name").draw(1000, 1);
/// let error = |nats: f64| (nats - sample.information.nats()).abs();
/// let residual = ResidualKsg::default().pair(&sample.x, &sample.y)?.information.nats();
/// let ksg = Ksg::default().pair(&sample.x, &sample.y)?.information.nats();
/// assert!(error(residual) < 0.2 && error(residual) < error(ksg));
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kraskov, Stögbauer & Grassberger (2004), *Physical Review E* 69:066138, for the remainder; Cleveland & Devlin (1988),
/// *Journal of the American Statistical Association* 83:596, for local polynomials. The combination is this library's
/// own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResidualKsg {
    /// Number of neighbours of each point for the remainder, at least 1.
    pub k: usize,
    /// Seed of the random numbers: the order of equal values, and comparison samples in more than four columns.
    pub seed: u64,
}

impl Default for ResidualKsg {
    fn default() -> Self {
        ResidualKsg { k: K, seed: 0 }
    }
}

impl ResidualKsg {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "residual-ksg",
        title: "residual KSG",
        family: Family::Neighbors,
        estimates: "I(X;Y) of numbers",
        when: "one side is nearly a function of the other: dependence near the ceiling of ksg",
        cost: "O(n log n), about 50 times ksg",
        offers: &[Quantity::Information],
        labels: LabelSides::None,
        with_noise: None,
        reference: "a shear of Jacobian 1 before Kraskov, Stögbauer & Grassberger (2004)",
        uncertainty: Uncertainty::OwnError,
    };
}

/// Distances of neighbouring values within which a residual tells a rank, and the share of such residuals at most.
const NEAR_RANK: f64 = 2.0;
const NEAR_RANKS: f64 = 0.1;

/// Half of the variance that the share of a gap in two gaps side by side has in samples of a density, 1/12.
const EVEN: f64 = 1.0 / 24.0;

/// The order of the values of a column: how far each is from its neighbours, and whether they are too even for samples of a density.
struct Gaps {
    /// The mean of the distances to the next smaller and the next larger value.
    own: Vec<f64>,
    /// The values are as even as normal scores, ranks or a grid.
    even: bool,
}

impl Gaps {
    fn new(column: ArrayView1<'_, f64>) -> Self {
        let n = column.len();
        let mut order: Vec<usize> = (0..n).collect();
        interrupt::sort_by(&mut order, |&a, &b| column[a].total_cmp(&column[b]).then(a.cmp(&b)));
        let gaps: Vec<f64> = order.windows(2).map(|pair| column[pair[1]] - column[pair[0]]).collect();
        let mut own = vec![0.0; n];
        for (place, &row) in order.iter().enumerate() {
            let around = &gaps[place.saturating_sub(1)..(place + 1).min(gaps.len())];
            own[row] = around.iter().sum::<f64>() / around.len() as f64;
        }
        // Of a density, whatever it is, one of two gaps has a uniform share of both.
        let shares = gaps.windows(2).filter(|pair| pair[0] + pair[1] > 0.0);
        let squares: Vec<f64> =
            shares.map(|pair| pair[0] / (pair[0] + pair[1]) - 0.5).map(|v| v * v).collect();
        let even = !squares.is_empty() && squares.iter().sum::<f64>() < EVEN * squares.len() as f64;
        Gaps { own, even }
    }

    /// Returns whether residuals are as small as the distances of neighbouring values, for some of the samples at least.
    ///
    /// Where values are even, the others leave a place free, so that they tell the rank of the sample itself, and its residual
    /// is smaller than the noise.
    fn tell(&self, residuals: ArrayView1<'_, f64>) -> bool {
        let near = residuals.iter().zip(&self.own).filter(|(r, gap)| r.abs() < NEAR_RANK * **gap).count();
        self.even && near as f64 > NEAR_RANKS * residuals.len() as f64
    }
}

/// Why there is no candidate.
enum Refusal {
    /// Ranks are too coarse for the dependence.
    OfRanks,
    /// One variable is a function of the other, whatever is tried.
    Determined,
    /// This way does not work; another may.
    Other(EstimateError),
}

impl From<EstimateError> for Refusal {
    fn from(error: EstimateError) -> Self {
        Refusal::Other(error)
    }
}

/// The value of a method of neighbours, and its terms.
struct Terms {
    nats: f64,
    terms: Vec<f64>,
}

/// I(X;R), its terms, and what neighbours miss of it.
struct Remainder {
    nats: f64,
    terms: Vec<f64>,
    missed: Missed,
}

fn columns_of(scores: &Array2<f64>) -> Vec<Variable<'_>> {
    scores.axis_chunks_iter(Axis(1), 1).map(Variable::Double).collect()
}

fn pair<'a>(x: &'a Array2<f64>, y: &'a Array2<f64>) -> [Variable<'a>; 2] {
    [x, y].map(|part| Variable::Double(part.view()))
}

impl ResidualKsg {
    /// Returns the candidates that can be measured: none where all values are as even as ranks, and these tell each other.
    pub(super) fn measured(&self, x: &Variable<'_>, y: &Variable<'_>) -> Result<Measured, EstimateError> {
        check_samples(self.name(), self.k, x.n_samples())?;
        if x.n_samples() < LEAST_SAMPLES {
            let (estimator, reason, needed) = (self.name(), "a prediction".into(), LEAST_SAMPLES);
            return Err(EstimateError::TooFewSamples { estimator, reason, needed, n_samples: x.n_samples() });
        }
        let random = |side: u64| generator(self.seed, Purpose::Nearest, 1 << 36 | side);
        let x = FreeColumns::new(self.name(), x, &mut random(0))?;
        let y = FreeColumns::new(self.name(), y, &mut random(1))?;
        // Samples that coincide are told before anything is fitted to them.
        let tied = check_rows(self.name(), self.k, [&x, &y])?;
        let mut found = Vec::new();
        let mut refused = None;
        for (from, to, names) in [(&x, &y, &NAMES[..2]), (&y, &x, &NAMES[2..])] {
            // Both scalings have the same ranks, and so the same total correlation.
            let within = OnceCell::new();
            let targets = [&to.standardized, &to.scores];
            let fitted = leave_one_out(&[&from.standardized, &from.scores], &targets);
            for ((target, name), fitted) in targets.into_iter().zip(names.iter().copied()).zip(fitted) {
                let known_entropy = std::ptr::eq(target, &to.scores);
                match self.candidate(from, target, known_entropy, fitted, &within, name) {
                    Ok(candidate) => found.push(candidate),
                    Err(Refusal::Other(error)) => refused = Some(error),
                    // The other scaling is measured, or refused for a reason of its own.
                    Err(Refusal::OfRanks) => {}
                    Err(Refusal::Determined) => {
                        return Err(EstimateError::Undetermined {
                            reason: "one variable is a function of the other, to rounding, so that the information of \
                                     continuous variables is infinite"
                                .into(),
                            choices: "give a noise variance (noise) or bins (binned)",
                        });
                    }
                }
            }
        }
        match refused {
            Some(error) if found.is_empty() => Err(error),
            _ => Ok(Measured { candidates: found, tied }),
        }
    }

    fn candidate(
        &self,
        x: &FreeColumns,
        y: &Array2<f64>,
        known_entropy: bool,
        fitted: Option<Smoothed>,
        within: &OnceCell<(f64, Missed)>,
        name: &'static str,
    ) -> Result<Candidate, Refusal> {
        let n = y.nrows();
        let Some(Smoothed { residuals, noise, .. }) = fitted else {
            return Err(Refusal::Other(EstimateError::TooManyDimensions {
                estimator: self.name(),
                dims: x.scores.ncols() + y.ncols(),
                most: n / 8,
                reason: "too few samples to predict from so many columns; use gcmi",
            }));
        };
        let squared = |column: ArrayView1<'_, f64>| column.iter().map(|v| v * v).sum::<f64>() / n as f64;
        let deviation = |column: ArrayView1<'_, f64>| {
            let mean = column.iter().sum::<f64>() / n as f64;
            (column.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n as f64).sqrt()
        };
        let gaps: Vec<Gaps> = y.columns().into_iter().map(Gaps::new).collect();
        if gaps.iter().zip(residuals.columns()).any(|(gaps, residual)| gaps.tell(residual)) {
            return Err(Refusal::OfRanks);
        }
        let determined = residuals
            .columns()
            .into_iter()
            .zip(y.columns())
            .any(|(residual, y)| squared(residual).sqrt() <= ROUNDING * deviation(y));
        if determined {
            return Err(Refusal::Determined);
        }
        let scores = normal_scores(residuals.view());
        let Remainder { nats: remainder, mut terms, missed } = self.remainder(&x.scores, &scores)?;
        let mut nats = remainder;
        for ((column, residual), gaps) in y.columns().into_iter().zip(residuals.columns()).zip(&gaps) {
            let before = if known_entropy { score_entropy(column) } else { self.entropy(column, gaps.even)? };
            let after = self.entropy(residual, false)?;
            nats += before.nats - after.nats;
            for ((term, before), after) in terms.iter_mut().zip(&before.terms).zip(&after.terms) {
                *term += before - after;
            }
        }
        let mut error = standard_error(&terms);
        let mut evidence = -remainder.max(0.0);
        if y.ncols() > 1 {
            let (of_target, missed_of_target) = match within.get() {
                Some(found) => *found,
                None => self.of_target(&normal_scores(y.view()))?,
            };
            let _ = within.set((of_target, missed_of_target));
            let of_residuals = self.total_correlation(&scores)?;
            nats += of_residuals.nats - of_target;
            error = math::hypot(error, of_residuals.error);
            // What neighbours miss of the total correlation of Y is too much in h(Y).
            nats -= missed_of_target.nats;
            error = math::hypot(error, missed_of_target.nats);
            evidence -= missed_of_target.at_most;
        }
        let widened = noise.iter().map(|noise| 0.5 * math::ln_1p(*noise)).sum::<f64>() / n as f64;
        nats += y.ncols() as f64 * widened;
        // I(X;R) is not negative: where it is measured to be, h(Y) − h(R) is too large.
        evidence += nats;
        Ok(Candidate { nats, remainder, evidence, error, missed, name })
    }

    /// I(X;R).
    fn remainder(&self, x: &Array2<f64>, residuals: &Array2<f64>) -> Result<Remainder, EstimateError> {
        let ksg = Ksg { k: self.k, scaling: Scaling::None };
        let found = ksg.measure(&[x, residuals]).map_err(|error| told_by(self.name(), error))?;
        let (nats, missed) = match x.ncols() + residuals.ncols() > FEW_COLUMNS {
            true => {
                let controlled = self.compared().measured(&pair(x, residuals))?;
                (controlled.nats, self.compared().missed(&controlled))
            }
            false => (found.nats, Missed::default()),
        };
        Ok(Remainder { nats, terms: found.terms, missed })
    }

    /// KSG with a control variate, for what has many columns.
    fn compared(&self) -> CvKsg {
        CvKsg { k: self.k, surrogates: 2, seed: self.seed }
    }

    /// The total correlation of Y, and what neighbours miss of it.
    fn of_target(&self, scores: &Array2<f64>) -> Result<(f64, Missed), EstimateError> {
        let found = self.total_correlation(scores)?;
        let missed = self.compared().missed(&found);
        Ok((found.nats, missed))
    }

    fn total_correlation(&self, scores: &Array2<f64>) -> Result<Controlled, EstimateError> {
        self.compared().measured(&columns_of(scores))
    }

    /// The entropy of one column by the distances of its neighbours; of even values, as many of which lie within a distance as are
    /// expected.
    fn entropy(&self, column: ArrayView1<'_, f64>, even: bool) -> Result<Terms, EstimateError> {
        let points = column.to_owned().insert_axis(Axis(1));
        let n = points.nrows();
        let nearest = chebyshev(&points).nearest(ENTROPY_K);
        let psi = digammas(n);
        let within = if even { math::ln(ENTROPY_K as f64) } else { psi[ENTROPY_K] };
        let constant = psi[n] - within + std::f64::consts::LN_2;
        let radii = nearest.radii();
        let apart: Vec<f64> = radii.iter().filter(|&&radius| radius > 0.0).map(|r| math::ln(*r)).collect();
        if apart.len() * 100 < 99 * n {
            return Err(EstimateError::Ties {
                estimator: self.name(),
                tied: n - apart.len(),
                n_samples: n,
                instead: super::FOR_TIES,
            });
        }
        let mean = apart.iter().sum::<f64>() / apart.len() as f64;
        // Samples at one place have no logarithm; they count as the mean of the others.
        let term = |radius: &f64| constant + if *radius > 0.0 { math::ln(*radius) } else { mean };
        Ok(Terms { nats: constant + mean, terms: radii.iter().map(term).collect() })
    }
}

/// The entropy of normal scores, ½ ln 2πe, and −ln of the normal density at each.
fn score_entropy(scores: ArrayView1<'_, f64>) -> Terms {
    let half = 0.5 * math::ln(std::f64::consts::TAU);
    Terms { nats: half + 0.5, terms: scores.iter().map(|v| half + 0.5 * v * v).collect() }
}

impl Estimator for ResidualKsg {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        format!("k={}, seed={}", self.k, self.seed)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        if variables.iter().any(|variable| matches!(variable, Variable::Labels(_))) {
            return Err(EstimateError::NeedsMatrix { estimator: self.name() });
        }
        let n = x.n_samples();
        let Measured { mut candidates, tied } = self.measured(&x, &y)?;
        if candidates.is_empty() {
            return Err(EstimateError::Undetermined {
                reason: "the values are as even as ranks, and those of the others tell that of a sample"
                    .into(),
                choices: "use ksg or combined",
            });
        }
        let choice = choose(&mut candidates, n);
        let mut warnings = super::constant_columns(&variables);
        warnings.extend(
            variables.iter().filter_map(|v| columns(v, Scaling::None)).find_map(|c| atoms(&c.values)),
        );
        if tied > 0 {
            warnings.push(Warning::Ties { tied, n_samples: n });
        }
        warnings.push(choice.told());
        let estimate =
            Estimate::new(Information::from_nats(choice.nats), EstimateKind::Consistent, &variables);
        let standard_error = Some(Information::from_nats(choice.error));
        Ok(Estimate { standard_error, ties: tied, warnings, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{double, normals, uniform_column};
    use super::*;
    use crate::Measure;
    use crate::known::Task;

    fn error(task: &str, n: usize) -> f64 {
        let sample = Task::named(task).unwrap().draw(n, 5);
        let found = ResidualKsg::default().pair(&sample.x, &sample.y).unwrap();
        (found.information - sample.information).nats()
    }

    /// Plain KSG is too low by 3.6, 3.8, 0.08 and 0.26 nats.
    #[test]
    fn ridges_are_followed_where_neighbours_saturate() {
        for task in ["linear-0.0001", "quadratic-0.0001", "two-branches-0.01", "linear-0.01"] {
            let error = error(task, 1000);
            assert!(error.abs() < 0.15, "{task}: {error}");
        }
        assert!(error("normal", 1000).abs() < 0.15);
    }

    /// Noise far below the distance of ranks, with which all ranks agree: w/2 − ln w for uniform noise of width w.
    #[test]
    fn ranks_that_agree_are_not_taken_for_a_function() {
        let x = uniform_column(300, 1);
        for width in [1e-3, 1e-5, 1e-7] {
            let y = &x + &(uniform_column(300, 2) * width);
            let found = ResidualKsg::default().pair(double(&x), double(&y)).unwrap();
            let error = found.information.nats() - (width / 2.0 - f64::ln(width));
            assert!(error.abs() < 0.3, "{width}: {error}");
        }
    }

    /// y = x + normal noise for a grid x, and the same with the values of x as normal scores: no random sample of a density.
    #[test]
    fn even_values_have_their_entropy() {
        let n = 800;
        let noise = normals(n, 1, 3);
        for grid in [true, false] {
            let x = Array2::from_shape_fn((n, 1), |(i, _)| {
                let share = (i as f64 + 0.5) / n as f64;
                if grid { share } else { crate::special::normal_quantile(share) }
            });
            assert!(Gaps::new(x.column(0)).even && !Gaps::new(noise.column(0)).even);
            let deviation = if grid { 0.05 } else { 1.0 };
            let y = &x + &(&noise * deviation);
            // h(Y) − h(N); h(Y) of the grid is that of the two ends, of −∫ Φ ln Φ = .9032 deviations each.
            let of_noise = 0.5 * (std::f64::consts::TAU * std::f64::consts::E).ln() + f64::ln(deviation);
            let truth = if grid { 2.0 * deviation * 0.9032 - of_noise } else { 0.5 * f64::ln(2.0) };
            let found = ResidualKsg::default().pair(double(&x), double(&y)).unwrap().information.nats();
            assert!((found - truth).abs() < 0.12, "{grid}: {found} for {truth}");
        }
    }

    /// Ranks against ranks that agree: nothing that a prediction could tell.
    #[test]
    fn ranks_that_tell_each_other_are_refused() {
        let n = 300;
        let x = Array2::from_shape_fn((n, 1), |(i, _)| i as f64);
        let y = Array2::from_shape_fn((n, 1), |(i, _)| (i ^ 1) as f64);
        let refused = ResidualKsg::default().pair(double(&x), double(&y));
        assert!(matches!(refused, Err(EstimateError::Undetermined { .. })), "{refused:?}");
    }
}
