//! The tables in the descriptions of tests and errors of series.

use super::series_tests::{BLOCKS, Correlation, Series, independent, share, spread};
use super::*;
use crate::random::{Purpose, generator, normal};
use crate::{Gcmi, Ksg, Labels, PlugIn};

/// The tables of [`restricted_permutation_test`], in twenty minutes of one core:
/// `cargo test --release -p infoplane-estimators --lib -- --ignored --nocapture alarms_of_series`.
#[test]
#[ignore = "prints a table"]
fn alarms_of_series() {
    let line = |name: &str, series: Series, n| {
        let low = |scheme, repeats| {
            share(repeats, |repeat| {
                let (x, y) = series.draw(n, repeat);
                let test = restricted_permutation_test(&Correlation, &x, &y, scheme, 99, repeat);
                test.unwrap().p_value <= 0.05
            })
        };
        let [rotated, blocks] = [PermutationScheme::Rotated, BLOCKS].map(|scheme| low(scheme, 2000));
        let free = low(PermutationScheme::Free, 100);
        eprintln!("{name}, n = {n}: free {free:.2}, rotated {rotated:.3}, blocks {blocks:.3}");
    };
    for n in [1000, 200] {
        for phi in [0.99, 0.9, 0.5, 0.0] {
            line(&format!("independent, φ = {phi}"), independent(phi), n);
        }
    }
    for (phi, rho, c) in [(0.99, 0.8, 0.0), (0.99, 0.0, 0.1), (0.9, 0.3, 0.0)] {
        line(&format!("φ = {phi}, ρ = {rho}, c = {c}"), Series { phi, rho, c }, 1000);
    }
}

/// The tables of [`block_subsampling_error`] and [`block_bootstrap`], in a minute or two:
/// `cargo test --release -p infoplane-estimators --lib -- --ignored --nocapture coverage_of_blocks`.
#[test]
#[ignore = "prints a table"]
fn coverage_of_blocks() {
    fn table<E: Estimator>(name: &str, estimator: &E, n: usize, phi: f64, symbols: bool) {
        use rayon::prelude::*;
        let series = Series { phi, rho: 0.6, c: 0.0 };
        // Of signs: the probability of equal ones is ½ + asin(ρ)/π.
        let p = 0.5 + 0.6f64.asin() / std::f64::consts::PI;
        let truth = match symbols {
            true => std::f64::consts::LN_2 + p * p.ln() + (1.0 - p) * (1.0 - p).ln(),
            false => -0.5 * (1.0f64 - 0.36).ln(),
        };
        let length = BlockLength::Chosen;
        let found: Vec<[f64; 3]> = (0..200)
            .into_par_iter()
            .map(|repeat| {
                let (x, y) = series.draw(n, repeat);
                let errors = match symbols {
                    true => {
                        let [x, y] = [&x, &y].map(|values| {
                            Labels::from_symbols(&values.iter().map(|v| *v > 0.0).collect::<Vec<_>>())
                        });
                        let rows = bootstrap(estimator, &x, &y, 100, 0).unwrap();
                        let blocks = block_bootstrap(estimator, &x, &y, 100, length, 0).unwrap();
                        [rows.value, rows.standard_error, blocks.standard_error]
                    }
                    false => {
                        let rows = subsampling_error(estimator, &x, &y, 10, 0).unwrap();
                        let options = Options { block_length: Some(length), ..Options::default() };
                        let blocks = with_uncertainty(estimator, &x, &y, options).unwrap();
                        [rows.value, rows.standard_error, blocks.standard_error.unwrap()]
                    }
                };
                errors.map(Information::nats)
            })
            .collect();
        let of = |i: usize| found.iter().map(|found| found[i]).collect::<Vec<f64>>();
        let values = of(0);
        let held = |centre: f64, i: usize| {
            let inside = found.iter().filter(|found| (found[0] - centre).abs() <= 1.96 * found[i]).count();
            inside as f64 / 2.0
        };
        eprintln!(
            "{name}, φ = {phi}, n = {n}: truth {truth:.4}, mean {:.4}, spread {:.4}; rows {:.4} ({} %), blocks {:.4} \
             ({} %; of the mean {} %)",
            mean(&values),
            spread(&values),
            mean(&of(1)),
            held(truth, 1),
            mean(&of(2)),
            held(truth, 2),
            held(mean(&values), 2)
        );
    }
    for (phi, n) in [(0.0, 1000), (0.5, 1000), (0.9, 1000), (0.9, 4000), (0.99, 4000)] {
        table("ksg", &Ksg::default(), n, phi, false);
        table("gcmi", &Gcmi::default(), n, phi, false);
        table("plug-in of signs", &PlugIn::default(), n, phi, true);
    }
}

/// The table of [`conditional_permutation_test`], in a minute or two:
/// `cargo test --release -p infoplane-estimators --lib -- --ignored --nocapture alarms_given_z`.
#[test]
#[ignore = "prints a table"]
fn alarms_given_z() {
    for n in [100, 300] {
        for (noise, c) in [(0.7, 0.0), (0.2, 0.0), (0.7, 0.3)] {
            let low = |level: f64| {
                share(200, |repeat| {
                    let mut random = generator(22, Purpose::Known, 1 << 20 | repeat);
                    let z: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
                    let x: Vec<f64> = z.iter().map(|z| z + noise * normal(&mut random)).collect();
                    let y: Vec<f64> =
                        z.iter().zip(&x).map(|(z, x)| z + c * x + noise * normal(&mut random)).collect();
                    let ksg = Ksg::default();
                    conditional_permutation_test(&ksg, &x, &y, &z, 39, repeat).unwrap().p_value <= level
                })
            };
            let (at_5, at_20) = (low(0.05), low(0.2));
            eprintln!("n = {n}, noise {noise}, c = {c}: {at_5:.3} at 5 %, {at_20:.3} at 20 %");
        }
    }
}
