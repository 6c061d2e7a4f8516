//! Methods of counts: `RAYON_NUM_THREADS=1 cargo bench --bench counts`.

use divan::{Bencher, black_box};
use infoplane_estimators::Measure;
use infoplane_estimators::{ChaoWangJost, Edge, Nsb, PlugIn};
use infoplane_estimators::{Labels, Variable};
use ndarray::Array2;

fn main() {
    divan::main();
}

/// Uniform numbers on (0, 1), the same at every run.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ (z >> 31)) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }
}

/// A normal pair of correlation .9 in every column.
fn pair(n: usize, d: usize) -> (Array2<f64>, Array2<f64>) {
    let mut uniform = uniform(1);
    let mut normal = move || (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos();
    let x = Array2::from_shape_simple_fn((n, d), &mut normal);
    let y = x.mapv(|x| 0.9 * x + 0.19f64.sqrt() * normal());
    (x, y)
}

/// 1000 samples of a table of 64 × 64: y is x or anything.
fn table() -> (Labels, Labels) {
    let mut uniform = uniform(2);
    let (x, y): (Vec<u32>, Vec<u32>) = (0..1000)
        .map(|_| {
            let x = (64.0 * uniform()) as u32;
            (x, if uniform() < 0.5 { x } else { (64.0 * uniform()) as u32 })
        })
        .unzip();
    (Labels::from_symbols(&x), Labels::from_symbols(&y))
}

#[divan::bench(args = [1, 5, 64])]
fn edge_n10000(bencher: Bencher, d: usize) {
    let (x, y) = pair(10_000, d);
    let edge = Edge::default();
    let (x, y) = (Variable::Double(x.view()), Variable::Double(y.view()));
    bencher.bench(|| edge.pair(black_box(x), black_box(y)).expect("finite"));
}

#[divan::bench]
fn nsb_64x64_n1000(bencher: Bencher) {
    let (x, y) = table();
    let nsb = Nsb::default();
    bencher.bench(|| nsb.pair(black_box(Variable::Labels(&x)), Variable::Labels(&y)).expect("labels"));
}

#[divan::bench]
fn chao_wang_jost_64x64_n1000(bencher: Bencher) {
    let (x, y) = table();
    let method = ChaoWangJost::default();
    bencher.bench(|| method.pair(black_box(Variable::Labels(&x)), Variable::Labels(&y)).expect("labels"));
}

#[divan::bench]
fn plug_in_exact_rows_n60000_d128(bencher: Bencher) {
    let mut uniform = uniform(3);
    let t = Array2::from_shape_simple_fn((60_000, 128), || uniform() as f32);
    let y = Labels::from_symbols(&(0..60_000).map(|i| i * 7 % 10).collect::<Vec<_>>());
    let method = PlugIn::default();
    bencher.bench(|| {
        method.layer(black_box(Variable::Single(t.view())), &[&Labels::distinct(60_000), &y]).expect("finite")
    });
}
