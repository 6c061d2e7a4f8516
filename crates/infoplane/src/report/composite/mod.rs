//! Figures of several panels, as papers print them: planes side by side, curves side by side, coloured cells.

mod curves;
mod heat;
mod planes;

pub(crate) use curves::{Curve, CurvePanel, CurvesFigure, Dots, LegendEntry};
pub(crate) use heat::{HeatCell, HeatFigure, HeatPanel};
pub(crate) use planes::{PlanePanel, PlanesFigure};
