//! What a statistic is where a column has nothing to do with the target.

use std::cell::RefCell;

use rayon::prelude::*;

use super::ksg::ksg;
use super::ranks::Ranks;
use super::ross::ross;
use super::symbols::pair_sum;
use super::{ksg, ross, symbols};
use crate::EstimateError;
use crate::interrupt::poll;
use crate::random::{Purpose, below, generator, shuffle};
use crate::special::{erfc, gamma_beyond};
use crate::steps::Steps;

/// Columns of the same null from which all permutations are made for all of them.
const SHARED: usize = 16;

/// Permuted values that reach the value of a column after which no more are made for it alone (Besag & Clifford 1991), and below which
/// a counted p-value is coarse.
pub(super) const ENOUGH: usize = 10;

/// Permutations from which the third moment is known well enough for a tail.
const FITTED: usize = 1000;

/// A statistic under permutation.
pub(super) enum Null {
    /// Of labels of these sizes, ascending, and ranks.
    Ross { sizes: Vec<usize>, k: usize },
    /// Of ranks and ranks.
    Ksg { n: usize, k: usize },
    /// Of these labels and those, of so many kinds.
    Symbols { a: (Vec<u32>, usize), b: (Vec<u32>, usize) },
}

/// Room that a thread uses again.
#[derive(Default)]
struct Scratch {
    order: Vec<u32>,
    classes: Vec<u32>,
    ross: ross::Scratch,
    ksg: ksg::Scratch,
    symbols: symbols::Scratch,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A null, and what all its permutations share.
struct Prepared<'a> {
    null: &'a Null,
    ranks: Ranks,
    terms: Vec<f64>,
    seed: u64,
}

impl<'a> Prepared<'a> {
    fn new(null: &'a Null, seed: u64) -> Self {
        let (n_ranks, n_terms) = match null {
            Null::Ross { sizes, .. } => (sizes.iter().sum(), None),
            Null::Ksg { n, .. } => (*n, None),
            Null::Symbols { a, .. } => (0, Some(a.0.len())),
        };
        let terms = n_terms.map_or_else(Vec::new, symbols::terms);
        Prepared { null, ranks: Ranks::new(n_ranks), terms, seed }
    }

    /// The statistic of one permutation.
    fn value(&self, index: u64) -> f64 {
        poll();
        let mut random = generator(self.seed, Purpose::Uncertainty, index);
        SCRATCH.with_borrow_mut(|scratch| {
            let Scratch { order, classes, ross, ksg, symbols } = scratch;
            match self.null {
                Null::Ross { sizes, k } => {
                    let n = self.ranks.len();
                    order.clear();
                    order.extend(0..n as u32);
                    classes.clear();
                    // The largest class has what is left.
                    classes.resize(n, sizes.len() as u32 - 1);
                    let mut at = 0;
                    for (class, &size) in (0u32..).zip(&sizes[..sizes.len() - 1]) {
                        for _ in 0..size {
                            let drawn = at + below(&mut random, (n - at) as u32) as usize;
                            order.swap(at, drawn);
                            classes[order[at] as usize] = class;
                            at += 1;
                        }
                    }
                    self::ross(classes, sizes, *k, &self.ranks, ross).nats
                }
                Null::Ksg { n, k } => {
                    order.clear();
                    order.extend(0..*n as u32);
                    shuffle(&mut random, order);
                    self::ksg(order, *k, &self.ranks, ksg).nats
                }
                Null::Symbols { a, b } => {
                    classes.clone_from(&b.0);
                    shuffle(&mut random, classes);
                    pair_sum((&a.0, a.1), (classes, b.1), &self.terms, symbols)
                }
            }
        })
    }

    /// Some of them, as steps of all.
    fn values(&self, range: std::ops::Range<usize>, steps: &Steps) -> Result<Vec<f64>, EstimateError> {
        let value = |index| {
            let value = self.value(index as u64);
            steps.step()?;
            Ok(value)
        };
        range.into_par_iter().panic_fuse().map(value).collect()
    }
}

/// Some permuted values.
#[cfg(test)]
pub(super) fn draws(null: &Null, permutations: usize, seed: u64) -> Vec<f64> {
    let steps = Steps::new("permutations", permutations);
    Prepared::new(null, seed).values(0..permutations, &steps).unwrap()
}

/// How a value compares with those of permutations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Counted {
    pub(super) p_value: f64,
    /// Permutations that decided it.
    pub(super) permutations: usize,
    /// The p-value of a distribution fitted to at least a thousand permuted values, where few of them reach the value.
    pub(super) fitted: Option<f64>,
}

/// Compares values of one null with permutations, at most so many.
///
/// Many columns share them all, and p = (1 + reached) / (1 + permutations). Few columns have them only until each value was reached ten
/// times, at the τ-th for p = 10 / τ. Permuted values are the same for any number of threads.
///
/// # Errors
/// [`EstimateError::TooLong`].
pub(super) fn compare(
    null: &Null,
    values: &[f64],
    permutations: usize,
    seed: u64,
) -> Result<Vec<Counted>, EstimateError> {
    let prepared = Prepared::new(null, seed);
    let steps = Steps::new("permutations", permutations);
    // Equal values may differ by the rounding of sums in another order; they count as reached.
    let floors: Vec<f64> = values.iter().map(|value| value - 1e-12 * value.abs().max(1.0)).collect();
    let mut drawn: Vec<f64> = Vec::new();
    if values.len() >= SHARED {
        drawn = prepared.values(0..permutations, &steps)?;
        let mut sorted = drawn.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let moments = Moments::of(&drawn);
        let counted = |(value, floor): (&f64, &f64)| {
            let reached = permutations - sorted.partition_point(|drawn| drawn < floor);
            all_made(reached, permutations, moments.as_ref(), *value)
        };
        return Ok(values.iter().zip(&floors).map(counted).collect());
    }
    let mut reached = vec![0; values.len()];
    // The permutation at which enough had reached each value.
    let mut enough: Vec<Option<usize>> = vec![None; values.len()];
    while drawn.len() < permutations && enough.iter().any(Option::is_none) {
        let from = drawn.len();
        let more = prepared.values(from..permutations.min(from + from.clamp(32, 512)), &steps)?;
        for (made, value) in (from + 1..).zip(&more) {
            for ((floor, reached), enough) in floors.iter().zip(&mut reached).zip(&mut enough) {
                if enough.is_none() && value >= floor {
                    *reached += 1;
                    *enough = (*reached == ENOUGH).then_some(made);
                }
            }
        }
        drawn.extend(more);
    }
    let moments = Moments::of(&drawn);
    let counted = |((value, reached), enough): ((&f64, &usize), &Option<usize>)| match enough {
        Some(made) => Counted { p_value: ENOUGH as f64 / *made as f64, permutations: *made, fitted: None },
        None => all_made(*reached, permutations, moments.as_ref(), *value),
    };
    Ok(values.iter().zip(&reached).zip(&enough).map(counted).collect())
}

fn all_made(reached: usize, permutations: usize, moments: Option<&Moments>, value: f64) -> Counted {
    let least = 1.0 / (1 + permutations) as f64;
    Counted {
        p_value: (1 + reached) as f64 * least,
        permutations,
        // Where many reach it, they are counted better. What nobody checked is not extrapolated to.
        fitted: moments.filter(|_| reached < ENOUGH).map(|moments| moments.beyond(value).max(least * least)),
    }
}

/// The first three moments of permuted values.
struct Moments {
    mean: f64,
    deviation: f64,
    skewness: f64,
}

impl Moments {
    /// Those of at least a thousand values that differ.
    fn of(values: &[f64]) -> Option<Moments> {
        if values.len() < FITTED {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let moment = |power: fn(f64) -> f64| values.iter().map(|v| power(v - mean)).sum::<f64>() / n;
        let deviation = moment(|d| d * d).sqrt();
        let skewness = moment(|d| d * d * d) / (deviation * deviation * deviation);
        skewness.is_finite().then_some(Moments { mean, deviation, skewness })
    }

    /// The share of Pearson's distribution of type III with these moments beyond a value.
    ///
    /// With a negative skewness it would end somewhere; there the normal distribution is taken, whose tail is longer.
    fn beyond(&self, value: f64) -> f64 {
        let z = (value - self.mean) / self.deviation;
        if self.skewness < 1e-3 {
            return 0.5 * erfc(z * std::f64::consts::FRAC_1_SQRT_2);
        }
        let root = 2.0 / self.skewness;
        gamma_beyond(root * root, root * (root + z))
    }
}
