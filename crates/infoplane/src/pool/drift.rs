//! Whether the weights are at rest: drift against fluctuation.

use serde::{Deserialize, Deserializer, Serialize};

use super::Draw;
use crate::Network;

/// The weights (with the biases) of one layer over a window; a line of `rest.jsonl`.
///
/// Weights that fluctuate about a place have means of the two halves of the window that differ by little; weights that
/// wander or travel have means further apart than the weights of one half are from one another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestRow {
    /// The seed of the training.
    pub seed: u64,
    /// The layer, from 1; 0 for all layers together.
    pub layer: usize,
    /// ‖mean weights of the second half − mean weights of the first half‖.
    pub movement: f64,
    /// Root of the mean squared distance of the weights from the mean of their half.
    pub spread: f64,
    /// Mean length of the step from one network to the next.
    pub step: f64,
    /// The share of the weights' variance over the window that a straight line in time explains: 1/(M − 1) for M
    /// independent draws, about 3/5 for a random walk, 1 for a steady drift.
    pub line: f64,
}

impl RestRow {
    /// The drift of M independent draws of one distribution, 2/√M; up to a factor 1/√(1 − 2/M).
    pub fn drift_of_independent_draws(draws: usize) -> f64 {
        2.0 / (draws as f64).sqrt()
    }

    /// The drift of a random walk.
    pub const DRIFT_OF_RANDOM_WALK: f64 = 2.0;

    /// The drift of weights that go on steadily in one direction, √12.
    pub const DRIFT_OF_STEADY_MOTION: f64 = 3.464_101_615_137_754_6;

    /// movement / spread: 2/√M for M independent draws, 2 for a random walk, √12 for a steady drift.
    ///
    /// 0 for weights that do not change, infinite for those that change between the halves only.
    pub fn drift(&self) -> f64 {
        if self.movement == 0.0 { 0.0 } else { self.movement / self.spread }
    }

    /// As many independent draws would have this drift: 4 / drift².
    ///
    /// Draws that remember one another say less than their number: of M epochs, only so many places are seen.
    pub fn independent_draws(&self) -> f64 {
        4.0 / self.drift().powi(2)
    }
}

/// One network of the window; a line of `window.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowRow {
    /// Where the network is from.
    #[serde(flatten)]
    pub draw: Draw,
    /// Mean loss on the training samples.
    #[serde(deserialize_with = "null_is_nan")]
    pub train_loss: f64,
    /// Share of the training samples classified correctly.
    pub train_accuracy: f64,
    /// ‖W‖ over all layers, without biases.
    pub weight_norm: f64,
}

/// JSON has no NaN and no infinity; a training about to diverge has, and they are written as null.
fn null_is_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

/// Follows the weights over a window, network by network, and keeps none but the last.
///
/// Memory: 32 bytes for each parameter. All sums are of differences from the first network, in double precision:
/// weights of 1 that fluctuate by 10⁻⁶ lose nothing.
///
/// ```
/// # use infoplane::{Layer, Network, Nonlinearity};
/// use infoplane::pool::Rest;
/// # use ndarray::array;
/// # let network = |w: f32| Network {
/// #     layers: vec![Layer { weights: array![[w]], biases: array![0.0], nonlinearity: Nonlinearity::Linear }],
/// # };
/// // One weight that goes on by 0.5 from network to network.
/// let networks: Vec<Network> = (0..64).map(|i| network(0.5 * i as f32)).collect();
/// let mut rest = Rest::new(64);
/// for network in &networks {
///     rest.follow(network);
/// }
/// let rows = rest.rows(1);
/// assert_eq!((rows[0].layer, rows[1].layer), (1, 0));
/// assert_eq!((rows[0].movement, rows[0].step), (16.0, 0.5));
/// assert!((rows[0].drift() - 12f64.sqrt()).abs() < 0.01);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rest {
    n_networks: usize,
    seen: usize,
    layers: Vec<Path>,
}

/// The way of one layer's parameters.
#[derive(Debug, Clone, Default)]
struct Path {
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

/// Mean and scatter of half of the window (Welford's recursion).
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

impl Path {
    fn add(&mut self, parameters: Vec<f32>, half: Option<usize>, time: f64) {
        if self.last.is_empty() {
            for half in &mut self.halves {
                half.mean = vec![0.0; parameters.len()];
            }
            self.against_time = vec![0.0; parameters.len()];
            self.first = parameters.clone();
        } else {
            let step = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
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

    /// movement², Σ of squares within the halves, Σ of squares that a line explains.
    fn sums(&self) -> [f64; 3] {
        let [a, b] = &self.halves;
        let movement = a.mean.iter().zip(&b.mean).map(|(a, b)| (b - a).powi(2)).sum();
        // Σ (t − mean t)² of m even steps.
        let m = a.n + b.n;
        let times = m * (m * m - 1.0) / 12.0;
        let line = self.against_time.iter().map(|sum| sum * sum / times).sum();
        [movement, a.squares + b.squares, line]
    }
}

impl Rest {
    /// Expects so many networks; only with their number known are the halves known.
    pub fn new(n_networks: usize) -> Rest {
        Rest { n_networks, ..Rest::default() }
    }

    /// The next network of the window.
    ///
    /// # Panics
    /// If there are more than expected, or its shape is another one than before.
    pub fn follow(&mut self, network: &Network) {
        assert!(self.seen < self.n_networks, "more than {} networks", self.n_networks);
        if self.seen == 0 {
            self.layers = vec![Path::default(); network.layers.len()];
            // The last place is for the steps of all layers together.
            self.layers.push(Path::default());
        }
        assert_eq!(self.layers.len(), network.layers.len() + 1, "networks of several shapes");
        // An odd window leaves its first network out of the halves.
        let odd = self.n_networks % 2;
        let place = self.seen.checked_sub(odd);
        let half = self.n_networks / 2;
        let time = place.map_or(0.0, |place| place as f64 - (2 * half - 1) as f64 / 2.0);
        let mut step = 0.0;
        for (path, layer) in self.layers.iter_mut().zip(&network.layers) {
            let parameters: Vec<f32> = layer.weights.iter().chain(&layer.biases).copied().collect();
            assert!(self.seen == 0 || path.last.len() == parameters.len(), "networks of several shapes");
            path.add(parameters, place.map(|place| usize::from(place >= half)), time);
            step += path.newest_step;
        }
        if let Some(all) = self.layers.last_mut() {
            all.steps += step.sqrt();
        }
        self.seen += 1;
    }

    /// A row for each layer, then layer 0 for all; none for fewer than four networks, of which no half has a spread.
    ///
    /// # Panics
    /// If there were fewer networks than expected.
    pub fn rows(&self, seed: u64) -> Vec<RestRow> {
        assert_eq!(self.seen, self.n_networks, "a window that is not complete");
        if self.seen < 4 {
            return vec![];
        }
        let networks = (self.seen - self.seen % 2) as f64;
        let row = |layer: usize, [movement, squares, line]: [f64; 3], steps: f64| {
            // All squares: those within the halves, and those between their means.
            let total = squares + networks / 4.0 * movement;
            RestRow {
                seed,
                layer,
                movement: movement.sqrt(),
                spread: (squares / networks).sqrt(),
                step: steps / (self.seen - 1) as f64,
                line: if total > 0.0 { line / total } else { 0.0 },
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

    /// The rows of the networks of one training, in their order: one for each layer, then layer 0 for all.
    ///
    /// None for fewer than four networks.
    ///
    /// # Panics
    /// If the networks are not of one shape.
    pub fn of(seed: u64, networks: &[Network]) -> Vec<RestRow> {
        let mut rest = Rest::new(networks.len());
        networks.iter().for_each(|network| rest.follow(network));
        rest.rows(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, generator, normal};
    use crate::{Layer, Nonlinearity};
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

    fn rest(networks: &[Network]) -> Vec<RestRow> {
        Rest::of(1, networks)
    }

    #[test]
    fn independent_draws_have_a_drift_of_two_by_the_root_of_their_number() {
        let mut generator = generator(1, Purpose::Known, 0);
        for draws in [16, 64, 256] {
            let networks: Vec<Network> =
                (0..draws).map(|_| network(150, &mut |_| 1.0 + 1e-3 * normal(&mut generator))).collect();
            let m = draws as f64;
            for row in rest(&networks) {
                let expected = RestRow::drift_of_independent_draws(draws) / (1.0 - 2.0 / m).sqrt();
                // 300 parameters: the square of the movement has a relative deviation of √(2/300).
                assert!((row.drift() / expected - 1.0).abs() < 0.12, "{draws}: {row:?}");
                assert!((row.line * (m - 1.0) - 1.0).abs() < 0.25, "{draws}: {row:?}");
                // The spread of 2 · 300 parameters for layer 0, of 300 for each layer; steps are differences of two.
                let parameters = if row.layer == 0 { 600.0 } else { 300.0 };
                let spread = 1e-3 * (parameters * (1.0 - 2.0 / m)).sqrt();
                assert!((row.spread / spread - 1.0).abs() < 0.05, "{row:?}");
                assert!((row.step / (1e-3 * (2.0 * parameters).sqrt()) - 1.0).abs() < 0.05, "{row:?}");
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
        for row in rest(&networks) {
            assert!((row.drift() - RestRow::DRIFT_OF_RANDOM_WALK).abs() < 0.2, "{row:?}");
            assert!((row.line - 0.6).abs() < 0.05, "{row:?}");
            assert!((row.independent_draws() - 1.0).abs() < 0.2);
        }
    }

    #[test]
    fn a_steady_drift_is_a_line() {
        let networks: Vec<Network> =
            (0..200).map(|t| network(3, &mut |index| index as f64 - 0.25 * t as f64)).collect();
        for row in rest(&networks) {
            // The variance of m even places is (m² − 1)/12.
            let expected = RestRow::DRIFT_OF_STEADY_MOTION / (1.0 - 1e-4f64).sqrt();
            assert!((row.drift() - expected).abs() < 1e-9, "{row:?}");
            assert!((row.line - 1.0).abs() < 1e-12, "{row:?}");
        }
    }

    #[test]
    fn what_does_not_move_is_at_rest_and_a_jump_is_not() {
        let still: Vec<Network> = (0..5).map(|_| network(2, &mut |index| index as f64)).collect();
        assert!(rest(&still).iter().all(|row| row.drift() == 0.0 && row.step == 0.0 && row.line == 0.0));
        let jump: Vec<Network> = (0..6).map(|t| network(2, &mut |_| f64::from(u8::from(t > 2)))).collect();
        assert!(rest(&jump).iter().all(|row| row.drift() == f64::INFINITY));
    }

    #[test]
    fn fluctuations_of_the_last_digits_are_not_lost() {
        // Around 1000 single precision has steps of 6·10⁻⁵; two neighbours in turn have a spread of half a step.
        let networks: Vec<Network> =
            (0..1000).map(|t| network(2, &mut |_| 1000.0 + f64::from(t % 2) * 6.103_515_625e-5)).collect();
        let half_step = 3.051_757_812_5e-5;
        for row in rest(&networks) {
            let parameters: f64 = if row.layer == 0 { 8.0 } else { 4.0 };
            assert!((row.spread / (half_step * parameters.sqrt()) - 1.0).abs() < 1e-9, "{row:?}");
            assert!(row.drift() < 1e-9);
        }
    }

    #[test]
    fn an_odd_window_leaves_out_its_first_network() {
        let values = [100.0, 1.0, 2.0, 5.0, 6.0];
        let networks: Vec<Network> = values.iter().map(|&v| network(1, &mut |_| v)).collect();
        // Means 1.5 and 5.5, each half ½ from its mean; two parameters in a layer.
        let row = &rest(&networks)[0];
        assert!((row.movement - 4.0 * 2f64.sqrt()).abs() < 1e-12);
        assert!((row.spread - 0.5 * 2f64.sqrt()).abs() < 1e-12);
        assert!((row.step - (99.0 + 1.0 + 3.0 + 1.0) / 4.0 * 2f64.sqrt()).abs() < 1e-12);
        assert!(rest(&networks[..3]).is_empty());
    }
}
