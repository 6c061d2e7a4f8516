//! The as-if-random experiment: late weights, or many seeds, treated as samples of one distribution.

mod check;
mod collect;
mod directory;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::config::Experiment;
use super::error::ExperimentError;
use super::run::{OnDrop, Progress, RunOptions, side_by_side, worker_groups};
use crate::estimator::{
    BinRange, BinRule, BinnedConfig, Correction, EstimatorConfig, LayerRange, Method, RangeScope,
};
use crate::measure::Workers;
use crate::pool::{
    DriftRow, DriftTracker, OverlapRow, Pool, PoolRow, PoolSubject, WindowRow, corrected_by_counts,
    measure_pool_unless, overlaps,
};
use crate::run::{DataFacts, Disk, RunDir};
use crate::{Information, Labels, LayerDescription, Variable};

use collect::{Collector, NetworkSet};
use directory::Metadata;

/// What is pooled, and how it is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AsIfRandom {
    /// Which networks.
    pub pool: PoolConfig,
    /// The number of inputs that are measured, evenly spaced; all unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<usize>,
    /// The estimators that each layer is measured with.
    pub estimators: Vec<EstimatorConfig>,
}

impl Default for AsIfRandom {
    /// The last 256 epochs of each training run, all inputs, 30 equal bins on the range of each layer over the whole pool.
    fn default() -> Self {
        let binned = BinnedConfig {
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
        PoolConfig::Epochs { window: 256, stride: 1, last: None }
    }
}

/// Which networks are pooled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "over", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PoolConfig {
    /// Of every training run the networks at the end of `window` epochs, `stride` epochs apart, up to `last`.
    Epochs {
        /// The number of networks.
        window: usize,
        /// Epochs between successive networks.
        stride: u64,
        /// The last epoch; the last of the training run unless given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u64>,
    },
    /// Likewise after single mini-batch steps.
    Steps {
        /// The number of networks.
        window: usize,
        /// Steps between successive networks.
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
}

/// How a training run ended; in `as-if-random.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedStatus {
    /// The seed of the training run.
    pub seed: u64,
    /// `ok`; or that and when it diverged, or ended before the window fits.
    pub status: String,
}

impl SeedStatus {
    /// The status of a training run that has the window and did not diverge.
    pub const OK: &str = "ok";
}

impl Experiment {
    /// Trains, pools the networks of the window, measures the pool, and writes the directory `out`, whose content it
    /// returns.
    ///
    /// Given a `run` of the same experiment, training continues from its last keyframe before the window; the networks are
    /// the same bit for bit. A window ends at the last epoch that its training has, so where
    /// a training ended early it ends there, and `progress` is told. A training that ended, or diverged, before the window
    /// fits is left out and named in [`AsIfRandomResult::seeds`]; the others are measured. So is, of a pool over seeds, a
    /// training that has no such epoch; where no epoch is given, each that did not diverge gives its last network.
    ///
    /// If `out` holds the result of the same settings, experiment and data already, by this version, it is read and
    /// nothing is computed. Every byte of it is the same for any number of threads.
    ///
    /// Cost: the training; then, for M networks on n inputs, M forward passes, and the methods on M·n rows. Memory
    /// 4·M·n bytes for each unit and 4·M for each weight; trainings are pooled side by side as far as `options.memory`
    /// allows. What the methods need comes on top.
    ///
    /// # Errors
    /// [`ExperimentError::Value`] for settings that do not fit the experiment, and, before anything is trained, where
    /// the memory does not suffice for one pool; [`ExperimentError::EndedEarly`] if no training has the window; [`ExperimentError::OtherResult`] if `out` holds another result;
    /// [`ExperimentError::Interrupted`] once `interrupt` is true; then as [`Experiment::run`].
    pub fn as_if_random(
        &self,
        settings: &AsIfRandom,
        run: Option<&RunDir>,
        out: &Path,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<AsIfRandomResult, ExperimentError> {
        settings.check(self)?;
        let prepared = self.prepare()?;
        let seeds = self.seed_list();
        let manifest = self.manifest(&prepared, &seeds)?;
        let data = self.data_facts(&prepared.dataset, &seeds, settings.inputs)?;
        let metadata = Metadata::new(&manifest, settings, data)?;
        if let Some(result) = directory::existing(out, &metadata)? {
            return Ok(result);
        }
        let widths = self.widths(&prepared.dataset);
        let need = settings.check_memory(self, &widths, metadata.data.n_measured, options.memory)?;
        // Whether it can be written to is better known before hours of training than after.
        let output = directory::OutputDirectory::new(Disk::default(), out)?;

        let threads = match options.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let across = matches!(settings.pool, PoolConfig::Seeds { .. });
        let fit = usize::try_from(options.memory / need.max(1)).unwrap_or(usize::MAX).max(1);
        let at_once = if across { threads } else { threads.min(fit) }.min(seeds.len()).max(1);
        let failed = AtomicBool::new(false);
        let collector = Collector {
            experiment: self,
            prepared: &prepared,
            run,
            settings,
            memory: options.memory.saturating_sub(need) / at_once as u64,
            progress,
            interrupt,
            failed: &failed,
        };
        let mut pools = Vec::with_capacity(seeds.len());
        let mut networks = Vec::new();
        let mut statuses = Vec::with_capacity(seeds.len());
        let mut excluded = Vec::new();
        // Those that would be left over at the end come first, with the threads shared among them.
        let (first, others) = seeds.split_at(seeds.len() % at_once);
        for seeds in [first, others] {
            let groups = worker_groups(threads, seeds.len().min(at_once))?;
            let done = side_by_side(seeds, &groups, |seed, workers| {
                let mut fatal = OnDrop { flag: &failed, armed: true };
                let done = collector.collect(seed, workers).and_then(|of_seed| {
                    let networks = match of_seed.networks {
                        Ok(collected) if across => Ok((Some(collected), PoolMeasurement::default())),
                        Ok(collected) => {
                            Ok((None, self.measure_networks(Some(seed), collected, &collector, workers)?))
                        }
                        Err(why) => Err(why),
                    };
                    Ok((of_seed.status, networks))
                });
                fatal.armed = done.is_err();
                done
            });
            let mut interrupted = false;
            for done in done {
                match done {
                    Some(Ok((status, done))) => {
                        statuses.push(status);
                        match done {
                            Ok((collected, measured)) => {
                                networks.extend(collected);
                                pools.push(measured);
                            }
                            Err(why) => excluded.push(why),
                        }
                    }
                    Some(Err(ExperimentError::Interrupted)) | None => interrupted = true,
                    Some(Err(error)) => return Err(error),
                }
            }
            if interrupted {
                return Err(ExperimentError::Interrupted);
            }
        }
        if excluded.len() == seeds.len()
            && let Some(why) = excluded.into_iter().next()
        {
            return Err(why);
        }
        if let Some(all) = networks.into_iter().reduce(NetworkSet::join) {
            let workers = worker_groups(threads, 1)?.remove(0);
            pools.push(self.measure_networks(None, all, &collector, &workers)?);
        }
        let mut result = metadata.result(settings.clone());
        result.seeds = statuses;
        for measured in pools {
            result.rows.extend(measured.rows);
            result.drift.extend(measured.drift);
            result.window.extend(measured.window);
            result.overlap.extend(measured.overlap);
        }
        output.write(metadata, &result)?;
        Ok(result)
    }

    /// Pools networks and measures them; `seed` is absent for a pool over seeds.
    fn measure_networks(
        &self,
        seed: Option<u64>,
        collected: NetworkSet,
        collector: &Collector<'_>,
        workers: &Workers,
    ) -> Result<PoolMeasurement, ExperimentError> {
        let NetworkSet { sources, networks, window } = collected;
        // The same for all seeds that are pooled together.
        let (inputs, y) = collector.subject(sources.first().map_or(0, |source| source.seed))?;
        let measured = workers.install(|| {
            let pooled = sources.iter().copied().zip(&networks);
            let pool = match self.network.quantised_bits {
                None => Pool::of(pooled, inputs.view()),
                Some(bits) => Pool::of_quantised(pooled, inputs.view(), bits),
            };
            // Between seeds there is no drift.
            let drift = seed.map_or(Vec::new(), |seed| DriftTracker::of(seed, &networks));
            drop(networks);
            if collector.stopped() {
                return Err(ExperimentError::Interrupted);
            }
            let ranges = self.ranges(&pool, &collector.settings.estimators);
            let x = Labels::from_rows(inputs.view());
            let subject = PoolSubject { seed, x: &x, y: &y };
            let estimators = &collector.settings.estimators;
            let stopped = || collector.stopped();
            let rows = measure_pool_unless(&pool, subject, estimators, &ranges, &stopped);
            let Some(mut rows) = rows.filter(|_| !stopped()) else {
                return Err(ExperimentError::Interrupted);
            };
            let (corrected, overlap) = of_cells(&pool, subject, estimators, &ranges, &rows);
            rows.extend(corrected);
            Ok(PoolMeasurement { rows, drift, window, overlap })
        })?;
        if let Some(last) = sources.last() {
            collector.progress.measured(last.seed, last.epoch);
        }
        Ok(measured)
    }

    /// What the layers' values cover, over the whole pool.
    fn ranges(&self, pool: &Pool, estimators: &[EstimatorConfig]) -> Vec<LayerRange> {
        let observed = estimators.iter().any(Method::needs_observed_range);
        let mut ranges: Vec<LayerRange> = pool
            .layers
            .par_iter()
            .zip(self.nonlinearities())
            .map(|(t, nonlinearity)| {
                let mut range = LayerRange { activation: nonlinearity.range(), ..LayerRange::default() };
                if observed {
                    // Enough values for steady quantiles, few enough to keep.
                    range.observe(Variable::Single(t.view()), 1 << 16);
                }
                range
            })
            .collect();
        let run = ranges.iter().filter_map(LayerRange::layer).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
        ranges.iter_mut().for_each(|range| range.run = run);
        ranges
    }
}

/// The measurements of one pool.
#[derive(Debug, Default)]
struct PoolMeasurement {
    rows: Vec<PoolRow>,
    drift: Vec<DriftRow>,
    window: Vec<WindowRow>,
    overlap: Vec<OverlapRow>,
}

/// What cells give beyond the measuring call, layer by layer: for every method of plug-in entropies of cells a row of
/// corrected ones, and in the cells of the first such method the overlap of the distributions p(t | x).
fn of_cells(
    pool: &Pool,
    subject: PoolSubject<'_>,
    estimators: &[EstimatorConfig],
    ranges: &[LayerRange],
    rows: &[PoolRow],
) -> (Vec<PoolRow>, Vec<OverlapRow>) {
    let of_layer = |(layer, (t, range)): (usize, (&Array2<f32>, &LayerRange))| {
        let (mut corrected, mut overlap) = (Vec::new(), None);
        for config in estimators {
            // Why a layer has no cells is in its rows of the pool.
            let Ok(estimator) = config.estimator(range) else { continue };
            let Ok(Some(symbols)) = estimator.symbols(Variable::Single(t.view())) else { continue };
            let (cells, setting) = (symbols.labels, estimator.setting());
            overlap.get_or_insert_with(|| overlaps(&cells, subject, layer + 1, &setting));
            let measured = rows.iter().find(|row| {
                row.layer == layer + 1
                    && row.estimator == config.about().name
                    && row.setting == setting
                    && row.n_networks == pool.n_networks()
                    && row.i_xt_bits.is_some()
            });
            let plain =
                matches!(config, EstimatorConfig::Binned(config) if config.correction == Correction::PlugIn);
            let row = measured.filter(|_| plain).and_then(|row| corrected_by_counts(&cells, subject, row));
            // It may have been asked for as a method of its own.
            let is_new = |row: &PoolRow| !rows.iter().any(|other| other.setting == row.setting);
            corrected.extend(row.filter(is_new));
        }
        (corrected, overlap.unwrap_or_default())
    };
    let layers: Vec<_> = pool.layers.par_iter().zip(ranges).enumerate().map(of_layer).collect();
    let (corrected, overlap): (Vec<_>, Vec<_>) = layers.into_iter().unzip();
    (corrected.into_iter().flatten().collect(), overlap.into_iter().flatten().collect())
}
