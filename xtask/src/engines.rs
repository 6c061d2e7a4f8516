//! The tests of sweeps on what distributes them.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::page::{installed, ran};
use crate::python::{Environment, interpreter};
use crate::{cargo, root};

/// Runs sweeps on clusters on this machine: one of Slurm, where its daemons are or can be installed, and one of Ray, in an environment
/// with what `python/requirements-engines.txt` lists.
pub fn test() -> Result<(), String> {
    let python = interpreter().ok_or("no Python from 3.10 on is here (PYTHON=… names one)")?;
    match installed(&["slurmctld"], "slurmctld slurmd slurm-client munge", "Slurm and munge") {
        // Only Linux has it, and only root may run it.
        Err(missing) => println!("the test of sweeps on Slurm skips: {missing}"),
        Ok(_) => slurm(&python)?,
    }
    let place = root().join("target/python/engines");
    let environment = Environment::new(&python, place.clone())?;
    environment.install(&["-r", "python/requirements-engines.txt"])?;
    let wheel = environment.build_wheel(&place.join("wheels"))?;
    environment.install_wheel(&wheel)?;
    environment.run("pytest", &["-q", "python/tests/test_sweep_ray.py"])
}

/// The built command on a cluster of one node.
fn slurm(python: &Path) -> Result<(), String> {
    cargo(&["build", "--package", "infoplane-cli"], &[])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let mut test = Command::new(python);
    test.arg(root().join("xtask/engines/test_slurm.py")).arg(target.join("debug/infoplane"));
    ran(&mut test, "the test of sweeps on Slurm")
}
