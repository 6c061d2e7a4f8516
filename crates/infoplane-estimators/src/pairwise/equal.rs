//! Rows that are equal, which can be summed as one row with a weight.

use std::hash::{BuildHasher, Hash, Hasher};

use foldhash::fast::FixedState;
use rayon::prelude::*;

use super::points::Values;
use crate::variable::symbols::{Value, number_by_hash};

/// Merging is worthwhile where at most this share of the rows remains: it saves a third of the pairs, and the
/// weights and the order of the rows cost less than a tenth.
const REMAINING: f64 = 0.8;

/// The largest weight: single precision holds all integers up to it.
pub(super) const LARGEST_WEIGHT: u32 = 1 << 24;

/// Rows that one thread hashes at once.
const ROWS_AT_ONCE: usize = 1024;

/// Returns the largest number of rows into which merging `n` rows is worthwhile.
pub(super) fn most_remaining(n: usize) -> usize {
    (REMAINING * n as f64) as usize
}

/// A number for every row, the same for equal rows (−0 equals 0) and only for these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EqualRows {
    /// In order of first appearance.
    pub(super) numbers: Vec<u32>,
    pub(super) n_distinct: usize,
}

impl EqualRows {
    /// Returns `None` as soon as too many rows are distinct for merging to be worthwhile.
    ///
    /// Time O(n · width), memory O(n).
    pub(super) fn find(values: Values<'_>, width: usize) -> Option<Self> {
        match values {
            Values::Single(values) => find(values, width),
            Values::Double(values) => find(values, width),
        }
    }
}

/// Hashes find candidates and whole rows are compared, so that no collision merges two rows.
fn find<T: Value>(values: &[T], width: usize) -> Option<EqualRows> {
    let state = FixedState::with_seed(0);
    let hash = |row: &[T]| {
        let mut hasher = state.build_hasher();
        row.iter().for_each(|value| value.bits().hash(&mut hasher));
        hasher.finish()
    };
    let hashes: Vec<u64> = values.par_chunks_exact(width).with_min_len(ROWS_AT_ONCE).map(hash).collect();
    let row = |row: u32| values[row as usize * width..][..width].iter().map(|value| value.bits());
    let most = most_remaining(hashes.len());
    let (numbers, first_rows) = number_by_hash(&hashes, most, |a, b| row(a).eq(row(b)))?;
    Some(EqualRows { numbers, n_distinct: first_rows.len() })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::super::layout::Layout;
    use super::super::tests::classes;
    use super::*;
    use crate::{Labels, tile::PANEL};

    #[test]
    fn equal_rows_and_only_those_share_a_number() {
        let t = array![[0.0f64, 1.0], [1.0, 0.0], [-0.0, 1.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1e-300]];
        let rows = EqualRows::find(Values::Double(t.as_slice().unwrap()), 2).unwrap();
        assert_eq!((rows.numbers, rows.n_distinct), (vec![0, 1, 0, 0, 1, 2], 3));
        let single = t.mapv(|v| v as f32);
        let rows = EqualRows::find(Values::Single(single.as_slice().unwrap()), 2).unwrap();
        assert_eq!((rows.numbers, rows.n_distinct), (vec![0, 1, 0, 0, 1, 1], 2));
    }

    #[test]
    fn few_equal_rows_are_not_merged() {
        let t = Array2::from_shape_fn((1000, 3), |(i, k)| (i.min(799) * 3 + k) as f32);
        assert_eq!(EqualRows::find(Values::Single(t.as_slice().unwrap()), 3).unwrap().n_distinct, 800);
        let t = Array2::from_shape_fn((1000, 3), |(i, k)| (i.min(800) * 3 + k) as f32);
        assert_eq!(EqualRows::find(Values::Single(t.as_slice().unwrap()), 3), None);
        // Equal rows with different labels are not merged either.
        let t = Array2::from_elem((1000, 3), 1.0f32);
        let equal = EqualRows::find(Values::Single(t.as_slice().unwrap()), 3);
        let layout = Layout::of_all(1000, Some(&Labels::distinct(1000)), equal.as_ref());
        assert_eq!((layout.order.len(), layout.weights.len()), (1000, 0));
    }

    #[test]
    fn merged_rows_keep_their_number_class_and_place() {
        let n = 2000;
        let t = Array2::from_shape_fn((n, 2), |(i, k)| ((i * i + 3 * i) % 311 * (k + 1)) as f32);
        let y = classes(n, 3);
        let equal = EqualRows::find(Values::Single(t.as_slice().unwrap()), 2);
        for labels in [None, Some(&y)] {
            let layout = Layout::of_all(n, labels, equal.as_ref());
            let key = |row: usize| (labels.map(|labels| labels.codes()[row]), t[[row, 0]] as u32);
            let mut expected = std::collections::HashMap::new();
            (0..n).for_each(|row| *expected.entry(key(row)).or_insert(0.0f32) += 1.0);
            assert!(layout.order.len() == expected.len() && layout.weights.len() == expected.len());
            for (&row, weight) in layout.order.iter().zip(&layout.weights) {
                assert_eq!(expected[&key(row as usize)], *weight);
            }
            let rows: Vec<u32> = (0..n as u32).collect();
            let by_place = layout.weights_by_place();
            let of_place = |place: u32| {
                let panel = place as usize / PANEL;
                (layout.panels()[panel][place as usize % PANEL], by_place[place as usize])
            };
            for (row, place) in rows.iter().zip(layout.places(&rows)) {
                let (first, weight) = of_place(place);
                assert_eq!(key(first as usize), key(*row as usize));
                assert_eq!(weight, expected[&key(*row as usize)]);
            }
        }
    }
}
