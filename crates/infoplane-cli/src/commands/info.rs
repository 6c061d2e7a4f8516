//! `infoplane info`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use infoplane::LayerDescription;
use infoplane::experiment::AsIfRandomResult;
use infoplane::report::{failed_in_words, schedule_setting};
use infoplane::run::{Run, State};
use serde_json::json;

use super::as_if_random;
use crate::describe::{data_lines, part_lines, seed_numbers};
use crate::failure::Failure;
use crate::output::print_json;
use crate::terminal::Screen;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  infoplane info runs/tishby2017\n  infoplane info runs/tishby2017 --json"
)]
pub struct Args {
    /// Directory of a run, or of an as-if-random result
    pub run: PathBuf,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Says what a run directory holds.
pub fn info(arguments: &Args) -> Result<ExitCode, Failure> {
    let path = arguments.run.as_path();
    if AsIfRandomResult::is_in(path) {
        return as_if_random::info(path, arguments.json);
    }
    let run = Run::read(path)?;
    let (manifest, outcome, state) = (run.manifest(), run.outcome(), run.state());
    let failed = run.failed_seeds();
    let (measured, rows) = (run.schedule().len(), run.plane().len());
    let layer = |(index, layer): (usize, &LayerDescription)| {
        let named = format!("{} {} {}", manifest.layer_name(index + 1), layer.width, layer.nonlinearity);
        named.trim_end().to_string()
    };
    let layers: Vec<String> = manifest.layers.iter().enumerate().map(layer).collect();
    // A schedule that adapts does not know beforehand.
    let planned = manifest.planned_epochs.map(|planned| manifest.schedule.epochs(planned));
    let planned = planned.transpose().map_err(Failure::input)?.flatten();
    let wanted = planned.map(|epochs| manifest.seeds.len() * epochs.len());

    let mut out = Screen::lock();
    if arguments.json {
        let object = json!({
            "run": path,
            "state": state.name(),
            "manifest": manifest,
            "rows": rows,
            "measured": measured,
            "to_measure": wanted,
            "outcome": outcome,
            "seeds_not_learned": seed_numbers(&failed),
        });
        print_json("info", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = &manifest.data;
    writeln!(out, "run         {} (infoplane {})", run.name(), manifest.infoplane_version)?;
    let of = wanted.filter(|_| outcome.is_none()).map(|wanted| format!(" of {wanted}")).unwrap_or_default();
    writeln!(out, "state       {}: {measured}{of} epochs measured, {rows} rows", state.name())?;
    match state {
        State::Running { process: Some(process) } => {
            writeln!(out, "            process {process} is writing to it")?
        }
        State::Running { process: None } | State::Finished | State::Failed => {}
        State::Interrupted => {
            writeln!(out, "            `infoplane resume {}` continues it", path.display())?;
        }
    }
    writeln!(out, "schedule    {}", schedule_setting(&manifest.schedule))?;
    writeln!(
        out,
        "data        {}, {} samples, measured on {} (digest {})",
        data.name, data.n_samples, data.n_measured, data.digest
    )?;
    for line in data_lines(data).into_iter().chain(part_lines(data)) {
        writeln!(out, "            {line}")?;
    }
    writeln!(out, "layers      {}", layers.join(", "))?;
    let (first, last) = (manifest.seeds.first().unwrap_or(&0), manifest.seeds.last().unwrap_or(&0));
    let epochs = manifest.planned_epochs.map(|epochs| format!(", {epochs} epochs planned for each"));
    let epochs = epochs.unwrap_or_default();
    writeln!(out, "seeds       {} ({first} to {last}){epochs}", manifest.seeds.len())?;
    for method in &manifest.methods {
        writeln!(out, "measured    {}", method.title)?;
    }
    for ended in run.early_ends() {
        writeln!(out, "ended       {ended}")?;
    }
    if !failed.is_empty() {
        writeln!(out, "failed      {}", failed_in_words(&failed))?;
    }
    Ok(ExitCode::SUCCESS)
}
