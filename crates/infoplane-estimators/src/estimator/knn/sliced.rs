//! Sliced information: the mean over random projections to one column each.

use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interrupt::poll;
use crate::random::{Purpose, generator, normal};
use crate::steps::Steps;

use super::super::input::columns;
use super::{K, check_k, check_samples, told_by};
use crate::estimator::measure::checked_pair;
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};
use crate::{Ksg, Ross};

/// Sliced mutual information: the mean over random directions of that of two projections.
///
/// ```text
/// S(X;Y) = mean over unit vectors a, b of I(a·X; b·Y)
/// ```
///
/// each by [`Ksg`], or by [`Ross`] where Y is a label (which is not projected). It is 0 only for independent
/// variables and needs no more samples in many columns than in one; **it is not I(X;Y)**, is at most that, and falls
/// as columns without dependence are added. Monotone maps of columns change it; columns are divided by their standard
/// deviation first unless `scaling` says otherwise.
///
/// The standard error is that of the mean over directions, not over samples. Directions are a function of the seed
/// alone. With one column on each side there is one direction.
///
/// `(n_samples, width)` each, or labels on one side. Nats. Time O(R n (log n + d)) for R projections; memory O(n d)
/// and O(n k) for each thread. A constant variable gives 0 with a warning.
///
/// # Errors
/// As [`Ksg`], or as [`Ross`] with labels: [`EstimateError::NeedsMatrix`] for labels on both sides,
/// [`EstimateError::TooFewSamples`], [`EstimateError::Ties`].
///
/// ```
/// use infoplane_estimators::{Measure, Sliced, Variable};
/// let x = ndarray::Array2::from_shape_fn((300, 4), |(i, j)| ((i * i * (j + 3) + i) as f64 * 0.618) % 1.0);
/// let y = x.mapv(|x| x + 0.01 * (1000.0 * x).sin());
/// let sliced = Sliced::default();
/// let estimate = sliced.pair(Variable::Double(x.view()), Variable::Double(y.view()))?;
/// assert!(estimate.information.nats() > 0.05);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Goldfeld & Greenewald (2021), *Sliced mutual information*, NeurIPS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sliced {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Number of random directions, at least 1.
    pub projections: usize,
    /// Seed of the random directions.
    pub seed: u64,
    /// Scaling applied to each column before projection.
    pub scaling: Scaling,
}

impl Default for Sliced {
    fn default() -> Self {
        Sliced { k: K, projections: 128, seed: 0, scaling: Scaling::default() }
    }
}

impl Sliced {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "sliced",
        title: "sliced information",
        family: Family::Neighbors,
        estimates: "the mean of I(a·X; b·Y) over random directions, not I(X;Y)",
        when: "many columns, to compare like with like",
        cost: "O(projections · n (log n + d))",
        offers: &[Quantity::Information],
        labels: LabelSides::AtMostOne,
        with_noise: None,
        reference: "Goldfeld & Greenewald (2021), NeurIPS",
        uncertainty: Uncertainty::OwnError,
    };
}

/// Draws a projection on a uniformly random direction.
fn project(values: &Array2<f64>, random: &mut impl rand_chacha::rand_core::Rng) -> Array2<f64> {
    let direction = Array1::from_shape_simple_fn(values.ncols(), || normal(random));
    // Lengths do not matter: projections are divided by their standard deviation.
    values.dot(&direction).insert_axis(Axis(1))
}

impl Estimator for Sliced {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        let setting = super::setting(self.k, self.scaling);
        format!("{setting}, projections={}, seed={}", self.projections, self.seed)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)?;
        if self.projections == 0 {
            let (given, allowed) = ("0".into(), "a whole number above 0");
            return Err(EstimateError::Setting { key: "projections", given, allowed });
        }
        Ok(())
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        let variables = [x.view(), y.view()];
        let sides = variables.each_ref().map(|variable| columns(variable, self.scaling));
        let labelled = sides.iter().any(Option::is_none);
        check_samples(self.name(), if labelled { 1 } else { self.k }, x.n_samples())?;
        let mut warnings = Vec::new();
        let constant: usize = sides.iter().flatten().map(|side| side.constant).sum();
        if constant > 0 {
            warnings.push(Warning::ConstantColumns { columns: constant });
        }
        let single = sides.iter().flatten().all(|side| side.values.ncols() == 1);
        let projections = if single { 1 } else { self.projections as u64 };
        let ksg = Ksg { k: self.k, ..Ksg::default() };
        let ross = Ross { k: self.k, ..Ross::default() };
        let steps = Steps::new("projections", projections as usize);
        let slices = (0..projections)
            .into_par_iter()
            // Stopped, it does not unwind once for each of millions.
            .panic_fuse()
            .map(|index| {
                poll();
                let mut random = generator(self.seed, Purpose::Nearest, 1 << 32 | index);
                let projected = sides.each_ref().map(|side| {
                    side.as_ref().map(|side| {
                        if side.values.ncols() == 1 {
                            side.values.clone()
                        } else {
                            project(&side.values, &mut random)
                        }
                    })
                });
                let slice = match &projected {
                    [Some(x), Some(y)] => {
                        checked_pair(&ksg, Variable::Double(x.view()), Variable::Double(y.view()))
                    }
                    [Some(t), None] => checked_pair(&ross, Variable::Double(t.view()), variables[1].view()),
                    [None, Some(t)] => checked_pair(&ross, variables[0].view(), Variable::Double(t.view())),
                    [None, None] => unreachable!("refused above"),
                };
                steps.step()?;
                slice
            })
            .collect::<Result<Vec<Estimate>, EstimateError>>()
            .map_err(|error| told_by(self.name(), error))?;
        let count = slices.len() as f64;
        let nats: Vec<f64> = slices.iter().map(|slice| slice.information.nats()).collect();
        let mean = nats.iter().sum::<f64>() / count;
        let standard_error = (slices.len() > 1).then(|| {
            let squares: f64 = nats.iter().map(|value| (value - mean) * (value - mean)).sum();
            Information::from_nats((squares / (count - 1.0) / count).sqrt())
        });
        let ceilings: f64 = slices.iter().filter_map(|slice| slice.ceiling).map(Information::nats).sum();
        let ceiling = Some(Information::from_nats(ceilings / count));
        let ties = slices.iter().map(|slice| slice.ties).max().unwrap_or(0);
        let dropped = slices.iter().map(|slice| slice.dropped).max().unwrap_or(0);
        if ties > 0 {
            warnings.push(Warning::Ties { tied: ties, n_samples: x.n_samples() });
        }
        warnings.extend(slices[0].warnings.iter().filter(|w| matches!(w, Warning::Dropped { .. })).cloned());
        let estimate = Estimate::new(Information::from_nats(mean), EstimateKind::Sliced, &variables);
        Ok(Estimate { standard_error, ties, dropped, ceiling, warnings, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{correlated, double, gaussian_information};
    use super::*;
    use crate::Measure;

    #[test]
    fn one_column_on_each_side_is_its_own_slice() {
        let (x, y) = correlated(500, 1, 0.6, 3);
        let sliced = Sliced::default().pair(double(&x), double(&y)).unwrap();
        let plain = Ksg::default().pair(double(&x), double(&y)).unwrap();
        assert!((sliced.information.nats() - plain.information.nats()).abs() < 1e-12);
    }

    /// In two columns a correlation of a·X and b·Y is ρ cos of their angle; the mean of −½ ln(1 − ρ² cos²) over
    /// angles is −ln((1 + √(1 − ρ²))/2).
    #[test]
    fn slices_of_two_gaussian_pairs_share_what_the_integral_over_angles_says() {
        let (x, y) = correlated(1000, 2, 0.9, 5);
        let sliced = Sliced::default();
        let estimate = sliced.pair(double(&x), double(&y)).unwrap();
        let truth = -((1.0 + (1.0 - 0.81f64).sqrt()) / 2.0).ln();
        let error = estimate.standard_error.unwrap().nats();
        // KSG adds an error of its own, about 0.02 for all slices of one sample.
        let nats = estimate.information.nats();
        assert!((nats - truth).abs() < 3.0 * error + 0.04, "{nats} {truth} {error}");
        assert!(nats < gaussian_information(0.9));
    }
}
