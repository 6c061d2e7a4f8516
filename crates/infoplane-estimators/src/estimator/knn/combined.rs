//! One value from several methods: of that with the most evidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::input::columns;
use super::{
    Candidate, ExtrapolatedKsg, K, Ksg, MixtureKsg, ResidualKsg, atoms, check_k, check_samples,
    constant_columns,
};
use crate::math;
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// Mutual information by the method with the most evidence.
///
/// Neighbours are biased in proportion to what they have to measure. Some methods measure a part of the information in
/// another way, by what samples that were left out show, and leave a remainder to neighbours:
///
/// | method | evidence | left to neighbours |
/// |---|---|---|
/// | [`ExtrapolatedKsg`] (up to four columns) or [`Ksg`] | none: 0 | everything |
/// | [`ResidualKsg`], both directions and scalings | h(Y) − h(R) of leave-one-out residuals R | I(X;R) |
/// | [`MixtureKsg`], both scalings | mean ln q(x,y)/(q(x) q(y)) of folds left out | KSG of the data less KSG of samples of q |
///
/// h(Y) − h(R) is at most I(X;Y), since I(X;R) is not negative; the log ratio is at most that but for what q misses of the
/// marginals. So the largest is the closest, and its method gives the value; where the evidence of several is within 1/√n of it,
/// which is about their chance, the mean of these methods. (The smallest remainder as a rule takes what neighbours fail to see
/// for what is not there: on a line with uniform noise of width 0.01 its error is twice as large.)
///
/// The standard error is that of the method, with half of the largest distance in squares between the value and the methods
/// whose evidence is within 3/√n: where methods of about equal right differ, the error says so. The warnings name the methods
/// taken.
///
/// For continuous data of any dependence, where the time of the slowest is at hand. Inputs: `(n_samples, width)` each. Nats.
/// Time and memory are the sum of those of the methods. A constant variable gives 0 with a warning.
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
        when: "continuous data of unknown dependence, where time allows",
        cost: "that of extrapolated-ksg, residual-ksg and mixture-ksg together",
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
    /// The names of those taken.
    pub(super) names: String,
}

/// Takes the candidates with the most evidence; see [`Combined`]. There is at least one.
pub(super) fn choose(mut candidates: Vec<Candidate>, n: usize) -> Choice {
    candidates.sort_by(|a, b| b.evidence.total_cmp(&a.evidence).then(a.nats.total_cmp(&b.nats)));
    let most = candidates[0].evidence;
    let chance = 1.0 / (n as f64).sqrt();
    let taken: Vec<&Candidate> = candidates.iter().filter(|c| c.evidence >= most - chance).collect();
    let nats = taken.iter().map(|candidate| candidate.nats).sum::<f64>() / taken.len() as f64;
    let error = taken.iter().map(|candidate| candidate.error).fold(0.0, f64::max);
    let of_equal_right = candidates.iter().filter(|c| c.evidence >= most - 3.0 * chance);
    let spread = of_equal_right.map(|c| (c.nats - nats).abs()).fold(0.0, f64::max);
    // Half of the farthest distance: about the deviation of a few values that are that far apart.
    let error = math::hypot(error, 0.5 * spread);
    let mut names: Vec<&str> = Vec::new();
    for candidate in &taken {
        if !names.contains(&candidate.name) {
            names.push(candidate.name);
        }
    }
    Choice { nats, error, remainder: candidates[0].remainder, names: names.join("; ") }
}

impl Combined {
    /// The value of neighbours alone.
    fn plain(&self, x: &Variable<'_>, y: &Variable<'_>) -> Result<(Candidate, usize), EstimateError> {
        let ksg = Ksg { k: self.k, scaling: Scaling::NormalScores };
        let plain = ksg.estimate_pair(x.view(), y.view()).map_err(|error| match error {
            EstimateError::Ties { tied, n_samples, instead, .. } => {
                EstimateError::Ties { estimator: self.name(), tied, n_samples, instead }
            }
            other => other,
        })?;
        let found = ExtrapolatedKsg::default();
        let (found, name) = match x.n_samples() > found.k {
            true => match found.estimate_pair(x.view(), y.view()) {
                Ok(found) => (found, "extrapolated-ksg"),
                Err(_) => (plain, "ksg"),
            },
            false => (plain, "ksg"),
        };
        let nats = found.information.nats();
        // About 0.8/√n near independence, and more with dependence.
        let error = (1.0 + nats.clamp(0.0, 1.0) * 0.3) / (x.n_samples() as f64).sqrt();
        Ok((Candidate { nats, remainder: nats, evidence: 0.0, error, name }, found.ties))
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

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        if variables.iter().any(|variable| matches!(variable, Variable::Labels(_))) {
            return Err(EstimateError::NeedsMatrix { estimator: self.name() });
        }
        let n = x.n_samples();
        check_samples(self.name(), self.k, n)?;
        let (plain, tied) = self.plain(&x, &y)?;
        let mut candidates = vec![plain];
        let residual = ResidualKsg { k: self.k, seed: self.seed };
        match residual.measured(&x, &y) {
            Ok(found) => candidates.extend(found.candidates),
            Err(error @ EstimateError::Undetermined { .. }) => return Err(error),
            // Too few samples, too many columns: the others remain.
            Err(_) => {}
        }
        let mixture = MixtureKsg { k: self.k, seed: self.seed, ..MixtureKsg::default() };
        if let Ok(found) = mixture.measured(&x, &y) {
            candidates.extend(found.candidates);
        }
        let alone = candidates.len() == 1;
        let Choice { nats, error, remainder, names } = choose(candidates, n);
        let mut warnings = constant_columns(&variables);
        warnings.extend(
            variables.iter().filter_map(|v| columns(v, Scaling::None)).find_map(|c| atoms(&c.values)),
        );
        if tied > 0 {
            warnings.push(Warning::Ties { tied, n_samples: n });
        }
        warnings.push(Warning::Note(match alone {
            true => {
                format!("by {names} alone: the samples are too few, or the columns too many, for the others")
            }
            false => format!(
                "by {names}; {remainder:.3} nats are left to neighbours, which are biased where they are many"
            ),
        }));
        let nats = Information::from_nats(nats);
        let estimate = Estimate::new(nats, EstimateKind::Consistent, &variables);
        Ok(Estimate { standard_error: Some(Information::from_nats(error)), ties: tied, warnings, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{double, normals};
    use super::*;
    use crate::Measure;
    use crate::known::Task;

    fn candidate(nats: f64, evidence: f64) -> Candidate {
        Candidate { nats, remainder: nats - evidence, evidence, error: 0.01, name: "a" }
    }

    #[test]
    fn the_most_evidence_is_taken_and_the_spread_is_in_the_error() {
        let n = 10_000;
        let one = choose(vec![candidate(1.0, 0.0), candidate(2.0, 1.9), candidate(2.5, 1.5)], n);
        assert_eq!((one.nats, one.error), (2.0, 0.01));
        assert!((one.remainder - 0.1).abs() < 1e-12);
        // Two within a hundredth: their mean, and half of their distance from it in the error.
        let two = choose(vec![candidate(2.0, 1.9), candidate(2.2, 1.905)], n);
        assert!((two.nats - 2.1).abs() < 1e-12 && (two.error - (0.01f64).hypot(0.05)).abs() < 1e-12);
        // A third within three hundredths is not taken, but heard.
        let heard = choose(vec![candidate(2.0, 1.9), candidate(3.0, 1.88)], n);
        assert!(heard.nats == 2.0 && (heard.error - (0.01f64).hypot(0.5)).abs() < 1e-12);
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

    #[test]
    fn few_samples_are_measured_by_neighbours_alone() {
        let estimate =
            Combined::default().pair(double(&normals(12, 1, 1)), double(&normals(12, 1, 2))).unwrap();
        assert!(estimate.warnings.iter().any(|warning| warning.to_string().starts_with("by ksg alone")));
    }
}
