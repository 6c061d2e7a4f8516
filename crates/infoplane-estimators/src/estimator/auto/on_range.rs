//! The chosen estimator at work, with bins fixed to the range of a layer where there are bins.

use super::Auto;
use super::profile::DataProfile;
use super::rules::{self, FEW_JOINT_COLUMNS, discrete, many_columns, noise};
use crate::estimator::measure::checked_pair;
use crate::special::digamma;
use crate::{
    AnyEstimator, Choice, Estimate, EstimateError, Estimator, EstimatorInfo, Gcmi, Information, Kl, Ksg,
    Labels, LayerEstimate, LayerRange, Lnc, Measure, MixedKsg, Scaling, Variable,
};

/// Within this many nats of its ceiling KSG says little.
const NEAR_CEILING: f64 = 1.0;

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
    fn refuse_noise_and_bins(&self, quantity: &'static str) -> Result<(), EstimateError> {
        let (key, given) = match (self.settings.noise_variance, self.settings.binned()) {
            (Some(variance), _) => ("noise_variance", variance.to_string()),
            (None, Some(_)) => ("bin_width", "bins".to_string()),
            (None, None) => return Ok(()),
        };
        let given = format!("{given} for {quantity}");
        Err(EstimateError::Setting {
            key,
            given,
            allowed: "a pair, or a layer with its labels; or name a method",
        })
    }

    /// Returns the estimate by the choice, or by LNC where KSG comes near its ceiling.
    fn follow(&self, choice: Choice, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let x_symbols = choice.as_symbols[0].then(|| x.symbols());
        let y_symbols = choice.as_symbols[1].then(|| y.symbols());
        let x = x_symbols.as_ref().map_or(x.view(), Variable::Labels);
        let y = y_symbols.as_ref().map_or(y.view(), Variable::Labels);
        let is_ksg = matches!(choice.estimator, AnyEstimator::ExtrapolatedKsg(_) | AnyEstimator::Ksg(_));
        let estimate = self.by(choice.clone(), |estimator| checked_pair(estimator, x.view(), y.view()))?;
        if !is_ksg || !near_ceiling(&estimate) {
            return Ok(estimate);
        }
        let reason = format!(
            "{}; {} gave {:.3} nats, within 1 nat of its ceiling, so that the dependence is too strong for it",
            choice.reason,
            choice.estimator.info().title,
            estimate.information.nats()
        );
        // By units ridges stay straight, which LNC looks for; heavy tails need ranks.
        let heavy = [&x, &y].into_iter().any(|side| DataProfile::new(side).heavy);
        let scaling = if heavy { Scaling::NormalScores } else { Scaling::Standardized };
        let estimator = Lnc { scaling, ..Lnc::default() }.into();
        let stronger = self.by(Choice { estimator, reason, ..choice }, |estimator| {
            checked_pair(estimator, x.view(), y.view())
        });
        // Both are too low here, so the larger is nearer. Where LNC cannot be had, the estimate with its warning
        // stands.
        Ok(match stronger {
            Ok(stronger) if stronger.information > estimate.information => stronger,
            _ => estimate,
        })
    }
}

fn near_ceiling(estimate: &Estimate) -> bool {
    let limit = digamma(estimate.n_samples as f64) - digamma(3.0);
    let ceiling = estimate.ceiling.map_or(limit, Information::nats);
    estimate.information.nats() > ceiling - NEAR_CEILING
}

/// Returns the choice of an estimator for several variables that are treated alike.
fn choice(
    estimator: impl Into<AnyEstimator>,
    as_symbols: bool,
    n_variables: usize,
    reason: impl Into<String>,
) -> Choice {
    Choice {
        estimator: estimator.into(),
        as_symbols: vec![as_symbols; n_variables],
        reason: reason.into(),
        warnings: Vec::new(),
    }
}

impl Estimator for AutoOnRange {
    fn info(&self) -> &'static EstimatorInfo {
        Auto::INFO
    }

    fn setting(&self) -> String {
        self.settings.setting()
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
            let choice = choice(noise(variance), false, 1, format!("noise of variance {variance} is given"));
            return self.by(choice, |estimator| estimator.estimate_entropy(x.view()));
        }
        self.refuse_noise_and_bins("an entropy without numbers, or in bins")?;
        let profile = DataProfile::new(&x);
        if profile.discrete {
            let symbols = x.symbols();
            let reason = format!("{} symbols in {} samples", profile.distinct, profile.n);
            return self.by(choice(discrete(), true, 1, reason), |estimator| {
                estimator.estimate_entropy(Variable::Labels(&symbols))
            });
        }
        if profile.atoms {
            return Err(EstimateError::Undetermined {
                reason:
                    "some values repeat and others do not, so that there is neither a density nor a table of \
                         symbols"
                        .into(),
                choices: "take rows as symbols, or name a method",
            });
        }
        self.by(choice(Kl::default(), false, 1, "numbers that do not repeat"), |estimator| {
            estimator.estimate_entropy(x.view())
        })
    }

    fn estimate_conditional(
        &self,
        x: Variable<'_>,
        y: Variable<'_>,
        z: Variable<'_>,
    ) -> Result<Estimate, EstimateError> {
        self.refuse_noise_and_bins("conditional information")?;
        let profiles = [DataProfile::new(&x), DataProfile::new(&y), DataProfile::new(&z)];
        if profiles.iter().all(|profile| profile.discrete) {
            let [x, y, z] = [x.symbols(), y.symbols(), z.symbols()];
            return self.by(choice(discrete(), true, 3, "symbols on all sides"), |estimator| {
                estimator.conditional(&x, &y, &z)
            });
        }
        if profiles.iter().any(|profile| profile.atoms) {
            let reason = "values repeat in some columns and not in others";
            return self.by(choice(MixedKsg::default(), false, 3, reason), |estimator| {
                estimator.conditional(x, y, z)
            });
        }
        let joint = profiles.iter().map(|profile| profile.changing).sum();
        let mut choice = choice(Ksg::default(), false, 3, "numbers on all sides");
        choice.warnings.extend(many_columns(joint, FEW_JOINT_COLUMNS));
        self.by(choice, |estimator| estimator.conditional(x, y, z))
    }

    fn estimate_total_correlation(&self, parts: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        self.refuse_noise_and_bins("total correlation")?;
        let profiles: Vec<DataProfile> = parts.iter().map(DataProfile::new).collect();
        if profiles.iter().all(|profile| profile.discrete) {
            let symbols: Vec<Labels> = parts.iter().map(Variable::symbols).collect();
            let symbols: Vec<Variable<'_>> = symbols.iter().map(Variable::Labels).collect();
            return self.by(choice(discrete(), true, parts.len(), "symbols in all parts"), |estimator| {
                estimator.total_correlation(&symbols)
            });
        }
        let joint: usize = profiles.iter().map(|profile| profile.changing).sum();
        let chosen: AnyEstimator = if joint <= FEW_JOINT_COLUMNS || joint >= profiles[0].n {
            Ksg::default().into()
        } else {
            Gcmi::default().into()
        };
        let reason = format!("numbers, {joint} columns in all");
        self.by(choice(chosen, false, parts.len(), reason), |estimator| estimator.total_correlation(parts))
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
            && !first.as_symbols[0]
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
        let mut out_of_range = 0;
        let estimates = choices
            .into_iter()
            .zip(labellings)
            .map(|(choice, labels)| {
                let choice = choice?;
                if matches!(choice.estimator, AnyEstimator::Binned(_)) && !choice.as_symbols[0] {
                    let found = self.estimator(&choice.estimator)?.estimate_layer(t.view(), &[labels])?;
                    out_of_range = found.first().map_or(0, |found| found.out_of_range);
                }
                self.follow(choice, t.view(), Variable::Labels(labels))
            })
            .collect();
        Ok(vec![LayerEstimate { setting: self.setting(), bound: None, estimates, out_of_range }])
    }
}
