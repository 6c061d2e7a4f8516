//! `infoplane run`.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use indicatif::HumanDuration;
use infoplane::experiment::{Experiment, ExperimentError, RunSummary};
use infoplane::printable::printable_path;
use infoplane::report::ReportData;
use infoplane::run::{Run, RunDir, RunError, SeedOutcome};
use infoplane::schedule::ScheduleConfig;
use serde_json::{Value, json};

use super::serve;
use crate::describe::{Figures, data_lines, seed_numbers, warn_of_unmeasured};
use crate::failure::{DIVERGED, Failure, NO_VALUE};
use crate::flags::figures::FigureFlags;
use crate::flags::machine::MachineFlags;
use crate::flags::schedule::ScheduleFlags;
use crate::output::print_json;
use crate::terminal::{RunMeter, Screen, fitted, on_interrupt, say, titled, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  infoplane run
  infoplane run saxe2018-relu --seeds 3 --out runs/relu
  infoplane run mine.toml --epochs 500 \\
      --set training.optimizer.learning_rate=0.001
  infoplane run saxe2018-mnist --epochs 10 \\
      --set dataset.source.directory=mnist
  infoplane run saxe2018-tanh --schedule delta-exact --delta 0.05
  infoplane run --epochs 1000 --schedule list --at 0,10,100

`infoplane presets --keys` explains every key. INFOPLANE_PROGRESS_SECONDS sets the seconds between lines \
of progress where stderr is no terminal (default 30).")]
pub struct Args {
    /// A preset (see `infoplane presets`) or a TOML file [default: tishby2017]
    #[arg(value_name = "PRESET|FILE.toml")]
    pub experiment: Option<String>,
    /// What `infoplane resume` does, under its former name.
    #[arg(long, value_name = "DIR", conflicts_with = "out", hide = true)]
    pub resume: Option<PathBuf>,
    /// Change a key, named by its path; lists count from 0 (estimators.0.bins=50)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Epochs of training; the same as --set training.epochs=N
    #[arg(long, value_name = "N", value_parser = crate::flags::whole::<u64>)]
    pub epochs: Option<u64>,
    /// Number of training runs, each with its own seed; the same as --set seeds=N
    #[arg(long, value_name = "N", value_parser = crate::flags::whole::<u64>)]
    pub seeds: Option<u64>,
    /// Run directory; must be new or empty [default: runs/NAME, or runs/NAME-2, … if taken]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Show the run in a browser while it is written, at the address that is printed (see `infoplane serve`)
    #[arg(long)]
    pub serve: bool,
    #[command(flatten)]
    pub machine: MachineFlags,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub schedule: ScheduleFlags,
    #[command(flatten)]
    pub figures: FigureFlags,
}

/// What is taken for an experiment where none is named.
const DEFAULT: &str = "tishby2017";

/// Trains, measures and draws.
pub fn run(arguments: &Args) -> Result<ExitCode, Failure> {
    refuse_twice(arguments.epochs.is_some(), "--epochs", "training.epochs", &arguments.set)?;
    refuse_twice(arguments.seeds.is_some(), "--seeds", "seeds", &arguments.set)?;
    let mut overrides = arguments.schedule.overrides();
    overrides.extend(arguments.epochs.map(|epochs| format!("training.epochs={epochs}")));
    overrides.extend(arguments.seeds.map(|seeds| format!("seeds={seeds}")));
    overrides.extend(arguments.set.iter().cloned());
    let Args { experiment, machine, figures, json, .. } = arguments;
    let shown = Shown { command: "run", figures, json: *json };
    if let Some(directory) = &arguments.resume {
        return go_on(directory, experiment.as_deref(), &overrides, machine, &shown);
    }
    let interrupt = on_interrupt(STOPPING);
    let named = experiment.as_deref().unwrap_or(DEFAULT);
    if Path::new(named).is_dir() {
        return Err(Failure::input(format!("{named} is a directory, and no experiment"))
            .with_advice(format!("`infoplane resume {named}` goes on with the run in it")));
    }
    // Keys alone change the experiment's own schedule; of what is wrong with that, the load below tells.
    let own = match arguments.schedule.changes_keys_alone() {
        true => Experiment::load(named, &arguments.set).ok().and_then(|own| kind(&own.schedule)),
        false => None,
    };
    arguments.schedule.check(own.as_deref(), &arguments.set)?;
    let experiment = Experiment::load(named, &overrides)?;
    let (out, claimed) = match &arguments.out {
        Some(out) => (out.clone(), false),
        None => (claim_directory(&experiment.directory_name())?, true),
    };
    if arguments.serve {
        serve::beside(&out)?;
    }
    let meter = RunMeter::new(&experiment);
    let result = experiment.run(&out, machine.options(), &meter, &interrupt);
    meter.finish();
    if claimed && result.is_err() {
        // Only an empty directory can be removed so: one that holds a run stays.
        let _ = fs::remove_dir(&out).and_then(|()| fs::remove_dir("runs"));
    }
    conclude(result, &out, &shown)
}

/// Refuses a key that both a flag and `--set` give: neither would count more.
pub fn refuse_twice(is_given: bool, flag: &str, key: &str, set: &[String]) -> Result<(), Failure> {
    let same = |given: &&String| given.split('=').next().is_some_and(|given| given.trim() == key);
    match set.iter().find(same) {
        Some(given) if is_given => {
            Err(Failure::input(format!("{flag} and --set {given} give the same key; leave one out")))
        }
        _ => Ok(()),
    }
}

/// The kind of a schedule, by its name.
fn kind(schedule: &ScheduleConfig) -> Option<String> {
    let table = toml::Table::try_from(schedule).ok()?;
    table.get("kind")?.as_str().map(str::to_string)
}

const STOPPING: &str = "stopping; once more to stop at once";

/// How results are shown.
pub struct Shown<'a> {
    /// The command that was given.
    pub command: &'static str,
    pub figures: &'a FigureFlags,
    pub json: bool,
}

/// Goes on with the run in `directory`, which must hold the experiment that is named, if one is.
pub fn go_on(
    directory: &Path,
    named: Option<&str>,
    overrides: &[String],
    machine: &MachineFlags,
    shown: &Shown<'_>,
) -> Result<ExitCode, Failure> {
    let interrupt = on_interrupt(STOPPING);
    // A recording has no experiment.
    if RunDir::open(directory)?.1.experiment().is_none() {
        if named.is_some() || !overrides.is_empty() {
            return Err(Failure::input(format!(
                "{} records networks that another program trains; it has no experiment to compare with",
                printable_path(directory)
            )));
        }
        return super::record::resume(directory, machine, shown, &interrupt);
    }
    let of_the_run = Experiment::of_run(directory)?;
    // With overrides alone, they are overrides of what the run is: then they must change nothing.
    let asked = match named {
        Some(name) => Some(Experiment::load(name, overrides)?),
        None if overrides.is_empty() => None,
        None => Some(of_the_run.overridden(overrides)?),
    };
    let meter = RunMeter::new(&of_the_run);
    let result = Experiment::resume(directory, asked.as_ref(), machine.options(), &meter, &interrupt);
    meter.finish();
    conclude(result, directory, shown)
}

/// Says what a run came to, and draws its figures.
fn conclude(
    result: Result<RunSummary, ExperimentError>,
    out: &Path,
    shown: &Shown<'_>,
) -> Result<ExitCode, Failure> {
    let summary = result.map_err(|error| advised(error, out))?;

    let failed = summary.outcome.seeds.iter().any(SeedOutcome::diverged);
    let run = Run::read(summary.run.path())?;
    run.early_ends().iter().for_each(say);
    let without_values = warn_of_unmeasured(run.plane());
    let data = ReportData { all_seeds: shown.figures.all_seeds, ..ReportData::of(&run) };
    let options = shown.figures.look.options();
    let figures = Figures::of(infoplane::report::write(&data, &options, &summary.run.report_path()));
    if shown.json {
        let mut object = object(&summary, &data);
        figures.add_to(&mut object);
        print_json(shown.command, object)?;
    } else {
        let mut text = Screen::lock();
        writeln!(text, "{}", fitted(&infoplane::report::summary(&data), width()))?;
        let [entropies, shares] = data_lines(&summary.manifest.data);
        writeln!(text, "{}", titled("data     ", format_args!("{entropies}; {shares}")))?;
        write_times(&mut text, &summary)?;
        writeln!(text, "run      {}", printable_path(summary.run.path()))?;
        let listed =
            |file: &&PathBuf| file.extension().and_then(|kind| kind.to_str()) == shown.figures.look.listed();
        for file in figures.files.iter().filter(listed) {
            writeln!(text, "figure   {}", printable_path(file))?;
        }
    }
    figures.check(out)?;
    Ok(match (failed, without_values) {
        (true, _) => ExitCode::from(DIVERGED),
        (_, true) => ExitCode::from(NO_VALUE),
        _ => ExitCode::SUCCESS,
    })
}

/// Says how to go on, where there is something to go on with.
fn advised(error: ExperimentError, out: &Path) -> Failure {
    let interrupted = matches!(&error, ExperimentError::Interrupted);
    let failure = Failure::from(error);
    if interrupted && RunDir::open(out).is_ok() {
        let out = printable_path(out);
        return failure.with_advice(format!(
            "what was measured is kept: `infoplane resume {out}` continues, `infoplane report {out}` draws what there is"
        ));
    }
    failure
}

/// Epochs of all trainings that could have been measured.
fn epochs_there(summary: &RunSummary) -> u64 {
    summary.outcome.seeds.iter().map(|seed| seed.last_epoch + 1).sum()
}

fn epochs_measured(summary: &RunSummary) -> u64 {
    summary.outcome.seeds.iter().map(|seed| seed.measured_epochs as u64).sum()
}

/// How long it would have taken to measure the epochs that were left out.
fn time_saved(summary: &RunSummary) -> Option<Duration> {
    let left_out = epochs_there(summary).saturating_sub(epochs_measured(summary));
    summary.work.time_to_measure(left_out)
}

fn write_times(out: &mut impl Write, summary: &RunSummary) -> std::io::Result<()> {
    let work = &summary.work;
    if work.trained_epochs == 0 && work.measured_epochs == 0 {
        return writeln!(
            out,
            "time     {:.1} s; all was trained and measured before",
            summary.time.as_secs_f64()
        );
    }
    let again = match work.replayed_epochs {
        0 => String::new(),
        again => {
            let each = again as f64 / work.measured_epochs.max(1) as f64;
            format!(", {again} trained again ({each:.1} for each measured)")
        }
    };
    writeln!(
        out,
        "time     {:.1} s on {}; {} trained{again}, {} measured",
        summary.time.as_secs_f64(),
        counted(work.threads as u64, "thread"),
        counted(work.trained_epochs, "epoch"),
        work.measured_epochs,
    )?;
    if let Some(saved) = time_saved(summary).filter(|saved| saved.as_secs() > 0 && work.measured_epochs >= 10)
    {
        let (measured, there) = (epochs_measured(summary), epochs_there(summary));
        writeln!(
            out,
            "saved    about {}: {measured} of {there} epochs measured ({:.1} %)",
            HumanDuration(saved),
            100.0 * measured as f64 / there as f64
        )?;
    }
    Ok(())
}

/// The summary for programs.
fn object(summary: &RunSummary, data: &ReportData<'_>) -> Value {
    let work = &summary.work;
    // Of the training that came furthest; each is told in `outcomes`.
    let measured = summary.outcome.seeds.iter().map(|seed| seed.measured_epochs).max().unwrap_or(0);
    let last = summary.outcome.seeds.iter().map(|seed| seed.last_epoch).max().unwrap_or(0);
    json!({
        "run": summary.run.path(),
        "epochs": last,
        "measured_epochs": measured,
        "seeds": summary.outcome.seeds.len(),
        "rows": summary.outcome.rows,
        "seconds": summary.time.as_secs_f64(),
        "threads": work.threads,
        "train_seconds": work.train_time.as_secs_f64(),
        "measure_seconds": work.measure_time.as_secs_f64(),
        "trained_epochs": work.trained_epochs,
        "replayed_epochs": work.replayed_epochs,
        "saved_seconds": time_saved(summary).map(|saved| saved.as_secs_f64()),
        "outcomes": summary.outcome.seeds,
        "seeds_not_learned": seed_numbers(&data.failed),
        "all_seeds": data.all_seeds,
    })
}

/// A number of things: 1 epoch, 2 epochs.
pub fn counted(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// A name as one part of a path: letters, digits, `.`, `-` and `_`, none of `.` and `-` in front.
pub fn directory_name(name: &str) -> String {
    /// Names of files are limited to 255 bytes; a letter has up to four.
    const LONGEST: usize = 60;
    let mut out = String::new();
    for character in name.chars().take(LONGEST) {
        match character {
            kept if kept.is_alphanumeric() || matches!(kept, '.' | '_') => out.push(kept),
            _ if out.ends_with('-') => {}
            _ => out.push('-'),
        }
    }
    let out = out.trim_start_matches(['.', '-']).trim_end_matches('-');
    if out.is_empty() { "unnamed".into() } else { out.into() }
}

/// Makes `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`, … that is not there yet: made, so that of two runs
/// that start at once each gets its own.
pub fn claim_directory(name: &str) -> Result<PathBuf, RunError> {
    let runs = Path::new("runs");
    let error = |path: &Path, source| RunError::Io { action: "create", path: path.into(), source, run: None };
    if runs.is_file() {
        return Err(RunError::NotADirectory(runs.into()));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        for (name, expected) in [
            ("tishby2017-modified", "tishby2017-modified"),
            ("../../evil", "evil"),
            ("a/b: c", "a-b-c"),
            ("..", "unnamed"),
            ("/etc/passwd", "etc-passwd"),
            (r"C:\temp\x", "C-temp-x"),
            ("größe 0.1_a", "größe-0.1_a"),
            (".hidden", "hidden"),
            ("a\u{1b}[2J\nb", "a-2J-b"),
        ] {
            assert_eq!(directory_name(name), expected);
            assert_eq!(Path::new("runs").join(directory_name(name)).parent(), Some(Path::new("runs")));
        }
        assert!(directory_name(&"é".repeat(500)).len() <= 240);
    }
}
