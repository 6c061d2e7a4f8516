//! Means over seeds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::correction::CorrectedBy;
use super::trend::{PooledPoint, finite};
use super::{PooledLayer, Verdict};
use crate::plane::{Mean, MethodDescription, Missing};

/// One layer by one method: means over seeds.
///
/// With several seeds every value is a mean over them with the standard error s/√(number of seeds), whatever the
/// uncertainty of each. With one seed, or a pool over seeds, the values are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct PooledMean {
    /// The layer, from 1.
    pub layer: usize,
    /// The number of its units.
    pub width: usize,
    /// The method.
    pub method: Arc<MethodDescription>,
    /// By M, ascending; a size is present if any seed has it.
    pub trend: Vec<PooledPoint>,
    /// I(X;T) in the limit of infinitely many networks.
    pub corrected_i_xt_bits: Option<Mean>,
    /// How it was estimated.
    pub corrected_by: CorrectedBy,
    /// I(X;T) of M contiguous networks; see [`PooledLayer::contiguous_i_xt_bits`].
    pub contiguous_i_xt_bits: Vec<(usize, Mean)>,
    /// The share due to drift; see [`PooledLayer::drift_share`].
    pub drift_share: Option<Mean>,
    /// The drift; see [`PooledLayer::drift`].
    pub drift: Option<Mean>,
    /// The number of values outside the bins, over all seeds with all networks pooled.
    pub out_of_range: u64,
    /// The verdicts and the number of seeds with each, the most frequent first (of equals the one that claims less).
    pub verdicts: Vec<(Verdict, usize)>,
    /// Why values are missing, each reason once.
    pub missing: Vec<Arc<Missing>>,
}

impl PooledMean {
    /// M = 1.
    pub fn single(&self) -> Option<&PooledPoint> {
        self.trend.first().filter(|point| point.n_networks == 1)
    }

    /// All networks.
    pub fn pooled(&self) -> Option<&PooledPoint> {
        self.trend.last()
    }
}

/// Averages over seeds, in the order of the first layer of each method.
pub fn mean_over_seeds(layers: &[PooledLayer]) -> Vec<PooledMean> {
    let mut places: BTreeMap<_, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<&PooledLayer>> = Vec::new();
    for layer in layers {
        let key = (layer.layer, layer.method.id.as_str());
        let place = *places.entry(key).or_insert(groups.len());
        if place == groups.len() {
            groups.push(Vec::new());
        }
        groups[place].push(layer);
    }
    groups.iter().map(|group| pooled_mean(group)).collect()
}

fn pooled_mean(layers: &[&PooledLayer]) -> PooledMean {
    let first = layers[0];
    let mean = |value: &dyn Fn(&PooledLayer) -> Option<f64>| {
        let values: Vec<f64> = layers.iter().filter_map(|layer| finite(value(layer))).collect();
        Mean::of(&values)
    };
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for layer in layers {
        *verdicts.entry(layer.verdict).or_default() += 1;
    }
    let mut verdicts: Vec<(Verdict, usize)> = verdicts.into_iter().rev().collect();
    verdicts.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    let mut missing: Vec<Arc<Missing>> = layers.iter().filter_map(|layer| layer.missing.clone()).collect();
    missing.sort_by(|a, b| a.reason.cmp(&b.reason));
    missing.dedup();
    PooledMean {
        layer: first.layer,
        width: first.width,
        method: Arc::clone(&first.method),
        trend: if let [alone] = layers { alone.trend.clone() } else { mean_trend(layers) },
        corrected_i_xt_bits: mean(&|layer| layer.corrected_i_xt_bits),
        corrected_by: first.corrected_by,
        contiguous_i_xt_bits: mean_contiguous(layers),
        drift_share: mean(&|layer| layer.drift_share),
        drift: mean(&|layer| layer.drift),
        // Files may hold any counts.
        out_of_range: layers.iter().map(|layer| layer.out_of_range).fold(0, u64::saturating_add),
        verdicts,
        missing,
    }
}

fn mean_contiguous(layers: &[&PooledLayer]) -> Vec<(usize, Mean)> {
    let mut sizes: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (size, mean) in layers.iter().flat_map(|layer| &layer.contiguous_i_xt_bits) {
        sizes.entry(*size).or_default().push(mean.mean);
    }
    sizes.into_iter().filter_map(|(size, values)| Some((size, Mean::of(&values)?))).collect()
}

fn mean_trend(layers: &[&PooledLayer]) -> Vec<PooledPoint> {
    let mut sizes: BTreeMap<usize, Vec<&PooledPoint>> = BTreeMap::new();
    for point in layers.iter().flat_map(|layer| &layer.trend) {
        sizes.entry(point.n_networks).or_default().push(point);
    }
    sizes
        .into_iter()
        .map(|(n_networks, points)| {
            let mean = |value: fn(&PooledPoint) -> Option<Mean>| {
                let values: Vec<f64> = points.iter().filter_map(|&point| Some(value(point)?.mean)).collect();
                Mean::of(&values)
            };
            PooledPoint {
                n_networks,
                h_t_bits: mean(|point| point.h_t_bits),
                h_t_given_x_bits: mean(|point| point.h_t_given_x_bits),
                h_t_given_y_bits: mean(|point| point.h_t_given_y_bits),
                i_xt_bits: mean(|point| point.i_xt_bits),
                i_ty_bits: mean(|point| point.i_ty_bits),
                control_bits: mean(|point| point.control_bits),
            }
        })
        .collect()
}
