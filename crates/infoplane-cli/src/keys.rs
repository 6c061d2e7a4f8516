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
    let mut tables: Vec<String> = Vec::new();
    for key in keys {
        let table = if is_table(key) { place(key) } else { parent(key).to_string() };
        if !tables.contains(&table) {
            tables.push(table);
        }
    }
    for table in tables {
        match keys.iter().find(|key| is_table(key) && place(key) == table) {
            Some(key) => heading(&mut page, key),
            None if table.is_empty() => page += "\n## At the top\n",
            None => page += &format!("\n## `[{table}]`\n"),
        }
        rows(&mut page, keys.iter().filter(|key| !is_table(key) && parent(key) == table).collect());
    }
    page
}

fn is_table(key: &Key) -> bool {
    matches!(key.value.as_str(), "table" | "list of tables")
}

/// The path that the keys of a table begin with.
fn place(key: &Key) -> String {
    if key.value == "table" { key.path.clone() } else { format!("{}.N", key.path) }
}

fn parent(key: &Key) -> &str {
    key.path.rsplit_once('.').map_or("", |(table, _)| table)
}

/// The keys of one table: those that it always has, then those of each `kind`.
fn rows(page: &mut String, keys: Vec<&Key>) {
    let always: Vec<&Key> = keys.iter().copied().filter(|key| key.kinds.is_empty()).collect();
    write_rows(page, &always);
    let mut kinds: Vec<&String> = Vec::new();
    // `kind` itself lists them in their order.
    let listed = always.iter().filter(|key| key.path.ends_with("kind")).flat_map(|key| &key.choices);
    kinds.extend(listed.map(|choice| &choice.name));
    for kind in keys.iter().flat_map(|key| &key.kinds) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let of = |kind: &String| -> Vec<&Key> {
        let mut keys: Vec<&Key> = keys.iter().copied().filter(|key| key.kinds.contains(kind)).collect();
        keys.sort_by(|a, b| a.path.cmp(&b.path));
        keys
    };
    let mut done = 0;
    while done < kinds.len() {
        let same = kinds[done..].iter().take_while(|kind| of(kind) == of(kinds[done])).count();
        let rows = of(kinds[done]);
        if !rows.is_empty() {
            let names: Vec<String> =
                kinds[done..done + same].iter().map(|kind| format!("`{kind}`")).collect();
            let _ = write!(page, "\nWith `kind` = {}:\n", names.join(", "));
            write_rows(page, &rows);
        }
        done += same;
    }
}

fn write_rows(page: &mut String, keys: &[&Key]) {
    if keys.is_empty() {
        return;
    }
    *page += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
    for key in keys {
        row(page, key);
    }
}

fn heading(page: &mut String, key: &Key) {
    let path = &key.path;
    let brackets = if key.value == "table" { format!("[{path}]") } else { format!("[[{path}]]") };
    let presence = match &key.presence {
        Presence::Default(value) => format!(" Default: `{value}`."),
        Presence::Optional => " Optional.".into(),
        Presence::Required => String::new(),
    };
    let _ = write!(page, "\n## `{brackets}`\n\n{}{presence}\n", cell(&key.about));
}

fn row(page: &mut String, key: &Key) {
    let name = key.path.rsplit('.').next().unwrap_or(&key.path);
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
