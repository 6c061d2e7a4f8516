//! The unit: information is kept in nats and shown in bits.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul, Sub};

use serde::{Deserialize, Serialize};

use crate::math;

/// An amount of information or entropy.
///
/// Kept in nats, read in either unit. Negative amounts are allowed: an estimate of a quantity that
/// cannot be negative may itself be negative, and is then returned as it is.
///
/// ```
/// use infoplane_estimators::Information;
/// let one_bit = Information::from_nats(2f64.ln());
/// assert_eq!(one_bit.bits(), 1.0);
/// assert_eq!(one_bit, Information::from_bits(1.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Information(f64);

impl Information {
    /// No information.
    pub const ZERO: Information = Information(0.0);

    /// `nats` nats.
    pub const fn from_nats(nats: f64) -> Self {
        Information(nats)
    }

    /// `bits` bits.
    pub fn from_bits(bits: f64) -> Self {
        Information(bits * std::f64::consts::LN_2)
    }

    /// Returns the amount in nats (natural logarithm).
    pub const fn nats(self) -> f64 {
        self.0
    }

    /// Returns the amount in bits (logarithm to base two).
    pub fn bits(self) -> f64 {
        self.0 / std::f64::consts::LN_2
    }

    /// Returns Linfoot's coefficient of correlation, √(1 − e^{−2I}): the magnitude of the correlation of two normal variables with
    /// this information. From 0, for none or a negative estimate, to 1, for infinite information.
    ///
    /// ```
    /// use infoplane_estimators::Information;
    /// let of_normals = Information::from_nats(-0.5 * (1.0f64 - 0.6 * 0.6).ln());
    /// assert!((of_normals.linfoot_correlation() - 0.6).abs() < 1e-15);
    /// ```
    ///
    /// # References
    /// Linfoot (1957), *An informational measure of correlation*, Information and Control 1:85.
    pub fn linfoot_correlation(self) -> f64 {
        (1.0 - math::exp(-2.0 * self.0.max(0.0))).sqrt()
    }
}

impl fmt::Display for Information {
    /// Writes the amount in bits, with the unit: `1.000 bits`. A precision is honoured; what rounds to 0 has no sign.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(3);
        let text = format!("{:.digits$} bits", self.bits());
        let is_zero = self.bits().is_finite() && !text.contains(|c: char| ('1'..='9').contains(&c));
        f.write_str(if is_zero { text.trim_start_matches('-') } else { &text })
    }
}

impl Add for Information {
    type Output = Information;
    fn add(self, other: Information) -> Information {
        Information(self.0 + other.0)
    }
}

impl Sub for Information {
    type Output = Information;
    fn sub(self, other: Information) -> Information {
        Information(self.0 - other.0)
    }
}

impl Mul<f64> for Information {
    type Output = Information;
    fn mul(self, factor: f64) -> Information {
        Information(self.0 * factor)
    }
}

impl Sum for Information {
    fn sum<I: Iterator<Item = Information>>(amounts: I) -> Information {
        Information(amounts.map(|amount| amount.0).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_ln_two_nats() {
        assert_eq!(Information::from_bits(1.0).nats(), std::f64::consts::LN_2);
        assert_eq!(Information::from_nats(std::f64::consts::LN_2 * 12.0).bits(), 12.0);
    }

    #[test]
    fn amounts_are_shown_in_bits() {
        assert_eq!(Information::from_bits(1.25).to_string(), "1.250 bits");
        assert_eq!(format!("{:.1}", Information::from_bits(12.0)), "12.0 bits");
        assert_eq!(Information::from_bits(-1e-9).to_string(), "0.000 bits");
        assert_eq!(Information::from_bits(-0.001).to_string(), "-0.001 bits");
        assert_eq!(Information::from_bits(f64::NEG_INFINITY).to_string(), "-inf bits");
    }
}
