//! Configuration files.

use std::path::Path;

use infoplane::experiment::{Experiment, override_value};
use infoplane::sweep::{Sweep, expected_cpu_seconds};

/// As an experiment, and as the plan of a sweep.
pub fn toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = override_value(text);
    if let Ok(experiment) = Experiment::from_toml("input", text, &[]) {
        let _ = experiment.epochs();
        let _ = experiment.seed_list();
        // What a run keeps of it reads as the same experiment.
        let again = Experiment::from_table("input", experiment.to_table());
        assert!(again.is_ok_and(|again| again == experiment), "another experiment comes back");
    }
    if let Ok(sweep) = Sweep::from_toml("input", text, Path::new("")) {
        let _ = sweep.list().csv();
        for place in 0..sweep.list().cells().len().min(8) {
            let _ = expected_cpu_seconds(&sweep.cell(place));
        }
    }
}
