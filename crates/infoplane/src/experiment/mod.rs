//! A whole experiment, as a TOML file describes it, and running it.

mod as_if_random;
mod config;
mod difference;
mod keyframes;
mod prepare;
mod preset;
mod run;
mod seed;
#[cfg(test)]
mod tests;

pub use as_if_random::{AsIfRandom, AsIfRandomResult, PoolConfig, SeedStatus};
pub use config::{DatasetConfig, Experiment, ExperimentError, MeasuredOn, NetworkConfig, OneOrEach};
pub use keyframes::KeyframesConfig;
pub use preset::{PRESETS, Preset};
pub use run::{Progress, RunOptions, RunSummary, Work};
