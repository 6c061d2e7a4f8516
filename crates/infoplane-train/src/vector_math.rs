//! Elementary functions on SIMD vectors.
//!
//! Each is branch-free, is generic over the instruction set and states its error, which the tests check
//! against double precision over the whole range. NaN gives NaN, except where said.

use fearless_simd::prelude::*;

use infoplane_estimators::simd::{max, min};

const LOG2_E: f32 = std::f32::consts::LOG2_E;
// ln 2 in two parts: the first has few enough bits that its product with an exponent is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// Σ coefficients[i] xⁱ by Horner's rule.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: [f32; N]) -> S::f32s {
    let mut sum = S::f32s::splat(simd, coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add_precise(x, S::f32s::splat(simd, coefficient));
    }
    sum
}

/// Writes x = n ln 2 + r with |r| ≤ ln 2 / 2 and returns (n, eʳ − 1).
#[inline(always)]
fn reduce<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let n = (x * S::f32s::splat(simd, LOG2_E)).round_ties_even();
    let r = n.mul_add_precise(S::f32s::splat(simd, -LN_2_HIGH), x);
    let r = n.mul_add_precise(S::f32s::splat(simd, -LN_2_LOW), r);
    // (eʳ − 1 − r)/r², Chebyshev fit of degree 4: the error of eʳ − 1 is 8e-9.
    let q = polynomial(simd, r, [0.5, 0.166_665_77, 0.041_666_554, 8.363_233e-3, 1.392_625_1e-3]);
    (n, (r * r).mul_add_precise(q, r))
}

/// 2ⁿ for whole n in −126..=127.
#[inline(always)]
fn power_of_two<S: Simd>(simd: S, n: S::f32s) -> S::f32s {
    let exponent = n.to_int::<S::i32s>() + S::i32s::splat(simd, 127);
    (exponent << 23).bitcast()
}

/// Keeps x within ±`limit`, and NaN as it is.
#[inline(always)]
fn limit<S: Simd>(simd: S, x: S::f32s, limit: f32) -> S::f32s {
    // With NaN a minimum or maximum is its second operand: the variable stands there on purpose.
    min(S::f32s::splat(simd, limit), max(S::f32s::splat(simd, -limit), x))
}

/// eˣ, relative error below 1.5e-7. Below x = −86.6 (2⁻¹²⁵) the result is 0, above 88.72 it is infinite.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (n, p) = reduce(simd, limit(simd, x, 89.0));
    let one = S::f32s::splat(simd, 1.0);
    // In two factors, because 2¹²⁸ has no single-precision form while e⁸⁸·⁵ has.
    let value = (p + one) * power_of_two(simd, n - one) * S::f32s::splat(simd, 2.0);
    x.simd_lt(S::f32s::splat(simd, -86.6)).select(S::f32s::splat(simd, 0.0), value)
}

/// eˣ − 1, relative error below 3e-7 near 0 as elsewhere. Above x = 87 the result stays at e⁸⁷.
#[inline(always)]
pub(crate) fn exp_m1<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let (n, p) = reduce(simd, limit(simd, x, 87.0));
    let scale = power_of_two(simd, n);
    scale.mul_add_precise(p, scale - S::f32s::splat(simd, 1.0))
}

/// tanh x, relative error below 4e-7.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // tanh 9.02 rounds to 1. With e²ˣ − 1 instead of e²ˣ nothing cancels near zero.
    let x = limit(simd, x, 9.02);
    let (n, p) = reduce(simd, x + x);
    let scale = power_of_two(simd, n);
    let e = scale.mul_add_precise(p, scale - S::f32s::splat(simd, 1.0));
    e / (e + S::f32s::splat(simd, 2.0))
}

/// 1 / (1 + e⁻ˣ), relative error below 4e-7 for x > −86.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = S::f32s::splat(simd, 1.0);
    one / (one + exp(simd, -x))
}

/// ln(1 + x) for 0 ≤ x ≤ 1, relative error below 3e-7.
#[inline(always)]
pub(crate) fn ln_1p_unit<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // ln(1 + x) = 2 artanh s with s = x/(2 + x) ≤ 1/3; the series of artanh, cut below 2e-8.
    let s = x / (x + S::f32s::splat(simd, 2.0));
    let terms = [2.0, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0, 2.0 / 11.0, 2.0 / 13.0];
    s * polynomial(simd, s * s, terms)
}

/// ln x for normal positive x, error below 3e-7 relative or absolute, whichever is larger.
/// Zero and negative numbers give an unspecified finite value.
#[inline(always)]
pub(crate) fn ln<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let bits: S::i32s = x.bitcast();
    // Moves the mantissa to [√½, √2), so that numbers near 1 keep their relative precision.
    let offset = S::i32s::splat(simd, 0x3f35_04f3);
    let exponent = (bits - offset) >> 23;
    let mantissa: S::f32s = (bits - (exponent << 23)).bitcast();
    let one = S::f32s::splat(simd, 1.0);
    let s = (mantissa - one) / (mantissa + one);
    // |s| ≤ 0.1716: the series of artanh, cut below 1e-8.
    let m = s * polynomial(simd, s * s, [2.0, 2.0 / 3.0, 2.0 / 5.0, 2.0 / 7.0, 2.0 / 9.0]);
    let n = exponent.to_float::<S::f32s>();
    n.mul_add_precise(S::f32s::splat(simd, LN_2_HIGH), n.mul_add_precise(S::f32s::splat(simd, LN_2_LOW), m))
}

/// ln(1 + eˣ), error below 3e-7 relative.
#[inline(always)]
pub(crate) fn softplus<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // The second operand of the maximum is x, so that NaN passes.
    max(S::f32s::splat(simd, 0.0), x) + ln_1p_unit(simd, exp(simd, -x.abs()))
}

/// Returns the normal distribution function Φ(x) and its density φ(x), absolute errors below 2e-7.
#[inline(always)]
pub(crate) fn normal_distribution<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let (zero, one) = (S::f32s::splat(simd, 0.0), S::f32s::splat(simd, 1.0));
    let bell = exp(simd, x * x * S::f32s::splat(simd, -0.5));
    // Φ(−a) e^{a²/2} is smooth in t = 1/(1 + 0.3 a): Chebyshev fit of degree 8, error 1.5e-8.
    let t = one / x.abs().mul_add_precise(S::f32s::splat(simd, 0.3), one);
    let q = polynomial(
        simd,
        t,
        [
            -2.830_696e-6,
            0.119_662_76,
            0.120_634_69,
            0.099_858_03,
            0.130_034_68,
            -0.057_907_84,
            0.211_979_26,
            -0.160_899_3,
            0.036_640_57,
        ],
    );
    let tail = bell * q;
    let distribution = x.simd_lt(zero).select(tail, one - tail);
    (distribution, bell * S::f32s::splat(simd, 0.398_942_3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use fearless_simd::dispatch;
    use infoplane_estimators::simd::level;

    /// Applies a vector function to every value, as many at a time as the machine takes.
    macro_rules! map {
        ($values:expr, $simd:ident, $x:ident => $function:expr) => {{
            #[inline(always)]
            fn run<S: Simd>($simd: S, values: &[f32]) -> Vec<f32> {
                let mut out = Vec::new();
                for chunk in values.chunks(S::f32s::LEN) {
                    let $x = S::f32s::from_fn($simd, |i| chunk[i.min(chunk.len() - 1)]);
                    let y: S::f32s = $function;
                    out.extend_from_slice(&y.as_slice()[..chunk.len()]);
                }
                out
            }
            dispatch!(level(), simd => run(simd, $values))
        }};
    }

    /// Returns both signs, all magnitudes up to `limit`, evenly and by powers.
    fn range(limit: f64) -> Vec<f32> {
        let even = (-20_000..=20_000).map(|i| (f64::from(i) / 20_000.0 * limit) as f32);
        let powers = (0..400).flat_map(|i| {
            let v = (limit * 0.9f64.powi(i)) as f32;
            [v, -v]
        });
        even.chain(powers).collect()
    }

    fn worst(values: &[f32], got: &[f32], exact: impl Fn(f64) -> f64, floor: f64) -> (f64, f32) {
        values.iter().zip(got).fold((0.0, 0.0), |worst, (&x, &y)| {
            let exact = exact(f64::from(x));
            let error = (f64::from(y) - exact).abs() / exact.abs().max(floor);
            if error > worst.0 || error.is_nan() { (error, x) } else { worst }
        })
    }

    macro_rules! claim {
        ($values:expr, $got:expr, $exact:expr, floor $floor:expr, below $bound:expr) => {{
            let (error, at) = worst(&$values, &$got, $exact, $floor);
            assert!(error < $bound, "error {error:.2e} at x = {at:e}");
        }};
    }

    /// erfc by its continued fraction and series: slow, in double precision.
    fn normal_cdf(x: f64) -> f64 {
        let a = x.abs();
        let density = (-a * a / 2.0).exp() / std::f64::consts::TAU.sqrt();
        let upper = if a < 3.0 {
            let (mut term, mut sum) = (a, a);
            for k in 1..200 {
                term *= a * a / f64::from(2 * k + 1);
                sum += term;
            }
            0.5 - density * sum
        } else {
            density / (1..200).rev().fold(a, |f, k| a + f64::from(k) / f)
        };
        if x < 0.0 { upper } else { 1.0 - upper }
    }

    #[test]
    fn exp_is_within_its_stated_error() {
        let x: Vec<f32> = range(88.7).into_iter().filter(|&x| x > -86.5).collect();
        claim!(x, map!(&x, simd, x => exp(simd, x)), f64::exp, floor 1e-300, below 1.5e-7);
        let edges = [-f32::INFINITY, -1e9, -87.0, 0.0, 89.0, f32::INFINITY, f32::NAN];
        let got = map!(&edges, simd, x => exp(simd, x));
        assert_eq!(got[..6], [0.0, 0.0, 0.0, 1.0, f32::INFINITY, f32::INFINITY]);
        assert!(got[6].is_nan());
    }

    #[test]
    fn exp_m1_is_within_its_stated_error() {
        let x = range(80.0);
        claim!(x, map!(&x, simd, x => exp_m1(simd, x)), f64::exp_m1, floor 1e-300, below 3e-7);
    }

    #[test]
    fn tanh_is_within_its_stated_error_saturates_and_is_odd_enough() {
        let x = range(20.0);
        claim!(x, map!(&x, simd, x => tanh(simd, x)), f64::tanh, floor 1e-300, below 4e-7);
        let edges = [-f32::INFINITY, -50.0, -0.0, 0.0, 50.0, f32::INFINITY, f32::NAN];
        let got = map!(&edges, simd, x => tanh(simd, x));
        assert_eq!(got[..6], [-1.0, -1.0, 0.0, 0.0, 1.0, 1.0]);
        assert!(got[6].is_nan());
        assert!(map!(&x, simd, x => tanh(simd, x)).iter().all(|t| t.abs() <= 1.0));
    }

    #[test]
    fn sigmoid_and_softplus_are_within_their_stated_errors() {
        let x = range(80.0);
        let exact = |x: f64| 1.0 / (1.0 + (-x).exp());
        claim!(x, map!(&x, simd, x => sigmoid(simd, x)), exact, floor 1e-300, below 4e-7);
        let exact = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        claim!(x, map!(&x, simd, x => softplus(simd, x)), exact, floor 1e-300, below 3e-7);
    }

    #[test]
    fn logarithms_are_within_their_stated_errors() {
        let x: Vec<f32> =
            range(1e30).into_iter().filter(|&x| x > 0.0).chain((1..4000).map(|i| i as f32 * 5e-4)).collect();
        claim!(x, map!(&x, simd, x => ln(simd, x)), f64::ln, floor 1.0, below 3e-7);
        let x: Vec<f32> = range(1.0).into_iter().map(f32::abs).filter(|&x| x > 0.0).collect();
        claim!(x, map!(&x, simd, x => ln_1p_unit(simd, x)), f64::ln_1p, floor 1e-300, below 3e-7);
    }

    #[test]
    fn normal_distribution_is_within_its_stated_error() {
        let x = range(14.0);
        claim!(x, map!(&x, simd, x => normal_distribution(simd, x).0), normal_cdf, floor 1.0, below 2e-7);
        let density = |x: f64| (-x * x / 2.0).exp() / std::f64::consts::TAU.sqrt();
        claim!(x, map!(&x, simd, x => normal_distribution(simd, x).1), density, floor 1.0, below 2e-7);
    }
}
