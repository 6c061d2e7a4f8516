//! What the units of a layer tell: degrees of a wide layer, and the decomposition of a narrow one.
//!
//! `cargo bench --bench units`; set `RAYON_NUM_THREADS=1` for one core.

use divan::{Bencher, black_box};
use infoplane_estimators::units::{UnitSymbols, decompose, synergy, unit_information};
use infoplane_estimators::{Correction, Labels};
use ndarray::Array2;

fn main() {
    divan::main();
}

/// Something irregular, the same at every run: the units of a row resemble each other.
fn layer(n_samples: usize, n_units: usize, levels: u64) -> UnitSymbols {
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 33
    };
    let common: Vec<u64> = (0..n_samples).map(|_| next() % levels).collect();
    let code = |(row, _)| if next() % 3 == 0 { (next() % levels) as u32 } else { common[row] as u32 };
    UnitSymbols::new(Array2::from_shape_fn((n_samples, n_units), code)).expect("a layer")
}

fn labels(n_samples: usize, classes: usize) -> Labels {
    Labels::from_symbols(&(0..n_samples).map(|row| row * 7 % 1000 * classes / 1000).collect::<Vec<_>>())
}

/// 10,000 samples of ten classes.
#[divan::bench(args = [16, 128, 512])]
fn degrees(bencher: Bencher, n_units: usize) {
    let (layer, labels) = (layer(10_000, n_units, 8), labels(10_000, 10));
    bencher.bench(|| unit_information(black_box(&layer), &[&labels], Correction::PlugIn));
}

/// 4096 samples of two classes; five units of eight levels have thousands of cells.
#[divan::bench(args = [2, 3, 4, 5])]
fn atoms(bencher: Bencher, n_units: usize) {
    let (layer, labels) = (layer(4096, n_units, 8), labels(4096, 2));
    bencher.bench(|| decompose(black_box(&layer), &[&labels]));
}

/// The same, without the atoms.
#[divan::bench(args = [2, 3, 4, 5])]
fn degrees_of_synergy(bencher: Bencher, n_units: usize) {
    let (layer, labels) = (layer(4096, n_units, 8), labels(4096, 2));
    bencher.bench(|| synergy(black_box(&layer), &[&labels]));
}
