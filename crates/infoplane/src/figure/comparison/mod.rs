//! Figures that compare runs, or groups of runs.

mod group;
mod member;

use std::borrow::Borrow;
use std::collections::BTreeSet;

use super::learned::{self, LEAST_FOR_BANDS};
use super::{
    Axis, Direction, Figure, FigureKind, Grid, Limit, Note, NoteCode, Panel, ReportData, Role, words,
};
use crate::Information;
use crate::plane::{Mean, MeanPoint, MethodDescription, PlaneGroup};
use crate::run::Run;
use crate::table::{self, Column, Table};

use group::MeasuredOn;
pub use group::{ComparisonError, RunGroup};
use member::{Member, notes, number_by_name, numbered, shared_limits, shown_layers};

/// Beyond so many seeds the faint lines of each are left out: in small panels they are a fog.
const MOST_SEEDS: usize = 10;
/// Most columns of a sheet of planes.
const MOST_COLUMNS: usize = 3;

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
        Ok(Comparison { groups, methods })
    }

    /// Compares runs: each for itself, by its name; or, with a key of their manifests, all runs with the same value as one
    /// group. The key is one of an experiment (`training.batch_size`, `estimators.0.bins`) or of the manifest (`name`,
    /// `data.name`).
    ///
    /// Groups come in the order of their numbers, if all values are numbers, else in that of the runs.
    ///
    /// # Errors
    /// Those of [`Comparison::new`] and [`RunGroup::new`]; [`ComparisonError::MissingKey`].
    pub fn of_runs(runs: &[Run], key: Option<&str>, all_seeds: bool) -> Result<Comparison, ComparisonError> {
        let mut groups: Vec<(Option<f64>, String, Vec<&Run>)> = Vec::new();
        for (run, name) in runs.iter().zip(names_of(runs)) {
            let (number, name) = match key {
                None => (None, name),
                Some(key) => named_value(run, key)?,
            };
            match groups.iter_mut().find(|(_, other, _)| *other == name) {
                Some((_, _, of_group)) => of_group.push(run),
                None => groups.push((number, name, vec![run])),
            }
        }
        if groups.iter().all(|(number, ..)| number.is_some()) {
            groups.sort_by(|a, b| f64::total_cmp(&a.0.unwrap_or(0.0), &b.0.unwrap_or(0.0)));
        }
        let group = |(_, name, runs): (_, String, Vec<&Run>)| {
            RunGroup::new(&name, &runs).map(|group| group.with_all_seeds(all_seeds))
        };
        Comparison::new(groups.into_iter().map(group).collect::<Result<_, _>>()?)
    }

    /// The names of the groups.
    pub fn names(&self) -> Vec<&str> {
        self.groups.iter().map(|group| group.name.as_str()).collect()
    }

    /// For each common method the planes and, layer by layer, the information over epochs. What has no value has no
    /// figure.
    pub fn figures(&self, arrangement: Arrangement) -> Vec<Figure> {
        let mut figures = Vec::new();
        for method in &self.methods {
            let members = self.members(method);
            figures.extend(self.planes(method, &members, arrangement));
            figures.extend(self.curves(method, &members));
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

    fn planes(
        &self,
        method: &CommonMethod,
        members: &[Member<'_>],
        arrangement: Arrangement,
    ) -> Option<Figure> {
        if members.iter().all(|member| member.layers.is_empty()) {
            return None;
        }
        let one_panel = arrangement == Arrangement::OnePanel;
        let axis =
            |quantity, extra, mean: fn(&MeanPoint) -> f64, limit: fn(&ReportData<'_>) -> Information| {
                let means = members.iter().flat_map(|member| &member.layers).flat_map(|layer| &layer.mean);
                let limits = members.iter().map(|member| limit(&member.data).bits());
                Axis::bits(quantity, means.map(mean), limits, extra)
            };
        let x = axis("I(X;T)", 0.04, |p| p.i_xt_bits.mean, |data| data.h_x);
        let y = axis("I(T;Y)", 0.07, |p| p.i_ty_bits.mean, |data| data.h_y);
        let panel = |name: String, series, limits, remark| Panel {
            name,
            x: x.clone(),
            y: y.clone(),
            series,
            limits,
            remark,
        };
        let columns = members.len().min(if members.len() == 4 { 2 } else { MOST_COLUMNS });
        let panels = if one_panel {
            let series = members.iter().enumerate().flat_map(|(place, member)| member.means(Some(place)));
            vec![panel(String::new(), series.collect(), shared_limits(members), None)]
        } else {
            let of = |member: &Member<'_>| {
                let series = member.seed_paths().into_iter().chain(member.means(None));
                let limits = member.limits();
                panel(member.label(), series.collect(), limits, member.remark(method))
            };
            members.iter().map(of).collect()
        };
        let reading = match (one_panel, members.iter().map(Member::n_seeds).max().unwrap_or(0)) {
            (_, ..2) => None,
            (false, 2..=MOST_SEEDS) => Some("Bold: mean over seeds. Thin: each seed."),
            _ => Some("Paths are means over seeds."),
        };
        let draws_failed = !one_panel
            && members.iter().any(|member| !member.group.failed.is_empty() && member.n_seeds() <= MOST_SEEDS);
        let failed =
            if draws_failed { " Dotted, with a cross at the end: seeds that did not learn." } else { "" };
        let reading = reading.map(|text| Note::reading(NoteCode::Seeds, format!("{text}{failed}")));
        let prefix = if method.same_settings { String::new() } else { self.settings(members) };
        let any_limits = members.iter().any(|member| !member.limits().is_empty());
        let limits = (!one_panel && any_limits).then(|| {
            let shared = shared_limits(members);
            let shared: Vec<String> =
                shared.iter().map(|limit| format!("{} = {} bits", limit.name, limit.text)).collect();
            let text = match shared.len() {
                2 => format!("Dashed lines: {}.", shared.join(" and ")),
                _ => "Dashed lines: H(X) and H(Y) of each group.".into(),
            };
            Note::reading(NoteCode::Definition, text)
        });
        let settings = (!prefix.is_empty()).then(|| Note::fact(NoteCode::Definition, prefix));
        Some(Figure {
            id: format!("plane-{}", method.id),
            kind: FigureKind::Planes,
            heading: format!("Information planes: {}", method.title),
            title: self.title("Information planes"),
            facts: self.facts(method, members),
            layers: shown_layers(members),
            panels,
            grid: Some(Grid {
                columns: vec![String::new(); if one_panel { 1 } else { columns }],
                rows: vec![],
            }),
            groups: if one_panel { members.iter().map(Member::label).collect() } else { vec![] },
            legend: vec![],
            notes: self
                .lacking(method)
                .into_iter()
                .chain(reading)
                .chain(limits)
                .chain(settings)
                .chain(other_data(members))
                .chain(notes(members))
                .collect(),
            table: Some("comparison.csv".into()),
        })
    }

    fn curves(&self, method: &CommonMethod, members: &[Member<'_>]) -> Option<Figure> {
        let layers: BTreeSet<usize> =
            members.iter().flat_map(|member| member.layers.iter().map(|layer| layer.layer)).collect();
        if layers.is_empty() {
            return None;
        }
        let epochs = || {
            let points = members.iter().flat_map(|member| &member.layers).flat_map(|layer| &layer.mean);
            points.map(|point| point.epoch)
        };
        type Value = fn(&MeanPoint) -> Mean;
        type Entropy = fn(&ReportData<'_>) -> Information;
        let quantities: [(&str, &str, Value, Entropy); 2] = [
            ("I(X;T)", "H(X)", |point| point.i_xt_bits, |data| data.h_x),
            ("I(T;Y)", "H(Y)", |point| point.i_ty_bits, |data| data.h_y),
        ];
        let limit = |of: Entropy| {
            let first = of(&members.first()?.data).bits();
            let same = members.iter().all(|member| (of(&member.data).bits() - first).abs() < 1e-9);
            (same && first.is_finite()).then_some(first)
        };
        let panel = |layer: usize, (quantity, name, value, of): (&str, &str, Value, _)| {
            let mut series = Vec::new();
            let mut values = vec![0.0];
            for (place, member) in members.iter().enumerate() {
                let Some(path) = member.layers.iter().find(|path| path.layer == layer) else { continue };
                let (curve, ends) = member.curve(path, Role::Group(place), value);
                values.extend(ends);
                series.extend(curve);
            }
            let limit: Option<f64> = limit(of);
            values.extend(limit);
            Panel {
                name: String::new(),
                x: Axis::epochs(epochs()),
                y: Axis::bits(quantity, values, None, 0.06),
                remark: series.is_empty().then(|| "no value".into()),
                series,
                limits: limit
                    .map(|value| Limit {
                        axis: Direction::Y,
                        value,
                        name: name.into(),
                        text: format!("{value:.3}"),
                    })
                    .into_iter()
                    .collect(),
            }
        };
        let names = shown_layers(members);
        let row = |layer: &usize| {
            let shown = names.iter().find(|shown| shown.layer == *layer);
            vec![shown.map_or_else(|| words::layer(*layer), |shown| shown.name.clone())]
        };
        let many = members.iter().any(|member| member.n_in_mean() >= LEAST_FOR_BANDS);
        let several = members.iter().any(|member| member.n_in_mean() > 1);
        let reading = match (several, many) {
            (false, _) => None,
            (true, false) => {
                Some("Lines: means over seeds. Bands: one standard error of the mean on both sides.")
            }
            (true, true) => Some(
                "Lines: means over seeds. Bands: one standard error of the mean on both sides; lighter, where a \
                 group has eight seeds or more, 5 to 95 % of its seeds.",
            ),
        };
        let reading = reading.map(|text| Note::reading(NoteCode::Seeds, text));
        let settings =
            (!method.same_settings).then(|| Note::fact(NoteCode::Definition, self.settings(members)));
        Some(Figure {
            id: format!("information-{}", method.id),
            kind: FigureKind::Comparison,
            heading: format!("Information over epochs: {}", method.title),
            title: self.title("Information over epochs"),
            facts: self.facts(method, members),
            layers: names.clone(),
            panels: layers
                .iter()
                .flat_map(|&layer| quantities.map(|quantity| panel(layer, quantity)))
                .collect(),
            grid: Some(Grid {
                columns: quantities.map(|quantity| quantity.0.to_string()).into(),
                rows: layers.iter().map(row).collect(),
            }),
            groups: members.iter().map(Member::label).collect(),
            legend: vec![],
            notes: self
                .lacking(method)
                .into_iter()
                .chain(reading)
                .chain(settings)
                .chain(other_data(members))
                .chain(notes(members))
                .collect(),
            table: Some("comparison.csv".into()),
        })
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
        runs().map(|run| run.path().display().to_string()).collect()
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
