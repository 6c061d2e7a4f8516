//! I(Tᵢ';Tⱼ') of layers with Gaussian noise, independent from layer to layer.
//!
//! Given the input, Tᵢ' and Tⱼ' are independent, so that
//!
//! ```text
//! I(Tᵢ';Tⱼ') = I(X;Tᵢ') + I(X;Tⱼ') − I(X;(Tᵢ',Tⱼ'))
//! ```
//!
//! with the columns of both layers side by side in the last term. On the diagonal are two noisy copies of one layer, of which the
//! mean, with half the variance, says all that both say of X: the last term is I(X;T') at σ²/2.

use ndarray::{Array2, ArrayView2, Axis, concatenate};

use super::pairs::places;
use super::{LayerPairs, PairInformation};
use crate::estimator::kde::{near_sample_limit, setting};
use crate::estimator::noise::{Row, Value};
use crate::interrupt::poll;
use crate::pairwise::{KernelMeans, mean_logarithms, noisy_logarithms};
use crate::steps::Steps;
use crate::{
    Bound, Estimate, EstimateError, EstimateKind, Information, Noise, OwnedVariable, Variable, math,
};

/// The columns of two matrices side by side; in double precision unless both are of single.
fn beside(a: &Variable<'_>, b: &Variable<'_>) -> OwnedVariable {
    fn join<T: Clone>(a: ArrayView2<'_, T>, b: ArrayView2<'_, T>) -> Array2<T> {
        concatenate(Axis(1), &[a, b]).expect("as many rows")
    }
    let double = |t: &Variable<'_>| match t {
        Variable::Single(rows) => rows.mapv(f64::from),
        Variable::Double(rows) => rows.to_owned(),
        Variable::Labels(_) => panic!("noise is added to matrices of numbers"),
    };
    match (a, b) {
        (Variable::Single(a), Variable::Single(b)) => OwnedVariable::Single(join(a.view(), b.view())),
        _ => OwnedVariable::Double(join(double(a).view(), double(b).view())),
    }
}

/// The variance of the mean of two copies; above 0 also where its half is not.
fn half(variance: f64) -> f64 {
    (variance / 2.0).max(f64::from_bits(1))
}

/// Refuses layers of labels, to which no noise can be added.
fn check_matrices(estimator: &'static str, layers: &[Variable<'_>]) -> Result<(), EstimateError> {
    match layers.iter().any(|layer| matches!(layer, Variable::Labels(_))) {
        true => Err(EstimateError::NeedsMatrix { estimator }),
        false => Ok(()),
    }
}

/// For every noise variance the upper bounds, then the lower.
///
/// With L ≤ I(X;·) ≤ U the pairwise bounds of each term,
///
/// ```text
/// max(0, Lᵢ + Lⱼ − Uᵢⱼ) ≤ I(Tᵢ';Tⱼ') ≤ min(Uᵢ + Uⱼ − Lᵢⱼ, Uᵢ, Uⱼ)
/// ```
///
/// where Uᵢ and Uⱼ are above it because Tᵢ' and Tⱼ' depend on each other only through X.
pub(in crate::estimator) fn bounds_of_pairs(
    estimator: &'static str,
    layers: &[Variable<'_>],
    variances: &[f64],
) -> Result<Vec<LayerPairs>, EstimateError> {
    check_matrices(estimator, layers)?;
    let n_variances = variances.len();
    let mut with_halves = variances.to_vec();
    with_halves.extend(variances.iter().copied().map(half));
    let singles: Vec<Vec<[f64; 2]>> =
        layers.iter().map(|t| mean_logarithms(t, &[], &with_halves).iter().map(bounds).collect()).collect();
    let constant: Vec<bool> = layers.iter().map(Variable::is_constant).collect();
    let mut readings: Vec<LayerPairs> = variances
        .iter()
        .flat_map(|&variance| {
            [Bound::Upper, Bound::Lower].map(|bound| LayerPairs {
                setting: setting(variance),
                bound: Some(bound),
                n_layers: layers.len(),
                pairs: Vec::new(),
                cells: None,
            })
        })
        .collect();
    let places = places(layers.len());
    let steps = Steps::new("pairs of layers", places.len());
    for (first, second) in places {
        poll();
        steps.shown();
        let variables = [layers[first].view(), layers[second].view()];
        let never_changes = constant[first] || constant[second];
        let together: Vec<[f64; 2]> = if never_changes {
            Vec::new()
        } else if first == second {
            singles[first][n_variances..].to_vec()
        } else {
            let both = beside(&variables[0], &variables[1]);
            mean_logarithms(&both.variable(), &[], variances).iter().map(bounds).collect()
        };
        for (place, &noise_variance) in variances.iter().enumerate() {
            let [[lower_i, upper_i], [lower_j, upper_j]] = [singles[first][place], singles[second][place]];
            for (reading, bound) in readings[2 * place..].iter_mut().zip([Bound::Upper, Bound::Lower]) {
                let estimate = if never_changes {
                    Estimate::of_constant(&variables)
                } else {
                    let [lower, upper] = together[place];
                    let nats = match bound {
                        Bound::Upper => (upper_i + upper_j - lower).min(upper_i).min(upper_j),
                        Bound::Lower => (lower_i + lower_j - upper).max(0.0),
                    };
                    let kind = EstimateKind::SmoothedBound { bound, noise_variance };
                    with_ceiling(Estimate::new(Information::from_nats(nats), kind, &variables))
                };
                reading.pairs.push(PairInformation { first, second, estimate: Ok(estimate), shuffled: None });
            }
        }
    }
    Ok(readings)
}

/// The pairwise bounds on I(X;T'), the lower one first.
fn bounds(means: &KernelMeans) -> [f64; 2] {
    [-means.all.bhattacharyya, -means.all.kullback_leibler]
}

/// N inputs hold no more than ln N.
fn with_ceiling(mut estimate: Estimate) -> Estimate {
    estimate.ceiling = Some(Information::from_nats(math::ln(estimate.n_samples as f64)));
    estimate.warnings.extend(near_sample_limit(estimate.information.nats(), estimate.n_samples));
    estimate
}

impl Noise {
    /// For every noise variance the values; then, where they are asked for, the upper bounds and the lower.
    pub(in crate::estimator) fn pairs(
        &self,
        estimator: &'static str,
        layers: &[Variable<'_>],
    ) -> Result<Vec<LayerPairs>, EstimateError> {
        check_matrices(estimator, layers)?;
        let mut bounds = match self.bounds {
            true => bounds_of_pairs(estimator, layers, &self.noise_variances)?,
            false => Vec::new(),
        }
        .into_iter();
        let mut readings = Vec::new();
        for &variance in &self.noise_variances {
            readings.push(self.values_of_pairs(layers, variance)?);
            readings.extend(bounds.by_ref().take(2));
        }
        Ok(readings)
    }

    /// The summand of a noisy row is ln p(tᵢ',tⱼ') / p(tᵢ') p(tⱼ') itself, with the same noise in all three, of which much cancels.
    fn values_of_pairs(&self, layers: &[Variable<'_>], variance: f64) -> Result<LayerPairs, EstimateError> {
        let n = layers.first().map_or(0, Variable::n_samples);
        let (points, draws) = (self.points(n), self.draws(n));
        let places = places(layers.len());
        let constant: Vec<bool> = layers.iter().map(Variable::is_constant).collect();
        let is_constant = |&(first, second): &(usize, usize)| constant[first] || constant[second];
        // Noise of each layer's own: the first has that of the plane.
        let of_layer: Vec<Noise> = (0..layers.len() as u64)
            .map(|layer| Noise { seed: self.seed.wrapping_add(layer), ..self.clone() })
            .collect();
        let mut rows: Vec<Vec<Row>> = places.iter().map(|_| vec![Row::default(); points.len()]).collect();
        let steps = Steps::new("draws", draws);
        for draw in 0..draws {
            let alone = |(t, noise): (&Variable<'_>, &Noise), variance| {
                let normals = |row: usize, out: &mut [f64]| noise.standard_normals(draw, row, out);
                noisy_logarithms(t, &[], variance, &normals, &points).all
            };
            let singles: Vec<Vec<f64>> =
                layers.iter().zip(&of_layer).map(|layer| alone(layer, variance)).collect();
            for (pair, rows) in places.iter().zip(&mut rows).filter(|(pair, _)| !is_constant(pair)) {
                let &(first, second) = pair;
                let together = if first == second {
                    alone((&layers[first], &of_layer[first]), half(variance))
                } else {
                    let both = beside(&layers[first], &layers[second]);
                    let width = layers[first].width();
                    let normals = |row: usize, out: &mut [f64]| {
                        let (of_first, of_second) = out.split_at_mut(width);
                        of_layer[first].standard_normals(draw, row, of_first);
                        of_layer[second].standard_normals(draw, row, of_second);
                    };
                    noisy_logarithms(&both.variable(), &[], variance, &normals, &points).all
                };
                let summands = together.iter().zip(&singles[first]).zip(&singles[second]);
                for (row, ((together, first), second)) in rows.iter_mut().zip(summands) {
                    row.add(together - first - second, draw);
                }
            }
            steps.step()?;
        }
        let kind = EstimateKind::Smoothed { noise_variance: variance };
        let pair = |(pair, rows): (&(usize, usize), &Vec<Row>)| {
            let &(first, second) = pair;
            let variables = [layers[first].view(), layers[second].view()];
            let estimate = if is_constant(pair) {
                Estimate::of_constant(&variables)
            } else {
                let Value { mean, error } = Value::of(rows, draws, n);
                let estimate = Estimate::new(Information::from_nats(mean), kind.clone(), &variables);
                with_ceiling(Estimate { standard_error: Some(Information::from_nats(error)), ..estimate })
            };
            PairInformation { first, second, estimate: Ok(estimate), shuffled: None }
        };
        Ok(LayerPairs {
            setting: setting(variance),
            bound: None,
            n_layers: layers.len(),
            pairs: places.iter().zip(&rows).map(pair).collect(),
            cells: None,
        })
    }
}
