//! A whole experiment, as a TOML file describes it, and running it.

mod as_if_random;
mod check;
mod claim;
mod config;
mod difference;
mod error;
mod keyframes;
mod keys;
mod load;
mod overrides;
#[cfg(test)]
mod parts_tests;
mod prepare;
mod preset;
mod repair;
mod run;
#[cfg(test)]
mod scaling_tests;
mod seed;
mod suggest;
#[cfg(test)]
mod tests;
mod witness;

pub use as_if_random::{AsIfRandom, AsIfRandomResult, GivenNetwork, GivenNetworks, PoolConfig, SeedStatus};
pub use config::{DatasetConfig, Experiment, MeasuredOn, NetworkConfig, OneOrEach};
pub use error::ExperimentError;
pub use keyframes::KeyframesConfig;
pub use keys::{Choice, Key, Presence, estimator_keys, json_schema, keys};
pub use overrides::override_value;
pub use preset::{PRESETS, Preset};
pub use repair::Repair;
pub use run::{Progress, RunOptions, RunSummary, Work};
pub use suggest::{nearest, plain_types};
