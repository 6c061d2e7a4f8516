//! What a person sees while a command works: progress, messages, and what Ctrl-C does.

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use infoplane::experiment::{Experiment, Progress};
use infoplane::reproduce::{ReproduceProgress, Step};

use crate::failure::INTERRUPTED;

/// A line on stderr; where that cannot be written there is nobody to tell.
pub fn say(message: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "infoplane: {message}");
}

/// A flag that Ctrl-C raises, saying `first`; the second time it stops the process at once.
pub fn on_interrupt(first: &'static str) -> Arc<AtomicBool> {
    let interrupt = Arc::new(AtomicBool::new(false));
    let handler = Arc::clone(&interrupt);
    // Without a handler Ctrl-C still stops the run, only less gently.
    let _ = ctrlc::set_handler(move || {
        if handler.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
        say(first);
    });
    interrupt
}

/// The bar counts thousandths of the work: half of it training epochs, half measuring.
///
/// Which half takes longer depends on the network; they advance side by side, so the time left is right soon. A schedule
/// that adapts does not know how many epochs it will measure: there measuring is as far as the furthest epoch.
pub struct Bar {
    bar: ProgressBar,
    trained: AtomicU64,
    measured: AtomicU64,
    to_train: u64,
    /// Epochs to be measured, if that is known.
    to_measure: Option<u64>,
    /// The furthest measured epoch of each training, by its place in the list of seeds.
    furthest: Vec<AtomicU64>,
    first_seed: u64,
}

const STEPS: u64 = 1000;

impl Bar {
    /// A bar for all trainings of an experiment; hidden if `quiet`.
    pub fn new(experiment: &Experiment, quiet: bool) -> Self {
        let epochs = experiment.training.epochs;
        let planned = experiment.schedule.epochs(epochs).ok().flatten().map(|epochs| epochs.len() as u64);
        let to_measure = planned.map(|planned| planned.saturating_mul(experiment.seeds));
        Bar::of(experiment, epochs, to_measure, quiet)
    }

    /// A bar for all trainings up to the epoch `last`, and so many pools of their networks; hidden if `quiet`.
    pub fn of_pools(experiment: &Experiment, last: u64, pools: u64, quiet: bool) -> Self {
        let bar = Bar::of(experiment, last, Some(pools), quiet);
        // Measuring a pool may take minutes without any news; the clock then shows that it goes on.
        bar.bar.enable_steady_tick(Duration::from_secs(1));
        bar
    }

    fn of(experiment: &Experiment, epochs: u64, to_measure: Option<u64>, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        let style = ProgressStyle::with_template("{bar:32} {percent:>3}%  {msg}  {elapsed} gone, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("█▉ "));
        Bar {
            bar,
            trained: AtomicU64::new(0),
            measured: AtomicU64::new(0),
            to_train: epochs.saturating_mul(experiment.seeds),
            to_measure,
            furthest: experiment.seed_list().iter().map(|_| AtomicU64::new(0)).collect(),
            first_seed: experiment.first_seed,
        }
    }

    /// Clears the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Draws anew where something is to be seen: formatting for each of many thousand epochs would cost.
    fn update(&self) {
        let share = |done: u64, all: u64| done as f64 / all.max(1) as f64;
        let (trained, measured) =
            (self.trained.load(Ordering::Relaxed), self.measured.load(Ordering::Relaxed));
        let measured_share = match self.to_measure {
            Some(all) => share(measured, all),
            None => {
                share(self.furthest.iter().map(|epoch| epoch.load(Ordering::Relaxed)).sum(), self.to_train)
            }
        };
        let position = ((share(trained, self.to_train) + measured_share) / 2.0 * STEPS as f64) as u64;
        if position == self.bar.position() {
            return;
        }
        self.bar.set_position(position);
        let of = self.to_measure.map(|all| format!("/{all}")).unwrap_or_default();
        self.bar.set_message(format!("{trained}/{} epochs trained, {measured}{of} measured", self.to_train));
    }
}

impl Progress for Bar {
    fn trained(&self, epochs: u64) {
        self.trained.fetch_add(epochs, Ordering::Relaxed);
        self.update();
    }

    fn measured(&self, seed: u64, epoch: u64) {
        self.measured.fetch_add(1, Ordering::Relaxed);
        if let Some(furthest) = self.furthest.get((seed - self.first_seed) as usize) {
            furthest.fetch_max(epoch, Ordering::Relaxed);
        }
        self.update();
    }

    fn noticed(&self, what: &str) {
        self.bar.suspend(|| say(what));
    }
}

/// How far everything is, and which run of which figure is at work.
pub struct FiguresBar {
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

impl FiguresBar {
    pub fn new() -> FiguresBar {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{bar:24} {percent:>3}%  {msg}  {elapsed} gone, {eta} left")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("█▉ "));
        FiguresBar { bar, now: Mutex::default(), trained: AtomicU64::new(0), measured: AtomicU64::new(0) }
    }

    /// Clears the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
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

impl Progress for FiguresBar {
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

impl ReproduceProgress for FiguresBar {
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
