//! `key=value` on top of a table.

use toml::{Table, Value};

use super::error::ExperimentError;

/// The value of a `key=value`: TOML, or a number as people write it, or failing both a string.
///
/// ```
/// use infoplane::experiment::override_value;
/// use toml::Value;
/// assert_eq!(override_value("[1, 2]"), Value::Array(vec![Value::Integer(1), Value::Integer(2)]));
/// assert_eq!(override_value(".5"), Value::Float(0.5));
/// assert_eq!(override_value("relu"), Value::String("relu".into()));
/// ```
pub fn override_value(text: &str) -> Value {
    let text = text.trim();
    let parsed = format!("v = {text}").parse::<Table>().ok().filter(|parsed| parsed.len() == 1);
    parsed
        .and_then(|mut parsed| parsed.remove("v"))
        .or_else(|| text.parse().ok().map(Value::Integer))
        .or_else(|| text.parse().ok().map(Value::Float))
        // A bare word is a string: `network.nonlinearity=relu` needs no quotes.
        .unwrap_or_else(|| Value::String(text.into()))
}

/// Applies every `key=value`, in order; of a key that is given twice the last counts.
pub(super) fn set_all(table: &mut Table, overrides: &[String]) -> Result<(), ExperimentError> {
    overrides.iter().try_for_each(|given| set(table, given))
}

/// Applies one `key=value`.
fn set(table: &mut Table, given: &str) -> Result<(), ExperimentError> {
    let error = |message: String| ExperimentError::Override { given: given.into(), message };
    let (key, value) = given.split_once('=').ok_or_else(|| error("there is no `=` in it".into()))?;
    put(table, key.trim(), override_value(value)).map_err(error)
}

/// Puts a value at the end of a path through tables and lists.
pub(super) fn put(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    let parts: Vec<&str> = key.split('.').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err("the key is empty, or a part of it is".into());
    }
    let (last, path) = parts.split_last().expect("split gives at least one part");
    let mut place = Place::Table(table);
    for part in path {
        place = place.enter(part)?;
    }
    place.put(last, value)
}

/// Where a path through tables and lists has led.
enum Place<'a> {
    Table(&'a mut Table),
    List(&'a mut Vec<Value>),
}

impl<'a> Place<'a> {
    fn enter(self, part: &str) -> Result<Place<'a>, String> {
        let value = match self {
            Place::Table(table) => table.entry(part).or_insert_with(|| Value::Table(Table::new())),
            Place::List(list) => at(list, part)?,
        };
        match value {
            Value::Table(table) => Ok(Place::Table(table)),
            Value::Array(list) => Ok(Place::List(list)),
            other => {
                let kind = other.type_str();
                let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
                Err(format!("`{part}` is {article} {kind}, it has no keys"))
            }
        }
    }

    fn put(self, part: &str, value: Value) -> Result<(), String> {
        match self {
            Place::Table(table) => {
                table.insert(part.into(), value);
            }
            Place::List(list) => *at(list, part)? = value,
        }
        Ok(())
    }
}

fn at<'a>(list: &'a mut [Value], part: &str) -> Result<&'a mut Value, String> {
    let length = list.len();
    part.parse::<usize>()
        .ok()
        .and_then(|index| list.get_mut(index))
        .ok_or_else(|| format!("`{part}` is no position in a list of {length}, counted from 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_that_is_given_twice_the_last_counts() {
        let mut table: Table = "training = { epochs = 1 }".parse().unwrap();
        set_all(&mut table, &["training.epochs=2".into(), "seeds=1".into(), "training.epochs=5".into()])
            .unwrap();
        assert_eq!(table["training"]["epochs"].as_integer(), Some(5));
    }
}
