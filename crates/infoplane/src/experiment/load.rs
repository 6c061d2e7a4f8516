//! An experiment from a preset, a file or a table, and back to a table.

use std::path::Path;

use toml::{Table, Value};

use super::config::Experiment;
use super::error::ExperimentError;
use super::overrides::{put, set_all};
use super::preset::PRESETS;
use super::suggest::{nearest, read};

impl Experiment {
    /// The experiment called `name`: a preset, or else a TOML file; with `key=value` overrides.
    ///
    /// A preset whose settings are changed, here or in a copy of its file, is called "tishby2017, modified" and has no
    /// `reference`. The number of seeds, the schedule, keyframes and the place of the data may change without that.
    ///
    /// Relative paths in a file start from the directory that holds it; in overrides, from the working directory.
    ///
    /// A key is the path through the tables, `training.optimizer.learning_rate`; lists are counted from 0,
    /// `estimators.0.bins`. A value is TOML, or failing that a string.
    ///
    /// # Errors
    /// [`ExperimentError`] names the file and the key, what was given and what is allowed.
    ///
    /// ```
    /// use infoplane::experiment::Experiment;
    /// let short = Experiment::load("saxe2018-relu", &["training.epochs=100".into(), "seeds=2".into()])?;
    /// assert_eq!((short.training.epochs, short.seeds), (100, 2));
    ///
    /// let error = Experiment::load("tishby2017", &["training.epoch=100".into()]).unwrap_err();
    /// assert!(error.to_string().contains("did you mean `epochs`?"));
    /// # Ok::<(), infoplane::experiment::ExperimentError>(())
    /// ```
    pub fn load(name: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        if let Some(preset) = PRESETS.iter().find(|preset| preset.name == name) {
            return Experiment::from_toml(&format!("preset {name}"), preset.toml, overrides);
        }
        let path = Path::new(name);
        if !path.exists() && path.extension().is_none() {
            let nearest = nearest(name, PRESETS.iter().map(|preset| preset.name));
            return Err(ExperimentError::UnknownExperiment { given: name.into(), nearest });
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| ExperimentError::Unreadable { path: path.into(), source })?;
        let mut experiment = Experiment::from_toml(name, &text, overrides)?;
        let overridden = overrides.iter().any(|given| given.trim_start().starts_with("dataset"));
        if let Some(folder) = path.parent()
            && !overridden
        {
            experiment.dataset.source = experiment.dataset.source.relative_to(folder);
        }
        Ok(experiment)
    }

    /// The experiment that a TOML text describes, with overrides; `origin` names the text in messages.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn from_toml(origin: &str, text: &str, overrides: &[String]) -> Result<Self, ExperimentError> {
        let mut table: Table = text.parse().map_err(|error: toml::de::Error| ExperimentError::Syntax {
            origin: origin.into(),
            message: error.to_string(),
        })?;
        set_all(&mut table, overrides)?;
        Ok(Experiment::from_table(origin, table)?.without_false_claims())
    }

    /// The experiment with `key=value` overrides on top.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn overridden(&self, overrides: &[String]) -> Result<Self, ExperimentError> {
        let mut table = self.to_table();
        set_all(&mut table, overrides)?;
        Ok(Experiment::from_table(&self.name, table)?.without_false_claims())
    }

    /// The experiment that a table describes.
    ///
    /// # Errors
    /// As [`Experiment::load`].
    pub fn from_table(origin: &str, table: Table) -> Result<Self, ExperimentError> {
        Ok(Experiment::with_table(origin, table)?.0)
    }

    /// The experiment that a table describes, and [its table](Experiment::to_table).
    pub(crate) fn with_table(origin: &str, given: Table) -> Result<(Self, Table), ExperimentError> {
        let mut experiment: Experiment = read(origin, &given)?;
        let table = experiment.to_table();
        // As the manifest will say it: a run that goes on from there must compute with the same numbers.
        if table != given {
            experiment = read(origin, &table)?;
        }
        experiment.check(origin)?;
        Ok((experiment, table))
    }

    /// Reads another table than that of an experiment, with the same words for what is wrong.
    pub(crate) fn read_keys<T: serde::de::DeserializeOwned>(
        origin: &str,
        table: Table,
    ) -> Result<T, ExperimentError> {
        read(origin, &table)
    }

    /// Puts a value at the end of a path through the tables of an experiment.
    pub(crate) fn put(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
        put(table, key, value)
    }

    /// The experiment with every choice spelled out, as TOML.
    pub fn to_table(&self) -> Table {
        let mut table = Table::try_from(self).expect("an experiment has only string keys and finite nesting");
        table.iter_mut().for_each(|(_, value)| shorten(value));
        table
    }
}

/// Single-precision settings become doubles with a long tail, 0.00039999998989515007; as people write them, 0.0004,
/// they are the same single.
pub(super) fn shorten(value: &mut Value) {
    match value {
        Value::Float(number) if f64::from(*number as f32) == *number => {
            if let Ok(short) = (*number as f32).to_string().parse() {
                *number = short;
            }
        }
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| shorten(value)),
        Value::Array(list) => list.iter_mut().for_each(shorten),
        _ => {}
    }
}
