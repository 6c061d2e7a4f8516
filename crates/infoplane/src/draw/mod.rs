//! Drawing: a scene of lines, shapes and letters, and its three forms, SVG, PNG and PDF.
//!
//! Small on purpose: a figure is laid out once, in points, and each form draws the same list of marks. The
//! letters come with the library, so a machine without any font gives the same picture.

mod color;
mod font;
mod format;
mod panel;
mod pdf;
mod png;
mod scale;
mod scene;
mod svg;

pub(crate) use color::{Color, epoch_color, layer_color};
pub(crate) use font::{Weight, text_width, wrap};
pub use format::{Format, FormatError, Formats};
pub(crate) use panel::{Panel, thin};
pub(crate) use scale::Scale;
pub(crate) use scene::{Anchor, Mark, Scene, Text};
