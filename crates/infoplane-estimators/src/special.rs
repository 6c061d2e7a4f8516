//! Special functions that the estimators need.

use std::f64::consts::PI;

use crate::math::{exp, ln};

/// ln Γ(x); x > 0.
pub(crate) use libm::lgamma as ln_gamma;

/// 1 − erf(x) = 2/√π ∫ e^{−t²} dt from x on.
pub(crate) use libm::erfc;

/// ψ(x), the derivative of ln Γ; x > 0. −∞ for 0.
pub(crate) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::NEG_INFINITY;
    }
    // ψ(x) = ψ(x + 1) − 1/x up to where the asymptotic series is exact to rounding.
    let (mut x, mut sum) = (x, 0.0);
    while x < 12.0 {
        sum -= 1.0 / x;
        x += 1.0;
    }
    let t = 1.0 / (x * x);
    // B₂ₖ / 2k, from the smallest term.
    let series =
        [1.0 / 12.0, -691.0 / 32_760.0, 1.0 / 132.0, -1.0 / 240.0, 1.0 / 252.0, -1.0 / 120.0, 1.0 / 12.0]
            .into_iter()
            .fold(0.0, |sum, term| sum * t + term)
            * t;
    sum + (ln(x) - 0.5 / x - series)
}

/// ψ′(x), the derivative of the digamma function; x > 0.
pub(crate) fn trigamma(x: f64) -> f64 {
    // ψ′(x) = ψ′(x + 1) + 1/x² up to where the asymptotic series is exact to rounding.
    let (mut x, mut sum) = (x, 0.0);
    while x < 12.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let t = 1.0 / (x * x);
    // Bernoulli numbers, from the smallest term.
    let series = [-691.0 / 2730.0, 5.0 / 66.0, -1.0 / 30.0, 1.0 / 42.0, -1.0 / 30.0, 1.0 / 6.0]
        .into_iter()
        .fold(0.0, |sum, bernoulli| sum * t + bernoulli)
        * t;
    sum + 1.0 / x + t / 2.0 + series / x
}

/// ψ(0) … ψ(n); the first is −∞ and stands for "no such count".
///
/// By ψ(m + 1) = ψ(m) + 1/m from the nearest of 64 exact values, so that rounding does not add up.
pub(crate) fn digammas(n: usize) -> Vec<f64> {
    let mut table = Vec::with_capacity(n + 1);
    table.push(f64::NEG_INFINITY);
    for m in 1..=n {
        let previous = m - 1;
        table.push(if m % 64 == 1 { digamma(m as f64) } else { table[previous] + 1.0 / previous as f64 });
    }
    table
}

/// Q(a, x) = Γ(a, x) / Γ(a), the share of a gamma distribution of shape a beyond x; a > 0. Relative error about 1e-13 · (1 + a).
///
/// The series of the lower part for x < a + 1, else the continued fraction of the upper one. 0 where that is below what doubles hold.
pub(crate) fn gamma_beyond(a: f64, x: f64) -> f64 {
    /// Terms needed grow with √a.
    const MOST: usize = 200_000;
    if x <= 0.0 {
        return 1.0;
    }
    let factor = exp(a * ln(x) - x - ln_gamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum, mut shape) = (1.0 / a, 1.0 / a, a);
        for _ in 0..MOST {
            shape += 1.0;
            term *= x / shape;
            sum += term;
            if term < sum * 1e-17 {
                break;
            }
        }
        return 1.0 - factor * sum;
    }
    // Lentz's form: no denominator vanishes for x > a + 1.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (f64::MAX, 1.0 / b);
    let mut fraction = d;
    for i in 1..MOST {
        let i = i as f64;
        let above = -i * (i - a);
        b += 2.0;
        d = 1.0 / (above * d + b);
        c = b + above / c;
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    factor * fraction
}

/// ln of the volume of the Euclidean unit ball in d dimensions, d/2 ln π − ln Γ(1 + d/2).
pub(crate) fn ln_unit_ball(d: usize) -> f64 {
    let half = d as f64 / 2.0;
    half * ln(PI) - ln_gamma(1.0 + half)
}

/// Φ⁻¹(p), the quantile of the standard normal distribution; 0 < p < 1. Relative error about 1e-16.
///
/// Exactly antisymmetric, Φ⁻¹(1 − p) = −Φ⁻¹(p) wherever 1 − p is exact, so that reversed ranks give reversed scores.
///
/// M. J. Wichura (1988). Algorithm AS 241: the percentage points of the normal distribution. Applied Statistics 37,
/// 477–484.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    let ratio = |[above, below]: [[f64; 8]; 2], r: f64| {
        let polynomial = |coefficients: [f64; 8]| coefficients.into_iter().fold(0.0, |sum, c| sum * r + c);
        polynomial(above) / polynomial(below)
    };
    let centred = p - 0.5;
    if centred >= -0.425 {
        return centred * ratio(CENTRE, 0.180625 - centred * centred);
    }
    let r = (-ln(p)).sqrt();
    if r <= 5.0 { -ratio(TAIL, r - 1.6) } else { -ratio(FAR, r - 5.0) }
}

/// Numerator and denominator, from the highest power.
const CENTRE: [[f64; 8]; 2] = [
    [
        2509.0809287301227,
        33430.57558358813,
        67265.7709270087,
        45921.95393154987,
        13731.69376550946,
        1971.5909503065513,
        133.14166789178438,
        3.3871328727963665,
    ],
    [
        5226.495278852854,
        28729.085735721943,
        39307.89580009271,
        21213.794301586597,
        5394.196021424751,
        687.1870074920579,
        42.31333070160091,
        1.0,
    ],
];
/// Numerator and denominator, from the highest power.
const TAIL: [[f64; 8]; 2] = [
    [
        0.0007745450142783414,
        0.022723844989269184,
        0.2417807251774506,
        1.2704582524523684,
        3.6478483247632045,
        5.769497221460691,
        4.630337846156546,
        1.4234371107496835,
    ],
    [
        1.0507500716444169e-9,
        0.0005475938084995345,
        0.015198666563616457,
        0.14810397642748008,
        0.6897673349851,
        1.6763848301838038,
        2.053191626637759,
        1.0,
    ],
];
/// Numerator and denominator, from the highest power.
const FAR: [[f64; 8]; 2] = [
    [
        2.0103343992922881e-7,
        2.7115555687434876e-5,
        0.0012426609473880784,
        0.026532189526576124,
        0.29656057182850487,
        1.7848265399172913,
        5.463784911164114,
        6.657904643501103,
    ],
    [
        2.0442631033899397e-15,
        1.421511758316446e-7,
        1.8463183175100548e-5,
        0.0007868691311456133,
        0.014875361290850615,
        0.1369298809227358,
        0.599832206555888,
        1.0,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trigamma_of_whole_and_half_numbers_is_known() {
        assert!((trigamma(1.0) - PI * PI / 6.0).abs() < 1e-14);
        assert!((trigamma(0.5) - PI * PI / 2.0).abs() < 1e-14);
        for x in [0.01, 3.7, 11.5, 12.5, 1e5] {
            assert!((trigamma(x) - trigamma(x + 1.0) - 1.0 / (x * x)).abs() < 1e-14 * trigamma(x), "{x}");
        }
    }

    #[test]
    fn digammas_are_harmonic_numbers_less_the_constant_of_euler() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        let table = digammas(1000);
        let mut harmonic = 0.0;
        for (m, psi) in table.iter().enumerate().skip(1) {
            assert!((psi - (harmonic - EULER)).abs() < 1e-12, "{m}");
            harmonic += 1.0 / m as f64;
        }
    }

    #[test]
    fn digamma_of_whole_and_half_numbers_is_known() {
        const EULER: f64 = 0.577_215_664_901_532_9;
        assert!((digamma(1.0) + EULER).abs() < 1e-15);
        assert!((digamma(0.5) + EULER + 2.0 * std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!(digamma(0.0), f64::NEG_INFINITY);
        for x in [1e-6, 0.01, 0.7, 1.4616, 3.7, 11.5, 12.5, 1e5, 1e15] {
            assert!((digamma(x + 1.0) - digamma(x) - 1.0 / x).abs() < 1e-14 / f64::min(x, 1.0), "{x}");
        }
    }

    #[test]
    fn special_functions_are_those_of_another_library() {
        use statrs::function::{erf, gamma};
        for i in 1..4000 {
            let x = f64::from(i) * f64::from(i) * 1e-4;
            let near = |own: f64, other: f64| (own - other).abs() < 4e-14 * f64::max(1.0, other.abs());
            assert!(near(digamma(x), gamma::digamma(x)), "ψ({x})");
            assert!(near(ln_gamma(x), gamma::ln_gamma(x)), "ln Γ({x})");
            let p = f64::from(i) / 4000.0;
            let other = -std::f64::consts::SQRT_2 * erf::erfc_inv(2.0 * p);
            assert!(near(normal_quantile(p), other), "quantile of {p}");
        }
    }

    /// Q(½, x) = erfc √x; Q(m, x) = e^{−x} Σ xʲ/j! below m; and another library.
    #[test]
    fn shares_beyond_are_those_of_closed_forms_and_of_another_library() {
        use statrs::function::gamma::gamma_ur;
        for x in [1e-6, 0.1, 0.9, 1.6, 3.0, 20.0, 90.0, 300.0] {
            let half = gamma_beyond(0.5, x);
            assert!((half - erfc(x.sqrt())).abs() < 1e-13 * half + 1e-16, "{x}");
            for m in [1, 4, 30] {
                let (mut term, mut sum) = (1.0, 0.0);
                for j in 1..=m {
                    sum += term;
                    term *= x / f64::from(j);
                }
                let expected = (-x).exp() * sum;
                let found = gamma_beyond(f64::from(m), x);
                assert!((found - expected).abs() < 1e-12 * expected + 1e-15, "{m} {x}: {found} {expected}");
            }
            for a in [0.3, 7.7, 210.0] {
                let (found, other) = (gamma_beyond(a, x), gamma_ur(a, x));
                assert!((found - other).abs() < 1e-11, "{a} {x}: {found} {other}");
            }
        }
        // Of a large shape nearly normal: the deviation is √a.
        let found = gamma_beyond(4e6, 4e6 + 3.0 * 2e3);
        assert!((found / 0.001_349_898_031_630_1 - 1.0).abs() < 0.01, "{found}");
        assert_eq!([gamma_beyond(2.0, 0.0), gamma_beyond(2.0, 1e5)], [1.0, 0.0]);
    }

    #[test]
    fn complementary_error_functions_are_those_of_tables() {
        for (z, value) in [
            (-2.748, 1.999_898_199_052_201_1),
            (-0.6, 1.603_856_090_847_926),
            (0.3, 0.671_373_240_540_872_6),
            (1.7, 0.016_209_541_409_225_437),
            (2.9, 4.109_787_809_945_886e-5),
            (6.1, 6.314_602_150_193_718e-18),
        ] {
            assert!((erfc(z) - value).abs() < 4e-16 * value, "{z}");
        }
    }

    #[test]
    fn unit_balls_have_their_volumes() {
        for (d, volume) in [(1, 2.0), (2, PI), (3, 4.0 * PI / 3.0), (4, PI * PI / 2.0)] {
            assert!((ln_unit_ball(d).exp() - volume).abs() < 1e-12, "{d}");
        }
    }

    #[test]
    fn normal_quantiles_are_those_of_tables() {
        for (p, z) in [(0.5, 0.0), (0.975, 1.959963984540054), (1e-10, -6.361340902404056)] {
            assert!((normal_quantile(p) - z).abs() < 1e-12 * f64::max(1.0, z.abs()), "{p}");
        }
    }
}
