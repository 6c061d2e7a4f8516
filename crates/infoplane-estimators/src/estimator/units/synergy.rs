//! How many units must be read together, without the whole lattice.

use super::agreement::{Agreement, Surprise, Terms};
use super::{UnitSymbols, average_degree};
use crate::estimator::error::EstimateError;
use crate::{Information, Labels};

/// The information of a layer with a label by the number of units that must be read for it; from [`synergy`].
#[derive(Debug, Clone, PartialEq)]
pub struct Synergy {
    /// I(T;Y), the sum of all degrees.
    pub information: Information,
    /// The information for which at least 1, 2, … units must be read.
    pub by_degree: Vec<Information>,
}

impl Synergy {
    /// C, the representational complexity, as [`Decomposition::complexity`](super::Decomposition::complexity) says.
    pub fn complexity(&self) -> Option<f64> {
        complexity(self.information, &self.by_degree)
    }
}

/// C = Σ_k k Π_k / I of the information of each degree of synergy; `None` where there is no information.
pub(super) fn complexity(information: Information, by_degree: &[Information]) -> Option<f64> {
    let sum: f64 = (1..).zip(by_degree).map(|(degree, part)| f64::from(degree) * part.nats()).sum();
    average_degree(Information::from_nats(sum), information)
}

/// The information of a layer of up to [five](super::MOST_UNITS) discrete units with each of several labellings by degree of synergy:
/// what [`decompose`](super::decompose) gives by [`by_degree_of_synergy`](super::Decomposition::by_degree_of_synergy), in half
/// its time.
///
/// What can be read from k units or fewer is a sum over families J of sets of k units, by inclusion and exclusion:
///
/// ```text
/// Σ_{m(α) ≤ k} Π(α) = Σ_{∅ ≠ J} (−1)^(|J|+1) I∩(J),     I∩ as in `decompose`
/// ```
///
/// so that 2108 events are counted for each sample of five units, and not the 7579 of all antichains.
///
/// # Errors
/// As [`decompose`](super::decompose).
///
/// # Examples
/// ```
/// use infoplane_estimators::Labels;
/// use infoplane_estimators::units::{UnitSymbols, synergy};
/// use ndarray::array;
///
/// let layer = UnitSymbols::new(array![[0, 0], [0, 1], [1, 0], [1, 1]])?;
/// let found = &synergy(&layer, &[&Labels::from_symbols(&[0, 1, 1, 0])])?[0];
/// assert!((found.by_degree[0].bits() - 0.585).abs() < 1e-3);
/// assert!((found.complexity().unwrap() - 1.415).abs() < 1e-3);
/// # Ok::<(), infoplane_estimators::EstimateError>(())
/// ```
///
/// # References
/// Ehrlich, Schneider, Priesemann, Wibral & Makkeh (2023), *TMLR*, arXiv:2209.10438.
pub fn synergy(layer: &UnitSymbols, labellings: &[&Labels]) -> Result<Vec<Synergy>, EstimateError> {
    let agreement = Agreement::of(layer, labellings)?;
    let n_units = layer.n_units();
    let families: Vec<Families> = (1..n_units).map(|size| Families::new(n_units, size)).collect();
    let up_to = |terms: &Terms| {
        terms.mean(families.len(), |exactly, surprise, counts: &mut Vec<i32>, sums| {
            for (families, sum) in families.iter().zip(sums) {
                *sum += families.sum(exactly, surprise, counts);
            }
        })
    };
    let informative = up_to(&agreement.informative());
    let of_labels = |labels: &&Labels| {
        let misinformative = up_to(&agreement.misinformative(labels));
        let information = agreement.information(labels);
        let below = informative.iter().zip(misinformative).map(|(plus, minus)| plus - minus);
        let up_to: Vec<f64> = below.chain([information.nats()]).collect();
        let before = [0.0].into_iter().chain(up_to.iter().copied());
        let by_degree =
            up_to.iter().zip(before).map(|(up_to, before)| Information::from_nats(up_to - before)).collect();
        Synergy { information, by_degree }
    };
    Ok(labellings.iter().map(of_labels).collect())
}

/// All families of sets of so many units.
struct Families {
    /// For each set of units the sets of that size in it, a bit for each.
    within: Vec<u32>,
    /// The number of sets of that size.
    n_sets: u32,
}

impl Families {
    fn new(n_units: usize, size: usize) -> Families {
        let of_size: Vec<u32> = (0..1u32 << n_units).filter(|set| set.count_ones() == size as u32).collect();
        let within = |all: u32| {
            let held = (0..).zip(&of_size).filter(|&(_, &set)| set & !all == 0);
            held.fold(0, |bits: u32, (place, _): (u32, _)| bits | 1 << place)
        };
        Families { within: (0..1 << n_units).map(within).collect(), n_sets: of_size.len() as u32 }
    }

    /// The sum over all families but the empty one of (−1)^(|J|+1) −ln P(agree on one of the sets in J).
    fn sum(&self, exactly: &[i64], surprise: Surprise<'_>, counts: &mut Vec<i32>) -> f64 {
        // For each family the samples that agree on none of the sets outside it.
        counts.clear();
        counts.resize(1 << self.n_sets, 0);
        let mut all = 0;
        for (&within, &exactly) in self.within.iter().zip(exactly) {
            counts[within as usize] += exactly as i32;
            all += exactly as i32;
        }
        for bit in 0..self.n_sets {
            for pair in counts.chunks_exact_mut(2 << bit) {
                let (without, with) = pair.split_at_mut(1 << bit);
                with.iter_mut().zip(without).for_each(|(with, without)| *with += *without);
            }
        }
        // An even and an odd family of the others, until the last, of all sets, has no others.
        let full = counts.len() as u32 - 1;
        let mut sum = 0.0;
        for (family, &none) in (0u32..full).zip(&*counts) {
            let ln = surprise.ln(all - none);
            sum += if (full ^ family).count_ones() & 1 == 1 { ln } else { -ln };
        }
        surprise.weighted(sum)
    }
}
