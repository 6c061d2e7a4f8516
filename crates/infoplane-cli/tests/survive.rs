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
