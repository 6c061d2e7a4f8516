//! Figures as values: what is shown, apart from how it is drawn.
//!
//! [`figures()`] makes the figures of a run from its [`ReportData`]: series with their values, seeds and epochs, axes with
//! quantities and units, limits, captions and warnings. [`Figure::bottleneck`] makes that of an information-bottleneck
//! curve, [`Figure::calibration`] that of the errors of methods, and
//! [`pool_figures`] those of pooled networks. They are serialisable, so that a page or another plotting program can show them; [`report`](crate::report)
//! draws them into files.
//!
//! ```
//! use infoplane::figure::{self, ReportData, ScheduleData, Series};
//! use infoplane::plane::MethodDescription;
//! use infoplane::{Information, InformationPlane, PlaneRow};
//! use std::sync::Arc;
//!
//! let binned = Arc::new(MethodDescription::new("binned", "30 equal on [-1, 1]", None));
//! let row = |epoch, i_xt, i_ty| PlaneRow::new(1, epoch, (1, 3), &binned, (i_xt, i_ty));
//! let plane = InformationPlane::from_iter([row(0, 5.9, 0.12), row(30, 7.4, 0.70), row(4000, 3.7, 0.99)]);
//! let data = ReportData {
//!     title: "a small run".into(),
//!     dataset: "symmetric12".into(),
//!     n_samples: 4096,
//!     h_x: Information::from_bits(12.0),
//!     h_y: Information::from_bits(0.999),
//!     parts: vec![],
//!     is_chain: true,
//!     layers: vec![],
//!     plane: &plane,
//!     quantities: &[],
//!     training: &[],
//!     schedule: ScheduleData::default(),
//!     failed: vec![],
//!     all_seeds: false,
//!     complete: true,
//!     limit: None,
//!     notes: vec![],
//! };
//! let figures = figure::figures(&data);
//! assert_eq!(figures[0].title, "Information plane – a small run");
//! let Series::Path(path) = &figures[0].panels[0].series[0] else { panic!("a plane shows paths") };
//! assert_eq!((path.layer, path.points[2].epoch, path.points[2].x), (1, 4000, 3.7));
//! ```

pub(crate) mod axis;
mod bottleneck;
mod bounds;
mod calibration;
mod comparison;
mod data;
mod information;
mod layers;
pub(crate) mod learned;
mod limit_curve;
pub(crate) mod measured;
mod model;
mod over_seeds;
pub(crate) mod plane;
pub(crate) mod pool;
mod schedule;
mod shuffled;
pub(crate) mod thinning;
mod training;
mod units;
pub(crate) mod words;

use rayon::prelude::*;

use crate::plane::PlaneGroup;

pub(crate) use bounds::bounds;
pub use comparison::{Arrangement, Comparison, ComparisonError, RunGroup};
pub(crate) use comparison::{ComparedMember, Seeds, listed, names_of};
pub use data::ReportData;
pub use learned::failed_in_words;
pub use limit_curve::LimitCurve;
pub use measured::{ScheduleData, distance_unit, schedule_setting};
pub use model::{
    Axis, AxisScale, Band, BandRange, Bar, BarStyle, Bars, Cell, CellColumn, Cells, Direction, Dots, Figure,
    FigureKind, Grid, Key, LegendEntry, Limit, Line, MarkStyle, Note, NoteCode, NoteKind, Of, Panel, Path,
    PathPoint, Point, Points, Reference, Role, Series, ShownLayer, Spacing, Ticks,
};
pub use pool::pool_figures;

/// Planes of so many rows and more are long.
const LONG: usize = 500_000;

/// The information plane of the first method that has one.
pub fn first_plane(data: &ReportData<'_>) -> Option<Figure> {
    data.plane.groups().iter().find_map(|group| plane::figure(data, group))
}

/// The figures of a run: for every method its information plane, its information over epochs and what its units tell, if that was
/// measured, then the training and
/// the measured epochs. What was not measured or recorded has no figure.
///
/// Figures of several methods are made in parallel, with the same result for any number of threads.
pub fn figures(data: &ReportData<'_>) -> Vec<Figure> {
    let groups = data.plane.groups();
    let (of_groups, others) = rayon::join(
        || {
            let figures = |group: &PlaneGroup<'_>| {
                let of_plane = [plane::figure(data, group), information::figure(data, group)];
                of_plane
                    .into_iter()
                    .flatten()
                    .chain(units::figures(data, group.method))
                    .chain(layers::figures(data, group.method))
                    .collect::<Vec<_>>()
            };
            // The paths of all rows of a method are in memory while its figures are made: of a long run, of one at a time.
            let at_once = if data.plane.len() > LONG { 1 } else { groups.len().max(1) };
            let some = groups.chunks(at_once).map(|some| some.par_iter().map(figures).collect::<Vec<_>>());
            some.flatten().collect::<Vec<_>>()
        },
        || {
            let of_run = [training::figure(data), schedule::figure(data)];
            layers::similarity(data).into_iter().chain(of_run.into_iter().flatten()).collect::<Vec<_>>()
        },
    );
    of_groups.into_iter().flatten().chain(others).collect()
}
