//! The measurements of a pool: the rows of `pool.jsonl`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plane::{MethodDescription, Missing};

/// How the networks of a smaller pool are chosen from the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// Evenly spaced over the window (all of it for M = window): network k of subset p, counted back from the last of
    /// the window, is ⌊(k P + p) window / (M P)⌋ networks before it. There are P = min(⌊window / M⌋, 4) subsets.
    #[serde(alias = "spread")]
    Strided,
    /// M networks in succession, at most half of the window. Subset 0 ends where the second half of the window
    /// begins, subset 1 with the last network.
    #[serde(alias = "consecutive")]
    Contiguous,
}

impl Spacing {
    /// `strided` or `contiguous`.
    pub const fn name(self) -> &'static str {
        match self {
            Spacing::Strided => "strided",
            Spacing::Contiguous => "contiguous",
        }
    }
}

/// The estimates of one method for one layer of one pool of networks.
///
/// Information is in bits, and absent where the method does not give it.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolRow {
    /// The seed of the training run; absent for a pool over seeds.
    pub seed: Option<u64>,
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// The method.
    pub method: Arc<MethodDescription>,
    /// M, the number of networks pooled.
    pub n_networks: usize,
    /// How they are chosen from the window.
    pub spacing: Spacing,
    /// Which of the disjoint subsets of this size and spacing, from 0.
    pub subset: usize,
    /// H(T) as the method defines it: of bins; for noise H(T + noise) − H(noise). It is the information between T
    /// and the row, that is, the pair of input and network.
    pub h_t_bits: Option<f64>,
    /// I(X;T) = H(T) − H(T|X).
    pub i_xt_bits: Option<f64>,
    /// I(T;Y) = H(T) − H(T|Y).
    pub i_ty_bits: Option<f64>,
    /// I(X;T) after the inputs were permuted within each network: the bias of M networks, and nothing else.
    pub control_bits: Option<f64>,
    /// The number of values outside the bins.
    pub out_of_range: u64,
    /// Why the layer, or one of its values, could not be measured.
    pub missing: Option<Arc<Missing>>,
}

impl PoolRow {
    /// H(T|X) = H(T) − I(X;T).
    pub fn h_t_given_x_bits(&self) -> Option<f64> {
        Some(self.h_t_bits? - self.i_xt_bits?)
    }

    /// H(T|Y) = H(T) − I(T;Y).
    pub fn h_t_given_y_bits(&self) -> Option<f64> {
        Some(self.h_t_bits? - self.i_ty_bits?)
    }
}
