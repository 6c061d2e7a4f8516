//! KSG of numbers that repeat: ranks with ties broken at random, as normal scores.

use ndarray::Array2;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interrupt;
use crate::random::{Purpose, generator};

use super::super::input::{columns, untied_normal_scores};
use super::{K, Ksg, check_k, check_samples};
use crate::{
    Estimate, EstimateError, EstimateKind, Estimator, EstimatorInfo, Family, Information, LabelSides,
    Quantity, Scaling, Uncertainty, Variable, Warning,
};

/// Different values in a column below which intervals of ranks are so wide that neighbours see steps, not a density:
/// five symbols against a uniform column have an error of .054 where a method for symbols has .017.
const FEW_VALUES: usize = 10;

/// Mutual information of numbers of which some repeat, by KSG-1 of ranks with ties broken at random.
///
/// Every value of a column that m samples share becomes m ranks next to each other, given to them in random order, and a
/// rank becomes its normal score. A value is known again from the interval of its ranks, and the place within the
/// interval is drawn independently of everything: the map loses nothing and adds nothing, so that
///
/// ```text
/// I(X;Y) = I(X';Y')
/// ```
///
/// while X' and Y' have densities, as KSG takes for granted. The estimate is the mean over some draws of the order, which
/// takes away most of the noise of a single one.
///
/// For rounded numbers, counts of many values, rectified units and other columns with some values that repeat, up to four
/// columns in all or so. A handful of symbols is better measured as symbols ([`Ross`](super::Ross),
/// [`MixedKsg`](super::MixedKsg)): a note says so below ten values. Samples that coincide in all columns are
/// separated too, so that rows that were entered twice are not noticed here.
///
/// Inputs: `(n_samples, width)` each. Nats. Time `draws` times that of [`Ksg`], memory O(n (k + d)) for each thread. A
/// constant variable gives 0 with a warning.
///
/// # Errors
/// As [`Ksg`], but for ties, of which there are none.
///
/// ```
/// use infoplane_estimators::{Measure, UntiedKsg};
/// use infoplane_estimators::known::{Task, Values};
/// let sample = Task::named("normal").expect("a task of that name").draw(1000, 1);
/// let Values::Numbers(x) = &sample.x else { panic!("numbers") };
/// let rounded = x.mapv(|v| (10.0 * v).round() / 10.0);
/// let estimate = UntiedKsg::default().pair(&rounded, &sample.y)?;
/// assert!((estimate.information.nats() - sample.information.nats()).abs() < 0.1);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Kraskov, Stögbauer & Grassberger (2004), *Physical Review E* 69:066138, for the information of the ranks; Rüschendorf
/// (2009), *Journal of Statistical Planning and Inference* 139:3921, for the distributional transform.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UntiedKsg {
    /// Number of neighbours of each point, at least 1.
    pub k: usize,
    /// Number of random orders of equal values, at least 1.
    pub draws: usize,
    /// Seed of the orders.
    pub seed: u64,
}

impl Default for UntiedKsg {
    fn default() -> Self {
        UntiedKsg { k: K, draws: 8, seed: 0 }
    }
}

impl UntiedKsg {
    pub(in super::super) const INFO: &EstimatorInfo = &EstimatorInfo {
        name: "untied-ksg",
        title: "untied KSG",
        family: Family::Neighbors,
        estimates: "I(X;Y) and total correlation of numbers that may repeat",
        when: "few columns that are rounded, counts of many values, or zero for many samples",
        cost: "draws times ksg",
        offers: &[Quantity::Information, Quantity::TotalCorrelation],
        labels: LabelSides::None,
        with_noise: None,
        reference: "the distributional transform before Kraskov, Stögbauer & Grassberger (2004)",
        uncertainty: Uncertainty::Subsampling,
    };
}

impl Estimator for UntiedKsg {
    fn info(&self) -> &'static EstimatorInfo {
        Self::INFO
    }

    fn setting(&self) -> String {
        format!("k={}, draws={}, seed={}", self.k, self.draws, self.seed)
    }

    fn check(&self) -> Result<(), EstimateError> {
        check_k(self.k)?;
        if self.draws == 0 {
            let (given, allowed) = ("0".into(), "a whole number above 0");
            return Err(EstimateError::Setting { key: "draws", given, allowed });
        }
        Ok(())
    }

    fn estimate_pair(&self, x: Variable<'_>, y: Variable<'_>) -> Result<Estimate, EstimateError> {
        self.estimate_total_correlation(&[x.view(), y.view()])
    }

    /// A constant part adds nothing and is excluded.
    fn estimate_total_correlation(&self, variables: &[Variable<'_>]) -> Result<Estimate, EstimateError> {
        let estimator = self.name();
        let n = variables.first().map_or(0, Variable::n_samples);
        check_samples(estimator, self.k, n)?;
        let mut constant = 0;
        let mut parts = Vec::with_capacity(variables.len());
        for variable in variables {
            let part = columns(variable, Scaling::None).ok_or(EstimateError::NeedsMatrix { estimator })?;
            constant += part.constant;
            if part.values.ncols() > 0 {
                parts.push(part.values);
            }
        }
        let ksg = Ksg { k: self.k, scaling: Scaling::None };
        let measured = (0..self.draws as u64)
            .into_par_iter()
            .map(|draw| {
                let mut random = generator(self.seed, Purpose::Nearest, draw);
                let untied: Vec<Array2<f64>> =
                    parts.iter().map(|part| untied_normal_scores(part.view(), &mut random)).collect();
                ksg.measure(&untied.iter().collect::<Vec<_>>()).map(|found| (found.nats, found.ceiling))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let draws = self.draws as f64;
        let nats = measured.iter().map(|(nats, _)| nats).sum::<f64>() / draws;
        let ceiling = measured.iter().map(|(_, ceiling)| ceiling).sum::<f64>() / draws;
        let mut warnings =
            if constant > 0 { vec![Warning::ConstantColumns { columns: constant }] } else { Vec::new() };
        let fewest = parts.iter().flat_map(|part| part.columns()).map(|column| {
            let mut values: Vec<f64> = column.to_vec();
            interrupt::sort_by(&mut values, f64::total_cmp);
            values.dedup();
            values.len()
        });
        if let Some(values) = fewest.min()
            && values < FEW_VALUES
            && values < n
        {
            warnings.push(Warning::Note(format!(
                "a column holds only {values} different values: as symbols (ross, mixed-ksg) they are measured better"
            )));
        }
        let ceiling = Information::from_nats(ceiling);
        if nats > ceiling.nats() - super::NEAR_CEILING {
            warnings.push(Warning::NearCeiling { ceiling });
        }
        let estimate = Estimate::new(Information::from_nats(nats), EstimateKind::Consistent, variables);
        Ok(Estimate { ceiling: Some(ceiling), warnings, ..estimate })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{correlated, double, gaussian_information, normals};
    use super::*;
    use crate::Measure;

    fn nats(x: &Array2<f64>, y: &Array2<f64>) -> f64 {
        UntiedKsg::default().pair(double(x), double(y)).unwrap().information.nats()
    }

    /// Mean absolute errors over 12 samples of 1000; what is lost by rounding to a tenth is below .002.
    #[test]
    fn rounded_and_rectified_columns_lose_no_more_than_smooth_ones() {
        let truth = gaussian_information(0.75);
        let tenth = |v: f64| (10.0 * v).round() / 10.0;
        // Of a rectified normal column, by P(x > 0 | y) and a sum over a fine grid: see `rectified_truth`.
        let rectified = rectified_truth(0.75);
        let (mut one, mut both, mut relu, mut smooth) = (0.0, 0.0, 0.0, 0.0);
        for seed in 0..12 {
            let (x, y) = correlated(1000, 1, 0.75, 200 + seed);
            let error = |x: &Array2<f64>, y: &Array2<f64>, truth: f64| (nats(x, y) - truth).abs() / 12.0;
            smooth += error(&x, &y, truth);
            one += error(&x.mapv(tenth), &y, truth);
            both += error(&x.mapv(tenth), &y.mapv(tenth), truth);
            relu += error(&x.mapv(|v| v.max(0.0)), &y, rectified);
        }
        // Plain neighbours of scores that share ranks are off by .15 with x rounded, and refuse both rounded.
        for (what, error) in [("one", one), ("both", both), ("relu", relu), ("smooth", smooth)] {
            assert!(error < 0.035, "{what}: {error}");
        }
    }

    /// I(max(x, 0); y) for normal x and y: of the sign, and of the value above 0.
    fn rectified_truth(rho: f64) -> f64 {
        use crate::special::erfc;
        let density = |v: f64| (-0.5 * v * v).exp() / std::f64::consts::TAU.sqrt();
        let below = |v: f64| 0.5 * erfc(-v / std::f64::consts::SQRT_2);
        let scale = (1.0 - rho * rho).sqrt();
        let step = 0.01;
        let mut sum = 0.0;
        for i in -800..800 {
            let y = (f64::from(i) + 0.5) * step;
            // P(x ≤ 0 | y) against a half.
            let zero = below(-rho * y / scale);
            sum += density(y) * zero * (2.0 * zero).max(1e-300).ln() * step;
            for j in 0..800 {
                let x = (f64::from(j) + 0.5) * step;
                let given = density((x - rho * y) / scale) / scale;
                let ratio = given.max(1e-300) / density(x).max(1e-300);
                sum += density(y) * given * ratio.ln() * step * step;
            }
        }
        sum
    }

    #[test]
    fn without_ties_it_is_ksg_of_normal_scores() {
        let (x, y) = correlated(300, 1, 0.5, 1);
        let plain = Ksg { scaling: Scaling::NormalScores, ..Ksg::default() };
        let plain = plain.pair(double(&x), double(&y)).unwrap().information.nats();
        assert!((nats(&x, &y) - plain).abs() < 1e-12);
    }

    #[test]
    fn a_handful_of_symbols_has_a_note() {
        let x = normals(300, 1, 1).mapv(|v| v.round().clamp(-2.0, 2.0));
        let estimate = UntiedKsg::default().pair(double(&x), double(&normals(300, 1, 2))).unwrap();
        assert!(estimate.warnings.iter().any(|warning| warning.to_string().contains("5 different values")));
        assert!(estimate.information.nats().abs() < 0.15, "{estimate:?}");
    }
}
