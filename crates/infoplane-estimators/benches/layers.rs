//! Layers against layers, and a layer against the parts of the inputs.
//!
//! `cargo bench --bench layers`; set `RAYON_NUM_THREADS=1` for one core.

use divan::{Bencher, black_box};
use infoplane_estimators::layers::{InputParts, effective_rank, input_information, linear_cka};
use infoplane_estimators::{BinRule, Binned, Correction, Labels, Measure, Noise, Variable};
use ndarray::{Array2, ArrayView2};

fn main() {
    divan::main();
}

/// Something irregular, the same at every run, in [0, 1).
fn numbers(n: usize, width: usize, seed: u64) -> Array2<f32> {
    let mut state = seed;
    Array2::from_shape_simple_fn((n, width), || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    })
}

/// Pixels of 256 levels, four of five of them black.
fn pixels(n: usize) -> Array2<f32> {
    numbers(n, 784, 1).mapv(|v| if v < 0.8 { 0.0 } else { (v * 256.0).floor() })
}

fn variables(layers: &[Array2<f32>]) -> Vec<Variable<'_>> {
    layers.iter().map(Variable::from).collect()
}

/// Six layers of 10,000 samples, by bins of which many samples share one.
#[divan::bench(args = [Correction::PlugIn, Correction::ChaoWangJost])]
fn pairs_by_cells(bencher: Bencher, correction: Correction) {
    let layers: Vec<Array2<f32>> = (1..=6).map(|seed| numbers(10_000, 12, seed)).collect();
    let binned = Binned { bin_width: Some(0.5), correction, ..Binned::new(BinRule::Floor) };
    bencher.bench(|| binned.layer_pairs(&variables(black_box(&layers))));
}

/// Three layers of 2000 samples, one draw.
#[divan::bench(args = [10, 100])]
fn pairs_with_noise(bencher: Bencher, width: usize) {
    let layers: Vec<Array2<f32>> = (1..=3).map(|seed| numbers(2000, width, seed)).collect();
    let noise = Noise { draws: Some(1), ..Noise::new([0.1]) };
    bencher.bench(|| noise.layer_pairs(&variables(black_box(&layers))));
}

/// The symbols of 784 pixels of 10,000 images.
#[divan::bench(args = [None, Some(4)])]
fn symbols_of_pixels(bencher: Bencher, bins: Option<usize>) {
    let pixels = pixels(10_000);
    bencher.bench(|| InputParts::of_columns(black_box(&pixels), bins));
}

/// I(pixel; T) of 784 pixels of 10,000 images, with shuffled rows beside it.
#[divan::bench(args = [20, 500, 5000])]
fn information_of_pixels(bencher: Bencher, cells: usize) {
    let parts = InputParts::of_columns(&pixels(10_000), None).expect("inputs");
    let cells = Labels::from_symbols(
        &numbers(10_000, 1, 3).iter().map(|v| (v * cells as f32) as usize).collect::<Vec<_>>(),
    );
    bencher.bench(|| input_information(black_box(&parts), &cells, Correction::PlugIn));
}

/// Both forms for two layers of equal width.
#[divan::bench(args = [(10_000, 128), (10_000, 512), (1000, 512), (1000, 2048)])]
fn similarity(bencher: Bencher, (n, width): (usize, usize)) {
    let layers = [numbers(n, width, 1), numbers(n, width, 2)];
    bencher.bench(|| linear_cka(&variables(black_box(&layers))));
}

/// The biased form by the products of columns of `ndarray`.
#[divan::bench(args = [(10_000, 128), (10_000, 512)])]
fn similarity_by_ndarray(bencher: Bencher, (n, width): (usize, usize)) {
    let layers = [numbers(n, width, 1), numbers(n, width, 2)];
    bencher.bench(|| {
        let centred = |layer: &Array2<f32>| {
            let layer = layer.mapv(f64::from);
            &layer - &layer.mean_axis(ndarray::Axis(0)).expect("rows")
        };
        let [x, y] = [centred(&layers[0]), centred(&layers[1])];
        #[allow(clippy::disallowed_methods)]
        let norm =
            |a: ArrayView2<f64>, b: ArrayView2<f64>| a.t().dot(&b).iter().map(|v| v * v).sum::<f64>().sqrt();
        norm(x.view(), y.view()).powi(2) / (norm(x.view(), x.view()) * norm(y.view(), y.view()))
    });
}

#[divan::bench(args = [(10_000, 128), (10_000, 512), (500, 2048), (3000, 2048)])]
fn rank(bencher: Bencher, (n, width): (usize, usize)) {
    let layer = numbers(n, width, 1);
    bencher.bench(|| effective_rank(black_box(&layer)));
}
