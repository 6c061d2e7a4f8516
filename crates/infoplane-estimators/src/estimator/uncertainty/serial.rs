//! Whether rows depend on the rows before them, and over how many rows.

use std::ops::Range;

use rayon::prelude::*;

use crate::Variable;
use crate::interrupt;
use crate::random::{Purpose, generator, shuffle};

/// Lags that are looked at.
const LAGS: usize = 10;
/// Orders that the rows are compared with: with both sides of a pair, 1 false alarm in 1000 pairs at most.
const ORDERS: u64 = 1999;
/// Fewer rows show no dependence.
const FEWEST: usize = 20;
/// Values that are looked at, at most, in stretches of consecutive rows.
const MOST_VALUES: usize = 8192;
/// Rows of such a stretch.
const STRETCH: usize = 256;
/// Columns that are looked at, at most.
const MOST_COLUMNS: usize = 8;
/// Lags of which every one is looked at for the correlation length; of longer ones, bisection finds it.
const EVERY_LAG: usize = 64;

/// Returns whether the rows of a variable depend on the rows before them: the correlation length if so.
///
/// Rows do so in a time series, and also in a file that was sorted, by class or by value; the two cannot be told apart.
/// [`subsampling_error`](crate::subsampling_error), [`bootstrap`](crate::bootstrap) and
/// [`permutation_test`](crate::permutation_test) take rows for independent draws.
///
/// The statistic is a portmanteau of ranks (equal values have their mean rank), summed over columns, in which short
/// lags have more weight than in that of Box and Pierce:
///
/// ```text
/// Q = Σ_k (n − k) r_k² / k,   k = 1 … 10 (at most n/4)
/// ```
///
/// with r_k the correlation of rows k apart; for labels, the share of equal pairs k apart in excess of that of all
/// pairs, as a share of what it could be. It is compared with Q of 1999 random orders of the same rows, and rows are
/// dependent if it exceeds all of them. If rows are independent, this happens with probability at most 1/2000,
/// whatever their distribution: it holds for heavy tails, ties and any number of rows. Measured on independent normal,
/// Cauchy, rounded and mostly equal numbers and on labels, of 20, 100 and 1000 rows: 1 alarm in 3600. Autoregressive
/// series of coefficient .5 are recognised from 100 rows in 80 of 100 cases, of −.5 in 86, and of .3 from 300 rows in
/// 90.
///
/// The correlation length is the first lag at which the correlation is below 1/e in magnitude, the longest of all
/// columns, and at most n/4. For an autoregressive series of coefficient φ it is about 1 / (1 − φ).
///
/// Of more than 8192 rows, stretches of 256 consecutive rows are looked at, evenly spaced, and of more than 8 columns
/// 8. Fewer than 20 rows show nothing. Cost O(n log n + 2000 · 10 · 8192) for dependent rows; independent ones are
/// recognised after a few orders.
///
/// ```
/// use infoplane_estimators::serial_dependence;
/// let noise = |i: i32| ((f64::from(i) * 12.9898).sin() * 43758.5453).rem_euclid(1.0) - 0.5;
/// let independent: Vec<f64> = (0..300).map(noise).collect();
/// assert_eq!(serial_dependence(&independent), None);
/// let mut series = vec![0.0];
/// (1..300).for_each(|i| series.push(0.9 * series[i - 1] + noise(i as i32)));
/// assert!(serial_dependence(&series).is_some_and(|length| (3..40).contains(&length)));
/// ```
///
/// # References
/// Box & Pierce (1970), *Distribution of residual autocorrelations in autoregressive-integrated moving average time
/// series models*, JASA 65:1509; Wald & Wolfowitz (1943), *An exact test for randomness in the non-parametric case
/// based on serial correlation*, Ann. Math. Stat. 14:378, for the comparison with orders.
pub fn serial_dependence<'x>(variable: impl Into<Variable<'x>>) -> Option<usize> {
    let variable: Variable<'x> = variable.into();
    depends(&variable).then(|| correlation_length(&variable))
}

/// What is known of rows: of every column the ranks, of mean 0 and variance 1; or which symbol each is.
enum Scores {
    Ranks(Vec<Vec<f64>>),
    Symbols(Vec<u32>),
}

impl Scores {
    fn new(variable: &Variable<'_>, rows: impl Iterator<Item = usize> + Clone) -> Scores {
        if let Variable::Labels(labels) = variable {
            return Scores::Symbols(rows.map(|row| labels.codes()[row]).collect());
        }
        let width = variable.width();
        let used = width.min(MOST_COLUMNS);
        let columns = (0..used)
            .map(|i| {
                let column = variable.column(i * width / used);
                ranks(&rows.clone().map(|row| column[row]).collect::<Vec<_>>())
            })
            .collect();
        Scores::Ranks(columns)
    }

    /// The same in another order.
    fn ordered(&self, order: &[usize]) -> Scores {
        match self {
            Scores::Ranks(columns) => Scores::Ranks(
                columns.iter().map(|column| order.iter().map(|&row| column[row]).collect()).collect(),
            ),
            Scores::Symbols(codes) => Scores::Symbols(order.iter().map(|&row| codes[row]).collect()),
        }
    }

    /// Σ (n − k) r_k² / k over columns and lags, within stretches of so many rows.
    fn portmanteau(&self, stretch: usize) -> f64 {
        let lags = LAGS.min(stretch / 4);
        match self {
            Scores::Ranks(columns) => {
                columns.iter().map(|column| squared(lagged(column, stretch, |a, b| a * b), lags)).sum()
            }
            Scores::Symbols(codes) => {
                let expected = equal_pairs(codes);
                let excess = |a: u32, b: u32| (f64::from(u8::from(a == b)) - expected) / (1.0 - expected);
                if expected < 1.0 { squared(lagged(codes, stretch, excess), lags) } else { 0.0 }
            }
        }
    }

    /// The correlation of rows `lag` apart, of the column where its magnitude is largest.
    fn correlation(&self, lag: usize) -> f64 {
        match self {
            Scores::Ranks(columns) => columns
                .iter()
                .map(|column| {
                    let pairs = column.iter().zip(&column[lag..]);
                    (pairs.map(|(a, b)| a * b).sum::<f64>() / (column.len() - lag) as f64).abs()
                })
                .fold(0.0, f64::max),
            Scores::Symbols(codes) => {
                let expected = equal_pairs(codes);
                let equal = codes.iter().zip(&codes[lag..]).filter(|(a, b)| a == b).count();
                let share = equal as f64 / (codes.len() - lag) as f64;
                if expected < 1.0 { ((share - expected) / (1.0 - expected)).abs() } else { 0.0 }
            }
        }
    }
}

/// Σ over pairs of rows 1, 2, … lags apart, and the number of pairs.
fn lagged<T: Copy>(values: &[T], stretch: usize, of: impl Fn(T, T) -> f64) -> [(f64, usize); LAGS] {
    let mut sums = [(0.0, 0); LAGS];
    for values in values.chunks_exact(stretch) {
        let inner = stretch.saturating_sub(LAGS);
        for (i, &a) in values.iter().enumerate() {
            if i < inner {
                for (sum, &b) in sums.iter_mut().zip(&values[i + 1..=i + LAGS]) {
                    sum.0 += of(a, b);
                }
            } else {
                for (sum, &b) in sums.iter_mut().zip(&values[i + 1..]) {
                    sum.0 += of(a, b);
                }
            }
        }
        for (k, sum) in (1..).zip(&mut sums) {
            sum.1 += stretch.saturating_sub(k);
        }
    }
    sums
}

fn squared(sums: [(f64, usize); LAGS], lags: usize) -> f64 {
    (1..).zip(&sums[..lags]).map(|(k, (sum, pairs))| sum * sum / ((*pairs).max(1) * k) as f64).sum()
}

/// The share of equal ones among all pairs of different rows.
fn equal_pairs(codes: &[u32]) -> f64 {
    let mut counts = vec![0usize; codes.iter().max().map_or(0, |code| *code as usize + 1)];
    codes.iter().for_each(|code| counts[*code as usize] += 1);
    let equal: f64 = counts.iter().filter(|c| **c > 1).map(|&c| c as f64 * (c - 1) as f64).sum();
    let n = codes.len() as f64;
    if codes.len() > 1 { equal / (n * (n - 1.0)) } else { 1.0 }
}

/// Ranks with mean 0 and variance 1, equal values with their mean rank; of a constant column all 0.
fn ranks(values: &[f64]) -> Vec<f64> {
    let n = values.len();
    let mut order: Vec<usize> = (0..n).collect();
    // + 0: −0 equals 0.
    interrupt::sort_by(&mut order, |&a, &b| (values[a] + 0.0).total_cmp(&(values[b] + 0.0)));
    let mut ranks = vec![0.0; n];
    let (mut first, mut squares) = (0, 0.0);
    while first < n {
        let equal =
            order[first..].iter().take_while(|&&row| values[row] == values[order[first]]).count().max(1);
        let rank = (2 * first + equal) as f64 / 2.0 - n as f64 / 2.0;
        squares += rank * rank * equal as f64;
        order[first..first + equal].iter().for_each(|&row| ranks[row] = rank);
        first += equal;
    }
    if squares > 0.0 {
        let deviation = (squares / n as f64).sqrt();
        ranks.iter_mut().for_each(|rank| *rank /= deviation);
    }
    ranks
}

/// The stretches of rows that are looked at.
fn stretches(n: usize, columns: usize) -> Vec<Range<usize>> {
    let most = MOST_VALUES / columns.clamp(1, MOST_COLUMNS);
    if n <= most {
        return std::iter::once(0..n).collect();
    }
    let count = most / STRETCH;
    let begin = |i: usize| i * (n - STRETCH) / (count - 1);
    (0..count).map(|i| begin(i)..begin(i) + STRETCH).collect()
}

fn depends(variable: &Variable<'_>) -> bool {
    let n = variable.n_samples();
    if n < FEWEST || variable.width() == 0 {
        return false;
    }
    let stretches = stretches(n, variable.width());
    let stretch = stretches[0].len();
    let scores = Scores::new(variable, stretches.into_iter().flatten());
    let rows = match &scores {
        Scores::Ranks(columns) => columns[0].len(),
        Scores::Symbols(codes) => codes.len(),
    };
    // Sums in another order may differ by rounding; equal ones count as reached.
    let own = scores.portmanteau(stretch) * (1.0 - 1e-9);
    !(0..ORDERS).into_par_iter().any(|index| {
        let mut order: Vec<usize> = (0..rows).collect();
        shuffle(&mut generator(0, Purpose::Uncertainty, 3 << 32 | index), &mut order);
        scores.ordered(&order).portmanteau(stretch) >= own
    })
}

/// Returns the first lag at which rows correlate by less than 1/e, at most a quarter of the rows.
pub(super) fn correlation_length(variable: &Variable<'_>) -> usize {
    let n = variable.n_samples();
    let most = (n / 4).max(1);
    if n < 4 || variable.width() == 0 {
        return 1;
    }
    let scores = Scores::new(variable, 0..n);
    let below = |lag: usize| scores.correlation(lag) < 1.0 / std::f64::consts::E;
    if let Some(lag) = (1..=most.min(EVERY_LAG)).find(|&lag| below(lag)) {
        return lag;
    }
    let (mut short, mut long) = (most.min(EVERY_LAG), most);
    // The shortest power of two times the last lag that is long enough, then halves between.
    let mut lag = 2 * short;
    while lag < most {
        if below(lag) {
            long = lag;
            break;
        }
        short = lag;
        lag *= 2;
    }
    while long - short > 1 {
        let middle = short + (long - short) / 2;
        if below(middle) { long = middle } else { short = middle }
    }
    long
}
