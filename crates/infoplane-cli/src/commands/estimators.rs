//! `infoplane estimators`.

use std::io::Write;
use std::process::ExitCode;

use infoplane::estimator::{AnyEstimator, EstimatorInfo};
use infoplane::experiment::estimator_keys;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::flags::method::unknown;
use crate::keys::{self, paragraph};
use crate::output::print_json;
use crate::terminal::{Screen, width, wrapped};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane estimators
  infoplane estimators ksg
  infoplane estimators binned --json")]
pub struct Args {
    /// Show this estimator, and every key it takes
    pub name: Option<String>,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Lists the estimators, or shows one with its keys.
pub fn estimators(arguments: &Args) -> Result<ExitCode, Failure> {
    let mut out = Screen::lock();
    let width = width();
    match &arguments.name {
        None if arguments.json => {
            let all: Vec<Value> = AnyEstimator::ALL.iter().map(|info| as_json(info)).collect();
            print_json("estimators", json!({ "estimators": all }))?;
        }
        None => {
            for info in AnyEstimator::ALL {
                let lead = |text: &str| format!("{text:<18} ");
                writeln!(out, "{}", wrapped(&lead(info.name), info.estimates, width))?;
                writeln!(out, "{}", wrapped(&format!("{}when: ", lead("")), info.when, width))?;
                let cost = format!("{}; {}", info.cost, info.reference);
                writeln!(out, "{}", wrapped(&format!("{}cost: ", lead("")), &cost, width))?;
            }
            writeln!(out, "\n`infoplane estimators NAME` explains the keys of one.")?;
        }
        Some(name) => {
            let info = EstimatorInfo::named(name);
            let info = info.ok_or_else(|| unknown(name))?;
            if arguments.json {
                print_json("estimators", as_json(info))?;
            } else {
                writeln!(out, "{} ({})", info.name, info.title)?;
                for (lead, text) in [
                    ("estimates  ", info.estimates),
                    ("when       ", info.when),
                    ("cost       ", info.cost),
                    ("reference  ", info.reference),
                ] {
                    writeln!(out, "{}", wrapped(lead, text, width))?;
                }
                let keys = estimator_keys(name).unwrap_or_default();
                writeln!(out, "\n{}", if keys.is_empty() { "It has no keys." } else { "Keys:" })?;
                for key in keys {
                    write!(out, "{}", paragraph(&key, width))?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(info: &EstimatorInfo) -> Value {
    let documented = estimator_keys(info.name).unwrap_or_default();
    let defaults = defaults(info.name).unwrap_or_default();
    let values: Map<String, Value> = documented
        .iter()
        .map(|key| (key.path.clone(), defaults.get(&key.path).cloned().unwrap_or(Value::Null)))
        .collect();
    let documented: Vec<Value> = documented.iter().map(keys::as_json).collect();
    json!({
        "name": info.name,
        "title": info.title,
        "estimates": info.estimates,
        "when": info.when,
        "cost": info.cost,
        "reference": info.reference,
        "keys": values,
        "documented_keys": documented,
    })
}

/// The settings that an estimator has without any key, by key; `None` if it needs one.
fn defaults(name: &str) -> Option<Map<String, Value>> {
    let config = AnyEstimator::named(name, toml::Value::Table(toml::Table::new())).ok()??;
    match serde_json::to_value(config) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}
