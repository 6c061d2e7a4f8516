//! Information from counts, shared by all discrete methods.

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

/// Returns the number of times each pair (cell, label) occurs, by cell and label ascending; zeros may be among the
/// counts, and ones may be omitted.
fn joint_counts(cells: &Labels, labels: &Labels) -> Vec<u32> {
    // A dense table is several times faster than anything else, as long as it stays in the caches.
    let dense = cells.n_labels().saturating_mul(labels.n_labels());
    if dense <= (16 * cells.len()).min(DENSE).max(2 * cells.len()) {
        let mut counts = vec![0u32; dense];
        for (&cell, &label) in cells.codes().iter().zip(labels.codes()) {
            counts[cell as usize * labels.n_labels() + label as usize] += 1;
        }
        return counts;
    }
    // The labels cell by cell. A cell of one sample holds no pair twice.
    let mut start = 0;
    let next = |&count: &usize| {
        start += if count > 1 { count as u32 } else { 0 };
        if count > 1 { start - count as u32 } else { u32::MAX }
    };
    let mut next: Vec<u32> = cells.counts().iter().map(next).collect();
    let mut by_cell = vec![0u32; start as usize];
    for (&cell, &label) in cells.codes().iter().zip(labels.codes()) {
        let place = &mut next[cell as usize];
        if *place != u32::MAX {
            by_cell[*place as usize] = label;
            *place += 1;
        }
    }
    // One row of the table at a time, of which only the places that were used are cleared.
    let mut row = vec![0u32; labels.n_labels()];
    let mut repeated: Vec<u32> = Vec::new();
    let mut counts = Vec::new();
    let mut rest = &by_cell[..];
    for &count in cells.counts().iter().filter(|&&count| count > 1) {
        let (of_cell, after) = rest.split_at(count);
        rest = after;
        for &label in of_cell {
            let times = &mut row[label as usize];
            *times += 1;
            if *times == 2 {
                repeated.push(label);
            }
        }
        // The order in which counts are added makes the last bits of the sum.
        repeated.sort_unstable();
        counts.extend(repeated.drain(..).map(|label| row[label as usize]));
        of_cell.iter().for_each(|&label| row[label as usize] = 0);
    }
    counts
}

/// Entries of a table that the nearest caches hold.
const DENSE: usize = 1 << 16;

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
    fn counts_cell_by_cell_are_those_of_a_table() {
        // Enough cells and labels that no table is made, against the same counts made dense by hand.
        let symbols = |factor: u64, n: u64| (0..1 << 15).map(|i| i * i * factor % n).collect::<Vec<u64>>();
        let cells = Labels::from_symbols(&symbols(7, 997));
        let labels = Labels::from_symbols(&symbols(11, 1009));
        assert!(cells.n_labels() * labels.n_labels() > DENSE.max(2 << 15));
        let mut dense = vec![0u32; cells.n_labels() * labels.n_labels()];
        for (&c, &l) in cells.codes().iter().zip(labels.codes()) {
            dense[c as usize * labels.n_labels() + l as usize] += 1;
        }
        dense.retain(|&c| c > 1);
        assert!(dense.len() > 100);
        assert_eq!(joint_counts(&cells, &labels), dense);
    }
}
