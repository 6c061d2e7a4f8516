//! Equal rows of symbols, found by sums of random numbers and then compared.

/// A random number for a symbol of a unit.
///
/// The sum over the units of a row is a hash of it, and without one term that of the row without a unit. Rows with equal hashes are
/// compared, so that nothing depends on luck.
pub(super) fn term(unit: usize, symbol: u32) -> u64 {
    // The finalizer of SplitMix64.
    let mut z = ((unit as u64) << 32 | u64::from(symbol)).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ z >> 31
}

/// Calls `group` with the places of each group of at least `least` equal rows, of which `keys` are the hashes; `are_equal` compares
/// two. The places in a group ascend; the groups are in no order that means anything, and always the same one.
pub(super) fn equal_rows(
    keys: &[u64],
    least: usize,
    are_equal: impl Fn(u32, u32) -> bool,
    sorted: &mut Vec<(u64, u32)>,
    mut group: impl FnMut(&[u32]),
) {
    sorted.clear();
    sorted.extend(keys.iter().zip(0..).map(|(&key, place)| (key, place)));
    sorted.sort_unstable();
    let mut left: Vec<u32> = Vec::new();
    for run in sorted.chunk_by(|a, b| a.0 == b.0) {
        if run.len() < least {
            continue;
        }
        left.clear();
        left.extend(run.iter().map(|&(_, place)| place));
        // Nearly always one group.
        while !left.is_empty() {
            let first = left[0];
            let (equal, others): (Vec<u32>, Vec<u32>) =
                left.iter().partition(|&&place| are_equal(first, place));
            if equal.len() >= least {
                group(&equal);
            }
            left = others;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_whose_hashes_are_equal_by_chance_are_told_apart() {
        let rows = [3, 1, 3, 2, 1, 3];
        let mut groups = Vec::new();
        let are_equal = |a: u32, b: u32| rows[a as usize] == rows[b as usize];
        equal_rows(&[7; 6], 2, are_equal, &mut Vec::new(), |group| groups.push(group.to_vec()));
        assert_eq!(groups, [vec![0, 2, 5], vec![1, 4]]);
    }
}
