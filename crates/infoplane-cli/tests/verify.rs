//! Finished results whose files are damaged, and directories whose files are not what they seem.

mod call;
mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use call::{command, infoplane, stdout};
use files::bytes;

/// A run of a moment with two seeds, keyframes, and a quantity beside the plane.
const SHORT: [&str; 9] = [
    "run",
    "saxe2018-tanh",
    "--epochs=12",
    "--seeds=2",
    "--threads=1",
    "--set=schedule.points=4",
    "--set=estimators=[{ kind = \"binned\", rule = \"equal\", bins = 30, range = \"activation\" }]",
    "--set=quantities=[{ kind = \"layers\" }]",
    "--out",
];

fn run(folder: &Path, out: &str) {
    stdout(&infoplane(folder, &[&SHORT[..], &[out]].concat()));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for (file, content) in bytes(from) {
        let file = to.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }
}

/// What `verify` finds: whether all is whole, and the names of damaged files.
fn verified(folder: &Path, arguments: &[&str]) -> (bool, Vec<String>) {
    let output = infoplane(folder, &[&["verify", "--json"], arguments].concat());
    let found: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let directories = found["directories"].as_array().unwrap().clone();
    let is_damaged = |file: &&Value| matches!(file["state"]["is"].as_str(), Some("damaged" | "missing"));
    let damaged = directories.iter().flat_map(|found| {
        let files = found["files"].as_array().unwrap().clone();
        files
            .iter()
            .filter(is_damaged)
            .map(|file| file["file"].as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    });
    let damaged: Vec<String> = damaged.collect();
    let whole = directories.iter().all(|found| found["whole"] == true);
    assert_eq!(output.status.code(), Some(i32::from(!whole)));
    (whole, damaged)
}

/// Whether a file is made for reading, from the others.
fn is_of_report(file: &Path) -> bool {
    file.starts_with("report")
}

#[test]
fn whatever_byte_is_changed_is_found_and_mended() {
    let folder = TempDir::new().unwrap();
    run(folder.path(), "whole");
    let whole = folder.path().join("whole");
    let before = bytes(&whole);
    assert_eq!(verified(folder.path(), &["whole"]), (true, vec![]));
    let damaged = folder.path().join("damaged");
    copy(&whole, &damaged);
    for (file, content) in before.iter().filter(|(file, _)| !is_of_report(file)) {
        let name = file.to_str().unwrap().replace('\\', "/");
        for place in [0, content.len() / 3, content.len() - 1] {
            let mut changed = content.clone();
            changed[place] ^= 1;
            fs::write(damaged.join(file), changed).unwrap();
            let (is_whole, found) = verified(folder.path(), &["damaged"]);
            assert!(!is_whole && found.contains(&name), "{name} at {place}: {found:?}");
            // What is damaged is never shown as if it were not.
            if file.extension().is_some_and(|extension| extension != "safetensors") {
                assert_eq!(infoplane(folder.path(), &["info", "damaged"]).status.code(), Some(2), "{name}");
            }
            assert_eq!(
                verified(folder.path(), &["damaged", "--repair"]),
                (true, vec![]),
                "{name} at {place}"
            );
            assert!(bytes(&damaged) == before, "{name} at {place}");
        }
        // The first files that are needed to compute others are not computed from anything.
        if !name.ends_with(".toml") {
            fs::remove_file(damaged.join(file)).unwrap();
            assert!(!verified(folder.path(), &["damaged"]).0, "{name}");
            assert_eq!(verified(folder.path(), &["damaged", "--repair"]), (true, vec![]), "{name}");
            assert!(bytes(&damaged) == before, "{name}");
        }
    }
}

#[test]
fn a_changed_fact_about_the_data_is_computed_again_and_a_changed_setting_is_told() {
    let folder = TempDir::new().unwrap();
    run(folder.path(), "run");
    let path = folder.path().join("run/manifest.toml");
    let before = bytes(&folder.path().join("run"));
    let text = fs::read_to_string(&path).unwrap();
    let h_y = text.lines().find(|line| line.starts_with("h_y_bits")).unwrap();
    fs::write(&path, text.replace(h_y, "h_y_bits = 0.123")).unwrap();
    assert_eq!(verified(folder.path(), &["run"]), (false, vec!["manifest.toml".into()]));
    assert_eq!(verified(folder.path(), &["run", "--repair"]), (true, vec![]));
    assert!(bytes(&folder.path().join("run")) == before);

    let rate = text.lines().find(|line| line.starts_with("learning_rate = ")).unwrap();
    fs::write(&path, text.replace(rate, "learning_rate = 0.987")).unwrap();
    let changed = bytes(&folder.path().join("run"));
    let output = infoplane(folder.path(), &["verify", "run", "--repair"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("restore it from a copy"), "{said}");
    // Nothing was made of settings that are not those of the run.
    assert!(bytes(&folder.path().join("run")) == changed);
}

#[test]
fn without_its_outcome_a_run_is_mended_if_the_same_is_computed() {
    let folder = TempDir::new().unwrap();
    run(folder.path(), "run");
    let (path, before) = (folder.path().join("run"), bytes(&folder.path().join("run")));
    fs::write(path.join("outcome.toml"), "digest = \"torn").unwrap();
    assert_eq!(verified(folder.path(), &["run", "--repair"]), (true, vec![]));
    assert!(bytes(&path) == before);
    // With a table that is damaged too nothing tells what was written.
    fs::write(path.join("outcome.toml"), "").unwrap();
    fs::write(path.join("plane.jsonl"), "{}\n").unwrap();
    assert!(!verified(folder.path(), &["run", "--repair"]).0);
    assert_eq!(fs::read(path.join("plane.jsonl")).unwrap(), b"{}\n");
}

#[test]
fn pooled_networks_are_mended_too() {
    let folder = TempDir::new().unwrap();
    run(folder.path(), "run");
    stdout(&infoplane(
        folder.path(),
        &["as-if-random", "run", "--window", "5", "--inputs", "60", "--threads", "1"],
    ));
    let pool = folder.path().join("run/as-if-random");
    let before = bytes(&pool);
    assert_eq!(verified(folder.path(), &["run"]), (true, vec![]));
    for name in
        ["pool.jsonl", "drift.jsonl", "window.jsonl", "overlap.jsonl", "outcome.toml", "as-if-random.toml"]
    {
        let mut content = fs::read(pool.join(name)).unwrap();
        let place = content.len() / 2;
        content[place] ^= 2;
        fs::write(pool.join(name), content).unwrap();
        let (whole, damaged) = verified(folder.path(), &["run"]);
        assert!(!whole && damaged.contains(&name.to_string()), "{name}: {damaged:?}");
        assert_eq!(verified(folder.path(), &["run", "--repair"]), (true, vec![]), "{name}");
        assert!(bytes(&pool) == before, "{name}");
    }
}

#[test]
fn mending_goes_on_after_it_was_killed() {
    let folder = TempDir::new().unwrap();
    run(folder.path(), "whole");
    let before = bytes(&folder.path().join("whole"));
    for after in [0, 30, 80, 150, 250] {
        let damaged = folder.path().join(format!("damaged-{after}"));
        copy(&folder.path().join("whole"), &damaged);
        fs::remove_file(damaged.join("plane.jsonl")).unwrap();
        fs::remove_dir_all(damaged.join("keyframes/seed-1")).unwrap();
        let mut mending = command(folder.path(), &["verify", "--repair", damaged.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(after));
        // It may be done by then.
        let _ = mending.kill();
        mending.wait().unwrap();
        assert_eq!(
            verified(folder.path(), &["--repair", damaged.to_str().unwrap()]),
            (true, vec![]),
            "{after}"
        );
        assert!(bytes(&damaged) == before, "{after}");
    }
}

#[test]
fn an_incomplete_run_is_verified_by_its_journal_and_anything_else_is_named() {
    let folder = TempDir::new().unwrap();
    run(folder.path(), "run");
    let path = folder.path().join("run");
    fs::remove_file(path.join("outcome.toml")).unwrap();
    fs::write(path.join("journal.jsonl"), "00000000 {}\n").unwrap();
    assert_eq!(verified(folder.path(), &["run"]), (false, vec!["journal.jsonl".into()]));
    let said = String::from_utf8(infoplane(folder.path(), &["verify", "run", "--repair"]).stdout).unwrap();
    assert!(said.contains("resume"), "{said}");
    call::refused(folder.path(), &["verify", "nothing"], 2);
    call::refused(folder.path(), &["verify", "."], 2);
}

/// Waits for a call, which must not wait for anything itself.
fn ended(mut call: Child, what: &str) -> Output {
    let start = Instant::now();
    while call.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(120) {
            let _ = call.kill();
            panic!("{what} hangs");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    call.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn nothing_inside_a_run_is_followed_or_waited_for() {
    use std::os::unix::fs::symlink;
    let folder = TempDir::new().unwrap();
    run(folder.path(), "whole");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("elsewhere")).unwrap();
    fs::write(at("elsewhere/victim"), "untouched").unwrap();
    let link = |path: &PathBuf| {
        let _ = fs::remove_dir_all(path);
        let _ = fs::remove_file(path);
        let to = if path.extension().is_some() || path.ends_with("lock") {
            "elsewhere/victim"
        } else {
            "elsewhere"
        };
        symlink(at(to), path).unwrap();
    };
    let pipe = |path: &PathBuf| {
        let _ = fs::remove_dir_all(path);
        let _ = fs::remove_file(path);
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    let replace = |kind: &str, path: &PathBuf| if kind == "link" { link(path) } else { pipe(path) };
    let files = [
        "manifest.toml",
        "outcome.toml",
        "plane.jsonl",
        "training.jsonl",
        "schedule.jsonl",
        "quantities.jsonl",
        "journal.jsonl",
        "lock",
        "report",
        "keyframes",
        "keyframes/seed-0",
        "keyframes/seed-0/epoch-00000001.safetensors",
        "report/plane.csv",
        "report/summary.md",
    ];
    for kind in ["link", "pipe"] {
        for (number, file) in files.into_iter().enumerate() {
            let name = format!("{kind}-{number}");
            let copied = at(&name);
            copy(&at("whole"), &copied);
            // Without an outcome the run is one to be resumed.
            for incomplete in [false, true] {
                if incomplete {
                    let _ = fs::remove_file(copied.join("outcome.toml"));
                }
                replace(kind, &copied.join(file));
                for arguments in [
                    &["info", &name][..],
                    &["report", &name],
                    &["export", &name, "--table", "plane", "--format", "csv", "--out", "/dev/null"],
                    &["verify", &name],
                    &["resume", &name, "--threads", "1"],
                    &["verify", &name, "--repair", "--threads", "1"],
                ] {
                    let mut call = command(folder.path(), arguments);
                    let call = call.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
                    let what = format!("{arguments:?} with a {kind} for {file}");
                    let output = ended(call, &what);
                    let told = String::from_utf8_lossy(&output.stderr).into_owned();
                    assert!(output.status.code().is_some() && !told.contains("panicked"), "{what}: {told}");
                }
                let victims: Vec<_> = bytes(&at("elsewhere"));
                assert_eq!(victims, [(PathBuf::from("victim"), b"untouched".to_vec())], "{file}");
            }
            fs::remove_dir_all(&copied).unwrap();
        }
    }
}
