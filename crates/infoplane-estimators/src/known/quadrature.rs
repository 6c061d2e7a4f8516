//! Integrals of one dimension.

use crate::math;

/// ∫ f over [low, high], by the double-exponential rule.
///
/// The substitution x = tanh(π/2 sinh t) lets the integrand fade at both ends, so that singularities there (a
/// logarithm, a square root) do no harm; those inside must be ends of pieces. Good to about 1e-12 of the integral
/// of |f| for integrands that are smooth inside.
pub(super) fn integral(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    const STEP: f64 = 1.0 / 64.0;
    let half = (high - low) / 2.0;
    let middle = (high + low) / 2.0;
    let mut sum = 0.0;
    // Beyond t = ±3.2 the nodes round to the ends.
    for node in -205i32..=205 {
        let t = f64::from(node) * STEP;
        let inner = std::f64::consts::FRAC_PI_2 * math::sinh(t);
        let x = middle + half * math::tanh(inner);
        let weight = std::f64::consts::FRAC_PI_2 * math::cosh(t) / math::powi(math::cosh(inner), 2);
        if x > low && x < high {
            sum += weight * f(x);
        }
    }
    sum * STEP * half
}

/// −v ln v, continued by 0.
pub(super) fn entropy_term(v: f64) -> f64 {
    if v > 0.0 { -v * math::ln(v) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrals_with_singular_ends_are_right() {
        assert!((integral(|x| x * x, 0.0, 3.0) - 9.0).abs() < 1e-11);
        assert!((integral(f64::ln, 0.0, 1.0) + 1.0).abs() < 1e-11);
        assert!((integral(f64::sqrt, 0.0, 1.0) - 2.0 / 3.0).abs() < 1e-11);
        assert!((integral(entropy_term, 0.0, 1.0) - 0.25).abs() < 1e-11);
    }
}
