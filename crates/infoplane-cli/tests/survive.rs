//! The real command, killed at any moment, goes on to the same bytes.
//!
//! `cargo xtask soak` runs this with two hundred kills; the ordinary tests do with a few.

mod files;
#[cfg(unix)]
mod signals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use files::bytes;

/// A run of about a second: two trainings, filled sections, both estimators of the preset.
const RUN: [&str; 12] = [
    "run",
    "saxe2018-tanh",
    "--seeds",
    "2",
    "--schedule",
    "delta-exact",
    "--delta",
    "0.1",
    "--set",
    "training.epochs=150",
    "--set",
    "dataset.source={ kind = \"csv\", file = \"data.csv\", label = \"label\" }",
];

/// A folder with data: 512 patterns of nine bits.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    let rows: Vec<String> = (0..512u32)
        .map(|row| {
            let bits: Vec<String> = (0..9).map(|bit| (row >> bit & 1).to_string()).collect();
            format!("{},{}", bits.join(","), (row * 37 % 512).count_ones() % 2)
        })
        .collect();
    let header = "a,b,c,d,e,f,g,h,i,label";
    fs::write(folder.path().join("data.csv"), format!("{header}\n{}\n", rows.join("\n"))).unwrap();
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_infoplane"));
    command.args(arguments).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn finished(folder: &Path, arguments: &[&str]) -> Output {
    let output = command(folder, arguments).output().expect("the command was built");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn assert_same(expected: &[(PathBuf, Vec<u8>)], found: &[(PathBuf, Vec<u8>)], what: &str) {
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(expected), names(found), "{what}");
    for ((name, expected), (_, found)) in expected.iter().zip(found) {
        assert!(expected == found, "{what}: {} differs", name.display());
    }
}

/// Waits at most so long; whether the process ended by itself.
fn ended_within(child: &mut Child, wait: Duration) -> bool {
    let start = Instant::now();
    loop {
        if child.try_wait().unwrap().is_some() {
            return true;
        }
        if start.elapsed() >= wait {
            return false;
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// A sequence that looks random; 0 ≤ x < 1.
fn next_share(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
    (*state >> 33) as f64 / (1u64 << 31) as f64
}

#[test]
fn a_process_killed_at_any_moment_goes_on_to_the_same_bytes() {
    let kills: u32 = std::env::var("INFOPLANE_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(8);
    let folder = folder();
    let start = Instant::now();
    finished(folder.path(), &[&RUN[..], &["--out", "undisturbed"]].concat());
    let whole = start.elapsed();
    let expected = bytes(&folder.path().join("undisturbed"));

    let (mut killed, mut run, mut state) = (0, 0, 20260u64);
    while killed < kills {
        run += 1;
        let out = format!("run-{run}");
        let path = folder.path().join(&out);
        let threads = ["1", "2", "3"][run % 3];
        let memory = ["0", "200KB", "1GiB"][run / 3 % 3];
        loop {
            // Before there is a manifest there is nothing to go on with.
            let begun = path.join("manifest.toml").exists();
            let arguments = match begun {
                true => vec!["resume", &out],
                false => [&RUN[..], &["--out", &out]].concat(),
            };
            let arguments = [&arguments[..], &["--threads", threads, "--memory", memory]].concat();
            let mut child = command(folder.path(), &arguments).spawn().unwrap();
            // Early, in the middle, and sometimes while figures are drawn.
            let wait = whole.mul_f64(next_share(&mut state) * 0.7);
            if ended_within(&mut child, wait) || killed == kills {
                let output = child.wait_with_output().unwrap();
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            if path.join("manifest.toml").exists() {
                let said = command(folder.path(), &["info", &out]).output().unwrap();
                assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            } else {
                // The system may have left an empty directory, or half a manifest.
                let _ = fs::remove_dir_all(&path);
            }
        }
        let mut found = bytes(&path);
        // Half-written figures of a killed report; the next report leaves them alone.
        found.retain(|(name, _)| !name.to_string_lossy().ends_with(".partial"));
        assert_same(&expected, &found, &format!("{out} after {killed} kills"));
        fs::remove_dir_all(&path).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn signals_leave_a_run_to_go_on_with_and_say_how() {
    let folder = folder();
    for (signal, out) in [("-INT", "interrupted"), ("-TERM", "terminated")] {
        if signals::is_ignored(signal) {
            eprintln!("skipped: {signal} is ignored here");
            continue;
        }
        let long = ["--set", "training.epochs=1000000", "--out", out];
        let child = command(folder.path(), &[&RUN[..], &long].concat()).spawn().unwrap();
        let journal = folder.path().join(out).join("journal.jsonl");
        while !fs::metadata(&journal).is_ok_and(|journal| journal.len() > 0) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains(&format!("infoplane resume {out}")), "{said}");
        finished(folder.path(), &["report", out]);
    }
}

/// A run of three epochs whose estimates take so many draws.
#[cfg(unix)]
fn noisy(draws: u32, out: &str) -> Vec<String> {
    let estimators =
        format!("estimators=[{{ kind = \"noise\", noise_variances = [0.01], draws = {draws} }}]");
    let source = RUN[11];
    let run = ["run", "saxe2018-tanh", "--schedule", "list", "--at", "0,1,2", "--epochs", "2", "--out", out];
    let set = ["--set", source, "--set", &estimators];
    run.iter().chain(&set).map(ToString::to_string).collect()
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// An epoch of a million draws takes an hour.
#[cfg(unix)]
#[test]
fn a_signal_stops_a_run_in_the_middle_of_an_epoch() {
    if signals::is_ignored("-INT") {
        eprintln!("skipped: -INT is ignored here");
        return;
    }
    let folder = folder();
    let given = noisy(1_000_000, "long");
    let arguments: Vec<&str> = given.iter().map(String::as_str).collect();
    let mut child = command(folder.path(), &arguments).spawn().unwrap();
    while !folder.path().join("long/manifest.toml").exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::sleep(Duration::from_millis(1));
    }
    // Nothing tells that the estimate is at work; it is after the training of no epoch.
    std::thread::sleep(Duration::from_millis(300));
    interrupt(&child);
    let ended = ended_within(&mut child, Duration::from_secs(60));
    if !ended {
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(ended, "it went on: {said}");
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("infoplane resume long"), "{said}");
}

#[cfg(unix)]
#[test]
fn an_epoch_that_was_dropped_is_measured_again_to_the_same_bytes() {
    if signals::is_ignored("-INT") {
        eprintln!("skipped: -INT is ignored here");
        return;
    }
    const DRAWS: u32 = 200;
    let folder = folder();
    let run = |out: &str| noisy(DRAWS, out);
    let undisturbed = run("undisturbed");
    finished(folder.path(), &undisturbed.iter().map(String::as_str).collect::<Vec<_>>());
    let expected = bytes(&folder.path().join("undisturbed"));
    let given = run("interrupted");
    let mut arguments: Vec<&str> = given.iter().map(String::as_str).collect();
    let (mut state, mut interrupted) = (7u64, 0);
    loop {
        let mut child = command(folder.path(), &arguments).spawn().unwrap();
        while !folder.path().join("interrupted/manifest.toml").exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let wait = Duration::from_millis(50 + (400.0 * next_share(&mut state)) as u64);
        if interrupted == 4 || ended_within(&mut child, wait) {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            break;
        }
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        // It may have been drawing its figures.
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        interrupted += 1;
        arguments = vec!["resume", "interrupted"];
    }
    let found = bytes(&folder.path().join("interrupted"));
    assert_same(&expected, &found, &format!("after {interrupted} interruptions"));
}

#[test]
fn a_long_estimate_tells_how_far_it_is_and_absurd_counts_are_refused() {
    let folder = folder();
    let estimate = [
        "estimate",
        "pair",
        "data.csv:a",
        "data.csv:b,c",
        "--estimator",
        "noise",
        "--noise-variance",
        "0.1",
        "--set",
    ];
    let output = command(folder.path(), &[&estimate[..], &["draws=2000"]].concat())
        .env("INFOPLANE_PROGRESS_SECONDS", "0.01")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("% (draws, ") && said.contains("/2000), elapsed ") && said.contains("ETA "),
        "{said}"
    );
    let output = command(folder.path(), &[&estimate[..], &["draws=100000000"]].concat()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("draws = 100000000; allowed is"), "{said}");
    let many = ["estimate", "pair", "data.csv:a", "data.csv:b", "--permutations", "100000000"];
    let output = command(folder.path(), &many).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_second_process_on_the_same_run_is_refused() {
    let folder = folder();
    let long = ["--set", "training.epochs=1000000", "--out", "run"];
    let mut first = command(folder.path(), &[&RUN[..], &long].concat()).spawn().unwrap();
    let journal = folder.path().join("run/journal.jsonl");
    while !fs::metadata(&journal).is_ok_and(|journal| journal.len() > 0) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let second = command(folder.path(), &["resume", "run"]).output().unwrap();
    first.kill().unwrap();
    first.wait().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(2), "{said}");
    assert!(said.contains("another process"), "{said}");
}
