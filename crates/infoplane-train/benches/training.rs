//! Training and the forward pass at the sizes of the published experiments.
//!
//! `cargo bench -p infoplane-train --bench training`; one core with `RAYON_NUM_THREADS=1`.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::ItemsCount;
use infoplane_train::network::Initialization;
use infoplane_train::train::{BatchSize, Optimizer, StatisticsEpochs, TrainConfig, Trainer};
use infoplane_train::{Labels, Network, Nonlinearity};
use ndarray::Array2;

const TINY: [usize; 7] = [12, 10, 7, 5, 4, 3, 2];
const WIDE: [usize; 6] = [784, 1024, 20, 20, 20, 10];

fn main() {
    divan::main();
}

fn network(widths: &[usize], hidden: Nonlinearity) -> Network {
    let mut kinds = vec![hidden; widths.len() - 1];
    kinds[widths.len() - 2] = Nonlinearity::Softmax;
    Network::initialized(widths, &kinds, &Initialization::default(), 1).expect("widths chain")
}

fn inputs(n_samples: usize, width: usize) -> Array2<f32> {
    Array2::from_shape_fn((n_samples, width), |(i, j)| ((i * 7919 + j * 104_729) % 1009) as f32 / 504.5 - 1.0)
}

fn trainer(
    widths: &[usize],
    hidden: Nonlinearity,
    n_samples: usize,
    batch: BatchSize,
    optimizer: Optimizer,
) -> Trainer {
    let inputs = inputs(n_samples, widths[0]);
    let n_classes = widths[widths.len() - 1];
    let classes: Vec<usize> = (0..n_samples).map(|i| i * 31 % n_classes).collect();
    let config = TrainConfig {
        batch_size: batch,
        optimizer,
        statistics: StatisticsEpochs::Never,
        ..TrainConfig::default()
    };
    let rows: Vec<usize> = (0..n_samples).collect();
    let labels = Labels::from_symbols(&classes);
    Trainer::new(&config, network(widths, hidden), inputs.view(), &labels, &rows, &[], 1).expect("parts fit")
}

/// An epoch of 12-10-7-5-4-3-2 on 3277 samples.
#[divan::bench(args = ["tanh-adam-256", "tanh-sgd-256", "tanh-adam-512", "tanh-adam-full", "relu-adam-256"])]
fn epoch_of_the_tiny_network(bencher: Bencher, case: &str) {
    let hidden = if case.starts_with("relu") { Nonlinearity::Relu } else { Nonlinearity::Tanh };
    let optimizer =
        if case.contains("sgd") { Optimizer::Sgd { learning_rate: 0.1 } } else { Optimizer::default() };
    let batch = case.rsplit('-').next().and_then(|size| size.parse().ok());
    let batch = batch.map_or(BatchSize::Full, BatchSize::Samples);
    let mut trainer = trainer(&TINY, hidden, 3277, batch, optimizer);
    bencher.counter(ItemsCount::new(3277usize)).bench_local(|| trainer.step_epoch().expect("no divergence"));
}

/// A step of 784-1024-20-20-20-10 on a batch of 128: an epoch of a single batch.
#[divan::bench(args = ["tanh-sgd", "relu-sgd", "tanh-adam"])]
fn step_of_the_wide_network(bencher: Bencher, case: &str) {
    let hidden = if case.starts_with("relu") { Nonlinearity::Relu } else { Nonlinearity::Tanh };
    let optimizer =
        if case.ends_with("sgd") { Optimizer::Sgd { learning_rate: 1e-3 } } else { Optimizer::default() };
    let mut trainer = trainer(&WIDE, hidden, 128, BatchSize::Full, optimizer);
    bencher.bench_local(|| trainer.step_epoch().expect("no divergence"));
}

/// All activations of 4096 inputs of 12 bits.
#[divan::bench]
fn activations_of_the_tiny_network(bencher: Bencher) {
    let (network, inputs) = (network(&TINY, Nonlinearity::Tanh), inputs(4096, 12));
    bencher.bench_local(|| black_box(network.activations(inputs.view())));
}

/// The same into memory that is there already.
#[divan::bench]
fn activations_of_the_tiny_network_in_place(bencher: Bencher) {
    let (network, inputs) = (network(&TINY, Nonlinearity::Tanh), inputs(4096, 12));
    let mut activations = network.activations(inputs.view());
    bencher.bench_local(|| network.activations_into(inputs.view(), black_box(&mut activations)));
}

/// All activations of 10,000 images.
#[divan::bench(sample_count = 10)]
fn activations_of_the_wide_network(bencher: Bencher) {
    let (network, inputs) = (network(&WIDE, Nonlinearity::Tanh), inputs(10_000, 784));
    bencher.bench_local(|| black_box(network.activations(inputs.view())));
}

/// What one core can do at most: chains of fused multiply-adds in registers, 2 · 16 · 1e6 operations.
#[divan::bench]
fn peak_of_one_core_32_million_operations(bencher: Bencher) {
    use fearless_simd::{Level, dispatch, prelude::*};
    #[inline(always)]
    fn chains<S: Simd>(simd: S, factor: f32) -> f32 {
        let factor = S::f32s::splat(simd, factor);
        let mut sums = [S::f32s::splat(simd, 1.0); 10];
        let rounds = 100_000 * 16 / S::f32s::LEN;
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = sum.mul_add(factor, factor);
            }
        }
        sums.into_iter().fold(S::f32s::splat(simd, 0.0), |a, b| a + b).reduce_sum()
    }
    bencher.bench_local(|| {
        let factor = black_box(0.999);
        dispatch!(Level::new(), simd => chains(simd, factor))
    });
}
