//! The chosen estimator at work, with bins fixed to the range of a layer where there are bins.

use super::Auto;
use super::conditional;
use super::profile::DataProfile;
use super::rules::{self, FEW_JOINT_COLUMNS, check_samples, discrete, noise};
use crate::VariableKind::{Continuous, Lattice, Mixed, Names};
use crate::estimator::limits::spread_within_limits;
use crate::estimator::measure::checked_pair;
use crate::estimator::noise_floor::{NoiseFloor, noise_floor};
use crate::variable::kind::Measured;
use crate::{
    AnyEstimator, Bound, Choice, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Gcmi,
    Information, Kl, Ksg, Labels, LayerEstimate, LayerRange, Measure, Scaling, Variable, VariableKind,
    Warning,
};

/// [`Auto`] for a layer.
pub(super) struct AutoOnRange {
    settings: Auto,
    range: Option<LayerRange>,
}

impl AutoOnRange {
    pub(super) fn new(settings: &Auto, range: Option<&LayerRange>) -> Self {
        AutoOnRange { settings: settings.clone(), range: range.cloned() }
    }

    /// Returns the chosen estimator with its bins, if it has bins, on the range of the layer.
    fn estimator(&self, chosen: &AnyEstimator) -> Result<Box<dyn Estimator>, EstimateError> {
        match &self.range {
            Some(range) => chosen.for_layer(range),
            None => Ok(Box::new(chosen.clone())),
        }
    }

    /// Returns the estimate of one estimator, with its name and the reason.
    fn by(
        &self,
        choice: Choice,
        measure: impl FnOnce(&dyn Estimator) -> Result<Estimate, EstimateError>,
    ) -> Result<Estimate, EstimateError> {
        let mut estimate = measure(self.estimator(&choice.estimator)?.as_ref())?;
        for warning in &choice.warnings {
            if !estimate.warnings.contains(warning) {
                estimate.warnings.push(warning.clone());
            }
        }
        estimate.choice = Some(choice);
        Ok(estimate)
    }

    /// Noise and bins are part of the question: where no estimator answers it, they are not dropped in silence.
    fn refuse_noise_and_bins(&self, allowed: &'static str) -> Result<(), EstimateError> {
        let Auto { noise_variance, bin_width, bins, rule, .. } = &self.settings;
        let given = [
            ("noise_variance", noise_variance.map(|variance| variance.to_string())),
            ("bin_width", bin_width.map(|width| width.to_string())),
            ("bins", bins.map(|bins| bins.to_string())),
            ("rule", rule.map(|rule| format!("{rule:?}").to_lowercase())),
        ];
        match given.into_iter().find_map(|(key, given)| Some((key, given?))) {
            Some((key, given)) => Err(EstimateError::Setting { key, given, allowed }),
            None => Ok(()),
        }
    }

    /// Returns the estimate by the choice, as far as it can be one.
    fn follow(&self, choice: Choice, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let chosen = choice.rows.as_ref().map(|rows| [x.select(rows), y.select(rows)]);
        let [first, second] = match &chosen {
            None => [x.view(), y.view()],
            Some([x, y]) => [x.variable(), y.variable()],
        };
        // Equal values among others are no noise. A lattice is: beside it nothing is finer than its step.
        let is_mixed = [choice.kinds[0], choice.kinds[1]].map(|kind| kind == Mixed);
        let x = Measured::new(first.view(), choice.kinds[0], 0, 0);
        let y = Measured::new(second.view(), choice.kinds[1], 1, 0);
        let (x, y) = (x.variable(), y.variable());
        let seen = [if is_mixed[0] { first } else { x.view() }, if is_mixed[1] { second } else { y.view() }];
        let mut floor = None;
        let mut choice = choice;
        if let AnyEstimator::Combined(_) = choice.estimator {
            let found = noise_floor(&seen[0], &seen[1]);
            if found == NoiseFloor::NotSeen {
                // There is a lower bound, which plain neighbours give, and nothing to compare.
                choice.estimator = Ksg { scaling: Scaling::NormalScores, ..Ksg::default() }.into();
                choice.reason += "; no noise is seen between them";
            }
            floor = Some(found);
        }
        let info = choice.estimator.info();
        let estimate = self.by(choice, |estimator| checked_pair(estimator, x.view(), y.view()))?;
        let floor = || floor.unwrap_or_else(|| noise_floor(&seen[0], &seen[1]));
        Ok(spread_within_limits(info, estimate, [x.view(), y.view()], floor))
    }
}

/// What a method gave above a limit.
fn above_limit(estimate: &Estimate) -> Information {
    let value = estimate.warnings.iter().find_map(|warning| match warning {
        Warning::AboveLimit { value, .. } => Some(*value),
        _ => None,
    });
    value.unwrap_or(estimate.information)
}

/// Returns the choice of an estimator for several variables.
pub(super) fn choice(
    estimator: impl Into<AnyEstimator>,
    kinds: Vec<VariableKind>,
    reason: impl Into<String>,
) -> Choice {
    Choice { estimator: estimator.into(), kinds, rows: None, reason: reason.into(), warnings: Vec::new() }
}

impl Estimator for AutoOnRange {
    fn info(&self) -> &'static EstimatorInfo {
        Auto::INFO
    }

    fn setting(&self) -> String {
        self.settings.setting()
    }

    fn measures_shuffled(&self) -> bool {
        self.settings.measures_shuffled()
    }

    fn measures_shuffled_at_little_cost(&self) -> bool {
        self.settings.measures_shuffled_at_little_cost()
    }

    fn choose(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Option<Choice>, EstimateError> {
        self.settings.choose(x, y)
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let choice = rules::choose(&self.settings, &x, &y)?;
        self.follow(choice, x, y)
    }

    fn estimate_entropy(&self, x: Variable<'_>) -> Result<Estimate, EstimateError> {
        if let (Some(variance), Variable::Single(_) | Variable::Double(_)) =
            (self.settings.noise_variance, &x)
        {
            let choice =
                choice(noise(variance), vec![Continuous], format!("noise of variance {variance} is given"));
            return self.by(choice, |estimator| estimator.estimate_entropy(x.view()));
        }
        self.refuse_noise_and_bins("for an entropy a noise variance alone, with numbers; leave it out")?;
        check_samples(x.n_samples())?;
        let profile = DataProfile::new(&x, self.settings.x_kind);
        let measured = Measured::new(x.view(), profile.kind, 0, 0);
        let kinds = vec![profile.kind];
        match profile.kind {
            Names => {
                let reason = format!("{} symbols in {} samples", profile.distinct, profile.n);
                self.by(choice(discrete(), kinds, reason), |estimator| {
                    estimator.estimate_entropy(measured.variable())
                })
            }
            Mixed => Err(EstimateError::Undetermined {
                reason:
                    "some values repeat and others do not, so that there is neither a density nor a table of \
                         symbols"
                        .into(),
                choices: "take the rows as symbols (x_kind = \"names\"), or give a noise variance (noise_variance)",
            }),
            Lattice if profile.evenly_spaced => Err(EstimateError::Undetermined {
                reason: "the values are evenly spaced, each of them once: no sample of a density".into(),
                choices: "take the rows as symbols (x_kind = \"names\"), or name a method",
            }),
            Lattice | Continuous => {
                let reason = format!("{}, which have a density: their differential entropy", profile.told);
                let mut choice = choice(Kl::default(), kinds, reason);
                if profile.kind == Lattice {
                    choice.warnings.push(Warning::Note(
                        "the differential entropy of values spread evenly over the step of their lattice; \
                         x_kind = \"names\" takes them as symbols"
                            .into(),
                    ));
                }
                self.by(choice, |estimator| estimator.entropy(measured.variable()))
            }
        }
    }

    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        self.refuse_noise_and_bins("nothing for conditional information; leave it out")?;
        conditional::estimate(&self.settings, [x.view(), y.view(), z.view()])
    }

    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        self.refuse_noise_and_bins("nothing for total correlation; leave it out")?;
        let profiles: Vec<DataProfile> = parts.iter().map(|part| DataProfile::new(part, None)).collect();
        check_samples(profiles[0].n)?;
        let named = profiles.iter().all(DataProfile::symbols);
        // Symbols among numbers are numbers too, of which each has an interval of its own.
        let kind = |profile: &DataProfile| match profile.kind {
            Names if !named && !profile.labels => Lattice,
            kind => kind,
        };
        let kinds: Vec<VariableKind> = profiles.iter().map(kind).collect();
        let measured: Vec<Measured<'_>> = (0..)
            .zip(parts.iter().zip(&kinds))
            .map(|(index, (part, kind))| Measured::new(part.view(), *kind, index, 0))
            .collect();
        let parts: Vec<Variable<'_>> = measured.iter().map(Measured::variable).collect();
        if named {
            return self.by(choice(discrete(), kinds, "symbols in all parts"), |estimator| {
                estimator.total_correlation(&parts)
            });
        }
        let joint: usize = profiles.iter().map(|profile| profile.changing).sum();
        let chosen: AnyEstimator = if joint <= FEW_JOINT_COLUMNS || joint >= profiles[0].n {
            Ksg::default().into()
        } else {
            Gcmi::default().into()
        };
        let reason = format!("numbers, {joint} columns in all");
        self.by(choice(chosen, kinds, reason), |estimator| estimator.total_correlation(&parts))
    }

    fn estimate_layer(
        &self,
        t: Variable<'_>,
        labellings: &[&Labels],
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let choices: Vec<Result<Choice, EstimateError>> = labellings
            .iter()
            .map(|labels| rules::choose(&self.settings, &t, &Variable::Labels(labels)))
            .collect();
        // An estimator that takes all labellings at once shares its work among them.
        if let Some(Ok(first)) = choices.first()
            && first.kinds[0] == Continuous
            && first.rows.is_none()
            && choices.iter().all(|choice| choice.as_ref().is_ok_and(|c| c.estimator == first.estimator))
        {
            let estimator = self.estimator(&first.estimator)?;
            let found = estimator.estimate_layer(t.view(), labellings)?.into_iter().next();
            if let Some(mut found) = found {
                for (estimate, choice) in found.estimates.iter_mut().zip(choices) {
                    if let (Ok(estimate), Ok(choice)) = (estimate, choice) {
                        estimate.warnings.extend(choice.warnings.iter().cloned());
                        estimate.choice = Some(choice);
                    }
                }
                return Ok(vec![LayerEstimate { setting: self.setting(), bound: None, ..found }]);
            }
        }
        let (mut out_of_range, mut alone) = (0, None);
        let estimates = choices
            .into_iter()
            .zip(labellings)
            .map(|(choice, labels)| {
                let choice = choice?;
                if matches!(choice.estimator, AnyEstimator::Binned(_)) && choice.kinds[0] == Continuous {
                    let found = self.estimator(&choice.estimator)?.estimate_layer(t.view(), &[labels])?;
                    (out_of_range, alone) =
                        found.first().map_or((0, None), |found| (found.out_of_range, found.alone));
                }
                let name = choice.name();
                let estimate = self.follow(choice, t.view(), Variable::Labels(labels))?;
                match estimate.kind {
                    EstimateKind::Bound(Bound::Upper) => {
                        let value = above_limit(&estimate);
                        Err(EstimateError::AboveLimit { estimator: name, value, limit: estimate.information })
                    }
                    _ => Ok(estimate),
                }
            })
            .collect();
        Ok(vec![LayerEstimate { out_of_range, alone, ..LayerEstimate::new(self.setting(), None, estimates) }])
    }
}
