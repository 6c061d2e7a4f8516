//! `infoplane presets`.

use std::io::{Write, stdout};
use std::process::ExitCode;

use infoplane::experiment::PRESETS;

use crate::failure::Failure;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  infoplane presets saxe2018-relu > mine.toml")]
pub struct Args {
    /// Print this preset's TOML
    pub name: Option<String>,
}

/// Lists the presets, or prints one.
pub fn presets(arguments: &Args) -> Result<ExitCode, Failure> {
    let mut out = stdout().lock();
    match &arguments.name {
        None => {
            for preset in PRESETS {
                writeln!(out, "{:<15} {}", preset.name, preset.title())?;
            }
            writeln!(out, "\n`infoplane presets NAME` prints one as a TOML file to copy and change.")?;
        }
        Some(name) => match PRESETS.iter().find(|preset| preset.name == *name) {
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
