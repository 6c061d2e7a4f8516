//! Detects overflow.

use fearless_simd::{Level, dispatch, prelude::*};

/// Returns whether no value is NaN or infinite; a remainder shorter than a vector is checked too.
pub(crate) fn all_finite(level: Level, values: &[f32]) -> bool {
    dispatch!(level, simd => run(simd, values))
}

#[inline(always)]
fn run<S: Simd>(simd: S, values: &[f32]) -> bool {
    // 0 · x is zero for finite x and NaN otherwise, and a NaN never leaves a sum.
    let zero = S::f32s::splat(simd, 0.0);
    let mut sum = zero;
    let mut chunks = values.chunks_exact(S::f32s::LEN);
    for chunk in &mut chunks {
        sum = zero.mul_add_precise(S::f32s::from_slice(simd, chunk), sum);
    }
    sum.as_slice().iter().all(|lane| *lane == 0.0) && chunks.remainder().iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use infoplane_estimators::simd::level;

    #[test]
    fn one_overflow_anywhere_is_seen() {
        for n in [1, 16, 35] {
            for bad in [f32::NAN, f32::INFINITY, -f32::INFINITY] {
                for place in 0..n {
                    let mut values = vec![-f32::MAX; n];
                    assert!(all_finite(level(), &values));
                    values[place] = bad;
                    assert!(!all_finite(level(), &values));
                }
            }
        }
    }
}
