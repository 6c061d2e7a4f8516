//! Permutations of X among samples of similar Z.

use ndarray::{Array2, Axis};
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;

use super::permutation::PermutationTest;
use super::resampling::Resampling;
use crate::estimator::input::Scaling;
use crate::estimator::knn::{Parts, classes};
use crate::neighbors::{Metric, Neighbors};
use crate::random::{Purpose, below, generator, shuffle};
use crate::{EstimateError, Estimator, Variable};

/// Nearest neighbours in Z with which a sample exchanges its X.
const NEIGHBOURS: usize = 5;
/// Exchanges that are tried for every sample.
const EXCHANGES: usize = 20;

/// Tests whether X and Y are independent given Z, by permuting X among samples of similar Z.
///
/// For symbols Z the rows of X are permuted within each class of Z. For numbers, two samples may exchange their X if
/// one is among the 5 nearest neighbours of the other in Z (columns replaced by normal scores, largest difference of a
/// coordinate); for symbols and numbers, among those with its symbols: 20 exchanges are tried for every sample, and none is made that would bring an X to a sample that is
/// not a neighbour of its own. Such samples have the distribution of X given Z and of Y given Z, and no dependence
/// beyond that. A sample whose symbols of Z no other has keeps its X; where most do, the test is refused:
///
/// ```text
/// p = (1 + number of permuted values ≥ the value) / (1 + permutations)
/// ```
///
/// For any estimator that offers conditional information. Every X is used once, in contrast to the published scheme,
/// which draws some twice, so that samples do not coincide. X should vary little with Z among neighbours: with few
/// samples, many columns of Z or an X that nearly follows from Z, the p-values are too small, of which the test then warns. The
/// samples must be
/// independent draws, or Y given Z must not depend on earlier samples.
///
/// Measured with [`Ksg`](crate::Ksg) on 200 samples each of normal Z, X = Z + noise and Y = Z + c X + noise: how often
/// p ≤ 5 % and p ≤ 20 %.
///
/// | n | deviation of the noise | c | p ≤ .05 | p ≤ .2 |
/// |---|---|---|---|---|
/// | 100 | .7 | 0 | .040 | .195 |
/// | 100 | .2 | 0 | .035 | .175 |
/// | 300 | .7 | 0 | .045 | .205 |
/// | 300 | .2 | 0 | .050 | .175 |
/// | 100 | .7 | .3 | .245 | .560 |
/// | 300 | .7 | .3 | .415 | .760 |
///
/// Nats. Cost: `permutations` times that of the estimate.
///
/// # Errors
/// [`EstimateError::Setting`] if there is no permutation; [`EstimateError::Undetermined`] if most samples have symbols of Z that no
/// other has; and as [`Measure::conditional`](crate::Measure::conditional).
///
/// # Examples
/// ```
/// use infoplane_estimators::{Ksg, Variable, conditional_permutation_test};
///
/// let noise = |i: usize, factor: f64| ((i as f64 * factor).sin() * 43758.5453).rem_euclid(1.0);
/// let z: Vec<f64> = (1..=200).map(|i| noise(i, 12.9898)).collect();
/// let x: Vec<f64> = z.iter().zip(1..).map(|(z, i)| z + noise(i, 78.233)).collect();
/// let y: Vec<f64> = x.iter().zip(1..).map(|(x, i)| x + noise(i, 39.425)).collect();
/// let test = |x, y, z| conditional_permutation_test(&Ksg::default(), x, y, z, 39, 0);
/// // Y follows from X; Z tells nothing of it that X does not.
/// assert_eq!(test(&x, &y, &z)?.p_value, 0.025);
/// assert!(test(&z, &y, &x)?.p_value > 0.05);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Runge (2018), *Conditional independence testing based on a nearest-neighbor estimator of conditional mutual
/// information*, AISTATS 84:938.
pub fn conditional_permutation_test<'x, 'y, 'z, E: Estimator + ?Sized>(
    estimator: &E,
    x: impl Into<Variable<'x>>,
    y: impl Into<Variable<'y>>,
    z: impl Into<Variable<'z>>,
    permutations: usize,
    seed: u64,
) -> Result<PermutationTest, EstimateError> {
    let (x, y, z): (Variable<'x>, Variable<'y>, Variable<'z>) = (x.into(), y.into(), z.into());
    Resampling::conditional(estimator, x.view(), y.view(), z.view())?.permutation_test(permutations, seed)
}

/// With which samples each may exchange its X.
#[derive(Debug)]
pub(super) enum Exchanges {
    /// Those of its class.
    Classes(Vec<Vec<usize>>),
    /// Its neighbours and those whose neighbour it is, ascending.
    Neighbours(Vec<Vec<u32>>),
}

impl Exchanges {
    /// Those for Z, of which some columns are symbols.
    pub(super) fn new(z: &Variable<'_>, symbols: &[usize]) -> Result<Exchanges, EstimateError> {
        let parts = Parts::new(z, symbols, Scaling::NormalScores);
        let classes = classes(&[&parts]);
        let n = z.n_samples();
        let exchanges = match parts.numbers.ncols() {
            0 => Exchanges::Classes(classes),
            _ => {
                let mut near = vec![Vec::new(); n];
                for rows in &classes {
                    let own = parts.numbers.select(Axis(0), rows);
                    for (&row, others) in rows.iter().zip(neighbours(&own)) {
                        near[row] = others.into_iter().map(|place| rows[place as usize] as u32).collect();
                    }
                }
                Exchanges::Neighbours(near)
            }
        };
        let alone = exchanges.alone();
        if 2 * alone > n {
            return Err(EstimateError::Undetermined {
                reason: format!(
                    "{alone} of {n} samples have symbols of Z that no other has, so that their X cannot be permuted"
                ),
                choices: "join symbols that are rare, or take the columns of Z as numbers",
            });
        }
        Ok(exchanges)
    }

    /// Samples that can exchange their X with no other.
    pub(super) fn alone(&self) -> usize {
        match self {
            Exchanges::Classes(classes) => classes.iter().filter(|rows| rows.len() == 1).count(),
            Exchanges::Neighbours(near) => near.iter().filter(|near| near.is_empty()).count(),
        }
    }

    /// The rows in an order in which every X is at a sample of similar Z.
    pub(super) fn rows(&self, n: usize, seed: u64, index: usize) -> Vec<usize> {
        let mut random = generator(seed, Purpose::Uncertainty, 5 << 32 | index as u64);
        let mut rows: Vec<usize> = (0..n).collect();
        match self {
            Exchanges::Classes(classes) => {
                for class in classes {
                    let mut order = class.clone();
                    shuffle(&mut random, &mut order);
                    class.iter().zip(order).for_each(|(&row, other)| rows[row] = other);
                }
            }
            Exchanges::Neighbours(near) => exchange(&mut rows, near, &mut random),
        }
        rows
    }
}

fn neighbours(points: &Array2<f64>) -> Vec<Vec<u32>> {
    let n = points.nrows();
    let k = NEIGHBOURS.min(n - 1);
    if k == 0 {
        return vec![Vec::new(); n];
    }
    let nearest = Neighbors::new(points.view(), Metric::Chebyshev).nearest(k);
    let mut near = vec![Vec::with_capacity(2 * k); n];
    for row in 0..n {
        for &other in nearest.indices(row) {
            near[row].push(other);
            near[other as usize].push(row as u32);
        }
    }
    near.par_iter_mut().for_each(|near| {
        near.sort_unstable();
        near.dedup();
    });
    near
}

/// A walk over the permutations that move every X to a neighbour at most: exchanges are made as often in one direction
/// as in the other, so that all of them become equally likely.
fn exchange(rows: &mut [usize], near: &[Vec<u32>], random: &mut impl Rng) {
    let n = rows.len();
    let allowed = |row: usize, of: usize| row == of || near[row].binary_search(&(of as u32)).is_ok();
    for _ in 0..EXCHANGES * n {
        let row = below(random, n as u32) as usize;
        let Some(places) = u32::try_from(near[row].len()).ok().filter(|places| *places > 0) else { continue };
        let other = near[row][below(random, places) as usize] as usize;
        if allowed(row, rows[other]) && allowed(other, rows[row]) {
            rows.swap(row, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Labels;
    use crate::random::normal;

    #[test]
    fn every_x_stays_with_its_neighbours_and_most_move() {
        let mut random = generator(3, Purpose::Known, 60);
        let z: Vec<f64> = (0..300).map(|_| normal(&mut random)).collect();
        let exchanges = Exchanges::new(&Variable::from(&z), &[]).unwrap();
        let rows = exchanges.rows(300, 1, 0);
        let mut sorted = z.clone();
        sorted.sort_by(f64::total_cmp);
        let rank = |row: usize| sorted.partition_point(|v| *v < z[row]) as i64;
        // On a line the five nearest are at most five ranks away.
        assert!((0..300).all(|row| (rank(row) - rank(rows[row])).abs() <= 5));
        assert!((0..300).filter(|&row| rows[row] != row).count() > 200);
        let mut all = rows.clone();
        all.sort_unstable();
        assert_eq!(all, (0..300).collect::<Vec<_>>());
        assert_ne!(rows, exchanges.rows(300, 1, 1));
    }

    #[test]
    fn symbols_of_z_are_never_exchanged_and_samples_alone_stay() {
        let mut random = generator(3, Purpose::Known, 62);
        let n = 200;
        let z =
            Array2::from_shape_fn((n, 2), |(i, j)| if j == 0 { (i % 3) as f64 } else { normal(&mut random) });
        let mut z = z;
        z[(7, 0)] = 9.0;
        let exchanges = Exchanges::new(&Variable::from(&z), &[0]).unwrap();
        assert_eq!(exchanges.alone(), 1);
        let rows = exchanges.rows(n, 1, 0);
        assert_eq!(rows[7], 7);
        assert!((0..n).all(|row| z[(row, 0)] == z[(rows[row], 0)]));
        assert!((0..n).filter(|&row| rows[row] != row).count() > n / 2);
        let alone = Labels::distinct(30);
        assert_eq!(Exchanges::new(&Variable::Labels(&alone), &[]).unwrap_err().code(), "undetermined");
    }

    /// Three samples in a row, the outer two no neighbours: of the six orders, the three that move none by two are
    /// equally likely.
    #[test]
    fn allowed_permutations_are_equally_likely() {
        let near = vec![vec![1], vec![0, 2], vec![1]];
        let mut random = generator(3, Purpose::Known, 61);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..3000 {
            let mut rows = vec![0, 1, 2];
            exchange(&mut rows, &near, &mut random);
            *counts.entry(rows).or_insert(0) += 1;
        }
        assert_eq!(counts.keys().cloned().collect::<Vec<_>>(), [[0, 1, 2], [0, 2, 1], [1, 0, 2]]);
        // 1000 each, standard deviation 26.
        assert!(counts.values().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
