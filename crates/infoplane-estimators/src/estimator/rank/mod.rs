//! The columns of a table, ranked by what they tell of a target column, with p-values corrected for their number.
//!
//! Each column is measured by the method that suits it and the target, of the rows in which neither is missing:
//!
//! | column | target | value | p-value |
//! |---|---|---|---|
//! | symbols | symbols | [`ChaoWangJost`](crate::ChaoWangJost) | of the plug-in information: χ² with 5 samples expected in each cell, else permutations |
//! | numbers | symbols | [`Ross`](crate::Ross) of the normal scores of the numbers | of the value: permutations |
//! | symbols | numbers | the same | of the value: permutations |
//! | numbers | numbers | [`Ksg`](crate::Ksg) of the normal scores of both | of the value: permutations |
//! | few multiples of a step | the same | as symbols, where there are 20 samples for each pair of values | as symbols |
//!
//! What is a symbol is told by [`VariableKind`]. Normal scores are Φ⁻¹((rank − ½)/n) with equal numbers in random order: the rank can be
//! read off them and within equal numbers there is nothing to know, so that the information is the same, whatever the units, the tails
//! and the ties of a column.
//!
//! # p-values
//! If a column has nothing to do with the target, its ranks are one of n! orders beside it, all equally likely, ties or not. The value is a
//! function of that order and of the sizes of the classes alone: **all columns of numbers share one set of permutations**, which makes
//! p-values as cheap as so many more columns. Columns whose missing rows or symbols differ have permutations of their own, which end when
//! ten of them reached the value (Besag & Clifford): few for a column that tells nothing.
//!
//! # References
//! Ross (2014), *PLoS ONE* 9:e87357; Kraskov, Stögbauer & Grassberger (2004), *Phys. Rev. E* 69:066138; Besag & Clifford (1991),
//! *Biometrika* 78:301; Phipson & Smyth (2010), *Stat. Appl. Genet. Mol. Biol.* 9:39; Williams (1976), *Biometrika* 63:33.

mod column;
mod correction;
mod ksg;
mod measured;
mod null;
mod ranks;
mod ross;
mod symbols;
mod target;
#[cfg(test)]
mod tests;

pub use column::{Column, MissingSymbols, Note, Values};
pub use correction::MultipleTests;

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::error::{EstimateError, check_fits};
use crate::steps::Steps;
use crate::{Information, VariableKind};
use measured::{Measured, NullKey, Test, measure};
use null::Counted;
use target::Target;

/// How columns are ranked.
#[derive(Debug, Clone, PartialEq)]
pub struct RankOptions {
    /// Number of nearest neighbours, at least 1.
    pub k: usize,
    /// Permutations, at most, for each column; none for no permutation at all. `None` chooses: as many as one column needs to be found
    /// alone among all of them at .05 after the correction, but from 1999 to 9999.
    pub permutations: Option<usize>,
    /// Which p-values are taken where fewer than ten permutations reach a value.
    pub tail: Tail,
    /// How p-values are corrected.
    pub correction: MultipleTests,
    /// What symbols that are missing are.
    pub missing: MissingSymbols,
    /// Seed of the permutations, and of the order of equal numbers.
    pub seed: u64,
}

impl Default for RankOptions {
    fn default() -> Self {
        RankOptions {
            k: super::knn::K,
            permutations: None,
            tail: Tail::default(),
            correction: MultipleTests::default(),
            missing: MissingSymbols::default(),
            seed: 0,
        }
    }
}

/// Which p-values are taken where fewer than ten permutations reach a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tail {
    /// (1 + those that reach it) / (1 + permutations).
    #[default]
    Counted,
    /// The share beyond it of Pearson's distribution of type III with the mean, variance and skewness of the permuted values, where there
    /// are a thousand of them; not below 1 / (1 + permutations)². An extrapolation.
    Fitted,
}

/// How a p-value was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PValueKind {
    /// Permutations were counted.
    Counted,
    /// A distribution was fitted to permuted values.
    Fitted,
    /// From the distribution of χ².
    ChiSquared,
}

impl PValueKind {
    /// Returns its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            PValueKind::Counted => "counted",
            PValueKind::Fitted => "fitted",
            PValueKind::ChiSquared => "chi2",
        }
    }
}

/// What a column tells of the target.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedColumn {
    /// Its place among the columns that were given, from 0.
    pub index: usize,
    /// Its place by information, from 1; none where there is no value.
    pub rank: Option<usize>,
    /// Its kind, found or given.
    pub kind: Option<VariableKind>,
    /// The estimator; none where none was used.
    pub method: Option<&'static str>,
    /// I(column; target), not clamped: around 0 for a column that tells nothing, negative as often as not.
    pub information: Option<Information>,
    /// Its standard error.
    pub standard_error: Option<Information>,
    /// The p-value for independence of the target.
    pub p_value: Option<f64>,
    /// How it was made.
    pub p_kind: Option<PValueKind>,
    /// The counted p-value, where there were permutations.
    pub p_counted: Option<f64>,
    /// Permutations that decided it.
    pub permutations: Option<usize>,
    /// The p-value corrected for the number of columns that have one.
    pub q_value: Option<f64>,
    /// Rows measured.
    pub n_samples: usize,
    /// Rows left out since the column lacks a value there, of those that have a target.
    pub missing: usize,
    /// What a reader should know before quoting it.
    pub notes: Vec<Note>,
}

/// Columns by what they tell of a target.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// Most information first; those without a value last, as they came.
    pub columns: Vec<RankedColumn>,
    /// The kind of the target, found or given.
    pub target_kind: VariableKind,
    /// Rows that have a target.
    pub n_samples: usize,
    /// Rows left out since the target is missing.
    pub target_missing: usize,
    /// Permutations, at most, for each column.
    pub permutations: usize,
    /// Whether one column alone, were all others to tell nothing, cannot reach .05 after the correction with so many permutations.
    pub too_few_permutations: bool,
}

/// Ranks columns by their mutual information with a target; see the [module](self).
///
/// Columns: numbers, of which NaN are missing, or symbols. Time O(n log n) for each column and O(n) for each permutation, over all
/// threads; memory that of the columns. The same bits for any number of threads. A column's value depends on it, the target and the seed alone.
///
/// # Errors
/// [`EstimateError::RowMismatch`] for a column of another length; [`EstimateError::Undetermined`] for a target that never changes, or of
/// which hardly any symbol repeats; [`EstimateError::NotFinite`] for a target that holds infinity; [`EstimateError::TooFewSamples`] for
/// fewer than ten rows that have a target; [`EstimateError::Setting`] for k = 0, and for a target of symbols that is said to be of
/// another kind than names. Columns that cannot be measured are no error: they have a [`Note`] and no value.
///
/// # Examples
/// ```
/// use infoplane_estimators::rank::{Column, RankOptions, rank};
///
/// let noise = |i: usize, factor: f64| ((i as f64 * factor).sin() * 43758.5453).rem_euclid(1.0);
/// let (helps, idle): (Vec<f64>, Vec<f64>) = (1..=300).map(|i| (noise(i, 12.9898), noise(i, 78.233))).unzip();
/// let target = helps.iter().map(|v| if *v > 0.5 { 1 } else { 0 });
/// let target = Column::symbols("class", target.map(Some).collect());
/// let columns = [Column::numbers("idle", idle), Column::numbers("helps", helps)];
/// let ranking = rank(&columns, &target, &RankOptions::default())?;
/// let best = &ranking.columns[0];
/// assert_eq!((best.index, best.rank), (1, Some(1)));
/// assert!((best.information.expect("a value").bits() - 1.0).abs() < 0.1);
/// assert!(best.q_value.expect("a p-value") < 0.01);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
pub fn rank(columns: &[Column], target: &Column, options: &RankOptions) -> Result<Ranking, EstimateError> {
    if options.k == 0 {
        let (given, allowed) = ("0".into(), "a whole number above 0");
        return Err(EstimateError::Setting { key: "k", given, allowed });
    }
    if let Some(other) = columns.iter().find(|column| column.len() != target.len()) {
        return Err(EstimateError::RowMismatch { given: other.len(), expected: target.len() });
    }
    let permutations = options.permutations.unwrap_or_else(|| chosen(columns.len(), options.correction));
    check_fits("permutations", permutations)?;
    let against = Target::new(target, options)?;
    let hashes: Vec<u64> = columns.par_iter().map(Column::hash).collect();
    let originals = originals(columns, &hashes);
    let steps = Steps::new("columns", columns.len());
    let measured: Vec<Option<Measured>> = columns
        .par_iter()
        .enumerate()
        .map(|(index, column)| {
            steps.shown();
            (originals[index] == index).then(|| measure(column, hashes[index], &against, options))
        })
        .collect();
    drop(steps);
    let tests = compared(&measured, permutations, options.seed)?;
    let tell_each_other = |a: &Column, b: &Column| a.tells(b, &against.rows, options.missing);
    let partners = partners(columns, &originals, &measured, tell_each_other);
    let of_target = target.hash_of_symbols(&against.rows, options.missing);
    let mut ranked: Vec<RankedColumn> = (0..columns.len())
        .filter_map(|index| {
            let original = originals[index];
            let found = measured[original].as_ref()?;
            let mut column = found.ranked(index, tests[original], options.tail);
            if partners[index] != index {
                column.notes.push(columns[index].same_as(&columns[partners[index]]));
            }
            if columns[index].has_values_of(target) {
                column.notes.push(Note::IsTarget);
            } else if found.symbols == Some(of_target) && tell_each_other(&columns[index], target) {
                column.notes.push(Note::OneToOneWithTarget);
            }
            Some(column)
        })
        .collect();
    let p_values: Vec<Option<f64>> = ranked.iter().map(|column| column.p_value).collect();
    for (column, q) in ranked.iter_mut().zip(options.correction.corrected(&p_values)) {
        column.q_value = q;
    }
    ranked.sort_by(|a, b| match (a.information, b.information) {
        (Some(a), Some(b)) => b.nats().total_cmp(&a.nats()),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    (1..).zip(ranked.iter_mut().filter(|column| column.information.is_some())).for_each(|(rank, column)| {
        column.rank = Some(rank);
    });
    let m = p_values.iter().flatten().count();
    let needed = options.correction.needed(m, LEVEL);
    let is_counted = |column: &RankedColumn| column.p_kind == Some(PValueKind::Counted);
    Ok(Ranking {
        too_few_permutations: ranked.iter().any(is_counted) && 1.0 / (1 + permutations) as f64 > needed,
        columns: ranked,
        target_kind: against.kind,
        n_samples: against.rows.len(),
        target_missing: target.len() - against.rows.len(),
        permutations,
    })
}

/// The corrected p-value that is usually asked for.
const LEVEL: f64 = 0.05;

/// As many permutations as one of so many columns needs to be found alone.
fn chosen(columns: usize, correction: MultipleTests) -> usize {
    const LEAST: f64 = 2000.0;
    const MOST: f64 = 10_000.0;
    (1.0 / correction.needed(columns, LEVEL)).ceil().clamp(LEAST, MOST) as usize - 1
}

/// For each column the first one that is the same.
fn originals(columns: &[Column], hashes: &[u64]) -> Vec<usize> {
    let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut first = Vec::with_capacity(columns.len());
    for (index, (column, &hash)) in columns.iter().zip(hashes).enumerate() {
        let known = by_hash.entry(hash).or_default();
        let same = known.iter().copied().find(|&other| columns[other].is_same(column));
        first.push(same.unwrap_or(index));
        if same.is_none() {
            known.push(index);
        }
    }
    first
}

/// For each column the first one that tells the same: the one that is equal, or one to one where both were measured as symbols.
fn partners(
    columns: &[Column],
    originals: &[usize],
    measured: &[Option<Measured>],
    tell_each_other: impl Fn(&Column, &Column) -> bool,
) -> Vec<usize> {
    let mut by_hash: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut first = originals.to_vec();
    for (index, &original) in originals.iter().enumerate() {
        let Some(hash) = measured[original].as_ref().and_then(|found| found.symbols) else { continue };
        if original != index {
            // That numbers are equal says more than that they are one to one with others.
            if matches!(columns[index].values, Values::Symbols(_)) {
                first[index] = first[original];
            }
            continue;
        }
        let known = by_hash.entry(hash).or_default();
        match known.iter().copied().find(|&other| tell_each_other(&columns[other], &columns[index])) {
            Some(other) => first[index] = other,
            None => known.push(index),
        }
    }
    first
}

/// Compares the values of all columns with permutations, those of the same null together.
fn compared(
    measured: &[Option<Measured>],
    permutations: usize,
    seed: u64,
) -> Result<Vec<Option<Counted>>, EstimateError> {
    let mut groups: BTreeMap<NullKey, Vec<(usize, f64)>> = BTreeMap::new();
    for (index, column) in measured.iter().enumerate() {
        if let Some(Test::Permuted { key, statistic, .. }) =
            column.as_ref().and_then(|column| column.test.as_ref())
        {
            // Each table of symbols has margins of its own.
            let key = if *key == NullKey::Symbols(0) { NullKey::Symbols(index) } else { key.clone() };
            groups.entry(key).or_default().push((index, *statistic));
        }
    }
    let mut found = vec![None; measured.len()];
    if permutations == 0 {
        return Ok(found);
    }
    let groups: Vec<Vec<(usize, f64)>> = groups.into_values().collect();
    let steps = Steps::new("tests", groups.len());
    let counted: Vec<Vec<(usize, Counted)>> = groups
        .into_par_iter()
        .panic_fuse()
        .map(|group| {
            let (indices, values): (Vec<usize>, Vec<f64>) = group.into_iter().unzip();
            let test = measured[indices[0]].as_ref().and_then(|column| column.test.as_ref());
            let counted = match test {
                Some(Test::Permuted { null, .. }) => null::compare(null, &values, permutations, seed)?,
                _ => Vec::new(),
            };
            steps.shown();
            Ok(indices.into_iter().zip(counted).collect())
        })
        .collect::<Result<_, EstimateError>>()?;
    counted.into_iter().flatten().for_each(|(index, counted)| found[index] = Some(counted));
    Ok(found)
}
