//! Rows of two series, put together for an estimate.

use ndarray::{Array2, Axis, concatenate};

use crate::variable::symbols::together;
use crate::{
    BlockLength, EstimateError, Estimator, Family, Labels, Options, OwnedVariable, Resampling, Variable,
    VariableKind,
};

/// Rows that are left after what a lag and histories take away, at least.
const FEWEST: usize = 10;

/// A time series: a row for each time, of which some may be missing.
#[derive(Debug, Clone)]
pub struct Series<'a> {
    values: Variable<'a>,
    /// Whether each row is missing; empty if none is.
    missing: Vec<bool>,
}

impl<'a> Series<'a> {
    /// The series with these rows, in the order of time.
    pub fn new(values: impl Into<Variable<'a>>) -> Self {
        Series { values: values.into(), missing: Vec::new() }
    }

    /// The same, with these rows missing, numbered from 0: what needs them is left out, and the others keep their times.
    ///
    /// Rows that do not exist are ignored.
    #[must_use]
    pub fn with_missing(self, rows: &[usize]) -> Self {
        let mut missing = vec![false; self.values.n_samples()];
        rows.iter().for_each(|&row| {
            if let Some(missing) = missing.get_mut(row) {
                *missing = true
            }
        });
        Series { missing, ..self }
    }

    fn has(&self, row: usize) -> bool {
        !self.missing.get(row).copied().unwrap_or(false)
    }

    fn len(&self) -> usize {
        self.values.n_samples()
    }

    /// The rows `behind` before each of the times.
    fn before(&self, times: &[usize], behind: usize) -> OwnedVariable {
        let rows: Vec<usize> = times.iter().map(|time| time - behind).collect();
        self.values.select(&rows)
    }

    /// The rows from `nearest` to `nearest + many − 1` before each of the times, side by side; of labels, a label for each
    /// combination.
    fn past(&self, times: &[usize], nearest: usize, many: usize) -> OwnedVariable {
        let parts: Vec<OwnedVariable> =
            (nearest..nearest + many).map(|behind| self.before(times, behind)).collect();
        let mut labels: Vec<&Labels> = Vec::new();
        let mut single = Vec::new();
        let mut double = Vec::new();
        for part in &parts {
            match part {
                OwnedVariable::Labels(part) => labels.push(part),
                OwnedVariable::Single(part) => single.push(part.view()),
                OwnedVariable::Double(part) => double.push(part.view()),
            }
        }
        if !single.is_empty() {
            return OwnedVariable::Single(side_by_side(&single));
        }
        if !double.is_empty() {
            return OwnedVariable::Double(side_by_side(&double));
        }
        OwnedVariable::Labels(together(&labels))
    }
}

fn side_by_side<T: Clone>(parts: &[ndarray::ArrayView2<'_, T>]) -> Array2<T> {
    concatenate(Axis(1), parts).expect("parts of equal length")
}

/// How much of the past transfer entropy looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// The delay u from the source to the target, at least 1: X_{t−u} is the latest row of the source.
    pub lag: usize,
    /// Rows k of the target's own past, at least 1.
    pub target: usize,
    /// Rows l of the source's past, at least 1.
    pub source: usize,
}

impl Default for History {
    /// One row of each, one row before: k = l = u = 1.
    fn default() -> Self {
        History { lag: 1, target: 1, source: 1 }
    }
}

/// Rows of two series, put together so that a pair or conditional information of them is lagged or transfer information.
///
/// ```
/// use infoplane_estimators::series::{Embedding, History, Series};
/// use infoplane_estimators::{Gcmi, Options, PermutationScheme};
/// let noise = |i: usize, factor: f64| ((i as f64 * factor).sin() * 43758.5453).rem_euclid(1.0) - 0.5;
/// let x: Vec<f64> = (1..=500).map(|i| noise(i, 12.9898)).collect();
/// let mut y = vec![0.0];
/// (1..500).for_each(|i| y.push(0.5 * y[i - 1] + 0.8 * x[i - 1] + noise(i, 78.233)));
/// let embedding = Embedding::transfer(&Series::new(&x), &Series::new(&y), History::default())?;
/// assert_eq!(embedding.times().len(), 499);
/// let gcmi = Gcmi::default();
/// let test = embedding.resampling(&gcmi)?.restricted_permutation_test(PermutationScheme::Rotated, 39, 0)?;
/// assert_eq!(test.p_value, 0.025);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Embedding {
    x: OwnedVariable,
    y: OwnedVariable,
    z: Option<OwnedVariable>,
    times: Vec<usize>,
    dropped: usize,
}

impl Embedding {
    /// Puts X_{t−lag} beside Y_t; of a negative lag, X_t beside Y_{t−|lag|}.
    ///
    /// A series of n rows leaves n − |lag|.
    ///
    /// # Errors
    /// [`EstimateError::RowMismatch`] for series of different length; [`EstimateError::TooFewSamples`] if fewer than 10 rows are
    /// left.
    pub fn lagged(x: &Series<'_>, y: &Series<'_>, lag: isize) -> Result<Embedding, EstimateError> {
        let (of_x, of_y) = if lag < 0 { (0, lag.unsigned_abs()) } else { (lag.unsigned_abs(), 0) };
        let needs = |time: usize| x.has(time - of_x) && y.has(time - of_y);
        let (times, dropped) =
            times([x.len(), y.len()], lag.unsigned_abs(), needs, || format!("a lag of {lag}"))?;
        Ok(Embedding { x: x.before(&times, of_x), y: y.before(&times, of_y), z: None, times, dropped })
    }

    /// Puts the past of the source beside the target, given the target's own past.
    ///
    /// ```text
    /// X: X_{t−u}, …, X_{t−u−l+1}    Y: Y_t    Z: Y_{t−1}, …, Y_{t−k}
    /// ```
    ///
    /// The permutation tests of [`Embedding::resampling`] then move rows of the source's past alone. A series of n rows leaves n −
    /// max(u + l − 1, k).
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for a lag or a history of 0; [`EstimateError::RowMismatch`] for series of different length;
    /// [`EstimateError::TooFewSamples`] if fewer than 10 rows are left.
    pub fn transfer(
        source: &Series<'_>,
        target: &Series<'_>,
        history: History,
    ) -> Result<Embedding, EstimateError> {
        let History { lag, target: k, source: l } = history;
        for (key, given) in [("lag", lag), ("history", k), ("source_history", l)] {
            if given == 0 {
                let allowed = "a whole number above 0";
                return Err(EstimateError::Setting { key, given: "0".into(), allowed });
            }
        }
        let earliest = lag.saturating_add(l - 1).max(k);
        let needs = |time: usize| {
            target.has(time)
                && (1..=k).all(|behind| target.has(time - behind))
                && (lag..lag + l).all(|behind| source.has(time - behind))
        };
        let told = || format!("a lag of {lag} and histories of {k} and {l} rows");
        let (times, dropped) = times([source.len(), target.len()], earliest, needs, told)?;
        Ok(Embedding {
            x: source.past(&times, lag, l),
            y: target.before(&times, 0),
            z: Some(target.past(&times, 1, k)),
            times,
            dropped,
        })
    }

    /// The times t of the rows, numbered from 0.
    pub fn times(&self) -> &[usize] {
        &self.times
    }

    /// Times that were left out because a row that they need is missing.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// X, Y, and Z of transfer entropy.
    pub fn variables(&self) -> (Variable<'_>, Variable<'_>, Option<Variable<'_>>) {
        (self.x.variable(), self.y.variable(), self.z.as_ref().map(OwnedVariable::variable))
    }

    /// The same for an estimator: one that chooses is given symbols where a series is of few values, and so is its past, which has
    /// more values when several rows stand together.
    #[must_use]
    pub fn for_estimator<E: Estimator + ?Sized>(self, estimator: &E) -> Embedding {
        let chooses = estimator.info().family == Family::Choice;
        let is_names =
            |variable: &OwnedVariable| VariableKind::of(variable.variable()) == VariableKind::Names;
        let columns_are_names = |variable: &OwnedVariable| {
            let variable = variable.variable();
            let is_names =
                |column| VariableKind::of(Variable::from(&variable.column(column))) == VariableKind::Names;
            !matches!(variable, Variable::Labels(_)) && (0..variable.width()).all(is_names)
        };
        if !chooses {
            return self;
        }
        let symbols = |variable: OwnedVariable| OwnedVariable::Labels(variable.variable().symbols());
        let of_source = self.z.is_some() && columns_are_names(&self.x);
        let of_target = is_names(&self.y);
        Embedding {
            x: if of_source { symbols(self.x) } else { self.x },
            y: if of_target { symbols(self.y) } else { self.y },
            z: self.z.map(|z| if of_target { symbols(z) } else { z }),
            ..self
        }
    }

    /// The estimate, with what its error and its tests need.
    ///
    /// # Errors
    /// As [`Measure::pair`](crate::Measure::pair), or [`Measure::conditional`](crate::Measure::conditional) for transfer entropy.
    pub fn resampling<'a, E: Estimator + ?Sized>(
        &'a self,
        estimator: &'a E,
    ) -> Result<Resampling<'a, E>, EstimateError> {
        let (x, y, z) = self.variables();
        match z {
            Some(z) => Resampling::conditional(estimator, x, y, z),
            None => Resampling::new(estimator, x, y),
        }
    }

    /// Options of the standard error: by blocks of a chosen length.
    pub fn options(&self) -> Options {
        Options { block_length: Some(BlockLength::Chosen), ..Options::default() }
    }
}

/// The times from `earliest` on for which there is all that they need, and how many lack it.
fn times(
    [expected, given]: [usize; 2],
    earliest: usize,
    has_all: impl Fn(usize) -> bool,
    told: impl Fn() -> String,
) -> Result<(Vec<usize>, usize), EstimateError> {
    if given != expected {
        return Err(EstimateError::RowMismatch { given, expected });
    }
    let times: Vec<usize> = (earliest..expected).filter(|&time| has_all(time)).collect();
    let dropped = expected.saturating_sub(earliest) - times.len();
    if times.len() < FEWEST {
        let missing = match dropped {
            0 => String::new(),
            times => format!(", beside {times} that need a missing row,"),
        };
        return Err(EstimateError::TooFewSamples {
            estimator: "a series",
            reason: format!("{}{missing}", told()),
            needed: earliest.saturating_add(FEWEST).saturating_add(dropped),
            n_samples: expected,
        });
    }
    Ok((times, dropped))
}
