//! A sweep, as a TOML file describes it, and its cells.

use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;
use toml::{Table, Value};

use super::cell::{Identity, digest_of};
use super::cost::expected;
use super::list::{CellList, ListedCell};
use super::{Cell, CellKind, Entry, Store, SweepError};
use crate::dataset::DatasetSource;
use crate::experiment::{AsIfRandom, Experiment, ExperimentError};

/// An experiment with what changes from cell to cell: cases, axes and seeds.
///
/// ```toml
/// base = "saxe2018-tanh"                  # a preset, the file of an experiment, or its table
/// seeds = [1, 2, 3]                       # or a number: as many, from 0 on
///
/// [set]                                   # for all cells
/// "training.epochs" = 1000
///
/// [axes]                                  # one cell for each combination
/// "network.nonlinearity" = ["tanh", "relu"]
/// "training.batch_size" = [64, 256]
/// ```
///
/// A key in quotes is a path through the tables of an experiment, and its value takes the place of the one there; keys without
/// quotes lead there, too. Settings that change together are cases, of which every cell has one, with a name:
///
/// ```toml
/// [[cases]]
/// name = "tanh"
/// "network.nonlinearity" = "tanh"
///
/// [[cases]]
/// name = "ReLU, wider"
/// "network.nonlinearity" = "relu"
/// "network.hidden" = [20, 15, 10]
/// ```
///
/// `estimators`, a list, takes the place of the experiment's; with a table `[as-if-random]` the networks of each cell are pooled.
///
/// # Examples
/// ```
/// use infoplane::sweep::Sweep;
/// let text = "base = 'tishby2017'\nseeds = 3\n[axes]\n'network.nonlinearity' = ['tanh', 'relu']";
/// let sweep = Sweep::from_toml("example", text, ".".as_ref())?;
/// let cells = sweep.list().cells();
/// assert_eq!((cells.len(), &cells[3].label[..]), (6, "nonlinearity relu, seed 0"));
/// assert_eq!(sweep.cell(3).experiment.first_seed, 0);
/// # Ok::<(), infoplane::sweep::SweepError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sweep {
    list: CellList,
    cells: Vec<PlannedCell>,
}

/// What is computed in a cell.
#[derive(Debug, Clone)]
struct PlannedCell {
    /// What its seeds share with those of other cells.
    shared: Arc<Combination>,
    first_seed: u64,
    seeds: u64,
}

/// One choice on every axis but that of seeds.
#[derive(Debug)]
struct Combination {
    experiment: Experiment,
    pooled: Option<AsIfRandom>,
    /// The value on each axis, as tables have it.
    values: Vec<String>,
    label: String,
    identity: Identity,
}

/// What the file may hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: Option<String>,
    base: Base,
    seeds: Option<Seeds>,
    #[serde(default)]
    set: Table,
    #[serde(default)]
    cases: Vec<Table>,
    #[serde(default)]
    axes: Table,
    estimators: Option<Vec<Value>>,
    as_if_random: Option<AsIfRandom>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "allowed is a preset, the file of an experiment, or the table of one")]
enum Base {
    Name(String),
    Table(Table),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "allowed is a number of seeds, at least 1, or a list of seeds")]
enum Seeds {
    Count(u64),
    List(Vec<u64>),
}

/// A choice on an axis: what tables and labels call it, and what it sets.
#[derive(Debug, Clone)]
struct Choice {
    value: String,
    label: String,
    settings: Vec<(String, Value)>,
}

/// The column of cases.
const CASE: &str = "case";
/// The column of seeds.
pub(super) const SEED: &str = "seed";

impl Sweep {
    /// Reads a file. Paths of data in it start from the directory that holds it, and so does `base`, if it is a file.
    ///
    /// # Errors
    /// [`SweepError::Plan`] names the file and the key, what was given and what is allowed.
    pub fn read(path: &Path) -> Result<Sweep, SweepError> {
        let origin = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| {
            SweepError::of_plan(ExperimentError::Unreadable { path: path.into(), source })
        })?;
        Sweep::from_toml(&origin, &text, path.parent().unwrap_or(Path::new("")))
    }

    /// The sweep that a text describes; `origin` names it in messages, and paths in it start from `folder`.
    ///
    /// # Errors
    /// As [`Sweep::read`].
    pub fn from_toml(origin: &str, text: &str, folder: &Path) -> Result<Sweep, SweepError> {
        let wrong = |message: String| SweepError::Plan { origin: origin.into(), message };
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let (base, has_seeds) = base(&file, folder)?;
        if has_seeds && file.seeds.is_some() {
            return Err(wrong(
                "seeds are given twice: as `seeds`, which makes a cell of each, and in `set`, `cases` or `axes`".into(),
            ));
        }
        let axes = axes(&file).map_err(&wrong)?;
        for (name, choices) in &axes {
            if choices.is_empty() {
                return Err(wrong(format!(
                    "the axis `{name}` is empty; give it one value or more, or leave it out"
                )));
            }
        }
        let seeds = match &file.seeds {
            None => None,
            Some(Seeds::Count(0)) => {
                return Err(wrong("`seeds` is 0; allowed is a number from 1 on, or a list".into()));
            }
            Some(Seeds::Count(count)) => Some((0..*count).collect()),
            Some(Seeds::List(list)) if list.is_empty() => {
                return Err(wrong("`seeds` is empty; give one seed or more, or leave it out".into()));
            }
            Some(Seeds::List(list)) => Some(list.clone()),
        };
        let count = axes.iter().try_fold(seeds.as_ref().map_or(1, Vec::len), |count, (_, choices)| {
            count.checked_mul(choices.len()).filter(|&count| count <= MOST_CELLS)
        });
        if count.is_none() {
            return Err(wrong(format!("more than {MOST_CELLS} cells; make several sweeps of it")));
        }
        let combinations = combinations(&axes);
        // Data in files are read once for all cells that share them.
        let digests = Digests::default();
        let made: Vec<Arc<Combination>> = combinations
            .par_iter()
            .map(|choices| combination(origin, &file, &base, choices, folder, &digests).map(Arc::new))
            .collect::<Result<_, SweepError>>()?;
        let mut cells = Vec::with_capacity(count.unwrap_or(0));
        for shared in made {
            match &seeds {
                None => cells.push(PlannedCell::of(&shared, None)),
                Some(seeds) => cells.extend(seeds.iter().map(|&seed| PlannedCell::of(&shared, Some(seed)))),
            }
        }
        let name = file.name.clone().unwrap_or_else(|| base_name(&file.base));
        let mut axes: Vec<String> = axes.into_iter().map(|(name, _)| name).collect();
        axes.extend(seeds.is_some().then(|| SEED.to_string()));
        let listed = cells.par_iter().map(|cell| cell.listed(seeds.is_some())).collect();
        let list = CellList::new(name, axes, listed).map_err(|error| match error {
            SweepError::Plan { message, .. } => wrong(message),
            other => other,
        })?;
        Ok(Sweep { list, cells })
    }

    /// The cells with their ids, labels and values: the seeds of the first combination, then those of the next.
    pub fn list(&self) -> &CellList {
        &self.list
    }

    /// What is computed in the cell at a place in the list.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn cell(&self, place: usize) -> Cell {
        let PlannedCell { shared, first_seed, seeds } = &self.cells[place];
        let experiment = Experiment { first_seed: *first_seed, seeds: *seeds, ..shared.experiment.clone() };
        Cell { label: self.list.cells()[place].label.clone(), experiment, pooled: shared.pooled.clone() }
    }
}

/// More cells than that are no sweep that anybody looks at.
const MOST_CELLS: usize = 10_000_000;

impl Sweep {
    /// Whether two cells are the same but for their seeds, of which they have as many.
    pub(super) fn differ_in_seeds(&self, one: usize, other: usize) -> bool {
        let (one, other) = (&self.cells[one], &self.cells[other]);
        Arc::ptr_eq(&one.shared, &other.shared) && one.seeds == other.seeds
    }

    /// The place in a store of the cell at a place in the list.
    pub(super) fn entry(&self, store: &Store, place: usize) -> Entry {
        let is_pool = self.cells[place].shared.pooled.is_some();
        let kind = if is_pool { CellKind::Pool } else { CellKind::Run };
        store.entry(&self.list.cells()[place].id, kind)
    }

    /// [`expected_cpu_seconds`](super::expected_cpu_seconds) of the cell at a place.
    pub(super) fn expected(&self, place: usize) -> f64 {
        let PlannedCell { shared, seeds, .. } = &self.cells[place];
        expected(&shared.experiment, *seeds as f64, shared.pooled.as_ref()).max(1e-9)
    }
}

impl PlannedCell {
    fn of(shared: &Arc<Combination>, seed: Option<u64>) -> PlannedCell {
        let (first_seed, seeds) =
            seed.map_or((shared.experiment.first_seed, shared.experiment.seeds), |seed| (seed, 1));
        PlannedCell { shared: Arc::clone(shared), first_seed, seeds }
    }

    fn listed(&self, has_seed: bool) -> ListedCell {
        let PlannedCell { shared, first_seed, seeds } = self;
        let of_seed = has_seed.then(|| format!("seed {first_seed}"));
        let parts = [Some(shared.label.as_str()).filter(|label| !label.is_empty()), of_seed.as_deref()];
        let label = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let mut values = shared.values.clone();
        values.extend(has_seed.then(|| first_seed.to_string()));
        ListedCell {
            id: shared.identity.with_seeds(*first_seed, *seeds),
            label: if label.is_empty() { shared.experiment.name.clone() } else { label },
            values,
        }
    }
}

/// The experiment that cells change, as a table, and whether the file says its seeds beside `seeds`.
fn base(file: &File, folder: &Path) -> Result<(Table, bool), SweepError> {
    let mut experiment = match &file.base {
        Base::Name(base) => {
            let beside = folder.join(base);
            let is_file = Path::new(base).extension().is_some() && beside.exists();
            let name = if is_file { beside.display().to_string() } else { base.clone() };
            Experiment::load(&name, &[]).map_err(SweepError::of_plan)?
        }
        Base::Table(table) => {
            let mut own = Experiment::from_table("base", table.clone()).map_err(SweepError::of_plan)?;
            own.dataset.source = own.dataset.source.relative_to(folder);
            own
        }
    };
    // More seeds of what was published are still that.
    let changes = !file.set.is_empty() || !file.axes.is_empty() || !file.cases.is_empty();
    if changes || file.estimators.is_some() || file.name.is_some() {
        experiment.name = file.name.clone().unwrap_or_else(|| format!("{}, sweep", experiment.name));
        experiment.reference = None;
    }
    let named = |key: &String| key == "seeds" || key == "first_seed";
    let has_seeds = file.set.keys().any(named)
        || file.axes.keys().any(named)
        || file.cases.iter().any(|case| case.keys().any(named));
    Ok((experiment.to_table(), has_seeds))
}

fn base_name(base: &Base) -> String {
    match base {
        Base::Name(base) => Path::new(base)
            .file_stem()
            .map_or_else(|| base.into(), |name| name.to_string_lossy().into_owned()),
        Base::Table(table) => table.get("name").and_then(Value::as_str).unwrap_or("sweep").into(),
    }
}

/// The axes with their choices: cases, then keys in the order of their names.
fn axes(file: &File) -> Result<Vec<(String, Vec<Choice>)>, String> {
    let mut axes = Vec::new();
    if !file.cases.is_empty() {
        let mut choices: Vec<Choice> = Vec::new();
        for (place, case) in file.cases.iter().enumerate() {
            let name = match case.get("name") {
                Some(Value::String(name)) if !name.is_empty() => name.clone(),
                _ => return Err(format!("case {} has no name; give it a `name`, a string", place + 1)),
            };
            if choices.iter().any(|other| other.value == name) {
                return Err(format!("two cases have the name `{name}`; give each its own"));
            }
            let mut settings = Vec::new();
            for (key, value) in case.iter().filter(|(key, _)| *key != "name") {
                flatten(key, value, &mut settings);
            }
            choices.push(Choice { label: name.clone(), value: name, settings });
        }
        axes.push((CASE.to_string(), choices));
    }
    let mut lists = Vec::new();
    for (key, value) in &file.axes {
        flatten(key, value, &mut lists);
    }
    for (key, value) in lists {
        let Value::Array(values) = value else {
            return Err(format!("the axis `{key}` is {}; allowed is a list of values", value.type_str()));
        };
        let short = key.rsplit('.').next().unwrap_or(&key).to_string();
        let choice = |value: Value| {
            let text = match &value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Choice { label: format!("{short} {text}"), value: text, settings: vec![(key.clone(), value)] }
        };
        axes.push((key.clone(), values.into_iter().map(choice).collect()));
    }
    Ok(axes)
}

/// The values in a table by their paths. A key with a dot is a path already, and its value is meant as it is; a table below a key
/// without a dot leads on, unless it has a kind, on which its other keys depend.
fn flatten(key: &str, value: &Value, into: &mut Vec<(String, Value)>) {
    if key.contains('.') { into.push((key.into(), value.clone())) } else { walk(key, value, into) }
}

fn walk(path: &str, value: &Value, into: &mut Vec<(String, Value)>) {
    match value {
        Value::Table(table) if !table.contains_key("kind") && !table.is_empty() => {
            for (inner, value) in table {
                walk(&format!("{path}.{inner}"), value, into);
            }
        }
        other => into.push((path.into(), other.clone())),
    }
}

/// All combinations of choices, the last axis fastest.
fn combinations(axes: &[(String, Vec<Choice>)]) -> Vec<Vec<&Choice>> {
    let mut all: Vec<Vec<&Choice>> = vec![vec![]];
    for (_, choices) in axes {
        all = all
            .into_iter()
            .flat_map(|chosen| choices.iter().map(move |choice| [&chosen[..], &[choice]].concat()))
            .collect();
    }
    all
}

fn combination(
    origin: &str,
    file: &File,
    base: &Table,
    choices: &[&Choice],
    folder: &Path,
    digests: &Digests,
) -> Result<Combination, SweepError> {
    let label = choices.iter().map(|choice| choice.label.as_str()).collect::<Vec<_>>().join(", ");
    let origin = if label.is_empty() { origin.to_string() } else { format!("{origin}, {label}") };
    let mut table = base.clone();
    let mut settings = Vec::new();
    for (key, value) in &file.set {
        flatten(key, value, &mut settings);
    }
    if let Some(estimators) = &file.estimators {
        settings.push(("estimators".into(), Value::Array(estimators.clone())));
    }
    settings.extend(choices.iter().flat_map(|choice| choice.settings.iter().cloned()));
    let moves_data = settings.iter().any(|(key, _)| key.starts_with("dataset"));
    for (key, value) in settings {
        Experiment::put(&mut table, &key, value).map_err(|message| SweepError::Plan {
            origin: origin.clone(),
            message: format!("`{key}`: {message}"),
        })?;
    }
    let (mut experiment, table) = Experiment::with_table(&origin, table).map_err(SweepError::of_plan)?;
    if moves_data {
        experiment.dataset.source = experiment.dataset.source.relative_to(folder);
    }
    let pooled = file.as_if_random.clone();
    let digest = digests.of(&experiment.dataset.source).map_err(|error| SweepError::of_plan(error.into()))?;
    let identity = Identity::of(&experiment, table, pooled.as_ref(), digest.as_deref());
    let values = choices.iter().map(|choice| choice.value.clone()).collect();
    Ok(Combination { experiment, pooled, values, label, identity })
}

/// The digests of data that were read.
#[derive(Debug, Default)]
pub(super) struct Digests(std::sync::Mutex<Vec<(DatasetSource, Option<String>)>>);

impl Digests {
    /// The digest of data; `None` for those that the configuration decides.
    pub fn of(&self, source: &DatasetSource) -> Result<Option<String>, crate::dataset::DatasetError> {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, digest)) = known.iter().find(|(other, _)| other == source) {
            return Ok(digest.clone());
        }
        let digest = digest_of(source)?;
        known.push((source.clone(), digest.clone()));
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(text: &str) -> Result<Sweep, String> {
        Sweep::from_toml("the file", text, Path::new("")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_table_of_an_experiment_is_a_base_as_its_name_is() {
        let axes = "[axes]\n'training.batch_size' = [64, 128]\n";
        let named = sweep(&format!("base = 'tishby2017'\nseeds = 2\n{axes}")).unwrap();
        let mut base = Experiment::load("tishby2017", &[]).unwrap().to_table();
        ["seeds", "reference"].iter().for_each(|key| _ = base.remove(*key));
        let base = toml::to_string(&Table::from_iter([("base".to_string(), Value::Table(base))])).unwrap();
        let given = sweep(&format!("seeds = 2\n{axes}{base}")).unwrap();
        let ids = |sweep: &Sweep| sweep.list().cells().iter().map(|cell| cell.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&given), ids(&named));
        let error = sweep("base = 3").unwrap_err();
        assert!(
            error.contains("allowed is a preset, the file of an experiment, or the table of one"),
            "{error}"
        );
    }

    #[test]
    fn a_cell_for_each_combination_of_cases_axes_and_seeds() {
        let text = r#"
            base = "tishby2017"
            seeds = [3, 7]
            [set]
            "training.epochs" = 50
            training.batch_size = 128
            [[cases]]
            name = "tanh"
            "network.nonlinearity" = "tanh"
            [[cases]]
            name = "ReLU, wide"
            network.nonlinearity = "relu"
            "network.hidden" = [8, 4]
            [axes]
            "training.optimizer.learning_rate" = [0.1, 0.2]
        "#;
        let sweep = sweep(text).unwrap();
        assert_eq!(sweep.list().axes(), ["case", "training.optimizer.learning_rate", "seed"]);
        let labels: Vec<&str> = sweep.list().cells().iter().map(|cell| &cell.label[..]).collect();
        assert_eq!(labels.len(), 8);
        assert_eq!(labels[0], "tanh, learning_rate 0.1, seed 3");
        assert_eq!(labels[7], "ReLU, wide, learning_rate 0.2, seed 7");
        let last = sweep.cell(7).experiment;
        assert_eq!((last.first_seed, last.seeds, last.training.epochs), (7, 1, 50));
        assert_eq!(last.network.hidden, [8, 4]);
        assert_eq!(last.name, "tishby2017, sweep");
        assert_eq!(last.reference, None);
        assert_eq!(sweep.list().cells()[7].values, ["ReLU, wide", "0.2", "7"]);
        // The id is that of the cell, whoever asks.
        for (place, listed) in sweep.list().cells().iter().enumerate() {
            assert_eq!(listed.id, sweep.cell(place).id(None), "{}", listed.label);
        }
        let again = super::tests::sweep(text).unwrap();
        assert_eq!(sweep.list(), again.list());
    }

    #[test]
    fn more_seeds_of_what_was_published_are_still_that() {
        let sweep = sweep("base = 'tishby2017'\nseeds = 2").unwrap();
        let experiment = sweep.cell(1).experiment;
        assert_eq!(experiment.name, "tishby2017");
        assert!(experiment.reference.is_some());
        let one = super::tests::sweep("base = 'tishby2017'").unwrap();
        assert_eq!((one.list().cells().len(), one.cell(0).experiment.seeds), (1, 5));
        assert_eq!((one.list().axes().len(), &one.list().cells()[0].label[..]), (0, "tishby2017"));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (text, told) in [
            ("base = 'tishby2017'\n[axes]\n'seeds' = []", "the axis `seeds` is empty"),
            (
                "base = 'tishby2017'\n[axes]\n'training.epochs' = 5",
                "the axis `training.epochs` is integer; allowed is a list",
            ),
            ("base = 'tishby2017'\nseeds = 0", "`seeds` is 0"),
            ("base = 'tishby2017'\nseeds = []", "`seeds` is empty"),
            (
                "base = 'tishby2017'\nseeds = 'all'",
                "allowed is a number of seeds, at least 1, or a list of seeds",
            ),
            ("base = 'tishby2017'\nseeds = 2\n[set]\nseeds = 5", "seeds are given twice"),
            ("base = 'tishby2017'\n[[cases]]\n'training.epochs' = 3", "case 1 has no name"),
            (
                "base = 'tishby2017'\n[[cases]]\nname = 'a'\n[[cases]]\nname = 'a'",
                "two cases have the name `a`",
            ),
            (
                "base = 'tishby2017'\nseeds = [1, 2, 1]",
                "two cells are the same experiment: `seed 1` and `seed 1`",
            ),
            ("base = 'tishby2017'\n[axes]\n'training.epoch' = [5]", "did you mean `epochs`?"),
            ("base = 'tishby2017'\n[axes]\n'network.nonlinearity' = ['tan']", "the file, nonlinearity tan"),
            ("base = 'tishby'", "did you mean `tishby2017`?"),
            ("seeds = 3", "missing field `base`"),
            ("base = 'tishby2017'\nseed = [1]", "unknown field `seed`"),
            ("base = 'tishby2017'\n[axes]\n'..' = [1]", "the key is empty, or a part of it is"),
        ] {
            let error = sweep(text).map(|_| ()).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn tables_with_a_kind_are_values_and_estimators_are_replaced() {
        let text = r#"
            base = "tishby2017"
            estimators = [{ kind = "binned", rule = "floor", bin_width = 0.5 }]
            [axes]
            training.optimizer = [{ kind = "sgd", learning_rate = 0.1 }, { kind = "adam", learning_rate = 0.001 }]
        "#;
        let sweep = sweep(text).unwrap();
        assert_eq!(sweep.list().axes(), ["training.optimizer"]);
        let kinds = (0..2).map(|place| sweep.cell(place).experiment.training.optimizer);
        let kinds: Vec<_> = kinds.map(|optimizer| std::mem::discriminant(&optimizer)).collect();
        assert!(kinds.len() == 2 && kinds[0] != kinds[1]);
        assert!((0..2).all(|place| sweep.cell(place).experiment.estimators.len() == 1));
    }
}
