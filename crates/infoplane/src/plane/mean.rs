//! Averaging series of several seeds over their epochs.

/// A mean over seeds, with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// s / √n with the sample standard deviation s; absent for a single seed.
    pub standard_error: Option<f64>,
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
        if values.is_empty() {
            return None;
        }
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let standard_error = (values.len() > 1).then(|| {
            let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
            (squares / (n - 1.0) / n).sqrt()
        });
        Some(Mean { mean, standard_error, n_seeds: values.len() })
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
    epochs
        .into_iter()
        .filter_map(|epoch| {
            let values: Vec<f64> = series.iter().filter_map(|seed| value_at(seed, epoch)).collect();
            Mean::of(&values).map(|mean| (epoch, mean))
        })
        .collect()
}

fn value_at(series: &[(u64, f64)], epoch: u64) -> Option<f64> {
    match series.binary_search_by_key(&epoch, |&(at, _)| at) {
        Ok(found) => Some(series[found].1),
        Err(0) => None,
        Err(next) if next == series.len() => None,
        Err(next) => {
            let ((e0, v0), (e1, v1)) = (series[next - 1], series[next]);
            let share = (epoch - e0) as f64 / (e1 - e0) as f64;
            Some(v0 + (v1 - v0) * share)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
