//! Information of symbols as a share of their entropies.

use serde::{Deserialize, Serialize};

use crate::{Estimate, EstimateError, Estimator, Family, Information, Measure, Variable, VariableKind};

/// What I(X;Y) is divided by.
///
/// | | formula | is 1 where |
/// |---|---|---|
/// | `Joint` | I / H(X,Y) | X and Y determine each other |
/// | `Max` | I / max(H(X), H(Y)) | X and Y determine each other |
/// | `Sum` | 2 I / (H(X) + H(Y)) | X and Y determine each other |
/// | `Sqrt` | I / √(H(X) H(Y)) | X and Y determine each other |
/// | `Min` | I / min(H(X), H(Y)) | one determines the other |
///
/// Of the same samples they ascend in this order. 1 minus `Joint` and 1 minus `Max` are metrics.
///
/// # References
/// Vinh, Epps & Bailey (2010), *JMLR* 11:2837, table 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalisation {
    /// H(X,Y).
    Joint,
    /// The larger of H(X) and H(Y).
    Max,
    /// Half of H(X) + H(Y).
    Sum,
    /// The geometric mean of H(X) and H(Y).
    Sqrt,
    /// The smaller of H(X) and H(Y).
    Min,
}

impl Normalisation {
    /// All of them, the one with the smallest values first.
    pub const ALL: [Normalisation; 5] = [
        Normalisation::Joint,
        Normalisation::Max,
        Normalisation::Sum,
        Normalisation::Sqrt,
        Normalisation::Min,
    ];

    /// Returns its name on the command line and in Python.
    pub const fn name(self) -> &'static str {
        match self {
            Normalisation::Joint => "joint",
            Normalisation::Max => "max",
            Normalisation::Sum => "sum",
            Normalisation::Sqrt => "sqrt",
            Normalisation::Min => "min",
        }
    }

    /// Returns what it divides by.
    pub const fn formula(self) -> &'static str {
        match self {
            Normalisation::Joint => "I/H(X,Y)",
            Normalisation::Max => "I/max(H(X), H(Y))",
            Normalisation::Sum => "2I/(H(X) + H(Y))",
            Normalisation::Sqrt => "I/√(H(X) H(Y))",
            Normalisation::Min => "I/min(H(X), H(Y))",
        }
    }
}

/// The information and the entropies of two variables of symbols, by one estimator.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalisedInformation {
    /// I(X;Y).
    pub information: Information,
    /// H(X).
    pub entropy_x: Information,
    /// H(Y).
    pub entropy_y: Information,
}

impl NormalisedInformation {
    /// As [`normalised_information`], from an estimate of the same variables.
    ///
    /// # Errors
    /// As [`normalised_information`].
    pub fn of<E: Estimator + ?Sized>(
        estimator: &E,
        estimate: &Estimate,
        x: Variable<'_>,
        y: Variable<'_>,
    ) -> Result<Self, EstimateError> {
        let (info, kinds) = match &estimate.choice {
            Some(choice) => (choice.estimator.info(), &choice.kinds[..]),
            None => (estimator.info(), &[][..]),
        };
        if info.family != Family::Counts || kinds.iter().any(|kind| *kind != VariableKind::Names) {
            return Err(EstimateError::Undetermined {
                reason: "normalised information is divided by entropies, and those of numbers are differential: they depend on \
                         units and may be 0 or less"
                    .into(),
                choices: "take both sides as symbols, or Linfoot's coefficient of correlation, √(1 − e^−2I)",
            });
        }
        let symbols = [x.symbols(), y.symbols()];
        let entropy = |labels: &crate::Labels| -> Result<Information, EstimateError> {
            if labels.n_labels() < 2 {
                return Ok(Information::ZERO);
            }
            let of = |estimator: &dyn Estimator| estimator.entropy(labels).map(|found| found.information);
            match &estimate.choice {
                Some(choice) => of(&choice.estimator),
                None => Ok(estimator.entropy(labels)?.information),
            }
        };
        let [entropy_x, entropy_y] = [entropy(&symbols[0])?, entropy(&symbols[1])?];
        Ok(NormalisedInformation { information: estimate.information, entropy_x, entropy_y })
    }

    /// Returns H(X,Y) = H(X) + H(Y) − I(X;Y).
    pub fn joint_entropy(&self) -> Information {
        self.entropy_x + self.entropy_y - self.information
    }

    /// Returns the information as a share; `None` where it would be divided by an entropy of 0, so that no share is defined.
    ///
    /// From 0 to 1 for the entropies of counts as they are ([`PlugIn`](crate::PlugIn)); corrected ones may leave this range by their
    /// error, and are returned unchanged.
    pub fn value(&self, by: Normalisation) -> Option<f64> {
        let [i, x, y] = [self.information, self.entropy_x, self.entropy_y].map(Information::nats);
        let divisor = match by {
            Normalisation::Joint => self.joint_entropy().nats(),
            Normalisation::Max => x.max(y),
            Normalisation::Sum => 0.5 * (x + y),
            Normalisation::Sqrt => (x.max(0.0) * y.max(0.0)).sqrt(),
            Normalisation::Min => x.min(y),
        };
        (divisor > 0.0).then(|| i / divisor)
    }
}

/// Estimates I(X;Y) of symbols with the entropies that it may be divided by.
///
/// For estimators of counts, and for one that chooses such an estimator ([`Auto`](crate::Auto)); all entropies are those of the same
/// estimator, since a corrected information over entropies that are not corrected may exceed 1 by any amount.
///
/// # Errors
/// [`EstimateError::Undetermined`] for numbers: their entropies are differential, depend on units and may be 0 or less. For these there
/// is [`Information::linfoot_correlation`]. Else as [`Measure::pair`].
///
/// # Examples
/// ```
/// use infoplane_estimators::{Labels, Normalisation, PlugIn, normalised_information};
/// let [x, y] = [[0, 0, 1, 1], [0, 1, 1, 1]].map(|symbols| Labels::from_symbols(&symbols));
/// let (_, found) = normalised_information(&PlugIn::default(), &x, &y)?;
/// assert!((found.value(Normalisation::Sum).unwrap() - 0.3437110185).abs() < 1e-10);
/// // A constant has no entropy to have a share of.
/// let constant = Labels::from_symbols(&[7, 7, 7, 7]);
/// let (_, found) = normalised_information(&PlugIn::default(), &x, &constant)?;
/// assert_eq!((found.value(Normalisation::Min), found.value(Normalisation::Max)), (None, Some(0.0)));
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Vinh, Epps & Bailey (2010), *Information theoretic measures for clusterings comparison*, JMLR 11:2837.
pub fn normalised_information<'x, 'y, E: Estimator + ?Sized>(
    estimator: &E,
    x: impl Into<Variable<'x>>,
    y: impl Into<Variable<'y>>,
) -> Result<(Estimate, NormalisedInformation), EstimateError> {
    let (x, y): (Variable<'x>, Variable<'y>) = (x.into(), y.into());
    let estimate = estimator.pair(x.view(), y.view())?;
    let found = NormalisedInformation::of(estimator, &estimate, x, y)?;
    Ok((estimate, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, normal, uniform};
    use crate::{Auto, ChaoWangJost, Labels, PlugIn};

    /// Of counts by hand: I = .3112781245 bits, H(X) = 1, H(Y) = .8112781245, H(X,Y) = 1.5. The last four are also those of
    /// normalized_mutual_info_score in scikit-learn 1.9, by the averages max, arithmetic, geometric and min.
    #[test]
    fn shares_are_those_of_counts() {
        let [x, y] = [[0, 0, 1, 1], [0, 1, 1, 1]].map(|symbols| Labels::from_symbols(&symbols));
        let (estimate, found) = normalised_information(&PlugIn::default(), &x, &y).unwrap();
        assert!((estimate.information.bits() - 0.3112781245).abs() < 1e-10);
        assert!((found.joint_entropy().bits() - 1.5).abs() < 1e-12);
        let expected = [0.2075187496, 0.3112781245, 0.3437110185, 0.3455920299, 0.3836885466];
        for (by, expected) in Normalisation::ALL.into_iter().zip(expected) {
            assert!((found.value(by).unwrap() - expected).abs() < 1e-10, "{by:?}");
        }
    }

    #[test]
    fn shares_ascend_and_are_1_for_a_relabelling() {
        let mut random = generator(3, Purpose::Known, 83);
        for round in 0..50 {
            let n = 5 + round;
            let mut draw =
                |m: f64| -> Vec<u32> { (0..n).map(|_| (m * uniform(&mut random)) as u32).collect() };
            let (x, y) = (draw(4.0), draw(3.0));
            let renamed: Vec<u32> = x.iter().map(|v| 9 - v).collect();
            let merged: Vec<u32> = x.iter().map(|v| v / 2).collect();
            let [x, y, renamed, merged] = [x, y, renamed, merged].map(|v| Labels::from_symbols(&v));
            let of = |y: &Labels| {
                let found = normalised_information(&PlugIn::default(), &x, y).unwrap().1;
                Normalisation::ALL.map(|by| found.value(by))
            };
            let values = of(&y).map(|value| value.unwrap());
            assert!(values.is_sorted() && values[0] > -1e-12 && values[4] < 1.0 + 1e-12, "{values:?}");
            assert!(of(&renamed).iter().all(|value| (value.unwrap() - 1.0).abs() < 1e-12));
            if merged.n_labels() > 1 {
                assert!((of(&merged)[4].unwrap() - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn no_entropy_gives_no_share_and_numbers_are_refused() {
        let constant = Labels::from_symbols(&[1; 30]);
        let x = Labels::from_symbols(&(0..30).map(|i| i % 3).collect::<Vec<_>>());
        for estimator in [&PlugIn::default() as &dyn Estimator, &ChaoWangJost::default(), &Auto::default()] {
            let of = |x: &Labels, y: &Labels| {
                let found = normalised_information(estimator, x, y).unwrap().1;
                Normalisation::ALL.map(|by| found.value(by))
            };
            assert_eq!(of(&constant, &constant), [None; 5], "{}", estimator.name());
            assert_eq!(of(&x, &constant), [Some(0.0), Some(0.0), Some(0.0), None, None]);
        }
        let mut random = generator(3, Purpose::Known, 84);
        let numbers: Vec<f64> = (0..100).map(|_| normal(&mut random)).collect();
        let class = Labels::from_symbols(&(0..100).map(|i| i % 3).collect::<Vec<_>>());
        for estimator in [&Auto::default() as &dyn Estimator, &crate::Ross::default()] {
            let refused = normalised_information(estimator, &numbers, &class).unwrap_err();
            assert!(refused.to_string().contains("differential"), "{refused}");
        }
        // Of columns of few values Auto makes symbols; its correction of the joint entropy is that of 100 samples.
        let bits: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let found = normalised_information(&Auto::default(), &bits, &bits).unwrap().1;
        assert!((found.value(Normalisation::Joint).unwrap() - 1.0).abs() < 0.05, "{found:?}");
    }
}
