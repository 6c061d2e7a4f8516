//! `infoplane record` and `infoplane watch`.

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use infoplane::estimator::{AnyEstimator, BinRange, BinRule, Binned, Correction, RangeScope};
use infoplane::experiment::Progress;
use infoplane::printable::{printable, printable_path};
use infoplane::quantity::QuantityConfig;
use infoplane::record::{
    Folder, FolderConfig, FollowOptions, Followed, Positions, RecordError, RecordSummary, Understood,
    describe_statistics, follow_folder, record_folder, resume_folder,
};
use infoplane::report::{ReportData, ReportError};
use infoplane::run::{LayerOrder, Run, RunDir};
use infoplane::schedule::ScheduleConfig;
use serde_json::json;

use super::run::{Shown, claim_directory, counted, directory_name};
use super::serve;
use crate::describe::{Figures, data_lines, middle, warn_of_unmeasured};
use crate::failure::{Failure, INTERRUPTED, NO_VALUE};
use crate::flags::figures::FigureFlags;
use crate::flags::machine::MachineFlags;
use crate::flags::method::{self, MethodFlags};
use crate::flags::schedule::{ScheduleFlags, flag};
use crate::output::print_json;
use crate::terminal::{Meter, Screen, fitted, is_quiet, note, on_interrupt, say_lines, titled, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Layouts, by the names of folders, files and arrays:
  acts/epoch-010/conv1.npy    a folder for each epoch, a file for each layer
  acts/epoch-010.npz          a file of several arrays for each epoch
                              (also .safetensors, .mat)
  acts.npz:epoch-010/conv1    one file, arrays named by epoch and layer
The epoch is the number at the end of the name. The rows of every array are samples, in the order of the \
labels.

Examples:
  infoplane record acts/ --labels y.npy --estimator kde \\
      --noise-variance 0.001 --out runs/mine
  infoplane record acts/ --labels y.npy --layers conv1,conv2,fc \\
      --positions mean
  infoplane record acts/ --labels labels.csv:class --statistics training.csv \\
      --schedule delta-exact --delta 0.05
  infoplane watch acts/ --labels y.npy --estimator kde \\
      --noise-variance 0.001 --last 100")]
pub struct Args {
    /// Folder, or single file, that holds the activations
    #[arg(value_name = "ACTIVATIONS")]
    pub source: PathBuf,
    /// Class of each sample, Y: numbers, text or one-hot rows; an array of a file is named after a colon (acts.npz:y)
    #[arg(long, value_name = "FILE")]
    pub labels: String,
    /// Inputs, X, if some repeat: equal rows, or images, count as one input
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<String>,
    /// Loss, accuracy and norms of epochs: a CSV file with a column `epoch`; docs/data.md lists the other names
    #[arg(long, value_name = "FILE.csv")]
    pub statistics: Option<PathBuf>,
    /// Layers in the order of the network, separated by commas [default: all, in the order of their
    /// file names, or as they are in the file]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub layers: Option<Vec<String>>,
    /// How feature maps and sequences become vectors: flatten, mean (over positions), channels (each a layer), last,
    /// or the index of a position
    #[arg(long, value_name = "HOW", default_value = "flatten", value_parser = positions, allow_hyphen_values = true)]
    pub positions: Positions,
    /// Feature maps are (n, height, width, channels), as Keras saves them
    #[arg(long)]
    pub channels_last: bool,
    /// Name of the network in figures [default: the name of the folder]
    #[arg(long, value_parser = network_name)]
    pub name: Option<String>,
    /// Run directory; must be new or empty [default: runs/NAME, or runs/NAME-2, … if taken]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Measure epochs as they appear, while another program still trains
    #[arg(long)]
    pub follow: bool,
    /// With --follow: complete the run once this epoch is measured
    #[arg(long, value_name = "EPOCH", value_parser = crate::flags::whole::<u64>)]
    pub last: Option<u64>,
    /// With --follow: complete the run after this many seconds without anything new
    #[arg(long, value_name = "SECONDS", value_parser = crate::flags::whole::<u64>)]
    pub idle: Option<u64>,
    /// Show the run in a browser while it is written, at the address that is printed (see `infoplane serve`)
    #[arg(long)]
    pub serve: bool,
    #[command(flatten)]
    pub machine: MachineFlags,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub figures: FigureFlags,
    #[command(flatten)]
    pub schedule: ScheduleFlags,
    /// Estimator; without it 30 equal bins on the range of each layer over all epochs
    #[arg(long, value_name = "NAME", help_heading = ESTIMATORS)]
    pub estimator: Option<String>,
    /// Any other key of the estimator
    #[arg(long, value_name = "KEY=VALUE", help_heading = ESTIMATORS)]
    pub set: Vec<String>,
    #[command(flatten)]
    pub keys: MethodFlags,
    /// What is measured beside the plane, separated by commas: units (what single units tell), layers (the information of all pairs of
    /// layers), similarity (linear CKA, effective rank)
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = quantity, help_heading = ESTIMATORS)]
    pub quantities: Vec<QuantityConfig>,
}

/// A quantity by its kind, with its default settings.
fn quantity(kind: &str) -> Result<QuantityConfig, String> {
    // The inputs of recorded networks are not known.
    let allowed = || QuantityConfig::KINDS.iter().copied().filter(|&kind| kind != "inputs");
    let known = allowed().find(|&known| known == kind.trim()).and_then(QuantityConfig::named);
    known.ok_or_else(|| format!("allowed: {}", allowed().collect::<Vec<_>>().join(", ")))
}

const ESTIMATORS: &str = "Estimators";

/// A name that figures can show.
fn network_name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("the name is empty; name the network, or leave the flag out".into()),
        _ => Ok(text.into()),
    }
}

fn positions(text: &str) -> Result<Positions, String> {
    match text {
        "flatten" => Ok(Positions::Flatten),
        "mean" => Ok(Positions::Mean),
        "channels" => Ok(Positions::Channels),
        "last" => Ok(Positions::At(-1)),
        number => number.parse().map(Positions::At).map_err(|_| {
            "allowed are flatten, mean, channels, last, or the number of a position from 0".to_string()
        }),
    }
}

/// Measures activations that another program saved.
pub fn record(arguments: &Args, follow: bool) -> Result<ExitCode, Failure> {
    let config = FolderConfig {
        labels: arguments.labels.clone(),
        inputs: arguments.inputs.clone(),
        statistics: arguments.statistics.clone(),
        layers: arguments.layers.clone(),
        positions: arguments.positions,
        channels_last: arguments.channels_last,
        quantities: arguments.quantities.clone(),
        ..FolderConfig::new(&arguments.source, "")
    };
    let command = if follow { "watch" } else { "record" };
    let shown = Shown { command, figures: &arguments.figures, json: arguments.json };
    let follow = follow || arguments.follow;
    if !follow && (arguments.last.is_some() || arguments.idle.is_some()) {
        return Err(Failure::input("--last and --idle are for --follow, or for `infoplane watch`"));
    }
    let estimator = match &arguments.estimator {
        Some(name) => method::config(name, &arguments.keys, &arguments.set)?,
        None if arguments.keys.given().is_empty() && arguments.set.is_empty() => default_estimator(),
        None => return Err(Failure::input("name the estimator whose keys these are: --estimator NAME")),
    };
    let schedule = schedule(&arguments.schedule)?;
    let name = arguments.name.clone().unwrap_or_else(|| name_of(&arguments.source));
    let opened = match Folder::open(&config) {
        Ok(folder) => Some(folder),
        // What is not there yet is waited for.
        Err(_) if follow => None,
        Err(error) => return Err(error.into()),
    };
    let understood = opened.as_ref().map(Folder::understood);
    let columns = match (&arguments.statistics, &opened) {
        (Some(table), Some(folder)) => match describe_statistics(table, &folder.layers()) {
            Ok(columns) => columns,
            // Of a training that goes on it may be written at the end.
            Err(_) if follow => Vec::new(),
            Err(error) => return Err(error.into()),
        },
        _ => Vec::new(),
    };
    if let Some(understood) = understood.as_ref().filter(|_| !arguments.json && !is_quiet()) {
        write_understood(&mut stderr().lock(), understood, &columns)?;
    }
    let (out, claimed) = match &arguments.out {
        Some(out) => (out.clone(), false),
        None => (claim_directory(&directory_name(&name))?, true),
    };
    if arguments.serve {
        serve::beside(&out)?;
    }
    let interrupt = on_interrupt("stopping; once more to stop at once");
    let n_epochs = understood.as_ref().filter(|_| !follow).map(|understood| understood.epochs.len() as u64);
    let meter = RecordMeter::new(n_epochs);
    let estimators = [estimator];
    let result = if follow {
        let options = FollowOptions {
            last: arguments.last,
            idle: arguments.idle.map(Duration::from_secs),
            threads: arguments.machine.options().threads,
            ..FollowOptions::default()
        };
        follow_folder(&name, &config, &estimators, &schedule, &out, options, &meter, &interrupt)
    } else {
        let options = arguments.machine.options();
        record_folder(&name, &config, &estimators, &schedule, &out, options, &meter, &interrupt)
    };
    meter.finish();
    if claimed && result.is_err() {
        // Only an empty directory can be removed so: one that holds a run stays.
        let _ = std::fs::remove_dir(&out).and_then(|()| std::fs::remove_dir("runs"));
    }
    conclude(result, &out, follow, &shown)
}

/// Draws what came out, or says why it did not, and how to go on.
fn conclude(
    result: Result<RecordSummary, RecordError>,
    out: &Path,
    follow: bool,
    shown: &Shown<'_>,
) -> Result<ExitCode, Failure> {
    let error = match result {
        Ok(summary) => return finish(&summary, shown),
        Err(error) => error,
    };
    let interrupted = matches!(error, RecordError::Interrupted);
    // The folder went away: what was measured of it is there, like the run that was stopped.
    let kept = interrupted || (follow && matches!(error, RecordError::Unreadable { .. }));
    if !kept || RunDir::open(out).is_err() {
        return Err(error.into());
    }
    if interrupted && follow {
        // Following ends so as a rule: what there is gets its figures.
        let run = Run::read(out)?;
        warn_of_unmeasured(run.plane());
        let files = infoplane::report::write(
            &ReportData { all_seeds: shown.figures.all_seeds, ..ReportData::of(&run) },
            &shown.figures.look.options(),
            &run.directory().report_path(),
        );
        let drawn = match files {
            Ok(_) => "; its figures are in report/".to_string(),
            Err(ReportError::Empty) => String::new(),
            Err(error) => format!("; its figures could not be written: {error}"),
        };
        let epochs = counted(run.schedule().len() as u64, "epoch");
        let out = printable_path(out);
        let holds = format!("interrupted: {out} holds {epochs}{drawn}");
        say_lines(&format!("{}\n`infoplane resume {out}` follows again", printable(&holds)));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let out = printable_path(out);
    Err(Failure::from(error).with_advice(format!(
        "what was measured is kept: `infoplane resume {out}` continues, `infoplane report {out}` draws what there is"
    )))
}

/// Draws the figures and says what came out.
fn finish(summary: &RecordSummary, shown: &Shown<'_>) -> Result<ExitCode, Failure> {
    let run = &summary.run;
    let data = ReportData { all_seeds: shown.figures.all_seeds, ..ReportData::of(run) };
    let options = shown.figures.look.options();
    let figures = Figures::of(infoplane::report::write(&data, &options, &run.directory().report_path()));
    let without_values = warn_of_unmeasured(run.plane());
    let code = if without_values { ExitCode::from(NO_VALUE) } else { ExitCode::SUCCESS };
    if shown.json {
        let mut object = json!({
            "run": run.path(),
            "state": run.state().name(),
            "epochs": run.schedule().len(),
            "rows": run.plane().len(),
            "missing": run.plane().rows().filter(|row| row.missing.is_some()).count(),
            "measured_epochs": summary.measured_epochs,
            "seconds": summary.time.as_secs_f64(),
        });
        figures.add_to(&mut object);
        print_json(shown.command, object)?;
        figures.check(run.path())?;
        return Ok(code);
    }
    let mut text = Screen::lock();
    writeln!(text, "{}", fitted(&infoplane::report::summary(&data), width()))?;
    let [entropies, shares] = data_lines(&run.manifest().data);
    writeln!(text, "{}", titled("data     ", format_args!("{entropies}; {shares}")))?;
    writeln!(
        text,
        "time     {:.1} s; {} measured",
        summary.time.as_secs_f64(),
        counted(summary.measured_epochs, "epoch")
    )?;
    writeln!(text, "run      {}", printable_path(run.path()))?;
    let listed =
        |file: &&PathBuf| file.extension().and_then(|kind| kind.to_str()) == shown.figures.look.listed();
    for file in figures.files.iter().filter(listed) {
        writeln!(text, "figure   {}", printable_path(file))?;
    }
    figures.check(run.path())?;
    Ok(code)
}

/// How the activations were understood, and the columns of the statistics.
fn write_understood(
    out: &mut impl Write,
    understood: &Understood,
    columns: &[(String, String)],
) -> std::io::Result<()> {
    /// So many missing epochs and skipped arrays are named.
    const NAMED: usize = 5;
    let Understood { layout, epochs, layers, positions, skipped, n_samples, order } = understood;
    let (first, last) = (epochs.first().unwrap_or(&0), epochs.last().unwrap_or(&0));
    let missing = understood.missing_epochs();
    let named: Vec<String> = missing.iter().take(NAMED).map(u64::to_string).collect();
    let without = match missing.len() {
        0 => String::new(),
        n if n <= NAMED => format!(", without {}", named.join(", ")),
        n => format!(", without {} and {} more", named.join(", "), n - NAMED),
    };
    writeln!(out, "layout   {}", layout.describe())?;
    writeln!(out, "epochs   {} ({first} to {last}{without})", epochs.len())?;
    writeln!(out, "samples  {n_samples}")?;
    let left_out = middle(layers.len());
    for (number, (name, shape, width)) in layers.iter().enumerate() {
        if left_out.contains(&number) {
            if number == left_out.start {
                writeln!(out, "{:<8} … {} …", "", more(left_out.len(), "layer"))?;
            }
            continue;
        }
        let shape: Vec<String> = shape.iter().map(usize::to_string).collect();
        let heading = if number == 0 { "layers" } else { "" };
        let units = counted(*width as u64, "unit");
        writeln!(out, "{heading:<8} {} ({}): {units}", printable(name), shape.join(", "))?;
    }
    if *order != LayerOrder::Given && layers.len() > 1 {
        writeln!(out, "order    by {}; --layers sets another", order.describe())?;
    }
    if let Some(positions) = positions {
        writeln!(out, "maps     {positions} (--positions)")?;
    }
    for (name, why) in skipped.iter().take(NAMED) {
        writeln!(out, "skipped  {}: {why}", printable(name))?;
    }
    if skipped.len() > NAMED {
        writeln!(out, "skipped  {}", more(skipped.len() - NAMED, "array"))?;
    }
    let left_out = middle(columns.len());
    for (number, (name, meaning)) in columns.iter().enumerate() {
        if left_out.contains(&number) {
            if number == left_out.start {
                writeln!(out, "{:<8} … {} …", "", more(left_out.len(), "column"))?;
            }
            continue;
        }
        let heading = if number == 0 { "columns" } else { "" };
        writeln!(out, "{heading:<8} {}: {meaning}", printable(name))?;
    }
    Ok(())
}

/// `1 more layer`, `20 more layers`.
fn more(number: usize, what: &str) -> String {
    counted(number as u64, &format!("more {what}"))
}

fn default_estimator() -> AnyEstimator {
    AnyEstimator::Binned(Binned {
        rule: BinRule::Equal,
        bins: Some(30),
        bin_width: None,
        range: Some(BinRange::Scope(RangeScope::Layer)),
        correction: Correction::PlugIn,
    })
}

/// Every saved epoch, unless flags say otherwise.
fn schedule(flags: &ScheduleFlags) -> Result<ScheduleConfig, Failure> {
    flags.check(Some("every"), &[])?;
    let mut table = toml::Table::new();
    table.insert("kind".into(), "every".into());
    table.insert("interval".into(), 1.into());
    for given in flags.overrides() {
        let parsed: toml::Table = given.parse().map_err(|error: toml::de::Error| {
            let (key, value) = given.split_once('=').unwrap_or((&given, ""));
            let flag = flag(key.trim_start_matches("schedule."));
            Failure::input(format!("{flag} {value}: {}", error.message()))
        })?;
        let Some(toml::Value::Table(keys)) = parsed.get("schedule").cloned() else { continue };
        if keys.contains_key("kind") {
            table.clear();
        }
        table.extend(keys);
    }
    let described = toml::Value::Table(table);
    let config: ScheduleConfig = described
        .try_into()
        .map_err(|error: toml::de::Error| Failure::input(format!("schedule: {}", error.message())))?;
    Ok(config)
}

/// The name of a folder, or of a file without its ending.
fn name_of(source: &Path) -> String {
    let whole = source.canonicalize().unwrap_or_else(|_| source.to_path_buf());
    let name = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    name.map(|name| name.to_string_lossy().into_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or("activations".into())
}

/// How many epochs are measured.
struct RecordMeter {
    meter: Meter,
    measured: AtomicU64,
    /// How many there are, if that is known.
    n_epochs: Option<u64>,
}

impl RecordMeter {
    fn new(n_epochs: Option<u64>) -> Self {
        RecordMeter { meter: Meter::new(), measured: AtomicU64::new(0), n_epochs }
    }

    fn finish(&self) {
        self.meter.finish();
    }
}

impl Progress for RecordMeter {
    fn trained(&self, _epochs: u64) {}

    fn measured(&self, _seed: u64, epoch: u64) {
        let measured = self.measured.fetch_add(1, Ordering::Relaxed) + 1;
        match self.n_epochs {
            Some(all) => {
                self.meter.set(measured as f64 / all.max(1) as f64, || {
                    format!("{measured}/{} measured", counted(all, "epoch"))
                });
            }
            None => self.meter.count(|| format!("{} measured, the last {epoch}", counted(measured, "epoch"))),
        }
    }

    fn warn(&self, what: &str) {
        self.meter.note(what);
    }
}

/// Goes on with a recording that was stopped.
pub fn resume(
    directory: &Path,
    machine: &MachineFlags,
    shown: &Shown<'_>,
    interrupt: &AtomicBool,
) -> Result<ExitCode, Failure> {
    let follows = RunDir::open(directory).ok().and_then(|(_, manifest)| Followed::of(&manifest));
    let complete = RunDir::open(directory).is_ok_and(|(run, _)| run.outcome().is_ok_and(|o| o.is_some()));
    if let Some(Followed { last, .. }) = follows.filter(|_| !complete) {
        let end = last.map_or(String::new(), |last| format!(", until epoch {last}"));
        note(format!("follows the activations again{end}; Ctrl-C stops"));
    }
    let meter = RecordMeter::new(None);
    let result = resume_folder(directory, machine.options(), &meter, interrupt);
    meter.finish();
    conclude(result, directory, follows.is_some(), shown)
}
