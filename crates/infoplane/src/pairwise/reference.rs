//! The double loop: slow, simple, in double precision. What the fast pass is checked against.

use crate::Labels;

use super::MeanLogarithms;

/// What [`mean_logarithms`](super::mean_logarithms) computes for one noise variance, literally.
///
/// `value(i, k)` is coordinate k of point i; `labels` restricts the sum to the points of the same label.
pub(super) fn mean_logarithms(
    n_samples: usize,
    width: usize,
    value: impl Fn(usize, usize) -> f64,
    labels: Option<&Labels>,
    noise_variance: f64,
) -> MeanLogarithms {
    let noise = noise_variance.sqrt();
    let mut means = MeanLogarithms { kullback_leibler: 0.0, bhattacharyya: 0.0 };
    for i in 0..n_samples {
        let (mut kullback_leibler, mut bhattacharyya, mut count) = (0.0, 0.0, 0.0);
        for j in 0..n_samples {
            if labels.is_some_and(|labels| labels.codes()[i] != labels.codes()[j]) {
                continue;
            }
            // Divided before it is squared: the square of a tiny or a huge difference is no number.
            let squared: f64 = (0..width).map(|k| ((value(i, k) - value(j, k)) / noise).powi(2)).sum();
            kullback_leibler += (-squared / 2.0).exp();
            bhattacharyya += (-squared / 8.0).exp();
            count += 1.0;
        }
        means.kullback_leibler += (kullback_leibler / count).ln() / n_samples as f64;
        means.bhattacharyya += (bhattacharyya / count).ln() / n_samples as f64;
    }
    means
}
