//! The same networks however they are come by; copies are no randomness; what is there is kept, what is wrong is told.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::experiment::tests::{ONE, bytes, never, small};
use crate::pool::Spacing;

const BINNED: &str = "kind = 'binned'\nrule = 'equal'\nbins = 30\nrange = 'layer'";

fn binned() -> AnyEstimator {
    toml::from_str(BINNED).unwrap()
}

fn pooled(pool: PoolConfig) -> AsIfRandom {
    AsIfRandom { pool, inputs: None, estimators: vec![binned()] }
}

fn epochs(window: usize, stride: u64, last: Option<u64>) -> AsIfRandom {
    pooled(PoolConfig::Epochs { window, stride, last })
}

fn sources(result: &AsIfRandomResult) -> Vec<(u64, u64, u64)> {
    result.window.iter().map(|row| (row.network.seed, row.network.epoch, row.network.step)).collect()
}

/// Writes down what it is told.
#[derive(Default)]
struct Told {
    trained: Mutex<Vec<u64>>,
    warnings: Mutex<Vec<String>>,
}

impl Progress for Told {
    fn trained(&self, epochs: u64) {
        self.trained.lock().unwrap().push(epochs);
    }

    fn measured(&self, _seed: u64, _epoch: u64) {}

    fn warn(&self, what: &str) {
        self.warnings.lock().unwrap().push(what.into());
    }
}

impl Told {
    fn calls(&self) -> usize {
        self.trained.lock().unwrap().len()
    }

    fn warnings(&self) -> String {
        self.warnings.lock().unwrap().join("\n")
    }
}

fn go(experiment: &Experiment, settings: &AsIfRandom, out: &Path) -> AsIfRandomResult {
    experiment.as_if_random(settings, None, out, ONE, &(), &never()).unwrap()
}

fn refusal(experiment: &Experiment, settings: &AsIfRandom, options: RunOptions) -> String {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let told = Told::default();
    let error = experiment.as_if_random(settings, None, &out, options, &told, &never()).unwrap_err();
    assert_eq!(told.calls(), 0, "refused before anything is trained");
    assert!(!out.exists(), "and before anything is written");
    error.to_string()
}

#[test]
fn networks_from_a_run_are_those_of_training_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let experiment = small(folder.path(), &["seeds=1"]);
    experiment.run(&path("run"), ONE, &(), &never()).unwrap();
    let (run, _) = RunDir::open(&path("run")).unwrap();
    for (name, pool, calls) in [
        // Of a keyframe every six epochs: the one of epoch 54, and the last of all.
        ("epochs", PoolConfig::Epochs { window: 4, stride: 1, last: None }, 7),
        ("steps", PoolConfig::Steps { window: 4, stride: 2, last: None }, 7),
        ("before", PoolConfig::Epochs { window: 3, stride: 4, last: Some(20) }, 9),
    ] {
        let (anew, told) = (path(&format!("{name}-anew")), Told::default());
        let settings = pooled(pool);
        let expected = go(&experiment, &settings, &anew);
        let resumed = path(&format!("{name}-resumed"));
        let got = experiment.as_if_random(&settings, Some(&run), &resumed, ONE, &told, &never()).unwrap();
        assert_eq!(got, expected, "{name}");
        assert_eq!(bytes(&resumed), bytes(&anew), "{name}");
        assert_eq!((told.calls(), told.warnings()), (calls, String::new()), "{name}");
        assert_eq!(
            told.trained.into_inner().unwrap().iter().sum::<u64>(),
            settings.pool.window().2.unwrap_or(60)
        );
    }
    // Damaged keyframes cost time alone, and are told; so are those of another training.
    let keyframe = run.keyframe_path(0, 54);
    let mut damaged = fs::read(&keyframe).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&keyframe, damaged).unwrap();
    let told = Told::default();
    let settings = epochs(4, 1, None);
    let got = experiment.as_if_random(&settings, Some(&run), &path("damaged"), ONE, &told, &never()).unwrap();
    assert_eq!(got, AsIfRandomResult::read(&path("epochs-anew")).unwrap());
    assert!(told.warnings().contains("epoch-00000054"), "{}", told.warnings());
    assert_eq!(told.calls(), 13);

    let (other, told) = (small(folder.path(), &["seeds=1", "training.batch_size=8"]), Told::default());
    let got = other.as_if_random(&settings, Some(&run), &path("other"), ONE, &told, &never()).unwrap();
    assert_eq!(got, go(&other, &settings, &path("other-anew")));
    assert!(told.warnings().contains("do not fit"), "{}", told.warnings());
}

#[test]
fn networks_at_the_ends_of_epochs_are_those_of_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &["seeds=1", "training.epochs=12"]);
    let by_epochs = go(&experiment, &epochs(3, 2, None), &folder.path().join("epochs"));
    // 48 rows in batches of 16.
    let steps = PoolConfig::Steps { window: 3, stride: 6, last: None };
    let by_steps = go(&experiment, &pooled(steps), &folder.path().join("steps"));
    assert_eq!(sources(&by_epochs), [(0, 8, 0), (0, 10, 0), (0, 12, 0)]);
    assert_eq!(by_steps.window, by_epochs.window);
    assert_eq!(by_steps.rows, by_epochs.rows);

    let single = PoolConfig::Steps { window: 5, stride: 1, last: Some(7) };
    let single = go(&experiment, &pooled(single), &folder.path().join("single"));
    assert_eq!(sources(&single), [(0, 5, 2), (0, 6, 0), (0, 6, 1), (0, 6, 2), (0, 7, 0)]);
    let whole = go(&experiment, &epochs(2, 1, Some(7)), &folder.path().join("whole"));
    assert_eq!([&single.window[1], &single.window[4]], [&whole.window[0], &whole.window[1]]);
    let losses: Vec<f64> = single.window.iter().filter_map(|row| row.train_loss).collect();
    assert!(losses.windows(2).all(|pair| pair[0] != pair[1]), "{losses:?}");

    // The whole training, from the network that it began with.
    let all = go(&experiment, &epochs(13, 1, None), &folder.path().join("all"));
    assert_eq!(sources(&all)[0], (0, 0, 0));
    assert_eq!(all.window[8], by_epochs.window[0]);
}

#[test]
fn a_pool_over_seeds_takes_one_network_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &["training.epochs=6"]);
    let across =
        go(&experiment, &pooled(PoolConfig::Seeds { epoch: Some(4) }), &folder.path().join("across"));
    assert_eq!(sources(&across), [(0, 4, 0), (1, 4, 0), (2, 4, 0)]);
    assert!(across.rows.iter().all(|row| row.seed.is_none()) && across.drift.is_empty());
    assert_eq!(across.rows.iter().map(|row| row.n_networks).max(), Some(3));
    let single = go(&experiment, &epochs(1, 1, Some(4)), &folder.path().join("single"));
    assert_eq!(single.window, across.window);
    let options = RunOptions { threads: 3, ..ONE };
    let again = folder.path().join("three threads");
    let settings = pooled(PoolConfig::Seeds { epoch: Some(4) });
    assert_eq!(experiment.as_if_random(&settings, None, &again, options, &(), &never()).unwrap(), across);

    let drawn = small(folder.path(), &["dataset.measured_on=test"]);
    assert!(refusal(&drawn, &settings, ONE).contains("set dataset.measured_on = \"all\""));
    let scaled = small(folder.path(), &["dataset.scaling=standardize"]);
    assert!(refusal(&scaled, &settings, ONE).contains("scales them by its own rows"));
    let alone = small(folder.path(), &["seeds=1"]);
    assert!(refusal(&alone, &settings, ONE).contains("seeds = 1"));
}

#[test]
fn threads_and_memory_do_not_change_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &["training.epochs=20", "training.dropout=0.1"]);
    let mut settings = epochs(8, 2, None);
    settings.estimators.push(toml::from_str("kind = 'noise'\nnoise_variances = [0.01]").unwrap());
    settings.inputs = Some(20);
    let out = |name: &str| folder.path().join(name);
    go(&experiment, &settings, &out("one"));
    let expected = bytes(&out("one"));
    for (name, threads, memory) in [("two", 2, 1 << 30), ("three", 3, 12_000)] {
        let options = RunOptions { threads, memory };
        experiment.as_if_random(&settings, None, &out(name), options, &(), &never()).unwrap();
        assert_eq!(bytes(&out(name)), expected, "{name}");
    }
}

#[test]
fn copies_of_one_network_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // Steps so small that no weight can tell.
    let still = [
        "seeds=1",
        "network.initialization.bias=0.1",
        "training.optimizer={ kind = \"sgd\", learning_rate = 1e-37 }",
    ];
    let mut settings = epochs(16, 1, None);
    settings.estimators.push(toml::from_str("kind = 'binned'\nrule = 'exact'").unwrap());
    let result = go(&small(folder.path(), &still), &settings, &folder.path().join("out"));
    assert!(result.window.windows(2).all(|pair| pair[0].weight_norm == pair[1].weight_norm));
    let single = |row: &&PoolRow| row.n_networks == 1 && row.subset == 0;
    let singles: Vec<&PoolRow> = result.rows.iter().filter(single).collect();
    assert_eq!(singles.len(), 6, "three layers by two methods");
    // Corrected counts are of all networks only, one row for each layer and method.
    let (corrected, plain): (Vec<&PoolRow>, Vec<&PoolRow>) =
        result.rows.iter().partition(|row| row.method.corrects.is_some());
    assert!(corrected.len() == 6 && corrected.iter().all(|row| row.n_networks == 16));
    for row in plain {
        assert!(row.missing.is_none());
        let one =
            singles.iter().find(|one| (one.layer, &one.method.id) == (row.layer, &row.method.id)).unwrap();
        let near = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-12;
        assert!(near(row.i_xt_bits, one.i_xt_bits) && near(row.i_ty_bits, one.i_ty_bits), "{row:?}");
        assert!(near(row.h_t_given_x_bits(), Some(0.0)), "{row:?}");
        assert!(row.control_bits.unwrap() <= row.i_xt_bits.unwrap() + 1e-12);
    }
    let contiguous = result.rows.iter().filter(|row| row.spacing == Spacing::Contiguous);
    assert_eq!(contiguous.count(), 36, "two pools of 2, 4 and 8 for each layer and method");
}

#[test]
fn a_training_that_ended_early_gives_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let stop = [
        "training.stop={ statistic = \"train-loss\", patience = 3 }",
        "training.optimizer.learning_rate=0.3",
    ];
    let experiment = small(folder.path(), &stop);
    let summary = experiment.run(&folder.path().join("run"), ONE, &(), &never()).unwrap();
    let ends: Vec<u64> = summary.outcome.seeds.iter().map(|seed| seed.last_epoch).collect();
    assert!(ends.iter().all(|&end| end < 60), "{ends:?}");
    let told = Told::default();
    let out = folder.path().join("out");
    let settings = epochs(4, 1, None);
    let result = experiment.as_if_random(&settings, None, &out, ONE, &told, &never()).unwrap();
    let expected: Vec<_> = ends
        .iter()
        .zip(0..)
        .flat_map(|(&end, seed)| (end - 3..=end).map(move |epoch| (seed, epoch, 0)))
        .collect();
    assert_eq!(sources(&result), expected);
    assert!(told.warnings().contains(&format!("seed 1: training ended at epoch {}", ends[1])));
    let resumed = folder.path().join("resumed");
    let got = experiment.as_if_random(&settings, Some(&summary.run), &resumed, ONE, &(), &never()).unwrap();
    assert_eq!(got, result);

    // Where the window fits some trainings only, the others are named, and excluded.
    let (shortest, longest) = (*ends.iter().min().unwrap(), *ends.iter().max().unwrap());
    assert!(shortest < longest, "{ends:?}");
    let told = Told::default();
    let out = folder.path().join("some");
    let some = experiment
        .as_if_random(&epochs(longest as usize + 1, 1, None), None, &out, ONE, &told, &never())
        .unwrap();
    assert_eq!(AsIfRandomResult::read(&out).unwrap(), some);
    for (status, &end) in some.seeds.iter().zip(&ends) {
        let expected = match end == longest {
            true => format!("training ended at epoch {end}"),
            false => format!("training ended at epoch {end}, before the window fits"),
        };
        assert_eq!(some.describe(status), expected);
        assert_eq!(status.ended.is_some(), end < 60);
        assert_eq!(some.is_pooled(status.seed), end == longest);
        assert_eq!(some.rows.iter().any(|row| row.seed == Some(status.seed)), end == longest);
        assert!(end == longest || told.warnings().contains(&format!("seed {}: {expected}", status.seed)));
    }
    let across = |epoch| {
        let out = folder.path().join(format!("across {epoch:?}"));
        sources(&go(&experiment, &pooled(PoolConfig::Seeds { epoch }), &out))
    };
    let having: Vec<_> = (0..).zip(&ends).filter(|(_, end)| **end >= longest).collect();
    assert_eq!(across(Some(longest)), having.iter().map(|(seed, _)| (*seed, longest, 0)).collect::<Vec<_>>());
    assert_eq!(across(None), (0..).zip(&ends).map(|(seed, &end)| (seed, end, 0)).collect::<Vec<_>>());

    let long = epochs(50, 1, None);
    let error = experiment.as_if_random(&long, None, &folder.path().join("long"), ONE, &(), &never());
    let error = error.unwrap_err().to_string();
    assert!(error.contains("a window of 50 networks, 1 epochs apart"), "{error}");
    assert!(error.contains(&format!("up to epoch {}", ends[0])), "{error}");

    // It breaks at once; the network that it began with is there.
    let wild = [
        "seeds=1",
        "network.nonlinearity=relu",
        "training.optimizer={ kind = \"sgd\", learning_rate = 1e30 }",
    ];
    let wild = small(folder.path(), &wild);
    let told = Told::default();
    let settings = epochs(1, 1, None);
    let result =
        wild.as_if_random(&settings, None, &folder.path().join("wild"), ONE, &told, &never()).unwrap();
    assert!(told.warnings().contains("training ended at epoch"), "{}", told.warnings());
    let last = result.window[0].network.epoch;
    assert!(last < 60);
    let diverged = result.describe(&result.seeds[0]);
    assert_eq!(diverged, format!("training diverged at epoch {}", last + 1));
    let error =
        wild.as_if_random(&epochs(50, 1, None), None, &folder.path().join("none"), ONE, &(), &never());
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&diverged), "{error}");
    assert!(error.contains("a window of 50 networks"), "{error}");
}

#[test]
fn a_quantised_network_is_pooled_as_it_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let exact = "estimators=[{ kind = \"binned\", rule = \"exact\" }]";
    let coarse = ["seeds=1", "training.epochs=6", "network.quantised_bits=2", exact];
    let experiment = small(folder.path(), &coarse);
    let mut settings = epochs(1, 1, None);
    settings.estimators = experiment.estimators.clone();
    let pooled = go(&experiment, &settings, &folder.path().join("pooled"));
    let run = experiment.run(&folder.path().join("run"), ONE, &(), &never()).unwrap();
    let run = crate::run::Run::read(run.run.path()).unwrap();
    let measured: Vec<_> = run.plane().rows().filter(|row| row.epoch == 6).collect();
    let plain: Vec<&PoolRow> = pooled.rows.iter().filter(|row| row.control_bits.is_some()).collect();
    assert_eq!((plain.len(), measured.len()), (3, 3));
    for (row, measured) in plain.iter().zip(measured) {
        let near = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-9;
        assert!(near(row.i_xt_bits, measured.i_xt_bits), "{row:?} {measured:?}");
        // Two units of four levels.
        assert!(row.layer < 3 || row.h_t_bits.unwrap() <= 4.0, "{row:?}");
    }
    // Fine activations tell all 64 inputs apart.
    let fine = small(folder.path(), &["seeds=1", "training.epochs=6", exact]);
    let fine = go(&fine, &settings, &folder.path().join("fine"));
    assert!(fine.rows[0].i_xt_bits.unwrap() > plain[0].i_xt_bits.unwrap() + 0.1);
}

#[test]
fn a_directory_is_read_as_it_was_written_and_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let experiment = small(folder.path(), &["seeds=2", "training.epochs=8"]);
    let mut settings = epochs(5, 1, None);
    settings.inputs = Some(30);
    // Left from a process that was killed.
    fs::create_dir(&out).unwrap();
    for left in ["pool.jsonl", "drift.jsonl.123.partial"] {
        fs::write(out.join(left), "half").unwrap();
    }
    assert!(!AsIfRandomResult::is_in(&out));
    let error = AsIfRandomResult::read(&out).unwrap_err().to_string();
    assert!(error.contains("as-if-random.toml"), "{error}");
    let written = go(&experiment, &settings, &out);
    assert!(AsIfRandomResult::is_in(&out));
    assert_eq!(AsIfRandomResult::read(&out).unwrap(), written);
    assert_eq!((written.data.n_measured, written.data.n_samples), (30, 64));
    assert!(written.h_x.bits() > 4.9 && (written.h_x.bits() - 30f64.log2()).abs() < 1e-9);
    let head = fs::read_to_string(out.join("as-if-random.toml")).unwrap();
    assert!(head.contains("[settings.pool]\nover = \"epochs\""), "{head}");

    // The same again is there already.
    let told = Told::default();
    fs::write(out.join("summary.md"), "drawn").unwrap();
    let again = experiment.as_if_random(&settings, None, &out, ONE, &told, &never()).unwrap();
    assert_eq!((again, told.calls()), (written, 0));

    let refused = |experiment: &Experiment, settings: &AsIfRandom| {
        experiment.as_if_random(settings, None, &out, ONE, &(), &never()).unwrap_err().to_string()
    };
    let other = refused(&experiment, &AsIfRandom { inputs: None, ..settings.clone() });
    assert!(other.contains("settings.inputs: 30 in the run, nothing asked for"), "{other}");
    let other = refused(&small(folder.path(), &["seeds=2", "training.epochs=9"]), &settings);
    assert!(other.contains("experiment.training.epochs: 8 in the run, 9 asked for"), "{other}");

    let pool = out.join("pool.jsonl");
    let mut damaged = fs::read(&pool).unwrap();
    damaged[100] ^= 1;
    fs::write(&pool, damaged).unwrap();
    let error = AsIfRandomResult::read(&out).unwrap_err().to_string();
    assert!(error.contains("pool.jsonl") && error.contains("outcome.toml says"), "{error}");
    fs::remove_file(&pool).unwrap();
    let error = AsIfRandomResult::read(&out).unwrap_err().to_string();
    assert!(error.contains("cannot read") && error.contains("pool.jsonl"), "{error}");
    fs::write(out.join("as-if-random.toml"), head.replace("format_version = 3", "format_version = 7"))
        .unwrap();
    let error = AsIfRandomResult::read(&out).unwrap_err().to_string();
    assert!(error.contains("format version 7"), "{error}");

    let taken = folder.path().join("taken");
    fs::create_dir(&taken).unwrap();
    fs::write(taken.join("diary.txt"), "").unwrap();
    let error = experiment.as_if_random(&settings, None, &taken, ONE, &(), &never()).unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &[]);
    let steps = |window, stride| pooled(PoolConfig::Steps { window, stride, last: None });
    for (settings, told) in [
        (epochs(0, 1, None), "window = 0"),
        (epochs(4, 0, None), "stride = 0"),
        (epochs(4, 1, Some(61)), "last = 61, but training.epochs = 60"),
        (epochs(62, 1, None), "61 fit (window = 61)"),
        (epochs(4, 30, None), "3 fit (window = 3)"),
        (epochs(4, 1, Some(2)), "up to epoch 2"),
        (epochs(4, u64::MAX, None), "1 fit"),
        (epochs(usize::MAX, 1, None), "61 fit"),
        (steps(182, 1), "181 fit (window = 181)"),
        (pooled(PoolConfig::Seeds { epoch: Some(61) }), "epoch = 61"),
        (AsIfRandom { estimators: vec![], ..epochs(4, 1, None) }, "for example `binned`"),
        (AsIfRandom { inputs: Some(0), ..epochs(4, 1, None) }, "inputs = 0"),
        (AsIfRandom { inputs: Some(65), ..epochs(4, 1, None) }, "64 are measured"),
    ] {
        let error = refusal(&experiment, &settings, ONE);
        assert!(error.contains(told), "{settings:?}: {error}");
    }
    let none: AnyEstimator = toml::from_str("kind = 'noise'\nnoise_variances = [-1]").unwrap();
    let error =
        refusal(&experiment, &AsIfRandom { estimators: vec![binned(), none], ..epochs(4, 1, None) }, ONE);
    assert!(error.contains("estimators[1]"), "{error}");
    // 6 → 4 → 3 → 2 units: 9 · 64 values and 28 + 15 + 8 weights of 4 bytes, ten times.
    let error = refusal(&experiment, &epochs(10, 1, None), RunOptions { memory: 25_000, ..ONE });
    for part in ["25080 bytes", "25000 bytes", "fewer inputs", "smaller window", "more memory"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let run = folder.path().join("run");
    experiment.run(&run, ONE, &(), &never()).unwrap();
    let before = bytes(&run);
    let error = experiment.as_if_random(&epochs(4, 1, None), None, &run, ONE, &(), &never()).unwrap_err();
    assert!(error.to_string().contains("already holds a run"), "{error}");
    assert_eq!(bytes(&run), before);
}

#[test]
fn an_interruption_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let experiment = small(folder.path(), &[]);
    let stop = AtomicBool::new(true);
    let error = experiment.as_if_random(&epochs(4, 1, None), None, &out, ONE, &(), &stop).unwrap_err();
    assert!(matches!(error, ExperimentError::Interrupted) && !out.exists());

    // Likewise once all is trained and measuring has begun.
    struct AtTheEnd<'a>(&'a AtomicBool, Mutex<u64>);
    impl Progress for AtTheEnd<'_> {
        fn trained(&self, epochs: u64) {
            let mut trained = self.1.lock().unwrap();
            *trained += epochs;
            self.0.store(*trained == 6, std::sync::atomic::Ordering::Relaxed);
        }
        fn measured(&self, _seed: u64, _epoch: u64) {
            panic!("measured though interrupted");
        }
        fn warn(&self, _what: &str) {}
    }
    let stop = AtomicBool::new(false);
    let experiment = small(folder.path(), &["seeds=1", "training.epochs=6"]);
    let told = AtTheEnd(&stop, Mutex::new(0));
    let error = experiment.as_if_random(&epochs(4, 1, None), None, &out, ONE, &told, &stop).unwrap_err();
    assert!(matches!(error, ExperimentError::Interrupted) && !out.exists());
}

#[test]
fn the_default_is_256_late_epochs_in_bins_of_each_layers_range() {
    let default = AsIfRandom::default();
    assert_eq!(default, epochs(256, 1, None));
    let text = toml::to_string(&default).unwrap();
    assert_eq!(toml::from_str::<AsIfRandom>(&text).unwrap(), default);
}
