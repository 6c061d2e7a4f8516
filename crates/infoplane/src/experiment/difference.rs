//! Where two experiments differ, key by key.

use std::path::Path;

use toml::{Table, Value};

use super::{Experiment, ExperimentError};

impl Experiment {
    /// Takes over where the data lie, which may be elsewhere now.
    ///
    /// # Errors
    /// [`ExperimentError::Changed`], which names the directory at `path`, if `asked` differs in anything else.
    pub(super) fn take_source_of(&mut self, asked: &Experiment, path: &Path) -> Result<(), ExperimentError> {
        self.dataset.source = asked.dataset.source.clone();
        let differences = differences(&self.to_table(), &asked.to_table());
        if differences.is_empty() {
            return Ok(());
        }
        Err(ExperimentError::Changed { path: path.into(), differences })
    }
}

/// One line for each key whose value differs: the path through the tables, what the run has and what was asked for.
///
/// Where the data lie is no difference: what they are is told by their digest.
pub(super) fn differences(run: &Table, asked: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    compare("", Some(&Value::Table(run.clone())), Some(&Value::Table(asked.clone())), &mut lines);
    lines
}

fn compare(path: &str, run: Option<&Value>, asked: Option<&Value>, lines: &mut Vec<String>) {
    match (run, asked) {
        (Some(Value::Table(run)), Some(Value::Table(asked))) => {
            let mut keys: Vec<&String> = run.keys().chain(asked.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, run.get(key), asked.get(key), lines);
            }
        }
        (Some(Value::Array(run)), Some(Value::Array(asked))) if run.len() == asked.len() => {
            for (position, (run, asked)) in run.iter().zip(asked).enumerate() {
                compare(&format!("{path}.{position}"), Some(run), Some(asked), lines);
            }
        }
        (run, asked) if run == asked => {}
        (run, asked) => {
            let shown = |value: Option<&Value>| value.map_or("nothing".to_string(), Value::to_string);
            lines.push(format!("{path}: {} in the run, {} asked for", shown(run), shown(asked)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_differs_is_named_once() {
        let table = |text: &str| text.parse::<Table>().unwrap();
        let run = table(
            "name = \"a\"\n[training]\nepochs = 10\nstop = { patience = 3 }\n[[estimators]]\nbins = 30",
        );
        let asked = table("name = \"a\"\n[training]\nepochs = 20\n[[estimators]]\nbins = 31");
        assert_eq!(differences(&run, &run), Vec::<String>::new());
        assert_eq!(
            differences(&run, &asked),
            [
                "estimators.0.bins: 30 in the run, 31 asked for",
                "training.epochs: 10 in the run, 20 asked for",
                "training.stop: { patience = 3 } in the run, nothing asked for",
            ]
        );
    }
}
