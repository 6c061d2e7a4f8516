//! The estimator and the variables that all repetitions share.

use crate::estimator::error::check_variables;
use crate::estimator::measure::checked_pair;
use crate::{AnyEstimator, Estimate, EstimateError, Estimator, Labels, Uncertainty, Variable};

/// The estimate of all samples, with the estimator and the variables to repeat it on some of them.
///
/// What was decided from all samples stays: the estimator that [`Auto`](crate::Auto) chose, the cells of bins that
/// cover an observed range, and the symbols of rows.
pub(super) struct Chosen<'a, E: Estimator + ?Sized> {
    pub(super) estimate: Estimate,
    given: &'a E,
    /// The estimator that was chosen, if the one given chooses.
    choice: Option<AnyEstimator>,
    x: Side<'a>,
    y: Side<'a>,
}

enum Side<'a> {
    Given(Variable<'a>),
    Symbols(Labels),
}

impl<'a> Side<'a> {
    fn new(
        estimator: &dyn Fn(Variable<'_>) -> Result<Option<Labels>, EstimateError>,
        variable: Variable<'a>,
        as_symbols: bool,
    ) -> Result<Self, EstimateError> {
        if matches!(variable, Variable::Labels(_)) {
            return Ok(Side::Given(variable));
        }
        if as_symbols {
            return Ok(Side::Symbols(variable.symbols()));
        }
        Ok(match estimator(variable.view())? {
            Some(symbols) => Side::Symbols(symbols),
            None => Side::Given(variable),
        })
    }

    fn variable(&self) -> Variable<'_> {
        match self {
            Side::Given(variable) => variable.view(),
            Side::Symbols(labels) => Variable::Labels(labels),
        }
    }
}

impl<'a, E: Estimator + ?Sized> Chosen<'a, E> {
    /// Estimates I(X;Y) of all samples.
    pub(super) fn new(given: &'a E, x: Variable<'a>, y: Variable<'a>) -> Result<Self, EstimateError> {
        given.check()?;
        check_variables(&[x.view(), y.view()])?;
        let estimate = checked_pair(given, x.view(), y.view())?;
        let choice = estimate.choice.as_ref().map(|choice| choice.estimator.clone());
        let as_symbols = estimate.choice.as_ref().map_or(vec![false; 2], |choice| choice.as_symbols.clone());
        let cells = |variable: Variable<'_>| -> Result<Option<Labels>, EstimateError> {
            let symbols = match &choice {
                Some(chosen) => chosen.layer_symbols(variable)?,
                None => given.layer_symbols(variable)?,
            };
            Ok(symbols.map(|symbols| symbols.labels))
        };
        let (x, y) = (Side::new(&cells, x, as_symbols[0])?, Side::new(&cells, y, as_symbols[1])?);
        Ok(Chosen { estimate, given, choice, x, y })
    }

    pub(super) fn n_samples(&self) -> usize {
        self.estimate.n_samples
    }

    pub(super) fn name(&self) -> &'static str {
        self.choice.as_ref().map_or_else(|| self.given.name(), Estimator::name)
    }

    pub(super) fn uncertainty(&self) -> Uncertainty {
        self.choice.as_ref().map_or_else(|| self.given.info(), Estimator::info).uncertainty
    }

    fn nats(&self, x: Variable<'_>, y: Variable<'_>) -> Result<f64, EstimateError> {
        let estimate = match &self.choice {
            Some(chosen) => checked_pair(chosen, x, y)?,
            None => checked_pair(self.given, x, y)?,
        };
        Ok(estimate.information.nats())
    }

    /// Returns the value of some rows, of which any may come more than once.
    pub(super) fn of_rows(&self, rows: &[usize]) -> Result<f64, EstimateError> {
        let (x, y) = (self.x.variable().select(rows), self.y.variable().select(rows));
        self.nats(x.variable(), y.variable())
    }

    /// Returns the value of the rows of X with the rows of Y in another order.
    pub(super) fn of_permuted(&self, rows: &[usize]) -> Result<f64, EstimateError> {
        self.nats(self.x.variable(), self.y.variable().select(rows).variable())
    }
}
