//! KSG with a mixture of normal distributions as control variate: several modes, heavy tails.

use ndarray::{Array2, Axis, s};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::math;
use crate::random::{Purpose, generator, shuffle};

use super::super::gaussian::infinite;
use super::super::input::{Quartiles, columns, normal_scores};
use super::super::mixture::{Mixture, Shape};
use super::missed::{Compared, Missed, WIDER};
use super::{
    Candidate, FreeColumns, K, Ksg, Measured, RANKS, atoms, check_k, check_rows, check_samples, joined, mean,
};
use crate::linear_algebra::{cholesky, covariance};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// Samples below which no part of them judges a fit to the rest.
const LEAST_SAMPLES: usize = 40;

/// Rows that choose the number of components; more would hardly choose otherwise.
const MOST_FOR_CHOICE: usize = 4000;

/// Parts of the samples, each in turn left out of a fit.
const FOLDS: usize = 5;

/// Rounds of a fit that starts from that of all samples.
const ROUNDS_OF_FOLD: usize = 12;

/// Draws for the information of a mixture.
const DRAWS: usize = 4000;

/// The ways in which it measures.
pub(super) const NAMES: [&str; 2] = ["mixture of normal scores", "mixture in the units of the data"];

/// Columns of both sides at most: time grows with their square.
const MOST_COLUMNS: usize = 64;

/// Degrees of freedom from which a Student distribution starts.
const FREEDOM: f64 = 4.0;

/// Mutual information by KSG-1, less its error on samples of a fitted mixture.
///
/// As [`CvKsg`](super::CvKsg), with a mixture in place of one Gaussian copula. With q the fitted mixture, and R samples of
/// the same size drawn from it,
///
/// ```text
/// I(X;Y) = KSG(data) + mean_r [ mean_i ln q(x,y)/(q(x) q(y)) − KSG(sample r) ]
/// ```
///
/// where KSG is that of normal scores, and the mean over i is over the sample r itself, so that its chance cancels. What KSG
/// misses in the data is about what it misses in samples of a law that resembles them.
///
/// The mixture is fitted by expectation and maximisation, to normal scores and to columns in their units. Its
/// number of components (up to 16; 32 of diagonal ones) and its covariances (one each, one for all, variances alone, and
/// with heavy tails Student's distribution with free degrees of freedom) are those with the largest log density in a fifth of the
/// samples that was left out. A fitted law exceeds the information of the true one by what chance adds, about half of the
/// parameters between x and y over n: with in and out the mean log ratios within the samples and in folds left out,
/// (in − out)/2¼ is taken from it, by shrinking the covariances between x and y.
///
/// Of both scalings the one is taken whose mean log ratio in folds left out is larger. A note gives the remainder KSG(data) −
/// KSG(samples): the closer to 0, the less is left to KSG. What KSG misses of it in up to 16 columns is added as in
/// [`Combined`](super::Combined).
///
/// The standard error has the spread of the log ratios over the samples, √(Var/n), that of one sample of q and of the mean of R,
/// and half of what was taken for chance.
///
/// For continuous data of 3 to some 30 columns. Not for columns of which one determines another.
///
/// Values that repeat have normal scores in random order, which leaves the information as it is.
///
/// Inputs: `(n_samples, width)` each. Nats. Time (2 + 2R) times that of [`Ksg`], and that of some forty fits of O(n c d²) for c
/// components; memory O(n (k + d)) for each sample of the mixture. A constant variable gives 0 with a warning.
///
/// # Errors
/// [`EstimateError::TooFewSamples`] below 40 samples; [`EstimateError::TooManyDimensions`] above 64 columns, or if there
/// are not twice as many samples as columns; [`EstimateError::Undetermined`] where one variable determines a column of the
/// other; otherwise as [`Ksg`].
///
/// ```
/// use infoplane_estimators::{Ksg, Measure, MixtureKsg};
/// use infoplane_estimators::known::Task;
/// let sample = Task::named("mixture-2x2").expect("a task of that name").draw(500, 1);
/// let estimate = MixtureKsg::default().pair(&sample.x, &sample.y)?;
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.2);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kraskov, Stögbauer & Grassberger (2004), *Physical Review E* 69:066138; Dempster, Laird & Rubin (1977), *Journal of the
/// Royal Statistical Society B* 39:1; Liu & Rubin (1995), *Statistica Sinica* 5:19, for Student's distribution. The
/// combination is this library's own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MixtureKsg {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Number of samples of the mixture for comparison, at least 2.
    pub surrogates: usize,
    /// Seed of the random numbers: starts of the fits, folds, samples.
    pub seed: u64,
}

impl Default for MixtureKsg {
    fn default() -> Self {
        MixtureKsg { k: K, surrogates: 4, seed: 0 }
    }
}

impl MixtureKsg {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "mixture-ksg",
        title: "mixture KSG",
        family: Family::Neighbors,
        estimates: "I(X;Y) of numbers",
        when: "continuous data of more than 4 columns with several modes or heavy tails",
        cost: "some forty fits of O(n c d²), and 10 times ksg",
        offers: &[Quantity::Information],
        labels: LabelSides::None,
        with_noise: None,
        reference: "Kraskov et al. (2004) with a mixture of Gaussians as control variate",
        uncertainty: Uncertainty::OwnError,
    };
}

/// Of a middle half narrower than this, against the standard deviation, nothing is left beside an outlier but rounding.
const LEAST_WIDTH: f64 = 1e-13;

/// Columns in their units, centred on their medians; those with heavy tails in units of the middle half.
pub(in super::super) fn centred(variable: &Variable<'_>) -> Option<Array2<f64>> {
    Some(centre(columns(variable, Scaling::Standardized)?.values))
}

fn centre(mut values: Array2<f64>) -> Array2<f64> {
    let n = values.nrows();
    for mut column in values.columns_mut() {
        let mut values = column.to_vec();
        let median = *values.select_nth_unstable_by(n / 2, f64::total_cmp).1;
        let width = Quartiles::of_heavy_tailed(column.view()).map(|quartiles| 2.0 * quartiles.half_range);
        // The middle half of a normal distribution is 1.35 deviations wide.
        let scale = width.filter(|width| *width > LEAST_WIDTH).map_or(1.0, |width| 1.35 / width);
        column.mapv_inplace(|v| (v - median) * scale);
    }
    values
}

/// A kind of mixture and the numbers of components to try.
type Kind = (Shape, f64, &'static [usize]);

const KINDS: [Kind; 3] = [
    (Shape::Full, f64::INFINITY, &[1, 2, 3, 4, 6, 8, 12, 16]),
    (Shape::Tied, f64::INFINITY, &[2, 4, 8, 16]),
    (Shape::Diagonal, f64::INFINITY, &[4, 8, 16, 32]),
];

const STUDENTS: Kind = (Shape::Full, FREEDOM, &[1, 2, 3, 4]);

impl MixtureKsg {
    /// Fits the mixture with the largest log density in rows left out.
    fn fitted(&self, rows: &Array2<f64>, order: &[usize], students: bool) -> Option<Mixture> {
        let d = rows.ncols();
        let order = &order[..order.len().min(MOST_FOR_CHOICE)];
        let (out, within) = order.split_at(order.len() / FOLDS);
        let within = rows.select(Axis(0), within);
        let out = rows.select(Axis(0), out);
        let mut best: Option<(f64, Shape, f64, usize)> = None;
        let mut kinds = KINDS.to_vec();
        if students {
            kinds.push(STUDENTS);
        }
        for (shape, freedom, sizes) in kinds {
            let mut of_kind = f64::NEG_INFINITY;
            let mut worse = 0;
            for &size in sizes {
                let least = if shape == Shape::Diagonal { 8 } else { 2 * d + 2 };
                if size * least > within.nrows() {
                    break;
                }
                let fitted = Mixture::start(within.view(), shape, freedom, size, self.seed)
                    .and_then(|start| start.fitted(within.view()));
                let Some(fitted) = fitted else { continue };
                let density = mean(fitted.ln_densities(out.view()).into_iter());
                if best.is_none_or(|(least, ..)| density > least) {
                    best = Some((density, shape, fitted.freedom, size));
                }
                if density > of_kind {
                    (of_kind, worse) = (density, 0);
                } else {
                    worse += 1;
                    if worse == 2 {
                        break;
                    }
                }
            }
        }
        let (_, shape, freedom, size) = best?;
        Mixture::start(rows.view(), shape, freedom, size, self.seed)?.fitted(rows.view())
    }

    /// Returns what one scaling of the columns gives; `None` if no mixture fits.
    fn candidate(
        &self,
        rows: &Array2<f64>,
        scores: &Array2<f64>,
        d_x: usize,
        students: bool,
        name: &'static str,
    ) -> Result<Option<Candidate>, EstimateError> {
        let n = rows.nrows();
        let mut order: Vec<usize> = (0..n).collect();
        shuffle(&mut generator(self.seed, Purpose::Nearest, 1 << 33), &mut order);
        let Some(mixture) = self.fitted(rows, &order, students) else { return Ok(None) };
        let within = mixture.ln_ratios(rows.view(), d_x);
        // What chance adds to the fit: see the documentation of the type.
        let folds: Vec<Option<f64>> = (0..FOLDS)
            .into_par_iter()
            .map(|fold| {
                let part = |out: bool| {
                    let rows_of = order.iter().enumerate().filter(|(i, _)| (i % FOLDS == fold) == out);
                    rows.select(Axis(0), &rows_of.map(|(_, &row)| row).collect::<Vec<_>>())
                };
                let (fitted, _) = mixture.clone().fit(part(false).view(), ROUNDS_OF_FOLD)?;
                Some(fitted.ln_ratios(part(true).view(), d_x).iter().sum())
            })
            .collect();
        let Some(out) = folds.into_iter().sum::<Option<f64>>() else { return Ok(None) };
        let n_rows = n as f64;
        let mean_within = mean(within.iter().copied());
        let chance = ((mean_within - out / n_rows) / 2.25).max(0.0);
        let law = self.with_information_less(&mixture, d_x, chance);
        let split = |scores: &Array2<f64>| {
            [s![.., ..d_x], s![.., d_x..]].map(|part| scores.slice(part).as_standard_layout().into_owned())
        };
        let data = split(scores);
        let drawn: Vec<(f64, [Array2<f64>; 2])> = (0..self.surrogates as u64)
            .into_par_iter()
            .map(|index| {
                let drawn = law.draw(n, &mut generator(self.seed, Purpose::Nearest, 1 << 34 | index));
                let ratio = mean(law.ln_ratios(drawn.view(), d_x).into_iter());
                (ratio, split(&normal_scores(drawn.view())))
            })
            .collect();
        let compared = |k: usize| -> Result<Compared, EstimateError> {
            let measured = |[x, y]: &[Array2<f64>; 2]| Ksg { k, scaling: Scaling::None }.measure(&[x, y]);
            let of_law = drawn.par_iter().map(|(_, drawn)| Ok(measured(drawn)?.nats));
            let of_law = of_law.collect::<Result<Vec<f64>, EstimateError>>()?;
            Ok(Compared { terms: measured(&data)?.terms, of_law })
        };
        let near = compared(self.k)?;
        let missed_of_law: Vec<f64> =
            drawn.iter().zip(&near.of_law).map(|((ratio, _), ksg)| ratio - ksg).collect();
        let variance = |values: &[f64]| {
            let mean = mean(values.iter().copied());
            let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
            squares / (values.len() as f64 - 1.0)
        };
        // What KSG misses in the data differs by chance from what it misses in a sample of the mixture.
        let of_ksg = variance(&missed_of_law) * (1.0 + 1.0 / missed_of_law.len() as f64);
        let error = (variance(&within) / n_rows + of_ksg + 0.25 * chance * chance).sqrt();
        let remainder = near.remainder();
        let dims = rows.ncols();
        let missed = match Missed::is_told(remainder, error, dims) && WIDER * self.k < n {
            true => Missed::new(&near, &compared(WIDER * self.k)?, dims),
            false => Missed::default(),
        };
        Ok(Some(Candidate {
            nats: mean(near.terms.into_iter()) + mean(missed_of_law.into_iter()),
            remainder,
            evidence: out / n_rows,
            error,
            missed,
            name,
        }))
    }

    /// Shrinks the covariances between x and y until the law has so many nats less; as far as they go.
    fn with_information_less(&self, mixture: &Mixture, d_x: usize, nats: f64) -> Mixture {
        if nats <= 0.0 || mixture.shape == Shape::Diagonal {
            return mixture.clone();
        }
        let of = |share: f64| {
            let law = mixture.with_less_between(d_x, share);
            // The same random numbers for every share: only differences count.
            let drawn = law.draw(DRAWS, &mut generator(self.seed, Purpose::Nearest, 1 << 35));
            let nats = mean(law.ln_ratios(drawn.view(), d_x).into_iter());
            (nats, law)
        };
        let target = of(1.0).0 - nats;
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..10 {
            let middle = 0.5 * (low + high);
            if of(middle).0 > target {
                high = middle;
            } else {
                low = middle;
            }
        }
        of(high).1
    }

    /// Returns what both scalings give, at least one.
    pub(super) fn measured(&self, x: &Variable<'_>, y: &Variable<'_>) -> Result<Measured, EstimateError> {
        let (estimator, n_samples) = (self.name(), x.n_samples());
        check_samples(estimator, self.k, n_samples)?;
        if n_samples < LEAST_SAMPLES {
            let (reason, needed) = ("a part left out".into(), LEAST_SAMPLES);
            return Err(EstimateError::TooFewSamples { estimator, reason, needed, n_samples });
        }
        let random = |side: u64| generator(self.seed, Purpose::Nearest, 1 << 36 | side);
        let x = FreeColumns::new(estimator, x, &mut random(0))?;
        let y = FreeColumns::new(estimator, y, &mut random(1))?;
        let (d_x, n) = (x.scores.ncols(), x.scores.nrows());
        let of_scores = joined(&[&x.scores, &y.scores]);
        let dims = of_scores.ncols();
        let most = MOST_COLUMNS.min(n / 2);
        if dims > most {
            let reason = "a mixture has parameters for every pair of columns; use gcmi or cv-ksg";
            return Err(EstimateError::TooManyDimensions { estimator, dims, most, reason });
        }
        let tied = check_rows(estimator, self.k, [&x, &y])?;
        if cholesky(&covariance(&of_scores)).is_none() {
            return Err(infinite());
        }
        let of_units = joined(&[&centre(x.standardized), &centre(y.standardized)]);
        let mut found = Vec::new();
        found.extend(self.candidate(&of_scores, &of_scores, d_x, false, NAMES[0])?);
        found.extend(self.candidate(&of_units, &of_scores, d_x, true, NAMES[1])?);
        // Ranks that agree would be told by those of the others, to every fold.
        let resolved = d_x.min(dims - d_x) as f64 * math::ln(n as f64 / RANKS);
        if found.len() > 1 && found[0].evidence > resolved {
            found.remove(0);
        }
        if found.is_empty() {
            return Err(EstimateError::Undetermined {
                reason: "columns determine each other, so that no mixture of densities fits them".into(),
                choices: "add noise that the question allows, or use binned, noise or kde",
            });
        }
        Ok(Measured { candidates: found, tied })
    }
}

impl Estimator for MixtureKsg {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        format!("k={}, surrogates={}, seed={}", self.k, self.surrogates, self.seed)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)?;
        if self.surrogates < 2 {
            let (given, allowed) = (self.surrogates.to_string(), "a whole number above 1");
            return Err(EstimateError::Setting { key: "surrogates", given, allowed });
        }
        Ok(())
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        if variables.iter().any(|variable| matches!(variable, Variable::Labels(_))) {
            return Err(EstimateError::NeedsMatrix { estimator: self.name() });
        }
        let Measured { mut candidates, tied } = self.measured(&x, &y)?;
        candidates.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
        let taken = &candidates[0];
        let mut warnings = super::constant_columns(&variables);
        warnings.extend(
            variables.iter().filter_map(|v| columns(v, Scaling::None)).find_map(|c| atoms(&c.values)),
        );
        if tied > 0 {
            warnings.push(Warning::Ties { tied, n_samples: x.n_samples() });
        }
        warnings.push(Warning::Measured(format!(
            "by {}; KSG finds {:.3} nats more in the data than in samples of it: the farther from 0, the less the \
             correction holds",
            taken.name, taken.remainder
        )));
        let nats = Information::from_nats(taken.full());
        let estimate = Estimate::new(nats, EstimateKind::Consistent, &variables);
        Ok(Estimate {
            standard_error: Some(Information::from_nats(taken.full_error())),
            ties: tied,
            warnings,
            ..estimate
        })
    }
}
