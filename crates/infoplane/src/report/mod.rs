//! Figures and tables of a run.
//!
//! [`write()`] takes what was measured and leaves a directory with figures (SVG and PNG), `plane.csv`,
//! `repeats.csv` and `summary.md`. Everything is drawn by the library itself with letters of its own: a machine without fonts
//! gives the same bytes.

mod as_if_random;
mod bottleneck_figure;
mod calibration_figure;
mod caption;
pub(crate) mod composite;
mod failed;
mod information_figure;
mod limit_curve;
mod measured;
mod plane_figure;
mod plane_labels;
mod repeats;
mod schedule_figure;
mod summary;
mod table;
mod thinning;
mod training_figure;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::draw::Scene;
use crate::run::{Disk, FailedSeed, Run};
use crate::train::EpochStats;
use crate::{Information, InformationPlane, LayerDescription};

pub use as_if_random::{as_if_random_failed, as_if_random_notes, as_if_random_summary, write_as_if_random};
pub use bottleneck_figure::{bottleneck_csv, write_bottleneck};
pub use calibration_figure::write_calibration;
pub use failed::failed_in_words;
pub use limit_curve::LimitCurve;
pub use measured::{ScheduleData, distance_unit, schedule_setting};
pub use repeats::repeats_csv;
pub use summary::summary;
pub use table::plane_csv;

/// What a report shows.
#[derive(Debug, Clone)]
pub struct ReportData<'a> {
    /// The name of the experiment, the title of every figure.
    pub title: String,
    /// The name of the data set.
    pub dataset: String,
    /// The number of samples that were measured.
    pub n_samples: usize,
    /// The entropy of the input, the limit of I(X;T).
    pub h_x: Information,
    /// The entropy of the label, the limit of I(T;Y).
    pub h_y: Information,
    /// The layers of the network, the first nearest the input; may be empty if they are not known.
    pub layers: Vec<LayerDescription>,
    /// What was measured.
    pub plane: &'a InformationPlane,
    /// How training went, all seeds; may be empty.
    pub training: &'a [EpochStats],
    /// Which epochs were measured, and by which rule.
    pub schedule: ScheduleData<'a>,
    /// The trainings that did not learn, as [`failed_seeds`](crate::run::failed_seeds) finds them; every figure marks and names them.
    pub failed: Vec<FailedSeed>,
    /// Whether means, bands and figures leave out the trainings that did not learn. Figures and summary say so;
    /// `plane.csv` holds all rows in any case.
    pub only_learned: bool,
    /// Whether nothing more will come. While a run goes on, a seed that is not as far as others has not ended.
    pub complete: bool,
    /// The information-bottleneck curve of the rule behind the labels, if it is known; drawn in the plane.
    pub limit: Option<LimitCurve>,
    /// Remarks for the summary, a sentence each: a seed that diverged, for instance.
    pub notes: Vec<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Neither a measurement nor training statistics.
    #[error("nothing to report: the run holds no measured epoch and no training statistics")]
    Empty,
    /// A file could not be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A picture could not be encoded.
    #[error("cannot draw {figure} as PNG: {reason}")]
    Picture {
        /// The figure's name.
        figure: String,
        /// What the encoder said.
        reason: String,
    },
}

/// A figure, laid out, with the name of its files and a title for links.
struct Figure {
    name: String,
    title: String,
    scene: Scene,
}

/// Writes figures, `plane.csv`, `repeats.csv` and `summary.md` into `directory`, and returns the paths of what it wrote.
///
/// For every setting of every estimator one figure of the information plane and one of the information over
/// epochs, one figure of the training, and one of the epochs that were measured. The directory is made if it is not there; files of an earlier
/// report are replaced, each written to a neighbour file, synced and renamed. The same data give the same bytes.
///
/// A plane without values gives no figure of it, and the summary says so.
///
/// # Errors
/// [`ReportError::Empty`] if there is neither a row nor an epoch of training; [`ReportError::Write`] if a file
/// cannot be written.
///
/// # Examples
/// ```
/// use infoplane::report::{self, ReportData, ScheduleData};
/// use std::sync::Arc;
/// use infoplane::plane::MethodDescription;
/// use infoplane::{Information, InformationPlane, LayerDescription, PlaneRow};
///
/// let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
/// let row = |epoch, i_xt, i_ty| PlaneRow::new(1, epoch, (1, 3), &binned, (i_xt, i_ty));
/// let plane = InformationPlane::from_iter([row(0, 5.9, 0.12), row(30, 7.4, 0.70), row(4000, 3.7, 0.99)]);
/// let data = ReportData {
///     title: "a small run".into(),
///     dataset: "symmetric12".into(),
///     n_samples: 4096,
///     h_x: Information::from_bits(12.0),
///     h_y: Information::from_bits(0.999),
///     layers: vec![LayerDescription { name: "T1".into(), width: 3, nonlinearity: "tanh".into() }],
///     plane: &plane,
///     training: &[],
///     schedule: ScheduleData::default(),
///     failed: vec![],
///     only_learned: false,
///     complete: true,
///     limit: None,
///     notes: vec![],
/// };
/// let directory = tempfile::tempdir()?;
/// let written = report::write(&data, directory.path())?;
/// assert!(written.iter().any(|path| path.ends_with("plane-binned-30-equal-on-1-1.png")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write(data: &ReportData<'_>, directory: &Path) -> Result<Vec<PathBuf>, ReportError> {
    if data.plane.is_empty() && data.training.is_empty() {
        return Err(ReportError::Empty);
    }
    let at = |path: &Path, source| ReportError::Write { path: path.to_path_buf(), source };
    std::fs::create_dir_all(directory).map_err(|source| at(directory, source))?;

    let plane = plane_csv(data.plane).into_bytes();
    let chosen = failed::Chosen::of(data);
    let data = &chosen.as_ref().map_or_else(|| data.clone(), |chosen| chosen.data(data));
    let figures = figures(data);
    let pictures: Result<Vec<_>, ReportError> = figures
        .par_iter()
        .map(|figure| {
            let png = figure.scene.to_png();
            let png = png.map_err(|reason| ReportError::Picture { figure: figure.name.clone(), reason })?;
            let svg = figure.scene.to_svg().into_bytes();
            Ok([(format!("{}.svg", figure.name), svg), (format!("{}.png", figure.name), png)])
        })
        .collect();
    let mut files: Vec<(String, Vec<u8>)> = pictures?.into_iter().flatten().collect();
    files.push(("plane.csv".into(), plane));
    files.push(("repeats.csv".into(), repeats_csv(data).into_bytes()));
    // Last, so that its links never point to what is not there yet.
    files.push(("summary.md".into(), summary::markdown(data, &figures).into_bytes()));

    files
        .into_iter()
        .map(|(name, bytes)| {
            let path = directory.join(name);
            Disk::default().replace(&path, &bytes).map_err(|source| at(&path, source))?;
            Ok(path)
        })
        .collect()
}

fn figures(data: &ReportData<'_>) -> Vec<Figure> {
    let groups = data.plane.groups();
    let mut figures = Vec::new();
    for group in &groups {
        let (name, setting) = (&group.method.id, &group.method.title);
        if let Some(scene) = plane_figure::draw(data, group) {
            let title = format!("Information plane: {setting}");
            figures.push(Figure { name: format!("plane-{name}"), title, scene });
        }
        if let Some(scene) = information_figure::draw(data, group) {
            let title = format!("Information over epochs: {setting}");
            figures.push(Figure { name: format!("information-{name}"), title, scene });
        }
    }
    if let Some(scene) = training_figure::draw(data) {
        figures.push(Figure { name: "training".into(), title: "Training".into(), scene });
    }
    if let Some(scene) = schedule_figure::draw(data) {
        figures.push(Figure { name: "schedule".into(), title: "Measured epochs".into(), scene });
    }
    figures
}

impl<'a> ReportData<'a> {
    /// What there is to show of a run.
    pub fn of(run: &'a Run) -> Self {
        let manifest = run.manifest();
        let data = &manifest.data;
        ReportData {
            title: run.name().to_string(),
            dataset: data.name.clone(),
            n_samples: data.n_measured,
            h_x: Information::from_bits(data.h_x_bits),
            h_y: Information::from_bits(data.h_y_bits),
            layers: manifest.layers.clone(),
            plane: run.plane(),
            training: run.training(),
            schedule: ScheduleData {
                measured: run.schedule(),
                setting: schedule_setting(&manifest.schedule),
                delta: manifest.schedule.delta(),
                distance_unit: distance_unit(&manifest.schedule).into(),
            },
            failed: run.failed_seeds(),
            only_learned: false,
            complete: run.state().is_complete(),
            limit: data.rule_gain.and_then(LimitCurve::of_gain),
            notes: run.notes(),
        }
    }

    /// `T₃`, and in figures `T₃ (5, tanh)`.
    fn layer_name(&self, layer: usize, width: usize) -> String {
        let described = layer.checked_sub(1).and_then(|index| self.layers.get(index));
        let named = described.map_or("", |described| described.name.as_str());
        let name = caption::layer_named(layer, named);
        match described {
            Some(described) if !described.nonlinearity.is_empty() => {
                format!("{name} ({}, {})", described.width, described.nonlinearity)
            }
            Some(described) => format!("{name} ({})", described.width),
            None => format!("{name} ({width})"),
        }
    }
}

/// `T₃`.
pub(crate) fn layer_name(layer: usize) -> String {
    caption::layer(layer)
}
