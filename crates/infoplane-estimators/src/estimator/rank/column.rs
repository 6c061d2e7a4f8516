//! Columns of a table, and what is to be said of them.

use std::fmt;

use crate::VariableKind;

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What it is called.
    pub name: String,
    /// A value for each row.
    pub values: Values,
    /// Its kind, if it is not to be found out; symbols are always [`VariableKind::Names`].
    pub kind: Option<VariableKind>,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers; NaN are missing.
    Numbers(Vec<f64>),
    /// Symbols, as numbers that mean nothing but themselves.
    Symbols(Vec<Option<u32>>),
}

/// What symbols that are missing are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MissingSymbols {
    /// Left out, as numbers are.
    #[default]
    Drop,
    /// A symbol of their own.
    Symbol,
}

/// What a reader should know of a column.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// It holds the same numbers as an earlier column.
    EqualTo {
        /// The name of that.
        column: String,
    },
    /// Its symbols tell those of an earlier column, and the other way round.
    OneToOne {
        /// The name of that.
        column: String,
    },
    /// It is the target.
    IsTarget,
    /// Its symbols tell the values of the target, and the other way round.
    OneToOneWithTarget,
    /// It never changes.
    Constant,
    /// It has more than half as many different symbols as rows: it says which row it is, not what is in it.
    Identifier {
        /// Different symbols.
        distinct: usize,
        /// Rows.
        n_samples: usize,
    },
    /// Too few rows have both it and the target.
    TooFewSamples {
        /// Rows.
        n_samples: usize,
        /// Rows needed.
        needed: usize,
    },
    /// The target never changes in the rows that have a value.
    ConstantTarget,
    /// A value is infinite.
    NotFinite {
        /// Its row, from 0.
        row: usize,
    },
    /// The value is near the largest that so many samples allow: the information may be larger, or infinite.
    NearCeiling,
    /// So many rows have a label that occurs once, and were left out.
    LabelsAlone {
        /// Rows.
        dropped: usize,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::EqualTo { column } => write!(f, "equal to column {column}"),
            Note::OneToOne { column } => write!(f, "one to one with column {column}"),
            Note::IsTarget => f.write_str("the target itself"),
            Note::OneToOneWithTarget => f.write_str("one to one with the target"),
            Note::Constant => f.write_str("never changes"),
            Note::Identifier { distinct, n_samples } => {
                write!(f, "an identifier: {distinct} different symbols in {n_samples} rows")
            }
            Note::TooFewSamples { n_samples, needed } => {
                write!(f, "{} with a value; {needed} are needed", rows(*n_samples))
            }
            Note::ConstantTarget => f.write_str("the target never changes where there is a value"),
            Note::NotFinite { row } => write!(f, "infinite in row {row} (from 0)"),
            Note::NearCeiling => f.write_str("at least this: near the most that so many rows can show"),
            Note::LabelsAlone { dropped } => {
                write!(f, "{} left out whose label occurs once", rows(*dropped))
            }
        }
    }
}

/// `1 row`, `2 rows`.
fn rows(n: usize) -> String {
    format!("{n} row{}", if n == 1 { "" } else { "s" })
}

impl Column {
    /// A column of numbers, of which NaN are missing.
    pub fn numbers(name: impl Into<String>, values: Vec<f64>) -> Column {
        Column { name: name.into(), values: Values::Numbers(values), kind: None }
    }

    /// A column of symbols.
    pub fn symbols(name: impl Into<String>, values: Vec<Option<u32>>) -> Column {
        Column { name: name.into(), values: Values::Symbols(values), kind: None }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Numbers(values) => values.len(),
            Values::Symbols(values) => values.len(),
        }
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether another column tells the same of the rows, so that all that is measured of it is the same.
    pub(super) fn is_same(&self, other: &Column) -> bool {
        self.kind == other.kind && self.has_values_of(other)
    }

    /// Whether another column holds the same numbers, or symbols that tell each other, whatever kind the columns are said to be of.
    pub(super) fn has_values_of(&self, other: &Column) -> bool {
        match (&self.values, &other.values) {
            (Values::Numbers(a), Values::Numbers(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| bits(a) == bits(b))
            }
            (Values::Symbols(a), Values::Symbols(b)) => {
                a.len() == b.len() && in_order(a.iter().copied()).eq(in_order(b.iter().copied()))
            }
            _ => false,
        }
    }

    /// That this column tells the same as another one.
    pub(super) fn same_as(&self, other: &Column) -> Note {
        let column = other.name.clone();
        match self.values {
            Values::Numbers(_) if self.has_values_of(other) => Note::EqualTo { column },
            _ => Note::OneToOne { column },
        }
    }

    /// The values in some rows, be they numbers or symbols, by the order in which they first occur there; none where one is left out.
    fn as_symbols(&self, rows: &[usize], missing: MissingSymbols) -> impl Iterator<Item = Option<u32>> {
        // No symbol is so large.
        let lacking = (missing == MissingSymbols::Symbol).then_some(u64::MAX);
        in_order(rows.iter().map(move |&row| match &self.values {
            Values::Numbers(values) => (!values[row].is_nan()).then(|| bits(values[row])),
            Values::Symbols(symbols) => symbols[row].map(u64::from).or(lacking),
        }))
    }

    /// Whether the values in these rows tell those of another column, and the other way round.
    pub(super) fn tells(&self, other: &Column, rows: &[usize], missing: MissingSymbols) -> bool {
        self.as_symbols(rows, missing).eq(other.as_symbols(rows, missing))
    }

    /// Equal for columns whose values in these rows tell each other; seldom for others.
    pub(super) fn hash_of_symbols(&self, rows: &[usize], missing: MissingSymbols) -> u64 {
        hash_of(2, self.as_symbols(rows, missing).map(|symbol| symbol.map_or(u64::MAX, u64::from)))
    }

    /// Equal for columns that are the same; seldom for others.
    pub(super) fn hash(&self) -> u64 {
        match &self.values {
            Values::Numbers(values) => hash_of(1, values.iter().map(|&value| bits(value))),
            Values::Symbols(values) => {
                let symbols = in_order(values.iter().copied());
                hash_of(2, symbols.map(|symbol| symbol.map_or(u64::MAX, u64::from)))
            }
        }
    }
}

fn hash_of(first: u64, values: impl Iterator<Item = u64>) -> u64 {
    let add = |hash: u64, value: u64| {
        // An odd multiplier, and the high bits brought down.
        let hash = (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        hash ^ (hash >> 29)
    };
    let hash = values.fold(first, add);
    add(hash, hash >> 32)
}

/// The bits of a number; one pattern for both zeros, and one for NaN.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

/// Symbols by the order in which they first occur.
fn in_order<S: Eq + std::hash::Hash>(
    values: impl Iterator<Item = Option<S>>,
) -> impl Iterator<Item = Option<u32>> {
    let mut numbers = std::collections::HashMap::new();
    values.map(move |symbol| {
        symbol.map(|symbol| {
            let next = numbers.len() as u32;
            *numbers.entry(symbol).or_insert(next)
        })
    })
}
