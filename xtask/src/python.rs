//! The tests of the Python package, in virtual environments of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{page, root};

/// Installs what the tests need from lists of exact versions.
const INSTALLER: &str = "uv==0.13.9";

/// The tests that need a framework.
const OF_FRAMEWORKS: [&str; 11] = [
    "python/tests/test_arrays.py",
    "python/tests/test_documentation.py",
    "python/tests/test_examples.py",
    "python/tests/test_huggingface.py",
    "python/tests/test_jax.py",
    "python/tests/test_keras.py",
    "python/tests/test_lightning.py",
    "python/tests/test_loggers.py",
    "python/tests/test_torch.py",
    "python/tests/test_torch_pool.py",
    "python/tests/test_torch_sums.py",
];

/// Builds the wheel, installs it with what `python/requirements.txt` lists, runs the tests, that of the widget in JupyterLab where
/// there is a browser, and the checks of types, and builds the documentation; with `frameworks` in an environment that has those of
/// `python/requirements-frameworks.txt`, too.
pub fn test(frameworks: bool) -> Result<(), String> {
    let Some(python) = interpreter() else {
        println!("no Python from 3.10 on is here: the tests of the Python package skip (PYTHON=… names one)");
        return Ok(());
    };
    let place = root().join("target/python");
    let environment = Environment::new(&python, place.join("test"))?;
    environment.install(&["-r", "python/requirements.txt"])?;
    let wheel = environment.build_wheel(&place.join("wheels"))?;
    environment.run("twine", &["check", "--strict", &wheel.to_string_lossy()])?;
    environment.run("abi3audit", &["--strict", &wheel.to_string_lossy()])?;
    test_installations(&environment, &wheel, &place)?;
    environment.install_wheel(&wheel)?;
    environment.run("pytest", &["-q", "python/tests"])?;
    page::test_notebook(&environment.program("python"))?;
    environment.run("mypy", &["--package", "infoplane"])?;
    environment.run("stubtest", &["--ignore-missing-stub", "infoplane._native"])?;
    environment.run("ruff", &["check", "python", "docs"])?;
    let pages = place.join("docs");
    environment.run("sphinx-build", &["-q", "-E", "-a", "-W", "docs", &pages.to_string_lossy()])?;
    if frameworks {
        let environment = Environment::new(&python, place.join("frameworks"))?;
        environment.install(&["-r", "python/requirements-frameworks.txt"])?;
        environment.install_wheel(&wheel)?;
        environment.run("pytest", &[&["-q"][..], &OF_FRAMEWORKS].concat())?;
        // Here alone the types of all classes are known.
        environment.run("pyright", &[])?;
        environment.run("pyright", &["--verifytypes", "infoplane", "--ignoreexternal"])?;
    }
    Ok(())
}

/// Installs the wheel, and runs it, in the oldest Python that it is for with the oldest NumPy, and in the newest Python that is here.
fn test_installations(environment: &Environment, wheel: &Path, place: &Path) -> Result<(), String> {
    let newest = (11..=20).rev().find_map(|minor| interpreter_of(&format!("3.{minor}")));
    let oldest = interpreter_of("3.10");
    let exact = "--constraint=python/requirements.txt";
    for (name, python, versions) in [("oldest", oldest, "--resolution=lowest"), ("newest", newest, exact)] {
        let Some(python) = python else {
            println!("the {name} Python is not here: the installation in it is not tested");
            continue;
        };
        let there = Environment { place: place.join(name) };
        let [python, folder, wheel] = [python.as_path(), &there.place, wheel].map(Path::to_string_lossy);
        environment.run("uv", &["venv", "--quiet", "--clear", "--python", &python, &folder])?;
        environment.run("uv", &["pip", "install", "--quiet", "--python", &folder, versions, &wheel])?;
        there.run("python", &["-I", "python/tests/smoke.py"])?;
    }
    Ok(())
}

/// The interpreter of a version, as `python3.10`.
fn interpreter_of(version: &str) -> Option<PathBuf> {
    let mut command = Command::new(format!("python{version}"));
    // pyenv has no others than the chosen one.
    command.env("PYENV_VERSION", version).args(["-c", "import sys; print(sys.executable)"]);
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

/// The interpreter to test with: the one that the variable `PYTHON` names, or `python3`.
pub fn interpreter() -> Option<PathBuf> {
    let named = std::env::var_os("PYTHON").map_or_else(|| PathBuf::from("python3"), PathBuf::from);
    let recent = "import sys, venv; sys.exit(sys.version_info < (3, 10))";
    let status = Command::new(&named).args(["-c", recent]).status();
    status.is_ok_and(|status| status.success()).then_some(named)
}

fn wheel_in(folder: &Path) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut wheels = entries.flatten().map(|entry| entry.path());
    wheels
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| format!("maturin left no wheel in {}", folder.display()))
}

/// A virtual environment.
pub struct Environment {
    place: PathBuf,
}

impl Environment {
    pub fn new(python: &Path, place: PathBuf) -> Result<Environment, String> {
        let environment = Environment { place };
        if !environment.program("python").exists() {
            let made = Command::new(python).args(["-m", "venv"]).arg(&environment.place).status();
            succeeded("python -m venv", made)?;
        }
        let python = environment.program("python");
        let made = Command::new(&python).args(["-m", "pip", "install", "--quiet", INSTALLER]).status();
        succeeded("pip install", made)?;
        Ok(environment)
    }

    fn programs(&self) -> PathBuf {
        self.place.join(if cfg!(windows) { "Scripts" } else { "bin" })
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.programs().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
    }

    pub fn install(&self, arguments: &[&str]) -> Result<(), String> {
        let python = self.program("python");
        let mut command = Command::new(self.program("uv"));
        command.args(["pip", "install", "--quiet", "--python"]).arg(python).args(arguments);
        succeeded("uv pip install", command.current_dir(root()).status())
    }

    /// Builds the wheel of the package, with the `maturin` of this environment.
    pub fn build_wheel(&self, folder: &Path) -> Result<PathBuf, String> {
        // An older one of the same version would be installed as well.
        let _ = std::fs::remove_dir_all(folder);
        let out = folder.to_string_lossy();
        self.run("maturin", &["build", "--profile", "dev", "--locked", "--out", &out])?;
        wheel_in(folder)
    }

    pub fn install_wheel(&self, wheel: &Path) -> Result<(), String> {
        self.install(&["--no-deps", "--reinstall-package", "infoplane", &wheel.to_string_lossy()])
    }

    /// Runs a program of the environment at the root of the repository.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Result<(), String> {
        let mut path = vec![self.programs()];
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        let path = std::env::join_paths(path).map_err(|error| format!("PATH: {error}"))?;
        let mut command = Command::new(self.program(name));
        command.args(arguments).current_dir(root());
        // As an activated environment has it.
        command.env("PATH", path).env("VIRTUAL_ENV", &self.place).env("PYO3_PYTHON", self.program("python"));
        succeeded(name, command.status())
    }
}

fn succeeded(what: &str, status: std::io::Result<std::process::ExitStatus>) -> Result<(), String> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{what} failed")),
        Err(error) => Err(format!("cannot start {what}: {error}")),
    }
}
