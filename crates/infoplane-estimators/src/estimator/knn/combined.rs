//! One value from several methods: of that with the most evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::input::columns;
use super::cv_ksg::Controlled;
use super::missed::Missed;
use super::{
    Candidate, CvKsg, ExtrapolatedKsg, K, Ksg, MixtureKsg, NEAR_CEILING, ResidualKsg, atoms, check_k,
    check_samples, constant_columns, mixture_ksg, residual_ksg, told_by,
};
use crate::math;
use crate::random::{Purpose, generator, shuffle};
use crate::{
    AnyEstimator, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information,
    LabelSides, Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// Samples up to which all methods measure all samples.
const MOST_COMPARED: usize = 10_000;

/// Columns in all up to which residuals and mixtures are tried: beyond, their parameters are more than the samples tell.
const MOST_COLUMNS: usize = 64;

/// Columns in all up to which plain neighbours are near enough to be nearly right.
const FEW_COLUMNS: usize = 4;

/// In more columns, the share of what is left to neighbours that the standard error holds: they miss about as much again of what
/// no other part explains (on three pairs of rings .81 nats where .98 are left).
const MISSED: f64 = 0.5;

/// Samples for each of the largest number of neighbours of [`ExtrapolatedKsg`], at least: with fewer its radii reach across
/// all of them.
const SAMPLES_PER_NEIGHBOR: usize = 4;

/// Mutual information by the method with the most evidence.
///
/// Neighbours are biased in proportion to what they have to measure. Some methods measure a part of the information in
/// another way, by what samples that were left out show, and leave a remainder to neighbours:
///
/// | method | evidence | left to neighbours |
/// |---|---|---|
/// | [`ExtrapolatedKsg`] (up to four columns; [`Ksg`] below 80 samples) | none: 0 | everything |
/// | [`CvKsg`] (more columns) | I_G, of a Gaussian of the same correlations of normal scores | KSG of the data less KSG of Gaussian samples |
/// | [`ResidualKsg`], both directions and scalings | h(Y) − h(R) of leave-one-out residuals R | I(X;R) |
/// | [`MixtureKsg`], both scalings | mean ln q(x,y)/(q(x) q(y)) of folds left out | KSG of the data less KSG of samples of q |
///
/// h(Y) − h(R) is at most I(X;Y), since I(X;R) is not negative; I_G and the log ratio are at most that but for what a Gaussian
/// and q miss of the marginals. So the largest is the closest, and its method gives the value; where the evidence of several is
/// within 1/√n of it, which is about their chance, the mean of these methods. (The smallest remainder as a rule takes what
/// neighbours fail to see for what is not there: on a line with uniform noise of width 0.01 its error is twice as large.)
/// Where neighbours agree with that value within its standard error, the estimate is the mean of both.
///
/// The standard error e is that of the method, or the mean of those of several, and √(e² + (d² − e²)/4) where the largest distance d between the value and the
/// methods whose evidence is within 3/√n is above e: where methods of about equal right differ, the error says so. The warnings
/// name the methods taken. Where neighbours alone are left, with too few samples or too many columns for the others, the distance
/// to the value of one neighbour is added in squares; in more than four columns half of what is left to neighbours.
///
/// In more than four columns neighbours miss the more of what is left to them, the farther they are. Where, in up to 16 columns, a
/// remainder of [`CvKsg`], [`ResidualKsg`] or [`MixtureKsg`] is above 1.5 times its standard error, it is measured with 4k neighbours too, and its
/// fall Δ from k to 4k of them extrapolated: Δ/(4^(1/d) − 1) is missed in d columns if the bias is in proportion to the radius,
/// Δ/(4^(2/d) − 1) if to its square. The mean m of both times max(0, 1 − 4 s²/Δ²), with s the standard error of Δ, is added to the value of the method;
/// half of it, and the deviation of m, are in its error. Where a method with it is above what those with the most evidence find, by more than the errors, it gives the
/// estimate; otherwise the error says how far a method with m would reach above the estimate, unless that is of a mixture. Three pairs of columns turned into spirals have an error of
/// −.19 of 1.02 nats so, and −.37 without.
///
/// Beyond 10,000 samples, 10,000 of them drawn at random decide the method. Where neighbours alone agree with the value of these
/// within its standard error, they measure all samples; otherwise the methods taken do.
///
/// Permutation tests compare plain [`Ksg`], beyond four columns [`CvKsg`] with one Gaussian sample.
///
/// For continuous data of any dependence. Inputs: `(n_samples, width)` each. Nats. Time and memory are the sum of those of the
/// methods: on one core 0.4 s for one and one columns of 1000 samples, 4 s of 10,000 samples, 12 s for five and five. Residuals and
/// mixtures are tried in up to 64 columns. A constant variable gives 0 with a warning.
///
/// # Errors
/// [`EstimateError::Undetermined`] if one variable is a function of the other, to rounding; otherwise as [`Ksg`].
///
/// ```
/// use infoplane_estimators::{Combined, Measure};
/// use infoplane_estimators::known::Task;
/// let sample = Task::named("two-branches-0.01").expect("a task of that name").draw(500, 1);
/// let estimate = Combined::default().pair(&sample.x, &sample.y)?;
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.3);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Combined {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Seed of the random numbers of the methods that use some.
    pub seed: u64,
}

impl Default for Combined {
    fn default() -> Self {
        Combined { k: K, seed: 0 }
    }
}

impl Combined {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "combined",
        title: "combined KSG",
        family: Family::Neighbors,
        estimates: "I(X;Y) of numbers, by the method with the most evidence",
        when: "continuous data of any dependence",
        cost: "that of the other KSG methods together",
        offers: &[Quantity::Information],
        labels: LabelSides::None,
        with_noise: None,
        reference: "after Kraskov, Stögbauer & Grassberger (2004), Phys. Rev. E 69:066138",
        uncertainty: Uncertainty::OwnError,
    };
}

/// A value of some candidates.
pub(super) struct Choice {
    pub(super) nats: f64,
    pub(super) error: f64,
    /// The remainder of the first of those taken.
    pub(super) remainder: f64,
    /// Those taken, each once.
    pub(super) names: Vec<&'static str>,
}

impl Choice {
    /// The methods taken, and what is left to neighbours.
    pub(super) fn told(&self) -> Warning {
        // Directions and scalings of one method only where they are few.
        let mut names = self.names.clone();
        if names.len() > 2 {
            names = names.iter().map(|name| name.split(' ').next().unwrap_or(name)).collect();
            names.sort_unstable();
            names.dedup();
        }
        Warning::Measured(format!(
            "by {}; {:.3} nats are left to neighbours, which are biased where they are many",
            names.join("; "),
            self.remainder
        ))
    }
}

/// Takes the candidates with the most evidence; see [`Combined`]. There is at least one.
pub(super) fn choose(candidates: &mut [Candidate], n: usize) -> Choice {
    candidates.sort_by(|a, b| b.evidence.total_cmp(&a.evidence).then(a.nats.total_cmp(&b.nats)));
    let most = candidates[0].evidence;
    let chance = 1.0 / (n as f64).sqrt();
    let taken: Vec<&Candidate> = candidates.iter().filter(|c| c.evidence >= most - chance).collect();
    let nats = taken.iter().map(|candidate| candidate.full()).sum::<f64>() / taken.len() as f64;
    // The deviation of a mean is at most the mean of the deviations.
    let error = taken.iter().map(|candidate| candidate.full_error()).sum::<f64>() / taken.len() as f64;
    let of_equal_right = candidates.iter().filter(|c| c.evidence >= most - 3.0 * chance);
    let spread = of_equal_right.map(|c| (c.full() - nats).abs()).fold(0.0, f64::max);
    // What chance does not explain of the farthest distance, and half of it: about the deviation of a few values that far apart.
    let beyond = (spread * spread - error * error).max(0.0);
    let error = (error * error + 0.25 * beyond).sqrt();
    let mut names: Vec<&str> = Vec::new();
    for candidate in &taken {
        if !names.contains(&candidate.name) {
            names.push(candidate.name);
        }
    }
    Choice { nats, error, remainder: candidates[0].remainder, names }
}

/// What neighbours alone find, in many columns with a Gaussian control variate.
struct Plain {
    candidate: Candidate,
    tied: usize,
    ceiling: Option<Information>,
}

impl Plain {
    fn new(estimate: &Estimate, name: &'static str) -> Self {
        let nats = estimate.information.nats();
        // About 0.8/√n near independence, and more with dependence.
        let error = (1.0 + nats.clamp(0.0, 1.0) * 0.3) / (estimate.n_samples as f64).sqrt();
        let candidate =
            Candidate { nats, remainder: nats, evidence: 0.0, error, missed: Missed::default(), name };
        Plain { candidate, tied: estimate.ties, ceiling: estimate.ceiling }
    }

    /// Whether neighbours are right as far as the choice can tell.
    fn agrees(&self, choice: &Choice) -> bool {
        (self.candidate.full() - choice.nats).abs() <= choice.error
    }
}

/// Takes the method that finds the most with what neighbours miss of its remainder, if that is above the choice by more than the
/// errors. Otherwise the error says how far the others would reach, unless mixtures follow the data better.
fn with_missed(choice: Choice, candidates: &[Candidate]) -> Choice {
    let beyond = |candidate: &&Candidate| candidate.missed.nats > 0.0;
    let least = |candidate: &Candidate| candidate.full() - candidate.missed.error;
    let best = candidates.iter().filter(beyond).max_by(|a, b| least(a).total_cmp(&least(b)));
    if let Some(best) = best
        && least(best) > choice.nats + choice.error
    {
        let names = vec![best.name];
        return Choice { nats: best.full(), error: best.full_error(), remainder: 0.0, names };
    }
    if choice.names.iter().all(|name| mixture_ksg::NAMES.contains(name)) {
        return choice;
    }
    let missing = candidates.iter().filter(|candidate| candidate.missed.at_most > 0.0);
    let reach = missing.map(|candidate| candidate.nats + candidate.missed.at_most);
    let farther = reach.fold(0.0, f64::max) - choice.nats;
    let error = if farther > choice.error { math::hypot(choice.error, farther) } else { choice.error };
    Choice { error, ..choice }
}

impl Combined {
    fn plain(&self, x: &Variable<'_>, y: &Variable<'_>) -> Result<Plain, EstimateError> {
        let n = x.n_samples();
        let extrapolated = ExtrapolatedKsg::default();
        if n >= SAMPLES_PER_NEIGHBOR * extrapolated.k {
            match extrapolated.estimate_pair(x.view(), y.view()) {
                Ok(found) => return Ok(Plain::new(&found, "extrapolated-ksg")),
                Err(EstimateError::TooManyDimensions { .. }) => {
                    let controlled = CvKsg { k: self.k, seed: self.seed, ..CvKsg::default() };
                    if let Ok(found) = controlled.measured(&[x.view(), y.view()]) {
                        let missed = controlled.missed(&found);
                        let Controlled { nats, gaussian, remainder, error, tied, .. } = found;
                        let (evidence, name) = (gaussian, "cv-ksg");
                        let candidate = Candidate { nats, remainder, evidence, error, missed, name };
                        return Ok(Plain { candidate, tied, ceiling: None });
                    }
                }
                // Fewer neighbours may do.
                Err(_) => {}
            }
        }
        let ksg = Ksg { k: self.k, scaling: Scaling::NormalScores };
        let found = ksg.estimate_pair(x.view(), y.view()).map_err(|error| told_by(self.name(), error))?;
        Ok(Plain::new(&found, "ksg"))
    }

    /// What residuals and mixtures find, of those wanted.
    fn others(
        &self,
        x: &Variable<'_>,
        y: &Variable<'_>,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Candidate>, EstimateError> {
        let mut candidates = Vec::new();
        if x.width() + y.width() > MOST_COLUMNS {
            return Ok(candidates);
        }
        if residual_ksg::NAMES.into_iter().any(&wanted) {
            match (ResidualKsg { k: self.k, seed: self.seed }).measured(x, y) {
                Ok(found) => candidates.extend(found.candidates),
                Err(error @ EstimateError::Undetermined { .. }) => return Err(error),
                // Too few samples, too many columns: the others remain.
                Err(_) => {}
            }
        }
        if mixture_ksg::NAMES.into_iter().any(&wanted) {
            let mixture = MixtureKsg { k: self.k, seed: self.seed, ..MixtureKsg::default() };
            if let Ok(found) = mixture.measured(x, y) {
                candidates.extend(found.candidates);
            }
        }
        candidates.retain(|candidate| wanted(candidate.name));
        Ok(candidates)
    }

    /// Returns the methods that some of the samples tell to take for all of them.
    fn decided(&self, x: &Variable<'_>, y: &Variable<'_>) -> Result<Vec<&'static str>, EstimateError> {
        let mut rows: Vec<usize> = (0..x.n_samples()).collect();
        shuffle(&mut generator(self.seed, Purpose::Nearest, 1 << 37), &mut rows);
        rows.truncate(MOST_COMPARED);
        // In their old order: a method may look at rows from the first to the last.
        rows.sort_unstable();
        let (x, y) = (x.select(&rows), y.select(&rows));
        let (x, y) = (x.variable(), y.variable());
        let plain = self.plain(&x, &y)?;
        let mut candidates = vec![plain.candidate.clone()];
        candidates.extend(self.others(&x, &y, |_| true)?);
        let choice = with_missed(choose(&mut candidates, rows.len()), &candidates);
        Ok(if plain.agrees(&choice) { Vec::new() } else { choice.names })
    }
}

impl Estimator for Combined {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        format!("k={}, seed={}", self.k, self.seed)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)
    }

    /// What neighbours alone give, in many columns with a Gaussian control variate.
    fn test_statistic(&self, columns: usize) -> Option<AnyEstimator> {
        let (k, seed) = (self.k, self.seed);
        Some(match columns <= FEW_COLUMNS {
            true => Ksg { k, scaling: Scaling::NormalScores }.into(),
            false => CvKsg { k, surrogates: 1, seed }.into(),
        })
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        if variables.iter().any(|variable| matches!(variable, Variable::Labels(_))) {
            return Err(EstimateError::NeedsMatrix { estimator: self.name() });
        }
        let n = x.n_samples();
        check_samples(self.name(), self.k, n)?;
        let plain = self.plain(&x, &y)?;
        let others = match n > MOST_COMPARED {
            true => {
                let decided = self.decided(&x, &y)?;
                self.others(&x, &y, |name| decided.contains(&name))?
            }
            false => self.others(&x, &y, |_| true)?,
        };
        let alone = others.is_empty();
        let mut candidates = vec![plain.candidate.clone()];
        candidates.extend(others);
        let mut choice = choose(&mut candidates, n);
        if !alone && plain.agrees(&choice) && !choice.names.contains(&plain.candidate.name) {
            choice.nats = 0.5 * (choice.nats + plain.candidate.full());
            choice.error = 0.5 * (choice.error + plain.candidate.full_error());
            choice.names.push(plain.candidate.name);
        }
        if alone && plain.candidate.name == "ksg" {
            // Nothing but neighbours: what fewer of them find elsewhere is a measure of their bias.
            let nearest = Ksg { k: 1, scaling: Scaling::NormalScores }.estimate_pair(x.view(), y.view())?;
            choice.error = math::hypot(choice.error, nearest.information.nats() - choice.nats);
        }
        choice = with_missed(choice, &candidates);
        if x.width() + y.width() > FEW_COLUMNS {
            choice.error = math::hypot(choice.error, MISSED * choice.remainder);
        }
        let mut warnings = constant_columns(&variables);
        warnings.extend(
            variables.iter().filter_map(|v| columns(v, Scaling::None)).find_map(|c| atoms(&c.values)),
        );
        if plain.tied > 0 {
            warnings.push(Warning::Ties { tied: plain.tied, n_samples: n });
        }
        warnings.push(choice.told());
        let nats = Information::from_nats(choice.nats);
        let ceiling = plain.ceiling.filter(|_| alone);
        if let Some(ceiling) = ceiling
            && choice.nats > ceiling.nats() - NEAR_CEILING
        {
            warnings.push(Warning::NearCeiling { ceiling });
        }
        let estimate = Estimate::new(nats, EstimateKind::Consistent, &variables);
        let standard_error = Some(Information::from_nats(choice.error));
        Ok(Estimate { standard_error, ties: plain.tied, ceiling, warnings, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{double, normals};
    use super::*;
    use crate::Measure;
    use crate::known::Task;

    fn candidate(nats: f64, evidence: f64) -> Candidate {
        Candidate {
            nats,
            remainder: nats - evidence,
            evidence,
            error: 0.01,
            missed: Missed::default(),
            name: "a",
        }
    }

    #[test]
    fn the_most_evidence_is_taken_and_the_spread_is_in_the_error() {
        let n = 10_000;
        let one = choose(&mut [candidate(1.0, 0.0), candidate(2.0, 1.9), candidate(2.5, 1.5)], n);
        assert_eq!((one.nats, one.error), (2.0, 0.01));
        assert!((one.remainder - 0.1).abs() < 1e-12);
        // Two within a hundredth: their mean, and half of their distance from it in the error.
        let two = choose(&mut [candidate(2.0, 1.9), candidate(2.2, 1.905)], n);
        let error = |distance: f64| (1e-4 + (distance * distance - 1e-4) / 4.0).sqrt();
        assert!((two.nats - 2.1).abs() < 1e-12 && (two.error - error(0.1)).abs() < 1e-12);
        // A third within three hundredths is not taken, but heard.
        let heard = choose(&mut [candidate(2.0, 1.9), candidate(3.0, 1.88)], n);
        assert!(heard.nats == 2.0 && (heard.error - error(1.0)).abs() < 1e-12);
        // What chance explains adds nothing.
        let near = choose(&mut [candidate(2.0, 1.9), candidate(2.009, 1.88)], n);
        assert_eq!(near.error, 0.01);
    }

    /// What each part alone does well is done well: a narrow ridge on two branches, a mixture, a weak dependence.
    #[test]
    fn strong_and_weak_and_many_modes_are_measured_by_one_rule() {
        for (task, allowed) in [("two-branches-0.01", 0.2), ("mixture-2x2", 0.15), ("normal", 0.1)] {
            let sample = Task::named(task).unwrap().draw(1000, 3);
            let estimate = Combined::default().pair(&sample.x, &sample.y).unwrap();
            let error = (estimate.information - sample.information).nats();
            assert!(error.abs() < allowed, "{task}: {error}");
            assert!(estimate.standard_error.unwrap().nats() > 0.01, "{task}");
        }
    }

    /// Without what neighbours miss, the mean error over many samples is .35 for spirals and .65 for the layer.
    #[test]
    fn what_neighbours_miss_is_in_the_value() {
        for (task, samples, allowed) in [("spiral-3x3", 6, 0.3), ("layer-2-16-8", 1, 0.5)] {
            let task = Task::named(task).unwrap();
            let error = |seed: u64| {
                let sample = task.draw(1000, seed);
                let estimate = Combined::default().pair(&sample.x, &sample.y).unwrap();
                (estimate.information - sample.information).nats().abs()
            };
            let mean = (0..samples).map(error).sum::<f64>() / samples as f64;
            assert!(mean < allowed, "{}: {mean}", task.name);
        }
    }

    #[test]
    fn more_than_neighbours_find_is_taken_only_beyond_the_errors() {
        let with = |nats: f64, missed: f64| Candidate {
            missed: Missed { nats: missed, error: 0.25 * missed, at_most: missed },
            ..candidate(nats, 0.1)
        };
        let choice = || Choice { nats: 1.0, error: 0.1, remainder: 0.2, names: vec!["b"] };
        // 0.8 + 0.8 ± 0.2 is above 1 ± 0.1, 0.8 + 0.4 ± 0.1 is not: there the error reaches to it.
        let taken = with_missed(choice(), &[with(0.8, 0.8)]);
        assert!((taken.nats - 1.6).abs() < 1e-12 && taken.names == ["a"]);
        assert!((taken.error - (0.01f64.powi(2) + 0.2 * 0.2 + 0.4 * 0.4).sqrt()).abs() < 1e-12);
        let kept = with_missed(choice(), &[with(0.8, 0.4)]);
        assert!(kept.nats == 1.0 && (kept.error - 0.1f64.hypot(0.2)).abs() < 1e-12, "{}", kept.error);
        let as_before = with_missed(choice(), &[candidate(0.8, 0.1)]);
        assert!(as_before.nats == 1.0 && as_before.error == 0.1);
    }

    /// Beyond the samples that decide, the method that they take measures all.
    #[test]
    fn a_part_of_many_samples_decides_for_all() {
        let n = MOST_COMPARED + 500;
        let sample = Task::named("two-branches-0.01").unwrap().draw(n, 2);
        let estimate = Combined::default().pair(&sample.x, &sample.y).unwrap();
        let error = (estimate.information - sample.information).nats();
        assert!(error.abs() < 0.05 && estimate.n_samples == n, "{error}");
        // In that part neighbours agree with the residuals, and cost least.
        assert!(estimate.warnings.iter().any(|w| w.to_string().starts_with("by extrapolated-ksg;")));
    }

    #[test]
    fn few_samples_are_measured_by_neighbours_alone() {
        let estimate =
            Combined::default().pair(double(&normals(12, 1, 1)), double(&normals(12, 1, 2))).unwrap();
        assert!(estimate.warnings.iter().any(|warning| warning.to_string().starts_with("by ksg;")));
    }
}
