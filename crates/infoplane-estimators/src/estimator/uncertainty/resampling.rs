//! The estimate of all samples, with what it takes to repeat it on others.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::serial::serial_dependence;
use super::{BlockLength, Bootstrap, Options, PermutationScheme, PermutationTest, Subsampling};
use crate::VariableKind::Continuous;
use crate::estimator::error::check_variables;
use crate::estimator::measure::{checked_pair, limited_pair};
use crate::steps::Steps;
use crate::variable::kind::Measured;
use crate::{
    AnyEstimator, Estimate, EstimateError, EstimateKind, Estimator, FrenzelPompe, Inference, Labels, Measure,
    OwnedVariable, Uncertainty, Variable, VariableKind, Warning,
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
    /// Z, for conditional information.
    z: Option<Measured<'a>>,
    /// The columns of Z that are symbols, beside others that are numbers.
    z_symbols: Vec<usize>,
    /// The choice measures the variables as they are here, and not parts of them in turn.
    is_direct: bool,
    /// The estimator whose values permutation tests compare, if it is another.
    statistic: Option<AnyEstimator>,
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
        let columns = x.variable().width() + y.variable().width();
        let statistic = match &choice {
            Some(chosen) => chosen.test_statistic(columns),
            None => given.test_statistic(columns),
        };
        Ok(Resampling {
            estimate,
            given,
            choice,
            x,
            y,
            z: None,
            z_symbols: Vec::new(),
            is_direct: true,
            statistic,
            progress: None,
        })
    }

    /// Estimates the conditional information I(X;Y|Z) of all samples.
    ///
    /// Errors and tests are then those of it: the samples of parts and draws are of all three variables, and X is
    /// permuted among samples of similar Z ([`conditional_permutation_test`](crate::conditional_permutation_test)).
    ///
    /// ```
    /// use infoplane_estimators::{Ksg, Options, Resampling, Variable};
    /// let noise = |i: usize, factor: f64| ((i as f64 * factor).sin() * 43758.5453).rem_euclid(1.0);
    /// let z: Vec<f64> = (1..=300).map(|i| noise(i, 12.9898)).collect();
    /// let x: Vec<f64> = z.iter().zip(1..).map(|(z, i)| z + noise(i, 78.233)).collect();
    /// let y: Vec<f64> = z.iter().zip(1..).map(|(z, i)| z + noise(i, 39.425)).collect();
    /// let ksg = Ksg::default();
    /// let [x, y, z] = [&x, &y, &z].map(Variable::from);
    /// let estimate = Resampling::conditional(&ksg, x, y, z)?.with_error(Options::default())?;
    /// assert!(estimate.information.nats().abs() < 3.0 * estimate.standard_error.expect("an error").nats());
    /// # Ok::<(), infoplane_estimators::EstimateError>(())
    /// ```
    ///
    /// # Errors
    /// As [`Measure::conditional`](crate::Measure::conditional).
    pub fn conditional(
        given: &'a E,
        x: Variable<'a>,
        y: Variable<'a>,
        z: Variable<'a>,
    ) -> Result<Self, EstimateError> {
        let estimate = given.conditional(x.view(), y.view(), z.view())?;
        let found = estimate.choice.as_ref();
        let choice = found.map(|choice| choice.estimator.clone());
        let kinds = found.map_or(vec![Continuous; 3], |choice| choice.kinds.clone());
        let rows = found.and_then(|choice| choice.rows.clone());
        // Kinds are those of all samples: a part may hold too few to tell.
        let side = |variable: Variable<'a>, place: usize| -> Measured<'a> {
            fn measured<'b>(
                choice: &Option<AnyEstimator>,
                variable: Variable<'b>,
                kind: VariableKind,
                place: usize,
            ) -> Measured<'b> {
                match choice {
                    Some(AnyEstimator::FrenzelPompe(mixed)) => mixed.measured(variable, place),
                    _ => Measured::new(variable, kind, place as u64, 0),
                }
            }
            match &rows {
                None => measured(&choice, variable, kinds[place], place),
                Some(rows) => {
                    measured(&choice, variable.select(rows).variable(), kinds[place], place).into_owned()
                }
            }
        };
        let [x, y, z] = [side(x, 0), side(y, 1), side(z, 2)];
        let (z_symbols, is_mixed) = match &choice {
            Some(AnyEstimator::FrenzelPompe(mixed)) => (mixed.z_symbols.clone().unwrap_or_default(), true),
            _ => (Vec::new(), false),
        };
        let by_classes =
            kinds[2] == VariableKind::Names && kinds.iter().any(|kind| *kind != VariableKind::Names);
        let is_direct = is_mixed || !by_classes;
        // Among classes any estimator finds what the one of pairs finds, in a fraction of the time.
        let statistic = (!is_direct && choice.is_some()).then(|| {
            let none = Some(Vec::new());
            let mixed = FrenzelPompe {
                x_symbols: none.clone(),
                y_symbols: none.clone(),
                z_symbols: none,
                ..FrenzelPompe::default()
            };
            AnyEstimator::from(mixed)
        });
        let z = Some(z);
        Ok(Resampling { estimate, given, choice, x, y, z, z_symbols, is_direct, statistic, progress: None })
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

    /// Returns the variable that conditional information is given, as it is measured.
    pub(super) fn given_variable(&self) -> Option<Variable<'_>> {
        self.z.as_ref().map(Measured::variable)
    }

    /// Returns the columns of it that are symbols, beside others that are numbers.
    pub(super) fn symbols_of_given(&self) -> &[usize] {
        match &self.z {
            Some(Measured::Symbols(_)) => &[],
            _ => &self.z_symbols,
        }
    }

    /// Returns the way in which the error of the estimator is estimated, of the one that was chosen if one was.
    ///
    /// Of conditional information no estimator has an error of its own.
    pub fn uncertainty(&self) -> Uncertainty {
        match self.choice.as_ref().map_or_else(|| self.given.info(), Estimator::info).uncertainty {
            Uncertainty::OwnError if self.z.is_some() && self.estimate.standard_error.is_none() => {
                Uncertainty::Subsampling
            }
            uncertainty => uncertainty,
        }
    }

    /// Returns [`Warning::SerialDependence`] if rows depend on the rows before them so that this does not hold: for
    /// an error, those of X or of Y; for a test, those of both.
    pub(super) fn doubt(&self, of: Inference) -> Option<Warning> {
        let [x, y] = self.variables().map(|variable| serial_dependence(variable).is_some());
        let doubted = match of {
            Inference::Error => x || y,
            Inference::Test | Inference::ConditionalTest => x && y,
        };
        doubted.then_some(Warning::SerialDependence { x, y, of })
    }

    /// Returns the error by subsampling; see [`subsampling_error`](crate::subsampling_error).
    ///
    /// # Errors
    /// As there.
    pub fn subsampling(&self, parts: usize, seed: u64) -> Result<Subsampling, EstimateError> {
        super::subsampling::subsample(self, parts, seed, 1)
    }

    /// Returns the error by subsampling of blocks of consecutive rows; see
    /// [`block_subsampling_error`](crate::block_subsampling_error).
    ///
    /// # Errors
    /// As there.
    pub fn block_subsampling(
        &self,
        parts: usize,
        length: BlockLength,
        seed: u64,
    ) -> Result<Subsampling, EstimateError> {
        super::subsampling::subsample(self, parts, seed, length.rows(&self.variables())?)
    }

    /// Returns the error by the bootstrap; see [`bootstrap`](crate::bootstrap).
    ///
    /// # Errors
    /// As there.
    pub fn bootstrap(&self, draws: usize, seed: u64) -> Result<Bootstrap, EstimateError> {
        super::bootstrap::resample(self, draws, seed, 1)
    }

    /// Returns the error by the bootstrap of moving blocks; see [`block_bootstrap`](crate::block_bootstrap).
    ///
    /// # Errors
    /// As there.
    pub fn block_bootstrap(
        &self,
        draws: usize,
        length: BlockLength,
        seed: u64,
    ) -> Result<Bootstrap, EstimateError> {
        super::bootstrap::resample(self, draws, seed, length.rows(&self.variables())?)
    }

    /// Returns the test of independence; see [`permutation_test`](crate::permutation_test).
    ///
    /// # Errors
    /// As there.
    pub fn permutation_test(&self, permutations: usize, seed: u64) -> Result<PermutationTest, EstimateError> {
        super::permutation::permute(self, PermutationScheme::Free, permutations, seed)
    }

    /// Returns the test of independence of two series; see
    /// [`restricted_permutation_test`](crate::restricted_permutation_test).
    ///
    /// Of conditional information `Free` permutes X among samples of similar Z; in the other schemes X is moved against Y and Z,
    /// which stay as they are: that is a test of X against both together.
    ///
    /// # Errors
    /// As there.
    pub fn restricted_permutation_test(
        &self,
        scheme: PermutationScheme,
        permutations: usize,
        seed: u64,
    ) -> Result<PermutationTest, EstimateError> {
        super::permutation::permute(self, scheme, permutations, seed)
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

    /// Returns a function that counts an estimate of `of` as done, shows that to whoever wants to see it, and refuses what would take
    /// too long.
    pub(super) fn counter(
        &self,
        key: &'static str,
        of: usize,
    ) -> impl Fn() -> Result<(), EstimateError> + Sync + '_ {
        let done = AtomicUsize::new(0);
        let steps = Steps::new(key, of);
        let steps = if self.progress.is_some() { steps.unseen() } else { steps };
        move || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(progress) = self.progress {
                progress(done, of);
            }
            Ok(steps.step()?)
        }
    }

    fn nats(&self, x: Variable<'_>, y: Variable<'_>, z: Option<Variable<'_>>) -> Result<f64, EstimateError> {
        let estimate = match (&self.choice, z) {
            (Some(chosen), Some(z)) if self.is_direct => chosen.conditional(x, y, z)?,
            (_, Some(z)) => self.given.conditional(x, y, z)?,
            (Some(chosen), None) => checked_pair(chosen, x, y)?,
            (None, None) => checked_pair(self.given, x, y)?,
        };
        Ok(estimate.information.nats())
    }

    /// Returns the value that permutation tests compare.
    fn tested(&self, x: Variable<'_>, y: Variable<'_>) -> Result<f64, EstimateError> {
        // What is 0 for these samples is 0 for permuted ones.
        if self.estimate.is_without_question() {
            return Ok(0.0);
        }
        match (&self.statistic, self.given_variable()) {
            (Some(statistic), None) => Ok(checked_pair(statistic, x, y)?.information.nats()),
            (Some(statistic), Some(z)) => Ok(statistic.conditional(x, y, z)?.information.nats()),
            (None, _) => self.nats(x, y, self.given_variable()),
        }
    }

    /// Returns the name of the estimator whose values permutation tests compare.
    pub(super) fn tested_name(&self) -> &'static str {
        self.statistic.as_ref().map_or_else(|| self.name(), Estimator::name)
    }

    /// Returns the value of all samples that permutation tests compare with those of others; where the estimate is held at a
    /// limit, or is a bound, it is another than the estimate.
    pub(super) fn value(&self) -> Result<f64, EstimateError> {
        let limited = |warning: &Warning| matches!(warning, Warning::AboveLimit { .. });
        let bound = matches!(self.estimate.kind, EstimateKind::Bound(_));
        match bound || self.statistic.is_some() || self.estimate.warnings.iter().any(limited) {
            true => self.tested(self.x.variable(), self.y.variable()),
            false => Ok(self.estimate.information.nats()),
        }
    }

    /// Returns the value of some rows, of which any may come more than once.
    pub(super) fn of_rows(&self, rows: &[usize]) -> Result<f64, EstimateError> {
        let (x, y) = (self.x.variable().select(rows), self.y.variable().select(rows));
        let z = self.z.as_ref().map(|z| z.variable().select(rows));
        self.nats(x.variable(), y.variable(), z.as_ref().map(OwnedVariable::variable))
    }

    /// Returns the value of the rows of X with the rows of Y in another order.
    pub(super) fn of_permuted(&self, rows: &[usize]) -> Result<f64, EstimateError> {
        self.tested(self.x.variable(), self.y.variable().select(rows).variable())
    }

    /// Returns the value of the rows of Y and Z with the rows of X in another order.
    pub(super) fn of_exchanged(&self, rows: &[usize]) -> Result<f64, EstimateError> {
        self.tested(self.x.variable().select(rows).variable(), self.y.variable())
    }
}
