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
/// `estimators`, a list, takes the place of the experiment's. With a table `[as-if-random]`, which has the keys of
/// [`AsIfRandom`](crate::experiment::AsIfRandom) and may be empty, the networks of each cell are pooled.
///
/// A file has up to 200,000 combinations and 2,000,000 cells. A setting that would take the place of another is an error.
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
        let file = file(origin, text)?;
        check_names(&file).map_err(&wrong)?;
        let (base, has_seeds) = base(origin, &file, folder)?;
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
        check_settings(&file, &axes).map_err(&wrong)?;
        check_counts(&file, &axes).map_err(&wrong)?;
        let seeds: Option<Vec<u64>> = file.seeds.as_ref().map(|seeds| match seeds {
            Seeds::Count(count) => (0..*count).collect(),
            Seeds::List(list) => list.clone(),
        });
        let combinations = combinations(&axes);
        // Data in files are read once for all cells that share them.
        let digests = Digests::default();
        let made: Vec<Arc<Combination>> = combinations
            .par_iter()
            .map(|choices| combination(origin, &file, &base, choices, folder, &digests).map(Arc::new))
            .collect::<Result<_, SweepError>>()?;
        let mut cells = Vec::with_capacity(made.len() * seeds.as_ref().map_or(1, Vec::len));
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

/// With more cells their list takes more than a gigabyte.
const MOST_CELLS: u64 = 2_000_000;
/// A combination of values is a configuration of its own, of some kilobytes, whatever the number of its seeds.
const MOST_COMBINATIONS: u64 = 200_000;
/// Configurations hold no larger seeds.
const LARGEST_SEED: u64 = 9_000_000_000_000_000_000;

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

/// What a text says, which is the file of a sweep.
fn file(origin: &str, text: &str) -> Result<File, SweepError> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        SweepError::of_plan(ExperimentError::Syntax { origin: origin.into(), message: error.to_string() })
    })?;
    Experiment::read_keys(origin, table).map_err(|error| {
        let message = error.to_string();
        let message = message.strip_prefix(&format!("{origin}: ")).map(String::from).unwrap_or(message);
        SweepError::Plan { origin: origin.into(), message }
    })
}

/// Refuses what cells are called among what they set: two that differ in nothing else would be one.
fn check_names(file: &File) -> Result<(), String> {
    let of_cases =
        file.cases.iter().flat_map(Table::keys).filter(|key| *key != "name").map(|key| ("[[cases]]", key));
    let of_set = file.set.keys().map(|key| ("[set]", key));
    let of_axes = file.axes.keys().map(|key| ("[axes]", key));
    for (table, key) in of_set.chain(of_cases).chain(of_axes) {
        if key == "name" || key == "reference" {
            let instead =
                if key == "name" { "give the sweep a `name` at the top of the file" } else { "leave it out" };
            return Err(format!("`{key}` in {table} does not decide what is computed: {instead}"));
        }
    }
    Ok(())
}

/// Refuses settings of which one would take the place of another without a word.
fn check_settings(file: &File, axes: &[(String, Vec<Choice>)]) -> Result<(), String> {
    let replaces = |later: &str, earlier: &str| {
        earlier.strip_prefix(later).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let twice = |settings: &[(String, Value)]| -> Option<String> {
        let pair = settings.windows(2).find(|pair| pair[0].0 == pair[1].0);
        pair.map(|pair| pair[0].0.clone())
    };
    let set = flattened(&file.set);
    if let Some(key) = twice(&set) {
        return Err(format!("`{key}` is set twice in [set]; leave one of them out"));
    }
    let (keys, cases): (Vec<_>, Vec<_>) = axes.iter().partition(|(name, _)| name != CASE);
    for case in cases.iter().flat_map(|(_, choices)| choices) {
        if let Some(key) = twice(&case.settings) {
            return Err(format!("`{key}` is set twice in the case `{}`; leave one of them out", case.value));
        }
    }
    if let Some(pair) = keys.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("the axis `{}` is there twice; put all its values into one list", pair[0].0));
    }
    for (axis, _) in &keys {
        let of_cases = cases.iter().flat_map(|(_, choices)| choices).flat_map(|case| &case.settings);
        if let Some((key, _)) = of_cases.clone().find(|(key, _)| replaces(axis, key)) {
            return Err(format!(
                "`{key}` is set in a case, and the axis `{axis}` would replace it; leave one of them out"
            ));
        }
        if let Some((key, _)) = set.iter().find(|(key, _)| replaces(axis, key)) {
            return Err(format!(
                "`{key}` is in [set], and the axis `{axis}` would replace it; leave one of them out"
            ));
        }
    }
    let all = set.iter().map(|(key, _)| key).chain(keys.iter().map(|(key, _)| key));
    let mut all = all.chain(
        cases
            .iter()
            .flat_map(|(_, choices)| choices)
            .flat_map(|case| case.settings.iter().map(|(key, _)| key)),
    );
    if file.estimators.is_some() && all.any(|key| key == "estimators") {
        return Err(
            "`estimators` is given at the top of the file and among the settings; leave one of them out"
                .into(),
        );
    }
    Ok(())
}

/// Refuses more cells than there can be, before any of them is made.
fn check_counts(file: &File, axes: &[(String, Vec<Choice>)]) -> Result<(), String> {
    let seeds = match &file.seeds {
        None => 1,
        Some(Seeds::Count(0)) => return Err("`seeds` is 0; allowed is a number from 1 on, or a list".into()),
        Some(Seeds::Count(count)) => *count,
        Some(Seeds::List(list)) if list.is_empty() => {
            return Err("`seeds` is empty; give one seed or more, or leave it out".into());
        }
        Some(Seeds::List(list)) => {
            if let Some(seed) = list.iter().find(|seed| **seed > LARGEST_SEED) {
                return Err(format!("`seeds` holds {seed}; allowed are seeds from 0 to {LARGEST_SEED}"));
            }
            list.len() as u64
        }
    };
    let counts = || axes.iter().map(|(_, choices)| choices.len() as u64);
    let product = || counts().map(|count| count.to_string()).collect::<Vec<_>>().join(" · ");
    let combinations = counts().try_fold(1u64, u64::checked_mul).filter(|&count| count <= MOST_COMBINATIONS);
    let Some(combinations) = combinations else {
        return Err(format!(
            "the values of all axes have {} combinations; allowed are {MOST_COMBINATIONS}, each with any number of seeds: \
             divide the values of an axis among several sweeps",
            product()
        ));
    };
    if combinations.checked_mul(seeds).is_none_or(|cells| cells > MOST_CELLS) {
        let (noun, verb) =
            if combinations == 1 { ("combination", "gives") } else { ("combinations", "give") };
        return Err(format!(
            "{combinations} {noun} of values, with {seeds} seeds each, {verb} too many cells; allowed are {MOST_CELLS}: give \
             fewer seeds, or divide them among several sweeps"
        ));
    }
    Ok(())
}

/// The experiment that cells change, as a table, and whether the file says its seeds beside `seeds`.
fn base(origin: &str, file: &File, folder: &Path) -> Result<(Table, bool), SweepError> {
    let experiment = match &file.base {
        Base::Name(base) => {
            let beside = folder.join(base);
            let is_file = Path::new(base).extension().is_some() && beside.exists();
            let name = if is_file { beside.display().to_string() } else { base.clone() };
            let text =
                if is_file { std::fs::read_to_string(&beside).unwrap_or_default() } else { String::new() };
            if let Some(key) = text.parse::<Table>().ok().and_then(|table| key_of_sweep(&table)) {
                return Err(SweepError::Plan {
                    origin: origin.into(),
                    message: format!(
                        "`base` is {base}, which is the file of a sweep: it has the key `{key}`; allowed is a preset, the file of an \
                         experiment, or the table of one"
                    ),
                });
            }
            Experiment::load(&name, &[]).map_err(SweepError::of_plan)?
        }
        Base::Table(table) => {
            let mut own = Experiment::from_table("base", table.clone()).map_err(SweepError::of_plan)?;
            own.dataset.source = own.dataset.source.relative_to(folder);
            own
        }
    };
    let named = |key: &String| key == "seeds" || key == "first_seed";
    let has_seeds = file.set.keys().any(named)
        || file.axes.keys().any(named)
        || file.cases.iter().any(|case| case.keys().any(named));
    Ok((experiment.to_table(), has_seeds))
}

/// A key that sweeps have and experiments do not.
fn key_of_sweep(table: &Table) -> Option<&'static str> {
    ["base", "axes", "cases", "set"].into_iter().find(|key| table.contains_key(*key))
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
            let mut settings = case.clone();
            settings.remove("name");
            let settings = flattened(&settings);
            choices.push(Choice { label: name.clone(), value: name, settings });
        }
        axes.push((CASE.to_string(), choices));
    }
    for (key, value) in flattened(&file.axes) {
        let values = match value {
            Value::Array(values) => values,
            Value::Table(table) if table.is_empty() => {
                return Err(format!(
                    "the axis `{key}` is an empty table; give it a key with a list of values, or leave it out"
                ));
            }
            other => {
                let kind = other.type_str();
                let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
                return Err(format!("the axis `{key}` is {article} {kind}; allowed is a list of values"));
            }
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

/// The settings of a table by their paths, in the order of these: a table comes before the keys in it, which refine it.
fn flattened(table: &Table) -> Vec<(String, Value)> {
    let mut settings = Vec::new();
    for (key, value) in table {
        flatten(key, value, &mut settings);
    }
    settings.sort_by(|(one, _), (other, _)| one.cmp(other));
    settings
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
    let mut settings = flattened(&file.set);
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
    // More seeds of what was published are still that. What a cell is called follows from its own settings, not from those of others or
    // from the name of the sweep: in a sweep that grew it is the same cell.
    if !is_but_for_seeds(&table, base) {
        experiment.name = format!("{}, sweep", experiment.name);
        experiment.reference = None;
    }
    let pooled = file.as_if_random.clone();
    let digest = digests.of(&experiment.dataset.source).map_err(|error| SweepError::of_plan(error.into()))?;
    let identity = Identity::of(&experiment, table, pooled.as_ref(), digest.as_deref());
    let values = choices.iter().map(|choice| choice.value.clone()).collect();
    Ok(Combination { experiment, pooled, values, label, identity })
}

/// Whether the tables of two experiments are the same but for their seeds and what they are called.
fn is_but_for_seeds(one: &Table, other: &Table) -> bool {
    let decides =
        |(key, _): &(&String, &Value)| !["name", "reference", "seeds", "first_seed"].contains(&&key[..]);
    one.iter().filter(decides).eq(other.iter().filter(decides))
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
        // So are those beside cells that are not that: who adds an axis goes on with the same cells.
        let axis =
            "base = 'tishby2017'\nname = 'a'\nseeds = 2\n[axes]\n'network.nonlinearity' = ['relu', 'tanh']";
        let grown = super::tests::sweep(axis).unwrap();
        assert_eq!(grown.list().cells()[3].id, sweep.list().cells()[1].id);
        assert_eq!(grown.cell(3).experiment, experiment);
        assert_eq!(grown.cell(1).experiment.name, "tishby2017, sweep");
        assert_eq!((one.list().axes().len(), &one.list().cells()[0].label[..]), (0, "tishby2017"));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        for (text, told) in [
            ("base = 'tishby2017'\n[axes]\n'seeds' = []", "the axis `seeds` is empty"),
            (
                "base = 'tishby2017'\n[axes]\n'training.epochs' = 5",
                "the axis `training.epochs` is an integer; allowed is a list",
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
            ("seeds = 3", "missing key `base`"),
            ("base = 'tishby2017'\nseed = [1]", "the file: unknown key `seed`; did you mean `seeds`?"),
            ("base = 'tishby2017'\n[axes.training]", "the axis `training` is an empty table"),
            ("base = 'tishby2017'\n[axes]\n'..' = [1]", "the key is empty, or a part of it is"),
        ] {
            let error = sweep(text).map(|_| ()).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn more_cells_than_there_can_be_are_refused_before_they_are_made() {
        let of_axes = |n: usize, axes: usize| -> String {
            let keys = ["training.batch_size", "training.epochs", "first_seed", "dataset.split.seed"];
            let values: Vec<usize> = (1..=n).collect();
            keys[..axes].iter().map(|key| format!("'{key}' = {values:?}\n")).collect()
        };
        for (text, told) in [
            (
                "seeds = 9000000000000000000".into(),
                "1 combination of values, with 9000000000000000000 seeds each, gives",
            ),
            ("seeds = 10000000000".into(), "allowed are 2000000"),
            ("seeds = 2000001".into(), "allowed are 2000000"),
            (format!("[axes]\n{}", of_axes(1000, 3)), "1000 · 1000 · 1000 combinations; allowed are 200000"),
            (format!("[axes]\n{}", of_axes(100_000, 4)), "combinations; allowed are 200000"),
            (
                format!("seeds = 30000\n[axes]\n{}", of_axes(10, 2)),
                "100 combinations of values, with 30000 seeds each, give",
            ),
            ("seeds = [9223372036854775807]".into(), "`seeds` holds 9223372036854775807"),
        ] {
            let error = sweep(&format!("base = 'tishby2017'\n{text}")).map(|_| ()).unwrap_err();
            assert!(error.contains(told), "{}: {error}", &text[..40.min(text.len())]);
        }
    }

    #[test]
    fn no_setting_takes_the_place_of_another_without_a_word() {
        let case = "[[cases]]\nname = 'a'\n";
        for (text, told) in [
            (
                format!("{case}'training.epochs' = 3\n[axes]\ntraining.epochs = [5]"),
                "`training.epochs` is set in a case, and the axis `training.epochs` would replace it",
            ),
            (
                format!(
                    "{case}'training.optimizer.learning_rate' = 3\n[axes]\n'training.optimizer' = [{{ kind = 'adam' }}]"
                ),
                "the axis `training.optimizer` would replace it",
            ),
            (
                "[axes]\n'training.epochs' = [3]\ntraining.epochs = [5]".into(),
                "the axis `training.epochs` is there twice; put all its values into one list",
            ),
            (
                "[set]\n'training.epochs' = 3\n[axes]\n'training.epochs' = [5]".into(),
                "`training.epochs` is in [set], and the axis",
            ),
            (
                "[set]\n'training.epochs' = 3\ntraining.epochs = 5".into(),
                "`training.epochs` is set twice in [set]",
            ),
            (
                format!("{case}'training.epochs' = 3\ntraining.epochs = 4"),
                "`training.epochs` is set twice in the case `a`",
            ),
            ("estimators = []\n[axes]\nestimators = [[], []]".into(), "`estimators` is given at the top"),
            (
                "[axes]\nname = ['a', 'b']".into(),
                "`name` in [axes] does not decide what is computed: give the sweep a `name`",
            ),
            ("[set]\nname = 'a'".into(), "`name` in [set] does not decide"),
            (
                format!("{case}reference = 'b'"),
                "`reference` in [[cases]] does not decide what is computed: leave it out",
            ),
        ] {
            let error = sweep(&format!("base = 'tishby2017'\n{text}")).map(|_| ()).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
        // What refines is no contradiction: a case for some cells, an axis within a table of a case.
        let refined = format!(
            "base = 'tishby2017'\n[set]\n'training.epochs' = 3\n{case}'training.epochs' = 4\n'training.optimizer' = {{ kind = 'adam', \
             learning_rate = 0.1 }}\n[axes]\n'training.optimizer.learning_rate' = [0.1, 0.2]"
        );
        assert_eq!(sweep(&refined).unwrap().list().cells().len(), 2);
    }

    #[test]
    fn the_name_of_a_sweep_is_in_no_cell() {
        let text = "base = 'tishby2017'\nseeds = 2\n[axes]\n'network.nonlinearity' = ['tanh', 'relu']";
        let named = |name: &str| sweep(&format!("name = '{name}'\n{text}")).unwrap();
        let (one, other, none) = (named("one"), named(&"ä".repeat(400)), sweep(text).unwrap());
        let ids = |sweep: &Sweep| sweep.list().cells().iter().map(|cell| cell.id.clone()).collect::<Vec<_>>();
        assert_eq!((ids(&one), ids(&one)), (ids(&other), ids(&none)));
        assert_eq!(one.cell(1).experiment, other.cell(1).experiment);
        assert_eq!((one.list().name(), none.list().name()), ("one", "tishby2017"));
        assert!(ids(&one)[2].starts_with("relu-10-7-5-4-3-"));
    }

    #[test]
    fn a_base_that_is_a_sweep_is_said_to_be_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("other.toml"), "base = 'tishby2017'\nseeds = 3").unwrap();
        let error =
            Sweep::from_toml("the file", "base = 'other.toml'", folder.path()).unwrap_err().to_string();
        assert!(error.contains("`base` is other.toml, which is the file of a sweep"), "{error}");
    }

    #[test]
    fn what_is_no_toml_is_shown_in_lines() {
        let error =
            Sweep::from_toml("the file", "base = 'tishby2017'\nseeds = = 3", Path::new("")).unwrap_err();
        assert!(
            matches!(&error, SweepError::Experiment(error) if matches!(**error, ExperimentError::Syntax { .. }))
        );
        assert!(error.to_string().contains("\n2 | seeds = = 3"), "{error}");
    }

    #[test]
    fn of_pools_all_keys_have_defaults() {
        let pooled = |text: &str| sweep(&format!("base = 'tishby2017'\n{text}")).unwrap().cell(0).pooled;
        assert_eq!(pooled("[as-if-random]"), Some(AsIfRandom::default()));
        let given = pooled("[as-if-random]\npool = { over = 'steps', window = 9 }\ninputs = 7").unwrap();
        assert_eq!(given.inputs, Some(7));
        assert_eq!(given.estimators, AsIfRandom::default().estimators);
        let steps = crate::experiment::PoolConfig::Steps { window: 9, stride: 1, last: None };
        assert_eq!(given.pool, steps);
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
