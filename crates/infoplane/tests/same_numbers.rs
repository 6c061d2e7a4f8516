//! The same numbers on every processor and system.
//!
//! Every estimator on a small sample, and short trainings of several kinds, are computed with each kind of vector
//! instructions that the processor has, and compared with `tests/numbers.txt` to the last bit. `cargo xtask
//! same-numbers` does the same on emulated processors.
//!
//! A change of these numbers is a change of all results. Where it is meant, run this test with
//! `INFOPLANE_KEEP_NUMBERS=1`, look at the difference, commit the file, and say in the changelog that numbers change.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use infoplane::estimator::{AnyEstimator, LayerRange, Measure};
use infoplane::experiment::{Experiment, RunOptions};
use infoplane::{Estimate, EstimateError, Labels, Variable};
use ndarray::{Array2, s};

/// Where a child process writes its numbers.
const OUT: &str = "INFOPLANE_NUMBERS_OUT";

/// Numbers in (−1, 1) that need no function of any library.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// About normal: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() / 2.0
    }
}

/// A method with the keys that it cannot do without.
fn config(name: &str) -> AnyEstimator {
    let keys = match name {
        "kde" => "noise_variances = [0.01, 0.3]",
        "noise" => "noise_variances = [0.1]\nbounds = true",
        "binned" => "rule = 'equal'\nbins = 12\nrange = [-1, 1]",
        // Where the processor has no fused multiply-add, one of the default size takes minutes.
        "critic" => "folds = 2\nhidden = 16\nlayers = 1",
        _ => "",
    };
    toml::from_str(&format!("kind = '{name}'\n{keys}")).unwrap()
}

fn describe(out: &mut String, name: &str, estimate: Result<Estimate, EstimateError>) {
    let mut line = |part: &str, value: f64| {
        writeln!(out, "{name}{part} {value:?} {:016x}", value.to_bits()).unwrap();
    };
    match estimate {
        Ok(estimate) => {
            line("", estimate.information.nats());
            if let Some(error) = estimate.standard_error {
                line(" error", error.nats());
            }
        }
        Err(EstimateError::NotOffered { .. }) => {}
        Err(error) => writeln!(out, "{name}: {error}").unwrap(),
    }
}

/// Every quantity of every method, in single and in double precision, for a narrow and a wide layer.
fn estimates() -> String {
    let n = 101;
    let mut numbers = Numbers(5);
    let x = Array2::from_shape_simple_fn((n, 2), || numbers.normal());
    let y = Array2::from_shape_fn((n, 2), |(i, j)| x[(i, j)] + 0.6 * numbers.normal());
    let wide = Array2::from_shape_fn((n, 37), |(i, j)| {
        let value = x[(i, j % 2)] + 0.4 * numbers.normal();
        value / (1.0 + value.abs())
    });
    let single = wide.mapv(|value| value as f32);
    let classes: Vec<u8> = x.column(0).iter().map(|v| u8::from(*v > 0.0) + u8::from(*v > 1.0)).collect();
    let (labels, rows) = (Labels::from_symbols(&classes), Labels::distinct(n));
    let others =
        Labels::from_symbols(&y.column(1).iter().map(|v| (2.0 * v).round() as i64).collect::<Vec<_>>());
    let mut out = String::new();
    for method in AnyEstimator::ALL {
        let name = method.name;
        let estimator = config(name).for_layer(&LayerRange::default()).unwrap();
        let (a, b) = (x.slice(s![.., ..1]), y.slice(s![.., ..1]));
        describe(
            &mut out,
            &format!("{name} pair"),
            estimator.pair(Variable::Double(x.view()), Variable::Double(y.view())),
        );
        describe(
            &mut out,
            &format!("{name} scalars"),
            estimator.pair(Variable::Double(a), Variable::Double(b)),
        );
        describe(
            &mut out,
            &format!("{name} wide"),
            estimator.pair(Variable::Single(single.view()), Variable::Double(y.view())),
        );
        describe(
            &mut out,
            &format!("{name} labels"),
            estimator.pair(Variable::Double(x.view()), Variable::Labels(&labels)),
        );
        describe(
            &mut out,
            &format!("{name} symbols"),
            estimator.pair(Variable::Labels(&labels), Variable::Labels(&others)),
        );
        describe(&mut out, &format!("{name} entropy"), estimator.entropy(Variable::Double(x.view())));
        describe(
            &mut out,
            &format!("{name} entropy of symbols"),
            estimator.entropy(Variable::Labels(&others)),
        );
        let parts = [Variable::Double(a), Variable::Double(b), Variable::Double(x.slice(s![.., 1..]))];
        describe(&mut out, &format!("{name} total correlation"), estimator.total_correlation(&parts));
        for (kind, layer) in
            [("single", Variable::Single(single.view())), ("double", Variable::Double(wide.view()))]
        {
            match estimator.layer(layer, &[&rows, &labels]) {
                Ok(readings) => {
                    for reading in readings {
                        for (which, estimate) in ["rows", "labels"].iter().zip(reading.estimates) {
                            let bound = reading.bound.map_or(String::new(), |bound| format!(" {bound:?}"));
                            describe(
                                &mut out,
                                &format!("{name} layer {kind} {}{bound} {which}", reading.setting),
                                estimate,
                            );
                        }
                    }
                }
                Err(error) => writeln!(out, "{name} layer {kind}: {error}").unwrap(),
            }
        }
    }
    // So many points, and so wide, that distances are taken from products.
    let points = Array2::from_shape_simple_fn((530, 20), || numbers.next() as f32);
    let two = Labels::from_symbols(&(0..530).map(|i| i % 2).collect::<Vec<i32>>());
    for name in ["kde", "noise", "renyi"] {
        let estimator = config(name).for_layer(&LayerRange::default()).unwrap();
        let readings =
            estimator.layer(Variable::Single(points.view()), &[&Labels::distinct(530), &two]).unwrap();
        for (number, reading) in readings.into_iter().enumerate() {
            for (which, estimate) in ["rows", "labels"].iter().zip(reading.estimates) {
                describe(&mut out, &format!("{name} many {number} {which}"), estimate);
            }
        }
    }
    out
}

const TRAININGS: [(&str, &str); 3] = [
    (
        "tanh",
        "network = { hidden = [10, 7, 5, 4, 3], nonlinearity = 'tanh', output = 'softmax' }
        training = { epochs = 12, batch_size = 64, loss = 'softmax-cross-entropy', \
            optimizer = { kind = 'adam', learning_rate = 4e-3 } }",
    ),
    (
        "relu",
        "network = { hidden = [70, 20], nonlinearity = 'relu', output = 'sigmoid' }
        training = { epochs = 12, batch_size = 50, loss = 'sigmoid-binary-cross-entropy', weight_decay = 1e-3, \
            dropout = 0.1, optimizer = { kind = 'momentum', learning_rate = 0.05 } }",
    ),
    (
        "gelu",
        "network = { hidden = [33, 17], nonlinearity = 'gelu', output = 'tanh' }
        training = { epochs = 12, batch_size = 100, loss = 'squared-error', \
            learning_rate_schedule = { kind = 'cosine' }, optimizer = { kind = 'adamw', learning_rate = 1e-2 } }",
    ),
];

/// Every file of the run directories of short trainings, as hashes.
fn trainings(folder: &Path) -> String {
    let mut numbers = Numbers(9);
    let mut csv = String::from("label,a,b,c,d,e,f\n");
    for _ in 0..620 {
        let row: Vec<f64> = (0..6).map(|_| numbers.next()).collect();
        let label = u8::from(row[0] + row[1] * row[2] > 0.1);
        let cells: Vec<String> = row.iter().map(f64::to_string).collect();
        writeln!(csv, "{label},{}", cells.join(",")).unwrap();
    }
    fs::write(folder.join("data.csv"), csv).unwrap();
    let mut out = String::new();
    for (name, settings) in TRAININGS {
        let text = format!(
            "name = '{name}'\nseeds = 2\n{settings}
            [dataset]
            source = {{ kind = 'csv', file = 'data.csv', label = 'label' }}
            split = {{ kind = 'shuffled', train_fraction = 0.8 }}
            [schedule]
            kind = 'every'
            interval = 4
            [[estimators]]
            kind = 'binned'
            rule = 'equal'
            bins = 30
            range = 'run'
            [[estimators]]
            kind = 'kde'
            noise_variances = [1e-3, 0.1]
            [[estimators]]
            kind = 'ross'
            "
        );
        let mut experiment = Experiment::from_toml(name, &text, &[]).unwrap();
        experiment.dataset.source = experiment.dataset.source.relative_to(folder);
        let run = folder.join(name);
        experiment.run(&run, RunOptions::default(), &(), &AtomicBool::new(false)).unwrap();
        for (file, bytes) in files(&run) {
            // The manifest names the folder of the data, and the outcome has its digest.
            let is_of_manifest =
                |line: &&str| line.starts_with("digest = ") || line.starts_with("manifest = ");
            let bytes = match file == "outcome.toml" {
                true => {
                    let text = String::from_utf8(bytes).unwrap();
                    text.lines()
                        .filter(|line| !is_of_manifest(line))
                        .collect::<Vec<_>>()
                        .join("\n")
                        .into_bytes()
                }
                false => bytes,
            };
            let text = String::from_utf8_lossy(&bytes);
            let same_everywhere = !text.contains(folder.to_str().unwrap());
            if same_everywhere {
                writeln!(out, "run {name} {file} {} bytes {:016x}", bytes.len(), hash(&bytes)).unwrap();
            }
        }
    }
    out
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found.extend(
                files(&entry.path()).into_iter().map(|(file, bytes)| (format!("{name}/{file}"), bytes)),
            );
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn all_numbers() -> String {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    estimates() + &trainings(&folder)
}

/// The first lines that differ, for a message.
fn differences(one: &str, other: &str) -> String {
    let differ: Vec<String> = one
        .lines()
        .zip(other.lines())
        .filter(|(one, other)| one != other)
        .map(|(one, other)| format!("  {one}\n  {other}"))
        .collect();
    let lines = format!(
        "{} and {} lines; {} of those differ",
        one.lines().count(),
        other.lines().count(),
        differ.len()
    );
    let shown: Vec<&str> = differ.iter().take(12).map(String::as_str).collect();
    format!("{lines}:\n{}", shown.join("\n"))
}

#[test]
fn numbers_are_those_that_are_stored() {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/numbers.txt"));
    let now = all_numbers();
    if std::env::var_os("INFOPLANE_KEEP_NUMBERS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        now == stored,
        "numbers are not those of tests/numbers.txt. If every result is meant to change, run this test with \
         INFOPLANE_KEEP_NUMBERS=1, commit the file, and say so in the changelog.\n{}",
        differences(&now, &stored)
    );
    // What is compared is not empty.
    for method in AnyEstimator::ALL {
        assert!(now.lines().any(|line| line.starts_with(&format!("{} ", method.name))), "{}", method.name);
    }
    assert!(now.contains("run gelu "));
}

#[test]
fn every_kind_of_vector_instructions_gives_the_same_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let mut first: Option<(&str, String)> = None;
    for (level, _) in infoplane::simd::levels() {
        let out = folder.path().join(level);
        let run = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "numbers_of_a_child"])
            .env("INFOPLANE_TEST_SIMD", level)
            .env(OUT, &out)
            .output()
            .unwrap();
        assert!(run.status.success(), "{level}: {}", String::from_utf8_lossy(&run.stdout));
        let numbers = fs::read_to_string(&out).unwrap();
        match &first {
            None => first = Some((level, numbers)),
            Some((best, expected)) => {
                assert!(numbers == *expected, "{level} and {best}: {}", differences(&numbers, expected));
            }
        }
    }
}

/// Not a test of its own: the other starts it with other instructions.
#[test]
#[ignore = "started by the test of all vector instructions"]
fn numbers_of_a_child() {
    let out = std::env::var_os(OUT).unwrap_or_else(|| panic!("{OUT} names no file"));
    fs::write(out, all_numbers()).unwrap();
}

#[test]
fn instructions_that_the_processor_lacks_are_refused_with_those_that_it_has() {
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "numbers_of_a_child"])
        .env("INFOPLANE_TEST_SIMD", "abacus")
        .env(OUT, std::env::temp_dir().join("never"))
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(!run.status.success());
    assert!(told.contains("INFOPLANE_TEST_SIMD is `abacus`"), "{told}");
    assert!(told.contains(infoplane::simd::levels()[0].0), "{told}");
}
