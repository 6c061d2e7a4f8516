//! Continues a result that was interrupted, knowing nothing but its directory.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::directory::remove_leftovers;
use super::metadata::{Metadata, read_metadata, read_result};
use super::{AsIfRandom, AsIfRandomResult};
use crate::directory::{Disk, Lock, RunError, parent};
use crate::experiment::config::Experiment;
use crate::experiment::difference::differences;
use crate::experiment::error::ExperimentError;
use crate::experiment::repair::REPAIR;
use crate::experiment::run::{Progress, RunOptions, stoppable};
use crate::run::{RunDir, State};

impl Experiment {
    /// Reads from the directory of an as-if-random result, complete or not, which experiment it is of and what is pooled.
    ///
    /// # Errors
    /// [`RunError`] if the directory holds no such result.
    pub fn of_as_if_random(path: &Path) -> Result<(Experiment, AsIfRandom), ExperimentError> {
        let metadata = Metadata::read(path)?;
        Ok((metadata.experiment(path)?, metadata.settings(path)?))
    }

    /// Continues the as-if-random result in the directory `path`, which was interrupted or killed; if it is complete, reads
    /// it.
    ///
    /// Seeds that the journal holds are not computed again. Where the directory lies in that of a run of the same
    /// experiment, training continues from the run's keyframes. If `asked` is given it must be the experiment of the
    /// result; only its data may lie elsewhere. The bytes are those of an uninterrupted computation.
    ///
    /// # Errors
    /// [`ExperimentError::Changed`] if `asked` differs, [`ExperimentError::DataOfRun`] if the data cannot be read,
    /// [`ExperimentError::DataChanged`] if they differ, [`ExperimentError::VersionChanged`] if another version began it;
    /// [`RunError`] if the directory holds no such result; then as [`Experiment::as_if_random`].
    pub fn resume_as_if_random(
        path: &Path,
        asked: Option<&Experiment>,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<AsIfRandomResult, ExperimentError> {
        Experiment::resume_as_if_random_on(Disk::default(), path, asked, options, progress, interrupt)
    }

    /// [`Experiment::resume_as_if_random`] on a disk that may fail where a test says so.
    pub(super) fn resume_as_if_random_on(
        disk: Disk,
        path: &Path,
        asked: Option<&Experiment>,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<AsIfRandomResult, ExperimentError> {
        stoppable(interrupt, || {
            Experiment::resume_as_if_random_watched(disk, path, asked, options, progress, interrupt)
        })
    }

    fn resume_as_if_random_watched(
        disk: Disk,
        path: &Path,
        asked: Option<&Experiment>,
        options: RunOptions,
        progress: &dyn Progress,
        interrupt: &AtomicBool,
    ) -> Result<AsIfRandomResult, ExperimentError> {
        let metadata = Metadata::read(path)?;
        if let Some(asked) = asked {
            let mut experiment = metadata.experiment(path)?;
            experiment.take_source_of(asked, path)?;
        }
        if let Some((outcome, named_in)) = metadata.outcome(path)? {
            let result = read_result(path, &metadata, outcome, named_in)?;
            remove_leftovers(&disk, path);
            return Ok(result);
        }
        let settings = metadata.settings(path)?;
        let experiment = match asked {
            Some(asked) => asked.clone(),
            None => metadata.experiment(path)?,
        };
        let version = env!("CARGO_PKG_VERSION");
        if metadata.infoplane_version != version {
            return Err(ExperimentError::VersionChanged {
                path: path.into(),
                then: metadata.infoplane_version,
                now: version.into(),
            });
        }
        let prepared = experiment.prepare().map_err(|error| match error {
            ExperimentError::Dataset(source) if asked.is_none() => {
                ExperimentError::DataOfRun { path: path.into(), source: Box::new(source) }
            }
            error => error,
        })?;
        let (then, now) = (metadata.data.digest, prepared.dataset.digest());
        if then != now {
            return Err(ExperimentError::DataChanged { path: path.into(), then, now });
        }
        let run = run_around(path, &experiment);
        experiment.as_if_random_of(
            disk,
            prepared,
            &settings,
            run.as_ref(),
            path,
            options,
            progress,
            interrupt,
        )
    }
}

/// The run of this experiment in whose directory that of the result lies.
fn run_around(path: &Path, experiment: &Experiment) -> Option<RunDir> {
    // What is mended is computed in a directory inside that of the result.
    let path = if path.ends_with(REPAIR) { parent(path) } else { path };
    let (run, manifest) = RunDir::open(parent(path)).ok()?;
    let same = differences(manifest.experiment()?, &experiment.to_table()).is_empty();
    same.then_some(run)
}

impl AsIfRandomResult {
    /// Whether the result in the directory is complete, is being computed, or can be resumed.
    ///
    /// # Errors
    /// [`RunError`] if the directory holds no such result.
    pub fn state(directory: &Path) -> Result<State, RunError> {
        let metadata = Metadata::read(directory)?;
        if metadata.outcome(directory)?.is_some() {
            return Ok(State::Finished);
        }
        Ok(match Lock::holder(directory) {
            Some(process) => State::Running { process: Some(process) },
            None => State::Interrupted,
        })
    }
}

impl Metadata {
    fn read(directory: &Path) -> Result<Metadata, RunError> {
        match read_metadata(directory)? {
            Some((metadata, _)) => Ok(metadata),
            None => Err(Metadata::missing(directory)),
        }
    }

    fn experiment(&self, directory: &Path) -> Result<Experiment, ExperimentError> {
        let file = directory.join(super::metadata::METADATA);
        if self.experiment.contains_key(super::networks::RECORDED) {
            return Err(ExperimentError::Value {
                origin: file.display().to_string(),
                message: "its networks were trained by another program; run that program again, into the same directory".into(),
            });
        }
        Experiment::from_table(&file.display().to_string(), self.experiment.clone())
    }
}
