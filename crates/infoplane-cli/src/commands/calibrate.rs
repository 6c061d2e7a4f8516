//! `infoplane calibrate`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use infoplane::calibrate::{Accuracy, Calibration, Outcome, calibrate as run, contender, contenders};
use infoplane::dataset::generate::known::{TASKS, Task};
use infoplane::estimator::interrupt;
use infoplane::estimator::{AnyEstimator, Estimator};
use infoplane::printable::printable_path;
use infoplane::report::write_calibration;
use serde_json::{Value, json};

use crate::failure::{Failure, INTERRUPTED};
use crate::flags::figures::LookFlags;
use crate::flags::files::check_outside_runs;
use crate::flags::machine::ThreadFlags;
use crate::flags::method::unknown;
use crate::output::print_json;
use crate::terminal::{Clock, Screen, on_interrupt, say, width};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Estimates are compared with the known information of generated samples; a dash means that an estimator does \
not apply, and the reason stands below the tables. Errors are in nats; times are of one estimate. With --out, writes calibration.csv and the \
figure calibration.

Examples:
  infoplane calibrate
  infoplane calibrate --estimators ksg,lnc,auto --tasks normal,linear-0.01 \\
      --n 1000,10000 --out calibration
  infoplane calibrate --estimators auto,ksg --repeats 200 --standard-errors")]
pub struct Args {
    /// Estimators, at their default settings, separated by commas [default: all that have defaults, and auto]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub estimators: Vec<String>,
    /// Tasks, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub tasks: Vec<String>,
    /// Numbers of samples, separated by commas
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = [1000],
          value_parser = crate::flags::whole_from(1u32, 1_000_000))]
    pub n: Vec<u32>,
    /// Repetitions of each task and number of samples
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = crate::flags::whole_from(1u32, 10_000))]
    pub repeats: u32,
    /// Seed of the first repetition
    #[arg(long, default_value_t = 0, value_parser = crate::flags::whole::<u64>)]
    pub seed: u64,
    /// Estimate standard errors too, and show how often 95 % intervals contain the true value; takes longer
    #[arg(long)]
    pub standard_errors: bool,
    /// Seconds allowed for one estimate; those expected to take longer are left out
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, value_parser = crate::flags::number)]
    pub limit: f64,
    /// Directory for the table and the figure
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub look: LookFlags,
    #[command(flatten)]
    pub threads: ThreadFlags,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// Tries methods on samples whose information is known.
pub fn calibrate(arguments: &Args) -> Result<ExitCode, Failure> {
    let options = arguments.look.still("tables of errors")?;
    if let Some(out) = &arguments.out {
        check_outside_runs(out, None)?;
    }
    let calibration = Calibration {
        tasks: tasks(&arguments.tasks)?,
        methods: methods(&arguments.estimators)?,
        n_samples: arguments.n.iter().map(|&n| n as usize).collect(),
        repeats: arguments.repeats as usize,
        seed: arguments.seed,
        standard_errors: arguments.standard_errors,
        limit: Duration::try_from_secs_f64(arguments.limit)
            .ok()
            .filter(|limit| !limit.is_zero())
            .ok_or_else(|| {
                Failure::input(format!("--limit {}; allowed is a number of seconds above 0", arguments.limit))
            })?,
    };
    let interrupt = on_interrupt("stopping; once more to stop at once");
    let table = tried(&calibration, &interrupt)?;
    let interrupted = interrupt.load(Ordering::Relaxed);
    let files = match &arguments.out {
        Some(out) if !table.is_empty() => write_calibration(&table, &options, out)?,
        _ => Vec::new(),
    };
    let mut out = Screen::lock();
    if arguments.json {
        let rows: Vec<Value> = table.iter().map(as_json).collect();
        print_json("calibrate", json!({"rows": rows, "files": files, "interrupted": interrupted}))?;
    } else {
        write!(out, "{}", text(&table, &calibration, width()))?;
        for file in &files {
            writeln!(out, "wrote {}", printable_path(file))?;
        }
    }
    if interrupted {
        say("interrupted; the table holds what was tried");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// The results of all estimators on all tasks, or those that are there when Ctrl-C comes.
///
/// A thread of its own makes the estimates: whoever waits for it sees the signal at once, and it ends soon after.
fn tried(calibration: &Calibration, interrupt: &Arc<AtomicBool>) -> Result<Vec<Accuracy>, Failure> {
    /// So often it is looked whether somebody interrupted.
    const LOOK: Duration = Duration::from_millis(50);
    let clock = Arc::new(Clock::new("trying"));
    let so_far = Arc::<Mutex<Vec<Accuracy>>>::default();
    let threads = |error: &dyn std::fmt::Display| Failure::machine(format!("cannot start threads: {error}"));
    // Figures are drawn by others than those that may still estimate.
    let token = Arc::clone(interrupt);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads())
        .start_handler(move |_| interrupt::set_token(Arc::clone(&token)))
        .build();
    let pool = pool.map_err(|error| threads(&error))?;
    let work = {
        let (calibration, interrupt) = (calibration.clone(), Arc::clone(interrupt));
        let (so_far, clock) = (Arc::clone(&so_far), Arc::clone(&clock));
        move || {
            let mut told = |table: &[Accuracy], of: usize, task: &str| {
                let mut so_far = so_far.lock().unwrap_or_else(PoisonError::into_inner);
                let known = so_far.len();
                so_far.extend_from_slice(&table[known..]);
                let done = table.len();
                clock.set(done, of, &format!("now {task}, estimators tried"));
            };
            pool.install(|| interrupt::catch(|| run(&calibration, &mut told, &interrupt)))
        }
    };
    let worker =
        thread::Builder::new().name("estimates".into()).spawn(work).map_err(|error| threads(&error))?;
    while !worker.is_finished() && !interrupt.load(Ordering::Relaxed) {
        thread::sleep(LOOK);
    }
    clock.clear();
    let tried = || so_far.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if interrupt.load(Ordering::Relaxed) {
        return Ok(tried());
    }
    match worker.join() {
        Ok(found) => Ok(found.unwrap_or_else(|_| tried())),
        Err(_) => Err(Failure::machine("an estimate failed; this is a fault of the program")),
    }
}

fn tasks(names: &[String]) -> Result<Vec<&'static Task>, Failure> {
    if names.is_empty() {
        return Ok(TASKS.iter().collect());
    }
    let find = |name: &String| {
        Task::named(name.trim()).ok_or_else(|| {
            let all: Vec<&str> = TASKS.iter().map(|task| task.name).collect();
            Failure::input(format!("no task is called `{name}`; tasks are {}", all.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

fn methods(names: &[String]) -> Result<Vec<AnyEstimator>, Failure> {
    if names.is_empty() {
        return Ok(contenders());
    }
    let find = |name: &String| {
        let name = name.trim();
        if AnyEstimator::keys(name).is_none() {
            return Err(unknown(name));
        }
        contender(name).ok_or_else(|| {
            let allowed: Vec<&str> = contenders().iter().map(|config| config.name()).collect();
            Failure::input(format!(
                "{name} needs a choice that the tasks do not have; those without are {}",
                allowed.join(", ")
            ))
        })
    };
    names.iter().map(find).collect()
}

fn as_json(row: &Accuracy) -> Value {
    let outcome = row.outcome.as_ref().ok();
    json!({
        "task": row.task,
        "n": row.n_samples,
        "estimator": row.estimator,
        "truth_nats": row.truth,
        "mean_absolute_error_nats": outcome.map(Outcome::mean_absolute_error),
        "mean_error_nats": outcome.map(Outcome::mean_error),
        "mean_standard_error_nats": outcome.and_then(Outcome::mean_standard_error),
        "coverage": outcome.and_then(Outcome::coverage),
        "bounds": outcome.map_or(0, |outcome| outcome.bounds),
        "median_seconds": outcome.map(|outcome| outcome.time.as_secs_f64()),
        "repeats": outcome.map_or(0, |outcome| outcome.errors.len()),
        "chosen": outcome.and_then(|outcome| outcome.chosen.clone()),
        "reason": row.outcome.as_ref().err(),
    })
}

/// What a table shows: its name, and the cell of an outcome.
type Shown = (&'static str, fn(&Outcome) -> String);

fn or_dash(value: Option<String>) -> String {
    value.unwrap_or_else(|| "–".into())
}

fn text(table: &[Accuracy], calibration: &Calibration, columns: usize) -> String {
    let methods: Vec<&str> = calibration.methods.iter().map(|method| method.name()).collect();
    let mut sizes = calibration.n_samples.clone();
    sizes.sort_unstable();
    sizes.dedup();
    let mut shown: Vec<Shown> = vec![
        ("mean absolute error, nats (* the least of the task)", |o| {
            format!("{:.4}", o.mean_absolute_error())
        }),
        ("mean error, nats", |o| format!("{:+.4}", o.mean_error())),
        ("median time, ms", |o| format!("{:.1}", o.time.as_secs_f64() * 1e3)),
    ];
    if calibration.standard_errors {
        shown.push(("mean standard error, nats", |o| {
            or_dash(o.mean_standard_error().map(|e| format!("{e:.4}")))
        }));
        shown.push(("95 % intervals that contain the true value, %", |o| {
            or_dash(o.coverage().map(|share| format!("{:.0}", 100.0 * share)))
        }));
    }
    let mut text = String::new();
    let width = calibration.tasks.iter().map(|task| task.name.len()).max().unwrap_or(0);
    // Estimators that do not fit beside the others go into another table below.
    let cell = methods.iter().map(|name| name.len()).max().unwrap_or(0).max(8) + 2;
    let side_by_side = (columns.saturating_sub(2 + width + 2 + 8) / cell).max(1);
    for &n in &sizes {
        for (number, (name, value)) in shown.iter().enumerate() {
            text += &format!("n = {n}: {name}\n");
            for columns in methods.chunks(side_by_side) {
                text += &format!("  {:<width$}  {:>8}", "", "truth");
                columns.iter().for_each(|method| text += &format!("{method:>cell$}"));
                text.push('\n');
                for task in &calibration.tasks {
                    let rows = || table.iter().filter(|row| row.task == task.name && row.n_samples == n);
                    let Some(truth) = rows().next().map(|row| row.truth) else { continue };
                    let least = rows()
                        .filter_map(|row| Some(row.outcome.as_ref().ok()?.mean_absolute_error()))
                        .fold(f64::INFINITY, f64::min);
                    text += &format!("  {:<width$}  {truth:>8.4}", task.name);
                    for method in columns {
                        let shown = match rows().find(|row| row.estimator == *method).map(|row| &row.outcome)
                        {
                            Some(Ok(outcome)) => {
                                let best = number == 0 && outcome.mean_absolute_error() == least;
                                format!("{}{}", value(outcome), if best { "*" } else { " " })
                            }
                            _ => "– ".into(),
                        };
                        text += &format!("{shown:>cell$}");
                    }
                    text.push('\n');
                }
                text.push('\n');
            }
        }
    }
    text += &choices(table);
    text + &reasons(table)
}

/// What `auto` chose.
fn choices(table: &[Accuracy]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for row in table {
        if let Ok(Outcome { chosen: Some(chosen), .. }) = &row.outcome {
            lines.push(format!("  {} (n = {}): {chosen}\n", row.task, row.n_samples));
        }
    }
    if lines.is_empty() { String::new() } else { format!("auto chose\n{}\n", lines.concat()) }
}

/// Why methods do not apply, each reason once for each method.
fn reasons(table: &[Accuracy]) -> String {
    let mut lines: Vec<(String, Vec<String>)> = Vec::new();
    for row in table {
        if let Err(reason) = &row.outcome {
            let line = format!("{}: {reason}", row.estimator);
            let place = format!("{} {}", row.task, row.n_samples);
            match lines.iter_mut().find(|(other, _)| *other == line) {
                Some((_, places)) => places.push(place),
                None => lines.push((line, vec![place])),
            }
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from("– does not apply\n");
    for (line, places) in lines {
        let shown = if places.len() > 4 { format!("{} tasks", places.len()) } else { places.join(", ") };
        text += &format!("  {line} ({shown})\n");
    }
    text
}
