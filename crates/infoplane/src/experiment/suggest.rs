//! Mistakes in a TOML file, in words: the key, what is allowed, and the nearest name there is.

use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};
use toml::{Table, Value};

use super::error::ExperimentError;

pub(super) fn suggestion(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

pub(super) fn names(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

pub(super) fn names_or_none(allowed: &[String]) -> String {
    if allowed.is_empty() { "no key besides `kind`".into() } else { names(allowed) }
}

/// Returns the candidate most like `given`, if any is like it at all.
pub fn nearest<'a>(given: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(given, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_string())
}

/// Writes a message of serde with the types that people know: `expected usize` becomes `expected a whole number, at least 0`.
pub fn plain_types(message: &str) -> String {
    let (found, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let expected = match expected {
        "f64" | "f32" => "a number",
        "u64" | "u32" | "usize" | "u16" | "u8" => "a whole number, at least 0",
        other if other.starts_with("internally tagged enum") => "a table with the key `kind`",
        "a sequence" => "a list",
        "variant identifier" => "text",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    let found =
        found.replace("missing field", "missing key").replace("invalid type: map", "invalid type: table");
    if expected.is_empty() { found } else { format!("{found}, expected {expected}") }
}

/// Reads what a table describes; `origin` names the table in messages.
pub(super) fn read<T: DeserializeOwned>(origin: &str, table: &Table) -> Result<T, ExperimentError> {
    serde_path_to_error::deserialize(table.clone())
        .map_err(|error| explain(origin, &inner_keys::<T>(table, &error), error))
}

/// The keys that lead on from where an error is to what is wrong, of which serde tells no more than the table with a `kind`
/// around it: the keys without which the error is another.
fn inner_keys<T: DeserializeOwned>(
    table: &Table,
    error: &serde_path_to_error::Error<toml::de::Error>,
) -> String {
    let message = error.inner().message();
    let mut keys: Vec<String> = Vec::new();
    loop {
        let mut whole = Value::Table(table.clone());
        let here = inner(&mut whole, error.path(), &keys).and_then(|value| value.as_table());
        let Some(here) = here.filter(|table| !keys.is_empty() || table.contains_key("kind")) else { break };
        let is_wrong = |(key, value): &(&String, &Value)| {
            // What is missing is missing in a table.
            if *key == "kind" || (message.starts_with("missing") && !value.is_table()) {
                return false;
            }
            let mut without = Value::Table(table.clone());
            let found = inner(&mut without, error.path(), &keys).and_then(Value::as_table_mut);
            let removed = found.and_then(|found| found.remove(key.as_str()));
            let read = serde_path_to_error::deserialize::<_, T>(without);
            removed.is_some() && read.map_or_else(|other| other.inner().message() != message, |_| true)
        };
        let Some((key, _)) = here.iter().find(is_wrong) else { break };
        keys.push(key.clone());
    }
    keys.iter().map(|key| format!(".{key}")).collect()
}

/// The value at the end of a path, and of the keys after it.
fn inner<'v>(mut value: &'v mut Value, path: &Path, keys: &[String]) -> Option<&'v mut Value> {
    for segment in path {
        value = match segment {
            Segment::Seq { index } => value.get_mut(*index)?,
            Segment::Map { key } => value.get_mut(key.as_str())?,
            Segment::Enum { .. } | Segment::Unknown => return None,
        };
    }
    keys.iter().try_fold(value, |value, key| value.get_mut(key.as_str()))
}

/// Turns serde's words into a message that names the key and the nearest known one.
fn explain(
    origin: &str,
    inner_keys: &str,
    error: serde_path_to_error::Error<toml::de::Error>,
) -> ExperimentError {
    let mut path = error.path().to_string() + inner_keys;
    let message = error.inner().message().to_string();
    // `unknown field `x`, expected one of `a`, `b``: every word in backticks is a key, the first the unknown.
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    if message.starts_with("unknown field") && !quoted.is_empty() {
        let allowed: Vec<String> = quoted[1..].iter().map(|key| key.to_string()).collect();
        if path == "." {
            path.clear();
        }
        let key = match path.ends_with(quoted[0]) {
            true => path,
            false if path.is_empty() => quoted[0].to_string(),
            false => format!("{path}.{}", quoted[0]),
        };
        return ExperimentError::UnknownKey {
            origin: origin.into(),
            key,
            nearest: nearest(quoted[0], quoted[1..].iter().copied()),
            allowed,
        };
    }
    let message = plain_types(&message);
    let place = if path == "." { String::new() } else { format!("{path}: ") };
    let nearest = match message.contains("unknown variant") {
        true => nearest(quoted[0], quoted[1..].iter().copied()),
        false => None,
    };
    let message = format!("{place}{message}{}", suggestion(&nearest));
    ExperimentError::Value { origin: origin.into(), message }
}

#[cfg(test)]
mod tests {
    use crate::experiment::Experiment;

    /// What is wrong in tables with a `kind`, of which serde tells the table alone, is named by its keys.
    #[test]
    fn a_wrong_value_is_named_by_all_its_keys() {
        let cases = [
            (
                "quantities=[{kind=\"units\",groups=2.5}]",
                "quantities[0].groups: invalid type: floating point `2.5`",
            ),
            ("quantities=[{kind=3}]", "quantities[0].kind: invalid type: integer `3`, expected text"),
            ("quantities={kind=\"units\"}", "quantities: invalid type: table, expected a list"),
            ("estimators.0.bins=-3", "estimators[0].bins: invalid value: integer `-3`"),
            ("schedule={kind=\"delta-exact\",delta=\"x\"}", "schedule.delta: invalid type: string \"x\""),
            ("schedule={kind=\"delta-exact\"}", "schedule: missing key `delta`"),
            ("schedule={kind=\"delta-exact\",deta=1}", "unknown key `schedule.deta`; did you mean `delta`?"),
            ("schedule.witness={rows=3}", "schedule.witness: missing key `kind`"),
            (
                "schedule.witness={kind=\"loss\",rows=-1}",
                "schedule.witness.rows: invalid value: integer `-1`",
            ),
            (
                "schedule.witness={kind=\"loss\",band=\"a\"}",
                "schedule.witness.band: invalid type: string \"a\"",
            ),
            (
                "schedule.witness={kind=\"loss\",row=1}",
                "unknown key `schedule.witness.row`; did you mean `rows`?",
            ),
            (
                "training.optimizer={kind=\"sgd\",learning_rate=\"x\"}",
                "training.optimizer.learning_rate: invalid type",
            ),
        ];
        for (given, expected) in cases {
            let told = Experiment::load("tishby2017", &[given.into()]).unwrap_err().to_string();
            let told = told.strip_prefix("preset tishby2017: ").unwrap_or(&told);
            assert!(told.starts_with(expected), "{given}: {told}");
        }
    }
}
