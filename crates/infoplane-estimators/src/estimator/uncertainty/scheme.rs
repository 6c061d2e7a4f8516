//! The orders of rows that a test of independence compares with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::serial::correlation_length;
use crate::random::{Purpose, generator, shuffle};
use crate::{EstimateError, Variable};

/// The orders into which the rows of Y are put by [`restricted_permutation_test`](crate::restricted_permutation_test).
///
/// Where the rows are a time series, an order must leave rows beside those that they depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PermutationScheme {
    /// Any order, all equally likely: for rows that are independent draws, on one side at least.
    #[default]
    Free,
    /// Y is moved by a number of rows, what leaves at the end comes in at the beginning: for stationary series.
    Rotated,
    /// Blocks of consecutive rows in any order: for stationary series.
    Blocks(BlockLength),
}

/// The number of consecutive rows that are kept together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockLength {
    /// Four times the correlation length of X or Y ([`serial_dependence`](crate::serial_dependence)), whichever is
    /// longer, and at most a fifth of the rows.
    #[default]
    Chosen,
    /// So many, from 1 to a quarter of the rows.
    Rows(usize),
}

impl PermutationScheme {
    /// Refuses what no test of these variables can do, before anything is estimated.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] for fewer than four samples or blocks.
    pub fn check(self, x: &Variable<'_>, y: &Variable<'_>) -> Result<(), EstimateError> {
        Orders::new(self, &[x.view(), y.view()], 1, 0).map(|_| ())
    }
}

impl BlockLength {
    /// Refuses a length of which there are not four blocks.
    ///
    /// # Errors
    /// [`EstimateError::Setting`].
    pub fn check(self, n_samples: usize) -> Result<(), EstimateError> {
        match self {
            BlockLength::Rows(length) => checked(length, n_samples).map(|_| ()),
            BlockLength::Chosen => Ok(()),
        }
    }

    /// Returns the rows of a block, for these variables.
    ///
    /// # Errors
    /// [`EstimateError::Setting`] if fewer than four blocks are possible.
    pub(super) fn rows(self, variables: &[Variable<'_>]) -> Result<usize, EstimateError> {
        let n = variables[0].n_samples();
        let length = match self {
            BlockLength::Rows(rows) => rows,
            BlockLength::Chosen => {
                let longest = variables.iter().map(correlation_length).max().unwrap_or(1);
                (4 * longest).min(n / 5).max(1)
            }
        };
        checked(length, n)
    }
}

fn checked(length: usize, n: usize) -> Result<usize, EstimateError> {
    if (1..=n / 4).contains(&length) {
        return Ok(length);
    }
    let given = format!("{length} for {n} samples");
    let allowed = "1 to a quarter of the samples: there must be four blocks";
    Err(EstimateError::Setting { key: "block_length", given, allowed })
}

/// Rows `0..n` in `units` blocks of consecutive rows whose lengths differ by one row at most.
pub(super) fn rows_of_block(block: usize, units: usize, n: usize) -> std::ops::Range<usize> {
    block * n / units..(block + 1) * n / units
}

/// So many different orders are numbered, and none is drawn twice.
const NUMBERED: u64 = 1 << 20;

/// Orders of rows, by number.
#[derive(Debug)]
pub(super) enum Orders {
    Free {
        n: usize,
        draws: usize,
        seed: u64,
    },
    Rotated {
        n: usize,
        lags: Vec<u64>,
    },
    /// The orders of blocks by their numbers.
    Blocks {
        n: usize,
        units: usize,
        numbers: Vec<u64>,
    },
    /// Too many orders of blocks to have numbers.
    ManyBlocks {
        n: usize,
        units: usize,
        draws: usize,
        seed: u64,
    },
}

impl Orders {
    /// At most `draws` different orders of the rows of a pair.
    pub(super) fn new(
        scheme: PermutationScheme,
        variables: &[Variable<'_>],
        draws: usize,
        seed: u64,
    ) -> Result<Self, EstimateError> {
        let n = variables[0].n_samples();
        match scheme {
            PermutationScheme::Free => Ok(Orders::Free { n, draws, seed }),
            PermutationScheme::Rotated => {
                let least = shortest_lag(variables);
                if n < 4 {
                    let given = format!("rotated, for {n} samples");
                    let allowed = "free for fewer than 4 samples";
                    return Err(EstimateError::Setting { key: "permutation_scheme", given, allowed });
                }
                let lags = draw((least as u64..=(n - least) as u64).collect(), draws, seed);
                Ok(Orders::Rotated { n, lags })
            }
            PermutationScheme::Blocks(length) => {
                let units = n / length.rows(variables)?;
                // Number 0 is the order as it is.
                Ok(match (1..=units as u64).try_fold(1u64, |product, i| product.checked_mul(i)) {
                    Some(orders) if orders <= NUMBERED => {
                        Orders::Blocks { n, units, numbers: draw((1..orders).collect(), draws, seed) }
                    }
                    _ => Orders::ManyBlocks { n, units, draws, seed },
                })
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        match self {
            Orders::Free { draws, .. } | Orders::ManyBlocks { draws, .. } => *draws,
            Orders::Rotated { lags, .. } => lags.len(),
            Orders::Blocks { numbers, .. } => numbers.len(),
        }
    }

    /// The rows in the order of that number.
    pub(super) fn rows(&self, index: usize) -> Vec<usize> {
        let in_blocks = |n: usize, order: &[usize]| -> Vec<usize> {
            order.iter().flat_map(|&block| rows_of_block(block, order.len(), n)).collect()
        };
        match self {
            Orders::Free { n, seed, .. } => {
                let mut rows: Vec<usize> = (0..*n).collect();
                shuffle(&mut generator(*seed, Purpose::Uncertainty, 2 << 32 | index as u64), &mut rows);
                rows
            }
            Orders::Rotated { n, lags } => (0..*n).map(|row| (row + lags[index] as usize) % n).collect(),
            Orders::Blocks { n, units, numbers } => in_blocks(*n, &numbered(numbers[index], *units)),
            Orders::ManyBlocks { n, units, seed, .. } => {
                let mut order: Vec<usize> = (0..*units).collect();
                shuffle(&mut generator(*seed, Purpose::Uncertainty, 4 << 32 | index as u64), &mut order);
                in_blocks(*n, &order)
            }
        }
    }
}

/// The shortest rotation: by the correlation length, as shorter ones leave rows beside what they depend on, but by no
/// more than a hundredth of the rows. Were more left out, the value would be compared with far rotations alone, whose
/// values do not resemble it: for series of coefficient .99 and 1000 rows, p ≤ .05 in 10 of 100 cases.
fn shortest_lag(variables: &[Variable<'_>]) -> usize {
    let longest = variables.iter().map(correlation_length).max().unwrap_or(1);
    longest.min(variables[0].n_samples() / 100).max(1)
}

/// At most `draws` of them, all equally likely.
fn draw(mut all: Vec<u64>, draws: usize, seed: u64) -> Vec<u64> {
    shuffle(&mut generator(seed, Purpose::Uncertainty, 4 << 32), &mut all);
    all.truncate(draws);
    all
}

/// The order of so many things with that number; number 0 is the order as it is.
fn numbered(mut number: u64, units: usize) -> Vec<usize> {
    let mut left: Vec<usize> = (0..units).collect();
    let mut orders: u64 = (1..=units as u64).product();
    (0..units)
        .map(|_| {
            orders /= left.len() as u64;
            let place = number / orders;
            number %= orders;
            left.remove(place as usize)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_name_every_order_once() {
        let all: std::collections::BTreeSet<Vec<usize>> = (0..24).map(|number| numbered(number, 4)).collect();
        assert_eq!(all.len(), 24);
        assert_eq!(numbered(0, 4), [0, 1, 2, 3]);
    }

    #[test]
    fn no_order_comes_twice_and_none_is_the_order_as_it_is() {
        let series: Vec<f64> = (0..60).map(f64::from).collect();
        let variables = [Variable::from(&series), Variable::from(&series)];
        let schemes = [
            // All but lag 0: the gap is a hundredth of 60 rows, so 1.
            (PermutationScheme::Rotated, 59),
            // Four blocks: 4! − 1.
            (PermutationScheme::Blocks(BlockLength::Rows(15)), 23),
        ];
        for (scheme, most) in schemes {
            let orders = Orders::new(scheme, &variables, 1000, 7).unwrap();
            assert_eq!(orders.count(), most);
            let mut all: Vec<Vec<usize>> = (0..most).map(|i| orders.rows(i)).collect();
            assert!(all.iter().all(|rows| rows[..] != (0..60).collect::<Vec<_>>()[..]));
            all.sort();
            all.dedup();
            assert_eq!(all.len(), most);
            for mut rows in all {
                rows.sort_unstable();
                assert_eq!(rows, (0..60).collect::<Vec<_>>());
            }
            assert_eq!(Orders::new(scheme, &variables, 10, 7).unwrap().count(), 10);
        }
    }
}
