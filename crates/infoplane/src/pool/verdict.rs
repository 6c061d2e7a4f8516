//! What may be claimed of a pooled layer, and the thresholds of it.

use serde::{Deserialize, Serialize};

/// From so many networks on, drift can be told from chance: 32 independent draws have a drift of 2/√32 = 0.35.
pub const LEAST_DRAWS: usize = 32;

/// A layer drifts if movement / spread is above this: as much as 16 independent draws have. Whatever the number of
/// networks, so few places were seen; a random walk has 2.
pub const MOST_DRIFT: f64 = 0.5;

/// The value has not settled if the last doubling of M changes it by more, or if its correction is larger: a tenth of a
/// bit is what can be told on a figure of 12 bits.
pub const MOST_CHANGE_BITS: f64 = 0.1;

/// A layer whose clouds have less entropy than this, and whose I(X;T) pooling does not change, is at one place, however its
/// weights drift: they move less than what the method resolves.
pub const MOST_ENTROPY_AT_REST_BITS: f64 = 0.5;

/// Consecutive networks are compared with spread ones in stretches of this part of the window.
pub const STRETCHES: usize = 16;

/// A difference between one network and many below this is too small to be divided.
pub(super) const LEAST_SHARED_BITS: f64 = 0.05;

/// H(T|X) nearer than this to its limit log2 M says that nearly every draw of an input is in a cell of its own: whether the
/// clouds of two inputs overlap cannot be told, however steady I(X;T) looks.
pub const LEAST_BELOW_LIMIT_BITS: f64 = 1.0;

/// What may be claimed of a pooled layer.
///
/// Asked in this order, because each question needs the one before it:
///
/// 1. Fewer than [`LEAST_DRAWS`] networks: [`TooFewDraws`](Verdict::TooFewDraws), as not even drift can be told.
/// 2. H(T|X) below [`MOST_ENTROPY_AT_REST_BITS`] and I(X;T) within [`MOST_CHANGE_BITS`] of that of one network:
///    [`Settled`](Verdict::Settled). Drift has no scale of its own: weights that hardly move may move steadily.
/// 3. Drift above [`MOST_DRIFT`], in the layer or one before it: [`StillDrifting`](Verdict::StillDrifting). This before
///    the next, since more networks do not help: a longer window drifts further.
/// 4. The last doubling or the correction above [`MOST_CHANGE_BITS`], or H(T|X) within [`LEAST_BELOW_LIMIT_BITS`] of
///    log2 M: [`TooFewDraws`](Verdict::TooFewDraws).
/// 5. Else [`Settled`](Verdict::Settled).
///
/// [`PooledLayer::too_few_draws`] and [`PooledLayer::still_drifting`] tell both of a layer of which both are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The weights fluctuate about a place, or hardly move, and the value no longer changes with M.
    Settled,
    /// The weights move on: what looks like randomness is in part the way they went.
    StillDrifting,
    /// The value still changes with M.
    TooFewDraws,
}

impl Verdict {
    /// As figures print it.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Settled => "settled",
            Verdict::StillDrifting => "still drifting",
            Verdict::TooFewDraws => "too few draws",
        }
    }
}
