//! Binning of the six layers of the 12-bit network, and of one wide layer.
//!
//! `cargo bench --bench binning`; set `RAYON_NUM_THREADS=1` for one core.

use divan::{Bencher, black_box};
use infoplane_estimators::Measure;
use infoplane_estimators::{BinRange, BinRule, Binned, Correction};
use infoplane_estimators::{Labels, Variable};
use ndarray::Array2;

fn main() {
    divan::main();
}

/// tanh of something irregular: values all over (−1, 1), the same at every run.
fn layer(n_samples: usize, width: usize) -> Array2<f32> {
    let mut state = 1u64;
    Array2::from_shape_fn((n_samples, width), |_| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 4.0).tanh()
    })
}

fn binned(rule: BinRule, bins: usize) -> Binned {
    let config = match rule {
        BinRule::Floor => {
            Binned { rule, bins: None, bin_width: Some(0.07), range: None, correction: Correction::PlugIn }
        }
        _ => Binned {
            rule,
            bins: Some(bins),
            bin_width: None,
            range: Some(BinRange::Fixed([-1.0, 1.0])),
            correction: Correction::PlugIn,
        },
    };
    config.clone()
}

fn labels(n_samples: usize, classes: usize) -> Labels {
    Labels::from_symbols(&(0..n_samples).map(|i| i * 7 % classes).collect::<Vec<_>>())
}

#[divan::bench(args = [BinRule::Edges, BinRule::Equal, BinRule::Floor])]
fn six_layers_n4096(bencher: Bencher, rule: BinRule) {
    let layers = [10, 7, 5, 4, 3, 2].map(|width| layer(4096, width));
    let (binned, x, y) = (binned(rule, 30), Labels::distinct(4096), labels(4096, 2));
    bencher.bench(|| {
        layers
            .each_ref()
            .map(|t| binned.layer(black_box(Variable::Single(t.view())), &[&x, &y]).expect("finite"))
    });
}

/// With shuffled labels beside the others.
#[divan::bench(args = [BinRule::Edges, BinRule::Equal, BinRule::Floor])]
fn six_layers_n4096_shuffled(bencher: Bencher, rule: BinRule) {
    let layers = [10, 7, 5, 4, 3, 2].map(|width| layer(4096, width));
    let (binned, x, y) = (binned(rule, 30), Labels::distinct(4096), labels(4096, 2));
    let shuffled = y.shuffled();
    let measure = |t: &Array2<f32>| {
        binned
            .layer_with_shuffled(black_box(Variable::Single(t.view())), &[&x, &y], &shuffled)
            .expect("finite")
    };
    bencher.bench(|| layers.each_ref().map(measure));
}

#[divan::bench(args = [BinRule::Edges, BinRule::Floor])]
fn one_layer_n60000_d128(bencher: Bencher, rule: BinRule) {
    let t = layer(60_000, 128);
    let (binned, x, y) = (binned(rule, 30), Labels::distinct(60_000), labels(60_000, 10));
    bencher.bench(|| binned.layer(black_box(Variable::Single(t.view())), &[&x, &y]).expect("finite"));
}

/// The same six layers by the obvious way, one row of integers in an ordered map.
#[divan::bench]
fn six_layers_n4096_naive() -> f64 {
    use std::collections::BTreeMap;
    let mut total = 0.0;
    for width in [10, 7, 5, 4, 3, 2] {
        let t = layer(4096, width);
        let mut counts: BTreeMap<Vec<i64>, usize> = BTreeMap::new();
        for row in t.rows() {
            let bins = row.iter().map(|&v| ((f64::from(v) + 1.0) * 14.5).floor() as i64).collect();
            *counts.entry(bins).or_default() += 1;
        }
        total += counts.values().map(|&c| c as f64 / 4096.0).map(|p| -p * p.ln()).sum::<f64>();
    }
    total
}
