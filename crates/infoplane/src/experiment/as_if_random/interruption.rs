//! One writer at a time, and the same bytes however often it was interrupted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::directory::{Fault, FaultMode, JOURNAL, LOCK, Lock};
use crate::experiment::tests::{ONE, bytes, never, small};
use crate::run::State;

fn settings(pool: PoolConfig) -> AsIfRandom {
    let binned = "kind = 'binned'\nrule = 'equal'\nbins = 30\nrange = 'layer'";
    AsIfRandom { pool, inputs: Some(16), estimators: vec![toml::from_str(binned).unwrap()] }
}

const EPOCHS: PoolConfig = PoolConfig::Epochs { window: 2, stride: 1, last: None };
const SEEDS: PoolConfig = PoolConfig::Seeds { epoch: None };
const SHORT: [&str; 1] = ["training.epochs=3"];

/// Stops after so many epochs, and writes down what it is told.
struct Told {
    trained: AtomicUsize,
    calls: AtomicUsize,
    measured: AtomicUsize,
    warnings: Mutex<String>,
    stop_at: usize,
    stop: AtomicBool,
}

impl Told {
    fn stopping_at(stop_at: usize) -> Told {
        Told {
            trained: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            measured: AtomicUsize::new(0),
            warnings: Mutex::default(),
            stop_at,
            stop: AtomicBool::new(false),
        }
    }

    fn trained(&self) -> usize {
        self.trained.load(Ordering::Relaxed)
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn measured(&self) -> usize {
        self.measured.load(Ordering::Relaxed)
    }

    fn warnings(&self) -> String {
        self.warnings.lock().unwrap().clone()
    }
}

impl Progress for Told {
    fn trained(&self, epochs: u64) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let trained = self.trained.fetch_add(epochs as usize, Ordering::Relaxed) + epochs as usize;
        self.stop.fetch_or(trained >= self.stop_at, Ordering::Relaxed);
    }

    fn measured(&self, _seed: u64, _epoch: u64) {
        self.measured.fetch_add(1, Ordering::Relaxed);
    }

    fn warn(&self, what: &str) {
        self.warnings.lock().unwrap().push_str(what);
    }
}

fn go(experiment: &Experiment, settings: &AsIfRandom, out: &Path) -> AsIfRandomResult {
    experiment.as_if_random_on(Disk::counting(), settings, None, out, ONE, &(), &never()).unwrap()
}

/// Begins the result, and stops once so many epochs are trained.
fn begin(experiment: &Experiment, settings: &AsIfRandom, out: &Path, epochs: usize) {
    let told = Told::stopping_at(epochs);
    let error = experiment.as_if_random(settings, None, out, ONE, &told, &told.stop).unwrap_err();
    assert!(matches!(error, ExperimentError::Interrupted), "{error}");
}

/// Continues with nothing but the directory.
fn resume(out: &Path, told: &Told) -> Result<AsIfRandomResult, ExperimentError> {
    Experiment::resume_as_if_random(out, None, ONE, told, &never())
}

fn never_stopping() -> Told {
    Told::stopping_at(usize::MAX)
}

fn journal_lines(out: &Path) -> usize {
    fs::read_to_string(out.join(JOURNAL)).unwrap().lines().count()
}

/// As text, because a loss that is not a number equals nothing, itself included.
fn text(result: &AsIfRandomResult) -> String {
    format!("{result:?}")
}

#[test]
fn a_failure_at_any_operation_is_told_and_the_resumed_result_has_the_same_bytes() {
    for pool in [EPOCHS, SEEDS] {
        let folder = tempfile::tempdir().unwrap();
        let experiment = small(folder.path(), &[&SHORT[..], &["seeds=2"]].concat());
        let settings = settings(pool);
        let counting = Disk::counting();
        let whole = folder.path().join("whole");
        experiment.as_if_random_on(counting.clone(), &settings, None, &whole, ONE, &(), &never()).unwrap();
        let truth = bytes(&whole);
        let names: Vec<&Path> = truth.iter().map(|(name, _)| name.as_path()).collect();
        let expected = ["as-if-random.toml", "drift.jsonl", "outcome.toml", "overlap.jsonl", "pool.jsonl"];
        assert_eq!(names[..5], expected.map(Path::new));
        assert_eq!(names[5..], [Path::new("window.jsonl")], "and nothing else");
        let n_operations = counting.operations();
        assert!(n_operations > 40, "{n_operations}");
        for mode in [FaultMode::Once, FaultMode::Dead] {
            let mut not_told = 0;
            for at in 0..n_operations {
                let what = format!("operation {at}, {mode:?}, {:?}", settings.pool);
                let kind = [io::ErrorKind::StorageFull, io::ErrorKind::Other][at as usize % 2];
                let out = folder.path().join(format!("{mode:?}-{at}"));
                let disk = Disk::failing(Fault { at, kind, mode });
                match experiment.as_if_random_on(disk, &settings, None, &out, ONE, &(), &never()) {
                    Err(error) => {
                        assert!(error.to_string().starts_with("cannot "), "{what}: {error}");
                        // What is told to be resumable is.
                        if let ExperimentError::Run(RunError::Io { run: Some(run), .. }) = &error {
                            assert_eq!(run, &out, "{what}");
                            assert_ne!(
                                AsIfRandomResult::state(&out).unwrap(),
                                State::Running { process: None }
                            );
                        }
                    }
                    Ok(_) => not_told += 1,
                }
                let resumed = match AsIfRandomResult::is_in(&out) {
                    true => {
                        Experiment::resume_as_if_random_on(Disk::counting(), &out, None, ONE, &(), &never())
                    }
                    false => experiment.as_if_random_on(
                        Disk::counting(),
                        &settings,
                        None,
                        &out,
                        ONE,
                        &(),
                        &never(),
                    ),
                };
                let resumed = resumed.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(resumed, AsIfRandomResult::read(&out).unwrap(), "{what}");
                assert_eq!(bytes(&out), truth, "{what}");
                fs::remove_dir_all(&out).unwrap();
            }
            // The two that put the number of the process into the lock, which is only for a message.
            assert_eq!(not_told, if mode == FaultMode::Once { 2 } else { 0 }, "{:?}", settings.pool);
        }
    }
}

#[test]
fn an_interrupted_result_computes_only_the_seeds_that_are_missing() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &SHORT);
    for (name, pool, pools) in [("epochs", EPOCHS, 3), ("seeds", SEEDS, 1)] {
        let settings = settings(pool);
        let whole = folder.path().join(format!("{name}-whole"));
        let expected = go(&experiment, &settings, &whole);
        let out = folder.path().join(name);
        // In the second epoch of the second of three seeds.
        begin(&experiment, &settings, &out, 5);
        assert_eq!((journal_lines(&out), AsIfRandomResult::state(&out).unwrap()), (1, State::Interrupted));
        assert!(AsIfRandomResult::is_in(&out) && !AsIfRandomResult::is_complete_in(&out));
        let error = AsIfRandomResult::read(&out).unwrap_err().to_string();
        assert!(error.contains("outcome.toml") && error.contains("not complete"), "{error}");
        let (of, what) = Experiment::of_as_if_random(&out).unwrap();
        assert_eq!((of.to_table(), what), (experiment.to_table(), settings.clone()));
        // Again, and once more before anything new.
        begin(&experiment, &settings, &out, 8);
        assert_eq!(journal_lines(&out), 2);
        begin(&experiment, &settings, &out, 7);
        assert_eq!(journal_lines(&out), 2);
        let copy = folder.path().join(format!("{name}-copy"));
        copy_directory(&out, &copy);

        let told = never_stopping();
        let got = resume(&out, &told).unwrap();
        assert_eq!((got, bytes(&out)), (expected.clone(), bytes(&whole)), "{name}");
        assert_eq!(told.warnings(), "", "{name}");
        assert_eq!((told.trained(), told.measured()), (9, pools), "those that are there count as well");
        assert_eq!(told.calls(), 5, "all at once for each of two seeds, and three epochs");
        // By the call that began it, on several threads.
        let options = RunOptions { threads: 3, ..ONE };
        let told = never_stopping();
        let got = experiment.as_if_random(&settings, None, &copy, options, &told, &never()).unwrap();
        assert_eq!((got, bytes(&copy)), (expected.clone(), bytes(&whole)), "{name}");
        // A complete result is read.
        let told = never_stopping();
        assert_eq!(resume(&out, &told).unwrap(), expected);
        assert_eq!((told.trained(), told.measured()), (0, 0));
    }
}

fn copy_directory(from: &Path, to: &Path) {
    for (name, content) in bytes(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

#[test]
fn what_is_damaged_is_told_and_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &SHORT);
    type Damage = fn(&Path);
    let damage: [(&str, PoolConfig, Damage); 4] = [
        ("a flipped bit", EPOCHS, |out| {
            let mut journal = fs::read(out.join(JOURNAL)).unwrap();
            let middle = journal.len() / 4;
            journal[middle] ^= 1;
            fs::write(out.join(JOURNAL), journal).unwrap();
        }),
        ("half a line", EPOCHS, |out| {
            let journal = fs::read(out.join(JOURNAL)).unwrap();
            fs::write(out.join(JOURNAL), &journal[..journal.len() - 40]).unwrap();
        }),
        ("another network", SEEDS, |out| {
            let networks = out.join("networks");
            fs::copy(networks.join("seed-1.safetensors"), networks.join("seed-0.safetensors")).unwrap();
        }),
        ("no network", SEEDS, |out| fs::remove_dir_all(out.join("networks")).unwrap()),
    ];
    for (what, pool, harm) in damage {
        let settings = settings(pool);
        let whole = folder.path().join(format!("{what}-whole"));
        go(&experiment, &settings, &whole);
        let out = folder.path().join(what);
        begin(&experiment, &settings, &out, 8);
        assert_eq!(journal_lines(&out), 2, "{what}");
        harm(&out);
        // Left by a process that was killed while it wrote.
        fs::write(out.join("pool.jsonl.123.partial"), "half").unwrap();
        fs::write(out.join("pool.jsonl"), "of an earlier attempt").unwrap();
        let told = never_stopping();
        resume(&out, &told).unwrap();
        assert!(told.warnings().contains("journal.jsonl") && told.warnings().contains("damaged"), "{what}");
        assert_eq!(bytes(&out), bytes(&whole), "{what}");
    }
    // Without a journal everything is computed again.
    let out = folder.path().join("no journal");
    begin(&experiment, &settings(EPOCHS), &out, 8);
    fs::remove_file(out.join(JOURNAL)).unwrap();
    resume(&out, &never_stopping()).unwrap();
    assert_eq!(bytes(&out), bytes(&folder.path().join("half a line")));
}

#[test]
fn training_runs_that_are_excluded_stay_so() {
    let folder = tempfile::tempdir().unwrap();
    let stop = [
        "training.stop={ statistic = \"train-loss\", patience = 3 }",
        "training.optimizer.learning_rate=0.3",
    ];
    let experiment = small(folder.path(), &stop);
    let ends: Vec<u64> = go(&experiment, &settings(EPOCHS), &folder.path().join("ends"))
        .seeds
        .iter()
        .map(|seed| match seed.ended {
            Some(TrainingEnd::Patience { epoch, .. }) => epoch,
            ref other => panic!("{other:?}"),
        })
        .collect();
    let longest = *ends.iter().max().unwrap();
    assert!(ends[0] < longest, "the first is not the longest: {ends:?}");
    // In the second seed's first epoch.
    let stop_at = ends[0] as usize + 1;
    let window = |window| settings(PoolConfig::Epochs { window, stride: 1, last: None });
    let epoch = PoolConfig::Seeds { epoch: Some(longest) };
    for (name, settings) in [("window", window(longest as usize + 1)), ("epoch", settings(epoch))] {
        let whole = folder.path().join(format!("{name}-whole"));
        let expected = go(&experiment, &settings, &whole);
        assert!(!expected.is_pooled(0) && expected.describe(&expected.seeds[0]).contains(", before the "));
        let out = folder.path().join(name);
        begin(&experiment, &settings, &out, stop_at);
        assert_eq!(journal_lines(&out), 1);
        assert_eq!(text(&resume(&out, &never_stopping()).unwrap()), text(&expected));
        assert_eq!(bytes(&out), bytes(&whole));
    }
    // Where no training run has the window, the resumed computation says the same, and nothing is left of it.
    let none = window(55);
    let fail = |out: &Path| experiment.as_if_random(&none, None, out, ONE, &(), &never()).unwrap_err();
    let whole = folder.path().join("none-whole");
    let expected = fail(&whole).to_string();
    assert!(expected.contains(&format!("up to epoch {}", ends[0])), "{expected}");
    let out = folder.path().join("none");
    begin(&experiment, &none, &out, stop_at);
    assert_eq!(resume(&out, &never_stopping()).unwrap_err().to_string(), expected);
    assert!(!whole.exists() && !AsIfRandomResult::is_in(&out));
}

#[test]
fn a_second_writer_is_refused_and_told_who_is_first() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &SHORT);
    let (asked, out) = (settings(EPOCHS), folder.path().join("out"));
    begin(&experiment, &asked, &out, 5);
    let before = bytes(&out);
    let lock = Lock::take(&out, &Disk::counting()).unwrap();
    let process = std::process::id();
    assert_eq!(AsIfRandomResult::state(&out).unwrap(), State::Running { process: Some(process) });
    let begun = experiment.as_if_random(&asked, None, &out, ONE, &never_stopping(), &never());
    for error in [begun.unwrap_err(), resume(&out, &never_stopping()).unwrap_err()] {
        assert!(matches!(error, ExperimentError::Run(RunError::InUse { .. })), "{error}");
        let error = error.to_string();
        assert!(error.starts_with(&format!("another process (number {process}) is writing to ")), "{error}");
        assert!(error.contains(out.to_str().unwrap()), "{error}");
    }
    // Something else belongs elsewhere, whether somebody writes or not.
    let other = AsIfRandom { inputs: None, ..asked.clone() };
    for _ in 0..2 {
        let error =
            experiment.as_if_random(&other, None, &out, ONE, &never_stopping(), &never()).unwrap_err();
        assert!(matches!(error, ExperimentError::OtherResult { .. }), "{error}");
        assert!(error.to_string().contains("settings.inputs"), "{error}");
    }
    let untouched = |name: &PathBuf| name != Path::new(LOCK);
    let now: Vec<_> = bytes(&out).into_iter().filter(|(name, _)| untouched(name)).collect();
    assert_eq!(now, before.into_iter().filter(|(name, _)| untouched(name)).collect::<Vec<_>>());
    drop(lock);
    resume(&out, &never_stopping()).unwrap();
    // Where the first has not written anything yet, it is waited for a moment.
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let lock = Lock::take(&empty, &Disk::counting()).unwrap();
    let error = experiment.as_if_random(&asked, None, &empty, ONE, &never_stopping(), &never()).unwrap_err();
    assert!(matches!(error, ExperimentError::Run(RunError::InUse { .. })), "{error}");
    drop(lock);
    assert_eq!(go(&experiment, &asked, &empty), AsIfRandomResult::read(&out).unwrap());
}

#[test]
fn of_several_that_begin_at_once_each_is_written_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &SHORT);
    let of = |inputs| AsIfRandom { inputs: Some(inputs), ..settings(EPOCHS) };
    for round in 0..4 {
        let out = folder.path().join(round.to_string());
        let begin = |inputs| {
            let (experiment, out, settings) = (&experiment, &out, of(inputs));
            move || experiment.as_if_random(&settings, None, out, ONE, &(), &never())
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = [8, 12, 16].into_iter().map(|inputs| scope.spawn(begin(inputs))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let written: Vec<&AsIfRandomResult> =
            results.iter().filter_map(|result| result.as_ref().ok()).collect();
        let [written] = written[..] else { panic!("{} of three were written", written.len()) };
        assert_eq!(*written, AsIfRandomResult::read(&out).unwrap());
        for error in results.iter().filter_map(|result| result.as_ref().err()) {
            assert!(matches!(error, ExperimentError::OtherResult { .. }), "{error}");
        }
        assert!(!out.join(LOCK).exists() && !out.join(JOURNAL).exists());
    }
}

#[test]
fn a_result_is_resumed_only_as_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &SHORT);
    let (asked, out) = (settings(EPOCHS), folder.path().join("out"));
    begin(&experiment, &asked, &out, 5);
    let before = bytes(&out);
    // Another experiment, or other settings.
    let longer = small(folder.path(), &["training.epochs=4"]);
    let as_another = Experiment::resume_as_if_random(&out, Some(&longer), ONE, &(), &never()).unwrap_err();
    assert!(matches!(as_another, ExperimentError::Changed { .. }), "{as_another}");
    assert!(as_another.to_string().contains("training.epochs: 3 in the run, 4 asked for"), "{as_another}");
    for (experiment, settings, key) in [
        (&longer, asked.clone(), "experiment.training.epochs"),
        (&experiment, settings(SEEDS), "settings.pool.over"),
    ] {
        let error = experiment.as_if_random(&settings, None, &out, ONE, &(), &never()).unwrap_err();
        assert!(matches!(error, ExperimentError::OtherResult { .. }), "{error}");
        assert!(error.to_string().contains(key), "{error}");
    }
    // Another version, other data, and no data.
    let metadata = out.join("as-if-random.toml");
    let text = fs::read_to_string(&metadata).unwrap();
    let version = format!("infoplane_version = {:?}", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&version));
    fs::write(&metadata, text.replace(&version, "infoplane_version = \"0.0.1\"")).unwrap();
    let error = resume(&out, &never_stopping()).unwrap_err();
    assert!(matches!(&error, ExperimentError::VersionChanged { then, .. } if then == "0.0.1"), "{error}");
    fs::write(&metadata, &text).unwrap();
    let data = folder.path().join("data.csv");
    let rows = fs::read_to_string(&data).unwrap();
    fs::write(&data, rows.replacen("few", "many", 1)).unwrap();
    let error = resume(&out, &never_stopping()).unwrap_err();
    assert!(matches!(error, ExperimentError::DataChanged { .. }), "{error}");
    fs::remove_file(&data).unwrap();
    let error = resume(&out, &never_stopping()).unwrap_err();
    assert!(matches!(error, ExperimentError::DataOfRun { .. }), "{error}");
    assert_eq!(bytes(&out), before);
    // The same data elsewhere.
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let moved = small(&elsewhere, &SHORT);
    Experiment::resume_as_if_random(&out, Some(&moved), ONE, &(), &never()).unwrap();
    let whole = folder.path().join("whole");
    go(&small(folder.path(), &SHORT), &asked, &whole);
    assert_eq!(bytes(&out), bytes(&whole));
    // Without a result there is nothing to resume.
    let error = resume(folder.path(), &never_stopping()).unwrap_err().to_string();
    assert!(error.contains("as-if-random.toml: there is none"), "{error}");
}

#[test]
fn a_result_inside_the_run_is_resumed_from_its_keyframes() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &["seeds=2"]);
    let path = folder.path().join("run");
    experiment.run(&path, ONE, &(), &never()).unwrap();
    let (run, _) = RunDir::open(&path).unwrap();
    let (asked, out) = (settings(EPOCHS), path.join("as-if-random"));
    // After the keyframe of epoch 54 of the second seed.
    let told = Told::stopping_at(115);
    let error = experiment.as_if_random(&asked, Some(&run), &out, ONE, &told, &told.stop).unwrap_err();
    assert!(matches!(error, ExperimentError::Interrupted), "{error}");
    assert_eq!(journal_lines(&out), 1);
    struct Calls(AtomicUsize);
    impl Progress for Calls {
        fn trained(&self, _epochs: u64) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        fn measured(&self, _seed: u64, _epoch: u64) {}
        fn warn(&self, what: &str) {
            panic!("{what}");
        }
    }
    let calls = Calls(AtomicUsize::new(0));
    Experiment::resume_as_if_random(&out, None, ONE, &calls, &never()).unwrap();
    // The seed that is there, the keyframe, and six epochs after it.
    assert_eq!(calls.0.into_inner(), 8);
    let anew = folder.path().join("anew");
    go(&experiment, &asked, &anew);
    assert_eq!(bytes(&out), bytes(&anew));
}

#[test]
fn a_complete_result_that_was_not_tidied_up_is() {
    let folder = tempfile::tempdir().unwrap();
    let experiment = small(folder.path(), &SHORT);
    let (asked, out) = (settings(EPOCHS), folder.path().join("out"));
    let expected = go(&experiment, &asked, &out);
    let truth = bytes(&out);
    for again in [true, false] {
        for left in [JOURNAL, LOCK, "pool.jsonl.4294967294.partial"] {
            fs::write(out.join(left), "left").unwrap();
        }
        fs::create_dir(out.join("networks")).unwrap();
        fs::write(out.join("networks/seed-0.safetensors"), "left").unwrap();
        let got = match again {
            true => experiment.as_if_random(&asked, None, &out, ONE, &(), &never()).unwrap(),
            false => resume(&out, &never_stopping()).unwrap(),
        };
        assert_eq!((got, bytes(&out)), (expected.clone(), truth.clone()));
        assert!(!out.join("networks").exists());
    }
}
