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
    /// It never changes.
    Constant,
    /// More than half of its symbols are of a single row each: it says which row it is, not what is in it.
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
            Note::Constant => f.write_str("never changes"),
            Note::Identifier { distinct, n_samples } => {
                write!(f, "an identifier: {distinct} different symbols in {n_samples} rows")
            }
            Note::TooFewSamples { n_samples, needed } => {
                write!(f, "{n_samples} rows with a value; {needed} are needed")
            }
            Note::ConstantTarget => f.write_str("the target never changes where there is a value"),
            Note::NotFinite { row } => write!(f, "infinite in row {row} (from 0)"),
            Note::NearCeiling => f.write_str("at least this: near the most that so many rows can show"),
            Note::LabelsAlone { dropped } => write!(f, "{dropped} rows left out whose label occurs once"),
        }
    }
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
        self.kind == other.kind
            && match (&self.values, &other.values) {
                (Values::Numbers(a), Values::Numbers(b)) => {
                    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| bits(a) == bits(b))
                }
                (Values::Symbols(a), Values::Symbols(b)) => {
                    a.len() == b.len() && in_order(a).zip(in_order(b)).all(|(a, b)| a == b)
                }
                _ => false,
            }
    }

    /// That this column is the same as another one.
    pub(super) fn same_as(&self, other: &Column) -> Note {
        let column = other.name.clone();
        match self.values {
            Values::Numbers(_) => Note::EqualTo { column },
            Values::Symbols(_) => Note::OneToOne { column },
        }
    }

    /// Equal for columns that are the same; seldom for others.
    pub(super) fn hash(&self) -> u64 {
        let add = |hash: u64, value: u64| {
            // An odd multiplier, and the high bits brought down.
            let hash = (hash ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            hash ^ (hash >> 29)
        };
        let hash = match &self.values {
            Values::Numbers(values) => values.iter().fold(1, |hash, &value| add(hash, bits(value))),
            Values::Symbols(values) => {
                in_order(values).fold(2, |hash, symbol| add(hash, symbol.map_or(u64::MAX, u64::from)))
            }
        };
        add(hash, hash >> 32)
    }
}

/// The bits of a number; one pattern for both zeros, and one for NaN.
fn bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

/// Symbols by the order in which they first occur.
fn in_order(values: &[Option<u32>]) -> impl Iterator<Item = Option<u32>> {
    let mut numbers = std::collections::HashMap::new();
    values.iter().map(move |symbol| {
        symbol.map(|symbol| {
            let next = numbers.len() as u32;
            *numbers.entry(symbol).or_insert(next)
        })
    })
}
