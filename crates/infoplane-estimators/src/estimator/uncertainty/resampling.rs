//! The estimate of all samples, with what it takes to repeat it on others.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Bootstrap, Options, PermutationTest, Subsampling};
use crate::VariableKind::Continuous;
use crate::estimator::error::check_variables;
use crate::estimator::measure::{checked_pair, limited_pair};
use crate::variable::kind::Measured;
use crate::{
    AnyEstimator, Estimate, EstimateError, EstimateKind, Estimator, Labels, Uncertainty, Variable,
    VariableKind, Warning,
};

/// The estimate of I(X;Y) of all samples, made once, and what is needed to repeat it on parts of them, on samples drawn
/// again, and on permuted ones.
///
/// What was decided from all samples stays decided: the estimator that [`Auto`](crate::Auto) chose, the cells of bins that
/// cover an observed range, and the symbols of rows.
///
/// ```
/// use infoplane_estimators::{Ksg, Options, Resampling, Variable};
/// let x: Vec<f64> = (0..200).map(|i| (i as f64 * 0.7).sin()).collect();
/// let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| x + (i as f64 * 2.3).cos()).collect();
/// let ksg = Ksg::default();
/// let resampling = Resampling::new(&ksg, Variable::from(&x), Variable::from(&y))?;
/// let test = resampling.permutation_test(99, 0)?;
/// let estimate = resampling.with_error(Options::default())?;
/// assert_eq!(test.value, estimate.information);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
pub struct Resampling<'a, E: Estimator + ?Sized> {
    pub(super) estimate: Estimate,
    given: &'a E,
    /// The estimator that was chosen, if the one given chooses.
    choice: Option<AnyEstimator>,
    x: Measured<'a>,
    y: Measured<'a>,
    progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

/// Returns a variable as it is measured: its cells, if the estimator uses nothing else of it.
fn side<'a>(
    cells: &dyn Fn(Variable<'_>) -> Result<Option<Labels>, EstimateError>,
    variable: Variable<'a>,
    kind: VariableKind,
    index: u64,
) -> Result<Measured<'a>, EstimateError> {
    let measured = Measured::new(variable, kind, index, 0);
    Ok(match &measured {
        Measured::Given(Variable::Single(_) | Variable::Double(_)) => {
            cells(measured.variable())?.map_or(measured, Measured::Symbols)
        }
        _ => measured,
    })
}

impl<'a, E: Estimator + ?Sized> Resampling<'a, E> {
    /// Estimates I(X;Y) of all samples.
    ///
    /// # Errors
    /// As [`Measure::pair`](crate::Measure::pair).
    pub fn new(given: &'a E, x: Variable<'a>, y: Variable<'a>) -> Result<Self, EstimateError> {
        given.check()?;
        check_variables(&[x.view(), y.view()])?;
        let estimate = limited_pair(given, x.view(), y.view())?;
        let choice = estimate.choice.as_ref().map(|choice| choice.estimator.clone());
        let kinds = estimate.choice.as_ref().map_or(vec![Continuous; 2], |choice| choice.kinds.clone());
        let rows = estimate.choice.as_ref().and_then(|choice| choice.rows.clone());
        let cells = |variable: Variable<'_>| -> Result<Option<Labels>, EstimateError> {
            let symbols = match &choice {
                Some(chosen) => chosen.layer_symbols(variable)?,
                None => given.layer_symbols(variable)?,
            };
            Ok(symbols.map(|symbols| symbols.labels))
        };
        let (x, y): (Measured<'a>, Measured<'a>) = match &rows {
            None => (side(&cells, x, kinds[0], 0)?, side(&cells, y, kinds[1], 1)?),
            Some(rows) => {
                let (x, y) = (x.select(rows), y.select(rows));
                let x = side(&cells, x.variable(), kinds[0], 0)?.into_owned();
                (x, side(&cells, y.variable(), kinds[1], 1)?.into_owned())
            }
        };
        Ok(Resampling { estimate, given, choice, x, y, progress: None })
    }

    /// Calls `progress` with the number of estimates done and of those to do, after each, from any thread.
    pub fn with_progress(self, progress: &'a (dyn Fn(usize, usize) + Sync)) -> Self {
        Resampling { progress: Some(progress), ..self }
    }

    /// Returns the estimate of all samples.
    pub fn estimate(&self) -> &Estimate {
        &self.estimate
    }

    /// Returns the variables as they are measured, rows that are treated as symbols as labels.
    pub fn variables(&self) -> [Variable<'_>; 2] {
        [self.x.variable(), self.y.variable()]
    }

    /// Returns the way in which the error of the estimator is estimated, of the one that was chosen if one was.
    pub fn uncertainty(&self) -> Uncertainty {
        self.choice.as_ref().map_or_else(|| self.given.info(), Estimator::info).uncertainty
    }

    /// Returns the error by subsampling; see [`subsampling_error`](crate::subsampling_error).
    ///
    /// # Errors
    /// As there.
    pub fn subsampling(&self, parts: usize, seed: u64) -> Result<Subsampling, EstimateError> {
        super::subsampling::subsample(self, parts, seed)
    }

    /// Returns the error by the bootstrap; see [`bootstrap`](crate::bootstrap).
    ///
    /// # Errors
    /// As there.
    pub fn bootstrap(&self, draws: usize, seed: u64) -> Result<Bootstrap, EstimateError> {
        super::bootstrap::resample(self, draws, seed)
    }

    /// Returns the test of independence; see [`permutation_test`](crate::permutation_test).
    ///
    /// # Errors
    /// As there.
    pub fn permutation_test(&self, permutations: usize, seed: u64) -> Result<PermutationTest, EstimateError> {
        super::permutation::permute(self, permutations, seed)
    }

    /// Returns the estimate with the error that suits the estimator; see [`with_uncertainty`](crate::with_uncertainty).
    ///
    /// # Errors
    /// As there.
    pub fn with_error(&self, options: Options) -> Result<Estimate, EstimateError> {
        super::estimate_with_error(self, options)
    }

    pub(super) fn n_samples(&self) -> usize {
        self.estimate.n_samples
    }

    pub(super) fn name(&self) -> &'static str {
        self.choice.as_ref().map_or_else(|| self.given.name(), Estimator::name)
    }

    /// Returns a function that counts an estimate of `of` as done, and shows that to whoever wants to see it.
    pub(super) fn counter(&self, of: usize) -> impl Fn() + Sync + '_ {
        let done = AtomicUsize::new(0);
        move || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(progress) = self.progress {
                progress(done, of);
            }
        }
    }

    fn nats(&self, x: Variable<'_>, y: Variable<'_>) -> Result<f64, EstimateError> {
        let estimate = match &self.choice {
            Some(chosen) => checked_pair(chosen, x, y)?,
            None => checked_pair(self.given, x, y)?,
        };
        Ok(estimate.information.nats())
    }

    /// Returns the value of all samples as the estimator gives it, to be compared with values of other samples; where the
    /// estimate is held at a limit, or is a bound, it is another.
    pub(super) fn value(&self) -> Result<f64, EstimateError> {
        let limited = |warning: &Warning| matches!(warning, Warning::AboveLimit { .. });
        match &self.estimate {
            Estimate { kind: EstimateKind::Bound(_), .. } => self.nats(self.x.variable(), self.y.variable()),
            estimate if estimate.warnings.iter().any(limited) => {
                self.nats(self.x.variable(), self.y.variable())
            }
            estimate => Ok(estimate.information.nats()),
        }
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
