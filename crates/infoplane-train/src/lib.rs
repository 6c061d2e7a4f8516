//! Small dense neural networks and their deterministic training.
//!
//! - [`Network`]: dense layers with their weights; [`Network::activations`] computes the output of each.
//! - [`train::Trainer`]: mini-batch training, epoch by epoch; the weights are a function of the settings, the data and the
//!   seed alone.
//! - [`train::Replay`]: the network of any epoch, by retraining from the nearest stored state; it is a [`Snapshots`], as
//!   is anything else that can produce a network, or activations, by the number of an epoch.
//!
//! ```
//! use infoplane_train::{Labels, Network, Nonlinearity, network::Initialization};
//! use infoplane_train::train::{TrainConfig, Trainer};
//! use ndarray::array;
//! let inputs = array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
//! let xor = Labels::from_symbols(&[0, 1, 1, 0]);
//! let kinds = [Nonlinearity::Tanh, Nonlinearity::Softmax];
//! let network = Network::initialized(&[2, 8, 2], &kinds, &Initialization::default(), 1)?;
//! let mut trainer = Trainer::new(&TrainConfig::default(), network, inputs.view(), &xor, &[0, 1, 2, 3], &[], 1)?;
//! trainer.step_epoch()?;
//! assert_eq!(trainer.epoch(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Tests may compare with the platform's functions.
#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod inputs;
pub mod network;
pub mod snapshot;
pub mod train;
mod vector_math;

pub use infoplane_estimators::{Labels, Variable};
pub use inputs::Inputs;
/// Matrices: what data and activations are made of.
pub use ndarray;
pub use network::{Activations, Layer, Network, Nonlinearity};
pub use snapshot::{Observe, Snapshot, Snapshots};

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
