//! Columns of numbers, as a page stores them.

use std::collections::HashMap;

use serde_json::Value;

/// Columns of numbers, each once. The seeds of a run share their epochs, and the values of a plane are also those of the curves
/// below it: a page with each column where it is used would be twice as long, and take longer to open.
#[derive(Debug, Default)]
pub(super) struct Columns {
    columns: Vec<Value>,
    /// Where the column with a text is.
    places: HashMap<String, usize>,
}

impl Columns {
    /// Stores a column, unless it is stored already, and returns its place.
    pub fn place(&mut self, values: impl Iterator<Item = Option<f64>>) -> Value {
        let column = Value::Array(values.map(|value| value.map_or(Value::Null, number)).collect());
        let place = *self.places.entry(column.to_string()).or_insert(self.columns.len());
        if place == self.columns.len() {
            self.columns.push(column);
        }
        place.into()
    }

    /// All columns, by their places.
    pub fn into_value(self) -> Value {
        Value::Array(self.columns)
    }
}

/// A value to nine digits, two more than an estimate has: all seventeen would be half of a page.
fn number(value: f64) -> Value {
    let value: f64 = format!("{value:.8e}").parse().unwrap_or(value);
    // Epochs, above all, need no decimal point.
    let whole = value as i64;
    if whole as f64 == value && whole.unsigned_abs() < 1 << 53 { whole.into() } else { value.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_stored_once_with_nine_digits() {
        let mut columns = Columns::default();
        let epochs = [0.0, 1.0, 1e12];
        assert_eq!(columns.place(epochs.into_iter().map(Some)), 0);
        assert_eq!(columns.place([Some(std::f64::consts::PI), None].into_iter()), 1);
        assert_eq!(columns.place(epochs.into_iter().map(Some)), 0);
        assert_eq!(columns.place([Some(f64::NAN), Some(f64::INFINITY), Some(-0.0)].into_iter()), 2);
        assert_eq!(columns.into_value().to_string(), "[[0,1,1000000000000],[3.14159265,null],[null,null,0]]");
    }
}
