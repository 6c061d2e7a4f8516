//! Every key of a configuration file: its type, allowed values, default and meaning, read off the types themselves.
//!
//! The types' documentation is the only source: `schemars` turns it, with the attributes that `serde` reads files by,
//! into a schema, and a walk over the schema lists the keys.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::config::Experiment;
use crate::estimator::{AnyEstimator, EstimatorInfo};

/// A key of a configuration file.
///
/// ```
/// use infoplane::experiment::{Presence, keys};
/// let keys = keys();
/// let epochs = keys.iter().find(|key| key.path == "training.epochs").unwrap();
/// assert_eq!(epochs.value, "whole number");
/// let delta = keys.iter().find(|key| key.path == "schedule.delta").unwrap();
/// assert_eq!(delta.kinds, ["delta-exact", "delta-approximate"]);
/// assert_eq!(delta.presence, Presence::Required);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Key {
    /// The path through the tables: `training.optimizer.learning_rate`. A number in a list is written `N`.
    pub path: String,
    /// The values of `kind` whose table has this key; empty for a key that does not depend on one.
    pub kinds: Vec<String>,
    /// The type of its value, in words: "whole number".
    pub value: String,
    /// The values that are allowed, where they are words.
    pub choices: Vec<Choice>,
    /// Whether it may be left out, and what holds then.
    pub presence: Presence,
    /// What it means, in a sentence.
    pub about: String,
}

/// An allowed value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// As a file has it.
    pub name: String,
    /// What it means, in a sentence; may be empty.
    pub about: String,
}

/// Whether a key may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It must be given.
    Required,
    /// It may be left out; its sentence says what holds then.
    Optional,
    /// It may be left out; this, as TOML writes it, holds then.
    Default(String),
}

impl std::fmt::Display for Presence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Presence::Required => f.write_str("required"),
            Presence::Optional => f.write_str("optional"),
            Presence::Default(value) => write!(f, "default {value}"),
        }
    }
}

/// Every key of an experiment, tables in the order of their names, the keys of a table together.
pub fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    table("", &schema::<Experiment>(), &[], &mut keys);
    keys
}

/// The keys that the estimator called `name` takes, with paths from its own table; `None` if none is called so.
///
/// ```
/// use infoplane::experiment::estimator_keys;
/// let ksg = estimator_keys("ksg").unwrap();
/// assert_eq!(ksg.iter().map(|key| key.path.as_str()).collect::<Vec<_>>(), ["k", "scaling"]);
/// assert!(ksg.iter().all(|key| key.about.ends_with('.')));
/// ```
pub fn estimator_keys(name: &str) -> Option<Vec<Key>> {
    let schema = schema::<AnyEstimator>();
    let variant = variants(&schema)?.into_iter().find(|variant| variant.kind == name)?;
    let mut keys = Vec::new();
    table("", variant.schema, &[], &mut keys);
    Some(keys)
}

/// The JSON Schema of a configuration file, which editors can check and complete TOML files with.
pub fn json_schema() -> Value {
    SchemaSettings::default().into_generator().into_root_schema_for::<Experiment>().to_value()
}

/// The schema of a type, with every type in it written out.
fn schema<T: schemars::JsonSchema>() -> Value {
    let settings = SchemaSettings::default().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// One of the tables that `kind` chooses among.
struct Variant<'a> {
    kind: &'a str,
    schema: &'a Value,
}

/// The tables that `kind` chooses among, if the schema is such a choice.
fn variants(schema: &Value) -> Option<Vec<Variant<'_>>> {
    let all = schema.get("oneOf")?.as_array()?;
    all.iter()
        .map(|schema| {
            let kind = schema.pointer("/properties/kind/const")?.as_str()?;
            Some(Variant { kind, schema })
        })
        .collect()
}

/// Lists the keys of a table, and of the tables in it.
fn table(path: &str, schema: &Value, kinds: &[String], keys: &mut Vec<Key>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let own = |(name, _): &(&String, &Value)| *name != "kind" || schema.get("oneOf").is_some();
    // Plain keys first: in a file they must stand before the tables.
    let (tables, plain): (Vec<_>, Vec<_>) =
        properties.iter().filter(own).partition(|(_, schema)| is_table(without_null(schema)));
    for (name, property) in plain.into_iter().chain(tables) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        add(&path, property, required.contains(&name.as_str()), kinds, keys);
    }
}

/// Lists one key, and the keys below it.
fn add(path: &str, property: &Value, required: bool, kinds: &[String], keys: &mut Vec<Key>) {
    let schema = without_null(property);
    let presence = match property.get("default") {
        _ if required => Presence::Required,
        None | Some(Value::Null) => Presence::Optional,
        Some(default) => Presence::Default(toml(default)),
    };
    let about = about(property);
    let place = match schema.get("items").filter(|items| is_table(items)) {
        Some(_) => format!("{path}.N"),
        None => path.to_string(),
    };
    let inner = schema.get("items").filter(|items| is_table(items)).unwrap_or(schema);
    let key = |value: &str| Key {
        path: path.into(),
        kinds: kinds.to_vec(),
        value: value.into(),
        choices: choices(schema),
        presence: presence.clone(),
        about: about.clone(),
    };
    match variants(inner) {
        Some(variants) => {
            let list = if place == path { "table" } else { "list of tables" };
            merge(keys, key(list));
            let choices =
                variants.iter().map(|v| Choice { name: v.kind.into(), about: kind_about(v) }).collect();
            let kind = Key {
                path: format!("{place}.kind"),
                // Those of the table around it say where there is such a table, not what is in it.
                kinds: Vec::new(),
                value: "text".into(),
                choices,
                presence: Presence::Required,
                about: "Which of these it is; it decides the other keys of the table.".into(),
            };
            if !keys.contains(&kind) {
                keys.push(kind);
            }
            for variant in variants {
                table(&place, variant.schema, &[variant.kind.to_string()], keys);
            }
        }
        None if is_table(inner) => {
            merge(keys, key("table"));
            table(&place, inner, kinds, keys);
        }
        None => merge(keys, key(&type_of(schema))),
    }
}

/// Adds a key, or its kinds to the same key of other kinds.
fn merge(keys: &mut Vec<Key>, key: Key) {
    let same = |other: &&mut Key| {
        other.path == key.path
            && !other.kinds.is_empty()
            && Key { kinds: Vec::new(), ..(**other).clone() } == Key { kinds: Vec::new(), ..key.clone() }
    };
    match keys.iter_mut().find(same) {
        Some(other) => {
            let new: Vec<String> = key.kinds.into_iter().filter(|kind| !other.kinds.contains(kind)).collect();
            other.kinds.extend(new);
        }
        None => keys.push(key),
    }
}

/// What a value of `kind` stands for: of an estimator, what it estimates.
fn kind_about(variant: &Variant<'_>) -> String {
    let estimator = EstimatorInfo::named(variant.kind);
    match (about(variant.schema), estimator) {
        (text, Some(method)) if text.is_empty() => method.estimates.to_string(),
        (text, _) => text.trim_end_matches('.').to_string(),
    }
}

/// The schema of the value itself, where `null` stands for a key that is left out.
fn without_null(schema: &Value) -> &Value {
    let any = schema.get("anyOf").and_then(Value::as_array);
    let null = |schema: &&Value| schema.get("type").and_then(Value::as_str) == Some("null");
    match any {
        Some(any) if any.len() == 2 && any.iter().any(|schema| null(&schema)) => {
            any.iter().find(|schema| !null(schema)).unwrap_or(schema)
        }
        _ => schema,
    }
}

fn is_table(schema: &Value) -> bool {
    let list = schema.get("items");
    schema.get("properties").is_some_and(Value::is_object)
        || variants(schema).is_some()
        || list.is_some_and(|items| items.get("properties").is_some() || variants(items).is_some())
}

/// The type of a value, in words.
fn type_of(schema: &Value) -> String {
    if let Some(several) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array()) {
        let mut types: Vec<String> = several.iter().map(type_of).filter(|name| name != "nothing").collect();
        types.dedup();
        return types.join(" or ");
    }
    let name = |name: &str| match name {
        "integer" => "whole number",
        "number" => "number",
        "boolean" => "true or false",
        "array" => "list",
        "object" => "table",
        "null" => "nothing",
        _ => "text",
    };
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::Array(types)) => types.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(only)) => vec![only],
        _ => vec!["string"],
    };
    let named: Vec<String> = types
        .into_iter()
        .filter(|name| *name != "null" || schema.get("type").is_some_and(Value::is_string))
        .map(|kind| match schema.get("items").filter(|_| kind == "array") {
            Some(items) => {
                let length = schema.get("maxItems").and_then(Value::as_u64);
                let length = length.map(|length| format!("{length} ")).unwrap_or_default();
                format!("list of {length}{}", plural(&type_of(items)))
            }
            None => name(kind).to_string(),
        })
        .collect();
    named.join(" or ")
}

fn plural(name: &str) -> String {
    match name {
        "text" => "texts".into(),
        "true or false" => "true or false".into(),
        name => format!("{name}s"),
    }
}

/// The words that a value may be, each once: a value and a list of such values have the same.
fn choices(schema: &Value) -> Vec<Choice> {
    let mut choices = Vec::new();
    collect_choices(schema, &mut choices);
    choices
}

fn collect_choices(schema: &Value, choices: &mut Vec<Choice>) {
    let mut add = |name: &Value, about: String| {
        if let Some(name) = name.as_str().filter(|name| choices.iter().all(|choice| choice.name != *name)) {
            choices.push(Choice { name: name.into(), about });
        }
    };
    if let Some(word) = schema.get("const") {
        return add(word, about(schema).trim_end_matches('.').to_string());
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().for_each(|word| add(word, String::new()));
    }
    for inner in ["anyOf", "oneOf", "items"].iter().filter_map(|key| schema.get(key)) {
        match inner {
            Value::Array(several) => several.iter().for_each(|schema| collect_choices(schema, choices)),
            single => collect_choices(single, choices),
        }
    }
}

/// The first sentence of a schema's description, as plain text.
fn about(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let paragraph = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    let sentence = first_sentence(&without_links(&paragraph));
    // Where the code lies helps only readers of code.
    match sentence.split_once("; see `") {
        Some((sentence, _)) => format!("{sentence}."),
        None if sentence.starts_with('`') && sentence.ends_with("`.") => String::new(),
        None => sentence,
    }
}

/// ``[`Network`](crate::Network)`` is `Network`.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let (before, link) = rest.split_at(open);
        plain += before;
        let target = link.find(']').map(|close| (&link[1..close], &link[close + 1..]));
        match target {
            Some((name, after)) if after.starts_with('(') && name.starts_with('`') => {
                plain += name;
                // The target may hold parentheses of its own: `read::csv()`.
                let end = after.find("))").map(|end| end + 2).filter(|&end| after[..end].contains("()"));
                rest = &after[end.or_else(|| after.find(')').map(|end| end + 1)).unwrap_or(after.len())..];
            }
            Some((name, after)) if name.starts_with('`') => {
                plain += name;
                rest = after;
            }
            _ => {
                plain.push('[');
                rest = &link[1..];
            }
        }
    }
    plain + rest
}

/// Up to the first full stop that a new sentence follows.
fn first_sentence(text: &str) -> String {
    let mut from = 0;
    while let Some(stop) = text[from..].find(". ") {
        let end = from + stop;
        let next = text[end + 2..].chars().next();
        if next.is_some_and(char::is_uppercase) {
            return text[..=end].trim().to_string();
        }
        from = end + 2;
    }
    let text = text.trim();
    match text {
        "" => String::new(),
        text if text.ends_with(['.', '?', ')']) && !text.ends_with("\u{2026}") => text.to_string(),
        text => format!("{text}."),
    }
}

/// A JSON value as TOML writes it.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Number(number) => match number.as_f64().filter(|_| !number.is_u64() && !number.is_i64()) {
            // Single-precision settings have a long tail as doubles, which nobody wrote.
            Some(number) if f64::from(number as f32) == number => short(number as f32),
            Some(number) => format!("{number:?}"),
            None => number.to_string(),
        },
        Value::Array(values) => format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => inline(entries),
        other => other.to_string(),
    }
}

fn short(number: f32) -> String {
    format!("{number:?}")
}

fn inline(entries: &Map<String, Value>) -> String {
    let given = entries.iter().filter(|(_, value)| !value.is_null());
    // `kind` decides what the others mean.
    let (kind, others): (Vec<_>, Vec<_>) = given.partition(|(name, _)| *name == "kind");
    let entries: Vec<String> =
        kind.into_iter().chain(others).map(|(name, value)| format!("{name} = {}", toml(value))).collect();
    format!("{{ {} }}", entries.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key<'a>(keys: &'a [Key], path: &str, kind: &str) -> &'a Key {
        let found = keys
            .iter()
            .find(|key| key.path == path && (kind.is_empty() || key.kinds.iter().any(|other| other == kind)));
        found.unwrap_or_else(|| panic!("no key {path} of {kind}"))
    }

    #[test]
    fn every_key_that_a_file_may_hold_is_listed_with_a_sentence() {
        let keys = keys();
        for key in &keys {
            assert!(!key.about.is_empty(), "{} has no description", key.path);
            assert!(!key.value.is_empty() && !key.value.contains("nothing"), "{key:?}");
            assert!(!key.about.contains("]("), "{key:?}");
        }
        // What presets use is a fair sample of what there is.
        for preset in crate::experiment::PRESETS {
            let table: toml::Table = preset.toml.parse().unwrap();
            let mut used = Vec::new();
            paths("", &toml::Value::Table(table), &mut used);
            assert!(used.len() > 20);
            for path in used {
                assert!(keys.iter().any(|key| key.path == path), "{path} of {} is not listed", preset.name);
            }
        }
    }

    fn paths(path: &str, value: &toml::Value, used: &mut Vec<String>) {
        let below = |name: &str| if path.is_empty() { name.to_string() } else { format!("{path}.{name}") };
        match value {
            toml::Value::Table(table) => {
                table.iter().for_each(|(name, value)| paths(&below(name), value, used));
            }
            toml::Value::Array(list) if list.iter().all(toml::Value::is_table) && !list.is_empty() => {
                list.iter().for_each(|value| paths(&below("N"), value, used));
            }
            _ => used.push(path.to_string()),
        }
    }

    #[test]
    fn types_defaults_and_choices_are_those_that_files_are_read_by() {
        let keys = keys();
        let batch = key(&keys, "training.batch_size", "");
        assert_eq!(batch.value, "whole number or text");
        assert_eq!(batch.choices.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["full"]);
        let rate = key(&keys, "training.optimizer.learning_rate", "adam");
        assert_eq!(rate.presence, Presence::Default("0.0004".into()));
        assert_eq!(key(&keys, "training.stop.patience", "").presence, Presence::Optional);
        assert_eq!(key(&keys, "schedule.interval", "every").presence, Presence::Required);
        assert_eq!(key(&keys, "network.hidden", "").value, "list of whole numbers");
        let range = key(&keys, "estimators.N.range", "binned");
        assert_eq!(range.value, "list of 2 numbers or text");
        assert!(range.choices.iter().any(|choice| choice.name == "layer"), "{range:?}");
        let kinds = key(&keys, "estimators.N.kind", "");
        assert_eq!(kinds.choices.len(), AnyEstimator::ALL.len());
    }

    #[test]
    fn the_keys_of_estimators_are_those_that_they_take() {
        for info in AnyEstimator::ALL {
            let listed: Vec<String> =
                estimator_keys(info.name).unwrap().into_iter().map(|key| key.path).collect();
            let mut taken = AnyEstimator::keys(info.name).unwrap().to_vec();
            taken.sort_unstable();
            assert_eq!(listed, taken, "{}", info.name);
        }
        assert_eq!(estimator_keys("magic"), None);
    }

    #[test]
    fn defaults_leave_an_estimator_as_it_is() {
        for info in AnyEstimator::ALL {
            let empty = toml::Value::Table(toml::Table::new());
            let Ok(Some(plain)) = AnyEstimator::named(info.name, empty) else { continue };
            let lines = estimator_keys(info.name).unwrap().into_iter().filter_map(|key| match key.presence {
                Presence::Default(value) => Some(format!("{} = {value}\n", key.path)),
                _ => None,
            });
            let table: toml::Table = lines.collect::<String>().parse().unwrap();
            let spelled_out = AnyEstimator::named(info.name, toml::Value::Table(table)).unwrap();
            assert_eq!(spelled_out, Some(plain), "{}", info.name);
        }
    }

    #[test]
    fn descriptions_lose_their_links_and_all_but_the_first_sentence() {
        let links = "See [`read::csv`](read::csv()) and [`Auto`] of [low, high]. More.";
        assert_eq!(without_links(links), "See `read::csv` and `Auto` of [low, high]. More.");
        assert_eq!(first_sentence("At least 1, i.e. one. Then more."), "At least 1, i.e. one.");
        assert_eq!(first_sentence("η"), "η.");
    }
}
