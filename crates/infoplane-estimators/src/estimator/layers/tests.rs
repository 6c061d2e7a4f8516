//! Information of layers against counting, closed forms and integrals; similarities and ranks against their definitions.

use std::collections::HashMap;

use ndarray::{Array2, Axis, array, concatenate, s};

use super::*;
use crate::random::{Purpose, generator, normal, shuffle};
use crate::{BinRange, BinRule, Binned, ChaoWangJost, Labels, RangeScope};
use crate::{
    Bound, Correction, EstimateError, Estimator, Kde, Ksg, LayerRange, Measure, Noise, PlugIn, Variable,
    Warning,
};

fn normals(n: usize, width: usize, seed: u64) -> Array2<f64> {
    let mut random = generator(seed, Purpose::Known, 91);
    Array2::from_shape_simple_fn((n, width), || normal(&mut random))
}

fn codes(n: usize, width: usize, levels: f64, seed: u64) -> Array2<f64> {
    normals(n, width, seed).mapv(|v| (v * levels / 4.0).floor())
}

fn entropy_of_rows(layers: &[&Array2<f64>]) -> f64 {
    let n = layers[0].nrows();
    let mut counts: HashMap<Vec<u64>, f64> = HashMap::new();
    for row in 0..n {
        let key =
            layers.iter().flat_map(|layer| layer.row(row).mapv(|v| (v + 0.0).to_bits()).to_vec()).collect();
        *counts.entry(key).or_insert(0.0) += 1.0;
    }
    -counts.values().map(|count| count / n as f64 * (count / n as f64).ln()).sum::<f64>()
}

fn pairs_by(estimator: &impl Measure, layers: &[&Array2<f64>]) -> Vec<LayerPairs> {
    let layers: Vec<Variable<'_>> = layers.iter().map(|layer| Variable::from(*layer)).collect();
    estimator.layer_pairs(&layers).unwrap()
}

fn nats(pairs: &LayerPairs, one: usize, other: usize) -> f64 {
    pairs.pair(one, other).estimate.as_ref().unwrap().information.nats()
}

#[test]
fn information_of_cells_is_that_of_counts() {
    let layers = [codes(300, 3, 6.0, 1), codes(300, 1, 9.0, 2), codes(300, 2, 3.0, 3)];
    let mut layers = layers.to_vec();
    layers.push(concatenate(Axis(1), &[layers[0].slice(s![.., ..1]), layers[2].view()]).unwrap());
    let layers: Vec<&Array2<f64>> = layers.iter().collect();
    let found = &pairs_by(&PlugIn::default(), &layers)[0];
    assert_eq!(found.pairs.len(), 10);
    for i in 0..4 {
        for j in 0..4 {
            let expected = entropy_of_rows(&[layers[i]]) + entropy_of_rows(&[layers[j]])
                - entropy_of_rows(&[layers[i], layers[j]]);
            assert!((nats(found, i, j) - expected).abs() < 1e-12, "{i} {j}");
            let pair = found.pair(i, j);
            assert_eq!((pair.first, pair.second), (i.min(j), i.max(j)));
        }
    }
    assert_eq!(found.pair(0, 1).estimate.as_ref().unwrap().dims, [3, 1]);
    // The value of rows in another order, by the same counting.
    let shuffled = layers[1].select(Axis(0), &order(300));
    let expected = entropy_of_rows(&[layers[0]]) + entropy_of_rows(&[layers[1]])
        - entropy_of_rows(&[layers[0], &shuffled]);
    assert!((found.pair(0, 1).shuffled.unwrap().nats() - expected).abs() < 1e-12);
}

/// The cells are compared, but the bins are those of the layers.
#[test]
fn the_kind_of_a_pair_names_the_bins_of_the_layers() {
    let layers = [codes(300, 3, 6.0, 1), codes(300, 1, 9.0, 2)];
    let estimator = Binned {
        bins: Some(4),
        range: Some(BinRange::Scope(RangeScope::Layer)),
        ..Binned::new(BinRule::Equal)
    };
    let found = &pairs_by(&estimator, &[&layers[0], &layers[1]])[0];
    for pair in &found.pairs {
        let kind = pair.estimate.as_ref().unwrap().kind.to_string();
        assert_eq!(kind, "at 4 equal bins on each layer's range");
    }
}

/// The order into which labels are shuffled.
fn order(n: usize) -> Vec<usize> {
    Labels::distinct(n).shuffled().codes().iter().map(|&row| row as usize).collect()
}

/// What the plane shows as I(X;T) is on the diagonal, whatever the correction, and H(T) is it.
#[test]
fn the_diagonal_is_the_entropy_of_the_layer() {
    let layer = normals(500, 3, 4);
    let distinct = Labels::distinct(500);
    for correction in Correction::ALL {
        let binned = Binned { bin_width: Some(0.9), correction, ..Binned::new(BinRule::Floor) };
        let found = &pairs_by(&binned, &[&layer, &layer])[0];
        let of_plane = binned.layer(&layer, &[&distinct]).unwrap();
        let of_plane = of_plane[0].estimates[0].as_ref().unwrap();
        assert_eq!(found.pair(1, 1).estimate.as_ref().unwrap().information, of_plane.information);
        assert_eq!(found.setting, binned.layer_settings()[0].0);
        let cells = found.cells.as_ref().unwrap()[0];
        let counted = binned.symbols(&layer).unwrap().unwrap().labels;
        assert_eq!((cells.n_cells, cells.out_of_range), (counted.n_labels(), 0));
        assert_eq!(cells.alone, counted.counts().iter().filter(|&&count| count == 1).count());
    }
    // As a pair with itself, too, where nothing is corrected.
    let plug_in = &pairs_by(&PlugIn::default(), &[&codes(500, 2, 5.0, 1), &codes(500, 2, 5.0, 1)])[0];
    assert!((nats(plug_in, 0, 0) - nats(plug_in, 0, 1)).abs() < 1e-12);
}

/// x → T₁ → T₂ → T₃: each is a function of the one before it.
#[test]
fn later_layers_know_no_more_of_the_others() {
    for seed in 0..5 {
        let x = codes(400, 2, 12.0, seed);
        let step = |layer: &Array2<f64>, width: usize| -> Array2<f64> {
            let weights = normals(layer.ncols(), width, 50 + seed + width as u64);
            layer.dot(&weights).mapv(|v| (2.0 * v.tanh()).round())
        };
        let first = step(&x, 4);
        let second = step(&first, 3);
        let third = step(&second, 1);
        let found = &pairs_by(&PlugIn::default(), &[&x, &first, &second, &third])[0];
        for i in 0..4 {
            for j in i..4 {
                // A function of a layer shares all that it has with it.
                assert!((nats(found, i, j) - nats(found, j, j)).abs() < 1e-12, "{i} {j}");
            }
        }
        // Noisy codes of what is between: I(T₁;T₃') ≤ I(T₂;T₃').
        let noisy = concatenate(Axis(1), &[third.view(), codes(400, 1, 3.0, 90 + seed).view()]).unwrap();
        let noisy = noisy.sum_axis(Axis(1)).mapv(|v| v.rem_euclid(3.0)).insert_axis(Axis(1));
        let found = &pairs_by(&PlugIn::default(), &[&first, &second, &noisy])[0];
        let [of_first, of_second] = [nats(found, 0, 2), nats(found, 1, 2)];
        assert!(of_second <= of_first + 1e-12 && of_second <= nats(found, 1, 1) + 1e-12);
        assert!(of_second <= nats(found, 2, 2) + 1e-12);
    }
}

#[test]
fn the_order_of_rows_and_the_names_of_cells_do_not_matter() {
    let layers = [codes(200, 2, 4.0, 7), codes(200, 3, 3.0, 8)];
    let mut rows: Vec<usize> = (0..200).collect();
    shuffle(&mut generator(1, Purpose::Known, 3), &mut rows);
    let other =
        [layers[0].select(Axis(0), &rows), layers[1].select(Axis(0), &rows).mapv(|v| 7.0 - v * v * v)];
    let [found, again] =
        [&layers, &other].map(|layers| pairs_by(&PlugIn::default(), &[&layers[0], &layers[1]]));
    for (i, j) in [(0, 0), (0, 1), (1, 1)] {
        assert!((nats(&found[0], i, j) - nats(&again[0], i, j)).abs() < 1e-12);
    }
}

/// Bins that were fixed to a layer before give the same by the layer's symbols.
#[test]
fn symbols_stand_for_the_layers_they_are_of() {
    let layers = [normals(150, 2, 1), normals(150, 1, 2) * 3.0];
    let scope = Some(BinRange::Scope(RangeScope::Layer));
    for correction in [Correction::PlugIn, Correction::ChaoWangJost] {
        let binned = Binned { bins: Some(5), range: scope, correction, ..Binned::new(BinRule::Equal) };
        let symbols = layers.each_ref().map(|layer| {
            let mut range = LayerRange::default();
            range.observe(Variable::from(layer), usize::MAX);
            binned.for_layer(&range).unwrap().symbols(layer).unwrap().unwrap().labels
        });
        let of_symbols = &binned.layer_pairs(&[(&symbols[0]).into(), (&symbols[1]).into()]).unwrap()[0];
        let of_values = &pairs_by(&binned, &[&layers[0], &layers[1]])[0];
        for (one, other) in of_symbols.pairs.iter().zip(&of_values.pairs) {
            let [one_estimate, other_estimate] = [one, other].map(|pair| pair.estimate.as_ref().unwrap());
            assert_eq!(one_estimate.information, other_estimate.information);
            assert_eq!(one.shuffled, other.shuffled);
        }
    }
}

#[test]
fn where_samples_are_alone_in_their_cells_shuffled_rows_have_as_much() {
    let layers = [normals(100, 1, 1), normals(100, 4, 2)];
    let exact = Binned::new(BinRule::Exact);
    let found = &pairs_by(&exact, &[&layers[0], &layers[1]])[0];
    for pair in &found.pairs {
        let value = pair.estimate.as_ref().unwrap().information;
        assert!((value.nats() - 100f64.ln()).abs() < 1e-12);
        assert_eq!(pair.shuffled, Some(value));
    }
    assert!(found.cells.as_ref().unwrap().iter().all(|cells| cells.alone == 100));
}

/// I(T₁';T₂') of two layers of one unit by a sum over a fine grid of both noisy values.
fn integral(first: &[f64], second: &[f64], variance: f64) -> f64 {
    let (step, reach) = (0.05, 6.0 * variance.sqrt());
    let density = |t: f64, centre: f64| {
        (-(t - centre).powi(2) / (2.0 * variance)).exp() / (std::f64::consts::TAU * variance).sqrt()
    };
    let axis = |centres: &[f64]| -> Vec<f64> {
        let low = centres.iter().copied().fold(f64::INFINITY, f64::min) - reach;
        let high = centres.iter().copied().fold(f64::NEG_INFINITY, f64::max) + reach;
        (0..=((high - low) / step) as usize).map(|i| low + i as f64 * step).collect()
    };
    let n = first.len() as f64;
    let mut sum = 0.0;
    for a in axis(first) {
        let of_a: Vec<f64> = first.iter().map(|&centre| density(a, centre) / n).collect();
        for b in axis(second) {
            let of_b: Vec<f64> = second.iter().map(|&centre| density(b, centre)).collect();
            let both: f64 = of_a.iter().zip(&of_b).map(|(a, b)| a * b).sum();
            let apart = of_a.iter().sum::<f64>() * of_b.iter().sum::<f64>() / n;
            if both > 0.0 {
                sum += step * step * both * (both / apart).ln();
            }
        }
    }
    sum
}

/// Values of noise agree with the integral within their standard errors, and the bounds of `kde` hold it.
#[test]
fn information_of_noisy_layers_is_the_integral_of_their_densities() {
    let layers = [array![[-1.0], [0.3], [0.5], [2.0]], array![[0.0], [0.9], [-1.4], [0.1]]];
    let variance = 0.25;
    let noise = Noise { draws: Some(2000), bounds: true, ..Noise::new([variance]) };
    let found = pairs_by(&noise, &[&layers[0], &layers[1]]);
    assert_eq!(
        found.iter().map(|pairs| pairs.bound).collect::<Vec<_>>(),
        [None, Some(Bound::Upper), Some(Bound::Lower)]
    );
    assert_eq!(found[1..], pairs_by(&Kde::new([variance]), &[&layers[0], &layers[1]]));
    for (i, j) in [(0, 0), (0, 1), (1, 1)] {
        let expected = integral(layers[i].as_slice().unwrap(), layers[j].as_slice().unwrap(), variance);
        let estimate = found[0].pair(i, j).estimate.as_ref().unwrap();
        let error = estimate.standard_error.unwrap().nats();
        assert!(
            (estimate.information.nats() - expected).abs() < 4.0 * error,
            "{i} {j}: {estimate:?}, {expected}"
        );
        assert!(error > 1e-5 && error < 0.01, "{error}");
        assert!(nats(&found[2], i, j) <= expected && expected <= nats(&found[1], i, j), "{i} {j} {expected}");
    }
}

/// Two layers that hold one normal number, each with noise: correlation 1/(1 + σ²), I = −½ ln(1 − ρ²). Its quantiles stand for samples.
#[test]
fn noisy_copies_of_a_normal_number_share_the_information_of_their_correlation() {
    let n = 1000;
    let x =
        Array2::from_shape_fn((n, 1), |(i, _)| crate::special::normal_quantile((i as f64 + 0.5) / n as f64));
    // The second layer holds the same in two of its three columns, with the noise of each: noise of half the variance.
    let wide = concatenate(Axis(1), &[x.view(), Array2::ones((n, 1)).view(), (-&x).view()]).unwrap();
    for variance in [1.0, 0.25f64] {
        let noise = Noise { draws: Some(12), ..Noise::new([variance]) };
        let found = &pairs_by(&noise, &[&x, &wide])[0];
        for (i, j, first, second) in [(0, 0, 1.0, 1.0), (0, 1, 1.0, 0.5), (1, 1, 0.5, 0.5)] {
            let squared = 1.0 / ((1.0 + first * variance) * (1.0 + second * variance));
            let expected = -0.5 * f64::ln(1.0 - squared);
            let estimate = found.pair(i, j).estimate.as_ref().unwrap();
            // Quantiles lack the tails: their variance is 0.998.
            let tolerance = 4.0 * estimate.standard_error.unwrap().nats() + 0.002;
            assert!(
                (estimate.information.nats() - expected).abs() < tolerance,
                "{i} {j}: {estimate:?}, {expected}"
            );
        }
    }
}

/// Rows are then equal or told apart for certain, and both bounds are what counts give.
#[test]
fn with_hardly_any_noise_layers_have_the_information_of_their_rows() {
    let layers = [codes(200, 2, 6.0, 1), codes(200, 1, 5.0, 2)];
    let by_counting = &pairs_by(&PlugIn::default(), &[&layers[0], &layers[1]])[0];
    let noise = Noise { draws: Some(1), bounds: true, ..Noise::new([1e-4]) };
    for reading in pairs_by(&noise, &[&layers[0], &layers[1]]) {
        for (i, j) in [(0, 0), (0, 1), (1, 1)] {
            assert!(
                (nats(&reading, i, j) - nats(by_counting, i, j)).abs() < 2e-6,
                "{:?} {i} {j}",
                reading.bound
            );
        }
    }
}

/// The least variance there is has no half.
#[test]
fn the_least_noise_is_no_reason_to_panic() {
    let layers = [codes(50, 2, 6.0, 1), codes(50, 1, 5.0, 2)];
    let noise = Noise { draws: Some(1), bounds: true, ..Noise::new([f64::from_bits(1)]) };
    for reading in pairs_by(&noise, &[&layers[0], &layers[1]]) {
        assert!([(0, 0), (0, 1), (1, 1)].iter().all(|&(i, j)| nats(&reading, i, j).is_finite()));
    }
}

#[test]
fn layers_that_cannot_be_measured_have_a_reason() {
    let (plain, constant) = (normals(30, 2, 1), Array2::<f64>::ones((30, 3)));
    let kde = Kde::new([0.1]);
    let noise = Noise { draws: Some(3), ..Noise::new([0.1]) };
    let methods: [&dyn Estimator; 4] = [&PlugIn::default(), &kde, &noise, &Binned::new(BinRule::Exact)];
    let layers = [Variable::from(&plain), Variable::from(&constant)];
    for method in methods {
        for reading in method.layer_pairs(&layers).unwrap() {
            for (i, j) in [(0, 1), (1, 1)] {
                let estimate = reading.pair(i, j).estimate.as_ref().unwrap();
                assert_eq!(estimate.information.nats(), 0.0, "{} {i} {j}", method.name());
                assert!(estimate.warnings.contains(&Warning::Constant));
            }
        }
        let one = plain.slice(s![..1, ..]);
        let of_one = method.layer_pairs(&[one.into(), one.into()]).unwrap();
        assert!(of_one.iter().all(|reading| nats(reading, 0, 1) == 0.0), "{}", method.name());
        let short = method.layer_pairs(&[layers[0].view(), plain.slice(s![..29, ..]).into()]);
        assert_eq!(short, Err(EstimateError::RowMismatch { given: 29, expected: 30 }));
        let mut broken = plain.clone();
        broken[(4, 1)] = f64::NAN;
        let broken = method.layer_pairs(&[layers[0].view(), (&broken).into()]).unwrap_err();
        assert!(broken.to_string().contains("NaN at row 4, column 1"), "{broken}");
        assert!(matches!(method.layer_pairs(&[]), Err(EstimateError::Empty { .. })));
    }
    let labels = Labels::distinct(30);
    for method in [&kde as &dyn Estimator, &noise] {
        let refused = method.layer_pairs(&[(&labels).into(), layers[0].view()]).unwrap_err();
        assert_eq!(refused.code(), "needs-numbers");
    }
    // Without noise or bins, a layer has infinite information with itself, and what it has with others is estimated.
    let x = normals(300, 1, 3);
    let y = &x + &normals(300, 1, 4);
    let found = &pairs_by(&Ksg::default(), &[&x, &y])[0];
    assert_eq!(found.pair(0, 0).estimate.as_ref().unwrap_err().code(), "undetermined");
    assert_eq!(found.pair(0, 1).estimate, Ksg::default().pair(&x, &y));
    assert!(found.cells.is_none() && found.pair(0, 1).shuffled.is_none());
}

fn with_threads<R: Send>(threads: usize, work: impl Fn() -> R + Send + Sync) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let layers = [normals(300, 3, 1), normals(300, 20, 2), normals(300, 400, 3)];
    let variables = || layers.each_ref().map(Variable::from);
    let binned = Binned { bin_width: Some(1.0), ..Binned::new(BinRule::Floor) };
    let noise = Noise { draws: Some(2), bounds: true, ..Noise::new([2.0]) };
    let parts = InputParts::of_columns(&layers[2], Some(4)).unwrap();
    let all = || {
        (
            [binned.layer_pairs(&variables()).unwrap(), noise.layer_pairs(&variables()).unwrap()],
            linear_cka(&variables()).unwrap(),
            layers.each_ref().map(|layer| effective_rank(layer).unwrap()),
            (
                InputParts::of_columns(&layers[2], Some(4)).unwrap(),
                binned.input_parts(&parts, &layers[0]).unwrap(),
            ),
        )
    };
    assert_eq!(with_threads(1, all), with_threads(7, all));
}

#[test]
fn parts_of_the_inputs_have_the_information_of_counts() {
    // Columns beyond one block of those that are read together; the layer is a function of some of them.
    let inputs = codes(250, 37, 5.0, 3);
    let layer = inputs.slice(s![.., 4..6]).mapv(|v| v.rem_euclid(3.0));
    for correction in [Correction::PlugIn, Correction::MillerMadow, Correction::ChaoWangJost] {
        let exact = Binned { correction, ..Binned::new(BinRule::Exact) };
        let parts = InputParts::of_columns(&inputs, None).unwrap();
        let found = exact.input_parts(&parts, &layer).unwrap();
        assert_eq!((found.parts.len(), found.n_samples, found.correction), (37, 250, correction));
        assert!((found.layer_entropy.nats() - entropy_of_rows(&[&layer])).abs() < 1e-12);
        let shuffled = layer.select(Axis(0), &order(250));
        for (column, part) in inputs.columns().into_iter().zip(&found.parts) {
            let column = column.to_owned().insert_axis(Axis(1));
            let own = entropy_of_rows(&[&column]);
            assert!((part.entropy.nats() - own).abs() < 1e-12);
            let by_counting = |layer: &Array2<f64>| match correction {
                Correction::PlugIn => own + entropy_of_rows(&[layer]) - entropy_of_rows(&[&column, layer]),
                _ => exact.pair(&column, layer).unwrap().information.nats(),
            };
            let limit = own.max((part.n_values as f64).ln()) + 1e-9;
            for (value, layer) in [(part.information, &layer), (part.shuffled, &shuffled)] {
                // The pair is held at ln of the values, which a map shows as it is.
                let expected = by_counting(layer);
                assert!(
                    (value.nats() - expected).abs() < 1e-10 || expected >= limit - 1e-6,
                    "{correction:?}"
                );
            }
        }
        let column =
            |place: usize| found.parts[place].information.nats() - found.parts[place].shuffled.nats();
        assert!(column(4) > 0.3 && column(0) < 0.1);
    }
}

#[test]
fn columns_of_numbers_are_cut_where_they_have_more_values_than_bins() {
    let values = Array2::from_shape_fn((100, 4), |(i, j)| match j {
        0 => i as f64,
        1 => (i % 3) as f64,
        2 => (i.max(59)) as f64,
        _ => 5.0,
    });
    let parts = InputParts::of_columns(&values, Some(4)).unwrap();
    let counts: Vec<Vec<usize>> = (0..4).map(|part| parts.symbols(part).counts().to_vec()).collect();
    // Sixty equal values stay together.
    assert_eq!(counts, [vec![25; 4], vec![34, 33, 33], vec![75, 25], vec![100]]);
    // As the rule of bins with equally many values has them, for columns of few values and of many.
    let numbers = concatenate(Axis(1), &[normals(700, 2, 5).view(), codes(700, 20, 90.0, 6).view()]).unwrap();
    for bins in [2, 7, 30] {
        let rule = Binned {
            bins: Some(bins),
            range: Some(BinRange::Scope(RangeScope::Unit)),
            ..Binned::new(BinRule::Quantile)
        };
        let parts = InputParts::of_columns(&numbers, Some(bins)).unwrap();
        for (place, column) in numbers.columns().into_iter().enumerate() {
            let expected = rule.symbols(column.insert_axis(Axis(1))).unwrap().unwrap().labels;
            let mut sizes = [expected.counts(), parts.symbols(place).counts()].map(<[usize]>::to_vec);
            sizes.iter_mut().for_each(|sizes| sizes.sort_unstable());
            assert_eq!(sizes[0], sizes[1], "{bins} {place}");
            let both = PlugIn::default().pair(&expected, parts.symbols(place)).unwrap().information;
            assert!((both - expected.entropy()).nats().abs() < 1e-12, "{bins} {place}");
        }
    }
    let single = InputParts::of_columns(&values.mapv(|v| v as f32), Some(4)).unwrap();
    assert_eq!(single, parts);
    let whole = InputParts::of_columns(&values, None).unwrap();
    assert_eq!((whole.symbols(0).n_labels(), whole.symbols(3).n_labels()), (100, 1));
    // A part that never changes has nothing, and one that tells the samples apart all of H(T).
    let found = PlugIn::default().input_parts(&whole, values.slice(s![.., 1..2])).unwrap();
    assert_eq!((found.parts[3].information.nats(), found.parts[3].shuffled.nats()), (0.0, 0.0));
    assert!((found.parts[0].information - found.layer_entropy).nats().abs() < 1e-12);
    assert!((found.parts[0].shuffled - found.layer_entropy).nats().abs() < 1e-12);
    // A layer that tells the samples apart has all of H(X_p), whatever it is.
    let saturated = PlugIn::default().input_parts(&whole, &normals(100, 1, 1)).unwrap();
    assert_eq!(saturated.n_alone, 100);
    for part in &saturated.parts[..3] {
        assert!((part.information - part.entropy).nats().abs() < 1e-12 && part.information == part.shuffled);
    }
}

#[test]
fn columns_of_a_position_are_one_part() {
    let inputs = array![[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]];
    let parity = Labels::from_symbols(&[0, 1, 1, 0]);
    let parts =
        InputParts::of_columns(&inputs, None).unwrap().together(&[vec![0, 1], vec![0], vec![2]]).unwrap();
    let found = input_information(&parts, &parity, Correction::PlugIn).unwrap();
    let bits: Vec<f64> = found.parts.iter().map(|part| part.information.bits()).collect();
    assert!((bits[0] - 1.0).abs() < 1e-12 && bits[1] == 0.0 && (bits[2] - 0.311278).abs() < 1e-6, "{bits:?}");
    assert_eq!(found.parts[0].n_values, 4);
}

#[test]
fn parts_that_cannot_be_measured_have_a_reason() {
    let inputs = normals(20, 3, 1);
    let parts = InputParts::of_columns(&inputs, Some(3)).unwrap();
    for groups in [vec![vec![]], vec![vec![0], vec![3]], vec![]] {
        assert!(parts.together(&groups).is_err(), "{groups:?}");
    }
    assert_eq!(InputParts::of_columns(&inputs, Some(1)).unwrap_err().code(), "setting");
    assert_eq!(InputParts::new(vec![]).unwrap_err().code(), "empty");
    assert_eq!(
        InputParts::new(vec![Labels::distinct(3), Labels::distinct(4)]).unwrap_err().code(),
        "length-mismatch"
    );
    let mut broken = inputs.clone();
    broken[(0, 2)] = f64::INFINITY;
    assert_eq!(InputParts::of_columns(&broken, None).unwrap_err().code(), "not-finite");
    assert_eq!(Kde::new([0.1]).input_parts(&parts, &inputs).unwrap_err().code(), "needs-cells");
    assert_eq!(Ksg::default().input_parts(&parts, &inputs).unwrap_err().code(), "needs-cells");
    let short = ChaoWangJost::default().input_parts(&parts, inputs.slice(s![..19, ..]));
    assert_eq!(short.unwrap_err(), EstimateError::RowMismatch { given: 19, expected: 20 });
}
