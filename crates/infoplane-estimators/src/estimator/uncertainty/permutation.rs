//! The test of independence by permutation.

use rayon::prelude::*;

use super::resampling::Resampling;
use super::{deviation, mean};
use crate::random::{Purpose, generator, shuffle};
use crate::{EstimateError, Estimator, Information, Variable};

/// The result of a test of independence, see [`permutation_test`].
#[derive(Debug, Clone, PartialEq)]
pub struct PermutationTest {
    /// The value of the samples as they are.
    pub value: Information,
    /// (1 + permutations with at least that value) / (1 + permutations).
    pub p_value: f64,
    /// The mean value of permuted samples: the value of the method for independent variables with these margins.
    pub null_mean: Information,
    /// The standard deviation of those values.
    pub null_deviation: Information,
    /// Permutations made.
    pub permutations: usize,
}

/// Tests whether X and Y are independent, by permuting the rows of Y.
///
/// Permuted rows are samples of independent variables with the same margins, so the value is one of
/// 1 + `permutations` that are equally likely if X and Y are independent:
///
/// ```text
/// p = (1 + number of permuted values ≥ the value) / (1 + permutations)
/// ```
///
/// which is never 0 and, however biased the method, is at most α with probability at most α. For any method that
/// measures pairs. Cost: `permutations` times that of the estimate.
///
/// # Errors
/// [`EstimateError::Setting`] if there is no permutation; and any error of the estimator.
///
/// # Examples
/// ```
/// use infoplane_estimators::{Labels, PlugIn, Variable, permutation_test};
///
/// let x = Labels::from_symbols(&(0..200u32).map(|i| i % 5).collect::<Vec<_>>());
/// let y = Labels::from_symbols(&(0..200u32).map(|i| i % 5 / 2).collect::<Vec<_>>());
/// let plug_in = PlugIn::default();
/// let test = permutation_test(&plug_in, Variable::Labels(&x), Variable::Labels(&y), 99, 0)?;
/// assert_eq!(test.p_value, 0.01);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Phipson & Smyth (2010), *Permutation P-values should never be zero*, Stat. Appl. Genet. Mol. Biol. 9:39.
pub fn permutation_test<'x, 'y, E: Estimator + ?Sized>(
    estimator: &E,
    x: impl Into<Variable<'x>>,
    y: impl Into<Variable<'y>>,
    permutations: usize,
    seed: u64,
) -> Result<PermutationTest, EstimateError> {
    let (x, y) = (x.into(), y.into());
    let resampling = Resampling::new(estimator, x.view(), y.view())?;
    resampling.permutation_test(permutations, seed)
}

pub(super) fn permute<E: Estimator + ?Sized>(
    resampling: &Resampling<'_, E>,
    permutations: usize,
    seed: u64,
) -> Result<PermutationTest, EstimateError> {
    if permutations == 0 {
        return Err(EstimateError::Setting { key: "permutations", given: "0".into(), allowed: "1 or more" });
    }
    let value = resampling.estimate.information;
    let n = resampling.n_samples();
    let count = resampling.counter(permutations);
    let values: Vec<f64> = (0..permutations)
        .into_par_iter()
        .map(|permutation| {
            let mut rows: Vec<usize> = (0..n).collect();
            let index = 2 << 32 | permutation as u64;
            shuffle(&mut generator(seed, Purpose::Uncertainty, index), &mut rows);
            resampling.of_permuted(&rows).inspect(|_| count())
        })
        .collect::<Result<_, EstimateError>>()?;
    // Equal values may differ by the rounding of sums in another order; they count as reached.
    let own = resampling.value()?;
    let reached = own - 1e-12 * own.abs().max(1.0);
    let at_least = values.iter().filter(|v| **v >= reached).count();
    let mean = mean(&values);
    Ok(PermutationTest {
        value,
        p_value: (1 + at_least) as f64 / (1 + permutations) as f64,
        null_mean: Information::from_nats(mean),
        null_deviation: Information::from_nats(deviation(&values, mean)),
        permutations,
    })
}
