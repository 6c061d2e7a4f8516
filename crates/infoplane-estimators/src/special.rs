//! Special functions that the estimators need.

use std::f64::consts::{PI, SQRT_2};

pub(crate) use statrs::function::gamma::{digamma, ln_gamma};

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

/// ln of the volume of the Euclidean unit ball in d dimensions, d/2 ln π − ln Γ(1 + d/2).
pub(crate) fn ln_unit_ball(d: usize) -> f64 {
    let half = d as f64 / 2.0;
    half * PI.ln() - ln_gamma(1.0 + half)
}

/// Φ⁻¹(p), the quantile of the standard normal distribution; 0 < p < 1.
///
/// Exactly antisymmetric, Φ⁻¹(1 − p) = −Φ⁻¹(p) wherever 1 − p is exact, so that reversed ranks give reversed scores.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p > 0.5 {
        return -normal_quantile(1.0 - p);
    }
    -SQRT_2 * statrs::function::erf::erfc_inv(2.0 * p)
}

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
