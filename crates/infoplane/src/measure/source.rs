//! What of a layer is measured: its values, or what another program has computed of them.

use crate::estimator::{EstimateKind, Family, LayerEstimate, LayerSums};
use crate::{Estimate, EstimateError, Estimator, Labels, Measure, Variable};

/// What of a layer is measured at an epoch: its values, or, for some of the estimators, what another program computed of them
/// where they are, as on a graphics processor.
pub struct LayerSource<'a> {
    n_samples: usize,
    width: usize,
    values: Option<Variable<'a>>,
    /// In the order of the estimators.
    elsewhere: Vec<Option<Elsewhere>>,
}

/// What another program computed of a layer for one estimator.
#[derive(Debug, Clone, PartialEq)]
pub enum Elsewhere {
    /// For one of bins: which rows are the same, and the number of values outside the bins.
    Symbols {
        /// Equal for rows that have equal bins.
        symbols: Labels,
        /// The number of values outside.
        out_of_range: u64,
    },
    /// For one of noise: sums over the pairs of rows.
    Sums(LayerSums),
}

impl<'a> From<Variable<'a>> for LayerSource<'a> {
    fn from(values: Variable<'a>) -> Self {
        let (n_samples, width) = (values.n_samples(), values.width());
        LayerSource { n_samples, width, values: Some(values), elsewhere: Vec::new() }
    }
}

impl<'a> LayerSource<'a> {
    /// Creates the source of a layer of `(n_samples, width)`. `elsewhere` is in the order of the estimators; those that have
    /// nothing there measure the values, and without these give rows that say so.
    pub fn new(
        (n_samples, width): (usize, usize),
        values: Option<Variable<'a>>,
        elsewhere: Vec<Option<Elsewhere>>,
    ) -> Self {
        LayerSource { n_samples, width, values, elsewhere }
    }

    /// The number of rows.
    pub fn n_samples(&self) -> usize {
        self.values.as_ref().map_or(self.n_samples, Variable::n_samples)
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.values.as_ref().map_or(self.width, Variable::width)
    }

    /// Row, column and value of the first value that is NaN or infinite.
    pub(super) fn first_non_finite(&self) -> Option<(usize, usize, f64)> {
        self.values.as_ref().and_then(Variable::first_non_finite)
    }

    /// What the estimator at that place says of the layer: I(T; labelling) for each of two, and for `shuffled` labels beside them.
    ///
    /// Sums that were computed elsewhere are then for these three labellings in this order.
    ///
    /// # Errors
    /// As [`Measure::layer`] and [`Measure::layer_from_sums`]; [`EstimateError::Sums`] for an estimator that needs the values where
    /// there are none.
    pub fn readings(
        &self,
        place: usize,
        estimator: &dyn Estimator,
        labellings: [&Labels; 2],
        shuffled: Option<&Labels>,
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let of_values = |t: Variable<'_>| match shuffled {
            Some(shuffled) => estimator.layer_with_shuffled(t, &labellings, shuffled),
            None => estimator.layer(t, &labellings),
        };
        match self.elsewhere.get(place) {
            Some(Some(Elsewhere::Sums(sums))) => {
                let all: Vec<&Labels> = labellings.into_iter().chain(shuffled).collect();
                let mut readings = estimator.layer_from_sums(sums, &all)?;
                for reading in &mut readings {
                    let beyond = reading.estimates.split_off(labellings.len()).pop();
                    reading.shuffled = beyond.and_then(Result::ok).map(|estimate| estimate.information);
                }
                Ok(readings)
            }
            Some(Some(Elsewhere::Symbols { symbols, out_of_range })) => {
                let mut readings = of_values(Variable::Labels(symbols))?;
                for reading in &mut readings {
                    reading.out_of_range = *out_of_range;
                    for estimate in reading.estimates.iter_mut().flatten() {
                        estimate.dims = vec![self.width, 1];
                    }
                }
                Ok(readings)
            }
            _ => self.values_for(estimator.name()).and_then(of_values),
        }
    }

    /// What an estimator says of the layer, I(X;T) and I(T;Y) of a target Y of numbers, which needs the values.
    ///
    /// A bound is no value of a curve: where an estimator found no more, its error says why. One that bounds by definition, as
    /// `critic`, has its bound.
    ///
    /// # Errors
    /// As [`Measure::layer_with_target`]; [`EstimateError::Sums`] where there are no values.
    pub fn readings_with_target(
        &self,
        estimator: &dyn Estimator,
        x: &Labels,
        y: Variable<'_>,
    ) -> Result<Vec<LayerEstimate>, EstimateError> {
        let mut readings = estimator.layer_with_target(self.values_for(estimator.name())?, x, y)?;
        if estimator.info().family != Family::Predictions {
            for estimate in readings.iter_mut().flat_map(|reading| &mut reading.estimates) {
                if let Some(error) = estimate.as_ref().ok().and_then(|found| only_bound(estimator, found)) {
                    *estimate = Err(error);
                }
            }
        }
        Ok(readings)
    }

    /// The values, for an estimator, or what else is called by that name, that needs them.
    pub(super) fn values_for(&self, estimator: &'static str) -> Result<Variable<'_>, EstimateError> {
        let expected = || "none, but the values of the layer".into();
        let missing = || EstimateError::Sums { estimator, expected: expected() };
        self.values.as_ref().map(Variable::view).ok_or_else(missing)
    }
}

/// The error of an estimate that is a bound for want of a value.
fn only_bound(estimator: &dyn Estimator, estimate: &Estimate) -> Option<EstimateError> {
    let EstimateKind::Bound(bound) = estimate.kind else { return None };
    let reasons: Vec<String> = estimate.warnings.iter().map(ToString::to_string).collect();
    let name = estimate.choice.as_ref().map_or(estimator.name(), |choice| choice.name());
    let (limit, reason) = (estimate.information, reasons.join("; "));
    Some(EstimateError::OnlyBound { estimator: name, bound, limit, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{AnyEstimator, BinRule, Binned, Kde, Ksg, NoiseSums};
    use ndarray::array;

    #[test]
    fn symbols_of_rows_give_the_readings_of_the_rows() {
        let t = array![[0.1f32, 0.2], [0.3, 0.9], [0.1, 0.4], [2.0, 0.1], [0.2, 0.3]];
        let (x, y) = (Labels::distinct(5), Labels::from_symbols(&[0, 1, 0, 1, 1]));
        let shuffled = y.shuffled();
        let range = Some(crate::estimator::BinRange::Fixed([0.0, 1.0]));
        let binned = Binned { bins: Some(2), range, ..Binned::new(BinRule::Equal) };
        let values = LayerSource::from(Variable::Single(t.view()));
        let of_values = values.readings(0, &binned, [&x, &y], Some(&shuffled)).unwrap();
        // The rows of both values below a half; the others are alone.
        let symbols = Labels::from_symbols(&[0, 1, 0, 2, 0]);
        let elsewhere = vec![Some(Elsewhere::Symbols { symbols, out_of_range: 1 })];
        let source = LayerSource::new((5, 2), None, elsewhere);
        assert_eq!(source.readings(0, &binned, [&x, &y], Some(&shuffled)).unwrap(), of_values);
        assert_eq!(of_values[0].out_of_range, 1);
        assert!(of_values[0].shuffled.is_some());
    }

    #[test]
    fn an_estimator_without_anything_to_measure_says_so() {
        let (x, y) = (Labels::distinct(5), Labels::from_symbols(&[0, 1, 0, 1, 1]));
        let nothing = LayerSource::new((5, 2), None, vec![None]);
        let ksg = AnyEstimator::from(Ksg::default());
        let error = nothing.readings(0, &ksg, [&x, &y], None).unwrap_err();
        assert!(error.to_string().ends_with("none, but the values of the layer"), "{error}");
        // Sums for two labellings have nothing for a third.
        let sums =
            LayerSums { n_samples: 5, width: 2, constant: false, variances: vec![NoiseSums::default()] };
        let source = LayerSource::new((5, 2), None, vec![Some(Elsewhere::Sums(sums))]);
        let error = source.readings(0, &Kde::new([0.1]), [&x, &y], Some(&y.shuffled())).unwrap_err();
        assert!(error.to_string().ends_with("sums of kernels for 3 labellings"), "{error}");
    }
}
