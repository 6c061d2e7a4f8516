//! What was measured of a pool: a line of `pool.jsonl`.

use serde::{Deserialize, Serialize};

use crate::Bound;

/// Which networks of the window make a smaller pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// Spread over the window (all of it for M = window): network k of part p, counted from the last of the window back, is
    /// ⌊(k P + p) window / (M P)⌋ networks before that one. There are P = min(⌊window / M⌋, 4) parts.
    Spread,
    /// One after the other: M networks, at most half of the window. Part 0 ends where the second half of the window
    /// begins, part 1 with the last network.
    Consecutive,
}

/// What one setting of an estimator said about one layer of one pool of networks.
///
/// All in bits, and absent where the method cannot give it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoolRow {
    /// The seed of the training; absent for a pool over trainings.
    pub seed: Option<u64>,
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// The method, by its name in configuration files.
    pub estimator: String,
    /// Its setting, as figures print it.
    pub setting: String,
    /// Which bound on I(X;T), for a method that gives bounds.
    pub bound: Option<Bound>,
    /// M, the number of networks pooled.
    pub draws: usize,
    /// Which networks of the window these are.
    pub spacing: Spacing,
    /// Which of the disjoint pools of so many networks, from 0.
    pub part: usize,
    /// H(T) of what the method measures: of bins; for noise H(T + noise) − H(noise). It is the information between T
    /// and which row it is, input and network.
    pub h_t_bits: Option<f64>,
    /// I(X;T) = H(T) − H(T|X).
    pub i_xt_bits: Option<f64>,
    /// I(T;Y) = H(T) − H(T|Y).
    pub i_ty_bits: Option<f64>,
    /// I(X;T) after the inputs were permuted within each network: nothing but the bias of so many draws.
    pub control_bits: Option<f64>,
    /// How many values lay outside the bins.
    pub out_of_range: u64,
    /// `ok`, or why the layer, or one of its values, could not be measured.
    pub status: String,
}

impl PoolRow {
    /// The status of a row that holds all its values.
    pub const OK: &'static str = "ok";

    /// H(T|X) = H(T) − I(X;T).
    pub fn h_t_given_x_bits(&self) -> Option<f64> {
        Some(self.h_t_bits? - self.i_xt_bits?)
    }

    /// H(T|Y) = H(T) − I(T;Y).
    pub fn h_t_given_y_bits(&self) -> Option<f64> {
        Some(self.h_t_bits? - self.i_ty_bits?)
    }
}
