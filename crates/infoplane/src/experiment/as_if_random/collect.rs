//! The networks of one training that are taken as draws.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array2;
use rayon::prelude::*;

use super::check::value;
use super::{AsIfRandom, PoolConfig, SeedStatus};
use crate::experiment::config::Experiment;
use crate::experiment::error::ExperimentError;
use crate::experiment::prepare::Prepared;
use crate::experiment::run::Progress;
use crate::measure::Workers;
use crate::pool::{Draw, WindowRow};
use crate::run::{RunDir, RunError};
use crate::snapshot::SnapshotError;
use crate::train::{Keyframe, Replay, Trainer, TrainingEnd};
use crate::{Labels, Network};

/// What the trainings share.
pub(super) struct Collector<'a> {
    pub experiment: &'a Experiment,
    pub prepared: &'a Prepared,
    /// Where keyframes are.
    pub run: Option<&'a RunDir>,
    pub settings: &'a AsIfRandom,
    /// Bytes for states to go back to, of one training.
    pub memory: u64,
    pub progress: &'a dyn Progress,
    /// Somebody asked to stop.
    pub interrupt: &'a AtomicBool,
    /// Another training met something that ends it all.
    pub failed: &'a AtomicBool,
}

/// What came of one training.
pub(super) struct OfSeed {
    pub status: SeedStatus,
    /// Its networks, or the error that it is if no training has any.
    pub taken: Result<Collected, ExperimentError>,
}

/// Networks of a window, of one training or of several.
pub(super) struct Collected {
    pub draws: Vec<Draw>,
    pub networks: Vec<Network>,
    pub window: Vec<WindowRow>,
}

impl Collected {
    /// The networks of two trainings.
    pub fn join(mut self, other: Collected) -> Collected {
        self.draws.extend(other.draws);
        self.networks.extend(other.networks);
        self.window.extend(other.window);
        self
    }
}

impl Collector<'_> {
    pub fn stopped(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed) || self.failed.load(Ordering::Relaxed)
    }

    /// What the networks of one seed are measured on.
    pub fn subject(&self, seed: u64) -> Result<(Array2<f32>, Labels), ExperimentError> {
        let dataset = &self.prepared.dataset;
        let split = dataset.split_rows(self.experiment.dataset.split, seed)?;
        self.experiment.chosen_rows(dataset, &split, self.settings.inputs)
    }

    /// Trains with one seed and keeps the networks of the window.
    pub fn collect(&self, seed: u64, workers: &Workers) -> Result<OfSeed, ExperimentError> {
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
        let kept = Kept::of(self, seed, &trainer)?;
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

        // A training may end before the epoch that the window was to end at: then the window moves back.
        let mut end = planned;
        let mut ended = None;
        let failed = |source| match source {
            SnapshotError::Interrupted => ExperimentError::Interrupted,
            source => ExperimentError::Snapshot { seed, source },
        };
        let (steps, networks) = loop {
            // Where a window that was to end at the planned epoch does not fit, the settings are wrong; where a training
            // ended before, it has none, and the others go on.
            if end < planned
                && let Some(left_out) = self.left_out(seed, end, per_epoch, ended.as_ref())
            {
                progress.noticed(&format!("seed {seed}: {}; it is left out", left_out.status.status));
                return Ok(left_out);
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
            progress.noticed(&format!(
                "seed {seed}: the training ended at epoch {end}, so its networks are taken up to there"
            ));
        }
        let draws: Vec<Draw> = steps
            .into_iter()
            .map(|step| Draw { seed, epoch: step / per_epoch, step: step % per_epoch })
            .collect();
        let trainer = replay.trainer();
        let window = workers.install(|| {
            draws
                .par_iter()
                .zip(&networks)
                .map(|(&draw, network)| window_row(trainer, draw, network))
                .collect()
        });
        let status = diverged(ended.as_ref()).unwrap_or_else(|| SeedStatus::OK.into());
        Ok(OfSeed { status: SeedStatus { seed, status }, taken: Ok(Collected { draws, networks, window }) })
    }

    /// What is said of a training that ended at the epoch `end`, before it had what is to be pooled; `None` if it has.
    fn left_out(&self, seed: u64, end: u64, per_epoch: u64, ended: Option<&TrainingEnd>) -> Option<OfSeed> {
        let how = diverged(ended);
        let (before, why) = match self.settings.pool {
            // Without an epoch each training gives its last network; what is about to diverge is not what the others are.
            PoolConfig::Seeds { epoch: None } if how.is_none() => return None,
            PoolConfig::Seeds { epoch } => {
                let asked = epoch.unwrap_or(self.experiment.training.epochs);
                ("before the epoch pooled", format!("there is no network of epoch {asked}"))
            }
            _ => match self.steps(end, per_epoch) {
                Err(ExperimentError::Value { message, .. }) => ("before the window fits", message),
                _ => return None,
            },
        };
        let why = how.as_ref().map_or(why.clone(), |how| format!("{how}: {why}"));
        let source = Box::new(value(self.experiment, why));
        let how = how.unwrap_or_else(|| format!("training ended at epoch {end}"));
        let status = SeedStatus { seed, status: format!("{how}, {before}") };
        Some(OfSeed { status, taken: Err(ExperimentError::EndedEarly { seed, epoch: end, source }) })
    }

    /// The steps, from the beginning of the training, after which a network is taken, ascending; the last ends the epoch
    /// `end`.
    fn steps(&self, end: u64, per_epoch: u64) -> Result<Vec<u64>, ExperimentError> {
        let steps = matches!(self.settings.pool, PoolConfig::Steps { .. });
        self.settings.check_fit(self.experiment, end, steps.then_some(per_epoch))?;
        let (window, stride, _) = self.settings.pool.window();
        let stride = if steps { stride } else { stride.saturating_mul(per_epoch) };
        Ok((0..window as u64).rev().map(|back| end * per_epoch - back * stride).collect())
    }
}

fn diverged(ended: Option<&TrainingEnd>) -> Option<String> {
    match ended {
        Some(TrainingEnd::Diverged { epoch, .. }) => Some(format!("training diverged at epoch {epoch}")),
        _ => None,
    }
}

fn window_row(trainer: &Trainer, draw: Draw, network: &Network) -> WindowRow {
    let (loss, accuracy) = trainer.evaluate_network(network);
    let weights = network.layers.iter().flat_map(|layer| &layer.weights);
    let squares: f64 = weights.map(|&weight| f64::from(weight).powi(2)).sum();
    WindowRow { draw, train_loss: loss.into(), train_accuracy: accuracy.into(), weight_norm: squares.sqrt() }
}

/// The keyframes on the disk that belong to a training.
struct Kept<'a> {
    collector: &'a Collector<'a>,
    seed: u64,
    epochs: Vec<u64>,
}

impl<'a> Kept<'a> {
    fn of(collector: &'a Collector<'a>, seed: u64, trainer: &Trainer) -> Result<Self, RunError> {
        let mut epochs = match collector.run {
            Some(run) => run.keyframes(seed)?,
            None => Vec::new(),
        };
        let mut probe = trainer.twin();
        // All are of one training; whether it is this one, any of them tells.
        let fits = epochs.iter().find_map(|&epoch| {
            let keyframe = collector.run?.read_keyframe(seed, epoch).ok()?;
            Some(probe.restore(&keyframe))
        });
        if let (Some(Err(error)), Some(run)) = (fits, collector.run) {
            let path = run.path().display();
            collector.progress.noticed(&format!(
                "seed {seed}: the keyframes in {path} do not fit: {error}; training from the beginning"
            ));
            epochs.clear();
        }
        Ok(Kept { collector, seed, epochs })
    }

    /// The latest one after the epoch `after` and not after `at_most`; damaged ones are passed over.
    fn latest(&self, after: u64, at_most: u64) -> Option<Keyframe> {
        let candidates = self.epochs.iter().rev().filter(|&&epoch| epoch > after && epoch <= at_most);
        for &epoch in candidates {
            match self.collector.run?.read_keyframe(self.seed, epoch) {
                Ok(keyframe) => return Some(keyframe),
                Err(error) => self
                    .collector
                    .progress
                    .noticed(&format!("{error}; training again from the keyframe before it")),
            }
        }
        None
    }
}
