//! Whether an estimate could come from independent variables: the permutation test.

use ndarray::Axis;
use rayon::prelude::*;

use super::{EstimateError, Estimator};
use crate::random::{Purpose, generator, shuffle};
use crate::{Information, Variable};

/// The p-value of the hypothesis that X and Y are independent, by permuting the rows of Y.
///
/// ```text
/// p = (1 + number of permutations whose estimate is at least `observed`) / (1 + permutations)
/// ```
///
/// which is valid for any method and any number of samples, but never below 1/(1 + permutations): 999 of them can
/// show p = 0.001. Rows must be independent draws; those of a time series are not. It says whether there is
/// dependence, not whether the amount is right.
///
/// Cost: that many estimates. The same `seed` gives the same value for any number of threads.
///
/// # Errors
/// [`EstimateError::Setting`] without permutations; what the method says of permuted rows.
///
/// ```
/// use infoplane::dataset::generate::known::Task;
/// use infoplane::estimator::{Ksg, KsgConfig, permutation_test};
/// use infoplane::Estimator;
/// let sample = Task::named("normal").expect("a task").draw(200, 1);
/// let (x, y) = (sample.x.variable(), sample.y.variable());
/// let ksg = Ksg::new(&KsgConfig::default())?;
/// let observed = ksg.pair(x, y)?.information;
/// assert_eq!(permutation_test(&ksg, x, y, observed, 19, 0)?, 0.05);
/// # Ok::<(), infoplane::EstimateError>(())
/// ```
///
/// # References
/// Phipson & Smyth (2010), *Permutation p-values should never be zero*, Stat. Appl. Genet. Mol. Biol. 9:39.
pub fn permutation_test(
    estimator: &dyn Estimator,
    x: Variable<'_>,
    y: Variable<'_>,
    observed: Information,
    permutations: usize,
    seed: u64,
) -> Result<f64, EstimateError> {
    if permutations == 0 {
        return Err(EstimateError::Setting {
            key: "permutations",
            given: "0".into(),
            allowed: "a whole number above 0",
        });
    }
    let at_least: Result<Vec<bool>, EstimateError> = (0..permutations)
        .into_par_iter()
        .map(|permutation| {
            let mut rows: Vec<usize> = (0..y.n_samples()).collect();
            shuffle(&mut generator(seed, Purpose::Permutation, permutation as u64), &mut rows);
            let information = match y {
                Variable::Labels(labels) => {
                    estimator.pair(x.view(), Variable::Labels(&labels.select(&rows)))?.information
                }
                Variable::Single(values) => {
                    let values = values.select(Axis(0), &rows);
                    estimator.pair(x.view(), Variable::Single(values.view()))?.information
                }
                Variable::Double(values) => {
                    let values = values.select(Axis(0), &rows);
                    estimator.pair(x.view(), Variable::Double(values.view()))?.information
                }
            };
            // Rounding must not make a permutation that changes nothing fall short.
            Ok(information.nats() >= observed.nats() - 1e-12 * observed.nats().abs().max(1.0))
        })
        .collect();
    let count = at_least?.into_iter().filter(|&at_least| at_least).count();
    Ok((1 + count) as f64 / (1 + permutations) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estimator::{Ksg, KsgConfig};
    use crate::random::normal;
    use ndarray::Array2;

    #[test]
    fn p_values_of_independent_variables_are_spread_evenly() {
        let ksg = Ksg::new(&KsgConfig::default()).unwrap();
        let mut random = generator(1, Purpose::Known, 0);
        let mut draw = || Array2::from_shape_simple_fn((60, 1), || normal(&mut random));
        let values: Vec<f64> = (0..100)
            .map(|seed| {
                let (x, y) = (draw(), draw());
                let (x, y) = (Variable::Double(x.view()), Variable::Double(y.view()));
                let observed = ksg.pair(x, y).unwrap().information;
                permutation_test(&ksg, x, y, observed, 19, seed).unwrap()
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 100.0;
        // Uniform on 1/20, …, 1: mean 0.525, standard error 0.029.
        assert!((mean - 0.525).abs() < 0.1, "{mean}");
        assert!(values.iter().filter(|&&p| p <= 0.1).count() < 24);
    }

    #[test]
    fn one_class_is_never_evidence() {
        let labels = crate::Labels::from_symbols(&[0; 30]);
        let x = Array2::from_shape_fn((30, 1), |(i, _)| (i as f64).sin());
        let ross = crate::estimator::EstimatorConfig::named("ross", serde_json::json!({})).unwrap().unwrap();
        let ross = crate::estimator::Method::estimator(&ross, &Default::default()).unwrap();
        let (x, y) = (Variable::Double(x.view()), Variable::Labels(&labels));
        let observed = ross.pair(x, y).unwrap().information;
        assert_eq!(permutation_test(ross.as_ref(), x, y, observed, 9, 0), Ok(1.0));
        assert!(permutation_test(ross.as_ref(), x, y, observed, 0, 0).is_err());
    }
}
