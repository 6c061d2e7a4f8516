//! Ranking of columns against a target: the fast one-dimensional methods, beside the general estimators of the same columns.
//!
//! `cargo bench --bench rank`; set `RAYON_NUM_THREADS=1` for one core.

use divan::{Bencher, black_box};
use infoplane_estimators::rank::{Column, RankOptions, rank};
use infoplane_estimators::{Ksg, Labels, Measure, Ross, Scaling};

fn main() {
    divan::main();
}

const ROWS: usize = 10_000;

/// Something irregular, the same at every run, in bell shape; a twentieth of the columns resembles the first.
fn numbers(columns: usize) -> Vec<Vec<f64>> {
    let mut state = 1u64;
    let mut next = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    };
    let mut bell = move || (0..6).map(|_| next()).sum::<f64>();
    let first: Vec<f64> = (0..ROWS).map(|_| bell()).collect();
    let like = |column: usize| if column.is_multiple_of(20) { 0.3 } else { 0.0 };
    let rest = (1..=columns).map(|column| first.iter().map(|v| bell() + like(column) * v).collect());
    let rest: Vec<Vec<f64>> = rest.collect();
    [vec![first], rest].concat()
}

fn classes(of: &[f64]) -> Vec<u32> {
    of.iter().map(|v| u32::from(*v > 0.0)).collect()
}

fn columns(numbers: &[Vec<f64>]) -> Vec<Column> {
    numbers[1..].iter().map(|column| Column::numbers("", column.clone())).collect()
}

fn options(permutations: usize) -> RankOptions {
    RankOptions { permutations: Some(permutations), ..RankOptions::default() }
}

/// 1000 columns against two classes, with so many permutations.
#[divan::bench(args = [0, 1999, 9999], sample_count = 5)]
fn against_classes(bencher: Bencher, permutations: usize) {
    let numbers = numbers(1000);
    let target = Column::symbols("", classes(&numbers[0]).into_iter().map(Some).collect());
    let columns = columns(&numbers);
    bencher.bench(|| rank(black_box(&columns), &target, &options(permutations)));
}

/// 1000 columns against numbers, with so many permutations.
#[divan::bench(args = [0, 1999, 9999], sample_count = 5)]
fn against_numbers(bencher: Bencher, permutations: usize) {
    let numbers = numbers(1000);
    let target = Column::numbers("", numbers[0].clone());
    let columns = columns(&numbers);
    bencher.bench(|| rank(black_box(&columns), &target, &options(permutations)));
}

/// The general estimators, ten columns: a hundredth of the work without permutations.
#[divan::bench]
fn general_ross(bencher: Bencher) {
    let numbers = numbers(10);
    let target = Labels::from_symbols(&classes(&numbers[0]));
    let ross = Ross { scaling: Scaling::NormalScores, ..Ross::default() };
    bencher.bench(|| {
        numbers[1..].iter().map(|column| ross.pair(black_box(column), &target)).collect::<Vec<_>>()
    });
}

/// The same of KSG-1.
#[divan::bench]
fn general_ksg(bencher: Bencher) {
    let numbers = numbers(10);
    let ksg = Ksg { scaling: Scaling::NormalScores, ..Ksg::default() };
    bencher.bench(|| {
        numbers[1..].iter().map(|column| ksg.pair(black_box(column), &numbers[0])).collect::<Vec<_>>()
    });
}
