//! `infoplane info` and `infoplane report`.

use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use infoplane::Information;
use infoplane::report::{LayerDescription, ReportData};
use infoplane::run::{Manifest, RunDir, SeedOutcome};
use serde_json::json;

use crate::failure::Failure;

/// Everything a report draws, read from a run directory.
pub fn report_data(run: &RunDir, manifest: &Manifest) -> Result<ReportData, Failure> {
    let mut notes = Vec::new();
    match run.outcome()? {
        None => notes.push("run not complete".to_string()),
        Some(outcome) => {
            for seed in outcome.seeds.iter().filter(|seed| seed.status != SeedOutcome::FINISHED) {
                notes.push(format!("seed {}: {}", seed.seed, seed.status));
            }
        }
    }
    let name = manifest.experiment.get("name").and_then(|name| name.as_str()).unwrap_or("run");
    Ok(ReportData {
        title: name.to_string(),
        dataset: manifest.data.name.clone(),
        n_samples: manifest.data.n_measured,
        h_x: Information::from_bits(manifest.data.h_x_bits),
        h_y: Information::from_bits(manifest.data.h_y_bits),
        layers: manifest
            .layers
            .iter()
            .map(|layer| LayerDescription { width: layer.width, nonlinearity: layer.nonlinearity.clone() })
            .collect(),
        plane: run.plane()?,
        training: run.training()?,
        notes,
    })
}

/// Draws the figures of a run again.
pub fn report(path: &Path) -> Result<ExitCode, Failure> {
    let (run, manifest) = RunDir::open(path)?;
    let data = report_data(&run, &manifest)?;
    let files = infoplane::report::write(&data, &run.report_path())?;
    let mut out = stdout().lock();
    writeln!(out, "{}", infoplane::report::summary(&data))?;
    for file in files {
        writeln!(out, "{}", file.display())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what a run directory holds.
pub fn info(path: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    let (run, manifest) = RunDir::open(path)?;
    let rows = run.plane()?.rows;
    let outcome = run.outcome()?;
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
    let epochs = manifest.measured_epochs.last().copied().unwrap_or(0);
    let wanted = manifest.seeds.len() * manifest.measured_epochs.len();
    let status = if outcome.is_some() { "complete" } else { "not complete" };

    let mut out = stdout().lock();
    if as_json {
        let object = json!({
            "run": path,
            "status": status,
            "manifest": manifest,
            "rows": rows.len(),
            "measured": measured.len(),
            "to_measure": wanted,
            "outcome": outcome,
        });
        writeln!(out, "{object}")?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = &manifest.data;
    let name = manifest.experiment.get("name").and_then(|name| name.as_str()).unwrap_or("");
    writeln!(out, "experiment  {name} (infoplane {})", manifest.infoplane_version)?;
    writeln!(
        out,
        "status      {status}: {} of {wanted} epochs measured, {} rows",
        measured.len(),
        rows.len()
    )?;
    writeln!(
        out,
        "data        {}, {} samples, measured on {} (digest {})",
        data.name, data.n_samples, data.n_measured, data.digest
    )?;
    writeln!(
        out,
        "            H(X) = {:.4} bits, H(Y) = {:.4} bits, I(X;Y) = {:.4} bits",
        data.h_x_bits, data.h_y_bits, data.i_xy_bits
    )?;
    writeln!(out, "layers      {}", widths.join(", "))?;
    let (first, last) = (manifest.seeds.first().unwrap_or(&0), manifest.seeds.last().unwrap_or(&0));
    writeln!(out, "seeds       {} ({first} to {last}), {epochs} epochs each", manifest.seeds.len())?;
    for setting in settings {
        writeln!(out, "measured    {setting}")?;
    }
    for seed in outcome.iter().flat_map(|o| &o.seeds).filter(|seed| seed.status != SeedOutcome::FINISHED) {
        writeln!(out, "seed {:<6} {}", seed.seed, seed.status)?;
    }
    Ok(ExitCode::SUCCESS)
}
