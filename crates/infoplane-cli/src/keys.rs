//! The keys of configuration files, as text, as a page and for programs.

use std::fmt::Write;

use infoplane::experiment::{Key, Presence};
use serde_json::{Value, json};

use crate::terminal::wrapped;

/// A paragraph for each key.
pub fn text(keys: &[Key], width: usize) -> String {
    let mut text = String::new();
    for (place, key) in keys.iter().enumerate() {
        if place > 0 {
            text.push('\n');
        }
        text += &paragraph(key, width);
    }
    text
}

/// The key, what it may be, and what it means.
pub fn paragraph(key: &Key, width: usize) -> String {
    let mut text = format!("{}\n", wrapped(&format!("{}  ", key.path), &form(key), width));
    if !key.kinds.is_empty() {
        text += &format!("{}\n", wrapped("    for kind = ", &key.kinds.join(", "), width));
    }
    text += &format!("{}\n", wrapped("    ", &key.about, width));
    let longest = key.choices.iter().map(|choice| choice.name.chars().count()).max().unwrap_or(0);
    for choice in &key.choices {
        text += &format!(
            "{}\n",
            wrapped(&format!("      {:longest$}  ", choice.name), &choice.about, width).trim_end()
        );
    }
    text
}

/// "whole number, default 3".
fn form(key: &Key) -> String {
    format!("{}, {}", key.value, key.presence)
}

/// The page of all keys: a section for each table, a row for each key.
pub fn markdown(keys: &[Key]) -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Every key of a configuration file. This page is generated from the types that read the file:\n\n\
         ```sh\ninfoplane presets --keys --markdown > docs/configuration.md\n```\n\n\
         `infoplane presets NAME` prints a whole file to start from, and `--set KEY=VALUE` changes one key of it: the key is \
         the path\nthrough the tables, and lists count from 0 (`estimators.0.bins=50`, where this page writes \
         `estimators.N.bins`). A value is\nTOML, or failing that text. `infoplane presets --schema` prints a JSON Schema \
         for editors.\n",
    );
    let mut section = None;
    for key in keys {
        if matches!(key.value.as_str(), "table" | "list of tables") {
            // Its keys follow below a heading of their own.
            heading(&mut page, &key.path, key);
            section = None;
            continue;
        }
        let (table, name) = key.path.rsplit_once('.').unwrap_or(("", &key.path));
        let here = (table.to_string(), key.kinds.clone());
        if section.as_ref() != Some(&here) {
            if table.is_empty() && section.is_none() {
                page += "\n## At the top\n";
            }
            if !key.kinds.is_empty() {
                let kinds: Vec<String> = key.kinds.iter().map(|kind| format!("`{kind}`")).collect();
                let _ = write!(page, "\nWith `kind` = {}:\n", kinds.join(", "));
            }
            page += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
            section = Some(here);
        }
        row(&mut page, name, key);
    }
    page
}

fn heading(page: &mut String, path: &str, key: &Key) {
    let brackets = if key.value == "table" { format!("[{path}]") } else { format!("[[{path}]]") };
    let presence = match &key.presence {
        Presence::Default(value) => format!(" Default: `{value}`."),
        Presence::Optional => " Optional.".into(),
        Presence::Required => String::new(),
    };
    let kinds = match &key.kinds[..] {
        [] => String::new(),
        kinds => format!(" With `kind` = {}.", kinds.join(", ")),
    };
    let _ = write!(page, "\n## `{brackets}`\n\n{}{presence}{kinds}\n", cell(&key.about));
}

fn row(page: &mut String, name: &str, key: &Key) {
    let default = match &key.presence {
        Presence::Required => "*required*".to_string(),
        Presence::Optional => String::new(),
        Presence::Default(value) => format!("`{value}`"),
    };
    let _ = writeln!(page, "| `{name}` | {} | {default} | {} |", key.value, meaning(key));
}

fn meaning(key: &Key) -> String {
    let mut text = cell(&key.about);
    for choice in &key.choices {
        let about =
            if choice.about.is_empty() { String::new() } else { format!(": {}", cell(&choice.about)) };
        let _ = write!(text, "<br>`{}`{about}", choice.name);
    }
    text
}

/// Text that a cell of a table can hold.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A key for programs.
pub fn as_json(key: &Key) -> Value {
    let choices: Vec<Value> =
        key.choices.iter().map(|choice| json!({ "name": choice.name, "about": choice.about })).collect();
    json!({
        "path": key.path,
        "kinds": key.kinds,
        "type": key.value,
        "choices": choices,
        "required": key.presence == Presence::Required,
        "default": match &key.presence {
            Presence::Default(value) => Some(value),
            _ => None,
        },
        "about": key.about,
    })
}
