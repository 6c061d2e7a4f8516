//! p-values of many tests, corrected for their number.

/// How p-values are corrected for the number of tests.
///
/// With p₍₁₎ ≤ … ≤ p₍ₘ₎ of m tests:
///
/// | | corrected p₍ᵢ₎ | what is at most α if columns with corrected p ≤ α are taken |
/// |---|---|---|
/// | `benjamini-hochberg` | min over j ≥ i of p₍ⱼ₎ m / j | the expected share of false ones among those taken, for tests that are independent or positively dependent |
/// | `benjamini-yekutieli` | that, times 1 + ½ + … + 1/m | the same, whatever their dependence |
/// | `holm` | max over j ≤ i of p₍ⱼ₎ (m − j + 1) | the probability that any is false, whatever their dependence |
/// | `bonferroni` | p₍ᵢ₎ m | the same |
/// | `none` | p₍ᵢ₎ | nothing: of m columns that have nothing to do with the target α m are taken |
///
/// No corrected value exceeds 1.
///
/// ```
/// use infoplane_estimators::rank::MultipleTests;
/// let p = [Some(0.01), None, Some(0.04), Some(0.02)];
/// assert_eq!(MultipleTests::BenjaminiHochberg.corrected(&p), [Some(0.03), None, Some(0.04), Some(0.03)]);
/// assert_eq!(MultipleTests::Holm.corrected(&p), [Some(0.03), None, Some(0.04), Some(0.04)]);
/// ```
///
/// # References
/// Benjamini & Hochberg (1995), *JRSS B* 57:289; Benjamini & Yekutieli (2001), *Ann. Stat.* 29:1165; Holm (1979), *Scand. J. Stat.* 6:65.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MultipleTests {
    /// The false discovery rate.
    #[default]
    BenjaminiHochberg,
    /// The false discovery rate under any dependence.
    BenjaminiYekutieli,
    /// The probability of any false discovery.
    Holm,
    /// The same, simpler and never stronger.
    Bonferroni,
    /// None.
    None,
}

impl MultipleTests {
    /// All of them.
    pub const ALL: [MultipleTests; 5] = [
        MultipleTests::BenjaminiHochberg,
        MultipleTests::BenjaminiYekutieli,
        MultipleTests::Holm,
        MultipleTests::Bonferroni,
        MultipleTests::None,
    ];

    /// Returns its name on the command line and in Python.
    pub const fn name(self) -> &'static str {
        match self {
            MultipleTests::BenjaminiHochberg => "benjamini-hochberg",
            MultipleTests::BenjaminiYekutieli => "benjamini-yekutieli",
            MultipleTests::Holm => "holm",
            MultipleTests::Bonferroni => "bonferroni",
            MultipleTests::None => "none",
        }
    }

    /// Returns the correction of this name.
    pub fn named(name: &str) -> Option<MultipleTests> {
        MultipleTests::ALL.into_iter().find(|correction| correction.name() == name)
    }

    /// Returns the corrected p-values; those that are not there are no tests.
    pub fn corrected(self, p_values: &[Option<f64>]) -> Vec<Option<f64>> {
        let mut order: Vec<(f64, usize)> =
            p_values.iter().enumerate().filter_map(|(at, p)| p.map(|p| (p, at))).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let m = order.len();
        let mut corrected = vec![None; p_values.len()];
        let harmonic = || (1..=m).map(|j| 1.0 / j as f64).sum::<f64>();
        match self {
            MultipleTests::None => return p_values.to_vec(),
            MultipleTests::Bonferroni => {
                order.iter().for_each(|&(p, at)| corrected[at] = Some((p * m as f64).min(1.0)));
            }
            MultipleTests::Holm => {
                let mut most = 0f64;
                for (j, &(p, at)) in order.iter().enumerate() {
                    most = most.max(p * (m - j) as f64);
                    corrected[at] = Some(most.min(1.0));
                }
            }
            MultipleTests::BenjaminiHochberg | MultipleTests::BenjaminiYekutieli => {
                let factor = if self == MultipleTests::BenjaminiYekutieli { harmonic() } else { 1.0 };
                let mut least = f64::INFINITY;
                for (j, &(p, at)) in order.iter().enumerate().rev() {
                    least = least.min(p * m as f64 / (j + 1) as f64 * factor);
                    corrected[at] = Some(least.min(1.0));
                }
            }
        }
        corrected
    }

    /// The p-value that one of m tests needs for a corrected one of α, if all others are 1.
    pub(super) fn needed(self, m: usize, alpha: f64) -> f64 {
        let m = m.max(1);
        match self {
            MultipleTests::None => alpha,
            MultipleTests::BenjaminiYekutieli => {
                alpha / m as f64 / (1..=m).map(|j| 1.0 / j as f64).sum::<f64>()
            }
            _ => alpha / m as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The p-values of 8 tests, and the formulas by hand.
    #[test]
    fn corrected_values_are_those_of_the_formulas() {
        let p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205];
        let harmonic: f64 = (1..=8).map(|j| 1.0 / f64::from(j)).sum();
        let bh = [0.008, 0.032, 0.0672, 0.0672, 0.0672, 0.08, 0.592 / 7.0, 0.205];
        let given: Vec<Option<f64>> = p.iter().copied().map(Some).collect();
        let close = |found: Vec<Option<f64>>, expected: &[f64]| {
            for (found, expected) in found.into_iter().zip(expected) {
                assert!((found.unwrap() - expected).abs() < 1e-15, "{found:?} {expected}");
            }
        };
        close(MultipleTests::BenjaminiHochberg.corrected(&given), &bh);
        let by: Vec<f64> = bh.iter().map(|p| (p * harmonic).min(1.0)).collect();
        close(MultipleTests::BenjaminiYekutieli.corrected(&given), &by);
        close(
            MultipleTests::Holm.corrected(&given),
            &[0.008, 0.056, 0.234, 0.234, 0.234, 0.234, 0.234, 0.234],
        );
        close(
            MultipleTests::Bonferroni.corrected(&given),
            &[0.008, 0.064, 0.312, 0.328, 0.336, 0.48, 0.592, 1.0],
        );
        close(MultipleTests::None.corrected(&given), &p);
    }

    #[test]
    fn one_small_p_value_among_many_of_one_is_what_is_needed() {
        for correction in MultipleTests::ALL {
            let needed = correction.needed(40, 0.05);
            let mut p = vec![Some(1.0); 40];
            p[7] = Some(needed);
            let corrected = correction.corrected(&p)[7].unwrap();
            assert!((corrected - 0.05).abs() < 1e-15, "{correction:?} {corrected}");
            assert_eq!(MultipleTests::named(correction.name()), Some(correction));
        }
        assert_eq!(MultipleTests::named("bh"), None);
        assert_eq!(MultipleTests::Holm.corrected(&[None, None]), [None, None]);
    }
}
