//! The values of a page, in the form that its scripts read: `types.js` describes the same.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::draw::{Palette, palette};
use crate::figure::{Figure, Note, NoteCode, Panel, ReportData, Series, failed_in_words, schedule_setting};
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
    pub compared: Vec<FigureView>,
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
    pub figures: Vec<FigureView>,
}

/// What layers are measured with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct MethodView {
    pub id: String,
    pub title: String,
    pub settings: String,
}

/// A figure whose long series are columns instead of lists of points, which take three times the space.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FigureView(Figure);

impl Document {
    pub fn new(title: String, mut runs: Vec<RunView>, compared: Vec<Figure>) -> Document {
        let mut compared: Vec<FigureView> = compared.into_iter().map(FigureView).collect();
        thin(
            runs.iter_mut()
                .flat_map(|run| &mut run.figures)
                .chain(&mut compared)
                .map(|view| &mut view.0)
                .collect(),
        );
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
            figures: figures.into_iter().map(FigureView).collect(),
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
    let mut facts = vec![
        ("data", about.name.clone()),
        ("n", about.n_measured.to_string()),
        ("H(X)", format!("{:.4} bits", about.h_x_bits)),
        ("H(Y)", format!("{:.4} bits", about.h_y_bits)),
        ("seeds", manifest.seeds.len().to_string()),
        ("state", run.state().name().to_string()),
        ("I(X;Y)", format!("{:.4} bits", about.i_xy_bits)),
    ];
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

impl Serialize for FigureView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let figure = &self.0;
        let mut to = serializer.serialize_struct("Figure", 13)?;
        to.serialize_field("id", &figure.id)?;
        to.serialize_field("kind", &figure.kind)?;
        to.serialize_field("heading", &figure.heading)?;
        to.serialize_field("title", &figure.title)?;
        to.serialize_field("facts", &figure.facts)?;
        to.serialize_field("layers", &figure.layers)?;
        let panels: Vec<Value> = figure.panels.iter().map(panel).collect();
        to.serialize_field("panels", &panels)?;
        if let Some(grid) = &figure.grid {
            to.serialize_field("grid", grid)?;
        }
        to.serialize_field("groups", &figure.groups)?;
        to.serialize_field("legend", &figure.legend)?;
        to.serialize_field("notes", &figure.notes)?;
        to.serialize_field("table", &figure.table)?;
        to.end()
    }
}

fn panel(panel: &Panel) -> Value {
    let mut value = json!({
        "x": panel.x,
        "y": panel.y,
        "series": panel.series.iter().map(series).collect::<Vec<_>>(),
        "limits": panel.limits,
        "name": panel.name,
    });
    if let Some(remark) = &panel.remark {
        value["remark"] = json!(remark);
    }
    value
}

/// A series whose points are columns.
fn series(series: &Series) -> Value {
    match series {
        Series::Path(path) => {
            let mut value = json!({
                "kind": "path",
                "layer": path.layer,
                "of": path.of,
                "failed": path.failed,
                "epochs": column(&path.points, |point| point.epoch),
                "x": values(&path.points, |point| point.x),
                "y": values(&path.points, |point| point.y),
            });
            if let Some(group) = path.group {
                value["group"] = json!(group);
            }
            if path.points.iter().any(|point| point.x_error.is_some()) {
                value["x_error"] = json!(column(&path.points, |point| point.x_error.map(nine_digits)));
            }
            if path.points.iter().any(|point| point.y_error.is_some()) {
                value["y_error"] = json!(column(&path.points, |point| point.y_error.map(nine_digits)));
            }
            value
        }
        Series::Line(line) => without_points(line, "line", |value| {
            value.insert("x".into(), json!(values(&line.points, |point| point.0)));
            value.insert("y".into(), json!(values(&line.points, |point| point.1)));
        }),
        Series::Dots(dots) => without_points(dots, "dots", |value| {
            value.insert("x".into(), json!(values(&dots.points, |point| point.0)));
            value.insert("y".into(), json!(values(&dots.points, |point| point.1)));
        }),
        Series::Band(band) => without_points(band, "band", |value| {
            value.insert("x".into(), json!(values(&band.points, |point| point.0)));
            value.insert("low".into(), json!(values(&band.points, |point| point.1)));
            value.insert("high".into(), json!(values(&band.points, |point| point.2)));
        }),
        other => json!(other),
    }
}

fn column<T, V>(points: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    points.iter().map(value).collect()
}

/// Values to nine digits, two more than an estimate has: all seventeen would be half of a page.
fn values<T>(points: &[T], value: impl Fn(&T) -> f64) -> Vec<f64> {
    points.iter().map(|point| nine_digits(value(point))).collect()
}

fn nine_digits(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
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
