//! Pools of networks: `cargo bench --bench pool`. Benchmarks name networks, inputs, widths and
//! threads.
//!
//! Data: a tanh network of widths 12-10-7-5-4-3-2 with random weights, and each network of the pool with a little more
//! noise on every weight; all 4096 inputs of 12 bits. About half a million different cells in the widest layer, 600 in
//! the narrowest.

use divan::{Bencher, black_box};
use infoplane::estimator::{
    AnyEstimator, BinRange, BinRule, Binned, Correction, Kde, LayerRange, Noise, RangeScope,
};
use infoplane::network::Initialization;
use infoplane::pool::{NetworkSource, Pool, PoolSubject, measure_pool};
use infoplane::{Labels, Network, Nonlinearity, Variable};
use ndarray::Array2;

fn main() {
    divan::main();
}

fn inputs() -> Array2<f32> {
    Array2::from_shape_fn((4096, 12), |(x, bit)| if x >> bit & 1 == 1 { 1.0 } else { -1.0 })
}

fn networks(n_networks: usize) -> Vec<(NetworkSource, Network)> {
    let start = Initialization::default();
    let kinds = [Nonlinearity::Tanh; 6];
    let mut network = Network::initialized(&[12, 10, 7, 5, 4, 3, 2], &kinds, &start, 1).expect("a network");
    // Larger weights than at the start, as training leaves them.
    network.layers.iter_mut().for_each(|layer| layer.weights *= 3.0);
    let mut state = 1u64;
    let mut noise = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        0.1 * ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5)
    };
    let network = |epoch: usize| {
        let mut network = network.clone();
        network.layers.iter_mut().for_each(|layer| layer.weights.mapv_inplace(|weight| weight + noise()));
        (NetworkSource { seed: 0, epoch: epoch as u64, step: 0 }, network)
    };
    (0..n_networks).map(network).collect()
}

fn pool(n_networks: usize) -> Pool {
    Pool::of(networks(n_networks).iter().map(|(source, network)| (*source, network)), inputs().view())
}

fn thirty_bins() -> AnyEstimator {
    AnyEstimator::Binned(Binned {
        rule: BinRule::Equal,
        bins: Some(30),
        bin_width: None,
        range: Some(BinRange::Scope(RangeScope::Layer)),
        correction: Correction::PlugIn,
    })
}

/// Every layer of pools of 1, 2, 4, … networks.
fn on_threads(bencher: Bencher<'_, '_>, threads: usize, n_networks: usize, method: AnyEstimator) {
    let pool = pool(n_networks);
    let ranges: Vec<LayerRange> = pool
        .layers
        .iter()
        .map(|t| {
            let mut range = LayerRange::default();
            range.observe(Variable::Single(t.view()), 0);
            range
        })
        .collect();
    let x = Labels::distinct(4096);
    let y = Labels::from_symbols(&(0..4096u32).map(|x| x.count_ones() % 2).collect::<Vec<_>>());
    let subject = PoolSubject { seed: None, x: &x, y: &y };
    let methods = [method];
    let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    bencher.bench_local(|| {
        let rows = threads.install(|| measure_pool(&pool, subject, &methods, &ranges));
        assert!(rows.iter().all(|row| row.missing.is_none()));
        black_box(rows)
    });
}

#[divan::bench(args = [1, 2], sample_count = 5, sample_size = 1)]
fn activations_of_256_networks_n4096_widths_10_7_5_4_3_2(bencher: Bencher<'_, '_>, threads: usize) {
    let (networks, inputs) = (networks(256), inputs());
    let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
    bencher.bench_local(|| {
        let networks = networks.iter().map(|(source, network)| (*source, network)).collect::<Vec<_>>();
        threads.install(|| black_box(Pool::of(networks, inputs.view())))
    });
}

#[divan::bench(args = [1, 2], sample_count = 3, sample_size = 1)]
fn binned_256_networks_n4096_widths_10_7_5_4_3_2(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, 256, thirty_bins());
}

#[divan::bench(args = [2], sample_count = 1, sample_size = 1)]
fn noise_64_networks_n4096_widths_10_7_5_4_3_2(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, 64, AnyEstimator::Noise(Noise::new(vec![1e-3])));
}

#[divan::bench(args = [2], sample_count = 1, sample_size = 1)]
fn kde_64_networks_n4096_widths_10_7_5_4_3_2(bencher: Bencher<'_, '_>, threads: usize) {
    on_threads(bencher, threads, 64, AnyEstimator::Kde(Kde { noise_variances: vec![1e-3] }));
}
