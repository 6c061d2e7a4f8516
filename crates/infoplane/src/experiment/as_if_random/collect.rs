//! Collects the networks of one training run that are pooled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array2;
use rayon::prelude::*;

use super::{AsIfRandom, PoolConfig, SeedStatus};
use crate::experiment::config::Experiment;
use crate::experiment::error::ExperimentError;
use crate::experiment::prepare::Prepared;
use crate::experiment::run::Progress;
use crate::math;
use crate::measure::Workers;
use crate::plane::MethodDescription;
use crate::pool::{NetworkSource, WindowRow};
use crate::printable::printable_path;
use crate::run::{RunDir, RunError};
use crate::snapshot::SnapshotError;
use crate::train::{Keyframe, Replay, Trainer, TrainingEnd};
use crate::{Labels, Network};

/// What the training runs share.
pub(super) struct Collector<'a> {
    pub experiment: &'a Experiment,
    pub prepared: &'a Prepared,
    /// Where keyframes are.
    pub run: Option<&'a RunDir>,
    pub settings: &'a AsIfRandom,
    /// Bytes for the states that one training run can return to.
    pub memory: u64,
    pub progress: &'a dyn Progress,
    /// Set by the caller to stop.
    pub interrupt: &'a AtomicBool,
    /// Set when another training run failed.
    pub failed: &'a AtomicBool,
    /// The methods of the pool.
    pub methods: &'a [Arc<MethodDescription>],
}

/// The result of one training run.
pub(super) struct SeedNetworks {
    pub status: SeedStatus,
    /// Its networks, or why it has none to pool.
    pub networks: Result<NetworkSet, Exclusion>,
}

/// A training run that ended before it had the networks to be pooled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exclusion {
    /// The last epoch that it has.
    pub epoch: u64,
    /// The steps of each of its epochs.
    pub steps_per_epoch: u64,
}

/// Networks of a window, of one training run or of several.
pub(super) struct NetworkSet {
    pub sources: Vec<NetworkSource>,
    pub networks: Vec<Network>,
    pub window: Vec<WindowRow>,
}

impl NetworkSet {
    /// The networks of two training runs.
    pub fn join(mut self, other: NetworkSet) -> NetworkSet {
        self.sources.extend(other.sources);
        self.networks.extend(other.networks);
        self.window.extend(other.window);
        self
    }
}

impl Collector<'_> {
    pub fn stopped(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    /// The inputs, and their labels, that the networks of one seed are measured on.
    pub fn subject(&self, seed: u64) -> Result<(Array2<f32>, Labels), ExperimentError> {
        let dataset = &self.prepared.dataset;
        let split = dataset.split_rows(self.experiment.dataset.split, seed)?;
        self.experiment.chosen_rows(dataset, &split, self.settings.inputs)
    }

    /// Trains with one seed and keeps the networks of the window.
    pub fn collect(&self, seed: u64, workers: &Workers) -> Result<SeedNetworks, ExperimentError> {
        let Collector { experiment, prepared, settings, progress, .. } = *self;
        let split = prepared.dataset.split_rows(experiment.dataset.split, seed)?;
        let trainer = experiment.trainer(prepared, &split, seed)?;
        let per_epoch = trainer.steps_per_epoch();
        let planned = settings.pool.window().2.unwrap_or(experiment.training.epochs);
        let first = self.steps(planned, per_epoch)?[0] / per_epoch;

        let on_epoch = |trainer: &Trainer| {
            if trainer.epoch() > 0 {
                progress.trained(1);
            }
            if self.stopped() { Err(SnapshotError::Interrupted) } else { Ok(()) }
        };
        let kept = KeptKeyframes::of(self, seed, &trainer)?;
        let memory = usize::try_from(self.memory).unwrap_or(usize::MAX);
        let replay = match kept.latest(0, first) {
            Some(keyframe) => {
                progress.trained(keyframe.epoch);
                Replay::resume(trainer, &keyframe, memory, on_epoch)?
            }
            None => Replay::new(trainer, memory, on_epoch),
        };
        let mut replay = replay
            .with_stored(|after, at_most| kept.latest(after, at_most))
            .with_interrupt(|| self.stopped());

        // A training run may end before the epoch at which the window was to end: then the window moves back.
        let mut end = planned;
        let mut ended = None;
        let failed = |source| match source {
            SnapshotError::Interrupted => ExperimentError::Interrupted,
            source => ExperimentError::Snapshot { seed, source },
        };
        let (steps, networks) = loop {
            // Where a window that was to end at the planned epoch does not fit, the settings are wrong; where a training
            // run ended before, it is excluded, and the others continue.
            if end < planned && self.is_excluded(end, per_epoch, ended.as_ref()) {
                let status = SeedStatus { seed, ended };
                let how = status.describe(Some(&settings.pool));
                progress.warn(&format!("seed {seed}: {how}; it is excluded"));
                let exclusion = Exclusion { epoch: end, steps_per_epoch: per_epoch };
                return Ok(SeedNetworks { status, networks: Err(exclusion) });
            }
            let steps = self.steps(end, per_epoch)?;
            let mut training = match replay.training_at(steps[0] / per_epoch) {
                Ok(training) => training,
                Err(SnapshotError::Ended { last, .. }) => {
                    end = last;
                    ended = replay.ended();
                    continue;
                }
                Err(error) => return Err(failed(error)),
            };
            let mut networks = Vec::with_capacity(steps.len());
            let mut wanted = steps.iter().copied().peekable();
            let mut take = |training: &Trainer| {
                if wanted.next_if_eq(&training.steps()).is_some() {
                    networks.push(training.network());
                }
            };
            take(&training);
            let reached = loop {
                if training.epoch() == end || training.ended().is_some() {
                    break training.epoch();
                }
                if self.stopped() {
                    return Err(ExperimentError::Interrupted);
                }
                match training.step_epoch_by_steps(&mut take) {
                    Ok(()) => progress.trained(1),
                    Err(SnapshotError::Diverged { epoch, .. }) => break epoch - 1,
                    Err(error) => return Err(failed(error)),
                }
            };
            if reached == end {
                break (steps, networks);
            }
            end = reached;
            ended = training.ended();
        };
        if end < planned {
            progress.warn(&format!("seed {seed}: training ended at epoch {end}; its window ends there"));
        }
        let sources: Vec<NetworkSource> = steps
            .into_iter()
            .map(|step| NetworkSource { seed, epoch: step / per_epoch, step: step % per_epoch })
            .collect();
        let trainer = replay.trainer();
        let window = workers.install(|| {
            sources
                .par_iter()
                .zip(&networks)
                .map(|(&source, network)| window_row(trainer, source, network))
                .collect()
        });
        Ok(SeedNetworks {
            status: SeedStatus { seed, ended },
            networks: Ok(NetworkSet { sources, networks, window }),
        })
    }

    /// Whether a training run that ended at the epoch `end` does not have the networks to be pooled.
    fn is_excluded(&self, end: u64, per_epoch: u64, ended: Option<&TrainingEnd>) -> bool {
        match self.settings.pool {
            // Without an epoch each training run gives its last network; one about to diverge is not like the others.
            PoolConfig::Seeds { epoch: None } => matches!(ended, Some(TrainingEnd::Diverged { .. })),
            PoolConfig::Seeds { epoch: Some(_) } => true,
            _ => self.settings.check_fit_of_training(self.experiment, end, per_epoch).is_err(),
        }
    }

    /// The steps, from the beginning of the training run, after which a network is pooled, ascending; the last ends the
    /// epoch `end`.
    fn steps(&self, end: u64, per_epoch: u64) -> Result<Vec<u64>, ExperimentError> {
        self.settings.check_fit_of_training(self.experiment, end, per_epoch)?;
        let (window, stride, _) = self.settings.pool.window();
        let steps = matches!(self.settings.pool, PoolConfig::Steps { .. });
        let stride = if steps { stride } else { stride.saturating_mul(per_epoch) };
        Ok((0..window as u64).rev().map(|back| end * per_epoch - back * stride).collect())
    }
}

fn window_row(trainer: &Trainer, source: NetworkSource, network: &Network) -> WindowRow {
    let (loss, accuracy) = trainer.evaluate_network(network);
    let weights = network.layers.iter().flat_map(|layer| &layer.weights);
    let squares: f64 = weights.map(|&weight| math::powi(f64::from(weight), 2)).sum();
    WindowRow {
        network: source,
        train_loss: Some(loss.into()),
        train_accuracy: Some(accuracy.into()),
        weight_norm: squares.sqrt(),
    }
}

/// The keyframes on the disk that belong to a training run.
struct KeptKeyframes<'a> {
    collector: &'a Collector<'a>,
    seed: u64,
    epochs: Vec<u64>,
}

impl<'a> KeptKeyframes<'a> {
    fn of(collector: &'a Collector<'a>, seed: u64, trainer: &Trainer) -> Result<Self, RunError> {
        let mut epochs = match collector.run {
            Some(run) => run.keyframes(seed)?,
            None => Vec::new(),
        };
        let mut probe = trainer.duplicate();
        // All belong to one training run; any of them shows whether it is this one.
        let fits = epochs.iter().find_map(|&epoch| {
            let keyframe = collector.run?.read_keyframe(seed, epoch).ok()?;
            Some(probe.restore(&keyframe))
        });
        if let (Some(Err(error)), Some(run)) = (fits, collector.run) {
            let path = printable_path(run.path());
            collector.progress.warn(&format!(
                "seed {seed}: the keyframes in {path} do not fit: {error}; training from the beginning"
            ));
            epochs.clear();
        }
        Ok(KeptKeyframes { collector, seed, epochs })
    }

    /// The latest one after the epoch `after` and not after `at_most`; damaged ones are skipped.
    fn latest(&self, after: u64, at_most: u64) -> Option<Keyframe> {
        let candidates = self.epochs.iter().rev().filter(|&&epoch| epoch > after && epoch <= at_most);
        for &epoch in candidates {
            match self.collector.run?.read_keyframe(self.seed, epoch) {
                Ok(keyframe) => return Some(keyframe),
                Err(error) => self
                    .collector
                    .progress
                    .warn(&format!("{error}; training continues from the keyframe before it")),
            }
        }
        None
    }
}
