//! Progress: a bar on a terminal, a line now and then where there is none.

use std::collections::HashSet;
use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use infoplane::estimator::steps::Observer;
use infoplane::experiment::{Experiment, Progress};
use infoplane::reproduce::{ReproduceProgress, Step};
use infoplane::sweep::{ListedCell, SweepProgress};

use super::{is_quiet, note, say};

/// Seconds from one plain line of progress to the next, for those who want others than 30.
const INTERVAL: &str = "INFOPLANE_PROGRESS_SECONDS";

/// The bar counts thousandths of the work.
const STEPS: u64 = 1000;

/// How far a command is.
pub struct Meter {
    bar: ProgressBar,
    /// The plain lines, where stderr is no terminal.
    lines: Option<Mutex<Lines>>,
    /// When the work began that the plain lines are of, of which this may be a later part.
    begun: Instant,
    start: Instant,
}

impl Meter {
    /// A meter that shows the time passing even if nothing is told to it.
    pub fn new() -> Self {
        let terminal = stderr().is_terminal();
        let shown = terminal && !is_quiet();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(STEPS), target);
        let took = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&duration(state.elapsed()));
        };
        let left = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&remaining(state.elapsed(), f64::from(state.fraction())));
        };
        let style =
            ProgressStyle::with_template("{percent:>3} % {wide_bar} {msg}, elapsed {took}, ETA {left}")
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .with_key("took", took)
                .with_key("left", left)
                .progress_chars("█▉ ");
        bar.set_style(style);
        // The thread that moves the clock is one that can be done without.
        if shown && thread::Builder::new().spawn(|| {}).is_ok() {
            // A single measurement may take minutes; the clock then shows that it is still at work.
            bar.enable_steady_tick(Duration::from_secs(1));
        }
        let lines = (!terminal && !is_quiet()).then(|| Mutex::new(Lines::new(interval())));
        let now = Instant::now();
        Meter { bar, lines, begun: now, start: now }
    }

    /// A meter of another part of the same work, whose pace is another; plain lines keep their distance.
    fn of_next_part(mut self) -> Self {
        self.bar.finish_and_clear();
        let lines = self.lines.take();
        lines.iter().for_each(|lines| lines.lock().unwrap_or_else(PoisonError::into_inner).begin_part());
        Meter { lines, begun: self.begun, ..Meter::new() }
    }

    /// Shows that `share` of the work is done; `message` says what that is.
    pub fn set(&self, share: f64, message: impl FnOnce() -> String) {
        let share = share.clamp(0.0, 1.0);
        if let Some(lines) = &self.lines {
            let due = lines.lock().unwrap_or_else(PoisonError::into_inner).due(self.begun.elapsed(), share);
            if due {
                say(line(self.start.elapsed(), share, &message()));
            }
            return;
        }
        let position = (share * STEPS as f64) as u64;
        // Formatting for each of many thousand epochs would cost.
        if position != self.bar.position() || self.bar.message().is_empty() {
            self.bar.set_position(position);
            self.bar.set_message(message());
        }
    }

    /// Shows what is done of work whose end is not known.
    pub fn count(&self, message: impl FnOnce() -> String) {
        if let Some(lines) = &self.lines {
            if lines.lock().unwrap_or_else(PoisonError::into_inner).due(self.begun.elapsed(), 0.0) {
                say(format!("{}, elapsed {}", message(), duration(self.start.elapsed())));
            }
            return;
        }
        if self.bar.length().is_some() {
            let style = ProgressStyle::with_template("{msg}, elapsed {took}");
            let took = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = out.write_str(&duration(state.elapsed()));
            };
            self.bar.unset_length();
            self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).with_key("took", took));
        }
        self.bar.set_message(message());
    }

    /// A message beside the bar.
    pub fn note(&self, what: &str) {
        self.bar.suspend(|| note(what));
    }

    /// Clears the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Shows what a command is at that says nothing itself until it is done: how long it takes, and where its steps can be
/// counted how far it is.
pub struct Clock {
    shared: Arc<Shared>,
    /// Says plain lines where nothing else does.
    lines: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    phase: Mutex<Option<Phase>>,
    /// Tells the thread of the lines that there is nothing more to say.
    over: Condvar,
    done: AtomicU64,
}

/// One part of the work.
struct Phase {
    meter: Meter,
    what: String,
    /// Steps; 0 where they cannot be counted.
    of: u64,
}

impl Clock {
    /// A clock that shows that `what` is being done.
    pub fn new(what: &str) -> Self {
        let shared = Arc::<Shared>::default();
        let mut clock = Clock { shared: Arc::clone(&shared), lines: None };
        clock.begin(what, 0);
        if is_quiet() || stderr().is_terminal() {
            return clock;
        }
        let every = (interval() / 6).clamp(Duration::from_millis(5), Duration::from_secs(1));
        let tick = move || {
            let mut phase = shared.phase();
            while let Some(shown) = &*phase {
                shown.show(shared.done.load(Ordering::Relaxed));
                phase = shared.over.wait_timeout(phase, every).unwrap_or_else(PoisonError::into_inner).0;
            }
        };
        // Without the thread nothing is shown, and the work goes on.
        clock.lines = thread::Builder::new().name("clock".into()).spawn(tick).ok();
        clock
    }

    /// Shows something else from here on, of so many steps, or of a number that is not known (0).
    pub fn begin(&self, what: &str, of: u64) {
        let mut phase = self.shared.phase();
        let meter = phase.take().map_or_else(Meter::new, |before| before.meter.of_next_part());
        self.shared.done.store(0, Ordering::Relaxed);
        let begun = Phase { meter, what: what.into(), of };
        begun.show(0);
        *phase = Some(begun);
    }

    /// Shows that so many of so many steps are done, from any thread.
    pub fn set(&self, done: usize, of: usize, what: &str) {
        self.shared.set(done, of, what);
    }

    /// Shows the steps of estimates.
    pub fn observer(&self) -> Observer {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |what, done, of| shared.set(done, of, what))
    }

    /// A line beside the bar.
    pub fn note(&self, what: &str) {
        match &*self.shared.phase() {
            Some(phase) => phase.meter.note(what),
            None => note(what),
        }
    }

    /// Clears the bar away.
    pub fn clear(&self) {
        if let Some(phase) = self.shared.phase().take() {
            phase.meter.finish();
        }
        self.shared.over.notify_all();
    }

    /// Clears the bar away, and waits until the last line is said.
    pub fn finish(&mut self) {
        self.clear();
        if let Some(lines) = self.lines.take() {
            // It cannot have failed in a way that matters.
            let _ = lines.join();
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    fn set(&self, done: usize, of: usize, what: &str) {
        // Whoever holds the lock shows what is done.
        let Ok(mut held) = self.phase.try_lock() else {
            self.done.fetch_max(done as u64, Ordering::Relaxed);
            return;
        };
        let Some(mut phase) = held.take() else { return };
        let (done, of) = (done as u64, of as u64);
        // The same steps may come again: the draws of another noise variance.
        let again = done == 1 && of > 1 && self.done.load(Ordering::Relaxed) >= of;
        if phase.of != of || again {
            phase.meter = phase.meter.of_next_part();
            phase.of = of;
            self.done.store(0, Ordering::Relaxed);
        }
        if phase.what != what {
            phase.what = what.into();
        }
        self.done.fetch_max(done, Ordering::Relaxed);
        phase.show(self.done.load(Ordering::Relaxed));
        *held = Some(phase);
    }

    fn phase(&self) -> MutexGuard<'_, Option<Phase>> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Phase {
    fn show(&self, done: u64) {
        match self.of {
            0 => self.meter.count(|| self.what.clone()),
            of => self.meter.set(done as f64 / of as f64, || format!("{}, {}/{of}", self.what, done.min(of))),
        }
    }
}

fn interval() -> Duration {
    let given = std::env::var(INTERVAL).ok().and_then(|seconds| seconds.parse().ok());
    given.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(Duration::from_secs(30))
}

/// When a plain line of progress is due: the first once a job turns out to be long, then one for every interval or
/// tenth of the work, whichever comes first.
struct Lines {
    interval: Duration,
    last: Option<(Duration, f64)>,
}

impl Lines {
    fn new(interval: Duration) -> Self {
        Lines { interval, last: None }
    }

    /// From here on shares are those of another part of the work.
    fn begin_part(&mut self) {
        self.last = self.last.map(|(when, _)| (when, 0.0));
    }

    fn due(&mut self, elapsed: Duration, share: f64) -> bool {
        let due = match self.last {
            None => elapsed >= self.interval / 3,
            // A tenth may pass in a moment: then lines keep a distance.
            Some((when, done)) => {
                let since = elapsed.saturating_sub(when);
                since >= self.interval || (share - done >= 0.1 && since >= self.interval / 6)
            }
        };
        if due {
            self.last = Some((elapsed, share));
        }
        due
    }
}

fn line(elapsed: Duration, share: f64, message: &str) -> String {
    format!(
        "{:.0} % ({message}), elapsed {}, ETA {}",
        (100.0 * share).floor(),
        duration(elapsed),
        remaining(elapsed, share)
    )
}

/// What is left if the rest goes as fast as what is done.
fn remaining(elapsed: Duration, share: f64) -> String {
    let left = elapsed.as_secs_f64() * (1.0 - share) / share;
    Duration::try_from_secs_f64(left).map_or("unknown".into(), duration)
}

/// Seconds up to two minutes, then minutes, then hours.
fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// How far the training runs of an experiment are: half of the work is training, half measuring.
///
/// Which half takes longer depends on the network; they advance side by side, so the time left is right soon. A schedule
/// that adapts does not know how many epochs it will measure: there measuring is as far as the furthest epoch.
pub struct RunMeter {
    meter: Meter,
    trained: AtomicU64,
    measured: AtomicU64,
    to_train: u64,
    /// Epochs to be measured, if that is known.
    to_measure: Option<u64>,
    /// The furthest measured epoch of each training, by its place in the list of seeds.
    furthest: Vec<AtomicU64>,
    first_seed: u64,
}

impl RunMeter {
    /// All training runs of an experiment, and the epochs that its schedule measures.
    pub fn new(experiment: &Experiment) -> Self {
        let epochs = experiment.training.epochs;
        let planned = experiment.schedule.epochs(epochs).ok().flatten().map(|epochs| epochs.len() as u64);
        let to_measure = planned.map(|planned| planned.saturating_mul(experiment.seeds));
        RunMeter::of(experiment, epochs, to_measure)
    }

    /// All training runs up to the epoch `last`, and so many pools of their networks.
    pub fn of_pools(experiment: &Experiment, last: u64, pools: u64) -> Self {
        RunMeter::of(experiment, last, Some(pools))
    }

    fn of(experiment: &Experiment, epochs: u64, to_measure: Option<u64>) -> Self {
        RunMeter {
            meter: Meter::new(),
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
        self.meter.finish();
    }

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
        let all = (share(trained, self.to_train) + measured_share) / 2.0;
        self.meter.set(all, || {
            let of = self.to_measure.map(|all| format!("/{all}")).unwrap_or_default();
            format!("{trained}/{} epochs trained, {measured}{of} measured", self.to_train)
        });
    }
}

impl Progress for RunMeter {
    fn trained(&self, epochs: u64) {
        // Looking at the clock after each of many thousand short epochs would cost.
        let before = self.trained.fetch_add(epochs, Ordering::Relaxed);
        if before / 16 != (before + epochs) / 16 || before + epochs == self.to_train {
            self.update();
        }
    }

    fn measured(&self, seed: u64, epoch: u64) {
        self.measured.fetch_add(1, Ordering::Relaxed);
        if let Some(furthest) = self.furthest.get((seed - self.first_seed) as usize) {
            furthest.fetch_max(epoch, Ordering::Relaxed);
        }
        self.update();
    }

    fn warn(&self, what: &str) {
        self.meter.note(what);
    }
}

/// How far everything is, and which run of which figure is at work.
pub struct FiguresMeter {
    meter: Meter,
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

impl FiguresMeter {
    pub fn new() -> Self {
        FiguresMeter {
            meter: Meter::new(),
            now: Mutex::default(),
            trained: AtomicU64::new(0),
            measured: AtomicU64::new(0),
        }
    }

    /// Clears the bar away.
    pub fn finish(&self) {
        self.meter.finish();
    }

    fn update(&self) {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let share =
            |done: &AtomicU64, of: u64| (done.load(Ordering::Relaxed) as f64 / of.max(1) as f64).min(1.0);
        let trained = share(&self.trained, now.epochs);
        let done = now.measured.map_or(trained, |of| (trained + share(&self.measured, of)) / 2.0);
        self.meter.set(now.before + now.share * done, || format!("{}, {:.0} %", now.text, 100.0 * done));
    }
}

impl Progress for FiguresMeter {
    fn trained(&self, epochs: u64) {
        let before = self.trained.fetch_add(epochs, Ordering::Relaxed);
        if before / 64 != (before + epochs) / 64 {
            self.update();
        }
    }

    fn measured(&self, _seed: u64, _epoch: u64) {
        self.measured.fetch_add(1, Ordering::Relaxed);
        self.update();
    }

    fn warn(&self, what: &str) {
        self.meter.note(what);
    }
}

impl ReproduceProgress for FiguresMeter {
    fn begins(&self, step: &Step<'_>) {
        let text = format!("{}: {} (run {} of {})", step.figure, step.run, step.number, step.of);
        if self.meter.lines.is_some() {
            note(&text);
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
        match result {
            Ok(()) => self.meter.note(&format!("{name}: drawn")),
            // What is missing is told even to those who want quiet.
            Err(why) => self.meter.bar.suspend(|| say(format!("{name}: {why}"))),
        }
    }
}

/// How many cells of a sweep are done.
pub struct SweepMeter {
    meter: Meter,
    /// Cells that this worker did not compute, and that failed.
    skipped: AtomicU64,
    failed: AtomicU64,
    /// What was said already: of data that all cells share each would say the same.
    said: Mutex<HashSet<String>>,
}

impl SweepMeter {
    pub fn new() -> Self {
        SweepMeter {
            meter: Meter::new(),
            skipped: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            said: Mutex::default(),
        }
    }

    /// Clears the bar away.
    pub fn finish(&self) {
        self.meter.finish();
    }
}

impl Progress for SweepMeter {
    fn trained(&self, _epochs: u64) {}

    fn measured(&self, _seed: u64, _epoch: u64) {}

    fn warn(&self, what: &str) {
        if self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(what.into()) {
            self.meter.note(what);
        }
    }
}

impl SweepProgress for SweepMeter {
    fn cell(&self, cell: &ListedCell, result: Result<Option<f64>, &str>, done: usize, of: usize) {
        if let Ok(None) = result {
            self.skipped.fetch_add(1, Ordering::Relaxed);
        }
        if let Err(why) = result {
            self.failed.fetch_add(1, Ordering::Relaxed);
            self.meter.note(&format!("{} failed: {why}", cell.label));
        }
        // Cells that were complete took no time, from which that of the others would follow.
        let (skipped, failed) = (self.skipped.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        let share =
            (done as u64).saturating_sub(skipped) as f64 / (of as u64).saturating_sub(skipped).max(1) as f64;
        self.meter.set(share, || {
            let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
            format!("{done}/{of} cells{failed}")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_jobs_say_nothing_and_long_ones_now_and_then() {
        let seconds = Duration::from_secs;
        let mut lines = Lines::new(seconds(30));
        assert!(!lines.due(seconds(9), 0.9), "a job of ten seconds");
        assert!(lines.due(seconds(10), 0.2));
        assert!(!lines.due(seconds(11), 0.25));
        assert!(!lines.due(seconds(14), 0.5), "five seconds apart at least");
        assert!(lines.due(seconds(15), 0.5), "a tenth");
        assert!(!lines.due(seconds(44), 0.51));
        assert!(lines.due(seconds(45), 0.51), "half a minute");
        let told = (0..36_000).filter(|&second| lines.due(seconds(100 + second), 0.51)).count();
        assert!((1190..=1201).contains(&told), "{told} lines in ten hours");
    }

    #[test]
    fn many_short_parts_are_told_of_as_one_long_one() {
        let seconds = Duration::from_secs;
        let mut lines = Lines::new(seconds(30));
        // Parts of five seconds, each from nothing to all of it.
        let told = (0..600).filter(|&second| {
            if second % 5 == 0 {
                lines.begin_part();
            }
            lines.due(seconds(second), (second % 5) as f64 / 4.0)
        });
        let told: Vec<u64> = told.collect();
        assert_eq!(told[0], 10);
        let farthest = told.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(farthest <= Some(30) && told.windows(2).all(|pair| pair[1] - pair[0] >= 5), "{told:?}");
    }

    #[test]
    fn a_line_gives_the_share_the_work_and_the_time() {
        let told = line(Duration::from_secs(12), 0.4, "3200/8000 epochs trained, 32/80 measured");
        assert_eq!(told, "40 % (3200/8000 epochs trained, 32/80 measured), elapsed 12 s, ETA 18 s");
        assert!(line(Duration::from_secs(10), 0.0, "nothing yet").ends_with("ETA unknown"));
        // The longest that a run of a night has to say.
        let night =
            line(Duration::from_secs(35_999), 0.5, "200000/400000 epochs trained, 5275/10550 measured");
        assert!("infoplane: ".len() + night.len() <= 110);
    }

    #[test]
    fn times_are_short_and_have_units() {
        let told = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!([told(0), told(65), told(119)], ["0 s", "65 s", "119 s"]);
        assert_eq!([told(120), told(7199), told(7200)], ["2 min", "119 min", "2 h 00 min"]);
        assert_eq!(told(3600 * 31 + 60 * 5), "31 h 05 min");
    }
}
