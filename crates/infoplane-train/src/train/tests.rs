//! Training as a whole: gradients against finite differences, laws of determinism, what is refused.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};

use super::*;
use crate::network::{Initialization, oracle};
use crate::{Network, Nonlinearity};
use Nonlinearity::*;
use infoplane_estimators::Labels;

/// Twelve-bit-like data: `n` rows of ±1 with a rule that needs more than one unit.
pub(super) fn bits(n: usize, width: usize) -> (Array2<f32>, Labels) {
    let inputs = Array2::from_shape_fn((n, width), |(i, j)| {
        if (i.wrapping_mul(2_654_435_761) >> (j + 7)) & 1 == 1 { 1.0 } else { -1.0 }
    });
    let classes: Vec<u32> =
        inputs.rows().into_iter().map(|x| u32::from(x[0] * x[1] + x[2] + 0.5 * x[3] > 0.0)).collect();
    (inputs, Labels::from_symbols(&classes))
}

pub(super) fn network(widths: &[usize], hidden: Nonlinearity, output: Nonlinearity, seed: u64) -> Network {
    let mut kinds = vec![hidden; widths.len() - 2];
    kinds.push(output);
    let start = Initialization { bias: 0.05, ..Initialization::default() };
    Network::initialized(widths, &kinds, &start, seed).unwrap()
}

pub(super) fn trainer(
    config: &TrainConfig,
    network: Network,
    inputs: &Array2<f32>,
    labels: &Labels,
) -> Trainer {
    let rows: Vec<usize> = (0..labels.len()).collect();
    let (train, test) = rows.split_at(rows.len() * 4 / 5);
    Trainer::new(config, network, inputs.view(), labels, train, test, 17).unwrap()
}

/// Returns the mean loss in double precision, one number at a time; `change` is added to one parameter of a layer,
/// (layer, unit, input or bias).
fn slow_loss(
    network: &Network,
    loss: Loss,
    inputs: ArrayView2<'_, f32>,
    classes: &[u32],
    change: (usize, usize, usize, f64),
) -> f64 {
    let mut total = 0.0;
    for (input, &class) in inputs.rows().into_iter().zip(classes) {
        let mut t: Vec<f64> = input.iter().map(|&x| f64::from(x)).collect();
        let mut z = Vec::new();
        for (l, layer) in network.layers.iter().enumerate() {
            t.push(1.0);
            z = (0..layer.weights.nrows())
                .map(|unit| {
                    let weights = layer.weights.row(unit).to_vec().into_iter().chain([layer.biases[unit]]);
                    weights
                        .zip(&t)
                        .enumerate()
                        .map(|(k, (w, t))| {
                            let changed = (l, unit, k) == (change.0, change.1, change.2);
                            (f64::from(w) + if changed { change.3 } else { 0.0 }) * t
                        })
                        .sum()
                })
                .collect::<Vec<f64>>();
            if layer.nonlinearity != Softmax {
                t = z.iter().map(|&z| oracle::value(layer.nonlinearity, z)).collect();
            }
        }
        let target = |unit: usize| match z.len() {
            1 => f64::from(class),
            _ => f64::from(u8::from(unit == class as usize)),
        };
        total += match loss {
            Loss::SoftmaxCrossEntropy => z.iter().map(|z| z.exp()).sum::<f64>().ln() - z[class as usize],
            Loss::SigmoidBinaryCrossEntropy => t
                .iter()
                .enumerate()
                .map(|(unit, t)| -(target(unit) * t.ln() + (1.0 - target(unit)) * (1.0 - t).ln()))
                .sum(),
            Loss::SquaredError => {
                let squares = t.iter().enumerate().map(|(unit, t)| (t - target(unit)).powi(2));
                squares.sum::<f64>() / t.len() as f64
            }
        };
    }
    total / classes.len() as f64
}

/// Checks every parameter's gradient and the loss itself.
fn check_gradient(
    widths: &[usize],
    hidden: Nonlinearity,
    output: Nonlinearity,
    loss: Loss,
    n_samples: usize,
) {
    let network = network(widths, hidden, output, 5);
    // Values between the bits, so that no sample sits at a kink.
    let inputs = Array2::from_shape_fn((n_samples, widths[0]), |(i, j)| {
        ((i * 37 + j * 101) % 97) as f32 / 48.5 - 0.997
    });
    let n_classes = (*widths.last().unwrap()).max(2) as u32;
    let classes: Vec<u32> = (0..n_samples as u32).map(|i| i * 7 / 3 % n_classes).collect();
    let labels = Labels::from_symbols(&classes);
    let config = TrainConfig { loss, batch_size: BatchSize::Full, ..TrainConfig::default() };
    let rows: Vec<usize> = (0..n_samples).collect();
    let mut trainer = Trainer::new(&config, network.clone(), inputs.view(), &labels, &rows, &[], 1).unwrap();
    let (value, gradient) = trainer.full_gradient();
    let name = format!("{widths:?} {hidden:?} {output:?} {loss}");
    let exact = slow_loss(&network, loss, inputs.view(), &classes, (9, 0, 0, 0.0));
    assert!((f64::from(value) - exact).abs() < 2e-6 * exact.max(1.0), "{name}: loss {value} for {exact}");
    // A kink inside the step would spoil the difference by up to the step.
    let step = 1e-6;
    for (l, &inputs_of_layer) in widths[..widths.len() - 1].iter().enumerate() {
        let range = trainer.parameters.shape.range(l);
        let stride = trainer.parameters.shape.strides[l];
        for (place, got) in gradient[range].iter().enumerate() {
            let (unit, input) = (place / stride, place % stride);
            if input > inputs_of_layer {
                assert_eq!(*got, 0.0, "{name}: padding");
                continue;
            }
            let at = |change| slow_loss(&network, loss, inputs.view(), &classes, (l, unit, input, change));
            let exact = (at(step) - at(-step)) / (2.0 * step);
            assert!(
                (f64::from(*got) - exact).abs() < 3e-6,
                "{name}: layer {l} unit {unit} input {input}: {got} for {exact}"
            );
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences_for_every_nonlinearity_and_loss() {
    for hidden in oracle::ELEMENTWISE {
        check_gradient(&[4, 5, 3, 3], hidden, Softmax, Loss::SoftmaxCrossEntropy, 21);
        check_gradient(&[4, 5, 3, 2], hidden, Sigmoid, Loss::SigmoidBinaryCrossEntropy, 21);
        check_gradient(&[4, 5, 1], hidden, Sigmoid, Loss::SigmoidBinaryCrossEntropy, 16);
        for output in oracle::ELEMENTWISE {
            check_gradient(&[4, 3, 2], hidden, output, Loss::SquaredError, 21);
        }
        check_gradient(&[4, 3, 1], hidden, hidden, Loss::SquaredError, 5);
    }
}

#[test]
fn gradients_of_wide_layers_agree_with_finite_differences() {
    // Wide enough for the gradient by rows, in the first and in a later layer, with remainders everywhere.
    check_gradient(&[35, 37, 33, 3], Tanh, Softmax, Loss::SoftmaxCrossEntropy, 19);
}

#[test]
fn weight_decay_is_a_step_along_the_weights_and_spares_biases() {
    let (inputs, labels) = bits(40, 4);
    let start = network(&[4, 3, 2], Tanh, Softmax, 2);
    let run = |optimizer, weight_decay| {
        let config =
            TrainConfig { optimizer, weight_decay, batch_size: BatchSize::Full, ..Default::default() };
        let mut trainer = trainer(&config, start.clone(), &inputs, &labels);
        trainer.step_epoch().unwrap();
        trainer.network()
    };
    // After one step both forms give w − η g − η λ w.
    let sgd = Optimizer::Sgd { learning_rate: 0.1 };
    let adamw = Optimizer::AdamW { learning_rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    for optimizer in [sgd, adamw] {
        let (plain, decayed) = (run(optimizer, 0.0), run(optimizer, 0.5));
        for ((start, plain), decayed) in start.layers.iter().zip(&plain.layers).zip(&decayed.layers) {
            assert_eq!(plain.biases, decayed.biases);
            let expected = &plain.weights - &(&start.weights * (0.1 * 0.5));
            assert!((&expected - &decayed.weights).iter().all(|d| d.abs() < 1e-6));
        }
    }
    // Coupled decay enters Adam's moments: there the first step has the length η whatever the gradient.
    let adam = Optimizer::Adam { learning_rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    let decayed = run(adam, 1e4);
    for (start, decayed) in start.layers.iter().zip(&decayed.layers) {
        let steps = &start.weights - &decayed.weights;
        assert!(steps.iter().zip(&start.weights).all(|(s, w)| (s - 0.1 * w.signum()).abs() < 1e-4));
    }
}

#[test]
fn dropout_keeps_the_expected_activation_and_changes_nothing_in_evaluation() {
    // A linear net: the mean of the gradient over many draws of dropout is the gradient without it for the
    // first layer's mean output, so the mean loss gradient of the output bias must agree.
    let (inputs, labels) = bits(64, 4);
    let start = network(&[4, 64, 1], Linear, Linear, 3);
    let config = |dropout| TrainConfig {
        dropout,
        loss: Loss::SquaredError,
        batch_size: BatchSize::Full,
        ..TrainConfig::default()
    };
    let mut plain = trainer(&config(0.0), start.clone(), &inputs, &labels);
    let mut dropped = trainer(&config(0.3), start.clone(), &inputs, &labels);
    assert_eq!(plain.stats().train_loss, dropped.stats().train_loss);
    let bias = plain.parameters.shape.range(1).start + 64;
    let (_, exact) = plain.full_gradient();
    let draws = 400;
    let mean = (0..draws)
        .map(|epoch| {
            dropped.epoch = epoch;
            f64::from(dropped.full_gradient().1[bias])
        })
        .sum::<f64>()
        / draws as f64;
    // Over 51 samples × 64 units × 400 draws the mean has a standard error of about 0.002.
    assert!((mean - f64::from(exact[bias])).abs() < 0.01, "{mean} for {}", exact[bias]);
    dropped.epoch = 0;
    let one = dropped.full_gradient().1;
    dropped.epoch = 1;
    assert_ne!(one, dropped.full_gradient().1);
}

#[test]
fn dropout_gradients_follow_the_units_that_stayed() {
    // With tanh, GELU and hard tanh: a unit that is dropped for every sample has no gradient, and the others
    // have that of a network in which their output is scaled. Checked by loss differences on one sample.
    for hidden in [Tanh, Gelu, HardTanh] {
        let inputs = ndarray::array![[0.3f32, -0.7], [0.1, 0.4]];
        let labels = Labels::distinct(2);
        let start = network(&[2, 6, 2], hidden, Softmax, 8);
        let config = TrainConfig { dropout: 0.5, batch_size: BatchSize::Full, ..TrainConfig::default() };
        let gradient = |network: &Network| {
            Trainer::new(&config, network.clone(), inputs.view(), &labels, &[0], &[], 4)
                .unwrap()
                .full_gradient()
        };
        let (_, exact) = gradient(&start);
        let shape = crate::network::Shape::of(&start);
        for unit in 0..6 {
            let step = 1e-2;
            let moved = |sign: f32| {
                let mut moved = start.clone();
                moved.layers[0].weights[[unit, 1]] += sign * step;
                f64::from(gradient(&moved).0)
            };
            let difference = (moved(1.0) - moved(-1.0)) / (2.0 * f64::from(step));
            let got = f64::from(exact[unit * shape.strides[0] + 1]);
            assert!((got - difference).abs() < 2e-4, "{hidden:?} {unit}: {got} for {difference}");
        }
    }
}

fn run_epochs(config: &TrainConfig, start: &Network, n: u64) -> Trainer {
    let (inputs, labels) = bits(300, 12);
    let mut trainer = trainer(config, start.clone(), &inputs, &labels);
    for _ in 0..n {
        trainer.step_epoch().unwrap();
    }
    trainer
}

#[test]
fn training_has_the_same_bits_for_any_number_of_threads() {
    // Large enough for every parallel path: products, and the update of more than 2¹⁸ weights.
    let start = network(&[12, 700, 600, 2], Tanh, Softmax, 1);
    let config = TrainConfig { dropout: 0.2, batch_size: BatchSize::Samples(100), ..TrainConfig::default() };
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run_epochs(&config, &start, 1).network())
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(8));
    assert_ne!(one, start);
}

#[test]
fn statistics_do_not_change_the_training() {
    let start = network(&[12, 5, 2], Tanh, Softmax, 1);
    let with = |statistics| TrainConfig { statistics, dropout: 0.1, ..TrainConfig::default() };
    let (inputs, labels) = bits(300, 12);
    let mut watched =
        trainer(&with(StatisticsEpochs::Every { interval: 1 }), start.clone(), &inputs, &labels);
    for _ in 0..7 {
        watched.step_epoch().unwrap();
        assert!(watched.stats().layers.iter().all(|layer| layer.gradient_mean.is_some()));
    }
    assert_eq!(watched.network(), run_epochs(&with(StatisticsEpochs::Never), &start, 7).network());
}

#[test]
fn watching_the_steps_of_an_epoch_changes_nothing() {
    let start = network(&[12, 5, 2], Tanh, Softmax, 1);
    for optimizer in [Optimizer::Nesterov { learning_rate: 0.1, momentum: 0.8 }, Optimizer::default()] {
        let config = TrainConfig {
            optimizer,
            dropout: 0.1,
            batch_size: BatchSize::Samples(100),
            stop: Some(StopRule {
                statistic: Statistic::TestLoss,
                target: None,
                patience: Some(4),
                interval: 2,
            }),
            ..TrainConfig::default()
        };
        let (inputs, labels) = bits(300, 12);
        let mut watched = trainer(&config, start.clone(), &inputs, &labels);
        let mut plain = watched.duplicate();
        for epoch in 0..5 {
            let mut seen = Vec::new();
            watched
                .step_epoch_by_steps(|trainer| {
                    seen.push((trainer.epoch(), trainer.steps(), trainer.network()));
                })
                .unwrap();
            plain.step_epoch().unwrap();
            assert_eq!(watched.keyframe(), plain.keyframe());
            // 240 rows in batches of 100.
            let steps: Vec<_> = seen.iter().map(|(epoch, steps, _)| (*epoch, *steps)).collect();
            assert_eq!(steps, [1, 2, 3].map(|step| (epoch, 3 * epoch + step)));
            assert_eq!(watched.steps_per_epoch(), 3);
            assert_eq!(seen[2].2, plain.network());
            assert!(seen[0].2 != seen[1].2 && seen[1].2 != seen[2].2);
        }
    }
}

#[test]
fn a_restored_training_goes_on_bit_for_bit() {
    let start = network(&[12, 6, 2], Tanh, Softmax, 1);
    for optimizer in [
        Optimizer::Sgd { learning_rate: 0.1 },
        Optimizer::Nesterov { learning_rate: 0.1, momentum: 0.8 },
        Optimizer::default(),
    ] {
        let config = TrainConfig {
            optimizer,
            dropout: 0.1,
            epochs: 20,
            learning_rate_schedule: LearningRateSchedule::Cosine { final_factor: 0.0 },
            ..TrainConfig::default()
        };
        let whole = run_epochs(&config, &start, 9);
        let keyframe = run_epochs(&config, &start, 4).keyframe();
        let mut resumed = run_epochs(&config, &start, 0);
        resumed.restore(&keyframe).unwrap();
        for _ in 4..9 {
            resumed.step_epoch().unwrap();
        }
        assert_eq!(resumed.keyframe(), whole.keyframe());
        assert_eq!(resumed.stats(), EpochStats { seed: 17, ..whole.stats() });
    }
    let mut other = run_epochs(&TrainConfig::default(), &network(&[12, 5, 2], Tanh, Softmax, 1), 0);
    let keyframe = run_epochs(&TrainConfig::default(), &start, 0).keyframe();
    assert!(matches!(other.restore(&keyframe), Err(TrainError::Keyframe { .. })));
}

#[test]
fn gradient_statistics_are_those_of_the_mini_batches() {
    // Plain descent of one epoch at a vanishing rate: the mean of the batch gradients, each batch alike.
    let (inputs, labels) = bits(100, 4);
    let start = network(&[4, 3, 2], Tanh, Softmax, 2);
    let config = TrainConfig {
        optimizer: Optimizer::Sgd { learning_rate: 1e-30 },
        statistics: StatisticsEpochs::Every { interval: 1 },
        batch_size: BatchSize::Full,
        ..TrainConfig::default()
    };
    let mut full = trainer(&config, start.clone(), &inputs, &labels);
    assert_eq!(full.stats().layers[0].gradient_mean, None);
    full.step_epoch().unwrap();
    let (_, gradient) = full.full_gradient();
    let shape = &full.parameters.shape;
    for (l, stats) in full.stats().layers.iter().enumerate() {
        let norm = shape.weights(l, &gradient).flatten().map(|g| g * g).sum::<f32>().sqrt();
        assert!((stats.gradient_mean.unwrap() / norm - 1.0).abs() < 1e-5);
        assert_eq!(stats.gradient_standard_deviation, Some(0.0));
        let weights = full.network().layers[l].weights.iter().map(|w| w * w).sum::<f32>().sqrt();
        assert!((stats.weight_norm / weights - 1.0).abs() < 1e-6);
    }
    // Batches of 40 of the 80 training samples: their mean is the full gradient, their spread is not 0.
    let config = TrainConfig { batch_size: BatchSize::Samples(40), ..config };
    let mut halves = trainer(&config, start, &inputs, &labels);
    halves.step_epoch().unwrap();
    for (half, full) in halves.stats().layers.iter().zip(full.stats().layers) {
        assert!((half.gradient_mean.unwrap() / full.gradient_mean.unwrap() - 1.0).abs() < 1e-4);
        assert!(half.gradient_standard_deviation.unwrap() > 1e-3);
    }
}

#[test]
fn statistics_of_the_data_agree_with_a_count() {
    let (inputs, labels) = bits(1000, 12);
    for (output, loss) in [
        (Softmax, Loss::SoftmaxCrossEntropy),
        (Sigmoid, Loss::SigmoidBinaryCrossEntropy),
        (Tanh, Loss::SquaredError),
    ] {
        let width = if output == Tanh { 1 } else { 2 };
        let start = network(&[12, 7, width], Tanh, output, 6);
        let config = TrainConfig { loss, ..TrainConfig::default() };
        let stats = trainer(&config, start.clone(), &inputs, &labels).stats();
        let output = start.activations(inputs.view()).layers.pop().unwrap();
        let right = |range: std::ops::Range<usize>| {
            let n = range.len() as f32;
            let right = range.filter(|&i| {
                let t = output.row(i);
                let class = if width == 1 { t[0] > 0.5 } else { t[1] > t[0] };
                u32::from(class) == labels.codes()[i]
            });
            right.count() as f32 / n
        };
        assert_eq!(
            (stats.train_accuracy, stats.test_accuracy),
            (Some(right(0..800)), Some(right(800..1000)))
        );
        let slow = |range: std::ops::Range<usize>| {
            let rows = inputs.slice(ndarray::s![range.clone(), ..]);
            slow_loss(&start, loss, rows, &labels.codes()[range], (9, 0, 0, 0.0)) as f32
        };
        assert!((stats.train_loss.unwrap() - slow(0..800)).abs() < 1e-5);
        assert!((stats.test_loss.unwrap() - slow(800..1000)).abs() < 1e-5);
    }
}

#[test]
fn divergence_names_its_epoch_and_is_final() {
    let (inputs, labels) = bits(100, 4);
    let config = TrainConfig {
        optimizer: Optimizer::Sgd { learning_rate: 1e30 },
        loss: Loss::SquaredError,
        ..TrainConfig::default()
    };
    let mut trainer = trainer(&config, network(&[4, 5, 2], Relu, Linear, 1), &inputs, &labels);
    let error = (0..5).find_map(|_| trainer.step_epoch().err()).expect("it diverges");
    let crate::snapshot::SnapshotError::Diverged { epoch, loss } = error.clone() else { panic!("{error}") };
    assert!(epoch == trainer.epoch() && !loss.is_finite());
    // NaN differs from itself, so the errors are compared in words.
    assert_eq!(trainer.step_epoch().unwrap_err().to_string(), error.to_string());
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let (inputs, labels) = bits(20, 4);
    let samples = Arc::new(Samples::new(inputs.view(), &labels).unwrap());
    let fits = |network: Network, loss, train: &[usize], test: &[usize]| {
        let config = TrainConfig { loss, ..TrainConfig::default() };
        Trainer::with_samples(&config, network, samples.clone(), train, test, 1).map(|_| ())
    };
    let (entropy, squares) = (Loss::SoftmaxCrossEntropy, Loss::SquaredError);
    let good = network(&[4, 3, 2], Tanh, Softmax, 1);
    assert_eq!(fits(good.clone(), entropy, &[0], &[19]), Ok(()));
    assert_eq!(
        fits(network(&[5, 2], Tanh, Softmax, 1), entropy, &[0], &[]),
        Err(TrainError::InputWidth { n_features: 4, input_width: 5 })
    );
    assert_eq!(
        fits(network(&[4, 3], Tanh, Softmax, 1), entropy, &[0], &[]),
        Err(TrainError::OutputWidth { width: 3, n_classes: 2 })
    );
    assert_eq!(
        fits(network(&[4, 1], Tanh, Softmax, 1), entropy, &[0], &[]),
        Err(TrainError::OutputWidth { width: 1, n_classes: 2 })
    );
    assert!(matches!(
        fits(network(&[4, 2], Tanh, Tanh, 1), entropy, &[0], &[]),
        Err(TrainError::LossNeeds { .. })
    ));
    assert!(matches!(fits(good.clone(), squares, &[0], &[]), Err(TrainError::LossNeeds { .. })));
    assert_eq!(fits(good.clone(), entropy, &[], &[]), Err(TrainError::NoTrainingSamples));
    assert_eq!(fits(good, entropy, &[0], &[20]), Err(TrainError::RowOutOfRange { row: 20, n_samples: 20 }));
    let mut broken = inputs.clone();
    broken[[3, 1]] = f32::NAN;
    assert!(matches!(
        Samples::new(broken.view(), &labels),
        Err(TrainError::NotFinite { row: 3, column: 1, .. })
    ));
    assert!(matches!(
        Samples::new(inputs.view(), &Labels::distinct(3)),
        Err(TrainError::LabelCount { n_labels: 3, n_samples: 20 })
    ));
}

#[test]
fn inputs_of_bytes_train_as_the_numbers_they_stand_for() {
    // Narrow, where weight gradients are inner products, and wide, where they are products with rows of samples; the last
    // batch is smaller, and no multiple of a vector.
    for (width, hidden) in [(9, 4), (150, 60)] {
        let bytes = Array2::from_shape_fn((77, width), |(row, column)| (row * 37 + column * 101) as u8);
        let labels = Labels::from_symbols(&(0..77).map(|row| row * 5 % 3).collect::<Vec<_>>());
        let inputs = crate::Inputs::of_bytes(bytes, 255.0);
        let numbers = crate::Inputs::from(inputs.to_array());
        let config = TrainConfig { batch_size: BatchSize::Samples(32), ..TrainConfig::default() };
        let train = |inputs: &crate::Inputs| {
            let samples = Arc::new(Samples::of_inputs(inputs, &labels).unwrap());
            let start = network(&[width, hidden, 3], Tanh, Softmax, 1);
            let rows: Vec<usize> = (0..77).collect();
            let (train, test) = rows.split_at(70);
            let mut trainer = Trainer::with_samples(&config, start, samples, train, test, 5).unwrap();
            (0..3).for_each(|_| trainer.step_epoch().unwrap());
            trainer
        };
        let (trainer, mut other) = (train(&inputs), train(&numbers));
        assert_eq!(trainer.network(), other.network());
        assert_eq!(trainer.stats(), other.stats());
        // One continues what the other began: their data are the same.
        other.restore(&trainer.keyframe()).unwrap();
    }
}

#[test]
fn a_rule_of_twelve_bits_is_learned() {
    let (inputs, labels) = bits(3000, 12);
    let start = network(&[12, 10, 7, 5, 4, 3, 2], Tanh, Softmax, 1);
    let config = TrainConfig {
        optimizer: toml::from_str("kind = \"adam\"\nlearning_rate = 0.003").unwrap(),
        ..TrainConfig::default()
    };
    let mut trainer = trainer(&config, start, &inputs, &labels);
    for _ in 0..100 {
        trainer.step_epoch().unwrap();
    }
    let stats = trainer.stats();
    assert!(stats.test_accuracy.unwrap() > 0.98, "{stats:?}");
}
