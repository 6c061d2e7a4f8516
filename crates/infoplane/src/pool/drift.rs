//! Drift of the weights over a window, relative to their fluctuation.

use serde::{Deserialize, Deserializer, Serialize};

use super::NetworkSource;
use crate::math;
use crate::{Layer, Network};

/// Drift of the weights (with the biases) of one layer over a window; a row of `drift.jsonl`.
///
/// For weights that fluctuate about a fixed point, the means of the two halves of the window nearly agree; for weights
/// that diffuse or move steadily, they are further apart than the weights within one half.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftRow {
    /// The seed of the training run.
    pub seed: u64,
    /// The layer, from 1; 0 for all layers together.
    pub layer: usize,
    /// ‖mean weights of the second half − mean weights of the first half‖.
    #[serde(alias = "movement")]
    pub mean_shift: f64,
    /// Root-mean-square distance of the weights from the mean of their half.
    #[serde(alias = "spread")]
    pub fluctuation: f64,
    /// Mean distance between successive networks of the window.
    #[serde(alias = "step")]
    pub mean_step: f64,
    /// R² of a linear trend in time, the fraction of the weights' variance over the window that it explains: 1/(M − 1)
    /// for M independent samples, about 3/5 for a random walk, 1 for steady motion.
    #[serde(alias = "line")]
    pub linear_trend_r2: f64,
}

impl DriftRow {
    /// The drift of M independent samples of one distribution, 2/√M; up to a factor 1/√(1 − 2/M).
    pub fn drift_of_independent_samples(n_networks: usize) -> f64 {
        2.0 / (n_networks as f64).sqrt()
    }

    /// The drift of a random walk.
    pub const DRIFT_OF_RANDOM_WALK: f64 = 2.0;

    /// The drift of weights that move steadily in one direction, √12.
    pub const DRIFT_OF_STEADY_MOTION: f64 = 3.464_101_615_137_754_6;

    /// `mean_shift / fluctuation`: 2/√M for M independent samples, 2 for a random walk, √12 for steady motion.
    ///
    /// 0 for weights that do not change, infinite for those that change only between the halves.
    pub fn drift(&self) -> f64 {
        if self.mean_shift == 0.0 { 0.0 } else { self.mean_shift / self.fluctuation }
    }

    /// The number of independent samples with this drift, 4 / drift².
    ///
    /// Correlated networks count for less than their number.
    pub fn effective_sample_size(&self) -> f64 {
        4.0 / math::powi(self.drift(), 2)
    }
}

/// One network of the window; a row of `window.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowRow {
    /// Which network it is.
    #[serde(flatten)]
    pub network: NetworkSource,
    /// Mean loss on the training samples; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "null_is_nan")]
    pub train_loss: Option<f64>,
    /// Fraction of the training samples classified correctly; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// ‖W‖ over all layers, without biases.
    pub weight_norm: f64,
}

/// JSON has no NaN and no infinity; a training run about to diverge has, and they are written as null.
fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or(f64::NAN)))
}

/// Measures drift over a window, network by network, without keeping the networks.
///
/// Memory: 32 bytes per parameter. All sums are of differences from the first network, in double precision, so weights of
/// 1 that fluctuate by 10⁻⁶ lose nothing.
///
/// ```
/// # use infoplane::{Layer, Network, Nonlinearity};
/// use infoplane::pool::DriftTracker;
/// # use ndarray::array;
/// # let network = |w: f32| Network {
/// #     layers: vec![Layer { weights: array![[w]], biases: array![0.0], nonlinearity: Nonlinearity::Linear }],
/// # };
/// // One weight that grows by 0.5 from network to network.
/// let networks: Vec<Network> = (0..64).map(|i| network(0.5 * i as f32)).collect();
/// let mut tracker = DriftTracker::new(64);
/// for network in &networks {
///     tracker.add(network);
/// }
/// let rows = tracker.rows(1);
/// assert_eq!((rows[0].layer, rows[1].layer), (1, 0));
/// assert_eq!((rows[0].mean_shift, rows[0].mean_step), (16.0, 0.5));
/// assert!((rows[0].drift() - 12f64.sqrt()).abs() < 0.01);
/// ```
#[derive(Debug, Clone, Default)]
pub struct DriftTracker {
    n_networks: usize,
    seen: usize,
    layers: Vec<LayerPath>,
}

/// The path of one layer's parameters.
#[derive(Debug, Clone, Default)]
struct LayerPath {
    first: Vec<f32>,
    last: Vec<f32>,
    halves: [Half; 2],
    /// Σ (t − mean t) · parameters, with t the place in the window.
    against_time: Vec<f64>,
    /// Σ ‖step‖.
    steps: f64,
    /// Σ over layers of ‖step‖² of the newest step.
    newest_step: f64,
}

/// Mean and variance of half of the window (Welford's recursion).
#[derive(Debug, Clone, Default)]
struct Half {
    n: f64,
    mean: Vec<f64>,
    /// Σ ‖parameters − mean‖².
    squares: f64,
}

impl Half {
    fn add(&mut self, differences: impl Iterator<Item = f64>) {
        self.n += 1.0;
        for (mean, value) in self.mean.iter_mut().zip(differences) {
            let before = value - *mean;
            *mean += before / self.n;
            self.squares += before * (value - *mean);
        }
    }
}

impl LayerPath {
    fn add(&mut self, parameters: Vec<f32>, half: Option<usize>, time: f64) {
        if self.last.is_empty() {
            for half in &mut self.halves {
                half.mean = vec![0.0; parameters.len()];
            }
            self.against_time = vec![0.0; parameters.len()];
            self.first = parameters.clone();
        } else {
            let step = |(a, b): (&f32, &f32)| math::powi(f64::from(*a) - f64::from(*b), 2);
            self.newest_step = parameters.iter().zip(&self.last).map(step).sum();
            self.steps += self.newest_step.sqrt();
        }
        let first = &self.first;
        let differences = || parameters.iter().zip(first).map(|(a, b)| f64::from(*a) - f64::from(*b));
        if let Some(half) = half {
            self.halves[half].add(differences());
            for (sum, difference) in self.against_time.iter_mut().zip(differences()) {
                *sum += time * difference;
            }
        }
        self.last = parameters;
    }

    /// mean shift², Σ of squares within the halves, Σ of squares that a linear trend explains.
    fn sums(&self) -> [f64; 3] {
        let [a, b] = &self.halves;
        let shift = a.mean.iter().zip(&b.mean).map(|(a, b)| math::powi(b - a, 2)).sum();
        // Σ (t − mean t)² of m even steps.
        let m = a.n + b.n;
        let times = m * (m * m - 1.0) / 12.0;
        let trend = self.against_time.iter().map(|sum| sum * sum / times).sum();
        [shift, a.squares + b.squares, trend]
    }
}

impl DriftTracker {
    /// Starts a window of `n_networks` networks; their number says where the second half begins.
    pub fn new(n_networks: usize) -> DriftTracker {
        DriftTracker { n_networks, ..DriftTracker::default() }
    }

    /// Adds the next network of the window.
    ///
    /// # Panics
    /// If there are more networks than expected, or their shapes differ.
    pub fn add(&mut self, network: &Network) {
        let parameters = |layer: &Layer| layer.weights.iter().chain(&layer.biases).copied().collect();
        self.add_parameters(network.layers.iter().map(parameters).collect());
    }

    /// Adds the next network of the window by the parameters of each of its layers.
    ///
    /// # Panics
    /// As [`add`](DriftTracker::add).
    pub fn add_parameters(&mut self, layers: Vec<Vec<f32>>) {
        assert!(self.seen < self.n_networks, "more than {} networks", self.n_networks);
        if self.seen == 0 {
            self.layers = vec![LayerPath::default(); layers.len()];
            // The last place is for the steps of all layers together.
            self.layers.push(LayerPath::default());
        }
        assert_eq!(self.layers.len(), layers.len() + 1, "networks of several shapes");
        // An odd window leaves its first network out of the halves.
        let odd = self.n_networks % 2;
        let place = self.seen.checked_sub(odd);
        let half = self.n_networks / 2;
        let time = place.map_or(0.0, |place| place as f64 - (2 * half - 1) as f64 / 2.0);
        let mut step = 0.0;
        for (path, parameters) in self.layers.iter_mut().zip(layers) {
            assert!(self.seen == 0 || path.last.len() == parameters.len(), "networks of several shapes");
            path.add(parameters, place.map(|place| usize::from(place >= half)), time);
            step += path.newest_step;
        }
        if let Some(all) = self.layers.last_mut() {
            all.steps += step.sqrt();
        }
        self.seen += 1;
    }

    /// Returns a row for each layer, then layer 0 for all; none for fewer than four networks, whose halves do not
    /// fluctuate.
    ///
    /// # Panics
    /// If there were fewer networks than expected.
    pub fn rows(&self, seed: u64) -> Vec<DriftRow> {
        assert_eq!(self.seen, self.n_networks, "a window that is not complete");
        if self.seen < 4 {
            return vec![];
        }
        let networks = (self.seen - self.seen % 2) as f64;
        let row = |layer: usize, [shift, squares, trend]: [f64; 3], steps: f64| {
            // All squares: those within the halves, and those between their means.
            let total = squares + networks / 4.0 * shift;
            DriftRow {
                seed,
                layer,
                mean_shift: shift.sqrt(),
                fluctuation: (squares / networks).sqrt(),
                mean_step: steps / (self.seen - 1) as f64,
                linear_trend_r2: if total > 0.0 { trend / total } else { 0.0 },
            }
        };
        let (all, layers) = self.layers.split_last().expect("there are networks");
        let mut together = [0.0; 3];
        let mut rows = Vec::with_capacity(self.layers.len());
        for (index, path) in layers.iter().enumerate() {
            let sums = path.sums();
            together.iter_mut().zip(sums).for_each(|(all, of_layer)| *all += of_layer);
            rows.push(row(index + 1, sums, path.steps));
        }
        rows.push(row(0, together, all.steps));
        rows
    }

    /// Returns the rows of the networks of one training run: one for each layer, then layer 0 for all.
    ///
    /// None for fewer than four networks.
    ///
    /// # Panics
    /// If the networks differ in shape.
    pub fn of(seed: u64, networks: &[Network]) -> Vec<DriftRow> {
        let mut tracker = DriftTracker::new(networks.len());
        networks.iter().for_each(|network| tracker.add(network));
        tracker.rows(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Nonlinearity;
    use crate::random::{Purpose, generator, normal};
    use ndarray::{Array1, Array2};

    /// Two layers of `width` weights and as many biases each; every parameter is a function of its number.
    fn network(width: usize, parameter: &mut dyn FnMut(usize) -> f64) -> Network {
        let mut next = 0;
        let mut layer = || {
            let mut value = || {
                next += 1;
                parameter(next - 1) as f32
            };
            Layer {
                weights: Array2::from_shape_simple_fn((width, 1), &mut value),
                biases: Array1::from_shape_simple_fn(width, &mut value),
                nonlinearity: Nonlinearity::Linear,
            }
        };
        Network { layers: vec![layer(), layer()] }
    }

    fn drift(networks: &[Network]) -> Vec<DriftRow> {
        DriftTracker::of(1, networks)
    }

    #[test]
    fn independent_samples_have_a_drift_of_two_by_the_root_of_their_number() {
        let mut generator = generator(1, Purpose::Known, 0);
        for n_networks in [16, 64, 256] {
            let networks: Vec<Network> =
                (0..n_networks).map(|_| network(150, &mut |_| 1.0 + 1e-3 * normal(&mut generator))).collect();
            let m = n_networks as f64;
            for row in drift(&networks) {
                let expected = DriftRow::drift_of_independent_samples(n_networks) / (1.0 - 2.0 / m).sqrt();
                // 300 parameters: the square of the shift has a relative deviation of √(2/300).
                assert!((row.drift() / expected - 1.0).abs() < 0.12, "{n_networks}: {row:?}");
                assert!((row.linear_trend_r2 * (m - 1.0) - 1.0).abs() < 0.25, "{n_networks}: {row:?}");
                // The fluctuation of 2 · 300 parameters for layer 0, of 300 for each layer; steps are differences of two.
                let parameters = if row.layer == 0 { 600.0 } else { 300.0 };
                let fluctuation = 1e-3 * (parameters * (1.0 - 2.0 / m)).sqrt();
                assert!((row.fluctuation / fluctuation - 1.0).abs() < 0.05, "{row:?}");
                assert!((row.mean_step / (1e-3 * (2.0 * parameters).sqrt()) - 1.0).abs() < 0.05, "{row:?}");
            }
        }
    }

    #[test]
    fn a_random_walk_has_a_drift_of_two() {
        let mut generator = generator(2, Purpose::Known, 0);
        let mut place = vec![0.0; 1200];
        let networks: Vec<Network> = (0..128)
            .map(|_| {
                network(300, &mut |index| {
                    place[index] += 0.1 * normal(&mut generator);
                    place[index]
                })
            })
            .collect();
        for row in drift(&networks) {
            assert!((row.drift() - DriftRow::DRIFT_OF_RANDOM_WALK).abs() < 0.2, "{row:?}");
            assert!((row.linear_trend_r2 - 0.6).abs() < 0.05, "{row:?}");
            assert!((row.effective_sample_size() - 1.0).abs() < 0.2);
        }
    }

    #[test]
    fn steady_motion_is_a_linear_trend() {
        let networks: Vec<Network> =
            (0..200).map(|t| network(3, &mut |index| index as f64 - 0.25 * t as f64)).collect();
        for row in drift(&networks) {
            // The variance of m even places is (m² − 1)/12.
            let expected = DriftRow::DRIFT_OF_STEADY_MOTION / (1.0 - 1e-4f64).sqrt();
            assert!((row.drift() - expected).abs() < 1e-9, "{row:?}");
            assert!((row.linear_trend_r2 - 1.0).abs() < 1e-12, "{row:?}");
        }
    }

    #[test]
    fn constant_weights_do_not_drift_and_a_jump_does() {
        let still: Vec<Network> = (0..5).map(|_| network(2, &mut |index| index as f64)).collect();
        assert!(
            drift(&still)
                .iter()
                .all(|row| row.drift() == 0.0 && row.mean_step == 0.0 && row.linear_trend_r2 == 0.0)
        );
        let jump: Vec<Network> = (0..6).map(|t| network(2, &mut |_| f64::from(u8::from(t > 2)))).collect();
        assert!(drift(&jump).iter().all(|row| row.drift() == f64::INFINITY));
    }

    #[test]
    fn fluctuations_of_the_last_digits_are_not_lost() {
        // Around 1000 single precision has steps of 6·10⁻⁵; two neighbours in turn fluctuate by half a step.
        let networks: Vec<Network> =
            (0..1000).map(|t| network(2, &mut |_| 1000.0 + f64::from(t % 2) * 6.103_515_625e-5)).collect();
        let half_step = 3.051_757_812_5e-5;
        for row in drift(&networks) {
            let parameters: f64 = if row.layer == 0 { 8.0 } else { 4.0 };
            assert!((row.fluctuation / (half_step * parameters.sqrt()) - 1.0).abs() < 1e-9, "{row:?}");
            assert!(row.drift() < 1e-9);
        }
    }

    #[test]
    fn an_odd_window_leaves_out_its_first_network() {
        let values = [100.0, 1.0, 2.0, 5.0, 6.0];
        let networks: Vec<Network> = values.iter().map(|&v| network(1, &mut |_| v)).collect();
        // Means 1.5 and 5.5, each half ½ from its mean; two parameters in a layer.
        let row = &drift(&networks)[0];
        assert!((row.mean_shift - 4.0 * 2f64.sqrt()).abs() < 1e-12);
        assert!((row.fluctuation - 0.5 * 2f64.sqrt()).abs() < 1e-12);
        assert!((row.mean_step - (99.0 + 1.0 + 3.0 + 1.0) / 4.0 * 2f64.sqrt()).abs() < 1e-12);
        assert!(drift(&networks[..3]).is_empty());
    }
}
