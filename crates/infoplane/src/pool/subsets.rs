//! The subsets of a window that are pooled and measured.

use super::Spacing;

/// The most disjoint subsets of one size that are measured.
///
/// Together with the contiguous ones they then have six times the rows of the whole pool.
const MAX_SUBSETS: usize = 4;

/// Some or all networks of the window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subset {
    pub(super) spacing: Spacing,
    /// Which of the subsets of this size and spacing.
    pub(super) number: usize,
    /// Its networks, ascending.
    pub(super) networks: Vec<usize>,
}

/// Strided subsets of 1, 2, 4, … networks, the whole window, and contiguous subsets of 2, 4, … networks.
pub(super) fn subsets(window: usize) -> Vec<Subset> {
    let mut subsets = Vec::new();
    let mut size = 1;
    while size < window {
        let most = (window / size).min(MAX_SUBSETS);
        for number in 0..most {
            // From the last network of the window back in equal strides, rounded; the other subsets lie evenly between.
            let before_the_last = |k: usize| (k * most + number) * window / (size * most);
            let networks = (0..size).rev().map(|k| window - 1 - before_the_last(k)).collect();
            subsets.push(Subset { spacing: Spacing::Strided, number, networks });
        }
        size *= 2;
    }
    if window > 0 {
        subsets.push(Subset { spacing: Spacing::Strided, number: 0, networks: (0..window).collect() });
    }
    let half = window / 2;
    let mut size = 2;
    while size <= half {
        // The first ends with the first half of the window, the second with the second.
        for (number, end) in [window - half, window].into_iter().enumerate() {
            subsets.push(Subset {
                spacing: Spacing::Contiguous,
                number,
                networks: (end - size..end).collect(),
            });
        }
        size *= 2;
    }
    subsets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn strided(window: usize) -> Vec<Subset> {
        subsets(window).into_iter().filter(|subset| subset.spacing == Spacing::Strided).collect()
    }

    proptest! {
        #[test]
        fn subsets_of_one_size_are_disjoint_and_within_the_window(window in 1usize..400) {
            let subsets = subsets(window);
            for subset in &subsets {
                prop_assert!(subset.networks.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(subset.networks.last().is_some_and(|&last| last < window));
            }
            let kind = |subset: &Subset| (subset.networks.len(), subset.spacing == Spacing::Strided);
            for of_one_size in subsets.chunk_by(|a, b| kind(a) == kind(b)) {
                let mut networks: Vec<usize> =
                    of_one_size.iter().flat_map(|subset| subset.networks.clone()).collect();
                networks.sort_unstable();
                prop_assert!(networks.windows(2).all(|pair| pair[0] < pair[1]), "{of_one_size:?}");
                prop_assert!(of_one_size.iter().enumerate().all(|(number, subset)| subset.number == number));
                prop_assert!(of_one_size.len() <= MAX_SUBSETS);
            }
        }

        #[test]
        fn the_first_subset_of_each_size_has_the_last_network(window in 1usize..400) {
            for subset in strided(window).iter().filter(|subset| subset.number == 0) {
                prop_assert_eq!(subset.networks.last(), Some(&(window - 1)));
            }
        }

        #[test]
        fn every_power_of_two_and_the_whole_window_are_measured(window in 1usize..400) {
            let strided = strided(window);
            for size in (0..).map(|k| 1 << k).take_while(|&size| size < window) {
                let found = strided.iter().filter(|subset| subset.networks.len() == size).count();
                prop_assert_eq!(found, (window / size).min(MAX_SUBSETS));
            }
            let whole: Vec<usize> = (0..window).collect();
            prop_assert_eq!(strided.iter().filter(|subset| subset.networks == whole).count(), 1);
        }

        #[test]
        fn strided_networks_are_about_equally_far_apart_and_span_the_window(window in 2usize..400) {
            for subset in strided(window).iter().filter(|subset| subset.networks.len() > 1) {
                let size = subset.networks.len();
                let step = window / size;
                prop_assert!(subset.networks.windows(2).all(|pair| (step..=step + 1).contains(&(pair[1] - pair[0]))));
                let span = subset.networks[size - 1] - subset.networks[0];
                prop_assert!(span + window.div_ceil(size) >= window - 1, "{subset:?} of {window}");
            }
        }
    }

    #[test]
    fn windows_that_are_no_power_of_two_have_subsets_too() {
        let networks = |window| -> Vec<Vec<usize>> {
            subsets(window).into_iter().map(|subset| subset.networks).collect()
        };
        assert_eq!(networks(0), Vec::<Vec<usize>>::new());
        assert_eq!(networks(1), [[0]]);
        assert_eq!(networks(3), [vec![2], vec![1], vec![0], vec![1, 2], vec![0, 1, 2]]);
        let of_64: Vec<Vec<usize>> =
            networks(100).into_iter().filter(|networks| networks.len() == 64).collect();
        assert_eq!(of_64.len(), 1);
        assert_eq!((of_64[0][0], of_64[0][63]), (1, 99));
    }

    #[test]
    fn contiguous_subsets_end_with_the_halves_of_the_window() {
        let contiguous = |window| -> Vec<Vec<usize>> {
            let subsets = subsets(window).into_iter();
            subsets
                .filter(|subset| subset.spacing == Spacing::Contiguous)
                .map(|subset| subset.networks)
                .collect()
        };
        assert_eq!(contiguous(5), [[1, 2], [3, 4]]);
        assert_eq!(contiguous(8), [vec![2, 3], vec![6, 7], vec![0, 1, 2, 3], vec![4, 5, 6, 7]]);
        assert!(contiguous(3).is_empty());
    }
}
