//! Scaling of columns before an estimate.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use rand_chacha::rand_core::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::span::independent_columns;
use crate::interrupt::{self, Seldom};
use crate::math;
use crate::random::shuffle;
use crate::special::normal_quantile;
use crate::{EstimateError, Variable};

/// Scaling applied to each column first.
///
/// Strictly monotone maps of columns leave information unchanged, but methods that take one radius in all
/// columns need comparable units. For all but `none` a column that is a linear combination of others of its variable, up to
/// rounding, is excluded as one that never changes is: it tells nothing that they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// None: the definition as published.
    None,
    /// Divided by its standard deviation; where values are a thousand interquartile ranges from the median, by 0.741 of that
    /// range, which is the standard deviation of a normal column: in units of the deviation nothing would be left of the
    /// differences between the others.
    #[default]
    Standardized,
    /// Each value replaced by the normal quantile of its rank, Φ⁻¹((rank − ½)/n), equal values by that of
    /// their mean rank. For heavy tails and skewed columns.
    NormalScores,
}

impl Scaling {
    /// Returns its name in configuration files.
    pub const fn name(self) -> &'static str {
        match self {
            Scaling::None => "none",
            Scaling::Standardized => "standardized",
            Scaling::NormalScores => "normal-scores",
        }
    }
}

/// Scaled columns.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    /// `(n_samples, columns that change)`, in standard layout.
    pub(crate) values: Array2<f64>,
    /// Constant columns, which were excluded.
    pub(crate) constant: usize,
    /// Columns that are linear combinations of others, which were excluded; not looked for where nothing is scaled.
    pub(crate) dependent: usize,
    /// Σ ln of what columns were divided by: what scaling took from the differential entropy.
    pub(crate) ln_scale: f64,
}

/// Returns the scaled columns of a matrix in double precision, without constant columns.
///
/// `None` for labels. Values are finite (checked before) and stay so: a column is first divided by its
/// largest magnitude, so that squares neither overflow nor vanish.
pub(crate) fn columns(variable: &Variable<'_>, scaling: Scaling) -> Option<Columns> {
    let values = match variable {
        Variable::Labels(_) => return None,
        Variable::Single(rows) => rows.mapv(f64::from),
        Variable::Double(rows) => rows.to_owned(),
    };
    let changing: Vec<usize> = (0..values.ncols())
        .filter(|&column| {
            let column = values.column(column);
            column.iter().any(|v| *v != column[0])
        })
        .collect();
    let constant = values.ncols() - changing.len();
    let mut values = if constant == 0 {
        values.as_standard_layout().into_owned()
    } else {
        // A choice of columns comes in the order of columns.
        values.select(Axis(1), &changing).as_standard_layout().into_owned()
    };
    let mut dependent = 0;
    if scaling != Scaling::None {
        let kept = independent_columns(&values);
        dependent = values.ncols() - kept.len();
        if dependent > 0 {
            values = values.select(Axis(1), &kept).as_standard_layout().into_owned();
        }
    }
    let mut ln_scale = 0.0;
    match scaling {
        Scaling::None => {}
        Scaling::Standardized => ln_scale = standardize(&mut values),
        Scaling::NormalScores => values = normal_scores(values.view()),
    }
    Some(Columns { values, constant, dependent, ln_scale })
}

impl Columns {
    /// Refuses columns of which the differential entropy is −∞.
    pub(crate) fn check_density(&self) -> Result<(), EstimateError> {
        let dependent = self.dependent + self.values.ncols() - independent_columns(&self.values).len();
        let reason = match (self.constant, dependent) {
            (0, 0) => return Ok(()),
            (0, 1) => "a column is a linear combination of the others".into(),
            (0, columns) => format!("{columns} columns are linear combinations of the others"),
            (1, _) => "a column never changes".into(),
            (columns, _) => format!("{columns} columns never change"),
        };
        Err(EstimateError::Undetermined {
            reason: format!("{reason}, so that the differential entropy is −∞"),
            choices: "leave them out, or use the entropy of a discrete method",
        })
    }
}

/// Divides every column that changes by its standard deviation, as [`Scaling::Standardized`] says; returns Σ ln of the
/// divisors.
pub(crate) fn standardize(values: &mut Array2<f64>) -> f64 {
    let n = values.nrows() as f64;
    let mut ln_scale = 0.0;
    for mut column in values.columns_mut() {
        let largest = column.iter().fold(0f64, |m, v| m.max(v.abs()));
        let mean = column.iter().map(|v| v / largest).sum::<f64>() / n;
        let variance = column.iter().map(|v| (v / largest - mean) * (v / largest - mean)).sum::<f64>() / n;
        let deviation = match Quartiles::of_far_tailed(column.view()) {
            Some(Quartiles { half_range, .. }) => 2.0 * NORMAL_DEVIATION * (half_range / largest),
            None => variance.sqrt(),
        };
        // A column whose values differ by rounding only, against their size, is left as it is but for its size.
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        column.mapv_inplace(|v| v / largest / deviation);
        ln_scale += math::ln(largest) + math::ln(deviation);
    }
    ln_scale
}

/// A value this many interquartile ranges from the median is a heavy tail: practically no normal number is, and one
/// in thirty of Cauchy's. There the standard deviation is no scale.
const HEAVY: f64 = 10.0;

/// A value so many interquartile ranges away leaves nothing of the others' differences in units of the deviation.
const FAR: f64 = 1000.0;

/// The standard deviation of a normal column in interquartile ranges: 1/(2 Φ⁻¹(¾)).
const NORMAL_DEVIATION: f64 = 0.741_301_109_252_801;

/// The middle of a column with a tail.
pub(crate) struct Quartiles {
    pub(crate) median: f64,
    /// Half of the interquartile range, above 0: the range of finite numbers may not be finite.
    pub(crate) half_range: f64,
}

impl Quartiles {
    /// Returns those of a column of which some values are a thousand interquartile ranges from the median.
    pub(crate) fn of_far_tailed(column: ArrayView1<'_, f64>) -> Option<Self> {
        Quartiles::where_values_reach(column, FAR)
    }

    /// Returns those of a column of which some values are ten interquartile ranges from the median.
    pub(crate) fn of_heavy_tailed(column: ArrayView1<'_, f64>) -> Option<Self> {
        Quartiles::where_values_reach(column, HEAVY)
    }

    fn where_values_reach(column: ArrayView1<'_, f64>, times: f64) -> Option<Self> {
        let n = column.len();
        if n < 4 {
            return None;
        }
        let mut values = column.to_vec();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Three selections are O(n), where sorting is not.
        let median = *values.select_nth_unstable_by(n / 2, f64::total_cmp).1;
        let lower = *values[..n / 2].select_nth_unstable_by(n / 4, f64::total_cmp).1;
        let upper = *values[n / 2..].select_nth_unstable_by(3 * n / 4 - n / 2, f64::total_cmp).1;
        let half_range = upper / 2.0 - lower / 2.0;
        let farthest = (most / 2.0 - median / 2.0).max(median / 2.0 - least / 2.0);
        (half_range > 0.0 && farthest > times * half_range).then_some(Quartiles { median, half_range })
    }
}

/// Returns columns in units of their deviations, those with values a thousand interquartile ranges away first as asinh((v −
/// median)/interquartile range), a smooth map that is one to one: what is a function stays one, and no value is so large that
/// the others are nothing beside it.
pub(crate) fn without_tails(variable: &Variable<'_>) -> Option<Array2<f64>> {
    let mut values = columns(variable, Scaling::None)?.values;
    for mut column in values.columns_mut() {
        if let Some(Quartiles { median, half_range }) = Quartiles::of_far_tailed(column.view()) {
            column.mapv_inplace(|v| {
                let distance = (v / 2.0 - median / 2.0) / half_range;
                let size = distance.abs();
                // Beyond 1e8 the square root is the distance itself, and its square may overflow.
                let root = if size < 1e8 { (1.0 + size * size).sqrt() } else { size };
                distance.signum() * math::ln_1p(size + (root - 1.0))
            });
        }
    }
    standardize(&mut values);
    Some(values)
}

/// Φ⁻¹((rank − ½)/n) of every value within its column; equal values share their mean rank.
pub(crate) fn normal_scores(values: ArrayView2<'_, f64>) -> Array2<f64> {
    let n = values.nrows();
    let mut scores = Array2::zeros(values.raw_dim());
    let mut order: Vec<usize> = Vec::with_capacity(n);
    let mut seldom = Seldom::default();
    for (column, mut scores) in values.columns().into_iter().zip(scores.columns_mut()) {
        order.clear();
        order.extend(0..n);
        interrupt::sort_by(&mut order, |&a, &b| column[a].total_cmp(&column[b]).then(a.cmp(&b)));
        let mut first = 0;
        while first < n {
            seldom.poll();
            let equal = order[first..].iter().take_while(|&&row| column[row] == column[order[first]]).count();
            // Ranks first + 1 ..= first + equal, the mean of rank − ½, counted from the nearer end: reversing a
            // column then reverses the scores, to the last bit.
            let (below, above) = (first as f64 + equal as f64 / 2.0, (n - first) as f64 - equal as f64 / 2.0);
            let score = if below <= above {
                normal_quantile(below / n as f64)
            } else {
                -normal_quantile(above / n as f64)
            };
            for &row in &order[first..first + equal] {
                scores[row] = score;
            }
            first += equal;
        }
    }
    scores
}

/// Φ⁻¹((rank + ½)/n) of a rank from 0.
pub(super) fn normal_score(rank: usize, n: usize) -> f64 {
    // Counted from the nearer end, as `normal_scores` does.
    let (below, above) = (rank as f64 + 0.5, (n - rank) as f64 - 0.5);
    if below <= above { normal_quantile(below / n as f64) } else { -normal_quantile(above / n as f64) }
}

/// Φ⁻¹((rank − ½)/n) of every value within its column, equal values in a random order.
///
/// No two scores of a column are equal, and a value is still known from the ranks that it has.
pub(crate) fn untied_normal_scores(values: ArrayView2<'_, f64>, random: &mut impl Rng) -> Array2<f64> {
    let n = values.nrows();
    let mut scores = Array2::zeros(values.raw_dim());
    let mut order: Vec<usize> = Vec::with_capacity(n);
    for (column, mut scores) in values.columns().into_iter().zip(scores.columns_mut()) {
        order.clear();
        order.extend(0..n);
        // Adding 0 makes the zero of −0 that of 0: they are equal.
        let value = |row: usize| column[row] + 0.0;
        interrupt::sort_by(&mut order, |&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
        for equal in order.chunk_by_mut(|&a, &b| value(a) == value(b)) {
            if equal.len() > 1 {
                shuffle(random, equal);
            }
        }
        for (rank, &row) in order.iter().enumerate() {
            scores[row] = normal_score(rank, n);
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn ties_are_broken_within_their_ranks_and_differently_by_seed() {
        use crate::random::{Purpose, generator};
        let values = array![[2.0], [0.0], [2.0], [-0.0], [5.0], [2.0]];
        let of = |seed| untied_normal_scores(values.view(), &mut generator(seed, Purpose::Nearest, 0));
        let quantile = |rank: usize| normal_quantile((rank as f64 + 0.5) / 6.0);
        let mut orders = std::collections::HashSet::new();
        for seed in 0..40 {
            let scores = of(seed);
            let mut sorted = scores.column(0).to_vec();
            sorted.sort_unstable_by(f64::total_cmp);
            assert!(sorted.iter().enumerate().all(|(rank, v)| (v - quantile(rank)).abs() < 1e-12));
            assert!(scores[(1, 0)].max(scores[(3, 0)]) < scores[(0, 0)].min(scores[(2, 0)]));
            assert!(scores[(4, 0)] == sorted[5]);
            orders.insert(scores.column(0).iter().map(|v| v.to_bits()).collect::<Vec<_>>());
        }
        // 2! · 3! orders, of which forty draws show most.
        assert!(orders.len() > 8 && orders.len() <= 12, "{}", orders.len());
        assert_eq!(of(3), of(3));
    }

    #[test]
    fn scaled_columns_have_unit_deviation_and_constant_ones_are_left_out() {
        let rows = array![[1e200, 5.0, 0.0], [3e200, 5.0, 1e-300]];
        let columns = columns(&Variable::Double(rows.view()), Scaling::Standardized).unwrap();
        assert_eq!(columns.constant, 1);
        for column in columns.values.columns() {
            assert!((column[1] - column[0] - 2.0).abs() < 1e-12);
        }
    }

    #[test]
    fn one_value_far_away_leaves_the_others_their_differences() {
        use crate::random::{Purpose, generator, normal};
        let mut random = generator(2, Purpose::Known, 0);
        let mut rows = Array2::from_shape_simple_fn((1001, 1), || normal(&mut random));
        let without = columns(&Variable::Double(rows.view()), Scaling::Standardized).unwrap();
        rows[(7, 0)] = 1e8;
        let with = columns(&Variable::Double(rows.view()), Scaling::Standardized).unwrap();
        assert!((with.ln_scale - without.ln_scale).abs() < 0.1);
        let difference = |columns: &Columns| columns.values[(1, 0)] - columns.values[(2, 0)];
        assert!((difference(&with) / difference(&without) - 1.0).abs() < 0.1);
    }

    #[test]
    fn normal_scores_are_symmetric_and_share_ranks() {
        let scores = normal_scores(array![[10.0], [-5.0], [10.0], [99.0]].view());
        assert_eq!(scores[(1, 0)], -scores[(3, 0)]);
        assert_eq!((scores[(0, 0)], scores[(2, 0)]), (0.0, 0.0));
        assert!((scores[(3, 0)] - 1.1503493803760079).abs() < 1e-12); // Φ⁻¹(7/8)
    }
}
