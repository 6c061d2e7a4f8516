//! Runs beside each other.

#[allow(dead_code)] // the rest of it is for other tests
mod call;
mod files;

use std::fs;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use call::{infoplane, refused, stdout};
use files::bytes;

/// A folder with four runs of two seeds: two batch sizes, two learning rates.
fn with_runs() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (batch_size, rate) in [(512, "0.0004"), (512, "0.001"), (64, "0.0004"), (64, "0.001")] {
        let out = format!("batch-{batch_size}-rate-{rate}");
        let sets =
            [format!("training.batch_size={batch_size}"), format!("training.optimizer.learning_rate={rate}")];
        let arguments = [
            "run",
            "tishby2017",
            "-q",
            "--out",
            &out,
            "--epochs",
            "10",
            "--seeds",
            "2",
            "--set",
            "schedule.points=4",
        ];
        let sets = sets.iter().flat_map(|set| ["--set", set.as_str()]);
        stdout(&infoplane(folder.path(), &arguments.into_iter().chain(sets).collect::<Vec<_>>()));
    }
    folder
}

/// The rows of `comparison.csv` by the values of these columns.
fn column(table: &str, name: &str) -> Vec<String> {
    let place = table.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    // Names of these runs hold no commas in quotes before the columns that are asked for.
    table.lines().skip(1).map(|line| line.split(',').nth(place).unwrap().to_string()).collect()
}

#[test]
fn runs_are_compared_one_by_one_or_by_a_key() {
    let folder = with_runs();
    let runs =
        ["batch-512-rate-0.0004", "batch-512-rate-0.001", "batch-64-rate-0.0004", "batch-64-rate-0.001"];
    // A run holds its own report, and no other.
    for out in [runs[0].to_string(), format!("{}/report", runs[0])] {
        let told = refused(folder.path(), &["report", runs[0], runs[2], "--out", &out], 2);
        assert!(told.contains("holds a run") && told.contains("outside of it"), "{told}");
    }
    let told = stdout(&infoplane(folder.path(), &["report", runs[0], runs[2], "--out", "two"]));
    assert!(told.starts_with("compared: "), "{told}");
    let table = fs::read_to_string(folder.path().join("two/comparison.csv")).unwrap();
    let mut groups = column(&table, "group");
    groups.dedup();
    assert_eq!(groups.len(), 2, "{groups:?}");

    let by_batch =
        [&["report"], &runs[..], &["--by", "training.batch_size", "--out", "by", "--json"]].concat();
    let object: Value = serde_json::from_str(&stdout(&infoplane(folder.path(), &by_batch))).unwrap();
    assert_eq!(object["groups"], serde_json::json!(["batch_size 64", "batch_size 512"]));
    let table = fs::read_to_string(folder.path().join("by/comparison.csv")).unwrap();
    // Two runs of two seeds in each group.
    let page = fs::read_to_string(folder.path().join("by/summary.md")).unwrap();
    assert!(page.contains("batch\\_size 64 (4 seeds)"), "{page}");
    assert!(page.contains("numbered through"), "{page}");
    let mut groups = column(&table, "group");
    groups.dedup();
    assert_eq!(groups, ["batch_size 64", "batch_size 512"]);

    // The mean of a run alone is that of its own report.
    let own = fs::read_to_string(folder.path().join("two/comparison.csv")).unwrap();
    let alone = fs::read_to_string(folder.path().join(runs[0]).join("report/repeats.csv")).unwrap();
    let n = alone.lines().count() - 1;
    for (compared, repeats) in own.lines().skip(1).zip(alone.lines().skip(1)) {
        assert!(compared.ends_with(repeats), "{compared}\n{repeats}");
    }
    assert_eq!(own.lines().count(), 2 * n + 1);
}

#[test]
fn the_same_runs_give_the_same_bytes_and_one_panel_names_the_groups() {
    let folder = with_runs();
    let compare = |out: &str, threads: &str, more: &[&str]| {
        let run = ["report", "batch-512-rate-0.0004", "batch-64-rate-0.0004", "--out", out];
        let output = Command::new(env!("CARGO_BIN_EXE_infoplane"))
            .args(run)
            .args(more)
            .env("RAYON_NUM_THREADS", threads)
            .current_dir(folder.path())
            .output()
            .unwrap();
        stdout(&output);
        bytes(&folder.path().join(out))
    };
    assert_eq!(compare("one", "1", &[]), compare("many", "3", &[]));
    let in_one = compare("panel", "1", &["--one-panel", "--format", "svg"]);
    let plane = &in_one.iter().find(|(path, _)| path.to_string_lossy().contains("plane-")).unwrap().1;
    let svg = String::from_utf8(plane.clone()).unwrap();
    assert!(svg.contains("Information planes –") && svg.contains("(2 seeds)"));
}

#[test]
fn what_cannot_be_compared_is_said() {
    let folder = with_runs();
    let runs = ["report", "batch-512-rate-0.0004", "batch-64-rate-0.0004"];
    let run = |more: &[&'static str]| [&runs[..], more].concat();
    let unknown = refused(folder.path(), &run(&["--by", "training.batchsize", "--out", "x"]), 2);
    assert!(unknown.contains("no key `training.batchsize`; it has `training.batch_size`"), "{unknown}");
    let same = refused(folder.path(), &run(&["--by", "seeds", "--out", "x"]), 2);
    assert!(same.contains("one group"), "{same}");
    let without_out = refused(folder.path(), &run(&["--by", "training.batch_size"]), 2);
    assert!(without_out.contains("--out"), "{without_out}");
    let alone = refused(folder.path(), &["report", "batch-512-rate-0.0004", "--one-panel", "--out", "x"], 2);
    assert!(alone.contains("two or more"), "{alone}");
    for (out, set) in [
        ("kde", "estimators=[{ kind = 'kde', noise_variances = [0.1] }]"),
        ("exact", "estimators=[{ kind = 'binned', rule = 'exact' }]"),
        ("narrow", "network.hidden=[4]"),
    ] {
        let arguments =
            ["run", "tishby2017", "-q", "--out", out, "--epochs", "4", "--seeds", "1", "--set", set];
        stdout(&infoplane(folder.path(), &arguments));
    }
    let none = refused(folder.path(), &["report", "kde", "exact", "--out", "x"], 2);
    assert!(none.contains("no method was measured in all") && none.contains("KDE"), "{none}");
    let unlike = ["report", runs[1], "narrow", "exact", "--by", "training.batch_size", "--out", "x"];
    let unlike = refused(folder.path(), &unlike, 2);
    assert!(unlike.contains("differ in their layers"), "{unlike}");
    // Another setting of the same estimator can be compared, and the figure says so.
    let told = stdout(&infoplane(folder.path(), &["report", runs[1], "exact", "--out", "settings"]));
    assert!(told.contains("exact"), "{told}");
    assert!(!folder.path().join("x").exists(), "nothing is written");
}
