//! `infoplane reproduce`.

use std::io::{Write, stdout};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use infoplane::experiment::{Progress, RunOptions};
use infoplane::reproduce::{
    FIGURES, Figure, ReproduceError, ReproduceOptions, ReproduceProgress, Setup, Size, Step,
    expected_cpu_seconds, figure, reproduce as make,
};

use crate::arguments::Reproduce;
use crate::failure::{Failure, INTERRUPTED, say};

/// Makes the published figures again.
pub fn reproduce(arguments: &Reproduce) -> Result<ExitCode, Failure> {
    let size = if arguments.quick { Size::Quick } else { Size::Full };
    let setup = Setup { size, mnist: arguments.mnist.clone() };
    if arguments.list || (arguments.names.is_empty() && !arguments.all) {
        return list(&setup, arguments.list);
    }
    let figures: Vec<&'static Figure> = match arguments.all {
        true => FIGURES.iter().collect(),
        false => arguments
            .names
            .iter()
            .map(|name| figure(name))
            .collect::<Result<_, _>>()
            .map_err(Failure::input)?,
    };
    let options = ReproduceOptions {
        out: arguments.out.clone(),
        setup,
        run: RunOptions { threads: arguments.threads.into(), memory: arguments.memory.as_u64() },
        only_draw: arguments.only_draw,
    };
    let interrupt = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&interrupt);
    let _ = ctrlc::set_handler(move || {
        if handler.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        say("stopping after the epochs in hand; once more to stop at once");
    });
    let bar = Bar::new();
    let outcomes = make(&figures, &options, &bar, &interrupt);
    bar.bar.finish_and_clear();
    let page = options.out.join("results.md");
    let outcomes = match outcomes {
        Err(ReproduceError::Interrupted) => {
            say("interrupted; the same command goes on where it stopped");
            return Ok(ExitCode::from(INTERRUPTED));
        }
        outcomes => outcomes.map_err(Failure::machine)?,
    };
    let mut out = stdout().lock();
    let mut missing = 0;
    for outcome in &outcomes {
        match &outcome.result {
            Ok(files) => {
                for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "png")) {
                    writeln!(out, "figure   {}", file.display())?;
                }
            }
            Err(why) => {
                missing += 1;
                writeln!(out, "missing  {}: {why}", outcome.name)?;
            }
        }
    }
    writeln!(out, "page     {}", page.display())?;
    if missing > 0 {
        return Err(Failure::input(format!("{missing} of {} figures are missing", outcomes.len())));
    }
    Ok(ExitCode::SUCCESS)
}

/// The figures with what they are expected to take.
fn list(setup: &Setup, asked: bool) -> Result<ExitCode, Failure> {
    let mut out = stdout().lock();
    for figure in FIGURES {
        let plan =
            figure.plan(&Setup { mnist: setup.mnist.clone().or(Some("mnist".into())), ..setup.clone() });
        let seconds: f64 = plan.map_err(Failure::input)?.iter().map(expected_cpu_seconds).sum();
        let time = HumanDuration(std::time::Duration::from_secs_f64(seconds.max(1.0)));
        writeln!(
            out,
            "{:<22} {}\n{:<22} {}; about {time} of one core",
            figure.name, figure.title, "", figure.paper
        )?;
    }
    if !asked {
        writeln!(out, "\nName the figures, or give --all; --quick takes minutes, without it hours.")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// How far everything is, and which run of which figure is at work.
struct Bar {
    bar: ProgressBar,
    now: Mutex<Now>,
    trained: AtomicU64,
    measured: AtomicU64,
}

/// The run at work.
#[derive(Default)]
struct Now {
    text: String,
    before: f64,
    share: f64,
    epochs: u64,
    measured: Option<u64>,
}

const STEPS: u64 = 1000;

impl Bar {
    fn new() -> Bar {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:24} {percent:>3}%  {msg}  {elapsed} gone, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("█▉ "));
        Bar { bar, now: Mutex::default(), trained: AtomicU64::new(0), measured: AtomicU64::new(0) }
    }

    fn update(&self) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let share =
            |done: &AtomicU64, of: u64| (done.load(Ordering::Relaxed) as f64 / of.max(1) as f64).min(1.0);
        let trained = share(&self.trained, now.epochs);
        let done = now.measured.map_or(trained, |of| (trained + share(&self.measured, of)) / 2.0);
        let position = ((now.before + now.share * done) * STEPS as f64) as u64;
        let message = format!("{}, {:.0}%", now.text, 100.0 * done);
        if position != self.bar.position() || self.bar.message() != message {
            self.bar.set_position(position);
            self.bar.set_message(message);
        }
    }
}

impl Progress for Bar {
    fn trained(&self, epochs: u64) {
        // Formatting for each of many thousand epochs would cost.
        let before = self.trained.fetch_add(epochs, Ordering::Relaxed);
        if before / 64 != (before + epochs) / 64 {
            self.update();
        }
    }

    fn measured(&self, _seed: u64, _epoch: u64) {
        self.measured.fetch_add(1, Ordering::Relaxed);
        self.update();
    }

    fn noticed(&self, what: &str) {
        self.bar.suspend(|| say(what));
    }
}

impl ReproduceProgress for Bar {
    fn begins(&self, step: &Step<'_>) {
        let text = format!("{}: {} (run {} of {})", step.figure, step.run, step.number, step.of);
        if self.bar.is_hidden() {
            say(&text);
        }
        let now = Now {
            text,
            before: step.before,
            share: step.share,
            epochs: step.epochs,
            measured: step.measured,
        };
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.trained.store(0, Ordering::Relaxed);
        self.measured.store(0, Ordering::Relaxed);
        self.update();
    }

    fn figure(&self, name: &str, result: Result<(), &str>) {
        self.bar.suspend(|| match result {
            Ok(()) => say(format!("{name}: drawn")),
            Err(why) => say(format!("{name}: {why}")),
        });
    }
}
