//! The test of independence by permutation.

use rayon::prelude::*;

use super::local::Exchanges;
use super::resampling::Resampling;
use super::scheme::{Orders, PermutationScheme};
use super::{deviation, mean};
use crate::estimator::error::{check_fits, check_variables};
use crate::interrupt::poll;
use crate::{EstimateError, Estimator, Inference, Information, Variable, Warning};

/// The result of a test of independence, see [`permutation_test`].
#[derive(Debug, Clone, PartialEq)]
pub struct PermutationTest {
    /// The value of the samples as they are.
    pub value: Information,
    /// (1 + permutations with at least that value) / (1 + permutations).
    pub p_value: f64,
    /// The estimator whose values are compared: the one given, or a cheaper one ([`Estimator::test_statistic`]).
    pub statistic: &'static str,
    /// The mean of its values for permuted samples: its value for independent variables with these margins.
    pub null_mean: Information,
    /// The standard deviation of those values.
    pub null_deviation: Information,
    /// Permutations made: as many as were asked for, or all that there are.
    pub permutations: usize,
    /// [`Warning::SerialDependence`] if rows of X and of Y depend on the rows before them, and were permuted freely; else how many
    /// samples could not be permuted, being alone in their class of Z.
    pub warning: Option<Warning>,
}

impl PermutationTest {
    /// Returns the least p-value that so many permutations can give, 1 / (1 + permutations).
    pub fn least_p_value(&self) -> f64 {
        1.0 / (1 + self.permutations) as f64
    }
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
/// The rows of one side at least must be independent draws, in any order. If both are series, permuted rows lack
/// what makes series resemble each other by chance, and the p-values are too small: [`PermutationTest::warning`]
/// says so, and [`restricted_permutation_test`] keeps neighbouring rows together.
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
    restricted_permutation_test(estimator, x, y, PermutationScheme::Free, permutations, seed)
}

/// Tests whether two series X and Y are independent, by orders of the rows of Y that leave neighbouring rows together.
///
/// As [`permutation_test`], with the orders of a [`PermutationScheme`]. Both series must be stationary: trends
/// and sorted rows are not.
///
/// - `Rotated`: Y is moved by a lag. Lags are drawn without repetition from those that are not below the correlation
///   length on either side, which is taken to be a hundredth of the rows at most: n − 2 · shortest + 1 lags.
/// - `Blocks`: Y is cut into n / length blocks of equal length, which come in another order. Orders are drawn without
///   repetition where there are no more than a million.
///
/// Where fewer orders exist than `permutations`, all are taken, and [`PermutationTest::least_p_value`] tells the least
/// p-value that is possible: 4 blocks have 23 other orders, so that it is 1/24.
///
/// Measured with the correlation of the samples as estimator and 99 permutations, over 2000 pairs of series (100 in `free`):
/// how often p ≤ .05, for x_t = φ x_{t−1} + e_t and y_t = φ y_{t−1} + c x_{t−1} + f_t with normal innovations of correlation ρ.
///
/// | φ | ρ | c | n | free | rotated | blocks |
/// |---|---|---|---|---|---|---|
/// | .99 | 0 | 0 | 1000 | .80 | .068 | .076 |
/// | .9 | 0 | 0 | 1000 | .55 | .045 | .056 |
/// | .5 | 0 | 0 | 1000 | .12 | .051 | .057 |
/// | 0 | 0 | 0 | 1000 | .04 | .044 | .046 |
/// | .99 | 0 | 0 | 200 | .77 | .14 | .15 |
/// | .9 | 0 | 0 | 200 | .48 | .049 | .058 |
/// | .5 | 0 | 0 | 200 | .13 | .058 | .057 |
/// | 0 | 0 | 0 | 200 | .04 | .048 | .046 |
/// | .99 | .8 | 0 | 1000 | 1 | .98 | .98 |
/// | .99 | 0 | .1 | 1000 | 1 | .13 | .78 |
/// | .9 | .3 | 0 | 1000 | .97 | .88 | .90 |
///
/// Where one series acts on the other over many rows, short rotations leave much of the dependence, and blocks find it
/// more often. Were all lags below the correlation length left out, rotations would give .10 for φ = .99 and n = 1000.
///
/// A series that varies so slowly that few stretches of it are independent (n / correlation length below 20, say) tells
/// little, and every test is approximate.
///
/// # Errors
/// [`EstimateError::Setting`] if there is no permutation, or fewer than four blocks; and any error of the estimator.
///
/// # Examples
/// ```
/// use infoplane_estimators::{Gcmi, PermutationScheme, permutation_test, restricted_permutation_test};
///
/// let noise = |i: usize, factor: f64| ((i as f64 * factor).sin() * 43758.5453).rem_euclid(1.0) - 0.5;
/// let series = |factor: f64| {
///     let mut series = vec![0.0; 500];
///     (1..500).for_each(|i| series[i] = 0.95 * series[i - 1] + noise(i, factor));
///     series
/// };
/// // Two series that have nothing to do with each other.
/// let (x, y) = (series(12.9898), series(26.651));
/// let free = permutation_test(&Gcmi::default(), &x, &y, 99, 0)?;
/// assert_eq!(free.p_value, 0.01);
/// assert!(free.warning.is_some());
/// let rotated = restricted_permutation_test(&Gcmi::default(), &x, &y, PermutationScheme::Rotated, 99, 0)?;
/// assert!(rotated.p_value > 0.05);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Besag & Diggle (1977), *Simple Monte Carlo tests for spatial pattern*, Appl. Stat. 26:327, for toroidal shifts;
/// Theiler et al. (1992), *Testing for nonlinearity in time series: the method of surrogate data*, Physica D 58:77.
pub fn restricted_permutation_test<'x, 'y, E: Estimator + ?Sized>(
    estimator: &E,
    x: impl Into<Variable<'x>>,
    y: impl Into<Variable<'y>>,
    scheme: PermutationScheme,
    permutations: usize,
    seed: u64,
) -> Result<PermutationTest, EstimateError> {
    let (x, y) = (x.into(), y.into());
    check_count(permutations)?;
    check_variables(&[x.view(), y.view()])?;
    scheme.check(&x, &y)?;
    let resampling = Resampling::new(estimator, x.view(), y.view())?;
    resampling.restricted_permutation_test(scheme, permutations, seed)
}

/// Refuses no permutation, and more than fit into memory.
fn check_count(permutations: usize) -> Result<(), EstimateError> {
    if permutations == 0 {
        return Err(EstimateError::Setting { key: "permutations", given: "0".into(), allowed: "1 or more" });
    }
    check_fits("permutations", permutations)
}

pub(super) fn permute<E: Estimator + ?Sized>(
    resampling: &Resampling<'_, E>,
    scheme: PermutationScheme,
    permutations: usize,
    seed: u64,
) -> Result<PermutationTest, EstimateError> {
    check_count(permutations)?;
    let value = resampling.estimate.information;
    let n = resampling.n_samples();
    let orders = Orders::new(scheme, &resampling.variables(), permutations, seed)?;
    let free = scheme == PermutationScheme::Free;
    let given = resampling.given_variable();
    let exchanges = match &given {
        Some(z) if free => Some(Exchanges::new(z, resampling.symbols_of_given())?),
        _ => None,
    };
    let permutations = orders.count();
    let count = resampling.counter("permutations", permutations);
    let values: Vec<f64> = (0..permutations)
        .into_par_iter()
        // Stopped, it does not unwind once for each of millions.
        .panic_fuse()
        .map(|index| {
            poll();
            let value = match (&exchanges, &given) {
                (Some(exchanges), _) => resampling.of_exchanged(&exchanges.rows(n, seed, index)),
                (None, Some(_)) => resampling.of_exchanged(&orders.rows(index)),
                (None, None) => resampling.of_permuted(&orders.rows(index)),
            };
            let value = value?;
            count()?;
            Ok(value)
        })
        .collect::<Result<_, EstimateError>>()?;
    // Equal values may differ by the rounding of sums in another order; they count as reached.
    let own = resampling.value()?;
    let reached = own - 1e-12 * own.abs().max(1.0);
    let at_least = values.iter().filter(|v| **v >= reached).count();
    let mean = mean(&values);
    let of = match exchanges {
        Some(_) => Inference::ConditionalTest,
        None => Inference::Test,
    };
    let alone = exchanges.as_ref().map_or(0, Exchanges::alone);
    let alone = (alone > 0).then(|| {
        Warning::Note(format!(
            "{alone} of {n} samples have symbols of Z that no other has, and keep their X in the test"
        ))
    });
    let unresolved = exchanges.is_some() && resampling.estimate().warnings.iter().any(Warning::is_unresolved);
    let far = unresolved.then(|| {
        Warning::Note(
            "X or Y varies with Z among the samples that X is exchanged with: the p-value may be too small; take fewer \
             columns of Z, or more samples"
                .into(),
        )
    });
    Ok(PermutationTest {
        value,
        statistic: resampling.tested_name(),
        p_value: (1 + at_least) as f64 / (1 + permutations) as f64,
        null_mean: Information::from_nats(mean),
        null_deviation: Information::from_nats(deviation(&values, mean)),
        permutations,
        warning: if free { resampling.doubt(of).or(far).or(alone) } else { None },
    })
}
