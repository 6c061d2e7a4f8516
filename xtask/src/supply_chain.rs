//! What comes from others: licences, sources and known faults of all crates, with cargo-deny and cargo-audit.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::python::{self, Environment};
use crate::root;

/// The workspace and the one of the fuzz targets.
const MANIFESTS: [&str; 2] = ["Cargo.toml", "fuzz/Cargo.toml"];

/// Checks licences, sources and versions of all crates (`deny.toml`), and whether a published advisory concerns one of them.
///
/// The advisories are those of RustSec: fetched, or of an earlier time where they cannot be. Where there are none, one line says so;
/// with `need_advisories` this is an error.
pub fn check(need_advisories: bool) -> Result<(), String> {
    let programs = Programs::find()?;
    for manifest in MANIFESTS {
        println!("{manifest}: licences, sources and versions of the crates");
        programs.deny(manifest, &["check", "--hide-inclusion-graph", "licenses", "bans", "sources"])?;
    }
    let fetched = output(programs.command("deny").args(["fetch", "db"]))?;
    if !fetched.status.success() {
        let stderr = String::from_utf8_lossy(&fetched.stderr);
        let reason = stderr.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("for no stated reason");
        if !(is_filled(&home()?.join("advisory-dbs")) && is_filled(&home()?.join("advisory-db"))) {
            let message = format!("the advisories of RustSec cannot be fetched ({reason})");
            if need_advisories {
                return Err(message);
            }
            println!("skipped: known faults of the crates are not looked up: {message}");
            return Ok(());
        }
        println!("the advisories are of an earlier time: new ones cannot be fetched ({reason})");
    }
    let as_stored = !fetched.status.success();
    for manifest in MANIFESTS {
        println!("{manifest}: advisories");
        let stored: &[&str] = if as_stored { &["--disable-fetch"] } else { &[] };
        programs.deny(manifest, &[&["check"], stored, &["advisories"]].concat())?;
        let lock = manifest.replace(".toml", ".lock");
        let stored: &[&str] = if as_stored { &["--no-fetch", "--stale"] } else { &[] };
        let arguments = [&["audit", "--deny", "warnings", "--file", &lock], stored].concat();
        succeeded("cargo audit", programs.command("audit").args(arguments))?;
    }
    Ok(())
}

/// Where the two programs are: on the search path, or in an environment of Python.
struct Programs {
    environment: Option<Environment>,
}

impl Programs {
    fn find() -> Result<Programs, String> {
        let is_installed = |name: &str| {
            let version = Command::new(format!("cargo-{name}")).arg("--version").output();
            version.is_ok_and(|output| output.status.success())
        };
        if is_installed("deny") && is_installed("audit") {
            return Ok(Programs { environment: None });
        }
        let advice = "install them with `cargo install --locked cargo-deny cargo-audit`";
        let Some(python) = python::interpreter() else {
            return Err(format!(
                "cargo-deny and cargo-audit are not both installed, and there is no Python from 3.10 on to install them with: {advice}"
            ));
        };
        let environment = Environment::new(&python, root().join("target/python/supply-chain"))?;
        environment
            .install(&["--require-hashes", "--no-deps", "-r", "xtask/supply-chain.txt"])
            .map_err(|error| format!("{error}; {advice}"))?;
        Ok(Programs { environment: Some(environment) })
    }

    fn command(&self, name: &str) -> Command {
        let name = format!("cargo-{name}");
        let program = self.environment.as_ref().map_or(PathBuf::from(&name), |there| there.program(&name));
        let mut command = Command::new(program);
        command.current_dir(root());
        command
    }

    fn deny(&self, manifest: &str, arguments: &[&str]) -> Result<(), String> {
        let mut command = self.command("deny");
        // One list of what is allowed for both workspaces.
        let config = root().join("deny.toml");
        command.args(["--manifest-path", manifest, "--locked", "--config"]).arg(config).args(arguments);
        succeeded("cargo deny", &mut command)
    }
}

fn succeeded(what: &str, command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot start {what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what} found something")) }
}

fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| format!("cannot start cargo-deny: {error}"))
}

/// Where cargo and both programs keep what they fetch.
fn home() -> Result<PathBuf, String> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let usual = || std::env::home_dir().map(|home| home.join(".cargo"));
    named.or_else(usual).ok_or_else(|| "neither CARGO_HOME nor a home directory is known".into())
}

fn is_filled(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}
