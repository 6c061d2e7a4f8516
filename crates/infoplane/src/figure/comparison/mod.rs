//! Figures that compare runs, or groups of runs.

mod curves;
mod difference;
mod group;
mod member;
mod planes;

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Figure, Note, NoteCode, ReportData, learned};
use crate::plane::{MethodDescription, PlaneGroup};
use crate::run::Run;
use crate::table::{self, Column, Table};

use group::MeasuredOn;
pub(crate) use group::Seeds;
pub use group::{ComparisonError, RunGroup};
use member::{Member, number_by_name, numbered};

/// Beyond so many seeds the faint lines of each are left out: in small panels they are a fog.
const MOST_SEEDS: usize = 10;

/// How planes are arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// A panel for each group; colours tell layers apart.
    #[default]
    SideBySide,
    /// All groups in one panel; colours tell groups apart, markers layers.
    OnePanel,
}

/// Groups of runs that are compared, and the methods that all of them have.
#[derive(Debug, Clone)]
pub struct Comparison {
    groups: Vec<RunGroup>,
    methods: Vec<CommonMethod>,
    /// Where the groups stand, if several keys tell them apart.
    places: Option<Places>,
}

/// Rows and columns of groups that several keys tell apart: a column for each value of the last key, a row for all values of the
/// others that runs have.
#[derive(Debug, Clone)]
struct Places {
    rows: Vec<String>,
    columns: Vec<String>,
    /// The row and the column of each group.
    of_groups: Vec<(usize, usize)>,
}

impl Places {
    /// The places of groups, whose values on the axes lie at `of_groups` in `names`; groups of a row come one after the other.
    fn of(names: &[&[String]], of_groups: &[Vec<usize>]) -> Places {
        let (columns, others) = names.split_last().expect("there is an axis or more");
        let mut rows: Vec<String> = Vec::new();
        let place = |places: &Vec<usize>| {
            let row = Places::name(others, &places[..others.len()]);
            let number = rows.iter().position(|other| *other == row).unwrap_or_else(|| {
                rows.push(row);
                rows.len() - 1
            });
            (number, places[others.len()])
        };
        let of_groups = of_groups.iter().map(place).collect();
        Places { rows, columns: columns.to_vec(), of_groups }
    }

    /// What a group is called.
    pub(crate) fn name(names: &[&[String]], places: &[usize]) -> String {
        let values = names.iter().zip(places).map(|(names, &place)| names[place].as_str());
        values.collect::<Vec<_>>().join(", ")
    }
}

/// A method of all groups.
#[derive(Debug, Clone)]
pub(super) struct CommonMethod {
    pub(super) id: String,
    pub(super) title: String,
    /// Whether its settings are those of every group.
    pub(super) same_settings: bool,
    /// The id in each group.
    pub(super) ids: Vec<String>,
}

impl Comparison {
    /// Compares groups by the methods that all of them have: those with the same id, then estimators that each group has with
    /// one setting, which may differ (bins of tanh and of ReLU layers do).
    ///
    /// # Errors
    /// [`ComparisonError::OneGroup`], [`ComparisonError::NoCommonMethod`].
    pub fn new(groups: Vec<RunGroup>) -> Result<Comparison, ComparisonError> {
        if groups.len() < 2 {
            return Err(ComparisonError::OneGroup(
                groups.first().map(|group| group.name.clone()).unwrap_or_default(),
            ));
        }
        let methods = common_methods(&groups);
        if methods.is_empty() {
            let of = |group: &RunGroup| {
                let titles = group.plane.methods().iter().map(|method| method.title.clone()).collect();
                (group.name.clone(), titles)
            };
            return Err(ComparisonError::NoCommonMethod(groups.iter().map(of).collect()));
        }
        Ok(Comparison { groups, methods, places: None })
    }

    /// Compares runs: each for itself, by its name; or, with keys of their manifests, all runs with the same values as one
    /// group. A key is one of an experiment (`training.batch_size`, `estimators.0.bins`) or of the manifest (`name`,
    /// `data.name`). With several keys planes stand in rows and columns, a column for each value of the last key.
    ///
    /// Groups come in the order of their numbers, if all values of a key are numbers, else in that of the runs.
    ///
    /// # Errors
    /// Those of [`Comparison::new`] and [`RunGroup::new`]; [`ComparisonError::MissingKey`], [`ComparisonError::SameRun`].
    ///
    /// # Examples
    /// ```no_run
    /// use infoplane::figure::Comparison;
    /// use infoplane::run::Run;
    /// let runs = ["tanh", "relu"].map(|name| Run::read(name.as_ref()));
    /// let runs = runs.into_iter().collect::<Result<Vec<Run>, _>>()?;
    /// let by_nonlinearity = Comparison::of_runs(&runs, &["network.nonlinearity"], false)?;
    /// assert_eq!(by_nonlinearity.names(), ["tanh", "relu"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn of_runs<K: AsRef<str>>(
        runs: &[Run],
        keys: &[K],
        all_seeds: bool,
    ) -> Result<Comparison, ComparisonError> {
        let group = |name: &str, runs: &[&Run]| -> Result<RunGroup, ComparisonError> {
            Ok(RunGroup::new(name, runs)?.with_all_seeds(all_seeds))
        };
        let paths: Vec<PathBuf> = runs.iter().map(place_of).collect();
        if let Some(twice) = (1..paths.len()).find(|&place| paths[..place].contains(&paths[place])) {
            return Err(ComparisonError::SameRun(runs[twice].path().display().to_string()));
        }
        let mut named: Vec<&str> = Vec::new();
        for key in keys.iter().map(AsRef::as_ref) {
            if !named.contains(&key) {
                named.push(key);
            }
        }
        let mut others = named.iter().map(|key| Values::of(runs, key)).collect::<Result<Vec<_>, _>>()?;
        // What is the same for all tells no groups apart.
        if others.iter().any(|values| values.names.len() > 1) {
            others.retain(|values| values.names.len() > 1);
        }
        let Some(columns) = others.pop() else {
            let groups = runs.iter().zip(names_of(runs)).map(|(run, name)| group(&name, &[run]));
            return Comparison::new(groups.collect::<Result<_, _>>()?);
        };
        // The places of each run among the values of all keys, which also order the groups.
        let mut found: BTreeMap<Vec<usize>, Vec<&Run>> = BTreeMap::new();
        for (index, run) in runs.iter().enumerate() {
            let of_run = others.iter().chain([&columns]).map(|values| values.of_runs[index]);
            found.entry(of_run.collect()).or_default().push(run);
        }
        let names: Vec<&[String]> = others.iter().chain([&columns]).map(|values| &values.names[..]).collect();
        let groups = found
            .into_iter()
            .map(|(places, runs)| Ok((group(&Places::name(&names, &places), &runs)?, places)));
        let (groups, of_groups): (Vec<RunGroup>, Vec<Vec<usize>>) =
            groups.collect::<Result<Vec<_>, ComparisonError>>()?.into_iter().unzip();
        let places = (!others.is_empty()).then(|| Places::of(&names, &of_groups));
        Ok(Comparison { places, ..Comparison::new(groups)? })
    }

    /// Compares groups that stand at places among the values of axes, as [`Comparison::of_runs`] those of keys: `names` are the values
    /// of each axis. There may be a single group.
    ///
    /// # Errors
    /// [`ComparisonError::NoCommonMethod`].
    pub(crate) fn of_groups(
        groups: Vec<(Vec<usize>, RunGroup)>,
        names: &[&[String]],
    ) -> Result<Comparison, ComparisonError> {
        let (of_groups, groups): (Vec<Vec<usize>>, Vec<RunGroup>) = groups.into_iter().unzip();
        let comparison = match groups.len() {
            1 => Comparison { methods: common_methods(&groups), groups, places: None },
            _ => Comparison::new(groups)?,
        };
        let places = (names.len() > 1).then(|| Places::of(names, &of_groups));
        Ok(Comparison { places, ..comparison })
    }

    /// The names of the groups.
    pub fn names(&self) -> Vec<&str> {
        self.groups.iter().map(|group| group.name.as_str()).collect()
    }

    /// The planes of all methods in rows and columns, if there are several; for each common method the planes and, layer by
    /// layer, the information over epochs; of two groups also the difference. What has no value has no figure.
    pub fn figures(&self, arrangement: Arrangement) -> Vec<Figure> {
        let mut figures = Vec::new();
        figures.extend(self.planes_of_methods());
        for method in &self.methods {
            let members = self.members(method);
            figures.extend(self.planes(method, &members, arrangement));
            figures.extend(self.curves(method, &members));
            figures.extend(self.difference(method, &members));
        }
        figures
    }

    /// Mean, standard error and percentiles over the seeds of each group: a row for each group, method, layer and epoch.
    pub fn table(&self) -> Table<'_> {
        let parts = self.groups.iter().map(|group| {
            let data = group.data();
            let in_mean = data.in_mean();
            let failed: Vec<u64> = group.failed.iter().map(|failed| failed.seed).collect();
            let repeats = table::repeats(&group.plane, &group.layers, |seed| in_mean.has(seed), &failed);
            (group.name.as_str(), repeats)
        });
        Table::stacked("comparison", GROUP, parts.collect())
    }

    /// What can mislead a reader who does not know it: runs and groups that have no rows of a method that is compared, and
    /// are thus not among its values. Figures and summaries say the same.
    pub fn warnings(&self) -> Vec<String> {
        let notes = self.methods.iter().flat_map(|method| self.lacking(method));
        notes.map(|note| note.text).collect()
    }

    /// For each common method its title, what it says of each group, and what it says nothing of.
    pub(crate) fn by_method(&self) -> Vec<ComparedMethod<'_>> {
        let method = |method: &CommonMethod| {
            let members = self.members(method).into_iter();
            let members = members.map(|member| ComparedMember {
                label: member.label(),
                setting: (!method.same_settings).then(|| member.method.title.clone()),
                notes: learned::note(&member.data)
                    .into_iter()
                    .chain(numbered(std::slice::from_ref(&member)))
                    .map(|note| note.text)
                    .collect(),
                data: member.data,
                rows: member.rows,
            });
            ComparedMethod {
                title: method.title.clone(),
                members: members.collect(),
                notes: self.lacking(method).into_iter().map(|note| note.text).collect(),
            }
        };
        self.methods.iter().map(method).collect()
    }

    fn members(&self, method: &CommonMethod) -> Vec<Member<'_>> {
        // A group without rows of the method has no part in its figures.
        let members = self.groups.iter().zip(&method.ids);
        let mut members: Vec<Member<'_>> = members.filter_map(|(group, id)| Member::of(group, id)).collect();
        number_by_name(&mut members);
        members
    }

    /// Which runs of a group, and which groups, have no rows of a method.
    fn lacking(&self, method: &CommonMethod) -> Vec<Note> {
        let of = |(group, id): (&RunGroup, &String)| {
            let title = group.plane.methods().iter().find(|other| other.id == *id);
            let title = title.map_or(&method.title, |found| &found.title);
            let has = |run: &&(String, Vec<String>)| run.1.contains(id);
            let (n, measured) = (group.runs.len(), group.runs.iter().filter(has).count());
            let without: Vec<&str> =
                group.runs.iter().filter(|run| !has(run)).map(|(name, _)| name.as_str()).collect();
            let text = match (without.len(), measured) {
                (0, _) => return None,
                (_, 0) => format!("{} has no rows of {title}: it is not among these values.", group.name),
                (1, _) => format!(
                    "{}: the run {} has no rows of {title}: these values are of {measured} of its {n} runs.",
                    group.name, without[0]
                ),
                _ => format!(
                    "{}: the runs {} have no rows of {title}: these values are of {measured} of its {n} runs.",
                    group.name,
                    listed(&without)
                ),
            };
            Some(Note::warning(NoteCode::Missing, text))
        };
        self.groups.iter().zip(&method.ids).filter_map(of).collect()
    }

    /// What the groups were measured on: once where it is the same for all, else for each with its name.
    pub(crate) fn measured_on(&self) -> Vec<String> {
        MeasuredOn::told(&self.groups.iter().map(MeasuredOn::all).collect::<Vec<_>>())
    }

    fn facts(&self, method: &CommonMethod, members: &[Member<'_>]) -> Vec<String> {
        let mut facts = vec![method.title.clone()];
        let Some(first) = members.first().map(|member| &member.data) else { return facts };
        if members.iter().all(|member| member.data.dataset == first.dataset) {
            facts.push(first.dataset.clone());
        }
        if members.iter().all(|member| member.data.n_samples == first.n_samples) {
            facts.push(format!("n = {}", first.n_samples));
        }
        facts
    }

    fn title(&self, what: &str) -> String {
        let names = self.names();
        match names.len() {
            ..=4 => format!("{what} – {}", listed(&names)),
            n => format!("{what} – {n} groups"),
        }
    }

    /// What is said below a figure of one method: which runs have no rows of it, what belongs to the figure, other settings and
    /// other data of groups, and what must be known of each group.
    fn notes(
        &self,
        method: &CommonMethod,
        members: &[Member<'_>],
        of_figure: impl IntoIterator<Item = Note>,
    ) -> Vec<Note> {
        let settings =
            (!method.same_settings).then(|| Note::fact(NoteCode::Definition, self.settings(members)));
        let mut notes = self.lacking(method);
        notes.extend(of_figure);
        notes.extend(settings);
        notes.extend(other_data(members));
        notes.extend(member::notes(members));
        notes
    }

    /// `tanh: 30 equal on [-1, 1]; ReLU: 100 equal on the layer's range.`
    fn settings(&self, members: &[Member<'_>]) -> String {
        let of = |member: &Member<'_>| format!("{}: {}", member.group.name, member.method.title);
        format!("{}.", members.iter().map(of).collect::<Vec<_>>().join("; "))
    }
}

/// What runs are called beside each other: by their names, or, where two have the same, by their directories, or by their
/// paths.
pub(crate) fn names_of<R: Borrow<Run>>(runs: &[R]) -> Vec<String> {
    let runs = || runs.iter().map(Borrow::borrow);
    let directory =
        |run: &Run| run.path().file_name().unwrap_or(run.path().as_os_str()).to_string_lossy().into_owned();
    let all_differ = |names: &[String]| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    let names: Vec<String> = runs().map(|run| run.name().to_string()).collect();
    let directories: Vec<String> = runs().map(directory).collect();
    if all_differ(&names) {
        names
    } else if all_differ(&directories) {
        directories
    } else {
        // Paths without the folders that all of them are in.
        let paths: Vec<&Path> = runs().map(Run::path).collect();
        let shared = |n: usize| paths.iter().all(|path| path.iter().nth(n) == paths[0].iter().nth(n));
        let n = (0..paths[0].iter().count()).take_while(|&n| shared(n)).count();
        let end = |path: &&Path| path.iter().skip(n).collect::<PathBuf>().display().to_string();
        let ends: Vec<String> = paths.iter().map(end).collect();
        if all_differ(&ends) { ends } else { paths.iter().map(|path| path.display().to_string()).collect() }
    }
}

/// Where a run lies, however it was named.
fn place_of(run: &Run) -> PathBuf {
    run.path().canonicalize().unwrap_or_else(|_| run.path().into())
}

/// The values of a key.
struct Values {
    /// Each once: in the order of numbers, if all are numbers, else in that of the runs.
    names: Vec<String>,
    /// The place among them of the value of each run.
    of_runs: Vec<usize>,
}

impl Values {
    fn of(runs: &[Run], key: &str) -> Result<Values, ComparisonError> {
        let all = runs.iter().map(|run| named_value(run, key)).collect::<Result<Vec<_>, _>>()?;
        let mut each: Vec<&(Option<f64>, String)> = Vec::new();
        for value in &all {
            if !each.iter().any(|other| other.1 == value.1) {
                each.push(value);
            }
        }
        if each.iter().all(|(number, _)| number.is_some()) {
            each.sort_by(|a, b| f64::total_cmp(&a.0.unwrap_or(0.0), &b.0.unwrap_or(0.0)));
        }
        let place = |value: &(Option<f64>, String)| each.iter().position(|other| other.1 == value.1);
        let of_runs = all.iter().map(|value| place(value).unwrap_or(0)).collect();
        Ok(Values { names: each.iter().map(|value| value.1.clone()).collect(), of_runs })
    }
}

/// The value of a key as a number, if it is one, and as the name of a group.
fn named_value(run: &Run, key: &str) -> Result<(Option<f64>, String), ComparisonError> {
    let value = run.manifest().value(key).ok_or_else(|| ComparisonError::MissingKey {
        key: key.into(),
        run: run.path().display().to_string(),
        similar: run.manifest().similar_key(key),
    })?;
    let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
    let short = key.rsplit('.').next().unwrap_or(key);
    Ok(match value {
        toml::Value::String(text) => (None, text),
        other => (number, format!("{short} {other}")),
    })
}

/// Names in a list, separated so that a comma within one separates nothing.
pub(crate) fn listed(names: &[&str]) -> String {
    names.join(if names.iter().any(|name| name.contains(',')) { "; " } else { ", " })
}

/// The data of each group, where they differ.
fn other_data<'a>(members: &[Member<'a>]) -> Option<Note> {
    let of = |member: &Member<'a>| MeasuredOn::only(member.group, &member.data);
    let each = MeasuredOn::told(&members.iter().map(of).collect::<Vec<_>>());
    (each.len() > 1)
        .then(|| Note::fact(NoteCode::Definition, format!("The data differ. {}.", each.join("; "))))
}

/// What one method says of all groups.
pub(crate) struct ComparedMethod<'a> {
    pub title: String,
    pub members: Vec<ComparedMember<'a>>,
    /// Which runs and groups have no rows of it.
    pub notes: Vec<String>,
}

/// What one method says of a group.
pub(crate) struct ComparedMember<'a> {
    /// `tanh (5 seeds)`.
    pub label: String,
    /// The method with its setting, where groups have other settings.
    pub setting: Option<String>,
    pub data: ReportData<'a>,
    pub rows: PlaneGroup<'a>,
    /// That seeds did not learn, and how those of several runs are numbered.
    pub notes: Vec<String>,
}

/// The column that tells groups apart.
const GROUP: Column = Column::category("group", "The group of runs.");

/// The methods of all groups.
fn common_methods(groups: &[RunGroup]) -> Vec<CommonMethod> {
    let mut common: Vec<CommonMethod> = Vec::new();
    for method in groups[0].plane.methods() {
        let same = |group: &RunGroup| group.plane.methods().iter().any(|other| other.id == method.id);
        if groups.iter().all(same) {
            common.push(CommonMethod {
                id: method.id.clone(),
                title: method.title.clone(),
                same_settings: true,
                ids: vec![method.id.clone(); groups.len()],
            });
            continue;
        }
        // Of an estimator with one setting in each group, the settings may differ.
        let only = |group: &RunGroup| {
            let mut alike = group.plane.methods().iter().filter(|other| {
                (&other.estimator, other.bound, other.part) == (&method.estimator, method.bound, method.part)
            });
            let first = alike.next().map(|found| found.id.clone());
            first.filter(|_| alike.next().is_none())
        };
        if let Some(ids) = groups.iter().map(only).collect::<Option<Vec<String>>>() {
            let described = MethodDescription::new(&method.estimator, "", method.bound);
            let described = method.part.map_or(described.clone(), |part| described.of_part(part));
            common.push(CommonMethod { id: described.id, title: described.title, same_settings: false, ids });
        }
    }
    common
}
