use super::*;
use crate::Estimator;
use crate::Measure;
use crate::estimator::{AnyEstimator, LayerRange};
use crate::random::{Purpose, below, generator, shuffle, uniform};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn method(correction: Correction) -> Box<dyn Estimator> {
    let config: AnyEstimator = toml::from_str(&format!("kind = '{}'", correction.name())).unwrap();
    config.for_layer(&LayerRange::default()).unwrap()
}

fn nats(estimate: Result<Estimate, EstimateError>) -> f64 {
    estimate.unwrap().information.nats()
}

/// As many labels as draws, from probabilities that need not sum to one.
fn draw(probabilities: &[f64], n: usize, index: u64) -> Vec<usize> {
    let total: f64 = probabilities.iter().sum();
    let mut edge = 0.0;
    let edges: Vec<f64> = probabilities
        .iter()
        .map(|p| {
            edge += p / total;
            edge
        })
        .collect();
    let mut generator = generator(1, Purpose::Discrete, index);
    (0..n)
        .map(|_| {
            let u = uniform(&mut generator);
            edges.partition_point(|&edge| edge <= u).min(edges.len() - 1)
        })
        .collect()
}

fn entropy_of(probabilities: &[f64]) -> f64 {
    let total: f64 = probabilities.iter().sum();
    probabilities.iter().filter(|p| **p > 0.0).map(|p| -p / total * (p / total).ln()).sum()
}

/// A joint distribution of 64 × 64 symbols.
struct Joint {
    name: &'static str,
    probabilities: Vec<f64>,
}

impl Joint {
    fn information(&self) -> f64 {
        let mut rows = vec![0.0; 64];
        let mut columns = vec![0.0; 64];
        for (cell, p) in self.probabilities.iter().enumerate() {
            rows[cell / 64] += p;
            columns[cell % 64] += p;
        }
        entropy_of(&rows) + entropy_of(&columns) - entropy_of(&self.probabilities)
    }

    fn draw(&self, n: usize, index: u64) -> (Labels, Labels) {
        let cells = draw(&self.probabilities, n, index);
        let of = |f: fn(usize) -> usize| {
            Labels::from_symbols(&cells.iter().map(|&cell| f(cell)).collect::<Vec<_>>())
        };
        (of(|cell| cell / 64), of(|cell| cell % 64))
    }
}

fn joints() -> Vec<Joint> {
    let table = |name, p: &mut dyn FnMut(usize, usize) -> f64| Joint {
        name,
        probabilities: (0..64 * 64).map(|cell| p(cell / 64, cell % 64)).collect(),
    };
    let ring = |a: usize, b: usize| (a.abs_diff(b)).min(64 - a.abs_diff(b)) as f64;
    let mut order: Vec<usize> = (0..64).collect();
    let mut random = generator(7, Purpose::Discrete, 1 << 40);
    shuffle(&mut random, &mut order);
    let normal = |i: usize| (i as f64 - 31.5) / 12.6;
    vec![
        table("independent", &mut |_, _| 1.0),
        table("band", &mut |a, b| if ring(a, b) <= 8.0 { 1.0 } else { 0.0 }),
        table("noise around a ring", &mut |a, b| (-ring(a, b) * ring(a, b) / 50.0).exp()),
        table("correlated normal", &mut |a, b| {
            let (x, y) = (normal(a), normal(b));
            (-(x * x - 1.6 * x * y + y * y) / 0.72).exp()
        }),
        table("noisy permutation", &mut |a, b| if order[a] == b { 0.5 } else { 0.5 / 64.0 }),
        table("noisy map", &mut |a, b| if order[a] % 8 == b { 0.7 } else { 0.3 / 64.0 }),
        // Gamma(1/4) by u⁴ is near enough: a random table with most of its mass in a few cells.
        table("sparse random", &mut |_, _| uniform(&mut random).powi(12)),
        table("random", &mut |_, _| -(1.0 - uniform(&mut random)).ln()),
        table("blocks", &mut |a, b| if a / 16 == b / 16 { 1.0 } else { 0.1 }),
    ]
}

#[test]
fn entropies_of_counts_are_those_of_the_reference() {
    let cases: serde_json::Value =
        serde_json::from_str(include_str!("../../../tests/reference/discrete.json")).unwrap();
    for case in cases.as_array().unwrap() {
        let counts = case["counts"].as_array().unwrap().iter().map(|c| c.as_u64().unwrap() as usize);
        let histogram = Histogram::new(counts, case["cells"].as_f64().unwrap());
        for correction in Correction::ALL {
            let Some(expected) = case[correction.name()].as_f64() else { continue };
            let (nats, variance) = correction.entropy(&histogram);
            let name = format!("{}, {}", case["name"], correction.name());
            // The reference of NSB is an adaptive integral, asked for ten digits.
            let tolerance = if correction == Correction::Nsb { 1e-8 } else { 1e-12 };
            assert!((nats - expected).abs() < tolerance * expected, "{name}: {nats} for {expected}");
            if correction == Correction::Nsb {
                let expected = case["nsb deviation"].as_f64().unwrap();
                assert!((variance.sqrt() - expected).abs() < 1e-6, "{name}: {variance} for {expected}²");
            }
        }
    }
}

#[test]
fn every_correction_is_measured_against_what_the_reference_knows() {
    let text = include_str!("../../../tests/reference/discrete.json");
    for correction in Correction::ALL.iter().filter(|c| **c != Correction::PanzeriTreves) {
        assert!(text.contains(&format!("\"{}\"", correction.name())), "{}", correction.name());
    }
}

#[test]
fn many_samples_of_few_cells_leave_nothing_to_correct() {
    // x in {0, 1, 2}, y = x with probability 0.8: the information is known, and n = 200 000.
    let probabilities: Vec<f64> =
        (0..9).map(|i| if i / 3 == i % 3 { 0.8 / 3.0 } else { 0.2 / 6.0 }).collect();
    let truth = 2.0 * 3f64.ln() - entropy_of(&probabilities);
    let cells = draw(&probabilities, 200_000, 0);
    let x = Labels::from_symbols(&cells.iter().map(|c| c / 3).collect::<Vec<_>>());
    let y = Labels::from_symbols(&cells.iter().map(|c| c % 3).collect::<Vec<_>>());
    for correction in Correction::ALL {
        let estimate = method(correction).pair(Variable::Labels(&x), Variable::Labels(&y)).unwrap();
        // The pointwise information has a standard deviation below 1: four standard errors of its mean.
        let error = estimate.information.nats() - truth;
        assert!(error.abs() < 4.0 / (200_000f64).sqrt(), "{}: {error}", correction.name());
        assert!(estimate.warnings.is_empty());
        if let Some(standard_error) = estimate.standard_error {
            assert!(standard_error.nats() < 0.01, "{}: {standard_error:?}", correction.name());
        }
    }
}

/// The table of 64 × 64 with 1000 samples, where the plug-in value is off by up to 1.5 nats.
#[test]
fn chao_wang_jost_is_within_three_tenths_of_a_nat_and_its_interval_holds_the_truth() {
    let (draws, mut held, mut tried) = (12, 0, 0);
    for (number, joint) in joints().iter().enumerate() {
        let truth = joint.information();
        let (mut mean, mut plug_in) = (0.0, 0.0);
        for draw in 0..draws {
            let (x, y) = joint.draw(1000, (number * 1000 + draw) as u64);
            let (x, y) = (Variable::Labels(&x), Variable::Labels(&y));
            let estimate = method(Correction::ChaoWangJost).pair(x, y).unwrap();
            mean += (estimate.information.nats() - truth) / draws as f64;
            plug_in += (nats(method(Correction::PlugIn).pair(x, y)) - truth) / draws as f64;
            let interval = estimate.interval.unwrap();
            held += usize::from(interval.lower.nats() <= truth && truth <= interval.upper.nats());
            tried += 1;
        }
        let (x, y) = joint.draw(1000, (number * 1000) as u64);
        let once = Correction::ALL.map(|correction| {
            let value = nats(method(correction).pair(Variable::Labels(&x), Variable::Labels(&y)));
            format!("{} {:+.3}", correction.name(), value - truth)
        });
        eprintln!("{}: I = {truth:.3}, mean {mean:+.3}; one sample: {}", joint.name, once.join(", "));
        assert!(mean.abs() < 0.25, "{}: {mean}", joint.name);
        assert!(plug_in > 0.25 && plug_in > 2.0 * mean.abs(), "{}: {plug_in}", joint.name);
    }
    // 95 % are promised.
    assert!(held * 100 >= 95 * tried, "{held} of {tried}");
}

#[test]
fn nsb_knows_dirichlet_tables_within_its_error() {
    let joints = joints();
    let joint = joints.iter().find(|joint| joint.name == "random").unwrap();
    let truth = joint.information();
    for draw in 0..4 {
        let (x, y) = joint.draw(1000, 90_000 + draw);
        let estimate = method(Correction::Nsb).pair(Variable::Labels(&x), Variable::Labels(&y)).unwrap();
        let error = (estimate.information.nats() - truth) / estimate.standard_error.unwrap().nats();
        assert!(error.abs() < 3.0, "{error} standard errors");
    }
}

#[test]
fn the_jackknife_knows_the_spread_of_repeated_samples() {
    let probabilities: Vec<f64> =
        (0..9).map(|i| if i / 3 == i % 3 { 0.8 / 3.0 } else { 0.2 / 6.0 }).collect();
    for correction in [
        Correction::MillerMadow,
        Correction::Grassberger,
        Correction::ChaoShen,
        Correction::ChaoWangJost,
        Correction::PanzeriTreves,
    ] {
        let (values, errors): (Vec<f64>, Vec<f64>) = (0..200)
            .map(|draw_number| {
                let cells = draw(&probabilities, 300, 500_000 + draw_number);
                let x = Labels::from_symbols(&cells.iter().map(|c| c / 3).collect::<Vec<_>>());
                let y = Labels::from_symbols(&cells.iter().map(|c| c % 3).collect::<Vec<_>>());
                let estimate = method(correction).pair(Variable::Labels(&x), Variable::Labels(&y)).unwrap();
                (estimate.information.nats(), estimate.standard_error.unwrap().nats())
            })
            .unzip();
        let mean = values.iter().sum::<f64>() / 200.0;
        let spread = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        let said = errors.iter().sum::<f64>() / 200.0;
        // A standard deviation of 200 values is itself known to 1/√400 = 5 %.
        assert!((said / spread - 1.0).abs() < 0.2, "{}: {said} for {spread}", correction.name());
    }
}

#[test]
fn panzeri_treves_with_all_cells_filled_is_miller_madow_and_otherwise_corrects_more() {
    let joints = joints();
    let (x, y) = joints[0].draw(1000, 77);
    let pair = |correction| nats(method(correction).pair(Variable::Labels(&x), Variable::Labels(&y)));
    let [plug_in, miller_madow, panzeri_treves] =
        [Correction::PlugIn, Correction::MillerMadow, Correction::PanzeriTreves].map(pair);
    assert!(panzeri_treves < miller_madow && miller_madow < plug_in);
    // It is not blown past the truth, 0, either: R_y ≤ 64 bounds the correction by 63²/2n = 1.98.
    assert!(panzeri_treves > plug_in - 63.0 * 63.0 / 2000.0);
}

#[test]
fn the_definition_of_conditional_information_and_total_correlation_by_hand() {
    // z is the exclusive or of independent x and y: I(X;Y) = 0, I(X;Y|Z) = ln 2, TC = ln 2.
    let x = Labels::from_symbols(&(0..4000).map(|i| i % 2).collect::<Vec<_>>());
    let y = Labels::from_symbols(&(0..4000).map(|i| i / 2 % 2).collect::<Vec<_>>());
    let z = Labels::from_symbols(&(0..4000).map(|i| (i % 2) ^ (i / 2 % 2)).collect::<Vec<_>>());
    let [x, y, z] = [&x, &y, &z].map(Variable::Labels);
    for correction in Correction::ALL {
        let method = method(correction);
        // Corrections are of the order of cells/2n = 0.001; shrinkage moves 0.0015 of the mass to 4 cells that
        // cannot occur, which is worth 0.0015 ln (8/0.0015)/2 = 0.006.
        let name = correction.name();
        assert!(nats(method.pair(x, y)).abs() < 2e-3, "{name}");
        assert!((nats(method.conditional(x, y, z)) - 2f64.ln()).abs() < 8e-3, "{name}");
        assert!((nats(method.total_correlation(&[x, y, z])) - 2f64.ln()).abs() < 8e-3, "{name}");
        assert!((nats(method.total_correlation(&[x, y])) - nats(method.pair(x, y))).abs() < 2e-3, "{name}");
        assert_eq!(nats(method.total_correlation(&[x])), 0.0);
    }
}

#[test]
fn a_layer_is_measured_as_its_pairs_and_every_input_tells_it_all() {
    let t = array![[0.5f32, 1.0], [0.5, 1.0], [-0.0, 2.0], [0.0, 2.0], [3.0, 4.0], [3.0, 5.0]];
    let y = Labels::from_symbols(&[0, 0, 1, 1, 0, 1]);
    for correction in Correction::ALL {
        let method = method(correction);
        let readings = method.layer(Variable::Single(t.view()), &[&Labels::distinct(6), &y]).unwrap();
        let [i_xt, i_ty] = [0, 1].map(|i| readings[0].estimates[i].as_ref().unwrap().information.nats());
        let doubles = t.mapv(f64::from);
        let h = nats(method.entropy(Variable::Double(doubles.view())));
        // No more than six samples can tell apart.
        let h = h.min(6f64.ln());
        assert!((i_xt - h).abs() < 1e-12, "{}: {i_xt} for {h}", correction.name());
        assert_eq!(i_ty, nats(method.pair(Variable::Single(t.view()), Variable::Labels(&y))));
    }
}

/// A fair bit against itself: 40 samples give more than ln 2 by several corrections, which none prints.
#[test]
fn information_is_at_most_the_logarithm_of_values_that_all_repeat() {
    let bit = Labels::from_symbols(&(0..40).map(|i| i % 2).collect::<Vec<_>>());
    for correction in Correction::ALL {
        let estimate = method(correction).pair(Variable::Labels(&bit), Variable::Labels(&bit)).unwrap();
        assert!(estimate.information.nats() <= 2f64.ln() + 1e-12, "{}", correction.name());
        assert!(estimate.interval.is_none_or(|interval| interval.lower.nats() <= 2f64.ln() + 1e-12));
    }
    let held = method(Correction::ChaoWangJost).pair(Variable::Labels(&bit), Variable::Labels(&bit)).unwrap();
    assert!(matches!(held.warnings[..], [Warning::AboveLimit { .. }]), "{:?}", held.warnings);
}

#[test]
fn binned_takes_every_correction_and_names_it() {
    let t = array![[0.1f32], [0.2], [0.9], [0.8], [0.1], [-0.7]];
    let y = Labels::from_symbols(&[0, 0, 1, 1, 0, 1]);
    for correction in Correction::ALL {
        let config: AnyEstimator =
            toml::from_str(&format!("kind = 'binned'\nrule = 'exact'\ncorrection = '{}'", correction.name()))
                .unwrap();
        let binned = config.for_layer(&LayerRange::default()).unwrap();
        let reading = binned.layer(Variable::Single(t.view()), &[&y]).unwrap().remove(0);
        let expected = nats(method(correction).pair(Variable::Single(t.view()), Variable::Labels(&y)));
        let estimate = reading.estimates[0].as_ref().unwrap();
        assert_eq!(estimate.information.nats(), expected);
        assert!(matches!(estimate.kind, EstimateKind::Binned { .. }));
        let named = match correction {
            Correction::PlugIn => "exact float bits".to_string(),
            _ => format!("exact float bits, {}", correction.name()),
        };
        assert_eq!(reading.setting, named);
        // What is written is what was read, and the default is not written.
        let written = toml::to_string(&config).unwrap();
        assert_eq!(written.contains("correction"), correction != Correction::PlugIn);
        assert_eq!(toml::from_str::<AnyEstimator>(&written).unwrap(), config);
    }
}

/// Every method on what strangers may give it: the value, or the error, that the documentation names.
#[test]
fn odd_input_has_documented_answers() {
    for correction in Correction::ALL {
        let method = method(correction);
        let name = correction.name();
        let y = Labels::from_symbols(&[0, 0, 0, 1, 1, 2]); // a class with one member
        let y = Variable::Labels(&y);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut t = Array2::<f32>::zeros((6, 2));
            t[(3, 1)] = bad;
            let t = Variable::Single(t.view());
            for answer in [
                method.pair(t, y),
                method.entropy(t),
                method.conditional(y, t, y),
                method.total_correlation(&[y.view(), t]),
            ] {
                assert!(
                    matches!(answer, Err(EstimateError::NotFinite { row: 3, column: 1, .. })),
                    "{name}: {answer:?}"
                );
            }
        }
        // All rows equal, a dead layer, one class: nothing to know.
        let dead = Array2::<f32>::zeros((6, 3));
        let one = Labels::from_symbols(&[4; 6]);
        for (a, b) in [(Variable::Single(dead.view()), y), (y, Variable::Labels(&one))] {
            let estimate = method.pair(a, b).unwrap();
            assert_eq!(estimate.information.nats(), 0.0, "{name}");
            assert_eq!(estimate.warnings, [Warning::Constant], "{name}");
        }
        assert_eq!(nats(method.entropy(Variable::Single(dead.view()))), 0.0);
        // A constant column changes nothing.
        let t = array![[1.0, 7.0], [1.0, 7.0], [2.0, 7.0], [2.0, 7.0], [3.0, 7.0], [3.0, 7.0]];
        let narrow = t.column(0).to_owned().insert_axis(ndarray::Axis(1));
        assert_eq!(
            nats(method.pair(Variable::Double(t.view()), y)),
            nats(method.pair(Variable::Double(narrow.view()), y))
        );
        // One sample; more columns than samples.
        let single = Array2::<f64>::ones((1, 9));
        let x = Labels::distinct(1);
        let estimate = method.pair(Variable::Double(single.view()), Variable::Labels(&x)).unwrap();
        assert_eq!(estimate.information.nats(), 0.0);
        // All samples different: whatever is said is finite, and said to rest on no coincidence.
        let x = Labels::distinct(6);
        let estimate = method.pair(Variable::Labels(&x), Variable::Labels(&x)).unwrap();
        assert!(estimate.information.nats().is_finite(), "{name}");
        assert!(matches!(estimate.warnings[0], Warning::Undersampled { alone: 6, n_samples: 6 }), "{name}");
        for values in [estimate.standard_error.map(|e| e.nats()), estimate.interval.map(|i| i.lower.nats())] {
            assert!(values.is_none_or(f64::is_finite), "{name}");
        }
        let two = Labels::distinct(2);
        assert!(nats(method.entropy(Variable::Labels(&two))).is_finite());
        // No samples, and not the same number of them.
        let none = Labels::from_symbols::<u8>(&[]);
        assert!(matches!(method.entropy(Variable::Labels(&none)), Err(EstimateError::Empty { .. })));
        assert!(matches!(
            method.pair(Variable::Labels(&two), y),
            Err(EstimateError::RowMismatch { given: 6, expected: 2 })
        ));
    }
}

#[test]
fn fewer_cells_than_occur_are_refused() {
    let x = Labels::from_symbols(&[0, 1, 2, 2]);
    for kind in ["nsb", "shrinkage"] {
        let config: AnyEstimator = toml::from_str(&format!("kind = '{kind}'\ncells = 2")).unwrap();
        let answer = config.for_layer(&LayerRange::default()).unwrap().entropy(Variable::Labels(&x));
        assert!(matches!(answer, Err(EstimateError::Setting { key: "cells", .. })), "{answer:?}");
        let none: AnyEstimator = toml::from_str(&format!("kind = '{kind}'\ncells = 0")).unwrap();
        assert!(none.check().is_err());
    }
}

#[test]
fn the_same_bits_on_one_thread_and_on_eight() {
    let mut random = generator(3, Purpose::Discrete, 0);
    let t = Array2::from_shape_simple_fn((5000, 7), || below(&mut random, 3) as f32);
    let y = Labels::from_symbols(&(0..5000).map(|i| i % 10).collect::<Vec<_>>());
    for correction in Correction::ALL {
        let [one, eight] = [1, 8].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                method(correction).pair(Variable::Single(t.view()), Variable::Labels(&y)).unwrap()
            })
        });
        assert_eq!(one, eight);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Names of symbols and the order of rows are nobody's business; x and y are, to Panzeri and Treves.
    #[test]
    fn relabelling_and_row_order_do_not_matter(
        rows in prop::collection::vec((0u8..6, 0u8..5), 2..60),
        key in 0u64..1000,
    ) {
        let labels = |rows: &[(u8, u8)]| {
            let x = Labels::from_symbols(&rows.iter().map(|r| r.0).collect::<Vec<_>>());
            let y = Labels::from_symbols(&rows.iter().map(|r| r.1).collect::<Vec<_>>());
            (x, y)
        };
        let mut other: Vec<(u8, u8)> = rows.iter().map(|&(x, y)| (5 - x, 4 - y)).collect();
        shuffle(&mut generator(key, Purpose::Discrete, 0), &mut other);
        let ((x, y), (x2, y2)) = (labels(&rows), labels(&other));
        for correction in Correction::ALL {
            let method = method(correction);
            let first = method.pair(Variable::Labels(&x), Variable::Labels(&y)).unwrap();
            let second = method.pair(Variable::Labels(&x2), Variable::Labels(&y2)).unwrap();
            let difference = first.information.nats() - second.information.nats();
            prop_assert!(difference.abs() < 1e-9, "{}: {}", correction.name(), difference);
            if correction != Correction::PanzeriTreves {
                let turned = nats(method.pair(Variable::Labels(&y), Variable::Labels(&x)));
                prop_assert!((first.information.nats() - turned).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn the_plug_in_value_lies_between_nothing_and_both_entropies_and_processing_loses(
        rows in prop::collection::vec((0u8..9, 0u8..7), 1..80),
        map in prop::collection::vec(0u8..4, 9),
    ) {
        let x = Labels::from_symbols(&rows.iter().map(|r| r.0).collect::<Vec<_>>());
        let y = Labels::from_symbols(&rows.iter().map(|r| r.1).collect::<Vec<_>>());
        let processed = Labels::from_symbols(&rows.iter().map(|r| map[usize::from(r.0)]).collect::<Vec<_>>());
        let plug_in = method(Correction::PlugIn);
        let of = |x: &Labels, y: &Labels| nats(plug_in.pair(Variable::Labels(x), Variable::Labels(y)));
        let information = of(&x, &y);
        prop_assert!(information >= 0.0);
        prop_assert!(information <= x.entropy().nats().min(y.entropy().nats()) + 1e-12);
        prop_assert!(information <= (rows.len() as f64).ln() + 1e-12);
        prop_assert!(of(&processed, &y) <= information + 1e-12);
        prop_assert!((of(&x, &x) - x.entropy().nats()).abs() < 1e-12);
    }
}
