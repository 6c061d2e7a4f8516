//! Figures that compare runs, or groups of runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::learned::{self, LEAST_FOR_BANDS};
use super::thinning::thin_means;
use super::{
    Axis, Band, BandRange, Direction, Figure, FigureKind, Grid, Limit, Line, Note, NoteCode, Of, Panel, Path,
    ReportData, Role, ScheduleData, Series, ShownLayer, plane, words,
};
use crate::plane::{LayerPath, Mean, MeanPoint, MethodDescription, PlaneGroup};
use crate::run::{FailedSeed, PartFacts, Run};
use crate::table::{self, Column, Table};
use crate::{Information, InformationPlane, LayerDescription};

/// Beyond so many seeds the faint lines of each are left out: in small panels they are a fog.
const MOST_SEEDS: usize = 10;
/// Most columns of a sheet of planes.
const MOST_COLUMNS: usize = 3;

/// Runs that count as one: their seeds are seeds of the same experiment.
///
/// ```no_run
/// use infoplane::figure::{Arrangement, Comparison, RunGroup};
/// use infoplane::run::Run;
/// let tanh = RunGroup::new("tanh", &[Run::read("runs/tanh".as_ref())?])?;
/// let relu = RunGroup::new("ReLU", &[Run::read("runs/relu".as_ref())?])?;
/// let comparison = Comparison::new(vec![tanh, relu])?;
/// let figures = comparison.figures(Arrangement::SideBySide);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RunGroup {
    name: String,
    n_runs: usize,
    plane: InformationPlane,
    failed: Vec<FailedSeed>,
    layers: Vec<LayerDescription>,
    dataset: String,
    n_samples: usize,
    h_x: Information,
    h_y: Information,
    parts: Vec<PartFacts>,
    digest: String,
    is_chain: bool,
    complete: bool,
    all_seeds: bool,
}

/// Why runs cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ComparisonError {
    /// Fewer than two groups.
    #[error("one group of runs, `{0}`: a comparison takes at least two")]
    OneGroup(String),
    /// A group whose runs have other layers or samples.
    #[error(
        "the runs of the group `{group}` differ in their {what} ({one} and {other}): they cannot be averaged; group them by another key"
    )]
    Unlike {
        /// The name of the group.
        group: String,
        /// `layers`, `samples or labels`, `number of samples`.
        what: &'static str,
        /// What the first run has.
        one: String,
        /// What another has.
        other: String,
    },
    /// A run without the key that groups are made by.
    #[error("{run} has no key `{key}`{advice}", advice = did_you_mean(.similar))]
    MissingKey {
        /// The key.
        key: String,
        /// The directory of the run.
        run: String,
        /// A key that it has and that is spelled alike.
        similar: Option<String>,
    },
    /// No method in all groups.
    #[error("no method was measured in all of them: {}", listed(.0))]
    NoCommonMethod(Vec<(String, Vec<String>)>),
}

fn did_you_mean(similar: &Option<String>) -> String {
    similar.as_ref().map(|key| format!("; it has `{key}`")).unwrap_or_default()
}

fn listed(groups: &[(String, Vec<String>)]) -> String {
    let one = |(name, methods): &(String, Vec<String>)| format!("{name} has {}", methods.join(", "));
    groups.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl RunGroup {
    /// A group of runs with the same layers and data. Of a single run seeds keep their numbers; the seeds of several are
    /// numbered through in the order of the runs.
    ///
    /// # Errors
    /// [`ComparisonError::Unlike`] if layers or data differ.
    pub fn new(name: &str, runs: &[Run]) -> Result<RunGroup, ComparisonError> {
        let mut group = RunGroup {
            name: name.into(),
            n_runs: runs.len(),
            plane: InformationPlane::default(),
            failed: Vec::new(),
            layers: Vec::new(),
            dataset: String::new(),
            n_samples: 0,
            h_x: Information::ZERO,
            h_y: Information::ZERO,
            parts: Vec::new(),
            digest: String::new(),
            is_chain: true,
            complete: true,
            all_seeds: false,
        };
        let mut next_seed = 0;
        for (place, run) in runs.iter().enumerate() {
            let data = ReportData::of(run);
            if place == 0 {
                group.layers = data.layers.clone();
                (group.dataset, group.n_samples) = (data.dataset.clone(), data.n_samples);
                (group.h_x, group.h_y) = (data.h_x, data.h_y);
                group.parts = data.parts.clone();
                group.digest = run.manifest().data.digest.clone();
            }
            group.check(&data, &run.manifest().data.digest)?;
            // Recordings of the same samples are data of several names, none of which is the group's.
            if group.dataset != data.dataset {
                group.dataset.clone_from(&group.name);
            }
            group.is_chain &= data.is_chain;
            group.complete &= data.complete;
            if runs.len() == 1 {
                group.plane = data.plane.clone();
                group.failed = data.failed;
                continue;
            }
            let mut seeds = run.manifest().seeds.clone();
            seeds.extend(data.plane.seeds().into_iter().filter(|seed| !run.manifest().seeds.contains(seed)));
            let number = |seed: u64| {
                next_seed + seeds.iter().position(|&other| other == seed).unwrap_or(seeds.len()) as u64
            };
            group
                .plane
                .extend(data.plane.rows().map(|row| crate::PlaneRow { seed: number(row.seed), ..row }));
            group.failed.extend(
                data.failed.into_iter().map(|failed| FailedSeed { seed: number(failed.seed), ..failed }),
            );
            next_seed += seeds.len() as u64;
        }
        Ok(group)
    }

    /// The group with seeds that did not learn in its means.
    pub fn with_all_seeds(self, all_seeds: bool) -> RunGroup {
        RunGroup { all_seeds, ..self }
    }

    /// What figures call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, data: &ReportData<'_>, digest: &str) -> Result<(), ComparisonError> {
        let unlike = |what, one: String, other: String| {
            Err(ComparisonError::Unlike { group: self.name.clone(), what, one, other })
        };
        let widths = |layers: &[LayerDescription]| {
            let one = |(index, layer): (usize, &LayerDescription)| {
                format!("{} {}", LayerDescription::name_in(layers, index + 1), layer.width)
            };
            layers.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
        };
        let (one, other) = (widths(&self.layers), widths(&data.layers));
        if one != other {
            return unlike("layers", one, other);
        }
        if self.digest != digest {
            return unlike("samples or labels", self.digest.clone(), digest.into());
        }
        if self.n_samples != data.n_samples {
            return unlike("number of samples", self.n_samples.to_string(), data.n_samples.to_string());
        }
        Ok(())
    }

    fn data(&self) -> ReportData<'_> {
        ReportData {
            title: self.name.clone(),
            dataset: self.dataset.clone(),
            n_samples: self.n_samples,
            h_x: self.h_x,
            h_y: self.h_y,
            parts: self.parts.clone(),
            is_chain: self.is_chain,
            layers: self.layers.clone(),
            plane: &self.plane,
            training: &[],
            schedule: ScheduleData::default(),
            failed: self.failed.clone(),
            all_seeds: self.all_seeds,
            complete: self.complete,
            limit: None,
            notes: vec![],
        }
    }
}

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
struct CommonMethod {
    id: String,
    title: String,
    /// Whether its settings are those of every group.
    same_settings: bool,
    /// The id in each group.
    ids: Vec<String>,
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
    pub fn of_runs(
        runs: Vec<Run>,
        key: Option<&str>,
        all_seeds: bool,
    ) -> Result<Comparison, ComparisonError> {
        let mut groups: Vec<(Option<f64>, String, Vec<Run>)> = Vec::new();
        let names = names_of(&runs);
        for (run, name) in runs.into_iter().zip(names) {
            let (number, name) = match key {
                None => (None, name),
                Some(key) => named_value(&run, key)?,
            };
            match groups.iter_mut().find(|(_, other, _)| *other == name) {
                Some((_, _, of_group)) => of_group.push(run),
                None => groups.push((number, name, vec![run])),
            }
        }
        if groups.iter().all(|(number, ..)| number.is_some()) {
            groups.sort_by(|a, b| f64::total_cmp(&a.0.unwrap_or(0.0), &b.0.unwrap_or(0.0)));
        }
        let group = |(_, name, runs): (_, String, Vec<Run>)| {
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

    /// For each common method its title, and what it says of each group.
    pub(crate) fn by_method(&self) -> Vec<(String, Vec<ComparedMember<'_>>)> {
        let method = |method: &CommonMethod| {
            let members = self.members(method).into_iter();
            let members = members.map(|member| ComparedMember {
                label: member.label(),
                notes: learned::note(&member.data)
                    .into_iter()
                    .chain(numbered(std::slice::from_ref(&member)))
                    .map(|note| note.text)
                    .collect(),
                data: member.data,
                rows: member.rows,
            });
            (method.title.clone(), members.collect())
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
            ..=4 => format!("{what} – {}", names.join(", ")),
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
                Axis::linear(quantity, "bits", means.map(mean).chain(limits).chain([0.0]), extra)
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
            notes: reading.into_iter().chain(settings).chain(notes(members)).collect(),
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
                y: Axis::linear(quantity, "bits", values, 0.06),
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
            notes: reading.into_iter().chain(settings).chain(notes(members)).collect(),
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
fn names_of(runs: &[Run]) -> Vec<String> {
    let directory =
        |run: &Run| run.path().file_name().unwrap_or(run.path().as_os_str()).to_string_lossy().into_owned();
    let all_differ = |names: &[String]| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    let names: Vec<String> = runs.iter().map(|run| run.name().to_string()).collect();
    let directories: Vec<String> = runs.iter().map(directory).collect();
    if all_differ(&names) {
        names
    } else if all_differ(&directories) {
        directories
    } else {
        runs.iter().map(|run| run.path().display().to_string()).collect()
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

/// What one method says of a group.
pub(crate) struct ComparedMember<'a> {
    /// `tanh (5 seeds)`.
    pub label: String,
    pub data: ReportData<'a>,
    pub rows: PlaneGroup<'a>,
    /// That seeds did not learn, and how those of several runs are numbered.
    pub notes: Vec<String>,
}

/// The column that tells groups apart.
const GROUP: Column = Column::category("group", "The group of runs.");

/// A group with what one method says of it.
struct Member<'a> {
    group: &'a RunGroup,
    data: ReportData<'a>,
    method: &'a Arc<MethodDescription>,
    rows: PlaneGroup<'a>,
    /// By their numbers in the runs of the group.
    own_layers: Vec<LayerPath>,
    /// By their places in the figure: layers of the same name are the same layer.
    layers: Vec<LayerPath>,
    /// The name of each of them, with its width.
    names: Vec<String>,
}

impl<'a> Member<'a> {
    /// What the method with this id says of a group; nothing if it has no rows.
    fn of(group: &'a RunGroup, id: &str) -> Option<Member<'a>> {
        let method = group.plane.methods().iter().find(|method| method.id == id)?;
        let data = group.data().of_method(method).into_owned();
        let in_mean = data.in_mean();
        let rows = group.plane.groups().into_iter().find(|rows| rows.method.id == id)?;
        let layers = rows.layers_over(|seed| in_mean.has(seed));
        let own_layers = layers.clone();
        let names = layers.iter().map(|path| data.layer_name(path.layer, path.width)).collect();
        Some(Member { group, data, method, rows, own_layers, layers, names })
    }

    /// The numbers that the layers have in the runs of the group, in the order of the figure.
    fn own_by_place(&self) -> Vec<usize> {
        let name = |own: &LayerPath| self.data.layer_name(own.layer, own.width);
        let own = |shown: &String| {
            self.own_layers.iter().find(|own| name(own) == *shown).map_or(0, |own| own.layer)
        };
        self.names.iter().map(own).collect()
    }

    fn n_seeds(&self) -> usize {
        self.rows.seeds().len()
    }

    fn n_in_mean(&self) -> usize {
        let in_mean = self.data.in_mean();
        self.rows.seeds().into_iter().filter(|&seed| in_mean.has(seed)).count()
    }

    /// `tanh (mean of 4 of 5 seeds)`.
    fn label(&self) -> String {
        let (n, in_mean) = (self.n_seeds(), self.n_in_mean());
        match n {
            1 => self.group.name.clone(),
            _ if in_mean < n => format!("{} (mean of {in_mean} of {n} seeds)", self.group.name),
            _ => format!("{} ({n} seeds)", self.group.name),
        }
    }

    fn thinned(&self) -> Vec<LayerPath> {
        let mut layers = self.layers.clone();
        thin_means(&mut layers);
        layers
    }

    fn means(&self, group: Option<usize>) -> Vec<Series> {
        let in_mean = self.data.in_mean();
        let mean = |layer: &LayerPath| Series::Path(Path { group, ..plane::mean_path(layer, &in_mean) });
        self.thinned().iter().filter(|layer| !layer.mean.is_empty()).map(mean).collect()
    }

    fn seed_paths(&self) -> Vec<Series> {
        let few = self.layers.iter().filter(|layer| layer.seeds.len() <= MOST_SEEDS);
        few.flat_map(|layer| plane::seed_paths(layer, |seed| self.data.is_failed(seed))).collect()
    }

    fn limits(&self) -> Vec<Limit> {
        plane::limits(&self.data)
    }

    fn remark(&self, method: &CommonMethod) -> Option<String> {
        (!method.same_settings).then(|| self.method.setting.clone())
    }

    /// The mean of a layer with what lies around it, and the values that the axis must hold.
    fn curve(&self, path: &LayerPath, role: Role, value: fn(&MeanPoint) -> Mean) -> (Vec<Series>, Vec<f64>) {
        let mut path = [path.clone()];
        thin_means(&mut path);
        let mean = &path[0].mean;
        let (mut series, mut values) = (Vec::new(), Vec::new());
        let mut band = |range, ends: fn(&Mean) -> Option<(f64, f64)>| {
            let points: Vec<(f64, f64, f64)> = mean
                .iter()
                .filter_map(|point| ends(&value(point)).map(|(low, high)| (point.epoch as f64, low, high)))
                .collect();
            values.extend(points.iter().flat_map(|&(_, low, high)| [low, high]));
            if points.len() > 1 {
                series.push(Series::Band(Band { role, range, points }));
            }
        };
        if self.n_in_mean() >= LEAST_FOR_BANDS {
            band(BandRange::From5To95, |mean| Some((mean.percentiles.p5, mean.percentiles.p95)));
        }
        band(BandRange::StandardError, |mean| {
            mean.standard_error.map(|error| (mean.mean - error, mean.mean + error))
        });
        let points: Vec<(f64, f64)> = mean.iter().map(|p| (p.epoch as f64, value(p).mean)).collect();
        values.extend(points.iter().map(|point| point.1));
        series.push(Series::Line(Line { role, of: Of::Mean, failed: false, dashed: false, points }));
        (series, values)
    }
}

/// Gives layers of the same name the same number, through all groups: in the order of the first group, a layer that only others
/// have after the one that it follows there.
fn number_by_name(members: &mut [Member<'_>]) {
    let mut order: Vec<String> = Vec::new();
    for member in &*members {
        let mut after = None;
        for layer in 1..=member
            .data
            .layers
            .len()
            .max(member.own_layers.iter().map(|path| path.layer).max().unwrap_or(0))
        {
            let name = LayerDescription::name_in(&member.data.layers, layer);
            after = Some(match order.iter().position(|other| *other == name) {
                Some(place) => place,
                None => {
                    let place = after.map_or(0, |before: usize| before + 1);
                    order.insert(place, name);
                    place
                }
            });
        }
    }
    for member in members {
        for path in &mut member.layers {
            let name = LayerDescription::name_in(&member.data.layers, path.layer);
            path.layer = order.iter().position(|other| *other == name).map_or(path.layer, |place| place + 1);
        }
        let mut both: Vec<(LayerPath, String)> =
            std::mem::take(&mut member.layers).into_iter().zip(std::mem::take(&mut member.names)).collect();
        both.sort_by_key(|(path, _)| path.layer);
        (member.layers, member.names) = both.into_iter().unzip();
    }
}

/// The layers of all groups, with the name that they have in common: with its width and nonlinearity, or with less of it.
fn shown_layers(members: &[Member<'_>]) -> Vec<ShownLayer> {
    let mut names: BTreeMap<usize, Vec<(String, String, usize)>> = BTreeMap::new();
    for member in members {
        for ((path, name), own) in member.layers.iter().zip(&member.names).zip(member.own_by_place()) {
            let called = words::called(&member.data, own);
            names.entry(path.layer).or_default().push((name.clone(), called, path.width));
        }
    }
    let named = |(layer, names): (usize, Vec<(String, String, usize)>)| {
        let (whole, called, width) = &names[0];
        let name = if names.iter().all(|(other, ..)| other == whole) {
            whole.clone()
        } else if names.iter().all(|(.., other)| other == width) {
            format!("{called} ({width})")
        } else {
            called.clone()
        };
        ShownLayer { layer, name }
    };
    names.into_iter().map(named).collect()
}

/// The limits that all groups share.
fn shared_limits(members: &[Member<'_>]) -> Vec<Limit> {
    let Some((first, others)) = members.split_first() else { return vec![] };
    let mut limits = first.limits();
    for other in others {
        let of_other = other.limits();
        let alike = |a: &Limit, b: &Limit| a.axis == b.axis && (a.value - b.value).abs() < 1e-9;
        limits.retain(|limit| of_other.iter().any(|other| alike(limit, other)));
    }
    limits
}

/// The notes of each group with its name; what is alike for all is said once.
fn notes(members: &[Member<'_>]) -> Vec<Note> {
    let of = |member: &Member<'_>| {
        let about = words::notes(&member.data, &member.rows, &member.own_layers);
        learned::note(&member.data).into_iter().chain(about).collect::<Vec<Note>>()
    };
    let all: Vec<(String, Vec<Note>)> =
        members.iter().map(|member| (member.group.name.clone(), of(member))).collect();
    let mut notes: Vec<Note> = Vec::new();
    for (name, own) in &all {
        for note in own {
            let shared = all.iter().all(|(_, others)| others.contains(note));
            let text = if shared { note.text.clone() } else { format!("{name}: {}", note.text) };
            let note = Note { text, ..note.clone() };
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    notes.extend(numbered(members));
    notes
}

/// How the seeds of groups of several runs are numbered.
fn numbered(members: &[Member<'_>]) -> Option<Note> {
    let several = members.iter().filter(|member| member.group.n_runs > 1);
    let names: Vec<&str> = several.map(|member| member.group.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        let text = format!("Seeds of {} are numbered through, in the order of the runs.", names.join(", "));
        Note::reading(NoteCode::Seeds, text)
    })
}

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
