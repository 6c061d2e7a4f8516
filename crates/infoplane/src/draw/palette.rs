//! The colours of figures, for what draws them elsewhere.

use serde::Serialize;

use super::{Color, epoch_color, layer_color, reason_color, theme};
use crate::schedule::Reason;

/// The colours of layers, groups, epochs and reasons, as `#rrggbb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Palette {
    /// Of layers by their place, where there are no more than these.
    layers: Vec<String>,
    /// Of groups by their place.
    groups: Vec<String>,
    /// Even steps from the first epoch to the last.
    epochs: Vec<String>,
    /// Of epochs by the reason why they were measured.
    reasons: Reasons,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Reasons {
    planned: String,
    section: String,
    filling: String,
    witness: String,
    last: String,
}

/// So many layers have colours of their own.
const LAYERS: usize = 12;
const STEPS: usize = 33;

/// The colours of all figures.
pub(crate) fn palette() -> Palette {
    let reason = |reason| hexadecimal(reason_color(reason));
    Palette {
        layers: (0..LAYERS).map(|place| hexadecimal(layer_color(place, LAYERS).0)).collect(),
        groups: theme::GROUPS.into_iter().map(hexadecimal).collect(),
        epochs: (0..STEPS).map(|step| hexadecimal(epoch_color(step as f64 / (STEPS - 1) as f64))).collect(),
        reasons: Reasons {
            planned: reason(Reason::Planned),
            section: reason(Reason::Section),
            filling: reason(Reason::Filling),
            witness: reason(Reason::Witness),
            last: reason(Reason::Last),
        },
    }
}

fn hexadecimal(Color(red, green, blue): Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}
