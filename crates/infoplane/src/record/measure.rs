//! Measuring saved activations: all that are there, or as they appear.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndarray::Array2;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::recorder::{check_forward, check_same, finish};
use super::{
    Folder, FolderConfig, RecordError, Recorder, Recording, SEED, Understood, grid, read_statistics,
};
use crate::dataset::read::{Reader, Samples, file_and_name};
use crate::estimator::interrupt;
use crate::estimator::{AnyEstimator, Estimator, LayerRange};
use crate::measure::{
    Known, MeasureError, MeasuredPart, Measuring, Progress, RunOptions, Subject, Workers, measure,
    measure_layers, measure_quantities, observe_ranges, sources, warn_of_one_class,
};
use crate::plane::{Missing, PlaneRow};
use crate::printable::printable_path;
use crate::quantity::PreparedQuantity;
use crate::run::{
    Disk, Manifest, Origin, Record, Recorded, Recovered, Resumed, Run, RunDir, RunError, check_vacant,
};
use crate::schedule::{MeasuredRows, ScheduleConfig};
use crate::snapshot::{Snapshot, SnapshotError, Snapshots};
use crate::train::EpochStats;
use crate::{Activations, Labels};

/// What recording a folder came to.
#[derive(Debug)]
pub struct RecordSummary {
    /// The run, read.
    pub run: Run,
    /// Epochs measured now, rather than found measured.
    pub measured_epochs: u64,
    /// Time from beginning to end.
    pub time: Duration,
}

/// Measures the saved activations of a folder, and writes a run directory at `path`.
///
/// Reading overlaps measuring. Every schedule works, since files can be read in any order. An epoch or layer that cannot
/// be read gives rows that say why, and `progress` is told; the run goes on. Every byte of the directory is the same for
/// any number of threads.
///
/// # Errors
/// [`RecordError`], before anything is written if the folder, the labels or the settings are at fault;
/// [`RecordError::Interrupted`] once `interrupt` is true: epochs that were measured are kept, those in progress are dropped.
#[allow(clippy::too_many_arguments)] // what is recorded, how, where, on what, and who is told
pub fn record_folder(
    name: &str,
    config: &FolderConfig,
    estimators: &[AnyEstimator],
    schedule: &ScheduleConfig,
    path: &Path,
    options: RunOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RecordSummary, RecordError> {
    let start = Instant::now();
    check_unwatched(schedule)?;
    stoppable(interrupt, || {
        let folder = Folder::open(config)?;
        let recording = recording(name, config, &folder, estimators, schedule, progress)?;
        recording.check()?;
        warn(&recording, progress);
        grid::chosen(schedule, &folder.epochs())?;
        let statistics = statistics(config, &recording)?;
        let run = RunDir::create(path, &recording.manifest(), Disk::default())?;
        go_on(start, recording, folder, statistics, run, Recovered::default(), options, progress, interrupt)
    })
}

/// Does something that ends soon after `flag` is raised, as do the threads that it makes ([`Workers`]).
fn stoppable<T>(flag: &AtomicBool, work: impl FnOnce() -> Result<T, RecordError>) -> Result<T, RecordError> {
    let done = interrupt::watched(&|| flag.load(Ordering::Relaxed), work);
    done.unwrap_or(Err(RecordError::Interrupted))
}

/// Goes on with a run that [`record_folder`] or [`follow_folder`] began, with the settings in its manifest: what was
/// followed is followed again, until the same end.
///
/// # Errors
/// As [`record_folder`]; [`RecordError::NotAFolder`] if it is no such run, [`RecordError::Changed`] if the folder holds
/// something else by now.
pub fn resume_folder(
    path: &Path,
    options: RunOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RecordSummary, RecordError> {
    stoppable(interrupt, || resume_watched(path, options, progress, interrupt))
}

fn resume_watched(
    path: &Path,
    options: RunOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RecordSummary, RecordError> {
    let start = Instant::now();
    let (_, manifest) = RunDir::open(path)?;
    let config: FolderConfig = kept(path, &manifest, "folder")?;
    let follows = Followed::of(&manifest);
    let folder = Folder::open(&config).map_err(|error| match error {
        RecordError::Unreadable { .. } if config.source.is_relative() => {
            RecordError::Moved { run: path.into(), source: Box::new(error) }
        }
        error => error,
    })?;
    let estimators: Vec<AnyEstimator> = kept(path, &manifest, "estimators")?;
    let recording = recording(&manifest.name, &config, &folder, &estimators, &manifest.schedule, progress)?;
    check_same(path, &manifest, &recording.manifest())?;
    let statistics = statistics(&config, &recording)?;
    match RunDir::resume(path, Disk::default())? {
        (run, _, Resumed::Incomplete(recovered)) => {
            match recovered.damaged {
                0 => {}
                1 => progress.warn("1 damaged line is computed again"),
                n => progress.warn(&format!("{n} damaged lines are computed again")),
            }
            if let Some(Followed { last, .. }) = follows {
                let measured = recovered.measured.values().flat_map(MeasuredRows::epochs);
                measured.for_each(|epoch| progress.measured(SEED, epoch));
                let idle = follows.and_then(|follows| follows.idle());
                let options =
                    FollowOptions { last, idle, threads: options.threads, ..FollowOptions::default() };
                let recording = followed(recording, &options);
                let recorder = Recorder::recovered(run, recording.clone(), recovered)?;
                return follow(start, recording, folder, recorder, options, progress, interrupt);
            }
            go_on(start, recording, folder, statistics, run, recovered, options, progress, interrupt)
        }
        (_, _, Resumed::Complete(_)) => {
            Ok(RecordSummary { run: Run::read(path)?, measured_epochs: 0, time: start.elapsed() })
        }
    }
}

/// A setting that the manifest of a recorded folder keeps.
fn kept<T: DeserializeOwned>(path: &Path, manifest: &Manifest, key: &str) -> Result<T, RecordError> {
    let value = match &manifest.origin {
        Origin::Recorded(recorded) => recorded.settings.get(key).cloned(),
        Origin::Experiment(_) => None,
    };
    let value = value.and_then(|value| value.try_into().ok());
    value.ok_or_else(|| RecordError::NotAFolder { path: path.into() })
}

/// Saved activations have no witness: reading all of them is what a schedule is to save.
fn check_unwatched(schedule: &ScheduleConfig) -> Result<(), RecordError> {
    match schedule.witness() {
        None => Ok(()),
        Some(_) => Err(RecordError::Witness { allowed: "none where activations were saved" }),
    }
}

/// What is recorded of a folder.
fn recording(
    name: &str,
    config: &FolderConfig,
    folder: &Folder,
    estimators: &[AnyEstimator],
    schedule: &ScheduleConfig,
    progress: &dyn Progress,
) -> Result<Recording, RecordError> {
    let told = |samples: Samples<Labels>| {
        // Of what is read as it is there is nothing to say.
        if !samples.reading.notes.is_empty() {
            progress.warn(&samples.reading.to_string());
        }
        samples.values
    };
    let (file, array) = file_and_name(&config.labels);
    let labels = told(Reader::default().labels(&file, array.as_deref())?);
    let understood = folder.understood();
    let n_samples = understood.n_samples;
    if labels.len() != n_samples {
        return Err(RecordError::Labels {
            labels: config.labels.clone(),
            n_labels: labels.len(),
            what: format!("the first layer in {}", printable_path(&config.source)),
            n_samples,
        });
    }
    let inputs = config.inputs.as_ref().map(|inputs| {
        let (file, array) = file_and_name(inputs);
        Reader::default().symbols(&file, array.as_deref()).map(told)
    });
    let inputs: Option<Labels> = inputs.transpose()?;
    if let (Some(file), Some(inputs)) = (&config.inputs, &inputs)
        && inputs.len() != labels.len()
    {
        return Err(RecordError::Labels {
            labels: config.labels.clone(),
            n_labels: labels.len(),
            what: format!("the inputs in {file}"),
            n_samples: inputs.len(),
        });
    }
    let table = |value: Result<toml::Value, toml::ser::Error>| value.expect("settings have only string keys");
    let mut settings = toml::Table::new();
    settings.insert("folder".into(), table(toml::Value::try_from(config)));
    settings.insert("estimators".into(), table(toml::Value::try_from(estimators)));
    let found = understood.found(inputs.as_ref().map(|inputs| inputs.n_labels()));
    Ok(Recording {
        name: name.into(),
        labels,
        target: None,
        inputs,
        layers: folder.layers(),
        estimators: estimators.to_vec(),
        quantities: config.quantities.clone(),
        schedule: schedule.clone(),
        planned_epochs: None,
        by: Recorded { by: "infoplane record".into(), class: None, settings, found: Some(found) },
    })
}

/// Tells what makes the figures useless before hours are spent on them.
fn warn(recording: &Recording, progress: &dyn Progress) {
    warn_of_one_class(&recording.labels, progress);
}

fn statistics(config: &FolderConfig, recording: &Recording) -> Result<Vec<EpochStats>, RecordError> {
    config.statistics.as_ref().map_or(Ok(Vec::new()), |path| read_statistics(path, &recording.layers))
}

#[allow(clippy::too_many_arguments)] // two ways lead here, and each has all of it at hand
fn go_on(
    start: Instant,
    recording: Recording,
    folder: Folder,
    statistics: Vec<EpochStats>,
    run: RunDir,
    recovered: Recovered,
    options: RunOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RecordSummary, RecordError> {
    let path = run.path().to_path_buf();
    let epochs = folder.epochs();
    let last = epochs.last().copied().unwrap_or(0);
    for stats in statistics {
        if !recovered.trained.contains_key(&(SEED, stats.epoch)) {
            run.append(&[Record::Trained(stats)])?;
        }
    }
    let (x, entropies) = (recording.x(), recording.entropies());
    let workers = Workers::new(options.threads).map_err(|error| RecordError::Threads(error.to_string()))?;
    let problems = Mutex::new(BTreeMap::new());
    let mut source = Watched { folder, problems: &problems };
    let no_inputs = Array2::zeros((0, 0));
    let ranges = match recording.estimators.iter().any(Estimator::needs_observed_range) {
        true => {
            let wanted = grid::chosen(&recording.schedule, &epochs)?.unwrap_or_else(|| epochs.clone());
            let n_epochs = wanted.len() as u64;
            let observed = workers
                .install(|| observe_ranges(wanted.into_iter(), n_epochs, &mut source, no_inputs.view()));
            observed.map_err(|_| RecordError::Interrupted)?
        }
        false => vec![LayerRange::default(); recording.layers.len()],
    };
    let estimators = recording.layer_estimators(&ranges);
    let measured = recovered.measured.into_values().next().unwrap_or_default();
    measured.epochs().for_each(|epoch| progress.measured(SEED, epoch));
    let measured = Known::new(measured);
    let mut schedule = grid::schedule_on(&recording.schedule, &epochs, entropies)?;
    let interrupted = || interrupt.load(Ordering::Relaxed);
    let widths: usize = recording.layers.iter().map(|layer| layer.width).sum();
    // The activations themselves, and what a method copies of them: twice over, in double precision at worst.
    let each = (recording.labels.len() * widths) as u64 * 4 * 3;
    let in_flight = (options.memory / each.max(1)).clamp(1, workers.epochs_in_flight() as u64) as usize;
    let measuring = Measuring {
        seed: SEED,
        parts: &[MeasuredPart {
            subject: Subject { inputs: no_inputs.view(), x: &x, y: &recording.labels },
            estimators: &estimators,
            quantities: &PreparedQuantity::all(&recording.quantities, None),
        }],
        known: &|epoch| measured.rows(epoch),
        workers: &workers,
        in_flight,
        interrupted: &interrupted,
    };
    let mut measured_epochs = 0;
    let result = measure(&measuring, &mut *schedule, &mut source, |measurement| {
        let (epoch, reason, mut rows) = (measurement.epoch, measurement.reason, measurement.rows);
        let of_epoch = problems.lock().unwrap_or_else(PoisonError::into_inner).remove(&epoch);
        explain(&mut rows, of_epoch, epoch, progress);
        let quantities = measurement.quantities;
        let record = Record::Measured { seed: SEED, epoch, reason, rows, quantities };
        run.append(std::slice::from_ref(&record))?;
        if let Record::Measured { rows, .. } = record {
            measured.add(epoch, reason, &rows);
        }
        measured_epochs += 1;
        progress.measured(SEED, epoch);
        Ok::<(), RunError>(())
    });
    match result {
        Ok(()) => {}
        Err(MeasureError::Snapshot(_)) => {
            run.sync()?;
            return Err(RecordError::Interrupted);
        }
        Err(MeasureError::Append(error)) => return Err(error.into()),
        Err(MeasureError::TooLong(reason)) => return Err(RecordError::TooLong { reason }),
    }
    finish(&run, &measured.into_inner(), &recording.schedule.distance(entropies), last)?;
    Ok(RecordSummary { run: Run::read(&path)?, measured_epochs, time: start.elapsed() })
}

/// Why layers of epochs are missing, until their rows are there.
type Problems = Mutex<BTreeMap<u64, Vec<Option<Missing>>>>;

/// A folder that leaves behind why layers are missing.
struct Watched<'a> {
    folder: Folder,
    problems: &'a Problems,
}

impl Snapshots for Watched<'_> {
    type Network = Activations;

    fn load(&mut self, epoch: u64) -> Result<Snapshot<Activations>, SnapshotError> {
        let network = self.folder.read(epoch);
        if let Some(problems) = self.folder.take_problems(epoch) {
            self.problems.lock().unwrap_or_else(PoisonError::into_inner).insert(epoch, problems);
        }
        Ok(Snapshot { epoch, network })
    }

    fn last(&self) -> Option<u64> {
        self.folder.last()
    }
}

/// Puts into the rows why their layer is missing, and tells it.
fn explain(
    rows: &mut [PlaneRow],
    problems: Option<Vec<Option<Missing>>>,
    epoch: u64,
    progress: &dyn Progress,
) {
    let Some(problems) = problems else { return };
    for row in rows.iter_mut() {
        if let Some(Some(missing)) = problems.get(row.layer - 1) {
            row.missing = Some(std::sync::Arc::new(missing.clone()));
        }
    }
    let mut reasons: Vec<&str> = problems.iter().flatten().map(|missing| missing.reason.as_str()).collect();
    reasons.dedup();
    for reason in reasons {
        progress.warn(&format!("epoch {epoch}: {reason}"));
    }
}

/// How [`follow_folder`] goes on, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowOptions {
    /// The run is complete when this epoch is measured; later ones are not measured.
    pub last: Option<u64>,
    /// The run is complete when nothing new has come for so long.
    pub idle: Option<Duration>,
    /// How often the folder is looked at.
    pub every: Duration,
    /// How long the newest epoch must have been as it is before what it lacks is taken to be missing. Another program
    /// may still be writing it.
    pub settle: Duration,
    /// Threads to compute on; 0 is one for each core.
    pub threads: usize,
}

/// Without an end: looks twice a second, and waits five seconds for what an epoch lacks.
impl Default for FollowOptions {
    fn default() -> Self {
        FollowOptions {
            last: None,
            idle: None,
            every: Duration::from_millis(500),
            settle: Duration::from_secs(5),
            threads: 0,
        }
    }
}

/// When a recording that follows a folder ends: the setting `follow` of its manifest, by which it is resumed.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Followed {
    /// The last epoch that is measured; no limit unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// The run is complete after so many seconds without anything new; no limit unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_seconds: Option<f64>,
}

impl Followed {
    /// Of the run with this manifest; `None` if it does not follow a folder.
    pub fn of(manifest: &Manifest) -> Option<Followed> {
        match &manifest.origin {
            Origin::Recorded(recorded) => recorded.settings.get(FOLLOW)?.clone().try_into().ok(),
            Origin::Experiment(_) => None,
        }
    }

    fn idle(&self) -> Option<Duration> {
        self.idle_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }
}

/// The key of a recording's settings that says that the folder is followed.
const FOLLOW: &str = "follow";

/// Measures epochs of a folder as another program saves them, until the last one or until nothing new comes.
///
/// A folder that is not there yet is waited for, and `progress` is told. The layers are those of the first epoch, once a
/// later one is there or the first has not changed for `settle`. The newest epoch is left for a later look while it lacks a
/// layer or a part of one; what it lacks when a later epoch is there, or after `settle`, is missing, and `progress` is told.
/// Otherwise as [`record_folder`], but for estimators whose bins depend on all epochs.
///
/// A directory that holds this recording incomplete is gone on with.
///
/// # Errors
/// As [`record_folder`]; [`RecordError::NoneWithin`] if no epoch appears within [`FollowOptions::idle`];
/// [`RecordError::Unreadable`] if the folder goes away: what was measured is kept;
/// [`RunError::Gone`] if the run directory does.
#[allow(clippy::too_many_arguments)] // as record_folder, and when it ends
pub fn follow_folder(
    name: &str,
    config: &FolderConfig,
    estimators: &[AnyEstimator],
    schedule: &ScheduleConfig,
    path: &Path,
    options: FollowOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RecordSummary, RecordError> {
    let start = Instant::now();
    // Of what is wrong already, nobody wants to hear when the first epoch is there.
    check_unwatched(schedule)?;
    check_forward(estimators, schedule, options.last)?;
    let begun = RunDir::open(path).is_ok_and(|(run, _)| run.outcome().is_ok_and(|outcome| outcome.is_none()));
    if !begun {
        check_vacant(path)?;
    }
    stoppable(interrupt, || {
        let folder = first_epoch(config, &options, progress, interrupt)?;
        let recording = followed(recording(name, config, &folder, estimators, schedule, progress)?, &options);
        warn(&recording, progress);
        let recorder = match begun {
            true => Recorder::resume(path, recording.clone())?,
            false => {
                check_any(&folder, options.last)?;
                Recorder::create(path, recording.clone())?
            }
        };
        follow(start, recording, folder, recorder, options, progress, interrupt)
    })
}

/// A recording whose settings say that it follows a folder, and until when.
fn followed(mut recording: Recording, options: &FollowOptions) -> Recording {
    // TOML has no larger numbers, and no training so many epochs.
    let last = options.last.map(|last| last.min(i64::MAX as u64));
    let follow = Followed { last, idle_seconds: options.idle.map(|idle| idle.as_secs_f64()) };
    let value = toml::Value::try_from(follow).expect("settings have only string keys");
    recording.by.settings.insert(FOLLOW.into(), value);
    // More are to come.
    recording.by.found.iter_mut().for_each(|found| found.epochs = None);
    recording.planned_epochs = last;
    recording
}

/// Refuses to begin a recording that ends before the first epoch.
fn check_any(folder: &Folder, last: Option<u64>) -> Result<(), RecordError> {
    match (folder.epochs().first(), last) {
        (Some(&first), Some(last)) if first > last => Err(RecordError::NoneUpTo { last, first }),
        _ => Ok(()),
    }
}

/// Measures what a folder holds and what comes, up to the last epoch.
fn follow(
    start: Instant,
    recording: Recording,
    mut folder: Folder,
    mut recorder: Recorder,
    options: FollowOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<RecordSummary, RecordError> {
    let config = folder.config().clone();
    let estimators = recording.layer_estimators(&vec![LayerRange::default(); recording.layers.len()]);
    let workers = Workers::new(options.threads).map_err(|error| RecordError::Threads(error.to_string()))?;
    let (x, y) = (recording.x(), &recording.labels);
    let quantities = &PreparedQuantity::all(&recording.quantities, None);
    let within = |epoch: u64| options.last.is_none_or(|last| epoch <= last);
    let mut measured_epochs = 0;
    let mut news = Instant::now();
    // Whether no later epoch is waited for.
    let mut ended = false;
    // The newest epoch, if it lacks something, and since when.
    let mut unsettled: Option<(u64, Instant)> = None;
    loop {
        let there = folder.epochs();
        let wanted: Vec<u64> =
            there.iter().copied().filter(|&epoch| within(epoch) && recorder.wants(epoch)).collect();
        let mut waiting = false;
        for &epoch in &wanted {
            if interrupt.load(Ordering::Relaxed) {
                return Err(RecordError::Interrupted);
            }
            let activations = folder.read(epoch);
            let problems = folder.take_problems(epoch);
            if problems.is_some() && there.last() == Some(&epoch) {
                let since =
                    unsettled.filter(|(of, _)| *of == epoch).map_or_else(Instant::now, |(_, since)| since);
                if since.elapsed() < options.settle {
                    unsettled = Some((epoch, since));
                    waiting = true;
                    break;
                }
            }
            let (mut rows, quantities) = workers.install(|| {
                let layers = sources(&activations);
                let rows = measure_layers(SEED, epoch, &layers, &x, y, &estimators);
                (rows, measure_quantities(SEED, epoch, &layers, y, &estimators, quantities))
            });
            explain(&mut rows, problems, epoch, progress);
            recorder.keep(epoch, rows, quantities)?;
            progress.measured(SEED, epoch);
            measured_epochs += 1;
            news = Instant::now();
        }
        if !waiting && ended && wanted.is_empty() {
            break;
        }
        let reached = options.last.is_some_and(|last| there.last().is_some_and(|&newest| newest >= last));
        if !waiting && !ended && (reached || options.idle.is_some_and(|idle| news.elapsed() >= idle)) {
            // Now the schedule may ask for the last epoch, and for earlier ones.
            recorder.end(there.iter().copied().rfind(|&epoch| within(epoch)).unwrap_or(0));
            ended = true;
        }
        if ended && !waiting {
            continue;
        }
        pause(options.every, interrupt)?;
        recorder.check_there()?;
        folder.look_for_epochs()?;
    }
    for stats in statistics(&config, &recording)?.into_iter().filter(|stats| within(stats.epoch)) {
        recorder.describe(stats)?;
    }
    Ok(RecordSummary { run: recorder.finish()?, measured_epochs, time: start.elapsed() })
}

/// Waits until the first epoch of a folder is there, whole as far as can be told.
fn first_epoch(
    config: &FolderConfig,
    options: &FollowOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Folder, RecordError> {
    let mut before: Option<(Understood, Instant)> = None;
    let source = printable_path(&config.source);
    let mut told = false;
    let start = Instant::now();
    let mut waits_for = |what: String| {
        if !told {
            progress.warn(&format!("waiting for {what}"));
        }
        told = true;
    };
    loop {
        match Folder::open(config) {
            Ok(folder) => {
                let now = folder.understood();
                let since = match &before {
                    Some((before, since)) if *before == now => *since,
                    _ => Instant::now(),
                };
                if now.epochs.len() > 1 || since.elapsed() >= options.settle {
                    return Ok(folder);
                }
                before = Some((now, since));
            }
            // A recording is often started before the training that saves something.
            Err(RecordError::Unreadable { source: error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                waits_for(format!("{source}, which does not exist yet"));
            }
            // Nothing is there yet, or it is being written.
            Err(RecordError::NotUnderstood { problem, .. } | RecordError::NoLayer { found: problem, .. })
                if config.source.is_dir() =>
            {
                waits_for(format!("the first epoch in {source}: {problem}"));
            }
            Err(RecordError::Data(error)) if error.is_truncated() => {}
            Err(error) => return Err(error),
        }
        // What is there is given the time to settle.
        if let Some(idle) = options.idle.filter(|&idle| before.is_none() && start.elapsed() >= idle) {
            return Err(RecordError::NoneWithin { path: config.source.clone(), seconds: idle.as_secs_f64() });
        }
        pause(options.every, interrupt)?;
    }
}

/// Sleeps for so long, unless interrupted.
fn pause(time: Duration, interrupt: &AtomicBool) -> Result<(), RecordError> {
    let wake = Instant::now() + time;
    loop {
        if interrupt.load(Ordering::Relaxed) {
            return Err(RecordError::Interrupted);
        }
        let left = wake.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}
