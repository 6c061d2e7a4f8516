//! The as-if-random experiment: late weights, or many seeds, treated as samples of one distribution.

mod check;
mod collect;
mod directory;
#[cfg(test)]
mod interruption;
mod measure;
mod metadata;
mod networks;
mod resume;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::config::Experiment;
use super::error::ExperimentError;
use super::prepare::Prepared;
use super::run::{OnDrop, Progress, RunOptions, of_stoppable, side_by_side, stoppable, worker_groups};
use crate::estimator::interrupt;
use crate::estimator::{AnyEstimator, BinRange, BinRule, Binned, Correction, RangeScope};
use crate::plane::MethodDescription;
use crate::pool::{DriftRow, OverlapRow, PoolRow, WindowRow};
use crate::printable::printable_path;
use crate::run::{DataFacts, Disk, RunDir, RunError};
use crate::table::{self, Table, TableName};
use crate::train::TrainingEnd;
use crate::{Information, LayerDescription};

use collect::{Collector, NetworkSet, SeedNetworks};
use directory::{Opened, OutputDirectory, SeedResult};
use metadata::Metadata;

pub use networks::{GivenNetwork, GivenNetworks};

/// What is pooled, and how it is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AsIfRandom {
    /// Which networks.
    pub pool: PoolConfig,
    /// The number of inputs that are measured, evenly spaced; all unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<usize>,
    /// The estimators that each layer is measured with.
    pub estimators: Vec<AnyEstimator>,
}

impl Default for AsIfRandom {
    /// The last 256 epochs of each training run, all inputs, 30 equal bins on the range of each layer over the whole pool.
    fn default() -> Self {
        let binned = Binned {
            rule: BinRule::Equal,
            bins: Some(30),
            bin_width: None,
            range: Some(BinRange::Scope(RangeScope::Layer)),
            correction: Correction::PlugIn,
        };
        AsIfRandom { pool: PoolConfig::default(), inputs: None, estimators: vec![binned.into()] }
    }
}

impl Default for PoolConfig {
    /// The last 256 epochs of each training run.
    fn default() -> Self {
        PoolConfig::Epochs { window: window(), stride: stride(), last: None }
    }
}

/// Networks of a window, unless given.
fn window() -> usize {
    256
}

/// Epochs or steps between them, unless given.
fn stride() -> u64 {
    1
}

/// Which networks are pooled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "over", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PoolConfig {
    /// Of every training run the networks at the end of `window` epochs, `stride` epochs apart, up to `last`.
    Epochs {
        /// The number of networks.
        #[serde(default = "window")]
        window: usize,
        /// Epochs between successive networks.
        #[serde(default = "stride")]
        stride: u64,
        /// The last epoch; the last of the training run unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u64>,
    },
    /// Likewise after single mini-batch steps.
    Steps {
        /// The number of networks.
        #[serde(default = "window")]
        window: usize,
        /// Steps between successive networks.
        #[serde(default = "stride")]
        stride: u64,
        /// The epoch at whose end they end; the last of the training run unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u64>,
    },
    /// The networks of all seeds at one epoch.
    Seeds {
        /// The epoch; the last of the training run unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epoch: Option<u64>,
    },
}

/// The result; also the content of its directory.
#[derive(Debug, Clone, PartialEq)]
pub struct AsIfRandomResult {
    /// The name of the experiment.
    pub name: String,
    /// What is pooled, and how it is measured.
    pub settings: AsIfRandom,
    /// The data that were measured.
    pub data: DataFacts,
    /// The entropy of the inputs measured.
    pub h_x: Information,
    /// The entropy of their labels.
    pub h_y: Information,
    /// The layers.
    pub layers: Vec<LayerDescription>,
    /// How it was measured: the methods that rows name.
    pub methods: Vec<Arc<MethodDescription>>,
    /// Every training run and how it ended, in the order of the seeds.
    pub seeds: Vec<SeedStatus>,
    /// `pool.jsonl`; no rows of training runs that do not have the window.
    pub rows: Vec<PoolRow>,
    /// `drift.jsonl`.
    pub drift: Vec<DriftRow>,
    /// `window.jsonl`.
    pub window: Vec<WindowRow>,
    /// `overlap.jsonl`.
    pub overlap: Vec<OverlapRow>,
}

impl AsIfRandomResult {
    /// Whether networks of this seed are pooled; not those of a training run that ended before the window fits.
    pub fn is_pooled(&self, seed: u64) -> bool {
        self.window.iter().any(|row| row.network.seed == seed)
    }

    /// A table of the result; nothing for the tables that only a run has.
    pub fn table(&self, name: TableName) -> Option<Table<'_>> {
        match name {
            TableName::Pool => Some(table::pool(&self.rows, &self.layers)),
            TableName::Drift => Some(table::drift(&self.drift)),
            TableName::Window => Some(table::window(&self.window)),
            TableName::Overlap => Some(table::overlap(&self.overlap, &self.layers)),
            TableName::Methods => Some(table::methods(&self.methods)),
            _ => None,
        }
    }

    /// Says how a training run ended, and why it is excluded from the pool, if it is.
    pub fn describe(&self, seed: &SeedStatus) -> String {
        seed.describe(Some(&self.settings.pool).filter(|_| !self.is_pooled(seed.seed)))
    }
}

/// How a training run ended; in `outcome.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredSeedStatus")]
pub struct SeedStatus {
    /// The seed of the training run.
    pub seed: u64,
    /// Why and when it ended, if that was before the last epoch asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<TrainingEnd>,
}

impl SeedStatus {
    /// Whether the loss stopped being a number before the last epoch asked for.
    pub fn diverged(&self) -> bool {
        matches!(self.ended, Some(TrainingEnd::Diverged { .. }))
    }

    /// Says how it ended: `ok`, `training diverged at epoch 12`; with the pool that it is excluded from, if it is:
    /// `training ended at epoch 40, before the window fits`.
    pub fn describe(&self, excluded_from: Option<&PoolConfig>) -> String {
        let ended = match &self.ended {
            None | Some(TrainingEnd::Epochs) => "ok".to_string(),
            Some(TrainingEnd::Diverged { epoch, .. }) => format!("training diverged at epoch {epoch}"),
            Some(
                TrainingEnd::Target { epoch, .. }
                | TrainingEnd::Patience { epoch, .. }
                | TrainingEnd::Recorded { epoch },
            ) => format!("training ended at epoch {epoch}"),
            Some(TrainingEnd::Other { reason }) => reason.clone(),
            Some(_) => "training ended".to_string(),
        };
        match excluded_from {
            None => ended,
            Some(PoolConfig::Seeds { .. }) => format!("{ended}, before the epoch pooled"),
            Some(_) => format!("{ended}, before the window fits"),
        }
    }
}

/// As files hold it; in format 1 in words.
#[derive(Deserialize)]
struct StoredSeedStatus {
    seed: u64,
    ended: Option<TrainingEnd>,
    status: Option<String>,
}

impl From<StoredSeedStatus> for SeedStatus {
    fn from(stored: StoredSeedStatus) -> Self {
        let in_words = stored.status.filter(|words| words != "ok").map(|words| {
            // Why it is excluded is known from the pool.
            let words = words.split(", before the ").next().unwrap_or_default();
            let epoch =
                words.strip_prefix("training diverged at epoch ").and_then(|epoch| epoch.parse().ok());
            match epoch {
                Some(epoch) => TrainingEnd::Diverged { epoch, loss: f32::NAN },
                None => TrainingEnd::Other { reason: words.into() },
            }
        });
        SeedStatus { seed: stored.seed, ended: stored.ended.or(in_words) }
    }
}

impl Experiment {
    /// Trains, pools the networks of the window, measures the pool, and writes the directory `out`, whose content it
    /// returns.
    ///
    /// Given a `run` of the same experiment, training continues from its last keyframe before the window; the networks are
    /// the same bit for bit. A window ends at the last epoch that its training run has: where a run ended early it ends
    /// there, and `progress` is notified. A run that ended, or diverged, before the window fits is excluded and named in
    /// [`AsIfRandomResult::seeds`]; the others are measured. So is, of a pool over seeds, a run that does not have the
    /// epoch; where no epoch is given, each that did not diverge gives its last network.
    ///
    /// The directory is locked while it is written, and resumable: after an interruption, or a kill, the same call into
    /// the same directory computes only the seeds that are missing. If `out` holds the complete result of the same
    /// settings, experiment and data, by this version, it is read and nothing is computed. Every byte of it is the same
    /// for any number of threads, and however often it was interrupted.
    ///
    /// Cost: the training; then, for M networks on n inputs, M forward passes, and the methods on M·n rows. Memory
    /// 4·M·n bytes for each unit and 4·M for each weight; seeds are pooled side by side as far as `options.memory`
    /// allows. The memory of the methods comes on top.
    ///
    /// # Errors
    /// [`ExperimentError::Value`] for settings that do not fit the experiment, and, before anything is trained, where
    /// the memory does not suffice for one pool; [`ExperimentError::EndedEarly`] if no training run has the window;
    /// [`ExperimentError::OtherResult`] if `out` holds another result; [`RunError::InUse`](crate::run::RunError::InUse)
    /// while another process writes to it; [`ExperimentError::Interrupted`] once `interrupt` is true; then as
    /// [`Experiment::run`].
    pub fn as_if_random(
        &self,
        settings: &AsIfRandom,
        run: Option<&RunDir>,
        out: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<AsIfRandomResult, ExperimentError> {
        self.as_if_random_on(Disk::default(), settings, run, out, options, progress, interrupt)
    }

    /// [`Experiment::as_if_random`] on a disk that may fail where a test says so.
    #[allow(clippy::too_many_arguments)] // those of the public call, and the disk
    fn as_if_random_on(
        &self,
        disk: Disk,
        settings: &AsIfRandom,
        run: Option<&RunDir>,
        out: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<AsIfRandomResult, ExperimentError> {
        settings.check(self)?;
        stoppable(interrupt, || {
            let prepared = self.prepare()?;
            self.as_if_random_of(disk, prepared, settings, run, out, options, progress, interrupt)
        })
    }

    /// Everything from the data on.
    #[allow(clippy::too_many_arguments)] // two ways lead here, and each has all of it at hand
    fn as_if_random_of(
        &self,
        disk: Disk,
        prepared: Prepared,
        settings: &AsIfRandom,
        run: Option<&RunDir>,
        out: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<AsIfRandomResult, ExperimentError> {
        let seeds = self.seed_list();
        let manifest = self.manifest(&prepared, &seeds)?;
        let data = self.data_facts(&prepared.dataset, &seeds, settings.inputs)?;
        let of = manifest.experiment().cloned().unwrap_or_default();
        let metadata = Metadata::new(&manifest, settings, data, of)?;
        if let Some(result) = directory::complete(out, &metadata)? {
            directory::remove_leftovers(&disk, out);
            return Ok(result);
        }
        let widths = self.widths(&prepared.dataset);
        let need = settings.check_memory(self, &widths, metadata.data.n_measured, options.memory)?;
        // Whether it can be written to is better known before hours of training than after.
        let (output, recovered) = match OutputDirectory::open(disk, out, &metadata)? {
            Opened::Complete(result) => return Ok(result),
            Opened::Incomplete(output, recovered) => (output, recovered),
        };
        if recovered.damaged > 0 {
            progress.warn(&format!(
                "{}: {} damaged lines skipped; what they held is computed again",
                printable_path(out.join("journal.jsonl")),
                recovered.damaged
            ));
        }

        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let across = matches!(settings.pool, PoolConfig::Seeds { .. });
        let fit = usize::try_from(options.memory / need.max(1)).unwrap_or(usize::MAX).max(1);
        let at_once = if across { threads } else { threads.min(fit) }.min(seeds.len()).max(1);
        let failed = AtomicBool::new(false);
        // As the directory says it: the same data may be in a file of another name by now.
        let mut result = recovered.metadata.unwrap_or(metadata).result(settings.clone());
        let methods = result.methods.clone();
        let collector = Collector {
            experiment: self,
            prepared: &prepared,
            run,
            settings,
            memory: options.memory.saturating_sub(need) / at_once as u64,
            progress,
            interrupt,
            failed: &failed,
            methods: &methods,
        };
        let computed = self.seed_results(&collector, &seeds, (threads, at_once), &output, recovered.seeds);
        let results = match computed {
            Ok(results) => results,
            Err(error) => {
                let is_worth_nothing = match &error {
                    // There never will be a pool.
                    ExperimentError::EndedEarly { .. } => true,
                    // It says that the result can be resumed.
                    ExperimentError::Run(RunError::Io { run: Some(_), .. }) => false,
                    _ => output.is_empty(),
                };
                if is_worth_nothing {
                    output.abandon();
                }
                return Err(error);
            }
        };
        let mut networks = Vec::new();
        let mut pools = Vec::new();
        for of_seed in results {
            match of_seed {
                SeedResult::Measured(status, measured) => {
                    result.seeds.push(status);
                    pools.push(measured);
                }
                SeedResult::Networks(of_seed) => {
                    result.seeds.push(of_seed.status);
                    networks.extend(of_seed.networks.ok());
                }
            }
        }
        if let Some(all) = networks.into_iter().reduce(NetworkSet::join) {
            let workers = worker_groups(threads, 1)?.remove(0);
            let measured = interrupt::catch(|| self.measure_networks(None, all, &collector, &workers));
            pools.push(of_stoppable(measured)?);
        }
        for measured in pools {
            result.rows.extend(measured.rows);
            result.drift.extend(measured.drift);
            result.window.extend(measured.window);
            result.overlap.extend(measured.overlap);
        }
        output.finish(&result)?;
        Ok(result)
    }

    /// The result of every seed, in their order; those that are not in `recovered` are computed and appended to the
    /// journal of `output`.
    fn seed_results(
        &self,
        collector: &Collector<'_>,
        seeds: &[u64],
        (threads, at_once): (usize, usize),
        output: &OutputDirectory,
        recovered: Vec<SeedResult>,
    ) -> Result<Vec<SeedResult>, ExperimentError> {
        let mut known: BTreeMap<u64, SeedResult> = BTreeMap::new();
        for of_seed in recovered {
            known.entry(of_seed.seed()).or_insert(of_seed);
        }
        let planned = collector.settings.pool.window().2.unwrap_or(self.training.epochs);
        for (&seed, of_seed) in &known {
            collector.progress.trained(planned);
            if let SeedResult::Measured(..) = of_seed {
                collector.progress.measured(seed, planned);
            }
        }
        let missing: Vec<u64> = seeds.iter().copied().filter(|seed| !known.contains_key(seed)).collect();
        let across = matches!(collector.settings.pool, PoolConfig::Seeds { .. });
        // Those that would be left over at the end come first, with the threads shared among them.
        let (first, others) = missing.split_at(missing.len() % at_once);
        for seeds in [first, others].into_iter().filter(|seeds| !seeds.is_empty()) {
            let groups = worker_groups(threads, seeds.len().min(at_once))?;
            let done = side_by_side(seeds, &groups, |seed, workers| {
                let mut fatal = OnDrop { flag: collector.failed, armed: true };
                let done = of_stoppable(interrupt::catch(|| {
                    let of_seed = match collector.collect(seed, workers)? {
                        SeedNetworks { status, networks: Ok(networks) } if !across => SeedResult::Measured(
                            status,
                            self.measure_networks(Some(seed), networks, collector, workers)?,
                        ),
                        of_seed => SeedResult::Networks(of_seed),
                    };
                    output.append(&of_seed)?;
                    Ok(of_seed)
                }));
                fatal.armed = done.is_err();
                done
            });
            let mut interrupted = false;
            for done in done {
                match done {
                    Some(Ok(of_seed)) => {
                        known.insert(of_seed.seed(), of_seed);
                    }
                    Some(Err(ExperimentError::Interrupted)) | None => interrupted = true,
                    Some(Err(error)) => return Err(error),
                }
            }
            if interrupted {
                return Err(ExperimentError::Interrupted);
            }
        }
        let results: Vec<SeedResult> = seeds.iter().filter_map(|seed| known.remove(seed)).collect();
        let excluded = |of_seed: &SeedResult| match of_seed {
            SeedResult::Networks(SeedNetworks { status, networks: Err(exclusion) }) => {
                Some(collector.settings.ended_early(self, status, *exclusion))
            }
            _ => None,
        };
        if results.iter().all(|of_seed| excluded(of_seed).is_some())
            && let Some(error) = results.first().and_then(excluded)
        {
            return Err(error);
        }
        Ok(results)
    }
}
