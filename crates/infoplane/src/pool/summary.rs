//! What the pools of a window say together.

use serde::{Deserialize, Serialize};

use super::{PoolRow, RestRow};
use crate::Bound;
use crate::plane::Mean;

/// What may be claimed of a pooled layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The weights fluctuate about a place and the value no longer changes with M.
    Settled,
    /// The weights move on: what looks like randomness is in part the way they went.
    StillDrifting,
    /// The value still changes with M.
    TooFewDraws,
}

/// The values at one M: means over disjoint pools.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledPoint {
    /// M.
    pub draws: usize,
    /// H(T).
    pub h_t_bits: Option<Mean>,
    /// H(T|X).
    pub h_t_given_x_bits: Option<Mean>,
    /// I(X;T).
    pub i_xt_bits: Option<Mean>,
    /// I(T;Y).
    pub i_ty_bits: Option<Mean>,
    /// I(X;T) of the shuffled control.
    pub control_bits: Option<Mean>,
}

/// One layer of one training, by one setting of an estimator.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledLayer {
    /// The seed of the training; absent for a pool over trainings.
    pub seed: Option<u64>,
    /// The layer, from 1.
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// The method.
    pub estimator: String,
    /// Its setting.
    pub setting: String,
    /// Which bound, for a method that gives bounds.
    pub bound: Option<Bound>,
    /// By M, ascending; pools spread over the window.
    pub trend: Vec<PooledPoint>,
    /// Mean I(X;T) of the two halves of the window.
    pub halves_i_xt_bits: Option<f64>,
    /// I(X;T) continued to infinitely many draws by the trend in 1/M.
    pub corrected_i_xt_bits: Option<f64>,
    /// What may be claimed.
    pub verdict: Verdict,
}

/// Puts the rows together, layer by layer, in the order of their first row.
pub fn pooled_layers(_rows: &[PoolRow], _rest: &[RestRow]) -> Vec<PooledLayer> {
    Vec::new()
}
