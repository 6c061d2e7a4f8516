//! Whether an experiment still is the published one whose name it goes by.

use toml::{Table, Value};

use super::config::Experiment;
use super::preset::PRESETS;

/// What is added to the name of a preset whose settings were changed.
const MODIFIED: &str = ", modified";

impl Experiment {
    /// The name as part of a path: "tishby2017, modified" is `tishby2017-modified`.
    ///
    /// ```
    /// use infoplane::experiment::Experiment;
    /// let longer = Experiment::load("tishby2017", &["training.epochs=9000".into()])?;
    /// assert_eq!(longer.name, "tishby2017, modified");
    /// assert_eq!(longer.directory_name(), "tishby2017-modified");
    /// assert_eq!(longer.reference, None);
    /// # Ok::<(), infoplane::experiment::ExperimentError>(())
    /// ```
    pub fn directory_name(&self) -> String {
        self.name.replace(", ", "-").replace(',', "-")
    }

    /// Takes a preset's name and publication from an experiment whose settings are not the preset's.
    ///
    /// Not compared is what leaves the results as they are: how many seeds, which epochs are measured or recorded,
    /// keyframes, and where the data lie.
    pub(super) fn without_false_claims(mut self) -> Self {
        let settings = settings(&self);
        let presets = PRESETS.iter().filter_map(|preset| {
            let table = preset.toml.parse().ok()?;
            Experiment::from_table(preset.name, table).ok()
        });
        let (mut published, mut unlike) = (false, Vec::new());
        for preset in presets {
            match settings == self::settings(&preset) {
                true => published |= self.reference == preset.reference,
                false => unlike.push(preset),
            }
        }
        if unlike.iter().any(|preset| preset.name == self.name) {
            self.name += MODIFIED;
        }
        if !published && unlike.iter().any(|preset| preset.reference == self.reference) {
            self.reference = None;
        }
        self
    }
}

/// What the results depend on.
fn settings(experiment: &Experiment) -> Table {
    let mut table = experiment.to_table();
    for key in ["name", "reference", "seeds", "first_seed", "schedule", "keyframes"] {
        table.remove(key);
    }
    let mut remove = |path: &[&str], key: &str| {
        let place = path
            .iter()
            .try_fold(&mut table, |table, part| table.get_mut(*part).and_then(Value::as_table_mut));
        place.and_then(|place| place.remove(key));
    };
    remove(&["training"], "statistics");
    remove(&["dataset", "source"], "directory");
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(preset: &str, overrides: &[&str]) -> (String, bool) {
        let overrides: Vec<String> = overrides.iter().map(|text| text.to_string()).collect();
        let experiment = Experiment::load(preset, &overrides).unwrap();
        (experiment.name, experiment.reference.is_some())
    }

    #[test]
    fn a_preset_keeps_its_name_while_its_results_are_the_same() {
        for preset in PRESETS {
            assert_eq!(named(preset.name, &[]), (preset.name.to_string(), true));
        }
        let same = ["seeds=50", "first_seed=7", "schedule.points=20", "keyframes.budget_mib=0"];
        assert_eq!(named("tishby2017", &same), ("tishby2017".into(), true));
        let schedule = "schedule={ kind = \"delta-exact\", delta = 0.05 }";
        assert_eq!(named("saxe2018-tanh", &[schedule]), ("saxe2018-tanh".into(), true));
        let elsewhere = ["dataset.source.directory=/data/mnist", "training.statistics.per_decade=5"];
        assert_eq!(named("saxe2018-mnist", &elsewhere), ("saxe2018-mnist".into(), true));
    }

    #[test]
    fn a_changed_preset_says_so_and_names_no_publication() {
        for change in ["training.epochs=500", "network.nonlinearity=relu", "estimators.0.bins=50"] {
            assert_eq!(named("tishby2017", &[change]), ("tishby2017, modified".into(), false), "{change}");
        }
        // Under a name of its own it still must not claim the publication, unless it is the published one.
        assert_eq!(named("tishby2017", &["name=mine", "training.epochs=500"]), ("mine".into(), false));
        assert_eq!(named("tishby2017", &["name=mine"]), ("mine".into(), true));
        let mut text = PRESETS[0].toml.replace("epochs = 8000", "epochs = 80");
        let copied = Experiment::from_toml("mine.toml", &text, &[]).unwrap();
        assert_eq!((copied.name.as_str(), copied.reference), ("tishby2017, modified", None));
        text = text.replace("Shwartz-Ziv & Tishby (2017), Opening", "Mine (2027), Opening");
        let own = Experiment::from_toml("mine.toml", &text, &[]).unwrap();
        assert!(own.reference.is_some(), "a reference of one's own stays");
    }

    #[test]
    fn saying_so_twice_changes_nothing() {
        let once = Experiment::load("tishby2017", &["training.epochs=500".into()]).unwrap();
        let again = once.overridden(&["training.epochs=500".into()]).unwrap();
        assert_eq!(again, once);
        assert_eq!(Experiment::from_table("manifest.toml", once.to_table()).unwrap(), once);
    }
}
