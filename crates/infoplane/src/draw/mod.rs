//! Drawing: from what a figure shows to a scene of lines, shapes and letters, and from that to SVG, PNG and PDF.
//!
//! Small on purpose: a figure is laid out once, in points, and each form draws the same list of marks. The
//! letters come with the library, so a machine without any font gives the same picture.

mod animation;
mod bars;
mod bottleneck;
mod calibration;
mod caption;
mod cells;
mod characters;
mod color;
mod comparison;
mod curves;
mod failed;
mod font;
mod format;
mod frames;
mod information;
mod labels;
mod palette;
mod panel;
mod path;
mod pdf;
mod plane;
mod planes;
mod png;
mod pool;
mod scale;
mod scene;
mod schedule;
mod series;
mod sheet;
mod svg;
mod theme;
mod training;

use crate::figure::{Figure, FigureKind};

pub(crate) use animation::moving_epochs;
pub use animation::{Animation, AnimationError};
pub(crate) use caption::{
    legend_lines, legend_names, note_height, note_lines, shortened_name, shortened_within, write_notes,
    write_title,
};
pub use characters::{Characters, plane_in_characters};
pub(crate) use color::{Color, epoch_color, is_light, layer_color, readable, shade};
pub(crate) use failed::{DOTS, cross};
pub(crate) use font::{Weight, lacking, text_width, wrap};
pub use format::{Format, FormatError, Formats};
pub(crate) use palette::{Palette, palette};
pub(crate) use panel::{Panel, thin};
pub(crate) use path::{color_bar, marker, mean_path, seed_paths};
pub(crate) use scale::Scale;
pub(crate) use scene::{Anchor, Mark, Scene, Text};
pub(crate) use sheet::{Sheet, remark};
pub(crate) use theme::{DASHES, LABEL_SIZE, LEGEND_SIZE, LEGEND_STEP, LIMIT_DASHES};
pub use theme::{Style, StyleError};
pub(crate) use theme::{reason_color, role_color, warning_color};

/// Lays a figure out.
pub(crate) fn scene(figure: &Figure, style: Style) -> Scene {
    let scene = match figure.kind {
        FigureKind::Plane => plane::scene(figure, style, None),
        FigureKind::Information => information::scene(figure, style),
        FigureKind::Training => training::scene(figure, style),
        FigureKind::Schedule => schedule::scene(figure, style),
        FigureKind::Planes => planes::scene(figure, style),
        FigureKind::Comparison => comparison::scene(figure, style),
        FigureKind::Bottleneck => bottleneck::scene(figure, style),
        FigureKind::Calibration => calibration::scene(figure),
        FigureKind::PoolTrend
        | FigureKind::PoolCompression
        | FigureKind::PoolOverlap
        | FigureKind::PoolDrift => pool::scene(figure, style),
        FigureKind::Curves | FigureKind::Difference => curves::scene(figure, style),
        FigureKind::Cells => cells::scene(figure),
    };
    style.finish(scene)
}
