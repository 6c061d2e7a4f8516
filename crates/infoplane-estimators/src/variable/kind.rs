//! Kinds of variables: names, numbers on a lattice, numbers of which some repeat, and numbers that do not.

use ndarray::Array2;
#[cfg(test)]
use ndarray::ArrayView1;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Labels, OwnedVariable, Variable};
use crate::interrupt::{self, Seldom};
use crate::random::{Purpose, generator, shuffle, uniform};
use crate::special::normal_quantile;

/// The kind of a variable, as far as it decides how the variable is measured.
///
/// Values that repeat are no obstacle to methods for continuous variables: a value that occurs many times is spread over
/// an interval of its own by random numbers that depend on nothing else. The value can be read off its interval, and
/// within it there is nothing to know, so that the information with any other variable is exactly the same.
///
/// ```
/// use infoplane_estimators::{Variable, VariableKind};
/// let draw = |i: u32| f64::from(i).sin() * 2.0;
/// let kind = |value: fn(f64) -> f64| {
///     let column: Vec<f64> = (0..500).map(|i| value(draw(i))).collect();
///     VariableKind::of(Variable::from(&column))
/// };
/// assert_eq!(kind(|v| v), VariableKind::Continuous);
/// assert_eq!(kind(|v| (v * 100.0).round() / 100.0), VariableKind::Lattice);
/// assert_eq!(kind(|v| v.max(0.0)), VariableKind::Mixed);
/// assert_eq!(kind(|v| v.signum()), VariableKind::Names);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum VariableKind {
    /// Symbols without order or distance: labels, and columns of at most 20 values of which each occurs often.
    Names,
    /// Multiples of a step: counts, and numbers that were rounded.
    Lattice,
    /// Some values occur again and again and others do not, as those of a rectified unit.
    Mixed,
    /// Values hardly ever repeat.
    Continuous,
}

impl VariableKind {
    /// Returns the kind of these samples.
    ///
    /// A column is *names* if it has at most 20 values, each at least 5 times and 20 times on average; rows of several such
    /// columns are names if the same holds for the rows, whatever their number. It is a *lattice* if all values are
    /// multiples of a step up to rounding, and at least 1 in 100 repeats or at least 1 in 100 multiples within the range
    /// occurs. Other columns are *mixed* if more than 1 value in 100 repeats, else *continuous*. A variable is of the
    /// kind of its columns, *mixed* before *lattice* before *continuous*; columns of names among others count as lattice.
    ///
    /// Cost O(d n log n).
    pub fn of(variable: Variable<'_>) -> Self {
        Profile::new(&variable).kind
    }

    /// Returns its name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            VariableKind::Names => "names",
            VariableKind::Lattice => "lattice",
            VariableKind::Mixed => "mixed",
            VariableKind::Continuous => "continuous",
        }
    }
}

/// The kind of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ColumnKind {
    /// One value.
    Constant,
    /// Few values, each of them often.
    Names,
    /// Multiples of a step.
    Lattice {
        /// The step, in the column's own units.
        step: f64,
    },
    /// A share of the values occurs more than once.
    Mixed,
    /// Hardly any value occurs more than once.
    Continuous,
}

/// Values of a column up to which they may be names.
const MOST_NAMES: usize = 20;
/// Samples that every name has at least.
const LEAST_OF_NAME: usize = 5;
/// Samples per name on average, at least.
const SAMPLES_PER_NAME: usize = 20;
/// Share of values that repeat, or of multiples of a step that occur, above which that is no accident.
const SHARE: f64 = 0.01;

/// The kinds of a variable and of its columns.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) kind: VariableKind,
    /// Empty for labels.
    pub(crate) columns: Vec<ColumnKind>,
}

impl Profile {
    pub(crate) fn new(variable: &Variable<'_>) -> Self {
        if matches!(variable, Variable::Labels(_)) {
            return Profile { kind: VariableKind::Names, columns: Vec::new() };
        }
        let columns: Vec<ColumnKind> = (0..variable.width())
            .into_par_iter()
            .map(|column| kind_of_column(sorted(&variable.column(column)), is_single(variable)))
            .collect();
        let is = |wanted: fn(&ColumnKind) -> bool| columns.iter().any(wanted);
        let named = columns.iter().all(|kind| matches!(kind, ColumnKind::Names | ColumnKind::Constant));
        let kind = if named && are_names(variable.symbols().counts(), variable.n_samples()) {
            VariableKind::Names
        } else if is(|kind| matches!(kind, ColumnKind::Mixed)) {
            VariableKind::Mixed
        } else if is(|kind| matches!(kind, ColumnKind::Lattice { .. } | ColumnKind::Names)) {
            VariableKind::Lattice
        } else {
            VariableKind::Continuous
        };
        Profile { kind, columns }
    }
}

/// Returns the columns of a variable that are measured as symbols: all of them for `Names`, and of the kind that is found those
/// of few values, if their rows are names too. None of labels, which have no columns.
pub(crate) fn symbol_columns(variable: &Variable<'_>, kind: Option<VariableKind>) -> Vec<usize> {
    let width = variable.width();
    let kind = match (variable, kind) {
        (Variable::Labels(_), _) => return Vec::new(),
        (_, Some(kind)) => kind,
        (_, None) => {
            let found = Profile::new(variable);
            if found.kind != VariableKind::Names {
                let is_names = |&column: &usize| found.columns[column] == ColumnKind::Names;
                let named: Vec<usize> = (0..width).filter(is_names).collect();
                let together = labels_of_columns(variable, &named);
                let are_names = together.is_some_and(|rows| are_names(rows.counts(), rows.len()));
                return if are_names { named } else { Vec::new() };
            }
            found.kind
        }
    };
    if kind == VariableKind::Names { (0..width).collect() } else { Vec::new() }
}

/// Returns some columns of a matrix together as symbols; `None` without columns.
pub(crate) fn labels_of_columns(variable: &Variable<'_>, columns: &[usize]) -> Option<Labels> {
    let labels: Vec<Labels> =
        columns.iter().map(|&column| Variable::from(&variable.column(column)).symbols()).collect();
    (!labels.is_empty()).then(|| super::symbols::together(&labels.iter().collect::<Vec<_>>()))
}

fn are_names(counts: &[usize], n_samples: usize) -> bool {
    counts.len() * SAMPLES_PER_NAME <= n_samples && counts.iter().all(|&count| count >= LEAST_OF_NAME)
}

/// Ascending, −0 as 0.
fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values: Vec<f64> = values.iter().map(|v| v + 0.0).collect();
    interrupt::sort_by(&mut values, f64::total_cmp);
    values
}

fn is_single(variable: &Variable<'_>) -> bool {
    matches!(variable, Variable::Single(_))
}

/// Returns the kind of a column from its values in ascending order, −0 as 0; `single` if they were of single precision.
pub(crate) fn kind_of_column(sorted: Vec<f64>, single: bool) -> ColumnKind {
    let n = sorted.len();
    let counts: Vec<usize> = sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).collect();
    if counts.len() <= 1 {
        return ColumnKind::Constant;
    }
    if counts.len() <= MOST_NAMES && are_names(&counts, n) {
        return ColumnKind::Names;
    }
    let repeated: usize = counts.iter().filter(|&&count| count > 1).sum();
    let repeats = repeated as f64 > SHARE * n as f64;
    let mut distinct = sorted;
    distinct.dedup();
    // Values of single precision are rounded as such, but for whole numbers, which are exact however large.
    let single = single || distinct.iter().all(|&v| f64::from(v as f32) == v);
    let rounded = single.then(|| step(&distinct, f64::from(f32::EPSILON))).flatten();
    let found = rounded.or_else(|| step(&distinct, f64::EPSILON));
    if let Some(step) = found {
        let cells = (distinct[distinct.len() - 1] / step - distinct[0] / step).round() + 1.0;
        if repeats || distinct.len() as f64 >= SHARE * cells {
            return ColumnKind::Lattice { step };
        }
    }
    if repeats { ColumnKind::Mixed } else { ColumnKind::Continuous }
}

/// Returns the largest step of which the distances of ascending values are multiples, up to their rounding errors.
///
/// The least distance is the first candidate. A distance that is no multiple of it leaves a remainder, of which both
/// are multiples if there is a step at all (Euclid's algorithm).
fn step(distinct: &[f64], rounding: f64) -> Option<f64> {
    /// Each remainder is at most half the step before it, so that 40 of them lead from any range to rounding errors.
    const ROUNDS: usize = 40;
    /// Multiples counted without error.
    const MOST_CELLS: f64 = (1u64 << 40) as f64;

    let (first, last) = (*distinct.first()?, *distinct.last()?);
    let range = last - first;
    if distinct.len() < 3 || !range.is_finite() {
        return (distinct.len() == 2 && range.is_finite()).then_some(range);
    }
    // Each end of a distance is rounded by half of this at most.
    let tolerance = 2.0 * rounding * first.abs().max(last.abs());
    let mut step = distinct.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
    for _ in 0..ROUNDS {
        if step < 16.0 * tolerance || range > MOST_CELLS * step {
            return None;
        }
        match remainder(distinct, step, tolerance) {
            Ok(step) => return Some(step),
            Err(remainder) => step = remainder,
        }
    }
    None
}

/// Returns the step, known the better the farther the values lie apart; or the distance of the first value that is no
/// multiple of it from the nearest multiple.
fn remainder(distinct: &[f64], step: f64, tolerance: f64) -> Result<f64, f64> {
    let first = distinct[0];
    let (mut step, mut error) = (step, 2.0 * tolerance);
    for &value in &distinct[1..] {
        let distance = value - first;
        let cells = (distance / step).round();
        let off = (distance - cells * step).abs();
        let allowed = 2.0 * tolerance + cells * error;
        // Where the step is not known well enough to count so many of them, nothing is known.
        if off > allowed || allowed > step / 4.0 {
            return Err(off);
        }
        let known = 2.0 * tolerance / cells;
        if known < error {
            (step, error) = (distance / cells, known);
        }
    }
    Ok(step)
}

/// A variable in the form in which it is measured.
#[derive(Debug, Clone)]
pub(crate) enum Measured<'a> {
    /// As it was given.
    Given(Variable<'a>),
    /// Its rows as symbols.
    Symbols(Labels),
    /// Values that repeat spread over intervals.
    Spread(Array2<f64>),
    /// A choice of the rows that were given.
    Chosen(OwnedVariable),
}

impl<'a> Measured<'a> {
    /// Returns a variable of which `kind` was decided; `index` is its place among the variables of an estimate.
    ///
    /// `seed` chooses the random numbers that spread values.
    pub(crate) fn new(variable: Variable<'a>, kind: VariableKind, index: u64, seed: u64) -> Self {
        match (kind, &variable) {
            (_, Variable::Labels(_)) | (VariableKind::Continuous, _) => Measured::Given(variable),
            (VariableKind::Names, _) => Measured::Symbols(variable.symbols()),
            (VariableKind::Lattice | VariableKind::Mixed, _) => {
                Measured::Spread(spread(&variable, &[], index, seed))
            }
        }
    }

    /// Returns a variable of which these columns are symbols: they stay as they are, and in the others values that repeat are
    /// spread.
    pub(crate) fn with_symbols(variable: Variable<'a>, symbols: &[usize], index: u64, seed: u64) -> Self {
        match &variable {
            Variable::Labels(_) => Measured::Given(variable),
            _ if symbols.len() == variable.width() => Measured::Symbols(variable.symbols()),
            _ => Measured::Spread(spread(&variable, symbols, index, seed)),
        }
    }

    pub(crate) fn variable(&self) -> Variable<'_> {
        match self {
            Measured::Given(variable) => variable.view(),
            Measured::Symbols(labels) => Variable::Labels(labels),
            Measured::Spread(rows) => Variable::Double(rows.view()),
            Measured::Chosen(rows) => rows.variable(),
        }
    }

    /// Returns the same with rows of its own.
    pub(crate) fn into_owned<'b>(self) -> Measured<'b> {
        match self {
            Measured::Given(variable) => Measured::Chosen(variable.to_owned()),
            Measured::Symbols(labels) => Measured::Symbols(labels),
            Measured::Spread(rows) => Measured::Spread(rows),
            Measured::Chosen(rows) => Measured::Chosen(rows),
        }
    }
}

/// Returns the columns with values that repeat spread over intervals: on a lattice over its step; elsewhere over the
/// ranks that equal values share, which are then replaced by normal quantiles.
///
/// The other columns, constant ones, and those of `symbols` stay as they are.
fn spread(variable: &Variable<'_>, symbols: &[usize], index: u64, seed: u64) -> Array2<f64> {
    let width = variable.width();
    let columns: Vec<Vec<f64>> = (0..width)
        .into_par_iter()
        .map(|column| {
            let values = variable.column(column);
            if symbols.contains(&column) {
                return values;
            }
            let mut random = generator(seed, Purpose::Ties, index << 32 | column as u64);
            match kind_of_column(sorted(&values), is_single(variable)) {
                ColumnKind::Constant | ColumnKind::Continuous => values,
                ColumnKind::Lattice { step } => {
                    values.iter().map(|v| v + step * (uniform(&mut random) - 0.5)).collect()
                }
                ColumnKind::Names | ColumnKind::Mixed => {
                    let mut order: Vec<usize> = (0..values.len()).collect();
                    shuffle(&mut random, &mut order);
                    scores_in_order(&values, order)
                }
            }
        })
        .collect();
    Array2::from_shape_fn((variable.n_samples(), width), |(row, column)| columns[column][row])
}

/// Returns Φ⁻¹((rank − ½)/n) of every value, equal values in the order given.
fn scores_in_order(values: &[f64], mut order: Vec<usize>) -> Vec<f64> {
    // Stable: equal values keep their order.
    let mut seldom = Seldom::default();
    order.sort_by(|&a, &b| {
        seldom.poll();
        values[a].partial_cmp(&values[b]).expect("finite values")
    });
    let n = values.len() as f64;
    let mut scores = vec![0.0; values.len()];
    for (rank, row) in order.into_iter().enumerate() {
        scores[row] = normal_quantile((rank as f64 + 0.5) / n);
    }
    scores
}

/// Returns the rows of all variables together as symbols.
pub(crate) fn rows_together(variables: &[Variable<'_>]) -> Labels {
    let labels: Vec<Labels> = variables.iter().map(Variable::symbols).collect();
    super::symbols::together(&labels.iter().collect::<Vec<_>>())
}

/// Returns the first row of each symbol, in order.
pub(crate) fn distinct_rows(rows: &Labels) -> Vec<usize> {
    let mut seen = vec![false; rows.n_labels()];
    let first = |&(_, &code): &(usize, &u32)| !std::mem::replace(&mut seen[code as usize], true);
    rows.codes().iter().enumerate().filter(first).map(|(row, _)| row).collect()
}

/// Returns how many of the values of a column occur more than once.
#[cfg(test)]
fn repeated(column: ArrayView1<'_, f64>) -> usize {
    sorted(&column.to_vec()).chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|&count| count > 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::normal;

    fn normals(n: usize, seed: u64) -> Vec<f64> {
        let mut random = generator(seed, Purpose::Known, 77);
        (0..n).map(|_| normal(&mut random)).collect()
    }

    fn kind(values: &[f64]) -> ColumnKind {
        kind_of_column(sorted(values), false)
    }

    #[test]
    fn rounded_numbers_are_lattices_whatever_the_step() {
        for n in [100, 1000, 5000] {
            for step in [0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 3.0, 1e-9, 1e12] {
                for origin in [0.0, 0.3 * step, 1000.0 * step] {
                    let values: Vec<f64> =
                        normals(n, 1).iter().map(|v| (v / 0.02).round() * step + origin).collect();
                    let ColumnKind::Lattice { step: found } = kind(&values) else {
                        panic!("{n} {step} {origin}: {:?}", kind(&values))
                    };
                    assert!((found / step - 1.0).abs() < 1e-9, "{found} for {step}");
                    let single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
                    let variable = Variable::from(&single);
                    let ColumnKind::Lattice { step: found } =
                        kind_of_column(sorted(&variable.column(0)), is_single(&variable))
                    else {
                        panic!("single precision, {n} {step} {origin}")
                    };
                    assert!((found / step - 1.0).abs() < 1e-2, "{found} for {step}");
                }
            }
        }
    }

    #[test]
    fn a_lattice_is_found_where_no_two_neighbours_of_it_occur() {
        // Multiples of 6 and of 15 are multiples of 3.
        let values: Vec<f64> = (0..200).map(|i| f64::from(if i % 2 == 0 { i * 6 } else { i * 15 })).collect();
        assert_eq!(kind(&values), ColumnKind::Lattice { step: 3.0 });
        // Integers with one far value.
        let mut counts: Vec<f64> = (0..600).map(|i| f64::from(i * i % 97)).collect();
        counts[17] = 100_000.0;
        assert_eq!(kind(&counts), ColumnKind::Lattice { step: 1.0 });
        // An even grid, though nothing repeats.
        let grid: Vec<f64> = (0..500).map(|i| f64::from(i) / 499.0).collect();
        assert!(matches!(kind(&grid), ColumnKind::Lattice { step } if (step * 499.0 - 1.0).abs() < 1e-9));
    }

    #[test]
    fn numbers_that_do_not_repeat_are_continuous_in_either_precision() {
        for n in [20, 300, 20_000] {
            let values = normals(n, 3);
            assert_eq!(kind(&values), ColumnKind::Continuous, "{n}");
            let single: Vec<f32> = values.iter().map(|&v| v as f32).collect();
            assert_eq!(VariableKind::of(Variable::from(&single)), VariableKind::Continuous, "{n}");
            // Eight decimals: a lattice of which hardly a place is taken.
            let decimals: Vec<f64> = values.iter().map(|v| (v * 1e8).round() / 1e8).collect();
            assert_eq!(kind(&decimals), ColumnKind::Continuous, "{n}");
        }
    }

    #[test]
    fn a_rectified_unit_is_mixed_until_it_hardly_fires() {
        let values = normals(2000, 5);
        for threshold in [-2.0, 0.0, 1.0, 2.0] {
            let unit: Vec<f64> = values.iter().map(|v| (v - threshold).max(0.0)).collect();
            assert_eq!(kind(&unit), ColumnKind::Mixed, "{threshold}");
        }
    }

    #[test]
    fn few_values_that_occur_often_are_names_and_rare_ones_are_a_lattice() {
        let digits: Vec<f64> = (0..1000).map(|i| f64::from(i % 10)).collect();
        assert_eq!(kind(&digits), ColumnKind::Names);
        let mut rare = digits.clone();
        rare[3] = 12.0;
        assert_eq!(kind(&rare), ColumnKind::Lattice { step: 1.0 });
        assert_eq!(kind(&digits[..100]), ColumnKind::Lattice { step: 1.0 });
        // Every row of twelve bits is another: the columns are names and the rows are not.
        let bits = Array2::from_shape_fn((4096, 12), |(i, j)| (i >> j & 1) as f64);
        assert_eq!(VariableKind::of(Variable::from(&bits)), VariableKind::Lattice);
        assert_eq!(
            VariableKind::of(Variable::from(&bits.slice_move(ndarray::s![.., ..2]))),
            VariableKind::Names
        );
    }

    #[test]
    fn spread_values_keep_their_order_and_repeat_no_more() {
        let normals = normals(500, 9);
        let rounded: Vec<f64> = normals.iter().map(|v| (v * 4.0).round() / 4.0).collect();
        let unit: Vec<f64> = normals.iter().map(|v| v.max(0.0)).collect();
        for values in [rounded, unit] {
            let variable = Variable::from(&values);
            let spread = spread(&variable, &[], 0, 0);
            assert_eq!(repeated(spread.column(0)), 0);
            for i in 0..values.len() {
                for j in 0..i {
                    if values[i] != values[j] {
                        assert_eq!(values[i] < values[j], spread[(i, 0)] < spread[(j, 0)]);
                    }
                }
            }
            // Two sides with the same values get other numbers.
            assert_ne!(spread, super::spread(&variable, &[], 1, 0));
        }
    }

    #[test]
    fn rows_that_repeat_in_all_variables_are_found() {
        let x = [1.0, 2.0, 1.0, 1.0];
        let y = [5.0, 6.0, 5.0, 7.0];
        let both = rows_together(&[Variable::from(&x[..]), Variable::from(&y[..])]);
        assert_eq!(distinct_rows(&both), [0, 1, 3]);
        assert!(!both.all_distinct() && rows_together(&[Variable::from(&x[..2])]).all_distinct());
    }
}
