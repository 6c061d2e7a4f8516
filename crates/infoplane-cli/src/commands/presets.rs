//! `infoplane presets`.

use std::io::{Write, stdout};
use std::process::ExitCode;

use infoplane::experiment::{Key, PRESETS, json_schema, keys};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::keys::{as_json, markdown, text};
use crate::output::print_json;
use crate::terminal::{Screen, titled, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane presets
  infoplane presets saxe2018-relu > mine.toml
  infoplane presets --keys
  infoplane presets --keys training.optimizer
  infoplane presets --schema > infoplane.schema.json")]
pub struct Args {
    /// Print this preset as TOML
    pub name: Option<String>,
    /// Explain the keys of a configuration file: all, or those whose path begins so
    #[arg(long, value_name = "PREFIX", num_args = 0..=1, default_missing_value = "", conflicts_with = "name")]
    pub keys: Option<String>,
    /// With --keys: as a Markdown page
    #[arg(long, requires = "keys", conflicts_with = "json")]
    pub markdown: bool,
    /// Print the JSON Schema of a configuration file, for editors that check TOML
    #[arg(long, conflicts_with_all = ["name", "keys", "json"])]
    pub schema: bool,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Lists the presets, prints one, or explains keys.
pub fn presets(arguments: &Args) -> Result<ExitCode, Failure> {
    if arguments.schema {
        writeln!(stdout().lock(), "{:#}", json_schema())?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(prefix) = &arguments.keys {
        return explain(prefix, arguments);
    }
    let mut out = Screen::lock();
    match &arguments.name {
        None if arguments.json => {
            let presets = PRESETS.map(|preset| json!({ "name": preset.name, "title": preset.title() }));
            print_json("presets", json!({ "presets": presets }))?;
        }
        None => {
            for preset in PRESETS {
                writeln!(out, "{}", titled(&format!("{:<16}", preset.name), preset.title()))?;
            }
            writeln!(out, "\n`infoplane presets NAME` prints one as a TOML file to copy and edit;")?;
            writeln!(out, "`infoplane presets --keys` explains every key.")?;
        }
        Some(name) => match PRESETS.iter().find(|preset| preset.name == *name) {
            Some(preset) if arguments.json => {
                print_json(
                    "presets",
                    json!({ "name": preset.name, "title": preset.title(), "toml": preset.toml }),
                )?;
            }
            Some(preset) => write!(out, "{}", preset.toml)?,
            None => {
                let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
                return Err(Failure::input(format!(
                    "no preset is called `{name}`; presets are {}",
                    names.join(", ")
                )));
            }
        },
    }
    Ok(ExitCode::SUCCESS)
}

/// Explains the keys whose path begins with `prefix`.
fn explain(prefix: &str, arguments: &Args) -> Result<ExitCode, Failure> {
    // `estimators.0.k` is asked for as a file has it; every place in a list has the same keys.
    let wanted: Vec<&str> = prefix.split('.').collect();
    let begins = |key: &Key| {
        let parts: Vec<&str> = key.path.split('.').collect();
        wanted.iter().enumerate().all(|(place, &part)| {
            let last = place + 1 == wanted.len();
            parts.get(place).is_some_and(|&other| {
                other == part
                    || (last && other.starts_with(part))
                    || (other == "N" && part.parse::<usize>().is_ok())
            })
        })
    };
    let found: Vec<Key> = keys().into_iter().filter(begins).collect();
    if found.is_empty() {
        return Err(Failure::input(format!("no key begins with `{prefix}`"))
            .with_advice("`infoplane presets --keys` lists all"));
    }
    if arguments.json {
        let listed: Vec<Value> = found.iter().map(as_json).collect();
        print_json("presets", json!({ "keys": listed }))?;
    } else if arguments.markdown {
        write!(Screen::lock(), "{}", markdown(&found))?;
    } else {
        write!(Screen::lock(), "{}", text(&found, width()))?;
    }
    Ok(ExitCode::SUCCESS)
}
