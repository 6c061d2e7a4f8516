//! A run survives whatever happens to it, and is the same for any number of threads and any memory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::run::{Disk, Fault, FaultMode, Run};
use crate::schedule::Reason;

/// An experiment of milliseconds, on data in `folder`.
pub(super) fn small(folder: &Path, changes: &[&str]) -> Experiment {
    let data = folder.join("data.csv");
    let rows: Vec<String> = (0..64u32)
        .map(|row| {
            let bit = |position: u32| row >> position & 1;
            let [a, b, c, d, e, f] = std::array::from_fn(|position| bit(position as u32));
            format!("{a},{b},{c},{d},{e},{f},{}", if a + b + c + d + e + f > 3 { "many" } else { "few" })
        })
        .collect();
    fs::write(&data, format!("a,b,c,d,e,f,label\n{}\n", rows.join("\n"))).unwrap();
    let text = format!(
        r#"
name = "small"
seeds = 3
[dataset]
source = {{ kind = "csv", file = {data:?}, label = "label" }}
split = {{ kind = "shuffled", train_fraction = 0.75 }}
[network]
hidden = [4, 3]
nonlinearity = "tanh"
output = "softmax"
[training]
epochs = 60
batch_size = 16
optimizer = {{ kind = "adam", learning_rate = 0.01 }}
statistics = {{ kind = "every", interval = 7 }}
[schedule]
kind = "delta-exact"
delta = 0.05
[[estimators]]
kind = "kde"
noise_variances = [0.01]
[[estimators]]
kind = "binned"
rule = "floor"
bin_width = 0.3
"#
    );
    let changes: Vec<String> = changes.iter().map(|change| change.to_string()).collect();
    Experiment::from_toml("small", &text, &changes).unwrap()
}

pub(super) const ONE: RunOptions = RunOptions { threads: 1, memory: 1 << 30 };

pub(super) fn never() -> AtomicBool {
    AtomicBool::new(false)
}

/// Every file of a run directory, with its bytes.
pub(super) fn bytes(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![run.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((path.strip_prefix(run).unwrap().to_path_buf(), fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}

fn assert_same(expected: &[(PathBuf, Vec<u8>)], run: &Path, what: &str) {
    let found = bytes(run);
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(expected), names(&found), "{what}");
    for ((name, expected), (_, found)) in expected.iter().zip(&found) {
        assert!(expected == found, "{what}: {} differs", name.display());
    }
}

/// An undisturbed run.
fn undisturbed(experiment: &Experiment, folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let run = folder.join("undisturbed");
    experiment.run(&run, ONE, &(), &never()).unwrap();
    bytes(&run)
}

/// The small experiment with changes, a folder of its own, and what it leaves undisturbed.
fn variant(folder: &Path, number: usize, changes: &[&str]) -> (Experiment, PathBuf, Vec<(PathBuf, Vec<u8>)>) {
    let (experiment, base) = (small(folder, changes), folder.join(number.to_string()));
    fs::create_dir(&base).unwrap();
    let expected = undisturbed(&experiment, &base);
    (experiment, base, expected)
}

#[test]
fn threads_and_memory_do_not_change_a_byte() {
    let folder = tempfile::tempdir().unwrap();
    for (position, changes) in [
        &[][..],
        &["schedule={ kind = \"delta-approximate\", delta = 0.02 }"],
        &["schedule={ kind = \"log-spaced\", points = 9 }"],
        &[
            "training.stop={ statistic = \"train-loss\", patience = 3 }",
            "training.optimizer.learning_rate=0.3",
        ],
        &["estimators.1={ kind = \"binned\", rule = \"quantile\", bins = 5, range = \"unit\" }"],
        &["training.dropout=0.2", "schedule.delta=0.02", "schedule.max_skip=5"],
        &["dataset.scaling=standardize", "dataset.measured_on=train"],
        &["schedule.witness=loss"],
        &["schedule={ kind = \"log-spaced\", points = 9, witness = { kind = \"loss\", rows = 40 } }"],
        &[
            "schedule={ kind = \"delta-approximate\", delta = 0.02, witness = { kind = \"subsample\", rows = 40 } }",
            "dataset.measured_on=train-and-test",
            "network.quantised_bits=6",
        ],
        &[
            "schedule={ kind = \"list\", epochs = [50], witness = \"binned\" }",
            "training.stop={ statistic = \"train-loss\", patience = 3 }",
            "training.optimizer.learning_rate=0.3",
        ],
        &[
            "dataset.measured_on=train-and-test",
            "estimators.1={ kind = \"binned\", rule = \"quantile\", bins = 5, range = \"unit\" }",
        ],
    ]
    .into_iter()
    .enumerate()
    {
        let (experiment, base, expected) = variant(folder.path(), position, changes);
        for (threads, memory) in [(2, 1 << 30), (8, 1 << 16), (3, 0)] {
            let run = base.join(format!("{threads}-{memory}"));
            experiment.run(&run, RunOptions { threads, memory }, &(), &never()).unwrap();
            assert_same(&expected, &run, &format!("{changes:?}, {threads} threads, {memory} bytes"));
        }
    }
}

/// Sets a flag once so many epochs have been measured.
struct StopAfter<'a> {
    left: AtomicUsize,
    flag: &'a AtomicBool,
}

impl Progress for StopAfter<'_> {
    fn trained(&self, _epochs: u64) {}

    fn measured(&self, _seed: u64, _epoch: u64) {
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.flag.store(true, Ordering::Relaxed);
        }
    }

    fn warn(&self, _what: &str) {}
}

const EARLY_STOP: [&str; 2] =
    ["training.stop={ statistic = \"train-loss\", patience = 3 }", "training.optimizer.learning_rate=0.3"];

/// Everything beside the plane.
const QUANTITIES: &str = "quantities=[{ kind = \"units\", groups = 3 }, { kind = \"layers\" }, { kind = \"inputs\" }, { kind = \"similarity\" }]";

#[test]
fn a_run_interrupted_anywhere_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for (position, changes) in [
        &[][..],
        &EARLY_STOP,
        &["training.optimizer={ kind = \"sgd\", learning_rate = 1e30 }", "network.nonlinearity=relu"],
        &["estimators.1={ kind = \"binned\", rule = \"quantile\", bins = 5, range = \"unit\" }"],
        &["schedule={ kind = \"delta-approximate\", delta = 0.02 }", "training.dropout=0.1"],
        &["schedule={ kind = \"list\", epochs = [3, 17, 44] }", "keyframes.budget_mib=0"],
        &["keyframes.interval=1", "training.epochs=25"],
        &["schedule.witness=loss", "keyframes.interval=4"],
        &["schedule={ kind = \"log-spaced\", points = 9, witness = \"subsample\" }", "keyframes.interval=1"],
        &[
            "schedule={ kind = \"delta-approximate\", delta = 0.02, witness = \"loss\" }",
            "training.stop={ statistic = \"train-loss\", patience = 3 }",
            "training.optimizer.learning_rate=0.3",
            "keyframes.budget_mib=0",
        ],
        &["dataset.scaling=standardize", "dataset.measured_on=train-and-test", "training.epochs=25"],
        &[QUANTITIES, "dataset.measured_on=train-and-test", "training.epochs=25"],
    ]
    .into_iter()
    .enumerate()
    {
        let (experiment, base, expected) = variant(folder.path(), position, changes);
        for after in [1, 2, 5, 11, 23, 40] {
            let run = base.join(format!("after-{after}"));
            let flag = never();
            let stop = StopAfter { left: AtomicUsize::new(after), flag: &flag };
            let options = RunOptions { threads: 2, memory: 1 << 20 };
            match experiment.run(&run, options, &stop, &flag) {
                Err(ExperimentError::Interrupted) => {}
                Ok(_) => break,
                Err(error) => panic!("{changes:?}, {after}: {error}"),
            }
            let (_, manifest) = crate::run::RunDir::open(&run).unwrap();
            assert_eq!(manifest.seeds, [0, 1, 2]);
            let summary = Experiment::resume(&run, None, options, &(), &never()).unwrap();
            assert_same(&expected, &run, &format!("{changes:?} stopped after {after}"));
            // A complete run has nothing left to do.
            let again = Experiment::resume(&run, Some(&experiment), options, &(), &never()).unwrap();
            assert_eq!(again.work.measured_epochs, 0);
            // As text: a loss that is not a number equals nothing, itself included.
            assert_eq!(format!("{:?}", again.outcome), format!("{:?}", summary.outcome));
            assert_same(&expected, &run, "resumed when complete");
        }
    }
}

#[test]
fn statistics_lost_where_a_rule_ended_a_training_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let changes = [&EARLY_STOP[..], &["keyframes.interval=1"]].concat();
    let experiment = small(folder.path(), &changes);
    let expected = undisturbed(&experiment, folder.path());
    let run = folder.path().join("run");
    let flag = never();
    let stop = StopAfter { left: AtomicUsize::new(30), flag: &flag };
    assert!(experiment.run(&run, ONE, &stop, &flag).is_err());
    // The last statistics of the first training, which has ended.
    let journal = run.join("journal.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let lost = text.lines().rfind(|line| line.contains("\"trained\":{\"seed\":0,")).unwrap();
    assert!(text.lines().any(|line| line.contains("\"ended\":{\"seed\":0,")));
    fs::write(&journal, text.replace(lost, "damaged")).unwrap();
    Experiment::resume(&run, None, ONE, &(), &never()).unwrap();
    assert_same(&expected, &run, "after the loss");
}

#[test]
fn a_disk_that_fails_at_any_operation_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &["seeds=1", "training.epochs=24", "keyframes.interval=10"]);
    let expected = undisturbed(&experiment, folder.path());
    for (mode, options, step) in [
        (FaultMode::Once, ONE, 1),
        (FaultMode::Dead, ONE, 1),
        (FaultMode::Dead, RunOptions { threads: 3, memory: 0 }, 4),
    ] {
        let mut operation = 0;
        loop {
            let run = folder.path().join(format!("{mode:?}-{step}-{operation}"));
            let disk = Disk::failing(Fault { at: operation, kind: std::io::ErrorKind::StorageFull, mode });
            let result = experiment.run_on(disk.clone(), &run, options, &(), &never());
            if disk.operations() <= operation {
                break;
            }
            if let Err(error) = &result {
                let message = error.to_string();
                assert!(
                    message.contains("cannot") && message.contains(folder.path().to_str().unwrap()),
                    "{message}"
                );
            }
            if result.is_ok() {
                // Something that can do without: the process number in the lock.
            } else if run.join("manifest.toml").exists() {
                Run::read(&run).unwrap();
                Experiment::resume(&run, None, ONE, &(), &never()).unwrap();
            } else {
                experiment.run(&run, ONE, &(), &never()).unwrap();
            }
            assert_same(&expected, &run, &format!("{mode:?} at operation {operation}"));
            operation += step;
        }
        // A manifest, statistics, measurements, two keyframes, four files at the end.
        assert!(operation > 30, "{operation} operations");
    }
}

/// Remembers what it was told of.
#[derive(Default)]
struct Noticing(Mutex<Vec<String>>);

impl Progress for Noticing {
    fn trained(&self, _epochs: u64) {}
    fn measured(&self, _seed: u64, _epoch: u64) {}
    fn warn(&self, what: &str) {
        self.0.lock().unwrap().push(what.into());
    }
}

#[test]
fn labels_of_one_class_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &["seeds=1", "schedule={ kind = \"log-spaced\", points = 3 }"]);
    let told = |name: &str| {
        let noticing = Noticing::default();
        experiment.run(&folder.path().join(name), ONE, &noticing, &never()).unwrap();
        noticing.0.into_inner().unwrap()
    };
    let several = told("several");
    assert!(several.len() == 1 && several[0].contains("data.csv: "), "{several:?}");
    let data = folder.path().join("data.csv");
    fs::write(&data, fs::read_to_string(&data).unwrap().replace("many", "few")).unwrap();
    assert!(told("one")[1].contains("all labels are one class"));
}

/// A run of one seed, stopped when nearly everything was measured.
fn nearly_done(experiment: &Experiment, run: &Path) {
    let flag = never();
    let stop = StopAfter { left: AtomicUsize::new(12), flag: &flag };
    assert!(experiment.run(run, ONE, &stop, &flag).is_err());
}

#[test]
fn what_is_damaged_is_told_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &["seeds=1"]);
    let expected = undisturbed(&experiment, folder.path());
    let keyframes = |run: &Path| -> Vec<PathBuf> {
        let mut files: Vec<_> =
            fs::read_dir(run.join("keyframes/seed-0")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    type Damage<'a> = (&'a str, Box<dyn Fn(&Path) + 'a>, &'a str);
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(path, bytes).unwrap();
    };
    let foreign = |run: &Path, changes: &[&str]| {
        let other = folder.path().join("other");
        let _ = fs::remove_dir_all(&other);
        small(folder.path(), changes).run(&other, ONE, &(), &never()).unwrap();
        fs::copy(&keyframes(&other)[0], &keyframes(run)[0]).unwrap();
    };
    let foreign_journal = |run: &Path| {
        let other = folder.path().join("other-journal");
        let _ = fs::remove_dir_all(&other);
        nearly_done(&small(folder.path(), &["seeds=1", "training.optimizer.learning_rate=0.02"]), &other);
        fs::copy(other.join("journal.jsonl"), run.join("journal.jsonl")).unwrap();
    };
    let damages: [Damage<'_>; 8] = [
        ("the journal of another run", Box::new(foreign_journal), "of another run"),
        (
            "a flipped bit in a keyframe",
            Box::new(|run| flip(&keyframes(run)[1])),
            "training again from the keyframe before",
        ),
        (
            "a keyframe cut short",
            Box::new(|run| {
                let last = keyframes(run).pop().unwrap();
                let bytes = fs::read(&last).unwrap();
                fs::write(&last, &bytes[..bytes.len() / 3]).unwrap();
            }),
            "training again from the keyframe before",
        ),
        (
            "a keyframe of another network",
            Box::new(|run| foreign(run, &["seeds=1", "network.hidden=[5, 3]"])),
            "its layers are",
        ),
        (
            "a keyframe of a training with other settings",
            Box::new(|run| foreign(run, &["seeds=1", "training.optimizer.learning_rate=0.02"])),
            "other settings",
        ),
        ("no keyframes", Box::new(|run| fs::remove_dir_all(run.join("keyframes")).unwrap()), ""),
        ("a flipped bit in the journal", Box::new(|run| flip(&run.join("journal.jsonl"))), "damaged"),
        ("a missing journal", Box::new(|run| fs::remove_file(run.join("journal.jsonl")).unwrap()), "journal"),
    ];
    for (position, (what, damage, told)) in damages.iter().enumerate() {
        let run = folder.path().join(format!("damaged-{position}"));
        nearly_done(&experiment, &run);
        damage(&run);
        let noticing = Noticing::default();
        Experiment::resume(&run, None, ONE, &noticing, &never()).unwrap();
        let notices = noticing.0.into_inner().unwrap().join("\n");
        assert!(notices.contains(told), "{what}: {notices:?}");
        assert_same(&expected, &run, what);
    }
}

#[test]
fn a_run_goes_on_only_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &["seeds=1"]);
    let run = folder.path().join("run");
    nearly_done(&experiment, &run);
    let before = bytes(&run);

    let changed = small(folder.path(), &["seeds=1", "training.epochs=70", "schedule.delta=0.1"]);
    let error = Experiment::resume(&run, Some(&changed), ONE, &(), &never()).unwrap_err().to_string();
    assert!(error.contains("training.epochs: 60 in the run, 70 asked for"), "{error}");
    assert!(error.contains("schedule.delta: 0.05 in the run, 0.1 asked for"), "{error}");

    let data = folder.path().join("data.csv");
    let text = fs::read_to_string(&data).unwrap();
    fs::write(&data, text.replacen(",few", ",many", 1)).unwrap();
    let error = Experiment::resume(&run, None, ONE, &(), &never()).unwrap_err().to_string();
    assert!(error.contains("other data"), "{error}");
    assert_same(&before, &run, "after refusals");
    fs::write(&data, text).unwrap();
    Experiment::resume(&run, Some(&experiment), ONE, &(), &never()).unwrap();
}

#[test]
fn a_training_that_ends_early_has_its_last_epoch_measured() {
    let folder = tempfile::tempdir().unwrap();
    let stop = "training.stop={ statistic = \"train-accuracy\", target = 0.9 }";
    for (name, changes) in [
        ("target", &["training.optimizer.learning_rate=0.05", stop][..]),
        (
            "diverged",
            &["training.optimizer={ kind = \"sgd\", learning_rate = 1e30 }", "network.nonlinearity=relu"],
        ),
        (
            "list",
            &["schedule={ kind = \"every\", interval = 25 }", "training.optimizer.learning_rate=0.05", stop],
        ),
    ] {
        let experiment = small(folder.path(), changes);
        let summary = experiment.run(&folder.path().join(name), ONE, &(), &never()).unwrap();
        for seed in &summary.outcome.seeds {
            assert!(seed.last_epoch < 60, "{name}: {seed:?}");
            assert_eq!(seed.diverged(), name == "diverged", "{seed:?}");
            let epochs: Vec<u64> = Run::read(summary.run.path())
                .unwrap()
                .schedule()
                .iter()
                .filter(|measured| measured.seed == seed.seed)
                .map(|measured| measured.epoch)
                .collect();
            assert_eq!((epochs[0], epochs.last()), (0, Some(&seed.last_epoch)), "{name}");
            assert_eq!(epochs.len(), seed.measured_epochs);
        }
    }
}

#[test]
fn quantised_networks_refuse_bits_and_ranges_that_they_cannot_have() {
    let load = |overrides: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(|o| o.to_string()).collect();
        Experiment::load("saxe2018-tanh", &overrides)
    };
    let message = load(&["network.quantised_bits=17"]).unwrap_err().to_string();
    assert!(message.contains("quantised_bits = 17; allowed is 1 to 16"), "{message}");
    let layer = "estimators=[{ kind = 'binned', rule = 'equal', bins = 30, range = 'layer' }]";
    let message = load(&["network.quantised_bits=8", layer]).unwrap_err().to_string();
    assert!(message.contains("estimators[0]") && message.contains("exact"), "{message}");
    let exact = "estimators=[{ kind = 'binned', rule = 'exact' }]";
    assert_eq!(load(&["network.quantised_bits=8", exact]).unwrap().network.quantised_bits, Some(8));
}

#[test]
fn the_table_that_is_read_along_is_that_of_the_experiment() {
    // Singles as people write them, as doubles with a long tail, and whole numbers.
    for rate in ["0.0004", "0.00039999998989515007", "1"] {
        for preset in PRESETS {
            let mut table: toml::Table = preset.toml.parse().unwrap();
            let rate: toml::Table = format!("rate = {rate}").parse().unwrap();
            Experiment::put(&mut table, "training.optimizer.learning_rate", rate["rate"].clone()).unwrap();
            let (experiment, along) = Experiment::with_table(preset.name, table).unwrap();
            assert_eq!(along, experiment.to_table());
            let (again, along_again) = Experiment::with_table(preset.name, along.clone()).unwrap();
            assert_eq!((again, along_again), (experiment, along));
        }
    }
}

/// The epochs that a run measured for its witness.
fn of_witness(run: &Path) -> Vec<(u64, u64)> {
    let run = Run::read(run).unwrap();
    let of_witness = run.schedule().iter().filter(|measured| measured.reason == Reason::Witness);
    of_witness.map(|measured| (measured.seed, measured.epoch)).collect()
}

#[test]
fn every_witness_has_epochs_measured_and_moves_no_other_value() {
    let folder = tempfile::tempdir().unwrap();
    let every = folder.path().join("every");
    small(folder.path(), &["schedule={ kind = \"every\", interval = 1 }"])
        .run(&every, ONE, &(), &never())
        .unwrap();
    let every: Vec<_> = Run::read(&every).unwrap().plane().rows().collect();
    for witness in ["loss", "binned", "subsample"] {
        let path = folder.path().join(witness);
        let schedule = format!("schedule={{ kind = \"list\", epochs = [50], witness = \"{witness}\" }}");
        small(folder.path(), &[&schedule]).run(&path, ONE, &(), &never()).unwrap();
        assert!(!of_witness(&path).is_empty(), "{witness}");
        let rows: Vec<_> = Run::read(&path).unwrap().plane().rows().collect();
        assert!(rows.iter().all(|row| every.contains(row)) && rows.len() < every.len());
    }
}

#[test]
fn at_every_unmeasured_epoch_the_loss_is_within_the_band_of_the_last_boundary() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    // Without rows held back the training loss is that of the measured rows.
    let changes = [
        "schedule={ kind = \"delta-exact\", delta = 0.05, witness = { kind = \"loss\", band = 0.03, max_share = 1.0 } }",
        "dataset.split={ kind = \"shuffled\", train_fraction = 1.0 }",
        "training.statistics={ kind = \"every\", interval = 1 }",
    ];
    small(folder.path(), &changes).run(&path, ONE, &(), &never()).unwrap();
    assert!(!of_witness(&path).is_empty());
    let run = Run::read(&path).unwrap();
    for seed in 0..3 {
        let measured: Vec<_> = run.schedule().iter().filter(|measured| measured.seed == seed).collect();
        let mut boundary = f32::NAN;
        let mut unmeasured = 0;
        for stats in run.training().iter().filter(|stats| stats.seed == seed) {
            let loss = stats.train_loss.unwrap();
            match measured
                .iter()
                .find(|measured| measured.epoch == stats.epoch)
                .map(|measured| measured.reason)
            {
                Some(Reason::Filling) => {}
                Some(_) => boundary = loss,
                None => {
                    assert!((loss - boundary).abs() <= 0.03 + 1e-5, "seed {seed}, epoch {}", stats.epoch);
                    unmeasured += 1;
                }
            }
        }
        assert!(unmeasured > 0);
    }
}

#[test]
fn a_witness_that_cannot_be_had_is_refused_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let quantiles = "{ kind = \"binned\", rule = \"quantile\", bins = 5, range = \"unit\" }";
    for (changes, message) in [
        (
            &["schedule.witness=binned", "estimators=[{ kind = \"kde\", noise_variances = [0.01] }]"][..],
            "schedule.witness = \"binned\"; allowed is \"loss\" or \"subsample\", as no binned estimator is measured",
        ),
        (
            &["schedule.witness=subsample", &format!("estimators.1={quantiles}")],
            "schedule.witness = \"subsample\"; allowed is \"loss\", as the bins of \"binned\" are known only after training",
        ),
        (
            &["schedule.witness=loss", "training.loss=squared-error", "network.output=sigmoid"],
            "schedule.witness = \"loss\" needs a band where training.loss = \"squared-error\"",
        ),
        (&["schedule.witness=lose"], "unknown variant `lose`, expected one of `loss`, `binned`, `subsample`"),
        (
            &["schedule.witness={ kind = \"loss\", band = 0 }"],
            "schedule.witness.band = 0; allowed is a finite number above 0",
        ),
    ] {
        let changes: Vec<String> = changes.iter().map(|change| change.to_string()).collect();
        let text = toml::to_string(&small(folder.path(), &[])).unwrap();
        let error = Experiment::from_toml("small", &text, &changes).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    // With a band of its own unit it can.
    small(
        folder.path(),
        &[
            "schedule.witness={ kind = \"loss\", band = 0.05 }",
            "training.loss=squared-error",
            "network.output=sigmoid",
        ],
    );
}
