//! The tests of the page: types of its scripts, and what a reader does with it in a browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{cargo, root};

/// Names of Chromium, the first that is there is used.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Checks the scripts, makes pages, and drives them.
pub fn test() -> Result<(), String> {
    let browser = installed(&BROWSERS, "chromium", "Chromium")?;
    let npm = installed(&["npm"], "npm", "npm, with Node.js 20 or newer,")?;
    let folder = packages(&npm)?;
    let compiler = folder.join("node_modules/typescript/bin/tsc");
    for scripts in
        ["crates/infoplane/src/page", "crates/infoplane-serve/src/web", "crates/infoplane-py/src/web"]
    {
        ran(Command::new("node").arg(&compiler).arg("--project").arg(root().join(scripts)), "tsc")?;
    }
    let pages = folder.join("pages");
    let at = pages.to_str().ok_or("the folder of the checkout is not UTF-8")?;
    cargo(&["test", "--workspace", "--test", "page"], &[("INFOPLANE_PAGES", at)])?;
    // The command that the tests of the workspace were run with.
    cargo(&["build", "--workspace", "--bin", "infoplane"], &[])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let command =
        target.join("debug/infoplane").canonicalize().map_err(|error| format!("no command: {error}"))?;
    // One file at a time: a test drives the browser alone.
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=dot", "--test-concurrency=1"]);
    node.args(["page.test.mjs", "live.test.mjs"].map(|test| folder.join(test)));
    node.env("INFOPLANE_PAGES", &pages).env("INFOPLANE_CHROMIUM", browser).env("INFOPLANE_COMMAND", command);
    ran(&mut node, "the tests of the page")
}

/// Drives the widget in JupyterLab, with what is installed beside `python`; skips where there is no browser, which the other tests
/// of the Python package do without.
pub fn test_notebook(python: &Path) -> Result<(), String> {
    let browser = BROWSERS.iter().find_map(|name| on_path(name));
    let (Some(browser), Some(npm), Some(_)) = (browser, on_path("npm"), on_path("node")) else {
        println!("Chromium, npm or Node.js is not here: the test of the widget in JupyterLab skips");
        return Ok(());
    };
    let folder = packages(&npm)?;
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=dot"]).arg(folder.join("notebook.test.mjs"));
    node.env("INFOPLANE_CHROMIUM", browser).env("INFOPLANE_NOTEBOOK_PYTHON", python);
    ran(&mut node, "the test of the widget in JupyterLab")
}

/// The program of the first of these names; installed by the system's package manager if none is there and this is root.
pub fn installed(names: &[&str], package: &str, what: &str) -> Result<PathBuf, String> {
    let find = || names.iter().find_map(|name| on_path(name));
    if let Some(program) = find() {
        return Ok(program);
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0");
    let advice = format!("these tests need {what}; install it, such as by `apt-get install {package}`");
    if !is_root || on_path("apt-get").is_none() {
        return Err(advice);
    }
    println!("installing {package}");
    ran(Command::new("apt-get").args(["update", "--quiet"]), "apt-get update")?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(package.split(' '));
    ran(install.env("DEBIAN_FRONTEND", "noninteractive"), "apt-get install")?;
    find().ok_or(advice)
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Daemons are where root finds them.
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|program| program.is_file())
}

/// A folder with the tests and the packages of the lock file that they need.
fn packages(npm: &Path) -> Result<PathBuf, String> {
    let (from, folder) = (root().join("crates/infoplane/tests/page"), root().join("target/page"));
    let told = |error: std::io::Error| format!("cannot copy the tests of the page: {error}");
    fs::create_dir_all(&folder).map_err(told)?;
    let lock = fs::read(from.join("package-lock.json")).map_err(told)?;
    let is_there = folder.join("node_modules").is_dir()
        && fs::read(folder.join("package-lock.json")).is_ok_and(|known| known == lock);
    for entry in fs::read_dir(&from).map_err(told)? {
        let path = entry.map_err(told)?.path();
        fs::copy(&path, folder.join(path.file_name().unwrap_or_default())).map_err(told)?;
    }
    if !is_there {
        let mut install = Command::new(npm);
        install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
        ran(&mut install, "npm ci")?;
    }
    folder.canonicalize().map_err(told)
}

pub fn ran(command: &mut Command, what: &str) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot start {what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what} failed")) }
}
