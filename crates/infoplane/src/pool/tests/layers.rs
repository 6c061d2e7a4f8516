//! What pools say together: trend, correction, share, verdict, means.

use std::sync::Arc;

use crate::plane::MethodDescription;
use crate::pool::*;

fn plain() -> Arc<MethodDescription> {
    MethodDescription::new("binned", "30 edges on [-1, 1]", None).into()
}

/// Corrects the counts of the other.
fn corrected() -> Arc<MethodDescription> {
    let mut method = MethodDescription::new("binned", "30 edges on [-1, 1], chao-wang-jost", None);
    method.corrects = Some(plain().id.clone());
    method.settings.insert("correction".into(), "chao-wang-jost".into());
    method.into()
}

fn row(n_networks: usize, subset: usize, i_xt_bits: f64) -> PoolRow {
    PoolRow {
        seed: Some(1),
        layer: 2,
        width: 4,
        method: plain(),
        n_networks,
        spacing: Spacing::Strided,
        subset,
        h_t_bits: Some(i_xt_bits + 2.0),
        i_xt_bits: Some(i_xt_bits),
        i_ty_bits: Some(0.9),
        control_bits: Some(0.25),
        out_of_range: n_networks as u64,
        missing: None,
    }
}

/// Pools of 1, 2, 4 … `most` networks, at most four of each, with the value that a function of M gives.
fn rows(most: usize, value: impl Fn(f64) -> f64) -> Vec<PoolRow> {
    let sizes = (0..).map(|power| 1 << power).take_while(|&size| size <= most);
    sizes
        .flat_map(|size| (0..(most / size).min(4)).map(move |subset| (size, subset)))
        .map(|(size, subset)| row(size, subset, value(size as f64)))
        .collect()
}

fn drift(layer: usize, drift: f64) -> DriftRow {
    DriftRow { seed: 1, layer, mean_shift: drift, fluctuation: 1.0, mean_step: 1.0, linear_trend_r2: 0.0 }
}

fn verdict(rows: &[PoolRow], drift: &[DriftRow]) -> Verdict {
    pooled_layers(rows, drift)[0].verdict
}

#[test]
fn a_trend_in_one_over_m_is_extrapolated() {
    let straight = &pooled_layers(&rows(64, |m| 3.0 + 2.0 / m), &[])[0];
    assert!((straight.corrected_i_xt_bits.unwrap() - 3.0).abs() < 1e-12);
    assert!((straight.correction_bits().unwrap() - 2.0 / 64.0).abs() < 1e-12);
    let curved = &pooled_layers(&rows(64, |m| 3.0 + 2.0 / m - 5.0 / (m * m)), &[])[0];
    assert!((curved.corrected_i_xt_bits.unwrap() - 3.0).abs() < 1e-12);
    // Strong's form of it.
    let at = |m: f64| m.sqrt();
    let strong = (8.0 * at(64.0) - 6.0 * at(32.0) + at(16.0)) / 3.0;
    let layer = &pooled_layers(&rows(64, at), &[])[0];
    assert!((layer.corrected_i_xt_bits.unwrap() - strong).abs() < 1e-12);
    assert!((layer.last_doubling_bits().unwrap() - (8.0 - 32f64.sqrt())).abs() < 1e-12);
    // 1 and 2 networks say nothing about the trend.
    assert_eq!(pooled_layers(&rows(2, |m| 1.0 / m), &[])[0].corrected_i_xt_bits, None);
}

#[test]
fn a_window_of_any_length_is_extrapolated() {
    let mut rows = rows(64, |m| 3.0 + 2.0 / m - 5.0 / (m * m));
    rows.retain(|row| row.n_networks < 64 || row.subset == 0);
    rows.push(row(100, 0, 3.0 + 0.02 - 5e-4));
    let layer = &pooled_layers(&rows, &[])[0];
    assert_eq!(layer.pooled().unwrap().n_networks, 100);
    assert!((layer.corrected_i_xt_bits.unwrap() - 3.0).abs() < 1e-12);
}

#[test]
fn corrected_counts_are_taken_where_there_are_any() {
    let plain = rows(64, |m| 3.0 + 2.0 / m);
    let counts: Vec<PoolRow> =
        rows(64, |m| 2.9 + 0.1 / m).into_iter().map(|row| PoolRow { method: corrected(), ..row }).collect();
    let layers = pooled_layers(&[plain, counts].concat(), &[]);
    let at_64 = 2.9 + 0.1 / 64.0;
    for layer in &layers {
        assert_eq!((layer.corrected_i_xt_bits, layer.corrected_by), (Some(at_64), CorrectedBy::Counts));
    }
    assert_eq!(layers[1].correction_bits(), Some(0.0));

    // A row that has nothing but the correction is no layer.
    let only = PoolRow { i_ty_bits: None, method: corrected(), ..row(64, 0, 2.5) };
    let layers = pooled_layers(&[rows(64, |m| 3.0 + 2.0 / m), vec![only]].concat(), &[]);
    assert_eq!((layers.len(), layers[0].corrected_i_xt_bits), (1, Some(2.5)));
}

#[test]
fn the_error_of_all_networks_is_that_of_a_quarter_of_them() {
    let mut rows = rows(64, |_| 5.0);
    for row in rows.iter_mut().filter(|row| row.n_networks == 16) {
        row.i_xt_bits = Some(5.0 + 0.1 * row.subset as f64);
    }
    let trend = &pooled_layers(&rows, &[])[0].trend;
    // Values 0, .1, .2, .3 have s² = 0.05/3, and the mean of four half of s.
    let error = (0.05f64 / 3.0).sqrt() / 2.0;
    let errors: Vec<f64> = trend.iter().map(|p| p.i_xt_bits.unwrap().standard_error.unwrap()).collect();
    for (found, expected) in errors.iter().zip([0.0, 0.0, 0.0, 0.0, error, error, error]) {
        assert!((found - expected).abs() < 1e-12, "{errors:?}");
    }
}

#[test]
fn verdicts_follow_their_order() {
    let flat = rows(64, |_| 5.0);
    let falling = rows(64, |m| 5.0 - 0.2 * m.log2());
    assert_eq!(verdict(&flat, &[drift(2, 0.3)]), Verdict::Stationary);
    assert_eq!(verdict(&falling, &[drift(2, 0.3)]), Verdict::TooFewNetworks);
    assert_eq!(verdict(&flat, &[drift(2, 0.6)]), Verdict::Drifting);
    assert_eq!(verdict(&falling, &[drift(2, 0.6)]), Verdict::Drifting);
    let both = &pooled_layers(&falling, &[drift(2, 0.6)])[0];
    assert!(both.has_too_few_networks() && both.is_drifting());
    // With 16 networks drift cannot be told from chance.
    assert_eq!(verdict(&rows(16, |_| 5.0), &[drift(2, 0.6)]), Verdict::TooFewNetworks);
    // Steady, but every one of the 64 networks in a cell of its own.
    let apart: Vec<PoolRow> = flat
        .iter()
        .map(|row| PoolRow { h_t_bits: Some(5.0 + (row.n_networks as f64).log2()), ..row.clone() })
        .collect();
    assert_eq!(verdict(&apart, &[drift(2, 0.3)]), Verdict::TooFewNetworks);
    // The weights drift, but no p(t | x) is wider than a cell.
    let points: Vec<PoolRow> =
        flat.iter().map(|row| PoolRow { h_t_bits: row.i_xt_bits, ..row.clone() }).collect();
    assert_eq!(verdict(&points, &[drift(2, 3.4)]), Verdict::Unchanged);
    // Seeds do not drift.
    let over_seeds: Vec<PoolRow> = flat.iter().map(|row| PoolRow { seed: None, ..row.clone() }).collect();
    assert_eq!(verdict(&over_seeds, &[]), Verdict::Stationary);
    // Nothing measured, nothing claimed.
    let empty: Vec<PoolRow> = flat.iter().map(|row| PoolRow { i_xt_bits: None, ..row.clone() }).collect();
    assert_eq!(verdict(&empty, &[]), Verdict::TooFewNetworks);
}

#[test]
fn a_layer_drifts_with_those_before_it_and_not_with_those_after() {
    let flat = rows(64, |_| 5.0);
    assert_eq!(verdict(&flat, &[drift(1, 2.0), drift(2, 0.1)]), Verdict::Drifting);
    assert_eq!(verdict(&flat, &[drift(0, 2.0), drift(2, 0.1), drift(3, 2.0)]), Verdict::Stationary);
    let of_another_seed = DriftRow { seed: 7, ..drift(2, 2.0) };
    assert_eq!(verdict(&flat, &[of_another_seed]), Verdict::Stationary);
}

#[test]
fn what_contiguous_networks_do_not_take_is_due_to_drift() {
    // Of 64 networks, 4: strided ones take 2 bits from the 6 of one network.
    let share = |contiguous: f64| {
        let mut rows = rows(64, |m| 7.0 - m.min(2.0) - m.log2() / 2.0);
        for (size, subset) in [(2, 0), (2, 1), (4, 0), (4, 1), (32, 0), (32, 1)] {
            let value = if size == 4 { contiguous + 0.2 * subset as f64 - 0.1 } else { 0.0 };
            rows.push(PoolRow { spacing: Spacing::Contiguous, ..row(size, subset, value) });
        }
        pooled_layers(&rows, &[])[0].drift_share.unwrap()
    };
    for (contiguous, expected) in [(4.0, 0.0), (6.0, 1.0), (5.5, 0.75)] {
        assert!((share(contiguous) - expected).abs() < 1e-12, "{contiguous}: {}", share(contiguous));
    }
    // What pooling does not change cannot be divided.
    let mut flat = rows(64, |_| 6.0);
    flat.push(PoolRow { spacing: Spacing::Contiguous, ..row(4, 0, 6.0) });
    assert_eq!(pooled_layers(&flat, &[])[0].drift_share, None);
}

#[test]
fn over_seeds_the_error_is_that_of_seeds() {
    let of_seed = |seed: u64, value: f64| {
        rows(32, move |_| value).into_iter().map(move |row| PoolRow { seed: Some(seed), ..row })
    };
    let rows: Vec<PoolRow> = of_seed(1, 2.0).chain(of_seed(2, 4.0)).chain(of_seed(3, 6.0)).collect();
    let drifting = DriftRow { seed: 3, ..drift(1, 2.0) };
    let means = mean_over_seeds(&pooled_layers(&rows, &[drifting]));
    assert_eq!(means.len(), 1);
    let pooled = means[0].pooled().unwrap().i_xt_bits.unwrap();
    assert_eq!(pooled.n_seeds, 3);
    assert!((pooled.mean - 4.0).abs() < 1e-12);
    assert!((pooled.standard_error.unwrap() - 2.0 / 3f64.sqrt()).abs() < 1e-12);
    assert!((means[0].corrected_i_xt_bits.unwrap().mean - 4.0).abs() < 1e-12);
    assert_eq!(means[0].out_of_range, 3 * 32);
    assert_eq!(means[0].verdicts, [(Verdict::Stationary, 2), (Verdict::Drifting, 1)]);
}
