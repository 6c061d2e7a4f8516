//! Nonlinearities and their derivatives, over whole slices.

use fearless_simd::{Level, dispatch, prelude::*};

use crate::Nonlinearity;
use crate::vector_math::{exp_m1, normal_distribution, sigmoid, softplus, tanh};
use infoplane_estimators::simd::{max, min};

/// Returns whether f′ cannot be computed from f(z) alone.
pub(crate) fn slope_needs_input(nonlinearity: Nonlinearity) -> bool {
    nonlinearity == Nonlinearity::Gelu
}

/// Replaces every z by f(z). `z` is `(width, stride)`, unit-major; softmax is taken over the units.
pub(crate) fn activate(level: Level, nonlinearity: Nonlinearity, z: &mut [f32], stride: usize) {
    macro_rules! each {
        ($simd:ident, $z:ident => $f:expr) => {{
            #[inline(always)]
            fn run<S: Simd>($simd: S, values: &mut [f32]) {
                for chunk in values.chunks_exact_mut(S::f32s::LEN) {
                    let $z = S::f32s::from_slice($simd, chunk);
                    let t: S::f32s = $f;
                    t.store_slice(chunk);
                }
            }
            dispatch!(level, simd => run(simd, z))
        }};
    }
    match nonlinearity {
        Nonlinearity::Linear => {}
        Nonlinearity::Tanh => each!(simd, z => tanh(simd, z)),
        // The second operand of a maximum is the one that passes NaN on.
        Nonlinearity::Relu => each!(simd, z => max(S::f32s::splat(simd, 0.0), z)),
        Nonlinearity::LeakyRelu => each!(simd, z => max(z * S::f32s::splat(simd, 0.01), z)),
        Nonlinearity::Elu => each!(simd, z => {
            let zero = S::f32s::splat(simd, 0.0);
            z.simd_gt(zero).select(z, exp_m1(simd, min(zero, z)))
        }),
        Nonlinearity::Gelu => each!(simd, z => z * normal_distribution(simd, z).0),
        Nonlinearity::Sigmoid => each!(simd, z => sigmoid(simd, z)),
        Nonlinearity::HardTanh => each!(simd, z => {
            min(S::f32s::splat(simd, 1.0), max(S::f32s::splat(simd, -1.0), z))
        }),
        Nonlinearity::Softplus => each!(simd, z => softplus(simd, z)),
        Nonlinearity::Softsign => each!(simd, z => z / (z.abs() + S::f32s::splat(simd, 1.0))),
        Nonlinearity::Softmax => dispatch!(level, simd => softmax(simd, z, stride)),
    }
}

#[inline(always)]
fn softmax<S: Simd>(simd: S, z: &mut [f32], stride: usize) {
    let length = S::f32s::LEN;
    for column in (0..stride).step_by(length) {
        // Without the greatest z the exponential overflows from 89 on.
        let mut greatest = S::f32s::from_slice(simd, &z[column..][..length]);
        for row in z.chunks_exact(stride) {
            greatest = max(greatest, S::f32s::from_slice(simd, &row[column..][..length]));
        }
        let mut sum = S::f32s::splat(simd, 0.0);
        for row in z.chunks_exact_mut(stride) {
            let row = &mut row[column..][..length];
            let e = crate::vector_math::exp(simd, S::f32s::from_slice(simd, row) - greatest);
            e.store_slice(row);
            sum += e;
        }
        for row in z.chunks_exact_mut(stride) {
            let row = &mut row[column..][..length];
            (S::f32s::from_slice(simd, row) / sum).store_slice(row);
        }
    }
}

/// Multiplies every delta by f′(z), with f′ told from t = f(z). For softmax see the loss.
///
/// At the kinks of ReLU, leaky ReLU and hard tanh the slope is that of the flatter side.
pub(crate) fn multiply_slope(level: Level, nonlinearity: Nonlinearity, t: &[f32], delta: &mut [f32]) {
    macro_rules! each {
        ($simd:ident, $t:ident, $delta:ident => $f:expr) => {{
            #[inline(always)]
            fn run<S: Simd>($simd: S, t: &[f32], delta: &mut [f32]) {
                for (t, chunk) in t.chunks_exact(S::f32s::LEN).zip(delta.chunks_exact_mut(S::f32s::LEN)) {
                    let $t = S::f32s::from_slice($simd, t);
                    let $delta = S::f32s::from_slice($simd, chunk);
                    let product: S::f32s = $f;
                    product.store_slice(chunk);
                }
            }
            dispatch!(level, simd => run(simd, t, delta))
        }};
    }
    match nonlinearity {
        Nonlinearity::Linear | Nonlinearity::Softmax => {}
        Nonlinearity::Tanh => {
            each!(simd, t, delta => delta * (-t).mul_add_precise(t, S::f32s::splat(simd, 1.0)))
        }
        Nonlinearity::Relu => each!(simd, t, delta => {
            let zero = S::f32s::splat(simd, 0.0);
            t.simd_gt(zero).select(delta, zero)
        }),
        Nonlinearity::LeakyRelu => each!(simd, t, delta => {
            t.simd_gt(S::f32s::splat(simd, 0.0)).select(delta, delta * S::f32s::splat(simd, 0.01))
        }),
        Nonlinearity::Elu => each!(simd, t, delta => {
            delta * (S::f32s::splat(simd, 1.0) + min(S::f32s::splat(simd, 0.0), t))
        }),
        Nonlinearity::Gelu => unreachable!("the slope of GELU needs z"),
        Nonlinearity::Sigmoid => each!(simd, t, delta => delta * (-t).mul_add_precise(t, t)),
        Nonlinearity::HardTanh => each!(simd, t, delta => {
            t.abs().simd_lt(S::f32s::splat(simd, 1.0)).select(delta, S::f32s::splat(simd, 0.0))
        }),
        // t = ln(1 + eᶻ) gives σ(z) = 1 − e⁻ᵗ.
        Nonlinearity::Softplus => each!(simd, t, delta => -delta * exp_m1(simd, -t)),
        Nonlinearity::Softsign => each!(simd, t, delta => {
            let rest = S::f32s::splat(simd, 1.0) - t.abs();
            delta * rest * rest
        }),
    }
}

/// The slope f′(z) from z itself, for the nonlinearities of which [`slope_needs_input`] holds.
pub(crate) fn multiply_slope_from(level: Level, z: &[f32], delta: &mut [f32]) {
    #[inline(always)]
    fn gelu<S: Simd>(simd: S, z: &[f32], delta: &mut [f32]) {
        for (z, chunk) in z.chunks_exact(S::f32s::LEN).zip(delta.chunks_exact_mut(S::f32s::LEN)) {
            let z = S::f32s::from_slice(simd, z);
            // (z Φ)′ = Φ + z φ
            let (distribution, density) = normal_distribution(simd, z);
            (S::f32s::from_slice(simd, chunk) * z.mul_add_precise(density, distribution)).store_slice(chunk);
        }
    }
    dispatch!(level, simd => gelu(simd, z, delta))
}

#[cfg(test)]
mod tests {
    use super::*;
    use infoplane_estimators::simd::same_at_every_level;

    const ALL: [Nonlinearity; 11] = [
        Nonlinearity::Linear,
        Nonlinearity::Tanh,
        Nonlinearity::Relu,
        Nonlinearity::LeakyRelu,
        Nonlinearity::Elu,
        Nonlinearity::Gelu,
        Nonlinearity::Sigmoid,
        Nonlinearity::HardTanh,
        Nonlinearity::Softplus,
        Nonlinearity::Softsign,
        Nonlinearity::Softmax,
    ];

    #[test]
    fn values_and_slopes_have_the_same_bits_at_every_level() {
        let (width, stride) = (5, 64);
        let z: Vec<f32> = (0..width * stride).map(|i| (i as f32 * 0.731).rem_euclid(60.0) - 30.0).collect();
        let with_zeros: Vec<f32> = z.iter().map(|&z| if z < -25.0 { -0.0 } else { z / 4.0 }).collect();
        for nonlinearity in ALL {
            for z in [&z, &with_zeros] {
                let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<u32>>();
                same_at_every_level(|level| {
                    let mut t = z.clone();
                    activate(level, nonlinearity, &mut t, stride);
                    let mut delta: Vec<f32> = z.iter().rev().copied().collect();
                    if slope_needs_input(nonlinearity) {
                        multiply_slope_from(level, z, &mut delta);
                    } else {
                        multiply_slope(level, nonlinearity, &t, &mut delta);
                    }
                    (bits(&t), bits(&delta))
                });
            }
        }
    }
}
