//! What an estimator may be given: labels of rows, or a matrix of one row per sample.

pub(crate) mod kind;
pub(crate) mod symbols;

use std::collections::BTreeMap;
use std::ops::{Mul, Range};
use std::sync::LazyLock;

use fearless_simd::{Simd, dispatch};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;

use crate::Information;
use crate::interrupt::Seldom;
use crate::math;
use crate::random::{Purpose, generator, shuffle};
use crate::simd;

/// A labelling of rows: one discrete symbol per sample.
///
/// Both ends of the information plane are labellings. Y labels each sample with its class; X labels it with
/// *which input it is*, so that for a deterministic network I(X;T) is the information between T and that
/// label. Rows with equal inputs share a label, and pooled epochs repeat the labels.
///
/// ```
/// use infoplane_estimators::Labels;
/// let y = Labels::from_symbols(&["dog", "cat", "cat", "cat"]);
/// assert_eq!(y.codes(), [1, 0, 0, 0]);
/// assert_eq!(y.counts(), [3, 1]);
/// assert!((y.entropy().bits() - 0.811278).abs() < 1e-6);
/// assert_eq!(Labels::distinct(8).entropy().bits(), 3.0);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    codes: Vec<u32>,
    counts: Vec<usize>,
}

impl Labels {
    /// Labels of any kind, numbered in ascending order: class `3` of ten digits is number 3.
    pub fn from_symbols<S: Ord>(symbols: &[S]) -> Self {
        let mut seldom = Seldom::default();
        let mut numbers: BTreeMap<&S, u32> =
            symbols.iter().inspect(|_| seldom.poll()).map(|symbol| (symbol, 0)).collect();
        for (number, slot) in numbers.values_mut().enumerate() {
            *slot = number as u32;
        }
        let codes = symbols.iter().inspect(|_| seldom.poll()).map(|symbol| numbers[symbol]).collect();
        Labels::count(codes, numbers.len())
    }

    /// As [`from_symbols`](Labels::from_symbols), of whole numbers: O(n) where they lie close together, as codes do.
    ///
    /// ```
    /// use infoplane_estimators::Labels;
    /// assert_eq!(Labels::from_integers(&[7, -1, 7]), Labels::from_symbols(&[7, -1, 7]));
    /// ```
    pub fn from_integers(symbols: &[i64]) -> Self {
        let (Some(&least), Some(&most)) = (symbols.iter().min(), symbols.iter().max()) else {
            return Labels::count(Vec::new(), 0);
        };
        let span = i128::from(most) - i128::from(least) + 1;
        if span > 2 * symbols.len() as i128 + 1024 {
            return Labels::from_symbols(symbols);
        }
        let place = |symbol: i64| (symbol - least) as usize;
        let mut numbers = vec![0u32; span as usize];
        symbols.iter().for_each(|&symbol| numbers[place(symbol)] = 1);
        let mut n_labels = 0;
        for number in &mut numbers {
            let occurs = *number;
            *number = n_labels;
            n_labels += occurs;
        }
        let codes = symbols.iter().map(|&symbol| numbers[place(symbol)]).collect();
        Labels::count(codes, n_labels as usize)
    }

    /// Labels of codes, numbered in ascending order; some codes may not occur. They are numbered in place: time and memory beside
    /// them are O(largest code).
    ///
    /// ```
    /// use infoplane_estimators::Labels;
    /// assert_eq!(Labels::from_codes(vec![7, 2, 7]), Labels::from_symbols(&[7, 2, 7]));
    /// ```
    pub fn from_codes(codes: Vec<u32>) -> Self {
        let n_codes = codes.iter().max().map_or(0, |&code| code as usize + 1);
        Labels::renumbered(codes, n_codes)
    }

    pub(crate) fn count(codes: Vec<u32>, n_labels: usize) -> Self {
        let mut counts = vec![0; n_labels];
        for &code in &codes {
            counts[code as usize] += 1;
        }
        Labels { codes, counts }
    }

    /// `n_samples` labels, all different: the X of a data set without repeated inputs.
    pub fn distinct(n_samples: usize) -> Self {
        Labels { codes: (0..n_samples as u32).collect(), counts: vec![1; n_samples] }
    }

    /// Returns one label per distinct row: the X of a data set. Rows are equal when all their values are (so −0 = 0).
    ///
    /// Numbered in order of first appearance. `rows`: `(n_samples, n_features)`.
    pub fn from_rows(rows: ArrayView2<'_, f32>) -> Self {
        symbols::distinct_rows(&rows)
    }

    /// Returns the number of each sample's label, `0..n_labels`.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// How many samples carry each label; none is zero.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Returns whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// Returns the number of different labels.
    pub fn n_labels(&self) -> usize {
        self.counts.len()
    }

    /// Returns whether no label occurs twice: then H(T | label) = 0 for a deterministic T.
    pub fn all_distinct(&self) -> bool {
        self.n_labels() == self.len()
    }

    /// Returns the share of the samples that carries each label.
    pub fn shares(&self) -> Vec<f64> {
        self.counts.iter().map(|&count| count as f64 / self.len() as f64).collect()
    }

    /// Returns the entropy of the label, H = −Σ p ln p with p the share of each label in the samples.
    pub fn entropy(&self) -> Information {
        Information::from_nats(entropy_of_counts(self.counts.iter().copied(), self.len()))
    }

    /// Returns the same labelling of a choice of rows, renumbered.
    pub fn select(&self, rows: &[usize]) -> Labels {
        Labels::renumbered(rows.iter().map(|&row| self.codes[row]).collect(), self.n_labels())
    }

    /// Returns the same labelling of some ranges of rows, one after the other, renumbered.
    ///
    /// # Panics
    /// If a range ends beyond the last row.
    pub fn select_ranges(&self, ranges: &[Range<usize>]) -> Labels {
        let mut codes = Vec::with_capacity(ranges.iter().map(ExactSizeIterator::len).sum());
        ranges.iter().for_each(|range| codes.extend_from_slice(&self.codes[range.clone()]));
        Labels::renumbered(codes, self.n_labels())
    }

    /// Returns the same labels in another order of the samples: one random permutation, a function of their number alone.
    ///
    /// A layer knows nothing of labels shuffled so. What an estimator gives for them is its bias for this layer, these shares of
    /// the classes and this number of samples, up to the chance of one permutation.
    ///
    /// ```
    /// use infoplane_estimators::Labels;
    /// let y = Labels::from_symbols(&(0..100).map(|i| i % 2).collect::<Vec<_>>());
    /// assert_eq!(y.shuffled().counts(), y.counts());
    /// assert_ne!(y.shuffled(), y);
    /// assert_eq!(y.shuffled(), y.shuffled());
    /// ```
    pub fn shuffled(&self) -> Labels {
        let mut codes = self.codes.clone();
        shuffle(&mut generator(0, Purpose::Baseline, 0), &mut codes);
        Labels { codes, counts: self.counts.clone() }
    }

    /// Codes below `n_codes`, some of which may not occur, numbered anew in ascending order.
    fn renumbered(mut codes: Vec<u32>, n_codes: usize) -> Labels {
        if codes.len() < n_codes / 16 {
            // A table of all codes would take longer than sorting these few.
            let mut present = codes.clone();
            present.sort_unstable();
            let counts = present.chunk_by(|a, b| a == b).map(<[u32]>::len).collect();
            present.dedup();
            codes.iter_mut().for_each(|code| *code = present.partition_point(|other| other < code) as u32);
            return Labels { codes, counts };
        }
        let mut counts = vec![0; n_codes];
        for &code in &codes {
            counts[code as usize] += 1;
        }
        // Ascending, as from_symbols numbers them, without sorting.
        let mut next = 0;
        let numbers: Vec<u32> = counts
            .iter()
            .map(|&count| {
                next += u32::from(count > 0);
                next.wrapping_sub(1)
            })
            .collect();
        codes.iter_mut().for_each(|code| *code = numbers[*code as usize]);
        counts.retain(|&count| count > 0);
        Labels { codes, counts }
    }
}

/// Plug-in entropy in nats of `n` samples in cells, −Σ (c/n) ln (c/n) = ln n − (1/n) Σ c ln c.
///
/// The counts are summed in the order given, so equal input gives equal bits. Cost O(cells).
pub(crate) fn entropy_of_counts(counts: impl IntoIterator<Item = usize>, n: usize) -> f64 {
    let n = n as f64;
    // A cell of one sample adds 1 ln 1 = 0: in wide layers that is nearly all of them.
    let sum: f64 = counts.into_iter().filter(|&c| c > 1).map(times_logarithm).sum();
    // With all samples in one cell the difference of two equal logarithms may round below zero.
    (math::ln(n) - sum / n).max(0.0)
}

/// c ln c of a count c > 0; most counts are small, and looked up.
fn times_logarithm(count: usize) -> f64 {
    static SMALL: LazyLock<[f64; 512]> =
        LazyLock::new(|| std::array::from_fn(|c| c as f64 * math::ln(c as f64)));
    SMALL.get(count).copied().unwrap_or_else(|| count as f64 * math::ln(count as f64))
}

/// What an estimator may be given about each sample.
///
/// A matrix is `(n_samples, width)`. Activations are single precision; a file may hold doubles, and then
/// they are used as they are. Functions that take a variable accept anything that converts into one: `&Labels`, a
/// reference to a matrix or its view, and vectors and slices of numbers, which are one column.
///
/// ```
/// use infoplane_estimators::{Labels, Variable};
/// let column = vec![0.5, 1.5, 2.5];
/// assert_eq!(Variable::from(&column).n_samples(), 3);
/// assert_eq!(Variable::from(&ndarray::array![[1.0f32, 2.0]]).width(), 2);
/// assert!(Variable::from(&Labels::from_symbols(&["cat", "cat"])).is_constant());
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Variable<'a> {
    /// A discrete symbol per sample.
    Labels(&'a Labels),
    /// A row of single-precision numbers per sample.
    Single(ArrayView2<'a, f32>),
    /// A row of double-precision numbers per sample.
    Double(ArrayView2<'a, f64>),
}

impl<'a> Variable<'a> {
    /// Returns the same variable, borrowed for a shorter time; lists of variables need one lifetime for all.
    pub fn view(&self) -> Variable<'_> {
        match self {
            Variable::Labels(labels) => Variable::Labels(labels),
            Variable::Single(rows) => Variable::Single(rows.view()),
            Variable::Double(rows) => Variable::Double(rows.view()),
        }
    }

    /// Returns the number of samples.
    pub fn n_samples(&self) -> usize {
        match self {
            Variable::Labels(labels) => labels.len(),
            Variable::Single(rows) => rows.nrows(),
            Variable::Double(rows) => rows.nrows(),
        }
    }

    /// Returns the number of columns; 1 for labels.
    pub fn width(&self) -> usize {
        match self {
            Variable::Labels(_) => 1,
            Variable::Single(rows) => rows.ncols(),
            Variable::Double(rows) => rows.ncols(),
        }
    }

    /// Returns whether all rows are equal.
    pub fn is_constant(&self) -> bool {
        fn equal<T: Copy + PartialEq>(rows: &ArrayView2<'_, T>) -> bool {
            let first = rows.row(0);
            rows.rows().into_iter().skip(1).all(|row| row == first)
        }
        match self {
            Variable::Labels(labels) => labels.n_labels() <= 1,
            Variable::Single(rows) => rows.nrows() <= 1 || equal(rows),
            Variable::Double(rows) => rows.nrows() <= 1 || equal(rows),
        }
    }

    /// Returns one column in double precision; of labels their codes.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column(&self, column: usize) -> Vec<f64> {
        assert!(column < self.width(), "column {column} of {}", self.width());
        match self {
            Variable::Labels(labels) => labels.codes().iter().map(|&code| f64::from(code)).collect(),
            Variable::Single(rows) => rows.column(column).iter().map(|&value| f64::from(value)).collect(),
            Variable::Double(rows) => rows.column(column).to_vec(),
        }
    }

    /// Returns some of the rows, in the order given; a row may be named more than once.
    ///
    /// ```
    /// use infoplane_estimators::Variable;
    /// let rows = ndarray::array![[1.0], [2.0], [3.0]];
    /// let chosen = Variable::Double(rows.view()).select(&[2, 0, 0]);
    /// assert_eq!(chosen.variable().n_samples(), 3);
    /// ```
    ///
    /// # Panics
    /// If there is no such row.
    pub fn select(&self, rows: &[usize]) -> OwnedVariable {
        match self {
            Variable::Labels(labels) => OwnedVariable::Labels(labels.select(rows)),
            Variable::Single(values) => OwnedVariable::Single(values.select(Axis(0), rows)),
            Variable::Double(values) => OwnedVariable::Double(values.select(Axis(0), rows)),
        }
    }

    /// Returns a copy that owns its rows.
    pub fn to_owned(&self) -> OwnedVariable {
        match self {
            Variable::Labels(labels) => OwnedVariable::Labels((*labels).clone()),
            Variable::Single(rows) => OwnedVariable::Single(rows.to_owned()),
            Variable::Double(rows) => OwnedVariable::Double(rows.to_owned()),
        }
    }

    /// Rows as symbols: equal rows share one (−0 = 0), numbered in order of first appearance; labels are themselves.
    pub fn symbols(&self) -> Labels {
        symbols::labels(self).into_owned()
    }

    /// Returns the first entry that is NaN or infinite, as (row, column, value).
    pub fn first_non_finite(&self) -> Option<(usize, usize, f64)> {
        match self {
            Variable::Labels(_) => None,
            Variable::Single(rows) => first_non_finite(rows),
            Variable::Double(rows) => first_non_finite(rows),
        }
    }
}

/// A matrix is `(n_samples, width)`; a vector is one column.
macro_rules! variable_from {
    ($($number:ty => $variant:ident,)*) => {$(
        impl<'a> From<ArrayView2<'a, $number>> for Variable<'a> {
            fn from(rows: ArrayView2<'a, $number>) -> Self {
                Variable::$variant(rows)
            }
        }

        impl<'a> From<&'a Array2<$number>> for Variable<'a> {
            fn from(rows: &'a Array2<$number>) -> Self {
                Variable::$variant(rows.view())
            }
        }

        impl<'a> From<ArrayView1<'a, $number>> for Variable<'a> {
            fn from(column: ArrayView1<'a, $number>) -> Self {
                Variable::$variant(column.insert_axis(Axis(1)))
            }
        }

        impl<'a> From<&'a Array1<$number>> for Variable<'a> {
            fn from(column: &'a Array1<$number>) -> Self {
                column.view().into()
            }
        }

        impl<'a> From<&'a [$number]> for Variable<'a> {
            fn from(column: &'a [$number]) -> Self {
                ArrayView1::from(column).into()
            }
        }

        impl<'a> From<&'a Vec<$number>> for Variable<'a> {
            fn from(column: &'a Vec<$number>) -> Self {
                column.as_slice().into()
            }
        }
    )*};
}

variable_from! {
    f32 => Single,
    f64 => Double,
}

impl<'a> From<&'a Labels> for Variable<'a> {
    fn from(labels: &'a Labels) -> Self {
        Variable::Labels(labels)
    }
}

impl<'a> From<&'a Variable<'_>> for Variable<'a> {
    fn from(variable: &'a Variable<'_>) -> Self {
        variable.view()
    }
}

impl<'a> From<&'a OwnedVariable> for Variable<'a> {
    fn from(variable: &'a OwnedVariable) -> Self {
        variable.variable()
    }
}

/// A variable that owns its rows: a choice of the rows of another.
#[derive(Debug, Clone, PartialEq)]
pub enum OwnedVariable {
    /// A discrete symbol per sample.
    Labels(Labels),
    /// A row of single-precision numbers per sample.
    Single(Array2<f32>),
    /// A row of double-precision numbers per sample.
    Double(Array2<f64>),
}

impl OwnedVariable {
    /// As estimators take it.
    pub fn variable(&self) -> Variable<'_> {
        match self {
            OwnedVariable::Labels(labels) => Variable::Labels(labels),
            OwnedVariable::Single(rows) => Variable::Single(rows.view()),
            OwnedVariable::Double(rows) => Variable::Double(rows.view()),
        }
    }
}

fn first_non_finite<T: Float>(rows: &ArrayView2<'_, T>) -> Option<(usize, usize, f64)> {
    // Nearly always all is well, and one pass over plain memory says so: 0 · x is 0 unless x is not finite.
    if let Some(values) = rows.as_slice() {
        let level = simd::level();
        let finite = |values: &[T]| dispatch!(level, simd => all_finite(simd, values));
        if values.par_chunks(1 << 17).all(finite) {
            return None;
        }
    }
    rows.indexed_iter()
        .map(|((row, column), &value)| (row, column, value.into()))
        .find(|(_, _, value)| !value.is_finite())
}

#[inline(always)]
fn all_finite<S: Simd, T: Float>(simd: S, values: &[T]) -> bool {
    simd.vectorize(
        #[inline(always)]
        || values.iter().fold(0, |bad, &v| bad | u32::from(v * T::default() != T::default())) == 0,
    )
}

trait Float: Copy + Default + PartialEq + Mul<Output = Self> + Into<f64> + Send + Sync {}
impl Float for f32 {}
impl Float for f64 {}

/// Returns the rows of a matrix as one contiguous slice; copies only if they are not contiguous already.
pub(crate) fn standard_layout<'a, T: Clone>(rows: &'a ArrayView2<'_, T>) -> CowArray<'a, T, Ix2> {
    rows.as_standard_layout()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn labels_are_numbered_in_ascending_order() {
        let labels = Labels::from_symbols(&[7u8, 3, 7, 9]);
        assert_eq!(labels.codes(), [1, 0, 1, 2]);
        assert_eq!(labels.counts(), [1, 2, 1]);
        assert!(!labels.all_distinct());
    }

    #[test]
    fn whole_numbers_are_numbered_as_any_symbols() {
        for symbols in [
            vec![],
            vec![5],
            vec![3, -2, 3, 7, -2],
            vec![i64::MAX, i64::MIN, 0, i64::MAX],
            vec![1_000_000, 0, 1_000_000],
            (0..500).rev().collect(),
        ] {
            assert_eq!(Labels::from_integers(&symbols), Labels::from_symbols(&symbols), "{symbols:?}");
        }
    }

    #[test]
    fn entropy_of_counts_is_the_textbook_sum() {
        // p = (1/2, 1/4, 1/4): 1.5 bits.
        assert!((entropy_of_counts([4, 2, 2], 8) / std::f64::consts::LN_2 - 1.5).abs() < 1e-15);
        assert_eq!(entropy_of_counts([1, 1, 1, 1], 4), 4f64.ln());
        assert_eq!(entropy_of_counts([5], 5), 0.0);
    }

    #[test]
    fn equal_rows_share_a_label_and_negative_zero_is_zero() {
        let x = Labels::from_rows(array![[0.0f32, 1.0], [1.0, 1.0], [-0.0, 1.0]].view());
        assert_eq!(x.codes(), [0, 1, 0]);
        // p = (2/3, 1/3): a non-uniform p(x) has less entropy than log2 of the number of samples.
        assert!((x.entropy().bits() - (3f64.log2() - 2.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn selecting_rows_forgets_absent_labels() {
        let labels = Labels::from_symbols(&[5u8, 6, 7]).select(&[2, 2]);
        assert_eq!((labels.codes(), labels.n_labels()), (&[0u32, 0][..], 1));
    }

    #[test]
    fn few_rows_of_many_labels_are_numbered_as_many_are() {
        let symbols: Vec<u64> = (0..1000).map(|i| i * i * 7919 % 1009).collect();
        let labels = Labels::from_symbols(&symbols);
        for n in [1, 10, 30, 100, 900] {
            let rows: Vec<usize> = (0..n).map(|i| (i * 37 + i * i) % 500).collect();
            let selected = labels.select(&rows);
            let anew: Vec<u64> = rows.iter().map(|&row| symbols[row]).collect();
            assert_eq!(selected, Labels::from_symbols(&anew), "{n} rows");
        }
        assert_eq!(labels.select_ranges(&[3..5, 0..1]), labels.select(&[3, 4, 0]));
    }
}
