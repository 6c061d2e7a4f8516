//! `infoplane run` and `infoplane presets`.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use infoplane::experiment::{Experiment, PRESETS, RunSummary};
use infoplane::run::SeedOutcome;
use serde_json::json;

use crate::arguments::Run;
use crate::failure::{DIVERGED, Failure, INTERRUPTED};
use crate::info::Loaded;
use crate::progress::Bar;

/// Lists the presets, or prints one.
pub fn presets(name: Option<&str>) -> Result<ExitCode, Failure> {
    let mut out = stdout().lock();
    match name {
        None => {
            for preset in PRESETS {
                writeln!(out, "{:<15} {}", preset.name, preset.title())?;
            }
            writeln!(out, "\n`infoplane presets NAME` prints one as a TOML file to copy and change.")?;
        }
        Some(name) => match PRESETS.iter().find(|preset| preset.name == name) {
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

/// Trains, measures and draws.
pub fn run(arguments: &Run) -> Result<ExitCode, Failure> {
    let mut overrides = arguments.set.clone();
    overrides.extend(arguments.seeds.map(|seeds| format!("seeds={seeds}")));
    let experiment = Experiment::load(&arguments.experiment, &overrides)?;
    let out = arguments.out.clone().unwrap_or_else(|| free_directory(&experiment.name));

    let interrupt = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&interrupt);
    // Without a handler Ctrl-C still stops the run, only less gently.
    let _ = ctrlc::set_handler(move || {
        if handler.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into()); // the second time, at once
        }
        eprintln!("\nstopping after the epoch in hand; once more to stop at once");
    });

    let measured = experiment.epochs().map_err(Failure::input)?.len() as u64;
    let planned = measured.saturating_mul(experiment.seeds);
    let bar = Bar::new(experiment.training.epochs.saturating_mul(experiment.seeds), planned, arguments.json);
    let result = experiment.run(&out, arguments.threads.into(), &bar, &interrupt);
    bar.finish();
    let summary = result.map_err(|error| {
        let interrupted = matches!(error, infoplane::experiment::ExperimentError::Interrupted);
        let failure = Failure::from(error);
        match interrupted && out.join("manifest.toml").exists() {
            true => failure.with_advice(format!(
                "what was measured is in {}; `infoplane report {}` draws it",
                out.display(),
                out.display()
            )),
            false => failure,
        }
    })?;

    let loaded = Loaded::read(&summary.run, summary.manifest.clone())?;
    let files = infoplane::report::write(&loaded.report(), &summary.run.report_path())?;
    if arguments.json {
        print_json(&summary, &experiment, &files)?;
    } else {
        let mut text = stdout().lock();
        writeln!(text, "{}", infoplane::report::summary(&loaded.report()))?;
        write_times(&mut text, &summary)?;
        writeln!(text, "run      {}", summary.run.path().display())?;
        for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "png")) {
            writeln!(text, "figure   {}", file.display())?;
        }
    }
    let diverged: Vec<&SeedOutcome> =
        summary.outcome.seeds.iter().filter(|seed| seed.status != SeedOutcome::FINISHED).collect();
    for seed in &diverged {
        eprintln!("infoplane: seed {}: {}", seed.seed, seed.status);
    }
    Ok(if diverged.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIVERGED) })
}

fn write_times(out: &mut impl Write, summary: &RunSummary) -> std::io::Result<()> {
    writeln!(
        out,
        "time     {:.1} s; training {:.1} s and measuring {:.1} s, side by side",
        summary.time.as_secs_f64(),
        summary.train_time.as_secs_f64(),
        summary.measure_time.as_secs_f64()
    )
}

fn print_json(summary: &RunSummary, experiment: &Experiment, files: &[PathBuf]) -> Result<(), Failure> {
    // Of the training that came furthest; each is told in `outcomes`.
    let measured = summary.outcome.seeds.iter().map(|seed| seed.measured_epochs).max().unwrap_or(0);
    let object = json!({
        "run": summary.run.path(),
        "epochs": experiment.training.epochs,
        "measured_epochs": measured,
        "seeds": experiment.seeds,
        "rows": summary.outcome.rows,
        "seconds": summary.time.as_secs_f64(),
        "train_seconds": summary.train_time.as_secs_f64(),
        "measure_seconds": summary.measure_time.as_secs_f64(),
        "outcomes": summary.outcome.seeds,
        "files": files,
    });
    writeln!(stdout().lock(), "{object}")?;
    Ok(())
}

/// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`, … that is not there yet.
fn free_directory(name: &str) -> PathBuf {
    let runs = Path::new("runs");
    let first = runs.join(name);
    if !first.exists() {
        return first;
    }
    (2u32..).map(|number| runs.join(format!("{name}-{number}"))).find(|path| !path.exists()).unwrap_or(first)
}
