//! The real command, of which one system call fails or at one of which it is killed, and which goes on to the same bytes.
//!
//! Needs `strace`, and a system that lets it watch another process; without them the tests say so. `cargo xtask system-calls`
//! tries hundreds of calls, the ordinary tests a few of each kind.
#![cfg(target_os = "linux")]

#[allow(dead_code)] // each test file uses what it needs of it
mod call;
mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use call::{infoplane, stdout};
use files::bytes;

/// The calls by which a command changes what is on the disk, or finds out what is.
const CALLS: [&str; 10] =
    ["openat", "write", "fsync", "fdatasync", "rename", "mkdir", "unlink", "ftruncate", "linkat", "flock"];

/// What happens at a call: it fails, or the process is killed.
const FAULTS: [&str; 3] = ["error=ENOSPC", "error=EIO", "signal=KILL"];

const BINS: &str =
    "--set=estimators=[{ kind = \"binned\", rule = \"equal\", bins = 30, range = \"activation\" }]";
const SHORT: [&str; 7] =
    ["run", "saxe2018-tanh", "--epochs=8", "--seeds=2", "--threads=1", "--set=schedule.points=3", BINS];

/// How many calls of each kind are tried.
fn tried() -> u64 {
    std::env::var("INFOPLANE_SYSTEM_CALLS").ok().and_then(|number| number.parse().ok()).unwrap_or(2)
}

/// Whether calls can be watched here; says so if not.
fn can_watch() -> bool {
    let watched = Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).output();
    let can = watched.is_ok_and(|output| output.status.success());
    if !can {
        println!("strace is not here, or may not watch a process: failing system calls are not tested");
    }
    can
}

fn watched(folder: &Path, how: &[String], arguments: &[&str]) -> Output {
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o", "/dev/null"])
        .args(how)
        .arg(env!("CARGO_BIN_EXE_infoplane"))
        .args(arguments);
    command.current_dir(folder).env("COLUMNS", "80").stdin(Stdio::null()).output().expect("strace is here")
}

/// How often a command makes each call.
fn counted(folder: &Path, arguments: &[&str]) -> Vec<(&'static str, u64)> {
    let log = folder.join("calls.txt");
    let mut command = Command::new("strace");
    let traced = format!("trace={}", CALLS.join(","));
    command
        .args(["-f", "-qq", "-e", &traced, "-o"])
        .arg(&log)
        .arg(env!("CARGO_BIN_EXE_infoplane"))
        .args(arguments);
    let output = command.current_dir(folder).stdin(Stdio::null()).output().expect("strace is here");
    stdout(&output);
    let text = fs::read_to_string(&log).unwrap();
    fs::remove_file(&log).unwrap();
    let count = |call: &'static str| {
        let made = |line: &&str| {
            line.split_whitespace().nth(1).is_some_and(|made| made.starts_with(&format!("{call}(")))
        };
        (call, text.lines().filter(made).count() as u64)
    };
    CALLS.into_iter().map(count).collect()
}

/// Lets calls of a command fail, one by one, in a copy of `folder` each, and compares what is there after `again`.
fn fails_anywhere(folder: &Path, arguments: &[&str], again: &[&[&str]], compared: &str) {
    let of_copy = || {
        let copied = TempDir::new().unwrap();
        for (file, content) in bytes(folder) {
            let file = copied.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        copied
    };
    let whole = of_copy();
    stdout(&infoplane(whole.path(), arguments));
    let expected = bytes(&whole.path().join(compared));
    assert!(!expected.is_empty());
    let counts = counted(of_copy().path(), arguments);
    let mut number = 0_usize;
    for (call, count) in counts.into_iter().filter(|&(_, count)| count > 0) {
        // Spread over the command's time, the first and the last among them.
        let n = tried().min(count);
        let places = (0..n).map(|place| if n == 1 { count } else { 1 + place * (count - 1) / (n - 1) });
        for place in places {
            // Opening is reading, too: that a saved file cannot be read is a result of a recording.
            let fault = if call == "openat" { "signal=KILL" } else { FAULTS[number % FAULTS.len()] };
            number += 1;
            let what = format!("{} with {fault} at {call} {place} of {count}", arguments[0]);
            let copied = of_copy();
            let inject = format!("inject={call}:{fault}:when={place}");
            let output = watched(copied.path(), &["-e".into(), inject], arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!said.contains("panicked") && !said.contains("memory allocation"), "{what}: {said}");
            if !fault.starts_with("signal") {
                assert!(output.status.code().is_some(), "{what}: {said}");
            }
            // The first way to go on that there is: a run that did not begin is begun, one that did is resumed.
            let went_on = again.iter().any(|again| {
                let output = infoplane(copied.path(), again);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                assert!(!said.contains("panicked"), "{what}, then {again:?}: {said}");
                output.status.success()
            });
            assert!(went_on, "{what}: {said}");
            let found = bytes(&copied.path().join(compared));
            let names =
                |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
            assert_eq!(names(&found), names(&expected), "{what}: {said}");
            assert!(found == expected, "{what}: bytes differ");
        }
    }
}

#[test]
fn a_run() {
    if can_watch() {
        let folder = TempDir::new().unwrap();
        let run = [&SHORT[..], &["--out", "run"]].concat();
        fails_anywhere(folder.path(), &run, &[&["resume", "run", "--threads=1"], &run], "run");
    }
}

#[test]
fn a_report_and_an_export() {
    if can_watch() {
        let folder = TempDir::new().unwrap();
        stdout(&infoplane(folder.path(), &[&SHORT[..], &["--out", "run"]].concat()));
        fs::remove_dir_all(folder.path().join("run/report")).unwrap();
        fails_anywhere(folder.path(), &["report", "run"], &[&["report", "run"]], "run");
        let export = ["export", "run", "--table", "plane", "--format", "arrow", "--out", "out/plane.arrow"];
        fs::create_dir(folder.path().join("out")).unwrap();
        fs::write(folder.path().join("out/other"), "stays").unwrap();
        fails_anywhere(folder.path(), &export, &[&export], "out");
    }
}

#[test]
fn pooled_networks() {
    if can_watch() {
        let folder = TempDir::new().unwrap();
        stdout(&infoplane(folder.path(), &[&SHORT[..], &["--out", "run"]].concat()));
        let pool = ["as-if-random", "run", "--window=4", "--inputs=60", "--threads=1"];
        fails_anywhere(folder.path(), &pool, &[&pool], "run");
    }
}

#[test]
fn a_recording() {
    if can_watch() {
        let folder = TempDir::new().unwrap();
        let saved = folder.path().join("saved");
        for epoch in [0, 1, 2, 5] {
            fs::create_dir_all(saved.join(format!("epoch-{epoch}"))).unwrap();
            for layer in ["a", "b"] {
                let row = |row: u32| format!("{},{}\n", (row * 37 + epoch) % 11, (row * 5 + epoch * 3) % 7);
                let rows: String = (0..60).map(row).collect();
                fs::write(saved.join(format!("epoch-{epoch}/{layer}.csv")), rows).unwrap();
            }
        }
        let labels: String = (0..60).map(|row| format!("{}\n", row * 7 % 3)).collect();
        fs::write(folder.path().join("labels.csv"), labels).unwrap();
        let record = [
            "record",
            "saved",
            "--labels",
            "labels.csv",
            "--estimator",
            "binned",
            "--rule",
            "floor",
            "--bin-width",
            "1",
            "--out",
            "run",
            "--threads=1",
        ];
        fails_anywhere(folder.path(), &record, &[&["resume", "run", "--threads=1"], &record], "run");
    }
}

#[test]
fn a_sweep() {
    if can_watch() {
        let folder = TempDir::new().unwrap();
        let file = format!(
            "base = 'saxe2018-tanh'\nname = 'small'\nseeds = 2\n[set]\n'training.epochs' = 6\n'schedule.points' = 3\n{}\n",
            "estimators = [{ kind = 'binned', rule = 'equal', bins = 30, range = 'activation' }]"
        );
        fs::write(folder.path().join("sweep.toml"), file).unwrap();
        let planned = infoplane(folder.path(), &["sweep", "plan", "sweep.toml", "--store", "store"]);
        stdout(&planned);
        let run = ["sweep", "run", "sweep.toml", "--store", "store", "--threads=1"];
        // Every process that computes is killed at its own call of that number, until cells are given up.
        let again = [&run[..], &["--missing"]].concat();
        fails_anywhere(folder.path(), &run, &[&again], "store/runs");
    }
}

#[test]
fn mending() {
    if can_watch() {
        let folder = TempDir::new().unwrap();
        stdout(&infoplane(folder.path(), &[&SHORT[..], &["--out", "run"]].concat()));
        fs::remove_file(folder.path().join("run/plane.jsonl")).unwrap();
        let mend = ["verify", "--repair", "run", "--threads=1"];
        fails_anywhere(folder.path(), &mend, &[&mend], "run");
    }
}
