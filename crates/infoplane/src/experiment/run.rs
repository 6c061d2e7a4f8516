//! Running an experiment: data, then every seed trained and measured, then the run directory closed.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::config::Experiment;
use super::error::ExperimentError;
use super::prepare::Prepared;
use super::seed::Shared;
use crate::dataset::Scaling;
use crate::estimator::interrupt::{self, Interrupted};
pub use crate::measure::{Progress, RunOptions};
use crate::measure::{Workers, warn_of_one_class};
use crate::printable::printable_path;
use crate::run::{DataFacts, Disk, Manifest, Outcome, Recovered, Resumed, RunDir};

/// What a run came to, with the time it took (which the run directory, the same at every run, does not hold).
#[derive(Debug, Clone)]
pub struct RunSummary {
    /// The run directory.
    pub run: RunDir,
    /// What is in it.
    pub manifest: Manifest,
    /// How it ended.
    pub outcome: Outcome,
    /// What was done for it.
    pub work: Work,
    /// Time from beginning to end.
    pub time: Duration,
}

/// What was done in one go; after an interruption less than what the run directory holds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Work {
    /// Epochs measured.
    pub measured_epochs: u64,
    /// Epochs trained for the first time.
    pub trained_epochs: u64,
    /// Epochs trained again to come to an epoch that was not kept.
    pub replayed_epochs: u64,
    /// Time spent training and training again, summed over the threads that did it.
    pub train_time: Duration,
    /// Time spent measuring, likewise.
    pub measure_time: Duration,
    /// Threads that shared the work.
    pub threads: usize,
}

impl Experiment {
    /// Trains with every seed, measures, and writes the run directory at `path`.
    ///
    /// Every byte of the run directory is the same for any number of threads and any amount of memory, and whether or
    /// not the run was interrupted and [resumed](Experiment::resume). A training whose loss stops being a
    /// number ends there: its outcome says at which epoch, and the other seeds go on. Once `interrupt` is true the
    /// run stops, within a second: epochs that were measured are kept, those in progress are dropped.
    ///
    /// # Errors
    /// [`ExperimentError`], before anything is written if the experiment or the data are at fault;
    /// [`ExperimentError::Interrupted`] after an interruption.
    pub fn run(
        &self,
        path: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, ExperimentError> {
        self.run_on(Disk::default(), path, options, progress, interrupt)
    }

    /// The experiment of the run in the directory `path`.
    ///
    /// # Errors
    /// [`RunError`](crate::run::RunError) if there is no such run, [`ExperimentError::NoExperiment`] if its networks are
    /// trained elsewhere.
    pub fn of_run(path: &Path) -> Result<Self, ExperimentError> {
        let (_, manifest) = RunDir::open(path)?;
        Experiment::of_manifest(path, &manifest)
    }

    fn of_manifest(path: &Path, manifest: &Manifest) -> Result<Self, ExperimentError> {
        let table = manifest.experiment().cloned();
        let table = table.ok_or_else(|| ExperimentError::NoExperiment { path: path.into() })?;
        Experiment::from_table(&path.join("manifest.toml").display().to_string(), table)
    }

    /// [`Experiment::run`] on a disk that may fail where a test says so.
    pub(super) fn run_on(
        &self,
        disk: Disk,
        path: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, ExperimentError> {
        stoppable(interrupt, || self.run_watched(disk, path, options, progress, interrupt))
    }

    fn run_watched(
        &self,
        disk: Disk,
        path: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, ExperimentError> {
        let start = Instant::now();
        let prepared = self.prepare()?;
        let manifest = self.manifest(&prepared, &self.seed_list())?;
        let run = RunDir::create(path, &manifest, disk)?;
        prepared.dataset.readings.iter().for_each(|reading| progress.warn(&reading.to_string()));
        if self.dataset.scaling == Scaling::None
            && let Some(advice) = prepared.dataset.of_bytes()
        {
            progress.warn(&advice);
        }
        warn_of_one_class(&prepared.dataset.labels, progress);
        self.go_on(start, prepared, run, manifest, Recovered::default(), options, progress, interrupt)
    }

    /// Goes on with the run in the directory `path`, which was interrupted, killed or cut short. If it is complete,
    /// says what it came to.
    ///
    /// What was measured is not measured again, and training goes on from the last keyframe. What is damaged is told
    /// to `progress` and recomputed. If `asked` is given it must be the experiment of the run.
    ///
    /// # Errors
    /// [`ExperimentError::Changed`] if `asked` differs, [`ExperimentError::DataChanged`] if the data do,
    /// [`RunError`](crate::run::RunError) if there is no such run or another process is at it; then as
    /// [`Experiment::run`].
    pub fn resume(
        path: &Path,
        asked: Option<&Experiment>,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, ExperimentError> {
        Experiment::resume_on(Disk::default(), path, asked, options, progress, interrupt)
    }

    /// [`Experiment::resume`] on a disk that may fail where a test says so.
    pub(super) fn resume_on(
        disk: Disk,
        path: &Path,
        asked: Option<&Experiment>,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, ExperimentError> {
        stoppable(interrupt, || Experiment::resume_watched(disk, path, asked, options, progress, interrupt))
    }

    fn resume_watched(
        disk: Disk,
        path: &Path,
        asked: Option<&Experiment>,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, ExperimentError> {
        let start = Instant::now();
        // Without the lock first, so that what is wrong with the question is told before a process waits for another.
        let (_, manifest) = RunDir::open(path)?;
        let mut experiment = Experiment::of_manifest(path, &manifest)?;
        if let Some(asked) = asked {
            experiment.take_source_of(asked, path)?;
        }
        let (run, manifest, resumed) = RunDir::resume(path, disk)?;
        let recovered = match resumed {
            Resumed::Incomplete(recovered) => recovered,
            Resumed::Complete(outcome) => {
                let work = Work::default();
                return Ok(RunSummary { run, manifest, outcome, work, time: start.elapsed() });
            }
        };
        let prepared = experiment.prepare().map_err(|error| match error {
            ExperimentError::Dataset(source) if asked.is_none() => {
                ExperimentError::DataOfRun { path: path.into(), source: Box::new(source) }
            }
            error => error,
        })?;
        let now = experiment.manifest(&prepared, &manifest.seeds)?;
        // The same data may be in a file of another name.
        let mut data = DataFacts { name: manifest.data.name.clone(), ..now.data.clone() };
        if manifest.data.guessing_accuracy.is_empty() {
            data.guessing_accuracy.clear();
        }
        if data != manifest.data {
            return Err(ExperimentError::DataChanged {
                path: path.into(),
                then: manifest.data.digest,
                now: now.data.digest,
            });
        }
        if now.infoplane_version != manifest.infoplane_version {
            return Err(ExperimentError::VersionChanged {
                path: path.into(),
                then: manifest.infoplane_version,
                now: now.infoplane_version,
            });
        }
        experiment.go_on(start, prepared, run, manifest, recovered, options, progress, interrupt)
    }

    /// Everything from the open run directory on.
    #[allow(clippy::too_many_arguments)] // two ways lead here, and each has all of it at hand
    fn go_on(
        &self,
        start: Instant,
        prepared: Prepared,
        run: RunDir,
        manifest: Manifest,
        mut recovered: Recovered,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<RunSummary, ExperimentError> {
        let journal = printable_path(run.journal_path());
        if recovered.journal_missing {
            progress.warn(&format!("{journal} is missing; everything is measured anew"));
        }
        if recovered.damaged > 0 {
            let lines = if recovered.damaged == 1 { "line" } else { "lines" };
            progress.warn(&format!(
                "{journal}: {} {lines} skipped, damaged or of another run; what they held is recomputed",
                recovered.damaged
            ));
        }
        let seeds = &manifest.seeds;
        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        // Where there are as many trainings as threads, or more, every thread does what is next of any of them, in rounds of
        // about equal size; else each training has threads of its own.
        let groups = if seeds.len() < threads {
            worker_groups(threads, seeds.len())?
        } else {
            let rounds = (seeds.len() / threads).max(1);
            let at_once = seeds.len().div_ceil(rounds);
            let workers = Workers::by_turns(threads, at_once)
                .map_err(|error| ExperimentError::Threads { threads, message: error.to_string() })?;
            vec![workers; at_once]
        };
        let failed = AtomicBool::new(false);
        let measured = Mutex::new(std::mem::take(&mut recovered.measured));
        let shared = Shared {
            experiment: self,
            prepared: &prepared,
            run: &run,
            recovered: &recovered,
            measured: &measured,
            keyframe_interval: self.keyframe_interval(&prepared.dataset),
            memory: options.memory / groups.len().max(1) as u64,
            progress,
            interrupt,
            failed: &failed,
        };
        let reports = side_by_side(seeds, &groups, |seed, workers| {
            // A full disk under one seed stops the others, a panic too; the caller's flag is the caller's.
            let mut fatal = OnDrop { flag: &failed, armed: true };
            let report = of_stoppable(interrupt::catch(|| shared.run_seed(seed, workers)));
            fatal.armed = report.is_err();
            report
        });
        let mut work = Work { threads, ..Work::default() };
        let mut outcomes = Vec::new();
        let mut schedule = Vec::new();
        let mut interrupted = false;
        for report in reports {
            match report {
                Some(Ok(report)) => {
                    work.add(&report.work);
                    outcomes.push(report.outcome);
                    schedule.extend(report.schedule);
                }
                Some(Err(ExperimentError::Interrupted)) | None => interrupted = true,
                Some(Err(error)) => return Err(error),
            }
        }
        if interrupted {
            run.sync()?;
            return Err(ExperimentError::Interrupted);
        }
        let outcome = run.finish(&outcomes, &schedule)?;
        Ok(RunSummary { run, manifest, outcome, work, time: start.elapsed() })
    }
}

/// Does something that ends soon after `flag` is raised, as do the threads that it makes ([`Workers`]).
pub(super) fn stoppable<T>(
    flag: &AtomicBool,
    work: impl FnOnce() -> Result<T, ExperimentError>,
) -> Result<T, ExperimentError> {
    of_stoppable(interrupt::watched(&|| flag.load(Ordering::Relaxed), work))
}

/// What was stopped was interrupted.
pub(super) fn of_stoppable<T>(
    done: Result<Result<T, ExperimentError>, Interrupted>,
) -> Result<T, ExperimentError> {
    done.unwrap_or(Err(ExperimentError::Interrupted))
}

/// Raises a flag when it goes, and stops what else is at work for the same run, unless it was disarmed.
pub(super) struct OnDrop<'a> {
    pub flag: &'a AtomicBool,
    pub armed: bool,
}

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.flag.store(true, Ordering::Relaxed);
            interrupt::token().iter().for_each(|token| token.store(true, Ordering::Relaxed));
        }
    }
}

/// So many groups, among which the threads are shared.
pub(super) fn worker_groups(threads: usize, n_groups: usize) -> Result<Vec<Workers>, ExperimentError> {
    let share = |workers: usize| threads / n_groups + usize::from(workers < threads % n_groups);
    let failed =
        |error: rayon::ThreadPoolBuildError| ExperimentError::Threads { threads, message: error.to_string() };
    (0..n_groups).map(|workers| Workers::new(share(workers)).map_err(failed)).collect()
}

/// Has every workers take up the next seed as soon as it is free, until one fails; results in the order of the seeds.
pub(super) fn side_by_side<T: Send, E: Send>(
    seeds: &[u64],
    groups: &[Workers],
    work: impl Fn(u64, &Workers) -> Result<T, E> + Sync,
) -> Vec<Option<Result<T, E>>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<T, E>>>> = seeds.iter().map(|_| Mutex::new(None)).collect();
    let take_up = |workers: &Workers| {
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let (Some(&seed), Some(result)) = (seeds.get(position), results.get(position)) else {
                return;
            };
            let done = work(seed, workers);
            let failed = done.is_err();
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
            if failed {
                return;
            }
        }
    };
    let take_up = &take_up;
    // Those that are made here stop with this one.
    let token = interrupt::token();
    let Some((own, others)) = groups.split_last() else { return Vec::new() };
    std::thread::scope(|scope| {
        for workers in others {
            // Where the system gives no thread, those that are there take up all seeds.
            let token = token.clone();
            let spawned = std::thread::Builder::new()
                .spawn_scoped(scope, move || interrupt::with_token(token, || take_up(workers)));
            if spawned.is_err() {
                break;
            }
        }
        take_up(own);
    });
    results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

impl Work {
    fn add(&mut self, other: &Work) {
        self.measured_epochs += other.measured_epochs;
        self.trained_epochs += other.trained_epochs;
        self.replayed_epochs += other.replayed_epochs;
        self.train_time += other.train_time;
        self.measure_time += other.measure_time;
    }

    /// How long it would take to measure `epochs` epochs more, from the time that those measured took; `None` if none was
    /// measured.
    pub fn time_to_measure(&self, epochs: u64) -> Option<Duration> {
        if self.measured_epochs == 0 || self.threads == 0 {
            return None;
        }
        let each = self.measure_time.as_secs_f64() / self.measured_epochs as f64 / self.threads as f64;
        Duration::try_from_secs_f64(each * epochs as f64).ok()
    }
}
