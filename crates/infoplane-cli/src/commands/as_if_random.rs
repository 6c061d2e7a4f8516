//! `infoplane as-if-random`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use infoplane::estimator::{AnyEstimator, Estimator};
use infoplane::experiment::{
    AsIfRandom as Settings, AsIfRandomResult, Experiment, ExperimentError, PoolConfig,
};
use infoplane::plane::Mean;
use infoplane::pool::{PooledPoint, mean_over_seeds, pooled_layers};
use infoplane::printable::printable_path;
use infoplane::report::{
    Options, as_if_random_failed, as_if_random_notes, as_if_random_summary, write_as_if_random,
};
use infoplane::run::{RunDir, RunError, State};
use serde_json::{Value, json};

use crate::commands::run::refuse_twice;
use crate::describe::{Figures, data_lines};
use crate::failure::Failure;
use crate::flags::figures::FigureFlags;
use crate::flags::machine::MachineFlags;
use crate::flags::method::{self, MethodFlags};
use crate::output::print_json;
use crate::terminal::{RunMeter, Screen, fitted, on_interrupt, titled, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each input has as many activations as there are pooled networks, so I(X;T) = H(T) − H(T|X) can be below \
H(X) although every single network distinguishes all inputs. With the directory of a run, only the epochs \
from the last keyframe before the window are trained again. A directory that already holds this result is \
read, not recomputed; one that was interrupted is continued, also by `infoplane resume DIR`.

Examples:
  infoplane as-if-random runs/tishby2017
  infoplane as-if-random saxe2018-relu --window 64 --stride 4 \\
      --out runs/relu-pooled
  infoplane as-if-random runs/tishby2017 --steps --window 512 --inputs 1024
  infoplane as-if-random tishby2017 --across-seeds --seeds 50 --epoch 1000
  infoplane as-if-random runs/tishby2017 --estimator noise \\
      --noise-variance 0.01 --out runs/noise")]
pub struct Args {
    /// Directory of a run, preset (see `infoplane presets`) or TOML file
    #[arg(value_name = "RUN|PRESET|FILE.toml")]
    pub experiment: String,
    /// Networks of each training run to pool [default: 256; 64 for noise and kde]
    #[arg(long, value_name = "M", conflicts_with = "across_seeds", value_parser = crate::flags::whole::<usize>)]
    pub window: Option<usize>,
    /// Epochs (with --steps: steps) between pooled networks [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "across_seeds", value_parser = crate::flags::whole::<u64>)]
    pub stride: Option<u64>,
    /// Pool networks after single mini-batch steps instead of whole epochs
    #[arg(long, conflicts_with = "across_seeds")]
    pub steps: bool,
    /// Epoch at which the window ends [default: the last of each training run]
    #[arg(long, value_name = "E", conflicts_with = "across_seeds", value_parser = crate::flags::whole::<u64>)]
    pub last: Option<u64>,
    /// Pool the networks of all seeds at one epoch instead
    #[arg(long)]
    pub across_seeds: bool,
    /// The epoch for --across-seeds [default: the last of each training run]
    #[arg(long, value_name = "E", requires = "across_seeds", value_parser = crate::flags::whole::<u64>)]
    pub epoch: Option<u64>,
    /// Number of inputs to measure, evenly spaced [default: all]
    #[arg(long, value_name = "N", value_parser = crate::flags::whole::<usize>)]
    pub inputs: Option<usize>,
    /// Epochs of training; the same as --set training.epochs=N
    #[arg(long, value_name = "N", value_parser = crate::flags::whole::<u64>)]
    pub epochs: Option<u64>,
    /// Number of training runs, each with its own seed; the same as --set seeds=N
    #[arg(long, value_name = "N", value_parser = crate::flags::whole::<u64>)]
    pub seeds: Option<u64>,
    /// Directory of the result; must be new, empty, or hold this very result
    /// [default: RUN/as-if-random or runs/NAME-as-if-random, or …-2, … if taken]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub figures: FigureFlags,
    #[command(flatten)]
    pub machine: MachineFlags,
    /// Print one JSON object instead of the summary
    #[arg(long)]
    pub json: bool,
    /// Estimator; without it 30 equal bins on the range of each layer over the whole pool
    #[arg(long, value_name = "NAME")]
    pub estimator: Option<String>,
    /// Change a key of the experiment, named by its path (training.epochs=500), or of the estimator
    /// (estimator.bounds=true)
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub keys: MethodFlags,
}

/// What its figures are called where a form does not suit them.
const FIGURES: &str = "figures of pooled networks";
const STOPPING: &str = "stopping; once more to stop at once";

/// `--set` with this in front is a key of the method, not of the experiment.
const OF_METHOD: &str = "estimator.";

/// Trains, pools, measures and draws.
pub fn as_if_random(arguments: &Args) -> Result<ExitCode, Failure> {
    let look = arguments.figures.look.still(FIGURES)?;
    let settings = settings(arguments)?;
    refuse_twice(arguments.epochs.is_some(), "--epochs", "training.epochs", &arguments.set)?;
    refuse_twice(arguments.seeds.is_some(), "--seeds", "seeds", &arguments.set)?;
    let of_experiment = arguments.set.iter().filter(|set| !set.starts_with(OF_METHOD)).cloned();
    let epochs = arguments.epochs.map(|epochs| format!("training.epochs={epochs}"));
    let seeds = arguments.seeds.map(|seeds| format!("seeds={seeds}"));
    let overrides: Vec<String> = epochs.into_iter().chain(seeds).chain(of_experiment).collect();
    let named = &arguments.experiment;
    let (run, experiment) = match Path::new(named) {
        path if path.is_dir() => {
            let (run, _) = RunDir::open(path)?;
            (Some(run), Experiment::of_run(path)?.overridden(&overrides)?)
        }
        _ => (None, Experiment::load(named, &overrides)?),
    };
    let options = arguments.machine.options();
    let interrupt = on_interrupt(STOPPING);
    let (last, pools) = last_and_pools(&settings, &experiment);
    let start = Instant::now();
    let go = |out: &Path| {
        let meter = RunMeter::of_pools(&experiment, last, pools);
        let result = experiment.as_if_random(&settings, run.as_ref(), out, options, &meter, &interrupt);
        meter.finish();
        result
    };
    let (out, result) = match &arguments.out {
        Some(out) => (out.clone(), go(out)),
        None => {
            let base = match &run {
                Some(run) => run.path().join("as-if-random"),
                None => Path::new("runs").join(format!("{}-as-if-random", experiment.directory_name())),
            };
            first_free(&base, go)
        }
    };
    let result = result.map_err(|error| advised(error, &out, "as-if-random"))?;
    let shown = Shown {
        command: "as-if-random",
        options: look,
        all_seeds: arguments.figures.all_seeds,
        listed: arguments.figures.look.listed(),
        start,
    };
    conclude(result, &out, arguments.json, &shown)
}

/// Continues the result in a directory that was interrupted.
pub fn resume(
    path: &Path,
    named: Option<&str>,
    overrides: &[String],
    machine: &MachineFlags,
    figures: &FigureFlags,
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let start = Instant::now();
    let interrupt = on_interrupt(STOPPING);
    let shown = Shown {
        command: "resume",
        options: figures.look.still(FIGURES)?,
        all_seeds: figures.all_seeds,
        listed: figures.look.listed(),
        start,
    };
    // Without an experiment to compare with, a complete result is only read.
    if named.is_none() && overrides.is_empty() && AsIfRandomResult::state(path)?.is_complete() {
        let result = Experiment::resume_as_if_random(path, None, machine.options(), &(), &interrupt)?;
        return conclude(result, path, as_json, &shown);
    }
    let (of_the_result, settings) = Experiment::of_as_if_random(path)?;
    // With overrides alone, they are overrides of what the result is of: then they must change nothing.
    let asked = match named {
        Some(name) => Some(Experiment::load(name, overrides)?),
        None if overrides.is_empty() => None,
        None => Some(of_the_result.overridden(overrides)?),
    };
    let (last, pools) = last_and_pools(&settings, &of_the_result);
    let meter = RunMeter::of_pools(&of_the_result, last, pools);
    let result = Experiment::resume_as_if_random(path, asked.as_ref(), machine.options(), &meter, &interrupt);
    meter.finish();
    conclude(result.map_err(|error| advised(error, path, "resume"))?, path, as_json, &shown)
}

/// The last epoch that is pooled, and the number of pools.
fn last_and_pools(settings: &Settings, experiment: &Experiment) -> (u64, u64) {
    let (last, pools) = match settings.pool {
        PoolConfig::Epochs { last, .. } | PoolConfig::Steps { last, .. } => (last, experiment.seeds),
        PoolConfig::Seeds { epoch } => (epoch, 1),
    };
    (last.unwrap_or(experiment.training.epochs), pools)
}

/// How a result is shown.
struct Shown {
    command: &'static str,
    options: Options,
    /// Whether means are over all seeds, not only over those that learned.
    all_seeds: bool,
    /// How the files end that are listed.
    listed: Option<&'static str>,
    start: Instant,
}

/// Draws the figures of a result, and says what it came to.
fn conclude(result: AsIfRandomResult, out: &Path, as_json: bool, shown: &Shown) -> Result<ExitCode, Failure> {
    let result = &if shown.all_seeds { result } else { result.of_seeds_that_learned() };
    let figures = Figures::of(write_as_if_random(result, &shown.options, out));
    let seconds = shown.start.elapsed().as_secs_f64();
    if as_json {
        let mut object = summary_json(out, result);
        object["seconds"] = json!(seconds);
        figures.add_to(&mut object);
        print_json(shown.command, object)?;
        figures.check(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = Screen::lock();
    writeln!(text, "{}", fitted(&as_if_random_summary(result), width()))?;
    writeln!(text, "time     {seconds:.1} s")?;
    writeln!(text, "result   {}", printable_path(out))?;
    let listed = |file: &&PathBuf| file.extension().and_then(|kind| kind.to_str()) == shown.listed;
    for file in figures.files.iter().filter(listed) {
        writeln!(text, "figure   {}", printable_path(file))?;
    }
    figures.check(out)?;
    Ok(ExitCode::SUCCESS)
}

/// The flags that set what an error of the library names.
const FLAGS: [(&str, &[&str]); 8] = [
    ("--window", &["window = ", "smaller window"]),
    ("--stride", &["stride = ", "smaller stride"]),
    ("--last", &["last = "]),
    ("--epoch", &["epoch = "]),
    ("--inputs", &["inputs = ", "fewer inputs"]),
    ("--memory", &["more memory"]),
    ("--seeds", &["seeds = "]),
    ("--set dataset.measured_on=all", &["dataset.measured_on = "]),
];

/// Says how to go on, where there is something to go on with; and names the flags of the command that what was wrong can be
/// changed with.
fn advised(error: ExperimentError, out: &Path, command: &str) -> Failure {
    let interrupted = matches!(error, ExperimentError::Interrupted);
    let flags: Vec<&str> = match &error {
        ExperimentError::Value { message, .. } => {
            let named = FLAGS.iter().filter(|(_, words)| words.iter().any(|words| message.contains(words)));
            // A result that is resumed keeps its settings.
            let applies = |flag: &&str| command != "resume" || *flag == "--memory";
            named.map(|(flag, _)| *flag).filter(applies).collect()
        }
        _ => Vec::new(),
    };
    let failure = Failure::from(error);
    if interrupted && AsIfRandomResult::is_in(out) {
        return failure.with_advice(format!(
            "what was computed is kept: `infoplane resume {}` continues",
            printable_path(out)
        ));
    }
    if flags.is_empty() {
        return failure;
    }
    failure.with_advice(format!("flags: {}; `infoplane {command} --help` explains them", flags.join(", ")))
}

/// The result in `base`, or in the first of `base-2`, `base-3`, … that holds nothing else; with the directory.
fn first_free(
    base: &Path,
    go: impl Fn(&Path) -> Result<AsIfRandomResult, ExperimentError>,
) -> (PathBuf, Result<AsIfRandomResult, ExperimentError>) {
    let mut number = 1u32;
    loop {
        let mut path = base.as_os_str().to_owned();
        if number > 1 {
            path.push(format!("-{number}"));
        }
        let path = PathBuf::from(path);
        match go(&path) {
            Err(ExperimentError::OtherResult { .. } | ExperimentError::Run(RunError::NotEmpty(_))) => {
                number += 1
            }
            Ok(result) => return (path, Ok(result)),
            Err(error) => {
                // Made on the way to the directory; it goes only if it is empty.
                if let Some(runs) = path.parent() {
                    let _ = std::fs::remove_dir(runs);
                }
                return (path, Err(error));
            }
        }
    }
}

/// The settings that the flags give.
fn settings(arguments: &Args) -> Result<Settings, Failure> {
    let name = arguments.estimator.as_deref().unwrap_or("binned");
    let set: Vec<String> =
        arguments.set.iter().filter_map(|set| set.strip_prefix(OF_METHOD)).map(String::from).collect();
    let mut keys = arguments.keys.clone();
    if name == "binned" && keys.rule.is_none() && !set.iter().any(|set| set.trim_start().starts_with("rule"))
    {
        // Keys that are not given are as without `--estimator`.
        keys.rule = Some("equal".into());
        keys.bins.get_or_insert("30".into());
        keys.range.get_or_insert("layer".into());
    }
    let estimator = method::config(name, &keys, &set)?;
    let most = match estimator {
        // Their time grows with the square of the rows.
        AnyEstimator::Noise(_) | AnyEstimator::Kde(_) => 64,
        _ => 256,
    };
    let (window, stride, last) =
        (arguments.window.unwrap_or(most), arguments.stride.unwrap_or(1), arguments.last);
    let pool = match arguments {
        Args { across_seeds: true, epoch, .. } => PoolConfig::Seeds { epoch: *epoch },
        Args { steps: true, .. } => PoolConfig::Steps { window, stride, last },
        _ => PoolConfig::Epochs { window, stride, last },
    };
    Ok(Settings { pool, inputs: arguments.inputs, estimators: vec![estimator] })
}

/// Which networks are pooled, in words.
fn pooled(pool: &PoolConfig) -> String {
    let upto = |last: &Option<u64>| {
        last.map_or("the end of each training run".into(), |last| format!("epoch {last}"))
    };
    let apart = |window: &usize, stride: &u64, unit: &str, last| {
        let every = if *stride == 1 { format!("one {unit}") } else { format!("{stride} {unit}s") };
        format!("{window} networks of each training run, {every} apart, up to {}", upto(last))
    };
    match pool {
        PoolConfig::Epochs { window, stride, last } => apart(window, stride, "epoch", last),
        PoolConfig::Steps { window, stride, last } => apart(window, stride, "step", last),
        PoolConfig::Seeds { epoch } => format!("the networks of all seeds at {}", upto(epoch)),
    }
}

/// The results of the whole window by layer, for each seed and as means over seeds; with the errors of the text.
fn summary_json(out: &Path, result: &AsIfRandomResult) -> Value {
    let layers = pooled_layers(&result.rows, &result.drift);
    let of_seeds: Vec<Value> = layers
        .iter()
        .map(|layer| {
            let mut object = json!({
                "seed": layer.seed,
                "layer": layer.layer,
                "width": layer.width,
                "method": layer.method.id,
                "estimator": layer.method.estimator,
                "setting": layer.method.setting,
                "bound": layer.method.bound,
                "corrected_i_xt_bits": layer.corrected_i_xt_bits,
                "drift": layer.drift,
                "drift_share": layer.drift_share,
                "verdict": layer.verdict,
                "missing": layer.missing.as_ref().map(|missing| &missing.reason),
            });
            add_points(&mut object, result, layer.single(), layer.pooled());
            object
        })
        .collect();
    let means: Vec<Value> = mean_over_seeds(&layers)
        .iter()
        .map(|layer| {
            let mut object = json!({
                "layer": layer.layer,
                "width": layer.width,
                "method": layer.method.id,
                "estimator": layer.method.estimator,
                "setting": layer.method.setting,
                "bound": layer.method.bound,
                "verdicts": layer.verdicts,
                "missing": layer.missing.iter().map(|missing| &missing.reason).collect::<Vec<_>>(),
            });
            add(&mut object, "corrected_i_xt", "_bits", layer.corrected_i_xt_bits);
            add(&mut object, "drift", "", layer.drift);
            add(&mut object, "drift_share", "", layer.drift_share);
            add_points(&mut object, result, layer.single(), layer.pooled());
            object
        })
        .collect();
    let not_learned: Vec<u64> = as_if_random_failed(result).iter().map(|failed| failed.seed).collect();
    let seeds: Vec<Value> = result
        .seeds
        .iter()
        .map(|seed| {
            json!({
                "seed": seed.seed,
                "status": result.describe(seed),
                "ended": seed.ended,
                "pooled": result.is_pooled(seed.seed),
                "failed": not_learned.contains(&seed.seed),
            })
        })
        .collect();
    json!({
        "result": out,
        "name": result.name,
        "settings": result.settings,
        "h_x_bits": result.h_x.bits(),
        "h_y_bits": result.h_y.bits(),
        "seeds": seeds,
        "notes": as_if_random_notes(result),
        "rows": result.rows.len(),
        "layers": of_seeds,
        "means": means,
    })
}

/// `i_xt_bits` and, where it is known, `i_xt_standard_error_bits`.
fn add(object: &mut Value, name: &str, unit: &str, mean: Option<Mean>) {
    object[format!("{name}{unit}")] = json!(mean.map(|mean| mean.mean));
    object[format!("{name}_standard_error{unit}")] = json!(mean.and_then(|mean| mean.standard_error));
}

/// The values of one network and of all networks pooled.
fn add_points(
    object: &mut Value,
    result: &AsIfRandomResult,
    single: Option<&PooledPoint>,
    pooled: Option<&PooledPoint>,
) {
    let of = |point: Option<&PooledPoint>, value: fn(&PooledPoint) -> Option<Mean>| point.and_then(value);
    let i_xt = of(pooled, |point| point.i_xt_bits);
    let compression = i_xt.map(|mean| Mean { mean: result.h_x.bits() - mean.mean, ..mean });
    object["n_networks"] = json!(pooled.map(|point| point.n_networks));
    for (name, value) in [
        ("h_t", of(pooled, |point| point.h_t_bits)),
        ("h_t_given_x", of(pooled, |point| point.h_t_given_x_bits)),
        ("i_xt", i_xt),
        ("i_ty", of(pooled, |point| point.i_ty_bits)),
        ("control", of(pooled, |point| point.control_bits)),
        ("compression", compression),
        ("single_i_xt", of(single, |point| point.i_xt_bits)),
        ("single_i_ty", of(single, |point| point.i_ty_bits)),
    ] {
        add(object, name, "_bits", value);
    }
}

/// Summarises the directory of a result.
pub fn info(path: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    let state = AsIfRandomResult::state(path)?;
    if !state.is_complete() {
        return incomplete_info(path, state, as_json);
    }
    let result = AsIfRandomResult::read(path)?;
    let mut out = Screen::lock();
    if as_json {
        let mut object = summary_json(path, &result);
        object["state"] = json!(state.name());
        print_json("info", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let data = &result.data;
    writeln!(out, "{}", titled("as if random  ", &result.name))?;
    writeln!(out, "{}", titled("pooled        ", pooled(&result.settings.pool)))?;
    writeln!(
        out,
        "{}",
        titled(
            "data          ",
            format_args!("{}, {} samples, measured on {}", data.name, data.n_samples, data.n_measured)
        )
    )?;
    for line in data_lines(data) {
        writeln!(out, "{}", titled("              ", line))?;
    }
    let widths: Vec<String> =
        result.layers.iter().map(|l| format!("{} {}", l.width, l.nonlinearity)).collect();
    writeln!(out, "{}", titled("layers        ", widths.join(", ")))?;
    for estimator in &result.settings.estimators {
        for (setting, _) in estimator.layer_settings() {
            writeln!(out, "{}", titled("measured      ", format_args!("{} ({setting})", estimator.name())))?;
        }
    }
    for note in as_if_random_notes(&result) {
        writeln!(out, "{}", titled("seeds         ", note))?;
    }
    writeln!(
        out,
        "{}",
        titled(
            "complete      ",
            format_args!("{} networks, {} rows", result.window.len(), result.rows.len())
        )
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Says of a result that is not complete what it will be of.
fn incomplete_info(path: &Path, state: State, as_json: bool) -> Result<ExitCode, Failure> {
    let (experiment, settings) = Experiment::of_as_if_random(path)?;
    if as_json {
        let object = json!({
            "result": path,
            "state": state.name(),
            "name": experiment.name,
            "settings": settings,
        });
        print_json("info", object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = Screen::lock();
    writeln!(out, "{}", titled("as if random  ", &experiment.name))?;
    writeln!(out, "{}", titled("pooled        ", pooled(&settings.pool)))?;
    writeln!(
        out,
        "{}",
        titled("state         ", format_args!("{}; nothing can be reported yet", state.name()))
    )?;
    match state {
        State::Running { process: Some(process) } => {
            writeln!(out, "              process {process} is writing to it")?;
        }
        State::Interrupted => {
            writeln!(out, "              `infoplane resume {}` continues it", printable_path(path))?;
        }
        State::Running { process: None } | State::Finished | State::Failed => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The result in a directory, once it is complete: what figures show.
pub fn shown(path: &Path, flags: &FigureFlags) -> Result<AsIfRandomResult, Failure> {
    if !AsIfRandomResult::state(path)?.is_complete() {
        return Err(Failure::input(format!(
            "the result in {} is not complete, so there is nothing to draw yet",
            printable_path(path)
        ))
        .with_advice(format!("`infoplane resume {}` continues it", printable_path(path))));
    }
    let result = AsIfRandomResult::read(path)?;
    Ok(if flags.all_seeds { result } else { result.of_seeds_that_learned() })
}

/// Draws the figures of a result again, into `out` if not into its directory: its summary, and the files.
pub fn draw(path: &Path, flags: &FigureFlags, out: Option<&Path>) -> Result<(String, Vec<PathBuf>), Failure> {
    let result = shown(path, flags)?;
    let options = flags.look.still(FIGURES)?;
    let files = write_as_if_random(&result, &options, out.unwrap_or(path))?;
    Ok((as_if_random_summary(&result), files))
}
