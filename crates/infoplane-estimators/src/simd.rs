//! Vector instructions: which of them the program uses, and the operations whose bits do not depend on them.
//!
//! Every number has the same bits on every processor. Three rules make this so.
//!
//! - The instructions come from [`level`] alone.
//! - Element by element, a kernel may use vectors of any width. Where the lanes of vectors are added up, the order is
//!   that of [`LANES`] lanes of single precision ([`DOUBLES`] of double precision), which narrower processors take in
//!   several vectors: [`sum`] and [`sum_doubles`] fold them.
//! - Of the operations on vectors, only those are used that are the same everywhere: `mul_add_precise` and
//!   `mul_sub_precise`, which round once also where the processor has no such instruction, and [`min`] and [`max`],
//!   which say what they do with NaN and with zeros of different signs. `clippy.toml` refuses the others.
//!
//! What may differ is the sign and the payload of a NaN.
//!
//! # Choosing the instructions in a test
//! The environment variable `INFOPLANE_TEST_SIMD` makes the program use lesser instructions than the processor has:
//! `avx512`, `avx2`, `sse4.2`, `sse2` on x86, `neon` on ARM. It is read once, and exists for tests alone: results are
//! the same, only slower.

use std::sync::LazyLock;

use fearless_simd::{Level, Select, Simd, SimdBase, SimdFloat};

/// Lanes of single precision in whose order sums are folded: those of the widest vector there is.
pub const LANES: usize = 16;
/// The same for double precision.
pub const DOUBLES: usize = 8;

/// The environment variable that chooses the instructions in a test.
const VARIABLE: &str = "INFOPLANE_TEST_SIMD";

/// Returns the vector instructions to use: the best that the processor has.
///
/// # Panics
/// If `INFOPLANE_TEST_SIMD` names others than the processor has. [`check`] tells before.
pub fn level() -> Level {
    static CHOSEN: LazyLock<Level> = LazyLock::new(|| choose().unwrap_or_else(|message| panic!("{message}")));
    *CHOSEN
}

/// Returns why the instructions named by `INFOPLANE_TEST_SIMD` cannot be used, if they cannot.
///
/// # Errors
/// Names the variable, what it holds, and what this processor has.
pub fn check() -> Result<(), String> {
    choose().map(|_| ())
}

/// Returns f(0), f(1) and so on, as an array of vectors or of what they are made of.
///
/// As `std::array::from_fn`, which a kernel must not use: the compiler sometimes leaves it as a call, to a function
/// without the vector instructions of the kernel, at an eighth of the speed.
#[inline(always)]
pub fn array<T: Copy, const N: usize>(f: impl Fn(usize) -> T) -> [T; N] {
    let mut array = [f(0); N];
    for (i, element) in array.iter_mut().enumerate().skip(1) {
        *element = f(i);
    }
    array
}

fn choose() -> Result<Level, String> {
    let levels = levels();
    let Some(wanted) = std::env::var_os(VARIABLE) else { return Ok(levels[0].1) };
    levels.iter().find(|(name, _)| wanted == *name).map(|(_, level)| *level).ok_or_else(|| {
        let allowed: Vec<&str> = levels.iter().map(|(name, _)| *name).collect();
        format!(
            "{VARIABLE} is `{}`, but the vector instructions of this processor are {}; name one of them, or unset the \
             variable",
            wanted.to_string_lossy(),
            allowed.join(", ")
        )
    })
}

/// Returns all vector instructions that this processor has, the best first.
#[allow(clippy::disallowed_methods, reason = "the one place that asks the processor")]
pub fn levels() -> Vec<(&'static str, Level)> {
    let best = Level::new();
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    let levels = [
        ("avx512", best.as_avx512().map(Level::Avx512)),
        ("avx2", best.as_avx2().map(Level::Avx2)),
        ("sse4.2", best.as_sse4_2().map(Level::Sse4_2)),
        ("sse2", best.as_sse2().map(Level::Sse2)),
    ];
    #[cfg(target_arch = "aarch64")]
    let levels = [("neon", best.as_neon().map(Level::Neon))];
    #[cfg(not(any(target_arch = "x86", target_arch = "x86_64", target_arch = "aarch64")))]
    let levels = [("fallback", Some(best))];
    let mut levels: Vec<_> = levels.into_iter().filter_map(|(name, level)| Some((name, level?))).collect();
    if levels.is_empty() {
        levels.push(("fallback", best));
    }
    levels
}

/// Returns `a` where a > b, else `b`: of a NaN and a number, and of two zeros, the second.
#[inline(always)]
#[allow(clippy::disallowed_methods, reason = "on x86 the instruction does exactly this")]
pub fn max<S: Simd, V: SimdFloat<S>>(a: V, b: V) -> V {
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) { a.max(b) } else { a.simd_gt(b).select(a, b) }
}

/// Returns `a` where a < b, else `b`: of a NaN and a number, and of two zeros, the second.
#[inline(always)]
#[allow(clippy::disallowed_methods, reason = "on x86 the instruction does exactly this")]
pub fn min<S: Simd, V: SimdFloat<S>>(a: V, b: V) -> V {
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) { a.min(b) } else { a.simd_lt(b).select(a, b) }
}

/// Returns the smallest lane; NaN is passed over. Infinite if there is no number.
#[inline(always)]
pub fn smallest<S: Simd>(vector: S::f32s) -> f32 {
    vector.as_slice().iter().fold(f32::INFINITY, |least, &lane| if lane < least { lane } else { least })
}

/// Returns the sum of [`LANES`] lanes, given as the vectors that they take: lanes l and l + 8 first, then l and l + 4,
/// l and l + 2, and the last two.
#[inline(always)]
pub fn sum<S: Simd>(vectors: &[S::f32s]) -> f32 {
    let mut lanes = [0.0; LANES];
    for (lanes, vector) in lanes.chunks_exact_mut(S::f32s::LEN).zip(vectors) {
        vector.store_slice(lanes);
    }
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// Returns the sum of [`DOUBLES`] lanes, given as the vectors that they take, one lane after the other.
#[inline(always)]
pub fn sum_doubles<S: Simd>(vectors: &[S::f64s]) -> f64 {
    let mut lanes = [0.0; DOUBLES];
    for (lanes, vector) in lanes.chunks_exact_mut(S::f64s::LEN).zip(vectors) {
        vector.store_slice(lanes);
    }
    lanes.iter().sum()
}

/// Returns what a computation gives, after checking that all levels of this processor give the same. For tests.
///
/// # Panics
/// If they do not.
pub fn same_at_every_level<T: PartialEq + std::fmt::Debug>(compute: impl Fn(Level) -> T) -> T {
    let levels = levels();
    let best = compute(levels[0].1);
    for (name, level) in &levels[1..] {
        let other = compute(*level);
        assert!(other == best, "{name} gives {other:?}, {} gives {best:?}", levels[0].0);
    }
    best
}

#[cfg(test)]
mod tests {
    use fearless_simd::dispatch;

    use super::*;

    /// What rounding, infinity, NaN, zeros and numbers below the normal ones may do.
    fn awkward() -> Vec<f32> {
        let mut values = vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            f32::NAN,
            f32::INFINITY,
            -f32::INFINITY,
            f32::MAX,
            f32::MIN_POSITIVE,
            f32::MIN_POSITIVE / 2.0,
            1e-45,
            -3e-45,
            1.0 + f32::EPSILON,
            1.0 - f32::EPSILON / 2.0,
            16_777_215.0,
            2.5,
            -3.5,
        ];
        let mut state = 7u32;
        while values.len() < 96 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            values.push(f32::from_bits(state));
        }
        values
    }

    /// The bits of a number, all NaN alike.
    fn bits(value: f32) -> u32 {
        if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }
    }

    fn of_doubles(value: f64) -> u64 {
        if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
    }

    macro_rules! with_all {
        ($level:expr, $vectors:ident, $values:expr, |$simd:ident, $($x:ident),+| $function:expr) => {{
            #[inline(always)]
            fn run<S: Simd>($simd: S, values: &[[f32; 3]]) -> Vec<f32> {
                let mut out = Vec::new();
                for chunk in values.chunks(S::$vectors::LEN) {
                    let mut operands = (0..3).map(|operand| {
                        S::$vectors::from_fn($simd, |i| chunk[i.min(chunk.len() - 1)][operand].into())
                    });
                    $(let $x = operands.next().unwrap();)+
                    let y: S::$vectors = $function;
                    out.extend(y.as_slice()[..chunk.len()].iter().map(|&y| y as f32));
                }
                out
            }
            dispatch!($level, simd => run(simd, $values))
        }};
    }

    fn triples() -> Vec<[f32; 3]> {
        let values = awkward();
        let at = |i: usize| values[i % values.len()];
        (0..values.len() * values.len()).map(|i| [at(i), at(i / values.len()), at(i * 7 + i / 31)]).collect()
    }

    #[test]
    fn operations_on_vectors_are_those_on_numbers_at_every_level() {
        let values = triples();
        for (name, level) in levels() {
            let agree = |what: &str, got: Vec<f32>, exact: &dyn Fn([f32; 3]) -> f32| {
                assert_eq!(got.len(), values.len());
                for (operands, got) in values.iter().zip(got) {
                    let exact = exact(*operands);
                    assert_eq!(
                        bits(got),
                        bits(exact),
                        "{name}: {what} of {operands:?} is {got}, not {exact}"
                    );
                }
            };
            let greater = with_all!(level, f32s, &values, |simd, a, b| max(a, b));
            agree("the maximum", greater, &|[a, b, _]| if a > b { a } else { b });
            let less = with_all!(level, f32s, &values, |simd, a, b| min(a, b));
            agree("the minimum", less, &|[a, b, _]| if a < b { a } else { b });
            let rounded = with_all!(level, f32s, &values, |simd, a| a.round_ties_even());
            agree("the rounded value", rounded, &|[a, ..]| a.round_ties_even());
            let root = with_all!(level, f32s, &values, |simd, a| a.sqrt());
            agree("the root", root, &|[a, ..]| a.sqrt());
            // The exact product and sum of three single-precision numbers, rounded once, by way of whole numbers.
            let fused = with_all!(level, f32s, &values, |simd, a, b, c| a.mul_add_precise(b, c));
            agree("the multiply-add", fused, &|[a, b, c]| libm::fmaf(a, b, c));
            let fused = with_all!(level, f32s, &values, |simd, a, b, c| a.mul_sub_precise(b, c));
            agree("the multiply-subtract", fused, &|[a, b, c]| libm::fmaf(a, b, -c));
        }
    }

    #[test]
    fn multiply_add_of_doubles_rounds_once_at_every_level() {
        // Products of 53 random bits with all kinds of exponents, and sums that cancel.
        let mut state = 11u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from_bits(state ^ state >> 29)
        };
        let mut values: Vec<[f64; 3]> = (0..4000).map(|_| [next(), next(), next()]).collect();
        let moderate = |x: f64| f64::from_bits(x.to_bits() & !(0x7ff << 52) | (1023 << 52));
        let near: Vec<[f64; 3]> = values.iter().map(|v| v.map(moderate)).collect();
        values.extend(near.iter().map(|&[a, b, c]| [a, b, c]));
        values.extend(near.iter().map(|&[a, b, _]| [a, b, -(a * b)]));
        values.extend(near.iter().map(|&[a, b, c]| [a, b, c * 2f64.powi(-54)]));
        #[inline(always)]
        fn run<S: Simd>(simd: S, values: &[[f64; 3]]) -> Vec<f64> {
            let mut out = Vec::new();
            for chunk in values.chunks(S::f64s::LEN) {
                let [a, b, c] = [0, 1, 2]
                    .map(|operand| S::f64s::from_fn(simd, |i| chunk[i.min(chunk.len() - 1)][operand]));
                out.extend_from_slice(&a.mul_add_precise(b, c).as_slice()[..chunk.len()]);
            }
            out
        }
        for (name, level) in levels() {
            let got = dispatch!(level, simd => run(simd, &values));
            for (&[a, b, c], got) in values.iter().zip(got) {
                let exact = libm::fma(a, b, c);
                assert_eq!(
                    of_doubles(got),
                    of_doubles(exact),
                    "{name}: {a:e} {b:e} {c:e}: {got:e}, not {exact:e}"
                );
            }
        }
    }

    #[test]
    fn sums_of_lanes_have_the_same_bits_at_every_level() {
        let values: Vec<f32> =
            (0..LANES).map(|i| (0.1 + i as f32).sqrt() * 10f32.powi(i as i32 % 5)).collect();
        let doubles: Vec<f64> = values[..DOUBLES].iter().map(|&v| f64::from(v).sqrt()).collect();
        #[inline(always)]
        fn run<S: Simd>(simd: S, values: &[f32], doubles: &[f64]) -> (u32, u64, u32) {
            let singles: Vec<S::f32s> =
                values.chunks_exact(S::f32s::LEN).map(|chunk| S::f32s::from_slice(simd, chunk)).collect();
            let doubles: Vec<S::f64s> =
                doubles.chunks_exact(S::f64s::LEN).map(|chunk| S::f64s::from_slice(simd, chunk)).collect();
            let least = singles.iter().map(|&v| smallest::<S>(v)).fold(f32::INFINITY, f32::min);
            (sum::<S>(&singles).to_bits(), sum_doubles::<S>(&doubles).to_bits(), least.to_bits())
        }
        let results: Vec<_> = levels()
            .iter()
            .map(|(_, level)| dispatch!(*level, simd => run(simd, &values, &doubles)))
            .collect();
        assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
        assert_eq!(f64::from_bits(results[0].1), doubles.iter().sum::<f64>());
    }

    #[test]
    fn the_best_instructions_are_the_first() {
        let levels = levels();
        assert!(!levels.is_empty());
        assert_eq!(format!("{:?}", levels[0].1), format!("{:?}", Level::new()));
    }
}
