//! Lower bounds on information by a critic: a network that tells pairs from pairs that do not belong together.

mod adam;
mod gaussian;
mod network;
mod objective;
mod training;

use ndarray::Array2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::input::{Columns, columns};
use crate::random::{Purpose, generator, shuffle};
use crate::simd::level;
use crate::{
    Bound, Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};
use objective::{Sums, Value};
use training::{Part, learn};

/// Samples below which a part left out says nothing.
const LEAST_SAMPLES: usize = 50;

/// Of the rows that are not left out, one in so many decides when training stops.
const WATCHED: usize = 6;

/// Shifts of the rows left out, with which they are paired, at most.
const SHIFTS: usize = 256;

/// The share of pairs that SMILE cuts from which it has a warning.
const CUT: f64 = 0.1;

/// What [`Critic`] computes from the scores of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CriticBound {
    /// InfoNCE: a lower bound, at most ln m for m rows left out, 256 of them at most.
    #[default]
    Infonce,
    /// Nguyen, Wainwright and Jordan: a lower bound without a ceiling, of large variance where the information is large.
    Nwj,
    /// SMILE with τ = 5: closer where the information is large, and no bound.
    Smile,
}

impl CriticBound {
    /// Returns its name in configuration files.
    pub const fn name(self) -> &'static str {
        match self {
            CriticBound::Infonce => "infonce",
            CriticBound::Nwj => "nwj",
            CriticBound::Smile => "smile",
        }
    }
}

/// Lower bounds on mutual information by a neural critic, for samples that it was not trained on.
///
/// A critic gives every pair (x, y) a score f, which estimates the log density ratio ln p(x, y)/(p(x) p(y)). It is trained to
/// tell pairs of the samples from pairs of an x with the y of another sample. With E_p the mean over pairs that belong
/// together, and E_q that over pairs that do not:
///
/// ```text
/// infonce   E_p [ f(x, y) − ln (1/m) Σ_j e^f(x, y_j) ]       y_j: its own y and m − 1 others
/// nwj       1 + E_p f − E_q e^f
/// smile     E_p f − ln E_q e^clip(f, −τ, τ)                  τ = 5
/// ```
///
/// The first two are at most I(X;Y) in expectation, whatever the critic: [`Bound::Lower`]. InfoNCE is at most ln m, its
/// ceiling. SMILE is no bound: where many log ratios are above τ it may be too high, and a note says so. All of them fall short
/// by what the critic has not learnt, which in thousands of samples may be little, and in hundreds much.
///
/// The samples are dealt into `folds` parts. For each, a critic learns from the other samples, of which a sixth decides when it
/// stops; the bound is that of the part left out, with m its rows, 256 at most. The value is the mean over the parts. The
/// standard error is the larger of that of the mean over the samples and that of the mean over the parts.
///
/// The critic is f(x, y) = w · g(a(x) + b(y)) + c r(x, y), with a and b networks of `layers` hidden layers, g one of one hidden
/// layer, and r the log ratio of a normal distribution, fitted to the training rows. It begins with r alone, so that it is not
/// worse where the copula is Gaussian. Activations are x (1 + x/√(1 + x²))/2. The training is that of a classifier, by
/// the logistic loss, for all three bounds, in single precision (Adam with decaying weights, means of the weights over
/// steps, at most 3000 steps of 128 rows).
///
/// Columns are replaced by their normal scores, whose ranks are those among all samples.
///
/// For numbers of some thousands of samples whose dependence no other method resolves, or to compare with published values of
/// such critics. Neighbours and fits are closer where they apply.
///
/// Inputs: `(n_samples, width)` each. Nats. Time for each fold that of at most 3000 steps, and O(n d³) for the Gaussian;
/// memory O(n (d + hidden)) for each fold. A constant variable gives 0 with a warning.
///
/// # Errors
/// [`EstimateError::NeedsMatrix`] for labels; [`EstimateError::TooFewSamples`] below 50 samples, or below 10 for each fold.
///
/// ```
/// use infoplane_estimators::{Critic, Measure};
/// use infoplane_estimators::known::Task;
/// let sample = Task::named("normal").expect("a task of that name").draw(500, 1);
/// let estimate = Critic::default().pair(&sample.x, &sample.y)?;
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.15);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// van den Oord, Li & Vinyals (2018), *Representation learning with contrastive predictive coding*, arXiv:1807.03748, for
/// InfoNCE; Nguyen, Wainwright & Jordan (2010), *IEEE Transactions on Information Theory* 56:5847; Song & Ermon (2020),
/// *Understanding the limitations of variational mutual information estimators*, ICLR, for SMILE; Poole et al. (2019), *On
/// variational bounds of mutual information*, ICML, for all of them as bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Critic {
    /// What is computed from the scores.
    pub bound: CriticBound,
    /// Number of parts, each in turn left out, 2 to 20.
    pub folds: usize,
    /// Units of each hidden layer, a multiple of 16 up to 256.
    pub hidden: usize,
    /// Hidden layers of the network of each side, 1 to 4.
    pub layers: usize,
    /// Seed of the random numbers: parts, first weights, batches.
    pub seed: u64,
}

impl Default for Critic {
    fn default() -> Self {
        Critic { bound: CriticBound::Infonce, folds: 5, hidden: 64, layers: 2, seed: 0 }
    }
}

impl Critic {
    pub(super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "critic",
        title: "neural critic",
        family: Family::Predictions,
        estimates: "a lower bound on I(X;Y) of numbers, by a network trained on it",
        when: "thousands of samples of a dependence that no other method resolves",
        cost: "at most 3000 training steps for each fold, whatever n",
        offers: &[Quantity::Information],
        labels: LabelSides::None,
        uncertainty: Uncertainty::OwnError,
        with_noise: None,
        reference: "van den Oord et al. (2018); Nguyen et al. (2010); Song & Ermon (2020)",
    };

    /// Returns the bound of every part, from a critic that has not seen it.
    fn values(&self, sides: [&Array2<f64>; 2]) -> Vec<Value> {
        let n = sides[0].nrows();
        let level = level();
        let mut order: Vec<usize> = (0..n).collect();
        shuffle(&mut generator(self.seed, Purpose::Split, 2), &mut order);
        (0..self.folds)
            .into_par_iter()
            .map(|fold| {
                let part = |own: bool| -> Vec<usize> {
                    let rows = order.iter().enumerate().filter(|(i, _)| (i % self.folds == fold) == own);
                    rows.map(|(_, &row)| row).collect()
                };
                let (own, rest) = (part(true), part(false));
                let (watched, training) = rest.split_at(rest.len() / WATCHED);
                let size = (self.hidden, self.layers);
                let learnt = learn(level, sides, (training, watched), size, (self.seed, fold as u64));
                let part = Part::new(sides, &own, &learnt.gaussian);
                let mut sums = Sums::new(self.bound, own.len());
                learnt.for_each_shift(level, &part, own.len().min(SHIFTS), |shift, scores| {
                    sums.add(shift, scores);
                });
                sums.value()
            })
            .collect()
    }
}

/// The larger of the standard errors of the mean over rows and of that over parts.
fn error(values: &[Value]) -> f64 {
    let of_mean = |terms: &[f64]| {
        let count = terms.len() as f64;
        let mean = terms.iter().sum::<f64>() / count;
        let squares: f64 = terms.iter().map(|v| (v - mean) * (v - mean)).sum();
        (squares / (count - 1.0) / count).sqrt()
    };
    let rows: Vec<f64> = values.iter().flat_map(|value| value.terms.iter().copied()).collect();
    let parts: Vec<f64> = values.iter().map(|value| value.nats).collect();
    of_mean(&rows).max(of_mean(&parts))
}

impl Estimator for Critic {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        let Critic { bound, folds, hidden, layers, seed } = self;
        format!("bound={}, folds={folds}, hidden={hidden}, layers={layers}, seed={seed}", bound.name())
    }

    fn check(&self) -> Result<(), EstimateError> {
        let wrong = |key, given: usize, allowed| {
            Err(EstimateError::Setting { key, given: given.to_string(), allowed })
        };
        if !(2..=20).contains(&self.folds) {
            return wrong("folds", self.folds, "2 to 20");
        }
        if !self.hidden.is_multiple_of(16) || !(16..=256).contains(&self.hidden) {
            return wrong("hidden", self.hidden, "a multiple of 16 from 16 to 256");
        }
        if !(1..=4).contains(&self.layers) {
            return wrong("layers", self.layers, "1 to 4");
        }
        Ok(())
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let (estimator, n_samples) = (self.name(), x.n_samples());
        let variables = [x.view(), y.view()];
        let [x, y] = [0, 1].map(|side| columns(&variables[side], Scaling::NormalScores));
        let (Some(x), Some(y)) = (x, y) else { return Err(EstimateError::NeedsMatrix { estimator }) };
        let needed = LEAST_SAMPLES.max(10 * self.folds);
        if n_samples < needed {
            let reason = format!("folds = {}", self.folds);
            return Err(EstimateError::TooFewSamples { estimator, reason, needed, n_samples });
        }
        let values = self.values([&x.values, &y.values]);
        let mean = |of: &dyn Fn(&Value) -> f64| values.iter().map(of).sum::<f64>() / values.len() as f64;
        let mut warnings = constant_columns(&x, &y);
        let kind = match self.bound {
            CriticBound::Infonce | CriticBound::Nwj => EstimateKind::Bound(Bound::Lower),
            CriticBound::Smile => EstimateKind::Consistent,
        };
        let cut = mean(&|value| value.cut);
        if self.bound == CriticBound::Smile && cut > CUT {
            warnings.push(Warning::Note(format!(
                "{:.0} % of the log ratios are above 5, where smile cuts: the value may be too high; infonce and nwj are bounds",
                100.0 * cut
            )));
        }
        let ceiling = (self.bound == CriticBound::Infonce)
            .then(|| Information::from_nats(mean(&|value| value.ceiling.unwrap_or(f64::INFINITY))));
        let information = Information::from_nats(mean(&|value| value.nats));
        if let Some(ceiling) = ceiling.filter(|ceiling| information.nats() > ceiling.nats() - 1.0) {
            warnings.push(Warning::NearCeiling { ceiling });
        }
        let estimate = Estimate::new(information, kind, &variables);
        let standard_error = Some(Information::from_nats(error(&values)));
        Ok(Estimate { standard_error, ceiling, warnings, ..estimate })
    }
}

fn constant_columns(x: &Columns, y: &Columns) -> Vec<Warning> {
    match x.constant + y.constant {
        0 => Vec::new(),
        columns => vec![Warning::ConstantColumns { columns }],
    }
}

#[cfg(test)]
mod tests;
