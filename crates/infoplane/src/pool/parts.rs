//! Which networks of a window make the smaller pools.

use super::Spacing;

/// At most so many disjoint pools of each size are measured.
///
/// Together with the consecutive ones they then have six times the rows of the whole pool.
const MOST_PARTS: usize = 4;

/// One pool, of some or all networks of the window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) spacing: Spacing,
    /// Which of the pools of this size and spacing.
    pub(super) part: usize,
    /// Its networks, ascending.
    pub(super) of: Vec<usize>,
}

/// Pools of 1, 2, 4, … networks spread over the window, the whole window, and pools of 2, 4, … consecutive networks.
pub(super) fn parts(n_draws: usize) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut draws = 1;
    while draws < n_draws {
        let most = (n_draws / draws).min(MOST_PARTS);
        for part in 0..most {
            // From the last network of the window back in equal strides, rounded; the other pools lie evenly between.
            let before_the_last = |k: usize| (k * most + part) * n_draws / (draws * most);
            let of = (0..draws).rev().map(|k| n_draws - 1 - before_the_last(k)).collect();
            parts.push(Part { spacing: Spacing::Spread, part, of });
        }
        draws *= 2;
    }
    if n_draws > 0 {
        parts.push(Part { spacing: Spacing::Spread, part: 0, of: (0..n_draws).collect() });
    }
    let half = n_draws / 2;
    let mut draws = 2;
    while draws <= half {
        // The first ends with the first half of the window, the second with the second.
        for (part, end) in [n_draws - half, n_draws].into_iter().enumerate() {
            parts.push(Part { spacing: Spacing::Consecutive, part, of: (end - draws..end).collect() });
        }
        draws *= 2;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pools_of_one_size_are_disjoint_and_within_the_window(n_draws in 1usize..400) {
            let parts = parts(n_draws);
            for part in &parts {
                prop_assert!(part.of.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(part.of.last().is_some_and(|&last| last < n_draws));
            }
            let sizes = |part: &Part| (part.of.len(), part.spacing == Spacing::Spread);
            for of_one_size in parts.chunk_by(|a, b| sizes(a) == sizes(b)) {
                let mut networks: Vec<usize> = of_one_size.iter().flat_map(|part| part.of.clone()).collect();
                networks.sort_unstable();
                prop_assert!(networks.windows(2).all(|pair| pair[0] < pair[1]), "{of_one_size:?}");
                prop_assert!(of_one_size.iter().enumerate().all(|(number, part)| part.part == number));
                prop_assert!(of_one_size.len() <= MOST_PARTS);
            }
        }

        #[test]
        fn the_first_pool_of_each_size_has_the_last_network(n_draws in 1usize..400) {
            for part in parts(n_draws).iter().filter(|part| part.spacing == Spacing::Spread && part.part == 0) {
                prop_assert_eq!(part.of.last(), Some(&(n_draws - 1)));
            }
        }

        #[test]
        fn every_power_of_two_and_the_whole_window_are_measured(n_draws in 1usize..400) {
            let parts = parts(n_draws);
            let spread: Vec<&Part> = parts.iter().filter(|part| part.spacing == Spacing::Spread).collect();
            for draws in (0..).map(|k| 1 << k).take_while(|&draws| draws < n_draws) {
                let number = spread.iter().filter(|part| part.of.len() == draws).count();
                prop_assert_eq!(number, (n_draws / draws).min(MOST_PARTS));
            }
            let whole: Vec<usize> = (0..n_draws).collect();
            prop_assert_eq!(spread.iter().filter(|part| part.of == whole).count(), 1);
        }

        #[test]
        fn networks_of_a_spread_pool_are_about_equally_far_apart_and_reach_over_the_window(n_draws in 2usize..400) {
            for part in parts(n_draws).iter().filter(|part| part.spacing == Spacing::Spread && part.of.len() > 1) {
                let step = n_draws / part.of.len();
                prop_assert!(part.of.windows(2).all(|pair| (step..=step + 1).contains(&(pair[1] - pair[0]))));
                let span = part.of[part.of.len() - 1] - part.of[0];
                prop_assert!(span + n_draws.div_ceil(part.of.len()) >= n_draws - 1, "{part:?} of {n_draws}");
            }
        }
    }

    #[test]
    fn windows_that_are_no_power_of_two_have_pools_too() {
        let networks =
            |n_draws| -> Vec<Vec<usize>> { parts(n_draws).into_iter().map(|part| part.of).collect() };
        assert_eq!(networks(0), Vec::<Vec<usize>>::new());
        assert_eq!(networks(1), [[0]]);
        assert_eq!(networks(3), [vec![2], vec![1], vec![0], vec![1, 2], vec![0, 1, 2]]);
        let hundred = parts(100);
        let of_64: Vec<&Part> = hundred.iter().filter(|part| part.of.len() == 64).collect();
        assert_eq!(of_64.len(), 1);
        assert_eq!((of_64[0].of[0], of_64[0].of[63]), (1, 99));
    }

    #[test]
    fn consecutive_pools_end_with_the_halves_of_the_window() {
        let stretches = |n_draws| -> Vec<Vec<usize>> {
            let parts = parts(n_draws).into_iter();
            parts.filter(|part| part.spacing == Spacing::Consecutive).map(|part| part.of).collect()
        };
        assert_eq!(stretches(5), [[1, 2], [3, 4]]);
        assert_eq!(stretches(8), [vec![2, 3], vec![6, 7], vec![0, 1, 2, 3], vec![4, 5, 6, 7]]);
        assert!(stretches(3).is_empty());
    }
}
