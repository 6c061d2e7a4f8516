//! `infoplane run` and `infoplane presets`.

use std::fs;
use std::io::{ErrorKind, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use infoplane::experiment::{Experiment, ExperimentError, PRESETS, RunSummary};
use infoplane::report::ReportError;
use infoplane::run::{RunError, SeedOutcome};
use serde_json::json;

use crate::arguments::Run;
use crate::failure::{DIVERGED, Failure, INTERRUPTED, say};
use crate::info::{Loaded, data_lines};
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
    let (out, claimed) = match &arguments.out {
        Some(out) => (out.clone(), false),
        None => (claim_directory(&experiment.name)?, true),
    };

    let interrupt = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&interrupt);
    // Without a handler Ctrl-C still stops the run, only less gently.
    let _ = ctrlc::set_handler(move || {
        if handler.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into()); // the second time, at once
        }
        say("stopping after the epoch in hand; once more to stop at once");
    });

    let measured = experiment.epochs().map_err(Failure::input)?.len() as u64;
    let planned = measured.saturating_mul(experiment.seeds);
    let bar = Bar::new(experiment.training.epochs.saturating_mul(experiment.seeds), planned, arguments.json);
    let result = experiment.run(&out, arguments.threads.into(), &bar, &interrupt);
    bar.finish();
    let summary = result.map_err(|error| {
        let interrupted = matches!(error, ExperimentError::Interrupted);
        let failure = Failure::from(error);
        if claimed {
            // Only an empty directory can be removed so: one that holds a run stays.
            let _ = fs::remove_dir(&out).and_then(|()| fs::remove_dir("runs"));
        }
        match interrupted && fs::metadata(out.join("journal.jsonl")).is_ok_and(|file| file.len() > 0) {
            true => failure.with_advice(format!(
                "what was measured is in {}; `infoplane report {}` draws it",
                out.display(),
                out.display()
            )),
            false => failure,
        }
    })?;

    let diverged: Vec<&SeedOutcome> =
        summary.outcome.seeds.iter().filter(|seed| seed.status != SeedOutcome::FINISHED).collect();
    for seed in &diverged {
        say(format_args!("seed {}: {}", seed.seed, seed.status));
    }
    let loaded = Loaded::read(&summary.run, summary.manifest.clone())?;
    let files = match infoplane::report::write(&loaded.report(), &summary.run.report_path()) {
        // Every training diverged before there was anything to measure.
        Err(ReportError::Empty) => Vec::new(),
        files => files?,
    };
    if arguments.json {
        print_json(&summary, &experiment, &files)?;
    } else {
        let mut text = stdout().lock();
        writeln!(text, "{}", infoplane::report::summary(&loaded.report()))?;
        let [entropies, shares] = data_lines(&summary.manifest.data);
        writeln!(text, "data     {entropies}; {shares}")?;
        write_times(&mut text, &summary)?;
        writeln!(text, "run      {}", summary.run.path().display())?;
        for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "png")) {
            writeln!(text, "figure   {}", file.display())?;
        }
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

/// Makes `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`, … that is not there yet: made, so that of two runs
/// that start at once each gets its own.
fn claim_directory(name: &str) -> Result<PathBuf, RunError> {
    let runs = Path::new("runs");
    let error = |path: &Path, source| RunError::Io { action: "create", path: path.into(), source, run: None };
    fs::create_dir_all(runs).map_err(|source| error(runs, source))?;
    let mut number = 1u32;
    loop {
        let path = if number == 1 { runs.join(name) } else { runs.join(format!("{name}-{number}")) };
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(taken) if taken.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(error(&path, source)),
        }
    }
}
