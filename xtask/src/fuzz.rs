//! Inputs that nobody thought of: libFuzzer on every reader of files.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::root;

/// What `cargo fuzz` passes to the compiler, which needs no nightly compiler for it.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Of each target, unless said.
const RUNS: u64 = 20_000;

/// When a target ends.
enum End {
    Runs(u64),
    Seconds(u64),
}

/// Runs the targets named in `arguments`, or all of them, each for so many inputs (`--runs N`) or so long (`--seconds N`).
///
/// # Errors
/// Names the targets for which an input ended the process, took more than ten seconds or 2 GiB.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let (names, end) = parse(arguments)?;
    let start = Instant::now();
    let folder = build()?;
    println!("built in {:.0} s", start.elapsed().as_secs_f64());
    let mut failed = Vec::new();
    for name in &names {
        let start = Instant::now();
        let done = fuzz(&folder, name, &end)?;
        let text = match done {
            Some(executions) => format!("{executions} inputs"),
            None => "FAILED".to_owned(),
        };
        println!("{name:<12} {text} in {:.0} s", start.elapsed().as_secs_f64());
        if done.is_none() {
            failed.push(&name[..]);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let found = root().join("target/fuzz/found");
    Err(format!(
        "{} failed; the inputs are in {}: move them to fuzz/regressions/TARGET, where a test runs them, and mend the program",
        failed.join(", "),
        found.display()
    ))
}

fn parse(arguments: &[String]) -> Result<(Vec<String>, End), String> {
    let all = targets()?;
    let (mut names, mut end) = (Vec::new(), End::Runs(RUNS));
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().and_then(|value| value.parse().ok());
            value.ok_or_else(|| format!("{argument} needs a whole number"))
        };
        match argument.as_str() {
            "--runs" => end = End::Runs(number()?),
            "--seconds" => end = End::Seconds(number()?),
            name if all.iter().any(|target| target == name) => names.push(name.to_owned()),
            other => {
                return Err(format!(
                    "`{other}` is not known; allowed are --runs, --seconds and the targets {}",
                    all.join(", ")
                ));
            }
        }
    }
    Ok((if names.is_empty() { all } else { names }, end))
}

/// The names of the targets, which are those of their files.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let stem = |path: PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| stem(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// Builds all targets, with the counters that libFuzzer reads; returns the folder of the programs.
fn build() -> Result<PathBuf, String> {
    let version = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let version = String::from_utf8_lossy(&version.stdout);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let place = root().join("target/fuzz");
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--bins", "--manifest-path", "fuzz/Cargo.toml"])
        // With a target, the flags are not those of build scripts.
        .args(["--target", host])
        .env("RUSTFLAGS", format!("--cfg fuzzing {}", COVERAGE.join(" ")))
        .env("CARGO_TARGET_DIR", &place)
        .current_dir(root())
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if !status.success() {
        return Err("the fuzz targets were not built".into());
    }
    Ok(place.join(host).join("release"))
}

/// Runs a target; returns how many inputs it had, and nothing if one of them failed.
fn fuzz(folder: &Path, name: &str, end: &End) -> Result<Option<u64>, String> {
    let place = root().join("target/fuzz");
    let [corpus, found] = ["corpus", "found"].map(|part| place.join(part).join(name));
    for folder in [&corpus, &found] {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut command = Command::new(folder.join(name));
    command.arg(&corpus).args(
        ["seeds", "regressions"]
            .map(|part| root().join("fuzz").join(part).join(name))
            .iter()
            .filter(|folder| folder.exists()),
    );
    command.arg(format!("-artifact_prefix={}/", found.display()));
    command.arg(format!("-dict={}", root().join("fuzz/numbers.dict").display()));
    // A reader that takes seconds or gigabytes for some kilobytes is at fault, too.
    command.args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=16384", "-seed=1", "-print_final_stats=1"]);
    match end {
        End::Runs(runs) => command.arg(format!("-runs={runs}")),
        End::Seconds(seconds) => command.arg(format!("-max_total_time={seconds}")),
    };
    // One core; files that live for a millisecond stay in memory.
    command.env("RAYON_NUM_THREADS", "1");
    if Path::new("/dev/shm").is_dir() {
        command.env("TMPDIR", "/dev/shm");
    }
    let log = found.with_extension("log");
    let file = std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let mut child =
        command.stderr(file).spawn().map_err(|error| format!("cannot start the target {name}: {error}"))?;
    let status = loop {
        match child.try_wait().map_err(|error| format!("{name}: {error}"))? {
            Some(status) => break status,
            None => std::thread::sleep(Duration::from_millis(50)),
        }
    };
    let text = String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned();
    if !status.success() {
        let last: Vec<&str> = text.lines().rev().take(40).collect();
        last.iter().rev().for_each(|line| println!("  {line}"));
        return Ok(None);
    }
    let executions = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok(Some(executions.and_then(|count| count.trim().parse().ok()).unwrap_or(0)))
}
