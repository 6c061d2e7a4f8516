//! Tables of the same columns, one below the other.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Column, Kind, NONE, Table, TableColumn, Value, Values};

/// A table that grows by whole tables, with columns before them that say which each is.
#[derive(Debug)]
pub(crate) struct Stack {
    name: &'static str,
    leading: Vec<Growing>,
    columns: Vec<Growing>,
}

/// A column that grows.
#[derive(Debug)]
struct Growing {
    name: String,
    declared: Column,
    values: GrowingValues,
}

#[derive(Debug)]
enum GrowingValues {
    Whole(Vec<u64>),
    OptionalWhole(Vec<Option<u64>>),
    Number(Vec<f64>),
    Text { names: Vec<String>, code_of_name: HashMap<String, u32>, codes: Vec<u32> },
}

impl Growing {
    fn new(name: String, declared: Column) -> Growing {
        let values = match declared.kind {
            Kind::Integer if declared.optional => GrowingValues::OptionalWhole(vec![]),
            Kind::Integer => GrowingValues::Whole(vec![]),
            Kind::Number => GrowingValues::Number(vec![]),
            Kind::Category => {
                GrowingValues::Text { names: vec![], code_of_name: HashMap::new(), codes: vec![] }
            }
        };
        Growing { name, declared, values }
    }
}

impl GrowingValues {
    /// The code of a text.
    fn code(names: &mut Vec<String>, code_of_name: &mut HashMap<String, u32>, text: &str) -> u32 {
        if let Some(&code) = code_of_name.get(text) {
            return code;
        }
        let code = names.len() as u32;
        names.push(text.into());
        code_of_name.insert(text.into(), code);
        code
    }

    fn repeat(&mut self, text: &str, rows: usize) {
        if let GrowingValues::Text { names, code_of_name, codes } = self {
            let code = GrowingValues::code(names, code_of_name, text);
            codes.extend(std::iter::repeat_n(code, rows));
        }
    }

    fn extend(&mut self, values: &Values<'_>) {
        let rows = 0..values.len();
        match (self, values) {
            (GrowingValues::Whole(all), Values::U64(values)) => all.extend_from_slice(values),
            (GrowingValues::Whole(all), values) => all.extend(rows.map(|row| match values.get(row) {
                Value::Integer(whole) => whole,
                _ => 0,
            })),
            (GrowingValues::OptionalWhole(all), values) => {
                all.extend(rows.map(|row| match values.get(row) {
                    Value::Integer(whole) => Some(whole),
                    _ => None,
                }))
            }
            (GrowingValues::Number(all), values) => all.extend_from_slice(values.f64s().unwrap_or_default()),
            (
                GrowingValues::Text { names, code_of_name, codes },
                Values::Category { names: own, codes: own_codes },
            ) => {
                // Names that no row has are left out, so that equal rows give equal tables.
                let mut code_of_code: Vec<Option<u32>> = vec![None; own.len()];
                codes.extend(own_codes.iter().map(|&code| {
                    match own.get(code as usize) {
                        None => NONE,
                        Some(text) => *code_of_code[code as usize]
                            .get_or_insert_with(|| GrowingValues::code(names, code_of_name, text)),
                    }
                }));
            }
            (GrowingValues::Text { codes, .. }, _) => codes.extend(rows.map(|_| NONE)),
        }
    }

    fn finished(self) -> Values<'static> {
        match self {
            GrowingValues::Whole(values) => Values::U64(Cow::Owned(values)),
            GrowingValues::OptionalWhole(values) => Values::OptionalU64(values),
            GrowingValues::Number(values) => Values::F64(Cow::Owned(values)),
            GrowingValues::Text { names, codes, .. } => Values::Category {
                names: names.into_iter().map(Cow::Owned).collect(),
                codes: Cow::Owned(codes),
            },
        }
    }
}

impl Stack {
    /// A stack without tables; `leading` are the columns, of text, before those of the tables.
    pub fn new(name: &'static str, leading: Vec<(String, Column)>) -> Stack {
        let leading = leading.into_iter().map(|(name, declared)| Growing::new(name, declared)).collect();
        Stack { name, leading, columns: vec![] }
    }

    /// Puts a table below the others, with these texts in the leading columns of all its rows. Columns that the first table has
    /// count; of one that another lacks its rows are absent.
    pub fn push(&mut self, leading: &[&str], part: &Table<'_>) {
        if self.columns.is_empty() {
            let column = |column: &TableColumn<'_>| Growing::new(column.name.to_string(), column.declared);
            self.columns = part.columns.iter().map(column).collect();
        }
        for (column, text) in self.leading.iter_mut().zip(leading) {
            column.values.repeat(text, part.len());
        }
        for (place, column) in self.columns.iter_mut().enumerate() {
            // Of tables of one kind each column has its place.
            let own = part.columns.get(place).filter(|own| own.name == column.name);
            match own.or_else(|| part.column(&column.name)) {
                Some(own) => column.values.extend(&own.values),
                None => column.values.extend(&Values::F64(Cow::Owned(vec![f64::NAN; part.len()]))),
            }
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| match &column.values {
            GrowingValues::Whole(values) => values.len(),
            GrowingValues::OptionalWhole(values) => values.len(),
            GrowingValues::Number(values) => values.len(),
            GrowingValues::Text { codes, .. } => codes.len(),
        })
    }

    /// The table. Leading columns in which every text is a number hold numbers.
    pub fn table(self) -> Table<'static> {
        let finished = |column: Growing| TableColumn {
            name: Cow::Owned(column.name),
            declared: column.declared,
            values: column.values.finished(),
        };
        let leading = self.leading.into_iter().map(|column| finished(column).with_numbers());
        Table { name: self.name, columns: leading.chain(self.columns.into_iter().map(finished)).collect() }
    }
}
