//! `infoplane info`.

use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use infoplane::experiment::{AsIfRandomResult, Experiment};
use infoplane::report::{failed_in_words, failed_seeds, schedule_setting};
use infoplane::run::RunDir;
use serde_json::json;

use super::as_if_random;
use crate::failure::Failure;
use crate::loaded::{data_lines, ended_otherwise, name, seed_numbers};

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  infoplane info runs/tishby2017")]
pub struct Args {
    /// The run directory
    pub run: PathBuf,
    /// One JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Says what a run directory holds.
pub fn info(arguments: &Args) -> Result<ExitCode, Failure> {
    let path = arguments.run.as_path();
    if AsIfRandomResult::is_in(path) {
        return as_if_random::info(path, arguments.json);
    }
    let (run, manifest) = RunDir::open(path)?;
    let rows = run.plane()?.rows;
    let outcome = run.outcome()?;
    let failed = failed_seeds(&manifest, &run.training()?, outcome.as_ref());
    let mut measured: Vec<(u64, u64)> = rows.iter().map(|row| (row.seed, row.epoch)).collect();
    measured.dedup();
    let mut settings: Vec<String> = rows
        .iter()
        .map(|row| match row.bound {
            Some(bound) => format!("{} ({}, {} bound)", row.estimator, row.setting, bound.name()),
            None => format!("{} ({})", row.estimator, row.setting),
        })
        .collect();
    settings.sort();
    settings.dedup();
    let widths: Vec<String> =
        manifest.layers.iter().map(|l| format!("{} {}", l.width, l.nonlinearity)).collect();
    let experiment = Experiment::from_table("manifest.toml", manifest.experiment.clone())?;
    let epochs = experiment.training.epochs;
    // A schedule that adapts does not know beforehand.
    let planned = experiment.epochs().map_err(Failure::input)?;
    let wanted = planned.map(|epochs| manifest.seeds.len() * epochs.len());
    let status = if outcome.is_some() { "complete" } else { "not complete" };

    let mut out = stdout().lock();
    if arguments.json {
        let object = json!({
            "run": path,
            "status": status,
            "manifest": manifest,
            "rows": rows.len(),
            "measured": measured.len(),
            "to_measure": wanted,
            "outcome": outcome,
            "seeds_not_learned": seed_numbers(&failed),
        });
        writeln!(out, "{object}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = &manifest.data;
    writeln!(out, "experiment  {} (infoplane {})", name(&manifest), manifest.infoplane_version)?;
    let of = wanted.filter(|_| outcome.is_none()).map(|wanted| format!(" of {wanted}")).unwrap_or_default();
    writeln!(out, "status      {status}: {}{of} epochs measured, {} rows", measured.len(), rows.len())?;
    if outcome.is_none() {
        match run.writer_process() {
            Some(process) => writeln!(out, "            process {process} is at it")?,
            None => writeln!(out, "            `infoplane run --resume {}` goes on with it", path.display())?,
        }
    }
    writeln!(out, "schedule    {}", schedule_setting(&experiment.schedule))?;
    writeln!(
        out,
        "data        {}, {} samples, measured on {} (digest {})",
        data.name, data.n_samples, data.n_measured, data.digest
    )?;
    for line in data_lines(data) {
        writeln!(out, "            {line}")?;
    }
    writeln!(out, "layers      {}", widths.join(", "))?;
    let (first, last) = (manifest.seeds.first().unwrap_or(&0), manifest.seeds.last().unwrap_or(&0));
    writeln!(
        out,
        "seeds       {} ({first} to {last}), {epochs} epochs planned for each",
        manifest.seeds.len()
    )?;
    for setting in settings {
        writeln!(out, "measured    {setting}")?;
    }
    for told in outcome.iter().flat_map(|o| &o.seeds).filter_map(|seed| ended_otherwise(seed, epochs)) {
        writeln!(out, "ended       {told}")?;
    }
    if !failed.is_empty() {
        writeln!(out, "failed      {}", failed_in_words(&failed))?;
    }
    Ok(ExitCode::SUCCESS)
}
