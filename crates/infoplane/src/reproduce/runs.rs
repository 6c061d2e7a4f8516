//! Runs on the disk, by their content, and how long they took.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use twox_hash::XxHash3_128;

use super::figure::{PoolResult, RunResult};
use super::{
    Figure, PlannedRun, ReproduceError, ReproduceOptions, ReproduceProgress, Step, expected_cpu_seconds,
    replace,
};
use crate::experiment::{AsIfRandomResult, Experiment, ExperimentError};
use crate::run::{Run, RunDir};

/// The directory of runs, and the times that they took.
pub(super) struct Store {
    out: PathBuf,
    /// Seconds, over all goes, by the name of the run.
    times: Mutex<BTreeMap<String, f64>>,
}

impl Store {
    pub fn open(out: &Path) -> Result<Store, ReproduceError> {
        std::fs::create_dir_all(out).map_err(|source| ReproduceError::Write { path: out.into(), source })?;
        // What cannot be read is not worth stopping for: the page then says that the time is not known.
        let times = std::fs::read_to_string(out.join(TIMES)).ok();
        let times = times.and_then(|text| toml::from_str(&text).ok()).unwrap_or_default();
        Ok(Store { out: out.into(), times: Mutex::new(times) })
    }

    /// The directory of a run.
    pub fn path(&self, planned: &PlannedRun) -> PathBuf {
        let kind = if planned.pooled.is_some() { "as-if-random" } else { "runs" };
        self.out.join(kind).join(key(planned))
    }

    /// How long it took, if that is known.
    fn seconds(&self, planned: &PlannedRun) -> Option<f64> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner).get(&key(planned)).copied()
    }

    pub fn is_complete(&self, planned: &PlannedRun) -> bool {
        if planned.pooled.is_some() {
            return AsIfRandomResult::is_complete_in(&self.path(planned))
                || self.ended_early(planned).is_some();
        }
        RunDir::open(&self.path(planned)).is_ok_and(|(run, _)| matches!(run.outcome(), Ok(Some(_))))
    }

    fn add_time(&self, planned: &PlannedRun, seconds: f64) -> Result<(), ReproduceError> {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        // Tenths: more digits would say nothing.
        let total = times.entry(key(planned)).or_default();
        *total = ((*total + seconds) * 100.0).round() / 100.0;
        let text: String = times.iter().map(|(name, seconds)| format!("{name:?} = {seconds:?}\n")).collect();
        replace(&self.out.join(TIMES), text.as_bytes())
    }

    /// A complete run, read.
    pub fn read(&self, planned: &PlannedRun) -> Result<RunResult, ReproduceError> {
        let label = planned.label.as_str();
        let run = Run::read(&self.path(planned)).map_err(|error| ReproduceError::from((label, error)))?;
        if !run.state().is_complete() {
            return Err(ReproduceError::NotThere { run: label.into() });
        }
        Ok(RunResult {
            label: label.into(),
            failed: run.failed_seeds(),
            experiment: planned.experiment.clone(),
            seconds: self.seconds(planned),
            run,
        })
    }
}

/// A pool whose training diverged is an outcome too, and need not be tried again.
impl Store {
    fn ended_early_path(&self, planned: &PlannedRun) -> PathBuf {
        self.out.join("as-if-random").join(format!("{}.ended-early.txt", key(planned)))
    }

    fn ended_early(&self, planned: &PlannedRun) -> Option<String> {
        std::fs::read_to_string(self.ended_early_path(planned)).ok()
    }

    fn keep_early_end(&self, planned: &PlannedRun, why: &str) -> Result<(), ReproduceError> {
        let path = self.ended_early_path(planned);
        let directory = self.out.join("as-if-random");
        std::fs::create_dir_all(&directory)
            .map_err(|source| ReproduceError::Write { path: directory.clone(), source })?;
        replace(&path, why.as_bytes())
    }

    /// A complete pool of networks, read.
    pub fn read_pool(&self, planned: &PlannedRun) -> Result<PoolResult, ReproduceError> {
        let result = match self.ended_early(planned) {
            Some(why) => Err(why),
            None => Ok(AsIfRandomResult::read(&self.path(planned))
                .map_err(|error| ReproduceError::from((planned.label.as_str(), error)))?),
        };
        let (label, experiment) = (planned.label.clone(), planned.experiment.clone());
        Ok(PoolResult { label, experiment, seconds: self.seconds(planned), result })
    }
}

const TIMES: &str = "times.toml";

/// The name of a run's directory: its own name and a digest of all that is computed in it, so that figures which show the
/// same run share it, and one whose settings have changed is another.
pub(super) fn key(planned: &PlannedRun) -> String {
    let experiment = &planned.experiment;
    let mut table = experiment.to_table();
    if let Some(settings) = &planned.pooled {
        let settings = toml::Table::try_from(settings).expect("settings have only string keys");
        table.insert("as-if-random".into(), settings.into());
    }
    table.remove("name");
    table.remove("reference");
    // Another version may compute other last digits. Data in another directory may be other data.
    table.insert("infoplane_version".into(), env!("CARGO_PKG_VERSION").into());
    let digest = XxHash3_128::oneshot(toml::Value::Table(table).to_string().as_bytes());
    format!("{}-{digest:032x}", experiment.directory_name().replace(' ', "-"))
}

/// The runs that are not there yet, for a bar.
pub(super) struct Work {
    left: BTreeMap<String, f64>,
    expected: f64,
    done: f64,
    number: usize,
    of: usize,
}

impl Work {
    pub fn of(plans: &[(&'static Figure, Result<Vec<PlannedRun>, ReproduceError>)], store: &Store) -> Work {
        let mut left = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for planned in plans.iter().filter_map(|(_, plan)| plan.as_ref().ok()).flatten() {
            let key = key(planned);
            if seen.insert(key.clone()) && !store.is_complete(planned) {
                left.insert(key, expected_cpu_seconds(planned));
            }
        }
        let (expected, of) = (left.values().sum::<f64>().max(1e-9), left.len());
        Work { left, expected, done: 0.0, number: 0, of }
    }

    /// Runs what is planned, goes on with it, or leaves it as it is where it is complete.
    pub fn run(
        &mut self,
        figure: &Figure,
        planned: &PlannedRun,
        store: &Store,
        options: &ReproduceOptions,
        progress: &dyn ReproduceProgress,
        interrupt: &AtomicBool,
    ) -> Result<(), ReproduceError> {
        let Some(cost) = self.left.remove(&key(planned)) else { return Ok(()) };
        if options.only_draw {
            return Err(ReproduceError::NotThere { run: planned.label.clone() });
        }
        self.number += 1;
        let experiment = &planned.experiment;
        let points = match planned.pooled {
            Some(_) => Some(1),
            None => experiment.epochs().ok().flatten().map(|epochs| epochs.len() as u64),
        };
        progress.begins(&Step {
            figure: figure.name,
            run: &planned.label,
            number: self.number,
            of: self.of,
            epochs: experiment.training.epochs * experiment.seeds,
            measured: points.map(|points| points * experiment.seeds),
            before: self.done / self.expected,
            share: cost / self.expected,
        });
        self.done += cost;
        let start = Instant::now();
        let path = store.path(planned);
        let forward = Forward(progress);
        let result: Result<(), ExperimentError> = match &planned.pooled {
            Some(settings) => {
                experiment.as_if_random(settings, None, &path, options.run, &forward, interrupt).map(|_| ())
            }
            None if RunDir::open(&path).is_ok() => {
                Experiment::resume(&path, Some(experiment), options.run, &forward, interrupt).map(|_| ())
            }
            None => experiment.run(&path, options.run, &forward, interrupt).map(|_| ()),
        };
        store.add_time(planned, start.elapsed().as_secs_f64())?;
        if let Err(error @ ExperimentError::EndedEarly { .. }) = &result {
            let why = error.to_string();
            progress.noticed(&why);
            return store.keep_early_end(planned, &why);
        }
        result.map_err(|error| (planned.label.as_str(), error).into())
    }
}

/// A run's progress is the reproduction's.
struct Forward<'a>(&'a dyn ReproduceProgress);

impl crate::experiment::Progress for Forward<'_> {
    fn trained(&self, epochs: u64) {
        self.0.trained(epochs);
    }

    fn measured(&self, seed: u64, epoch: u64) {
        self.0.measured(seed, epoch);
    }

    fn noticed(&self, what: &str) {
        self.0.noticed(what);
    }
}
