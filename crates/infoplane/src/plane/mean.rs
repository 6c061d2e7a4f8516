//! Averaging series of several seeds over their epochs.

use crate::math;

/// Percentiles over seeds: where the least 5, 25, 50, 75 and 95 % of the values end.
///
/// Between two values in order they are interpolated linearly, as NumPy and R do unless told otherwise: of n values
/// the percentile p lies at place (n − 1) · p / 100, counted from 0. Below some eight values they say little more than
/// the least and the largest do.
///
/// ```
/// use infoplane::plane::Percentiles;
/// let percentiles = Percentiles::of(&[4.0, 1.0, 2.0]).unwrap();
/// assert_eq!((percentiles.p25, percentiles.p50, percentiles.p75), (1.5, 2.0, 3.0));
/// assert_eq!(Percentiles::of(&[]), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percentiles {
    /// 5 %.
    pub p5: f64,
    /// 25 %, the lower quartile.
    pub p25: f64,
    /// 50 %, the median.
    pub p50: f64,
    /// 75 %, the upper quartile.
    pub p75: f64,
    /// 95 %.
    pub p95: f64,
}

impl Percentiles {
    /// The percentiles of finite values; nothing if there are none.
    pub fn of(values: &[f64]) -> Option<Percentiles> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let at = |share: f64| {
            let place = last as f64 * share;
            let below = place.floor() as usize;
            let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
            low + (high - low) * (place - below as f64)
        };
        Some(Percentiles { p5: at(0.05), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95) })
    }

    /// All five, from the least.
    pub fn values(&self) -> [f64; 5] {
        [self.p5, self.p25, self.p50, self.p75, self.p95]
    }
}

/// A mean over seeds, with its standard error and the percentiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// s / √n with the sample standard deviation s; absent for a single seed.
    pub standard_error: Option<f64>,
    /// How the seeds lie around it.
    pub percentiles: Percentiles,
    /// How many seeds it is taken over.
    pub n_seeds: usize,
}

impl Mean {
    /// The mean of finite values; nothing if there are none.
    ///
    /// ```
    /// use infoplane::plane::Mean;
    /// let mean = Mean::of(&[1.0, 2.0, 3.0]).unwrap();
    /// assert_eq!(mean.mean, 2.0);
    /// assert!((mean.standard_error.unwrap() - 1.0 / 3f64.sqrt()).abs() < 1e-12);
    /// assert_eq!(Mean::of(&[]), None);
    /// ```
    pub fn of(values: &[f64]) -> Option<Mean> {
        let percentiles = Percentiles::of(values)?;
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let standard_error = (values.len() > 1).then(|| {
            let squares: f64 = values.iter().map(|v| math::powi(v - mean, 2)).sum();
            (squares / (n - 1.0) / n).sqrt()
        });
        Some(Mean { mean, standard_error, percentiles, n_seeds: values.len() })
    }
}

/// The mean over seeds at every epoch that any seed has; `series[s]` is seed s, ascending in epochs.
///
/// Seeds need not share their epochs (a schedule that adapts gives each its own): between two of its
/// epochs a seed is interpolated linearly, so that the mean does not jump from seed to seed. Before its
/// first and after its last epoch a seed takes no part; a seed that diverged leaves the mean there.
pub(crate) fn mean_over_seeds(series: &[Vec<(u64, f64)>]) -> Vec<(u64, Mean)> {
    let mut epochs: Vec<u64> = series.iter().flatten().map(|&(epoch, _)| epoch).collect();
    // Stable, because that merges the sorted series instead of sorting them again.
    epochs.sort();
    epochs.dedup();
    // Of each seed the place up to which its epochs are passed: epochs ascend, so no place is looked at twice.
    let mut passed = vec![0; series.len()];
    let mut values = Vec::with_capacity(series.len());
    epochs
        .into_iter()
        .filter_map(|epoch| {
            values.clear();
            for (seed, passed) in series.iter().zip(&mut passed) {
                while seed.get(*passed).is_some_and(|&(at, _)| at < epoch) {
                    *passed += 1;
                }
                values.extend(value_before(seed, *passed, epoch));
            }
            Mean::of(&values).map(|mean| (epoch, mean))
        })
        .collect()
}

/// The value of a series at an epoch, between two of its epochs interpolated linearly; nothing outside.
pub(crate) fn value_at(series: &[(u64, f64)], epoch: u64) -> Option<f64> {
    value_before(series, series.partition_point(|&(at, _)| at < epoch), epoch)
}

/// As [`value_at`], where `next` is the place of the first epoch that is not before `epoch`.
fn value_before(series: &[(u64, f64)], next: usize, epoch: u64) -> Option<f64> {
    let &(e1, v1) = series.get(next)?;
    if e1 == epoch {
        return Some(v1);
    }
    let (e0, v0) = series[next.checked_sub(1)?];
    let share = (epoch - e0) as f64 / (e1 - e0) as f64;
    Some(v0 + (v1 - v0) * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Percentiles, expected: [f64; 5]) {
        for (found, expected) in found.values().into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    #[test]
    fn percentiles_are_those_computed_by_hand() {
        // Five values in order: place 4p, so 0.2, 1, 2, 3, 3.8.
        let five = Percentiles::of(&[16.0, 1.0, 8.0, 2.0, 4.0]).unwrap();
        close(five, [1.0 + 0.2, 2.0, 4.0, 8.0, 8.0 + 0.8 * 8.0]);
        // Four: place 3p, so 0.15, 0.75, 1.5, 2.25, 2.85.
        let four = Percentiles::of(&[0.0, 10.0, 30.0, -10.0]).unwrap();
        close(four, [-10.0 + 1.5, -10.0 + 7.5, 5.0, 10.0 + 5.0, 10.0 + 17.0]);
        close(Percentiles::of(&[7.0]).unwrap(), [7.0; 5]);
    }

    #[test]
    fn percentiles_are_taken_over_interpolated_seeds_too() {
        let ascending = |seed: f64| vec![(0, 0.0), (10, 10.0 * seed)];
        let series = [ascending(1.0), ascending(2.0), vec![(0, 0.0), (5, 30.0), (10, 0.0)]];
        let at_5 = mean_over_seeds(&series)[1].1;
        assert_eq!(at_5.n_seeds, 3);
        // Of 5, 10, 30: places 0.1, 0.5, 1, 1.5, 1.9.
        close(at_5.percentiles, [5.5, 7.5, 10.0, 20.0, 28.0]);
    }

    #[test]
    fn seeds_with_different_epochs_are_interpolated() {
        let mean = mean_over_seeds(&[vec![(0, 0.0), (10, 10.0)], vec![(0, 2.0), (5, 2.0), (10, 2.0)]]);
        let values: Vec<(u64, f64)> = mean.iter().map(|(epoch, mean)| (*epoch, mean.mean)).collect();
        assert_eq!(values, [(0, 1.0), (5, 3.5), (10, 6.0)]);
    }

    #[test]
    fn a_seed_that_stopped_early_leaves_the_mean() {
        let mean = mean_over_seeds(&[vec![(0, 1.0), (1, 1.0), (2, 1.0)], vec![(0, 3.0), (1, 3.0)]]);
        assert_eq!((mean[1].1.mean, mean[1].1.n_seeds), (2.0, 2));
        assert_eq!((mean[2].1.mean, mean[2].1.n_seeds), (1.0, 1));
        assert_eq!(mean[2].1.standard_error, None);
    }
}
