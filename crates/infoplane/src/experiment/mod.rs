//! A whole experiment, as a TOML file describes it, and running it.

mod config;
mod preset;
mod run;

pub use config::{DatasetConfig, Experiment, ExperimentError, MeasuredOn, NetworkConfig, OneOrEach};
pub use preset::{PRESETS, Preset};
pub use run::{Progress, RunSummary};
