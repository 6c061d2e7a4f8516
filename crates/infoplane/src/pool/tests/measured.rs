//! Pools measured against counts made by hand.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, ArrayView2};
use proptest::prelude::*;

use crate::Labels;
use crate::estimator::{AnyEstimator, BinRange, BinRule, Binned, Correction, LayerRange, Noise, PlugIn};
use crate::pool::*;

fn sources(n: usize) -> Vec<NetworkSource> {
    (0..n).map(|epoch| NetworkSource { seed: 0, epoch: epoch as u64, step: 0 }).collect()
}

/// A pool of one layer whose values are `values(network, input, unit)`.
fn pool_of(
    n_networks: usize,
    n_inputs: usize,
    width: usize,
    values: impl Fn(usize, usize, usize) -> f32,
) -> Pool {
    let value = |(row, unit)| values(row / n_inputs, row % n_inputs, unit);
    let layer = Array2::from_shape_fn((n_networks * n_inputs, width), value);
    Pool { sources: sources(n_networks), layers: vec![layer], n_inputs }
}

fn bins(bins: usize, range: [f64; 2]) -> AnyEstimator {
    AnyEstimator::Binned(Binned {
        rule: BinRule::Equal,
        bins: Some(bins),
        bin_width: None,
        range: Some(BinRange::Fixed(range)),
        correction: Correction::PlugIn,
    })
}

fn measured(pool: &Pool, x: &Labels, y: &Labels, method: AnyEstimator) -> Vec<PoolRow> {
    measure_pool(pool, PoolSubject { seed: Some(1), x, y }, &[method], &[LayerRange::default()])
}

/// H(keys) in bits, one key after the other counted.
fn entropy_bits<K: Ord>(keys: impl Iterator<Item = K>) -> f64 {
    let mut counts: BTreeMap<K, usize> = BTreeMap::new();
    keys.for_each(|key| *counts.entry(key).or_default() += 1);
    let n = counts.values().sum::<usize>() as f64;
    counts.values().map(|&count| count as f64 / n).map(|p| -p * p.log2()).sum()
}

/// H(T), I(X;T) and I(T;Y) in bits of some networks, of values 0.5, 1.5, … in bins of width 1.
fn by_hand(t: ArrayView2<'_, f32>, n_inputs: usize, of: &[usize], x: &[u8], y: &[u8]) -> [f64; 3] {
    let rows: Vec<(Vec<i64>, u8, u8)> = of
        .iter()
        .flat_map(|&network| (0..n_inputs).map(move |input| (network, input)))
        .map(|(network, input)| {
            let cell = t.row(network * n_inputs + input).iter().map(|v| v.floor() as i64).collect();
            (cell, x[input], y[input])
        })
        .collect();
    let h_t = entropy_bits(rows.iter().map(|row| &row.0));
    let with = |label: fn(&(Vec<i64>, u8, u8)) -> u8| {
        let joint = entropy_bits(rows.iter().map(|row| (&row.0, label(row))));
        h_t + entropy_bits(rows.iter().map(label)) - joint
    };
    [h_t, with(|row| row.1), with(|row| row.2)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn pooled_information_is_what_counting_by_hand_says(
        n_networks in 1usize..13, n_inputs in 1usize..12, width in 1usize..4,
        values in prop::collection::vec(0u8..4, 13 * 12 * 4),
        x in prop::collection::vec(0u8..9, 12), y in prop::collection::vec(0u8..3, 12),
    ) {
        let value = |network, input, unit| f32::from(values[(network * 12 + input) * 4 + unit]) + 0.5;
        let pool = pool_of(n_networks, n_inputs, width, value);
        let (x, y) = (&x[..n_inputs], &y[..n_inputs]);
        let rows = measured(&pool, &Labels::from_symbols(x), &Labels::from_symbols(y), bins(4, [0.0, 4.0]));
        let subsets = subsets::subsets(n_networks);
        prop_assert_eq!(rows.len(), subsets.len());
        for (row, subset) in rows.iter().zip(&subsets) {
            prop_assert_eq!((row.n_networks, row.subset, row.spacing), (subset.networks.len(), subset.number, subset.spacing));
            let expected = by_hand(pool.layers[0].view(), n_inputs, &subset.networks, x, y);
            for (got, expected) in [row.h_t_bits, row.i_xt_bits, row.i_ty_bits].into_iter().zip(expected) {
                prop_assert!((got.unwrap() - expected).abs() < 1e-12, "{:?} for {}", got, expected);
            }
            let control = row.control_bits.unwrap();
            prop_assert!(control >= 0.0 && control <= row.h_t_bits.unwrap() + 1e-12);
        }
    }
}

/// Values of a network in [0, 1), irregular.
fn irregular(network: usize, input: usize, unit: usize) -> f32 {
    let mixed = (network * 7919 + input * 104_729 + unit * 1_299_709 + 17) as u64;
    let mixed = (mixed ^ mixed >> 7).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as f32 / (1u64 << 24) as f32
}

#[test]
fn copies_of_one_network_are_as_that_network() {
    let pool = pool_of(8, 64, 2, |_, input, unit| irregular(0, input, unit));
    let (x, y) = (Labels::distinct(64), Labels::from_symbols(&(0..64).map(|i| i % 3).collect::<Vec<_>>()));
    let rows = measured(&pool, &x, &y, bins(5, [0.0, 1.0]));
    let one = &rows[0];
    for row in &rows {
        for (many, one) in
            [(row.h_t_bits, one.h_t_bits), (row.i_xt_bits, one.i_xt_bits), (row.i_ty_bits, one.i_ty_bits)]
        {
            assert!((many.unwrap() - one.unwrap()).abs() < 1e-12, "{row:?}");
        }
        assert!((row.h_t_bits.unwrap() - row.i_xt_bits.unwrap()).abs() < 1e-12);
    }
}

#[test]
fn rows_do_not_depend_on_the_number_of_threads() {
    let pool = pool_of(24, 100, 3, irregular);
    let x = Labels::distinct(100);
    let y = Labels::from_symbols(&(0..100).map(|i| i % 2).collect::<Vec<_>>());
    for method in [bins(9, [0.1, 0.9]), AnyEstimator::Noise(Noise::new(vec![0.01]))] {
        let run = |threads| {
            let threads = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            threads.install(|| measured(&pool, &x, &y, method.clone()))
        };
        let one = run(1);
        assert!(one.iter().all(|row| row.missing.is_none()));
        assert_eq!(one, run(2));
        assert_eq!(one, run(5));
    }
}

#[test]
fn values_beyond_the_bins_are_counted_in_every_pool() {
    let pool = pool_of(4, 50, 2, irregular);
    let (x, y) = (Labels::distinct(50), Labels::from_symbols(&(0..50).map(|i| i % 2).collect::<Vec<_>>()));
    let rows = measured(&pool, &x, &y, bins(9, [0.25, 0.75]));
    for (row, subset) in rows.iter().zip(subsets::subsets(4)) {
        let values = subset
            .networks
            .iter()
            .flat_map(|&network| (0..100).map(move |k| irregular(network, k / 2, k % 2)));
        let beyond = values.filter(|&v| !(0.25..=0.75).contains(&v)).count() as u64;
        assert!(beyond > 0);
        assert_eq!(row.out_of_range, beyond);
    }
}

#[test]
fn a_network_that_burst_spoils_only_the_pools_with_it() {
    let mut pool = pool_of(4, 20, 2, irregular);
    pool.layers[0][[25, 1]] = f32::NAN; // of the second network
    let (x, y) = (Labels::distinct(20), Labels::from_symbols(&(0..20).map(|i| i % 2).collect::<Vec<_>>()));
    for method in [bins(9, [0.0, 1.0]), AnyEstimator::PlugIn(PlugIn {})] {
        for (row, subset) in measured(&pool, &x, &y, method).iter().zip(subsets::subsets(4)) {
            assert_eq!(row.missing.is_none(), !subset.networks.contains(&1), "{row:?}");
            assert_eq!(row.i_xt_bits.is_some(), !subset.networks.contains(&1));
        }
    }
}

#[test]
fn every_network_is_permuted_in_its_own_way_and_the_same_in_every_pool() {
    // T is the input itself: with a permutation common to all networks the control would be H(X).
    let pool = pool_of(64, 16, 1, |_, input, _| input as f32 + 0.5);
    let x = Labels::distinct(16);
    let rows = measured(&pool, &x, &x, bins(16, [0.0, 16.0]));
    let whole = rows.iter().find(|row| row.n_networks == 64).unwrap();
    assert!((whole.i_xt_bits.unwrap() - 4.0).abs() < 1e-12);
    // Independent: bias about (15 · 15)/(2 · 1024 ln 2) bits.
    assert!(whole.control_bits.unwrap() < 0.4, "{whole:?}");
    let of_one: BTreeSet<String> = rows
        .iter()
        .filter(|row| row.n_networks == 1)
        .map(|row| format!("{:.9}", row.control_bits.unwrap()))
        .collect();
    assert_eq!(of_one, BTreeSet::from(["4.000000000".to_string()]));
}
