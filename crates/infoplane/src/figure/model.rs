//! What a figure shows: series with their values, axes, limits and words.

use serde::{Deserialize, Serialize};

use crate::schedule::Reason;

/// What a figure shows, apart from how it is drawn.
///
/// Values are in the units of their axes and keep their names, seeds and epochs; nothing here is a place on paper or a
/// colour. Every format, a page or another plotting program is to say what this says: a drawing may thin what it shows
/// and place it, and adds no numbers and no words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What its files are called, without their endings: `plane-kde-noise-variance-0.001-upper`.
    pub id: String,
    /// What kind of figure it is.
    pub kind: FigureKind,
    /// What it shows, in a few words: `Information plane: KDE, noise variance 0.001, upper bound`.
    pub heading: String,
    /// The title on the figure.
    pub title: String,
    /// The facts below the title: method, data, number of samples, seeds.
    pub facts: Vec<String>,
    /// The layers that series name, or all of the network, the first nearest the input. A layer has its colour and its
    /// marker by its place here.
    pub layers: Vec<ShownLayer>,
    /// The pairs of axes.
    pub panels: Vec<Panel>,
    /// How panels stand in rows and columns, row after row; absent where the kind of figure says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<Grid>,
    /// What is compared, where colours tell runs, groups of runs, seeds or other things apart: series name them by their
    /// place here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// What the lines and marks stand for, beside the layers; one entry for each meaning.
    pub legend: Vec<LegendEntry>,
    /// What a reader must know beside the curves, in the order in which it is to be said.
    pub notes: Vec<Note>,
    /// The table that holds the numbers, by its name in the directory of the report: `plane.csv`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
}

/// Kinds of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FigureKind {
    /// I(T;Y) against I(X;T), a path for each layer.
    Plane,
    /// I(X;T) and I(T;Y) against the epoch.
    Information,
    /// Loss, accuracy, weights and gradients against the epoch.
    Training,
    /// Which epochs were measured, and how far apart neighbours are.
    Schedule,
    /// Information planes on the same axes: in rows and columns, or of several groups in one panel.
    Planes,
    /// I(X;T) and I(T;Y) of several groups against the epoch, a row for each layer.
    Comparison,
    /// What I(X;T) and I(T;Y) of one group have more than those of another, against the epoch.
    Difference,
    /// The information-bottleneck curve of a known joint distribution.
    Bottleneck,
    /// The errors of methods on tasks of known information, a table for each number of samples.
    Calibration,
    /// I(X;T) and H(T|X) of pooled networks against their number.
    PoolTrend,
    /// H(X) − I(X;T) and I(T;Y), of one network beside those of all that are pooled.
    PoolCompression,
    /// How far the distributions p(t | x) of two inputs overlap.
    PoolOverlap,
    /// Loss, weights and their drift over the networks that are pooled.
    PoolDrift,
    /// Lines and marks of anything against anything, in rows and columns.
    Curves,
    /// Tables of cells in the same colours, in rows and columns.
    Cells,
}

/// Panels in rows and columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grid {
    /// The name of each column.
    pub columns: Vec<String>,
    /// The name of each row, in lines; a single row may have none.
    pub rows: Vec<Vec<String>>,
}

/// A layer, as a figure calls it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownLayer {
    /// The layer, from 1 (nearest the input).
    pub layer: usize,
    /// Its name with its width and nonlinearity: `T₃ (5, tanh)`.
    pub name: String,
    /// Its name alone: `T₃`. Layers that differ in other things are told to be the same by it.
    pub called: String,
}

/// A pair of axes and what is drawn between them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// What tells it from its neighbours: `seed 3`; empty where its axes do.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The lower axis.
    pub x: Axis,
    /// The left axis.
    pub y: Axis,
    /// What is drawn, the later above the earlier.
    pub series: Vec<Series>,
    /// Values that limit a quantity, or that it is compared with, as lines across.
    pub limits: Vec<Limit>,
    /// A few words inside the panel: why it is empty, where a run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// What one axis shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// The quantity: `I(X;T)`, `epoch`.
    pub quantity: String,
    /// Its unit: `bits`; empty for counts and shares.
    pub unit: String,
    /// How values are spaced.
    pub scale: AxisScale,
    /// The value at the lower end.
    pub low: f64,
    /// The value at the upper end.
    pub high: f64,
    /// The names of the places, where the axis has names instead of values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<String>,
}

/// How an axis spaces its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AxisScale {
    /// Evenly.
    Linear,
    /// By ln(1 + value), so that epoch 0 has a place.
    LogOnePlus,
    /// By the logarithm; only values above zero have a place.
    Logarithmic,
    /// By the logarithm; the upper end, a doubling beyond the largest value, stands for infinity.
    Doublings,
    /// A place for each of the names of the axis, the first from 0 to 1: from the left, and on the left axis from the top.
    Places,
}

/// Something drawn in a panel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Series {
    /// The way of a layer through the information plane.
    Path(Path),
    /// A line of values.
    Line(Line),
    /// What lies around a mean over seeds.
    Band(Band),
    /// The measured epochs of a seed, a tick each.
    Ticks(Ticks),
    /// Single values, a dot each.
    Dots(Dots),
    /// Values, a mark each, which may have an error and a label.
    Points(Points),
    /// A table of values, a coloured cell each.
    Cells(Cells),
    /// A bar for each place of the lower axis.
    Bars(Bars),
}

/// The way of a layer through the information plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Path {
    /// The layer, by its number.
    pub layer: usize,
    /// The group, by its place in [`Figure::groups`], where paths of several are in one panel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<usize>,
    /// Which seeds it is of.
    pub of: Of,
    /// Whether its seed did not learn.
    pub failed: bool,
    /// Ascending in epochs.
    pub points: Vec<PathPoint>,
}

impl Path {
    /// The part that was measured up to an epoch.
    pub fn until(&self, epoch: u64) -> Path {
        let points = self.points.iter().filter(|point| point.epoch <= epoch).copied().collect();
        Path { points, ..*self }
    }
}

/// A point of a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PathPoint {
    /// Epochs of training before the measurement.
    pub epoch: u64,
    /// I(X;T).
    pub x: f64,
    /// I(T;Y).
    pub y: f64,
    /// The standard error of `x` over seeds; absent for a single seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x_error: Option<f64>,
    /// The standard error of `y` over seeds; absent for a single seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y_error: Option<f64>,
}

/// A line of values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What it shows.
    pub role: Role,
    /// Which seeds it is of.
    pub of: Of,
    /// Whether its seed did not learn.
    pub failed: bool,
    /// Whether it is drawn with dashes, as [`Figure::legend`] explains.
    pub dashed: bool,
    /// What the other lines of its role are compared with in it; absent for those lines themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// What is written beside it: `log2 M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// (x, y), ascending in x.
    pub points: Vec<(f64, f64)>,
}

impl Line {
    /// A line without dashes, of seeds that learned.
    pub(crate) fn new(role: Role, of: Of, points: Vec<(f64, f64)>) -> Line {
        Line { role, of, failed: false, dashed: false, reference: None, name: None, points }
    }
}

/// What values of pooled networks are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reference {
    /// The same with the inputs shuffled within each network, where only the bias of the estimate remains.
    Shuffled,
    /// As many networks in a row, instead of networks spread over the window.
    Contiguous,
    /// One network.
    OneNetwork,
    /// The value in the limit of infinitely many networks, from the last one measured.
    Limit,
}

/// What lies around a mean over seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Band {
    /// What it shows.
    pub role: Role,
    /// Where it ends.
    pub range: BandRange,
    /// (x, lower end, upper end), ascending in x.
    pub points: Vec<(f64, f64, f64)>,
}

/// Where a band ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BandRange {
    /// From the 5 % to the 95 % percentile.
    From5To95,
    /// From the lower to the upper quartile.
    From25To75,
    /// One standard error of the mean on both sides.
    StandardError,
    /// From a lower to an upper bound.
    Bounds,
}

/// The measured epochs of a seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticks {
    /// The seed.
    pub seed: u64,
    /// Why they were measured.
    pub reason: Reason,
    /// Ascending.
    pub epochs: Vec<u64>,
}

/// Single values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dots {
    /// Why the later of the two epochs was measured.
    pub reason: Reason,
    /// How the distance compares with δ.
    pub spacing: Spacing,
    /// (x, y).
    pub points: Vec<(f64, f64)>,
}

/// Values, a mark each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Points {
    /// What they show.
    pub role: Role,
    /// What the marks look like, as [`Figure::legend`] explains.
    pub marks: MarkStyle,
    /// The values.
    pub points: Vec<Point>,
}

/// A value of [`Points`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The value on the lower axis.
    pub x: f64,
    /// The value on the left axis.
    pub y: f64,
    /// The standard error of `y`; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// A number or a word that belongs to it, to be written beside it where there is room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// Marks that a legend tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkStyle {
    /// Filled.
    Filled,
    /// Hollow.
    Hollow,
}

/// A bar for each place of the lower axis, beside those of other series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bars {
    /// What they show.
    pub role: Role,
    /// What they look like, as [`Figure::legend`] explains.
    pub style: BarStyle,
    /// One for each place; absent where there is none.
    pub values: Vec<Option<Bar>>,
}

/// A bar of [`Bars`], from zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Where it ends.
    pub value: f64,
    /// The standard error of the value; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
}

/// Bars that a legend tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BarStyle {
    /// Pale.
    Pale,
    /// Full.
    Full,
    /// An open mark at the value: on the bar of the series before it, or alone.
    Open,
}

/// A table of values, a coloured cell for each place of both axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cells {
    /// What the values are, and which of them have the colours of the two ends.
    pub values: Axis,
    /// Row after row from the top, each with as many cells as the lower axis has places.
    pub cells: Vec<Cell>,
    /// Numbers beside the rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<CellColumn>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The value; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The value, as it is to be read.
    pub text: String,
    /// Whether it stands out among the others, as the figure says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stands_out: bool,
    /// Why the value may not be taken for what the others are, in a word or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
}

/// Numbers beside the rows of a table, without colours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellColumn {
    /// What they are: `truth`.
    pub name: String,
    /// One for each row, from the top.
    pub cells: Vec<Cell>,
}

impl Cell {
    /// A cell like the others.
    pub(crate) fn of(value: Option<f64>, text: String) -> Cell {
        Cell { value, text, stands_out: false, remark: None }
    }
}

/// How far two neighbouring measured epochs are apart, against δ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// At most δ, or there is no δ.
    Within,
    /// Further than δ, with no epoch between them.
    Adjacent,
    /// Further than δ, with epochs between them.
    Beyond,
}

/// What a line or band shows, which gives it its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Role {
    /// A layer, by its number.
    Layer(usize),
    /// A group or what else is compared, by its place in [`Figure::groups`].
    Group(usize),
    /// The network as a whole.
    Network,
    /// What theory allows.
    Theory,
    /// Information about the input.
    Input,
    /// Information about the label.
    Label,
}

/// Which seeds a series is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Of {
    /// A single seed.
    Seed(u64),
    /// The mean over seeds; of a single seed its values.
    Mean,
    /// No seed: a curve known without any.
    Theory,
}

/// A value that limits a quantity, or that it is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    /// The axis that the value is on.
    pub axis: Direction,
    /// The value.
    pub value: f64,
    /// What it is: `H(X)`, `δ`; empty where notes say it.
    pub name: String,
    /// The value, as it is to be read; empty where the axis is enough.
    pub text: String,
}

/// An axis of a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The lower axis.
    X,
    /// The left axis.
    Y,
}

/// What a line or mark stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegendEntry {
    /// What is drawn.
    pub key: Key,
    /// What it stands for.
    pub name: String,
}

/// Lines and marks that a legend explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Key {
    /// A line of [`Role::Network`].
    Line {
        /// Whether it is drawn with dashes.
        dashed: bool,
    },
    /// A line in the colour of any layer.
    LayerLine {
        /// Whether it is drawn with dashes.
        dashed: bool,
    },
    /// An epoch measured for this reason.
    Reason(Reason),
    /// A distance that compares with δ like this.
    Spacing(Spacing),
    /// Marks without a line.
    Marks {
        /// What they show; without, any role.
        role: Option<Role>,
        /// What they look like.
        marks: MarkStyle,
    },
    /// Bars.
    Bars {
        /// What they show; without, any role.
        role: Option<Role>,
        /// What they look like.
        style: BarStyle,
    },
    /// A line of any layer that others are compared with.
    Reference(Reference),
    /// A line in the colour of any layer, with marks.
    MarkedLine {
        /// Whether it is drawn with dashes.
        dashed: bool,
        /// What the marks look like.
        marks: MarkStyle,
    },
    /// A remark in a cell, which the name begins with.
    Remark,
}

/// Words below a figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What kind of note it is.
    pub kind: NoteKind,
    /// What it is about, always in the same word.
    pub code: NoteCode,
    /// The sentence or sentences.
    pub text: String,
}

/// Kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoteKind {
    /// Something that can mislead a reader who does not know it.
    Warning,
    /// How lines and marks are to be read.
    Reading,
    /// A fact about what was measured.
    Fact,
}

/// What notes are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NoteCode {
    /// Values outside the bins.
    ClippedBins,
    /// I(T;Y) of labels in a random order is a substantial part of H(Y).
    ShuffledLabels,
    /// All labels, or all inputs, are the same: there is no information about them.
    Constant,
    /// The values are bounds.
    Bound,
    /// The mean I(X;T) rises from a layer to the next.
    DataProcessing,
    /// Rows without values.
    Missing,
    /// Seeds whose values end before those of others.
    EarlyEnd,
    /// Seeds that did not learn.
    NotLearned,
    /// How seeds and their mean are drawn.
    Seeds,
    /// All values are of one epoch.
    SingleEpoch,
    /// The information-bottleneck curve.
    Bottleneck,
    /// How values are averaged or defined.
    Definition,
    /// How many epochs were measured, and why.
    Schedule,
    /// Whether weights drift or fluctuate about a mean, and what follows.
    Drift,
    /// Not all values are drawn.
    Thinned,
}

impl Note {
    /// Something that can mislead a reader who does not know it.
    pub fn warning(code: NoteCode, text: impl Into<String>) -> Note {
        Note { kind: NoteKind::Warning, code, text: text.into() }
    }

    /// How lines and marks are to be read.
    pub fn reading(code: NoteCode, text: impl Into<String>) -> Note {
        Note { kind: NoteKind::Reading, code, text: text.into() }
    }

    /// A fact about what was measured.
    pub fn fact(code: NoteCode, text: impl Into<String>) -> Note {
        Note { kind: NoteKind::Fact, code, text: text.into() }
    }
}

impl Figure {
    /// A figure of which nothing but panels and layers matters.
    #[cfg(test)]
    pub(crate) fn bare(kind: FigureKind, layers: Vec<ShownLayer>, panel: Panel) -> Figure {
        Figure {
            id: "bare".into(),
            kind,
            heading: "title".into(),
            title: "title".into(),
            facts: vec![],
            layers,
            panels: vec![panel],
            grid: None,
            groups: vec![],
            legend: vec![],
            notes: vec![],
            table: None,
        }
    }

    /// The place of a layer among those of the figure, which gives it its colour and its marker.
    pub fn place_of(&self, layer: usize) -> Option<usize> {
        self.layers.iter().position(|shown| shown.layer == layer)
    }

    /// The names of columns and rows; none where the kind of figure says how its panels stand.
    pub(crate) fn grid_names(&self) -> (&[String], &[Vec<String>]) {
        self.grid.as_ref().map_or((&[], &[]), |grid| (&grid.columns, &grid.rows))
    }

    /// The facts in one line: `KDE, upper bound · symmetric12 · n = 4096 · 5 seeds`.
    pub fn subtitle(&self) -> String {
        self.facts.join(" · ")
    }

    /// The epoch of all paths, if they share one: then nothing moves.
    pub fn only_epoch(&self) -> Option<u64> {
        let paths = self.panels.iter().flat_map(|panel| panel.paths()).filter(|path| path.of == Of::Mean);
        let mut epochs = paths.flat_map(|path| path.points.iter().map(|point| point.epoch));
        let first = epochs.next()?;
        epochs.all(|epoch| epoch == first).then_some(first)
    }
}

impl Panel {
    /// The paths among its series.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.series.iter().filter_map(|series| match series {
            Series::Path(path) => Some(path),
            _ => None,
        })
    }

    /// The lines among its series.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.series.iter().filter_map(|series| match series {
            Series::Line(line) => Some(line),
            _ => None,
        })
    }

    /// The bars among its series.
    pub fn bars(&self) -> impl Iterator<Item = &Bars> {
        self.series.iter().filter_map(|series| match series {
            Series::Bars(bars) => Some(bars),
            _ => None,
        })
    }

    /// Its table of cells, if it shows one.
    pub fn cells(&self) -> Option<&Cells> {
        self.series.iter().find_map(|series| match series {
            Series::Cells(cells) => Some(cells),
            _ => None,
        })
    }

    /// The points with marks among its series.
    pub fn points(&self) -> impl Iterator<Item = &Points> {
        self.series.iter().filter_map(|series| match series {
            Series::Points(points) => Some(points),
            _ => None,
        })
    }
}
