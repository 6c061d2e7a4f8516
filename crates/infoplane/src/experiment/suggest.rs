//! Mistakes in a TOML file, in words: the key, what is allowed, and the nearest name there is.

use toml::{Table, Value};

use super::error::ExperimentError;
use crate::schedule::DeltaConfig;

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
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    let found = found.replace("missing field", "missing key");
    if expected.is_empty() { found } else { format!("{found}, expected {expected}") }
}

/// Tables whose `kind` decides what else they hold: their keys are looked at one by one, so that a message can name them.
pub(super) fn check_delta_keys(origin: &str, table: &Table) -> Result<(), ExperimentError> {
    let Some(schedule) = table.get("schedule").and_then(Value::as_table) else { return Ok(()) };
    let kind = schedule.get("kind").and_then(Value::as_str);
    if !kind.is_some_and(|kind| kind.starts_with("delta-")) {
        return Ok(());
    }
    let mut keys = schedule.clone();
    keys.remove("kind");
    let read: Result<DeltaConfig, _> = serde_path_to_error::deserialize(keys);
    read.map(|_| ()).map_err(|error| match explain(origin, error) {
        ExperimentError::Value { origin, message } => {
            let dot = if message.starts_with("missing") { ": " } else { "." };
            ExperimentError::Value { origin, message: format!("schedule{dot}{message}") }
        }
        ExperimentError::UnknownKey { origin, key, nearest, allowed } => {
            ExperimentError::UnknownKey { origin, key: format!("schedule.{key}"), nearest, allowed }
        }
        error => error,
    })
}

/// Turns serde's words into a message that names the key and the nearest known one.
pub(super) fn explain(origin: &str, error: serde_path_to_error::Error<toml::de::Error>) -> ExperimentError {
    let mut path = error.path().to_string();
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
