//! `infoplane estimators`.

use std::io::{Write, stdout};
use std::process::ExitCode;

use infoplane::estimator::{About, EstimatorConfig};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::flags::method::{defaults, unknown};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane estimators
  infoplane estimators ksg")]
pub struct Args {
    /// Show this method's keys, with their defaults
    pub name: Option<String>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// Lists the methods, or shows one with its keys.
pub fn estimators(arguments: &Args) -> Result<ExitCode, Failure> {
    let mut out = stdout().lock();
    match &arguments.name {
        None if arguments.json => {
            let all: Vec<Value> = EstimatorConfig::METHODS.iter().map(|about| as_json(about)).collect();
            writeln!(out, "{}", Value::Array(all))?;
        }
        None => {
            for about in EstimatorConfig::METHODS {
                writeln!(out, "{:<18} {}", about.name, about.estimates)?;
                writeln!(out, "{:18} when: {}", "", about.when)?;
                writeln!(out, "{:18} cost: {}; {}", "", about.cost, about.reference)?;
            }
            writeln!(out, "\n`infoplane estimators NAME` shows the keys of one.")?;
        }
        Some(name) => {
            let about = EstimatorConfig::METHODS.iter().find(|about| about.name == name);
            let about = about.ok_or_else(|| unknown(name))?;
            if arguments.json {
                writeln!(out, "{}", as_json(about))?;
            } else {
                writeln!(out, "{} ({})", about.name, about.title)?;
                writeln!(out, "estimates  {}", about.estimates)?;
                writeln!(out, "when       {}", about.when)?;
                writeln!(out, "cost       {}", about.cost)?;
                writeln!(out, "reference  {}", about.reference)?;
                let defaults = defaults(name);
                for key in EstimatorConfig::keys(name).unwrap_or_default() {
                    let default = match &defaults {
                        None => "no default".to_string(),
                        Some(map) => match map.get(*key) {
                            None | Some(Value::Null) => "optional".into(),
                            Some(Value::String(text)) => format!("default {text}"),
                            Some(value) => format!("default {value}"),
                        },
                    };
                    writeln!(out, "key        {key}: {default}")?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(about: &About) -> Value {
    let defaults = defaults(about.name).unwrap_or_default();
    let keys = EstimatorConfig::keys(about.name).unwrap_or_default();
    let keys: serde_json::Map<String, Value> = keys
        .iter()
        .map(|key| (key.to_string(), defaults.get(*key).cloned().unwrap_or(Value::Null)))
        .collect();
    json!({
        "name": about.name,
        "title": about.title,
        "estimates": about.estimates,
        "when": about.when,
        "cost": about.cost,
        "reference": about.reference,
        "keys": keys,
    })
}
