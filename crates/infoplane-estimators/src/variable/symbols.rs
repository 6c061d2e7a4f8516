//! Symbols from numbers: equal rows, and only those, become the same label.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::hash_table::{Entry, HashTable};
use ndarray::ArrayView2;
use rayon::prelude::*;

use super::{Labels, Variable, standard_layout};

/// Single or double precision; both are binned in double, where a single is exact.
pub(crate) trait Value: Copy + Into<f64> + Send + Sync {
    /// An integer that is equal for equal values, and only for those (of finite ones).
    type Bits: Copy + Default + Eq + Hash + Send + Sync;

    /// The bits of the value, −0 as 0: the only pair of equal floats with different bits.
    fn bits(self) -> Self::Bits;
}

impl Value for f32 {
    type Bits = u32;

    #[inline(always)]
    fn bits(self) -> u32 {
        (self + 0.0).to_bits()
    }
}

impl Value for f64 {
    type Bits = u64;

    #[inline(always)]
    fn bits(self) -> u64 {
        (self + 0.0).to_bits()
    }
}

/// Values digitised at a time by one thread: they and their symbols stay in the nearest caches.
pub(crate) const BLOCK_VALUES: usize = 1 << 14;

/// Blocks that a thread takes at once: waking another for less costs more than it saves.
pub(crate) const BLOCKS_AT_ONCE: usize = 8;

/// Any variable as labels: labels as they are, of a matrix one label per distinct row (−0 equals 0).
///
/// Numbered in order of first appearance. Time O(n · width), memory one copy of the values.
pub(crate) fn labels<'a>(variable: &Variable<'a>) -> Cow<'a, Labels> {
    match variable {
        Variable::Labels(labels) => Cow::Borrowed(labels),
        Variable::Single(rows) => Cow::Owned(distinct_rows(rows)),
        Variable::Double(rows) => Cow::Owned(distinct_rows(rows)),
    }
}

/// One label per distinct row.
pub(crate) fn distinct_rows<T: Value>(rows: &ArrayView2<'_, T>) -> Labels {
    if rows.is_empty() {
        // Rows without columns are all equal.
        return Labels::count(vec![0; rows.nrows()], rows.nrows().min(1));
    }
    let fill = |values: &[T], symbols: &mut [T::Bits]| {
        for (symbol, &value) in symbols.iter_mut().zip(values) {
            *symbol = value.bits();
        }
        0
    };
    number_rows(standard_layout(rows).as_slice().unwrap_or(&[]), rows.ncols(), fill).0
}

/// One label per combination of labels that occurs, numbered in order of first appearance.
pub(crate) fn together(parts: &[&Labels]) -> Labels {
    let n_samples = parts.first().map_or(0, |part| part.len());
    let mut codes: Vec<u32> = vec![0; n_samples];
    let mut n_labels = usize::from(n_samples > 0);
    for part in parts {
        let pairs: Vec<u64> =
            codes.iter().zip(part.codes()).map(|(&a, &b)| u64::from(a) << 32 | u64::from(b)).collect();
        let state = FixedState::with_seed(0);
        let mut first: Vec<u64> = Vec::new();
        let mut table: HashTable<u32> = HashTable::with_capacity(n_labels.max(part.n_labels()));
        for (code, &pair) in codes.iter_mut().zip(&pairs) {
            let same = |&number: &u32| first[number as usize] == pair;
            let hash = |&number: &u32| state.hash_one(first[number as usize]);
            *code = match table.entry(state.hash_one(pair), same, hash) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    let number = first.len() as u32;
                    entry.insert(number);
                    first.push(pair);
                    number
                }
            };
        }
        n_labels = first.len();
    }
    Labels::count(codes, n_labels)
}

/// Turns values into symbols and numbers the rows: equal rows of symbols, and only those, share a number.
///
/// `fill` gets whole rows of values, writes as many symbols, and gives how many values lay outside the bins.
/// Hashes find candidates and whole rows are compared, so no collision merges two rows. Numbers are in order of
/// first appearance, whatever the number of threads.
pub(crate) fn number_rows<T: Value, U: Copy + Default + Eq + Hash + Send + Sync>(
    values: &[T],
    width: usize,
    fill: impl Fn(&[T], &mut [U]) -> u64 + Sync,
) -> (Labels, u64) {
    let n_samples = values.len() / width;
    let mut symbols = vec![U::default(); values.len()];
    let mut hashes = vec![0u64; n_samples];
    let block = (BLOCK_VALUES / width).max(1);
    let state = FixedState::with_seed(0);
    let outside = symbols
        .par_chunks_mut(block * width)
        .zip(values.par_chunks(block * width))
        .zip(hashes.par_chunks_mut(block))
        .with_min_len(BLOCKS_AT_ONCE)
        .map(|((symbols, values), hashes)| {
            let outside = fill(values, symbols);
            for (hash, row) in hashes.iter_mut().zip(symbols.chunks_exact(width)) {
                *hash = state.hash_one(row);
            }
            outside
        })
        .sum();

    let row = |row: u32| &symbols[row as usize * width..][..width];
    // The first row of each number, and in the table only numbers: it stays small enough for the caches.
    let mut first_rows: Vec<u32> = Vec::new();
    let mut table: HashTable<u32> = HashTable::with_capacity(n_samples);
    let codes = (0..n_samples as u32)
        .map(|this| {
            let same = |&number: &u32| row(first_rows[number as usize]) == row(this);
            let hash = |&number: &u32| hashes[first_rows[number as usize] as usize];
            match table.entry(hashes[this as usize], same, hash) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    let number = first_rows.len() as u32;
                    entry.insert(number);
                    first_rows.push(this);
                    number
                }
            }
        })
        .collect();
    let n_labels = first_rows.len();
    (Labels::count(codes, n_labels), outside)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_of_either_precision_are_equal_as_numbers() {
        let single = array![[0.0f32, 1.5], [1.0, 1.5], [-0.0, 1.5], [0.0, 1.5]];
        let double = single.mapv(f64::from);
        for labels in [labels(&Variable::Single(single.view())), labels(&Variable::Double(double.view()))] {
            assert_eq!(labels.codes(), [0, 1, 0, 0]);
        }
        // A transposed view is not contiguous; its rows are still its rows.
        assert_eq!(distinct_rows(&double.t()).codes(), [0, 1]);
        assert_eq!(distinct_rows(&single.view()), Labels::from_rows(single.view()));
    }

    #[test]
    fn labels_together_tell_apart_what_one_of_them_does() {
        let a = Labels::from_symbols(&[0, 0, 1, 1, 0]);
        let b = Labels::from_symbols(&[0, 1, 0, 1, 1]);
        let ab = together(&[&a, &b]);
        assert_eq!(ab.codes(), [0, 1, 2, 3, 1]);
        assert_eq!(ab.counts(), [1, 2, 1, 1]);
        assert_eq!(together(&[&ab, &a, &b]), ab);
    }
}
