//! The column that the others are measured against.

use super::RankOptions;
use super::column::{Column, MissingSymbols, Values};
use super::ranks::Ranks;
use crate::estimator::error::EstimateError;
use crate::interrupt;
use crate::random::{Purpose, generator, shuffle};
use crate::variable::kind::{ColumnKind, kind_of_column};
use crate::{Labels, VariableKind};

/// Rows below which nothing is measured.
pub(super) const FEWEST: usize = 10;

/// A target without the rows that lack it.
pub(super) struct Target {
    /// The rows that have it.
    pub(super) rows: Vec<usize>,
    pub(super) kind: VariableKind,
    pub(super) side: Side,
    /// For all rows.
    pub(super) ranks: Ranks,
}

/// A side of a pair: labels, or numbers by their order.
pub(super) enum Side {
    Labels(Labels),
    Numbers(Ordered),
}

/// Numbers in ascending order.
pub(super) struct Ordered {
    /// Places of the numbers, in ascending order, equal ones in random order.
    pub(super) order: Vec<u32>,
    /// The number of the value of each place; equal ones share it.
    pub(super) values: Labels,
}

impl Target {
    pub(super) fn new(target: &Column, options: &RankOptions) -> Result<Target, EstimateError> {
        if let (Values::Symbols(_), Some(kind)) = (&target.values, target.kind)
            && kind != VariableKind::Names
        {
            let (given, allowed) = (kind.name().into(), "names, as the target is symbols");
            return Err(EstimateError::Setting { key: "target_kind", given, allowed });
        }
        let rows: Vec<usize> = match &target.values {
            Values::Numbers(values) => {
                if let Some(row) = values.iter().position(|value| value.is_infinite()) {
                    return Err(EstimateError::NotFinite { row, column: 0, value: values[row] });
                }
                (0..values.len()).filter(|&row| !values[row].is_nan()).collect()
            }
            Values::Symbols(symbols) if options.missing == MissingSymbols::Drop => {
                (0..symbols.len()).filter(|&row| symbols[row].is_some()).collect()
            }
            Values::Symbols(symbols) => (0..symbols.len()).collect(),
        };
        let n = rows.len();
        if n < FEWEST {
            let reason = "the target".into();
            return Err(EstimateError::TooFewSamples {
                estimator: "rank",
                reason,
                needed: FEWEST,
                n_samples: n,
            });
        }
        let (kind, side) = side(target, &rows, target.hash(), options.seed);
        let Some(kind) = kind else {
            return Err(EstimateError::Undetermined {
                reason: "the target never changes, so that no column can tell anything of it".into(),
                choices: "name another column as the target",
            });
        };
        if let Side::Labels(labels) = &side
            && is_identifier(labels)
        {
            return Err(EstimateError::Undetermined {
                reason: format!(
                    "the target has {} different symbols in {n} rows: it says which row it is",
                    labels.n_labels()
                ),
                choices: "name a target whose symbols repeat, or one of numbers",
            });
        }
        Ok(Target { kind, side, ranks: Ranks::new(n), rows })
    }
}

/// Whether labels hardly do more than number the rows.
pub(super) fn is_identifier(labels: &Labels) -> bool {
    labels.n_labels() > labels.len() / 2
}

/// The values of a column in some rows, none of which lacks one, and their kind; no kind where the column never changes.
///
/// Equal numbers come in an order that the column and the seed decide, whatever the place of the column.
pub(super) fn side(column: &Column, rows: &[usize], hash: u64, seed: u64) -> (Option<VariableKind>, Side) {
    match &column.values {
        Values::Symbols(symbols) => {
            let labels = labels(&rows.iter().map(|&row| symbols[row]).collect::<Vec<_>>());
            ((labels.n_labels() > 1).then_some(VariableKind::Names), Side::Labels(labels))
        }
        Values::Numbers(values) => {
            let mut sorted: Vec<(f64, u32)> =
                // Adding 0 makes the zero of −0 that of 0: they are equal.
                (0u32..).zip(rows).map(|(place, &row)| (values[row] + 0.0, place)).collect();
            interrupt::sort_by(&mut sorted, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            let found = match kind_of_column(sorted.iter().map(|(value, _)| *value).collect(), false) {
                ColumnKind::Constant => None,
                ColumnKind::Names => Some(VariableKind::Names),
                ColumnKind::Lattice { .. } => Some(VariableKind::Lattice),
                ColumnKind::Mixed => Some(VariableKind::Mixed),
                ColumnKind::Continuous => Some(VariableKind::Continuous),
            };
            let kind = found.map(|found| column.kind.unwrap_or(found));
            let mut codes = vec![0; sorted.len()];
            let mut n_labels = 0;
            let mut random = generator(seed, Purpose::Ties, hash >> 8);
            for equal in sorted.chunk_by_mut(|a, b| a.0 == b.0) {
                equal.iter().for_each(|&(_, place)| codes[place as usize] = n_labels);
                n_labels += 1;
                if equal.len() > 1 {
                    shuffle(&mut random, equal);
                }
            }
            let values = Labels::count(codes, n_labels as usize);
            match kind {
                Some(VariableKind::Names) | None => (kind, Side::Labels(values)),
                kind => {
                    let order = sorted.into_iter().map(|(_, place)| place).collect();
                    (kind, Side::Numbers(Ordered { order, values }))
                }
            }
        }
    }
}

/// Labels of symbols, in the order in which they first occur.
pub(super) fn labels<S: Copy + Eq + std::hash::Hash>(symbols: &[S]) -> Labels {
    let mut numbers = std::collections::HashMap::new();
    let codes = symbols.iter().map(|&symbol| {
        let next = numbers.len() as u32;
        *numbers.entry(symbol).or_insert(next)
    });
    let codes = codes.collect();
    Labels::count(codes, numbers.len())
}

impl Side {
    /// The same of some of the places.
    pub(super) fn select(&self, places: &[usize]) -> Side {
        match self {
            Side::Labels(all) => {
                Side::Labels(labels(&places.iter().map(|&place| all.codes()[place]).collect::<Vec<_>>()))
            }
            Side::Numbers(Ordered { order, values }) => {
                let mut now = vec![u32::MAX; order.len()];
                (0u32..).zip(places).for_each(|(new, &place)| now[place] = new);
                let order = order.iter().map(|&place| now[place as usize]).filter(|&place| place != u32::MAX);
                let values = labels(&places.iter().map(|&place| values.codes()[place]).collect::<Vec<_>>());
                Side::Numbers(Ordered { order: order.collect(), values })
            }
        }
    }
}
