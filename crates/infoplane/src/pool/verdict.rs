//! What may be claimed of a pooled layer, and the thresholds for it.

use serde::{Deserialize, Serialize};

/// The least number of networks from which drift can be told from chance: 32 independent samples have a drift of
/// 2/√32 = 0.35.
pub const MIN_NETWORKS: usize = 32;

/// The largest drift, `mean_shift / fluctuation`, of weights that count as stationary: that of 16 independent samples.
/// A random walk has 2.
pub const MAX_DRIFT: f64 = 0.5;

/// The largest change of I(X;T), in bits, by the last doubling of M or by the correction, of a value that counts as
/// independent of M: a tenth of a bit is what can be read from a figure of 12 bits.
pub const MAX_CHANGE_BITS: f64 = 0.1;

/// The largest H(T|X), in bits, of a layer that counts as unchanged by pooling: its activations move by less than the
/// method resolves.
pub const MAX_UNCHANGED_ENTROPY_BITS: f64 = 0.5;

/// Contiguous and strided subsets are compared at this fraction, 1/16, of the window.
pub const DRIFT_SHARE_DIVISOR: usize = 16;

/// A smaller difference between one network and a pool is too small to be divided.
pub(super) const MIN_DIFFERENCE_BITS: f64 = 0.05;

/// The least distance of H(T|X) from its limit log2 M, in bits. Nearer than this, almost every network puts an input
/// into a cell of its own: whether the distributions of two inputs overlap cannot be told, even if I(X;T) is constant.
pub const MIN_GAP_TO_LIMIT_BITS: f64 = 1.0;

/// What may be claimed of a pooled layer.
///
/// The conditions are checked in this order, because each needs the one before it:
///
/// 1. Fewer than [`MIN_NETWORKS`] networks: [`TooFewNetworks`](Verdict::TooFewNetworks); drift cannot be told from
///    chance.
/// 2. H(T|X) at most [`MAX_UNCHANGED_ENTROPY_BITS`] and I(X;T) within [`MAX_CHANGE_BITS`] of that of one network:
///    [`Stationary`](Verdict::Stationary) if the drift is at most [`MAX_DRIFT`], otherwise
///    [`Unchanged`](Verdict::Unchanged). Drift has no scale of its own: weights that hardly move may move steadily.
/// 3. Drift above [`MAX_DRIFT`], in the layer or one before it: [`Drifting`](Verdict::Drifting). More networks do not
///    help, because a longer window drifts further.
/// 4. The last doubling or the correction above [`MAX_CHANGE_BITS`], or H(T|X) within [`MIN_GAP_TO_LIMIT_BITS`] of
///    log2 M: [`TooFewNetworks`](Verdict::TooFewNetworks).
/// 5. Otherwise [`Stationary`](Verdict::Stationary).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The weights fluctuate without drift, and the value no longer changes with M.
    Stationary,
    /// The weights drift, but by less than the method resolves: pooling changes nothing.
    Unchanged,
    /// The weights drift: what looks like randomness is in part the path that they took.
    Drifting,
    /// The value still changes with M.
    TooFewNetworks,
}

impl Verdict {
    /// All verdicts, from the strongest claim to the weakest.
    pub const ALL: [Verdict; 4] =
        [Verdict::Stationary, Verdict::Unchanged, Verdict::Drifting, Verdict::TooFewNetworks];

    /// As tables and figures print it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Stationary => "stationary",
            Verdict::Unchanged => "unchanged",
            Verdict::Drifting => "drifting",
            Verdict::TooFewNetworks => "too few networks",
        }
    }
}
