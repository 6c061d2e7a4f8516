//! Loss functions.

use fearless_simd::{Level, dispatch, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TrainError;
use crate::Nonlinearity;
use crate::network::kernels::{activate, multiply_slope, multiply_slope_from, slope_needs_input};
use crate::vector_math::{exp, ln, sigmoid, softplus};
use infoplane_estimators::simd::{LANES, max, sum};

/// The loss of a sample with output t and target y; training minimises its mean.
///
/// An output layer with one unit per class is compared with the one-hot code of the class. An output layer of
/// one unit, for two classes, is compared with 0 (first class) and 1 (second class), whatever its
/// nonlinearity: a tanh unit then uses the upper half of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Loss {
    /// −ln t of the right class, in nats; for a softmax output.
    #[default]
    SoftmaxCrossEntropy,
    /// −Σ y ln t + (1 − y) ln(1 − t) over the output units, in nats; for a sigmoid output.
    SigmoidBinaryCrossEntropy,
    /// The mean of (t − y)² over the output units; for any output but softmax.
    SquaredError,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Loss::SoftmaxCrossEntropy => "softmax-cross-entropy",
            Loss::SigmoidBinaryCrossEntropy => "sigmoid-binary-cross-entropy",
            Loss::SquaredError => "squared-error",
        })
    }
}

impl Loss {
    /// Returns whether this loss can follow an output layer.
    pub(crate) fn check_output(self, output: Nonlinearity) -> Result<(), TrainError> {
        let (good, needed) = match self {
            Loss::SoftmaxCrossEntropy => (output == Nonlinearity::Softmax, "a softmax output"),
            Loss::SigmoidBinaryCrossEntropy => (output == Nonlinearity::Sigmoid, "a sigmoid output"),
            Loss::SquaredError => (output != Nonlinearity::Softmax, "any output but softmax"),
        };
        if good { Ok(()) } else { Err(TrainError::LossNeeds { loss: self, needed, given: output }) }
    }

    /// Returns the summed loss of a batch, and its derivative by z.
    ///
    /// `z` is `(width, stride)`, unit-major, before the output nonlinearity, because cross-entropy computed from
    /// rounded probabilities would be infinite too soon. `shares` is the weight of each sample in the mean,
    /// 0 for the columns that only fill the last vector. `z` may be overwritten; `delta` is written.
    pub(crate) fn evaluate(
        self,
        level: Level,
        output: Nonlinearity,
        z: &mut [f32],
        targets: &[f32],
        shares: &[f32],
        delta: &mut [f32],
    ) -> f32 {
        match self {
            Loss::SoftmaxCrossEntropy => dispatch!(level, simd => softmax(simd, z, targets, shares, delta)),
            Loss::SigmoidBinaryCrossEntropy => {
                dispatch!(level, simd => binary(simd, z, targets, shares, delta))
            }
            Loss::SquaredError => {
                // The derivative of GELU is computed from z, the others from t.
                let before = slope_needs_input(output).then(|| z.to_vec());
                activate(level, output, z, shares.len());
                let loss = dispatch!(level, simd => squared(simd, z, targets, shares, delta));
                match before {
                    Some(before) => multiply_slope_from(level, &before, delta),
                    None => multiply_slope(level, output, z, delta),
                }
                loss
            }
        }
    }
}

#[inline(always)]
fn softmax<S: Simd>(simd: S, z: &[f32], targets: &[f32], shares: &[f32], delta: &mut [f32]) -> f32 {
    let (length, stride) = (S::f32s::LEN, shares.len());
    let load = |slice: &[f32], at: usize| S::f32s::from_slice(simd, &slice[at..][..length]);
    // The vectors that hold a sum of sixteen lanes.
    let mut totals = [S::f32s::splat(simd, 0.0); LANES];
    for column in (0..stride).step_by(length) {
        let total = &mut totals[column % LANES / length];
        let mut greatest = load(z, column);
        for at in (column..z.len()).step_by(stride) {
            greatest = max(greatest, load(z, at));
        }
        let (mut sum, mut right) = (S::f32s::splat(simd, 0.0), S::f32s::splat(simd, 0.0));
        for at in (column..z.len()).step_by(stride) {
            let z = load(z, at) - greatest;
            let e = exp(simd, z);
            sum += e;
            right = load(targets, at).mul_add_precise(z, right);
            e.store_slice(&mut delta[at..][..length]);
        }
        let share = load(shares, column);
        *total = share.mul_add_precise(ln(simd, sum) - right, *total);
        let scale = share / sum;
        for at in (column..z.len()).step_by(stride) {
            let e = load(delta, at);
            e.mul_sub_precise(scale, share * load(targets, at)).store_slice(&mut delta[at..][..length]);
        }
    }
    sum::<S>(&totals[..LANES / length])
}

#[inline(always)]
fn binary<S: Simd>(simd: S, z: &[f32], targets: &[f32], shares: &[f32], delta: &mut [f32]) -> f32 {
    let (length, stride) = (S::f32s::LEN, shares.len());
    let load = |slice: &[f32], at: usize| S::f32s::from_slice(simd, &slice[at..][..length]);
    let mut totals = [S::f32s::splat(simd, 0.0); LANES];
    for at in (0..z.len()).step_by(length) {
        let total = &mut totals[at % LANES / length];
        let (z, y, share) = (load(z, at), load(targets, at), load(shares, at % stride));
        // −y ln σ(z) − (1 − y) ln(1 − σ(z)) = ln(1 + eᶻ) − y z
        *total = share.mul_add_precise(softplus(simd, z) - y * z, *total);
        (share * (sigmoid(simd, z) - y)).store_slice(&mut delta[at..][..length]);
    }
    sum::<S>(&totals[..LANES / length])
}

#[inline(always)]
fn squared<S: Simd>(simd: S, t: &[f32], targets: &[f32], shares: &[f32], delta: &mut [f32]) -> f32 {
    let (length, stride) = (S::f32s::LEN, shares.len());
    let load = |slice: &[f32], at: usize| S::f32s::from_slice(simd, &slice[at..][..length]);
    let per_unit = S::f32s::splat(simd, stride as f32 / t.len() as f32);
    let mut totals = [S::f32s::splat(simd, 0.0); LANES];
    for at in (0..t.len()).step_by(length) {
        let total = &mut totals[at % LANES / length];
        let difference = load(t, at) - load(targets, at);
        let weighted = load(shares, at % stride) * per_unit * difference;
        *total = weighted.mul_add_precise(difference, *total);
        (weighted + weighted).store_slice(&mut delta[at..][..length]);
    }
    sum::<S>(&totals[..LANES / length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use infoplane_estimators::simd::same_at_every_level;

    #[test]
    fn losses_and_their_derivatives_have_the_same_bits_at_every_level() {
        for (loss, output) in [
            (Loss::SoftmaxCrossEntropy, Nonlinearity::Softmax),
            (Loss::SigmoidBinaryCrossEntropy, Nonlinearity::Sigmoid),
            (Loss::SquaredError, Nonlinearity::Tanh),
            (Loss::SquaredError, Nonlinearity::Gelu),
        ] {
            // One vector, several, and a number of samples that fills the last in part.
            for (width, stride, n) in [(2, 16, 16), (1, 80, 77), (10, 64, 50)] {
                let z: Vec<f32> =
                    (0..width * stride).map(|i| (i as f32 * 1.37).rem_euclid(7.0) - 3.5).collect();
                let targets: Vec<f32> =
                    (0..width * stride).map(|i| f32::from(u8::from(i / stride == i % width))).collect();
                let shares: Vec<f32> =
                    (0..stride).map(|s| if s < n { 1.0 / n as f32 } else { 0.0 }).collect();
                same_at_every_level(|level| {
                    let (mut z, mut delta) = (z.clone(), vec![0.0; z.len()]);
                    let loss = loss.evaluate(level, output, &mut z, &targets, &shares, &mut delta);
                    (loss.to_bits(), delta.iter().map(|delta| delta.to_bits()).collect::<Vec<u32>>())
                });
            }
        }
    }
}
