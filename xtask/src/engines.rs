//! The tests of sweeps on what distributes them.

use crate::python::{Environment, interpreter};
use crate::root;

/// Runs sweeps on a cluster of Ray on this machine, in an environment with what `python/requirements-engines.txt` lists.
pub fn test() -> Result<(), String> {
    let python = interpreter().ok_or("no Python from 3.10 on is here (PYTHON=… names one)")?;
    let place = root().join("target/python/engines");
    let environment = Environment::new(&python, place.clone())?;
    environment.install(&["-r", "python/requirements-engines.txt"])?;
    let wheel = environment.build_wheel(&place.join("wheels"))?;
    environment.install_wheel(&wheel)?;
    environment.run("pytest", &["-q", "python/tests/test_sweep_ray.py"])
}
