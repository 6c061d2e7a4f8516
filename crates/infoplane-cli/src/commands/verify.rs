//! `infoplane verify`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use infoplane::experiment::{AsIfRandomResult, Experiment, ExperimentError, Repair};
use infoplane::printable::printable_path;
use infoplane::run::{FileState, RunDir, RunError, Verification};
use infoplane::sweep::Store;
use serde_json::{Value, json};

use crate::failure::{FAILED, Failure};
use crate::flags::machine::MachineFlags;
use crate::output::print_json;
use crate::terminal::{Clock, RunMeter, Screen, end_on_interrupt, on_interrupt, width, wrapped};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Manifest, tables, keyframes and outcome are compared with the digests that were written with them. \
Figures and tables in report/ are not: `infoplane report` makes them again. --repair computes \
damaged files again in DIR/repair from those that are whole, and puts them in place only if \
they have the digest that was written. The exit code is 1 if a file is damaged, and stays so.

Examples:
  infoplane verify runs/tishby2017
  infoplane verify runs/* --json
  infoplane verify runs/tishby2017 --repair")]
pub struct Args {
    /// Directories of runs (with the as-if-random results in them), as-if-random results, or sweeps
    #[arg(required = true, value_name = "DIR")]
    pub directories: Vec<PathBuf>,
    /// Compute damaged files of complete runs and results again
    #[arg(long)]
    pub repair: bool,
    #[command(flatten)]
    pub machine: MachineFlags,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// What became of a directory.
struct Verified {
    found: Verification,
    repair: Option<Repair>,
}

impl Verified {
    /// How the files are in the end.
    fn now(&self) -> &Verification {
        self.repair.as_ref().map_or(&self.found, |repair| &repair.now)
    }
}

/// Compares the files of finished results with what was written, and mends them if asked to.
pub fn verify(arguments: &Args) -> Result<ExitCode, Failure> {
    let interrupt = if arguments.repair {
        on_interrupt("stopping; once more to stop at once")
    } else {
        end_on_interrupt("interrupted; nothing was changed", Vec::new());
        Default::default()
    };
    let mut clock = Clock::new("reading");
    let mut directories = Vec::new();
    for directory in &arguments.directories {
        directories.extend(results_in(directory)?);
    }
    let mut all = Vec::new();
    for (number, directory) in directories.iter().enumerate() {
        clock.set(number, directories.len(), "directories verified");
        let found = look_at(directory)?;
        // Also of what is whole: an attempt that was killed may have left something beside it.
        let repair = match arguments.repair {
            true => {
                clock.finish();
                let repair = repair(directory, arguments, &interrupt)?;
                clock = Clock::new("reading");
                Some(repair)
            }
            false => None,
        };
        all.push(Verified { found, repair });
    }
    clock.finish();
    if arguments.json {
        print_json("verify", json!({ "directories": all.iter().map(as_json).collect::<Vec<_>>() }))?;
    } else {
        let mut out = Screen::lock();
        for verified in &all {
            write(&mut out, verified, all.len() == 1)?;
        }
        if all.len() > 1 {
            let damaged = all.iter().filter(|verified| !verified.now().is_whole()).count();
            writeln!(out, "{} directories verified, {damaged} of them damaged", all.len())?;
        }
    }
    let whole = all.iter().all(|verified| verified.now().is_whole());
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// The directories of results that a directory stands for.
fn results_in(directory: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !directory.is_dir() {
        return Err(RunError::NoRun(directory.into()).into());
    }
    if Store::is_in(directory) {
        let mut cells = Vec::new();
        for part in ["runs", "pools"] {
            let entries = std::fs::read_dir(directory.join(part)).into_iter().flatten().flatten();
            // A link leads to something that is not the sweep's.
            let is_cell = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
            cells.extend(entries.filter(is_cell).map(|entry| entry.path()));
        }
        cells.sort();
        return Ok(cells);
    }
    let pool = directory.join("as-if-random");
    let mut all = vec![directory.to_path_buf()];
    let is_directory = std::fs::symlink_metadata(&pool).is_ok_and(|found| found.is_dir());
    if is_directory && AsIfRandomResult::is_in(&pool) {
        all.push(pool);
    }
    Ok(all)
}

fn look_at(directory: &Path) -> Result<Verification, RunError> {
    if AsIfRandomResult::is_in(directory) {
        AsIfRandomResult::verify(directory)
    } else {
        RunDir::verify(directory)
    }
}

fn repair(directory: &Path, arguments: &Args, interrupt: &AtomicBool) -> Result<Repair, Failure> {
    let options = arguments.machine.options();
    let is_pool = AsIfRandomResult::is_in(directory);
    let experiment = match is_pool {
        true => Experiment::of_as_if_random(directory).map(|(experiment, _)| experiment),
        false => Experiment::of_run(directory),
    };
    // Of damaged settings it is not known how much there is to do.
    let meter = experiment.ok().map(|experiment| RunMeter::new(&experiment));
    let progress: &dyn infoplane::experiment::Progress = match &meter {
        Some(meter) => meter,
        None => &(),
    };
    let done = match is_pool {
        true => Experiment::repair_as_if_random(directory, options, progress, interrupt),
        false => Experiment::repair(directory, options, progress, interrupt),
    };
    if let Some(meter) = &meter {
        meter.finish();
    }
    done.map_err(|error| {
        let interrupted = matches!(error, ExperimentError::Interrupted);
        let failure = Failure::from(error);
        match interrupted {
            true => failure.with_advice(format!(
                "nothing was changed; the same command continues, what was computed is in {}",
                printable_path(directory.join("repair"))
            )),
            false => failure.about(&directory.display().to_string()),
        }
    })
}

fn as_json(verified: &Verified) -> Value {
    let Verified { found, repair } = verified;
    json!({
        "directory": found.directory,
        "complete": found.is_complete,
        "whole": verified.now().is_whole(),
        "files": verified.now().files,
        "mended": repair.as_ref().map(|repair| &repair.mended),
        "reasons": repair.as_ref().map(|repair| &repair.reasons),
    })
}

/// Where the states of files stand.
const COLUMN: usize = 20;

/// Every file of the only directory; of several only what is damaged.
fn write(out: &mut impl Write, verified: &Verified, all: bool) -> std::io::Result<()> {
    let Verified { found, repair } = verified;
    let now = verified.now();
    let state = match (now.is_whole(), found.is_complete) {
        (true, true) => "as it was written",
        (true, false) => "not complete, and as it was written so far",
        (false, _) => "damaged",
    };
    writeln!(out, "{}  {state}", printable_path(&found.directory))?;
    let shown = now.files.iter().filter(|file| all || file.state.is_damaged());
    for file in shown {
        let state = match &file.state {
            FileState::Whole => "as it was written".to_string(),
            FileState::Missing => "missing".to_string(),
            FileState::Unknown(why) => format!("not known: {why}"),
            FileState::Damaged(why) => format!("damaged: {why}"),
            _ => "not known".to_string(),
        };
        let name = format!("  {:<16}", printable_path(&file.file));
        // The name of a keyframe is too long for a column.
        if name.chars().count() > COLUMN {
            writeln!(out, "{name}")?;
            writeln!(out, "{}", wrapped(&" ".repeat(COLUMN), &state, width()))?;
        } else {
            writeln!(out, "{}", wrapped(&format!("{name:<COLUMN$}"), &state, width()))?;
        }
    }
    if let Some(repair) = repair {
        for file in &repair.mended {
            writeln!(out, "mended   {}", printable_path(now.directory.join(file)))?;
        }
        for reason in &repair.reasons {
            writeln!(out, "{}", wrapped("left     ", reason, width()))?;
        }
    } else if !now.is_whole() {
        let directory = printable_path(&now.directory);
        let (command, what) = match now.is_complete {
            true => (format!("infoplane verify --repair {directory}"), "computes again what is damaged"),
            false => {
                (format!("infoplane resume {directory}"), "continues it, and computes again what is damaged")
            }
        };
        writeln!(out, "`{command}` {what}")?;
    }
    Ok(())
}
