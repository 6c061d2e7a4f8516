//! Information of counts: what every discrete method ends in.

use crate::variable::entropy_of_counts;
use crate::{Information, Labels};

/// Plug-in information between two labellings, H(cells) + H(labels) − H(cells, labels).
///
/// `cell_entropy` is H(cells), which the caller shares among labellings. Cost O(n + cells).
pub(crate) fn information(cells: &Labels, cell_entropy: Information, labels: &Labels) -> Information {
    if labels.all_distinct() {
        // One sample per label: nothing is left to vary within it, H(T | label) = 0.
        return cell_entropy;
    }
    if cells.all_distinct() {
        // Every cell holds one sample and tells its label: H(label | cell) = 0.
        return labels.entropy();
    }
    let n = cells.len();
    let joint = entropy_of_counts(joint_counts(cells, labels).into_iter().map(|c| c as usize), n);
    // The plug-in value of a table of counts cannot be negative; below zero is rounding.
    Information::from_nats((cell_entropy.nats() + labels.entropy().nats() - joint).max(0.0))
}

/// How often each pair (cell, label) occurs; zeros may be among the counts.
fn joint_counts(cells: &Labels, labels: &Labels) -> Vec<u32> {
    // A dense table is several times faster than sorting, and with few classes it is small.
    let dense = cells.n_labels().saturating_mul(labels.n_labels());
    if dense <= 16 * cells.len() {
        let mut counts = vec![0u32; dense];
        for (&cell, &label) in cells.codes().iter().zip(labels.codes()) {
            counts[cell as usize * labels.n_labels() + label as usize] += 1;
        }
        return counts;
    }
    let mut pairs: Vec<u64> = cells
        .codes()
        .iter()
        .zip(labels.codes())
        .map(|(&cell, &label)| u64::from(cell) << 32 | u64::from(label))
        .collect();
    pairs.sort_unstable();
    pairs.chunk_by(|a, b| a == b).map(|run| run.len() as u32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn information_of_independent_labels_is_zero_and_of_equal_ones_their_entropy() {
        let a = Labels::from_symbols(&[0, 0, 1, 1]);
        let b = Labels::from_symbols(&[0, 1, 0, 1]);
        let h = a.entropy();
        assert!(information(&a, h, &b).nats().abs() < 1e-15);
        assert!((information(&a, h, &a).bits() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn dense_and_sorted_tables_agree() {
        // Enough labels for the sorted table, against the same counts made dense by hand.
        let cells = Labels::from_symbols(&(0..400u32).map(|i| i * 7 % 97).collect::<Vec<_>>());
        let labels = Labels::from_symbols(&(0..400u32).map(|i| i * 11 % 101).collect::<Vec<_>>());
        assert!(cells.n_labels() * labels.n_labels() > 16 * 400);
        let mut dense = vec![0u32; cells.n_labels() * labels.n_labels()];
        for (&c, &l) in cells.codes().iter().zip(labels.codes()) {
            dense[c as usize * labels.n_labels() + l as usize] += 1;
        }
        dense.retain(|&c| c > 0);
        dense.sort_unstable();
        let mut sorted = joint_counts(&cells, &labels);
        sorted.sort_unstable();
        assert_eq!(sorted, dense);
    }
}
