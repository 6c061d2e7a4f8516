//! Elementary functions with the same bits on every system.
//!
//! `f64::ln` and its like are those of the platform's mathematical library, which differ in their last bits between
//! systems and between versions of one. These are the crate `libm`: additions, multiplications and divisions alone, in
//! an order that is fixed by its source. `clippy.toml` refuses the others. Square roots, absolute values, rounding to
//! whole numbers and fused multiply-adds are exact or rounded once everywhere, and stay methods.
//!
//! Errors are below one unit in the last place, except where said.

#![allow(missing_docs, reason = "each is the function of its name")]

use fearless_simd::{Simd, dispatch};

pub use libm::{
    acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, cos, cosh, exp, exp2, expm1 as exp_m1, hypot,
    log as ln, log1p as ln_1p, log2, log10, pow as powf, sin, sincos as sin_cos, sinh, tan, tanh,
};

/// 10ⁿ, correctly rounded.
pub fn power_of_ten(n: i32) -> f64 {
    // Powers that are multiplied are not those that people write.
    format!("1e{n}").parse().expect("a number of that form")
}

/// xⁿ by repeated squaring; the error grows with the number of multiplications, at most two for each bit of n.
pub fn powi(x: f64, n: i32) -> f64 {
    let (mut square, mut rest, mut product) = (x, n.unsigned_abs(), 1.0);
    while rest > 0 {
        if rest % 2 == 1 {
            product *= square;
        }
        square *= square;
        rest /= 2;
    }
    if n < 0 { 1.0 / product } else { product }
}

/// Replaces every value x ≤ 0 by exp(x), several at a time.
///
/// The error is below two units in the last place; below −708, where results leave the normal numbers, they are 0. The
/// operations are additions and multiplications in one order, so that the bits do not depend on the vectors.
pub(crate) fn exp_of_negative(values: &mut [f64]) {
    dispatch!(crate::simd::level(), simd => exp_of_negative_by(simd, values));
}

/// 1/k! for k = 13 to 2: on |r| ≤ ½ ln 2 the next term of the series is below 4e-18.
const FACTORIALS: [f64; 12] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];

#[inline(always)]
fn exp_of_negative_by<S: Simd>(simd: S, values: &mut [f64]) {
    /// 1.5 · 2⁵²: adding it rounds a small number to an integer, which then stands in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    /// ln 2 in two parts, the first of so few digits that its multiples are exact.
    const LN_2: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];
    simd.vectorize(
        #[inline(always)]
        || {
            for value in values {
                let x = if *value < -708.0 { -708.0 } else { *value };
                let rounded = x * std::f64::consts::LOG2_E + ROUND;
                let integer = rounded - ROUND;
                let r = (x - integer * LN_2[0]) - integer * LN_2[1];
                let mut series = FACTORIALS[0];
                for term in &FACTORIALS[1..] {
                    series = series * r + term;
                }
                let exp_r = 1.0 + (r + r * r * series);
                let power = f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52);
                *value = if *value < -708.0 { 0.0 } else { exp_r * power };
            }
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    type Function = fn(f64) -> f64;

    /// Bits that were computed once: a change of the library's source would change runs.
    #[test]
    fn functions_have_the_bits_that_they_had() {
        let functions: [(&str, Function); 12] = [
            ("ln", ln),
            ("exp", exp),
            ("ln_1p", ln_1p),
            ("exp_m1", exp_m1),
            ("log2", log2),
            ("log10", log10),
            ("exp2", exp2),
            ("sin", sin),
            ("cos", cos),
            ("tanh", tanh),
            ("cbrt", cbrt),
            ("cosh", cosh),
        ];
        let hashes = functions.map(|(name, function)| {
            let mut hash = 0xcbf2_9ce4_8422_2325u64;
            for i in 1..5000 {
                let value = function(f64::from(i) * 0.003_771);
                hash = (hash ^ value.to_bits()).wrapping_mul(0x0000_0100_0000_01b3);
            }
            (name, hash)
        });
        assert_eq!(hashes, HASHES, "if libm was changed on purpose, the numbers of all runs change: say so");
    }

    const HASHES: [(&str, u64); 12] = [
        ("ln", 0xa90b_1acf_1f10_1eac),
        ("exp", 0xebfa_efaa_5d59_d64e),
        ("ln_1p", 0xfe83_fd27_afbc_2536),
        ("exp_m1", 0x4915_9053_ac4a_9ee1),
        ("log2", 0x8886_b46e_d626_b818),
        ("log10", 0x38dd_5ebf_33e0_e1bc),
        ("exp2", 0x815c_dbc0_3428_d7e7),
        ("sin", 0x81e4_4557_37fb_9cd7),
        ("cos", 0x4734_3c29_c6f9_5ed7),
        ("tanh", 0xe6ec_f0cf_d271_4035),
        ("cbrt", 0x0177_9171_e51e_f091),
        ("cosh", 0x2b8c_104a_62e9_f841),
    ];

    #[test]
    fn functions_are_those_of_the_platform_to_a_unit_in_the_last_place() {
        let pairs: [(Function, Function); 14] = [
            (ln, f64::ln),
            (exp, f64::exp),
            (ln_1p, f64::ln_1p),
            (exp_m1, f64::exp_m1),
            (log2, f64::log2),
            (log10, f64::log10),
            (exp2, f64::exp2),
            (sin, f64::sin),
            (cos, f64::cos),
            (tan, f64::tan),
            (tanh, f64::tanh),
            (sinh, f64::sinh),
            (cosh, f64::cosh),
            (cbrt, f64::cbrt),
        ];
        for (number, (own, platform)) in pairs.into_iter().enumerate() {
            for i in 1..20_000 {
                let x = f64::from(i) * 0.001_234;
                let (own, platform) = (own(x), platform(x));
                assert!(
                    (own - platform).abs() <= 3.0 * f64::EPSILON * platform.abs(),
                    "{number} of {x}: {own} {platform}"
                );
            }
        }
        for x in [1e-300, 0.3, 1.0, 2.5, 1e10] {
            assert!((powf(x, 0.7) - x.powf(0.7)).abs() <= 2.0 * f64::EPSILON * x.powf(0.7));
            assert!((hypot(x, 0.7) - x.hypot(0.7)).abs() <= 2.0 * f64::EPSILON * x.hypot(0.7));
        }
        assert_eq!([ln(0.0), ln_1p(-1.0), exp(-800.0)], [f64::NEG_INFINITY, f64::NEG_INFINITY, 0.0]);
        assert!(ln(-1.0).is_nan());
    }

    #[test]
    fn exponentials_of_many_are_those_of_one_to_two_units_in_the_last_place() {
        let arguments: Vec<f64> = (0..200_003).map(|i| -0.003_541 * f64::from(i)).collect();
        let values = crate::simd::same_at_every_level(|level| {
            let mut values = arguments.clone();
            dispatch!(level, simd => exp_of_negative_by(simd, &mut values));
            values
        });
        assert_eq!(values[0], 1.0);
        for (x, value) in arguments.iter().zip(&values) {
            let expected = if *x < -708.0 { 0.0 } else { exp(*x) };
            assert!((value - expected).abs() <= 2.0 * f64::EPSILON * expected, "{x}: {value} {expected}");
        }
        let mut extreme = [f64::NEG_INFINITY, -1e300, -1e-300, -0.0];
        exp_of_negative(&mut extreme);
        assert_eq!(extreme, [0.0, 0.0, 1.0, 1.0]);
        let mut nothing = [f64::NAN];
        exp_of_negative(&mut nothing);
        assert!(nothing[0].is_nan());
    }

    #[test]
    fn whole_powers_are_products() {
        for x in [-1.5, 0.3, 10.0] {
            assert_eq!([powi(x, 0), powi(x, 1), powi(x, 2)], [1.0, x, x * x]);
            assert_eq!(powi(x, 3), x * (x * x));
            assert_eq!(powi(x, -2), 1.0 / (x * x));
        }
        assert_eq!(
            (0..=22).map(|n| powi(10.0, n)).collect::<Vec<f64>>(),
            (0..=22).map(|n| 10u128.pow(n) as f64).collect::<Vec<f64>>()
        );
        assert_eq!(powi(2.0, i32::MIN), 0.0);
    }
}
