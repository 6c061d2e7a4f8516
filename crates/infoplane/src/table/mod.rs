//! Tables as typed columns, and the files they are written to.
//!
//! A [`Table`] is what [`plane`], [`units`], [`synergy`], [`pairs`], [`similarity`], [`ranks`], [`inputs`], [`repeats`], [`training`], [`layers`], [`schedule`] and [`methods`] make of a run: columns with a
//! name, a unit and a sentence each. The same declaration gives the header of the CSV file, the keys of the JSON lines,
//! the schema of the Arrow file and the page of documentation.
//!
//! ```
//! use std::sync::Arc;
//! use infoplane::plane::MethodDescription;
//! use infoplane::{InformationPlane, PlaneRow, table};
//!
//! let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
//! let rows = InformationPlane::from_iter([PlaneRow::new(0, 10, (1, 5), &binned, (7.25, 0.5))]);
//! let plane = table::plane(&rows, &[], &[]);
//! let i_xt = plane.column("i_xt_bits").unwrap();
//! assert_eq!((i_xt.declared.unit, i_xt.values.f64s()), ("bits", Some(&[7.25][..])));
//!
//! let mut csv = Vec::new();
//! plane.write(table::TableFormat::Csv, &mut csv)?;
//! assert!(csv.starts_with(b"seed,epoch,layer,layer_name,"));
//! # Ok::<(), std::io::Error>(())
//! ```

mod arrow;
mod csv;
mod format;
mod jsonl;
mod keys;
mod kinds;
mod methods;
mod of_layers;
mod of_plane;
mod of_pools;
mod of_ranking;
mod of_training;
mod of_units;
mod repeats;
mod schedule;
mod stack;

use std::borrow::Cow;
use std::collections::HashMap;

pub use format::{TableFormat, TableFormatError};
pub use kinds::{TableName, TableNameError};
pub use methods::{METHODS, methods};
pub use of_layers::{INPUTS, PAIRS, RANKS, SIMILARITY, inputs, pairs, ranks, similarity};
pub(crate) use of_plane::write_csv as write_plane_csv;
pub use of_plane::{PLANE, plane};
pub use of_pools::{DRIFT, OVERLAP, POOL, WINDOW, drift, overlap, pool, window};
pub use of_ranking::{RANKING, ranking};
pub use of_training::{LAYERS, TRAINING, layers, training};
pub use of_units::{SYNERGY, UNITS, synergy, units};
pub(crate) use repeats::write_csv as write_repeats_csv;
pub use repeats::{REPEATS, repeats};
pub use schedule::{SCHEDULE, schedule};
pub(crate) use stack::Stack;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers from 0.
    Integer,
    /// Floating-point numbers of 64 bits.
    Number,
    /// Text of which few different ones occur.
    Category,
}

impl Kind {
    /// `integer`, `number` or `text`.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Category => "text",
        }
    }
}

/// The declaration of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name in every file.
    pub name: &'static str,
    /// `bits`, `nats`; empty for numbers without a unit and for text.
    pub unit: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a row may have no value in it.
    pub optional: bool,
    /// What it means, in a sentence.
    pub about: &'static str,
}

impl Column {
    const fn new(name: &'static str, kind: Kind, unit: &'static str, about: &'static str) -> Column {
        Column { name, unit, kind, optional: false, about }
    }

    pub(crate) const fn integer(name: &'static str, about: &'static str) -> Column {
        Column::new(name, Kind::Integer, "", about)
    }

    pub(crate) const fn number(name: &'static str, unit: &'static str, about: &'static str) -> Column {
        Column::new(name, Kind::Number, unit, about)
    }

    pub(crate) const fn category(name: &'static str, about: &'static str) -> Column {
        Column::new(name, Kind::Category, "", about)
    }

    const fn optional(self) -> Column {
        Column { optional: true, ..self }
    }
}

/// The values of a column, one for each row.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Values<'a> {
    /// Whole numbers of up to 32 bits.
    U32(Cow<'a, [u32]>),
    /// Whole numbers of 64 bits.
    U64(Cow<'a, [u64]>),
    /// Whole numbers of which some are absent.
    OptionalU64(Vec<Option<u64>>),
    /// Numbers; one that is not finite is an absent one.
    F64(Cow<'a, [f64]>),
    /// Text, as places in a list of names; [`NONE`] where there is none.
    Category {
        /// The different texts.
        names: Vec<Cow<'a, str>>,
        /// For each row a place in `names`.
        codes: Cow<'a, [u32]>,
    },
}

/// The code of a row without text.
pub const NONE: u32 = u32::MAX;

/// One value of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A whole number.
    Integer(u64),
    /// A finite number.
    Number(f64),
    /// Text.
    Text(&'a str),
    /// No value.
    Absent,
}

impl<'a> Values<'a> {
    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Values::U32(values) => values.len(),
            Values::U64(values) => values.len(),
            Values::OptionalU64(values) => values.len(),
            Values::F64(values) => values.len(),
            Values::Category { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of a column of floating-point numbers.
    pub fn f64s(&self) -> Option<&[f64]> {
        if let Values::F64(values) = self { Some(values) } else { None }
    }

    /// The value in a row, from 0.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn get(&self, row: usize) -> Value<'_> {
        match self {
            Values::U32(values) => Value::Integer(values[row].into()),
            Values::U64(values) => Value::Integer(values[row]),
            Values::OptionalU64(values) => values[row].map_or(Value::Absent, Value::Integer),
            Values::F64(values) if values[row].is_finite() => Value::Number(values[row]),
            Values::F64(_) => Value::Absent,
            Values::Category { names, codes } => {
                names.get(codes[row] as usize).map_or(Value::Absent, |name| Value::Text(name))
            }
        }
    }

    /// Returns the same with memory of its own.
    pub fn into_owned(self) -> Values<'static> {
        match self {
            Values::U32(values) => Values::U32(Cow::Owned(values.into_owned())),
            Values::U64(values) => Values::U64(Cow::Owned(values.into_owned())),
            Values::OptionalU64(values) => Values::OptionalU64(values),
            Values::F64(values) => Values::F64(Cow::Owned(values.into_owned())),
            Values::Category { names, codes } => Values::Category {
                names: names.into_iter().map(|name| Cow::Owned(name.into_owned())).collect(),
                codes: Cow::Owned(codes.into_owned()),
            },
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Values::U32(_) | Values::U64(_) | Values::OptionalU64(_) => Kind::Integer,
            Values::F64(_) => Kind::Number,
            Values::Category { .. } => Kind::Category,
        }
    }

    /// Numbers of which some are absent.
    fn numbers(values: impl Iterator<Item = Option<f64>>) -> Values<'a> {
        Values::F64(values.map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// Text by codes; of names that are alike the first counts, as readers want different ones.
    fn category(names: Vec<Cow<'a, str>>, codes: Cow<'a, [u32]>) -> Values<'a> {
        let (mut different, mut place_of_name) = (Vec::new(), HashMap::new());
        let code_of_code: Vec<u32> = names
            .iter()
            .map(|name| {
                *place_of_name.entry(name.clone()).or_insert_with(|| {
                    different.push(name.clone());
                    different.len() as u32 - 1
                })
            })
            .collect();
        if different.len() == names.len() {
            return Values::Category { names, codes };
        }
        let new = |&code: &u32| code_of_code.get(code as usize).copied().unwrap_or(NONE);
        let codes = codes.iter().map(new).collect();
        Values::Category { names: different, codes }
    }

    /// One text for each row, or none; `Some("")` is a text, too.
    pub fn texts(values: impl Iterator<Item = Option<Cow<'a, str>>>) -> Values<'a> {
        let (mut names, mut place_of_name) = (Vec::new(), HashMap::new());
        let code = |value: Option<Cow<'a, str>>| {
            let Some(value) = value else { return NONE };
            *place_of_name.entry(value).or_insert_with_key(|value| {
                names.push(value.clone());
                names.len() as u32 - 1
            })
        };
        let codes = values.map(code).collect();
        Values::Category { names, codes }
    }
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn<'a> {
    /// Its name: the declared one, but for numbers that came with the data of a user.
    pub name: Cow<'a, str>,
    /// What it is.
    pub declared: Column,
    /// What it holds.
    pub values: Values<'a>,
}

/// A table: columns of one length.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<'a> {
    name: &'static str,
    columns: Vec<TableColumn<'a>>,
}

impl TableColumn<'_> {
    /// The column with numbers in the place of its texts, if every text is one: `0.5`, `512`. What begins with a 0 that says
    /// nothing, as `007`, is a name, and so are texts of which two are the same number, as `1e3` and `1000`.
    pub fn with_numbers(mut self) -> Self {
        let Values::Category { names, codes } = &self.values else { return self };
        let is_name = |text: &str| text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
        let whole = |text: &Cow<'_, str>| text.parse::<u64>().ok().filter(|_| !is_name(text));
        let number =
            |text: &Cow<'_, str>| text.parse::<f64>().ok().filter(|x| x.is_finite() && !is_name(text));
        if codes.contains(&NONE) {
            return self;
        }
        let mut numbers: Vec<f64> = names.iter().filter_map(|text| text.parse().ok()).collect();
        numbers.sort_by(f64::total_cmp);
        // As whole numbers two may differ that are one in double precision.
        let is_whole =
            names.iter().all(|text| whole(text).is_some_and(|number| number.to_string() == **text));
        if !is_whole && numbers.windows(2).any(|pair| pair[0] == pair[1]) {
            return self;
        }
        if let Some(values) = names.iter().map(whole).collect::<Option<Vec<u64>>>() {
            self.declared.kind = Kind::Integer;
            self.values = Values::U64(codes.iter().map(|&code| values[code as usize]).collect());
        } else if let Some(values) = names.iter().map(number).collect::<Option<Vec<f64>>>() {
            self.declared.kind = Kind::Number;
            self.values = Values::F64(codes.iter().map(|&code| values[code as usize]).collect());
        }
        self
    }
}

impl<'a> Table<'a> {
    /// Puts values beside their declarations.
    fn new(name: &'static str, declared: &[Column], values: Vec<Values<'a>>) -> Table<'a> {
        debug_assert_eq!(declared.len(), values.len(), "table {name}");
        let mut table = Table { name, columns: Vec::with_capacity(values.len()) };
        for (declared, values) in declared.iter().zip(values) {
            table.push(Cow::Borrowed(declared.name), *declared, values);
        }
        table
    }

    /// Tables of the same columns, one below the other, with a column before them that names each.
    pub(crate) fn stacked(
        name: &'static str,
        first: Column,
        parts: Vec<(&str, Table<'_>)>,
    ) -> Table<'static> {
        let mut stack = Stack::new(name, vec![(first.name.into(), first)]);
        for (name, part) in &parts {
            stack.push(&[name], part);
        }
        stack.table()
    }

    fn push(&mut self, name: Cow<'a, str>, declared: Column, values: Values<'a>) {
        debug_assert_eq!(declared.kind, values.kind(), "column {name} of table {}", self.name);
        debug_assert!(self.columns.is_empty() || values.len() == self.len(), "column {name}");
        self.columns.push(TableColumn { name, declared, values });
    }

    /// Returns the table with values of its own.
    pub fn into_owned(self) -> Table<'static> {
        let own = |column: TableColumn<'a>| TableColumn {
            name: Cow::Owned(column.name.into_owned()),
            declared: column.declared,
            values: column.values.into_owned(),
        };
        Table { name: self.name, columns: self.columns.into_iter().map(own).collect() }
    }

    /// The table with this seed in all rows of its column of seeds, if it has one.
    pub(crate) fn with_seed(mut self, seed: u64) -> Table<'a> {
        for column in self.columns.iter_mut().filter(|column| column.declared.name == "seed") {
            column.values = match &column.values {
                Values::OptionalU64(values) => Values::OptionalU64(vec![Some(seed); values.len()]),
                values => Values::U64(Cow::Owned(vec![seed; values.len()])),
            };
        }
        self
    }

    /// What the table is called: `plane`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The columns, in the order of the files.
    pub fn columns(&self) -> &[TableColumn<'a>] {
        &self.columns
    }

    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&TableColumn<'a>> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_has_its_own_name_and_a_sentence() {
        for columns in TableName::ALL.map(TableName::columns) {
            for (place, column) in columns.iter().enumerate() {
                assert!(columns[..place].iter().all(|other| other.name != column.name), "{}", column.name);
                assert!(column.about.ends_with('.') && !column.about.contains('|'), "{}", column.name);
                assert!(
                    column
                        .name
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
                );
            }
        }
    }
}
