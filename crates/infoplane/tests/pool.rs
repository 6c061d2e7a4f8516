//! Pooled information against closed forms, and the figures of a window made up by hand.

use std::path::Path;

use infoplane::estimator::{AnyEstimator, BinRule, Binned, Correction, Kde, LayerRange, Noise};
use infoplane::experiment::{AsIfRandom, AsIfRandomResult, PoolConfig, SeedStatus};
use infoplane::figure::{BarStyle, FigureKind, MarkStyle, Reference, Series, pool_figures};
use infoplane::pool::{
    DriftTracker, NetworkSource, Pool, PoolRow, PoolSubject, Spacing, Verdict, WindowRow, measure_pool,
    overlaps, pool_methods, pooled_layers,
};
use infoplane::report::{Options, Style, as_if_random_notes, as_if_random_summary, write_as_if_random};
use infoplane::run::DataFacts;
use infoplane::train::TrainingEnd;
use infoplane::{Information, Labels, Layer, LayerDescription, Measure, Network, Nonlinearity, Variable};
use ndarray::{Array1, Array2};

/// Standard normal numbers, the same ones every time (SplitMix64 and Box–Muller).
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn next(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// All inputs of ±1 with `bits` bits, the first bit changing slowest.
fn inputs(bits: usize) -> Array2<f32> {
    Array2::from_shape_fn(
        (1 << bits, bits),
        |(row, bit)| {
            if row >> (bits - 1 - bit) & 1 == 1 { 1.0 } else { -1.0 }
        },
    )
}

fn layer(weights: Array2<f32>, nonlinearity: Nonlinearity) -> Layer {
    let biases = Array1::zeros(weights.nrows());
    Layer { weights, biases, nonlinearity }
}

fn pool_of(networks: &[Network], inputs: &Array2<f32>) -> Pool {
    let source = |epoch: usize| NetworkSource { seed: 1, epoch: epoch as u64, step: 0 };
    Pool::of(networks.iter().enumerate().map(|(epoch, network)| (source(epoch), network)), inputs.view())
}

fn measured(pool: &Pool, x: &Labels, y: &Labels, methods: &[AnyEstimator]) -> Vec<PoolRow> {
    let ranges = vec![LayerRange::default(); pool.layers.len()];
    measure_pool(pool, PoolSubject { seed: Some(1), x, y }, methods, &ranges)
}

fn floor(bin_width: f64) -> Binned {
    Binned {
        rule: BinRule::Floor,
        bins: None,
        bin_width: Some(bin_width),
        range: None,
        correction: Correction::PlugIn,
    }
}

/// The rows of the whole pool.
fn whole(rows: &[PoolRow], n_networks: usize) -> Vec<&PoolRow> {
    rows.iter().filter(|row| row.n_networks == n_networks && row.spacing == Spacing::Strided).collect()
}

const MEANS: [f64; 3] = [0.9, 0.5, 0.2];
const DEVIATION: f64 = 0.25;

/// −∫ p(t) log2 q(t) dt for mixtures of equally likely Gaussians of one variance each at the same centres.
fn cross_entropy_bits(centres: &[f64], variance: f64, of_variance: f64) -> f64 {
    let density = |t: f64, variance: f64| {
        let sum: f64 = centres.iter().map(|c| (-(t - c).powi(2) / (2.0 * variance)).exp()).sum();
        sum / centres.len() as f64 / (std::f64::consts::TAU * variance).sqrt()
    };
    let (step, end) = (1e-3, 12.0);
    let points = (0..(2.0 * end / step) as usize).map(|i| -end + step * i as f64);
    points
        .map(|t| (density(t, variance), density(t, of_variance)))
        .filter(|&(p, q)| p > 0.0 && q > 0.0)
        .map(|(p, q)| -p * q.log2() * step)
        .sum()
}

/// I of which Gaussian a sample is from and the sample, the logarithms being of Gaussians of another variance.
fn information_bits(centres: &[f64], variance: f64, of_variance: f64) -> f64 {
    let of_one = cross_entropy_bits(&[0.0], variance, of_variance);
    cross_entropy_bits(centres, variance, of_variance) - of_one
}

#[test]
fn a_linear_layer_with_gaussian_weights_has_the_information_of_a_mixture_of_gaussians() {
    // T = W x with W normal about MEANS: T|x is normal about MEANS · x with variance DEVIATION² ‖x‖².
    let (x, n_networks) = (inputs(3), 1024);
    let mut normal = Normal(1);
    let networks: Vec<Network> = (0..n_networks)
        .map(|_| {
            let weights =
                Array2::from_shape_fn((1, 3), |(_, i)| (MEANS[i] + DEVIATION * normal.next()) as f32);
            Network { layers: vec![layer(weights, Nonlinearity::Linear)] }
        })
        .collect();
    let centres: Vec<f64> =
        x.rows().into_iter().map(|row| row.iter().zip(MEANS).map(|(x, w)| f64::from(*x) * w).sum()).collect();
    let variance = 3.0 * DEVIATION * DEVIATION;
    let noise = 0.25 * variance;
    let methods = [
        AnyEstimator::Binned(floor(0.2 * variance.sqrt())),
        AnyEstimator::Noise(Noise { draws: Some(2), ..Noise::new(vec![noise]) }),
        AnyEstimator::Kde(Kde { noise_variances: vec![noise] }),
    ];
    let y = Labels::from_symbols(&[0, 0, 0, 0, 1, 1, 1, 1]);
    let rows = measured(&pool_of(&networks, &x), &Labels::distinct(8), &y, &methods);
    let rows = whole(&rows, n_networks);
    let expected = [
        // Bins: of T itself. 8 distributions over some 30 bins, 1024 samples each: 30/2048 nats = 0.02 bits too high.
        (information_bits(&centres, variance, variance), 0.04),
        // T + noise.
        (information_bits(&centres, variance + noise, variance + noise), 0.04),
        // The bounds are cross entropies: kernels of the noise's variance and of four times that.
        (information_bits(&centres, variance, variance + noise), 0.04),
        (information_bits(&centres, variance, variance + 4.0 * noise), 0.04),
    ];
    assert_eq!(rows.len(), expected.len());
    for (row, (bits, tolerance)) in rows.iter().zip(expected) {
        let found = row.i_xt_bits.unwrap();
        assert!((found - bits).abs() < tolerance, "{}: {found}, not {bits}", row.method.title);
        assert!(bits > 0.5 && bits < 2.0);
    }
    // One network alone tells all inputs apart.
    let single = rows[0].h_t_bits.unwrap();
    assert!(single > 3.0, "{single}");
}

#[test]
fn independent_weights_know_nothing_of_the_input_but_what_the_control_has() {
    // W normal about 0 and all inputs of one length: T|x is the same for every x.
    let (x, n_networks) = (inputs(8), 64);
    let mut normal = Normal(2);
    let networks: Vec<Network> = (0..n_networks)
        .map(|_| {
            let weights = Array2::from_shape_fn((1, 8), |_| normal.next() as f32);
            Network { layers: vec![layer(weights, Nonlinearity::Linear)] }
        })
        .collect();
    let y = Labels::from_symbols(&(0..256).map(|i| i / 128).collect::<Vec<_>>());
    let rows =
        measured(&pool_of(&networks, &x), &Labels::distinct(256), &y, &[AnyEstimator::Binned(floor(1.0))]);
    let row = whole(&rows, n_networks)[0];
    let (found, control) = (row.i_xt_bits.unwrap(), row.control_bits.unwrap());
    // 10 to 20 bins and 64 samples: a bias of about 10/128 nats, which both have.
    assert!((0.05..0.3).contains(&control), "{control}");
    assert!((found - control).abs() < 0.03, "{found} against {control}");
    // A single network tells almost all of it apart: as far as its bins do.
    let single = whole(&rows, 1)[0].i_xt_bits.unwrap();
    assert!(single > 2.0, "{single}");
}

#[test]
fn the_control_is_the_bias_of_as_many_networks() {
    // Every network puts input i in cell i mod 8. Shuffled, an input has samples from 8 equally likely cells.
    let (cells, n, n_networks) = (8usize, 1024usize, 16usize);
    let t = Array2::from_shape_fn((n * n_networks, 1), |(row, _)| (row % n % cells) as f32);
    let pool = Pool {
        sources: (0..n_networks as u64).map(|epoch| NetworkSource { seed: 1, epoch, step: 0 }).collect(),
        layers: vec![t],
        n_inputs: n,
    };
    let y = Labels::from_symbols(&(0..n).map(|i| i % 2).collect::<Vec<_>>());
    let rows = measured(&pool, &Labels::distinct(n), &y, &[AnyEstimator::Binned(floor(1.0))]);
    let row = whole(&rows, n_networks)[0];
    assert!((row.i_xt_bits.unwrap() - 3.0).abs() < 1e-9);
    assert!((row.i_ty_bits.unwrap() - 1.0).abs() < 1e-9);
    // E H of m samples from K equal cells: log2 m − K/m Σ_c P(c) c log2 c with c binomial (m, 1/K).
    let (m, p) = (n_networks as f64, 1.0 / cells as f64);
    let mut probability = (1.0 - p).powf(m);
    let mut sum = 0.0;
    for c in 0..=n_networks {
        if c > 0 {
            sum += probability * c as f64 * (c as f64).log2();
        }
        probability *= (m - c as f64) / (c as f64 + 1.0) * p / (1.0 - p);
    }
    let expected = 3.0 - (m.log2() - cells as f64 / m * sum);
    // H of one input has a deviation of about 0.15 bits; the mean of 1024 inputs, a thirtieth of it.
    let control = row.control_bits.unwrap();
    assert!((control - expected).abs() < 0.02, "{control}, not {expected}");
}

/// A network of two tanh layers about fixed weights, `deviation` away from them.
fn near(normal: &mut Normal, deviation: f64, drift: f64) -> Network {
    let mut fixed = Normal(77);
    let mut weights = |rows, columns: usize, scale: f64| {
        Array2::from_shape_fn((rows, columns), |_| {
            (scale * fixed.next() / (columns as f64).sqrt() + drift + deviation * normal.next()) as f32
        })
    };
    let (first, second, third) = (weights(4, 6, 1.0), weights(2, 4, 1.5), weights(2, 2, 2.0));
    Network {
        layers: vec![
            layer(first, Nonlinearity::Tanh),
            layer(second, Nonlinearity::Tanh),
            layer(third, Nonlinearity::Linear),
        ],
    }
}

#[test]
fn copies_of_one_network_are_as_good_as_one() {
    let x = inputs(6);
    let networks = vec![near(&mut Normal(3), 0.1, 0.0); 32];
    let pool = pool_of(&networks, &x);
    let y = Labels::from_symbols(&(0..64).map(|i| i % 2).collect::<Vec<_>>());
    let drift = DriftTracker::of(1, &networks);
    let rows = measured(&pool, &Labels::distinct(64), &y, &[AnyEstimator::Binned(floor(0.1))]);
    for layer in pooled_layers(&rows, &drift) {
        let single = layer.single().unwrap();
        for point in &layer.trend {
            for (found, one) in [
                (point.h_t_bits, single.h_t_bits),
                (point.i_xt_bits, single.i_xt_bits),
                (point.i_ty_bits, single.i_ty_bits),
            ] {
                assert!((found.unwrap().mean - one.unwrap().mean).abs() < 1e-9);
            }
            assert!(point.h_t_given_x_bits.unwrap().mean.abs() < 1e-9);
        }
        assert_eq!((layer.verdict, layer.drift), (Verdict::Stationary, Some(0.0)));
        assert!(layer.correction_bits().unwrap().abs() < 1e-9);
    }
}

/// Trainings whose late weights are normal about a place, or go on steadily from network to network by `drift`.
fn made_up(seeds: u64, n_networks: usize, deviation: f64, drift: f64) -> AsIfRandomResult {
    let x = inputs(6);
    let y = Labels::from_symbols(&(0..64).map(|i| i >> 5 & 1).collect::<Vec<_>>());
    let labels = Labels::distinct(64);
    let mut result = AsIfRandomResult {
        name: "made up".into(),
        settings: AsIfRandom {
            pool: PoolConfig::Epochs { window: n_networks, stride: 1, last: None },
            inputs: None,
            estimators: vec![AnyEstimator::Binned(floor(0.1))],
        },
        data: DataFacts {
            name: "all inputs of 6 bits".into(),
            digest: String::new(),
            n_samples: 64,
            n_measured: 64,
            h_x_bits: 6.0,
            h_y_bits: Some(1.0),
            i_xy_bits: Some(1.0),
            target_width: None,
            i_xy_rule_bits: None,
            rule_gain: None,
            label_shares: vec![0.5, 0.5],
            guessing_accuracy: vec![0.5],
            parts: vec![],
        },
        h_x: Information::from_bits(6.0),
        h_y: Information::from_bits(1.0),
        layers: [(4, "tanh"), (2, "tanh"), (2, "linear")]
            .map(|(width, name)| LayerDescription { name: String::new(), width, nonlinearity: name.into() })
            .to_vec(),
        seeds: (1..=seeds).map(|seed| SeedStatus { seed, ended: None }).collect(),
        methods: pool_methods(&[AnyEstimator::Binned(floor(0.1))]),
        rows: vec![],
        drift: vec![],
        window: vec![],
        overlap: vec![],
    };
    for seed in 1..=seeds {
        let mut normal = Normal(100 * seed);
        let networks: Vec<Network> =
            (0..n_networks).map(|t| near(&mut normal, deviation, drift * t as f64)).collect();
        let pool = pool_of(&networks, &x);
        result.drift.extend(DriftTracker::of(seed, &networks));
        result.window.extend(networks.iter().enumerate().map(|(epoch, network)| WindowRow {
            network: NetworkSource { seed, epoch: epoch as u64, step: 0 },
            train_loss: Some(0.1 + 0.01 * f64::from(network.layers[0].weights[[0, 0]])),
            train_accuracy: Some(0.97),
            weight_norm: f64::from(network.layers[0].weights.iter().map(|w| w * w).sum::<f32>().sqrt()),
        }));
        let rows = measured(&pool, &labels, &y, &result.settings.estimators);
        result.rows.extend(rows.into_iter().map(|row| PoolRow { seed: Some(seed), ..row }));
        let binned = floor(0.1);
        for (layer, t) in pool.layers.iter().enumerate() {
            let cells = binned.symbols(Variable::Single(t.view())).unwrap().unwrap().labels;
            let subject = PoolSubject { seed: Some(seed), x: &labels, y: &y };
            result.overlap.extend(overlaps(&cells, subject, layer + 1, &result.methods[0]));
        }
    }
    result
}

#[test]
fn figures_and_page_say_what_was_pooled_and_what_may_be_claimed() {
    let result = made_up(3, 64, 0.05, 0.0);
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("as-if-random");
    let written = write_as_if_random(&result, &Options::default(), &directory).unwrap();
    let names: Vec<&str> = written.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    let setting = "binned-floor-bin-width-0.1";
    for figure in [format!("trend-{setting}"), format!("compression-{setting}"), "drift".into()] {
        assert!(names.contains(&format!("{figure}.png").as_str()), "{names:?}");
        let svg = std::fs::read_to_string(directory.join(format!("{figure}.svg"))).unwrap();
        for words in ["all inputs of 6 bits", "n = 64", "3 seeds", "the last 64 epochs"] {
            assert!(svg.contains(words), "{figure} does not say {words}");
        }
    }
    assert!(names.contains(&"overlap-binned-floor-bin-width-0.1.png"), "{names:?}");
    let page = std::fs::read_to_string(directory.join("summary.md")).unwrap();
    assert!(page.contains("trend-binned-floor-bin-width-0.1.png"));
    let summary = as_if_random_summary(&result);
    assert!(summary.contains("Pooling 64 networks lowers"), "{summary}");
    // Whatever else, independent samples do not drift.
    assert!(!summary.contains("Drifting"), "{summary}");

    // Every figure and both summaries name the trainings that are not what the others are.
    let mut marked = made_up(4, 16, 0.05, 0.0);
    let quiet = as_if_random_summary(&marked);
    assert!(!quiet.contains("learn") && !quiet.contains("Without"), "{quiet}");
    marked.window.retain(|row| row.network.seed != 2);
    marked.rows.retain(|row| row.seed != Some(2));
    marked.drift.retain(|row| row.seed != 2);
    marked.overlap.retain(|row| row.seed != Some(2));
    marked.seeds[1].ended = Some(TrainingEnd::Diverged { epoch: 4, loss: f32::INFINITY });
    marked
        .window
        .iter_mut()
        .filter(|row| row.network.seed == 3)
        .for_each(|row| row.train_accuracy = Some(0.5));
    let notes = [
        "Without 1 of 4 seeds: seed 2 (training diverged at epoch 4, before the window fits).",
        "Seed 3 did not learn (training accuracy 0.50, guessing gives 0.50); it is in the means.",
    ];
    assert_eq!(as_if_random_notes(&marked), notes);
    let learned = marked.clone().of_seeds_that_learned();
    assert!(learned.rows.iter().all(|row| row.seed != Some(3)) && learned.rows.len() < marked.rows.len());
    assert_eq!(learned.window, marked.window);
    let told =
        "Seed 3 did not learn (training accuracy 0.50, guessing gives 0.50); means are over the other 2.";
    assert_eq!(as_if_random_notes(&learned)[1], told);
    assert!(as_if_random_summary(&learned).contains("2 seeds, mean"), "{}", as_if_random_summary(&learned));
    let folder = tempfile::tempdir().unwrap();
    let files = write_as_if_random(&marked, &Options::default(), folder.path()).unwrap();
    let pictures = files.iter().filter(|path| path.extension().is_none_or(|kind| kind != "png"));
    for path in pictures {
        let said = std::fs::read_to_string(path).unwrap();
        // Notes are broken into lines.
        assert!(said.contains("seed 2 (training"), "{}", path.display());
        assert!(said.contains("Seed 3 did not learn"), "{}", path.display());
    }
    let said = as_if_random_summary(&marked);
    assert!(notes.iter().all(|note| said.contains(note)), "{said}");

    let drifting = as_if_random_summary(&made_up(1, 64, 0.0, 0.01));
    assert!(drifting.contains("Drifting: T₁, T₂, T₃"), "{drifting}");
}

#[test]
fn a_pool_over_seeds_has_no_window() {
    let mut result = made_up(1, 32, 0.05, 0.0);
    result.settings.pool = PoolConfig::Seeds { epoch: Some(600) };
    result.drift.clear();
    result.rows.iter_mut().for_each(|row| row.seed = None);
    result.overlap.iter_mut().for_each(|row| row.seed = None);
    let directory = tempfile::tempdir().unwrap();
    let written = write_as_if_random(&result, &Options::default(), directory.path()).unwrap();
    assert!(!written.iter().any(|path| path.ends_with("drift.png")));
    assert!(as_if_random_summary(&result).contains("32 seeds at epoch 600"));
}

#[test]
fn figures_of_pools_are_values_with_their_errors_and_can_be_read_back() {
    let result = made_up(3, 64, 0.05, 0.0);
    let figures = pool_figures(&result);
    let kinds: Vec<FigureKind> = figures.iter().map(|figure| figure.kind).collect();
    let all =
        [FigureKind::PoolTrend, FigureKind::PoolCompression, FigureKind::PoolOverlap, FigureKind::PoolDrift];
    assert_eq!(kinds, all);
    for figure in &figures {
        let text = serde_json::to_string(figure).unwrap();
        assert_eq!(&serde_json::from_str::<infoplane::figure::Figure>(&text).unwrap(), figure);
    }

    let trend = &figures[0].panels[0];
    let [measured, limit] = [MarkStyle::Filled, MarkStyle::Hollow]
        .map(|style| trend.points().find(|points| points.marks == style).expect("marks of the first layer"));
    let networks: Vec<f64> = measured.points.iter().map(|point| point.x).collect();
    assert_eq!(networks, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]);
    assert!(measured.points.iter().all(|point| point.error.is_some()));
    assert_eq!((limit.points.len(), limit.points[0].x), (1, trend.x.high));
    let references = |wanted| trend.lines().filter(|line| line.reference == Some(wanted)).count();
    assert_eq!([Reference::Shuffled, Reference::OneNetwork, Reference::Limit].map(references), [3, 3, 3]);

    let bars: Vec<_> = figures[1].panels[0].bars().collect();
    assert_eq!(
        bars.iter().map(|bars| bars.style).collect::<Vec<_>>(),
        [BarStyle::Pale, BarStyle::Full, BarStyle::Open]
    );
    let lost = bars[1].values[0].expect("a value of the first layer").value;
    assert!((lost - (6.0 - measured.points[6].y)).abs() < 1e-12);

    assert_eq!(figures[3].groups, ["seed 1", "seed 2", "seed 3"]);
    assert!(matches!(figures[3].panels[3].series[..], [Series::Bars(_)]));
}

#[test]
fn figures_of_pools_follow_the_style_and_the_title() {
    let result = made_up(2, 16, 0.05, 0.0);
    let directory = tempfile::tempdir().unwrap();
    let options = Options::default().style(Style::Slides).title("Slides");
    let written = write_as_if_random(&result, &options, directory.path()).unwrap();
    let svgs: Vec<_> = written.iter().filter(|path| path.extension().is_some_and(|e| e == "svg")).collect();
    assert_eq!(svgs.len(), 4);
    for path in svgs {
        let svg = std::fs::read_to_string(path).unwrap();
        // Letters of 15.5 points, magnified.
        assert!(svg.contains("font-size=\"24.8\"") && svg.contains(">Slides<"), "{}", path.display());
    }
}
