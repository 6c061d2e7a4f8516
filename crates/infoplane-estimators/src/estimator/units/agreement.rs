//! How many samples agree with a sample, on which units.

use rayon::prelude::*;

use super::UnitSymbols;
use super::lattice::MOST_UNITS;
use super::rows::{equal_rows, term};
use crate::estimator::error::EstimateError;
use crate::estimator::table;
use crate::interrupt::poll;
use crate::{Information, Labels, math};

/// The cells of a layer in groups that agree on a set of units, for each set.
pub(super) struct Agreement {
    cells: Labels,
    n_sets: usize,
    /// For each cell and set of units, its group.
    of_cell: Vec<u32>,
    /// For each set of units, the samples of its groups.
    totals: Vec<Vec<u32>>,
    /// ln n for every number of samples.
    logarithms: Vec<f64>,
}

impl Agreement {
    /// That of a layer of up to [`MOST_UNITS`] units, for labellings of its samples.
    pub fn of(layer: &UnitSymbols, labellings: &[&Labels]) -> Result<Agreement, EstimateError> {
        let (n_samples, n_units) = (layer.n_samples(), layer.n_units());
        if n_units > MOST_UNITS {
            return Err(EstimateError::TooManyDimensions {
                estimator: "the decomposition by shared exclusions",
                dims: n_units,
                most: MOST_UNITS,
                reason: "6 units have 7,828,352 antichains and would take minutes for each layer and epoch, 7 have 2.4e12; \
                         choose some of the units, or r̄ and v̄, which need none",
            });
        }
        if let Some(labels) = labellings.iter().find(|labels| labels.len() != n_samples) {
            return Err(EstimateError::LengthMismatch { n_labels: labels.len(), n_samples });
        }
        let cells = layer.cells();
        let mut distinct: Vec<&[u32]> = vec![&[]; cells.n_labels()];
        for (&cell, row) in cells.codes().iter().zip(layer.rows()) {
            distinct[cell as usize] = row;
        }
        let n_sets = 1 << n_units;
        let mut of_cell = vec![0u32; distinct.len() * n_sets];
        let mut totals = Vec::new();
        let mut sorted = Vec::new();
        for set in 0..n_sets {
            poll();
            let in_set = |unit: usize| set >> unit & 1 == 1;
            let key = |row: &&[u32]| {
                let terms = row.iter().enumerate().filter(|&(unit, _)| in_set(unit));
                terms.fold(0u64, |sum, (unit, &symbol)| sum.wrapping_add(term(unit, symbol)))
            };
            let keys: Vec<u64> = distinct.iter().map(key).collect();
            let are_equal = |a: u32, b: u32| {
                let (a, b) = (distinct[a as usize], distinct[b as usize]);
                (0..a.len()).all(|unit| !in_set(unit) || a[unit] == b[unit])
            };
            let mut of_set = Vec::new();
            equal_rows(&keys, 1, are_equal, &mut sorted, |group| {
                group.iter().for_each(|&cell| of_cell[cell as usize * n_sets + set] = of_set.len() as u32);
                of_set.push(group.iter().map(|&cell| cells.counts()[cell as usize] as u32).sum());
            });
            totals.push(of_set);
        }
        let logarithms = (0..=n_samples).map(|count| math::ln(count as f64)).collect();
        Ok(Agreement { cells, n_sets, of_cell, totals, logarithms })
    }

    /// I(T;Y).
    pub fn information(&self, labels: &Labels) -> Information {
        table::information(&self.cells, self.cells.entropy(), labels)
    }

    fn groups(&self, cell: usize) -> &[u32] {
        &self.of_cell[cell * self.n_sets..][..self.n_sets]
    }

    /// Samples among all of them, whatever the labels.
    pub fn informative(&self) -> Terms<'_> {
        let mut agree = Vec::with_capacity(self.of_cell.len());
        for cell in 0..self.cells.n_labels() {
            let groups = self.groups(cell).iter().zip(&self.totals);
            agree.extend(groups.map(|(&group, totals)| totals[group as usize]));
        }
        let n_samples = self.cells.len() as u32;
        let of_all = self.cells.counts().iter().map(|&count| (count as u32, n_samples)).collect();
        Terms { agreement: self, agree, weights: of_all }
    }

    /// Samples among those with the same label.
    pub fn misinformative(&self, labels: &Labels) -> Terms<'_> {
        // By label, so that counts of one label at a time are enough.
        let both = self.cells.codes().iter().zip(labels.codes());
        let mut pairs: Vec<u64> =
            both.map(|(&cell, &label)| u64::from(label) << 32 | u64::from(cell)).collect();
        pairs.sort_unstable();
        let pairs: Vec<(usize, usize, u32)> = pairs
            .chunk_by(|a, b| a == b)
            .map(|equal| ((equal[0] >> 32) as usize, equal[0] as u32 as usize, equal.len() as u32))
            .collect();
        let mut counts: Vec<Vec<u32>> = self.totals.iter().map(|totals| vec![0; totals.len()]).collect();
        let mut agree = Vec::with_capacity(pairs.len() * self.n_sets);
        for of_label in pairs.chunk_by(|a, b| a.0 == b.0) {
            poll();
            for &(_, cell, count) in of_label {
                let groups = counts.iter_mut().zip(self.groups(cell));
                groups.for_each(|(counts, &group)| counts[group as usize] += count);
            }
            for &(_, cell, _) in of_label {
                let groups = counts.iter().zip(self.groups(cell));
                agree.extend(groups.map(|(counts, &group)| counts[group as usize]));
            }
            for &(_, cell, _) in of_label {
                let groups = counts.iter_mut().zip(self.groups(cell));
                groups.for_each(|(counts, &group)| counts[group as usize] = 0);
            }
        }
        let weights = pairs.iter().map(|&(label, _, count)| (count, labels.counts()[label] as u32)).collect();
        Terms { agreement: self, agree, weights }
    }
}

/// Terms that are summed together.
const BLOCK: usize = 64;

/// The different samples, with the samples that agree with each.
pub(super) struct Terms<'a> {
    agreement: &'a Agreement,
    /// For each term and set of units, how many samples agree with it at least on these units.
    agree: Vec<u32>,
    /// For each term how often it occurs, and among how many samples those that agree are counted.
    weights: Vec<(u32, u32)>,
}

impl Terms<'_> {
    /// Means over all samples. `add` is called with each term's number of samples that agree with it on exactly each set of units,
    /// how much an event surprises it, memory of its own, and the sums to add to.
    pub fn mean<S: Default>(
        &self,
        n_means: usize,
        add: impl Fn(&[i64], Surprise<'_>, &mut S, &mut [f64]) + Sync,
    ) -> Vec<f64> {
        let Agreement { n_sets, logarithms, cells, .. } = self.agreement;
        let of_block = |(agree, weights): (&[u32], &[(u32, u32)])| {
            poll();
            let mut sums = vec![0.0; n_means];
            let (mut exactly, mut own) = (vec![0i64; *n_sets], S::default());
            for (agree, &(weight, among)) in agree.chunks_exact(*n_sets).zip(weights) {
                exactly.iter_mut().zip(agree).for_each(|(exactly, &agree)| *exactly = agree.into());
                agree_on_exactly(&mut exactly);
                let ln_among = logarithms[among as usize];
                add(&exactly, Surprise { weight: weight.into(), ln_among, logarithms }, &mut own, &mut sums);
            }
            sums
        };
        // Blocks in an order that does not depend on the threads.
        let blocks = self.agree.par_chunks(BLOCK * n_sets).zip(self.weights.par_chunks(BLOCK));
        let blocks: Vec<Vec<f64>> = blocks.map(of_block).collect();
        let mut sums = vec![0.0; n_means];
        for block in blocks {
            sums.iter_mut().zip(block).for_each(|(sum, part)| *sum += part);
        }
        sums.iter_mut().for_each(|sum| *sum /= cells.len() as f64);
        sums
    }
}

/// How much the events of a term surprise it.
#[derive(Clone, Copy)]
pub(super) struct Surprise<'a> {
    weight: f64,
    ln_among: f64,
    logarithms: &'a [f64],
}

impl Surprise<'_> {
    /// The weight of the term times −ln P of an event of so many samples.
    #[inline]
    pub fn of(self, event: i64) -> f64 {
        self.weight * (self.ln_among - self.logarithms[event as usize])
    }

    /// The weight of the term times Σ ±(−ln P) over events, of which one more has a plus than a minus; given is Σ ±ln of their numbers
    /// of samples.
    #[inline]
    pub fn weighted(self, sum_of_logarithms: f64) -> f64 {
        self.weight * (self.ln_among - sum_of_logarithms)
    }

    /// ln of a number of samples.
    #[inline]
    pub fn ln(self, event: i32) -> f64 {
        self.logarithms[event as usize]
    }
}

/// From the number that agree at least on each set of units to the number that agree on exactly these.
fn agree_on_exactly(counts: &mut [i64]) {
    let mut unit = 1;
    while unit < counts.len() {
        for set in 0..counts.len() {
            if set & unit == 0 {
                counts[set] -= counts[set | unit];
            }
        }
        unit <<= 1;
    }
}
