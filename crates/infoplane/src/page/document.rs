//! The values of a page, in the form that its scripts read: `types.js` describes the same.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::columns::Columns;
use crate::draw::{Palette, palette};
use crate::figure::{
    Figure, Note, NoteCode, Panel, PathPoint, ReportData, Series, failed_in_words, schedule_setting,
};
use crate::plane::MethodDescription;
use crate::printable::printable;
use crate::run::{Manifest, Origin, Run};

/// Points of paths and lines on a page, at most. More would be slow to draw, and could not be told apart.
const MOST_POINTS: usize = 150_000;

/// All that a page shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Document {
    pub title: String,
    pub version: &'static str,
    pub command: String,
    pub theme: Palette,
    pub runs: Vec<RunView>,
    /// Figures of several runs, or of none.
    #[serde(skip)]
    pub compared: Vec<Figure>,
    /// What a reader must know of all, a sentence each.
    pub remarks: Vec<String>,
}

/// A run on a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RunView {
    pub id: String,
    pub name: String,
    pub state: &'static str,
    /// What is known of it, each with its name.
    pub facts: Vec<(&'static str, String)>,
    pub remarks: Vec<String>,
    pub methods: Vec<MethodView>,
    /// The experiment, or how layers are recorded, as TOML.
    pub settings: String,
    #[serde(skip)]
    pub figures: Vec<Figure>,
}

/// What layers are measured with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct MethodView {
    pub id: String,
    pub title: String,
    pub settings: String,
}

impl Document {
    pub fn new(title: String, mut runs: Vec<RunView>, mut compared: Vec<Figure>) -> Document {
        thin(runs.iter_mut().flat_map(|run| &mut run.figures).chain(&mut compared).collect());
        Document {
            title: printable(&title).into_owned(),
            version: env!("CARGO_PKG_VERSION"),
            command: String::new(),
            theme: palette(),
            runs,
            compared,
            remarks: vec![],
        }
    }

    /// The values as the scripts read them.
    pub fn value(&self) -> Value {
        let mut columns = Columns::default();
        let mut figures = |figures: &[Figure]| -> Vec<Value> {
            figures.iter().map(|figure| figure_value(figure, &mut columns)).collect()
        };
        let mut value = json!(self);
        value["compared"] = figures(&self.compared).into();
        for (place, run) in self.runs.iter().enumerate() {
            value["runs"][place]["figures"] = figures(&run.figures).into();
        }
        value["columns"] = columns.into_value();
        value
    }
}

impl RunView {
    pub fn of(run: &Run, data: &ReportData<'_>, figures: Vec<Figure>) -> RunView {
        let manifest = run.manifest();
        RunView {
            id: run.path().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            name: data.title.clone(),
            state: run.state().name(),
            facts: facts(run, data),
            remarks: run.notes(),
            methods: manifest.methods.iter().map(MethodView::of).collect(),
            settings: settings(manifest),
            figures,
        }
    }
}

impl MethodView {
    fn of(method: &MethodDescription) -> MethodView {
        let value = |(key, value): (&String, &toml::Value)| format!("{key} = {value}");
        let keys: Vec<String> = method.settings.iter().map(value).collect();
        let settings = if keys.is_empty() { method.setting.clone() } else { keys.join(", ") };
        MethodView { id: method.id.clone(), title: method.title.clone(), settings }
    }
}

/// What is known of a run, each with its name; the first few are below its title.
fn facts(run: &Run, data: &ReportData<'_>) -> Vec<(&'static str, String)> {
    let manifest = run.manifest();
    let about = &manifest.data;
    let bits = |bits: Option<f64>| bits.map_or("not known".into(), |bits| format!("{bits:.4} bits"));
    let mut facts = vec![
        ("data", about.name.clone()),
        ("n", about.n_measured.to_string()),
        ("H(X)", format!("{:.4} bits", about.h_x_bits)),
        ("H(Y)", bits(about.h_y_bits)),
        ("seeds", manifest.seeds.len().to_string()),
        ("state", run.state().name().to_string()),
        ("I(X;Y)", bits(about.i_xy_bits)),
    ];
    facts.extend(about.target_width.map(|width| ("columns of the target", width.to_string())));
    if about.n_samples != about.n_measured {
        facts.push(("samples in the data", about.n_samples.to_string()));
    }
    for part in &about.parts {
        let text = format!(
            "{} samples, H(X) = {:.4} bits, H(Y) = {:.4} bits",
            part.n_measured, part.h_x_bits, part.h_y_bits
        );
        facts.push((part.part.title(), text));
    }
    let layer = |layer: &crate::LayerDescription| match layer.nonlinearity.as_str() {
        "" => format!("{} ({})", layer.name, layer.width),
        nonlinearity => format!("{} ({}, {nonlinearity})", layer.name, layer.width),
    };
    facts.push(("layers", manifest.layers.iter().map(layer).collect::<Vec<_>>().join(", ")));
    let seeds: Vec<String> = manifest.seeds.iter().map(u64::to_string).collect();
    if seeds.len() > 1 {
        facts.push(("seeds of the trainings", seeds.join(", ")));
    }
    if !data.failed.is_empty() {
        facts.push(("did not learn", failed_in_words(&data.failed)));
    }
    facts.push(("epochs measured", schedule_setting(&manifest.schedule)));
    facts.extend(manifest.planned_epochs.map(|planned| ("epochs planned", planned.to_string())));
    facts.push(("rows", run.plane().len().to_string()));
    let lacking = run.plane().rows().filter(|row| row.i_xt_bits.is_none()).count();
    if lacking > 0 {
        facts.push(("rows without I(X;T)", lacking.to_string()));
    }
    if run.damaged() > 0 {
        facts.push(("damaged lines of the journal", run.damaged().to_string()));
    }
    facts.extend(manifest.reference.clone().map(|reference| ("settings of", reference)));
    if let Origin::Recorded(recorded) = &manifest.origin {
        let class = recorded.class.as_ref().map(|class| format!(", {class}")).unwrap_or_default();
        facts.push(("recorded by", format!("{}{class}", recorded.by)));
    }
    facts.push(("digest of the data", about.digest.clone()));
    facts.push(("infoplane", format!("{}, format {}", manifest.infoplane_version, manifest.format_version)));
    facts
}

fn settings(manifest: &Manifest) -> String {
    let table = match &manifest.origin {
        Origin::Experiment(table) => table,
        Origin::Recorded(recorded) => &recorded.settings,
    };
    toml::to_string_pretty(table).unwrap_or_default()
}

/// Leaves as many points of all series as a page can show: of long ones every so many, and both ends. Each figure says so.
fn thin(mut figures: Vec<&mut Figure>) {
    let count =
        |figure: &Figure| figure.panels.iter().flat_map(|panel| &panel.series).map(length).sum::<usize>();
    let all: usize = figures.iter().map(|figure| count(figure)).sum();
    if all <= MOST_POINTS {
        return;
    }
    let every = all.div_ceil(MOST_POINTS);
    for figure in &mut figures {
        let mut changed = false;
        for series in figure.panels.iter_mut().flat_map(|panel| &mut panel.series) {
            // A short one takes no room.
            if length(series) < 3 * every {
                continue;
            }
            changed = true;
            match series {
                Series::Path(path) => keep(&mut path.points, every),
                Series::Line(line) => keep(&mut line.points, every),
                Series::Band(band) => keep(&mut band.points, every),
                Series::Dots(dots) => keep(&mut dots.points, every),
                Series::Ticks(ticks) => keep(&mut ticks.epochs, every),
                _ => {}
            }
        }
        if changed {
            let text = format!(
                "Drawn: one of every {every} points of each line, first and last among them; the tables of the runs have all."
            );
            figure.notes.push(Note::reading(NoteCode::Thinned, text));
        }
    }
}

fn length(series: &Series) -> usize {
    match series {
        Series::Path(path) => path.points.len(),
        Series::Line(line) => line.points.len(),
        Series::Band(band) => 2 * band.points.len(),
        Series::Dots(dots) => dots.points.len(),
        Series::Ticks(ticks) => ticks.epochs.len(),
        _ => 0,
    }
}

fn keep<T>(points: &mut Vec<T>, every: usize) {
    let last = points.len().saturating_sub(1);
    let mut place = 0;
    points.retain(|_| {
        let kept = place % every == 0 || place == last;
        place += 1;
        kept
    });
}

/// A figure whose long series are columns instead of lists of points, which take three times the space.
fn figure_value(figure: &Figure, columns: &mut Columns) -> Value {
    let panels: Vec<Value> = figure.panels.iter().map(|panel| panel_value(panel, columns)).collect();
    let mut value = json!({
        "id": figure.id,
        "kind": figure.kind,
        "heading": figure.heading,
        "title": figure.title,
        "facts": figure.facts,
        "layers": figure.layers,
        "panels": panels,
        "groups": figure.groups,
        "legend": figure.legend,
        "notes": figure.notes,
        "table": figure.table,
    });
    if let Some(grid) = &figure.grid {
        value["grid"] = json!(grid);
    }
    value
}

fn panel_value(panel: &Panel, columns: &mut Columns) -> Value {
    let series: Vec<Value> = panel.series.iter().map(|series| series_value(series, columns)).collect();
    let mut value = json!({
        "x": panel.x,
        "y": panel.y,
        "series": series,
        "limits": panel.limits,
        "name": panel.name,
    });
    if let Some(remark) = &panel.remark {
        value["remark"] = json!(remark);
    }
    value
}

/// A series whose points are columns, each by its place among those of the page.
fn series_value(series: &Series, columns: &mut Columns) -> Value {
    match series {
        Series::Path(path) => {
            let mut column = |of: fn(&PathPoint) -> Option<f64>| columns.place(path.points.iter().map(of));
            let mut value = json!({
                "kind": "path",
                "layer": path.layer,
                "of": path.of,
                "failed": path.failed,
                "epochs": column(|point| Some(point.epoch as f64)),
                "x": column(|point| Some(point.x)),
                "y": column(|point| Some(point.y)),
            });
            if let Some(group) = path.group {
                value["group"] = json!(group);
            }
            if path.points.iter().any(|point| point.x_error.is_some()) {
                value["x_error"] = column(|point| point.x_error);
            }
            if path.points.iter().any(|point| point.y_error.is_some()) {
                value["y_error"] = column(|point| point.y_error);
            }
            value
        }
        Series::Line(line) => without_points(line, "line", |value| {
            value.insert("x".into(), columns.place(line.points.iter().map(|point| Some(point.0))));
            value.insert("y".into(), columns.place(line.points.iter().map(|point| Some(point.1))));
        }),
        Series::Dots(dots) => without_points(dots, "dots", |value| {
            value.insert("x".into(), columns.place(dots.points.iter().map(|point| Some(point.0))));
            value.insert("y".into(), columns.place(dots.points.iter().map(|point| Some(point.1))));
        }),
        Series::Band(band) => without_points(band, "band", |value| {
            value.insert("x".into(), columns.place(band.points.iter().map(|point| Some(point.0))));
            value.insert("low".into(), columns.place(band.points.iter().map(|point| Some(point.1))));
            value.insert("high".into(), columns.place(band.points.iter().map(|point| Some(point.2))));
        }),
        other => json!(other),
    }
}

/// Everything of a series but its points, and what takes their place.
fn without_points<T: Serialize>(
    series: &T,
    kind: &str,
    columns: impl FnOnce(&mut Map<String, Value>),
) -> Value {
    let mut value = json!(series);
    if let Value::Object(fields) = &mut value {
        fields.remove("points");
        fields.insert("kind".into(), kind.into());
        columns(fields);
    }
    value
}
